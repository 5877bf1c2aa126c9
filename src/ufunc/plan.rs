//! A plan: what one job over an array computes, as participants in any process can carry it out chunk by chunk.

use super::{DType, Program};
use crate::Result;
use rkyv::{Archive, Deserialize, Serialize};

/// Where the elements of one operand lie: in elements, one stride for each axis of the plan's shape
/// (0 where it is broadcast, negative where it is reversed).
#[derive(Archive, Serialize, Deserialize, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Layout {
    /// The strides.
    pub strides: Vec<isize>,
}

impl Layout {
    /// The layout of a contiguous row-major operand of `shape`.
    pub fn row_major(shape: &[usize]) -> Layout {
        let mut strides = vec![0; shape.len()];
        let mut stride = 1isize;
        for (place, &length) in strides.iter_mut().zip(shape).rev() {
            *place = stride;
            stride = stride.wrapping_mul(length as isize);
        }
        Layout { strides }
    }
}

/// How values are folded into one.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, PartialEq, Debug)]
pub enum Fold {
    /// Sum, in the type of the values (`bool`: how many are true, `u64`); f32 accumulates in f64 and is rounded once.
    Sum,
    /// Product, in the type of the values.
    Product,
    /// Smallest value; NaN where one is NaN, zeros are positive.
    Min,
    /// Largest value; NaN where one is NaN, zeros are positive.
    Max,
    /// Whether any of the `bool`s is true.
    Any,
    /// Whether all of the `bool`s are true.
    All,
    /// Index (`u64`) of the first smallest value, or of the first NaN; over one axis the index along it, over several
    /// the flat logical index among the folded axes.
    ArgMin,
    /// Index of the first largest value, or of the first NaN.
    ArgMax,
    /// Arithmetic mean (`f64` for integers and `bool`).
    Mean,
    /// Variance: the sum of squared deviations over `n - ddof` (`f64` for integers and `bool`).
    Var {
        /// Delta degrees of freedom.
        ddof: f64,
    },
    /// Standard deviation, the square root of the variance.
    Std {
        /// Delta degrees of freedom.
        ddof: f64,
    },
    /// Three arrays of `f64`: how many values, their mean, and the sum of their squared deviations from it.
    Moments,
}

impl Fold {
    /// Types of the results of folding values of type `dtype`; `None` where the fold does not take them.
    pub fn result_dtypes(self, dtype: DType) -> Option<Vec<DType>> {
        let _ = dtype;
        todo!()
    }
}

/// A description of one job: a program over every element of a shape (a map), or its result folded along axes.
///
/// A plan is cut into [`chunks`](Plan::chunks). Each may be run by any thread or process, in any order, and again: the
/// result has the same bits. A fold is completed by [`finish`](Plan::finish).
#[derive(Clone, Debug)]
pub struct Plan {}

impl Plan {
    /// Applies `program` to every element of `shape` and stores its 1 to 4 outputs.
    ///
    /// Where the order of the axes is free, pass outputs whose strides have the order of the inputs' strides.
    ///
    /// # Errors
    ///
    /// `Error::InvalidArgument` where the program is not well-typed, a layout does not fit the shape, or an output
    /// overlaps itself.
    pub fn map(program: Program, shape: &[usize], inputs: &[Layout], outputs: &[Layout]) -> Result<Plan> {
        let _ = (program, shape, inputs, outputs);
        todo!()
    }

    /// Folds the one output of `program` over `shape` along `axes` (all of them for the whole). The results are
    /// contiguous row-major over the axes that are kept, in order.
    ///
    /// # Errors
    ///
    /// As [`Plan::map`], and where the fold does not take the type, or is the minimum or maximum of nothing.
    pub fn fold(program: Program, shape: &[usize], inputs: &[Layout], fold: Fold, axes: &[usize]) -> Result<Plan> {
        let _ = (program, shape, inputs, fold, axes);
        todo!()
    }

    /// How many chunks there are, 1 to 4096; follows from the sizes alone.
    pub fn chunks(&self) -> u32 {
        todo!()
    }

    /// Bytes of scratch memory (64-byte aligned) that the chunks of a fold leave their partial results in; 0 for maps.
    pub fn scratch_bytes(&self) -> usize {
        todo!()
    }

    /// Types of the results, in order.
    pub fn result_dtypes(&self) -> Vec<DType> {
        todo!()
    }

    /// Bytes that the plan reads and writes in all.
    pub fn traffic(&self) -> u64 {
        todo!()
    }

    /// How many inputs there are.
    pub fn inputs(&self) -> usize {
        todo!()
    }

    /// Least and greatest element offset, from its pointer, at which input `i` is read; `None` where it is not.
    pub fn input_extent(&self, i: usize) -> Option<(isize, isize)> {
        let _ = i;
        todo!()
    }

    /// Least and greatest element offset, from its pointer, at which output `i` is written; `None` where it is not.
    pub fn output_extent(&self, i: usize) -> Option<(isize, isize)> {
        let _ = i;
        todo!()
    }

    /// Type of input `i`.
    pub fn input_dtype(&self, i: usize) -> DType {
        let _ = i;
        todo!()
    }

    /// Runs one chunk.
    ///
    /// # Safety
    ///
    /// One pointer for each input and each result, aligned for its type and valid over its extent for the whole call;
    /// nothing else writes there, outputs overlap no input, `scratch` is valid for [`scratch_bytes`](Plan::scratch_bytes), and
    /// this chunk is not running elsewhere at the same time. `chunk < chunks()`.
    pub unsafe fn run(&self, inputs: &[*const u8], outputs: &[*mut u8], scratch: *mut u8, chunk: u32) {
        let _ = (inputs, outputs, scratch, chunk);
        todo!()
    }

    /// Completes a fold after all of its chunks ran; does nothing for a map.
    ///
    /// # Safety
    ///
    /// As [`Plan::run`]; every chunk has been run and its writes are visible.
    pub unsafe fn finish(&self, scratch: *const u8, outputs: &[*mut u8]) {
        let _ = (scratch, outputs);
        todo!()
    }

    /// The plan as bytes for another process.
    pub fn encode(&self) -> Vec<u8> {
        todo!()
    }

    /// The plan that another process encoded, checked through and through: whatever the bytes are, running it stays within
    /// the extents that it tells.
    ///
    /// # Errors
    ///
    /// `Error::Frame` where the bytes are not a valid plan.
    pub fn decode(bytes: &[u8]) -> Result<Plan> {
        let _ = bytes;
        todo!()
    }
}
