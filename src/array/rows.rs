//! Closures over runs of elements, of one to six arrays: on the hub's threads and, where a closure captures nothing, in engine
//! processes too. The `unsafe` of it is here, behind functions that take views.
//!
//! What captures nothing is nothing but its type: an engine process is told the place, in the image that both run, of a
//! constant that describes the loop over it, and makes the closure from no bytes. State that it is given travels beside
//! it. A panic of a closure in an engine gives the chunk back, and the hub, who computes it then, has the panic.

use std::any::Any;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::sync::Arc;

use ndarray::{ArrayView, Dimension};

use super::broadcast::{memory_order, strides_in_order};
use super::execute::operand_at;
use super::view::Held;
use super::walk::{Elsewhere, Shared, Walk, parallel_with};
use crate::cluster::{ChunkRunner, Constant, Hub, JobKind, constant_at, offset_of};
use crate::element::Element;
use crate::error::{Error, Result};
use crate::transport::Segment;
use crate::transport::wire::Message;

/// Operands at most.
const MOST: usize = 6;
const KIND: &str = "array.closure";
/// The memory traffic that takes as long as one call, in bytes: a guess.
const CALL: usize = 32;
/// Axes at most of what an engine process is told of.
const AXES: usize = 64;

/// What is done to runs of elements.
///
/// # Safety
/// `run` reads and writes as its contract says, and nothing else through those pointers.
unsafe trait Rows: Sync {
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

    /// What another process needs; `None` where the closure captures something.
    fn traveller(&self) -> Option<&'static Traveller>;

    /// The state that travels beside the closure.
    fn state(&self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

/// State that has arrived.
type State = Box<dyn Any + Send + Sync>;

/// Sizes and alignments of elements: of the operands, then of the result.
struct Elements {
    inputs: &'static [(usize, usize)],
    output: (usize, usize),
}

/// What the constant of each loop says.
#[repr(C)]
struct Traveller {
    magic: u64,
    elements: fn() -> Elements,
    decode: fn(&[u8]) -> Result<State>,
    run: RunFn,
}

/// As [`Rows::run`], with the closure made from nothing.
type RunFn = unsafe fn(&State, &[*const u8; MOST], &[isize; MOST], *mut u8, usize);

// SAFETY: `repr(C)`: the number, then three function pointers, of eight bytes each.
unsafe impl Constant for Traveller {
    const MAGIC: u64 = 0x6469_7374_6f62_726f;
}

/// A closure made from nothing, where another process had one of the type.
///
/// # Safety
/// The program has had a value of this type, which could be shared between threads.
unsafe fn from_nothing<F: Sync>() -> F {
    assert!(is_nothing::<F>(), "a closure that travels captures nothing");
    // SAFETY: it has no bytes, so there are none to read and any aligned address will do; there was a value of it
    // (contract), and nothing is done when this one ends.
    unsafe { std::ptr::NonNull::<F>::dangling().read() }
}

/// Whether a closure is nothing but its type.
fn is_nothing<F>() -> bool {
    size_of::<F>() == 0 && !std::mem::needs_drop::<F>()
}

/// Whether all of the first `K` steps are 1.
fn side_by_side<const K: usize>(steps: &[isize; MOST]) -> bool {
    steps[..K] == [1; K]
}

macro_rules! each {
    ($each:ident, $zip:ident, $count:literal: $($T:ident $v:ident $k:literal),*) => {
        /// A closure of that many operands.
        struct $each<$($T,)* R, F>(F, PhantomData<fn($($T),*) -> R>);

        impl<$($T: Element,)* R: Element, F: Fn($($T),*) -> R + Sync> $each<$($T,)* R, F> {
            const TRAVELLER: &'static Traveller = &Traveller {
                magic: Traveller::MAGIC,
                elements: || Elements {
                    inputs: const { &[$((size_of::<$T>(), align_of::<$T>())),*] },
                    output: (size_of::<R>(), align_of::<R>()),
                },
                decode: |_| Ok(Box::new(())),
                run: Self::remote,
            };

            /// # Safety
            /// As [`Rows::run`].
            unsafe fn remote(_: &State, from: &[*const u8; MOST], steps: &[isize; MOST], to: *mut u8, n: usize) {
                // SAFETY: the descriptor that names this was made for a value of `F`; else the caller's promise.
                unsafe { $each::<$($T,)* R, F>(from_nothing(), PhantomData).run(from, steps, to.cast(), n) }
            }
        }

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

            fn traveller(&self) -> Option<&'static Traveller> {
                is_nothing::<F>().then_some(Self::TRAVELLER)
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
            unsafe { fill(hub, name, &rows, shape, &operands) }
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

/// A closure of state and one operand.
struct With<'a, S, A, R, F>(&'a S, F, PhantomData<fn(A) -> R>);

impl<S: Message + Send + Sync + 'static, A: Element, R: Element, F: Fn(&S, A) -> R + Sync> With<'_, S, A, R, F> {
    const TRAVELLER: &'static Traveller = &Traveller {
        magic: Traveller::MAGIC,
        elements: || Elements {
            inputs: const { &[(size_of::<A>(), align_of::<A>())] },
            output: (size_of::<R>(), align_of::<R>()),
        },
        decode: |bytes| Ok(Box::new(crate::transport::wire::unarchive::<S>(bytes)?)),
        run: Self::remote,
    };

    /// # Safety
    /// As [`Rows::run`]; the state is what `decode` of the same constant has made.
    unsafe fn remote(state: &State, from: &[*const u8; MOST], steps: &[isize; MOST], to: *mut u8, n: usize) {
        let Some(state) = state.downcast_ref::<S>() else { unreachable!("decoded by the same constant") };
        // SAFETY: the descriptor that names this was made for a value of `F`; else the caller's promise.
        unsafe { With::<S, A, R, F>(state, from_nothing(), PhantomData).run(from, steps, to.cast(), n) }
    }
}

// SAFETY: reads the operand at its steps and writes `n` results, as it is told.
unsafe impl<S, A: Element, R: Element, F> Rows for With<'_, S, A, R, F>
where
    S: Message + Send + Sync + 'static,
    F: Fn(&S, A) -> R + Sync,
{
    type Out = R;
    const INPUTS: usize = 1;
    const SIZES: [usize; MOST] = [size_of::<A>(), 0, 0, 0, 0, 0];

    #[inline]
    unsafe fn run(&self, from: &[*const u8; MOST], steps: &[isize; MOST], to: *mut R, n: usize) {
        // SAFETY: the same operand and results (contract).
        unsafe { Each1(|a: A| (self.1)(self.0, a), PhantomData).run(from, steps, to, n) }
    }

    fn traveller(&self) -> Option<&'static Traveller> {
        is_nothing::<F>().then_some(Self::TRAVELLER)
    }

    fn state(&self) -> Result<Vec<u8>> {
        crate::transport::wire::archive(self.0, 0)
    }
}

/// `f` of the state and of each element, as the other functions here.
pub(crate) fn map_with<S, A: Element, R: Element, D: Dimension>(
    hub: &Hub,
    name: &'static str,
    state: &S,
    a: &ArrayView<'_, A, D>,
    f: impl Fn(&S, A) -> R + Sync,
) -> Result<Held<R, D>>
where
    S: Message + Send + Sync + 'static,
{
    let rows = With::<S, A, R, _>(state, f, PhantomData);
    // SAFETY: the view is borrowed for the call, and of the type that the rows read.
    unsafe { fill(hub, name, &rows, a.raw_dim(), &[(a.as_ptr().cast(), a.strides())]) }
}

/// A fresh array of what `rows` gives of operands over `dim`.
///
/// # Safety
/// As many operands as the rows have, each a pointer to elements of its type and their strides over `dim`, valid during the
/// call.
unsafe fn fill<R: Rows, D: Dimension>(
    hub: &Hub,
    name: &'static str,
    rows: &R,
    dim: D,
    operands: &[(*const u8, &[isize])],
) -> Result<Held<R::Out, D>> {
    assert_eq!(operands.len(), R::INPUTS, "one operand for each");
    let shape = dim.slice().to_vec();
    let order = memory_order(&shape, operands.iter().map(|(_, strides)| *strides));
    let out_strides = strides_in_order(&shape, &order);
    let none = vec![0; shape.len()];
    let strides = std::array::from_fn(|k| operands.get(k).map_or(&none[..], |(_, strides)| strides));
    let places = Places {
        walk: Walk::new(&shape, &order, strides),
        bases: std::array::from_fn(|k| Shared(operands.get(k).map_or(std::ptr::null_mut(), |(at, _)| at.cast_mut()))),
        sizes: R::SIZES,
    };
    let write = |out: &mut [MaybeUninit<R::Out>]| {
        let to = Shared(out.as_mut_ptr());
        let encode = |grain: usize| places.payload(hub, rows, (to.at().cast(), out.len()), grain);
        let remote = Elsewhere { kind: KIND, payload: &encode };
        parallel_with(hub, name, out.len(), CALL, Some(remote), &|range| {
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
struct Places {
    walk: Walk<MOST>,
    bases: [Shared<u8>; MOST],
    sizes: [usize; MOST],
}

impl Places {
    /// Calls `run(from, steps, start, n)` for each run inside of `range`.
    fn runs(
        &self,
        range: std::ops::Range<usize>,
        mut run: impl FnMut(&[*const u8; MOST], &[isize; MOST], usize, usize),
    ) {
        self.walk.runs(range, |offsets, steps, start, n| {
            let at = |k: usize| self.bases[k].at().cast_const().wrapping_offset(offsets[k] * self.sizes[k] as isize);
            run(&std::array::from_fn(at), &steps, start, n);
        });
    }

    /// What an engine process needs to compute pieces of `grain` places; `None` where it cannot.
    fn payload<R: Rows>(
        &self,
        hub: &Hub,
        rows: &R,
        (out, len): (*const u8, usize),
        grain: usize,
    ) -> Result<Option<Vec<u8>>> {
        let Some(traveller) = rows.traveller() else { return Ok(None) };
        let segment = hub.pool().segment();
        let base = segment.base().as_ptr() as usize;
        let offset = |at: *const u8| (at as usize).checked_sub(base).filter(|&offset| offset < segment.len());
        let lengths = &self.walk.lengths;
        let mut words = vec![offset_of(traveller), grain as u64, len as u64, lengths.len() as u64];
        words.extend(lengths.iter().map(|&length| length as u64));
        for k in 0..R::INPUTS {
            let Some(offset) = offset(self.bases[k].at()) else { return Ok(None) };
            words.push(offset as u64);
            words.extend(self.walk.strides.iter().map(|strides| strides[k] as u64));
        }
        let Some(out) = offset(out) else { return Ok(None) };
        words.push(out as u64);
        let mut payload: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        payload.extend(rows.state()?);
        Ok(Some(payload))
    }
}

inventory::submit! { JobKind { name: KIND, prepare } }

/// Reads a payload in an engine process: every place stays in the segment, whatever the bytes say.
fn prepare(payload: &[u8], segment: &Arc<Segment>) -> Result<ChunkRunner> {
    let mut rest = payload;
    let mut next = || {
        let (word, more) =
            rest.split_first_chunk::<8>().ok_or_else(|| Error::frame("a closure's payload ends early"))?;
        rest = more;
        Ok::<u64, Error>(u64::from_le_bytes(*word))
    };
    let traveller: &'static Traveller = constant_at(next()?)?;
    let elements = (traveller.elements)();
    let (grain, len, axes) = (next()?, next()?, next()?);
    if grain == 0 || !(1..=AXES as u64).contains(&axes) || elements.inputs.len() > MOST {
        return Err(Error::frame(format!("a closure over {axes} axes, {grain} places at a time")));
    }
    let lengths = (0..axes).map(|_| next()).collect::<Result<Vec<u64>>>()?;
    let product = lengths.iter().try_fold(1u64, |all, &length| all.checked_mul(length));
    if product != Some(len) || len == 0 || len > segment.len() as u64 {
        return Err(Error::frame(format!("{len} places of the shape {lengths:?}")));
    }
    let mut strides = vec![[0isize; MOST]; lengths.len()];
    let (mut bases, mut sizes) = ([Shared(std::ptr::null_mut()); MOST], [0; MOST]);
    for (k, &element) in elements.inputs.iter().enumerate() {
        let offset = next()?;
        let (mut low, mut high) = (0i128, 0i128);
        for (axis, &length) in lengths.iter().enumerate() {
            let stride = next()? as i64;
            // Farther than the segment is long no element is from the next: sums of what is left do not overflow.
            if stride.unsigned_abs() > segment.len() as u64 {
                return Err(Error::frame(format!("a stride of {stride} elements")));
            }
            strides[axis][k] = stride as isize;
            let reach = i128::from(stride) * (i128::from(length) - 1);
            (low, high) = (low + reach.min(0), high + reach.max(0));
        }
        bases[k] = Shared(operand_at(segment, offset, (low, high), element)?);
        sizes[k] = element.0;
    }
    let out = Shared(operand_at(segment, next()?, (0, i128::from(len) - 1), elements.output)?);
    let state = (traveller.decode)(rest)?;
    let walk = Walk { lengths: lengths.iter().map(|&length| length as usize).collect(), strides };
    let places = Places { walk, bases, sizes };
    let (segment, grain, len, size) = (segment.clone(), grain as usize, len as usize, elements.output.0);
    Ok(Box::new(move |chunk| {
        let _mapped = &segment;
        let Some(start) = (chunk as usize).checked_mul(grain).filter(|&start| start < len) else { return };
        places.runs(start..start.saturating_add(grain).min(len), |from, steps, start, n| {
            // SAFETY: `prepare` checked that all operands over this shape, and as many results as it has places, lie in the segment,
            // aligned, which is mapped as long as it is kept; that nobody else writes there is the hub's doing: it owns the
            // pool and posts jobs on unpublished blocks. The state is of the same constant.
            unsafe { (traveller.run)(&state, from, steps, out.at().add(start * size), n) }
        });
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A payload that this process could send, the hub that it is of, and where its words are.
    fn honest() -> (Hub, [crate::DistArray1<f64>; 2], Vec<u64>) {
        let hub = Hub::builder().embedded().engines(1).start().unwrap();
        let a = hub.scatter(&ndarray::Array1::from_iter((0..8192).map(f64::from))).unwrap();
        let b = hub.scatter(&ndarray::Array1::<f64>::zeros(8192)).unwrap();
        let rows = Each1(|x: f64| x + 1.0, PhantomData);
        let walk = Walk::new(&[8192], &[0], [&[1], &[0], &[0], &[0], &[0], &[0]]);
        let mut bases = [Shared(std::ptr::null_mut()); MOST];
        bases[0] = Shared(a.as_ptr().cast_mut().cast());
        let places = Places { walk, bases, sizes: [8, 0, 0, 0, 0, 0] };
        let payload = places.payload(&hub, &rows, (b.as_ptr().cast(), 8192), 4096).unwrap().unwrap();
        let words = payload.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect();
        (hub, [a, b], words)
    }

    fn bytes(words: &[u64]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn a_description_is_read_and_run() {
        let (hub, [_a, b], words) = honest();
        let run = prepare(&bytes(&words), hub.pool().segment()).unwrap();
        run(0);
        run(1);
        run(2);
        run(u32::MAX);
        assert_eq!((b[0], b[8191]), (1.0, 8192.0));
    }

    #[test]
    fn descriptions_that_reach_out_of_the_segment_are_refused() {
        // The constant, places of a piece, places, axes, the length, the operand and its stride, the result.
        let (hub, _arrays, words) = honest();
        let segment = hub.pool().segment();
        assert_eq!(words.len(), 8);
        for end in 0..8 {
            assert!(prepare(&bytes(&words[..end]), segment).is_err(), "{end} words");
        }
        let far = segment.len() as u64;
        let lies: [(usize, &[u64]); 8] = [
            (0, &[0, 1, u64::MAX, words[0] + 8]),
            (1, &[0]),
            (2, &[0, 1, 8191, u64::MAX]),
            (3, &[0, 2, 65, u64::MAX]),
            (4, &[0, 1, u64::MAX, 1 << 40]),
            (5, &[far, far - 8, u64::MAX, words[5] + 1]),
            (6, &[far, u64::MAX - far, 1 << 62, i64::MIN as u64]),
            (7, &[far, far - 8, u64::MAX, words[7] + 4]),
        ];
        let mut none = words.clone();
        (none[2], none[3]) = (1, 0);
        assert!(prepare(&bytes(&none), segment).is_err(), "no axes");
        for (at, values) in lies {
            for &value in values {
                let mut forged = words.clone();
                forged[at] = value;
                assert!(prepare(&bytes(&forged), segment).is_err(), "word {at} of {value:#x}");
            }
        }
    }
}
