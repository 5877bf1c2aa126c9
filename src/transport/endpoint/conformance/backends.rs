//! A pair of endpoints over each backend.

use std::sync::Arc;

use super::{NAMES, Pair};
use crate::transport::doorbell::Doorbell;
use crate::transport::endpoint::PeerId;
use crate::transport::endpoint::heap::HeapEndpoint;
use crate::transport::endpoint::shm::{Link, ShmEndpoint, Side};
use crate::transport::region::Region;
use crate::transport::segment::Segment;

const MEMORY: usize = 64 << 10;

pub(super) fn heap() -> Pair<HeapEndpoint> {
    let mut ends = HeapEndpoint::network(&NAMES).into_iter();
    let (left, right) = (ends.next().unwrap(), ends.next().unwrap());
    let memory = || Region::new(&Segment::heap(MEMORY), 0, MEMORY).unwrap();
    Pair { left: (left, PeerId(1)), right: (right, PeerId(0)), left_memory: memory(), right_memory: memory() }
}

/// Two mappings of the same segments, as two processes have them.
pub(super) fn shm() -> Pair<ShmEndpoint> {
    let segment = |name| {
        let here = Segment::create(name, 2 << 20).unwrap();
        let there = Segment::open(here.fd().unwrap().try_clone_to_owned().unwrap()).unwrap();
        (here, there)
    };
    over(segment("link-test"), segment("data-test"))
}

/// The same without the kernel.
pub(super) fn shm_on_the_heap() -> Pair<ShmEndpoint> {
    let segment = || {
        let one = Segment::heap(2 << 20);
        (Arc::clone(&one), one)
    };
    over(segment(), segment())
}

fn over(control: (Arc<Segment>, Arc<Segment>), data: (Arc<Segment>, Arc<Segment>)) -> Pair<ShmEndpoint> {
    let bells = Link::BYTES.next_multiple_of(Doorbell::BYTES);
    let end = |control: &Arc<Segment>, data: &Arc<Segment>, side: Side, peer: &str| {
        let whole = Region::new(control, 0, control.len()).unwrap();
        let memory = whole.window(0, Link::BYTES).unwrap();
        if side == Side::First {
            Link::prepare(&memory).unwrap();
        }
        let bell = |side| Doorbell::at(&whole, bells + side as usize * Doorbell::BYTES).unwrap();
        let mut endpoint = ShmEndpoint::new(bell(side), vec![Arc::clone(control), Arc::clone(data)]);
        let other = if side == Side::First { Side::Second } else { Side::First };
        let id = endpoint.join(Link { peer: peer.into(), memory, side, bell: bell(other) }).unwrap();
        (endpoint, id)
    };
    Pair {
        left: end(&control.0, &data.0, Side::First, NAMES[1]),
        right: end(&control.1, &data.1, Side::Second, NAMES[0]),
        left_memory: Region::new(&data.0, 0, MEMORY).unwrap(),
        right_memory: Region::new(&data.1, MEMORY, MEMORY).unwrap(),
    }
}
