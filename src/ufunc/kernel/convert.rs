//! Conversions between element types, as Rust's `as` does them; to `bool`, whether the value is not zero.

use super::bits::copy;
use super::{Kernel, body, kernel};
use crate::DType;
use num_complex::Complex;

/// `self as T`.
pub(crate) trait To<T>: Copy {
    fn to(self) -> T;
}

macro_rules! to {
    ($($from:ty => $($to:ty)*;)*) => {$($(
        impl To<$to> for $from {
            #[inline(always)]
            fn to(self) -> $to { self as $to }
        }
    )*)*};
}
to! {
    u8 => u16 u32 u64 f32 f64;
    u16 => u8 u32 u64 f32 f64;
    u32 => u8 u16 u64 f32 f64;
    u64 => u8 u16 u32 f32 f64;
    i8 => u16 u32 u64 f32 f64;
    i16 => u32 u64 f32 f64;
    i32 => u64 f32 f64;
    i64 => f32 f64;
    f32 => u8 u16 u32 u64 i8 i16 i32 i64 f32 f64;
    f64 => u8 u16 u32 u64 i8 i16 i32 i64 f32 f64;
}

/// Real part from a real number.
impl<T: To<f32>> To<Complex<f32>> for T {
    #[inline(always)]
    fn to(self) -> Complex<f32> {
        Complex { re: self.to(), im: 0.0 }
    }
}

impl<T: To<f64>> To<Complex<f64>> for T {
    #[inline(always)]
    fn to(self) -> Complex<f64> {
        Complex { re: self.to(), im: 0.0 }
    }
}

/// What can be compared with its zero.
pub(crate) trait Zero: Copy + Default + PartialEq {}
impl<T: Copy + Default + PartialEq> Zero for T {}

impl To<Complex<f64>> for Complex<f32> {
    #[inline(always)]
    fn to(self) -> Complex<f64> {
        Complex { re: self.re as f64, im: self.im as f64 }
    }
}

impl To<Complex<f64>> for Complex<f64> {
    #[inline(always)]
    fn to(self) -> Complex<f64> {
        self
    }
}

/// A value of another type. Between 64 bits and floats only AVX-512 has instructions.
struct Cast<S, T>(std::marker::PhantomData<(S, T)>);

impl<S: To<T>, T: Copy> super::Body for Cast<S, T> {
    type A = S;
    type B = ();
    type C = ();
    type R = T;
    const WIDE: bool = size_of::<S>() == 8 || size_of::<T>() == 8;

    #[inline(always)]
    fn lane(a: S, _: (), _: ()) -> T {
        a.to()
    }
}

body!(Truth<S: Zero>(a: S) -> u8 = (a != S::default()) as u8);
body!(Narrow<>(a: Complex<f64>) -> Complex<f32> = Complex { re: a.re as f32, im: a.im as f32 });

/// Kernels from any real number to one type.
macro_rules! from_real {
    ($to:ty, $from:expr) => {
        match $from {
            DType::Bool | DType::U8 => kernel!(Cast<u8, $to>, 16),
            DType::U16 => kernel!(Cast<u16, $to>, 16),
            DType::U32 => kernel!(Cast<u32, $to>, 16),
            DType::U64 => kernel!(Cast<u64, $to>, 16),
            DType::I8 => kernel!(Cast<i8, $to>, 16),
            DType::I16 => kernel!(Cast<i16, $to>, 16),
            DType::I32 => kernel!(Cast<i32, $to>, 16),
            DType::I64 => kernel!(Cast<i64, $to>, 16),
            DType::F32 => kernel!(Cast<f32, $to>, 16),
            DType::F64 => kernel!(Cast<f64, $to>, 16),
            _ => None,
        }
    };
}

/// Kernels from a float to an integer.
macro_rules! from_float {
    ($to:ty, $from:expr) => {
        match $from {
            DType::F32 => kernel!(Cast<f32, $to>, 16),
            DType::F64 => kernel!(Cast<f64, $to>, 16),
            _ => None,
        }
    };
}

/// An integer, or `bool`, as its size and whether it has a sign.
fn integer(dtype: DType) -> Option<(usize, bool)> {
    match dtype {
        DType::Bool | DType::U8 | DType::U16 | DType::U32 | DType::U64 => Some((dtype.size(), false)),
        DType::I8 | DType::I16 | DType::I32 | DType::I64 => Some((dtype.size(), true)),
        _ => None,
    }
}

fn truth(from: DType) -> Option<&'static Kernel> {
    match from {
        DType::Bool => copy(from),
        DType::I8 | DType::U8 => kernel!(Truth<u8>, 64),
        DType::I16 | DType::U16 => kernel!(Truth<u16>, 32),
        DType::I32 | DType::U32 => kernel!(Truth<u32>, 16),
        DType::I64 | DType::U64 => kernel!(Truth<u64>, 16),
        DType::F32 => kernel!(Truth<f32>, 16),
        DType::F64 => kernel!(Truth<f64>, 16),
        DType::C32 => kernel!(Truth<Complex<f32>>, 16),
        DType::C64 => kernel!(Truth<Complex<f64>>, 16),
        DType::F16 | DType::BF16 => None,
    }
}

/// The kernel that converts values of type `from` to `to`; none from complex to real numbers.
pub(super) fn cast(from: DType, to: DType) -> Option<&'static Kernel> {
    if from == to {
        return copy(from);
    }
    if to == DType::Bool {
        return truth(from);
    }
    if let (Some((size, signed)), Some((wanted, _))) = (integer(from), integer(to)) {
        return match (size, wanted, signed) {
            (2, 1, _) => kernel!(Cast<u16, u8>, 32),
            (4, 1, _) => kernel!(Cast<u32, u8>, 16),
            (8, 1, _) => kernel!(Cast<u64, u8>, 16),
            (4, 2, _) => kernel!(Cast<u32, u16>, 16),
            (8, 2, _) => kernel!(Cast<u64, u16>, 16),
            (8, 4, _) => kernel!(Cast<u64, u32>, 16),
            (1, 2, false) => kernel!(Cast<u8, u16>, 32),
            (1, 4, false) => kernel!(Cast<u8, u32>, 16),
            (1, 8, false) => kernel!(Cast<u8, u64>, 16),
            (2, 4, false) => kernel!(Cast<u16, u32>, 16),
            (2, 8, false) => kernel!(Cast<u16, u64>, 16),
            (4, 8, false) => kernel!(Cast<u32, u64>, 16),
            (1, 2, true) => kernel!(Cast<i8, u16>, 32),
            (1, 4, true) => kernel!(Cast<i8, u32>, 16),
            (1, 8, true) => kernel!(Cast<i8, u64>, 16),
            (2, 4, true) => kernel!(Cast<i16, u32>, 16),
            (2, 8, true) => kernel!(Cast<i16, u64>, 16),
            (4, 8, true) => kernel!(Cast<i32, u64>, 16),
            _ => copy(from),
        };
    }
    match (from, to) {
        (DType::C32, DType::C64) => kernel!(Cast<Complex<f32>, Complex<f64>>, 16),
        (DType::C64, DType::C32) => kernel!(Narrow, 16),
        (_, DType::F32) => from_real!(f32, from),
        (_, DType::F64) => from_real!(f64, from),
        (_, DType::C32) => from_real!(Complex<f32>, from),
        (_, DType::C64) => from_real!(Complex<f64>, from),
        (_, DType::U8) => from_float!(u8, from),
        (_, DType::U16) => from_float!(u16, from),
        (_, DType::U32) => from_float!(u32, from),
        (_, DType::U64) => from_float!(u64, from),
        (_, DType::I8) => from_float!(i8, from),
        (_, DType::I16) => from_float!(i16, from),
        (_, DType::I32) => from_float!(i32, from),
        (_, DType::I64) => from_float!(i64, from),
        _ => None,
    }
}
