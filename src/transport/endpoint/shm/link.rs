//! A link: the control memory that joins two endpoints, for each side flags, a lease table and a ring to send into.

use crate::transport::doorbell::Doorbell;
use crate::transport::lease_table::LeaseTable;
use crate::transport::region::Region;
use crate::transport::ring::Ring;
use crate::{Error, Result};

/// Most leases of an endpoint.
pub(super) const SLOTS: usize = 256;

/// Longest message.
pub(super) const MESSAGE: usize = 16 << 10;

// Offsets in a link; those of the second side follow the first's.
const FLAGS_AT: usize = 0;
const FLAGS_BYTES: usize = 128;
const LEASES_AT: usize = 2 * FLAGS_BYTES;
const LEASES_BYTES: usize = LeaseTable::<Region>::bytes_for(SLOTS);
const RINGS_AT: usize = LEASES_AT + 2 * LEASES_BYTES;

// Offsets in the flags of a side.
pub(super) const CLOSED: usize = 0;
pub(super) const WANTS_ROOM: usize = 8;

/// Fewest lines of a ring that holds the longest message.
const LINES: usize = MESSAGE.div_ceil(56).next_power_of_two();

const _: () = assert!(LEASES_BYTES.is_multiple_of(64) && RINGS_AT.is_multiple_of(64));

/// Which end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// One of them: by custom who made it.
    First = 0,
    /// The other.
    Second = 1,
}

impl Side {
    pub(super) fn other(self) -> Side {
        match self {
            Side::First => Side::Second,
            Side::Second => Side::First,
        }
    }

    fn part(self, memory: &Region, at: usize, bytes: usize) -> Result<Region> {
        memory.window(at + self as usize * bytes, bytes)
    }

    /// What this side says of itself.
    pub(super) fn flags(self, memory: &Region) -> Result<Region> {
        self.part(memory, FLAGS_AT, FLAGS_BYTES)
    }

    /// The leases that this side grants.
    pub(super) fn leases(self, memory: &Region) -> Result<LeaseTable<Region>> {
        Ok(LeaseTable::over(self.part(memory, LEASES_AT, LEASES_BYTES)?))
    }

    /// The ring that this side sends into.
    pub(super) fn ring(self, memory: &Region) -> Result<Region> {
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
        memory.copy_in(0, &[0; RINGS_AT]);
        Ring::create(Side::First.ring(memory)?)?;
        Ring::create(Side::Second.ring(memory)?)?;
        Ok(())
    }
}
