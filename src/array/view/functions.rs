//! Functions of each element of a view, casts, closures, shapes and copies: each is that of an array on the same memory, or on a copy.

use std::ops::Mul;
use std::path::Path;

use ndarray::{Array, Axis, Dimension, IntoDimension, ShapeArg, ShapeError};
use num_traits::{Float, Signed};

use crate::Message;
use crate::array::dist_array::{DistArray, expect};
use crate::array::example::example;
use crate::array::function::{Add, Binary, Multiply};
use crate::array::method::{DotDim, Input, dot};
use crate::array::operation::argument::Argument;
use crate::array::view::dist_view::DistView;
use crate::array::view::dist_view_mut::DistViewMut;
use crate::element::Element;
use crate::error::Result;

macro_rules! methods {
    ($View:ident, $slice:ident) => {
        impl<A: Element, D: Dimension> $View<'_, A, D> {
            /// As [`DistArray::astype`].
            #[doc = example!($slice: "array![0.0, 1.7, -1.7]", "1..", "astype::<i32>()" => "array![1, -1]")]
            #[track_caller]
            pub fn astype<B: Element>(&self) -> DistArray<B, D> {
                expect(self.kept()).astype()
            }

            /// As [`DistArray::try_astype`].
            #[doc = example!($slice: "array![0.0, 1.7, -1.7]", "1..", "try_astype::<i32>().unwrap()" => "array![1, -1]")]
            pub fn try_astype<B: Element>(&self) -> Result<DistArray<B, D>> {
                self.kept()?.try_astype()
            }

            /// As [`DistArray::mapv`].
            #[doc = example!($slice: "array![0, 1, 2]", "1..", "mapv(|x| x * 10)" => "array![10, 20]")]
            #[track_caller]
            pub fn mapv<B: Element>(&self, f: impl Fn(A) -> B + Sync) -> DistArray<B, D> {
                expect(self.kept()).mapv(f)
            }

            /// As [`DistArray::try_mapv`].
            #[doc = example!($slice: "array![0, 1, 2]", "1..", "try_mapv(|x| x * 10).unwrap()" => "array![10, 20]")]
            pub fn try_mapv<B: Element>(&self, f: impl Fn(A) -> B + Sync) -> Result<DistArray<B, D>> {
                self.kept()?.try_mapv(f)
            }

            /// As [`DistArray::map_with`].
            #[doc = example!($slice: "array![0.0, 1.0, 5.0]", "1..", "map_with(&2.0, |&limit, x: f64| x.min(limit))" => "array![1.0, 2.0]")]
            #[track_caller]
            pub fn map_with<S, B>(&self, state: &S, f: fn(&S, A) -> B) -> DistArray<B, D>
            where
                S: Message + Send + Sync + 'static,
                B: Element,
            {
                expect(self.kept()).map_with(state, f)
            }

            /// As [`DistArray::try_map_with`].
            #[doc = example!($slice: "array![0.0, 1.0, 5.0]", "1..", "try_map_with(&2.0, |&limit, x: f64| x.min(limit)).unwrap()" => "array![1.0, 2.0]")]
            pub fn try_map_with<S, B>(&self, state: &S, f: fn(&S, A) -> B) -> Result<DistArray<B, D>>
            where
                S: Message + Send + Sync + 'static,
                B: Element,
            {
                self.kept()?.try_map_with(state, f)
            }

            /// As [`DistArray::map`].
            #[doc = example!($slice: "array![0, 1, 2]", "1..", "map(|x| x * 10)" => "array![10, 20]")]
            #[track_caller]
            pub fn map<B: Element>(&self, f: impl Fn(&A) -> B + Sync) -> DistArray<B, D> {
                expect(self.kept()).map(f)
            }

            /// As [`DistArray::zip_with`].
            #[doc = example!($slice: "array![0, 1, 2]", "1..", "zip_with(array![10, 20], |x, y: i32| x + y)" => "array![11, 22]")]
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
            #[doc = example!($slice: "array![0, 1, 2]", "1..", "try_zip_with(array![10, 20], |x, y: i32| x + y).unwrap()" => "array![11, 22]")]
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
            #[doc = example!($slice: "array![0, 1, 2]", "1..", "broadcast((2, 2)).unwrap()" => "array![[1, 2], [1, 2]]")]
            #[track_caller]
            pub fn broadcast<E: IntoDimension>(&self, shape: E) -> Option<DistArray<A, E::Dim>> {
                expect(self.kept()).broadcast(shape)
            }

            /// As [`DistArray::try_broadcast`].
            #[doc = example!($slice: "array![0, 1, 2]", "1..", "try_broadcast((2, 2)).unwrap()" => "array![[1, 2], [1, 2]]")]
            pub fn try_broadcast<E: IntoDimension>(&self, shape: E) -> Result<DistArray<A, E::Dim>> {
                self.kept()?.try_broadcast(shape)
            }

            /// As [`DistArray::to_shape`].
            #[doc = example!($slice: "array![0, 1, 2, 3, 4]", "1..", "to_shape((2, 2)).unwrap()" => "array![[1, 2], [3, 4]]")]
            #[track_caller]
            pub fn to_shape<E: ShapeArg>(&self, shape: E) -> Result<DistArray<A, E::Dim>, ShapeError> {
                expect(self.kept()).to_shape(shape)
            }

            /// As [`DistArray::reshape`].
            #[doc = example!($slice: "array![0, 1, 2, 3, 4]", "1..", "reshape((2, 2))" => "array![[1, 2], [3, 4]]")]
            #[track_caller]
            pub fn reshape<E: IntoDimension>(&self, shape: E) -> DistArray<A, E::Dim> {
                expect(self.kept()).reshape(shape)
            }

            /// As [`DistArray::flatten`].
            #[doc = example!($slice: "array![[0, 0], [1, 2], [3, 4]]", "1.., ..", "flatten()" => "array![1, 2, 3, 4]")]
            #[track_caller]
            pub fn flatten(&self) -> DistArray<A, ndarray::Ix1> {
                expect(self.kept()).flatten()
            }

            /// As [`DistArray::save_npy`].
            #[doc = example!(
                "let path = std::env::temp_dir().join(format!(\"distob-view-save-npy-{}.npy\", std::process::id()));",
                concat!("DistArray::from(array![[1.5, 2.5], [3.5, 4.5]]).", stringify!($slice), "(s![1, ..]).save_npy(&path)?;"),
                "let row: DistArray1<f64> = Hub::current()?.open_npy(&path)?;",
                "assert_eq!(row, array![3.5, 4.5]);",
                "# std::fs::remove_file(&path).unwrap();",
                "# Ok::<(), distob::Error>(())"
            )]
            pub fn save_npy(&self, path: impl AsRef<Path>) -> Result<()> {
                self.for_call()?.save_npy(path)
            }

            /// As [`DistArray::gather`].
            #[doc = example!($slice: "array![0, 1, 2]", "1..", "gather()" => "array![1, 2]")]
            #[track_caller]
            pub fn gather(&self) -> Array<A, D> {
                expect(self.for_call()).gather()
            }

            /// As [`DistArray::try_gather`].
            #[doc = example!($slice: "array![0, 1, 2]", "1..", "try_gather().unwrap()" => "array![1, 2]")]
            pub fn try_gather(&self) -> Result<Array<A, D>> {
                self.for_call()?.try_gather()
            }

            /// As [`DistArray::cumsum`].
            #[doc = example!($slice: "array![0, 1, 2, 3]", "1..", "cumsum(Axis(0))" => "array![1, 3, 6]")]
            #[track_caller]
            pub fn cumsum(&self, axis: Axis) -> DistArray<A, D>
            where
                Add: Binary<A, Output = A>,
            {
                expect(self.kept()).cumsum(axis)
            }

            /// As [`DistArray::cumprod`].
            #[doc = example!($slice: "array![0, 1, 2, 3]", "1..", "cumprod(Axis(0))" => "array![1, 2, 6]")]
            #[track_caller]
            pub fn cumprod(&self, axis: Axis) -> DistArray<A, D>
            where
                Multiply: Binary<A, Output = A>,
            {
                expect(self.kept()).cumprod(axis)
            }

            /// As [`DistArray::dot`].
            #[doc = example!($slice: "array![[0, 0], [1, 2], [3, 4]]", "1.., ..", "dot(array![1, 10])" => "array![21, 43]")]
            #[track_caller]
            pub fn dot<Y: Input<Elem = A>>(&self, rhs: Y) -> D::Product
            where
                D: DotDim<A, Y::Dim>,
                Multiply: Binary<A, Output = A>,
                Add: Binary<A, Output = A>,
            {
                expect(dot(&self.as_arg(), &rhs.view_arg()))
            }

            /// As [`DistArray::equal`].
            #[doc = example!($slice: "array![0, 1, 2, 3]", "1..", "equal(2)" => "array![false, true, false]")]
            #[track_caller]
            pub fn equal<R: Argument<A, D>>(&self, other: R) -> DistArray<bool, R::Output>
            where
                A: PartialEq,
            {
                expect(self.kept()).equal(other)
            }

            /// As [`DistArray::not_equal`].
            #[doc = example!($slice: "array![0, 1, 2, 3]", "1..", "not_equal(2)" => "array![true, false, true]")]
            #[track_caller]
            pub fn not_equal<R: Argument<A, D>>(&self, other: R) -> DistArray<bool, R::Output>
            where
                A: PartialEq,
            {
                expect(self.kept()).not_equal(other)
            }

            /// As [`DistArray::less`].
            #[doc = example!($slice: "array![0, 1, 2, 3]", "1..", "less(2)" => "array![true, false, false]")]
            #[track_caller]
            pub fn less<R: Argument<A, D>>(&self, other: R) -> DistArray<bool, R::Output>
            where
                A: PartialOrd,
            {
                expect(self.kept()).less(other)
            }

            /// As [`DistArray::less_equal`].
            #[doc = example!($slice: "array![0, 1, 2, 3]", "1..", "less_equal(2)" => "array![true, true, false]")]
            #[track_caller]
            pub fn less_equal<R: Argument<A, D>>(&self, other: R) -> DistArray<bool, R::Output>
            where
                A: PartialOrd,
            {
                expect(self.kept()).less_equal(other)
            }

            /// As [`DistArray::greater`].
            #[doc = example!($slice: "array![0, 1, 2, 3]", "1..", "greater(2)" => "array![false, false, true]")]
            #[track_caller]
            pub fn greater<R: Argument<A, D>>(&self, other: R) -> DistArray<bool, R::Output>
            where
                A: PartialOrd,
            {
                expect(self.kept()).greater(other)
            }

            /// As [`DistArray::greater_equal`].
            #[doc = example!($slice: "array![0, 1, 2, 3]", "1..", "greater_equal(2)" => "array![false, true, true]")]
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
            #[doc = example!($slice: "array![0.0, 0.0, 1.0]", "1..", "erf()" => "array![0.0, 0.8427007929497149]")]
            #[track_caller]
            pub fn erf(&self) -> DistArray<A, D> {
                expect(self.kept()).erf()
            }

            /// As [`DistArray::powi`].
            #[doc = example!($slice: "array![0.0, 2.0, -3.0]", "1..", "powi(3)" => "array![8.0, -27.0]")]
            #[track_caller]
            pub fn powi(&self, exponent: i32) -> DistArray<A, D> {
                expect(self.kept()).powi(exponent)
            }

            /// As [`DistArray::powf`].
            #[doc = example!($slice: "array![0.0, 2.0, 9.0]", "1..", "powf(array![3.0, 0.5])" => "array![8.0, 3.0]")]
            #[track_caller]
            pub fn powf<R: Argument<A, D>>(&self, exponent: R) -> DistArray<A, R::Output> {
                expect(self.kept()).powf(exponent)
            }

            /// As [`DistArray::atan2`].
            #[doc = example!($slice: "array![0.0, 1.0, -1.0]", "1..", "atan2(array![1.0, 0.0])" => "array![std::f64::consts::FRAC_PI_4, -std::f64::consts::FRAC_PI_2]")]
            #[track_caller]
            pub fn atan2<R: Argument<A, D>>(&self, other: R) -> DistArray<A, R::Output> {
                expect(self.kept()).atan2(other)
            }

            /// As [`DistArray::hypot`].
            #[doc = example!($slice: "array![0.0, 3.0, 5.0]", "1..", "hypot(array![4.0, 12.0])" => "array![5.0, 13.0]")]
            #[track_caller]
            pub fn hypot<R: Argument<A, D>>(&self, other: R) -> DistArray<A, R::Output> {
                expect(self.kept()).hypot(other)
            }

            /// As [`DistArray::is_nan`].
            #[doc = example!($slice: "array![0.0, 1.0, f64::INFINITY, f64::NAN]", "1..", "is_nan()" => "array![false, false, true]")]
            #[track_caller]
            pub fn is_nan(&self) -> DistArray<bool, D> {
                expect(self.kept()).is_nan()
            }

            /// As [`DistArray::is_infinite`].
            #[doc = example!($slice: "array![0.0, 1.0, f64::INFINITY, f64::NAN]", "1..", "is_infinite()" => "array![false, true, false]")]
            #[track_caller]
            pub fn is_infinite(&self) -> DistArray<bool, D> {
                expect(self.kept()).is_infinite()
            }

            /// As [`DistArray::is_finite`].
            #[doc = example!($slice: "array![0.0, 1.0, f64::INFINITY, f64::NAN]", "1..", "is_finite()" => "array![true, false, false]")]
            #[track_caller]
            pub fn is_finite(&self) -> DistArray<bool, D> {
                expect(self.kept()).is_finite()
            }

            /// As [`DistArray::fract`].
            #[doc = example!($slice: "array![0.0, 1.25, -1.25]", "1..", "fract()" => "array![0.25, -0.25]")]
            #[track_caller]
            pub fn fract(&self) -> DistArray<A, D> {
                expect(self.kept()).fract()
            }

            /// As [`DistArray::sqrt`].
            #[doc = example!($slice: "array![0.0, 4.0, 9.0]", "1..", "sqrt()" => "array![2.0, 3.0]")]
            #[track_caller]
            pub fn sqrt(&self) -> DistArray<A, D> {
                expect(self.kept()).sqrt()
            }

            /// As [`DistArray::recip`].
            #[doc = example!($slice: "array![0.0, 4.0, -0.5]", "1..", "recip()" => "array![0.25, -2.0]")]
            #[track_caller]
            pub fn recip(&self) -> DistArray<A, D> {
                expect(self.kept()).recip()
            }

            /// As [`DistArray::floor`].
            #[doc = example!($slice: "array![0.0, 1.2, -1.8]", "1..", "floor()" => "array![1.0, -2.0]")]
            #[track_caller]
            pub fn floor(&self) -> DistArray<A, D> {
                expect(self.kept()).floor()
            }

            /// As [`DistArray::ceil`].
            #[doc = example!($slice: "array![0.0, 1.2, -1.8]", "1..", "ceil()" => "array![2.0, -1.0]")]
            #[track_caller]
            pub fn ceil(&self) -> DistArray<A, D> {
                expect(self.kept()).ceil()
            }

            /// As [`DistArray::round`].
            #[doc = example!($slice: "array![0.0, 0.5, 1.2, -2.5]", "1..", "round()" => "array![1.0, 1.0, -3.0]")]
            #[track_caller]
            pub fn round(&self) -> DistArray<A, D> {
                expect(self.kept()).round()
            }

            /// As [`DistArray::trunc`].
            #[doc = example!($slice: "array![0.0, 1.8, -1.8]", "1..", "trunc()" => "array![1.0, -1.0]")]
            #[track_caller]
            pub fn trunc(&self) -> DistArray<A, D> {
                expect(self.kept()).trunc()
            }

            /// As [`DistArray::exp`].
            #[doc = example!($slice: "array![0.0, 0.0, 1.0]", "1..", "exp()" => "array![1.0, std::f64::consts::E]")]
            #[track_caller]
            pub fn exp(&self) -> DistArray<A, D> {
                expect(self.kept()).exp()
            }

            /// As [`DistArray::exp2`].
            #[doc = example!($slice: "array![0.0, 3.0, -1.0]", "1..", "exp2()" => "array![8.0, 0.5]")]
            #[track_caller]
            pub fn exp2(&self) -> DistArray<A, D> {
                expect(self.kept()).exp2()
            }

            /// As [`DistArray::exp_m1`].
            #[doc = example!($slice: "array![0.0, 0.0, 1e-17]", "1..", "exp_m1()" => "array![0.0, 1e-17]")]
            #[track_caller]
            pub fn exp_m1(&self) -> DistArray<A, D> {
                expect(self.kept()).exp_m1()
            }

            /// As [`DistArray::ln`].
            #[doc = example!($slice: "array![0.0, 1.0, std::f64::consts::E]", "1..", "ln()" => "array![0.0, 1.0]")]
            #[track_caller]
            pub fn ln(&self) -> DistArray<A, D> {
                expect(self.kept()).ln()
            }

            /// As [`DistArray::ln_1p`].
            #[doc = example!($slice: "array![0.0, 0.0, 1e-17]", "1..", "ln_1p()" => "array![0.0, 1e-17]")]
            #[track_caller]
            pub fn ln_1p(&self) -> DistArray<A, D> {
                expect(self.kept()).ln_1p()
            }

            /// As [`DistArray::log2`].
            #[doc = example!($slice: "array![0.0, 8.0, 0.5]", "1..", "log2()" => "array![3.0, -1.0]")]
            #[track_caller]
            pub fn log2(&self) -> DistArray<A, D> {
                expect(self.kept()).log2()
            }

            /// As [`DistArray::log10`].
            #[doc = example!($slice: "array![0.0, 1000.0, 0.1]", "1..", "log10()" => "array![3.0, -1.0]")]
            #[track_caller]
            pub fn log10(&self) -> DistArray<A, D> {
                expect(self.kept()).log10()
            }

            /// As [`DistArray::sin`].
            #[doc = example!($slice: "array![0.0, 0.0, std::f64::consts::FRAC_PI_2]", "1..", "sin()" => "array![0.0, 1.0]")]
            #[track_caller]
            pub fn sin(&self) -> DistArray<A, D> {
                expect(self.kept()).sin()
            }

            /// As [`DistArray::cos`].
            #[doc = example!($slice: "array![0.0, 0.0, std::f64::consts::PI]", "1..", "cos()" => "array![1.0, -1.0]")]
            #[track_caller]
            pub fn cos(&self) -> DistArray<A, D> {
                expect(self.kept()).cos()
            }

            /// As [`DistArray::tan`].
            #[doc = example!($slice: "array![0.0, 0.0, 1.0]", "1..", "tan()" => "array![0.0, 1.5574077246549023]")]
            #[track_caller]
            pub fn tan(&self) -> DistArray<A, D> {
                expect(self.kept()).tan()
            }

            /// As [`DistArray::asin`].
            #[doc = example!($slice: "array![0.0, 0.0, 1.0]", "1..", "asin()" => "array![0.0, std::f64::consts::FRAC_PI_2]")]
            #[track_caller]
            pub fn asin(&self) -> DistArray<A, D> {
                expect(self.kept()).asin()
            }

            /// As [`DistArray::acos`].
            #[doc = example!($slice: "array![0.0, 1.0, -1.0]", "1..", "acos()" => "array![0.0, std::f64::consts::PI]")]
            #[track_caller]
            pub fn acos(&self) -> DistArray<A, D> {
                expect(self.kept()).acos()
            }

            /// As [`DistArray::atan`].
            #[doc = example!($slice: "array![0.0, 0.0, 1.0]", "1..", "atan()" => "array![0.0, std::f64::consts::FRAC_PI_4]")]
            #[track_caller]
            pub fn atan(&self) -> DistArray<A, D> {
                expect(self.kept()).atan()
            }

            /// As [`DistArray::sinh`].
            #[doc = example!($slice: "array![0.0, 0.0, 1.0]", "1..", "sinh()" => "array![0.0, 1.1752011936438014]")]
            #[track_caller]
            pub fn sinh(&self) -> DistArray<A, D> {
                expect(self.kept()).sinh()
            }

            /// As [`DistArray::cosh`].
            #[doc = example!($slice: "array![0.0, 0.0, 1.0]", "1..", "cosh()" => "array![1.0, 1.5430806348152437]")]
            #[track_caller]
            pub fn cosh(&self) -> DistArray<A, D> {
                expect(self.kept()).cosh()
            }

            /// As [`DistArray::tanh`].
            #[doc = example!($slice: "array![0.0, 0.0, 1.0]", "1..", "tanh()" => "array![0.0, 0.7615941559557649]")]
            #[track_caller]
            pub fn tanh(&self) -> DistArray<A, D> {
                expect(self.kept()).tanh()
            }
        }

        impl<A: Element + Signed, D: Dimension> $View<'_, A, D> {
            /// As [`DistArray::abs`].
            #[doc = example!($slice: "array![0.0, -1.5, 2.0]", "1..", "abs()" => "array![1.5, 2.0]")]
            #[track_caller]
            pub fn abs(&self) -> DistArray<A, D> {
                expect(self.kept()).abs()
            }

            /// As [`DistArray::signum`].
            #[doc = example!($slice: "array![0.0, -3.5, 2.0]", "1..", "signum()" => "array![-1.0, 1.0]")]
            #[track_caller]
            pub fn signum(&self) -> DistArray<A, D> {
                expect(self.kept()).signum()
            }
        }

        impl<A: Element + Mul<Output = A>, D: Dimension> $View<'_, A, D> {
            /// As [`DistArray::square`].
            #[doc = example!($slice: "array![0, 3, -4]", "1..", "square()" => "array![9, 16]")]
            #[track_caller]
            pub fn square(&self) -> DistArray<A, D> {
                expect(self.kept()).square()
            }

            /// As [`DistArray::pow2`].
            #[doc = example!($slice: "array![0, 3, -4]", "1..", "pow2()" => "array![9, 16]")]
            #[track_caller]
            pub fn pow2(&self) -> DistArray<A, D> {
                expect(self.kept()).pow2()
            }
        }

        impl<A: Element + PartialOrd, D: Dimension> $View<'_, A, D> {
            /// As [`DistArray::minimum`].
            #[doc = example!($slice: "array![0, 1, 5]", "1..", "minimum(3)" => "array![1, 3]")]
            #[track_caller]
            pub fn minimum<R: Argument<A, D>>(&self, other: R) -> DistArray<A, R::Output> {
                expect(self.kept()).minimum(other)
            }

            /// As [`DistArray::maximum`].
            #[doc = example!($slice: "array![0, 1, 5]", "1..", "maximum(3)" => "array![3, 5]")]
            #[track_caller]
            pub fn maximum<R: Argument<A, D>>(&self, other: R) -> DistArray<A, R::Output> {
                expect(self.kept()).maximum(other)
            }

            /// As [`DistArray::clamp`].
            #[doc = example!($slice: "array![0.0, -2.0, 0.5, 3.0]", "1..", "clamp(0.0, 1.0)" => "array![0.0, 0.5, 1.0]")]
            #[track_caller]
            pub fn clamp(&self, min: A, max: A) -> DistArray<A, D> {
                expect(self.kept()).clamp(min, max)
            }
        }
    };
}

methods!(DistView, slice);
methods!(DistViewMut, slice_mut);
