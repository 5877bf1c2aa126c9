//! Segments of elements that lie side by side, each joined into one value.
//!
//! A segment's elements are dealt to 32 lanes, the last, shorter group first; lanes are joined by halves. From [`BLOCK`] elements
//! on, blocks are joined in the pairwise tree. So a value's bits follow from the segment's elements alone. What makes short
//! segments fast with AVX2: a group is read whole, beyond the segment's end if need be, and what is not the segment's is replaced
//! by the neutral value, without a branch.

/// Lanes of a segment, whatever the instruction set.
pub(super) const LANES: usize = 32;
/// Elements of a leaf of the tree.
pub(super) const BLOCK: usize = 2048;
/// Elements that one part of a long segment has: a subtree.
pub(super) const PART: usize = BLOCK << 6;

/// Segments of one contiguous run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run<'a> {
    /// The run's first element.
    pub values: *const u8,
    /// How many elements may be read from there on.
    pub readable: usize,
    /// Where each segment begins, and one place more: where the last one ends. One that would end before it has begun has one
    /// element.
    pub starts: &'a [usize],
    /// Segments of this many elements and more are passed over.
    pub below: usize,
}

/// Length of the segment between two places.
#[inline(always)]
pub(super) fn length(start: usize, end: usize) -> usize {
    if end > start { end - start } else { 1 }
}

pub(super) type RunFn = unsafe fn(run: &Run<'_>, out: *mut u8);
pub(super) type PartFn = unsafe fn(values: *const u8, readable: usize, n: usize, acc: *mut u8);

/// The loops for the vectors of AVX2.
#[cfg(target_arch = "x86_64")]
pub(super) mod x86 {
    use super::{BLOCK, LANES, Run, length};
    use crate::segment::join::Join;
    use crate::segment::tree::Tree;
    use std::mem::MaybeUninit;

    /// Elements of a segment that takes half a group.
    const HALF: usize = LANES / 2;

    /// One group, of which the first `n` lanes count.
    ///
    /// # Safety
    ///
    /// `n` elements at `at` may be read, and `0 < n <= LANES`; as many as `readable` says, too.
    #[inline(always)]
    unsafe fn group<J: Join>(at: *const J::In, n: usize, readable: usize) -> [J::Acc; LANES] {
        // SAFETY: a whole group where that may be read, else the `n` that the segment has.
        let values: [J::In; LANES] = unsafe {
            if readable >= LANES { at.cast::<[J::In; LANES]>().read_unaligned() } else { copied::<J>(at, n) }
        };
        std::array::from_fn(|lane| if lane < n { J::enter(values[lane]) } else { J::NEUTRAL })
    }

    /// The first `n` elements, and the first one again and again.
    ///
    /// # Safety
    ///
    /// `n > 0` elements at `at` may be read.
    #[cold]
    #[inline(never)]
    unsafe fn copied<J: Join>(at: *const J::In, n: usize) -> [J::In; LANES] {
        // SAFETY: the caller's promise.
        unsafe {
            let mut values = [at.read(); LANES];
            for (i, value) in values.iter_mut().enumerate().take(n) {
                *value = at.add(i).read();
            }
            values
        }
    }

    /// Lanes joined by halves.
    #[inline(always)]
    fn across<J: Join>(lanes: &[J::Acc; LANES]) -> J::Acc {
        across_half::<J>(&std::array::from_fn(|i| J::join(lanes[i], lanes[i + HALF])))
    }

    /// The halves of [`across`], joined to each other already.
    #[inline(always)]
    fn across_half<J: Join>(a: &[J::Acc; HALF]) -> J::Acc {
        let b: [J::Acc; 8] = std::array::from_fn(|i| J::join(a[i], a[i + 8]));
        let c: [J::Acc; 4] = std::array::from_fn(|i| J::join(b[i], b[i + 4]));
        J::join(J::join(c[0], c[2]), J::join(c[1], c[3]))
    }

    /// The elements of a segment of at most [`HALF`], with the bits of a group: the other half of its lanes is neutral.
    ///
    /// # Safety
    ///
    /// `0 < n <= HALF` elements at `at` may be read; as many as `readable` says, too.
    #[inline(always)]
    unsafe fn few<J: Join>(at: *const J::In, n: usize, readable: usize) -> J::Acc {
        // SAFETY: half a group where that may be read, else the `n` that the segment has.
        let lanes: [J::Acc; HALF] = unsafe {
            if readable >= HALF {
                let values = at.cast::<[J::In; HALF]>().read_unaligned();
                std::array::from_fn(|lane| if lane < n { J::enter(values[lane]) } else { J::NEUTRAL })
            } else {
                let group = group::<J>(at, n, readable);
                std::array::from_fn(|lane| group[lane])
            }
        };
        across_half::<J>(&lanes.map(|lane| J::join(lane, J::NEUTRAL)))
    }

    /// The elements of one block.
    ///
    /// # Safety
    ///
    /// `0 < n <= readable` elements at `at` may be read.
    #[inline(always)]
    unsafe fn block<J: Join>(at: *const J::In, n: usize, readable: usize) -> J::Acc {
        let whole = (n - 1) / LANES;
        // SAFETY: `whole` groups and one of 1 to `LANES` elements are the `n` that may be read.
        unsafe {
            let done = whole * LANES;
            let mut lanes = group::<J>(at.add(done), n - done, readable - done);
            for i in 0..whole {
                let values = at.add(i * LANES).cast::<[J::In; LANES]>().read_unaligned();
                for (lane, &value) in lanes.iter_mut().zip(&values) {
                    *lane = J::join(*lane, J::enter(value));
                }
            }
            across::<J>(&lanes)
        }
    }

    /// The elements of a segment of several blocks.
    ///
    /// # Safety
    ///
    /// As [`block`].
    #[inline(always)]
    unsafe fn blocks<J: Join>(at: *const J::In, n: usize, readable: usize) -> J::Acc {
        let mut tree = Tree::<J>::new();
        for start in (0..n).step_by(BLOCK) {
            // SAFETY: a block of the elements that may be read.
            tree.push(unsafe { block::<J>(at.add(start), BLOCK.min(n - start), readable - start) });
        }
        tree.complete()
    }

    /// # Safety
    ///
    /// The run's elements may be read, `out` takes a value for each segment; segments lie within the run.
    #[inline(always)]
    unsafe fn run<J: Join>(run: &Run<'_>, out: *mut u8) {
        let (values, out) = (run.values.cast::<J::In>(), out.cast::<MaybeUninit<J::Out>>());
        for i in 0..run.starts.len() - 1 {
            let start = run.starts[i];
            let n = length(start, run.starts[i + 1]);
            // SAFETY: the segment's elements and its place in `out`.
            unsafe {
                let (at, readable) = (values.add(start), run.readable - start);
                if n <= HALF {
                    (*out.add(i)).write(J::leave(few::<J>(at, n, readable)));
                } else if n <= LANES {
                    (*out.add(i)).write(J::leave(across::<J>(&group::<J>(at, n, readable))));
                } else if n <= BLOCK {
                    (*out.add(i)).write(J::leave(block::<J>(at, n, readable)));
                } else if n < run.below {
                    (*out.add(i)).write(J::leave(blocks::<J>(at, n, readable)));
                }
            }
        }
    }

    /// The accumulator of `n` elements.
    ///
    /// # Safety
    ///
    /// `0 < n <= readable` elements at `values` may be read; `acc` takes one.
    #[inline(always)]
    unsafe fn part<J: Join>(values: *const u8, readable: usize, n: usize, acc: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { acc.cast::<J::Acc>().write(blocks::<J>(values.cast(), n, readable)) }
    }

    /// # Safety
    ///
    /// As [`run`]; the processor has AVX2.
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn run_avx2<J: Join>(segments: &Run<'_>, out: *mut u8) {
        // SAFETY: the caller's promise is the one asked for.
        unsafe { run::<J>(segments, out) }
    }

    /// # Safety
    ///
    /// As [`part`]; the processor has AVX2.
    #[target_feature(enable = "avx2,fma")]
    pub unsafe fn part_avx2<J: Join>(values: *const u8, readable: usize, n: usize, acc: *mut u8) {
        // SAFETY: the caller's promise is the one asked for.
        unsafe { part::<J>(values, readable, n, acc) }
    }
}
