//! What integers alone have, with NumPy's meaning: division towards minus infinity, divisors, powers, shifts by any count.
//!
//! Divided by 0 everything is 0: that it happened is found by whoever runs the program ([`Fault`](crate::ufunc::Fault)).

use super::{Kernel, body, kernel};
use crate::ufunc::{DType, Op};

/// An integer, with division by a way that suits its size.
pub(in crate::ufunc) trait Integer: Copy + PartialEq {
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
    ($($t:ident $unsigned:ident: $divide:expr, $below:expr;)*) => {$(
        impl Integer for $t {
            #[inline(always)]
            fn quotient(self, by: Self) -> Self { $divide(self, by) }
            #[inline(always)]
            fn modulus(self, by: Self) -> Self {
                let rest = self.wrapping_sub(self.quotient(by).wrapping_mul(by));
                if by == 0 { 0 } else { rest }
            }
            #[inline(always)]
            fn floor_quotient(self, by: Self) -> Self {
                let q = self.quotient(by);
                let rest = self.wrapping_sub(q.wrapping_mul(by));
                // Truncated towards 0 from below: one less.
                let less = rest != 0 && by != 0 && $below(rest) != $below(by);
                q.wrapping_sub(less as $t)
            }
            #[inline(always)]
            fn floor_modulus(self, by: Self) -> Self {
                let rest = self.modulus(by);
                if rest != 0 && $below(rest) != $below(by) { rest.wrapping_add(by) } else { rest }
            }
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

/// Truncated quotient by floats of `$f`, which hold numbers of this size exactly: where the quotient is no integer it is further
/// from one than it is rounded by, so truncating it is right. Vector instructions divide floats.
macro_rules! by_floats {
    ($t:ident, $f:ident, $wide:ident) => {
        |a: $t, b: $t| {
            let by = if b == 0 { 1 } else { b };
            let q = (a as $f / by as $f) as $wide as $t;
            if b == 0 { 0 } else { q }
        }
    };
}

integer! {
    u8 u8: by_floats!(u8, f32, i32), |_: u8| false;
    u16 u16: by_floats!(u16, f32, i32), |_: u16| false;
    u32 u32: by_floats!(u32, f64, u32), |_: u32| false;
    u64 u64: |a: u64, b: u64| a.checked_div(b).unwrap_or(0), |_: u64| false;
    i8 u8: by_floats!(i8, f32, i32), |x: i8| x < 0;
    i16 u16: by_floats!(i16, f32, i32), |x: i16| x < 0;
    // The least number by -1 is one more than the greatest: it wraps.
    i32 u32: |a: i32, b: i32| { if b == -1 { a.wrapping_neg() } else { by_floats!(i32, f64, i32)(a, b) } }, |x: i32| x < 0;
    i64 u64: |a: i64, b: i64| if b == 0 { 0 } else { a.wrapping_div(b) }, |x: i64| x < 0;
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
            DType::U8 => kernel!($way $body<u8>, 16),
            DType::U16 => kernel!($way $body<u16>, 16),
            DType::U32 => kernel!($way $body<u32>, 16),
            DType::U64 => kernel!($way $body<u64>, 16),
            DType::I8 => kernel!($way $body<i8>, 16),
            DType::I16 => kernel!($way $body<i16>, 16),
            DType::I32 => kernel!($way $body<i32>, 16),
            DType::I64 => kernel!($way $body<i64>, 16),
            _ => None,
        }
    };
}

/// Kernels that divide: by vector instructions, but not of 64 bits.
macro_rules! dividing {
    ($body:ident, $dtype:expr) => {
        match $dtype {
            DType::U64 => kernel!(scalar $body<u64>, 16),
            DType::I64 => kernel!(scalar $body<i64>, 16),
            DType::U8 => kernel!($body<u8>, 16),
            DType::U16 => kernel!($body<u16>, 16),
            DType::U32 => kernel!($body<u32>, 16),
            DType::I8 => kernel!($body<i8>, 16),
            DType::I16 => kernel!($body<i16>, 16),
            DType::I32 => kernel!($body<i32>, 16),
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
