//! `at` as a work. All indices are looked at before anything is changed: by a phase of its own, or by the one that deals or gathers. Units
//! write ranges of places: in place, or elsewhere from the elements as they were, and then a unit may be run again.

use super::{BLOCK, Dealt, Scatter, Way};
use crate::work::protocol::{Access, Extent, Operand, Operands, Phase, Room, Verdict, Work, tag};
use crate::work::wire::{Reader, Writer};
use crate::{Error, Op, Result};
use std::cell::Cell;
use std::ops::Range;

/// Operands: the elements as they were, as they become, the indices, the values.
const SOURCE: usize = 0;
const TARGET: usize = 1;
const INDICES: usize = 2;
const VALUES: usize = 3;

/// Indices that one unit looks at.
const CHECKED: usize = 64 * BLOCK;
/// Places that one unit of merging has.
const MERGED: usize = 8 * BLOCK;

/// What a phase does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// Looks at all indices.
    Check,
    /// Joins stretches of the updates to copies.
    Gather,
    Merge,
    /// Deals the updates from a number on.
    Deal(usize),
    Bucket(usize),
    /// Updates in order, by ranges of places.
    Direct,
}

impl Scatter {
    fn step(&self, nth: usize) -> Option<Step> {
        let (together, ..) = self.dealing();
        match (self.way, nth) {
            (Way::Copies(..), 0) => Some(Step::Gather),
            (Way::Copies(..), 1) => Some(Step::Merge),
            (Way::Copies(..), _) => None,
            (Way::Buckets(_), nth) => {
                // One round of dealing looks at all indices by itself.
                let checked = usize::from(together < self.updates);
                let Some(nth) = nth.checked_sub(checked) else { return Some(Step::Check) };
                let start = nth / 2 * together;
                let step = if nth.is_multiple_of(2) { Step::Deal(start) } else { Step::Bucket(start) };
                (start < self.updates).then_some(step)
            }
            (_, 0) => Some(Step::Check),
            (_, 1) => Some(Step::Direct),
            _ => None,
        }
    }

    fn units_of(&self, step: Step) -> usize {
        let (together, piece, buckets) = self.dealing();
        match step {
            Step::Check => self.updates.div_ceil(CHECKED),
            Step::Gather | Step::Direct => self.ranges(),
            Step::Merge => self.places.div_ceil(MERGED),
            Step::Deal(start) => together.min(self.updates - start).div_ceil(piece),
            Step::Bucket(_) => buckets,
        }
    }

    /// The places that a unit writes.
    fn places_of(&self, step: Step, unit: usize) -> Range<usize> {
        match (step, self.way) {
            (Step::Merge, _) => unit * MERGED..((unit + 1) * MERGED).min(self.places),
            (Step::Bucket(_), Way::Buckets(shift)) => unit << shift..((unit + 1) << shift).min(self.places),
            (Step::Direct, _) => {
                let ranges = self.ranges();
                self.places * unit / ranges..self.places * (unit + 1) / ranges
            }
            _ => 0..0,
        }
    }

    /// The updates whose indices and values a unit reads.
    fn updates_of(&self, step: Step, unit: usize) -> Range<usize> {
        let within = |first: usize, count: usize| first.min(self.updates)..(first + count).min(self.updates);
        match step {
            Step::Check => within(unit * CHECKED, CHECKED),
            Step::Gather => {
                let stretch = self.updates.div_ceil(self.ranges());
                within(unit * stretch, stretch)
            }
            Step::Deal(start) => {
                let (together, piece, _) = self.dealing();
                let updates = within(start + unit * piece, piece);
                updates.start..updates.end.min(start + together)
            }
            Step::Direct => 0..self.updates,
            Step::Merge | Step::Bucket(_) => 0..0,
        }
    }

    /// Where the parts of a room of dealt updates begin, and its length.
    fn dealt_room(&self) -> ([usize; 3], usize) {
        let (together, piece, buckets) = self.dealing();
        let pieces = together.div_ceil(piece);
        let near = (pieces * (buckets + 1) * 4).next_multiple_of(64);
        let values = (near + together * 4).next_multiple_of(64);
        ([0, near, values], values + if self.own { together * self.sizes[1] } else { 0 })
    }

    /// The phase whose room holds the marks of units that met an index out of bounds, and how many there are.
    fn marks(&self) -> (usize, usize) {
        (0, self.step(0).map_or(0, |step| self.units_of(step)))
    }

    /// Whether an index was out of bounds.
    ///
    /// # Safety
    ///
    /// The first phase has run.
    unsafe fn outside(&self, scratch: &[Room]) -> bool {
        let (phase, units) = self.marks();
        assert!(scratch[phase].len >= units, "{} bytes for the marks of {units} units", scratch[phase].len);
        // SAFETY: every unit has left its mark at the beginning of the room.
        unsafe { std::slice::from_raw_parts(scratch[phase].at, units) }.contains(&1)
    }

    /// Bytes of the marks, rounded up, so that what lies behind them is aligned.
    fn mark_bytes(&self) -> usize {
        self.marks().1.next_multiple_of(64)
    }

    /// The description that another process has sent, behind the tag.
    pub(crate) fn read(words: &mut Reader<'_>) -> Result<Scatter> {
        let op = words.word()?;
        let op = Op::of_number(op).ok_or_else(|| Error::frame(format!("no operation has the number {op:#x}")))?;
        let types = [words.dtype()?, words.dtype()?];
        let most = isize::MAX as usize;
        let counts = [words.number("places", most)?, words.number("elements", most)?, words.number("updates", most)?];
        let (own, numbers) = (words.flag()?, words.dtype()?);
        let (in_order, among) = (words.flag()?, words.number("ranges", super::MOST_THREADS)?);
        let scatter = Scatter::new(op, types, counts, own, numbers)?.map(Scatter::elsewhere);
        let scatter = scatter.ok_or_else(|| Error::frame(format!("{op:?} of {types:?} does not go on")))?;
        let scatter = match scatter.way {
            Way::Copies(..) if in_order => return Err(Error::frame("copies in order")),
            _ if in_order => scatter.in_order(),
            _ => scatter,
        };
        Ok(scatter.among(among))
    }
}

impl Work for Scatter {
    fn operands(&self) -> Vec<Operand> {
        let [a, b] = self.types;
        let elements = Extent { low: 0, high: (self.places * self.row * a.size()) as isize };
        let indices = Extent { low: 0, high: (self.updates * self.numbers.size()) as isize };
        let rows = if self.own { self.updates } else { 1 };
        let values = Extent { low: 0, high: (rows * self.row * b.size()) as isize };
        vec![
            Operand { dtype: a, access: Access::Read, extent: elements },
            Operand { dtype: a, access: Access::Write, extent: elements },
            Operand { dtype: self.numbers.dtype(), access: Access::Read, extent: indices },
            Operand { dtype: b, access: Access::Read, extent: values },
        ]
    }

    unsafe fn phase(&self, nth: usize, _: &dyn Operands, scratch: &[Room]) -> Option<Phase> {
        let step = self.step(nth)?;
        // SAFETY: the phases before have run (contract).
        if nth > 0 && unsafe { self.outside(scratch) } {
            return None;
        }
        let (units, marks) = (self.units_of(step), if nth == 0 { self.mark_bytes() } else { 0 });
        let (together, piece, buckets) = self.dealing();
        let (bytes, room) = match step {
            Step::Check => (CHECKED * 8, 0),
            Step::Gather => (self.updates / units * 16, self.accumulators().1),
            Step::Merge => (MERGED * (self.accumulators().1 / self.places + self.sizes[0]), 0),
            // Rounds after the first have the room of that.
            Step::Deal(start) => (piece * 32, if start == 0 { self.dealt_room().1 } else { 0 }),
            Step::Bucket(_) => (together / buckets * 64, 0),
            Step::Direct => (self.range_bytes(), 0),
        };
        Some(Phase { units, bytes, most: usize::MAX, scratch: marks + room, zeroed: marks })
    }

    fn touches(&self, nth: usize, unit: usize, operand: usize) -> Extent {
        let Some(step) = self.step(nth) else { return Extent::NONE };
        let of = |range: Range<usize>, size: usize| match range.is_empty() {
            true => Extent::NONE,
            false => Extent { low: (range.start * size) as isize, high: (range.end * size) as isize },
        };
        let updates = self.updates_of(step, unit);
        match operand {
            SOURCE | TARGET => of(self.places_of(step, unit), self.row * self.sizes[0]),
            INDICES => of(updates, self.numbers.size()),
            _ if matches!(step, Step::Check | Step::Merge) => Extent::NONE,
            _ if self.own => of(updates, self.row * self.sizes[1]),
            _ => of(0..1, self.row * self.sizes[1]),
        }
    }

    unsafe fn run(&self, nth: usize, unit: usize, operands: &dyn Operands, scratch: &[Room]) {
        let Some(step) = self.step(nth) else { return };
        assert!(unit < self.units_of(step), "unit {unit} of {step:?}");
        let at = |operand| operands.at(operand, self.touches(nth, unit, operand));
        let inside = Cell::new(true);
        let indices = at(INDICES).cast_const();
        let read = |first: usize, out: &mut [usize]| {
            // SAFETY: updates of this unit, whose indices are there.
            let all = unsafe { self.numbers.fill(indices, first, out, self.places, true) };
            inside.set(inside.get() && all);
        };
        let places = self.places_of(step, unit);
        let target = || {
            let (source, target) = (at(SOURCE), at(TARGET));
            if !self.in_place {
                let (start, bytes) = (places.start * self.row * self.sizes[0], places.len() * self.row * self.sizes[0]);
                // SAFETY: the places of this unit, which are there, and apart from each other.
                unsafe { std::ptr::copy_nonoverlapping(source.add(start), target.add(start), bytes) }
            }
            target
        };
        // SAFETY: the caller's promise; rooms are as long as the phases say, which is asserted.
        unsafe {
            match step {
                Step::Check => {
                    let mut room = [0; BLOCK];
                    let updates = self.updates_of(step, unit);
                    for first in updates.clone().step_by(BLOCK) {
                        read(first, &mut room[..BLOCK.min(updates.end - first)]);
                    }
                }
                Step::Gather => {
                    let accs = self.room(&scratch[0], self.mark_bytes(), self.accumulators().1);
                    self.gather(accs, at(VALUES), unit, &read);
                }
                Step::Merge => {
                    let accs = self.room(&scratch[0], self.mark_bytes(), self.accumulators().1);
                    self.merge(target(), accs, places.clone());
                }
                Step::Deal(start) => self.deal(self.dealt(scratch), at(VALUES), start, unit, &read),
                Step::Bucket(start) => {
                    let pieces = self.units_of(Step::Deal(start));
                    self.bucket(target(), at(VALUES), self.dealt(scratch), pieces, unit);
                }
                Step::Direct => self.direct(target(), at(VALUES), unit, &read),
            }
            if nth == 0 {
                assert!(unit < scratch[0].len);
                scratch[0].at.add(unit).write(u8::from(!inside.get()));
            }
        }
    }

    unsafe fn verdict(&self, scratch: &[Room]) -> Verdict {
        // SAFETY: all phases have run (contract).
        if unsafe { self.outside(scratch) } { Verdict::Outside } else { Verdict::Whole }
    }

    fn encode(&self, words: &mut Writer) -> bool {
        words.word(tag::SCATTER);
        words.word(self.op.number());
        self.types.iter().for_each(|&dtype| words.dtype(dtype));
        [self.places, self.row, self.updates].iter().for_each(|&count| words.word(count as u64));
        words.word(u64::from(self.own));
        words.dtype(self.numbers.dtype());
        let chosen =
            Scatter::new(self.op, self.types, [self.places, self.row, self.updates], self.own, self.numbers.dtype());
        words.word(u64::from(!matches!(chosen, Ok(Some(chosen)) if chosen.way == self.way)));
        words.word(self.among as u64);
        !self.in_place
    }
}

impl Scatter {
    /// The part of a room from a byte on.
    fn room(&self, room: &Room, from: usize, bytes: usize) -> *mut u8 {
        assert!(from + bytes <= room.len, "{from} and {bytes} bytes of {}", room.len);
        room.at.wrapping_add(from)
    }

    /// The room of dealt updates: that of the first phase that deals.
    fn dealt(&self, scratch: &[Room]) -> Dealt {
        let (starts, bytes) = self.dealt_room();
        let (phase, from) = if self.step(0) == Some(Step::Check) { (1, 0) } else { (0, self.mark_bytes()) };
        let room = self.room(&scratch[phase], from, bytes);
        let [firsts, near, values] = starts.map(|start| room.wrapping_add(start));
        Dealt { firsts: firsts.cast(), near: near.cast(), values }
    }
}
