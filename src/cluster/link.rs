//! The way between the hub and one engine process: a ring for tasks, a ring for replies, and who waits for what.
//!
//! A task that has been handed over is kept until its reply is here, so that it can be handed to another incarnation
//! of the engine if this one dies.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::Duration;

use super::board::{BOARD_BYTES, Board, Participant};
use super::wire::{Assembly, Bytes, Frames, Outcome, monotonic, open_reply};
use crate::error::{Error, PanicPayload, Result};
use crate::transport::{Consumer, Producer, Region, Ring, Segment};

/// Bytes of each of an engine's two rings.
const RING_BYTES: usize = Ring::<Region>::bytes_for(1024);
/// Bytes of an engine's rings in the control segment.
pub(super) const LINK_BYTES: usize = 2 * RING_BYTES;
/// Most frames that a caller takes from an engine before it looks at its own deadline again.
const PUMPED: usize = 256;
/// After so many deaths of engines that ran it, a task is given up.
const MAX_DEATHS: u32 = 3;

/// The two rings of engine `engine`: tasks, replies.
pub(super) fn regions(control: &Arc<Segment>, engine: usize) -> Result<(Region, Region)> {
    let at = BOARD_BYTES + engine * LINK_BYTES;
    Ok((Region::new(control, at, RING_BYTES)?, Region::new(control, at + RING_BYTES, RING_BYTES)?))
}

/// What errors call a task: the type of its function, and the line that sends it.
#[derive(Clone, Copy)]
pub(super) struct Name {
    pub(super) function: &'static str,
    pub(super) sent_at: &'static Location<'static>,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.function, self.sent_at)
    }
}

/// What was said of a task when it was sent.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub(super) name: Name,
    /// How long it may take, from when it was sent.
    pub(super) after: Duration,
    /// When that will be over, on the host's monotonic clock, in nanoseconds.
    pub(super) deadline: u64,
    /// Whether it may run again.
    pub(super) idempotent: bool,
    /// Whether it may run on that engine alone to which it was sent.
    pub(super) pinned: bool,
}

impl Terms {
    pub(super) fn late(&self) -> Error {
        Error::DeadlineExceeded { what: format!("task \"{}\"", self.name), after: self.after }
    }

    fn lost(&self, engine: usize, deaths: u32, reason: &str) -> Error {
        Error::EngineLost { task: self.name.to_string(), engine: engine as u32, deaths, reason: reason.to_owned() }
    }
}

/// What a task is, and where its result arrives.
pub(super) struct Completion {
    pub(super) terms: Terms,
    /// Its frames, to be sent again if need be; none for a task of this process.
    frames: Frames,
    /// The engine that has it.
    engine: AtomicUsize,
    done: AtomicBool,
    result: Mutex<Option<Result<Bytes>>>,
}

impl Completion {
    pub(super) fn new(terms: Terms, frames: Frames) -> Arc<Completion> {
        let (engine, done) = (AtomicUsize::new(0), AtomicBool::new(false));
        Arc::new(Completion { terms, frames, engine, done, result: Mutex::default() })
    }

    pub(super) fn complete(&self, result: Result<Bytes>) {
        *lock(&self.result) = Some(result);
        self.done.store(true, Ordering::Release);
    }

    #[inline]
    pub(super) fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }

    pub(super) fn take(&self) -> Option<Result<Bytes>> {
        if self.is_done() { lock(&self.result).take() } else { None }
    }

    /// The engine whose replies bring the result.
    pub(super) fn engine(&self) -> usize {
        self.engine.load(Ordering::Relaxed)
    }
}

/// A task that has been handed over, until its reply is here.
struct Sent {
    completion: Arc<Completion>,
    /// Where and to which incarnation it went; 0: to none yet.
    engine: usize,
    incarnation: u32,
    deaths: u32,
}

/// Task ids are numbers counted up: no need to scramble them much.
#[derive(Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(u64::from(byte)));
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = (self.0 ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

struct Line {
    /// The engine that lives now: its ring, and which incarnation it is. None while it is dead.
    sender: RwLock<Option<(Producer, u32)>>,
    /// Whether the engine cannot be started, which is tried on, and why.
    gone: AtomicBool,
    why_gone: Mutex<String>,
    /// What waits for room in the ring of an engine that has taken a dead one's place.
    backlog: Mutex<VecDeque<Vec<u8>>>,
    /// Whether there is any.
    waiting: AtomicBool,
    /// The ring of an engine that is starting.
    prepared: Mutex<Option<Producer>>,
    receiver: Mutex<Option<Receiver>>,
    outstanding: AtomicUsize,
    participants: std::ops::Range<Participant>,
}

struct Receiver {
    replies: Consumer,
    frame: Vec<u8>,
    assembly: Assembly,
    /// Why nothing more can be read.
    failed: Option<String>,
}

/// The lines to all engines.
pub(super) struct Links {
    lines: Vec<Line>,
    sent: Mutex<HashMap<u64, Sent, BuildHasherDefault<IdHasher>>>,
    next: AtomicU64,
    pub(super) board: Board,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Links {
    pub(super) fn new(board: Board, participants: Vec<std::ops::Range<Participant>>) -> Links {
        let line = |participants| Line {
            sender: RwLock::new(None),
            gone: AtomicBool::new(false),
            why_gone: Mutex::default(),
            backlog: Mutex::default(),
            waiting: AtomicBool::new(false),
            prepared: Mutex::new(None),
            receiver: Mutex::new(None),
            outstanding: AtomicUsize::new(0),
            participants,
        };
        Links {
            lines: participants.into_iter().map(line).collect(),
            sent: Mutex::default(),
            next: AtomicU64::new(1),
            board,
        }
    }

    /// A new task's id.
    pub(super) fn next_id(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The engine with the fewest tasks that have no reply yet.
    pub(super) fn least_loaded(&self) -> usize {
        let load = |engine: &usize| self.lines[*engine].outstanding.load(Ordering::Relaxed);
        let lives = |engine: &usize| !self.lines[*engine].gone.load(Ordering::Relaxed);
        (0..self.lines.len()).filter(lives).min_by_key(load).unwrap_or(0)
    }

    /// Tasks without a reply at `engine`.
    pub(super) fn outstanding(&self, engine: usize) -> usize {
        self.lines[engine].outstanding.load(Ordering::Relaxed)
    }

    /// Hands a task to `engine`. While that engine is dead the task waits for its next incarnation.
    pub(super) fn send(&self, id: u64, engine: usize, task: &Arc<Completion>) -> Result<()> {
        let line = &self.lines[engine];
        let (terms, frames) = (&task.terms, &task.frames);
        task.engine.store(engine, Ordering::Relaxed);
        line.outstanding.fetch_add(1, Ordering::Relaxed);
        let sender = line.sender.read().unwrap_or_else(|e| e.into_inner());
        if line.gone.load(Ordering::Relaxed) {
            line.outstanding.fetch_sub(1, Ordering::Relaxed);
            return Err(terms.lost(engine, 0, &lock(&line.why_gone)));
        }
        let incarnation = sender.as_ref().map_or(0, |(_, incarnation)| *incarnation);
        lock(&self.sent).insert(id, Sent { completion: task.clone(), engine, incarnation, deaths: 0 });
        // Registered and sent within one hold of the lock: a new incarnation is installed with the lock held for
        // writing, and is sent all that is registered by then, so nothing is lost and nothing is sent twice.
        let Some((producer, incarnation)) = sender.as_ref() else { return Ok(()) };
        let (mut at, incarnation) = (0, *incarnation);
        while at < frames.len() {
            match producer.try_send(&frames[at]) {
                Ok(true) => at += 1,
                Ok(false) => break,
                Err(error) => {
                    self.forget(id);
                    return Err(error);
                }
            }
        }
        drop(sender);
        self.wake(line);
        if at == frames.len() {
            return Ok(());
        }
        while at < frames.len() {
            if monotonic() >= terms.deadline {
                self.forget(id);
                return Err(Error::DeadlineExceeded {
                    what: format!("room for task \"{}\" at engine {engine}", terms.name),
                    after: terms.after,
                });
            }
            // What is unreadable there is the agent's to act on.
            let _ = self.pump(engine);
            let sender = line.sender.read().unwrap_or_else(|e| e.into_inner());
            match sender.as_ref() {
                Some((producer, now)) if *now == incarnation => match producer.try_send(&frames[at]) {
                    Ok(true) => {
                        at += 1;
                        self.wake(line);
                    }
                    Ok(false) => {
                        drop(sender);
                        std::thread::yield_now();
                    }
                    Err(error) => {
                        self.forget(id);
                        return Err(error);
                    }
                },
                // The engine died: its successor is sent the whole task.
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    fn wake(&self, line: &Line) {
        let _ = line.participants.clone().any(|who| self.board.wake(who));
    }

    /// Takes a task out of those that wait for a reply.
    fn take(&self, id: u64) -> Option<Arc<Completion>> {
        let task = lock(&self.sent).remove(&id)?;
        self.lines[task.engine].outstanding.fetch_sub(1, Ordering::Relaxed);
        Some(task.completion)
    }

    /// Gives up waiting for a task.
    pub(super) fn forget(&self, id: u64) {
        self.board.cancel(id);
        self.take(id);
    }

    fn fail(&self, id: u64, error: Error) {
        if let Some(task) = self.take(id) {
            task.complete(Err(error));
        }
    }

    /// Takes replies of `engine` that are there, unless another thread is at it; whether there were any.
    pub(super) fn pump(&self, engine: usize) -> Result<bool> {
        if self.lines[engine].waiting.load(Ordering::Relaxed) {
            self.flush(engine)?;
        }
        let Ok(mut receiver) = self.lines[engine].receiver.try_lock() else { return Ok(false) };
        let Some(receiver) = receiver.as_mut() else { return Ok(false) };
        if let Some(why) = &receiver.failed {
            return Err(Error::frame(why.clone()));
        }
        let result = self.drain(receiver, PUMPED);
        if let Err(error) = &result {
            // For the agent, which looks here again, to end the engine; those who have their replies are told.
            receiver.failed = Some(error.to_string());
            self.board.ring_hub();
        }
        result
    }

    /// Takes up to `most` frames; whether there were any.
    fn drain(&self, receiver: &mut Receiver, most: usize) -> Result<bool> {
        let (mut taken, mut whole) = (0, false);
        while taken < most && receiver.replies.try_recv(&mut receiver.frame)? {
            taken += 1;
            let reply = open_reply(&receiver.frame)?;
            if let Some(bytes) = receiver.assembly.add(reply.id, reply.bytes, reply.last)? {
                self.replied(reply.id, reply.outcome, bytes);
                whole = true;
            }
        }
        if whole || taken == most {
            // Whoever waits has its reply, or goes on where this has stopped.
            self.board.ring_hub();
        }
        Ok(taken > 0)
    }

    fn replied(&self, id: u64, outcome: Outcome, bytes: Bytes) {
        // A task that nobody waits for any more has been forgotten.
        let Some(task) = self.take(id) else { return };
        let name = || task.terms.name.to_string();
        let text = || String::from_utf8_lossy(&bytes).into_owned();
        task.complete(match outcome {
            Outcome::Value => Ok(bytes),
            Outcome::Panicked => {
                Err(Error::Panicked { task: name(), message: text(), payload: PanicPayload::elsewhere() })
            }
            Outcome::Cancelled => Err(Error::Cancelled { task: name() }),
            Outcome::Late => Err(task.terms.late()),
            Outcome::Refused => Err(Error::frame(text())),
        });
    }

    /// Makes fresh rings for the next incarnation of `engine`, before it is started. The last one must be dead.
    pub(super) fn prepare(&self, control: &Arc<Segment>, engine: usize) -> Result<()> {
        let (tasks, replies) = regions(control, engine)?;
        let producer = Ring::create(tasks)?.producer();
        let consumer = Ring::create(replies)?.consumer()?;
        let line = &self.lines[engine];
        *lock(&line.receiver) =
            Some(Receiver { replies: consumer, frame: Vec::new(), assembly: Assembly::default(), failed: None });
        *lock(&line.prepared) = Some(producer);
        Ok(())
    }

    /// The new incarnation is ready: sends it what has gathered, then lets everybody send.
    pub(super) fn resume(&self, engine: usize, incarnation: u32) -> Result<()> {
        let line = &self.lines[engine];
        let Some(producer) = lock(&line.prepared).take() else { return Ok(()) };
        let mut sender = line.sender.write().unwrap_or_else(|e| e.into_inner());
        let mut again: Vec<(u64, Arc<Completion>)> = Vec::new();
        for (id, task) in lock(&self.sent).iter_mut().filter(|(_, task)| task.engine == engine) {
            task.incarnation = incarnation;
            again.push((*id, task.completion.clone()));
        }
        again.sort_unstable_by_key(|(id, _)| *id);
        // The ring may not hold all of it: what does not fit follows as the engine takes what is there.
        *lock(&line.backlog) = again.iter().flat_map(|(_, task)| task.frames.iter().cloned()).collect();
        *sender = Some((producer, incarnation));
        line.gone.store(false, Ordering::Relaxed);
        drop(sender);
        self.flush(engine)
    }

    /// Sends what has gathered for `engine`, as far as there is room.
    fn flush(&self, engine: usize) -> Result<()> {
        let line = &self.lines[engine];
        let sender = line.sender.read().unwrap_or_else(|e| e.into_inner());
        let Some((producer, _)) = sender.as_ref() else { return Ok(()) };
        let mut backlog = lock(&line.backlog);
        let before = backlog.len();
        while let Some(frame) = backlog.front() {
            if !producer.try_send(frame)? {
                break;
            }
            backlog.pop_front();
        }
        let sent = backlog.len() < before;
        line.waiting.store(!backlog.is_empty(), Ordering::Relaxed);
        drop((backlog, sender));
        if sent {
            self.wake(line);
        }
        Ok(())
    }

    /// Whether anything waits for room in a ring.
    pub(super) fn has_backlog(&self) -> bool {
        self.lines.iter().any(|line| line.waiting.load(Ordering::Relaxed))
    }

    /// The task of `engine` that is past its deadline by more than `grace`, if one runs there; and when, on the monotonic
    /// clock, the next will be.
    pub(super) fn overdue(&self, engine: usize, grace: Duration) -> (Option<Terms>, Option<u64>) {
        let grace = grace.as_nanos() as u64;
        let running = self.lines[engine].participants.clone().filter_map(|who| {
            let id = self.board.current_task(who).load(Ordering::Acquire);
            if id == 0 { None } else { Some(lock(&self.sent).get(&id)?.completion.terms) }
        });
        let last = |terms: &Terms| terms.deadline.saturating_add(grace);
        let Some(first) = running.min_by_key(last) else { return (None, None) };
        if last(&first) < monotonic() { (Some(first), None) } else { (None, Some(last(&first))) }
    }

    /// Engine `engine` has died, which is known for certain: takes the replies that it managed to send, gives up what
    /// is late or must not run twice, and leaves the rest for the next incarnation. `reason` says how it died; where a task that was
    /// late made us end it (`for_lateness`), the others that it ran are not to blame.
    pub(super) fn died(&self, engine: usize, reason: &str, for_lateness: bool) {
        let line = &self.lines[engine];
        *line.sender.write().unwrap_or_else(|e| e.into_inner()) = None;
        lock(&line.backlog).clear();
        line.waiting.store(false, Ordering::Relaxed);
        if let Some(mut receiver) = lock(&line.receiver).take()
            && let Err(error) = self.drain(&mut receiver, usize::MAX)
        {
            tracing::warn!(engine, %error, "the last replies of an engine that died are unreadable");
        }
        let running: Vec<u64> =
            line.participants.clone().map(|who| self.board.current_task(who).swap(0, Ordering::AcqRel)).collect();
        let now = monotonic();
        let mut lost = Vec::new();
        for (&id, task) in lock(&self.sent).iter_mut().filter(|(_, task)| task.engine == engine) {
            let terms = task.completion.terms;
            if terms.deadline < now {
                lost.push((id, terms.late()));
            } else if running.contains(&id) && !(for_lateness && terms.idempotent) {
                task.deaths += 1;
                if !terms.idempotent || task.deaths >= MAX_DEATHS {
                    lost.push((id, terms.lost(engine, task.deaths, reason)));
                }
            }
        }
        lost.into_iter().for_each(|(id, error)| self.fail(id, error));
        self.board.ring_hub();
    }

    /// Engine `engine` cannot be started: what waits for it goes to others where it may, and is lost where it may not or there
    /// are none. Who sends to it from now on is told at once, until it [resumes](Self::resume).
    pub(super) fn abandon(&self, engine: usize, reason: &str) {
        let line = &self.lines[engine];
        let mut sender = line.sender.write().unwrap_or_else(|e| e.into_inner());
        *sender = None;
        *lock(&line.why_gone) = reason.to_owned();
        // Under the lock: who sends after this sees it, who has sent before is found below.
        line.gone.store(true, Ordering::Relaxed);
        drop(sender);
        let mut waiting: Vec<_> = lock(&self.sent)
            .iter()
            .filter(|(_, sent)| sent.engine == engine)
            .map(|(&id, sent)| (id, sent.deaths, sent.completion.terms))
            .collect();
        waiting.sort_unstable_by_key(|(id, ..)| *id);
        for (id, deaths, terms) in waiting {
            if terms.pinned || !self.hand_over(id) {
                self.fail(id, terms.lost(engine, deaths, reason));
            }
        }
        self.board.ring_hub();
    }

    /// Moves a task that has not begun to another engine; whether there is one.
    fn hand_over(&self, id: u64) -> bool {
        let engine = self.least_loaded();
        let line = &self.lines[engine];
        // As in `send`: a new incarnation is sent what is registered by then.
        let sender = line.sender.read().unwrap_or_else(|e| e.into_inner());
        if line.gone.load(Ordering::Relaxed) {
            return false;
        }
        let incarnation = sender.as_ref().map_or(0, |(_, incarnation)| *incarnation);
        let mut all = lock(&self.sent);
        // Whoever waited for it has its reply, or has gone.
        let Some(sent) = all.get_mut(&id) else { return true };
        self.lines[sent.engine].outstanding.fetch_sub(1, Ordering::Relaxed);
        line.outstanding.fetch_add(1, Ordering::Relaxed);
        (sent.engine, sent.incarnation) = (engine, incarnation);
        let completion = sent.completion.clone();
        drop(all);
        completion.engine.store(engine, Ordering::Relaxed);
        if sender.is_some() {
            lock(&line.backlog).extend(completion.frames.iter().cloned());
            line.waiting.store(true, Ordering::Relaxed);
        }
        drop(sender);
        // What does not fit now follows; what cannot be sent at all is the agent's to act on.
        let _ = self.flush(engine);
        true
    }
}
