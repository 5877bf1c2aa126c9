//! Integers divided by zero and raised to negative powers: an error that names the first place, whatever the layout, on threads
//! and on engine processes, and nothing is changed.

use distob::prelude::*;
use distob::ufunc::{Divmod, FloorDivide, Fmod, Power, Reciprocal, Remainder};
use distob::{Error, Hub};

fn hubs() -> Vec<Hub> {
    let embedded = |n| Hub::builder().embedded().engines(n).start().unwrap();
    vec![embedded(1), embedded(3), Hub::builder().process().engines(2).start().unwrap()]
}

#[track_caller]
fn place<D: Dimension>(array: distob::Result<DistArray<i64, D>>) -> (String, Vec<usize>) {
    match array.and_then(|array| array.evaluated()) {
        Err(Error::Arithmetic { operation, index, .. }) => (operation, index),
        Err(other) => panic!("another error: {other}"),
        Ok(_) => panic!("no error"),
    }
}

#[distob::test]
fn the_first_place_in_row_major_order_is_named() {
    for hub in hubs() {
        for (rows, columns) in [(3, 5), (400, 700)] {
            let mut x = Array2::from_shape_fn((rows, columns), |(i, j)| (i * columns + j) as i64 + 1);
            x[[rows - 1, 1]] = 0;
            x[[rows - 2, 3]] = 0;
            let a = hub.scatter(&x).unwrap();
            let turned = hub.scatter(x.t().as_standard_layout().into_owned()).unwrap().reversed_axes();
            let ones = hub.scatter(Array2::<i64>::ones((rows, columns))).unwrap();
            let first = vec![rows - 2, 3];
            for divisor in [&a, &turned] {
                assert_eq!(place(ones.try_div(divisor)), ("div".to_owned(), first.clone()));
                assert_eq!(place(FloorDivide.try_call(7i64, divisor)), ("floor_divide".to_owned(), first.clone()));
                assert_eq!(place(Remainder.try_call(&ones, divisor)).1, first);
                assert_eq!(place(Fmod.try_call(&ones, divisor)).1, first);
                assert_eq!(place(Reciprocal.try_call(divisor)).1, first);
            }
            if rows == 3 {
                continue;
            }
            // In a longer expression, and where a reduction reads it.
            let pending = (&ones + 3) / (&a * 2) + 1;
            assert_eq!(place(Ok(pending.clone())).1, first);
            assert_eq!(place(Ok(pending.sum_axis(Axis(0)))).1, first);
            let sum = pending.try_sum().unwrap_err();
            assert!(matches!(sum, Error::Arithmetic { ref index, .. } if *index == first), "{sum}");
            // A row of divisors.
            let row = hub.scatter(Array1::from_shape_fn(columns, |j| (j as i64 - 2).pow(2))).unwrap();
            assert_eq!(place(ones.try_rem(&row)), ("rem".to_owned(), vec![0, 2]));
            // The first of several operations that fail is the one that is named.
            let both = ones.try_div(&a).and_then(|q| q.try_rem(&row));
            assert_eq!(place(both).1, first);
        }
    }
}

#[distob::test]
fn negative_exponents_of_integers_are_errors() {
    for hub in hubs() {
        for n in [6, 50_000] {
            let exponents =
                hub.scatter(Array1::from_shape_fn(n, |i| (i % 5) as i64 - i64::from(i % 5 == 4) * 6)).unwrap();
            let (operation, index) = place(Power.try_call(3i64, &exponents));
            assert_eq!((operation.as_str(), index), ("power", vec![4]));
            let fine = exponents.maximum(0);
            let expected = fine.mapv(|e| 3i64.wrapping_pow(e as u32));
            assert_eq!(Power.call(3i64, &fine), expected);
        }
    }
}

#[distob::test]
fn nothing_is_changed_by_an_operation_that_fails() {
    for hub in hubs() {
        for n in [5, 30_000] {
            let x = Array1::from_shape_fn(n, |i| i as i32);
            let mut a = hub.scatter(&x).unwrap();
            let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| a /= &x));
            assert!(failed.is_err());
            assert_eq!(a, x);
            let floats = hub.scatter(x.mapv(f64::from)).unwrap();
            assert!((1.0 / &floats)[0].is_infinite(), "floats have a quotient");
            let (q, r) = Divmod.call(&a, 7);
            assert_eq!((q, r), (DistArray::from(x.mapv(|x| x / 7)), DistArray::from(x.mapv(|x| x % 7))));
        }
    }
}

#[distob::test]
fn arrays_of_nothing_have_quotients() {
    let none = DistArray::<i32, _>::zeros((0, 4));
    assert_eq!((&none / 0).shape(), [0, 4]);
    assert_eq!((1 / &none).sum(), 0);
}
