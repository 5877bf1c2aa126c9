//! How an engine process ended, and whether what it was doing is to blame for it.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use nix::libc::{SIGHUP, SIGINT, SIGKILL, SIGTERM};

/// The processes that the kernel has killed for want of memory, as it counts them.
pub(super) struct OomKills {
    /// At the last look; `None` where the kernel does not say.
    seen: Option<u64>,
}

impl OomKills {
    pub(super) fn new() -> OomKills {
        OomKills { seen: oom_kills() }
    }

    /// Whether there was one since the last look.
    fn rose(&mut self) -> bool {
        let now = oom_kills();
        let rose = now > self.seen;
        self.seen = now;
        rose
    }
}

fn oom_kills() -> Option<u64> {
    let counts = std::fs::read_to_string("/proc/vmstat").ok()?;
    counts.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

/// Whether somebody else ended the process: a signal that programs are asked to end with. What a program does to itself
/// (an abort, an exit, a fault), and a kill for want of memory, is not.
pub(super) fn from_outside(status: ExitStatus, oom: &mut OomKills) -> bool {
    match status.signal() {
        Some(SIGKILL) => !oom.rose(),
        Some(SIGTERM | SIGINT | SIGHUP) => true,
        _ => false,
    }
}

/// The end of a process in words.
pub(super) fn in_words(status: ExitStatus) -> String {
    format!("it ended with {status}")
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn only_what_asks_a_process_to_end_comes_from_outside() {
        // As wait(2) has them: the signal in the low bits, an exit code above.
        let ended = |raw| from_outside(ExitStatus::from_raw(raw), &mut OomKills { seen: oom_kills() });
        for signal in [SIGTERM, SIGINT, SIGHUP] {
            assert!(ended(signal), "signal {signal}");
        }
        for signal in [nix::libc::SIGABRT, nix::libc::SIGSEGV, nix::libc::SIGBUS, nix::libc::SIGILL, nix::libc::SIGFPE]
        {
            assert!(!ended(signal), "signal {signal}");
        }
        for code in [0, 1, 101] {
            assert!(!ended(code << 8), "exit status {code}");
        }
        assert!(in_words(ExitStatus::from_raw(6)).contains("SIGABRT"));
    }

    #[test]
    fn a_kill_for_want_of_memory_is_told_by_the_kernels_count() {
        let Some(now) = oom_kills() else {
            eprintln!("NOT TESTED: /proc/vmstat has no count of kills for want of memory");
            return;
        };
        let killed = ExitStatus::from_raw(SIGKILL);
        assert!(!from_outside(killed, &mut OomKills { seen: now.checked_sub(1) }), "one since the last look");
    }
}
