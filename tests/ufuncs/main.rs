//! The whole grid of universal functions: every function, every type, every method, in several layouts, against what NumPy (and, of
//! elementary functions, arithmetic of 200 bits) gives. `ci/ufuncs` runs it and prints how many cells of how many hold.

mod page;
mod records;
mod table;
mod value;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many cells there are of each method, and those that do not hold.
#[derive(Default)]
pub struct Grid {
    held: BTreeMap<&'static str, usize>,
    all: BTreeMap<&'static str, usize>,
    failures: Vec<String>,
    /// Results differ in this hub and layout from the first: how often was compared.
    pub compared: usize,
}

impl Grid {
    /// Counts a cell; a panic is a failure too. There are thousands of them, so that this is compiled once.
    pub fn cell(
        &mut self,
        method: &'static str,
        name: &dyn Fn() -> String,
        check: &mut dyn FnMut() -> Result<usize, String>,
    ) {
        *self.all.entry(method).or_default() += 1;
        match catch_unwind(AssertUnwindSafe(check)) {
            Ok(Ok(compared)) => {
                *self.held.entry(method).or_default() += 1;
                self.compared += compared;
            }
            Ok(Err(why)) => self.failures.push(format!("{}: {why}", name())),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "a panic".to_owned());
                self.failures.push(format!("{}: panicked: {text}", name()));
            }
        }
    }
}

#[distob::test]
fn the_grid_holds() {
    std::panic::set_hook(Box::new(|_| ()));
    let records = records::read();
    let mut grid = Grid::default();
    table::run(&records, &mut grid);
    let _ = std::panic::take_hook();
    for failure in grid.failures.iter().take(400) {
        println!("{failure}");
    }
    for (method, all) in &grid.all {
        println!("{method}: {} of {all} cells hold", grid.held.get(method).unwrap_or(&0));
    }
    let (held, all) = (grid.held.values().sum::<usize>(), grid.all.values().sum::<usize>());
    println!("{held} of {all} cells hold, {} numbers compared", grid.compared);
    assert!(all > 0 && grid.compared > 100_000, "the grid is empty");
    assert_eq!(grid.failures.len(), 0, "{} cells do not hold", grid.failures.len());
}
