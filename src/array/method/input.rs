//! What a universal function is applied to: an array of the hub, an array or view of ndarray's, or one number.

use half::{bf16, f16};
use ndarray::{ArrayBase, ArrayRef, Data, Dimension, Ix0};
use num_complex::Complex;

use crate::array::dist_array::DistArray;
use crate::array::operation::argument::Arg;
use crate::array::view::dist_view::DistView;
use crate::array::view::dist_view_mut::DistViewMut;
use crate::element::Element;

/// An operand of a universal function: a [`DistArray`], an array or view of ndarray's (which is copied to the hub), by value
/// or by reference, or a number.
pub trait Input {
    /// Its elements.
    type Elem: Element;
    /// Its dimension; that of a number is [`Ix0`](type@Ix0).
    type Dim: Dimension;

    #[doc(hidden)]
    fn view_arg(&self) -> Arg<'_, Self::Elem, Self::Dim>;
}

impl<A: Element, D: Dimension> Input for DistArray<A, D> {
    type Elem = A;
    type Dim = D;

    #[inline]
    fn view_arg(&self) -> Arg<'_, A, D> {
        Arg::Dist(self)
    }
}

impl<A: Element, D: Dimension> Input for &DistArray<A, D> {
    type Elem = A;
    type Dim = D;

    #[inline]
    fn view_arg(&self) -> Arg<'_, A, D> {
        Arg::Dist(self)
    }
}

impl<A: Element, S: Data<Elem = A>, D: Dimension> Input for ArrayBase<S, D> {
    type Elem = A;
    type Dim = D;

    fn view_arg(&self) -> Arg<'_, A, D> {
        Arg::Foreign(self.view())
    }
}

impl<A: Element, S: Data<Elem = A>, D: Dimension> Input for &ArrayBase<S, D> {
    type Elem = A;
    type Dim = D;

    fn view_arg(&self) -> Arg<'_, A, D> {
        Arg::Foreign(self.view())
    }
}

impl<A: Element, D: Dimension> Input for &ArrayRef<A, D> {
    type Elem = A;
    type Dim = D;

    fn view_arg(&self) -> Arg<'_, A, D> {
        Arg::Foreign(self.view())
    }
}

macro_rules! views {
    ($($View:ty),*) => {$(
        impl<A: Element, D: Dimension> Input for $View {
            type Elem = A;
            type Dim = D;

            #[inline]
            fn view_arg(&self) -> Arg<'_, A, D> {
                self.as_arg()
            }
        }
    )*};
}
views!(DistView<'_, A, D>, &DistView<'_, A, D>, DistViewMut<'_, A, D>, &DistViewMut<'_, A, D>);

macro_rules! numbers {
    ($($t:ty)*) => {$(
        impl Input for $t {
            type Elem = $t;
            type Dim = Ix0;

            #[inline]
            fn view_arg(&self) -> Arg<'_, $t, Ix0> {
                Arg::Number(*self)
            }
        }
    )*};
}
numbers!(bool i8 i16 i32 i64 isize u8 u16 u32 u64 usize f16 bf16 f32 f64 Complex<f32> Complex<f64>);
