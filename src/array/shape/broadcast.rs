//! Broadcasting, as ndarray and NumPy do it: shapes are aligned at their last axes, and an axis of length 1 stretches.

use crate::array::shape::dims::{Dims, checked_bytes};
use crate::error::{Error, Result};
use kernels::Layout;

/// The shape that two shapes broadcast to.
#[inline]
pub(crate) fn broadcast_shape(operation: &str, left: &[usize], right: &[usize]) -> Result<Dims> {
    if left == right {
        return Ok(Dims::new(left));
    }
    let rank = left.len().max(right.len());
    let mut fits = true;
    let shape = Dims::from_fn(rank, |axis| match (length_at(left, rank, axis), length_at(right, rank, axis)) {
        (l, r) if l == r => l,
        (1, r) => r,
        (l, 1) => l,
        (l, _) => {
            fits = false;
            l
        }
    });
    if fits {
        // Two arrays that there are may meet in one that there cannot be.
        checked_bytes(&shape, 1)?;
        Ok(shape)
    } else {
        Err(Error::Shape { operation: operation.to_owned(), left: left.to_vec(), right: right.to_vec() })
    }
}

/// Whether `from` broadcasts to exactly `to`.
pub(crate) fn check_broadcast_to(operation: &str, to: &[usize], from: &[usize]) -> Result<()> {
    let mut lengths = from.iter().rev().zip(to.iter().rev());
    if from.len() <= to.len() && lengths.all(|(&from, &to)| from == to || from == 1) {
        return Ok(());
    }
    Err(Error::Shape { operation: operation.to_owned(), left: to.to_vec(), right: from.to_vec() })
}

/// Length of an axis of `shape` once leading axes of length 1 have made its rank `rank`.
fn length_at(shape: &[usize], rank: usize, axis: usize) -> usize {
    (axis + shape.len()).checked_sub(rank).map_or(1, |own| shape[own])
}

/// Strides of an operand of `shape` and `strides` as it is read when broadcast to `to`: 0 along each stretched axis.
pub(crate) fn broadcast_strides(shape: &[usize], strides: &[isize], to: &[usize]) -> Dims<isize> {
    let added = to.len() - shape.len();
    Dims::from_fn(to.len(), |axis| match axis.checked_sub(added) {
        Some(own) if shape[own] == to[axis] => strides[own],
        _ => 0,
    })
}

/// The order of axes in which reading these operands is most nearly contiguous, outermost first; the identity for
/// arrays in row-major order. The first operand that tells two axes apart decides, as in ndarray's `Zip`.
pub(crate) fn memory_order(shape: &[usize], operands: &[&[isize]]) -> Dims {
    let mut order = Dims::from_fn(shape.len(), |axis| axis);
    let row_major = operands.iter().all(|strides| {
        let told = strides.iter().zip(shape).filter(|&(&s, &n)| s != 0 && n > 1).map(|(s, _)| s.unsigned_abs());
        told.clone().zip(told.skip(1)).all(|(outer, inner)| outer >= inner)
    });
    if row_major {
        return order;
    }
    // Insertion, not a library sort: axes that no operand tells apart make this no total order, which is harmless here.
    let outer = |a: usize, b: usize| {
        operands.iter().find_map(|strides| {
            let (x, y) = (strides[a].unsigned_abs(), strides[b].unsigned_abs());
            (x != 0 && y != 0 && x != y).then_some(x > y)
        })
    };
    let axes = order.as_mut();
    for end in 1..axes.len() {
        let mut at = end;
        while at > 0 && shape[axes[at]] > 1 && outer(axes[at], axes[at - 1]) == Some(true) {
            axes.swap(at, at - 1);
            at -= 1;
        }
    }
    order
}

/// Strides of a fresh array of `shape` whose memory runs through its axes in `order`, outermost first. Of an array of nothing they are
/// 0, as in ndarray.
pub(crate) fn strides_in_order(shape: &[usize], order: &[usize]) -> Dims<isize> {
    let mut strides = Dims::from_fn(shape.len(), |_| 0isize);
    if shape.contains(&0) {
        return strides;
    }
    let mut step = 1;
    for &axis in order.iter().rev() {
        strides.as_mut()[axis] = step;
        step *= shape[axis] as isize;
    }
    strides
}

/// `values` in the order of `order`.
pub(crate) fn permuted<T: Copy + Default>(values: &[T], order: &[usize]) -> Dims<T> {
    Dims::from_fn(order.len(), |at| values[order[at]])
}

/// A plan's layout with the axes in the order of `order`.
pub(crate) fn layout(strides: &[isize], order: &[usize]) -> Layout {
    Layout { strides: order.iter().map(|&axis| strides[axis]).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_stretch_at_axes_of_length_one() {
        let shape = |l: &[usize], r: &[usize]| broadcast_shape("add", l, r).map(|s| s.to_vec()).ok();
        assert_eq!(shape(&[3, 1, 4], &[5, 1]), Some(vec![3, 5, 4]));
        assert_eq!(shape(&[], &[2, 3]), Some(vec![2, 3]));
        assert_eq!(shape(&[0], &[1]), Some(vec![0]));
        assert_eq!(shape(&[2, 0], &[3, 1, 1]), Some(vec![3, 2, 0]));
        assert_eq!(shape(&[2], &[3]), None);
        assert_eq!(shape(&[0], &[2]), None);
    }

    #[test]
    fn a_mismatch_names_both_shapes() {
        let error = broadcast_shape("add", &[2, 3], &[4]).unwrap_err().to_string();
        assert!(error.contains("[2, 3]") && error.contains("[4]"), "{error}");
    }

    #[test]
    fn strides_are_zero_where_an_operand_is_stretched() {
        assert_eq!(*broadcast_strides(&[3, 1], &[1, 1], &[2, 3, 4]), [0, 1, 0]);
        assert_eq!(*broadcast_strides(&[], &[], &[2]), [0]);
    }

    #[test]
    fn memory_order_follows_the_operands() {
        let order = |shape: &[usize], strides: &[&[isize]]| memory_order(shape, strides).to_vec();
        assert_eq!(order(&[2, 3], &[&[3, 1], &[3, 1]]), [0, 1]);
        assert_eq!(order(&[2, 3], &[&[1, 2], &[1, 2]]), [1, 0]);
        assert_eq!(order(&[2, 3, 4], &[&[1, 2, 6]]), [2, 1, 0]);
        assert_eq!(order(&[2, 3], &[&[0, 1], &[1, 2]]), [1, 0], "a stretched axis tells nothing");
        assert_eq!(order(&[2, 3], &[&[-1, -2]]), [1, 0]);
        assert_eq!(*strides_in_order(&[2, 3, 4], &[2, 0, 1]), [3, 1, 6]);
        assert_eq!(*strides_in_order(&[2, 0, 4], &[0, 1, 2]), [0, 0, 0]);
    }
}
