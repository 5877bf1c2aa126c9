//! A plan: what one job over an array computes, as participants in any process can carry it out chunk by chunk.

use super::fold::{Fold, FoldRun};
use super::layout::Layout;
use super::map::Map;
use super::operand_loader::Apart;
use super::plan_cache;
use super::program::{Fault, check, limits, take_mark, zero};
use super::{DType, Instr, Op, Program, ValueId};
use crate::{Error, Result};
use std::ops::Range;
use std::sync::Arc;

/// A description of one job: a program over every element of a shape (a map), or its result folded along axes.
///
/// Shapes may have any number of axes. Of more than 64 axes, those of one element are left out when the plan is made; what is left has at
/// most 57, since a plan has fewer than 2^57 elements.
///
/// A plan is cut into [`chunks`](Plan::chunks). Each may be run by any thread or process, in any order, and again: the
/// result has the same bits. A fold is completed by [`finish`](Plan::finish).
#[derive(Clone, Debug)]
pub struct Plan {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    description: Description,
    inputs: Vec<(DType, Option<Extent>)>,
    results: Vec<(DType, Option<Extent>)>,
    traffic: u64,
    run: Run,
    /// Bytes of scratch memory before the marks of the chunks, where these may have some to leave.
    marks: Option<usize>,
}

/// Least and greatest element offset.
type Extent = (isize, isize);

#[derive(Debug)]
enum Run {
    Map(Map),
    Fold(FoldRun),
}

/// How one instruction's operands without a result are found.
#[derive(Clone, Debug)]
pub struct Search {
    /// The operation.
    pub op: Op,
    /// What its operand must not be.
    pub fault: Fault,
    /// Gives a `bool`: whether there is such an operand.
    pub any: Plan,
    /// Gives a `u64`: the flat logical index of the first one, where there is any.
    pub first: Plan,
}

/// What a plan is made from, and what crosses to another process.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Description {
    pub program: Program,
    pub shape: Vec<usize>,
    pub inputs: Vec<Layout>,
    pub kind: Kind,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Kind {
    Map { outputs: Vec<Layout> },
    Fold { fold: Fold, axes: Vec<usize> },
}

impl Description {
    /// Of a map.
    pub fn map(program: Program, shape: &[usize], inputs: &[Layout], outputs: &[Layout]) -> Description {
        let kind = Kind::Map { outputs: outputs.to_vec() };
        Description { program, shape: shape.to_vec(), inputs: inputs.to_vec(), kind }
    }

    /// Of a fold.
    pub fn fold(program: Program, shape: &[usize], inputs: &[Layout], fold: Fold, axes: &[usize]) -> Description {
        let kind = Kind::Fold { fold, axes: axes.to_vec() };
        Description { program, shape: shape.to_vec(), inputs: inputs.to_vec(), kind }
    }

    /// Whether it is of this program over these operands.
    fn computes(&self, program: &Program, shape: &[usize], inputs: &[Layout]) -> bool {
        self.shape == shape && self.inputs == inputs && self.program == *program
    }

    /// Whether it is the fold, along this axis, of a row-major array of this type and shape.
    pub fn is_plain_fold(&self, dtype: DType, shape: &[usize], fold: Fold, axis: usize) -> bool {
        let folds = matches!(&self.kind, Kind::Fold { fold: f, axes } if *f == fold && axes == &[axis]);
        let program = &self.program;
        let plain = program.inputs == [dtype] && program.code.is_empty() && program.outputs == [0];
        folds && plain && self.shape == shape && self.inputs.iter().all(|layout| layout.is_row_major(shape))
    }
}

impl Plan {
    /// What it was made from.
    pub(crate) fn description(&self) -> &Description {
        &self.inner.description
    }

    /// Applies `program` to every element of `shape` and stores its 1 to 4 outputs.
    ///
    /// Where the order of the axes is free, pass outputs whose strides have the order of the inputs' strides.
    ///
    /// # Errors
    ///
    /// `Error::InvalidArgument` where the program is not well-typed, a layout does not fit the shape, or an output
    /// overlaps itself.
    pub fn map(program: Program, shape: &[usize], inputs: &[Layout], outputs: &[Layout]) -> Result<Plan> {
        if let Some(kept) = axes_that_count(shape, &[inputs, outputs], &[]) {
            return Plan::map(program, &taken(shape, &kept), &layouts(inputs, &kept), &layouts(outputs, &kept));
        }
        let stores = |kind: &Kind| matches!(kind, Kind::Map { outputs: there } if there == outputs);
        match plan_cache::find(|known| stores(&known.kind) && known.computes(&program, shape, inputs)) {
            Some(plan) => Ok(plan),
            None => plan_cache::make(Description::map(program, shape, inputs, outputs)),
        }
    }

    /// Folds the one output of `program` over `shape` along `axes` (all of them for the whole). The results are
    /// contiguous row-major over the axes that are kept, in order.
    ///
    /// # Errors
    ///
    /// As [`Plan::map`], and where the fold does not take the type, or is the minimum or maximum of nothing.
    pub fn fold(program: Program, shape: &[usize], inputs: &[Layout], fold: Fold, axes: &[usize]) -> Result<Plan> {
        if let Some(kept) = axes_that_count(shape, &[inputs], axes) {
            let axes: Vec<usize> = axes.iter().filter_map(|axis| kept.iter().position(|there| there == axis)).collect();
            return Plan::fold(program, &taken(shape, &kept), &layouts(inputs, &kept), fold, &axes);
        }
        let folds = |kind: &Kind| matches!(kind, Kind::Fold { fold: f, axes: a } if *f == fold && a == axes);
        match plan_cache::find(|known| folds(&known.kind) && known.computes(&program, shape, inputs)) {
            Some(plan) => Ok(plan),
            None => plan_cache::make(Description::fold(program, shape, inputs, fold, axes)),
        }
    }

    /// Checks a description through and through, and makes it ready to run.
    pub(crate) fn new(description: Description) -> Result<Plan> {
        let Description { program, shape, inputs, kind } = &description;
        let types = check(program)?;
        if shape.len() > limits::NDIM {
            return Err(Error::invalid(format!("{} axes; at most {} are allowed", shape.len(), limits::NDIM)));
        }
        if inputs.len() != program.inputs.len() {
            let what = format!("{} layouts for the {} inputs of the program", inputs.len(), program.inputs.len());
            return Err(Error::invalid(what));
        }
        let elements = count(shape)?;
        let outputs: Vec<DType> = program.outputs.iter().map(|&id| types[id as usize]).collect();
        let mut traffic = 0u64;
        let mut read = Vec::with_capacity(inputs.len());
        for (layout, &dtype) in inputs.iter().zip(&program.inputs) {
            read.push((dtype, extent(layout, shape, dtype.size())?));
            let distinct = shape.iter().zip(&layout.strides).filter(|(_, stride)| **stride != 0);
            let distinct: usize = if elements == 0 { 0 } else { distinct.map(|(&length, _)| length).product() };
            traffic = traffic.saturating_add(distinct as u64 * dtype.size() as u64);
        }
        let (run, results) = match kind {
            Kind::Map { outputs: layouts } => {
                if layouts.len() != outputs.len() {
                    let what = format!("{} layouts for the {} outputs of the program", layouts.len(), outputs.len());
                    return Err(Error::invalid(what));
                }
                let mut results = Vec::with_capacity(layouts.len());
                for (layout, &dtype) in layouts.iter().zip(&outputs) {
                    results.push((dtype, extent(layout, shape, dtype.size())?));
                    separate(layout, shape)?;
                    traffic = traffic.saturating_add(elements as u64 * dtype.size() as u64);
                }
                (Run::Map(Map::new(program, shape, inputs, layouts, traffic)?), results)
            }
            Kind::Fold { fold, axes } => {
                let run = FoldRun::new(program, shape, inputs, *fold, axes)?;
                let cells = run.cells();
                let extent = (cells > 0).then(|| (0, cells as isize - 1));
                let results: Vec<_> = run.results().iter().map(|&dtype| (dtype, extent)).collect();
                let bytes: usize = results.iter().map(|(dtype, _)| dtype.size()).sum();
                traffic = traffic.saturating_add(cells as u64 * bytes as u64);
                (Run::Fold(run), results)
            }
        };
        let (own, checks) = match &run {
            Run::Map(map) => (0, map.checks()),
            Run::Fold(fold) => (fold.scratch_bytes(), fold.checks()),
        };
        let marks = checks.then_some(own);
        Ok(Plan { inner: Arc::new(Inner { inputs: read, results, traffic, run, marks, description }) })
    }

    /// How many chunks there are, 1 to 4096; follows from the sizes alone.
    pub fn chunks(&self) -> u32 {
        match &self.inner.run {
            Run::Map(map) => map.chunks,
            Run::Fold(fold) => fold.chunks(),
        }
    }

    /// Bytes of scratch memory (64-byte aligned) that the chunks of a fold leave their partial results in, and chunks of all
    /// plans whether they met an operand without a result; 0 where there is nothing to leave.
    pub fn scratch_bytes(&self) -> usize {
        let own = match &self.inner.run {
            Run::Map(_) => 0,
            Run::Fold(fold) => fold.scratch_bytes(),
        };
        own + self.inner.marks.map_or(0, |_| self.chunks() as usize)
    }

    /// Types of the results, in order.
    pub fn result_dtypes(&self) -> Vec<DType> {
        self.inner.results.iter().map(|(dtype, _)| *dtype).collect()
    }

    /// Bytes that the plan reads and writes in all.
    pub fn traffic(&self) -> u64 {
        self.inner.traffic
    }

    /// Elements of the plan's shape.
    pub fn elements(&self) -> usize {
        self.inner.description.shape.iter().product()
    }

    /// How many results there are.
    pub fn results(&self) -> usize {
        self.inner.results.len()
    }

    /// How many inputs there are.
    pub fn inputs(&self) -> usize {
        self.inner.inputs.len()
    }

    /// Least and greatest element offset, from its pointer, at which input `i` is read; `None` where it is not.
    pub fn input_extent(&self, i: usize) -> Option<(isize, isize)> {
        self.inner.inputs[i].1
    }

    /// Least and greatest element offset, from its pointer, at which output `i` is written; `None` where it is not.
    pub fn output_extent(&self, i: usize) -> Option<(isize, isize)> {
        self.inner.results[i].1
    }

    /// Type of input `i`.
    pub fn input_dtype(&self, i: usize) -> DType {
        self.inner.inputs[i].0
    }

    /// Runs one chunk.
    ///
    /// # Panics
    ///
    /// Where there are not as many pointers as inputs and results, or `chunk` is not below `chunks()`.
    ///
    /// # Safety
    ///
    /// One pointer for each input and each result, aligned for its type and valid over its extent for the whole call;
    /// nothing else writes there, outputs overlap no input, `scratch` is 64-byte aligned and valid for
    /// [`scratch_bytes`](Plan::scratch_bytes), and this chunk is not running elsewhere at the same time.
    pub unsafe fn run(&self, inputs: &[*const u8], outputs: &[*mut u8], scratch: *mut u8, chunk: u32) {
        // SAFETY: the caller's promise.
        unsafe { self.run_apart(inputs, None, outputs, scratch, chunk) }
    }

    /// [`run`](Plan::run), where inputs may be apart: what their pointers are is not looked at.
    ///
    /// # Safety
    ///
    /// As [`Plan::run`], for inputs that are not apart; those that are give what they are asked for.
    pub(crate) unsafe fn run_apart(
        &self,
        inputs: &[*const u8],
        apart: Option<Apart<'_>>,
        outputs: &[*mut u8],
        scratch: *mut u8,
        chunk: u32,
    ) {
        self.count(Some(inputs.len()), outputs.len());
        assert!(chunk < self.chunks(), "chunk {chunk} of {}", self.chunks());
        if self.inner.marks.is_some() {
            // One that a chunk has left which panicked.
            take_mark();
        }
        // SAFETY: the caller's promise is the one asked for; the counts were looked at. The chunk's mark is a byte of its own.
        unsafe {
            match &self.inner.run {
                Run::Map(map) => map.run(inputs, apart, outputs, chunk),
                Run::Fold(fold) => fold.run(inputs, apart, outputs, scratch, chunk),
            }
            if let Some(marks) = self.inner.marks {
                scratch.add(marks + chunk as usize).write(u8::from(take_mark()));
            }
        }
    }

    /// Into how many units it can be cut freely, each complete in itself: the elements of a map, in the order of its output's memory, or
    /// the cells of a fold. `None` where it cannot be.
    pub fn units(&self) -> Option<usize> {
        let units = match &self.inner.run {
            Run::Map(map) => map.units(),
            Run::Fold(fold) => fold.units(),
        };
        units.filter(|_| self.scratch_bytes() == 0)
    }

    /// Runs some units. Without `last` their results stay in the caches, whatever their number.
    ///
    /// # Panics
    ///
    /// Where there are not as many pointers as inputs and results, or not as many units.
    ///
    /// # Safety
    ///
    /// As [`Plan::run`], for these units alone.
    pub unsafe fn run_units(&self, inputs: &[*const u8], outputs: &[*mut u8], units: Range<usize>, last: bool) {
        self.count(Some(inputs.len()), outputs.len());
        assert!(self.units().is_some_and(|all| units.start <= units.end && units.end <= all), "units {units:?}");
        // SAFETY: the caller's promise is the one asked for; the counts were looked at.
        unsafe {
            match &self.inner.run {
                Run::Map(map) => map.run_units(inputs, outputs, units, last),
                Run::Fold(fold) => fold.run_units(inputs, outputs, units),
            }
        }
    }

    /// Completes a plan after all of its chunks ran: a fold merges what they left. `false` where one of them met an operand
    /// that an integer operation has no result for (a divisor of 0, a negative exponent): results are then unspecified, and
    /// [`searches`](Plan::searches) find it.
    ///
    /// # Panics
    ///
    /// Where there are not as many pointers as results.
    ///
    /// # Safety
    ///
    /// As [`Plan::run`]; every chunk has been run and its writes are visible.
    #[must_use]
    pub unsafe fn finish(&self, scratch: *const u8, outputs: &[*mut u8]) -> bool {
        // SAFETY: the caller's promise is the one asked for.
        unsafe {
            self.merge(scratch, outputs);
            self.is_whole(scratch)
        }
    }

    /// Whether chunks leave partial results.
    pub(crate) fn merges(&self) -> bool {
        matches!(&self.inner.run, Run::Fold(fold) if fold.scratch_bytes() > 0)
    }

    /// Merges the partial results of a fold.
    ///
    /// # Safety
    ///
    /// As [`Plan::finish`].
    pub(crate) unsafe fn merge(&self, scratch: *const u8, outputs: &[*mut u8]) {
        self.count(None, outputs.len());
        if let Run::Fold(fold) = &self.inner.run {
            // SAFETY: the caller's promise is the one asked for; the count was looked at.
            unsafe { fold.finish(scratch, outputs) }
        }
    }

    /// Whether no chunk has left a mark.
    ///
    /// # Safety
    ///
    /// As [`Plan::finish`].
    pub(crate) unsafe fn is_whole(&self, scratch: *const u8) -> bool {
        self.inner.marks.is_none_or(|marks| {
            // SAFETY: every chunk has written its mark (contract).
            let marks = unsafe { std::slice::from_raw_parts(scratch.add(marks), self.chunks() as usize) };
            marks.iter().all(|&mark| mark == 0)
        })
    }

    /// Which bytes of an operand (an input, or behind them a result) a chunk touches, or, in the second phase, the merging does.
    pub(crate) fn chunk_touches(&self, phase: usize, chunk: usize, operand: usize) -> crate::work::protocol::Extent {
        use crate::work::protocol::Extent;
        let inputs = self.inner.inputs.len();
        let all = || {
            let (dtype, reach) = match operand.checked_sub(inputs) {
                None => self.inner.inputs[operand],
                Some(result) => self.inner.results[result],
            };
            let size = dtype.size() as isize;
            reach.map_or(Extent::NONE, |(low, high)| Extent { low: low * size, high: (high + 1) * size })
        };
        if phase > 0 {
            return if operand < inputs { Extent::NONE } else { all() };
        }
        match &self.inner.run {
            Run::Map(map) => map.touches(chunk, operand),
            Run::Fold(fold) if operand < inputs => fold.touches(chunk, operand),
            Run::Fold(fold) => match fold.writes(chunk) {
                Some(cells) => {
                    let size = self.inner.results[operand - inputs].0.size();
                    Extent { low: (cells.start * size) as isize, high: (cells.end * size) as isize }
                }
                None => all(),
            },
        }
    }

    /// Plans that find where a program over `shape` meets operands without a result: one for each instruction that may, in
    /// order. Each folds, from the program's own inputs, whether such an operand is there.
    ///
    /// # Errors
    ///
    /// As [`Plan::fold`].
    pub fn searches(program: &Program, shape: &[usize], inputs: &[Layout]) -> Result<Vec<Search>> {
        let types = check(program)?;
        let first = program.inputs.len() + program.constants.len();
        let mut searches = Vec::new();
        for (at, instr) in program.code.iter().enumerate() {
            let dtype = types[instr.args[0] as usize];
            let Some((operand, fault)) = Fault::of(instr.op, dtype) else { continue };
            // The program up to here, with one more constant: values behind the constants move up by one.
            let moved = |id: ValueId| id + ValueId::from(id as usize >= first);
            let mut search = Program { code: program.code[..at].to_vec(), ..program.clone() };
            for instr in &mut search.code {
                instr.args = instr.args.map(moved);
            }
            search.constants.push(zero(dtype));
            let args = [moved(instr.args[operand]), first as ValueId, 0];
            search.code.push(Instr { op: fault.test(), args, dtype: DType::Bool });
            search.outputs = vec![(first + 1 + at) as ValueId];
            let axes: Vec<usize> = (0..shape.len()).collect();
            let plan = |fold| Plan::fold(search.clone(), shape, inputs, fold, &axes);
            searches.push(Search { op: instr.op, fault, any: plan(Fold::Any)?, first: plan(Fold::ArgMax)? });
        }
        Ok(searches)
    }

    fn count(&self, inputs: Option<usize>, outputs: usize) {
        assert!(inputs.is_none_or(|inputs| inputs == self.inner.inputs.len()), "one pointer for each input");
        assert_eq!(outputs, self.inner.results.len(), "one pointer for each result");
    }
}

/// Where a shape has more axes than plans take: those that count, if there are others. Axes of one element do not; of those of none the
/// first that is folded and the first that is kept do.
fn axes_that_count(shape: &[usize], operands: &[&[Layout]], folded: &[usize]) -> Option<Vec<usize>> {
    let rank = shape.len();
    let fits = |layout: &Layout| layout.strides.len() == rank;
    if rank <= limits::NDIM || !operands.iter().copied().flatten().all(fits) || folded.iter().any(|&axis| axis >= rank)
    {
        return None;
    }
    let mut none = [false; 2];
    let counts = |axis: &usize| match shape[*axis] {
        1 => false,
        0 => !std::mem::replace(&mut none[usize::from(folded.contains(axis))], true),
        _ => true,
    };
    let kept: Vec<usize> = (0..rank).filter(counts).collect();
    (kept.len() < rank).then_some(kept)
}

fn taken<T: Copy>(of: &[T], axes: &[usize]) -> Vec<T> {
    axes.iter().map(|&axis| of[axis]).collect()
}

fn layouts(of: &[Layout], axes: &[usize]) -> Vec<Layout> {
    of.iter().map(|layout| Layout { strides: taken(&layout.strides, axes) }).collect()
}

/// Elements of a shape, each of at most 16 bytes, all of which can be addressed.
fn count(shape: &[usize]) -> Result<usize> {
    // Lengths of 0 do not excuse the others: strides and indices are computed from all of them.
    let count = shape.iter().try_fold(1usize, |all, &length| all.checked_mul(length.max(1)));
    match count.filter(|&count| count <= isize::MAX as usize / 64) {
        Some(count) => Ok(if shape.contains(&0) { 0 } else { count }),
        None => Err(Error::invalid(format!("shape {shape:?} has more elements than can be addressed"))),
    }
}

/// Least and greatest element offset of a layout.
fn extent(layout: &Layout, shape: &[usize], size: usize) -> Result<Option<Extent>> {
    if layout.strides.len() != shape.len() {
        return Err(Error::invalid(format!("{} strides for {} axes", layout.strides.len(), shape.len())));
    }
    let (mut low, mut high) = (0isize, 0isize);
    for (&stride, &length) in layout.strides.iter().zip(shape) {
        let reach = stride.checked_mul(length.max(1) as isize);
        let place = if stride < 0 { &mut low } else { &mut high };
        *place = reach
            .and_then(|reach| place.checked_add(reach - stride))
            .filter(|end| end.unsigned_abs() <= isize::MAX as usize / 4 / size)
            .ok_or_else(|| {
                Error::invalid(format!("strides {:?} reach beyond what can be addressed", layout.strides))
            })?;
    }
    Ok((!shape.contains(&0)).then_some((low, high)))
}

/// Whether no two elements of an output are in one place: each stride reaches over all that is within it.
fn separate(layout: &Layout, shape: &[usize]) -> Result<()> {
    if shape.contains(&0) {
        return Ok(());
    }
    let axes = layout.strides.iter().zip(shape).filter(|(_, length)| **length > 1);
    let mut axes: Vec<(usize, usize)> = axes.map(|(stride, &length)| (stride.unsigned_abs(), length)).collect();
    axes.sort_unstable();
    let mut within = 0;
    for (stride, length) in axes {
        if stride <= within {
            return Err(Error::invalid(format!("output of strides {:?} overlaps itself", layout.strides)));
        }
        within += stride * (length - 1);
    }
    Ok(())
}
