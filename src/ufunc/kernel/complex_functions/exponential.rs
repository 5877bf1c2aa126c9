//! The exponential functions of a complex number.

use super::super::elementary::{
    Exp, Exp2, ExpM1, Fixed, Scaled, Unary, expm1_two, fast_two_sum, multiple_of_ln2, product, sine_cosine, two_sum,
};
use super::{C, TWO_200, Two, c};

/// A modulus times the cosine and the sine of an angle.
pub(super) fn polar(modulus: Scaled, [sine, cosine]: [Two; 2]) -> C {
    c(modulus.times(cosine), modulus.times(sine))
}

const LN2: Two = (std::f64::consts::LN_2, 2.3190468138462996e-17);

pub(in crate::kernel) fn exp(z: C) -> C {
    let (x, y) = (z.re, z.im);
    if y == 0.0 {
        return c(Exp::full(x), y);
    }
    if !y.is_finite() {
        return without_angle(x, y);
    }
    polar(Scaled::exp(x, 0.0), sine_cosine(y))
}

/// `e^(x + iy)` where `y` is infinite or NaN.
fn without_angle(x: f64, y: f64) -> C {
    match x {
        f64::NEG_INFINITY => c(0.0, 0f64.copysign(y)),
        f64::INFINITY => c(f64::INFINITY, f64::NAN),
        _ => c(f64::NAN, f64::NAN),
    }
}

pub(in crate::kernel) fn exp2(z: C) -> C {
    let (x, y) = (z.re, z.im);
    if y == 0.0 {
        return c(Exp2::full(x), y);
    }
    if !y.is_finite() {
        return without_angle(x, y);
    }
    let modulus = Scaled::exp2(x, 0.0);
    if y.abs() < 1e-280 {
        // The product with ln 2 would be subnormal before the modulus makes it larger.
        let sine = product((y * TWO_200, 0.0), LN2);
        return c(modulus.times((1.0, 0.0)), modulus.times_power(-200).times(sine));
    }
    polar(modulus, multiple_of_ln2(1, y))
}

pub(in crate::kernel) fn exp_m1(z: C) -> C {
    let (x, y) = (z.re, z.im);
    if y == 0.0 {
        // Of infinity and NaN as NumPy has it.
        return c(ExpM1::full(x), if x < f64::INFINITY { y } else { f64::NAN });
    }
    if x.is_infinite() && !y.is_finite() {
        return c(f64::NAN, f64::NAN);
    }
    if !y.is_finite() || x.is_nan() {
        let e = exp(z);
        return c(e.re - 1.0, e.im);
    }
    let [sine, cosine] = sine_cosine(y);
    let im = Scaled::exp(x, 0.0).times(sine);
    // (e^x - 1) cos y - 2 sin^2(y / 2), or, of a great number, e^x cos y - 1.
    let (p, q) = if x < 40.0 {
        let [half, _] = sine_cosine(0.5 * y);
        let (q, ql) = product(half, half);
        (product(expm1_two(x), cosine), (2.0 * q, 2.0 * ql))
    } else {
        ((Scaled::exp(x, 0.0).times(cosine), 0.0), (1.0, 0.0))
    };
    let (re, low) = two_sum(p.0, -q.0);
    // Five leading bits may cancel: both are right to some 2^-55.
    let re = match re.abs() {
        f64::INFINITY => re,
        least if least * 32.0 < q.0 => cancelled(x, y),
        _ => re + (low + (p.1 - q.1)),
    };
    c(re, im)
}

/// `e^x cos y - 1` where that is small beside 1, or beside `y^2`.
#[cold]
fn cancelled(x: f64, y: f64) -> f64 {
    if y.abs() < 1e-20 {
        // Then x is about as great as y^2 / 2, and what else there is less than a last place of it by far.
        return (-0.5 * y).mul_add(y, x);
    }
    let (h, l) = (Fixed::new(x).exp() * Fixed::cosine_of(y) - Fixed::ONE).parts();
    let (re, _) = fast_two_sum(h, l);
    re
}
