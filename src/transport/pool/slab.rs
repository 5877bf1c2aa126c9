//! The free small blocks of one class that no thread keeps, and the slabs that they were cut from.

use std::collections::BTreeMap;

use super::{
    class::{blocks_in_slab, place_in_slab},
    spans::{PAGE, Span},
};

/// The free blocks of a class, by their offsets, and how many of each slab's blocks are among them.
#[derive(Debug, Default)]
pub(super) struct Slabs {
    free: Vec<u64>,
    /// By the offset at which a slab begins.
    slabs: BTreeMap<u64, Slab>,
    pages: u64,
}

#[derive(Debug)]
struct Slab {
    span: Span,
    blocks: usize,
    free: usize,
}

impl Slabs {
    /// Takes up to `most` free blocks, those that were put back last.
    pub(super) fn take(&mut self, most: usize) -> Vec<u64> {
        let taken = self.free.split_off(self.free.len().saturating_sub(most));
        taken.iter().for_each(|&block| *self.free_in_slab(block) -= 1);
        taken
    }

    /// Takes blocks back.
    pub(super) fn put(&mut self, blocks: impl IntoIterator<Item = u64>) {
        for block in blocks {
            *self.free_in_slab(block) += 1;
            self.free.push(block);
        }
    }

    /// Pages of all slabs.
    pub(super) fn pages(&self) -> u64 {
        self.pages
    }

    /// Cuts a new slab into free blocks; the first of them are taken first.
    pub(super) fn cut(&mut self, class: usize, slab: Span) {
        let start = slab.offset();
        let blocks = blocks_in_slab(class, slab.len);
        self.slabs.insert(start, Slab { span: slab, blocks, free: blocks });
        self.pages += u64::from(slab.len);
        self.free.extend((0..blocks).rev().map(|index| start + place_in_slab(class, index) as u64));
    }

    /// Takes out the slabs of which every block is free.
    pub(super) fn take_empty(&mut self) -> Vec<Span> {
        let empty: Vec<Span> =
            self.slabs.extract_if(.., |_, slab| slab.free == slab.blocks).map(|(_, slab)| slab.span).collect();
        if !empty.is_empty() {
            self.pages -= empty.iter().map(|slab| u64::from(slab.len)).sum::<u64>();
            let gone = |page: u32| match empty.partition_point(|slab| slab.start <= page) {
                0 => false,
                after => page < empty[after - 1].end(),
            };
            self.free.retain(|&block| !gone((block / PAGE as u64) as u32));
        }
        empty
    }

    fn free_in_slab(&mut self, block: u64) -> &mut usize {
        let slab = self.slabs.range_mut(..=block).next_back();
        &mut slab.expect("every block was cut from a slab").1.free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slab_comes_back_when_its_last_block_does() {
        let class = 60;
        let mut slabs = Slabs::default();
        let (first, second) = (Span { start: 3, len: 64 }, Span { start: 90, len: 64 });
        slabs.cut(class, first);
        slabs.cut(class, second);
        let count = blocks_in_slab(class, first.len);
        let mut blocks = slabs.take(count + 1);
        assert_eq!(blocks.len(), count + 1);
        assert!(slabs.take_empty().is_empty());
        blocks.sort_unstable();
        slabs.put([blocks.remove(0)]);
        assert_eq!(slabs.take_empty(), [first]);
        slabs.put(blocks);
        assert_eq!(slabs.take_empty(), [second]);
        assert!(slabs.take(1).is_empty());
    }
}
