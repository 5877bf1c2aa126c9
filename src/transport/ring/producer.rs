//! The sending end of a ring.

use std::sync::Arc;

use crossbeam_utils::CachePadded;

use super::{HEAD_AT, LINE, PAYLOAD, Ring, TAIL_AT, WORD, lines_for, stamp};
use crate::transport::region::Region;
use crate::transport::sync::{AtomicU64, Ordering, relax};
use crate::transport::words::Words;
use crate::{Error, Result};

/// Sends records into a ring. Clones, and threads that share one, send into the same ring.
#[derive(Debug, Clone)]
pub struct Producer<W: Words = Region> {
    ring: Ring<W>,
    /// The consumer's position when last looked at: it is asked again only when the ring seems full.
    seen_head: Arc<CachePadded<AtomicU64>>,
}

impl<W: Words> Producer<W> {
    pub(super) fn new(ring: Ring<W>) -> Producer<W> {
        let head = ring.words.load(HEAD_AT, Ordering::Acquire);
        Producer { ring, seen_head: Arc::new(CachePadded::new(AtomicU64::new(head))) }
    }

    /// The longest record in bytes.
    pub fn max_record(&self) -> usize {
        self.ring.max_record()
    }

    /// Puts a record into the ring; `false`, and nothing done, when there is no room for it now.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when the record is longer than the ring will ever hold, [`Error::Frame`] when the peer
    /// has written a cursor that cannot be.
    pub fn try_send(&self, record: &[u8]) -> Result<bool> {
        if record.len() > self.max_record() {
            let most = self.max_record();
            return Err(Error::invalid(format!("record of {} bytes, this ring holds {most} at most", record.len())));
        }
        let Some(position) = self.reserve(lines_for(record.len()))? else {
            return Ok(false);
        };
        self.write(position, record);
        let stamp = stamp::make(self.ring.lap(position), record.len());
        self.ring.words.store(self.ring.place(position), stamp, Ordering::Release);
        Ok(true)
    }

    /// Takes `need` lines; the position of the first.
    fn reserve(&self, need: u64) -> Result<Option<u64>> {
        let words = &self.ring.words;
        let mut head = self.seen_head.load(Ordering::Acquire);
        loop {
            // Loaded after `head`, whose value came from the consumer, who had it from a record behind this tail: so
            // tail >= head, unless somebody has written what cannot be.
            let tail = words.load(TAIL_AT, Ordering::Relaxed);
            if tail.wrapping_sub(head).saturating_add(need) <= self.ring.lines {
                // Relaxed: reserving publishes nothing, and what it takes over was acquired with `head`.
                let taken = words.replace(TAIL_AT, tail, tail.wrapping_add(need), Ordering::Relaxed, Ordering::Relaxed);
                if taken.is_ok() {
                    return Ok(Some(tail));
                }
                relax();
                continue;
            }
            let now = words.load(HEAD_AT, Ordering::Acquire);
            if now == head {
                // The head stood still around the load of the tail, so between them lie at most all lines.
                return if tail.wrapping_sub(head) <= self.ring.lines {
                    Ok(None)
                } else {
                    Err(Error::frame(format!("ring of {} lines: head is {head}, tail is {tail}", self.ring.lines)))
                };
            }
            head = now;
            self.seen_head.store(head, Ordering::Release);
        }
    }

    /// Writes the payload of a record into the lines from `position` on.
    fn write(&self, position: u64, record: &[u8]) {
        for (part, nth) in record.chunks(PAYLOAD).zip(0..) {
            let line = self.ring.place(position.wrapping_add(nth));
            let (whole, rest) = part.as_chunks::<WORD>();
            for (word, at) in whole.iter().zip((line + WORD..line + LINE).step_by(WORD)) {
                self.ring.words.store(at, u64::from_le_bytes(*word), Ordering::Relaxed);
            }
            if !rest.is_empty() {
                let mut word = [0; WORD];
                word[..rest.len()].copy_from_slice(rest);
                let at = line + WORD + whole.len() * WORD;
                self.ring.words.store(at, u64::from_le_bytes(word), Ordering::Relaxed);
            }
        }
    }
}
