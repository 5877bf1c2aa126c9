//! The natural logarithm.

use super::Unary;
use super::log_polynomial::{TWO_54, ln_parts, not_positive_normal, split};
use super::{narrow, single};

/// The natural logarithm. At most 0.7 ulp. Hard: what is not positive, finite and normal.
#[derive(Clone, Copy, Debug)]
pub struct Ln;

impl Unary for Ln {
    const NAME: &'static str = "ln";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        let (k, m) = split(x);
        ln_parts(k, m)
    }

    #[inline(always)]
    fn hard(x: f64) -> bool {
        not_positive_normal(x)
    }

    fn full(x: f64) -> f64 {
        if !Self::hard(x) {
            Self::fast(x)
        } else if x == 0.0 {
            f64::NEG_INFINITY
        } else if x < 0.0 {
            f64::NAN
        } else if x < f64::MIN_POSITIVE {
            let (k, m) = split(x * TWO_54);
            ln_parts(k - 54.0, m)
        } else {
            x + x // infinity, or a NaN
        }
    }

    #[inline(always)]
    fn single(x: f64) -> f64 {
        single::ln(x)
    }

    const NARROW: bool = true;

    #[inline(always)]
    fn narrow(x: f32) -> f32 {
        narrow::ln(x)
    }

    #[inline(always)]
    fn narrow_hard(x: f32) -> bool {
        narrow::not_positive_normal(x)
    }
}
