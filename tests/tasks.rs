//! Tasks in real engine processes: results, panics, deadlines, cancellation, deaths.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use distob::prelude::*;
use distob::{Error, Hub};

fn hub(engines: usize) -> Hub {
    Hub::builder().process().engines(engines).start().unwrap()
}

#[distob::test]
fn a_task_runs_in_another_process() {
    let hub = hub(2);
    let here = std::process::id();
    let there = hub.submit(|(): ()| std::process::id(), ()).unwrap().wait().unwrap();
    assert_ne!(here, there);
    let pids: Vec<u32> = hub.activity().iter().filter_map(|activity| activity.pid).collect();
    assert!(pids.contains(&there), "{there} is not one of the engines {pids:?}");
}

#[distob::test]
fn many_tasks_are_on_their_way_together() {
    let hub = hub(2);
    let pending: Vec<_> = (0..5000u64).map(|i| hub.submit(|x: u64| x * x, i).unwrap()).collect();
    for (i, pending) in pending.into_iter().enumerate() {
        assert_eq!(pending.wait().unwrap(), (i * i) as u64);
    }
}

#[distob::test]
fn long_arguments_and_results_travel_in_parts() {
    let hub = hub(1);
    let long: Vec<u64> = (0..300_000).collect();
    let reversed = hub.submit(|v: Vec<u64>| v.into_iter().rev().collect::<Vec<_>>(), long.clone()).unwrap();
    assert!(reversed.wait().unwrap().into_iter().rev().eq(long));
}

#[distob::test]
fn a_panic_comes_back_with_its_message() {
    let hub = hub(1);
    let lost = hub.submit(|x: u32| -> u32 { panic!("no {x}") }, 7).unwrap().wait().unwrap_err();
    assert!(matches!(&lost, Error::Panicked { message, .. } if message == "no 7"), "{lost}");
    assert_eq!(hub.submit(|x: u32| x + 1, 7).unwrap().wait().unwrap(), 8, "the engine lives on");
}

#[distob::test]
fn a_task_that_kills_its_engine_is_lost_by_its_type_and_line() {
    let hub = hub(1);
    fn fatal(_: ()) -> u32 {
        std::process::abort()
    }
    let name = |line: u32| format!("fn(()) -> u32 at {}:{line}:", file!());
    let (lost, line) = (hub.submit(fatal, ()).unwrap().wait().unwrap_err(), line!());
    assert!(matches!(&lost, Error::EngineLost { task, deaths: 1, .. } if task.starts_with(&name(line))), "{lost}");
    let (lost, line) = (hub.task(fatal).idempotent().call(()).unwrap().wait().unwrap_err(), line!());
    assert!(matches!(&lost, Error::EngineLost { task, deaths: 3, .. } if task.starts_with(&name(line))), "{lost}");
    assert_eq!(hub.submit(|x: u32| x + 1, 7).unwrap().wait().unwrap(), 8, "another engine has taken its place");
}

#[distob::test]
fn tasks_that_wait_behind_a_fatal_one_are_done_by_the_next_engine() {
    let hub = hub(1);
    let fatal = hub.submit(|(): ()| -> u32 { std::process::abort() }, ()).unwrap();
    let rest: Vec<_> = (0..200u32).map(|i| hub.submit(|x: u32| x + 1, i).unwrap()).collect();
    assert!(fatal.wait().is_err());
    for (i, pending) in rest.into_iter().enumerate() {
        assert_eq!(pending.wait().unwrap(), i as u32 + 1);
    }
}

#[distob::test]
fn a_deadline_ends_the_wait_and_the_task_sees_it() {
    let hub = hub(1);
    let begun = Instant::now();
    let slow = hub.task(|(): ()| {
        while !distob::cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let late = slow.deadline(Duration::from_millis(60)).call(()).unwrap().wait().unwrap_err();
    assert!(matches!(late, Error::DeadlineExceeded { .. }), "{late}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(hub.submit(|x: u32| x + 1, 1).unwrap().wait().unwrap(), 2, "the engine is free again");
}

#[distob::test]
fn a_cancelled_task_does_not_begin() {
    let hub = hub(1);
    let slow = hub.submit(|(): ()| std::thread::sleep(Duration::from_millis(100)), ()).unwrap();
    let queued = hub.submit(|x: u32| x, 1).unwrap();
    queued.cancel();
    slow.wait().unwrap();
    let error = queued.wait().unwrap_err();
    assert!(matches!(error, Error::Cancelled { .. }), "{error}");
}

#[distob::test]
fn tasks_may_use_a_hub_of_their_own() {
    let hub = hub(1);
    let nested = hub.submit(|x: u64| Hub::current().unwrap().submit(|y: u64| y * 2, x).unwrap().wait().unwrap(), 21);
    assert_eq!(nested.unwrap().wait().unwrap(), 42);
}

#[distob::test]
fn a_wrong_engine_number_is_an_error() {
    let hub = hub(1);
    assert!(matches!(hub.task(|(): ()| ()).on(1).call(()), Err(Error::InvalidArgument { .. })));
}

#[distob::test]
fn an_engine_that_was_killed_while_idle_is_replaced() {
    let hub = hub(2);
    let pid = || hub.activity().iter().find_map(|activity| activity.pid).unwrap();
    let first = pid();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(first as i32), nix::sys::signal::Signal::SIGKILL).unwrap();
    let begun = Instant::now();
    while hub.activity().iter().filter_map(|activity| activity.pid).count() < 2 || pid() == first {
        assert!(begun.elapsed() < Duration::from_secs(5), "no new engine");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(hub.task(|x: u32| x + 1).on(0).call(1).unwrap().wait().unwrap(), 2);
}

/// Whether all threads of a process are stopped.
fn is_stopped(pid: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    threads.flatten().all(|thread| {
        let stat = std::fs::read_to_string(thread.path().join("stat")).unwrap();
        // The state follows the name, which is in parentheses.
        stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T'))
    })
}

#[distob::test]
fn a_stopped_engine_is_replaced_and_its_task_done_again() {
    let hub = Hub::builder().process().engines(1).stall(Duration::from_millis(300)).start().unwrap();
    let engine = hub.activity().iter().find_map(|activity| activity.pid).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(engine as i32), nix::sys::signal::Signal::SIGSTOP).unwrap();
    // The signal is sent, and not delivered yet: a thread that is awake on another processor would do the task before it stops.
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is_stopped(engine) {
        assert!(Instant::now() < deadline, "the engine does not stop");
        std::thread::sleep(Duration::from_millis(1));
    }
    let other = hub.task(|(): ()| std::process::id()).idempotent().call(()).unwrap().wait().unwrap();
    assert_ne!(other, engine);
}

#[distob::test]
fn more_tasks_than_a_ring_holds_wait_for_an_engine_that_is_being_replaced() {
    let hub = hub(1);
    let engine = hub.activity().iter().find_map(|activity| activity.pid).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(engine as i32), nix::sys::signal::Signal::SIGKILL).unwrap();
    let pending: Vec<_> = (0..5000u64).map(|i| hub.task(|x: u64| x + 1).idempotent().call(i).unwrap()).collect();
    for (i, pending) in pending.into_iter().enumerate() {
        assert_eq!(pending.wait().unwrap(), i as u64 + 1);
    }
    assert_eq!(hub.deaths(), 1);
}

#[distob::test]
fn the_longest_deadline_is_no_overflow() {
    for hub in [hub(1), Hub::builder().embedded().engines(2).deadline(Duration::MAX).start().unwrap()] {
        assert_eq!(hub.task(|x: u32| x + 1).deadline(Duration::MAX).call(1).unwrap().wait().unwrap(), 2);
    }
}

#[distob::test]
fn who_waits_runs_no_task_of_somebody_else() {
    use std::sync::Mutex;
    static HELD: Mutex<u32> = Mutex::new(0);
    let hub = Hub::builder().embedded().engines(2).start().unwrap();
    let mut held = HELD.lock().unwrap();
    // The one worker is busy with the first; the second needs what this thread holds while it waits for the third.
    let blocked: Vec<_> = (0..2).map(|_| hub.submit(|(): ()| *HELD.lock().unwrap() += 1, ()).unwrap()).collect();
    assert_eq!(hub.submit(|x: u32| x + 1, 1).unwrap().wait().unwrap(), 2);
    *held += 1;
    drop(held);
    blocked.into_iter().for_each(|pending| pending.wait().unwrap());
    assert_eq!(*HELD.lock().unwrap(), 3);
}

/// Uses 5 to 10 kB of stack for each level.
fn descend(levels: u64) -> u64 {
    let frame = std::hint::black_box([levels; 640]);
    if levels == 0 { 0 } else { 1 + descend(levels - 1) + frame[7] - frame[8] }
}

#[distob::test]
fn threads_have_eight_mebibytes_of_stack_or_what_they_are_given() {
    let hubs = |stack: Option<usize>| {
        [Hub::builder().embedded().engines(3), Hub::builder().process().engines(2).threads(2)]
            .map(|hub| stack.map_or(hub.clone(), |stack| hub.stack_size(stack)).start().unwrap())
    };
    // More than the 2 MiB that a thread of the standard library has, less than 8 MiB; and eight times as much.
    for (stack, levels) in [(None, 700), (Some(64 << 20), 5600)] {
        for hub in hubs(stack) {
            let pending: Vec<_> = (0..8).map(|_| hub.submit(descend, levels).unwrap()).collect();
            pending.into_iter().for_each(|pending| assert_eq!(pending.wait().unwrap(), levels));
        }
    }
    // The threads that compute arrays, too; the calling one has what it has.
    let hub = Hub::builder().embedded().engines(3).stack_size(64 << 20).start().unwrap();
    let a = hub.scatter(&Array1::from_iter(0..1_000_000u64)).unwrap();
    let (here, deepest) = (std::thread::current().id(), AtomicU64::new(0));
    let begun = Instant::now();
    while deepest.load(Ordering::Relaxed) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "no worker took part");
        let same = a.mapv(|x| {
            if x % 4096 == 0 && std::thread::current().id() != here {
                deepest.fetch_max(descend(5600), Ordering::Relaxed);
            }
            x
        });
        assert_eq!(same.max(), Some(999_999));
    }
    assert_eq!(deepest.into_inner(), 5600);
}

#[distob::test]
fn an_argument_that_is_too_long_is_an_error_that_says_what_to_do() {
    let hub = hub(1);
    let error = hub.submit(|bytes: Vec<u8>| bytes.len() as u64, vec![0; 65 << 20]).err().unwrap();
    assert!(matches!(&error, Error::InvalidArgument { what } if what.contains("array")), "{error}");
}

#[distob::test]
fn wishes_out_of_range_are_errors_with_the_values() {
    let wishes = [
        Hub::builder().engines(0),
        Hub::builder().engines(33),
        Hub::builder().threads(5),
        Hub::builder().quota(0),
        Hub::builder().ahead(91),
        Hub::builder().stall(Duration::from_millis(10)),
        Hub::builder().stack_size(4096),
        Hub::builder().stack_size(usize::MAX),
    ];
    for wish in wishes {
        let text = format!("{wish:?}");
        assert!(matches!(wish.start(), Err(Error::InvalidArgument { .. })), "{text}");
    }
}
