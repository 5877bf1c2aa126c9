//! Running a plan over blocks of the pool: on the calling thread when it is small, else as a job that the hub's threads
//! and engine processes share. Beside `view`, the place where array memory is handed to kernels.

use std::sync::Arc;

use super::lower::{layout, permuted};
use super::view::{Leaf, Store};
use crate::cluster::{ChunkRunner, Hub, Job, JobKind, MAX_CHUNKS, MAX_PAYLOAD, Remote};
use crate::error::{Error, Result};
use crate::transport::Segment;
use kernels::{DType, Plan, Program};

/// Below this much memory traffic the calling thread computes alone: posting a job would not pay.
const INLINE_BELOW: u64 = 256 << 10;
const KIND: &str = "array.plan";

/// Runs a plan whose inputs and outputs are leaves. Outputs are fresh, or their memory has no other reader. `false` where an
/// integer operation met an operand that it has no result for.
pub(super) fn run(hub: &Hub, plan: &Plan, inputs: &[&Leaf], outputs: &[Leaf]) -> Result<bool> {
    let sources: Vec<*const u8> = inputs.iter().map(|leaf| leaf.address().cast_const()).collect();
    let targets: Vec<*mut u8> = outputs.iter().map(Leaf::address).collect();
    let encode = |scratch: Option<&Store>| {
        let base = hub.pool().segment().base().as_ptr() as usize;
        let offset = |address: usize| (address - base) as u64;
        let mut words = vec![inputs.len() as u64, outputs.len() as u64];
        words.extend(sources.iter().map(|&source| offset(source as usize)));
        words.extend(targets.iter().map(|&target| offset(target as usize)));
        words.push(scratch.map_or(0, |store| offset(store.base() as usize)));
        let mut payload: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        payload.extend_from_slice(&plan.encode());
        payload
    };
    // SAFETY: a leaf's layout stays inside its block, which `inputs` and `outputs` keep alive during the call; the plan
    // was made from these leaves' shapes and strides. Outputs are unshared (this function's contract), so no input
    // overlaps them and nobody else reads or writes them.
    unsafe { run_at(hub, plan, &sources, &targets, Some(&encode)) }
}

/// Makes the payload for engine processes, once the scratch memory is known.
type Encode<'a> = &'a dyn Fn(Option<&Store>) -> Vec<u8>;

/// Memory with the alignment of a block.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[expect(dead_code, reason = "only its place is used")] [u8; 64]);

/// Raw pointers that the threads of a job share.
struct Addresses<'a> {
    inputs: &'a [*const u8],
    outputs: &'a [*mut u8],
    scratch: *mut u8,
}

// SAFETY: the pointers are only dereferenced inside `Plan::run`, whose contract for concurrent chunks `run_at`'s caller
// has accepted, and `Plan::run_units`, whose `run_rows` keeps.
unsafe impl Sync for Addresses<'_> {}

/// Runs a plan at these addresses; with `encode`, engine processes may take part. Gives what [`Plan::finish`] does.
///
/// # Safety
/// One pointer for each input and output of the plan, aligned and valid over the plan's extents during the call; nobody
/// else writes the inputs or touches the outputs meanwhile, and no output overlaps an input. With `encode`, all of them
/// lie in the hub's segment.
pub(super) unsafe fn run_at(
    hub: &Hub,
    plan: &Plan,
    inputs: &[*const u8],
    outputs: &[*mut u8],
    encode: Option<Encode<'_>>,
) -> Result<bool> {
    let scratch_bytes = plan.scratch_bytes();
    let (mut scratch, mut private) = (None, Vec::new());
    let mut encode = encode;
    if scratch_bytes > 0 {
        match Store::new(hub, scratch_bytes) {
            Ok(store) => scratch = Some(store),
            // What exists can still be reduced when the pool is full: in memory that engine processes do not see.
            Err(Error::OutOfMemory { .. }) => {
                encode = None;
                private.resize(scratch_bytes.div_ceil(size_of::<Line>()), Line([0; 64]));
            }
            Err(error) => return Err(error),
        }
    }
    let scratch_at = match &scratch {
        Some(store) => store.base(),
        None if scratch_bytes > 0 => private.as_mut_ptr().cast(),
        None => std::ptr::null_mut(),
    };
    let (chunks, bytes) = (plan.chunks(), plan.traffic());
    let at = Addresses { inputs, outputs, scratch: scratch_at };
    let at = &at;
    let local = |chunk: u32| {
        // SAFETY: the pointers are the caller's promise; the scratch block is as large as the plan asks; a chunk is
        // handed out once at a time, here by the loop, in a job by the claims of the board.
        unsafe { plan.run(at.inputs, at.outputs, at.scratch, chunk) }
    };
    if chunks == 1 || bytes < INLINE_BELOW {
        (0..chunks).for_each(local);
    } else {
        let payload = encode.filter(|_| hub.shares_with_processes()).map(|encode| encode(scratch.as_ref()));
        // One that the board does not hold is computed by this process's threads.
        let payload = payload.filter(|payload| payload.len() <= MAX_PAYLOAD);
        let remote = payload.as_deref().map(|payload| Remote { kind: KIND, payload });
        hub.run(&Job { name: KIND, chunks, bytes, local: &local, remote })?;
    }
    // SAFETY: all chunks have run and `Hub::run` returned after them, so their writes are visible; pointers as above.
    Ok(unsafe { plan.finish(scratch_at, outputs) })
}

/// A plan that is run for some rows at a time.
pub(super) struct RowStage<'a> {
    pub(super) plan: &'a Plan,
    pub(super) inputs: Vec<Leaf>,
    /// Fresh.
    pub(super) output: Leaf,
    /// What [`Plan::units`] counts, for each row.
    pub(super) units: usize,
}

/// Elements of the rows that go through all stages together: they and what is made of them stay in a core's cache.
const BLOCK: usize = 32 << 10;
/// Elements of a chunk of the job.
const ROWS_CHUNK: usize = 256 << 10;

/// Runs stages, each of whose inputs are there or results of stages before it, by `rows` rows of `row` elements.
///
/// # Panics
/// Where a plan has not as many units as there are rows for it.
pub(super) fn run_rows(hub: &Hub, stages: &[RowStage<'_>], rows: usize, row: usize) -> Result<()> {
    let pointers: Vec<(Vec<*const u8>, [*mut u8; 1])> = stages
        .iter()
        .map(|stage| {
            assert_eq!(stage.plan.units(), Some(rows * stage.units), "units of a stage of {rows} rows");
            (stage.inputs.iter().map(|leaf| leaf.address().cast_const()).collect(), [stage.output.address()])
        })
        .collect();
    let addresses: Vec<Addresses> =
        pointers.iter().map(|(inputs, outputs)| Addresses { inputs, outputs, scratch: std::ptr::null_mut() }).collect();
    let block = (BLOCK / row).max(1);
    let per_chunk = (ROWS_CHUNK / row / block).max(rows.div_ceil(block).div_ceil(MAX_CHUNKS as usize)).max(1) * block;
    let local = |chunk: u32| {
        let first = chunk as usize * per_chunk;
        let end = (first + per_chunk).min(rows);
        for start in (first..end).step_by(block) {
            let rows = start..(start + block).min(end);
            for (nth, (stage, at)) in stages.iter().zip(&addresses).enumerate() {
                let units = rows.start * stage.units..rows.end * stage.units;
                // SAFETY: leaves' layouts stay inside their blocks, which `stages` keep alive, and plans were made from them. Outputs
                // are fresh, so that no input overlaps its own stage's. Chunks and blocks are disjoint rows, of which a stage
                // reads what the stages before it have written of the same rows, on this thread.
                unsafe { stage.plan.run_units(at.inputs, at.outputs, units, nth + 1 == stages.len()) }
            }
        }
    };
    let bytes = stages.iter().map(|stage| stage.plan.traffic()).max().unwrap_or(0);
    hub.run(&Job { name: KIND, chunks: rows.div_ceil(per_chunk) as u32, bytes, local: &local, remote: None })
}

/// Copies elements of a type that programs know, with the axes taken in `order`; engine processes, which may not see
/// the one or the other memory, do not take part.
///
/// # Safety
/// Both pointers are aligned for the type and valid over `shape` with their strides, for reading and for writing, during
/// the call; the target leaves no gap and nobody else touches it.
pub(super) unsafe fn copy(
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
    unsafe { run_at(hub, &plan, &[from], &[to], None) }.map(drop)
}

inventory::submit! { JobKind { name: KIND, prepare } }

/// Reads a payload in an engine process: every pointer of the plan must stay in the segment, whatever the bytes say.
fn prepare(payload: &[u8], segment: &Arc<Segment>) -> Result<ChunkRunner> {
    let mut words = payload.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default()));
    let mut next = || words.next().ok_or_else(|| Error::frame("a plan's payload ends early"));
    let counts = (next()?, next()?);
    if counts.0 > 512 || counts.1 > 8 {
        return Err(Error::frame(format!("a plan of {} inputs and {} outputs", counts.0, counts.1)));
    }
    let (count_in, count_out) = (counts.0 as usize, counts.1 as usize);
    let places = (0..count_in + count_out + 1).map(|_| next()).collect::<Result<Vec<u64>>>()?;
    let plan = Plan::decode(&payload[8 * (2 + places.len())..])?;
    let results = plan.result_dtypes();
    if plan.inputs() != count_in || results.len() != count_out {
        return Err(Error::frame("a plan's operands and its payload's do not agree in number"));
    }
    let check = |place: u64, extent: Option<(isize, isize)>, size: usize| {
        let (low, high) = extent.unwrap_or((0, -1));
        operand_at(segment, place, (low as i128, high as i128), (size, size))
    };
    let mut inputs = Vec::with_capacity(count_in);
    for (index, &place) in places[..count_in].iter().enumerate() {
        inputs.push(check(place, plan.input_extent(index), plan.input_dtype(index).size())?.cast_const());
    }
    let mut outputs = Vec::with_capacity(count_out);
    for (index, &place) in places[count_in..count_in + count_out].iter().enumerate() {
        outputs.push(check(place, plan.output_extent(index), results[index].size())?);
    }
    let scratch_bytes =
        isize::try_from(plan.scratch_bytes()).map_err(|_| Error::frame("a plan's scratch is too large"))?;
    let scratch = check(places[count_in + count_out], Some((0, scratch_bytes - 1)), 1)?;
    if !places[count_in + count_out].is_multiple_of(64) {
        return Err(Error::frame(format!("a plan's scratch at {}, not on a line", places[count_in + count_out])));
    }
    let at = Mapped { _segment: segment.clone(), plan, inputs, outputs, scratch };
    Ok(Box::new(move |chunk| at.run(chunk)))
}

/// Where an operand is that a peer says to be `place` bytes into the segment: an error where its elements, from number `low` to
/// number `high` from there, of this size and alignment in bytes, are not all inside.
pub(super) fn operand_at(
    segment: &Segment,
    place: u64,
    (low, high): (i128, i128),
    (size, align): (usize, usize),
) -> Result<*mut u8> {
    let (first, size) = (i128::from(place), size as i128);
    let (from, to) = (first + low * size, first + (high + 1) * size);
    let length = segment.len() as i128;
    // The segment itself begins on a page.
    if from < 0 || to > length || first > length || !place.is_multiple_of(align as u64) {
        return Err(Error::frame(format!("an operand at {from}..{to} of a segment of {length} bytes")));
    }
    Ok(segment.base().as_ptr().wrapping_add(place as usize))
}

/// A plan and where its operands are in this process.
struct Mapped {
    _segment: Arc<Segment>,
    plan: Plan,
    inputs: Vec<*const u8>,
    outputs: Vec<*mut u8>,
    scratch: *mut u8,
}

// SAFETY: the pointers point into the segment, which is kept, and are dereferenced by `Plan::run` alone.
unsafe impl Send for Mapped {}
// SAFETY: as for `Send`; chunks are claimed, so no two threads run the same one.
unsafe impl Sync for Mapped {}

impl Mapped {
    fn run(&self, chunk: u32) {
        if chunk < self.plan.chunks() {
            // SAFETY: `prepare` checked that every extent lies in the segment, which is mapped as long as it is kept;
            // that nobody else writes there is the hub's doing: it owns the pool and posts jobs on unpublished blocks.
            unsafe { self.plan.run(&self.inputs, &self.outputs, self.scratch, chunk) }
        }
    }
}
