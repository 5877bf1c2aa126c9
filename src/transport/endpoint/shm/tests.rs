//! Memory under a copy that a peer has begun: kept after the lease is revoked, until the copy ends or the peer is dead.

use std::sync::{Arc, Weak};
use std::time::Instant;

use super::*;
use crate::transport::pool::{Block, Pool};
use crate::transport::quota::Quota;

/// Each knows one other.
const PEER: PeerId = PeerId(0);

/// Two endpoints over memory of this process, and a pool whose blocks both reach: the owner of leases, and their user.
fn pair(bytes: usize) -> (ShmEndpoint, ShmEndpoint, Pool) {
    let (control, data) = (Segment::heap(1 << 20), Segment::heap(bytes));
    let link = Region::new(&control, 0, Link::BYTES).unwrap();
    Link::prepare(&link).unwrap();
    let bells = Region::new(&control, Link::BYTES.next_multiple_of(Doorbell::BYTES), 2 * Doorbell::BYTES).unwrap();
    let end = |side: Side, peer: &str| {
        let bell = |side: Side| Doorbell::at(&bells, side as usize * Doorbell::BYTES).unwrap();
        let mut endpoint = ShmEndpoint::new(bell(side), vec![Arc::clone(&data)]);
        let link = Link { peer: peer.into(), memory: link.clone(), side, bell: bell(side.other()) };
        assert_eq!(endpoint.join(link).unwrap(), PEER);
        endpoint
    };
    let (owner, user) = (end(Side::First, "user"), end(Side::Second, "owner"));
    let pool = Pool::new(data, Quota::unmeasured(bytes as u64));
    pool.set_ahead(0);
    (owner, user, pool)
}

/// A new block, all of it, and what tells whether it was given back.
fn extent(pool: &Pool, bytes: usize) -> (Memory, Weak<Block>) {
    let block = Arc::new(pool.alloc(bytes).unwrap());
    let weak = Arc::downgrade(&block);
    // SAFETY: nothing but the extent knows the block; the tests touch it before it is leased, and after its copies.
    (Memory::Block(unsafe { Extent::new(block, 0, bytes) }.unwrap()), weak)
}

/// Two endpoints and a lease of the first on a block, which only the lease keeps.
struct Leased {
    owner: ShmEndpoint,
    user: ShmEndpoint,
    pool: Pool,
    block: Weak<Block>,
    lease: Lease,
}

fn leased() -> Leased {
    let (mut owner, user, pool) = pair(4 << 20);
    let (memory, block) = extent(&pool, 1000);
    let lease = owner.register(&memory, Access::ReadWrite).unwrap().lease();
    Leased { owner, user, pool, block, lease }
}

impl Leased {
    /// Begins a copy as the user does, and stays in it.
    fn enter(&self) {
        let entry = self.user.peers[0].their_leases.enter(self.lease.key).unwrap();
        assert_eq!((entry.base, entry.len), (self.lease.base, 1000));
    }

    fn is_kept(&self) -> bool {
        assert_eq!(self.block.upgrade().is_some(), self.pool.stats().in_use > 0);
        self.block.upgrade().is_some()
    }

    fn progress(&mut self) {
        self.owner.progress(&mut Vec::new());
    }
}

#[test]
fn a_block_whose_lease_is_revoked_under_a_copy_is_kept_until_the_copy_ends() {
    let mut it = leased();
    it.enter();
    it.owner.revoke(it.lease);
    it.progress();
    assert!(it.is_kept());
    assert_eq!(it.user.peers[0].their_leases.enter(it.lease.key), None, "nothing new begins");
    it.progress();
    assert!(!it.is_kept(), "what is refused ends the copy");
}

#[test]
fn the_slot_of_a_copy_is_not_given_to_another_lease() {
    let mut it = leased();
    it.enter();
    it.owner.revoke(it.lease);
    let (memory, _) = extent(&it.pool, 500);
    let slot = |lease: Lease| lease.key as usize % SLOTS;
    let other = it.owner.register(&memory, Access::Read).unwrap().lease();
    assert_ne!(slot(other), slot(it.lease));
    it.user.peers[0].their_leases.leave();
    let next = it.owner.register(&memory, Access::Read).unwrap().lease();
    assert_eq!(slot(next), slot(it.lease));
    assert!(it.block.upgrade().is_none());
}

#[test]
fn the_dead_and_the_closed_keep_nothing() {
    let mut it = leased();
    it.enter();
    it.owner.revoke(it.lease);
    it.owner.lose(PEER, "killed by signal 9");
    it.progress();
    assert!(!it.is_kept());

    let mut it = leased();
    it.enter();
    it.owner.revoke(it.lease);
    it.user.peers[0].our_flags.u64(CLOSED).store(1, Ordering::Release);
    it.progress();
    assert!(!it.is_kept());
}

#[test]
fn an_endpoint_that_is_dropped_leaves_memory_to_a_copy_that_does_not_end() {
    let it = leased();
    it.enter();
    let Leased { owner, pool, block, .. } = it;
    let begun = Instant::now();
    drop(owner);
    assert!(begun.elapsed() >= PATIENCE);
    assert!(block.upgrade().is_some() && pool.stats().in_use > 0, "it is written to: nobody may have it");

    // Without a copy it is given back at once.
    let Leased { owner, user, pool, block, .. } = leased();
    drop(owner);
    assert!(block.upgrade().is_none() && pool.stats().in_use == 0);
    drop(user);
}

#[test]
fn a_peer_whose_ring_is_corrupt_is_given_up_and_still_keeps_what_it_copies() {
    let mut it = leased();
    it.enter();
    // Stamps of a lap to come, which no producer writes, in the ring to the owner.
    let ring = Side::Second.ring(&Region::new(it.owner.peers[0].our_flags.segment(), 0, Link::BYTES).unwrap()).unwrap();
    ring.copy_in(0, &vec![2; ring.len()]);
    let mut events = Vec::new();
    it.owner.progress(&mut events);
    assert!(
        matches!(&events[..], [Event::Lost { error: EndpointError::Corrupt { peer, .. }, .. }] if peer == "user"),
        "{events:?}"
    );
    it.owner.revoke(it.lease);
    it.progress();
    assert!(it.is_kept(), "it may live");
    it.user.peers[0].their_leases.leave();
    it.progress();
    assert!(!it.is_kept());
}
