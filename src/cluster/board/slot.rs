//! One job's chunks: who has claimed which, and which are done.
//!
//! The truth about a chunk is its *owner word*: the job's epoch above, a state below: free, somebody's, or over. It changes
//! by compare-and-swap only, but for the next job's posting, when all are over. The words that hand out numbers (`next`)
//! and the one that counts ends (`done`) are hints that make finding and finishing fast: a participant that is killed
//! between any two steps leaves the owner words right, and what it held is made free again.
//!
//! The chunks of a job lie in *lanes*: runs of numbers, one for each owner of the memory that they work on. A participant takes those of its
//! own lane first, then those of the next. Each lane has a `next` of its own.
//!
//! An engine process that ends by its own doing while it holds a chunk may have died of it. The owner word counts such deaths.
//! The chunk is then a *retry*: the poster does not claim it, only engine processes do, and after three deaths it is *lost*:
//! over, without a result. The word that counts retries tells engines to look for them, and the poster to look for lost ones.
//!
//! The words may be anywhere, so that this protocol itself is what the models check (`loom.rs`).

use std::ops::Range;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{MAX_CHUNKS, MAX_ENGINES, MAX_PARTICIPANTS, MAX_PAYLOAD, Participant};
use crate::transport::doorbell::{Doorbell, FutexWord};
use crate::transport::words::Words;

// Byte offsets. What all look at, what those of a lane count up to claim, and what all count up to finish are on lines of their own.
const EPOCH: usize = 0;
const TOTAL: usize = 8;
const KIND: usize = 16;
const PAYLOAD_LEN: usize = 24;
const CHUNK_BYTES: usize = 32;
const RETRIES: usize = 40;
const LAST_DEATH: usize = 48;
const LANES: usize = 56;
/// Where the 32 bits of the doorbell lie that counts ends.
pub(super) const DONE_BELL: usize = 64;
const AT_LANES: usize = 128;
const LANE_BYTES: usize = 128;
const LANE_NEXT: usize = 0;
const LANE_END: usize = 8;
const OWNERS: usize = AT_LANES + MAX_LANES * LANE_BYTES;

/// Most lanes of a job. The models have few, since each word costs them.
pub(super) const MAX_LANES: usize = if cfg!(loom) { 2 } else { MAX_ENGINES };

/// Bytes of a slot for so many chunks.
pub(super) const fn bytes_for(chunks: u32) -> usize {
    OWNERS + chunks as usize * 8
}

/// After so many deaths a chunk is lost.
pub(super) const MAX_DEATHS: u64 = 3;

/// Low bits of an owner word: who has the chunk, and above it how many engine processes died of it.
const STATE_BITS: u32 = 16;
const HOLDER_BITS: u32 = 8;
const FREE: u64 = 0;
const LOST: u64 = 0xfe;
const DONE: u64 = 0xff;

const _: () = assert!((MAX_PARTICIPANTS as u64) < LOST);

/// An owner word, taken apart.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Owner {
    epoch: u64,
    deaths: u64,
    holder: u64,
}

impl Owner {
    const fn free(epoch: u64) -> Owner {
        Owner { epoch, deaths: 0, holder: FREE }
    }

    const fn done(epoch: u64) -> Owner {
        Owner { epoch, deaths: 0, holder: DONE }
    }

    fn read(word: u64) -> Owner {
        let low = |bits: u32| (1 << bits) - 1;
        let deaths = word >> HOLDER_BITS & low(STATE_BITS - HOLDER_BITS);
        Owner { epoch: word >> STATE_BITS, deaths, holder: word & low(HOLDER_BITS) }
    }

    const fn word(self) -> u64 {
        self.epoch << STATE_BITS | self.deaths << HOLDER_BITS | self.holder
    }

    const fn held_by(self, who: Participant) -> Owner {
        Owner { holder: who as u64 + 1, ..self }
    }

    /// Whose the chunk is.
    fn holder(self) -> Option<Participant> {
        (!matches!(self.holder, FREE | LOST | DONE)).then(|| (self.holder - 1) as Participant)
    }

    fn is_over(self) -> bool {
        matches!(self.holder, LOST | DONE)
    }

    fn is_retry(self) -> bool {
        self.holder == FREE && self.deaths > 0
    }

    /// What is left when the holder has died.
    fn released(self, to_blame: bool) -> Owner {
        let deaths = self.deaths + u64::from(to_blame);
        Owner { holder: if deaths < MAX_DEATHS { FREE } else { LOST }, deaths, ..self }
    }
}

/// The end of an engine process, by its own doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Death {
    /// Which engine.
    pub engine: u32,
    /// How it ended, as `wait` has it.
    pub status: i32,
}

/// What became of a chunk that engine processes died of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// How many.
    pub deaths: u32,
    /// The last of them.
    pub last: Death,
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
    /// Number of lanes, at least 1.
    pub lanes: u32,
}

/// What the poster has left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nothing: every chunk is done.
    Nothing,
    /// This chunk, which is the poster's now.
    Chunk(u32),
    /// To ask again: what is left may be computed by engine processes only, and none has taken it.
    Retries,
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

    /// Replaces an owner word by a step of the protocol, where it was as it had to be; else what it is.
    fn step(&self, chunk: u32, from: Owner, to: Owner) -> Result<(), Owner> {
        // Release: who finds the chunk over, or claims it after us, sees what we did for it. Acquire: the reverse.
        let step = self.words.replace(self.owner(chunk), from.word(), to.word(), Ordering::AcqRel, Ordering::Relaxed);
        step.map(drop).map_err(Owner::read)
    }

    fn now(&self, chunk: u32, order: Ordering) -> Owner {
        Owner::read(self.words.load(self.owner(chunk), order))
    }

    /// `chunk` as `me` holds it for this job.
    fn mine(&self, job: &Posted, chunk: u32, me: Participant) -> Option<Owner> {
        let now = self.now(chunk, Ordering::Relaxed);
        (now.epoch == job.epoch && now.holder() == Some(me)).then_some(now)
    }

    /// Posts a job: its words, then what `describe` writes, then the epoch that makes both visible. The last job here is over.
    /// `ends` says behind which chunk each lane but the last ends.
    pub(super) fn post(&self, job: Posted, ends: &[u32], describe: impl FnOnce()) -> Posted {
        let lanes = ends.len().min(MAX_LANES - 1) + 1;
        let job = Posted { epoch: self.load(EPOCH, Ordering::Relaxed) + 1, lanes: lanes as u32, ..job };
        for chunk in 0..job.total {
            self.words.store(self.owner(chunk), Owner::free(job.epoch).word(), Ordering::Relaxed);
        }
        let mut next = 0;
        for (lane, &end) in ends[..lanes - 1].iter().chain([&job.total]).enumerate() {
            // Whatever the ends are, each chunk is in one lane.
            let end = end.clamp(next, job.total);
            self.store(self.lane(lane) + LANE_NEXT, u64::from(next));
            self.store(self.lane(lane) + LANE_END, u64::from(end));
            next = end;
        }
        self.store(LANES, lanes as u64);
        self.store(RETRIES, Owner::free(job.epoch).word());
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
            lanes: small(LANES, MAX_LANES as u32).max(1),
        }
    }

    /// Whether the job is still here.
    pub(super) fn is(&self, job: &Posted) -> bool {
        self.load(EPOCH, Ordering::Relaxed) == job.epoch
    }

    /// Where the words of a lane are.
    fn lane(&self, lane: usize) -> usize {
        debug_assert!(lane < MAX_LANES);
        AT_LANES + lane * LANE_BYTES
    }

    /// The numbers that a lane has left, where there are any: a hint.
    fn ahead(&self, lane: usize) -> Option<Range<u64>> {
        let next = self.load(self.lane(lane) + LANE_NEXT, Ordering::Relaxed);
        let left = next..self.load(self.lane(lane) + LANE_END, Ordering::Relaxed);
        (!left.is_empty()).then_some(left)
    }

    /// Whether there seems to be a chunk that nobody has claimed: a hint.
    pub(super) fn has_work(&self) -> bool {
        let lanes = self.load(LANES, Ordering::Relaxed).min(MAX_LANES as u64) as usize;
        (0..lanes).any(|lane| self.ahead(lane).is_some())
    }

    /// A number that grows with each chunk that is taken of a lane, where it has one left.
    pub(super) fn progress(&self, job: &Posted, lane: u32) -> Option<u64> {
        if lane < job.lanes { self.ahead(lane as usize).map(|left| left.start) } else { None }
    }

    /// Claims a chunk for `me`: of lane `home`, or of the one after it that has any.
    pub(super) fn claim(&self, job: &Posted, me: Participant, home: u32) -> Option<u32> {
        (0..job.lanes).find_map(|further| self.claim_in(job, me, (home % job.lanes + further) % job.lanes))
    }

    /// Claims a chunk of a lane for `me`.
    pub(super) fn claim_in(&self, job: &Posted, me: Participant, lane: u32) -> Option<u32> {
        loop {
            let chunk = self.draw(job, lane)?;
            match self.claim_chunk(job, chunk, me) {
                Claim::Mine => return Some(chunk),
                Claim::Other => {}
                Claim::Over => return None,
            }
        }
    }

    /// A chunk of a lane that few others try to claim at this time.
    pub(super) fn draw(&self, job: &Posted, lane: u32) -> Option<u32> {
        // The looks before the increment keep the counter from running away while many look often, and from handing out numbers of another
        // job, as far as they can.
        let left = self.ahead(lane as usize).filter(|_| self.is(job))?;
        let chunk = self.words.fetch_add(self.at + self.lane(lane as usize) + LANE_NEXT, 1, Ordering::Relaxed);
        // The lane may be another job's by now. Its owner words say so.
        (chunk < left.end.min(u64::from(job.total))).then_some(chunk as u32)
    }

    pub(super) fn claim_chunk(&self, job: &Posted, chunk: u32, me: Participant) -> Claim {
        let free = Owner::free(job.epoch);
        match self.step(chunk, free, free.held_by(me)) {
            Ok(()) => Claim::Mine,
            Err(now) if now.epoch == job.epoch => Claim::Other,
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
        self.mine(job, chunk, me).is_some_and(|held| self.step(chunk, held, Owner::done(job.epoch)).is_ok())
    }

    /// Makes a chunk that `me` has claimed free again. A retry is lost then: nobody else is likely to fare better.
    pub(super) fn give_back(&self, job: &Posted, chunk: u32, me: Participant) {
        if let Some(held) = self.mine(job, chunk, me) {
            let holder = if held.deaths == 0 { FREE } else { LOST };
            let _ = self.step(chunk, held, Owner { holder, ..held });
        }
        self.done.ring();
    }

    /// How often there have been retries for the job that is here, with its epoch; 0: never. Engine processes look for them
    /// once each time that this has changed.
    pub(super) fn retries(&self) -> u64 {
        let word = self.load(RETRIES, Ordering::Acquire);
        let Owner { deaths, holder, .. } = Owner::read(word);
        if deaths | holder == 0 { 0 } else { word }
    }

    /// Whether there have been retries for this job; now and then wrongly so, never wrongly not.
    fn has_retries(&self, job: &Posted) -> bool {
        self.load(RETRIES, Ordering::Acquire) != Owner::free(job.epoch).word()
    }

    /// Claims a retry for `me`, a thread of an engine process.
    pub(super) fn claim_again(&self, job: &Posted, me: Participant) -> Option<u32> {
        if !self.has_retries(job) {
            return None;
        }
        (0..job.total).find(|&chunk| {
            let now = self.now(chunk, Ordering::Relaxed);
            now.epoch == job.epoch && now.is_retry() && self.step(chunk, now, now.held_by(me)).is_ok()
        })
    }

    /// The chunk that most engines died of, of those that are lost, if there are any: others are given up because of it.
    pub(super) fn lost(&self, job: &Posted) -> Option<Lost> {
        if !self.has_retries(job) {
            return None;
        }
        let words = (0..job.total).map(|chunk| self.now(chunk, Ordering::Relaxed));
        let of_this = |now: &Owner| now.epoch == job.epoch && now.holder == LOST;
        let lost = words.into_iter().filter(of_this).max_by_key(|now| now.deaths)?;
        let last = self.load(LAST_DEATH, Ordering::Relaxed);
        Some(Lost { deaths: lost.deaths as u32, last: Death { engine: last as u32, status: (last >> 32) as i32 } })
    }

    /// Makes every retry of the job lost: there is no engine for it, or no use.
    pub(super) fn give_up(&self, job: &Posted) {
        for chunk in 0..job.total {
            let now = self.now(chunk, Ordering::Relaxed);
            if now.epoch == job.epoch && now.is_retry() {
                // Who claims it first computes it.
                let _ = self.step(chunk, now, Owner { holder: LOST, ..now });
            }
        }
        self.done.ring();
    }

    /// Whether the quick count says that all is done. Ask [`all_done`](Self::all_done) before believing it.
    pub(super) fn seems_done(&self, job: &Posted) -> bool {
        self.done.rings() >= job.total
    }

    /// Whether all chunks are over: done, or lost.
    pub(super) fn all_done(&self, job: &Posted) -> bool {
        (0..job.total).all(|chunk| {
            let now = self.now(chunk, Ordering::Acquire);
            now.epoch == job.epoch && now.is_over()
        })
    }

    /// Sleeps until the job seems to be done, something was given back, or the deadline.
    pub(super) fn sleep(&self, job: &Posted, deadline: Instant) {
        let epoch = self.done.epoch();
        if !self.seems_done(job) {
            self.done.wait(epoch, Duration::ZERO, Some(deadline));
        }
    }

    /// What is left to do for the poster, which is `me`: a chunk that is free although `next` has passed it, because its owner
    /// died or gave it back, or because its number was drawn for an earlier job. If there is none, sleeps.
    pub(super) fn rest(&self, job: &Posted, me: Participant, deadline: Option<Instant>) -> Rest {
        // Before looking: what happens after this ends the sleep.
        let epoch = self.done.epoch();
        if self.all_done(job) {
            return Rest::Nothing;
        }
        let mut held = false;
        for chunk in 0..job.total {
            let now = self.now(chunk, Ordering::Relaxed);
            if now == Owner::free(job.epoch) && self.claim_chunk(job, chunk, me) == Claim::Mine {
                return Rest::Chunk(chunk);
            }
            held |= now.holder().is_some() || now.holder == FREE && !now.is_retry();
        }
        self.done.wait(epoch, Duration::ZERO, deadline);
        if held { Rest::Again } else { Rest::Retries }
    }

    /// Frees what one of `dead` holds, and wakes the poster. With `death`, what they held may be what they died of.
    pub(super) fn release(&self, dead: &Range<Participant>, death: Option<Death>) -> u32 {
        let held: Vec<(u32, Owner)> =
            (0..self.look().total).filter_map(|chunk| Some((chunk, self.held(chunk, dead)?))).collect();
        // Whoever gets past a chunk's new state knows that there are retries: it is said before. While a chunk is held the job
        // stays, so this is said of no other.
        let retries = held.iter().any(|(_, now)| now.deaths > 0) || death.is_some() && !held.is_empty();
        if retries {
            if let Some(Death { engine, status }) = death {
                self.store(LAST_DEATH, u64::from(engine) | u64::from(status as u32) << 32);
            }
            self.words.fetch_add(self.at + RETRIES, 1, Ordering::Release);
        }
        let freed = |&(chunk, now): &(u32, Owner)| self.step(chunk, now, now.released(death.is_some())).is_ok();
        let freed = held.iter().filter(|held| freed(held)).count() as u32;
        if retries {
            // And after, for engines that have looked too early. If the job is over meanwhile, those of the next look in vain.
            self.words.fetch_add(self.at + RETRIES, 1, Ordering::Release);
        }
        // Whether or not any was freed, and for each: it may have left a chunk done that it had not counted.
        dead.clone().for_each(|_| self.done.ring());
        freed
    }

    /// Whether one of `who` holds a chunk.
    pub(super) fn is_held(&self, who: &Range<Participant>) -> bool {
        (0..self.look().total).any(|chunk| self.held(chunk, who).is_some())
    }

    /// The owner word of `chunk`, if it is one of `who` that holds it.
    fn held(&self, chunk: u32, who: &Range<Participant>) -> Option<Owner> {
        let now = self.now(chunk, Ordering::Acquire);
        now.holder().is_some_and(|holder| who.contains(&holder)).then_some(now)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::transport::doorbell::HeapWord;
    use crate::transport::words::HeapWords;

    const DEATH: Death = Death { engine: 5, status: 6 };

    fn slot(words: &HeapWords) -> Slot<'_, HeapWords, HeapWord> {
        Slot { words, at: 0, done: Doorbell::heap() }
    }

    fn post(slot: &Slot<'_, HeapWords, HeapWord>, total: u32) -> Posted {
        slot.post(Posted { epoch: 0, total, kind: 0, payload: 8, chunk_bytes: 0, lanes: 0 }, &[], || ())
    }

    #[test]
    fn each_takes_its_own_lane_first_and_then_the_others() {
        let words = HeapWords::new(bytes_for(6));
        let slot = slot(&words);
        let job = Posted { epoch: 0, total: 6, kind: 0, payload: 8, chunk_bytes: 0, lanes: 0 };
        // The second lane is empty.
        let job = slot.post(job, &[2, 2], || ());
        assert_eq!((job.lanes, slot.look()), (3, job));
        assert_eq!([0, 1, 2].map(|lane| slot.progress(&job, lane)), [Some(0), None, Some(2)]);
        assert_eq!([2, 2, 0].map(|home| slot.claim(&job, 1, home)), [Some(2), Some(3), Some(0)]);
        assert_eq!([0, 1, 2].map(|lane| slot.progress(&job, lane)), [Some(1), None, Some(4)]);
        assert_eq!([1, 1, 0, 1].map(|home| slot.claim(&job, 1, home)), [Some(4), Some(5), Some(1), None]);
        assert!(!slot.has_work());
        // Ends that are none leave no chunk out.
        let all = |slot: &Slot<'_, HeapWords, HeapWord>, job: &Posted| -> Vec<u32> {
            std::iter::from_fn(|| slot.claim(job, 1, 0)).collect()
        };
        for ends in [&[9, 1][..], &[4, 2], &[0, 0, 6], &[7; 100]] {
            (0..6).for_each(|chunk| assert!(slot.complete(&slot.look(), chunk, 1)));
            let job = slot.post(job, ends, || ());
            assert_eq!(all(&slot, &job), [0, 1, 2, 3, 4, 5], "{ends:?}");
        }
    }

    #[test]
    fn who_comes_for_a_job_that_is_over_takes_nothing_of_the_next() {
        let words = HeapWords::new(bytes_for(4));
        let slot = slot(&words);
        let old = Posted { epoch: 0, total: 4, kind: 0, payload: 8, chunk_bytes: 0, lanes: 0 };
        let old = slot.post(old, &[1, 2, 3], || ());
        while let Some(chunk) = slot.claim(&old, 0, 0) {
            assert!(slot.complete(&old, chunk, 0));
        }
        let job = slot.post(old, &[1, 2, 3], || ());
        assert_eq!(slot.claim(&old, 1, 2), None);
        assert_eq!([0, 1, 2, 3].map(|lane| slot.progress(&job, lane)), [Some(0), Some(1), Some(2), Some(3)]);
    }

    #[test]
    fn what_three_engines_died_of_is_lost_and_never_the_posters() {
        let words = HeapWords::new(bytes_for(2));
        let slot = slot(&words);
        let job = post(&slot, 2);
        assert_eq!(slot.retries(), 0);
        assert_eq!((slot.claim(&job, 7, 0), slot.claim(&job, 0, 0)), (Some(0), Some(1)));
        assert!(slot.complete(&job, 1, 0));
        for deaths in 1..MAX_DEATHS {
            let before = slot.retries();
            assert_eq!(slot.release(&(7..8), Some(DEATH)), 1);
            assert_ne!(slot.retries(), before, "engines look for it");
            assert_eq!((slot.claim(&job, 0, 0), slot.lost(&job)), (None, None));
            assert_eq!(slot.rest(&job, 0, Some(Instant::now())), Rest::Retries, "after {deaths} deaths");
            assert_eq!((slot.claim_again(&job, 7), slot.claim_again(&job, 8)), (Some(0), None));
            assert_eq!(slot.rest(&job, 0, Some(Instant::now())), Rest::Again);
        }
        assert_eq!(slot.release(&(7..8), Some(DEATH)), 1);
        assert_eq!(slot.rest(&job, 0, None), Rest::Nothing);
        assert_eq!(slot.lost(&job), Some(Lost { deaths: MAX_DEATHS as u32, last: DEATH }));
        let next = post(&slot, 2);
        assert_eq!((slot.retries(), slot.lost(&next), slot.claim_again(&next, 7)), (0, None, None));
    }

    #[test]
    fn a_kill_from_outside_leaves_the_chunk_to_whoever_comes() {
        let words = HeapWords::new(bytes_for(1));
        let slot = slot(&words);
        let job = post(&slot, 1);
        for _ in 0..10 {
            assert_eq!(slot.claim_chunk(&job, 0, 7), Claim::Mine);
            assert_eq!(slot.release(&(7..8), None), 1);
        }
        assert_eq!((slot.retries(), slot.rest(&job, 0, None)), (0, Rest::Chunk(0)));
        assert!(slot.complete(&job, 0, 0));
        assert_eq!(slot.rest(&job, 0, None), Rest::Nothing);
        // After a death by its own doing kills change nothing.
        let job = post(&slot, 1);
        assert_eq!(slot.claim(&job, 7, 0), Some(0));
        slot.release(&(7..8), Some(DEATH));
        for _ in 0..10 {
            assert_eq!(slot.claim_again(&job, 7), Some(0));
            slot.release(&(7..8), None);
        }
        assert_eq!(slot.claim_again(&job, 9), Some(0));
        assert!(slot.complete(&job, 0, 9));
        assert_eq!((slot.rest(&job, 0, None), slot.lost(&job)), (Rest::Nothing, None));
    }

    #[test]
    fn a_retry_that_nobody_can_take_is_given_up() {
        let words = HeapWords::new(bytes_for(3));
        let slot = slot(&words);
        let job = post(&slot, 3);
        for (chunk, me) in [(0, 7), (1, 8), (2, 9)] {
            assert_eq!(slot.claim(&job, me, 0), Some(chunk));
        }
        slot.release(&(7..9), Some(DEATH));
        // One gives it back.
        assert_eq!(slot.claim_again(&job, 7), Some(0));
        slot.give_back(&job, 0, 7);
        assert_eq!(slot.lost(&job).map(|lost| lost.deaths), Some(1));
        // The one that most engines died of is told, wherever it lies.
        assert_eq!(slot.claim_again(&job, 7), Some(1));
        slot.release(&(7..8), Some(DEATH));
        // What somebody holds is not given up.
        slot.give_up(&job);
        assert!(!slot.all_done(&job));
        assert_eq!(slot.lost(&job).map(|lost| lost.deaths), Some(2));
        assert!(slot.complete(&job, 2, 9));
        assert_eq!(slot.rest(&job, 0, None), Rest::Nothing);
    }
}
