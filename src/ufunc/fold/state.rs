//! Partial results of a fold: one accumulator a cell and, for deviations, places and both extremes, some bytes more.

use super::arg::{Finder, finder};
use super::both::Both;
use super::deviations::{Deviations, Deviator};
use super::kernel::{Loops, Reducer};
use super::reducers::{Wide, deviator, greatest, magnitude, reducer, truth};
use crate::kernel::{from_bf16, from_f16, to_bf16, to_f16};
use crate::simd::Isa;
use crate::{DType, Fold, Op, Scalar};
use num_complex::Complex;

/// What a fold of one type is made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Method {
    pub fold: Fold,
    pub dtype: DType,
    pub reducer: &'static Reducer,
    pub second: Second,
    /// The float of 16 bits that results are rounded to, where values of it are folded, as `f32`.
    pub half: Option<DType>,
    /// What comes before the first value of each cell, as an accumulator.
    initial: Option<[u64; 2]>,
}

/// What there is for each cell besides its accumulator.
#[derive(Clone, Copy, Debug)]
pub(super) enum Second {
    None,
    /// The mean and the sum of squared deviations from it, two `f64`; the accumulator is the sum.
    Deviations(&'static Deviator),
    /// The place of the extreme; the accumulator is its value.
    Place(&'static Finder),
    /// The greatest value; the accumulator is the least.
    Greatest(&'static Both),
}

/// How the values of a cell lie.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Spread {
    pub mean: f64,
    /// Sum of the squared deviations from it.
    pub squares: f64,
}

/// Partial results of `n` cells, all of `count` values.
#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub acc: *mut u8,
    pub second: *mut u8,
    pub count: usize,
}

impl Method {
    #[inline(always)]
    pub fn new(fold: Fold, dtype: DType) -> Option<Method> {
        let half = Some(dtype).filter(|dtype| dtype.is_half());
        let dtype = half.map_or(dtype, |_| DType::F32);
        let second = match fold {
            Fold::Var { .. } | Fold::Std { .. } | Fold::Moments => Second::Deviations(deviator(dtype)?),
            Fold::ArgMin | Fold::ArgMax => Second::Place(finder(fold, dtype)?),
            Fold::Extremes => Second::Greatest(greatest(dtype)?),
            _ => Second::None,
        };
        let initial = match fold {
            Fold::SumFrom { initial } | Fold::ProductFrom { initial } => Some(initial),
            _ => None,
        };
        let mut method = Method { fold, dtype, reducer: reducer(fold, dtype)?, second, half, initial: None };
        if let Some(initial) = initial {
            if method.result() != Some(initial.dtype) {
                return None;
            }
            method.initial = Some(entered(&initial));
        }
        Some(method)
    }

    /// Whether anything comes before the first value of a cell.
    pub fn begins(&self) -> bool {
        self.initial.is_some()
    }

    /// Puts what comes before the first value into `n` accumulators, which hold the identity.
    ///
    /// # Safety
    ///
    /// `acc` is valid for `n` accumulators.
    pub unsafe fn begin(&self, acc: *mut u8, n: usize) {
        if let Some(initial) = &self.initial {
            for i in 0..n {
                // SAFETY: accumulators below `n` (contract), of at most 16 bytes.
                unsafe {
                    std::ptr::copy_nonoverlapping(initial.as_ptr().cast(), acc.add(i * self.acc()), self.acc());
                }
            }
        }
    }

    /// The fold of what one operation makes of values of type `dtype`, done as they are read; `None` where there is no such.
    pub fn absorbing(fold: Fold, op: Op, to: DType, dtype: DType) -> Option<Method> {
        let method = |reducer, second| Method { fold, dtype, reducer, second, half: None, initial: None };
        match op {
            Op::Cast if to == DType::Bool => Some(method(truth(fold, dtype)?, Second::None)),
            Op::Abs => {
                let (reducer, both) = magnitude(fold, dtype)?;
                Some(method(reducer, both.map_or(Second::None, Second::Greatest)))
            }
            _ => None,
        }
    }

    /// Types of the results.
    pub fn results(&self) -> Vec<DType> {
        match self.fold {
            Fold::Extremes => vec![self.half.unwrap_or(self.dtype); 2],
            _ => self.result().map_or_else(|| vec![DType::F64; 3], |dtype| vec![dtype]),
        }
    }

    /// Type of the result; `None` for those that are several.
    pub fn result(&self) -> Option<DType> {
        let result = self.result_of_values()?;
        Some(if result == DType::F32 { self.half.unwrap_or(result) } else { result })
    }

    fn result_of_values(&self) -> Option<DType> {
        match self.fold {
            Fold::Sum | Fold::SumFrom { .. } if self.dtype == DType::Bool => Some(DType::U64),
            Fold::Sum | Fold::SumFrom { .. } | Fold::Product | Fold::ProductFrom { .. } => Some(self.dtype),
            Fold::Min | Fold::Max | Fold::Mean | Fold::Var { .. } | Fold::Std { .. } => Some(self.dtype),
            Fold::Any | Fold::All => Some(DType::Bool),
            Fold::ArgMin | Fold::ArgMax => Some(DType::U64),
            Fold::Moments | Fold::Extremes => None,
        }
    }

    /// Whether there is no result without values.
    pub fn wants_values(&self) -> bool {
        let extreme = matches!(self.fold, Fold::Min | Fold::Max | Fold::ArgMin | Fold::ArgMax | Fold::Extremes);
        extreme || (self.fold == Fold::Mean && self.dtype.is_integer())
    }

    /// Bytes of an accumulator.
    pub fn acc(&self) -> usize {
        self.reducer.acc
    }

    /// Bytes of what there is besides the accumulator.
    pub fn second(&self) -> usize {
        match self.second {
            Second::None => 0,
            Second::Greatest(both) => both.second.acc,
            Second::Place(_) => 8,
            Second::Deviations(_) => size_of::<Spread>(),
        }
    }

    pub fn loops(&self, isa: Isa) -> &Loops {
        self.reducer.get(isa)
    }

    /// The loops of the squared deviations, for folds that have them.
    pub fn deviations(&self, isa: Isa) -> Option<&Deviations> {
        match self.second {
            Second::Deviations(deviator) => Some(deviator.get(isa)),
            _ => None,
        }
    }

    /// Merges the partial results of what comes later into those of what came before, `n` cells.
    ///
    /// # Safety
    ///
    /// Both states are valid for `n` cells and do not overlap.
    pub unsafe fn merge(&self, earlier: &mut State, later: &State, n: usize, isa: Isa) {
        // SAFETY: valid for `n` (contract). Deviations are merged before the sums that they are computed from.
        unsafe {
            match self.second {
                Second::None => (self.loops(isa).merge)(earlier.acc, later.acc, n),
                Second::Place(finder) => {
                    (finder.merge)(earlier.acc, earlier.second.cast(), later.acc, later.second.cast(), n);
                }
                Second::Greatest(both) => {
                    (self.loops(isa).merge)(earlier.acc, later.acc, n);
                    (both.second.get(isa).merge)(earlier.second, later.second, n);
                }
                Second::Deviations(_) if later.count == 0 => {}
                Second::Deviations(_) if earlier.count == 0 => {
                    std::ptr::copy_nonoverlapping(later.acc, earlier.acc, n * self.acc());
                    std::ptr::copy_nonoverlapping(later.second, earlier.second, n * self.second());
                }
                Second::Deviations(_) => {
                    let spreads = std::slice::from_raw_parts_mut(earlier.second.cast::<Spread>(), n);
                    let later_spreads = std::slice::from_raw_parts(later.second.cast::<Spread>(), n);
                    let (na, nb) = (earlier.count as f64, later.count as f64);
                    // Chan, Golub and LeVeque: what the distance of the two means adds.
                    let (share, weight) = (nb / (na + nb), na * nb / (na + nb));
                    for (spread, later) in spreads.iter_mut().zip(later_spreads) {
                        let delta = later.mean - spread.mean;
                        spread.mean += delta * share;
                        spread.squares = (spread.squares + later.squares) + delta * delta * weight;
                    }
                    (self.loops(isa).merge)(earlier.acc, later.acc, n);
                }
            }
        }
        earlier.count += later.count;
    }

    /// Writes the means of integers, of their type, cut towards zero as their quotients are.
    ///
    /// # Safety
    ///
    /// As [`Method::finalise`], for such a fold.
    unsafe fn integer_means(&self, state: &State, n: usize, out: *mut u8, at: usize) {
        macro_rules! means {
            ($t:ty, $acc:ty, |$sum:ident| $value:expr) => {
                for i in 0..n {
                    // SAFETY: the accumulators that the type's sums have, and a result of the type (contract).
                    unsafe {
                        let $sum = state.acc.cast::<$acc>().add(i).read();
                        out.cast::<$t>().add(at + i).write(quotient($value, state.count) as $t);
                    }
                }
            };
        }
        match self.dtype {
            DType::U8 => means!(u8, u64, |sum| i128::from(sum)),
            DType::U16 => means!(u16, u64, |sum| i128::from(sum)),
            DType::I8 => means!(i8, u64, |sum| i128::from(sum as i64)),
            DType::I16 => means!(i16, u64, |sum| i128::from(sum as i64)),
            DType::U32 => means!(u32, Wide, |sum| sum.value(state.count, 0)),
            DType::U64 => means!(u64, Wide, |sum| sum.value(state.count, 0)),
            DType::I32 => means!(i32, Wide, |sum| sum.value(state.count, i64::from(i32::MIN))),
            DType::I64 => means!(i64, Wide, |sum| sum.value(state.count, i64::MIN)),
            _ => {}
        }
    }

    /// Turns complete states of `n` cells into results, and writes them from cell `at` on.
    ///
    /// # Safety
    ///
    /// The state is valid for `n` cells, each output for `at + n` results.
    pub unsafe fn finalise(&self, state: &State, n: usize, outputs: &[*mut u8], at: usize) {
        let count = state.count as f64;
        // SAFETY: cells and results `0..n` (contract), of the types that `results` tells and the reducers have.
        unsafe {
            let sums = state.acc.cast::<f64>().cast_const();
            let spread = |i: usize| state.second.cast::<Spread>().add(i).read();
            let real = |f: &dyn Fn(usize) -> f64| match self.half.unwrap_or(self.dtype) {
                DType::F16 => (0..n).for_each(|i| outputs[0].cast::<u16>().add(at + i).write(to_f16(f(i)))),
                DType::BF16 => (0..n).for_each(|i| outputs[0].cast::<u16>().add(at + i).write(to_bf16(f(i)))),
                DType::F32 => (0..n).for_each(|i| outputs[0].cast::<f32>().add(at + i).write(f(i) as f32)),
                _ => (0..n).for_each(|i| outputs[0].cast::<f64>().add(at + i).write(f(i))),
            };
            let complex = |f: &dyn Fn(Complex<f64>) -> Complex<f64>| {
                for i in 0..n {
                    let z = f(state.acc.cast::<Complex<f64>>().add(i).read());
                    match self.dtype {
                        DType::C32 => outputs[0]
                            .cast::<Complex<f32>>()
                            .add(at + i)
                            .write(Complex { re: z.re as f32, im: z.im as f32 }),
                        _ => outputs[0].cast::<Complex<f64>>().add(at + i).write(z),
                    }
                }
            };
            let is_complex = matches!(self.dtype, DType::C32 | DType::C64);
            match self.fold {
                Fold::Extremes => {
                    let greatest = State { acc: state.second, ..*state };
                    let one = |fold| Method { fold, second: Second::None, ..*self };
                    one(Fold::Min).finalise(state, n, &outputs[..1], at);
                    one(Fold::Max).finalise(&greatest, n, &outputs[1..], at);
                }
                Fold::Sum | Fold::SumFrom { .. } | Fold::Product | Fold::ProductFrom { .. } if is_complex => {
                    complex(&|z| z)
                }
                Fold::Sum | Fold::SumFrom { .. } | Fold::Product | Fold::ProductFrom { .. }
                    if self.dtype == DType::F32 =>
                {
                    real(&|i| *sums.add(i));
                }
                Fold::Mean if is_complex => complex(&|z| z / count),
                Fold::Mean if self.dtype.is_integer() => self.integer_means(state, n, outputs[0], at),
                Fold::Mean => real(&|i| *sums.add(i) / count),
                Fold::Var { ddof } => real(&|i| variance(spread(i).squares, count, ddof)),
                Fold::Std { ddof } => real(&|i| variance(spread(i).squares, count, ddof).sqrt()),
                Fold::Moments => {
                    for i in 0..n {
                        outputs[0].cast::<f64>().add(at + i).write(count);
                        outputs[1].cast::<f64>().add(at + i).write(*sums.add(i) / count);
                        outputs[2].cast::<f64>().add(at + i).write(spread(i).squares);
                    }
                }
                Fold::ArgMin | Fold::ArgMax => {
                    std::ptr::copy_nonoverlapping(state.second.cast::<u64>(), outputs[0].cast::<u64>().add(at), n);
                }
                Fold::Min | Fold::Max if self.dtype == DType::F32 => {
                    let extremes = state.acc.cast::<f32>();
                    real(&|i| canonical(*extremes.add(i) as f64));
                }
                Fold::Min | Fold::Max if self.dtype == DType::F64 => real(&|i| canonical(*sums.add(i))),
                Fold::Any | Fold::All => {
                    let size = self.acc();
                    for i in 0..n {
                        // No bit is set in a zero, which is not negative.
                        let acc = std::slice::from_raw_parts(state.acc.add(i * size), size);
                        outputs[0].add(at + i).write(u8::from(acc.iter().any(|byte| *byte != 0)));
                    }
                }
                _ => {
                    let size = self.acc();
                    std::ptr::copy_nonoverlapping(state.acc, outputs[0].add(at * size), n * size);
                }
            }
        }
    }
}

/// A sum over its count, which is not 0; in 64 bits where that does, since 128 take several times as long.
fn quotient(sum: i128, count: usize) -> i128 {
    match (i64::try_from(sum), i64::try_from(count)) {
        (Ok(sum), Ok(count)) => i128::from(sum / count),
        _ => sum / count as i128,
    }
}

/// Variance of `count` values; NaN where there are none.
fn variance(deviations: f64, count: f64, ddof: f64) -> f64 {
    if count == 0.0 { f64::NAN } else { deviations / (count - ddof) }
}

/// One NaN, whichever of several came first.
fn canonical(x: f64) -> f64 {
    if x.is_nan() { f64::NAN } else { x }
}

/// The accumulator of a value: floats of fewer than 64 bits are accumulated in 64.
fn entered(value: &Scalar) -> [u64; 2] {
    let [a, b, c, d, e, f, g, h, ..] = value.bytes;
    let half = u16::from_ne_bytes([a, b]);
    let (first, second) = (f32::from_ne_bytes([a, b, c, d]), f32::from_ne_bytes([e, f, g, h]));
    match value.dtype {
        DType::F16 => [f64::from(from_f16(half)).to_bits(), 0],
        DType::BF16 => [f64::from(from_bf16(half)).to_bits(), 0],
        DType::F32 => [f64::from(first).to_bits(), 0],
        DType::C32 => [f64::from(first).to_bits(), f64::from(second).to_bits()],
        _ => {
            let (halves, _) = value.bytes.as_chunks::<8>();
            [u64::from_ne_bytes(halves[0]), u64::from_ne_bytes(halves[1])]
        }
    }
}
