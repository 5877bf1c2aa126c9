//! Closures over runs of elements, of one to six arrays, on the threads of the hub's process: a closure is part of the process that
//! made it, and is never made anew in another one. The `unsafe` of it is here, behind functions that take views.

use std::marker::PhantomData;
use std::mem::MaybeUninit;

use ndarray::{ArrayView, Dimension};

use super::broadcast::{memory_order, strides_in_order};
use super::view::Held;
use super::walk::{Elsewhere, How, Shared, Walk, parallel_with};
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::Result;

/// Operands at most.
pub(super) const MOST: usize = 6;
/// The memory traffic that takes as long as one call, in bytes: a guess.
const CALL: usize = 32;

/// What is done to runs of elements.
///
/// # Safety
/// `run` reads and writes as its contract says, and nothing else through those pointers.
pub(super) unsafe trait Rows: Sync {
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
pub(super) type Describe<'a> = &'a dyn Fn(&Places, (*const u8, usize), usize) -> Result<Option<Vec<u8>>>;

/// Whether all of the first `K` steps are 1.
fn side_by_side<const K: usize>(steps: &[isize; MOST]) -> bool {
    steps[..K] == [1; K]
}

macro_rules! each {
    ($each:ident, $zip:ident, $count:literal: $($T:ident $v:ident $k:literal),*) => {
        /// A closure of that many operands.
        pub(super) struct $each<$($T,)* R, F>(pub(super) F, pub(super) PhantomData<fn($($T),*) -> R>);

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
pub(super) unsafe fn fill<R: Rows, D: Dimension>(
    hub: &Hub,
    name: &'static str,
    rows: &R,
    dim: D,
    operands: &[(*const u8, &[isize])],
    describe: Option<(&'static str, Describe<'_>)>,
) -> Result<Held<R::Out, D>> {
    assert_eq!(operands.len(), R::INPUTS, "one operand for each");
    let shape = dim.slice().to_vec();
    let order = memory_order(&shape, operands.iter().map(|(_, strides)| *strides));
    let out_strides = strides_in_order(&shape, &order);
    let rows_of_results = order.is_sorted().then(|| shape.first().copied()).flatten();
    let none = vec![0; shape.len()];
    let strides = std::array::from_fn(|k| operands.get(k).map_or(&none[..], |(_, strides)| strides));
    let places = Places {
        walk: Walk::new(&shape, &order, strides),
        bases: std::array::from_fn(|k| Shared(operands.get(k).map_or(std::ptr::null_mut(), |(at, _)| at.cast_mut()))),
        sizes: R::SIZES,
    };
    let write = |out: &mut [MaybeUninit<R::Out>]| {
        let to = Shared(out.as_mut_ptr());
        let results = (to.at().cast_const().cast(), out.len());
        let encode = describe.map(|(kind, describe)| (kind, |grain: usize| describe(&places, results, grain)));
        let elsewhere = encode.as_ref().map(|(kind, payload)| Elsewhere { kind, payload });
        // A function that engine processes take part in sees the pool of whatever process it is called in.
        let how = How { closure: elsewhere.is_none(), elsewhere, rows: rows_of_results };
        parallel_with(hub, name, out.len(), CALL, how, &|range| {
            places.runs(range, |from, steps, start, n| {
                // SAFETY: the operands' elements (contract); places `start..` of `out`, of as many elements as the shape has, are this
                // run's own.
                unsafe { rows.run(from, steps, to.at().add(start).cast(), n) }
            });
        })
    };
    // SAFETY: the walk covers every place of the shape once when it succeeds; `strides_in_order` leaves no gap.
    unsafe { Held::create_strided(hub, dim, &out_strides, write) }
}

/// Where the elements of operands are, run by run.
pub(super) struct Places {
    pub(super) walk: Walk<MOST>,
    pub(super) bases: [Shared<u8>; MOST],
    pub(super) sizes: [usize; MOST],
}

impl Places {
    /// Calls `run(from, steps, start, n)` for each run inside of `range`.
    pub(super) fn runs(
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
