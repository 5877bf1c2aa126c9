//! The table of functions: the one list from which structs, element types and documentation are made.

use super::{Binary, BinaryPair, BinaryUfunc, Info, Loop, Sealed, Unary, UnaryPair, UnaryUfunc};
use crate::array::example::ufunc_example;
use half::{bf16, f16};
use kernels::{DType, Op};
use num_complex::Complex;

/// Calls a macro with each type of a class behind what else it is given. The types of programs are in [`Class`] too.
macro_rules! each {
    (bools, $callback:ident $given:tt) => { each! { @ $callback $given bool } };
    (ints, $callback:ident $given:tt) => { each! { @ $callback $given i8 i16 i32 i64 isize u8 u16 u32 u64 usize } };
    (floats, $callback:ident $given:tt) => { each! { @ $callback $given f16 bf16 f32 f64 } };
    (complexes, $callback:ident $given:tt) => {
        $callback! { $given Complex<f32>, f32 }
        $callback! { $given Complex<f64>, f64 }
    };
    (doubles, $callback:ident $given:tt) => {
        $callback! { $given f64, f64 }
        $callback! { $given Complex<f64>, f64 }
    };
    (@ $callback:ident $given:tt $($t:ident)*) => { $($callback! { $given $t, $t })* };
}

/// What is given of an operand of type `$t`, whose parts are of type `$part`.
macro_rules! output {
    (same, $t:ty, $part:ty) => {
        $t
    };
    (real, $t:ty, $part:ty) => {
        $part
    };
    (bool, $t:ty, $part:ty) => {
        bool
    };
    (byte, $t:ty, $part:ty) => {
        u8
    };
}

/// A class of types as programs know them, under the names that the rows use.
#[expect(non_camel_case_types, reason = "the rows name them so")]
#[derive(Clone, Copy)]
enum Class {
    bools,
    ints,
    floats,
    complexes,
    doubles,
}

impl Class {
    fn types(self) -> &'static [DType] {
        match self {
            Class::bools => &[DType::Bool],
            Class::ints => INTS,
            Class::floats => FLOATS,
            Class::complexes => &[DType::C32, DType::C64],
            Class::doubles => &[DType::F64, DType::C64],
        }
    }
}

const INTS: &[DType] = &[DType::I8, DType::I16, DType::I32, DType::I64, DType::U8, DType::U16, DType::U32, DType::U64];
const FLOATS: &[DType] = &[DType::F16, DType::BF16, DType::F32, DType::F64];

/// What is given of operands of a type, under the names that the rows use.
#[expect(non_camel_case_types, reason = "the rows name them so")]
#[derive(Clone, Copy)]
enum Given {
    same,
    real,
    bool,
    byte,
}

impl Given {
    fn of(self, dtype: DType) -> DType {
        match (self, dtype) {
            (Given::same, _) => dtype,
            (Given::real, DType::C32) => DType::F32,
            (Given::real, _) => DType::F64,
            (Given::bool, _) => DType::Bool,
            (Given::byte, _) => DType::U8,
        }
    }
}

/// A row of the table.
struct Row {
    name: &'static str,
    aliases: &'static [&'static str],
    inputs: usize,
    ops: &'static [Op],
    loops: &'static [(Class, Given)],
}

impl Row {
    fn info(&self) -> Info {
        let Row { name, aliases, inputs, ops, loops } = *self;
        let each = |&(class, given): &(Class, Given)| {
            let of = move |&dtype| Loop { inputs: vec![dtype; inputs], outputs: vec![given.of(dtype)] };
            class.types().iter().map(of)
        };
        Info { name, aliases, inputs, ops, loops: loops.iter().flat_map(each).collect() }
    }
}

macro_rules! implement_unary {
    (($Name:ident $out:ident) $t:ty, $part:ty) => {
        impl Unary<$t> for $Name {
            type Output = output!($out, $t, $part);
        }
    };
}

macro_rules! implement_binary {
    (($Name:ident $out:ident) $t:ty, $part:ty) => {
        impl Binary<$t> for $Name {
            type Output = output!($out, $t, $part);
        }
    };
}

/// Makes the structs of functions with one result, and the rows of the table.
macro_rules! functions {
    ($rows:ident, $Trait:ident, $implement:ident, $inputs:literal:
     $($(#[$doc:meta])* $Name:ident = $name:literal [$($alias:literal),*], $op:expr => $($class:ident -> $out:ident),+;)*) => {
        $(
            $(#[$doc])*
            #[doc = ufunc_example!(call $Name $Name)]
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
            pub struct $Name;

            impl Sealed for $Name {}
            impl $Trait for $Name {
                const NAME: &'static str = $name;

                fn op(self) -> Op {
                    $op
                }
            }

            $(each! { $class, $implement ($Name $out) })+
        )*

        const $rows: &[Row] = &[$(
            Row {
                name: $name,
                aliases: &[$($alias),*],
                inputs: $inputs,
                ops: &[$op],
                loops: &[$((Class::$class, Given::$out)),+],
            },
        )*];
    };
}

functions! { UNARY, UnaryUfunc, implement_unary, 1:
    /// Absolute value; the modulus of a complex number. The smallest value of a signed integer type wraps to itself.
    Absolute = "absolute" ["abs"], Op::Abs => bools -> same, ints -> same, floats -> same, complexes -> real;
    /// Inverse cosine, in radians.
    Arccos = "arccos" ["acos"], Op::Acos => floats -> same, complexes -> same;
    /// Inverse hyperbolic cosine.
    Arccosh = "arccosh" ["acosh"], Op::Acosh => floats -> same, complexes -> same;
    /// Inverse sine, in radians.
    Arcsin = "arcsin" ["asin"], Op::Asin => floats -> same, complexes -> same;
    /// Inverse hyperbolic sine.
    Arcsinh = "arcsinh" ["asinh"], Op::Asinh => floats -> same, complexes -> same;
    /// Inverse tangent, in radians.
    Arctan = "arctan" ["atan"], Op::Atan => floats -> same, complexes -> same;
    /// Inverse hyperbolic tangent.
    Arctanh = "arctanh" ["atanh"], Op::Atanh => floats -> same, complexes -> same;
    /// Number of set bits of the absolute value.
    BitwiseCount = "bitwise_count" [], Op::BitwiseCount => ints -> byte;
    /// Cube root.
    Cbrt = "cbrt" [], Op::Cbrt => floats -> same;
    /// Rounds up: the smallest integer that is not less than the element.
    Ceil = "ceil" [], Op::Ceil => bools -> same, ints -> same, floats -> same;
    /// Complex conjugate. A real number is its own conjugate.
    Conjugate = "conjugate" ["conj"], Op::Conj => ints -> same, floats -> same, complexes -> same;
    /// Cosine, of radians.
    Cos = "cos" [], Op::Cos => floats -> same, complexes -> same;
    /// Hyperbolic cosine.
    Cosh = "cosh" [], Op::Cosh => floats -> same, complexes -> same;
    /// Converts degrees to radians.
    Deg2rad = "deg2rad" [], Op::Deg2rad => floats -> same;
    /// Converts radians to degrees.
    Degrees = "degrees" [], Op::Rad2deg => floats -> same;
    /// `e^x`.
    Exp = "exp" [], Op::Exp => floats -> same, complexes -> same;
    /// `2^x`.
    Exp2 = "exp2" [], Op::Exp2 => floats -> same, complexes -> same;
    /// `e^x - 1`, accurate near 0.
    Expm1 = "expm1" [], Op::ExpM1 => floats -> same, complexes -> same;
    /// Absolute value, of floats only.
    Fabs = "fabs" [], Op::Abs => floats -> same;
    /// Rounds down: the largest integer that is not greater than the element.
    Floor = "floor" [], Op::Floor => bools -> same, ints -> same, floats -> same;
    /// Inverts every bit; the logical not of a `bool`.
    Invert = "invert" ["bitwise_invert", "bitwise_not"], Op::Not => bools -> same, ints -> same;
    /// Whether the element is neither infinite nor NaN.
    Isfinite = "isfinite" [], Op::IsFinite => bools -> bool, ints -> bool, floats -> bool, complexes -> bool;
    /// Whether the element, or a part of a complex element, is infinite.
    Isinf = "isinf" [], Op::IsInfinite => bools -> bool, ints -> bool, floats -> bool, complexes -> bool;
    /// Whether the element, or a part of a complex element, is NaN.
    Isnan = "isnan" [], Op::IsNan => bools -> bool, ints -> bool, floats -> bool, complexes -> bool;
    /// Natural logarithm.
    Log = "log" [], Op::Ln => floats -> same, complexes -> same;
    /// Logarithm to base 10.
    Log10 = "log10" [], Op::Log10 => floats -> same, complexes -> same;
    /// `ln(1 + x)`, accurate near 0.
    Log1p = "log1p" [], Op::Ln1p => floats -> same, complexes -> same;
    /// Logarithm to base 2.
    Log2 = "log2" [], Op::Log2 => floats -> same, complexes -> same;
    /// Whether the element is 0: the logical not of its truth value.
    LogicalNot = "logical_not" [], Op::LogicalNot => bools -> bool, ints -> bool, floats -> bool, complexes -> bool;
    /// `-x`. Integers wrap.
    Negative = "negative" [], Op::Neg => ints -> same, floats -> same, complexes -> same;
    /// The element itself.
    Positive = "positive" [], Op::Positive => ints -> same, floats -> same, complexes -> same;
    /// Converts radians to degrees.
    Rad2deg = "rad2deg" [], Op::Rad2deg => floats -> same;
    /// Converts degrees to radians.
    Radians = "radians" [], Op::Deg2rad => floats -> same;
    /// `1 / x`. For integers it is rounded towards zero, and 0 is an error.
    Reciprocal = "reciprocal" [], Op::Recip => ints -> same, floats -> same, complexes -> same;
    /// Rounds to the nearest integer; halves round to the even one.
    Rint = "rint" [], Op::Rint => floats -> same, complexes -> same;
    /// Sign: -1, 0 or 1, and NaN for NaN. For a complex number it is `z / |z|`, and 0 for 0.
    Sign = "sign" [], Op::Sign => ints -> same, floats -> same, complexes -> same;
    /// Whether the sign bit is set, which is so for -0.0 too.
    Signbit = "signbit" [], Op::Signbit => floats -> bool;
    /// Sine, of radians.
    Sin = "sin" [], Op::Sin => floats -> same, complexes -> same;
    /// Hyperbolic sine.
    Sinh = "sinh" [], Op::Sinh => floats -> same, complexes -> same;
    /// Distance to the next representable number away from 0, with the sign of the operand.
    Spacing = "spacing" [], Op::Spacing => floats -> same;
    /// Square root.
    Sqrt = "sqrt" [], Op::Sqrt => floats -> same, complexes -> same;
    /// `x * x`.
    Square = "square" [], Op::Square => ints -> same, floats -> same, complexes -> same;
    /// Tangent, of radians.
    Tan = "tan" [], Op::Tan => floats -> same, complexes -> same;
    /// Hyperbolic tangent.
    Tanh = "tanh" [], Op::Tanh => floats -> same, complexes -> same;
    /// Rounds towards zero: the integer part.
    Trunc = "trunc" [], Op::Trunc => bools -> same, ints -> same, floats -> same;
}

functions! { BINARY, BinaryUfunc, implement_binary, 2:
    /// `x + y`. Integers wrap; for `bool` it is the logical or. Identity: 0.
    Add = "add" [], Op::Add => bools -> same, ints -> same, floats -> same, complexes -> same;
    /// Angle of the point (x, y) in radians. The first operand is y, the second is x.
    Arctan2 = "arctan2" ["atan2"], Op::Atan2 => floats -> same;
    /// Bitwise and. Identity: all bits set.
    BitwiseAnd = "bitwise_and" [], Op::BitAnd => bools -> same, ints -> same;
    /// Bitwise or. Identity: 0.
    BitwiseOr = "bitwise_or" [], Op::BitOr => bools -> same, ints -> same;
    /// Bitwise exclusive or. Identity: 0.
    BitwiseXor = "bitwise_xor" [], Op::BitXor => bools -> same, ints -> same;
    /// The magnitude of the first operand with the sign of the second.
    Copysign = "copysign" [], Op::Copysign => floats -> same;
    /// `x / y`, of floats and complex numbers. For integers there is [`FloorDivide`](crate::ufunc::FloorDivide).
    Divide = "divide" ["true_divide"], Op::Div => floats -> same, complexes -> same;
    /// Whether the operands are equal. NaN is not equal to anything.
    Equal = "equal" [], Op::Equal => bools -> bool, ints -> bool, floats -> bool, complexes -> bool;
    /// `x^y`, of `f64` and `Complex<f64>` only.
    FloatPower = "float_power" [], Op::Power => doubles -> same;
    /// `x / y`, rounded down. An integer divided by 0 is an error; the smallest integer divided by -1 wraps.
    FloorDivide = "floor_divide" [], Op::FloorDivide => ints -> same, floats -> same;
    /// The larger operand. If one is NaN, the result is the other one. 0.0 is larger than -0.0.
    Fmax = "fmax" [], Op::Fmax => bools -> same, ints -> same, floats -> same, complexes -> same;
    /// The smaller operand. If one is NaN, the result is the other one. -0.0 is smaller than 0.0.
    Fmin = "fmin" [], Op::Fmin => bools -> same, ints -> same, floats -> same, complexes -> same;
    /// Remainder with the sign of the dividend, as C's `fmod`. An integer divided by 0 is an error.
    Fmod = "fmod" [], Op::Rem => ints -> same, floats -> same;
    /// Greatest common divisor. Identity: 0.
    Gcd = "gcd" [], Op::Gcd => ints -> same;
    /// Whether the first operand is greater. Complex numbers are compared by real part, then by imaginary part.
    Greater = "greater" [], Op::Greater => bools -> bool, ints -> bool, floats -> bool, complexes -> bool;
    /// Whether the first operand is greater or equal. Complex numbers are compared by real part, then by imaginary part.
    GreaterEqual = "greater_equal" [], Op::GreaterEqual => bools -> bool, ints -> bool, floats -> bool, complexes -> bool;
    /// Step function of the first operand: 0 if it is negative, the second operand if it is 0, 1 if it is positive, NaN if it is NaN.
    Heaviside = "heaviside" [], Op::Heaviside => floats -> same;
    /// `sqrt(x² + y²)`, without intermediate overflow. Identity: 0.
    Hypot = "hypot" [], Op::Hypot => floats -> same;
    /// Least common multiple. Integers wrap.
    Lcm = "lcm" [], Op::Lcm => ints -> same;
    /// Shifts bits left. A count of the type's width or more gives 0.
    LeftShift = "left_shift" ["bitwise_left_shift"], Op::LeftShift => ints -> same;
    /// Whether the first operand is less. Complex numbers are compared by real part, then by imaginary part.
    Less = "less" [], Op::Less => bools -> bool, ints -> bool, floats -> bool, complexes -> bool;
    /// Whether the first operand is less or equal. Complex numbers are compared by real part, then by imaginary part.
    LessEqual = "less_equal" [], Op::LessEqual => bools -> bool, ints -> bool, floats -> bool, complexes -> bool;
    /// `ln(e^x + e^y)`. Identity: minus infinity.
    Logaddexp = "logaddexp" [], Op::Logaddexp => floats -> same;
    /// `log2(2^x + 2^y)`. Identity: minus infinity.
    Logaddexp2 = "logaddexp2" [], Op::Logaddexp2 => floats -> same;
    /// Whether both operands are not 0. Identity: true.
    LogicalAnd = "logical_and" [], Op::LogicalAnd => bools -> bool, ints -> bool, floats -> bool, complexes -> bool;
    /// Whether at least one operand is not 0. Identity: false.
    LogicalOr = "logical_or" [], Op::LogicalOr => bools -> bool, ints -> bool, floats -> bool, complexes -> bool;
    /// Whether exactly one operand is not 0. Identity: false.
    LogicalXor = "logical_xor" [], Op::LogicalXor => bools -> bool, ints -> bool, floats -> bool, complexes -> bool;
    /// The larger operand, or NaN if one is NaN. 0.0 is larger than -0.0.
    Maximum = "maximum" [], Op::Maximum => bools -> same, ints -> same, floats -> same, complexes -> same;
    /// The smaller operand, or NaN if one is NaN. -0.0 is smaller than 0.0.
    Minimum = "minimum" [], Op::Minimum => bools -> same, ints -> same, floats -> same, complexes -> same;
    /// `x * y`. Integers wrap; for `bool` it is the logical and. Identity: 1.
    Multiply = "multiply" [], Op::Mul => bools -> same, ints -> same, floats -> same, complexes -> same;
    /// The next representable number after the first operand, towards the second.
    Nextafter = "nextafter" [], Op::Nextafter => floats -> same;
    /// Whether the operands differ. NaN differs from everything.
    NotEqual = "not_equal" [], Op::NotEqual => bools -> bool, ints -> bool, floats -> bool, complexes -> bool;
    /// `x^y`. Integers wrap; a negative exponent of an integer is an error.
    Power = "power" ["pow"], Op::Power => ints -> same, floats -> same, complexes -> same;
    /// Remainder with the sign of the divisor, as Python's `%`. An integer divided by 0 is an error.
    Remainder = "remainder" ["mod"], Op::Remainder => ints -> same, floats -> same;
    /// Shifts bits right, and keeps the sign. A count of the type's width or more shifts all bits out.
    RightShift = "right_shift" ["bitwise_right_shift"], Op::RightShift => ints -> same;
    /// `x - y`. Integers wrap.
    Subtract = "subtract" [], Op::Sub => ints -> same, floats -> same, complexes -> same;
}

/// `x * 2^n`, of a float `x` and an integer `n`.
#[doc = ufunc_example!(call Ldexp Ldexp)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ldexp;

impl Sealed for Ldexp {}
impl BinaryUfunc for Ldexp {
    const NAME: &'static str = "ldexp";

    fn op(self) -> Op {
        Op::Ldexp
    }
}

macro_rules! implement_ldexp {
    (() $t:ty, $part:ty) => {
        impl Binary<$t, i32> for Ldexp {
            type Output = $t;
        }
        impl Binary<$t, i64> for Ldexp {
            type Output = $t;
        }
    };
}
each! { floats, implement_ldexp () }

/// The fractional part and the integer part, both with the sign of the operand.
///
/// ```
/// use distob::prelude::*;
/// use distob::ufunc::Modf;
/// let (fractions, integers) = Modf.call(array![1.5, -2.25]);
/// assert_eq!(fractions, array![0.5, -0.25]);
/// assert_eq!(integers, array![1.0, -2.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Modf;

/// The significand, of absolute value in `[0.5, 1)`, and the exponent of 2, an `i32`: `x = significand * 2^exponent`.
///
/// ```
/// use distob::prelude::*;
/// use distob::ufunc::Frexp;
/// let (significands, exponents) = Frexp.call(array![8.0, -0.75]);
/// assert_eq!(significands, array![0.5, -0.75]);
/// assert_eq!(exponents, array![4, 0]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frexp;

/// [`FloorDivide`] and [`Remainder`] together.
///
/// ```
/// use distob::prelude::*;
/// use distob::ufunc::Divmod;
/// let (quotients, remainders) = Divmod.call(array![7, -7], 3);
/// assert_eq!(quotients, array![2, -3]);
/// assert_eq!(remainders, array![1, 2]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Divmod;

impl Sealed for Modf {}
impl Sealed for Frexp {}
impl Sealed for Divmod {}

macro_rules! implement_pair {
    (($Trait:ident $Name:ident $name:literal $Second:tt [$($op:expr),*]) $t:ty, $part:ty) => {
        impl $Trait<$t> for $Name {
            const NAME: &'static str = $name;
            type First = $t;
            type Second = implement_pair!(@ $Second $t);

            fn ops(self) -> [Op; 2] {
                [$($op),*]
            }
        }
    };
    (@ same $t:ty) => { $t };
    (@ i32 $t:ty) => { i32 };
}
each! { floats, implement_pair (UnaryPair Modf "modf" same [Op::ModfFract, Op::ModfTrunc]) }
each! { floats, implement_pair (UnaryPair Frexp "frexp" i32 [Op::FrexpSignificand, Op::FrexpExponent]) }
each! { ints, implement_pair (BinaryPair Divmod "divmod" same [Op::FloorDivide, Op::Remainder]) }
each! { floats, implement_pair (BinaryPair Divmod "divmod" same [Op::FloorDivide, Op::Remainder]) }

/// What does not fit the form of the other rows.
fn others(table: &mut Vec<Info>) {
    let floats = |inputs: &dyn Fn(DType) -> Vec<DType>, outputs: &dyn Fn(DType) -> Vec<DType>| {
        FLOATS.iter().map(|&dtype| Loop { inputs: inputs(dtype), outputs: outputs(dtype) }).collect::<Vec<_>>()
    };
    let mut ldexp = floats(&|t| vec![t, DType::I32], &|t| vec![t]);
    ldexp.extend(floats(&|t| vec![t, DType::I64], &|t| vec![t]));
    let ints = INTS.iter().map(|&dtype| Loop { inputs: vec![dtype; 2], outputs: vec![dtype; 2] });
    let divmod = ints.chain(floats(&|t| vec![t; 2], &|t| vec![t; 2])).collect();
    let modf = floats(&|t| vec![t], &|t| vec![t; 2]);
    let frexp = floats(&|t| vec![t], &|t| vec![t, DType::I32]);
    table.extend([
        Info { name: "ldexp", aliases: &[], inputs: 2, ops: &[Op::Ldexp], loops: ldexp },
        Info { name: "modf", aliases: &[], inputs: 1, ops: &[Op::ModfFract, Op::ModfTrunc], loops: modf },
        Info { name: "frexp", aliases: &[], inputs: 1, ops: &[Op::FrexpSignificand, Op::FrexpExponent], loops: frexp },
        Info { name: "divmod", aliases: &[], inputs: 2, ops: &[Op::FloorDivide, Op::Remainder], loops: divmod },
    ]);
}

/// The name of the first function that is this one operation, among those that fit.
pub(crate) fn name_of(op: Op, fits: impl Fn(&Info) -> bool) -> Option<&'static str> {
    functions().into_iter().find(|function| function.ops == [op] && fits(function)).map(|function| function.name)
}

/// Every function of the table.
///
/// ```
/// use distob::prelude::*;
/// use distob::ufunc::functions;
/// let add = functions().into_iter().find(|function| function.name == "add").unwrap();
/// assert_eq!(add.inputs, 2);
/// ```
pub fn functions() -> Vec<Info> {
    let mut table: Vec<Info> = UNARY.iter().chain(BINARY).map(Row::info).collect();
    others(&mut table);
    table
}
