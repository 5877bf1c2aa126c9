//! Operations as numbers, as descriptions have them.

use crate::Op;

/// The operations that are nothing but their name, in the order of their numbers.
#[rustfmt::skip]
const NAMED: [Op; 93] = [
    Op::Neg, Op::Not, Op::Abs, Op::Sqrt, Op::Recip, Op::Square, Op::Signum, Op::Floor, Op::Ceil, Op::Round, Op::Trunc, Op::Exp, Op::Exp2, Op::ExpM1, Op::Ln, Op::Ln1p, Op::Log2, Op::Log10, Op::Sin, Op::Cos, Op::Tan, Op::Sinh, Op::Cosh, Op::Tanh, Op::Asin, Op::Acos, Op::Atan, Op::Erf, Op::Conj, Op::Positive, Op::Sign, Op::Rint, Op::Spacing, Op::Cbrt, Op::Asinh, Op::Acosh, Op::Atanh, Op::Deg2rad, Op::Rad2deg, Op::ModfFract, Op::ModfTrunc, Op::FrexpSignificand, Op::Cast, Op::IsNan, Op::IsFinite, Op::IsInfinite, Op::Signbit, Op::LogicalNot, Op::BitwiseCount, Op::FrexpExponent, Op::Re, Op::Im, Op::Add, Op::Sub, Op::Mul, Op::Div, Op::Rem, Op::BitAnd, Op::BitOr, Op::BitXor, Op::Shl, Op::Shr, Op::Minimum, Op::Maximum, Op::Fmin, Op::Fmax, Op::Powf, Op::Atan2, Op::Hypot, Op::Power, Op::FloorDivide, Op::Remainder, Op::Gcd, Op::Lcm, Op::LeftShift, Op::RightShift, Op::Copysign, Op::Nextafter, Op::Heaviside, Op::Logaddexp, Op::Logaddexp2, Op::Ldexp, Op::LogicalAnd, Op::LogicalOr, Op::LogicalXor, Op::Equal, Op::NotEqual, Op::Less, Op::LessEqual, Op::Greater, Op::GreaterEqual, Op::Select, Op::Clamp,
];

/// The number of an operation that is nothing but its name; the other two are told apart by the numbers behind it.
const POWI: u64 = NAMED.len() as u64;
const USER: u64 = POWI + 1;

impl Op {
    /// The operation as a number.
    pub(crate) fn number(self) -> u64 {
        match self {
            Op::Powi(exponent) => POWI | u64::from(exponent.cast_unsigned()) << 32,
            Op::User(number) => USER | u64::from(number) << 32,
            Op::Neg => 0,
            Op::Not => 1,
            Op::Abs => 2,
            Op::Sqrt => 3,
            Op::Recip => 4,
            Op::Square => 5,
            Op::Signum => 6,
            Op::Floor => 7,
            Op::Ceil => 8,
            Op::Round => 9,
            Op::Trunc => 10,
            Op::Exp => 11,
            Op::Exp2 => 12,
            Op::ExpM1 => 13,
            Op::Ln => 14,
            Op::Ln1p => 15,
            Op::Log2 => 16,
            Op::Log10 => 17,
            Op::Sin => 18,
            Op::Cos => 19,
            Op::Tan => 20,
            Op::Sinh => 21,
            Op::Cosh => 22,
            Op::Tanh => 23,
            Op::Asin => 24,
            Op::Acos => 25,
            Op::Atan => 26,
            Op::Erf => 27,
            Op::Conj => 28,
            Op::Positive => 29,
            Op::Sign => 30,
            Op::Rint => 31,
            Op::Spacing => 32,
            Op::Cbrt => 33,
            Op::Asinh => 34,
            Op::Acosh => 35,
            Op::Atanh => 36,
            Op::Deg2rad => 37,
            Op::Rad2deg => 38,
            Op::ModfFract => 39,
            Op::ModfTrunc => 40,
            Op::FrexpSignificand => 41,
            Op::Cast => 42,
            Op::IsNan => 43,
            Op::IsFinite => 44,
            Op::IsInfinite => 45,
            Op::Signbit => 46,
            Op::LogicalNot => 47,
            Op::BitwiseCount => 48,
            Op::FrexpExponent => 49,
            Op::Re => 50,
            Op::Im => 51,
            Op::Add => 52,
            Op::Sub => 53,
            Op::Mul => 54,
            Op::Div => 55,
            Op::Rem => 56,
            Op::BitAnd => 57,
            Op::BitOr => 58,
            Op::BitXor => 59,
            Op::Shl => 60,
            Op::Shr => 61,
            Op::Minimum => 62,
            Op::Maximum => 63,
            Op::Fmin => 64,
            Op::Fmax => 65,
            Op::Powf => 66,
            Op::Atan2 => 67,
            Op::Hypot => 68,
            Op::Power => 69,
            Op::FloorDivide => 70,
            Op::Remainder => 71,
            Op::Gcd => 72,
            Op::Lcm => 73,
            Op::LeftShift => 74,
            Op::RightShift => 75,
            Op::Copysign => 76,
            Op::Nextafter => 77,
            Op::Heaviside => 78,
            Op::Logaddexp => 79,
            Op::Logaddexp2 => 80,
            Op::Ldexp => 81,
            Op::LogicalAnd => 82,
            Op::LogicalOr => 83,
            Op::LogicalXor => 84,
            Op::Equal => 85,
            Op::NotEqual => 86,
            Op::Less => 87,
            Op::LessEqual => 88,
            Op::Greater => 89,
            Op::GreaterEqual => 90,
            Op::Select => 91,
            Op::Clamp => 92,
        }
    }

    /// The operation of a number, if there is one.
    pub(crate) fn of_number(number: u64) -> Option<Op> {
        let (low, high) = (number & 0xffff_ffff, (number >> 32) as u32);
        match low {
            POWI => Some(Op::Powi(high.cast_signed())),
            USER => u16::try_from(high).ok().map(Op::User),
            _ if high == 0 => NAMED.get(low as usize).copied(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_has_a_number_of_its_own() {
        for (number, op) in NAMED.into_iter().enumerate() {
            assert_eq!(op.number(), number as u64);
            assert_eq!(Op::of_number(number as u64), Some(op));
        }
        for op in [Op::Powi(-7), Op::Powi(i32::MAX), Op::User(0), Op::User(u16::MAX)] {
            assert_eq!(Op::of_number(op.number()), Some(op));
        }
        for wrong in [USER + 1, 1 << 32, USER | 1 << 48, u64::MAX] {
            assert_eq!(Op::of_number(wrong), None, "{wrong:#x}");
        }
    }
}
