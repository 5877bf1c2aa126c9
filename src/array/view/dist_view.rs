//! A part of an array, borrowed: ndarray's view, with the operations of the array.

use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};

use ndarray::{
    ArrayRef, ArrayView, Axis, AxisDescription, Dimension, Ix0, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn, RemoveAxis, Slice,
    SliceArg,
};

use crate::array::dist_array::{DistArray, expect};
use crate::array::storage::copy::{copy_in, copy_of_numbers};
use crate::array::storage::leaf::lies_on_words;
use crate::array::storage::shared::Shared;
use crate::array::storage::store::{Held, Store};
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::Result;

/// A read-only view of a [`DistArray`], as [`slice`](DistArray::slice), [`row`](DistArray::row), [`t`](DistArray::t) and others give it.
///
/// It dereferences to [`ndarray::ArrayView`], so all of ndarray's methods that read work on it. Methods of the same name that are defined here, and the
/// operators, are those of [`DistArray`]: they run in parallel, are lazy where those are, and give `DistArray`s. Copying a view copies no element.
///
/// A pending expression of a view keeps the array's memory alive. If you write to the array while it is pending, the array is copied first.
///
/// ```
/// use distob::prelude::*;
/// let u = DistArray::linspace(0.0, 4.0, 5).mapv(|x: f64| x * x);
/// let differences = &u.slice(s![1..]) - &u.slice(s![..-1]);
/// assert_eq!(differences, array![1.0, 3.0, 5.0, 7.0]);
/// assert_eq!(u.slice(s![..;2]).sum(), 20.0);
/// ```
pub struct DistView<'a, A, D> {
    pub(in crate::array) view: ArrayView<'a, A, D>,
    /// The memory that the elements are in; `None` for those of ndarray's own arrays. It may not be kept where the elements are borrowed mutably: they
    /// may be written as soon as this view ends.
    pub(in crate::array) memory: Option<StoreRef<'a>>,
}

/// A [`DistView`] of no dimension: one element.
pub type DistView0<'a, A> = DistView<'a, A, Ix0>;
/// A one-dimensional [`DistView`].
pub type DistView1<'a, A> = DistView<'a, A, Ix1>;
/// A two-dimensional [`DistView`].
pub type DistView2<'a, A> = DistView<'a, A, Ix2>;
/// A three-dimensional [`DistView`].
pub type DistView3<'a, A> = DistView<'a, A, Ix3>;
/// A four-dimensional [`DistView`].
pub type DistView4<'a, A> = DistView<'a, A, Ix4>;
/// A five-dimensional [`DistView`].
pub type DistView5<'a, A> = DistView<'a, A, Ix5>;
/// A six-dimensional [`DistView`].
pub type DistView6<'a, A> = DistView<'a, A, Ix6>;
/// A [`DistView`] whose number of dimensions is known at run time only.
pub type DistViewD<'a, A> = DistView<'a, A, IxDyn>;

/// The memory that a view is in.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct StoreRef<'a> {
    pub(in crate::array) store: &'a Shared<Store>,
    /// Whether what is made of the view may hold the store after the operation. Otherwise the elements are copied.
    pub(in crate::array) keep: bool,
}

impl StoreRef<'_> {
    /// The elements of a view in this memory, or a copy of them.
    pub(in crate::array) fn held<A: Element, D: Dimension>(&self, view: &ArrayView<'_, A, D>) -> Result<Held<A, D>> {
        if self.keep { Ok(Held::part(view, self.store)) } else { copy_in(self.store.hub(), view) }
    }
}

impl<A, D: Clone> Clone for DistView<'_, A, D> {
    #[inline]
    fn clone(&self) -> Self {
        DistView { view: self.view.clone(), memory: self.memory }
    }
}

impl<A, D: Copy> Copy for DistView<'_, A, D> {}

// As for `DistArray`: a view sees no half-written array.
impl<A: RefUnwindSafe, D: Dimension> UnwindSafe for DistView<'_, A, D> {}
impl<A: RefUnwindSafe, D: Dimension> RefUnwindSafe for DistView<'_, A, D> {}

impl<'a, A, D: Dimension> Deref for DistView<'a, A, D> {
    type Target = ArrayView<'a, A, D>;

    #[inline]
    fn deref(&self) -> &ArrayView<'a, A, D> {
        &self.view
    }
}

impl<'a, A, D: Dimension> DistView<'a, A, D> {
    /// A view of elements in the memory of `store`.
    #[inline]
    pub(in crate::array) fn of(view: ArrayView<'a, A, D>, store: &'a Shared<Store>) -> Self {
        DistView { view, memory: Some(StoreRef { store, keep: true }) }
    }

    /// A view of elements that are borrowed mutably, in the memory of `store`.
    #[inline]
    pub(in crate::array) fn of_borrowed(view: ArrayView<'a, A, D>, store: Option<&'a Shared<Store>>) -> Self {
        DistView { view, memory: store.map(|store| StoreRef { store, keep: false }) }
    }

    /// ndarray's own view of the same elements, for code that takes one.
    ///
    /// ```
    /// use distob::prelude::*;
    /// fn norm(x: ndarray::ArrayView1<'_, f64>) -> f64 {
    ///     x.iter().map(|x| x * x).sum::<f64>().sqrt()
    /// }
    /// let a = DistArray::from(array![[3.0, 4.0], [6.0, 8.0]]);
    /// assert_eq!(norm(a.row(0).as_ndarray()), 5.0);
    /// ```
    #[inline]
    pub fn as_ndarray(&self) -> ArrayView<'a, A, D> {
        self.view.clone()
    }

    /// The hub of the array that this is a view of; `None` for a view of ndarray's memory.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// assert!(a.row(0).hub().is_some());
    /// ```
    pub fn hub(&self) -> Option<&'a Hub> {
        self.memory.map(|memory| memory.store.hub())
    }

    /// A part of the view.
    ///
    /// # Panics
    /// Where an index or an end of a slice is out of bounds, a step is 0, or `info` is for another number of axes.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let columns = a.slice(s![.., 1..]);
    /// assert_eq!(columns.slice(s![1, ..]), array![5, 6]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn slice<I: SliceArg<D>>(&self, info: I) -> DistView<'a, A, I::OutDim> {
        self.clone().slice_move(info)
    }

    /// The view with one axis sliced. Panics where there is no such axis, the slice is out of bounds, or its step is 0.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let columns = a.slice(s![.., 1..]);
    /// assert_eq!(columns.slice_axis(Axis(0), ndarray::Slice::from(1..)), array![[5, 6]]);
    /// ```
    #[track_caller]
    pub fn slice_axis(&self, axis: Axis, indices: Slice) -> DistView<'a, A, D> {
        let mut view = self.clone();
        view.slice_axis_inplace(axis, indices);
        view
    }

    /// The view with every axis sliced as `f` says of it. Panics as [`slice_axis`](DistView::slice_axis) does.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let view = a.t();
    /// assert_eq!(view.slice_each_axis(|_| ndarray::Slice::from(1..)), array![[5], [6]]);
    /// ```
    #[track_caller]
    pub fn slice_each_axis(&self, f: impl FnMut(AxisDescription) -> Slice) -> DistView<'a, A, D> {
        let mut view = self.clone();
        view.slice_each_axis_inplace(f);
        view
    }

    /// The part at `index` along `axis`, without that axis. Panics where there is no such axis or index.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let columns = a.slice(s![.., 1..]);
    /// assert_eq!(columns.index_axis(Axis(0), 1), array![5, 6]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn index_axis(&self, axis: Axis, index: usize) -> DistView<'a, A, D::Smaller>
    where
        D: RemoveAxis,
    {
        self.clone().index_axis_move(axis, index)
    }

    /// The transpose: the axes reversed.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let columns = a.slice(s![.., 1..]);
    /// assert_eq!(columns.t(), array![[2, 5], [3, 6]]);
    /// ```
    #[inline]
    pub fn t(&self) -> DistView<'a, A, D> {
        self.clone().reversed_axes()
    }

    /// The diagonal.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let columns = a.slice(s![.., 1..]);
    /// assert_eq!(columns.diag(), array![2, 6]);
    /// ```
    pub fn diag(&self) -> DistView<'a, A, Ix1> {
        self.clone().into_diag()
    }
}

impl<'a, A> DistView<'a, A, Ix2> {
    /// Row `index`. Panics where there is none.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let columns = a.slice(s![.., 1..]);
    /// assert_eq!(columns.row(1), array![5, 6]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn row(&self, index: usize) -> DistView<'a, A, Ix1> {
        self.index_axis(Axis(0), index)
    }

    /// Column `index`. Panics where there is none.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let columns = a.slice(s![.., 1..]);
    /// assert_eq!(columns.column(1), array![3, 6]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn column(&self, index: usize) -> DistView<'a, A, Ix1> {
        self.index_axis(Axis(1), index)
    }
}

impl<'a, A, D: Dimension> From<DistView<'a, A, D>> for ArrayView<'a, A, D> {
    #[inline]
    fn from(view: DistView<'a, A, D>) -> Self {
        view.view
    }
}

impl<'a, A, D: Dimension> From<ArrayView<'a, A, D>> for DistView<'a, A, D> {
    /// A view of ndarray's memory. Operations copy its elements to a hub first.
    #[inline]
    fn from(view: ArrayView<'a, A, D>) -> Self {
        DistView { view, memory: None }
    }
}

impl<'a, A: Element, D: Dimension> DistView<'a, A, D> {
    /// An array on the same memory; a copy if the memory may not be kept.
    pub(in crate::array) fn kept(&self) -> Result<DistArray<A, D>> {
        let held = match self.memory {
            Some(memory) => memory.held(&self.view)?,
            None => copy_in(&Hub::current()?, &self.view)?,
        };
        Ok(DistArray::from_held(held))
    }

    /// An array on the same memory, for an operation that keeps nothing of it.
    pub(in crate::array) fn for_call(&self) -> Result<DistArray<A, D>> {
        match self.memory {
            Some(StoreRef { store, keep }) if keep || writable_in_place(&self.view, store) => {
                Ok(DistArray::from_held(Held::part(&self.view, store)))
            }
            _ => self.kept(),
        }
    }
}

impl<A: Clone, D: Dimension> DistView<'_, A, D> {
    /// An array that shares the elements. For a view of ndarray's memory, or of a mutable view, it copies the elements.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2], [3, 4]]);
    /// let turned: DistArray2<i32> = a.t().to_shared();
    /// a[[0, 1]] = 5;
    /// assert_eq!(turned, array![[1, 3], [2, 4]]);
    /// ```
    #[track_caller]
    pub fn to_shared(&self) -> DistArray<A, D> {
        match self.memory {
            Some(StoreRef { store, keep: true }) => DistArray::from_held(Held::part(&self.view, store)),
            _ => self.to_owned(),
        }
    }

    /// An array with a copy of the elements, in the same memory order.
    ///
    /// # Panics
    /// Where there is no memory.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let column: DistArray1<i32> = a.column(1).to_owned();
    /// assert_eq!(column, array![2, 5]);
    /// ```
    #[track_caller]
    pub fn to_owned(&self) -> DistArray<A, D> {
        match self.memory {
            Some(StoreRef { store, keep: true }) => match copy_of_numbers(store.hub(), &self.view) {
                Some(held) => DistArray::from_held(held),
                None => DistArray::from_held(expect(Held::part(&self.view, store).duplicate())),
            },
            memory => owned_apart(&self.view, memory.map(|memory| memory.store)),
        }
    }

    /// [`to_owned`](DistView::to_owned) by value.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let column: DistArray1<i32> = a.column(1).into_owned();
    /// assert_eq!(column, array![2, 5]);
    /// ```
    #[track_caller]
    pub fn into_owned(self) -> DistArray<A, D> {
        self.to_owned()
    }
}

/// Whether operations that end before the elements are written again may work on these elements of a mutable view, where they are. Not on a
/// vector that engine processes would see a copy of: that copy would stay as it is when the elements are written. Nor on one whose
/// elements are not aligned for kernels, of which such a copy is made too.
pub(in crate::array) fn writable_in_place<A, D: Dimension>(view: &ArrayRef<A, D>, store: &Shared<Store>) -> bool {
    store.owned().is_none()
        || (!store.hub().shares_with_processes() && lies_on_words(view.as_ptr().cast(), size_of::<A>()))
}

/// A copy of these elements alone: what lies between them may be borrowed mutably by somebody else.
#[track_caller]
pub(in crate::array) fn owned_apart<A: Clone, D: Dimension>(
    view: &ArrayRef<A, D>,
    store: Option<&Shared<Store>>,
) -> DistArray<A, D> {
    match store {
        Some(store) if writable_in_place(view, store) && !view.is_empty() => {
            let copy = copy_of_numbers(store.hub(), view);
            DistArray::from_held(match copy {
                Some(held) => held,
                None => expect(Held::part(view, store).without_gaps()),
            })
        }
        _ => DistArray::from(view.to_owned()),
    }
}
