//! The operators `+ - * / % & | ^ << >>`, unary `-` and `!`, and the assigning forms, between arrays, ndarray's arrays and
//! numbers, on either side, by value and by reference, with ndarray's broadcasting.
//!
//! Integers wrap where ndarray panics in a debug build; one divided by zero is an error with its place, also as a remainder; the count of a
//! shift is taken modulo the width of the type.

use std::ops::{
    Add, AddAssign, BitAnd, BitAndAssign, BitOr, BitOrAssign, BitXor, BitXorAssign, Div, DivAssign, Mul, MulAssign,
    Neg, Not, Rem, RemAssign, Shl, ShlAssign, Shr, ShrAssign, Sub, SubAssign,
};

use ndarray::{ArrayBase, ArrayRef, Data, DataMut, DimMax, Dimension};
use num_complex::Complex;

use crate::array::dist_array::{DistArray, expect};
use crate::array::example::example;
use crate::array::operation::argument::{Arg, Argument};
use crate::array::operation::operate;
use crate::array::view::dist_view::DistView;
use crate::array::view::dist_view_mut::DistViewMut;
use crate::element::Element;
use crate::error::Result;
use kernels::Op;

macro_rules! binary_operator {
    ($Op:ident, $method:ident, $try_method:ident, $OpAssign:ident, $assign:ident, $sign:literal) => {
        impl<A, D, R> $Op<R> for DistArray<A, D>
        where
            A: Element + $Op<Output = A>,
            D: Dimension,
            R: Argument<A, D>,
        {
            type Output = DistArray<A, R::Output>;

            #[inline]
            #[track_caller]
            fn $method(self, rhs: R) -> Self::Output {
                expect(operate::consume((Op::$Op, stringify!($method)), self, &rhs.arg(), A::$method))
            }
        }

        impl<A, D, R> $Op<R> for &DistArray<A, D>
        where
            A: Element + $Op<Output = A>,
            D: Dimension,
            R: Argument<A, D>,
        {
            type Output = DistArray<A, R::Output>;

            #[inline]
            #[track_caller]
            fn $method(self, rhs: R) -> Self::Output {
                expect(self.$try_method(rhs))
            }
        }

        impl<A, D> DistArray<A, D>
        where
            A: Element + $Op<Output = A>,
            D: Dimension,
        {
            #[doc = concat!("`self ", $sign, " rhs`, with an error where the operator panics: shapes that do not broadcast, two hubs, full memory. Integers wrap; a division of integers by zero is [`Error::Arithmetic`](crate::Error::Arithmetic) when it is computed, which is here where both operands are small and have their values; shift counts are taken modulo the width.")]
            #[doc = example!(
                "let a = DistArray::from(array![6, 7]);",
                concat!("assert_eq!(a.", stringify!($try_method), "(3)?, &a ", $sign, " 3);"),
                concat!("assert!(a.", stringify!($try_method), "(array![1, 2, 3]).is_err());"),
                "# Ok::<(), distob::Error>(())"
            )]
            #[inline]
            pub fn $try_method<R: Argument<A, D>>(&self, rhs: R) -> Result<DistArray<A, R::Output>> {
                operate::binary((Op::$Op, stringify!($method)), &Arg::Dist(self), &rhs.arg(), A::$method)
            }
        }

        impl<A, D, R> $OpAssign<R> for DistArray<A, D>
        where
            A: Element + $Op<Output = A>,
            D: Dimension,
            R: Argument<A, D>,
        {
            #[track_caller]
            fn $assign(&mut self, rhs: R) {
                expect(operate::assign((Op::$Op, stringify!($assign)), self, &rhs.arg(), A::$method));
            }
        }

        // ndarray's arrays on the left.
        binary_operator!(@left $Op, $method, [S: Data<Elem = A>], ArrayBase<S, D>, DistArray<A, E>);
        binary_operator!(@left $Op, $method, [S: Data<Elem = A>], ArrayBase<S, D>, &DistArray<A, E>);
        binary_operator!(@left $Op, $method, [S: Data<Elem = A>], &ArrayBase<S, D>, DistArray<A, E>);
        binary_operator!(@left $Op, $method, [S: Data<Elem = A>], &ArrayBase<S, D>, &DistArray<A, E>);
        binary_operator!(@left $Op, $method, [], &ArrayRef<A, D>, DistArray<A, E>);
        binary_operator!(@left $Op, $method, [], &ArrayRef<A, D>, &DistArray<A, E>);
        binary_operator!(@left $Op, $method, [S: Data<Elem = A>], ArrayBase<S, D>, DistView<'_, A, E>);
        binary_operator!(@left $Op, $method, [S: Data<Elem = A>], ArrayBase<S, D>, &DistView<'_, A, E>);
        binary_operator!(@left $Op, $method, [S: Data<Elem = A>], &ArrayBase<S, D>, DistView<'_, A, E>);
        binary_operator!(@left $Op, $method, [S: Data<Elem = A>], &ArrayBase<S, D>, &DistView<'_, A, E>);
        binary_operator!(@left $Op, $method, [], &ArrayRef<A, D>, DistView<'_, A, E>);
        binary_operator!(@left $Op, $method, [], &ArrayRef<A, D>, &DistView<'_, A, E>);
        binary_operator!(@left $Op, $method, [S: Data<Elem = A>], ArrayBase<S, D>, &DistViewMut<'_, A, E>);
        binary_operator!(@left $Op, $method, [S: Data<Elem = A>], &ArrayBase<S, D>, &DistViewMut<'_, A, E>);

        impl<A, S, D, E> $OpAssign<&DistArray<A, E>> for ArrayBase<S, D>
        where
            A: Element + $OpAssign,
            S: DataMut<Elem = A>,
            D: Dimension,
            E: Dimension,
        {
            #[track_caller]
            fn $assign(&mut self, rhs: &DistArray<A, E>) {
                (**self).$assign(&**rhs);
            }
        }

        impl<A, D, E> $OpAssign<&DistArray<A, E>> for ArrayRef<A, D>
        where
            A: Element + $OpAssign,
            D: Dimension,
            E: Dimension,
        {
            #[track_caller]
            fn $assign(&mut self, rhs: &DistArray<A, E>) {
                self.$assign(&**rhs);
            }
        }
    };
    (@left $Op:ident, $method:ident, [$($S:ident: $Bound:path)?], $Left:ty, $Right:ty) => {
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

binary_operator!(Add, add, try_add, AddAssign, add_assign, "+");
binary_operator!(Sub, sub, try_sub, SubAssign, sub_assign, "-");
binary_operator!(Mul, mul, try_mul, MulAssign, mul_assign, "*");
binary_operator!(Div, div, try_div, DivAssign, div_assign, "/");
binary_operator!(Rem, rem, try_rem, RemAssign, rem_assign, "%");
binary_operator!(BitAnd, bitand, try_bitand, BitAndAssign, bitand_assign, "&");
binary_operator!(BitOr, bitor, try_bitor, BitOrAssign, bitor_assign, "|");
binary_operator!(BitXor, bitxor, try_bitxor, BitXorAssign, bitxor_assign, "^");
binary_operator!(Shl, shl, try_shl, ShlAssign, shl_assign, "<<");
binary_operator!(Shr, shr, try_shr, ShrAssign, shr_assign, ">>");

macro_rules! number_on_the_left {
    ($Number:ty: $($Op:ident $method:ident),*) => {$(
        number_on_the_left!(@one $Number, $Op, $method, DistArray<$Number, D>);
        number_on_the_left!(@one $Number, $Op, $method, &DistArray<$Number, D>);
        number_on_the_left!(@one $Number, $Op, $method, DistView<'_, $Number, D>);
        number_on_the_left!(@one $Number, $Op, $method, &DistView<'_, $Number, D>);
        number_on_the_left!(@one $Number, $Op, $method, DistViewMut<'_, $Number, D>);
        number_on_the_left!(@one $Number, $Op, $method, &DistViewMut<'_, $Number, D>);
    )*};
    (@one $Number:ty, $Op:ident, $method:ident, $Right:ty) => {
        impl<D: Dimension> $Op<$Right> for $Number {
            type Output = DistArray<$Number, D>;

            #[inline]
            #[track_caller]
            fn $method(self, rhs: $Right) -> Self::Output {
                let left = Arg::<_, ndarray::Ix0>::Number(self);
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
    ($Op:ident, $method:ident, $doc:literal) => {
        impl<A: Element + $Op<Output = A>, D: Dimension> $Op for &DistArray<A, D> {
            type Output = DistArray<A, D>;

            #[doc = $doc]
            #[track_caller]
            fn $method(self) -> DistArray<A, D> {
                expect(operate::unary((Op::$Op, stringify!($method)), self, A::$method))
            }
        }

        impl<A: Element + $Op<Output = A>, D: Dimension> $Op for DistArray<A, D> {
            type Output = DistArray<A, D>;

            #[doc = $doc]
            #[track_caller]
            fn $method(self) -> DistArray<A, D> {
                (&self).$method()
            }
        }
    };
}

unary_operator!(Neg, neg, "`-x` of each element; integers wrap.");
unary_operator!(Not, not, "`!x` of each element: logical for `bool`, bitwise for integers.");
