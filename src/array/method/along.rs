//! What is done along an axis and is neither a map nor a fold, on evaluated operands of any type: `accumulate` and `reduceat` without their
//! element types.

use std::sync::Arc;

use ndarray::{ArrayView, Axis, IxDyn};

use super::indices::{Indices, List};
use crate::array::blocks::grid::{Grid, Source};
use crate::array::blocks::placement::Placed;
use crate::array::evaluate::arithmetic;
use crate::array::evaluate::driver;
use crate::array::evaluate::execute;
use crate::array::expression::node::{Expr, Node, Operand};
use crate::array::operation::operate;
use crate::array::shape::dims::{Dims, row_major, volume};
use crate::array::storage::store::{Held, Leaf};
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::scan::Scan;
use kernels::segment::{Geometry, Segments};
use kernels::work::{Verdict, pieces};
use kernels::{DType, Fault, Layout, Op, Plan, Program, Scalar, associative, computed_in, small};

/// Bytes read and written above which results go past the caches.
const STREAM: usize = 28 << 20;

/// An operation and the name of its function.
pub(super) type Named = (Op, &'static str);

/// The operand with elements of type `dtype`, evaluated.
pub(super) fn evaluated(hub: &Hub, operand: Operand, dtype: DType) -> Result<Leaf> {
    match operand {
        Operand::Leaf(leaf) => cast(hub, leaf, dtype),
        Operand::Node(node) => cast(hub, node.evaluate()?.clone(), dtype),
        Operand::Constant(value) => {
            let args = vec![Operand::Constant(value)];
            let node = Node::new(hub, dtype, Dims::new(&[]), Expr::Apply { op: Op::Cast, args })?;
            node.evaluate().cloned()
        }
    }
}

/// What `accumulate` and `reduceat` read.
pub(super) enum Elements {
    /// All of an array in one memory.
    Leaf(Leaf),
    /// One in several blocks, and the node that it is the value of.
    Blocks(Arc<Grid>, Arc<Node>),
}

impl Elements {
    /// The operand with elements of type `dtype`, evaluated, unless it is in several blocks.
    pub(super) fn of(hub: &Hub, operand: Operand, dtype: DType) -> Result<Self> {
        match operand {
            Operand::Node(node) if let Some(grid) = node.blocks() => Elements::Blocks(grid, node).cast(hub, dtype),
            operand => evaluated(hub, operand, dtype).map(Elements::Leaf),
        }
    }

    fn dtype(&self) -> DType {
        match self {
            Elements::Leaf(leaf) => leaf.dtype,
            Elements::Blocks(grid, _) => grid.dtype,
        }
    }

    pub(super) fn shape(&self) -> &Dims {
        match self {
            Elements::Leaf(leaf) => &leaf.shape,
            Elements::Blocks(grid, _) => &grid.shape,
        }
    }

    /// The elements converted to another type; blocks of another type become one array of this.
    pub(super) fn cast(self, hub: &Hub, dtype: DType) -> Result<Self> {
        match self {
            Elements::Leaf(leaf) => cast(hub, leaf, dtype).map(Elements::Leaf),
            Elements::Blocks(grid, node) if grid.dtype == dtype => Ok(Elements::Blocks(grid, node)),
            Elements::Blocks(grid, node) => {
                let args = vec![Operand::Node(node)];
                let node = Node::new(hub, dtype, grid.shape.clone(), Expr::Apply { op: Op::Cast, args })?;
                node.evaluate().cloned().map(Elements::Leaf)
            }
        }
    }
}

/// The elements converted to another type.
pub(super) fn cast(hub: &Hub, leaf: Leaf, dtype: DType) -> Result<Leaf> {
    match operate::cast(hub, Operand::Leaf(leaf), dtype)? {
        Operand::Leaf(leaf) => Ok(leaf),
        Operand::Node(node) => node.evaluate().cloned(),
        Operand::Constant(_) => unreachable!("a leaf converted"),
    }
}

/// A copy in row-major order.
fn row_major_copy(hub: &Hub, leaf: &Leaf) -> Result<Leaf> {
    let program = Program { inputs: vec![leaf.dtype], outputs: vec![0], ..Program::default() };
    let from = Layout { strides: leaf.strides.to_vec() };
    let plan = Plan::map(program, &leaf.shape, &[from], &[Layout::row_major(&leaf.shape)])?;
    let copy = fresh(hub, leaf.dtype, &leaf.shape)?;
    execute::run(hub, &plan, &[Source::Leaf(leaf)], std::slice::from_ref(&copy))?;
    Ok(copy)
}

/// The leaf, or a copy, in row-major order.
pub(super) fn in_row_major(hub: &Hub, leaf: Leaf) -> Result<Leaf> {
    if is_row_major(&leaf.shape, &leaf.strides) { Ok(leaf) } else { row_major_copy(hub, &leaf) }
}

/// A fresh leaf in row-major order.
pub(super) fn fresh(hub: &Hub, dtype: DType, shape: &[usize]) -> Result<Leaf> {
    Leaf::fresh(hub, dtype, Dims::new(shape), row_major(shape))
}

/// Where the elements are, seen along an axis; `None` where they have to be side by side first.
fn geometry(shape: &[usize], strides: &[isize], axis: usize) -> Option<Geometry> {
    let inner: usize = shape[axis + 1..].iter().product();
    let mut step = 1;
    for at in (axis + 1..shape.len()).rev() {
        if shape[at] != 1 && strides[at] != step {
            return None;
        }
        step *= shape[at] as isize;
    }
    let stride = if shape[axis] == 1 { step } else { strides[axis] };
    if inner == 1 && stride != 1 {
        return None;
    }
    // Axes of one element are none.
    let outer = shape[..axis].iter().copied().zip(strides[..axis].iter().copied());
    let outer = outer.filter(|&(length, _)| length != 1).collect();
    let side_by_side = is_row_major(shape, strides).then(|| volume(shape));
    Some(Geometry { outer, length: shape[axis], stride, inner, side_by_side })
}

/// Whether elements lie side by side in row-major order.
fn is_row_major(shape: &[usize], strides: &[isize]) -> bool {
    shape
        .iter()
        .zip(strides)
        .zip(row_major(shape).iter())
        .all(|((&length, stride), wanted)| length == 1 || stride == wanted)
}

/// The leaf with its axes the other way round.
fn reversed(leaf: &Leaf) -> Leaf {
    let last = leaf.shape.len().wrapping_sub(1);
    let shape = Dims::from_fn(leaf.shape.len(), |axis| leaf.shape[last - axis]);
    let strides = Dims::from_fn(leaf.shape.len(), |axis| leaf.strides[last - axis]);
    Leaf { shape, strides, ..leaf.clone() }
}

/// `$f::<T>` for the integer type that `$dtype` is; `$otherwise` for other types.
macro_rules! of_integers {
    ($dtype:expr, $f:ident ($($arg:expr),*), $otherwise:expr) => {
        match $dtype {
            DType::I8 => $f::<i8>($($arg),*),
            DType::I16 => $f::<i16>($($arg),*),
            DType::I32 => $f::<i32>($($arg),*),
            DType::I64 => $f::<i64>($($arg),*),
            DType::U8 => $f::<u8>($($arg),*),
            DType::U16 => $f::<u16>($($arg),*),
            DType::U32 => $f::<u32>($($arg),*),
            DType::U64 => $f::<u64>($($arg),*),
            _ => $otherwise,
        }
    };
}

fn does_not_go_on(name: &str, method: &str, dtype: DType) -> Error {
    let of = dtype.name();
    Error::invalid(format!("{name}.{method}: of two {of} it does not give {of}, so that it cannot go on"))
}

/// `accumulate`: the results, of the operand's type and shape.
pub(super) fn accumulated(
    hub: &Hub,
    (op, name): Named,
    elements: Elements,
    axis: usize,
    initial: Option<Scalar>,
) -> Result<Leaf> {
    let dtype = elements.dtype();
    if let Some(value) = initial.filter(|value| value.dtype != dtype) {
        let (from, to) = (value.dtype.name(), dtype.name());
        let what = format!("{name}.accumulate: an initial value of type {from} for results of type {to}");
        return Err(Error::invalid(what));
    }
    if let Some((op, instead)) = computed_in(op, dtype) {
        let initial = match initial {
            Some(value) => Some(
                small::constant(Op::Cast, &[value], instead)
                    .ok_or_else(|| Error::invalid(format!("{name}.accumulate: an initial value of another type")))?,
            ),
            None => None,
        };
        return cast(hub, accumulated(hub, (op, name), elements.cast(hub, instead)?, axis, initial)?, dtype);
    }
    let length = elements.shape()[axis];
    let joined = length - usize::from(initial.is_some() && length > 0);
    let leaf = match elements {
        Elements::Leaf(leaf) => leaf,
        // What could be met that has no result is looked for in one array.
        Elements::Blocks(_, node) if Fault::of(op, dtype).is_some() => node.evaluate()?.clone(),
        Elements::Blocks(grid, _) => {
            let (shape, strides) = (&grid.shape, row_major(&grid.shape));
            let from = From { shape, strides: &strides, source: Source::Blocks(&grid), dtype };
            return along(hub, (op, name), &from, axis, joined, initial);
        }
    };
    if let Some((_, fault)) = Fault::of(op, dtype) {
        let first = usize::from(initial.is_none());
        if let Some(flat) = of_integers!(dtype, first_fault(fault, &leaf, axis, first..joined), None) {
            return Err(arithmetic(op, fault, &leaf.shape, flat));
        }
    }
    // In the order that memory has.
    let (turned, rank) = (reversed(&leaf), leaf.shape.len());
    if rank > 1 && !is_row_major(&leaf.shape, &leaf.strides) && is_row_major(&turned.shape, &turned.strides) {
        return Ok(reversed(&along(hub, (op, name), &From::leaf(&turned), rank - 1 - axis, joined, initial)?));
    }
    along(hub, (op, name), &From::leaf(&leaf), axis, joined, initial)
}

/// An operand that is there, and how its elements lie.
struct From<'a> {
    shape: &'a Dims,
    strides: &'a [isize],
    source: Source<'a>,
    dtype: DType,
}

impl<'a> From<'a> {
    fn leaf(leaf: &'a Leaf) -> From<'a> {
        From { shape: &leaf.shape, strides: &leaf.strides, source: Source::Leaf(leaf), dtype: leaf.dtype }
    }
}

/// [`accumulated`] of `joined` elements along the axis.
fn along(
    hub: &Hub,
    (op, name): Named,
    from: &From<'_>,
    axis: usize,
    joined: usize,
    initial: Option<Scalar>,
) -> Result<Leaf> {
    let &From { shape, strides, source, dtype } = from;
    let elements = volume(shape);
    if elements == 0 {
        return fresh(hub, dtype, shape);
    }
    if let (Some(value), 0) = (initial, joined) {
        let args = vec![Operand::Constant(value)];
        let node = Node::new(hub, dtype, shape.clone(), Expr::Apply { op: Op::Cast, args })?;
        return node.evaluate().cloned();
    }
    let mut within = shape.clone();
    within.as_mut()[axis] = joined;
    let geometry = match (geometry(&within, strides, axis), source) {
        (Some(geometry), _) => geometry,
        (None, Source::Leaf(leaf)) => {
            let copy = row_major_copy(hub, leaf)?;
            return along(hub, (op, name), &From::leaf(&copy), axis, joined, initial);
        }
        (None, Source::Blocks(_)) => return Err(Error::invalid("blocks that are not in row-major order")),
    };
    let streamed = 2 * dtype.size() * elements >= STREAM;
    let scan = Scan::new(op, dtype, geometry, initial, streamed, hub.workers())?
        .ok_or_else(|| does_not_go_on(name, "accumulate", dtype))?;
    let results = fresh(hub, dtype, shape)?;
    let placed = Some(&Placed::new(1, &results));
    // SAFETY: the scan was made for `within`, whose elements are some of the operand's, which is kept during the call; the results' block takes as
    // many elements as the operand has and is fresh.
    match source {
        Source::Leaf(leaf) => {
            let operands = [leaf.address_for_engines(), results.address()];
            // SAFETY: as above.
            unsafe { driver::run(hub, name, &scan, &operands, placed) }?;
        }
        Source::Blocks(grid) => {
            let pieces = grid.pieces(true)?;
            let sources = [pieces::Source::Pieces(&pieces), pieces::Source::At(results.address())];
            // SAFETY: as above.
            unsafe { driver::run_sources(hub, name, &scan, &sources, placed) }?;
        }
    }
    Ok(results)
}

/// The elements of a leaf of that type.
fn view<V: Element>(leaf: &Leaf) -> Held<V, IxDyn> {
    Held::from_leaf(leaf)
}

/// Whether one of the elements must not be there.
fn any_fault<V: Element>(fault: Fault, view: &ArrayView<'_, V, IxDyn>) -> bool {
    view.as_slice().map_or_else(|| view.iter().any(|x| fault.among(&[*x])), |slice| fault.among(slice))
}

/// Which of `n` values must not be there, the first one.
///
/// # Safety
/// `first` is valid for reads of `n` values of type `dtype`, and aligned for them.
pub(super) unsafe fn first_bad(fault: Fault, dtype: DType, first: *const u8, n: usize) -> Option<usize> {
    unsafe fn of<V: Element>(fault: Fault, first: *const u8, n: usize) -> Option<usize> {
        // SAFETY: the caller's promise.
        let values = unsafe { std::slice::from_raw_parts(first.cast::<V>(), n) };
        if fault.among(values) { values.iter().position(|x| fault.among(&[*x])) } else { None }
    }
    // SAFETY: the caller's promise.
    unsafe { of_integers!(dtype, of(fault, first, n), None) }
}

/// The first element, by its flat index, whose place along the axis is one of `places` and that must not be there.
fn first_fault<V: Element>(fault: Fault, leaf: &Leaf, axis: usize, places: std::ops::Range<usize>) -> Option<usize> {
    let held = view::<V>(leaf);
    let view = held.view.view();
    if !any_fault(fault, &view) {
        return None;
    }
    let (length, inner) = (view.len_of(Axis(axis)), view.shape()[axis + 1..].iter().product::<usize>());
    view.iter().enumerate().position(|(flat, x)| places.contains(&(flat / inner % length)) && fault.among(&[*x]))
}

/// `reduceat`: the results, as many along the axis as there are segments; `None` where an index is out of bounds.
pub(super) fn segments(
    hub: &Hub,
    (op, name): Named,
    elements: Elements,
    axis: usize,
    list: &List<'_>,
) -> Result<Option<Leaf>> {
    let dtype = elements.dtype();
    if matches!(op, Op::LogicalAnd | Op::LogicalOr | Op::LogicalXor) && dtype != DType::Bool {
        return segments(hub, (op, name), elements.cast(hub, DType::Bool)?, axis, list);
    }
    if let Some((op, instead)) = computed_in(op, dtype) {
        let results = segments(hub, (op, name), elements.cast(hub, instead)?, axis, list)?;
        return results.map(|results| cast(hub, results, dtype)).transpose();
    }
    let (count, length) = (list.len(), elements.shape()[axis]);
    let mut shape = elements.shape().clone();
    shape.as_mut()[axis] = count;
    if volume(elements.shape()) == 0 || count == 0 {
        let outside = list.first_outside(length, false).is_some();
        return if outside { Ok(None) } else { fresh(hub, dtype, &shape).map(Some) };
    }
    // What is not joined in groups takes a long segment as a whole.
    let in_order = !associative(op) || (op == Op::Mul && dtype.is_complex());
    let leaf = match elements {
        Elements::Leaf(leaf) => leaf,
        Elements::Blocks(_, node) if in_order || Fault::of(op, dtype).is_some() => node.evaluate()?.clone(),
        Elements::Blocks(grid, _) => {
            let (indices, numbers) = list.resident(hub)?;
            let geometry = geometry(&grid.shape, &row_major(&grid.shape), axis);
            let geometry = geometry.ok_or_else(|| Error::invalid("blocks that are not in row-major order"))?;
            let plan = Segments::new(op, dtype, geometry, count, numbers)?;
            let plan = plan.ok_or_else(|| does_not_go_on(name, "reduceat", dtype))?;
            let results = fresh(hub, dtype, &shape)?;
            let values = grid.pieces(true)?;
            let sources = [
                pieces::Source::Pieces(&values),
                pieces::Source::At(results.address()),
                pieces::Source::At(indices.at()),
            ];
            let placed = Placed::of_grid(0, &grid, hub.engines());
            // SAFETY: the plan was made for the array that the blocks stand for, which are kept during the call, and for as many indices of that
            // type as the list has; the results' block is fresh.
            let verdict = unsafe { driver::run_sources(hub, name, &plan, &sources, Some(&placed)) }?;
            return Ok((verdict == Verdict::Whole).then_some(results));
        }
    };
    let (leaf, geometry) = match geometry(&leaf.shape, &leaf.strides, axis) {
        Some(geometry) => (leaf, geometry),
        None => {
            let copy = row_major_copy(hub, &leaf)?;
            let geometry = geometry(&copy.shape, &copy.strides, axis);
            (copy, geometry.ok_or_else(|| Error::invalid("a copy in row-major order is none"))?)
        }
    };
    if let Some((_, fault)) = Fault::of(op, dtype) {
        if list.first_outside(length, false).is_some() {
            return Ok(None);
        }
        if let Some(flat) = of_integers!(dtype, segment_fault(fault, &leaf, axis, list), None) {
            return Err(arithmetic(op, fault, &leaf.shape, flat));
        }
    }
    let (indices, numbers) = list.resident(hub)?;
    let plan = Segments::new(op, dtype, geometry, count, numbers)?;
    let plan = plan.ok_or_else(|| does_not_go_on(name, "reduceat", dtype))?;
    let results = fresh(hub, dtype, &shape)?;
    let operands = [leaf.address_for_engines(), results.address(), indices.at()];
    // SAFETY: the plan was made for the leaf, and for as many indices of that type as the list has; the results' block is fresh.
    let verdict = unsafe { driver::run(hub, name, &plan, &operands, Some(&Placed::new(0, &leaf))) }?;
    Ok((verdict == Verdict::Whole).then_some(results))
}

/// The elements along an axis, of which there is one at least, joined; the result does not have the axis.
pub(super) fn whole(hub: &Hub, op: Named, elements: Elements, axis: usize) -> Result<Leaf> {
    let starts = [0usize];
    let lists = starts.lists()?;
    let results = segments(hub, op, elements, axis, &lists[0])?;
    let results = results.ok_or_else(|| Error::invalid("an axis without elements"))?;
    let without =
        |axes: &[usize]| axes.iter().enumerate().filter(|(at, _)| *at != axis).map(|(_, &n)| n).collect::<Vec<_>>();
    let shape = without(&results.shape);
    Ok(Leaf { shape: Dims::new(&shape), strides: row_major(&shape), ..results })
}

/// The first element, by its flat index, that a segment joins to others and that must not be there.
fn segment_fault<V: Element>(fault: Fault, leaf: &Leaf, axis: usize, list: &List<'_>) -> Option<usize> {
    let held = view::<V>(leaf);
    let view = held.view.view();
    if !any_fault(fault, &view) {
        return None;
    }
    let length = view.len_of(Axis(axis));
    let mut starts = vec![length; list.len() + 1];
    list.places(0, &mut starts[..list.len()], length, false);
    // How many segments have each place behind their first one.
    let mut changes = vec![0isize; length + 1];
    for pair in starts.windows(2).filter(|pair| pair[0] + 1 < pair[1]) {
        changes[pair[0] + 1] += 1;
        changes[pair[1]] -= 1;
    }
    let mut covered = 0;
    let joined: Vec<bool> = changes
        .iter()
        .map(|change| {
            covered += change;
            covered > 0
        })
        .collect();
    let inner = view.shape()[axis + 1..].iter().product::<usize>();
    view.iter().enumerate().position(|(flat, x)| joined[flat / inner % length] && fault.among(&[*x]))
}
