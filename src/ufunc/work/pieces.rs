//! Operands that lie in pieces: a grid of blocks, each with strides of its own, that stands for one row-major array.
//!
//! A work is made for the row-major array. A unit that asks for an extent gets the piece's own memory where the extent lies side by side in one
//! piece, and a copy in a buffer otherwise, so that its bits are those of the row-major array.

use super::extent;
use super::protocol::{Extent, Operands, Run};
use crate::stream::Line;
use crate::view::copy_strided;
use crate::{Error, Result};
use smallvec::SmallVec;
use std::cell::RefCell;
use std::mem::MaybeUninit;

/// Bytes of buffers that a thread keeps for its next unit, and how many buffers.
const SPARE: usize = 8 << 20;
const SPARES: usize = 32;

/// One block of a grid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// Its element at index 0, 0, ….
    pub at: *mut u8,
    /// In bytes, one for each axis.
    pub strides: Vec<isize>,
}

/// An operand in pieces.
#[derive(Clone, Debug)]
pub struct Pieces {
    size: usize,
    elements: usize,
    /// Axes that no piece tells apart are one axis, and axes of length 1 are left out.
    edges: Vec<Vec<usize>>,
    /// In row-major order of the grid.
    pieces: Vec<Piece>,
}

/// A place in the grid: of each axis the index, and the number of its block.
type Place = SmallVec<[(usize, usize); 6]>;

impl Pieces {
    /// Of elements of `size` bytes. `edges[axis]` are the boundaries along an axis, from 0 to its length: block `k` has the indices
    /// `edges[axis][k]..edges[axis][k + 1]`. Pieces are in row-major order of the grid.
    ///
    /// # Errors
    ///
    /// `Error::InvalidArgument` where edges do not begin with 0 or fall, where there are not as many pieces as the grid has blocks or not as many
    /// strides as axes, and where the array or a piece reaches beyond what can be addressed.
    pub fn new(size: usize, edges: Vec<Vec<usize>>, pieces: Vec<Piece>) -> Result<Pieces> {
        if !matches!(size, 1 | 2 | 4 | 8 | 16) {
            return Err(Error::invalid(format!("pieces of elements of {size} bytes")));
        }
        if let Some(wrong) = edges.iter().find(|edges| edges.len() < 2 || edges[0] != 0 || !edges.is_sorted()) {
            return Err(Error::invalid(format!("edges {wrong:?} of a grid")));
        }
        let elements = extent::elements(edges.iter().filter_map(|edges| edges.last().copied()))?;
        let blocks = edges.iter().try_fold(1usize, |blocks, edges| blocks.checked_mul(edges.len() - 1));
        if blocks != Some(pieces.len()) {
            return Err(Error::invalid(format!("{} pieces of a grid of {blocks:?} blocks", pieces.len())));
        }
        let mut all = Pieces { size, elements, edges, pieces };
        for number in 0..all.pieces.len() {
            all.reach(number)?;
        }
        all.simplify();
        Ok(all)
    }

    /// Bytes of the row-major array that the pieces stand for.
    pub fn bytes(&self) -> usize {
        self.elements * self.size
    }

    /// Bytes of an element.
    pub fn size(&self) -> usize {
        self.size
    }

    /// The boundaries along each axis; there may be fewer axes than [`new`](Pieces::new) was given.
    pub fn edges(&self) -> &[Vec<usize>] {
        &self.edges
    }

    /// The pieces, with as many strides as there are axes.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The first element of each piece that has some, and all bytes that it reaches from there.
    ///
    /// # Errors
    ///
    /// None for pieces that [`new`](Pieces::new) has taken.
    pub fn extents(&self) -> Result<Vec<(*mut u8, Extent)>> {
        let each = (0..self.pieces.len()).map(|number| Ok((self.pieces[number].at, self.reach(number)?)));
        each.filter(|reach| !matches!(reach, Ok((_, extent)) if extent.is_empty())).collect()
    }

    /// Lengths of a block.
    fn lengths(&self, number: usize) -> SmallVec<[usize; 6]> {
        let mut rest = number;
        let mut lengths: SmallVec<[usize; 6]> = SmallVec::from_elem(0, self.edges.len());
        for (length, edges) in lengths.iter_mut().zip(&self.edges).rev() {
            let block = rest % (edges.len() - 1);
            rest /= edges.len() - 1;
            *length = edges[block + 1] - edges[block];
        }
        lengths
    }

    /// What a piece reaches.
    fn reach(&self, number: usize) -> Result<Extent> {
        let (lengths, strides) = (self.lengths(number), &self.pieces[number].strides);
        if strides.len() != lengths.len() {
            return Err(Error::invalid(format!("{} strides of a piece of {} axes", strides.len(), lengths.len())));
        }
        let reach = extent::all(lengths.iter().copied().zip(strides.iter().copied()), 1)?;
        let behind = self.size as isize - 1;
        Ok(if reach.is_empty() { reach } else { Extent { low: reach.low, high: reach.high + behind } })
    }

    /// Leaves axes of length 1 out, and makes one axis of neighbours of which the inner one is not cut and no piece has a gap between them.
    fn simplify(&mut self) {
        let short: Vec<usize> = (0..self.edges.len()).filter(|&axis| self.edges[axis] == [0, 1]).collect();
        for axis in short.into_iter().rev() {
            self.leave_out(axis);
        }
        for axis in (1..self.edges.len()).rev() {
            let [_, length] = self.edges[axis][..] else { continue };
            let joins = |number: usize| {
                let (lengths, strides) = (self.lengths(number), &self.pieces[number].strides);
                let gapless = strides[axis].checked_mul(length as isize) == Some(strides[axis - 1]);
                gapless || lengths[axis - 1] <= 1 || lengths.contains(&0)
            };
            if (0..self.pieces.len()).all(joins) {
                self.edges[axis - 1].iter_mut().for_each(|edge| *edge *= length);
                for piece in &mut self.pieces {
                    piece.strides[axis - 1] = piece.strides[axis];
                }
                self.leave_out(axis);
            }
        }
    }

    /// An axis of one block.
    fn leave_out(&mut self, axis: usize) {
        self.edges.remove(axis);
        for piece in &mut self.pieces {
            piece.strides.remove(axis);
        }
    }

    /// Where element number `flat` is.
    fn locate(&self, flat: usize) -> Place {
        assert!(flat < self.elements, "element {flat} of {}", self.elements);
        let mut rest = flat;
        let mut place: Place = SmallVec::from_elem((0, 0), self.edges.len());
        for ((index, block), edges) in place.iter_mut().zip(&self.edges).rev() {
            let length = edges[edges.len() - 1];
            *index = rest % length;
            rest /= length;
            // Of blocks that begin at one index the last has it: the others are empty.
            *block = edges.partition_point(|edge| edge <= index) - 1;
        }
        place
    }

    /// The next place whose last index is 0, behind the end of a row.
    fn next_row(&self, place: &mut Place) {
        for ((index, block), edges) in place.iter_mut().zip(&self.edges).rev() {
            *index += 1;
            if *index < edges[edges.len() - 1] {
                while edges[*block + 1] <= *index {
                    *block += 1;
                }
                return;
            }
            (*index, *block) = (0, edges.partition_point(|&edge| edge == 0) - 1);
        }
    }

    /// The element at a place, bytes from it to the next of its row, and how many there are of these in its piece, itself counted.
    fn run_at(&self, place: &Place) -> (*const u8, isize, usize) {
        let number = place.iter().zip(&self.edges).fold(0, |n, ((_, block), edges)| n * (edges.len() - 1) + block);
        let Piece { at, strides } = &self.pieces[number];
        let within = |(((index, block), edges), stride): (((&usize, &usize), &Vec<usize>), &isize)| {
            (index - edges[*block]) as isize * stride
        };
        let places = place.iter().map(|(index, block)| (index, block));
        let offset: isize = places.zip(&self.edges).zip(strides).map(within).sum();
        let (stride, left) = match (place.last(), self.edges.last(), strides.last()) {
            (Some((index, block)), Some(edges), Some(&stride)) => (stride, edges[block + 1] - index),
            _ => (0, 1),
        };
        (at.wrapping_offset(offset).cast_const(), stride, left)
    }

    /// Elements `first..first + n`, where they lie side by side in one piece.
    fn in_place(&self, first: usize, n: usize) -> Option<*const u8> {
        let (at, stride, left) = self.run_at(&self.locate(first));
        (n == 1 || (left >= n && stride == self.size as isize)).then_some(at)
    }

    /// Copies elements `first..first + n` side by side to `to`.
    ///
    /// # Safety
    ///
    /// The pieces may be read; `to` takes `n` elements.
    unsafe fn copy(&self, first: usize, n: usize, to: *mut u8) {
        if n == 0 {
            return;
        }
        assert!(first + n <= self.elements, "elements {first}..{} of {}", first + n, self.elements);
        let mut place = self.locate(first);
        let mut done = 0;
        loop {
            let (from, stride, left) = self.run_at(&place);
            let count = left.min(n - done);
            // SAFETY: the elements are some of the piece's, which may be read; `to` takes all `n`.
            unsafe {
                copy_strided(from, stride, to.add(done * self.size), self.size as isize, count, self.size);
            }
            done += count;
            if done == n {
                return;
            }
            let end = self.edges.last().map_or(1, |edges| edges[edges.len() - 1]);
            match place.last_mut() {
                Some((index, block)) if *index + count < end => {
                    *index += count;
                    let edges = &self.edges[self.edges.len() - 1];
                    while edges[*block + 1] <= *index {
                        *block += 1;
                    }
                }
                Some((index, _)) => {
                    *index = end - 1;
                    self.next_row(&mut place);
                }
                None => unreachable!("an array of no axes has one element"),
            }
        }
    }

    /// Copies the elements of a run side by side to `to`.
    ///
    /// # Safety
    ///
    /// As [`Pieces::copy`].
    unsafe fn copy_run(&self, run: &Run, to: *mut u8) {
        let element = |nth: usize| self.number(run.offset + nth as isize * run.stride);
        if run.n == 0 {
            return;
        }
        // SAFETY: the caller's promise; numbers of elements are looked at where they are located.
        unsafe {
            if run.stride == self.size as isize {
                self.copy(element(0), run.n, to);
            } else if run.stride == 0 {
                let (from, ..) = self.run_at(&self.locate(element(0)));
                copy_strided(from, 0, to, self.size as isize, run.n, self.size);
            } else {
                for nth in 0..run.n {
                    self.copy(element(nth), 1, to.add(nth * self.size));
                }
            }
        }
    }

    /// The number of the element that begins at this byte.
    fn number(&self, byte: isize) -> usize {
        let size = self.size as isize;
        assert!(byte >= 0 && byte % size == 0, "byte {byte} of an array of elements of {size} bytes");
        (byte / size) as usize
    }
}

/// Where an operand is.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// All of it, from this pointer on.
    At(*mut u8),
    /// In pieces, which are read alone.
    Pieces(&'a Pieces),
}

/// Memory of 64-byte lines that is written before it is read.
type Buffer = Vec<MaybeUninit<Line<[u8; 64]>>>;

thread_local! {
    static BUFFERS: RefCell<Vec<Buffer>> = const { RefCell::new(Vec::new()) };
}

/// A buffer of at least so many bytes.
fn buffer(bytes: usize) -> Buffer {
    let lines = bytes.div_ceil(64);
    let kept = BUFFERS.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        let at = kept.iter().position(|buffer| buffer.capacity() >= lines)?;
        Some(kept.swap_remove(at))
    });
    let mut buffer = kept.ok().flatten().unwrap_or_default();
    if let Err(error) = buffer.try_reserve_exact(lines) {
        panic!("no memory for a copy of {bytes} bytes of an array in pieces: {error}");
    }
    buffer
}

/// Gives a buffer back, for the thread's next unit where it is not large.
fn give_back(buffer: Buffer) {
    let bytes = |buffer: &Buffer| buffer.capacity() * 64;
    // A thread that is ending frees it instead.
    let _ = BUFFERS.try_with(|kept| {
        let mut kept = kept.borrow_mut();
        if kept.len() < SPARES && kept.iter().map(bytes).sum::<usize>() + bytes(&buffer) <= SPARE {
            kept.push(buffer);
        }
    });
}

/// Operands of one unit, some of which lie in pieces. Copies are kept until it is dropped.
#[derive(Debug)]
pub struct Gathering<'a> {
    sources: &'a [Source<'a>],
    copies: RefCell<Vec<Buffer>>,
    /// Of each operand what was packed last.
    packed: RefCell<Vec<Buffer>>,
}

impl<'a> Gathering<'a> {
    /// Of these sources.
    ///
    /// # Safety
    ///
    /// The pieces are aligned for elements of their size (of 16 bytes: for 8) and may be read while this lives, and nobody writes them.
    pub unsafe fn new(sources: &'a [Source<'a>]) -> Gathering<'a> {
        Gathering { sources, copies: RefCell::new(Vec::new()), packed: RefCell::new(Vec::new()) }
    }
}

impl Operands for Gathering<'_> {
    fn at(&self, operand: usize, extent: Extent) -> *mut u8 {
        if let Some(there) = self.in_place(operand, extent) {
            return there;
        }
        let Source::Pieces(pieces) = self.sources[operand] else {
            unreachable!("an operand that is all there is in place")
        };
        let (first, end) = (pieces.number(extent.low), pieces.number(extent.high));
        let mut copy = buffer((end - first) * pieces.size);
        let to = copy.as_mut_ptr().cast::<u8>();
        // SAFETY: the pieces may be read (contract of `new`); the buffer takes as many bytes as the extent has.
        unsafe { pieces.copy(first, end - first, to) };
        self.copies.borrow_mut().push(copy);
        to.wrapping_offset(-extent.low)
    }

    fn in_place(&self, operand: usize, extent: Extent) -> Option<*mut u8> {
        match self.sources[operand] {
            Source::At(pointer) => Some(pointer),
            Source::Pieces(_) if extent.is_empty() => Some(std::ptr::dangling_mut::<u64>().cast()),
            Source::Pieces(pieces) => {
                let (first, end) = (pieces.number(extent.low), pieces.number(extent.high));
                pieces.in_place(first, end - first).map(|there| there.cast_mut().wrapping_offset(-extent.low))
            }
        }
    }

    fn packed(&self, operand: usize, runs: &[Run]) -> *const u8 {
        let Source::Pieces(pieces) = self.sources[operand] else {
            unreachable!("an operand that is all there is in place")
        };
        let bytes = runs.iter().map(|run| run.n).sum::<usize>() * pieces.size;
        let mut packed = self.packed.borrow_mut();
        if packed.len() <= operand {
            packed.resize_with(operand + 1, Buffer::new);
        }
        if packed[operand].capacity() * 64 < bytes {
            give_back(std::mem::replace(&mut packed[operand], buffer(bytes)));
        }
        let to = packed[operand].as_mut_ptr().cast::<u8>();
        let mut done = 0;
        for run in runs {
            // SAFETY: the pieces may be read (contract of `new`); the buffer takes the elements of all runs.
            unsafe { pieces.copy_run(run, to.add(done)) };
            done += run.n * pieces.size;
        }
        to.cast_const()
    }
}

impl Drop for Gathering<'_> {
    fn drop(&mut self) {
        self.copies.get_mut().drain(..).chain(self.packed.get_mut().drain(..)).for_each(give_back);
    }
}
