//! Examples in the documentation of items that macros make: one form for all, and the examples of the universal functions. The results are NumPy's.

/// An example: lines; a method of an array (`array`), or of a view of its part (`slice`, `slice_mut`), with its result; or lines about an array or
/// a view of all of it (`of`), which `let a` or `let mut a` binds.
macro_rules! example {
    (array: $array:literal, $call:literal => $result:literal) => {
        $crate::array::example::example!(
            concat!("let a = DistArray::from(", $array, ");"),
            concat!("assert_eq!(a.", $call, ", ", $result, ");")
        )
    };
    (slice: $array:literal, $part:literal, $call:literal => $result:literal) => {
        $crate::array::example::example!(
            concat!("let a = DistArray::from(", $array, ");"),
            concat!("assert_eq!(a.slice(s![", $part, "]).", $call, ", ", $result, ");")
        )
    };
    (slice_mut: $array:literal, $part:literal, $call:literal => $result:literal) => {
        $crate::array::example::example!(
            concat!("let mut a = DistArray::from(", $array, ");"),
            concat!("assert_eq!(a.slice_mut(s![", $part, "]).", $call, ", ", $result, ");")
        )
    };
    (of DistArray: $a:literal, $array:literal, $($line:literal),+) => {
        $crate::array::example::example!(concat!($a, " = DistArray::from(", $array, ");"), $($line),+)
    };
    (of DistView: $a:literal, $array:literal, $($line:literal),+) => {
        $crate::array::example::example!(
            concat!("let array = DistArray::from(", $array, ");"),
            concat!($a, " = DistView::from(&array);"),
            $($line),+
        )
    };
    (of DistViewMut: $a:literal, $array:literal, $($line:literal),+) => {
        $crate::array::example::example!(
            concat!("let mut array = DistArray::from(", $array, ");"),
            concat!($a, " = array.view_mut();"),
            $($line),+
        )
    };
    ($($line:expr),+) => {
        concat!("\n```\nuse distob::prelude::*;\n", $($line, "\n",)+ "```")
    };
}
pub(crate) use example;

/// The example of a universal function as its struct is called (`call Name`), as a free function (`free name`), or as a method (`method name`).
macro_rules! spelled {
    (call $Name:ident: $x:literal $(, $y:literal)? => $result:literal) => {
        $crate::array::example::example!(
            concat!("use distob::ufunc::", stringify!($Name), ";"),
            concat!("assert_eq!(", stringify!($Name), ".call(", $x $(, ", ", $y)?, "), ", $result, ");")
        )
    };
    (free $name:ident: $x:literal $(, $y:literal)? => $result:literal) => {
        $crate::array::example::example!(
            concat!("use distob::functions::", stringify!($name), ";"),
            concat!("assert_eq!(", stringify!($name), "(", $x $(, ", ", $y)?, "), ", $result, ");")
        )
    };
    (method $name:ident: $x:literal $(, $y:literal)? => $result:literal) => {
        $crate::array::example::example!(
            concat!("let x = DistArray::from(", $x, ");"),
            concat!("assert_eq!(x.", stringify!($name), "(" $(, $y)?, "), ", $result, ");")
        )
    };
}
pub(crate) use spelled;

/// Makes `ufunc_example!(form name Name)`, which has an arm for each function: one without an example does not compile.
macro_rules! ufunc_examples {
    ($d:tt $($Name:ident $x:literal $(, $y:literal)? => $result:literal;)*) => {
        macro_rules! ufunc_example {
            $(($d form:ident $d name:ident $Name) => {
                $crate::array::example::spelled!($d form $d name: $x $(, $y)? => $result)
            };)*
        }
        pub(crate) use ufunc_example;
    };
}

ufunc_examples! { $
    Absolute "array![-1.5, 2.0]" => "array![1.5, 2.0]";
    Add "array![1, 2]", "array![10, 20]" => "array![11, 22]";
    Arccos "array![1.0, -1.0]" => "array![0.0, std::f64::consts::PI]";
    Arccosh "array![1.0, 2.5]" => "array![0.0, 1.566799236972411]";
    Arcsin "array![0.0, 1.0]" => "array![0.0, std::f64::consts::FRAC_PI_2]";
    Arcsinh "array![0.0, 1.0]" => "array![0.0, 0.881373587019543]";
    Arctan "array![0.0, 1.0]" => "array![0.0, std::f64::consts::FRAC_PI_4]";
    Arctan2 "array![1.0, -1.0]", "array![1.0, 0.0]" => "array![std::f64::consts::FRAC_PI_4, -std::f64::consts::FRAC_PI_2]";
    Arctanh "array![0.0, 0.875]" => "array![0.0, 1.354025100551105]";
    BitwiseAnd "array![0b1100, 0b1010]", "0b0110" => "array![0b0100, 0b0010]";
    BitwiseCount "array![5, -7]" => "array![2_u8, 3]";
    BitwiseOr "array![0b1100, 0b1010]", "0b0110" => "array![0b1110, 0b1110]";
    BitwiseXor "array![0b1100, 0b1010]", "0b0110" => "array![0b1010, 0b1100]";
    Cbrt "array![8.0, -1.0]" => "array![2.0, -1.0]";
    Ceil "array![1.2, -1.8]" => "array![2.0, -1.0]";
    Conjugate "array![num_complex::Complex::new(1.0, 2.0)]" => "array![num_complex::Complex::new(1.0, -2.0)]";
    Copysign "array![1.0, -2.0]", "-0.0" => "array![-1.0, -2.0]";
    Cos "array![0.0, std::f64::consts::PI]" => "array![1.0, -1.0]";
    Cosh "array![0.0, 1.0]" => "array![1.0, 1.5430806348152437]";
    Deg2rad "array![90.0, 180.0]" => "array![std::f64::consts::FRAC_PI_2, std::f64::consts::PI]";
    Degrees "array![std::f64::consts::FRAC_PI_2, std::f64::consts::PI]" => "array![90.0, 180.0]";
    Divide "array![1.0, 3.0]", "2.0" => "array![0.5, 1.5]";
    Equal "array![1, 2, 3]", "2" => "array![false, true, false]";
    Exp "array![0.0, 1.0]" => "array![1.0, std::f64::consts::E]";
    Exp2 "array![3.0, -1.0]" => "array![8.0, 0.5]";
    Expm1 "array![0.0, 1e-17]" => "array![0.0, 1e-17]";
    Fabs "array![-1.5, 2.0]" => "array![1.5, 2.0]";
    FloatPower "array![2.0, 9.0]", "array![3.0, 0.5]" => "array![8.0, 3.0]";
    Floor "array![1.2, -1.8]" => "array![1.0, -2.0]";
    FloorDivide "array![7, -7]", "2" => "array![3, -4]";
    Fmax "array![1.0, f64::NAN]", "0.5" => "array![1.0, 0.5]";
    Fmin "array![1.0, f64::NAN]", "0.5" => "array![0.5, 0.5]";
    Fmod "array![7, -7]", "3" => "array![1, -1]";
    Gcd "array![12, 18]", "8" => "array![4, 2]";
    Greater "array![1, 2, 3]", "2" => "array![false, false, true]";
    GreaterEqual "array![1, 2, 3]", "2" => "array![false, true, true]";
    Heaviside "array![-1.5, 0.0, 2.0]", "0.5" => "array![0.0, 0.5, 1.0]";
    Hypot "array![3.0, 5.0]", "array![4.0, 12.0]" => "array![5.0, 13.0]";
    Invert "array![0, 5]" => "array![-1, -6]";
    Isfinite "array![1.0, f64::INFINITY, f64::NAN]" => "array![true, false, false]";
    Isinf "array![1.0, f64::INFINITY, f64::NAN]" => "array![false, true, false]";
    Isnan "array![1.0, f64::INFINITY, f64::NAN]" => "array![false, false, true]";
    Lcm "array![4, 6]", "10" => "array![20, 30]";
    Ldexp "array![0.5, 1.5]", "3" => "array![4.0, 12.0]";
    LeftShift "array![1, 3]", "4" => "array![16, 48]";
    Less "array![1, 2, 3]", "2" => "array![true, false, false]";
    LessEqual "array![1, 2, 3]", "2" => "array![true, true, false]";
    Log "array![1.0, std::f64::consts::E]" => "array![0.0, 1.0]";
    Log10 "array![1000.0, 0.1]" => "array![3.0, -1.0]";
    Log1p "array![0.0, 1e-17]" => "array![0.0, 1e-17]";
    Log2 "array![8.0, 0.5]" => "array![3.0, -1.0]";
    Logaddexp "array![0.0, 1000.0]", "array![0.0, 1000.0]" => "array![std::f64::consts::LN_2, 1000.6931471805599]";
    Logaddexp2 "array![0.0, 3.0]", "array![0.0, 3.0]" => "array![1.0, 4.0]";
    LogicalAnd "array![0, 1, 2]", "array![1, 1, 0]" => "array![false, true, false]";
    LogicalNot "array![0, 1, 2]" => "array![true, false, false]";
    LogicalOr "array![0, 0, 2]", "array![0, 1, 0]" => "array![false, true, true]";
    LogicalXor "array![0, 1, 2]", "array![0, 1, 0]" => "array![false, false, true]";
    Maximum "array![1, 5]", "3" => "array![3, 5]";
    Minimum "array![1, 5]", "3" => "array![1, 3]";
    Multiply "array![1, 2]", "array![10, 20]" => "array![10, 40]";
    Negative "array![1, -2]" => "array![-1, 2]";
    Nextafter "array![1.0]", "2.0" => "array![1.0 + f64::EPSILON]";
    NotEqual "array![1, 2, 3]", "2" => "array![true, false, true]";
    Positive "array![1, -2]" => "array![1, -2]";
    Power "array![2, 3]", "array![10, 4]" => "array![1024, 81]";
    Rad2deg "array![std::f64::consts::FRAC_PI_2, std::f64::consts::PI]" => "array![90.0, 180.0]";
    Radians "array![90.0, 180.0]" => "array![std::f64::consts::FRAC_PI_2, std::f64::consts::PI]";
    Reciprocal "array![4.0, -0.5]" => "array![0.25, -2.0]";
    Remainder "array![7, -7]", "3" => "array![1, 2]";
    RightShift "array![16, -16]", "2" => "array![4, -4]";
    Rint "array![0.5, 1.5, 2.7]" => "array![0.0, 2.0, 3.0]";
    Sign "array![-3.5, 0.0, 2.0]" => "array![-1.0, 0.0, 1.0]";
    Signbit "array![-0.0, 0.0]" => "array![true, false]";
    Sin "array![0.0, std::f64::consts::FRAC_PI_2]" => "array![0.0, 1.0]";
    Sinh "array![0.0, 1.0]" => "array![0.0, 1.1752011936438014]";
    Spacing "array![1.0, -2.0]" => "array![f64::EPSILON, -2.0 * f64::EPSILON]";
    Sqrt "array![4.0, 9.0]" => "array![2.0, 3.0]";
    Square "array![3, -4]" => "array![9, 16]";
    Subtract "array![5, 7]", "array![1, 10]" => "array![4, -3]";
    Tan "array![0.0, 1.0]" => "array![0.0, 1.5574077246549023]";
    Tanh "array![0.0, 1.0]" => "array![0.0, 0.7615941559557649]";
    Trunc "array![1.8, -1.8]" => "array![1.0, -1.0]";
}
