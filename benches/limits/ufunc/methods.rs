//! `outer`, reductions of expressions that are never stored, several reductions of one expression, and chains.

use super::Bench;
use crate::rig::Column;
use crate::targets::Target::{AtMost, OfFloor, Times};
use distob::prelude::*;
use distob::ufunc::Add;
use ndarray::{Array1, Array2, Zip};
use rayon::prelude::*;

/// Bytes of `f64`.
const SIZE: usize = size_of::<f64>();

/// The rows of `n` elements.
pub fn rows(bench: &mut Bench<'_>, n: usize) {
    let hub = bench.hub.clone();
    let x = crate::inputs::Inputs::new(n);
    let scattered = |array: &Array1<f64>| hub.scatter(array).expect("memory");
    let (a, b) = (scattered(&x.a), scattered(&x.b));
    outer(bench, n);
    fused(bench, n, (&a, &b), (&x.a, &x.b));
}

/// `n` results of 5,000 numbers and as many as it takes.
fn outer(bench: &mut Bench<'_>, n: usize) {
    if !(bench.wants)("add.outer", n) {
        return;
    }
    let hub = bench.hub.clone();
    let (down, across) = (5000, n / 5000);
    let (u, v) = (Array1::linspace(0.0, 1.0, down), Array1::linspace(2.0, 3.0, across));
    let (p, q) = (hub.scatter(&u).expect("memory"), hub.scatter(&v).expect("memory"));
    let columns = vec![
        bench.bytes(0, n * SIZE),
        Column::fresh("distob", || Add.outer(&p, &q).evaluated().expect("memory")),
        Column::fresh("ndarray", || u.view().insert_axis(Axis(1)).to_owned() + &v),
        Column::fresh("rayon", || {
            let mut out = Array2::<f64>::zeros((down, across));
            Zip::from(out.rows_mut()).and(&u).par_for_each(|mut row, &u| {
                Zip::from(&mut row).and(&v).for_each(|out, &v| *out = u + v);
            });
            out
        }),
    ];
    let effort = bench.effort;
    bench.row("add.outer", n, "f64", columns, &[OfFloor(0.85)], effort);
}

/// Expressions that are read once and never stored, and several reductions of one.
fn fused(
    bench: &mut Bench<'_>,
    n: usize,
    (a, b): (&DistArray1<f64>, &DistArray1<f64>),
    (x, y): (&Array1<f64>, &Array1<f64>),
) {
    let effort = bench.effort;
    if (bench.wants)("square_of_difference.sum", n) {
        let columns = vec![
            bench.bytes(2 * n * SIZE, 0),
            Column::new("distob", || ((a - b) * (a - b)).sum()),
            Column::new("ndarray", || ((x - y) * (x - y)).sum()),
            Column::new("rayon", || Zip::from(x).and(y).into_par_iter().map(|(x, y)| (x - y) * (x - y)).sum::<f64>()),
        ];
        bench.row("square_of_difference.sum", n, "f64", columns, &[OfFloor(0.85)], effort);
    }
    if (bench.wants)("abs.max", n) {
        let columns = vec![
            bench.bytes(n * SIZE, 0),
            Column::new("distob", || a.abs().max()),
            Column::new("ndarray", || x.mapv(f64::abs).fold(0.0, |most, &x| if x > most { x } else { most })),
            Column::new("rayon", || x.par_iter().map(|x| x.abs()).reduce(|| 0.0, f64::max)),
        ];
        bench.row("abs.max", n, "f64", columns, &[OfFloor(0.85)], effort);
    }
    if (bench.wants)("mean_then_std", n) {
        let columns = vec![
            bench.bytes(n * SIZE, 0),
            Column::new("single", || (a + 1.0).std(0.0)),
            Column::new("distob", || {
                let pending = a + 1.0;
                (pending.mean(), pending.std(0.0))
            }),
            Column::new("ndarray", || {
                let made = x + 1.0;
                (made.mean(), made.std(0.0))
            }),
        ];
        bench.row("mean_then_std", n, "f64", columns, &[AtMost("single", 1.1)], effort);
    }
    if (bench.wants)("min_then_max", n) {
        let columns = vec![
            bench.bytes(n * SIZE, 0),
            Column::new("single", || (a + 1.0).max()),
            Column::new("distob", || {
                let pending = a + 1.0;
                (pending.min(), pending.max())
            }),
        ];
        bench.row("min_then_max", n, "f64", columns, &[AtMost("single", 1.1)], effort);
    }
    if (bench.wants)("chain_10", n) {
        let columns = vec![
            bench.bytes(n * SIZE, n * SIZE),
            Column::fresh("single", || (a + 1.5).evaluated().expect("memory")),
            Column::fresh("distob", || {
                let chain =
                    ((((((((((a + 1.5) * 0.5) - 0.25) * 1.5) + 2.0) / 3.0) - 0.5) * 2.5) + 0.125) * 0.75).evaluated();
                chain.expect("memory")
            }),
            Column::fresh("ndarray", || {
                ((((((((((x + 1.5) * 0.5) - 0.25) * 1.5) + 2.0) / 3.0) - 0.5) * 2.5) + 0.125) * 0.75).sum()
            }),
        ];
        bench.row("chain_10", n, "f64", columns, &[AtMost("single", 2.0), Times("ndarray", 1.0)], effort);
    }
}
