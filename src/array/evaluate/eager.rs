//! Small operations on arrays that have their values: computed at once by one kernel call, without a node or a plan, so
//! that they cost no more than ndarray's.

use std::mem::MaybeUninit;

use ndarray::{ArrayRef, Dimension, Ix1};

use crate::array::dist_array::{DistArray, dim_of};
use crate::array::loops::walk::Walk;
use crate::array::operation::argument::{Arg, Untyped, hub_of};
use crate::array::shape::broadcast::{broadcast_strides, check_broadcast_to, memory_order, strides_in_order};
use crate::array::shape::dims::{Dims, SMALL, volume};
use crate::array::storage::shared::Shared;
use crate::array::storage::store::{Bare, Held, Leaf, Seen, Store, filled};
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::matrix::{self, Product};
use kernels::small::{self, Values};
use kernels::{DType, Fault, Fold, Op, strided};

// Pointers, as those of `transport/pool`.
const COMBINE: unsafe fn(Op, [DType; 2], &Ready<'_>, &Ready<'_>) -> Option<(Shared<Store>, bool)> = combine;
const CHANGE: unsafe fn(Op, DType, Ready<'_>, &Ready<'_>) -> bool = change;
const DOT: unsafe fn(DType, [(*const u8, usize); 2], [Option<&Hub>; 2], *mut u8) -> bool = dot_of;
const DOT_WITH_MATRIX: unsafe fn(DType, [Seen<'_>; 2], [Option<&Hub>; 2]) -> Option<Shared<Store>> = dot_in_order;
const EACH: unsafe fn(Op, [DType; 2], (*const u8, usize), &Hub) -> Option<Shared<Store>> = each;
const STRIDED: unsafe fn(Op, [DType; 2], &Hub, &[Seen<'_>], &[usize]) -> Option<(Shared<Store>, Dims<isize>)> =
    strided_in_order;

/// An operand that is there, without its type: its elements in row-major order.
struct Ready<'a> {
    at: *const u8,
    len: usize,
    shape: &'a [usize],
    number: bool,
    hub: Option<&'a Hub>,
}

impl<'a> Ready<'a> {
    #[inline]
    fn of<A: Element, D: Dimension>(arg: &'a Arg<'_, A, D>) -> Option<Ready<'a>> {
        let elements = arg.ready()?;
        let (at, len) = (elements.as_ptr().cast(), elements.len());
        Some(Ready { at, len, shape: arg.shape(), number: arg.is_number(), hub: arg.hub() })
    }

    /// All of it, for as many elements.
    fn whole(&self) -> Values {
        if self.number { Values::One(self.at) } else { Values::Each(self.at, self.len) }
    }

    /// The `nth` row of elements of `size` bytes, or all of it where it is one row.
    fn row(&self, row: usize, nth: usize, size: usize) -> Values {
        let ahead = if self.len > row { nth * row * size } else { 0 };
        Values::Each(self.at.wrapping_add(ahead), row)
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
fn meet(left: &Ready<'_>, right: &Ready<'_>) -> Option<(bool, Meet)> {
    if right.number || left.shape == right.shape {
        Some((true, Meet::Whole))
    } else if left.number {
        Some((false, Meet::Whole))
    } else if is_row_of(right.shape, left.shape) {
        Some((true, Meet::Rows(right.len)))
    } else if is_row_of(left.shape, right.shape) {
        Some((false, Meet::Rows(left.len)))
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
    let dtypes = [A::DTYPE?, B::DTYPE?];
    // What is returned from the call is no more than a pointer: larger values would pass through memory, slowly.
    // SAFETY: both operands' elements are borrowed, of type `A`.
    let (store, of_left) = unsafe { COMBINE(op, dtypes, &Ready::of(left)?, &Ready::of(right)?)? };
    let dim = dim_of::<O>(if of_left { left.shape() } else { right.shape() });
    // SAFETY: `combine` has written as many elements as the larger operand, whose shape this is, has.
    Some(DistArray::from_held(unsafe { Held::in_store(store, dim) }))
}

/// The elements of `left op right`, and whether they have the shape of the left one.
///
/// # Safety
/// The operands' elements are valid for reads, of the first type; results are of the second.
#[inline(never)]
unsafe fn combine(
    op: Op,
    [from, to]: [DType; 2],
    left: &Ready<'_>,
    right: &Ready<'_>,
) -> Option<(Shared<Store>, bool)> {
    if left.len.max(right.len) > SMALL {
        return None;
    }
    if let Some((operand, fault)) = Fault::of(op, from) {
        // The general way says where it is.
        let Ready { at, len, .. } = *if operand == 0 { left } else { right };
        // SAFETY: the caller's promise.
        if unsafe { fault.is_among(from, at, len) } {
            return None;
        }
    }
    let (of_left, meet) = meet(left, right)?;
    let n = if of_left { left.len } else { right.len };
    let (size, bytes) = (from.size(), to.size());
    // SAFETY: the caller's promise; `out` takes `n` results, and is fresh memory. Rows are of `n` elements in all.
    let fill = |out: *mut u8| unsafe {
        match meet {
            Meet::Whole => small::binary(op, from, [left.whole(), right.whole()], (to, out), n).is_ok(),
            Meet::Rows(row) => (0..n / row).all(|nth| {
                let operands = [left.row(row, nth, size), right.row(row, nth, size)];
                small::binary(op, from, operands, (to, out.add(nth * row * bytes)), row).is_ok()
            }),
        }
    };
    let hub = match (left.hub, right.hub) {
        (Some(a), Some(b)) if a.id() != b.id() => return None,
        (Some(hub), _) | (None, Some(hub)) => hub,
        (None, None) => &hub_of(None, None).ok()?,
    };
    // SAFETY: the kernel writes all of `out` when it succeeds (lengths are checked by it); with rows, every row.
    unsafe { filled(hub, n * bytes, fill) }.map(|store| (store, of_left))
}

/// `array op= right` in the array's own memory, if both are there, small and row-major, the array is of the result's
/// shape, and nobody else sees it; `false`, and nothing done, where another way must be taken.
#[inline]
pub(crate) fn update<A: Element, D: Dimension, R: Dimension>(
    op: Op,
    array: &mut DistArray<A, D>,
    right: &Arg<'_, A, R>,
) -> bool {
    let Some(held) = array.held_if_there() else { return false };
    held.view.len() <= SMALL
        && held.store.hub().is_here()
        && held.is_unique()
        && update_view(op, &mut held.view, Some(held.store.hub()), right)
}

/// `view op= right`, if that is there, and both are small and row-major, of one hub, and the view is of the result's shape; `false`, and
/// nothing done, where another way must be taken.
#[inline]
pub(crate) fn update_view<A: Element, D: Dimension, R: Dimension>(
    op: Op,
    view: &mut ArrayRef<A, D>,
    hub: Option<&Hub>,
    right: &Arg<'_, A, R>,
) -> bool {
    let (Some(dtype), Some(right)) = (A::DTYPE, Ready::of(right)) else { return false };
    let foreign = matches!((hub, right.hub), (Some(one), Some(other)) if one.id() != other.id());
    if view.len() > SMALL || foreign || hub.is_some_and(|hub| !hub.is_here()) {
        return false;
    }
    let Some(elements) = view.as_slice_mut() else { return false };
    let (at, len) = (elements.as_mut_ptr().cast::<u8>().cast_const(), elements.len());
    let left = Ready { at, len, shape: view.shape(), number: false, hub: None };
    // SAFETY: the view's elements are borrowed mutably, and the operand's are borrowed, so they are others. All are of type `A`.
    unsafe { CHANGE(op, dtype, left, &right) }
}

/// `left op= right`.
///
/// # Safety
/// The operands' elements are valid for reads, of the type; nobody else reads or writes those of the left one, which may be written.
unsafe fn change(op: Op, dtype: DType, left: Ready<'_>, right: &Ready<'_>) -> bool {
    // SAFETY: the caller's promise.
    let faulty = |(_, fault): (usize, Fault)| unsafe { fault.is_among(dtype, right.at, right.len) };
    if Fault::of(op, dtype).is_some_and(faulty) {
        return false;
    }
    let at = left.at.cast_mut();
    if right.number || left.shape == right.shape {
        // SAFETY: the caller's promise.
        return unsafe { small::update(op, dtype, (at, left.len), right.whole()) };
    }
    if !is_row_of(right.shape, left.shape) {
        return false;
    }
    // All rows or none: whether it can be done depends on the types alone.
    let (row, size) = (right.len, dtype.size());
    // SAFETY: the caller's promise, of each row of the left one.
    (0..left.len / row).all(|nth| unsafe { small::update(op, dtype, (at.add(nth * row * size), row), right.whole()) })
}

/// `op` of each element of a small array that has its value; `None` where the general way must be taken.
#[inline]
pub(crate) fn unary<A: Element, B: Element, D: Dimension>(op: Op, array: &DistArray<A, D>) -> Option<DistArray<B, D>> {
    let held = array.held()?;
    let elements = held.view.as_slice()?;
    let values = (elements.as_ptr().cast(), elements.len());
    // SAFETY: the elements are borrowed, of type `A`.
    let store = unsafe { EACH(op, [A::DTYPE?, B::DTYPE?], values, held.store.hub())? };
    // SAFETY: `each` has written as many elements as the operand has.
    Some(DistArray::from_held(unsafe { Held::in_store(store, held.view.raw_dim()) }))
}

/// # Safety
/// So many elements are valid for reads, of the first type; results are of the second.
#[inline(never)]
unsafe fn each(op: Op, [from, to]: [DType; 2], (at, n): (*const u8, usize), hub: &Hub) -> Option<Shared<Store>> {
    // SAFETY: the caller's promise.
    let faulty = |(_, fault): (usize, Fault)| unsafe { fault.is_among(from, at, n) };
    if n > SMALL || Fault::of(op, from).is_some_and(faulty) {
        return None;
    }
    // SAFETY: the caller's promise; `out` takes `n` results, and is fresh memory.
    let fill = |out: *mut u8| unsafe { small::unary(op, (from, Values::Each(at, n)), (to, out), n).is_ok() };
    // SAFETY: the kernel writes all of `out` when it succeeds.
    unsafe { filled(hub, n * to.size(), fill) }
}

/// `op` of two operands over `shape`, to which both broadcast, where both are there and small, wherever their elements lie; `None` where the
/// general way must be taken. The memory of the result runs through its axes in the order that a program would choose.
pub(crate) fn binary_strided(
    (op, hub): (Op, &Hub),
    [left, right]: [&dyn Untyped; 2],
    shape: &[usize],
    to: DType,
) -> Option<Leaf> {
    let (left, right) = (left.elements()?, right.elements()?);
    let stretches = |seen: &Bare<'_>| check_broadcast_to("", shape, seen.shape()).is_ok();
    if left.dtype() != right.dtype() || !stretches(&left) || !stretches(&right) {
        return None;
    }
    // SAFETY: elements that are borrowed, of the type that they are told to be.
    let (store, strides) =
        unsafe { strided_in_order(op, [left.dtype(), to], hub, &[left.seen(), right.seen()], shape)? };
    // SAFETY: all results of `shape` are written; the strides run through them.
    Some(Leaf { strides, ..unsafe { Leaf::in_store(store, to, Dims::new(shape)) } })
}

/// `op` of each element of a small array that is there, wherever its elements lie; `None` where the general way must be taken.
pub(crate) fn unary_strided<A: Element, B: Element, D: Dimension>(
    op: Op,
    array: &DistArray<A, D>,
) -> Option<DistArray<B, D>> {
    let held = array.held()?;
    let view = &held.view;
    let seen = [Seen::of(view)];
    // SAFETY: what is seen is borrowed, of type `A`.
    let (store, strides) = unsafe { STRIDED(op, [A::DTYPE?, B::DTYPE?], held.store.hub(), &seen, view.shape())? };
    // SAFETY: all elements of the view's shape are written, of type `B`, and these strides run through them.
    Some(DistArray::from_held(unsafe { Held::in_store_strided(store, view.raw_dim(), &strides) }))
}

/// `op` of one or two operands that broadcast to `shape`: the results and their strides over it.
///
/// # Safety
/// The operands' elements are valid for reads, of the first type, and broadcast to `shape`; results are of the second.
unsafe fn strided_in_order(
    op: Op,
    [from, to]: [DType; 2],
    hub: &Hub,
    operands: &[Seen<'_>],
    shape: &[usize],
) -> Option<(Shared<Store>, Dims<isize>)> {
    let n = volume(shape);
    if n == 0 || n > SMALL {
        return None;
    }
    // SAFETY: the caller's promise.
    if Fault::of(op, from).is_some_and(|(operand, fault)| unsafe { meets(&operands[operand], from, fault) }) {
        return None;
    }
    let stretched = |seen: &Seen<'_>| broadcast_strides(seen.shape, seen.strides, shape);
    let (first, last) = (stretched(operands.first()?), stretched(operands.last()?));
    let both = [&*first, &*last];
    let order = memory_order(shape, &both[..operands.len()]);
    let strides = strides_in_order(shape, &order);
    let in_order = |strides: &[isize]| Dims::from_fn(order.len(), |axis| strides[order[axis]]);
    let lengths = Dims::from_fn(order.len(), |axis| shape[order[axis]]);
    let steps = [in_order(&first), in_order(&last)];
    let at = |nth: usize| (operands[nth.min(operands.len() - 1)].at, &*steps[nth]);
    let places = [at(0), at(1)];
    // SAFETY: the caller's promise: broadcasting reaches no other elements. `out` takes `n` results, and is fresh memory.
    let fill = |out: *mut u8| unsafe { strided::apply(op, from, &lengths, &places[..operands.len()], (to, out)) };
    // SAFETY: where it says so, `apply` has written all of `out`.
    let store = unsafe { filled(hub, n * to.size(), fill) }?;
    Some((store, strides))
}

/// Whether one of the elements is such an operand.
///
/// # Safety
/// They are valid for reads, of type `dtype`.
unsafe fn meets(seen: &Seen<'_>, dtype: DType, fault: Fault) -> bool {
    let order = Dims::from_fn(seen.shape.len(), |axis| axis);
    let mut any = false;
    Walk::new(seen.shape, &order, [seen.strides]).runs(0..volume(seen.shape), |[offset], [step], _, n| {
        let size = dtype.size() as isize;
        let (at, apart) = (seen.at.wrapping_offset(offset * size), step * size);
        // SAFETY: elements of a run are elements of the view (contract).
        any |= match step {
            1 => unsafe { fault.is_among(dtype, at, n) },
            _ => (0..n as isize).any(|nth| unsafe { fault.is_among(dtype, at.wrapping_offset(nth * apart), 1) }),
        };
    });
    any
}

/// `op` of each element of a small leaf; `None` where the general way must be taken.
pub(crate) fn unary_leaf(hub: &Hub, op: Op, leaf: &Leaf, to: DType) -> Option<Leaf> {
    let (bare, dtypes) = (leaf.bare(), [leaf.dtype, to]);
    if bare.is_row_major() {
        // SAFETY: the leaf's elements, of its type, side by side.
        let store = unsafe { each(op, dtypes, (bare.first(), volume(&leaf.shape)), hub)? };
        // SAFETY: `each` has written as many results as the leaf has elements.
        return Some(unsafe { Leaf::in_store(store, to, leaf.shape.clone()) });
    }
    // SAFETY: the leaf's elements, of its type.
    let (store, strides) = unsafe { strided_in_order(op, dtypes, hub, &[bare.seen()], &leaf.shape)? };
    // SAFETY: all results of the shape are written; the strides run through them.
    Some(Leaf { strides, ..unsafe { Leaf::in_store(store, to, leaf.shape.clone()) } })
}

/// One axis of a small row-major array that is there, folded without an expression; `None` where that cannot be.
pub(crate) fn along(hub: &Hub, array: Bare<'_>, fold: Fold, axes: &[usize], to: DType) -> Option<Result<Leaf>> {
    let (shape, &[axis]) = (array.shape(), axes) else { return None };
    if !(1..=SMALL).contains(&volume(shape)) || !array.is_row_major() {
        return None;
    }
    let kept = without(shape, axis);
    let cells = volume(&kept);
    let mut done = Ok(true);
    let fill = |out: *mut u8| {
        let (from, to) = ((array.dtype(), array.first()), (to, out, cells));
        // SAFETY: the array's elements, side by side, and a fresh block for a result of each cell.
        done = unsafe { small::fold_axis(fold, from, shape, axis, to) }.map_err(Error::from);
        matches!(done, Ok(true))
    };
    // SAFETY: where it says so `fold_axis` has written all of `out`.
    let store = unsafe { filled(hub, cells * to.size(), fill) };
    match done {
        // SAFETY: a result for each cell is written.
        Ok(_) => Some(Ok(unsafe { Leaf::in_store(store?, to, kept) })),
        Err(error) => Some(Err(error)),
    }
}

/// The lengths of the other axes.
fn without(shape: &[usize], axis: usize) -> Dims {
    Dims::from_fn(shape.len() - 1, |at| shape[at + usize::from(at >= axis)])
}

/// Products of two small operands that are there, added up along `axis` of the shape that they broadcast to; `None` where the general way must
/// be taken.
pub(crate) fn sum_products(
    hub: &Hub,
    [x, y]: [Seen<'_>; 2],
    dtype: DType,
    shape: &[usize],
    axis: usize,
) -> Option<Leaf> {
    let kept = without(shape, axis);
    let (left, right) = (broadcast_strides(x.shape, x.strides, shape), broadcast_strides(y.shape, y.strides, shape));
    // SAFETY: elements that are borrowed, of this type: broadcasting reaches no others.
    let store = unsafe { summed(hub, dtype, shape, axis, [(x.at, &left), (y.at, &right)]) }?;
    // SAFETY: a result for each cell is written.
    Some(unsafe { Leaf::in_store(store, dtype, kept) })
}

/// Whether [`sum_products`] may be of this type: sums of the others are of another kind, or of wider products.
fn is_summed(dtype: DType) -> bool {
    !dtype.is_half() && dtype != DType::Bool
}

/// # Safety
/// Operands of this type, as [`small::sum_products`] takes them.
unsafe fn summed(
    hub: &Hub,
    dtype: DType,
    shape: &[usize],
    axis: usize,
    operands: [(*const u8, &[isize]); 2],
) -> Option<Shared<Store>> {
    let n = volume(shape);
    if !(1..=SMALL).contains(&n) || !is_summed(dtype) {
        return None;
    }
    let cells = n / shape[axis];
    // SAFETY: the caller's promise; a fresh block for a result of each cell.
    let fill = |out: *mut u8| unsafe { small::sum_products(dtype, shape, axis, operands, (out, cells)) };
    // SAFETY: where it says so `sum_products` has written all of `out`.
    unsafe { filled(hub, cells * dtype.size(), fill) }
}

/// The product of two matrices that are there, where it is small enough to be one block of the work; `None` where the general way must be taken.
pub(crate) fn product(hub: &Hub, [x, y]: [Seen<'_>; 2], dtype: DType) -> Option<Leaf> {
    let (&[rows, _], &[_, columns]) = (x.shape, y.shape) else { return None };
    // SAFETY: elements that are borrowed, of this type.
    let store = unsafe { multiplied(hub, dtype, [x, y]) }?;
    // SAFETY: all results are written.
    Some(unsafe { Leaf::in_store(store, dtype, Dims::new(&[rows, columns])) })
}

/// # Safety
/// The operands are matrices whose elements may be read, of this type.
unsafe fn multiplied(hub: &Hub, dtype: DType, [x, y]: [Seen<'_>; 2]) -> Option<Shared<Store>> {
    let (&[rows, depth], &[_, columns]) = (x.shape, y.shape) else { return None };
    let sides = [
        matrix::Operand { leading: Vec::new(), own: x.strides[0], common: x.strides[1] },
        matrix::Operand { leading: Vec::new(), own: y.strides[1], common: y.strides[0] },
    ];
    // One of no elements, and one that cannot be, are left to the general way.
    let product = Product::new(dtype, Vec::new(), [rows, depth, columns], sides, 1).ok()?;
    if !product.is_alone() {
        return None;
    }
    // SAFETY: the caller's promise; a fresh block for the results.
    let fill = |out: *mut u8| unsafe { product.run_alone([x.at, y.at], out) };
    // SAFETY: where it says so `run_alone` has written all of `out`.
    unsafe { filled(hub, rows * columns * dtype.size(), fill) }
}

/// ndarray's `dot` of a matrix and a matrix or vector that are there and small; `None` where the general way must be taken, which also says
/// what is wrong.
#[inline]
pub(crate) fn dot_with_matrix<A: Element, L: Dimension, R: Dimension, O: Dimension>(
    x: &Arg<'_, A, L>,
    y: &Arg<'_, A, R>,
) -> Option<DistArray<A, O>> {
    let (left, right) = (x.there()?.seen(), y.there()?.seen());
    let lengths = [left.shape[0], *right.shape.last()?];
    // SAFETY: elements of type `A` that are borrowed.
    let store = unsafe { DOT_WITH_MATRIX(A::DTYPE?, [left, right], [x.hub(), y.hub()])? };
    let dim = match (left.shape.len(), right.shape.len()) {
        (1, _) => dim_of::<O>(&lengths[1..]),
        (_, 1) => dim_of::<O>(&lengths[..1]),
        _ => dim_of::<O>(&lengths),
    };
    // SAFETY: as many results as there are rows, columns, or both.
    Some(DistArray::from_held(unsafe { Held::in_store(store, dim) }))
}

/// # Safety
/// The operands' elements may be read, of this type.
unsafe fn dot_in_order(dtype: DType, [x, y]: [Seen<'_>; 2], hubs: [Option<&Hub>; 2]) -> Option<Shared<Store>> {
    let hub = &hub_of(hubs[0], hubs[1]).ok()?;
    // SAFETY: the caller's promise, for all three: a vector is read again for each row or column.
    unsafe {
        match (x.shape, y.shape) {
            (&[_, n], &[terms]) if n == terms => {
                summed(hub, dtype, x.shape, 1, [(x.at, x.strides), (y.at, &[0, y.strides[0]])])
            }
            (&[terms], &[n, _]) if n == terms => {
                summed(hub, dtype, y.shape, 0, [(x.at, &[x.strides[0], 0]), (y.at, y.strides)])
            }
            (&[_, n], &[terms, _]) if n == terms => multiplied(hub, dtype, [x, y]),
            _ => None,
        }
    }
}

/// The product of two small vectors that are there; `None` where the general way must be taken, which also says what is wrong.
#[inline]
pub(crate) fn dot<A: Element>(x: &Arg<'_, A, Ix1>, y: &Arg<'_, A, Ix1>) -> Option<A> {
    let (left, right) = (x.ready()?, y.ready()?);
    let mut sum = MaybeUninit::<A>::uninit();
    let operands = [left, right].map(|elements| (elements.as_ptr().cast::<u8>(), elements.len()));
    // SAFETY: slices of `A`, and a place for one.
    let done = unsafe { DOT(A::DTYPE?, operands, [x.hub(), y.hub()], sum.as_mut_ptr().cast()) };
    // SAFETY: where it says so the sum is written.
    done.then(|| unsafe { sum.assume_init() })
}

/// Writes the sum of the products of two vectors.
///
/// # Safety
/// Pointers to as many elements of type `dtype` as are told, which are valid for reads; `sum` takes one.
unsafe fn dot_of(
    dtype: DType,
    [(left, n), (right, other)]: [(*const u8, usize); 2],
    hubs: [Option<&Hub>; 2],
    sum: *mut u8,
) -> bool {
    if n != other || !(1..=SMALL).contains(&n) || !is_summed(dtype) {
        return false;
    }
    let is_here = match hubs {
        [Some(one), Some(other)] => one.id() == other.id() && one.is_here(),
        [Some(hub), None] | [None, Some(hub)] => hub.is_here(),
        [None, None] => true,
    };
    // SAFETY: the caller's promise.
    is_here && unsafe { small::sum_products(dtype, &[n], 0, [(left, &[1]), (right, &[1])], (sum, 1)) }
}

/// Whether `small`, row-major, meets each row of `large` of its own length, and such rows are long: its axes are the last ones of `large`.
fn is_row_of(small: &[usize], large: &[usize]) -> bool {
    let own = &small[small.iter().take_while(|&&n| n == 1).count()..];
    small.len() <= large.len() && volume(own) >= strided::ROW && large.ends_with(own) && !large.contains(&0)
}
