//! `accumulate`: each element of an axis joined to all before it.
//!
//! One definition for every layout: an axis is cut into blocks of [`BLOCK`] elements; within a block elements are joined in order,
//! and each of these results to the last result of the block before. So the first block has the bits of a plain loop, a
//! block's results need of those before it one value only, and a sum that only grows never falls. Elements side by side are
//! in [`lanes`], rows in [`columns`]; what units hand on to each other in [`chain`]. A function that may not be applied in groups takes
//! its operands in order.

pub(super) mod chain;
mod columns;
mod lanes;

use super::segment::Geometry;
use super::segment::join::{self, Join};
use super::segment::step::Step;
use super::simd::Isa;
use super::stream;
use super::{DType, Op, Scalar};
use chain::Chain;
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
            (lanes::totals_avx512::<J>, lanes::scans_avx512::<J>)
        } else {
            (lanes::totals_avx2::<J>, lanes::scans_avx2::<J>)
        };
        Kernels {
            begin: begin::<J>,
            neutral: neutral::<J>(),
            lane_totals: [lanes::totals_baseline::<J>, lanes::totals_avx2::<J>, totals],
            lane_scans: [lanes::scans_baseline::<J>, lanes::scans_avx2::<J>, scans],
            lane_link: lanes::link::<J>,
            column_totals: [columns::totals_baseline::<J>, columns::totals_avx2::<J>, columns::totals_avx2::<J>],
            column_scans: [columns::scans_baseline::<J>, columns::scans_avx2::<J>, columns::scans_avx2::<J>],
            column_link: columns::link::<J>,
            acc: size_of::<J::Acc>(),
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn of<J: Join>() -> Kernels {
        Kernels {
            begin: begin::<J>,
            neutral: neutral::<J>(),
            lane_totals: [lanes::totals_baseline::<J>; 3],
            lane_scans: [lanes::scans_baseline::<J>; 3],
            lane_link: lanes::link::<J>,
            column_totals: [columns::totals_baseline::<J>; 3],
            column_scans: [columns::scans_baseline::<J>; 3],
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
    ) -> Option<Scan> {
        assert!(geometry.length > 0 && geometry.inner > 0, "nothing to join: {geometry:?}");
        assert!(geometry.inner > 1 || geometry.stride == 1, "elements apart: {geometry:?}");
        let (size, places) = (dtype.size(), geometry.places());
        let blocks = geometry.length.div_ceil(BLOCK);
        let initial = initial.map(|value| value.bytes);
        let mut scan = Scan {
            way: Way::InOrder(Step::new(op, dtype, dtype)?),
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
        let Some(kernels) = kernels(op, dtype) else { return Some(scan) };
        scan.before = kernels.neutral;
        if let Some(value) = &scan.initial {
            // SAFETY: bytes of a value of the type; an accumulator fits its room.
            unsafe { (kernels.begin)(value.as_ptr(), scan.before.as_mut_ptr().cast()) }
        }
        let inner = scan.geometry.inner;
        if inner == 1 {
            scan.chained = blocks > 1;
            let bytes = size * BLOCK;
            scan.per_unit = if scan.chained { (CACHED / bytes).clamp(lanes::LANES, BLOCKS) } else { BLOCKS };
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
        Some(scan)
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

    /// What units of one run hand on to each other; `None` where they do not.
    pub fn chain(&self) -> Option<Chain> {
        let each = if let Way::Columns(_) = self.way { self.width } else { 1 };
        self.chained.then(|| Chain::new(self.units().0, each))
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

    /// Computes units. Where there is a chain, these are as many of the next ones as `units` has, each computed by who begins it.
    ///
    /// # Safety
    ///
    /// `values` is valid over the geometry, and aligned; `out` takes the row-major results. Each unit is computed once, or each begun
    /// from the one chain that all threads share.
    pub unsafe fn run(&self, values: *const u8, out: *mut u8, units: Range<usize>, chain: Option<&Chain>) {
        assert_eq!(chain.is_some(), self.chained, "a chain where units hand on values");
        for unit in units {
            let unit = chain.map_or(unit, Chain::begin);
            let _guard = chain.map(Chain::guard);
            // SAFETY: the caller's promise: nobody else computes this unit.
            unsafe {
                match &self.way {
                    Way::Lanes(kernels) => self.lanes(kernels, values, out, unit, chain),
                    Way::Columns(kernels) => self.rows(kernels, values, out, unit, chain),
                    Way::InOrder(step) => self.in_order(step, values, out, unit),
                }
            }
        }
        if self.streamed {
            stream::fence();
        }
    }

    /// # Safety
    ///
    /// As [`Scan::run`].
    unsafe fn lanes(&self, kernels: &Kernels, values: *const u8, out: *mut u8, unit: usize, chain: Option<&Chain>) {
        let isa = self.isa as usize;
        let first = unit * self.per_unit;
        let count = self.per_unit.min(self.places * self.blocks - first);
        let ahead = self.ahead;
        let none = Block { source: values, target: out, n: 0, first: false, ahead };
        let mut room = [none; BLOCKS];
        for (i, block) in room[..count].iter_mut().enumerate() {
            let (place, row) = ((first + i) / self.blocks, (first + i) % self.blocks * BLOCK);
            *block = Block {
                source: values.wrapping_offset(self.source(place, row, 0)),
                target: out.wrapping_add(self.target(place, row, 0)),
                n: BLOCK.min(self.geometry.length - row),
                first: row == 0,
                ahead,
            };
        }
        let blocks = &room[..count];
        let mut accs = [MaybeUninit::<[u64; 2]>::uninit(); BLOCKS + 1];
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
                    (kernels.lane_totals[isa])(blocks, accs);
                    let carry = if blocks[0].first { before } else { chain.wait(unit - 1) };
                    (kernels.lane_link)(blocks, carry, before, accs);
                    std::ptr::copy_nonoverlapping(accs.add(count * kernels.acc), chain.slot(unit), kernels.acc);
                    chain.hand_on(unit);
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

    /// # Safety
    ///
    /// As [`Scan::run`].
    unsafe fn rows(&self, kernels: &Kernels, values: *const u8, out: *mut u8, unit: usize, chain: Option<&Chain>) {
        let isa = self.isa as usize;
        let (tile, rest) = (unit % self.tiles, unit / self.tiles);
        let (place, start, rows) = match chain {
            Some(_) => {
                let start = rest % self.blocks * BLOCK;
                (rest / self.blocks, start, BLOCK.min(self.geometry.length - start))
            }
            None => (rest, 0, self.geometry.length),
        };
        let columns = self.columns(tile);
        let n = columns.len();
        let rows = Rows {
            source: values.wrapping_offset(self.source(place, start, columns.start)),
            stride: self.geometry.stride * self.size as isize,
            rows,
            columns: n,
            target: out.wrapping_add(self.target(place, start, columns.start)),
            pitch: self.geometry.inner * self.size,
        };
        let mut carries = [MaybeUninit::<[u64; 2]>::uninit(); WIDTH];
        let carries = carries.as_mut_ptr().cast::<u8>();
        // SAFETY: rows lie within the array and its results; there are accumulators for as many columns as a tile has.
        unsafe {
            let mut before = None;
            if start == 0 {
                for c in 0..n {
                    let acc = carries.add(c * kernels.acc);
                    std::ptr::copy_nonoverlapping(self.before.as_ptr().cast::<u8>(), acc, kernels.acc);
                }
                if let Some(initial) = &self.initial {
                    for c in 0..n {
                        let target = rows.target.wrapping_sub(rows.pitch).wrapping_add(c * self.size);
                        std::ptr::copy_nonoverlapping(initial.as_ptr(), target, self.size);
                    }
                }
            } else {
                before = chain.map(|chain| (chain, unit - self.tiles));
            }
            if let Some(chain) = chain {
                let slot = chain.slot(unit);
                (kernels.column_totals[isa])(&rows, slot);
                if let Some((chain, before)) = before {
                    std::ptr::copy_nonoverlapping(chain.wait(before), carries, n * kernels.acc);
                }
                (kernels.column_link)(carries, slot, n);
                chain.hand_on(unit);
            }
            (kernels.column_scans[isa])(&rows, carries, self.streamed);
        }
    }

    /// # Safety
    ///
    /// As [`Scan::run`].
    unsafe fn in_order(&self, step: &Step, values: *const u8, out: *mut u8, unit: usize) {
        let (tile, place) = (unit % self.tiles, unit / self.tiles);
        let columns = self.columns(tile);
        let (n, length) = (columns.len(), self.geometry.length);
        let source = |row| values.wrapping_offset(self.source(place, row, columns.start));
        let target = |row| out.wrapping_add(self.target(place, row, columns.start));
        let mut acc = MaybeUninit::<stream::Line<[[u64; 2]; WIDTH]>>::uninit();
        let acc = acc.as_mut_ptr().cast::<u8>();
        // SAFETY: rows and results lie within the two arrays; `acc` takes a tile of elements of 16 bytes.
        unsafe {
            let mut row = 0;
            match &self.initial {
                Some(initial) => {
                    for c in 0..n {
                        std::ptr::copy_nonoverlapping(initial.as_ptr(), acc.add(c * self.size), self.size);
                    }
                    let first = target(0).wrapping_sub(self.geometry.inner * self.size);
                    std::ptr::copy_nonoverlapping(acc, first, n * self.size);
                }
                None => {
                    std::ptr::copy_nonoverlapping(source(0), acc, n * self.size);
                    std::ptr::copy_nonoverlapping(acc, target(0), n * self.size);
                    row = 1;
                }
            }
            while row < length {
                if n == 1 {
                    step.sequence(acc, source(row), 0, 1);
                } else {
                    step.rows(acc, source(row), n);
                }
                std::ptr::copy_nonoverlapping(acc, target(row), n * self.size);
                row += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned<T: Copy + Default>(
        op: Op,
        dtype: DType,
        shape: [usize; 3],
        values: &[T],
        isa: Isa,
        streamed: bool,
    ) -> Vec<T> {
        let [outer, length, inner] = shape;
        let stride = if inner == 1 { 1 } else { inner as isize };
        let outer = vec![(outer, (length * inner) as isize)];
        let geometry = Geometry { outer, length, stride, inner, side_by_side: Some(values.len()) };
        let mut scan = Scan::new(op, dtype, geometry, None, streamed, 2).expect("it gives what it takes");
        scan.isa = isa;
        // One element off the border of a line, and not.
        let mut out = vec![T::default(); values.len() + 1];
        let chain = scan.chain();
        // SAFETY: values over the geometry, room for the results; all units once.
        unsafe { scan.run(values.as_ptr().cast(), out[1..].as_mut_ptr().cast(), 0..scan.units().0, chain.as_ref()) };
        out.split_off(1)
    }

    #[test]
    fn all_instructions_give_the_same_bits() {
        for shape in [[1, 40_000, 1], [3, 5003, 1], [17, 100, 1], [2, 2500, 3], [2, 5000, 40], [1, 300, 300]] {
            let n: usize = shape.iter().product();
            let doubles: Vec<f64> = (0..n).map(|i| (i as f64 * 0.7).sin()).collect();
            let floats: Vec<f32> = doubles.iter().map(|&x| x as f32).collect();
            let words: Vec<i32> = (0..n as i32).map(|i| i.wrapping_mul(77_777)).collect();
            let bytes: Vec<u8> = (0..n).map(|i| i as u8 ^ 0x3c).collect();
            for isa in Isa::ALL.into_iter().filter(|isa| *isa <= Isa::widest()) {
                for streamed in [false, true] {
                    let of = |isa, streamed| {
                        (
                            scanned(Op::Add, DType::F64, shape, &doubles, isa, streamed)
                                .iter()
                                .map(|x| x.to_bits())
                                .collect::<Vec<_>>(),
                            scanned(Op::Maximum, DType::F64, shape, &doubles, isa, streamed)
                                .iter()
                                .map(|x| x.to_bits())
                                .collect::<Vec<_>>(),
                            scanned(Op::Add, DType::F32, shape, &floats, isa, streamed)
                                .iter()
                                .map(|x| x.to_bits())
                                .collect::<Vec<_>>(),
                            scanned(Op::Mul, DType::I32, shape, &words, isa, streamed),
                            scanned(Op::BitXor, DType::U8, shape, &bytes, isa, streamed),
                        )
                    };
                    assert!(of(isa, streamed) == of(Isa::Baseline, false), "{shape:?} {isa:?} {streamed}");
                }
            }
        }
    }
}
