//! Small operations on arrays that have their values: computed at once by one kernel call, without a node or a plan, so
//! that they cost no more than ndarray's.

use std::mem::MaybeUninit;

use ndarray::Dimension;

use super::argument::{Arg, hub_of};
use super::dist_array::{DistArray, dim_of};
use super::view::Held;
use crate::cluster::Hub;
use crate::error::{Error, Result};
use crate::ufunc::small::{self, Operand as Small};
use crate::ufunc::{Element, Fold, Op};

/// Up to this many elements an operation is small: building an expression and a program would cost more than it gives.
pub(crate) const SMALL: usize = 16 << 10;

/// How the smaller of two operands meets the larger one, both row-major.
enum Meet {
    /// Place by place, or one number for all.
    Whole,
    /// The smaller is as long as one row, and meets each row of this length.
    Rows(usize),
}

/// `left op right`, if both are there, small and row-major and meet in a simple way; `None` where the general way must be taken.
#[inline]
pub(crate) fn binary<A: Element, B: Element, L: Dimension, R: Dimension, O: Dimension>(
    op: Op,
    left: &Arg<'_, A, L>,
    right: &Arg<'_, A, R>,
) -> Option<Result<DistArray<B, O>>> {
    let (x, y) = (left.ready()?, right.ready()?);
    if x.len().max(y.len()) > SMALL || A::DTYPE.is_none() || B::DTYPE.is_none() {
        return None;
    }
    let (shape, meet) = if right.is_number() || left.shape() == right.shape() {
        (left.shape(), Meet::Whole)
    } else if left.is_number() {
        (right.shape(), Meet::Whole)
    } else if is_row_of(right.shape(), left.shape()) {
        (left.shape(), Meet::Rows(y.len()))
    } else if is_row_of(left.shape(), right.shape()) {
        (right.shape(), Meet::Rows(x.len()))
    } else {
        return None;
    };
    let run = |hub: &Hub| {
        let dim = dim_of::<O>(shape);
        // SAFETY: the kernel writes all of `out` when it succeeds (lengths are checked by it); with rows, every chunk.
        unsafe {
            Held::create(hub, dim, |out| match meet {
                Meet::Whole => {
                    let x = if left.is_number() { Small::Scalar(x[0]) } else { Small::Slice(x) };
                    let y = if right.is_number() { Small::Scalar(y[0]) } else { Small::Slice(y) };
                    small::apply_binary(op, x, y, out)
                }
                Meet::Rows(row) => out.chunks_exact_mut(row).enumerate().try_for_each(|(nth, out)| {
                    small::apply_binary(op, Small::Slice(nth_row(x, row, nth)), Small::Slice(nth_row(y, row, nth)), out)
                }),
            })
        }
    };
    Some(with_hub(left.hub(), right.hub(), run).map(DistArray::from_held))
}

/// `op` of each element of a small array that has its value; `None` where the general way must be taken.
#[inline]
pub(crate) fn unary<A: Element, B: Element, D: Dimension>(
    op: Op,
    array: &DistArray<A, D>,
) -> Option<Result<DistArray<B, D>>> {
    let held = array.held()?;
    let elements = held.view.as_slice()?;
    if elements.len() > SMALL || A::DTYPE.is_none() || B::DTYPE.is_none() {
        return None;
    }
    let fill = |out: &mut [MaybeUninit<B>]| small::apply_unary(op, elements, out);
    // SAFETY: the kernel writes all of `out` when it succeeds.
    let made = unsafe { Held::create(held.store.hub(), held.view.raw_dim(), fill) };
    Some(made.map(DistArray::from_held))
}

/// The first or the last axis of a small row-major array that is there, folded without a plan; `None` where that cannot be.
#[inline]
pub(crate) fn along<A: Element, D: Dimension, R: Element, E: Dimension>(
    array: &DistArray<A, D>,
    fold: Fold,
    axes: &[usize],
) -> Option<Result<DistArray<R, E>>> {
    let (held, &[axis]) = (array.held()?, axes) else { return None };
    let shape = held.view.shape();
    let elements = held.view.as_slice().filter(|elements| (1..=SMALL).contains(&elements.len()))?;
    let (last, n) = (axis + 1 == shape.len(), shape[axis]);
    if A::DTYPE.is_none() || !(last || axis == 0) {
        return None;
    }
    let mut kept = E::zeros(shape.len() - 1);
    let others = shape.iter().enumerate().filter(|(at, _)| *at != axis);
    kept.slice_mut().iter_mut().zip(others).for_each(|(place, (_, &length))| *place = length);
    let mut done = Ok(true);
    let fill = |out: &mut [MaybeUninit<R>]| {
        done = if last { small::fold_runs(fold, elements, n, out) } else { Ok(fold_rows(fold, elements, out)) };
        match done {
            Ok(true) => Ok(()),
            // Nothing was written: the error only ends `create`.
            _ => Err(Error::HubClosed),
        }
    };
    // SAFETY: where `fill` succeeds one of the two has written all of `out`.
    let made = unsafe { Held::create(held.store.hub(), kept, fill) };
    match (done, made) {
        (Ok(true), made) => Some(made.map(DistArray::from_held)),
        (Ok(false), _) => None,
        (Err(error), _) => Some(Err(error)),
    }
}

/// [`small::fold_rows`] where the result is of the elements' type.
fn fold_rows<A: Element, R: Element>(fold: Fold, elements: &[A], out: &mut [MaybeUninit<R>]) -> bool {
    if std::any::TypeId::of::<A>() != std::any::TypeId::of::<R>() {
        return false;
    }
    // SAFETY: `R` is `A`, as was just compared.
    let out = unsafe { &mut *(std::ptr::from_mut(out) as *mut [MaybeUninit<A>]) };
    small::fold_rows(fold, elements, out)
}

/// The `nth` row of an operand, or all of it where it is one row.
fn nth_row<A>(elements: &[A], row: usize, nth: usize) -> &[A] {
    if elements.len() > row { &elements[nth * row..][..row] } else { elements }
}

/// Whether `small`, row-major, meets each row of `large` of its own length: its axes are the last ones of `large`.
fn is_row_of(small: &[usize], large: &[usize]) -> bool {
    let own = &small[small.iter().take_while(|&&n| n == 1).count()..];
    small.len() <= large.len() && !own.is_empty() && large.ends_with(own) && !large.contains(&0)
}

/// Runs `f` with the operands' hub, which is not cloned for it.
#[inline]
fn with_hub<T>(left: Option<&Hub>, right: Option<&Hub>, f: impl FnOnce(&Hub) -> Result<T>) -> Result<T> {
    match (left, right) {
        (Some(a), Some(b)) if a.id() != b.id() => Err(Error::ForeignHub { left: a.id(), right: b.id() }),
        (Some(hub), _) | (None, Some(hub)) => f(hub),
        (None, None) => f(&hub_of(None, None)?),
    }
}
