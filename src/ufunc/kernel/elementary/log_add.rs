//! Logarithms of sums of exponentials: `m + ln(1 + e^-d)`, `m` being the greater operand and `d` how much greater it is.
//!
//! Exponential, logarithm and sum are in two parts, so that the result is right where `m` and the logarithm nearly cancel too.

use super::Binary;
use super::dd::{apart, beyond, fast_two_sum, product, select, two_product, two_sum};
use super::exp::{Exp, Exp2, LN2};
use super::hyperbolic::expm1_parts;
use super::log_parts::ln;
use super::log_polynomial::split;
use super::{single, softplus};

const LOG2_E: (f64, f64) = (std::f64::consts::LOG2_E, 2.0355273740931033e-17);
/// From here on the smaller operand is far below the last place, unless the greater one is about 0.
const FAR: f64 = 700.0;

/// `ln(1 + e^-(d + dl))` in two parts, for `0 <= d <= 700`.
#[inline(always)]
fn ln_1p_exp(d: f64, dl: f64) -> (f64, f64) {
    let (s, p, rest) = expm1_parts(-d);
    let (e, el) = fast_two_sum(s, s * p);
    let el = s.mul_add(rest, el) - e * dl;
    let (u, ul) = two_sum(1.0, e);
    let (k, m) = split(u);
    let low = ul + el;
    // Of numbers from 1 to 2, which is 2^1 times 1 from the root of 2 on.
    ln(k, m - 1.0, select(k > 0.5, 0.5 * low, low))
}

#[inline(always)]
fn far(x: f64, y: f64) -> bool {
    beyond(x - y, FAR)
}

/// What the two functions have in common where something is infinite or not a number, or the operands are far apart.
fn special(x: f64, y: f64, exp: fn(f64) -> f64) -> f64 {
    if x.is_nan() || y.is_nan() {
        x + y
    } else if x == y {
        x // both infinite, with one sign
    } else {
        let (m, n) = (x.max(y), x.min(y));
        if m.is_infinite() { m } else { m + exp(n - m) }
    }
}

/// `ln(e^x + e^y)`. At most 0.8 ulp, or 2^-56 where the two parts of the sum cancel. Hard: NaN, infinities, operands further
/// apart than 700.
#[derive(Clone, Copy, Debug)]
pub struct Logaddexp;

impl Binary for Logaddexp {
    const NAME: &'static str = "logaddexp";

    #[inline(always)]
    fn fast(x: f64, y: f64) -> f64 {
        let (m, d, dl) = apart(x, y);
        let (h, l) = ln_1p_exp(d, dl);
        let (s, sl) = two_sum(m, h);
        s + (sl + l)
    }

    #[inline(always)]
    fn hard(x: f64, y: f64) -> bool {
        far(x, y)
    }

    const QUICK: bool = true;

    #[inline(always)]
    fn quick(x: f64, y: f64) -> f64 {
        softplus::wide::logaddexp(x, y)
    }

    #[inline(always)]
    fn quick_hard(result: f64) -> bool {
        softplus::wide::small(result)
    }

    #[inline(always)]
    fn narrow(x: f32, y: f32) -> f32 {
        softplus::narrow::logaddexp(x, y)
    }

    #[inline(always)]
    fn narrow_hard(result: f32) -> bool {
        softplus::narrow::small(result)
    }

    fn full(x: f64, y: f64) -> f64 {
        let quick = Self::quick(x, y);
        if !Self::quick_hard(quick) {
            return quick;
        }
        if Self::hard(x, y) { special(x, y, <Exp as super::Unary>::full) } else { Self::fast(x, y) }
    }

    #[inline(always)]
    fn single(x: f64, y: f64) -> f64 {
        single::logaddexp(x, y)
    }

    #[inline(always)]
    fn single_hard(x: f64, y: f64) -> bool {
        !(x - y).is_finite()
    }
}

/// `log2(2^x + 2^y)`. At most 0.8 ulp, or 2^-56 where the two parts of the sum cancel. Hard: as [`Logaddexp`].
#[derive(Clone, Copy, Debug)]
pub struct Logaddexp2;

impl Binary for Logaddexp2 {
    const NAME: &'static str = "logaddexp2";

    #[inline(always)]
    fn fast(x: f64, y: f64) -> f64 {
        let (m, d, dl) = apart(x, y);
        let (t, e) = two_product(d, LN2[0]);
        let t_low = d.mul_add(LN2[1], dl.mul_add(LN2[0], e));
        let (h, l) = product(ln_1p_exp(t, t_low), LOG2_E);
        // Of equal operands one more, exactly.
        let (h, l) = (select(d == 0.0, 1.0, h), select(d == 0.0, 0.0, l));
        let (s, sl) = two_sum(m, h);
        s + (sl + l)
    }

    #[inline(always)]
    fn hard(x: f64, y: f64) -> bool {
        far(x, y)
    }

    const QUICK: bool = true;

    #[inline(always)]
    fn quick(x: f64, y: f64) -> f64 {
        softplus::wide::logaddexp2(x, y)
    }

    #[inline(always)]
    fn quick_hard(result: f64) -> bool {
        softplus::wide::small(result)
    }

    #[inline(always)]
    fn narrow(x: f32, y: f32) -> f32 {
        softplus::narrow::logaddexp2(x, y)
    }

    #[inline(always)]
    fn narrow_hard(result: f32) -> bool {
        softplus::narrow::small(result)
    }

    fn full(x: f64, y: f64) -> f64 {
        let quick = Self::quick(x, y);
        if !Self::quick_hard(quick) {
            return quick;
        }
        if Self::hard(x, y) { special(x, y, |d| <Exp2 as super::Unary>::full(d) * LOG2_E.0) } else { Self::fast(x, y) }
    }

    #[inline(always)]
    fn single(x: f64, y: f64) -> f64 {
        single::logaddexp2(x, y)
    }

    #[inline(always)]
    fn single_hard(x: f64, y: f64) -> bool {
        !(x - y).is_finite()
    }
}
