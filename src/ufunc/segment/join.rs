//! How values are joined, where a function may be applied in groups: the accumulator, what it starts from, and how a value enters
//! and leaves it.
//!
//! A *neutral* value changes no bit of what it is joined with, on either side: lanes that have nothing yet, or nothing more, hold
//! it. It need not be the function's identity: of sums of floats it is -0.0.

use crate::kernel::arith::{Arith, Real};
use crate::kernel::{from_bf16, from_f16, to_bf16, to_f16};
use crate::{DType, Op};
use num_complex::Complex;
use std::marker::PhantomData;

/// A function of two operands and an accumulator for it.
pub(crate) trait Join: 'static {
    type In: Copy + 'static;
    /// Where it is the type of the elements, they enter and leave as they are.
    type Acc: Copy + 'static;
    type Out: Copy + 'static;
    /// Whether elements are accumulators, of 8 bytes.
    const WORDS: bool;
    const NEUTRAL: Self::Acc;
    fn enter(x: Self::In) -> Self::Acc;
    fn join(a: Self::Acc, b: Self::Acc) -> Self::Acc;
    fn leave(acc: Self::Acc) -> Self::Out;
}

/// An element type: the accumulator that its values enter, and how they come out of it again. Floats of fewer than 64 bits are
/// accumulated in 64 and rounded once; integers stay as they are.
pub(crate) trait Value: 'static {
    type Raw: Copy + 'static;
    type Acc: Copy + 'static;
    const WORDS: bool = false;
    fn enter(x: Self::Raw) -> Self::Acc;
    fn leave(acc: Self::Acc) -> Self::Raw;
}

/// A type that is its own accumulator.
pub(crate) struct Own<T>(PhantomData<T>);
impl<T: Copy + 'static> Value for Own<T> {
    type Raw = T;
    type Acc = T;
    const WORDS: bool = size_of::<T>() == 8;
    #[inline(always)]
    fn enter(x: T) -> T {
        x
    }
    #[inline(always)]
    fn leave(acc: T) -> T {
        acc
    }
}

/// Types that are accumulated in wider ones.
macro_rules! widened {
    ($($(#[$doc:meta])* $name:ident: $raw:ty as $acc:ty, |$x:ident| $enter:expr, |$a:ident| $leave:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name;
        impl Value for $name {
            type Raw = $raw;
            type Acc = $acc;
            #[inline(always)]
            fn enter($x: $raw) -> $acc {
                $enter
            }
            #[inline(always)]
            fn leave($a: $acc) -> $raw {
                $leave
            }
        }
    )*};
}
widened! {
    /// `f16`, as its bits.
    F16: u16 as f64, |x| f64::from(from_f16(x)), |a| to_f16(a);
    /// `bf16`, as its bits.
    Bf16: u16 as f64, |x| f64::from(from_bf16(x)), |a| to_bf16(a);
    /// `f32`.
    F32: f32 as f64, |x| f64::from(x), |a| a as f32;
    /// `Complex<f32>`.
    C32: Complex<f32> as Complex<f64>,
        |x| Complex { re: f64::from(x.re), im: f64::from(x.im) },
        |a| Complex { re: a.re as f32, im: a.im as f32 };
}

/// What sums and products have for neutral values.
pub(crate) trait Neutral: Arith {
    const SUM: Self;
    const PRODUCT: Self;
}
macro_rules! neutral {
    ($($t:ty: $zero:expr, $one:expr;)*) => {$(
        impl Neutral for $t {
            const SUM: Self = $zero;
            const PRODUCT: Self = $one;
        }
    )*};
}
neutral! {
    u8: 0, 1; u16: 0, 1; u32: 0, 1; u64: 0, 1; f64: -0.0, 1.0;
    Complex<f64>: Complex { re: -0.0, im: -0.0 }, Complex { re: 1.0, im: 0.0 };
}

/// The ends of a type's range.
pub(crate) trait Ends: Real {
    const LEAST: Self;
    const GREATEST: Self;
}
macro_rules! ends {
    ($($t:ident)*) => {$(
        impl Ends for $t {
            const LEAST: Self = $t::MIN;
            const GREATEST: Self = $t::MAX;
        }
    )*};
}
ends!(u8 u16 u32 u64 i8 i16 i32 i64);
impl Ends for f64 {
    const LEAST: Self = f64::NEG_INFINITY;
    const GREATEST: Self = f64::INFINITY;
}

/// A float, whose NaN `fmax` and `fmin` take for nothing.
pub(crate) trait Float: Real {
    const NAN: Self;
}
impl Float for f64 {
    const NAN: Self = f64::NAN;
}

macro_rules! join {
    ($($(#[$doc:meta])* $name:ident<$bound:path>, $neutral:expr, |$a:ident, $b:ident| $e:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $name<V>(PhantomData<V>);
        impl<V: Value> Join for $name<V>
        where
            V::Acc: $bound,
        {
            type In = V::Raw;
            type Acc = V::Acc;
            type Out = V::Raw;
            const WORDS: bool = V::WORDS;
            const NEUTRAL: V::Acc = $neutral;
            #[inline(always)]
            fn enter(x: V::Raw) -> V::Acc {
                V::enter(x)
            }
            #[inline(always)]
            fn join($a: V::Acc, $b: V::Acc) -> V::Acc {
                $e
            }
            #[inline(always)]
            fn leave(acc: V::Acc) -> V::Raw {
                V::leave(acc)
            }
        }
    )*};
}
join! {
    /// Sums.
    Sum<Neutral>, V::Acc::SUM, |a, b| a.add(b);
    /// Differences: only ever one after the other, so that nothing is neutral.
    Difference<Neutral>, V::Acc::SUM, |a, b| a.sub(b);
    /// Products.
    Product<Neutral>, V::Acc::PRODUCT, |a, b| a.mul(b);
    /// The larger; NaN where one is.
    Max<Ends>, V::Acc::LEAST, |a, b| a.maximum(b);
    /// The smaller; NaN where one is.
    Min<Ends>, V::Acc::GREATEST, |a, b| a.minimum(b);
    /// The larger; the other one where one is NaN.
    Fmax<Float>, V::Acc::NAN, |a, b| a.fmax(b);
    /// The smaller; the other one where one is NaN.
    Fmin<Float>, V::Acc::NAN, |a, b| a.fmin(b);
    /// Bits set in both.
    And<Bits>, V::Acc::ALL, |a, b| a & b;
    /// Bits set in one.
    Or<Bits>, V::Acc::NONE, |a, b| a | b;
    /// Bits set in exactly one.
    Xor<Bits>, V::Acc::NONE, |a, b| a ^ b;
}

/// A type of bits.
pub(crate) trait Bits:
    Copy + std::ops::BitAnd<Output = Self> + std::ops::BitOr<Output = Self> + std::ops::BitXor<Output = Self>
{
    const NONE: Self;
    const ALL: Self;
}
macro_rules! bits {
    ($($t:ident)*) => {$(
        impl Bits for $t {
            const NONE: Self = 0;
            const ALL: Self = $t::MAX;
        }
    )*};
}
bits!(u8 u16 u32 u64);

/// `$make!(J)` of the join that an operation on values of a type is and that gives a value of that type, as an `Option`; `None` where
/// it has none, and is applied in order. Products of complex numbers have none: 1 + 0i is not neutral beside infinities.
macro_rules! elements {
    ($op:expr, $dtype:expr, $make:ident) => {{
        use $crate::segment::join::{And, Bf16, C32, F16, F32, Fmax, Fmin, Max, Min, Or, Own, Product, Sum, Xor};
        use $crate::{DType, Op};
        macro_rules! bitwise {
            ($j:ident) => {
                match $dtype {
                    DType::Bool | DType::I8 | DType::U8 => $make!($j<Own<u8>>),
                    DType::I16 | DType::U16 => $make!($j<Own<u16>>),
                    DType::I32 | DType::U32 => $make!($j<Own<u32>>),
                    DType::I64 | DType::U64 => $make!($j<Own<u64>>),
                    _ => None,
                }
            };
        }
        macro_rules! floating {
            ($j:ident, $rest:expr) => {
                match $dtype {
                    DType::F16 => $make!($j<F16>),
                    DType::BF16 => $make!($j<Bf16>),
                    DType::F32 => $make!($j<F32>),
                    DType::F64 => $make!($j<Own<f64>>),
                    _ => $rest,
                }
            };
        }
        macro_rules! extreme {
            ($j:ident) => {
                match $dtype {
                    DType::Bool | DType::U8 => $make!($j<Own<u8>>),
                    DType::U16 => $make!($j<Own<u16>>),
                    DType::U32 => $make!($j<Own<u32>>),
                    DType::U64 => $make!($j<Own<u64>>),
                    DType::I8 => $make!($j<Own<i8>>),
                    DType::I16 => $make!($j<Own<i16>>),
                    DType::I32 => $make!($j<Own<i32>>),
                    DType::I64 => $make!($j<Own<i64>>),
                    _ => floating!($j, None),
                }
            };
        }
        // Of what has no NaN the two kinds of extremes are one.
        let float = $dtype.is_half() || matches!($dtype, DType::F32 | DType::F64);
        match $op {
            Op::Add if $dtype == DType::Bool => bitwise!(Or),
            Op::Mul if $dtype == DType::Bool => bitwise!(And),
            Op::Add if $dtype == DType::C32 => $make!(Sum<C32>),
            Op::Add if $dtype == DType::C64 => $make!(Sum<Own<num_complex::Complex<f64>>>),
            Op::Add => floating!(Sum, bitwise!(Sum)),
            Op::Mul => floating!(Product, bitwise!(Product)),
            Op::Fmax if float => floating!(Fmax, None),
            Op::Fmin if float => floating!(Fmin, None),
            Op::Maximum | Op::Fmax => extreme!(Max),
            Op::Minimum | Op::Fmin => extreme!(Min),
            Op::BitAnd => bitwise!(And),
            Op::BitOr => bitwise!(Or),
            Op::BitXor => bitwise!(Xor),
            _ => None,
        }
    }};
}
pub(crate) use elements;

/// The same of the types that scans and segments are compiled for: those of 32 bits and more. What is computed in another type is
/// said by [`computed_in`].
macro_rules! wide {
    ($op:expr, $dtype:expr, $make:ident) => {{
        use $crate::segment::join::{And, C32, F32, Fmax, Fmin, Max, Min, Or, Own, Product, Sum, Xor};
        use $crate::{DType, Op};
        macro_rules! bitwise {
            ($j:ident) => {
                match $dtype {
                    DType::I32 | DType::U32 => $make!($j<Own<u32>>),
                    DType::I64 | DType::U64 => $make!($j<Own<u64>>),
                    _ => None,
                }
            };
        }
        macro_rules! floating {
            ($j:ident, $f32:ty, $rest:expr) => {
                match $dtype {
                    DType::F32 => $make!($j<$f32>),
                    DType::F64 => $make!($j<Own<f64>>),
                    _ => $rest,
                }
            };
        }
        macro_rules! extreme {
            ($j:ident) => {
                match $dtype {
                    DType::U32 => $make!($j<Own<u32>>),
                    DType::U64 => $make!($j<Own<u64>>),
                    DType::I32 => $make!($j<Own<i32>>),
                    DType::I64 => $make!($j<Own<i64>>),
                    _ => floating!($j, F32, None),
                }
            };
        }
        let float = matches!($dtype, DType::F32 | DType::F64);
        match $op {
            Op::Add if $dtype == DType::C32 => $make!(Sum<C32>),
            Op::Add if $dtype == DType::C64 => $make!(Sum<Own<num_complex::Complex<f64>>>),
            Op::Add => floating!(Sum, F32, bitwise!(Sum)),
            Op::Mul => floating!(Product, F32, bitwise!(Product)),
            Op::Fmax if float => floating!(Fmax, F32, None),
            Op::Fmin if float => floating!(Fmin, F32, None),
            Op::Maximum | Op::Fmax => extreme!(Max),
            Op::Minimum | Op::Fmin => extreme!(Min),
            Op::BitAnd => bitwise!(And),
            Op::BitOr => bitwise!(Or),
            Op::BitXor => bitwise!(Xor),
            _ => None,
        }
    }};
}
pub(crate) use wide;

/// The operation and the type by which scans and segments join values of type `dtype`, where these are others: the values are converted
/// first, and the results back. Integers of 8 and 16 bits are joined in 32, floats of 16 bits in 64, truth values as integers.
pub fn computed_in(op: Op, dtype: DType) -> Option<(Op, DType)> {
    let op = match (op, dtype) {
        (Op::LogicalAnd, _) | (Op::Mul, DType::Bool) => Op::BitAnd,
        (Op::LogicalOr, _) | (Op::Add, DType::Bool) => Op::BitOr,
        (Op::LogicalXor, _) => Op::BitXor,
        (
            Op::Add | Op::Mul | Op::Maximum | Op::Minimum | Op::Fmax | Op::Fmin | Op::BitAnd | Op::BitOr | Op::BitXor,
            _,
        ) => op,
        _ => return None,
    };
    match dtype {
        DType::Bool | DType::U8 | DType::U16 => Some((op, DType::U32)),
        DType::I8 | DType::I16 => Some((op, DType::I32)),
        DType::F16 | DType::BF16 => Some((op, DType::F64)),
        _ => None,
    }
}
