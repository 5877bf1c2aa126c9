//! `reduce` of universal functions: its options, what it refuses, and the same bits for any number of engines.

use distob::prelude::*;
use distob::ufunc::*;
use distob::{Error, Hub};
use half::f16;
use ndarray::{IxDyn, array};

/// Doubles what it has, and adds: taken in order.
#[distob::ufunc]
fn shifted(x: f64, y: f64) -> f64 {
    2.0 * x + y
}

fn hubs() -> Vec<Hub> {
    let embedded = |n| Hub::builder().embedded().engines(n).start().unwrap();
    vec![embedded(1), embedded(2), embedded(3), embedded(5), Hub::builder().process().engines(2).start().unwrap()]
}

#[distob::test]
fn axes_and_what_is_left_of_them() {
    let x = Array3::from_shape_fn((2, 3, 4), |(i, j, k)| (12 * i + 4 * j + k) as i64);
    let a = DistArray::from(&x);
    assert_eq!(Add.reduce(&a).run().unwrap(), x.sum_axis(Axis(0)).into_dyn());
    assert_eq!(Add.reduce(&a).axis(-1).run().unwrap(), x.sum_axis(Axis(2)).into_dyn());
    assert_eq!(Add.reduce(&x).axes([0, 2]).run().unwrap(), x.sum_axis(Axis(2)).sum_axis(Axis(0)).into_dyn());
    assert_eq!(Add.reduce(&a).axes([2, 0]).keepdims().run().unwrap().shape(), [1, 3, 1]);
    assert_eq!(Add.reduce(&a).all().run().unwrap().shape(), [0usize; 0]);
    assert_eq!(Add.reduce(&a).axes([]).run().unwrap(), x.clone().into_dyn());
    assert_eq!(
        BitwiseXor.reduce(&a).axes([0, 2]).run().unwrap()[[1]],
        x.index_axis(Axis(1), 1).iter().fold(0, |a, b| a ^ b)
    );
    assert_eq!(Gcd.reduce(&a).axes([1, 2]).run().unwrap(), array![1, 1].into_dyn());
    assert_eq!(Add.reduce_all(&a), 276);
    assert_eq!(Add.reduce_axis(&a, Axis(1)), x.sum_axis(Axis(1)));
    assert_eq!(Maximum.reduce_all(x.slice(ndarray::s![.., 1.., ..;-2])), 23);
    assert_eq!(Subtract.reduce_axis(&a, Axis(0)), Array2::from_elem((3, 4), -12i64));
    assert_eq!(Add.reduce(5.0).all().scalar().unwrap(), 5.0);
}

#[distob::test]
fn initial_values_masks_and_types() {
    let a = DistArray::from(array![[1u8, 200, 3], [4, 100, 6]]);
    assert_eq!(Add.reduce_axis(&a, Axis(0)), array![5u8, 44, 9], "in its own type, wrapping");
    assert_eq!(Add.reduce(&a).dtype::<u64>().run().unwrap(), array![5u64, 300, 9].into_dyn());
    assert_eq!(Add.reduce(&a).dtype::<f64>().all().initial(0.5).scalar().unwrap(), 314.5);
    assert_eq!(Maximum.reduce(&a).initial(99).run().unwrap(), array![99u8, 200, 99].into_dyn());
    let mask = array![true, false, true];
    assert_eq!(Add.reduce(&a).axis(1).mask(&mask).run().unwrap(), array![4u8, 10].into_dyn());
    assert_eq!(Multiply.reduce(&a).axis(1).mask(&mask).initial(2).run().unwrap(), array![6u8, 48].into_dyn());
    assert_eq!(Maximum.reduce(&a).axis(1).mask(&mask).initial(0).run().unwrap(), array![3u8, 6].into_dyn());
    // In order: the initial value comes first.
    let x = array![[8.0, 2.0], [3.0, 3.0]];
    assert_eq!(Subtract.reduce(&x).axis(1).initial(100.0).run().unwrap(), array![90.0, 94.0].into_dyn());
    assert_eq!(Divide.reduce(&x).axis(0).initial(24.0).run().unwrap(), array![1.0, 4.0].into_dyn());
    assert_eq!(shifted.reduce(&x).axis(1).run().unwrap(), array![18.0, 9.0].into_dyn());
    assert_eq!(shifted.reduce_all(&array![1.0, 2.0, 3.0]), 11.0);
    // Any number is a flag.
    assert_eq!(LogicalAnd.reduce(&x).run().unwrap(), array![true, true].into_dyn());
    assert_eq!(LogicalOr.reduce(&array![[0, 0], [0, 3]]).axis(1).run().unwrap(), array![false, true].into_dyn());
    assert!(LogicalXor.reduce_all(&array![1i32, 0, 2, 5]));
    assert!(!Less.reduce_all(&array![false, true, true]));
}

/// Values that are lost where the initial one is added last, and tails that tell how often a sum was rounded.
#[distob::test]
fn an_initial_value_comes_first_and_is_rounded_with_the_others() {
    for hub in hubs() {
        let _entered = hub.enter();
        assert_eq!(Add.reduce(&array![-1e16, 1.0]).initial(1e16).scalar().unwrap(), 1.0);
        assert_eq!(
            Add.reduce(&array![[-1e16, 1e16], [1.0, 2.0]]).initial(1e16).run().unwrap(),
            array![1.0, 2e16].into_dyn()
        );
        assert_eq!(Multiply.reduce(&array![1e-300, 1e300]).initial(1e-100).scalar().unwrap(), 0.0);
        assert!((Hypot.reduce(&array![3.0_f64, 12.0]).initial(4.0).scalar().unwrap() - 13.0).abs() < 1e-14);
        assert_eq!(Hypot.reduce(&array![3.0]).axes([]).initial(4.0).run().unwrap(), array![5.0].into_dyn());
        assert_eq!(Subtract.reduce(&array![3.0]).axes([]).initial(4.0).run().unwrap(), array![1.0].into_dyn());
        assert_eq!(Lcm.reduce(&array![4, 6]).initial(10).scalar().unwrap(), 60);
        assert_eq!(Gcd.reduce(&array![12, 18]).initial(-8).scalar().unwrap(), 2);
        // The first element has the initial value in it, in 64 bits; what comes after it is exact. So all is exact but the last rounding.
        let tail = |n: usize, x: f64| (n as f64) * x;
        for (rows, columns) in [(1, 2), (3, 4), (40, 40), (300, 7), (5000, 3), (1200, 1000)] {
            let single = 2f64.powi(-40);
            let x = Array2::from_elem((rows, columns), single as f32);
            let exact = |n: usize, initial: f64| (initial + tail(n, single)) as f32;
            let initial = 1.0 + f32::EPSILON;
            let a = hub.scatter(&x).unwrap();
            let sum = Add.reduce(&a).all().initial(initial).scalar().unwrap();
            assert_eq!(sum, exact(rows * columns, f64::from(initial)));
            let down = Add.reduce(&a).initial(initial).run().unwrap();
            assert!(down.iter().all(|&x| x == exact(rows, f64::from(initial))), "{rows} rows");
            let pending = Add.reduce(&a * 2.0).axis(1).initial(initial).run().unwrap();
            assert!(pending.iter().all(|&x| x == exact(2 * columns, f64::from(initial))), "{columns} columns");
            let halves = Add.reduce(&a).dtype::<f16>().all().initial(f16::ONE).scalar().unwrap();
            assert_eq!(halves, f16::from_f64(1.0 + tail(rows * columns, f16::from_f64(single).to_f64())));
        }
        // Half-way between two numbers, and a little more: 1 + 2^-24 alone is 1.
        let tiny = 2.0f32.powi(-24);
        assert_eq!(Add.reduce(&array![tiny, tiny / 64.0]).initial(1.0).scalar().unwrap(), 1.0 + f32::EPSILON);
        let power = |n: i32| 2.0f32.powi(n);
        assert_eq!(Multiply.reduce(&array![power(100), power(100)]).initial(power(-100)).scalar().unwrap(), power(100));
        let third = f16::from_f64(2f64.powi(-11));
        let sum = Add.reduce(&array![third, f16::from_f64(2f64.powi(-20))]).initial(f16::ONE).scalar().unwrap();
        assert_eq!(sum, f16::ONE + f16::EPSILON);
        let z = num_complex::Complex::new(tiny, 0.0);
        let sum = Add.reduce(&array![z, z / 64.0]).initial(num_complex::Complex::new(1.0, 2.0)).scalar().unwrap();
        assert_eq!(sum, num_complex::Complex::new(1.0 + f32::EPSILON, 2.0));
        assert_eq!(Add.reduce(&array![[200u8, 100]]).axis(1).initial(7).run().unwrap(), array![51u8].into_dyn());
        assert!(Add.reduce(&array![true, false]).initial(false).scalar().unwrap());
        assert_eq!(Maximum.reduce(&array![f16::ONE]).initial(f16::NEG_INFINITY).scalar().unwrap(), f16::ONE);
    }
}

#[distob::test]
fn nothing_has_identities() {
    let none = DistArray::<f64, _>::zeros((0, 3));
    assert_eq!(Add.reduce_axis(&none, Axis(0)), array![0.0, 0.0, 0.0]);
    assert_eq!(Multiply.reduce_axis(&none, Axis(0)), array![1.0, 1.0, 1.0]);
    assert_eq!(Logaddexp.reduce_all(&none), f64::NEG_INFINITY);
    assert_eq!(Hypot.reduce_all(&none), 0.0);
    assert!(LogicalAnd.reduce_all(&none));
    assert_eq!(Maximum.reduce(&none).initial(3.0).run().unwrap(), array![3.0, 3.0, 3.0].into_dyn());
    assert_eq!(Subtract.reduce(&none).axis(1).run().unwrap().shape(), [0]);
    let error = Fmax.reduce(&none).run().unwrap_err().to_string();
    assert_eq!(error, "fmax.reduce of no values (shape [0, 3], axes [0]); give it an initial one");
}

#[distob::test]
fn what_cannot_be_is_said() {
    let a = DistArray::from(array![[1, 2], [3, 0]]);
    let text = |result: distob::Result<DistArray<i32, IxDyn>>| result.map(|_| ()).unwrap_err().to_string();
    assert_eq!(text(Add.reduce(&a).axis(2).run()), "add.reduce: axis 2 is out of range for an array of 2 dimensions");
    assert_eq!(text(Add.reduce(&a).axes([1, -1]).run()), "add.reduce: axis -1 is given twice");
    assert_eq!(text(Subtract.reduce(&a).all().run()), "subtract.reduce: taken in order, it takes one axis, not [0, 1]");
    assert_eq!(
        text(FloorDivide.reduce(&a).axis(1).run()),
        "floor_divide: an integer is divided by zero at index [1, 1]"
    );
    assert_eq!(
        FloorDivide.reduce(&a).axis(0).run().map(|_| ()).unwrap_err().to_string(),
        "floor_divide: an integer is divided by zero at index [1, 1]"
    );
    assert!(matches!(Power.reduce(&DistArray::from(array![2, -1])).run(), Err(Error::Arithmetic { .. })));
    let mask = array![[true, false, true]];
    assert!(matches!(Add.reduce(&a).mask(&mask).run(), Err(Error::Shape { .. })));
    let mask = array![true, false];
    let needs = Maximum.reduce(&a).mask(&mask).run();
    assert_eq!(text(needs), "maximum.reduce: it has no identity, so that with a mask an initial value is wanted");
    assert_eq!(
        text(Subtract.reduce(&a).mask(&mask).run()),
        "subtract.reduce: taken in order, it cannot leave elements out by a mask"
    );
    let flags = Equal.reduce(&array![1.0, 2.0]).run().map(|_| ()).unwrap_err().to_string();
    assert_eq!(flags, "equal.reduce: of two f64 it gives bool, so that it cannot go on");
    assert!(matches!(Add.reduce(&a).axis(0).scalar(), Err(Error::Shape { .. })));
}

/// Bits of what several functions give along each axis of large arrays, from what is there and from what is pending.
fn bits(hub: &Hub) -> Vec<Vec<u64>> {
    let numbers = Array2::from_shape_fn((321, 977), |(i, j)| ((i * 977 + j) as f64 * 0.7).sin() + 0.01);
    let a = hub.scatter(&numbers).unwrap();
    let turned = hub.scatter(numbers.t().as_standard_layout()).unwrap().reversed_axes();
    let mut all = Vec::new();
    macro_rules! of {
        ($($f:expr),*) => {$(
            for axis in [0, 1] {
                let whole: Vec<u64> = $f.reduce(&a).axis(axis).run().unwrap().iter().map(|x: &f64| x.to_bits()).collect();
                let other: Vec<u64> = $f.reduce(&turned).axis(axis).run().unwrap().iter().map(|x: &f64| x.to_bits()).collect();
                assert_eq!(whole, other, "another layout, axis {axis}");
                all.push(whole);
            }
            let pending = (&a * 2.0).sqrt().fmax(0.25);
            let steps = (&a * 2.0).evaluated().unwrap().sqrt().evaluated().unwrap().fmax(0.25).evaluated().unwrap();
            let fused = $f.reduce(&pending).run().unwrap();
            assert_eq!(fused, $f.reduce(&steps).run().unwrap(), "fused and step by step");
        )*};
    }
    of!(Add, Multiply, Maximum, Fmax, Hypot, Logaddexp, Subtract, Divide, Arctan2, shifted);
    all.push(vec![Add.reduce_all(&a).to_bits(), Hypot.reduce_all(&a).to_bits(), Fmax.reduce_all(&a).to_bits()]);
    all
}

#[distob::test]
fn the_same_bits_over_engines() {
    let hubs = hubs();
    let first = bits(&hubs[0]);
    for hub in &hubs[1..] {
        assert!(bits(hub) == first, "{} {:?} engines give other bits", hub.engines(), hub.kind());
    }
}

#[distob::test]
fn of_no_places_there_is_no_value() {
    // Found by the random tests: the reduced axis and what is left are both without elements.
    let none = DistArray::from(ndarray::Array3::<f64>::zeros((0, 2, 0)));
    assert_eq!(Copysign.reduce(&none).axis(0).run().unwrap().shape(), [2, 0]);
    assert_eq!(Fmax.reduce(&none).axes([0, 1]).keepdims().run().unwrap().shape(), [1, 1, 0]);
    assert_eq!(Gcd.reduce(&none.astype::<i32>()).axis(2).run().unwrap().shape(), [0, 2]);
}

/// The values are NumPy's (2.4): `np.gcd.reduce(a, where=False, initial=-4)` and so on.
#[distob::test]
fn of_what_a_mask_omits_the_initial_value_is_left() {
    let none = array![false, false, false];
    let (a, x) = (array![6i32, 9, 12], array![1.0f64, 2.0, 3.0]);
    assert_eq!(Gcd.reduce(&a).mask(&none).initial(-4).scalar().unwrap(), -4);
    assert_eq!(Lcm.reduce(&a).mask(&none).initial(-4).scalar().unwrap(), -4);
    assert_eq!(BitwiseAnd.reduce(&a).mask(&none).initial(5).scalar().unwrap(), 5);
    assert_eq!(BitwiseXor.reduce(&a).mask(&none).initial(5).scalar().unwrap(), 5);
    assert_eq!(Gcd.reduce(&a).mask(&none).initial(i32::MIN).scalar().unwrap(), i32::MIN);
    assert_eq!(Gcd.reduce(&a).mask(&none).scalar().unwrap(), 0);
    let bits = |value: f64| value.to_bits();
    assert_eq!(Hypot.reduce(&x).mask(&none).initial(-4.0).scalar().unwrap(), -4.0);
    for zero in [0.0, -0.0] {
        assert_eq!(bits(Add.reduce(&x).mask(&none).initial(zero).scalar().unwrap()), bits(zero));
        assert_eq!(bits(Multiply.reduce(&x).mask(&none).initial(zero).scalar().unwrap()), bits(zero));
        assert_eq!(bits(Maximum.reduce(&x).mask(&none).initial(zero).scalar().unwrap()), bits(zero));
    }
    assert_eq!(bits(Add.reduce(&x).mask(&none).scalar().unwrap()), bits(0.0));
    assert_eq!(Logaddexp.reduce(&x).mask(&none).initial(-2.5).scalar().unwrap(), -2.5);
    assert_eq!(Logaddexp.reduce(&x).mask(&none).scalar().unwrap(), f64::NEG_INFINITY);
    let greatest: f64 = Fmax.reduce(&x).mask(&none).initial(f64::NAN).scalar().unwrap();
    assert!(greatest.is_nan());
    assert!(LogicalXor.reduce(&x).mask(&none).initial(true).scalar().unwrap());
    assert!(!LogicalAnd.reduce(&x).mask(&none).initial(false).scalar().unwrap());
    let z = array![num_complex::Complex::new(1.0f64, 2.0)];
    let initial = num_complex::Complex::new(-0.0, f64::INFINITY);
    let product: num_complex::Complex<f64> = Multiply.reduce(&z).mask(false).initial(initial).scalar().unwrap();
    assert_eq!((bits(product.re), product.im), (bits(-0.0), f64::INFINITY));
    let half: f16 = Add.reduce(&array![f16::ONE]).mask(false).initial(-f16::ZERO).scalar().unwrap();
    assert_eq!(half.to_bits(), (-f16::ZERO).to_bits());
    // Where it leaves an element the value is joined to that.
    let some = array![true, false, false];
    assert_eq!(Gcd.reduce(&a).mask(&some).initial(-4).scalar().unwrap(), 2);
    assert_eq!(Lcm.reduce(&a).mask(&some).initial(-4).scalar().unwrap(), 12);
    let length: f64 = Hypot.reduce(&x).mask(&some).initial(-4.0).scalar().unwrap();
    assert!((length - 17f64.sqrt()).abs() < 1e-14);
    assert_eq!(Fmax.reduce(&x).mask(&some).initial(f64::NAN).scalar().unwrap(), 1.0);
    // Row by row, along either axis and both; small and large, there and pending.
    for hub in hubs() {
        for (rows, columns) in [(2, 2), (300, 200)] {
            let x = Array2::from_shape_fn((rows, columns), |(i, j)| (i * columns + j + 1) as f64);
            let mask = Array2::from_shape_fn((rows, columns), |(i, j)| i == 0 && j == 0);
            let a = hub.scatter(&x).unwrap();
            let pending = &a + 0.0;
            for a in [&a, &pending] {
                for axis in [0, 1] {
                    let sums = Add.reduce(a).axis(axis).mask(&mask).initial(-0.0).run().unwrap();
                    assert!(sums.iter().skip(1).all(|x| x.to_bits() == bits(-0.0)), "along {axis}");
                    assert_eq!(sums[[0]], 1.0);
                    let lengths = Hypot.reduce(a).axis(axis).mask(&mask).initial(-4.0).run().unwrap();
                    assert!(lengths.iter().skip(1).all(|&x| x == -4.0), "along {axis}");
                    assert!((lengths[[0]] - 17f64.sqrt()).abs() < 1e-14);
                }
                assert_eq!(Hypot.reduce(a).all().mask(false).initial(-4.0).scalar().unwrap(), -4.0);
                let divisors = Gcd.reduce(&a.astype::<i64>()).axis(1).keepdims().mask(&mask).initial(-6).run().unwrap();
                assert_eq!(divisors.shape(), [rows, 1]);
                assert_eq!((divisors[[0, 0]], divisors[[1, 0]]), (1, -6));
                // A mask of rows alone.
                let row = Array2::from_shape_fn((rows, 1), |(i, _)| i == 0);
                let sums = Add.reduce(a).axis(1).mask(&row).initial(-0.0).run().unwrap();
                assert_eq!((sums[[0]], bits(sums[[1]])), (x.row(0).sum(), bits(-0.0)));
            }
        }
    }
}

#[distob::test]
fn an_initial_value_moves_no_place() {
    let place = |result: distob::Result<DistArray<i64, IxDyn>>| match result {
        Err(Error::Arithmetic { index, .. }) => index,
        other => panic!("no arithmetic error: {:?}", other.map(|_| ())),
    };
    for hub in hubs() {
        let a = hub.scatter(array![100i64, 5, 0, 2]).unwrap();
        assert_eq!(place(FloorDivide.reduce(&a).initial(7).run()), [2]);
        assert_eq!(place(FloorDivide.reduce(&a).run()), [2]);
        // The first element is a divisor too.
        let b = hub.scatter(array![[1i64, 0], [3, 0]]).unwrap();
        assert_eq!(place(FloorDivide.reduce(&b).initial(7).run()), [0, 1]);
        assert_eq!(place(Remainder.reduce(&b).axis(1).initial(7).run()), [0, 1]);
        assert_eq!(place(FloorDivide.reduce(&b).run()), [1, 1]);
        assert_eq!(place(Power.reduce(&(&b - 1)).axis(0).initial(2).run()), [0, 1]);
        let long = hub.scatter(Array2::from_shape_fn((3, 50_000), |(i, j)| i64::from((i, j) != (1, 0)))).unwrap();
        assert_eq!(place(Fmod.reduce(&long).axis(1).initial(7).run()), [1, 0]);
        assert_eq!(place(Fmod.reduce(&long).axis(0).initial(7).run()), [1, 0]);
        assert_eq!(FloorDivide.reduce(&long).axis(1).run().unwrap(), array![1, 0, 1].into_dyn());
    }
}
