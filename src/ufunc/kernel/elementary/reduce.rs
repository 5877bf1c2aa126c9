//! Reduction of an angle modulo pi/2.
//!
//! Below 2^30, Cody and Waite's: `x - n pi/2` with pi/2 in three parts of 53 bits; the first product is exact under the fused
//! subtraction, the error of the second is kept. Above, Payne and Hanek's: the 256 bits of 2/pi that matter for
//! the exponent of `x`, times its 53-bit significand, modulo 4, in integers.

use super::dd::{MAGIC, fast_two_sum};

/// Greatest angle of the first reduction: the integer has 31 bits, and no `f64` up to here comes nearer to a multiple of
/// pi/2 than some 2^-62, of which the three parts leave 2^-70.
pub(super) const LIMIT: f64 = 1_073_741_824.0;

/// pi/2 as the sum of three `f64`.
const PIO2: [f64; 3] = [std::f64::consts::FRAC_PI_2, 6.123233995736766e-17, -1.4973849048591698e-33];

/// For `0 <= x <= LIMIT`: a number whose lowest two bits are the quadrant's, and the rest of the angle in two parts.
#[inline(always)]
pub(super) fn near(x: f64) -> (u64, f64, f64) {
    let t = x.mul_add(std::f64::consts::FRAC_2_PI, MAGIC);
    let n = t - MAGIC;
    let r1 = (-n).mul_add(PIO2[0], x); // exact: a multiple of 2^-53 below 1
    let w = n * PIO2[1];
    let r = r1 - w;
    let e = n.mul_add(PIO2[1], -w);
    let low = ((r1 - r) - w) - n.mul_add(PIO2[2], e);
    (t.to_bits(), r, low)
}

/// 64 zeros, then the first 1280 bits of 2/pi behind the point.
#[rustfmt::skip]
const TWO_OVER_PI: [u64; 21] = [
    0,
    0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561,
    0xb7246e3a424dd2e0, 0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484,
    0xe99c7026b45f7e41, 0x3991d639835339f4, 0x9c845f8bbdf9283b, 0x1ff897ffde05980f,
    0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d, 0x7527bac7ebe5f17b,
    0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab, 0xf0cfbc209af4361d,
];

/// The same for every finite `x >= 2^8`.
pub(super) fn far(x: f64) -> (u64, f64, f64) {
    let exponent = (x.to_bits() >> 52) as i32 - 1075;
    let significand = (x.to_bits() & 0x000f_ffff_ffff_ffff) | 1 << 52;
    // Bits of 2/pi whose product with the significand is a multiple of 4 are left out; 64 for the zeros in front.
    let skip = (exponent - 2 + 64) as usize;
    let (word, shift) = (skip / 64, skip % 64);
    let window: [u64; 4] = std::array::from_fn(|i| {
        let pair = u128::from(TWO_OVER_PI[word + i]) << 64 | u128::from(TWO_OVER_PI[word + i + 1]);
        (pair << shift >> 64) as u64
    });
    // The product modulo 2^256; its top two bits are the quadrant, the others a fraction of one.
    let mut product = [0u64; 4];
    let mut carry = 0u128;
    for i in (0..4).rev() {
        let wide = u128::from(window[i]) * u128::from(significand) + carry;
        product[i] = wide as u64;
        carry = wide >> 64;
    }
    let mut high = u128::from(product[0]) << 64 | u128::from(product[1]);
    let mut low = u128::from(product[2]) << 64 | u128::from(product[3]);
    let mut quadrant = (high >> 126) as u64;
    high = high << 2 | low >> 126;
    low <<= 2;
    // To the nearest quadrant: a fraction of a half or more is one less than the next.
    let negative = high >> 127 == 1;
    if negative {
        quadrant += 1;
        (high, low) = (if low == 0 { high.wrapping_neg() } else { !high }, low.wrapping_neg());
    }
    let zeros = high.leading_zeros(); // at most some 62 for any f64
    if zeros > 0 {
        high = high << zeros | low >> (128 - zeros);
    }
    let unit = f64::from_bits(u64::from(1023 - 53 - zeros) << 52);
    let top = (high >> 75) as f64 * unit;
    let rest = ((high << 53 >> 64) as u64) as f64 * (unit * 5.421010862427522e-20); // 2^-64
    let (top, rest) = if negative { (-top, -rest) } else { (top, rest) };
    let r = top * PIO2[0];
    let error = top.mul_add(PIO2[0], -r);
    let (r, low) = fast_two_sum(r, error + top.mul_add(PIO2[1], rest * PIO2[0]));
    (quadrant, r, low)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where both reductions apply, they are two roads to the same angle.
    #[test]
    fn near_and_far_agree() {
        let mut x = 256.5;
        while x <= LIMIT {
            let (q, r, low) = near(x);
            let (p, s, tail) = far(x);
            assert_eq!(q & 3, p & 3, "quadrants of {x}");
            assert!(((r - s) + (low - tail)).abs() <= 1e-30, "{r} + {low}, {s} + {tail} for {x}");
            x *= 1.000_137;
        }
    }

    #[test]
    fn the_nearest_of_all_to_a_multiple() {
        // 6381956970095103 * 2^797 is 4.687e-19 from a multiple of pi/2 (Muller).
        let (_, r, _) = far(6_381_956_970_095_103.0 * 2f64.powi(797));
        assert!((r.abs() - 4.687_165_924_254_624e-19).abs() < 1e-33, "{r:e}");
    }
}
