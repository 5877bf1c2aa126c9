//! `reduce`, `accumulate`, `reduceat` and `at`: along each axis of tall and wide arrays, of many segments, and at many places.

use super::Bench;
use crate::rig::Column;
use crate::targets::Target::{AtMost, Below, OfFloor, Times};
use distob::prelude::*;
use distob::ufunc::{Add, LogicalAnd, Maximum, Multiply};
use ndarray::{Array1, Array2, Zip};
use rayon::prelude::*;

/// Bytes of `f64`.
const SIZE: usize = size_of::<f64>();
/// The length of the other axis.
const SHORT: usize = 1000;
/// Elements of the small `reduceat`.
const FEW: usize = 1_000_000;

/// The rows of `n` elements.
pub fn rows(bench: &mut Bench<'_>, n: usize) {
    let hub = bench.hub.clone();
    // Numbers near 1, whose products stay in range.
    let numbers: Vec<f64> = (0..n as u64)
        .into_par_iter()
        .map(|i| 1.0 + ((crate::inputs::mix(i) >> 40) as f64 - 8388608.0) * 1e-13)
        .collect();
    let tall = Array2::from_shape_vec((n / SHORT, SHORT), numbers).expect("as many numbers");
    let a = hub.scatter(&tall).expect("memory");
    reductions(bench, n, "", &tall, &a);
    accumulations(bench, n, "", &tall, &a);
    let wide = tall.into_shape_with_order((SHORT, n / SHORT)).expect("as many numbers");
    let a = a.reshape((SHORT, n / SHORT));
    reductions(bench, n, "_wide", &wide, &a);
    accumulations(bench, n, "_wide", &wide, &a);
    let flat = wide.into_shape_with_order(n).expect("as many numbers");
    let a = a.reshape(n);
    whole(bench, n, &flat, &a);
    segments(bench, n, &flat, &a);
    places(bench, n, &flat, &a);
}

fn reductions(bench: &mut Bench<'_>, n: usize, tag: &str, theirs: &Array2<f64>, ours: &DistArray2<f64>) {
    macro_rules! reduction {
        ($name:literal, $Name:ident, $axis:literal, $first:expr, $join:expr) => {
            let label = format!("{}.reduce{}{tag}", $name, $axis);
            if (bench.wants)(&label, n) {
                let axis = Axis($axis);
                let columns = vec![
                    bench.bytes(n * SIZE, 0),
                    Column::new("distob", || $Name.reduce_axis(ours, axis).evaluated().expect("memory")),
                    Column::new("ndarray", || theirs.fold_axis(axis, $first, $join)),
                    Column::new("rayon", || {
                        if $axis == 0 {
                            theirs
                                .axis_chunks_iter(Axis(0), 256.min(theirs.nrows()))
                                .into_par_iter()
                                .map(|rows| rows.fold_axis(Axis(0), $first, $join))
                                .reduce_with(|a, b| Zip::from(&a).and(&b).map_collect(|a, b| $join(a, &(*b).into())))
                        } else {
                            let rows: Vec<_> = theirs
                                .axis_iter(Axis(0))
                                .into_par_iter()
                                .map(|row| row.fold($first, |a, x| $join(&a, x)))
                                .collect();
                            Some(Array1::from(rows))
                        }
                    }),
                ];
                let effort = bench.effort;
                bench.row(&label, n, "f64", columns, &[OfFloor(0.85)], effort);
            }
        };
    }
    reduction!("add", Add, 0, 0.0, |a: &f64, x: &f64| a + x);
    reduction!("add", Add, 1, 0.0, |a: &f64, x: &f64| a + x);
    reduction!("multiply", Multiply, 0, 1.0, |a: &f64, x: &f64| a * x);
    reduction!("multiply", Multiply, 1, 1.0, |a: &f64, x: &f64| a * x);
    reduction!("maximum", Maximum, 0, f64::NEG_INFINITY, |a: &f64, x: &f64| if a > x { *a } else { *x });
    reduction!("maximum", Maximum, 1, f64::NEG_INFINITY, |a: &f64, x: &f64| if a > x { *a } else { *x });
    macro_rules! logical {
        ($axis:literal) => {
            let label = format!("logical_and.reduce{}{tag}", $axis);
            if (bench.wants)(&label, n) {
                let columns = vec![
                    bench.bytes(n * SIZE, 0),
                    Column::new("distob", || LogicalAnd.reduce_axis(ours, Axis($axis)).evaluated().expect("memory")),
                    Column::new("ndarray", || theirs.fold_axis(Axis($axis), true, |a, x| *a & (*x != 0.0))),
                ];
                let effort = bench.effort;
                bench.row(&label, n, "f64", columns, &[OfFloor(0.85)], effort);
            }
        };
    }
    logical!(0);
    logical!(1);
}

fn accumulations(bench: &mut Bench<'_>, n: usize, tag: &str, theirs: &Array2<f64>, ours: &DistArray2<f64>) {
    macro_rules! accumulation {
        ($axis:literal, $rayon:expr) => {
            let label = format!("add.accumulate{}{tag}", $axis);
            if (bench.wants)(&label, n) {
                let columns = vec![
                    bench.bytes(n * SIZE, n * SIZE),
                    Column::fresh("distob", || ours.cumsum(Axis($axis))),
                    Column::fresh("ndarray", || {
                        let mut out = theirs.clone();
                        out.accumulate_axis_inplace(Axis($axis), |before, x| *x += before);
                        out
                    }),
                    Column::fresh("rayon", $rayon),
                ];
                let effort = bench.effort;
                bench.row(&label, n, "f64", columns, &[OfFloor(0.75)], effort);
            }
        };
    }
    accumulation!(0, || {
        let mut out = theirs.clone();
        out.axis_chunks_iter_mut(Axis(1), theirs.ncols().div_ceil(8)).into_par_iter().for_each(|mut columns| {
            columns.accumulate_axis_inplace(Axis(0), |before, x| *x += before);
        });
        out
    });
    accumulation!(1, || {
        let mut out = theirs.clone();
        out.axis_iter_mut(Axis(0)).into_par_iter().for_each(|mut row| {
            row.accumulate_axis_inplace(Axis(0), |before, x| *x += before);
        });
        out
    });
}

fn whole(bench: &mut Bench<'_>, n: usize, theirs: &Array1<f64>, ours: &DistArray1<f64>) {
    if (bench.wants)("add.accumulate", n) {
        let columns = vec![
            bench.bytes(n * SIZE, n * SIZE),
            Column::fresh("distob", || ours.cumsum(Axis(0))),
            Column::fresh("ndarray", || {
                let mut out = theirs.clone();
                out.accumulate_axis_inplace(Axis(0), |before, x| *x += before);
                out
            }),
        ];
        let effort = bench.effort;
        bench.row("add.accumulate", n, "f64", columns, &[OfFloor(0.75)], effort);
    }
}

fn segments(bench: &mut Bench<'_>, n: usize, theirs: &Array1<f64>, ours: &DistArray1<f64>) {
    let loops = |x: &[f64], starts: &[usize]| -> Vec<f64> {
        let ends = starts.iter().skip(1).copied().chain([x.len()]);
        starts.iter().zip(ends).map(|(&start, end)| x[start..end].iter().sum()).collect()
    };
    for (name, count) in [("add.reduceat_1e4", 10_000), ("add.reduceat_1e6", 1_000_000)] {
        if (bench.wants)(name, n) {
            let starts: Vec<usize> = (0..count).map(|i| i * (n / count)).collect();
            let columns = vec![
                bench.bytes(n * SIZE + count * SIZE, 0),
                Column::new("distob", || Add.reduceat(ours, &starts).run().expect("segments")),
                Column::new("loop", || loops(theirs.as_slice().expect("one dimension"), &starts)),
            ];
            let effort = bench.effort;
            bench.row(name, n, "f64", columns, &[OfFloor(0.7), Times("loop", 1.0)], effort);
        }
    }
    if (bench.wants)("add.reduceat_of_1e6", n) {
        let (x, part) = (theirs.slice(s![..FEW]), bench.hub.scatter(theirs.slice(s![..FEW])).expect("memory"));
        let starts: Vec<usize> = (0..10_000).map(|i| i * (FEW / 10_000)).collect();
        let columns = vec![
            Column::new("distob", || Add.reduceat(&part, &starts).run().expect("segments")),
            Column::new("loop", || loops(x.as_slice().expect("one dimension"), &starts)),
        ];
        let effort = bench.effort;
        bench.row("add.reduceat_of_1e6", FEW, "f64", columns, &[Below(0.2e-3)], effort);
    }
}

/// 1e7 additions at random places.
fn places(bench: &mut Bench<'_>, n: usize, theirs: &Array1<f64>, ours: &DistArray1<f64>) {
    const ADDITIONS: usize = 10_000_000;
    if !(ADDITIONS..2 * ADDITIONS).contains(&n) {
        return;
    }
    for (name, size) in [("add.at_1e3", 1000), ("add.at_1e6", 1_000_000), ("add.at_1e8", 100_000_000)] {
        if (bench.wants)(name, n) {
            let hub = bench.hub.clone();
            let indices: Vec<i64> =
                (0..ADDITIONS as u64).map(|i| (crate::inputs::mix(i ^ 0x77) % size as u64) as i64).collect();
            let there = hub.scatter(Array1::from(indices.clone())).expect("memory");
            let by = ours.slice(s![..ADDITIONS]).to_owned();
            let values = theirs.as_slice().expect("one dimension");
            let mut target = hub.scatter(Array1::<f64>::zeros(size)).expect("memory");
            let mut plain = vec![0.0; size];
            let columns = vec![
                Column::new("distob", move || Add.at(&mut target, &there, &by).expect("places")),
                Column::new("loop", move || {
                    for (&i, &x) in indices.iter().zip(values) {
                        plain[i as usize] += x;
                    }
                }),
            ];
            let effort = bench.effort;
            let target = if size < 100_000_000 { Times("loop", 3.0) } else { AtMost("loop", 1.0) };
            bench.row(name, n, "f64", columns, &[target], effort);
        }
    }
}
