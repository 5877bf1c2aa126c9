//! Products of matrices, blocked for the caches.
//!
//! One definition for every size, layout, processor and number of threads: each result is a sum over the common axis in order, whose
//! products are not rounded; every [`DEPTH`] places the sum begins anew and is added to the sum of those before, and every
//! [`LONG`] places so is that. Units are blocks of results, and stretches of [`LONG`] places where there are few blocks.

mod ring;
mod tile;
mod work;

use super::simd::Isa;
use super::stream::Line;
use super::work::extent;
use super::work::protocol::Extent;
use super::{DType, Error, Result};
use std::cell::RefCell;
use tile::{Block, BlockFn, Side};

/// Places of the common axis that are added up before that is added to what was before.
pub const DEPTH: usize = 256;
/// Places after which that is added to what was before, in turn.
pub const LONG: usize = DEPTH << 4;
/// Rows and columns of a block of results, about.
const ROWS: usize = 192;
const COLUMNS: usize = 240;

/// A kernel with the rows and columns of its tiles.
type Kernel = (BlockFn, usize, usize);

/// The kernels of a ring.
#[derive(Clone, Copy, Debug)]
struct Kernels {
    /// For each instruction set.
    blocks: [Kernel; 3],
    add: unsafe fn(*mut u8, *const u8, usize),
    leave: unsafe fn(*const u8, *mut u8, usize),
    /// Bytes of a number.
    num: usize,
    /// Whether numbers are elements, so that sums can be where the results are.
    elements: bool,
}

macro_rules! kernels {
    ($ring:ty: $small:literal, $down:literal $medium:literal, $long:literal $large:literal) => {
        Kernels {
            blocks: [
                (tile::baseline::<$ring, 4, $small>, 4, $small),
                #[cfg(target_arch = "x86_64")]
                (tile::avx2::<$ring, $down, $medium>, $down, $medium),
                #[cfg(target_arch = "x86_64")]
                (tile::avx512::<$ring, $long, $large>, $long, $large),
                #[cfg(not(target_arch = "x86_64"))]
                (tile::baseline::<$ring, 4, $small>, 4, $small),
                #[cfg(not(target_arch = "x86_64"))]
                (tile::baseline::<$ring, 4, $small>, 4, $small),
            ],
            add: tile::add::<$ring>,
            leave: tile::leave::<$ring>,
            num: size_of::<<$ring as ring::Ring>::Num>(),
            elements: <$ring as ring::Ring>::SAME,
        }
    };
}

fn kernels(dtype: DType) -> Kernels {
    match dtype {
        DType::Bool => kernels!(ring::Bool: 16, 4 64, 8 64),
        DType::I8 | DType::U8 => kernels!(ring::Int8: 16, 4 64, 8 64),
        DType::I16 | DType::U16 => kernels!(ring::Int16: 16, 6 32, 12 64),
        DType::I32 | DType::U32 => kernels!(ring::Int32: 8, 6 16, 12 32),
        DType::I64 | DType::U64 => kernels!(ring::Int64: 4, 4 12, 12 16),
        DType::F16 => kernels!(ring::F16: 8, 6 16, 12 32),
        DType::BF16 => kernels!(ring::Bf16: 8, 6 16, 12 32),
        DType::F32 => kernels!(ring::F32: 8, 6 16, 12 32),
        DType::F64 => kernels!(ring::F64: 4, 6 8, 12 16),
        DType::C32 => kernels!(ring::C32: 2, 4 8, 8 16),
        DType::C64 => kernels!(ring::C64: 2, 4 4, 8 8),
    }
}

/// One operand: strides of the leading axes, of its own axis and of the common one, in elements.
#[derive(Clone, Debug)]
pub struct Operand {
    /// Of the leading axes of the product; 0 where the operand is stretched.
    pub leading: Vec<isize>,
    /// Of its own axis: rows of the left one, columns of the right one.
    pub own: isize,
    /// Of the axis that is added up.
    pub common: isize,
}

/// A product, ready to be run.
#[derive(Debug)]
pub struct Product {
    dtype: DType,
    threads: usize,
    /// What the operands and the results take.
    extents: [Extent; 3],
    kernels: Kernels,
    kernel: Kernel,
    size: usize,
    leading: Vec<usize>,
    rows: usize,
    columns: usize,
    depth: usize,
    sides: [Operand; 2],
    /// Rows and columns of a block.
    block: (usize, usize),
    /// Blocks of a matrix, down and across.
    blocks: (usize, usize),
    /// Stretches of the common axis that units have; 1 where a unit has the whole of it.
    stretches: usize,
}

thread_local! {
    /// Room for packed operands and sums.
    static ROOM: RefCell<Vec<Line<[u64; 8]>>> = const { RefCell::new(Vec::new()) };
}

impl Product {
    /// Products of matrices of `rows` times `depth` and `depth` times `columns` elements, as many as the leading axes say, for
    /// `threads` threads.
    ///
    /// # Errors
    ///
    /// `Error::InvalidArgument` where there are no results, or more elements than can be addressed.
    pub fn new(
        dtype: DType,
        leading: Vec<usize>,
        [rows, depth, columns]: [usize; 3],
        sides: [Operand; 2],
        threads: usize,
    ) -> Result<Product> {
        let strides = sides.iter().all(|side| side.leading.len() == leading.len());
        if leading.contains(&0) || rows == 0 || columns == 0 || !strides {
            return Err(Error::invalid(format!(
                "products of {rows} x {depth} and {depth} x {columns}, {leading:?} times"
            )));
        }
        let size = dtype.size();
        let side = |which: usize, own: usize| {
            let Operand { leading: strides, own: stride, common } = &sides[which];
            let axes = leading.iter().copied().zip(strides.iter().copied());
            extent::all(axes.chain([(own, *stride), (depth, *common)]), size)
        };
        let results = extent::elements(leading.iter().copied().chain([rows, columns]))?;
        let results = Extent { low: 0, high: (results * size) as isize };
        let extents = [side(0, rows)?, side(1, columns)?, results];
        // Strides of axes that have one element may be any: nothing is multiplied by them.
        let mut sides = sides;
        for (side, own) in sides.iter_mut().zip([rows, columns]) {
            side.leading
                .iter_mut()
                .zip(&leading)
                .filter(|(_, length)| **length == 1)
                .for_each(|(stride, _)| *stride = 0);
            side.own = if own == 1 { 0 } else { side.own };
            side.common = if depth <= 1 { 0 } else { side.common };
        }
        extent::elements(leading.iter().copied().chain([rows, columns, depth]))?;
        let kernels = kernels(dtype);
        let kernel = kernels.blocks[Isa::current() as usize];
        let (_, m, n) = kernel;
        // Even blocks, in whole tiles.
        let even = |length: usize, most: usize, tile: usize| {
            let parts = length.div_ceil(most).max(1);
            length.div_ceil(parts).next_multiple_of(tile).max(tile)
        };
        let block = (even(rows, ROWS, m), even(columns, COLUMNS, n));
        let blocks = (rows.div_ceil(block.0), columns.div_ceil(block.1));
        let all = leading.iter().product::<usize>() * blocks.0 * blocks.1;
        let stretches = if all < 2 * threads && depth > LONG { depth.div_ceil(LONG) } else { 1 };
        Ok(Product {
            dtype,
            threads,
            extents,
            kernels,
            kernel,
            size,
            leading,
            rows,
            columns,
            depth,
            sides,
            block,
            blocks,
            stretches,
        })
    }

    /// Number of units, and the memory traffic that takes as long as one.
    pub fn units(&self) -> (usize, usize) {
        let matrices: usize = self.leading.iter().product();
        let depth = if self.stretches > 1 { LONG } else { self.depth };
        let (rows, columns) = (self.block.0.min(self.rows), self.block.1.min(self.columns));
        (matrices * self.blocks.0 * self.blocks.1 * self.stretches, rows * columns * (depth + 8))
    }

    /// Bytes of what units of one run leave for [`Product::join`], aligned to 8; 0 where they write results themselves.
    pub fn scratch(&self) -> usize {
        if self.stretches > 1 { self.units().0 * self.sums() } else { 0 }
    }

    /// Bytes of a block's sums.
    fn sums(&self) -> usize {
        (self.block.0 * self.block.1 * self.kernels.num).next_multiple_of(64)
    }

    /// A unit's first row, column and stretch, and the two offsets and the results' place of its matrix, in elements.
    fn place(&self, unit: usize) -> ([usize; 3], [isize; 2], usize) {
        let (stretch, rest) = (unit % self.stretches, unit / self.stretches);
        let (across, rest) = (rest % self.blocks.1, rest / self.blocks.1);
        let (down, matrix) = (rest % self.blocks.0, rest / self.blocks.0);
        let (mut offsets, mut left) = ([0; 2], matrix);
        for (axis, &length) in self.leading.iter().enumerate().rev() {
            let index = (left % length) as isize;
            left /= length;
            for (offset, side) in offsets.iter_mut().zip(&self.sides) {
                *offset += index * side.leading[axis];
            }
        }
        ([down * self.block.0, across * self.block.1, stretch], offsets, matrix * self.rows * self.columns)
    }

    /// Computes a unit.
    ///
    /// # Safety
    ///
    /// The operands' elements may be read at their strides; `out` takes the row-major results, or `scratch` what [`Product::scratch`] says,
    /// and nobody else touches those of this unit.
    unsafe fn block(&self, operands: [*const u8; 2], out: *mut u8, scratch: *mut u8, unit: usize) {
        let ([row, column, stretch], offsets, matrix) = self.place(unit);
        let (rows, columns) = (self.block.0.min(self.rows - row), self.block.1.min(self.columns - column));
        let (size, num, pitch) = (self.size as isize, self.kernels.num, self.block.1);
        let range = match self.stretches {
            1 => 0..self.depth,
            _ => stretch * LONG..((stretch + 1) * LONG).min(self.depth),
        };
        let depth = DEPTH.min(range.len());
        // Panels are whole, at the edges too.
        let tiles = [rows.next_multiple_of(self.kernel.1), columns.next_multiple_of(self.kernel.2)];
        let panels = tiles.map(|lines| (lines * depth * num).next_multiple_of(64));
        // One stretch of elements is added up where the results are.
        let direct = self.kernels.elements && self.stretches == 1 && range.len() <= LONG;
        let bytes = panels[0] + panels[1] + if direct { 0 } else { 2 * self.sums() };
        ROOM.with_borrow_mut(|room| {
            if room.len() * 64 < bytes {
                room.resize_with(bytes / 64, || Line([0; 8]));
            }
            let left = room.as_mut_ptr().cast::<u8>();
            // SAFETY: parts of the room, one after the other; operands and results as the caller says.
            unsafe {
                let right = left.add(panels[0]);
                let multiply = |terms: std::ops::Range<usize>, sums: *mut u8, pitch: usize| {
                    for k in terms.clone().step_by(DEPTH) {
                        let side = |which: usize, first: usize| {
                            let side = &self.sides[which];
                            let offset = offsets[which] + first as isize * side.own + k as isize * side.common;
                            let first = operands[which].wrapping_offset(offset * size);
                            Side { first, own: side.own * size, common: side.common * size }
                        };
                        (self.kernel.0)(&Block {
                            left: side(0, row),
                            right: side(1, column),
                            rows,
                            columns,
                            depth: DEPTH.min(terms.end - k),
                            sums,
                            pitch,
                            first: k == terms.start,
                            rooms: [left, right],
                        });
                    }
                    if terms.is_empty() {
                        // Zero bytes are zeros of every type.
                        (0..rows).for_each(|i| sums.add(i * pitch * num).write_bytes(0, columns * num));
                    }
                };
                if direct {
                    return multiply(range, out.add((matrix + row * self.columns + column) * num), self.columns);
                }
                let sums = right.add(panels[1]);
                let total = if self.stretches > 1 { scratch.add(unit * self.sums()) } else { sums.add(self.sums()) };
                multiply(range.start..range.end.min(range.start + LONG), total, pitch);
                for start in range.clone().step_by(LONG).skip(1) {
                    multiply(start..range.end.min(start + LONG), sums, pitch);
                    (self.kernels.add)(total, sums, rows * pitch);
                }
                if self.stretches == 1 {
                    self.deliver(total, out, (row, column), matrix);
                }
            }
        });
    }

    /// Writes the results of a block from its sums.
    ///
    /// # Safety
    ///
    /// The sums of the block at this place; `out` as for [`Product::block`].
    unsafe fn deliver(&self, sums: *const u8, out: *mut u8, (row, column): (usize, usize), matrix: usize) {
        let (rows, columns) = (self.block.0.min(self.rows - row), self.block.1.min(self.columns - column));
        for i in 0..rows {
            let place = matrix + (row + i) * self.columns + column;
            // SAFETY: a row of the block's sums, and its results.
            unsafe {
                (self.kernels.leave)(sums.add(i * self.block.1 * self.kernels.num), out.add(place * self.size), columns)
            }
        }
    }

    /// Computes all results, on the calling thread; `false`, and nothing done, where there are several units.
    ///
    /// # Safety
    ///
    /// The operands' elements may be read at their strides; `out` takes the row-major results, and nobody else touches it.
    pub unsafe fn run_alone(&self, operands: [*const u8; 2], out: *mut u8) -> bool {
        if self.is_alone() {
            // SAFETY: the caller's promise; a unit that leaves nothing takes no scratch memory.
            unsafe { self.block(operands, out, std::ptr::null_mut(), 0) }
        }
        self.is_alone()
    }

    /// Whether there is one unit, which leaves nothing for others.
    pub fn is_alone(&self) -> bool {
        self.units().0 == 1 && self.scratch() == 0
    }

    /// Adds up what the units of a block left, and writes its results.
    ///
    /// # Safety
    ///
    /// All units of the block have been run with this `scratch`; `out` as for [`Product::block`]. The sums are read alone, so that this may be
    /// done again.
    unsafe fn join(&self, scratch: *const u8, out: *mut u8, block: usize) {
        let unit = block * self.stretches;
        let ([row, column, _], _, matrix) = self.place(unit);
        let rows = self.block.0.min(self.rows - row);
        let mut total = vec![Line([0u64; 8]); self.sums() / 64];
        let total = total.as_mut_ptr().cast::<u8>();
        // SAFETY: each unit's sums are where it left them; there is room for those of a block.
        unsafe {
            std::ptr::copy_nonoverlapping(scratch.add(unit * self.sums()), total, self.sums());
            for later in 1..self.stretches {
                let by = scratch.add((unit + later) * self.sums());
                (self.kernels.add)(total, by, rows * self.block.1);
            }
            self.deliver(total, out, (row, column), matrix);
        }
    }
}
