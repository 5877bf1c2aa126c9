//! Endpoints: how bytes reach a peer, whatever lies between. Small messages, and one-sided reads and writes of registered
//! memory; every operation is posted without blocking and completes as an [`Event`] that [`Endpoint::progress`] collects.
//!
//! Backends: [`shm`] (another process of this host), [`heap`] (this process; for simulators). All pass the same suite,
//! `conformance`. The shape is that of libfabric's reliable datagrams (`docs/endpoint-spike.md` tells what was tried):
//!
//! - An endpoint belongs to one thread at a time, which drives it: nothing moves but in `progress`. Other threads reach it
//!   through a ring of their own.
//! - Local memory of a read or write is registered too, since some hardware wants that; messages are copied when posted.
//! - A post that finds no room is [`Post::Busy`]: progress, then try again. What was accepted completes exactly once, within
//!   its deadline or as an error, also when the peer dies.
//! - Messages to one peer arrive in the order of their posts. Reads and writes have no order among themselves or with
//!   messages until they complete: a write that is done is in the peer's memory, and a message posted after that finds it there.
//! - What can be seen to be wrong here (argument, bounds or rights of a lease) is an error of the post. What only the peer
//!   can refuse, a lease that it has revoked, is an error of the completion, and on some networks costs the connection.
//! - Nothing moves by itself, one-sided or not, unless the peer's endpoint is driven too: each has a thread that does it.
//! - A network need not notice that a peer has died: it is told so by [`Endpoint::lose`].

pub mod heap;
mod outbox;
pub mod shm;

#[cfg(all(test, not(loom)))]
mod conformance;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::doorbell::Waited;
use super::region::Region;
use crate::{Error, Result};

/// A peer, as its endpoint numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub u32);

/// What a peer may do to leased memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
#[repr(u8)]
pub enum Access {
    /// Nothing: registered for local use only.
    Local = 0,
    /// Read it.
    Read = 1,
    /// Write it.
    Write = 2,
    /// Both.
    ReadWrite = 3,
}

impl Access {
    /// Whether all of `wanted` is in it.
    pub fn allows(self, wanted: Access) -> bool {
        self as u8 & wanted as u8 == wanted as u8
    }
}

/// The right to read or write a peer's memory, as plain data that travels in messages. It holds until it is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
pub struct Lease {
    /// What the peer's endpoint knows it by.
    pub key: u64,
    /// Where it begins, in whatever terms the backend has.
    pub base: u64,
    /// Length in bytes.
    pub len: u64,
    /// What it is the right to.
    pub access: Access,
}

/// Memory that an endpoint may use, and the lease on it.
#[derive(Debug, Clone)]
pub struct Registration {
    memory: Region,
    lease: Lease,
}

impl Registration {
    /// The memory.
    pub fn memory(&self) -> &Region {
        &self.memory
    }

    /// What a peer needs to reach it, as far as the access that it was registered with goes.
    pub fn lease(&self) -> Lease {
        self.lease
    }
}

/// A one-sided copy between registered memory here and leased memory there.
#[derive(Debug, Clone, Copy)]
pub struct Transfer<'a> {
    /// Whose memory.
    pub peer: PeerId,
    /// The lease on it.
    pub remote: Lease,
    /// First byte of it, from the lease's begin.
    pub remote_at: u64,
    /// Memory here.
    pub local: &'a Registration,
    /// First byte of it.
    pub local_at: usize,
    /// How many bytes.
    pub len: usize,
    /// Comes back with the completion.
    pub token: u64,
    /// When it is given up. A network that cannot take it back gives up the peer with it, before it completes: otherwise
    /// bytes could still arrive in memory that is used for something else by then.
    pub deadline: Instant,
}

impl Transfer<'_> {
    /// Whether both sides lie in their memory and the lease allows it, by what it says of itself.
    fn check(&self, peer: &str, wanted: Access) -> Result<()> {
        let whole = self.local.memory.len();
        if self.local_at.checked_add(self.len).is_none_or(|end| end > whole) {
            let (len, at) = (self.len, self.local_at);
            return Err(Error::invalid(format!("transfer of {len} bytes at {at} of registered {whole} bytes")));
        }
        if self.remote_at.checked_add(self.len as u64).is_none_or(|end| end > self.remote.len) {
            return Err(self.refused(peer, "outside of it"));
        }
        if !self.remote.access.allows(wanted) {
            return Err(self.refused(peer, "not leased for that"));
        }
        Ok(())
    }

    /// That it was posted before its deadline: what is done while it is posted needs no other look.
    fn in_time(&self, peer: &str) -> Result<()> {
        if Instant::now() < self.deadline {
            return Ok(());
        }
        let what = format!("a transfer of {} bytes with peer {peer}", self.len);
        Err(Error::DeadlineExceeded { what, after: Duration::ZERO })
    }

    /// Copies between the local memory and `remote`, the leased one, which both are as [`check`](Self::check) found them.
    fn run(&self, wanted: Access, remote: &Region) {
        let (local, local_at, remote_at) = (self.local.memory(), self.local_at, self.remote_at as usize);
        if wanted == Access::Write {
            copy(local, local_at, remote, remote_at, self.len);
        } else {
            copy(remote, remote_at, local, local_at, self.len);
        }
    }

    /// The error of a transfer that the lease does not allow.
    fn refused(&self, peer: &str, why: &str) -> Error {
        let (len, at, Lease { key, len: whole, .. }) = (self.len, self.remote_at, self.remote);
        Error::invalid(format!("peer {peer}: {len} bytes at {at} of lease {key:#x} of {whole} bytes: {why}"))
    }
}

/// What became of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Post {
    /// It will complete.
    Accepted,
    /// Nothing was done: there is no room. Progress, then try again.
    Busy,
}

/// What progress brings.
#[derive(Debug)]
pub enum Event {
    /// A posted operation is over.
    Done {
        /// Of which peer.
        peer: PeerId,
        /// The token it was posted with.
        token: u64,
        /// How it ended.
        outcome: Result<()>,
    },
    /// A message came.
    Message {
        /// From which peer.
        peer: PeerId,
        /// Its bytes; not checked by anybody yet.
        bytes: Vec<u8>,
    },
    /// A peer is gone. Its messages came before this; what was posted to it has been completed. Comes once.
    Lost {
        /// Which peer.
        peer: PeerId,
        /// How that is known: always [`Error::PeerLost`] or [`Error::Frame`].
        error: Error,
    },
}

/// What an endpoint can do at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest message in bytes.
    pub message: usize,
    /// Most sends to one peer that wait for room there (its credit).
    pub outstanding: usize,
    /// Most registrations.
    pub registrations: usize,
}

/// One end of connections to numbered peers.
pub trait Endpoint: Send {
    /// What it can do at most.
    fn limits(&self) -> Limits;

    /// Makes memory known to the endpoint; `access` is what peers with the lease may do.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for memory that peers cannot reach, or beyond the limit.
    fn register(&mut self, memory: &Region, access: Access) -> Result<Registration>;

    /// Ends a lease: transfers that a peer begins from here on are refused. One that is running goes on, so ask the peer
    /// to stop first: memory must not be used otherwise under a running transfer, and on some networks a refused one costs
    /// the connection. Unknown leases are no error.
    fn revoke(&mut self, lease: Lease);

    /// Posts a message; `bytes` are copied. Done means that it is on its way, not that it was read.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an unknown peer or beyond the limit, [`Error::PeerLost`].
    fn send(&mut self, peer: PeerId, bytes: &[u8], token: u64, deadline: Instant) -> Result<Post>;

    /// Posts a copy from the peer's memory.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for an unknown peer, outside the local memory or the lease, or without the right to it;
    /// [`Error::PeerLost`].
    fn read(&mut self, transfer: Transfer<'_>) -> Result<Post>;

    /// Posts a copy into the peer's memory.
    ///
    /// # Errors
    /// As [`Endpoint::read`].
    fn write(&mut self, transfer: Transfer<'_>) -> Result<Post>;

    /// Moves everything on as far as it goes without waiting, and appends what happened to `events`; how many.
    /// The work of one call is bounded, whatever peers do.
    fn progress(&mut self, events: &mut Vec<Event>) -> usize;

    /// Waits until there may be something to progress: spins for about `spin`, then sleeps. Times out at `deadline`, or at
    /// the first deadline of what was posted: progress then completes it.
    fn wait(&mut self, spin: Duration, deadline: Instant) -> Waited;

    /// Tells the endpoint that a peer is dead, by what it cannot see itself (a pidfd, a missed heartbeat).
    fn lose(&mut self, peer: PeerId, why: &str);
}

/// Most messages taken from one peer in one call of progress.
const BATCH: usize = 64;

/// Copies between two regions, which may overlap only by being the same bytes.
fn copy(from: &Region, from_at: usize, to: &Region, to_at: usize, len: usize) {
    // Whole words where both sides have them at the same places, which is nearly always all of it.
    let head = from_at.wrapping_neg() % 8;
    let alike = from_at % 8 == to_at % 8 && len >= head;
    let words = if alike { (len - head) / 8 * 8 } else { 0 };
    let head = if alike { head } else { len };
    copy_bytes(from, from_at, to, to_at, head);
    for at in (head..head + words).step_by(8) {
        to.u64(to_at + at).store(from.u64(from_at + at).load(Ordering::Relaxed), Ordering::Relaxed);
    }
    let done = head + words;
    copy_bytes(from, from_at + done, to, to_at + done, len - done);
}

fn copy_bytes(from: &Region, from_at: usize, to: &Region, to_at: usize, len: usize) {
    let mut buffer = [0; 4096];
    let mut done = 0;
    while done < len {
        let part = &mut buffer[..(len - done).min(4096)];
        from.copy_out(from_at + done, part);
        to.copy_in(to_at + done, part);
        done += part.len();
    }
}

fn unknown(peer: PeerId, known: usize) -> Error {
    Error::invalid(format!("peer {} of an endpoint with {known} peers", peer.0))
}
