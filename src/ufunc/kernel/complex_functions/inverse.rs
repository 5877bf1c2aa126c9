//! The inverse trigonometric and hyperbolic functions of a complex number.
//!
//! After Hull, Fairgrieve and Tang, "Implementing the complex arcsine and arccosine functions using exception handling" (1997).

use super::super::elementary::{Acos, Asin, Atan, Atan2, Atanh, Binary, Hypot, Ln, Unary, ln_1p_parts, two_product};
use super::{C, c, ln, swapped};
use std::f64::consts::{FRAC_PI_2, LN_2};

/// What pi/2 lacks.
const PIO2_REST: f64 = 6.123233995736766e-17;
/// From here on adding 1 changes nothing.
const HUGE: f64 = 1e17;
/// Below this functions are their first term.
const TINY: f64 = 1e-9;

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

pub(in crate::kernel) fn asinh(z: C) -> C {
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

pub(in crate::kernel) fn asin(z: C) -> C {
    swapped(asinh(swapped(z)))
}

pub(in crate::kernel) fn acos(z: C) -> C {
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

pub(in crate::kernel) fn acosh(z: C) -> C {
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

pub(in crate::kernel) fn atanh(z: C) -> C {
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

pub(in crate::kernel) fn atan(z: C) -> C {
    swapped(atanh(swapped(z)))
}
