//! What only complex numbers have: conjugate, real and imaginary part.

use super::{Kernel, body, kernel};
use crate::ufunc::{DType, Op};
use num_complex::Complex;
use std::ops::Neg;

/// A part of a complex number.
pub(in crate::ufunc) trait Part: Copy + Neg<Output = Self> {}
impl<T: Copy + Neg<Output = T>> Part for T {}

body!(Conj<T: Part>(a: Complex<T>) -> Complex<T> = Complex { re: a.re, im: -a.im });
body!(Re<T: Part>(a: Complex<T>) -> T = a.re);
body!(Im<T: Part>(a: Complex<T>) -> T = a.im);

macro_rules! complex {
    ($body:ident, $dtype:expr) => {
        match $dtype {
            DType::C32 => kernel!($body<f32>, 16),
            DType::C64 => kernel!($body<f64>, 16),
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
        _ => None,
    }
}
