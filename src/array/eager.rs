//! Small operations on arrays that have their values: computed at once by one kernel call, without a node or a plan, so
//! that they cost no more than ndarray's.

use std::mem::MaybeUninit;

use ndarray::{ArrayView, Dimension};

use super::argument::{Arg, hub_of};
use super::broadcast::memory_order;
use super::dims::{Dims, volume};
use super::dist_array::{DistArray, dim_of};
use super::shared::Shared;
use super::view::{Bare, Held, Leaf, Store, filled};
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::small::{self, Operand as Small};
use kernels::{DType, Fault, Fold, Op, strided};

/// Up to this many elements an operation is small: building an expression and a program would cost more than it gives.
pub(crate) const SMALL: usize = 16 << 10;

/// An operand that is there: its elements in row-major order.
struct Ready<'a, A> {
    elements: &'a [A],
    shape: &'a [usize],
    number: bool,
    hub: Option<&'a Hub>,
}

impl<'a, A: Element> Ready<'a, A> {
    #[inline]
    fn of<D: Dimension>(arg: &'a Arg<'_, A, D>) -> Option<Ready<'a, A>> {
        Some(Ready { elements: arg.ready()?, shape: arg.shape(), number: arg.is_number(), hub: arg.hub() })
    }

    /// All of it, for as many elements.
    fn whole(&self) -> Small<'_, A> {
        if self.number { Small::Scalar(self.elements[0]) } else { Small::Slice(self.elements) }
    }

    /// The `nth` row, or all of it where it is one row.
    fn row(&self, row: usize, nth: usize) -> Small<'_, A> {
        let elements = self.elements;
        Small::Slice(if elements.len() > row { &elements[nth * row..][..row] } else { elements })
    }
}

/// How the smaller of two operands meets the larger one, both row-major.
enum Meet {
    /// Place by place, or one number for all.
    Whole,
    /// The smaller is as long as one row, and meets each row of this length.
    Rows(usize),
}

/// Whether the left one is the larger, and how the other meets it; `None` where they meet in another way.
fn meet<A>(left: &Ready<'_, A>, right: &Ready<'_, A>) -> Option<(bool, Meet)> {
    if right.number || left.shape == right.shape {
        Some((true, Meet::Whole))
    } else if left.number {
        Some((false, Meet::Whole))
    } else if is_row_of(right.shape, left.shape) {
        Some((true, Meet::Rows(right.elements.len())))
    } else if is_row_of(left.shape, right.shape) {
        Some((false, Meet::Rows(left.elements.len())))
    } else {
        None
    }
}

/// `left op right`, if both are there, small and row-major and meet in a simple way; `None` where the general way must be
/// taken, which also says what is wrong.
#[inline]
pub(crate) fn binary<A: Element, B: Element, L: Dimension, R: Dimension, O: Dimension>(
    op: Op,
    left: &Arg<'_, A, L>,
    right: &Arg<'_, A, R>,
) -> Option<DistArray<B, O>> {
    // What is returned from the call is no more than a pointer: larger values would pass through memory, slowly.
    let (store, of_left) = combine::<A, B>(op, &Ready::of(left)?, &Ready::of(right)?)?;
    let dim = dim_of::<O>(if of_left { left.shape() } else { right.shape() });
    // SAFETY: `combine` has written as many elements as the larger operand, whose shape this is, has.
    Some(DistArray::from_held(unsafe { Held::in_store(store, dim) }))
}

/// The elements of `left op right`, and whether they have the shape of the left one.
#[inline(never)]
fn combine<A: Element, B: Element>(op: Op, left: &Ready<'_, A>, right: &Ready<'_, A>) -> Option<(Shared<Store>, bool)> {
    let n = left.elements.len().max(right.elements.len());
    if n > SMALL || const { A::DTYPE.is_none() || B::DTYPE.is_none() } {
        return None;
    }
    if let Some((operand, fault)) = A::DTYPE.and_then(|dtype| Fault::of(op, dtype)) {
        // The general way says where it is.
        let elements = if operand == 0 { left.elements } else { right.elements };
        if fault.among(elements) {
            return None;
        }
    }
    let (of_left, meet) = meet(left, right)?;
    let n = if of_left { left.elements.len() } else { right.elements.len() };
    let fill = |out: &mut [MaybeUninit<B>]| match meet {
        Meet::Whole => small::apply_binary(op, left.whole(), right.whole(), out).is_ok(),
        Meet::Rows(row) => {
            let mut rows = out.chunks_exact_mut(row).enumerate();
            rows.all(|(nth, out)| small::apply_binary(op, left.row(row, nth), right.row(row, nth), out).is_ok())
        }
    };
    let hub = match (left.hub, right.hub) {
        (Some(a), Some(b)) if a.id() != b.id() => return None,
        (Some(hub), _) | (None, Some(hub)) => hub,
        (None, None) => &hub_of(None, None).ok()?,
    };
    // SAFETY: the kernel writes all of `out` when it succeeds (lengths are checked by it); with rows, every chunk.
    unsafe { filled(hub, n, fill) }.map(|store| (store, of_left))
}

/// `array op= right` in the array's own memory, if both are there, small and row-major, the array is of the result's
/// shape, and nobody else sees it; `false`, and nothing done, where another way must be taken.
#[inline]
pub(crate) fn update<A: Element, D: Dimension, R: Dimension>(
    op: Op,
    array: &mut DistArray<A, D>,
    right: &Arg<'_, A, R>,
) -> bool {
    let Some(right) = Ready::of(right) else { return false };
    let Some(held) = array.held_if_there() else { return false };
    let hub = held.store.hub().id();
    if held.view.len() > SMALL || !held.is_unique() || right.hub.is_some_and(|other| other.id() != hub) {
        return false;
    }
    if let Some((_, fault)) = A::DTYPE.and_then(|dtype| Fault::of(op, dtype))
        && fault.among(right.elements)
    {
        return false;
    }
    let Held { view, .. } = held;
    let same = right.number || view.shape() == right.shape;
    let row = (!same && is_row_of(right.shape, view.shape())).then_some(right.elements.len());
    match (view.as_slice_mut(), row) {
        (Some(elements), None) if same => small::update_binary(op, elements, right.whole()),
        // All rows or none: whether it can be done depends on the types alone.
        (Some(elements), Some(row)) => {
            let mut rows = elements.chunks_exact_mut(row);
            rows.all(|elements| small::update_binary(op, elements, right.whole()))
        }
        _ => false,
    }
}

/// A copy of a small row-major view in the pool; `None` where the general way must be taken.
pub(crate) fn copy<A: Element, D: Dimension>(hub: &Hub, view: &ArrayView<'_, A, D>) -> Option<Held<A, D>> {
    let elements = view.as_slice().filter(|elements| elements.len() <= SMALL)?;
    let fill = |out: &mut [MaybeUninit<A>]| {
        out.write_copy_of_slice(elements);
        true
    };
    // SAFETY: as many elements as `out` takes are copied into it; it panics otherwise.
    let store = unsafe { filled(hub, elements.len(), fill) }?;
    // SAFETY: as many elements as the view has, of whose shape the array is, were written.
    Some(unsafe { Held::in_store(store, view.raw_dim()) })
}

/// `op` of each element of a small array that has its value; `None` where the general way must be taken.
#[inline]
pub(crate) fn unary<A: Element, B: Element, D: Dimension>(op: Op, array: &DistArray<A, D>) -> Option<DistArray<B, D>> {
    let held = array.held()?;
    let store = each::<A, B>(op, held.view.as_slice()?, held.store.hub())?;
    // SAFETY: `each` has written as many elements as the operand has.
    Some(DistArray::from_held(unsafe { Held::in_store(store, held.view.raw_dim()) }))
}

#[inline(never)]
fn each<A: Element, B: Element>(op: Op, elements: &[A], hub: &Hub) -> Option<Shared<Store>> {
    if elements.len() > SMALL || A::DTYPE.is_none() || B::DTYPE.is_none() {
        return None;
    }
    if A::DTYPE.and_then(|dtype| Fault::of(op, dtype)).is_some_and(|(_, fault)| fault.among(elements)) {
        return None;
    }
    let fill = |out: &mut [MaybeUninit<B>]| small::apply_unary(op, elements, out).is_ok();
    // SAFETY: the kernel writes all of `out` when it succeeds.
    unsafe { filled(hub, elements.len(), fill) }
}

/// `left op right` over `shape`, to which both broadcast, where both are there and small, wherever their elements lie; `None` where the
/// general way must be taken. The memory of the result runs through its axes in the order that a program would choose.
pub(crate) fn binary_strided<A: Element, B: Element, L: Dimension, R: Dimension, O: Dimension>(
    (op, hub): (Op, &Hub),
    left: &Arg<'_, A, L>,
    right: &Arg<'_, A, R>,
    shape: &[usize],
) -> Option<DistArray<B, O>> {
    if volume(shape) > SMALL {
        return None;
    }
    let dim = dim_of::<O>(shape);
    match (left, right) {
        (Arg::Number(x), right) => {
            strided((op, hub), [ndarray::aview0(x).broadcast(dim.clone())?, right.there()?.broadcast(dim)?])
        }
        (left, Arg::Number(y)) => {
            strided((op, hub), [left.there()?.broadcast(dim.clone())?, ndarray::aview0(y).broadcast(dim)?])
        }
        (left, right) => strided((op, hub), [left.there()?.broadcast(dim.clone())?, right.there()?.broadcast(dim)?]),
    }
}

/// `op` of each element of a small array that is there, wherever its elements lie; `None` where the general way must be taken.
pub(crate) fn unary_strided<A: Element, B: Element, D: Dimension>(
    op: Op,
    array: &DistArray<A, D>,
) -> Option<DistArray<B, D>> {
    let held = array.held()?;
    if held.view.len() > SMALL { None } else { strided((op, held.store.hub()), [held.view.view()]) }
}

/// `op` of operands of one shape.
fn strided<A: Element, B: Element, D: Dimension, const N: usize>(
    (op, hub): (Op, &Hub),
    operands: [ArrayView<'_, A, D>; N],
) -> Option<DistArray<B, D>> {
    // Of floats there is no faulty one; what looks for it is not compiled then.
    if const { matches!(A::DTYPE, Some(dtype) if dtype.is_integer()) }
        && let Some((operand, fault)) = A::DTYPE.and_then(|dtype| Fault::of(op, dtype))
        && operands[operand].iter().any(|&x| fault.among(&[x]))
    {
        return None;
    }
    let n = operands[0].len();
    if n == 0 {
        return None;
    }
    let order = memory_order(operands[0].shape(), operands.iter().map(|operand| operand.strides()));
    let row_major = order.is_sorted();
    let operands =
        if row_major { operands } else { operands.map(|operand| operand.permuted_axes(dim_of::<D>(&order))) };
    let dim = operands[0].raw_dim();
    let shape = operands[0].shape();
    let places = operands.each_ref().map(|operand| (operand.as_ptr(), operand.strides()));
    // SAFETY: the operands are views of one shape, borrowed for the call.
    let fill = |out: &mut [MaybeUninit<B>]| unsafe { strided::apply(op, shape, &places, out) };
    // SAFETY: where it says so, `apply` has written all of `out`.
    let store = unsafe { filled(hub, n, fill) }?;
    // SAFETY: as many elements as the operands have, of whose shape `dim` is, were written.
    let held = unsafe { Held::in_store(store, dim) };
    if row_major {
        return Some(DistArray::from_held(held));
    }
    let mut back = D::zeros(order.len());
    order.iter().enumerate().for_each(|(at, &axis)| back.slice_mut()[axis] = at);
    Some(DistArray::from_held(held.with_view(|view| view.permuted_axes(back))))
}

/// `op` of each element of a small row-major leaf; `None` where the general way must be taken. Not for integers that may be met where they
/// have no result.
pub(crate) fn unary_leaf(hub: &Hub, op: Op, leaf: &Leaf, to: DType) -> Option<Leaf> {
    let (from, n) = (leaf.bare(), volume(&leaf.shape));
    if n > SMALL || !from.is_row_major() || Fault::of(op, leaf.dtype).is_some() {
        return None;
    }
    let fill = |out: &mut [MaybeUninit<u8>]| {
        // SAFETY: the leaf's elements, side by side, and a fresh block for as many results.
        unsafe { small::apply_unary_at(op, (from.dtype(), from.first()), (to, out.as_mut_ptr().cast()), n) }.is_ok()
    };
    // SAFETY: the kernel writes all of `out` when it succeeds.
    let store = unsafe { filled(hub, n * to.size(), fill) }?;
    Some(Leaf::in_store(store, to, leaf.shape.clone()))
}

/// One axis of a small row-major array that is there, folded without an expression; `None` where that cannot be.
pub(crate) fn along(hub: &Hub, array: Bare<'_>, fold: Fold, axes: &[usize], to: DType) -> Option<Result<Leaf>> {
    let (shape, &[axis]) = (array.shape(), axes) else { return None };
    if !(1..=SMALL).contains(&volume(shape)) || !array.is_row_major() {
        return None;
    }
    let kept = Dims::from_fn(shape.len() - 1, |at| shape[at + usize::from(at >= axis)]);
    let cells = volume(&kept);
    let mut done = Ok(true);
    let fill = |out: &mut [MaybeUninit<u8>]| {
        let (from, to) = ((array.dtype(), array.first()), (to, out.as_mut_ptr().cast(), cells));
        // SAFETY: the array's elements, side by side, and a fresh block for a result of each cell.
        done = unsafe { small::fold_axis(fold, from, shape, axis, to) }.map_err(Error::from);
        matches!(done, Ok(true))
    };
    // SAFETY: where it says so `fold_axis` has written all of `out`.
    let store = unsafe { filled(hub, cells * to.size(), fill) };
    match done {
        Ok(_) => Some(Ok(Leaf::in_store(store?, to, kept))),
        Err(error) => Some(Err(error)),
    }
}

/// Whether `small`, row-major, meets each row of `large` of its own length, and such rows are long: its axes are the last ones of `large`.
fn is_row_of(small: &[usize], large: &[usize]) -> bool {
    let own = &small[small.iter().take_while(|&&n| n == 1).count()..];
    small.len() <= large.len() && volume(own) >= strided::ROW && large.ends_with(own) && !large.contains(&0)
}
