//! What integers alone have, with NumPy's meaning: division towards minus infinity, divisors, powers, shifts by any count.
//!
//! Divided by 0 everything is 0: that it happened is found by whoever runs the program ([`Fault`](crate::Fault)).

use super::{Kernel, body, kernel};
use crate::{DType, Op};

/// An integer, with division by a way that suits its size.
pub(crate) trait Integer: Copy + PartialEq {
    fn quotient(self, by: Self) -> Self;
    fn modulus(self, by: Self) -> Self;
    fn floor_quotient(self, by: Self) -> Self;
    fn floor_modulus(self, by: Self) -> Self;
    fn gcd(self, other: Self) -> Self;
    fn lcm(self, other: Self) -> Self;
    fn power(self, by: Self) -> Self;
    fn shifted_left(self, by: Self) -> Self;
    fn shifted_right(self, by: Self) -> Self;
    fn bits_set(self) -> u8;
}

/// Greatest common divisor, by Stein's method: it takes no division.
macro_rules! stein {
    ($a:expr, $b:expr) => {{
        let (mut a, mut b) = ($a, $b);
        if a == 0 || b == 0 {
            a | b
        } else {
            let common = (a | b).trailing_zeros();
            a >>= a.trailing_zeros();
            while b != 0 {
                b >>= b.trailing_zeros();
                (a, b) = (a.min(b), a.max(b) - a.min(b));
            }
            a << common
        }
    }};
}

macro_rules! integer {
    ($($t:ident $unsigned:ident: $divide:ident, $below:expr;)*) => {$(
        impl Integer for $t {
            #[inline(always)]
            fn quotient(self, by: Self) -> Self { $divide::truncated(self, by).0 }
            #[inline(always)]
            fn modulus(self, by: Self) -> Self { $divide::truncated(self, by).1 }
            #[inline(always)]
            fn floor_quotient(self, by: Self) -> Self { $divide::floored(self, by).0 }
            #[inline(always)]
            fn floor_modulus(self, by: Self) -> Self { $divide::floored(self, by).1 }
            #[inline(always)]
            #[allow(clippy::unnecessary_cast, reason = "unsigned types are among the types")]
            fn gcd(self, other: Self) -> Self {
                #[allow(unused_comparisons, reason = "unsigned types are among the types")]
                let magnitude = |x: $t| if x < 0 { (x as $unsigned).wrapping_neg() } else { x as $unsigned };
                stein!(magnitude(self), magnitude(other)) as $t
            }
            #[inline(always)]
            #[allow(clippy::unnecessary_cast, reason = "unsigned types are among the types")]
            fn lcm(self, other: Self) -> Self {
                #[allow(unused_comparisons, reason = "unsigned types are among the types")]
                let magnitude = |x: $t| if x < 0 { (x as $unsigned).wrapping_neg() } else { x as $unsigned };
                let (a, b) = (magnitude(self), magnitude(other));
                let divisor = stein!(a, b);
                if divisor == 0 { 0 } else { (a / divisor).wrapping_mul(b) as $t }
            }
            #[inline(always)]
            fn power(self, by: Self) -> Self {
                let (mut base, mut left, mut result) = (self, by as $unsigned, 1 as $t);
                while left != 0 {
                    if left & 1 == 1 {
                        result = result.wrapping_mul(base);
                    }
                    left >>= 1;
                    base = base.wrapping_mul(base);
                }
                result
            }
            #[inline(always)]
            fn shifted_left(self, by: Self) -> Self {
                let within = (by as $unsigned) < $t::BITS as $unsigned;
                if within { self.wrapping_shl(by as u32) } else { 0 }
            }
            #[inline(always)]
            fn shifted_right(self, by: Self) -> Self {
                let most = ($t::BITS - 1) as $unsigned;
                let within = (by as $unsigned) <= most;
                // All bits out is one bit less and then that one, so that the sign is kept where there is one.
                let shifted = self.wrapping_shr(if within { by as u32 } else { most as u32 });
                if within { shifted } else { shifted.wrapping_shr(1) & (0 as $t).wrapping_sub($below(self) as $t) }
            }
            #[inline(always)]
            fn bits_set(self) -> u8 {
                let magnitude = if $below(self) { (self as $unsigned).wrapping_neg() } else { self as $unsigned };
                magnitude.count_ones() as u8
            }
        }
    )*};
}

/// Quotient and rest by floats of `$f`, which hold numbers of this size exactly: where the quotient is no integer it is further
/// from one than it is rounded by, so that what it is cut to is right, and the rest is exact. Vector instructions divide floats; a
/// float becomes an integer by a sum after which the low bits hold it, which wraps as the integers do.
macro_rules! by_floats {
    ($name:ident, $t:ident, $f:ident, $magic:literal) => {
        mod $name {
            const MAGIC: $f = $magic;

            #[inline(always)]
            fn integer(x: $f) -> $t {
                (x + MAGIC).to_bits().wrapping_sub(MAGIC.to_bits()) as $t
            }

            #[inline(always)]
            fn parts(a: $t, b: $t, cut: impl Fn($f) -> $f) -> ($t, $t) {
                let (x, y) = (a as $f, b as $f);
                let q = cut(x / y);
                let (q, rest) = (integer(q), integer((-q).mul_add(y, x)));
                if b == 0 { (0, 0) } else { (q, rest) }
            }

            #[inline(always)]
            pub(super) fn truncated(a: $t, b: $t) -> ($t, $t) {
                parts(
                    a,
                    b,
                    #[inline(always)]
                    |q| q.trunc(),
                )
            }

            #[inline(always)]
            pub(super) fn floored(a: $t, b: $t) -> ($t, $t) {
                parts(
                    a,
                    b,
                    #[inline(always)]
                    |q| q.floor(),
                )
            }
        }
    };
}
by_floats!(of_u8, u8, f32, 12_582_912.0);
by_floats!(of_i8, i8, f32, 12_582_912.0);
by_floats!(of_u16, u16, f32, 12_582_912.0);
by_floats!(of_i16, i16, f32, 12_582_912.0);
by_floats!(of_u32, u32, f64, 6_755_399_441_055_744.0);
by_floats!(of_i32, i32, f64, 6_755_399_441_055_744.0);

/// Quotient and rest of 64 bits, which no vector instruction divides.
mod of_u64 {
    #[inline(always)]
    pub(super) fn truncated(a: u64, b: u64) -> (u64, u64) {
        (a.checked_div(b).unwrap_or(0), a.checked_rem(b).unwrap_or(0))
    }

    pub(super) use truncated as floored;
}

/// The same with signs. The least number by -1 is one more than the greatest: it wraps.
mod of_i64 {
    #[inline(always)]
    pub(super) fn truncated(a: i64, b: i64) -> (i64, i64) {
        if b == 0 { (0, 0) } else { (a.wrapping_div(b), a.wrapping_rem(b)) }
    }

    #[inline(always)]
    pub(super) fn floored(a: i64, b: i64) -> (i64, i64) {
        let (q, rest) = truncated(a, b);
        // Truncated towards 0 from below: one less.
        if rest != 0 && (rest < 0) != (b < 0) { (q.wrapping_sub(1), rest.wrapping_add(b)) } else { (q, rest) }
    }
}

integer! {
    u8 u8: of_u8, |_: u8| false;
    u16 u16: of_u16, |_: u16| false;
    u32 u32: of_u32, |_: u32| false;
    u64 u64: of_u64, |_: u64| false;
    i8 u8: of_i8, |x: i8| x < 0;
    i16 u16: of_i16, |x: i16| x < 0;
    i32 u32: of_i32, |x: i32| x < 0;
    i64 u64: of_i64, |x: i64| x < 0;
}

body!(Quotient<T: Integer>(a: T, b: T) -> T = a.quotient(b));
body!(Modulus<T: Integer>(a: T, b: T) -> T = a.modulus(b));
body!(FloorQuotient<T: Integer>(a: T, b: T) -> T = a.floor_quotient(b));
body!(FloorModulus<T: Integer>(a: T, b: T) -> T = a.floor_modulus(b));
body!(Gcd<T: Integer>(a: T, b: T) -> T = a.gcd(b));
body!(Lcm<T: Integer>(a: T, b: T) -> T = a.lcm(b));
body!(Power<T: Integer>(a: T, b: T) -> T = a.power(b));
body!(ShiftedLeft<T: Integer>(a: T, b: T) -> T = a.shifted_left(b));
body!(ShiftedRight<T: Integer>(a: T, b: T) -> T = a.shifted_right(b));
body!(BitsSet<T: Integer>(a: T) -> u8 = a.bits_set());

macro_rules! every {
    ($body:ident, $dtype:expr) => {
        every!(of $body, $dtype)
    };
    ($way:ident $body:ident, $dtype:expr) => {
        match $dtype {
            DType::U8 => kernel!($way $body<u8>, 64),
            DType::U16 => kernel!($way $body<u16>, 32),
            DType::U32 => kernel!($way $body<u32>, 16),
            DType::U64 => kernel!($way $body<u64>, 16),
            DType::I8 => kernel!($way $body<i8>, 64),
            DType::I16 => kernel!($way $body<i16>, 32),
            DType::I32 => kernel!($way $body<i32>, 16),
            DType::I64 => kernel!($way $body<i64>, 16),
            _ => None,
        }
    };
}

/// Kernels that divide: by vector instructions, but not of 64 bits. In so many lanes that the compiler keeps the loop over them,
/// which it makes vectors of, and does not take it apart.
macro_rules! dividing {
    ($body:ident, $dtype:expr) => {
        match $dtype {
            DType::U64 => kernel!(scalar $body<u64>),
            DType::I64 => kernel!(scalar $body<i64>),
            DType::U8 => kernel!($body<u8>, 64),
            DType::U16 => kernel!($body<u16>, 32),
            DType::U32 => kernel!($body<u32>, 32),
            DType::I8 => kernel!($body<i8>, 64),
            DType::I16 => kernel!($body<i16>, 32),
            DType::I32 => kernel!($body<i32>, 32),
            _ => None,
        }
    };
}

/// The kernel of an operation on integers of type `dtype`.
pub(super) fn integer(op: Op, dtype: DType) -> Option<&'static Kernel> {
    match op {
        Op::Div => dividing!(Quotient, dtype),
        Op::Rem => dividing!(Modulus, dtype),
        Op::FloorDivide => dividing!(FloorQuotient, dtype),
        Op::Remainder => dividing!(FloorModulus, dtype),
        Op::Gcd => every!(scalar Gcd, dtype),
        Op::Lcm => every!(scalar Lcm, dtype),
        Op::Power => every!(scalar Power, dtype),
        Op::LeftShift => every!(ShiftedLeft, dtype),
        Op::RightShift => every!(ShiftedRight, dtype),
        Op::BitwiseCount => every!(BitsSet, dtype),
        _ => None,
    }
}
