//! What live blocks hold, and arrays outside of the pool, now and at the most: exact, and nearly free for the thread that counts.
//!
//! Each thread counts small blocks for itself, without an atomic read-modify-write, and adds what has come together to
//! the common count now and then. The sum over all is exact whenever no thread is just allocating. The peak is exact for
//! one thread; of several, each may add up to [`FLUSH`] bytes that it held at another moment than the others.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicI64, Ordering::Relaxed},
};

/// Bytes that a thread counts for itself at most.
const FLUSH: i64 = 64 << 10;

/// The common count of a pool.
#[derive(Debug, Default)]
pub(super) struct Account {
    common: AtomicI64,
    peak: AtomicI64,
    /// The part of `common` that lies outside of the pool.
    outside: AtomicI64,
    counters: Mutex<Vec<Arc<Counter>>>,
}

/// What one thread has counted since it last added to the common count, and the most that this was: written by that
/// thread alone, but for a reset of the peak.
#[derive(Debug, Default)]
pub(super) struct Counter {
    net: AtomicI64,
    high: AtomicI64,
    /// The part of `net` that lies outside of the pool.
    outside: AtomicI64,
}

impl Account {
    /// A counter for the calling thread.
    pub(super) fn join(&self) -> Arc<Counter> {
        let counter = Arc::new(Counter::default());
        self.counters().push(Arc::clone(&counter));
        counter
    }

    /// The end of a thread's counter.
    pub(super) fn leave(&self, counter: &Arc<Counter>) {
        let mut counters = self.counters();
        counter.flush(self);
        counters.retain(|other| !Arc::ptr_eq(other, counter));
    }

    /// Counts at once, for what is too large to be gathered by thread (negative when it is given back).
    pub(super) fn add(&self, bytes: i64) {
        self.raise(bytes, bytes);
    }

    /// As [`add`](Account::add), for memory outside of the pool.
    pub(super) fn add_outside(&self, bytes: i64) {
        self.outside.fetch_add(bytes, Relaxed);
        self.add(bytes);
    }

    fn raise(&self, net: i64, high: i64) {
        let before = self.common.fetch_add(net, Relaxed);
        self.peak.fetch_max(before + high, Relaxed);
    }

    /// Bytes of arrays that lie outside of the pool.
    pub(super) fn outside(&self) -> u64 {
        let counters = self.counters();
        let gathered: i64 = counters.iter().map(|counter| counter.outside.load(Relaxed)).sum();
        u64::try_from(self.outside.load(Relaxed) + gathered).unwrap_or(0)
    }

    /// Bytes that live blocks and arrays outside of the pool hold.
    pub(super) fn in_use(&self) -> u64 {
        let counters = self.counters();
        let gathered: i64 = counters.iter().map(|counter| counter.net.load(Relaxed)).sum();
        u64::try_from(self.common.load(Relaxed) + gathered).unwrap_or(0)
    }

    /// The most that they held.
    pub(super) fn peak(&self) -> u64 {
        let counters = self.counters();
        let gathered: i64 = counters.iter().map(|counter| counter.high.load(Relaxed)).sum();
        let now = self.common.load(Relaxed) + gathered;
        u64::try_from(self.peak.fetch_max(now, Relaxed).max(now)).unwrap_or(0)
    }

    /// The peak begins anew at what is held now.
    pub(super) fn reset_peak(&self) {
        let counters = self.counters();
        let mut now = self.common.load(Relaxed);
        for counter in counters.iter() {
            let net = counter.net.load(Relaxed);
            counter.high.store(net, Relaxed);
            now += net;
        }
        self.peak.store(now, Relaxed);
    }

    fn counters(&self) -> MutexGuard<'_, Vec<Arc<Counter>>> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counter {
    #[inline]
    pub(super) fn add(&self, bytes: usize, account: &Account) {
        let net = self.net.load(Relaxed) + bytes as i64;
        self.net.store(net, Relaxed);
        if net > self.high.load(Relaxed) {
            self.high.store(net, Relaxed);
            if net >= FLUSH {
                self.flush(account);
            }
        }
    }

    #[inline]
    pub(super) fn sub(&self, bytes: usize, account: &Account) {
        let net = self.net.load(Relaxed) - bytes as i64;
        self.net.store(net, Relaxed);
        if net <= -FLUSH {
            self.flush(account);
        }
    }

    /// Counts memory outside of the pool (negative when it ends).
    #[inline]
    pub(super) fn add_outside(&self, bytes: i64, account: &Account) {
        let outside = self.outside.load(Relaxed) + bytes;
        self.outside.store(outside, Relaxed);
        match usize::try_from(bytes) {
            Ok(more) => self.add(more, account),
            Err(_) => self.sub(bytes.unsigned_abs() as usize, account),
        }
        if outside.abs() >= FLUSH {
            self.flush(account);
        }
    }

    /// Adds what has come together to the common count.
    #[cold]
    pub(super) fn flush(&self, account: &Account) {
        let (net, high) = (self.net.load(Relaxed), self.high.load(Relaxed));
        let outside = self.outside.load(Relaxed);
        self.net.store(0, Relaxed);
        self.high.store(0, Relaxed);
        self.outside.store(0, Relaxed);
        account.outside.fetch_add(outside, Relaxed);
        account.raise(net, high);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thread_is_counted_exactly() {
        let account = Account::default();
        let counter = account.join();
        let (mut held, mut most) = (0, 0);
        for step in 0..10_000usize {
            if step % 7 < 4 {
                counter.add(step, &account);
                held += step;
            } else {
                counter.sub(step - 3, &account);
                held -= step - 3;
            }
            most = most.max(held);
            if step % 13 == 0 {
                counter.flush(&account);
                account.add(1 << 20);
                most = most.max(held + (1 << 20));
                account.add(-1 << 20);
            }
            assert_eq!((account.in_use(), account.peak()), (held as u64, most as u64), "step {step}");
        }
        for _ in 0..2 {
            account.reset_peak();
            assert_eq!(account.peak(), held as u64);
            counter.sub(1000, &account);
            held -= 1000;
        }
        account.reset_peak();
        account.leave(&counter);
        assert_eq!((account.in_use(), account.peak()), (held as u64, held as u64));
    }

    #[test]
    fn memory_outside_of_the_pool_is_in_use_too() {
        let account = Account::default();
        let counter = account.join();
        let mut held = [0i64; 2];
        for step in 0..10_000 {
            let bytes = step % 50 * 3000;
            counter.add_outside(bytes, &account);
            // As much leaves the pool, so that what is gathered of both stays small.
            counter.sub(1000, &account);
            held = [held[0] + bytes, held[1] - 1000];
            if step % 50 == 49 {
                counter.add_outside(-held[0] / 2, &account);
                held[0] -= held[0] / 2;
                account.add_outside(7);
                counter.add(50_000, &account);
                held = [held[0] + 7, 0];
            }
            let [outside, inside] = held;
            assert_eq!((account.outside(), account.in_use()), (outside as u64, (outside + inside).max(0) as u64));
        }
        let most = account.peak();
        assert!(most >= account.in_use());
        account.leave(&counter);
        assert_eq!((account.outside(), account.in_use()), (held[0] as u64, held[0] as u64));
    }
}
