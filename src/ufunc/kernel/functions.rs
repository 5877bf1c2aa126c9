//! Elementary functions as kernels: the branch-free form over a whole group, then the hard lanes again, one by one.

use super::elementary::{self as e, Binary, SmallPower, Unary};
use super::{Body, Kernel, kernel, patch};
use crate::{DType, Op};
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// A float that functions of `f64` are applied to: itself, or `f32`, widened and rounded once.
pub(crate) trait Wide: Copy {
    fn wide(self) -> f64;
    fn narrow(x: f64) -> Self;
    fn fast1<F: Unary>(x: f64) -> f64;
    fn hard1<F: Unary>(x: f64) -> bool;
    fn full1<F: Unary>(self) -> Self;
    /// Whether there is a form in this type alone, narrower than `f64`, which is tried first.
    #[inline(always)]
    fn has_narrow<F: Unary>() -> bool {
        false
    }
    #[inline(always)]
    fn narrow1<F: Unary>(self) -> Self {
        self
    }
    #[inline(always)]
    fn narrow_hard1<F: Unary>(self) -> bool {
        true
    }
    fn quick2<F: Binary>(self, other: Self) -> Self;
    fn quick_hard2<F: Binary>(result: Self) -> bool;
    fn fast2<F: Binary>(x: f64, y: f64) -> f64;
    fn hard2<F: Binary>(x: f64, y: f64) -> bool;
    fn full2<F: Binary>(self, other: Self) -> Self;
}

macro_rules! wide {
    ($t:ty, $fast:ident, $hard:ident, $full:ident, $quick:ident, $quick_hard:ident $(, $more:item)*) => {
        impl Wide for $t {
            #[inline(always)]
            fn wide(self) -> f64 {
                self as f64
            }
            #[inline(always)]
            fn narrow(x: f64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn fast1<F: Unary>(x: f64) -> f64 {
                F::$fast(x)
            }
            #[inline(always)]
            fn hard1<F: Unary>(x: f64) -> bool {
                F::$hard(x)
            }
            #[inline(always)]
            fn full1<F: Unary>(self) -> Self {
                F::$full(self)
            }
            $($more)*
            #[inline(always)]
            fn quick2<F: Binary>(self, other: Self) -> Self {
                F::$quick(self, other)
            }
            #[inline(always)]
            fn quick_hard2<F: Binary>(result: Self) -> bool {
                F::$quick_hard(result)
            }
            #[inline(always)]
            fn fast2<F: Binary>(x: f64, y: f64) -> f64 {
                F::$fast(x, y)
            }
            #[inline(always)]
            fn hard2<F: Binary>(x: f64, y: f64) -> bool {
                F::$hard(x, y)
            }
            #[inline(always)]
            fn full2<F: Binary>(self, other: Self) -> Self {
                F::$full(self, other)
            }
        }
    };
}
wide!(
    f32,
    single,
    single_hard,
    full_f32,
    narrow,
    narrow_hard,
    #[inline(always)]
    fn has_narrow<F: Unary>() -> bool {
        F::NARROW
    },
    #[inline(always)]
    fn narrow1<F: Unary>(self) -> Self {
        F::narrow(self)
    },
    #[inline(always)]
    fn narrow_hard1<F: Unary>(self) -> bool {
        F::narrow_hard(self)
    }
);
wide!(f64, fast, hard, full, quick, quick_hard);

/// A function of one operand.
pub(crate) struct Of1<F, T>(PhantomData<(F, T)>);

impl<F: Unary, T: Wide> Body for Of1<F, T> {
    type A = T;
    type B = ();
    type C = ();
    type R = T;
    const HEAVY: bool = true;

    #[inline(always)]
    fn lane(a: T, _: (), _: ()) -> T {
        a.full1::<F>()
    }

    #[inline(always)]
    fn group<const L: usize>(a: &[T; L], _: &[(); L], _: &[(); L], out: &mut [MaybeUninit<T>; L]) {
        if T::has_narrow::<F>() {
            let mut hard = false;
            for (out, a) in out.iter_mut().zip(a) {
                hard |= a.narrow_hard1::<F>();
                out.write(a.narrow1::<F>());
            }
            // All lanes again, for those that are hard.
            if !hard {
                return;
            }
        }
        let mut hard = false;
        for (out, a) in out.iter_mut().zip(a) {
            let x = a.wide();
            hard |= T::hard1::<F>(x);
            let wide = T::narrow(T::fast1::<F>(x));
            out.write(if a.narrow_hard1::<F>() { wide } else { a.narrow1::<F>() });
        }
        if hard {
            patch(out, |i| T::hard1::<F>(a[i].wide()).then(|| Self::lane(a[i], (), ())));
        }
    }
}

/// A function of two operands.
pub(crate) struct Of2<F, T>(PhantomData<(F, T)>);

impl<F: Binary, T: Wide> Body for Of2<F, T> {
    type A = T;
    type B = T;
    type C = ();
    type R = T;
    const HEAVY: bool = true;

    #[inline(always)]
    fn lane(a: T, b: T, _: ()) -> T {
        a.full2::<F>(b)
    }

    #[inline(always)]
    fn group<const L: usize>(a: &[T; L], b: &[T; L], _: &[(); L], out: &mut [MaybeUninit<T>; L]) {
        let mut quick = *a;
        if F::QUICK {
            let mut hard = false;
            for ((quick, a), b) in quick.iter_mut().zip(a).zip(b) {
                *quick = a.quick2::<F>(*b);
                hard |= T::quick_hard2::<F>(*quick);
            }
            // All lanes again, for those that are hard.
            if !hard {
                for (out, quick) in out.iter_mut().zip(quick) {
                    out.write(quick);
                }
                return;
            }
        }
        let kept = |i: usize| F::QUICK && !T::quick_hard2::<F>(quick[i]);
        let mut hard = false;
        for i in 0..L {
            let (x, y) = (a[i].wide(), b[i].wide());
            hard |= T::hard2::<F>(x, y) & !kept(i);
            let wide = T::narrow(T::fast2::<F>(x, y));
            out[i].write(if kept(i) { quick[i] } else { wide });
        }
        if hard {
            let left = |i: usize| T::hard2::<F>(a[i].wide(), b[i].wide()) && !kept(i);
            patch(out, |i| left(i).then(|| Self::lane(a[i], b[i], ())));
        }
    }
}

/// An integer power, its exponent the same in all lanes and none of those that have kernels of their own.
pub(crate) struct Power<T>(PhantomData<T>);

impl<T: Wide> Body for Power<T> {
    type A = T;
    type B = i32;
    type C = ();
    type R = T;
    const HEAVY: bool = true;

    #[inline(always)]
    fn lane(a: T, n: i32, _: ()) -> T {
        T::narrow(e::Powi::full(a.wide(), n))
    }

    #[inline(always)]
    fn group<const L: usize>(a: &[T; L], n: &[i32; L], _: &[(); L], out: &mut [MaybeUninit<T>; L]) {
        let n = n[0];
        let mut hard = false;
        for (out, a) in out.iter_mut().zip(a) {
            let x = a.wide();
            hard |= e::Powi::hard(x);
            out.write(T::narrow(e::Powi::fast(x, n)));
        }
        if hard {
            patch(out, |i| e::Powi::hard(a[i].wide()).then(|| Self::lane(a[i], n, ())));
        }
    }
}

macro_rules! float {
    ($of:ident $(<$f:ty>)?, $dtype:expr) => {
        match $dtype {
            DType::F32 => kernel!($of<$($f,)? f32>, 16),
            DType::F64 => kernel!($of<$($f,)? f64>, 16),
            _ => None,
        }
    };
}

/// The kernel of an elementary function of floats of type `dtype`.
pub(super) fn function(op: Op, dtype: DType) -> Option<&'static Kernel> {
    match op {
        Op::Exp => float!(Of1<e::Exp>, dtype),
        Op::Exp2 => float!(Of1<e::Exp2>, dtype),
        Op::ExpM1 => float!(Of1<e::ExpM1>, dtype),
        Op::Ln => float!(Of1<e::Ln>, dtype),
        Op::Ln1p => float!(Of1<e::Ln1p>, dtype),
        Op::Log2 => float!(Of1<e::Log2>, dtype),
        Op::Log10 => float!(Of1<e::Log10>, dtype),
        Op::Sin => float!(Of1<e::Sin>, dtype),
        Op::Cos => float!(Of1<e::Cos>, dtype),
        Op::Tan => float!(Of1<e::Tan>, dtype),
        Op::Sinh => float!(Of1<e::Sinh>, dtype),
        Op::Cosh => float!(Of1<e::Cosh>, dtype),
        Op::Tanh => float!(Of1<e::Tanh>, dtype),
        Op::Asin => float!(Of1<e::Asin>, dtype),
        Op::Acos => float!(Of1<e::Acos>, dtype),
        Op::Atan => float!(Of1<e::Atan>, dtype),
        Op::Erf => float!(Of1<e::Erf>, dtype),
        Op::Cbrt => float!(Of1<e::Cbrt>, dtype),
        Op::Asinh => float!(Of1<e::Asinh>, dtype),
        Op::Acosh => float!(Of1<e::Acosh>, dtype),
        Op::Atanh => float!(Of1<e::Atanh>, dtype),
        Op::Logaddexp => float!(Of2<e::Logaddexp>, dtype),
        Op::Logaddexp2 => float!(Of2<e::Logaddexp2>, dtype),
        Op::Powf => float!(Of2<e::Powf>, dtype),
        Op::Atan2 => float!(Of2<e::Atan2>, dtype),
        Op::Hypot => float!(Of2<e::Hypot>, dtype),
        // -1 to 2 are exact, or rounded once, by multiplying.
        Op::Powi(-1..=2) => None,
        Op::Powi(3) => float!(Of1<SmallPower<3>>, dtype),
        Op::Powi(4) => float!(Of1<SmallPower<4>>, dtype),
        Op::Powi(5) => float!(Of1<SmallPower<5>>, dtype),
        Op::Powi(6) => float!(Of1<SmallPower<6>>, dtype),
        Op::Powi(7) => float!(Of1<SmallPower<7>>, dtype),
        Op::Powi(8) => float!(Of1<SmallPower<8>>, dtype),
        Op::Powi(_) => float!(Power, dtype),
        _ => None,
    }
}
