//! Elementary functions of each element, casts, and what else goes place by place under ndarray's names. All of them are lazy.

use ndarray::Dimension;
use num_traits::{Float, Signed};

use crate::array::dist_array::{DistArray, expect};
use crate::array::example::example;
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
        #[doc = example!(array: "array![4.0, 9.0]", "sqrt()" => "array![2.0, 3.0]")]
        sqrt, Sqrt, A::sqrt;
        /// `1/x` of each element.
        #[doc = example!(array: "array![4.0, -0.5]", "recip()" => "array![0.25, -2.0]")]
        recip, Recip, A::recip;
        /// Rounds each element down to an integer.
        #[doc = example!(array: "array![1.2, -1.8]", "floor()" => "array![1.0, -2.0]")]
        floor, Floor, A::floor;
        /// Rounds each element up to an integer.
        #[doc = example!(array: "array![1.2, -1.8]", "ceil()" => "array![2.0, -1.0]")]
        ceil, Ceil, A::ceil;
        /// Rounds each element to the nearest integer; halves round away from zero. [`round_ties_even`](DistArray::round_ties_even) is NumPy's `round`.
        #[doc = example!(array: "array![0.5, 1.2, -2.5]", "round()" => "array![1.0, 1.0, -3.0]")]
        round, Round, A::round;
        /// Rounds each element towards zero: the integer part.
        #[doc = example!(array: "array![1.8, -1.8]", "trunc()" => "array![1.0, -1.0]")]
        trunc, Trunc, A::trunc;
        /// `e^x` of each element.
        #[doc = example!(array: "array![0.0, 1.0]", "exp()" => "array![1.0, std::f64::consts::E]")]
        exp, Exp, A::exp;
        /// `2^x` of each element.
        #[doc = example!(array: "array![3.0, -1.0]", "exp2()" => "array![8.0, 0.5]")]
        exp2, Exp2, A::exp2;
        /// `e^x - 1`, accurate near 0.
        #[doc = example!(array: "array![0.0, 1e-17]", "exp_m1()" => "array![0.0, 1e-17]")]
        exp_m1, ExpM1, A::exp_m1;
        /// Natural logarithm of each element.
        #[doc = example!(array: "array![1.0, std::f64::consts::E]", "ln()" => "array![0.0, 1.0]")]
        ln, Ln, A::ln;
        /// `ln(1 + x)`, accurate near 0.
        #[doc = example!(array: "array![0.0, 1e-17]", "ln_1p()" => "array![0.0, 1e-17]")]
        ln_1p, Ln1p, A::ln_1p;
        /// Logarithm of each element to base 2.
        #[doc = example!(array: "array![8.0, 0.5]", "log2()" => "array![3.0, -1.0]")]
        log2, Log2, A::log2;
        /// Logarithm of each element to base 10.
        #[doc = example!(array: "array![1000.0, 0.1]", "log10()" => "array![3.0, -1.0]")]
        log10, Log10, A::log10;
        /// Sine of each element, in radians.
        #[doc = example!(array: "array![0.0, std::f64::consts::FRAC_PI_2]", "sin()" => "array![0.0, 1.0]")]
        sin, Sin, A::sin;
        /// Cosine of each element, in radians.
        #[doc = example!(array: "array![0.0, std::f64::consts::PI]", "cos()" => "array![1.0, -1.0]")]
        cos, Cos, A::cos;
        /// Tangent of each element, in radians.
        #[doc = example!(array: "array![0.0, 1.0]", "tan()" => "array![0.0, 1.5574077246549023]")]
        tan, Tan, A::tan;
        /// Arcsine of each element, in radians.
        #[doc = example!(array: "array![0.0, 1.0]", "asin()" => "array![0.0, std::f64::consts::FRAC_PI_2]")]
        asin, Asin, A::asin;
        /// Arccosine of each element, in radians.
        #[doc = example!(array: "array![1.0, -1.0]", "acos()" => "array![0.0, std::f64::consts::PI]")]
        acos, Acos, A::acos;
        /// Arctangent of each element, in radians.
        #[doc = example!(array: "array![0.0, 1.0]", "atan()" => "array![0.0, std::f64::consts::FRAC_PI_4]")]
        atan, Atan, A::atan;
        /// Hyperbolic sine of each element.
        #[doc = example!(array: "array![0.0, 1.0]", "sinh()" => "array![0.0, 1.1752011936438014]")]
        sinh, Sinh, A::sinh;
        /// Hyperbolic cosine of each element.
        #[doc = example!(array: "array![0.0, 1.0]", "cosh()" => "array![1.0, 1.5430806348152437]")]
        cosh, Cosh, A::cosh;
        /// Hyperbolic tangent of each element.
        #[doc = example!(array: "array![0.0, 1.0]", "tanh()" => "array![0.0, 0.7615941559557649]")]
        tanh, Tanh, A::tanh;
    }

    /// The Gauss error function of each element.
    ///
    /// # Panics
    /// Where the elements are of a user's own type.
    #[doc = example!(array: "array![0.0, 1.0]", "erf()" => "array![0.0, 0.8427007929497149]")]
    #[track_caller]
    pub fn erf(&self) -> DistArray<A, D> {
        assert!(A::DTYPE.is_some(), "erf: an element type that programs do not know");
        expect(operate::unary((Op::Erf, "erf"), self, |x| x))
    }

    /// Each element to an integer power.
    #[doc = example!(array: "array![2.0, -3.0]", "powi(3)" => "array![8.0, -27.0]")]
    #[track_caller]
    pub fn powi(&self, exponent: i32) -> DistArray<A, D> {
        expect(operate::unary((Op::Powi(exponent), "powi"), self, |x: A| x.powi(exponent)))
    }

    /// Each element to the power of `exponent`: a number, or an array.
    #[doc = example!(array: "array![2.0, 9.0]", "powf(array![3.0, 0.5])" => "array![8.0, 3.0]")]
    #[track_caller]
    pub fn powf<R: Argument<A, D>>(&self, exponent: R) -> DistArray<A, R::Output> {
        expect(operate::binary((Op::Powf, "powf"), &Arg::Dist(self), &exponent.arg(), A::powf))
    }

    /// `atan2(self, other)` of each two elements: the angle of the point (x, y) = (`other`, `self`), in radians.
    #[doc = example!(array: "array![1.0, -1.0]", "atan2(array![1.0, 0.0])" => "array![std::f64::consts::FRAC_PI_4, -std::f64::consts::FRAC_PI_2]")]
    #[track_caller]
    pub fn atan2<R: Argument<A, D>>(&self, other: R) -> DistArray<A, R::Output> {
        expect(operate::binary((Op::Atan2, "atan2"), &Arg::Dist(self), &other.arg(), A::atan2))
    }

    /// `sqrt(self² + other²)` of each two elements, without intermediate overflow.
    #[doc = example!(array: "array![3.0, 5.0]", "hypot(array![4.0, 12.0])" => "array![5.0, 13.0]")]
    #[track_caller]
    pub fn hypot<R: Argument<A, D>>(&self, other: R) -> DistArray<A, R::Output> {
        expect(operate::binary((Op::Hypot, "hypot"), &Arg::Dist(self), &other.arg(), A::hypot))
    }

    /// Whether each element is NaN.
    #[doc = example!(array: "array![1.0, f64::INFINITY, f64::NAN]", "is_nan()" => "array![false, false, true]")]
    #[track_caller]
    pub fn is_nan(&self) -> DistArray<bool, D> {
        expect(operate::unary((Op::IsNan, "is_nan"), self, A::is_nan))
    }

    /// Whether each element is infinite.
    #[doc = example!(array: "array![1.0, f64::INFINITY, f64::NAN]", "is_infinite()" => "array![false, true, false]")]
    #[track_caller]
    pub fn is_infinite(&self) -> DistArray<bool, D> {
        expect(operate::unary((Op::IsInfinite, "is_infinite"), self, A::is_infinite))
    }

    /// Whether each element is finite: neither infinite nor NaN.
    #[doc = example!(array: "array![1.0, f64::INFINITY, f64::NAN]", "is_finite()" => "array![true, false, false]")]
    #[track_caller]
    pub fn is_finite(&self) -> DistArray<bool, D> {
        expect(operate::unary((Op::IsFinite, "is_finite"), self, A::is_finite))
    }

    /// The fractional part of each element.
    #[doc = example!(array: "array![1.25, -1.25]", "fract()" => "array![0.25, -0.25]")]
    #[track_caller]
    pub fn fract(&self) -> DistArray<A, D> {
        expect(operate::binary((Op::Sub, "fract"), &Arg::Dist(self), &Arg::Dist(&self.trunc()), |x, y| x - y))
    }
}

impl<A: Element + Signed, D: Dimension> DistArray<A, D> {
    functions! {
        /// Absolute value of each element; integers wrap.
        #[doc = example!(array: "array![-1.5, 2.0]", "abs()" => "array![1.5, 2.0]")]
        abs, Abs, |x: A| x.abs();
        /// Sign of each element: -1, 0 or 1 for integers, ±1 or NaN for floats.
        #[doc = example!(array: "array![-3.5, 2.0]", "signum()" => "array![-1.0, 1.0]")]
        signum, Signum, |x: A| x.signum();
    }
}

impl<A: Element + std::ops::Mul<Output = A>, D: Dimension> DistArray<A, D> {
    functions! {
        /// `x * x` of each element.
        #[doc = example!(array: "array![3, -4]", "square()" => "array![9, 16]")]
        square, Square, |x: A| x * x;
        /// `x * x` of each element, under ndarray's name.
        #[doc = example!(array: "array![3, -4]", "pow2()" => "array![9, 16]")]
        pow2, Square, |x: A| x * x;
    }
}

impl<A: Element + PartialOrd, D: Dimension> DistArray<A, D> {
    /// The smaller of each two elements, or NaN if one is NaN. -0.0 is smaller than 0.0, as in IEEE 754-2019.
    #[doc = example!(array: "array![1, 5]", "minimum(3)" => "array![1, 3]")]
    #[track_caller]
    pub fn minimum<R: Argument<A, D>>(&self, other: R) -> DistArray<A, R::Output> {
        let f = |x, y| if y < x { y } else { x };
        expect(operate::binary((Op::Minimum, "minimum"), &Arg::Dist(self), &other.arg(), f))
    }

    /// The larger of each two elements, or NaN if one is NaN. 0.0 is larger than -0.0, as in IEEE 754-2019.
    #[doc = example!(array: "array![1, 5]", "maximum(3)" => "array![3, 5]")]
    #[track_caller]
    pub fn maximum<R: Argument<A, D>>(&self, other: R) -> DistArray<A, R::Output> {
        let f = |x, y| if y > x { y } else { x };
        expect(operate::binary((Op::Maximum, "maximum"), &Arg::Dist(self), &other.arg(), f))
    }

    /// Limits each element to `min..=max`. NaN stays NaN.
    ///
    /// # Panics
    /// Unless `min <= max`.
    #[doc = example!(array: "array![-2.0, 0.5, 3.0]", "clamp(0.0, 1.0)" => "array![0.0, 0.5, 1.0]")]
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
    /// Converts each element to another type, as Rust's `as` does; to `bool`, whether it is not 0. Lazy.
    ///
    /// # Panics
    /// If one of the types is a struct or an array; [`try_astype`](DistArray::try_astype) returns an error instead.
    #[doc = example!(array: "array![1.7, -1.7]", "astype::<i32>()" => "array![1, -1]")]
    #[track_caller]
    pub fn astype<B: Element>(&self) -> DistArray<B, D> {
        expect(self.try_astype())
    }

    /// [`astype`](DistArray::astype), with an error where that panics.
    #[doc = example!(array: "array![1.7, -1.7]", "try_astype::<i32>().unwrap()" => "array![1, -1]")]
    pub fn try_astype<B: Element>(&self) -> Result<DistArray<B, D>> {
        if const { A::DTYPE.is_none() || B::DTYPE.is_none() } {
            return Err(Error::invalid("astype: an element type that programs do not know; use mapv"));
        }
        operate::unary((Op::Cast, "astype"), self, |_| unreachable!("programs know both types"))
    }
}
