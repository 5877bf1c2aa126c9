//! Section `ufunc`: every function place by place beside the floor of its bytes, the methods, programs, and layouts.

mod axes;
mod elementwise;
mod layouts;
mod methods;
mod programs;

use crate::floor::Floor;
use crate::report::Row;
use crate::rig::{Column, Effort, measure};
use crate::targets::{Target, judge};
use distob::prelude::*;

/// What the parts of the section share.
pub struct Bench<'a> {
    pub floor: &'a Floor,
    pub hub: Hub,
    pub effort: Effort,
    /// Whether a row is wanted.
    pub wants: &'a dyn Fn(&str, usize) -> bool,
    pub rows: Vec<Row>,
}

impl<'a> Bench<'a> {
    /// All rows that are wanted, of arrays of these numbers of elements.
    pub fn run(mut self, sizes: &[usize]) -> Vec<Row> {
        for &n in sizes.iter().filter(|&&n| n >= 1_000_000) {
            if let Err(error) = self.hub.reserve(6 * n * size_of::<f64>()) {
                eprintln!("{error}");
            }
            elementwise::rows(&mut self, n);
            methods::rows(&mut self, n);
            axes::rows(&mut self, n);
            layouts::rows(&mut self, n);
        }
        programs::rows(&mut self, sizes);
        layouts::small(&mut self, sizes);
        self.rows
    }

    /// Measures a row.
    pub fn row(
        &mut self,
        name: &str,
        n: usize,
        dtype: &'static str,
        columns: Vec<Column<'_>>,
        targets: &[Target],
        effort: Effort,
    ) {
        let figures = measure(columns, effort);
        let verdicts = judge(&["distob"], targets, n, &figures);
        let row =
            Row { section: "ufunc", workload: name.to_owned(), elements: n, dtype, unit: "seconds", figures, verdicts };
        row.print();
        self.rows.push(row);
    }

    /// The floor of so many bytes, read and written.
    pub fn bytes(&self, read: usize, written: usize) -> Column<'a> {
        let floor = self.floor;
        let run: Box<dyn Fn() -> f64> = match (read, written) {
            (read, 0) => Box::new(move || floor.read(read / 8)),
            (0, written) => Box::new(move || floor.pass::<0, 1>(written / 8)),
            (read, written) if read == written => Box::new(move || floor.pass::<1, 1>(written / 8)),
            (read, written) if read == 2 * written => Box::new(move || floor.pass::<2, 1>(written / 8)),
            (read, written) if read > written => {
                Box::new(move || floor.pass::<1, 1>(written / 8) + floor.read((read - written) / 8))
            }
            (read, written) => {
                Box::new(move || floor.pass::<1, 1>(read / 8) + floor.pass::<0, 1>((written - read) / 8))
            }
        };
        Column::new("floor", run).around(move || floor.team.run(&|_| ()), move || floor.team.rest())
    }
}
