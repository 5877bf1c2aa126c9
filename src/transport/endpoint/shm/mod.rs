//! The endpoint between processes of one host: a ring each way and a table of leases each in shared memory; reads and
//! writes are copies between segments that both have mapped.
//!
//! A [`Link`] joins two endpoints in a region of its own. Each endpoint sleeps on one doorbell, whoever the message is from;
//! whoever sends rings the other's, and so does whoever has made room for a side that wants some.
//!
//! A lease names a segment by its place in a list that all the endpoints were given alike. Who copies takes the lease from the
//! owner's table, holds it there while a piece is copied ([`LeaseTable`]), and refuses a lease that differs from the entry in
//! any word. Memory whose lease was revoked under a copy is kept until the copy ends.
//!
//! What a peer writes into table or ring is checked against our own mappings: the worst that it can do is to have other bytes
//! of shared segments copied, which it could as well have copied itself.

mod link;

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::{Duration, Instant};

pub use self::link::{Link, Side};

use self::link::{CLOSED, MESSAGE, SLOTS, WANTS_ROOM};
use super::outbox::{OUTSTANDING, Outbox};
use super::transfers::{Piece, TRANSFERS, Transfers};
use super::{
    Access, BATCH, Endpoint, EndpointError, Event, Extent, Lease, Limits, Memory, PeerId, Post, Registration, Result,
    Transfer, unknown,
};
use crate::Error;
use crate::transport::doorbell::{Doorbell, Epoch, Waited};
use crate::transport::lease_table::{Entry, LeaseTable};
use crate::transport::region::Region;
use crate::transport::ring::{Consumer, Producer, Ring};
use crate::transport::segment::Segment;

const LIMITS: Limits =
    Limits { message: MESSAGE, outstanding: OUTSTANDING, transfers: TRANSFERS, registrations: SLOTS };

/// Where in a lease's base the segment's number begins.
const SEGMENT_SHIFT: u32 = 48;

/// Where in a key the number of leases before it begins; below is the slot.
const GENERATION_SHIFT: u32 = SLOTS.ilog2();

/// In an entry's rights, beside the access: the memory is bytes of a block, not control words.
const BLOCK: u64 = 1 << 8;

/// How long an endpoint that is dropped waits for copies from and to its memory. What is copied after that is not given back.
const PATIENCE: Duration = Duration::from_millis(500);

/// An endpoint over shared memory.
#[derive(Debug)]
pub struct ShmEndpoint {
    bell: Doorbell,
    /// What the bell had come to when progress last began.
    seen: Epoch,
    segments: Vec<Arc<Segment>>,
    /// What was leased, by slot.
    grants: Vec<Option<Grant>>,
    /// Whether some of it is revoked and kept for a copy that still runs.
    kept: bool,
    generation: u64,
    peers: Vec<Peer>,
    transfers: Transfers,
    done: Vec<Event>,
    /// Whether a send has come to wait for room since progress last tried to find some.
    untried: bool,
}

/// Memory that peers have a lease on, or had, and may still be copying.
#[derive(Debug)]
struct Grant {
    entry: Entry,
    revoked: bool,
    memory: Memory,
}

#[derive(Debug)]
struct Peer {
    outbox: Outbox,
    bell: Doorbell,
    sender: Producer,
    receiver: Consumer,
    our_leases: LeaseTable<Region>,
    their_leases: LeaseTable<Region>,
    our_flags: Region,
    their_flags: Region,
    /// Whether it can touch no memory any more: so we were told.
    dead: bool,
    /// Whether it was lost and our leases were taken from it.
    cut_off: bool,
}

impl ShmEndpoint {
    /// An endpoint that sleeps on `bell`, whose peers have all mapped `segments`, in this order.
    pub fn new(bell: Doorbell, segments: Vec<Arc<Segment>>) -> ShmEndpoint {
        let seen = bell.epoch();
        ShmEndpoint {
            bell,
            seen,
            segments,
            grants: std::iter::repeat_with(|| None).take(SLOTS).collect(),
            kept: false,
            generation: 0,
            peers: Vec::new(),
            transfers: Transfers::default(),
            done: Vec::new(),
            untried: false,
        }
    }

    /// Joins a link: from here on the peer at its other side can be reached.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when this side of the link is in use, [`Error::Frame`] when the memory is no link.
    pub fn join(&mut self, link: Link) -> Result<PeerId, Error> {
        let Link { peer, memory, side, bell } = link;
        let sender = Ring::attach(side.ring(&memory)?)?.producer();
        let receiver = Ring::attach(side.other().ring(&memory)?)?.consumer()?;
        if sender.max_record() < LIMITS.message {
            return Err(Error::invalid(format!("link to {peer}: {} bytes are too few", memory.len())));
        }
        let our_leases = side.leases(&memory)?;
        self.grants.iter().flatten().filter(|grant| !grant.revoked).for_each(|grant| our_leases.grant(grant.entry));
        let id = PeerId(self.peers.len() as u32);
        self.peers.push(Peer {
            outbox: Outbox::new(id, &peer),
            bell,
            sender,
            receiver,
            our_leases,
            their_leases: side.other().leases(&memory)?,
            our_flags: side.flags(&memory)?,
            their_flags: side.other().flags(&memory)?,
            dead: false,
            cut_off: false,
        });
        Ok(id)
    }

    /// Gives up the memory of revoked leases under which nobody copies any more.
    fn release(&mut self) {
        if !self.kept {
            return;
        }
        self.kept = false;
        for slot in &mut self.grants {
            if let Some(grant) = slot.as_ref().filter(|grant| grant.revoked) {
                if is_used(&self.peers, grant.entry.key) {
                    self.kept = true;
                } else {
                    *slot = None;
                }
            }
        }
    }

    fn transfer(&mut self, transfer: Transfer<'_>, wanted: Access) -> Result<Post> {
        let (peer, known) = (transfer.peer, self.peers.len());
        let Peer { outbox, .. } = self.peers.get(peer.0 as usize).ok_or_else(|| unknown(peer, known))?;
        outbox.check()?;
        self.transfers.post(transfer, outbox.name(), wanted)
    }
}

/// Whether a peer that lives copies under a key that was withdrawn from all of them.
fn is_used(peers: &[Peer], key: u64) -> bool {
    peers.iter().any(|peer| !peer.is_out() && peer.our_leases.is_used(key))
}

/// What an entry of a lease says, beside the key.
fn entry_of(lease: Lease, kind: u64) -> Entry {
    Entry { key: lease.key, base: lease.base, len: lease.len, rights: lease.access as u64 | kind }
}

/// The peer's memory that an entry of its table is on.
fn remote(segments: &[Arc<Segment>], entry: Entry) -> Result<Memory, Error> {
    let segment = segments
        .get((entry.base >> SEGMENT_SHIFT) as usize)
        .ok_or_else(|| Error::invalid(format!("lease {:#x} on a segment that is not shared", entry.key)))?;
    let (offset, len) = ((entry.base & ((1 << SEGMENT_SHIFT) - 1)) as usize, entry.len as usize);
    if entry.rights & BLOCK == 0 {
        return Region::new(segment, offset, len).map(Memory::Words);
    }
    // SAFETY: the peer has registered the bytes of its block, which it promised for when it made the extent, and keeps the
    // block while we hold the lease in its table, which is as long as the result lives: a piece's copy.
    unsafe { Extent::remote(segment, offset, len) }.map(Memory::Block)
}

impl Endpoint for ShmEndpoint {
    fn limits(&self) -> Limits {
        LIMITS
    }

    fn register(&mut self, memory: &Memory, access: Access) -> Result<Registration> {
        let refused = |what: String| Err(EndpointError::Unregistrable { what });
        if memory.is_empty() {
            return refused("it has no bytes".into());
        }
        let Some(segment) = self.segments.iter().position(|segment| Arc::ptr_eq(segment, memory.segment())) else {
            return refused("it lies in a segment that the endpoint does not share with its peers".into());
        };
        self.release();
        let Some(slot) = self.grants.iter().position(Option::is_none) else {
            return refused(format!("an endpoint has {SLOTS} registrations at most"));
        };
        self.generation += 1;
        let key = self.generation << GENERATION_SHIFT | slot as u64;
        let base = (segment as u64) << SEGMENT_SHIFT | memory.offset() as u64;
        let lease = Lease { key, base, len: memory.len() as u64, access };
        let entry = entry_of(lease, if matches!(memory, Memory::Block(_)) { BLOCK } else { 0 });
        self.peers.iter().filter(|peer| !peer.cut_off).for_each(|peer| peer.our_leases.grant(entry));
        self.grants[slot] = Some(Grant { entry, revoked: false, memory: memory.clone() });
        Ok(Registration { memory: memory.clone(), lease })
    }

    fn revoke(&mut self, lease: Lease) {
        let slot = lease.key as usize % SLOTS;
        if let Some(grant) = self.grants[slot].as_mut().filter(|grant| grant.entry.key == lease.key) {
            grant.revoked = true;
            self.peers.iter().for_each(|peer| peer.our_leases.withdraw(lease.key));
            self.kept = true;
            self.release();
        }
    }

    fn send(&mut self, peer: PeerId, bytes: &[u8], token: u64, deadline: Instant) -> Result<Post> {
        if bytes.len() > LIMITS.message {
            return Err(EndpointError::TooLong { len: bytes.len(), most: LIMITS.message });
        }
        let known = self.peers.len();
        let Peer { outbox, sender, bell, .. } =
            self.peers.get_mut(peer.0 as usize).ok_or_else(|| unknown(peer, known))?;
        let name = Arc::clone(outbox.name());
        let post = outbox.post(bytes, token, deadline, &mut self.done, |bytes| {
            let sent = sender.try_send(bytes).map_err(|error| corrupt(&name, &error))?;
            if sent {
                bell.ring();
            }
            Ok(sent)
        });
        self.untried |= !outbox.is_empty();
        post
    }

    fn read(&mut self, transfer: Transfer<'_>) -> Result<Post> {
        self.transfer(transfer, Access::Read)
    }

    fn write(&mut self, transfer: Transfer<'_>) -> Result<Post> {
        self.transfer(transfer, Access::Write)
    }

    fn progress(&mut self, events: &mut Vec<Event>) -> usize {
        let before = events.len();
        // Before looking at anything: what comes later than this ends the next wait.
        self.seen = self.bell.epoch();
        self.untried = false;
        events.append(&mut self.done);
        let ShmEndpoint { peers, transfers, segments, grants, .. } = self;
        for (peer, id) in peers.iter_mut().zip(0..).filter(|(peer, _)| !peer.outbox.is_over()) {
            peer.progress(PeerId(id), transfers, events);
            if peer.outbox.is_lost() && !peer.cut_off {
                // It may live, and copy; it begins nothing new.
                peer.cut_off = true;
                grants.iter().flatten().for_each(|grant| peer.our_leases.withdraw(grant.entry.key));
            }
        }
        transfers.progress(events, |piece| peers[piece.peer.0 as usize].copy(piece, segments));
        self.release();
        events.len() - before
    }

    fn wait(&mut self, spin: Duration, deadline: Instant) -> Waited {
        let news = |peer: &Peer| peer.outbox.has_news() || !peer.outbox.is_over() && peer.receiver.ready();
        let due = self.untried || !self.done.is_empty() || !self.transfers.is_empty();
        if due || self.peers.iter().any(news) {
            return Waited::Woken;
        }
        let deadline = self.peers.iter().filter_map(|peer| peer.outbox.next_deadline()).fold(deadline, Instant::min);
        self.bell.wait(self.seen, spin, Some(deadline))
    }

    fn lose(&mut self, peer: PeerId, why: &str) {
        if let Some(Peer { outbox, dead, .. }) = self.peers.get_mut(peer.0 as usize) {
            outbox.lose(outbox.lost_by(why));
            *dead = true;
        }
    }
}

impl Peer {
    /// Sends what finds room; whether anything did. If something is left the peer will ring when it has made room.
    fn flush(&mut self, events: &mut Vec<Event>) -> Result<bool> {
        let name = Arc::clone(self.outbox.name());
        let mut try_send = |bytes: &[u8]| self.sender.try_send(bytes).map_err(|error| corrupt(&name, &error));
        let mut sent = self.outbox.flush(events, &mut try_send)?;
        if !self.outbox.is_empty() {
            self.our_flags.u64(WANTS_ROOM).store(1, Ordering::Relaxed);
            // With the fence of `room_is_wanted`: either the peer sees the flag, or we see the room that it made before.
            fence(Ordering::SeqCst);
            sent |= self.outbox.flush(events, &mut try_send)?;
        }
        Ok(sent)
    }

    /// Whether the peer waits for the room that was just made.
    fn room_is_wanted(&self) -> bool {
        fence(Ordering::SeqCst);
        let wanted = self.their_flags.u64(WANTS_ROOM);
        if wanted.load(Ordering::Relaxed) == 0 {
            return false;
        }
        wanted.store(0, Ordering::Relaxed);
        true
    }

    /// Whether it has closed its endpoint.
    fn has_closed(&self) -> bool {
        self.their_flags.u64(CLOSED).load(Ordering::Acquire) != 0
    }

    /// Whether it copies nothing any more, for good.
    fn is_out(&self) -> bool {
        self.dead || self.has_closed()
    }

    /// Copies a piece of a transfer, if the peer's table has the lease as the transfer gives it.
    fn copy(&self, piece: &Piece<'_>, segments: &[Arc<Segment>]) -> Result<()> {
        self.outbox.check()?;
        let lease = piece.remote;
        let Some(entry) = self.their_leases.enter(lease.key) else {
            return Err(if self.has_closed() { self.outbox.closed() } else { piece.no_lease() });
        };
        let outcome = if entry == entry_of(lease, entry.rights & BLOCK) {
            remote(segments, entry).map(|memory| piece.copy(&memory)).map_err(|e| corrupt(self.outbox.name(), &e))
        } else {
            Err(piece.no_lease())
        };
        self.their_leases.leave();
        outcome
    }

    fn progress(&mut self, id: PeerId, transfers: &mut Transfers, events: &mut Vec<Event>) {
        // Before the ring: what the peer sent before it closed is there when the flag is.
        let closed = self.has_closed();
        let (sent, failed) = if self.outbox.is_lost() {
            (false, None)
        } else {
            match self.flush(events) {
                Ok(sent) => (sent, None),
                Err(error) => (false, Some(error)),
            }
        };
        let mut received = 0;
        let failed = failed.or_else(|| {
            while received < BATCH {
                let mut bytes = Vec::new();
                match self.receiver.try_recv(&mut bytes) {
                    Ok(true) => events.push(Event::Message { peer: id, bytes }),
                    Ok(false) => break,
                    Err(error) => return Some(corrupt(self.outbox.name(), &error)),
                }
                received += 1;
            }
            None
        });
        if sent || received > 0 && self.room_is_wanted() {
            self.bell.ring();
        }
        if let Some(error) = failed {
            self.outbox.lose(error);
            self.outbox.tell_loss(transfers, events);
            return;
        }
        // Less than a batch: the ring is empty, or stuck behind a producer that died.
        if received < BATCH {
            if closed {
                self.outbox.lose(self.outbox.closed());
            }
            self.outbox.tell_loss(transfers, events);
        }
    }
}

/// The error of a peer that has written what it should not have.
fn corrupt(peer: &str, error: &Error) -> EndpointError {
    EndpointError::Corrupt { peer: peer.into(), what: error.to_string() }
}

impl Drop for ShmEndpoint {
    fn drop(&mut self) {
        for peer in &self.peers {
            // Before the leases go: whoever misses one sees why.
            peer.our_flags.u64(CLOSED).store(1, Ordering::Release);
            self.grants.iter().flatten().for_each(|grant| peer.our_leases.withdraw(grant.entry.key));
            peer.bell.ring();
        }
        let deadline = Instant::now() + PATIENCE;
        for Grant { entry, memory, .. } in self.grants.drain(..).flatten() {
            while is_used(&self.peers, entry.key) {
                if Instant::now() >= deadline {
                    tracing::warn!(
                        key = entry.key,
                        bytes = memory.len(),
                        "a peer still copies: the memory is not given back"
                    );
                    std::mem::forget(memory);
                    break;
                }
                std::thread::sleep(Duration::from_micros(50));
            }
        }
    }
}

#[cfg(test)]
mod tests;
