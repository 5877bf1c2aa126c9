//! `accumulate`: running results of a function along an axis.

use ndarray::{Axis, Dimension};

use super::along::{self, Named};
use super::input::Input;
use crate::array::dist_array::{DistArray, checked_axis, expect};
use crate::array::expression::node::Operand;
use crate::array::function::{Add, Binary, BinaryUfunc, Multiply};
use crate::array::operation::argument::{Untyped, hub_of};
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::Value as _;
use kernels::{DType, Op, Scalar};

/// `accumulate` of functions of two operands.
pub trait Accumulate: BinaryUfunc {
    /// Running results along an axis: result `i` is the function applied to the elements `0..=i`. The axis is 0, unless
    /// [`axis`](Accumulation::axis) sets another. Nothing is computed until [`run`](Accumulation::run).
    ///
    /// Functions that may be grouped (sums, products, extremes, bits, logic) are applied in order within blocks of 2048 elements of the
    /// axis; then each result of a block is combined with the last result of the block before. So the first 2048 results have the bits of a plain
    /// loop, and running sums of non-negative numbers never decrease. Floats of fewer than 64 bits are accumulated in 64 bits, and each result is
    /// rounded once. All other functions are applied in order along the whole axis. Logical functions take elements of any type and return
    /// `bool`.
    ///
    /// ```
    /// use distob::prelude::*;
    /// use distob::ufunc::{Add, Maximum};
    /// # fn main() -> distob::Result<()> {
    /// let a = DistArray::from(ndarray::array![[1_i64, 5, 3], [4, 2, 6]]);
    /// assert_eq!(Add.accumulate(&a).axis(1).run()?, ndarray::array![[1, 6, 9], [4, 6, 12]]);
    /// assert_eq!(Maximum.accumulate_axis(&a, Axis(0)), ndarray::array![[1, 5, 3], [4, 5, 6]]);
    /// // An exclusive sum: the offsets of parts of these lengths.
    /// let lengths = DistArray::from(ndarray::array![3_i64, 1, 4]);
    /// assert_eq!(Add.accumulate(&lengths).initial(0).run()?, ndarray::array![0, 3, 4]);
    /// # Ok(())
    /// # }
    /// ```
    fn accumulate<X: Input>(self, x: X) -> Accumulation<Self, X, X::Elem> {
        Accumulation { function: self, x, axis: 0, initial: None, element: std::marker::PhantomData }
    }

    /// [`accumulate`](Accumulate::accumulate) along one axis.
    ///
    /// # Panics
    /// If [`Accumulation::run`] returns an error.
    #[track_caller]
    fn accumulate_axis<X: Input>(self, x: X, axis: Axis) -> DistArray<<Self as Binary<X::Elem>>::Output, X::Dim>
    where
        Self: Binary<X::Elem>,
    {
        expect(self.try_accumulate_axis(x, axis))
    }

    /// [`accumulate_axis`](Accumulate::accumulate_axis), but returns an error where that panics.
    ///
    /// # Errors
    /// Those of [`Accumulation::run`].
    fn try_accumulate_axis<X: Input>(
        self,
        x: X,
        axis: Axis,
    ) -> Result<DistArray<<Self as Binary<X::Elem>>::Output, X::Dim>>
    where
        Self: Binary<X::Elem>,
    {
        self.accumulate(x).axis(axis.index() as isize).run()
    }
}

impl<F: BinaryUfunc> Accumulate for F {}

/// A call of [`accumulate`](Accumulate::accumulate) with its options; [`run`](Accumulation::run) computes it.
#[must_use = "nothing is computed until it is run"]
#[derive(Clone, Debug)]
pub struct Accumulation<F, X, B> {
    function: F,
    x: X,
    axis: isize,
    initial: Option<Scalar>,
    element: std::marker::PhantomData<fn() -> B>,
}

impl<F: BinaryUfunc, X: Input, B: Element> Accumulation<F, X, B> {
    /// The axis; a negative one counts from the end. Default: 0.
    pub fn axis(mut self, axis: isize) -> Self {
        self.axis = axis;
        self
    }

    /// Makes the results exclusive, with this initial value: result `i` is the function applied to the value and the elements `0..i`. So the first
    /// result is the value, and the last element is not used. The value is combined with the first element before any other. (The array
    /// API's `include_initial` returns these results and one more.)
    pub fn initial(mut self, value: <F as Binary<B>>::Output) -> Self
    where
        F: Binary<B>,
    {
        self.initial = value.scalar();
        self
    }

    /// The element type to compute in; the operand's elements are converted to it first.
    pub fn dtype<C: Element>(self) -> Accumulation<F, X, C> {
        let Accumulation { function, x, axis, initial, .. } = self;
        Accumulation { function, x, axis, initial, element: std::marker::PhantomData }
    }

    /// Computes the results. They have the operand's shape. A pending operand is computed first, unless it lies in several blocks.
    ///
    /// # Errors
    /// [`Error::Axis`], also for an operand without axes; [`Error::InvalidArgument`] if the function's results are not of the type of its operands;
    /// [`Error::Arithmetic`] for an integer division by zero or a negative exponent, with the index in the operand;
    /// [`Error::ForeignHub`], [`Error::OutOfMemory`].
    pub fn run(self) -> Result<DistArray<<F as Binary<B>>::Output, X::Dim>>
    where
        F: Binary<B>,
    {
        let function = (self.function.op(), F::NAME);
        let from = (B::DTYPE, std::any::type_name::<B>());
        let to = (<F as Binary<B>>::Output::DTYPE, std::any::type_name::<<F as Binary<B>>::Output>());
        DistArray::of_operand(ACCUMULATED(function, &self.x.view_arg(), self.axis, self.initial, [from, to]))
    }
}

/// An element type, where programs know it, and its name.
type Type = (Option<DType>, &'static str);

// A pointer, as those of `transport/pool`.
const ACCUMULATED: fn(Named, &dyn Untyped, isize, Option<Scalar>, [Type; 2]) -> Result<Operand> = accumulated;

/// [`Accumulation::run`] without the types.
fn accumulated(
    (op, name): Named,
    arg: &dyn Untyped,
    axis: isize,
    initial: Option<Scalar>,
    [(from, name_of_from), (to, name_of_to)]: [Type; 2],
) -> Result<Operand> {
    let hub = hub_of(arg.hub(), None)?;
    let axis = checked_axis(&format!("{name}.accumulate"), axis, arg.shape().len())?;
    let logical = matches!(op, Op::LogicalAnd | Op::LogicalOr | Op::LogicalXor);
    if from != to && !logical {
        let what = format!("{name}.accumulate: of two {name_of_from} it gives {name_of_to}, so that it cannot go on");
        return Err(Error::invalid(what));
    }
    let unknown = || Error::invalid("an element type that programs do not know");
    // Flags first, where flags are joined.
    let elements = along::Elements::of(&hub, arg.operand(&hub)?, from.ok_or_else(unknown)?)?;
    let elements = elements.cast(&hub, to.ok_or_else(unknown)?)?;
    along::accumulated(&hub, (op, name), elements, axis, initial).map(Operand::Leaf)
}

impl<A: Element, D: Dimension> DistArray<A, D> {
    /// Cumulative sums along an axis: [`Add`]'s [`accumulate`](Accumulate::accumulate), NumPy's `cumsum`.
    ///
    /// # Panics
    /// Where the array has no such axis, or there is no memory.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(ndarray::array![[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(a.cumsum(Axis(1)), ndarray::array![[1, 3, 6], [4, 9, 15]]);
    /// ```
    #[track_caller]
    pub fn cumsum(&self, axis: Axis) -> DistArray<A, D>
    where
        Add: Binary<A, Output = A>,
    {
        Add.accumulate_axis(self, axis)
    }

    /// Cumulative products along an axis: [`Multiply`]'s [`accumulate`](Accumulate::accumulate), NumPy's `cumprod`.
    ///
    /// # Panics
    /// Where the array has no such axis, or there is no memory.
    ///
    /// ```
    /// use distob::prelude::*;
    /// assert_eq!(DistArray::from(ndarray::array![1, 2, 3, 4]).cumprod(Axis(0)), ndarray::array![1, 2, 6, 24]);
    /// ```
    #[track_caller]
    pub fn cumprod(&self, axis: Axis) -> DistArray<A, D>
    where
        Multiply: Binary<A, Output = A>,
    {
        Multiply.accumulate_axis(self, axis)
    }
}
