//! Scans without AVX2: loops over a few lanes at a time, without a stage for results. They take a fifth of the code that loops
//! for vectors take without them, and join the same values in the same order as [`lanes`](super::lanes) and [`columns`](super::columns) do.

use super::columns::{AHEAD, Rows};
use super::lanes::Block;
use super::{BLOCK, BLOCKS, STAGE, WIDTH};
use crate::segment::join::Join;
use crate::segment::plain::{join_accs, join_rows};
use crate::stream;
use std::mem::MaybeUninit;

/// Blocks that are scanned at once.
const SIDE: usize = 4;
/// Columns that are scanned at once.
const WIDE: usize = 4;

/// Some steps of a few lanes.
#[derive(Clone, Copy, Debug)]
struct Steps {
    /// Next elements and results of each lane.
    sources: [*const u8; SIDE],
    targets: [*mut u8; SIDE],
    /// The places of their accumulators and carries: several may be the same.
    lanes: [usize; SIDE],
    accs: *mut u8,
    carries: *const u8,
    n: usize,
}

type StepsFn = unsafe fn(job: &Steps);

/// Takes the first `N` lanes; where `WRITE` is set, results are joined to the carries and written.
///
/// # Safety
///
/// `n` elements of each lane may be read, and as many results written where `WRITE` is set; accumulators and carries are there.
unsafe fn steps<J: Join, const WRITE: bool, const N: usize>(job: &Steps) {
    let sources: [*const J::In; N] = std::array::from_fn(|lane| job.sources[lane].cast());
    let targets: [*mut J::Out; N] = std::array::from_fn(|lane| job.targets[lane].cast());
    let (accs, carries) = (job.accs.cast::<J::Acc>(), job.carries.cast::<J::Acc>());
    // SAFETY: the caller's promise.
    unsafe {
        let mut a: [J::Acc; N] = std::array::from_fn(|lane| *accs.add(job.lanes[lane]));
        let before: [J::Acc; N] = std::array::from_fn(|lane| *carries.add(job.lanes[lane]));
        for i in 0..job.n {
            // All are read before any is written: lanes may be the same one.
            let values = sources.map(|source| source.add(i).read());
            a = std::array::from_fn(|lane| J::join(a[lane], J::enter(values[lane])));
            if WRITE {
                for (lane, target) in targets.iter().enumerate() {
                    target.add(i).write(J::leave(J::join(before[lane], a[lane])));
                }
            }
        }
        for (lane, a) in job.lanes.into_iter().zip(a) {
            accs.add(lane).write(a);
        }
    }
}

/// How blocks are scanned.
#[derive(Clone, Copy, Debug)]
struct Way {
    /// One lane, and [`SIDE`] of them.
    steps: [StepsFn; 2],
    /// Bytes of an element, of an accumulator, and of a result: 0 where none is written.
    sizes: [usize; 3],
}

impl Way {
    fn of<J: Join, const WRITE: bool>() -> Way {
        let result = if WRITE { size_of::<J::Out>() } else { 0 };
        let sizes = [size_of::<J::In>(), size_of::<J::Acc>(), result];
        Way { steps: [steps::<J, WRITE, 1>, steps::<J, WRITE, SIDE>], sizes }
    }

    /// Scans blocks; `accs` takes what each of them is joined to.
    ///
    /// # Safety
    ///
    /// Blocks' elements may be read, their results written; there is an accumulator and a carry for each.
    unsafe fn scan(&self, blocks: &[Block], accs: *mut u8, carries: *const u8) {
        let [element, acc, result] = self.sizes;
        for (index, some) in blocks.chunks(SIDE).enumerate() {
            let begin = index * SIDE * acc;
            let (accs, carries) = (accs.wrapping_add(begin), carries.wrapping_add(begin));
            let mut done = 0;
            loop {
                let (mut lanes, mut active, mut n) = ([0; SIDE], 0, STAGE);
                for (lane, block) in some.iter().enumerate().filter(|(_, block)| block.n > done) {
                    if result > 0 && block.ahead > 0 {
                        let at = block.source.wrapping_add(block.ahead + done * element);
                        stream::prefetch_far(at, STAGE * element);
                    }
                    lanes[active] = lane;
                    (active, n) = (active + 1, n.min(block.n - done));
                }
                if active == 0 {
                    break;
                }
                // Lanes without a block do what another does.
                let last = lanes[active - 1];
                lanes[active..].fill(last);
                let sources = lanes.map(|lane| some[lane].source.wrapping_add(done * element));
                let targets = lanes.map(|lane| some[lane].target.wrapping_add(done * result));
                let job = Steps { sources, targets, lanes, accs, carries, n };
                // SAFETY: `n` more elements of each of the blocks that lanes are of.
                unsafe { self.steps[usize::from(active > 1)](&job) };
                done += n;
            }
        }
    }
}

/// What each block is joined to, by itself; the first of a run begins with `initial`.
///
/// # Safety
///
/// Blocks' elements may be read; `totals` takes an accumulator for each; `initial` is one.
pub(super) unsafe fn lane_totals<J: Join>(blocks: &[Block], initial: *const u8, totals: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe {
        for (i, block) in blocks.iter().enumerate() {
            let begin = if block.first { initial.cast::<J::Acc>().read() } else { J::NEUTRAL };
            totals.cast::<J::Acc>().add(i).write(begin);
        }
        Way::of::<J, false>().scan(blocks, totals, totals);
    }
}

/// The results of blocks, each joined to what came before it: the first block of a run begins with that.
///
/// # Safety
///
/// Blocks' elements may be read, results written; `carries` holds an accumulator for each, of which there are at most [`BLOCKS`].
pub(super) unsafe fn lane_scans<J: Join>(blocks: &[Block], carries: *const u8, _streamed: bool) {
    let mut room = [[const { MaybeUninit::<J::Acc>::uninit() }; BLOCKS]; 2];
    for (i, block) in blocks.iter().enumerate() {
        // SAFETY: a carry for each block.
        let carry = unsafe { carries.cast::<J::Acc>().add(i).read() };
        let (acc, before) = if block.first { (carry, J::NEUTRAL) } else { (J::NEUTRAL, carry) };
        room[0][i].write(acc);
        room[1][i].write(before);
    }
    // SAFETY: the caller's promise; there is what each block begins with, and what its results are joined to.
    unsafe { Way::of::<J, true>().scan(blocks, room[0].as_mut_ptr().cast(), room[1].as_ptr().cast()) }
}

/// What the columns are joined to, in order, of at most [`BLOCK`] rows; of the first rows, they begin with `before`.
///
/// # Safety
///
/// The rows may be read; `totals` takes an accumulator for each column, of which `before` has as many where the rows are the first.
pub(super) unsafe fn column_totals<J: Join>(rows: &Rows, before: *const u8, totals: *mut u8) {
    let totals = totals.cast::<J::Acc>();
    // SAFETY: the caller's promise.
    unsafe {
        for c in 0..rows.columns {
            totals.add(c).write(if rows.first { before.cast::<J::Acc>().add(c).read() } else { J::NEUTRAL });
        }
        join_rows::<J>(totals, rows.source, rows.stride, rows.rows, rows.columns);
    }
}

/// Joins `N` values to accumulators, and writes what the carries joined to these are.
///
/// # Safety
///
/// `N` elements at `row` may be read, `N` results at `target` written; `accs` and `carries` hold `N` accumulators each.
#[inline(always)]
unsafe fn across<J: Join, const N: usize>(
    row: *const J::In,
    accs: *mut J::Acc,
    carries: *const J::Acc,
    target: *mut J::Out,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let (values, before) = (row.cast::<[J::In; N]>().read_unaligned(), carries.cast::<[J::Acc; N]>().read());
        let mut a = accs.cast::<[J::Acc; N]>().read();
        for (a, value) in a.iter_mut().zip(values) {
            *a = J::join(*a, J::enter(value));
        }
        accs.cast::<[J::Acc; N]>().write(a);
        let results: [J::Out; N] = std::array::from_fn(|c| J::leave(J::join(before[c], a[c])));
        target.cast::<[J::Out; N]>().write_unaligned(results);
    }
}

/// [`across`] of `n` columns.
type AcrossFn = unsafe fn(row: *const u8, accs: *mut u8, carries: *const u8, target: *mut u8, n: usize);

/// # Safety
///
/// As [`across`], for `n` columns.
unsafe fn all_across<J: Join>(row: *const u8, accs: *mut u8, carries: *const u8, target: *mut u8, n: usize) {
    let (row, target) = (row.cast::<J::In>(), target.cast::<J::Out>());
    let (accs, carries) = (accs.cast::<J::Acc>(), carries.cast::<J::Acc>());
    let mut c = 0;
    // SAFETY: some of the columns.
    unsafe {
        while c + WIDE <= n {
            across::<J, WIDE>(row.add(c), accs.add(c), carries.add(c), target.add(c));
            c += WIDE;
        }
        while c < n {
            across::<J, 1>(row.add(c), accs.add(c), carries.add(c), target.add(c));
            c += 1;
        }
    }
}

/// The results of some rows, whose elements have `size` bytes.
///
/// # Safety
///
/// As `across` for each of the rows, which are rows of `rows`.
#[inline(never)]
unsafe fn by_rows(
    across: AcrossFn,
    size: usize,
    rows: &Rows,
    some: std::ops::Range<usize>,
    accs: *mut u8,
    carries: *const u8,
) {
    for r in some {
        stream::prefetch_all(rows.row(r + AHEAD), rows.columns * size);
        // SAFETY: the caller's promise.
        unsafe { across(rows.row(r), accs, carries, rows.target.add(r * rows.pitch), rows.columns) }
    }
}

/// The results of rows; `carries` is what comes before them, and becomes what comes after.
///
/// # Safety
///
/// The rows may be read, their results written; `carries` holds an accumulator for each column.
pub(super) unsafe fn column_scans<J: Join>(rows: &Rows, carries: *mut u8, _streamed: bool) {
    let carries = carries.cast::<J::Acc>();
    let mut accs = [const { MaybeUninit::<J::Acc>::uninit() }; WIDTH];
    let accs = accs.as_mut_ptr().cast::<J::Acc>();
    for start in (0..rows.rows).step_by(BLOCK) {
        let (some, begins) = (start..(start + BLOCK).min(rows.rows), rows.first && start == 0);
        // SAFETY: accumulators of the columns; rows as the caller says, and each result at its place.
        unsafe {
            for c in 0..rows.columns {
                accs.add(c).write(if begins { carries.add(c).replace(J::NEUTRAL) } else { J::NEUTRAL });
            }
            by_rows(all_across::<J>, size_of::<J::In>(), rows, some, accs.cast(), carries.cast());
            join_accs::<J>(carries, accs, rows.columns);
        }
    }
}
