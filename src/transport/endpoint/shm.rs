//! The endpoint between processes of one host: a ring each way and a table of leases each in shared memory; reads and
//! writes are copies between segments that both have mapped.
//!
//! A **link** joins two endpoints in a region of its own: flags, a lease table and a ring for each side. Each endpoint
//! sleeps on one doorbell, whoever the message is from; whoever sends rings the other's, and so does whoever has made room
//! for a side that wants some.
//!
//! A lease names a segment by its place in a list that all the endpoints were given alike. What a peer writes into lease
//! or ring is checked against our own mappings: the worst that it can do is to have other bytes of shared segments copied,
//! which it could as well have copied itself.

use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::{Duration, Instant};

use super::outbox::{OUTSTANDING, Outbox};
use super::{Access, BATCH, Endpoint, Event, Lease, Limits, PeerId, Post, Registration, Transfer, unknown};
use crate::transport::doorbell::{Doorbell, Epoch, Waited};
use crate::transport::region::Region;
use crate::transport::ring::{Consumer, Producer, Ring};
use crate::transport::segment::Segment;
use crate::{Error, Result};

const SLOTS: usize = 256;
const LIMITS: Limits = Limits { message: 16 << 10, outstanding: OUTSTANDING, registrations: SLOTS };

// Offsets in a link; those of the second side follow the first's.
const FLAGS_AT: usize = 0;
const FLAGS_BYTES: usize = 128;
const LEASES_AT: usize = 2 * FLAGS_BYTES;
const LEASES_BYTES: usize = SLOTS * 8;
const RINGS_AT: usize = LEASES_AT + 2 * LEASES_BYTES;

// Offsets in the flags of a side.
const CLOSED: usize = 0;
const WANTS_ROOM: usize = 8;

/// Fewest lines of a ring that holds the longest message.
const LINES: usize = LIMITS.message.div_ceil(56).next_power_of_two();

/// Where in a lease's base the segment's number begins.
const SEGMENT_SHIFT: u32 = 48;

// In a key: the slot, then how many leases came before. (Lowest bits first.)
const GENERATION_SHIFT: u32 = SLOTS.ilog2();

/// Which end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// One of them: by custom who made it.
    First = 0,
    /// The other.
    Second = 1,
}

impl Side {
    fn other(self) -> Side {
        match self {
            Side::First => Side::Second,
            Side::Second => Side::First,
        }
    }

    fn part(self, memory: &Region, at: usize, bytes: usize) -> Result<Region> {
        memory.window(at + self as usize * bytes, bytes)
    }

    /// The ring that this side sends into.
    fn ring(self, memory: &Region) -> Result<Region> {
        let bytes = memory.len().saturating_sub(RINGS_AT) / 2 / 64 * 64;
        self.part(memory, RINGS_AT, bytes)
    }
}

/// What joins an endpoint to one peer.
#[derive(Debug)]
pub struct Link {
    /// Name of the peer, for errors.
    pub peer: String,
    /// The link's memory, prepared by [`Link::prepare`].
    pub memory: Region,
    /// Which end of it is here.
    pub side: Side,
    /// The doorbell that the peer sleeps on.
    pub bell: Doorbell,
}

impl Link {
    /// Bytes that a link needs, for rings as small as may be.
    pub const BYTES: usize = RINGS_AT + 2 * Ring::<Region>::bytes_for(LINES);

    /// Makes an unused link of a region, before either side joins it.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when the region is shorter than [`Link::BYTES`].
    pub fn prepare(memory: &Region) -> Result<()> {
        if memory.len() < Link::BYTES {
            return Err(Error::invalid(format!("a link needs {} bytes, not {}", Link::BYTES, memory.len())));
        }
        for word in (0..RINGS_AT).step_by(8) {
            memory.u64(word).store(0, Ordering::Relaxed);
        }
        Ring::create(Side::First.ring(memory)?)?;
        Ring::create(Side::Second.ring(memory)?)?;
        Ok(())
    }
}

/// An endpoint over shared memory.
#[derive(Debug)]
pub struct ShmEndpoint {
    bell: Doorbell,
    /// What the bell had come to when progress last began.
    seen: Epoch,
    segments: Vec<Arc<Segment>>,
    /// The key given out for each slot, or 0.
    keys: Vec<u64>,
    generation: u64,
    peers: Vec<Peer>,
    done: Vec<Event>,
    /// Whether a send has come to wait for room since progress last tried to find some.
    untried: bool,
}

#[derive(Debug)]
struct Peer {
    outbox: Outbox,
    bell: Doorbell,
    sender: Producer,
    receiver: Consumer,
    our_leases: Region,
    their_leases: Region,
    our_flags: Region,
    their_flags: Region,
}

impl ShmEndpoint {
    /// An endpoint that sleeps on `bell`, whose peers have all mapped `segments`, in this order.
    pub fn new(bell: Doorbell, segments: Vec<Arc<Segment>>) -> ShmEndpoint {
        let seen = bell.epoch();
        ShmEndpoint {
            bell,
            seen,
            segments,
            keys: vec![0; SLOTS],
            generation: 0,
            peers: Vec::new(),
            done: Vec::new(),
            untried: false,
        }
    }

    /// Joins a link: from here on the peer at its other side can be reached.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when this side of the link is in use, [`Error::Frame`] when the memory is no link.
    pub fn join(&mut self, link: Link) -> Result<PeerId> {
        let Link { peer, memory, side, bell } = link;
        let sender = Ring::attach(side.ring(&memory)?)?.producer();
        let receiver = Ring::attach(side.other().ring(&memory)?)?.consumer()?;
        if sender.max_record() < LIMITS.message {
            return Err(Error::invalid(format!("link to {peer}: {} bytes are too few", memory.len())));
        }
        let our_leases = side.part(&memory, LEASES_AT, LEASES_BYTES)?;
        for (slot, key) in self.keys.iter().enumerate() {
            our_leases.u64(slot * 8).store(*key, Ordering::Release);
        }
        let id = PeerId(self.peers.len() as u32);
        self.peers.push(Peer {
            outbox: Outbox::new(id, peer),
            bell,
            sender,
            receiver,
            our_leases,
            their_leases: side.other().part(&memory, LEASES_AT, LEASES_BYTES)?,
            our_flags: side.part(&memory, FLAGS_AT, FLAGS_BYTES)?,
            their_flags: side.other().part(&memory, FLAGS_AT, FLAGS_BYTES)?,
        });
        Ok(id)
    }

    fn set_slot(&mut self, slot: usize, key: u64) {
        self.keys[slot] = key;
        for peer in &self.peers {
            peer.our_leases.u64(slot * 8).store(key, Ordering::Release);
        }
    }

    /// The peer's memory that a lease is on, or why there is none.
    fn remote(&self, lease: Lease, leases: &Region) -> Result<Region, &'static str> {
        let slot = lease.key as usize % SLOTS;
        if lease.key == 0 || leases.u64(slot * 8).load(Ordering::Acquire) != lease.key {
            return Err("no such lease");
        }
        let segment =
            self.segments.get((lease.base >> SEGMENT_SHIFT) as usize).ok_or("a segment that is not shared")?;
        let offset = (lease.base & ((1 << SEGMENT_SHIFT) - 1)) as usize;
        Region::new(segment, offset, lease.len as usize).map_err(|_| "outside of its segment")
    }

    fn transfer(&mut self, transfer: Transfer<'_>, wanted: Access) -> Result<Post> {
        let peer = transfer.peer;
        let Peer { outbox, their_leases, .. } =
            self.peers.get(peer.0 as usize).ok_or_else(|| unknown(peer, self.peers.len()))?;
        outbox.check()?;
        transfer.check(outbox.name(), wanted)?;
        let outcome = transfer.in_time(outbox.name()).and_then(|()| {
            let remote = self.remote(transfer.remote, their_leases);
            let remote = remote.map_err(|why| transfer.refused(outbox.name(), why))?;
            transfer.run(wanted, &remote);
            Ok(())
        });
        self.done.push(Event::Done { peer, token: transfer.token, outcome });
        Ok(Post::Accepted)
    }
}

impl Endpoint for ShmEndpoint {
    fn limits(&self) -> Limits {
        LIMITS
    }

    fn register(&mut self, memory: &Region, access: Access) -> Result<Registration> {
        let Some(segment) = self.segments.iter().position(|segment| Arc::ptr_eq(segment, memory.segment())) else {
            return Err(Error::invalid("memory of a segment that the endpoint does not share with its peers"));
        };
        let Some(slot) = self.keys.iter().position(|key| *key == 0) else {
            return Err(Error::invalid(format!("an endpoint has {SLOTS} registrations at most")));
        };
        self.generation += 1;
        let key = self.generation << GENERATION_SHIFT | slot as u64;
        self.set_slot(slot, key);
        let base = (segment as u64) << SEGMENT_SHIFT | memory.offset() as u64;
        Ok(Registration { memory: memory.clone(), lease: Lease { key, base, len: memory.len() as u64, access } })
    }

    fn revoke(&mut self, lease: Lease) {
        let slot = lease.key as usize % SLOTS;
        if self.keys[slot] == lease.key {
            self.set_slot(slot, 0);
        }
    }

    fn send(&mut self, peer: PeerId, bytes: &[u8], token: u64, deadline: Instant) -> Result<Post> {
        if bytes.len() > LIMITS.message {
            return Err(Error::invalid(format!("message of {} bytes, the limit is {}", bytes.len(), LIMITS.message)));
        }
        let known = self.peers.len();
        let Peer { outbox, sender, bell, .. } =
            self.peers.get_mut(peer.0 as usize).ok_or_else(|| unknown(peer, known))?;
        let post = outbox.post(bytes, token, deadline, &mut self.done, |bytes| {
            let sent = sender.try_send(bytes)?;
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
        for (peer, id) in self.peers.iter_mut().zip(0..).filter(|(peer, _)| !peer.outbox.is_over()) {
            peer.progress(PeerId(id), events);
        }
        events.len() - before
    }

    fn wait(&mut self, spin: Duration, deadline: Instant) -> Waited {
        let news = |peer: &Peer| peer.outbox.has_news() || !peer.outbox.is_over() && peer.receiver.ready();
        if self.untried || !self.done.is_empty() || self.peers.iter().any(news) {
            return Waited::Woken;
        }
        let deadline = self.peers.iter().filter_map(|peer| peer.outbox.next_deadline()).fold(deadline, Instant::min);
        self.bell.wait(self.seen, spin, Some(deadline))
    }

    fn lose(&mut self, peer: PeerId, why: &str) {
        if let Some(Peer { outbox, .. }) = self.peers.get_mut(peer.0 as usize) {
            outbox.lose(Error::PeerLost { peer: outbox.name().into(), what: why.into() });
        }
    }
}

impl Peer {
    /// Sends what finds room; whether anything did. If something is left the peer will ring when it has made room.
    fn flush(&mut self, events: &mut Vec<Event>) -> Result<bool> {
        let mut sent = self.outbox.flush(events, |bytes| self.sender.try_send(bytes))?;
        if !self.outbox.is_empty() {
            self.our_flags.u64(WANTS_ROOM).store(1, Ordering::Relaxed);
            // With the fence of `room_is_wanted`: either the peer sees the flag, or we see the room that it made before.
            fence(Ordering::SeqCst);
            sent |= self.outbox.flush(events, |bytes| self.sender.try_send(bytes))?;
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

    fn progress(&mut self, id: PeerId, events: &mut Vec<Event>) {
        // Before the ring: what the peer sent before it closed is there when the flag is.
        let closed = self.their_flags.u64(CLOSED).load(Ordering::Acquire) != 0;
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
                    Err(error) => return Some(error),
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
            self.outbox.tell_loss(events);
            return;
        }
        // Less than a batch: the ring is empty, or stuck behind a producer that died.
        if received < BATCH {
            if closed {
                self.outbox
                    .lose(Error::PeerLost { peer: self.outbox.name().into(), what: "it closed its endpoint".into() });
            }
            self.outbox.tell_loss(events);
        }
    }
}

impl Drop for ShmEndpoint {
    fn drop(&mut self) {
        for peer in &self.peers {
            for slot in 0..SLOTS {
                peer.our_leases.u64(slot * 8).store(0, Ordering::Relaxed);
            }
            peer.our_flags.u64(CLOSED).store(1, Ordering::Release);
            peer.bell.ring();
        }
    }
}
