//! The traits of Rust and ndarray on views: operators, comparison, printing, iteration, `Zip`.

use std::fmt;
use std::ops::{
    Add, AddAssign, BitAnd, BitAndAssign, BitOr, BitOrAssign, BitXor, BitXorAssign, Div, DivAssign, Mul, MulAssign,
    Neg, Not, Rem, RemAssign, Shl, ShlAssign, Shr, ShrAssign, Sub, SubAssign,
};

use ndarray::iter::{Iter, IterMut};
use ndarray::{ArrayBase, ArrayRef, ArrayView, ArrayViewMut, CowArray, Data, DataMut, Dimension, IntoNdProducer};

use crate::array::dist_array::gather::Scatter;
use crate::array::dist_array::{DistArray, expect};
use crate::array::operation::argument::Argument;
use crate::array::operation::compare::same_elements;
use crate::array::operation::operate;
use crate::array::view::dist_view::DistView;
use crate::array::view::dist_view_mut::DistViewMut;
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
                expect(self.op_assign((Op::$Op, stringify!($assign)), &rhs.arg(), A::$method));
            }
        }

        // ndarray's arrays on the left; those of `+` and the like are in `operators`.
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
