//! A window of a segment through which control data is touched: bounds-checked, and atomically only.
//!
//! Whatever a peer writes at the same time can tear what is read here, and never be undefined behaviour. Code that reads
//! control data copies it out first and checks the copy.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

use super::segment::{Role, Segment};
use crate::{Error, Result};

const WORD: usize = size_of::<u64>();

/// A part of a segment that holds control data. Clones are the same part.
#[derive(Debug, Clone)]
pub struct Region {
    segment: Arc<Segment>,
    offset: usize,
    len: usize,
}

impl Region {
    /// The `len` bytes at `offset` of a segment.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when they do not lie in the segment, do not begin and end on 8-byte borders, or when the
    /// segment's bytes serve as blocks of a pool.
    pub fn new(segment: &Arc<Segment>, offset: usize, len: usize) -> Result<Region> {
        if offset.checked_add(len).is_none_or(|end| end > segment.len()) {
            let whole = segment.len();
            return Err(Error::invalid(format!("region of {len} bytes at {offset} of a segment of {whole} bytes")));
        }
        if !offset.is_multiple_of(WORD) || !len.is_multiple_of(WORD) {
            return Err(Error::invalid(format!("region of {len} bytes at {offset}: both must be multiples of {WORD}")));
        }
        // Blocks are reached through plain pointers, which must never meet an atomic access.
        if segment.decide(Role::Control) != Role::Control {
            return Err(Error::invalid("a region cannot lie in a segment that holds the blocks of a pool"));
        }
        Ok(Region { segment: Arc::clone(segment), offset, len })
    }

    /// Length in bytes, a multiple of 8.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Where in the segment it begins.
    #[cfg(test)]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The segment that it lies in.
    #[cfg(test)]
    pub fn segment(&self) -> &Arc<Segment> {
        &self.segment
    }

    /// The part of `len` bytes at `at` of this region.
    ///
    /// # Errors
    /// As [`Region::new`].
    #[cfg(test)]
    pub fn window(&self, at: usize, len: usize) -> Result<Region> {
        if at.checked_add(len).is_none_or(|end| end > self.len) {
            return Err(Error::invalid(format!("window of {len} bytes at {at} of a region of {} bytes", self.len)));
        }
        Region::new(&self.segment, self.offset + at, len)
    }

    /// The 32-bit word at byte `at`.
    ///
    /// # Panics
    /// When it is out of bounds or misaligned: offsets are ours, never a peer's.
    #[inline]
    pub fn u32(&self, at: usize) -> &AtomicU32 {
        let at = self.checked(at, size_of::<u32>());
        // SAFETY: in bounds and aligned as just checked; the segment outlives the borrow of self; a segment with regions
        // has no blocks, so its bytes are only touched atomically; every bit pattern is a u32.
        unsafe { AtomicU32::from_ptr(self.segment.base().add(at).cast().as_ptr()) }
    }

    /// The 64-bit word at byte `at`.
    ///
    /// # Panics
    /// When it is out of bounds or misaligned: offsets are ours, never a peer's.
    #[inline]
    pub fn u64(&self, at: usize) -> &AtomicU64 {
        let at = self.checked(at, WORD);
        // SAFETY: in bounds and aligned as just checked; the segment outlives the borrow of self; a segment with regions
        // has no blocks, so its bytes are only touched atomically; every bit pattern is a u64.
        unsafe { AtomicU64::from_ptr(self.segment.base().add(at).cast().as_ptr()) }
    }

    /// Copies the bytes at `at` out, in relaxed loads of whole words. A peer that writes them meanwhile tears the copy:
    /// order it by an acquiring load before, and check what was copied.
    ///
    /// # Panics
    /// When the bytes are out of bounds.
    pub fn copy_out(&self, at: usize, dst: &mut [u8]) {
        self.in_bounds(at, dst.len());
        let mut done = 0;
        while done < dst.len() {
            let (word, skip, n) = span(at + done, dst.len() - done);
            let bytes = self.u64(word).load(Ordering::Relaxed).to_ne_bytes();
            dst[done..done + n].copy_from_slice(&bytes[skip..skip + n]);
            done += n;
        }
    }

    /// Copies bytes in at `at`, in relaxed stores of whole words; the neighbours in the first and last word keep their
    /// value even while others write them. Publish them by a releasing store after it.
    ///
    /// # Panics
    /// When the bytes are out of bounds.
    pub fn copy_in(&self, at: usize, src: &[u8]) {
        self.in_bounds(at, src.len());
        let mut done = 0;
        while done < src.len() {
            let (word, skip, n) = span(at + done, src.len() - done);
            let part = &src[done..done + n];
            if let Ok(whole) = <[u8; WORD]>::try_from(part) {
                self.u64(word).store(u64::from_ne_bytes(whole), Ordering::Relaxed);
            } else {
                let patch = |old: u64| {
                    let mut bytes = old.to_ne_bytes();
                    bytes[skip..skip + n].copy_from_slice(part);
                    u64::from_ne_bytes(bytes)
                };
                self.u64(word).update(Ordering::Relaxed, Ordering::Relaxed, patch);
            }
            done += n;
        }
    }

    fn in_bounds(&self, at: usize, len: usize) {
        assert!(
            at.checked_add(len).is_some_and(|end| end <= self.len),
            "{len} bytes at {at} of a region of {} bytes",
            self.len
        );
    }

    /// Offset in the segment of a word that lies in the region and is aligned.
    #[inline]
    fn checked(&self, at: usize, size: usize) -> usize {
        assert!(
            at.is_multiple_of(size) && self.len >= size && at <= self.len - size,
            "word of {size} bytes at {at} of a region of {} bytes",
            self.len
        );
        self.offset + at
    }
}

/// The word that byte `at` lies in, how many of its bytes come before that, and how many of `left` bytes it holds.
fn span(at: usize, left: usize) -> (usize, usize, usize) {
    let skip = at % WORD;
    (at - skip, skip, left.min(WORD - skip))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region() -> Region {
        Region::new(&Segment::heap(1), 64, 128).unwrap()
    }

    #[test]
    fn bytes_come_out_as_they_went_in_at_every_alignment() {
        let region = region();
        let data: Vec<u8> = (1..=40).collect();
        for at in 0..24 {
            for len in 0..=40 {
                region.copy_in(0, &[0xAA; 128]);
                region.copy_in(at, &data[..len]);
                let mut all = [0; 128];
                region.copy_out(0, &mut all);
                let mut expected = [0xAA; 128];
                expected[at..at + len].copy_from_slice(&data[..len]);
                assert_eq!(all, expected, "{len} bytes at {at}");
                let mut back = vec![0; len];
                region.copy_out(at, &mut back);
                assert_eq!(back, data[..len]);
            }
        }
    }

    #[test]
    fn words_and_bytes_are_the_same_memory() {
        let region = region();
        region.u32(12).store(u32::from_ne_bytes([1, 2, 3, 4]), Ordering::Relaxed);
        let mut out = [0; 4];
        region.copy_out(12, &mut out);
        assert_eq!(out, [1, 2, 3, 4]);
        let window = region.window(8, 16).unwrap();
        assert_eq!(window.u32(4).load(Ordering::Relaxed), u32::from_ne_bytes([1, 2, 3, 4]));
    }

    #[test]
    fn what_lies_outside_is_refused() {
        let segment = Segment::heap(1);
        let whole = segment.len();
        for (offset, len) in [(whole, 8), (0, whole + 8), (usize::MAX - 7, 16), (4, 8), (8, 4)] {
            assert!(Region::new(&segment, offset, len).is_err(), "{len} at {offset}");
        }
        assert!(region().window(120, 16).is_err());
        for at in [125, 126, 128, usize::MAX - 3] {
            let region = region();
            assert!(std::panic::catch_unwind(|| region.u32(at).load(Ordering::Relaxed)).is_err(), "{at}");
        }
        let region = region();
        assert!(std::panic::catch_unwind(|| region.copy_in(127, &[0, 0])).is_err());
        assert!(std::panic::catch_unwind(|| region.u64(4).load(Ordering::Relaxed)).is_err());
    }

    #[test]
    fn neighbours_in_a_word_survive_writers_of_the_other_half() {
        let region = region();
        std::thread::scope(|scope| {
            for half in 0..2 {
                let region = region.clone();
                scope.spawn(move || (0..2000u32).for_each(|i| region.copy_in(half * 4, &i.to_ne_bytes())));
            }
        });
        assert_eq!(region.u64(0).load(Ordering::Relaxed), 1999 << 32 | 1999);
    }
}
