//! What a reduction of nothing is, and which functions may be reduced in any grouping.

use crate::{DType, Op, Scalar, Value, user};
use half::{bf16, f16};
use num_complex::Complex;

/// The number `zero` or `one` of a type.
fn number(dtype: DType, one: bool) -> Option<Scalar> {
    macro_rules! of {
        ($t:ty) => {
            (one as u8 as $t).scalar()
        };
    }
    let x = f32::from(u8::from(one));
    match dtype {
        DType::Bool => one.scalar(),
        DType::I8 => of!(i8),
        DType::I16 => of!(i16),
        DType::I32 => of!(i32),
        DType::I64 => of!(i64),
        DType::U8 => of!(u8),
        DType::U16 => of!(u16),
        DType::U32 => of!(u32),
        DType::U64 => of!(u64),
        DType::F16 => f16::from_f32(x).scalar(),
        DType::BF16 => bf16::from_f32(x).scalar(),
        DType::F32 => x.scalar(),
        DType::F64 => f64::from(x).scalar(),
        DType::C32 => Complex { re: x, im: 0.0 }.scalar(),
        DType::C64 => Complex { re: f64::from(x), im: 0.0 }.scalar(),
    }
}

/// Minus infinity.
fn least(dtype: DType) -> Option<Scalar> {
    match dtype {
        DType::F16 => f16::NEG_INFINITY.scalar(),
        DType::BF16 => bf16::NEG_INFINITY.scalar(),
        DType::F32 => f32::NEG_INFINITY.scalar(),
        DType::F64 => f64::NEG_INFINITY.scalar(),
        _ => None,
    }
}

/// All bits set.
fn all_bits(dtype: DType) -> Option<Scalar> {
    match dtype {
        DType::Bool => true.scalar(),
        _ if dtype.is_integer() => {
            let mut bytes = [0; 16];
            bytes[..dtype.size()].fill(0xff);
            Some(Scalar { dtype, bytes })
        }
        _ => None,
    }
}

/// The identity of a function of two operands of type `dtype`, in the type of its result: what a reduction of no values
/// is, as NumPy has it; `None` where there is none.
pub fn identity(op: Op, dtype: DType) -> Option<Scalar> {
    match op {
        Op::Add | Op::BitOr | Op::BitXor | Op::Gcd | Op::Hypot => number(dtype, false),
        Op::Mul => number(dtype, true),
        Op::BitAnd => all_bits(dtype),
        Op::LogicalOr | Op::LogicalXor => false.scalar(),
        Op::LogicalAnd => true.scalar(),
        Op::Logaddexp | Op::Logaddexp2 => least(dtype),
        Op::User(number) => user::identity(number),
        _ => None,
    }
}

/// Whether a function may be reduced in groups (the fixed tree), since how its operands are grouped changes no more than
/// the rounding. Others are reduced in order, one operand after the other.
pub fn associative(op: Op) -> bool {
    if let Op::User(number) = op {
        return user::associative(number);
    }
    matches!(
        op,
        Op::Add
            | Op::Mul
            | Op::BitAnd
            | Op::BitOr
            | Op::BitXor
            | Op::LogicalAnd
            | Op::LogicalOr
            | Op::LogicalXor
            | Op::Minimum
            | Op::Maximum
            | Op::Fmin
            | Op::Fmax
            | Op::Gcd
            | Op::Lcm
            | Op::Hypot
            | Op::Logaddexp
            | Op::Logaddexp2
    )
}
