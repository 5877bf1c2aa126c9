//! Reductions of views: each is that of an array on the same memory, or on a copy.

use std::ops::{Add, Div, Mul};

use ndarray::{Axis, Dimension, IxDyn, RemoveAxis};
use num_traits::{Float, FromPrimitive, One, Zero};

use crate::array::dist_array::{DistArray, expect};
use crate::array::example::example;
use crate::array::operation::argument::Argument;
use crate::array::operation::reduce::of_view;
use crate::array::view::dist_view::DistView;
use crate::array::view::dist_view_mut::DistViewMut;
use crate::element::Element;
use crate::error::Result;
use kernels::Fold;

macro_rules! methods {
    ($View:ident, $slice:ident) => {
        impl<A: Element, D: Dimension> $View<'_, A, D> {
            /// As [`DistArray::sum`].
            #[doc = example!($slice: "array![0, 1, 2, 3]", "1..", "sum()" => "6")]
            #[track_caller]
            pub fn sum(&self) -> A
            where
                A: Add<Output = A> + Zero,
            {
                expect(self.try_sum())
            }

            /// As [`DistArray::try_sum`].
            #[doc = example!($slice: "array![0, 1, 2, 3]", "1..", "try_sum().unwrap()" => "6")]
            pub fn try_sum(&self) -> Result<A>
            where
                A: Add<Output = A> + Zero,
            {
                match of_view(&self.view, self.hub(), Fold::Sum) {
                    Some(sum) => sum,
                    None => self.for_call()?.try_sum(),
                }
            }

            /// As [`DistArray::product`].
            #[doc = example!($slice: "array![0, 2, 3, 4]", "1..", "product()" => "24")]
            #[track_caller]
            pub fn product(&self) -> A
            where
                A: Mul<Output = A> + One,
            {
                match of_view(&self.view, self.hub(), Fold::Product) {
                    Some(product) => expect(product),
                    None => expect(self.for_call()).product(),
                }
            }

            /// As [`DistArray::mean`].
            #[doc = example!($slice: "array![0.0, 1.0, 2.0, 6.0]", "1..", "mean()" => "Some(3.0)")]
            #[track_caller]
            pub fn mean(&self) -> Option<A>
            where
                A: FromPrimitive + Add<Output = A> + Div<Output = A> + Zero,
            {
                expect(self.for_call()).mean()
            }

            /// As [`DistArray::var`].
            #[doc = example!($slice: "array![0.0, 1.0, 2.0, 3.0]", "1..", "var(1.0)" => "1.0")]
            #[track_caller]
            pub fn var(&self, ddof: A) -> A
            where
                A: Float + FromPrimitive,
            {
                expect(self.for_call()).var(ddof)
            }

            /// As [`DistArray::std`].
            #[doc = example!($slice: "array![0.0, 1.0, 3.0]", "1..", "std(0.0)" => "1.0")]
            #[track_caller]
            pub fn std(&self, ddof: A) -> A
            where
                A: Float + FromPrimitive,
            {
                expect(self.for_call()).std(ddof)
            }

            /// As [`DistArray::min`].
            #[doc = example!($slice: "array![0, 3, 1, 2]", "1..", "min()" => "Some(1)")]
            #[track_caller]
            pub fn min(&self) -> Option<A>
            where
                A: PartialOrd,
            {
                expect(self.for_call()).min()
            }

            /// As [`DistArray::max`].
            #[doc = example!($slice: "array![0, 3, 1, 2]", "1..", "max()" => "Some(3)")]
            #[track_caller]
            pub fn max(&self) -> Option<A>
            where
                A: PartialOrd,
            {
                expect(self.for_call()).max()
            }

            /// As [`DistArray::argmin`].
            #[doc = example!($slice: "array![0, 3, 1, 2]", "1..", "argmin()" => "Some(1)")]
            #[track_caller]
            pub fn argmin(&self) -> Option<D::Pattern>
            where
                A: PartialOrd,
            {
                expect(self.for_call()).argmin()
            }

            /// As [`DistArray::argmax`].
            #[doc = example!($slice: "array![0, 3, 1, 2]", "1..", "argmax()" => "Some(0)")]
            #[track_caller]
            pub fn argmax(&self) -> Option<D::Pattern>
            where
                A: PartialOrd,
            {
                expect(self.for_call()).argmax()
            }

            /// As [`DistArray::sum_axis`].
            #[doc = example!($slice: "array![[0, 0, 0], [1, 2, 3], [4, 5, 6]]", "1.., ..", "sum_axis(Axis(1))" => "array![6, 15]")]
            #[track_caller]
            pub fn sum_axis(&self, axis: Axis) -> DistArray<A, D::Smaller>
            where
                A: Add<Output = A> + Zero,
                D: RemoveAxis,
            {
                expect(self.kept()).sum_axis(axis)
            }

            /// As [`DistArray::product_axis`].
            #[doc = example!($slice: "array![[0, 0, 0], [1, 2, 3], [4, 5, 6]]", "1.., ..", "product_axis(Axis(1))" => "array![6, 120]")]
            #[track_caller]
            pub fn product_axis(&self, axis: Axis) -> DistArray<A, D::Smaller>
            where
                A: Mul<Output = A> + One,
                D: RemoveAxis,
            {
                expect(self.kept()).product_axis(axis)
            }

            /// As [`DistArray::mean_axis`].
            #[doc = example!($slice: "array![[0.0, 0.0, 0.0], [1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]", "1.., ..", "mean_axis(Axis(1)).unwrap()" => "array![2.0, 4.0]")]
            #[track_caller]
            pub fn mean_axis(&self, axis: Axis) -> Option<DistArray<A, D::Smaller>>
            where
                A: FromPrimitive + Add<Output = A> + Div<Output = A> + Zero,
                D: RemoveAxis,
            {
                expect(self.kept()).mean_axis(axis)
            }

            /// As [`DistArray::var_axis`].
            #[doc = example!($slice: "array![[0.0, 0.0, 0.0], [1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]", "1.., ..", "var_axis(Axis(1), 1.0)" => "array![1.0, 4.0]")]
            #[track_caller]
            pub fn var_axis(&self, axis: Axis, ddof: A) -> DistArray<A, D::Smaller>
            where
                A: Float + FromPrimitive,
                D: RemoveAxis,
            {
                expect(self.kept()).var_axis(axis, ddof)
            }

            /// As [`DistArray::std_axis`].
            #[doc = example!($slice: "array![[0.0, 0.0, 0.0], [1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]", "1.., ..", "std_axis(Axis(1), 1.0)" => "array![1.0, 2.0]")]
            #[track_caller]
            pub fn std_axis(&self, axis: Axis, ddof: A) -> DistArray<A, D::Smaller>
            where
                A: Float + FromPrimitive,
                D: RemoveAxis,
            {
                expect(self.kept()).std_axis(axis, ddof)
            }

            /// As [`DistArray::min_axis`].
            #[doc = example!($slice: "array![[0, 0, 0], [3, 1, 2], [4, 6, 5]]", "1.., ..", "min_axis(Axis(1)).unwrap()" => "array![1, 4]")]
            #[track_caller]
            pub fn min_axis(&self, axis: Axis) -> Option<DistArray<A, D::Smaller>>
            where
                A: PartialOrd,
                D: RemoveAxis,
            {
                expect(self.kept()).min_axis(axis)
            }

            /// As [`DistArray::max_axis`].
            #[doc = example!($slice: "array![[0, 0, 0], [3, 1, 2], [4, 6, 5]]", "1.., ..", "max_axis(Axis(1)).unwrap()" => "array![3, 6]")]
            #[track_caller]
            pub fn max_axis(&self, axis: Axis) -> Option<DistArray<A, D::Smaller>>
            where
                A: PartialOrd,
                D: RemoveAxis,
            {
                expect(self.kept()).max_axis(axis)
            }

            /// As [`DistArray::argmin_axis`].
            #[doc = example!($slice: "array![[0, 0, 0], [3, 1, 2], [4, 6, 5]]", "1.., ..", "argmin_axis(Axis(1)).unwrap()" => "array![1, 0]")]
            #[track_caller]
            pub fn argmin_axis(&self, axis: Axis) -> Option<DistArray<usize, D::Smaller>>
            where
                A: PartialOrd,
                D: RemoveAxis,
            {
                expect(self.kept()).argmin_axis(axis)
            }

            /// As [`DistArray::argmax_axis`].
            #[doc = example!($slice: "array![[0, 0, 0], [3, 1, 2], [4, 6, 5]]", "1.., ..", "argmax_axis(Axis(1)).unwrap()" => "array![0, 1]")]
            #[track_caller]
            pub fn argmax_axis(&self, axis: Axis) -> Option<DistArray<usize, D::Smaller>>
            where
                A: PartialOrd,
                D: RemoveAxis,
            {
                expect(self.kept()).argmax_axis(axis)
            }

            /// As [`DistArray::sum_axes`].
            #[doc = example!($slice: "array![[0, 0, 0], [1, 2, 3], [4, 5, 6]]", "1.., ..", "sum_axes(&[Axis(0), Axis(1)])" => "arr0(21)")]
            #[track_caller]
            pub fn sum_axes(&self, axes: &[Axis]) -> DistArray<A, IxDyn>
            where
                A: Add<Output = A> + Zero,
            {
                expect(self.kept()).sum_axes(axes)
            }

            /// As [`DistArray::product_axes`].
            #[doc = example!($slice: "array![[0, 0, 0], [1, 2, 3], [4, 5, 6]]", "1.., ..", "product_axes(&[Axis(0), Axis(1)])" => "arr0(720)")]
            #[track_caller]
            pub fn product_axes(&self, axes: &[Axis]) -> DistArray<A, IxDyn>
            where
                A: Mul<Output = A> + One,
            {
                expect(self.kept()).product_axes(axes)
            }

            /// As [`DistArray::mean_axes`].
            #[doc = example!($slice: "array![[0.0, 0.0, 0.0], [1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]", "1.., ..", "mean_axes(&[Axis(0), Axis(1)]).unwrap()" => "arr0(3.0)")]
            #[track_caller]
            pub fn mean_axes(&self, axes: &[Axis]) -> Option<DistArray<A, IxDyn>>
            where
                A: FromPrimitive + Add<Output = A> + Div<Output = A> + Zero,
            {
                expect(self.kept()).mean_axes(axes)
            }

            /// As [`DistArray::var_axes`].
            #[doc = example!($slice: "array![[0.0, 0.0], [1.0, 3.0], [3.0, 1.0]]", "1.., ..", "var_axes(&[Axis(0), Axis(1)], 0.0)" => "arr0(1.0)")]
            #[track_caller]
            pub fn var_axes(&self, axes: &[Axis], ddof: A) -> DistArray<A, IxDyn>
            where
                A: Float + FromPrimitive,
            {
                expect(self.kept()).var_axes(axes, ddof)
            }

            /// As [`DistArray::std_axes`].
            #[doc = example!($slice: "array![[0.0, 0.0], [1.0, 3.0], [3.0, 1.0]]", "1.., ..", "std_axes(&[Axis(0), Axis(1)], 0.0)" => "arr0(1.0)")]
            #[track_caller]
            pub fn std_axes(&self, axes: &[Axis], ddof: A) -> DistArray<A, IxDyn>
            where
                A: Float + FromPrimitive,
            {
                expect(self.kept()).std_axes(axes, ddof)
            }

            /// As [`DistArray::min_axes`].
            #[doc = example!($slice: "array![[0, 0, 0], [3, 1, 2], [4, 6, 5]]", "1.., ..", "min_axes(&[Axis(0), Axis(1)]).unwrap()" => "arr0(1)")]
            #[track_caller]
            pub fn min_axes(&self, axes: &[Axis]) -> Option<DistArray<A, IxDyn>>
            where
                A: PartialOrd,
            {
                expect(self.kept()).min_axes(axes)
            }

            /// As [`DistArray::max_axes`].
            #[doc = example!($slice: "array![[0, 0, 0], [3, 1, 2], [4, 6, 5]]", "1.., ..", "max_axes(&[Axis(0), Axis(1)]).unwrap()" => "arr0(6)")]
            #[track_caller]
            pub fn max_axes(&self, axes: &[Axis]) -> Option<DistArray<A, IxDyn>>
            where
                A: PartialOrd,
            {
                expect(self.kept()).max_axes(axes)
            }
        }

        impl<D: Dimension> $View<'_, bool, D> {
            /// As [`DistArray::any`].
            #[doc = example!($slice: "array![false, false, true]", "1..", "any()" => "true")]
            #[track_caller]
            pub fn any(&self) -> bool {
                expect(self.for_call()).any()
            }

            /// As [`DistArray::all`].
            #[doc = example!($slice: "array![false, false, true]", "1..", "all()" => "false")]
            #[track_caller]
            pub fn all(&self) -> bool {
                expect(self.for_call()).all()
            }

            /// As [`DistArray::any_axis`].
            #[doc = example!($slice: "array![[false, false], [true, false], [false, false]]", "1.., ..", "any_axis(Axis(1))" => "array![true, false]")]
            #[track_caller]
            pub fn any_axis(&self, axis: Axis) -> DistArray<bool, D::Smaller>
            where
                D: RemoveAxis,
            {
                expect(self.kept()).any_axis(axis)
            }

            /// As [`DistArray::all_axis`].
            #[doc = example!($slice: "array![[false, false], [true, true], [true, false]]", "1.., ..", "all_axis(Axis(1))" => "array![true, false]")]
            #[track_caller]
            pub fn all_axis(&self, axis: Axis) -> DistArray<bool, D::Smaller>
            where
                D: RemoveAxis,
            {
                expect(self.kept()).all_axis(axis)
            }

            /// As [`DistArray::any_axes`].
            #[doc = example!($slice: "array![[false, false], [true, true], [true, false]]", "1.., ..", "any_axes(&[Axis(0), Axis(1)])" => "arr0(true)")]
            #[track_caller]
            pub fn any_axes(&self, axes: &[Axis]) -> DistArray<bool, IxDyn> {
                expect(self.kept()).any_axes(axes)
            }

            /// As [`DistArray::all_axes`].
            #[doc = example!($slice: "array![[false, false], [true, true], [true, false]]", "1.., ..", "all_axes(&[Axis(0), Axis(1)])" => "arr0(false)")]
            #[track_caller]
            pub fn all_axes(&self, axes: &[Axis]) -> DistArray<bool, IxDyn> {
                expect(self.kept()).all_axes(axes)
            }

            /// As [`DistArray::count_axis`].
            #[doc = example!($slice: "array![[false, false], [true, true], [true, false]]", "1.., ..", "count_axis(Axis(1))" => "array![2, 1]")]
            #[track_caller]
            pub fn count_axis(&self, axis: Axis) -> DistArray<usize, D::Smaller>
            where
                D: RemoveAxis,
            {
                expect(self.kept()).count_axis(axis)
            }

            /// As [`DistArray::count_axes`].
            #[doc = example!($slice: "array![[false, false], [true, true], [true, false]]", "1.., ..", "count_axes(&[Axis(0), Axis(1)])" => "arr0(3)")]
            #[track_caller]
            pub fn count_axes(&self, axes: &[Axis]) -> DistArray<usize, IxDyn> {
                expect(self.kept()).count_axes(axes)
            }

            /// As [`DistArray::choose`].
            #[doc = example!($slice: "array![false, true, false, true]", "1..", "choose(array![1, 2, 3], 0)" => "array![1, 0, 3]")]
            #[track_caller]
            pub fn choose<A, X, Y>(&self, yes: X, no: Y) -> DistArray<A, Y::Output>
            where
                A: Element,
                X: Argument<A, D>,
                Y: Argument<A, X::Output>,
            {
                expect(self.kept()).choose(yes, no)
            }

            /// As [`DistArray::try_choose`].
            #[doc = example!($slice: "array![false, true, false, true]", "1..", "try_choose(array![1, 2, 3], 0).unwrap()" => "array![1, 0, 3]")]
            pub fn try_choose<A, X, Y>(&self, yes: X, no: Y) -> Result<DistArray<A, Y::Output>>
            where
                A: Element,
                X: Argument<A, D>,
                Y: Argument<A, X::Output>,
            {
                self.kept()?.try_choose(yes, no)
            }

            /// As [`DistArray::count`].
            #[doc = example!($slice: "array![false, true, false, true]", "1..", "count()" => "2")]
            #[track_caller]
            pub fn count(&self) -> usize {
                expect(self.for_call()).count()
            }
        }
    };
}

methods!(DistView, slice);
methods!(DistViewMut, slice_mut);
