//! The elementary functions against 160-bit arithmetic.

use astro_float::{BigFloat, Consts, RoundingMode, Sign};
use kernels::kernel::elementary::*;

const P: usize = 160;
const RM: RoundingMode = RoundingMode::ToEven;

/// A reference function, of any number of arguments.
type Reference = fn(&[BigFloat], &mut Consts) -> BigFloat;

fn big(x: f64) -> BigFloat {
    if x == 0.0 || x.abs() >= f64::MIN_POSITIVE {
        return BigFloat::from_f64(x, P);
    }
    // The crate's own conversion of subnormal numbers is wrong in version 0.9.6.
    let mut scaled = BigFloat::from_f64(x * 2f64.powi(100), P);
    scaled.set_exponent(scaled.exponent().expect("finite") - 100);
    scaled
}

/// The number with 64 of its bits, scaled by `2^shift` (no overflow or underflow on the way).
fn scaled(x: &BigFloat, shift: i32) -> f64 {
    let Some((words, _, sign, exponent, _)) = x.as_raw_parts() else { return f64::NAN };
    let Some(top) = words.last().filter(|_| !x.is_zero()) else { return 0.0 };
    let magnitude = *top as f64 * (f64::from(exponent + shift) - 64.0).exp2();
    if sign == Sign::Neg { -magnitude } else { magnitude }
}

/// The error of `got` in units in the last place of `want`, which is neither zero nor NaN.
fn ulps(got: f64, want: &BigFloat) -> f64 {
    let exponent = want.exponent().unwrap_or(i32::MAX); // of an infinity: no exponent
    if exponent > 1024 {
        return if got.is_infinite() && (got > 0.0) == want.is_positive() { 0.0 } else { f64::INFINITY };
    }
    if !got.is_finite() {
        // Rounds to infinity only from 2^1024 - 2^970 on, which is half a unit from the greatest number.
        return if exponent == 1024 && scaled(want, -1024).abs() > 1.0 - 2f64.powi(-54) { 0.5 } else { f64::INFINITY };
    }
    let place = (exponent - 53).max(-1074);
    scaled(&big(got).sub(want, P + 64, RM), -place).abs()
}

/// splitmix64.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// Uniform in `lo..hi`.
    fn within(&mut self, lo: f64, hi: f64) -> f64 {
        lo + (hi - lo) * (self.bits() >> 11) as f64 / 2f64.powi(53)
    }

    /// Any exponent in `lo..hi` alike.
    fn exponents(&mut self, lo: f64, hi: f64) -> f64 {
        let x = f64::from_bits(self.bits() & 0x000f_ffff_ffff_ffff | 0x3ff0_0000_0000_0000);
        let e = self.within(lo, hi).floor();
        x * (e / 2.0).floor().exp2() * (e - (e / 2.0).floor()).exp2()
    }

    /// Any bit pattern.
    fn any(&mut self) -> f64 {
        f64::from_bits(self.bits())
    }
}

/// The worst error that was seen, and where.
struct Worst {
    name: &'static str,
    points: usize,
    ulps: f64,
    at: Vec<f64>,
}

impl Worst {
    fn new(name: &'static str) -> Worst {
        Worst { name, points: 0, ulps: 0.0, at: Vec::new() }
    }

    fn add(&mut self, at: &[f64], got: f64, want: &BigFloat) {
        self.points += 1;
        let error = if want.is_zero() { if got == 0.0 { 0.0 } else { f64::INFINITY } } else { ulps(got, want) };
        if error > self.ulps || error.is_nan() {
            self.ulps = error;
            self.at = at.to_vec();
        }
    }

    fn report(&self) {
        println!("{:6} {:.4} ulp at most, at {:?}, of {} points", self.name, self.ulps, self.at, self.points);
        assert!(self.ulps <= 1.0, "{}: {} ulp at {:?}", self.name, self.ulps, self.at);
    }
}

/// `n` random points of each of `ranges` (uniform, then over all exponents), of any bit pattern, and `given` ones.
fn unary<F: Unary>(reference: Reference, n: usize, ranges: &[(f64, f64)], given: &[f64]) {
    let mut cc = Consts::new().expect("constants");
    let mut random = Random(F::NAME.bytes().fold(7, |h, b| h * 31 + u64::from(b)));
    // Each one's hardest are good points for the others too.
    let mut points = given.to_vec();
    points.extend(WORST.map(f64::from_bits));
    for &(lo, hi) in ranges {
        points.extend((0..n).map(|_| random.within(lo, hi)));
    }
    for _ in 0..n {
        let x = random.exponents(-70.0, 12.0);
        points.push(if random.bits() & 1 == 0 { x } else { -x });
    }
    points.extend((0..n / 2).map(|_| random.any()));
    let mut worst = Worst::new(F::NAME);
    for x in points {
        let got = F::full(x);
        if !F::hard(x) {
            assert_eq!(F::fast(x).to_bits(), got.to_bits(), "{}({x:e}): fast and full differ", F::NAME);
        }
        // Zeros, infinities and NaN are the business of the special values' test.
        if x.is_nan() || x.is_infinite() || x == 0.0 || got.is_nan() {
            continue;
        }
        let want = reference(&[big(x)], &mut cc);
        assert!(!want.is_nan(), "{}({x:e}) = {got:e}, but has no value", F::NAME);
        worst.add(&[x], got, &want);
    }
    worst.report();
}

/// Numbers whose reciprocals, logarithms and so on lie near borders: ends of reduction intervals and of binades.
fn edges(xs: &[f64]) -> Vec<f64> {
    let mut out = Vec::new();
    for &x in xs {
        for d in -3i64..=3 {
            let near = f64::from_bits((x.to_bits() as i64 + d) as u64);
            out.extend([near, -near]);
        }
    }
    out
}

/// Arguments whose results are among the hardest to round (Lefèvre and Muller, "Worst cases for correct rounding of the
/// elementary functions in double precision"): behind the 53 bits and the next one, 53 to 89 more are alike.
const WORST: [u64; 9] = [
    0x3e09_e9cb_bfd6_080b, // exp: 0x1.9e9cbbfd6080bp-31
    0x6a56_2a88_6136_29b6, // ln: 0x1.62a88613629b6p678
    0x3ebe_0000_0000_01c2, // sin: 0x1.e0000000001c2p-20
    0x3e88_0000_0000_0009, // cos: 0x1.8000000000009p-23
    0x3e9d_ffff_ffff_ff1f, // tan: 0x1.dffffffffff1fp-22
    0x3ebd_ffff_ffff_fe3e, // sinh: 0x1.dfffffffffe3ep-20
    0x3e87_ffff_ffff_fff7, // cosh: 0x1.7fffffffffff7p-23
    0x3f5e_4596_526b_f94d, // exp2: 0x1.e4596526bf94dp-10
    0x3ffb_4ebe_40c9_5a01, // log2: 0x1.b4ebe40c95a01p0
];

#[test]
fn exp() {
    // The ends of the range.
    let worst = [709.782712893384, -708.3964185322641, -745.1332191019411, -744.4400719213812];
    let halves: Vec<f64> = (1..200).map(|k| (10.0 * f64::from(k) - 1000.5) * std::f64::consts::LN_2).collect();
    let given = [edges(&worst), edges(&halves)].concat();
    unary::<Exp>(|x, cc| x[0].exp(P, RM, cc), 6000, &[(-1.0, 1.0), (-700.0, 709.0), (-745.0, -700.0)], &given);
}

#[test]
fn ln() {
    let root = std::f64::consts::SQRT_2;
    let given = edges(&[1.0, root, root / 2.0, 2.0, root * 2.0, 0.5, 5e-308, 1e-310, 1.7e308]);
    unary::<Ln>(|x, cc| x[0].ln(P, RM, cc), 6000, &[(0.5, 2.0), (0.99, 1.01), (0.0, 1e3)], &given);
}

#[test]
fn sin() {
    unary::<Sin>(
        |x, cc| x[0].sin(P, RM, cc),
        10_000,
        &[(-0.8, 0.8), (-100.0, 100.0), (-1e9, 1e9), (1e9, 1e20)],
        &angles(),
    );
}

#[test]
fn cos() {
    unary::<Cos>(
        |x, cc| x[0].cos(P, RM, cc),
        10_000,
        &[(-0.8, 0.8), (-100.0, 100.0), (-1e9, 1e9), (1e9, 1e20)],
        &angles(),
    );
}

/// Angles that come nearest to multiples of pi/2 (the first two: nearest of all f64, and of those below 1e6 or so),
/// and multiples and odd halves of it themselves.
fn angles() -> Vec<f64> {
    let mut given = vec![6381956970095103.0 * 2f64.powi(797), 1e22, 1e300, f64::MAX, 2f64.powi(1023), 1_073_741_824.0];
    given.extend(edges(&[1_073_741_824.0]));
    for k in 1..150 {
        given.extend(edges(&[f64::from(k) * std::f64::consts::FRAC_PI_4]));
    }
    given
}

#[test]
fn tanh() {
    let given = edges(&[0.17328679513998632, 0.5198603854199589, 0.8664339756999316, 19.06, 22.0, 1e-8, 5e-324]);
    unary::<Tanh>(|x, cc| x[0].tanh(P, RM, cc), 6000, &[(-1.0, 1.0), (-25.0, 25.0)], &given);
}

/// The reference of a logarithm to base 2 or 10.
fn log2(x: &[BigFloat], cc: &mut Consts) -> BigFloat {
    x[0].log2(P, RM, cc)
}

#[test]
fn log2_log10() {
    let given = edges(&[1.0, std::f64::consts::SQRT_2, 5e-308, 1e-310, 1.7e308, 1024.0, 1e15]);
    let ranges = [(0.5, 2.0), (0.99, 1.01), (0.0, 1e3)];
    unary::<Log2>(log2, 3000, &ranges, &given);
    unary::<Log10>(|x, cc| x[0].log10(P, RM, cc), 3000, &ranges, &given);
    for k in -1074..1024 {
        assert_eq!(Log2::full(f64::from(k).exp2()), f64::from(k));
    }
    for k in 0..23 {
        assert_eq!(Log10::full(10f64.powi(k)), f64::from(k));
    }
}

#[test]
fn ln_1p() {
    let reference: Reference = |x, cc| {
        if x[0].exponent().is_some_and(|e| e < -200) {
            return x[0].clone(); // to 2^-200
        }
        BigFloat::from_word(1, P).add(&x[0], 400, RM).ln(P, RM, cc)
    };
    let given = edges(&[0.41421356237309503, 1e-290, 1e-17, 5e-324, 0.999999999, 1.7e308, 1e16]);
    unary::<Ln1p>(reference, 3000, &[(-0.5, 1.0), (-1.0, -0.9), (-1e-3, 1e-3), (0.0, 1e3)], &given);
}

/// `x^y` for positive `x`. (The crate's own `pow` takes for ever where `y` is great.)
fn power(x: f64, y: f64, cc: &mut Consts) -> BigFloat {
    let p = 256;
    let exponent = big(x).ln(p, RM, cc).mul(&big(y), p, RM);
    exponent.exp(P, RM, cc)
}

#[test]
fn powers() {
    let mut cc = Consts::new().expect("constants");
    let mut random = Random(3);
    let mut worst = Worst::new(Powf::NAME);
    let mut check = |x: f64, y: f64| {
        let got = Powf::full(x, y);
        if !Powf::hard(x, y) {
            assert_eq!(Powf::fast(x, y).to_bits(), got.to_bits(), "{x:e}^{y:e}: fast and full differ");
        }
        worst.add(&[x, y], got, &power(x, y, &mut cc));
    };
    for _ in 0..2500 {
        check(random.within(0.5, 2.0), random.within(-30.0, 30.0));
        check(random.within(0.0, 100.0), random.within(-100.0, 100.0));
        // Results of every size: the logarithm of the result is what is uniform.
        let x = random.exponents(-1074.0, 1023.0);
        check(x, random.within(-745.0, 709.7) / x.ln());
        let x = 1.0 + random.exponents(-40.0, -1.0);
        check(x, random.within(-745.0, 709.7) / x.ln());
    }
    worst.report();

    for n in [-300, -77, -13, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 16, 31, 100, 1000, i32::MAX, i32::MIN] {
        let mut worst = Worst::new("powi");
        for i in 0..300 {
            let limit = 1000.0 / f64::from(n.unsigned_abs());
            let x = if i % 2 == 0 { random.within(-3.0, 3.0) } else { random.within(-limit, limit).exp2() };
            let got = Powi::full(x, n);
            let mut want = power(x.abs(), f64::from(n), &mut cc);
            if x < 0.0 && n % 2 != 0 {
                want.inv_sign();
            }
            worst.add(&[x, f64::from(n)], got, &want);
        }
        worst.report();
    }
}

#[test]
fn tan() {
    let ranges = [(-0.8, 0.8), (-100.0, 100.0), (-1e9, 1e9), (1e9, 1e20)];
    unary::<Tan>(|x, cc| x[0].tan(P, RM, cc), 2000, &ranges, &angles());
}

#[test]
fn exp2_exp_m1() {
    let exp2: Reference = |x, cc| {
        let ln2 = BigFloat::from_word(2, 256).ln(256, RM, cc);
        x[0].mul(&ln2, 256, RM).exp(P, RM, cc)
    };
    let given = edges(&[0.5, 1.5, 1023.9, 1024.0, -1022.0, -1074.9, -1075.0, -1073.5, 1e-300]);
    unary::<Exp2>(exp2, 6000, &[(-1.0, 1.0), (-1000.0, 1024.0), (-1075.0, -1000.0)], &given);
    for k in -1074..1024 {
        assert_eq!(Exp2::full(f64::from(k)), f64::from(k).exp2());
    }
    let exp_m1: Reference = |x, cc| {
        if x[0].exponent().is_some_and(|e| e < -200) {
            return x[0].clone(); // to 2^-200
        }
        x[0].exp(480, RM, cc).sub(&BigFloat::from_word(1, P), 480, RM)
    };
    let given = edges(&[0.34657359027997264, 1.0397207708399179, 36.7, 37.5, 50.0, 708.0, 709.78, 1e-300, 5e-324]);
    unary::<ExpM1>(exp_m1, 4000, &[(-1.0, 1.0), (-40.0, 40.0), (-750.0, 709.7)], &given);
}

#[test]
fn sinh_cosh() {
    let given =
        edges(&[0.34657359027997264, 1.0397207708399179, 22.0, 708.0, 710.4, 710.4758600739439, 1e-300, 5e-324]);
    let ranges = [(-1.0, 1.0), (-40.0, 40.0), (-710.4, 710.4), (708.0, 710.5)];
    let sinh: Reference = |x, cc| {
        if x[0].exponent().is_some_and(|e| e > 12) {
            return if x[0].is_negative() { astro_float::INF_NEG } else { astro_float::INF_POS };
        }
        x[0].sinh(P, RM, cc)
    };
    unary::<Sinh>(sinh, 3000, &ranges, &given);
    unary::<Cosh>(|x, cc| x[0].cosh(P, RM, cc), 3000, &ranges, &given);
}

#[test]
fn asin_acos_atan() {
    let given = edges(&[0.5, 0.999999, 0.41421356237309503, 2.414213562373095, 1.0, 1e20, 1e-300, 5e-324]);
    let inside: Vec<f64> = given.iter().copied().filter(|x| x.abs() <= 1.0).collect();
    let ranges = [(-1.0, 1.0), (-0.51, -0.49), (0.99, 1.0)];
    unary::<Asin>(|x, cc| x[0].asin(P, RM, cc), 4000, &ranges, &inside);
    unary::<Acos>(|x, cc| x[0].acos(P, RM, cc), 4000, &ranges, &inside);
    unary::<Atan>(|x, cc| x[0].atan(P, RM, cc), 4000, &[(-1.0, 1.0), (-5.0, 5.0), (0.0, 1e9)], &given);
}

#[test]
fn erf() {
    // 2 x / sqrt(pi) e^(-x^2) sum (2 x^2)^k / (1 3 5 ... (2k + 1)): all terms positive.
    let reference: Reference = |x, cc| {
        let p = 192;
        if x[0].exponent().is_some_and(|e| e > 3) {
            let one = BigFloat::from_word(1, P);
            return if x[0].is_negative() { one.neg() } else { one };
        }
        let square = x[0].mul(&x[0], p, RM);
        let twice = square.add(&square, p, RM);
        let (mut term, mut sum) = (BigFloat::from_word(1, p), BigFloat::from_word(1, p));
        for k in 1..400u64 {
            term = term.mul(&twice, p, RM).div(&BigFloat::from_word(2 * k + 1, p), p, RM);
            if term.is_zero() || term.exponent() < sum.exponent().map(|e| e - 180) {
                break;
            }
            sum = sum.add(&term, p, RM);
        }
        let scale = square.neg().exp(p, RM, cc).div(&cc.pi(p, RM).sqrt(p, RM), p, RM);
        let half = x[0].mul(&scale, p, RM).mul(&sum, p, RM);
        half.add(&half, P, RM)
    };
    let given = edges(&[1.0, 5.9, 6.0, 1e-300, 5e-324]);
    unary::<Erf>(reference, 4000, &[(-1.0, 1.0), (-6.0, 6.0), (0.99, 1.2)], &given);
}

/// The errors of `f` at random points near each other, of any size, and of sizes near the ends.
fn binary<F: Binary>(reference: Reference) {
    let mut cc = Consts::new().expect("constants");
    let mut random = Random(5);
    let mut worst = Worst::new(F::NAME);
    for i in 0..3000 {
        let (mut x, y) = match i % 4 {
            0 => (random.within(-1.0, 1.0), random.within(-1.0, 1.0)),
            1 => (random.exponents(-30.0, 30.0), random.exponents(-30.0, 30.0)),
            2 => (random.exponents(-1074.0, -960.0), random.exponents(-1074.0, -960.0)),
            _ => (random.exponents(-1074.0, 1023.0), random.exponents(-1074.0, 1023.0)),
        };
        if i % 8 == 2 {
            // At the other end.
            x = random.exponents(970.0, 1023.0);
        }
        if i & 16 != 0 {
            x = -x;
        }
        for (x, y) in [(x, y), (y, x), (-y, x)] {
            let got = F::full(x, y);
            if !F::hard(x, y) {
                assert_eq!(F::fast(x, y).to_bits(), got.to_bits(), "{}({x:e}, {y:e}): fast and full differ", F::NAME);
            }
            worst.add(&[x, y], got, &reference(&[big(x), big(y)], &mut cc));
        }
    }
    worst.report();
}

#[test]
fn atan2_hypot() {
    binary::<Hypot>(|x, _| {
        let squares = x[0].mul(&x[0], 2400, RM).add(&x[1].mul(&x[1], 2400, RM), 240, RM);
        squares.sqrt(P, RM)
    });
    binary::<Atan2>(|x, cc| {
        let angle = x[0].div(&x[1], 240, RM).atan(240, RM, cc);
        if !x[1].is_negative() {
            return angle;
        }
        let pi = cc.pi(240, RM);
        if x[0].is_negative() { angle.sub(&pi, P, RM) } else { angle.add(&pi, P, RM) }
    });
}

/// The errors of the logarithm of a sum of two exponentials: at most a unit in the last place, or 2^-56 where the greater operand and
/// the logarithm cancel.
fn sum_of_exponentials<F: Binary>(base: f64, exp: fn(&BigFloat, &mut Consts) -> BigFloat) {
    let mut cc = Consts::new().expect("constants");
    let mut random = Random(11);
    let mut worst = Worst::new(F::NAME);
    let (mut quick, mut cancelled, mut left) = (0, 0, 0f64);
    for i in 0..24_000 {
        let x = match i % 4 {
            0 => random.within(-2.0, 1.0),
            1 => random.within(-30.0, 30.0),
            2 => random.exponents(-30.0, 6.0) * (i as f64 % 8.0 - 4.0).signum(),
            _ => random.within(-0.75, 0.0),
        };
        let y = match i / 4 % 5 {
            0 => x - random.within(0.0, 1.0),
            1 => x + random.exponents(-50.0, 5.0),
            2 => random.within(-2.0, 1.0),
            3 => x,
            // Where the sum of the two exponentials is near 1.
            _ => (1.0 - base.powf(x)).abs().ln() / base.ln(),
        };
        let got = F::full(x, y);
        let fast = F::quick(x, y);
        if F::QUICK && !F::quick_hard(fast) {
            quick += 1;
            assert_eq!(fast.to_bits(), got.to_bits(), "{}({x:e}, {y:e}): quick and full differ", F::NAME);
        } else if !F::hard(x, y) {
            assert_eq!(F::fast(x, y).to_bits(), got.to_bits(), "{}({x:e}, {y:e}): fast and full differ", F::NAME);
        }
        assert_eq!(got.to_bits(), F::full(y, x).to_bits(), "{}({x:e}, {y:e}): not the same with {y:e} first", F::NAME);
        let sum = exp(&big(x), &mut cc).add(&exp(&big(y), &mut cc), 400, RM);
        let mut want = sum.ln(320, RM, &mut cc);
        if base == 2.0 {
            want = want.div(&BigFloat::from_word(2, 320).ln(320, RM, &mut cc), 320, RM);
        }
        let error = scaled(&big(got).sub(&want, 400, RM), 0).abs();
        if !want.is_zero() && ulps(got, &want) > 1.0 && error < 2f64.powi(-56) {
            cancelled += 1;
            left = left.max(error);
        } else {
            worst.add(&[x, y], got, &want);
        }
    }
    println!("{}: {quick} in few operations, {cancelled} right to 2^{:.1} alone", F::NAME, left.log2());
    assert!(quick > 5000 && cancelled < 5000, "{quick} and {cancelled} of 24000");
    worst.report();
}

#[test]
fn logarithms_of_sums_of_exponentials() {
    sum_of_exponentials::<Logaddexp>(std::f64::consts::E, |x, cc| x.exp(400, RM, cc));
    sum_of_exponentials::<Logaddexp2>(2.0, |x, cc| {
        let ln_2 = BigFloat::from_word(2, 400).ln(400, RM, cc);
        x.mul(&ln_2, 400, RM).exp(400, RM, cc)
    });
}

#[test]
fn asinh_acosh() {
    // astro-float's own lose the digits near 0 and 1: logarithms of what is computed with room to spare.
    const W: usize = 4600;
    let ranges = [(-1.0, 1.0), (-30.0, 30.0)];
    unary::<Asinh>(
        |x, cc| {
            let root = x[0].mul(&x[0], W, RM).add(&BigFloat::from_f64(1.0, W), W, RM).sqrt(W, RM);
            let a = x[0].abs();
            let value = a.add(&root, W, RM).ln(320, RM, cc);
            if x[0].is_negative() { value.neg() } else { value }
        },
        60,
        &ranges,
        &edges(&[1.490_116_119_384_765_6e-8, 1e150, 1.0]),
    );
    unary::<Acosh>(
        |x, cc| {
            let root = x[0].mul(&x[0], W, RM).sub(&BigFloat::from_f64(1.0, W), W, RM).sqrt(W, RM);
            x[0].add(&root, W, RM).ln(320, RM, cc)
        },
        60,
        &[(1.0, 2.0), (1.0, 100.0)],
        &[1.0f64.next_up(), 1.5, 2.0, 1e150, 1e151],
    );
}

#[test]
fn cube_roots() {
    // The cube of what is half a unit to either side encloses the number: no reference needed.
    let mut random = Random(99);
    let mut worst = Worst::new("cbrt");
    for i in 0..20_000 {
        let x = match i % 3 {
            0 => random.within(0.001, 1000.0),
            1 => random.exponents(-1070.0, 1023.0),
            _ => -random.exponents(-300.0, 300.0),
        };
        // By Newton from the result itself, in 320 bits: three steps are far more than enough.
        let (big_x, mut y) = (big(x), big(Cbrt::full(x)));
        for _ in 0..3 {
            let square = y.mul(&y, 320, RM);
            let twice = y.add(&y, 320, RM);
            y = big_x.div(&square, 320, RM).add(&twice, 320, RM).div(&BigFloat::from_f64(3.0, 320), 320, RM);
        }
        if !Cbrt::hard(x) {
            assert_eq!(Cbrt::fast(x).to_bits(), Cbrt::full(x).to_bits(), "{x:e}");
        }
        worst.add(&[x], Cbrt::full(x), &y);
    }
    worst.report();
}
