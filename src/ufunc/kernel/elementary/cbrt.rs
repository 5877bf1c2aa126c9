//! The cube root, by way of the reciprocal one, which Newton's method reaches without a division.

use super::Unary;
use super::dd::two_product;
use super::single;

/// From these less a third of a number's upper bits: its reciprocal cube root to some 10 %.
const START: u64 = 0x553e_e8c8;
/// Below this the last places of a cube could be lost.
const LEAST: f64 = 1e-280;
/// From here on the cube of the root could overflow.
const GREATEST: f64 = 1e300;
/// 2^300, which makes any number large enough, and its cube root.
const UP: f64 = f64::from_bits((1023 + 300) << 52);
const DOWN: f64 = f64::from_bits((1023 - 100) << 52);

/// The reciprocal cube root of a positive number, to some 10 %.
#[inline(always)]
pub(super) fn start(a: f64) -> f64 {
    let third = ((a.to_bits() >> 32) * 0xaaaa_aaab) >> 33;
    f64::from_bits(START.wrapping_sub(third) << 32)
}

/// The cube root. At most 0.6 ulp. Hard: magnitudes below 1e-280 and from 1e300 on, infinities and NaN.
#[derive(Clone, Copy, Debug)]
pub struct Cbrt;

impl Unary for Cbrt {
    const NAME: &'static str = "cbrt";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        let a = x.abs();
        let mut r = start(a);
        // Four terms of the series of (1 - e)^(-1/3): the error's fourth power each time.
        for _ in 0..2 {
            let e = (-a * r).mul_add(r * r, 1.0);
            r = (r * e).mul_add(e.mul_add(e.mul_add(14.0 / 81.0, 2.0 / 9.0), 1.0 / 3.0), r);
        }
        let y = a * r * r;
        // What the cube lacks, exactly, over three times the square.
        let (square, sl) = two_product(y, y);
        let (cube, cl) = two_product(square, y);
        let lacks = (a - cube) - (cl + sl * y);
        let y = lacks.mul_add(r * r * (1.0 / 3.0), y);
        y.copysign(x)
    }

    #[inline(always)]
    fn hard(x: f64) -> bool {
        !(LEAST..GREATEST).contains(&x.abs())
    }

    fn full(x: f64) -> f64 {
        if !Self::hard(x) {
            Self::fast(x)
        } else if x == 0.0 || !x.is_finite() {
            x + x
        } else if x.abs() < 1.0 {
            Self::fast(x * UP) * DOWN
        } else {
            Self::fast(x * 2f64.powi(-30)) * 1024.0
        }
    }

    #[inline(always)]
    fn single(x: f64) -> f64 {
        single::cbrt(x)
    }

    #[inline(always)]
    fn single_hard(x: f64) -> bool {
        !x.is_finite()
    }
}
