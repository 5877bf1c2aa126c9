//! The atomics that the lock-free protocols of this layer stand on: std's, or loom's while `ci/loom` checks the models.

#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicU32, AtomicU64, fence};
#[cfg(all(test, not(loom)))]
pub(super) use std::sync::atomic::AtomicU32;
#[cfg(not(loom))]
pub(super) use std::sync::atomic::{AtomicU64, fence};

pub(super) use std::sync::atomic::Ordering;

/// Tells the processor, or the model, that this thread waits for another one.
pub(super) fn relax() {
    #[cfg(loom)]
    loom::thread::yield_now();
    #[cfg(not(loom))]
    std::hint::spin_loop();
}
