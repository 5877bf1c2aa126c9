//! The table of leases that an endpoint shares with one peer, and the word in which the peer says which of them it uses.
//!
//! The owner grants and withdraws entries; the peer, which copies by itself, *enters* a lease before it copies and *leaves* it
//! after that. A withdrawn lease is refused from then on, and [`LeaseTable::is_used`] says whether a copy under it still runs:
//! until it does not, the owner keeps the memory and the slot. This is a hazard pointer of one word, since an endpoint copies
//! one piece at a time. A peer that dies in between leaves its word as it was: whoever knows of the death ignores it.
//!
//! The model in `transport/loom.rs` checks it over every interleaving.

use super::sync::{Ordering, fence};
use super::words::Words;

// Offsets: the peer's word has a cache line to itself, the entries follow.
const IN_USE: usize = 0;
const ENTRIES: usize = 64;

const ENTRY_BYTES: usize = 32;
const KEY: usize = 0;
const BASE: usize = 8;
const LEN: usize = 16;
const RIGHTS: usize = 24;

/// A lease as the owner knows it. The slot of a key is its remainder by the number of slots; no key is used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Not zero.
    pub(crate) key: u64,
    /// Where the memory begins, in the owner's terms.
    pub(crate) base: u64,
    /// Its length in bytes.
    pub(crate) len: u64,
    /// What the peer may do, in the owner's terms.
    pub(crate) rights: u64,
}

/// Entries and the peer's word, in zeroed memory that both sides map.
#[derive(Debug, Clone)]
pub(crate) struct LeaseTable<W: Words> {
    words: W,
    slots: usize,
}

impl<W: Words> LeaseTable<W> {
    /// Bytes of a table with so many slots, a multiple of 32.
    pub(crate) const fn bytes_for(slots: usize) -> usize {
        ENTRIES + slots * ENTRY_BYTES
    }

    /// The table in `words`, with as many slots as they hold.
    ///
    /// # Panics
    /// When they hold no slot.
    pub(crate) fn over(words: W) -> LeaseTable<W> {
        let slots = words.len().saturating_sub(ENTRIES) / ENTRY_BYTES;
        assert!(slots > 0, "a lease table in {} bytes", words.len());
        LeaseTable { words, slots }
    }

    fn entry(&self, key: u64) -> usize {
        ENTRIES + (key % self.slots as u64) as usize * ENTRY_BYTES
    }

    /// The owner's: puts an entry into its slot, which is empty and not in use.
    pub(crate) fn grant(&self, entry: Entry) {
        let at = self.entry(entry.key);
        self.words.store(at + BASE, entry.base, Ordering::Relaxed);
        self.words.store(at + LEN, entry.len, Ordering::Relaxed);
        self.words.store(at + RIGHTS, entry.rights, Ordering::Relaxed);
        // Release: who finds the key finds the rest of the entry.
        self.words.store(at + KEY, entry.key, Ordering::Release);
    }

    /// The owner's: empties the slot of a key, so that nobody enters it from here on.
    pub(crate) fn withdraw(&self, key: u64) {
        // Release: who finds the slot empty finds what was said before, that the owner closes for example.
        self.words.store(self.entry(key) + KEY, 0, Ordering::Release);
        // With the fence of `enter`: either the peer finds the slot empty, or `is_used` finds the peer.
        fence(Ordering::SeqCst);
    }

    /// The owner's, after [`withdraw`](Self::withdraw): whether the peer still copies under the key.
    pub(crate) fn is_used(&self, key: u64) -> bool {
        // Acquire: what the peer copied under the key comes before what the owner does with the memory and the slot.
        self.words.load(IN_USE, Ordering::Acquire) == key
    }

    /// The peer's: begins a copy under a key. `None` when the owner has not granted it or has withdrawn it.
    pub(crate) fn enter(&self, key: u64) -> Option<Entry> {
        if key == 0 {
            return None;
        }
        // Release, as in `leave`: a key that replaces an earlier one ends the copy under that.
        self.words.store(IN_USE, key, Ordering::Release);
        fence(Ordering::SeqCst);
        let at = self.entry(key);
        if self.words.load(at + KEY, Ordering::Acquire) != key {
            self.leave();
            return None;
        }
        // The owner leaves the slot as it is until `leave`, so these belong to the key.
        let word = |offset| self.words.load(at + offset, Ordering::Relaxed);
        Some(Entry { key, base: word(BASE), len: word(LEN), rights: word(RIGHTS) })
    }

    /// The peer's: ends the copy.
    pub(crate) fn leave(&self) {
        self.words.store(IN_USE, 0, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::transport::words::HeapWords;

    fn table(slots: usize) -> LeaseTable<HeapWords> {
        LeaseTable::over(HeapWords::new(LeaseTable::<HeapWords>::bytes_for(slots)))
    }

    fn entry(key: u64) -> Entry {
        Entry { key, base: key + 1, len: key + 2, rights: key + 3 }
    }

    #[test]
    fn a_key_is_found_from_grant_to_withdrawal_and_no_other_key_of_its_slot_is() {
        let table = table(4);
        assert_eq!(table.enter(5), None);
        table.grant(entry(5));
        table.grant(entry(7));
        for key in [5, 7] {
            assert_eq!(table.enter(key), Some(entry(key)));
            table.leave();
        }
        for key in [0, 1, 4, 6, 9, 5 + (1 << 40)] {
            assert_eq!(table.enter(key), None, "{key}");
            assert!(!table.is_used(key) || key == 0);
        }
        table.withdraw(5);
        assert_eq!(table.enter(5), None);
        table.grant(entry(9));
        assert_eq!(table.enter(5), None);
        assert_eq!(table.enter(9), Some(entry(9)));
    }

    #[test]
    fn a_lease_that_is_withdrawn_under_a_copy_is_in_use_until_the_copy_ends() {
        let table = table(2);
        table.grant(entry(2));
        table.grant(entry(3));
        assert!(table.enter(2).is_some());
        table.withdraw(2);
        table.withdraw(3);
        assert!(table.is_used(2) && !table.is_used(3));
        table.leave();
        assert!(!table.is_used(2));
    }
}
