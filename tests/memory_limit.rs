//! Inside a memory cgroup a pool that is filled to the brim says that memory is out: no SIGBUS, no OOM killer.

use std::{
    env, fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, id},
};

use distob::{
    Error,
    transport::{
        pool::{Block, Pool},
        quota::Quota,
        segment::Segment,
    },
};

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
fn a_pool_in_a_full_cgroup_is_out_of_memory_and_nothing_worse() {
    if let Some(group) = env::var_os(GROUP) {
        return fill_from_inside(Path::new(&group));
    }
    let Some(group) = Group::new() else {
        eprintln!("NOT TESTED: this user may not make a memory cgroup");
        return;
    };
    let this = "a_pool_in_a_full_cgroup_is_out_of_memory_and_nothing_worse";
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
    assert!(Quota::default().limit() <= LIMIT / 2, "the default quota follows the group's limit");
    // The quota is no help here: only the group limits.
    let pool = Pool::new(Segment::create("limited", 4 << 30).unwrap(), Quota::bytes(1 << 40));
    for bytes in [5_000, 300_000, 30_000_000, 5_000] {
        let mut blocks: Vec<Block> = Vec::new();
        let error = loop {
            match pool.alloc(bytes) {
                Ok(block) => {
                    // SAFETY: the block is ours alone and `bytes` long.
                    unsafe { block.as_ptr().write_bytes(1, bytes) };
                    blocks.push(block);
                }
                Err(error) => break error,
            }
        };
        let Error::OutOfMemory { wanted, in_use, quota } = error else { panic!("{error}") };
        assert_eq!(wanted, bytes as u64);
        assert!(in_use > LIMIT / 2 && quota >= in_use && quota < LIMIT, "{in_use} in use, quota {quota}");
        // SAFETY: as above.
        assert!(blocks.iter().all(|block| unsafe { block.as_ptr().add(bytes - 1).read() } == 1));
        drop(blocks);
        assert_eq!(pool.stats().in_use, 0);
    }
    assert!(pool.trim() as u64 > LIMIT / 2);
    assert_eq!(pool.stats().committed, 0);
    eprintln!("filled the group");
}
