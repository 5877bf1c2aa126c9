//! Rayon beside a hub: jobs that are posted from inside a rayon pool are computed by that pool's threads, not by others beside them; and what
//! closures of the program see is a pool as wide as the hub.
//!
//! A pool's threads are asked for help by tasks, which look for chunks as the hub's own workers do. The poster waits for chunks only: were
//! it to wait as rayon does, it would run other tasks of the program meanwhile, which may need what this one is computing.

#[cfg(feature = "rayon")]
use std::sync::OnceLock;
#[cfg(feature = "rayon")]
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(feature = "rayon")]
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
#[cfg(feature = "rayon")]
use nix::unistd::Pid;

#[cfg(feature = "rayon")]
use crate::transport::fork::is_forked;

/// The rayon pool of a hub, made when it is needed first.
#[cfg(feature = "rayon")]
pub(super) struct HubPool {
    pool: OnceLock<Option<rayon_core::ThreadPool>>,
    /// Whether a closure runs there.
    busy: AtomicBool,
    width: usize,
    /// Whether rayon's global pool is as wide, so that there need be no other.
    is_standard: bool,
    stack: usize,
    /// The processors that the hub was started on.
    cores: Option<CpuSet>,
}

#[cfg(feature = "rayon")]
impl HubPool {
    /// Of a hub so many threads wide, each with a stack of so many bytes.
    pub(super) fn new(width: usize, stack: usize) -> HubPool {
        let cores = sched_getaffinity(Pid::from_raw(0)).ok();
        let is_standard = width == default_width();
        HubPool { pool: OnceLock::new(), busy: AtomicBool::new(false), width, is_standard, stack, cores }
    }

    /// Runs a closure of the program's where it sees a pool of the hub's width: here, where it does so already, or in the hub's own pool.
    ///
    /// The global pool is taken for one of rayon's default width, so that the own one is for hubs of other widths. One closure has it at a
    /// time, and others run where they are: were they to wait for its threads, those might wait for them.
    pub(super) fn install<R: Send>(&self, run: impl FnOnce() -> R + Send) -> R {
        if self.is_standard || rayon_core::current_thread_index().is_some() || self.busy.swap(true, Ordering::Acquire) {
            return run();
        }
        let _busy = Busy(&self.busy);
        let pool = self.pool.get_or_init(|| {
            let builder = rayon_core::ThreadPoolBuilder::new().num_threads(self.width).stack_size(self.stack);
            let builder = builder.thread_name(|index| format!("distob-rayon-{index}"));
            let cores = self.cores;
            // The thread that asks first may be bound to one processor.
            let builder = builder.start_handler(move |_| {
                let _ = cores.map(|cores| sched_setaffinity(Pid::from_raw(0), &cores));
            });
            let built = builder.build();
            // Closures still run, in the pool that the caller sees.
            built.inspect_err(|error| tracing::warn!(%error, "a rayon pool of the hub's width cannot be had")).ok()
        });
        match pool {
            Some(pool) => pool.install(run),
            None => run(),
        }
    }
}

/// Says at its end that the pool is free.
#[cfg(feature = "rayon")]
struct Busy<'a>(&'a AtomicBool);

#[cfg(feature = "rayon")]
impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Threads of the rayon pool that the calling thread is one of. In a forked process that pool may have no other threads: none is counted on.
#[cfg(feature = "rayon")]
pub(super) fn threads_here() -> Option<usize> {
    if is_forked() {
        return None;
    }
    rayon_core::current_thread_index().map(|_| rayon_core::current_num_threads())
}

/// Has a thread of the pool that the calling thread is one of run `task`, soon or late.
#[cfg(feature = "rayon")]
pub(super) fn ask(task: impl FnOnce() + Send + 'static) {
    rayon_core::spawn(task)
}

/// The variable in which rayon looks for the number of threads of its global pool.
pub(super) const WIDTH: &str = "RAYON_NUM_THREADS";

/// What that variable says.
pub(super) fn said_width() -> Option<usize> {
    std::env::var(WIDTH).ok()?.parse().ok().filter(|&width| width > 0)
}

/// Threads of rayon's global pool, unless the program has built it itself.
#[cfg(feature = "rayon")]
fn default_width() -> usize {
    said_width().unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

#[cfg(not(feature = "rayon"))]
pub(super) struct HubPool;

#[cfg(not(feature = "rayon"))]
impl HubPool {
    pub(super) fn new(_width: usize, _stack: usize) -> HubPool {
        HubPool
    }

    pub(super) fn install<R: Send>(&self, run: impl FnOnce() -> R + Send) -> R {
        run()
    }
}

#[cfg(not(feature = "rayon"))]
pub(super) fn threads_here() -> Option<usize> {
    None
}

#[cfg(not(feature = "rayon"))]
pub(super) fn ask(_task: impl FnOnce() + Send + 'static) {}
