//! A function that may be grouped and has kernels over strips only: runs of elements go side by side, and are joined in order.

use super::step::Step;
use crate::simd::Isa;
use crate::stream::Line;
use crate::transpose_tile::{Tile, turn};
use std::mem::MaybeUninit;

/// Runs side by side, and most elements of each.
const LANES: usize = 64;
const RUN: usize = 32;
/// Elements of a part: parts are joined in order.
pub(super) const PART: usize = LANES * RUN;
/// Fewer elements than this are joined one after the other.
const FEW: usize = 2 * LANES;

/// Room for elements of any type.
type Room<const N: usize> = MaybeUninit<Line<[[u64; 2]; N]>>;

/// Joins `n > 0` elements that lie side by side into one.
///
/// # Safety
///
/// `n` elements of `size` bytes, of both of the step's types, at `values`, and room for one at `acc`; the two do not overlap.
pub(super) unsafe fn join(step: &Step, isa: Isa, size: usize, values: *const u8, n: usize, acc: *mut u8) {
    let mut next = Room::<1>::uninit();
    let next = next.as_mut_ptr().cast::<u8>();
    for start in (0..n).step_by(PART) {
        let to = if start == 0 { acc } else { next };
        // SAFETY: a part of the elements; the first one's result is the accumulator that the others are joined to.
        unsafe {
            part(step, isa, size, values.add(start * size), PART.min(n - start), to);
            if start > 0 {
                step.rows(acc, next, 1);
            }
        }
    }
}

/// The same of one part: runs of one length, joined in a tree, then what is left over.
///
/// # Safety
///
/// As [`join`], with `n <= PART`.
unsafe fn part(step: &Step, isa: Isa, size: usize, values: *const u8, n: usize, acc: *mut u8) {
    if n < FEW {
        // SAFETY: the first element, and those behind it.
        unsafe {
            std::ptr::copy_nonoverlapping(values, acc, size);
            step.sequence(acc, values.add(size), size as isize, n - 1);
        }
        return;
    }
    let run = n / LANES;
    let mut lines = Room::<PART>::uninit();
    let lines = lines.as_mut_ptr().cast::<u8>();
    let mut half = Room::<LANES>::uninit();
    let half = half.as_mut_ptr().cast::<u8>();
    let tile = Tile { from: values, pitch: (run * size) as isize, rows: run, columns: LANES };
    // SAFETY: `LANES` runs are elements of the part; a line has one of each. Of a line, those at odd places are joined to the ones before
    // them, which move together.
    unsafe {
        turn(isa, size, &tile, lines, LANES);
        for line in 1..run {
            step.rows(lines, lines.add(line * LANES * size), LANES);
        }
        let mut lanes = LANES;
        while lanes > 1 {
            lanes /= 2;
            for lane in 0..lanes {
                std::ptr::copy_nonoverlapping(lines.add((2 * lane + 1) * size), half.add(lane * size), size);
                std::ptr::copy(lines.add(2 * lane * size), lines.add(lane * size), size);
            }
            step.rows(lines, half, lanes);
        }
        std::ptr::copy_nonoverlapping(lines, acc, size);
        step.sequence(acc, values.add(run * LANES * size), size as isize, n - run * LANES);
    }
}
