//! The error function.
//!
//! Below 1, `x` times a polynomial of `x^2`; above, `1 - e^(-x^2) G(1 / (1 + x))`, where the part taken off is small.

use super::Unary;
use super::dd::{fast_two_sum, poly, select, two_product};
use super::exp::exp_parts;

/// `erf(x) / x - 1` by `x^2`, up to 1: the first two terms, and the others.
const FIRST: [f64; 2] = [0.1283791670955126, -0.3761263890318375];
const SMALL: [f64; 11] = [
    0.11283791670954885,
    -0.026866170645077875,
    0.005223977624828431,
    -0.0008548326981425542,
    0.0001205533113295582,
    -1.4925595772180906e-05,
    1.64610084778027e-06,
    -1.6350396222864617e-07,
    1.466032872274226e-08,
    -1.137495573607015e-09,
    5.960685338520971e-11,
];

/// `erfc(x) e^(x^2)` by `1 / (1 + x) - 5/16`, from 1 to 6; the more precise the smaller `x`.
const LARGE: [f64; 14] = [
    0.2355929636786136,
    0.9397260995543855,
    0.5264396588956578,
    -0.3698009466102226,
    -0.33115732443507045,
    0.5963793866144302,
    -0.02564538950184635,
    -0.9259609937379464,
    1.1600894644123692,
    0.2398359169444085,
    -2.8716025615278657,
    4.605188644864427,
    -3.448758522083318,
    0.8408253836745992,
];

/// The error function. At most 0.9 ulp. Nothing is hard.
#[derive(Clone, Copy, Debug)]
pub struct Erf;

impl Unary for Erf {
    const NAME: &'static str = "erf";

    #[inline(always)]
    fn fast(x: f64) -> f64 {
        let a = x.abs();
        let a = select(a > 6.0, 6.0, a); // 1, to the last bit; a NaN goes through
        let (z, zl) = two_product(a, a);
        // Half of the second term goes off against the first: it is kept in two parts.
        let (c, cl) = fast_two_sum(FIRST[1], z * poly(z, &SMALL));
        let small = a.mul_add(z.mul_add(cl, z.mul_add(c, FIRST[0])), a);
        let large = (-poly(1.0 / (1.0 + a) - 0.3125, &LARGE)).mul_add(exp_parts(-z, -zl), 1.0);
        select(a < 1.0, small, large).copysign(x)
    }

    #[inline(always)]
    fn hard(_: f64) -> bool {
        false
    }

    fn full(x: f64) -> f64 {
        Self::fast(x)
    }
}
