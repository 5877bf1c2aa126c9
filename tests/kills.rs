//! kill -9 of engines in the middle of work: the same bits after it, no call that hangs, nothing left behind.
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
