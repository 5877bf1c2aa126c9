//! The kernel's futex on a word of memory that processes share: sleep while it holds a value, wake who sleeps on it.

use std::sync::atomic::AtomicU32;
use std::time::Duration;

use nix::libc;

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited {
    /// What was waited for may have happened: look again. (A wake may be spurious.)
    Woken,
    /// The time given passed first.
    TimedOut,
}

/// Sleeps while `*word == expected`, until [`futex_wake`] on the same word from any process that maps it, or until
/// `timeout` has passed. Returns `Woken` at once if the word holds another value, and on a signal.
pub(crate) fn futex_wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) -> Waited {
    let limit = timeout.map(|t| libc::timespec {
        tv_sec: t.as_secs().min(i32::MAX as u64) as _, // 68 years: as good as for ever, and no overflow anywhere
        tv_nsec: t.subsec_nanos() as _,
    });
    let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: `word` is a live, aligned u32 for the whole call, and the kernel only reads it; `limit` is null or points
    // to a timespec that outlives the call. FUTEX_WAIT reads no argument after the fourth.
    let code = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, expected, limit) };
    // Taken together: woken (0), word changed (EAGAIN), signal (EINTR). The caller looks again after each of them.
    if code == -1 && nix::errno::Errno::last() == nix::errno::Errno::ETIMEDOUT {
        Waited::TimedOut
    } else {
        Waited::Woken
    }
}

/// Wakes at most `n` of the threads, of any process, that sleep on `word`; how many it woke.
pub(crate) fn futex_wake(word: &AtomicU32, n: u32) -> u32 {
    let n = n.min(i32::MAX as u32); // the kernel takes an int
    // SAFETY: FUTEX_WAKE reads no memory of ours: the address only names the queue. `word` is live, so it is mapped.
    let woken = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, n) };
    woken.max(0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::Ordering;
    use std::time::Instant;

    #[test]
    fn another_value_does_not_sleep() {
        assert_eq!(futex_wait(&AtomicU32::new(1), 2, None), Waited::Woken);
    }

    #[test]
    fn a_timeout_ends_the_sleep() {
        let start = Instant::now();
        assert_eq!(futex_wait(&AtomicU32::new(1), 1, Some(Duration::from_millis(5))), Waited::TimedOut);
        assert!(start.elapsed() >= Duration::from_millis(5));
    }

    #[test]
    fn a_wake_ends_the_sleep() {
        let word = AtomicU32::new(0);
        std::thread::scope(|s| {
            let sleeper = s.spawn(|| {
                while word.load(Ordering::Acquire) == 0 {
                    assert_eq!(futex_wait(&word, 0, Some(Duration::from_secs(10))), Waited::Woken);
                }
            });
            std::thread::sleep(Duration::from_millis(5));
            word.store(1, Ordering::Release);
            futex_wake(&word, u32::MAX);
            sleeper.join().unwrap();
        });
        assert_eq!(futex_wake(&word, 1), 0);
    }
}
