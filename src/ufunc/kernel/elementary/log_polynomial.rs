//! The exponent, the significand and the polynomial of natural logarithms.
//!
//! `x = 2^k m` with `sqrt(1/2) <= m < sqrt(2)`, `f = m - 1` exactly, `s = f / (2 + f)`; then
//! `ln m = f - (f^2/2 - s (f^2/2 + s^2 R(s^2)))`, where the last part is small, and the sum `k ln 2 + f` is kept exactly in two parts.

use super::dd::{fast_two_sum, poly};

/// ln 2 in 42 bits, so that its product with an exponent is exact, and the rest.
pub(super) const LN2_SHORT: [f64; 2] = [0.6931471805598903, 5.497923018708371e-14];

/// `(ln((1 + s) / (1 - s)) - 2 s) / (s z)` by `z = s^2`, for `m` as above.
const R: [f64; 7] = [
    0.6666666666666734,
    0.39999999999414293,
    0.28571428742478955,
    0.2222219856317434,
    0.18183564881717693,
    0.15314035423302436,
    0.14796110091754433,
];

/// The bits of 1 less those of `sqrt(1/2)`: added, they move the border of the exponent to where we want it.
const BORDER: u64 = 0x3ff0_0000_0000_0000 - ROOT;
const ROOT: u64 = 0x3fe6_a09e_667f_3bcd;

/// The exponent `k` and `m` of a positive normal number `2^k m` with `sqrt(1/2) <= m < sqrt(2)`.
#[inline(always)]
pub(super) fn split(x: f64) -> (f64, f64) {
    let u = x.to_bits().wrapping_add(BORDER);
    let k = f64::from_bits((u >> 52) | 0x4330_0000_0000_0000) - (4_503_599_627_370_496.0 + 1023.0);
    (k, f64::from_bits((u & 0x000f_ffff_ffff_ffff) + ROOT))
}

/// Whether `x` is other than positive, finite and normal.
#[inline(always)]
pub(super) fn not_positive_normal(x: f64) -> bool {
    !(f64::MIN_POSITIVE..f64::INFINITY).contains(&x)
}

/// `ln(2^k m)`, `k` an exponent and `m` as [`split`] gives it.
#[inline(always)]
pub(super) fn ln_parts(k: f64, m: f64) -> f64 {
    ln_near(k, m - 1.0)
}

/// `ln(2^k (1 + f))`, `k` an exponent and `1 + f` between the roots of 1/2 and 2.
#[inline(always)]
pub(super) fn ln_near(k: f64, f: f64) -> f64 {
    let s = f / (2.0 + f);
    let z = s * s;
    let half = 0.5 * f;
    let (h, l) = fast_two_sum(k * LN2_SHORT[0], f);
    let inner = half.mul_add(f, z * poly(z, &R));
    let tail = s.mul_add(inner, k.mul_add(LN2_SHORT[1], l));
    h + (-half).mul_add(f, tail)
}

/// `ln(1 + f) - f`, `1 + f` between the roots of 1/2 and 2.
#[inline(always)]
pub(super) fn rest(f: f64) -> f64 {
    let s = f / (2.0 + f);
    let z = s * s;
    let half = 0.5 * f;
    (-half).mul_add(f, s * half.mul_add(f, z * poly(z, &R)))
}

/// Makes a subnormal number normal.
pub(super) const TWO_54: f64 = 18_014_398_509_481_984.0;
