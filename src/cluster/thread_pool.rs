//! The threads of the hub's own process that compute: the one that posts a job takes part in it, unless it leaves it to engine processes, and worker threads
//! (the *embedded* engines) help. The only `unsafe` here is the pointer by which a worker finds the poster's closure.

use std::any::Any;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::board::{Board, Lost, Participant, Posted, Rest, SLOTS};
use super::death::in_words;
use super::job::Job;
use super::rayon::{self, HubPool};
use super::unwind::AbortOnUnwind;
use crate::error::{Error, PanicPayload, Result};
use crate::transport::Home;

/// Below this much memory traffic (some 10 µs of work) a job is not shared at all.
const SHARE_FROM: u64 = 512 << 10;
/// From this much on (some 150 µs) sleeping helpers are woken: the call costs the poster 4 µs, the waking 40 to 80.
const WAKE_FROM: u64 = 4 << 20;
/// From this much on (some 5 ms) the poster leaves a job to the engine processes whose memory it works on.
const LEAVE_FROM: u64 = 48 << 20;
/// A poster that leaves a job to others looks again this often whether they get on with it: a chunk takes some 50 µs.
const LEAVE_NAP: Duration = Duration::from_millis(2);
/// A helper is also woken when this many jobs worth sharing came in close succession.
const WAKE_AFTER_STREAK: u32 = 4;
/// How long a helper spins after its last work before it sleeps.
const HELPER_SPIN: Duration = Duration::from_micros(50);
/// How long a poster spins for the last chunks of others before it sleeps.
const POSTER_SPIN: Duration = Duration::from_micros(60);
/// A poster looks again this often while it sleeps, whatever wakes it.
const POSTER_NAP: Duration = Duration::from_millis(2);
/// A helper looks again this often while it sleeps.
const HELPER_NAP: Duration = Duration::from_millis(500);

/// A job as the threads of this process find it: on the poster's stack, for as long as the job is on the board.
struct Frame<'a> {
    run: &'a (dyn Fn(u32) + Sync),
    /// Whether the result is lost, so that the remaining chunks are only ticked off.
    failed: AtomicBool,
    /// What the first panic was raised with.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

impl<'a> Frame<'a> {
    fn new(run: &'a (dyn Fn(u32) + Sync)) -> Frame<'a> {
        Frame { run, failed: AtomicBool::new(false), panic: Mutex::default() }
    }

    fn run(&self, chunk: u32) {
        if self.has_failed() {
            return;
        }
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| (self.run)(chunk))) {
            self.fail();
            let mut first = self.panic.lock().unwrap_or_else(|e| e.into_inner());
            if first.is_none() {
                *first = Some(payload);
            } else {
                drop(first);
                drop(PanicPayload::from(payload));
            }
        }
    }

    fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
}

/// The board, and what the threads of this process share beside it.
pub(super) struct ThreadPool {
    pub(super) board: Board,
    home: Home,
    /// For each slot, the poster's [`Frame`].
    frames: [AtomicPtr<Frame<'static>>; SLOTS],
    /// A bit for each slot that is free, and for each whose job a rayon pool computes.
    free: AtomicU32,
    pooled: AtomicU32,
    /// Where closures of the program's run.
    pool: HubPool,
    /// Who helps with jobs that engine processes can compute, and who with those that only this process can.
    sharers: Helpers,
    threads: Helpers,
    cores: usize,
    /// How long a job may wait for an engine process to take what another one died of.
    patience: Duration,
    /// When the last shared job ended (ns since `born`), and how many came in close succession.
    born: Instant,
    last_end: AtomicU64,
    streak: AtomicU32,
}

/// Participants that may help with a job, in the order in which they are woken.
#[derive(Clone, Debug)]
pub(super) struct Helpers {
    pub(super) who: std::ops::Range<Participant>,
    /// How many are woken at most.
    pub(super) awake: usize,
}

impl ThreadPool {
    /// A thread pool of `threads` of this process, and of `sharers`, the same ones or threads of engine processes.
    pub(super) fn new(
        board: Board,
        sharers: Helpers,
        threads: Helpers,
        patience: Duration,
        stack: usize,
    ) -> ThreadPool {
        let width = threads.who.len() + 1;
        ThreadPool {
            board,
            home: Home::here(),
            frames: [const { AtomicPtr::new(std::ptr::null_mut()) }; SLOTS],
            free: AtomicU32::new(u32::MAX),
            pooled: AtomicU32::new(0),
            pool: HubPool::new(width, stack),
            sharers,
            threads,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            patience,
            born: Instant::now(),
            last_end: AtomicU64::new(0),
            streak: AtomicU32::new(0),
        }
    }

    /// Runs a job to its end. The calling thread takes part.
    pub(super) fn run(self: &Arc<ThreadPool>, job: &Job<'_>, kind: u32) -> Result<()> {
        // A small one runs where its caller is: to change threads takes longer.
        let moves = job.closure && job.chunks > 1 && job.bytes >= WAKE_FROM;
        if moves { self.pool.install(|| self.run_here(job, kind)) } else { self.run_here(job, kind) }
    }

    fn run_here(self: &Arc<ThreadPool>, job: &Job<'_>, kind: u32) -> Result<()> {
        let frame = Frame::new(job.local);
        let helpers = if job.remote.is_some() { &self.sharers } else { &self.threads };
        let mut lost = None;
        // Threads of the pool that the caller is in help with what the threads of this process compute.
        let pool = if job.remote.is_none() { rayon::threads_here() } else { None };
        if job.chunks > 1 && job.bytes >= SHARE_FROM && !helpers.who.is_empty() {
            lost = self.share(job, kind, &frame, helpers, pool);
        } else {
            (0..job.chunks).for_each(|chunk| frame.run(chunk));
            self.board.count(0, u64::from(job.chunks), job.bytes, 0);
        }
        // A chunk of the program's has forked, and this is the new process: chunks that other threads have taken do not end here.
        self.home.check()?;
        match (frame.panic.into_inner().unwrap_or_else(|e| e.into_inner()), lost) {
            (Some(payload), _) => Err(Error::panicked(job.name, payload)),
            (None, Some(lost)) => Err(Error::EngineLost {
                task: job.name.to_owned(),
                engine: lost.last.engine,
                deaths: lost.deaths,
                reason: in_words(ExitStatus::from_raw(lost.last.status)),
            }),
            (None, None) => Ok(()),
        }
    }

    /// Runs a job on the board; the chunk that engine processes have died of, where there is one.
    fn share(
        self: &Arc<ThreadPool>,
        job: &Job<'_>,
        kind: u32,
        frame: &Frame<'_>,
        helpers: &Helpers,
        pool: Option<usize>,
    ) -> Option<Lost> {
        let Some(slot) = self.take_slot() else {
            // Thirty-two jobs are under way: every core is busy.
            (0..job.chunks).for_each(|chunk| frame.run(chunk));
            self.board.count(0, u64::from(job.chunks), job.bytes, 0);
            return None;
        };
        let lent = AbortOnUnwind::begin("the frame of a job that other threads compute");
        // The cast only forgets the lifetime; `retire` below, before this function returns, ends the frame's use.
        let pointer = std::ptr::from_ref(frame).cast::<Frame<'static>>().cast_mut();
        self.frames[slot].store(pointer, Ordering::Release);
        let payload = job.remote.map_or(&[][..], |remote| remote.payload);
        let chunk_bytes = job.bytes / u64::from(job.chunks);
        let posted = Posted { epoch: 0, total: job.chunks, kind, payload: 0, chunk_bytes, lanes: 0 };
        if pool.is_some() {
            self.pooled.fetch_or(1 << slot, Ordering::Relaxed);
        }
        let posted = self.board.post(slot, posted, job.lanes, payload);
        let leaves = job.remote.is_some() && posted.lanes > 1 && job.bytes >= LEAVE_FROM;
        match pool {
            Some(threads) => self.ask(slot, &posted, self.wanted(helpers, job.bytes, false).min(threads - 1)),
            None => self.wake(helpers, self.wanted(helpers, job.bytes, leaves)),
        }

        let mut mine = 0;
        if leaves {
            mine += self.leave(slot, &posted, frame);
        }
        // Beside engine processes the poster begins where the one is at home that is woken last.
        let home = if job.remote.is_some() { posted.lanes - 1 } else { 0 };
        while let Some(chunk) = self.board.claim(slot, &posted, 0, home) {
            self.compute(slot, &posted, frame, chunk);
            mine += 1;
        }
        // A poster that spins beside as many helpers as there are cores takes a core from one of them.
        mine += self.wait(slot, &posted, frame, helpers.awake < self.cores && !leaves);
        let lost = self.board.lost(slot, &posted);
        self.board.retire(slot);
        self.frames[slot].store(std::ptr::null_mut(), Ordering::Release);
        lent.end();
        self.pooled.fetch_and(!(1 << slot), Ordering::Relaxed);
        self.free.fetch_or(1 << slot, Ordering::AcqRel);
        self.board.count(0, mine, mine * chunk_bytes, 0);
        self.last_end.store(self.now(), Ordering::Relaxed);
        lost
    }

    /// Computes a chunk that the poster has claimed.
    fn compute(&self, slot: usize, posted: &Posted, frame: &Frame<'_>, chunk: u32) {
        if self.board.lost(slot, posted).is_some() {
            frame.fail();
        }
        frame.run(chunk);
        self.board.complete(slot, posted, chunk, 0);
    }

    /// Leaves a job to engine processes, each of which has a lane of it, until all chunks are taken. Does those of a lane that
    /// nobody takes; how many.
    fn leave(&self, slot: usize, posted: &Posted, frame: &Frame<'_>) -> u64 {
        let next = |lane| self.board.progress(slot, posted, lane);
        let mut mine = 0;
        let mut before = vec![None; posted.lanes as usize];
        let mut looked = Instant::now();
        loop {
            if !self.home.is_here() {
                return mine;
            }
            // Whoever rings wakes the poster early, and a lane has not moved for a moment then.
            let rested = looked.elapsed() >= LEAVE_NAP;
            for lane in (0..posted.lanes).filter(|_| rested) {
                // Its engine is dead, or busy with a task.
                while next(lane).is_some() && next(lane) == before[lane as usize] && !self.attends(slot, posted, lane) {
                    let Some(chunk) = self.board.claim_in(slot, posted, 0, lane) else { break };
                    self.compute(slot, posted, frame, chunk);
                    mine += 1;
                    before[lane as usize] = Some(u64::from(chunk) + 1);
                }
                before[lane as usize] = next(lane);
            }
            if (0..posted.lanes).all(|lane| next(lane).is_none()) {
                return mine;
            }
            if rested {
                looked = Instant::now();
            }
            self.board.sleep(slot, posted, Instant::now() + LEAVE_NAP);
        }
    }

    /// Whether the engine whose lane this is computes a chunk of the job.
    fn attends(&self, slot: usize, posted: &Posted, lane: u32) -> bool {
        let threads = (self.sharers.who.len() / posted.lanes as usize).max(1) as Participant;
        let first = self.sharers.who.start + lane as Participant * threads;
        self.board.has_chunk_of(slot, first..first + threads)
    }

    /// Waits until every chunk is done, and does itself what is left, but for chunks that engine processes have died of.
    fn wait(&self, slot: usize, posted: &Posted, frame: &Frame<'_>, may_spin: bool) -> u64 {
        let mut mine = 0;
        let begun = Instant::now();
        let mut spins = 0u32;
        // Since when nothing is left but chunks for engine processes that have not been taken.
        let mut waits_since = None;
        loop {
            if self.board.is_done(slot, posted) || !self.home.is_here() {
                return mine;
            }
            spins += 1;
            if may_spin && (!spins.is_multiple_of(64) || begun.elapsed() < POSTER_SPIN) {
                std::hint::spin_loop();
                continue;
            }
            match self.board.rest(slot, posted, Instant::now() + POSTER_NAP) {
                Rest::Nothing => return mine,
                Rest::Chunk(chunk) => {
                    self.compute(slot, posted, frame, chunk);
                    mine += 1;
                    waits_since = None;
                }
                Rest::Again => waits_since = None,
                Rest::Retries => {
                    let since = *waits_since.get_or_insert_with(Instant::now);
                    let pointless = frame.has_failed() || self.board.lost(slot, posted).is_some();
                    if pointless || since.elapsed() > self.patience {
                        self.board.give_up(slot, posted);
                    }
                }
            }
        }
    }

    fn take_slot(&self) -> Option<usize> {
        let mut free = self.free.load(Ordering::Relaxed);
        while free != 0 {
            let slot = free.trailing_zeros();
            match self.free.compare_exchange_weak(free, free & !(1 << slot), Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Some(slot as usize),
                Err(now) => free = now,
            }
        }
        None
    }

    fn now(&self) -> u64 {
        self.born.elapsed().as_nanos() as u64
    }

    /// How many helpers are to be awake for a job: all of them if it is left to them.
    fn wanted(&self, helpers: &Helpers, bytes: u64, leaves: bool) -> usize {
        let since_last = self.now().saturating_sub(self.last_end.load(Ordering::Relaxed));
        let streak = if since_last < 100_000 { self.streak.load(Ordering::Relaxed) + 1 } else { 0 };
        self.streak.store(streak, Ordering::Relaxed);
        if leaves {
            helpers.who.len()
        } else if bytes >= WAKE_FROM {
            helpers.awake
        } else {
            usize::from(streak >= WAKE_AFTER_STREAK)
        }
    }

    /// Wakes helpers until `most` are awake.
    fn wake(&self, helpers: &Helpers, most: usize) {
        if most == 0 {
            return;
        }
        let up = |&who: &Participant| !self.board.bell(who).has_sleeper();
        let mut awake = helpers.who.clone().filter(up).count();
        for who in helpers.who.clone() {
            if awake >= most {
                break;
            }
            awake += usize::from(self.board.wake(who));
        }
    }

    /// Asks threads of the rayon pool that this thread is one of for help.
    fn ask(self: &Arc<ThreadPool>, slot: usize, posted: &Posted, most: usize) {
        for home in 1..=most.min(posted.total as usize - 1) as u32 {
            let (thread_pool, posted) = (self.clone(), *posted);
            // One that comes when the job is over claims nothing.
            rayon::ask(move || _ = thread_pool.help(slot, &posted, 0, home));
        }
    }

    /// Whether `me`, a worker of this process, takes part in a job.
    fn takes_part(&self, slot: usize, posted: &Posted, me: Participant) -> bool {
        let pooled = self.pooled.load(Ordering::Relaxed) & 1 << slot != 0;
        !pooled && (posted.payload == 0 || self.sharers.who.contains(&me))
    }

    /// Computes chunks of a job as `me`, a thread of this process, beginning with those of lane `home`; whether there were any.
    fn help(&self, slot: usize, posted: &Posted, me: Participant, home: u32) -> bool {
        let ThreadPool { board, frames, .. } = self;
        let mut any = false;
        while let Some(chunk) = board.claim(slot, posted, me, home) {
            let claimed = AbortOnUnwind::begin("a chunk for whose end a job waits");
            let frame = frames[slot].load(Ordering::Acquire);
            // SAFETY: the poster stored this pointer before it posted the job. Whoever has `posted` has acquired its epoch, or has a copy of it from the
            // poster itself, through a rayon pool. The poster neither
            // leaves `share`, where the frame lives, nor reuses the slot before every chunk is done. This chunk is ours and
            // is not done until `complete` below. A stale claim is impossible: the owner word carries the epoch.
            unsafe { &*frame }.run(chunk);
            // Counted first: when the job has ended, so has the counting.
            board.count(me, 1, posted.chunk_bytes, 0);
            board.complete(slot, posted, chunk, me);
            claimed.end();
            any = true;
        }
        any
    }

    /// The life of a worker thread: until the hub closes.
    pub(super) fn serve(&self, me: Participant, spins: bool) {
        let spin = if spins { HELPER_SPIN } else { Duration::ZERO };
        serve(&self.board, me, spin, &mut Worker { thread_pool: self, me });
    }
}

/// A worker thread.
struct Worker<'a> {
    thread_pool: &'a ThreadPool,
    me: Participant,
}

impl Helper for Worker<'_> {
    fn is_due(&self, slot: usize) -> bool {
        let board = &self.thread_pool.board;
        board.has_work(slot) && self.thread_pool.takes_part(slot, &board.look(slot), self.me)
    }

    fn help(&mut self, slot: usize) -> bool {
        let posted = self.thread_pool.board.look(slot);
        self.thread_pool.takes_part(slot, &posted, self.me)
            && self.thread_pool.help(slot, &posted, self.me, self.me.into())
    }

    fn run_task(&mut self) -> bool {
        false
    }
}

/// A participant that waits for work. Each method says whether there was any.
pub(super) trait Helper {
    /// Whether the job in `slot` seems to have chunks for it.
    fn is_due(&self, slot: usize) -> bool;

    /// Works on the job in `slot`.
    fn help(&mut self, slot: usize) -> bool;

    /// Runs a task.
    fn run_task(&mut self) -> bool;
}

/// The loop of every participant that waits for work: looks for tasks and jobs, spins for `spin`, then sleeps on its
/// bell.
///
/// It ends too where a task or a closure has forked and returned in the new process: the jobs are the other one's.
pub(super) fn serve(board: &Board, me: Participant, spin: Duration, helper: &mut dyn Helper) {
    let home = Home::here();
    let mut idle_since = Instant::now();
    let mut turns = 0u32;
    while home.is_here() && !board.closing() {
        let mut worked = helper.run_task();
        let mut active = board.active();
        while active != 0 {
            let slot = active.trailing_zeros() as usize;
            active &= active - 1;
            worked |= helper.is_due(slot) && helper.help(slot);
        }
        if worked {
            idle_since = Instant::now();
            turns = 0;
            continue;
        }
        turns += 1;
        if !turns.is_multiple_of(32) || idle_since.elapsed() < spin {
            std::hint::spin_loop();
            continue;
        }
        let ready = || board.any_due(|slot| helper.is_due(slot)) || board.closing() || helper.run_task();
        board.bell(me).sleep_unless(ready, Some(Instant::now() + HELPER_NAP));
        idle_since = Instant::now();
        turns = 0;
    }
}

/// Wakes everybody, to let them see that the hub closes.
pub(super) fn wake_all(board: &Board, participants: std::ops::Range<Participant>) {
    for who in participants {
        board.bell(who).ring();
    }
}
