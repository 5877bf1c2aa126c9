//! Operators against ndarray's: random shapes, memory orders and strides, broadcasting, empty arrays, NaN, all kinds of operands.

use distob::prelude::*;
use ndarray::{ArcArray, Slice};
use proptest::prelude::*;

/// A shape, and for each axis whether an operand is stretched along it.
fn shapes() -> impl Strategy<Value = (Vec<usize>, Vec<bool>, Vec<bool>)> {
    let lengths = prop_oneof![
        4 => prop::collection::vec(0usize..6, 0..5),
        // Large enough for programs and jobs.
        1 => (130usize..170, 130usize..180).prop_map(|(a, b)| vec![a, b]),
        1 => (1usize..4, 90usize..120, 130usize..180).prop_map(|(a, b, c)| vec![a, b, c]),
    ];
    lengths.prop_flat_map(|shape| {
        let rank = shape.len();
        let flags = || prop::collection::vec(prop::bool::weighted(0.25), rank);
        (Just(shape), flags(), flags())
    })
}

/// An array of `shape` (stretched axes are of length 1) with an unusual layout, and the same as a DistArray.
fn pair(hub: &Hub, shape: &[usize], stretched: &[bool], layout: u8, seed: u64) -> (ArrayD<f64>, DistArrayD<f64>) {
    let shape: Vec<usize> = shape.iter().zip(stretched).map(|(&n, &one)| if one { 1 } else { n }).collect();
    // Twice as long along axis 0, so that a step can be taken.
    let mut long = shape.clone();
    if layout & 4 != 0 && !long.is_empty() {
        long[0] *= 2;
    }
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        match state >> 60 {
            0 => f64::NAN,
            1 => 0.0,
            _ => (state >> 20) as f64 / 1e12 - 8.0,
        }
    };
    let mut array = if layout & 1 != 0 {
        ArrayD::from_shape_simple_fn(long.clone().f(), &mut next)
    } else {
        ArrayD::from_shape_simple_fn(long.clone(), &mut next)
    };
    let mut dist = hub.scatter(&array).unwrap();
    if layout & 4 != 0 && !long.is_empty() {
        array.slice_axis_inplace(Axis(0), Slice::new(0, None, 2));
        dist.slice_axis_inplace(Axis(0), Slice::new(0, None, 2));
    }
    if layout & 2 != 0 && !shape.is_empty() {
        array.invert_axis(Axis(shape.len() - 1));
        dist.invert_axis(Axis(shape.len() - 1));
    }
    (array, dist)
}

fn same(left: &ArrayD<f64>, right: &DistArrayD<f64>) -> bool {
    left.shape() == right.shape()
        && left.iter().zip(right.iter()).all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arithmetic_has_ndarrays_values_and_shapes(
        (shape, left, right) in shapes(), layouts in (0u8..8, 0u8..8), seed: u64, process: bool,
    ) {
        let hub = hub(process);
        let (x, dx) = pair(hub, &shape, &left, layouts.0, seed);
        let (y, dy) = pair(hub, &shape, &right, layouts.1, !seed);
        prop_assert!(same(&(&x + &y), &(&dx + &dy)));
        prop_assert!(same(&(&x - &y), &(dx.clone() - &dy)));
        prop_assert!(same(&(&x * &y), &(&dx * dy.clone())));
        prop_assert!(same(&(&x / &y), &(dx.clone() / dy.clone())));
        prop_assert!(same(&(&x % &y), &(&dx % &dy)));
        prop_assert!(same(&(&x + &y), &(&x + &dy)));
        prop_assert!(same(&(&x - &y), &(&dx - &y)));
        prop_assert!(same(&(&x * &y), &(x.view() * dy.clone())));
        prop_assert!(same(&(&x * 2.0), &(&dx * 2.0)));
        prop_assert!(same(&(3.0 / &x), &(3.0 / &dx)));
        prop_assert!(same(&-&x, &-&dx));
        // A longer expression, in one program where it is large.
        prop_assert!(same(&((&x + &y) * &x - 0.5 * &y), &((&dx + &dy) * &dx - 0.5 * &dy)));
    }

    #[test]
    fn assigning_operators_have_ndarrays_values((shape, _, right) in shapes(), layouts in (0u8..8, 0u8..8), seed: u64) {
        let hub = hub(false);
        let stretched = vec![false; shape.len()];
        let (mut x, mut dx) = pair(hub, &shape, &stretched, layouts.0, seed);
        let (y, dy) = pair(hub, &shape, &right, layouts.1, !seed);
        let before = dx.clone();
        let x0 = x.clone();
        x += &y;
        dx += &dy;
        x *= 3.0;
        dx *= 3.0;
        x -= &y;
        dx -= &y;
        prop_assert!(same(&x, &dx));
        prop_assert!(same(&x0, &before), "a clone keeps its elements");
        x /= &dy;
        dx /= dy;
        prop_assert!(same(&x, &dx));
    }

    #[test]
    fn comparisons_and_choice((shape, left, right) in shapes(), layouts in (0u8..8, 0u8..8), seed: u64) {
        let hub = hub(false);
        let (x, dx) = pair(hub, &shape, &left, layouts.0, seed);
        let (y, dy) = pair(hub, &shape, &right, layouts.1, !seed);
        let (bx, by) = (x.broadcast(shape.clone()), y.broadcast(shape));
        let (Some(bx), Some(by)) = (bx, by) else { return Ok(()) };
        let mask = dx.less(&dy);
        let expected = ndarray::Zip::from(&bx).and(&by).map_collect(|a, b| a < b);
        if mask.shape() == expected.shape() {
            prop_assert_eq!(&mask, &expected);
            let chosen = mask.choose(&dx, &dy);
            let expected = ndarray::Zip::from(&bx).and(&by).map_collect(|&a, &b| if a < b { a } else { b });
            prop_assert!(same(&expected, &chosen));
            prop_assert_eq!(mask.count(), bx.iter().zip(&by).filter(|(a, b)| a < b).count());
            prop_assert_eq!((!&mask | &mask).all(), true);
        }
    }
}

/// A hub for all tests of this file: starting one for each case would be slow.
fn hub(process: bool) -> &'static Hub {
    static EMBEDDED: std::sync::OnceLock<Hub> = std::sync::OnceLock::new();
    static PROCESS: std::sync::OnceLock<Hub> = std::sync::OnceLock::new();
    match process {
        true => PROCESS.get_or_init(|| Hub::builder().process().engines(2).start().unwrap()),
        false => EMBEDDED.get_or_init(|| Hub::builder().embedded().engines(2).start().unwrap()),
    }
}

#[test]
fn integers_wrap_and_shift() {
    let hub = hub(false);
    for n in [10, 30_000] {
        let a = hub.scatter(&Array1::from_elem(n, i32::MAX)).unwrap();
        assert_eq!(&a + 1, Array1::from_elem(n, i32::MIN));
        assert_eq!(&a >> 30, Array1::from_elem(n, 1));
        assert_eq!(1 + (&a & 0xff), Array1::from_elem(n, 256));
        assert_eq!(!&a ^ &a, Array1::from_elem(n, -1));
        let flags = hub.scatter(&Array1::from_elem(n, true)).unwrap();
        assert!((&flags & !&flags).equal(false).all());
    }
}

#[test]
fn complex_numbers() {
    let i = num_complex::Complex::new(0.0, 1.0);
    let a = hub(false).scatter(&Array1::from_elem(20_000, i)).unwrap();
    assert_eq!(&a * &a + 1.0 * i, Array1::from_elem(20_000, i - 1.0));
    assert_eq!(i * &a, Array1::from_elem(20_000, i * i));
}

#[test]
fn every_kind_of_operand_on_either_side() {
    let hub = hub(false);
    let x = Array2::from_shape_fn((3, 4), |(i, j)| (i * 4 + j) as f64);
    let row = Array1::from(vec![1.0, 2.0, 3.0, 4.0]);
    let (d, r) = (hub.scatter(&x).unwrap(), hub.scatter(&row).unwrap());
    let expected = &x + &row;
    assert_eq!(&d + &r, expected);
    assert_eq!(&d + row.view(), expected);
    let (row_view, x_view) = (row.view(), x.view());
    // The reference is what is tested.
    #[expect(clippy::op_ref)]
    {
        assert_eq!(&d + &row_view, expected);
        assert_eq!(&x_view + r.clone(), expected);
    }
    assert_eq!(&d + row.clone(), expected);
    assert_eq!(&d + &*row, expected);
    assert_eq!(&d + ArcArray::from(row.clone()), expected);
    assert_eq!(x.view() + &r, expected);
    assert_eq!(&*x + &r, expected);
    assert_eq!(x.clone() + r.clone(), expected);
    let mut y = x.clone();
    y += &r;
    assert_eq!(y, expected);
    let mut v = x.clone();
    v.slice_mut(s![.., ..]).add_assign_dist(&r);
    assert_eq!(v, expected);
}

trait AddAssignDist {
    fn add_assign_dist(self, rhs: &DistArray1<f64>);
}

impl AddAssignDist for ArrayViewMut2<'_, f64> {
    fn add_assign_dist(mut self, rhs: &DistArray1<f64>) {
        self += rhs;
    }
}

/// An array times a number keeps its dimension type where that is generic, as in ndarray.
fn twice<D: ndarray::Dimension>(a: &DistArray<f64, D>) -> DistArray<f64, D> {
    a * 2.0
}

#[test]
fn generic_code_keeps_its_dimension() {
    let a = hub(false).scatter(&array![[1.0, 2.0]]).unwrap();
    assert_eq!(twice(&a), array![[2.0, 4.0]]);
}

#[test]
fn a_mismatch_panics_where_the_expression_is_built() {
    let hub = hub(false);
    let a = hub.scatter(&Array2::<f64>::zeros((2, 3))).unwrap();
    let b = hub.scatter(&Array1::<f64>::zeros(4)).unwrap();
    let error = a.try_add(&b).err().unwrap();
    assert!(matches!(&error, distob::Error::Shape { left, right, .. } if left == &[2, 3] && right == &[4]), "{error}");
    let line = std::sync::Arc::new(std::sync::Mutex::new(0));
    let seen = line.clone();
    let old = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| *seen.lock().unwrap() = info.location().map_or(0, |l| l.line())));
    let here = line!() + 1;
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(&a + &b)));
    std::panic::set_hook(old);
    assert!(result.is_err());
    assert_eq!(*line.lock().unwrap(), here);
}

#[test]
fn two_hubs_do_not_mix() {
    let other = Hub::builder().embedded().engines(1).start().unwrap();
    let a = hub(false).scatter(&Array1::<f64>::zeros(5)).unwrap();
    let b = other.scatter(&Array1::<f64>::zeros(5)).unwrap();
    assert!(matches!(a.try_add(&b), Err(distob::Error::ForeignHub { .. })));
    let big = other.scatter(&Array1::<f64>::zeros(50_000)).unwrap();
    let mine = hub(false).scatter(&Array1::<f64>::zeros(50_000)).unwrap();
    assert!(matches!(mine.try_mul(&big), Err(distob::Error::ForeignHub { .. })));
    assert!(matches!(mine.try_mul(&(&big + 1.0)), Err(distob::Error::ForeignHub { .. })));
}

#[test]
fn a_few_elements_have_the_bits_of_many() {
    // NaNs keep their payloads, and of two the same one is left, whatever the number of elements.
    let nan = |payload: u64| f64::from_bits(0x7ff8_0000_0000_0000 | payload);
    let values = [nan(1), nan(2), 1.0, -0.0, 0.0, f64::INFINITY, 5e-324, -1.5];
    let hub = Hub::builder().embedded().engines(2).start().unwrap();
    let n = 40_000;
    for (i, &a) in values.iter().enumerate() {
        for &b in &values {
            let (few_a, few_b) =
                (hub.scatter(Array1::from_elem(3, a)).unwrap(), hub.scatter(Array1::from_elem(3, b)).unwrap());
            let (many_a, many_b) =
                (hub.scatter(Array1::from_elem(n, a)).unwrap(), hub.scatter(Array1::from_elem(n, b)).unwrap());
            let bits = |x: &DistArray1<f64>| (x[0].to_bits(), x[2].to_bits());
            assert_eq!(bits(&(&few_a + &few_b)), bits(&(&many_a + &many_b)), "{i}: {a} + {b}");
            assert_eq!(bits(&(&few_a - &few_b)), bits(&(&many_a - &many_b)), "{i}: {a} - {b}");
            assert_eq!(bits(&(&few_a * &few_b)), bits(&(&many_a * &many_b)), "{i}: {a} * {b}");
            assert_eq!(bits(&(&few_a / &few_b)), bits(&(&many_a / &many_b)), "{i}: {a} / {b}");
            assert_eq!(bits(&(&few_a + b)), bits(&(&many_a + b)), "{i}: {a} + number {b}");
            assert_eq!(bits(&(a - &few_b)), bits(&(a - &many_b)), "{i}: number {a} - {b}");
            let (mut few, mut many) = (few_a.clone(), many_a.clone());
            few *= &few_b;
            many *= &many_b;
            assert_eq!(bits(&few), bits(&many), "{i}: {a} *= {b}");
        }
    }
}
