//! Operands that an integer operation has no result for: a divisor of 0, a negative exponent.
//!
//! Kernels give 0 there and never trap. A step that could meet such an operand looks for one in the strip that it has just read
//! and leaves a mark on its thread; [`Plan::run`](crate::Plan::run) gathers the marks of a chunk. Where the operand is
//! is asked only then, by plans of their own: [`Plan::searches`](crate::Plan::searches).

use crate::kernel::Arg;
use crate::{DType, Op, Scalar, Value};
use std::cell::Cell;

/// What an operand must not be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// 0, as a divisor.
    ZeroDivisor,
    /// Negative, as the exponent of an integer.
    NegativeExponent,
}

impl Fault {
    /// Which operand of `op`, of type `dtype`, must not be what.
    pub fn of(op: Op, dtype: DType) -> Option<(usize, Fault)> {
        let signed = matches!(dtype, DType::I8 | DType::I16 | DType::I32 | DType::I64);
        match op {
            _ if !dtype.is_integer() => None,
            Op::Div | Op::Rem | Op::FloorDivide | Op::Remainder => Some((1, Fault::ZeroDivisor)),
            Op::Recip => Some((0, Fault::ZeroDivisor)),
            Op::Power if signed => Some((1, Fault::NegativeExponent)),
            _ => None,
        }
    }

    /// The comparison with 0 that is true of such an operand.
    pub(crate) fn test(self) -> Op {
        match self {
            Fault::ZeroDivisor => Op::Equal,
            Fault::NegativeExponent => Op::Less,
        }
    }

    /// Whether one of `values` is such an operand.
    pub fn among<A: Value>(self, values: &[A]) -> bool {
        let Some(dtype) = A::DTYPE else { return false };
        let arg = Arg { ptr: values.as_ptr().cast(), varies: true };
        // SAFETY: a slice of as many elements of that type.
        unsafe { self.meets(dtype, &arg, values.len()) }
    }

    /// Whether one of `n` values of type `dtype` is such an operand.
    ///
    /// # Safety
    ///
    /// So many values of that type, valid for reads and aligned.
    pub unsafe fn is_among(self, dtype: DType, values: *const u8, n: usize) -> bool {
        // SAFETY: the caller's promise.
        unsafe { self.meets(dtype, &Arg { ptr: values, varies: true }, n) }
    }

    /// Whether one of `n` values of an integer type is such an operand.
    ///
    /// # Safety
    ///
    /// `arg` has `n` elements of type `dtype`, or is a splat.
    pub(super) unsafe fn meets(self, dtype: DType, arg: &Arg, n: usize) -> bool {
        macro_rules! any {
            ($t:ty) => {{
                // SAFETY: as many elements as the caller says; a splat has one at least.
                let values = unsafe { std::slice::from_raw_parts(arg.ptr.cast::<$t>(), if arg.varies { n } else { n.min(1) }) };
                // Without an early end: vector instructions do all of a strip sooner than a search finds its way through it.
                match self {
                    Fault::ZeroDivisor => values.iter().fold(false, |any, &x| any | (x == 0)),
                    #[allow(unused_comparisons, reason = "of unsigned integers none is negative")]
                    Fault::NegativeExponent => values.iter().fold(false, |any, &x| any | (x < 0)),
                }
            }};
        }
        match dtype {
            DType::I8 => any!(i8),
            DType::I16 => any!(i16),
            DType::I32 => any!(i32),
            DType::I64 => any!(i64),
            DType::U8 => any!(u8),
            DType::U16 => any!(u16),
            DType::U32 => any!(u32),
            DType::U64 => any!(u64),
            _ => false,
        }
    }
}

/// The zero of a type.
pub(crate) fn zero(dtype: DType) -> Scalar {
    Scalar { dtype, bytes: [0; 16] }
}

thread_local! {
    static MARK: Cell<bool> = const { Cell::new(false) };
}

/// Leaves a mark on this thread.
pub(super) fn mark() {
    MARK.set(true);
}

/// Whether there was a mark on this thread; there is none afterwards.
pub(crate) fn take_mark() -> bool {
    MARK.take()
}
