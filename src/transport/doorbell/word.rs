//! The word under a doorbell: atomic, and one can sleep on it. In a segment, on the heap, or, under loom, in a model.

use std::sync::Arc;
use std::time::Duration;

use crate::transport::futex::{Waited, futex_wait, futex_wake};
use crate::transport::region::Region;
use crate::transport::sync::{AtomicU32, Ordering};

/// A 32-bit atomic word with the kernel's futex, or what stands in for it.
pub trait FutexWord: Clone + Send + Sync {
    /// Its value.
    fn load(&self, order: Ordering) -> u32;
    /// Adds; what it was before.
    fn fetch_add(&self, n: u32, order: Ordering) -> u32;
    /// Keeps the bits of a mask; what it was before.
    fn fetch_and(&self, mask: u32, order: Ordering) -> u32;
    /// Replaces it if it is `old`; otherwise gives what it is.
    fn replace(&self, old: u32, new: u32, success: Ordering, failure: Ordering) -> Result<u32, u32>;
    /// Sleeps while it is `expected`, until woken or for `timeout`. May end for no reason.
    fn wait(&self, expected: u32, timeout: Option<Duration>) -> Waited;
    /// Ends the sleep of all who sleep on it.
    fn wake_all(&self);
}

/// The first word of the region.
impl FutexWord for Region {
    #[inline]
    fn load(&self, order: Ordering) -> u32 {
        self.u32(0).load(order)
    }

    #[inline]
    fn fetch_add(&self, n: u32, order: Ordering) -> u32 {
        self.u32(0).fetch_add(n, order)
    }

    fn fetch_and(&self, mask: u32, order: Ordering) -> u32 {
        self.u32(0).fetch_and(mask, order)
    }

    fn replace(&self, old: u32, new: u32, success: Ordering, failure: Ordering) -> Result<u32, u32> {
        self.u32(0).compare_exchange(old, new, success, failure)
    }

    fn wait(&self, expected: u32, timeout: Option<Duration>) -> Waited {
        futex_wait(self.u32(0), expected, timeout)
    }

    fn wake_all(&self) {
        futex_wake(self.u32(0), u32::MAX);
    }
}

/// A word on the heap of one process, zero at first. Clones are the same word.
#[derive(Debug, Clone, Default)]
pub struct HeapWord(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    word: AtomicU32,
    /// Stands for the kernel's queue: the word is compared and the sleeper queued as one step, as the kernel does it.
    #[cfg(loom)]
    queue: (loom::sync::Mutex<()>, loom::sync::Condvar),
}

impl FutexWord for HeapWord {
    fn load(&self, order: Ordering) -> u32 {
        self.0.word.load(order)
    }

    fn fetch_add(&self, n: u32, order: Ordering) -> u32 {
        self.0.word.fetch_add(n, order)
    }

    fn fetch_and(&self, mask: u32, order: Ordering) -> u32 {
        self.0.word.fetch_and(mask, order)
    }

    fn replace(&self, old: u32, new: u32, success: Ordering, failure: Ordering) -> Result<u32, u32> {
        self.0.word.compare_exchange(old, new, success, failure)
    }

    #[cfg(not(loom))]
    fn wait(&self, expected: u32, timeout: Option<Duration>) -> Waited {
        futex_wait(&self.0.word, expected, timeout)
    }

    #[cfg(not(loom))]
    fn wake_all(&self) {
        futex_wake(&self.0.word, u32::MAX);
    }

    #[cfg(loom)]
    fn wait(&self, expected: u32, _timeout: Option<Duration>) -> Waited {
        let (lock, asleep) = &self.0.queue;
        let held = lock.lock().unwrap();
        if self.0.word.load(Ordering::Relaxed) == expected {
            drop(asleep.wait(held).unwrap());
        }
        Waited::Woken
    }

    #[cfg(loom)]
    fn wake_all(&self) {
        let (lock, asleep) = &self.0.queue;
        let _held = lock.lock().unwrap();
        asleep.notify_all();
    }
}
