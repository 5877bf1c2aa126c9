//! Bitwise operations, shifts, selection and copies: all that looks at an element as bits.

use super::{Kernel, body, kernel};
use crate::{DType, Op};

/// An integer seen as bits.
pub(crate) trait Bits: Copy {
    fn and(self, other: Self) -> Self;
    fn or(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    fn not(self) -> Self;
    fn shl(self, by: Self) -> Self;
    fn shr(self, by: Self) -> Self;
}

macro_rules! impl_bits {
    ($($t:ty)*) => {$(
        impl Bits for $t {
            #[inline(always)]
            fn and(self, other: Self) -> Self { self & other }
            #[inline(always)]
            fn or(self, other: Self) -> Self { self | other }
            #[inline(always)]
            fn xor(self, other: Self) -> Self { self ^ other }
            #[inline(always)]
            fn not(self) -> Self { !self }
            #[inline(always)]
            fn shl(self, by: Self) -> Self { self.wrapping_shl(by as u32) }
            #[inline(always)]
            fn shr(self, by: Self) -> Self { self.wrapping_shr(by as u32) }
        }
    )*};
}
impl_bits!(u8 u16 u32 u64 i8 i16 i32 i64);

body!(And<T: Bits>(a: T, b: T) -> T = a.and(b));
body!(Or<T: Bits>(a: T, b: T) -> T = a.or(b));
body!(Xor<T: Bits>(a: T, b: T) -> T = a.xor(b));
body!(Not<T: Bits>(a: T) -> T = a.not());
body!(Shl<T: Bits>(a: T, b: T) -> T = a.shl(b));
body!(Shr<T: Bits>(a: T, b: T) -> T = a.shr(b));
body!(Copied<T: Copy>(a: T) -> T = a);
body!(Select<T: Copy>(mask: u8, a: T, b: T) -> T = if mask != 0 { a } else { b });

macro_rules! modular {
    ($body:ident, $dtype:expr) => {
        match $dtype {
            DType::I8 | DType::U8 => kernel!($body<u8>, 64),
            DType::I16 | DType::U16 => kernel!($body<u16>, 32),
            DType::I32 | DType::U32 => kernel!($body<u32>, 16),
            DType::I64 | DType::U64 => kernel!($body<u64>, 16),
            _ => None,
        }
    };
}

macro_rules! by_size {
    ($body:ident, $dtype:expr) => {
        match $dtype.size() {
            1 => kernel!($body<u8>, 64),
            2 => kernel!($body<u16>, 32),
            4 => kernel!($body<u32>, 16),
            8 => kernel!($body<u64>, 16),
            _ => kernel!($body<[u64; 2]>, 16),
        }
    };
}

/// The kernel of a bitwise operation whose operands and result are of type `dtype`.
pub(super) fn bits(op: Op, dtype: DType) -> Option<&'static Kernel> {
    let bytes = if dtype == DType::Bool { DType::U8 } else { dtype };
    match op {
        Op::BitAnd => modular!(And, bytes),
        Op::BitOr => modular!(Or, bytes),
        Op::BitXor => modular!(Xor, bytes),
        Op::Not if dtype == DType::Bool => Some(super::compare::compare(Op::LogicalNot, dtype)?.0),
        Op::Not => modular!(Not, dtype),
        Op::Shl => modular!(Shl, dtype),
        Op::Shr => match dtype {
            DType::I8 => kernel!(Shr<i8>, 64),
            DType::I16 => kernel!(Shr<i16>, 32),
            DType::I32 => kernel!(Shr<i32>, 16),
            DType::I64 => kernel!(Shr<i64>, 16),
            _ => modular!(Shr, dtype),
        },
        _ => None,
    }
}

/// The kernel that selects between two values of type `dtype`.
pub(super) fn select(dtype: DType) -> Option<&'static Kernel> {
    by_size!(Select, dtype)
}

/// The kernel that copies elements as large as those of `dtype`.
pub(crate) fn copy(dtype: DType) -> Option<&'static Kernel> {
    by_size!(Copied, dtype)
}
