//! The agent: the role that owns a host's engine processes. It starts them, sees their deaths, starts others in their
//! place, and ends them. It runs on a thread of its own, which lives as long as the hub: engines ask the kernel to be
//! killed when the thread that started them is gone, so even a stopped one does not outlive its agent.

use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::signal::Signal;

use super::board::{Board, Participant};
use super::builder::HubBuilder;
use super::image::Image;
use super::link::Links;
use super::spawn::{Process, receive, spawn};
use super::wire::{Hello, READY, Ready};
use crate::error::{Error, Result};
use crate::transport::Segment;
use crate::transport::wire::decode;

/// An engine that dies by itself so often before it was ready is not started again.
const MAX_STILLBIRTHS: u32 = 3;
/// So many engines killed before they were ready count as one that died by itself.
const KILLS_FOR_A_STILLBIRTH: u32 = 100;
/// When an engine that could not be started is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How long engines may take to end by themselves when the hub closes.
const END_WITHIN: Duration = Duration::from_millis(500);
/// How long a new engine may take until it is ready.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// Starts, watches and ends engine processes.
pub(super) struct Agent {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    links: Arc<Links>,
    closing: AtomicBool,
    wake: EventFd,
    /// Process id of each engine, 0 while it is dead.
    pids: Vec<AtomicU32>,
    deaths: AtomicU32,
    /// A bit for each engine that has been ready, and what has made one of them impossible to start.
    ready: Mutex<(u64, Option<String>)>,
    changed: Condvar,
}

impl Agent {
    pub(super) fn start(
        config: &HubBuilder,
        control: &Arc<Segment>,
        arrays: &Arc<Segment>,
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
            ready: Mutex::new((0, None)),
            changed: Condvar::new(),
        });
        let watch = Watch {
            shared: shared.clone(),
            control: control.clone(),
            arrays: arrays.clone(),
            board,
            stall: config.stall,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            pin: config.pin,
            engines: participants.into_iter().map(Engine::new).collect(),
        };
        let thread = std::thread::Builder::new()
            .name("distob-agent".to_owned())
            .spawn(move || watch.run())
            .map_err(|e| Error::io("start the agent's thread", e))?;
        let agent = Agent { shared, thread: Mutex::new(Some(thread)) };
        agent.wait_ready(engines, config.deadline.min(READY_WITHIN)).inspect_err(|_| agent.close())?;
        Ok(agent)
    }

    fn wait_ready(&self, engines: usize, within: Duration) -> Result<()> {
        let ready = self.shared.ready.lock().unwrap_or_else(|e| e.into_inner());
        let waits = |state: &mut (u64, Option<String>)| (state.0.count_ones() as usize) < engines && state.1.is_none();
        let (state, timeout) =
            self.shared.changed.wait_timeout_while(ready, within, waits).unwrap_or_else(|e| e.into_inner());
        match &state.1 {
            Some(reason) => Err(Error::Io {
                what: "start engine processes".to_owned(),
                source: std::io::Error::other(reason.clone()),
            }),
            None if timeout.timed_out() => {
                Err(Error::DeadlineExceeded { what: "engine processes to start".to_owned(), after: within })
            }
            None => Ok(()),
        }
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

/// What the agent's thread knows of one engine.
struct Engine {
    participants: Range<Participant>,
    process: Option<Process>,
    incarnation: u32,
    ready: bool,
    stillbirths: u32,
    /// When to try to start it again.
    again_at: Option<Instant>,
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
            stillbirths: 0,
            again_at: None,
            beat: 0,
            beat_at: Instant::now(),
        }
    }
}

struct Watch {
    shared: Arc<Shared>,
    control: Arc<Segment>,
    arrays: Arc<Segment>,
    board: Board,
    stall: Duration,
    cores: usize,
    pin: bool,
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
        let most = if self.shared.links.has_backlog() { Duration::from_millis(1) } else { Duration::from_millis(250) };
        let timeout = PollTimeout::try_from((self.stall / 4).min(most)).unwrap_or(PollTimeout::MAX);
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
        let engine = &mut self.engines[index];
        let Some(process) = &mut engine.process else { return };
        if matches!(process.child.try_wait(), Ok(Some(_)) | Err(_)) {
            return self.died(index);
        }
        while readable(process.socket.as_fd()) {
            match receive(process.socket.as_fd()).and_then(|message| message.map(|(m, _)| said(&m)).transpose()) {
                Ok(Some(true)) => {
                    engine.ready = true;
                    engine.stillbirths = 0;
                    engine.beat_at = Instant::now();
                    if let Err(error) = self.shared.links.resume(index, engine.incarnation) {
                        tracing::warn!(engine = index, %error, "the engine does not take its tasks; it is ended");
                        let _ = process.child.kill();
                        return;
                    }
                    self.shared.ready.lock().unwrap_or_else(|e| e.into_inner()).0 |= 1 << index;
                    self.shared.changed.notify_all();
                }
                // Its ring of replies is full.
                Ok(Some(false)) => {}
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(engine = index, %error, "an engine says what it should not; it is ended");
                    let _ = process.child.kill();
                    return;
                }
            }
        }
        if let Err(error) = self.shared.links.pump(index) {
            tracing::warn!(engine = index, %error, "unreadable replies; the engine is ended");
            let _ = process.child.kill();
            return;
        }
        let beat = self.board.beat(engine.participants.start).load(Ordering::Relaxed);
        if beat != engine.beat {
            (engine.beat, engine.beat_at) = (beat, Instant::now());
        }
        if !engine.ready && engine.beat_at.elapsed() > READY_WITHIN {
            tracing::warn!(engine = index, within = ?READY_WITHIN, "an engine does not become ready; it is ended");
            let _ = process.child.kill();
            return;
        }
        let stalled = engine.ready && engine.beat_at.elapsed() > self.stall;
        let needed = || self.board.holds_chunk(engine.participants.clone()) || self.shared.links.outstanding(index) > 0;
        if stalled && needed() {
            tracing::warn!(engine = index, stall = ?self.stall, "no sign of life from an engine that holds work; it is killed");
            let _ = process.child.kill();
        }
    }

    fn died(&mut self, index: usize) {
        let engine = &mut self.engines[index];
        let Some(mut process) = engine.process.take() else { return };
        // Reaped, so it can never write again: only now is its work given to others.
        let status = process.child.wait();
        self.shared.pids[index].store(0, Ordering::Relaxed);
        self.shared.deaths.fetch_add(1, Ordering::Relaxed);
        for who in engine.participants.clone() {
            self.board.bell(who).withdraw();
        }
        self.shared.links.died(index);
        let freed = self.board.release_dead(engine.participants.clone());
        tracing::info!(engine = index, ?status, freed, "an engine has died; another is started in its place");
        if !engine.ready {
            // A kill comes from outside and says nothing about the program: it takes many of them to give up.
            let killed = status.is_ok_and(|status| status.signal() == Some(Signal::SIGKILL as i32));
            engine.stillbirths += if killed { 1 } else { KILLS_FOR_A_STILLBIRTH };
        }
        // A hub that closes has told its engines to end.
        if !self.shared.closing.load(Ordering::SeqCst) && !self.board.closing() {
            self.begin(index);
        }
    }

    fn begin(&mut self, index: usize) {
        let engine = &mut self.engines[index];
        engine.ready = false;
        engine.beat_at = Instant::now();
        engine.incarnation += 1;
        let begun = if engine.stillbirths >= MAX_STILLBIRTHS * KILLS_FOR_A_STILLBIRTH {
            Err(Error::invalid(format!("engine {index} has ended {MAX_STILLBIRTHS} times before it was ready")))
        } else {
            self.try_begin(index)
        };
        match begun {
            Ok(process) => {
                self.shared.pids[index].store(process.child.id(), Ordering::Relaxed);
                self.engines[index].process = Some(process);
            }
            Err(error) => {
                let engine = &mut self.engines[index];
                if engine.stillbirths < MAX_STILLBIRTHS * KILLS_FOR_A_STILLBIRTH {
                    // The system may be short of something for a moment.
                    engine.stillbirths += KILLS_FOR_A_STILLBIRTH;
                    engine.again_at = Some(Instant::now() + AGAIN_AFTER);
                    return tracing::warn!(engine = index, %error, "an engine cannot be started now; it is tried again");
                }
                tracing::error!(engine = index, %error, "an engine cannot be started");
                self.shared.ready.lock().unwrap_or_else(|e| e.into_inner()).1 = Some(error.to_string());
                self.shared.changed.notify_all();
                self.shared.links.abandon(index);
            }
        }
    }

    fn try_begin(&self, index: usize) -> Result<Process> {
        let engine = &self.engines[index];
        self.shared.links.prepare(&self.control, index)?;
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
        };
        let fd = |segment: &'_ Arc<Segment>| -> Result<std::os::fd::OwnedFd> {
            let fd = segment.fd().ok_or_else(|| Error::invalid("engine processes need segments with descriptors"))?;
            fd.try_clone_to_owned().map_err(|e| Error::io("duplicate a descriptor", e))
        };
        let (control, arrays) = (fd(&self.control)?, fd(&self.arrays)?);
        spawn(&hello, [control.as_fd(), arrays.as_fd()])
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
        (0..self.engines.len()).for_each(|engine| self.shared.links.abandon(engine));
    }
}

fn readable(socket: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::new(socket, PollFlags::POLLIN)];
    matches!(poll(&mut fds, PollTimeout::ZERO), Ok(1))
        && fds[0].revents().is_some_and(|r| r.contains(PollFlags::POLLIN))
}

/// Whether the message says that the engine is ready (and not that its replies wait).
fn said(message: &[u8]) -> Result<bool> {
    if message.len() == 1 {
        return Ok(false);
    }
    let (header, ready) = decode::<Ready>(message)?;
    let own = Image::own().identity;
    match header.kind {
        READY if ready.identity == own => Ok(true),
        READY => {
            Err(Error::frame(format!("engine {} runs program {:#x}, the hub {own:#x}", ready.pid, ready.identity)))
        }
        other => Err(Error::frame(format!("kind {other} during the handshake"))),
    }
}
