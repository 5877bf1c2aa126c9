//! Functions place by place: `call`, with broadcasting.

use ndarray::{DimMax, Dimension, IxDyn};

use super::along::Named;
use super::input::Input;
use crate::array::dist_array::{DistArray, expect};
use crate::array::expression::node::{Node, Operand};
use crate::array::function::{Binary, BinaryPair, Unary, UnaryPair, UnaryUfunc};
use crate::array::operation::argument::{Arg, Untyped, hub_among, hub_of};
use crate::array::operation::operate;
use crate::array::shape::broadcast::{broadcast_shape, check_broadcast_to};
use crate::array::shape::dims::Dims;
use crate::array::storage::copy::copy_in;
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::{DType, Fault, Op, identity};

/// `op` of each element. An operand that is no array of a hub goes to that of `out`, where that is said.
fn unary<A: Element, B: Element, D: Dimension>(
    op: Op,
    name: &'static str,
    input: &Arg<'_, A, D>,
    out: Option<&Hub>,
) -> Result<DistArray<B, D>> {
    let array = match input {
        Arg::Dist(array) => (*array).clone(),
        Arg::Part(view, memory) => DistArray::from_held(memory.held(view)?),
        Arg::Foreign(view) => DistArray::from_held(copy_in(&hub_of(out, None)?, view)?),
        Arg::Number(value) => {
            let view = ndarray::aview0(value);
            let held = copy_in(&hub_of(out, None)?, &view)?;
            DistArray::from_held(operate::into_dimension(held))
        }
    };
    operate::unary((op, name), &array, |_| unreachable!("programs know the types of the table"))
}

/// `op` of each two elements, which may be of two types. Where neither is an array of a hub, they go to that of `out`.
fn binary<A: Element, B: Element, C: Element, L: Dimension, R: Dimension, O: Dimension>(
    op: Op,
    name: &'static str,
    left: &Arg<'_, A, L>,
    right: &Arg<'_, B, R>,
    out: Option<&Hub>,
) -> Result<DistArray<C, O>> {
    DistArray::of_operand(BINARY((op, name), [left, right], out, C::DTYPE))
}

// Pointers, as those of `transport/pool`.
const BINARY: fn(Named, [&dyn Untyped; 2], Option<&Hub>, Option<DType>) -> Result<Operand> = binary_untyped;
const SPARED: fn(Op, usize, &Hub, &dyn Untyped, &dyn Untyped) -> Result<Option<Operand>> = spared_untyped;
const CHOSEN: fn(&dyn Untyped, &dyn Untyped, &dyn Untyped) -> Result<Operand> = chosen;

/// [`binary`] without the types.
fn binary_untyped(
    (op, name): Named,
    [left, right]: [&dyn Untyped; 2],
    out: Option<&Hub>,
    dtype: Option<DType>,
) -> Result<Operand> {
    let hub = hub_among(&[left.hub(), right.hub(), out])?;
    let shape = broadcast_shape(name, left.shape(), right.shape())?;
    let dtype = dtype.ok_or_else(|| Error::invalid(format!("{name}: an unknown element type")))?;
    operate::applied(&hub, dtype, op, shape, vec![left.operand(&hub)?, right.operand(&hub)?])
}

/// The operand; an array of ndarray's as one of the hub, which `copy` keeps, so that two results are of one array.
fn in_pool<'a, A: Element, D: Dimension>(
    operand: Arg<'a, A, D>,
    hub: Option<&Hub>,
    copy: &'a mut Option<DistArray<A, D>>,
) -> Result<Arg<'a, A, D>> {
    Ok(match operand {
        Arg::Foreign(view) => Arg::Dist(copy.insert(DistArray::from_held(copy_in(&hub_of(hub, None)?, &view)?))),
        operand => operand,
    })
}

/// Two results of one function: what computes the one computes the other.
fn paired<A: Element, B: Element, D: Dimension>(
    results: (DistArray<A, D>, DistArray<B, D>),
) -> (DistArray<A, D>, DistArray<B, D>) {
    if let (Some(Operand::Node(first)), Some(Operand::Node(second))) = (results.0.operand(), results.1.operand()) {
        Node::pair(&first, &second);
    }
    results
}

/// `value` into `out`, as [`DistArray::try_assign`] does it.
fn put<A: Element, D: Dimension + DimMax<O>, O: Dimension>(
    value: DistArray<A, O>,
    out: &mut DistArray<A, D>,
) -> Result<()> {
    out.try_assign(value)
}

/// The operand, but 1 where `mask` is false: there the operation is not asked for, so that no error may come of it. `None`
/// where none can.
fn spared<A: Element, D: Dimension>(
    op: Op,
    place: usize,
    hub: &Hub,
    operand: &Arg<'_, A, D>,
    mask: &Arg<'_, bool, impl Dimension>,
) -> Result<Option<DistArray<A, IxDyn>>> {
    SPARED(op, place, hub, operand, mask)?.map(|spared| DistArray::of_operand(Ok(spared))).transpose()
}

/// [`spared`] without the types.
fn spared_untyped(
    op: Op,
    place: usize,
    hub: &Hub,
    operand: &dyn Untyped,
    mask: &dyn Untyped,
) -> Result<Option<Operand>> {
    let fault = operand.dtype().and_then(|dtype| Some((dtype, Fault::of(op, dtype)?)));
    let Some((dtype, _)) = fault.filter(|(_, (at, _))| *at == place) else { return Ok(None) };
    let one = identity(Op::Mul, dtype).ok_or_else(|| Error::invalid("a number without a 1"))?;
    let shape = broadcast_shape("call_where", mask.shape(), operand.shape())?;
    let args = vec![mask.operand(hub)?, operand.operand(hub)?, Operand::Constant(one)];
    operate::applied(hub, dtype, Op::Select, shape, args).map(Some)
}

/// `value` where `mask` is true, and what is in `out` elsewhere.
fn put_where<A: Element, D: Dimension, O: Dimension>(
    value: &DistArray<A, O>,
    mask: &Arg<'_, bool, impl Dimension>,
    out: &mut DistArray<A, D>,
) -> Result<()> {
    let chosen = DistArray::of_operand(CHOSEN(&Arg::Dist(value), mask, &Arg::Dist(&*out)))?;
    out.set_value(DistArray::evaluated(chosen)?);
    Ok(())
}

/// The elements that `out` has after [`put_where`].
fn chosen(value: &dyn Untyped, mask: &dyn Untyped, out: &dyn Untyped) -> Result<Operand> {
    check_broadcast_to("call_where", out.shape(), value.shape())?;
    check_broadcast_to("call_where", out.shape(), mask.shape())?;
    let hub = hub_among(&[out.hub(), mask.hub(), value.hub()])?;
    let dtype = out.dtype().ok_or_else(|| Error::invalid("call_where: an unknown element type"))?;
    let args = vec![mask.operand(&hub)?, value.operand(&hub)?, out.operand(&hub)?];
    operate::applied(&hub, dtype, Op::Select, Dims::new(out.shape()), args)
}

/// `call` of functions of one operand.
pub trait CallUnary: UnaryUfunc {
    /// The function of each element. Lazy, but for a small operand that has its value: that is computed at once.
    ///
    /// # Panics
    /// Where [`try_call`](CallUnary::try_call) gives an error. What that leaves pending may fail when it is computed.
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
    /// [`Error::OutOfMemory`].
    ///
    /// [`Error::Arithmetic`] where what is computed at once has no result for an integer: the function of a small operand that has its
    /// value. What is left pending gives that error when it is computed: `call` and `try_call` succeed, [`eval`](DistArray::eval) gives
    /// the error, and a dereference panics with it.
    fn try_call<X: Input>(self, x: X) -> Result<DistArray<<Self as Unary<X::Elem>>::Output, X::Dim>>
    where
        Self: Unary<X::Elem>,
    {
        unary(self.op(), Self::NAME, &x.view_arg(), None)
    }

    /// [`call`](CallUnary::call) into an array that is there, to whose shape the result is broadcast (NumPy's `out`). Runs at once,
    /// and takes no fresh memory where [`assign`](DistArray::assign) takes none. An operand that is on no hub goes to that of `out`.
    ///
    /// # Errors
    /// Those of [`DistArray::try_assign`]; [`Error::Arithmetic`] among them, after which `out` is unchanged.
    fn call_into<X: Input, D>(self, x: X, out: &mut DistArray<<Self as Unary<X::Elem>>::Output, D>) -> Result<()>
    where
        Self: Unary<X::Elem>,
        D: Dimension + DimMax<X::Dim>,
    {
        put(unary(self.op(), Self::NAME, &x.view_arg(), Some(out.hub()))?, out)
    }

    /// [`call_into`](CallUnary::call_into) where `mask` is true (NumPy's `where`); elsewhere `out` stays as it is, and no
    /// operand there can be an error.
    ///
    /// # Errors
    /// As [`call_into`](CallUnary::call_into); after one `out` is unchanged.
    fn call_where<X: Input, D: Dimension>(
        self,
        x: X,
        mask: impl Input<Elem = bool>,
        out: &mut DistArray<<Self as Unary<X::Elem>>::Output, D>,
    ) -> Result<()>
    where
        Self: Unary<X::Elem>,
    {
        let (x, mask) = (x.view_arg(), mask.view_arg());
        let hub = hub_among(&[Some(out.hub()), x.hub(), mask.hub()])?;
        match spared(self.op(), 0, &hub, &x, &mask)? {
            Some(x) => put_where::<_, D, IxDyn>(&unary(self.op(), Self::NAME, &Arg::Dist(&x), None)?, &mask, out),
            None => put_where::<_, D, X::Dim>(&unary(self.op(), Self::NAME, &x, Some(&hub))?, &mask, out),
        }
    }
}

impl<F: UnaryUfunc> CallUnary for F {}

/// `call` of functions of two operands.
pub trait CallBinary: crate::array::function::BinaryUfunc {
    /// The function of each two elements of `x` and `y`, which are broadcast to one shape. Lazy, but for small operands that have their
    /// values: these are computed at once. An array of ndarray's goes to the hub of the other operand.
    ///
    /// # Panics
    /// Where [`try_call`](CallBinary::try_call) gives an error. What that leaves pending may fail when it is computed.
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
    /// [`Error::Shape`], [`Error::InvalidArgument`] where the result is too large to be, [`Error::ForeignHub`], [`Error::OutOfMemory`].
    ///
    /// [`Error::Arithmetic`] where what is computed at once has no result for an integer: the function of small operands that have
    /// their values. What is left pending gives that error when it is computed: `call` and `try_call` succeed, [`eval`](DistArray::eval) gives
    /// the error, and a dereference panics with it.
    ///
    /// ```
    /// use distob::prelude::*;
    /// use distob::ufunc::FloorDivide;
    /// use distob::Error;
    /// let small = DistArray::from_vec(vec![1, 0]);
    /// assert!(matches!(FloorDivide.try_call(1, &small), Err(Error::Arithmetic { .. })));
    /// let large = DistArray::<i32, _>::zeros(100_000);
    /// let pending = FloorDivide.try_call(1, &large).unwrap();
    /// assert!(matches!(pending.eval(), Err(Error::Arithmetic { .. })));
    /// ```
    fn try_call<X: Input, Y: Input>(
        self,
        x: X,
        y: Y,
    ) -> Result<DistArray<<Self as Binary<X::Elem, Y::Elem>>::Output, <X::Dim as DimMax<Y::Dim>>::Output>>
    where
        Self: Binary<X::Elem, Y::Elem>,
        X::Dim: DimMax<Y::Dim>,
    {
        binary(self.op(), Self::NAME, &x.view_arg(), &y.view_arg(), None)
    }

    /// [`call`](CallBinary::call) into an array that is there, to whose shape the result is broadcast (NumPy's `out`). Runs at
    /// once, and takes no fresh memory where [`assign`](DistArray::assign) takes none. Operands that are on no hub go to that of `out`.
    ///
    /// # Errors
    /// Those of [`DistArray::try_assign`]; [`Error::Arithmetic`] among them, after which `out` is unchanged.
    fn call_into<X: Input, Y: Input, D>(
        self,
        x: X,
        y: Y,
        out: &mut DistArray<<Self as Binary<X::Elem, Y::Elem>>::Output, D>,
    ) -> Result<()>
    where
        Self: Binary<X::Elem, Y::Elem>,
        X::Dim: DimMax<Y::Dim>,
        D: Dimension + DimMax<<X::Dim as DimMax<Y::Dim>>::Output>,
    {
        put(
            binary::<_, _, _, _, _, <X::Dim as DimMax<Y::Dim>>::Output>(
                self.op(),
                Self::NAME,
                &x.view_arg(),
                &y.view_arg(),
                Some(out.hub()),
            )?,
            out,
        )
    }

    /// [`call_into`](CallBinary::call_into) where `mask` is true (NumPy's `where`); elsewhere `out` stays as it is, and no
    /// operand there can be an error.
    ///
    /// # Errors
    /// As [`call_into`](CallBinary::call_into); after one `out` is unchanged.
    ///
    /// ```
    /// use distob::prelude::*;
    /// use distob::ufunc::Divide;
    /// # fn main() -> distob::Result<()> {
    /// let (a, b) = (ndarray::array![1.0, 2.0, 3.0], ndarray::array![4.0, 0.0, 6.0]);
    /// let mut quotients = DistArray::zeros(3);
    /// Divide.call_where(&a, &b, b.mapv(|b| b != 0.0), &mut quotients)?;
    /// assert_eq!(quotients, ndarray::array![0.25, 0.0, 0.5]);
    /// # Ok(())
    /// # }
    /// ```
    fn call_where<X: Input, Y: Input, D: Dimension>(
        self,
        x: X,
        y: Y,
        mask: impl Input<Elem = bool>,
        out: &mut DistArray<<Self as Binary<X::Elem, Y::Elem>>::Output, D>,
    ) -> Result<()>
    where
        Self: Binary<X::Elem, Y::Elem>,
    {
        let (x, y, mask) = (x.view_arg(), y.view_arg(), mask.view_arg());
        let hub = hub_among(&[Some(out.hub()), x.hub(), y.hub(), mask.hub()])?;
        let value: DistArray<_, IxDyn> = match spared(self.op(), 1, &hub, &y, &mask)? {
            Some(y) => binary(self.op(), Self::NAME, &x, &Arg::Dist(&y), None)?,
            None => binary(self.op(), Self::NAME, &x, &y, Some(&hub))?,
        };
        put_where(&value, &mask, out)
    }
}

impl<F: crate::array::function::BinaryUfunc> CallBinary for F {}

/// `call` of functions of one operand and two results.
pub trait CallUnaryPair: Sized {
    /// Both results of each element, computed in one pass. Lazy, as [`CallUnary::call`].
    ///
    /// # Panics
    /// Where [`try_call`](CallUnaryPair::try_call) gives an error.
    #[track_caller]
    fn call<X: Input>(
        self,
        x: X,
    ) -> (DistArray<<Self as UnaryPair<X::Elem>>::First, X::Dim>, DistArray<<Self as UnaryPair<X::Elem>>::Second, X::Dim>)
    where
        Self: UnaryPair<X::Elem>,
    {
        expect(self.try_call(x))
    }

    /// [`call`](CallUnaryPair::call), with an error where that panics.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    fn try_call<X: Input>(
        self,
        x: X,
    ) -> Result<(
        DistArray<<Self as UnaryPair<X::Elem>>::First, X::Dim>,
        DistArray<<Self as UnaryPair<X::Elem>>::Second, X::Dim>,
    )>
    where
        Self: UnaryPair<X::Elem>,
    {
        let [first, second] = self.ops();
        let x = x.view_arg();
        let mut copy = None;
        let x = in_pool(x, None, &mut copy)?;
        Ok(paired((unary(first, Self::NAME, &x, None)?, unary(second, Self::NAME, &x, None)?)))
    }
}

impl CallUnaryPair for crate::array::function::Modf {}
impl CallUnaryPair for crate::array::function::Frexp {}

/// `call` of functions of two operands and two results.
pub trait CallBinaryPair: Sized {
    /// Both results of each two elements, computed in one pass. Lazy, as [`CallBinary::call`].
    ///
    /// # Panics
    /// Where [`try_call`](CallBinaryPair::try_call) gives an error. What that leaves pending may fail when it is computed.
    #[track_caller]
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
        expect(self.try_call(x, y))
    }

    /// [`call`](CallBinaryPair::call), with an error where that panics.
    ///
    /// # Errors
    /// As [`CallBinary::try_call`]: of small operands that have their values a division by zero is an error here, else when one of the results is
    /// computed.
    fn try_call<X: Input, Y: Input<Elem = X::Elem>>(
        self,
        x: X,
        y: Y,
    ) -> Result<(
        DistArray<<Self as BinaryPair<X::Elem>>::First, <X::Dim as DimMax<Y::Dim>>::Output>,
        DistArray<<Self as BinaryPair<X::Elem>>::Second, <X::Dim as DimMax<Y::Dim>>::Output>,
    )>
    where
        Self: BinaryPair<X::Elem>,
        X::Dim: DimMax<Y::Dim>,
    {
        let [first, second] = self.ops();
        let (x, y) = (x.view_arg(), y.view_arg());
        let hub = hub_of(x.hub(), y.hub())?;
        let (mut copy_of_x, mut copy_of_y) = (None, None);
        let (x, y) = (in_pool(x, Some(&hub), &mut copy_of_x)?, in_pool(y, Some(&hub), &mut copy_of_y)?);
        Ok(paired((binary(first, Self::NAME, &x, &y, None)?, binary(second, Self::NAME, &x, &y, None)?)))
    }
}

impl CallBinaryPair for crate::array::function::Divmod {}
