//! Runs of rows: row after row is joined to accumulators side by side, one for each column.

use crate::segment::join::Join;

/// Rows ahead that are asked for.
pub(super) const AHEAD: usize = 16;

/// Rows, some columns of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    /// The first row's first column.
    pub source: *const u8,
    /// Bytes from a row to the next.
    pub stride: isize,
    pub rows: usize,
    /// Whether the first row is that of the axis: then the columns begin with what comes before them.
    pub first: bool,
    /// At most [`WIDTH`](super::WIDTH).
    pub columns: usize,
    /// The first row's first result, and bytes from a row of results to the next.
    pub target: *mut u8,
    pub pitch: usize,
}

impl Rows {
    pub fn row(&self, row: usize) -> *const u8 {
        self.source.wrapping_offset(self.stride * row as isize)
    }
}

/// Joins the totals of columns to what comes before them: what comes after them.
///
/// # Safety
///
/// `n` accumulators at each.
pub(super) unsafe fn link<J: Join>(carries: *const u8, totals: *mut u8, n: usize) {
    for c in 0..n {
        // SAFETY: the caller's promise.
        unsafe {
            let total = totals.cast::<J::Acc>().add(c);
            total.write(J::join(carries.cast::<J::Acc>().add(c).read(), total.read()));
        }
    }
}

pub(super) type TotalsFn = unsafe fn(rows: &Rows, before: *const u8, totals: *mut u8);
pub(super) type ScansFn = unsafe fn(rows: &Rows, carries: *mut u8, streamed: bool);
pub(super) type LinkFn = unsafe fn(carries: *const u8, totals: *mut u8, n: usize);

/// The loops for the vectors of AVX2.
#[cfg(target_arch = "x86_64")]
pub(super) mod x86 {
    use super::{AHEAD, Rows};
    use crate::scan::{BLOCK, WIDTH};
    use crate::segment::join::Join;
    use crate::simd::Isa;
    use crate::stream::{self, Line};
    use std::mem::MaybeUninit;

    /// Results of a row in bytes from which on they go past the caches.
    const STREAMED: usize = 256;
    /// The instructions that results are written with.
    const AVX2: u8 = Isa::Avx2 as u8;

    /// Accumulators of a tile.
    type Accs<J> = [MaybeUninit<<J as Join>::Acc>; WIDTH];

    /// Joins one more row to the accumulators.
    ///
    /// # Safety
    ///
    /// `n` elements at `row` may be read, `n` accumulators at `accs` are there.
    #[inline(always)]
    unsafe fn join_row<J: Join>(row: *const J::In, accs: *mut J::Acc, n: usize) {
        for c in 0..n {
            // SAFETY: the caller's promise.
            unsafe { accs.add(c).write(J::join(*accs.add(c), J::enter(row.add(c).read()))) }
        }
    }

    /// What the columns are joined to, in order, of at most [`BLOCK`] rows; of the first rows, they begin with `before`.
    ///
    /// # Safety
    ///
    /// The rows may be read; `totals` takes an accumulator for each column, of which `before` has as many where the rows are the first.
    #[inline(always)]
    unsafe fn totals<J: Join>(rows: &Rows, before: *const u8, totals: *mut u8) {
        let (before, totals) = (before.cast::<J::Acc>(), totals.cast::<J::Acc>());
        // SAFETY: the caller's promise.
        unsafe {
            for c in 0..rows.columns {
                totals.add(c).write(if rows.first { before.add(c).read() } else { J::NEUTRAL });
            }
            for r in 0..rows.rows {
                join_row::<J>(rows.row(r).cast(), totals, rows.columns);
            }
        }
    }

    /// The results of rows; `carries` is what comes before them, and becomes what comes after.
    ///
    /// # Safety
    ///
    /// The rows may be read, their results written; `carries` holds an accumulator for each column; the processor has AVX2.
    #[inline(always)]
    unsafe fn scans<J: Join>(rows: &Rows, carries: *mut u8, streamed: bool) {
        let (carries, n) = (carries.cast::<J::Acc>(), rows.columns);
        let mut accs: Accs<J> = [MaybeUninit::uninit(); WIDTH];
        let accs = accs.as_mut_ptr().cast::<J::Acc>();
        let mut results = Line([MaybeUninit::<J::Out>::uninit(); WIDTH]);
        let results = results.0.as_mut_ptr().cast::<J::Out>();
        let streamed = streamed && n * size_of::<J::Out>() >= STREAMED;
        for start in (0..rows.rows).step_by(BLOCK) {
            // SAFETY: accumulators of `n` columns; rows as the caller says, and each result at its place.
            unsafe {
                for c in 0..n {
                    accs.add(c).write(J::NEUTRAL);
                }
                if rows.first && start == 0 {
                    std::ptr::swap_nonoverlapping(accs, carries, n);
                }
                for r in start..(start + BLOCK).min(rows.rows) {
                    stream::prefetch_all(rows.row(r + AHEAD), n * size_of::<J::In>());
                    let row = rows.row(r).cast::<J::In>();
                    for c in 0..n {
                        let acc = J::join(*accs.add(c), J::enter(row.add(c).read()));
                        accs.add(c).write(acc);
                        results.add(c).write(J::leave(J::join(*carries.add(c), acc)));
                    }
                    let target = rows.target.add(r * rows.pitch);
                    let (from, bytes) = (results.cast::<u8>().cast_const(), n * size_of::<J::Out>());
                    if streamed {
                        stream::copy::<AVX2>(target, from, bytes);
                    } else {
                        std::ptr::copy_nonoverlapping(from, target, bytes);
                    }
                }
                for c in 0..n {
                    carries.add(c).write(J::join(*carries.add(c), *accs.add(c)));
                }
            }
        }
    }

    /// # Safety
    ///
    /// As [`totals`]; the processor has AVX2.
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn totals_avx2<J: Join>(rows: &Rows, before: *const u8, accs: *mut u8) {
        // SAFETY: the caller's promise is the one asked for.
        unsafe { totals::<J>(rows, before, accs) }
    }

    /// # Safety
    ///
    /// As [`scans`]; the processor has AVX2.
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn scans_avx2<J: Join>(rows: &Rows, carries: *mut u8, streamed: bool) {
        // SAFETY: the caller's promise is the one asked for.
        unsafe { scans::<J>(rows, carries, streamed) }
    }
}
