//! A job: one large operation in chunks, as the hub runs it and as an engine process receives it.

use std::sync::Arc;

use crate::error::Result;
use crate::transport::Segment;

/// One large operation, cut into chunks that may run in any order, on any participant, and again after a death:
/// each reads only what does not change and writes only what nobody has seen yet.
pub(crate) struct Job<'a> {
    /// What errors call it.
    pub(crate) name: &'static str,
    /// Number of chunks, at most [`MAX_CHUNKS`](super::MAX_CHUNKS).
    pub(crate) chunks: u32,
    /// How long it takes, as the bytes that a memory-bound operation moves in that time: it decides whether the
    /// work is shared at all and whether sleepers are woken for it.
    pub(crate) bytes: u64,
    /// Whose chunks are whose: behind which chunk the *lane* of each engine but the last ends. An engine takes chunks of its own lane first.
    /// Empty: all take the least chunk that is left, so that chunks begin in their order.
    pub(crate) lanes: &'a [u32],
    /// Whether chunks run closures of the program's, which may use rayon.
    pub(crate) closure: bool,
    /// Computes one chunk in this process.
    pub(crate) local: &'a (dyn Fn(u32) + Sync),
    /// What an engine process needs in order to compute a chunk; without it only the hub's own threads do.
    pub(crate) remote: Option<Remote<'a>>,
}

/// The description of a job for engine processes.
#[derive(Clone, Copy)]
pub(crate) struct Remote<'a> {
    /// Name of the registered [`JobKind`].
    pub(crate) kind: &'static str,
    /// What its `prepare` reads.
    pub(crate) payload: &'a [u8],
}

/// Computes chunks of one job inside an engine.
pub(crate) type ChunkRunner = Box<dyn Fn(u32) + Send + Sync>;

/// A function that engine processes know by name and that computes chunks of jobs. Register one with
/// `inventory::submit! { JobKind { name: "…", prepare } }`.
pub(crate) struct JobKind {
    /// Unique name.
    pub(crate) name: &'static str,
    /// Reads and *checks* a payload and gives the function that computes a chunk. The payload is a peer's: whatever is
    /// in it, this must not panic, and the function must not touch memory outside `segment`.
    pub(crate) prepare: fn(payload: &[u8], segment: &Arc<Segment>) -> Result<ChunkRunner>,
}

inventory::collect!(JobKind);

/// The registered kinds in the order of their names: the same in every process of one program.
pub(super) fn kinds() -> Vec<&'static JobKind> {
    let mut kinds: Vec<_> = inventory::iter::<JobKind>.into_iter().collect();
    kinds.sort_unstable_by_key(|kind| kind.name);
    kinds
}
