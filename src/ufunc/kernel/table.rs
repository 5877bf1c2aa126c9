//! Which kernel computes an operation on operands of given types: the one list of what programs can do.

use super::Kernel;
use super::arith::arith;
use super::bits::{bits, select};
use super::compare::compare;
use super::complex::complex;
use super::convert::cast;
use super::floats::floats;
use super::functions::function;
use super::half;
use super::integer::integer;
use super::order::order;
use crate::{DType, Op};

pub(crate) use super::bits::copy;

/// How an operation is computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipe {
    /// The kernel.
    pub kernel: &'static Kernel,
    /// Whether its two operands are to be exchanged.
    pub swap: bool,
    /// An `i32` that the kernel takes as its second operand.
    pub exponent: Option<i32>,
    /// Type of the result.
    pub dtype: DType,
}

impl Op {
    /// How many operands the operation takes.
    pub fn arity(self) -> usize {
        match self {
            Op::Select | Op::Clamp => 3,
            Op::User(number) => crate::user::arity(number),
            Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Rem => 2,
            Op::BitAnd | Op::BitOr | Op::BitXor | Op::Shl | Op::Shr => 2,
            Op::Minimum | Op::Maximum | Op::Fmin | Op::Fmax => 2,
            Op::Powf | Op::Atan2 | Op::Hypot => 2,
            Op::Power | Op::FloorDivide | Op::Remainder | Op::Gcd | Op::Lcm | Op::LeftShift | Op::RightShift => 2,
            Op::Copysign | Op::Nextafter | Op::Heaviside | Op::Logaddexp | Op::Logaddexp2 | Op::Ldexp => 2,
            Op::LogicalAnd | Op::LogicalOr | Op::LogicalXor => 2,
            Op::Equal | Op::NotEqual | Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual => 2,
            _ => 1,
        }
    }

    /// Whether the operation takes operands of these types and gives `to`; for [`Op::Cast`], whether it can.
    pub fn gives(self, args: &[DType], to: DType) -> bool {
        signature(self, args, to) == Some(to)
    }

    /// Type of the result for operands of types `args` ([`arity`](Op::arity) of them); `None` where the operation does not take
    /// them. For [`Op::Cast`], whose result is what its instruction says, the type of the operand.
    pub fn result_dtype(self, args: &[DType]) -> Option<DType> {
        signature(self, args, *args.first()?)
    }
}

/// The type of the result of `op` on operands of types `args`, in one kernel or in several; `to` is the type that a cast gives,
/// and is not looked at otherwise. `None` where the operation does not take these types.
pub(crate) fn signature(op: Op, args: &[DType], to: DType) -> Option<DType> {
    if let Some(recipe) = resolve(op, args, to) {
        return Some(recipe.dtype);
    }
    if args.len() != op.arity() {
        return None;
    }
    let first = *args.first()?;
    let one_type = args.iter().all(|&arg| arg == first);
    match op {
        // A float of 16 bits to and from every real number.
        Op::Cast if first.is_half() => (!to.is_complex() || to == DType::C32 || to == DType::C64).then_some(to),
        Op::Cast => (to.is_half() && !first.is_complex()).then_some(to),
        Op::Deg2rad | Op::Rad2deg if matches!(first, DType::F32 | DType::F64) => Some(first),
        Op::Ldexp if matches!(first, DType::F32 | DType::F64) => (args[1] == DType::I64).then_some(first),
        Op::Select | Op::Powi(_) | Op::User(_) => None,
        // Computed as `f32`, and rounded to the type again where the result is a float.
        _ if first.is_half() && (one_type || op == Op::Ldexp) => {
            let wide: Vec<DType> = args.iter().map(|&arg| if arg.is_half() { DType::F32 } else { arg }).collect();
            let result = signature(op, &wide, DType::F32)?;
            Some(if result == DType::F32 { first } else { result })
        }
        _ => None,
    }
}

/// How `op` is computed on operands of types `args` by one kernel; `to` is the type that a cast gives, and is not looked at
/// otherwise. `None` where there is no such kernel: [`signature`] says whether the operation takes these types all the same.
pub(crate) fn resolve(op: Op, args: &[DType], to: DType) -> Option<Recipe> {
    if args.len() != op.arity() {
        return None;
    }
    let plain = |kernel, dtype| Some(Recipe { kernel, swap: false, exponent: None, dtype });
    let first = *args.first()?;
    let logical = |bits_op| plain(bits(bits_op, DType::Bool)?, DType::Bool);
    match op {
        Op::User(number) => {
            let (kernel, dtype) = crate::user::kernel(number, args)?;
            plain(kernel, dtype)
        }
        Op::Cast => plain(cast(first, to).or_else(|| half::convert(first, to))?, to),
        Op::Select => {
            (first == DType::Bool && args[1] == args[2]).then_some(()).and_then(|()| plain(select(args[1])?, args[1]))
        }
        Op::Ldexp if args[1] == DType::I32 => plain(floats(op, first)?, first),
        _ if args.iter().any(|&arg| arg != first) => None,
        Op::Nextafter if first.is_half() => plain(half::nextafter(first)?, first),
        _ if first.is_half() => None,
        // Flags: arithmetic is logic.
        Op::Add | Op::Maximum | Op::Fmax if first == DType::Bool => logical(Op::BitOr),
        Op::Mul | Op::Minimum | Op::Fmin if first == DType::Bool => logical(Op::BitAnd),
        // What is as it is.
        Op::Abs | Op::Floor | Op::Ceil | Op::Trunc if first == DType::Bool => plain(copy(first)?, first),
        Op::Floor | Op::Ceil | Op::Trunc | Op::Round if first.is_integer() => plain(copy(first)?, first),
        Op::Conj | Op::Positive if first != DType::Bool && (op == Op::Positive || !first.is_complex()) => {
            plain(copy(first)?, first)
        }
        Op::Sign if first.is_integer() => plain(arith(Op::Signum, first)?, first),
        Op::Sign | Op::Recip | Op::Powi(-1) if first.is_complex() => plain(complex(op, first)?, first),
        Op::Sign
        | Op::Copysign
        | Op::Nextafter
        | Op::Heaviside
        | Op::Spacing
        | Op::ModfFract
        | Op::ModfTrunc
        | Op::FrexpSignificand => plain(floats(op, first)?, first),
        Op::Rint => match order(op, first) {
            Some((kernel, _)) => plain(kernel, first),
            None => plain(floats(op, first)?, first),
        },
        Op::Signbit => plain(floats(op, first)?, DType::Bool),
        Op::FrexpExponent => plain(floats(op, first)?, DType::I32),
        Op::BitwiseCount => plain(integer(op, first)?, DType::U8),
        Op::Gcd | Op::Lcm | Op::LeftShift | Op::RightShift => plain(integer(op, first)?, first),
        Op::Div | Op::Rem | Op::FloorDivide | Op::Remainder if first.is_integer() => plain(integer(op, first)?, first),
        Op::Rem | Op::FloorDivide | Op::Remainder => plain(floats(op, first)?, first),
        Op::Power if first.is_integer() => plain(integer(op, first)?, first),
        Op::Power if first.is_complex() => plain(complex(op, first)?, first),
        Op::Power => plain(function(Op::Powf, first)?, first),
        Op::IsNan | Op::IsFinite | Op::IsInfinite => match order(op, first) {
            Some((kernel, _)) => plain(kernel, DType::Bool),
            None => plain(compare(op, first)?.0, DType::Bool),
        },
        Op::Equal | Op::NotEqual | Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual => {
            let (kernel, swap) = compare(op, first).or_else(|| order(op, first))?;
            Some(Recipe { kernel, swap, exponent: None, dtype: DType::Bool })
        }
        Op::Maximum | Op::Minimum | Op::Fmax | Op::Fmin if first.is_complex() => plain(order(op, first)?.0, first),
        Op::Not | Op::BitAnd | Op::BitOr | Op::BitXor | Op::Shl | Op::Shr => plain(bits(op, first)?, first),
        Op::Conj => plain(complex(op, first)?, first),
        Op::Re | Op::Im => plain(complex(op, first)?, real_part(first)),
        Op::Abs if first.is_complex() => plain(complex(op, first)?, real_part(first)),
        Op::Powi(n) => {
            let kernel = function(op, first).or_else(|| arith(op, first))?;
            // A kernel for one exponent does not look at it.
            Some(Recipe { exponent: Some(n).filter(|n| !matches!(n, 2 | -1)), ..plain(kernel, first)? })
        }
        Op::LogicalNot | Op::LogicalAnd | Op::LogicalOr | Op::LogicalXor => plain(compare(op, first)?.0, DType::Bool),
        _ => plain(arith(op, first).or_else(|| function(op, first)).or_else(|| complex(op, first))?, first),
    }
}

/// Type of the parts of a complex number.
fn real_part(dtype: DType) -> DType {
    if dtype == DType::C32 { DType::F32 } else { DType::F64 }
}
