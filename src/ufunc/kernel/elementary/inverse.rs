//! The inverse trigonometric functions.
//!
//! `asin x` is a series up to 1/2, and `pi/2 - 2 asin(sqrt((1 - x) / 2))` above, the root in two parts. `atan(y / x)` is
//! brought below `tan(pi/8)` by taking 0, `pi/4` or `pi/2` out before the one division, whose quotient has two parts.

use super::dd::{beyond, fast_two_sum, poly, quotient, select, two_sum};
use super::single;
use super::{Binary, Unary};

const PIO2: [f64; 2] = [std::f64::consts::FRAC_PI_2, 6.123233995736766e-17];

/// `(asin(x) / x - 1) / x^2` by `x^2`, up to 1/4.
const ASIN: [f64; 13] = [
    0.16666666666666763,
    0.07499999999970089,
    0.04464285717529326,
    0.030381942674984185,
    0.02237221591313743,
    0.017351595386141516,
    0.013981019741881534,
    0.011397284270190025,
    0.010789365271062902,
    0.0036720343086412946,
    0.021790982041282374,
    -0.021117155713830695,
    0.032702415407953246,
];

/// `(atan(x) / x - 1) / x^2` by `x^2`, for x up to tan(pi/8).
const ATAN: [f64; 11] = [
    -0.333333333333332,
    0.19999999999954035,
    -0.14285714280243653,
    0.11111110785887741,
    -0.09090897829042656,
    0.07692061501554696,
    -0.06663118800612464,
    0.05847997099903147,
    -0.050397909994851255,
    0.03807690542090504,
    -0.017920697482050215,
];

/// For `0 <= a <= 1`: whether `a > 1/2`, and then `asin(sqrt((1 - a) / 2))`, else `asin(a)`, in two parts.
#[inline(always)]
fn asin_parts(a: f64) -> (bool, f64, f64) {
    let great = a > 0.5;
    let z = select(great, 0.5 * (1.0 - a), a * a);
    let s = select(great, z.sqrt(), a);
    // What the root lacks. (Where the root is 0, so is what it lacks.)
    let low = (-s).mul_add(s, z) / select(s == 0.0, 1.0, s + s);
    (great, s, (s * z).mul_add(poly(z, &ASIN), select(great, low, 0.0)))
}

/// The inverse sine. At most 0.7 ulp. Hard: NaN, and what is greater than 1.
#[derive(Clone, Copy, Debug)]
pub struct Asin;

impl Unary for Asin {
    const NAME: &'static str = "asin";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        let (great, s, tail) = asin_parts(x.abs());
        let (h, l) = fast_two_sum(PIO2[0], -2.0 * s);
        let above = h + (-2.0f64).mul_add(tail, l + PIO2[1]);
        select(great, above, s + tail).copysign(x)
    }

    #[inline(always)]
    fn hard(x: f64) -> bool {
        beyond(x, 1.0)
    }

    fn full(x: f64) -> f64 {
        if Self::hard(x) { none(x) } else { Self::fast(x) }
    }

    #[inline(always)]
    fn single(x: f64) -> f64 {
        single::asin(x)
    }
}

/// The inverse cosine. At most 0.7 ulp. Hard: NaN, and what is greater than 1.
#[derive(Clone, Copy, Debug)]
pub struct Acos;

impl Unary for Acos {
    const NAME: &'static str = "acos";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        let (great, s, tail) = asin_parts(x.abs());
        // base - t, with t = asin x or 2 asin(root), or for great positive x the latter itself.
        let t = select(great, -2.0 * s, s.copysign(x));
        let tl = select(great, -2.0 * tail, tail.copysign(x));
        let negative = x < 0.0;
        let (t, tl) = (select(great && negative, -t, t), select(great && negative, -tl, tl));
        let base = select(great, select(negative, 2.0 * PIO2[0], 0.0), PIO2[0]);
        let rest = select(great, select(negative, 2.0 * PIO2[1], 0.0), PIO2[1]);
        let (h, l) = fast_two_sum(base, -t);
        h + (l + (rest - tl))
    }

    #[inline(always)]
    fn hard(x: f64) -> bool {
        beyond(x, 1.0)
    }

    fn full(x: f64) -> f64 {
        if Self::hard(x) { none(x) } else { Self::fast(x) }
    }

    #[inline(always)]
    fn single(x: f64) -> f64 {
        single::acos(x)
    }
}

/// What an inverse sine or cosine that there is none of is.
fn none(x: f64) -> f64 {
    if x.is_nan() { x + x } else { f64::NAN }
}

/// `atan(y / x)` in two parts, for positive numbers, one of which may be 0.
#[inline(always)]
fn angle(y: f64, x: f64) -> (f64, f64) {
    let steep = y > 2.414213562373095 * x;
    let flat = y <= 0.41421356237309503 * x;
    let (d, dl) = two_sum(y, -x);
    let (s, sl) = two_sum(y, x);
    let top = (select(steep, -x, select(flat, y, d)), select(steep || flat, 0.0, dl));
    let bottom = (select(steep, y, select(flat, x, s)), select(steep || flat, 0.0, sl));
    let base = select(steep, PIO2[0], select(flat, 0.0, 0.5 * PIO2[0]));
    let rest = select(steep, PIO2[1], select(flat, 0.0, 0.5 * PIO2[1]));
    let (q, ql) = quotient(top, bottom);
    let z = q * q;
    let (h, l) = fast_two_sum(base, q);
    let tail = (q * z).mul_add(poly(z, &ATAN), (-ql).mul_add(z, ql));
    (h, l + (rest + tail))
}

/// The inverse tangent. At most 0.7 ulp. Nothing is hard.
#[derive(Clone, Copy, Debug)]
pub struct Atan;

impl Unary for Atan {
    const NAME: &'static str = "atan";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        let a = x.abs();
        let a = select(a > 1e20, 1e20, a); // pi/2, to the last bit; a NaN goes through
        let (h, l) = angle(a, 1.0);
        (h + l).copysign(x)
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
        single::atan(x)
    }
}

/// The angle of the point with the second coordinate `y` and the first `x`, from -pi to pi. At most 0.7 ulp.
/// Hard: coordinates that are not zero and have exponents beyond 500, and two zeros.
#[derive(Clone, Copy, Debug)]
pub struct Atan2;

/// The coordinates' magnitudes for `fast`: 2^-500 and 2^500.
const NEAR: f64 = f64::from_bits((1023 - 500) << 52);
const FAR: f64 = f64::from_bits((1023 + 500) << 52);

impl Binary for Atan2 {
    const NAME: &'static str = "atan2";

    #[inline(always)]
    fn fast(y: f64, x: f64) -> f64 {
        let (h, l) = angle(y.abs(), x.abs());
        let negative = x.is_sign_negative();
        let (g, gl) = fast_two_sum(2.0 * PIO2[0], -h);
        let far = g + (gl + 2.0f64.mul_add(PIO2[1], -l));
        select(negative, far, h + l).copysign(y)
    }

    #[inline(always)]
    fn hard(y: f64, x: f64) -> bool {
        let (y, x) = (y.abs(), x.abs());
        let inside = |v| (NEAR..=FAR).contains(&v);
        !((inside(y) && (x == 0.0 || inside(x))) || (y == 0.0 && inside(x)))
    }

    fn full(y: f64, x: f64) -> f64 {
        if !Self::hard(y, x) {
            return Self::fast(y, x);
        }
        if x.is_nan() || y.is_nan() {
            return x + y;
        }
        let (a, b) = (y.abs(), x.abs());
        // Quotients beyond all precision give the axis, or their own value; infinities and zeros are among them.
        let (u, v) = if a == b { (1.0, if a == 0.0 { f64::INFINITY } else { 1.0 }) } else { (a, b) };
        let flat = v == f64::INFINITY || u == 0.0 || u / v < 1e-30;
        if flat && x.is_sign_positive() {
            return if v == f64::INFINITY && u == 1.0 { 0.0 } else { u / v }.copysign(y);
        }
        let (far_up, far_left) = (u == f64::INFINITY || v == 0.0 || u / v > 1e30, flat);
        let (u, v) = if far_up {
            (1.0, 0.0)
        } else if far_left {
            (0.0, 1.0)
        } else {
            // The exponents are alike: bring the greater one to 0.
            let down = if u.max(v) >= 1.0 { NEAR } else { FAR };
            let (u, v) = (u * down, v * down);
            let again = if u.max(v) < NEAR { FAR } else { 1.0 };
            (u * again, v * again)
        };
        Self::fast(u.copysign(y), v.copysign(x))
    }

    #[inline(always)]
    fn single(y: f64, x: f64) -> f64 {
        single::atan2(y, x)
    }

    #[inline(always)]
    fn single_hard(y: f64, x: f64) -> bool {
        let sum = y.abs() + x.abs();
        !(sum > 0.0 && sum < f64::INFINITY)
    }
}
