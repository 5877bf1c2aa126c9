//! The hyperbolic and trigonometric functions of a complex number.

use super::super::elementary::{
    Cos, Cosh, Scaled, Sin, Sinh, Tan, Tanh, Unary, product, quotient, sine_cosine, sinh_cosh, two_sum,
};
use super::{C, Two, c, turned, turned_back};

/// Beyond this the hyperbolic functions are computed as halves of exponentials.
const LARGE: f64 = 700.0;

trait CopysignOf {
    fn copysign_of(self, x: f64, y: f64) -> f64;
}

impl CopysignOf for f64 {
    /// The magnitude with the sign of the product of two numbers.
    fn copysign_of(self, x: f64, y: f64) -> f64 {
        self.copysign(1f64.copysign(x) * 1f64.copysign(y))
    }
}

/// The product of two numbers in two parts each, rounded.
fn times(a: Two, b: Two) -> f64 {
    let (p, e) = product(a, b);
    p + e
}

pub(in crate::kernel) fn sinh(z: C) -> C {
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
    let [sine, cosine] = sine_cosine(y);
    if x.abs() > LARGE {
        let half = Scaled::exp(x.abs(), 0.0).times_power(-1);
        return c(half.times(cosine) * 1f64.copysign(x), half.times(sine));
    }
    let [sinh, cosh] = sinh_cosh(x);
    c(times(sinh, cosine), times(cosh, sine))
}

pub(in crate::kernel) fn cosh(z: C) -> C {
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
    let [sine, cosine] = sine_cosine(y);
    if x.abs() > LARGE {
        let half = Scaled::exp(x.abs(), 0.0).times_power(-1);
        return c(half.times(cosine), half.times(sine) * 1f64.copysign(x));
    }
    let [sinh, cosh] = sinh_cosh(x);
    c(times(cosh, cosine), times(sinh, sine))
}

pub(in crate::kernel) fn tanh(z: C) -> C {
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
    if x == 0.0 {
        return c(x, Tan::full(y));
    }
    if y == 0.0 {
        return c(Tanh::full(x), y);
    }
    let [sine, cosine] = sine_cosine(y);
    if x.abs() > 22.0 {
        // 1 to the last bit, and 4 sin y cos y e^(-2|x|).
        let im = Scaled::exp(-2.0 * x.abs(), 0.0).times_power(2).times(product(sine, cosine));
        return c(1f64.copysign(x), im);
    }
    // (sinh x cosh x + i sin y cos y) / (sinh^2 x + cos^2 y), of which nothing cancels.
    let [sinh, cosh] = sinh_cosh(x);
    let ((p, pl), (q, ql)) = (product(sinh, sinh), product(cosine, cosine));
    let (below, rest) = two_sum(p, q);
    let below = (below, rest + (pl + ql));
    let over = |(re, low)| {
        let (q, ql) = quotient((re, low), below);
        q + ql
    };
    c(over(product(sinh, cosh)), over(product(sine, cosine)))
}

pub(in crate::kernel) fn sin(z: C) -> C {
    turned_back(sinh(turned(z)))
}

pub(in crate::kernel) fn cos(z: C) -> C {
    cosh(turned(z))
}

pub(in crate::kernel) fn tan(z: C) -> C {
    turned_back(tanh(turned(z)))
}
