//! Kernels as data: their protocol, their descriptions, and operands in pieces.

pub(crate) mod extent;
mod op;
pub mod pieces;
mod plan;
pub(crate) mod protocol;
pub mod wire;

#[cfg(test)]
pub(crate) use protocol::tag;
pub use protocol::{Access, Extent, Operand, Operands, Phase, Room, Run, Verdict, Work};

use crate::{Error, Result};
use wire::Reader;

/// The work that another process has described, checked through and through: whatever the words are, running it stays within the extents
/// that it tells.
///
/// # Errors
///
/// `Error::Frame` where there is no such work.
pub fn decode(words: &mut Reader<'_>) -> Result<Box<dyn Work>> {
    let work: Box<dyn Work> = match words.word()? {
        protocol::tag::PLAN => Box::new(crate::Plan::read(words)?),
        protocol::tag::SCAN => Box::new(crate::scan::Scan::read(words)?),
        protocol::tag::SEGMENTS => Box::new(crate::segment::Segments::read(words)?),
        protocol::tag::SCATTER => Box::new(crate::scatter::Scatter::read(words)?),
        protocol::tag::PRODUCT => Box::new(crate::matrix::Product::read(words)?),
        other => return Err(Error::frame(format!("no kind of kernel has the number {other}"))),
    };
    Ok(work)
}

/// Runs a work to its end on the calling thread, with scratch memory of its own.
///
/// # Safety
///
/// As [`Work::run`], for all units.
pub unsafe fn run_here(work: &dyn Work, operands: &dyn Operands) -> Verdict {
    let mut memory: Vec<Vec<crate::stream::Line<[u8; 64]>>> = Vec::new();
    let mut rooms: Vec<Room> = Vec::new();
    // SAFETY: the caller's promise; the rooms are as long as the phases say, zeroed, and kept to the end.
    unsafe {
        let mut nth = 0;
        while let Some(phase) = work.phase(nth, operands, &rooms) {
            let mut room = vec![crate::stream::Line([0u8; 64]); phase.scratch.div_ceil(64)];
            rooms.push(Room { at: room.as_mut_ptr().cast(), len: room.len() * 64 });
            memory.push(room);
            (0..phase.units).for_each(|unit| work.run(nth, unit, operands, &rooms));
            nth += 1;
        }
        work.verdict(&rooms)
    }
}
