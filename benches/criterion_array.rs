//! Criterion's view of the commonest operations, beside ndarray's: `cargo bench --bench criterion_array`.
//!
//! For following one of them while it is worked on. What has to be reached, and the machine's floor, are in `limits`.

use criterion::{BenchmarkId, Criterion, Throughput};
use distob::prelude::*;

#[distob::main]
fn main() -> distob::Result<()> {
    let mut criterion = Criterion::default().configure_from_args();
    let hub = Hub::local()?;
    let _entered = hub.enter();
    for n in [1_000, 100_000, 10_000_000] {
        let x = Array1::linspace(0.1, 10.0, n);
        let a = hub.scatter(&x)?;
        let mut group = criterion.benchmark_group(format!("{n}"));
        group.throughput(Throughput::Bytes(8 * n as u64)).sample_size(20);
        // Each keeps its last result until the next is there, as a user's loop does.
        let mut last = None;
        group.bench_function(BenchmarkId::new("add", "distob"), |b| {
            b.iter(|| last = (&a + &a).evaluated().ok());
        });
        let mut last = None;
        group.bench_function(BenchmarkId::new("add", "ndarray"), |b| b.iter(|| last = Some(&x + &x)));
        group.bench_function(BenchmarkId::new("sum", "distob"), |b| b.iter(|| a.sum()));
        group.bench_function(BenchmarkId::new("sum", "ndarray"), |b| b.iter(|| x.sum()));
        group.bench_function(BenchmarkId::new("std", "distob"), |b| b.iter(|| a.std(0.0)));
        group.bench_function(BenchmarkId::new("std", "ndarray"), |b| b.iter(|| x.std(0.0)));
        // The product is never stored.
        group.bench_function(BenchmarkId::new("dot", "distob"), |b| b.iter(|| (&a * &a).sum()));
        group.bench_function(BenchmarkId::new("dot", "ndarray"), |b| b.iter(|| (&x * &x).sum()));
        group.finish();
    }
    criterion.final_summary();
    Ok(())
}
