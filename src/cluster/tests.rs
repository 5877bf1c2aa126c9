//! Jobs on the board: every chunk once, whoever computes it, whatever happens to who does.

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{ChunkRunner, Hub, Job, JobKind, Remote};
use crate::transport::Segment;
use crate::{Error, Result};

/// Adds to the words of a block: chunk `i` counts word `i` up, slowly, so that it can be interrupted.
fn prepare(payload: &[u8], segment: &Arc<Segment>) -> Result<ChunkRunner> {
    let words: [u8; 16] = payload.try_into().map_err(|_| Error::InvalidArgument { what: "payload".to_owned() })?;
    let offset = u64::from_ne_bytes(words[..8].try_into().unwrap()) as usize;
    let micros = u64::from_ne_bytes(words[8..].try_into().unwrap());
    assert!(offset.is_multiple_of(64) && offset + 4096 * 8 <= segment.len());
    let segment = segment.clone();
    Ok(Box::new(move |chunk| work(word(segment.at(offset), chunk), chunk, micros)))
}

/// Word `index` of a block of 4096 that begins at `block`.
fn word<'a>(block: NonNull<u8>, index: u32) -> &'a AtomicU64 {
    assert!(index < 4096);
    // SAFETY: the tests pass blocks of 4096 words, 64-byte aligned, that outlive the job; all access is atomic.
    unsafe { AtomicU64::from_ptr(block.cast::<u64>().as_ptr().add(index as usize)) }
}

fn work(word: &AtomicU64, chunk: u32, micros: u64) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_micros(micros) {
        std::hint::spin_loop();
    }
    word.store(u64::from(chunk) + 1, Ordering::Release);
}

inventory::submit! { JobKind { name: "tests.count", prepare } }

/// A block of words that every thread may touch.
struct Words(NonNull<u8>);

impl Words {
    fn at(&self, index: u32) -> &AtomicU64 {
        word(self.0, index)
    }
}

// SAFETY: only atomics are reached through it.
unsafe impl Sync for Words {}

/// Sets a flag when it is dropped, also while unwinding.
struct Finally<'a>(&'a AtomicU64);

impl Drop for Finally<'_> {
    fn drop(&mut self) {
        self.0.store(1, Ordering::Relaxed);
    }
}

/// Runs a job of `chunks` chunks of `micros` each; the words that it left.
fn run(hub: &Hub, chunks: u32, micros: u64) -> Result<Vec<u64>> {
    let block = hub.pool().alloc(4096 * 8)?;
    let words = Words(block.as_ptr());
    (0..4096).for_each(|index| words.at(index).store(0, Ordering::Relaxed));
    let payload = [block.offset().to_ne_bytes(), micros.to_ne_bytes()].concat();
    hub.run(&Job {
        name: "tests.count",
        chunks,
        bytes: 100 << 20,
        lanes: &[chunks / 3, chunks / 2],
        closure: false,
        local: &|chunk| work(words.at(chunk), chunk, micros),
        remote: Some(Remote { kind: "tests.count", payload: &payload }),
    })?;
    Ok((0..4096).map(|index| words.at(index).load(Ordering::Acquire)).collect())
}

fn expect(words: &[u64], chunks: u32) {
    for (i, &word) in words.iter().enumerate() {
        let expected = if i < chunks as usize { i as u64 + 1 } else { 0 };
        assert_eq!(word, expected, "word {i} of {chunks} chunks");
    }
}

fn hubs() -> Vec<(&'static str, Hub)> {
    let mut hubs = Vec::new();
    for engines in [1, 2, 3, 7] {
        hubs.push(("process", Hub::builder().process().engines(engines).start().unwrap()));
        hubs.push(("embedded", Hub::builder().embedded().engines(engines).start().unwrap()));
    }
    hubs
}

#[test]
fn every_chunk_is_computed_on_every_kind_of_hub() {
    for (kind, hub) in hubs() {
        for chunks in [0, 1, 2, 17, 4096] {
            expect(&run(&hub, chunks, 1).unwrap_or_else(|e| panic!("{kind}: {e}")), chunks);
        }
    }
}

#[test]
fn engine_processes_take_part() {
    let hub = Hub::builder().process().engines(2).start().unwrap();
    for _ in 0..20 {
        expect(&run(&hub, 200, 100).unwrap(), 200);
    }
    let by_engines: u64 = hub.activity().iter().filter(|a| a.pid.is_some()).map(|a| a.counters.chunks).sum();
    let all: u64 = hub.activity().iter().map(|a| a.counters.chunks).sum();
    assert_eq!(all, 4000, "{:?}", hub.activity());
    assert!(by_engines > 0, "{:?}", hub.activity());
}

#[test]
fn engines_that_are_killed_in_the_middle_cost_time_only() {
    let hub = Hub::builder().process().engines(2).start().unwrap();
    let stop = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut turn = 0usize;
            while stop.load(Ordering::Relaxed) == 0 {
                std::thread::sleep(Duration::from_millis(7));
                let pids: Vec<_> = hub.activity().iter().filter_map(|a| a.pid).collect();
                if let Some(&pid) = pids.get(turn % 2) {
                    // It may have gone already.
                    let pid = nix::unistd::Pid::from_raw(pid as i32);
                    let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
                }
                turn += 1;
            }
        });
        let _stop = Finally(&stop);
        for _ in 0..30 {
            expect(&run(&hub, 100, 200).unwrap(), 100);
        }
    });
    assert!(hub.deaths() >= 5, "only {} engines were killed", hub.deaths());
}

#[test]
fn a_stopped_engine_is_killed_before_its_chunk_is_done_again() {
    let hub = Hub::builder().process().engines(1).stall(Duration::from_millis(200)).start().unwrap();
    let pid = nix::unistd::Pid::from_raw(hub.activity().iter().find_map(|a| a.pid).unwrap() as i32);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(30));
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGSTOP).unwrap();
        });
        expect(&run(&hub, 100, 2000).unwrap(), 100);
    });
    assert_eq!(hub.deaths(), 1, "it held a chunk when it was stopped");
}

#[test]
fn thirty_two_threads_share_one_hub() {
    for hub in [Hub::builder().process().engines(2).start().unwrap(), Hub::builder().embedded().start().unwrap()] {
        std::thread::scope(|scope| {
            for _ in 0..32 {
                scope.spawn(|| (0..10).for_each(|_| expect(&run(&hub, 40, 20).unwrap(), 40)));
            }
        });
    }
}

#[test]
fn a_panic_in_a_chunk_is_an_error_and_the_hub_lives_on() {
    let hub = Hub::builder().embedded().engines(3).start().unwrap();
    let job = |local: &(dyn Fn(u32) + Sync)| {
        hub.run(&Job {
            name: "tests.panic",
            chunks: 64,
            bytes: 100 << 20,
            lanes: &[20],
            closure: false,
            local,
            remote: None,
        })
    };
    let error = job(&|chunk| assert_ne!(chunk, 13, "unlucky")).unwrap_err();
    assert!(
        matches!(&error, Error::Panicked { task, message, .. } if task == "tests.panic" && message.contains("unlucky"))
    );
    let sum = AtomicU64::new(0);
    job(&|chunk| _ = sum.fetch_add(u64::from(chunk), Ordering::Relaxed)).unwrap();
    assert_eq!(sum.into_inner(), 64 * 63 / 2);
}

#[test]
fn a_payload_that_no_engine_can_read_is_computed_by_the_hub() {
    let hub = Hub::builder().process().engines(2).start().unwrap();
    let sum = AtomicU64::new(0);
    let local = |chunk: u32| _ = sum.fetch_add(u64::from(chunk), Ordering::Relaxed);
    let remote = Some(Remote { kind: "tests.count", payload: b"nonsense" });
    hub.run(&Job {
        name: "tests.bad",
        chunks: 100,
        bytes: 100 << 20,
        lanes: &[50],
        closure: false,
        local: &local,
        remote,
    })
    .unwrap();
    assert_eq!(sum.into_inner(), 100 * 99 / 2);
}

#[test]
fn a_hub_may_be_made_and_used_on_any_thread() {
    let words = std::thread::spawn(|| {
        let hub = Hub::builder().process().engines(1).start().unwrap();
        let words = run(&hub, 50, 50).unwrap();
        (hub, words)
    });
    let (hub, words) = words.join().unwrap();
    expect(&words, 50);
    // The thread that made the hub has ended, its engines have not.
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(hub.submit(|x: u32| x + 1, 1).unwrap().wait().unwrap(), 2);
    assert_eq!(hub.deaths(), 0);
}
