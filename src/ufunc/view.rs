//! Where the elements of an operand lie, numbered along a loop nest: direct where they are contiguous, else gathered.

use super::kernel::{Arg, splat_lanes};
use super::program::limits;
use super::work::extent;
use super::work::protocol::{Extent, Run};
use smallvec::SmallVec;

/// One axis of a view: its length and its stride in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Axis {
    pub length: usize,
    pub stride: isize,
}

/// The elements of one operand in the order of a loop nest, outermost axis first. Axes that can be one are one.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// Bytes of an element.
    pub size: usize,
    pub axes: SmallVec<[Axis; 4]>,
}

/// Rows at least this long are walked one by one, so that operands are read in place.
pub(super) const ROW: usize = 64;

/// The length of the rows that strips of these must not straddle, where rows are long.
pub(super) fn row_of(views: &[View]) -> Option<usize> {
    let rows = || views.iter().filter(|view| view.axes.len() > 1).map(|view| view.inner().length);
    let shortest = rows().min()?;
    (shortest >= ROW && rows().all(|row| row.is_multiple_of(shortest))).then_some(shortest)
}

impl View {
    pub fn new(size: usize, nest: impl IntoIterator<Item = Axis>) -> View {
        let mut axes: SmallVec<[Axis; 4]> = SmallVec::new();
        for axis in nest {
            if axis.length == 1 {
                continue;
            }
            match axes.last_mut() {
                Some(outer) if outer.stride == axis.stride.wrapping_mul(axis.length as isize) => {
                    *outer = Axis { length: outer.length * axis.length, stride: axis.stride };
                }
                _ => axes.push(axis),
            }
        }
        View { size, axes }
    }

    /// What elements of a range touch, from the first element on.
    pub fn touches(&self, range: std::ops::Range<usize>) -> Extent {
        let axes: SmallVec<[(usize, isize); 4]> = self.axes.iter().map(|axis| (axis.length, axis.stride)).collect();
        extent::of_range(&axes, range, self.size)
    }

    /// The innermost axis.
    pub fn inner(&self) -> Axis {
        self.axes.last().copied().unwrap_or(Axis { length: 1, stride: self.size as isize })
    }

    /// Whether elements of one row of the innermost axis are side by side.
    pub fn row_contiguous(&self) -> bool {
        self.inner().stride == self.size as isize
    }

    /// Whether all elements are side by side.
    pub fn contiguous(&self) -> bool {
        self.axes.len() <= 1 && self.row_contiguous()
    }

    /// Offset in bytes of element `index`, and how many elements its row still has from there on.
    #[inline]
    pub fn locate(&self, index: usize) -> (isize, usize) {
        match self.axes[..] {
            [] => (0, usize::MAX),
            [axis] => (index as isize * axis.stride, axis.length - index),
            [outer, inner] => {
                let (row, column) = (index / inner.length, index % inner.length);
                (row as isize * outer.stride + column as isize * inner.stride, inner.length - column)
            }
            _ => {
                let inner = self.inner();
                let mut rest = index;
                let mut offset = 0;
                for axis in self.axes.iter().rev() {
                    offset += (rest % axis.length) as isize * axis.stride;
                    rest /= axis.length;
                }
                (offset, inner.length - index % inner.length)
            }
        }
    }

    /// Calls `each` with the byte offset and length of every piece of a row among elements `start..start + n`.
    #[inline]
    pub fn pieces(&self, start: usize, n: usize, mut each: impl FnMut(isize, usize)) {
        if n == 0 {
            return;
        }
        let (mut offset, left) = self.locate(start);
        let inner = self.inner();
        let mut piece = left.min(n);
        each(offset, piece);
        let mut done = piece;
        if done == n {
            return;
        }
        // From here on at the beginning of a row: an odometer over the other axes.
        let outer = &self.axes[..self.axes.len() - 1];
        let mut digits = [0usize; limits::NDIM];
        let mut rest = start / inner.length;
        offset = 0;
        for (digit, axis) in digits.iter_mut().zip(outer).rev() {
            *digit = rest % axis.length;
            rest /= axis.length;
            offset += *digit as isize * axis.stride;
        }
        while done < n {
            for (digit, axis) in digits.iter_mut().zip(outer).rev() {
                *digit += 1;
                offset += axis.stride;
                if *digit < axis.length {
                    break;
                }
                offset -= axis.length as isize * axis.stride;
                *digit = 0;
            }
            piece = inner.length.min(n - done);
            each(offset, piece);
            done += piece;
        }
    }

    /// Elements `start..start + n` as runs of an operand in which the first element is `base` bytes from the pointer.
    pub fn runs(&self, base: isize, start: usize, n: usize) -> Vec<Run> {
        let (mut runs, stride) = (Vec::new(), self.inner().stride);
        self.pieces(start, n, |offset, n| runs.push(Run { offset: base + offset, stride, n }));
        runs
    }

    /// Copies elements `start..start + n` side by side to `to`.
    ///
    /// # Safety
    ///
    /// The elements of the view from `base` are valid and aligned; `to` takes `n` and overlaps none.
    pub unsafe fn gather(&self, base: *const u8, start: usize, n: usize, to: *mut u8) {
        let stride = self.inner().stride;
        let mut at = 0;
        self.pieces(start, n, |offset, piece| {
            // SAFETY: offsets of pieces are those of elements of the view, and no more than `n` are written.
            unsafe { copy_strided(base.offset(offset), stride, to.add(at), self.size as isize, piece, self.size) };
            at += piece * self.size;
        });
    }

    /// Copies `n` elements that lie side by side at `from` to elements `start..start + n`.
    ///
    /// # Safety
    ///
    /// As [`View::gather`], the other way round.
    pub unsafe fn scatter(&self, base: *mut u8, start: usize, n: usize, from: *const u8) {
        let stride = self.inner().stride;
        let mut at = 0;
        self.pieces(start, n, |offset, piece| {
            // SAFETY: offsets of pieces are those of elements of the view, and no more than `n` are read.
            unsafe { copy_strided(from.add(at), self.size as isize, base.offset(offset), stride, piece, self.size) };
            at += piece * self.size;
        });
    }

    /// Elements `start..start + n` as a kernel takes them: in place where their row is contiguous, a splat where they are
    /// all one, else gathered into `strip`.
    ///
    /// # Safety
    ///
    /// As [`View::gather`]; `strip` takes `n` elements, `splat` [`splat_lanes`]. `splatted` is the place of the value that is in
    /// `splat`, or null.
    #[inline]
    pub unsafe fn fetch(
        &self,
        base: *const u8,
        start: usize,
        n: usize,
        strip: *mut u8,
        splat: *mut u8,
        splatted: &mut *const u8,
    ) -> Arg {
        let inner = self.inner();
        let (offset, left) = self.locate(start);
        // SAFETY: the offset is that of an element of the view; the rest as the caller says.
        unsafe {
            let ptr = base.offset(offset);
            if left < n {
                self.gather(base, start, n, strip);
                Arg { ptr: strip, varies: true }
            } else if inner.stride == self.size as isize && !self.axes.is_empty() {
                Arg { ptr, varies: true }
            } else if inner.stride == 0 || self.axes.is_empty() {
                if *splatted != ptr {
                    copy_strided(ptr, 0, splat, self.size as isize, splat_lanes(self.size), self.size);
                    *splatted = ptr;
                }
                Arg { ptr: splat, varies: false }
            } else {
                copy_strided(ptr, inner.stride, strip, self.size as isize, n, self.size);
                Arg { ptr: strip, varies: true }
            }
        }
    }
}

/// Copies `n` elements of `size` bytes, at strides in bytes.
///
/// # Safety
///
/// Valid for all of them, aligned to `size` (16: to 8); the two do not overlap.
#[inline]
pub(crate) unsafe fn copy_strided(
    from: *const u8,
    from_stride: isize,
    to: *mut u8,
    to_stride: isize,
    n: usize,
    size: usize,
) {
    #[inline(always)]
    unsafe fn each<T: Copy>(from: *const u8, from_stride: isize, to: *mut u8, to_stride: isize, n: usize) {
        let size = size_of::<T>() as isize;
        // SAFETY: elements `0..n` on both sides are valid and aligned (contract of the caller).
        unsafe {
            if from_stride == size && to_stride == size {
                std::ptr::copy_nonoverlapping(from, to, n * size_of::<T>());
            } else if from_stride == 0 && to_stride == size {
                std::slice::from_raw_parts_mut(to.cast::<std::mem::MaybeUninit<T>>(), n)
                    .fill(std::mem::MaybeUninit::new(from.cast::<T>().read()));
            } else if to_stride == size {
                for i in 0..n {
                    to.cast::<T>().add(i).write(from.offset(i as isize * from_stride).cast::<T>().read());
                }
            } else {
                for i in 0..n as isize {
                    to.offset(i * to_stride).cast::<T>().write(from.offset(i * from_stride).cast::<T>().read());
                }
            }
        }
    }
    // SAFETY: the same contract, with a type of that size and no greater alignment.
    unsafe {
        match size {
            1 => each::<u8>(from, from_stride, to, to_stride, n),
            2 => each::<u16>(from, from_stride, to, to_stride, n),
            4 => each::<u32>(from, from_stride, to, to_stride, n),
            8 => each::<u64>(from, from_stride, to, to_stride, n),
            _ => each::<[u64; 2]>(from, from_stride, to, to_stride, n),
        }
    }
}
