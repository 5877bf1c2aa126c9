//! The pairwise tree of accumulators: equal neighbours are joined as they come, and what is left over from the right.
//!
//! Any run of a power of two of leaves that begins on a multiple of it is a subtree, so a part that is one can be joined apart.

use super::join::Join;
use std::mem::MaybeUninit;

/// Subtrees that wait for their neighbour: one for each bit of the number of leaves.
pub(super) struct Tree<J: Join> {
    waiting: [MaybeUninit<J::Acc>; usize::BITS as usize],
    depth: usize,
    leaves: usize,
}

impl<J: Join> Tree<J> {
    #[inline(always)]
    pub fn new() -> Self {
        Tree { waiting: [MaybeUninit::uninit(); usize::BITS as usize], depth: 0, leaves: 0 }
    }

    /// The last subtree, taken off.
    #[inline(always)]
    fn pop(&mut self) -> J::Acc {
        assert!(self.depth > 0, "a tree without leaves");
        self.depth -= 1;
        // SAFETY: places below `depth` were written by `push`.
        unsafe { self.waiting[self.depth].assume_init() }
    }

    /// Adds the next leaf.
    #[inline(always)]
    pub fn push(&mut self, mut leaf: J::Acc) {
        for _ in 0..self.leaves.trailing_ones() {
            leaf = J::join(self.pop(), leaf);
        }
        self.waiting[self.depth].write(leaf);
        self.depth += 1;
        self.leaves += 1;
    }

    /// The whole.
    ///
    /// # Panics
    ///
    /// Where there was no leaf.
    #[inline(always)]
    pub fn complete(mut self) -> J::Acc {
        let mut whole = self.pop();
        while self.depth > 0 {
            whole = J::join(self.pop(), whole);
        }
        whole
    }
}
