//! Floats of 16 bits from and to wider ones, without branches, each rounded once to nearest, halves to even.

use super::{Kernel, body, kernel};
use crate::DType;

/// `f16` as `f32`, exactly.
#[inline(always)]
pub(crate) fn from_f16(h: u16) -> f32 {
    let bits = u32::from(h & 0x7fff) << 13;
    // The exponent's bias is mended by a product, which makes normal numbers of subnormal ones too.
    let scaled = f32::from_bits(bits) * f32::from_bits((254 - 15) << 23);
    let special = f32::from_bits(bits | 0x7f80_0000);
    let magnitude = if h & 0x7c00 == 0x7c00 { special } else { scaled };
    f32::from_bits(magnitude.to_bits() | u32::from(h & 0x8000) << 16)
}

/// `f64` to `f16`; of `f32` too, which `f64` holds exactly.
#[inline(always)]
pub(crate) fn to_f16(x: f64) -> u16 {
    let sign = (x.to_bits() >> 48) as u16 & 0x8000;
    let a = x.abs();
    // What is added has its last place where the result has its own, so that the sum is rounded there, once: 2^(e + 42), and no
    // less than for the least normal number, 2^-14.
    let exponent = (a.to_bits() >> 52).max(1023 - 14);
    let magic = f64::from_bits((exponent + 42).min(2046) << 52);
    let rounded = (a + magic) - magic;
    // Normal numbers: exponent and ten bits, moved. Subnormal ones: a multiple of 2^-24.
    let bits = rounded.to_bits();
    let normal = (bits.wrapping_sub((1023 - 15) << 52) >> 42) as u16;
    let subnormal = (rounded * 16_777_216.0) as i32 as u16;
    let magnitude = if rounded < 6.103_515_625e-5 { subnormal } else { normal };
    let magnitude = if rounded >= 65_536.0 { 0x7c00 } else { magnitude };
    let magnitude = if x.is_nan() { 0x7e00 } else { magnitude };
    sign | magnitude
}

/// `bf16` as `f32`, exactly.
#[inline(always)]
pub(crate) fn from_bf16(h: u16) -> f32 {
    f32::from_bits(u32::from(h) << 16)
}

/// `f64` to `bf16`.
#[inline(always)]
pub(crate) fn to_bf16(x: f64) -> u16 {
    let sign = (x.to_bits() >> 48) as u16 & 0x8000;
    let a = x.abs();
    let exponent = (a.to_bits() >> 52).max(1023 - 126);
    let magic = f64::from_bits((exponent + 45).min(2046) << 52);
    let rounded = (a + magic) - magic;
    // What is left has eight bits, so that it is an `f32`, and the lower half of that is 0.
    let bits = (rounded as f32).to_bits() >> 16;
    let magnitude = if a >= 3.402_823_669_209_385e38 { 0x7f80 } else { bits as u16 & 0x7fff };
    let magnitude = if x.is_nan() { 0x7fc0 } else { magnitude };
    sign | magnitude
}

/// The neighbour of a number of 16 bits towards another, whatever its exponent's width: bits count upwards from 0.
#[inline(always)]
fn next(a: u16, b: u16, infinity: u16) -> u16 {
    let ordered = |h: u16| {
        let magnitude = i32::from(h & 0x7fff);
        if h & 0x8000 != 0 { -magnitude } else { magnitude }
    };
    let (x, y) = (ordered(a), ordered(b));
    let nan = |h: u16| h & 0x7fff > infinity;
    let away = (x < y) == (x > 0);
    let stepped = if away { a.wrapping_add(1) } else { a.wrapping_sub(1) };
    let stepped = if x == 0 { 1 | (b & 0x8000) } else { stepped };
    let stepped = if x == y { b } else { stepped };
    if nan(a) {
        a
    } else if nan(b) {
        b
    } else {
        stepped
    }
}

body!(FromF16<>(a: u16) -> f32 = from_f16(a));
body!(FromBf16<>(a: u16) -> f32 = from_bf16(a));
body!(F32ToF16<>(a: f32) -> u16 = to_f16(f64::from(a)));
body!(F64ToF16<>(a: f64) -> u16 = to_f16(a));
body!(F32ToBf16<>(a: f32) -> u16 = to_bf16(f64::from(a)));
body!(F64ToBf16<>(a: f64) -> u16 = to_bf16(a));
body!(NextF16<>(a: u16, b: u16) -> u16 = next(a, b, 0x7c00));
body!(NextBf16<>(a: u16, b: u16) -> u16 = next(a, b, 0x7f80));

/// The kernel that converts between a float of 16 bits and one of 32, or from one of 64.
pub(super) fn convert(from: DType, to: DType) -> Option<&'static Kernel> {
    match (from, to) {
        (DType::F16, DType::F32) => kernel!(FromF16, 16),
        (DType::BF16, DType::F32) => kernel!(FromBf16, 16),
        (DType::F32, DType::F16) => kernel!(F32ToF16, 16),
        (DType::F64, DType::F16) => kernel!(F64ToF16, 16),
        (DType::F32, DType::BF16) => kernel!(F32ToBf16, 16),
        (DType::F64, DType::BF16) => kernel!(F64ToBf16, 16),
        _ => None,
    }
}

/// The kernel of the next number, of a type of 16 bits.
pub(super) fn nextafter(dtype: DType) -> Option<&'static Kernel> {
    match dtype {
        DType::F16 => kernel!(NextF16, 16),
        DType::BF16 => kernel!(NextBf16, 16),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::{bf16, f16};

    #[test]
    fn every_half_is_widened_exactly_and_comes_back() {
        for bits in 0..=u16::MAX {
            let (h, b) = (f16::from_bits(bits), bf16::from_bits(bits));
            if h.is_nan() {
                assert!(from_f16(bits).is_nan());
            } else {
                assert_eq!(from_f16(bits).to_bits(), h.to_f32().to_bits(), "{bits:#x}");
                assert_eq!(to_f16(h.to_f64()), bits);
            }
            if b.is_nan() {
                assert!(from_bf16(bits).is_nan());
            } else {
                assert_eq!(from_bf16(bits).to_bits(), b.to_f32().to_bits(), "{bits:#x}");
                assert_eq!(to_bf16(b.to_f64()), bits);
            }
        }
    }

    /// Whether `bits` is the number next to `x`, and of two that are as near the even one.
    fn nearest(x: f64, bits: u16, value: fn(u16) -> f64, infinity: u16) -> bool {
        // Beyond the greatest number the next one would be a power of 2, which is rounded to as any other.
        let extended =
            |bits: u16| if bits == infinity { 2.0 * value(infinity - 1) - value(infinity - 2) } else { value(bits) };
        let (bits, x) = (bits & 0x7fff, x.abs());
        let off = (extended(bits) - x).abs();
        let beats = |other: u16| {
            let theirs = (extended(other) - x).abs();
            off < theirs || (off == theirs && bits % 2 == 0)
        };
        if bits == infinity && x > extended(infinity) {
            return true;
        }
        (bits == 0 || beats(bits - 1)) && (bits == infinity || beats(bits + 1))
    }

    #[test]
    fn what_lies_between_is_rounded_once() {
        let f16_value: fn(u16) -> f64 = |bits| f16::from_bits(bits).to_f64();
        let bf16_value: fn(u16) -> f64 = |bits| bf16::from_bits(bits).to_f64();
        let mut x = 1e-48f64;
        while x < 1e41 {
            for x in [x, -x] {
                assert!(nearest(x, to_f16(x), f16_value, 0x7c00), "{x:e}");
                assert!(nearest(x, to_bf16(x), bf16_value, 0x7f80), "{x:e}");
                assert_eq!((to_f16(x) >> 15 == 1, to_bf16(x) >> 15 == 1), (x < 0.0, x < 0.0));
            }
            x *= 1.000_73;
        }
        for bits in 0..0x7bff_u16 {
            // Half-way to the next one, and a little to either side of that.
            let middle = (f16_value(bits) + f16_value(bits + 1)) / 2.0;
            let wide = (bf16_value(bits) + bf16_value(bits + 1)) / 2.0;
            for (x, y) in [(middle, wide), (middle.next_up(), wide.next_up()), (middle.next_down(), wide.next_down())] {
                assert!(nearest(x, to_f16(x), f16_value, 0x7c00), "{x:e}");
                assert!(nearest(y, to_bf16(y), bf16_value, 0x7f80), "{y:e}");
            }
        }
        assert_eq!((to_f16(f64::INFINITY), to_f16(65519.9), to_f16(65520.0)), (0x7c00, 0x7bff, 0x7c00));
        assert!(f16::from_bits(to_f16(f64::NAN)).is_nan() && bf16::from_bits(to_bf16(f64::NAN)).is_nan());
        assert_eq!((to_f16(-0.0), to_bf16(-0.0)), (0x8000, 0x8000));
    }
}
