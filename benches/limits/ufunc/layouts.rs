//! Operands of other layouts, reductions of rows that feed what is computed of them, and a reduction by a function of the program's own.

#![allow(clippy::reversed_empty_ranges, reason = "a slice's negative end counts from the end of the axis")]

use super::Bench;
use crate::rig::Column;
use crate::targets::Target::{AtMost, Times};
use distob::prelude::*;
use ndarray::{Array1, Array2};
use rayon::prelude::*;

/// Bytes of `f64`.
const SIZE: usize = size_of::<f64>();
/// Elements of a row.
const ROW: usize = 1000;
/// Elements of what is small.
const FEW: usize = 1000;

/// The rows of `n` elements.
pub fn rows(bench: &mut Bench<'_>, n: usize) {
    let x = crate::inputs::Inputs::new(n).a;
    let a = bench.hub.scatter(&x).expect("memory");
    own(bench, n, &x, &a);
    views(bench, n, &x, &a);
    let side = n.isqrt();
    let square = |x: &Array1<f64>| x.slice(s![..side * side]).to_owned().into_shape_with_order((side, side));
    transposed(bench, n, &square(&x).expect("as many numbers"));
    by_rows(bench, n, &x.into_shape_with_order((n / ROW, ROW)).expect("as many numbers"));
}

fn transposed(bench: &mut Bench<'_>, n: usize, x: &Array2<f64>) {
    if !(bench.wants)("add.transposed", n) {
        return;
    }
    let a = bench.hub.scatter(x).expect("memory");
    let t = a.t();
    let columns = vec![
        bench.bytes(2 * x.len() * SIZE, x.len() * SIZE),
        Column::fresh("distob", || (&a + t).evaluated().expect("memory")),
        Column::fresh("ndarray", || x + &x.t()),
    ];
    let effort = bench.effort;
    bench.row("add.transposed", n, "f64", columns, &[Times("ndarray", 4.0)], effort);
}

fn by_rows(bench: &mut Bench<'_>, n: usize, x: &Array2<f64>) {
    let a = bench.hub.scatter(x).expect("memory");
    let effort = bench.effort;
    let column = |reduced: DistArray1<f64>| reduced.insert_axis(Axis(1));
    let there = |reduced: DistArray2<f64>| reduced.evaluated().expect("memory");
    if (bench.wants)("centred_rows", n) {
        let columns = vec![
            bench.bytes(n * SIZE, n * SIZE),
            Column::fresh("distob", || there(&a - &column(a.mean_axis(Axis(1)).expect("a mean")))),
            Column::fresh("steps", || there(&a - &there(column(a.mean_axis(Axis(1)).expect("a mean"))))),
            Column::fresh("ndarray", || x - &x.mean_axis(Axis(1)).expect("a mean").insert_axis(Axis(1))),
        ];
        bench.row("centred_rows", n, "f64", columns, &[Times("steps", 1.0), Times("ndarray", 4.0)], effort);
    }
    if (bench.wants)("softmax_rows", n) {
        let columns = vec![
            bench.bytes(n * SIZE, n * SIZE),
            Column::fresh("distob", || {
                let exps = (&a - &column(a.max_axis(Axis(1)).expect("a maximum"))).exp();
                there(&exps / &column(exps.sum_axis(Axis(1))))
            }),
            Column::fresh("steps", || {
                let exps = (&a - &there(column(a.max_axis(Axis(1)).expect("a maximum")))).exp();
                there(&exps / &there(column(exps.sum_axis(Axis(1)))))
            }),
            Column::fresh("ndarray", || {
                let most = x.fold_axis(Axis(1), f64::NEG_INFINITY, |a, x| a.max(*x)).insert_axis(Axis(1));
                let exps = (x - &most).mapv_into(f64::exp);
                &exps / &exps.sum_axis(Axis(1)).insert_axis(Axis(1))
            }),
        ];
        bench.row("softmax_rows", n, "f64", columns, &[Times("steps", 1.0), Times("ndarray", 4.0)], effort);
    }
}

/// What programs write with slices.
fn views(bench: &mut Bench<'_>, n: usize, x: &Array1<f64>, a: &DistArray1<f64>) {
    let effort = bench.effort;
    if (bench.wants)("slices.second_difference", n) {
        let columns = vec![
            bench.bytes(n * SIZE, n * SIZE),
            Column::fresh("distob", || {
                let sum = a.slice(s![2..]) - a.slice(s![1..-1]) * 2.0 + a.slice(s![..-2]);
                sum.evaluated().expect("memory")
            }),
            Column::fresh("ndarray", || &x.slice(s![2..]) - &x.slice(s![1..-1]) * 2.0 + x.slice(s![..-2])),
        ];
        bench.row("slices.second_difference", n, "f64", columns, &[Times("ndarray", 4.0)], effort);
    }
    if (bench.wants)("slices.assign", n) {
        let (mut b, mut y) = (a.clone(), x.clone());
        let columns = vec![
            bench.bytes(n * SIZE, n * SIZE),
            Column::new("distob", || b.slice_mut(s![1..-1]).assign(a.slice(s![2..]) + a.slice(s![..-2]))),
            Column::new("ndarray", || y.slice_mut(s![1..-1]).assign(&(&x.slice(s![2..]) + &x.slice(s![..-2])))),
        ];
        bench.row("slices.assign", n, "f64", columns, &[Times("ndarray", 4.0)], effort);
    }
    if (bench.wants)("slices.update", n) {
        let (mut b, mut y) = (a.clone(), x.clone());
        let columns = vec![
            bench.bytes(2 * n * SIZE, n * SIZE),
            Column::new("distob", || {
                let mut part = b.slice_mut(s![1..]);
                part += &a.slice(s![..-1]);
            }),
            Column::new("ndarray", || {
                let mut part = y.slice_mut(s![1..]);
                part += &x.slice(s![..-1]);
            }),
        ];
        bench.row("slices.update", n, "f64", columns, &[Times("ndarray", 1.0)], effort);
    }
}

/// Addition of relativistic speeds, as fractions of that of light.
#[distob::ufunc(associative, identity = 0.0)]
fn speeds(x: f64, y: f64) -> f64 {
    (x + y) / (1.0 + x * y)
}

fn own(bench: &mut Bench<'_>, n: usize, x: &Array1<f64>, a: &DistArray1<f64>) {
    if !(bench.wants)("own.reduce", n) {
        return;
    }
    // Far below the speed of light, all of them together.
    let (x, a) = (x * 1e-12, (a * 1e-12).evaluated().expect("memory"));
    let columns = vec![
        bench.bytes(n * SIZE, 0),
        Column::new("distob", || speeds.reduce_all(&a)),
        Column::new("ndarray", || x.fold(0.0, |a, x| speeds(a, *x))),
        Column::new("rayon", || x.par_iter().copied().reduce(|| 0.0, *speeds)),
    ];
    let effort = bench.effort;
    bench.row("own.reduce", n, "f64", columns, &[Times("rayon", 1.0)], effort);
}

/// Small operands that are not row-major.
pub fn small(bench: &mut Bench<'_>, sizes: &[usize]) {
    if !sizes.contains(&FEW) {
        return;
    }
    let effort = bench.effort;
    let x = Array1::linspace(0.5, 2.0, FEW).into_shape_with_order((10, FEW / 10)).expect("as many numbers");
    let y = Array1::linspace(1.0, 3.0, 10).insert_axis(Axis(1));
    let (a, b) = (bench.hub.scatter(&x).expect("memory"), bench.hub.scatter(&y).expect("memory"));
    macro_rules! small {
        ($name:literal, $a:ident, $b:ident, $expression:expr) => {
            if (bench.wants)($name, FEW) {
                let ours = || {
                    let ($a, $b) = (&a, &b);
                    $expression
                };
                let theirs = || {
                    let ($a, $b) = (&x, &y);
                    $expression
                };
                let columns = vec![
                    Column::fresh("distob", || ours().evaluated().expect("memory")),
                    Column::fresh("ndarray", theirs),
                ];
                bench.row($name, FEW, "f64", columns, &[AtMost("ndarray", 1.2)], effort);
            }
        };
    }
    small!("add.column", a, b, a + b);
    small!("centred.column", a, b, (a - b) * a);
}
