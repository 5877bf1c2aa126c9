//! Numbers of 320 bits behind the point, for the few operands where two `f64` are not enough: phases of many turns, and differences in
//! which a hundred leading bits cancel.
//!
//! A number is an integer of 384 bits in two's complement, of which the lowest 320 are behind the point; it wraps. Products and
//! quotients are cut off, so each operation is wrong by a unit of 2^-320 or two. Nothing here is fast: a function takes some
//! microseconds.

use super::{Atan2, Binary, Ln, Unary, reduce};
use num_complex::Complex;
use std::ops::{Add, Mul, Neg, Sub};

const WORDS: usize = 6;
/// Bits behind the point.
const FRACTION: i32 = 320;

/// `words` from the lowest on; the highest one is before the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernel) struct Fixed([u64; WORDS]);

impl Fixed {
    const ZERO: Fixed = Fixed([0; WORDS]);
    pub(in crate::kernel) const ONE: Fixed = Fixed([0, 0, 0, 0, 0, 1]);
    pub(in crate::kernel) const LN2: Fixed =
        Fixed([0xe7b876206debac98, 0x8a0d175b8baafa2b, 0x40f343267298b62d, 0xc9e3b39803f2f6af, 0xb17217f7d1cf79ab, 0]);
    pub(in crate::kernel) const FRAC_PI_2: Fixed =
        Fixed([0xa29410f31c6809bc, 0x04177d4c76273644, 0x52049c1114cf98e8, 0x898cc51701b839a2, 0x921fb54442d18469, 1]);
    pub(in crate::kernel) const FRAC_2_PI: Fixed =
        Fixed([0xb7246e3a424dd2e0, 0xfe5163abdebbc561, 0xdb6295993c439041, 0xfc2757d1f534ddc0, 0xa2f9836e4e441529, 0]);

    /// The number that `x` is, cut off behind the 320th bit, modulo 2^64. Of infinities and NaN, 0.
    pub(in crate::kernel) fn new(x: f64) -> Fixed {
        Fixed::ONE.times(x)
    }

    fn is_negative(self) -> bool {
        self.0[WORDS - 1] >> 63 == 1
    }

    /// The magnitude, and whether it is a negative number's.
    fn magnitude(self) -> (Fixed, bool) {
        if self.is_negative() { (-self, true) } else { (self, false) }
    }

    fn signed(self, negative: bool) -> Fixed {
        if negative { -self } else { self }
    }

    /// `words * 2^n`, of a magnitude: bits that leave at either end are lost.
    fn shifted(words: &[u64], n: i32) -> Fixed {
        let (by, bits) = (n.div_euclid(64), n.rem_euclid(64));
        let word = |i: i32| usize::try_from(i).ok().and_then(|i| words.get(i)).copied().unwrap_or(0);
        Fixed(std::array::from_fn(|i| {
            let from = i as i32 - by;
            let pair = u128::from(word(from)) << 64 | u128::from(word(from - 1));
            (pair << bits >> 64) as u64
        }))
    }

    /// The product with an `f64`, modulo 2^64: all bits of it that are in range count. Of infinities and NaN, 0.
    pub(in crate::kernel) fn times(self, x: f64) -> Fixed {
        if x == 0.0 || !x.is_finite() {
            return Fixed::ZERO;
        }
        let (mantissa, exponent) = match x.to_bits() >> 52 & 0x7ff {
            0 => (x.to_bits() & 0x000f_ffff_ffff_ffff, -1074),
            e => (x.to_bits() & 0x000f_ffff_ffff_ffff | 1 << 52, e as i32 - 1075),
        };
        let (magnitude, negative) = self.magnitude();
        // The product has one word more.
        let mut wide = [0u64; WORDS + 1];
        let mut carry = 0u128;
        for (to, &word) in wide.iter_mut().zip(magnitude.0.iter().chain(&[0])) {
            carry += u128::from(word) * u128::from(mantissa);
            *to = carry as u64;
            carry >>= 64;
        }
        Fixed::shifted(&wide, exponent).signed(negative != x.is_sign_negative())
    }

    /// The quotient by a small integer.
    fn over(self, n: u64) -> Fixed {
        let (mut magnitude, negative) = self.magnitude();
        let mut rest = 0u128;
        for word in magnitude.0.iter_mut().rev() {
            rest = rest << 64 | u128::from(*word);
            *word = (rest / u128::from(n)) as u64;
            rest %= u128::from(n);
        }
        magnitude.signed(negative)
    }

    /// The number in two `f64`, of which the first is cut off, not rounded.
    pub(in crate::kernel) fn parts(self) -> (f64, f64) {
        let (magnitude, negative) = self.magnitude();
        let Some(top) = magnitude.0.iter().rposition(|&word| word != 0) else { return (0.0, 0.0) };
        let zeros = magnitude.0[top].leading_zeros() as i32;
        // All bits moved to the top: 53 of them, and 53 more.
        let up = Fixed::shifted(&magnitude.0, (WORDS - 1 - top) as i32 * 64 + zeros);
        let bits = u128::from(up.0[WORDS - 1]) << 64 | u128::from(up.0[WORDS - 2]);
        let exponent = top as i32 * 64 + 64 - zeros - FRACTION;
        let unit = |bits: i32| f64::from_bits(((1023 + exponent - bits) as u64) << 52);
        let high = (bits >> 75) as f64 * unit(53);
        let low = (bits >> 22 & ((1 << 53) - 1)) as f64 * unit(106);
        if negative { (-high, -low) } else { (high, low) }
    }

    /// Of a number of quadrants: which one, of four, is nearest, and the angle from there in two parts.
    pub(in crate::kernel) fn quadrant(self) -> (u64, f64, f64) {
        let half = Fixed([0, 0, 0, 0, 1 << 63, 0]);
        let quadrant = (self + half).0[WORDS - 1];
        let mut rest = self;
        rest.0[WORDS - 1] = rest.0[WORDS - 1].wrapping_sub(quadrant);
        let (r, low) = (rest * Fixed::FRAC_PI_2).parts();
        (quadrant, r, low)
    }

    /// `e^self`, of a number below 44 in magnitude. Right to some 2^-310, or to that of the result where it is great.
    pub(in crate::kernel) fn exp(self) -> Fixed {
        let n = (self.parts().0 * std::f64::consts::LOG2_E).round();
        let r = self - Fixed::LN2.times(n);
        let (mut sum, mut term) = (Fixed::ONE, Fixed::ONE);
        for k in 1.. {
            term = (term * r).over(k);
            if term == Fixed::ZERO {
                break;
            }
            sum = sum + term;
        }
        Fixed::shifted(&sum.0, n as i32)
    }

    /// Sine and cosine of an angle of 4 or less.
    pub(in crate::kernel) fn sine_cosine(self) -> (Fixed, Fixed) {
        let mut sums = [self, Fixed::ONE];
        let square = self * self;
        for (nth, sum) in sums.iter_mut().enumerate() {
            let mut term = *sum;
            // x^3 / 3!, or x^2 / 2!, and on.
            for k in (3 - nth as u64..).step_by(2) {
                term = -(term * square).over(k * (k - 1));
                if term == Fixed::ZERO {
                    break;
                }
                *sum = *sum + term;
            }
        }
        (sums[0], sums[1])
    }

    /// The cosine of a finite `f64`, right to some 2^-200.
    pub(in crate::kernel) fn cosine_of(x: f64) -> Fixed {
        let x = x.abs();
        if x < 1.0 {
            return Fixed::new(x).sine_cosine().1;
        }
        let (quadrant, beyond) = reduce::fraction(x);
        let angle = Fixed([0, beyond[3], beyond[2], beyond[1], beyond[0], 0]) * Fixed::FRAC_PI_2;
        let (sine, cosine) = angle.sine_cosine();
        match quadrant & 3 {
            0 => cosine,
            1 => -sine,
            2 => -cosine,
            _ => sine,
        }
    }
}

/// The principal logarithm of a number of magnitude between 1/2 and 4, right to some 2^-310.
pub(in crate::kernel) fn ln(z: Complex<f64>) -> Complex<Fixed> {
    // A first value to some 2^-52 of it, and what it lacks: of 1 + d = z e^-first, by its series.
    let first = Complex { re: 0.5 * Ln::full(z.re.mul_add(z.re, z.im * z.im)), im: Atan2::full(z.im, z.re) };
    let near = Complex { re: Fixed::new(first.re), im: Fixed::new(first.im) };
    let (sine, cosine) = near.im.sine_cosine();
    let scale = (-near.re).exp();
    let turned = times(Complex { re: Fixed::new(z.re), im: Fixed::new(z.im) }, Complex { re: cosine, im: -sine });
    let d = Complex { re: turned.re * scale - Fixed::ONE, im: turned.im * scale };
    let (mut sum, mut power) = (near, d);
    for k in 1..9 {
        let term = Complex { re: power.re.over(k), im: power.im.over(k) };
        let signed = |x: Fixed| x.signed(k % 2 == 0);
        sum = Complex { re: sum.re + signed(term.re), im: sum.im + signed(term.im) };
        power = times(power, d);
    }
    sum
}

fn times(a: Complex<Fixed>, b: Complex<Fixed>) -> Complex<Fixed> {
    Complex { re: a.re * b.re - a.im * b.im, im: a.re * b.im + a.im * b.re }
}

impl Add for Fixed {
    type Output = Fixed;

    fn add(self, other: Fixed) -> Fixed {
        let mut carry = false;
        Fixed(std::array::from_fn(|i| {
            let (sum, first) = self.0[i].overflowing_add(other.0[i]);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            carry = first || second;
            sum
        }))
    }
}

impl Neg for Fixed {
    type Output = Fixed;

    fn neg(self) -> Fixed {
        Fixed(self.0.map(|word| !word)) + Fixed([1, 0, 0, 0, 0, 0])
    }
}

impl Sub for Fixed {
    type Output = Fixed;

    fn sub(self, other: Fixed) -> Fixed {
        self + -other
    }
}

impl Mul for Fixed {
    type Output = Fixed;

    fn mul(self, other: Fixed) -> Fixed {
        let ((a, a_negative), (b, b_negative)) = (self.magnitude(), other.magnitude());
        let mut wide = [0u64; 2 * WORDS];
        for (i, &x) in a.0.iter().enumerate() {
            let mut carry = 0u128;
            for (to, &y) in wide[i..].iter_mut().zip(b.0.iter().chain(&[0])) {
                carry += u128::from(x) * u128::from(y) + u128::from(*to);
                *to = carry as u64;
                carry >>= 64;
            }
        }
        Fixed(std::array::from_fn(|i| wide[i + WORDS - 1])).signed(a_negative != b_negative)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: Fixed, b: Fixed, bits: i32) -> bool {
        let (high, _) = (a - b).parts();
        high.abs() < 2f64.powi(-bits)
    }

    #[test]
    fn numbers_come_back_from_their_parts() {
        for x in [0.0, 1.0, -1.5, 1e15, -3e-20, 2f64.powi(-320), 123_456.789, -9.0e18] {
            assert_eq!(Fixed::new(x).parts(), (x, 0.0));
        }
        let third = Fixed::ONE.over(3);
        assert!(near(third + third + third, Fixed::ONE, 315));
        assert!(near(third.times(-3.0), -Fixed::ONE, 315));
        assert!(near(Fixed::new(-7.0) * third, Fixed::new(-7.0).over(3), 315));
        // Modulo 2^64, with every bit below that.
        assert_eq!(Fixed::new(0.75).times(2f64.powi(70) + 2f64.powi(20)).parts(), (786_432.0, 0.0));
    }

    #[test]
    fn constants_are_what_the_functions_say() {
        assert!(near(Fixed::LN2.exp(), Fixed::new(2.0), 310));
        assert!(near(Fixed::FRAC_PI_2 * Fixed::FRAC_2_PI, Fixed::ONE, 315));
        let (sine, cosine) = Fixed::FRAC_PI_2.sine_cosine();
        assert!(near(sine, Fixed::ONE, 310) && near(cosine, Fixed::ZERO, 310));
        let z = ln(Complex { re: -1.0, im: 0.0 });
        assert!(near(z.re, Fixed::ZERO, 310) && near(z.im, Fixed::FRAC_PI_2.times(2.0), 310));
        let z = ln(Complex { re: 0.0, im: -2.0 });
        assert!(near(z.re, Fixed::LN2, 310) && near(z.im, -Fixed::FRAC_PI_2, 310));
    }

    #[test]
    fn sines_and_exponentials_keep_their_identities() {
        for x in [0.3, -1.25, 3.1, 1e-30] {
            let (sine, cosine) = Fixed::new(x).sine_cosine();
            assert!(near(sine * sine + cosine * cosine, Fixed::ONE, 310));
            let (up, down) = (Fixed::new(x).exp(), Fixed::new(-x).exp());
            assert!(near(up * down, Fixed::ONE, 310));
            let z = ln(Complex { re: 1.0 + x, im: x });
            let (sine, cosine) = z.im.sine_cosine();
            let modulus = z.re.exp();
            assert!(near(modulus * cosine, Fixed::new(1.0 + x), 308) && near(modulus * sine, Fixed::new(x), 308));
        }
        // 355 is near 113 pi, an odd multiple.
        let (_, cosine) = (Fixed::new(355.0) - Fixed::FRAC_PI_2.times(226.0)).sine_cosine();
        assert!(near(Fixed::cosine_of(355.0), -cosine, 190), "{:?}", Fixed::cosine_of(355.0).parts());
    }
}
