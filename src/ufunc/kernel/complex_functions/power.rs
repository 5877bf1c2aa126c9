//! Powers of complex numbers.

use super::super::arith::Arith;
use super::super::elementary::{
    Fixed, Scaled, both_parts, complex_ln, fast_two_sum, fixed_ln, multiple_of_ln2, product, quotient, scaled,
    sine_cosine_of, two_product, two_sum,
};
use super::exponential::{exp, polar};
use super::{C, Two, c, ln};

/// Of exponents that are integers, those of magnitude below this are products.
const INTEGERS: f64 = 100.0;
/// Logarithms of results up to this are right in two parts.
const NEAR: f64 = 1024.0;
/// Exponents from this on are too great for fixed-point numbers.
const GREATEST: f64 = 1e70;

/// `a^b`, as NumPy has it: by products for small integers, else `e^(b ln a)`.
pub(in crate::kernel) fn power(a: C, b: C) -> C {
    if b.re == 0.0 && b.im == 0.0 {
        return c(1.0, 0.0);
    }
    if a.re == 0.0 && a.im == 0.0 {
        return if b.re > 0.0 { c(0.0, 0.0) } else { c(f64::NAN, f64::NAN) };
    }
    let integer = (b.im == 0.0 && b.re.trunc() == b.re && b.re.abs() < INTEGERS).then_some(b.re as i32);
    if !(a.re.is_finite() && a.im.is_finite() && b.re.is_finite() && b.im.is_finite()) {
        return not_finite(a, b, integer);
    }
    if let Some(n) = integer {
        return products(a, n);
    }
    if let Some(k) = power_of_two(a) {
        let (x, low) = two_product(b.re, f64::from(k));
        return if b.im == 0.0 {
            c(Scaled::exp2(x, low).times((1.0, 0.0)), b.im * f64::from(k))
        } else {
            polar(Scaled::exp2(x, low), multiple_of_ln2(k, b.im))
        };
    }
    let [l, angle] = complex_ln(a);
    let size = (b.re.abs() + b.im.abs()) * (l.0.abs() + angle.0.abs());
    if size > NEAR && b.re.abs().max(b.im.abs()) < GREATEST {
        return far(a, b, c(l.0, angle.0));
    }
    let (re, im) = (scalar(l, b.re), scalar(angle, b.im));
    let (x, low) = two_sum(re.0, -im.0);
    let modulus = Scaled::exp(x, low + (re.1 - im.1));
    let (re, im) = (scalar(angle, b.re), scalar(l, b.im));
    let (y, low) = two_sum(re.0, im.0);
    let (y, low) = fast_two_sum(y, low + (re.1 + im.1));
    if y == 0.0 {
        return c(modulus.times((1.0, 0.0)), y);
    }
    if !y.is_finite() || !low.is_finite() {
        // An angle of more than 10^308 turns.
        return if x < -1e6 { c(0.0, 0.0) } else { c(f64::NAN, f64::NAN) };
    }
    polar(modulus, sine_cosine_of((y, low)))
}

/// A number in two parts times another one.
fn scalar(a: Two, x: f64) -> Two {
    product(a, (x, 0.0))
}

/// `e^(b ln a)` where that logarithm, of which a first value is here, is so great that the angle needs more than two parts.
#[cold]
fn far(a: C, b: C, first: C) -> C {
    let (k, m) = scaled(a);
    let log = fixed_ln(m);
    let modulus = log.re + Fixed::LN2.times(f64::from(k));
    // Numbers wrap at 2^64, which is no change for an angle that is counted in quadrants.
    let quadrants = |angle: Fixed, x: f64| (angle * Fixed::FRAC_2_PI).times(x);
    let (quadrant, r, low) = (quadrants(log.im, b.re) + quadrants(modulus, b.im)).quadrant();
    // Where the exponent could have wrapped, the first value tells its sign.
    let rough = b.re * first.re - b.im * first.im;
    let (x, rest) = if rough.abs() > 1e15 { (rough, 0.0) } else { (modulus.times(b.re) - log.im.times(b.im)).parts() };
    let (x, rest) = fast_two_sum(x, rest);
    polar(Scaled::exp(x, rest), both_parts((quadrant, r, low), 0))
}

/// The exponent of a positive real power of two.
fn power_of_two(a: C) -> Option<i32> {
    if a.im != 0.0 || a.im.is_sign_negative() || a.re <= 0.0 || a.re == 1.0 {
        return None;
    }
    let (k, m) = scaled(a);
    (m.re == 1.0).then_some(k)
}

/// `a^n` by products in two parts.
fn products(a: C, n: i32) -> C {
    if n == 1 {
        return a;
    }
    // Of a number of moderate size, unless its smaller part would vanish.
    let (k, m) = scaled(a);
    let lost = |part: f64, of: f64| part.abs() < 1e-290 && of != 0.0;
    if lost(m.re, a.re) || lost(m.im, a.im) {
        let result @ [re, im] = product_of(a, n.unsigned_abs());
        if (1e-280..1e300).contains(&(re.0.abs() + im.0.abs())) {
            return of_product(result, n, 0);
        }
    }
    of_product(product_of(m, n.unsigned_abs()), n, k * n)
}

/// The product of `n` equal factors.
fn product_of(a: C, n: u32) -> [Two; 2] {
    let (mut base, mut left, mut result) = ([(a.re, 0.0), (a.im, 0.0)], n, None);
    loop {
        if left & 1 == 1 {
            result = Some(result.map_or(base, |result| times_parts(result, base)));
        }
        left >>= 1;
        if left == 0 {
            return result.unwrap_or([(1.0, 0.0), (0.0, 0.0)]);
        }
        base = times_parts(base, base);
    }
}

/// The product of `|n|` factors, or its reciprocal where `n < 0`, times `2^exponent`.
fn of_product([re, im]: [Two; 2], n: i32, exponent: i32) -> C {
    if n > 0 {
        return c(times_power(re.0 + re.1, exponent), times_power(im.0 + im.1, exponent));
    }
    // The conjugate over the square of the modulus, of a number of moderate size.
    let (k, m) = scaled(c(re.0, im.0));
    let (re, im) = ((m.re, times_power(re.1, -k)), (m.im, times_power(im.1, -k)));
    let ((p, pl), (q, ql)) = (product(re, re), product(im, im));
    let (s, sl) = two_sum(p, q);
    let over = |part: Two| {
        let (q, ql) = quotient(part, (s, sl + (pl + ql)));
        times_power(q + ql, exponent - k)
    };
    c(over(re), -over(im))
}

/// `x 2^n`.
fn times_power(mut x: f64, n: i32) -> f64 {
    let mut left = n.clamp(-4000, 4000);
    while left != 0 {
        let step = left.clamp(-1000, 1000);
        x *= f64::from_bits(((1023 + step) as u64) << 52);
        left -= step;
    }
    x
}

fn times_parts([a, b]: [Two; 2], [p, q]: [Two; 2]) -> [Two; 2] {
    let sum = |(x, xl): Two, (y, yl): Two| {
        let (s, sl) = two_sum(x, y);
        fast_two_sum(s, sl + (xl + yl))
    };
    let ((bq, bql), (bp, bpl)) = (product(b, q), product(b, p));
    [sum(product(a, p), (-bq, -bql)), sum(product(a, q), (bp, bpl))]
}

/// Where an operand is infinite or NaN: NumPy's formulas.
fn not_finite(a: C, b: C, integer: Option<i32>) -> C {
    let Some(n) = integer else {
        let l = ln(a);
        return exp(times(b, l));
    };
    let (mut base, mut left, mut result) = (a, n.unsigned_abs(), None);
    while left != 0 {
        if left & 1 == 1 {
            result = Some(result.map_or(base, |result: C| times(result, base)));
        }
        base = times(base, base);
        left >>= 1;
    }
    let result = result.unwrap_or(c(1.0, 0.0));
    if n < 0 { Arith::div(c(1.0, 0.0), result) } else { result }
}

/// The product, by its formula.
fn times(a: C, b: C) -> C {
    c(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re)
}
