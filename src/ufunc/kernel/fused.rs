//! Two arithmetic operations in one kernel, so that the value between them stays in a vector register.
//!
//! Each operation rounds by itself: the pair is never contracted to a fused multiply-add, and has the bits of the two, but for
//! the sign and payload of a NaN that two NaNs give: compilers exchange the operands of sums and products.

use super::arith::Arith;
use super::{Body, Kernel, kernel};
use crate::{DType, Op};
use std::marker::PhantomData;

/// An operation of two operands.
pub(crate) trait Pairwise {
    fn of<T: Arith>(a: T, b: T) -> T;
}

macro_rules! pairwise {
    ($($name:ident $method:ident;)*) => {$(
        pub(crate) struct $name;
        impl Pairwise for $name {
            #[inline(always)]
            fn of<T: Arith>(a: T, b: T) -> T { a.$method(b) }
        }
    )*};
}
pairwise! { Plus add; Minus sub; Times mul; Over div; }

/// `(a P b) Q c`.
pub(crate) struct Left<T, P, Q>(PhantomData<(T, P, Q)>);

impl<T: Arith, P: Pairwise, Q: Pairwise> Body for Left<T, P, Q> {
    type A = T;
    type B = T;
    type C = T;
    type R = T;

    #[inline(always)]
    fn lane(a: T, b: T, c: T) -> T {
        Q::of(P::of(a, b), c)
    }
}

/// `c Q (a P b)`.
pub(crate) struct Right<T, P, Q>(PhantomData<(T, P, Q)>);

impl<T: Arith, P: Pairwise, Q: Pairwise> Body for Right<T, P, Q> {
    type A = T;
    type B = T;
    type C = T;
    type R = T;

    #[inline(always)]
    fn lane(a: T, b: T, c: T) -> T {
        Q::of(c, P::of(a, b))
    }
}

macro_rules! second {
    ($t:ty, $p:ty, $second:expr, $right:expr) => {
        match ($second, $right) {
            (Op::Add, _) => kernel!(Left<$t, $p, Plus>, 16),
            (Op::Mul, _) => kernel!(Left<$t, $p, Times>, 16),
            (Op::Sub, false) => kernel!(Left<$t, $p, Minus>, 16),
            (Op::Sub, true) => kernel!(Right<$t, $p, Minus>, 16),
            (Op::Div, false) => kernel!(Left<$t, $p, Over>, 16),
            (Op::Div, true) => kernel!(Right<$t, $p, Over>, 16),
            _ => None,
        }
    };
}

macro_rules! first {
    ($t:ty, $first:expr, $second:expr, $right:expr) => {
        match $first {
            Op::Add => second!($t, Plus, $second, $right),
            Op::Sub => second!($t, Minus, $second, $right),
            Op::Mul => second!($t, Times, $second, $right),
            Op::Div => second!($t, Over, $second, $right),
            _ => None,
        }
    };
}

/// The kernel of `(a first b) second c` or, where `right`, of `c second (a first b)`, for floats of type `dtype`.
pub(crate) fn fused(first: Op, second: Op, right: bool, dtype: DType) -> Option<&'static Kernel> {
    match dtype {
        DType::F32 => first!(f32, first, second, right),
        DType::F64 => first!(f64, first, second, right),
        _ => None,
    }
}
