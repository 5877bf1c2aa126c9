//! The rows of the grid: functions with one result and the classes of types that they take.

use super::*;

/// Cells of functions with one result, as the table of functions has them.
pub(super) fn cells(records: &Records, grid: &mut Grid) {
    unary! { records grid:
        Absolute "absolute" bools ints floats complexes;
        Arccos "arccos" floats complexes;
        Arccosh "arccosh" floats complexes;
        Arcsin "arcsin" floats complexes;
        Arcsinh "arcsinh" floats complexes;
        Arctan "arctan" floats complexes;
        Arctanh "arctanh" floats complexes;
        BitwiseCount "bitwise_count" ints;
        Cbrt "cbrt" floats;
        Ceil "ceil" bools ints floats;
        Conjugate "conjugate" ints floats complexes;
        Cos "cos" floats complexes;
        Cosh "cosh" floats complexes;
        Deg2rad "deg2rad" floats;
        Degrees "degrees" floats;
        Exp "exp" floats complexes;
        Exp2 "exp2" floats complexes;
        Expm1 "expm1" floats complexes;
        Fabs "fabs" floats;
        Floor "floor" bools ints floats;
        Invert "invert" bools ints;
        Isfinite "isfinite" bools ints floats complexes;
        Isinf "isinf" bools ints floats complexes;
        Isnan "isnan" bools ints floats complexes;
        Log "log" floats complexes;
        Log10 "log10" floats complexes;
        Log1p "log1p" floats complexes;
        Log2 "log2" floats complexes;
        LogicalNot "logical_not" bools ints floats complexes;
        Negative "negative" ints floats complexes;
        Positive "positive" ints floats complexes;
        Rad2deg "rad2deg" floats;
        Radians "radians" floats;
        Reciprocal "reciprocal" ints floats complexes;
        Rint "rint" floats complexes;
        Sign "sign" ints floats complexes;
        Signbit "signbit" floats;
        Sin "sin" floats complexes;
        Sinh "sinh" floats complexes;
        Spacing "spacing" floats;
        Sqrt "sqrt" floats complexes;
        Square "square" ints floats complexes;
        Tan "tan" floats complexes;
        Tanh "tanh" floats complexes;
        Trunc "trunc" bools ints floats;
    }
    binary! { records grid:
        Add "add" bools ints floats complexes;
        Arctan2 "arctan2" floats;
        BitwiseAnd "bitwise_and" bools ints;
        BitwiseOr "bitwise_or" bools ints;
        BitwiseXor "bitwise_xor" bools ints;
        Copysign "copysign" floats;
        Divide "divide" floats complexes;
        Equal "equal" bools ints floats complexes;
        FloatPower "float_power" doubles;
        FloorDivide "floor_divide" ints floats;
        Fmax "fmax" bools ints floats complexes;
        Fmin "fmin" bools ints floats complexes;
        Fmod "fmod" ints floats;
        Gcd "gcd" ints;
        Greater "greater" bools ints floats complexes;
        GreaterEqual "greater_equal" bools ints floats complexes;
        Heaviside "heaviside" floats;
        Hypot "hypot" floats;
        Lcm "lcm" ints;
        LeftShift "left_shift" ints;
        Less "less" bools ints floats complexes;
        LessEqual "less_equal" bools ints floats complexes;
        Logaddexp "logaddexp" floats;
        Logaddexp2 "logaddexp2" floats;
        LogicalAnd "logical_and" bools ints floats complexes;
        LogicalOr "logical_or" bools ints floats complexes;
        LogicalXor "logical_xor" bools ints floats complexes;
        Maximum "maximum" bools ints floats complexes;
        Minimum "minimum" bools ints floats complexes;
        Multiply "multiply" bools ints floats complexes;
        Nextafter "nextafter" floats;
        NotEqual "not_equal" bools ints floats complexes;
        Power "power" ints floats complexes;
        Remainder "remainder" ints floats;
        RightShift "right_shift" ints;
        Subtract "subtract" ints floats complexes;
    }
}
