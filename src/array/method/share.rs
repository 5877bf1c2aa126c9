//! Loops over items that the hub's own threads share: what methods run on that keep their kernels to this process.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::cluster::{Hub, Job};
use crate::error::{Error, Result};

/// Below this much memory traffic the calling thread does all of it.
const INLINE_BELOW: usize = 256 << 10;
/// Memory traffic of a chunk, as a rule.
const CHUNK: usize = 512 << 10;
/// A job has at most this many chunks.
const MAX_CHUNKS: usize = 4096;

/// Runs `body` over `0..items` in ranges, each once. `bytes` is the memory traffic that takes as long as one item.
///
/// # Errors
/// [`Error::Panicked`] where `body` did.
pub(super) fn share(
    hub: &Hub,
    name: &'static str,
    items: usize,
    bytes: usize,
    body: &(dyn Fn(std::ops::Range<usize>) + Sync),
) -> Result<()> {
    if items == 0 {
        return Ok(());
    }
    if items == 1 || items.saturating_mul(bytes) < INLINE_BELOW {
        return catch_unwind(AssertUnwindSafe(|| body(0..items))).map_err(|payload| Error::panicked(name, payload));
    }
    let grain = (CHUNK / bytes.max(1)).max(items.div_ceil(MAX_CHUNKS)).max(1);
    let local = |chunk: u32| {
        let start = chunk as usize * grain;
        body(start..(start + grain).min(items));
    };
    let chunks = items.div_ceil(grain) as u32;
    hub.run(&Job { name, chunks, bytes: items.saturating_mul(bytes) as u64, local: &local, remote: None })
}

/// A pointer that the threads of one loop share.
#[derive(Clone, Copy)]
pub(super) struct Place<T>(pub(super) *mut T);

// SAFETY: only an address; what is done at it, and why two threads may, is argued where it is dereferenced.
unsafe impl<T> Sync for Place<T> {}
// SAFETY: as for `Sync`.
unsafe impl<T> Send for Place<T> {}

impl<T> Place<T> {
    /// The pointer; a method, so that closures capture the wrapper and not the pointer in it.
    pub(super) fn get(&self) -> *mut T {
        self.0
    }
}
