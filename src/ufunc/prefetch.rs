//! Memory that the next strip will read, asked for while this one is computed.
//!
//! The processor looks ahead by itself along a loop that does little else than read. A program of many steps reads its
//! inputs in bursts, with long pauses between them: left alone, each burst waits for memory.

use super::stream;

/// Inputs that are looked after; more are left to the processor.
const PIECES: usize = 8;
/// Bytes of a cache line.
const LINE: usize = 64;

/// Pieces of memory, and how far they have been asked for.
pub(super) struct Prefetch {
    pieces: [(*const u8, usize); PIECES],
    count: usize,
    piece: usize,
    at: usize,
    per_step: usize,
}

impl Prefetch {
    pub const fn nothing() -> Prefetch {
        Prefetch { pieces: [(std::ptr::null(), 0); PIECES], count: 0, piece: 0, at: 0, per_step: 0 }
    }

    /// Adds `bytes` at an address, which may be any: nothing is read there that a program sees.
    pub fn add(&mut self, address: *const u8, bytes: usize) {
        if self.count < PIECES {
            self.pieces[self.count] = (address, bytes);
            self.count += 1;
        }
    }

    /// Spreads what was added over so many steps.
    pub fn over(mut self, steps: usize) -> Prefetch {
        let lines: usize = self.pieces[..self.count].iter().map(|(_, bytes)| bytes.div_ceil(LINE)).sum();
        self.per_step = lines.div_ceil(steps.max(1));
        self
    }

    /// Asks for one step's share.
    #[inline]
    pub fn step(&mut self) {
        for _ in 0..self.per_step {
            if self.piece == self.count {
                return;
            }
            let (address, bytes) = self.pieces[self.piece];
            stream::prefetch(address.wrapping_add(self.at));
            self.at += LINE;
            if self.at >= bytes {
                (self.piece, self.at) = (self.piece + 1, 0);
            }
        }
    }
}
