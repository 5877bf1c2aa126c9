//! Universal functions under plain names: free functions with NumPy's names, for operands of any kind, and methods of arrays,
//! with the names of `std`'s floats where those have the function and NumPy's where not.

use ndarray::{DimMax, Dimension};

use super::call::{CallBinary, CallUnary};
use super::input::Input;
use crate::array::dist_array::DistArray;
use crate::array::example::ufunc_example;
use crate::array::function::{self as ufunc, Binary, Unary};
use crate::element::Element;

macro_rules! free {
    (unary: $($(#[$doc:meta])* $name:ident $Name:ident;)*) => {$(
        $(#[$doc])*
        ///
        #[doc = concat!("[`", stringify!($Name), "`](crate::ufunc::", stringify!($Name), ") of each element. Lazy.")]
        #[doc = ufunc_example!(free $name $Name)]
        #[track_caller]
        pub fn $name<X: Input>(x: X) -> DistArray<<ufunc::$Name as Unary<X::Elem>>::Output, X::Dim>
        where
            ufunc::$Name: Unary<X::Elem>,
        {
            ufunc::$Name.call(x)
        }
    )*};
    (binary: $($(#[$doc:meta])* $name:ident $Name:ident;)*) => {$(
        $(#[$doc])*
        ///
        #[doc = concat!("[`", stringify!($Name), "`](crate::ufunc::", stringify!($Name), ") of each two elements, with broadcasting. Lazy. Panics where the shapes do not fit.")]
        #[doc = ufunc_example!(free $name $Name)]
        #[track_caller]
        pub fn $name<X: Input, Y: Input>(
            x: X,
            y: Y,
        ) -> DistArray<<ufunc::$Name as Binary<X::Elem, Y::Elem>>::Output, <X::Dim as DimMax<Y::Dim>>::Output>
        where
            ufunc::$Name: Binary<X::Elem, Y::Elem>,
            X::Dim: DimMax<Y::Dim>,
        {
            ufunc::$Name.call(x, y)
        }
    )*};
}

macro_rules! methods {
    (unary: $($(#[$doc:meta])* $name:ident $Name:ident;)*) => {
        impl<A: Element, D: Dimension> DistArray<A, D> {$(
            $(#[$doc])*
            ///
            #[doc = concat!("[`", stringify!($Name), "`](crate::ufunc::", stringify!($Name), ") of each element. Lazy.")]
            #[doc = ufunc_example!(method $name $Name)]
            #[track_caller]
            pub fn $name(&self) -> DistArray<<ufunc::$Name as Unary<A>>::Output, D>
            where
                ufunc::$Name: Unary<A>,
            {
                ufunc::$Name.call(self)
            }
        )*}
    };
    (binary: $($(#[$doc:meta])* $name:ident $Name:ident;)*) => {
        impl<A: Element, D: Dimension> DistArray<A, D> {$(
            $(#[$doc])*
            ///
            #[doc = concat!("[`", stringify!($Name), "`](crate::ufunc::", stringify!($Name), ") of each two elements, with broadcasting. Lazy. Panics where the shapes do not fit.")]
            #[doc = ufunc_example!(method $name $Name)]
            #[track_caller]
            pub fn $name<Y: Input>(
                &self,
                other: Y,
            ) -> DistArray<<ufunc::$Name as Binary<A, Y::Elem>>::Output, <D as DimMax<Y::Dim>>::Output>
            where
                ufunc::$Name: Binary<A, Y::Elem>,
                D: DimMax<Y::Dim>,
            {
                ufunc::$Name.call(self, other)
            }
        )*}
    };
}

free! { unary:
    /// Absolute value; the modulus of a complex number. The smallest value of a signed integer type wraps to itself.
    absolute Absolute;
    /// Inverse cosine, in radians.
    arccos Arccos;
    /// Inverse hyperbolic cosine.
    arccosh Arccosh;
    /// Inverse sine, in radians.
    arcsin Arcsin;
    /// Inverse hyperbolic sine.
    arcsinh Arcsinh;
    /// Inverse tangent, in radians.
    arctan Arctan;
    /// Inverse hyperbolic tangent.
    arctanh Arctanh;
    /// Number of set bits of the absolute value.
    bitwise_count BitwiseCount;
    /// Cube root.
    cbrt Cbrt;
    /// Rounds up: the smallest integer that is not less than the element.
    ceil Ceil;
    /// Complex conjugate. A real number is its own conjugate.
    conjugate Conjugate;
    /// Cosine, of radians.
    cos Cos;
    /// Hyperbolic cosine.
    cosh Cosh;
    /// Converts degrees to radians.
    deg2rad Deg2rad;
    /// Converts radians to degrees.
    degrees Degrees;
    /// `e^x`.
    exp Exp;
    /// `2^x`.
    exp2 Exp2;
    /// `e^x - 1`, accurate near 0.
    expm1 Expm1;
    /// Absolute value, of floats only.
    fabs Fabs;
    /// Rounds down: the largest integer that is not greater than the element.
    floor Floor;
    /// Inverts every bit; the logical not of a `bool`.
    invert Invert;
    /// Whether the element is neither infinite nor NaN.
    isfinite Isfinite;
    /// Whether the element, or a part of a complex element, is infinite.
    isinf Isinf;
    /// Whether the element, or a part of a complex element, is NaN.
    isnan Isnan;
    /// Natural logarithm.
    log Log;
    /// Logarithm to base 10.
    log10 Log10;
    /// `ln(1 + x)`, accurate near 0.
    log1p Log1p;
    /// Logarithm to base 2.
    log2 Log2;
    /// Whether the element is 0: the logical not of its truth value.
    logical_not LogicalNot;
    /// `-x`. Integers wrap.
    negative Negative;
    /// The element itself.
    positive Positive;
    /// Converts radians to degrees.
    rad2deg Rad2deg;
    /// Converts degrees to radians.
    radians Radians;
    /// `1 / x`. For integers it is rounded towards zero, and 0 is an error.
    reciprocal Reciprocal;
    /// Rounds to the nearest integer; halves round to the even one.
    rint Rint;
    /// Sign: -1, 0 or 1, and NaN for NaN. For a complex number it is `z / |z|`, and 0 for 0.
    sign Sign;
    /// Whether the sign bit is set, which is so for -0.0 too.
    signbit Signbit;
    /// Sine, of radians.
    sin Sin;
    /// Hyperbolic sine.
    sinh Sinh;
    /// Distance to the next representable number away from 0, with the sign of the operand.
    spacing Spacing;
    /// Square root.
    sqrt Sqrt;
    /// `x * x`.
    square Square;
    /// Tangent, of radians.
    tan Tan;
    /// Hyperbolic tangent.
    tanh Tanh;
    /// Rounds towards zero: the integer part.
    trunc Trunc;
}

free! { binary:
    /// `x + y`. Integers wrap; for `bool` it is the logical or. Identity: 0.
    add Add;
    /// Angle of the point (x, y) in radians. The first operand is y, the second is x.
    arctan2 Arctan2;
    /// Bitwise and. Identity: all bits set.
    bitwise_and BitwiseAnd;
    /// Bitwise or. Identity: 0.
    bitwise_or BitwiseOr;
    /// Bitwise exclusive or. Identity: 0.
    bitwise_xor BitwiseXor;
    /// The magnitude of the first operand with the sign of the second.
    copysign Copysign;
    /// `x / y`, of floats and complex numbers. For integers there is [`FloorDivide`](crate::ufunc::FloorDivide).
    divide Divide;
    /// Whether the operands are equal. NaN is not equal to anything.
    equal Equal;
    /// `x^y`, of `f64` and `Complex<f64>` only.
    float_power FloatPower;
    /// `x / y`, rounded down. An integer divided by 0 is an error; the smallest integer divided by -1 wraps.
    floor_divide FloorDivide;
    /// The larger operand. If one is NaN, the result is the other one. 0.0 is larger than -0.0.
    fmax Fmax;
    /// The smaller operand. If one is NaN, the result is the other one. -0.0 is smaller than 0.0.
    fmin Fmin;
    /// Remainder with the sign of the dividend, as C's `fmod`. An integer divided by 0 is an error.
    fmod Fmod;
    /// Greatest common divisor. Identity: 0.
    gcd Gcd;
    /// Whether the first operand is greater. Complex numbers are compared by real part, then by imaginary part.
    greater Greater;
    /// Whether the first operand is greater or equal. Complex numbers are compared by real part, then by imaginary part.
    greater_equal GreaterEqual;
    /// Step function of the first operand: 0 if it is negative, the second operand if it is 0, 1 if it is positive, NaN if it is NaN.
    heaviside Heaviside;
    /// `sqrt(x² + y²)`, without intermediate overflow. Identity: 0.
    hypot Hypot;
    /// Least common multiple. Integers wrap.
    lcm Lcm;
    /// Shifts bits left. A count of the type's width or more gives 0.
    left_shift LeftShift;
    /// Whether the first operand is less. Complex numbers are compared by real part, then by imaginary part.
    less Less;
    /// Whether the first operand is less or equal. Complex numbers are compared by real part, then by imaginary part.
    less_equal LessEqual;
    /// `ln(e^x + e^y)`. Identity: minus infinity.
    logaddexp Logaddexp;
    /// `log2(2^x + 2^y)`. Identity: minus infinity.
    logaddexp2 Logaddexp2;
    /// Whether both operands are not 0. Identity: true.
    logical_and LogicalAnd;
    /// Whether at least one operand is not 0. Identity: false.
    logical_or LogicalOr;
    /// Whether exactly one operand is not 0. Identity: false.
    logical_xor LogicalXor;
    /// The larger operand, or NaN if one is NaN. 0.0 is larger than -0.0.
    maximum Maximum;
    /// The smaller operand, or NaN if one is NaN. -0.0 is smaller than 0.0.
    minimum Minimum;
    /// `x * y`. Integers wrap; for `bool` it is the logical and. Identity: 1.
    multiply Multiply;
    /// The next representable number after the first operand, towards the second.
    nextafter Nextafter;
    /// Whether the operands differ. NaN differs from everything.
    not_equal NotEqual;
    /// `x^y`. Integers wrap; a negative exponent of an integer is an error.
    power Power;
    /// Remainder with the sign of the divisor, as Python's `%`. An integer divided by 0 is an error.
    remainder Remainder;
    /// Shifts bits right, and keeps the sign. A count of the type's width or more shifts all bits out.
    right_shift RightShift;
    /// `x - y`. Integers wrap.
    subtract Subtract;
    /// `x * 2^n`, of a float `x` and an integer `n`.
    ldexp Ldexp;
}

methods! { unary:
    /// Inverse hyperbolic cosine.
    acosh Arccosh;
    /// Inverse hyperbolic sine.
    asinh Arcsinh;
    /// Inverse hyperbolic tangent.
    atanh Arctanh;
    /// Number of set bits of the absolute value.
    bitwise_count BitwiseCount;
    /// Cube root.
    cbrt Cbrt;
    /// Converts degrees to radians.
    to_radians Deg2rad;
    /// Converts radians to degrees.
    to_degrees Degrees;
    /// Whether the element is 0: the logical not of its truth value.
    logical_not LogicalNot;
    /// Rounds to the nearest integer; halves round to the even one.
    round_ties_even Rint;
    /// Sign: -1, 0 or 1, and NaN for NaN. For a complex number it is `z / |z|`, and 0 for 0.
    sign Sign;
    /// Whether the sign bit is set, which is so for -0.0 too.
    is_sign_negative Signbit;
    /// Distance to the next representable number away from 0, with the sign of the operand.
    spacing Spacing;
}

methods! { binary:
    /// The magnitude of the first operand with the sign of the second.
    copysign Copysign;
    /// `x / y`, rounded down. An integer divided by 0 is an error; the smallest integer divided by -1 wraps.
    floor_divide FloorDivide;
    /// The larger operand. If one is NaN, the result is the other one. 0.0 is larger than -0.0.
    fmax Fmax;
    /// The smaller operand. If one is NaN, the result is the other one. -0.0 is smaller than 0.0.
    fmin Fmin;
    /// Greatest common divisor. Identity: 0.
    gcd Gcd;
    /// Step function of the first operand: 0 if it is negative, the second operand if it is 0, 1 if it is positive, NaN if it is NaN.
    heaviside Heaviside;
    /// Least common multiple. Integers wrap.
    lcm Lcm;
    /// Shifts bits left. A count of the type's width or more gives 0.
    left_shift LeftShift;
    /// `ln(e^x + e^y)`. Identity: minus infinity.
    logaddexp Logaddexp;
    /// `log2(2^x + 2^y)`. Identity: minus infinity.
    logaddexp2 Logaddexp2;
    /// Whether both operands are not 0. Identity: true.
    logical_and LogicalAnd;
    /// Whether at least one operand is not 0. Identity: false.
    logical_or LogicalOr;
    /// Whether exactly one operand is not 0. Identity: false.
    logical_xor LogicalXor;
    /// The next representable number after the first operand, towards the second.
    nextafter Nextafter;
    /// `x^y`. Integers wrap; a negative exponent of an integer is an error.
    power Power;
    /// Remainder with the sign of the divisor, as Python's `%`. An integer divided by 0 is an error.
    remainder Remainder;
    /// Shifts bits right, and keeps the sign. A count of the type's width or more shifts all bits out.
    right_shift RightShift;
    /// `x * 2^n`, of a float `x` and an integer `n`.
    ldexp Ldexp;
}
