//! Sine, cosine and tangent.
//!
//! The angle is reduced to a quadrant and `|r| <= pi/4` in two parts; both polynomials are evaluated, the quadrant's
//! parity picks one. Done on `|x|`, so that oddness and evenness are exact.

use super::dd::{beyond, fast_two_sum, flip, poly, quotient, select};
use super::reduce::{LIMIT, far, near};
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
