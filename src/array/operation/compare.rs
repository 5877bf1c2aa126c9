//! Comparisons place by place, and choosing by what they give.

use ndarray::{ArrayBase, ArrayRef, ArrayView, Data, Dimension};

use crate::array::dist_array::{DistArray, expect};
use crate::array::evaluate::fold_all;
use crate::array::example::example;
use crate::array::expression::node::{Expr, Node, Operand};
use crate::array::operation::argument::{Arg, Argument, hub_of};
use crate::array::operation::operate;
use crate::array::operation::reduce;
use crate::array::shape::broadcast::broadcast_shape;
use crate::array::shape::dims::{Dims, volume};
use crate::array::storage::owned::dtype_of;
use crate::array::storage::store::scalar_of;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::{DType, Fold, Op};

macro_rules! comparison {
    ($($(#[$doc:meta])* $method:ident, $Op:ident, $Bound:ident, $f:expr, $result:literal;)*) => {
        impl<A: Element, D: Dimension> DistArray<A, D> {$(
            $(#[$doc])*
            ///
            /// Lazy, with broadcasting. Panics where the shapes do not broadcast.
            #[doc = example!(
                "let a = DistArray::from(array![1, 2, 3]);",
                concat!("assert_eq!(a.", stringify!($method), "(2), array!", $result, ");")
            )]
            #[track_caller]
            pub fn $method<R: Argument<A, D>>(&self, other: R) -> DistArray<bool, R::Output>
            where
                A: $Bound,
            {
                let f: fn(A, A) -> bool = $f;
                expect(operate::binary((Op::$Op, stringify!($method)), &Arg::Dist(self), &other.arg(), f))
            }
        )*}
    };
}

comparison! {
    /// Whether each element equals that of `other`. NaN is not equal to anything.
    equal, Equal, PartialEq, |x, y| x == y, "[false, true, false]";
    /// Whether each element differs from that of `other`.
    not_equal, NotEqual, PartialEq, |x, y| x != y, "[true, false, true]";
    /// Whether each element is less than that of `other`.
    less, Less, PartialOrd, |x, y| x < y, "[true, false, false]";
    /// Whether each element is less than or equal to that of `other`.
    less_equal, LessEqual, PartialOrd, |x, y| x <= y, "[true, true, false]";
    /// Whether each element is greater than that of `other`.
    greater, Greater, PartialOrd, |x, y| x > y, "[false, false, true]";
    /// Whether each element is greater than or equal to that of `other`.
    greater_equal, GreaterEqual, PartialOrd, |x, y| x >= y, "[false, true, true]";
}

impl<D: Dimension> DistArray<bool, D> {
    /// The elements of `yes` where this is true, those of `no` where it is not. Lazy, with broadcasting.
    ///
    /// Panics where the shapes do not broadcast. ndarray's `select`, which takes indices, is another thing.
    ///
    /// ```
    /// use distob::prelude::*;
    /// # fn main() -> distob::Result<()> {
    /// let a = DistArray::linspace(-2.0, 2.0, 5);
    /// let b = a.less(0.0).choose(-1.0, &a);
    /// assert_eq!(b, ndarray::array![-1.0, -1.0, 0.0, 1.0, 2.0]);
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn choose<A, X, Y>(&self, yes: X, no: Y) -> DistArray<A, Y::Output>
    where
        A: Element,
        X: Argument<A, D>,
        Y: Argument<A, X::Output>,
    {
        expect(self.try_choose(yes, no))
    }

    /// [`choose`](DistArray::choose), with an error where that panics.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mask = DistArray::from(array![true, false, true]);
    /// assert_eq!(mask.try_choose(array![1, 2, 3], 0)?, array![1, 0, 3]);
    /// assert!(mask.try_choose(array![1, 2], 0).is_err());
    /// # Ok::<(), distob::Error>(())
    /// ```
    pub fn try_choose<A, X, Y>(&self, yes: X, no: Y) -> Result<DistArray<A, Y::Output>>
    where
        A: Element,
        X: Argument<A, D>,
        Y: Argument<A, X::Output>,
    {
        let (yes, no) = (yes.arg(), no.arg());
        let hub = hub_of(Some(self.hub()), yes.hub())?;
        let hub = hub_of(Some(&hub), no.hub())?;
        let inner = broadcast_shape("choose", self.shape(), yes.shape())?;
        let shape = broadcast_shape("choose", &inner, no.shape())?;
        let dtype = A::DTYPE.ok_or_else(|| Error::invalid("choose: an element type that programs do not know"))?;
        let mask = Arg::Dist(self).operand(&hub)?;
        operate::apply(&hub, dtype, Op::Select, shape, vec![mask, yes.operand(&hub)?, no.operand(&hub)?])
    }

    /// Number of elements that are true.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![1, 5, 2]);
    /// assert_eq!(a.greater(1).count(), 2);
    /// ```
    #[track_caller]
    pub fn count(&self) -> usize {
        let count: Result<u64> = reduce::whole(self, Fold::Sum);
        expect(count) as usize
    }
}

/// NumPy's `where`: the elements of `yes` where `mask` is true, those of `no` where it is not; see [`DistArray::choose`].
///
/// ```
/// use distob::prelude::*;
/// let a = DistArray::from(array![-1.0, 0.5, 2.0]);
/// assert_eq!(where_(&a.less(0.0), 0.0, &a), array![0.0, 0.5, 2.0]);
/// ```
#[track_caller]
pub fn where_<A, D, X, Y>(mask: &DistArray<bool, D>, yes: X, no: Y) -> DistArray<A, Y::Output>
where
    A: Element,
    D: Dimension,
    X: Argument<A, D>,
    Y: Argument<A, X::Output>,
{
    mask.choose(yes, no)
}

/// Whether two arrays have one shape and equal elements.
fn all_equal<A: PartialEq, D: Dimension, E: Dimension>(
    left: &DistArray<A, D>,
    right: &DistArray<A, E>,
) -> Result<bool> {
    if left.shape() != right.shape() {
        return Ok(false);
    }
    if volume(left.shape()) > crate::array::shape::dims::SMALL
        && left.hub().id() == right.hub().id()
        && let Some(dtype) = dtype_of::<A>()
        && let (Some(one), Some(other)) = (left.operand_as(dtype), right.operand_as(dtype))
    {
        let expr = Expr::Apply { op: Op::Equal, args: vec![one, other] };
        let node = Node::new(left.hub(), DType::Bool, Dims::new(left.shape()), expr)?;
        let all = fold_all(left.hub(), &Operand::Node(node), Fold::All)?;
        return Ok(scalar_of(&all));
    }
    Ok(same_elements(&left.try_held()?.view.view(), &right.try_held()?.view.view()))
}

/// Whether an array has the shape and the elements of a view.
fn equals<A: PartialEq, D: Dimension, E: Dimension>(
    left: &DistArray<A, D>,
    right: &ArrayView<'_, A, E>,
) -> Result<bool> {
    Ok(left.shape() == right.shape() && same_elements(&left.try_held()?.view.view(), right))
}

/// Whether two arrays of one shape have equal elements.
pub(in crate::array) fn same_elements<A: PartialEq, D: Dimension, E: Dimension>(
    left: &ArrayView<'_, A, D>,
    right: &ArrayView<'_, A, E>,
) -> bool {
    match (left.as_slice(), right.as_slice()) {
        (Some(left), Some(right)) => left == right,
        _ => left.iter().eq(right.iter()),
    }
}

impl<A: PartialEq, D: Dimension, E: Dimension> PartialEq<DistArray<A, E>> for DistArray<A, D> {
    /// Whether shape and elements are equal. Panics where an expression cannot be computed.
    #[track_caller]
    fn eq(&self, other: &DistArray<A, E>) -> bool {
        expect(all_equal(self, other))
    }
}

impl<A: PartialEq, S: Data<Elem = A>, D: Dimension, E: Dimension> PartialEq<ArrayBase<S, E>> for DistArray<A, D> {
    #[track_caller]
    fn eq(&self, other: &ArrayBase<S, E>) -> bool {
        expect(equals(self, &other.view()))
    }
}

impl<A: PartialEq, D: Dimension, E: Dimension> PartialEq<ArrayRef<A, E>> for DistArray<A, D> {
    #[track_caller]
    fn eq(&self, other: &ArrayRef<A, E>) -> bool {
        expect(equals(self, &other.view()))
    }
}

impl<A: PartialEq, S: Data<Elem = A>, D: Dimension, E: Dimension> PartialEq<DistArray<A, E>> for ArrayBase<S, D> {
    #[track_caller]
    fn eq(&self, other: &DistArray<A, E>) -> bool {
        other == self
    }
}
