//! Sleepers wake when rung and not before, across threads and mappings.

use super::*;
use crate::transport::segment::Segment;
use std::sync::atomic::{AtomicU64, Ordering};

const LONG: Duration = Duration::from_secs(20);

fn soon() -> Option<Instant> {
    Some(Instant::now() + LONG)
}

#[test]
fn a_ring_after_the_epoch_ends_the_wait_at_once() {
    let bell = Doorbell::heap();
    let epoch = bell.epoch();
    bell.ring();
    assert_eq!(bell.wait(epoch, Duration::ZERO, None), Waited::Woken);
    assert_ne!(bell.epoch(), epoch);
}

#[test]
fn a_deadline_ends_the_wait() {
    let bell = Doorbell::heap();
    let start = Instant::now();
    let limit = Duration::from_millis(10);
    assert_eq!(bell.wait(bell.epoch(), Duration::from_micros(50), Some(start + limit)), Waited::TimedOut);
    assert!(start.elapsed() >= limit);
    assert_eq!(bell.wait_until(|| false, Duration::ZERO, Some(Instant::now() + limit)), Waited::TimedOut);
    // Who gave up left the sleeper's bit; the next ring clears it and later ones are cheap again.
    bell.ring();
    assert_eq!(bell.word.load(Ordering::Relaxed) & SLEEPER, 0);
}

fn exchange<W: FutexWord>(here: Doorbell<W>, there: Doorbell<W>, spin: Duration) {
    let turn = AtomicU64::new(0);
    let rounds = 2_000;
    // Two threads in turn, each woken by the other: one lost wake-up and the deadline passes.
    std::thread::scope(|s| {
        for (mine, theirs, parity) in [(&here, &there, 0), (&there, &here, 1)] {
            let turn = &turn;
            s.spawn(move || {
                for round in 0..rounds {
                    let due = round * 2 + parity;
                    let woken = mine.wait_until(|| turn.load(Ordering::Acquire) == due, spin, soon());
                    assert_eq!(woken, Waited::Woken);
                    turn.store(due + 1, Ordering::Release);
                    theirs.ring();
                }
            });
        }
    });
    assert_eq!(turn.load(Ordering::Relaxed), rounds * 2);
}

#[test]
fn threads_wake_each_other_in_turn() {
    for spin in [Duration::ZERO, Duration::from_micros(20)] {
        exchange(Doorbell::heap(), Doorbell::heap(), spin);
    }
}

#[test]
fn two_mappings_of_a_segment_are_one_doorbell() {
    let segment = Segment::create("doorbell-test", 4096).unwrap();
    let again = Segment::open(segment.fd().unwrap().try_clone_to_owned().unwrap()).unwrap();
    let bell = |segment, at| Doorbell::at(&Region::new(segment, 0, 4096).unwrap(), at).unwrap();
    let (here, there) = (bell(&segment, 0), bell(&again, 0));
    let epoch = here.epoch();
    std::thread::scope(|s| {
        let sleeper = s.spawn(|| here.wait(epoch, Duration::ZERO, soon()));
        while here.word.load(Ordering::Relaxed) & SLEEPER == 0 {
            std::thread::yield_now();
        }
        there.ring();
        assert_eq!(sleeper.join().unwrap(), Waited::Woken);
    });
    exchange(bell(&segment, 128), bell(&again, 256), Duration::ZERO);
}

#[test]
fn one_ring_wakes_all() {
    let bell = Doorbell::heap();
    let epoch = bell.epoch();
    std::thread::scope(|s| {
        let sleepers: Vec<_> = (0..5).map(|_| s.spawn(|| bell.wait(epoch, Duration::ZERO, soon()))).collect();
        std::thread::sleep(Duration::from_millis(5));
        bell.ring();
        for sleeper in sleepers {
            assert_eq!(sleeper.join().unwrap(), Waited::Woken);
        }
    });
}

#[test]
fn only_who_sleeps_is_roused_and_only_once() {
    let bell = Doorbell::heap();
    assert!(!bell.rouse());
    std::thread::scope(|s| {
        let sleeper = s.spawn(|| bell.sleep_unless(|| false, soon()));
        while !bell.has_sleeper() {
            std::thread::yield_now();
        }
        assert!(bell.rouse() && !bell.rouse());
        assert_eq!(sleeper.join().unwrap(), Waited::Woken);
    });
    assert_eq!(bell.sleep_unless(|| true, None), Waited::Woken);
    assert_eq!(bell.sleep_unless(|| false, Some(Instant::now())), Waited::TimedOut);
    assert!(!bell.rouse());
}

#[test]
fn who_has_withdrawn_does_not_sleep_though_there_was_nothing_to_do() {
    let bell = Doorbell::heap();
    // It could not be roused: to sleep now would be to sleep through what comes next.
    let busy_for_nothing = || {
        bell.withdraw();
        assert!(!bell.rouse());
        false
    };
    assert_eq!(bell.sleep_unless(busy_for_nothing, None), Waited::Woken);
}

#[test]
fn a_tally_wakes_when_it_is_full_and_a_ring_always() {
    let bell = Doorbell::heap();
    for full in [true, false] {
        bell.restart();
        let epoch = bell.epoch();
        bell.tally(3);
        assert_eq!((bell.rings(), bell.wait(epoch, Duration::ZERO, None)), (1, Waited::Woken));
        std::thread::scope(|s| {
            let sleeper = s.spawn(|| bell.wait(bell.epoch(), Duration::ZERO, soon()));
            while !bell.has_sleeper() {
                std::thread::yield_now();
            }
            bell.tally(3);
            assert!(bell.has_sleeper());
            if full {
                bell.tally(3)
            } else {
                bell.ring()
            }
            assert_eq!(sleeper.join().unwrap(), Waited::Woken);
        });
        assert!(bell.rings() == 3 && !bell.has_sleeper());
    }
}

#[test]
fn outside_the_region_there_is_no_doorbell() {
    let region = Region::new(&Segment::heap(4096), 0, 128).unwrap();
    assert!(Doorbell::at(&region, 0).is_ok());
    assert!(matches!(Doorbell::at(&region, 8), Err(crate::Error::InvalidArgument { .. })));
}
