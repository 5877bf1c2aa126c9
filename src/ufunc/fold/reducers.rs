//! What each fold does with its values, and which accumulator it does it in.

use super::kernel::{Deviator, Reduce, Reducer};
use crate::ufunc::kernel::arith::{Arith, Real};
use crate::ufunc::kernel::convert::To;
use crate::ufunc::{DType, Fold};
use num_complex::Complex;
use std::marker::PhantomData;

/// A number that sums and products start from.
pub(super) trait Start: Arith {
    const ZERO: Self;
    const INTEGER: bool;
}

/// The ends of a type's range.
pub(super) trait Bounded: Real {
    const INTEGER: bool;
    const LEAST: Self;
    const GREATEST: Self;
}

macro_rules! start {
    ($($t:ty: $zero:expr, $integer:literal;)*) => {$(
        impl Start for $t {
            const ZERO: Self = $zero;
            const INTEGER: bool = $integer;
        }
    )*};
}
start! {
    u8: 0, true; u16: 0, true; u32: 0, true; u64: 0, true; f64: 0.0, false;
    Complex<f64>: Complex { re: 0.0, im: 0.0 }, false;
}

macro_rules! bounded {
    ($($t:ty: $least:expr, $greatest:expr, $integer:literal;)*) => {$(
        impl Bounded for $t {
            const LEAST: Self = $least;
            const GREATEST: Self = $greatest;
            const INTEGER: bool = $integer;
        }
    )*};
}
bounded! {
    u8: 0, u8::MAX, true; u16: 0, u16::MAX, true; u32: 0, u32::MAX, true; u64: 0, u64::MAX, true;
    i8: i8::MIN, i8::MAX, true; i16: i16::MIN, i16::MAX, true; i32: i32::MIN, i32::MAX, true; i64: i64::MIN, i64::MAX, true;
    f32: f32::NEG_INFINITY, f32::INFINITY, false; f64: f64::NEG_INFINITY, f64::INFINITY, false;
}

struct Sum<T, A>(PhantomData<(T, A)>);
impl<T: Enter<A>, A: Start> Reduce for Sum<T, A> {
    type In = T;
    type Acc = A;
    const IDENTITY: A = A::ZERO;
    const EXACT: bool = A::INTEGER;
    #[inline(always)]
    fn step(acc: A, x: T) -> A {
        acc.add(x.enter())
    }
    #[inline(always)]
    fn merge(a: A, b: A) -> A {
        a.add(b)
    }
}

struct Product<T, A>(PhantomData<(T, A)>);
impl<T: Enter<A>, A: Start> Reduce for Product<T, A> {
    type In = T;
    type Acc = A;
    const IDENTITY: A = A::ONE;
    const EXACT: bool = A::INTEGER;
    #[inline(always)]
    fn step(acc: A, x: T) -> A {
        acc.mul(x.enter())
    }
    #[inline(always)]
    fn merge(a: A, b: A) -> A {
        a.mul(b)
    }
}

/// The smallest value; a NaN stays once it is there.
struct Min<T>(PhantomData<T>);
impl<T: Bounded> Reduce for Min<T> {
    type In = T;
    type Acc = T;
    const IDENTITY: T = T::GREATEST;
    const EXACT: bool = T::INTEGER;
    #[inline(always)]
    fn step(acc: T, x: T) -> T {
        // Two selections, the first of which is one instruction: that keeps the accumulator where either is NaN.
        let least = if x < acc { x } else { acc };
        if x.nan() { x } else { least }
    }
    #[inline(always)]
    fn merge(a: T, b: T) -> T {
        Self::step(a, b)
    }
}

/// The largest value; a NaN stays once it is there.
struct Max<T>(PhantomData<T>);
impl<T: Bounded> Reduce for Max<T> {
    type In = T;
    type Acc = T;
    const IDENTITY: T = T::LEAST;
    const EXACT: bool = T::INTEGER;
    #[inline(always)]
    fn step(acc: T, x: T) -> T {
        // As for the least.
        let greatest = if x > acc { x } else { acc };
        if x.nan() { x } else { greatest }
    }
    #[inline(always)]
    fn merge(a: T, b: T) -> T {
        Self::step(a, b)
    }
}

struct Any;
impl Reduce for Any {
    type In = u8;
    type Acc = u8;
    const IDENTITY: u8 = 0;
    const EXACT: bool = true;
    #[inline(always)]
    fn step(acc: u8, x: u8) -> u8 {
        acc | (x != 0) as u8
    }
    #[inline(always)]
    fn merge(a: u8, b: u8) -> u8 {
        a | b
    }
}

struct All;
impl Reduce for All {
    type In = u8;
    type Acc = u8;
    const IDENTITY: u8 = 1;
    const EXACT: bool = true;
    #[inline(always)]
    fn step(acc: u8, x: u8) -> u8 {
        acc & (x != 0) as u8
    }
    #[inline(always)]
    fn merge(a: u8, b: u8) -> u8 {
        a & b
    }
}

/// A value that enters an accumulator of type `A`.
pub(super) trait Enter<A>: Copy {
    fn enter(self) -> A;
}

macro_rules! enter {
    ($($t:ty => $($a:ty)*;)*) => {$($(
        impl Enter<$a> for $t {
            #[inline(always)]
            fn enter(self) -> $a { <$t as To<$a>>::to(self) }
        }
    )*)*};
}
enter! {
    u8 => u64 f64; u16 => f64; u32 => f64; u64 => f64;
    i8 => f64; i16 => f64; i32 => f64; i64 => f64;
    f32 => f64; f64 => f64;
    Complex<f32> => Complex<f64>; Complex<f64> => Complex<f64>;
}
macro_rules! enter_itself {
    ($($t:ty)*) => {$(
        impl Enter<$t> for $t {
            #[inline(always)]
            fn enter(self) -> $t { self }
        }
    )*};
}
enter_itself!(u8 u16 u32 u64);

macro_rules! reducer {
    ($r:ty) => {{
        const REDUCER: &Reducer = &Reducer::of::<$r>();
        Some(REDUCER)
    }};
}

macro_rules! extreme {
    ($r:ident, $dtype:expr) => {
        match $dtype {
            DType::Bool | DType::U8 => reducer!($r<u8>),
            DType::U16 => reducer!($r<u16>),
            DType::U32 => reducer!($r<u32>),
            DType::U64 => reducer!($r<u64>),
            DType::I8 => reducer!($r<i8>),
            DType::I16 => reducer!($r<i16>),
            DType::I32 => reducer!($r<i32>),
            DType::I64 => reducer!($r<i64>),
            DType::F32 => reducer!($r<f32>),
            DType::F64 => reducer!($r<f64>),
            DType::C32 | DType::C64 | DType::F16 | DType::BF16 => None,
        }
    };
}

/// Sums and products in the type of the values.
macro_rules! own {
    ($r:ident, $dtype:expr) => {
        match $dtype {
            DType::Bool => reducer!($r<u8, u64>),
            DType::I8 | DType::U8 => reducer!($r<u8, u8>),
            DType::I16 | DType::U16 => reducer!($r<u16, u16>),
            DType::I32 | DType::U32 => reducer!($r<u32, u32>),
            DType::I64 | DType::U64 => reducer!($r<u64, u64>),
            DType::F32 => reducer!($r<f32, f64>),
            DType::F64 => reducer!($r<f64, f64>),
            DType::C32 => reducer!($r<Complex<f32>, Complex<f64>>),
            DType::C64 => reducer!($r<Complex<f64>, Complex<f64>>),
            DType::F16 | DType::BF16 => None,
        }
    };
}

/// Sums in `f64`.
fn real_sum(dtype: DType) -> Option<&'static Reducer> {
    match dtype {
        DType::Bool | DType::U8 => reducer!(Sum<u8, f64>),
        DType::U16 => reducer!(Sum<u16, f64>),
        DType::U32 => reducer!(Sum<u32, f64>),
        DType::U64 => reducer!(Sum<u64, f64>),
        DType::I8 => reducer!(Sum<i8, f64>),
        DType::I16 => reducer!(Sum<i16, f64>),
        DType::I32 => reducer!(Sum<i32, f64>),
        DType::I64 => reducer!(Sum<i64, f64>),
        DType::F32 => reducer!(Sum<f32, f64>),
        DType::F64 => reducer!(Sum<f64, f64>),
        DType::C32 | DType::C64 | DType::F16 | DType::BF16 => None,
    }
}

/// The reducer of a fold of values of type `dtype`: for moments that of the sum, for the index of an extreme that of the
/// extreme, for both extremes that of the least.
pub(super) fn reducer(fold: Fold, dtype: DType) -> Option<&'static Reducer> {
    match fold {
        Fold::Sum => own!(Sum, dtype),
        Fold::Product if dtype == DType::Bool => None,
        Fold::Product => own!(Product, dtype),
        Fold::Min | Fold::ArgMin | Fold::Extremes => extreme!(Min, dtype),
        Fold::Max | Fold::ArgMax => extreme!(Max, dtype),
        Fold::Any => {
            if dtype == DType::Bool {
                reducer!(Any)
            } else {
                None
            }
        }
        Fold::All => {
            if dtype == DType::Bool {
                reducer!(All)
            } else {
                None
            }
        }
        Fold::Mean if matches!(dtype, DType::C32 | DType::C64) => own!(Sum, dtype),
        Fold::Mean | Fold::Var { .. } | Fold::Std { .. } | Fold::Moments => real_sum(dtype),
    }
}

/// The sums of squared deviations of values of type `dtype`.
pub(super) fn deviator(dtype: DType) -> Option<&'static Deviator> {
    macro_rules! deviator {
        ($t:ty) => {{
            const DEVIATOR: &Deviator = &Deviator::of::<$t>();
            Some(DEVIATOR)
        }};
    }
    match dtype {
        DType::Bool | DType::U8 => deviator!(u8),
        DType::U16 => deviator!(u16),
        DType::U32 => deviator!(u32),
        DType::U64 => deviator!(u64),
        DType::I8 => deviator!(i8),
        DType::I16 => deviator!(i16),
        DType::I32 => deviator!(i32),
        DType::I64 => deviator!(i64),
        DType::F32 => deviator!(f32),
        DType::F64 => deviator!(f64),
        DType::C32 | DType::C64 | DType::F16 | DType::BF16 => None,
    }
}
