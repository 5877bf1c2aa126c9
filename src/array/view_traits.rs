//! The traits of Rust and ndarray on views: operators, comparison, printing, iteration, `Zip`.

use std::fmt;
use std::ops::{
    Add, AddAssign, BitAnd, BitAndAssign, BitOr, BitOrAssign, BitXor, BitXorAssign, Div, DivAssign, Mul, MulAssign,
    Neg, Not, Rem, RemAssign, Shl, ShlAssign, Shr, ShrAssign, Sub, SubAssign,
};

use ndarray::iter::{Iter, IterMut};
use ndarray::{
    ArrayBase, ArrayRef, ArrayView, ArrayViewMut, CowArray, Data, DataMut, DimMax, Dimension, IntoNdProducer, Ix0,
};
use num_complex::Complex;

use super::argument::{Arg, Argument};
use super::broadcast::check_broadcast_to;
use super::compare::same_elements;
use super::dist_array::{DistArray, expect};
use super::dist_view::DistView;
use super::dist_view_mut::DistViewMut;
use super::gather::Scatter;
use super::operate;
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::Result;
use kernels::Op;

macro_rules! binary_operator {
    ($Op:ident, $method:ident, $OpAssign:ident, $assign:ident) => {
        binary_operator!(@left $Op, $method, DistView<'_, A, D>);
        binary_operator!(@left $Op, $method, &DistView<'_, A, D>);
        binary_operator!(@left $Op, $method, DistViewMut<'_, A, D>);
        binary_operator!(@left $Op, $method, &DistViewMut<'_, A, D>);

        impl<A, D, R> $OpAssign<R> for DistViewMut<'_, A, D>
        where
            A: Element + $Op<Output = A>,
            D: Dimension,
            R: Argument<A, D>,
        {
            #[track_caller]
            fn $assign(&mut self, rhs: R) {
                let rhs = rhs.arg();
                expect(check_broadcast_to(stringify!($assign), self.shape(), rhs.shape()));
                if expect(self.update(Op::$Op, &rhs)) {
                    return;
                }
                let name = (Op::$Op, stringify!($assign));
                let value: DistArray<A, R::Output> =
                    expect(operate::binary(name, &self.arg_for_call(), &rhs, A::$method));
                expect(self.take(&value));
            }
        }

        // ndarray's arrays on the left.
        binary_operator!(@right $Op, $method, [S: Data<Elem = A>], ArrayBase<S, D>, DistView<'_, A, E>);
        binary_operator!(@right $Op, $method, [S: Data<Elem = A>], ArrayBase<S, D>, &DistView<'_, A, E>);
        binary_operator!(@right $Op, $method, [S: Data<Elem = A>], &ArrayBase<S, D>, DistView<'_, A, E>);
        binary_operator!(@right $Op, $method, [S: Data<Elem = A>], &ArrayBase<S, D>, &DistView<'_, A, E>);
        binary_operator!(@right $Op, $method, [], &ArrayRef<A, D>, DistView<'_, A, E>);
        binary_operator!(@right $Op, $method, [], &ArrayRef<A, D>, &DistView<'_, A, E>);
        binary_operator!(@right $Op, $method, [S: Data<Elem = A>], ArrayBase<S, D>, &DistViewMut<'_, A, E>);
        binary_operator!(@right $Op, $method, [S: Data<Elem = A>], &ArrayBase<S, D>, &DistViewMut<'_, A, E>);

        impl<A, S, D, E> $OpAssign<&DistView<'_, A, E>> for ArrayBase<S, D>
        where
            A: Clone + $OpAssign,
            S: DataMut<Elem = A>,
            D: Dimension,
            E: Dimension,
        {
            #[track_caller]
            fn $assign(&mut self, rhs: &DistView<'_, A, E>) {
                (**self).$assign(&***rhs);
            }
        }

        impl<A, D, E> $OpAssign<&DistView<'_, A, E>> for ArrayRef<A, D>
        where
            A: Clone + $OpAssign,
            D: Dimension,
            E: Dimension,
        {
            #[track_caller]
            fn $assign(&mut self, rhs: &DistView<'_, A, E>) {
                self.$assign(&***rhs);
            }
        }
    };
    (@left $Op:ident, $method:ident, $Left:ty) => {
        impl<A, D, R> $Op<R> for $Left
        where
            A: Element + $Op<Output = A>,
            D: Dimension,
            R: Argument<A, D>,
        {
            type Output = DistArray<A, R::Output>;

            #[inline]
            #[track_caller]
            fn $method(self, rhs: R) -> Self::Output {
                expect(operate::binary((Op::$Op, stringify!($method)), &self.as_arg(), &rhs.arg(), A::$method))
            }
        }
    };
    (@right $Op:ident, $method:ident, [$($S:ident: $Bound:path)?], $Left:ty, $Right:ty) => {
        impl<A, $($S,)? D, E> $Op<$Right> for $Left
        where
            A: Element + $Op<Output = A>,
            $($S: $Bound,)?
            D: Dimension + DimMax<E>,
            E: Dimension,
        {
            type Output = DistArray<A, <D as DimMax<E>>::Output>;

            #[track_caller]
            fn $method(self, rhs: $Right) -> Self::Output {
                let name = (Op::$Op, stringify!($method));
                expect(operate::binary(name, &Arg::Foreign(self.view()), &rhs.as_arg(), A::$method))
            }
        }
    };
}

binary_operator!(Add, add, AddAssign, add_assign);
binary_operator!(Sub, sub, SubAssign, sub_assign);
binary_operator!(Mul, mul, MulAssign, mul_assign);
binary_operator!(Div, div, DivAssign, div_assign);
binary_operator!(Rem, rem, RemAssign, rem_assign);
binary_operator!(BitAnd, bitand, BitAndAssign, bitand_assign);
binary_operator!(BitOr, bitor, BitOrAssign, bitor_assign);
binary_operator!(BitXor, bitxor, BitXorAssign, bitxor_assign);
binary_operator!(Shl, shl, ShlAssign, shl_assign);
binary_operator!(Shr, shr, ShrAssign, shr_assign);

macro_rules! number_on_the_left {
    ($Number:ty: $($Op:ident $method:ident),*) => {$(
        number_on_the_left!(@view $Number, $Op, $method, DistView<'_, $Number, D>);
        number_on_the_left!(@view $Number, $Op, $method, &DistView<'_, $Number, D>);
        number_on_the_left!(@view $Number, $Op, $method, DistViewMut<'_, $Number, D>);
        number_on_the_left!(@view $Number, $Op, $method, &DistViewMut<'_, $Number, D>);
    )*};
    (@view $Number:ty, $Op:ident, $method:ident, $View:ty) => {
        impl<D: Dimension> $Op<$View> for $Number {
            type Output = DistArray<$Number, D>;

            #[track_caller]
            fn $method(self, rhs: $View) -> Self::Output {
                let left = Arg::<_, Ix0>::Number(self);
                let f = |x: $Number, y: $Number| x.$method(y);
                expect(operate::binary((Op::$Op, stringify!($method)), &left, &rhs.as_arg(), f))
            }
        }
    };
}

macro_rules! integers_on_the_left {
    ($($Number:ty),*) => {$(
        number_on_the_left!($Number: Add add, Sub sub, Mul mul, Div div, Rem rem, BitAnd bitand, BitOr bitor, BitXor bitxor, Shl shl, Shr shr);
    )*};
}

integers_on_the_left!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);
number_on_the_left!(bool: BitAnd bitand, BitOr bitor, BitXor bitxor);
number_on_the_left!(f32: Add add, Sub sub, Mul mul, Div div, Rem rem);
number_on_the_left!(f64: Add add, Sub sub, Mul mul, Div div, Rem rem);
number_on_the_left!(Complex<f32>: Add add, Sub sub, Mul mul, Div div);
number_on_the_left!(Complex<f64>: Add add, Sub sub, Mul mul, Div div);

macro_rules! unary_operator {
    ($Op:ident, $method:ident, $($View:ty),*) => {$(
        impl<A: Element + $Op<Output = A>, D: Dimension> $Op for $View {
            type Output = DistArray<A, D>;

            #[track_caller]
            fn $method(self) -> DistArray<A, D> {
                expect(self.kept()).$method()
            }
        }
    )*};
}

unary_operator!(Neg, neg, DistView<'_, A, D>, &DistView<'_, A, D>, DistViewMut<'_, A, D>, &DistViewMut<'_, A, D>);
unary_operator!(Not, not, DistView<'_, A, D>, &DistView<'_, A, D>, DistViewMut<'_, A, D>, &DistViewMut<'_, A, D>);

fn equal<A: PartialEq, D: Dimension, E: Dimension>(left: ArrayView<'_, A, D>, right: ArrayView<'_, A, E>) -> bool {
    left.shape() == right.shape() && same_elements(&left, &right)
}

macro_rules! comparable {
    ($([$($S:ident)?] $Left:ty, $Right:ty;)*) => {$(
        impl<A: PartialEq, $($S: Data<Elem = A>,)? D: Dimension, E: Dimension> PartialEq<$Right> for $Left {
            #[track_caller]
            fn eq(&self, other: &$Right) -> bool {
                equal(ArrayRef::view(self), ArrayRef::view(other))
            }
        }
    )*};
}

comparable! {
    [] DistView<'_, A, D>, DistView<'_, A, E>;
    [] DistView<'_, A, D>, DistViewMut<'_, A, E>;
    [] DistView<'_, A, D>, DistArray<A, E>;
    [] DistView<'_, A, D>, ArrayRef<A, E>;
    [S] DistView<'_, A, D>, ArrayBase<S, E>;
    [] DistViewMut<'_, A, D>, DistViewMut<'_, A, E>;
    [] DistViewMut<'_, A, D>, DistView<'_, A, E>;
    [] DistViewMut<'_, A, D>, DistArray<A, E>;
    [] DistViewMut<'_, A, D>, ArrayRef<A, E>;
    [S] DistViewMut<'_, A, D>, ArrayBase<S, E>;
    [] DistArray<A, D>, DistView<'_, A, E>;
    [] DistArray<A, D>, DistViewMut<'_, A, E>;
    [S] ArrayBase<S, D>, DistView<'_, A, E>;
    [S] ArrayBase<S, D>, DistViewMut<'_, A, E>;
}

impl<'a, A, D: Dimension> From<&'a DistView<'_, A, D>> for ArrayView<'a, A, D> {
    fn from(view: &'a DistView<'_, A, D>) -> Self {
        ArrayRef::view(view)
    }
}

impl<'a, A, D: Dimension> From<&'a DistViewMut<'_, A, D>> for ArrayView<'a, A, D> {
    fn from(view: &'a DistViewMut<'_, A, D>) -> Self {
        ArrayRef::view(view)
    }
}

impl<'a, A, D: Dimension> From<DistView<'a, A, D>> for CowArray<'a, A, D> {
    fn from(view: DistView<'a, A, D>) -> Self {
        view.as_ndarray().into()
    }
}

macro_rules! scattered {
    ($($View:ty),*) => {$(
        impl<A: Element, D: Dimension> Scatter for $View {
            type Output = DistArray<A, D>;

            /// A copy.
            fn scatter_to(self, hub: &Hub, axis: isize) -> Result<DistArray<A, D>> {
                ArrayRef::view(&self).scatter_to(hub, axis)
            }
        }
    )*};
}
scattered!(DistView<'_, A, D>, &DistView<'_, A, D>, DistViewMut<'_, A, D>, &DistViewMut<'_, A, D>);

macro_rules! printed {
    ($($View:ident: $($Trait:ident)*;)*) => {$($(
        impl<A: fmt::$Trait, D: Dimension> fmt::$Trait for $View<'_, A, D> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                ArrayRef::view(self).fmt(f)
            }
        }
    )*)*};
}

printed! {
    DistView: Display Debug LowerExp UpperExp;
    DistViewMut: Display Debug LowerExp UpperExp;
}

impl<'a, A, D: Dimension> IntoIterator for DistView<'a, A, D> {
    type Item = &'a A;
    type IntoIter = Iter<'a, A, D>;

    fn into_iter(self) -> Iter<'a, A, D> {
        self.as_ndarray().into_iter()
    }
}

impl<'a, A, D: Dimension> IntoIterator for &'a DistView<'_, A, D> {
    type Item = &'a A;
    type IntoIter = Iter<'a, A, D>;

    fn into_iter(self) -> Iter<'a, A, D> {
        self.iter()
    }
}

impl<'a, A, D: Dimension> IntoIterator for DistViewMut<'a, A, D> {
    type Item = &'a mut A;
    type IntoIter = IterMut<'a, A, D>;

    fn into_iter(self) -> IterMut<'a, A, D> {
        ArrayViewMut::from(self).into_iter()
    }
}

impl<'a, A, D: Dimension> IntoIterator for &'a DistViewMut<'_, A, D> {
    type Item = &'a A;
    type IntoIter = Iter<'a, A, D>;

    fn into_iter(self) -> Iter<'a, A, D> {
        self.iter()
    }
}

impl<'a, A, D: Dimension> IntoIterator for &'a mut DistViewMut<'_, A, D> {
    type Item = &'a mut A;
    type IntoIter = IterMut<'a, A, D>;

    fn into_iter(self) -> IterMut<'a, A, D> {
        self.iter_mut()
    }
}

macro_rules! producers {
    ($([$Given:ty] $Item:ty, $View:ident, $self:ident => $view:expr;)*) => {$(
        impl<'a, A, D: Dimension> IntoNdProducer for $Given {
            type Item = $Item;
            type Dim = D;
            type Output = $View<'a, A, D>;

            fn into_producer($self) -> $View<'a, A, D> {
                $view
            }
        }
    )*};
}

producers! {
    [DistView<'a, A, D>] &'a A, ArrayView, self => self.as_ndarray();
    [&'a DistView<'_, A, D>] &'a A, ArrayView, self => self.as_ndarray();
    [DistViewMut<'a, A, D>] &'a mut A, ArrayViewMut, self => self.into();
    [&'a DistViewMut<'_, A, D>] &'a A, ArrayView, self => self.as_ndarray();
    [&'a mut DistViewMut<'_, A, D>] &'a mut A, ArrayViewMut, self => self.as_ndarray_mut();
}
