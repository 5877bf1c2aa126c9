//! Sine, cosine and tangent.
//!
//! The angle is reduced to a quadrant and `|r| <= pi/4` in two parts; both polynomials are evaluated, the quadrant's
//! parity picks one. Done on `|x|`, so that oddness and evenness are exact.

use super::dd::{beyond, fast_two_sum, flip, poly, product, quotient, select, two_sum};
use super::reduce::{LIMIT, far, near, times_ln2};
use super::{SIGN, Unary};
use super::{narrow, single};

/// `(sin r - r) / r^3` by `r^2`.
const S: [f64; 6] = [
    -0.16666666666666632,
    0.008333333333322415,
    -0.0001984126982980798,
    2.7557313691937977e-06,
    -2.505075811541566e-08,
    1.5896795581605703e-10,
];

/// `(cos r - 1 + r^2/2) / r^4` by `r^2`.
const C: [f64; 6] = [
    0.0416666666666666,
    -0.0013888888888874125,
    2.4801587289482035e-05,
    -2.7557314352277083e-07,
    2.0875723264407054e-09,
    -1.1359647299908761e-11,
];

/// `sin(r + low) - r` for `|r| <= pi/4`.
#[inline(always)]
pub(super) fn sin_tail(r: f64, low: f64) -> f64 {
    let z = r * r;
    z.mul_add(r.mul_add(poly(z, &S), -0.5 * low), low)
}

/// `cos(r + low)` for `|r| <= pi/4`, as a number near it and the rest.
#[inline(always)]
pub(super) fn cos_parts(r: f64, low: f64) -> (f64, f64) {
    let z = r * r;
    let half = -0.5 * r;
    let h = half.mul_add(r, 1.0);
    let l = half.mul_add(r, 1.0 - h);
    (h, (z * z).mul_add(poly(z, &C), (-r).mul_add(low, l)))
}

/// The sine, or the cosine where `shift` is 1, of a reduced angle. Its sign is to be flipped by `sign`.
#[inline(always)]
fn finish((quadrant, r, low): (u64, f64, f64), shift: u64, sign: u64) -> f64 {
    let quadrant = quadrant.wrapping_add(shift);
    let sine = r + sin_tail(r, low);
    let (h, l) = cos_parts(r, low);
    flip(select(quadrant & 1 == 0, sine, h + l), sign ^ (quadrant & 2) << 62)
}

/// Sine and cosine of a reduced angle in two parts each, right to some 2^-57 of them. The sine's sign is to be flipped by `sign`.
pub(in crate::kernel) fn both_parts((quadrant, r, low): (u64, f64, f64), sign: u64) -> [(f64, f64); 2] {
    let sine = fast_two_sum(r, sin_tail(r, low));
    let (h, l) = cos_parts(r, low);
    let cosine = fast_two_sum(h, l);
    let (sine, cosine) = if quadrant & 1 == 0 { (sine, cosine) } else { (cosine, sine) };
    let flipped = |(h, l): (f64, f64), s| (flip(h, s), flip(l, s));
    [flipped(sine, sign ^ (quadrant & 2) << 62), flipped(cosine, (quadrant.wrapping_add(1) & 2) << 62)]
}

/// Sine and cosine of a finite angle in two parts each.
pub(in crate::kernel) fn sine_cosine(x: f64) -> [(f64, f64); 2] {
    both_parts(reduced(x.abs()), x.to_bits() & SIGN)
}

/// A finite angle that is not negative, reduced.
fn reduced(x: f64) -> (u64, f64, f64) {
    if x > LIMIT { far(x) } else { near(x) }
}

/// Sine and cosine of an angle in two parts, as great as it may be.
pub(in crate::kernel) fn sine_cosine_of((x, low): (f64, f64)) -> [(f64, f64); 2] {
    let low = low * 1f64.copysign(x);
    let (n, r, rl) = reduced(x.abs());
    let (m, s, sl) = if low.abs() < 0.5 {
        (0, low, 0.0)
    } else {
        let (m, s, sl) = reduced(low.abs());
        if low < 0.0 { (m.wrapping_neg(), -s, -sl) } else { (m, s, sl) }
    };
    let (h, l) = two_sum(r, s);
    let l = l + (rl + sl);
    // Each is at most half a quadrant.
    let over = if h.abs() > std::f64::consts::FRAC_PI_4 { 1f64.copysign(h) } else { 0.0 };
    let (h, e) = two_sum(h, -over * std::f64::consts::FRAC_PI_2);
    let (h, l) = fast_two_sum(h, over.mul_add(-PIO2_REST, e + l));
    both_parts((n.wrapping_add(m).wrapping_add(over as i64 as u64), h, l), x.to_bits() & SIGN)
}

/// Sine and cosine of the angle `k x ln 2`, for `1 <= |k| <= 2000`.
pub(in crate::kernel) fn multiple_of_ln2(k: i32, x: f64) -> [(f64, f64); 2] {
    let (quadrant, r, low) = times_ln2(x.abs());
    let sign = (x.to_bits() & SIGN) ^ u64::from(k < 0) << 63;
    let k = k.unsigned_abs();
    if k == 1 {
        return both_parts((quadrant, r, low), sign);
    }
    let (h, l) = product((r, low), (f64::from(k), 0.0));
    let (n, s, tail) = near(h.abs());
    let (n, s, tail) = if h < 0.0 { (n.wrapping_neg(), -s, -tail) } else { (n, s, tail) };
    let (s, tail) = fast_two_sum(s, tail + l);
    both_parts((quadrant.wrapping_mul(u64::from(k)).wrapping_add(n), s, tail), sign)
}

/// What pi/2 lacks as an `f64`.
const PIO2_REST: f64 = 6.123233995736766e-17;

/// The sine. At most 0.8 ulp. Hard: NaN, infinities and angles beyond 2^30.
#[derive(Clone, Copy, Debug)]
pub struct Sin;

impl Unary for Sin {
    const NAME: &'static str = "sin";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        finish(near(x.abs()), 0, x.to_bits() & SIGN)
    }

    #[inline(always)]
    fn hard(x: f64) -> bool {
        beyond(x, LIMIT)
    }

    fn full(x: f64) -> f64 {
        if !Self::hard(x) {
            Self::fast(x)
        } else if x.is_finite() {
            finish(far(x.abs()), 0, x.to_bits() & SIGN)
        } else {
            not_an_angle(x)
        }
    }

    #[inline(always)]
    fn single(x: f64) -> f64 {
        single::sin(x)
    }

    const NARROW: bool = true;

    #[inline(always)]
    fn narrow(x: f32) -> f32 {
        narrow::sin(x)
    }

    #[inline(always)]
    fn narrow_hard(x: f32) -> bool {
        narrow::far(x)
    }
}

/// The cosine. At most 0.8 ulp. Hard: NaN, infinities and angles beyond 2^30.
#[derive(Clone, Copy, Debug)]
pub struct Cos;

impl Unary for Cos {
    const NAME: &'static str = "cos";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        finish(near(x.abs()), 1, 0)
    }

    #[inline(always)]
    fn hard(x: f64) -> bool {
        beyond(x, LIMIT)
    }

    fn full(x: f64) -> f64 {
        if !Self::hard(x) {
            Self::fast(x)
        } else if x.is_finite() {
            finish(far(x.abs()), 1, 0)
        } else {
            not_an_angle(x)
        }
    }

    #[inline(always)]
    fn single(x: f64) -> f64 {
        single::cos(x)
    }

    const NARROW: bool = true;

    #[inline(always)]
    fn narrow(x: f32) -> f32 {
        narrow::cos(x)
    }

    #[inline(always)]
    fn narrow_hard(x: f32) -> bool {
        narrow::far(x)
    }
}

/// What a trigonometric function of an infinity (an invalid operation) or a NaN (itself) is.
pub(super) fn not_an_angle(x: f64) -> f64 {
    if x.is_nan() { x + x } else { f64::NAN }
}

/// The tangent of a reduced angle, the quotient of the two others in two parts. Its sign is to be flipped by `sign`.
#[inline(always)]
fn tangent((quadrant, r, low): (u64, f64, f64), sign: u64) -> f64 {
    let sine = fast_two_sum(r, sin_tail(r, low));
    let (h, l) = cos_parts(r, low);
    let cosine = fast_two_sum(h, l);
    let even = quadrant & 1 == 0;
    let top = (select(even, sine.0, cosine.0), select(even, sine.1, cosine.1));
    let bottom = (select(even, cosine.0, sine.0), select(even, cosine.1, sine.1));
    let (q, ql) = quotient(top, bottom);
    flip(q + ql, sign ^ quadrant << 63)
}

/// The tangent. At most 0.85 ulp. Hard: NaN, infinities and angles beyond 2^30.
#[derive(Clone, Copy, Debug)]
pub struct Tan;

impl Unary for Tan {
    const NAME: &'static str = "tan";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        tangent(near(x.abs()), x.to_bits() & SIGN)
    }

    #[inline(always)]
    fn hard(x: f64) -> bool {
        beyond(x, LIMIT)
    }

    fn full(x: f64) -> f64 {
        if !Self::hard(x) {
            Self::fast(x)
        } else if x.is_finite() {
            tangent(far(x.abs()), x.to_bits() & SIGN)
        } else {
            not_an_angle(x)
        }
    }

    #[inline(always)]
    fn single(x: f64) -> f64 {
        single::tan(x)
    }
}
