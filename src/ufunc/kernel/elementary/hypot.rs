//! The length of a vector: the root of a sum of squares, corrected by what it lacks, which is computed exactly.

use super::Binary;
use super::dd::{select, two_product};
use super::single;

/// `sqrt(x^2 + y^2)` without overflow or underflow on the way. At most 0.8 ulp (0.51 where nothing is hard). Hard: the greater magnitude beyond
/// `2^500` or below `2^-400` and not zero, or a NaN.
#[derive(Clone, Copy, Debug)]
pub struct Hypot;

const LEAST: f64 = f64::from_bits((1023 - 400) << 52);
const GREATEST: f64 = f64::from_bits((1023 + 500) << 52);

impl Binary for Hypot {
    const NAME: &'static str = "hypot";

    #[inline(always)]
    fn fast(x: f64, y: f64) -> f64 {
        let (x, y) = (x.abs(), y.abs());
        let (a, b) = (select(x > y, x, y), select(x > y, y, x));
        let (aa, al) = two_product(a, a);
        let (bb, bl) = two_product(b, b);
        let h = (aa + bb).sqrt();
        let (hh, hl) = two_product(h, h);
        let lacks = ((aa - hh) + bb) + ((al + bl) - hl);
        h + lacks / select(h == 0.0, 1.0, h + h)
    }

    #[inline(always)]
    fn hard(x: f64, y: f64) -> bool {
        let (x, y) = (x.abs(), y.abs());
        let inside = x <= GREATEST && y <= GREATEST && (x >= LEAST || y >= LEAST);
        !(inside || (x == 0.0 && y == 0.0))
    }

    fn full(x: f64, y: f64) -> f64 {
        if !Self::hard(x, y) {
            return Self::fast(x, y);
        }
        if x.is_infinite() || y.is_infinite() {
            return f64::INFINITY; // whatever the other one is
        }
        if x.is_nan() || y.is_nan() {
            return x + y;
        }
        let (down, up) = if x.abs().max(y.abs()) > 1.0 { (1.0 / SCALE, SCALE) } else { (SCALE, 1.0 / SCALE) };
        Self::fast(x * down, y * down) * up
    }

    #[inline(always)]
    fn single(x: f64, y: f64) -> f64 {
        single::hypot(x, y)
    }

    #[inline(always)]
    fn single_hard(x: f64, y: f64) -> bool {
        !(x.abs() + y.abs()).is_finite()
    }
}

/// Brings magnitudes beyond the bounds into them.
const SCALE: f64 = f64::from_bits((1023 + 700) << 52);
