//! Memory that an endpoint may use: control words, touched atomically, or bytes of a block of a pool, copied through raw
//! pointers.
//!
//! A peer that maps the block writes its bytes at any time, so no reference to them is ever made here, nothing is decided by
//! them, and bytes that are copied while somebody writes them may come out torn, which is the affair of whoever leased them.

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::transport::pool::Block;
use crate::transport::region::Region;
use crate::transport::segment::{Role, Segment};
use crate::{Error, Result};

/// Bytes that pass through a buffer at a time, between words and blocks.
const BUFFER: usize = 4096;

/// Memory of one of the two kinds. Clones are the same memory.
#[derive(Debug, Clone)]
pub enum Memory {
    /// Control words.
    Words(Region),
    /// Bytes of a block.
    Block(Extent),
}

/// A range of bytes in a block of a pool, which is not given back as long as the extent, a clone or a window of it is there.
#[derive(Debug, Clone)]
pub struct Extent {
    segment: Arc<Segment>,
    offset: usize,
    len: usize,
    /// `None`: a peer's block, which its registration keeps.
    _block: Option<Arc<Block>>,
}

impl Extent {
    /// The `len` bytes at `at` of a block: any range, whatever its alignment.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when they do not lie in the block.
    ///
    /// # Safety
    /// As long as the extent, a clone, a window or a registration of it is there:
    /// - No reference exists to a byte that a transfer may write: one that is leased for writing, or that a read posted here
    ///   copies to. No `&mut` exists to any of the bytes.
    /// - Threads of this process order their accesses, through the extent or otherwise, so that none writes a byte while
    ///   another, or a transfer, reads or writes it. A transfer is over when its completion, or a message that its peer posted
    ///   after that, has come.
    pub unsafe fn new(block: Arc<Block>, at: usize, len: usize) -> Result<Extent> {
        if at.checked_add(len).is_none_or(|end| end > block.len()) {
            return Err(Error::invalid(format!("{len} bytes at {at} of a block of {} bytes", block.len())));
        }
        let segment = Arc::clone(block.pool().segment());
        Ok(Extent { segment, offset: block.offset() as usize + at, len, _block: Some(block) })
    }

    /// The `len` bytes at `offset` of a segment, which lie in a block of a peer's.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when they do not lie in the segment, or when it holds control words.
    ///
    /// # Safety
    /// A peer has registered the bytes, with the promises of [`new`](Self::new), and keeps them until the extent is gone.
    pub(super) unsafe fn remote(segment: &Arc<Segment>, offset: usize, len: usize) -> Result<Extent> {
        if offset.checked_add(len).is_none_or(|end| end > segment.len()) {
            let whole = segment.len();
            return Err(Error::invalid(format!("{len} bytes at {offset} of a segment of {whole} bytes")));
        }
        if segment.decide(Role::Blocks) != Role::Blocks {
            return Err(Error::invalid("an extent cannot lie in a segment of control words"));
        }
        Ok(Extent { segment: Arc::clone(segment), offset, len, _block: None })
    }

    /// The `len` bytes at `at` of this extent.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when they do not lie in it.
    pub fn window(&self, at: usize, len: usize) -> Result<Extent> {
        if at.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(Error::invalid(format!("window of {len} bytes at {at} of an extent of {} bytes", self.len)));
        }
        Ok(Extent { offset: self.offset + at, len, ..self.clone() })
    }

    /// Address of the first of `len` bytes at `at`.
    ///
    /// # Panics
    /// When they do not lie in the extent.
    fn bytes(&self, at: usize, len: usize) -> NonNull<u8> {
        assert!(
            at.checked_add(len).is_some_and(|end| end <= self.len),
            "{len} bytes at {at} of an extent of {} bytes",
            self.len
        );
        self.segment.at(self.offset + at)
    }

    /// Copies the bytes at `at` out.
    ///
    /// # Panics
    /// When they do not lie in the extent.
    pub fn copy_out(&self, at: usize, dst: &mut [u8]) {
        let src = self.bytes(at, dst.len());
        // SAFETY: the bytes lie in the mapping, as `bytes` has just checked, and the pool has committed them as long as the
        // block lives, which the extent or the peer keeps; `dst` is ours alone. No thread of this process writes them
        // meanwhile, by the contract of `new`; another process may, which tears what is copied and nothing else.
        unsafe { std::ptr::copy(src.as_ptr(), dst.as_mut_ptr(), dst.len()) };
    }

    /// Copies bytes in at `at`.
    ///
    /// # Panics
    /// When they do not lie in the extent.
    pub fn copy_in(&self, at: usize, src: &[u8]) {
        let dst = self.bytes(at, src.len());
        // SAFETY: as in `copy_out`; by the contract of `new` no reference to the bytes exists and no thread of this process
        // touches them meanwhile.
        unsafe { std::ptr::copy(src.as_ptr(), dst.as_ptr(), src.len()) };
    }
}

impl Memory {
    /// Length in bytes.
    pub fn len(&self) -> usize {
        match self {
            Memory::Words(region) => region.len(),
            Memory::Block(extent) => extent.len,
        }
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where in its segment it begins.
    pub fn offset(&self) -> usize {
        match self {
            Memory::Words(region) => region.offset(),
            Memory::Block(extent) => extent.offset,
        }
    }

    /// The segment that it lies in.
    pub fn segment(&self) -> &Arc<Segment> {
        match self {
            Memory::Words(region) => region.segment(),
            Memory::Block(extent) => &extent.segment,
        }
    }

    /// The `len` bytes at `at` of it.
    ///
    /// # Errors
    /// As [`Region::window`] and [`Extent::window`].
    pub fn window(&self, at: usize, len: usize) -> Result<Memory> {
        Ok(match self {
            Memory::Words(region) => Memory::Words(region.window(at, len)?),
            Memory::Block(extent) => Memory::Block(extent.window(at, len)?),
        })
    }

    /// Copies the bytes at `at` out.
    ///
    /// # Panics
    /// When they are out of bounds.
    pub fn copy_out(&self, at: usize, dst: &mut [u8]) {
        match self {
            Memory::Words(region) => region.copy_out(at, dst),
            Memory::Block(extent) => extent.copy_out(at, dst),
        }
    }

    /// Copies bytes in at `at`.
    ///
    /// # Panics
    /// When they are out of bounds.
    pub fn copy_in(&self, at: usize, src: &[u8]) {
        match self {
            Memory::Words(region) => region.copy_in(at, src),
            Memory::Block(extent) => extent.copy_in(at, src),
        }
    }
}

/// Copies `len` bytes at `from_at` of one memory to `to_at` of another. Where both are the same bytes under two addresses and
/// overlap, what comes out is a mixture of old and new.
///
/// # Panics
/// When the bytes are out of bounds on either side.
pub(super) fn copy(from: &Memory, from_at: usize, to: &Memory, to_at: usize, len: usize) {
    match (from, to) {
        (Memory::Words(from), Memory::Words(to)) => copy_words(from, from_at, to, to_at, len),
        (Memory::Block(from), Memory::Block(to)) => {
            let (src, dst) = (from.bytes(from_at, len), to.bytes(to_at, len));
            // SAFETY: both ranges are mapped and committed, as in `Extent::copy_out`, and may overlap. By the contract of
            // `Extent::new`, made by whoever registered either side, no reference to the target exists, and no thread of this
            // process touches either range meanwhile; another process that writes them tears bytes and nothing else.
            unsafe { std::ptr::copy(src.as_ptr(), dst.as_ptr(), len) };
        }
        _ => copy_buffered(from, from_at, to, to_at, len),
    }
}

/// Copies whole words where both sides have them at the same places, which is nearly always all of it.
fn copy_words(from: &Region, from_at: usize, to: &Region, to_at: usize, len: usize) {
    let head = from_at.wrapping_neg() % 8;
    let alike = from_at % 8 == to_at % 8 && len >= head;
    let words = if alike { (len - head) / 8 * 8 } else { 0 };
    let head = if alike { head } else { len };
    let (source, target) = (Memory::Words(from.clone()), Memory::Words(to.clone()));
    copy_buffered(&source, from_at, &target, to_at, head);
    for at in (head..head + words).step_by(8) {
        to.u64(to_at + at).store(from.u64(from_at + at).load(Ordering::Relaxed), Ordering::Relaxed);
    }
    let done = head + words;
    copy_buffered(&source, from_at + done, &target, to_at + done, len - done);
}

fn copy_buffered(from: &Memory, from_at: usize, to: &Memory, to_at: usize, len: usize) {
    let mut buffer = [0; BUFFER];
    let mut done = 0;
    while done < len {
        let part = &mut buffer[..(len - done).min(BUFFER)];
        from.copy_out(from_at + done, part);
        to.copy_in(to_at + done, part);
        done += part.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::pool::Pool;
    use crate::transport::quota::Quota;

    const LEN: usize = 3 * BUFFER;

    fn words() -> Memory {
        Memory::Words(Region::new(&Segment::heap(1), 64, LEN).unwrap())
    }

    fn block(bytes: usize) -> Arc<Block> {
        let pool = Pool::new(Segment::heap(4 << 20), Quota::unmeasured(4 << 20));
        pool.set_ahead(0);
        Arc::new(pool.alloc(bytes).unwrap())
    }

    fn extent() -> Memory {
        // SAFETY: the block is made here, and its bytes are touched by one thread, through this extent alone.
        Memory::Block(unsafe { Extent::new(block(LEN + 7), 7, LEN) }.unwrap())
    }

    fn numbered(seed: usize) -> Vec<u8> {
        (0..LEN).map(|i| (i * 31 + i / 256 + seed) as u8).collect()
    }

    #[test]
    fn both_kinds_are_copied_into_each_other_at_every_alignment() {
        for (from, to) in [(words(), words()), (words(), extent()), (extent(), words()), (extent(), extent())] {
            for (from_at, to_at, len) in [
                (0, 0, LEN),
                (1, 1, LEN - 1),
                (3, 3, 4),
                (5, 13, 2),
                (7, 2, 2 * BUFFER + 5),
                (LEN, 9, 0),
                (8, 16, BUFFER),
            ] {
                let (source, mut target) = (numbered(1), numbered(100));
                from.copy_in(0, &source);
                to.copy_in(0, &target);
                copy(&from, from_at, &to, to_at, len);
                target[to_at..to_at + len].copy_from_slice(&source[from_at..from_at + len]);
                for (memory, expected) in [(&from, &source), (&to, &target)] {
                    let mut bytes = vec![0; LEN];
                    memory.copy_out(0, &mut bytes);
                    assert!(bytes == *expected, "{len} bytes from {from_at} to {to_at}");
                }
            }
        }
    }

    #[test]
    fn bytes_of_one_block_may_overlap() {
        let memory = extent();
        for (from_at, to_at) in [(0, 5), (5, 0), (100, 100)] {
            let mut bytes = numbered(3);
            memory.copy_in(0, &bytes);
            copy(&memory, from_at, &memory, to_at, LEN - 200);
            bytes.copy_within(from_at..from_at + LEN - 200, to_at);
            let mut found = vec![0; LEN];
            memory.copy_out(0, &mut found);
            assert!(found == bytes, "{from_at} to {to_at}");
        }
    }

    #[test]
    fn an_extent_keeps_its_block_and_stays_inside_it() {
        let block = block(100);
        let left = Arc::downgrade(&block);
        for (at, len) in [(0, 101), (100, 1), (usize::MAX, 2), (1, usize::MAX)] {
            // SAFETY: nothing is touched.
            let error = unsafe { Extent::new(Arc::clone(&block), at, len) }.unwrap_err().to_string();
            assert!(error.contains("block of 100 bytes") && error.contains(&at.to_string()), "{error}");
        }
        // SAFETY: nothing else touches the block.
        let extent = unsafe { Extent::new(block, 10, 90) }.unwrap();
        assert!(extent.window(0, 91).is_err() && extent.window(usize::MAX, 1).is_err());
        let window = extent.window(20, 30).unwrap();
        extent.copy_in(20, &[7; 30]);
        drop(extent);
        let mut bytes = [0; 30];
        window.copy_out(0, &mut bytes);
        assert_eq!(bytes, [7; 30]);
        assert!(std::panic::catch_unwind(|| window.copy_in(29, &[0, 0])).is_err());
        assert!(std::panic::catch_unwind(|| window.copy_out(31, &mut [])).is_err());
        assert!(left.upgrade().is_some());
        drop(window);
        assert!(left.upgrade().is_none(), "the last window gives the block back");
    }

    #[test]
    fn bytes_of_a_peer_lie_in_a_segment_of_blocks() {
        let (blocks, control) = (Segment::heap(1), Segment::heap(1));
        let _words = Region::new(&control, 0, 64).unwrap();
        let whole = blocks.len();
        for (segment, offset, len) in [(&blocks, whole, 1), (&blocks, usize::MAX, 2), (&control, 0, 8)] {
            // SAFETY: nothing is touched.
            assert!(unsafe { Extent::remote(segment, offset, len) }.is_err(), "{len} at {offset}");
        }
        // SAFETY: as above.
        assert!(unsafe { Extent::remote(&blocks, whole - 1, 1) }.is_ok());
    }
}
