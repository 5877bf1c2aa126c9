//! Which slots hold a job: a bit each, in one word that every participant looks at.

use std::sync::atomic::Ordering;

use super::SLOTS;
use crate::transport::words::Words;

const _: () = assert!(SLOTS < 64);

/// The word at `at`.
pub(super) struct Active<'a, W> {
    pub(super) words: &'a W,
    pub(super) at: usize,
}

impl<W: Words> Active<'_, W> {
    /// There is a job in `slot`. From here on either a participant that is about to sleep sees it, or
    /// [`has_sleeper`](crate::transport::doorbell::Doorbell::has_sleeper) of its bell sees that participant, without a fence.
    pub(super) fn insert(&self, slot: usize) {
        // Both sides change this word, so one comes first, and the other sees what it had done before.
        self.words.fetch_or(self.at, 1 << slot, Ordering::AcqRel);
    }

    /// There is none in `slot` any more.
    pub(super) fn remove(&self, slot: usize) {
        self.words.fetch_and(self.at, !(1 << slot), Ordering::AcqRel);
    }

    /// The slots, a bit each.
    pub(super) fn slots(&self) -> u64 {
        self.words.load(self.at, Ordering::Acquire) & ((1 << SLOTS) - 1)
    }

    /// The slots, for a participant that has said that it is about to sleep: see [`insert`](Self::insert).
    pub(super) fn slots_before_sleep(&self) -> u64 {
        self.words.fetch_or(self.at, 0, Ordering::AcqRel) & ((1 << SLOTS) - 1)
    }
}
