//! A bounded queue of byte records in shared memory: many producers (threads of one process), one consumer, usually in
//! another process.
//!
//! # Layout
//! Three lines of control words, 128 bytes apart (processors fetch lines in pairs), then a power of two of **lines** of
//! 64 bytes. Each line begins with one word that only ever holds a *stamp*, and goes on with 56 bytes of payload. A record
//! takes as many lines as its bytes need; its first line's stamp publishes it. Positions count lines and only grow;
//! position modulo the number of lines is the place.
//!
//! # Protocol
//! A producer *reserves* lines by a compare-and-swap of `tail`, writes the payload, and *publishes* by a releasing store of
//! the stamp: lap, length, check byte. The consumer looks at the stamp at its own position only: a lap other than its own
//! is what a lap before has left there, so nothing is there yet. It copies the record out and gives the lines back by a
//! releasing store of `head`. No line is ever cleared: payload never lies where a stamp could be looked for, so no byte of
//! an old record can pass for a stamp.
//!
//! # What a peer can do
//! A producer that dies between reserving and publishing leaves the ring stuck ([`Consumer::blocked`]), never wrong: records
//! behind it are not delivered, none is delivered twice or in part. The survivor retires the ring. Cursors and stamps that
//! cannot be are [`Error::Frame`], again at every further call; sizes are checked against the ring, never believed. What
//! is in a record is for the frame's checksum to judge.

mod consumer;
mod producer;
mod stamp;

pub use consumer::Consumer;
pub use producer::Producer;

use super::region::Region;
use super::sync::Ordering;
use super::words::Words;
use crate::{Error, Result};

const MAGIC: u64 = u64::from_le_bytes(*b"distobR1");

// Offsets in bytes.
const MAGIC_AT: usize = 0;
const CLAIM_AT: usize = 8;
const TAIL_AT: usize = 128;
const HEAD_AT: usize = 256;
const LINES_AT: usize = 384;

const LINE: usize = 64;
const WORD: usize = 8;
const PAYLOAD: usize = LINE - WORD;

/// A ring in memory `W`. Clones are the same ring.
#[derive(Debug, Clone)]
pub struct Ring<W: Words = Region> {
    words: W,
    /// Number of lines, a power of two.
    lines: u64,
}

impl<W: Words> Ring<W> {
    /// Bytes of memory that a ring of `lines` lines (rounded up to a power of two, two at least) needs. A record takes a
    /// line for each 56 bytes begun.
    pub const fn bytes_for(lines: usize) -> usize {
        let lines = if lines < 2 { 2 } else { lines.next_power_of_two() };
        LINES_AT + lines * LINE
    }

    /// Makes an empty ring in all of `words`, as large as fits: a power of two of lines. Nobody else may use them yet.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when there is no room for two lines.
    pub fn create(words: W) -> Result<Ring<W>> {
        let lines = Self::lines_in(&words)?;
        words.store(MAGIC_AT, 0, Ordering::Relaxed);
        words.store(CLAIM_AT, 0, Ordering::Relaxed);
        words.store(TAIL_AT, 0, Ordering::Relaxed);
        words.store(HEAD_AT, 0, Ordering::Relaxed);
        let ring = Ring { words, lines };
        for position in 0..lines {
            ring.words.store(ring.place(position), 0, Ordering::Relaxed);
        }
        // Last: whoever sees the magic sees the rest.
        ring.words.store(MAGIC_AT, MAGIC, Ordering::Release);
        Ok(ring)
    }

    /// The ring that another process made in the same memory.
    ///
    /// # Errors
    /// [`Error::Frame`] when there is none, [`Error::InvalidArgument`] when there is no room for one.
    pub fn attach(words: W) -> Result<Ring<W>> {
        let lines = Self::lines_in(&words)?;
        let magic = words.load(MAGIC_AT, Ordering::Acquire);
        if magic != MAGIC {
            return Err(Error::frame(format!("no ring here: magic is {magic:#018x}, not {MAGIC:#018x}")));
        }
        Ok(Ring { words, lines })
    }

    /// An end to send from. Clones send into the same ring, from any thread.
    pub fn producer(&self) -> Producer<W> {
        Producer::new(self.clone())
    }

    /// The end to receive from.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] while the ring has a consumer already, [`Error::Frame`] when its cursors cannot be.
    pub fn consumer(&self) -> Result<Consumer<W>> {
        Consumer::claim(self.clone())
    }

    /// The longest record in bytes.
    pub fn max_record(&self) -> usize {
        (self.lines as usize * PAYLOAD).min(stamp::MAX_LENGTH)
    }

    fn lines_in(words: &W) -> Result<u64> {
        let room = words.len().saturating_sub(LINES_AT) / LINE;
        if room < 2 {
            let least = LINES_AT + 2 * LINE;
            return Err(Error::invalid(format!("a ring needs {least} bytes at least, not {}", words.len())));
        }
        Ok(1 << room.ilog2())
    }

    /// Offset of the line at a position.
    #[inline]
    fn place(&self, position: u64) -> usize {
        LINES_AT + (position & (self.lines - 1)) as usize * LINE
    }

    /// The lap that a position belongs to, from 1: zero is what fresh memory holds. It comes round after 2^32 laps, and
    /// could then be mistaken only at a line where no record has begun in all of them.
    #[inline]
    fn lap(&self, position: u64) -> u32 {
        ((position >> self.lines.ilog2()) as u32).wrapping_add(1)
    }
}

/// How many lines a record of `length` bytes takes.
#[inline]
fn lines_for(length: usize) -> u64 {
    length.div_ceil(PAYLOAD).max(1) as u64
}

#[cfg(all(test, not(loom)))]
mod tests;
