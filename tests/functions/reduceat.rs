//! `reduceat`: NumPy's corner cases, every function and type against a plain loop, layouts, axes, long segments, bits over engines.

use distob::prelude::*;
use distob::ufunc::*;
use distob::{Element, Error, Hub};
use half::{bf16, f16};
use ndarray::{ArrayD, IxDyn, RemoveAxis, Slice, array};
use num_complex::Complex;

use crate::random::Random;

fn hub(engines: usize) -> Hub {
    Hub::builder().embedded().engines(engines).start().unwrap()
}

/// NumPy's definition, in order, with the function as a closure.
fn naive<A: Copy, R: Copy, D: Dimension + RemoveAxis>(
    a: ArrayView<'_, A, D>,
    indices: &[usize],
    axis: usize,
    first: impl Fn(A) -> R,
    join: impl Fn(R, A) -> R,
) -> Array<R, D> {
    let length = a.len_of(Axis(axis));
    let mut dim = a.raw_dim();
    dim.slice_mut()[axis] = indices.len();
    let mut at = 0;
    let lanes: Vec<Vec<R>> = a
        .lanes(Axis(axis))
        .into_iter()
        .map(|lane| {
            (0..indices.len())
                .map(|i| {
                    let (start, end) = (indices[i], indices.get(i + 1).copied().unwrap_or(length));
                    let mut acc = first(lane[start]);
                    for j in start + 1..end {
                        acc = join(acc, lane[j]);
                    }
                    acc
                })
                .collect()
        })
        .collect();
    let mut out = Array::from_elem(dim, first(*a.iter().next().unwrap()));
    for mut lane in out.lanes_mut(Axis(axis)) {
        for (to, from) in lane.iter_mut().zip(&lanes[at]) {
            *to = *from;
        }
        at += 1;
    }
    out
}

#[distob::test]
fn the_documentation_of_numpy() {
    let a = DistArray::from_vec((0..8).collect::<Vec<i64>>());
    let every_other = Add.reduceat(&a, [0, 4, 1, 5, 2, 6, 3, 7]).run().unwrap();
    assert_eq!(every_other.slice(s![..;2]), array![6, 10, 14, 18]);
    assert_eq!(every_other, array![6, 4, 10, 5, 14, 6, 18, 7]);
    let x = Array::linspace(0.0, 15.0, 16).into_shape_with_order((4, 4)).unwrap();
    let expected = array![
        [12.0, 15.0, 18.0, 21.0],
        [12.0, 13.0, 14.0, 15.0],
        [4.0, 5.0, 6.0, 7.0],
        [8.0, 9.0, 10.0, 11.0],
        [24.0, 28.0, 32.0, 36.0]
    ];
    assert_eq!(Add.reduceat(&x, vec![0usize, 3, 1, 2, 0]).run().unwrap(), expected);
    let expected = array![[0.0, 3.0], [120.0, 7.0], [720.0, 11.0], [2184.0, 15.0]];
    assert_eq!(Multiply.reduceat(&x, [0, 3]).axis(1).run().unwrap(), expected);
    assert_eq!(Multiply.reduceat(&x, [0, 3]).axis(-1).run().unwrap(), expected);
}

#[distob::test]
fn corners() {
    let a = DistArray::from_vec(vec![1.0, 2.0, 4.0, 8.0]);
    // Equal neighbours, falling ones, the last element, the last place repeated.
    assert_eq!(Add.reduceat(&a, [1, 1]).run().unwrap(), array![2.0, 14.0]);
    assert_eq!(Add.reduceat(&a, [3, 0, 3, 3]).run().unwrap(), array![8.0, 7.0, 8.0, 8.0]);
    assert_eq!(Subtract.reduceat(&a, [0, 2]).run().unwrap(), array![-1.0, -4.0]);
    assert_eq!(Add.reduceat(&a, Vec::<i64>::new()).run().unwrap().shape(), [0]);
    let empty = DistArray::<f64, _>::zeros((0, 3));
    assert_eq!(Add.reduceat(&empty, [0i64; 0]).run().unwrap().shape(), [0, 3]);
    assert_eq!(Add.reduceat(&empty, [0, 1, 2]).axis(1).run().unwrap().shape(), [0, 3]);
    // -0.0 stays what it is.
    let zeros = DistArray::from_vec(vec![-0.0f64, -0.0, 0.0]);
    let sums = Add.reduceat(&zeros, [0, 1]).run().unwrap();
    assert!(sums[0].is_sign_negative() && sums[1].is_sign_positive());
    // One axis of length 1, and arrays of it.
    let column = DistArray::from_shape_fn((1, 3), |(_, j)| j as i32);
    assert_eq!(Add.reduceat(&column, [0, 0, 0]).run().unwrap(), array![[0, 1, 2], [0, 1, 2], [0, 1, 2]]);
    // Pending operands, another type, integers that wrap, logic of numbers.
    let pending = &a + 1.0;
    assert_eq!(Add.reduceat(&pending, [0, 2]).run().unwrap(), array![5.0, 14.0]);
    let bytes = DistArray::from_vec(vec![200u8, 100, 0, 1]);
    assert_eq!(Add.reduceat(&bytes, [0, 2]).run().unwrap(), array![44, 1]);
    assert_eq!(Add.reduceat(&bytes, [0, 2]).dtype::<u64>().run().unwrap(), array![300, 1]);
    assert_eq!(LogicalAnd.reduceat(&bytes, [0, 2]).run().unwrap(), array![true, false]);
    assert_eq!(LogicalXor.reduceat(&bytes, [0, 1, 3]).run().unwrap(), array![true, true, true]);
    assert_eq!(Maximum.reduceat(&array![1.0, f64::NAN, 3.0], [0, 2]).run().unwrap()[1], 3.0);
    assert!(Maximum.reduceat(&array![1.0, f64::NAN, 3.0], [0, 2]).run().unwrap()[0].is_nan());
    assert_eq!(Fmax.reduceat(&array![1.0, f64::NAN, 3.0], [0, 2]).run().unwrap(), array![1.0, 3.0]);
}

#[distob::test]
fn errors_say_what_and_where() {
    let a = DistArray::from_vec(vec![1, 2, 3, 4]);
    let text = |error: Error| error.to_string();
    let out = "of the indices is out of bounds for axis 0 with 4 elements";
    let error = Add.reduceat(&a, [0, 4]).run().unwrap_err();
    assert_eq!(text(error), format!("add.reduceat: index 4 at place [1] {out}"));
    let error = Add.reduceat(&a, [-1, 2]).run().unwrap_err();
    assert_eq!(text(error), format!("add.reduceat: index -1 at place [0] {out}"));
    let error = Add.reduceat(&a, vec![0, u64::MAX]).run().unwrap_err();
    assert_eq!(text(error), format!("add.reduceat: index {} at place [1] {out}", u64::MAX));
    assert!(matches!(Add.reduceat(&a, [0]).axis(1).run(), Err(Error::Axis { axis: 1, ndim: 1, .. })));
    assert!(matches!(Add.reduceat(3, [0]).run(), Err(Error::Axis { ndim: 0, .. })));
    let error = Add.reduceat(&a, array![[0, 1]]).run().unwrap_err();
    assert_eq!(text(error), "add.reduceat: one list of integers with one axis is wanted, not [[1, 2]]");
    let error = Less.reduceat(&a, [0]).run().unwrap_err();
    assert!(text(error).contains("less.reduceat"));
    assert!(matches!(Add.reduceat(&DistArray::<f64, _>::zeros(0), [0]).run(), Err(Error::InvalidArgument { .. })));
    // The zero at index 2 divides; as the first of a segment it would not.
    let b = DistArray::from_vec(vec![8, 2, 0, 5]);
    let error = FloorDivide.reduceat(&b, [0]).run().unwrap_err();
    assert_eq!(text(error), "floor_divide: an integer is divided by zero at index [2]");
    assert_eq!(FloorDivide.reduceat(&b, [0, 2]).run().unwrap(), array![4, 0]);
    assert!(matches!(Power.reduceat(&array![2, -1], [0]).run(), Err(Error::Arithmetic { .. })));
}

/// Random indices of an axis: rising, falling, repeated.
fn indices(random: &mut Random, length: usize) -> Vec<usize> {
    let n = 1 + random.below(2 * length);
    let mut indices: Vec<usize> = (0..n).map(|_| random.below(length)).collect();
    if random.below(2) == 0 {
        indices.sort_unstable();
    }
    indices
}

/// The same elements in several layouts.
fn layouts<A: Element>(a: &ArrayD<A>) -> Vec<DistArrayD<A>> {
    let axes = a.ndim();
    let mut all = vec![DistArray::from(a.clone())];
    // Column by column.
    let mut turned = DistArray::from(a.t().as_standard_layout().into_owned());
    turned.swap_axes(0, axes - 1);
    if axes == 3 {
        all.push(turned);
    }
    // Every second element of a larger array, and the elements backwards.
    let mut wide = ArrayD::from_elem(IxDyn(&a.shape().iter().map(|n| 2 * n).collect::<Vec<_>>()), a[&*vec![0; axes]]);
    let mut part = wide.view_mut();
    part.slice_each_axis_inplace(|_| Slice::new(0, None, 2));
    part.assign(a);
    let mut wide = DistArray::from(wide);
    wide.slice_each_axis_inplace(|_| Slice::new(0, None, 2));
    all.push(wide);
    let mut back = a.clone();
    back.invert_axis(Axis(axes - 1));
    let mut back = DistArray::from(back.as_standard_layout().into_owned());
    back.invert_axis(Axis(axes - 1));
    all.push(back);
    all
}

/// A function of one type against the loop, with `same` for what counts as equal.
fn try_function<F, A, R>(
    function: F,
    seed: u64,
    sample: impl Fn(&mut Random) -> A,
    first: impl Fn(A) -> R,
    join: impl Fn(R, A) -> R,
    same: impl Fn(R, R) -> bool,
) where
    F: Binary<A, Output = R> + Copy,
    A: Element,
    R: Element + std::fmt::Debug,
{
    let mut random = Random(seed);
    for shape in [vec![37], vec![5, 70], vec![3, 6, 40], vec![130, 3], vec![1, 9, 300]] {
        let a = ArrayD::from_shape_fn(shape.clone(), |_| sample(&mut random));
        for axis in 0..shape.len() {
            let indices = indices(&mut random, shape[axis]);
            let expected = naive(a.view(), &indices, axis, &first, &join);
            let mut earlier: Option<ArrayD<R>> = None;
            for x in layouts(&a) {
                let given = function.reduceat(&x, &indices).axis(axis as isize).run().unwrap();
                assert_eq!(given.shape(), expected.shape());
                for (given, expected) in given.iter().zip(&expected) {
                    assert!(
                        same(*given, *expected),
                        "{} axis {axis} of {shape:?}: {given:?}, not {expected:?}",
                        F::NAME
                    );
                }
                let bits = |x: &R| x.scalar().unwrap().bytes;
                if let Some(earlier) = &earlier {
                    assert!(given.iter().zip(earlier).all(|(a, b)| bits(a) == bits(b)), "bits depend on the layout");
                }
                earlier = Some(given.gather());
            }
        }
    }
}

macro_rules! integers {
    ($($t:ident)*) => {$(
        let sample = |r: &mut Random| r.next() as $t;
        let small = |r: &mut Random| (r.below(7) + 1) as $t;
        let equal = |a: $t, b: $t| a == b;
        let same = |a: bool, b: bool| a == b;
        let own = |x: $t| x;
        let truth = |x: $t| x != 0;
        let sparse = |r: &mut Random| if r.below(4) == 0 { 0 } else { r.next() as $t };
        try_function(Add, 1, sample, own, <$t>::wrapping_add, equal);
        try_function(Multiply, 2, sample, own, <$t>::wrapping_mul, equal);
        try_function(Subtract, 3, sample, own, <$t>::wrapping_sub, equal);
        try_function(Maximum, 4, sample, own, Ord::max, equal);
        try_function(Minimum, 5, sample, own, Ord::min, equal);
        try_function(Fmax, 6, sample, own, Ord::max, equal);
        try_function(Fmin, 7, sample, own, Ord::min, equal);
        try_function(BitwiseAnd, 8, sample, own, |a, b| a & b, equal);
        try_function(BitwiseOr, 9, sample, own, |a, b| a | b, equal);
        try_function(BitwiseXor, 10, sample, own, |a, b| a ^ b, equal);
        try_function(FloorDivide, 11, small, own, |a, b| a / b, equal);
        try_function(Remainder, 12, small, own, |a, b| a % b, equal);
        try_function(Fmod, 13, small, own, |a, b| a % b, equal);
        try_function(LogicalAnd, 14, sparse, truth, |a, b| a && b != 0, same);
        try_function(LogicalOr, 15, sparse, truth, |a, b| a || b != 0, same);
        try_function(LogicalXor, 16, sparse, truth, |a, b| a ^ (b != 0), same);
        let gcd = |mut a: $t, mut b: $t| {
            while b != 0 {
                (a, b) = (b, a % b);
            }
            a
        };
        try_function(Gcd, 17, small, own, gcd, equal);
    )*};
}

#[distob::test]
fn every_function_of_integers() {
    integers!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);
}

#[distob::test]
fn every_function_of_flags() {
    let sample = |r: &mut Random| r.below(3) > 0;
    let (own, same) = (|x: bool| x, |a: bool, b: bool| a == b);
    try_function(Add, 1, sample, own, |a, b| a | b, same);
    try_function(Multiply, 2, sample, own, |a, b| a & b, same);
    try_function(Maximum, 3, sample, own, |a, b| a | b, same);
    try_function(Minimum, 4, sample, own, |a, b| a & b, same);
    try_function(BitwiseXor, 5, sample, own, |a, b| a ^ b, same);
    try_function(LogicalAnd, 6, sample, own, |a, b| a & b, same);
    try_function(LogicalOr, 7, sample, own, |a, b| a | b, same);
    try_function(LogicalXor, 8, sample, own, |a, b| a ^ b, same);
    try_function(Equal, 9, sample, own, |a, b| a == b, same);
    try_function(NotEqual, 10, sample, own, |a, b| a != b, same);
    try_function(Less, 11, sample, own, |a, b| !a & b, same);
    try_function(GreaterEqual, 12, sample, own, |a, b| a | !b, same);
}

#[distob::test]
fn every_function_of_floats() {
    // Multiples of 1/8: sums are exact in any order, and so are products of powers of two.
    let eighths = |r: &mut Random| (r.below(161) as f64 - 80.0) / 8.0;
    let powers = |r: &mut Random| [0.5, 1.0, 2.0, -1.0][r.below(4)];
    let wild = |r: &mut Random| [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1.5, -2.0, 7.0, 3.0, 0.25][r.below(8)];
    let (own, same) = (|x: f64| x, |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()));
    try_function(Add, 1, eighths, own, |a, b| a + b, same);
    try_function(Multiply, 2, powers, own, |a, b| a * b, same);
    try_function(Subtract, 3, eighths, own, |a, b| a - b, same);
    try_function(Divide, 4, powers, own, |a, b| a / b, same);
    let max = |a: f64, b: f64| if a.is_nan() || a > b { a } else { b };
    let min = |a: f64, b: f64| if a.is_nan() || a < b { a } else { b };
    try_function(Maximum, 5, wild, own, max, same);
    try_function(Minimum, 6, wild, own, min, same);
    try_function(Fmax, 7, wild, own, f64::max, same);
    try_function(Fmin, 8, wild, own, f64::min, same);
    try_function(Add, 9, wild, own, |a, b| a + b, same);
    try_function(Copysign, 10, wild, own, |a, b| if a.is_nan() { a } else { a.copysign(b) }, same);
    try_function(LogicalAnd, 11, eighths, |x| x != 0.0, |a, b| a && b != 0.0, |a, b| a == b);
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-12 * b.abs().max(1.0);
    try_function(Hypot, 12, eighths, own, f64::hypot, |a, b| near(a.abs(), b.abs()));
    try_function(Logaddexp, 13, eighths, own, |a, b| a.max(b) + (-(a - b).abs()).exp().ln_1p(), near);

    let narrow = |r: &mut Random| eighths(r) as f32;
    let single = |a: f32, b: f32| a == b;
    try_function(Add, 14, narrow, |x| x, |a, b| a + b, single);
    try_function(Subtract, 15, narrow, |x| x, |a, b| a - b, single);
    try_function(Maximum, 16, narrow, |x| x, f32::max, single);
    let half = |r: &mut Random| f16::from_f64(eighths(r));
    let equal = |a: f16, b: f16| a == b;
    try_function(Subtract, 17, half, |x| x, |a, b| f16::from_f64(a.to_f64() - b.to_f64()), equal);
    try_function(Minimum, 18, half, |x| x, |a, b| if a < b { a } else { b }, equal);
    try_function(LogicalOr, 19, half, |x| x != f16::ZERO, |a, b| a || b != f16::ZERO, |a, b| a == b);
    // Whole numbers below 256 are exact in 8 bits, and so are their extremes.
    let brain = |r: &mut Random| bf16::from_f64(r.below(200) as f64 - 100.0);
    try_function(Maximum, 20, brain, |x| x, |a, b| if a > b { a } else { b }, |a, b| a == b);
}

#[distob::test]
fn floats_of_16_bits_are_rounded_once() {
    let halves = DistArray::from_elem(5000, f16::from_f64(0.1));
    let sum = Add.reduceat(&halves, [0, 100]).run().unwrap();
    let exact = |n: f64| f16::from_f64(f16::from_f64(0.1).to_f64() * n);
    assert_eq!(sum, array![exact(100.0), exact(4900.0)]);
}

#[distob::test]
fn functions_of_complex_numbers() {
    let sample = |r: &mut Random| Complex { re: r.below(9) as f64 - 4.0, im: r.below(9) as f64 - 4.0 };
    let same = |a: Complex<f64>, b: Complex<f64>| a == b;
    try_function(Add, 1, sample, |x| x, |a, b| a + b, same);
    try_function(Subtract, 2, sample, |x| x, |a, b| a - b, same);
    let unit =
        |r: &mut Random| [Complex::new(1.0, 0.0), Complex::i(), -Complex::i(), Complex::new(0.5, 0.0)][r.below(4)];
    try_function(Multiply, 3, unit, |x| x, |a, b| a * b, same);
    let narrow = |r: &mut Random| Complex { re: r.below(9) as f32, im: r.below(9) as f32 };
    try_function(Add, 4, narrow, |x| x, |a, b| a + b, |a: Complex<f32>, b| a == b);
    let larger = |a: Complex<f64>, b: Complex<f64>| if (a.re, a.im) > (b.re, b.im) { a } else { b };
    try_function(Maximum, 5, sample, |x| x, larger, same);
    try_function(LogicalAnd, 6, sample, |x| x.norm() != 0.0, |a, b| a && b.norm() != 0.0, |a, b| a == b);
}

/// Sums of floats of very different sizes, so that another order would show.
fn rough(n: usize, seed: u64) -> Vec<f64> {
    let mut random = Random(seed);
    (0..n).map(|_| (random.next() as i64 as f64) * 10f64.powi(random.below(12) as i32 - 30)).collect()
}

#[distob::test]
fn the_same_bits_over_engines() {
    let n = 1_500_000;
    let x = rough(n, 5);
    let mut random = Random(9);
    let mut sorted: Vec<usize> = (0..40_000).map(|_| random.below(n)).collect();
    sorted.sort_unstable();
    // Many short ones; one that holds nearly everything; many short ones and a few long; overlapping ones.
    let clustered: Vec<usize> = (0..30_000).chain([500_000, 500_001, 1_400_000]).collect();
    let overlapping: Vec<usize> = (0..12).map(|i| if i % 2 == 0 { i } else { n - i }).collect();
    let lists = [sorted, vec![0, 3], clustered, overlapping];
    let mut earlier: Option<Vec<Vec<u64>>> = None;
    for engines in [1, 2, 3, 5] {
        let hub = hub(engines);
        let a = hub.scatter(Array1::from_vec(x.clone())).unwrap();
        let flat: Vec<Vec<u64>> = lists
            .iter()
            .map(|list| Add.reduceat(&a, list).run().unwrap().iter().map(|x| x.to_bits()).collect())
            .collect();
        // Rows onto rows, and the same elements column by column.
        let square = a.clone().into_shape_with_order((50_000, 30)).unwrap();
        let rows = [vec![0, 1, 7, 40_000, 2], (0..50_000).step_by(9).collect()];
        let by_rows: Vec<Vec<u64>> = rows
            .iter()
            .map(|list: &Vec<usize>| Add.reduceat(&square, list).run().unwrap().iter().map(|x| x.to_bits()).collect())
            .collect();
        let mut turned = hub.scatter(square.t().as_standard_layout().into_owned()).unwrap();
        turned.swap_axes(0, 1);
        for (list, bits) in rows.iter().zip(&by_rows) {
            let given = Add.reduceat(&turned, list).run().unwrap();
            assert!(given.iter().map(|x| x.to_bits()).eq(bits.iter().copied()), "bits depend on the layout");
        }
        let all: Vec<Vec<u64>> = flat.into_iter().chain(by_rows).collect();
        if let Some(earlier) = &earlier {
            assert!(*earlier == all, "{engines} engines give other bits");
        }
        // And they are sums: as the plain loop's, but for rounding.
        for (list, bits) in lists.iter().zip(&all) {
            for (i, &given) in bits.iter().enumerate() {
                let (start, end) = (list[i], list.get(i + 1).copied().unwrap_or(n));
                let part = &x[start..end.max(start + 1)];
                let (sum, size) = part.iter().fold((0.0, 0.0), |(sum, size), x| (sum + x, size + x.abs()));
                assert!((f64::from_bits(given) - sum).abs() <= 1e-11 * size, "segment {i}");
            }
        }
        earlier = Some(all);
    }
}

#[distob::test]
fn long_segments_of_every_kind() {
    for engines in [1, 3] {
        let hub = hub(engines);
        let n = 700_000;
        let a = hub
            .scatter(Array1::from_shape_fn(n, |i| (i as i64).wrapping_mul(0x9e37_79b9_7f4a_7c15u64 as i64)))
            .unwrap();
        let list = [0usize, 0, 5, 300_000, 2, 699_999];
        let same = naive(a.view(), &list, 0, |x| x, i64::wrapping_add);
        assert_eq!(Add.reduceat(&a, list).run().unwrap(), same);
        assert_eq!(Maximum.reduceat(&a, list).run().unwrap(), naive(a.view(), &list, 0, |x| x, i64::max));
        assert_eq!(Subtract.reduceat(&a, list).run().unwrap(), naive(a.view(), &list, 0, |x| x, i64::wrapping_sub));
        let wide = a.clone().into_shape_with_order((1000, 700)).unwrap();
        for list in [vec![0usize, 999, 1], vec![0]] {
            let same = naive(wide.view(), &list, 0, |x| x, i64::wrapping_add);
            assert_eq!(Add.reduceat(&wide, &list).run().unwrap(), same);
            let same = naive(wide.view(), &list, 0, |x| x, i64::wrapping_sub);
            assert_eq!(Subtract.reduceat(&wide, &list).run().unwrap(), same);
        }
        let tall = a.into_shape_with_order((100_000, 7)).unwrap();
        let same = naive(tall.view(), &[1, 0, 99_000], 0, |x| x, i64::wrapping_add);
        assert_eq!(Add.reduceat(&tall, [1, 0, 99_000]).run().unwrap(), same);
    }
}

#[distob::test]
fn indices_of_every_type() {
    let a = DistArray::from_vec(vec![1, 2, 3, 4, 5]);
    let expected = array![3, 12];
    assert_eq!(Add.reduceat(&a, [0i32, 2]).run().unwrap(), expected);
    assert_eq!(Add.reduceat(&a, [0u32, 2]).run().unwrap(), expected);
    assert_eq!(Add.reduceat(&a, vec![0i64, 2]).run().unwrap(), expected);
    assert_eq!(Add.reduceat(&a, &[0u64, 2][..]).run().unwrap(), expected);
    assert_eq!(Add.reduceat(&a, array![0isize, 2]).run().unwrap(), expected);
    assert_eq!(Add.reduceat(&a, array![0usize, 1, 2].slice(s![..;2])).run().unwrap(), expected);
    assert_eq!(Add.reduceat(&a, DistArray::from_vec(vec![0i64, 2])).run().unwrap(), expected);
    assert!(Add.reduceat(&a, vec![true, false, true, false, false]).run().is_err());
}
