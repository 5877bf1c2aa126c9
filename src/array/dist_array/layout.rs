//! Methods that change how an array is looked at, under ndarray's names. None of them copies an element, unless its doc
//! says so, whoever else shares the memory.
//!
//! Axes, indices and slices that the array does not have are a panic on the caller's line, with the values.

use ndarray::{
    ArrayViewMut, Axis, AxisDescription, Dimension, IntoDimension, IxDyn, LayoutRef, RemoveAxis, ShapeArg, ShapeError,
    Slice, SliceArg,
};

use crate::array::dist_array::{DistArray, expect};
use crate::array::loops::closure;
use crate::array::shape::bounds::{
    check_axis, check_index, check_new_axis, check_permutation, check_slice, check_slices, no_new_axis,
};
use crate::array::storage::store::Held;
use crate::element::Element;
use crate::error::Result;

impl<A, D: Dimension> DistArray<A, D> {
    /// The layout, to be changed in place.
    #[track_caller]
    fn layout_mut(&mut self) -> &mut LayoutRef<A, D> {
        self.forget_partition();
        expect(self.held_mut()).layout_mut()
    }

    /// Another look at the same memory.
    #[track_caller]
    fn with<'a, E: Dimension>(
        self,
        change: impl FnOnce(ArrayViewMut<'a, A, D>) -> ArrayViewMut<'a, A, E>,
    ) -> DistArray<A, E>
    where
        A: 'a,
    {
        DistArray::from_held(expect(self.into_held()).with_view(change))
    }

    /// The array with its axes reversed.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(a.reversed_axes(), array![[1, 4], [2, 5], [3, 6]]);
    /// ```
    #[track_caller]
    pub fn reversed_axes(self) -> DistArray<A, D> {
        self.with(|view| view.reversed_axes())
    }

    /// The array with its axes in another order. Panics where `axes` is no permutation.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(a.permuted_axes([1, 0]), array![[1, 4], [2, 5], [3, 6]]);
    /// ```
    #[track_caller]
    pub fn permuted_axes<T: IntoDimension<Dim = D>>(self, axes: T) -> DistArray<A, D> {
        let axes = axes.into_dimension();
        expect(check_permutation("permuted_axes", axes.slice(), self.ndim()));
        self.with(|view| view.permuted_axes(axes))
    }

    /// Reverses the order of the axes in place.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// a.reverse_axes();
    /// assert_eq!(a, array![[1, 4], [2, 5], [3, 6]]);
    /// ```
    #[track_caller]
    pub fn reverse_axes(&mut self) {
        self.forget_partition();
        expect(self.held_mut()).change_view(|view| view.reversed_axes());
    }

    /// Puts the axes in another order, in place. Panics where `axes` is no permutation.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// a.permute_axes([1, 0]);
    /// assert_eq!(a, array![[1, 4], [2, 5], [3, 6]]);
    /// ```
    #[track_caller]
    pub fn permute_axes<T: IntoDimension<Dim = D>>(&mut self, axes: T) {
        let axes = axes.into_dimension();
        expect(check_permutation("permute_axes", axes.slice(), self.ndim()));
        self.forget_partition();
        expect(self.held_mut()).change_view(|mut view| {
            view.permute_axes(axes);
            view
        });
    }

    /// Swaps two axes in place. Panics where there is no such axis.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// a.swap_axes(0, 1);
    /// assert_eq!(a, array![[1, 4], [2, 5], [3, 6]]);
    /// ```
    #[track_caller]
    pub fn swap_axes(&mut self, a: usize, b: usize) {
        expect(check_axis("swap_axes", Axis(a), self.ndim()));
        expect(check_axis("swap_axes", Axis(b), self.ndim()));
        self.layout_mut().swap_axes(a, b);
    }

    /// Reverses the direction of an axis in place. Panics where there is no such axis.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// a.invert_axis(Axis(1));
    /// assert_eq!(a, array![[3, 2, 1], [6, 5, 4]]);
    /// ```
    #[track_caller]
    pub fn invert_axis(&mut self, axis: Axis) {
        expect(check_axis("invert_axis", axis, self.ndim()));
        self.layout_mut().invert_axis(axis);
    }

    /// Merges axis `take` into axis `into`, if that needs no copy; whether it did. Panics where there is no such axis.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// assert!(a.merge_axes(Axis(0), Axis(1)));
    /// assert_eq!(a, array![[1, 2, 3, 4, 5, 6]]);
    /// ```
    #[track_caller]
    pub fn merge_axes(&mut self, take: Axis, into: Axis) -> bool {
        expect(check_axis("merge_axes", take, self.ndim()));
        expect(check_axis("merge_axes", into, self.ndim()));
        self.layout_mut().merge_axes(take, into)
    }

    /// The part that `info` says, as an array that shares the elements; `slice` gives a view, as in ndarray.
    ///
    /// # Panics
    /// Where an index or an end of a slice is out of bounds, a step is 0, or `info` is for another number of axes.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from_shape_fn((4, 3), |(i, j)| (10 * i + j) as f64);
    /// let rows = a.slice_shared(s![1..;2, ..]);
    /// assert_eq!(rows.sum_axis(Axis(1)), ndarray::array![33.0, 93.0]);
    /// ```
    #[track_caller]
    pub fn slice_shared<I: SliceArg<D>>(&self, info: I) -> DistArray<A, I::OutDim>
    where
        A: Clone,
    {
        expect(check_slices("slice_shared", self.shape(), info.as_ref()));
        self.clone().with(|view| view.slice_move(info))
    }

    /// The part of the array that `info` says. Panics as [`slice_shared`](DistArray::slice_shared) does.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(a.slice_move(s![.., 1..]), array![[2, 3], [5, 6]]);
    /// ```
    #[track_caller]
    pub fn slice_move<I: SliceArg<D>>(self, info: I) -> DistArray<A, I::OutDim> {
        expect(check_slices("slice_move", self.shape(), info.as_ref()));
        self.with(|view| view.slice_move(info))
    }

    /// Slices in place, without changing the number of dimensions. Panics as [`slice_shared`](DistArray::slice_shared) does, and
    /// where `info` has a new axis.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// a.slice_collapse(s![0, 1..]);
    /// assert_eq!(a, array![[2, 3]]);
    /// ```
    #[track_caller]
    pub fn slice_collapse<I: SliceArg<D>>(&mut self, info: I) {
        expect(check_slices("slice_collapse", self.shape(), info.as_ref()));
        expect(no_new_axis("slice_collapse", info.as_ref()));
        self.layout_mut().slice_collapse(info);
    }

    /// Slices one axis in place. Panics where there is no such axis, the slice is out of bounds, or its step is 0.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// a.slice_axis_inplace(Axis(1), ndarray::Slice::from(1..));
    /// assert_eq!(a, array![[2, 3], [5, 6]]);
    /// ```
    #[track_caller]
    pub fn slice_axis_inplace(&mut self, axis: Axis, indices: Slice) {
        expect(check_slice("slice_axis_inplace", self.shape(), axis, indices));
        self.layout_mut().slice_axis_inplace(axis, indices);
    }

    /// The array with one axis sliced. Panics as [`slice_axis_inplace`](DistArray::slice_axis_inplace) does.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(a.slice_axis_move(Axis(1), ndarray::Slice::from(1..)), array![[2, 3], [5, 6]]);
    /// ```
    #[track_caller]
    pub fn slice_axis_move(mut self, axis: Axis, indices: Slice) -> DistArray<A, D> {
        expect(check_slice("slice_axis_move", self.shape(), axis, indices));
        self.slice_axis_inplace(axis, indices);
        self
    }

    /// Slices every axis in place, as `f` says of each. Panics as [`slice_axis_inplace`](DistArray::slice_axis_inplace) does, before
    /// any axis is sliced.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// a.slice_each_axis_inplace(|_| ndarray::Slice::from(1..));
    /// assert_eq!(a, array![[5, 6]]);
    /// ```
    #[track_caller]
    pub fn slice_each_axis_inplace(&mut self, f: impl FnMut(AxisDescription) -> Slice) {
        let held = expect(self.held_mut());
        let slices: Vec<(Axis, Slice)> = held.view.axes().map(|ax| ax.axis).zip(held.view.axes().map(f)).collect();
        for &(axis, slice) in &slices {
            expect(check_slice("slice_each_axis_inplace", self.shape(), axis, slice));
        }
        let layout = self.layout_mut();
        for (axis, slice) in slices {
            layout.slice_axis_inplace(axis, slice);
        }
    }

    /// The sub-array at `index` along `axis`, without that axis. Panics where there is no such axis or index.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(a.index_axis_move(Axis(0), 1), array![4, 5, 6]);
    /// ```
    #[track_caller]
    pub fn index_axis_move(self, axis: Axis, index: usize) -> DistArray<A, D::Smaller>
    where
        D: RemoveAxis,
    {
        expect(check_index("index_axis_move", self.shape(), axis, index));
        self.with(|view| view.index_axis_move(axis, index))
    }

    /// Keeps index `index` of `axis`, as an axis of length 1, in place. Panics where there is no such axis or index.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// a.collapse_axis(Axis(0), 1);
    /// assert_eq!(a, array![[4, 5, 6]]);
    /// ```
    #[track_caller]
    pub fn collapse_axis(&mut self, axis: Axis, index: usize) {
        expect(check_index("collapse_axis", self.shape(), axis, index));
        self.layout_mut().collapse_axis(axis, index);
    }

    /// The array with a new axis of length 1 at `axis`. A reduction along axes that is pending stays so: it can go with what it is used
    /// for in one pass. Panics where `axis` is greater than the number of axes.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(a.insert_axis(Axis(0)).shape(), [1, 2, 3]);
    /// ```
    #[track_caller]
    pub fn insert_axis(self, axis: Axis) -> DistArray<A, D::Larger> {
        expect(check_new_axis("insert_axis", axis, self.ndim()));
        if let Some(node) = self.pending_reduction() {
            return self.with_node(expect(node.with_axis(axis.index())));
        }
        self.with(|view| view.insert_axis(axis))
    }

    /// The array at index 0 of `axis`, without that axis. Panics where there is no such axis, or its length is 0.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(a.remove_axis(Axis(0)), array![1, 2, 3]);
    /// ```
    #[track_caller]
    pub fn remove_axis(self, axis: Axis) -> DistArray<A, D::Smaller>
    where
        D: RemoveAxis,
    {
        expect(check_index("remove_axis", self.shape(), axis, 0));
        self.with(|view| view.remove_axis(axis))
    }

    /// The diagonal.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(a.into_diag(), array![1, 5]);
    /// ```
    #[track_caller]
    pub fn into_diag(self) -> DistArray<A, ndarray::Ix1> {
        self.with(|view| view.into_diag())
    }

    /// The array with a dimension that is known at run time.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(a.into_dyn().shape(), [2, 3]);
    /// ```
    #[track_caller]
    pub fn into_dyn(self) -> DistArray<A, IxDyn> {
        self.with(|view| view.into_dyn())
    }

    /// The array with another dimension type of the same rank.
    ///
    /// # Errors
    /// A [`ShapeError`] where the ranks differ.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let a = a.into_dyn().into_dimensionality::<Ix2>().unwrap();
    /// assert_eq!(a.dim(), (2, 3));
    /// ```
    #[track_caller]
    pub fn into_dimensionality<E: Dimension>(self) -> Result<DistArray<A, E>, ShapeError> {
        expect(self.into_held()).try_with_view(|view| view.into_dimensionality()).map(DistArray::from_held)
    }

    /// The array in another shape, in row-major (or, `((…), Order::ColumnMajor)`, column-major) logical order.
    ///
    /// # Errors
    /// A [`ShapeError`] where the numbers of elements differ, or where the elements are not contiguous in that order, so
    /// that they had to be copied: [`to_shape`](DistArray::to_shape) does that.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// assert_eq!(a.into_shape_with_order((3, 2)).unwrap(), array![[1, 2], [3, 4], [5, 6]]);
    /// ```
    #[track_caller]
    pub fn into_shape_with_order<E: ShapeArg>(self, shape: E) -> Result<DistArray<A, E::Dim>, ShapeError> {
        expect(self.into_held()).try_with_view(|view| view.into_shape_with_order(shape)).map(DistArray::from_held)
    }
}

impl<A: Element, D: Dimension> DistArray<A, D> {
    /// The array in another shape; the elements are shared where they lie in the right order, and copied where not.
    ///
    /// # Errors
    /// A [`ShapeError`] where the numbers of elements differ.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![1, 2, 3, 4]);
    /// assert_eq!(a.to_shape((2, 2)).unwrap(), array![[1, 2], [3, 4]]);
    /// assert!(a.to_shape((3, 2)).is_err());
    /// ```
    #[track_caller]
    pub fn to_shape<E: ShapeArg>(&self, shape: E) -> Result<DistArray<A, E::Dim>, ShapeError> {
        let (dim, order) = shape.into_shape_and_order();
        let order = order.unwrap_or(ndarray::Order::RowMajor);
        let held = expect(self.try_held());
        let reshaped = |held: Held<A, D>| {
            held.try_with_view(|view| view.into_shape_with_order((dim.clone(), order))).map(DistArray::from_held)
        };
        match reshaped(held.clone()) {
            Err(error) if error.kind() == ndarray::ErrorKind::IncompatibleLayout => {
                let in_order = match order {
                    ndarray::Order::ColumnMajor => {
                        let reversed = held.clone().with_view(|view| view.reversed_axes());
                        expect(closure::row_major(&reversed)).with_view(|view| view.reversed_axes())
                    }
                    _ => expect(closure::row_major(held)),
                };
                reshaped(in_order)
            }
            result => result,
        }
    }

    /// [`to_shape`](DistArray::to_shape) by value, under ndarray's name.
    ///
    /// # Errors
    /// A [`ShapeError`] where the numbers of elements differ.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![1, 2, 3, 4]);
    /// assert_eq!(a.into_shape_clone((2, 2)).unwrap(), array![[1, 2], [3, 4]]);
    /// ```
    #[track_caller]
    pub fn into_shape_clone<E: ShapeArg>(self, shape: E) -> Result<DistArray<A, E::Dim>, ShapeError> {
        self.to_shape(shape)
    }

    /// The array in another shape, in row-major order; shared where that needs no copy.
    ///
    /// # Panics
    /// Where the numbers of elements differ.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![1, 2, 3, 4]);
    /// assert_eq!(a.reshape((2, 2)), array![[1, 2], [3, 4]]);
    /// ```
    #[track_caller]
    pub fn reshape<E: IntoDimension>(&self, shape: E) -> DistArray<A, E::Dim> {
        let dim = shape.into_dimension();
        match self.to_shape(dim.clone()) {
            Ok(array) => array,
            Err(_) => expect(Err(crate::Error::Shape {
                operation: "reshape".to_owned(),
                left: self.shape().to_vec(),
                right: dim.slice().to_vec(),
            })),
        }
    }

    /// The elements in one dimension, in row-major order; shared where that needs no copy.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2], [3, 4]]);
    /// assert_eq!(a.flatten(), array![1, 2, 3, 4]);
    /// ```
    #[track_caller]
    pub fn flatten(&self) -> DistArray<A, ndarray::Ix1> {
        self.reshape(self.len())
    }
}

impl<A> DistArray<A, IxDyn> {
    /// Takes the sub-array at `index` along `axis`, in place. Panics where there is no such axis or index.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let mut a = a.into_dyn();
    /// a.index_axis_inplace(Axis(0), 1);
    /// assert_eq!(a, array![4, 5, 6]);
    /// ```
    #[track_caller]
    pub fn index_axis_inplace(&mut self, axis: Axis, index: usize) {
        expect(check_index("index_axis_inplace", self.shape(), axis, index));
        self.change_dyn(|view| view.index_axis_move(axis, index));
    }

    /// Adds an axis of length 1 at `axis`, in place. Panics where `axis` is greater than the number of axes.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let mut a = a.into_dyn();
    /// a.insert_axis_inplace(Axis(0));
    /// assert_eq!(a.shape(), [1, 2, 3]);
    /// ```
    #[track_caller]
    pub fn insert_axis_inplace(&mut self, axis: Axis) {
        expect(check_new_axis("insert_axis_inplace", axis, self.ndim()));
        self.change_dyn(|view| view.insert_axis(axis));
    }

    /// The array without its axes of length 1.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3]]);
    /// assert_eq!(a.into_dyn().squeeze(), array![1, 2, 3]);
    /// ```
    #[track_caller]
    pub fn squeeze(self) -> Self {
        self.with(|view| view.squeeze())
    }

    #[track_caller]
    fn change_dyn<'a>(&mut self, change: impl FnOnce(ArrayViewMut<'a, A, IxDyn>) -> ArrayViewMut<'a, A, IxDyn>)
    where
        A: 'a,
    {
        self.forget_partition();
        expect(self.held_mut()).change_view(change);
    }
}
