//! The elementary functions against 160-bit arithmetic, and their special values.

use astro_float::{BigFloat, Consts, RoundingMode, Sign};
use distob::ufunc::kernel::elementary::*;

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
    let mut points = given.to_vec();
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

#[test]
fn exp() {
    // The first four: the hardest to round of Lefèvre and Muller's tables; then the ends of the range.
    let worst = [
        f64::from_bits(0xbfdd_4140_5a0b_ae5d),
        7.541298894109e-10,
        1.0054e-5,
        -2.2527e-10,
        709.782712893384,
        -708.3964185322641,
        -745.1332191019411,
        -744.4400719213812,
    ];
    let halves: Vec<f64> = (1..2000).map(|k| (f64::from(k) - 1000.5) * std::f64::consts::LN_2).collect();
    let given = [edges(&worst), edges(&halves)].concat();
    unary::<Exp>(|x, cc| x[0].exp(P, RM, cc), 20_000, &[(-1.0, 1.0), (-700.0, 709.0), (-745.0, -700.0)], &given);
}

#[test]
fn ln() {
    let root = std::f64::consts::SQRT_2;
    let given = edges(&[1.0, root, root / 2.0, 2.0, root * 2.0, 0.5, 5e-308, 1e-310, 1.7e308]);
    unary::<Ln>(|x, cc| x[0].ln(P, RM, cc), 20_000, &[(0.5, 2.0), (0.99, 1.01), (0.0, 1e3)], &given);
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
    for k in 1..3000 {
        given.extend(edges(&[f64::from(k) * std::f64::consts::FRAC_PI_4]));
    }
    given
}

#[test]
fn tanh() {
    let given = edges(&[0.17328679513998632, 0.5198603854199589, 0.8664339756999316, 19.06, 22.0, 1e-8, 5e-324]);
    unary::<Tanh>(|x, cc| x[0].tanh(P, RM, cc), 20_000, &[(-1.0, 1.0), (-25.0, 25.0)], &given);
}

/// The reference of a logarithm to base 2 or 10.
fn log2(x: &[BigFloat], cc: &mut Consts) -> BigFloat {
    x[0].log2(P, RM, cc)
}

#[test]
fn log2_log10() {
    let given = edges(&[1.0, std::f64::consts::SQRT_2, 5e-308, 1e-310, 1.7e308, 1024.0, 1e15]);
    let ranges = [(0.5, 2.0), (0.99, 1.01), (0.0, 1e3)];
    unary::<Log2>(log2, 10_000, &ranges, &given);
    unary::<Log10>(|x, cc| x[0].log10(P, RM, cc), 10_000, &ranges, &given);
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
    unary::<Ln1p>(reference, 10_000, &[(-0.5, 1.0), (-1.0, -0.9), (-1e-3, 1e-3), (0.0, 1e3)], &given);
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
    for _ in 0..10_000 {
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
        for i in 0..1000 {
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
