//! Exact sums and products in two `f64`, and polynomials: what the functions are put together from.

use std::ops::{Add, Neg, Sub};

/// `1.5 * 2^52`: a number of moderate size plus this is rounded to an integer, which the low bits then hold in two's
/// complement. (Vector instruction sets before AVX-512 have no conversion between `f64` and `i64`.)
pub(super) const MAGIC: f64 = 6_755_399_441_055_744.0;

/// [`MAGIC`] and the bias, so that a rounded exponent is a biased one.
pub(super) const SHIFT: f64 = MAGIC + 1023.0;

/// `2^n`, where `t` is `n` plus [`SHIFT`].
#[inline(always)]
pub(super) fn power(t: f64) -> f64 {
    f64::from_bits(t.to_bits() << 52)
}

/// A float of either size.
pub(in crate::kernel) trait Sum:
    Copy + Add<Output = Self> + Sub<Output = Self> + Neg<Output = Self> + PartialOrd
{
}
impl Sum for f32 {}
impl Sum for f64 {}

/// `a + b` rounded, and the error of it. Needs `|a| >= |b|`, or that `a` is 0.
#[inline(always)]
pub(in crate::kernel) fn fast_two_sum<T: Sum>(a: T, b: T) -> (T, T) {
    let s = a + b;
    (s, (a - s) + b)
}

/// `c[0] + c[1] x + ...`, even and odd terms apart, which halves the length of the dependent chain. Needs `N >= 2`.
#[inline(always)]
pub(super) fn poly<const N: usize>(x: f64, c: &[f64; N]) -> f64 {
    let xx = x * x;
    let mut i = N - 2;
    let (mut b, mut a) = (c[i], c[i + 1]); // the sums that stand at x^i and x^(i+1)
    while i >= 2 {
        a = a.mul_add(xx, c[i - 1]);
        b = b.mul_add(xx, c[i - 2]);
        i -= 2;
    }
    if i == 1 { b.mul_add(x, a.mul_add(xx, c[0])) } else { a.mul_add(x, b) }
}

/// `if c { x } else { y }`, in a form that becomes a blend.
#[inline(always)]
pub(super) fn select<T>(c: bool, x: T, y: T) -> T {
    if c { x } else { y }
}

/// Whether `x` is greater in magnitude than `limit`, or NaN.
#[inline(always)]
pub(super) fn beyond(x: f64, limit: f64) -> bool {
    x.abs() > limit || x.is_nan()
}

/// The sign of `s` on the magnitude `m` (whose own sign is flipped, not replaced).
#[inline(always)]
pub(super) fn flip(m: f64, s: u64) -> f64 {
    f64::from_bits(m.to_bits() ^ s)
}

/// `a + b` rounded, and the error of it, for any two.
#[inline(always)]
pub(in crate::kernel) fn two_sum<T: Sum>(a: T, b: T) -> (T, T) {
    let s = a + b;
    let t = s - a;
    (s, (a - (s - t)) + (b - t))
}

/// The greater of two numbers, and how much greater it is, in two parts.
#[inline(always)]
pub(super) fn apart<T: Sum>(x: T, y: T) -> (T, T, T) {
    let (m, n) = (select(x > y, x, y), select(x > y, y, x));
    let (d, dl) = two_sum(m, -n);
    (m, d, dl)
}

/// `a * b` rounded, and the error of it.
#[inline(always)]
pub(in crate::kernel) fn two_product(a: f64, b: f64) -> (f64, f64) {
    let p = a * b;
    (p, a.mul_add(b, -p))
}

/// The product of two numbers of two parts each, not normalised.
#[inline(always)]
pub(in crate::kernel) fn product((a, al): (f64, f64), (b, bl): (f64, f64)) -> (f64, f64) {
    let (p, e) = two_product(a, b);
    (p, a.mul_add(bl, al.mul_add(b, e)))
}

/// The quotient of two numbers of two parts each: the quotient rounded, and the rest.
#[inline(always)]
pub(in crate::kernel) fn quotient((a, al): (f64, f64), (b, bl): (f64, f64)) -> (f64, f64) {
    let inverse = 1.0 / b;
    let q = a * inverse;
    let remainder = (-q).mul_add(bl, (-q).mul_add(b, a) + al);
    (q, remainder * inverse)
}
