//! `reduceat` as a work. The first phase joins the segments of each unit and marks the units that leave long ones; then the long ones are
//! listed, their parts joined, and the parts of each joined in turn.

use super::{Geometry, LONG, Long, SEGMENTS, Segments};
use crate::work::extent;
use crate::work::protocol::{Access, Extent, Operand, Operands, Phase, Room, Verdict, Work, tag};
use crate::work::wire::{Reader, Writer};
use crate::{Error, Op, Result};

/// Marks of a unit.
const OUTSIDE: u8 = 1;
const LEAVES: u8 = 2;

/// Operands.
const VALUES: usize = 0;
const RESULTS: usize = 1;
const INDICES: usize = 2;

/// Words of a long segment in the list: what it is, its first part among all, and where the accumulators of that are.
const ENTRY: usize = 7;

impl Segments {
    /// Where the segments of a unit begin, and where the last one ends; `false` where one begins beyond the axis.
    ///
    /// # Safety
    ///
    /// As [`Work::run`].
    unsafe fn starts<'a>(
        &self,
        unit: usize,
        operands: &dyn Operands,
        room: &'a mut [usize; SEGMENTS + 1],
    ) -> (&'a [usize], bool) {
        let (_, first, count, _) = self.place(unit);
        let there = (count + 1).min(self.segments - first);
        let starts = &mut room[..count + 1];
        starts[there..].fill(self.geometry.length);
        let indices = operands.at(INDICES, self.touches(0, unit, INDICES));
        // SAFETY: as many indices from the unit's first one on are there.
        let inside = unsafe { self.numbers.fill(indices, first, &mut starts[..there], self.geometry.length, false) };
        (starts, inside)
    }

    /// The long segments of units that have left some.
    ///
    /// # Safety
    ///
    /// As [`Work::run`]; the first phase has run.
    unsafe fn left(&self, operands: &dyn Operands, marks: &[u8], mut each: impl FnMut(Long)) {
        let mut room = [0; SEGMENTS + 1];
        for (unit, _) in marks.iter().enumerate().filter(|(_, mark)| **mark & LEAVES != 0) {
            let (place, first, _, tile) = self.place(unit);
            // SAFETY: the caller's promise.
            let (starts, inside) = unsafe { self.starts(unit, operands, &mut room) };
            if !inside {
                continue;
            }
            let below = self.below(starts, self.columns(tile).len());
            for (i, pair) in starts.windows(2).enumerate() {
                let length = super::length(pair[0], pair[1]);
                if length >= below {
                    each(Long { place, segment: first + i, start: pair[0], length, tile });
                }
            }
        }
    }

    /// The list of long segments that a room holds.
    ///
    /// # Safety
    ///
    /// The room was written by the second phase.
    unsafe fn list(room: &Room) -> &[[u64; ENTRY]] {
        if room.len < 8 {
            return &[];
        }
        // SAFETY: the first word counts the entries behind it; no more are taken than the room has.
        unsafe {
            let most = (room.len / 8).saturating_sub(1) / ENTRY;
            let count = (room.at.cast::<u64>().read() as usize).min(most);
            std::slice::from_raw_parts(room.at.cast::<u64>().add(1).cast(), count)
        }
    }

    /// The long segment of an entry, its first part, and where its accumulators begin; `None` where it is none of this array.
    fn long(&self, entry: &[u64; ENTRY]) -> Option<(Long, usize, usize)> {
        let [place, segment, start, length, tile, first, at] = entry.map(|word| word as usize);
        let within = place < self.geometry.places()
            && segment < self.segments
            && tile < self.tiles
            && length > 0
            && start.checked_add(length).is_some_and(|end| end <= self.geometry.length);
        within.then_some((Long { place, segment, start, length, tile }, first, at))
    }

    /// Bytes of the accumulators of a long segment's parts, each segment's beginning on a border of 16.
    fn accumulators(&self, long: &Long) -> usize {
        let (parts, bytes) = self.parts(long);
        (parts * bytes).next_multiple_of(16)
    }

    /// Whether a room has the accumulators of a long segment at this place.
    fn fits(&self, place: usize, long: &Long, room: &Room) -> bool {
        let end = place.checked_add(self.accumulators(long));
        place.is_multiple_of(16) && end.is_some_and(|end| end <= room.len)
    }

    /// The elements at an outer place, between two rows and columns.
    fn values(&self, place: usize, rows: std::ops::Range<usize>, tile: usize) -> Extent {
        let Geometry { outer, length, stride, .. } = &self.geometry;
        let size = self.from.size();
        let bytes = size as isize;
        let axes: Vec<(usize, isize)> = outer.iter().map(|&(length, stride)| (length, stride * bytes)).collect();
        let outer = extent::of_range(&axes, place..place + 1, size);
        let along = extent::of_range(&[(*length, stride * bytes)], rows, size);
        let columns = self.columns(tile);
        let (low, high) = (columns.start as isize * bytes, (columns.end as isize - 1) * bytes);
        Extent { low: outer.low + along.low + low, high: outer.high - bytes + along.high + high }
    }

    fn results(&self, place: usize, segments: std::ops::Range<usize>, tile: usize) -> Extent {
        let columns = self.columns(tile);
        let low = self.target(place, segments.start, columns.start);
        let high = self.target(place, segments.end - 1, columns.end - 1) + self.to.size();
        Extent { low: low as isize, high: high as isize }
    }

    /// The description that another process has sent, behind the tag.
    pub(crate) fn read(words: &mut Reader<'_>) -> Result<Segments> {
        let op = words.word()?;
        let op = Op::of_number(op).ok_or_else(|| Error::frame(format!("no operation has the number {op:#x}")))?;
        let dtype = words.dtype()?;
        let geometry = Geometry::read(words)?;
        let (segments, numbers) = (words.number("segments", isize::MAX as usize)?, words.dtype()?);
        Segments::new(op, dtype, geometry, segments, numbers)?
            .ok_or_else(|| Error::frame(format!("{op:?} of two {} does not go on", dtype.name())))
    }
}

impl Work for Segments {
    fn operands(&self) -> Vec<Operand> {
        let [values, results] = self.extents;
        let indices = Extent { low: 0, high: (self.segments * self.numbers.size()) as isize };
        vec![
            Operand { dtype: self.from, access: Access::Read, extent: values },
            Operand { dtype: self.to, access: Access::Write, extent: results },
            Operand { dtype: self.numbers.dtype(), access: Access::Read, extent: indices },
        ]
    }

    unsafe fn phase(&self, nth: usize, operands: &dyn Operands, scratch: &[Room]) -> Option<Phase> {
        let (units, elements) = self.units();
        if nth == 0 {
            return Some(Phase {
                units,
                bytes: elements * self.to.size().max(8),
                most: usize::MAX,
                scratch: units,
                zeroed: 0,
            });
        }
        assert!(scratch[0].len >= units, "{} bytes for the marks of {units} units", scratch[0].len);
        // SAFETY: every unit has left its mark, and the phases before have run (contract).
        unsafe {
            let marks = std::slice::from_raw_parts(scratch[0].at, units);
            if marks.iter().any(|mark| mark & OUTSIDE != 0) || marks.iter().all(|&mark| mark == 0) {
                return None;
            }
            match nth {
                1 => {
                    let mut count = 0;
                    self.left(operands, marks, |_| count += 1);
                    Some(Phase { units: 1, bytes: 0, most: 1, scratch: 8 * (1 + ENTRY * count), zeroed: 0 })
                }
                2 => {
                    let list = Segments::list(&scratch[1]);
                    let last = list.last().and_then(|entry| self.long(entry));
                    let (long, first, at) = last.expect("the second phase has listed long segments");
                    let units = first + self.parts(&long).0;
                    let elements =
                        list.iter().filter_map(|entry| self.long(entry)).map(|(long, ..)| self.part_elements(&long));
                    Some(Phase {
                        units,
                        bytes: elements.max().unwrap_or(LONG) * 8,
                        most: usize::MAX,
                        scratch: at + self.accumulators(&long),
                        zeroed: 0,
                    })
                }
                3 => Some(Phase {
                    units: Segments::list(&scratch[1]).len(),
                    bytes: 1 << 12,
                    most: usize::MAX,
                    scratch: 0,
                    zeroed: 0,
                }),
                _ => None,
            }
        }
    }

    /// Which elements segments have is not known without the indices: all along the axis, at the unit's place.
    fn touches(&self, nth: usize, unit: usize, operand: usize) -> Extent {
        if nth > 0 {
            return self.operands()[operand].extent;
        }
        let (place, first, count, tile) = self.place(unit);
        match operand {
            VALUES => {
                let extent = self.values(place, 0..self.geometry.length, tile);
                Extent { low: extent.low, high: extent.high + self.beyond(place) as isize }
            }
            RESULTS => self.results(place, first..first + count, tile),
            _ => {
                let size = self.numbers.size();
                let end = (first + count + 1).min(self.segments);
                Extent { low: (first * size) as isize, high: (end * size) as isize }
            }
        }
    }

    unsafe fn run(&self, nth: usize, unit: usize, operands: &dyn Operands, scratch: &[Room]) {
        let at = |operand| operands.at(operand, self.touches(nth, unit, operand));
        assert!(scratch[0].len >= self.units().0, "{} bytes for marks", scratch[0].len);
        // SAFETY: the caller's promise; entries of the list are looked at, and so are the places of accumulators.
        unsafe {
            match nth {
                0 => {
                    assert!(unit < self.units().0 && scratch[0].len > unit, "unit {unit} of {}", self.units().0);
                    let mut room = [0; SEGMENTS + 1];
                    let (starts, inside) = self.starts(unit, operands, &mut room);
                    let mut mark = if inside { 0 } else { OUTSIDE };
                    if inside {
                        let below = self.below(starts, self.columns(self.place(unit).3).len());
                        let leaves = |pair: &[usize]| super::length(pair[0], pair[1]) >= below;
                        if below != usize::MAX && starts.windows(2).any(leaves) {
                            mark = LEAVES;
                        }
                        match operands.in_place(VALUES, self.touches(0, unit, VALUES)) {
                            Some(values) => self.unit(values, at(RESULTS), unit, starts, below),
                            None => self.unit_apart(operands, at(RESULTS), unit, starts, below),
                        }
                    }
                    scratch[0].at.add(unit).write(mark);
                }
                1 => {
                    let words = scratch[1].at.cast::<u64>();
                    assert!(scratch[1].len >= 8, "no room for a list");
                    let most = (scratch[1].len / 8).saturating_sub(1) / ENTRY;
                    let (mut count, mut parts, mut bytes) = (0, 0, 0);
                    let marks = std::slice::from_raw_parts(scratch[0].at, self.units().0);
                    self.left(operands, marks, |long| {
                        let Long { place, segment, start, length, tile } = long;
                        if count < most {
                            let entry = [place, segment, start, length, tile, parts, bytes].map(|number| number as u64);
                            words.add(1 + ENTRY * count).cast::<[u64; ENTRY]>().write(entry);
                        }
                        count += 1;
                        parts += self.parts(&long).0;
                        bytes += self.accumulators(&long);
                    });
                    words.write(count.min(most) as u64);
                }
                2 => {
                    let list = Segments::list(&scratch[1]);
                    let entry = list.partition_point(|entry| entry[5] as usize <= unit).checked_sub(1);
                    let Some((long, first, place)) = entry.and_then(|entry| self.long(&list[entry])) else { return };
                    let (part, (parts, bytes)) = (unit - first, self.parts(&long));
                    if part < parts && self.fits(place, &long, &scratch[2]) {
                        let acc = scratch[2].at.add(place + part * bytes);
                        match operands.in_place(VALUES, self.touches(2, unit, VALUES)) {
                            Some(values) => self.part(values, &long, part, acc),
                            None => self.part_apart(operands, &long, part, acc),
                        }
                    }
                }
                _ => {
                    let list = Segments::list(&scratch[1]);
                    let Some((long, _, place)) = list.get(unit).and_then(|entry| self.long(entry)) else { return };
                    if self.fits(place, &long, &scratch[2]) {
                        self.join(scratch[2].at.add(place), &long, at(RESULTS));
                    }
                }
            }
        }
    }

    unsafe fn verdict(&self, scratch: &[Room]) -> Verdict {
        // SAFETY: every unit has left its mark (contract).
        let marks = unsafe { std::slice::from_raw_parts(scratch[0].at, self.units().0) };
        if marks.iter().any(|mark| mark & OUTSIDE != 0) { Verdict::Outside } else { Verdict::Whole }
    }

    fn encode(&self, words: &mut Writer) -> bool {
        words.word(tag::SEGMENTS);
        words.word(self.op.number());
        words.dtype(self.from);
        self.geometry.encode(words);
        words.word(self.segments as u64);
        words.dtype(self.numbers.dtype());
        true
    }
}
