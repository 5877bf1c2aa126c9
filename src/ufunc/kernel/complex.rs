//! What complex numbers have of their own: parts, conjugate, modulus, and functions composed of our real ones.
//!
//! C32 is computed in C64 and rounded once. The functions have the errors of their formulas, a few ulp of the larger part.

use super::elementary::{Atan2, Binary, Cos, Cosh, Exp, Hypot, Ln, Sin, Sinh, Unary};
use super::{Kernel, body, kernel};
use crate::ufunc::{DType, Op};
use num_complex::Complex;
use std::ops::Neg;

/// A part of a complex number.
pub(in crate::ufunc) trait Part: Copy + Neg<Output = Self> {
    fn wide(self) -> f64;
    fn narrow(x: f64) -> Self;
}

macro_rules! part {
    ($($t:ty)*) => {$(
        impl Part for $t {
            #[inline(always)]
            fn wide(self) -> f64 { self as f64 }
            #[inline(always)]
            fn narrow(x: f64) -> Self { x as $t }
        }
    )*};
}
part!(f32 f64);

/// `f` of a number of either precision, computed in the wider.
fn through<T: Part>(z: Complex<T>, f: fn(f64, f64) -> (f64, f64)) -> Complex<T> {
    let (re, im) = f(z.re.wide(), z.im.wide());
    Complex { re: T::narrow(re), im: T::narrow(im) }
}

fn exp(x: f64, y: f64) -> (f64, f64) {
    let e = Exp::full(x);
    // A real number stays one, and what vanishes does so in every direction.
    if y == 0.0 {
        (e, y)
    } else if e == 0.0 {
        (0.0, 0.0)
    } else {
        (e * Cos::full(y), e * Sin::full(y))
    }
}

fn ln(x: f64, y: f64) -> (f64, f64) {
    (Ln::full(Hypot::full(x, y)), Atan2::full(y, x))
}

fn sqrt(x: f64, y: f64) -> (f64, f64) {
    if x == 0.0 && y == 0.0 {
        return (0.0, y);
    }
    let t = ((x.abs() + Hypot::full(x, y)) / 2.0).sqrt();
    if x >= 0.0 { (t, y / (2.0 * t)) } else { (y.abs() / (2.0 * t), t.copysign(y)) }
}

fn sin(x: f64, y: f64) -> (f64, f64) {
    (Sin::full(x) * Cosh::full(y), Cos::full(x) * Sinh::full(y))
}

fn cos(x: f64, y: f64) -> (f64, f64) {
    (Cos::full(x) * Cosh::full(y), -Sin::full(x) * Sinh::full(y))
}

fn sinh(x: f64, y: f64) -> (f64, f64) {
    (Sinh::full(x) * Cos::full(y), Cosh::full(x) * Sin::full(y))
}

fn cosh(x: f64, y: f64) -> (f64, f64) {
    (Cosh::full(x) * Cos::full(y), Sinh::full(x) * Sin::full(y))
}

fn tanh(x: f64, y: f64) -> (f64, f64) {
    if x.abs() > 22.0 {
        // The hyperbolic functions of 2x would overflow, and differ by less than their last place.
        let vanishing = Exp::full(-2.0 * x.abs());
        return (1f64.copysign(x), 4.0 * Sin::full(y) * Cos::full(y) * vanishing);
    }
    let below = Cosh::full(2.0 * x) + Cos::full(2.0 * y);
    (Sinh::full(2.0 * x) / below, Sin::full(2.0 * y) / below)
}

body!(Modulus<T: Part>(a: Complex<T>) -> T = T::narrow(Hypot::full(a.re.wide(), a.im.wide())));
body!(ComplexExp<T: Part>(a: Complex<T>) -> Complex<T> = through(a, exp));
body!(ComplexLn<T: Part>(a: Complex<T>) -> Complex<T> = through(a, ln));
body!(ComplexSqrt<T: Part>(a: Complex<T>) -> Complex<T> = through(a, sqrt));
body!(ComplexSin<T: Part>(a: Complex<T>) -> Complex<T> = through(a, sin));
body!(ComplexCos<T: Part>(a: Complex<T>) -> Complex<T> = through(a, cos));
body!(ComplexSinh<T: Part>(a: Complex<T>) -> Complex<T> = through(a, sinh));
body!(ComplexCosh<T: Part>(a: Complex<T>) -> Complex<T> = through(a, cosh));
body!(ComplexTanh<T: Part>(a: Complex<T>) -> Complex<T> = through(a, tanh));
body!(Conj<T: Part>(a: Complex<T>) -> Complex<T> = Complex { re: a.re, im: -a.im });
body!(Re<T: Part>(a: Complex<T>) -> T = a.re);
body!(Im<T: Part>(a: Complex<T>) -> T = a.im);

macro_rules! complex {
    ($body:ident, $dtype:expr) => {
        complex!(of $body, $dtype)
    };
    ($way:ident $body:ident, $dtype:expr) => {
        match $dtype {
            DType::C32 => kernel!($way $body<f32>, 16),
            DType::C64 => kernel!($way $body<f64>, 16),
            _ => None,
        }
    };
}

/// The kernel of an operation on complex numbers of type `dtype`.
pub(super) fn complex(op: Op, dtype: DType) -> Option<&'static Kernel> {
    match op {
        Op::Conj => complex!(Conj, dtype),
        Op::Re => complex!(Re, dtype),
        Op::Im => complex!(Im, dtype),
        Op::Abs => complex!(scalar Modulus, dtype),
        Op::Exp => complex!(scalar ComplexExp, dtype),
        Op::Ln => complex!(scalar ComplexLn, dtype),
        Op::Sqrt => complex!(scalar ComplexSqrt, dtype),
        Op::Sin => complex!(scalar ComplexSin, dtype),
        Op::Cos => complex!(scalar ComplexCos, dtype),
        Op::Sinh => complex!(scalar ComplexSinh, dtype),
        Op::Cosh => complex!(scalar ComplexCosh, dtype),
        Op::Tanh => complex!(scalar ComplexTanh, dtype),
        _ => None,
    }
}
