//! How a hub is to be: engines, threads, memory, deadlines.

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

/// Where the work on arrays runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// Arrays in the hub's process, tasks in engine processes that start at the first task. What the measurements
    /// found best on one host.
    Auto,
    /// Arrays and tasks in engine processes. The calling thread helps with small operations, and where engines are busy.
    Process,
    /// Everything on threads of the hub's process.
    Embedded,
}

/// Says how a hub is to be; see [`Hub::builder`].
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
    /// The calling thread computes too, as one of the embedded engines. Engine processes have large operations (48 MiB of memory traffic and more) to
    /// themselves, and the calling thread takes part in smaller ones.
    pub fn engines(mut self, engines: usize) -> Self {
        self.engines = Some(engines);
        self
    }

    /// Threads of each engine, 1 to 4. Default: 1.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Where the work on arrays runs. Default: [`EngineKind::Auto`].
    pub fn kind(mut self, kind: EngineKind) -> Self {
        self.kind = kind;
        self
    }

    /// Engines are processes, for arrays too.
    pub fn process(self) -> Self {
        self.kind(EngineKind::Process)
    }

    /// Engines are threads of this process, for tasks too.
    pub fn embedded(self) -> Self {
        self.kind(EngineKind::Embedded)
    }

    /// Most bytes that the pool may hold. Default: half of what the machine, or the memory cgroup, has. Where the administrator has
    /// reserved as much in 2 MiB pages (`vm.nr_hugepages`), arrays lie in those.
    pub fn quota(mut self, bytes: u64) -> Self {
        self.quota = Some(bytes);
        self
    }

    /// How much memory the pool may take ahead of need, in percent of what it has, 90 at most. Default: 25. With 0 it takes
    /// what an array asks for, when it does.
    pub fn ahead(mut self, percent: u32) -> Self {
        self.ahead = percent;
        self
    }

    /// Binds each worker thread and engine to a processor. Default: no.
    pub fn pin(mut self, pin: bool) -> Self {
        self.pin = pin;
        self
    }

    /// How long a call waits for a task that has no deadline of its own, for an engine to take a chunk that another one has died
    /// of, and, 20 s at most, for engines to start. Default: 60 s.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How long an engine that holds work may show no sign of life (stopped, swapped out), and how long it may go on with a
    /// task that is past its deadline, before it is killed and replaced and its work is done by others. Default: 1 s; at least
    /// 200 ms.
    pub fn stall(mut self, stall: Duration) -> Self {
        // Times beyond this (136 years) overflow when they are added to others.
        self.stall = stall.min(Duration::from_secs(1 << 32));
        self
    }

    /// Bytes of stack of each thread that computes: the hub's workers, and the threads of engines. Default: 8 MiB; 256 KiB to
    /// 64 GiB. It is address space only until a thread uses it.
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
    /// [`Error::InvalidArgument`] for numbers out of range; [`Error::Io`] where the system refuses shared memory, threads or
    /// processes, with the step that failed and what the system said; [`Error::DeadlineExceeded`] where engine processes do not
    /// come up.
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
