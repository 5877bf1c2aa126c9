//! Maps: a program over every element of a shape, cut into chunks, in an order that is kind to memory.

use super::layout::Layout;
use super::operand_loader::{Apart, OperandLoader, Session};
use super::program::Code;
use super::simd::Isa;
use super::stream;
use super::transpose_tile::{Tile, turn};
use super::view::{Axis, View};
use super::work::protocol::Extent;
use super::{DType, Program};
use crate::Result;
use std::ops::Range;

/// Fewest and most elements of a chunk.
const CHUNK: std::ops::RangeInclusive<usize> = 16 << 10..=256 << 10;
/// Chunks that an operation of middle size is cut into.
const SHARES: usize = 16;
/// Most chunks.
pub(super) const CHUNKS: usize = 4096;
/// Bytes touched above which stores past the caches pay.
pub(super) const STREAM: u64 = 28 << 20;
/// Rows and columns of the tiles in which operands of another order of axes are read.
const TILE: (usize, usize) = (32, 512);

/// Elements of a chunk for `elements` in all.
pub(super) fn chunk_elements(elements: usize) -> usize {
    (elements / SHARES).clamp(*CHUNK.start(), *CHUNK.end()).max(elements.div_ceil(CHUNKS / 2))
}

/// A map made ready to run.
#[derive(Debug)]
pub(super) struct Map {
    feed: OperandLoader,
    /// Offset in bytes of each operand's first element in loop order.
    offsets: Vec<isize>,
    elements: usize,
    order: Order,
    per_chunk: usize,
    pub chunks: u32,
    stream: bool,
}

#[derive(Debug)]
enum Order {
    /// In the order of the loop nest.
    Linear,
    /// In tiles of rows and columns: the lengths of the nest's last two axes. Tiles of some inputs are turned first.
    Tiled { rows: usize, columns: usize, turned: Vec<Turned> },
}

/// An input whose columns lie side by side.
#[derive(Debug)]
struct Turned {
    input: usize,
    /// Bytes from one column to the next.
    pitch: isize,
    /// Where in the buffer its tile is, and how many bytes of it a tile takes.
    place: usize,
    bytes: usize,
}

impl Map {
    pub fn new(program: &Program, shape: &[usize], inputs: &[Layout], outputs: &[Layout], traffic: u64) -> Result<Map> {
        let code = Code::new(program)?;
        let elements: usize = shape.iter().product();
        let sizes: Vec<usize> = code.inputs.iter().chain(&code.outputs).map(|dtype: &DType| dtype.size()).collect();
        // Per axis: its length and the stride in bytes of every operand.
        let mut nest: Vec<(usize, Vec<isize>)> = Vec::new();
        for (axis, &length) in shape.iter().enumerate().filter(|&(_, &length)| length != 1) {
            let strides = inputs
                .iter()
                .chain(outputs)
                .zip(&sizes)
                .map(|(layout, &size)| layout.strides[axis].wrapping_mul(size as isize));
            nest.push((length, strides.collect()));
        }
        let mut offsets = vec![0isize; sizes.len()];
        if elements == 0 {
            nest.clear();
        }
        for (length, strides) in &mut nest {
            let backwards = strides.iter().all(|&stride| stride <= 0) && strides.iter().any(|&stride| stride < 0);
            if backwards {
                for (offset, stride) in offsets.iter_mut().zip(strides) {
                    *offset += (*length as isize - 1) * *stride;
                    *stride = -*stride;
                }
            }
        }
        let first_output = inputs.len();
        nest.sort_by_key(|(_, strides)| std::cmp::Reverse(strides[first_output].unsigned_abs()));
        join(&mut nest);
        let order = tile(&mut nest, &sizes[..first_output]);
        let views: Vec<View> = sizes
            .iter()
            .enumerate()
            .map(|(k, &size)| {
                View::new(size, nest.iter().map(|(length, strides)| Axis { length: *length, stride: strides[k] }))
            })
            .collect();
        let stream = traffic >= STREAM;
        let feed = OperandLoader::new(code, views, stream);
        let per_chunk = chunk_elements(elements);
        let (units, per_chunk) = match &order {
            // Whole rows where there are, whole pages of the smallest type otherwise.
            Order::Linear => {
                let whole = feed.row().filter(|&row| row <= per_chunk).unwrap_or(4096);
                (elements, per_chunk.next_multiple_of(whole))
            }
            &Order::Tiled { rows, columns, .. } => {
                let tiles = elements / (rows * columns) * rows.div_ceil(TILE.0) * columns.div_ceil(TILE.1);
                (tiles, per_chunk.div_ceil(elements / tiles))
            }
        };
        let chunks = units.div_ceil(per_chunk).max(1) as u32;
        Ok(Map { feed, offsets, elements, order, per_chunk, chunks, stream })
    }

    /// Which bytes of an operand (inputs, then outputs) a chunk touches: of tiles, all between the first row and the last.
    pub fn touches(&self, chunk: usize, operand: usize) -> Extent {
        if self.elements == 0 {
            return Extent::NONE;
        }
        let first = chunk * self.per_chunk;
        let range = match &self.order {
            Order::Linear => first..(first + self.per_chunk).min(self.elements),
            &Order::Tiled { rows, columns, .. } => {
                let (down, across) = (rows.div_ceil(TILE.0), columns.div_ceil(TILE.1));
                let tiles = self.elements / (rows * columns) * down * across;
                let row = |tile: usize| tile / across / down * rows + tile / across % down * TILE.0;
                let last = (first + self.per_chunk).min(tiles) - 1;
                let end = (row(last) + TILE.0).min((last / across / down + 1) * rows);
                row(first) * columns..end * columns
            }
        };
        let extent = self.feed.views[operand].touches(range);
        Extent { low: extent.low + self.offsets[operand], high: extent.high + self.offsets[operand] }
    }

    /// Whether an operand could be met that there is no result for.
    pub fn checks(&self) -> bool {
        self.feed.code.checks()
    }

    /// Elements, where they go in the order of the first output's memory.
    pub fn units(&self) -> Option<usize> {
        matches!(self.order, Order::Linear).then_some(self.elements)
    }

    /// # Safety
    ///
    /// As `Plan::run_units`.
    pub unsafe fn run_units(&self, inputs: &[*const u8], outputs: &[*mut u8], elements: Range<usize>, last: bool) {
        let stream = self.stream && last;
        let (bases, outputs) = self.first(inputs, outputs);
        let mut session = self.feed.session(Isa::current(), stream, &bases, 0);
        // SAFETY: elements of the nest, within the operands' extents.
        unsafe { self.strips(&mut session, &outputs, elements) }
        if stream {
            stream::fence();
        }
    }

    /// Where the first element in loop order of each input and output is.
    fn first(&self, inputs: &[*const u8], outputs: &[*mut u8]) -> (Vec<*const u8>, Vec<*mut u8>) {
        let (of_inputs, of_outputs) = self.offsets.split_at(inputs.len());
        (
            inputs.iter().zip(of_inputs).map(|(p, &offset)| p.wrapping_offset(offset)).collect(),
            outputs.iter().zip(of_outputs).map(|(p, &offset)| p.wrapping_offset(offset)).collect(),
        )
    }

    /// Computes elements of the nest, strip by strip.
    ///
    /// # Safety
    ///
    /// As `Plan::run`, for these elements; what the session has `instead` of an input has all of them.
    unsafe fn strips(&self, session: &mut Session, outputs: &[*mut u8], elements: Range<usize>) {
        let mut at = elements.start;
        while at < elements.end {
            let n = self.feed.strip_at(at, elements.end);
            // SAFETY: strips of the nest, whose elements are within the operands' extents.
            unsafe { session.store(at, n, outputs) };
            at += n;
        }
    }

    /// # Safety
    ///
    /// As `Plan::run_apart`.
    pub unsafe fn run(&self, inputs: &[*const u8], apart: Option<Apart<'_>>, outputs: &[*mut u8], chunk: u32) {
        if self.elements == 0 {
            return;
        }
        let (bases, outputs) = self.first(inputs, outputs);
        let isa = Isa::current();
        let first = chunk as usize * self.per_chunk;
        let offset = |input: usize| self.offsets[input];
        match &self.order {
            Order::Linear => {
                let mut session = self.feed.session(isa, self.stream, &bases, 0);
                let end = (first + self.per_chunk).min(self.elements);
                if let Some(apart) = apart {
                    session.bring(apart, first, end - first, offset);
                }
                // SAFETY: elements of the nest, within the operands' extents.
                unsafe { self.strips(&mut session, &outputs, first..end) }
            }
            &Order::Tiled { rows, columns, ref turned } => {
                let room = turned.iter().map(|turned| turned.bytes).sum();
                let mut session = self.feed.session(isa, self.stream, &bases, room);
                let (down, across) = (rows.div_ceil(TILE.0), columns.div_ceil(TILE.1));
                let tiles = self.elements / (rows * columns) * down * across;
                let brought = |turned: &Turned| apart.is_some_and(|apart| apart.inputs[turned.input]);
                for tile in first..(first + self.per_chunk).min(tiles) {
                    let (plane, row, column) =
                        (tile / across / down, tile / across % down * TILE.0, tile % across * TILE.1);
                    let (height, width) = (TILE.0.min(rows - row), TILE.1.min(columns - column));
                    let start = |down: usize| (plane * rows + row + down) * columns + column;
                    for &Turned { input, pitch, place, .. } in turned.iter().filter(|turned| !brought(turned)) {
                        let view = &self.feed.views[input];
                        let from = bases[input].wrapping_offset(view.locate(start(0)).0);
                        let tile = Tile { from, pitch, rows: height, columns: width };
                        // SAFETY: a tile of the operand's elements; the session's buffer has room for one of each that is turned.
                        unsafe { turn(isa, view.size, &tile, session.extra.add(place), TILE.1) }
                    }
                    for down in 0..height {
                        if let Some(apart) = apart {
                            session.bring(apart, start(down), width, offset);
                        }
                        for &Turned { input, place, bytes, .. } in turned.iter().filter(|turned| !brought(turned)) {
                            let there = session.extra.wrapping_add(place + down * (bytes / TILE.0));
                            session.instead[input] = Some((there.cast_const(), start(down)));
                        }
                        // SAFETY: elements of the nest, within the operands' extents; of those that are turned, the tile has this row.
                        unsafe { self.strips(&mut session, &outputs, start(down)..start(down) + width) }
                    }
                }
            }
        }
        if self.stream {
            stream::fence();
        }
    }
}

/// Makes one axis of neighbours that are one in every operand.
fn join(nest: &mut Vec<(usize, Vec<isize>)>) {
    let mut joined: Vec<(usize, Vec<isize>)> = Vec::with_capacity(nest.len());
    for (length, strides) in nest.drain(..) {
        match joined.last_mut() {
            Some((outer, outer_strides))
                if outer_strides.iter().zip(&strides).all(|(&o, &i)| o == i.wrapping_mul(length as isize)) =>
            {
                *outer *= length;
                *outer_strides = strides;
            }
            _ => joined.push((length, strides)),
        }
    }
    *nest = joined;
}

/// Where an operand's smallest stride is not on the innermost axis, brings the axis where it is next to that one, and
/// says that the two are to be walked in tiles, so that cache lines are used while they are there.
fn tile(nest: &mut Vec<(usize, Vec<isize>)>, sizes: &[usize]) -> Order {
    let Some((_, innermost)) = nest.last() else { return Order::Linear };
    let crossing = (0..sizes.len()).find_map(|k| {
        let stride = |axis: usize| nest[axis].1[k].unsigned_abs();
        let least = (0..nest.len() - 1).filter(|&axis| stride(axis) != 0).min_by_key(|&axis| stride(axis))?;
        (innermost[k].unsigned_abs() > stride(least)).then_some(least)
    });
    let Some(axis) = crossing else { return Order::Linear };
    let moved = nest.remove(axis);
    nest.insert(nest.len() - 1, moved);
    let [(rows, down), (columns, across)] = &nest[nest.len() - 2..] else { return Order::Linear };
    let side_by_side = |&k: &usize| down[k] == sizes[k] as isize && ![0, down[k]].contains(&across[k]);
    let mut next = 0;
    let turned = (0..sizes.len()).filter(side_by_side).map(|input| {
        let (place, bytes) = (next, TILE.0 * TILE.1 * sizes[input]);
        next += bytes;
        Turned { input, pitch: across[input], place, bytes }
    });
    let turned = turned.collect();
    Order::Tiled { rows: *rows, columns: *columns, turned }
}
