//! Reductions, under ndarray's names. Of the whole array they run at once, fused with what is pending; along axes they are lazy, and those of one
//! array that are computed together share a pass.
//!
//! Floats of fewer than 64 bits are summed in 64 and rounded once; the order of summation depends on the shape alone. Integers wrap, but
//! not on the way to their mean.

use std::ops::{Add, Div, Mul};

use ndarray::{ArrayRef, Axis, Dimension, Ix0, IxDyn, RemoveAxis};
use num_traits::{Float, FromPrimitive, One, Zero};

use crate::array::dist_array::{DistArray, expect};
use crate::array::evaluate;
use crate::array::evaluate::eager;
use crate::array::example::example;
use crate::array::expression::node::{Expr, Node, Operand};
use crate::array::loops::walk;
use crate::array::operation::argument::{Arg, Untyped};
use crate::array::operation::operate;
use crate::array::shape::dims::{Dims, SMALL, volume};
use crate::array::storage::copy::copy_in;
use crate::array::storage::store::Bare;
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::{DType, Fold, Op, Scalar, small};

/// Up to this many elements that lie in order are folded by the calling thread: posting a job would cost more.
const FOLD_HERE: usize = 128 << 10;

/// All elements folded into one. Fused with what is pending, unless it is small.
///
/// The three ways give the same bits: a fold of all axes goes through the elements in logical order, whatever the shape.
pub(crate) fn whole<A: Element, D: Dimension, R: Element>(array: &DistArray<A, D>, fold: Fold) -> Result<R> {
    if let Some(held) = array.held()
        && held.store.hub().is_here()
        && let Some(value) = in_order(&held.view, fold)
    {
        return value;
    }
    let value = WHOLE(&Arg::Dist(array), fold, R::DTYPE)?;
    R::from_scalar(&value).ok_or_else(|| unknown(fold))
}

/// [`whole`] of elements that lie in order, where there are few.
#[inline]
fn in_order<A: Element, D: Dimension, R: Element>(view: &ArrayRef<A, D>, fold: Fold) -> Option<Result<R>> {
    let elements = view.as_slice().filter(|elements| elements.len() <= FOLD_HERE)?;
    Some(small::fold_slice(fold, elements).map_err(Error::from))
}

/// [`whole`] of a small view; `None` where the general way must be taken.
#[inline]
pub(in crate::array) fn of_view<A: Element, D: Dimension, R: Element>(
    view: &ArrayRef<A, D>,
    hub: Option<&Hub>,
    fold: Fold,
) -> Option<Result<R>> {
    if view.len() > SMALL || hub.is_some_and(|hub| !hub.is_here()) {
        return None;
    }
    in_order(view, fold).or_else(|| {
        let value = walk::folded(Bare::of(view)?, fold, R::DTYPE?);
        Some(value.and_then(|value| R::from_scalar(&value).ok_or_else(|| unknown(fold))))
    })
}

// Pointers, as those of `transport/pool`.
const WHOLE: fn(&dyn Untyped, Fold, Option<DType>) -> Result<Scalar> = whole_general;
const ALONG: fn(&dyn Untyped, Fold, &[usize], Option<DType>) -> Result<Operand> = along_untyped;

/// [`whole`] of what does not lie in order, is large or is pending.
fn whole_general(array: &dyn Untyped, fold: Fold, to: Option<DType>) -> Result<Scalar> {
    let (Some(_), Some(to), Some(hub)) = (array.dtype(), to, array.hub()) else { return Err(unknown(fold)) };
    hub.check_home()?;
    let in_blocks = || matches!(array.operand(hub), Ok(Operand::Node(node)) if node.blocks().is_some());
    if volume(array.shape()) <= SMALL
        && (array.there().is_some() || !in_blocks())
        && let Some(elements) = array.seen()?
    {
        return walk::folded(elements, fold, to);
    }
    Ok(evaluate::fold_all(hub, &array.operand(hub)?, fold)?.scalar())
}

fn unknown(fold: Fold) -> Error {
    Error::invalid(format!("{fold:?}: an element type that programs do not know"))
}

/// The array folded along `axes`: pending, or there at once where it is small and its source is there.
pub(crate) fn along<A: Element, D: Dimension, R: Element, E: Dimension>(
    array: &DistArray<A, D>,
    fold: Fold,
    axes: &[usize],
) -> Result<DistArray<R, E>> {
    DistArray::of_operand(ALONG(&Arg::Dist(array), fold, axes, R::DTYPE))
}

fn along_untyped(array: &dyn Untyped, fold: Fold, axes: &[usize], to: Option<DType>) -> Result<Operand> {
    check_axes(array.shape(), fold, axes)?;
    let (Some(_), Some(to), Some(hub)) = (array.dtype(), to, array.hub()) else { return Err(unknown(fold)) };
    hub.check_home()?;
    if let Some(there) = array.there()
        && let Some(value) = eager::along(hub, there, fold, axes, to)
    {
        return value.map(Operand::Leaf);
    }
    folded(hub, array.operand(hub)?, fold, axes, to)
}

/// [`along`] without the types.
pub(in crate::array) fn along_operand(
    hub: &Hub,
    operand: Operand,
    fold: Fold,
    axes: &[usize],
    to: DType,
) -> Result<Operand> {
    check_axes(operand.shape(), fold, axes)?;
    if let Operand::Leaf(leaf) = &operand
        && let Some(value) = eager::along(hub, leaf.bare(), fold, axes, to)
    {
        return value.map(Operand::Leaf);
    }
    folded(hub, operand, fold, axes, to)
}

fn check_axes(shape: &[usize], fold: Fold, axes: &[usize]) -> Result<()> {
    let rank = shape.len();
    for (nth, &axis) in axes.iter().enumerate() {
        if axis >= rank {
            return Err(Error::Axis { operation: format!("{fold:?}"), axis: axis as isize, ndim: rank });
        }
        if axes[..nth].contains(&axis) {
            return Err(Error::invalid(format!("{fold:?}: axis {axis} is given twice")));
        }
    }
    Ok(())
}

/// The operand folded along `axes`, not by [`eager::along`].
fn folded(hub: &Hub, operand: Operand, fold: Fold, axes: &[usize], to: DType) -> Result<Operand> {
    let shape = operand.shape();
    let kept: Vec<usize> = (0..shape.len()).filter(|axis| !axes.contains(axis)).map(|axis| shape[axis]).collect();
    let mut sorted = Dims::new(axes);
    sorted.as_mut().sort_unstable();
    if volume(shape) <= SMALL && matches!(operand, Operand::Leaf(_)) {
        return Ok(Operand::Leaf(evaluate::fold(hub, &operand, fold, &sorted, &kept)?.swap_remove(0)));
    }
    let expr = Expr::Reduce { source: operand, fold, axes: sorted };
    Ok(Operand::Node(Node::new(hub, to, Dims::new(&kept), expr)?))
}

/// The numbers of axes.
fn numbers(axes: &[Axis]) -> Vec<usize> {
    axes.iter().map(|axis| axis.index()).collect()
}

/// An ndarray, on the hub of `of`.
fn back<A: Element, D: Dimension, E: Dimension>(
    of: &DistArray<A, D>,
    value: &ndarray::Array<A, E>,
) -> Result<DistArray<A, E>> {
    Ok(DistArray::from_held(copy_in(of.hub(), &value.view())?))
}

/// Whether programs compute means of this type.
fn has_mean<A: Element>() -> bool {
    A::DTYPE.is_some_and(|dtype| dtype != DType::Bool)
}

impl<A: Element, D: Dimension> DistArray<A, D> {
    /// Sum of all elements; 0 if there are none.
    #[doc = example!(array: "array![1, 2, 3]", "sum()" => "6")]
    #[track_caller]
    pub fn sum(&self) -> A
    where
        A: Add<Output = A> + Zero,
    {
        expect(self.try_sum())
    }

    /// [`sum`](DistArray::sum), with an error where the expression cannot be computed.
    #[doc = example!(array: "array![1, 2, 3]", "try_sum().unwrap()" => "6")]
    pub fn try_sum(&self) -> Result<A>
    where
        A: Add<Output = A> + Zero,
    {
        match A::DTYPE {
            Some(_) => whole(self, Fold::Sum),
            None => Ok(self.try_held()?.view.sum()),
        }
    }

    /// Product of all elements; 1 if there are none.
    #[doc = example!(array: "array![2, 3, 4]", "product()" => "24")]
    #[track_caller]
    pub fn product(&self) -> A
    where
        A: Mul<Output = A> + One,
    {
        expect(match A::DTYPE {
            Some(_) => whole(self, Fold::Product),
            None => self.try_held().map(|held| held.view.product()),
        })
    }

    /// Arithmetic mean; `None` if there are no elements. The mean of integers is their sum, which does not wrap here, divided as integers are: the
    /// mean of 1 and 2 is 1. For the fraction, call [`astype::<f64>()`](DistArray::astype) first.
    ///
    /// ```
    /// use distob::prelude::*;
    /// assert_eq!(DistArray::from_vec(vec![200u8, 200, 201]).mean(), Some(200));
    /// assert_eq!(DistArray::from_vec(vec![1i64, 2]).astype::<f64>().mean(), Some(1.5));
    /// ```
    #[track_caller]
    pub fn mean(&self) -> Option<A>
    where
        A: FromPrimitive + Add<Output = A> + Div<Output = A> + Zero,
    {
        match self.len() {
            0 => None,
            _ if has_mean::<A>() => Some(expect(whole(self, Fold::Mean))),
            n => Some(self.sum() / of_usize(n)),
        }
    }

    /// Variance: the sum of squared deviations from the mean over `n - ddof`. `ddof` is 0 for a population and 1
    /// for a sample. If it is NaN, the variance is NaN. The variance of equal elements is exactly 0.
    ///
    /// # Panics
    /// Where `ddof` is less than 0 or greater than the number of elements.
    #[doc = example!(array: "array![1.0, 2.0, 3.0]", "var(1.0)" => "1.0")]
    #[track_caller]
    pub fn var(&self, ddof: A) -> A
    where
        A: Float + FromPrimitive,
    {
        let ddof = checked_ddof(ddof, self.len());
        match A::DTYPE {
            Some(_) => expect(whole(self, Fold::Var { ddof })),
            None => expect(self.try_held()).view.var(of_f64(ddof)),
        }
    }

    /// Standard deviation: the square root of the [variance](DistArray::var).
    #[doc = example!(array: "array![1.0, 3.0]", "std(0.0)" => "1.0")]
    #[track_caller]
    pub fn std(&self, ddof: A) -> A
    where
        A: Float + FromPrimitive,
    {
        let ddof = checked_ddof(ddof, self.len());
        match A::DTYPE {
            Some(_) => expect(whole(self, Fold::Std { ddof })),
            None => expect(self.try_held()).view.std(of_f64(ddof)),
        }
    }

    /// Smallest element, bit for bit; NaN where there is one, `None` of no element. -0.0 is smaller than 0.0, as in IEEE 754-2019.
    #[doc = example!(array: "array![3, 1, 2]", "min()" => "Some(1)")]
    #[track_caller]
    pub fn min(&self) -> Option<A>
    where
        A: PartialOrd,
    {
        self.extreme(Fold::Min, |new, old| new < old)
    }

    /// Largest element, bit for bit; NaN where there is one, `None` of no element. 0.0 is larger than -0.0, as in IEEE 754-2019.
    #[doc = example!(array: "array![3, 1, 2]", "max()" => "Some(3)")]
    #[track_caller]
    pub fn max(&self) -> Option<A>
    where
        A: PartialOrd,
    {
        self.extreme(Fold::Max, |new, old| new > old)
    }

    /// Index of the first smallest element (of the first NaN, where there is one); `None` of no element. -0.0 is smaller than 0.0, as in
    /// [`min`](DistArray::min); NumPy takes the two for equal.
    #[doc = example!(array: "array![3, 1, 2]", "argmin()" => "Some(1)")]
    #[track_caller]
    pub fn argmin(&self) -> Option<D::Pattern>
    where
        A: PartialOrd,
    {
        self.arg_extreme(Fold::ArgMin, |new, old| new < old)
    }

    /// Index of the first largest element (of the first NaN, where there is one); `None` of no element. 0.0 is larger than -0.0, as in
    /// [`max`](DistArray::max); NumPy takes the two for equal.
    #[doc = example!(array: "array![3, 1, 2]", "argmax()" => "Some(0)")]
    #[track_caller]
    pub fn argmax(&self) -> Option<D::Pattern>
    where
        A: PartialOrd,
    {
        self.arg_extreme(Fold::ArgMax, |new, old| new > old)
    }

    #[track_caller]
    fn extreme(&self, fold: Fold, better: fn(&A, &A) -> bool) -> Option<A> {
        match A::DTYPE {
            _ if self.is_empty() => None,
            Some(_) => Some(expect(whole(self, fold))),
            None => expect(self.try_held()).view.iter().copied().reduce(|a, b| if better(&b, &a) { b } else { a }),
        }
    }

    #[track_caller]
    fn arg_extreme(&self, fold: Fold, better: fn(&A, &A) -> bool) -> Option<D::Pattern> {
        let mut flat = match A::DTYPE {
            _ if self.is_empty() => return None,
            Some(_) => expect(whole::<A, D, u64>(self, fold)) as usize,
            None => {
                let elements = expect(self.try_held()).view.iter().enumerate();
                elements.reduce(|a, b| if better(b.1, a.1) { b } else { a })?.0
            }
        };
        let mut index = D::zeros(self.ndim());
        for (place, &length) in index.slice_mut().iter_mut().zip(self.shape()).rev() {
            *place = flat % length;
            flat /= length;
        }
        Some(index.into_pattern())
    }

    /// Sum along an axis. Lazy.
    ///
    /// # Panics
    /// Where there is no such axis; so do all reductions along axes.
    #[doc = example!(array: "array![[1, 2, 3], [4, 5, 6]]", "sum_axis(Axis(1))" => "array![6, 15]")]
    #[track_caller]
    pub fn sum_axis(&self, axis: Axis) -> DistArray<A, D::Smaller>
    where
        A: Add<Output = A> + Zero,
        D: RemoveAxis,
    {
        expect(match A::DTYPE {
            Some(_) => along(self, Fold::Sum, &[axis.index()]),
            None => self.try_held().and_then(|held| back(self, &held.view.sum_axis(axis))),
        })
    }

    /// Product along an axis. Lazy.
    #[doc = example!(array: "array![[1, 2, 3], [4, 5, 6]]", "product_axis(Axis(1))" => "array![6, 120]")]
    #[track_caller]
    pub fn product_axis(&self, axis: Axis) -> DistArray<A, D::Smaller>
    where
        A: Mul<Output = A> + One,
        D: RemoveAxis,
    {
        expect(match A::DTYPE {
            Some(_) => along(self, Fold::Product, &[axis.index()]),
            None => self.try_held().and_then(|held| back(self, &held.view.product_axis(axis))),
        })
    }

    /// Mean along an axis, as [`mean`](DistArray::mean); `None` where its length is 0. Lazy. Computed together with a variance or standard
    /// deviation of the same array, it shares their pass.
    #[doc = example!(array: "array![[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]", "mean_axis(Axis(1)).unwrap()" => "array![2.0, 4.0]")]
    #[track_caller]
    pub fn mean_axis(&self, axis: Axis) -> Option<DistArray<A, D::Smaller>>
    where
        A: FromPrimitive + Add<Output = A> + Div<Output = A> + Zero,
        D: RemoveAxis,
    {
        match self.len_of(axis) {
            0 => None,
            _ if has_mean::<A>() => Some(expect(along(self, Fold::Mean, &[axis.index()]))),
            n => Some(divided(&self.sum_axis(axis), of_usize(n))),
        }
    }

    /// Variance along an axis. Lazy. Panics as [`var`](DistArray::var) does.
    #[doc = example!(array: "array![[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]", "var_axis(Axis(1), 1.0)" => "array![1.0, 4.0]")]
    #[track_caller]
    pub fn var_axis(&self, axis: Axis, ddof: A) -> DistArray<A, D::Smaller>
    where
        A: Float + FromPrimitive,
        D: RemoveAxis,
    {
        let ddof = checked_ddof(ddof, self.len_of(axis));
        expect(along(self, Fold::Var { ddof }, &[axis.index()]))
    }

    /// Standard deviation along an axis. Lazy. Panics as [`std`](DistArray::std) does.
    #[doc = example!(array: "array![[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]", "std_axis(Axis(1), 1.0)" => "array![1.0, 2.0]")]
    #[track_caller]
    pub fn std_axis(&self, axis: Axis, ddof: A) -> DistArray<A, D::Smaller>
    where
        A: Float + FromPrimitive,
        D: RemoveAxis,
    {
        let ddof = checked_ddof(ddof, self.len_of(axis));
        expect(along(self, Fold::Std { ddof }, &[axis.index()]))
    }

    /// Smallest elements along an axis; `None` where its length is 0. Lazy.
    #[doc = example!(array: "array![[3, 1, 2], [4, 6, 5]]", "min_axis(Axis(1)).unwrap()" => "array![1, 4]")]
    #[track_caller]
    pub fn min_axis(&self, axis: Axis) -> Option<DistArray<A, D::Smaller>>
    where
        A: PartialOrd,
        D: RemoveAxis,
    {
        (self.len_of(axis) > 0).then(|| expect(along(self, Fold::Min, &[axis.index()])))
    }

    /// Largest elements along an axis; `None` where its length is 0. Lazy.
    #[doc = example!(array: "array![[3, 1, 2], [4, 6, 5]]", "max_axis(Axis(1)).unwrap()" => "array![3, 6]")]
    #[track_caller]
    pub fn max_axis(&self, axis: Axis) -> Option<DistArray<A, D::Smaller>>
    where
        A: PartialOrd,
        D: RemoveAxis,
    {
        (self.len_of(axis) > 0).then(|| expect(along(self, Fold::Max, &[axis.index()])))
    }

    /// Indices, along an axis, of the first smallest elements; `None` where its length is 0. Lazy.
    #[doc = example!(array: "array![[3, 1, 2], [4, 6, 5]]", "argmin_axis(Axis(1)).unwrap()" => "array![1, 0]")]
    #[track_caller]
    pub fn argmin_axis(&self, axis: Axis) -> Option<DistArray<usize, D::Smaller>>
    where
        A: PartialOrd,
        D: RemoveAxis,
    {
        (self.len_of(axis) > 0).then(|| expect(along(self, Fold::ArgMin, &[axis.index()])))
    }

    /// Indices, along an axis, of the first largest elements; `None` where its length is 0. Lazy.
    #[doc = example!(array: "array![[3, 1, 2], [4, 6, 5]]", "argmax_axis(Axis(1)).unwrap()" => "array![0, 1]")]
    #[track_caller]
    pub fn argmax_axis(&self, axis: Axis) -> Option<DistArray<usize, D::Smaller>>
    where
        A: PartialOrd,
        D: RemoveAxis,
    {
        (self.len_of(axis) > 0).then(|| expect(along(self, Fold::ArgMax, &[axis.index()])))
    }

    /// Sum along several axes, which the result does not have. Lazy.
    #[doc = example!(array: "array![[1, 2, 3], [4, 5, 6]]", "sum_axes(&[Axis(0), Axis(1)])" => "arr0(21)")]
    #[track_caller]
    pub fn sum_axes(&self, axes: &[Axis]) -> DistArray<A, IxDyn>
    where
        A: Add<Output = A> + Zero,
    {
        expect(along(self, Fold::Sum, &numbers(axes)))
    }

    /// Product along several axes. Lazy.
    #[doc = example!(array: "array![[1, 2, 3], [4, 5, 6]]", "product_axes(&[Axis(0), Axis(1)])" => "arr0(720)")]
    #[track_caller]
    pub fn product_axes(&self, axes: &[Axis]) -> DistArray<A, IxDyn>
    where
        A: Mul<Output = A> + One,
    {
        expect(along(self, Fold::Product, &numbers(axes)))
    }

    /// Mean along several axes, as [`mean`](DistArray::mean); `None` where they hold no element. Lazy.
    #[doc = example!(array: "array![[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]", "mean_axes(&[Axis(0), Axis(1)]).unwrap()" => "arr0(3.0)")]
    #[track_caller]
    pub fn mean_axes(&self, axes: &[Axis]) -> Option<DistArray<A, IxDyn>>
    where
        A: FromPrimitive + Add<Output = A> + Div<Output = A> + Zero,
    {
        match self.extent(axes) {
            0 => None,
            _ if has_mean::<A>() => Some(expect(along(self, Fold::Mean, &numbers(axes)))),
            n => Some(divided(&self.sum_axes(axes), of_usize(n))),
        }
    }

    /// Variance along several axes. Lazy. Panics as [`var`](DistArray::var) does.
    #[doc = example!(array: "array![[1.0, 3.0], [3.0, 1.0]]", "var_axes(&[Axis(0), Axis(1)], 0.0)" => "arr0(1.0)")]
    #[track_caller]
    pub fn var_axes(&self, axes: &[Axis], ddof: A) -> DistArray<A, IxDyn>
    where
        A: Float + FromPrimitive,
    {
        let ddof = checked_ddof(ddof, self.extent(axes));
        expect(along(self, Fold::Var { ddof }, &numbers(axes)))
    }

    /// Standard deviation along several axes. Lazy. Panics as [`std`](DistArray::std) does.
    #[doc = example!(array: "array![[1.0, 3.0], [3.0, 1.0]]", "std_axes(&[Axis(0), Axis(1)], 0.0)" => "arr0(1.0)")]
    #[track_caller]
    pub fn std_axes(&self, axes: &[Axis], ddof: A) -> DistArray<A, IxDyn>
    where
        A: Float + FromPrimitive,
    {
        let ddof = checked_ddof(ddof, self.extent(axes));
        expect(along(self, Fold::Std { ddof }, &numbers(axes)))
    }

    /// Smallest elements along several axes; `None` where they hold no element. Lazy.
    #[doc = example!(array: "array![[3, 1, 2], [4, 6, 5]]", "min_axes(&[Axis(0), Axis(1)]).unwrap()" => "arr0(1)")]
    #[track_caller]
    pub fn min_axes(&self, axes: &[Axis]) -> Option<DistArray<A, IxDyn>>
    where
        A: PartialOrd,
    {
        (self.extent(axes) > 0).then(|| expect(along(self, Fold::Min, &numbers(axes))))
    }

    /// Largest elements along several axes; `None` where they hold no element. Lazy.
    #[doc = example!(array: "array![[3, 1, 2], [4, 6, 5]]", "max_axes(&[Axis(0), Axis(1)]).unwrap()" => "arr0(6)")]
    #[track_caller]
    pub fn max_axes(&self, axes: &[Axis]) -> Option<DistArray<A, IxDyn>>
    where
        A: PartialOrd,
    {
        (self.extent(axes) > 0).then(|| expect(along(self, Fold::Max, &numbers(axes))))
    }

    /// Number of elements that are folded into one along `axes`.
    #[track_caller]
    fn extent(&self, axes: &[Axis]) -> usize {
        axes.iter().map(|&axis| self.len_of(axis)).product()
    }
}

impl<D: Dimension> DistArray<bool, D> {
    /// Whether any element is true.
    #[doc = example!(array: "array![false, true]", "any()" => "true")]
    #[track_caller]
    pub fn any(&self) -> bool {
        expect(whole(self, Fold::Any))
    }

    /// Whether all elements are true, which holds if there are none.
    #[doc = example!(array: "array![false, true]", "all()" => "false")]
    #[track_caller]
    pub fn all(&self) -> bool {
        expect(whole(self, Fold::All))
    }

    /// Whether any element along an axis is true. Lazy.
    #[doc = example!(array: "array![[true, false], [false, false]]", "any_axis(Axis(1))" => "array![true, false]")]
    #[track_caller]
    pub fn any_axis(&self, axis: Axis) -> DistArray<bool, D::Smaller>
    where
        D: RemoveAxis,
    {
        expect(along(self, Fold::Any, &[axis.index()]))
    }

    /// Whether all elements along an axis are true. Lazy.
    #[doc = example!(array: "array![[true, true], [true, false]]", "all_axis(Axis(1))" => "array![true, false]")]
    #[track_caller]
    pub fn all_axis(&self, axis: Axis) -> DistArray<bool, D::Smaller>
    where
        D: RemoveAxis,
    {
        expect(along(self, Fold::All, &[axis.index()]))
    }

    /// Whether any element along several axes, which the result does not have, is true. Lazy.
    #[doc = example!(array: "array![[true, true], [true, false]]", "any_axes(&[Axis(0), Axis(1)])" => "arr0(true)")]
    #[track_caller]
    pub fn any_axes(&self, axes: &[Axis]) -> DistArray<bool, IxDyn> {
        expect(along(self, Fold::Any, &numbers(axes)))
    }

    /// Whether all elements along several axes are true. Lazy.
    #[doc = example!(array: "array![[true, true], [true, false]]", "all_axes(&[Axis(0), Axis(1)])" => "arr0(false)")]
    #[track_caller]
    pub fn all_axes(&self, axes: &[Axis]) -> DistArray<bool, IxDyn> {
        expect(along(self, Fold::All, &numbers(axes)))
    }

    /// Number of elements along an axis that are true. Lazy.
    #[doc = example!(array: "array![[true, true], [true, false]]", "count_axis(Axis(1))" => "array![2, 1]")]
    #[track_caller]
    pub fn count_axis(&self, axis: Axis) -> DistArray<usize, D::Smaller>
    where
        D: RemoveAxis,
    {
        expect(along(self, Fold::Sum, &[axis.index()]))
    }

    /// Number of elements along several axes that are true. Lazy.
    #[doc = example!(array: "array![[true, true], [true, false]]", "count_axes(&[Axis(0), Axis(1)])" => "arr0(3)")]
    #[track_caller]
    pub fn count_axes(&self, axes: &[Axis]) -> DistArray<usize, IxDyn> {
        expect(along(self, Fold::Sum, &numbers(axes)))
    }
}

/// Each element divided by one number.
#[track_caller]
fn divided<A: Element + Div<Output = A>, D: Dimension>(array: &DistArray<A, D>, by: A) -> DistArray<A, D> {
    expect(operate::binary((Op::Div, "mean"), &Arg::Dist(array), &Arg::<A, Ix0>::Number(by), A::div))
}

#[track_caller]
fn of_usize<A: FromPrimitive>(n: usize) -> A {
    A::from_usize(n).expect("Converting number of elements to `A` must not fail.")
}

fn of_f64<A: Float>(value: f64) -> A {
    A::from(value).unwrap_or_else(A::nan)
}

#[track_caller]
fn checked_ddof<A: Float>(ddof: A, n: usize) -> f64 {
    let ddof = ddof.to_f64().unwrap_or(f64::NAN);
    assert!(
        ddof.is_nan() || (0.0..=n as f64).contains(&ddof),
        "`ddof` must not be less than zero or greater than the length of the axis; it is {ddof} for a length of {n}",
    );
    ddof
}
