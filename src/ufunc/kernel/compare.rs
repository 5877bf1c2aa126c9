//! Comparisons and tests, which give `bool` as a byte, 0 or 1.

use super::arith::{Float, real};
use super::{Kernel, body, kernel};
use crate::{DType, Op};
use num_complex::Complex;

body!(Equal<T: Same>(a: T, b: T) -> u8 = (a == b) as u8);
body!(NotEqual<T: Same>(a: T, b: T) -> u8 = (a != b) as u8);
body!(Less<T: Ordered>(a: T, b: T) -> u8 = (a < b) as u8);
body!(LessEqual<T: Ordered>(a: T, b: T) -> u8 = (a <= b) as u8);
body!(IsNan<T: Float>(a: T) -> u8 = a.nan() as u8);
body!(IsFinite<T: Float>(a: T) -> u8 = !a.sub(a).nan() as u8);
body!(IsInfinite<T: Float>(a: T) -> u8 = (a.sub(a).nan() && !a.nan()) as u8);

body!(LogicalNot<T: Truth>(a: T) -> u8 = a.falsehood() as u8);
body!(LogicalAnd<T: Truth>(a: T, b: T) -> u8 = !(a.falsehood() | b.falsehood()) as u8);
body!(LogicalOr<T: Truth>(a: T, b: T) -> u8 = !(a.falsehood() & b.falsehood()) as u8);
body!(LogicalXor<T: Truth>(a: T, b: T) -> u8 = (a.falsehood() != b.falsehood()) as u8);
body!(Never<T: Same>(_a: T) -> u8 = 0);
body!(Always<T: Same>(_a: T) -> u8 = 1);

/// Whether a type has neither infinities nor NaN.
fn exact(dtype: DType) -> bool {
    dtype.is_integer() || dtype == DType::Bool
}

pub(crate) trait Same: Copy + PartialEq {}
impl<T: Copy + PartialEq> Same for T {}
/// A value that is true unless it is zero.
pub(crate) trait Truth: Copy {
    fn falsehood(self) -> bool;
}
impl<T: Same + Default> Truth for T {
    #[inline(always)]
    fn falsehood(self) -> bool {
        self == T::default()
    }
}
pub(crate) trait Ordered: Copy + PartialOrd {}
impl<T: Copy + PartialOrd> Ordered for T {}

macro_rules! same {
    ($body:ident, $dtype:expr) => {
        match $dtype {
            DType::Bool | DType::I8 | DType::U8 => kernel!($body<u8>, 64),
            DType::I16 | DType::U16 => kernel!($body<u16>, 32),
            DType::I32 | DType::U32 => kernel!($body<u32>, 16),
            DType::I64 | DType::U64 => kernel!($body<u64>, 16),
            DType::F32 => kernel!($body<f32>, 16),
            DType::F64 => kernel!($body<f64>, 16),
            DType::C32 => kernel!($body<Complex<f32>>, 16),
            DType::C64 => kernel!($body<Complex<f64>>, 16),
            DType::F16 | DType::BF16 => None,
        }
    };
}

macro_rules! float {
    ($body:ident, $dtype:expr) => {
        match $dtype {
            DType::F32 => kernel!($body<f32>, 16),
            DType::F64 => kernel!($body<f64>, 16),
            _ => None,
        }
    };
}

/// The kernel that compares or tests values of type `dtype`, and whether its operands are to be exchanged.
pub(super) fn compare(op: Op, dtype: DType) -> Option<(&'static Kernel, bool)> {
    let kernel = match op {
        Op::Equal => same!(Equal, dtype),
        Op::NotEqual => same!(NotEqual, dtype),
        Op::Less | Op::Greater => real!(Less, dtype, DType::Bool),
        Op::LessEqual | Op::GreaterEqual => real!(LessEqual, dtype, DType::Bool),
        Op::LogicalNot => same!(LogicalNot, dtype),
        Op::LogicalAnd => same!(LogicalAnd, dtype),
        Op::LogicalOr => same!(LogicalOr, dtype),
        Op::LogicalXor => same!(LogicalXor, dtype),
        Op::IsNan | Op::IsInfinite if exact(dtype) => same!(Never, dtype),
        Op::IsFinite if exact(dtype) => same!(Always, dtype),
        Op::IsNan => float!(IsNan, dtype),
        Op::IsFinite => float!(IsFinite, dtype),
        Op::IsInfinite => float!(IsInfinite, dtype),
        _ => None,
    };
    Some((kernel?, matches!(op, Op::Greater | Op::GreaterEqual)))
}
