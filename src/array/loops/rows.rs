//! Closures over runs of elements, of one to six arrays, on the threads of the hub's process: a closure is part of the process that
//! made it, and is never made anew in another one. The `unsafe` of it is here, behind functions that take views.

use std::marker::PhantomData;

use ndarray::{ArrayView, Dimension};
use smallvec::SmallVec;

use crate::array::loops::walk::{Elsewhere, How, SharedPointer, Walk, parallel_with};
use crate::array::shape::broadcast::{memory_order, strides_in_order};
use crate::array::shape::dims::{Dims, checked_bytes, volume};
use crate::array::storage::shared;
use crate::array::storage::store::{Held, Store};
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::Result;

/// Operands at most.
pub(in crate::array) const MOST: usize = 6;
/// The memory traffic that takes as long as one call, in bytes: a guess.
const CALL: usize = 32;

/// What is done to runs of elements.
///
/// # Safety
/// `run` reads and writes as its contract says, and nothing else through those pointers.
pub(in crate::array) unsafe trait Rows: Sync {
    /// Elements of the result.
    type Out: Element;
    /// How many operands there are.
    const INPUTS: usize;
    /// Bytes of an element of each.
    const SIZES: [usize; MOST];

    /// `to[i] = f(from[0][i * steps[0]], …)` for `i < n`.
    ///
    /// # Safety
    /// `from` points to elements of the operands' types at these steps (counted in elements), and `to` to room for `n`
    /// results; all aligned, and `to` overlaps nothing.
    unsafe fn run(&self, from: &[*const u8; MOST], steps: &[isize; MOST], to: *mut Self::Out, n: usize);
}

/// What engine processes are told of a loop: its operands, where its results go and how many there are, and results of a chunk;
/// `None` where they cannot take part.
pub(in crate::array) type Describe<'a> = &'a dyn Fn(&Places, (*const u8, usize), usize) -> Result<Option<Vec<u8>>>;

/// Whether all of the first `K` steps are 1.
fn side_by_side<const K: usize>(steps: &[isize; MOST]) -> bool {
    steps[..K] == [1; K]
}

macro_rules! each {
    ($each:ident, $zip:ident, $count:literal: $($T:ident $v:ident $k:literal),*) => {
        /// A closure of that many operands.
        pub(in crate::array) struct $each<$($T,)* R, F>(pub(in crate::array) F, pub(in crate::array) PhantomData<fn($($T),*) -> R>);

        // SAFETY: reads the operands at their steps and writes `n` results, as it is told.
        unsafe impl<$($T: Element,)* R: Element, F: Fn($($T),*) -> R + Sync> Rows for $each<$($T,)* R, F> {
            type Out = R;
            const INPUTS: usize = $count;
            const SIZES: [usize; MOST] = {
                let mut sizes = [0; MOST];
                $(sizes[$k] = size_of::<$T>();)*
                sizes
            };

            #[inline]
            unsafe fn run(&self, from: &[*const u8; MOST], steps: &[isize; MOST], to: *mut R, n: usize) {
                // SAFETY: elements at these steps, and room for the results (contract).
                unsafe {
                    $(let $v = from[$k].cast::<$T>();)*
                    if side_by_side::<$count>(steps) {
                        for i in 0..n {
                            to.add(i).write((self.0)($(*$v.add(i)),*));
                        }
                    } else {
                        for i in 0..n as isize {
                            to.offset(i).write((self.0)($(*$v.offset(steps[$k] * i)),*));
                        }
                    }
                }
            }
        }

        /// `f` of the elements of each place, into a fresh array whose memory order follows that of the operands; all of them have
        /// one shape, and lie in the hub's memory.
        pub(crate) fn $zip<$($T: Element,)* R: Element, D: Dimension>(
            hub: &Hub,
            name: &'static str,
            ($($v,)*): ($(&ArrayView<'_, $T, D>,)*),
            f: impl Fn($($T),*) -> R + Sync,
        ) -> Result<Held<R, D>> {
            let rows = $each::<$($T,)* R, _>(f, PhantomData);
            let shape = each!(first $($v)*).raw_dim();
            assert!($($v.shape() == shape.slice())&&*, "operands of one shape");
            let operands = [$(($v.as_ptr().cast::<u8>(), $v.strides())),*];
            // SAFETY: the views are borrowed for the call, of the types that the rows read, and all of this shape.
            unsafe { fill(hub, name, &rows, shape, &operands, None) }
        }
    };
    (first $v:ident $($rest:ident)*) => { $v };
}
each!(Each1, map, 1: A a 0);
each!(Each2, zip2, 2: A a 0, B b 1);
each!(Each3, zip3, 3: A a 0, B b 1, C c 2);
each!(Each4, zip4, 4: A a 0, B b 1, C c 2, E d 3);
each!(Each5, zip5, 5: A a 0, B b 1, C c 2, E d 3, G e 4);
each!(Each6, zip6, 6: A a 0, B b 1, C c 2, E d 3, G e 4, H g 5);

/// A fresh array of what `rows` gives of operands over `dim`.
///
/// # Safety
/// As many operands as the rows have, each a pointer to elements of its type and their strides over `dim`, valid during the
/// call. What `describe` tells, if it is given, is a loop that reads and writes the same.
pub(in crate::array) unsafe fn fill<R: Rows, D: Dimension>(
    hub: &Hub,
    name: &'static str,
    rows: &R,
    dim: D,
    operands: &[(*const u8, &[isize])],
    describe: Option<(&'static str, Describe<'_>)>,
) -> Result<Held<R::Out, D>> {
    assert_eq!(operands.len(), R::INPUTS, "one operand for each");
    // SAFETY: what the loop hands on are the operands' elements (contract), and places of its own in a block of results.
    let run = |from: &[*const u8; MOST], steps: &[isize; MOST], to: *mut u8, n| unsafe {
        rows.run(from, steps, to.cast(), n)
    };
    let sizes = (&R::SIZES, size_of::<R::Out>());
    // SAFETY: the caller's promise, and what `Rows` promises of these sizes.
    let (store, strides) = unsafe { FILLED(hub, name, dim.slice(), operands, sizes, &run, describe)? };
    // SAFETY: the loop has written a result, of its type, to every place of the shape; these strides run through them without a gap.
    Ok(unsafe { Held::in_store_strided(store, dim, &strides) })
}

/// What is done to a run: where it is in each operand, the steps there, where its results go, and how many there are.
type Run<'a> = &'a (dyn Fn(&[*const u8; MOST], &[isize; MOST], *mut u8, usize) + Sync);
/// The sizes of the operands' elements, and of a result.
type Sizes<'a> = (&'a [usize; MOST], usize);
/// Operands: where the element at index 0, 0, … is, and the strides.
type Operands<'a> = [(*const u8, &'a [isize])];
type Told<'a> = Option<(&'static str, Describe<'a>)>;
type Results = (shared::Shared<Store>, Dims<isize>);

// A pointer, as those of `transport/pool`: the loop is one, whatever the types are.
const FILLED: unsafe fn(&Hub, &'static str, &[usize], &Operands<'_>, Sizes<'_>, Run<'_>, Told<'_>) -> Result<Results> =
    filled;

/// A fresh block that `run` has been told to fill, and the strides of its elements over `shape`.
///
/// # Safety
/// The operands' elements, of these sizes, are valid over `shape`; `run` may be called for any run of them, and of places in the block.
unsafe fn filled(
    hub: &Hub,
    name: &'static str,
    shape: &[usize],
    operands: &Operands<'_>,
    (sizes, size): Sizes<'_>,
    run: Run<'_>,
    describe: Told<'_>,
) -> Result<Results> {
    let of_operands: SmallVec<[&[isize]; MOST]> = operands.iter().map(|(_, strides)| *strides).collect();
    let order = memory_order(shape, &of_operands);
    let out_strides = strides_in_order(shape, &order);
    let rows_of_results = order.is_sorted().then(|| shape.first().copied()).flatten();
    let none = Dims::from_fn(shape.len(), |_| 0);
    let strides = std::array::from_fn(|k| operands.get(k).map_or(&none[..], |(_, strides)| strides));
    let places = Places {
        walk: Walk::new(shape, &order, strides),
        bases: std::array::from_fn(|k| {
            SharedPointer(operands.get(k).map_or(std::ptr::null_mut(), |(at, _)| at.cast_mut()))
        }),
        sizes: *sizes,
    };
    let (n, store) = (volume(shape), shared::Shared::new(Store::new(hub, checked_bytes(shape, size)?)?));
    let to = SharedPointer(store.base());
    let results = (to.at().cast_const(), n);
    let encode = describe.map(|(kind, describe)| (kind, |grain: usize| describe(&places, results, grain)));
    let elsewhere = encode.as_ref().map(|(kind, payload)| Elsewhere { kind, payload });
    // A function that engine processes take part in sees the pool of whatever process it is called in.
    let how = How { closure: elsewhere.is_none(), elsewhere, rows: rows_of_results };
    parallel_with(hub, name, n, CALL, how, &|range| {
        // Places `start..` of the block, which has room for as many results as the shape has elements, are this run's own.
        places.runs(range, |from, steps, start, n| run(from, steps, to.at().wrapping_add(start * size), n));
    })?;
    Ok((store, out_strides))
}

/// Where the elements of operands are, run by run.
pub(in crate::array) struct Places {
    pub(in crate::array) walk: Walk<MOST>,
    pub(in crate::array) bases: [SharedPointer<u8>; MOST],
    pub(in crate::array) sizes: [usize; MOST],
}

impl Places {
    /// Calls `run(from, steps, start, n)` for each run inside of `range`.
    pub(in crate::array) fn runs(
        &self,
        range: std::ops::Range<usize>,
        mut run: impl FnMut(&[*const u8; MOST], &[isize; MOST], usize, usize),
    ) {
        self.walk.runs(range, |offsets, steps, start, n| {
            let at = |k: usize| self.bases[k].at().cast_const().wrapping_offset(offsets[k] * self.sizes[k] as isize);
            run(&std::array::from_fn(at), &steps, start, n);
        });
    }
}
