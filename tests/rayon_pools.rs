//! Rayon and a hub: operations from inside a rayon pool use its threads, closures see a pool of the hub's width, tasks one of their engine's.

use std::collections::BTreeSet;
use std::sync::Mutex;

use distob::prelude::*;
use rayon::prelude::*;

const N: usize = 2_000_000;

fn embedded(engines: usize) -> Hub {
    Hub::builder().embedded().engines(engines).start().unwrap()
}

/// A width that is not that of rayon's global pool.
fn other_width() -> usize {
    rayon::current_num_threads() + 1
}

fn name() -> String {
    std::thread::current().name().unwrap_or_default().to_owned()
}

#[test]
fn closures_see_a_pool_of_the_hubs_width() {
    for width in [rayon::current_num_threads(), other_width(), 1] {
        let hub = embedded(width);
        let a = hub.scatter(&Array1::<f64>::ones(N)).unwrap();
        let seen = a.mapv(|_| rayon::current_num_threads() as u32);
        assert!(seen.iter().all(|&threads| threads as usize == width), "{width}: {:?}", seen.first());
    }
}

#[test]
fn closures_may_use_rayon_themselves() {
    for width in [2, other_width()] {
        let hub = embedded(width);
        let a = hub.scatter(&Array1::from_shape_fn(20_000, |i| i as f64)).unwrap();
        let nested = |x: f64| (0..100).into_par_iter().map(|k| k as f64).sum::<f64>() + x;
        let expected: Vec<f64> = (0..20_000).map(|i| 4950.0 + i as f64).collect();
        assert_eq!(a.mapv(nested).as_slice().unwrap(), expected);
    }
}

#[test]
fn operations_from_inside_a_pool_use_its_threads() {
    let hub = embedded(3);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).thread_name(|i| format!("mine-{i}")).build().unwrap();
    let a = hub.scatter(&Array1::<f64>::ones(N)).unwrap();
    // The hub's workers are awake, and could take part.
    let outside = Mutex::new(BTreeSet::new());
    let inside = Mutex::new(BTreeSet::new());
    for _ in 0..20 {
        assert_eq!((&a + 1.0).sum(), 2.0 * N as f64);
        let note = |names: &Mutex<BTreeSet<String>>, x: f64| {
            if x == 1.0 && (x.to_bits() >> 52) % 2 == 1 {
                names.lock().unwrap().insert(name());
            }
            x + 1.0
        };
        let sum = pool.install(|| a.mapv(|x| note(&inside, x)).sum());
        assert_eq!(sum, 2.0 * N as f64);
        a.mapv(|x| note(&outside, x));
    }
    let inside = inside.into_inner().unwrap();
    assert!(inside.len() > 1 && inside.iter().all(|name| name.starts_with("mine-")), "{inside:?}");
    assert!(outside.into_inner().unwrap().iter().all(|name| !name.starts_with("mine-")));
}

#[test]
fn many_operations_at_once_inside_a_pool_give_the_bits_of_one() {
    let hub = embedded(2);
    let a = hub.scatter(&Array1::from_shape_fn(300_000, |i| (i % 1013) as f64 / 7.0)).unwrap();
    let one = |k: usize| ((&a * k as f64).sin() + &a).sum().to_bits();
    let expected: Vec<u64> = (0..200).map(one).collect();
    let all: Vec<u64> = (0..200).into_par_iter().map(one).collect();
    assert_eq!(all, expected);
    // A shared pending value, which one of them computes while others wait for it.
    let shared = (&a * 3.0).cos();
    let sums: Vec<u64> = (0..100).into_par_iter().map(|k| (&shared + k as f64).sum().to_bits()).collect();
    let again = (&a * 3.0).cos();
    assert!(sums.iter().enumerate().all(|(k, &sum)| sum == (&again + k as f64).sum().to_bits()));
}

#[test]
fn a_panic_inside_a_pool_is_the_callers() {
    let hub = embedded(other_width());
    let a = hub.scatter(&Array1::from_shape_fn(N, |i| i as f64)).unwrap();
    let caught = std::panic::catch_unwind(|| a.mapv(|x| if x == 1_234_567.0 { panic!("unlucky {x}") } else { x }));
    assert!(caught.unwrap_err().downcast_ref::<String>().unwrap().contains("unlucky 1234567"));
    assert_eq!(a.mapv(|x| x - x).sum(), 0.0);
}

#[test]
fn a_task_sees_a_pool_of_its_engines_width() {
    let hub = Hub::builder().process().engines(2).threads(3).start().unwrap();
    let width = hub.submit(|(): ()| rayon::current_num_threads() as u64, ()).unwrap().wait().unwrap();
    assert_eq!(width, 3);
}

/// A hub of a width of its own, and what tasks on it compute with.
static WAITED: std::sync::OnceLock<(Hub, DistArray1<f64>)> = std::sync::OnceLock::new();

#[test]
fn closures_may_wait_for_tasks_that_run_closures() {
    let (hub, a) = WAITED.get_or_init(|| {
        let hub = embedded(other_width());
        let a = hub.scatter(&Array1::from_shape_fn(N, |i| i as f64)).unwrap();
        (hub, a)
    });
    fn sum_of_squares((): ()) -> f64 {
        let (_, a) = WAITED.get().unwrap();
        a.mapv(|x| x % 2.0).sum()
    }
    let begun = std::time::Instant::now();
    let waits =
        a.mapv(|x| if x % 250_000.0 == 0.0 { hub.submit(sum_of_squares, ()).unwrap().wait().unwrap() } else { 0.0 });
    assert_eq!(waits.sum(), 8.0 * N as f64 / 2.0);
    assert!(begun.elapsed() < std::time::Duration::from_secs(30), "{:?}", begun.elapsed());
}
