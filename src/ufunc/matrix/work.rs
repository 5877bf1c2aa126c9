//! Products of matrices as a work: the first phase computes blocks of results, or of sums over stretches of the common axis; of these the
//! second makes results.

use super::{LONG, Operand as Side, Product};
use crate::program::limits;
use crate::work::extent;
use crate::work::protocol::{Access, Extent, Operand, Operands, Phase, Room, Work, tag};
use crate::work::wire::{Reader, Writer};
use crate::{Error, Result};

/// Operands.
const LEFT: usize = 0;
const RESULTS: usize = 2;

impl Product {
    /// The unit whose block a unit of a phase computes.
    fn unit_of(&self, nth: usize, unit: usize) -> usize {
        if nth == 0 { unit } else { unit * self.stretches }
    }

    /// The description that another process has sent, behind the tag.
    pub(crate) fn read(words: &mut Reader<'_>) -> Result<Product> {
        let dtype = words.dtype()?;
        let leading = words.lengths()?;
        if leading.len() > limits::NDIM {
            return Err(Error::frame(format!("{} axes; at most {} are allowed", leading.len(), limits::NDIM)));
        }
        let most = isize::MAX as usize;
        let sizes = [words.number("rows", most)?, words.number("terms", most)?, words.number("columns", most)?];
        let mut side = || {
            let leading = words.strides()?;
            Ok::<_, Error>(Side { leading, own: words.word()? as isize, common: words.word()? as isize })
        };
        let sides = [side()?, side()?];
        let product = Product::new(dtype, leading, sizes, sides, words.number("threads", 1 << 12)?)?;
        let block = (words.number("rows of a block", most)?, words.number("columns of a block", most)?);
        if block != product.block {
            return Err(Error::frame(format!("blocks of {block:?}, where this process has {:?}", product.block)));
        }
        Ok(product)
    }
}

impl Work for Product {
    fn operands(&self) -> Vec<Operand> {
        let [left, right, results] = self.extents;
        let operand = |access, extent| Operand { dtype: self.dtype, access, extent };
        vec![operand(Access::Read, left), operand(Access::Read, right), operand(Access::Write, results)]
    }

    unsafe fn phase(&self, nth: usize, _: &dyn Operands, _: &[Room]) -> Option<Phase> {
        let (units, bytes) = self.units();
        match nth {
            0 => Some(Phase { units, bytes, most: usize::MAX, scratch: self.scratch(), zeroed: 0 }),
            1 if self.stretches > 1 => Some(Phase {
                units: units / self.stretches,
                bytes: self.sums() * self.stretches,
                most: usize::MAX,
                scratch: 0,
                zeroed: 0,
            }),
            _ => None,
        }
    }

    fn touches(&self, nth: usize, unit: usize, operand: usize) -> Extent {
        let ([row, column, stretch], offsets, matrix) = self.place(self.unit_of(nth, unit));
        let (rows, columns) = (self.block.0.min(self.rows - row), self.block.1.min(self.columns - column));
        let size = self.size as isize;
        if operand == RESULTS {
            if nth == 0 && self.stretches > 1 {
                return Extent::NONE;
            }
            let first = matrix + row * self.columns + column;
            let last = first + (rows - 1) * self.columns + columns - 1;
            return Extent { low: first as isize * size, high: (last as isize + 1) * size };
        }
        if nth > 0 || self.depth == 0 {
            return Extent::NONE;
        }
        let terms = match self.stretches {
            1 => 0..self.depth,
            _ => stretch * LONG..((stretch + 1) * LONG).min(self.depth),
        };
        let (side, own, first) =
            if operand == LEFT { (&self.sides[0], rows, row) } else { (&self.sides[1], columns, column) };
        let along = extent::of_range(&[(self.depth, side.common * size)], terms, self.size);
        let across = extent::of_range(&[(first + own, side.own * size)], first..first + own, self.size);
        let offset = offsets[operand] * size;
        Extent { low: offset + along.low + across.low, high: offset + along.high - size + across.high }
    }

    unsafe fn run(&self, nth: usize, unit: usize, operands: &dyn Operands, scratch: &[Room]) {
        let at = |operand| operands.at(operand, self.touches(nth, unit, operand));
        let room = &scratch[0];
        let units = if nth == 0 { self.units().0 } else { self.units().0 / self.stretches };
        assert!(unit < units && room.len >= self.scratch(), "unit {unit} of {units}");
        // SAFETY: the caller's promise; the room takes what units leave.
        unsafe {
            match nth {
                0 => self.block([at(0).cast_const(), at(1).cast_const()], at(RESULTS), room.at, unit),
                1 if self.stretches > 1 => self.join(room.at, at(RESULTS), unit),
                _ => unreachable!("products have no phase {nth}"),
            }
        }
    }

    fn encode(&self, words: &mut Writer) -> bool {
        words.word(tag::PRODUCT);
        words.dtype(self.dtype);
        words.lengths(&self.leading);
        [self.rows, self.depth, self.columns].iter().for_each(|&count| words.word(count as u64));
        for Side { leading, own, common } in &self.sides {
            words.strides(leading);
            words.word(*own as u64);
            words.word(*common as u64);
        }
        words.word(self.threads as u64);
        // Units follow from the tiles of the sender's vector instructions.
        words.word(self.block.0 as u64);
        words.word(self.block.1 as u64);
        true
    }
}
