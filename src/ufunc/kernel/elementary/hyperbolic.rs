//! The hyperbolic functions, and `e^x - 1`.
//!
//! With `F = 1 - e^(-2|x|)` in two parts, `tanh |x| = F / (2 - F)`; the quotient's remainder is computed exactly and
//! put back.

use super::Unary;
use super::dd::{SHIFT, beyond, fast_two_sum, poly, power, quotient, select, two_sum};
use super::exp::{Exp, LN2, LOG2_E, half_exp};
use super::single;

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
    (power(t), p, rest)
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
        let low = n * (0.5 * LN2[1]);
        let r = r1 + low;
        let (p, rest) = fast_two_sum(r1, (r * r).mul_add(poly(r, &HALF), low));
        let s = power(t);
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

    #[inline(always)]
    fn single(x: f64) -> f64 {
        single::tanh(x)
    }
}

/// `e^x - 1` in two parts, for `-708 <= x <= 708`.
#[inline(always)]
fn expm1(x: f64) -> (f64, f64) {
    let (s, p, rest) = expm1_parts(x);
    let (e, el) = two_sum(s, -1.0);
    let (h, l) = fast_two_sum(e, s * p);
    (h, s.mul_add(rest, l + el))
}

/// `e^x - 1` in two parts for every `x <= 708`, right to some 2^-55 of it.
pub(in crate::kernel) fn expm1_two(x: f64) -> (f64, f64) {
    expm1(select(x < -50.0, -50.0, x)) // -1 to 2^-72
}

/// The hyperbolic sine and cosine in two parts each, for `|x| <= 708`, right to some 2^-55 of them.
pub(in crate::kernel) fn sinh_cosh(x: f64) -> [(f64, f64); 2] {
    // With E = e^|x| - 1 and D = E + 1: (E + E / D) / 2 and (D + 1 / D) / 2.
    let (e, el) = expm1(x.abs());
    let (d, dl) = two_sum(e, 1.0);
    let d = (d, dl + el);
    let (q, ql) = quotient((e, el), d);
    let (h, l) = fast_two_sum(e, q);
    let (h, l) = fast_two_sum(h, l + (el + ql));
    let (i, il) = quotient((1.0, 0.0), d);
    let (c, cl) = fast_two_sum(d.0, i);
    let (c, cl) = fast_two_sum(c, cl + (d.1 + il));
    let sign = 0.5f64.copysign(x);
    [(h * sign, l * sign), (c * 0.5, cl * 0.5)]
}

/// Beyond this, `e^x` is not computed by its parts.
const LARGE: f64 = 708.0;

/// `e^x - 1`. At most 0.9 ulp. Hard: NaN and what is greater than 708.
#[derive(Clone, Copy, Debug)]
pub struct ExpM1;

impl Unary for ExpM1 {
    const NAME: &'static str = "exp_m1";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        let (h, l) = expm1(select(x < -50.0, -50.0, x)); // -1, to the last bit
        (h + l).copysign(x)
    }

    #[inline(always)]
    fn hard(x: f64) -> bool {
        x > LARGE || x.is_nan()
    }

    fn full(x: f64) -> f64 {
        if Self::hard(x) { Exp::full(x) } else { Self::fast(x) }
    }

    #[inline(always)]
    fn single(x: f64) -> f64 {
        single::exp_m1(x)
    }

    #[inline(always)]
    fn single_hard(_: f64) -> bool {
        false
    }
}

/// The hyperbolic sine. At most 0.8 ulp. Hard: NaN and magnitudes beyond 708.
#[derive(Clone, Copy, Debug)]
pub struct Sinh;

impl Unary for Sinh {
    const NAME: &'static str = "sinh";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        // (E + E / (E + 1)) / 2 with E = e^|x| - 1
        let (e, el) = expm1(x.abs());
        let (d, dl) = two_sum(e, 1.0);
        let (q, ql) = quotient((e, el), (d, dl + el));
        let (h, l) = fast_two_sum(e, q);
        (0.5 * (h + (l + (el + ql)))).copysign(x)
    }

    #[inline(always)]
    fn hard(x: f64) -> bool {
        beyond(x, LARGE)
    }

    fn full(x: f64) -> f64 {
        if Self::hard(x) { half_exp(x.abs()).copysign(x) } else { Self::fast(x) }
    }

    #[inline(always)]
    fn single(x: f64) -> f64 {
        single::sinh(x)
    }

    #[inline(always)]
    fn single_hard(_: f64) -> bool {
        false
    }
}

/// The hyperbolic cosine. At most 0.8 ulp. Hard: NaN and magnitudes beyond 708.
#[derive(Clone, Copy, Debug)]
pub struct Cosh;

impl Unary for Cosh {
    const NAME: &'static str = "cosh";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        let (s, p, rest) = expm1_parts(x.abs());
        let (e, l) = fast_two_sum(s, s * p);
        let l = s.mul_add(rest, l);
        let inverse = 1.0 / e;
        let (h, hl) = fast_two_sum(e, inverse);
        0.5 * (h + (hl + (-l * inverse).mul_add(inverse, l)))
    }

    #[inline(always)]
    fn hard(x: f64) -> bool {
        beyond(x, LARGE)
    }

    fn full(x: f64) -> f64 {
        if Self::hard(x) { half_exp(x.abs()) } else { Self::fast(x) }
    }

    #[inline(always)]
    fn single(x: f64) -> f64 {
        single::cosh(x)
    }

    #[inline(always)]
    fn single_hard(_: f64) -> bool {
        false
    }
}
