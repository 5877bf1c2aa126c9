//! A pair of endpoints over each backend, with memory of each kind.

use std::sync::{Arc, Weak};

use super::{NAMES, Pair};
use crate::transport::doorbell::Doorbell;
use crate::transport::endpoint::heap::HeapEndpoint;
use crate::transport::endpoint::shm::{Link, ShmEndpoint, Side};
use crate::transport::endpoint::{Extent, Memory, PeerId};
use crate::transport::pool::{Block, Pool};
use crate::transport::quota::Quota;
use crate::transport::region::Region;
use crate::transport::segment::{HUGE_PAGE, Segment};

/// Bytes of each side's memory: more than one call of progress copies.
pub(super) const MEMORY: usize = 3 << 20;

/// Bytes of the segment that both sides map for their memory.
pub(super) const DATA: usize = 32 << 20;

/// Extents of the pool that the first side lends to the second.
pub(super) const LENT: u32 = 4;

/// The number under which the second side's extents are lent.
pub(super) const SECOND: u32 = 1;

const BELLS: usize = Link::BYTES.next_multiple_of(Doorbell::BYTES);

/// A side's memory and, of a block, what tells whether it was given back.
type Watched = (Memory, Option<Weak<Block>>);

pub(super) fn heap() -> Pair<HeapEndpoint> {
    let memory = || (words(&Segment::heap(MEMORY), 0), None);
    over_heap(memory(), memory())
}

pub(super) fn heap_blocks() -> Pair<HeapEndpoint> {
    let memory = || block(&pool(Segment::heap(DATA)), MEMORY);
    over_heap(memory(), memory())
}

/// Two mappings of the same segments, as two processes have them.
pub(super) fn shm() -> Pair<ShmEndpoint> {
    over_words(mapped_twice("link-test"), mapped_twice("data-test"))
}

pub(super) fn shm_blocks() -> Pair<ShmEndpoint> {
    over_blocks(mapped_twice("link-test"), mapped_twice("data-test"))
}

/// The same without the kernel.
pub(super) fn shm_on_the_heap() -> Pair<ShmEndpoint> {
    over_words(twice(), twice())
}

pub(super) fn shm_blocks_on_the_heap() -> Pair<ShmEndpoint> {
    over_blocks(twice(), twice())
}

fn mapped_twice(name: &str) -> (Arc<Segment>, Arc<Segment>) {
    let here = Segment::create(name, DATA).unwrap();
    let there = Segment::open(here.fd().unwrap().try_clone_to_owned().unwrap()).unwrap();
    (here, there)
}

fn twice() -> (Arc<Segment>, Arc<Segment>) {
    let one = Segment::heap(DATA);
    (Arc::clone(&one), one)
}

/// A pool that does not measure the machine and grows no further than it is asked to.
pub(super) fn pool(segment: Arc<Segment>) -> Pool {
    let bytes = segment.len() as u64;
    let pool = Pool::new(segment, Quota::unmeasured(bytes));
    pool.set_ahead(0);
    pool
}

/// A block, all of it but an odd margin.
pub(super) fn block(pool: &Pool, bytes: usize) -> Watched {
    let block = Arc::new(pool.alloc(bytes + 8).unwrap());
    let kept = Arc::downgrade(&block);
    // SAFETY: nothing but the extent knows the block. The cases touch it through the extent and transfers alone, and look at
    // what a transfer has to do with only when it has completed, or a message has told them so.
    let extent = unsafe { Extent::new(block, 3, bytes) }.unwrap();
    (Memory::Block(extent), Some(kept))
}

fn words(segment: &Arc<Segment>, offset: usize) -> Memory {
    Memory::Words(Region::new(segment, offset, MEMORY).unwrap())
}

fn over_heap((left_memory, _): Watched, (right_memory, right_block): Watched) -> Pair<HeapEndpoint> {
    let mut ends = HeapEndpoint::network(&NAMES).into_iter();
    let (left, right) = (ends.next().unwrap(), ends.next().unwrap());
    Pair { left: (left, PeerId(1)), right: (right, PeerId(0)), left_memory, right_memory, right_block }
}

fn over_words(control: (Arc<Segment>, Arc<Segment>), data: (Arc<Segment>, Arc<Segment>)) -> Pair<ShmEndpoint> {
    let (left, right) = ((words(&data.0, 0), None), (words(&data.1, MEMORY), None));
    over(&control, &data, left, right)
}

fn over_blocks(control: (Arc<Segment>, Arc<Segment>), data: (Arc<Segment>, Arc<Segment>)) -> Pair<ShmEndpoint> {
    let owner = pool(Arc::clone(&data.0));
    let lent = owner.lease(SECOND, LENT).unwrap();
    assert_eq!(lent.len, u64::from(LENT) * HUGE_PAGE as u64);
    let tenant = Pool::over_lease(Arc::clone(&data.1), &[lent]).unwrap();
    let (left, right) = (block(&owner, MEMORY), block(&tenant, MEMORY));
    over(&control, &data, left, right)
}

fn over(
    control: &(Arc<Segment>, Arc<Segment>),
    data: &(Arc<Segment>, Arc<Segment>),
    (left_memory, _): Watched,
    (right_memory, right_block): Watched,
) -> Pair<ShmEndpoint> {
    prepare(&control.0);
    Pair {
        left: end(&control.0, &data.0, Side::First),
        right: end(&control.1, &data.1, Side::Second),
        left_memory,
        right_memory,
        right_block,
    }
}

/// Makes a link at the begin of a control segment, for both sides to join.
pub(super) fn prepare(control: &Arc<Segment>) {
    Link::prepare(&Region::new(control, 0, Link::BYTES).unwrap()).unwrap();
}

/// The endpoint of one side of the link in a control segment.
pub(super) fn end(control: &Arc<Segment>, data: &Arc<Segment>, side: Side) -> (ShmEndpoint, PeerId) {
    let whole = Region::new(control, 0, control.len()).unwrap();
    let bell = |side| Doorbell::at(&whole, BELLS + side as usize * Doorbell::BYTES).unwrap();
    let (other, peer) = if side == Side::First { (Side::Second, NAMES[1]) } else { (Side::First, NAMES[0]) };
    let mut endpoint = ShmEndpoint::new(bell(side), vec![Arc::clone(control), Arc::clone(data)]);
    let memory = whole.window(0, Link::BYTES).unwrap();
    let id = endpoint.join(Link { peer: peer.into(), memory, side, bell: bell(other) }).unwrap();
    (endpoint, id)
}
