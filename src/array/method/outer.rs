//! `outer`: a function of every pair of elements of two arrays.

use ndarray::{DimAdd, Dimension};

use super::input::Input;
use crate::array::dist_array::{DistArray, expect};
use crate::array::expression::node::Operand;
use crate::array::function::{Binary, BinaryUfunc};
use crate::array::operation::argument::{Arg, hub_of};
use crate::array::operation::operate;
use crate::array::shape::dims::{Dims, checked_bytes};
use crate::array::storage::store::Leaf;
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::Value as _;

/// The left operand with an axis of length 1 for each axis of the right one, so that each of its elements meets all of them.
fn spread<A: Element, D: Dimension>(hub: &Hub, left: &Arg<'_, A, D>, axes: usize) -> Result<Operand> {
    if let Arg::Number(_) = left {
        return left.operand(hub);
    }
    // Computed first, where it is pending: there are far more results than elements of it.
    let leaf =
        left.held(hub)?.leaf().ok_or_else(|| Error::invalid("outer: an element type that programs do not know"))?;
    let rank = leaf.shape.len();
    let shape = Dims::from_fn(rank + axes, |axis| if axis < rank { leaf.shape[axis] } else { 1 });
    let strides = Dims::from_fn(rank + axes, |axis| if axis < rank { leaf.strides[axis] } else { 0 });
    Ok(Operand::Leaf(Leaf { shape, strides, ..leaf }))
}

/// `outer` of functions of two operands.
pub trait Outer: BinaryUfunc {
    /// The function of each element of `x` and each of `y`. The axes of the result are those of `x`, then those of `y`. Lazy.
    ///
    /// # Panics
    /// Where the result is too large to be, the arrays are of two hubs, or there is no memory for what is computed at once.
    ///
    /// ```
    /// use distob::prelude::*;
    /// use distob::ufunc::Multiply;
    /// let table = Multiply.outer(&DistArray::from_vec(vec![1, 2, 3]), &DistArray::from_vec(vec![10, 100]));
    /// assert_eq!(table, ndarray::array![[10, 100], [20, 200], [30, 300]]);
    /// ```
    #[track_caller]
    fn outer<X: Input, Y: Input>(
        self,
        x: X,
        y: Y,
    ) -> DistArray<<Self as Binary<X::Elem, Y::Elem>>::Output, <X::Dim as DimAdd<Y::Dim>>::Output>
    where
        Self: Binary<X::Elem, Y::Elem>,
        X::Dim: DimAdd<Y::Dim>,
    {
        expect(self.try_outer(x, y))
    }

    /// [`outer`](Outer::outer), with an error where that panics.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where the result is too large to be, [`Error::ForeignHub`], [`Error::OutOfMemory`].
    fn try_outer<X: Input, Y: Input>(
        self,
        x: X,
        y: Y,
    ) -> Result<DistArray<<Self as Binary<X::Elem, Y::Elem>>::Output, <X::Dim as DimAdd<Y::Dim>>::Output>>
    where
        Self: Binary<X::Elem, Y::Elem>,
        X::Dim: DimAdd<Y::Dim>,
    {
        let (x, y) = (x.view_arg(), y.view_arg());
        let hub = hub_of(x.hub(), y.hub())?;
        let shape: Vec<usize> = x.shape().iter().chain(y.shape()).copied().collect();
        let dtype = <Self as Binary<X::Elem, Y::Elem>>::Output::DTYPE;
        let dtype = dtype.ok_or_else(|| Error::invalid("outer: an element type that programs do not know"))?;
        checked_bytes(&shape, dtype.size())?;
        let args = vec![spread(&hub, &x, y.shape().len())?, y.operand(&hub)?];
        operate::apply(&hub, dtype, self.op(), Dims::new(&shape), args)
    }
}

impl<F: BinaryUfunc> Outer for F {}
