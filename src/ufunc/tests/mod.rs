//! Every fast path against a plain Rust loop over the same logical values, in every layout and on every instruction set.

mod folds;
mod maps;
mod pieces;
mod programs;
mod small;
mod wire;
mod works;

use super::simd::Isa;
use super::{DType, Fold, Instr, Layout, Op, Plan, Program, Value, ValueId};
use ndarray::{ArrayD, ArrayViewD, Axis, IxDyn};
use num_complex::Complex;
use std::sync::Mutex;

/// Tests that force an instruction set take turns.
static FORCED: Mutex<()> = Mutex::new(());

/// Runs `f` with each instruction set that there is.
pub(super) fn each_isa(mut f: impl FnMut(Isa)) {
    let _turn = FORCED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    for isa in Isa::ALL {
        if isa.force() == isa {
            f(isa);
        }
    }
    Isa::Avx512.force();
}

/// A small generator of numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

/// A type of which random values can be had, special ones among them.
trait Sample: Value + PartialEq + std::fmt::Debug {
    fn sample(random: &mut Random) -> Self;
    /// The value as bits, so that NaNs and zeros can be told apart.
    fn bits(self) -> [u8; 16] {
        self.scalar().unwrap().bytes
    }
    fn nan(self) -> bool {
        false
    }
}

macro_rules! sample_int {
    ($($t:ty)*) => {$(
        impl Sample for $t {
            fn sample(random: &mut Random) -> Self {
                match random.below(8) {
                    0 => <$t>::MIN,
                    1 => <$t>::MAX,
                    2 => 0,
                    3 => (0 as $t).wrapping_sub(1),
                    4 | 5 => random.below(10) as $t,
                    _ => random.next() as $t,
                }
            }
        }
    )*};
}
sample_int!(u8 u16 u32 u64 i8 i16 i32 i64);

macro_rules! sample_float {
    ($($t:ident)*) => {$(
        impl Sample for $t {
            fn sample(random: &mut Random) -> Self {
                match random.below(24) {
                    0 => $t::NAN,
                    1 => $t::INFINITY,
                    2 => $t::NEG_INFINITY,
                    3 => 0.0,
                    4 => -0.0,
                    5 => $t::MIN_POSITIVE / 2.0,
                    6 => random.below(10) as $t - 5.0,
                    7 => random.below(10) as $t - 4.5,
                    8 => $t::MAX,
                    _ => (random.next() as i64 as f64 / 9.0e17) as $t,
                }
            }
            fn nan(self) -> bool { self.is_nan() }
        }
        impl Sample for Complex<$t> {
            fn sample(random: &mut Random) -> Self {
                let mut part = || (random.next() as i64 as f64 / 9.0e17) as $t;
                Complex { re: part(), im: part() }
            }
            fn nan(self) -> bool { self.re.is_nan() || self.im.is_nan() }
        }
    )*};
}
sample_float!(f32 f64);

impl Sample for bool {
    fn sample(random: &mut Random) -> Self {
        random.below(2) == 1
    }
}

fn samples<T: Sample>(random: &mut Random, n: usize) -> Vec<T> {
    (0..n).map(|_| T::sample(random)).collect()
}

/// Whether two results are the same: in bits, or both NaN.
fn same<T: Sample>(a: T, b: T) -> bool {
    a.bits() == b.bits() || (a.nan() && b.nan())
}

fn same_slices<T: Sample>(a: &[T], b: &[T], what: impl std::fmt::Debug) {
    assert_eq!(a.len(), b.len(), "{what:?}");
    for i in 0..a.len() {
        assert!(same(a[i], b[i]), "{what:?}: element {i} of {}: {:?} against {:?}", a.len(), a[i], b[i]);
    }
}

/// A program of one instruction.
fn one(op: Op, inputs: &[DType], dtype: DType) -> Program {
    let mut args = [0; 3];
    (0..inputs.len()).for_each(|i| args[i] = i as ValueId);
    Program {
        inputs: inputs.to_vec(),
        constants: vec![],
        code: vec![Instr { op, args, dtype }],
        outputs: vec![inputs.len() as ValueId],
    }
}

/// The program that gives its one input.
fn identity(dtype: DType) -> Program {
    Program { inputs: vec![dtype], constants: vec![], code: vec![], outputs: vec![0] }
}

fn layout<T>(view: &ArrayViewD<'_, T>) -> Layout {
    Layout { strides: view.strides().to_vec() }
}

/// The same logical values in many layouts: row-major, column-major, reversed, strided.
fn layouts<T: Sample>(values: &ArrayD<T>) -> Vec<(&'static str, Held<T>)> {
    let shape = values.shape().to_vec();
    let mut held = vec![("row-major", Held::new(values.clone(), |a| a))];
    let mut column = ArrayD::from_shape_fn(IxDyn(&shape.iter().rev().copied().collect::<Vec<_>>()), |ix| {
        let index: Vec<usize> = (0..shape.len()).rev().map(|axis| ix[axis]).collect();
        values[IxDyn(&index)]
    });
    held.push(("column-major", Held::new(column.clone(), |a| a.reversed_axes())));
    for axis in 0..shape.len() {
        column.invert_axis(Axis(axis));
    }
    let column = column.as_standard_layout().to_owned();
    held.push((
        "reversed column-major",
        Held::new(column, |mut a| {
            (0..a.ndim()).for_each(|axis| a.invert_axis(Axis(axis)));
            a.reversed_axes()
        }),
    ));
    if let Some(last) = shape.len().checked_sub(1) {
        let mut wide = shape.clone();
        wide[last] = wide[last] * 3 + 1;
        let mut strided = ArrayD::from_elem(IxDyn(&wide), T::sample(&mut Random(1)));
        for (index, value) in values.indexed_iter() {
            let mut to = index.clone();
            to[last] = index[last] * 3;
            strided[to] = *value;
        }
        held.push((
            "strided",
            Held::new(strided, move |mut a| {
                let last = a.ndim() - 1;
                a.slice_axis_inplace(Axis(last), (0..a.len_of(Axis(last)).saturating_sub(1)).step(3));
                a
            }),
        ));
    }
    held
}

/// What makes a view of a view.
trait ViewOf<T>: for<'a> Fn(ArrayViewD<'a, T>) -> ArrayViewD<'a, T> {}
impl<T, F: for<'a> Fn(ArrayViewD<'a, T>) -> ArrayViewD<'a, T>> ViewOf<T> for F {}

trait Step {
    fn step(self, by: isize) -> ndarray::Slice;
}

impl Step for std::ops::Range<usize> {
    fn step(self, by: isize) -> ndarray::Slice {
        ndarray::Slice::from(self).step_by(by)
    }
}

/// An array and the view of it that has the values.
struct Held<T> {
    array: ArrayD<T>,
    view: Box<dyn ViewOf<T>>,
}

impl<T> Held<T> {
    fn new(array: ArrayD<T>, view: impl for<'a> Fn(ArrayViewD<'a, T>) -> ArrayViewD<'a, T> + 'static) -> Self {
        Held { array, view: Box::new(view) }
    }

    fn view(&self) -> ArrayViewD<'_, T> {
        (self.view)(self.array.view())
    }
}

/// Memory for a result, on a cache-line border or off it.
struct Memory {
    lines: Vec<super::stream::Line<[u8; 64]>>,
    offset: usize,
}

impl Memory {
    fn new(bytes: usize, offset: usize) -> Memory {
        let lines = (0..bytes / 64 + 3).map(|_| super::stream::Line([0xa5; 64])).collect();
        Memory { lines, offset }
    }

    fn ptr(&mut self) -> *mut u8 {
        self.lines.as_mut_ptr().cast::<u8>().wrapping_add(self.offset)
    }
}

/// Runs a plan, its chunks in random order, some of them twice, and gives its results.
fn run(plan: &Plan, inputs: &[*const u8], random: &mut Random) -> Vec<Vec<u8>> {
    let dtypes = plan.result_dtypes();
    let mut memory: Vec<(Memory, isize, usize)> = (0..dtypes.len())
        .map(|i| {
            let (low, high) = plan.output_extent(i).unwrap_or((0, -1));
            let size = dtypes[i].size();
            let bytes = (high - low + 1) as usize * size;
            (Memory::new(bytes, random.below(4) * size), low * size as isize, bytes)
        })
        .collect();
    let outputs: Vec<*mut u8> = memory.iter_mut().map(|(m, low, _)| m.ptr().wrapping_offset(-*low)).collect();
    let mut scratch = Memory::new(plan.scratch_bytes(), 0);
    let mut order: Vec<u32> = (0..plan.chunks()).collect();
    for i in (1..order.len()).rev() {
        order.swap(i, random.below(i + 1));
    }
    order.extend_from_slice(&order.clone()[..order.len() / 3]);
    for chunk in order {
        // SAFETY: the caller's inputs are views of the plan's layouts; outputs and scratch were made for its extents.
        unsafe { plan.run(inputs, &outputs, scratch.ptr(), chunk) };
    }
    // SAFETY: as above; every chunk was run.
    let _ = unsafe { plan.finish(scratch.ptr(), &outputs) };
    memory
        .iter_mut()
        .map(|(m, _, bytes)| {
            let start = m.ptr();
            // SAFETY: the memory has that many bytes from there, all of them initialised.
            let whole = unsafe { std::slice::from_raw_parts(start, *bytes + 1) };
            assert_eq!(whole[*bytes], 0xa5, "a byte beyond the result was written");
            whole[..*bytes].to_vec()
        })
        .collect()
}

fn cast<T: Sample>(bytes: &[u8]) -> Vec<T> {
    bytes
        .chunks_exact(size_of::<T>())
        .map(|chunk| {
            assert!(T::valid(chunk));
            // SAFETY: as many bytes as `T` has, and a valid value.
            unsafe { chunk.as_ptr().cast::<T>().read_unaligned() }
        })
        .collect()
}
