//! The kinds of folds.

use crate::{DType, Scalar};

/// How values are folded into one.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Fold {
    /// Sum, in the type of the values (`bool`: how many are true, `u64`); f32 accumulates in f64 and is rounded once.
    Sum,
    /// Product, in the type of the values.
    Product,
    /// A sum that begins with a value of the result's type: that is added to first, so that it is rounded with the others.
    SumFrom {
        /// The value.
        initial: Scalar,
    },
    /// A product that begins with a value of the result's type.
    ProductFrom {
        /// The value.
        initial: Scalar,
    },
    /// Smallest value, bit for bit; NaN where one is NaN. -0.0 is less than 0.0.
    Min,
    /// Largest value, bit for bit; NaN where one is NaN. 0.0 is greater than -0.0.
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
    /// Arithmetic mean, in the type of the values. Sums of integers do not wrap, and are divided as integers are.
    Mean,
    /// Variance of floats: the sum of squared deviations over `n - ddof`.
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
    /// Two results, of the type of the values: the smallest and the largest, as [`Fold::Min`] and [`Fold::Max`]. Of all axes alone.
    Extremes,
}

impl Fold {
    /// Types of the results of folding values of type `dtype`; `None` where the fold does not take them.
    pub fn result_dtypes(self, dtype: DType) -> Option<Vec<DType>> {
        super::result_dtypes(self, dtype)
    }
}
