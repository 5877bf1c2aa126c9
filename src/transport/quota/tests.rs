//! The files of the host are read as the kernel writes them, and the least of all limits wins.

use super::*;

const MEMINFO: &str = "MemTotal:       24683520 kB\nMemFree:        23469056 kB\nMemAvailable:   24351744 kB\n";

/// A made-up /proc and cgroup tree, removed when dropped.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str, files: &[(&str, &str)]) -> Tree {
        let dir = std::env::temp_dir().join(format!("distob-quota-{name}-{}", std::process::id()));
        for (path, text) in files {
            let path = dir.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text.replace("$", dir.to_str().unwrap())).unwrap();
        }
        Tree(dir)
    }

    fn host(&self) -> Host {
        Host::find(&self.0.join("proc"), &self.0.join("cgroup"))
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn meminfo_is_read_in_bytes() {
    let memory = Memory { total: 24_683_520 << 10, available: 24_351_744 << 10 };
    assert_eq!(Memory::parse(MEMINFO), Some(memory));
    assert_eq!(Memory::parse("MemTotal: 5 kB\n"), Some(Memory { total: 5120, available: 5120 }));
    assert_eq!(Memory::parse("MemAvailable: 5 kB\n"), None);
    assert_eq!(Memory::parse("MemTotal: many kB\n"), None);
}

#[test]
fn limits_that_do_not_limit_are_none() {
    assert_eq!(limit("max\n"), None);
    assert_eq!(limit("9223372036854771712\n"), None);
    assert_eq!(limit("268435456\n"), Some(268_435_456));
    assert_eq!(limit(""), None);
}

#[test]
fn only_file_pages_can_be_reclaimed() {
    let one =
        "inactive_file 1\nactive_file 1\nshmem 800\ntotal_inactive_file 100\ntotal_active_file 50\ntotal_shmem 7\n";
    assert_eq!(reclaimable(one, "total_"), 125);
    assert_eq!(reclaimable("anon 5\ninactive_file 100\nactive_file 50\ninactive_file_more 9\n", ""), 125);
    assert_eq!(reclaimable("", ""), 0);
}

#[test]
fn own_groups_are_those_that_limit_memory() {
    let hybrid = "9:name=systemd:/\n4:memory:/jobs/a:b\n3:cpu,cpuacct:/x\n0::/unified\n";
    let both = [(Version::One, "/jobs/a:b".to_owned()), (Version::Two, "/unified".to_owned())];
    assert_eq!(own_groups(hybrid), both);
    assert_eq!(own_groups("6:cpu,memory:/y\n"), [(Version::One, "/y".to_owned())]);
    assert_eq!(own_groups("memory\n\n"), []);
}

#[test]
fn mounts_are_those_of_memory_hierarchies() {
    let text = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
                32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n\
                35 31 0:32 /docker/ab /sys/fs/cgroup/my\\040memory rw,relatime shared:7 - cgroup cgroup rw,memory\n\
                41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\nnonsense\n";
    let path = |text: &str| PathBuf::from(text);
    let one = Mount { root: path("/docker/ab"), point: path("/sys/fs/cgroup/my memory"), version: Version::One };
    let two = Mount { root: path("/"), point: path("/sys/fs/cgroup/unified"), version: Version::Two };
    assert_eq!(mounts(text), [one, two]);
}

#[test]
fn version_one_limits_along_the_whole_path() {
    let tree = Tree::new(
        "one",
        &[
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "4:memory:/outer/inner\n"),
            ("proc/self/mountinfo", "35 31 0:32 / $/memory rw - cgroup cgroup rw,memory\n"),
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/outer/memory.limit_in_bytes", "1073741824\n"),
            ("memory/outer/memory.usage_in_bytes", "1000000000\n"),
            ("memory/outer/memory.stat", "total_inactive_file 200000000\ntotal_active_file 0\n"),
            ("memory/outer/inner/memory.limit_in_bytes", "9223372036854771712\n"),
        ],
    );
    let host = tree.host();
    assert_eq!(host.groups.len(), 3);
    assert_eq!(host.total(), 1 << 30);
    assert_eq!(host.headroom(), (1 << 30) - 800_000_000 - (32 << 20));
    assert_eq!(Quota::on(tree.host(), None).limit(), 1 << 29);
    assert_eq!(Quota::on(tree.host(), Some(7)).limit(), 7);
}

#[test]
fn version_two_limits_by_max_and_high() {
    let files = [
        ("proc/meminfo", MEMINFO),
        ("proc/self/cgroup", "0::/slice/job\n"),
        ("proc/self/mountinfo", "41 31 0:38 /slice $/cg rw - cgroup2 cgroup2 rw\n"),
        ("cg/memory.max", "max\n"),
        ("cg/job/memory.max", "536870912\n"),
        ("cg/job/memory.high", "268435456\n"),
        ("cg/job/memory.current", "100000000\n"),
        ("cg/job/memory.stat", "inactive_file 0\nactive_file 0\n"),
    ];
    let tree = Tree::new("two", &files);
    assert_eq!(tree.host().total(), 1 << 28);
    assert_eq!(tree.host().headroom(), (1 << 28) - 100_000_000 - (8 << 20));
    fs::write(tree.0.join("cg/job/memory.current"), "268000000").unwrap();
    assert_eq!(tree.host().headroom(), 0);
}

#[test]
fn the_machine_limits_where_no_group_does() {
    let tree = Tree::new("machine", &[("proc/meminfo", MEMINFO)]);
    assert_eq!(tree.host().total(), 24_683_520 << 10);
    assert_eq!(tree.host().headroom(), (24_351_744 << 10) - (24_683_520 << 10) / 32);
}

#[test]
fn without_proc_the_system_call_and_the_mounted_groups_limit() {
    let nothing = Host::find(Path::new("/nonexistent"), Path::new("/nonexistent"));
    let (here, there) = (Host::here().memory().unwrap(), nothing.memory().unwrap());
    // The system call counts what the kernel holds for itself in the same way, to a few pages.
    assert!(here.total.abs_diff(there.total) <= here.total / 50, "{here:?}, without /proc {there:?}");
    assert!(there.available > 0 && nothing.headroom() <= there.total && nothing.total() == there.total);
    let tree = Tree::new("container", &[("cgroup/memory.max", "268435456\n"), ("cgroup/memory.current", "0\n")]);
    assert_eq!((tree.host().total(), tree.host().headroom()), (1 << 28, (1 << 28) - (8 << 20)));
    let text = "Node 0 MemFree: 5 kB\nNode 0 Active(file):  20 kB\nNode 0 Inactive(file):  100 kB\n";
    assert_eq!(file_pages(text), 110 << 10);
}

#[test]
fn a_backtrace_has_its_reserve() {
    let files = [("cgroup/memory.max", "268435456\n"), ("cgroup/memory.current", "0\n")];
    let tree = Tree::new("backtrace", &files);
    let headroom = |backtrace: u64| Host { backtrace, ..tree.host() }.headroom();
    assert_eq!(headroom(40 << 20), (208 << 20));
    assert_eq!(headroom(1 << 40), (184 << 20));
}

#[test]
fn this_very_host_has_something_to_give() {
    let quota = Quota::default();
    assert!(quota.limit() > 1 << 20 && quota.limit() < 1 << 60, "{}", quota.limit());
    assert!(quota.headroom() < 1 << 60);
    assert_eq!(Quota::unmeasured(5).headroom(), u64::MAX);
}
