//! Layouts: the strides of an operand of a plan.

/// Where the elements of one operand lie: in elements, one stride for each axis of the plan's shape
/// (0 where it is broadcast, negative where it is reversed).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Layout {
    /// The strides.
    pub strides: Vec<isize>,
}

impl Layout {
    /// The layout of a contiguous row-major operand of `shape`.
    pub fn row_major(shape: &[usize]) -> Layout {
        let mut strides = vec![0; shape.len()];
        let mut stride = 1isize;
        for (place, &length) in strides.iter_mut().zip(shape).rev() {
            *place = stride;
            stride = stride.wrapping_mul(length as isize);
        }
        Layout { strides }
    }

    /// Whether this is that layout; what is of another number of axes is not asked for.
    pub(super) fn is_row_major(&self, shape: &[usize]) -> bool {
        let mut stride = 1isize;
        self.strides.iter().zip(shape).rev().all(|(&there, &length)| {
            let fits = there == stride;
            stride = stride.wrapping_mul(length as isize);
            fits
        })
    }
}
