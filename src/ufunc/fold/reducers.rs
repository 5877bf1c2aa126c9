//! What each fold does with its values, and which accumulator it does it in.

use super::both::Both;
use super::deviations::Deviator;
use super::kernel::{Reduce, Reducer};
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

/// A sum of integers that does not wrap: 40 bits, and what is above them.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Wide {
    low: u64,
    high: u64,
}

impl Wide {
    /// Bits of the lower part once it has been merged. It takes 2^24 values until then, far more than a block has; the upper part takes
    /// 2^40.
    const LOW: u32 = 40;

    /// The value, of `count` integers of a type of which each was counted from the least one on.
    pub fn value(self, count: usize, least: i64) -> i128 {
        (i128::from(self.high) << Self::LOW) + i128::from(self.low) + count as i128 * i128::from(least)
    }
}

/// An integer, counted from the least one of its type on.
pub(super) trait FromLeast: Copy {
    fn above_least(self) -> u64;
}
macro_rules! above_least {
    ($($t:ident: |$x:ident| $e:expr;)*) => {$(
        impl FromLeast for $t {
            #[inline(always)]
            fn above_least(self) -> u64 {
                let $x = self;
                $e
            }
        }
    )*};
}
above_least! {
    u32: |x| u64::from(x);
    u64: |x| x;
    i32: |x| u64::from(x as u32 ^ 1 << 31);
    i64: |x| x as u64 ^ 1 << 63;
}

/// See [`Wide`].
struct WideSum<T>(PhantomData<T>);
impl<T: FromLeast> Reduce for WideSum<T> {
    type In = T;
    type Acc = Wide;
    const IDENTITY: Wide = Wide { low: 0, high: 0 };
    const EXACT: bool = true;
    #[inline(always)]
    fn step(acc: Wide, x: T) -> Wide {
        let x = x.above_least();
        let (low, high) = (x & ((1 << Wide::LOW) - 1), x >> Wide::LOW);
        Wide { low: acc.low.wrapping_add(low), high: acc.high.wrapping_add(high) }
    }
    #[inline(always)]
    fn merge(a: Wide, b: Wide) -> Wide {
        let low = a.low.wrapping_add(b.low);
        let high = a.high.wrapping_add(b.high).wrapping_add(low >> Wide::LOW);
        Wide { low: low & ((1 << Wide::LOW) - 1), high }
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
        if GREATEST { acc.maximum(x) } else { acc.minimum(x) }
    }
    #[inline(always)]
    fn merge(a: T, b: T) -> T {
        Self::step(a, b)
    }

    const WATCHES: bool = !T::INTEGER;
    const CALM: T = T::ZERO;
    #[inline(always)]
    fn ordered(acc: T, x: T) -> T {
        // One instruction, which keeps the accumulator where either is NaN, and where both are zeros.
        let further = if GREATEST { x > acc } else { x < acc };
        if further { x } else { acc }
    }
    #[inline(always)]
    fn watch(seen: T, [a, b, c, d]: [T; 4]) -> T {
        // A sum is NaN from the first NaN on; of infinities of both signs too.
        seen.add(a.add(b).add(c.add(d)))
    }
    #[inline(always)]
    fn has_no_nan(seen: T) -> bool {
        !seen.nan()
    }
    #[inline(always)]
    fn doubtful(acc: T) -> bool {
        acc == T::ZERO
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
    fn has_no_nan(seen: R::Acc) -> bool {
        R::has_no_nan(seen)
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
    u8 => u64; u16 => u64; i8 => u64; i16 => u64;
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

/// Sums for means: integers do not wrap.
fn mean_sum(dtype: DType) -> Option<&'static Reducer> {
    match dtype {
        DType::U8 => reducer!(Sum<u8, u64>),
        DType::U16 => reducer!(Sum<u16, u64>),
        DType::I8 => reducer!(Sum<i8, u64>),
        DType::I16 => reducer!(Sum<i16, u64>),
        DType::U32 => reducer!(WideSum<u32>),
        DType::I32 => reducer!(WideSum<i32>),
        DType::U64 => reducer!(WideSum<u64>),
        DType::I64 => reducer!(WideSum<i64>),
        DType::F32 | DType::F64 | DType::C32 | DType::C64 => own!(Sum, dtype),
        DType::Bool | DType::F16 | DType::BF16 => None,
    }
}

/// The reducer of a fold of values of type `dtype`: for moments that of the sum, for the index of an extreme that of the
/// extreme, for both extremes that of the least.
pub(super) fn reducer(fold: Fold, dtype: DType) -> Option<&'static Reducer> {
    match fold {
        Fold::Sum | Fold::SumFrom { .. } => own!(Sum, dtype),
        Fold::Product | Fold::ProductFrom { .. } if dtype == DType::Bool => None,
        Fold::Product | Fold::ProductFrom { .. } => own!(Product, dtype),
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
        Fold::Mean => mean_sum(dtype),
        Fold::Var { .. } | Fold::Std { .. } | Fold::Moments => match dtype {
            DType::F32 => reducer!(Sum<f32, f64>),
            DType::F64 => reducer!(Sum<f64, f64>),
            _ => None,
        },
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

/// The squared deviations of values of type `dtype`.
pub(super) fn deviator(dtype: DType) -> Option<&'static Deviator> {
    macro_rules! deviator {
        ($t:ty) => {{
            const DEVIATOR: &Deviator = &Deviator::of::<$t>();
            Some(DEVIATOR)
        }};
    }
    match dtype {
        DType::F32 => deviator!(f32),
        DType::F64 => deviator!(f64),
        _ => None,
    }
}
