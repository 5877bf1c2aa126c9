//! `reduceat`: a function joins the elements of segments of an axis.

use super::along::{self, Named};
use super::indices::{Indices, List, hub_beside, outside};
use super::input::Input;
use crate::array::dist_array::{DistArray, checked_axis};
use crate::array::expression::node::Operand;
use crate::array::function::{Binary, BinaryUfunc};
use crate::array::operation::argument::Untyped;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::Value as _;
use kernels::{DType, Op};

/// `reduceat` of functions of two operands.
pub trait Reduceat: BinaryUfunc {
    /// Joins the elements of segments of an axis: result `i` along it is the function of `x[indices[i]..indices[i + 1]]`, or `x[indices[i]]` alone
    /// where `indices[i] >= indices[i + 1]`. The last segment goes to the axis's end. Nothing is done until
    /// [`run`](ReduceatOf::run).
    ///
    /// Functions that may be grouped (sums, products, extremes, bits, logic) take a segment's elements in a fixed tree, floats of fewer
    /// than 64 bits in 64, rounded once; a segment's bits follow from its elements, the array's shape and the axis. All others, and
    /// products of complex numbers, take them in order, one after the other: a long segment is then one thread's.
    ///
    /// ```
    /// use distob::prelude::*;
    /// use distob::ufunc::Add;
    /// # fn main() -> distob::Result<()> {
    /// let a = DistArray::from_vec((0..8).collect::<Vec<i64>>());
    /// assert_eq!(Add.reduceat(&a, [0, 4, 1, 5]).run()?, ndarray::array![6, 4, 10, 18]);
    /// # Ok(())
    /// # }
    /// ```
    fn reduceat<X: Input, I: Indices>(self, x: X, indices: I) -> ReduceatOf<Self, X, I, X::Elem> {
        ReduceatOf { function: self, x, indices, axis: 0, element: std::marker::PhantomData }
    }
}

impl<F: BinaryUfunc> Reduceat for F {}

/// A [`reduceat`](Reduceat::reduceat) that is being asked for.
#[must_use = "nothing is computed until it is run"]
#[derive(Clone, Debug)]
pub struct ReduceatOf<F, X, I, B> {
    function: F,
    x: X,
    indices: I,
    axis: isize,
    element: std::marker::PhantomData<fn() -> B>,
}

impl<F: BinaryUfunc, X: Input, I: Indices, B: Element> ReduceatOf<F, X, I, B> {
    /// Along this axis; negative ones count from the end. It is 0 unless this is called.
    pub fn axis(mut self, axis: isize) -> Self {
        self.axis = axis;
        self
    }

    /// In elements of this type, to which those of `x` are converted first.
    pub fn dtype<C: Element>(self) -> ReduceatOf<F, X, I, C> {
        let ReduceatOf { function, x, indices, axis, .. } = self;
        ReduceatOf { function, x, indices, axis, element: std::marker::PhantomData }
    }

    /// Computes it. The result has as many elements along the axis as there are indices. An operand that is pending is
    /// computed first, unless it is in several blocks and the function may be grouped.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where an index is not below the axis's length (negative ones are not either), there is not one list of
    /// indices with one axis, or the function does not give what it takes; [`Error::Axis`]; [`Error::Arithmetic`] where an integer would be
    /// divided by zero, or have a negative exponent: the place is that in `x`; [`Error::OutOfMemory`].
    pub fn run(self) -> Result<DistArray<<F as Binary<B>>::Output, X::Dim>>
    where
        F: Binary<B>,
    {
        let (function, types) = ((self.function.op(), F::NAME), (B::DTYPE, <F as Binary<B>>::Output::DTYPE));
        DistArray::of_operand(JOINED(function, &self.x.view_arg(), &self.indices, self.axis, types))
    }
}

/// Types of elements, where programs know them: those that are joined, and those of the results.
type Types = (Option<DType>, Option<DType>);

// A pointer, as those of `transport/pool`.
const JOINED: fn(Named, &dyn Untyped, &dyn Indices, isize, Types) -> Result<Operand> = joined;

/// [`ReduceatOf::run`] without the types.
fn joined(
    (op, name): Named,
    arg: &dyn Untyped,
    indices: &dyn Indices,
    axis: isize,
    (from, to): Types,
) -> Result<Operand> {
    let hub = hub_beside([arg.hub(), None], indices)?;
    let axis = checked_axis(&format!("{name}.reduceat"), axis, arg.shape().len())?;
    let lists = indices.lists()?;
    let list = match &lists[..] {
        [list] if list.shape().len() == 1 && list.mask().is_none() => list,
        _ => {
            let shapes: Vec<_> = lists.iter().map(List::shape).collect();
            let what = format!("{name}.reduceat: one list of integers with one axis is wanted, not {shapes:?}");
            return Err(Error::invalid(what));
        }
    };
    let unknown = || Error::invalid("an element type that programs do not know");
    let (from, to) = (from.ok_or_else(unknown)?, to.ok_or_else(unknown)?);
    if from != to && !matches!(op, Op::LogicalAnd | Op::LogicalOr | Op::LogicalXor) {
        let what = format!("{name}.reduceat: of two {} it gives {}, so that it cannot go on", from.name(), to.name());
        return Err(Error::invalid(what));
    }
    let elements = along::Elements::of(&hub, arg.operand(&hub)?, from)?;
    let length = elements.shape()[axis];
    match along::segments(&hub, (op, name), elements, axis, list)? {
        Some(results) => Ok(Operand::Leaf(results)),
        None => {
            let found = list.first_outside(length, false);
            Err(outside(&format!("{name}.reduceat"), found, list.shape(), axis, length))
        }
    }
}
