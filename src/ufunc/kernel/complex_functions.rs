//! Elementary functions of a complex number, composed of our real ones so that nothing overflows, underflows or cancels on the way.
//!
//! The inverse functions follow Hull, Fairgrieve and Tang, "Implementing the complex arcsine and arccosine functions using exception
//! handling" (1997), the tangents Kahan, "Branch cuts for complex elementary functions" (1987).

use super::arith::Arith;
use super::elementary::{
    Acos, Asin, Atan, Atan2, Atanh, Binary, Cos, Cosh, Exp, Exp2, ExpM1, Hypot, Ln, Sin, Sinh, Tan, Unary, half_exp,
    ln_1p_parts, two_product, two_sum,
};
use num_complex::Complex;
use std::f64::consts::{FRAC_PI_2, LN_2, LOG2_E, LOG10_E};

type C = Complex<f64>;

fn c(re: f64, im: f64) -> C {
    Complex { re, im }
}

/// What pi/2, ln 2 lack.
const PIO2_REST: f64 = 6.123233995736766e-17;
const LN2_REST: f64 = 2.3190468138462996e-17;
/// Beyond this the hyperbolic functions are computed as halves of exponentials.
const LARGE: f64 = 700.0;
/// From here on adding 1 changes nothing.
const HUGE: f64 = 1e17;
/// Below this functions are their first term.
const TINY: f64 = 1e-9;

/// i times a number.
fn turned(z: C) -> C {
    c(-z.im, z.re)
}

/// -i times a number.
fn turned_back(z: C) -> C {
    c(z.im, -z.re)
}

/// Both parts exchanged.
fn swapped(z: C) -> C {
    c(z.im, z.re)
}

pub(super) fn sign(z: C) -> C {
    let modulus = Hypot::full(z.re, z.im);
    if modulus.is_nan() {
        c(f64::NAN, f64::NAN)
    } else if modulus == f64::INFINITY {
        match (z.re.is_infinite(), z.im.is_infinite()) {
            (true, true) => c(f64::NAN, f64::NAN),
            (true, false) => c(1f64.copysign(z.re), 0.0),
            _ => c(0.0, 1f64.copysign(z.im)),
        }
    } else if modulus == 0.0 {
        c(0.0, 0.0)
    } else {
        // Near the ends of the range the modulus could have lost its last places.
        let (z, modulus) = match modulus {
            m if m < 1e-290 => (z * 1e290, Hypot::full(z.re * 1e290, z.im * 1e290)),
            m => (z, m),
        };
        c(z.re / modulus, z.im / modulus)
    }
}

/// `e^x (cos y + i sin y)`; `e^x` may be beyond the range where the result is not.
fn polar(x: f64, cos: f64, sin: f64) -> C {
    if x > LARGE {
        let half = half_exp(x);
        c(half * cos * 2.0, half * sin * 2.0)
    } else {
        let e = Exp::full(x);
        c(e * cos, e * sin)
    }
}

pub(super) fn exp(z: C) -> C {
    let (x, y) = (z.re, z.im);
    if y == 0.0 {
        return c(Exp::full(x), y);
    }
    if !y.is_finite() {
        return match x {
            f64::NEG_INFINITY => c(0.0, 0f64.copysign(y)),
            f64::INFINITY => c(f64::INFINITY, f64::NAN),
            _ => c(f64::NAN, f64::NAN),
        };
    }
    polar(x, Cos::full(y), Sin::full(y))
}

pub(super) fn exp2(z: C) -> C {
    let (x, y) = (z.re, z.im);
    if y == 0.0 {
        return c(Exp2::full(x), y);
    }
    if !y.is_finite() || x.abs() > 1000.0 || y.abs() > 1e300 {
        return exp(c(x * LN_2, y * LN_2));
    }
    // The angle in two parts.
    let (angle, low) = two_product(y, LN_2);
    let low = y.mul_add(LN2_REST, low);
    let (cos, sin) = (Cos::full(angle), Sin::full(angle));
    let e = Exp2::full(x);
    c(e * (-low).mul_add(sin, cos), e * low.mul_add(cos, sin))
}

pub(super) fn exp_m1(z: C) -> C {
    let (x, y) = (z.re, z.im);
    if y == 0.0 {
        // Of infinity and NaN as NumPy has it.
        return c(ExpM1::full(x), if x < f64::INFINITY { y } else { f64::NAN });
    }
    if x.is_infinite() && !y.is_finite() {
        return c(f64::NAN, f64::NAN);
    }
    if !y.is_finite() || x.is_nan() || x.abs() > 40.0 {
        let e = exp(z);
        return c(e.re - 1.0, e.im);
    }
    // (e^x - 1) cos y - 2 sin^2(y / 2)
    let half = Sin::full(0.5 * y);
    let (p, pl) = two_product(ExpM1::full(x), Cos::full(y));
    let (q, ql) = two_product(2.0 * half, half);
    c((p - q) + (pl - ql), Exp::full(x) * Sin::full(y))
}

/// `ln |z|` of a finite number that is not 0.
fn ln_modulus(x: f64, y: f64) -> f64 {
    let (a, b) = (x.abs().max(y.abs()), x.abs().min(y.abs()));
    if (0.5..=2.0).contains(&a) && b <= 1.5 {
        // Near 1, where the logarithm is near 0: of |z|^2 - 1 = (a - 1)(a + 1) + b^2, in two parts.
        let (f, low) = modulus_squared_less_1(a, b);
        if f > -0.5 {
            return 0.5 * ln_1p_parts(f, low);
        }
    }
    if a > 1e300 {
        Ln::full(Hypot::full(a * 0.25, b * 0.25)) + 2.0 * LN_2
    } else if a < 1e-290 {
        Ln::full(Hypot::full(a * TWO_200, b * TWO_200)) - 200.0 * LN_2
    } else {
        Ln::full(Hypot::full(a, b))
    }
}

const TWO_200: f64 = f64::from_bits((1023 + 200) << 52);

fn modulus_squared_less_1(a: f64, b: f64) -> (f64, f64) {
    let ((l, ll), (u, ul)) = (two_sum(a, -1.0), two_sum(a, 1.0));
    let (p, e) = two_product(l, u);
    let e = e + l * ul + ll * u;
    let (q, f) = two_product(b, b);
    let (s, t) = two_sum(p, q);
    (s, t + (e + f))
}

pub(super) fn ln(z: C) -> C {
    let angle = Atan2::full(z.im, z.re);
    if z.re.is_infinite() || z.im.is_infinite() {
        return c(f64::INFINITY, angle);
    }
    if z.re == 0.0 && z.im == 0.0 {
        return c(f64::NEG_INFINITY, angle);
    }
    if z.re.is_nan() || z.im.is_nan() {
        return c(f64::NAN, f64::NAN);
    }
    c(ln_modulus(z.re, z.im), angle)
}

pub(super) fn log2(z: C) -> C {
    let l = ln(z);
    c(l.re * LOG2_E, l.im * LOG2_E)
}

pub(super) fn log10(z: C) -> C {
    let l = ln(z);
    c(l.re * LOG10_E, l.im * LOG10_E)
}

pub(super) fn ln_1p(z: C) -> C {
    let (x, y) = (z.re, z.im);
    if !x.is_finite() || !y.is_finite() || x.abs() > 2.0 || y.abs() > 1.5 || x < -0.4 {
        return ln(c(x + 1.0, y));
    }
    // Of |1 + z|^2 - 1 = x (2 + x) + y^2, in two parts.
    let (u, ul) = two_sum(2.0, x);
    let (p, e) = two_product(x, u);
    let (q, f) = two_product(y, y);
    let (s, t) = two_sum(p, q);
    c(0.5 * ln_1p_parts(s, t + (e + f + x * ul)), Atan2::full(y, 1.0 + x))
}

pub(super) fn sqrt(z: C) -> C {
    let (x, y) = (z.re, z.im);
    if x == 0.0 && y == 0.0 {
        return c(0.0, y);
    }
    if y.is_infinite() {
        return c(f64::INFINITY, y);
    }
    if x.is_infinite() {
        let other = if y.is_nan() { f64::NAN } else { 0.0 };
        return if x > 0.0 { c(x, other.copysign(y)) } else { c(other.abs(), f64::INFINITY.copysign(y)) };
    }
    // Away from the ends of the range, by a power of 4.
    let greatest = x.abs().max(y.abs());
    let (x, y, back) = match greatest {
        g if g > 1e300 => (x * 0.0625, y * 0.0625, 4.0),
        g if g < 1e-290 => (x * TWO_200, y * TWO_200, f64::from_bits((1023 - 100) << 52)),
        _ => (x, y, 1.0),
    };
    let t = ((x.abs() + Hypot::full(x, y)) * 0.5).sqrt();
    let other = y.abs() / (2.0 * t);
    let (re, im) = if x >= 0.0 { (t, other) } else { (other, t) };
    c(re * back, (im * back).copysign(y))
}

pub(super) fn sinh(z: C) -> C {
    let (x, y) = (z.re, z.im);
    if y == 0.0 {
        return c(Sinh::full(x), y);
    }
    if x == 0.0 {
        // The zero has the sign of the product with the cosine.
        let re = if y.is_finite() { x.copysign_of(x, Cos::full(y)) } else { x };
        return c(re, Sin::full(y));
    }
    if !y.is_finite() {
        let re = if x.is_infinite() { x } else { f64::NAN };
        return c(re, f64::NAN);
    }
    let (cos, sin) = (Cos::full(y), Sin::full(y));
    if x.abs() > LARGE {
        let half = half_exp(x.abs());
        return c((half * cos).copysign_of(x, cos), half * sin);
    }
    c(Sinh::full(x) * cos, Cosh::full(x) * sin)
}

trait CopysignOf {
    fn copysign_of(self, x: f64, y: f64) -> f64;
}

impl CopysignOf for f64 {
    /// The magnitude with the sign of the product of two numbers.
    fn copysign_of(self, x: f64, y: f64) -> f64 {
        self.copysign(1f64.copysign(x) * 1f64.copysign(y))
    }
}

pub(super) fn cosh(z: C) -> C {
    let (x, y) = (z.re, z.im);
    if y == 0.0 {
        return c(Cosh::full(x), if x.is_nan() { y } else { 0f64.copysign_of(x, y) });
    }
    if x == 0.0 {
        let im = if y.is_finite() { 0f64.copysign_of(x, Sin::full(y)) } else { 0f64.copysign_of(x, y) };
        return c(Cos::full(y), im);
    }
    if !y.is_finite() {
        let re = if x.is_infinite() { f64::INFINITY } else { f64::NAN };
        return c(re, f64::NAN);
    }
    let (cos, sin) = (Cos::full(y), Sin::full(y));
    if x.abs() > LARGE {
        let half = half_exp(x.abs());
        return c(half * cos, (half * sin).copysign_of(x, sin));
    }
    c(Cosh::full(x) * cos, Sinh::full(x) * sin)
}

pub(super) fn tanh(z: C) -> C {
    let (x, y) = (z.re, z.im);
    if x.is_nan() {
        return c(x, if y == 0.0 { y } else { f64::NAN });
    }
    if x.is_infinite() {
        let im = if y.is_finite() { (Sin::full(y) * Cos::full(y)).signum() * 0.0 } else { 0f64.copysign(y) };
        return c(1f64.copysign(x), im);
    }
    if !y.is_finite() {
        return c(if x == 0.0 { x } else { f64::NAN }, f64::NAN);
    }
    if x.abs() > 22.0 {
        let vanishing = Exp::full(-x.abs());
        return c(1f64.copysign(x), 4.0 * Sin::full(y) * Cos::full(y) * vanishing * vanishing);
    }
    // Kahan's, which cancels nowhere.
    let (t, s) = (Tan::full(y), Sinh::full(x));
    let beta = t.mul_add(t, 1.0);
    let below = (beta * s).mul_add(s, 1.0);
    c(beta * Cosh::full(x) * s / below, t / below)
}

pub(super) fn sin(z: C) -> C {
    turned_back(sinh(turned(z)))
}

pub(super) fn cos(z: C) -> C {
    cosh(turned(z))
}

pub(super) fn tan(z: C) -> C {
    turned_back(tanh(turned(z)))
}

/// `(sqrt(x^2 + b^2) - b) / 2`, of which `r` is the root: without cancellation.
fn half_excess(x: f64, b: f64, r: f64) -> f64 {
    if b < 0.0 {
        (r - b) * 0.5
    } else if b == 0.0 {
        x * 0.5
    } else {
        x * x / (r + b) * 0.5
    }
}

/// What the inverse sine and cosine are made of, for `x, y >= 0`: the logarithmic part, and the angle whose sine is `y / a` as its
/// sine or as opposite and adjacent side.
struct Inverse {
    log: f64,
    angle: Angle,
}

enum Angle {
    Sine(f64),
    Sides(f64, f64),
}

fn inverse(x: f64, y: f64) -> Inverse {
    const EPS: f64 = f64::EPSILON;
    let r = Hypot::full(x, y + 1.0);
    let s = Hypot::full(x, y - 1.0);
    let a = ((r + s) * 0.5).max(1.0);
    let near = x < EPS * (y - 1.0).abs();
    let log = if a >= 10.0 {
        Ln::full(a + (a * a - 1.0).sqrt())
    } else if y == 1.0 && x < EPS * EPS / 128.0 {
        x.sqrt()
    } else if !near {
        let less = half_excess(x, 1.0 + y, r) + half_excess(x, 1.0 - y, s);
        let f = less + (less * (a + 1.0)).sqrt();
        ln_1p_parts(f, 0.0)
    } else if y < 1.0 {
        x / ((1.0 - y) * (1.0 + y)).sqrt()
    } else {
        let f = (y - 1.0) + ((y - 1.0) * (y + 1.0)).sqrt();
        ln_1p_parts(f, 0.0)
    };
    if y < 1e-150 {
        return Inverse { log, angle: Angle::Sides(y * (2.0 / EPS), a * (2.0 / EPS)) };
    }
    let b = y / a;
    let angle = if b <= 0.6417 {
        Angle::Sine(b)
    } else if y == 1.0 && x < EPS / 128.0 {
        Angle::Sides(y, x.sqrt() * ((a + y) * 0.5).sqrt())
    } else if !near {
        let less = half_excess(x, y + 1.0, r) + half_excess(x, y - 1.0, s);
        Angle::Sides(y, (less * (a + y)).sqrt())
    } else if y > 1.0 {
        const UP: f64 = 4.0 / EPS / EPS;
        Angle::Sides(y * UP, x * UP * y / ((y + 1.0) * (y - 1.0)).sqrt())
    } else {
        Angle::Sides(y, ((1.0 - y) * (1.0 + y)).sqrt())
    };
    Inverse { log, angle }
}

pub(super) fn asinh(z: C) -> C {
    let (x, y) = (z.re, z.im);
    if x.is_nan() || y.is_nan() {
        return if x.is_infinite() {
            c(x, f64::NAN)
        } else if y.is_infinite() {
            c(y, f64::NAN)
        } else if y == 0.0 {
            c(f64::NAN, y)
        } else {
            c(f64::NAN, f64::NAN)
        };
    }
    let (a, b) = (x.abs(), y.abs());
    if a > HUGE || b > HUGE {
        let w = ln(c(a, b));
        return c((w.re + LN_2).copysign(x), w.im.copysign(y));
    }
    if a < TINY && b < TINY {
        return z;
    }
    let parts = inverse(a, b);
    let angle = match parts.angle {
        Angle::Sine(sine) => Asin::full(sine),
        Angle::Sides(opposite, adjacent) => Atan2::full(opposite, adjacent),
    };
    c(parts.log.copysign(x), angle.copysign(y))
}

pub(super) fn asin(z: C) -> C {
    swapped(asinh(swapped(z)))
}

pub(super) fn acos(z: C) -> C {
    let (x, y) = (z.re, z.im);
    if x.is_nan() || y.is_nan() {
        return if x.is_infinite() {
            c(f64::NAN, f64::INFINITY)
        } else if y.is_infinite() {
            c(f64::NAN, -y)
        } else if x == 0.0 {
            c(FRAC_PI_2, f64::NAN)
        } else {
            c(f64::NAN, f64::NAN)
        };
    }
    let (a, b) = (x.abs(), y.abs());
    // The sign of the imaginary part is the other one.
    let signed = |im: f64| if y.is_sign_negative() { im } else { -im };
    if a > HUGE || b > HUGE {
        let w = ln(z);
        return c(w.im.abs(), signed(w.re + LN_2));
    }
    if x == 1.0 && y == 0.0 {
        return c(0.0, -y);
    }
    if a < TINY && b < TINY {
        return c(FRAC_PI_2 - (x - PIO2_REST), -y);
    }
    let parts = inverse(b, a);
    let angle = match parts.angle {
        Angle::Sine(sine) => Acos::full(sine.copysign(x)),
        Angle::Sides(opposite, adjacent) => Atan2::full(adjacent, opposite.copysign(x)),
    };
    c(angle, signed(parts.log))
}

pub(super) fn acosh(z: C) -> C {
    let w = acos(z);
    if w.re.is_nan() && w.im.is_nan() {
        return c(f64::NAN, f64::NAN);
    }
    if w.re.is_nan() {
        return c(w.im.abs(), w.re);
    }
    if w.im.is_nan() {
        return c(w.im, w.re);
    }
    c(w.im.abs(), w.re.copysign(z.im))
}

/// The real part of the inverse of a great number.
fn real_of_reciprocal(x: f64, y: f64) -> f64 {
    if x.is_infinite() || y.is_infinite() {
        return 0f64.copysign(x);
    }
    let (a, b) = (x.abs(), y.abs());
    if a > b * 1e17 {
        1.0 / x
    } else if b > a * 1e17 {
        x / y / y
    } else {
        // Both are about as great: scaled by the greater one.
        let g = a.max(b);
        let (p, q) = (x / g, y / g);
        p / q.mul_add(q, p * p) / g
    }
}

pub(super) fn atanh(z: C) -> C {
    let (x, y) = (z.re, z.im);
    let (a, b) = (x.abs(), y.abs());
    if y == 0.0 && a <= 1.0 {
        return c(Atanh::full(x), y);
    }
    if x == 0.0 {
        return c(x, Atan::full(y));
    }
    if x.is_nan() || y.is_nan() {
        return if x.is_infinite() {
            c(0f64.copysign(x), f64::NAN)
        } else if y.is_infinite() {
            c(0f64.copysign(x), FRAC_PI_2.copysign(y))
        } else {
            c(f64::NAN, f64::NAN)
        };
    }
    if a > HUGE || b > HUGE {
        return c(real_of_reciprocal(x, y), FRAC_PI_2.copysign(y));
    }
    if a < TINY && b < TINY {
        return z;
    }
    let re = if a == 1.0 && b < f64::EPSILON {
        (LN_2 - Ln::full(b)) * 0.5
    } else {
        let distance = a - 1.0;
        let squared = if b < 1e-150 { distance * distance } else { distance.mul_add(distance, b * b) };
        let f = 4.0 * a / squared;
        0.25 * if f > 1e15 { Ln::full(f) } else { ln_1p_parts(f, 0.0) }
    };
    let im = if a == 1.0 {
        Atan2::full(2.0, -b)
    } else if b < f64::EPSILON {
        Atan2::full(2.0 * b, (1.0 - a) * (1.0 + a))
    } else {
        let (p, pl) = two_product(1.0 - a, 1.0 + a);
        let (q, ql) = two_product(b, b);
        Atan2::full(2.0 * b, (p - q) + (pl - ql))
    };
    c(re.copysign(x), (0.5 * im).copysign(y))
}

pub(super) fn atan(z: C) -> C {
    swapped(atanh(swapped(z)))
}

/// `a^b`, as NumPy has it: by products for small integers, else `e^(b ln a)`.
pub(super) fn power(a: C, b: C) -> C {
    if b.re == 0.0 && b.im == 0.0 {
        return c(1.0, 0.0);
    }
    if a.re == 0.0 && a.im == 0.0 {
        return if b.re > 0.0 { c(0.0, 0.0) } else { c(f64::NAN, f64::NAN) };
    }
    if b.im == 0.0 && b.re.trunc() == b.re && b.re.abs() < 100.0 {
        let n = b.re as i32;
        let (mut base, mut left, mut result) = (a, n.unsigned_abs(), None);
        while left != 0 {
            if left & 1 == 1 {
                result = Some(result.map_or(base, |result: C| times(result, base)));
            }
            base = times(base, base);
            left >>= 1;
        }
        let result = result.unwrap_or(c(1.0, 0.0));
        return if n < 0 { Arith::div(c(1.0, 0.0), result) } else { result };
    }
    let l = ln(a);
    // The products in two parts: what they lose is multiplied by the exponential.
    let (p, pl) = two_product(b.re, l.re);
    let (q, ql) = two_product(b.im, l.im);
    let (r, rl) = two_product(b.re, l.im);
    let (s, sl) = two_product(b.im, l.re);
    let (re, re_low) = two_sum(p, -q);
    let (im, im_low) = two_sum(r, s);
    let value = exp(c(re, im));
    let low = c(re_low + (pl - ql), im_low + (rl + sl));
    if low.re.is_finite() && low.im.is_finite() && value.re.is_finite() && value.im.is_finite() {
        c(value.re + (value.re * low.re - value.im * low.im), value.im + (value.im * low.re + value.re * low.im))
    } else {
        value
    }
}

/// The product, by its formula.
fn times(a: C, b: C) -> C {
    c(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re)
}
