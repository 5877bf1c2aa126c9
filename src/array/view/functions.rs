//! Functions of each element of a view, casts, closures, shapes and copies: each is that of an array on the same memory, or on a copy.

use std::ops::Mul;
use std::path::Path;

use ndarray::{Array, Axis, Dimension, IntoDimension, ShapeArg, ShapeError};
use num_traits::{Float, Signed};

use crate::Message;
use crate::array::dist_array::{DistArray, expect};
use crate::array::function::{Add, Binary, Multiply};
use crate::array::method::{DotDim, Input};
use crate::array::operation::argument::Argument;
use crate::array::view::dist_view::DistView;
use crate::array::view::dist_view_mut::DistViewMut;
use crate::element::Element;
use crate::error::Result;

macro_rules! methods {
    ($View:ident) => {
        impl<A: Element, D: Dimension> $View<'_, A, D> {
            /// As [`DistArray::astype`].
            #[track_caller]
            pub fn astype<B: Element>(&self) -> DistArray<B, D> {
                expect(self.kept()).astype()
            }

            /// As [`DistArray::try_astype`].
            pub fn try_astype<B: Element>(&self) -> Result<DistArray<B, D>> {
                self.kept()?.try_astype()
            }

            /// As [`DistArray::mapv`].
            #[track_caller]
            pub fn mapv<B: Element>(&self, f: impl Fn(A) -> B + Sync) -> DistArray<B, D> {
                expect(self.kept()).mapv(f)
            }

            /// As [`DistArray::try_mapv`].
            pub fn try_mapv<B: Element>(&self, f: impl Fn(A) -> B + Sync) -> Result<DistArray<B, D>> {
                self.kept()?.try_mapv(f)
            }

            /// As [`DistArray::map_with`].
            #[track_caller]
            pub fn map_with<S, B>(&self, state: &S, f: fn(&S, A) -> B) -> DistArray<B, D>
            where
                S: Message + Send + Sync + 'static,
                B: Element,
            {
                expect(self.kept()).map_with(state, f)
            }

            /// As [`DistArray::try_map_with`].
            pub fn try_map_with<S, B>(&self, state: &S, f: fn(&S, A) -> B) -> Result<DistArray<B, D>>
            where
                S: Message + Send + Sync + 'static,
                B: Element,
            {
                self.kept()?.try_map_with(state, f)
            }

            /// As [`DistArray::map`].
            #[track_caller]
            pub fn map<B: Element>(&self, f: impl Fn(&A) -> B + Sync) -> DistArray<B, D> {
                expect(self.kept()).map(f)
            }

            /// As [`DistArray::zip_with`].
            #[track_caller]
            pub fn zip_with<B, C, R>(&self, other: R, f: impl Fn(A, B) -> C + Sync) -> DistArray<C, R::Output>
            where
                B: Element,
                C: Element,
                R: Argument<B, D>,
            {
                expect(self.kept()).zip_with(other, f)
            }

            /// As [`DistArray::try_zip_with`].
            pub fn try_zip_with<B, C, R>(
                &self,
                other: R,
                f: impl Fn(A, B) -> C + Sync,
            ) -> Result<DistArray<C, R::Output>>
            where
                B: Element,
                C: Element,
                R: Argument<B, D>,
            {
                self.kept()?.try_zip_with(other, f)
            }

            /// As [`DistArray::broadcast`].
            #[track_caller]
            pub fn broadcast<E: IntoDimension>(&self, shape: E) -> Option<DistArray<A, E::Dim>> {
                expect(self.kept()).broadcast(shape)
            }

            /// As [`DistArray::try_broadcast`].
            pub fn try_broadcast<E: IntoDimension>(&self, shape: E) -> Result<DistArray<A, E::Dim>> {
                self.kept()?.try_broadcast(shape)
            }

            /// As [`DistArray::to_shape`].
            #[track_caller]
            pub fn to_shape<E: ShapeArg>(&self, shape: E) -> Result<DistArray<A, E::Dim>, ShapeError> {
                expect(self.kept()).to_shape(shape)
            }

            /// As [`DistArray::reshape`].
            #[track_caller]
            pub fn reshape<E: IntoDimension>(&self, shape: E) -> DistArray<A, E::Dim> {
                expect(self.kept()).reshape(shape)
            }

            /// As [`DistArray::flatten`].
            #[track_caller]
            pub fn flatten(&self) -> DistArray<A, ndarray::Ix1> {
                expect(self.kept()).flatten()
            }

            /// As [`DistArray::save_npy`].
            pub fn save_npy(&self, path: impl AsRef<Path>) -> Result<()> {
                self.for_call()?.save_npy(path)
            }

            /// As [`DistArray::gather`].
            #[track_caller]
            pub fn gather(&self) -> Array<A, D> {
                expect(self.for_call()).gather()
            }

            /// As [`DistArray::try_gather`].
            pub fn try_gather(&self) -> Result<Array<A, D>> {
                self.for_call()?.try_gather()
            }

            /// As [`DistArray::cumsum`].
            #[track_caller]
            pub fn cumsum(&self, axis: Axis) -> DistArray<A, D>
            where
                Add: Binary<A, Output = A>,
            {
                expect(self.kept()).cumsum(axis)
            }

            /// As [`DistArray::cumprod`].
            #[track_caller]
            pub fn cumprod(&self, axis: Axis) -> DistArray<A, D>
            where
                Multiply: Binary<A, Output = A>,
            {
                expect(self.kept()).cumprod(axis)
            }

            /// As [`DistArray::dot`].
            #[track_caller]
            pub fn dot<Y: Input<Elem = A>>(&self, rhs: Y) -> D::Product
            where
                D: DotDim<A, Y::Dim>,
                Multiply: Binary<A, Output = A>,
                Add: Binary<A, Output = A>,
            {
                expect(self.kept()).dot(rhs)
            }

            /// As [`DistArray::equal`].
            #[track_caller]
            pub fn equal<R: Argument<A, D>>(&self, other: R) -> DistArray<bool, R::Output>
            where
                A: PartialEq,
            {
                expect(self.kept()).equal(other)
            }

            /// As [`DistArray::not_equal`].
            #[track_caller]
            pub fn not_equal<R: Argument<A, D>>(&self, other: R) -> DistArray<bool, R::Output>
            where
                A: PartialEq,
            {
                expect(self.kept()).not_equal(other)
            }

            /// As [`DistArray::less`].
            #[track_caller]
            pub fn less<R: Argument<A, D>>(&self, other: R) -> DistArray<bool, R::Output>
            where
                A: PartialOrd,
            {
                expect(self.kept()).less(other)
            }

            /// As [`DistArray::less_equal`].
            #[track_caller]
            pub fn less_equal<R: Argument<A, D>>(&self, other: R) -> DistArray<bool, R::Output>
            where
                A: PartialOrd,
            {
                expect(self.kept()).less_equal(other)
            }

            /// As [`DistArray::greater`].
            #[track_caller]
            pub fn greater<R: Argument<A, D>>(&self, other: R) -> DistArray<bool, R::Output>
            where
                A: PartialOrd,
            {
                expect(self.kept()).greater(other)
            }

            /// As [`DistArray::greater_equal`].
            #[track_caller]
            pub fn greater_equal<R: Argument<A, D>>(&self, other: R) -> DistArray<bool, R::Output>
            where
                A: PartialOrd,
            {
                expect(self.kept()).greater_equal(other)
            }
        }

        impl<A: Element + Float, D: Dimension> $View<'_, A, D> {
            /// As [`DistArray::erf`].
            #[track_caller]
            pub fn erf(&self) -> DistArray<A, D> {
                expect(self.kept()).erf()
            }

            /// As [`DistArray::powi`].
            #[track_caller]
            pub fn powi(&self, exponent: i32) -> DistArray<A, D> {
                expect(self.kept()).powi(exponent)
            }

            /// As [`DistArray::powf`].
            #[track_caller]
            pub fn powf<R: Argument<A, D>>(&self, exponent: R) -> DistArray<A, R::Output> {
                expect(self.kept()).powf(exponent)
            }

            /// As [`DistArray::atan2`].
            #[track_caller]
            pub fn atan2<R: Argument<A, D>>(&self, other: R) -> DistArray<A, R::Output> {
                expect(self.kept()).atan2(other)
            }

            /// As [`DistArray::hypot`].
            #[track_caller]
            pub fn hypot<R: Argument<A, D>>(&self, other: R) -> DistArray<A, R::Output> {
                expect(self.kept()).hypot(other)
            }

            /// As [`DistArray::is_nan`].
            #[track_caller]
            pub fn is_nan(&self) -> DistArray<bool, D> {
                expect(self.kept()).is_nan()
            }

            /// As [`DistArray::is_infinite`].
            #[track_caller]
            pub fn is_infinite(&self) -> DistArray<bool, D> {
                expect(self.kept()).is_infinite()
            }

            /// As [`DistArray::is_finite`].
            #[track_caller]
            pub fn is_finite(&self) -> DistArray<bool, D> {
                expect(self.kept()).is_finite()
            }

            /// As [`DistArray::fract`].
            #[track_caller]
            pub fn fract(&self) -> DistArray<A, D> {
                expect(self.kept()).fract()
            }

            /// As [`DistArray::sqrt`].
            #[track_caller]
            pub fn sqrt(&self) -> DistArray<A, D> {
                expect(self.kept()).sqrt()
            }

            /// As [`DistArray::recip`].
            #[track_caller]
            pub fn recip(&self) -> DistArray<A, D> {
                expect(self.kept()).recip()
            }

            /// As [`DistArray::floor`].
            #[track_caller]
            pub fn floor(&self) -> DistArray<A, D> {
                expect(self.kept()).floor()
            }

            /// As [`DistArray::ceil`].
            #[track_caller]
            pub fn ceil(&self) -> DistArray<A, D> {
                expect(self.kept()).ceil()
            }

            /// As [`DistArray::round`].
            #[track_caller]
            pub fn round(&self) -> DistArray<A, D> {
                expect(self.kept()).round()
            }

            /// As [`DistArray::trunc`].
            #[track_caller]
            pub fn trunc(&self) -> DistArray<A, D> {
                expect(self.kept()).trunc()
            }

            /// As [`DistArray::exp`].
            #[track_caller]
            pub fn exp(&self) -> DistArray<A, D> {
                expect(self.kept()).exp()
            }

            /// As [`DistArray::exp2`].
            #[track_caller]
            pub fn exp2(&self) -> DistArray<A, D> {
                expect(self.kept()).exp2()
            }

            /// As [`DistArray::exp_m1`].
            #[track_caller]
            pub fn exp_m1(&self) -> DistArray<A, D> {
                expect(self.kept()).exp_m1()
            }

            /// As [`DistArray::ln`].
            #[track_caller]
            pub fn ln(&self) -> DistArray<A, D> {
                expect(self.kept()).ln()
            }

            /// As [`DistArray::ln_1p`].
            #[track_caller]
            pub fn ln_1p(&self) -> DistArray<A, D> {
                expect(self.kept()).ln_1p()
            }

            /// As [`DistArray::log2`].
            #[track_caller]
            pub fn log2(&self) -> DistArray<A, D> {
                expect(self.kept()).log2()
            }

            /// As [`DistArray::log10`].
            #[track_caller]
            pub fn log10(&self) -> DistArray<A, D> {
                expect(self.kept()).log10()
            }

            /// As [`DistArray::sin`].
            #[track_caller]
            pub fn sin(&self) -> DistArray<A, D> {
                expect(self.kept()).sin()
            }

            /// As [`DistArray::cos`].
            #[track_caller]
            pub fn cos(&self) -> DistArray<A, D> {
                expect(self.kept()).cos()
            }

            /// As [`DistArray::tan`].
            #[track_caller]
            pub fn tan(&self) -> DistArray<A, D> {
                expect(self.kept()).tan()
            }

            /// As [`DistArray::asin`].
            #[track_caller]
            pub fn asin(&self) -> DistArray<A, D> {
                expect(self.kept()).asin()
            }

            /// As [`DistArray::acos`].
            #[track_caller]
            pub fn acos(&self) -> DistArray<A, D> {
                expect(self.kept()).acos()
            }

            /// As [`DistArray::atan`].
            #[track_caller]
            pub fn atan(&self) -> DistArray<A, D> {
                expect(self.kept()).atan()
            }

            /// As [`DistArray::sinh`].
            #[track_caller]
            pub fn sinh(&self) -> DistArray<A, D> {
                expect(self.kept()).sinh()
            }

            /// As [`DistArray::cosh`].
            #[track_caller]
            pub fn cosh(&self) -> DistArray<A, D> {
                expect(self.kept()).cosh()
            }

            /// As [`DistArray::tanh`].
            #[track_caller]
            pub fn tanh(&self) -> DistArray<A, D> {
                expect(self.kept()).tanh()
            }
        }

        impl<A: Element + Signed, D: Dimension> $View<'_, A, D> {
            /// As [`DistArray::abs`].
            #[track_caller]
            pub fn abs(&self) -> DistArray<A, D> {
                expect(self.kept()).abs()
            }

            /// As [`DistArray::signum`].
            #[track_caller]
            pub fn signum(&self) -> DistArray<A, D> {
                expect(self.kept()).signum()
            }
        }

        impl<A: Element + Mul<Output = A>, D: Dimension> $View<'_, A, D> {
            /// As [`DistArray::square`].
            #[track_caller]
            pub fn square(&self) -> DistArray<A, D> {
                expect(self.kept()).square()
            }

            /// As [`DistArray::pow2`].
            #[track_caller]
            pub fn pow2(&self) -> DistArray<A, D> {
                expect(self.kept()).pow2()
            }
        }

        impl<A: Element + PartialOrd, D: Dimension> $View<'_, A, D> {
            /// As [`DistArray::minimum`].
            #[track_caller]
            pub fn minimum<R: Argument<A, D>>(&self, other: R) -> DistArray<A, R::Output> {
                expect(self.kept()).minimum(other)
            }

            /// As [`DistArray::maximum`].
            #[track_caller]
            pub fn maximum<R: Argument<A, D>>(&self, other: R) -> DistArray<A, R::Output> {
                expect(self.kept()).maximum(other)
            }

            /// As [`DistArray::clamp`].
            #[track_caller]
            pub fn clamp(&self, min: A, max: A) -> DistArray<A, D> {
                expect(self.kept()).clamp(min, max)
            }
        }
    };
}

methods!(DistView);
methods!(DistViewMut);
