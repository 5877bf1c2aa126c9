//! The job board: who computes which chunk, decided by compare-and-swap in memory that all participants map.
//!
//! A *job* is one large operation cut into chunks `0..total`. The thread that posts it, the hub's worker threads and
//! the engine processes all claim chunks from the same slot, so nobody is told what to do and nobody waits for an
//! engine that has not woken up. The truth about a chunk is its *owner word*: the job's epoch above, a state below:
//! free, somebody's, or done. `next` and `done` are only hints that make finding and finishing fast: a participant that
//! is killed between any two of these steps leaves the owner words right, and what it held is made free again.
//!
//! Everything here is atomics on a [`Region`]; a slot's payload is copied out and checked by whoever reads it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use crate::error::{Error, Result};
use crate::transport::doorbell::Doorbell;
use crate::transport::{Region, Segment};

/// Jobs that can be on the board at one time; further ones are run by the thread that has them.
pub const SLOTS: usize = 32;
/// Most chunks of one job.
pub const MAX_CHUNKS: u32 = 4096;
/// Most bytes of the description that engine processes read.
pub const MAX_PAYLOAD: usize = 16 << 10;
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
const SLOT_EPOCH: usize = 0;
const SLOT_TOTAL: usize = 8;
const SLOT_PAYLOAD_LEN: usize = 12;
const SLOT_CHUNK_BYTES: usize = 16;
const SLOT_KIND: usize = 24;
const SLOT_NEXT: usize = 64;
const SLOT_DONE: usize = 128;
const SLOT_OWNERS: usize = 192;
const SLOT_PAYLOAD: usize = SLOT_OWNERS + MAX_CHUNKS as usize * 8;
const SLOT_BYTES: usize = SLOT_PAYLOAD + MAX_PAYLOAD;

/// Bytes of a board.
pub const BOARD_BYTES: usize = AT_SLOTS + SLOTS * SLOT_BYTES;

const _: () = assert!(AT_SLOTS.is_multiple_of(64) && SLOT_BYTES.is_multiple_of(64));

/// Low bits of an owner word.
const STATE_BITS: u32 = 16;
const FREE: u64 = 0;
const DONE: u64 = 0xffff;

const fn owner_word(epoch: u64, state: u64) -> u64 {
    epoch << STATE_BITS | state
}

/// A doorbell of the board.
pub type Bell<'a> = Doorbell<&'a AtomicU32>;

/// Number of a participant: 0 is the hub, whatever thread of it.
pub type Participant = u16;

/// The job in a slot, as a participant saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Which job of this slot it is.
    pub epoch: u64,
    /// Number of chunks.
    pub total: u32,
    /// Number of the registered function that computes it, for engine processes.
    pub kind: u32,
    /// Bytes of its description; 0: only threads of the hub's process can compute it.
    pub payload: u32,
    /// Memory traffic of a chunk in bytes, for the counters.
    pub chunk_bytes: u64,
}

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

    fn slot(&self, slot: usize, field: usize) -> usize {
        debug_assert!(slot < SLOTS);
        AT_SLOTS + slot * SLOT_BYTES + field
    }

    fn owner(&self, slot: usize, chunk: u32) -> &AtomicU64 {
        debug_assert!(chunk < MAX_CHUNKS);
        self.region.u64(self.slot(slot, SLOT_OWNERS) + chunk as usize * 8)
    }

    fn participant(&self, who: Participant, field: usize) -> usize {
        AT_PARTICIPANTS + usize::from(who) * PARTICIPANT_BYTES + field
    }

    // The life of a job.

    /// Puts a job into `slot`, which the caller owns, and makes it visible.
    ///
    /// # Panics
    /// When `total` or `payload` is larger than a slot holds: the caller asks first.
    pub fn post(&self, slot: usize, total: u32, kind: u32, payload: &[u8], chunk_bytes: u64) -> Posted {
        assert!(total <= MAX_CHUNKS && payload.len() <= MAX_PAYLOAD, "{total} chunks, {} bytes", payload.len());
        let at = |field| self.slot(slot, field);
        let epoch = self.region.u64(at(SLOT_EPOCH)).load(Ordering::Relaxed) + 1;
        for chunk in 0..total {
            self.owner(slot, chunk).store(owner_word(epoch, FREE), Ordering::Relaxed);
        }
        let length = u32::try_from(payload.len()).expect("bounded above");
        self.region.u32(at(SLOT_NEXT)).store(0, Ordering::Relaxed);
        self.done_bell(slot).restart();
        self.region.u32(at(SLOT_TOTAL)).store(total, Ordering::Relaxed);
        self.region.u32(at(SLOT_KIND)).store(kind, Ordering::Relaxed);
        self.region.u32(at(SLOT_PAYLOAD_LEN)).store(length, Ordering::Relaxed);
        self.region.u64(at(SLOT_CHUNK_BYTES)).store(chunk_bytes, Ordering::Relaxed);
        if length > 0 {
            self.region.copy_in(at(SLOT_PAYLOAD), payload);
        }
        self.region.u64(at(SLOT_EPOCH)).store(epoch, Ordering::Release);
        // A participant that is about to sleep says so and then changes this word too (`has_any_work`): either it sees the
        // job, or what it said is seen by whoever looks for sleepers after this.
        self.region.u64(AT_ACTIVE).fetch_or(1 << slot, Ordering::AcqRel);
        Posted { epoch, total, kind, payload: length, chunk_bytes }
    }

    /// Takes the job out of `slot`. All of its chunks must be done.
    pub fn retire(&self, slot: usize) {
        self.region.u64(AT_ACTIVE).fetch_and(!(1 << slot), Ordering::AcqRel);
    }

    /// Slots that hold a job, a bit each.
    pub fn active(&self) -> u64 {
        self.region.u64(AT_ACTIVE).load(Ordering::Acquire) & ((1 << SLOTS) - 1)
    }

    /// Whether there seems to be a chunk that nobody has claimed; for a participant that has said that it is about to sleep.
    /// Who posts a job after this finds it asleep.
    pub fn has_any_work(&self) -> bool {
        let mut active = self.region.u64(AT_ACTIVE).fetch_or(0, Ordering::AcqRel) & ((1 << SLOTS) - 1);
        while active != 0 {
            if self.has_work(active.trailing_zeros() as usize) {
                return true;
            }
            active &= active - 1;
        }
        false
    }

    /// The job in `slot`. It may be over by the time that this returns: claiming finds out.
    pub fn look(&self, slot: usize) -> Posted {
        let at = |field| self.slot(slot, field);
        let epoch = self.region.u64(at(SLOT_EPOCH)).load(Ordering::Acquire);
        Posted {
            epoch,
            total: self.region.u32(at(SLOT_TOTAL)).load(Ordering::Relaxed).min(MAX_CHUNKS),
            kind: self.region.u32(at(SLOT_KIND)).load(Ordering::Relaxed),
            payload: self.region.u32(at(SLOT_PAYLOAD_LEN)).load(Ordering::Relaxed).min(MAX_PAYLOAD as u32),
            chunk_bytes: self.region.u64(at(SLOT_CHUNK_BYTES)).load(Ordering::Relaxed),
        }
    }

    /// Whether `slot` seems to have a chunk that nobody has claimed: a hint.
    pub fn has_work(&self, slot: usize) -> bool {
        self.region.u32(self.slot(slot, SLOT_NEXT)).load(Ordering::Relaxed)
            < self.region.u32(self.slot(slot, SLOT_TOTAL)).load(Ordering::Relaxed)
    }

    /// Copies a job's description out; `false` when the job ended meanwhile and the bytes mean nothing.
    pub fn payload(&self, slot: usize, job: &Posted, into: &mut Vec<u8>) -> bool {
        into.resize(job.payload as usize, 0);
        self.region.copy_out(self.slot(slot, SLOT_PAYLOAD), into);
        fence(Ordering::Acquire);
        self.region.u64(self.slot(slot, SLOT_EPOCH)).load(Ordering::Relaxed) == job.epoch
    }

    /// Claims a chunk for `me`. After `Some`, the poster waits until [`complete`](Self::complete) or until `me` is
    /// declared dead, so what the job refers to stays valid.
    pub fn claim(&self, slot: usize, job: &Posted, me: Participant) -> Option<u32> {
        let next = self.region.u32(self.slot(slot, SLOT_NEXT));
        loop {
            // The look before the increment keeps the counter from running away while many look often.
            if next.load(Ordering::Relaxed) >= job.total {
                return None;
            }
            let chunk = next.fetch_add(1, Ordering::Relaxed);
            if chunk >= job.total {
                return None;
            }
            match self.claim_chunk(slot, job, chunk, me) {
                Claim::Mine => return Some(chunk),
                Claim::Other => {}
                Claim::Over => return None,
            }
        }
    }

    fn claim_chunk(&self, slot: usize, job: &Posted, chunk: u32, me: Participant) -> Claim {
        let free = owner_word(job.epoch, FREE);
        let mine = owner_word(job.epoch, u64::from(me) + 1);
        match self.owner(slot, chunk).compare_exchange(free, mine, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => Claim::Mine,
            Err(now) if now >> STATE_BITS == job.epoch => Claim::Other,
            Err(_) => Claim::Over,
        }
    }

    /// Claims any chunk that is free although the counter has passed it: one whose owner died, or was given back.
    pub fn claim_leftover(&self, slot: usize, job: &Posted, me: Participant) -> Option<u32> {
        (0..job.total).find(|&chunk| {
            self.owner(slot, chunk).load(Ordering::Relaxed) == owner_word(job.epoch, FREE)
                && matches!(self.claim_chunk(slot, job, chunk, me), Claim::Mine)
        })
    }

    /// Says that `me` has finished `chunk`, and wakes the poster if that was the last one and it sleeps.
    pub fn complete(&self, slot: usize, job: &Posted, chunk: u32, me: Participant) {
        let mine = owner_word(job.epoch, u64::from(me) + 1);
        let done = owner_word(job.epoch, DONE);
        // Fails only where `me` was declared dead, which for a living process cannot be: it is killed first.
        if self.owner(slot, chunk).compare_exchange(mine, done, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            self.done_bell(slot).tally(job.total);
        }
    }

    /// Gives back a chunk that `me` claimed and cannot compute.
    pub fn give_back(&self, slot: usize, job: &Posted, chunk: u32, me: Participant) {
        let mine = owner_word(job.epoch, u64::from(me) + 1);
        let free = owner_word(job.epoch, FREE);
        let _ = self.owner(slot, chunk).compare_exchange(mine, free, Ordering::AcqRel, Ordering::Relaxed);
        self.done_bell(slot).ring();
    }

    /// Whether the quick count says that all is done. Ask [`all_done`](Self::all_done) before believing it.
    pub fn seems_done(&self, slot: usize, job: &Posted) -> bool {
        self.done_bell(slot).rings() >= job.total
    }

    /// Whether all chunks are done, from the owner words.
    pub fn all_done(&self, slot: usize, job: &Posted) -> bool {
        let done = owner_word(job.epoch, DONE);
        (0..job.total).all(|chunk| self.owner(slot, chunk).load(Ordering::Acquire) == done)
    }

    /// Rings as chunks are done, given back or freed: the poster sleeps on it, and wakes when there may be something to do.
    pub fn done_bell(&self, slot: usize) -> Bell<'_> {
        Doorbell::on(self.region.u32(self.slot(slot, SLOT_DONE)))
    }

    /// Frees every chunk that one of `dead` holds and wakes the posters. Only for participants whose process is known
    /// to have ended: a stopped one could wake and write into memory that has been given to another.
    pub fn release_dead(&self, dead: std::ops::Range<Participant>) -> u32 {
        let mut freed = 0;
        // All slots, not only those whose bit is set: who still has the bit of an earlier job may claim a chunk of a
        // new one before its poster sets it again. Owner words carry the epoch, so nothing old is touched.
        for slot in 0..SLOTS {
            let job = self.look(slot);
            for chunk in 0..job.total {
                let owner = self.owner(slot, chunk);
                let now = owner.load(Ordering::Acquire);
                let state = now & ((1 << STATE_BITS) - 1);
                if state == FREE || state == DONE || !dead.contains(&((state - 1) as Participant)) {
                    continue;
                }
                let free = owner_word(now >> STATE_BITS, FREE);
                freed += u32::from(owner.compare_exchange(now, free, Ordering::AcqRel, Ordering::Relaxed).is_ok());
            }
            // Whether or not any was freed, and for each: it may have left a chunk done that it had not counted.
            dead.clone().for_each(|_| self.done_bell(slot).ring());
        }
        freed
    }

    /// Whether one of `who` holds a chunk now.
    pub fn holds_chunk(&self, who: std::ops::Range<Participant>) -> bool {
        (0..SLOTS).any(|slot| {
            (0..self.look(slot).total).any(|chunk| {
                let state = self.owner(slot, chunk).load(Ordering::Acquire) & ((1 << STATE_BITS) - 1);
                state != FREE && state != DONE && who.contains(&((state - 1) as Participant))
            })
        })
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
        self.hub_bell().ring_sleepers();
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

enum Claim {
    Mine,
    Other,
    Over,
}
