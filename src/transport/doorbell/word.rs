//! The word under a doorbell: atomic, and one can sleep on it. In a segment, on the heap, or, under loom, in a model.

// Never loom's: what the kernel sleeps on is no model.
use std::sync::atomic::AtomicU32 as SharedU32;
use std::time::Duration;

use crate::transport::futex::{Waited, futex_wait, futex_wake};
use crate::transport::region::Region;
use crate::transport::sync::Ordering;

/// A 32-bit atomic word with the kernel's futex, or what stands in for it.
pub trait FutexWord: Clone + Send + Sync {
    /// Its value.
    fn load(&self, order: Ordering) -> u32;
    /// Replaces it.
    fn store(&self, value: u32, order: Ordering);
    /// Adds; what it was before.
    fn fetch_add(&self, n: u32, order: Ordering) -> u32;
    /// Keeps the bits of a mask; what it was before.
    fn fetch_and(&self, mask: u32, order: Ordering) -> u32;
    /// Sets the bits of a mask; what it was before.
    fn fetch_or(&self, mask: u32, order: Ordering) -> u32;
    /// Replaces it if it is `old`; otherwise gives what it is.
    fn replace(&self, old: u32, new: u32, success: Ordering, failure: Ordering) -> Result<u32, u32>;
    /// Sleeps while it is `expected`, until woken or for `timeout`. May end for no reason.
    fn wait(&self, expected: u32, timeout: Option<Duration>) -> Waited;
    /// Ends the sleep of all who sleep on it.
    fn wake_all(&self);
}

/// The methods of [`FutexWord`] that are those of an atomic word, which `$word` is.
macro_rules! atomic {
    ($self:ident => $word:expr) => {
        #[inline]
        fn load(&$self, order: Ordering) -> u32 {
            $word.load(order)
        }

        #[inline]
        fn store(&$self, value: u32, order: Ordering) {
            $word.store(value, order);
        }

        #[inline]
        fn fetch_add(&$self, n: u32, order: Ordering) -> u32 {
            $word.fetch_add(n, order)
        }

        #[inline]
        fn fetch_and(&$self, mask: u32, order: Ordering) -> u32 {
            $word.fetch_and(mask, order)
        }

        #[inline]
        fn fetch_or(&$self, mask: u32, order: Ordering) -> u32 {
            $word.fetch_or(mask, order)
        }

        #[inline]
        fn replace(&$self, old: u32, new: u32, success: Ordering, failure: Ordering) -> Result<u32, u32> {
            $word.compare_exchange(old, new, success, failure)
        }
    };
}

/// The first word of the region.
impl FutexWord for Region {
    atomic!(self => self.u32(0));

    fn wait(&self, expected: u32, timeout: Option<Duration>) -> Waited {
        futex_wait(self.u32(0), expected, timeout)
    }

    fn wake_all(&self) {
        futex_wake(self.u32(0), u32::MAX);
    }
}

/// A word of a segment, while somebody else keeps it mapped.
impl FutexWord for &SharedU32 {
    atomic!(self => (**self));

    fn wait(&self, expected: u32, timeout: Option<Duration>) -> Waited {
        futex_wait(self, expected, timeout)
    }

    fn wake_all(&self) {
        futex_wake(self, u32::MAX);
    }
}

/// A word on the heap of one process, zero at first. Clones are the same word.
#[cfg(test)]
#[derive(Debug, Clone, Default)]
pub struct HeapWord(std::sync::Arc<Inner>);

#[cfg(test)]
#[derive(Debug, Default)]
struct Inner {
    word: crate::transport::sync::AtomicU32,
    /// Stands for the kernel's queue: the word is compared and the sleeper queued as one step, as the kernel does it.
    #[cfg(loom)]
    queue: (loom::sync::Mutex<()>, loom::sync::Condvar),
}

#[cfg(test)]
impl FutexWord for HeapWord {
    atomic!(self => self.0.word);

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
