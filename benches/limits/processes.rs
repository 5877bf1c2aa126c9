//! The floor between two processes: a cache line that goes to and fro.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Seconds for one round trip between two processes that both spin, the median of ten runs of `trips` each.
pub fn ping_pong(trips: u64) -> f64 {
    const PAGE: usize = 4096;
    // SAFETY: a new shared mapping of two lines' room, at an address of the system's choice.
    let page = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            PAGE,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    assert_ne!(page, libc::MAP_FAILED, "no page to share");
    // SAFETY: the page holds zeros, is aligned, lives until the end of this function, and both processes use it through
    // atomics alone.
    let (there, back) = unsafe { (&*page.cast::<AtomicU64>(), &*page.cast::<AtomicU64>().add(16)) };
    let parent = std::process::id();
    // SAFETY: the child touches only the shared page and `_exit`: nothing that another thread may have locked.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "no second process");
    if child == 0 {
        let mut seen = 0;
        let mut idle = 0u32;
        loop {
            let now = there.load(Ordering::Acquire);
            if now == u64::MAX {
                // SAFETY: ends this process at once, running nothing that belongs to its parent.
                unsafe { libc::_exit(0) };
            }
            if now != seen {
                seen = now;
                idle = 0;
                back.store(now, Ordering::Release);
            } else {
                idle += 1;
                // SAFETY: asks for a number. A child whose parent died would spin for ever.
                if idle.is_multiple_of(1 << 20) && unsafe { libc::getppid() }.cast_unsigned() != parent {
                    // SAFETY: as above.
                    unsafe { libc::_exit(0) };
                }
                std::hint::spin_loop();
            }
        }
    }
    let mut count = 0;
    let mut run = |trips: u64| -> Duration {
        let start = Instant::now();
        for _ in 0..trips {
            count += 1;
            there.store(count, Ordering::Release);
            while back.load(Ordering::Acquire) != count {
                std::hint::spin_loop();
            }
        }
        start.elapsed()
    };
    run(1000);
    let samples = (0..10).map(|_| run(trips / 10).as_secs_f64() / (trips / 10) as f64).collect();
    there.store(u64::MAX, Ordering::Release);
    // SAFETY: waits for the child made above; then nothing uses the page.
    unsafe {
        libc::waitpid(child, std::ptr::null_mut(), 0);
        libc::munmap(page, PAGE);
    }
    crate::rig::median(samples)
}
