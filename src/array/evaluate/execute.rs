//! Running a plan over blocks of the pool: on the calling thread when it is small, else as a job that the hub's threads
//! and engine processes share. Beside `view`, the place where array memory is handed to kernels.

use crate::array::blocks::grid::Source;
use crate::array::blocks::placement::Placed;
use crate::array::evaluate::driver::{self, Line};
use crate::array::shape::broadcast::{layout, permuted};
use crate::array::storage::store::Leaf;
use crate::cluster::{Hub, Job, MAX_CHUNKS};
use crate::error::Result;
use kernels::work::pieces::{Gathering, Pieces};
use kernels::work::{self, Verdict};
use kernels::{DType, Plan, Program};

/// Below this much memory traffic the calling thread computes alone: posting a job would not pay.
const INLINE_BELOW: u64 = 256 << 10;
const NAME: &str = "expression";

/// Runs a plan whose inputs are there and whose outputs are leaves. Outputs are fresh, or their memory has no other reader. `false` where an
/// integer operation met an operand that it has no result for.
pub(in crate::array) fn run(hub: &Hub, plan: &Plan, inputs: &[Source<'_>], outputs: &[Leaf]) -> Result<bool> {
    let shared = plan.chunks() > 1 && plan.traffic() >= INLINE_BELOW;
    let address = |leaf: &Leaf| if shared { leaf.address_for_engines() } else { leaf.address() };
    let targets: Vec<*mut u8> = outputs.iter().map(Leaf::address).collect();
    let placed = || {
        let of_input = |(operand, input): (usize, &Source<'_>)| match input {
            Source::Leaf(leaf) => Placed::new(operand, leaf),
            Source::Blocks(grid) => Placed::of_grid(operand, grid, hub.engines()),
        };
        let of_output = |(nth, output): (usize, &Leaf)| Placed::new(inputs.len() + nth, output);
        // Results come first: of equal ones the last is taken.
        let all = inputs.iter().enumerate().map(of_input).chain(outputs.iter().enumerate().map(of_output).rev());
        Placed::largest(all)
    };
    if inputs.iter().any(|input| matches!(input, Source::Blocks(_))) {
        let at = |input: &Source<'_>| match input {
            Source::Leaf(leaf) => Ok(At::Leaf(address(leaf))),
            Source::Blocks(grid) => grid.pieces(shared).map(At::Blocks),
        };
        let at = inputs.iter().map(at).collect::<Result<Vec<At>>>()?;
        // SAFETY: as below; a grid keeps the memory of its blocks alive.
        return unsafe { run_in_pieces(hub, plan, shared, &at, &targets, placed) };
    }
    let source = |input: &Source<'_>| match input {
        Source::Leaf(leaf) => address(leaf).cast_const(),
        Source::Blocks(_) => unreachable!("inputs without blocks"),
    };
    let sources: Vec<*const u8> = inputs.iter().map(source).collect();
    // SAFETY: a leaf's layout stays inside its memory, which `inputs` and `outputs` keep alive during the call, and a copy beside it. The
    // plan was made from these leaves' shapes and strides. Outputs are unshared (this function's contract), so no input
    // overlaps them and nobody else reads or writes them.
    unsafe { run_at(hub, plan, &sources, &targets, placed) }
}

/// Where an input is.
enum At {
    Leaf(*mut u8),
    Blocks(Pieces),
}

/// [`run_at`], where inputs may lie in pieces.
///
/// # Safety
/// As [`run_at`]; pieces are aligned and valid during the call.
unsafe fn run_in_pieces(
    hub: &Hub,
    plan: &Plan,
    shared: bool,
    inputs: &[At],
    outputs: &[*mut u8],
    placed: impl FnOnce() -> Option<Placed>,
) -> Result<bool> {
    let of_input = |at| match at {
        &At::Leaf(at) => work::pieces::Source::At(at),
        At::Blocks(pieces) => work::pieces::Source::Pieces(pieces),
    };
    let of_outputs = outputs.iter().map(|&output| work::pieces::Source::At(output));
    let sources: Vec<work::pieces::Source<'_>> = inputs.iter().map(of_input).chain(of_outputs).collect();
    hub.check_home()?;
    // SAFETY: the caller's promise: inputs are read, outputs are written.
    let verdict = unsafe {
        match shared {
            true => driver::run_sources(hub, NAME, plan, &sources, placed().as_ref())?,
            false => work::run_here(plan, &Gathering::new(&sources)),
        }
    };
    Ok(verdict == Verdict::Whole)
}

/// Raw pointers that the threads of a job share.
struct Addresses<'a> {
    inputs: &'a [*const u8],
    outputs: &'a [*mut u8],
}

// SAFETY: the pointers are only dereferenced inside `Plan::run_units`, whose contract `run_rows` keeps.
unsafe impl Sync for Addresses<'_> {}

/// Runs a plan at these addresses, dealt out by the blocks of the array that `placed` gives. Gives what [`Plan::finish`] does.
///
/// # Safety
/// One pointer for each input and output of the plan, aligned and valid over the plan's extents during the call; nobody
/// else writes the inputs or touches the outputs meanwhile, and no output overlaps an input.
pub(in crate::array) unsafe fn run_at(
    hub: &Hub,
    plan: &Plan,
    inputs: &[*const u8],
    outputs: &[*mut u8],
    placed: impl FnOnce() -> Option<Placed>,
) -> Result<bool> {
    hub.check_home()?;
    let (chunks, scratch) = (plan.chunks(), plan.scratch_bytes());
    if chunks == 1 || plan.traffic() < INLINE_BELOW {
        let mut room = vec![Line([0; 64]); scratch.div_ceil(size_of::<Line>())];
        let room = room.as_mut_ptr().cast::<u8>();
        // SAFETY: the pointers are the caller's promise; the room is as large as the plan asks; one chunk runs after the other.
        return Ok(unsafe {
            (0..chunks).for_each(|chunk| plan.run(inputs, outputs, room, chunk));
            plan.finish(room, outputs)
        });
    }
    let operands: Vec<*mut u8> = inputs.iter().map(|input| input.cast_mut()).chain(outputs.iter().copied()).collect();
    // SAFETY: the caller's promise: inputs are read, outputs are written.
    let verdict = unsafe { driver::run(hub, NAME, plan, &operands, placed().as_ref()) }?;
    Ok(verdict == Verdict::Whole)
}

/// A plan that is run for some rows at a time.
pub(in crate::array) struct RowStage<'a> {
    pub(in crate::array) plan: &'a Plan,
    pub(in crate::array) inputs: Vec<Leaf>,
    /// Fresh.
    pub(in crate::array) output: Leaf,
    /// What [`Plan::units`] counts, for each row.
    pub(in crate::array) units: usize,
}

/// Elements of the rows that go through all stages together: they and what is made of them stay in a core's cache.
const BLOCK: usize = 32 << 10;
/// Elements of a chunk of the job.
const ROWS_CHUNK: usize = 256 << 10;

/// Runs stages, each of whose inputs are there or results of stages before it, by `rows` rows of `row` elements.
///
/// # Panics
/// Where a plan has not as many units as there are rows for it.
pub(in crate::array) fn run_rows(hub: &Hub, stages: &[RowStage<'_>], rows: usize, row: usize) -> Result<()> {
    let pointers: Vec<(Vec<*const u8>, [*mut u8; 1])> = stages
        .iter()
        .map(|stage| {
            assert_eq!(stage.plan.units(), Some(rows * stage.units), "units of a stage of {rows} rows");
            (stage.inputs.iter().map(|leaf| leaf.address().cast_const()).collect(), [stage.output.address()])
        })
        .collect();
    let addresses: Vec<Addresses> = pointers.iter().map(|(inputs, outputs)| Addresses { inputs, outputs }).collect();
    let block = (BLOCK / row).max(1);
    let per_chunk = (ROWS_CHUNK / row / block).max(rows.div_ceil(block).div_ceil(MAX_CHUNKS as usize)).max(1) * block;
    let local = |chunk: u32| {
        let first = chunk as usize * per_chunk;
        let end = (first + per_chunk).min(rows);
        for start in (first..end).step_by(block) {
            let rows = start..(start + block).min(end);
            for (nth, (stage, at)) in stages.iter().zip(&addresses).enumerate() {
                let units = rows.start * stage.units..rows.end * stage.units;
                // SAFETY: leaves' layouts stay inside their memory, which `stages` keep alive, and plans were made from them. Outputs
                // are fresh, so that no input overlaps its own stage's. Chunks and blocks are disjoint rows, of which a stage
                // reads what the stages before it have written of the same rows, on this thread.
                unsafe { stage.plan.run_units(at.inputs, at.outputs, units, nth + 1 == stages.len()) }
            }
        }
    };
    let bytes = stages.iter().map(|stage| stage.plan.traffic()).max().unwrap_or(0);
    let chunks = rows.div_ceil(per_chunk) as u32;
    hub.run(&Job { name: NAME, chunks, bytes, lanes: &[], closure: false, local: &local, remote: None })
}

/// Copies elements of a type that programs know, with the axes taken in `order`.
///
/// # Safety
/// Both pointers are aligned for the type and valid over `shape` with their strides, for reading and for writing, during
/// the call; the target leaves no gap and nobody else touches it.
pub(in crate::array) unsafe fn copy(
    hub: &Hub,
    dtype: DType,
    (shape, order): (&[usize], &[usize]),
    (from, from_strides): (*const u8, &[isize]),
    (to, to_strides): (*mut u8, &[isize]),
) -> Result<()> {
    let program = Program { inputs: vec![dtype], outputs: vec![0], ..Program::default() };
    let (source, target) = (layout(from_strides, order), layout(to_strides, order));
    let plan = Plan::map(program, &permuted(shape, order), &[source], &[target])?;
    // SAFETY: the plan touches what the caller promises of the two pointers, and nothing else.
    unsafe { run_at(hub, &plan, &[from], &[to], || None) }.map(drop)
}
