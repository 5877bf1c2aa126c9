//! The hyperbolic tangent.
//!
//! With `F = 1 - e^(-2|x|)` in two parts, `tanh |x| = F / (2 - F)`; the quotient's remainder is computed exactly and
//! put back.

use super::Unary;
use super::dd::{MAGIC, fast_two_sum, poly, select};
use super::exp::{LN2, LOG2_E};

/// `(e^r - 1 - r) / r^2` for `|r| <= ln 2 / 2`, to 2^-61.7 of `e^r - 1`.
const Q: [f64; 11] = [
    0.5,
    0.16666666666666677,
    0.04166666666666651,
    0.008333333333321691,
    0.0013888888888962405,
    0.00019841269885965667,
    2.4801587172464423e-05,
    2.7557244374455874e-06,
    2.755740270461556e-07,
    2.5108978786099137e-08,
    2.0875312056645333e-09,
];

/// `((1 - e^(-2r)) / 2 - r) / r^2` for `|r| <= ln 2 / 4`, to 2^-61 of `r`.
const HALF: [f64; 11] = [
    -1.0,
    0.6666666666666671,
    -0.3333333333333336,
    0.13333333333314584,
    -0.0444444444443738,
    0.012698412727143027,
    -0.003174603182157271,
    0.0007054654509916861,
    -0.00014109308272614404,
    2.5711662894673857e-05,
    -4.2853283909092765e-06,
];

/// The bias, so that a rounded exponent is a biased one.
const SHIFT: f64 = MAGIC + 1023.0;

/// `e^x = 2^n (1 + p)` as `(2^n, p, rest of p)`, for `-708 <= x <= 708`.
#[inline(always)]
pub(super) fn expm1_parts(x: f64) -> (f64, f64, f64) {
    let t = x.mul_add(LOG2_E, SHIFT);
    let n = t - SHIFT;
    let r1 = (-n).mul_add(LN2[0], x);
    let r = (-n).mul_add(LN2[1], r1);
    let low = (-n).mul_add(LN2[1], r1 - r);
    let tail = (r * r).mul_add(poly(r, &Q), r.mul_add(low, low));
    let (p, rest) = fast_two_sum(r, tail);
    (f64::from_bits(t.to_bits() << 52), p, rest)
}

/// The hyperbolic tangent. At most 0.8 ulp. Nothing is hard.
#[derive(Clone, Copy, Debug)]
pub struct Tanh;

impl Unary for Tanh {
    const NAME: &'static str = "tanh";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        let a = x.abs();
        let a = select(a > 22.0, 22.0, a); // 1, to the last bit; a NaN goes through
        // e^(-2a) = 2^n e^(-2r)
        let t = a.mul_add(-2.0 * LOG2_E, SHIFT);
        let n = t - SHIFT;
        let r1 = n.mul_add(0.5 * LN2[0], a);
        let r = n.mul_add(0.5 * LN2[1], r1);
        let low = n.mul_add(0.5 * LN2[1], r1 - r);
        let (p, rest) = fast_two_sum(r, (r * r).mul_add(poly(r, &HALF), low));
        let s = f64::from_bits(t.to_bits() << 52);
        let twice = s + s;
        let (f, fl) = fast_two_sum(1.0, -s);
        let (h, l) = fast_two_sum(f, twice * p);
        let l = twice.mul_add(rest, l + fl);
        let (d, dl) = fast_two_sum(2.0, -h);
        let inverse = 1.0 / d;
        let q = h * inverse;
        let remainder = (-q).mul_add(d, h) + l;
        let y = inverse.mul_add((-q).mul_add(dl - l, remainder), q);
        y.copysign(x)
    }

    #[inline(always)]
    fn hard(_: f64) -> bool {
        false
    }

    fn full(x: f64) -> f64 {
        Self::fast(x)
    }
}
