//! Functions place by place: `call`, with broadcasting.

use ndarray::{DimMax, Dimension};

use super::input::Input;
use crate::array::argument::{Arg, hub_of};
use crate::array::broadcast::broadcast_shape;
use crate::array::dims::Dims;
use crate::array::dist_array::{DistArray, expect};
use crate::array::gather::copy_in;
use crate::array::operate;
use crate::error::Result;
use crate::ufunc::{Binary, BinaryPair, Element, Op, Unary, UnaryPair, UnaryUfunc};

/// `op` of each element.
fn unary<A: Element, B: Element, D: Dimension>(
    op: Op,
    name: &'static str,
    input: &Arg<'_, A, D>,
) -> Result<DistArray<B, D>> {
    let array = match input {
        Arg::Dist(array) => (*array).clone(),
        Arg::Foreign(view) => DistArray::from_held(copy_in(&hub_of(None, None)?, view)?),
        Arg::Number(value) => {
            let view = ndarray::aview0(value);
            let held = copy_in(&hub_of(None, None)?, &view)?;
            DistArray::from_held(operate::into_dimension(held))
        }
    };
    operate::unary((op, name), &array, |_| unreachable!("programs know the types of the table"))
}

/// `op` of each two elements, which may be of two types.
fn binary<A: Element, B: Element, C: Element, L: Dimension, R: Dimension, O: Dimension>(
    op: Op,
    name: &'static str,
    left: &Arg<'_, A, L>,
    right: &Arg<'_, B, R>,
) -> Result<DistArray<C, O>> {
    let hub = hub_of(left.hub(), right.hub())?;
    let shape: Dims = broadcast_shape(name, left.shape(), right.shape())?;
    let dtype = C::DTYPE.ok_or_else(|| crate::error::Error::invalid(format!("{name}: an unknown element type")))?;
    operate::apply(&hub, dtype, op, shape, vec![left.operand(&hub)?, right.operand(&hub)?])
}

/// `call` of functions of one operand.
pub trait CallUnary: UnaryUfunc {
    /// The function of each element. Lazy.
    ///
    /// # Panics
    /// Where there is no memory for what is computed or copied at once.
    ///
    /// ```
    /// use distob::prelude::*;
    /// use distob::ufunc::Cbrt;
    /// assert_eq!(Cbrt.call(&ndarray::array![8.0, -27.0]), ndarray::array![2.0, -3.0]);
    /// ```
    #[track_caller]
    fn call<X: Input>(self, x: X) -> DistArray<<Self as Unary<X::Elem>>::Output, X::Dim>
    where
        Self: Unary<X::Elem>,
    {
        expect(self.try_call(x))
    }

    /// [`call`](CallUnary::call), with an error where that panics.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    fn try_call<X: Input>(self, x: X) -> Result<DistArray<<Self as Unary<X::Elem>>::Output, X::Dim>>
    where
        Self: Unary<X::Elem>,
    {
        unary(self.op(), Self::NAME, &x.arg())
    }
}

impl<F: UnaryUfunc> CallUnary for F {}

/// `call` of functions of two operands.
pub trait CallBinary: crate::ufunc::BinaryUfunc {
    /// The function of each two elements of `x` and `y`, which are broadcast to one shape. Lazy.
    ///
    /// # Panics
    /// Where the shapes do not fit, the arrays are of two hubs, or there is no memory for what is computed or copied at once.
    ///
    /// ```
    /// use distob::prelude::*;
    /// use distob::ufunc::Gcd;
    /// let a = DistArray::from_vec(vec![12, 18, 7]);
    /// assert_eq!(Gcd.call(&a, 6), ndarray::array![6, 6, 1]);
    /// ```
    #[track_caller]
    fn call<X: Input, Y: Input>(
        self,
        x: X,
        y: Y,
    ) -> DistArray<<Self as Binary<X::Elem, Y::Elem>>::Output, <X::Dim as DimMax<Y::Dim>>::Output>
    where
        Self: Binary<X::Elem, Y::Elem>,
        X::Dim: DimMax<Y::Dim>,
    {
        expect(self.try_call(x, y))
    }

    /// [`call`](CallBinary::call), with an error where that panics.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape), [`Error::ForeignHub`](crate::Error::ForeignHub),
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    #[expect(clippy::type_complexity, reason = "what the result is follows from the operands")]
    fn try_call<X: Input, Y: Input>(
        self,
        x: X,
        y: Y,
    ) -> Result<DistArray<<Self as Binary<X::Elem, Y::Elem>>::Output, <X::Dim as DimMax<Y::Dim>>::Output>>
    where
        Self: Binary<X::Elem, Y::Elem>,
        X::Dim: DimMax<Y::Dim>,
    {
        binary(self.op(), Self::NAME, &x.arg(), &y.arg())
    }
}

impl<F: crate::ufunc::BinaryUfunc> CallBinary for F {}

/// `call` of functions of one operand and two results.
pub trait CallUnaryPair: Sized {
    /// Both results of each element, computed in one pass. Lazy.
    #[track_caller]
    #[expect(clippy::type_complexity, reason = "two arrays")]
    fn call<X: Input>(
        self,
        x: X,
    ) -> (DistArray<<Self as UnaryPair<X::Elem>>::First, X::Dim>, DistArray<<Self as UnaryPair<X::Elem>>::Second, X::Dim>)
    where
        Self: UnaryPair<X::Elem>,
    {
        let [first, second] = self.ops();
        let x = x.arg();
        (expect(unary(first, Self::NAME, &x)), expect(unary(second, Self::NAME, &x)))
    }
}

impl CallUnaryPair for crate::ufunc::Modf {}
impl CallUnaryPair for crate::ufunc::Frexp {}

/// `call` of functions of two operands and two results.
pub trait CallBinaryPair: Sized {
    /// Both results of each two elements, computed in one pass. Lazy.
    #[track_caller]
    #[expect(clippy::type_complexity, reason = "two arrays")]
    fn call<X: Input, Y: Input<Elem = X::Elem>>(
        self,
        x: X,
        y: Y,
    ) -> (
        DistArray<<Self as BinaryPair<X::Elem>>::First, <X::Dim as DimMax<Y::Dim>>::Output>,
        DistArray<<Self as BinaryPair<X::Elem>>::Second, <X::Dim as DimMax<Y::Dim>>::Output>,
    )
    where
        Self: BinaryPair<X::Elem>,
        X::Dim: DimMax<Y::Dim>,
    {
        let [first, second] = self.ops();
        let (x, y) = (x.arg(), y.arg());
        (expect(binary(first, Self::NAME, &x, &y)), expect(binary(second, Self::NAME, &x, &y)))
    }
}

impl CallBinaryPair for crate::ufunc::Divmod {}
