//! The functions of an `f32`, computed in `f64` with no more terms than that takes: to some 2^-28 of the value, so that one
//! rounding to `f32` gives it within 0.57 ulp.
//!
//! An `f32` has no value whose square, reciprocal or sum with 1 would leave the range of `f64`, and its exponent can be
//! carried out of a result in one step: much of what the functions of `f64` have to take care of cannot happen.

use super::dd::{MAGIC, SHIFT, flip, poly, power, select};
use super::exp::LOG2_E;
use super::log_polynomial::{ln_parts, split};
use std::f64::consts::{FRAC_PI_2, LN_2, PI};

/// `(e^r - 1 - r) / r^2` for `|r| <= ln 2 / 2`, to 2^-28.3 of `e^r`.
const EXP: [f64; 5] =
    [0.4999999344092124, 0.1666652062260596, 0.041668389260096396, 0.008368717895024535, 0.0013814547643106485];

/// The same, to 2^-32 of `e^r - 1`.
const EXP_M1: [f64; 6] = [
    0.5000000044158688,
    0.16666666370243935,
    0.041666360917803666,
    0.008333389402668454,
    0.001394062739272891,
    0.0001984586538087074,
];

/// `(cosh r - 1) / r^2` by `r^2`, for `|r| <= ln 2 / 2`.
const COSH: [f64; 3] = [0.5000000079116007, 0.04166626710862587, 0.001394622888977867];

/// `(sinh r - r) / r^3` by `r^2`, for `|r| <= ln 2 / 2`.
const SINH: [f64; 3] = [0.16666666754526718, 0.008333288958441173, 0.0001990495929602191];

/// `(ln(1 + f) - f) / f^2` for `sqrt(1/2) <= 1 + f < sqrt(2)`, to 2^-30.4 of the logarithm.
const LN_1P: [f64; 10] = [
    -0.49999999753165353,
    0.33333310805293503,
    -0.2500002572866618,
    0.20002220518947003,
    -0.1666768902164334,
    0.14217669144200631,
    -0.12407322101147268,
    0.11901029703600025,
    -0.11676209940318526,
    0.06725099236280968,
];

/// `(sin r - r) / r^3` by `r^2`, for `|r| <= pi/4`.
const SIN: [f64; 3] = [-0.1666665493946491, 0.008332177775111898, -0.00019517241030291035];

/// `(cos r - 1) / r^2` by `r^2`, for `|r| <= pi/4`.
const COS: [f64; 4] = [-0.4999999972491575, 0.04166662330130721, -0.0013886763037166195, 2.439037695877057e-05];

/// `(asin(x) / x - 1) / x^2` by `x^2`, up to 1/4.
const ASIN: [f64; 6] = [
    0.16666659852894933,
    0.075005121722409,
    0.044515461137733844,
    0.03181990960363873,
    0.014393451753923057,
    0.03757865942011395,
];

/// `(atan(x) / x - 1) / x^2` by `x^2`, up to 1.
const ATAN: [f64; 10] = [
    -0.333333274281093,
    0.19999692390867177,
    -0.14280127511790483,
    0.1106022122443982,
    -0.088187530312503,
    0.0675933747522314,
    -0.04494289486696264,
    0.022757112198652542,
    -0.00742101999901505,
    0.0011345352215833633,
];

/// [`SHIFT`] for half of a power.
const HALF_SHIFT: f64 = MAGIC + 1022.0;
/// What is left of pi/2 behind the first `f64`.
const PIO2_REST: f64 = 6.123233995736766e-17;
const LOG10_2: f64 = std::f64::consts::LOG10_2;
const LOG10_E: f64 = std::f64::consts::LOG10_E;

/// `x`, but no less than `least` and no more than `most`; NaN stays.
#[inline(always)]
fn clamp(x: f64, least: f64, most: f64) -> f64 {
    let x = select(x > most, most, x);
    select(x < least, least, x)
}

/// `2^n e^r`, where `t` is `n` plus the bias and [`MAGIC`].
#[inline(always)]
fn exp_of(r: f64, t: f64) -> f64 {
    let y = (r * r).mul_add(poly(r, &EXP), 1.0 + r);
    y * power(t)
}

/// `e^x`, for every `x` that a product of two `f32` may be.
#[inline(always)]
pub(super) fn exp(x: f64) -> f64 {
    // Beyond these the result is 0 or infinite as an `f32`.
    let x = clamp(x, -110.0, 90.0);
    let t = x.mul_add(LOG2_E, SHIFT);
    exp_of((-(t - SHIFT)).mul_add(LN_2, x), t)
}

#[inline(always)]
pub(super) fn exp2(x: f64) -> f64 {
    let x = clamp(x, -160.0, 130.0);
    let t = x + SHIFT;
    exp_of((x - (t - SHIFT)) * LN_2, t)
}

#[inline(always)]
pub(super) fn exp_m1(x: f64) -> f64 {
    let a = clamp(x, -25.0, 90.0);
    let t = a.mul_add(LOG2_E, SHIFT);
    let r = (-(t - SHIFT)).mul_add(LN_2, a);
    let p = (r * r).mul_add(poly(r, &EXP_M1), r);
    let s = power(t);
    s.mul_add(p, s - 1.0).copysign(x)
}

/// The hyperbolic sine and cosine of `0 <= a`, which grow no more from 100 on.
#[inline(always)]
fn hyperbolic(a: f64) -> (f64, f64) {
    let a = select(a > 100.0, 100.0, a);
    let t = a.mul_add(LOG2_E, HALF_SHIFT);
    let r = (-(t - HALF_SHIFT)).mul_add(LN_2, a);
    let z = r * r;
    let cosh = z.mul_add(poly(z, &COSH), 1.0);
    let sinh = (r * z).mul_add(poly(z, &SINH), r);
    // 2^n / 2 and 2^-n / 2
    let (up, down) = (power(t), f64::from_bits(2044u64.wrapping_sub(t.to_bits()) << 52));
    let (less, more) = (up - down, up + down);
    (less.mul_add(cosh, more * sinh), more.mul_add(cosh, less * sinh))
}

#[inline(always)]
pub(super) fn sinh(x: f64) -> f64 {
    hyperbolic(x.abs()).0.copysign(x)
}

#[inline(always)]
pub(super) fn cosh(x: f64) -> f64 {
    hyperbolic(x.abs()).1
}

#[inline(always)]
pub(super) fn tanh(x: f64) -> f64 {
    let (sinh, cosh) = hyperbolic(x.abs());
    (sinh / cosh).copysign(x)
}

/// `ln(1 + f)` for `sqrt(1/2) <= 1 + f < sqrt(2)`.
#[inline(always)]
fn ln_of(f: f64) -> f64 {
    (f * f).mul_add(poly(f, &LN_1P), f)
}

/// `ln(1 + f)`, for `f > -1`.
#[inline(always)]
fn ln_1p_of(f: f64) -> f64 {
    let (k, m) = split(1.0 + f);
    // What the sum has lost counts where it is about 1.
    k.mul_add(LN_2, ln_of(select(k == 0.0, f, m - 1.0)))
}

#[inline(always)]
pub(super) fn ln(x: f64) -> f64 {
    let (k, m) = split(x);
    k.mul_add(LN_2, ln_of(m - 1.0))
}

#[inline(always)]
pub(super) fn log2(x: f64) -> f64 {
    let (k, m) = split(x);
    ln_of(m - 1.0).mul_add(LOG2_E, k)
}

#[inline(always)]
pub(super) fn log10(x: f64) -> f64 {
    let (k, m) = split(x);
    k.mul_add(LOG10_2, LOG10_E * ln_of(m - 1.0))
}

#[inline(always)]
pub(super) fn ln_1p(x: f64) -> f64 {
    ln_1p_of(x).copysign(x)
}

#[inline(always)]
pub(super) fn asinh(x: f64) -> f64 {
    // ln(1 + a + a^2 / (1 + sqrt(1 + a^2)))
    let a = x.abs();
    let square = a * a;
    ln_1p_of(a + square / (1.0 + (1.0 + square).sqrt())).copysign(x)
}

#[inline(always)]
pub(super) fn acosh(x: f64) -> f64 {
    // ln(1 + t + sqrt(t (t + 2))) with t = x - 1
    let t = x - 1.0;
    ln_1p_of(t + (t * (x + 1.0)).sqrt())
}

#[inline(always)]
pub(super) fn atanh(x: f64) -> f64 {
    // ln(1 + 2a / (1 - a)) / 2
    let a = x.abs();
    (0.5 * ln_1p_of((a + a) / (1.0 - a))).copysign(x)
}

/// The quadrant in the lowest two bits, and sine and cosine within it, of `0 <= a <= 2^30`.
#[inline(always)]
fn circular(a: f64) -> (u64, f64, f64) {
    let t = a.mul_add(std::f64::consts::FRAC_2_PI, MAGIC);
    let n = t - MAGIC;
    let r = (-n).mul_add(PIO2_REST, (-n).mul_add(FRAC_PI_2, a));
    let z = r * r;
    (t.to_bits(), (r * z).mul_add(poly(z, &SIN), r), z.mul_add(poly(z, &COS), 1.0))
}

#[inline(always)]
pub(super) fn sin(x: f64) -> f64 {
    let (quadrant, sine, cosine) = circular(x.abs());
    flip(select(quadrant & 1 == 0, sine, cosine), x.to_bits() & super::SIGN ^ (quadrant & 2) << 62)
}

#[inline(always)]
pub(super) fn cos(x: f64) -> f64 {
    let (quadrant, sine, cosine) = circular(x.abs());
    flip(select(quadrant & 1 == 0, cosine, sine), (quadrant.wrapping_add(1) & 2) << 62)
}

#[inline(always)]
pub(super) fn tan(x: f64) -> f64 {
    let (quadrant, sine, cosine) = circular(x.abs());
    let even = quadrant & 1 == 0;
    let (top, bottom) = (select(even, sine, cosine), select(even, cosine, sine));
    flip(top / bottom, x.to_bits() & super::SIGN ^ quadrant << 63)
}

/// For `0 <= a <= 1`: whether `a > 1/2`, and then `asin(sqrt((1 - a) / 2))`, else `asin(a)`.
#[inline(always)]
fn asin_part(a: f64) -> (bool, f64) {
    let great = a > 0.5;
    let z = select(great, 0.5f64.mul_add(-a, 0.5), a * a);
    let s = select(great, z.sqrt(), a);
    (great, (s * z).mul_add(poly(z, &ASIN), s))
}

#[inline(always)]
pub(super) fn asin(x: f64) -> f64 {
    let (great, p) = asin_part(x.abs());
    select(great, (-2.0f64).mul_add(p, FRAC_PI_2), p).copysign(x)
}

#[inline(always)]
pub(super) fn acos(x: f64) -> f64 {
    let (great, p) = asin_part(x.abs());
    let twice = p + p;
    let beyond = select(x < 0.0, PI - twice, twice);
    select(great, beyond, FRAC_PI_2 - p.copysign(x))
}

/// The angle of the point with the coordinates `x` and `y`, which are not negative, and not both 0 or infinite.
#[inline(always)]
fn angle(y: f64, x: f64) -> f64 {
    let steep = y > x;
    let q = select(steep, x, y) / select(steep, y, x);
    let z = q * q;
    let p = (q * z).mul_add(poly(z, &ATAN), q);
    select(steep, FRAC_PI_2 - p, p)
}

#[inline(always)]
pub(super) fn atan(x: f64) -> f64 {
    angle(x.abs(), 1.0).copysign(x)
}

#[inline(always)]
pub(super) fn atan2(y: f64, x: f64) -> f64 {
    let p = angle(y.abs(), x.abs());
    select(x.is_sign_negative(), PI - p, p).copysign(y)
}

#[inline(always)]
pub(super) fn hypot(x: f64, y: f64) -> f64 {
    let (x, y) = (x.abs(), y.abs());
    let (a, b) = (select(x > y, x, y), select(x > y, y, x));
    a.mul_add(a, b * b).sqrt()
}

/// `x^y`, for `x > 0`.
#[inline(always)]
pub(super) fn powf(x: f64, y: f64) -> f64 {
    let (k, m) = split(x);
    // The logarithm of any number but 1 is at least 2^-25, so that a greater exponent changes nothing.
    exp(clamp(y, -1e20, 1e20) * ln_parts(k, m))
}

/// `ln(e^x + e^y)`, the sum to some 2^-52 of its greater part: what is left where its two parts cancel.
#[inline(always)]
pub(super) fn logaddexp(x: f64, y: f64) -> f64 {
    let m = select(x > y, x, y);
    m + ln_1p_exp(clamp(-(x - y).abs(), -700.0, 0.0))
}

/// `log2(2^x + 2^y)`, as [`logaddexp`].
#[inline(always)]
pub(super) fn logaddexp2(x: f64, y: f64) -> f64 {
    let m = select(x > y, x, y);
    let d = clamp(-(x - y).abs(), -1000.0, 0.0);
    // Of equal operands one more, exactly.
    m + select(d == 0.0, 1.0, LOG2_E * ln_1p_exp(d * LN_2))
}

/// `ln(1 + e^d)` for `-700 <= d <= 0`, in all the places of an `f64` but the last.
#[inline(always)]
fn ln_1p_exp(d: f64) -> f64 {
    let e = super::exp::exp_parts(d, -0.0);
    let (k, m) = split(1.0 + e);
    // Up to the root of 2 the sum is not taken apart, beyond it what it lost does not count.
    super::log_polynomial::ln_near(k, select(k == 0.0, e, m - 1.0))
}

/// The cube root.
#[inline(always)]
pub(super) fn cbrt(x: f64) -> f64 {
    let a = x.abs();
    let mut r = super::cbrt::start(a);
    // Four terms of the series of (1 - e)^(-1/3), then three.
    let e = (-a * r).mul_add(r * r, 1.0);
    r = (r * e).mul_add(e.mul_add(e.mul_add(14.0 / 81.0, 2.0 / 9.0), 1.0 / 3.0), r);
    let e = (-a * r).mul_add(r * r, 1.0);
    r = (r * e).mul_add(e.mul_add(2.0 / 9.0, 1.0 / 3.0), r);
    (a * r * r).copysign(x)
}
