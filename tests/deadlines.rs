//! No call waits past its deadline, whatever the task does: on threads of this process and in engine processes. Who does not
//! come back is replaced, and what waited behind it is done or told.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use distob::prelude::*;
use distob::{Error, Hub};

/// What a call may take beyond its deadline on a loaded machine.
const SLACK: Duration = Duration::from_millis(900);

fn embedded(engines: usize) -> Hub {
    Hub::builder().embedded().engines(engines).start().unwrap()
}

/// A hub of processes that gives late tasks the shortest time that it can.
fn processes(engines: usize) -> Hub {
    Hub::builder().process().engines(engines).stall(Duration::from_millis(200)).start().unwrap()
}

/// Does not end before the program does.
fn endless(_: ()) {
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

fn late(error: &Error) -> bool {
    matches!(error, Error::DeadlineExceeded { .. })
}

/// The error of a task, which has to come between its deadline and a little later.
#[track_caller]
fn error_within<R: std::fmt::Debug>(deadline: Duration, call: impl FnOnce() -> distob::Result<R>) -> Error {
    let begun = Instant::now();
    let error = call().unwrap_err();
    let took = begun.elapsed();
    assert!(took >= deadline && took < deadline + SLACK, "{took:?} with a deadline of {deadline:?}: {error}");
    error
}

#[distob::test]
fn a_wait_ends_at_the_deadline_though_the_task_does_not() {
    let deadline = Duration::from_millis(100);
    for hub in [embedded(1), embedded(2), embedded(4), processes(1), processes(2)] {
        let sleep = |seconds: u64| std::thread::sleep(Duration::from_secs(seconds));
        let error = error_within(deadline, || hub.task(sleep).deadline(deadline).call(3)?.wait());
        assert!(late(&error), "{error}");
        let error = error_within(deadline, || hub.task(endless).deadline(deadline).call(())?.wait());
        assert!(
            matches!(&error, Error::DeadlineExceeded { what, after } if what.contains(file!()) && *after == deadline)
        );
    }
}

#[distob::test]
fn a_deadline_of_no_time_at_all_ends_at_once() {
    for hub in [embedded(1), embedded(2), processes(1), Hub::builder().engines(1).start().unwrap()] {
        for deadline in [Duration::ZERO, Duration::from_nanos(1)] {
            let error = error_within(deadline, || hub.task(endless).deadline(deadline).call(())?.wait());
            assert!(late(&error), "{error}");
        }
        assert_eq!(hub.submit(|x: u32| x + 1, 1).unwrap().wait().unwrap(), 2);
    }
}

#[distob::test]
fn no_task_runs_on_the_thread_that_waits_for_it() {
    thread_local! {
        static HERE: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    }
    HERE.set(true);
    for hub in [embedded(1), embedded(2)] {
        let pending: Vec<_> = (0..100).map(|_| hub.submit(|(): ()| HERE.get(), ()).unwrap()).collect();
        assert!(pending.into_iter().all(|pending| !pending.wait().unwrap()));
    }
}

#[distob::test]
fn threads_lost_in_endless_tasks_are_replaced() {
    for hub in [embedded(1), embedded(3)] {
        for round in 0..10 {
            let lost: Vec<_> =
                (0..3).map(|_| hub.task(endless).deadline(Duration::from_millis(30)).call(()).unwrap()).collect();
            let behind: Vec<_> = (0..20u32).map(|i| hub.submit(|x: u32| x * 2, i).unwrap()).collect();
            for (i, pending) in behind.into_iter().enumerate() {
                assert_eq!(pending.wait().unwrap(), 2 * i as u32, "round {round}");
            }
            lost.into_iter().for_each(|pending| assert!(late(&pending.wait().unwrap_err())));
        }
    }
}

#[distob::test]
fn a_task_behind_an_endless_one_is_done_though_nobody_waits() {
    static DONE: AtomicBool = AtomicBool::new(false);
    let hub = embedded(1);
    drop(hub.task(endless).deadline(Duration::from_millis(50)).call(()).unwrap());
    drop(hub.submit(|(): ()| DONE.store(true, Ordering::Relaxed), ()).unwrap());
    let begun = Instant::now();
    while !DONE.load(Ordering::Relaxed) {
        assert!(begun.elapsed() < Duration::from_secs(10), "it waits for a thread that is lost");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[distob::test]
fn a_thread_that_comes_back_serves_on() {
    static HELD: AtomicBool = AtomicBool::new(true);
    static BACK: AtomicU32 = AtomicU32::new(0);
    fn held(_: ()) {
        while HELD.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
        BACK.fetch_add(1, Ordering::Relaxed);
    }
    let hub = embedded(1);
    for _ in 0..5 {
        let error = hub.task(held).deadline(Duration::from_millis(20)).call(()).unwrap().wait().unwrap_err();
        assert!(late(&error), "{error}");
    }
    HELD.store(false, Ordering::Relaxed);
    let begun = Instant::now();
    while BACK.load(Ordering::Relaxed) < 5 {
        assert!(begun.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(1));
    }
    for i in 0..1000u32 {
        assert_eq!(hub.submit(|x: u32| x + 1, i).unwrap().wait().unwrap(), i + 1);
    }
}

#[distob::test]
fn a_hub_ends_though_its_tasks_do_not() {
    for hub in [embedded(1), embedded(3), processes(2)] {
        let running = hub.submit(endless, ()).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        let begun = Instant::now();
        drop((running, hub));
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }
}

#[distob::test]
fn tasks_may_wait_for_tasks_of_their_own_hub() {
    static HUBS: OnceLock<[Hub; 2]> = OnceLock::new();
    fn fibonacci((hub, n): (usize, u64)) -> u64 {
        if n < 2 {
            return n;
        }
        let hub_of = |hub: usize| &HUBS.get().unwrap()[hub];
        let [one, two] = [1, 2].map(|less| hub_of(hub).submit(fibonacci, (hub, n - less)).unwrap());
        one.wait().unwrap() + two.wait().unwrap()
    }
    let hubs = HUBS.get_or_init(|| [embedded(1), embedded(3)]);
    for (nth, hub) in hubs.iter().enumerate() {
        assert_eq!(hub.submit(fibonacci, (nth, 12)).unwrap().wait().unwrap(), 144);
    }
}

#[distob::test]
fn a_task_that_never_began_says_so() {
    let hub = embedded(1);
    // The one thread that there is, and as many as may be added; each holds its thread for good.
    std::thread::scope(|scope| {
        for _ in 0..257 {
            let lost = hub.task(endless).deadline(Duration::from_millis(700)).call(()).unwrap();
            scope.spawn(|| assert!(late(&lost.wait().unwrap_err())));
        }
    });
    let deadline = Duration::from_millis(100);
    let error = error_within(deadline, || hub.task(endless).deadline(deadline).call(())?.wait());
    let told = |what: &str| what.contains("not begun") && what.contains("257 threads");
    assert!(matches!(&error, Error::DeadlineExceeded { what, .. } if told(what)), "{error}");
}

#[distob::test]
fn two_tasks_that_never_end_hold_two_engines_up_for_a_moment_only() {
    let hub = processes(2);
    let deadline = Duration::from_millis(100);
    for round in 1..=3 {
        let endless: Vec<_> =
            (0..2).map(|engine| hub.task(endless).deadline(deadline).on(engine).call(()).unwrap()).collect();
        // Not idempotent: none of them has begun, so all of them may go to the next engine.
        let behind: Vec<_> = (0..40u32).map(|i| hub.submit(|x: u32| x + 1, i).unwrap()).collect();
        let begun = Instant::now();
        for (i, pending) in behind.into_iter().enumerate() {
            assert_eq!(pending.wait().unwrap(), i as u32 + 1, "round {round}");
        }
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        endless.into_iter().for_each(|pending| assert!(late(&pending.wait().unwrap_err())));
        assert_eq!(hub.deaths(), 2 * round);
    }
}

#[distob::test]
fn an_endless_task_that_nobody_waits_for_is_ended_too() {
    let hub = processes(1);
    let pids = || hub.activity().iter().filter_map(|activity| activity.pid).collect::<Vec<_>>();
    let before = pids();
    drop(hub.task(endless).deadline(Duration::from_millis(50)).call(()).unwrap());
    let begun = Instant::now();
    while hub.deaths() == 0 || pids().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(5), "it runs on");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_ne!(pids(), before);
}

#[distob::test]
fn an_engine_whose_late_task_ends_in_time_lives_on() {
    let hub = Hub::builder().process().engines(1).stall(Duration::from_secs(5)).start().unwrap();
    for _ in 0..3 {
        let obedient = |(): ()| {
            while !distob::cancelled() {
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        assert!(late(&hub.task(obedient).deadline(Duration::from_millis(50)).call(()).unwrap().wait().unwrap_err()));
        let slow = |(): ()| std::thread::sleep(Duration::from_millis(300));
        assert!(late(&hub.task(slow).deadline(Duration::from_millis(50)).call(()).unwrap().wait().unwrap_err()));
    }
    assert_eq!(hub.submit(|x: u32| x + 1, 1).unwrap().wait().unwrap(), 2);
    assert_eq!(hub.deaths(), 0);
}

#[distob::test]
fn what_else_a_late_engine_ran_is_told_why_or_done_again() {
    fn slow(x: u32) -> u32 {
        std::thread::sleep(Duration::from_millis(1500));
        x + 1
    }
    let hub = Hub::builder().process().engines(1).threads(3).stall(Duration::from_millis(200)).start().unwrap();
    let again = hub.task(slow).idempotent().call(1).unwrap();
    let once = hub.task(slow).call(2).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let lost = hub.task(endless).deadline(Duration::from_millis(50)).call(()).unwrap();
    // Another one that will be late by the time that its engine is ended.
    let queued = hub.task(slow).deadline(Duration::from_millis(60)).call(3).unwrap();
    assert!(late(&lost.wait().unwrap_err()));
    assert!(late(&queued.wait().unwrap_err()));
    let error = once.wait().unwrap_err();
    let told = |text: &str| text.contains(file!()) && text.contains("deadline");
    assert!(matches!(&error, Error::EngineLost { deaths: 1, reason, .. } if told(reason)), "{error}");
    assert_eq!(again.wait().unwrap(), 2, "that was not its own doing");
}

#[distob::test]
fn engines_that_are_slow_to_start_hold_no_call_up() {
    // The first call starts the engines.
    let hub = Hub::builder().engines(8).start().unwrap();
    let deadline = Duration::from_millis(1);
    let begun = Instant::now();
    let error = hub.task(endless).deadline(deadline).call(()).and_then(|pending| pending.wait()).unwrap_err();
    assert!(late(&error) && begun.elapsed() < SLACK, "{:?}: {error}", begun.elapsed());
    assert_eq!(hub.submit(|x: u32| x + 1, 1).unwrap().wait().unwrap(), 2);
}

#[distob::test]
fn tasks_run_on_threads_of_their_own() {
    // What computes arrays is never held up by a task.
    static TASKS: Mutex<Vec<ThreadId>> = Mutex::new(Vec::new());
    let hub = embedded(2);
    let note = |(): ()| TASKS.lock().unwrap().push(std::thread::current().id());
    (0..100).for_each(|_| hub.submit(note, ()).unwrap().wait().unwrap());
    drop(hub.submit(endless, ()).unwrap());
    let a = hub.scatter(&Array1::from_iter(0..1_000_000u64)).unwrap();
    let (here, others) = (std::thread::current().id(), Mutex::new(Vec::new()));
    let begun = Instant::now();
    while others.lock().unwrap().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "no worker took part");
        let noted = a.mapv(|x| {
            if x % 4096 == 0 {
                let thread = std::thread::current().id();
                others.lock().unwrap().extend((thread != here).then_some(thread));
                std::thread::sleep(Duration::from_micros(100));
            }
            x
        });
        assert_eq!(noted.max(), Some(999_999));
    }
    let tasks = TASKS.lock().unwrap();
    assert!(others.into_inner().unwrap().iter().all(|thread| !tasks.contains(thread)));
}
