//! Elementary functions of each element, casts, and what else goes place by place under ndarray's names. All of them are lazy.

use ndarray::Dimension;
use num_traits::{Float, Signed};

use crate::array::dist_array::{DistArray, expect};
use crate::array::operation::argument::{Arg, Argument};
use crate::array::operation::operate;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::Op;

macro_rules! functions {
    ($($(#[$doc:meta])* $method:ident, $Op:ident, $f:expr;)*) => {$(
        $(#[$doc])*
        #[track_caller]
        pub fn $method(&self) -> DistArray<A, D> {
            expect(operate::unary((Op::$Op, stringify!($method)), self, $f))
        }
    )*};
}

impl<A: Element + Float, D: Dimension> DistArray<A, D> {
    functions! {
        /// Square root of each element.
        sqrt, Sqrt, A::sqrt;
        /// `1/x` of each element.
        recip, Recip, A::recip;
        /// The largest integer at most each element.
        floor, Floor, A::floor;
        /// The smallest integer at least each element.
        ceil, Ceil, A::ceil;
        /// The nearest integer; halves away from zero.
        round, Round, A::round;
        /// The integer part.
        trunc, Trunc, A::trunc;
        /// `e^x` of each element.
        exp, Exp, A::exp;
        /// `2^x` of each element.
        exp2, Exp2, A::exp2;
        /// `e^x - 1`, accurate near 0.
        exp_m1, ExpM1, A::exp_m1;
        /// Natural logarithm of each element.
        ln, Ln, A::ln;
        /// `ln(1 + x)`, accurate near 0.
        ln_1p, Ln1p, A::ln_1p;
        /// Logarithm to base 2.
        log2, Log2, A::log2;
        /// Logarithm to base 10.
        log10, Log10, A::log10;
        /// Sine (of radians).
        sin, Sin, A::sin;
        /// Cosine (of radians).
        cos, Cos, A::cos;
        /// Tangent (of radians).
        tan, Tan, A::tan;
        /// Arcsine, in radians.
        asin, Asin, A::asin;
        /// Arccosine, in radians.
        acos, Acos, A::acos;
        /// Arctangent, in radians.
        atan, Atan, A::atan;
        /// Hyperbolic sine.
        sinh, Sinh, A::sinh;
        /// Hyperbolic cosine.
        cosh, Cosh, A::cosh;
        /// Hyperbolic tangent.
        tanh, Tanh, A::tanh;
    }

    /// The Gauss error function of each element.
    ///
    /// # Panics
    /// Where the elements are of a user's own type.
    #[track_caller]
    pub fn erf(&self) -> DistArray<A, D> {
        assert!(A::DTYPE.is_some(), "erf: an element type that programs do not know");
        expect(operate::unary((Op::Erf, "erf"), self, |x| x))
    }

    /// Integer power of each element.
    #[track_caller]
    pub fn powi(&self, exponent: i32) -> DistArray<A, D> {
        expect(operate::unary((Op::Powi(exponent), "powi"), self, |x: A| x.powi(exponent)))
    }

    /// Each element to the power of `exponent`: a number, or an array.
    #[track_caller]
    pub fn powf<R: Argument<A, D>>(&self, exponent: R) -> DistArray<A, R::Output> {
        expect(operate::binary((Op::Powf, "powf"), &Arg::Dist(self), &exponent.arg(), A::powf))
    }

    /// `atan2(self, other)`: the angle of the point (`other`, `self`).
    #[track_caller]
    pub fn atan2<R: Argument<A, D>>(&self, other: R) -> DistArray<A, R::Output> {
        expect(operate::binary((Op::Atan2, "atan2"), &Arg::Dist(self), &other.arg(), A::atan2))
    }

    /// Length of the hypotenuse over `self` and `other`.
    #[track_caller]
    pub fn hypot<R: Argument<A, D>>(&self, other: R) -> DistArray<A, R::Output> {
        expect(operate::binary((Op::Hypot, "hypot"), &Arg::Dist(self), &other.arg(), A::hypot))
    }

    /// Where an element is NaN.
    #[track_caller]
    pub fn is_nan(&self) -> DistArray<bool, D> {
        expect(operate::unary((Op::IsNan, "is_nan"), self, A::is_nan))
    }

    /// Where an element is infinite.
    #[track_caller]
    pub fn is_infinite(&self) -> DistArray<bool, D> {
        expect(operate::unary((Op::IsInfinite, "is_infinite"), self, A::is_infinite))
    }

    /// Where an element is finite.
    #[track_caller]
    pub fn is_finite(&self) -> DistArray<bool, D> {
        expect(operate::unary((Op::IsFinite, "is_finite"), self, A::is_finite))
    }

    /// The fractional part of each element.
    #[track_caller]
    pub fn fract(&self) -> DistArray<A, D> {
        expect(operate::binary((Op::Sub, "fract"), &Arg::Dist(self), &Arg::Dist(&self.trunc()), |x, y| x - y))
    }
}

impl<A: Element + Signed, D: Dimension> DistArray<A, D> {
    functions! {
        /// Absolute value of each element; integers wrap.
        abs, Abs, |x: A| x.abs();
        /// Sign of each element: -1, 0 or 1 for integers, ±1 or NaN for floats.
        signum, Signum, |x: A| x.signum();
    }
}

impl<A: Element + std::ops::Mul<Output = A>, D: Dimension> DistArray<A, D> {
    functions! {
        /// `x * x` of each element.
        square, Square, |x: A| x * x;
        /// `x * x` of each element, under ndarray's name.
        pow2, Square, |x: A| x * x;
    }
}

impl<A: Element + PartialOrd, D: Dimension> DistArray<A, D> {
    /// The smaller of each two elements; NaN where either is NaN. -0.0 is smaller than 0.0, as in IEEE 754-2019.
    #[track_caller]
    pub fn minimum<R: Argument<A, D>>(&self, other: R) -> DistArray<A, R::Output> {
        let f = |x, y| if y < x { y } else { x };
        expect(operate::binary((Op::Minimum, "minimum"), &Arg::Dist(self), &other.arg(), f))
    }

    /// The larger of each two elements; NaN where either is NaN. 0.0 is larger than -0.0, as in IEEE 754-2019.
    #[track_caller]
    pub fn maximum<R: Argument<A, D>>(&self, other: R) -> DistArray<A, R::Output> {
        let f = |x, y| if y > x { y } else { x };
        expect(operate::binary((Op::Maximum, "maximum"), &Arg::Dist(self), &other.arg(), f))
    }

    /// Each element limited to `min..=max`; NaN stays NaN.
    ///
    /// # Panics
    /// Unless `min <= max`.
    #[track_caller]
    pub fn clamp(&self, min: A, max: A) -> DistArray<A, D> {
        assert!(min <= max, "min must be less than or equal to max");
        let constants = (min.scalar(), max.scalar(), A::DTYPE);
        if let (Some(low), Some(high), Some(dtype), Some(operand)) =
            (constants.0, constants.1, constants.2, self.operand())
        {
            use crate::array::expression::node::Operand::Constant;
            let shape = crate::array::shape::dims::Dims::new(self.shape());
            return expect(operate::apply(
                self.hub(),
                dtype,
                Op::Clamp,
                shape,
                vec![operand, Constant(low), Constant(high)],
            ));
        }
        expect(operate::unary((Op::Clamp, "clamp"), self, |x: A| {
            if x < min {
                min
            } else if x > max {
                max
            } else {
                x
            }
        }))
    }
}

impl<A: Element, D: Dimension> DistArray<A, D> {
    /// The elements as another type, as Rust's `as` converts them; to `bool`: whether they are not 0. Lazy.
    ///
    /// # Panics
    /// Where programs do not know one of the types; see [`try_astype`](DistArray::try_astype).
    #[track_caller]
    pub fn astype<B: Element>(&self) -> DistArray<B, D> {
        expect(self.try_astype())
    }

    /// [`astype`](DistArray::astype), with an error where that panics.
    pub fn try_astype<B: Element>(&self) -> Result<DistArray<B, D>> {
        if const { A::DTYPE.is_none() || B::DTYPE.is_none() } {
            return Err(Error::invalid("astype: an element type that programs do not know; use mapv"));
        }
        operate::unary((Op::Cast, "astype"), self, |_| unreachable!("programs know both types"))
    }
}
