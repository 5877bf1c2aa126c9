//! The configuration of a hub: engines, threads, memory, deadlines.

use std::time::Duration;

pub(super) use super::board::MAX_ENGINES;
use super::hub::Hub;
use crate::error::{Error, Result};

/// An engine shows that it lives every 50 ms: less than this would kill it for nothing.
const SHORTEST_STALL: Duration = Duration::from_millis(200);

/// Bytes of stack of a thread, unless said otherwise: what the main thread of a Linux program has.
const STACK: usize = 8 << 20;
/// What a thread's stack may have: room for what runs in any case; no more than addresses allow for all threads.
const STACKS: std::ops::RangeInclusive<usize> = 256 << 10..=1 << 36;

/// Where array operations and tasks run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// Arrays on threads of the hub's process; tasks in engine processes, which start with the first task. The fastest choice on one host, by
    /// measurement.
    Auto,
    /// Arrays and tasks in engine processes. The calling thread helps with small operations, and if engines are busy.
    Process,
    /// Arrays and tasks on threads of the hub's process.
    Embedded,
}

/// Configures and starts a hub; see [`Hub::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until start()"]
pub struct HubBuilder {
    pub(super) engines: Option<usize>,
    pub(super) threads: usize,
    pub(super) kind: EngineKind,
    pub(super) quota: Option<u64>,
    pub(super) ahead: u32,
    pub(super) pin: bool,
    pub(super) deadline: Duration,
    pub(super) stall: Duration,
    pub(super) stack: usize,
}

impl Default for HubBuilder {
    fn default() -> Self {
        HubBuilder {
            engines: None,
            threads: 1,
            kind: EngineKind::Auto,
            quota: None,
            ahead: 25,
            pin: false,
            deadline: Duration::from_secs(60),
            stall: Duration::from_secs(1),
            stack: STACK,
        }
    }
}

impl HubBuilder {
    /// Number of engines, 1 to 32. Default: as many as there are processors.
    ///
    /// If arrays are computed by threads, the calling thread is one of them. If they are computed by engine processes, the calling thread takes part
    /// in operations of less than 48 MiB of memory traffic, and leaves larger ones to the engines.
    pub fn engines(mut self, engines: usize) -> Self {
        self.engines = Some(engines);
        self
    }

    /// Number of threads of each engine, 1 to 4. Default: 1.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Where array operations and tasks run. Default: [`EngineKind::Auto`].
    pub fn kind(mut self, kind: EngineKind) -> Self {
        self.kind = kind;
        self
    }

    /// [`EngineKind::Process`]: engine processes compute arrays too.
    pub fn process(self) -> Self {
        self.kind(EngineKind::Process)
    }

    /// [`EngineKind::Embedded`]: threads of this process run tasks too.
    pub fn embedded(self) -> Self {
        self.kind(EngineKind::Embedded)
    }

    /// Most bytes that the arrays of the hub may hold. Default: half of the machine's memory or, if that is less, of the memory cgroup's limit.
    /// Under a limit of addresses (`ulimit -v`) it is at most half of those that are left beside the stacks of the hub's threads.
    /// [`memory`](Hub::memory) tells the quota that the hub has. If the administrator has reserved as many bytes in 2 MiB pages (`vm.nr_hugepages`), arrays lie in those pages.
    pub fn quota(mut self, bytes: u64) -> Self {
        self.quota = Some(bytes);
        self
    }

    /// How much memory the pool may take from the system before it is needed, in percent of the memory that it has, at most 90. Default: 25. With 0
    /// it takes memory only when an array needs it.
    pub fn ahead(mut self, percent: u32) -> Self {
        self.ahead = percent;
        self
    }

    /// Whether each worker thread and each engine is bound to a processor. Default: no.
    pub fn pin(mut self, pin: bool) -> Self {
        self.pin = pin;
        self
    }

    /// How long a call waits. This is the deadline of a task that has none of its own; the time that a chunk which has ended an engine waits for
    /// another engine; and, up to 20 s, the time for engines to start. Default: 60 s.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How long an engine process that holds work may show no sign of life (because it is stopped or swapped out), and how long it may continue with a
    /// task that is past its deadline. After that it is killed and replaced, and others do its work. Default: 1 s; at least 200 ms.
    pub fn stall(mut self, stall: Duration) -> Self {
        // Times beyond this (136 years) overflow when they are added to others.
        self.stall = stall.min(Duration::from_secs(1 << 32));
        self
    }

    /// Bytes of stack of each thread that computes: the hub's workers and the threads of engines, but not the calling thread. Default: 8 MiB;
    /// 256 KiB to 64 GiB. A stack takes address space only, until a thread uses it.
    ///
    /// ```
    /// use distob::prelude::*;
    /// # fn main() -> distob::Result<()> {
    /// fn depth(n: u64) -> u64 {
    ///     if n == 0 { 0 } else { 1 + std::hint::black_box(depth(n - 1)) }
    /// }
    /// let hub = Hub::builder().embedded().engines(2).stack_size(256 << 20).start()?;
    /// assert_eq!(hub.submit(depth, 200_000)?.wait()?, 200_000);
    /// # Ok(())
    /// # }
    /// ```
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack = bytes;
        self
    }

    /// Starts the hub.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for numbers out of range; [`Error::Io`] if the system refuses shared memory, threads or
    /// processes, with the step that failed and the system's error; [`Error::DeadlineExceeded`] if engine processes do not
    /// start in time.
    pub fn start(self) -> Result<Hub> {
        let in_range = |what: &str, value: usize, most: usize| match value {
            1.. if value <= most => Ok(()),
            _ => Err(Error::invalid(format!("{what}: {value} given, 1 to {most} allowed"))),
        };
        in_range("threads of an engine", self.threads, 4)?;
        in_range("number of engines", self.engines.unwrap_or(1), MAX_ENGINES)?;
        if self.stall < SHORTEST_STALL {
            return Err(Error::invalid(format!("a stall of {:?}: at least {SHORTEST_STALL:?}", self.stall)));
        }
        if !STACKS.contains(&self.stack) {
            let (least, most) = STACKS.into_inner();
            return Err(Error::invalid(format!("a stack of {} bytes: {least} to {most} allowed", self.stack)));
        }
        if self.ahead > 90 {
            return Err(Error::invalid(format!("{} percent of memory ahead of need: at most 90", self.ahead)));
        }
        if self.quota == Some(0) {
            return Err(Error::invalid("quota of 0 bytes: give at least 2 MiB"));
        }
        Hub::start(self)
    }
}
