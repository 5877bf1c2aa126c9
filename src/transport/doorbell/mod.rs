//! A doorbell: wakes who waits for something in shared memory, and costs one atomic operation when nobody sleeps.
//!
//! One 32-bit word: an epoch in the upper 31 bits, in the lowest whether somebody may be asleep. To ring is to add one to
//! the epoch, and only if the bit was set to clear it and make the system call. To wait is to note the epoch, look whether
//! the thing has happened, and if not to spin a little, then set the bit and sleep for as long as the word stays as noted.
//! Both facts lie in one word, so each ring comes before the bit was set (and the compare-and-swap that sets it fails) or
//! after (and the ring sees it): no ring is lost. A sleeper that dies costs one idle system call.
//!
//! Where one of several sleepers is enough, each has a doorbell to itself and is *roused*: [`Doorbell::rouse`] changes the word
//! only if its sleeper's bit is set, so that it costs a fence and a load to find somebody awake, and tells whether it found
//! somebody asleep. Since nothing is noted there of a ring that found nobody, the sleeper sets the bit first and looks after.
//!
//! Between noting an epoch and sleeping on it 2^31 rings would have to pass, exactly, to be taken for none.

mod word;

pub use word::FutexWord;
#[cfg(test)]
pub use word::HeapWord;

use std::time::{Duration, Instant};

use super::region::Region;
use super::sync::{Ordering, fence, relax};

pub use super::futex::Waited;

const SLEEPER: u32 = 1;
const RING: u32 = 2;

/// Looks between two looks at the clock while spinning.
const LOOKS: u32 = 32;

/// A doorbell on a word `W`. Clones ring and wait on the same one.
#[derive(Debug, Clone)]
pub struct Doorbell<W: FutexWord = Region> {
    word: W,
}

/// What a doorbell has come to; see [`Doorbell::epoch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Epoch(u32);

#[cfg(test)]
impl Doorbell<Region> {
    /// Bytes that a doorbell needs; it has a pair of cache lines to itself, so that ringing it disturbs nothing else.
    pub const BYTES: usize = 128;

    /// The doorbell at `at` of a region. Fresh, zeroed memory is a doorbell; nothing need be made.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::Error::InvalidArgument) when it does not lie in the region.
    pub fn at(region: &Region, at: usize) -> crate::Result<Doorbell> {
        Ok(Doorbell { word: region.window(at, Self::BYTES)? })
    }
}

#[cfg(test)]
impl Doorbell<HeapWord> {
    /// A doorbell on the heap, for the threads of one process.
    pub fn heap() -> Doorbell<HeapWord> {
        Doorbell { word: HeapWord::default() }
    }
}

impl<W: FutexWord> Doorbell<W> {
    /// The doorbell on a word; zero is a fresh one.
    #[inline]
    pub(crate) fn on(word: W) -> Doorbell<W> {
        Doorbell { word }
    }

    /// Wakes everybody who waits, and ends the next wait on any epoch noted before.
    #[inline]
    pub fn ring(&self) {
        // Release: who sees the new epoch sees what was done before the ring.
        if self.word.fetch_add(RING, Ordering::Release) & SLEEPER != 0 {
            self.wake();
        }
    }

    /// Sleeps until roused, if `idle` says once more that there is nothing to do, when whoever changes that from then on sees
    /// the sleeper. Any number may sleep in this way on one doorbell: to rouse wakes them all.
    pub(crate) fn sleep_while(&self, idle: impl FnOnce() -> bool, deadline: Option<Instant>) -> Waited {
        // Acquire: who roused before this was set did not see it, and is seen by it. Who rouses after it changes the epoch and
        // takes the bit back in one step, so that this value never comes again, whoever sets the bit next.
        let asleep = self.word.fetch_or(SLEEPER, Ordering::Acquire) | SLEEPER;
        fence(Ordering::SeqCst);
        // A bit that is left behind costs one idle system call.
        if idle() { self.doze(asleep, deadline) } else { Waited::Woken }
    }

    #[cold]
    fn wake(&self) {
        // Cleared before the wake: a sleeper that sets it again from here on either sleeps before the wake, which it hears,
        // or finds the word changed.
        self.word.fetch_and(!SLEEPER, Ordering::Relaxed);
        self.word.wake_all();
    }

    /// What the doorbell has come to. Note it *before* looking whether the thing waited for has happened.
    #[inline]
    pub fn epoch(&self) -> Epoch {
        Epoch(self.word.load(Ordering::Acquire) & !SLEEPER)
    }

    /// Waits until somebody rings after `epoch` was noted: spins for about `spin`, then sleeps.
    pub fn wait(&self, epoch: Epoch, spin: Duration, deadline: Option<Instant>) -> Waited {
        if spin_until(|| self.epoch() != epoch, spin) { Waited::Woken } else { self.sleep(epoch, deadline) }
    }

    /// Waits until `ready` says so: it is looked at while spinning for about `spin` and after each ring. Whoever makes it
    /// true rings afterwards. While this spins the doorbell's own memory is not touched, so a ring stays cheap.
    #[cfg(test)]
    pub fn wait_until(&self, mut ready: impl FnMut() -> bool, spin: Duration, deadline: Option<Instant>) -> Waited {
        if spin_until(&mut ready, spin) {
            return Waited::Woken;
        }
        loop {
            let epoch = self.epoch();
            if ready() {
                return Waited::Woken;
            }
            if self.sleep(epoch, deadline) == Waited::TimedOut {
                return if ready() { Waited::Woken } else { Waited::TimedOut };
            }
        }
    }

    /// Sleeps until somebody rings after `epoch` was noted.
    fn sleep(&self, epoch: Epoch, deadline: Option<Instant>) -> Waited {
        let asleep = epoch.0 | SLEEPER;
        loop {
            let now = self.word.load(Ordering::Acquire);
            if now & !SLEEPER != epoch.0 {
                return Waited::Woken;
            }
            if now != asleep && self.word.replace(now, asleep, Ordering::Relaxed, Ordering::Relaxed).is_err() {
                continue;
            }
            if self.doze(asleep, deadline) == Waited::TimedOut {
                return Waited::TimedOut;
            }
        }
    }

    /// Sleeps once. However it ends, the word decides: the caller looks at it again.
    fn doze(&self, asleep: u32, deadline: Option<Instant>) -> Waited {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left == Some(Duration::ZERO) {
            return Waited::TimedOut;
        }
        self.word.wait(asleep, left);
        Waited::Woken
    }

    /// Wakes who sleeps in [`sleep_unless`](Self::sleep_unless) or [`sleep_while`](Self::sleep_while); whether anybody did. Who is awake is told nothing, and finds
    /// what was there before this call when it looks, at the latest before it sleeps.
    #[inline]
    pub(crate) fn rouse(&self) -> bool {
        // With the fence of those two: either this sees the sleeper, or the sleeper sees what it is to be woken for.
        fence(Ordering::SeqCst);
        self.has_sleeper() && self.rouse_sleeper()
    }

    #[cold]
    fn rouse_sleeper(&self) -> bool {
        let mut now = self.word.load(Ordering::Relaxed);
        while now & SLEEPER != 0 {
            // The bit is taken back in the same step: who is on its way already is not counted on a second time.
            // Release: a sleeper that withdraws after this sees what it was woken for.
            let woken = (now & !SLEEPER).wrapping_add(RING);
            match self.word.replace(now, woken, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => {
                    self.word.wake_all();
                    return true;
                }
                Err(other) => now = other,
            }
        }
        false
    }

    /// Whether somebody sleeps, or is about to: a hint.
    #[inline]
    pub(crate) fn has_sleeper(&self) -> bool {
        self.word.load(Ordering::Relaxed) & SLEEPER != 0
    }

    /// Sleeps until rung or roused, unless `ready` says that there is something to do: it is asked once, when whoever makes
    /// it true from then on sees the sleeper. For a doorbell on which one thread alone sleeps, and always in this way.
    pub(crate) fn sleep_unless(&self, ready: impl FnOnce() -> bool, deadline: Option<Instant>) -> Waited {
        // Acquire: who rang before this was set did not see it, and is seen by it.
        let asleep = self.word.fetch_or(SLEEPER, Ordering::Acquire) | SLEEPER;
        fence(Ordering::SeqCst);
        let mut waited = Waited::Woken;
        if !ready() {
            // Any other value ends it, also that of a `ready` that withdrew and found nothing to do after all.
            while self.word.load(Ordering::Acquire) == asleep && waited == Waited::Woken {
                waited = self.doze(asleep, deadline);
            }
        }
        self.withdraw();
        waited
    }

    /// Says that who was about to sleep is busy instead: the next to be roused is somebody else.
    #[inline]
    pub(crate) fn withdraw(&self) {
        // Only the sleeper itself sets the bit, and this is called by it, or after its death.
        // Acquire: what it was roused for meanwhile, it sees from here on.
        if self.word.load(Ordering::Acquire) & SLEEPER != 0 {
            self.word.fetch_and(!SLEEPER, Ordering::Acquire);
        }
    }

    /// Rings that wake only when there have been `enough`: until then who is about to sleep looks again, and who sleeps
    /// sleeps on.
    #[inline]
    pub(crate) fn tally(&self, enough: u32) {
        let before = self.word.fetch_add(RING, Ordering::Release);
        if before & SLEEPER != 0 && before / RING + 1 >= enough {
            self.wake();
        }
    }

    /// Rings since [`restart`](Self::restart), of whatever kind.
    #[inline]
    pub(crate) fn rings(&self) -> u32 {
        self.word.load(Ordering::Acquire) / RING
    }

    /// Counts from zero again. Nobody may wait.
    #[inline]
    pub(crate) fn restart(&self) {
        self.word.store(0, Ordering::Relaxed);
    }
}

/// Looks at `ready` for about `spin`; whether it came true. The clock is looked at now and then only.
fn spin_until(mut ready: impl FnMut() -> bool, spin: Duration) -> bool {
    if ready() {
        return true;
    }
    if spin.is_zero() {
        return false;
    }
    let start = Instant::now();
    loop {
        for _ in 0..LOOKS {
            relax();
            if ready() {
                return true;
            }
        }
        if start.elapsed() >= spin {
            return false;
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
