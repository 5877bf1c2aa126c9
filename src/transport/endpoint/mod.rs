//! Endpoints: how bytes reach a peer, whatever lies between. Small messages, and one-sided reads and writes of registered
//! memory, which is control words or any range of a pool's block. Every operation is posted without blocking and completes as
//! an [`Event`] that [`Endpoint::progress`] collects.
//!
//! Nothing calls it until arrays lie on several hosts: on one host they are mapped. Backends: [`shm`] (another process of this
//! host), [`heap`] (this process; for simulators). All pass the same suite, `conformance`, over both kinds of memory. The shape
//! is that of libfabric's reliable datagrams and memory regions (`docs/endpoint-spike.md` tells what was tried and read):
//!
//! - An endpoint belongs to one thread at a time, which drives it: nothing moves but in `progress`. Other threads reach it
//!   through a ring of their own.
//! - Local memory of a read or write is registered too, since some hardware wants that; messages are copied when posted.
//! - A post that finds no room is [`Post::Busy`]: progress, then try again. What was accepted completes exactly once, within
//!   its deadline or as an error, also when the peer dies.
//! - Messages to one peer arrive in the order of their posts. Reads and writes have no order among themselves or with
//!   messages until they complete: a write that is done is in the peer's memory, and a message posted after that finds it there.
//!   Of a transfer that fails, any part may have been copied.
//! - A registration gives a key, which no other registration ever has, with a range and access rights. What can be seen to be
//!   wrong here (argument, bounds or rights of a lease) is an error of the post. What only the peer can refuse, a lease that
//!   it has revoked or has given in another form, is an error of the completion, and on some networks costs the connection.
//! - Memory stays as long as somebody may copy: a block is kept by its registration, by the lease until it is revoked, and
//!   after that by the copy that a peer had begun, until this ends or the peer is lost.
//! - Nothing moves by itself, one-sided or not, unless the peer's endpoint is driven too: each has a thread that does it.
//! - A network need not notice that a peer has died: it is told so by [`Endpoint::lose`].

mod error;
pub mod heap;
mod memory;
mod outbox;
pub mod shm;
mod transfers;

mod conformance;

use std::time::{Duration, Instant};

pub use self::error::{EndpointError, Result};
pub use self::memory::{Extent, Memory};
use super::doorbell::Waited;

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
    /// What the peer's endpoint knows it by. No other lease of the endpoint ever has the same.
    pub key: u64,
    /// Where it begins, in whatever terms the backend has.
    pub base: u64,
    /// Length in bytes.
    pub len: u64,
    /// What it is the right to.
    pub access: Access,
}

/// Memory that an endpoint may use, which it keeps, and the lease on it.
#[derive(Debug, Clone)]
pub struct Registration {
    memory: Memory,
    lease: Lease,
}

impl Registration {
    /// The memory.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// What a peer needs to reach it, as far as the access that it was registered with goes. Dropping the registration does
    /// not end the lease: [`Endpoint::revoke`] does.
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
    /// Memory here. The endpoint keeps it until the transfer completes.
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
        let Transfer { remote: Lease { key, len: leased, access, .. }, local_at, len, remote_at, .. } = *self;
        let whole = self.local.memory.len();
        if local_at.checked_add(len).is_none_or(|end| end > whole) {
            return Err(EndpointError::Local { at: local_at, len, whole });
        }
        if remote_at.checked_add(len as u64).is_none_or(|end| end > leased) {
            return Err(EndpointError::Bounds { peer: peer.into(), key, at: remote_at, len, whole: leased });
        }
        if !access.allows(wanted) {
            return Err(EndpointError::Rights { peer: peer.into(), key, access, wanted });
        }
        Ok(())
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
        /// How that is known: always [`EndpointError::Lost`] or [`EndpointError::Corrupt`].
        error: EndpointError,
    },
}

/// What an endpoint can do at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest message in bytes.
    pub message: usize,
    /// Most sends to one peer that wait for room there (its credit).
    pub outstanding: usize,
    /// Most reads and writes that are under way.
    pub transfers: usize,
    /// Most registrations.
    pub registrations: usize,
}

/// One end of connections to numbered peers.
pub trait Endpoint: Send {
    /// What it can do at most.
    fn limits(&self) -> Limits;

    /// Makes memory known to the endpoint, which keeps it until the lease is revoked; `access` is what peers with the lease
    /// may do.
    ///
    /// # Errors
    /// [`EndpointError::Unregistrable`] for no bytes, for memory that peers cannot reach, or beyond the limit.
    fn register(&mut self, memory: &Memory, access: Access) -> Result<Registration>;

    /// Ends a lease: what a peer begins to copy from here on is refused, also of a transfer that is under way. A copy that is
    /// just running goes on, and the endpoint keeps the memory until it has ended. Ask the peer to stop first where the memory
    /// is to be used otherwise, and because on some networks a refused transfer costs the connection. Unknown leases are no
    /// error.
    fn revoke(&mut self, lease: Lease);

    /// Posts a message; `bytes` are copied. Done means that it is on its way, not that it was read.
    ///
    /// # Errors
    /// [`EndpointError::UnknownPeer`], [`EndpointError::TooLong`], [`EndpointError::Lost`], [`EndpointError::Corrupt`].
    fn send(&mut self, peer: PeerId, bytes: &[u8], token: u64, deadline: Instant) -> Result<Post>;

    /// Posts a copy from the peer's memory. It completes with [`EndpointError::NoLease`], [`EndpointError::Late`] or
    /// [`EndpointError::Lost`] when it is not done.
    ///
    /// # Errors
    /// [`EndpointError::UnknownPeer`]; [`EndpointError::Local`], [`EndpointError::Bounds`] or [`EndpointError::Rights`] outside
    /// of the local memory or the lease, or without the right to it; [`EndpointError::Lost`].
    fn read(&mut self, transfer: Transfer<'_>) -> Result<Post>;

    /// Posts a copy into the peer's memory, which completes as a read does.
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

    /// Tells the endpoint that a peer is dead, by what it cannot see itself: a pidfd, or, on networks, a missed heartbeat. The
    /// peer must not be able to touch memory any more: what it was copying to or from is given back.
    fn lose(&mut self, peer: PeerId, why: &str);
}

/// Most messages taken from one peer in one call of progress.
const BATCH: usize = 64;

fn unknown(peer: PeerId, known: usize) -> EndpointError {
    EndpointError::UnknownPeer { peer, known }
}
