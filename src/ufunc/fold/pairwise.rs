//! The pairwise tree: equal neighbours are merged as they come, and what is left over from the right.
//!
//! Any run of a power of two of leaves that begins on a multiple of it is a subtree, so a chunk that is one merges alone.

use super::state::{Method, State};
use crate::simd::Isa;
use crate::stream::Line;

/// Most cells that are merged side by side.
pub(super) const BLOCK: usize = 512;

/// The states of subtrees that wait for their neighbour, of `block` cells each.
pub(super) struct Tree<'a> {
    method: &'a Method,
    isa: Isa,
    /// Lines of one state: accumulators and second words.
    acc_lines: usize,
    lines: usize,
    memory: Vec<Line<[u64; 8]>>,
    /// Count of values and number of leaves of each waiting subtree.
    waiting: Vec<(usize, usize)>,
}

impl<'a> Tree<'a> {
    pub fn new(method: &'a Method, isa: Isa, block: usize) -> Tree<'a> {
        let acc_lines = (block * method.acc()).div_ceil(64);
        let lines = acc_lines + (block * method.second()).div_ceil(64);
        Tree { method, isa, acc_lines, lines, memory: Vec::new(), waiting: Vec::new() }
    }

    fn state(&mut self, at: usize, count: usize) -> State {
        let needed = (at + 1) * self.lines;
        if self.memory.len() < needed {
            self.memory.resize_with(needed, || Line([0; 8]));
        }
        let base = self.memory.as_mut_ptr().cast::<u8>();
        let at = at * self.lines;
        State { acc: base.wrapping_add(at * 64), second: base.wrapping_add((at + self.acc_lines) * 64), count }
    }

    /// Adds the next leaf, of `n` cells.
    ///
    /// # Safety
    ///
    /// The leaf is valid for `n` cells, at most the block of this tree.
    pub unsafe fn push(&mut self, leaf: &State, n: usize) {
        let top = self.state(self.waiting.len(), leaf.count);
        // SAFETY: both hold `n` cells, and the leaf is not in this tree's memory.
        unsafe {
            std::ptr::copy_nonoverlapping(leaf.acc, top.acc, n * self.method.acc());
            std::ptr::copy_nonoverlapping(leaf.second, top.second, n * self.method.second());
        }
        self.waiting.push((leaf.count, 1));
        while let [.., (_, earlier), (_, later)] = self.waiting[..]
            && earlier == later
        {
            // SAFETY: two states of this tree, of `n` cells.
            unsafe { self.fold(n) };
        }
    }

    /// Merges the last two subtrees.
    ///
    /// # Safety
    ///
    /// There are two, of `n` cells.
    unsafe fn fold(&mut self, n: usize) {
        let (later_count, later_leaves) = self.waiting.pop().expect("two subtrees");
        let (count, leaves) = self.waiting.pop().expect("two subtrees");
        let at = self.waiting.len();
        let later = self.state(at + 1, later_count);
        let mut earlier = self.state(at, count);
        // SAFETY: two places of the tree's memory, which both calls found large enough, so that it did not move between.
        unsafe { self.method.merge(&mut earlier, &later, n, self.isa) };
        self.waiting.push((earlier.count, leaves + later_leaves));
    }

    /// Merges what is left, and gives the whole; the tree is then empty. The state is valid until the next leaf.
    ///
    /// # Safety
    ///
    /// At least one leaf of `n` cells was added.
    pub unsafe fn complete(&mut self, n: usize) -> State {
        while self.waiting.len() > 1 {
            // SAFETY: there are two.
            unsafe { self.fold(n) };
        }
        let (count, _) = self.waiting.pop().expect("a tree of at least one leaf");
        self.state(0, count)
    }
}
