//! Functions place by place and of all pairs: operands of every kind, results into arrays that are there, masks, errors.

use distob::functions;
use distob::prelude::*;
use distob::ufunc::{
    Add, Arctan2, Divmod, FloorDivide, Hypot, Less, Maximum, Modf, Multiply, Negative, Reciprocal, Sqrt, Subtract,
};
use distob::{Error, Hub};
use ndarray::{Ix0, array, aview1};

fn hubs() -> Vec<Hub> {
    let embedded = |n| Hub::builder().embedded().engines(n).start().unwrap();
    vec![embedded(2), Hub::builder().process().engines(2).start().unwrap()]
}

#[distob::test]
fn operands_are_arrays_views_and_numbers() {
    let x = array![[1.0, 4.0], [9.0, 16.0]];
    let a = DistArray::from(&x);
    let expected = x.mapv(f64::sqrt);
    assert_eq!(Sqrt.call(&a), expected);
    assert_eq!(Sqrt.call(&x), expected);
    assert_eq!(Sqrt.call(x.view()), expected);
    assert_eq!(Sqrt.call(x.slice(ndarray::s![..;-1, ..])), expected.slice(ndarray::s![..;-1, ..]));
    assert_eq!(Sqrt.call(9.0)[()], 3.0);
    assert_eq!(Hypot.call(3.0, &array![4.0, 0.0]), array![5.0, 3.0]);
    assert_eq!(Hypot.call(&a, aview1(&[0.0, 0.0])), x);
    assert_eq!(Hypot.call(3.0, 4.0), ndarray::arr0(5.0));
    let _: DistArray<f64, Ix0> = Hypot.call(3.0, 4.0);
    assert_eq!(functions::arctan2(1.0, &array![1.0, -1.0]), Arctan2.call(1.0, &array![1.0, -1.0]));
    assert_eq!(Less.call(&a, 5.0), array![[true, true], [false, false]]);
    let (fract, whole) = Modf.call(&array![1.25, -2.5]);
    assert_eq!((fract, whole), (DistArray::from(array![0.25, -0.5]), DistArray::from(array![1.0, -2.0])));
    let (q, r) = Divmod.call(&array![7, -7], 3);
    assert_eq!((q, r), (DistArray::from(array![2, -3]), DistArray::from(array![1, 2])));
}

#[distob::test]
fn shapes_that_do_not_fit_are_named() {
    let error = Add.try_call(&array![1, 2, 3], &array![1, 2]).unwrap_err();
    assert_eq!(error.to_string(), "add: shapes [3] and [2] do not fit");
    let (one, other) = (Hub::builder().embedded().start().unwrap(), Hub::builder().embedded().start().unwrap());
    let (a, b) = (one.scatter(array![1.0]).unwrap(), other.scatter(array![1.0]).unwrap());
    assert!(matches!(Add.try_call(&a, &b), Err(Error::ForeignHub { .. })));
    assert!(matches!(Add.try_outer(&a, &b), Err(Error::ForeignHub { .. })));
}

#[distob::test]
fn results_go_into_arrays_that_are_there() {
    for hub in hubs() {
        for n in [7, 100_000] {
            let x = Array1::from_shape_fn(n, |i| i as f64 - 3.0);
            let a = hub.scatter(&x).unwrap();
            let mut out = hub.scatter(&Array2::<f64>::zeros((2, n))).unwrap();
            let memory = out.as_ptr();
            Subtract.call_into(&a, 1.0, &mut out).unwrap();
            assert_eq!(out.row(1), x.mapv(|x| x - 1.0));
            assert_eq!(out.as_ptr(), memory, "no fresh memory");
            let kept = out.clone();
            Negative.call_into(&a, &mut out).unwrap();
            assert_eq!(out.row(0), -&x);
            assert_eq!(kept.row(0), x.mapv(|x| x - 1.0));
            let error = Add.call_into(&out, 1.0, &mut hub.scatter(&x).unwrap()).unwrap_err();
            assert!(matches!(error, Error::Shape { .. }), "{error}");
        }
    }
}

#[distob::test]
fn masks_say_where() {
    for hub in hubs() {
        for n in [9, 60_000] {
            let x = Array1::from_shape_fn(n, |i| i as i64 * 7);
            let y = Array1::from_shape_fn(n, |i| (i % 4) as i64);
            let (a, b) = (hub.scatter(&x).unwrap(), hub.scatter(&y).unwrap());
            let mask = b.not_equal(0);
            let mut out = hub.scatter(Array1::from_elem(n, -1i64)).unwrap();
            FloorDivide.call_where(&a, &b, &mask, &mut out).unwrap();
            let expected = Array1::from_shape_fn(n, |i| if i % 4 == 0 { -1 } else { i as i64 * 7 / (i % 4) as i64 });
            assert_eq!(out, expected);
            // Where the mask lets a zero through, that place is named, and nothing is changed.
            let error = FloorDivide.call_where(&a, &b, b.less(2), &mut out).unwrap_err();
            assert!(matches!(error, Error::Arithmetic { ref index, .. } if *index == [0]), "{error}");
            assert_eq!(out, expected);
            Negative.call_where(&a, &mask, &mut out).unwrap();
            assert_eq!(out[5], -35);
            assert_eq!(out[8], -1);
            // A mask that is stretched, and reads what is written.
            let mut square = hub.scatter(Array2::<i64>::zeros((3, n))).unwrap();
            Maximum.call_where(&a, 5i64, &mask, &mut square).unwrap();
            assert_eq!((square[[2, 1]], square[[2, 4]], square[[0, 7]]), (7, 0, 49));
        }
    }
}

#[distob::test]
fn every_pair() {
    for hub in hubs() {
        let (x, y) =
            (Array1::from_shape_fn(700, |i| i as f64), Array2::from_shape_fn((20, 30), |(i, j)| (i * 30 + j) as f64));
        let (a, b) = (hub.scatter(&x).unwrap(), hub.scatter(&y).unwrap());
        let table = Subtract.outer(&a, b.t());
        assert_eq!(table.shape(), [700, 30, 20]);
        assert_eq!(table, Array3::from_shape_fn((700, 30, 20), |(i, j, k)| x[i] - y[[k, j]]));
        let pending = Multiply.outer(&(&a + 1.0), &x);
        assert_eq!(pending[[3, 5]], 20.0);
        assert_eq!(Add.outer(2.0, &y), &y + 2.0);
        assert_eq!(Add.outer(&y, 2.0), &y + 2.0);
        assert_eq!(Add.outer(&Array1::<f64>::zeros(0), &y).shape(), [0, 20, 30]);
        assert_eq!(Less.outer(&array![1, 2], &array![2, 3]), array![[true, true], [false, true]]);
    }
}

#[distob::test]
fn an_array_that_is_there_stays_as_it_was_after_an_arithmetic_error() {
    for hub in hubs() {
        for n in [7, 100_000] {
            let (x, before) = (Array1::from_shape_fn(n, |i| (n - 1 - i) as i64), Array1::from_elem(n, -1i64));
            let a = hub.scatter(&x).unwrap();
            let mut out = hub.scatter(&before).unwrap();
            let place = |result: distob::Result<()>| match result {
                Err(Error::Arithmetic { index, .. }) => assert_eq!(index, [n - 1]),
                other => panic!("no arithmetic error: {other:?}"),
            };
            place(FloorDivide.call_into(12i64, &a, &mut out));
            assert_eq!(out, before);
            place(FloorDivide.call_into(&x, &a + 0, &mut out));
            assert_eq!(out, before);
            place(Reciprocal.call_into(&a, &mut out));
            assert_eq!(out, before);
            // What is small and there is an error of its own line.
            let quotient = (&a + 0).evaluated().unwrap().try_div(&a);
            if let Ok(quotient) = quotient {
                place(out.try_assign(quotient * 2));
            } else {
                assert_eq!(n, 7);
            }
            assert_eq!(out, before);
            FloorDivide.call_into(12i64, &a + 1, &mut out).unwrap();
            assert_eq!(out, x.mapv(|x| 12 / (x + 1)));
        }
    }
}
