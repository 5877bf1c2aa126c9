//! Every kernel is a description that engine processes run: `accumulate`, `reduceat`, `at` and products of matrices have chunks there, and the
//! bits of one thread, also while engines are killed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use distob::Hub;
use distob::prelude::*;
use distob::ufunc::{Add, Matmul, Maximum, Multiply, Subtract};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const N: usize = 3_000_000;

fn values(n: usize) -> Array1<f64> {
    Array1::from_shape_fn(n, |i| ((i * 7919) % 10_007) as f64 / 1000.0 - 4.9)
}

fn one_thread() -> Hub {
    Hub::builder().embedded().engines(1).start().unwrap()
}

fn processes(engines: usize) -> Hub {
    Hub::builder().process().engines(engines).start().unwrap()
}

/// Chunks that engine processes have computed.
fn chunks(hub: &Hub) -> u64 {
    hub.activity()
        .iter()
        .filter(|activity| activity.name.starts_with("engine"))
        .map(|activity| activity.counters.chunks)
        .sum()
}

type Case = (&'static str, fn(&Hub, &Array1<f64>) -> Vec<u64>);

fn bits<D: Dimension>(array: &DistArray<f64, D>) -> Vec<u64> {
    array.iter().map(|x| x.to_bits()).collect()
}

/// Numbers below `length` that come in no order.
fn scattered(count: usize, length: usize) -> Vec<i64> {
    (0..count).map(|i| ((i * 7_654_321 + i / 3) % length) as i64).collect()
}

const CASES: [Case; 10] = [
    ("sums of one run", |hub, x| bits(&hub.scatter(x).unwrap().cumsum(Axis(0)))),
    ("sums along rows and columns", |hub, x| {
        let a = hub.scatter(&x.to_shape((1000, N / 1000)).unwrap()).unwrap();
        [bits(&a.cumsum(Axis(0))), bits(&a.cumsum(Axis(1)))].concat()
    }),
    ("greatest values of 16-bit numbers", |hub, x| {
        let a = hub.scatter(&x.mapv(|x| (x * 1000.0) as i16)).unwrap();
        Maximum.accumulate(&a).run().unwrap().iter().map(|&x| x as u64).collect()
    }),
    ("differences, in order, of columns", |hub, x| {
        let a = hub.scatter(&x.to_shape((300, N / 300)).unwrap()).unwrap();
        bits(&Subtract.accumulate(&a).axis(0).run().unwrap())
    }),
    ("segments, short and long", |hub, x| {
        let mut starts: Vec<usize> = (0..200_000).map(|i| i * 5).collect();
        starts.extend([1_000_000, 1_000_003, 2_900_000]);
        bits(&Add.reduceat(&hub.scatter(x).unwrap(), starts).run().unwrap())
    }),
    ("segments of rows", |hub, x| {
        let a = hub.scatter(&x.to_shape((N / 300, 300)).unwrap()).unwrap();
        bits(&Add.reduceat(&a, [0, 4, 1, 5, 9000]).axis(0).run().unwrap())
    }),
    ("updates of few places", |hub, x| {
        let mut a = hub.scatter(&Array1::<f64>::zeros(1000)).unwrap();
        Add.at(&mut a, &scattered(N, 1000), x).unwrap();
        bits(&a)
    }),
    ("updates of many places", |hub, x| {
        let mut a = hub.scatter(&Array1::<f64>::ones(5_000_000)).unwrap();
        Multiply.at(&mut a, &scattered(N, 5_000_000), x).unwrap();
        bits(&a)
    }),
    ("updates of rows", |hub, x| {
        let mut a = hub.scatter(&Array2::<f64>::zeros((5000, 30))).unwrap();
        let values = x.slice(s![..900_000]).to_shape((30_000, 30)).unwrap().to_owned();
        Subtract.at(&mut a, &scattered(30_000, 5000), &values).unwrap();
        bits(&a)
    }),
    ("products of matrices", |hub, x| {
        let wide = x.slice(s![..480_000]).to_shape((600, 800)).unwrap().to_owned();
        let long = x.slice(s![..300_000]).to_shape((10, 30_000)).unwrap().to_owned();
        let (wide, long) = (hub.scatter(&wide).unwrap(), hub.scatter(&long).unwrap());
        [bits(&Matmul.call(&wide, wide.t())), bits(&Matmul.call(&long, long.t()))].concat()
    }),
];

#[distob::test]
fn every_kind_of_kernel_runs_in_engine_processes() {
    let x = values(N);
    let (alone, hub) = (one_thread(), processes(2));
    for (name, case) in CASES {
        let wanted = case(&alone, &x);
        let before = chunks(&hub);
        // An engine that sleeps may be woken too late for a single job.
        let mut rounds = 0;
        while chunks(&hub) == before {
            assert!(case(&hub, &x) == wanted, "{name}: other bits in engine processes");
            rounds += 1;
            assert!(rounds < 50, "{name}: no chunk in an engine process");
        }
    }
}

#[distob::test]
fn killed_engines_change_no_bit() {
    let x = values(N);
    let (alone, hub) = (one_thread(), processes(3));
    let wanted: Vec<_> = CASES.iter().map(|(_, case)| case(&alone, &x)).collect();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut nth = 0;
            while !stop.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_micros(3000 + nth * 7919 % 9000));
                let pids: Vec<u32> = hub.activity().iter().filter_map(|activity| activity.pid).collect();
                if let Some(&pid) = pids.get(nth as usize % pids.len().max(1)) {
                    // It may have ended meanwhile; its number is not given to another before it is reaped.
                    let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
                }
                nth += 1;
            }
        });
        let results: Vec<_> = (0..3).flat_map(|_| CASES.iter().map(|(_, case)| case(&hub, &x))).collect();
        stop.store(true, Ordering::Relaxed);
        for (nth, bits) in results.iter().enumerate() {
            let nth = nth % CASES.len();
            assert!(*bits == wanted[nth], "{}: other bits while engines were killed", CASES[nth].0);
        }
    });
    assert!(hub.deaths() > 0, "no engine was killed");
}
