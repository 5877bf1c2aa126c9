//! The threads of the hub's own process that compute: the one that posts a job takes part in it, and worker threads
//! (the *embedded* engines) help. The only `unsafe` here is the pointer by which a worker finds the poster's closure.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::board::{Board, Participant, Posted, Rest, SLOTS};
use super::job::Job;
use crate::error::{Error, Result};

/// Below this much memory traffic (some 10 µs of work) a job is not shared at all.
const SHARE_FROM: u64 = 512 << 10;
/// From this much on (some 150 µs) sleeping helpers are woken: the call costs the poster 4 µs, the waking 40 to 80.
const WAKE_FROM: u64 = 4 << 20;
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
    failed: AtomicBool,
    message: Mutex<Option<String>>,
}

impl Frame<'_> {
    fn run(&self, chunk: u32) {
        // After a panic the result is lost anyway: the remaining chunks are only ticked off.
        if self.failed.load(Ordering::Relaxed) {
            return;
        }
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.run)(chunk))) {
            self.failed.store(true, Ordering::Relaxed);
            let message = panic_message(panic);
            self.message.lock().unwrap_or_else(|e| e.into_inner()).get_or_insert(message);
        }
    }
}

/// The text of a caught panic. What was thrown is leaked: to drop it would run code of the user's that may panic again,
/// outside of any catch.
pub(crate) fn panic_message(panic: Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "(no message)".to_owned());
    std::mem::forget(panic);
    text
}

/// The board, and what the threads of this process share beside it.
pub(super) struct Crew {
    pub(super) board: Board,
    /// For each slot, the poster's [`Frame`].
    frames: [AtomicPtr<Frame<'static>>; SLOTS],
    /// A bit for each slot that is free.
    free: AtomicU32,
    /// Who helps with jobs that engine processes can compute, and who with those that only this process can.
    sharers: Helpers,
    threads: Helpers,
    cores: usize,
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

impl Crew {
    /// A crew of `threads` of this process, and of `sharers`, the same ones or threads of engine processes.
    pub(super) fn new(board: Board, sharers: Helpers, threads: Helpers) -> Crew {
        Crew {
            board,
            frames: [const { AtomicPtr::new(std::ptr::null_mut()) }; SLOTS],
            free: AtomicU32::new(u32::MAX),
            sharers,
            threads,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            born: Instant::now(),
            last_end: AtomicU64::new(0),
            streak: AtomicU32::new(0),
        }
    }

    /// Runs a job to its end. The calling thread takes part.
    pub(super) fn run(&self, job: &Job<'_>, kind: u32) -> Result<()> {
        let frame = Frame { run: job.local, failed: AtomicBool::new(false), message: Mutex::new(None) };
        let helpers = if job.remote.is_some() { &self.sharers } else { &self.threads };
        if job.chunks > 1 && job.bytes >= SHARE_FROM && !helpers.who.is_empty() {
            self.share(job, kind, &frame, helpers);
        } else {
            (0..job.chunks).for_each(|chunk| frame.run(chunk));
            self.board.count(0, u64::from(job.chunks), job.bytes, 0);
        }
        match frame.failed.into_inner() {
            false => Ok(()),
            true => Err(Error::Panicked {
                task: job.name.to_owned(),
                message: frame.message.into_inner().unwrap_or_else(|e| e.into_inner()).unwrap_or_default(),
            }),
        }
    }

    fn share(&self, job: &Job<'_>, kind: u32, frame: &Frame<'_>, helpers: &Helpers) {
        let Some(slot) = self.take_slot() else {
            // Thirty-two jobs are under way: every core is busy.
            (0..job.chunks).for_each(|chunk| frame.run(chunk));
            return self.board.count(0, u64::from(job.chunks), job.bytes, 0);
        };
        // The cast only forgets the lifetime; `retire` below, before this function returns, ends the frame's use.
        let pointer = std::ptr::from_ref(frame).cast::<Frame<'static>>().cast_mut();
        self.frames[slot].store(pointer, Ordering::Release);
        let payload = job.remote.map_or(&[][..], |remote| remote.payload);
        let chunk_bytes = job.bytes / u64::from(job.chunks);
        let posted = self.board.post(slot, job.chunks, kind, payload, chunk_bytes);
        self.wake(helpers, job.bytes);

        let mut mine = 0;
        while let Some(chunk) = self.board.claim(slot, &posted, 0) {
            frame.run(chunk);
            self.board.complete(slot, &posted, chunk, 0);
            mine += 1;
        }
        // A poster that spins beside as many helpers as there are cores takes a core from one of them.
        mine += self.wait(slot, &posted, frame, helpers.awake < self.cores);
        self.board.retire(slot);
        self.frames[slot].store(std::ptr::null_mut(), Ordering::Release);
        self.free.fetch_or(1 << slot, Ordering::AcqRel);
        self.board.count(0, mine, mine * chunk_bytes, 0);
        self.last_end.store(self.now(), Ordering::Relaxed);
    }

    /// Waits until every chunk is done, and does itself what an engine that died has left.
    fn wait(&self, slot: usize, posted: &Posted, frame: &Frame<'_>, may_spin: bool) -> u64 {
        let mut mine = 0;
        let begun = Instant::now();
        let mut spins = 0u32;
        loop {
            if self.board.is_done(slot, posted) {
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
                    frame.run(chunk);
                    self.board.complete(slot, posted, chunk, 0);
                    mine += 1;
                }
                Rest::Again => {}
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

    fn wake(&self, helpers: &Helpers, bytes: u64) {
        let since_last = self.now().saturating_sub(self.last_end.load(Ordering::Relaxed));
        let streak = if since_last < 100_000 { self.streak.load(Ordering::Relaxed) + 1 } else { 0 };
        self.streak.store(streak, Ordering::Relaxed);
        let most = if bytes >= WAKE_FROM {
            helpers.awake
        } else if streak >= WAKE_AFTER_STREAK {
            1
        } else {
            return;
        };
        let up = |&who: &Participant| !self.board.bell(who).has_sleeper();
        let mut awake = helpers.who.clone().filter(up).count();
        for who in helpers.who.clone() {
            if awake >= most {
                break;
            }
            awake += usize::from(self.board.wake(who));
        }
    }

    /// Works on the job in `slot` as `me`, a thread of this process; whether there was anything to do.
    fn help(&self, slot: usize, me: Participant) -> bool {
        let posted = self.board.look(slot);
        // Where engine processes compute arrays, threads leave to them what they can do.
        if posted.payload > 0 && !self.sharers.who.contains(&me) {
            return false;
        }
        let mut any = false;
        while let Some(chunk) = self.board.claim(slot, &posted, me) {
            let frame = self.frames[slot].load(Ordering::Acquire);
            // SAFETY: the poster stored this pointer before it posted the job, whose epoch `look` acquired, and it neither
            // leaves `share`, where the frame lives, nor reuses the slot before every chunk is done. This chunk is ours and
            // is not done until `complete` below. A stale claim is impossible: the owner word carries the epoch.
            unsafe { &*frame }.run(chunk);
            // Counted first: when the job has ended, so has the counting.
            self.board.count(me, 1, posted.chunk_bytes, 0);
            self.board.complete(slot, &posted, chunk, me);
            any = true;
        }
        any
    }

    /// The life of a worker thread: until the hub closes.
    pub(super) fn serve(&self, me: Participant, spins: bool, tasks: &dyn Fn() -> bool) {
        let spin = if spins { HELPER_SPIN } else { Duration::ZERO };
        serve(&self.board, me, spin, &mut |slot| self.help(slot, me), &mut || tasks());
    }
}

/// The loop of every participant that waits for work: looks for tasks and jobs, spins for `spin`, then sleeps on its
/// bell. `help` works on a slot, `tasks` runs what else there is; both say whether they did anything.
pub(super) fn serve(
    board: &Board,
    me: Participant,
    spin: Duration,
    help: &mut dyn FnMut(usize) -> bool,
    tasks: &mut dyn FnMut() -> bool,
) {
    let mut idle_since = Instant::now();
    let mut turns = 0u32;
    while !board.closing() {
        let mut worked = tasks();
        let mut active = board.active();
        while active != 0 {
            let slot = active.trailing_zeros() as usize;
            active &= active - 1;
            worked |= board.has_work(slot) && help(slot);
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
        let ready = || board.has_any_work() || board.closing() || tasks();
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
