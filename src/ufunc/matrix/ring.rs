//! What a product of matrices multiplies and adds: elements as they lie in memory, the numbers that they become, and how one more product
//! is added.

use crate::kernel::{from_bf16, from_f16, to_bf16, to_f16};
use num_complex::Complex;

/// Elements that can be multiplied and added. Products of floats are not rounded before they are added.
pub(super) trait Ring: 'static {
    type Elem: Copy;
    type Num: Copy + 'static;
    const ZERO: Self::Num;
    /// Whether an element is the number that it becomes.
    const SAME: bool;
    fn enter(x: Self::Elem) -> Self::Num;
    fn leave(x: Self::Num) -> Self::Elem;
    fn add(a: Self::Num, b: Self::Num) -> Self::Num;
    /// `c + a b`.
    fn mul_add(a: Self::Num, b: Self::Num, c: Self::Num) -> Self::Num;
}

macro_rules! rings {
    ($($(#[$doc:meta])* $name:ident: $elem:ty as $num:ty, $zero:expr,
        |$x:ident| $enter:expr, |$y:ident| $leave:expr, |$a:ident, $b:ident| $add:expr, |$p:ident, $q:ident, $c:ident| $mul_add:expr;)*) => {$(
        $(#[$doc])*
        pub(super) struct $name;
        impl Ring for $name {
            type Elem = $elem;
            type Num = $num;
            const ZERO: $num = $zero;
            const SAME: bool = size_of::<$elem>() == size_of::<$num>();
            #[inline(always)]
            fn enter($x: $elem) -> $num { $enter }
            #[inline(always)]
            fn leave($y: $num) -> $elem { $leave }
            #[inline(always)]
            fn add($a: $num, $b: $num) -> $num { $add }
            #[inline(always)]
            fn mul_add($p: $num, $q: $num, $c: $num) -> $num { $mul_add }
        }
    )*};
}
rings! {
    /// Truth values: one of both, and both.
    Bool: u8 as u8, 0, |x| x, |y| y, |a, b| a | b, |p, q, c| c | (p & q);
    /// Integers of 8 bits, of either kind.
    Int8: u8 as u8, 0, |x| x, |y| y, |a, b| a.wrapping_add(b), |p, q, c| p.wrapping_mul(q).wrapping_add(c);
    /// Integers of 16 bits.
    Int16: u16 as u16, 0, |x| x, |y| y, |a, b| a.wrapping_add(b), |p, q, c| p.wrapping_mul(q).wrapping_add(c);
    /// Integers of 32 bits.
    Int32: u32 as u32, 0, |x| x, |y| y, |a, b| a.wrapping_add(b), |p, q, c| p.wrapping_mul(q).wrapping_add(c);
    /// Integers of 64 bits.
    Int64: u64 as u64, 0, |x| x, |y| y, |a, b| a.wrapping_add(b), |p, q, c| p.wrapping_mul(q).wrapping_add(c);
    /// `f16`, multiplied and added as `f32`, rounded once.
    F16: u16 as f32, 0.0, |x| from_f16(x), |y| to_f16(f64::from(y)), |a, b| a + b, |p, q, c| p.mul_add(q, c);
    /// `bf16`, likewise.
    Bf16: u16 as f32, 0.0, |x| from_bf16(x), |y| to_bf16(f64::from(y)), |a, b| a + b, |p, q, c| p.mul_add(q, c);
    /// `f32`.
    F32: f32 as f32, 0.0, |x| x, |y| y, |a, b| a + b, |p, q, c| p.mul_add(q, c);
    /// `f64`.
    F64: f64 as f64, 0.0, |x| x, |y| y, |a, b| a + b, |p, q, c| p.mul_add(q, c);
    /// `Complex<f32>`.
    C32: Complex<f32> as Complex<f32>, Complex { re: 0.0, im: 0.0 }, |x| x, |y| y, |a, b| a + b, |p, q, c| Complex {
        re: (-p.im).mul_add(q.im, p.re.mul_add(q.re, c.re)),
        im: p.im.mul_add(q.re, p.re.mul_add(q.im, c.im)),
    };
    /// `Complex<f64>`.
    C64: Complex<f64> as Complex<f64>, Complex { re: 0.0, im: 0.0 }, |x| x, |y| y, |a, b| a + b, |p, q, c| Complex {
        re: (-p.im).mul_add(q.im, p.re.mul_add(q.re, c.re)),
        im: p.im.mul_add(q.re, p.re.mul_add(q.im, c.im)),
    };
}
