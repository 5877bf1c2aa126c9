//! The elementary functions' special values, and the `f32` ones against the C library.

use kernels::kernel::elementary::*;

/// What C99 Annex F (F.9 and F.10) prescribes, zeros with their sign. NaN stands for any NaN.
#[test]
fn special_values() {
    const INF: f64 = f64::INFINITY;
    const NAN: f64 = f64::NAN;
    fn same(got: f64, want: f64) -> bool {
        got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan())
    }
    fn check<F: Unary>(table: &[(f64, f64)]) {
        for &(x, want) in table.iter().chain(&[(NAN, NAN), (-NAN, NAN)]) {
            let got = F::full(x);
            assert!(same(got, want), "{}({x:?}) = {got:?}, not {want:?}", F::NAME);
            if !F::hard(x) {
                assert!(same(F::fast(x), want), "{}({x:?}) = {:?} if fast, not {want:?}", F::NAME, F::fast(x));
            }
        }
    }
    let odd = [(0.0, 0.0), (-0.0, -0.0), (5e-324, 5e-324), (-5e-324, -5e-324), (1e-310, 1e-310)];
    let with = |more: &[(f64, f64)]| [&odd[..], more].concat();
    let tiny_is_one = [(0.0, 1.0), (-0.0, 1.0), (5e-324, 1.0), (-1e-310, 1.0)];
    let one = |more: &[(f64, f64)]| [&tiny_is_one[..], more].concat();

    check::<Exp>(&one(&[(INF, INF), (-INF, 0.0), (1e300, INF), (-1e300, 0.0), (-745.2, 0.0), (709.79, INF)]));
    check::<Exp2>(&one(&[(INF, INF), (-INF, 0.0), (1024.0, INF), (-1076.0, 0.0), (-1074.0, 5e-324), (3.0, 8.0)]));
    check::<ExpM1>(&with(&[(INF, INF), (-INF, -1.0), (1e300, INF), (-1e300, -1.0), (-60.0, -1.0)]));
    let logarithm = [(0.0, -INF), (-0.0, -INF), (1.0, 0.0), (-1.0, NAN), (-5e-324, NAN), (-INF, NAN), (INF, INF)];
    check::<Ln>(&logarithm);
    check::<Log2>(&logarithm);
    check::<Log10>(&logarithm);
    check::<Ln1p>(&with(&[(-1.0, -INF), (-1.5, NAN), (-INF, NAN), (INF, INF)]));
    check::<Sin>(&with(&[(INF, NAN), (-INF, NAN)]));
    check::<Cos>(&one(&[(INF, NAN), (-INF, NAN)]));
    check::<Tan>(&with(&[(INF, NAN), (-INF, NAN)]));
    check::<Sinh>(&with(&[(INF, INF), (-INF, -INF), (1e300, INF), (711.0, INF), (-711.0, -INF)]));
    check::<Cosh>(&one(&[(INF, INF), (-INF, INF), (1e300, INF), (-711.0, INF)]));
    check::<Tanh>(&with(&[(INF, 1.0), (-INF, -1.0), (1e300, 1.0), (-20.0, -1.0)]));
    let quarter = std::f64::consts::FRAC_PI_2;
    check::<Asin>(&with(&[(1.0, quarter), (-1.0, -quarter), (1.1, NAN), (-INF, NAN), (INF, NAN)]));
    check::<Acos>(&[(1.0, 0.0), (-1.0, 2.0 * quarter), (0.0, quarter), (1.1, NAN), (-1.1, NAN), (INF, NAN)]);
    check::<Atan>(&with(&[(INF, quarter), (-INF, -quarter), (1e300, quarter), (1.0, quarter / 2.0)]));
    check::<Erf>(&[(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (7.0, 1.0), (-1e300, -1.0)]);

    let check2 = |name: &str, full: fn(f64, f64) -> f64, table: &[(f64, f64, f64)]| {
        for &(x, y, want) in table {
            let got = full(x, y);
            assert!(same(got, want), "{name}({x:?}, {y:?}) = {got:?}, not {want:?}");
        }
    };
    check2(
        "powf",
        Powf::full,
        &[
            (0.0, -3.0, INF),
            (-0.0, -3.0, -INF),
            (0.0, -2.5, INF),
            (-0.0, -2.0, INF),
            (-0.0, -INF, INF),
            (0.0, 3.0, 0.0),
            (-0.0, 3.0, -0.0),
            (-0.0, 2.5, 0.0),
            (-0.0, 4.0, 0.0),
            (-0.0, INF, 0.0),
            (-1.0, INF, 1.0),
            (-1.0, -INF, 1.0),
            (1.0, NAN, 1.0),
            (1.0, INF, 1.0),
            (NAN, 0.0, 1.0),
            (NAN, -0.0, 1.0),
            (INF, 0.0, 1.0),
            (NAN, 1.0, NAN),
            (2.0, NAN, NAN),
            (-2.0, 0.5, NAN),
            (-INF, 0.5, INF),
            (0.5, -INF, INF),
            (-0.5, -INF, INF),
            (2.0, -INF, 0.0),
            (0.5, INF, 0.0),
            (-2.0, INF, INF),
            (-INF, -3.0, -0.0),
            (-INF, -2.0, 0.0),
            (-INF, 3.0, -INF),
            (-INF, 2.0, INF),
            (INF, -1.0, 0.0),
            (INF, 1.0, INF),
            (-2.0, 3.0, -8.0),
            (2.0, 10.0, 1024.0),
            (2.0, -1074.0, 5e-324),
            (2.0, 1024.0, INF),
            (10.0, 22.0, 1e22),
            (2.0, 1e300, INF),
            (2.0, -1e300, 0.0),
            (0.9, 1e300, 0.0),
            (5e-324, 0.5, f64::from_bits(486 << 52)),
            (-3.0, 9007199254740993.0, INF),
        ],
    );
    let pi = 2.0 * quarter;
    check2(
        "atan2",
        Atan2::full,
        &[
            (0.0, -0.0, pi),
            (-0.0, -0.0, -pi),
            (0.0, 0.0, 0.0),
            (-0.0, 0.0, -0.0),
            (0.0, -1.0, pi),
            (-0.0, -1.0, -pi),
            (0.0, 1.0, 0.0),
            (-0.0, 1.0, -0.0),
            (-1.0, 0.0, -quarter),
            (1.0, -0.0, quarter),
            (1.0, -INF, pi),
            (-1.0, -INF, -pi),
            (1.0, INF, 0.0),
            (-1.0, INF, -0.0),
            (INF, 1.0, quarter),
            (-INF, -1.0, -quarter),
            (INF, -INF, 0.75 * pi),
            (-INF, INF, -0.25 * pi),
            (INF, INF, 0.25 * pi),
            (NAN, 1.0, NAN),
            (1.0, NAN, NAN),
            (5e-324, 1e300, 0.0),
            (1e300, 5e-324, quarter),
            (5e-324, 5e-324, quarter / 2.0),
            (1e308, -1e308, 0.75 * pi),
            (0.0, 5e-324, 0.0),
            (5e-324, 0.0, quarter),
            (0.0, -INF, pi),
            (INF, 0.0, quarter),
            (5e-324, 1.0, 5e-324),
        ],
    );
    check2(
        "hypot",
        Hypot::full,
        &[
            (INF, NAN, INF),
            (NAN, -INF, INF),
            (NAN, 1.0, NAN),
            (0.0, NAN, NAN),
            (0.0, -0.0, 0.0),
            (-3.0, 4.0, 5.0),
            (-0.0, -2.0, 2.0),
            (5e-324, 0.0, 5e-324),
            (1e308, 1e308, 2f64.sqrt() * 1e308),
            (f64::MAX, f64::MAX, INF),
        ],
    );
    for n in [-3, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 100, 101] {
        for x in [0.0, -0.0, INF, -INF, NAN, 1.0, -1.0, 1e300, -1e300, 1e-300, -1e-300, 5e-324, -5e-324] {
            let (got, want) = (Powi::full(x, n), Powf::full(x, f64::from(n)));
            // Both within a unit of the exact value, but not by the same computation.
            let near = got.is_normal() && got.to_bits().abs_diff(want.to_bits()) <= 1;
            assert!(same(got, want) || near, "powi({x:?}, {n}) = {got:?}, not {want:?}");
        }
    }
}

/// A function of the C library, an oracle independent of ours.
type Library = fn(f64) -> f64;

/// `f32` against the C library's `f64` functions. Within a few units of an `f64` of it, ours rounds to the `f32`
/// nearest to the exact value, or else that is within 2^-28 of a unit of the middle.
///
/// One in `DISTOB_F32_STEP` of the 2^32, 1031 unless told: 1 is all of them (best optimised, and for a processor that has a
/// fused multiply-add: `RUSTFLAGS="-C target-cpu=native"`, `--release`).
#[test]
fn every_f32() {
    fn sweep<F: Unary>(oracle: Library, step: u64) {
        let bits = |x: f64| {
            let b = x.to_bits() as i64;
            if b < 0 { i64::MIN - b } else { b }
        };
        let specials = [0u32, 1, 0x007f_ffff, 0x0080_0000, 0x3f80_0000, 0x7f7f_ffff, 0x7f80_0000, 0x7fc0_0000];
        let specials = specials.into_iter().flat_map(|b| [b, b | 1 << 31]);
        let (mut apart, mut differ, mut points) = (0, 0u64, 0u64);
        for b in (0..1 << 32).step_by(step as usize).map(|b: u64| b as u32).chain(specials) {
            let x = f32::from_bits(b);
            let wide = f64::from(x);
            let (got, want) = (if F::hard(wide) { F::full(wide) } else { F::fast(wide) }, oracle(wide));
            points += 1;
            if want.is_nan() || got.is_nan() {
                assert!(want.is_nan() && got.is_nan(), "{}({x:e}f32) = {got:e}, not {want:e}", F::NAME);
                continue;
            }
            let distance = (bits(got) - bits(want)).abs();
            assert!(distance <= 4, "{}({x:e}f32) = {got:e}, {distance} ulp from {want:e}", F::NAME);
            apart = apart.max(distance);
            differ += u64::from((got as f32).to_bits() != (want as f32).to_bits());
        }
        println!("{:6} f32: {points} points, {differ} differ, f64 {apart} ulp apart at most", F::NAME);
        assert!(differ * 1_000_000 <= points, "{}: {differ} of {points} f32 differ", F::NAME);
    }
    // SAFETY: C99's `double erf(double)`, which every value may be given to.
    unsafe extern "C" {
        safe fn erf(x: f64) -> f64;
    }
    let sweeps: [fn(u64); 17] = [
        |n| sweep::<Exp>(f64::exp, n),
        |n| sweep::<Exp2>(f64::exp2, n),
        |n| sweep::<ExpM1>(f64::exp_m1, n),
        |n| sweep::<Ln>(f64::ln, n),
        |n| sweep::<Ln1p>(f64::ln_1p, n),
        |n| sweep::<Log2>(f64::log2, n),
        |n| sweep::<Log10>(f64::log10, n),
        |n| sweep::<Sin>(f64::sin, n),
        |n| sweep::<Cos>(f64::cos, n),
        |n| sweep::<Tan>(f64::tan, n),
        |n| sweep::<Sinh>(f64::sinh, n),
        |n| sweep::<Cosh>(f64::cosh, n),
        |n| sweep::<Tanh>(f64::tanh, n),
        |n| sweep::<Asin>(f64::asin, n),
        |n| sweep::<Acos>(f64::acos, n),
        |n| sweep::<Atan>(f64::atan, n),
        |n| sweep::<Erf>(|x| erf(x), n),
    ];
    run_all(&sweeps);
}

/// Runs sweeps through the `f32`, one in `DISTOB_F32_STEP` of them, on all cores.
fn run_all(sweeps: &[fn(u64)]) {
    let step = std::env::var("DISTOB_F32_STEP").map_or(1031, |step| step.parse().expect("DISTOB_F32_STEP: a number"));
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(run) = sweeps.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    run(step);
                }
            });
        }
    });
}

/// Half a unit in the last place of the `f32` that `x` is rounded to, and no less than of the subnormal ones.
fn half_unit(x: f64) -> f64 {
    let exponent = ((x.to_bits() >> 52 & 0x7ff) as i32 - 1023).max(-126);
    2f64.powi(exponent - 24)
}

/// Whether `got` is `want`, rounded with less than `most` units in the last place, and the distance in those.
fn rounded_well(got: f32, want: f64, most: f64) -> (bool, f64) {
    let got = f64::from(got);
    if want.is_nan() || got.is_nan() {
        return (want.is_nan() && got.is_nan(), 0.0);
    }
    // From half a unit beyond the greatest on the nearest is infinite.
    let (greatest, unit) = (f64::from(f32::MAX), 2.0 * half_unit(f64::from(f32::MAX)));
    if got.is_infinite() {
        return (want.abs() > greatest + 0.45 * unit && same_sign(got, want), 0.0);
    }
    if want.abs() > greatest + 0.55 * unit {
        return (false, f64::INFINITY);
    }
    let distance = (got - want).abs() / half_unit(want.abs().min(greatest)) / 2.0;
    (distance < most && (got != 0.0 || want.abs() < half_unit(0.0) * 1.1) && same_sign(got, want), distance)
}

fn same_sign(a: f64, b: f64) -> bool {
    a.is_sign_negative() == b.is_sign_negative()
}

/// The functions of an `f32` against those of an `f64`, which other tests measure: within 0.57 units in the last place, 0.95 where
/// they have a form in `f32` alone. Steps as [`every_f32`].
#[test]
fn functions_of_an_f32_are_within_a_unit() {
    fn sweep<F: Unary>(step: u64) {
        let specials =
            [0u32, 1, 0x007f_ffff, 0x0080_0000, 0x3f80_0000, 0x3f80_0001, 0x7f7f_ffff, 0x7f80_0000, 0x7fc0_0000];
        let specials = specials.into_iter().flat_map(|b| [b, b | 1 << 31]);
        let (mut worst, mut at) = (0.0, 0.0);
        for b in (0..1 << 32).step_by(step as usize).map(|b: u64| b as u32).chain(specials) {
            let x = f32::from_bits(b);
            let (got, want) = (F::full_f32(x), F::full(f64::from(x)));
            let (well, distance) = rounded_well(got, want, if F::NARROW { 0.95 } else { 0.57 });
            assert!(well, "{}({x:e}f32) = {got:e}, {distance} units from {want:e}", F::NAME);
            if distance > worst {
                (worst, at) = (distance, x);
            }
        }
        println!("{:6} f32: at most {worst:.4} units, at {at:e}", F::NAME);
    }
    let sweeps: [fn(u64); 20] = [
        sweep::<Exp>,
        sweep::<Exp2>,
        sweep::<ExpM1>,
        sweep::<Ln>,
        sweep::<Ln1p>,
        sweep::<Log2>,
        sweep::<Log10>,
        sweep::<Sin>,
        sweep::<Cos>,
        sweep::<Tan>,
        sweep::<Sinh>,
        sweep::<Cosh>,
        sweep::<Tanh>,
        sweep::<Asin>,
        sweep::<Acos>,
        sweep::<Atan>,
        sweep::<Asinh>,
        sweep::<Acosh>,
        sweep::<Atanh>,
        sweep::<Cbrt>,
    ];
    run_all(&sweeps);
}

/// The same for functions of two: 0.95 where they have a form of few operations.
#[test]
fn functions_of_two_f32_are_within_a_unit() {
    fn check<F: Binary>(points: usize, cancels: bool) {
        let specials = [
            0.0f32,
            1.0,
            1e-45,
            f32::MIN_POSITIVE,
            f32::MAX,
            f32::INFINITY,
            f32::NAN,
            0.5,
            2.0,
            3.0,
            std::f32::consts::LN_2,
        ];
        let specials: Vec<f32> = specials.into_iter().flat_map(|x| [x, -x]).collect();
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let mut bits = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 32) as u32
        };
        let mut any = move || match bits() % 4 {
            0 => f32::from_bits(bits()),
            1 => bits() as f32 / u32::MAX as f32 * 4.0 - 2.0,
            2 => bits() as f32 / u32::MAX as f32 * 200.0 - 100.0,
            _ => f32::from_bits(bits() & 0x87ff_ffff | 0x3800_0000),
        };
        let random = (0..points).map(|_| (any(), any()));
        let pairs = specials.iter().flat_map(|&x| specials.iter().map(move |&y| (x, y)));
        let mut worst = 0f64;
        for (x, y) in pairs.chain(random) {
            let (got, want) = (F::full_f32(x, y), F::full(f64::from(x), f64::from(y)));
            let (well, distance) = rounded_well(got, want, if F::QUICK { 0.95 } else { 0.57 });
            // Where the two parts of a sum cancel, what is left of it is right to 2^-50 of them.
            let left = cancels && (f64::from(got) - want).abs() <= 2f64.powi(-50) + half_unit(want) * 1.1;
            assert!(well || left, "{}({x:e}f32, {y:e}f32) = {got:e}, {distance} units from {want:e}", F::NAME);
            worst = worst.max(if well { distance } else { 0.0 });
        }
        println!("{:10} f32: at most {worst:.4} units", F::NAME);
    }
    check::<Powf>(300_000, false);
    check::<Atan2>(300_000, false);
    check::<Hypot>(300_000, false);
    check::<Logaddexp>(300_000, true);
    check::<Logaddexp2>(300_000, true);
}
