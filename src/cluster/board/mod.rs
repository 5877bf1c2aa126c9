//! The job board: who computes which chunk, decided by compare-and-swap in memory that all participants map.
//!
//! A *job* is one large operation cut into chunks `0..total`. The thread that posts it, the hub's worker threads and
//! the engine processes all claim chunks from the same slot, so nobody is told what to do, and whoever is there takes what an engine that
//! has not woken up does not. How chunks are claimed is in `slot`; which slots hold a job, in `active`.
//!
//! Everything here is atomics on a [`Region`]; a slot's payload is copied out and checked by whoever reads it.

mod active;
#[cfg(all(test, loom))]
mod loom;
mod slot;

pub use slot::{Death, Lost, Posted, Rest};

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
use std::time::Instant;

use self::active::Active;
use self::slot::Slot;
use crate::error::{Error, Result};
use crate::transport::doorbell::Doorbell;
use crate::transport::{Region, Segment};

/// Jobs that can be on the board at one time; further ones are run by the thread that has them.
pub const SLOTS: usize = 32;
/// Most chunks of one job.
pub const MAX_CHUNKS: u32 = 4096;
/// Most bytes of the description that engine processes read.
pub const MAX_PAYLOAD: usize = 16 << 10;
/// Most engines, each of which has a lane of a job's chunks.
pub const MAX_ENGINES: usize = 32;
/// Most participants: the hub (0), then worker threads and the threads of engine processes.
pub const MAX_PARTICIPANTS: usize = 128;
/// Cancelled tasks that the board remembers.
const CANCELLED: usize = 256;

const MAGIC: u64 = 0x6469_7374_6f62_0001;

// Byte offsets. Words that different parties write often have cache lines of their own.
const AT_MAGIC: usize = 0;
const AT_CLOSING: usize = 8;
const AT_ACTIVE: usize = 64;
const AT_HUB_BELL: usize = 128;
const AT_CANCELLED: usize = 4096;
const AT_PARTICIPANTS: usize = AT_CANCELLED + CANCELLED * 8;
const PARTICIPANT_BYTES: usize = 256;
// What a participant sleeps on is looked at by those who send it something; what it says of itself changes with each task.
const PARTICIPANT_BELL: usize = 0;
const PARTICIPANT_BEAT: usize = 128;
const PARTICIPANT_CHUNKS: usize = 136;
const PARTICIPANT_TRAFFIC: usize = 144;
const PARTICIPANT_TASKS: usize = 152;
const PARTICIPANT_RUNS: usize = 160;
const AT_SLOTS: usize = AT_PARTICIPANTS + MAX_PARTICIPANTS * PARTICIPANT_BYTES;
const SLOT_PAYLOAD: usize = slot::bytes_for(MAX_CHUNKS);
const SLOT_BYTES: usize = SLOT_PAYLOAD + MAX_PAYLOAD;

/// Bytes of a board.
pub const BOARD_BYTES: usize = AT_SLOTS + SLOTS * SLOT_BYTES;

const _: () = assert!(AT_SLOTS.is_multiple_of(64) && SLOT_BYTES.is_multiple_of(64));

/// A doorbell of the board.
pub type Bell<'a> = Doorbell<&'a AtomicU32>;

/// Number of a participant: 0 is the hub, whatever thread of it.
pub type Participant = u16;

/// What a participant has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Chunks computed.
    pub chunks: u64,
    /// Their memory traffic in bytes.
    pub bytes: u64,
    /// Tasks run.
    pub tasks: u64,
}

/// A board in a region of memory that all participants have mapped.
#[derive(Clone)]
pub struct Board {
    region: Region,
}

impl Board {
    /// A new board at the beginning of `segment`, which must be zero there.
    pub fn create(segment: &Arc<Segment>) -> Result<Board> {
        let board = Board { region: Region::new(segment, 0, BOARD_BYTES)? };
        board.region.u64(AT_MAGIC).store(MAGIC, Ordering::Release);
        Ok(board)
    }

    /// The board that another process made at the beginning of `segment`.
    pub fn attach(segment: &Arc<Segment>) -> Result<Board> {
        let board = Board { region: Region::new(segment, 0, BOARD_BYTES)? };
        match board.region.u64(AT_MAGIC).load(Ordering::Acquire) {
            MAGIC => Ok(board),
            other => Err(Error::frame(format!("board magic {other:#x}, expected {MAGIC:#x}"))),
        }
    }

    fn slot(&self, slot: usize) -> Slot<'_, Region, &AtomicU32> {
        debug_assert!(slot < SLOTS);
        let at = AT_SLOTS + slot * SLOT_BYTES;
        Slot { words: &self.region, at, done: Doorbell::on(self.region.u32(at + slot::DONE_BELL)) }
    }

    fn payload_at(&self, slot: usize) -> usize {
        AT_SLOTS + slot * SLOT_BYTES + SLOT_PAYLOAD
    }

    fn jobs(&self) -> Active<'_, Region> {
        Active { words: &self.region, at: AT_ACTIVE }
    }

    fn participant(&self, who: Participant, field: usize) -> usize {
        AT_PARTICIPANTS + usize::from(who) * PARTICIPANT_BYTES + field
    }

    // The life of a job.

    /// Puts a job into `slot`, which the caller owns, and makes it visible. `ends` says behind which chunk each lane but the last ends;
    /// epoch, length of the payload and number of lanes are set here.
    ///
    /// # Panics
    /// When there are more chunks or a longer `payload` than a slot holds: the caller asks first.
    pub fn post(&self, slot: usize, job: Posted, ends: &[u32], payload: &[u8]) -> Posted {
        let total = job.total;
        assert!(total <= MAX_CHUNKS && payload.len() <= MAX_PAYLOAD, "{total} chunks, {} bytes", payload.len());
        let length = u32::try_from(payload.len()).expect("bounded above");
        let posted = self.slot(slot).post(Posted { payload: length, ..job }, ends, || {
            self.region.copy_in(self.payload_at(slot), payload);
        });
        self.jobs().insert(slot);
        posted
    }

    /// Takes the job out of `slot`. All of its chunks must be done.
    pub fn retire(&self, slot: usize) {
        self.jobs().remove(slot);
    }

    /// Slots that hold a job, a bit each.
    pub fn active(&self) -> u64 {
        self.jobs().slots()
    }

    /// The job in `slot`. It may be over by the time that this returns: claiming finds out.
    pub fn look(&self, slot: usize) -> Posted {
        self.slot(slot).look()
    }

    /// Whether `slot` seems to have a chunk that nobody has claimed: a hint.
    pub fn has_work(&self, slot: usize) -> bool {
        self.slot(slot).has_work()
    }

    /// Whether one of the jobs is due by `is_due`; for a participant that has said that it is about to sleep: whoever posts a
    /// job after this finds it asleep.
    pub fn any_due(&self, is_due: impl Fn(usize) -> bool) -> bool {
        let mut slots = self.jobs().slots_before_sleep();
        while slots != 0 {
            if is_due(slots.trailing_zeros() as usize) {
                return true;
            }
            slots &= slots - 1;
        }
        false
    }

    /// Copies a job's description out; `false` when the job ended meanwhile. Even after `true` it may have, in which case the
    /// bytes mean nothing, and no chunk of the job can be claimed.
    pub fn payload(&self, slot: usize, job: &Posted, into: &mut Vec<u8>) -> bool {
        into.resize(job.payload as usize, 0);
        self.region.copy_out(self.payload_at(slot), into);
        fence(Ordering::Acquire);
        self.slot(slot).is(job)
    }

    /// Claims a chunk for `me`, one of lane `home` if there is any. After `Some`, the poster waits until [`complete`](Self::complete)
    /// or until `me` is declared dead, so what the job refers to stays valid.
    pub fn claim(&self, slot: usize, job: &Posted, me: Participant, home: u32) -> Option<u32> {
        self.slot(slot).claim(job, me, home)
    }

    /// [`claim`](Self::claim), of one lane alone.
    pub fn claim_in(&self, slot: usize, job: &Posted, me: Participant, lane: u32) -> Option<u32> {
        self.slot(slot).claim_in(job, me, lane)
    }

    /// A number that grows with each chunk that is taken of a lane; `None` once it has no more.
    pub fn progress(&self, slot: usize, job: &Posted, lane: u32) -> Option<u64> {
        self.slot(slot).progress(job, lane)
    }

    /// Sleeps until the job seems to be done, something was given back, or the deadline.
    pub fn sleep(&self, slot: usize, job: &Posted, deadline: Instant) {
        self.slot(slot).sleep(job, deadline)
    }

    /// Says that `me` has finished `chunk`, and wakes the poster if that was the last one and it sleeps.
    pub fn complete(&self, slot: usize, job: &Posted, chunk: u32, me: Participant) {
        // Fails only where `me` was declared dead, which for a living process cannot be: it is killed first.
        let _ = self.slot(slot).complete(job, chunk, me);
    }

    /// Gives back a chunk that `me` claimed and cannot compute.
    pub fn give_back(&self, slot: usize, job: &Posted, chunk: u32, me: Participant) {
        self.slot(slot).give_back(job, chunk, me);
    }

    /// How often chunks of the job in `slot` became retries, with the job's epoch: chunks that engine processes may have died of,
    /// which engine processes [`claim_again`](Self::claim_again). 0: never.
    pub fn retries(&self, slot: usize) -> u64 {
        self.slot(slot).retries()
    }

    /// Claims a retry for `me`, a thread of an engine process.
    pub fn claim_again(&self, slot: usize, job: &Posted, me: Participant) -> Option<u32> {
        self.slot(slot).claim_again(job, me)
    }

    /// A chunk of the job that is lost: three engine processes have died of it, or it was given up.
    pub fn lost(&self, slot: usize, job: &Posted) -> Option<Lost> {
        self.slot(slot).lost(job)
    }

    /// Gives up the retries of a job that no engine process has claimed.
    pub fn give_up(&self, slot: usize, job: &Posted) {
        self.slot(slot).give_up(job);
    }

    /// Gives up the retries of all jobs: there is no engine process left.
    pub fn give_up_retries(&self) {
        for slot in (0..SLOTS).map(|slot| self.slot(slot)) {
            slot.give_up(&slot.look());
        }
    }

    /// Whether the job seems to be done, and is.
    pub fn is_done(&self, slot: usize, job: &Posted) -> bool {
        let slot = self.slot(slot);
        slot.seems_done(job) && slot.all_done(job)
    }

    /// What is left to do for the poster; if it has nothing to do but to wait, sleeps for a while.
    pub fn rest(&self, slot: usize, job: &Posted, deadline: Instant) -> Rest {
        self.slot(slot).rest(job, 0, Some(deadline))
    }

    /// Frees every chunk that one of `dead` holds and wakes the posters. With `death`, the engine ended by its own doing, so that
    /// what it held may be the cause. Only for participants whose process is known to have ended: a stopped one could
    /// wake and write into memory that has been given to another.
    pub fn release_dead(&self, dead: std::ops::Range<Participant>, death: Option<Death>) -> u32 {
        // All slots, not only those whose bit is set: who still has the bit of an earlier job may claim a chunk of a
        // new one before its poster sets it again. Owner words carry the epoch, so nothing old is touched.
        (0..SLOTS).map(|slot| self.slot(slot).release(&dead, death)).sum()
    }

    /// Whether one of `who` holds a chunk now.
    pub fn holds_chunk(&self, who: std::ops::Range<Participant>) -> bool {
        (0..SLOTS).any(|slot| self.slot(slot).is_held(&who))
    }

    /// Whether one of `who` holds a chunk of the job in `slot`.
    pub fn has_chunk_of(&self, slot: usize, who: std::ops::Range<Participant>) -> bool {
        self.slot(slot).is_held(&who)
    }

    // The participants.

    /// What `who` sleeps on.
    pub fn bell(&self, who: Participant) -> Bell<'_> {
        Doorbell::on(self.region.u32(self.participant(who, PARTICIPANT_BELL)))
    }

    /// Counts up while the process of `who` is alive and busy.
    pub fn beat(&self, who: Participant) -> &AtomicU32 {
        self.region.u32(self.participant(who, PARTICIPANT_BEAT))
    }

    /// The task that `who` is running, 0 for none.
    pub fn current_task(&self, who: Participant) -> &AtomicU64 {
        self.region.u64(self.participant(who, PARTICIPANT_RUNS))
    }

    /// Wakes `who` if it sleeps; whether it did. What it is woken for has been made visible before.
    pub fn wake(&self, who: Participant) -> bool {
        self.bell(who).rouse()
    }

    /// Adds to what `who` has done.
    pub fn count(&self, who: Participant, chunks: u64, bytes: u64, tasks: u64) {
        for (field, add) in [(PARTICIPANT_CHUNKS, chunks), (PARTICIPANT_TRAFFIC, bytes), (PARTICIPANT_TASKS, tasks)] {
            if add > 0 {
                self.region.u64(self.participant(who, field)).fetch_add(add, Ordering::Relaxed);
            }
        }
    }

    /// What `who` has done.
    pub fn counters(&self, who: Participant) -> Counters {
        let read = |field| self.region.u64(self.participant(who, field)).load(Ordering::Relaxed);
        Counters { chunks: read(PARTICIPANT_CHUNKS), bytes: read(PARTICIPANT_TRAFFIC), tasks: read(PARTICIPANT_TASKS) }
    }

    // The hub's bell, closing, cancelled tasks.

    /// What threads of the hub sleep on while they wait for replies.
    pub fn hub_bell(&self) -> Bell<'_> {
        Doorbell::on(self.region.u32(AT_HUB_BELL))
    }

    /// Wakes the threads of the hub that sleep for replies: there are some, or who they waited for is gone.
    pub fn ring_hub(&self) {
        // While nobody sleeps nothing is written, so that the word stays in the caches of all who look at it.
        self.hub_bell().rouse();
    }

    /// Tells every participant to end.
    pub fn close(&self) {
        self.region.u32(AT_CLOSING).store(1, Ordering::SeqCst);
    }

    /// Whether the hub is closing.
    pub fn closing(&self) -> bool {
        self.region.u32(AT_CLOSING).load(Ordering::SeqCst) != 0
    }

    /// Marks a task as cancelled. The board remembers the last of those whose ids fall on one place.
    pub fn cancel(&self, task: u64) {
        self.region.u64(AT_CANCELLED + (task as usize % CANCELLED) * 8).store(task, Ordering::Release);
    }

    /// Whether a task was cancelled.
    pub fn cancelled(&self, task: u64) -> bool {
        self.region.u64(AT_CANCELLED + (task as usize % CANCELLED) * 8).load(Ordering::Acquire) == task
    }
}
