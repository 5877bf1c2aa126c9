//! A counted reference that costs nothing to give up where it is the only one.
//!
//! `std`'s `Arc` also counts weak references, and so takes two atomic read-modify-writes to drop even the last handle. There are
//! no weak ones here: who holds the only reference may see so by a load, and nobody can make another meanwhile.

use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

struct Counted<T> {
    references: AtomicUsize,
    /// Whether there may be a second reference, or something else that the holder has marked. Loops over elements ask for each element whether
    /// theirs is the only reference: a plain load lets the compiler keep what it knows about other memory, which an atomic load does not.
    ///
    /// It is written through `&Shared` by atomic stores, and only by who finds `false` there. [`Shared::is_plainly_unique`] reads it through
    /// `&mut Shared` without an atomic load. No write is concurrent with that read: the borrowed reference itself cannot be used meanwhile,
    /// and any other reference descends from a clone that left `true`. It stays `true` until a holder finds itself the only one.
    marked: AtomicBool,
    value: T,
}

/// A reference to a value that others may refer to too; the last one drops it.
pub(crate) struct Shared<T>(NonNull<Counted<T>>);

// SAFETY: a reference gives `&T` to its thread, and `T` by value to the thread that drops the last one.
unsafe impl<T: Send + Sync> Send for Shared<T> {}
// SAFETY: as for `Send`; a `&Shared<T>` can be cloned.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}

impl<T> Shared<T> {
    #[inline]
    pub(crate) fn new(value: T) -> Shared<T> {
        Shared(NonNull::from(Box::leak(Box::new(Counted {
            references: AtomicUsize::new(1),
            marked: AtomicBool::new(false),
            value,
        }))))
    }

    #[inline]
    fn counted(&self) -> &Counted<T> {
        // SAFETY: made by `new` from a box, which lives as long as there is a reference; nobody has a mutable one.
        unsafe { self.0.as_ref() }
    }

    /// Whether this is the only reference. It stays so as long as the caller, who has it mutably, makes no other.
    #[inline]
    pub(crate) fn is_unique(&mut self) -> bool {
        // Acquire: what those did who have given up theirs comes before what the caller does now.
        self.is_plainly_unique() || self.was_unique()
    }

    /// Whether this is the only reference and nothing was marked since [`unmark`](Shared::unmark): a part of the cases in which it is the only one.
    #[inline(always)]
    pub(crate) fn is_plainly_unique(&mut self) -> bool {
        // SAFETY: the pointer is to a `bool` that lives as long as this reference. No thread writes it while this one is borrowed mutably (see
        // `marked`). The holders of former references wrote before they gave them up, and `unmark` has acquired that.
        unsafe { !*self.counted().marked.as_ptr() }
    }

    /// From now on [`is_plainly_unique`](Shared::is_plainly_unique) is false.
    #[inline]
    pub(super) fn mark(&self) {
        let marked = &self.counted().marked;
        if !marked.load(Ordering::Relaxed) {
            marked.store(true, Ordering::Relaxed);
        }
    }

    /// Forgets the mark, where this is the only reference; whether it is.
    pub(super) fn unmark(&mut self) -> bool {
        let unique = self.was_unique();
        if unique {
            self.counted().marked.store(false, Ordering::Relaxed);
        }
        unique
    }

    /// Whether this was the only reference a moment ago: another thread may have made one meanwhile.
    #[inline]
    pub(crate) fn was_unique(&self) -> bool {
        self.references() == 1
    }

    /// How many references there were a moment ago.
    #[inline]
    pub(crate) fn references(&self) -> usize {
        self.counted().references.load(Ordering::Acquire)
    }

    /// The value, to be changed, where this is the only reference.
    #[inline]
    pub(crate) fn get_mut(&mut self) -> Option<&mut T> {
        if !self.is_unique() {
            return None;
        }
        // SAFETY: made by `new` from a box, which lives as long as there is a reference; this is the only one, borrowed mutably.
        Some(unsafe { &mut self.0.as_mut().value })
    }
}

impl<T> Clone for Shared<T> {
    #[inline]
    fn clone(&self) -> Self {
        self.mark();
        // Relaxed: a new reference is made from one that is there, and passed on by means that order it.
        if self.counted().references.fetch_add(1, Ordering::Relaxed) > isize::MAX as usize {
            // Only by leaking them could there be so many: as in `Arc`, nothing sensible can come after this.
            std::process::abort();
        }
        Shared(self.0)
    }
}

impl<T> Drop for Shared<T> {
    #[inline]
    fn drop(&mut self) {
        // Release: what was done through this reference comes before the end of the value.
        if !self.is_unique() && self.counted().references.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        fence(Ordering::Acquire);
        // SAFETY: from a box; this was the last reference: either the count was 1, which nobody but its holder can raise, or
        // this brought it to 0.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.counted().value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn the_last_of_many_threads_drops_the_value_once() {
        for _ in 0..if cfg!(miri) { 3 } else { 300 } {
            let drops = Arc::new(AtomicUsize::new(0));
            struct Counting(Arc<AtomicUsize>);
            impl Drop for Counting {
                fn drop(&mut self) {
                    self.0.fetch_add(1, Ordering::Relaxed);
                }
            }
            let mut first = Shared::new(Counting(drops.clone()));
            assert!(first.is_unique());
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    let one = first.clone();
                    std::thread::spawn(move || drop((0..50).map(|_| one.clone()).collect::<Vec<_>>()))
                })
                .collect();
            assert_eq!(drops.load(Ordering::Relaxed), 0);
            drop(first);
            threads.into_iter().for_each(|thread| thread.join().expect("it only counts"));
            assert_eq!(drops.load(Ordering::Relaxed), 1);
        }
    }

    #[test]
    fn it_is_unique_again_when_the_others_are_gone() {
        let mut one = Shared::new(5);
        let other = one.clone();
        assert!(!one.is_unique() && one.get_mut().is_none());
        assert_eq!(*other + *one, 10);
        assert!(!one.is_plainly_unique() && !one.unmark());
        drop(other);
        assert!(one.is_unique() && !one.is_plainly_unique());
        assert!(one.unmark() && one.is_plainly_unique());
        *one.get_mut().expect("the only one") += 1;
        assert_eq!(*one, 6);
    }

    #[test]
    fn references_that_threads_make_of_one_leave_it_marked() {
        for _ in 0..if cfg!(miri) { 3 } else { 300 } {
            let mut first = Shared::new(7);
            std::thread::scope(|scope| {
                let handles: Vec<_> = (0..3).map(|_| scope.spawn(|| first.clone())).collect();
                let others: Vec<_> = handles.into_iter().map(|handle| handle.join().expect("it only clones")).collect();
                let mut others = others.into_iter();
                let mut last = others.next().expect("three were made");
                drop(others);
                assert!(!last.is_plainly_unique() && !last.is_unique());
            });
            assert!(!first.is_plainly_unique() && first.is_unique());
            assert!(first.unmark() && first.is_plainly_unique());
        }
    }
}
