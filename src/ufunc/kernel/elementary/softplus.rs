//! Logarithms of sums of two exponentials where they are not small: `m + ln(1 + e^-d)` in few operations, for `f64` and for
//! `f32` alone.
//!
//! With `e = e^-d`, between 0 and 1, and `s = e / (2 + e)`, at most 1/3, `ln(1 + e) = 2 s + s^3 P(s^2)`: no exponent is taken
//! apart. The exponential, the quotient and the last sum are in two parts, the polynomials in one: the error that is left is at most
//! 2^-55 (`f32`: 2^-26), which counts where the sum is small, and there alone.

use super::dd::{apart, fast_two_sum, select, two_sum};

/// Functions of floats of type `$t`, made of these constants and functions in the macro's scope.
macro_rules! functions {
    ($t:ident) => {
        /// `ln(1 + 2^n e^(r + low))` in two parts, `t` being `n + SHIFT`, `n` not positive, `|r| <= ln 2 / 2` and `low` less than an ulp of it.
        #[inline(always)]
        fn softplus(t: $t, r: $t, low: $t) -> ($t, $t) {
            let (h, l) = fast_two_sum(1.0, r);
            let (e, el) = fast_two_sum(h, (r * r).mul_add(poly(r, &EXP), l + low));
            let (e, el) = (e * power(t), el * power(t));
            let u = 2.0 + e;
            let ul = e - (u - 2.0);
            let inverse = 1.0 / u;
            let s = e * inverse;
            let rest = (-s).mul_add(ul + el, (-s).mul_add(u, e) + el);
            (s + s, (s * (s * s)).mul_add(poly(s * s, &ATANH), 2.0 * (rest * inverse)))
        }

        /// Whether a result is so small that the form that is right there too is wanted, or is NaN.
        #[inline(always)]
        pub(in crate::kernel::elementary) fn small(result: $t) -> bool {
            result.abs() < SMALL || result.is_nan()
        }

        /// The greater of two numbers and how much greater it is, in two parts, at most `far`.
        #[inline(always)]
        fn apart_to(x: $t, y: $t, far: $t) -> ($t, $t, $t) {
            let (m, d, dl) = apart(x, y);
            (m, select(d > far, far, d), select(d > far, 0.0, dl))
        }

        /// `ln(e^x + e^y)`, right where [`small`] is false of it.
        #[inline(always)]
        pub(in crate::kernel::elementary) fn logaddexp(x: $t, y: $t) -> $t {
            let (m, d, dl) = apart_to(x, y, FAR);
            let t = (-d).mul_add(LOG2_E[0], SHIFT);
            let n = t - SHIFT;
            let exact = (-n).mul_add(LN2_SHORT[0], -d);
            let r = (-n).mul_add(LN2_SHORT[1], exact);
            let (h, low) = softplus(t, r, (-n).mul_add(LN2_SHORT[1], exact - r) - dl);
            let (s, sl) = two_sum(m, h);
            s + (sl + low)
        }

        /// `log2(2^x + 2^y)`, right where [`small`] is false of it.
        #[inline(always)]
        pub(in crate::kernel::elementary) fn logaddexp2(x: $t, y: $t) -> $t {
            let (m, d, dl) = apart_to(x, y, FAR_2);
            let t = SHIFT - d;
            let f = -d - (t - SHIFT); // exact
            let r = f * LN2[0];
            let (h, l) = softplus(t, r, f.mul_add(LN2[1], f.mul_add(LN2[0], -r) - dl * LN2[0]));
            let p = h * LOG2_E[0];
            let low = h.mul_add(LOG2_E[1], l.mul_add(LOG2_E[0], h.mul_add(LOG2_E[0], -p)));
            // Of equal operands one more, exactly.
            let (p, low) = (select(d == 0.0, 1.0, p), select(d == 0.0, 0.0, low));
            let (s, sl) = two_sum(m, p);
            s + (sl + low)
        }
    };
}

pub(super) mod wide {
    use super::super::dd::{SHIFT, poly, power};
    use super::super::exp::{LN2, Q as EXP};
    use super::super::log_parts::LOG2_E;
    use super::*;

    /// `(ln((1 + s) / (1 - s)) - 2 s) / s^3` by `s^2`, for `0 <= s <= 1/3`.
    const ATANH: [f64; 10] = [
        0.6666666666666631,
        0.40000000000155267,
        0.2857142854809778,
        0.22222223954961695,
        0.18181744430677713,
        0.15386549466234575,
        0.13301106747916258,
        0.12105064697383797,
        0.08344431152960116,
        0.17010788140343086,
    ];

    /// The fused subtraction makes the product with an exponent exact.
    const LN2_SHORT: [f64; 2] = LN2;
    const SMALL: f64 = 0.5;
    const FAR: f64 = 700.0;
    const FAR_2: f64 = 1000.0;

    functions!(f64);
}

pub(super) mod narrow {
    use super::super::narrow::{EXP, LN_2_REST, LN2 as LN2_SHORT, LOG2_E_REST, SHIFT, poly, power};
    use super::*;

    /// As for `f64`.
    const ATANH: [f32; 5] = [0.66666675, 0.3999889, 0.28616607, 0.21430601, 0.24290141];

    const LN2: [f32; 2] = [std::f32::consts::LN_2, LN_2_REST];
    const LOG2_E: [f32; 2] = [std::f32::consts::LOG2_E, LOG2_E_REST];
    const SMALL: f32 = 0.5;
    const FAR: f32 = 80.0;
    const FAR_2: f32 = 120.0;

    functions!(f32);
}
