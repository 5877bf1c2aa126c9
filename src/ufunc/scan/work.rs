//! Scans as works: one phase, whose units hand on totals and carries in scratch memory where they are chained.

use super::chain::Chain;
use super::{BLOCK, Scan, Way};
use crate::segment::Geometry;
use crate::work::extent;
use crate::work::protocol::{Access, Extent, Operand, Operands, Phase, Room, Work, tag};
use crate::work::wire::{Reader, Writer};
use crate::{Error, Op, Result, Scalar, stream};

impl Work for Scan {
    fn operands(&self) -> Vec<Operand> {
        let [source, target] = self.extents;
        let dtype = self.dtype;
        vec![
            Operand { dtype, access: Access::Read, extent: source },
            Operand { dtype, access: Access::Write, extent: target },
        ]
    }

    unsafe fn phase(&self, nth: usize, _: &dyn Operands, _: &[Room]) -> Option<Phase> {
        let (units, bytes) = self.units();
        let (scratch, zeroed) = if self.chained { Chain::bytes(units, self.each()) } else { (0, 0) };
        (nth == 0).then_some(Phase { units, bytes, most: if self.chained { 1 } else { usize::MAX }, scratch, zeroed })
    }

    fn is_ordered(&self, _: usize) -> bool {
        self.chained
    }

    fn touches(&self, _: usize, unit: usize, operand: usize) -> Extent {
        let Geometry { outer, length, stride, inner, .. } = &self.geometry;
        let (length, size, later) = (*length, self.size as isize, usize::from(self.initial.is_some()));
        let (places, rows, columns) = match self.way {
            Way::Lanes(_) => {
                let first = unit * self.per_unit;
                let last = (first + self.per_unit).min(self.places * self.blocks) - 1;
                let (places, ends) =
                    ((first / self.blocks, last / self.blocks), (first % self.blocks, last % self.blocks));
                let rows = match places {
                    (from, to) if from == to => ends.0 * BLOCK..((ends.1 + 1) * BLOCK).min(length),
                    _ => 0..length,
                };
                (places.0..places.1 + 1, rows, 0..1)
            }
            Way::Columns(_) if self.chained => {
                let (tile, rest) = (unit % self.tiles, unit / self.tiles);
                let (place, start) = (rest / self.blocks, rest % self.blocks * BLOCK);
                (place..place + 1, start..(start + BLOCK).min(length), self.columns(tile))
            }
            Way::Columns(_) | Way::InOrder(_) => {
                let (tile, place) = (unit % self.tiles, unit / self.tiles);
                (place..place + 1, 0..length, self.columns(tile))
            }
        };
        if operand == 0 {
            let mut axes: Vec<(usize, isize)> = outer.iter().map(|&(length, stride)| (length, stride * size)).collect();
            let outer = extent::of_range(&axes, places, self.size);
            axes.clear();
            let along = extent::of_range(&[(length, stride * size)], rows, self.size);
            let (low, high) = (columns.start as isize * size, (columns.end as isize - 1) * size);
            return Extent { low: outer.low + along.low + low, high: outer.high - size + along.high + high };
        }
        // The row of the initial value is written with the first.
        let first = if rows.start == 0 { 0 } else { rows.start + later };
        let (all, row) = (length + later, |row: usize| (row * inner) as isize);
        let from = row(places.start * all + first) + columns.start as isize;
        let to = row((places.end - 1) * all + rows.end + later - 1) + columns.end as isize;
        Extent { low: from * size, high: to * size }
    }

    unsafe fn run(&self, _: usize, unit: usize, operands: &dyn Operands, scratch: &[Room]) {
        assert!(unit < self.units().0, "unit {unit} of {}", self.units().0);
        let chain = self.chain(scratch);
        // SAFETY: the caller's promise.
        unsafe {
            match &self.way {
                Way::Lanes(kernels) => self.lanes(kernels, unit, operands, chain.as_ref()),
                Way::Columns(kernels) => self.rows(kernels, unit, operands, chain.as_ref()),
                Way::InOrder(step) => self.in_order(step, unit, operands),
            }
        }
        if self.streamed {
            stream::fence();
        }
    }

    fn encode(&self, words: &mut Writer) -> bool {
        words.word(tag::SCAN);
        words.word(self.op.number());
        words.dtype(self.dtype);
        self.geometry.encode(words);
        words.word(u64::from(self.initial.is_some()));
        words.value(&self.initial.unwrap_or([0; 16]));
        words.word(u64::from(self.streamed));
        words.word(self.threads as u64);
        true
    }
}

impl Scan {
    /// The scan that another process has described, behind the tag.
    pub(crate) fn read(words: &mut Reader<'_>) -> Result<Scan> {
        let op = words.word()?;
        let op = Op::of_number(op).ok_or_else(|| Error::frame(format!("no operation has the number {op:#x}")))?;
        let dtype = words.dtype()?;
        let geometry = Geometry::read(words)?;
        let (there, value) = (words.flag()?, words.value()?);
        let (streamed, threads) = (words.flag()?, words.number("threads", 1 << 12)?);
        let initial = there.then_some(Scalar { dtype, bytes: value });
        Scan::new(op, dtype, geometry, initial, streamed, threads)?
            .ok_or_else(|| Error::frame(format!("{op:?} of two {} does not go on", dtype.name())))
    }
}
