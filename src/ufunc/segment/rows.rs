//! Segments of rows: row after row is joined to accumulators side by side, one for each column.
//!
//! Within a block of [`BLOCK`] rows each column takes its values in order; blocks are joined in the pairwise tree.

/// Columns that are done together: their accumulators stay in the first-level cache.
pub(super) const WIDTH: usize = 256;
/// Rows of a leaf of the tree.
pub(super) const BLOCK: usize = 64;
/// Rows that one part of a long segment has: a subtree.
pub(super) const PART: usize = BLOCK << 6;

/// A segment of rows, some columns of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows {
    /// The first row's first column.
    pub values: *const u8,
    /// Bytes from a row to the next.
    pub stride: isize,
    pub rows: usize,
    /// At most [`WIDTH`].
    pub columns: usize,
}

pub(super) type RowsFn = unsafe fn(rows: &Rows, acc: *mut u8);

/// The loops for the vectors of AVX2.
#[cfg(target_arch = "x86_64")]
pub(super) mod x86 {
    use super::{BLOCK, Rows, WIDTH};
    use crate::segment::join::Join;
    use std::mem::MaybeUninit;

    /// Levels of the tree.
    const DEPTH: usize = 40;

    type Accs<J> = [MaybeUninit<<J as Join>::Acc>; WIDTH];

    /// Joins up to [`BLOCK`] rows into `acc`.
    ///
    /// # Safety
    ///
    /// `0 < rows.rows` rows of `rows.columns <= WIDTH` elements may be read.
    #[inline(always)]
    unsafe fn block<J: Join>(rows: &Rows, acc: *mut J::Acc) {
        let row = |r: usize| rows.values.wrapping_offset(rows.stride * r as isize).cast::<J::In>();
        let n = rows.columns;
        // SAFETY: rows below `rows.rows`, columns below `n`; `acc` has `WIDTH`, of which the first row writes the first `n`.
        unsafe {
            let first = row(0);
            for c in 0..n {
                acc.add(c).write(J::enter(first.add(c).read_unaligned()));
            }
            let mut r = 1;
            // Four rows at a time, so that accumulators are read and written once for four of them.
            while r + 4 <= rows.rows {
                let four = [row(r), row(r + 1), row(r + 2), row(r + 3)];
                for c in 0..n {
                    let mut a = *acc.add(c);
                    for one in four {
                        a = J::join(a, J::enter(one.add(c).read_unaligned()));
                    }
                    acc.add(c).write(a);
                }
                r += 4;
            }
            while r < rows.rows {
                let one = row(r);
                for c in 0..n {
                    acc.add(c).write(J::join(*acc.add(c), J::enter(one.add(c).read_unaligned())));
                }
                r += 1;
            }
        }
    }

    /// Joins all rows; the results are written to `acc`.
    ///
    /// # Safety
    ///
    /// As [`block`]; `acc` takes `rows.columns` accumulators and overlaps nothing.
    #[inline(always)]
    unsafe fn rows<J: Join>(rows: &Rows, acc: *mut u8) {
        let acc = acc.cast::<J::Acc>();
        // SAFETY: the caller's promise; each block is a part of the rows. The tree's levels are as many as its depth says, and each
        // is written by a block, or by the joining of two, before it is read.
        unsafe {
            if rows.rows <= BLOCK {
                return block::<J>(rows, acc);
            }
            let mut waiting: Vec<Accs<J>> = Vec::with_capacity(DEPTH);
            let join = |earlier: *mut J::Acc, later: *const J::Acc| {
                for c in 0..rows.columns {
                    earlier.add(c).write(J::join(*earlier.add(c), *later.add(c)));
                }
            };
            for (index, start) in (0..rows.rows).step_by(BLOCK).enumerate() {
                waiting.push([MaybeUninit::uninit(); WIDTH]);
                let leaf = waiting.len() - 1;
                let values = rows.values.wrapping_offset(rows.stride * start as isize);
                let part = Rows { values, rows: BLOCK.min(rows.rows - start), ..*rows };
                block::<J>(&part, waiting[leaf].as_mut_ptr().cast());
                for _ in 0..index.trailing_ones() {
                    collapse::<J>(&mut waiting, join);
                }
            }
            while waiting.len() > 1 {
                collapse::<J>(&mut waiting, join);
            }
            std::ptr::copy_nonoverlapping(waiting[0].as_ptr().cast(), acc, rows.columns);
        }
    }

    /// Joins the last two subtrees.
    #[inline(always)]
    fn collapse<J: Join>(waiting: &mut Vec<Accs<J>>, join: impl Fn(*mut J::Acc, *const J::Acc)) {
        if let Some(later) = waiting.pop()
            && let Some(earlier) = waiting.last_mut()
        {
            join(earlier.as_mut_ptr().cast(), later.as_ptr().cast());
        }
    }

    /// # Safety
    ///
    /// As [`rows`]; the processor has AVX2.
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn avx2<J: Join>(segment: &Rows, acc: *mut u8) {
        // SAFETY: the caller's promise is the one asked for.
        unsafe { rows::<J>(segment, acc) }
    }
}
