//! The instructions of a program, and the program itself: an expression in static single assignment form.

use super::{DType, Scalar};

/// Number of a value in a [`Program`]: inputs first, then constants, then one for each instruction, in order.
pub type ValueId = u16;

/// What an instruction does with its operands. All are elementwise; integer arithmetic wraps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[rustfmt::skip]
pub enum Op {
    // One operand, result of the same type.
    /// `-x` (wrapping for integers).
    Neg,
    /// `!x`, bitwise; logical for `bool`.
    Not,
    /// Absolute value; for complex numbers the modulus, a real number.
    Abs,
    /// Square root.
    Sqrt,
    /// `1 / x`.
    Recip,
    /// `x * x`.
    Square,
    /// Rust's `signum` for floats (NaN stays NaN), -1/0/1 for integers.
    Signum,
    /// Largest integer not above.
    Floor,
    /// Smallest integer not below.
    Ceil,
    /// Nearest integer, halves away from zero.
    Round,
    /// Integer part.
    Trunc,
    /// `e^x`.
    Exp,
    /// `2^x`.
    Exp2,
    /// `e^x - 1`, exact near 0.
    ExpM1,
    /// Natural logarithm.
    Ln,
    /// `ln(1 + x)`, exact near 0.
    Ln1p,
    /// Logarithm to base 2.
    Log2,
    /// Logarithm to base 10.
    Log10,
    /// Sine.
    Sin,
    /// Cosine.
    Cos,
    /// Tangent.
    Tan,
    /// Hyperbolic sine.
    Sinh,
    /// Hyperbolic cosine.
    Cosh,
    /// Hyperbolic tangent.
    Tanh,
    /// Inverse sine.
    Asin,
    /// Inverse cosine.
    Acos,
    /// Inverse tangent.
    Atan,
    /// Gauss error function.
    Erf,
    /// Integer power, by the exponent.
    Powi(i32),
    /// Complex conjugate; of a real number itself.
    Conj,
    /// The number itself (NumPy's `positive`).
    Positive,
    /// NumPy's `sign`: -1, 0 or 1, NaN of NaN; of a complex number `z / |z|`, 0 of 0.
    Sign,
    /// Nearest integer, halves to the even one.
    Rint,
    /// Distance to the next number away from 0, with the sign of the operand (NumPy's `spacing`); of 16-bit floats to the next greater one.
    Spacing,
    /// Cube root.
    Cbrt,
    /// Inverse hyperbolic sine.
    Asinh,
    /// Inverse hyperbolic cosine.
    Acosh,
    /// Inverse hyperbolic tangent.
    Atanh,
    /// Degrees to radians.
    Deg2rad,
    /// Radians to degrees.
    Rad2deg,
    /// The fractional part, with the sign of the operand (C's `modf`).
    ModfFract,
    /// The integer part (C's `modf`).
    ModfTrunc,
    /// The significand in `[0.5, 1)`, or 0, an infinity or NaN (C's `frexp`).
    FrexpSignificand,
    // One operand, result of another type.
    /// Rust's `as`; to `bool`: `x != 0`.
    Cast,
    /// Whether it is NaN.
    IsNan,
    /// Whether it is neither NaN nor infinite.
    IsFinite,
    /// Whether it is infinite.
    IsInfinite,
    /// Whether the sign bit is set.
    Signbit,
    /// Whether it is 0 (`false`).
    LogicalNot,
    /// How many bits of the absolute value are set, as `u8`.
    BitwiseCount,
    /// The exponent that belongs to [`Op::FrexpSignificand`], as `i32`; 0 for 0, infinities and NaN.
    FrexpExponent,
    /// Real part of a complex number.
    Re,
    /// Imaginary part of a complex number.
    Im,
    // Two operands of one type.
    /// `x + y`.
    Add,
    /// `x - y`.
    Sub,
    /// `x * y`.
    Mul,
    /// `x / y`; of integers truncated, and 0 by 0, which [`Plan::finish`](super::Plan::finish) tells.
    Div,
    /// Rust's `%`.
    Rem,
    /// Bitwise and; logical for `bool`.
    BitAnd,
    /// Bitwise or.
    BitOr,
    /// Bitwise exclusive or.
    BitXor,
    /// Shift left, the count modulo the width.
    Shl,
    /// Shift right, the count modulo the width.
    Shr,
    /// NumPy's `minimum`: NaN where either is NaN. -0.0 is less than 0.0.
    Minimum,
    /// NumPy's `maximum`: NaN where either is NaN. 0.0 is greater than -0.0.
    Maximum,
    /// Rust's `min` of floats (IEEE `minimumNumber`): the other one where one is NaN. -0.0 is less than 0.0.
    Fmin,
    /// Rust's `max` of floats (IEEE `maximumNumber`): the other one where one is NaN. 0.0 is greater than -0.0.
    Fmax,
    /// `x^y`.
    Powf,
    /// Angle of the point (y, x), as C99.
    Atan2,
    /// `sqrt(x² + y²)` without overflow on the way.
    Hypot,
    /// NumPy's `power`: as [`Op::Powf`] for floats; integers wrap, and their exponents may not be negative; complex numbers too.
    Power,
    /// The largest integer not above `x / y` (NumPy's `floor_divide`).
    FloorDivide,
    /// `x - y * floor(x / y)`: the sign is that of `y` (NumPy's `remainder`, Python's `%`).
    Remainder,
    /// Greatest common divisor.
    Gcd,
    /// Least common multiple.
    Lcm,
    /// NumPy's shift left: 0 where the count is not within the width.
    LeftShift,
    /// NumPy's shift right: 0, or -1 of a negative number, where the count is not within the width.
    RightShift,
    /// `x` with the sign of `y`.
    Copysign,
    /// The next number after `x` towards `y`.
    Nextafter,
    /// NumPy's `heaviside`: 0 below 0, `y` at 0, 1 above, NaN of NaN.
    Heaviside,
    /// `ln(e^x + e^y)`.
    Logaddexp,
    /// `log2(2^x + 2^y)`.
    Logaddexp2,
    // Two operands of different types.
    /// `x * 2^n`: a float and an `i32` or `i64`.
    Ldexp,
    // Two operands of one type, result `bool`.
    /// Whether both are not 0.
    LogicalAnd,
    /// Whether one of them is not 0.
    LogicalOr,
    /// Whether exactly one of them is not 0.
    LogicalXor,
    /// `x == y`.
    Equal,
    /// `x != y`.
    NotEqual,
    /// `x < y`.
    Less,
    /// `x <= y`.
    LessEqual,
    /// `x > y`.
    Greater,
    /// `x >= y`.
    GreaterEqual,
    // Three operands.
    /// `if c { x } else { y }`: `bool`, then two of one type.
    Select,
    /// `max(x, lo)`, then `min(.., hi)`; NaN stays NaN, as `f64::clamp`.
    Clamp,
    // As many as it takes.
    /// A function of the program's own, by its number: see `#[distob::ufunc]`.
    User(u16),
}

/// One instruction: `op` of the values `args`, giving a value of type `dtype`. Unused places of `args` are 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Instr {
    /// What to do.
    pub op: Op,
    /// The operands.
    pub args: [ValueId; 3],
    /// Type of the result.
    pub dtype: DType,
}

/// An elementwise expression in static single assignment form.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Program {
    /// Types of the inputs: values `0..inputs.len()`.
    pub inputs: Vec<DType>,
    /// Constants: the values after the inputs.
    pub constants: Vec<Scalar>,
    /// Instructions: the values after the constants.
    pub code: Vec<Instr>,
    /// The values that the program gives (stored, or folded).
    pub outputs: Vec<ValueId>,
}
