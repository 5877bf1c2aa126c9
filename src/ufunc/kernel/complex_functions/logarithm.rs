//! The logarithms of a complex number.

use super::super::elementary::{Atan2, Binary, Hypot, Ln, Unary, ln_1p_parts, two_product, two_sum};
use super::{C, TWO_200, c};
use std::f64::consts::{LN_2, LOG2_E, LOG10_E};

/// `ln |z|` of a finite number that is not 0.
fn ln_modulus(x: f64, y: f64) -> f64 {
    let (a, b) = (x.abs().max(y.abs()), x.abs().min(y.abs()));
    if (0.5..=2.0).contains(&a) && b <= 1.5 {
        // Near 1, where the logarithm is near 0: of |z|^2 - 1, in two parts.
        let (f, low) = squares_and(-1.0, a, b);
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

/// `a + x^2 + y^2` in two parts, each right to the last bit or two, however much of it cancels.
fn squares_and(a: f64, x: f64, y: f64) -> (f64, f64) {
    let ((p, pl), (q, ql)) = (two_product(x, x), two_product(y, y));
    let (s, first) = two_sum(a, p);
    let (s, second) = two_sum(s, q);
    let (t, third) = two_sum(pl, ql);
    let (t, fourth) = two_sum(t, second);
    let (t, fifth) = two_sum(t, first);
    let (s, t) = two_sum(s, t);
    (s, t + (third + fourth + fifth))
}

pub(in crate::kernel) fn ln(z: C) -> C {
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

pub(in crate::kernel) fn log2(z: C) -> C {
    let l = ln(z);
    c(l.re * LOG2_E, l.im * LOG2_E)
}

pub(in crate::kernel) fn log10(z: C) -> C {
    let l = ln(z);
    c(l.re * LOG10_E, l.im * LOG10_E)
}

pub(in crate::kernel) fn ln_1p(z: C) -> C {
    let (x, y) = (z.re, z.im);
    if !x.is_finite() || !y.is_finite() || x.abs() > 2.5 || y.abs() > 1.5 {
        return ln(c(x + 1.0, y));
    }
    // Of |1 + z|^2 - 1 = 2 x + x^2 + y^2, in two parts.
    let (s, low) = squares_and(2.0 * x, x, y);
    if s < -0.5 {
        return ln(c(x + 1.0, y));
    }
    c(0.5 * ln_1p_parts(s, low), Atan2::full(y, 1.0 + x))
}
