//! The elementary functions' special values, and the `f32` ones against the C library.

use distob::ufunc::kernel::elementary::*;

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
    let step = std::env::var("DISTOB_F32_STEP").map_or(1031, |step| step.parse().expect("DISTOB_F32_STEP: a number"));
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
