//! Folds: a program's values reduced along axes, in tiles and trees that follow from logical shape and type alone.
//!
//! The shape is seen as outer kept axes, reduced axes, inner kept axes. Where the last axis is reduced the fold is
//! *trailing*: each cell is a run of values, cut into tiles of [`TILE`], whose results are merged in a pairwise tree.
//! Where it is kept, or the runs are short, the fold is *leading*: rows of cells are added to rows, in blocks whose
//! results are merged in order inside a chunk, and in a pairwise tree over chunks.

mod arg;
mod both;
mod deviations;
mod kernel;
mod kind;
mod leading;
mod pairwise;
mod reducers;
mod state;
mod trailing;

use super::kernel::{Arg, Kernel, recipe};
use super::layout::Layout;
use super::map::{STREAM, chunk_elements};
use super::operand_loader::{Apart, OperandLoader};
use super::program::{Code, check};
use super::simd::Isa;
use super::view::{Axis, View};
use super::{DType, Instr, Op, Program};
use crate::work::protocol::Extent;
use crate::{Error, Result};
pub use kind::Fold;
use leading::Rows;
use state::{Method, Second, State};
use std::ops::Range;
use trailing::Runs;

/// Values of a tile of a run.
const TILE: usize = 4096;
/// Least lanes of a strip that both extremes are found of.
const STRIP: usize = 128;
/// Runs shorter than this are folded as rows.
const RUN: usize = 64;

/// Types of the results of folding values of type `dtype`.
pub(super) fn result_dtypes(fold: Fold, dtype: DType) -> Option<Vec<DType>> {
    Method::new(fold, dtype).map(|method| method.results())
}

/// Folds `n` values of type `from`, side by side, into one of type `to`, with the bits that a plan gives.
///
/// # Safety
///
/// `values` is valid for `n` values, `out` for one; both are aligned.
pub(super) unsafe fn whole(
    fold: Fold,
    from: DType,
    values: *const u8,
    n: usize,
    to: DType,
    out: *mut u8,
) -> Result<()> {
    let unknown = || Error::invalid(format!("no {fold:?} of {} to {}", from.name(), to.name()));
    let Some(method) = Method::new(fold, from) else { return Err(unknown()) };
    if method.result() != Some(to) {
        return Err(unknown());
    }
    if n == 0 && method.wants_values() {
        return Err(Error::invalid(format!("{fold:?} of no values")));
    }
    let mut wide = Vec::<f32>::new();
    let values = match copy_wide(from) {
        None => values,
        Some(kernel) => {
            wide.resize(n, 0.0);
            let args = [Arg { ptr: values, varies: true }, Arg::NONE, Arg::NONE];
            // SAFETY: the values are valid (contract), and there is room for as many.
            unsafe { kernel.get(Isa::current())(wide.as_mut_ptr().cast(), &args, n, false) };
            wide.as_ptr().cast()
        }
    };
    let (mut acc, mut second) = ([0u64; 2], [0u64; 2]);
    let mut state = State { acc: (&raw mut acc).cast(), second: (&raw mut second).cast(), count: n };
    // SAFETY: the values are valid (contract), the state is here, and one result of type `to` is written.
    unsafe {
        trailing::slice(&method, values, n, &mut state, Isa::current());
        method.finalise(&state, 1, &[out], 0);
    }
    Ok(())
}

/// The kernel that widens floats of 16 bits to what they are folded as; `None` for other types, which are folded as they are.
fn copy_wide(dtype: DType) -> Option<&'static Kernel> {
    dtype.is_half().then(|| recipe(Op::Cast, &[dtype], DType::F32)).flatten().map(|recipe| recipe.kernel)
}

/// Whether a fold of `cells` runs of `values` values along the last axis goes run by run, and not by rows.
fn by_runs(cells: usize, values: usize) -> bool {
    values >= RUN || cells == 1
}

/// Whether a small fold of `cells` runs goes run by run, and not by rows.
pub(super) fn goes_by_runs(cells: usize, values: usize) -> bool {
    values > 0 && cells > 0 && by_runs(cells, values)
}

/// Sums or means of `f64` along one axis of a small array, straight into `out`, with the bits that a plan gives; `false`
/// where a plan would go another way, or for another fold or type.
///
/// The `len` values are rows of `n`; each row is folded into one result, or row onto row, where `down` says so.
///
/// # Safety
///
/// `values` is valid for `len` values, `out` for as many results as there are; both are aligned and do not overlap.
pub(super) unsafe fn sums(
    fold: Fold,
    dtype: DType,
    (values, len): (*const u8, usize),
    n: usize,
    down: bool,
    out: *mut u8,
) -> bool {
    if dtype != DType::F64 || !matches!(fold, Fold::Sum | Fold::Mean) || n == 0 || len == 0 || !len.is_multiple_of(n) {
        return false;
    }
    let Some(method) = Method::new(fold, dtype) else { return false };
    let (rows, cells) = if down { (len / n, n) } else { (n, len / n) };
    let Some(group) = Rows::group_of_one_block(rows, cells) else { return false };
    // SAFETY: as many values and results as there are (contract), of `f64`, which the accumulators are too.
    unsafe {
        if down {
            let loops = method.loops(Isa::current());
            add_rows(loops, (values, len), n, group, out);
        } else {
            let values = std::slice::from_raw_parts(values.cast::<f64>(), len);
            let out = std::slice::from_raw_parts_mut(out.cast::<f64>(), cells);
            add_runs(values, n, group, out);
        }
        if fold == Fold::Mean {
            let count = rows as f64;
            std::slice::from_raw_parts_mut(out.cast::<f64>(), cells).iter_mut().for_each(|sum| *sum /= count);
        }
    }
    true
}

/// Adds rows of `n` values, `group` of them taken together as in a plan, into `out`.
///
/// # Safety
///
/// As [`sums`], for `f64` in one block.
unsafe fn add_rows(loops: &kernel::Loops, (values, len): (*const u8, usize), n: usize, group: usize, out: *mut u8) {
    const SIZE: usize = size_of::<f64>();
    let width = group * n;
    let mut wide = [0.0f64; leading::WIDE];
    let to = if group == 1 { out } else { wide.as_mut_ptr().cast() };
    let (whole, rest) = (len / width, len % width);
    // SAFETY: whole wide rows and the rest of the last; a wide row of several is at most `WIDE` long, and `out` takes `n`.
    unsafe {
        (loops.clear)(to, width);
        (loops.rows)(to, values, (width * SIZE) as isize, whole, width);
        if rest > 0 {
            (loops.rows)(to, values.add(whole * width * SIZE), 0, 1, rest);
        }
        if group > 1 {
            (loops.clear)(out, n);
            (loops.rows)(out, to, (n * SIZE) as isize, group, n);
        }
    }
}

/// Adds runs of `n` values, one for each of `out`: every `group`th value of a run together first, as in a plan.
fn add_runs(values: &[f64], n: usize, group: usize, out: &mut [f64]) {
    /// The same for a group that is known when it is compiled, whose sums are in registers.
    fn grouped<const GROUP: usize>(values: &[f64], n: usize, out: &mut [f64]) {
        for (sum, run) in out.iter_mut().zip(values.chunks_exact(n)) {
            let mut parts = [0.0; GROUP];
            let (rows, rest) = run.as_chunks::<GROUP>();
            for row in rows {
                for i in 0..GROUP {
                    parts[i] += row[i];
                }
            }
            for (part, x) in parts.iter_mut().zip(rest) {
                *part += x;
            }
            *sum = parts[1..].iter().fold(parts[0], |sum, part| sum + part);
        }
    }
    match group {
        2 => grouped::<2>(values, n, out),
        3 => grouped::<3>(values, n, out),
        4 => grouped::<4>(values, n, out),
        5 => grouped::<5>(values, n, out),
        6 => grouped::<6>(values, n, out),
        7 => grouped::<7>(values, n, out),
        8 => grouped::<8>(values, n, out),
        // Each value by itself, or all of them in order: the same, since sums begin with a zero that is not negative.
        _ if group == 1 || group == n => {
            for (sum, run) in out.iter_mut().zip(values.chunks_exact(n)) {
                *sum = run.iter().fold(0.0, |sum, x| sum + x);
            }
        }
        _ => {
            for (sum, run) in out.iter_mut().zip(values.chunks_exact(n)) {
                let part = |first: usize| run[first..].iter().step_by(group).fold(0.0, |sum, x| sum + x);
                *sum = (0..group).map(part).fold(0.0, |sum, x| sum + x);
            }
        }
    }
}

/// The program with its one output, a float of 16 bits, as `f32`.
fn widened(program: &Program) -> Program {
    let mut wide = program.clone();
    let last = wide.inputs.len() + wide.constants.len() + wide.code.len();
    wide.code.push(Instr { op: Op::Cast, args: [wide.outputs[0], 0, 0], dtype: DType::F32 });
    wide.outputs = vec![last as u16];
    wide
}

/// The fold of a program whose one operation is done by the fold itself, as values are read.
fn absorbing(program: &Program, fold: Fold) -> Option<Method> {
    let ([input], [], [instr], [1]) =
        (&program.inputs[..], &program.constants[..], &program.code[..], &program.outputs[..])
    else {
        return None;
    };
    if instr.args[0] == 0 { Method::absorbing(fold, instr.op, instr.dtype, *input) } else { None }
}

/// What is folded. Both extremes take longer strips, which fill all lanes of both several times over.
fn fed(method: &Method, code: Code, views: Vec<View>, stream: bool) -> OperandLoader {
    let mut feed = OperandLoader::new(code, views, stream);
    if matches!(method.second, Second::Greatest(_)) {
        feed.strip = feed.strip.max(STRIP);
    }
    feed
}

/// A fold made ready to run.
#[derive(Debug)]
pub(super) struct FoldRun {
    method: Method,
    feed: OperandLoader,
    /// Where the reduced and inner elements of each input begin, for every outer cell.
    outer: Vec<View>,
    /// Cells of the result.
    cells: usize,
    /// Values of each cell.
    values: usize,
    shape: Shape,
    chunks: u32,
    /// Partial results of each cell, where they are left in scratch memory.
    parts: usize,
}

#[derive(Debug)]
enum Shape {
    Runs(Runs),
    Rows(Rows),
    /// Nothing is folded: every cell is the identity, or there are no cells.
    Empty,
}

impl FoldRun {
    pub fn new(program: &Program, shape: &[usize], inputs: &[Layout], fold: Fold, axes: &[usize]) -> Result<FoldRun> {
        let half =
            check(program)?.get(*program.outputs.first().unwrap_or(&0) as usize).copied().filter(|d| d.is_half());
        let absorbing = absorbing(program, fold);
        let instead = match &absorbing {
            Some(_) => Some(Program {
                inputs: program.inputs.clone(),
                constants: Vec::new(),
                code: Vec::new(),
                outputs: vec![0],
            }),
            None => half.map(|_| widened(program)),
        };
        let program = instead.as_ref().unwrap_or(program);
        let code = Code::new(program)?;
        let [dtype] = code.outputs[..] else {
            return Err(Error::invalid(format!("fold of a program of {} outputs; it takes one", code.outputs.len())));
        };
        let dtype = half.unwrap_or(dtype);
        let method = absorbing
            .or_else(|| Method::new(fold, dtype))
            .ok_or_else(|| Error::invalid(format!("{fold:?} of values of type {}", dtype.name())))?;
        let mut reduced = vec![false; shape.len()];
        for &axis in axes {
            match reduced.get_mut(axis) {
                Some(seen) if !*seen => *seen = true,
                _ => return Err(Error::invalid(format!("fold along axes {axes:?} of {} axes", shape.len()))),
            }
        }
        let product = |kept: bool| -> usize {
            shape.iter().zip(&reduced).filter(|(_, reduced)| **reduced != kept).map(|(&length, _)| length).product()
        };
        let (cells, values) = (product(true), product(false));
        if fold == Fold::Extremes && cells != 1 {
            return Err(Error::invalid(format!("both extremes along axes {axes:?} of shape {shape:?}: of all alone")));
        }
        if method.wants_values() && values == 0 && cells > 0 {
            return Err(Error::invalid(format!("{fold:?} of no values (shape {shape:?}, axes {axes:?})")));
        }
        let sizes: Vec<usize> = code.inputs.iter().map(|dtype| dtype.size()).collect();
        let views = |nest: &[usize]| -> Vec<View> {
            let axes = |k: usize, size: usize| {
                let stride = move |axis: usize| inputs[k].strides[axis].wrapping_mul(size as isize);
                nest.iter().map(move |&axis| Axis { length: shape[axis], stride: stride(axis) })
            };
            sizes.iter().enumerate().map(|(k, &size)| View::new(size, axes(k, size))).collect()
        };
        if cells == 0 || values == 0 {
            let feed = OperandLoader::new(code, views(&[]), false);
            let run =
                FoldRun { method, feed, outer: Vec::new(), cells, values, shape: Shape::Empty, chunks: 1, parts: 0 };
            return Ok(run);
        }
        // Axes of length 1 are neither kept nor reduced.
        let long: Vec<usize> = (0..shape.len()).filter(|&axis| shape[axis] > 1).collect();
        let folded: Vec<usize> = long.iter().copied().filter(|&axis| reduced[axis]).collect();
        let kept: Vec<usize> = long.iter().copied().filter(|&axis| !reduced[axis]).collect();
        let elements = cells * values;
        let bytes: usize = sizes.iter().sum();
        let stream = (elements as u64).saturating_mul(bytes as u64) >= STREAM;
        let per_chunk = chunk_elements(elements);
        let last_reduced = long.last().is_some_and(|&axis| reduced[axis]);
        if (last_reduced || kept.is_empty()) && by_runs(cells, values) {
            let outer = views(&kept);
            let feed = fed(&method, code, views(&folded), stream);
            let runs = Runs::new(cells, values, per_chunk);
            let (chunks, parts) = (runs.chunks(cells), runs.parts());
            return Ok(FoldRun { method, feed, outer, cells, values, shape: Shape::Runs(runs), chunks, parts });
        }
        // Kept axes after the last reduced one are the rows; all of them where that is the last axis of all.
        let inner_from = match folded.last() {
            Some(&axis) if !last_reduced => kept.partition_point(|&k| k < axis),
            _ => 0,
        };
        let inner: usize = kept[inner_from..].iter().map(|&axis| shape[axis]).product();
        let outer = views(&kept[..inner_from]);
        let nest: Vec<usize> = folded.iter().chain(&kept[inner_from..]).copied().collect();
        let feed = fed(&method, code, views(&nest), stream);
        let rows = Rows::new(&method, &feed, cells / inner, values, inner, per_chunk);
        let (chunks, parts) = (rows.chunks(), rows.parts());
        Ok(FoldRun { method, feed, outer, cells, values, shape: Shape::Rows(rows), chunks, parts })
    }

    pub fn cells(&self) -> usize {
        self.cells
    }

    pub fn results(&self) -> Vec<DType> {
        self.method.results()
    }

    pub fn chunks(&self) -> u32 {
        self.chunks
    }

    /// Whether an operand could be met that there is no result for.
    pub fn checks(&self) -> bool {
        self.feed.code.checks()
    }

    /// Partial results: the accumulators of every part of every cell, then their second words.
    pub fn scratch_bytes(&self) -> usize {
        let cells = self.parts * self.cells;
        match self.method.second() {
            0 => cells * self.method.acc(),
            second => (cells * self.method.acc()).next_multiple_of(8) + cells * second,
        }
    }

    /// The state of `part` of the cells from `cell` on, in scratch memory.
    fn partial(&self, scratch: *mut u8, part: usize, cell: usize, count: usize) -> State {
        let at = part * self.cells + cell;
        let acc = self.method.acc();
        State {
            acc: scratch.wrapping_add(at * acc),
            second: scratch
                .wrapping_add((self.parts * self.cells * acc).next_multiple_of(8) + at * self.method.second()),
            count,
        }
    }

    /// Outer cells and values of each that a chunk folds; `None` of what has no values.
    fn covers(&self, chunk: usize) -> Option<(Range<usize>, Range<usize>)> {
        match &self.shape {
            Shape::Runs(runs) => Some(runs.covers(self.cells, chunk)),
            Shape::Rows(rows) => Some(rows.covers(chunk)),
            Shape::Empty => None,
        }
    }

    /// Which bytes of an input a chunk touches.
    pub fn touches(&self, chunk: usize, input: usize) -> Extent {
        let Some((cells, values)) = self.covers(chunk) else { return Extent::NONE };
        let (outer, inner) = (self.outer[input].touches(cells), self.feed.views[input].touches(values));
        // From the first element of the first cell to the last element of the last.
        let size = self.feed.views[input].size as isize;
        Extent { low: outer.low + inner.low, high: outer.high - size + inner.high }
    }

    /// The cells that a chunk writes; `None` where that may be all of them.
    pub fn writes(&self, chunk: usize) -> Option<Range<usize>> {
        match (&self.shape, self.parts) {
            (Shape::Runs(_), 0) => self.covers(chunk).map(|(cells, _)| cells),
            (Shape::Rows(rows), 0) => Some(rows.writes(chunk)),
            (Shape::Empty, _) => None,
            _ => Some(0..0),
        }
    }

    /// Cells, where each chunk completes its own.
    pub fn units(&self) -> Option<usize> {
        matches!(&self.shape, Shape::Runs(_) if self.parts == 0).then_some(self.cells)
    }

    /// # Safety
    ///
    /// As `Plan::run_units`.
    pub unsafe fn run_units(&self, inputs: &[*const u8], outputs: &[*mut u8], cells: Range<usize>) {
        if let Shape::Runs(runs) = &self.shape {
            // SAFETY: the caller's promise.
            unsafe { runs.whole(self, (inputs, None), outputs, cells) }
        }
    }

    /// # Safety
    ///
    /// As `Plan::run_apart`.
    pub unsafe fn run(
        &self,
        inputs: &[*const u8],
        apart: Option<Apart<'_>>,
        outputs: &[*mut u8],
        scratch: *mut u8,
        chunk: u32,
    ) {
        // SAFETY: the caller's promise is the one asked for.
        unsafe {
            match &self.shape {
                Shape::Runs(runs) => runs.run(self, (inputs, apart), outputs, scratch, chunk as usize),
                Shape::Rows(rows) => rows.run(self, (inputs, apart), outputs, scratch, chunk as usize),
                Shape::Empty => {
                    let (mut acc, mut second) = ([0u64; 2], [0u64; 2]);
                    let state = State { acc: (&raw mut acc).cast(), second: (&raw mut second).cast(), count: 0 };
                    (self.method.loops(Isa::Baseline).clear)(state.acc, 1);
                    self.method.begin(state.acc, 1);
                    for cell in 0..self.cells {
                        self.method.finalise(&state, 1, outputs, cell);
                    }
                }
            }
        }
    }

    /// # Safety
    ///
    /// As `Plan::finish`.
    pub unsafe fn finish(&self, scratch: *const u8, outputs: &[*mut u8]) {
        if self.parts == 0 {
            return;
        }
        let per_part = match &self.shape {
            Shape::Runs(runs) => runs.per_part(),
            Shape::Rows(rows) => rows.per_part(),
            Shape::Empty => return,
        };
        let isa = Isa::current();
        let block = self.cells.min(pairwise::BLOCK);
        let mut tree = pairwise::Tree::new(&self.method, isa, block);
        for cell in (0..self.cells).step_by(block) {
            let n = block.min(self.cells - cell);
            for part in 0..self.parts {
                let count = per_part.min(self.values - part * per_part);
                // SAFETY: every chunk has left its part (contract); outputs are valid for all cells.
                unsafe { tree.push(&self.partial(scratch.cast_mut(), part, cell, count), n) };
            }
            // SAFETY: as above.
            unsafe {
                let state = tree.complete(n);
                self.method.finalise(&state, n, outputs, cell);
            }
        }
    }

    /// Pointers to the operands of outer cell `cell`.
    #[inline]
    fn operands(&self, inputs: &[*const u8], cell: usize, bases: &mut [*const u8]) {
        for ((base, &input), view) in bases.iter_mut().zip(inputs).zip(&self.outer) {
            *base = input.wrapping_offset(view.locate(cell).0);
        }
    }
}
