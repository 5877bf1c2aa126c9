//! The hub: a program's handle to its engines and to the memory that they share.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use once_cell::sync::OnceCell;

use super::agent::{Agent, Segments};
use super::board::{BOARD_BYTES, Board, Counters, MAX_CHUNKS, MAX_PARTICIPANTS, MAX_PAYLOAD, Participant};
use super::builder::{EngineKind, HubBuilder};
use super::job::{Job, JobKind, kinds};
use super::link::LINK_BYTES;
use super::task_pool::TaskPool;
use super::thread_pool::{Helpers, ThreadPool, wake_all};
use crate::error::{Error, Result};
use crate::transport::fork::is_forked;
use crate::transport::{Block, Home, Pool, PoolStats, Quota, Segment};

/// What a segment's length is a multiple of: a large page.
const EXTENT: u64 = 2 << 20;
/// The smallest block of a pool.
const SMALLEST: u64 = 64;
/// Addresses that a thread takes besides its stack: the allocator's.
const THREAD: usize = 64 << 20;
/// Where addresses are limited, no pool is made shorter than this by trial.
const LEAST: u64 = 16 << 20;
/// The longest segment: a small part of a process's addresses.
const LONGEST: u64 = 1 << 45;

/// A handle to engines on this host and to the memory that they share. Cheap to clone. Arrays hold a handle too; the engines end when the last
/// handle is dropped.
///
/// ```
/// use distob::prelude::*;
/// # fn main() -> distob::Result<()> {
/// let hub = Hub::builder().embedded().engines(2).start()?;
/// let a = hub.scatter(&Array1::linspace(0.0, 1.0, 1000))?;
/// assert_eq!((&a + &a).sum(), 2.0 * a.sum());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Hub {
    pub(super) inner: Handle,
}

/// What keeps a hub alive.
#[derive(Clone)]
pub(super) enum Handle {
    /// One of the handles that are counted.
    Counted(Arc<Inner>),
    /// Nothing need: the hub stays until the process ends. Every array holds a handle, and counting is a good part of
    /// what a small one costs.
    Lasting(&'static Inner),
}

impl Drop for Handle {
    #[inline]
    fn drop(&mut self) {
        if is_forked()
            && let Handle::Counted(inner) = self
            && !inner.home.is_here()
        {
            // In a forked process the hub never ends: to end it is to stop engines and to wait for threads, of the other process.
            std::mem::forget(inner.clone());
        }
    }
}

impl std::ops::Deref for Handle {
    type Target = Inner;

    #[inline]
    fn deref(&self) -> &Inner {
        match self {
            Handle::Counted(inner) => inner,
            Handle::Lasting(inner) => inner,
        }
    }
}

pub(super) struct Inner {
    id: u64,
    pub(super) home: Home,
    pub(super) config: HubBuilder,
    pub(super) engines: usize,
    pool: Pool,
    _smallest: Block,
    pub(super) thread_pool: Arc<ThreadPool>,
    /// Worker threads of this process, participants `1..=workers.len()`.
    workers: Mutex<Vec<JoinHandle<()>>>,
    pub(super) worker_count: usize,
    /// Runs the tasks of an embedded hub.
    pub(super) tasks: Arc<TaskPool>,
    /// Starts engine processes: at once, or at the first task.
    agent: OnceCell<Arc<Agent>>,
    /// The segment of the board, if engine processes take part in jobs.
    control: Option<Arc<Segment>>,
    kinds: Vec<&'static JobKind>,
    copied: AtomicU64,
}

/// What one engine, or one thread of the hub's process, has done; see [`Hub::activity`].
#[derive(Clone, Debug)]
pub struct Activity {
    /// `hub`, `worker 1`, `engine 0`, …
    pub name: String,
    /// The process id of an engine process; `None` for threads of the hub's process, and while the engine does not run.
    pub pid: Option<u32>,
    /// The numbers of chunks, of bytes of their memory traffic, and of tasks.
    pub counters: Counters,
}

impl Hub {
    /// Starts a hub with one engine for each processor of this host, and the defaults of [`Hub::builder`].
    ///
    /// # Errors
    /// [`Error::Io`] if the system refuses shared memory, threads or processes.
    pub fn local() -> Result<Hub> {
        Hub::builder().start()
    }

    /// Configures a hub; [`start`](HubBuilder::start) starts it.
    pub fn builder() -> HubBuilder {
        HubBuilder::default()
    }

    pub(super) fn start(mut config: HubBuilder) -> Result<Hub> {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let in_engine = super::catch::in_engine();
        if in_engine || !super::catch::reexecutes() {
            // An engine's own hub lives inside it, and a program whose start we cannot catch would start over and over.
            config.kind = EngineKind::Embedded;
        }
        let engines = config.engines.unwrap_or(if in_engine { 1 } else { cores }).min(super::builder::MAX_ENGINES);
        let width = engines * config.threads;
        // Threads of this process: the embedded engines, or, beside engine processes, those that run closures.
        let worker_count = if config.kind == EngineKind::Process { width.min(cores) } else { width } - 1;
        if worker_count + width >= MAX_PARTICIPANTS {
            return Err(Error::invalid(format!("{engines} engines of {} threads: too many", config.threads)));
        }

        let quota = config.quota.map_or_else(Quota::default, Quota::bytes);
        let pool = arrays(config.kind, quota, (worker_count * (config.stack + THREAD)) as u64)?;
        pool.set_ahead(config.ahead);
        let control = match config.kind {
            EngineKind::Process => Some(control_segment(engines)?),
            // What engine processes do not compute they do not see.
            EngineKind::Auto | EngineKind::Embedded => None,
        };
        // Keeps a slab of the smallest blocks, so that a single number always finds room for its result.
        let smallest = pool.alloc(SMALLEST as usize)?;
        let board = Board::create(&control.clone().unwrap_or_else(|| Segment::heap(BOARD_BYTES)))?;
        let threads = Helpers { who: 1..1 + worker_count as Participant, awake: worker_count };
        let sharers = match config.kind {
            EngineKind::Process => {
                let first = threads.who.end;
                let awake = if width <= cores { width.min(cores - 1).max(1) } else { width };
                Helpers { who: first..first + width as Participant, awake }
            }
            _ => threads.clone(),
        };
        let thread_pool = Arc::new(ThreadPool::new(board, sharers, threads, config.deadline, config.stack));
        let tasks = TaskPool::new(thread_pool.board.clone(), width, config.stack);
        let board_of_workers = thread_pool.board.clone();
        let mut workers = Vec::with_capacity(worker_count);
        for index in 0..worker_count {
            let thread_pool = thread_pool.clone();
            let me = 1 + index as Participant;
            let pin = config.pin.then_some((index + 1) % cores);
            let thread = std::thread::Builder::new().name(format!("distob-{me}")).stack_size(config.stack);
            let spawned = thread.spawn(move || {
                if let Some(core) = pin {
                    super::pin::pin_to(core);
                }
                thread_pool.serve(me, index + 1 < cores);
            });
            match spawned {
                Ok(worker) => workers.push(worker),
                Err(error) => {
                    board_of_workers.close();
                    wake_all(&board_of_workers, 1..MAX_PARTICIPANTS as Participant);
                    workers.drain(..).for_each(|worker: JoinHandle<()>| _ = worker.join());
                    return Err(Error::io("start a worker thread", error));
                }
            }
        }
        let hub = Hub {
            inner: Handle::Counted(Arc::new(Inner {
                id: NEXT.fetch_add(1, Ordering::Relaxed),
                home: Home::here(),
                engines,
                pool,
                _smallest: smallest,
                thread_pool,
                workers: Mutex::new(workers),
                worker_count,
                tasks,
                agent: OnceCell::new(),
                control,
                kinds: kinds(),
                copied: AtomicU64::new(0),
                config,
            })),
        };
        if hub.inner.config.kind == EngineKind::Process {
            hub.inner.agent()?.wait_ready(hub.inner.config.deadline)?;
        }
        Ok(hub)
    }

    /// The same hub, which from now on stays until the process ends.
    pub(super) fn lasting(self) -> Hub {
        match &self.inner {
            Handle::Counted(inner) => Hub { inner: Handle::Lasting(Box::leak(Box::new(inner.clone()))) },
            Handle::Lasting(_) => self,
        }
    }

    /// The id of the hub, unique within this process.
    pub fn id(&self) -> u64 {
        self.inner.id
    }

    /// Number of engines. Arrays are partitioned over them, and tasks run on them.
    pub fn engines(&self) -> usize {
        self.inner.engines
    }

    /// Number of threads that may compute an array, including the calling thread.
    pub fn workers(&self) -> usize {
        1 + match self.inner.config.kind {
            EngineKind::Process => self.inner.engines * self.inner.config.threads,
            _ => self.inner.worker_count,
        }
    }

    /// Where array operations and tasks run.
    pub fn kind(&self) -> EngineKind {
        self.inner.config.kind
    }

    /// Whether this is the process of the hub, and not one that was forked from it.
    #[inline(always)]
    pub(crate) fn is_here(&self) -> bool {
        !is_forked() || self.inner.home.is_here()
    }

    /// # Errors
    /// [`Error::Forked`] in a process that was forked from the hub's.
    #[inline(always)]
    pub(crate) fn check_home(&self) -> Result<()> {
        if is_forked() { self.inner.home.check() } else { Ok(()) }
    }

    /// The memory that arrays live in.
    pub(crate) fn pool(&self) -> &Pool {
        &self.inner.pool
    }

    /// Memory in use, its peak and its limit, in bytes.
    ///
    /// # Panics
    /// In a process that was forked from the hub's ([`Error::Forked`]).
    pub fn memory(&self) -> PoolStats {
        let mut stats = self.inner.pool.stats();
        // What the hub keeps for itself is not an array's.
        stats.in_use = stats.in_use.saturating_sub(SMALLEST);
        stats.peak_in_use = stats.peak_in_use.saturating_sub(SMALLEST);
        stats
    }

    /// Whether arrays of so many bytes more would be within the quota: asked before memory outside of the pool is taken for a result.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] where they would not; [`Error::Forked`].
    pub(crate) fn has_room(&self, bytes: usize) -> Result<()> {
        self.check_home()?;
        let PoolStats { in_use, quota, .. } = self.memory();
        let wanted = bytes as u64;
        if wanted > quota.saturating_sub(in_use) { Err(Error::OutOfMemory { wanted, in_use, quota }) } else { Ok(()) }
    }

    /// Resets the peaks of [`memory`](Hub::memory) to the present values.
    pub fn reset_peak(&self) {
        self.inner.pool.reset_peak();
    }

    /// Grows the pool now, so that a later array of `bytes` needs no growth. The first touch of memory takes many times as long as a computation
    /// over it.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the quota, a memory cgroup or the machine does not have so much memory.
    ///
    /// ```
    /// # fn main() -> distob::Result<()> {
    /// let hub = distob::Hub::builder().embedded().engines(1).start()?;
    /// hub.reserve(16 << 20)?;
    /// assert!(hub.memory().committed >= 16 << 20);
    /// # Ok(())
    /// # }
    /// ```
    pub fn reserve(&self, bytes: usize) -> Result<()> {
        self.inner.pool.reserve(bytes)
    }

    /// Returns memory that no array uses to the system, and gives the number of bytes. Later arrays need fresh memory again, which is slow. So this is
    /// for a program that has finished with large arrays.
    pub fn trim(&self) -> usize {
        self.inner.pool.trim()
    }

    /// Runs a job to its end: returns when every chunk is done, whoever did it.
    ///
    /// # Errors
    /// [`Error::Panicked`] where the job's function did; [`Error::EngineLost`] where one chunk has ended three engine processes:
    /// this process does not compute it; [`Error::InvalidArgument`] for more chunks or a longer description
    /// than the board holds, and for a kind that is not registered.
    pub(crate) fn run(&self, job: &Job<'_>) -> Result<()> {
        self.check_home()?;
        let payload = job.remote.as_ref().map_or(0, |remote| remote.payload.len());
        if job.chunks > MAX_CHUNKS || payload > MAX_PAYLOAD {
            let what = format!("job {}: {} chunks described in {payload} bytes", job.name, job.chunks);
            return Err(Error::invalid(format!("{what}; at most {MAX_CHUNKS} chunks and {MAX_PAYLOAD} bytes")));
        }
        let kind = match &job.remote {
            Some(remote) => match self.inner.kinds.binary_search_by_key(&remote.kind, |kind| kind.name) {
                Ok(index) => index as u32,
                Err(_) => return Err(Error::invalid(format!("no job kind {:?} is registered", remote.kind))),
            },
            None => 0,
        };
        self.inner.thread_pool.run(job, kind)
    }

    /// Whether engine processes take part in jobs, so that a job's description is worth encoding.
    pub(crate) fn shares_with_processes(&self) -> bool {
        self.inner.config.kind == EngineKind::Process
    }

    /// Counts bytes that were copied between memory of the program and the pool.
    pub(crate) fn count_copied(&self, bytes: u64) {
        self.inner.copied.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes that were copied into the pool (by `scatter`, say) or out of it (by `gather`). Between engines and hub nothing is copied: they map
    /// the same memory.
    pub fn copied_bytes(&self) -> u64 {
        self.inner.copied.load(Ordering::Relaxed)
    }

    /// Number of engine processes that have died so far; the hub replaces them.
    pub fn deaths(&self) -> u32 {
        self.inner.agent.get().map_or(0, |agent| agent.deaths())
    }

    /// What each engine has done so far; the threads of the hub's process come first.
    pub fn activity(&self) -> Vec<Activity> {
        let board = &self.inner.thread_pool.board;
        let mut all = vec![Activity { name: "hub".to_owned(), pid: None, counters: board.counters(0) }];
        for me in 1..=self.inner.worker_count {
            let counters = board.counters(me as Participant);
            all.push(Activity { name: format!("worker {me}"), pid: None, counters });
        }
        if let Some(agent) = self.inner.agent.get() {
            for engine in 0..self.inner.engines {
                let mut counters = Counters::default();
                for who in self.inner.participants(engine) {
                    let part = agent.board().counters(who);
                    counters.chunks += part.chunks;
                    counters.bytes += part.bytes;
                    counters.tasks += part.tasks;
                }
                all.push(Activity { name: format!("engine {engine}"), pid: agent.pid(engine), counters });
            }
        }
        all
    }
}

impl Inner {
    /// The participants that are threads of engine process `engine`.
    pub(super) fn participants(&self, engine: usize) -> std::ops::Range<Participant> {
        let first = 1 + self.worker_count + engine * self.config.threads;
        first as Participant..(first + self.config.threads) as Participant
    }

    /// The agent, which starts its engine processes if it has not yet.
    #[inline]
    pub(super) fn agent(&self) -> Result<&Arc<Agent>> {
        self.agent.get_or_try_init(|| {
            let ranges = (0..self.engines).map(|engine| self.participants(engine)).collect();
            let agent = match (&self.control, self.config.kind) {
                (Some(control), _) => {
                    let segments = Segments { control: control.clone(), arrays: Some(self.pool.segment().clone()) };
                    Agent::start(&self.config, segments, self.thread_pool.board.clone(), ranges)?
                }
                (None, EngineKind::Embedded) => return Err(Error::invalid("this hub has no engine processes")),
                // Engines that run tasks alone have a board of their own.
                (None, _) => {
                    let control = control_segment(self.engines)?;
                    let board = Board::create(&control)?;
                    Agent::start(&self.config, Segments { control, arrays: None }, board, ranges)?
                }
            };
            Ok(Arc::new(agent))
        })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.thread_pool.board.close();
        wake_all(&self.thread_pool.board, 1..MAX_PARTICIPANTS as Participant);
        if let Some(agent) = self.agent.take() {
            agent.board().close();
            wake_all(agent.board(), 1..MAX_PARTICIPANTS as Participant);
            agent.close();
        }
        self.tasks.close();
        let me = std::thread::current().id();
        for worker in self.workers.get_mut().unwrap_or_else(|e| e.into_inner()).drain(..) {
            // A closure may have held the last handle: a thread cannot wait for itself, and ends on its own.
            if worker.thread().id() != me {
                let _ = worker.join();
            }
        }
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { id, engines, config, .. } = &*self.inner;
        f.debug_struct("Hub").field("id", id).field("engines", engines).field("kind", &config.kind).finish()
    }
}

/// The segment of a board and of the rings to so many engine processes.
fn control_segment(engines: usize) -> Result<Arc<Segment>> {
    let segment = Segment::create_control("distob-control", BOARD_BYTES + engines * LINK_BYTES)?;
    segment.commit(0..segment.len())?;
    Ok(segment)
}

/// The pool of arrays: in reserved 2 MiB pages, where an administrator has set aside as many as the quota is. Threads of the hub need `spare`
/// bytes of addresses.
fn arrays(kind: EngineKind, quota: Quota, spare: u64) -> Result<Pool> {
    const NAME: &str = "distob-arrays";
    // Twice what the pool can ever hold, since addresses cost nothing: memory of scattered free extents can move
    // to a place where it is in one piece.
    let mut length = quota.limit().clamp(EXTENT, LONGEST / 2).next_multiple_of(EXTENT) * 2;
    if let Some(room) = Segment::address_room() {
        // Where addresses are limited, half of them are the program's.
        length = length.min((room.saturating_sub(spare) / 2 / EXTENT).max(1) * EXTENT);
    }
    let whole = |length: u64| quota.clone().at_most(length);
    if Segment::reserved_bytes() >= quota.limit() {
        match Segment::create_reserved(NAME, length as usize) {
            // They are memory that the system has given away already: what it has left says nothing of them.
            Ok(segment) => return Ok(Pool::new(segment, Quota::unmeasured(whole(length).limit()))),
            Err(error) => tracing::warn!(%error, "reserved pages cannot be had"),
        }
    }
    loop {
        let segment = match kind {
            EngineKind::Process => Segment::create(NAME, length as usize),
            EngineKind::Auto | EngineKind::Embedded => Segment::private(length as usize),
        };
        match segment {
            // Limits of other kinds (vm.overcommit_memory) are found by trial.
            Err(Error::Io { source, .. }) if is_no_memory(&source) && length > LEAST => {
                length = (length / 2).next_multiple_of(EXTENT);
            }
            segment => return Ok(Pool::new(segment?, whole(length))),
        }
    }
}

fn is_no_memory(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(nix::libc::ENOMEM)
}
