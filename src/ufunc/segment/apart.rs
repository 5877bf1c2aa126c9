//! Segments of an operand that lies in pieces: each segment's elements are brought together, or those between the first and the last of a unit.

use super::runs::{Run, length};
use super::{Long, SEGMENTS, Segments, Tile, Way};
use crate::simd::Isa;
use crate::work::protocol::{self, Extent, Operands};
use std::mem::MaybeUninit;
use std::ops::Range;

/// The operand that segments are of.
const VALUES: usize = 0;

impl Segments {
    /// Some rows of some columns at an outer place: the first element, and bytes from a row to the next.
    fn bring(
        &self,
        operands: &dyn Operands,
        (place, rows): (usize, Range<usize>),
        columns: &Range<usize>,
    ) -> (*const u8, isize) {
        let (size, stride) = (self.from.size() as isize, self.geometry.stride * self.from.size() as isize);
        let first = self.source(place, rows.start, columns.start);
        if self.geometry.inner == 1 {
            let extent = Extent { low: first, high: first + rows.len() as isize * size };
            return (operands.at(VALUES, extent).cast_const().wrapping_offset(first), size);
        }
        let run = |row: usize| protocol::Run { offset: first + row as isize * stride, stride: size, n: columns.len() };
        let runs: Vec<protocol::Run> = (0..rows.len()).map(run).collect();
        (operands.packed(VALUES, &runs), columns.len() as isize * size)
    }

    /// [`unit`](Segments::unit).
    ///
    /// # Safety
    ///
    /// As [`unit`](Segments::unit), for what `operands` gives.
    pub(super) unsafe fn unit_apart(
        &self,
        operands: &dyn Operands,
        out: *mut u8,
        unit: usize,
        starts: &[usize],
        below: usize,
    ) {
        let (place, first, _, tile) = self.place(unit);
        let columns = self.columns(tile);
        let target = out.wrapping_add(self.target(place, first, columns.start));
        let step = self.geometry.inner * self.to.size();
        let isa = self.isa.min(Isa::Avx2) as usize;
        let joined = match &self.way {
            Way::Joined(joined) if self.geometry.inner == 1 => Some(joined),
            _ => None,
        };
        let (mut low, mut high, mut elements) = (usize::MAX, 0, 0usize);
        for pair in starts.windows(2) {
            let n = length(pair[0], pair[1]);
            // Of a segment that is passed over the first element's place is asked for all the same.
            let n = if n < below { n } else { 1 };
            (low, high) = (low.min(pair[0]), high.max(pair[0] + n));
            elements = elements.saturating_add(n);
        }
        if let Some(joined) = joined
            && low < high
            && high - low <= elements.saturating_mul(2)
        {
            let mut moved = [0; SEGMENTS + 1];
            let moved = &mut moved[..starts.len()];
            // What ends before it begins has one element, wherever that end is.
            moved.iter_mut().zip(starts).for_each(|(moved, start)| *moved = start.saturating_sub(low));
            let (values, _) = self.bring(operands, (place, low..high), &columns);
            let run = Run { values, readable: high - low, starts: moved, below };
            // SAFETY: all segments that are joined lie between `low` and `high`; targets are those of the unit's segments.
            unsafe { (joined.run[isa])(&run, target) };
            return;
        }
        let mut acc = MaybeUninit::<Tile>::uninit();
        for (i, pair) in starts.windows(2).enumerate() {
            let n = length(pair[0], pair[1]);
            if n >= below {
                continue;
            }
            let target = target.wrapping_add(i * step);
            let source = self.bring(operands, (place, pair[0]..pair[0] + n), &columns);
            // SAFETY: the segment's elements are there; targets are those of the unit's segments, and each takes as many results as there are
            // columns.
            unsafe {
                match joined {
                    Some(joined) => {
                        let starts = [0, n];
                        (joined.run[isa])(&Run { values: source.0, readable: n, starts: &starts, below }, target);
                    }
                    None => {
                        let acc = acc.as_mut_ptr().cast();
                        self.accumulate(&self.way, source, n, columns.len(), acc);
                        self.finish(acc, 1, columns.len(), target);
                    }
                }
            }
        }
    }

    /// [`part`](Segments::part).
    ///
    /// # Safety
    ///
    /// As [`part`](Segments::part), for what `operands` gives.
    pub(super) unsafe fn part_apart(&self, operands: &dyn Operands, long: &Long, part: usize, acc: *mut u8) {
        let (columns, most) = (self.columns(long.tile), self.part_length(long));
        let start = long.start + part * most;
        let rows = start..(start + most).min(long.start + long.length);
        let source = self.bring(operands, (long.place, rows.clone()), &columns);
        // SAFETY: rows of the segment, which `run` found to lie within the axis.
        unsafe { self.accumulate(&self.way, source, rows.len(), columns.len(), acc) }
    }
}
