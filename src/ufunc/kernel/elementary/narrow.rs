//! Functions of an `f32` in `f32` alone, twice as many lanes in a vector as `f64` has: where an argument is of moderate size, within 1
//! ulp. What is rounded on the way and would count is carried in a second `f32`.

use super::dd::{fast_two_sum, select, two_sum};
use std::f32::consts::{FRAC_2_PI, LN_2, LOG2_E};

/// `(e^r - 1 - r) / r^2` for `|r| <= ln 2 / 2`.
pub(super) const EXP: [f32; 5] = [0.49999994, 0.16666521, 0.04166839, 0.0083687175, 0.0013814548];

/// `(ln(1 + f) - f + f^2/2) / f^3` for `sqrt(1/2) <= 1 + f < sqrt(2)`.
const LN_1P: [f32; 9] =
    [0.3333331, -0.25000027, 0.2000222, -0.1666769, 0.14217669, -0.12407322, 0.1190103, -0.1167621, 0.06725099];

/// `(sin r - r) / r^3` by `r^2`, for `|r| <= pi/4`.
const SIN: [f32; 3] = [-0.16666655, 0.008332178, -0.00019517241];

/// `(cos r - 1 + r^2/2) / r^4` by `r^2`, for `|r| <= pi/4`.
const COS: [f32; 3] = [0.041666623, -0.0013886763, 2.4390378e-05];

/// `1.5 * 2^23`: a number of moderate size plus this is rounded to an integer, which the low bits then hold.
const MAGIC: f32 = 12_582_912.0;
/// The bias, so that a rounded exponent is a biased one.
pub(super) const SHIFT: f32 = MAGIC + 127.0;
/// ln 2 and log10 2 in 15 bits, so that their products with an exponent are exact, and the rest.
pub(super) const LN2: [f32; 2] = [0.693_145_75, 1.428_606_8e-6];
const LOG10_2: [f32; 2] = [0.301_025_4, 4.605_039e-6];
pub(super) const LN_2_REST: f32 = -1.904_654_2e-9;
pub(super) const LOG2_E_REST: f32 = 1.925_963e-8;
const LOG10_E: [f32; 2] = [std::f32::consts::LOG10_E, -1.010_305e-8];
/// pi/2 as the sum of three `f32`.
const PIO2: [f32; 3] = [std::f32::consts::FRAC_PI_2, -4.371_139e-8, -1.715_124_5e-15];
const SIGN: u32 = 1 << 31;

/// `c[0] + c[1] x + ...`
#[inline(always)]
pub(super) fn poly<const N: usize>(x: f32, c: &[f32; N]) -> f32 {
    let mut sum = c[N - 1];
    let mut i = N - 1;
    while i > 0 {
        i -= 1;
        sum = sum.mul_add(x, c[i]);
    }
    sum
}

/// `2^n`, where `t` is `n` plus the bias and [`MAGIC`].
#[inline(always)]
pub(super) fn power(t: f32) -> f32 {
    f32::from_bits(t.to_bits() << 23)
}

/// `e^x`; right where [`exp_hard`] is false.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let t = x.mul_add(LOG2_E, SHIFT);
    let n = t - SHIFT;
    let r1 = (-n).mul_add(LN2[0], x); // exact
    let r = (-n).mul_add(LN2[1], r1);
    let low = (-n).mul_add(LN2[1], r1 - r);
    let (h, l) = fast_two_sum(1.0, r);
    (h + (r * r).mul_add(poly(r, &EXP), l + low)) * power(t)
}

/// Whether the result may be infinite or subnormal.
#[inline(always)]
pub(super) fn exp_hard(x: f32) -> bool {
    x.abs() > 87.0 || x.is_nan()
}

/// `2^x`; right where [`exp2_hard`] is false.
#[inline(always)]
pub(super) fn exp2(x: f32) -> f32 {
    let t = x + SHIFT;
    let f = x - (t - SHIFT); // exact
    let r = f * LN_2;
    let low = f.mul_add(LN_2_REST, f.mul_add(LN_2, -r));
    let (h, l) = fast_two_sum(1.0, r);
    (h + (r * r).mul_add(poly(r, &EXP), l + low)) * power(t)
}

/// Whether the result may be infinite or subnormal.
#[inline(always)]
pub(super) fn exp2_hard(x: f32) -> bool {
    x.abs() > 125.0 || x.is_nan()
}

/// The bits of 1 less those of `sqrt(1/2)`: added, they move the border of the exponent to where we want it.
const BORDER: u32 = 0x3f80_0000 - ROOT;
const ROOT: u32 = 0x3f35_04f3;

/// The exponent `k` and `m` of a positive normal number `2^k m` with `sqrt(1/2) <= m < sqrt(2)`.
#[inline(always)]
fn split(x: f32) -> (f32, f32) {
    let u = x.to_bits().wrapping_add(BORDER);
    let k = f32::from_bits((u >> 23) | 0x4b00_0000) - (8_388_608.0 + 127.0);
    (k, f32::from_bits((u & 0x007f_ffff) + ROOT))
}

/// `ln(1 + f) - f`, for `1 + f` as above.
#[inline(always)]
fn ln_rest(f: f32) -> f32 {
    (-0.5 * f).mul_add(f, (f * f) * f * poly(f, &LN_1P))
}

/// `ln x`, for positive, finite and normal numbers.
#[inline(always)]
pub(super) fn ln(x: f32) -> f32 {
    let (k, m) = split(x);
    let f = m - 1.0;
    let (h, l) = fast_two_sum(k * LN2[0], f);
    h + (l + k.mul_add(LN2[1], ln_rest(f)))
}

/// `ln(1 + f)` times a constant in two parts, in two parts.
#[inline(always)]
fn scaled(f: f32, (c, rest): (f32, f32)) -> (f32, f32) {
    let (w, wl) = fast_two_sum(f, ln_rest(f));
    let p = w * c;
    (p, wl.mul_add(c, w.mul_add(rest, w.mul_add(c, -p))))
}

/// `log2 x`, for positive, finite and normal numbers.
#[inline(always)]
pub(super) fn log2(x: f32) -> f32 {
    let (k, m) = split(x);
    let (p, pl) = scaled(m - 1.0, (LOG2_E, LOG2_E_REST));
    let (h, l) = fast_two_sum(k, p);
    h + (l + pl)
}

/// `log10 x`, for positive, finite and normal numbers.
#[inline(always)]
pub(super) fn log10(x: f32) -> f32 {
    let (k, m) = split(x);
    let (p, pl) = scaled(m - 1.0, (LOG10_E[0], LOG10_E[1]));
    let (h, l) = fast_two_sum(k * LOG10_2[0], p);
    h + (l + k.mul_add(LOG10_2[1], pl))
}

/// Whether `x` is other than positive, finite and normal.
#[inline(always)]
pub(super) fn not_positive_normal(x: f32) -> bool {
    !(f32::MIN_POSITIVE..f32::INFINITY).contains(&x)
}

/// `ln(1 + x)`; right where [`ln_1p_hard`] is false.
#[inline(always)]
pub(super) fn ln_1p(x: f32) -> f32 {
    let (u, ul) = two_sum(1.0, x);
    let (k, m) = split(u);
    let near = k == 0.0;
    // What the sum has lost, scaled as m is; where the sum is about 1, x itself is what is needed.
    let f = select(near, x, m - 1.0);
    let fl = select(near, 0.0, ul * f32::from_bits((127.0 - k + 8_388_608.0).to_bits() << 23));
    let (h, l) = fast_two_sum(k * LN2[0], f);
    (h + (l + k.mul_add(LN2[1], ln_rest(f) + (-f).mul_add(fl, fl)))).copysign(x)
}

/// Whether `x` is below where the sum has lost most of what the result needs, or too great, or NaN.
#[inline(always)]
pub(super) fn ln_1p_hard(x: f32) -> bool {
    !(x > -0.29 && x < 1e36)
}

/// The quadrant in the lowest two bits, and sine and cosine within it, of `0 <= a <= 65,536`.
#[inline(always)]
fn circular(a: f32) -> (u32, f32, f32) {
    let t = a.mul_add(FRAC_2_PI, MAGIC);
    let n = t - MAGIC;
    let r1 = (-n).mul_add(PIO2[0], a); // exact: a multiple of 2^-23 below 1
    let w = n * PIO2[1];
    let (r, e) = two_sum(r1, -w);
    let low = e - n.mul_add(PIO2[2], n.mul_add(PIO2[1], -w));
    let z = r * r;
    let sine = r + (r * z).mul_add(poly(z, &SIN), low);
    let half = -0.5 * r;
    let h = half.mul_add(r, 1.0);
    let l = half.mul_add(r, 1.0 - h);
    let cosine = h + (z * z).mul_add(poly(z, &COS), (-r).mul_add(low, l));
    (t.to_bits(), sine, cosine)
}

/// `sin x`; right where [`far`] is false.
#[inline(always)]
pub(super) fn sin(x: f32) -> f32 {
    let (quadrant, sine, cosine) = circular(x.abs());
    let value = select(quadrant & 1 == 0, sine, cosine);
    f32::from_bits(value.to_bits() ^ (x.to_bits() & SIGN ^ (quadrant & 2) << 30))
}

/// `cos x`; right where [`far`] is false.
#[inline(always)]
pub(super) fn cos(x: f32) -> f32 {
    let (quadrant, sine, cosine) = circular(x.abs());
    let value = select(quadrant & 1 == 0, cosine, sine);
    f32::from_bits(value.to_bits() ^ (quadrant.wrapping_add(1) & 2) << 30)
}

/// Whether `x` is an angle that takes more digits of pi, or none.
#[inline(always)]
pub(super) fn far(x: f32) -> bool {
    x.abs() > 65_536.0 || x.is_nan()
}
