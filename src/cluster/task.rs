//! Tasks: a function and its argument, run by an engine.

use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::board::Board;
use super::builder::EngineKind;
use super::hub::Hub;
use super::link::{Completion, Name, Terms};
use super::ship::task_number;
use super::task_context;
use super::value::{from_bytes, to_bytes};
use super::wire::{Bytes, Frames, TASK_ROOM, deadline_after, is_past, monotonic, task_frames};
use crate::error::{Error, Result};
use crate::transport::wire::Message;

/// How long a waiting thread spins before it sleeps.
const SPIN: Duration = Duration::from_micros(50);
/// No deadline is later than this (136 years), so that none is beyond what clocks can tell.
const LATEST: Duration = Duration::from_secs(1 << 32);
/// How often it looks for its result between two looks at the clock.
const LOOKS: u32 = 32;
/// After spinning for so long it lets others have its processor between two looks.
const YIELD_AFTER: Duration = Duration::from_micros(3);
/// How often a sleeping thread looks again, whatever wakes it.
const NAP: Duration = Duration::from_millis(20);

/// How a task is to run; see [`Hub::task`].
#[must_use = "a task runs when call() is"]
pub struct TaskBuilder<'h, A, R> {
    hub: &'h Hub,
    function: fn(A) -> R,
    sent_at: &'static Location<'static>,
    engine: Option<usize>,
    deadline: Duration,
    idempotent: bool,
}

impl Hub {
    /// Runs `function(argument)` on an engine and returns at once; the result is waited for with
    /// [`Pending::wait`]. Tasks sent one after the other are on their way together.
    ///
    /// The function is a `fn`, or a closure that captures nothing: what it needs is its argument. Argument and result are
    /// archived with rkyv. If the engine dies the task is lost, with [`Error::EngineLost`], unless it is
    /// [idempotent](TaskBuilder::idempotent).
    ///
    /// # Where it runs
    /// An engine is a process of its own, of the same program, which has not run `main`. Statics and thread locals have their initial
    /// values there, not those that the caller's process has given them; what the function needs of them is to be in its argument.
    /// On an embedded hub engines are threads of the caller's process, and thread locals are those of these threads.
    ///
    /// A `fn` is taken for one that may be called in such a process. Do not send one that another crate hands out only after its
    /// initialisation, for that is then not done.
    ///
    /// ```
    /// use distob::prelude::*;
    /// # fn main() -> distob::Result<()> {
    /// let hub = Hub::builder().embedded().engines(2).start()?;
    /// let squares: Vec<_> = (0..4u64).map(|i| hub.submit(|x: u64| x * x, i)).collect::<Result<_, _>>()?;
    /// let squares: Vec<u64> = squares.into_iter().map(|pending| pending.wait()).collect::<Result<_, _>>()?;
    /// assert_eq!(squares, [0, 1, 4, 9]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`] when engine processes, or threads of an embedded hub, have to be started and cannot be;
    /// [`Error::EngineLost`] when no engine could be started for a while; [`Error::DeadlineExceeded`] when an engine does not
    /// take tasks any more; [`Error::InvalidArgument`] for an argument above 64 MiB, and for a function whose code is
    /// not in the program's own file (but in a library that it has loaded).
    ///
    /// A closure that captures something does not compile:
    ///
    /// ```compile_fail,E0308
    /// # fn main() -> distob::Result<()> {
    /// # let hub = distob::Hub::builder().embedded().engines(1).start()?;
    /// let factor = 2.0;
    /// let doubled = hub.submit(move |x: f64| x * factor, 3.0)?;
    /// # doubled.wait()?;
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn submit<A, R>(&self, function: fn(A) -> R, argument: A) -> Result<Pending<R>>
    where
        A: Message + Send + 'static,
        R: Message + Send + 'static,
    {
        self.task(function).call(argument)
    }

    /// A task with options: where it runs, by when, whether it may run twice. What the function is, and where it runs:
    /// [`submit`](Hub::submit).
    #[track_caller]
    pub fn task<A, R>(&self, function: fn(A) -> R) -> TaskBuilder<'_, A, R> {
        TaskBuilder {
            hub: self,
            function,
            sent_at: Location::caller(),
            engine: None,
            deadline: self.inner.config.deadline,
            idempotent: false,
        }
    }
}

impl<A, R> TaskBuilder<'_, A, R> {
    /// Runs it on this engine. Default: the one with the fewest tasks.
    pub fn on(mut self, engine: usize) -> Self {
        self.engine = Some(engine);
        self
    }

    /// Must have ended so long after the call: nobody waits for it any longer, and what it gives afterwards is discarded. Default:
    /// the hub's deadline.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// May run more than once: if its engine dies another one runs it, up to three times in all.
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// Sends it off.
    ///
    /// # Errors
    /// As [`Hub::submit`]; [`Error::InvalidArgument`] for an engine that the hub does not have.
    pub fn call(self, argument: A) -> Result<Pending<R>>
    where
        A: Message + Send + 'static,
        R: Message + Send + 'static,
    {
        let inner = &self.hub.inner;
        self.hub.check_home()?;
        if let Some(engine) = self.engine.filter(|&engine| engine >= inner.engines) {
            return Err(Error::invalid(format!("engine {engine} asked for, the hub has {}", inner.engines)));
        }
        let after = self.deadline.min(LATEST);
        let deadline = deadline_after(after);
        let name = Name { function: std::any::type_name::<fn(A) -> R>(), sent_at: self.sent_at };
        let (idempotent, pinned) = (self.idempotent, self.engine.is_some());
        let terms = Terms { name, after, deadline, idempotent, pinned };
        let (completion, route) = if inner.config.kind == EngineKind::Embedded {
            let completion = Completion::new(terms, Frames::new());
            let home = inner.home;
            let (function, done, board) = (self.function, completion.clone(), inner.thread_pool.board.clone());
            let run = move |id| {
                let _context = task_context::enter(&board, id, deadline);
                if is_past(deadline) {
                    return done.complete(Err(terms.late()));
                }
                if task_context::cancelled() {
                    return done.complete(Err(Error::Cancelled { task: terms.name.to_string() }));
                }
                let result = catch_unwind(AssertUnwindSafe(|| to_bytes(&function(argument), 0)));
                if !home.is_here() {
                    // The function has forked and returned in the new process, where nobody waits.
                    return;
                }
                done.complete(match result {
                    Ok(_) if is_past(deadline) => Err(terms.late()),
                    Ok(bytes) => bytes.map(Bytes::from_vec),
                    Err(payload) => Err(Error::panicked(&terms.name.to_string(), payload)),
                });
            };
            let id = inner.tasks.push(deadline, Box::new(run))?;
            (completion, Route::Local { id })
        } else {
            let agent = inner.agent()?;
            // Where that takes longer than the task may, the task is late, and its caller learns it as of any other.
            agent.wait_started(after)?;
            let links = agent.links();
            let bytes = to_bytes(&argument, TASK_ROOM)?;
            let id = links.next_id();
            let frames = task_frames(id, task_number(self.function)?, deadline, bytes)?;
            let completion = Completion::new(terms, frames);
            let engine = self.engine.unwrap_or_else(|| links.least_loaded());
            links.send(id, engine, &completion)?;
            (completion, Route::Engine { id })
        };
        Ok(Pending { hub: self.hub.clone(), completion, route, _result: PhantomData })
    }
}

enum Route {
    Local { id: u64 },
    Engine { id: u64 },
}

/// A result that is on its way. Dropping it lets the task run, as long as the hub lives, and forgets the result.
#[must_use = "the result is lost unless it is waited for"]
pub struct Pending<R> {
    hub: Hub,
    completion: Arc<Completion>,
    route: Route,
    _result: PhantomData<fn() -> R>,
}

impl<R: Message> Pending<R> {
    /// Waits for the result, until the task's deadline and no longer: the task never runs on the calling thread.
    ///
    /// A task that is past its deadline should end itself: see [`cancelled`](super::cancelled). On an embedded hub the thread
    /// of one that does not is replaced, as long as there are no more than 256 of them; in an engine process it has
    /// [`stall`](super::HubBuilder::stall) more, then that process is killed and replaced.
    ///
    /// # Errors
    /// [`Error::Panicked`] where the function did; [`Error::EngineLost`] where its engine died and it may not run
    /// again, or has been lost three times, or no engine can be started; [`Error::DeadlineExceeded`], and then the task is
    /// cancelled too; [`Error::Cancelled`].
    pub fn wait(self) -> Result<R> {
        let board = self.board()?;
        let deadline = self.completion.terms.deadline;
        let mut spinning_since = None;
        let mut turns = 0u32;
        let mut hurried = false;
        loop {
            if let Some(result) = self.completion.take() {
                return from_bytes(&result?);
            }
            let progress = self.pump();
            turns += 1;
            if !turns.is_multiple_of(LOOKS) {
                if !progress {
                    std::hint::spin_loop();
                }
                continue;
            }
            let now = monotonic();
            if now >= deadline {
                return Err(self.give_up());
            }
            let spun = now - *spinning_since.get_or_insert(now);
            if progress || spun < SPIN.as_nanos() as u64 {
                // Who is waited for may have this very processor to run on.
                if !progress && spun > YIELD_AFTER.as_nanos() as u64 {
                    std::thread::yield_now();
                }
                continue;
            }
            if let Route::Local { id } = self.route
                && !std::mem::replace(&mut hurried, true)
            {
                self.hub.inner.tasks.hurry(id);
            }
            let idle = || !self.pump() && !self.completion.is_done();
            let nap = NAP.min(Duration::from_nanos(deadline - now));
            board.hub_bell().sleep_while(idle, Some(Instant::now() + nap));
        }
    }

    /// The board of those who run it.
    fn board(&self) -> Result<&Board> {
        let inner = &self.hub.inner;
        inner.home.check()?;
        match self.route {
            Route::Local { .. } => Ok(&inner.thread_pool.board),
            Route::Engine { .. } => inner.agent().map(|agent| agent.board()),
        }
    }

    /// The error of a task whose deadline has passed.
    fn give_up(&self) -> Error {
        self.cancel();
        let terms = &self.completion.terms;
        let why =
            match self.route {
                Route::Local { id } => self.hub.inner.tasks.withdraw(id).map(|lost| {
                    format!("not begun; {lost} threads of the hub run tasks that are past their deadlines")
                }),
                Route::Engine { .. } => {
                    let engine = self.completion.engine();
                    let trouble = self.hub.inner.agent().ok().and_then(|agent| agent.trouble(engine));
                    trouble.map(|trouble| format!("engine {engine} does not run: {trouble}"))
                }
            };
        match why {
            Some(why) => {
                Error::DeadlineExceeded { what: format!("task \"{}\" ({why})", terms.name), after: terms.after }
            }
            None => terms.late(),
        }
    }

    /// Takes the replies of the engine that has the task; whether there were any. What is unreadable there is the agent's to
    /// act on: it ends the engine, and this task with it.
    fn pump(&self) -> bool {
        let Route::Engine { .. } = self.route else { return false };
        let agent = self.hub.inner.agent();
        agent.and_then(|agent| agent.links().pump(self.completion.engine())).unwrap_or(false)
    }

    /// Whether [`wait`](Self::wait) would return at once: the result is there, or the deadline is past, or this process was forked from the hub's.
    pub fn is_done(&self) -> bool {
        if !self.hub.is_here() {
            return true;
        }
        self.pump();
        if self.completion.is_done() || monotonic() >= self.completion.terms.deadline {
            return true;
        }
        if let Route::Local { id } = self.route {
            self.hub.inner.tasks.hurry(id);
        }
        false
    }

    /// Asks the task to end: one that has not begun does not begin, one that runs sees it in
    /// [`cancelled`](super::cancelled). Its result, if it comes nevertheless, is there to be waited for.
    pub fn cancel(&self) {
        let (Route::Local { id } | Route::Engine { id }) = self.route;
        if let Ok(board) = self.board() {
            board.cancel(id);
        }
    }
}
