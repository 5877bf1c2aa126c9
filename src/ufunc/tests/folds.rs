//! Folds: against plain loops, and the same bits for every layout, instruction set and order of chunks.

use super::*;
use crate::small::fold_slice;

const SHAPES: [(&[usize], &[usize]); 22] = [
    (&[10], &[0]),
    (&[1], &[0]),
    (&[], &[]),
    (&[5000], &[0]),
    (&[70_001], &[0]),
    (&[300, 200], &[0, 1]),
    (&[300, 200], &[0]),
    (&[300, 200], &[1]),
    (&[200, 1000], &[0]),
    (&[7, 5000], &[1]),
    (&[9, 5000], &[0]),
    (&[900, 3], &[0]),
    (&[900, 3], &[1]),
    (&[2, 100_000], &[1]),
    (&[31, 24, 33, 7], &[0]),
    (&[31, 24, 33, 7], &[1]),
    (&[31, 24, 33, 7], &[0, 2]),
    (&[31, 24, 33, 7], &[1, 3]),
    (&[31, 24, 33, 7], &[3]),
    (&[31, 24, 33, 7], &[0, 1, 2]),
    (&[4, 1, 70], &[1]),
    (&[3, 4], &[]),
];

/// Runs a fold of one input and gives the bytes of its results.
fn fold<T: Sample>(view: &ArrayViewD<'_, T>, how: Fold, axes: &[usize], random: &mut Random) -> Vec<Vec<u8>> {
    let program = identity(T::DTYPE.unwrap());
    let plan = Plan::fold(program, view.shape(), &[layout(view)], how, axes).unwrap();
    run(&plan, &[view.as_ptr().cast()], random)
}

/// The values of each cell, in logical order.
fn cells<T: Copy>(values: &ArrayD<T>, axes: &[usize]) -> Vec<Vec<T>> {
    let kept: Vec<usize> = (0..values.ndim()).filter(|axis| !axes.contains(axis)).collect();
    let lengths: Vec<usize> = kept.iter().map(|&axis| values.shape()[axis]).collect();
    let mut cells = vec![Vec::new(); lengths.iter().product()];
    for (index, &value) in values.indexed_iter() {
        let cell = kept.iter().zip(&lengths).fold(0, |at, (&axis, &length)| at * length + index[axis]);
        cells[cell].push(value);
    }
    cells
}

fn case<T: Sample, R: Sample>(
    how: Fold,
    values: impl Fn(&mut Random, usize) -> Vec<T>,
    check: impl Fn(&[T], R) -> bool,
) {
    let mut random = Random(17);
    for (shape, axes) in SHAPES {
        let all = ArrayD::from_shape_vec(IxDyn(shape), values(&mut random, shape.iter().product())).unwrap();
        let cells = cells(&all, axes);
        let mut first: Option<Vec<Vec<u8>>> = None;
        for (name, held) in layouts(&all) {
            each_isa(|isa| {
                let got = fold(&held.view(), how, axes, &mut random);
                let results = cast::<R>(&got[0]);
                assert_eq!(results.len(), cells.len());
                for (cell, &result) in cells.iter().zip(&results) {
                    assert!(check(cell, result), "{how:?} of {shape:?} along {axes:?}, {name}, {isa:?}: {result:?}");
                }
                match &first {
                    Some(first) => assert!(*first == got, "bits: {how:?} of {shape:?} along {axes:?}, {name}, {isa:?}"),
                    None => first = Some(got),
                }
            });
        }
        if axes.len() == shape.len() && how != Fold::Moments {
            let flat: Vec<T> = all.iter().copied().collect();
            let small: R = fold_slice(how, &flat).unwrap();
            assert_eq!(small.bits(), cast::<R>(&first.unwrap()[0])[0].bits(), "{how:?} of a slice of {}", flat.len());
        }
    }
}

fn plain_f64(random: &mut Random, n: usize) -> Vec<f64> {
    (0..n).map(|_| random.next() as f64 / 1.0e18 + 3.0).collect()
}

fn plain_f32(random: &mut Random, n: usize) -> Vec<f32> {
    plain_f64(random, n).into_iter().map(|x| x as f32).collect()
}

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance * b.abs().max(1e-300)
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

fn squares(x: &[f64]) -> f64 {
    let mean = mean(x);
    x.iter().map(|x| (x - mean) * (x - mean)).sum()
}

#[test]
fn sums_and_means_of_floats() {
    case::<f64, f64>(Fold::Sum, plain_f64, |x, got| near(got, x.iter().sum(), 1e-13));
    case::<f64, f64>(Fold::Mean, plain_f64, |x, got| near(got, mean(x), 1e-13));
    let wide = |x: &[f32]| x.iter().map(|&x| x as f64).collect::<Vec<f64>>();
    case::<f32, f32>(Fold::Sum, plain_f32, |x, got| near(got as f64, wide(x).iter().sum(), 1e-7));
    case::<f32, f32>(Fold::Mean, plain_f32, |x, got| near(got as f64, mean(&wide(x)), 1e-7));
}

#[test]
fn products() {
    let near_one = |random: &mut Random, n: usize| {
        (0..n).map(|_| 1.0 + (random.next() as f64 / 1.9e19 - 0.5) / 100.0).collect::<Vec<f64>>()
    };
    case::<f64, f64>(Fold::Product, near_one, |x, got| near(got, x.iter().product(), 1e-10));
    case::<i32, i32>(Fold::Product, samples, |x, got| got == x.iter().fold(1, |a: i32, &b| a.wrapping_mul(b)));
}

#[test]
fn integers_and_booleans() {
    case::<i8, i8>(Fold::Sum, samples, |x, got| got == x.iter().fold(0i8, |a, &b| a.wrapping_add(b)));
    case::<u64, u64>(Fold::Sum, samples, |x, got| got == x.iter().fold(0u64, |a, &b| a.wrapping_add(b)));
    case::<bool, u64>(Fold::Sum, samples, |x, got| got == x.iter().filter(|x| **x).count() as u64);
    let mostly =
        |value: bool| move |random: &mut Random, n: usize| (0..n).map(|_| value ^ (random.below(200) == 0)).collect();
    case::<bool, bool>(Fold::Any, mostly(false), |x, got| got == x.contains(&true));
    case::<bool, bool>(Fold::All, mostly(true), |x, got| got != x.contains(&false));
}

/// Means of integers are the exact sum over the count, cut towards zero.
#[test]
fn means_of_integers() {
    macro_rules! means {
        ($($t:ident)*) => {$(
            let exact = |x: &[$t], got| i128::from(got) == x.iter().map(|&x| i128::from(x)).sum::<i128>() / x.len() as i128;
            case::<$t, $t>(Fold::Mean, samples, exact);
            case::<$t, $t>(Fold::Mean, |_, n| vec![$t::MAX; n], |_, got| got == $t::MAX);
            case::<$t, $t>(Fold::Mean, |_, n| vec![$t::MIN; n], |_, got| got == $t::MIN);
        )*};
    }
    means!(u8 u16 u32 u64 i8 i16 i32 i64);
}

/// A value that comes before the first one of each cell has the bits of that value joined to it.
#[test]
fn folds_that_begin_with_a_value() {
    let mut random = Random(23);
    for (shape, axes) in SHAPES {
        let kept: Vec<usize> = (0..shape.len()).filter(|axis| !axes.contains(axis)).collect();
        let n = shape.iter().product();
        let all = ArrayD::from_shape_vec(IxDyn(shape), plain_f64(&mut random, n)).unwrap();
        let words = ArrayD::from_shape_vec(IxDyn(shape), samples::<u16>(&mut random, n)).unwrap();
        // The first element of each cell joined to the value, in an array that is then folded without one.
        let first = |index: &IxDyn| (0..shape.len()).all(|axis| kept.contains(&axis) || index[axis] == 0);
        let mut added = all.clone();
        let mut multiplied = words.clone();
        added.indexed_iter_mut().filter(|(index, _)| first(index)).for_each(|(_, x)| *x += 1e17);
        multiplied.indexed_iter_mut().filter(|(index, _)| first(index)).for_each(|(_, x)| *x = x.wrapping_mul(77));
        let (from, times) = (1e17f64.scalar().unwrap(), 77u16.scalar().unwrap());
        each_isa(|isa| {
            let got = fold(&all.view(), Fold::SumFrom { initial: from }, axes, &mut random);
            assert!(got == fold(&added.view(), Fold::Sum, axes, &mut random), "{shape:?} {axes:?} {isa:?}");
            let got = fold(&words.view(), Fold::ProductFrom { initial: times }, axes, &mut random);
            assert!(got == fold(&multiplied.view(), Fold::Product, axes, &mut random), "{shape:?} {axes:?} {isa:?}");
        });
    }
    // Nothing but the value; of another type than the result it is refused.
    assert_eq!(fold_slice::<f64, f64>(Fold::SumFrom { initial: 2.5f64.scalar().unwrap() }, &[]).unwrap(), 2.5);
    assert!(fold_slice::<f64, f64>(Fold::SumFrom { initial: 2.5f32.scalar().unwrap() }, &[1.0]).is_err());
    // 1 + 2^-24 is 1 in `f32`, half-way to the next number; what is added to it last tells whether it was rounded before.
    let tiny = 2.0f32.powi(-24);
    let sum: f32 = fold_slice(Fold::SumFrom { initial: 1.0f32.scalar().unwrap() }, &[tiny, tiny / 64.0]).unwrap();
    assert_eq!(sum, 1.0 + f32::EPSILON);
}

#[test]
fn complex_sums() {
    type C = Complex<f32>;
    case::<C, C>(Fold::Sum, samples, |x, got| {
        let re: f64 = x.iter().map(|z| z.re as f64).sum();
        let scale: f64 = x.iter().map(|z| z.re.abs() as f64).sum();
        (got.re as f64 - re).abs() <= 1e-6 * scale
    });
}

#[test]
fn variances() {
    case::<f64, f64>(Fold::Var { ddof: 0.0 }, plain_f64, |x, got| {
        near(got, squares(x) / x.len() as f64, 1e-11) || got.abs() < 1e-25
    });
    case::<f64, f64>(Fold::Std { ddof: 1.0 }, plain_f64, |x, got| {
        let want = (squares(x) / (x.len() as f64 - 1.0)).sqrt();
        near(got, want, 1e-11) || (want.is_nan() && got.is_nan()) || got.abs() < 1e-12
    });
    case::<f32, f32>(Fold::Std { ddof: 0.0 }, plain_f32, |x, got| {
        let x: Vec<f64> = x.iter().map(|&x| x as f64).collect();
        near(got as f64, (squares(&x) / x.len() as f64).sqrt(), 1e-6) || got.abs() < 1e-12
    });
}

/// Whatever the value and the count, and however the sum is rounded.
#[test]
fn equal_values_have_no_variance() {
    for value in [0.1, 100.1, -1e300, 5e-324, 1.0 / 3.0] {
        case::<f64, f64>(Fold::Var { ddof: 0.0 }, |_, n| vec![value; n], |_, got| got == 0.0);
        let single = (value as f32).max(f32::MIN);
        case::<f32, f32>(Fold::Std { ddof: 0.0 }, |_, n| vec![single; n], |_, got| got == 0.0);
    }
    let long = vec![0.1f64; 3_000_001];
    assert_eq!(fold_slice::<f64, f64>(Fold::Var { ddof: 1.0 }, &long).unwrap(), 0.0);
    for (shape, axes) in [([1_000_000, 3], [0]), ([1000, 3000], [0]), ([3, 1_000_000], [1])] {
        let all = ArrayD::from_elem(IxDyn(&shape), 100.1f64);
        let variances = cast::<f64>(&fold(&all.view(), Fold::Var { ddof: 0.0 }, &axes, &mut Random(1))[0]);
        assert!(variances.iter().all(|&x| x == 0.0), "{shape:?} {axes:?}");
    }
}

#[test]
fn a_large_mean_does_not_spoil_the_variance() {
    let mut random = Random(2);
    let x: Vec<f64> = (0..100_000).map(|_| 1.0e9 + random.next() as f64 / 18446744073709551616.0).collect();
    let got: f64 = fold_slice(Fold::Var { ddof: 0.0 }, &x).unwrap();
    assert!(near(got, 1.0 / 12.0, 0.02), "{got}");
}

#[test]
fn moments_agree_with_mean_and_variance() {
    let mut random = Random(8);
    for (shape, axes) in SHAPES {
        let all = ArrayD::from_shape_vec(IxDyn(shape), plain_f64(&mut random, shape.iter().product())).unwrap();
        let moments = fold(&all.view(), Fold::Moments, axes, &mut random);
        let means = fold(&all.view(), Fold::Mean, axes, &mut random);
        assert!(moments[1] == means[0], "{shape:?} {axes:?}");
        let variances = fold(&all.view(), Fold::Var { ddof: 0.0 }, axes, &mut random);
        let count = cast::<f64>(&moments[0]);
        for (i, (m2, var)) in cast::<f64>(&moments[2]).into_iter().zip(cast::<f64>(&variances[0])).enumerate() {
            assert_eq!(m2 / count[i], var);
        }
    }
}

/// The first place of the extreme, or of the first NaN. Of two values that are equal but not the same, the positive zero is the greater.
fn place<T: Sample + PartialOrd>(x: &[T], max: bool) -> usize {
    let zero = |a: T, b: T| a == b && a.bits() != b.bits() && (a.bits() == [0; 16]) == max;
    let better = |a: T, b: T| (if max { a > b } else { a < b }) || zero(a, b) || (a.nan() && !b.nan());
    (1..x.len()).fold(0, |best, i| if better(x[i], x[best]) { i } else { best })
}

fn extremes<T: Sample + PartialOrd>(values: impl Fn(&mut Random, usize) -> Vec<T> + Copy) {
    let equal = |got: T, want: T| got.bits() == want.bits() || (got.nan() && want.nan());
    case::<T, T>(Fold::Min, values, |x, got| equal(got, x[place(x, false)]));
    case::<T, T>(Fold::Max, values, |x, got| equal(got, x[place(x, true)]));
    case::<T, u64>(Fold::ArgMin, values, |x, got| got == place(x, false) as u64);
    case::<T, u64>(Fold::ArgMax, values, |x, got| got == place(x, true) as u64);
}

#[test]
fn extremes_of_integers() {
    extremes::<u8>(samples);
    extremes::<i64>(samples);
}

#[test]
fn extremes_of_floats() {
    extremes::<f64>(plain_f64);
    // Few values, so that there are equals; zeros of both signs; a NaN now and then.
    extremes::<f32>(|random, n| {
        (0..n)
            .map(|_| match random.below(900) {
                0 => f32::NAN,
                1 => -f32::NAN,
                2..100 => -0.0,
                x => (x / 300) as f32,
            })
            .collect()
    });
    // Zeros of both signs at the one end or the other, few of one sign; no NaN.
    for (other, rare) in [(-1.0, 0.0), (-1.0, -0.0), (1.0, 0.0), (1.0, -0.0)] {
        let zeros = |random: &mut Random, n: usize| {
            let one = |random: &mut Random| match random.below(1000) {
                0 => rare,
                1..500 => -rare,
                _ => other,
            };
            (0..n).map(|_| one(random)).collect::<Vec<f64>>()
        };
        extremes::<f64>(zeros);
        extremes::<f32>(|random, n| zeros(random, n).into_iter().map(|x| x as f32).collect());
    }
    extremes::<f64>(|_, n| vec![f64::INFINITY; n]);
    extremes::<f64>(|_, n| vec![f64::NEG_INFINITY; n]);
}

#[test]
fn nothing_to_fold() {
    let mut random = Random(1);
    let empty = ArrayD::<f64>::zeros(IxDyn(&[3, 0]));
    let one = |how| cast::<f64>(&fold(&empty.view(), how, &[1], &mut Random(1))[0]);
    assert_eq!(one(Fold::Sum), [0.0; 3]);
    assert_eq!(one(Fold::Product), [1.0; 3]);
    assert!(one(Fold::Mean).iter().all(|x| x.is_nan()));
    assert!(one(Fold::Var { ddof: 1.0 }).iter().all(|x| x.is_nan()));
    assert!(fold(&empty.view(), Fold::Sum, &[0], &mut random)[0].is_empty());
    let nothing = ArrayD::from_elem(IxDyn(&[0]), true);
    assert_eq!(fold(&nothing.view(), Fold::Any, &[0], &mut random)[0], [0]);
    assert_eq!(fold(&nothing.view(), Fold::All, &[0], &mut random)[0], [1]);
    for how in [Fold::Min, Fold::Max, Fold::ArgMin, Fold::ArgMax] {
        let plan = Plan::fold(identity(DType::F64), &[3, 0], &[layout(&empty.view())], how, &[1]);
        assert!(plan.unwrap_err().to_string().contains("no values"));
        assert!(Plan::fold(identity(DType::F64), &[3, 0], &[layout(&empty.view())], how, &[0]).is_ok());
        assert!(fold_slice::<f64, f64>(how, &[]).is_err());
    }
    assert_eq!(fold_slice::<f64, f64>(Fold::Sum, &[]).unwrap(), 0.0);
}

#[test]
fn refusals() {
    let flat = [Layout { strides: vec![1] }];
    for (dtype, how, axes) in [
        (DType::F64, Fold::Any, &[0][..]),
        (DType::C64, Fold::Min, &[0]),
        (DType::C64, Fold::Moments, &[0]),
        (DType::I32, Fold::Var { ddof: 0.0 }, &[0]),
        (DType::Bool, Fold::Mean, &[0]),
        (DType::Bool, Fold::Product, &[0]),
        (DType::F64, Fold::Sum, &[1]),
        (DType::F64, Fold::Sum, &[0, 0]),
    ] {
        assert!(Plan::fold(identity(dtype), &[4], &flat, how, axes).is_err(), "{dtype:?} {how:?} {axes:?}");
    }
    assert!(fold_slice::<f64, f32>(Fold::Sum, &[1.0]).is_err());
}

/// Large folds, cut into many chunks.
#[test]
fn large() {
    let mut random = Random(4);
    for (shape, axes) in [
        (&[3_000_001][..], &[0][..]),
        (&[3000, 1000], &[0]),
        (&[3000, 1000], &[1]),
        (&[1_000_000, 3], &[0]),
        (&[1_000_000, 3], &[1]),
        (&[40, 70_000], &[0]),
        (&[2, 1_400_000], &[1]),
        (&[1000, 30, 100], &[0, 2]),
    ] {
        let all = ArrayD::from_shape_vec(IxDyn(shape), plain_f64(&mut random, shape.iter().product())).unwrap();
        let cells = cells(&all, axes);
        for how in [Fold::Sum, Fold::Mean, Fold::Var { ddof: 0.0 }, Fold::ArgMax] {
            let mut first: Option<Vec<Vec<u8>>> = None;
            each_isa(|isa| {
                let got = fold(&all.view(), how, axes, &mut random);
                for (i, cell) in cells.iter().enumerate() {
                    let good = match how {
                        Fold::Sum => near(cast::<f64>(&got[0][i * 8..][..8])[0], cell.iter().sum(), 1e-11),
                        Fold::Mean => near(cast::<f64>(&got[0][i * 8..][..8])[0], mean(cell), 1e-11),
                        Fold::ArgMax => cast::<u64>(&got[0][i * 8..][..8])[0] == place(cell, true) as u64,
                        _ => near(cast::<f64>(&got[0][i * 8..][..8])[0], squares(cell) / cell.len() as f64, 1e-9),
                    };
                    assert!(good, "{how:?} {shape:?} {axes:?} {isa:?} cell {i}");
                }
                match &first {
                    Some(first) => assert!(*first == got, "bits: {how:?} {shape:?} {axes:?} {isa:?}"),
                    None => first = Some(got),
                }
            });
        }
    }
}

/// A program's values have the bits of the same values stored and then folded.
#[test]
fn programs_fold_as_their_values_do() {
    let mut random = Random(6);
    let program = Program {
        inputs: vec![DType::F64; 2],
        constants: vec![2.0f64.scalar().unwrap()],
        code: vec![
            Instr { op: Op::Sub, args: [0, 1, 0], dtype: DType::F64 },
            Instr { op: Op::Mul, args: [3, 3, 0], dtype: DType::F64 },
            Instr { op: Op::Add, args: [4, 2, 0], dtype: DType::F64 },
        ],
        outputs: vec![5],
    };
    for (shape, axes) in SHAPES {
        let n = shape.iter().product();
        let a = ArrayD::from_shape_vec(IxDyn(shape), plain_f64(&mut random, n)).unwrap();
        let row: Vec<usize> = shape.last().map(|&length| vec![length]).unwrap_or_default();
        let b = ArrayD::from_shape_vec(IxDyn(&row), plain_f64(&mut random, row.iter().product())).unwrap();
        let wide = b.broadcast(IxDyn(shape)).unwrap();
        let values = ndarray::Zip::from(&a).and(&wide).map_collect(|a, b| (a - b) * (a - b) + 2.0);
        for how in [Fold::Sum, Fold::Moments, Fold::ArgMin] {
            let want = fold(&values.view(), how, axes, &mut random);
            for (name, a) in layouts(&a) {
                each_isa(|isa| {
                    let view = a.view();
                    let inputs = [layout(&view), layout(&wide)];
                    let plan = Plan::fold(program.clone(), shape, &inputs, how, axes).unwrap();
                    let got = run(&plan, &[view.as_ptr().cast(), wide.as_ptr().cast()], &mut random);
                    assert!(got == want, "{how:?} {shape:?} {axes:?} {name} {isa:?}");
                });
            }
        }
    }
}
