//! Section `small`: operations on small arrays, eight whole programs and products of matrices, each beside the same text with ndarray's types.

use crate::report::Row;
use crate::rig::{Column, Effort, measure};
use crate::targets::Target::{self, AtMost};
use crate::targets::judge;
use distob::prelude::*;

/// Name, the program as a function of its size, and sizes.
type Program = (&'static str, fn(usize) -> f64, &'static [usize]);

mod source;

#[expect(clippy::reversed_empty_ranges, reason = "ranges that end so far from the end")]
mod theirs {
    use super::Program;
    use ndarray::{Axis, s};
    type Vector = ndarray::Array1<f64>;
    type Matrix = ndarray::Array2<f64>;
    super::source::programs!();
}

#[expect(clippy::reversed_empty_ranges, reason = "ranges that end so far from the end")]
mod ours {
    use super::Program;
    use distob::prelude::*;
    type Vector = DistArray1<f64>;
    type Matrix = DistArray2<f64>;
    super::source::programs!();
}

/// Elements of a vector, and of a side of a matrix.
const SIDES: &[usize] = &[1, 3, 10, 100];
/// Rows, terms and columns of products.
const PRODUCTS: &[[usize; 3]] = &[[256, 256, 256], [512, 512, 512], [1000, 1000, 1000], [4096, 64, 4096]];

/// All rows that are wanted.
pub fn rows(hub: &Hub, effort: Effort, wants: &dyn Fn(&str, usize) -> bool) -> Vec<Row> {
    let _here = hub.enter();
    let mut rows = Vec::new();
    for &side in SIDES {
        let (mut our, mut their) = (ours::Operands::new(side), theirs::Operands::new(side));
        for ((name, mut our), (_, mut their)) in our.operations().into_iter().zip(their.operations()) {
            let workload = format!("small_{name}");
            if wants(&workload, side) {
                assert_eq!(our(), their(), "{name} of {side}");
                let most = if name.ends_with("loop") { 1.15 } else { 1.3 };
                let columns = vec![Column::new("distob", our), Column::new("ndarray", their)];
                rows.push(row(workload, side, "f64", columns, &[AtMost("ndarray", most)], effort));
            }
        }
    }
    for (&(name, our, sizes), &(_, their, _)) in ours::PROGRAMS.iter().zip(theirs::PROGRAMS) {
        for &size in sizes {
            let workload = format!("program_{name}");
            if wants(&workload, size) {
                let (one, other) = (our(size), their(size));
                // Sums are added up in another order than ndarray's.
                assert!((one - other).abs() <= 1e-9 * other.abs(), "{name} of {size}: {one} and {other}");
                let columns =
                    vec![Column::new("distob", move || our(size)), Column::new("ndarray", move || their(size))];
                rows.push(row(workload, size, "f64", columns, &[AtMost("ndarray", 1.0 / 0.9)], effort));
            }
        }
    }
    macro_rules! products {
        ($($dtype:ident),*) => {$(
            for &[n, k, m] in PRODUCTS {
                let workload = format!("product_{n}x{k}x{m}");
                if wants(&workload, n) {
                    let left = Array2::from_shape_fn((n, k), |(i, j)| ((i * 3 + j) % 7) as $dtype);
                    let right = Array2::from_shape_fn((k, m), |(i, j)| ((i + j * 5) % 11) as $dtype);
                    let (a, b) = (DistArray::from(left.clone()), DistArray::from(right.clone()));
                    let columns = vec![
                        Column::fresh("distob", || a.dot(&b)),
                        Column::fresh("ndarray", || left.dot(&right)),
                    ];
                    rows.push(row(workload, n, stringify!($dtype), columns, &[AtMost("ndarray", 1.0)], effort));
                }
            }
        )*};
    }
    products!(f64, f32);
    rows
}

/// Measures a row.
fn row(
    workload: String,
    elements: usize,
    dtype: &'static str,
    columns: Vec<Column<'_>>,
    targets: &[Target],
    effort: Effort,
) -> Row {
    let figures = measure(columns, effort);
    let verdicts = judge(&["distob"], targets, elements, &figures);
    let row = Row { section: "small", workload, elements, dtype, unit: "seconds", figures, verdicts };
    row.print();
    row
}
