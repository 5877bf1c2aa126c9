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
    /// Absolute value; of a complex number its modulus. The least integer of a type stays as it is.
    absolute Absolute;
    /// Inverse cosine.
    arccos Arccos;
    /// Inverse hyperbolic cosine.
    arccosh Arccosh;
    /// Inverse sine.
    arcsin Arcsin;
    /// Inverse hyperbolic sine.
    arcsinh Arcsinh;
    /// Inverse tangent.
    arctan Arctan;
    /// Inverse hyperbolic tangent.
    arctanh Arctanh;
    /// How many bits of the absolute value are set.
    bitwise_count BitwiseCount;
    /// Cube root.
    cbrt Cbrt;
    /// The smallest integer not below.
    ceil Ceil;
    /// Complex conjugate; of a real number itself.
    conjugate Conjugate;
    /// Cosine, of radians.
    cos Cos;
    /// Hyperbolic cosine.
    cosh Cosh;
    /// Degrees to radians.
    deg2rad Deg2rad;
    /// Radians to degrees.
    degrees Degrees;
    /// `e^x`.
    exp Exp;
    /// `2^x`.
    exp2 Exp2;
    /// `e^x - 1`, accurate near 0.
    expm1 Expm1;
    /// Absolute value of floats.
    fabs Fabs;
    /// The largest integer not above.
    floor Floor;
    /// Every bit turned; of `bool` the logical not.
    invert Invert;
    /// Whether it is neither infinite nor NaN.
    isfinite Isfinite;
    /// Whether it is infinite; a complex number, whether a part of it is.
    isinf Isinf;
    /// Whether it is NaN; a complex number, whether a part of it is.
    isnan Isnan;
    /// Natural logarithm.
    log Log;
    /// Logarithm to base 10.
    log10 Log10;
    /// `ln(1 + x)`, accurate near 0.
    log1p Log1p;
    /// Logarithm to base 2.
    log2 Log2;
    /// Whether it is 0.
    logical_not LogicalNot;
    /// `-x`; integers wrap.
    negative Negative;
    /// The number itself.
    positive Positive;
    /// Radians to degrees.
    rad2deg Rad2deg;
    /// Degrees to radians.
    radians Radians;
    /// `1 / x`; of integers truncated, and an error at 0.
    reciprocal Reciprocal;
    /// The nearest integer, halves to the even one.
    rint Rint;
    /// -1, 0 or 1, NaN of NaN; of a complex number `z / |z|`, and 0 of 0.
    sign Sign;
    /// Whether the sign bit is set.
    signbit Signbit;
    /// Sine, of radians.
    sin Sin;
    /// Hyperbolic sine.
    sinh Sinh;
    /// Distance to the next number away from 0, with the sign of the operand.
    spacing Spacing;
    /// Square root.
    sqrt Sqrt;
    /// `x * x`.
    square Square;
    /// Tangent, of radians.
    tan Tan;
    /// Hyperbolic tangent.
    tanh Tanh;
    /// The integer part.
    trunc Trunc;
}

free! { binary:
    /// `x + y`; integers wrap, `bool` is a logical or. Identity: 0.
    add Add;
    /// Angle of the point (y, x): the first operand is y.
    arctan2 Arctan2;
    /// Bits that are set in both. Identity: all bits.
    bitwise_and BitwiseAnd;
    /// Bits that are set in one of them. Identity: 0.
    bitwise_or BitwiseOr;
    /// Bits that are set in exactly one of them. Identity: 0.
    bitwise_xor BitwiseXor;
    /// The first, with the sign of the second.
    copysign Copysign;
    /// `x / y` of floats and complex numbers; integers have [`FloorDivide`].
    divide Divide;
    /// Whether the two are equal; NaN equals nothing.
    equal Equal;
    /// `x^y`, in double precision alone.
    float_power FloatPower;
    /// The largest integer not above `x / y`; an integer divided by 0 is an error, the least one by -1 wraps.
    floor_divide FloorDivide;
    /// The larger; the other one where one is NaN.
    fmax Fmax;
    /// The smaller; the other one where one is NaN.
    fmin Fmin;
    /// Remainder with the sign of the first, C's `fmod`; an integer divided by 0 is an error.
    fmod Fmod;
    /// Greatest common divisor. Identity: 0.
    gcd Gcd;
    /// Whether the first is greater; complex numbers by real part, then by imaginary part.
    greater Greater;
    /// Whether the first is not less; complex numbers by real part, then by imaginary part.
    greater_equal GreaterEqual;
    /// 0 where the first is below 0, the second where it is 0, 1 above; NaN of NaN.
    heaviside Heaviside;
    /// `sqrt(x² + y²)`, without overflow on the way. Identity: 0.
    hypot Hypot;
    /// Least common multiple; it wraps.
    lcm Lcm;
    /// Bits shifted left; 0 where the count is not within the width.
    left_shift LeftShift;
    /// Whether the first is less; complex numbers by real part, then by imaginary part.
    less Less;
    /// Whether the first is not greater; complex numbers by real part, then by imaginary part.
    less_equal LessEqual;
    /// `ln(e^x + e^y)`. Identity: minus infinity.
    logaddexp Logaddexp;
    /// `log2(2^x + 2^y)`. Identity: minus infinity.
    logaddexp2 Logaddexp2;
    /// Whether both are not 0. Identity: true.
    logical_and LogicalAnd;
    /// Whether one of them is not 0. Identity: false.
    logical_or LogicalOr;
    /// Whether exactly one of them is not 0. Identity: false.
    logical_xor LogicalXor;
    /// The larger; NaN where one is NaN.
    maximum Maximum;
    /// The smaller; NaN where one is NaN.
    minimum Minimum;
    /// `x * y`; integers wrap, `bool` is a logical and. Identity: 1.
    multiply Multiply;
    /// The next number after the first, towards the second.
    nextafter Nextafter;
    /// Whether the two differ; NaN differs from everything.
    not_equal NotEqual;
    /// `x^y`; integers wrap, and their exponents may not be negative.
    power Power;
    /// Remainder with the sign of the second, Python's `%`; an integer divided by 0 is an error.
    remainder Remainder;
    /// Bits shifted right, with the sign; a count that is not within the width shifts all of them out.
    right_shift RightShift;
    /// `x - y`; integers wrap.
    subtract Subtract;
    /// `x * 2^n`: a float and an integer.
    ldexp Ldexp;
}

methods! { unary:
    /// Inverse hyperbolic cosine.
    acosh Arccosh;
    /// Inverse hyperbolic sine.
    asinh Arcsinh;
    /// Inverse hyperbolic tangent.
    atanh Arctanh;
    /// How many bits of the absolute value are set.
    bitwise_count BitwiseCount;
    /// Cube root.
    cbrt Cbrt;
    /// Degrees to radians.
    to_radians Deg2rad;
    /// Radians to degrees.
    to_degrees Degrees;
    /// Whether it is 0.
    logical_not LogicalNot;
    /// The nearest integer, halves to the even one.
    round_ties_even Rint;
    /// -1, 0 or 1, NaN of NaN; of a complex number `z / |z|`, and 0 of 0.
    sign Sign;
    /// Whether the sign bit is set.
    is_sign_negative Signbit;
    /// Distance to the next number away from 0, with the sign of the operand.
    spacing Spacing;
}

methods! { binary:
    /// The first, with the sign of the second.
    copysign Copysign;
    /// The largest integer not above `x / y`; an integer divided by 0 is an error, the least one by -1 wraps.
    floor_divide FloorDivide;
    /// The larger; the other one where one is NaN.
    fmax Fmax;
    /// The smaller; the other one where one is NaN.
    fmin Fmin;
    /// Greatest common divisor. Identity: 0.
    gcd Gcd;
    /// 0 where the first is below 0, the second where it is 0, 1 above; NaN of NaN.
    heaviside Heaviside;
    /// Least common multiple; it wraps.
    lcm Lcm;
    /// Bits shifted left; 0 where the count is not within the width.
    left_shift LeftShift;
    /// `ln(e^x + e^y)`. Identity: minus infinity.
    logaddexp Logaddexp;
    /// `log2(2^x + 2^y)`. Identity: minus infinity.
    logaddexp2 Logaddexp2;
    /// Whether both are not 0. Identity: true.
    logical_and LogicalAnd;
    /// Whether one of them is not 0. Identity: false.
    logical_or LogicalOr;
    /// Whether exactly one of them is not 0. Identity: false.
    logical_xor LogicalXor;
    /// The next number after the first, towards the second.
    nextafter Nextafter;
    /// `x^y`; integers wrap, and their exponents may not be negative.
    power Power;
    /// Remainder with the sign of the second, Python's `%`; an integer divided by 0 is an error.
    remainder Remainder;
    /// Bits shifted right, with the sign; a count that is not within the width shifts all of them out.
    right_shift RightShift;
    /// `x * 2^n`: a float and an integer.
    ldexp Ldexp;
}
