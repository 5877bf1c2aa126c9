//! A logarithm in two parts, right to some 66 bits, and what is made of it: `log2`, `log10`, `ln_1p` (and powers).
//!
//! `ln m = 2 s + s z (2/3 + z T(z))` with `s = (m - 1) / (m + 1)`, `z = s^2`; all but `T` in two parts.

use super::Unary;
use super::dd::{fast_two_sum, poly, product, quotient, select, two_product, two_sum};
use super::log_polynomial::{LN2_SHORT, TWO_54, not_positive_normal, rest, split};
use super::{narrow, single};

const TWO_THIRDS: [f64; 2] = [0.6666666666666666, 3.700743415417188e-17];
pub(super) const LOG2_E: [f64; 2] = [std::f64::consts::LOG2_E, 2.0355273740931033e-17];
/// log10 2 in 42 bits, so that its product with an exponent is exact, and the rest.
const LOG10_2: [f64; 2] = [0.30102999566395283, 2.8363394551044964e-14];
const LOG10_E: [f64; 2] = [std::f64::consts::LOG10_E, 1.098319650216765e-17];

/// The rest of the series behind its first two terms, by `z`.
const T: [f64; 8] = [
    0.3999999999999998,
    0.2857142857144511,
    0.22222222217536733,
    0.18181818870287073,
    0.15384556872567265,
    0.13336317369033654,
    0.11674819342930555,
    0.11989007455815821,
];

/// `ln(1 + f + low)` in two parts, for `sqrt(1/2) <= 1 + f < sqrt(2)`.
#[inline(always)]
fn mantissa(f: f64, low: f64) -> (f64, f64) {
    let (f, low) = fast_two_sum(f, low);
    let (d, dl) = fast_two_sum(2.0, f);
    let s = quotient((f, low), (d, dl + low));
    let (z, ze) = two_product(s.0, s.0);
    let z = (z, (2.0 * s.0).mul_add(s.1, ze));
    let (c, cl) = fast_two_sum(TWO_THIRDS[0], z.0 * poly(z.0, &T));
    let (v, vl) = product(product(s, z), (c, cl + TWO_THIRDS[1]));
    let (h, l) = fast_two_sum(2.0 * s.0, v);
    (h, l + 2.0f64.mul_add(s.1, vl))
}

/// `ln(2^k (1 + f + low))` in two parts.
#[inline(always)]
pub(super) fn ln(k: f64, f: f64, low: f64) -> (f64, f64) {
    let (m, ml) = mantissa(f, low);
    let (h, l) = fast_two_sum(k * LN2_SHORT[0], m);
    fast_two_sum(h, l + k.mul_add(LN2_SHORT[1], ml))
}

/// `k` and `m` of any positive finite number, subnormal ones too.
pub(super) fn split_any(x: f64) -> (f64, f64) {
    if x < f64::MIN_POSITIVE {
        let (k, m) = split(x * TWO_54);
        (k - 54.0, m)
    } else {
        split(x)
    }
}

/// What a logarithm of a number that is not positive, finite and normal is, `finite` being told `k` and `m`.
fn special(x: f64, finite: fn(f64, f64) -> f64) -> f64 {
    if x == 0.0 {
        f64::NEG_INFINITY
    } else if x < 0.0 {
        f64::NAN
    } else if x < f64::MIN_POSITIVE {
        let (k, m) = split_any(x);
        finite(k, m)
    } else {
        x + x // infinity, or a NaN
    }
}

/// `ln(1 + f)` times a constant in two parts, in two parts: right to some 56 bits, which is enough before a sum.
#[inline(always)]
fn scaled(f: f64, (c, cl): (f64, f64)) -> (f64, f64) {
    let (w, wl) = fast_two_sum(f, rest(f));
    let (p, e) = two_product(w, c);
    (p, wl.mul_add(c, w.mul_add(cl, e)))
}

#[inline(always)]
fn log2(k: f64, m: f64) -> f64 {
    let (p, pl) = scaled(m - 1.0, (LOG2_E[0], LOG2_E[1]));
    let (h, l) = fast_two_sum(k, p);
    h + (l + pl)
}

#[inline(always)]
fn log10(k: f64, m: f64) -> f64 {
    let (p, pl) = scaled(m - 1.0, (LOG10_E[0], LOG10_E[1]));
    let (h, l) = fast_two_sum(k * LOG10_2[0], p);
    h + (l + k.mul_add(LOG10_2[1], pl))
}

/// The logarithm to base 2. At most 0.75 ulp; exact for powers of 2. Hard: what is not positive, finite and normal.
#[derive(Clone, Copy, Debug)]
pub struct Log2;

impl Unary for Log2 {
    const NAME: &'static str = "log2";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        let (k, m) = split(x);
        log2(k, m)
    }

    #[inline(always)]
    fn hard(x: f64) -> bool {
        not_positive_normal(x)
    }

    fn full(x: f64) -> f64 {
        if Self::hard(x) { special(x, log2) } else { Self::fast(x) }
    }

    #[inline(always)]
    fn single(x: f64) -> f64 {
        single::log2(x)
    }

    const NARROW: bool = true;

    #[inline(always)]
    fn narrow(x: f32) -> f32 {
        narrow::log2(x)
    }

    #[inline(always)]
    fn narrow_hard(x: f32) -> bool {
        narrow::not_positive_normal(x)
    }
}

/// The logarithm to base 10. At most 0.6 ulp; exact for powers of 10. Hard: what is not positive, finite and normal.
#[derive(Clone, Copy, Debug)]
pub struct Log10;

impl Unary for Log10 {
    const NAME: &'static str = "log10";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        let (k, m) = split(x);
        log10(k, m)
    }

    #[inline(always)]
    fn hard(x: f64) -> bool {
        not_positive_normal(x)
    }

    fn full(x: f64) -> f64 {
        if Self::hard(x) { special(x, log10) } else { Self::fast(x) }
    }

    #[inline(always)]
    fn single(x: f64) -> f64 {
        single::log10(x)
    }

    const NARROW: bool = true;

    #[inline(always)]
    fn narrow(x: f32) -> f32 {
        narrow::log10(x)
    }

    #[inline(always)]
    fn narrow_hard(x: f32) -> bool {
        narrow::not_positive_normal(x)
    }
}

/// `ln(1 + x)`. At most 0.75 ulp. Hard: -1 and below, NaN, infinity, and where squares underflow.
#[derive(Clone, Copy, Debug)]
pub struct Ln1p;

impl Unary for Ln1p {
    const NAME: &'static str = "ln_1p";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        let (u, ul) = two_sum(1.0, x);
        let (k, m) = split(u);
        // The error of 1 + x, scaled as m is: from 2^60 on it does not count, and the scale would leave its range; where the
        // sum is about 1, x itself is what is needed.
        let unscale = f64::from_bits((1023.0 - k + TWO_52).to_bits() << 52);
        let near = k == 0.0;
        let f = select(near, x, m - 1.0);
        let low = select(near || k >= 60.0, 0.0, ul * unscale);
        let (h, l) = fast_two_sum(k * LN2_SHORT[0], f);
        (h + (l + k.mul_add(LN2_SHORT[1], rest(f) + (-f).mul_add(low, low)))).copysign(x)
    }

    #[inline(always)]
    fn hard(x: f64) -> bool {
        !(x > -1.0 && x < f64::INFINITY) || (x.abs() < TINY && x != 0.0)
    }

    fn full(x: f64) -> f64 {
        if !Self::hard(x) {
            Self::fast(x)
        } else if x.is_nan() || x == f64::INFINITY {
            x + x
        } else if x.abs() < TINY {
            x
        } else if x == -1.0 {
            f64::NEG_INFINITY
        } else {
            f64::NAN
        }
    }

    #[inline(always)]
    fn single(x: f64) -> f64 {
        single::ln_1p(x)
    }

    const NARROW: bool = true;

    #[inline(always)]
    fn narrow(x: f32) -> f32 {
        narrow::ln_1p(x)
    }

    #[inline(always)]
    fn narrow_hard(x: f32) -> bool {
        narrow::ln_1p_hard(x)
    }
}

/// `ln(1 + f + low)` for `f > -1/2` and no greater than 2^50, `low` being less than an ulp or so of it.
pub(in crate::kernel) fn ln_1p_parts(f: f64, low: f64) -> f64 {
    let (u, ul) = two_sum(1.0, f);
    let (k, m) = split(u);
    let unscale = f64::from_bits((1023.0 - k + TWO_52).to_bits() << 52);
    let (h, l) = ln(k, m - 1.0, (ul + low) * unscale);
    h + l
}

/// `2^52`, whose last bit is worth 1.
const TWO_52: f64 = 4_503_599_627_370_496.0;
/// Below this `ln(1 + x)` is `x`, and the remainders of divisions would be subnormal.
const TINY: f64 = 1e-290;
