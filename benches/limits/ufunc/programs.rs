//! Programs of 1, 5 and 20 instructions over a thousand elements, against a loop by hand.

use super::Bench;
use crate::rig::Column;
use crate::targets::Target::AtMost;
use ndarray::{Array1, Zip};

/// Elements.
const N: usize = 1000;

/// The rows.
pub fn rows(bench: &mut Bench<'_>, sizes: &[usize]) {
    if !sizes.contains(&N) {
        return;
    }
    let hub = bench.hub.clone();
    let (x, y) = (Array1::linspace(0.5, 2.0, N), Array1::linspace(1.0, 3.0, N));
    let (a, b) = (hub.scatter(&x).expect("memory"), hub.scatter(&y).expect("memory"));
    macro_rules! program {
        ($name:literal, $a:ident, $b:ident, $ours:expr, $theirs:expr) => {
            if (bench.wants)($name, N) {
                let columns = vec![
                    Column::fresh("distob", || {
                        let ($a, $b) = (&a, &b);
                        ($ours).evaluated().expect("memory")
                    }),
                    Column::fresh("zip", || Zip::from(&x).and(&y).map_collect(|&$a, &$b| $theirs)),
                ];
                let effort = bench.effort;
                bench.row($name, N, "f64", columns, &[AtMost("zip", 2.0)], effort);
            }
        };
    }
    program!("program_1", a, b, a + b, a + b);
    program!("program_5", a, b, (a * b + 1.0) / (b - 0.25) - a, (a * b + 1.0) / (b - 0.25) - a);
    program!(
        "program_20",
        a,
        b,
        (((((a * b + 1.0) * a + 2.0) * b - 3.0) * a + 4.0) * b - 5.0) * (((a - b) * 0.5 + 1.5) * a)
            + (a * 2.0 - b * 3.0) * 0.125,
        (((((a * b + 1.0) * a + 2.0) * b - 3.0) * a + 4.0) * b - 5.0) * (((a - b) * 0.5 + 1.5) * a)
            + (a * 2.0 - b * 3.0) * 0.125
    );
}
