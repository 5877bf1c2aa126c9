//! Memory over many rounds: back at its start, full without harm, given back when asked; and where the bytes of arrays go.
//!
//! `ci/soak memory --rounds N` runs more rounds than `cargo test` does.

use distob::prelude::*;
use distob::{Error, Hub};

const MIB: u64 = 1 << 20;

fn rounds(default: u64) -> u64 {
    std::env::var("DISTOB_SOAK_ROUNDS")
        .map_or(default, |rounds| rounds.parse().expect("DISTOB_SOAK_ROUNDS is a number"))
}

/// The processes of a hub: this one and its engines.
fn processes(hub: &Hub) -> Vec<u32> {
    let engines = hub.activity().into_iter().filter_map(|activity| activity.pid);
    std::iter::once(std::process::id()).chain(engines).collect()
}

/// A number from a file of `/proc`, by the name before it; in the file's own unit.
fn number(path: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{path}: no {name}"));
    line.split_ascii_whitespace().nth(1).expect("a number").parse().expect("a number")
}

/// What a process has of the hub's segment of arrays: pages that several have mapped count in equal parts.
fn proportional_share(array: &DistArray1<f64>, pid: u32) -> u64 {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/smaps")).expect("a living process");
    // Other hubs of this test program have segments of the same name: here the address of an array tells which it is, and an
    // engine has but one.
    let holds = |line: &str| {
        let (first, end) = line.split(' ').next()?.split_once('-')?;
        let [first, end] = [first, end].map(|address| usize::from_str_radix(address, 16).unwrap_or(0));
        Some((first..end).contains(&(array.as_ptr() as usize)))
    };
    let own = |line: &str| {
        line.contains("distob-arrays") && (pid != std::process::id() || holds(line).expect("a range of addresses"))
    };
    let mut lines = maps.lines().skip_while(|line| !own(line));
    let share = lines.find(|line| line.starts_with("Pss:")).expect("the segment is mapped");
    share.split_ascii_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Bytes that read and write calls of a hub's processes have moved so far.
fn through_system_calls(hub: &Hub) -> u64 {
    let sum = |pid: u32| ["rchar:", "wchar:"].iter().map(|name| number(&format!("/proc/{pid}/io"), name)).sum::<u64>();
    processes(hub).into_iter().map(sum).sum()
}

#[distob::test]
fn the_bytes_of_arrays_do_not_pass_through_system_calls() {
    let hub = Hub::builder().process().engines(2).start().unwrap();
    let _entered = hub.enter();
    let a = DistArray::<f64, _>::from_shape_fn((4000, 1000), |(i, j)| (i + j) as f64);
    let before = through_system_calls(&hub);
    for _ in 0..20 {
        let b = ((&a * 2.0 + 1.0) / &a.mean_axis(Axis(0)).unwrap()).evaluated().unwrap();
        assert!(b.sum().is_finite());
        assert!(b.sum_axis(Axis(1)).iter().all(|x| x.is_finite()));
    }
    let moved = through_system_calls(&hub) - before;
    let engines: u64 = hub.activity().iter().filter(|a| a.pid.is_some()).map(|a| a.counters.bytes).sum();
    assert!(engines > 32 * MIB, "the engines computed only {engines} bytes");
    // The counters themselves are read from /proc, a few KiB a process.
    assert!(moved < MIB, "{moved} bytes passed through system calls while engines computed {engines}");
}

#[distob::test]
fn what_is_reported_is_what_the_processes_have() {
    let hub = Hub::builder().process().engines(2).quota(1 << 30).ahead(0).start().unwrap();
    let _entered = hub.enter();
    let a = DistArray::<f64, _>::from_shape_fn(8_000_000, |i| i as f64);
    let b = (&a + 1.0).evaluated().unwrap();
    assert_eq!(b.sum(), a.sum() + 8_000_000.0);
    let grown: u64 = processes(&hub).into_iter().map(|pid| proportional_share(&a, pid)).sum();
    let reported = hub.memory().committed;
    // Shared pages are counted once over all processes. A page that nobody has mapped yet is in nobody's.
    let off = grown.abs_diff(reported);
    assert!(off <= 8 * MIB, "the processes hold {grown} bytes, {reported} are reported");
}

#[distob::test]
fn memory_is_back_at_its_start_round_after_round() {
    let hub = Hub::builder().process().engines(2).quota(1 << 30).start().unwrap();
    let _entered = hub.enter();
    let input = Array2::<f64>::from_shape_fn((1000, 300), |(i, j)| (i * j) as f64);
    let round = |n: u64| {
        let a = hub.scatter(&input).unwrap();
        let rows = 1 + (n * 131 % 900) as usize;
        let part = a.slice(s![..rows, ..]);
        let b = &a.sqrt() + &part.sum_axis(Axis(0));
        let c = b.clone().into_shape_with_order(300_000).unwrap();
        assert_eq!(c.len(), b.len());
        assert!(b.mean().unwrap() > 0.0);
    };
    (0..4).for_each(round);
    hub.trim();
    let start = hub.memory();
    let rounds = rounds(200);
    for n in 0..rounds {
        round(n);
        assert_eq!(hub.memory().in_use, start.in_use, "round {n}");
    }
    assert!(hub.memory().committed <= start.committed + 64 * MIB, "{start:?} became {:?}", hub.memory());
    hub.trim();
    assert!(hub.memory().committed <= start.committed, "{start:?} became {:?}", hub.memory());
}

#[distob::test]
fn full_memory_is_an_error_with_its_figures_and_room_is_room_again() {
    let hub = Hub::builder().process().engines(2).quota(96 * MIB).start().unwrap();
    let _entered = hub.enter();
    for _ in 0..rounds(20) {
        let mut held = Vec::new();
        let error = loop {
            match DistArray::<f64, _>::try_from_elem(1_000_000, 0.0) {
                Ok(array) => held.push(array),
                Err(error) => break error,
            }
        };
        assert!((9..=12).contains(&held.len()), "{} arrays of 8 MB in 96 MiB", held.len());
        let Error::OutOfMemory { wanted, in_use, quota } = error else { panic!("{error}") };
        assert_eq!(quota, 96 * MIB);
        assert!(wanted >= 8_000_000 && in_use >= 72_000_000 && in_use <= quota, "{wanted} wanted, {in_use} in use");
        // What needs no room goes on, and what does says so and leaves its operands.
        assert_eq!(held[0].sum(), 0.0);
        assert!(matches!((&held[0] + 1.0).evaluated(), Err(Error::OutOfMemory { .. })));
        held.truncate(3);
        assert_eq!((&held[0] + 1.0).sum(), 1_000_000.0);
    }
}

/// Least part of the quota, in percent, that arrays of a mixed load hold when the first of them is refused.
const LEAST_HELD: u64 = 85;

#[distob::test]
fn most_of_the_quota_is_held_when_a_mixed_load_is_refused() {
    let quota = 286 * MIB;
    let hub = Hub::builder().embedded().engines(2).quota(quota).start().unwrap();
    let _entered = hub.enter();
    let mut random = 1u64;
    let mut next = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize
    };
    let mut least = 100;
    for round in 0..rounds(20) {
        let mut held: Vec<DistArray1<u8>> = Vec::new();
        // What others have dropped and kept for themselves counts too.
        std::thread::scope(|scope| {
            let maker = scope.spawn(|| (1..200).map(|n| DistArray::zeros(n * 100)).collect::<Vec<DistArray1<u8>>>());
            drop(maker.join().expect("it only makes arrays"));
        });
        let bytes = loop {
            let most = [100, 8000, 4096, 100_000, 1 << 20, 2 << 20, 8 << 20, 16 << 20][next() % 8];
            let wanted = if next() % 2 == 0 { most } else { most / 2 + next() % (most / 2) };
            match DistArray::try_from_elem(wanted, 1u8) {
                Ok(array) => held.push(array),
                Err(Error::OutOfMemory { .. }) => break held.iter().map(|array| array.len() as u64).sum::<u64>(),
                Err(error) => panic!("{error}"),
            }
            // Some go in between, so that free memory is scattered.
            if round % 2 == 1 && next() % 4 == 0 {
                held.swap_remove(next() % held.len());
            }
        };
        least = least.min(bytes * 100 / quota);
        assert!(bytes * 100 >= LEAST_HELD * quota, "round {round}: {bytes} bytes of {quota}, {:?}", hub.memory());
    }
    println!("at least {least} % of the quota held when a request was refused");
}
