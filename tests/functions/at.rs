//! `at`: repeated places, several axes, masks, every function and type against a plain loop, every way, bits over engines, errors.

use distob::prelude::*;
use distob::ufunc::*;
use distob::{Element, Error, Hub};
use half::{bf16, f16};
use ndarray::{ArrayD, IxDyn, array};
use num_complex::Complex;

use crate::random::Random;

fn hub(engines: usize) -> Hub {
    Hub::builder().embedded().engines(engines).start().unwrap()
}

#[distob::test]
fn the_documentation_of_numpy() {
    let mut a = DistArray::from_vec(vec![1, 2, 3, 4]);
    Negative.at(&mut a, [0, 1]).unwrap();
    assert_eq!(a, array![-1, -2, 3, 4]);
    let mut a = DistArray::from_vec(vec![1, 2, 3, 4]);
    Add.at(&mut a, [0, 1, 2, 2], 1).unwrap();
    assert_eq!(a, array![2, 3, 5, 4]);
    let mut a = DistArray::from_vec(vec![1, 2, 3, 4]);
    Add.at(&mut a, [0, 1], &array![1, 2]).unwrap();
    assert_eq!(a, array![2, 4, 3, 4]);
}

#[distob::test]
fn repeated_and_negative_indices_one_after_the_other() {
    let mut a = DistArray::from_vec(vec![1.0, 2.0, 3.0]);
    Subtract.at(&mut a, [-1, 0, -1, 2], &array![1.0, 2.0, 4.0, 8.0]).unwrap();
    assert_eq!(a, array![-1.0, 2.0, -10.0]);
    // In order: (3 - 1) * 2 would be another number than 3 * 2 - 1.
    let mut a = DistArray::from_vec(vec![100.0]);
    Divide.at(&mut a, [0, 0], &array![10.0, 2.0]).unwrap();
    assert_eq!(a, array![5.0]);
    let mut a = DistArray::from_vec(vec![2.0f64]);
    Power.at(&mut a, [0, 0], &array![3.0, 2.0]).unwrap();
    assert_eq!(a, array![64.0]);
    let mut a = DistArray::from_vec(vec![16.0f64, 81.0, 2.0]);
    Sqrt.at(&mut a, [0, 1, 0, 1, 0]).unwrap();
    assert_eq!(a, array![2f64.sqrt(), 3.0, 2.0]);
    let mut a = DistArray::from_vec(vec![1.0, 2.0]);
    Ldexp.at(&mut a, [0, 1, 1], &array![1, 2, -1]).unwrap();
    assert_eq!(a, array![2.0, 4.0]);
    let mut a = DistArray::from_vec(vec![1.0f32, 2.0]);
    Ldexp.at(&mut a, [0, 1, 1], 3i64).unwrap();
    assert_eq!(a, array![8.0, 128.0]);
    let mut a = DistArray::from_vec(vec![true, false, true]);
    LogicalXor.at(&mut a, [0, 0, 1], true).unwrap();
    assert_eq!(a, array![true, true, true]);
    Less.at(&mut a, [1], false).unwrap();
    assert_eq!(a, array![true, false, true]);
}

#[distob::test]
fn several_axes_rows_and_masks() {
    let mut a = DistArray::<i64, _>::zeros((3, 4));
    Add.at(&mut a, (&[0, 2, 2, -1], vec![1usize, 3, 3, 0]), &array![1, 2, 3, 4]).unwrap();
    assert_eq!(a, array![[0, 1, 0, 0], [0, 0, 0, 0], [4, 0, 0, 5]]);
    // Broadcast together: a column and a row of indices.
    Add.at(&mut a, (array![[0], [1]], [0, 2]), array![[1, 2], [3, 4]]).unwrap();
    assert_eq!(a, array![[1, 1, 2, 0], [3, 0, 4, 0], [4, 0, 0, 5]]);
    // Whole rows; values for each row and one for all columns.
    Add.at(&mut a, [1, 1], &array![1, 2, 3, 4]).unwrap();
    assert_eq!(a.row(1), array![5, 4, 10, 8]);
    Add.at(&mut a, [0, -1, 0], &array![[1], [10], [100]]).unwrap();
    assert_eq!(a, array![[102, 102, 103, 101], [5, 4, 10, 8], [14, 10, 10, 15]]);
    Multiply.at(&mut a, -2, 2i64).unwrap();
    assert_eq!(a.row(1), array![10, 8, 20, 16]);
    Negative.at(&mut a, [1, 0, 0]).unwrap();
    assert_eq!(a, array![[102, 102, 103, 101], [-10, -8, -20, -16], [14, 10, 10, 15]]);
    // Masks of all axes, and of the first one.
    let mask = a.mapv(|x| x < 0);
    Add.at(&mut a, &mask, &array![1, 2, 3, 4]).unwrap();
    assert_eq!(a.row(1), array![-9, -6, -17, -12]);
    Maximum.at(&mut a, [true, true, false], 0i64).unwrap();
    assert_eq!(a, array![[102, 102, 103, 101], [0, 0, 0, 0], [14, 10, 10, 15]]);
    // An axis in the middle of three is a further one.
    let mut cube = DistArray::<i32, _>::zeros((2, 3, 2));
    Add.at(&mut cube, [1, 1], &array![[[1, 2], [3, 4], [5, 6]], [[1, 1], [1, 1], [1, 1]]]).unwrap();
    assert_eq!(cube.index_axis(Axis(0), 1), array![[2, 3], [4, 5], [6, 7]]);
    Add.at(&mut cube, (0, [2, 2, 0]), 7).unwrap();
    assert_eq!(cube.index_axis(Axis(0), 0), array![[7, 7], [0, 0], [14, 14]]);
    // No update.
    Add.at(&mut cube, Vec::<i64>::new(), 7).unwrap();
    Negative.at(&mut cube, Vec::<i64>::new()).unwrap();
    assert_eq!(cube.sum(), 69);
}

#[distob::test]
fn who_shares_the_elements_keeps_them() {
    let mut a = DistArray::from_vec(vec![1, 2, 3]);
    let memory = a.as_ptr();
    Add.at(&mut a, [0], 1).unwrap();
    assert_eq!(a.as_ptr(), memory, "in place");
    let kept = a.clone();
    Add.at(&mut a, [0], 1).unwrap();
    assert_eq!((a.to_vec(), kept.to_vec()), (vec![3, 2, 3], vec![2, 2, 3]));
    // Its own elements as values and as indices.
    let own = a.clone();
    Add.at(&mut a, [0, 0, 1], &own).unwrap();
    assert_eq!(a, array![8, 5, 3]);
    let mut indices = DistArray::from_vec(vec![2i64, 0, 0]);
    let same = indices.clone();
    Add.at(&mut indices, &same, 10i64).unwrap();
    assert_eq!(indices, array![22, 0, 10]);
    // A pending array, and layouts of which memory runs otherwise.
    let mut pending = &a * 2;
    Add.at(&mut pending, [0], &(&a + 1)).map(|()| unreachable!("three values for one index")).unwrap_err();
    Add.at(&mut pending, [0, 1, 2], &(&a + 1)).unwrap();
    assert_eq!(pending, array![25, 16, 10]);
    let mut turned = DistArray::from(array![[1, 2, 3], [4, 5, 6]]).reversed_axes();
    Add.at(&mut turned, ([0, 2, 2], [1, 0, 0]), 10).unwrap();
    assert_eq!(turned, array![[1, 14], [2, 5], [23, 6]]);
    let mut plain = array![[1, 2, 3], [4, 5, 6]];
    Add.at(&mut plain.view_mut().reversed_axes(), ([0, 2, 2], [1, 0, 0]), 10).unwrap();
    Add.at(&mut plain.slice_mut(s![.., ..;2]), ([0], [-1]), 100).unwrap();
    Add.at(&mut plain, 1, 1000).unwrap();
    Negative.at(&mut plain.column_mut(0), [0]).unwrap();
    assert_eq!(plain, array![[-1, 2, 123], [1014, 1005, 1006]]);
}

#[distob::test]
fn errors_change_nothing() {
    let hub = hub(2);
    for n in [5usize, 100_000] {
        for places in [4usize, 3000, 5_000_000] {
            let before = Array1::from_shape_fn(places, |i| i as f64);
            let mut a = hub.scatter(&before).unwrap();
            let mut indices = vec![1i64; n];
            indices[n - 2] = places as i64;
            let error = Add.at(&mut a, &indices, 1.0).unwrap_err().to_string();
            let at = n - 2;
            assert_eq!(
                error,
                format!(
                    "add.at: index {places} at place [{at}] of the indices is out of bounds for axis 0 with {places} elements"
                )
            );
            indices[n - 2] = -(places as i64) - 1;
            assert!(Subtract.at(&mut a, &indices, 1.0).unwrap_err().to_string().contains("out of bounds"));
            assert!(Hypot.at(&mut a, &indices, 1.0).unwrap_err().to_string().contains("out of bounds"));
            assert!(Negative.at(&mut a, &indices).unwrap_err().to_string().contains("out of bounds"));
            assert_eq!(a, before);
        }
    }
    let mut table = DistArray::<i32, _>::zeros((2, 3));
    let text = |result: distob::Result<()>| result.unwrap_err().to_string();
    let error = text(Add.at(&mut table, ([0, 1], array![[2, 3], [0, 0]]), 1));
    assert_eq!(error, "add.at: index 3 at place [0, 1] of the indices is out of bounds for axis 1 with 3 elements");
    assert_eq!(text(Add.at(&mut table, (0, 0, 0), 1)), "add.at: indices of 3 axes for an array of 2");
    assert_eq!(
        text(Add.at(&mut table, [true, false, true], 1)),
        "add.at: a mask of 3 elements along axis 0, which has 2"
    );
    assert!(matches!(Add.at(&mut table, ([0, 1], [0, 1, 2]), 1), Err(Error::Shape { .. })));
    assert!(matches!(Add.at(&mut table, [0, 1], &array![1, 2]), Err(Error::Shape { .. })));
    let error = text(FloorDivide.at(&mut table, [0, 1], &array![[1, 1, 1], [1, 0, 1]]));
    assert_eq!(error, "floor_divide: an integer is divided by zero at index [1, 1]");
    assert_eq!(text(Remainder.at(&mut table, [0], 0)), "remainder: an integer is divided by zero at index [0, 0]");
    assert!(matches!(Power.at(&mut table, [0], -1), Err(Error::Arithmetic { .. })));
    assert_eq!(table, Array2::zeros((2, 3)));
    let mut other = Hub::builder().embedded().start().unwrap().scatter(array![1.0]).unwrap();
    let value = hub.scatter(array![1.0]).unwrap();
    assert!(matches!(Add.at(&mut other, [0], &value), Err(Error::ForeignHub { .. })));
    let mut nothing = DistArray::<f64, _>::zeros(0);
    assert!(Add.at(&mut nothing, [0], 1.0).is_err());
    Add.at(&mut nothing, [0i64; 0], 1.0).unwrap();
}

/// A function of one type against the loop, in every way that sizes can choose.
fn try_function<F, A, B>(
    function: F,
    places: &[usize],
    sample: impl Fn(&mut Random) -> A,
    value: impl Fn(&mut Random) -> B,
    f: impl Fn(A, B) -> A,
    same: impl Fn(A, A) -> bool,
) where
    F: Binary<A, B, Output = A>,
    A: Element + std::fmt::Debug,
    B: Element,
    for<'a> &'a Array1<B>: Input<Elem = B, Dim = ndarray::Ix1>,
{
    let mut random = Random(7);
    for &places in places {
        for n in [1, 70, 3000, 40_000] {
            let start = Array1::from_shape_fn(places, |_| sample(&mut random));
            let indices: Vec<i64> = (0..n).map(|_| random.below(2 * places) as i64 - places as i64).collect();
            let values = Array1::from_shape_fn(n, |_| value(&mut random));
            let mut expected = start.clone();
            for (&i, &b) in indices.iter().zip(&values) {
                let place = if i < 0 { i + places as i64 } else { i } as usize;
                expected[place] = f(expected[place], b);
            }
            let mut given = DistArray::from(&start);
            function.at(&mut given, &indices, &values).unwrap();
            for (i, (&given, &expected)) in given.iter().zip(&expected).enumerate() {
                assert!(same(given, expected), "{} of {n} at {i} of {places}: {given:?}, not {expected:?}", F::NAME);
            }
        }
    }
}

/// Few places, as many as make copies, more than that.
const PLACES: &[usize] = &[1, 5, 300, 4000, 50_000];

macro_rules! integers {
    ($($t:ident)*) => {$(
        let any = |r: &mut Random| r.next() as $t;
        let small = |r: &mut Random| (r.below(7) + 1) as $t;
        let equal = |a: $t, b: $t| a == b;
        try_function(Add, PLACES, any, any, <$t>::wrapping_add, equal);
        try_function(Subtract, PLACES, any, any, <$t>::wrapping_sub, equal);
        try_function(Multiply, PLACES, any, any, <$t>::wrapping_mul, equal);
        try_function(Maximum, PLACES, any, any, Ord::max, equal);
        try_function(Fmin, PLACES, any, any, Ord::min, equal);
        try_function(BitwiseAnd, PLACES, any, any, |a, b| a & b, equal);
        try_function(BitwiseOr, PLACES, any, any, |a, b| a | b, equal);
        try_function(BitwiseXor, PLACES, any, any, |a, b| a ^ b, equal);
        try_function(FloorDivide, PLACES, small, small, |a, b| a / b, equal);
        try_function(Remainder, PLACES, small, small, |a, b| a % b, equal);
    )*};
}

#[distob::test]
fn every_function_of_integers() {
    integers!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);
}

#[distob::test]
fn every_function_of_floats() {
    let eighths = |r: &mut Random| (r.below(161) as f64 - 80.0) / 8.0;
    let powers = |r: &mut Random| [0.5, 1.0, 2.0, -1.0][r.below(4)];
    let wild = |r: &mut Random| [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.5, -2.0, 7.0, 3.0, 0.25][r.below(8)];
    let same = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan());
    try_function(Add, PLACES, eighths, eighths, |a, b| a + b, same);
    try_function(Add, PLACES, wild, wild, |a, b| a + b, same);
    try_function(Subtract, PLACES, eighths, eighths, |a, b| a - b, same);
    try_function(Divide, PLACES, powers, powers, |a, b| a / b, same);
    try_function(Maximum, PLACES, wild, wild, |a, b| if a.is_nan() || a > b { a } else { b }, same);
    try_function(Minimum, PLACES, wild, wild, |a, b| if a.is_nan() || a < b { a } else { b }, same);
    try_function(Fmax, PLACES, wild, wild, f64::max, same);
    try_function(Fmin, PLACES, wild, wild, f64::min, same);
    try_function(Copysign, PLACES, eighths, powers, f64::copysign, same);
    let few = |r: &mut Random| r.below(9) as f32 - 4.0;
    try_function(Add, PLACES, few, few, |a, b| a + b, |a, b| a == b);
    try_function(Subtract, PLACES, few, few, |a, b| a - b, |a, b| a == b);
    let exponent = |r: &mut Random| [1i32, -1][r.below(2)];
    try_function(Ldexp, &[7, 4000, 50_000], powers, exponent, |a, b| a * 2f64.powi(b), same);
    let half = |r: &mut Random| f16::from_f64(r.below(9) as f64 - 4.0);
    let equal = |a: f16, b: f16| a == b;
    let step = |f: fn(f64, f64) -> f64| move |a: f16, b: f16| f16::from_f64(f(a.to_f64(), b.to_f64()));
    try_function(Subtract, PLACES, half, half, step(|a, b| a - b), equal);
    try_function(Maximum, PLACES, half, half, step(f64::max), equal);
    try_function(Copysign, PLACES, half, half, step(f64::copysign), equal);
    let brain = |r: &mut Random| bf16::from_f64(r.below(9) as f64 - 4.0);
    try_function(Minimum, PLACES, brain, brain, |a, b| if a < b { a } else { b }, |a, b| a == b);
    let complex = |r: &mut Random| Complex { re: r.below(9) as f64 - 4.0, im: r.below(9) as f64 - 4.0 };
    try_function(Add, PLACES, complex, complex, |a, b| a + b, |a, b| a == b);
    try_function(Subtract, PLACES, complex, complex, |a, b| a - b, |a, b| a == b);
    let unit = |r: &mut Random| [Complex::new(1.0, 0.0), Complex::i(), -Complex::i()][r.below(3)];
    try_function(Multiply, PLACES, complex, unit, |a, b| a * b, |a, b| a == b);
    let narrow = |r: &mut Random| Complex { re: r.below(9) as f32, im: r.below(9) as f32 };
    try_function(Add, PLACES, narrow, narrow, |a, b| a + b, |a, b| a == b);
    let flag = |r: &mut Random| r.below(2) == 0;
    try_function(Add, PLACES, flag, flag, |a, b| a | b, |a, b| a == b);
    try_function(LogicalXor, PLACES, flag, flag, |a, b| a ^ b, |a, b| a == b);
    try_function(Less, PLACES, flag, flag, |a, b| !a & b, |a, b| a == b);
}

#[distob::test]
fn the_same_bits_over_engines_in_every_way() {
    let n = 300_000;
    // Few places, many copies, two copies, in order, dealt to buckets.
    for places in [3, 1000, 30_000, 200_000, 6_000_000] {
        let mut random = Random(places as u64);
        let rough: Vec<f64> =
            (0..n).map(|_| (random.next() as i64 as f64) * 10f64.powi(random.below(12) as i32 - 30)).collect();
        let indices: Vec<i64> = (0..n).map(|_| random.below(2 * places) as i64 - places as i64).collect();
        let in_order = n < 8 * places;
        let mut expected = vec![1.0; places];
        let mut quotients = vec![1.0; places];
        for (&i, &b) in indices.iter().zip(&rough) {
            let place = if i < 0 { i + places as i64 } else { i } as usize;
            expected[place] += b;
            quotients[place] /= b;
        }
        let mut earlier: Option<Vec<u64>> = None;
        for engines in [1, 2, 3, 5] {
            let hub = hub(engines);
            let mut a = hub.scatter(Array1::from_elem(places, 1.0)).unwrap();
            Add.at(&mut a, &indices, Array1::from_vec(rough.clone())).unwrap();
            let bits: Vec<u64> = a.iter().map(|x| x.to_bits()).collect();
            for (given, expected) in a.iter().zip(&expected) {
                let near = (given - expected).abs() <= 1e-9 * expected.abs().max(1e-10);
                assert!(if in_order { given == expected } else { near }, "{given}, not {expected}");
            }
            if let Some(earlier) = &earlier {
                assert!(*earlier == bits, "{engines} engines, {places} places: other bits");
            }
            earlier = Some(bits);
            let mut a = hub.scatter(Array1::from_elem(places, 1.0)).unwrap();
            Divide.at(&mut a, &indices, Array1::from_vec(rough.clone())).unwrap();
            assert!(a.iter().zip(&quotients).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())));
            let mut a = hub.scatter(Array1::from_elem(places, 0u32)).unwrap();
            Add.at(&mut a, &indices, 1u32).unwrap();
            assert_eq!(a.iter().map(|&x| u64::from(x)).sum::<u64>(), n as u64);
        }
    }
}

#[distob::test]
fn rows_of_many_elements_over_engines() {
    let mut random = Random(3);
    for (rows, columns) in [(50, 100), (3000, 9), (7, 2)] {
        let n = 5000;
        let indices: Vec<u32> = (0..n).map(|_| random.below(rows) as u32).collect();
        let values = Array2::from_shape_fn((n, columns), |_| (random.next() as i64 as f64) * 1e-10);
        let mut expected = Array2::<f64>::zeros((rows, columns));
        for (&i, row) in indices.iter().zip(values.rows()) {
            let mut to = expected.row_mut(i as usize);
            to += &row;
        }
        for engines in [1, 3] {
            let hub = hub(engines);
            let mut a = hub.scatter(Array2::<f64>::zeros((rows, columns))).unwrap();
            Add.at(&mut a, &indices, hub.scatter(&values).unwrap()).unwrap();
            assert_eq!(a, expected);
            let mut a = hub.scatter(Array2::from_elem((rows, columns), 1.0)).unwrap();
            Copysign.at(&mut a, &indices, &values).unwrap();
            let last = |row: usize| indices.iter().rposition(|&i| i as usize == row);
            let sign = |row, column| last(row).map_or(1.0, |i| 1f64.copysign(values[[i, column]]));
            assert_eq!(a, Array2::from_shape_fn((rows, columns), |(i, j)| sign(i, j)));
        }
    }
}

#[distob::test]
fn functions_of_one_operand_as_often_as_they_come() {
    let mut random = Random(11);
    let indices: Vec<usize> = (0..500).map(|_| random.below(40)).collect();
    let start = ArrayD::from_shape_fn(IxDyn(&[40, 3]), |_| random.below(1000) as f64);
    let mut a = DistArray::from(start.clone());
    Sqrt.at(&mut a, &indices).unwrap();
    let mut expected = start;
    for &i in &indices {
        expected.index_axis_mut(Axis(0), i).mapv_inplace(f64::sqrt);
    }
    assert_eq!(a, expected);
}

#[distob::test]
fn places_that_no_memory_holds_are_an_error() {
    let lists = (Array2::<i64>::zeros((1 << 22, 1)), Array2::<i64>::zeros((1, 1 << 22)));
    let mut a = DistArray::<i64, _>::zeros((2, 2));
    for result in [Add.at(&mut a, (&lists.0, &lists.1), 1i64), Negative.at(&mut a, (&lists.0, &lists.1))] {
        assert!(matches!(result, Err(Error::OutOfMemory { wanted, .. }) if wanted >= 1 << 47), "{result:?}");
    }
    assert_eq!(a, Array2::<i64>::zeros((2, 2)));
}

#[distob::test]
fn the_first_update_that_fails_is_named() {
    let place = |result: distob::Result<()>| match result {
        Err(Error::Arithmetic { index, operation, .. }) => {
            assert_eq!(operation, "reciprocal");
            index
        }
        other => panic!("no arithmetic error: {other:?}"),
    };
    // 1 stays, everything else becomes 0, of which there is no reciprocal.
    let start = array![5i64, 0, 1];
    for (indices, first) in [
        (vec![0, 0, 1], 1),
        (vec![0, 1, 0], 1),
        (vec![1, 0, 0], 0),
        (vec![2, 2, 0, 2, -3, 1], 4),
        (vec![2, 0, 2, 0], 3),
    ] {
        let mut a = DistArray::from(&start);
        assert_eq!(place(Reciprocal.at(&mut a, &indices)), [first], "{indices:?}");
        assert_eq!(a, start, "unchanged");
        let mut plain = start.clone();
        assert_eq!(place(Reciprocal.at(&mut plain, &indices)), [first]);
        assert_eq!(plain, start);
    }
    let mut rows = DistArray::from(array![[1i64, 5], [2, 1]]);
    assert_eq!(place(Reciprocal.at(&mut rows, [1, 0, 1])), [2, 0]);
    assert_eq!(place(Reciprocal.at(&mut rows, [0, 1, 0, 1])), [2, 1]);
    let lists = (array![[0], [1]], [1, 1]);
    assert_eq!(place(Reciprocal.at(&mut rows, lists)), [0, 1]);
    // Against a plain loop.
    let mut random = Random(5);
    for (places, n) in [(30, 60), (3000, 9000), (50_000, 90_000)] {
        let start = Array2::from_shape_fn((places, 2), |_| [1i64, -1, 1, 7][random.below(4)]);
        let indices: Vec<u32> = (0..n).map(|_| random.below(places) as u32).collect();
        let mut expected = start.clone();
        let first = indices.iter().enumerate().find_map(|(nth, &i)| {
            let mut row = expected.row_mut(i as usize);
            let at = row.iter().position(|&x| x == 0);
            row.mapv_inplace(|x| if x == 0 { 0 } else { 1 / x });
            at.map(|at| vec![nth, at])
        });
        let mut a = DistArray::from(&start);
        assert_eq!(Some(place(Reciprocal.at(&mut a, &indices))), first);
        assert_eq!(a, start);
    }
}

#[distob::test]
fn indices_of_every_integer_type() {
    let mut a = DistArray::<i32, _>::zeros((3, 300));
    Add.at(&mut a, (1u8, array![255u8, 0, 255]), 1).unwrap();
    Add.at(&mut a, (-1i8, [-1i8, 7]), 1).unwrap();
    Add.at(&mut a, (&[0u16, 0], &[299i16, -300]), 1).unwrap();
    Add.at(&mut a, (hub(1).scatter(array![2u8, 2]).unwrap(), vec![7i16, 7]), 1).unwrap();
    let mut expected = Array2::zeros((3, 300));
    (expected[[1, 255]], expected[[1, 0]], expected[[2, 299]], expected[[2, 7]]) = (2, 1, 1, 3);
    (expected[[0, 299]], expected[[0, 0]]) = (1, 1);
    assert_eq!(a, expected);
    let error = Add.at(&mut a, -4i8, 1).unwrap_err().to_string();
    assert_eq!(error, "add.at: index -4 at place [] of the indices is out of bounds for axis 0 with 3 elements");
    // The number as it was given, in a list that is broadcast too.
    for list in [array![0, u64::MAX], array![0, 1 << 63], array![0, 3]] {
        let error = Add.at(&mut a, (&list, array![[0usize], [1]]), 1).unwrap_err().to_string();
        let index = list[1];
        assert_eq!(
            error,
            format!("add.at: index {index} at place [0, 1] of the indices is out of bounds for axis 0 with 3 elements")
        );
    }
    assert_eq!(a, expected);
}
