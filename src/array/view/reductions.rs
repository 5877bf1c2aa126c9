//! Reductions of views: each is that of an array on the same memory, or on a copy.

use std::ops::{Add, Div, Mul};

use ndarray::{Axis, Dimension, IxDyn, RemoveAxis};
use num_traits::{Float, FromPrimitive, One, Zero};

use crate::array::dist_array::{DistArray, expect};
use crate::array::operation::argument::Argument;
use crate::array::view::dist_view::DistView;
use crate::array::view::dist_view_mut::DistViewMut;
use crate::element::Element;
use crate::error::Result;

macro_rules! methods {
    ($View:ident) => {
        impl<A: Element, D: Dimension> $View<'_, A, D> {
            /// As [`DistArray::sum`].
            #[track_caller]
            pub fn sum(&self) -> A
            where
                A: Add<Output = A> + Zero,
            {
                expect(self.for_call()).sum()
            }

            /// As [`DistArray::try_sum`].
            pub fn try_sum(&self) -> Result<A>
            where
                A: Add<Output = A> + Zero,
            {
                self.for_call()?.try_sum()
            }

            /// As [`DistArray::product`].
            #[track_caller]
            pub fn product(&self) -> A
            where
                A: Mul<Output = A> + One,
            {
                expect(self.for_call()).product()
            }

            /// As [`DistArray::mean`].
            #[track_caller]
            pub fn mean(&self) -> Option<A>
            where
                A: FromPrimitive + Add<Output = A> + Div<Output = A> + Zero,
            {
                expect(self.for_call()).mean()
            }

            /// As [`DistArray::var`].
            #[track_caller]
            pub fn var(&self, ddof: A) -> A
            where
                A: Float + FromPrimitive,
            {
                expect(self.for_call()).var(ddof)
            }

            /// As [`DistArray::std`].
            #[track_caller]
            pub fn std(&self, ddof: A) -> A
            where
                A: Float + FromPrimitive,
            {
                expect(self.for_call()).std(ddof)
            }

            /// As [`DistArray::min`].
            #[track_caller]
            pub fn min(&self) -> Option<A>
            where
                A: PartialOrd,
            {
                expect(self.for_call()).min()
            }

            /// As [`DistArray::max`].
            #[track_caller]
            pub fn max(&self) -> Option<A>
            where
                A: PartialOrd,
            {
                expect(self.for_call()).max()
            }

            /// As [`DistArray::argmin`].
            #[track_caller]
            pub fn argmin(&self) -> Option<D::Pattern>
            where
                A: PartialOrd,
            {
                expect(self.for_call()).argmin()
            }

            /// As [`DistArray::argmax`].
            #[track_caller]
            pub fn argmax(&self) -> Option<D::Pattern>
            where
                A: PartialOrd,
            {
                expect(self.for_call()).argmax()
            }

            /// As [`DistArray::sum_axis`].
            #[track_caller]
            pub fn sum_axis(&self, axis: Axis) -> DistArray<A, D::Smaller>
            where
                A: Add<Output = A> + Zero,
                D: RemoveAxis,
            {
                expect(self.kept()).sum_axis(axis)
            }

            /// As [`DistArray::product_axis`].
            #[track_caller]
            pub fn product_axis(&self, axis: Axis) -> DistArray<A, D::Smaller>
            where
                A: Mul<Output = A> + One,
                D: RemoveAxis,
            {
                expect(self.kept()).product_axis(axis)
            }

            /// As [`DistArray::mean_axis`].
            #[track_caller]
            pub fn mean_axis(&self, axis: Axis) -> Option<DistArray<A, D::Smaller>>
            where
                A: FromPrimitive + Add<Output = A> + Div<Output = A> + Zero,
                D: RemoveAxis,
            {
                expect(self.kept()).mean_axis(axis)
            }

            /// As [`DistArray::var_axis`].
            #[track_caller]
            pub fn var_axis(&self, axis: Axis, ddof: A) -> DistArray<A, D::Smaller>
            where
                A: Float + FromPrimitive,
                D: RemoveAxis,
            {
                expect(self.kept()).var_axis(axis, ddof)
            }

            /// As [`DistArray::std_axis`].
            #[track_caller]
            pub fn std_axis(&self, axis: Axis, ddof: A) -> DistArray<A, D::Smaller>
            where
                A: Float + FromPrimitive,
                D: RemoveAxis,
            {
                expect(self.kept()).std_axis(axis, ddof)
            }

            /// As [`DistArray::min_axis`].
            #[track_caller]
            pub fn min_axis(&self, axis: Axis) -> Option<DistArray<A, D::Smaller>>
            where
                A: PartialOrd,
                D: RemoveAxis,
            {
                expect(self.kept()).min_axis(axis)
            }

            /// As [`DistArray::max_axis`].
            #[track_caller]
            pub fn max_axis(&self, axis: Axis) -> Option<DistArray<A, D::Smaller>>
            where
                A: PartialOrd,
                D: RemoveAxis,
            {
                expect(self.kept()).max_axis(axis)
            }

            /// As [`DistArray::argmin_axis`].
            #[track_caller]
            pub fn argmin_axis(&self, axis: Axis) -> Option<DistArray<usize, D::Smaller>>
            where
                A: PartialOrd,
                D: RemoveAxis,
            {
                expect(self.kept()).argmin_axis(axis)
            }

            /// As [`DistArray::argmax_axis`].
            #[track_caller]
            pub fn argmax_axis(&self, axis: Axis) -> Option<DistArray<usize, D::Smaller>>
            where
                A: PartialOrd,
                D: RemoveAxis,
            {
                expect(self.kept()).argmax_axis(axis)
            }

            /// As [`DistArray::sum_axes`].
            #[track_caller]
            pub fn sum_axes(&self, axes: &[Axis]) -> DistArray<A, IxDyn>
            where
                A: Add<Output = A> + Zero,
            {
                expect(self.kept()).sum_axes(axes)
            }

            /// As [`DistArray::product_axes`].
            #[track_caller]
            pub fn product_axes(&self, axes: &[Axis]) -> DistArray<A, IxDyn>
            where
                A: Mul<Output = A> + One,
            {
                expect(self.kept()).product_axes(axes)
            }

            /// As [`DistArray::mean_axes`].
            #[track_caller]
            pub fn mean_axes(&self, axes: &[Axis]) -> Option<DistArray<A, IxDyn>>
            where
                A: FromPrimitive + Add<Output = A> + Div<Output = A> + Zero,
            {
                expect(self.kept()).mean_axes(axes)
            }

            /// As [`DistArray::var_axes`].
            #[track_caller]
            pub fn var_axes(&self, axes: &[Axis], ddof: A) -> DistArray<A, IxDyn>
            where
                A: Float + FromPrimitive,
            {
                expect(self.kept()).var_axes(axes, ddof)
            }

            /// As [`DistArray::std_axes`].
            #[track_caller]
            pub fn std_axes(&self, axes: &[Axis], ddof: A) -> DistArray<A, IxDyn>
            where
                A: Float + FromPrimitive,
            {
                expect(self.kept()).std_axes(axes, ddof)
            }

            /// As [`DistArray::min_axes`].
            #[track_caller]
            pub fn min_axes(&self, axes: &[Axis]) -> Option<DistArray<A, IxDyn>>
            where
                A: PartialOrd,
            {
                expect(self.kept()).min_axes(axes)
            }

            /// As [`DistArray::max_axes`].
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
            #[track_caller]
            pub fn any(&self) -> bool {
                expect(self.for_call()).any()
            }

            /// As [`DistArray::all`].
            #[track_caller]
            pub fn all(&self) -> bool {
                expect(self.for_call()).all()
            }

            /// As [`DistArray::any_axis`].
            #[track_caller]
            pub fn any_axis(&self, axis: Axis) -> DistArray<bool, D::Smaller>
            where
                D: RemoveAxis,
            {
                expect(self.kept()).any_axis(axis)
            }

            /// As [`DistArray::all_axis`].
            #[track_caller]
            pub fn all_axis(&self, axis: Axis) -> DistArray<bool, D::Smaller>
            where
                D: RemoveAxis,
            {
                expect(self.kept()).all_axis(axis)
            }

            /// As [`DistArray::any_axes`].
            #[track_caller]
            pub fn any_axes(&self, axes: &[Axis]) -> DistArray<bool, IxDyn> {
                expect(self.kept()).any_axes(axes)
            }

            /// As [`DistArray::all_axes`].
            #[track_caller]
            pub fn all_axes(&self, axes: &[Axis]) -> DistArray<bool, IxDyn> {
                expect(self.kept()).all_axes(axes)
            }

            /// As [`DistArray::count_axis`].
            #[track_caller]
            pub fn count_axis(&self, axis: Axis) -> DistArray<usize, D::Smaller>
            where
                D: RemoveAxis,
            {
                expect(self.kept()).count_axis(axis)
            }

            /// As [`DistArray::count_axes`].
            #[track_caller]
            pub fn count_axes(&self, axes: &[Axis]) -> DistArray<usize, IxDyn> {
                expect(self.kept()).count_axes(axes)
            }

            /// As [`DistArray::choose`].
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
            pub fn try_choose<A, X, Y>(&self, yes: X, no: Y) -> Result<DistArray<A, Y::Output>>
            where
                A: Element,
                X: Argument<A, D>,
                Y: Argument<A, X::Output>,
            {
                self.kept()?.try_choose(yes, no)
            }

            /// As [`DistArray::count`].
            #[track_caller]
            pub fn count(&self) -> usize {
                expect(self.for_call()).count()
            }
        }
    };
}

methods!(DistView);
methods!(DistViewMut);
