//! Which bytes a part of a nest of axes touches.

use super::protocol::Extent;
use crate::{Error, Result};
use std::ops::Range;

/// Most elements of a nest, of at most 16 bytes each.
const MOST: usize = isize::MAX as usize / 64;

/// How many elements axes have; an error where they cannot be addressed. Lengths of 0 do not excuse the others.
pub(crate) fn elements(lengths: impl IntoIterator<Item = usize>) -> Result<usize> {
    let mut none = false;
    let mut all = 1usize;
    for length in lengths {
        none |= length == 0;
        all = all.checked_mul(length.max(1)).filter(|&all| all <= MOST).ok_or_else(|| {
            Error::invalid(format!("an axis of {length} elements makes more of them than can be addressed"))
        })?;
    }
    Ok(if none { 0 } else { all })
}

/// All that axes reach, of lengths and strides in elements of `size` bytes.
pub(crate) fn all(axes: impl IntoIterator<Item = (usize, isize)>, size: usize) -> Result<Extent> {
    let (mut low, mut high, mut none) = (0isize, 0isize, false);
    for (length, stride) in axes {
        none |= length == 0;
        let place = if stride < 0 { &mut low } else { &mut high };
        let reach = (length.max(1) as isize - 1).checked_mul(stride).and_then(|reach| reach.checked_add(*place));
        *place = reach.filter(|end| end.unsigned_abs() <= MOST / size.max(1)).ok_or_else(|| {
            Error::invalid(format!("a stride of {stride} over {length} elements reaches beyond what can be addressed"))
        })?;
    }
    let size = size as isize;
    Ok(if none { Extent::NONE } else { Extent { low: low * size, high: (high + 1) * size } })
}

/// What elements of a range touch, counted along axes of lengths and strides in bytes, the last one innermost. The axes have been
/// looked at by [`all`].
pub(crate) fn of_range(axes: &[(usize, isize)], range: Range<usize>, size: usize) -> Extent {
    if range.is_empty() {
        return Extent::NONE;
    }
    let (mut first, mut last) = (range.start, range.end - 1);
    let mut extent = Extent { low: 0, high: size as isize };
    // From the innermost axis on: one that the range goes all along, or around the end of, is touched whole.
    for &(length, stride) in axes.iter().rev() {
        let (from, to, rows) = (first % length, last % length, last / length - first / length);
        let (from, to) = if rows == 0 { (from, to) } else { (0, length - 1) };
        let ends = [from as isize * stride, to as isize * stride];
        extent.low += ends[0].min(ends[1]);
        extent.high += ends[0].max(ends[1]);
        (first, last) = (first / length, last / length);
    }
    extent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_touch_what_their_elements_are() {
        for axes in [vec![(4, 40isize), (5, 8)], vec![(3, -100), (2, 8), (4, 16)], vec![(7, 0), (3, -8)], vec![]] {
            let count: usize = axes.iter().map(|axis| axis.0).product();
            let offset = |mut at: usize| {
                let mut offset = 0;
                for &(length, stride) in axes.iter().rev() {
                    offset += (at % length) as isize * stride;
                    at /= length;
                }
                offset
            };
            for start in 0..count {
                for end in start + 1..=count {
                    let extent = of_range(&axes, start..end, 8);
                    let (low, high) = (start..end).fold((isize::MAX, isize::MIN), |(low, high), at| {
                        (low.min(offset(at)), high.max(offset(at) + 8))
                    });
                    assert!(extent.low <= low && high <= extent.high, "{axes:?} {start}..{end}");
                    if axes.len() == 1 || end == start + 1 {
                        assert_eq!((extent.low, extent.high), (low, high), "{axes:?} {start}..{end}");
                    }
                }
            }
        }
    }
}
