//! Parallel loops over strided elements in this process: what closures, copies in and copies out run on. The `unsafe` of it is
//! here, behind functions that take views.

use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ndarray::{ArrayRef, ArrayView, Dimension};

use crate::array::blocks::placement::{self, Deal};
use crate::array::evaluate::execute;
use crate::array::shape::broadcast::{broadcast_strides, check_broadcast_to, memory_order, strides_in_order};
use crate::array::shape::dims::{Dims, checked_bytes, row_major, volume};
use crate::array::storage::shared;
use crate::array::storage::store::{Bare, Held, Seen, Store, strides_of};
use crate::cluster::{Hub, Job, MAX_PAYLOAD, Remote};
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::{DType, Fold, Scalar, small};

/// Fewer elements than this are not worth sharing, whatever is done to them.
pub(in crate::array) const GRAIN: usize = 4096;
/// From this many bytes on, copies go through the kernels.
const STREAM_FROM: usize = 256 << 10;
/// A job has at most this many chunks.
const MAX_CHUNKS: usize = 4096;

/// Runs `body` over `0..len` in pieces, on the hub's threads. `bytes` is the memory traffic that takes as long as one
/// element. A panic in `body` becomes [`Error::Panicked`].
pub(crate) fn parallel(
    hub: &Hub,
    name: &'static str,
    len: usize,
    bytes: usize,
    body: &(dyn Fn(std::ops::Range<usize>) + Sync),
) -> Result<()> {
    parallel_with(hub, name, len, bytes, How::default(), body)
}

/// Who takes part in a loop: the hub's threads, unless said otherwise.
#[derive(Default)]
pub(in crate::array) struct How<'a> {
    /// Engine processes, in this way.
    pub(in crate::array) elsewhere: Option<Elsewhere<'a>>,
    /// Whether a closure of the program's is called, which may use rayon.
    pub(in crate::array) closure: bool,
    /// The length of the first axis, where the places are those of an array in row-major order: by its blocks they are dealt to engines.
    pub(in crate::array) rows: Option<usize>,
}

/// How engine processes may take part in a loop.
pub(in crate::array) struct Elsewhere<'a> {
    /// Name of the registered [`JobKind`](crate::cluster::JobKind).
    pub(in crate::array) kind: &'static str,
    /// What its `prepare` reads for pieces of that many places; `None` where they cannot.
    pub(in crate::array) payload: &'a dyn Fn(usize) -> Result<Option<Vec<u8>>>,
}

/// [`parallel`], as `how` says.
pub(in crate::array) fn parallel_with(
    hub: &Hub,
    name: &'static str,
    len: usize,
    bytes: usize,
    How { elsewhere, closure, rows }: How<'_>,
    body: &(dyn Fn(std::ops::Range<usize>) + Sync),
) -> Result<()> {
    hub.check_home()?;
    if len == 0 {
        return Ok(());
    }
    if len <= GRAIN {
        return catch_unwind(AssertUnwindSafe(|| body(0..len))).map_err(|payload| Error::panicked(name, payload));
    }
    let grain = GRAIN.max(((64 << 10) / bytes.max(1)).next_power_of_two()).max(len.div_ceil(MAX_CHUNKS));
    let local = |chunk: u32| {
        let start = chunk as usize * grain;
        body(start..(start + grain).min(len));
    };
    let chunks = len.div_ceil(grain) as u32;
    let elsewhere = elsewhere.filter(|_| hub.shares_with_processes());
    let payload = match &elsewhere {
        Some(elsewhere) => (elsewhere.payload)(grain)?,
        None => None,
    };
    // What the board does not hold is computed by this process's threads.
    let payload = payload.filter(|payload| payload.len() <= MAX_PAYLOAD);
    let remote = elsewhere.zip(payload.as_deref()).map(|(elsewhere, payload)| Remote { kind: elsewhere.kind, payload });
    let deal = match len.saturating_mul(bytes) < placement::FROM {
        true => Deal::default(),
        false => Deal::of_rows(hub.engines(), rows.unwrap_or(len), chunks as usize),
    };
    hub.run(&Job { name, chunks, bytes: (len * bytes) as u64, lanes: &deal.lanes, closure, local: &local, remote })
}

/// A shape and the strides of `K` operands over it, with axes that follow each other in all of them made one.
pub(in crate::array) struct Walk<const K: usize> {
    pub(in crate::array) lengths: Vec<usize>,
    pub(in crate::array) strides: Vec<[isize; K]>,
}

impl<const K: usize> Walk<K> {
    /// Axes in `order`, outermost first.
    pub(in crate::array) fn new(shape: &[usize], order: &[usize], strides: [&[isize]; K]) -> Self {
        let mut walk = Walk { lengths: Vec::new(), strides: Vec::new() };
        for &axis in order.iter().filter(|&&axis| shape[axis] != 1) {
            let (length, steps) = (shape[axis], strides.map(|strides| strides[axis]));
            match (walk.lengths.last_mut(), walk.strides.last_mut()) {
                (Some(outer), Some(outer_steps)) if (0..K).all(|k| outer_steps[k] == steps[k] * length as isize) => {
                    *outer *= length;
                    *outer_steps = steps;
                }
                _ => {
                    walk.lengths.push(length);
                    walk.strides.push(steps);
                }
            }
        }
        if walk.lengths.is_empty() {
            walk.lengths.push(1);
            walk.strides.push([0; K]);
        }
        walk
    }

    /// Calls `run(offsets, steps, start, length)` for each run along the innermost axis inside of `range`, a range of
    /// places counted in this walk's order.
    pub(in crate::array) fn runs(
        &self,
        range: std::ops::Range<usize>,
        mut run: impl FnMut([isize; K], [isize; K], usize, usize),
    ) {
        let last = self.lengths.len() - 1;
        let mut index = vec![0; last + 1];
        let mut rest = range.start;
        for axis in (0..=last).rev() {
            index[axis] = rest % self.lengths[axis];
            rest /= self.lengths[axis];
        }
        let mut at = range.start;
        while at < range.end {
            let length = (self.lengths[last] - index[last]).min(range.end - at);
            let offsets =
                std::array::from_fn(|k| (0..=last).map(|axis| index[axis] as isize * self.strides[axis][k]).sum());
            run(offsets, self.strides[last], at, length);
            at += length;
            index[last] += length;
            for axis in (1..=last).rev() {
                if index[axis] == self.lengths[axis] {
                    index[axis] = 0;
                    index[axis - 1] += 1;
                }
            }
        }
    }
}

/// A pointer that the threads of one loop share.
#[derive(Clone, Copy)]
pub(in crate::array) struct SharedPointer<T>(pub(in crate::array) *mut T);

// SAFETY: the loops below read through it what nobody writes, or write disjoint places; `T: Send` elements may be
// written and read by other threads.
unsafe impl<T: Send> Sync for SharedPointer<T> {}
// SAFETY: as for `Sync`.
unsafe impl<T: Send> Send for SharedPointer<T> {}

impl<T> SharedPointer<T> {
    /// The pointer; a method, so that closures capture the wrapper and not the pointer in it.
    pub(in crate::array) fn at(&self) -> *mut T {
        self.0
    }
}

/// Words that [`folded`] keeps on the stack.
const FEW_WORDS: usize = 256;

/// All of a few elements folded into one, in row-major order, wherever they lie.
pub(in crate::array) fn folded(elements: Bare<'_>, fold: Fold, to: DType) -> Result<Scalar> {
    let (n, size) = (volume(elements.shape()), elements.dtype().size());
    // Words of the largest alignment that an element has.
    let (mut few, mut many) = ([MaybeUninit::<u64>::uninit(); FEW_WORDS], Vec::new());
    let words = (n * size).div_ceil(size_of::<u64>());
    let out = if words <= FEW_WORDS {
        few.as_mut_ptr()
    } else {
        many.resize(words, MaybeUninit::uninit());
        many.as_mut_ptr()
    };
    let out = out.cast::<u8>();
    if let (&[length], &[step]) = (elements.shape(), elements.strides()) {
        // SAFETY: as below, of one run.
        unsafe { strided_bits(elements.first(), step, out, length, size) };
        // SAFETY: the copies of `n` elements of that type.
        return Ok(unsafe { small::fold_at(fold, (elements.dtype(), out, n), to) }?);
    }
    let order = Dims::from_fn(elements.shape().len(), |axis| axis);
    let walk = Walk::new(elements.shape(), &order, [elements.strides()]);
    // Through no elements there is no walk.
    if n > 0 {
        walk.runs(0..n, |[offset], [step], start, length| {
            // SAFETY: elements that may be read, and places of their own for them.
            unsafe {
                let from = elements.first().offset(offset * size as isize);
                strided_bits(from, step, out.add(start * size), length, size);
            }
        });
    }
    // SAFETY: the copies of `n` elements of that type.
    Ok(unsafe { small::fold_at(fold, (elements.dtype(), out, n), to) }?)
}

/// The type of values of so many bytes, where programs have one: it stands for any type of that size where bits are copied.
pub(in crate::array) fn dtype_of_bits(size: usize) -> Option<DType> {
    match size {
        1 => Some(DType::U8),
        2 => Some(DType::U16),
        4 => Some(DType::U32),
        8 => Some(DType::U64),
        16 => Some(DType::C64),
        _ => None,
    }
}

// Pointers, as those of `transport/pool`: what is copied is bits, whatever their type is.
const COPIED: unsafe fn(&Hub, &'static str, usize, Seen<'_>, &[usize]) -> Result<shared::Shared<Store>> = copied;
const BITS: unsafe fn(&Hub, &'static str, usize, Seen<'_>, &[usize], *mut u8) -> Result<()> = bits;

/// A copy in the pool, in the same memory order.
pub(crate) fn copy<A: Element, D: Dimension>(
    hub: &Hub,
    name: &'static str,
    view: &ArrayView<'_, A, D>,
) -> Result<Held<A, D>> {
    // SAFETY: an element is `Copy`.
    unsafe { copy_bits(hub, name, view) }
}

/// [`copy`], of any type.
///
/// # Safety
/// The elements' bits may be copied.
pub(in crate::array) unsafe fn copy_bits<A, D: Dimension>(
    hub: &Hub,
    name: &'static str,
    view: &ArrayView<'_, A, D>,
) -> Result<Held<A, D>> {
    let order = memory_order(view.shape(), &[view.strides()]);
    // SAFETY: the caller's promise.
    unsafe { copy_in_order(hub, name, view, &order) }
}

/// A copy in the pool, in row-major order.
pub(crate) fn copy_row_major<A: Element, D: Dimension>(
    hub: &Hub,
    name: &'static str,
    view: &ArrayView<'_, A, D>,
) -> Result<Held<A, D>> {
    // SAFETY: an element is `Copy`.
    unsafe { copy_in_order(hub, name, view, &Dims::from_fn(view.ndim(), |axis| axis)) }
}

/// # Safety
/// The elements' bits may be copied.
unsafe fn copy_in_order<A, D: Dimension>(
    hub: &Hub,
    name: &'static str,
    view: &ArrayView<'_, A, D>,
    order: &[usize],
) -> Result<Held<A, D>> {
    // SAFETY: the view is borrowed; its elements have this size.
    let store = unsafe { COPIED(hub, name, size_of::<A>(), Seen::of(view), order)? };
    // SAFETY: the store has been filled with as many elements; `strides_in_order` leaves no gap.
    Ok(unsafe { Held::in_store_strided(store, view.raw_dim(), &strides_in_order(view.shape(), order)) })
}

/// A fresh block with the elements, of `size` bytes, with the axes taken in `order`.
///
/// # Safety
/// The elements are valid for reads.
pub(in crate::array) unsafe fn copied(
    hub: &Hub,
    name: &'static str,
    size: usize,
    from: Seen<'_>,
    order: &[usize],
) -> Result<shared::Shared<Store>> {
    let store = shared::Shared::new(Store::new(hub, checked_bytes(from.shape, size)?)?);
    // SAFETY: the caller's promise; a fresh block of as many bytes, aligned to 64.
    unsafe { bits(hub, name, size, from, order, store.base())? };
    Ok(store)
}

/// The elements with the axes taken in `order`, in memory of their own.
///
/// # Safety
/// Their bits may be copied.
pub(in crate::array) unsafe fn bits_out<A, D: Dimension>(
    hub: &Hub,
    name: &'static str,
    view: &ArrayView<'_, A, D>,
    order: &[usize],
) -> Result<Vec<A>> {
    let mut elements: Vec<A> = Vec::with_capacity(view.len());
    advise_huge(&mut elements);
    // SAFETY: the view is borrowed, and the vector has room for as many elements.
    unsafe { BITS(hub, name, size_of::<A>(), Seen::of(view), order, elements.as_mut_ptr().cast())? };
    // SAFETY: it succeeded, so it has written all `view.len()` places, which are within the capacity.
    unsafe { elements.set_len(view.len()) };
    Ok(elements)
}

/// Asks the system for huge pages under a large vector, where pages are not there yet: their first touch is most of the time of writing them.
pub(in crate::array) fn advise_huge<A>(vector: &mut Vec<A>) {
    const HUGE: usize = 2 << 20;
    let start = vector.as_mut_ptr().cast::<u8>();
    let bytes = vector.capacity().saturating_mul(size_of::<A>());
    let skip = start.align_offset(HUGE);
    let length = bytes.saturating_sub(skip) / HUGE * HUGE;
    if size_of::<A>() > 0
        && length > 0
        && let Some(first) = std::ptr::NonNull::new(start.wrapping_add(skip).cast())
    {
        // Where the system refuses, small pages do too.
        // SAFETY: whole pages of the vector, which is borrowed mutably; the advice changes no byte of them.
        let _ = unsafe { nix::sys::mman::madvise(first, length, nix::sys::mman::MmapAdvise::MADV_HUGEPAGE) };
    }
}

impl Bare<'_> {
    /// The same elements broadcast to `shape`, copied to a block in row-major order.
    pub(crate) fn row_major(&self, hub: &Hub, shape: &[usize], name: &'static str) -> Result<shared::Shared<Store>> {
        check_broadcast_to(name, shape, self.shape())?;
        let strides = broadcast_strides(self.shape(), self.strides(), shape);
        let (order, stretched) =
            (Dims::from_fn(shape.len(), |axis| axis), Seen { at: self.first(), shape, strides: &strides });
        // SAFETY: numbers that may be read while this is borrowed: broadcasting reaches no others.
        unsafe { copied(hub, name, self.dtype().size(), stretched, &order) }
    }
}

/// Copies elements of `size` bytes, with the axes taken in `order`, side by side to `to`: of large arrays with the kernels' streaming stores.
///
/// # Safety
/// The elements may be read, and have bits that may be copied: their type is `Copy`, or only one of each element and its copy is used from then
/// on. `to` takes as many and overlaps none.
unsafe fn bits(
    hub: &Hub,
    name: &'static str,
    size: usize,
    Seen { at, shape, strides }: Seen<'_>,
    order: &[usize],
    to: *mut u8,
) -> Result<()> {
    let n = volume(shape);
    // The kernels move elements as words of their size, which an array elsewhere need not be aligned to.
    let aligned = |dtype: &DType| (at.addr() | to.addr()).is_multiple_of(dtype.size());
    if n.saturating_mul(size) >= STREAM_FROM
        && let Some(dtype) = dtype_of_bits(size).filter(aligned)
    {
        let in_order = strides_in_order(shape, order);
        // SAFETY: the caller's promise; `strides_in_order` reaches as many places without a gap.
        return unsafe { execute::copy(hub, dtype, (shape, order), (at, strides), (to, &in_order)) };
    }
    let walk = Walk::new(shape, order, [strides]);
    // As bytes, which may be sent to other threads whatever the type is.
    let (source, target) = (SharedPointer(at.cast_mut()), SharedPointer(to));
    parallel(hub, name, n, 2 * size, &|range| {
        walk.runs(range, |[offset], [step], start, length| {
            // SAFETY: `offset` and `step` walk through the indices of the elements; places `start..` are this run's own, since runs of one
            // loop are disjoint.
            unsafe {
                let from = source.at().cast_const().offset(offset * size as isize);
                strided_bits(from, step, target.at().add(start * size), length, size);
            }
        });
    })
}

/// Copies `n` elements of `size` bytes, each `step` elements after the one before, side by side to `to`.
///
/// # Safety
/// As [`bits`].
unsafe fn strided_bits(from: *const u8, step: isize, to: *mut u8, n: usize, size: usize) {
    /// Elements of `N` bytes, whatever they are aligned to.
    unsafe fn each<const N: usize>(from: *const u8, step: isize, to: *mut u8, n: usize) {
        let (from, to) = (from.cast::<MaybeUninit<[u8; N]>>(), to.cast::<MaybeUninit<[u8; N]>>());
        for i in 0..n {
            // SAFETY: the caller's promise.
            unsafe { to.add(i).write(from.offset(step * i as isize).read()) };
        }
    }
    // SAFETY: the caller's promise.
    unsafe {
        match size {
            _ if step == 1 || size == 0 => std::ptr::copy_nonoverlapping(from, to, n * size),
            1 => each::<1>(from, step, to, n),
            2 => each::<2>(from, step, to, n),
            4 => each::<4>(from, step, to, n),
            8 => each::<8>(from, step, to, n),
            16 => each::<16>(from, step, to, n),
            12 => each::<12>(from, step, to, n),
            24 => each::<24>(from, step, to, n),
            32 => each::<32>(from, step, to, n),
            _ => {
                for i in 0..n {
                    std::ptr::copy_nonoverlapping(
                        from.offset(step * i as isize * size as isize),
                        to.add(i * size),
                        size,
                    );
                }
            }
        }
    }
}

/// Replaces each element by `f` of it.
pub(crate) fn update<A: Element, D: Dimension>(
    hub: &Hub,
    name: &'static str,
    view: &mut ArrayRef<A, D>,
    f: impl Fn(&mut A) + Sync,
) -> Result<()> {
    let order = memory_order(view.shape(), &[view.strides()]);
    let walk = Walk::new(view.shape(), &order, [view.strides()]);
    let (length, elements) = (view.len(), SharedPointer(view.as_mut_ptr()));
    parallel_with(hub, name, length, 32, How { closure: true, ..How::default() }, &|range| {
        walk.runs(range, |[offset], [step], _, length| {
            for i in 0..length as isize {
                // SAFETY: an index of `view`, which is borrowed mutably for the call; runs are disjoint, and so are
                // the places of a mutable view.
                unsafe { f(&mut *elements.at().offset(offset + step * i)) }
            }
        });
    })
}

/// Calls `f` with each element of a view and the one of `other` at the same place; both have one shape.
pub(crate) fn update_with<A: Element, B: Element, D: Dimension>(
    hub: &Hub,
    name: &'static str,
    view: &mut ArrayRef<A, D>,
    other: &ArrayView<'_, B, D>,
    f: impl Fn(&mut A, B) + Sync,
) -> Result<()> {
    assert_eq!(view.shape(), other.shape());
    let order = memory_order(view.shape(), &[view.strides(), other.strides()]);
    let walk = Walk::new(view.shape(), &order, [view.strides(), other.strides()]);
    let length = view.len();
    let (elements, other) = (SharedPointer(view.as_mut_ptr()), SharedPointer(other.as_ptr().cast_mut()));
    parallel(hub, name, length, 32, &|range| {
        walk.runs(range, |[to, from], [step_to, step_from], _, length| {
            for i in 0..length as isize {
                // SAFETY: indices of the two views, the first of which is borrowed mutably for the call; runs are
                // disjoint. Nobody writes the other's elements during the call, and they are none of the first view's.
                unsafe {
                    let value = *other.at().cast_const().offset(from + step_from * i);
                    f(&mut *elements.at().offset(to + step_to * i), value);
                }
            }
        });
    })
}

/// A fresh array of one value.
pub(crate) fn fill<A: Element, D: Dimension>(
    hub: &Hub,
    shape: impl ndarray::ShapeBuilder<Dim = D>,
    value: A,
) -> Result<Held<A, D>> {
    let fill = |out: &mut [MaybeUninit<A>]| {
        let target = SharedPointer(out.as_mut_ptr());
        parallel(hub, "fill", out.len(), size_of::<A>(), &|range| {
            // SAFETY: pieces of one loop are disjoint parts of `0..out.len()`.
            unsafe { std::slice::from_raw_parts_mut(target.at().add(range.start), range.len()) }
                .fill(MaybeUninit::new(value));
        })
    };
    // SAFETY: the loop writes all of `out` when it succeeds.
    unsafe { Held::create(hub, shape, fill) }
}

/// A fresh array of what `f` gives, one call after the other, in memory order.
pub(crate) fn fill_with<A: Element, D: Dimension>(
    hub: &Hub,
    shape: impl ndarray::ShapeBuilder<Dim = D>,
    mut f: impl FnMut() -> A,
) -> Result<Held<A, D>> {
    let fill = |out: &mut [MaybeUninit<A>]| {
        out.fill_with(|| MaybeUninit::new(f()));
        Ok(())
    };
    // SAFETY: `fill_with` writes all of `out`.
    unsafe { Held::create(hub, shape, fill) }
}

/// A fresh row-major array whose element at each place is `f` of its index.
pub(crate) fn from_index<A: Element, D: Dimension>(
    hub: &Hub,
    name: &'static str,
    shape: impl ndarray::ShapeBuilder<Dim = D>,
    f: impl Fn(D::Pattern) -> A + Sync,
) -> Result<Held<A, D>> {
    let shape = shape.into_shape_with_order();
    let dim = shape.raw_dim().clone();
    let lengths = Dims::new(dim.slice());
    // Before ndarray is asked for the strides: it panics at shapes that no array has.
    checked_bytes(&lengths, size_of::<A>())?;
    let rank = lengths.len();
    // Where memory runs column by column, the first axis is the innermost.
    let column_major = strides_of(&shape) != row_major(&lengths);
    let inner_first = |nth: usize| if column_major { nth } else { rank - 1 - nth };
    let fill = |out: &mut [MaybeUninit<A>]| {
        let target = SharedPointer(out.as_mut_ptr());
        parallel_with(hub, name, out.len(), 64, How { closure: true, ..How::default() }, &|range| {
            let mut index = D::zeros(rank);
            let mut rest = range.start;
            for axis in (0..rank).map(inner_first) {
                index.slice_mut()[axis] = rest % lengths[axis];
                rest /= lengths[axis];
            }
            for place in range {
                // SAFETY: `place` is below `out.len()` and in this piece of the loop alone.
                unsafe { target.at().add(place).write(MaybeUninit::new(f(index.clone().into_pattern()))) }
                for axis in (0..rank).map(inner_first) {
                    index.slice_mut()[axis] += 1;
                    if index.slice()[axis] < lengths[axis] {
                        break;
                    }
                    index.slice_mut()[axis] = 0;
                }
            }
        })
    };
    // SAFETY: every place of the shape is written when the loop succeeds.
    unsafe { Held::create(hub, shape, fill) }
}
