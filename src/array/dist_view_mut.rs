//! A part of an array, borrowed mutably: ndarray's mutable view, with the array's operations.

use std::ops::{Add, Deref, DerefMut, Mul};

use ndarray::{
    ArrayRef, ArrayView, ArrayViewMut, Axis, AxisDescription, Dimension, IntoDimension, Ix0, Ix1, Ix2, Ix3, Ix4, Ix5,
    Ix6, IxDyn, MultiSliceArg, RemoveAxis, ShapeArg, ShapeError, Slice, SliceArg,
};

use super::argument::{Arg, Argument, StoreRef, Untyped, hub_of};
use super::bounds::{check_axis, check_index, check_new_axis, check_permutation, check_slice, check_slices};
use super::broadcast::check_broadcast_to;
use super::dist_array::{DistArray, expect};
use super::dist_view::{DistView, owned_apart, writable_in_place};
use super::eager::{self, SMALL};
use super::lazy::{Expr, Node, Operand};
use super::shared::Shared;
use super::view::{Held, Leaf, Store};
use super::{evaluate, operate, walk};
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::{Fault, Op, small};

/// A mutable view of a [`DistArray`], as [`slice_mut`](DistArray::slice_mut), [`row_mut`](DistArray::row_mut) and others give it.
///
/// It dereferences to [`ndarray::ArrayRef`], so all of ndarray's methods that read or write work on it. [`assign`](DistViewMut::assign),
/// [`fill`](DistViewMut::fill), [`mapv_inplace`](DistViewMut::mapv_inplace) and the assigning operators run in parallel and write to the array's memory.
/// After an error in the middle of an assigning operator (an engine or a function of the program's own fails) the elements are unspecified.
/// An expression made from a mutable view uses a copy of its elements, because the view may change before the expression is computed.
///
/// ```
/// use distob::prelude::*;
/// let u = DistArray::from(array![0.0, 1.0, 4.0, 9.0, 16.0]);
/// let mut second = DistArray::zeros(5);
/// second.slice_mut(s![1..-1]).assign(&u.slice(s![2..]) + &u.slice(s![..-2]) - &u.slice(s![1..-1]) * 2.0);
/// second.slice_mut(s![..2]).fill(-1.0);
/// assert_eq!(second, array![-1.0, -1.0, 2.0, 2.0, 0.0]);
/// ```
pub struct DistViewMut<'a, A, D> {
    view: ArrayViewMut<'a, A, D>,
    /// The memory that the elements are in; `None` for those of ndarray's own arrays.
    store: Option<&'a Shared<Store>>,
}

/// A [`DistViewMut`] of no dimension: one element.
pub type DistViewMut0<'a, A> = DistViewMut<'a, A, Ix0>;
/// A one-dimensional [`DistViewMut`].
pub type DistViewMut1<'a, A> = DistViewMut<'a, A, Ix1>;
/// A two-dimensional [`DistViewMut`].
pub type DistViewMut2<'a, A> = DistViewMut<'a, A, Ix2>;
/// A three-dimensional [`DistViewMut`].
pub type DistViewMut3<'a, A> = DistViewMut<'a, A, Ix3>;
/// A four-dimensional [`DistViewMut`].
pub type DistViewMut4<'a, A> = DistViewMut<'a, A, Ix4>;
/// A five-dimensional [`DistViewMut`].
pub type DistViewMut5<'a, A> = DistViewMut<'a, A, Ix5>;
/// A six-dimensional [`DistViewMut`].
pub type DistViewMut6<'a, A> = DistViewMut<'a, A, Ix6>;
/// A [`DistViewMut`] whose number of dimensions is known at run time only.
pub type DistViewMutD<'a, A> = DistViewMut<'a, A, IxDyn>;

impl<A, D: Dimension> Deref for DistViewMut<'_, A, D> {
    type Target = ArrayRef<A, D>;

    #[inline]
    fn deref(&self) -> &ArrayRef<A, D> {
        &self.view
    }
}

impl<A, D: Dimension> DerefMut for DistViewMut<'_, A, D> {
    #[inline]
    fn deref_mut(&mut self) -> &mut ArrayRef<A, D> {
        &mut self.view
    }
}

impl<'a, A, D: Dimension> DistViewMut<'a, A, D> {
    /// A view of elements in the memory of `store`, which nobody else holds.
    #[inline]
    pub(super) fn of(view: ArrayViewMut<'a, A, D>, store: &'a Shared<Store>) -> Self {
        DistViewMut { view, store: Some(store) }
    }

    #[inline]
    fn with<E: Dimension>(
        self,
        change: impl FnOnce(ArrayViewMut<'a, A, D>) -> ArrayViewMut<'a, A, E>,
    ) -> DistViewMut<'a, A, E> {
        DistViewMut { view: change(self.view), store: self.store }
    }

    /// ndarray's own read-only view of the same elements.
    #[inline]
    pub fn as_ndarray(&self) -> ArrayView<'_, A, D> {
        self.view.view()
    }

    /// ndarray's own mutable view of the same elements.
    #[inline]
    pub fn as_ndarray_mut(&mut self) -> ArrayViewMut<'_, A, D> {
        self.view.view_mut()
    }

    /// The hub of the array that this is a view of; `None` for a view of ndarray's memory.
    pub fn hub(&self) -> Option<&'a Hub> {
        self.store.map(|store| store.hub())
    }

    /// A read-only view of the same elements.
    #[inline]
    fn whole(&self) -> DistView<'_, A, D> {
        DistView::of_borrowed(self.view.view(), self.store)
    }

    /// The same mutable view, for a shorter time.
    #[inline]
    pub fn view_mut(&mut self) -> DistViewMut<'_, A, D> {
        DistViewMut { view: self.view.view_mut(), store: self.store }
    }

    /// The same view with a shorter lifetime.
    #[inline]
    pub fn reborrow<'b>(self) -> DistViewMut<'b, A, D>
    where
        'a: 'b,
    {
        DistViewMut { view: self.view.reborrow(), store: self.store }
    }

    /// The elements in row-major order, where they lie so.
    pub fn into_slice(self) -> Option<&'a mut [A]> {
        self.view.into_slice()
    }

    /// The elements in the order in which they lie in memory, where they lie side by side.
    pub fn into_slice_memory_order(self) -> Option<&'a mut [A]> {
        self.view.into_slice_memory_order()
    }

    /// A part of the view.
    ///
    /// # Panics
    /// Where an index or an end of a slice is out of bounds, a step is 0, or `info` is for another number of axes.
    #[inline]
    #[track_caller]
    pub fn slice_mut<I: SliceArg<D>>(&mut self, info: I) -> DistViewMut<'_, A, I::OutDim> {
        self.view_mut().slice_move(info)
    }

    /// A part of the view, by value. Panics as [`slice_mut`](DistViewMut::slice_mut) does.
    #[inline]
    #[track_caller]
    pub fn slice_move<I: SliceArg<D>>(self, info: I) -> DistViewMut<'a, A, I::OutDim> {
        expect(check_slices("slice_mut", self.view.shape(), info.as_ref()));
        self.with(|view| view.slice_move(info))
    }

    /// A part of the view, read-only. Panics as [`slice_mut`](DistViewMut::slice_mut) does.
    #[inline]
    #[track_caller]
    pub fn slice<I: SliceArg<D>>(&self, info: I) -> DistView<'_, A, I::OutDim> {
        self.whole().slice_move(info)
    }

    /// The view with one axis sliced. Panics where there is no such axis, the slice is out of bounds, or its step is 0.
    #[track_caller]
    pub fn slice_axis_mut(&mut self, axis: Axis, indices: Slice) -> DistViewMut<'_, A, D> {
        expect(check_slice("slice_axis_mut", self.view.shape(), axis, indices));
        DistViewMut { view: self.view.slice_axis_mut(axis, indices), store: self.store }
    }

    /// The part at `index` along `axis`, without that axis. Panics where there is no such axis or index.
    #[inline]
    #[track_caller]
    pub fn index_axis_mut(&mut self, axis: Axis, index: usize) -> DistViewMut<'_, A, D::Smaller>
    where
        D: RemoveAxis,
    {
        self.view_mut().index_axis_move(axis, index)
    }

    /// The part at `index` along `axis`, read-only. Panics where there is no such axis or index.
    #[inline]
    #[track_caller]
    pub fn index_axis(&self, axis: Axis, index: usize) -> DistView<'_, A, D::Smaller>
    where
        D: RemoveAxis,
    {
        self.whole().index_axis_move(axis, index)
    }

    /// The view with one axis sliced, read-only. Panics as [`slice_axis_mut`](DistViewMut::slice_axis_mut) does.
    #[track_caller]
    pub fn slice_axis(&self, axis: Axis, indices: Slice) -> DistView<'_, A, D> {
        self.whole().slice_axis(axis, indices)
    }

    /// The view with every axis sliced as `f` says of it, read-only. Panics as [`slice_axis_mut`](DistViewMut::slice_axis_mut) does.
    #[track_caller]
    pub fn slice_each_axis(&self, f: impl FnMut(AxisDescription) -> Slice) -> DistView<'_, A, D> {
        self.whole().slice_each_axis(f)
    }

    /// [`slice_each_axis`](DistViewMut::slice_each_axis), mutable.
    #[track_caller]
    pub fn slice_each_axis_mut(&mut self, f: impl FnMut(AxisDescription) -> Slice) -> DistViewMut<'_, A, D> {
        let mut view = self.view_mut();
        view.slice_each_axis_inplace(f);
        view
    }

    /// The diagonal, read-only.
    pub fn diag(&self) -> DistView<'_, A, Ix1> {
        self.whole().into_diag()
    }

    /// [`index_axis_mut`](DistViewMut::index_axis_mut) by value.
    #[inline]
    #[track_caller]
    pub fn index_axis_move(self, axis: Axis, index: usize) -> DistViewMut<'a, A, D::Smaller>
    where
        D: RemoveAxis,
    {
        expect(check_index("index_axis_mut", self.view.shape(), axis, index));
        self.with(|view| view.index_axis_move(axis, index))
    }

    /// The transpose, read-only.
    #[inline]
    pub fn t(&self) -> DistView<'_, A, D> {
        self.whole().reversed_axes()
    }

    /// The view with its axes reversed.
    #[inline]
    pub fn reversed_axes(self) -> DistViewMut<'a, A, D> {
        self.with(|view| view.reversed_axes())
    }

    /// The view with its axes in another order. Panics where `axes` is no permutation.
    #[track_caller]
    pub fn permuted_axes<T: IntoDimension<Dim = D>>(self, axes: T) -> DistViewMut<'a, A, D> {
        let axes = axes.into_dimension();
        expect(check_permutation("permuted_axes", axes.slice(), self.view.ndim()));
        self.with(|view| view.permuted_axes(axes))
    }

    /// The diagonal.
    pub fn diag_mut(&mut self) -> DistViewMut<'_, A, Ix1> {
        self.view_mut().into_diag()
    }

    /// [`diag_mut`](DistViewMut::diag_mut) by value.
    pub fn into_diag(self) -> DistViewMut<'a, A, Ix1> {
        self.with(|view| view.into_diag())
    }

    /// The parts before and from `index` on along `axis`. Panics where there is no such axis, or `index` is greater than its length.
    #[track_caller]
    pub fn split_at(self, axis: Axis, index: usize) -> (DistViewMut<'a, A, D>, DistViewMut<'a, A, D>) {
        let all = Slice { start: 0, end: Some(isize::try_from(index).unwrap_or(isize::MAX)), step: 1 };
        expect(check_slice("split_at", self.view.shape(), axis, all));
        let (before, after) = self.view.split_at(axis, index);
        (DistViewMut { view: before, store: self.store }, DistViewMut { view: after, store: self.store })
    }

    /// The view with a new axis of length 1 at `axis`. Panics where `axis` is greater than the number of axes.
    #[track_caller]
    pub fn insert_axis(self, axis: Axis) -> DistViewMut<'a, A, D::Larger> {
        expect(check_new_axis("insert_axis", axis, self.view.ndim()));
        self.with(|view| view.insert_axis(axis))
    }

    /// The part at index 0 of `axis`, without that axis. Panics where there is no such axis, or its length is 0.
    #[track_caller]
    pub fn remove_axis(self, axis: Axis) -> DistViewMut<'a, A, D::Smaller>
    where
        D: RemoveAxis,
    {
        expect(check_index("remove_axis", self.view.shape(), axis, 0));
        self.with(|view| view.remove_axis(axis))
    }

    /// The view with a number of dimensions that is known at run time.
    pub fn into_dyn(self) -> DistViewMut<'a, A, IxDyn> {
        self.with(|view| view.into_dyn())
    }

    /// The view with another dimension type of the same number of axes.
    ///
    /// # Errors
    /// A [`ShapeError`] where those differ.
    pub fn into_dimensionality<E: Dimension>(self) -> Result<DistViewMut<'a, A, E>, ShapeError> {
        Ok(DistViewMut { view: self.view.into_dimensionality()?, store: self.store })
    }

    /// The view in another shape, in row-major (or, `((…), Order::ColumnMajor)`, column-major) logical order.
    ///
    /// # Errors
    /// A [`ShapeError`] where the numbers of elements differ, or where the elements are not contiguous in that order.
    pub fn into_shape_with_order<E: ShapeArg>(self, shape: E) -> Result<DistViewMut<'a, A, E::Dim>, ShapeError> {
        Ok(DistViewMut { view: self.view.into_shape_with_order(shape)?, store: self.store })
    }

    /// Swaps two axes in place. Panics where there is no such axis.
    #[track_caller]
    pub fn swap_axes(&mut self, a: usize, b: usize) {
        expect(check_axis("swap_axes", Axis(a), self.view.ndim()));
        expect(check_axis("swap_axes", Axis(b), self.view.ndim()));
        self.view.swap_axes(a, b);
    }

    /// Reverses the direction of an axis in place. Panics where there is no such axis.
    #[track_caller]
    pub fn invert_axis(&mut self, axis: Axis) {
        expect(check_axis("invert_axis", axis, self.view.ndim()));
        self.view.invert_axis(axis);
    }
}

impl<A, D: Dimension> DistViewMut<'_, A, D> {
    /// Slices one axis in place. Panics where there is no such axis, the slice is out of bounds, or its step is 0.
    #[track_caller]
    pub fn slice_axis_inplace(&mut self, axis: Axis, indices: Slice) {
        expect(check_slice("slice_axis", self.view.shape(), axis, indices));
        self.view.slice_axis_inplace(axis, indices);
    }

    /// Slices every axis in place, as `f` says of each. Panics where a slice is out of bounds, or its step is 0.
    #[track_caller]
    pub fn slice_each_axis_inplace(&mut self, f: impl FnMut(AxisDescription) -> Slice) {
        let slices: Vec<Slice> = self.view.axes().map(f).collect();
        for (axis, slice) in slices.into_iter().enumerate() {
            self.slice_axis_inplace(Axis(axis), slice);
        }
    }
}

impl<A, D: Dimension> DistViewMut<'_, A, D> {
    /// Mutable views of parts that do not overlap; see [`DistArray::multi_slice_mut`].
    #[track_caller]
    pub fn multi_slice_mut<'b, M>(&'b mut self, info: M) -> <M::Output as Parts<'b>>::Views
    where
        M: MultiSliceArg<'b, A, D, Output: Parts<'b>>,
    {
        self.view.multi_slice_mut(info).of(self.store.map(|store| StoreRef { store, keep: false }))
    }
}

/// ndarray's mutable views of parts of one array, which become [`DistViewMut`]s.
#[doc(hidden)]
pub trait Parts<'a> {
    type Views;

    fn of(self, memory: Option<StoreRef<'a>>) -> Self::Views;
}

impl<'a> Parts<'a> for () {
    type Views = ();

    fn of(self, _: Option<StoreRef<'a>>) {}
}

macro_rules! parts {
    ($($($D:ident)*;)*) => {$(
        impl<'a, A, $($D: Dimension),*> Parts<'a> for ($(ArrayViewMut<'a, A, $D>,)*) {
            type Views = ($(DistViewMut<'a, A, $D>,)*);

            #[allow(non_snake_case, reason = "a variable for each type")]
            fn of(self, memory: Option<StoreRef<'a>>) -> Self::Views {
                let ($($D,)*) = self;
                let store = memory.map(|memory| memory.store);
                ($(DistViewMut { view: $D, store },)*)
            }
        }
    )*};
}
parts! { C; C D; C D E; C D E F; C D E F G; C D E F G H; }

impl<'a, A> DistViewMut<'a, A, Ix0> {
    /// The element.
    pub fn into_scalar(self) -> &'a mut A {
        self.view.into_scalar()
    }
}

impl<A> DistViewMut<'_, A, Ix2> {
    /// Row `index`, read-only. Panics where there is none.
    #[inline]
    #[track_caller]
    pub fn row(&self, index: usize) -> DistView<'_, A, Ix1> {
        self.index_axis(Axis(0), index)
    }

    /// Column `index`, read-only. Panics where there is none.
    #[inline]
    #[track_caller]
    pub fn column(&self, index: usize) -> DistView<'_, A, Ix1> {
        self.index_axis(Axis(1), index)
    }

    /// Row `index`. Panics where there is none.
    #[inline]
    #[track_caller]
    pub fn row_mut(&mut self, index: usize) -> DistViewMut<'_, A, Ix1> {
        self.index_axis_mut(Axis(0), index)
    }

    /// Column `index`. Panics where there is none.
    #[inline]
    #[track_caller]
    pub fn column_mut(&mut self, index: usize) -> DistViewMut<'_, A, Ix1> {
        self.index_axis_mut(Axis(1), index)
    }
}

impl<'a, A, D: Dimension> From<DistViewMut<'a, A, D>> for ArrayViewMut<'a, A, D> {
    #[inline]
    fn from(view: DistViewMut<'a, A, D>) -> Self {
        view.view
    }
}

impl<'a, A, D: Dimension> From<ArrayViewMut<'a, A, D>> for DistViewMut<'a, A, D> {
    /// A view of ndarray's memory.
    #[inline]
    fn from(view: ArrayViewMut<'a, A, D>) -> Self {
        DistViewMut { view, store: None }
    }
}

impl<A: Element, D: Dimension> DistViewMut<'_, A, D> {
    /// As an operand: what is made of it keeps a copy.
    #[inline]
    pub(super) fn as_arg(&self) -> Arg<'_, A, D> {
        match self.store {
            Some(store) => Arg::Part(self.view.view(), StoreRef { store, keep: false }),
            None => Arg::Foreign(self.view.view()),
        }
    }

    /// The hub that computes what is written: that of the array, of an operand, or the current one.
    fn hub_with(&self, other: Option<&Hub>) -> Result<Hub> {
        hub_of(self.hub(), other)
    }

    /// Sets each element to the one of `value`, which is broadcast to this shape. An expression is computed straight into the array's
    /// memory.
    ///
    /// # Panics
    /// Where `value` does not broadcast to this shape; where it cannot be computed.
    #[track_caller]
    pub fn assign<R: Argument<A, D>>(&mut self, value: R) {
        expect(self.try_assign(value));
    }

    /// [`assign`](DistViewMut::assign), with an error where that panics. The elements are unchanged after these errors, and unspecified after
    /// one of engines or of the program's own functions ([`Error::EngineLost`], [`Error::Panicked`]).
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::ForeignHub`], [`Error::Arithmetic`], [`Error::OutOfMemory`].
    pub fn try_assign<R: Argument<A, D>>(&mut self, value: R) -> Result<()> {
        let value = value.arg();
        check_broadcast_to("assign", self.view.shape(), value.shape())?;
        if let Arg::Number(number) = value {
            return self.fill_with(number);
        }
        if let (Some(hub), Some(other)) = (self.hub(), value.hub()) {
            hub_of(Some(hub), Some(other))?;
        }
        if value.shape() == self.view.shape()
            && let Some(from) = value.ready()
            && from.len() <= SMALL
            && let Some(to) = self.view.as_slice_mut()
        {
            to.copy_from_slice(from);
            return Ok(());
        }
        let hub = self.hub_with(value.hub())?;
        if let (Some(operand), Some(target)) = (pending(&value), self.target())
            && !evaluate::may_fail(&operand)
        {
            evaluate::settle(&operand, self.view.shape())?;
            return evaluate::map_into(&hub, &operand, &target);
        }
        self.copy_from(&hub, &value)
    }

    /// Copies the elements of `value`, computed first where they are pending.
    fn copy_from<E: Dimension>(&mut self, hub: &Hub, value: &Arg<'_, A, E>) -> Result<()> {
        let from = match value {
            Arg::Part(view, _) | Arg::Foreign(view) => view.view(),
            Arg::Dist(array) => array.try_held()?.view.view(),
            Arg::Number(number) => return self.fill_with(*number),
        };
        let from = from.broadcast(self.view.raw_dim()).ok_or_else(unfit)?;
        if self.view.len() <= walk::GRAIN {
            self.view.assign(&from);
            return Ok(());
        }
        hub.count_copied((self.view.len() * size_of::<A>()) as u64);
        walk::update_with(hub, "assign", &mut self.view, &from, |to, from| *to = from)
    }

    /// The memory as what a program writes, where it may be that.
    fn target(&self) -> Option<Leaf> {
        let store = self.store.filter(|store| writable_in_place(&self.view, store))?;
        Held::part(&self.view, store).target()
    }

    fn fill_with(&mut self, value: A) -> Result<()> {
        if self.view.len() <= walk::GRAIN {
            self.view.fill(value);
            return Ok(());
        }
        walk::update(&self.hub_with(None)?, "fill", &mut self.view, |x| *x = value)
    }

    /// Sets each element to `value`.
    #[track_caller]
    pub fn fill(&mut self, value: A) {
        expect(self.fill_with(value));
    }

    /// Adds `alpha` times each element of `rhs`, which is broadcast to this shape.
    ///
    /// # Panics
    /// Where `rhs` does not broadcast to this shape, or cannot be computed.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1.0, 2.0], [3.0, 4.0]]);
    /// let first = a.row(0).to_owned();
    /// a.row_mut(1).scaled_add(-3.0, &first);
    /// assert_eq!(a, array![[1.0, 2.0], [0.0, -2.0]]);
    /// ```
    #[track_caller]
    pub fn scaled_add<R: Argument<A, D>>(&mut self, alpha: A, rhs: R)
    where
        A: Add<Output = A> + Mul<Output = A>,
    {
        let rhs = rhs.arg();
        expect(check_broadcast_to("scaled_add", self.view.shape(), rhs.shape()));
        if A::DTYPE.is_some_and(|dtype| dtype.is_integer()) {
            // They wrap.
            let alpha = Arg::<A, Ix0>::Number(alpha);
            let scaled: DistArray<A, R::Dim> = expect(operate::binary((Op::Mul, "scaled_add"), &rhs, &alpha, A::mul));
            let scaled = Arg::Dist(&scaled);
            if !expect(self.update(Op::Add, &scaled)) {
                let name = (Op::Add, "scaled_add");
                let sum: DistArray<A, D> = expect(operate::binary(name, &self.arg_for_call(), &scaled, A::add));
                expect(self.take(&sum));
            }
            return;
        }
        let hub = expect(self.hub_with(rhs.hub()));
        let computed;
        let from = match &rhs {
            Arg::Part(view, _) | Arg::Foreign(view) => view.view().into_dyn(),
            Arg::Dist(array) => expect(array.try_held()).view.view().into_dyn(),
            Arg::Number(number) => {
                computed = *number;
                ndarray::aview0(&computed).into_dyn()
            }
        };
        let from = expect(from.broadcast(self.view.raw_dim()).ok_or_else(unfit));
        expect(walk::update_with(&hub, "scaled_add", &mut self.view, &from, |to, from| *to = *to + alpha * from));
    }

    /// Replaces each element by `f` of it, in parallel; after a panic in `f` some are replaced and some are not.
    #[track_caller]
    pub fn mapv_inplace(&mut self, f: impl Fn(A) -> A + Sync) {
        self.map_inplace(|x| *x = f(*x));
    }

    /// Calls `f` with each element, in parallel; see [`mapv_inplace`](DistViewMut::mapv_inplace).
    #[track_caller]
    pub fn map_inplace(&mut self, f: impl Fn(&mut A) + Sync) {
        let hub = expect(self.hub_with(None));
        expect(walk::update(&hub, "map_inplace", &mut self.view, f));
    }

    /// An array with a copy of the elements.
    pub(super) fn kept(&self) -> Result<DistArray<A, D>> {
        self.whole().kept()
    }

    /// An array on the same memory, for an operation that keeps nothing of it.
    pub(super) fn for_call(&self) -> Result<DistArray<A, D>> {
        self.whole().for_call()
    }

    /// As the left operand of an operation that keeps nothing of it.
    pub(super) fn arg_for_call(&self) -> Arg<'_, A, D> {
        match self.store {
            Some(store) => Arg::Part(self.view.view(), StoreRef { store, keep: writable_in_place(&self.view, store) }),
            None => Arg::Foreign(self.view.view()),
        }
    }

    /// `self op= right` in the array's memory, where that can be; `false`, and nothing done, where another way must be taken.
    pub(super) fn update<E: Dimension>(&mut self, op: Op, right: &Arg<'_, A, E>) -> Result<bool> {
        let hub = self.hub();
        if eager::update_view(op, &mut self.view, hub, right) {
            return Ok(true);
        }
        if self.view.len() <= SMALL {
            return Ok(false);
        }
        let Some(target) = self.target() else { return Ok(false) };
        let hub = self.hub_with(right.hub())?;
        UPDATE(op, &hub, &target, right)
    }

    /// Takes the values of an operation whose left operand this was.
    pub(super) fn take<E: Dimension>(&mut self, value: &DistArray<A, E>) -> Result<()> {
        let hub = self.hub_with(Some(value.hub()))?;
        self.copy_from(&hub, &Arg::Dist(value))
    }
}

impl<A: Clone, D: Dimension> DistViewMut<'_, A, D> {
    /// An array with a copy of the elements, in the same memory order. Panics where there is no memory.
    #[track_caller]
    pub fn to_owned(&self) -> DistArray<A, D> {
        owned_apart(&self.view, self.store)
    }
}

// A pointer, as those of `transport/pool`.
const UPDATE: fn(Op, &Hub, &Leaf, &dyn Untyped) -> Result<bool> = update;

/// `target op= right`, where units of the pass may write what they have read: threads run each once, an engine process that takes over from a dead
/// one would read what that has written.
fn update(op: Op, hub: &Hub, target: &Leaf, right: &dyn Untyped) -> Result<bool> {
    let dtype = target.dtype;
    if hub.shares_with_processes() || !small::updates(op, dtype) || Fault::of(op, dtype).is_some() {
        return Ok(false);
    }
    // One operation alone: the pass of a longer expression may read the elements more than once.
    let right = match right.operand(hub)? {
        Operand::Node(node) => Operand::Leaf(node.evaluate()?.clone()),
        operand => operand,
    };
    let args = vec![Operand::Leaf(target.clone()), right];
    let value = Operand::Node(Node::new(hub, dtype, target.shape.clone(), Expr::Apply { op, args })?);
    evaluate::map_into(hub, &value, target)?;
    Ok(true)
}

/// The operand that `value` is, where it has to be computed.
fn pending<A: Element, D: Dimension>(value: &Arg<'_, A, D>) -> Option<Operand> {
    match value {
        Arg::Dist(array) if array.is_pending() => array.operand(),
        _ => None,
    }
}

#[cold]
fn unfit() -> Error {
    Error::invalid("the operand does not broadcast to the view's shape")
}
