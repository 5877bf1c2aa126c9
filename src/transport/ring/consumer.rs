//! The receiving end of a ring.

use super::stamp::{self, Reading};
use super::{CLAIM_AT, HEAD_AT, PAYLOAD, Ring, TAIL_AT, WORD, lines_for};
use crate::transport::region::Region;
use crate::transport::sync::Ordering;
use crate::transport::words::Words;
use crate::{Error, Result};

/// Receives the records of a ring, in the order in which their lines were reserved.
#[derive(Debug)]
pub struct Consumer<W: Words = Region> {
    ring: Ring<W>,
    /// The position that is looked at next; the word in memory is only for the producers to read.
    head: u64,
}

impl<W: Words> Consumer<W> {
    pub(super) fn claim(ring: Ring<W>) -> Result<Consumer<W>> {
        if ring.words.replace(CLAIM_AT, 0, 1, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return Err(Error::invalid("the ring has a consumer already"));
        }
        let head = ring.words.load(HEAD_AT, Ordering::Acquire);
        let consumer = Consumer { ring, head };
        let tail = consumer.ring.words.load(TAIL_AT, Ordering::Relaxed);
        if tail.wrapping_sub(head) > consumer.ring.lines {
            return Err(Error::frame(format!("ring of {} lines: head is {head}, tail is {tail}", consumer.ring.lines)));
        }
        Ok(consumer)
    }

    /// Moves the next record into `record`, replacing what was there; `false` when none is published.
    ///
    /// # Errors
    /// [`Error::Frame`] when a stamp or a length cannot be. The ring stays as it is, and so does the answer.
    pub fn try_recv(&mut self, record: &mut Vec<u8>) -> Result<bool> {
        record.clear();
        let stamp = self.ring.words.load(self.ring.place(self.head), Ordering::Acquire);
        let length = match stamp::read(stamp, self.ring.lap(self.head)) {
            Reading::Record(length) => length,
            Reading::Old => return Ok(false),
            Reading::Corrupt => {
                return Err(Error::frame(format!("ring stamp is {stamp:#018x} at line {}", self.head)));
            }
        };
        let lines = lines_for(length);
        // One line is there: its stamp was. More must have been reserved.
        if lines > 1 {
            let reserved = self.ring.words.load(TAIL_AT, Ordering::Relaxed).wrapping_sub(self.head);
            if lines > reserved.min(self.ring.lines) {
                return Err(Error::frame(format!(
                    "ring record of {length} bytes takes {lines} lines, {reserved} of {} are reserved",
                    self.ring.lines
                )));
            }
        }
        self.read(length, record);
        self.head = self.head.wrapping_add(lines);
        // Releases the lines: whoever acquires this writes into them only after they were read.
        self.ring.words.store(HEAD_AT, self.head, Ordering::Release);
        Ok(true)
    }

    /// Whether a record, or something that is none, is there to be received now.
    #[inline]
    pub fn ready(&self) -> bool {
        let stamp = self.ring.words.load(self.ring.place(self.head), Ordering::Acquire);
        stamp::read(stamp, self.ring.lap(self.head)) != Reading::Old
    }

    /// Whether lines are reserved and the first record in them is not published. That lasts some nanoseconds, or, where
    /// the producer is not scheduled, milliseconds; after the death of a producer, for ever.
    #[cfg(test)]
    pub fn blocked(&self) -> bool {
        // The tail first: what is published after it was looked at is no blockage.
        self.ring.words.load(TAIL_AT, Ordering::Acquire) != self.head && !self.ready()
    }

    /// Copies the record of `length` bytes at the head out.
    fn read(&self, length: usize, record: &mut Vec<u8>) {
        let mut left = length;
        let mut position = self.head;
        while left > 0 {
            let part = left.min(PAYLOAD);
            let line = self.ring.place(position);
            let mut bytes = [[0; WORD]; PAYLOAD / WORD];
            for (word, at) in bytes[..part.div_ceil(WORD)].iter_mut().zip((line + WORD..).step_by(WORD)) {
                *word = self.ring.words.load(at, Ordering::Relaxed).to_le_bytes();
            }
            record.extend_from_slice(&bytes.as_flattened()[..part]);
            left -= part;
            position = position.wrapping_add(1);
        }
    }
}

impl<W: Words> Drop for Consumer<W> {
    fn drop(&mut self) {
        self.ring.words.store(CLAIM_AT, 0, Ordering::Release);
    }
}
