//! `reduceat`: a function joins the elements of each of many segments of an axis.
//!
//! Segments of elements side by side are in [`runs`], segments of rows in [`rows`], both without AVX2 in [`plain`]; a function that may not be applied in groups
//! takes its operands in order, by [`step`]; one of the user's that may be takes them in [`grouped`] ones. Work is cut into *units*: some segments at one place of the other axes. A unit that holds
//! far more elements than others leaves its long segments to whoever runs it: those are cut into parts of a fixed length, and
//! the parts joined in a fixed tree. Which way a segment goes follows from its length, and changes no bits.

mod apart;
mod grouped;
pub(crate) mod join;
pub(super) mod plain;
mod rows;
mod runs;
pub(super) mod step;
mod tree;
mod work;

use super::program::limits;
use super::scatter::places::Numbers;
use super::simd::Isa;
use super::stream::Line;
use super::work::extent;
use super::work::protocol::Extent;
use super::work::wire::{Reader, Writer};
use super::{DType, Error, Op, Result, associative};
use join::Join;
use rows::{Rows, RowsFn};
use runs::{PartFn, Run, RunFn, length};
use std::mem::MaybeUninit;
use std::ops::Range;
use step::Step;
use tree::Tree;

/// Elements that a unit has, as a rule.
const UNIT: usize = 1 << 15;
/// Most segments of a unit.
const SEGMENTS: usize = 1024;
/// A unit of more elements than this leaves its long segments.
const MUCH: usize = 1 << 18;
/// Elements of a segment that is long in such a unit.
const LONG: usize = 1 << 13;

/// The kernels of a join.
#[derive(Debug)]
struct Joined {
    /// Bytes of an accumulator.
    acc: usize,
    run: [RunFn; 2],
    part: [PartFn; 2],
    rows: [RowsFn; 2],
    finish: unsafe fn(accs: *const u8, parts: usize, columns: usize, out: *mut u8),
}

impl Joined {
    #[cfg(target_arch = "x86_64")]
    const fn of<J: Join>() -> Joined {
        Joined {
            acc: size_of::<J::Acc>(),
            run: [plain::run::<J>, runs::x86::run_avx2::<J>],
            part: [plain::part::<J>, runs::x86::part_avx2::<J>],
            rows: [plain::rows::<J>, rows::x86::avx2::<J>],
            finish: finish::<J>,
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    const fn of<J: Join>() -> Joined {
        Joined {
            acc: size_of::<J::Acc>(),
            run: [plain::run::<J>; 2],
            part: [plain::part::<J>; 2],
            rows: [plain::rows::<J>; 2],
            finish: finish::<J>,
        }
    }
}

/// Joins rows of `columns` elements in order, each column by itself.
///
/// # Safety
///
/// `rows > 0` rows of elements of `size` bytes may be read, `stride` bytes apart; `acc` takes a row.
unsafe fn in_order(
    step: &Step,
    source: *const u8,
    (stride, size): (isize, usize),
    rows: usize,
    columns: usize,
    acc: *mut u8,
) {
    // SAFETY: the caller's promise; the first row is the accumulators' beginning.
    unsafe {
        std::ptr::copy_nonoverlapping(source, acc, columns * size);
        if columns == 1 {
            step.sequence(acc, source.wrapping_offset(stride), stride, rows - 1);
        } else {
            for row in 1..rows as isize {
                step.rows(acc, source.offset(row * stride), columns);
            }
        }
    }
}

/// Joins the parts of a segment, column by column.
///
/// # Safety
///
/// `parts > 0` times `columns` accumulators at `accs`, and room for `columns` results at `out`.
unsafe fn finish<J: Join>(accs: *const u8, parts: usize, columns: usize, out: *mut u8) {
    let accs = accs.cast::<J::Acc>();
    for column in 0..columns {
        let mut tree = Tree::<J>::new();
        for part in 0..parts {
            // SAFETY: one of the accumulators that are there.
            tree.push(unsafe { *accs.add(part * columns + column) });
        }
        // SAFETY: `out` takes a result for each column.
        unsafe { out.cast::<MaybeUninit<J::Out>>().add(column).write(MaybeUninit::new(J::leave(tree.complete()))) }
    }
}

fn joined(op: Op, dtype: DType) -> Option<&'static Joined> {
    macro_rules! make {
        ($j:ty) => {{
            const JOINED: &Joined = &Joined::of::<$j>();
            Some(JOINED)
        }};
    }
    join::wide!(op, dtype, make)
}

#[derive(Clone, Copy, Debug)]
enum Way {
    Joined(&'static Joined),
    /// A function of the user's that may be grouped: groups of a fixed length, in order.
    Grouped(Step),
    InOrder(Step),
}

/// An array seen as places of outer axes, the axis that is cut into segments, and inner elements that lie side by side.
#[derive(Clone, Debug)]
pub struct Geometry {
    /// Lengths of the outer axes and their strides, in elements.
    pub outer: Vec<(usize, isize)>,
    /// Length of the axis.
    pub length: usize,
    /// Its stride, in elements; 1 where there is one inner element.
    pub stride: isize,
    /// Number of inner elements.
    pub inner: usize,
    /// Elements that may be read from the first one on, where all lie side by side in row-major order.
    pub side_by_side: Option<usize>,
}

impl Geometry {
    /// What its elements take, and what row-major results do that have `rows` elements along the axis; an error where that cannot be
    /// addressed, or it is no geometry of a function along an axis.
    pub(crate) fn extents(&self, size: usize, rows: usize, result: usize) -> Result<[Extent; 2]> {
        let Geometry { outer, length, stride, inner, side_by_side } = self;
        if *length == 0 || *inner == 0 || outer.iter().any(|axis| axis.0 == 0) {
            return Err(Error::invalid(format!("nothing to join: {self:?}")));
        }
        if *inner == 1 && *stride != 1 {
            return Err(Error::invalid(format!("elements apart: {self:?}")));
        }
        let lengths = outer.iter().map(|axis| axis.0);
        let elements = extent::elements(lengths.clone().chain([*length, *inner]))?;
        let results = extent::elements(lengths.chain([rows, *inner]))?;
        if side_by_side.is_some_and(|all| all != elements) {
            return Err(Error::invalid(format!("{elements} elements, side by side {side_by_side:?}")));
        }
        let axes = outer.iter().copied().chain([(*length, *stride), (*inner, 1)]);
        let source = extent::all(axes, size)?;
        if side_by_side.is_some() && source != (Extent { low: 0, high: (elements * size) as isize }) {
            return Err(Error::invalid(format!("elements that are not side by side: {self:?}")));
        }
        Ok([source, Extent { low: 0, high: (results * result) as isize }])
    }

    /// The same without strides of axes that have one element, which may be any: nothing is multiplied by them then.
    pub(crate) fn plain(mut self) -> Geometry {
        self.outer.iter_mut().filter(|axis| axis.0 == 1).for_each(|axis| axis.1 = 0);
        if self.length == 1 && self.inner > 1 {
            self.stride = 0;
        }
        self
    }

    pub(crate) fn encode(&self, words: &mut Writer) {
        words.word(self.outer.len() as u64);
        for &(length, stride) in &self.outer {
            words.word(length as u64);
            words.word(stride as u64);
        }
        words.word(self.length as u64);
        words.word(self.stride as u64);
        words.word(self.inner as u64);
        words.word(u64::from(self.side_by_side.is_some()));
    }

    /// What [`Geometry::encode`] wrote; it is looked at by [`Geometry::extents`].
    pub(crate) fn read(words: &mut Reader<'_>) -> Result<Geometry> {
        let most = isize::MAX as usize;
        let outer = words.list("axes", |words| Ok((words.number("elements", most)?, words.word()? as isize)))?;
        if outer.len() > limits::NDIM {
            return Err(Error::frame(format!("{} axes; at most {} are allowed", outer.len(), limits::NDIM)));
        }
        let length = words.number("elements", most)?;
        let stride = words.word()? as isize;
        let inner = words.number("elements", most)?;
        let lengths = outer.iter().map(|axis: &(usize, isize)| axis.0).chain([length, inner]);
        let side_by_side = if words.flag()? { Some(extent::elements(lengths)?) } else { None };
        Ok(Geometry { outer, length, stride, inner, side_by_side })
    }

    pub(super) fn places(&self) -> usize {
        self.outer.iter().map(|axis| axis.0).product()
    }

    pub(super) fn offset(&self, mut place: usize) -> isize {
        let mut offset = 0;
        for &(length, stride) in self.outer.iter().rev() {
            offset += (place % length) as isize * stride;
            place /= length;
        }
        offset
    }
}

/// A `reduceat`, ready to be run.
#[derive(Clone, Debug)]
pub struct Segments {
    way: Way,
    op: Op,
    /// The type of the indices.
    numbers: Numbers,
    extents: [Extent; 2],
    isa: Isa,
    from: DType,
    to: DType,
    geometry: Geometry,
    segments: usize,
    /// Segments of a unit, and units of an outer place.
    per_unit: usize,
    blocks: usize,
    tiles: usize,
}

/// A segment, or some columns of it, that its unit has left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Long {
    place: usize,
    segment: usize,
    start: usize,
    length: usize,
    tile: usize,
}

/// Room for accumulators of one tile.
type Tile = Line<[[u64; 2]; rows::WIDTH]>;

impl Segments {
    /// The way to join `segments` segments, whose beginnings are numbers of this type; `None` where the function does not give what it takes.
    ///
    /// # Errors
    ///
    /// `Error::InvalidArgument` where the array has no elements, or elements that cannot be addressed.
    pub fn new(op: Op, dtype: DType, geometry: Geometry, segments: usize, numbers: DType) -> Result<Option<Segments>> {
        let extents = geometry.extents(dtype.size(), segments, dtype.size())?;
        if segments == 0 {
            return Err(Error::invalid("no segments to join"));
        }
        let (geometry, numbers) = (geometry.plain(), Numbers::of(numbers)?);
        extent::elements([segments, numbers.size()])?;
        let way = match joined(op, dtype) {
            Some(joined) => Some(Way::Joined(joined)),
            None if matches!(op, Op::User(_)) && associative(op) => Step::new(op, dtype, dtype).map(Way::Grouped),
            None => Step::new(op, dtype, dtype).map(Way::InOrder),
        };
        let Some(way) = way else { return Ok(None) };
        let columns = geometry.inner.min(rows::WIDTH);
        let elements = (geometry.length / segments).max(1) * columns;
        let per_unit = (UNIT / elements).clamp(1, SEGMENTS);
        let (blocks, tiles) = (segments.div_ceil(per_unit), geometry.inner.div_ceil(rows::WIDTH));
        let (isa, to) = (Isa::current(), dtype);
        Ok(Some(Segments {
            way,
            op,
            numbers,
            extents,
            isa,
            from: dtype,
            to,
            geometry,
            segments,
            per_unit,
            blocks,
            tiles,
        }))
    }

    /// Type of the results.
    pub fn result_dtype(&self) -> DType {
        self.to
    }

    /// Number of units, and how many elements one has as a rule.
    pub fn units(&self) -> (usize, usize) {
        let elements = (self.geometry.length / self.segments).max(1) * self.per_unit;
        (self.geometry.places() * self.blocks * self.tiles, elements * self.geometry.inner.min(rows::WIDTH))
    }

    /// The columns of a tile.
    fn columns(&self, tile: usize) -> Range<usize> {
        let start = tile * rows::WIDTH;
        start..(start + rows::WIDTH).min(self.geometry.inner)
    }

    /// Where a row of the axis begins, and where the result of a segment does, in bytes.
    fn source(&self, place: usize, row: usize, column: usize) -> isize {
        let elements = self.geometry.offset(place) + row as isize * self.geometry.stride + column as isize;
        elements * self.from.size() as isize
    }

    fn target(&self, place: usize, segment: usize, column: usize) -> usize {
        ((place * self.segments + segment) * self.geometry.inner + column) * self.to.size()
    }

    /// A unit's outer place, first segment, number of segments, and tile of columns.
    fn place(&self, unit: usize) -> (usize, usize, usize, usize) {
        let (tile, rest) = (unit % self.tiles, unit / self.tiles);
        let (block, place) = (rest % self.blocks, rest / self.blocks);
        let first = block * self.per_unit;
        (place, first, self.per_unit.min(self.segments - first), tile)
    }

    /// Bytes behind the axis at an outer place that may be read: of the next place, where all elements lie side by side.
    fn beyond(&self, place: usize) -> usize {
        let length = self.geometry.length;
        let left = self.geometry.side_by_side.map_or(0, |all| all - (place + 1) * length);
        if self.geometry.inner == 1 { left.min(runs::LANES) * self.from.size() } else { 0 }
    }

    /// Segments of how many elements and more a unit leaves, whose segments begin at these places.
    fn below(&self, starts: &[usize], columns: usize) -> usize {
        let lengths = starts.windows(2).map(|pair| length(pair[0], pair[1]));
        let elements = lengths.fold(0, usize::saturating_add);
        match elements.saturating_mul(columns) > MUCH {
            true if self.geometry.inner == 1 => LONG,
            true => (LONG / columns).max(2 * rows::BLOCK),
            false => usize::MAX,
        }
    }

    /// Joins the segments of a unit that begin at these places, but for those of `below` elements and more.
    ///
    /// # Safety
    ///
    /// `values` is valid over the geometry's elements at the unit's place; `out` takes the row-major results, and nobody else touches those of
    /// this unit. The places are below the axis's length, and the last of them is at most that.
    unsafe fn unit(&self, values: *const u8, out: *mut u8, unit: usize, starts: &[usize], below: usize) {
        let mut acc = MaybeUninit::<Tile>::uninit();
        let (place, first, _, tile) = self.place(unit);
        let columns = self.columns(tile);
        let target = out.wrapping_add(self.target(place, first, columns.start));
        let source = |row| values.wrapping_offset(self.source(place, row, columns.start));
        let stride = self.geometry.stride * self.from.size() as isize;
        // SAFETY: segments lie within the axis (contract); columns within the inner elements. Targets are those of the
        // unit's segments, and each takes as many results as there are columns.
        unsafe {
            match &self.way {
                Way::Joined(joined) if self.geometry.inner == 1 => {
                    // Whole groups are read, beyond the last segment's end too where elements lie there.
                    let readable = self.geometry.length + self.beyond(place) / self.from.size();
                    let run = joined.run[self.isa.min(Isa::Avx2) as usize];
                    run(&Run { values: source(0), readable, starts, below }, target);
                }
                way => {
                    for (i, pair) in starts.windows(2).enumerate() {
                        let length = length(pair[0], pair[1]);
                        if length < below {
                            let target = target.add(i * self.geometry.inner * self.to.size());
                            let acc = acc.as_mut_ptr().cast();
                            self.accumulate(way, (source(pair[0]), stride), length, columns.len(), acc);
                            self.finish(acc, 1, columns.len(), target);
                        }
                    }
                }
            }
        }
    }

    /// Joins `rows` rows of `columns` elements; the accumulators are written to `acc`.
    ///
    /// # Safety
    ///
    /// The rows may be read, `stride` bytes apart from `source` on; `acc` takes [`Segments::acc_bytes`] for each column.
    unsafe fn accumulate(
        &self,
        way: &Way,
        (source, stride): (*const u8, isize),
        rows: usize,
        columns: usize,
        acc: *mut u8,
    ) {
        let size = self.from.size();
        // SAFETY: the caller's promise; in order, the first row is the accumulators' beginning.
        unsafe {
            match way {
                Way::Joined(joined) if self.geometry.inner == 1 => {
                    joined.part[self.isa.min(Isa::Avx2) as usize](source, rows, rows, acc);
                }
                Way::Joined(joined) => {
                    joined.rows[self.isa.min(Isa::Avx2) as usize](&Rows { values: source, stride, rows, columns }, acc);
                }
                Way::Grouped(step) if columns == 1 && self.geometry.inner == 1 => {
                    grouped::join(step, self.isa, size, source, rows, acc);
                }
                Way::InOrder(step) => in_order(step, source, (stride, size), rows, columns, acc),
                Way::Grouped(step) => {
                    // Parts that may be joined apart are joined so in any case.
                    let mut next = MaybeUninit::<Tile>::uninit();
                    for start in (0..rows).step_by(rows::PART) {
                        let source = source.wrapping_offset(stride * start as isize);
                        let part = rows::PART.min(rows - start);
                        let to = if start == 0 { acc } else { next.as_mut_ptr().cast() };
                        in_order(step, source, (stride, size), part, columns, to);
                        if start > 0 {
                            step.rows(acc, to, columns);
                        }
                    }
                }
            }
        }
    }

    /// Results of a segment's parts, which `accs` holds one after the other.
    ///
    /// # Safety
    ///
    /// As many accumulators as parts times columns, and room for a result for each column.
    unsafe fn finish(&self, accs: *const u8, parts: usize, columns: usize, out: *mut u8) {
        // SAFETY: the caller's promise; what is not joined has accumulators that are results, and, in order, one part.
        unsafe {
            match &self.way {
                Way::Joined(joined) => (joined.finish)(accs, parts, columns, out),
                Way::Grouped(step) => {
                    let bytes = columns * self.to.size();
                    std::ptr::copy_nonoverlapping(accs, out, bytes);
                    (1..parts).for_each(|part| step.rows(out, accs.add(part * bytes), columns));
                }
                Way::InOrder(_) => std::ptr::copy_nonoverlapping(accs, out, columns * self.to.size()),
            }
        }
    }

    /// Elements along the axis that a part has.
    fn part_length(&self, long: &Long) -> usize {
        match self.way {
            Way::Joined(_) if self.geometry.inner == 1 => runs::PART,
            Way::Grouped(_) if self.geometry.inner == 1 => grouped::PART,
            Way::Joined(_) | Way::Grouped(_) => rows::PART,
            Way::InOrder(_) => long.length,
        }
    }

    /// How many parts a long segment has, and how many bytes the accumulators of one take.
    pub fn parts(&self, long: &Long) -> (usize, usize) {
        let acc = match self.way {
            Way::Joined(joined) => joined.acc,
            Way::Grouped(_) | Way::InOrder(_) => self.from.size(),
        };
        (long.length.div_ceil(self.part_length(long)), acc * self.columns(long.tile).len())
    }

    /// Elements of a part.
    pub fn part_elements(&self, long: &Long) -> usize {
        self.part_length(long).min(long.length) * self.columns(long.tile).len()
    }

    /// Computes one part of a long segment.
    ///
    /// # Safety
    ///
    /// `values` as for [`Segments::unit`], at the place of `long`, which lies within the axis; `acc` takes the bytes of one part, aligned to 16.
    pub unsafe fn part(&self, values: *const u8, long: &Long, part: usize, acc: *mut u8) {
        let (columns, most) = (self.columns(long.tile), self.part_length(long));
        let done = part * most;
        let source = values.wrapping_offset(self.source(long.place, long.start + done, columns.start));
        let stride = self.geometry.stride * self.from.size() as isize;
        // SAFETY: rows of the segment, which `run` found to lie within the axis.
        unsafe { self.accumulate(&self.way, (source, stride), most.min(long.length - done), columns.len(), acc) }
    }

    /// Joins the parts of a long segment, and writes its results.
    ///
    /// # Safety
    ///
    /// `accs` holds the parts one after the other, each written by [`Segments::part`]; `out` as for [`Segments::unit`].
    pub unsafe fn join(&self, accs: *const u8, long: &Long, out: *mut u8) {
        let columns = self.columns(long.tile);
        let target = out.wrapping_add(self.target(long.place, long.segment, columns.start));
        // SAFETY: the caller's promise; the target takes a result for each column.
        unsafe { self.finish(accs, self.parts(long).0, columns.len(), target) }
    }
}
