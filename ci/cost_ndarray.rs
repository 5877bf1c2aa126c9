//! The program of `examples/ten_lines.rs` with ndarray's types.

use ndarray::prelude::*;

fn main() {
    let x = Array::linspace(0.0, 1.0, 1000);
    let y = x.mapv(|x| x * x + 1.0);
    let z = (&x + &y) * 2.0;
    let m = Array::from_shape_fn((10, 100), |(i, j)| (i * j) as f64);
    println!("{} {} {:?}", z.sum(), (&z - &y).mean().unwrap_or(0.0), m.sum_axis(Axis(0)).shape());
}
