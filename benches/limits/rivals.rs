//! The competition: what a user of ndarray writes, alone and with rayon, and the same into an array that is there.

use crate::inputs::{Inputs, WIDTH};
use crate::options::call_and_put;
use crate::rig::Column;
use ndarray::{Array1, Array2, ArrayView2, Axis, Zip};
use rayon::prelude::*;

/// Elements of a piece that one rayon task takes: 512 KiB, half of a second-level cache.
const PIECE: usize = 1 << 16;

/// The columns of a function of one number; a macro, so that each is compiled with its function inside, as a user's is.
macro_rules! elementwise {
    ($x:ident, $f:path) => {
        vec![
            Column::fresh("ndarray", || $x.a.mapv($f)),
            Column::fresh("rayon", || Zip::from(&$x.a).par_map_collect(|&a| $f(a))),
            into("ndarray_out", $x.n, |out| Zip::from(out).and(&$x.a).for_each(|out, &a| *out = $f(a))),
            into("rayon_out", $x.n, |out| Zip::from(out).and(&$x.a).par_for_each(|out, &a| *out = $f(a))),
        ]
    };
}

/// The columns of `workload`, `None` where it is none of an array's.
pub fn columns<'a>(workload: &str, x: &'a Inputs) -> Vec<Column<'a>> {
    match workload {
        "add" => vec![
            Column::fresh("ndarray", || &x.a + &x.b),
            Column::fresh("rayon", || Zip::from(&x.a).and(&x.b).par_map_collect(|&a, &b| a + b)),
            into("ndarray_out", x.n, |out| {
                Zip::from(out).and(&x.a).and(&x.b).for_each(|out, &a, &b| *out = a + b);
            }),
            into("rayon_out", x.n, |out| {
                Zip::from(out).and(&x.a).and(&x.b).par_for_each(|out, &a, &b| *out = a + b);
            }),
            into("rayon_out_slices", x.n, |out| {
                pieces(out)
                    .zip(slice(&x.a).par_chunks(PIECE))
                    .zip(slice(&x.b).par_chunks(PIECE))
                    .for_each(|((out, a), b)| out.iter_mut().zip(a).zip(b).for_each(|((out, a), b)| *out = a + b));
            }),
        ],
        "muladd" => vec![
            Column::fresh("ndarray", || &x.a * &x.b + &x.c),
            Column::fresh("rayon", || Zip::from(&x.a).and(&x.b).and(&x.c).par_map_collect(|&a, &b, &c| a * b + c)),
            into("ndarray_out", x.n, |out| {
                Zip::from(out).and(&x.a).and(&x.b).and(&x.c).for_each(|out, &a, &b, &c| *out = a * b + c);
            }),
            into("rayon_out", x.n, |out| {
                Zip::from(out).and(&x.a).and(&x.b).and(&x.c).par_for_each(|out, &a, &b, &c| *out = a * b + c);
            }),
        ],
        "sum" => vec![
            Column::new("ndarray", || x.a.sum()),
            // Each piece by ndarray's own unrolled sum: `par_iter().sum()` adds one number at a time.
            Column::new("rayon", || {
                x.a.axis_chunks_iter(Axis(0), PIECE).into_par_iter().map(|piece| piece.sum()).sum::<f64>()
            }),
        ],
        "sum0" => vec![
            Column::fresh("ndarray", || x.rows.sum_axis(Axis(0))),
            Column::fresh("rayon", || {
                let pieces = x.rows.axis_chunks_iter(Axis(0), PIECE / WIDTH).into_par_iter();
                pieces.map(|piece| piece.sum_axis(Axis(0))).reduce_with(|a, b| a + b)
            }),
        ],
        "sum1" => vec![
            Column::fresh("ndarray", || x.rows.sum_axis(Axis(1))),
            Column::fresh("rayon", || Zip::from(x.rows.rows()).par_map_collect(|row| row.sum())),
        ],
        "mean0" => vec![
            Column::fresh("ndarray", || x.rows.mean_axis(Axis(0))),
            Column::fresh("rayon", || {
                let pieces = x.rows.axis_chunks_iter(Axis(0), PIECE / WIDTH).into_par_iter();
                let sum = pieces.map(|piece| piece.sum_axis(Axis(0))).reduce_with(|a, b| a + b);
                sum.map(|sum| sum / x.rows.nrows() as f64)
            }),
        ],
        "var0" => vec![
            Column::fresh("ndarray", || x.rows.var_axis(Axis(0), 0.0)),
            Column::fresh("rayon", || moments_of_columns(&x.rows).map(|m| m.squares / m.count)),
        ],
        "std" => vec![Column::new("ndarray", || x.a.std(0.0)), Column::new("rayon", || standard_deviation(&x.a))],
        "zscore" => vec![
            Column::fresh("ndarray", || {
                (&x.rows - &x.rows.mean_axis(Axis(0)).expect("not empty")) / x.rows.std_axis(Axis(0), 0.0)
            }),
            Column::fresh("rayon", || {
                let mut out = Array2::zeros(x.rows.raw_dim());
                zscore_rayon(&x.rows, &mut out);
                out
            }),
            {
                let mut out = Array2::zeros(x.rows.raw_dim());
                Column::new("ndarray_out", move || {
                    let mean = x.rows.mean_axis(Axis(0)).expect("not empty");
                    let deviation = x.rows.std_axis(Axis(0), 0.0);
                    let zip = Zip::from(&mut out).and(&x.rows).and_broadcast(&mean).and_broadcast(&deviation);
                    zip.for_each(|out, &x, &m, &s| *out = (x - m) / s);
                })
            },
            {
                let mut out = Array2::zeros(x.rows.raw_dim());
                Column::new("rayon_out", move || zscore_rayon(&x.rows, &mut out))
            },
        ],
        "exp" => elementwise!(x, f64::exp),
        "ln" => elementwise!(x, f64::ln),
        "sin" => elementwise!(x, f64::sin),
        "cos" => elementwise!(x, f64::cos),
        "tanh" => elementwise!(x, f64::tanh),
        "blackscholes" => {
            let (mut calls, mut puts) = (Array1::zeros(x.n), Array1::zeros(x.n));
            vec![
                Column::fresh("ndarray", || {
                    let (mut calls, mut puts) = (Array1::zeros(x.n), Array1::zeros(x.n));
                    let zip = Zip::from(&mut calls).and(&mut puts).and(&x.a).and(&x.b).and(&x.c);
                    zip.for_each(|call, put, &price, &strike, &time| (*call, *put) = call_and_put(price, strike, time));
                    (calls, puts)
                }),
                Column::fresh("rayon", || {
                    let (mut calls, mut puts) = (Array1::zeros(x.n), Array1::zeros(x.n));
                    options_rayon(x, &mut calls, &mut puts);
                    (calls, puts)
                }),
                Column::new("rayon_out", move || options_rayon(x, &mut calls, &mut puts)),
            ]
        }
        "gather" | "scatter_foreign" => vec![
            Column::fresh("ndarray", || x.a.clone()),
            Column::fresh("rayon", || Zip::from(&x.a).par_map_collect(|&a| a)),
        ],
        _ => vec![],
    }
}

fn into<'a>(name: &'static str, n: usize, mut run: impl FnMut(&mut Array1<f64>) + 'a) -> Column<'a> {
    let mut out = Array1::zeros(n);
    Column::new(name, move || run(&mut out))
}

fn slice(array: &Array1<f64>) -> &[f64] {
    array.as_slice().expect("an owned array of one dimension is one slice")
}

fn pieces(array: &mut Array1<f64>) -> rayon::slice::ChunksMut<'_, f64> {
    array.as_slice_mut().expect("an owned array of one dimension is one slice").par_chunks_mut(PIECE)
}

/// Count, mean and sum of squared deviations, of numbers or of each column.
struct Moments<T> {
    count: f64,
    mean: T,
    squares: T,
}

/// Moments of each column: rows in pieces that fit a cache, put together by Chan's formula, so that main memory is read
/// once.
fn moments_of_columns(rows: &Array2<f64>) -> Option<Moments<Array1<f64>>> {
    let of_piece = |piece: ArrayView2<'_, f64>| {
        let count = piece.nrows() as f64;
        let mean = piece.mean_axis(Axis(0)).expect("not empty");
        Moments { count, mean, squares: piece.var_axis(Axis(0), 0.0) * count }
    };
    rows.axis_chunks_iter(Axis(0), PIECE / WIDTH).into_par_iter().map(of_piece).reduce_with(|mut a, b| {
        let count = a.count + b.count;
        let rest = Zip::from(&mut a.mean).and(&mut a.squares).and(&b.mean).and(&b.squares);
        rest.for_each(|mean, squares, &other, &other_squares| {
            let delta = other - *mean;
            *squares += other_squares + delta * delta * a.count * b.count / count;
            *mean += delta * b.count / count;
        });
        Moments { count, ..a }
    })
}

fn standard_deviation(array: &Array1<f64>) -> f64 {
    let pieces = array.axis_chunks_iter(Axis(0), PIECE).into_par_iter();
    let of_piece = pieces.map(|piece| {
        let (count, mean) = (piece.len() as f64, piece.mean().expect("not empty"));
        Moments { count, mean, squares: piece.fold(0.0, |s, x| s + (x - mean) * (x - mean)) }
    });
    let all = of_piece.reduce_with(|a, b| {
        let (count, delta) = (a.count + b.count, b.mean - a.mean);
        let squares = a.squares + b.squares + delta * delta * a.count * b.count / count;
        Moments { count, mean: a.mean + delta * b.count / count, squares }
    });
    all.map_or(f64::NAN, |m| (m.squares / m.count).sqrt())
}

fn zscore_rayon(rows: &Array2<f64>, out: &mut Array2<f64>) {
    let moments = moments_of_columns(rows).expect("not empty");
    let deviation = (moments.squares / moments.count).sqrt();
    let zip = Zip::from(out.rows_mut()).and(rows.rows());
    zip.par_for_each(|out, row| {
        Zip::from(out).and(row).and(&moments.mean).and(&deviation).for_each(|out, &x, &m, &s| *out = (x - m) / s);
    });
}

fn options_rayon(x: &Inputs, calls: &mut Array1<f64>, puts: &mut Array1<f64>) {
    let zip = Zip::from(calls).and(puts).and(&x.a).and(&x.b).and(&x.c);
    zip.par_for_each(|call, put, &price, &strike, &time| (*call, *put) = call_and_put(price, strike, time));
}
