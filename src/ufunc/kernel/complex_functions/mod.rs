//! Elementary functions of a complex number, composed of our real ones so that nothing overflows, underflows or cancels on the way.
//!
//! What a result is a product, sum or quotient of is kept in two parts, or, beyond the range of `f64`, with an exponent of its own; what
//! cancels more than that allows is computed in fixed-point numbers of 384 bits.

mod exponential;
mod hyperbolic;
mod inverse;
mod logarithm;
mod power;
mod root;

pub(super) use exponential::{exp, exp_m1, exp2};
pub(super) use hyperbolic::{cos, cosh, sin, sinh, tan, tanh};
pub(super) use inverse::{acos, acosh, asin, asinh, atan, atanh};
pub(super) use logarithm::{ln, ln_1p, log2, log10};
pub(super) use power::power;
pub(super) use root::{sign, sqrt};

use num_complex::Complex;

type C = Complex<f64>;
/// A number in two parts.
type Two = (f64, f64);

fn c(re: f64, im: f64) -> C {
    Complex { re, im }
}

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

const TWO_200: f64 = f64::from_bits((1023 + 200) << 52);
