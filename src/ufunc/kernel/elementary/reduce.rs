//! Reduction of an angle modulo pi/2.
//!
//! Below 2^30, Cody and Waite's: `x - n pi/2` with pi/2 in three parts of 53 bits; the first product is exact under the fused
//! subtraction, the error of the second is kept. Above, Payne and Hanek's: the 256 bits of 2/pi that matter for
//! the exponent of `x`, times its 53-bit significand, modulo 4, in integers.
//!
//! The angle `y ln 2` of `2^(iy)` is reduced in the same two ways before `y` is multiplied by anything: a quadrant of it is
//! `pi / (2 ln 2)` long. (Rounded, the product would be wrong by half a unit in its last place, which is more than a turn from 2^53 on.)

use super::dd::{MAGIC, fast_two_sum, product};
use super::exp::LN2;

/// Greatest angle of the first reduction: the integer has 31 bits, and no `f64` up to here comes nearer to a multiple of
/// pi/2 than some 2^-62, of which the three parts leave 2^-70.
pub(super) const LIMIT: f64 = 1_073_741_824.0;

/// pi/2 as the sum of three `f64`.
const PIO2: [f64; 3] = [std::f64::consts::FRAC_PI_2, 6.123233995736766e-17, -1.4973849048591698e-33];

/// For `0 <= x <= LIMIT`: a number whose lowest two bits are the quadrant's, and the rest of the angle in two parts.
#[inline(always)]
pub(super) fn near(x: f64) -> (u64, f64, f64) {
    nearest(x, std::f64::consts::FRAC_2_PI, &PIO2)
}

/// The same of another quadrant's length, between 1 and 4, in three parts, and of its reciprocal.
#[inline(always)]
fn nearest(x: f64, reciprocal: f64, length: &[f64; 3]) -> (u64, f64, f64) {
    let t = x.mul_add(reciprocal, MAGIC);
    let n = t - MAGIC;
    let r1 = (-n).mul_add(length[0], x); // exact: a multiple of 2^-52 of the length's size
    let w = n * length[1];
    let r = r1 - w;
    let e = n.mul_add(length[1], -w);
    let low = ((r1 - r) - w) - n.mul_add(length[2], e);
    (t.to_bits(), r, low)
}

/// `pi / (2 ln 2)` as the sum of three `f64`, and its reciprocal.
const PIO2_BY_LN2: [f64; 3] = [2.266180070913597, -1.7290587296149343e-16, -1.0508274702698301e-32];
const TWO_LN2_BY_PI: f64 = 0.4412712003053032;

/// The angle `x ln 2` for every finite `x >= 0`, as [`near`] gives `x`.
pub(super) fn times_ln2(x: f64) -> (u64, f64, f64) {
    if x > LIMIT {
        return far_in(x, &TWO_LN2_OVER_PI);
    }
    let (quadrant, r, low) = nearest(x, TWO_LN2_BY_PI, &PIO2_BY_LN2);
    let (r, low) = product((r, low), (LN2[0], LN2[1]));
    let (r, low) = fast_two_sum(r, low);
    (quadrant, r, low)
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

/// The same of 2 ln 2 / pi.
#[rustfmt::skip]
const TWO_LN2_OVER_PI: [u64; 21] = [
    0,
    0x70f7263dfa5a6eec, 0xb608582e55fef3dd, 0x8e13becd1d495c36, 0x1d72013aea9f8fca,
    0x76e866fc9b48be48, 0x15f5cb6fd8bee211, 0x0394db3020d6eb52, 0x30ffa9ae90cbc735,
    0x51358ced67c0db3c, 0x490d15bdd91a29f5, 0x682402af5e8f9c23, 0xbff15cbc71f05fed,
    0xfe0bb0622a8c8f67, 0x7309c45a7502282a, 0xead0c2435c5527bb, 0x759f345e2d0628e8,
    0xb1a563a253e62918, 0xea5ffdabeac0d479, 0xcfedb1b6fc78b439, 0xa333a25fdc77be31,
];

/// The same as [`near`] for every finite `x >= 2^8`.
pub(super) fn far(x: f64) -> (u64, f64, f64) {
    far_in(x, &TWO_OVER_PI)
}

/// The quadrant in the lowest two bits, and what is beyond it as a fraction of one, in 256 bits (64 of each word, the highest first),
/// of `x` over a quadrant's length, for every finite `x >= 2^-8`. At most some 2^-200 too small.
pub(super) fn fraction(x: f64) -> (u64, [u64; 4]) {
    fraction_in(x, &TWO_OVER_PI)
}

fn fraction_in(x: f64, reciprocal: &[u64; 21]) -> (u64, [u64; 4]) {
    let exponent = (x.to_bits() >> 52) as i32 - 1075;
    let significand = (x.to_bits() & 0x000f_ffff_ffff_ffff) | 1 << 52;
    // Bits of the reciprocal whose product with the significand is a multiple of 4 are left out; 64 for the zeros in front.
    let skip = (exponent - 2 + 64) as usize;
    let (word, shift) = (skip / 64, skip % 64);
    let window: [u64; 4] = std::array::from_fn(|i| {
        let pair = u128::from(reciprocal[word + i]) << 64 | u128::from(reciprocal[word + i + 1]);
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
    let beyond = std::array::from_fn(|i| product[i] << 2 | product.get(i + 1).map_or(0, |next| next >> 62));
    (product[0] >> 62, beyond)
}

fn far_in(x: f64, reciprocal: &[u64; 21]) -> (u64, f64, f64) {
    let (mut quadrant, beyond) = fraction_in(x, reciprocal);
    let mut high = u128::from(beyond[0]) << 64 | u128::from(beyond[1]);
    let mut low = u128::from(beyond[2]) << 64 | u128::from(beyond[3]);
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

    /// As above for `x ln 2`.
    #[test]
    fn both_reductions_of_powers_of_two_agree() {
        let mut x = 256.5;
        while x <= LIMIT {
            let (q, r, low) = times_ln2(x);
            let (p, s, tail) = far_in(x, &TWO_LN2_OVER_PI);
            assert_eq!(q & 3, p & 3, "quadrants of {x}");
            assert!(((r - s) + (low - tail)).abs() <= 1e-30, "{r} + {low}, {s} + {tail} for {x}");
            x *= 1.000_137;
        }
    }
}
