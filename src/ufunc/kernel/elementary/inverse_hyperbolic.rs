//! The inverse hyperbolic functions: logarithms of arguments in two parts.

use super::Unary;
use super::dd::{beyond, fast_two_sum, product, quotient, select, two_product, two_sum};
use super::log_parts::ln;
use super::log_polynomial::split;
use super::single;

/// Below this two terms of the series are exact enough.
const SMALL: f64 = 1.490_116_119_384_765_6e-8; // 2^-26
/// Beyond this squares could overflow, and the function is `ln 2x`.
const LARGE: f64 = 1e150;

/// `ln(u + low)` for `u >= 1`, `low` being less than an ulp or so of it.
#[inline(always)]
fn ln_of(u: f64, low: f64) -> f64 {
    let (k, m) = split(u);
    let unscale = f64::from_bits((1023.0 - k + 4_503_599_627_370_496.0).to_bits() << 52);
    let (h, l) = ln(k, m - 1.0, low * unscale);
    h + l
}

/// `ln(2 x)` of a great number.
fn ln_twice(x: f64) -> f64 {
    let (k, m) = split(x);
    let (h, l) = ln(k + 1.0, m - 1.0, 0.0);
    h + l
}

/// The square root of a number in two parts, not negative; in two parts.
#[inline(always)]
fn root((p, pl): (f64, f64)) -> (f64, f64) {
    let s = p.sqrt();
    let lacks = (-s).mul_add(s, p) + pl;
    (s, lacks / select(s == 0.0, 1.0, s + s))
}

/// The inverse hyperbolic sine. At most 0.7 ulp. Hard: NaN and magnitudes beyond 1e150.
#[derive(Clone, Copy, Debug)]
pub struct Asinh;

impl Unary for Asinh {
    const NAME: &'static str = "asinh";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        let a = x.abs();
        // ln(1 + a + a^2 / (1 + sqrt(1 + a^2)))
        let (aa, al) = two_product(a, a);
        let (t, tl) = two_sum(1.0, aa);
        let (s, sl) = root((t, tl + al));
        let (d, dl) = two_sum(1.0, s);
        let (q, ql) = quotient((aa, al), (d, dl + sl));
        let (f, fl) = two_sum(a, q);
        let (u, ul) = two_sum(1.0, f);
        let great = ln_of(u, ul + (fl + ql));
        let small = (-aa * a).mul_add(1.0 / 6.0, a);
        select(a < SMALL, small, great).copysign(x)
    }

    #[inline(always)]
    fn hard(x: f64) -> bool {
        beyond(x, LARGE)
    }

    fn full(x: f64) -> f64 {
        if !Self::hard(x) {
            Self::fast(x)
        } else if x.is_finite() {
            ln_twice(x.abs()).copysign(x)
        } else {
            x + x
        }
    }

    #[inline(always)]
    fn single(x: f64) -> f64 {
        single::asinh(x)
    }
}

/// The inverse hyperbolic cosine. At most 0.7 ulp. Hard: what is less than 1 or beyond 1e150, and NaN.
#[derive(Clone, Copy, Debug)]
pub struct Acosh;

impl Unary for Acosh {
    const NAME: &'static str = "acosh";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        // ln(x + sqrt((x - 1) (x + 1)))
        let (p, pl) = product(two_sum(x, -1.0), two_sum(x, 1.0));
        let (s, sl) = root(fast_two_sum(p, pl));
        let (u, ul) = two_sum(x, s);
        ln_of(u, ul + sl)
    }

    #[inline(always)]
    fn hard(x: f64) -> bool {
        !(1.0..=LARGE).contains(&x)
    }

    fn full(x: f64) -> f64 {
        if !Self::hard(x) {
            Self::fast(x)
        } else if x < 1.0 {
            f64::NAN
        } else if x.is_finite() {
            ln_twice(x)
        } else {
            x + x
        }
    }

    #[inline(always)]
    fn single(x: f64) -> f64 {
        single::acosh(x)
    }
}

/// The inverse hyperbolic tangent. At most 0.7 ulp. Hard: NaN and magnitudes of 1 and beyond.
#[derive(Clone, Copy, Debug)]
pub struct Atanh;

impl Unary for Atanh {
    const NAME: &'static str = "atanh";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        let a = x.abs();
        // ln(1 + 2a / (1 - a)) / 2
        let (q, ql) = quotient((a + a, 0.0), two_sum(1.0, -a));
        let (u, ul) = two_sum(1.0, q);
        let great = 0.5 * ln_of(u, ul + ql);
        let small = (a * a * a).mul_add(1.0 / 3.0, a);
        select(a < SMALL, small, great).copysign(x)
    }

    #[inline(always)]
    fn hard(x: f64) -> bool {
        x.is_nan() || x.abs() >= 1.0
    }

    fn full(x: f64) -> f64 {
        if !Self::hard(x) {
            Self::fast(x)
        } else if x.abs() == 1.0 {
            f64::INFINITY.copysign(x)
        } else if x.is_nan() {
            x + x
        } else {
            f64::NAN
        }
    }

    #[inline(always)]
    fn single(x: f64) -> f64 {
        single::atanh(x)
    }
}
