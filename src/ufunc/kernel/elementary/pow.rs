//! Powers, by `e^(y ln x)` with the logarithm and the product in two parts.

use super::dd::{product, select, two_product};
use super::exp::exp_parts;
use super::log_parts::{ln, split_any};
use super::log_polynomial::{not_positive_normal, split};
use super::single;
use super::{Binary, SIGN, Unary};

/// `(2^k m)^y`, for every `y` but NaN.
#[inline(always)]
fn positive(k: f64, m: f64, y: f64) -> f64 {
    // The logarithm of any number but 1 is at least 2^-53, so that a greater exponent changes nothing.
    let y = select(y > GREATEST, GREATEST, y);
    let y = select(y < -GREATEST, -GREATEST, y);
    let (h, l) = ln(k, m - 1.0, 0.0);
    let (t, e) = two_product(y, h);
    let low = y.mul_add(l, e);
    exp_parts(t, select(t.abs() < 800.0, low, 0.0))
}

const GREATEST: f64 = 36_893_488_147_419_103_232.0;

/// Whether `y` is an integer, and odd.
fn parity(y: f64) -> (bool, bool) {
    if y.abs() >= 9_007_199_254_740_992.0 {
        return (true, false); // an infinity counts as even, C99 has it
    }
    let integer = y as i64;
    let whole = integer as f64 == y;
    (whole, whole && integer & 1 == 1)
}

/// `x^y`. At most 0.8 ulp. Hard: `x` not positive, finite and normal, and `y` NaN.
#[derive(Clone, Copy, Debug)]
pub struct Powf;

impl Binary for Powf {
    const NAME: &'static str = "powf";

    #[inline(always)]
    fn fast(x: f64, y: f64) -> f64 {
        let (k, m) = split(x);
        positive(k, m, y)
    }

    #[inline(always)]
    fn hard(x: f64, y: f64) -> bool {
        not_positive_normal(x) || y.is_nan()
    }

    fn full(x: f64, y: f64) -> f64 {
        if !Self::hard(x, y) {
            return Self::fast(x, y);
        }
        if y == 0.0 || x == 1.0 {
            return 1.0;
        }
        if x.is_nan() || y.is_nan() {
            return x + y;
        }
        let (integer, odd) = parity(y);
        let sign = if odd { x.to_bits() & SIGN } else { 0 };
        let a = x.abs();
        let magnitude = if a == 0.0 || a == f64::INFINITY {
            if (a == 0.0) == (y < 0.0) { f64::INFINITY } else { 0.0 }
        } else if x < 0.0 && !integer {
            return f64::NAN;
        } else {
            let (k, m) = split_any(a);
            positive(k, m, y)
        };
        f64::from_bits(magnitude.to_bits() | sign)
    }

    #[inline(always)]
    fn single(x: f64, y: f64) -> f64 {
        single::powf(x, y)
    }
}

/// `x^n` for an integer `n`: what [`Powf`] gives for the same exponent, but for -1 to 8, which are faster.
///
/// `n = 0, 1, 2, -1` are `1`, `x`, `x * x` and `1 / x`; 3 to 8 are [`SmallPower`]. At most 0.8 ulp, where `std`'s `powi`
/// multiplies rounded products and leaves the precision open.
#[derive(Clone, Copy, Debug)]
pub struct Powi;

impl Powi {
    /// The value for an exponent that [`Powi::full`] does not treat by itself, where `hard` is false. Without branches.
    #[inline(always)]
    pub fn fast(x: f64, n: i32) -> f64 {
        let odd = u64::from(n as u32 & 1) << 63;
        let (k, m) = split(x.abs());
        f64::from_bits(positive(k, m, f64::from(n)).to_bits() | x.to_bits() & odd)
    }

    /// Whether `fast` may be wrong for `x`.
    #[inline(always)]
    pub fn hard(x: f64) -> bool {
        not_positive_normal(x.abs())
    }

    /// The value for every `x` and `n`.
    pub fn full(x: f64, n: i32) -> f64 {
        match n {
            -1 => 1.0 / x,
            0 => 1.0,
            1 => x,
            2 => x * x,
            3 => SmallPower::<3>::full(x),
            4 => SmallPower::<4>::full(x),
            5 => SmallPower::<5>::full(x),
            6 => SmallPower::<6>::full(x),
            7 => SmallPower::<7>::full(x),
            8 => SmallPower::<8>::full(x),
            _ => general(x, n),
        }
    }
}

fn general(x: f64, n: i32) -> f64 {
    if Powi::hard(x) { Powf::full(x, f64::from(n)) } else { Powi::fast(x, n) }
}

/// `x^N` for `3 <= N <= 8`, by products in two parts. At most 0.51 ulp, 0.8 where hard.
/// Hard: where a part could overflow or underflow, zeros included.
#[derive(Clone, Copy, Debug)]
pub struct SmallPower<const N: u32>;

impl<const N: u32> Unary for SmallPower<N> {
    const NAME: &'static str = "powi";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        let square = two_product(x, x);
        let fourth = || product(square, square);
        let (h, l) = match N {
            3 => product(square, (x, 0.0)),
            4 => fourth(),
            5 => product(fourth(), (x, 0.0)),
            6 => product(fourth(), square),
            7 => product(product(fourth(), square), (x, 0.0)),
            8 => product(fourth(), fourth()),
            _ => panic!("an exponent of 3 to 8"),
        };
        h + l
    }

    #[inline(always)]
    fn hard(x: f64) -> bool {
        !(1e-30..1e37).contains(&x.abs())
    }

    fn full(x: f64) -> f64 {
        if Self::hard(x) { general(x, N as i32) } else { Self::fast(x) }
    }
}
