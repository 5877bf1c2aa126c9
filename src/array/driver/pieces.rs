//! Operands in pieces, as the description of a job has them: boundaries, and of each piece its place in the segment and its strides.

use super::within;
use crate::error::{Error, Result};
use crate::transport::Segment;
use kernels::work::pieces::{Piece, Pieces, Source};
use kernels::work::wire::{Reader, Writer};
use kernels::work::{Access, Extent, Operand};

/// The place of an operand that lies in pieces, which are described behind the list of places.
pub(super) const IN_PIECES: u64 = u64::MAX;
/// Most pieces of an operand, and most boundaries along an axis.
const MOST_PIECES: usize = 1 << 16;
/// Most axes.
const MOST_AXES: usize = 64;

/// Whether all pieces lie between these addresses.
pub(super) fn lie_in(pieces: &Pieces, base: usize, length: usize) -> bool {
    let inside = |&(at, extent): &(*mut u8, Extent)| {
        let from = at.addr() as i128 + extent.low as i128 - base as i128;
        let first = at.addr() as i128 - base as i128;
        from >= 0 && first >= 0 && from + (extent.high - extent.low) as i128 <= length as i128
    };
    pieces.extents().is_ok_and(|extents| extents.iter().all(inside)) && pieces.pieces().len() <= MOST_PIECES
}

/// Describes the operands that lie in pieces, in a segment that begins at `base`.
pub(super) fn write(words: &mut Writer, sources: &[Source<'_>], base: usize) {
    for source in sources {
        let Source::Pieces(pieces) = source else { continue };
        words.word(pieces.size() as u64);
        words.word(pieces.edges().len() as u64);
        pieces.edges().iter().for_each(|edges| words.lengths(edges));
        words.word(pieces.pieces().len() as u64);
        // What has no elements may be anywhere.
        let inside = |piece: &Piece| piece.at.addr().checked_sub(base).unwrap_or(0) as u64;
        for piece in pieces.pieces() {
            words.word(inside(piece));
            words.strides(&piece.strides);
        }
    }
}

/// Reads the description of one operand: whatever the words are, its pieces lie in the segment, and stand for no more bytes than that has.
pub(super) fn read(words: &mut Reader<'_>, segment: &Segment) -> Result<Pieces> {
    let size = words.number("bytes of an element", 16)?;
    let axes = words.number("axes of a grid", MOST_AXES)?;
    let edges = (0..axes).map(|_| Ok(words.lengths()?)).collect::<Result<Vec<_>>>()?;
    let count = words.number("pieces", MOST_PIECES)?;
    let mut pieces = Vec::new();
    let align = size.clamp(1, 8);
    for _ in 0..count {
        let (place, strides) = (words.word()?, words.strides()?);
        if strides.iter().any(|stride| stride % align as isize != 0) {
            return Err(Error::frame(format!("strides {strides:?} of a piece of elements of {size} bytes")));
        }
        let first = usize::try_from(place).map_err(|_| Error::frame(format!("a piece at {place}")))?;
        pieces.push(Piece { at: segment.base().as_ptr().wrapping_add(first), strides });
    }
    let pieces = Pieces::new(size, edges, pieces).map_err(|error| Error::frame(format!("pieces: {error}")))?;
    if pieces.bytes() > segment.len() {
        let (bytes, length) = (pieces.bytes(), segment.len());
        return Err(Error::frame(format!("pieces of an array of {bytes} bytes in a segment of {length}")));
    }
    let base = segment.base().as_ptr().addr();
    for (at, extent) in pieces.extents()? {
        let place = at.addr().wrapping_sub(base) as u64;
        within(segment, place, extent.low as i128, extent.high as i128, align as u64)?;
    }
    Ok(pieces)
}

/// Whether pieces can be this operand.
pub(super) fn check(operand: &Operand, pieces: &Pieces) -> Result<()> {
    let all = Extent { low: 0, high: pieces.bytes() as isize };
    if operand.access != Access::Read || operand.dtype.size() != pieces.size() || !all.holds(operand.extent) {
        return Err(Error::frame(format!("pieces of {} bytes in all for {operand:?}", pieces.bytes())));
    }
    Ok(())
}
