//! The logarithm of a complex number, modulus and angle in two `f64` each, for powers: what the exponent multiplies must be right to
//! more bits than a result has.
//!
//! The modulus: half the logarithm of a sum of squares that is kept in two parts. The angle: the quotient of the smaller coordinate by the
//! greater one, brought below 1/16 by taking out one of nine angles that a table has, then the series.

use super::dd::{fast_two_sum, poly, product, quotient, two_product, two_sum};
use super::log_parts::{ln, split_any};
use super::log_polynomial::{LN2_SHORT, split};
use num_complex::Complex;

/// `atan(k / 8)` in two parts.
const ATAN: [(f64, f64); 9] = [
    (0.0, 0.0),
    (0.12435499454676144, -3.1253241424539383e-18),
    (0.24497866312686414, 1.0698755618734451e-17),
    (0.35877067027057225, -2.4623815582638635e-17),
    (0.4636476090008061, 2.2698777452961687e-17),
    (0.5585993153435624, -5.4556305485916264e-18),
    (0.6435011087932844, 1.5834785051444286e-17),
    (0.7188299996216245, -2.1478388444456983e-17),
    (std::f64::consts::FRAC_PI_4, 3.061616997868383e-17),
];
/// The series of the inverse tangent behind its second term, by the square: `1/5 - z/7 + ...`.
const SERIES: [f64; 8] =
    [1.0 / 5.0, -1.0 / 7.0, 1.0 / 9.0, -1.0 / 11.0, 1.0 / 13.0, -1.0 / 15.0, 1.0 / 17.0, -1.0 / 19.0];
const THIRD: (f64, f64) = (-0.3333333333333333, -1.850371707708594e-17);
const PI: (f64, f64) = (std::f64::consts::PI, 1.2246467991473532e-16);

/// `k` and `m` with `z = 2^k m`, the greater part of `m` between the roots of 1/2 and 2. Of a finite number that is not 0.
pub(in crate::kernel) fn scaled(z: Complex<f64>) -> (i32, Complex<f64>) {
    let (k, _) = split_any(z.re.abs().max(z.im.abs()));
    let power = |n: i32| f64::from_bits(((1023 + n) as u64) << 52);
    let down = -(k as i32);
    let (first, second) = (power(down / 2), power(down - down / 2));
    (k as i32, Complex { re: z.re * first * second, im: z.im * first * second })
}

/// Real and imaginary part of the principal logarithm of a finite number that is not 0, each in two parts right to some 2^-66 of it.
pub(in crate::kernel) fn complex_ln(z: Complex<f64>) -> [(f64, f64); 2] {
    let (k, m) = scaled(z);
    let ((p, pl), (q, ql)) = (two_product(m.re, m.re), two_product(m.im, m.im));
    let (s, sl) = two_sum(p, q);
    let (s, sl) = fast_two_sum(s, sl + (pl + ql));
    let (n, square) = split(s);
    let unscale = f64::from_bits(((1023 - n as i32) as u64) << 52);
    let (h, l) = ln(n, square - 1.0, sl * unscale);
    let k = f64::from(k);
    let (g, gl) = two_sum(k * LN2_SHORT[0], 0.5 * h);
    let modulus = fast_two_sum(g, gl + k.mul_add(LN2_SHORT[1], 0.5 * l));
    [modulus, angle(m.re, m.im)]
}

/// The angle of a point in two parts.
fn angle(x: f64, y: f64) -> (f64, f64) {
    let (a, b) = (x.abs(), y.abs());
    let (small, great) = if b > a { (a, b) } else { (b, a) };
    let (q, ql) = quotient((small, 0.0), (great, 0.0));
    let nth = (8.0 * q).round();
    let c = nth / 8.0;
    // tan(u - v) = (tan u - tan v) / (1 + tan u tan v)
    let (n, nl) = two_sum(q, -c);
    let (d, dl) = two_product(q, c);
    let (d, dm) = fast_two_sum(1.0, d);
    let (t, tl) = quotient((n, nl + ql), (d, dm + ql.mul_add(c, dl)));
    let (t, tl) = fast_two_sum(t, tl);
    let (z, zl) = product((t, tl), (t, tl));
    let (f, fl) = fast_two_sum(THIRD.0, z * poly(z, &SERIES));
    let (v, vl) = product(product((t, tl), (z, zl)), (f, fl + THIRD.1));
    let base = ATAN[nth as usize];
    let (h, l) = two_sum(base.0, t);
    let (h, l) = fast_two_sum(h, l + (base.1 + (tl + (v + vl))));
    let less = |from: (f64, f64), (h, l): (f64, f64)| {
        let (g, gl) = two_sum(from.0, -h);
        fast_two_sum(g, gl + (from.1 - l))
    };
    let (h, l) = if b > a { less((0.5 * PI.0, 0.5 * PI.1), (h, l)) } else { (h, l) };
    let (h, l) = if x.is_sign_negative() { less(PI, (h, l)) } else { (h, l) };
    let sign = 1f64.copysign(y);
    (h * sign, l * sign)
}
