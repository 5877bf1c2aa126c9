//! Inside a memory cgroup a hub whose memory is filled to the brim says that memory is out: no SIGBUS, no OOM killer.

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
    fn new() -> Option<Group> {
        let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
        let hierarchies = mounts.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split(' ').collect();
            let [_, point, kind, options, ..] = fields[..] else { return None };
            let limit = match kind {
                "cgroup" if options.split(',').any(|option| option == "memory") => "memory.limit_in_bytes",
                "cgroup2" => "memory.max",
                _ => return None,
            };
            Some((Path::new(point).join(format!("distob-test-{}", id())), limit))
        });
        hierarchies.into_iter().find_map(|(dir, limit)| {
            fs::create_dir(&dir).ok()?;
            let group = Group(dir);
            fs::write(group.0.join(limit), LIMIT.to_string()).ok()?;
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
    let Some(group) = Group::new() else {
        eprintln!("NOT TESTED: this user may not make a memory cgroup");
        return;
    };
    let this = "a_hub_in_a_full_cgroup_is_out_of_memory_and_nothing_worse";
    let mut child = Command::new(env::current_exe().unwrap());
    let output = child.args(["--exact", this, "--nocapture"]).env(GROUP, &group.0).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), None, "{said}");
    assert!(output.status.success(), "{said}");
    assert!(said.contains("filled the group"), "{said}");
    for file in ["memory.oom_control", "memory.events"] {
        let killed = group.read(file).lines().find_map(|line| line.strip_prefix("oom_kill ").map(str::to_owned));
        assert!(killed.is_none_or(|count| count.trim() == "0"), "the OOM killer came");
    }
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
