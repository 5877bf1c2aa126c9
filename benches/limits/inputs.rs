//! What the workloads compute with: the same numbers for every column.

use ndarray::{Array1, Array2};
use rayon::prelude::*;

/// Columns of the two-dimensional form.
pub const WIDTH: usize = 1000;

/// Arrays of `n` numbers, evenly spread over 0.05 to 10: in the domain of every function here, neither so small nor
/// so large that a function has a short way.
pub struct Inputs {
    pub n: usize,
    pub a: Array1<f64>,
    pub b: Array1<f64>,
    pub c: Array1<f64>,
    /// `a` as `n / 1000` rows.
    pub rows: Array2<f64>,
}

impl Inputs {
    pub fn new(n: usize) -> Inputs {
        let [a, b, c] = [1, 2, 3].map(|seed| numbers(n, seed));
        let rows = a.clone().into_shape_with_order((n / WIDTH, WIDTH)).expect("sizes are multiples of the width");
        Inputs { n, a, b, c, rows }
    }
}

fn numbers(n: usize, seed: u64) -> Array1<f64> {
    let mut out = vec![0.0; n];
    out.par_iter_mut().enumerate().for_each(|(i, x)| {
        *x = 0.05 + 9.95 * (mix(i as u64 ^ (seed << 56)) >> 11) as f64 / (1u64 << 53) as f64;
    });
    Array1::from(out)
}

/// A number that looks random and depends on `i` alone (SplitMix64).
pub fn mix(i: u64) -> u64 {
    let mut z = i.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
