//! Methods that change how a view looks at its elements, under ndarray's names, for both kinds of view. None of them copies an element.
//!
//! Axes, indices and slices that the view does not have are a panic on the caller's line, with the values.

use ndarray::{
    ArrayView, ArrayViewMut, Axis, AxisDescription, Dimension, IntoDimension, Ix1, IxDyn, RemoveAxis, ShapeArg,
    ShapeError, Slice, SliceArg,
};

use crate::array::dist_array::expect;
use crate::array::example::example;
use crate::array::shape::bounds::{
    check_axis, check_index, check_new_axis, check_permutation, check_slice, check_slices, no_new_axis,
};
use crate::array::view::dist_view::DistView;
use crate::array::view::dist_view_mut::DistViewMut;
use crate::error::Result;

/// The methods of `$View`, which holds ndarray's `$NdView` beside what it knows of the memory; the names are those of methods in errors.
macro_rules! layout {
    ($View:ident, $NdView:ident, $memory:ident, $slice:literal, $index:literal) => {
        impl<'a, A, D: Dimension> $View<'a, A, D> {
            #[inline]
            fn with<E: Dimension>(
                self,
                change: impl FnOnce($NdView<'a, A, D>) -> $NdView<'a, A, E>,
            ) -> $View<'a, A, E> {
                $View { view: change(self.view), $memory: self.$memory }
            }

            /// The same view with a shorter lifetime.
            #[doc = example!(of $View: "let a", "array![[1, 2, 3], [4, 5, 6]]", "assert_eq!(a.reborrow(), array![[1, 2, 3], [4, 5, 6]]);")]
            #[inline]
            pub fn reborrow<'b>(self) -> $View<'b, A, D>
            where
                'a: 'b,
            {
                $View { view: self.view.reborrow(), $memory: self.$memory }
            }

            /// `slice` by value.
            #[doc = example!(of $View: "let a", "array![[1, 2, 3], [4, 5, 6]]", "assert_eq!(a.slice_move(s![.., 1..]), array![[2, 3], [5, 6]]);")]
            #[inline]
            #[track_caller]
            pub fn slice_move<I: SliceArg<D>>(self, info: I) -> $View<'a, A, I::OutDim> {
                expect(check_slices($slice, self.view.shape(), info.as_ref()));
                self.with(|view| view.slice_move(info))
            }

            /// `slice_axis` by value.
            #[doc = example!(of $View: "let a", "array![[1, 2, 3], [4, 5, 6]]", "assert_eq!(a.slice_axis_move(Axis(1), ndarray::Slice::from(1..)), array![[2, 3], [5, 6]]);")]
            #[track_caller]
            pub fn slice_axis_move(self, axis: Axis, indices: Slice) -> $View<'a, A, D> {
                let mut view = self;
                view.slice_axis_inplace(axis, indices);
                view
            }

            /// `index_axis` by value.
            #[doc = example!(of $View: "let a", "array![[1, 2, 3], [4, 5, 6]]", "assert_eq!(a.index_axis_move(Axis(0), 1), array![4, 5, 6]);")]
            #[inline]
            #[track_caller]
            pub fn index_axis_move(self, axis: Axis, index: usize) -> $View<'a, A, D::Smaller>
            where
                D: RemoveAxis,
            {
                expect(check_index($index, self.view.shape(), axis, index));
                self.with(|view| view.index_axis_move(axis, index))
            }

            /// The view with its axes reversed.
            #[doc = example!(of $View: "let a", "array![[1, 2, 3], [4, 5, 6]]", "assert_eq!(a.reversed_axes(), array![[1, 4], [2, 5], [3, 6]]);")]
            #[inline]
            pub fn reversed_axes(self) -> $View<'a, A, D> {
                self.with(|view| view.reversed_axes())
            }

            /// The view with its axes in another order. Panics where `axes` is no permutation.
            #[doc = example!(of $View: "let a", "array![[1, 2, 3], [4, 5, 6]]", "assert_eq!(a.permuted_axes([1, 0]), array![[1, 4], [2, 5], [3, 6]]);")]
            #[track_caller]
            pub fn permuted_axes<T: IntoDimension<Dim = D>>(self, axes: T) -> $View<'a, A, D> {
                let axes = axes.into_dimension();
                expect(check_permutation("permuted_axes", axes.slice(), self.view.ndim()));
                self.with(|view| view.permuted_axes(axes))
            }

            /// `diag` by value.
            #[doc = example!(of $View: "let a", "array![[1, 2, 3], [4, 5, 6]]", "assert_eq!(a.into_diag(), array![1, 5]);")]
            pub fn into_diag(self) -> $View<'a, A, Ix1> {
                self.with(|view| view.into_diag())
            }

            /// The parts before and from `index` on along `axis`. Panics where there is no such axis, or `index` is greater than its length.
            #[doc = example!(of $View: "let a", "array![[1, 2, 3], [4, 5, 6]]", "let (left, right) = a.split_at(Axis(1), 1);", "assert_eq!(left, array![[1], [4]]);", "assert_eq!(right, array![[2, 3], [5, 6]]);")]
            #[track_caller]
            pub fn split_at(self, axis: Axis, index: usize) -> ($View<'a, A, D>, $View<'a, A, D>) {
                let all = Slice { start: 0, end: Some(isize::try_from(index).unwrap_or(isize::MAX)), step: 1 };
                expect(check_slice("split_at", self.view.shape(), axis, all));
                let (before, after) = self.view.split_at(axis, index);
                ($View { view: before, $memory: self.$memory }, $View { view: after, $memory: self.$memory })
            }

            /// The view with a new axis of length 1 at `axis`. Panics where `axis` is greater than the number of axes.
            #[doc = example!(of $View: "let a", "array![[1, 2, 3], [4, 5, 6]]", "assert_eq!(a.insert_axis(Axis(0)).shape(), [1, 2, 3]);")]
            #[track_caller]
            pub fn insert_axis(self, axis: Axis) -> $View<'a, A, D::Larger> {
                expect(check_new_axis("insert_axis", axis, self.view.ndim()));
                self.with(|view| view.insert_axis(axis))
            }

            /// The part at index 0 of `axis`, without that axis. Panics where there is no such axis, or its length is 0.
            #[doc = example!(of $View: "let a", "array![[1, 2, 3], [4, 5, 6]]", "assert_eq!(a.remove_axis(Axis(0)), array![1, 2, 3]);")]
            #[track_caller]
            pub fn remove_axis(self, axis: Axis) -> $View<'a, A, D::Smaller>
            where
                D: RemoveAxis,
            {
                expect(check_index("remove_axis", self.view.shape(), axis, 0));
                self.with(|view| view.remove_axis(axis))
            }

            /// The view with a number of dimensions that is known at run time.
            #[doc = example!(of $View: "let a", "array![[1, 2, 3], [4, 5, 6]]", "assert_eq!(a.into_dyn().shape(), [2, 3]);")]
            pub fn into_dyn(self) -> $View<'a, A, IxDyn> {
                self.with(|view| view.into_dyn())
            }

            /// The view with another dimension type of the same number of axes.
            ///
            /// # Errors
            /// A [`ShapeError`] where those differ.
            #[doc = example!(of $View: "let a", "array![[1, 2, 3], [4, 5, 6]]", "let a = a.into_dyn().into_dimensionality::<Ix2>().unwrap();", "assert_eq!(a.dim(), (2, 3));")]
            pub fn into_dimensionality<E: Dimension>(self) -> Result<$View<'a, A, E>, ShapeError> {
                Ok($View { view: self.view.into_dimensionality()?, $memory: self.$memory })
            }

            /// The view in another shape, in row-major (or, `((…), Order::ColumnMajor)`, column-major) logical order.
            ///
            /// # Errors
            /// A [`ShapeError`] where the numbers of elements differ, or where the elements are not contiguous in that order.
            #[doc = example!(of $View: "let a", "array![[1, 2, 3], [4, 5, 6]]", "assert_eq!(a.into_shape_with_order((3, 2)).unwrap(), array![[1, 2], [3, 4], [5, 6]]);")]
            pub fn into_shape_with_order<E: ShapeArg>(self, shape: E) -> Result<$View<'a, A, E::Dim>, ShapeError> {
                Ok($View { view: self.view.into_shape_with_order(shape)?, $memory: self.$memory })
            }

            /// Reverses the order of the axes in place.
            #[doc = example!(of $View: "let mut a", "array![[1, 2, 3], [4, 5, 6]]", "a.reverse_axes();", "assert_eq!(a, array![[1, 4], [2, 5], [3, 6]]);")]
            pub fn reverse_axes(&mut self) {
                self.view.reverse_axes();
            }

            /// Puts the axes in another order, in place. Panics where `axes` is no permutation.
            #[doc = example!(of $View: "let mut a", "array![[1, 2, 3], [4, 5, 6]]", "a.permute_axes([1, 0]);", "assert_eq!(a, array![[1, 4], [2, 5], [3, 6]]);")]
            #[track_caller]
            pub fn permute_axes<T: IntoDimension<Dim = D>>(&mut self, axes: T) {
                let axes = axes.into_dimension();
                expect(check_permutation("permute_axes", axes.slice(), self.view.ndim()));
                self.view.permute_axes(axes);
            }

            /// Swaps two axes in place. Panics where there is no such axis.
            #[doc = example!(of $View: "let mut a", "array![[1, 2, 3], [4, 5, 6]]", "a.swap_axes(0, 1);", "assert_eq!(a, array![[1, 4], [2, 5], [3, 6]]);")]
            #[track_caller]
            pub fn swap_axes(&mut self, a: usize, b: usize) {
                expect(check_axis("swap_axes", Axis(a), self.view.ndim()));
                expect(check_axis("swap_axes", Axis(b), self.view.ndim()));
                self.view.swap_axes(a, b);
            }

            /// Reverses the direction of an axis in place. Panics where there is no such axis.
            #[doc = example!(of $View: "let mut a", "array![[1, 2, 3], [4, 5, 6]]", "a.invert_axis(Axis(1));", "assert_eq!(a, array![[3, 2, 1], [6, 5, 4]]);")]
            #[track_caller]
            pub fn invert_axis(&mut self, axis: Axis) {
                expect(check_axis("invert_axis", axis, self.view.ndim()));
                self.view.invert_axis(axis);
            }

            /// Merges axis `take` into axis `into`, if that needs no copy; whether it did. Panics where there is no such axis.
            #[doc = example!(of $View: "let mut a", "array![[1, 2, 3], [4, 5, 6]]", "assert!(a.merge_axes(Axis(0), Axis(1)));", "assert_eq!(a, array![[1, 2, 3, 4, 5, 6]]);")]
            #[track_caller]
            pub fn merge_axes(&mut self, take: Axis, into: Axis) -> bool {
                expect(check_axis("merge_axes", take, self.view.ndim()));
                expect(check_axis("merge_axes", into, self.view.ndim()));
                self.view.merge_axes(take, into)
            }

            /// Slices in place, without changing the number of dimensions. Panics as `slice` does, and where `info` has a new axis.
            #[doc = example!(of $View: "let mut a", "array![[1, 2, 3], [4, 5, 6]]", "a.slice_collapse(s![0, 1..]);", "assert_eq!(a, array![[2, 3]]);")]
            #[track_caller]
            pub fn slice_collapse<I: SliceArg<D>>(&mut self, info: I) {
                expect(check_slices("slice_collapse", self.view.shape(), info.as_ref()));
                expect(no_new_axis("slice_collapse", info.as_ref()));
                self.view.slice_collapse(info);
            }

            /// Slices one axis in place. Panics as `slice_axis` does.
            #[doc = example!(of $View: "let mut a", "array![[1, 2, 3], [4, 5, 6]]", "a.slice_axis_inplace(Axis(1), ndarray::Slice::from(1..));", "assert_eq!(a, array![[2, 3], [5, 6]]);")]
            #[track_caller]
            pub fn slice_axis_inplace(&mut self, axis: Axis, indices: Slice) {
                expect(check_slice("slice_axis", self.view.shape(), axis, indices));
                self.view.slice_axis_inplace(axis, indices);
            }

            /// Slices every axis in place, as `f` says of each. Panics as `slice_axis` does.
            #[doc = example!(of $View: "let mut a", "array![[1, 2, 3], [4, 5, 6]]", "a.slice_each_axis_inplace(|_| ndarray::Slice::from(1..));", "assert_eq!(a, array![[5, 6]]);")]
            #[track_caller]
            pub fn slice_each_axis_inplace(&mut self, f: impl FnMut(AxisDescription) -> Slice) {
                let slices: Vec<Slice> = self.view.axes().map(f).collect();
                for (axis, slice) in slices.into_iter().enumerate() {
                    self.slice_axis_inplace(Axis(axis), slice);
                }
            }

            /// Keeps index `index` of `axis`, as an axis of length 1, in place. Panics where there is no such axis or index.
            #[doc = example!(of $View: "let mut a", "array![[1, 2, 3], [4, 5, 6]]", "a.collapse_axis(Axis(0), 1);", "assert_eq!(a, array![[4, 5, 6]]);")]
            #[track_caller]
            pub fn collapse_axis(&mut self, axis: Axis, index: usize) {
                expect(check_index("collapse_axis", self.view.shape(), axis, index));
                self.view.collapse_axis(axis, index);
            }
        }

        impl<A> $View<'_, A, IxDyn> {
            /// Takes the part at `index` along `axis`, in place. Panics where there is no such axis or index.
            #[doc = example!(of $View: "let a", "array![[1, 2, 3], [4, 5, 6]]", "let mut a = a.into_dyn();", "a.index_axis_inplace(Axis(0), 1);", "assert_eq!(a, array![4, 5, 6]);")]
            #[track_caller]
            pub fn index_axis_inplace(&mut self, axis: Axis, index: usize) {
                expect(check_index("index_axis_inplace", self.view.shape(), axis, index));
                self.view.index_axis_inplace(axis, index);
            }

            /// Adds an axis of length 1 at `axis`, in place. Panics where `axis` is greater than the number of axes.
            #[doc = example!(of $View: "let a", "array![[1, 2, 3], [4, 5, 6]]", "let mut a = a.into_dyn();", "a.insert_axis_inplace(Axis(0));", "assert_eq!(a.shape(), [1, 2, 3]);")]
            #[track_caller]
            pub fn insert_axis_inplace(&mut self, axis: Axis) {
                expect(check_new_axis("insert_axis_inplace", axis, self.view.ndim()));
                self.view.insert_axis_inplace(axis);
            }
        }
    };
}

layout!(DistView, ArrayView, memory, "slice", "index_axis");
layout!(DistViewMut, ArrayViewMut, store, "slice_mut", "index_axis_mut");
