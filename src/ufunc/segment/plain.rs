//! Segments without AVX2: loops over a few lanes at a time, in functions that are called for many values. They take a
//! fifth of the code that loops for vectors take without them, and join the same values in the same order as [`runs`](super::runs) and [`rows`](super::rows) say.

use super::join::Join;
use super::rows::{self, Rows};
use super::runs::{BLOCK, LANES, Run, length};
use std::mem::MaybeUninit;

/// Accumulators that are held in registers.
const WIDE: usize = 8;
/// Accumulators that are joined to others at once.
const FEW: usize = 4;
/// Rows that are joined before accumulators are written again.
const ROWS: usize = 8;

/// Makes accumulators of `n` values.
///
/// # Safety
///
/// `n` elements at `from` may be read; `acc` takes as many accumulators.
#[inline(never)]
unsafe fn enter<J: Join>(from: *const J::In, acc: *mut J::Acc, n: usize) {
    for c in 0..n {
        // SAFETY: the caller's promise.
        unsafe { acc.add(c).write(J::enter(from.add(c).read_unaligned())) }
    }
}

/// Joins rows to `N` accumulators, in order.
///
/// # Safety
///
/// `rows` times `N` elements may be read, `stride` bytes from row to row; `acc` holds `N` accumulators.
#[inline(always)]
unsafe fn strip<J: Join, const N: usize>(acc: *mut J::Acc, mut row: *const u8, stride: isize, rows: usize) {
    let acc = acc.cast::<[J::Acc; N]>();
    // SAFETY: the caller's promise.
    unsafe {
        let mut a = acc.read();
        for _ in 0..rows {
            let values = row.cast::<[J::In; N]>().read_unaligned();
            for (a, value) in a.iter_mut().zip(values) {
                *a = J::join(*a, J::enter(value));
            }
            row = row.wrapping_offset(stride);
        }
        acc.write(a);
    }
}

/// [`strip`] of `n` columns.
type StripsFn = unsafe fn(acc: *mut u8, row: *const u8, stride: isize, rows: usize, n: usize);

/// # Safety
///
/// As [`strip`], for `n` columns.
unsafe fn strips<J: Join>(acc: *mut u8, row: *const u8, stride: isize, rows: usize, n: usize) {
    let acc = acc.cast::<J::Acc>();
    let column = |c: usize| row.wrapping_add(c * size_of::<J::In>());
    let mut c = 0;
    // SAFETY: some of the columns.
    unsafe {
        while c + WIDE <= n {
            strip::<J, WIDE>(acc.add(c), column(c), stride, rows);
            c += WIDE;
        }
        while c < n {
            strip::<J, 1>(acc.add(c), column(c), stride, rows);
            c += 1;
        }
    }
}

/// Strips of [`ROWS`] rows. Apart from [`strips`], which else would get code for each number of rows up to that.
///
/// # Safety
///
/// As `strips`, for all of the rows.
#[inline(never)]
unsafe fn by_rows(strips: StripsFn, acc: *mut u8, first: *const u8, stride: isize, rows: usize, n: usize) {
    for start in (0..rows).step_by(ROWS) {
        let row = first.wrapping_offset(stride * start as isize);
        // SAFETY: some of the rows.
        unsafe { strips(acc, row, stride, ROWS.min(rows - start), n) }
    }
}

/// Joins rows of `n` elements to as many accumulators, in order.
///
/// # Safety
///
/// `rows` times `n` elements may be read, `stride` bytes from row to row; `acc` holds `n` accumulators, which are none of the elements.
#[inline(always)]
pub(crate) unsafe fn join_rows<J: Join>(acc: *mut J::Acc, first: *const u8, stride: isize, rows: usize, n: usize) {
    // SAFETY: the caller's promise.
    unsafe { by_rows(strips::<J>, acc.cast(), first, stride, rows, n) }
}

/// Joins `N` accumulators to those that come after them.
///
/// # Safety
///
/// `N` accumulators at each.
#[inline(always)]
unsafe fn join_some<J: Join, const N: usize>(acc: *mut J::Acc, later: *const J::Acc) {
    // SAFETY: the caller's promise.
    unsafe {
        let (a, b) = (acc.cast::<[J::Acc; N]>().read(), later.cast::<[J::Acc; N]>().read());
        acc.cast::<[J::Acc; N]>().write(std::array::from_fn(|c| J::join(a[c], b[c])));
    }
}

/// Joins `n` accumulators to those that come after them.
///
/// # Safety
///
/// `n` accumulators at each; the two do not overlap.
#[inline(never)]
pub(crate) unsafe fn join_accs<J: Join>(acc: *mut J::Acc, later: *const J::Acc, n: usize) {
    let mut c = 0;
    // SAFETY: some of the accumulators.
    unsafe {
        while c + FEW <= n {
            join_some::<J, FEW>(acc.add(c), later.add(c));
            c += FEW;
        }
        while c < n {
            join_some::<J, 1>(acc.add(c), later.add(c));
            c += 1;
        }
    }
}

/// The elements of one block.
///
/// # Safety
///
/// `0 < n <= BLOCK` elements at `at` may be read.
#[inline(never)]
unsafe fn block<J: Join>(at: *const J::In, n: usize) -> J::Acc {
    let whole = (n - 1) / LANES;
    let last = n - whole * LANES;
    // With no whole group, lanes from `last` on are neutral. Each lane below `last` has to be joined to a neutral one once, as in the whole
    // tree; twice as many lanes are enough for that.
    let width = if whole > 0 { LANES } else { (2 * last.next_power_of_two()).clamp(WIDE, LANES) };
    let mut lanes = [MaybeUninit::<J::Acc>::uninit(); LANES];
    lanes[last..width].fill(MaybeUninit::new(J::NEUTRAL));
    let lanes = lanes.as_mut_ptr().cast::<J::Acc>();
    // SAFETY: `whole` groups and the `last` elements are the `n` that may be read; `width` lanes are written, and halves of them do not
    // overlap.
    unsafe {
        enter::<J>(at.add(whole * LANES), lanes, last);
        if whole > 0 {
            join_rows::<J>(lanes, at.cast(), (LANES * size_of::<J::In>()) as isize, whole, LANES);
        }
        let mut half = width / 2;
        while half >= WIDE {
            join_accs::<J>(lanes, lanes.add(half), half);
            half /= 2;
        }
        let a = lanes.cast::<[J::Acc; WIDE]>().read();
        let b: [J::Acc; 4] = std::array::from_fn(|i| J::join(a[i], a[i + 4]));
        J::join(J::join(b[0], b[2]), J::join(b[1], b[3]))
    }
}

/// How many of some elements are in the left subtree of the pairwise tree: the largest power of two of blocks that is not all.
fn left(n: usize, block: usize) -> usize {
    block * n.div_ceil(block).next_power_of_two() / 2
}

/// The elements of a segment.
///
/// # Safety
///
/// `n > 0` elements at `at` may be read.
#[inline(never)]
unsafe fn blocks<J: Join>(at: *const J::In, n: usize) -> J::Acc {
    // SAFETY: the caller's promise; subtrees are parts of the elements.
    unsafe {
        if n <= BLOCK {
            return block::<J>(at, n);
        }
        let left = left(n, BLOCK);
        J::join(blocks::<J>(at, left), blocks::<J>(at.add(left), n - left))
    }
}

/// # Safety
///
/// The run's elements may be read, `out` takes a value for each segment; segments lie within the run.
pub(super) unsafe fn run<J: Join>(run: &Run<'_>, out: *mut u8) {
    let (values, out) = (run.values.cast::<J::In>(), out.cast::<J::Out>());
    for i in 0..run.starts.len() - 1 {
        let start = run.starts[i];
        let n = length(start, run.starts[i + 1]);
        // SAFETY: the segment's elements and its place in `out`.
        unsafe {
            let at = values.add(start);
            debug_assert!(n >= run.below || n <= run.readable - start, "a segment beyond its run");
            if n <= BLOCK {
                out.add(i).write(J::leave(block::<J>(at, n)));
            } else if n < run.below {
                out.add(i).write(J::leave(blocks::<J>(at, n)));
            }
        }
    }
}

/// The accumulator of `n` elements.
///
/// # Safety
///
/// `0 < n` elements at `values` may be read; `acc` takes one.
pub(super) unsafe fn part<J: Join>(values: *const u8, _readable: usize, n: usize, acc: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { acc.cast::<J::Acc>().write(blocks::<J>(values.cast(), n)) }
}

/// Joins all rows; the results are written to `acc`.
///
/// # Safety
///
/// `0 < segment.rows` rows of `segment.columns <= WIDTH` elements may be read; `acc` takes an accumulator for each column and overlaps
/// nothing.
pub(super) unsafe fn rows<J: Join>(segment: &Rows, acc: *mut u8) {
    let (n, row) = (segment.columns, |r: usize| segment.values.wrapping_offset(segment.stride * r as isize));
    let accs = acc.cast::<J::Acc>();
    // SAFETY: the caller's promise; subtrees are parts of the rows, of which each writes an accumulator for each column.
    unsafe {
        if segment.rows <= rows::BLOCK {
            enter::<J>(segment.values.cast(), accs, n);
            join_rows::<J>(accs, row(1), segment.stride, segment.rows - 1, n);
            return;
        }
        let left = left(segment.rows, rows::BLOCK);
        let mut later = [MaybeUninit::<J::Acc>::uninit(); rows::WIDTH];
        rows::<J>(&Rows { rows: left, ..*segment }, acc);
        let right = Rows { values: row(left), rows: segment.rows - left, ..*segment };
        rows::<J>(&right, later.as_mut_ptr().cast());
        join_accs::<J>(accs, later.as_ptr().cast(), n);
    }
}
