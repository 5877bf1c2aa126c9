//! Engines that cannot be started are tried again, for ever and after growing pauses; who waits for them too long is told why.
//!
//! What stands in the way is arranged in a process of its own: limits and mounts are of a whole process.

use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use distob::{EngineKind, Error, Hub};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Which scenario a process is to go through.
const SCENARIO: &str = "DISTOB_TEST_STARTING";
/// A file; while it is there, engines end before they are ready.
const STILLBORN: &str = "DISTOB_TEST_STILLBORN";

extern "C" fn before_main() {
    if std::env::var_os("DISTOB_ENGINE").is_some()
        && std::env::var_os(STILLBORN).is_some_and(|path| Path::new(&path).exists())
    {
        std::process::exit(3);
    }
}

// SAFETY: the section holds pointers to functions, which the C library calls once, before `main`; this one ignores its
// arguments.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = before_main;

/// Runs the test of that name once more in a process of its own, as `scenario`; what it prints.
fn apart(test: &str, scenario: &str, prepare: impl FnOnce(&mut Command)) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test, "--nocapture"]).env(SCENARIO, scenario);
    prepare(&mut child);
    let output = child.output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{scenario}: {text}");
    text
}

/// The scenario that this process is to go through, if it is one of those.
fn scenario() -> Option<String> {
    std::env::var(SCENARIO).ok()
}

/// A hub whose engines start with its first task, and which needs no thread before.
fn lazy() -> Hub {
    Hub::builder().engines(1).quota(64 << 20).start().unwrap()
}

fn add(hub: &Hub, x: u32) -> distob::Result<u32> {
    hub.submit(|x: u32| x + 1, x)?.wait()
}

/// The step that an error of [`add`] names, and what the system said.
fn refusal(error: &Error) -> (String, Option<i32>) {
    match error {
        Error::Io { what, source } => (what.clone(), source.raw_os_error()),
        other => panic!("{other}"),
    }
}

fn pids(hub: &Hub) -> Vec<u32> {
    hub.activity().iter().filter_map(|activity| activity.pid).collect()
}

#[distob::test]
fn engines_that_are_terminated_while_they_start_are_started_again() {
    const TERMINATED: usize = 60;
    let hub = Hub::builder().engines(2).start().unwrap();
    let done = AtomicBool::new(false);
    let mut terminated = Vec::new();
    std::thread::scope(|scope| {
        let killer = scope.spawn(|| {
            let mut seen = Vec::new();
            while !done.load(Ordering::Relaxed) && seen.len() < TERMINATED {
                for pid in pids(&hub).into_iter().filter(|pid| !seen.contains(pid)).collect::<Vec<_>>() {
                    // It may have gone by itself meanwhile; the agent has not reaped it, or the number would not be listed.
                    let _ = kill(Pid::from_raw(pid as i32), Signal::SIGTERM);
                    seen.push(pid);
                }
                std::thread::sleep(Duration::from_micros(200));
            }
            seen
        });
        let pending: Vec<_> = (0..160u32).map(|i| hub.task(|x: u32| x + 1).idempotent().call(i).unwrap()).collect();
        for (i, pending) in pending.into_iter().enumerate() {
            match pending.wait() {
                Ok(value) => assert_eq!(value, i as u32 + 1),
                // One that ran when its engine was terminated, three times.
                Err(error) => assert!(matches!(error, Error::EngineLost { deaths: 3, .. }), "{error}"),
            }
        }
        done.store(true, Ordering::Relaxed);
        terminated = killer.join().unwrap();
    });
    assert!(terminated.len() > 10, "only {terminated:?} were terminated");
    let begun = Instant::now();
    while pids(&hub).len() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(20), "an engine is not started again");
        std::thread::sleep(Duration::from_millis(1));
    }
    (0..160).for_each(|i| assert_eq!(add(&hub, i).unwrap(), i + 1));
}

#[distob::test]
fn engines_that_end_by_themselves_are_given_up_with_the_reason_and_come_back() {
    let test = "engines_that_end_by_themselves_are_given_up_with_the_reason_and_come_back";
    if scenario().is_none() {
        let mark = std::env::temp_dir().join(format!("distob-stillborn-{}", std::process::id()));
        std::fs::write(&mark, "").unwrap();
        let text = apart(test, "stillborn", |child| _ = child.env(STILLBORN, &mark));
        assert!(text.contains("they are back"), "{text}");
        return;
    }
    let hub = lazy();
    let begun = Instant::now();
    let (step, errno) = refusal(&add(&hub, 1).unwrap_err());
    assert!(step.contains("exit status: 3") && errno.is_none(), "{step}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    // A hub that needs them at once says the same.
    let error = Hub::builder().process().engines(2).start().map(|_| ()).unwrap_err();
    assert!(refusal(&error).0.contains("exit status: 3"), "{error}");
    std::fs::remove_file(std::env::var_os(STILLBORN).unwrap()).unwrap();
    let begun = Instant::now();
    while add(&hub, 1).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(40), "an engine is not started again");
        std::thread::sleep(Duration::from_millis(10));
    }
    // Not at the first call only.
    assert_eq!(add(&hub, 2).unwrap(), 3);
    println!("they are back");
}

/// Lets this process open so many descriptors more than it has now, while what is returned lives.
fn allow_descriptors(more: u64) -> Vec<std::fs::File> {
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    let numbers = open.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let highest = numbers.max().unwrap();
    // Numbers below the highest may be free: they are taken.
    let null = || std::fs::File::open("/dev/null").unwrap();
    let taken: Vec<_> = std::iter::repeat_with(null).take_while(|file| file.as_raw_fd() <= highest).collect();
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, highest as u64 + 1 + more, hard).unwrap();
    taken
}

#[distob::test]
fn a_shortage_of_descriptors_is_named_when_it_lasts_and_outlived_when_not() {
    let test = "a_shortage_of_descriptors_is_named_when_it_lasts_and_outlived_when_not";
    let Some(more) = scenario() else {
        // Short of one for the engine's segment, and of one or both ends of the socket.
        let steps = std::thread::scope(|scope| {
            let children = ["2", "3", "4"].map(|more| scope.spawn(move || apart(test, more, |_| ())));
            children.map(|child| child.join().unwrap())
        });
        assert!(steps.iter().all(|text| text.contains("outlived after")), "{steps:?}");
        return;
    };
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let hub = lazy();
    // The board's segment and the agent's own descriptor are two of those that it may open.
    let taken = allow_descriptors(more.parse().unwrap());
    let (step, errno) = refusal(&add(&hub, 1).unwrap_err());
    assert_eq!(errno, Some(nix::errno::Errno::EMFILE as i32), "{step}");
    assert!(step.contains("descriptor") || step.contains("socket pair") || step.contains("/proc/self/exe"), "{step}");
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    let begun = Instant::now();
    while add(&hub, 1).is_err() {
        assert!(begun.elapsed() < Duration::from_secs(40), "an engine is not started again");
        std::thread::sleep(Duration::from_millis(10));
    }
    // One that does not last is not even noticed.
    let other = lazy();
    drop(taken);
    let _taken = allow_descriptors(more.parse().unwrap());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(700));
            setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
        });
        assert_eq!(add(&other, 1).unwrap(), 2);
    });
    println!("outlived after {step}");
}

#[distob::test]
fn a_task_that_is_late_for_want_of_an_engine_says_why() {
    let test = "a_task_that_is_late_for_want_of_an_engine_says_why";
    if scenario().is_none() {
        apart(test, "descriptors", |_| ());
        return;
    }
    let hub = lazy();
    let _taken = allow_descriptors(3);
    let deadline = Duration::from_millis(300);
    let error = hub.task(|x: u32| x + 1).deadline(deadline).call(1).and_then(|pending| pending.wait()).unwrap_err();
    let told = |what: &str| what.contains("engine 0 does not run") && what.contains("os error 24");
    assert!(matches!(&error, Error::DeadlineExceeded { what, .. } if told(what)), "{error}");
}

#[distob::test]
fn a_limit_of_processes_is_named() {
    let test = "a_limit_of_processes_is_named";
    if scenario().is_none() {
        apart(test, "processes", |_| ());
        return;
    }
    // The limit counts the processes and threads of a user, and holds for others than root alone: one who has none.
    // SAFETY: the call takes an integer and touches no memory of ours.
    if unsafe { libc::setuid(4_294_000_123) } != 0 {
        eprintln!("NOT TESTED: only root may become a user without other processes");
        return;
    }
    let hub = lazy();
    let threads = std::fs::read_dir("/proc/self/task").unwrap().count() as u64;
    let (_, hard) = getrlimit(Resource::RLIMIT_NPROC).unwrap();
    // The agent's thread, and no engine.
    setrlimit(Resource::RLIMIT_NPROC, threads + 1, hard).unwrap();
    let (step, errno) = refusal(&add(&hub, 1).unwrap_err());
    assert!(step.contains("/proc/self/exe"), "{step}");
    assert_eq!(errno, Some(nix::errno::Errno::EAGAIN as i32), "{step}");
}

#[distob::test]
fn a_machine_without_proc_is_named() {
    let test = "a_machine_without_proc_is_named";
    if scenario().is_none() {
        apart(test, "proc", |_| ());
        return;
    }
    let hub = lazy();
    // SAFETY: the calls take integers and strings that end with a zero, or none; only what this thread and those that it
    // starts see of the file system changes.
    let hidden = unsafe {
        libc::unshare(libc::CLONE_NEWNS) == 0
            && libc::mount(
                c"none".as_ptr(),
                c"/".as_ptr(),
                std::ptr::null(),
                libc::MS_REC | libc::MS_PRIVATE,
                std::ptr::null(),
            ) == 0
            && libc::mount(c"none".as_ptr(), c"/proc".as_ptr(), c"tmpfs".as_ptr(), 0, std::ptr::null()) == 0
    };
    if !hidden {
        eprintln!("NOT TESTED: this user may not hide /proc");
        return;
    }
    let begun = Instant::now();
    let (step, errno) = refusal(&add(&hub, 1).unwrap_err());
    assert!(step.contains("/proc/self/exe"), "{step}");
    assert_eq!(errno, Some(nix::errno::Errno::ENOENT as i32), "{step}");
    assert!(begun.elapsed() < Duration::from_secs(10), "it is given up soon: {:?}", begun.elapsed());
}

#[distob::test]
fn what_an_engine_says_of_its_failure_is_in_the_error() {
    let test = "what_an_engine_says_of_its_failure_is_in_the_error";
    if scenario().is_none() {
        apart(test, "stacks", |_| ());
        return;
    }
    // More than this process, and those that it starts, may map.
    let hub = Hub::builder().engines(1).quota(64 << 20).stack_size(64 << 30).start().unwrap();
    let (_, hard) = getrlimit(Resource::RLIMIT_AS).unwrap();
    setrlimit(Resource::RLIMIT_AS, 32 << 30, hard).unwrap();
    let (step, _) = refusal(&add(&hub, 1).unwrap_err());
    assert!(step.contains("start a thread of an engine") && step.contains("os error"), "{step}");
    assert!(step.contains("exit status: 1"), "{step}");
}

/// What a process does under a limit: the sum of an array, if its hub starts, and a task.
fn sum_and_add(kind: EngineKind) -> distob::Result<distob::Result<u32>> {
    let hub = Hub::builder().kind(kind).engines(2).start()?;
    let array = hub.scatter(&ndarray::Array1::from_elem(1 << 20, 1.0))?;
    assert_eq!((&array + 1.0).sum(), 2.0 * 1048576.0);
    Ok(add(&hub, 1))
}

const KINDS: [EngineKind; 3] = [EngineKind::Auto, EngineKind::Embedded, EngineKind::Process];

#[distob::test]
fn a_limit_of_addresses_leaves_a_smaller_pool() {
    let test = "a_limit_of_addresses_leaves_a_smaller_pool";
    if scenario().is_none() {
        for limit in ["RLIMIT_AS", "RLIMIT_DATA"] {
            apart(test, limit, |_| ());
        }
        return;
    }
    const LIMIT: u64 = 4_000_000 << 10;
    let limited = if scenario().unwrap() == "RLIMIT_AS" { Resource::RLIMIT_AS } else { Resource::RLIMIT_DATA };
    setrlimit(limited, LIMIT, LIMIT).unwrap();
    for kind in KINDS {
        let hub = Hub::builder().kind(kind).engines(2).quota(1 << 40).start().unwrap();
        let quota = hub.memory().quota;
        if limited == Resource::RLIMIT_AS || kind != EngineKind::Process {
            assert!((LIMIT / 4..LIMIT).contains(&quota), "{kind:?}: {quota}");
        }
        assert_eq!(sum_and_add(kind).unwrap().unwrap(), 2, "{kind:?}");
        // All of it can be had, where the machine has so much.
        if quota * 2 < distob::Hub::builder().embedded().engines(1).start().unwrap().memory().quota {
            hub.reserve(quota as usize - (4 << 20)).unwrap();
        }
    }
}

/// Expects that threads compute arrays and run tasks, and that what needs engine processes is refused with this error.
fn threads_alone(errno: nix::errno::Errno) {
    assert_eq!(sum_and_add(EngineKind::Embedded).unwrap().unwrap(), 2);
    let no_task = sum_and_add(EngineKind::Auto).unwrap().unwrap_err();
    let no_hub = sum_and_add(EngineKind::Process).map(drop).unwrap_err();
    for error in [no_task, no_hub] {
        let (step, refused) = refusal(&error);
        assert_eq!(refused, Some(errno as i32), "{step}");
        assert!(step.contains("segment"), "{step}");
    }
}

#[distob::test]
fn a_limit_of_file_sizes_is_named_where_files_are_needed() {
    let test = "a_limit_of_file_sizes_is_named_where_files_are_needed";
    if scenario().is_none() {
        apart(test, "file sizes", |_| ());
        return;
    }
    setrlimit(Resource::RLIMIT_FSIZE, 64 << 10, 64 << 10).unwrap();
    threads_alone(nix::errno::Errno::EFBIG);
}

#[distob::test]
fn a_refusal_of_memory_files_is_named_where_they_are_needed() {
    let test = "a_refusal_of_memory_files_is_named_where_they_are_needed";
    if scenario().is_none() {
        apart(test, "memory files", |_| ());
        return;
    }
    let statement = |code: u32, k: u32, yes: u8| libc::sock_filter { code: code as u16, jt: yes, jf: 0, k };
    let filter = [
        // The number of the system call.
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, libc::SYS_memfd_create as u32, 1),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW, 0),
        statement(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32, 0),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_ptr().cast_mut() };
    // SAFETY: the filter outlives the calls, which copy it; it holds for this thread and those that it starts.
    let denied = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) == 0
    };
    if !denied {
        eprintln!("NOT TESTED: this system has no filters of system calls");
        return;
    }
    threads_alone(nix::errno::Errno::EPERM);
}

#[distob::test]
fn a_terminal_that_stops_what_prints_from_behind_does_not_stop_engines() {
    let test = "a_terminal_that_stops_what_prints_from_behind_does_not_stop_engines";
    if scenario().is_some() {
        let hub = lazy();
        let printed = hub.submit(|x: u32| println!("printed by a task: {x}"), 3).unwrap().wait();
        printed.unwrap();
        assert_eq!((add(&hub, 1).unwrap(), hub.deaths()), (2, 0));
        return;
    }
    let (mut ours, mut theirs) = (-1, -1);
    let none = std::ptr::null_mut();
    // SAFETY: the two descriptors are written to variables of their type; no name, no settings, no size is asked for.
    assert_eq!(unsafe { libc::openpty(&mut ours, &mut theirs, none, none.cast(), none.cast()) }, 0);
    // SAFETY: the call has just made them, and nobody else knows them.
    let (ours, theirs) = unsafe { (OwnedFd::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) };
    // SAFETY: all bytes zero are a `termios`, which the call fills in.
    unsafe {
        let mut settings: libc::termios = std::mem::zeroed();
        assert_eq!(libc::tcgetattr(theirs.as_raw_fd(), &mut settings), 0);
        settings.c_lflag |= libc::TOSTOP;
        assert_eq!(libc::tcsetattr(theirs.as_raw_fd(), libc::TCSANOW, &settings), 0);
    }
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(SCENARIO, "terminal");
    let end = || Stdio::from(theirs.try_clone().unwrap());
    command.stdin(end()).stdout(end()).stderr(end());
    let leads = || {
        // SAFETY: calls that take integers, of which standard input is the terminal.
        let ok = unsafe { libc::setsid() >= 0 && libc::ioctl(0, libc::TIOCSCTTY, 0) == 0 };
        if ok { Ok(()) } else { Err(std::io::Error::last_os_error()) }
    };
    // SAFETY: two system calls, as a new process may make them before it runs another program.
    let mut child = unsafe { command.pre_exec(leads) }.spawn().unwrap();
    // The reader ends when nobody has that end of the terminal.
    drop((command, theirs));
    let reader = std::thread::spawn(move || {
        let mut said = Vec::new();
        // Ends with an error when the other end is closed.
        let _ = std::fs::File::from(ours).read_to_end(&mut said);
        String::from_utf8_lossy(&said).into_owned()
    });
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > Duration::from_secs(30) {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let said = reader.join().unwrap();
    assert!(status.success() && said.contains("printed by a task: 3"), "{status}: {said}");
}

#[distob::test]
fn what_a_task_prints_is_there_though_its_engine_is_killed() {
    let test = "what_a_task_prints_is_there_though_its_engine_is_killed";
    if scenario().is_some() {
        let hub = lazy();
        hub.submit(|x: u32| print!("a line without an end, {x}"), 3).unwrap().wait().unwrap();
        pids(&hub).iter().for_each(|&pid| kill(Pid::from_raw(pid as i32), Signal::SIGKILL).unwrap());
        return;
    }
    let text = apart(test, "prints", |_| ());
    assert!(text.contains("a line without an end, 3"), "{text}");
}
