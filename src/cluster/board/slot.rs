//! One job's chunks: who has claimed which, and which are done.
//!
//! The truth about a chunk is its *owner word*: the job's epoch above, a state below: free, somebody's, or done. It changes
//! by compare-and-swap only, but for the next job's posting, when all are done. The word that hands out numbers (`next`)
//! and the one that counts ends (`done`) are hints that make finding and finishing fast: a participant that is killed
//! between any two steps leaves the owner words right, and what it held is made free again.
//!
//! The words may be anywhere, so that this protocol itself is what the models check (`loom.rs`).

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{MAX_CHUNKS, MAX_PAYLOAD, Participant};
use crate::transport::doorbell::{Doorbell, FutexWord};
use crate::transport::words::Words;

// Byte offsets. What all look at, what all count up to claim, and what all count up to finish are on lines of their own.
const EPOCH: usize = 0;
const TOTAL: usize = 8;
const KIND: usize = 16;
const PAYLOAD_LEN: usize = 24;
const CHUNK_BYTES: usize = 32;
const NEXT: usize = 64;
/// Where the 32 bits of the doorbell lie that counts ends.
pub(super) const DONE_BELL: usize = 128;
const OWNERS: usize = 192;

/// Bytes of a slot for so many chunks.
pub(super) const fn bytes_for(chunks: u32) -> usize {
    OWNERS + chunks as usize * 8
}

/// Low bits of an owner word.
const STATE_BITS: u32 = 16;
const FREE: u64 = 0;
const DONE: u64 = 0xffff;

const fn owner_word(epoch: u64, state: u64) -> u64 {
    epoch << STATE_BITS | state
}

const fn held_by(epoch: u64, who: Participant) -> u64 {
    owner_word(epoch, who as u64 + 1)
}

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

/// What the poster has left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nothing: every chunk is done.
    Nothing,
    /// This chunk, which is the poster's now.
    Chunk(u32),
    /// To ask again: others have had the rest, and something has happened since, or time has passed.
    Again,
}

/// What became of an attempt to claim a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    Mine,
    Other,
    Over,
}

/// The words of one slot: those at `at`, and the doorbell that the poster sleeps on.
pub(super) struct Slot<'a, W, F: FutexWord> {
    pub(super) words: &'a W,
    pub(super) at: usize,
    pub(super) done: Doorbell<F>,
}

impl<W: Words, F: FutexWord> Slot<'_, W, F> {
    fn load(&self, field: usize, order: Ordering) -> u64 {
        self.words.load(self.at + field, order)
    }

    fn store(&self, field: usize, value: u64) {
        self.words.store(self.at + field, value, Ordering::Relaxed);
    }

    fn owner(&self, chunk: u32) -> usize {
        debug_assert!(chunk < MAX_CHUNKS);
        self.at + OWNERS + chunk as usize * 8
    }

    /// Replaces an owner word by a step of the protocol; whether it was as it had to be.
    fn step(&self, chunk: u32, from: u64, to: u64) -> Result<u64, u64> {
        // Release: who finds the chunk done, or claims it after us, sees what we did for it. Acquire: the reverse.
        self.words.replace(self.owner(chunk), from, to, Ordering::AcqRel, Ordering::Relaxed)
    }

    /// Posts a job: its words, then what `describe` writes, then the epoch that makes both visible. The last job here is over.
    pub(super) fn post(&self, job: Posted, describe: impl FnOnce()) -> Posted {
        let job = Posted { epoch: self.load(EPOCH, Ordering::Relaxed) + 1, ..job };
        for chunk in 0..job.total {
            self.words.store(self.owner(chunk), owner_word(job.epoch, FREE), Ordering::Relaxed);
        }
        self.store(NEXT, 0);
        self.done.restart();
        self.store(TOTAL, u64::from(job.total));
        self.store(KIND, u64::from(job.kind));
        self.store(PAYLOAD_LEN, u64::from(job.payload));
        self.store(CHUNK_BYTES, job.chunk_bytes);
        describe();
        self.words.store(self.at + EPOCH, job.epoch, Ordering::Release);
        job
    }

    /// The job that is here. It may be over by the time that this returns, and what is said of it another one's: claiming
    /// finds out, since none of its chunks is free then, and never will be.
    pub(super) fn look(&self) -> Posted {
        let epoch = self.load(EPOCH, Ordering::Acquire);
        let small = |field, most: u32| self.load(field, Ordering::Relaxed).min(u64::from(most)) as u32;
        Posted {
            epoch,
            total: small(TOTAL, MAX_CHUNKS),
            kind: small(KIND, u32::MAX),
            payload: small(PAYLOAD_LEN, MAX_PAYLOAD as u32),
            chunk_bytes: self.load(CHUNK_BYTES, Ordering::Relaxed),
        }
    }

    /// Whether the job is still here, after reading what `describe` wrote.
    pub(super) fn is(&self, job: &Posted) -> bool {
        self.load(EPOCH, Ordering::Relaxed) == job.epoch
    }

    /// Whether there seems to be a chunk that nobody has claimed: a hint.
    pub(super) fn has_work(&self) -> bool {
        self.load(NEXT, Ordering::Relaxed) < self.load(TOTAL, Ordering::Relaxed)
    }

    /// Claims a chunk for `me`.
    pub(super) fn claim(&self, job: &Posted, me: Participant) -> Option<u32> {
        loop {
            let chunk = self.draw(job)?;
            match self.claim_chunk(job, chunk, me) {
                Claim::Mine => return Some(chunk),
                Claim::Other => {}
                Claim::Over => return None,
            }
        }
    }

    /// A chunk that few others try to claim at this time.
    pub(super) fn draw(&self, job: &Posted) -> Option<u32> {
        let (next, total) = (self.at + NEXT, u64::from(job.total));
        // The look before the increment keeps the counter from running away while many look often.
        if self.words.load(next, Ordering::Relaxed) >= total {
            return None;
        }
        let chunk = self.words.fetch_add(next, 1, Ordering::Relaxed);
        (chunk < total).then_some(chunk as u32)
    }

    pub(super) fn claim_chunk(&self, job: &Posted, chunk: u32, me: Participant) -> Claim {
        match self.step(chunk, owner_word(job.epoch, FREE), held_by(job.epoch, me)) {
            Ok(_) => Claim::Mine,
            Err(now) if now >> STATE_BITS == job.epoch => Claim::Other,
            Err(_) => Claim::Over,
        }
    }

    /// Says that `me` has finished `chunk`; whether it has, which fails only where it was declared dead.
    pub(super) fn complete(&self, job: &Posted, chunk: u32, me: Participant) -> bool {
        let finished = self.finish(job, chunk, me);
        if finished {
            self.done.tally(job.total);
        }
        finished
    }

    /// The half of [`complete`](Self::complete) that decides.
    pub(super) fn finish(&self, job: &Posted, chunk: u32, me: Participant) -> bool {
        self.step(chunk, held_by(job.epoch, me), owner_word(job.epoch, DONE)).is_ok()
    }

    /// Makes a chunk that `me` has claimed free again.
    pub(super) fn give_back(&self, job: &Posted, chunk: u32, me: Participant) {
        let _ = self.step(chunk, held_by(job.epoch, me), owner_word(job.epoch, FREE));
        self.done.ring();
    }

    /// Whether the quick count says that all is done. Ask [`all_done`](Self::all_done) before believing it.
    pub(super) fn seems_done(&self, job: &Posted) -> bool {
        self.done.rings() >= job.total
    }

    /// Whether all chunks are done.
    pub(super) fn all_done(&self, job: &Posted) -> bool {
        let done = owner_word(job.epoch, DONE);
        (0..job.total).all(|chunk| self.words.load(self.owner(chunk), Ordering::Acquire) == done)
    }

    /// What is left to do for the poster, which is `me`: a chunk that is free although `next` has passed it, because its owner
    /// died or gave it back, or because its number was drawn for an earlier job. If there is none, sleeps.
    pub(super) fn rest(&self, job: &Posted, me: Participant, deadline: Option<Instant>) -> Rest {
        // Before looking: what happens after this ends the sleep.
        let epoch = self.done.epoch();
        if self.all_done(job) {
            return Rest::Nothing;
        }
        let free = |&chunk: &u32| {
            self.words.load(self.owner(chunk), Ordering::Relaxed) == owner_word(job.epoch, FREE)
                && self.claim_chunk(job, chunk, me) == Claim::Mine
        };
        match (0..job.total).find(free) {
            Some(chunk) => Rest::Chunk(chunk),
            None => {
                self.done.wait(epoch, Duration::ZERO, deadline);
                Rest::Again
            }
        }
    }

    /// Frees what one of `dead` holds, and wakes the poster.
    pub(super) fn release(&self, dead: &Range<Participant>) -> u32 {
        let mut freed = 0;
        for chunk in 0..self.look().total {
            if let Some((now, epoch)) = self.held(chunk, dead) {
                freed += u32::from(self.step(chunk, now, owner_word(epoch, FREE)).is_ok());
            }
        }
        // Whether or not any was freed, and for each: it may have left a chunk done that it had not counted.
        dead.clone().for_each(|_| self.done.ring());
        freed
    }

    /// Whether one of `who` holds a chunk.
    pub(super) fn is_held(&self, who: &Range<Participant>) -> bool {
        (0..self.look().total).any(|chunk| self.held(chunk, who).is_some())
    }

    /// The owner word of `chunk`, and the epoch in it, if it is one of `who` that holds it.
    fn held(&self, chunk: u32, who: &Range<Participant>) -> Option<(u64, u64)> {
        let now = self.words.load(self.owner(chunk), Ordering::Acquire);
        let state = now & ((1 << STATE_BITS) - 1);
        let held = state != FREE && state != DONE && who.contains(&((state - 1) as Participant));
        held.then_some((now, now >> STATE_BITS))
    }
}
