//! `reduce`: a function joins the elements along axes.

use std::sync::Arc;

use ndarray::{Axis, Dimension, IxDyn, RemoveAxis};

use super::along::{self, Named};
use super::input::Input;
use crate::array::dist_array::{DistArray, checked_axis, expect};
use crate::array::evaluate;
use crate::array::expression::node::{Expr, Operand};
use crate::array::function::{Add, Binary, BinaryUfunc};
use crate::array::operation::argument::{Arg, Untyped, hub_of};
use crate::array::operation::operate;
use crate::array::operation::reduce;
use crate::array::shape::broadcast::check_broadcast_to;
use crate::array::shape::dims::{Dims, row_major, volume};
use crate::array::storage::store::{Leaf, scalar_of};
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::Value as _;
use kernels::{DType, Fold, Op, Scalar, identity, small};

/// `reduce` of functions of two operands.
pub trait Reduce: BinaryUfunc {
    /// Joins the elements along axes into one: along axis 0, unless [`axis`](Reduction::axis), [`axes`](Reduction::axes) or
    /// [`all`](Reduction::all) says otherwise. Nothing is done until [`run`](Reduction::run) or [`scalar`](Reduction::scalar).
    ///
    /// Functions that may be grouped (sums, products, extremes, bits, logic) take elements in a fixed tree, floats of fewer than 64 bits in
    /// 64, rounded once; of extremes -0.0 is less than 0.0, as in IEEE 754-2019.
    /// All others take them in order, one after the other, which costs parallelism along the axis: each step waits for
    /// the one before. Logical functions take elements of any type, and give flags. Integers stay in their type, and wrap: NumPy sums
    /// narrow ones in its widest, which [`dtype`](Reduction::dtype) does here.
    ///
    /// ```
    /// use distob::prelude::*;
    /// use distob::ufunc::{Add, Maximum, Subtract};
    /// # fn main() -> distob::Result<()> {
    /// let a = DistArray::from(ndarray::array![[1_i64, 2, 3], [4, 5, 6]]);
    /// assert_eq!(Add.reduce(&a).run()?, ndarray::array![5, 7, 9].into_dyn());
    /// assert_eq!(Maximum.reduce(&a).axis(1).keepdims().run()?, ndarray::array![[3], [6]].into_dyn());
    /// assert_eq!(Add.reduce(&a).axes([0, 1]).initial(100).scalar()?, 121);
    /// assert_eq!(Subtract.reduce_axis(&a, Axis(1)), ndarray::array![-4, -7]);
    /// # Ok(())
    /// # }
    /// ```
    fn reduce<X: Input>(self, x: X) -> Reduction<Self, X, X::Elem> {
        Reduction {
            function: self,
            x,
            axes: Axes::These(vec![0]),
            keepdims: false,
            initial: None,
            mask: None,
            element: std::marker::PhantomData,
        }
    }

    /// The elements along one axis joined, which the result does not have.
    ///
    /// # Panics
    /// Where [`try_reduce_axis`](Reduce::try_reduce_axis) gives an error.
    #[track_caller]
    fn reduce_axis<X: Input>(
        self,
        x: X,
        axis: Axis,
    ) -> DistArray<<Self as Binary<X::Elem>>::Output, <X::Dim as Dimension>::Smaller>
    where
        Self: Binary<X::Elem>,
        X::Dim: RemoveAxis,
    {
        expect(self.try_reduce_axis(x, axis))
    }

    /// [`reduce_axis`](Reduce::reduce_axis), with an error where that panics.
    ///
    /// # Errors
    /// Those of [`Reduction::run`].
    fn try_reduce_axis<X: Input>(
        self,
        x: X,
        axis: Axis,
    ) -> Result<DistArray<<Self as Binary<X::Elem>>::Output, <X::Dim as Dimension>::Smaller>>
    where
        Self: Binary<X::Elem>,
        X::Dim: RemoveAxis,
    {
        DistArray::of_operand(self.reduce(x).axis(axis.index() as isize).joined())
    }

    /// All elements joined into one.
    ///
    /// # Panics
    /// Where [`try_reduce_all`](Reduce::try_reduce_all) gives an error.
    #[track_caller]
    fn reduce_all<X: Input>(self, x: X) -> <Self as Binary<X::Elem>>::Output
    where
        Self: Binary<X::Elem>,
    {
        expect(self.try_reduce_all(x))
    }

    /// [`reduce_all`](Reduce::reduce_all), with an error where that panics.
    ///
    /// # Errors
    /// Those of [`Reduction::scalar`].
    fn try_reduce_all<X: Input>(self, x: X) -> Result<<Self as Binary<X::Elem>>::Output>
    where
        Self: Binary<X::Elem>,
    {
        self.reduce(x).all().scalar()
    }
}

impl<F: BinaryUfunc> Reduce for F {}

#[derive(Clone, Debug)]
enum Axes {
    All,
    These(Vec<isize>),
}

/// A [`reduce`](Reduce::reduce) that is being asked for.
#[must_use = "nothing is computed until it is run"]
#[derive(Clone)]
pub struct Reduction<F, X, B> {
    function: F,
    x: X,
    axes: Axes,
    keepdims: bool,
    initial: Option<Scalar>,
    mask: Option<DistArray<bool, IxDyn>>,
    element: std::marker::PhantomData<fn() -> B>,
}

impl<F: BinaryUfunc, X: Input, B: Element> Reduction<F, X, B> {
    /// Along this axis; negative ones count from the end.
    pub fn axis(self, axis: isize) -> Self {
        self.axes([axis])
    }

    /// Along these axes; negative ones count from the end. A function that is taken in order takes one axis at most.
    pub fn axes(mut self, axes: impl IntoIterator<Item = isize>) -> Self {
        self.axes = Axes::These(axes.into_iter().collect());
        self
    }

    /// Along all axes.
    pub fn all(mut self) -> Self {
        self.axes = Axes::All;
        self
    }

    /// With an axis of length 1 in the place of each that is reduced.
    pub fn keepdims(mut self) -> Self {
        self.keepdims = true;
        self
    }

    /// Beginning with this value, which comes before the elements: it is joined to the first one before any other is, and what floats of
    /// fewer than 64 bits give is rounded once. A sum of -0.0 alone, this value included, is 0.0.
    ///
    /// ```
    /// use distob::prelude::*;
    /// use distob::ufunc::Add;
    /// # fn main() -> distob::Result<()> {
    /// let a = DistArray::from(ndarray::array![-1e16, 1.0]);
    /// let sum: f64 = Add.reduce(&a).initial(1e16).scalar()?;
    /// assert_eq!(sum, 1.0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn initial(mut self, value: <F as Binary<B>>::Output) -> Self
    where
        F: Binary<B>,
    {
        self.initial = value.scalar();
        self
    }

    /// Of the elements where this is true alone (NumPy's `where`): it is broadcast to the array. A function without an identity wants
    /// [`initial`](Reduction::initial) too. Where it leaves no element the result is the initial value itself, as in NumPy, or the identity.
    ///
    /// # Panics
    /// Where an ndarray cannot be copied to the hub of the operand, or to the current one where that is an ndarray too.
    #[track_caller]
    pub fn mask<M: Input<Elem = bool>>(mut self, mask: M) -> Self {
        let arg = mask.view_arg();
        // A mask of another hub is an error of `run`.
        let hub = arg.hub().cloned().map_or_else(|| hub_of(self.x.view_arg().hub(), None), Ok);
        let held = expect(hub.and_then(|hub| arg.held(&hub)));
        self.mask = Some(DistArray::from_held(held));
        self
    }

    /// In elements of this type, to which those of the operand are converted first.
    pub fn dtype<C: Element>(self) -> Reduction<F, X, C> {
        let Reduction { function, x, axes, keepdims, initial, mask, .. } = self;
        Reduction { function, x, axes, keepdims, initial, mask, element: std::marker::PhantomData }
    }

    /// Computes it; sums, products, extremes and logic are lazy, and fused with what is pending.
    ///
    /// # Errors
    /// [`Error::Axis`]; [`Error::InvalidArgument`] where an axis is given twice, the function does not give what it takes, has no value
    /// of no elements, or takes one axis only; [`Error::Arithmetic`] where an integer would be divided by zero, or have a negative
    /// exponent; [`Error::Shape`] where the mask does not fit; [`Error::ForeignHub`], [`Error::OutOfMemory`].
    pub fn run(self) -> Result<DistArray<<F as Binary<B>>::Output, IxDyn>>
    where
        F: Binary<B>,
    {
        DistArray::of_operand(self.joined())
    }

    /// Computes it where one value is left.
    ///
    /// # Errors
    /// As [`run`](Reduction::run); [`Error::Shape`] where more than one value is left, or none.
    pub fn scalar(self) -> Result<<F as Binary<B>>::Output>
    where
        F: Binary<B>,
    {
        let (hub, value) = VALUE(&self.x.view_arg(), self.asked())?;
        // Whoever holds the operand may want it stored.
        drop(self);
        ONE(&hub, value, F::NAME).map(|leaf| scalar_of(&leaf))
    }

    fn joined(self) -> Result<Operand>
    where
        F: Binary<B>,
    {
        JOINED(&self.x.view_arg(), self.asked())
    }

    /// What is asked for, without the types.
    fn asked(&self) -> Asked<'_>
    where
        F: Binary<B>,
    {
        Asked {
            function: (self.function.op(), F::NAME),
            axes: &self.axes,
            keepdims: self.keepdims,
            initial: self.initial,
            mask: self.mask.as_ref(),
            from: B::DTYPE,
            to: <F as Binary<B>>::Output::DTYPE,
        }
    }
}

/// A [`Reduction`] without its types.
struct Asked<'a> {
    function: Named,
    axes: &'a Axes,
    keepdims: bool,
    initial: Option<Scalar>,
    mask: Option<&'a DistArray<bool, IxDyn>>,
    from: Option<DType>,
    to: Option<DType>,
}

// Pointers, as those of `transport/pool`.
const JOINED: fn(&dyn Untyped, Asked<'_>) -> Result<Operand> = joined;
const VALUE: fn(&dyn Untyped, Asked<'_>) -> Result<(Hub, Operand)> = value;
const ONE: fn(&Hub, Operand, &'static str) -> Result<Leaf> = one;

/// [`Reduction::run`] without the types.
fn joined(arg: &dyn Untyped, asked: Asked<'_>) -> Result<Operand> {
    let keepdims = asked.keepdims;
    let (_, mut result, axes) = values(arg, asked)?;
    if keepdims {
        for axis in axes {
            result = with_axis(result, axis)?;
        }
    }
    Ok(result)
}

/// What [`Reduction::scalar`] has to compute, without the types.
fn value(arg: &dyn Untyped, asked: Asked<'_>) -> Result<(Hub, Operand)> {
    values(arg, asked).map(|(hub, value, _)| (hub, value))
}

/// The one element of a result.
fn one(hub: &Hub, value: Operand, name: &'static str) -> Result<Leaf> {
    let dtype = value.dtype();
    let leaf = along::evaluated(hub, value, dtype)?;
    if volume(&leaf.shape) != 1 {
        return Err(Error::Shape { operation: format!("{name}.reduce"), left: leaf.shape.to_vec(), right: vec![] });
    }
    Ok(Leaf { shape: Dims::new(&[]), strides: Dims::new(&[]), ..leaf })
}

/// The operand with an axis of length 1 at `axis`. A reduction that nothing else asks for stays pending.
pub(super) fn with_axis(operand: Operand, axis: usize) -> Result<Operand> {
    let leaf = match operand {
        Operand::Node(node) if node.value().is_none() && Arc::strong_count(&node) == 1 => {
            match node.expr().as_deref() {
                Some(Expr::Reduce { .. }) => return node.with_axis(axis).map(Operand::Node),
                _ => node.evaluate()?.clone(),
            }
        }
        Operand::Node(node) => node.evaluate()?.clone(),
        Operand::Leaf(leaf) => leaf,
        Operand::Constant(_) => return Err(Error::invalid("a number has no axes")),
    };
    let rank = leaf.shape.len() + 1;
    let shape = Dims::from_fn(rank, |at| if at == axis { 1 } else { leaf.shape[at - usize::from(at > axis)] });
    let strides = Dims::from_fn(rank, |at| if at == axis { 1 } else { leaf.strides[at - usize::from(at > axis)] });
    Ok(Operand::Leaf(Leaf { shape, strides, ..leaf }))
}

/// The hub, the result without the reduced axes, and those in ascending order.
fn values(arg: &dyn Untyped, asked: Asked<'_>) -> Result<(Hub, Operand, Vec<usize>)> {
    let (op, name) = (asked.function.0, format!("{}.reduce", asked.function.1));
    let rank = arg.shape().len();
    let axes = match asked.axes {
        Axes::All => (0..rank).collect(),
        Axes::These(axes) => resolved(&name, axes, rank)?,
    };
    let hub = hub_of(arg.hub(), asked.mask.map(|mask| mask.hub()))?;
    let array = elements(&hub, arg, asked.from)?;
    let (Some(from), Some(to)) = (asked.from, asked.to) else {
        return Err(Error::invalid(format!("{name}: an element type that programs do not know")));
    };
    let logical = matches!(op, Op::LogicalAnd | Op::LogicalOr | Op::LogicalXor);
    if from != to && !logical {
        let what = format!("{name}: of two {} it gives {}, so that it cannot go on", from.name(), to.name());
        return Err(Error::invalid(what));
    }
    if let Some(initial) = asked.initial.filter(|initial| initial.dtype != to) {
        let (from, to) = (initial.dtype.name(), to.name());
        return Err(Error::invalid(format!("{name}: an initial value of type {from} for results of type {to}")));
    }
    // Flags first, where flags are joined.
    let array = if logical { operate::cast(&hub, array, DType::Bool)? } else { array };
    let work = Work { hub: &hub, op, name, axes: &axes, initial: asked.initial, mask: asked.mask };
    let result = work.run(array, to)?;
    Ok((hub, result, axes))
}

/// The sums of a [`Reduction`] by `add` along one axis, for who has no types.
pub(super) fn sums(hub: &Hub, array: Operand, axis: usize) -> Result<Operand> {
    let to = array.dtype();
    let work = Work {
        hub,
        op: Op::Add,
        name: format!("{}.reduce", <Add as BinaryUfunc>::NAME),
        axes: &[axis],
        initial: None,
        mask: None,
    };
    work.run(array, to)
}

/// Axes counted from the beginning, in ascending order.
fn resolved(name: &str, axes: &[isize], rank: usize) -> Result<Vec<usize>> {
    let mut resolved = Vec::new();
    for &axis in axes {
        let at = checked_axis(name, axis, rank)?;
        if resolved.contains(&at) {
            return Err(Error::invalid(format!("{name}: axis {axis} is given twice")));
        }
        resolved.push(at);
    }
    resolved.sort_unstable();
    Ok(resolved)
}

/// The operand in elements of this type, pending where that is.
pub(super) fn elements(hub: &Hub, arg: &dyn Untyped, dtype: Option<DType>) -> Result<Operand> {
    match (arg.dtype(), dtype) {
        (Some(_), Some(dtype)) => {
            let operand = match arg.operand(hub)? {
                // What was said of how the array is dealt to engines is not said of what is seen here.
                Operand::Leaf(leaf) => Operand::Leaf(Leaf { partition: None, ..leaf }),
                Operand::Constant(value) => {
                    Operand::Leaf(along::evaluated(hub, Operand::Constant(value), value.dtype)?)
                }
                operand => operand,
            };
            operate::cast(hub, operand, dtype)
        }
        (None, Some(_)) if arg.hub().is_none() => {
            Err(Error::invalid("astype: an element type that programs do not know; use mapv"))
        }
        _ => Err(unknown()),
    }
}

fn unknown() -> Error {
    Error::invalid("an element type that programs do not know")
}

/// A reduction of values of the type that they are joined in.
struct Work<'a> {
    hub: &'a Hub,
    op: Op,
    name: String,
    axes: &'a [usize],
    initial: Option<Scalar>,
    mask: Option<&'a DistArray<bool, IxDyn>>,
}

impl Work<'_> {
    /// The results, of type `to`.
    fn run(self, array: Operand, to: DType) -> Result<Operand> {
        let dtype = array.dtype();
        let (array, none) = match self.mask {
            None => (array, None),
            Some(mask) => self.masked(array, mask)?,
        };
        let shape = Dims::new(array.shape());
        let kept: Vec<usize> =
            (0..shape.len()).filter(|axis| !self.axes.contains(axis)).map(|axis| shape[axis]).collect();
        let values: usize = self.axes.iter().map(|&axis| shape[axis]).product();
        if values == 0 && volume(&kept) > 0 {
            let value = self.initial.or_else(|| identity(self.op, dtype));
            let value = value.ok_or_else(|| {
                Error::invalid(format!(
                    "{} of no values (shape {shape:?}, axes {:?}); give it an initial one",
                    self.name, self.axes
                ))
            })?;
            return self.constant(value, &kept);
        }
        // Where what is rounded depends on the order, the initial value is joined to the first element by whoever joins the others.
        let (fold, first) = match (fold(self.op, dtype), self.initial) {
            (Some(Fold::Sum), Some(initial)) => (Some(Fold::SumFrom { initial }), true),
            (Some(Fold::Product), Some(initial)) => (Some(Fold::ProductFrom { initial }), true),
            (fold, initial) => {
                let precedes = fold.is_none() && initial.is_some() && !self.axes.is_empty() && in_order(self.op);
                (fold, precedes)
            }
        };
        let joined = match fold {
            Some(fold) => reduce::along_operand(self.hub, array, fold, self.axes, to)?,
            None => self.by_segments(array, &kept)?,
        };
        // A divisor common to nothing and a number is its magnitude, and so is a length: these begin with their identity, as in NumPy.
        let begins = matches!(self.op, Op::Gcd | Op::Hypot);
        let result = match self.initial.or_else(|| identity(self.op, dtype).filter(|_| begins)) {
            Some(initial) if !first => {
                let args = vec![Operand::Constant(initial), joined];
                operate::applied(self.hub, initial.dtype, self.op, Dims::new(&kept), args)?
            }
            _ => joined,
        };
        match none {
            Some(Omitted { mask, value }) => self.unless_omitted(mask, value, result),
            None => Ok(result),
        }
    }

    /// The results where the mask leaves an element, and elsewhere the initial value.
    fn unless_omitted(&self, mask: Operand, initial: Scalar, results: Operand) -> Result<Operand> {
        let some = reduce::along_operand(self.hub, mask, Fold::Any, self.axes, DType::Bool)?;
        let (dtype, shape) = (results.dtype(), Dims::new(results.shape()));
        operate::applied(self.hub, dtype, Op::Select, shape, vec![some, results, Operand::Constant(initial)])
    }

    /// One value at all places of `shape`.
    fn constant(&self, value: Scalar, shape: &[usize]) -> Result<Operand> {
        operate::applied(self.hub, value.dtype, Op::Cast, Dims::new(shape), vec![Operand::Constant(value)])
    }

    /// The elements where the mask is true, and elsewhere a value that changes nothing; also the mask, where that value would change the
    /// initial one: a magnitude is not negative, and -0.0 plus 0.0 is 0.0.
    fn masked(&self, array: Operand, mask: &DistArray<bool, IxDyn>) -> Result<(Operand, Option<Omitted>)> {
        let idempotent = matches!(
            self.op,
            Op::Maximum | Op::Minimum | Op::Fmax | Op::Fmin | Op::Lcm | Op::Gcd | Op::BitAnd | Op::BitOr
        );
        let dtype = array.dtype();
        let neutral = match self.initial {
            Some(initial) if idempotent => Some(initial),
            _ => identity(self.op, dtype),
        };
        let neutral = neutral.ok_or_else(|| match idempotent {
            true => Error::invalid(format!(
                "{}: it has no identity, so that with a mask an initial value is wanted",
                self.name
            )),
            false => Error::invalid(format!("{}: taken in order, it cannot leave elements out by a mask", self.name)),
        })?;
        check_broadcast_to(&self.name, array.shape(), mask.shape())?;
        let shape = Dims::new(array.shape());
        let mask = Arg::Dist(mask).operand(self.hub)?;
        let changes = |initial: &Scalar| small::constant(self.op, &[*initial, neutral], dtype) != Some(*initial);
        let omitted = match self.initial.filter(changes) {
            Some(value) => {
                let mask = operate::applied(self.hub, DType::Bool, Op::Cast, shape.clone(), vec![mask.clone()])?;
                Some(Omitted { mask, value })
            }
            None => None,
        };
        let args = vec![mask, array, Operand::Constant(neutral)];
        Ok((operate::applied(self.hub, dtype, Op::Select, shape, args)?, omitted))
    }

    /// Along one axis, to which the others are joined where the function may be grouped.
    fn by_segments(&self, array: Operand, kept: &[usize]) -> Result<Operand> {
        if self.axes.is_empty() {
            return Ok(array);
        }
        if self.axes.len() > 1 && !groups(self.op) {
            return Err(Error::invalid(format!(
                "{}: taken in order, it takes one axis, not {:?}",
                self.name, self.axes
            )));
        }
        let dtype = array.dtype();
        if volume(kept) == 0 {
            // Of no places, whatever is reduced.
            return self.constant(Scalar { dtype, bytes: [0; 16] }, kept);
        }
        // The reduced axes last, and made one.
        let (array, axis) = match self.axes {
            &[axis] => (array, axis),
            _ => (Operand::Leaf(self.reduced_last(array, kept)?), kept.len()),
        };
        let (array, before) = match self.initial {
            Some(initial) if in_order(self.op) => (Operand::Leaf(self.preceded(array, initial, axis)?), 1),
            _ => (array, 0),
        };
        let elements = along::Elements::of(self.hub, array, dtype)?;
        match along::whole(self.hub, (self.op, "reduce"), elements, axis) {
            // The index is that in the operand, without the initial value.
            Err(Error::Arithmetic { operation, what, mut index }) => {
                index[axis] -= before;
                Err(Error::Arithmetic { operation, what, index })
            }
            result => result.map(Operand::Leaf),
        }
    }

    /// The elements with the reduced axes last and made one; shared where that needs no copy.
    fn reduced_last(&self, array: Operand, kept: &[usize]) -> Result<Leaf> {
        let dtype = array.dtype();
        let leaf = along::evaluated(self.hub, array, dtype)?;
        let others = (0..leaf.shape.len()).filter(|axis| !self.axes.contains(axis));
        let order: Vec<usize> = others.chain(self.axes.iter().copied()).collect();
        let shape = Dims::from_fn(order.len(), |at| leaf.shape[order[at]]);
        let strides = Dims::from_fn(order.len(), |at| leaf.strides[order[at]]);
        let reduced: Vec<(usize, isize)> =
            (kept.len()..order.len()).map(|at| (shape[at], strides[at])).filter(|&(length, _)| length != 1).collect();
        let mut all = kept.to_vec();
        all.push(shape[kept.len()..].iter().product());
        if reduced.windows(2).all(|pair| pair[0].1 == pair[1].1 * pair[1].0 as isize) {
            let mut steps = strides[..kept.len()].to_vec();
            steps.push(reduced.last().map_or(1, |&(_, stride)| stride));
            return Ok(Leaf { shape: Dims::new(&all), strides: Dims::new(&steps), ..leaf });
        }
        let copy = along::in_row_major(self.hub, Leaf { shape, strides, ..leaf })?;
        Ok(Leaf { shape: Dims::new(&all), strides: row_major(&all), ..copy })
    }

    /// The array with the value in front of each run along an axis.
    fn preceded(&self, array: Operand, value: Scalar, axis: usize) -> Result<Leaf> {
        let dtype = array.dtype();
        let behind = along::evaluated(self.hub, array, dtype)?;
        let mut shape = behind.shape.clone();
        shape.as_mut()[axis] = 1;
        let front = along::evaluated(self.hub, self.constant(value, &shape)?, dtype)?;
        shape.as_mut()[axis] += behind.shape[axis];
        let all = along::fresh(self.hub, dtype, &shape)?;
        let offset = all.offset + all.strides[axis] as usize * dtype.size();
        let places = [
            Leaf { shape: front.shape.clone(), ..all.clone() },
            Leaf { offset, shape: behind.shape.clone(), ..all.clone() },
        ];
        for (part, place) in [front, behind].into_iter().zip(&places) {
            evaluate::map_into(self.hub, &Operand::Leaf(part), place)?;
        }
        Ok(all)
    }
}

/// What is asked where a mask may leave no element of a result: the mask, broadcast to the operand, and the result then.
struct Omitted {
    mask: Operand,
    value: Scalar,
}

/// Whether operands may be grouped, so that axes may be joined in any order.
fn groups(op: Op) -> bool {
    kernels::associative(op)
}

/// Whether it changes bits when an initial value is joined to what the elements give, and not to the first of them.
fn in_order(op: Op) -> bool {
    !groups(op) || matches!(op, Op::Hypot | Op::Lcm | Op::Logaddexp | Op::Logaddexp2)
}

/// The fold that a function is for values of this type, where there is one.
fn fold(op: Op, dtype: DType) -> Option<Fold> {
    let flags = dtype == DType::Bool;
    match op {
        Op::Add | Op::Maximum | Op::Fmax | Op::BitOr | Op::LogicalOr if flags => Some(Fold::Any),
        Op::Mul | Op::Minimum | Op::Fmin | Op::BitAnd | Op::LogicalAnd if flags => Some(Fold::All),
        Op::Add => Some(Fold::Sum),
        Op::Mul => Some(Fold::Product),
        Op::Maximum if !dtype.is_complex() => Some(Fold::Max),
        Op::Minimum if !dtype.is_complex() => Some(Fold::Min),
        Op::Fmax if dtype.is_integer() => Some(Fold::Max),
        Op::Fmin if dtype.is_integer() => Some(Fold::Min),
        _ => None,
    }
}
