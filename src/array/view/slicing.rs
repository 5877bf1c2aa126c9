//! Methods of an array that give views of a part of it, under ndarray's names. A pending array is computed first. `view` is
//! ndarray's: programs call it where a function takes ndarray's views.
//!
//! Axes, indices and slices that the array does not have are a panic on the caller's line, with the values.

use ndarray::{
    ArrayView, ArrayViewMut, Axis, AxisDescription, Dimension, Ix1, Ix2, MultiSliceArg, RemoveAxis, Slice, SliceArg,
};

use crate::array::dist_array::{DistArray, expect};
use crate::array::example::example;
use crate::array::view::dist_view::{DistView, StoreRef};
use crate::array::view::dist_view_mut::{DistViewMut, Parts};

impl<A, D: Dimension> DistArray<A, D> {
    /// ndarray's own view of all elements, for code that takes one: `view` under a name that says so.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let view: ndarray::ArrayView2<i32> = a.as_ndarray();
    /// assert_eq!(view.nrows(), 2);
    /// ```
    #[inline]
    #[track_caller]
    pub fn as_ndarray(&self) -> ArrayView<'_, A, D> {
        (**self).view()
    }

    /// A view of all elements.
    #[inline]
    #[track_caller]
    fn whole(&self) -> DistView<'_, A, D> {
        let held = expect(self.try_held());
        DistView::of(held.view.view(), &held.store)
    }

    /// ndarray's own mutable view of all elements, for code that takes one. Copies the elements first if another array or a pending expression
    /// shares them.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let mut view: ndarray::ArrayViewMut2<i32> = a.as_ndarray_mut();
    /// view[[0, 1]] = 0;
    /// assert_eq!(a[[0, 1]], 0);
    /// ```
    #[inline]
    #[track_caller]
    pub fn as_ndarray_mut(&mut self) -> ArrayViewMut<'_, A, D> {
        (**self).view_mut()
    }

    /// A mutable view of all elements. Copies the elements first if another array or a pending expression shares them.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let mut view = a.view_mut();
    /// view *= 10;
    /// assert_eq!(a, array![[10, 20, 30], [40, 50, 60]]);
    /// ```
    #[inline]
    #[track_caller]
    pub fn view_mut(&mut self) -> DistViewMut<'_, A, D> {
        let held = expect(self.unique_mut());
        DistViewMut::of(held.view.view_mut(), &held.store)
    }

    /// Mutable views of several parts.
    ///
    /// # Panics
    /// Where parts overlap, or one of them is out of bounds.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::linspace(0.0, 5.0, 6);
    /// let (mut even, odd) = a.multi_slice_mut((s![..;2], s![1..;2]));
    /// even += &odd;
    /// assert_eq!(a, array![1.0, 1.0, 5.0, 3.0, 9.0, 5.0]);
    /// ```
    #[track_caller]
    pub fn multi_slice_mut<'a, M>(&'a mut self, info: M) -> <M::Output as Parts<'a>>::Views
    where
        M: MultiSliceArg<'a, A, D, Output: Parts<'a>>,
    {
        let held = expect(self.unique_mut());
        held.view.multi_slice_mut(info).of(Some(StoreRef { store: &held.store, keep: false }))
    }
}

/// The views that an array gives, and a mutable view.
macro_rules! parts {
    ($Array:ident $(, $life:lifetime)?) => {
        impl<A, D: Dimension> $Array<$($life,)? A, D> {
            /// A view of the part that `info` says.
            ///
            /// # Panics
            /// Where an index or an end of a slice is out of bounds, a step is 0, or `info` is for another number of axes.
            #[doc = example!(of $Array: "let a", "array![[1, 2, 3], [4, 5, 6]]", "assert_eq!(a.slice(s![.., 1..]), array![[2, 3], [5, 6]]);")]
            #[inline]
            #[track_caller]
            pub fn slice<I: SliceArg<D>>(&self, info: I) -> DistView<'_, A, I::OutDim> {
                self.whole().slice_move(info)
            }

            /// A mutable view of the part that `info` says. Panics as [`slice`](DistArray::slice) does.
            #[doc = example!(of $Array: "let mut a", "array![[1, 2, 3], [4, 5, 6]]", "a.slice_mut(s![.., 1..]).fill(0);", "assert_eq!(a, array![[1, 0, 0], [4, 0, 0]]);")]
            #[inline]
            #[track_caller]
            pub fn slice_mut<I: SliceArg<D>>(&mut self, info: I) -> DistViewMut<'_, A, I::OutDim> {
                self.view_mut().slice_move(info)
            }

            /// A view with one axis sliced. Panics where there is no such axis, the slice is out of bounds, or its step is 0.
            #[doc = example!(of $Array: "let a", "array![[1, 2, 3], [4, 5, 6]]", "assert_eq!(a.slice_axis(Axis(1), ndarray::Slice::from(1..)), array![[2, 3], [5, 6]]);")]
            #[track_caller]
            pub fn slice_axis(&self, axis: Axis, indices: Slice) -> DistView<'_, A, D> {
                let mut view = self.whole();
                view.slice_axis_inplace(axis, indices);
                view
            }

            /// [`slice_axis`](DistArray::slice_axis), mutable.
            #[doc = example!(of $Array: "let mut a", "array![[1, 2, 3], [4, 5, 6]]", "a.slice_axis_mut(Axis(1), ndarray::Slice::from(1..)).fill(0);", "assert_eq!(a, array![[1, 0, 0], [4, 0, 0]]);")]
            #[track_caller]
            pub fn slice_axis_mut(&mut self, axis: Axis, indices: Slice) -> DistViewMut<'_, A, D> {
                let mut view = self.view_mut();
                view.slice_axis_inplace(axis, indices);
                view
            }

            /// A view with every axis sliced as `f` says of it. Panics as [`slice_axis`](DistArray::slice_axis) does.
            #[doc = example!(of $Array: "let a", "array![[1, 2, 3], [4, 5, 6]]", "assert_eq!(a.slice_each_axis(|_| ndarray::Slice::from(1..)), array![[5, 6]]);")]
            #[track_caller]
            pub fn slice_each_axis(&self, f: impl FnMut(AxisDescription) -> Slice) -> DistView<'_, A, D> {
                let mut view = self.whole();
                view.slice_each_axis_inplace(f);
                view
            }

            /// [`slice_each_axis`](DistArray::slice_each_axis), mutable.
            #[doc = example!(of $Array: "let mut a", "array![[1, 2, 3], [4, 5, 6]]", "a.slice_each_axis_mut(|_| ndarray::Slice::from(1..)).fill(0);", "assert_eq!(a, array![[1, 2, 3], [4, 0, 0]]);")]
            #[track_caller]
            pub fn slice_each_axis_mut(&mut self, f: impl FnMut(AxisDescription) -> Slice) -> DistViewMut<'_, A, D> {
                let mut view = self.view_mut();
                view.slice_each_axis_inplace(f);
                view
            }

            /// A view of the part at `index` along `axis`, without that axis. Panics where there is no such axis or index.
            #[doc = example!(of $Array: "let a", "array![[1, 2, 3], [4, 5, 6]]", "assert_eq!(a.index_axis(Axis(0), 1), array![4, 5, 6]);")]
            #[inline]
            #[track_caller]
            pub fn index_axis(&self, axis: Axis, index: usize) -> DistView<'_, A, D::Smaller>
            where
                D: RemoveAxis,
            {
                self.whole().index_axis_move(axis, index)
            }

            /// [`index_axis`](DistArray::index_axis), mutable.
            #[doc = example!(of $Array: "let mut a", "array![[1, 2, 3], [4, 5, 6]]", "a.index_axis_mut(Axis(0), 1).fill(0);", "assert_eq!(a, array![[1, 2, 3], [0, 0, 0]]);")]
            #[inline]
            #[track_caller]
            pub fn index_axis_mut(&mut self, axis: Axis, index: usize) -> DistViewMut<'_, A, D::Smaller>
            where
                D: RemoveAxis,
            {
                self.view_mut().index_axis_move(axis, index)
            }

            /// A view with the axes reversed.
            #[doc = example!(of $Array: "let a", "array![[1, 2, 3], [4, 5, 6]]", "assert_eq!(a.t(), array![[1, 4], [2, 5], [3, 6]]);")]
            #[inline]
            #[track_caller]
            pub fn t(&self) -> DistView<'_, A, D> {
                self.whole().reversed_axes()
            }

            /// A view of the diagonal.
            #[doc = example!(of $Array: "let a", "array![[1, 2, 3], [4, 5, 6]]", "assert_eq!(a.diag(), array![1, 5]);")]
            #[track_caller]
            pub fn diag(&self) -> DistView<'_, A, Ix1> {
                self.whole().into_diag()
            }

            /// [`diag`](DistArray::diag), mutable.
            #[doc = example!(of $Array: "let mut a", "array![[1, 2, 3], [4, 5, 6]]", "a.diag_mut().fill(0);", "assert_eq!(a, array![[0, 2, 3], [4, 0, 6]]);")]
            #[track_caller]
            pub fn diag_mut(&mut self) -> DistViewMut<'_, A, Ix1> {
                self.view_mut().into_diag()
            }
        }

        impl<A> $Array<$($life,)? A, Ix2> {
            /// A view of row `index`. Panics where there is none.
            #[doc = example!(of $Array: "let a", "array![[1, 2, 3], [4, 5, 6]]", "assert_eq!(a.row(1), array![4, 5, 6]);")]
            #[inline]
            #[track_caller]
            pub fn row(&self, index: usize) -> DistView<'_, A, Ix1> {
                self.index_axis(Axis(0), index)
            }

            /// A view of column `index`. Panics where there is none.
            #[doc = example!(of $Array: "let a", "array![[1, 2, 3], [4, 5, 6]]", "assert_eq!(a.column(1), array![2, 5]);")]
            #[inline]
            #[track_caller]
            pub fn column(&self, index: usize) -> DistView<'_, A, Ix1> {
                self.index_axis(Axis(1), index)
            }

            /// A mutable view of row `index`. Panics where there is none.
            #[doc = example!(of $Array: "let mut a", "array![[1, 2, 3], [4, 5, 6]]", "a.row_mut(1).fill(0);", "assert_eq!(a, array![[1, 2, 3], [0, 0, 0]]);")]
            #[inline]
            #[track_caller]
            pub fn row_mut(&mut self, index: usize) -> DistViewMut<'_, A, Ix1> {
                self.index_axis_mut(Axis(0), index)
            }

            /// A mutable view of column `index`. Panics where there is none.
            #[doc = example!(of $Array: "let mut a", "array![[1, 2, 3], [4, 5, 6]]", "a.column_mut(1).fill(0);", "assert_eq!(a, array![[1, 0, 3], [4, 0, 6]]);")]
            #[inline]
            #[track_caller]
            pub fn column_mut(&mut self, index: usize) -> DistViewMut<'_, A, Ix1> {
                self.index_axis_mut(Axis(1), index)
            }
        }
    };
}

parts!(DistArray);
parts!(DistViewMut, '_);

impl<'a, A, D: Dimension> From<&'a DistArray<A, D>> for DistView<'a, A, D> {
    /// A view of all elements.
    #[inline]
    #[track_caller]
    fn from(array: &'a DistArray<A, D>) -> Self {
        array.whole()
    }
}

impl<'a, A, D: Dimension> From<&'a mut DistArray<A, D>> for DistViewMut<'a, A, D> {
    /// A mutable view of all elements. Copies the elements first if another array or a pending expression shares them.
    #[inline]
    #[track_caller]
    fn from(array: &'a mut DistArray<A, D>) -> Self {
        array.view_mut()
    }
}
