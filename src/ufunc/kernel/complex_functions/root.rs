//! The square root and the sign of a complex number.

use super::super::elementary::{Binary, Hypot};
use super::{C, TWO_200, c};

pub(in crate::kernel) fn sign(z: C) -> C {
    let modulus = Hypot::full(z.re, z.im);
    if modulus.is_nan() {
        c(f64::NAN, f64::NAN)
    } else if z.re.is_infinite() || z.im.is_infinite() {
        match (z.re.is_infinite(), z.im.is_infinite()) {
            (true, true) => c(f64::NAN, f64::NAN),
            (true, false) => c(1f64.copysign(z.re), 0.0),
            _ => c(0.0, 1f64.copysign(z.im)),
        }
    } else if modulus == 0.0 {
        c(0.0, 0.0)
    } else {
        // Near the ends of the range the modulus could overflow, or have lost its last places.
        let scale = match modulus {
            m if m < 1e-290 => TWO_200,
            m if m > 1e300 => 0.25,
            _ => 1.0,
        };
        let z = c(z.re * scale, z.im * scale);
        let modulus = if scale == 1.0 { modulus } else { Hypot::full(z.re, z.im) };
        c(z.re / modulus, z.im / modulus)
    }
}

pub(in crate::kernel) fn sqrt(z: C) -> C {
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
