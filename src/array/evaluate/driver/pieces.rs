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
    pieces.pieces().len() < MOST_PIECES && pieces.extents().is_ok_and(|extents| extents.iter().all(inside))
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
        let inside = |piece: &Piece| piece.at.addr().saturating_sub(base) as u64;
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

#[cfg(test)]
mod tests {
    use super::*;
    use kernels::DType;

    const LENGTH: usize = 1 << 16;

    /// Four blocks of `f64`, one of them in column-major order, one backwards.
    fn grid(segment: &Segment) -> Pieces {
        let at = |place: usize| segment.base().as_ptr().wrapping_add(place);
        let piece = |place: usize, strides: [isize; 2]| Piece { at: at(place), strides: strides.to_vec() };
        let pieces =
            vec![piece(0, [40, 8]), piece(4096, [8, 24]), piece(segment.len() - 8, [-40, -8]), piece(8192, [16, 8])];
        Pieces::new(8, vec![vec![0, 3, 7], vec![0, 5, 7]], pieces).unwrap()
    }

    fn described(segment: &Segment, pieces: &Pieces) -> Vec<u8> {
        let mut words = Writer::new();
        let base = segment.base().as_ptr();
        write(&mut words, &[Source::At(base), Source::Pieces(pieces)], base.addr());
        words.finish()
    }

    #[test]
    fn what_is_written_is_read() {
        let segment = Segment::heap(LENGTH);
        let pieces = grid(&segment);
        assert!(lie_in(&pieces, segment.base().as_ptr().addr(), segment.len()));
        let bytes = described(&segment, &pieces);
        let mut words = Reader::new(&bytes);
        let read = read(&mut words, &segment).unwrap();
        assert!(words.is_empty());
        assert_eq!((read.edges(), read.pieces()), (pieces.edges(), pieces.pieces()));
    }

    #[test]
    fn whatever_is_read_lies_in_the_segment() {
        let segment = Segment::heap(LENGTH);
        let bytes = described(&segment, &grid(&segment));
        let mut taken = 0;
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let Ok(pieces) = read(&mut Reader::new(&changed), &segment) else { continue };
            taken += 1;
            assert!(lie_in(&pieces, segment.base().as_ptr().addr(), segment.len()), "bit {bit}: {pieces:?}");
            assert!(pieces.bytes() <= segment.len());
            let aligned = |piece: &Piece| {
                let align = pieces.size().min(8);
                piece.at.addr().is_multiple_of(align) && piece.strides.iter().all(|stride| stride % align as isize == 0)
            };
            assert!(pieces.pieces().iter().all(aligned), "bit {bit}: {pieces:?}");
        }
        assert!(taken > 0 && taken < bytes.len() * 8);
        for length in (0..bytes.len()).step_by(8) {
            assert!(read(&mut Reader::new(&bytes[..length]), &segment).is_err(), "{length} bytes of it");
        }
    }

    #[test]
    fn pieces_are_the_operand_or_refused() {
        let segment = Segment::heap(LENGTH);
        let pieces = grid(&segment);
        let operand = |dtype, access, high| Operand { dtype, access, extent: Extent { low: 0, high } };
        assert!(check(&operand(DType::F64, Access::Read, 49 * 8), &pieces).is_ok());
        assert!(check(&operand(DType::F64, Access::Read, 50 * 8), &pieces).is_err());
        assert!(check(&operand(DType::F64, Access::Write, 49 * 8), &pieces).is_err());
        assert!(check(&operand(DType::F32, Access::Read, 8), &pieces).is_err());
        let backwards = Operand { extent: Extent { low: -8, high: 8 }, ..operand(DType::F64, Access::Read, 0) };
        assert!(check(&backwards, &pieces).is_err());
    }
}
