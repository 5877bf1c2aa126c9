//! kill -9 of engines in the middle of work: the same bits after it, no call that hangs, nothing left behind. Work that ends
//! engines by itself is lost by name, and never ends the hub.
//!
//! `ci/soak kills --rounds N` runs more rounds than `cargo test` does.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use distob::prelude::*;
use distob::{Error, Hub};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Rows and columns: uneven on purpose, and large enough (8 MB) that engines take part.
const SHAPE: (usize, usize) = (1009, 991);

fn rounds() -> u64 {
    std::env::var("DISTOB_SOAK_ROUNDS").map_or(40, |rounds| rounds.parse().expect("DISTOB_SOAK_ROUNDS is a number"))
}

fn input() -> Array2<f64> {
    Array2::from_shape_fn(SHAPE, |(i, j)| ((i * 7919 + j * 104_729) % 10_007) as f64 / 1000.0 - 4.5)
}

/// The bits of several results: elementwise, along each axis, whole.
fn work(hub: &Hub, input: &Array2<f64>) -> distob::Result<Vec<u64>> {
    let a = hub.scatter(input)?;
    let z = (&a - &a.mean_axis(Axis(0)).expect("rows")) / &a.std_axis(Axis(0), 0.0);
    let e = ((&z * 0.5).exp() + &a * &a).evaluated()?;
    let mut bits: Vec<u64> = e.iter().step_by(997).map(|x| x.to_bits()).collect();
    bits.push(e.sum().to_bits());
    bits.extend(e.sum_axis(Axis(1)).iter().map(|x| x.to_bits()));
    bits.extend(e.t().var_axis(Axis(0), 1.0).iter().map(|x| x.to_bits()));
    bits.push(e.argmax().unwrap().0 as u64);
    Ok(bits)
}

/// A generator without state elsewhere: which engine, when.
fn next(seed: &AtomicU64) -> u64 {
    let x = seed.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 20
}

struct Finally<'a>(&'a AtomicBool);

impl Drop for Finally<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Kills engines of `hub` at random moments until `stop`; returns how many.
fn kill_engines(hub: &Hub, stop: &AtomicBool, seed: &AtomicU64) {
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_micros(500 + next(seed) % 6000));
        let pids: Vec<u32> = hub.activity().iter().filter_map(|activity| activity.pid).collect();
        if pids.is_empty() {
            continue;
        }
        let pid = Pid::from_raw(pids[next(seed) as usize % pids.len()] as i32);
        // It may have gone by itself meanwhile; the agent has not reaped it, or the number would not be listed.
        let _ = kill(pid, Signal::SIGKILL);
    }
}

#[distob::test]
fn killed_engines_cost_time_and_nothing_else() {
    let input = input();
    let expected = work(&Hub::builder().embedded().engines(1).start().unwrap(), &input).unwrap();
    let hub = Hub::builder().process().engines(2).start().unwrap();
    let (stop, seed) = (AtomicBool::new(false), AtomicU64::new(1));
    let mut longest = Duration::ZERO;
    std::thread::scope(|scope| {
        scope.spawn(|| kill_engines(&hub, &stop, &seed));
        let _stop = Finally(&stop);
        for round in 0..rounds() {
            let begun = Instant::now();
            let bits = work(&hub, &input).unwrap();
            longest = longest.max(begun.elapsed());
            assert!(bits == expected, "round {round}: other bits after {} deaths", hub.deaths());
        }
    });
    println!("{} rounds, {} engines killed, the longest round took {longest:?}", rounds(), hub.deaths());
    assert!(u64::from(hub.deaths()) * 10 >= rounds(), "only {} engines died in {} rounds", hub.deaths(), rounds());
    assert!(longest < Duration::from_secs(20), "a round took {longest:?}");
}

#[distob::test]
fn tasks_survive_or_are_lost_by_name() {
    fn slow(x: u64) -> u64 {
        std::thread::sleep(Duration::from_micros(300));
        x + 1
    }
    let hub = Hub::builder().process().engines(2).start().unwrap();
    let (stop, seed) = (AtomicBool::new(false), AtomicU64::new(2));
    let (mut done, mut lost) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| kill_engines(&hub, &stop, &seed));
        let _stop = Finally(&stop);
        for round in 0..rounds() {
            let repeatable: Vec<_> = (0..8).map(|i| hub.task(slow).idempotent().call(i).unwrap()).collect();
            let once: Vec<_> = (0..8).map(|i| hub.submit(slow, i).unwrap()).collect();
            for (i, pending) in repeatable.into_iter().enumerate() {
                match pending.wait() {
                    Ok(value) => assert_eq!(value, i as u64 + 1, "round {round}"),
                    // Three times in a row is rare, and allowed.
                    Err(Error::EngineLost { deaths: 3, .. }) => lost += 1,
                    Err(other) => panic!("round {round}: {other}"),
                }
            }
            for (i, pending) in once.into_iter().enumerate() {
                match pending.wait() {
                    Ok(value) => {
                        assert_eq!(value, i as u64 + 1, "round {round}");
                        done += 1;
                    }
                    Err(Error::EngineLost { task, deaths: 1, .. }) => {
                        assert!(task.starts_with("fn(u64) -> u64 at ") && task.contains(file!()), "{task}");
                        lost += 1;
                    }
                    Err(other) => panic!("round {round}: {other}"),
                }
            }
        }
    });
    println!("{done} tasks done, {lost} lost by name, {} engines killed", hub.deaths());
    assert!(done > 0);
}

/// More elements than the hub's own thread computes before an engine has woken.
const LARGE: usize = 1_000_000;

/// Ways to end a process from inside.
const ENDS: [(fn(), &str); 3] =
    [(|| std::process::abort(), "SIGABRT"), (|| std::process::exit(7), "exit status: 7"), (overflow, "SIGSEGV")];

fn overflow() {
    fn deeper(n: u64) -> u64 {
        let frame = std::hint::black_box([n; 512]);
        if n == u64::MAX { 0 } else { 1 + deeper(n + 1) + frame[3] }
    }
    std::hint::black_box(deeper(0));
}

/// Runs `call` until it is an error, which takes an engine that takes part.
fn until_lost<R>(mut call: impl FnMut() -> distob::Result<R>) -> Error {
    let begun = Instant::now();
    loop {
        if let Err(error) = call() {
            return error;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "no engine took part");
    }
}

#[distob::test]
fn a_chunk_that_ends_three_engines_is_lost_by_name_and_never_the_hubs() {
    let hub = Hub::builder().process().engines(2).start().unwrap();
    let a = hub.scatter(&Array1::from_iter(0..LARGE as u64)).unwrap();
    for (nth, (_, words)) in ENDS.iter().enumerate() {
        let before = hub.deaths();
        // Deadly to every process but this one.
        let state = (std::process::id(), nth as u64);
        let error = until_lost(|| {
            a.try_map_with(&state, |&(hub, nth), x| {
                if std::process::id() != hub && x % 4096 == 17 {
                    ENDS[nth as usize].0();
                }
                x
            })
        });
        let told = |text: &str| text.contains(words);
        assert!(
            matches!(&error, Error::EngineLost { task, deaths: 3, reason, .. } if task == "map_with" && told(reason)),
            "{error}"
        );
        let deaths = hub.deaths() - before;
        assert!(deaths >= 3, "{deaths} deaths");
        // Nothing of it is left: the next call is computed by everybody.
        assert_eq!(a.map_with(&1u64, |one, x| x + one).max(), Some(LARGE as u64));
        assert_eq!(hub.submit(|x: u32| x + 1, 1).unwrap().wait().unwrap(), 2);
    }
}

#[distob::test]
fn a_chunk_that_ends_an_engine_once_or_twice_is_computed_by_another() {
    let hub = Hub::builder().process().engines(2).start().unwrap();
    let a = hub.scatter(&Array1::from_iter(0..LARGE as u64)).unwrap();
    let directory = std::env::temp_dir().join(format!("distob-kills-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    for times in [1, 2u64] {
        let state = (std::process::id(), times, directory.to_str().unwrap().to_owned());
        let run = || {
            a.try_map_with(&state, |(hub, times, directory), x| {
                if std::process::id() != *hub && x % 65_536 == 17 {
                    // So often for each of these elements.
                    for n in 0..*times {
                        let mark = std::path::Path::new(directory).join(format!("{times}-{x}-{n}"));
                        if std::fs::File::create_new(mark).is_ok() {
                            std::process::abort();
                        }
                    }
                }
                x + 1
            })
        };
        let begun = Instant::now();
        let before = hub.deaths();
        while hub.deaths() == before {
            assert_eq!(run().unwrap().sum(), (1..=LARGE as u64).sum::<u64>());
            assert!(begun.elapsed() < Duration::from_secs(60), "no engine took part");
        }
    }
    std::fs::remove_dir_all(directory).unwrap();
}

/// Set by those who may compute [`fussy`].
static LIVES: AtomicBool = AtomicBool::new(false);

#[distob::ufunc]
fn fussy(x: f64) -> f64 {
    if x == 5.0 && !LIVES.load(Ordering::Relaxed) {
        std::process::abort()
    }
    x
}

#[distob::test]
fn a_function_of_the_program_that_ends_engines_is_lost_by_name() {
    // Engines never ran this.
    LIVES.store(true, Ordering::Relaxed);
    let hub = Hub::builder().process().engines(2).start().unwrap();
    let a = hub.scatter(&Array1::from_shape_fn(LARGE, |i| (i % 4096) as f64)).unwrap();
    let error = until_lost(|| fussy.call(&a).eval().map(drop));
    assert!(matches!(&error, Error::EngineLost { deaths: 3, .. }), "{error}");
    assert_eq!(a.max(), Some(4095.0));
}

#[distob::test]
fn an_infallible_call_panics_with_the_error() {
    let hub = Hub::builder().process().engines(2).start().unwrap();
    let a = hub.scatter(&Array1::from_iter(0..LARGE as u64)).unwrap();
    let here = std::process::id();
    let deadly = |hub: &u32, x: u64| if std::process::id() == *hub { x } else { std::process::abort() };
    let text = loop {
        let call = std::panic::AssertUnwindSafe(|| a.map_with(&here, deadly));
        if let Err(payload) = std::panic::catch_unwind(call) {
            break *payload.downcast::<String>().unwrap();
        }
    };
    assert!(text.contains("\"map_with\" was lost with engine"), "{text}");
}

#[distob::test]
fn deaths_of_one_callers_chunks_are_nobody_elses() {
    let hub = Hub::builder().process().engines(3).start().unwrap();
    let a = hub.scatter(&Array1::from_iter(0..LARGE as u64)).unwrap();
    let here = std::process::id();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _stop = Finally(&stop);
            for _ in 0..3 {
                let error = until_lost(|| {
                    let f = |hub: &u32, x: u64| if std::process::id() == *hub { x } else { std::process::abort() };
                    a.try_map_with(&here, f)
                });
                assert!(matches!(error, Error::EngineLost { deaths: 3, .. }), "{error}");
            }
        });
        while !stop.load(Ordering::Relaxed) {
            assert_eq!(a.map_with(&3u64, |by, x| x * by).max(), Some(3 * (LARGE as u64 - 1)));
        }
    });
}
