//! How much memory a pool may take: the least of the user's quota, the room in every memory cgroup above this process,
//! and what the machine has available, less a reserve for everybody's heaps, stacks and page tables.
//!
//! Shared memory that is touched beyond that is a SIGBUS or a call for the OOM killer, so growth asks here first.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use nix::sys::sysinfo::sysinfo;

/// What a pool may hold: a fixed limit, and the host's present headroom unless that is left out.
#[derive(Debug, Clone)]
pub struct Quota {
    limit: u64,
    host: Option<Arc<Host>>,
}

impl Default for Quota {
    /// Half of what this process could have at all: the least of the machine's memory and the limits of its cgroups.
    fn default() -> Quota {
        Quota::on(Host::here(), None)
    }
}

impl Quota {
    /// At most `limit` bytes, and never more than the host has to give at the moment of growth.
    pub fn bytes(limit: u64) -> Quota {
        Quota::on(Host::here(), Some(limit))
    }

    /// At most `limit` bytes without asking the host: for memory that is there already (leased extents, the heap twin).
    pub fn unmeasured(limit: u64) -> Quota {
        Quota { limit, host: None }
    }

    fn on(host: Host, limit: Option<u64>) -> Quota {
        let limit = limit.unwrap_or_else(|| host.total() / 2);
        Quota { limit, host: Some(Arc::new(host)) }
    }

    /// The same, with a fixed limit of at most `limit` bytes.
    pub fn at_most(self, limit: u64) -> Quota {
        Quota { limit: self.limit.min(limit), ..self }
    }

    /// The fixed limit in bytes.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes by which this process may grow now, as the host says; measured anew by each call.
    pub fn headroom(&self) -> u64 {
        self.host.as_ref().map_or(u64::MAX, |host| host.headroom())
    }
}

/// Where a host says how much memory there is.
#[derive(Debug)]
struct Host {
    meminfo: PathBuf,
    groups: Vec<Group>,
    /// Bytes that a panic takes to print its backtrace.
    backtrace: u64,
}

/// One memory cgroup that this process is charged to.
#[derive(Debug, PartialEq, Eq)]
struct Group {
    dir: PathBuf,
    version: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl Host {
    /// This host, seen by this process.
    fn here() -> Host {
        let host = Host::find(Path::new("/proc"), Path::new("/sys/fs/cgroup"));
        Host { backtrace: backtrace_bytes(), ..host }
    }

    /// Finds the files below `proc`, usually `/proc`. Where that is not mounted, cgroups are those that are mounted at `cgroups` itself, as in a
    /// container, and the machine's memory is what sysinfo(2) says.
    fn find(proc: &Path, cgroups: &Path) -> Host {
        let read = |name: &str| fs::read_to_string(proc.join(name)).unwrap_or_default();
        let mounts = mounts(&read("self/mountinfo"));
        let mut groups = Vec::new();
        for (version, path) in own_groups(&read("self/cgroup")) {
            for mount in mounts.iter().filter(|mount| mount.version == version) {
                groups.extend(mount.chain(&path).into_iter().map(|dir| Group { dir, version }));
            }
        }
        if !proc.join("self").exists() {
            let usual = [(cgroups.to_owned(), Version::Two), (cgroups.join("memory"), Version::One)];
            groups.extend(usual.map(|(dir, version)| Group { dir, version }));
        }
        Host { meminfo: proc.join("meminfo"), groups, backtrace: 0 }
    }

    /// The most that this process could ever have.
    fn total(&self) -> u64 {
        let machine = self.memory().map_or(u64::MAX, |memory| memory.total);
        self.groups.iter().filter_map(Group::limit).fold(machine, u64::min)
    }

    fn headroom(&self) -> u64 {
        let left = |memory: Memory| {
            let reserve = (memory.total / 32).clamp(32 << 20, 1 << 30);
            memory.available.saturating_sub(reserve + self.backtrace.min(memory.total / 4))
        };
        let machine = self.memory().map_or(u64::MAX, left);
        self.groups.iter().filter_map(|group| group.headroom(self.backtrace)).fold(machine, u64::min)
    }

    fn memory(&self) -> Option<Memory> {
        let meminfo = fs::read_to_string(&self.meminfo).ok();
        meminfo.and_then(|text| Memory::parse(&text)).or_else(Memory::without_proc)
    }
}

impl Group {
    /// The group's limit in bytes, if it has one.
    fn limit(&self) -> Option<u64> {
        let files: &[&str] = match self.version {
            Version::One => &["memory.limit_in_bytes"],
            // Beyond memory.high everything is throttled, which is no better than a failure.
            Version::Two => &["memory.max", "memory.high"],
        };
        files.iter().filter_map(|file| limit(&fs::read_to_string(self.dir.join(file)).ok()?)).min()
    }

    /// Bytes that may still be charged to the group, if it has a limit, less a reserve and what a backtrace takes.
    fn headroom(&self, backtrace: u64) -> Option<u64> {
        let limit = self.limit()?;
        let (usage, prefix) = match self.version {
            Version::One => ("memory.usage_in_bytes", "total_"),
            Version::Two => ("memory.current", ""),
        };
        let read = |file: &str| fs::read_to_string(self.dir.join(file)).unwrap_or_default();
        let used = read(usage).trim().parse().unwrap_or(0);
        // Of a small group most is for arrays all the same.
        let reserve = (limit / 32).clamp(4 << 20, 256 << 20) + backtrace.min(limit / 4);
        Some((limit + reclaimable(&read("memory.stat"), prefix).min(used)).saturating_sub(used).saturating_sub(reserve))
    }
}

/// The machine's memory, in bytes.
#[derive(Debug, PartialEq, Eq)]
struct Memory {
    total: u64,
    available: u64,
}

impl Memory {
    /// What the system call says, which knows no file pages; those are counted by the nodes.
    fn without_proc() -> Option<Memory> {
        let info = sysinfo().ok()?;
        let nodes = fs::read_dir("/sys/devices/system/node").into_iter().flatten().flatten();
        let nodes = nodes.filter_map(|node| fs::read_to_string(node.path().join("meminfo")).ok());
        let file_pages: u64 = nodes.map(|node| file_pages(&node)).sum();
        let total = info.ram_total();
        Some(Memory { total, available: info.ram_unused().saturating_add(file_pages).min(total) })
    }

    fn parse(meminfo: &str) -> Option<Memory> {
        let field = |name: &str| -> Option<u64> {
            let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
        };
        let total = field("MemTotal")?;
        Some(Memory { total, available: field("MemAvailable").unwrap_or(total).min(total) })
    }
}

/// Bytes that this process takes when a panic prints a backtrace, if the environment asks for backtraces: the symbols are looked up in the
/// debug information of the executable. 31 MiB were measured for a program of 13 MB without debug information of its own, 45 MiB for one of
/// 117 MB with all of it. Memory that is refused too late for that would be a call for the OOM killer in the middle of the message.
fn backtrace_bytes() -> u64 {
    let asks = |name: &str| env::var_os(name).is_some_and(|value| value != "0");
    if !asks("RUST_BACKTRACE") && !asks("RUST_LIB_BACKTRACE") {
        return 0;
    }
    let executable = env::current_exe().and_then(fs::metadata).map_or(64 << 20, |file| file.len());
    (32 << 20) + executable / 4
}

/// A limit as a cgroup file states it; `None` for one that does not limit.
fn limit(text: &str) -> Option<u64> {
    // "max" in version 2; in version 1 the largest page-aligned i64.
    text.trim().parse().ok().filter(|&bytes| bytes < 1 << 60)
}

/// Bytes of a group that the kernel drops before it refuses anybody: file pages that were not used lately, and half of
/// those that were. Shared memory counts as anonymous there, and is not among them.
fn reclaimable(stat: &str, prefix: &str) -> u64 {
    let field = |name: &str| -> u64 {
        let found = stat.lines().find_map(|line| line.strip_prefix(prefix)?.strip_prefix(name)?.strip_prefix(' '));
        found.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
    };
    field("inactive_file") + field("active_file") / 2
}

/// Bytes of file pages that the kernel drops first, as the meminfo of a node states them: those counted by [`reclaimable`].
fn file_pages(node: &str) -> u64 {
    let field = |name: &str| -> u64 {
        let line = node.lines().find_map(|line| line.split_once(name)?.1.trim().strip_suffix("kB"));
        line.and_then(|value| value.trim().parse::<u64>().ok()).unwrap_or(0).saturating_mul(1024)
    };
    field(" Inactive(file):").saturating_add(field(" Active(file):") / 2)
}

/// The paths of this process in the hierarchies that may limit memory, as /proc/self/cgroup states them.
fn own_groups(text: &str) -> Vec<(Version, String)> {
    text.lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (id, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            match (id, controllers) {
                ("0", "") => Some((Version::Two, path.to_owned())),
                (_, list) if list.split(',').any(|name| name == "memory") => Some((Version::One, path.to_owned())),
                _ => None,
            }
        })
        .collect()
}

/// A mounted cgroup hierarchy: which of its directories is mounted where.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    root: PathBuf,
    point: PathBuf,
    version: Version,
}

impl Mount {
    /// The directories of a group and of all above it, as far up as they can be seen from here.
    fn chain(&self, path: &str) -> Vec<PathBuf> {
        // A container sees part of the hierarchy only; a path outside of that part means the part's own root.
        let inside = Path::new(path).strip_prefix(&self.root).unwrap_or(Path::new(""));
        let own = self.point.join(inside);
        let up = own.ancestors().take_while(|dir| dir.starts_with(&self.point));
        up.filter(|dir| dir.is_dir()).map(Path::to_owned).collect()
    }
}

/// The cgroup hierarchies that may limit memory, as /proc/self/mountinfo states them.
fn mounts(mountinfo: &str) -> Vec<Mount> {
    mountinfo
        .lines()
        .filter_map(|line| {
            let (mount, system) = line.split_once(" - ")?;
            let mut mount = mount.split(' ').skip(3);
            let (root, point) = (unescaped(mount.next()?), unescaped(mount.next()?));
            let mut system = system.split(' ');
            let (kind, options) = (system.next()?, system.nth(1).unwrap_or(""));
            let version = match kind {
                "cgroup2" => Version::Two,
                "cgroup" if options.split(',').any(|option| option == "memory") => Version::One,
                _ => return None,
            };
            Some(Mount { root, point, version })
        })
        .collect()
}

/// A path of mountinfo, in which blanks and the like are written as three octal digits.
fn unescaped(path: &str) -> PathBuf {
    let mut parts = path.split('\\');
    let mut plain = parts.next().unwrap_or("").to_owned();
    for part in parts {
        match part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => plain.extend([char::from(byte)].into_iter().chain(part[3..].chars())),
            None => plain.extend(['\\'].into_iter().chain(part.chars())),
        }
    }
    PathBuf::from(plain)
}

#[cfg(test)]
mod tests;
