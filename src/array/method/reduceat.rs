//! `reduceat`: a function joins the elements of segments of an axis.

use std::mem::MaybeUninit;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{ArrayView, Axis, Dimension, IxDyn};

use super::indices::{Indices, List, outside};
use super::input::Input;
use super::share::{Place, share};
use crate::array::argument::{Arg, hub_of};
use crate::array::dist_array::{DistArray, checked_axis, dim_of};
use crate::array::evaluate::arithmetic;
use crate::array::function::{Binary, BinaryUfunc};
use crate::array::gather::copy_in;
use crate::array::view::Held;
use crate::array::walk;
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::Value as _;
use kernels::segment::{Geometry, Long, Segments};
use kernels::{DType, Fault, Op, computed_in};

/// `reduceat` of functions of two operands.
pub trait Reduceat: BinaryUfunc {
    /// Joins the elements of segments of an axis: result `i` along it is the function of `x[indices[i]..indices[i + 1]]`, or `x[indices[i]]` alone
    /// where `indices[i] >= indices[i + 1]`. The last segment goes to the axis's end. Nothing is done until
    /// [`run`](ReduceatOf::run).
    ///
    /// Functions that may be grouped (sums, products, extremes, bits, logic) take a segment's elements in a fixed tree, floats of fewer
    /// than 64 bits in 64, rounded once; a segment's bits follow from its elements, the array's shape and the axis. All others, and
    /// products of complex numbers, take them in order, one after the other: a long segment is then one thread's.
    ///
    /// ```
    /// use distob::prelude::*;
    /// use distob::ufunc::Add;
    /// # fn main() -> distob::Result<()> {
    /// let a = DistArray::from_vec((0..8).collect::<Vec<i64>>());
    /// assert_eq!(Add.reduceat(&a, [0, 4, 1, 5]).run()?, ndarray::array![6, 4, 10, 18]);
    /// # Ok(())
    /// # }
    /// ```
    fn reduceat<X: Input, I: Indices>(self, x: X, indices: I) -> ReduceatOf<Self, X, I, X::Elem> {
        ReduceatOf { function: self, x, indices, axis: 0, element: std::marker::PhantomData }
    }
}

impl<F: BinaryUfunc> Reduceat for F {}

/// A [`reduceat`](Reduceat::reduceat) that is being asked for.
#[must_use = "nothing is computed until it is run"]
#[derive(Clone, Debug)]
pub struct ReduceatOf<F, X, I, B> {
    function: F,
    x: X,
    indices: I,
    axis: isize,
    element: std::marker::PhantomData<fn() -> B>,
}

impl<F: BinaryUfunc, X: Input, I: Indices, B: Element> ReduceatOf<F, X, I, B> {
    /// Along this axis; negative ones count from the end. It is 0 unless this is called.
    pub fn axis(mut self, axis: isize) -> Self {
        self.axis = axis;
        self
    }

    /// In elements of this type, to which those of `x` are converted first.
    pub fn dtype<C: Element>(self) -> ReduceatOf<F, X, I, C> {
        let ReduceatOf { function, x, indices, axis, .. } = self;
        ReduceatOf { function, x, indices, axis, element: std::marker::PhantomData }
    }

    /// Computes it. The result has as many elements along the axis as there are indices. An operand that is pending is
    /// computed first.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where an index is not below the axis's length (negative ones are not either), there is not one list of
    /// indices with one axis, or the function does not give what it takes; [`Error::Axis`]; [`Error::Arithmetic`] where an integer would be
    /// divided by zero, or have a negative exponent: the place is that in `x`; [`Error::OutOfMemory`].
    pub fn run(self) -> Result<DistArray<<F as Binary<B>>::Output, X::Dim>>
    where
        F: Binary<B>,
    {
        let arg = self.x.view_arg();
        let hub = hub_of(arg.hub(), None)?;
        let name = F::NAME;
        let axis = checked_axis(&format!("{name}.reduceat"), self.axis, arg.shape().len())?;
        let lists = self.indices.lists()?;
        let list = match &lists[..] {
            [list] if list.shape().len() == 1 && list.mask().is_none() => list,
            _ => {
                let shapes: Vec<_> = lists.iter().map(List::shape).collect();
                let what = format!("{name}.reduceat: one list of integers with one axis is wanted, not {shapes:?}");
                return Err(Error::invalid(what));
            }
        };
        let copied;
        let array = match &arg {
            Arg::Dist(array) => *array,
            Arg::Foreign(view) => {
                copied = DistArray::from_held(copy_in(&hub, view)?);
                &copied
            }
            Arg::Number(_) => unreachable!("a number has no axis"),
        };
        let array: DistArray<B, X::Dim> = if B::DTYPE.is_some() && X::Elem::DTYPE == B::DTYPE {
            let leaf = array.try_held()?.leaf().ok_or_else(|| Error::invalid("a type that programs do not know"))?;
            DistArray::from_held(Held::from_leaf(&leaf))
        } else {
            array.try_astype()?
        };
        joined((self.function.op(), name), &hub, &array, axis, list)
    }
}

/// The results, in elements of the function's result; those of the operand are converted where the kernels join others.
fn joined<B: Element, R: Element, D: Dimension>(
    (op, name): (Op, &'static str),
    hub: &Hub,
    array: &DistArray<B, D>,
    axis: usize,
    list: &List<'_>,
) -> Result<DistArray<R, D>> {
    if matches!(op, Op::LogicalAnd | Op::LogicalOr | Op::LogicalXor) && B::DTYPE != Some(DType::Bool) {
        return joined::<bool, R, D>((op, name), hub, &array.try_astype()?, axis, list);
    }
    if let Some((op, in_type)) = B::DTYPE.and_then(|dtype| computed_in(op, dtype)) {
        return match in_type {
            DType::U32 => joined::<u32, u32, D>((op, name), hub, &array.try_astype()?, axis, list)?.try_astype(),
            DType::I32 => joined::<i32, i32, D>((op, name), hub, &array.try_astype()?, axis, list)?.try_astype(),
            _ => joined::<f64, f64, D>((op, name), hub, &array.try_astype()?, axis, list)?.try_astype(),
        };
    }
    let view = array.try_held()?.view.view();
    match join::<B, _, _>((op, name), hub, &view, axis, list)? {
        Some(held) => Ok(DistArray::from_held(held)),
        None => {
            let length = view.len_of(Axis(axis));
            let found = list.first_outside(length, false);
            Err(outside(&format!("{name}.reduceat"), found, list.shape(), axis, length))
        }
    }
}

/// The elements along an axis, of which there is one at least, joined; the result does not have the axis.
pub(super) fn whole<B: Element>(
    (op, name): (Op, &'static str),
    array: &DistArray<B, IxDyn>,
    axis: usize,
) -> Result<DistArray<B, IxDyn>> {
    let starts = [0usize];
    let lists = starts.lists()?;
    let array: DistArray<B, IxDyn> = joined((op, name), array.hub(), array, axis, &lists[0])?;
    Ok(DistArray::from_held(array.try_held()?.clone().with_view(|view| view.index_axis_move(Axis(axis), 0))))
}

/// Where the elements are, seen along an axis; `None` where they have to be side by side first.
pub(super) fn geometry<B, D: Dimension>(view: &ArrayView<'_, B, D>, axis: usize) -> Option<Geometry> {
    let (shape, strides) = (view.shape(), view.strides());
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
    let outer = shape[..axis].iter().copied().zip(strides[..axis].iter().copied()).collect();
    let side_by_side = view.is_standard_layout().then(|| view.len());
    Some(Geometry { outer, length: shape[axis], stride, inner, side_by_side })
}

/// The results; `None` where an index is out of bounds.
fn join<B: Element, R: Element, D: Dimension>(
    (op, name): (Op, &'static str),
    hub: &Hub,
    view: &ArrayView<'_, B, D>,
    axis: usize,
    list: &List<'_>,
) -> Result<Option<Held<R, D>>> {
    let segments = list.len();
    let length = view.len_of(Axis(axis));
    let mut shape = view.shape().to_vec();
    shape[axis] = segments;
    let dim: D = dim_of(&shape);
    if view.is_empty() || segments == 0 {
        if list.first_outside(length, false).is_some() {
            return Ok(None);
        }
        // SAFETY: there is no element to be initialised: an axis has length 0, the one of the view or that of the segments.
        return unsafe { Held::create(hub, dim, |_| Ok(())) }.map(Some);
    }
    let Some(geometry) = geometry(view, axis) else {
        let copy = walk::copy_row_major(hub, name, view)?;
        return join((op, name), hub, &copy.view.view(), axis, list);
    };
    let plan = B::DTYPE.and_then(|dtype| Segments::new(op, dtype, geometry, segments));
    let Some(plan) = plan.filter(|plan| R::DTYPE == Some(plan.result_dtype())) else {
        let of = std::any::type_name::<B>();
        return Err(Error::invalid(format!(
            "{name}.reduceat: of two {of} it does not give {of}, so that it cannot go on"
        )));
    };
    if let Some((_, fault)) = B::DTYPE.and_then(|dtype| Fault::of(op, dtype)) {
        if list.first_outside(length, false).is_some() {
            return Ok(None);
        }
        check(fault, view, axis, list).map_or(Ok(()), |flat| Err(arithmetic(op, fault, view.shape(), flat)))?;
    }
    let outside = AtomicBool::new(false);
    let fill = |out: &mut [MaybeUninit<R>]| run(hub, name, &plan, view.as_ptr().cast(), out, list, length, &outside);
    // SAFETY: `run` writes every result when it succeeds.
    let held = unsafe { Held::create(hub, dim, fill) }?;
    Ok((!outside.into_inner()).then_some(held))
}

/// Computes all results. Where an index is out of bounds, `outside` says so, and they mean nothing.
#[expect(clippy::too_many_arguments, reason = "what the two loops share")]
fn run<R>(
    hub: &Hub,
    name: &'static str,
    plan: &Segments,
    values: *const u8,
    out: &mut [MaybeUninit<R>],
    list: &List<'_>,
    length: usize,
    outside: &AtomicBool,
) -> Result<()> {
    let (source, target) = (Place(values.cast_mut()), Place(out.as_mut_ptr().cast::<u8>()));
    let left = Mutex::new(Vec::new());
    let read = |first: usize, starts: &mut [usize]| {
        let there = starts.len().min(list.len() - first);
        if !list.places(first, &mut starts[..there], length, false) {
            outside.store(true, Ordering::Relaxed);
        }
        starts[there..].fill(length);
    };
    let (units, elements) = plan.units();
    share(hub, name, units, elements * size_of::<R>().max(8), &|range| {
        let leave = &mut |long: Long| left.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(long);
        // SAFETY: the plan was made for the view that `values` is of, which is borrowed by the caller; `out` is as long as the result and
        // borrowed mutably; ranges of units are disjoint.
        unsafe { plan.run(source.get(), target.get(), range, &read, leave) }
    })?;
    let left = left.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    if left.is_empty() || outside.load(Ordering::Relaxed) {
        return Ok(());
    }
    // Parts of long segments: each has a place of its own, in units of 16 bytes.
    let mut parts = Vec::new();
    let mut firsts = Vec::with_capacity(left.len());
    let mut room = 0;
    for (index, long) in left.iter().enumerate() {
        let (count, bytes) = plan.parts(long);
        firsts.push(room);
        // Parts of one segment lie side by side, without a gap, except that the first begins at a multiple of 16.
        parts.extend((0..count).map(|part| (index, part, room * 16 + part * bytes)));
        room += (count * bytes).div_ceil(16);
    }
    let mut accs = vec![[0u64; 2]; room];
    let scratch = Place(accs.as_mut_ptr().cast::<u8>());
    let most = left.iter().map(|long| plan.part_elements(long)).max().unwrap_or(1);
    share(hub, name, parts.len(), most * 8, &|range| {
        for &(index, part, at) in &parts[range] {
            // SAFETY: a segment that this plan has left, over the same view; the part's place in `accs` is its own, as many bytes as
            // `parts` said, and aligned as its accumulators are, whose sizes divide 16 and whose number comes before it.
            unsafe { plan.part(source.get(), &left[index], part, scratch.get().add(at)) }
        }
    })?;
    for (long, first) in left.iter().zip(firsts) {
        // SAFETY: the parts were computed above, and the segment's results are written by nobody else.
        unsafe { plan.join(scratch.get().add(first * 16), long, target.get()) }
    }
    Ok(())
}

/// The first element, by its flat index, that a segment joins to others and that must not be there.
fn check<B: Element, D: Dimension>(
    fault: Fault,
    view: &ArrayView<'_, B, D>,
    axis: usize,
    list: &List<'_>,
) -> Option<usize> {
    if !view.as_slice().map_or_else(|| view.iter().any(|x| fault.among(&[*x])), |slice| fault.among(slice)) {
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
    let inner: usize = view.shape()[axis + 1..].iter().product();
    view.iter().enumerate().position(|(flat, x)| joined[flat / inner % length] && fault.among(&[*x]))
}
