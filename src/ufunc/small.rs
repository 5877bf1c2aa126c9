//! Eager entry points for small contiguous operands: one kernel call, no plan, and the bits that a plan gives.

use super::{Element, Fold, Op};
use crate::Result;
use std::mem::MaybeUninit;

/// An operand of a small operation.
#[derive(Clone, Copy, Debug)]
pub enum Operand<'a, A> {
    /// One value for each element.
    Slice(&'a [A]),
    /// One value for all.
    Scalar(A),
}

/// `out[i] = op(a[i])`, a cast included (`Op::Cast` from `A` to `R`).
///
/// # Errors
///
/// `Error::InvalidArgument` where the operation does not take `A` or does not give `R`, or lengths differ; `out` is then untouched.
pub fn apply_unary<A: Element, R: Element>(op: Op, a: &[A], out: &mut [MaybeUninit<R>]) -> Result<()> {
    let _ = (op, a, out);
    todo!()
}

/// `out[i] = a[i] op b[i]`, comparisons included (`R` is `bool`); either operand may be a scalar.
///
/// # Errors
///
/// As [`apply_unary`].
pub fn apply_binary<A: Element, R: Element>(
    op: Op,
    a: Operand<'_, A>,
    b: Operand<'_, A>,
    out: &mut [MaybeUninit<R>],
) -> Result<()> {
    let _ = (op, a, b, out);
    todo!()
}

/// `out[i] = if mask[i] { a[i] } else { b[i] }`.
///
/// # Errors
///
/// As [`apply_unary`].
pub fn apply_select<A: Element>(
    mask: &[bool],
    a: Operand<'_, A>,
    b: Operand<'_, A>,
    out: &mut [MaybeUninit<A>],
) -> Result<()> {
    let _ = (mask, a, b, out);
    todo!()
}

/// Folds all of a slice (any fold but [`Fold::Moments`]), with the bits of the plan that folds the whole of a one-dimensional array.
///
/// # Errors
///
/// As [`Plan::fold`](super::Plan::fold); also where the fold does not give `R`.
pub fn fold_slice<A: Element, R: Element>(fold: Fold, a: &[A]) -> Result<R> {
    let _ = (fold, a);
    todo!()
}
