//! Inside a memory cgroup a hub whose memory is filled to the brim says that memory is out: no SIGBUS, no OOM killer, also where a panic then
//! prints its backtrace. Without /proc a hub knows how much memory there is.

use std::{
    env, fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, id},
};

use distob::prelude::*;
use distob::{Error, Hub};

const GROUP: &str = "DISTOB_TEST_GROUP";
const LIMIT: u64 = 192 << 20;

/// A memory cgroup made for this test, removed when dropped.
struct Group(PathBuf);

impl Group {
    /// `None` where this user may make none.
    fn new(name: &str, bytes: u64) -> Option<Group> {
        let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
        let hierarchies = mounts.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let [_, point, kind, options, ..] = fields[..] else { return None };
            let limit = match kind {
                "cgroup" if options.split(',').any(|option| option == "memory") => "memory.limit_in_bytes",
                "cgroup2" => "memory.max",
                _ => return None,
            };
            Some((Path::new(point).join(format!("distob-test-{name}-{}", id())), limit))
        });
        hierarchies.into_iter().find_map(|(dir, limit)| {
            fs::create_dir(&dir).ok()?;
            let group = Group(dir);
            fs::write(group.0.join(limit), bytes.to_string()).ok()?;
            Some(group)
        })
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap_or_default()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_hub_in_a_full_cgroup_is_out_of_memory_and_nothing_worse() {
    if let Some(group) = env::var_os(GROUP) {
        return fill_from_inside(Path::new(&group));
    }
    let Some(group) = Group::new("full", LIMIT) else {
        eprintln!("NOT TESTED: this user may not make a memory cgroup");
        return;
    };
    let this = "a_hub_in_a_full_cgroup_is_out_of_memory_and_nothing_worse";
    let said = run_in(&group, this, "0");
    assert!(said.contains("filled the group"), "{said}");
}

/// Runs a test of this file in a process of its own that moves to the group; what it wrote to its standard error.
fn run_in(group: &Group, test: &str, backtraces: &str) -> String {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", test, "--nocapture"]).env(GROUP, &group.0).env("RUST_BACKTRACE", backtraces);
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.signal(), None, "{said}");
    assert!(output.status.success(), "{said}");
    for file in ["memory.oom_control", "memory.events"] {
        let killed = group.read(file).lines().find_map(|line| line.strip_prefix("oom_kill ").map(str::to_owned));
        assert!(killed.is_none_or(|count| count.trim() == "0"), "the OOM killer came");
    }
    said
}

#[test]
fn a_panic_in_a_full_cgroup_prints_its_backtrace() {
    if let Some(group) = env::var_os(GROUP) {
        return panic_inside(Path::new(&group));
    }
    // With room for the symbols of this very executable, and as much again for arrays.
    let executable = fs::metadata(env::current_exe().unwrap()).unwrap().len();
    let Some(group) = Group::new("backtrace", (256 << 20).max(4 * executable)) else {
        eprintln!("NOT TESTED: this user may not make a memory cgroup");
        return;
    };
    let said = run_in(&group, "a_panic_in_a_full_cgroup_prints_its_backtrace", "1");
    assert!(said.contains("a panic in full memory") && said.contains("stack backtrace:"), "{said}");
    assert!(said.contains("core::panicking") && said.contains("went on"), "{said}");
}

fn panic_inside(group: &Path) {
    fs::write(group.join("cgroup.procs"), id().to_string()).unwrap();
    let hub = Hub::builder().embedded().engines(2).quota(16 << 30).start().unwrap();
    let _entered = hub.enter();
    let mut arrays: Vec<DistArray1<u8>> = Vec::with_capacity(100_000);
    for bytes in [1 << 20, 4000] {
        arrays.extend(std::iter::from_fn(|| DistArray::try_from_elem(bytes, 1u8).ok()));
    }
    assert!(hub.memory().in_use > 100 << 20, "{:?}", hub.memory());
    let panicked = std::panic::catch_unwind(|| assert!(arrays.is_empty(), "a panic in full memory"));
    assert!(panicked.is_err() && arrays.iter().all(|array| array[3999] == 1));
    eprintln!("went on");
}

const HIDDEN: &str = "DISTOB_TEST_HIDDEN_PROC";

#[test]
fn without_proc_the_default_quota_is_a_part_of_the_memory() {
    if env::var_os(HIDDEN).is_some() {
        assert!(!Path::new("/proc/self").exists(), "/proc is still there");
        let hub = Hub::builder().embedded().engines(1).start().unwrap();
        eprintln!("quota {}", hub.memory().quota);
        let _entered = hub.enter();
        assert_eq!(DistArray::<f64, _>::ones(1000).sum(), 1000.0);
        return;
    }
    let quota = Hub::builder().embedded().engines(1).start().unwrap().memory().quota;
    let this = "without_proc_the_default_quota_is_a_part_of_the_memory";
    let hide = "mount -t tmpfs none /proc && echo hidden >&2 && exec \"$0\" --exact \"$1\" --nocapture";
    let executable = env::current_exe().unwrap();
    let mut child = Command::new("unshare");
    child.args(["--mount", "sh", "-c", hide]).arg(executable).arg(this).env(HIDDEN, "1");
    let output = match child.output() {
        Ok(output) if String::from_utf8_lossy(&output.stderr).contains("hidden") => output,
        _ => {
            eprintln!("NOT TESTED: this user may not hide /proc");
            return;
        }
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let told = said.lines().find_map(|line| line.split_once("quota ")?.1.trim().parse::<u64>().ok());
    let told = told.unwrap_or_else(|| panic!("no quota in {said}"));
    // Cgroups below the mounted ones are not known there.
    assert!(told >= quota / 2 && told < 1 << 50, "{told} bytes without /proc, {quota} with it");
}

fn fill_from_inside(group: &Path) {
    fs::write(group.join("cgroup.procs"), id().to_string()).unwrap();
    let hub = Hub::builder().embedded().engines(1).start().unwrap();
    assert!(hub.memory().quota <= LIMIT / 2, "the default quota follows the group's limit");
    drop(hub);
    // The quota is no help here: only the group limits.
    let hub = Hub::builder().embedded().engines(1).quota(4 << 30).start().unwrap();
    let _entered = hub.enter();
    for bytes in [5_000, 300_000, 30_000_000, 5_000] {
        // With room for all of them: growing, the vector would need much memory at once.
        let mut arrays: Vec<DistArray1<u8>> = Vec::with_capacity(LIMIT as usize / bytes);
        let error = loop {
            match DistArray::try_from_elem(bytes, 1u8) {
                Ok(array) => arrays.push(array),
                Err(error) => break error,
            }
        };
        let Error::OutOfMemory { wanted, in_use, quota } = error else { panic!("{error}") };
        assert_eq!(wanted, bytes as u64);
        assert!(in_use > LIMIT / 2 && quota >= in_use && quota < LIMIT, "{in_use} in use, quota {quota}");
        assert!(arrays.iter().all(|array| array[bytes - 1] == 1));
        drop(arrays);
        assert_eq!(hub.memory().in_use, 0);
    }
    assert!(hub.trim() as u64 > LIMIT / 2);
    // What the hub keeps for itself takes one page of 2 MiB.
    assert!(hub.memory().committed <= 2 << 20, "{:?}", hub.memory());
    eprintln!("filled the group");
}
