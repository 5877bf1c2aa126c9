//! The exponential functions `exp` and `exp2`.
//!
//! `x = n ln 2 + r` with `|r| <= ln 2 / 2`, where the first product is exact under the fused subtraction; then
//! `e^r = (1 + r) + r^2 Q(r)`, with the sum `1 + r` kept exactly in two parts; then a scaling by `2^n` in two steps,
//! so that it overflows to infinity and underflows through the subnormal numbers as it should.

use super::Unary;
use super::dd::{MAGIC, fast_two_sum, poly, product, select, two_product};
use super::{narrow, single};

pub(super) const LOG2_E: f64 = std::f64::consts::LOG2_E;
/// ln 2 as the sum of two `f64`.
pub(super) const LN2: [f64; 2] = [std::f64::consts::LN_2, 2.3190468138462996e-17];

/// `(e^r - 1 - r) / r^2` for `|r| <= ln 2 / 2`, to 2^-57.9 of `e^r`.
pub(super) const Q: [f64; 10] = [
    0.5000000000000011,
    0.16666666666666413,
    0.04166666666653016,
    0.008333333333494555,
    0.0013888888943629745,
    0.00019841269506377436,
    2.480149309891094e-05,
    2.7557586548670366e-06,
    2.7630248485211643e-07,
    2.500000833243082e-08,
];

/// Twice the bias, so that half of the shifted exponent is a biased one.
const SHIFT: f64 = MAGIC + 2046.0;

/// `y * 2^n`, where `t = n + SHIFT` rounded to an integer and `-1077 <= n <= 1025`. One rounding, when the result is subnormal.
#[inline(always)]
fn scale(y: f64, t: f64) -> f64 {
    let twice = t.to_bits().wrapping_sub(MAGIC.to_bits()); // n + 2046
    let half = twice >> 1;
    let rest = twice.wrapping_sub(half);
    y * f64::from_bits(half << 52) * f64::from_bits(rest << 52)
}

/// `e^(x + low)`, `low` being less than an ulp or so of `x`, for every `x`.
#[inline(always)]
pub(super) fn exp_parts(x: f64, low: f64) -> f64 {
    // Beyond these the result is 0 or infinite anyhow; a NaN fails both comparisons and goes through.
    let x = select(x > 710.0, 710.0, x);
    let x = select(x < -746.0, -746.0, x);
    let (h, l, t) = unscaled(x, low);
    scale(h + l, t)
}

/// `e^(x + low)` as `(h + l) 2^n`, for `|x| <= 3000`, and `t = n + SHIFT`.
#[inline(always)]
fn unscaled(x: f64, low: f64) -> (f64, f64, f64) {
    let t = x.mul_add(LOG2_E, SHIFT);
    let n = t - SHIFT;
    let r = (-n).mul_add(LN2[0], x);
    let low = n * -LN2[1] + low;
    let s = r + low;
    let (h, l) = fast_two_sum(1.0, r);
    (h, (s * s).mul_add(poly(s, &Q), l + low), t)
}

/// A positive number as `(h + l) 2^n`, whose exponent may be far outside of the range of `f64`.
#[derive(Clone, Copy)]
pub(in crate::kernel) struct Scaled {
    /// The significand, between some 0.7 and 1.5, in two parts that are right to some 2^-57 of it.
    significand: (f64, f64),
    exponent: i32,
}

impl Scaled {
    /// `e^(x + low)`, `low` being less than an ulp or so of `x`. Exponents from which on every product with a sine or cosine is 0 or
    /// infinite are as good as greater ones.
    pub(in crate::kernel) fn exp(x: f64, low: f64) -> Scaled {
        let inside = x.clamp(-800.0, 1500.0);
        let (h, l, t) = unscaled(inside, if inside == x { low } else { 0.0 });
        Scaled { significand: fast_two_sum(h, l), exponent: (t - SHIFT) as i32 }
    }

    /// `2^(x + low)`, the same.
    pub(in crate::kernel) fn exp2(x: f64, low: f64) -> Scaled {
        let inside = x.clamp(-1150.0, 2150.0);
        let low = if inside == x { low } else { 0.0 };
        let t = inside + SHIFT;
        let f = inside - (t - SHIFT); // exact
        let (r, e) = two_product(f, LN2[0]);
        let low = f.mul_add(LN2[1], low.mul_add(LN2[0], e));
        let (h, l) = fast_two_sum(1.0, r);
        let s = r + low;
        let tail = (s * s).mul_add(poly(s, &Q), l + low);
        Scaled { significand: fast_two_sum(h, tail), exponent: (t - SHIFT) as i32 }
    }

    /// The same number times `2^n`.
    pub(in crate::kernel) fn times_power(self, n: i32) -> Scaled {
        Scaled { exponent: self.exponent + n, ..self }
    }

    /// The product with a number of magnitude 1 or less in two parts, rounded. It is infinite, subnormal or 0 where the product is, and
    /// not where the number alone, or this, would be.
    pub(in crate::kernel) fn times(self, (h, l): (f64, f64)) -> f64 {
        // A tiny factor is made larger before its product is rounded, and a result smaller after that.
        let first = self.exponent.clamp(0, 1020);
        let (up, rest) = (power_of_two(first), self.exponent - first);
        let (p, e) = product(self.significand, (h * up, l * up));
        let half = rest / 2;
        (p + e) * power_of_two(half) * power_of_two(rest - half)
    }
}

/// `2^n` for `-1022 <= n <= 1023`.
fn power_of_two(n: i32) -> f64 {
    f64::from_bits(((1023 + n) as u64) << 52)
}

/// `e^x`. At most 0.8 ulp. Nothing is hard.
#[derive(Clone, Copy, Debug)]
pub struct Exp;

impl Unary for Exp {
    const NAME: &'static str = "exp";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        exp_parts(x, -0.0) // adding -0.0 is no operation at all, which the compiler knows
    }

    #[inline(always)]
    fn hard(_: f64) -> bool {
        false
    }

    fn full(x: f64) -> f64 {
        Self::fast(x)
    }

    #[inline(always)]
    fn single(x: f64) -> f64 {
        single::exp(x)
    }

    const NARROW: bool = true;

    #[inline(always)]
    fn narrow(x: f32) -> f32 {
        narrow::exp(x)
    }

    #[inline(always)]
    fn narrow_hard(x: f32) -> bool {
        narrow::exp_hard(x)
    }
}

/// `e^x / 2`, for the hyperbolic functions of great numbers: `x` may be a little beyond the end of the range of `e^x`.
pub(super) fn half_exp(x: f64) -> f64 {
    let x = select(x > 800.0, 800.0, x); // infinite, as beyond it
    let (h, l) = fast_two_sum(x, -LN2[0]);
    exp_parts(h, l - LN2[1])
}

/// `2^x`. At most 0.8 ulp; exact for integers. Nothing is hard.
#[derive(Clone, Copy, Debug)]
pub struct Exp2;

impl Unary for Exp2 {
    const NAME: &'static str = "exp2";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        let x = select(x > 1025.0, 1025.0, x);
        let x = select(x < -1077.0, -1077.0, x);
        let t = x + SHIFT;
        let f = x - (t - SHIFT); // exact
        let (r, e) = two_product(f, LN2[0]);
        let low = f.mul_add(LN2[1], e);
        let (h, l) = fast_two_sum(1.0, r);
        scale(h + (r * r).mul_add(poly(r, &Q), l + low), t)
    }

    #[inline(always)]
    fn hard(_: f64) -> bool {
        false
    }

    fn full(x: f64) -> f64 {
        Self::fast(x)
    }

    #[inline(always)]
    fn single(x: f64) -> f64 {
        single::exp2(x)
    }

    const NARROW: bool = true;

    #[inline(always)]
    fn narrow(x: f32) -> f32 {
        narrow::exp2(x)
    }

    #[inline(always)]
    fn narrow_hard(x: f32) -> bool {
        narrow::exp2_hard(x)
    }
}
