//! What one unit of a scan hands to those behind it: the totals of its own elements, and the value that everything up to its end is
//! joined to.
//!
//! A unit tells its totals as soon as it has them, and what comes after it as soon as it knows what comes before. Units that follow
//! take what they need from the last one that has told it, and compute again what nobody has told in time. So no unit has to wait for one
//! whose process is gone, and all that is told twice is told with the same bits.

use crate::work::protocol::Room;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long a unit looks for what those before it tell: a unit takes some 100 µs.
const PATIENCE: Duration = Duration::from_micros(200);
/// Looks between two at the clock.
const LOOKS: u32 = 64;

/// States of a unit, each with what was told before.
const TOTALS: u64 = 1;
const CARRIES: u64 = 2;

/// The room of a scan's units, all words of which are touched as atomics only.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chain<'a> {
    words: &'a [AtomicU64],
    units: usize,
    /// Words that one kind of values of a unit takes.
    each: usize,
}

/// Time that is left to wait.
pub(super) struct Patience {
    until: Option<Instant>,
}

impl Patience {
    pub fn new() -> Patience {
        Patience { until: None }
    }

    /// Whether there is time for some more looks.
    fn lasts(&mut self) -> bool {
        let now = Instant::now();
        now < *self.until.get_or_insert(now + PATIENCE)
    }
}

impl<'a> Chain<'a> {
    /// Bytes of the room for `units` units that hand on `each` accumulators of at most 16 bytes, and of their states, which begin as zero.
    pub fn bytes(units: usize, each: usize) -> (usize, usize) {
        (8 * units * (1 + 4 * each), 8 * units)
    }

    /// In this room, which is as long as [`Chain::bytes`] says.
    ///
    /// # Panics
    ///
    /// Where it is not.
    pub fn new(room: &'a Room, units: usize, each: usize) -> Chain<'a> {
        let (bytes, _) = Chain::bytes(units, each);
        assert!(room.len >= bytes && room.at.addr().is_multiple_of(8), "{} bytes for {bytes} of a chain", room.len);
        // SAFETY: the room is valid and aligned for as many words (contract of `Work::run`, the length is asserted); while a scan runs
        // they are touched as atomics only, by this type, in every process.
        let words = unsafe { std::slice::from_raw_parts(room.at.cast::<AtomicU64>(), bytes / 8) };
        Chain { words, units, each: 2 * each }
    }

    /// Words of a unit's totals, or carries.
    fn values(&self, unit: usize, state: u64) -> &'a [AtomicU64] {
        let start = self.units + (2 * unit + (state - 1) as usize) * self.each;
        &self.words[start..start + self.each]
    }

    /// # Safety
    ///
    /// `bytes` bytes at `values`, rounded up to whole words, may be read.
    unsafe fn tell(&self, unit: usize, state: u64, values: *const u8, bytes: usize) {
        let told = &self.values(unit, state)[..bytes.div_ceil(8)];
        for (nth, word) in told.iter().enumerate() {
            // SAFETY: a word of the values (contract).
            word.store(unsafe { values.cast::<u64>().add(nth).read_unaligned() }, Ordering::Relaxed);
        }
        // Release: who sees the state sees the values.
        self.words[unit].fetch_max(state, Ordering::Release);
    }

    /// Tells the totals of a unit.
    ///
    /// # Safety
    ///
    /// `bytes` bytes at `values`, rounded up to whole words, may be read.
    pub unsafe fn tell_totals(&self, unit: usize, values: *const u8, bytes: usize) {
        // SAFETY: the caller's promise.
        unsafe { self.tell(unit, TOTALS, values, bytes) }
    }

    /// Tells what comes after a unit.
    ///
    /// # Safety
    ///
    /// As [`Chain::tell_totals`].
    pub unsafe fn tell_carries(&self, unit: usize, values: *const u8, bytes: usize) {
        // SAFETY: the caller's promise.
        unsafe { self.tell(unit, CARRIES, values, bytes) }
    }

    /// What comes after a unit, where it tells that while there is patience; with none left, where it has told.
    pub fn carries(&self, unit: usize, to: &mut [u64], bytes: usize, patience: &mut Patience) -> Option<()> {
        loop {
            for _ in 0..LOOKS {
                // Acquire: the values are seen too.
                if self.words[unit].load(Ordering::Acquire) >= CARRIES {
                    let values = self.values(unit, CARRIES).iter().take(bytes.div_ceil(8));
                    to.iter_mut().zip(values).for_each(|(to, word)| *to = word.load(Ordering::Relaxed));
                    return Some(());
                }
                std::hint::spin_loop();
            }
            if !patience.lasts() {
                return None;
            }
        }
    }

    /// The totals of a unit, if it has told them.
    ///
    /// # Safety
    ///
    /// `to` takes `bytes` bytes, rounded up to whole words.
    pub unsafe fn totals(&self, unit: usize, to: *mut u8, bytes: usize) -> bool {
        if self.words[unit].load(Ordering::Acquire) < TOTALS {
            return false;
        }
        for (nth, word) in self.values(unit, TOTALS).iter().take(bytes.div_ceil(8)).enumerate() {
            // SAFETY: a word of `to` (contract).
            unsafe { to.cast::<u64>().add(nth).write_unaligned(word.load(Ordering::Relaxed)) }
        }
        true
    }
}
