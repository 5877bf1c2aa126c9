//! What one unit hands to the next: the value that everything before it is joined to.
//!
//! Units are begun in order, so that the one before has always been begun, and a unit hands on what it has as soon as its own
//! elements are joined, before it writes results: threads wait for each other hardly ever.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Room for an accumulator of any type.
type Slot = UnsafeCell<[u64; 2]>;

/// Rounds of waiting before the thread lets others run.
const SPINS: u32 = 1 << 12;

/// The accumulators that units hand on.
#[derive(Debug)]
pub struct Chain {
    slots: Box<[Slot]>,
    ready: Box<[AtomicBool]>,
    each: usize,
    next: AtomicUsize,
    broken: AtomicBool,
}

// SAFETY: a slot is written by the one thread that has begun its unit, before it says so in `ready` (release), and read by
// others after they have seen that (acquire).
unsafe impl Sync for Chain {}

impl Chain {
    /// For `units` units that hand on `each` accumulators.
    pub(super) fn new(units: usize, each: usize) -> Chain {
        Chain {
            slots: (0..units * each).map(|_| UnsafeCell::new([0; 2])).collect(),
            ready: (0..units).map(|_| AtomicBool::new(false)).collect(),
            each,
            next: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
        }
    }

    /// The next unit to begin.
    pub fn begin(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Waits for what a unit hands on.
    ///
    /// # Panics
    ///
    /// Where another unit has.
    pub(super) fn wait(&self, unit: usize) -> *const u8 {
        let mut spins = 0;
        while !self.ready[unit].load(Ordering::Acquire) {
            assert!(!self.broken.load(Ordering::Relaxed), "the unit before has failed");
            spins += 1;
            if spins % SPINS == 0 { std::thread::yield_now() } else { std::hint::spin_loop() }
        }
        self.slots[unit * self.each].get().cast()
    }

    /// Where a unit puts what it hands on, which only it may do.
    pub(super) fn slot(&self, unit: usize) -> *mut u8 {
        self.slots[unit * self.each..][..self.each].as_ptr().cast_mut().cast()
    }

    /// Hands it on.
    pub(super) fn hand_on(&self, unit: usize) {
        self.ready[unit].store(true, Ordering::Release);
    }

    /// Frees those who wait, where the thread that holds this panics.
    pub(super) fn guard(&self) -> Guard<'_> {
        Guard(&self.broken)
    }
}

/// See [`Chain::guard`].
pub(super) struct Guard<'a>(&'a AtomicBool);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}
