//! What each fold does with its values, and which accumulator it does it in.

use super::both::Both;
use super::kernel::{Deviator, Reduce, Reducer};
use crate::kernel::arith::{Arith, Real};
use crate::kernel::convert::To;
use crate::{DType, Fold};
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
    const ZERO: Self;
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
            const ZERO: Self = 0 as $t;
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

/// The smallest value, or the greatest; a NaN stays once it is there.
struct Extreme<T, const GREATEST: bool>(PhantomData<T>);
type Min<T> = Extreme<T, false>;
type Max<T> = Extreme<T, true>;

impl<T: Bounded, const GREATEST: bool> Reduce for Extreme<T, GREATEST> {
    type In = T;
    type Acc = T;
    const IDENTITY: T = if GREATEST { T::LEAST } else { T::GREATEST };
    const EXACT: bool = T::INTEGER;
    #[inline(always)]
    fn step(acc: T, x: T) -> T {
        Self::settle(Self::ordered(acc, x), x)
    }
    #[inline(always)]
    fn merge(a: T, b: T) -> T {
        Self::step(a, b)
    }

    const WATCHES: bool = !T::INTEGER;
    const CALM: T = T::ZERO;
    #[inline(always)]
    fn ordered(acc: T, x: T) -> T {
        // One instruction, which keeps the accumulator where either is NaN.
        let further = if GREATEST { x > acc } else { x < acc };
        if further { x } else { acc }
    }
    #[inline(always)]
    fn watch(seen: T, [a, b, c, d]: [T; 4]) -> T {
        // A sum is NaN from the first NaN on; of infinities of both signs too.
        seen.add(a.add(b).add(c.add(d)))
    }
    #[inline(always)]
    fn calm(seen: T) -> bool {
        !seen.nan()
    }
    #[inline(always)]
    fn settle(acc: T, x: T) -> T {
        if x.nan() { x } else { acc }
    }
}

/// Other than zero if all values are, or if any is. A NaN is.
struct Truth<T, const ALL: bool>(PhantomData<T>);
type Any<T> = Truth<T, false>;
type All<T> = Truth<T, true>;

impl<T: Bounded, const ALL: bool> Reduce for Truth<T, ALL> {
    type In = T;
    type Acc = T;
    const IDENTITY: T = if ALL { T::ONE } else { T::ZERO };
    const EXACT: bool = T::INTEGER;
    #[inline(always)]
    fn step(acc: T, x: T) -> T {
        let size = x.abs();
        match (x == T::ZERO, ALL) {
            // Floats do without masks: by their least magnitude, which no NaN is, or the sum of magnitudes.
            _ if !T::INTEGER && ALL => {
                if size < acc {
                    size
                } else {
                    acc
                }
            }
            _ if !T::INTEGER => acc.add(size),
            (true, true) => T::ZERO,
            (false, false) => T::ONE,
            _ => acc,
        }
    }
    #[inline(always)]
    fn merge(a: T, b: T) -> T {
        Self::step(a, b)
    }
}

/// A fold of absolute values.
struct Magnitude<R>(PhantomData<R>);

impl<R: Reduce<In: Bounded>> Reduce for Magnitude<R> {
    type In = R::In;
    type Acc = R::Acc;
    const IDENTITY: R::Acc = R::IDENTITY;
    const EXACT: bool = R::EXACT;
    #[inline(always)]
    fn step(acc: R::Acc, x: R::In) -> R::Acc {
        R::step(acc, x.abs())
    }
    #[inline(always)]
    fn merge(a: R::Acc, b: R::Acc) -> R::Acc {
        R::merge(a, b)
    }

    const WATCHES: bool = R::WATCHES;
    const CALM: R::Acc = R::CALM;
    #[inline(always)]
    fn ordered(acc: R::Acc, x: R::In) -> R::Acc {
        R::ordered(acc, x.abs())
    }
    #[inline(always)]
    fn watch(seen: R::Acc, values: [R::In; 4]) -> R::Acc {
        R::watch(seen, values)
    }
    #[inline(always)]
    fn calm(seen: R::Acc) -> bool {
        R::calm(seen)
    }
    #[inline(always)]
    fn settle(acc: R::Acc, x: R::In) -> R::Acc {
        R::settle(acc, x.abs())
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

/// What `$make` gives for the real type `$t` that `$dtype` is; `None` for other types.
macro_rules! real {
    ($dtype:expr, $t:ident => $make:expr) => {
        real!($dtype, $t => $make; (Bool u8) (U8 u8) (U16 u16) (U32 u32) (U64 u64) (I8 i8) (I16 i16) (I32 i32) (I64 i64) (F32 f32) (F64 f64))
    };
    ($dtype:expr, $t:ident => $make:expr; $(($name:ident $type:ty))*) => {
        match $dtype {
            $(DType::$name => {
                type $t = $type;
                $make
            })*
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
        Fold::Min | Fold::ArgMin | Fold::Extremes => real!(dtype, T => reducer!(Min<T>)),
        Fold::Max | Fold::ArgMax => real!(dtype, T => reducer!(Max<T>)),
        Fold::Any => {
            if dtype == DType::Bool {
                reducer!(Any<u8>)
            } else {
                None
            }
        }
        Fold::All => {
            if dtype == DType::Bool {
                reducer!(All<u8>)
            } else {
                None
            }
        }
        Fold::Mean if matches!(dtype, DType::C32 | DType::C64) => own!(Sum, dtype),
        Fold::Mean | Fold::Var { .. } | Fold::Std { .. } | Fold::Moments => real_sum(dtype),
    }
}

/// Both extremes in one loop.
macro_rules! both {
    ($min:ty, $max:ty) => {{
        const BOTH: &Both = &Both::of::<$min, $max>();
        Some(BOTH)
    }};
}

/// The greatest value besides the least, of values of type `dtype`.
pub(super) fn greatest(dtype: DType) -> Option<&'static Both> {
    real!(dtype, T => both!(Min<T>, Max<T>))
}

/// The reducer of a fold of the absolute values of floats, and the greatest of them where the fold is both extremes.
pub(super) fn magnitude(fold: Fold, dtype: DType) -> Option<(&'static Reducer, Option<&'static Both>)> {
    macro_rules! magnitude {
        ($t:ty) => {
            match fold {
                Fold::Sum => reducer!(Magnitude<Sum<$t, f64>>).map(|reducer| (reducer, None)),
                Fold::Min => reducer!(Magnitude<Min<$t>>).map(|reducer| (reducer, None)),
                Fold::Max => reducer!(Magnitude<Max<$t>>).map(|reducer| (reducer, None)),
                Fold::Extremes => {
                    reducer!(Magnitude<Min<$t>>).map(|reducer| (reducer, both!(Magnitude<Min<$t>>, Magnitude<Max<$t>>)))
                }
                _ => None,
            }
        };
    }
    match dtype {
        DType::F32 => magnitude!(f32),
        DType::F64 => magnitude!(f64),
        _ => None,
    }
}

/// The reducer of whether any value, or all, are other than zero, of values of type `dtype` as they are.
pub(super) fn truth(fold: Fold, dtype: DType) -> Option<&'static Reducer> {
    match fold {
        Fold::Any => real!(dtype, T => reducer!(Any<T>)),
        Fold::All => real!(dtype, T => reducer!(All<T>)),
        _ => None,
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
