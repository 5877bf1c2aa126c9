//! Folds whose values are rows: row is folded onto row, column by column, in blocks of rows that fit the caches.
//!
//! Short rows are taken several at a time as one wide row, whose parts are merged in order at the end of a chunk.

use super::FoldRun;
use super::deviations::Sums;
use super::state::{Method, Second, Spread, State};
use crate::operand_loader::{Apart, OperandLoader, Session};
use crate::simd::Isa;
use std::ops::Range;

/// Rows shorter than this are taken together.
const SHORT: usize = 128;
/// Values of rows taken together.
pub(super) const WIDE: usize = 256;
/// Most columns that are folded in one go, so that their accumulators stay in the first-level cache.
const COLUMNS: usize = 2048;
/// Values of a block of rows.
const BLOCK: usize = 32 << 10;

/// How many of `rows` rows of `inner` values are taken together.
fn group_of(rows: usize, inner: usize) -> usize {
    if inner < SHORT { (WIDE / inner).min(rows) } else { 1 }
}

/// Rows of `width` values that are a block.
fn block_of(width: usize) -> usize {
    (BLOCK / width.min(COLUMNS)).max(4)
}

/// How the rows of a fold are cut.
#[derive(Debug)]
pub(super) struct Rows {
    outer: usize,
    /// Rows of each outer cell.
    rows: usize,
    /// Columns: inner cells.
    inner: usize,
    /// Rows of a wide row.
    group: usize,
    /// Columns of an item.
    columns: usize,
    /// Wide rows of a block.
    block: usize,
    /// Wide rows of an item.
    part: usize,
    /// Items of a chunk.
    items: usize,
    /// Bytes from one wide row to the next, where the values are folded in place.
    stride: Option<isize>,
}

impl Rows {
    pub fn new(
        method: &Method,
        feed: &OperandLoader,
        outer: usize,
        rows: usize,
        inner: usize,
        per_chunk: usize,
    ) -> Rows {
        let single = matches!(method.second, Second::Place(_));
        let group = if single { 1 } else { group_of(rows, inner) };
        let width = group * inner;
        let across = width.div_ceil(COLUMNS);
        let columns = if across == 1 { width } else { width.div_ceil(across).next_multiple_of(64) };
        let block = block_of(width);
        let part = (per_chunk / width.min(COLUMNS) / block * block).max(block);
        let view = &feed.views.first();
        let size = method.dtype.size();
        let stride = view.filter(|_| feed.code.identity).and_then(|view| match view.axes[..] {
            _ if view.contiguous() => Some((width * size) as isize),
            [down, along] if group == 1 && along.length == inner && view.row_contiguous() => Some(down.stride),
            _ => None,
        });
        let mut cut = Rows { outer, rows, inner, group, columns, block, part, items: 1, stride };
        let per_item = (outer * rows * inner / cut.all_items()).max(1);
        cut.items = (per_chunk / per_item).max(1).max(cut.all_items().div_ceil(super::super::map::CHUNKS));
        cut
    }

    /// How many of `rows` rows of `inner` values are taken together where all of them are one block; `None` where they are more.
    pub fn group_of_one_block(rows: usize, inner: usize) -> Option<usize> {
        let group = group_of(rows, inner);
        (rows.div_ceil(group) <= block_of(group * inner)).then_some(group)
    }

    /// Rows of this many rows each, wide or not.
    fn wide_rows(&self) -> usize {
        self.rows.div_ceil(self.group)
    }

    fn across(&self) -> usize {
        (self.group * self.inner).div_ceil(self.columns)
    }

    fn down(&self) -> usize {
        self.wide_rows().div_ceil(self.part)
    }

    fn all_items(&self) -> usize {
        self.outer * self.down() * self.across()
    }

    /// Outer cells and values of a chunk: of several items, all between the first row and the last.
    pub fn covers(&self, chunk: usize) -> (Range<usize>, Range<usize>) {
        let first = chunk * self.items;
        let last = (first + self.items).min(self.all_items()) - 1;
        let (across, down) = (self.across(), self.down());
        let (cells, parts) =
            (first / across / down..last / across / down + 1, (first / across % down, last / across % down));
        let parts = if cells.len() > 1 { 0..down } else { parts.0..parts.1 + 1 };
        let rows = parts.start * self.part * self.group..(parts.end * self.part * self.group).min(self.rows);
        (cells, rows.start * self.inner..rows.end * self.inner)
    }

    /// Cells that a chunk writes, where it completes them.
    pub fn writes(&self, chunk: usize) -> Range<usize> {
        let (cells, _) = self.covers(chunk);
        cells.start * self.inner..cells.end * self.inner
    }

    pub fn chunks(&self) -> u32 {
        self.all_items().div_ceil(self.items) as u32
    }

    /// Parts of each column that leave partial results; 0 where none do.
    pub fn parts(&self) -> usize {
        if self.down() > 1 { self.down() } else { 0 }
    }

    /// Rows of such a part.
    pub fn per_part(&self) -> usize {
        self.part * self.group
    }

    /// # Safety
    ///
    /// As `Plan::run`.
    pub unsafe fn run(
        &self,
        fold: &FoldRun,
        (inputs, apart): (&[*const u8], Option<Apart<'_>>),
        outputs: &[*mut u8],
        scratch: *mut u8,
        chunk: usize,
    ) {
        let mut work = Work::new(self, fold, (inputs, apart));
        let first = chunk * self.items;
        for item in first..(first + self.items).min(self.all_items()) {
            let (across, down) = (self.across(), self.down());
            let (outer, part, column) = (item / across / down, item / across % down, item % across * self.columns);
            let n = self.columns.min(self.group * self.inner - column);
            fold.operands(inputs, outer, &mut work.session.bases);
            work.outer = outer;
            let from = part * self.part;
            let to = (from + self.part).min(self.wide_rows());
            // SAFETY: rows and columns of the plan's shape, within the operands' extents; items write apart.
            unsafe {
                let state = work.fold(from, to, column, n);
                // A wide row has been merged into one of `inner` cells.
                let n = n.min(self.inner);
                let cell = outer * self.inner + column;
                if self.parts() == 0 {
                    fold.method.finalise(&state, n, outputs, cell);
                } else {
                    let to = fold.partial(scratch, part, cell, 0);
                    std::ptr::copy_nonoverlapping(state.acc, to.acc, n * fold.method.acc());
                    std::ptr::copy_nonoverlapping(state.second, to.second, n * fold.method.second());
                }
            }
        }
    }
}

/// One thread's work on rows.
struct Work<'a> {
    rows: &'a Rows,
    fold: &'a FoldRun,
    method: &'a Method,
    feed: &'a OperandLoader,
    /// Inputs of which rows are brought one by one.
    apart: Option<Apart<'a>>,
    /// The outer cell of the item.
    outer: usize,
    /// That of the rows, where the values are folded in place.
    stride: Option<isize>,
    isa: Isa,
    session: Session<'a>,
    /// State of the item.
    item: Planes,
    /// State of a block.
    block: Planes,
    /// Of deviations: the pivots of the columns, then their means.
    means: *mut f64,
    /// What values are above the pivots, then squared deviations.
    above: *mut f64,
    /// Values computed, of a strip or, for moments, of a block.
    values: *mut u8,
}

/// Accumulators and second words of the columns of an item.
#[derive(Clone, Copy)]
struct Planes {
    acc: *mut u8,
    second: *mut u8,
}

impl<'a> Work<'a> {
    fn new(rows: &'a Rows, fold: &'a FoldRun, (inputs, apart): (&[*const u8], Option<Apart<'a>>)) -> Work<'a> {
        let isa = Isa::current();
        let stride = rows.stride.filter(|_| apart.is_none());
        let (method, feed) = (&fold.method, &fold.feed);
        let n = rows.columns;
        let mut total = 0;
        let mut place = |bytes: usize| {
            let at = total;
            total += bytes.next_multiple_of(64);
            at
        };
        let moments = matches!(method.second, Second::Deviations(_));
        let column = if moments { n * size_of::<f64>() } else { 0 };
        let offsets = [
            place(n * method.acc()),
            place(n * method.second()),
            place(n * method.acc()),
            place(n * method.second()),
            place(column),
            place(column),
        ];
        let values = match (stride, moments) {
            (Some(_), _) => place(0),
            (None, true) => place(n * rows.block * method.dtype.size()),
            (None, false) => place(n * method.dtype.size()),
        };
        let session = feed.session(isa, false, inputs, total);
        let at = |offset: usize| session.extra.wrapping_add(offset);
        let item = Planes { acc: at(offsets[0]), second: at(offsets[1]) };
        let block = Planes { acc: at(offsets[2]), second: at(offsets[3]) };
        let (means, above, values) = (at(offsets[4]).cast(), at(offsets[5]).cast(), at(values));
        Work { rows, fold, method, feed, apart, outer: 0, stride, isa, item, block, means, above, values, session }
    }

    /// Rows, among wide rows `from..to`, that part `j` of them has.
    fn count(&self, j: usize, from: usize, to: usize) -> usize {
        let whole = (to - 1) * self.rows.group + j < self.rows.rows;
        to - from - usize::from(!whole)
    }

    /// Lanes of wide row `r` among columns `column..column + n`: the last wide row may be shorter.
    fn lanes(&self, r: usize, column: usize, n: usize) -> usize {
        let left = (self.rows.rows - r * self.rows.group) * self.rows.inner;
        n.min(left - column)
    }

    /// The state of wide rows `from..to` of columns `column..column + n`.
    ///
    /// # Safety
    ///
    /// The session's operands are valid for them.
    unsafe fn fold(&mut self, from: usize, to: usize, column: usize, n: usize) -> State {
        // SAFETY: blocks within these rows; the planes have room for the columns of an item.
        unsafe {
            if let Second::Place(_) = self.method.second {
                self.places(from, to, column, n);
            } else {
                for start in (from..to).step_by(self.rows.block) {
                    let end = (start + self.rows.block).min(to);
                    let into = if start == from { self.item } else { self.block };
                    self.block(start, end, column, n, into);
                    if start != from {
                        self.merge_block(from, start, end, n);
                    }
                }
            }
            let mut state = State { acc: self.item.acc, second: self.item.second, count: self.count(0, from, to) };
            for j in 1..self.rows.group {
                let later = self.part(self.item, j, self.count(j, from, to));
                self.method.merge(&mut state, &later, self.rows.inner, self.isa);
            }
            state
        }
    }

    /// Part `j` of wide rows.
    fn part(&self, planes: Planes, j: usize, count: usize) -> State {
        let at = j * self.rows.inner;
        let acc = planes.acc.wrapping_add(at * self.method.acc());
        State { acc, second: planes.second.wrapping_add(at * self.method.second()), count }
    }

    /// Merges the state of block `start..end` into that of `from..start`.
    ///
    /// # Safety
    ///
    /// Both are complete, of `n` columns.
    unsafe fn merge_block(&mut self, from: usize, start: usize, end: usize, n: usize) {
        // SAFETY: planes of `n` columns, or of parts that are `n` together.
        unsafe {
            if self.rows.group == 1 || matches!(self.method.second, Second::None) {
                let mut earlier = State { acc: self.item.acc, second: self.item.second, count: start - from };
                let later = State { acc: self.block.acc, second: self.block.second, count: end - start };
                self.method.merge(&mut earlier, &later, n, self.isa);
            } else {
                for j in 0..self.rows.group {
                    let mut earlier = self.part(self.item, j, self.count(j, from, start));
                    let later = self.part(self.block, j, self.count(j, start, end));
                    self.method.merge(&mut earlier, &later, self.rows.inner, self.isa);
                }
            }
        }
    }

    /// Folds one block into `into`.
    ///
    /// # Safety
    ///
    /// As [`Work::fold`].
    unsafe fn block(&mut self, start: usize, end: usize, column: usize, n: usize, into: Planes) {
        let loops = *self.method.loops(self.isa);
        // SAFETY: rows of the block, each of as many lanes as it has; accumulators of deviations are `f64`.
        unsafe {
            (loops.clear)(into.acc, n);
            if start == 0 {
                // The first part of a wide row has the first rows.
                self.method.begin(into.acc, n.min(self.rows.inner));
            }
            let Some(deviations) = self.method.deviations(self.isa).copied() else {
                match self.stride {
                    Some(stride) => {
                        let first = self.in_place(start, column);
                        self.each_run(start, end, column, n, |r, rows, lanes| {
                            (loops.rows)(into.acc, first.offset(r as isize * stride), stride, rows, lanes);
                        });
                    }
                    None => self.rows_computed(start, end, column, n, into.acc),
                }
                return;
            };
            let size = self.method.dtype.size();
            let (first, stride) = match self.stride {
                Some(stride) => (self.in_place(start, column), stride),
                None => {
                    for r in start..end {
                        let lanes = self.lanes(r, column, n);
                        let at = (r - start) * n * size;
                        self.compute(r, column, lanes, at);
                    }
                    (self.values.cast_const(), (n * size) as isize)
                }
            };
            std::slice::from_raw_parts_mut(self.above, n).fill(0.0);
            (deviations.pivots)(self.means, first, self.lanes(start, column, n));
            let places = Sums { sums: into.acc.cast(), above: self.above, pivots: self.means };
            self.each_run(start, end, column, n, |r, rows, lanes| {
                (deviations.sums)(&places, first.offset(r as isize * stride), stride, rows, lanes);
            });
            let (means, above) =
                (std::slice::from_raw_parts_mut(self.means, n), std::slice::from_raw_parts_mut(self.above, n));
            for j in 0..self.rows.group {
                // Where a part has no row there is nothing that its mean is subtracted from.
                let count = self.count(j, start, end).max(1) as f64;
                // Of one row, a wide row has `inner` columns; otherwise the item's are all of them.
                let columns = if self.rows.group == 1 { 0..n } else { j * self.rows.inner..(j + 1) * self.rows.inner };
                for (mean, above) in means[columns.clone()].iter_mut().zip(&above[columns]) {
                    *mean += above / count;
                }
            }
            above.fill(0.0);
            let (squares, means) = (self.above, self.means.cast_const());
            self.each_run(start, end, column, n, |r, rows, lanes| {
                (deviations.squares)(squares, means, first.offset(r as isize * stride), stride, rows, lanes);
            });
            for i in 0..n {
                let spread = Spread { mean: means.add(i).read(), squares: squares.add(i).read() };
                into.second.cast::<Spread>().add(i).write(spread);
            }
        }
    }

    /// Calls `each` with the whole rows of a block, from its row 0, and then with the last where it is shorter.
    fn each_run(&self, start: usize, end: usize, column: usize, n: usize, mut each: impl FnMut(usize, usize, usize)) {
        let last = self.lanes(end - 1, column, n);
        let whole = end - start - usize::from(last < n);
        if whole > 0 {
            each(0, whole, n);
        }
        if last < n {
            each(whole, 1, last);
        }
    }

    /// Where column `column` of wide row `r` is, for values that are folded in place.
    fn in_place(&self, r: usize, column: usize) -> *const u8 {
        let at = r * self.rows.group * self.rows.inner + column;
        self.session.bases[0].wrapping_offset(self.feed.views[0].locate(at).0)
    }

    /// Computes `lanes` columns of wide row `r` into the buffer, from byte `at` on.
    ///
    /// # Safety
    ///
    /// As [`Work::fold`]; the buffer has room.
    unsafe fn compute(&mut self, r: usize, column: usize, lanes: usize, at: usize) {
        let size = self.method.dtype.size();
        let start = r * self.rows.group * self.rows.inner + column;
        if let Some(apart) = self.apart {
            let outer = |input: usize| self.fold.outer[input].locate(self.outer).0;
            self.session.bring(apart, start, lanes, outer);
        }
        let mut done = 0;
        while done < lanes {
            let count = self.feed.strip_at(start + done, start + lanes);
            // SAFETY: a strip of the row; the buffer has room for the row.
            unsafe { self.session.compute(start + done, count, &[self.values.add(at + done * size)]) };
            done += count;
        }
    }

    /// Computes the rows of a block, one after the other, and folds each at once.
    ///
    /// # Safety
    ///
    /// As [`Work::fold`].
    unsafe fn rows_computed(&mut self, start: usize, end: usize, column: usize, n: usize, acc: *mut u8) {
        for r in start..end {
            let lanes = self.lanes(r, column, n);
            // SAFETY: the buffer holds a row, and the row was computed before it is folded.
            unsafe {
                self.compute(r, column, lanes, 0);
                (self.method.loops(self.isa).rows)(acc, self.values, 0, 1, lanes);
            }
        }
    }

    /// Finds extremes and their rows.
    ///
    /// # Safety
    ///
    /// As [`Work::fold`].
    unsafe fn places(&mut self, from: usize, to: usize, column: usize, n: usize) {
        let Second::Place(finder) = self.method.second else { return };
        let places = self.item.second.cast::<u64>();
        for r in from..to {
            // SAFETY: a row of `n` values, in place or computed; planes of `n` columns.
            unsafe {
                let row = if self.stride.is_some() {
                    self.in_place(r, column)
                } else {
                    self.compute(r, column, n, 0);
                    self.values.cast_const()
                };
                if r == from {
                    std::ptr::copy_nonoverlapping(row, self.item.acc, n * self.method.acc());
                    std::slice::from_raw_parts_mut(places, n).fill(r as u64);
                } else {
                    (finder.row)(self.item.acc, places, row, r as u64, n);
                }
            }
        }
    }
}
