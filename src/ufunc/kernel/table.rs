//! Which kernel computes an operation on operands of given types: the one list of what programs can do.

use super::Kernel;
use super::arith::arith;
use super::bits::{bits, select};
use super::compare::compare;
use super::complex::complex;
use super::convert::cast;
use super::functions::function;
use crate::ufunc::{DType, Op};

pub(in crate::ufunc) use super::bits::copy;

/// How an operation is computed.
#[derive(Clone, Copy, Debug)]
pub(in crate::ufunc) struct Recipe {
    /// The kernel.
    pub kernel: &'static Kernel,
    /// Whether its two operands are to be exchanged.
    pub swap: bool,
    /// An `i32` that the kernel takes as its second operand.
    pub exponent: Option<i32>,
    /// Type of the result.
    pub dtype: DType,
}

/// How `op` is computed on operands of types `args`; `to` is the type that a cast gives, and is not looked at otherwise.
/// `None` where the operation does not take these types.
pub(in crate::ufunc) fn resolve(op: Op, args: &[DType], to: DType) -> Option<Recipe> {
    if args.len() != op.arity() {
        return None;
    }
    let plain = |kernel, dtype| Some(Recipe { kernel, swap: false, exponent: None, dtype });
    let first = *args.first()?;
    match op {
        Op::User(number) => {
            let (kernel, dtype) = crate::ufunc::user::kernel(number, args)?;
            plain(kernel, dtype)
        }
        Op::Cast => plain(cast(first, to)?, to),
        Op::Select => {
            (first == DType::Bool && args[1] == args[2]).then_some(()).and_then(|()| plain(select(args[1])?, args[1]))
        }
        _ if args.iter().any(|&arg| arg != first) => None,
        Op::IsNan | Op::IsFinite | Op::IsInfinite => plain(compare(op, first)?.0, DType::Bool),
        Op::Equal | Op::NotEqual | Op::Less | Op::LessEqual | Op::Greater | Op::GreaterEqual => {
            let (kernel, swap) = compare(op, first)?;
            Some(Recipe { kernel, swap, exponent: None, dtype: DType::Bool })
        }
        Op::Not | Op::BitAnd | Op::BitOr | Op::BitXor | Op::Shl | Op::Shr => plain(bits(op, first)?, first),
        Op::Conj => plain(complex(op, first)?, first),
        Op::Re | Op::Im => plain(complex(op, first)?, real_part(first)),
        Op::Abs if matches!(first, DType::C32 | DType::C64) => plain(complex(op, first)?, real_part(first)),
        Op::Powi(n) => {
            let kernel = function(op, first).or_else(|| arith(op, first))?;
            // A kernel for one exponent does not look at it.
            Some(Recipe { exponent: Some(n).filter(|n| !matches!(n, 2 | -1)), ..plain(kernel, first)? })
        }
        _ => plain(arith(op, first).or_else(|| function(op, first)).or_else(|| complex(op, first))?, first),
    }
}

/// Type of the parts of a complex number.
fn real_part(dtype: DType) -> DType {
    if dtype == DType::C32 { DType::F32 } else { DType::F64 }
}
