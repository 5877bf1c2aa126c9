//! `map_with`: a function and its state over the elements of an array, on the hub's threads and in engine processes.
//!
//! The function travels as its number ([`number_of`]), the state behind it as an archive. What tells the receiver of the number is a frame
//! with a checksum, in which every place is checked against the segment. A panic in an engine gives the chunk back, so that the hub,
//! which computes it then, has the panic.

use std::any::Any;
use std::marker::PhantomData;
use std::panic::catch_unwind;
use std::sync::Arc;

use ndarray::{ArrayView, Dimension};

use crate::array::evaluate::driver::within;
use crate::array::loops::rows::{Each1, MOST, Places, Rows, fill};
use crate::array::loops::walk::{SharedPointer, Walk};
use crate::array::storage::store::Held;
use crate::cluster::{ChunkRunner, Constant, Hub, JobKind, function_at, number_of};
use crate::element::Element;
use crate::error::{Error, PanicPayload, Result, panic_message};
use crate::transport::Segment;
use crate::transport::wire::{HEADER_BYTES, Header, Message, archive, unarchive};

const KIND: &str = "array.map_with";
/// Kind of the frame that a description is.
const FRAME: u16 = 48;
/// Axes at most of what an engine process is told of.
const AXES: usize = 64;

/// State that has arrived.
type State = Box<dyn Any + Send + Sync>;

/// Size and alignment of an element of the operand, and of one of the result.
type Elements = [(usize, usize); 2];

/// As [`Rows::run`], of the function whose code is given.
///
/// # Safety
/// As [`Rows::run`]; the code is that of a `fn(&S, A) -> R` of this process, of the types that the constant is of, and the state is what
/// `decode` of the same constant has made.
type RunFn = unsafe fn(*const (), &State, &[*const u8; MOST], &[isize; MOST], *mut u8, usize);

/// What the constant of each type of function says.
#[repr(C)]
struct UserFunction {
    magic: u64,
    elements: fn() -> Elements,
    decode: fn(&[u8]) -> Result<State>,
    run: RunFn,
}

// SAFETY: `repr(C)`: the number, then three function pointers, of eight bytes each.
unsafe impl Constant for UserFunction {
    const MAGIC: u64 = 0x6469_7374_6f62_726f;
}

/// A function of state and of one element.
struct With<'a, S, A, R> {
    state: &'a S,
    function: fn(&S, A) -> R,
}

impl<S: Message + Send + Sync + 'static, A: Element, R: Element> With<'_, S, A, R> {
    const USER_FUNCTION: &'static UserFunction = &UserFunction {
        magic: UserFunction::MAGIC,
        elements: || [(size_of::<A>(), align_of::<A>()), (size_of::<R>(), align_of::<R>())],
        decode: |bytes| Ok(Box::new(unarchive::<S>(bytes)?)),
        run: Self::remote,
    };

    /// # Safety
    /// As [`RunFn`].
    unsafe fn remote(
        code: *const (),
        state: &State,
        from: &[*const u8; MOST],
        steps: &[isize; MOST],
        to: *mut u8,
        n: usize,
    ) {
        let Some(state) = state.downcast_ref::<S>() else { unreachable!("decoded by the same constant") };
        // SAFETY: the code of a function of this type, and the places, are the caller's promise.
        unsafe {
            let function = std::mem::transmute::<*const (), fn(&S, A) -> R>(code);
            With { state, function }.run(from, steps, to.cast(), n);
        }
    }

    /// What an engine process needs to compute pieces of `grain` places; `None` where it cannot.
    fn describe(
        &self,
        hub: &Hub,
        places: &Places,
        (out, len): (*const u8, usize),
        grain: usize,
    ) -> Result<Option<Vec<u8>>> {
        // A function of a library that the program has loaded: no other process can be told of it.
        let Ok(number) = number_of(Self::USER_FUNCTION, self.function as *const ()) else { return Ok(None) };
        let segment = hub.pool().segment();
        let base = segment.base().as_ptr() as usize;
        let offset = |at: *const u8| (at as usize).checked_sub(base).filter(|&offset| offset < segment.len());
        let (Some(from), Some(to)) = (offset(places.bases[0].at()), offset(out)) else { return Ok(None) };
        let Walk { lengths, strides } = &places.walk;
        let mut words = vec![number, grain as u64, len as u64, from as u64, to as u64, lengths.len() as u64];
        words.extend(lengths.iter().map(|&length| length as u64));
        words.extend(strides.iter().map(|strides| strides[0] as u64));
        let mut frame = vec![0; HEADER_BYTES];
        frame.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        frame.extend(archive(self.state, 0)?);
        Header::seal(FRAME, 0, &mut frame)?;
        Ok(Some(frame))
    }
}

// SAFETY: reads the operand at its steps and writes `n` results, as it is told.
unsafe impl<S: Message + Send + Sync + 'static, A: Element, R: Element> Rows for With<'_, S, A, R> {
    type Out = R;
    const INPUTS: usize = 1;
    const SIZES: [usize; MOST] = [size_of::<A>(), 0, 0, 0, 0, 0];

    #[inline]
    unsafe fn run(&self, from: &[*const u8; MOST], steps: &[isize; MOST], to: *mut R, n: usize) {
        let &With { state, function } = self;
        // SAFETY: the same operand and results (contract).
        unsafe { Each1(|a: A| function(state, a), PhantomData).run(from, steps, to, n) }
    }
}

/// `function` of the state and of each element, into a fresh array whose memory order follows that of the operand.
pub(crate) fn map_with<S, A: Element, R: Element, D: Dimension>(
    hub: &Hub,
    state: &S,
    a: &ArrayView<'_, A, D>,
    function: fn(&S, A) -> R,
) -> Result<Held<R, D>>
where
    S: Message + Send + Sync + 'static,
{
    let rows = With { state, function };
    let describe = |places: &Places, out: (*const u8, usize), grain: usize| rows.describe(hub, places, out, grain);
    let operands = [(a.as_ptr().cast(), a.strides())];
    // SAFETY: the view is borrowed for the call, and of the type that the rows read; the description is of the same operand, results
    // and function.
    unsafe { fill(hub, "map_with", &rows, a.raw_dim(), &operands, Some((KIND, &describe))) }
}

inventory::submit! { JobKind { name: KIND, prepare } }

/// Reads a description in an engine process: every place stays in the segment, whatever the bytes say.
fn prepare(payload: &[u8], segment: &Arc<Segment>) -> Result<ChunkRunner> {
    let (header, mut rest) = Header::open(payload)?;
    if header.kind != FRAME {
        return Err(Error::frame(format!("kind {} where {FRAME} describes a function over an array", header.kind)));
    }
    let mut next = || {
        let (word, more) =
            rest.split_first_chunk::<8>().ok_or_else(|| Error::frame("the description of a function ends early"))?;
        rest = more;
        Ok::<u64, Error>(u64::from_le_bytes(*word))
    };
    let (function, code) = function_at::<UserFunction>(next()?)?;
    let [input, output] = (function.elements)();
    let (grain, len, from, to, axes) = (next()?, next()?, next()?, next()?, next()?);
    if grain == 0 || !(1..=AXES as u64).contains(&axes) {
        return Err(Error::frame(format!("a function over {axes} axes, {grain} places at a time")));
    }
    let lengths = (0..axes).map(|_| next()).collect::<Result<Vec<u64>>>()?;
    let product = lengths.iter().try_fold(1u64, |all, &length| all.checked_mul(length));
    if product != Some(len) || len == 0 || len > segment.len() as u64 {
        return Err(Error::frame(format!("{len} places of the shape {lengths:?}")));
    }
    let mut strides = vec![[0isize; MOST]; lengths.len()];
    let (mut low, mut high) = (0i128, 0i128);
    for (strides, &length) in strides.iter_mut().zip(&lengths) {
        let stride = next()? as i64;
        // Farther than the segment is long no element is from the next: sums of what is left do not overflow.
        if stride.unsigned_abs() > segment.len() as u64 {
            return Err(Error::frame(format!("a stride of {stride} elements")));
        }
        strides[0] = stride as isize;
        let reach = i128::from(stride) * (i128::from(length) - 1);
        (low, high) = (low + reach.min(0), high + reach.max(0));
    }
    let (mut bases, mut sizes) = ([SharedPointer(std::ptr::null_mut()); MOST], [0; MOST]);
    bases[0] =
        SharedPointer(within(segment, from, low * input.0 as i128, (high + 1) * input.0 as i128, input.1 as u64)?);
    sizes[0] = input.0;
    let out = SharedPointer(within(segment, to, 0, i128::from(len) * output.0 as i128, output.1 as u64)?);
    // Reading the state is the program's own code, which may panic.
    let state = catch_unwind(|| (function.decode)(rest)).map_err(|panic| {
        let error = Error::frame(panic_message(&*panic));
        drop(PanicPayload::from(panic));
        error
    })??;
    let walk = Walk { lengths: lengths.iter().map(|&length| length as usize).collect(), strides };
    let places = Places { walk, bases, sizes };
    let code = SharedPointer(code.cast_mut());
    let (segment, grain, len, size) = (segment.clone(), grain as usize, len as usize, output.0);
    Ok(Box::new(move |chunk| {
        let _mapped = &segment;
        let Some(start) = (chunk as usize).checked_mul(grain).filter(|&start| start < len) else { return };
        places.runs(start..start.saturating_add(grain).min(len), |from, steps, start, n| {
            // SAFETY: `prepare` checked that the operand over this shape, and as many results as it has places, lie in the segment,
            // aligned, which is mapped as long as it is kept; that nobody else writes there is the hub's doing: it owns the
            // pool and posts jobs on unpublished blocks. The frame's checksum was right, so that the hub wrote it, which has the
            // number of the function from `number_of`, with the constant of its type; the state is of the same constant.
            unsafe { (function.run)(code.at(), &state, from, steps, out.at().add(start * size), n) }
        });
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A description that this process could send, as words without the frame, and what it is of.
    fn honest() -> (Hub, [crate::DistArray1<f64>; 2], Vec<u64>) {
        let hub = Hub::builder().embedded().engines(1).start().unwrap();
        let a = hub.scatter(&ndarray::Array1::from_iter((0..8192).map(f64::from))).unwrap();
        let b = hub.scatter(&ndarray::Array1::<f64>::zeros(8192)).unwrap();
        let rows = With { state: &1.0f64, function: |shift, x: f64| x + shift };
        let walk = Walk::new(&[8192], &[0], [&[1], &[0], &[0], &[0], &[0], &[0]]);
        let mut bases = [SharedPointer(std::ptr::null_mut()); MOST];
        bases[0] = SharedPointer(a.as_ptr().cast_mut().cast());
        let places = Places { walk, bases, sizes: [8, 0, 0, 0, 0, 0] };
        let frame = rows.describe(&hub, &places, (b.as_ptr().cast(), 8192), 4096).unwrap().unwrap();
        let (_, payload) = Header::open(&frame).unwrap();
        let words = payload.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect();
        (hub, [a, b], words)
    }

    fn frame(words: &[u64]) -> Vec<u8> {
        let bytes = words.iter().flat_map(|word| word.to_le_bytes());
        let mut frame: Vec<u8> = [0; HEADER_BYTES].into_iter().chain(bytes).collect();
        Header::seal(FRAME, 0, &mut frame).unwrap();
        frame
    }

    #[test]
    fn a_description_is_read_and_run() {
        let (hub, [_a, b], words) = honest();
        let run = prepare(&frame(&words), hub.pool().segment()).unwrap();
        run(0);
        run(1);
        run(2);
        run(u32::MAX);
        assert_eq!((b[0], b[8191]), (1.0, 8192.0));
    }

    #[test]
    fn descriptions_that_reach_out_of_the_segment_are_refused() {
        // The function, places of a piece, places, the operand, the result, axes, the length, the stride, the state.
        let (hub, _arrays, words) = honest();
        let segment = hub.pool().segment();
        assert_eq!(words.len(), 9);
        for end in 0..9 {
            assert!(prepare(&frame(&words[..end]), segment).is_err(), "{end} words");
        }
        let far = segment.len() as u64;
        let lies: [(usize, &[u64]); 8] = [
            (0, &[0, 1, u64::MAX, words[0] + (8 << 32), words[0] & u64::from(u32::MAX)]),
            (1, &[0]),
            (2, &[0, 1, 8191, u64::MAX]),
            (3, &[far, far - 8, u64::MAX, words[3] + 1]),
            (4, &[far, far - 8, u64::MAX, words[4] + 4]),
            (5, &[0, 2, 65, u64::MAX]),
            (6, &[0, 1, u64::MAX, 1 << 40]),
            (7, &[far, u64::MAX - far, 1 << 62, i64::MIN as u64]),
        ];
        for (at, values) in lies {
            for &value in values {
                let mut forged = words.clone();
                forged[at] = value;
                assert!(prepare(&frame(&forged), segment).is_err(), "word {at} of {value:#x}");
            }
        }
        let mut none = words.clone();
        (none[2], none[5]) = (1, 0);
        assert!(prepare(&frame(&none), segment).is_err(), "no axes");
    }

    #[test]
    fn a_description_with_any_bit_turned_is_refused() {
        let (hub, _arrays, words) = honest();
        let mut frame = frame(&words);
        for bit in 0..frame.len() * 8 {
            frame[bit / 8] ^= 1 << (bit % 8);
            assert!(prepare(&frame, hub.pool().segment()).is_err(), "bit {bit}");
            frame[bit / 8] ^= 1 << (bit % 8);
        }
        assert!(prepare(&frame, hub.pool().segment()).is_ok());
    }
}
