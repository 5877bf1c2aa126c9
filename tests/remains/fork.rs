//! What a forked process does to the hub of the process that it was forked from: nothing. And what it can do itself.
//!
//! Each scenario runs in a process of its own, whose other threads belong to the test harness.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use distob::prelude::*;
use distob::{EngineKind, Error, Hub};
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, pipe, setsid};

const SCENARIO: &str = "DISTOB_TEST_FORK";
/// What a forked process says by its exit status.
const FINE: i32 = 7;

/// Runs `scenario` in a process of its own; what it prints. `test` is the name of the calling test.
fn apart(test: &str, scenario: impl FnOnce()) -> String {
    if std::env::var(SCENARIO).is_ok_and(|name| name == test) {
        scenario();
        eprintln!("the scenario has ended");
        return String::new();
    }
    if std::env::var_os(SCENARIO).is_some() {
        return String::new();
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    let name = format!("fork::{test}");
    let output = child.args(["--exact", &name, "--nocapture"]).env(SCENARIO, test).output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && text.contains("the scenario has ended"), "{test}: {}: {text}", output.status);
    text
}

/// Runs `child` in a forked process, whose exit status is what it returns, or 101 after a panic.
fn start(child: impl FnOnce() -> i32) -> Pid {
    // SAFETY: the child runs code of this test, which may find locks of other threads locked for ever: it is killed then.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let code = catch_unwind(AssertUnwindSafe(child)).unwrap_or(101);
            // With what is registered for the end of a process.
            std::process::exit(code)
        }
    }
}

/// How a forked process ended.
fn end(pid: Pid) -> WaitStatus {
    let begun = Instant::now();
    loop {
        match waitpid(pid, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => {}
            other => return other.unwrap(),
        }
        if begun.elapsed() > Duration::from_secs(30) {
            kill(pid, Signal::SIGKILL).unwrap();
            panic!("a forked process hangs");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[track_caller]
fn fine(pid: Pid) {
    assert_eq!(end(pid), WaitStatus::Exited(pid, FINE));
}

fn hub(kind: EngineKind) -> Hub {
    Hub::builder().kind(kind).engines(2).quota(256 << 20).start().unwrap()
}

const KINDS: [EngineKind; 3] = [EngineKind::Auto, EngineKind::Embedded, EngineKind::Process];

fn pids(hub: &Hub) -> Vec<u32> {
    hub.activity().iter().filter_map(|activity| activity.pid).collect()
}

#[track_caller]
fn forked<T>(result: distob::Result<T>) {
    match result {
        Err(Error::Forked { process }) => assert_ne!(process, std::process::id()),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("an operation went on in a forked process"),
    }
}

#[track_caller]
fn panics<T>(operation: impl FnOnce() -> T) {
    let panic = catch_unwind(AssertUnwindSafe(operation)).map(drop).unwrap_err();
    let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(text.contains("was forked from process"), "{text}");
}

/// Tries everything on a hub of another process.
fn try_everything(hub: &Hub, small: &mut DistArray1<f64>, large: &mut DistArray1<f64>, pending: &DistArray1<f64>) {
    for array in [&*small, &*large] {
        forked(array.try_sum());
        panics(|| array * 2.0);
        forked(array.try_mapv(|x| x + 1.0));
        panics(|| array.mean_axis(Axis(0)));
        panics(|| array + array);
        panics(|| array.dot(array));
    }
    for array in [small, large] {
        panics(|| *array += 1.0);
        panics(|| array.mapv_inplace(|x| x + 1.0));
        forked(array.try_assign(1.0));
    }
    forked(pending.eval());
    panics(|| pending[0]);
    forked(hub.submit(|x: u32| x, 1));
    forked(hub.reserve(4 << 20));
    forked(hub.scatter(&ndarray::Array1::<f64>::zeros(3)));
    forked(hub.scatter(ndarray::Array1::<f64>::zeros(3)));
    panics(|| hub.memory());
    assert_eq!(hub.trim(), 0);
    hub.reset_peak();
    let _ = (hub.activity(), hub.deaths(), hub.workers(), hub.copied_bytes());
    let _entered = hub.enter();
    forked(Hub::current());
    forked(DistArray::try_from_elem(3, 1u8));
}

#[distob::test]
fn operations_in_a_forked_process_are_errors_and_the_hub_goes_on() {
    apart("operations_in_a_forked_process_are_errors_and_the_hub_goes_on", || {
        for kind in KINDS {
            let hub = hub(kind);
            let entered = hub.enter();
            assert_eq!(hub.submit(|x: u32| x + 1, 1).unwrap().wait().unwrap(), 2);
            let engines = pids(&hub);
            let mut small = DistArray::from_elem(100, 1.0);
            let mut large = DistArray::from_elem(1 << 20, 1.0);
            let pending = &large + 2.0;
            let task = || hub.submit(|()| std::thread::sleep(Duration::from_millis(20)), ()).unwrap();
            let done = AtomicBool::new(false);
            std::thread::scope(|scope| {
                // Others compute, send tasks and take and give memory meanwhile.
                let mine = |n: usize| {
                    let hub = &hub;
                    let done = &done;
                    move || {
                        let _entered = hub.enter();
                        while !done.load(Ordering::Relaxed) {
                            let a = DistArray::from_elem(n, 1.0);
                            assert_eq!((&a * 2.0 + &a).sum(), 3.0 * n as f64);
                            assert_eq!(hub.submit(|x: u32| x, 3).unwrap().wait().unwrap(), 3);
                        }
                    }
                };
                [10, 3000, 1 << 20].into_iter().for_each(|n| drop(scope.spawn(mine(n))));
                for _ in 0..10 {
                    let on_its_way = task();
                    let child = start(|| {
                        try_everything(&hub, &mut small, &mut large, &pending);
                        assert!(on_its_way.is_done());
                        on_its_way.cancel();
                        forked(on_its_way.wait());
                        FINE
                    });
                    let ended = end(child);
                    // Threads end before this panics.
                    done.store(ended != WaitStatus::Exited(child, FINE), Ordering::Relaxed);
                    assert_eq!(ended, WaitStatus::Exited(child, FINE), "{kind:?}");
                }
                done.store(true, Ordering::Relaxed);
            });
            assert_eq!((small.sum(), large.sum(), pending.sum()), (100.0, 1048576.0, 3.0 * 1048576.0));
            task().wait().unwrap();
            assert_eq!((pids(&hub), hub.deaths()), (engines, 0));
            drop(entered);
        }
    });
}

#[distob::test]
fn a_forked_process_that_drops_everything_or_panics_ends_nothing() {
    apart("a_forked_process_that_drops_everything_or_panics_ends_nothing", || {
        for kind in KINDS {
            let hub = hub(kind);
            assert_eq!(hub.submit(|x: u32| x + 1, 1).unwrap().wait().unwrap(), 2);
            let engines = pids(&hub);
            let array = hub.scatter(&ndarray::Array1::from_elem(1 << 20, 1.5)).unwrap();
            let moved = hub.scatter(ndarray::Array1::from_elem(1 << 20, 1.5)).unwrap();
            let pending = &array + &moved;
            // The child has all of them to itself, and drops them.
            let mut all = Some((hub.clone(), array.clone(), moved, pending, hub));
            let drops = start(|| {
                drop((all.take(), array.clone()));
                FINE
            });
            fine(drops);
            let panics = start(|| {
                let _all = all.take();
                panic!("on purpose");
            });
            assert_eq!(end(panics), WaitStatus::Exited(panics, 101));
            let (hub, _, moved, pending, _) = all.as_ref().unwrap();
            assert_eq!((pids(hub), hub.deaths()), (engines, 0));
            assert_eq!(pending.sum(), 3.0 * 1048576.0);
            assert_eq!(moved.sum(), 1.5 * 1048576.0);
            assert_eq!(hub.submit(|x: u32| x + 1, 1).unwrap().wait().unwrap(), 2);
        }
    });
}

#[distob::test]
fn arrays_of_threads_are_copied_to_a_forked_process() {
    apart("arrays_of_threads_are_copied_to_a_forked_process", || {
        for kind in [EngineKind::Auto, EngineKind::Embedded] {
            let hub = hub(kind);
            let mut array = hub.scatter(&ndarray::Array1::from_elem(1 << 20, 1.0)).unwrap();
            let (from_child, to_parent) = pipe().unwrap();
            let (from_parent, to_child) = pipe().unwrap();
            let child = start(|| {
                let mut byte = [0];
                nix::unistd::read(&from_parent, &mut byte).unwrap();
                // The other process has written meanwhile.
                assert!(array.iter().all(|&x| x == 1.0));
                array[3] = 2.0;
                assert_eq!(array[3], 2.0);
                nix::unistd::write(&to_parent, &byte).unwrap();
                nix::unistd::read(&from_parent, &mut byte).unwrap();
                let own = Hub::builder().embedded().engines(2).start().unwrap();
                let copy = own.scatter(&ndarray::ArrayRef::to_owned(&array)).unwrap();
                assert_eq!(copy.sum(), 1048577.0);
                FINE
            });
            array += 4.0;
            nix::unistd::write(&to_child, &[1]).unwrap();
            nix::unistd::read(&from_child, &mut [0]).unwrap();
            assert!(array.iter().all(|&x| x == 5.0));
            nix::unistd::write(&to_child, &[1]).unwrap();
            fine(child);
        }
    });
}

#[distob::test]
fn a_touch_of_an_array_of_engine_processes_is_explained() {
    let text = apart("a_touch_of_an_array_of_engine_processes_is_explained", || {
        let hub = hub(EngineKind::Process);
        let array = hub.scatter(&ndarray::Array1::from_elem(1 << 20, 1.0)).unwrap();
        let child = start(|| if array[1000] == 1.0 { FINE } else { FINE + 1 });
        assert_eq!(end(child), WaitStatus::Signaled(child, Signal::SIGSEGV, false));
        // A fault elsewhere is what it would have been.
        let child = start(|| {
            // SAFETY: not sound at all: the process ends here.
            unsafe { std::ptr::without_provenance::<u8>(8).read_volatile() };
            FINE
        });
        assert!(matches!(end(child), WaitStatus::Signaled(_, Signal::SIGSEGV, _)));
        assert_eq!(array.sum(), 1048576.0);
    });
    if !text.is_empty() {
        assert_eq!(text.matches("has touched an array of that hub").count(), 1, "{text}");
    }
}

/// Starts a hub of each kind here, with arrays and tasks.
fn use_hubs() {
    for kind in KINDS {
        let hub = hub(kind);
        let array = hub.scatter(&ndarray::Array1::from_elem(1 << 20, 1.0)).unwrap();
        assert_eq!((&array * 2.0 + 1.0).sum(), 3.0 * 1048576.0);
        assert_eq!(hub.submit(|x: u32| x + 1, 1).unwrap().wait().unwrap(), 2);
        assert_eq!(hub.memory().in_use > 0, !array.is_empty());
    }
    assert_eq!((DistArray::from_elem(1 << 20, 1.0) + 1.0).sum(), 2.0 * 1048576.0);
}

#[distob::test]
fn a_forked_process_has_hubs_of_its_own() {
    apart("a_forked_process_has_hubs_of_its_own", || {
        use_hubs();
        let kept: Vec<Hub> = KINDS.map(hub).into();
        let child = start(|| {
            use_hubs();
            let own = hub(EngineKind::Process);
            let grandchild = start(|| {
                forked(own.submit(|x: u32| x, 1));
                use_hubs();
                FINE
            });
            fine(grandchild);
            forked(kept[0].submit(|x: u32| x, 1));
            assert_eq!(own.submit(|x: u32| x, 1).unwrap().wait().unwrap(), 1);
            FINE
        });
        fine(child);
        use_hubs();
        kept.iter().for_each(|hub| assert_eq!(hub.submit(|x: u32| x, 1).unwrap().wait().unwrap(), 1));
    });
}

#[distob::test]
fn a_daemon_goes_on_without_the_program_that_started_it() {
    apart("a_daemon_goes_on_without_the_program_that_started_it", || {
        for kind in KINDS {
            let (from_daemon, to_us) = pipe().unwrap();
            let program = start(|| {
                let hub = hub(kind);
                let array = hub.scatter(&ndarray::Array1::from_elem(1 << 20, 1.0)).unwrap();
                assert_eq!(hub.submit(|x: u32| x, 1).unwrap().wait().unwrap(), 1);
                let engines = pids(&hub);
                let child = start(|| {
                    setsid().unwrap();
                    start(|| {
                        // Engines of the program end with it.
                        let gone = |pid: &u32| !super::exists(*pid as i32);
                        let begun = Instant::now();
                        while !engines.iter().all(gone) {
                            assert!(begun.elapsed() < Duration::from_secs(20), "engines outlive their hub");
                            std::thread::sleep(Duration::from_millis(1));
                        }
                        drop((hub, array));
                        use_hubs();
                        nix::unistd::write(&to_us, b"done").unwrap();
                        FINE
                    });
                    FINE
                });
                fine(child);
                // Ends at once, and the hub with it.
                FINE
            });
            drop(to_us);
            fine(program);
            let mut said = String::new();
            std::fs::File::from(from_daemon).read_to_string(&mut said).unwrap();
            assert_eq!(said, "done", "{kind:?}");
        }
    });
}

#[distob::test]
fn a_function_that_forks_and_returns_in_the_new_process_does_no_harm() {
    apart("a_function_that_forks_and_returns_in_the_new_process_does_no_harm", || {
        fn forks(x: u32) -> u32 {
            let child = start_bare();
            if child.as_raw() != 0 {
                // It ends by itself.
                assert!(matches!(end(child), WaitStatus::Exited(..)));
            }
            x + 1
        }
        for kind in KINDS {
            let hub = hub(kind);
            for i in 0..5 {
                assert_eq!(hub.submit(forks, i).unwrap().wait().unwrap(), i + 1, "{kind:?}");
            }
            assert_eq!(hub.deaths(), 0);
            // In a closure, on whichever thread.
            let array = hub.scatter(&ndarray::Array1::from_elem(1 << 20, 1.0)).unwrap();
            let once = AtomicBool::new(false);
            let parent = std::process::id();
            let result = array.try_mapv(|x| {
                if !once.swap(true, Ordering::Relaxed) {
                    let child = start_bare();
                    if child.as_raw() != 0 {
                        let ended = end(child);
                        // Where arrays are not inherited, the closure's next element is not there.
                        let faults = matches!(ended, WaitStatus::Signaled(_, Signal::SIGSEGV, _));
                        assert!(matches!(ended, WaitStatus::Exited(..)) || (faults && kind == EngineKind::Process));
                    }
                }
                x + 1.0
            });
            if std::process::id() != parent {
                forked(result);
                std::process::exit(FINE);
            }
            assert_eq!(result.unwrap().sum(), 2.0 * 1048576.0);
        }
    });
}

/// The new process, or 0 in it.
fn start_bare() -> Pid {
    // SAFETY: as `start`.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => child,
        ForkResult::Child => Pid::from_raw(0),
    }
}

#[distob::test]
fn commands_are_started_as_ever() {
    let hub = hub(EngineKind::Process);
    let array = hub.scatter(&ndarray::Array1::from_elem(1 << 20, 1.0)).unwrap();
    for forks in [false, true] {
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        if forks {
            // SAFETY: does nothing. With it, a command is started by `fork`.
            unsafe { command.pre_exec(|| Ok(())) };
        }
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"as ever").unwrap();
        assert_eq!(child.wait_with_output().unwrap().stdout, b"as ever");
    }
    assert_eq!(array.sum(), 1048576.0);
}
