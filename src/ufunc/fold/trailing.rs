//! Folds whose values are runs: each tile of a run goes through the virtual lanes, tiles are merged in a pairwise tree.

use super::kernel::LANES;
use super::pairwise::Tree;
use super::state::{Method, Second, Spread, State};
use super::{FoldRun, TILE};
use crate::operand_loader::{Apart, OperandLoader, Session};
use crate::simd::Isa;
use crate::stream::Line;
use std::ops::Range;

/// How the runs of a fold are cut into chunks.
#[derive(Debug)]
pub(super) struct Runs {
    values: usize,
    /// Values of a chunk of a run, a power of two of tiles.
    part: usize,
    /// Cells of a chunk, where runs are not cut.
    cells: usize,
}

impl Runs {
    pub fn new(cells: usize, values: usize, per_chunk: usize) -> Runs {
        let part = TILE * per_chunk.div_ceil(TILE).next_power_of_two();
        Runs { values, part, cells: (per_chunk / values).clamp(1, cells) }
    }

    fn cut(&self) -> bool {
        self.values > self.part
    }

    pub fn chunks(&self, cells: usize) -> u32 {
        if self.cut() { (cells * self.parts()) as u32 } else { cells.div_ceil(self.cells) as u32 }
    }

    /// Cells and values of a chunk.
    pub fn covers(&self, cells: usize, chunk: usize) -> (Range<usize>, Range<usize>) {
        if self.cut() {
            let (cell, start) = (chunk / self.parts(), chunk % self.parts() * self.part);
            (cell..cell + 1, start..(start + self.part).min(self.values))
        } else {
            let first = chunk * self.cells;
            (first..(first + self.cells).min(cells), 0..self.values)
        }
    }

    /// Parts of each run that leave partial results; 0 where none do.
    pub fn parts(&self) -> usize {
        if self.cut() { self.values.div_ceil(self.part) } else { 0 }
    }

    /// Values of such a part.
    pub fn per_part(&self) -> usize {
        self.part
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
        // SAFETY: outer cells and values of the plan's shape, within the operands' extents; chunks write apart.
        unsafe {
            if self.cut() {
                let mut run = Run::new(&fold.method, &fold.feed, inputs);
                let (cell, part) = (chunk / self.parts(), chunk % self.parts());
                fold.operands(inputs, cell, &mut run.session.bases);
                let start = part * self.part;
                let end = (start + self.part).min(self.values);
                if let Some(apart) = apart {
                    run.session.bring(apart, start, end - start, |input| fold.outer[input].locate(cell).0);
                }
                let state = run.fold(start, end);
                let to = fold.partial(scratch, part, cell, end - start);
                std::ptr::copy_nonoverlapping(state.acc, to.acc, fold.method.acc());
                std::ptr::copy_nonoverlapping(state.second, to.second, fold.method.second());
            } else {
                let first = chunk * self.cells;
                self.whole(fold, (inputs, apart), outputs, first..(first + self.cells).min(fold.cells));
            }
        }
    }

    /// Folds the whole runs of some cells.
    ///
    /// # Safety
    ///
    /// As `Plan::run`, for these cells.
    pub unsafe fn whole(
        &self,
        fold: &FoldRun,
        (inputs, apart): (&[*const u8], Option<Apart<'_>>),
        outputs: &[*mut u8],
        cells: Range<usize>,
    ) {
        let mut run = Run::new(&fold.method, &fold.feed, inputs);
        for cell in cells {
            fold.operands(inputs, cell, &mut run.session.bases);
            if let Some(apart) = apart {
                run.session.bring(apart, 0, self.values, |input| fold.outer[input].locate(cell).0);
            }
            // SAFETY: values of the plan's shape, within the operands' extents; nobody else writes the cell.
            unsafe {
                let state = run.fold(0, self.values);
                fold.method.finalise(&state, 1, outputs, cell);
            }
        }
    }
}

/// One thread's work on runs.
struct Run<'a> {
    method: &'a Method,
    feed: &'a OperandLoader,
    isa: Isa,
    session: Session<'a>,
    tree: Tree<'a>,
    tile: Tile,
    /// Whether tiles are folded where they are.
    direct: bool,
}

/// State of one tile.
struct Tile {
    acc: [u64; 2],
    second: [u64; 2],
}

/// Bytes of the lanes of one reducer.
const LANE_BYTES: usize = LANES * 16;
/// Bytes of the lanes of a fold, which is by two reducers at most.
const ALL_LANES: usize = 2 * LANE_BYTES;

impl<'a> Run<'a> {
    fn new(method: &'a Method, feed: &'a OperandLoader, inputs: &[*const u8]) -> Run<'a> {
        let isa = Isa::current();
        let direct = feed.code.identity && feed.views[0].contiguous() && !feed.views[0].axes.is_empty();
        let session = feed.session(isa, false, inputs, ALL_LANES + TILE * 16);
        let tile = Tile { acc: [0; 2], second: [0; 2] };
        Run { method, feed, isa, session, tree: Tree::new(method, isa, 1), tile, direct }
    }

    /// The state of values `start..end` of the current run; `start` is a multiple of the tile. Valid until the next call.
    ///
    /// # Safety
    ///
    /// The session's operands are valid for these values.
    #[inline]
    unsafe fn fold(&mut self, start: usize, end: usize) -> State {
        // SAFETY: tiles within the values.
        unsafe {
            if end - start <= TILE {
                return self.tile(start, end - start);
            }
            let mut at = start;
            while at < end {
                let n = TILE.min(end - at);
                let state = self.tile(at, n);
                self.tree.push(&state, 1);
                at += n;
            }
            self.tree.complete(1)
        }
    }

    /// The state of one tile.
    ///
    /// # Safety
    ///
    /// As [`Run::fold`].
    #[inline]
    unsafe fn tile(&mut self, start: usize, n: usize) -> State {
        let state =
            State { acc: (&raw mut self.tile.acc).cast(), second: (&raw mut self.tile.second).cast(), count: n };
        // SAFETY: the values are valid; the buffers have room for the lanes and a tile.
        unsafe {
            let by_strips = match self.method.second {
                Second::None => !self.direct,
                Second::Greatest(_) => true,
                Second::Deviations(_) | Second::Place(_) => false,
            };
            if by_strips {
                self.strips(start, n, &state);
                return state;
            }
            let values = if self.direct { self.in_place(start) } else { self.materialise(start, n) };
            tile_at(self.method, values, n, start, &state, self.isa);
        }
        state
    }

    /// Where value `start` of the current run is, for values that are folded where they are.
    fn in_place(&self, start: usize) -> *const u8 {
        self.session.bases[0].wrapping_offset(self.feed.views[0].locate(start).0)
    }

    /// Folds a tile strip by strip, as it is computed, or at once where it is.
    ///
    /// # Safety
    ///
    /// As [`Run::fold`].
    unsafe fn strips(&mut self, start: usize, n: usize, state: &State) {
        let strip = self.session.extra.wrapping_add(ALL_LANES);
        let (lanes, second) = (self.session.extra, self.session.extra.wrapping_add(LANE_BYTES));
        let loops = self.method.loops(self.isa);
        let both = match self.method.second {
            Second::Greatest(both) => Some((both.get(self.isa), both.second.get(self.isa))),
            _ => None,
        };
        let (size, acc) = (self.method.dtype.size(), self.method.acc());
        // SAFETY: a strip is at most a tile, which its buffer holds. What does not fill the lanes yet waits at the front of
        // the buffer, so that each run but the last is a multiple of them. Both reducers have accumulators of one type.
        unsafe {
            (loops.clear)(lanes, LANES);
            if start == 0 {
                self.method.begin(lanes, 1);
            }
            if let Some((_, other)) = both {
                (other.clear)(second, LANES);
            }
            let fold = |values: *const u8, n: usize| match both {
                Some((run, _)) => run(lanes, second, values, n),
                None => (loops.run)(lanes, values, n),
            };
            let (mut at, mut held) = (start, 0);
            if self.direct {
                fold(self.in_place(start), n);
                at = start + n;
            }
            while at < start + n {
                let room = TILE - held;
                let count = self.feed.strip_at(at, start + n).min(room);
                self.session.compute(at, count, &[strip.add(held * size)]);
                at += count;
                held += count;
                let whole = if at == start + n { held } else { held / LANES * LANES };
                fold(strip, whole);
                if held > whole {
                    std::ptr::copy(strip.add(whole * size), strip, (held - whole) * size);
                }
                held -= whole;
            }
            (loops.tree)(lanes);
            std::ptr::copy_nonoverlapping(lanes, state.acc, acc);
            if let Some((_, other)) = both {
                (other.tree)(second);
                std::ptr::copy_nonoverlapping(second, state.second, acc);
            }
        }
    }

    /// Computes a tile into the buffer.
    ///
    /// # Safety
    ///
    /// As [`Run::fold`].
    unsafe fn materialise(&mut self, start: usize, n: usize) -> *const u8 {
        let buffer = self.session.extra.wrapping_add(ALL_LANES);
        let size = self.method.dtype.size();
        let mut done = 0;
        while done < n {
            let count = self.feed.strip_at(start + done, start + n);
            // SAFETY: the strip is within the tile.
            unsafe { self.session.compute(start + done, count, &[buffer.add(done * size)]) };
            done += count;
        }
        buffer
    }
}

/// Folds a tile of `n` values that lie side by side, the first of them number `start` of its run, into `state`.
///
/// # Safety
///
/// The values and the state are valid.
#[inline]
unsafe fn tile_at(method: &Method, values: *const u8, n: usize, start: usize, state: &State, isa: Isa) {
    let loops = method.loops(isa);
    // SAFETY: as the caller says; accumulators of deviations are `f64`. Lanes are of at most 16 bytes each.
    unsafe {
        match method.second {
            Second::Deviations(deviator) => {
                let [sum, mean, squares] = (deviator.get(isa).tile)(values, n);
                state.acc.cast::<f64>().write(sum);
                state.second.cast::<Spread>().write(Spread { mean, squares });
                return;
            }
            Second::None if start == 0 && method.begins() => {
                let mut lanes = Line([0u8; LANE_BYTES]);
                let lanes = lanes.0.as_mut_ptr();
                (loops.clear)(lanes, LANES);
                method.begin(lanes, 1);
                (loops.run)(lanes, values, n);
                (loops.tree)(lanes);
                std::ptr::copy_nonoverlapping(lanes, state.acc, method.acc());
                return;
            }
            _ => (loops.tile)(state.acc, values, n),
        }
        match method.second {
            Second::Greatest(both) => (both.second.get(isa).tile)(state.second, values, n),
            Second::Place(finder) => {
                let place = (finder.position)(values, n, state.acc);
                state.second.cast::<u64>().write((start + place) as u64);
            }
            Second::None | Second::Deviations(_) => {}
        }
    }
}

/// The state of a whole slice, with the bits that a plan gives: into `state`.
///
/// # Safety
///
/// The values and the state are valid.
pub(crate) unsafe fn slice(method: &Method, values: *const u8, n: usize, state: &mut State, isa: Isa) {
    // SAFETY: tiles of the slice; the tree's state is copied before it goes.
    unsafe {
        if n <= TILE {
            tile_at(method, values, n, 0, state, isa);
            return;
        }
        let mut tree = Tree::new(method, isa, 1);
        for start in (0..n).step_by(TILE) {
            let count = TILE.min(n - start);
            tile_at(method, values.add(start * method.dtype.size()), count, start, state, isa);
            tree.push(&State { count, ..*state }, 1);
        }
        let whole = tree.complete(1);
        std::ptr::copy_nonoverlapping(whole.acc, state.acc, method.acc());
        std::ptr::copy_nonoverlapping(whole.second, state.second, method.second());
    }
}
