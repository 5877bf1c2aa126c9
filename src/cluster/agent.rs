//! The agent: the role that owns a host's engine processes. It starts them, sees their deaths, starts others in their
//! place, and ends them, those too that do not leave a task whose deadline is past. It runs on a thread of its own, which lives as long as the hub: engines ask the kernel to be
//! killed when the thread that started them is gone, so even a stopped one does not outlive its agent.

use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::ExitStatusExt as _;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::attempts::{Attempts, Cause};
use super::board::{Board, Death, Participant};
use super::builder::HubBuilder;
use super::death::{OomKills, from_outside, in_words};
use super::image::Image;
use super::link::Links;
use super::spawn::{Process, receive, spawn};
use super::unwind::AbortOnUnwind;
use super::wire::{FAILED, Failed, Hello, READY, Ready, monotonic};
use crate::error::{Error, Result};
use crate::transport::Segment;
use crate::transport::wire::{Header, decode};

/// How long engines may take to end by themselves when the hub closes.
const END_WITHIN: Duration = Duration::from_millis(500);
/// How often the agent looks at its engines though nothing has happened.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long a new engine may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// What engine processes map.
pub(super) struct Segments {
    /// The board, and the rings of each engine.
    pub(super) control: Arc<Segment>,
    /// The memory of arrays, where they compute those.
    pub(super) arrays: Option<Arc<Segment>>,
}

/// Starts, watches and ends engine processes.
pub(super) struct Agent {
    shared: Arc<Shared>,
    board: Board,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    links: Arc<Links>,
    closing: AtomicBool,
    wake: EventFd,
    /// Process id of each engine, 0 while it is dead.
    pids: Vec<AtomicU32>,
    deaths: AtomicU32,
    starts: Mutex<Starts>,
    changed: Condvar,
    /// Whether each engine has been ready once.
    up: AtomicBool,
}

/// What has become of the starts of engines.
struct Starts {
    /// Those that have been ready, a bit each.
    ready: u64,
    /// Those that cannot be started for now, a bit each.
    given_up: u64,
    /// For each, what stands in the way of its start.
    trouble: Vec<Option<Cause>>,
}

impl Starts {
    /// The trouble of one engine that has any.
    fn any_trouble(&self) -> Option<(usize, &Cause)> {
        self.trouble.iter().enumerate().find_map(|(engine, cause)| Some((engine, cause.as_ref()?)))
    }

    /// That trouble as an error.
    fn error(&self) -> Error {
        match self.any_trouble() {
            Some((engine, cause)) => {
                Error::Io { what: format!("start engine {engine}: {}", cause.what), source: cause.to_io() }
            }
            None => Error::io("start engine processes", std::io::Error::other("no reason is known")),
        }
    }
}

impl Agent {
    pub(super) fn start(
        config: &HubBuilder,
        segments: Segments,
        board: Board,
        participants: Vec<Range<Participant>>,
    ) -> Result<Agent> {
        let engines = participants.len();
        let shared = Arc::new(Shared {
            links: Arc::new(Links::new(board.clone(), participants.clone())),
            closing: AtomicBool::new(false),
            wake: EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)
                .map_err(|e| Error::io("make an event descriptor", e))?,
            pids: (0..engines).map(|_| AtomicU32::new(0)).collect(),
            deaths: AtomicU32::new(0),
            starts: Mutex::new(Starts { ready: 0, given_up: 0, trouble: vec![None; engines] }),
            changed: Condvar::new(),
            up: AtomicBool::new(false),
        });
        let watch = Watch {
            shared: shared.clone(),
            segments,
            board: board.clone(),
            stall: config.stall,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            pin: config.pin,
            stack: config.stack as u64,
            oom: OomKills::new(),
            engines: participants.into_iter().map(Engine::new).collect(),
        };
        let thread = std::thread::Builder::new()
            .name("distob-agent".to_owned())
            .spawn(move || {
                // Without it no death would be seen, and who waits for a chunk would wait for ever.
                let guard = AbortOnUnwind::begin("the agent's thread");
                watch.run();
                guard.end();
            })
            .map_err(|e| Error::io("start the agent's thread", e))?;
        Ok(Agent { shared, board, thread: Mutex::new(Some(thread)) })
    }

    /// The board that the engines are at.
    pub(super) fn board(&self) -> &Board {
        &self.board
    }

    /// Waits until each engine has been ready.
    ///
    /// # Errors
    /// [`Error::Io`] when one of them cannot be started, [`Error::DeadlineExceeded`] after `within`, and 20 s at most.
    pub(super) fn wait_ready(&self, within: Duration) -> Result<()> {
        let within = within.min(READY_WITHIN);
        let all = self.all();
        let starts = self.wait_while(within, |starts| starts.ready & all != all && starts.given_up == 0);
        if starts.given_up != 0 {
            return Err(starts.error());
        }
        if starts.ready & all != all {
            let trouble = starts.any_trouble().map(|(engine, cause)| format!(" (engine {engine}: {})", cause.what));
            let what = format!("engine processes to start{}", trouble.unwrap_or_default());
            return Err(Error::DeadlineExceeded { what, after: within });
        }
        Ok(())
    }

    /// Waits until each engine has been ready or cannot be started, or `within` has passed.
    ///
    /// # Errors
    /// [`Error::Io`] when none of them can be started.
    pub(super) fn wait_started(&self, within: Duration) -> Result<()> {
        // As a rule they have been for long.
        if self.shared.up.load(Ordering::Relaxed) {
            return Ok(());
        }
        let all = self.all();
        let starts = self.wait_while(within, |starts| (starts.ready | starts.given_up) & all != all);
        if starts.given_up & all == all { Err(starts.error()) } else { Ok(()) }
    }

    /// What stands in the way of the start of an engine that does not run.
    pub(super) fn trouble(&self, engine: usize) -> Option<String> {
        self.shared.starts().trouble[engine].as_ref().map(|cause| cause.what.clone())
    }

    fn all(&self) -> u64 {
        (1 << self.shared.pids.len()) - 1
    }

    fn wait_while(&self, within: Duration, waits: impl Fn(&mut Starts) -> bool) -> MutexGuard<'_, Starts> {
        let starts = self.shared.starts();
        self.shared.changed.wait_timeout_while(starts, within, waits).unwrap_or_else(|e| e.into_inner()).0
    }

    pub(super) fn links(&self) -> &Arc<Links> {
        &self.shared.links
    }

    /// The process of an engine, while it lives.
    pub(super) fn pid(&self, engine: usize) -> Option<u32> {
        let pid = self.shared.pids.get(engine)?.load(Ordering::Relaxed);
        (pid != 0).then_some(pid)
    }

    /// How many engines have died so far.
    pub(super) fn deaths(&self) -> u32 {
        self.shared.deaths.load(Ordering::Relaxed)
    }

    /// Ends the engines, and the agent. The board must have been closed.
    pub(super) fn close(&self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        let _ = self.shared.wake.write(1);
        let thread = self.thread.lock().unwrap_or_else(|e| e.into_inner()).take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn starts(&self) -> MutexGuard<'_, Starts> {
        self.starts.lock().unwrap_or_else(|e| e.into_inner())
    }
}

/// Why the agent has ended an engine.
enum Sentence {
    /// It was stopped, unreadable, or did not become ready.
    Broken(String),
    /// It did not leave a task that was past its deadline.
    Late(String),
}

impl Sentence {
    fn broken(how: &'static str) -> impl Fn(Error) -> Sentence {
        move |error| Sentence::Broken(format!("{how}: {error}"))
    }
}

/// What the agent's thread knows of one engine.
struct Engine {
    participants: Range<Participant>,
    process: Option<Process>,
    incarnation: u32,
    ready: bool,
    attempts: Attempts,
    /// When to try to start it again.
    again_at: Option<Instant>,
    sentence: Option<Sentence>,
    /// What it has said of itself before it ended.
    confession: Option<String>,
    /// The last count of its heart, and when it was seen to change.
    beat: u32,
    beat_at: Instant,
}

impl Engine {
    fn new(participants: Range<Participant>) -> Engine {
        Engine {
            participants,
            process: None,
            incarnation: 0,
            ready: false,
            attempts: Attempts::default(),
            again_at: None,
            sentence: None,
            confession: None,
            beat: 0,
            beat_at: Instant::now(),
        }
    }
}

struct Watch {
    shared: Arc<Shared>,
    segments: Segments,
    board: Board,
    stall: Duration,
    cores: usize,
    pin: bool,
    stack: u64,
    oom: OomKills,
    engines: Vec<Engine>,
}

impl Watch {
    fn run(mut self) {
        (0..self.engines.len()).for_each(|engine| self.begin(engine));
        let mut looked = Instant::now();
        while !self.shared.closing.load(Ordering::SeqCst) {
            self.wait_for_events();
            if looked.elapsed() > self.stall * 3 / 4 {
                // It is we who did not run (stopped, swapped out): that says nothing of the engines.
                self.engines.iter_mut().for_each(|engine| engine.beat_at = Instant::now());
            }
            looked = Instant::now();
            for engine in 0..self.engines.len() {
                self.look_at(engine);
            }
        }
        self.end();
    }

    fn wait_for_events(&self) {
        // Often enough to see a stalled engine and, while nobody waits, to take the replies.
        let most = if self.shared.links.has_backlog() { Duration::from_millis(1) } else { LOOK_EVERY };
        let mut most = most.min(self.stall / 4);
        for (index, engine) in self.engines.iter().enumerate() {
            if let Some(at) = engine.again_at {
                most = most.min(at.saturating_duration_since(Instant::now()));
            }
            if let (_, Some(due)) = self.shared.links.overdue(index, self.stall) {
                most = most.min(Duration::from_nanos(due.saturating_sub(monotonic())));
            }
        }
        // Rounded up: at that time there is something to do.
        let timeout = PollTimeout::try_from(most + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
        let mut fds = vec![PollFd::new(self.shared.wake.as_fd(), PollFlags::POLLIN)];
        for process in self.engines.iter().filter_map(|engine| engine.process.as_ref()) {
            fds.push(PollFd::new(process.pidfd.as_fd(), PollFlags::POLLIN));
            fds.push(PollFd::new(process.socket.as_fd(), PollFlags::POLLIN));
        }
        // An interrupted wait is a short one.
        let _ = poll(&mut fds, timeout);
        let _ = self.shared.wake.read();
    }

    fn look_at(&mut self, index: usize) {
        let engine = &mut self.engines[index];
        if engine.process.is_none() && engine.again_at.take_if(|at| Instant::now() >= *at).is_some() {
            self.begin(index);
        }
        let Some(process) = &mut self.engines[index].process else { return };
        if matches!(process.child.try_wait(), Ok(Some(_)) | Err(_)) {
            return self.died(index);
        }
        if let Err(sentence) = self.judge(index) {
            let (Sentence::Broken(why) | Sentence::Late(why)) = &sentence;
            tracing::warn!(engine = index, why, "an engine is ended");
            let engine = &mut self.engines[index];
            engine.sentence = Some(sentence);
            if let Some(process) = &mut engine.process {
                let _ = process.child.kill();
            }
        }
    }

    /// Hears what an engine says, and takes its replies; an error where it has to be ended.
    fn judge(&mut self, index: usize) -> Result<(), Sentence> {
        while let Some(word) = self.hear(index).map_err(Sentence::broken("it says what it should not"))? {
            let engine = &mut self.engines[index];
            match word {
                Word::Ready => {
                    engine.ready = true;
                    engine.attempts.succeeded();
                    engine.beat_at = Instant::now();
                    let incarnation = engine.incarnation;
                    let resumed = self.shared.links.resume(index, incarnation);
                    resumed.map_err(Sentence::broken("it does not take its tasks"))?;
                    self.is_ready(index);
                }
                Word::Failed(what) => engine.confession = Some(what),
                Word::RepliesWait => {}
            }
        }
        self.shared.links.pump(index).map_err(Sentence::broken("its replies are unreadable"))?;
        let engine = &mut self.engines[index];
        let beat = self.board.beat(engine.participants.start).load(Ordering::Relaxed);
        if beat != engine.beat {
            (engine.beat, engine.beat_at) = (beat, Instant::now());
        }
        let silent = engine.beat_at.elapsed();
        if !engine.ready {
            return match silent > READY_WITHIN {
                true => Err(Sentence::Broken(format!("it was not ready within {READY_WITHIN:?}"))),
                false => Ok(()),
            };
        }
        let needed = || self.board.holds_chunk(engine.participants.clone()) || self.shared.links.outstanding(index) > 0;
        if silent > self.stall && needed() {
            let stall = self.stall;
            return Err(Sentence::Broken(format!("it held work and showed no sign of life for {stall:?}")));
        }
        if let (Some(task), _) = self.shared.links.overdue(index, self.stall) {
            let (name, after, stall) = (task.name, task.after, self.stall);
            let why = format!("it went on with task \"{name}\" for {stall:?} after the task's deadline of {after:?}");
            return Err(Sentence::Late(why));
        }
        Ok(())
    }

    /// What an engine has said, if it has said anything.
    fn hear(&mut self, index: usize) -> Result<Option<Word>> {
        let Some(process) = &self.engines[index].process else { return Ok(None) };
        if !readable(process.socket.as_fd()) {
            return Ok(None);
        }
        receive(process.socket.as_fd())?.map(|(message, _)| Word::read(&message)).transpose()
    }

    fn is_ready(&self, index: usize) {
        let mut starts = self.shared.starts();
        starts.ready |= 1 << index;
        starts.given_up &= !(1 << index);
        starts.trouble[index] = None;
        if starts.ready.count_ones() as usize == self.engines.len() {
            self.shared.up.store(true, Ordering::Relaxed);
        }
        self.shared.changed.notify_all();
    }

    fn died(&mut self, index: usize) {
        // Its last words, if it had time for any.
        while let Ok(Some(word)) = self.hear(index) {
            if let Word::Failed(what) = word {
                self.engines[index].confession = Some(what);
            }
        }
        let engine = &mut self.engines[index];
        let Some(mut process) = engine.process.take() else { return };
        // Reaped, so it can never write again: only now is its work given to others.
        let status = process.child.wait();
        drop(process);
        self.shared.pids[index].store(0, Ordering::Relaxed);
        self.shared.deaths.fetch_add(1, Ordering::Relaxed);
        for who in engine.participants.clone() {
            self.board.bell(who).withdraw();
        }
        let (outside, ended) = match &status {
            Ok(status) => (from_outside(*status, &mut self.oom), in_words(*status)),
            Err(error) => (true, format!("how it ended is not known: {error}")),
        };
        let sentenced = engine.sentence.is_some();
        let (reason, for_lateness) = match (engine.sentence.take(), engine.confession.take()) {
            (Some(Sentence::Broken(why)), _) => (format!("it was ended, since {why}"), false),
            (Some(Sentence::Late(why)), _) => (format!("it was ended, since {why}"), true),
            (None, Some(what)) => (format!("{ended} ({what})"), false),
            (None, None) => (ended, false),
        };
        self.shared.links.died(index, &reason, for_lateness);
        // What we or others have ended is no fault of the chunks that it held.
        let death = Death { engine: index as u32, status: status.map_or(0, |status| status.into_raw()) };
        let freed = self.board.release_dead(engine.participants.clone(), (!outside).then_some(death));
        tracing::info!(engine = index, reason, freed, "an engine has died; another is started in its place");
        if freed > 0 {
            let others = self.engines.iter().flat_map(|engine| engine.participants.clone());
            others.for_each(|who| _ = self.board.wake(who));
        }
        // A hub that closes has told its engines to end.
        if self.shared.closing.load(Ordering::SeqCst) || self.board.closing() {
            return;
        }
        if self.engines[index].ready {
            self.begin(index);
        } else {
            self.again(index, Cause::death(reason, outside && !sentenced));
        }
    }

    fn begin(&mut self, index: usize) {
        let engine = &mut self.engines[index];
        engine.ready = false;
        engine.beat_at = Instant::now();
        engine.incarnation += 1;
        match self.try_begin(index) {
            Ok(process) => {
                self.shared.pids[index].store(process.child.id(), Ordering::Relaxed);
                self.engines[index].process = Some(process);
            }
            Err(error) => self.again(index, Cause::of(&error)),
        }
    }

    /// An engine could not be started, or ended before it was ready: it is tried again after a pause. Who waits for it is told
    /// when that has happened often.
    fn again(&mut self, index: usize, cause: Cause) {
        let engine = &mut self.engines[index];
        let pause = engine.attempts.failed(&cause);
        engine.again_at = Some(Instant::now() + pause);
        let given_up = engine.attempts.given_up();
        let reason = format!("it cannot be started: {}", cause.what);
        tracing::warn!(engine = index, reason, given_up, ?pause, "an engine is tried again after a pause");
        let mut starts = self.shared.starts();
        starts.trouble[index] = Some(cause);
        if given_up {
            starts.given_up |= 1 << index;
            self.shared.changed.notify_all();
        }
        let none = starts.given_up.count_ones() as usize == self.engines.len();
        drop(starts);
        if given_up {
            self.shared.links.abandon(index, &reason);
        }
        if none {
            self.board.give_up_retries();
        }
    }

    fn try_begin(&self, index: usize) -> Result<Process> {
        let engine = &self.engines[index];
        self.shared.links.prepare(&self.segments.control, index)?;
        let threads = engine.participants.len();
        let hello = Hello {
            identity: Image::own().identity,
            agent: std::process::id(),
            engine: index as u32,
            incarnation: engine.incarnation,
            participant: engine.participants.start,
            threads: threads as u16,
            spins: (index + 1) * threads < self.cores.max(2),
            pin: self.pin.then_some((index * threads + 1) as u32),
            stack: self.stack,
        };
        let fd = |segment: &'_ Arc<Segment>| -> Result<std::os::fd::OwnedFd> {
            let fd = segment.fd().ok_or_else(|| Error::invalid("engine processes need segments with descriptors"))?;
            fd.try_clone_to_owned().map_err(|e| Error::io("duplicate a descriptor", e))
        };
        let control = fd(&self.segments.control)?;
        let arrays = self.segments.arrays.as_ref().map(fd).transpose()?;
        let fds: Vec<BorrowedFd<'_>> =
            [Some(&control), arrays.as_ref()].into_iter().flatten().map(|fd| fd.as_fd()).collect();
        spawn(&hello, &fds)
    }

    fn end(&mut self) {
        let until = Instant::now() + END_WITHIN;
        for engine in &mut self.engines {
            let Some(mut process) = engine.process.take() else { continue };
            // The board says that the hub closes, and so does the end of the socket.
            drop(process.socket);
            loop {
                match process.child.try_wait() {
                    Ok(None) if Instant::now() < until => {
                        let mut fds = [PollFd::new(process.pidfd.as_fd(), PollFlags::POLLIN)];
                        let _ = poll(&mut fds, 20u16);
                    }
                    Ok(None) => {
                        let _ = process.child.kill();
                        let _ = process.child.wait();
                        break;
                    }
                    _ => break,
                }
            }
        }
        (0..self.engines.len()).for_each(|engine| self.shared.links.abandon(engine, "the hub is closed"));
    }
}

fn readable(socket: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::new(socket, PollFlags::POLLIN)];
    matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1))
        && fds[0].revents().is_some_and(|r| r.contains(PollFlags::POLLIN))
}

/// What an engine says.
enum Word {
    Ready,
    /// Its ring of replies is full.
    RepliesWait,
    /// It cannot be an engine.
    Failed(String),
}

impl Word {
    fn read(message: &[u8]) -> Result<Word> {
        if message.len() == 1 {
            return Ok(Word::RepliesWait);
        }
        let (header, _) = Header::open(message)?;
        match header.kind {
            READY => {
                let (_, ready) = decode::<Ready>(message)?;
                let own = Image::own().identity;
                if ready.identity == own {
                    return Ok(Word::Ready);
                }
                let (pid, other) = (ready.pid, ready.identity);
                Err(Error::frame(format!("engine {pid} runs program {other:#x}, the hub {own:#x}")))
            }
            FAILED => Ok(Word::Failed(decode::<Failed>(message)?.1.what)),
            other => Err(Error::frame(format!("kind {other} during the handshake"))),
        }
    }
}
