//! `reduce`: a function joins the elements along axes.

#![expect(
    clippy::type_complexity,
    reason = "what a result is follows from its operands, and is said where it is given"
)]

use ndarray::{Axis, Dimension, IxDyn, RemoveAxis};

use super::input::Input;
use crate::array::argument::{Arg, hub_of};
use crate::array::dims::{Dims, volume};
use crate::array::dist_array::{DistArray, checked_axis, expect};
use crate::array::function::{Binary, BinaryUfunc};
use crate::array::gather::copy_in;
use crate::array::lazy::Operand;
use crate::array::view::Held;
use crate::array::{operate, reduce};
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::Value as _;
use kernels::{DType, Fold, Op, Scalar, identity};

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
        self.reduce(x).axis(axis.index() as isize).run()?.seen_as()
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
    /// fewer than 64 bits give is rounded once.
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
    /// [`initial`](Reduction::initial) too.
    ///
    /// # Panics
    /// Where an ndarray cannot be copied to the current hub.
    #[track_caller]
    pub fn mask<M: Input<Elem = bool>>(mut self, mask: M) -> Self {
        let arg = mask.view_arg();
        let held = expect(hub_of(arg.hub(), None).and_then(|hub| arg.held(&hub)));
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
        let keepdims = self.keepdims;
        let (array, axes) = self.values()?;
        let mut result = array;
        if keepdims {
            for axis in axes {
                result = result.insert_axis(Axis(axis));
            }
        }
        Ok(result)
    }

    /// Computes it where one value is left.
    ///
    /// # Errors
    /// As [`run`](Reduction::run); [`Error::Shape`] where more than one value is left, or none.
    pub fn scalar(self) -> Result<<F as Binary<B>>::Output>
    where
        F: Binary<B>,
    {
        let name = format!("{}.reduce", F::NAME);
        let (array, _) = self.values()?;
        let array = array.evaluated()?;
        match array.len() {
            1 => Ok(*array.iter().next().expect("one element")),
            _ => Err(Error::Shape { operation: name, left: array.shape().to_vec(), right: vec![] }),
        }
    }

    /// The result without the reduced axes, and those in ascending order.
    fn values(self) -> Result<(DistArray<<F as Binary<B>>::Output, IxDyn>, Vec<usize>)>
    where
        F: Binary<B>,
    {
        let (op, name) = (self.function.op(), format!("{}.reduce", F::NAME));
        let arg = self.x.view_arg();
        let rank = arg.shape().len();
        let axes = match &self.axes {
            Axes::All => (0..rank).collect(),
            Axes::These(axes) => resolved(&name, axes, rank)?,
        };
        let array: DistArray<B, IxDyn> = elements(&arg)?;
        let (from, to) = match (B::DTYPE, <F as Binary<B>>::Output::DTYPE) {
            (Some(from), Some(to)) => (from, to),
            _ => return Err(Error::invalid(format!("{name}: an element type that programs do not know"))),
        };
        let logical = matches!(op, Op::LogicalAnd | Op::LogicalOr | Op::LogicalXor);
        if from != to && !logical {
            let what = format!("{name}: of two {} it gives {}, so that it cannot go on", from.name(), to.name());
            return Err(Error::invalid(what));
        }
        let initial = match self.initial {
            Some(initial) if initial.dtype != to => {
                let what = format!(
                    "{name}: an initial value of type {} for results of type {}",
                    initial.dtype.name(),
                    to.name()
                );
                return Err(Error::invalid(what));
            }
            initial => initial,
        };
        // Flags first, where flags are joined.
        if logical {
            let flags = array.try_astype::<bool>()?;
            let result = Work { op, name, axes: &axes, initial, mask: self.mask }.run(flags)?;
            return Ok((result, axes));
        }
        let result = Work { op, name, axes: &axes, initial, mask: self.mask }.run(array)?;
        Ok((result, axes))
    }
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

/// The operand as an array of this element type.
pub(super) fn elements<A: Element, B: Element, D: Dimension>(arg: &Arg<'_, A, D>) -> Result<DistArray<B, IxDyn>> {
    let array: DistArray<A, IxDyn> = match arg {
        Arg::Dist(array) => array.seen_as()?,
        _ => DistArray::from_held(arg.held(&hub_of(None, None)?)?),
    };
    if A::DTYPE == B::DTYPE {
        return array.seen_as();
    }
    array.try_astype()
}

fn unknown() -> Error {
    Error::invalid("an element type that programs do not know")
}

/// A reduction of values of the type that they are joined in.
struct Work<'a> {
    op: Op,
    name: String,
    axes: &'a [usize],
    initial: Option<Scalar>,
    mask: Option<DistArray<bool, IxDyn>>,
}

impl Work<'_> {
    fn run<V: Element, R: Element>(self, array: DistArray<V, IxDyn>) -> Result<DistArray<R, IxDyn>> {
        let dtype = V::DTYPE.ok_or_else(unknown)?;
        let array = match &self.mask {
            None => array,
            Some(mask) => self.masked(array, mask, dtype)?,
        };
        let shape = array.shape().to_vec();
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
            let constant = vec![Operand::Constant(value)];
            return operate::apply(array.hub(), value.dtype, Op::Cast, Dims::new(&kept), constant);
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
            Some(fold) => reduce::along::<V, IxDyn, R, IxDyn>(&array, fold, self.axes)?,
            None => self.by_segments(&array, &kept)?.seen_as()?,
        };
        // A divisor common to nothing and a number is its magnitude, and so is a length: these begin with their identity, as in NumPy.
        let begins = matches!(self.op, Op::Gcd | Op::Hypot);
        match self.initial.or_else(|| identity(self.op, dtype).filter(|_| begins)) {
            Some(initial) if !first => {
                let operand = joined.operand().ok_or_else(unknown)?;
                let args = vec![Operand::Constant(initial), operand];
                operate::apply(joined.hub(), initial.dtype, self.op, Dims::new(&kept), args)
            }
            _ => Ok(joined),
        }
    }

    /// The elements where the mask is true, and elsewhere a value that changes nothing.
    fn masked<V: Element>(
        &self,
        array: DistArray<V, IxDyn>,
        mask: &DistArray<bool, IxDyn>,
        dtype: DType,
    ) -> Result<DistArray<V, IxDyn>> {
        let idempotent = matches!(
            self.op,
            Op::Maximum | Op::Minimum | Op::Fmax | Op::Fmin | Op::Lcm | Op::Gcd | Op::BitAnd | Op::BitOr
        );
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
        crate::array::broadcast::check_broadcast_to(&self.name, array.shape(), mask.shape())?;
        let hub = hub_of(Some(array.hub()), Some(mask.hub()))?;
        let args = vec![Arg::Dist(mask).operand(&hub)?, Arg::Dist(&array).operand(&hub)?, Operand::Constant(neutral)];
        operate::apply(&hub, dtype, Op::Select, Dims::new(array.shape()), args)
    }

    /// Along one axis, to which the others are joined where the function may be grouped.
    fn by_segments<V: Element>(&self, array: &DistArray<V, IxDyn>, kept: &[usize]) -> Result<DistArray<V, IxDyn>> {
        let rank = array.ndim();
        if self.axes.is_empty() {
            return Ok(array.clone());
        }
        if self.axes.len() > 1 && !groups(self.op) {
            return Err(Error::invalid(format!(
                "{}: taken in order, it takes one axis, not {:?}",
                self.name, self.axes
            )));
        }
        if volume(kept) == 0 {
            // Of no places, whatever is reduced.
            let zero = Scalar { dtype: V::DTYPE.ok_or_else(unknown)?, bytes: [0; 16] };
            let constant = vec![Operand::Constant(zero)];
            return operate::apply(array.hub(), zero.dtype, Op::Cast, Dims::new(kept), constant);
        }
        // The reduced axes last, and made one.
        let order: Vec<usize> =
            (0..rank).filter(|axis| !self.axes.contains(axis)).chain(self.axes.iter().copied()).collect();
        let (array, axis) = if self.axes.len() == 1 {
            (array.clone(), self.axes[0])
        } else {
            let length: usize = self.axes.iter().map(|&axis| array.shape()[axis]).product();
            let mut shape = kept.to_vec();
            shape.push(length);
            (array.clone().permuted_axes(IxDyn(&order)).reshape(IxDyn(&shape)), kept.len())
        };
        let array = match self.initial {
            Some(initial) if in_order(self.op) => preceded(&array, initial, axis)?,
            _ => array,
        };
        let dtype = V::DTYPE.ok_or_else(unknown)?;
        let elements = super::along::Elements::of(array.hub(), &Arg::Dist(&array), dtype)?;
        let results = super::along::whole(array.hub(), (self.op, "reduce"), elements, axis)?;
        Ok(DistArray::from_held(Held::from_leaf(&results)))
    }
}

/// The array with one more element in front of each run along an axis.
fn preceded<V: Element>(array: &DistArray<V, IxDyn>, initial: Scalar, axis: usize) -> Result<DistArray<V, IxDyn>> {
    let mut front = array.shape().to_vec();
    front[axis] = 1;
    let constant = vec![Operand::Constant(initial)];
    let front: DistArray<V, IxDyn> = operate::apply(array.hub(), initial.dtype, Op::Cast, Dims::new(&front), constant)?;
    let (front, behind) = (front.try_held()?, array.try_held()?);
    let all = ndarray::concatenate(Axis(axis), &[front.view.view(), behind.view.view()]);
    let all = all.map_err(|error| Error::invalid(error.to_string()))?;
    Ok(DistArray::from_held(copy_in(array.hub(), &all.view())?))
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
