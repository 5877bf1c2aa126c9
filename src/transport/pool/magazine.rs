//! Small blocks that a thread keeps for itself, so that making and dropping a small array takes no lock.
//!
//! A block goes to the magazine of the thread that drops it, whoever made it. A full magazine gives its older half to the
//! pool, an empty one takes as much from it, and a thread that ends gives everything back.

use std::{
    cell::RefCell,
    sync::{Arc, Weak},
};

use super::{
    account::Counter,
    class::{CLASSES, magazine_room, size_of_class},
    growth::Core,
};

thread_local! {
    /// The calling thread's magazines, one set for each pool that it has used, the latest first.
    static MAGAZINES_HERE: RefCell<Vec<Set>> = const { RefCell::new(Vec::new()) };
}

/// A thread's magazines for one pool.
struct Set {
    core: Weak<Core>,
    counter: Arc<Counter>,
    magazines: Box<[Vec<u64>; CLASSES]>,
}

impl Set {
    fn new(core: &Arc<Core>) -> Set {
        let magazines = Box::new(std::array::from_fn(|class| Vec::with_capacity(magazine_room(class))));
        Set { core: Arc::downgrade(core), counter: core.account.join(), magazines }
    }

    fn give_back(&mut self, core: &Core) {
        self.counter.flush(&core.account);
        for (class, blocks) in self.magazines.iter_mut().enumerate().filter(|(_, blocks)| !blocks.is_empty()) {
            core.slabs(class).put(blocks.drain(..));
        }
    }
}

impl Drop for Set {
    fn drop(&mut self) {
        if let Some(core) = self.core.upgrade()
            && core.home.is_here()
        {
            self.give_back(&core);
            core.account.leave(&self.counter);
        }
    }
}

/// Runs `f` on the calling thread's magazines for a pool; `None` while the thread's own data are being torn down.
#[inline]
fn with<R>(core: &Arc<Core>, f: impl FnOnce(&mut Set) -> R) -> Option<R> {
    MAGAZINES_HERE
        .try_with(|sets| {
            let mut sets = sets.borrow_mut();
            if sets.first().is_none_or(|set| !std::ptr::eq(set.core.as_ptr(), Arc::as_ptr(core))) {
                bring_forward(&mut sets, core);
            }
            f(&mut sets[0])
        })
        .ok()
}

#[cold]
fn bring_forward(sets: &mut Vec<Set>, core: &Arc<Core>) {
    // A pool that is gone keeps its address as long as a set here refers to it, so that no other is taken for it.
    sets.retain(|set| set.core.strong_count() > 0);
    let known = sets.iter().position(|set| std::ptr::eq(set.core.as_ptr(), Arc::as_ptr(core)));
    let index = known.unwrap_or_else(|| {
        sets.push(Set::new(core));
        sets.len() - 1
    });
    sets.swap(0, index);
}

/// A block of a class that this thread kept. Not inlined, so that its callers are small enough to be: a block that is put
/// together where it is wanted never passes through memory.
#[inline(never)]
pub(super) fn pop(core: &Arc<Core>, class: usize) -> Option<u64> {
    with(core, |set| {
        let block = set.magazines[class].pop()?;
        set.counter.add(size_of_class(class), &core.account);
        Some(block)
    })
    .flatten()
}

/// Keeps a block that was dropped. False when this thread can keep nothing any more.
#[inline(never)]
pub(super) fn push(core: &Arc<Core>, class: usize, block: u64) -> bool {
    with(core, |set| {
        let magazine = &mut set.magazines[class];
        if magazine.len() >= magazine_room(class) {
            spill(core, class, magazine);
        }
        magazine.push(block);
        set.counter.sub(size_of_class(class), &core.account);
    })
    .is_some()
}

#[cold]
fn spill(core: &Core, class: usize, magazine: &mut Vec<u64>) {
    let older = magazine.len().div_ceil(2);
    core.slabs(class).put(magazine.drain(..older));
}

/// Keeps blocks that were taken from the pool for this thread; gives back those that it cannot keep.
pub(super) fn stock(core: &Arc<Core>, class: usize, blocks: &mut Vec<u64>) {
    with(core, |set| {
        let magazine = &mut set.magazines[class];
        let room = magazine_room(class).saturating_sub(magazine.len()).min(blocks.len());
        magazine.extend(blocks.drain(blocks.len() - room..));
    });
    if !blocks.is_empty() {
        core.slabs(class).put(blocks.drain(..));
    }
}

/// Gives all that this thread keeps back to the pool.
pub(super) fn empty(core: &Arc<Core>) {
    with(core, |set| set.give_back(core));
}

/// Counts memory outside of the pool, negative when it ends.
#[inline(never)]
pub(super) fn count_outside(core: &Arc<Core>, bytes: i64) {
    if with(core, |set| set.counter.add_outside(bytes, &core.account)).is_none() {
        core.account.add_outside(bytes);
    }
}

/// Adds what this thread has counted to the pool's account.
pub(super) fn flush_counter(core: &Arc<Core>) {
    with(core, |set| set.counter.flush(&core.account));
}
