//! Rayon beside a hub: jobs that are posted from inside a rayon pool are computed by that pool's threads, not by others beside them; and what
//! closures of the program see is a pool as wide as the hub.
//!
//! A pool's threads are asked for help by tasks, which look for chunks as the hub's own workers do. The poster waits for chunks only: were
//! it to wait as rayon does, it would run other tasks of the program meanwhile, which may need what this one is computing.

#[cfg(feature = "rayon")]
use std::sync::OnceLock;

/// The rayon pool of a hub, made when it is needed first.
pub(super) struct HubPool {
    #[cfg(feature = "rayon")]
    pool: OnceLock<Option<rayon_core::ThreadPool>>,
    #[cfg(feature = "rayon")]
    width: usize,
    #[cfg(feature = "rayon")]
    stack: usize,
}

#[cfg(feature = "rayon")]
impl HubPool {
    /// Of a hub so many threads wide, each with a stack of so many bytes.
    pub(super) fn new(width: usize, stack: usize) -> HubPool {
        HubPool { pool: OnceLock::new(), width, stack }
    }

    /// Runs a closure of the program's where it sees a pool of the hub's width: here, where it does so already, or in the hub's own pool.
    ///
    /// The global pool is taken for one of rayon's default width, so that the own one is for hubs of other widths.
    pub(super) fn install<R: Send>(&self, run: impl FnOnce() -> R + Send) -> R {
        if threads_here().is_some() || self.width == default_width() {
            return run();
        }
        let pool = self.pool.get_or_init(|| {
            let builder = rayon_core::ThreadPoolBuilder::new().num_threads(self.width).stack_size(self.stack);
            let built = builder.thread_name(|index| format!("distob-rayon-{index}")).build();
            // Closures still run, in the pool that the caller sees.
            built.inspect_err(|error| tracing::warn!(%error, "a rayon pool of the hub's width cannot be had")).ok()
        });
        match pool {
            Some(pool) => pool.install(run),
            None => run(),
        }
    }
}

/// Threads of the rayon pool that the calling thread is one of.
#[cfg(feature = "rayon")]
pub(super) fn threads_here() -> Option<usize> {
    rayon_core::current_thread_index().map(|_| rayon_core::current_num_threads())
}

/// Has a thread of the pool that the calling thread is one of run `task`, soon or late.
#[cfg(feature = "rayon")]
pub(super) fn ask(task: impl FnOnce() + Send + 'static) {
    rayon_core::spawn(task)
}

/// Threads of rayon's global pool, unless the program has built it itself.
#[cfg(feature = "rayon")]
fn default_width() -> usize {
    let said = std::env::var("RAYON_NUM_THREADS").ok().and_then(|width| width.parse().ok());
    said.filter(|&width| width > 0).unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

#[cfg(not(feature = "rayon"))]
impl HubPool {
    pub(super) fn new(_width: usize, _stack: usize) -> HubPool {
        HubPool {}
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
