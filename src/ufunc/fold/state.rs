//! Partial results of a fold: one accumulator a cell and, for moments and places, a second word.

use super::arg::{Finder, finder};
use super::both::Both;
use super::kernel::{Deviations, Deviator, Loops, Reducer};
use super::reducers::{deviator, greatest, magnitude, reducer, truth};
use crate::kernel::{to_bf16, to_f16};
use crate::simd::Isa;
use crate::{DType, Fold, Op};
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
}

/// What there is for each cell besides its accumulator: 8 bytes, or nothing.
#[derive(Clone, Copy, Debug)]
pub(super) enum Second {
    None,
    /// The sum of squared deviations; the accumulator is the sum.
    Deviations(&'static Deviator),
    /// The place of the extreme; the accumulator is its value.
    Place(&'static Finder),
    /// The greatest value; the accumulator is the least.
    Greatest(&'static Both),
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
        Some(Method { fold, dtype, reducer: reducer(fold, dtype)?, second, half })
    }

    /// The fold of what one operation makes of values of type `dtype`, done as they are read; `None` where there is no such.
    pub fn absorbing(fold: Fold, op: Op, to: DType, dtype: DType) -> Option<Method> {
        let method = |reducer, second| Method { fold, dtype, reducer, second, half: None };
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
            Fold::Sum if self.dtype == DType::Bool => Some(DType::U64),
            Fold::Sum | Fold::Product | Fold::Min | Fold::Max => Some(self.dtype),
            Fold::Any | Fold::All => Some(DType::Bool),
            Fold::ArgMin | Fold::ArgMax => Some(DType::U64),
            Fold::Mean if matches!(self.dtype, DType::C32 | DType::C64) => Some(self.dtype),
            Fold::Mean | Fold::Var { .. } | Fold::Std { .. } if self.dtype == DType::F32 => Some(DType::F32),
            Fold::Mean | Fold::Var { .. } | Fold::Std { .. } => Some(DType::F64),
            Fold::Moments | Fold::Extremes => None,
        }
    }

    /// Whether there is no result without values.
    pub fn extreme(&self) -> bool {
        matches!(self.fold, Fold::Min | Fold::Max | Fold::ArgMin | Fold::ArgMax | Fold::Extremes)
    }

    /// Bytes of an accumulator.
    pub fn acc(&self) -> usize {
        self.reducer.acc
    }

    /// Bytes of the second word.
    pub fn second(&self) -> usize {
        match self.second {
            Second::None => 0,
            Second::Greatest(both) => both.second.acc,
            Second::Deviations(_) | Second::Place(_) => 8,
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
                    std::ptr::copy_nonoverlapping(later.acc, earlier.acc, n * 8);
                    std::ptr::copy_nonoverlapping(later.second, earlier.second, n * 8);
                }
                Second::Deviations(_) => {
                    let slice = |p: *mut u8| std::slice::from_raw_parts(p.cast::<f64>(), n);
                    let (sums, later_sums, later_second) = (slice(earlier.acc), slice(later.acc), slice(later.second));
                    let second = std::slice::from_raw_parts_mut(earlier.second.cast::<f64>(), n);
                    let (na, nb) = (earlier.count as f64, later.count as f64);
                    // Chan, Golub and LeVeque: what the distance of the two means adds.
                    let weight = na * nb / (na + nb);
                    let (na, nb) = (1.0 / na, 1.0 / nb);
                    for i in 0..n {
                        let delta = later_sums[i] * nb - sums[i] * na;
                        second[i] = (second[i] + later_second[i]) + delta * delta * weight;
                    }
                    (self.loops(isa).merge)(earlier.acc, later.acc, n);
                }
            }
        }
        earlier.count += later.count;
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
            let second = state.second.cast::<f64>().cast_const();
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
                Fold::Sum | Fold::Product if is_complex => complex(&|z| z),
                Fold::Sum | Fold::Product if self.dtype == DType::F32 => real(&|i| *sums.add(i)),
                Fold::Mean if is_complex => complex(&|z| z / count),
                Fold::Mean => real(&|i| *sums.add(i) / count),
                Fold::Var { ddof } => real(&|i| variance(*second.add(i), count, ddof)),
                Fold::Std { ddof } => real(&|i| variance(*second.add(i), count, ddof).sqrt()),
                Fold::Moments => {
                    for i in 0..n {
                        outputs[0].cast::<f64>().add(at + i).write(count);
                        outputs[1].cast::<f64>().add(at + i).write(*sums.add(i) / count);
                        outputs[2].cast::<f64>().add(at + i).write(*second.add(i));
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

/// Variance of `count` values; NaN where there are none.
fn variance(deviations: f64, count: f64, ddof: f64) -> f64 {
    if count == 0.0 { f64::NAN } else { deviations / (count - ddof) }
}

/// One NaN and one zero, whichever of several came first.
fn canonical(x: f64) -> f64 {
    if x.is_nan() { f64::NAN } else { x + 0.0 }
}
