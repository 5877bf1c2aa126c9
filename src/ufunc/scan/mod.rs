//! `accumulate`: each element of an axis joined to all before it.
//!
//! One definition for every layout: an axis is cut into blocks of [`BLOCK`] elements; within a block elements are joined in order,
//! and each of these results to the last result of the block before. So the first block has the bits of a plain loop, a
//! block's results need of those before it one value only, and a sum that only grows never falls. An initial value is joined to the first
//! element before any other is. Elements side by side are in [`lanes`], rows in [`columns`], both without AVX2 in [`plain`]; what units hand on to each other in
//! [`chain`]. A function that may not be applied in groups takes its operands in order.

mod chain;
mod columns;
mod lanes;
mod plain;
#[cfg(test)]
mod tests;
mod work;

use super::segment::Geometry;
use super::segment::join::{self, Join};
use super::segment::step::Step;
use super::simd::Isa;
use super::stream;
use super::work::protocol::{Extent, Operands, Room, Run, Work};
use super::{DType, Error, Op, Result, Scalar};
use chain::{Chain, Patience};
use columns::Rows;
use lanes::Block;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Elements along the axis that are joined in order, before that is joined to what came before.
pub const BLOCK: usize = 2048;
/// Steps of a lane before its results go to their places.
const STAGE: usize = 128;
/// Most columns that are done together.
const WIDTH: usize = 128;
/// Columns that are done together where there are few, and the axis is cut into units too.
const NARROW: usize = 32;
/// As many tiles of columns as this, and the axis is not cut.
const TILES: usize = 16;
/// Least columns of a tile of those.
const LEAST: usize = 64;
/// Bytes of the operand that a unit reads twice.
const CACHED: usize = 128 << 10;
/// Units at most, where they wait for each other and can be larger.
const UNITS: usize = 4096;
/// Most blocks of a unit.
const BLOCKS: usize = 64;

/// The kernels of a join.
#[derive(Debug)]
struct Kernels {
    begin: unsafe fn(value: *const u8, acc: *mut u8),
    neutral: [u64; 2],
    lane_totals: [lanes::TotalsFn; 3],
    lane_scans: [lanes::ScansFn; 3],
    lane_link: lanes::LinkFn,
    column_totals: [columns::TotalsFn; 3],
    column_scans: [columns::ScansFn; 3],
    column_link: columns::LinkFn,
    acc: usize,
}

/// The accumulator of one value.
///
/// # Safety
///
/// A value at `value`; room for an accumulator at `acc`.
unsafe fn begin<J: Join>(value: *const u8, acc: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { acc.cast::<J::Acc>().write(J::enter(value.cast::<J::In>().read_unaligned())) }
}

impl Kernels {
    /// AVX-512 is for words alone, which it transposes in registers.
    #[cfg(target_arch = "x86_64")]
    fn of<J: Join>() -> Kernels {
        let (totals, scans): (lanes::TotalsFn, lanes::ScansFn) = if J::WORDS {
            (lanes::x86::totals_avx512::<J>, lanes::x86::scans_avx512::<J>)
        } else {
            (lanes::x86::totals_avx2::<J>, lanes::x86::scans_avx2::<J>)
        };
        Kernels {
            begin: begin::<J>,
            neutral: neutral::<J>(),
            lane_totals: [plain::lane_totals::<J>, lanes::x86::totals_avx2::<J>, totals],
            lane_scans: [plain::lane_scans::<J>, lanes::x86::scans_avx2::<J>, scans],
            lane_link: lanes::link::<J>,
            column_totals: [plain::column_totals::<J>, columns::x86::totals_avx2::<J>, columns::x86::totals_avx2::<J>],
            column_scans: [plain::column_scans::<J>, columns::x86::scans_avx2::<J>, columns::x86::scans_avx2::<J>],
            column_link: columns::link::<J>,
            acc: size_of::<J::Acc>(),
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn of<J: Join>() -> Kernels {
        Kernels {
            begin: begin::<J>,
            neutral: neutral::<J>(),
            lane_totals: [plain::lane_totals::<J>; 3],
            lane_scans: [plain::lane_scans::<J>; 3],
            lane_link: lanes::link::<J>,
            column_totals: [plain::column_totals::<J>; 3],
            column_scans: [plain::column_scans::<J>; 3],
            column_link: columns::link::<J>,
            acc: size_of::<J::Acc>(),
        }
    }
}

/// A join's neutral accumulator, as the bytes of one.
fn neutral<J: Join>() -> [u64; 2] {
    let mut bytes = [0u64; 2];
    const { assert!(size_of::<J::Acc>() <= 16 && align_of::<J::Acc>() <= 8) };
    // SAFETY: an accumulator fits, as was just asserted, and is not padded: numbers, or pairs of them.
    unsafe { bytes.as_mut_ptr().cast::<J::Acc>().write(J::NEUTRAL) };
    bytes
}

fn kernels(op: Op, dtype: DType) -> Option<Kernels> {
    macro_rules! make {
        ($j:ty) => {
            Some(Kernels::of::<$j>())
        };
    }
    join::wide!(op, dtype, make)
}

#[derive(Debug)]
enum Way {
    /// Elements side by side: units of some blocks, of the places one after the other.
    Lanes(Kernels),
    /// Rows: units of a tile of columns, and of one block each where the axis is cut.
    Columns(Kernels),
    /// One operand after the other: units of a tile of columns.
    InOrder(Step),
}

/// An `accumulate`, ready to be run.
#[derive(Debug)]
pub struct Scan {
    way: Way,
    op: Op,
    dtype: DType,
    threads: usize,
    /// What the elements and the results take.
    extents: [Extent; 2],
    isa: Isa,
    size: usize,
    geometry: Geometry,
    /// The value before the first element, which is the first result.
    initial: Option<[u8; 16]>,
    /// The accumulator before the first element.
    before: [u64; 2],
    streamed: bool,
    /// Bytes from a unit to the one that its thread is likely to begin next, where elements lie in a row.
    ahead: usize,
    places: usize,
    /// Blocks of an axis, and of a unit.
    blocks: usize,
    per_unit: usize,
    /// Columns of a tile, and tiles of a row.
    width: usize,
    tiles: usize,
    /// Whether units wait for those before them.
    chained: bool,
}

impl Scan {
    /// The way to scan; `None` where the function does not give what it takes. With an initial value results are exclusive: the first one
    /// is that value, and the axis of the results is one element longer than that of the geometry. `streamed` says whether results
    /// go past the caches, `threads` how many share the work. Panics where the geometry has no elements.
    pub fn new(
        op: Op,
        dtype: DType,
        geometry: Geometry,
        initial: Option<Scalar>,
        streamed: bool,
        threads: usize,
    ) -> Result<Option<Scan>> {
        if let Some(value) = initial.filter(|value| value.dtype != dtype) {
            let what = format!("an initial value of type {} for elements of type {}", value.dtype.name(), dtype.name());
            return Err(Error::invalid(what));
        }
        let later = usize::from(initial.is_some());
        let extents = geometry.extents(dtype.size(), geometry.length.saturating_add(later), dtype.size())?;
        let geometry = geometry.plain();
        let (size, places) = (dtype.size(), geometry.places());
        let blocks = geometry.length.div_ceil(BLOCK);
        let initial = initial.map(|value| value.bytes);
        let Some(step) = Step::new(op, dtype, dtype) else { return Ok(None) };
        let mut scan = Scan {
            way: Way::InOrder(step),
            op,
            dtype,
            threads,
            extents,
            isa: Isa::current(),
            size,
            initial,
            before: [0; 2],
            streamed,
            ahead: 0,
            places,
            blocks,
            per_unit: 1,
            width: WIDTH.min(geometry.inner),
            tiles: geometry.inner.div_ceil(WIDTH),
            chained: false,
            geometry,
        };
        let Some(kernels) = kernels(op, dtype) else { return Ok(Some(scan)) };
        scan.before = kernels.neutral;
        if let Some(value) = &scan.initial {
            // SAFETY: bytes of a value of the type; an accumulator fits its room.
            unsafe { (kernels.begin)(value.as_ptr(), scan.before.as_mut_ptr().cast()) }
        }
        let inner = scan.geometry.inner;
        if inner == 1 {
            scan.chained = blocks > 1;
            let bytes = size * BLOCK;
            // So few units that a job has a chunk for each: a chunk of several would wait for all of the one before.
            let least = (places * blocks).div_ceil(UNITS).max(lanes::LANES);
            scan.per_unit = if scan.chained { (CACHED / bytes).max(least).min(BLOCKS) } else { BLOCKS };
            if streamed && scan.geometry.side_by_side.is_some() {
                scan.ahead = threads * scan.per_unit * BLOCK.min(scan.geometry.length) * size;
            }
            scan.way = Way::Lanes(kernels);
        } else {
            let fair = (inner * places).div_ceil(TILES).next_multiple_of(LEAST);
            scan.width = fair.min(WIDTH).min(inner);
            scan.tiles = inner.div_ceil(scan.width);
            if blocks > 1 && places * scan.tiles < TILES {
                scan.chained = true;
                scan.width = NARROW.min(inner);
                scan.tiles = inner.div_ceil(scan.width);
            }
            scan.way = Way::Columns(kernels);
        }
        Ok(Some(scan))
    }

    /// Number of units, and how many bytes one reads and writes, as a rule.
    pub fn units(&self) -> (usize, usize) {
        let Geometry { length, inner, .. } = self.geometry;
        match self.way {
            Way::Lanes(_) => {
                let units = (self.places * self.blocks).div_ceil(self.per_unit);
                (units, 2 * self.size * length.min(BLOCK) * self.per_unit)
            }
            Way::Columns(_) if self.chained => {
                (self.places * self.blocks * self.tiles, 2 * self.size * BLOCK * self.width)
            }
            // One after the other, each waits for the one before, and is far slower than memory.
            Way::InOrder(_) if inner == 1 => (self.places, 32 * self.size * length),
            Way::Columns(_) | Way::InOrder(_) => (self.places * self.tiles, 2 * self.size * length * self.width),
        }
    }

    /// Where an element is, in bytes, and where its result goes.
    fn source(&self, place: usize, row: usize, column: usize) -> isize {
        let elements = self.geometry.offset(place) + row as isize * self.geometry.stride + column as isize;
        elements * self.size as isize
    }

    fn target(&self, place: usize, row: usize, column: usize) -> usize {
        let later = usize::from(self.initial.is_some());
        let rows = self.geometry.length + later;
        ((place * rows + row + later) * self.geometry.inner + column) * self.size
    }

    fn columns(&self, tile: usize) -> Range<usize> {
        let start = tile * self.width;
        start..(start + self.width).min(self.geometry.inner)
    }

    /// The accumulators that a unit hands on at most: the totals of its blocks, or of its columns.
    fn each(&self) -> usize {
        if let Way::Columns(_) = self.way { self.width } else { self.per_unit }
    }

    /// What units of one run hand on to each other, in this room; `None` where they do not.
    fn chain<'a>(&self, scratch: &'a [Room]) -> Option<Chain<'a>> {
        self.chained.then(|| Chain::new(&scratch[0], self.units().0, self.each()))
    }

    /// The blocks of a unit of elements side by side.
    fn blocks_of(&self, unit: usize, values: *const u8, out: *mut u8, room: &mut [Block; BLOCKS]) -> usize {
        let first = unit * self.per_unit;
        let count = self.per_unit.min(self.places * self.blocks - first);
        for (i, block) in room[..count].iter_mut().enumerate() {
            let (place, row) = ((first + i) / self.blocks, (first + i) % self.blocks * BLOCK);
            *block = Block {
                source: values.wrapping_offset(self.source(place, row, 0)),
                target: out.wrapping_add(self.target(place, row, 0)),
                n: BLOCK.min(self.geometry.length - row),
                first: row == 0,
                ahead: self.ahead,
            };
        }
        count
    }

    /// # Safety
    ///
    /// As [`Work::run`].
    unsafe fn lanes(&self, kernels: &Kernels, unit: usize, operands: &dyn Operands, chain: Option<&Chain<'_>>) {
        let isa = self.isa as usize;
        let at = |operand| operands.at(operand, self.touches(0, unit, operand));
        let (values, out) = (at(0).cast_const(), at(1));
        let none = Block { source: values, target: out, n: 0, first: false, ahead: 0 };
        let mut room = [none; BLOCKS];
        let count = self.blocks_of(unit, values, out, &mut room);
        let blocks = &room[..count];
        let mut accs = [[0u64; 2]; BLOCKS + 1];
        let accs = accs.as_mut_ptr().cast::<u8>();
        let before = self.before.as_ptr().cast::<u8>();
        // SAFETY: blocks lie within the array and its results; there are accumulators for all and one more.
        unsafe {
            if let Some(initial) = &self.initial {
                for block in blocks.iter().filter(|block| block.first) {
                    std::ptr::copy_nonoverlapping(initial.as_ptr(), block.target.wrapping_sub(self.size), self.size);
                }
            }
            match chain {
                Some(chain) => {
                    (kernels.lane_totals[isa])(blocks, before, accs);
                    chain.tell_totals(unit, accs, count * kernels.acc);
                    let mut carry = self.before;
                    if !blocks[0].first {
                        self.look_back(kernels, unit, operands, chain, &mut carry);
                    }
                    (kernels.lane_link)(blocks, carry.as_ptr().cast(), before, accs);
                    chain.tell_carries(unit, accs.add(count * kernels.acc), kernels.acc);
                }
                None => {
                    for i in 0..count {
                        std::ptr::copy_nonoverlapping(before, accs.add(i * kernels.acc), kernels.acc);
                    }
                }
            }
            (kernels.lane_scans[isa])(blocks, accs, self.streamed);
        }
    }

    /// What comes before a unit's first block, which is not the first of its run: from the last unit before it that has told what comes
    /// after it, or the first of the run, on. What units in between have not told in time is computed again: who was to tell it may be dead.
    ///
    /// # Safety
    ///
    /// As [`Work::run`].
    unsafe fn look_back(
        &self,
        kernels: &Kernels,
        unit: usize,
        operands: &dyn Operands,
        chain: &Chain<'_>,
        carry: &mut [u64; 2],
    ) {
        let begins = |unit: usize| (unit * self.per_unit).is_multiple_of(self.blocks);
        let mut patience = Patience::new();
        let mut from = unit - 1;
        while chain.carries(from, carry, kernels.acc, &mut patience).is_none() && !begins(from) {
            from -= 1;
        }
        let told = chain.carries(from, carry, kernels.acc, &mut patience).is_some();
        if !told {
            *carry = self.before;
        }
        for between in from + usize::from(told)..unit {
            let at = |operand| operands.at(operand, self.touches(0, between, operand));
            let (values, out) = (at(0).cast_const(), std::ptr::null_mut());
            let mut room = [Block { source: values, target: out, n: 0, first: false, ahead: 0 }; BLOCKS];
            let count = self.blocks_of(between, values, out, &mut room);
            let mut accs = [[0u64; 2]; BLOCKS + 1];
            let accs = accs.as_mut_ptr().cast::<u8>();
            // SAFETY: blocks lie within the array; there are accumulators for all and one more.
            unsafe {
                let before = self.before.as_ptr().cast();
                if !chain.totals(between, accs, count * kernels.acc) {
                    (kernels.lane_totals[self.isa as usize])(&room[..count], before, accs);
                }
                (kernels.lane_link)(&room[..count], carry.as_ptr().cast(), before, accs);
                std::ptr::copy_nonoverlapping(accs.add(count * kernels.acc), carry.as_mut_ptr().cast(), kernels.acc);
            }
        }
    }

    /// Some rows of a unit, at an outer place: the first element, and bytes from a row to the next. Rows of an operand that lies in pieces are
    /// packed, at most [`BLOCK`] of them: how many, then, is given too.
    fn bring(
        &self,
        operands: &dyn Operands,
        unit: usize,
        (place, rows): (usize, Range<usize>),
        columns: &Range<usize>,
    ) -> (*const u8, isize, usize) {
        let first = self.source(place, rows.start, columns.start);
        let stride = self.geometry.stride * self.size as isize;
        if let Some(values) = operands.in_place(0, self.touches(0, unit, 0)) {
            return (values.cast_const().wrapping_offset(first), stride, rows.len());
        }
        let (count, size) = (rows.len().min(BLOCK), self.size as isize);
        let runs = match columns.len() {
            1 => vec![Run { offset: first, stride, n: count }],
            n => (0..count).map(|row| Run { offset: first + row as isize * stride, stride: size, n }).collect(),
        };
        (operands.packed(0, &runs), columns.len() as isize * size, count)
    }

    /// The rows of a unit, whose elements are not told yet, the number of the first, its outer place and its columns.
    fn rows_of(&self, unit: usize, out: *mut u8) -> (Rows, usize, usize, Range<usize>) {
        let (tile, rest) = (unit % self.tiles, unit / self.tiles);
        let (place, start, rows) = if self.chained {
            let start = rest % self.blocks * BLOCK;
            (rest / self.blocks, start, BLOCK.min(self.geometry.length - start))
        } else {
            (rest, 0, self.geometry.length)
        };
        let columns = self.columns(tile);
        let rows = Rows {
            source: std::ptr::null(),
            stride: 0,
            rows,
            first: start == 0,
            columns: columns.len(),
            target: out.wrapping_add(self.target(place, start, columns.start)),
            pitch: self.geometry.inner * self.size,
        };
        (rows, start, place, columns)
    }

    /// # Safety
    ///
    /// As [`Work::run`].
    unsafe fn rows(&self, kernels: &Kernels, unit: usize, operands: &dyn Operands, chain: Option<&Chain<'_>>) {
        let isa = self.isa as usize;
        let (mut rows, start, place, columns) = self.rows_of(unit, operands.at(1, self.touches(0, unit, 1)));
        let (all, n) = (rows.rows, rows.columns);
        let bring = |from: usize| self.bring(operands, unit, (place, start + from..start + all), &columns);
        let mut carries = [[0u64; 2]; WIDTH];
        let carries = carries.as_mut_ptr().cast::<u8>();
        // SAFETY: rows lie within the array and its results; there are accumulators for as many columns as a tile has.
        unsafe {
            if start == 0
                && let Some(initial) = &self.initial
            {
                for c in 0..n {
                    let target = rows.target.wrapping_sub(rows.pitch).wrapping_add(c * self.size);
                    std::ptr::copy_nonoverlapping(initial.as_ptr(), target, self.size);
                }
            }
            match chain {
                None => self.begin_columns(kernels, carries, n),
                Some(chain) => {
                    let mut totals = [[0u64; 2]; WIDTH];
                    let totals = totals.as_mut_ptr().cast::<u8>();
                    if start == 0 {
                        self.begin_columns(kernels, carries, n);
                    }
                    // Of one block, all of which is there.
                    (rows.source, rows.stride, rows.rows) = bring(0);
                    (kernels.column_totals[isa])(&rows, carries, totals);
                    chain.tell_totals(unit, totals, n * kernels.acc);
                    if start > 0 {
                        self.look_back_columns(kernels, unit, operands, chain, carries);
                        (kernels.column_link)(carries, totals, n);
                    }
                    chain.tell_carries(unit, totals, n * kernels.acc);
                }
            }
            // Behind the look at other units, which may have been packed. Blocks go on from `carries` as if they were one call.
            let (mut from, target) = (0, rows.target);
            while from < all {
                (rows.source, rows.stride, rows.rows) = bring(from);
                rows.target = target.wrapping_add(from * rows.pitch);
                (kernels.column_scans[isa])(&rows, carries, self.streamed);
                from += rows.rows;
                rows.first = false;
            }
        }
    }

    /// What comes before the first row, for each column.
    ///
    /// # Safety
    ///
    /// `carries` takes `n` accumulators.
    unsafe fn begin_columns(&self, kernels: &Kernels, carries: *mut u8, n: usize) {
        for c in 0..n {
            // SAFETY: an accumulator of the columns that there are.
            unsafe {
                let acc = carries.add(c * kernels.acc);
                std::ptr::copy_nonoverlapping(self.before.as_ptr().cast::<u8>(), acc, kernels.acc);
            }
        }
    }

    /// [`look_back`](Scan::look_back) for rows: what comes before each column.
    ///
    /// # Safety
    ///
    /// As [`Work::run`]; `carries` takes an accumulator for each column of a tile.
    unsafe fn look_back_columns(
        &self,
        kernels: &Kernels,
        unit: usize,
        operands: &dyn Operands,
        chain: &Chain<'_>,
        carries: *mut u8,
    ) {
        let n = self.columns(unit % self.tiles).len();
        let begins = |unit: usize| (unit / self.tiles).is_multiple_of(self.blocks);
        let mut patience = Patience::new();
        let mut told = [[0u64; 2]; WIDTH];
        let mut from = unit - self.tiles;
        let bytes = n * kernels.acc;
        while chain.carries(from, told.as_flattened_mut(), bytes, &mut patience).is_none() && !begins(from) {
            from -= self.tiles;
        }
        let there = chain.carries(from, told.as_flattened_mut(), bytes, &mut patience).is_some();
        // SAFETY: accumulators for as many columns as the tile has.
        unsafe {
            if there {
                std::ptr::copy_nonoverlapping(told.as_ptr().cast(), carries, bytes);
            } else {
                self.begin_columns(kernels, carries, n);
            }
        }
        let mut between = if there { from + self.tiles } else { from };
        while between < unit {
            let (mut rows, start, place, columns) = self.rows_of(between, std::ptr::null_mut());
            let within = start..start + rows.rows;
            (rows.source, rows.stride, rows.rows) = self.bring(operands, between, (place, within), &columns);
            let totals = told.as_mut_ptr().cast::<u8>();
            // SAFETY: rows lie within the array; there are accumulators for as many columns as the tile has.
            unsafe {
                if !chain.totals(between, totals, bytes) {
                    (kernels.column_totals[self.isa as usize])(&rows, carries, totals);
                }
                // What the first rows are joined to has what comes before them in it.
                if start > 0 {
                    (kernels.column_link)(carries, totals, n);
                }
                std::ptr::copy_nonoverlapping(totals, carries, bytes);
            }
            between += self.tiles;
        }
    }

    /// # Safety
    ///
    /// As [`Work::run`].
    unsafe fn in_order(&self, step: &Step, unit: usize, operands: &dyn Operands) {
        let out = operands.at(1, self.touches(0, unit, 1));
        let (tile, place) = (unit % self.tiles, unit / self.tiles);
        let columns = self.columns(tile);
        let (n, length) = (columns.len(), self.geometry.length);
        let target = |row| out.wrapping_add(self.target(place, row, columns.start));
        let mut acc = MaybeUninit::<stream::Line<[[u64; 2]; WIDTH]>>::uninit();
        let acc = acc.as_mut_ptr().cast::<u8>();
        // SAFETY: rows and results lie within the two arrays; `acc` takes a tile of elements of 16 bytes.
        unsafe {
            let bring = |row| self.bring(operands, unit, (place, row..length), &columns);
            let ((mut source, mut stride, count), mut row) = (bring(0), 0);
            let mut end = count;
            match &self.initial {
                Some(initial) => {
                    for c in 0..n {
                        std::ptr::copy_nonoverlapping(initial.as_ptr(), acc.add(c * self.size), self.size);
                    }
                    let first = target(0).wrapping_sub(self.geometry.inner * self.size);
                    std::ptr::copy_nonoverlapping(acc, first, n * self.size);
                }
                None => {
                    std::ptr::copy_nonoverlapping(source, acc, n * self.size);
                    std::ptr::copy_nonoverlapping(acc, target(0), n * self.size);
                    (row, source) = (1, source.wrapping_offset(stride));
                }
            }
            while row < length {
                if row == end {
                    let count;
                    (source, stride, count) = bring(row);
                    end = row + count;
                }
                if n == 1 {
                    step.sequence(acc, source, 0, 1);
                } else {
                    step.rows(acc, source, n);
                }
                std::ptr::copy_nonoverlapping(acc, target(row), n * self.size);
                (row, source) = (row + 1, source.wrapping_offset(stride));
            }
        }
    }
}
