//! `#[distob::ufunc]`: functions of a program's own, place by place, in pairs, fused, in engine processes.

use distob::prelude::*;
use distob::{Error, Hub};

/// Linear interpolation towards 1, as far as `t` says.
#[distob::ufunc]
fn towards_one(x: f64, t: f64) -> f64 {
    x + (1.0 - x) * t
}

#[distob::ufunc]
fn collatz(x: u32) -> u32 {
    if x.is_multiple_of(2) { x / 2 } else { 3 * x + 1 }
}

#[distob::ufunc]
fn inside(x: f32, limit: i32) -> bool {
    x.abs() < limit as f32
}

#[distob::ufunc(associative, identity = 1.0)]
fn odds(x: f64, y: f64) -> f64 {
    x * y
}

#[distob::ufunc]
fn picky(x: i64) -> i64 {
    assert!(x != 70_001, "not this one");
    x
}

/// The product of 2 by 2 matrices modulo a prime, four numbers of 16 bits each: associative, and not commutative.
#[distob::ufunc(associative, identity = 1 | 1 << 48)]
fn matrices(x: u64, y: u64) -> u64 {
    let at = |m: u64, row: u64, column: u64| m >> (16 * (2 * row + column)) & 0xffff;
    let cell = |row, column| (at(x, row, 0) * at(y, 0, column) + at(x, row, 1) * at(y, 1, column)) % 65_521;
    cell(0, 0) | cell(0, 1) << 16 | cell(1, 0) << 32 | cell(1, 1) << 48
}

mod elsewhere {
    /// Another function of the same name.
    #[distob::ufunc]
    pub fn collatz(x: u32) -> u32 {
        x + 1
    }
}

fn hubs() -> Vec<Hub> {
    let embedded = |n| Hub::builder().embedded().engines(n).start().unwrap();
    vec![embedded(1), embedded(3), Hub::builder().process().engines(2).start().unwrap()]
}

#[distob::test]
fn a_function_is_called_as_before_and_on_arrays() {
    assert_eq!(towards_one(3.0, 0.5), 2.0);
    assert_eq!((collatz(7), elsewhere::collatz(7)), (22, 8));
    for hub in hubs() {
        for n in [1, 37, 300_000] {
            let x = Array1::from_shape_fn(n, |i| i as f64 * 0.25 - 3.0);
            let a = hub.scatter(&x).unwrap();
            assert_eq!(towards_one.call(&a, 0.5), x.mapv(|x| towards_one(x, 0.5)));
            assert_eq!(towards_one.call(0.25, &a), x.mapv(|t| towards_one(0.25, t)));
            let counts = Array1::from_shape_fn(n, |i| i as u32);
            let c = hub.scatter(&counts).unwrap();
            assert_eq!(collatz.call(&c), counts.mapv(*collatz));
            assert_eq!(elsewhere::collatz.call(&c), counts.mapv(|x| x + 1));
            let f = a.astype::<f32>();
            assert_eq!(inside.call(&f, 2), x.mapv(|x| x.abs() < 2.0));
            // Every second one, backwards: read where it is.
            let turned = a.clone().slice_move(ndarray::s![..;-2]);
            assert_eq!(towards_one.call(&turned, 0.5), x.slice(ndarray::s![..;-2]).mapv(|x| towards_one(x, 0.5)));
        }
    }
}

#[distob::test]
fn it_is_fused_with_what_is_around_it() {
    for hub in hubs() {
        let x = Array1::from_shape_fn(200_000, |i| (i % 1000) as f64 * 0.5);
        let a = hub.scatter(&x).unwrap();
        let expression = towards_one.call(&(&a * 2.0), &a.sin()) + 1.0;
        let steps = {
            let doubled = (&a * 2.0).evaluated().unwrap();
            let sines = a.sin().evaluated().unwrap();
            towards_one.call(&doubled, &sines).evaluated().unwrap() + 1.0
        };
        assert!(expression.is_pending());
        assert_eq!(expression.sum().to_bits(), steps.sum().to_bits());
        assert_eq!(expression, steps);
    }
}

#[distob::test]
fn every_pair_of_elements() {
    let (x, y) = (ndarray::array![0.0, 2.0], ndarray::array![[0.0, 0.5], [1.0, 0.25]]);
    let table = towards_one.outer(&x, &y);
    assert_eq!(table.shape(), [2, 2, 2]);
    assert_eq!(table[[1, 0, 1]], 1.5);
    assert_eq!(odds.outer(&x, 3.0), ndarray::array![0.0, 6.0]);
}

#[distob::test]
fn a_panic_inside_of_it_is_an_error_and_costs_nothing_else() {
    for hub in hubs() {
        let a = hub.scatter(Array1::from_shape_fn(200_000, |i| i as i64)).unwrap();
        let pending = picky.call(&a);
        match pending.eval() {
            Err(Error::Panicked { message, .. }) => assert_eq!(message, "not this one"),
            other => panic!("{:?}", other.map(|_| ())),
        }
        assert_eq!(picky.call(&(&a / 4)).sum(), (0..200_000).map(|i| i / 4).sum::<i64>());
    }
}

#[distob::test]
fn what_may_be_grouped_keeps_its_order() {
    let numbers = |n: usize| Array1::from_shape_fn(n, |i| (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let one = 1 | 1 << 48;
    for hub in hubs() {
        for n in [1, 2, 127, 128, 129, 1000, 2048, 2049, 6000, 300_001] {
            let x = numbers(n);
            let wanted = x.iter().skip(1).fold(x[0], |product, &m| matrices(product, m));
            let a = hub.scatter(&x).unwrap();
            assert_eq!(matrices.reduce_all(&a), wanted, "of {n}");
            assert_eq!(matrices.reduce(&a).initial(x[0]).scalar().unwrap(), matrices(x[0], wanted));
            let starts = [0, n / 3, n / 2];
            let segments = matrices.reduceat(&a, starts).run().unwrap();
            let fold = |from: usize, to: usize| {
                let rest = x.slice(ndarray::s![from + 1..to.max(from + 1)]);
                rest.iter().fold(x[from], |product, &m| matrices(product, m))
            };
            assert_eq!(segments, array![fold(0, n / 3), fold(n / 3, n / 2), fold(n / 2, n)]);
        }
        for shape in [(3, 5000), (5000, 3), (700, 70), (9000, 2)] {
            let x = numbers(shape.0 * shape.1).into_shape_with_order(shape).unwrap();
            let a = hub.scatter(&x).unwrap();
            for axis in [Axis(0), Axis(1)] {
                let wanted = x.fold_axis(axis, one, |&product, &m| matrices(product, m));
                assert_eq!(matrices.reduce_axis(&a, axis), wanted, "{shape:?} along {axis:?}");
                let turned = a.clone().reversed_axes();
                assert_eq!(matrices.reduce_axis(&turned, Axis(1 - axis.index())), wanted);
            }
            let wanted = x.iter().fold(one, |product, &m| matrices(product, m));
            assert_eq!(matrices.reduce(&a).all().scalar().unwrap(), wanted);
        }
    }
}
