//! Memory as 64-bit words that are touched atomically, wherever they live: in a segment, on the heap, or in a model.

use super::region::Region;
use super::sync::Ordering;

/// Atomic words by their offset in bytes. Offsets are multiples of 8 and in bounds: they are ours, never a peer's.
///
/// # Panics
/// Every method panics on an offset that is not.
pub trait Words: Clone + Send + Sync {
    /// Length in bytes.
    fn len(&self) -> usize;
    /// The word at `at`.
    fn load(&self, at: usize, order: Ordering) -> u64;
    /// Replaces the word at `at`.
    fn store(&self, at: usize, value: u64, order: Ordering);
    /// Replaces the word at `at` if it is `old`; otherwise gives what it is.
    fn replace(&self, at: usize, old: u64, new: u64, success: Ordering, failure: Ordering) -> Result<u64, u64>;
    /// Adds to the word at `at`; what it was before.
    fn fetch_add(&self, at: usize, n: u64, order: Ordering) -> u64;
    /// Sets the bits of a mask in the word at `at`; what it was before.
    fn fetch_or(&self, at: usize, mask: u64, order: Ordering) -> u64;
    /// Keeps the bits of a mask in the word at `at`; what it was before.
    fn fetch_and(&self, at: usize, mask: u64, order: Ordering) -> u64;
}

impl Words for Region {
    fn len(&self) -> usize {
        Region::len(self)
    }

    #[inline]
    fn load(&self, at: usize, order: Ordering) -> u64 {
        self.u64(at).load(order)
    }

    #[inline]
    fn store(&self, at: usize, value: u64, order: Ordering) {
        self.u64(at).store(value, order);
    }

    #[inline]
    fn replace(&self, at: usize, old: u64, new: u64, success: Ordering, failure: Ordering) -> Result<u64, u64> {
        self.u64(at).compare_exchange(old, new, success, failure)
    }

    #[inline]
    fn fetch_add(&self, at: usize, n: u64, order: Ordering) -> u64 {
        self.u64(at).fetch_add(n, order)
    }

    #[inline]
    fn fetch_or(&self, at: usize, mask: u64, order: Ordering) -> u64 {
        self.u64(at).fetch_or(mask, order)
    }

    #[inline]
    fn fetch_and(&self, at: usize, mask: u64, order: Ordering) -> u64 {
        self.u64(at).fetch_and(mask, order)
    }
}

/// Words on the heap of one process, all zero at first. Clones are the same words.
#[cfg(test)]
#[derive(Debug, Clone)]
pub struct HeapWords(std::sync::Arc<[super::sync::AtomicU64]>);

#[cfg(test)]
impl HeapWords {
    /// At least `bytes` of zeros.
    pub fn new(bytes: usize) -> HeapWords {
        HeapWords((0..bytes.div_ceil(8)).map(|_| super::sync::AtomicU64::new(0)).collect())
    }

    fn word(&self, at: usize) -> &super::sync::AtomicU64 {
        assert!(at.is_multiple_of(8));
        &self.0[at / 8]
    }
}

#[cfg(test)]
impl Words for HeapWords {
    fn len(&self) -> usize {
        self.0.len() * 8
    }

    #[inline]
    fn load(&self, at: usize, order: Ordering) -> u64 {
        self.word(at).load(order)
    }

    #[inline]
    fn store(&self, at: usize, value: u64, order: Ordering) {
        self.word(at).store(value, order);
    }

    #[inline]
    fn replace(&self, at: usize, old: u64, new: u64, success: Ordering, failure: Ordering) -> Result<u64, u64> {
        self.word(at).compare_exchange(old, new, success, failure)
    }

    #[inline]
    fn fetch_add(&self, at: usize, n: u64, order: Ordering) -> u64 {
        self.word(at).fetch_add(n, order)
    }

    #[inline]
    fn fetch_or(&self, at: usize, mask: u64, order: Ordering) -> u64 {
        self.word(at).fetch_or(mask, order)
    }

    #[inline]
    fn fetch_and(&self, at: usize, mask: u64, order: Ordering) -> u64 {
        self.word(at).fetch_and(mask, order)
    }
}
