//! A shape or a list of strides of any rank, held inline up to rank 6, so that a node of an expression is one allocation.

use std::ops::Deref;

use crate::error::{Error, Result};

const INLINE: usize = 6;

/// A short list of numbers, one for each axis.
#[derive(Clone)]
pub(crate) enum Dims<T: Copy + Default = usize> {
    Inline(u8, [T; INLINE]),
    Long(Box<[T]>),
}

impl<T: Copy + Default> Dims<T> {
    /// A copy of `values`.
    #[inline]
    pub(crate) fn new(values: &[T]) -> Self {
        if values.len() <= INLINE {
            let mut inline = [T::default(); INLINE];
            inline[..values.len()].copy_from_slice(values);
            Dims::Inline(values.len() as u8, inline)
        } else {
            Dims::Long(values.into())
        }
    }

    /// `n` values, each as `f` says.
    pub(crate) fn from_fn(n: usize, f: impl FnMut(usize) -> T) -> Self {
        if n <= INLINE {
            let mut inline = [T::default(); INLINE];
            for (place, value) in inline.iter_mut().zip((0..n).map(f)) {
                *place = value;
            }
            Dims::Inline(n as u8, inline)
        } else {
            Dims::Long((0..n).map(f).collect())
        }
    }

    /// The values, to be changed in place.
    pub(crate) fn as_mut(&mut self) -> &mut [T] {
        match self {
            Dims::Inline(n, values) => &mut values[..*n as usize],
            Dims::Long(values) => values,
        }
    }
}

impl<T: Copy + Default> Deref for Dims<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match self {
            Dims::Inline(n, values) => &values[..*n as usize],
            Dims::Long(values) => values,
        }
    }
}

impl<T: Copy + Default + PartialEq> PartialEq for Dims<T> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Copy + Default + std::fmt::Debug> std::fmt::Debug for Dims<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

/// Number of elements of an array of this shape.
#[inline]
pub(crate) fn volume(shape: &[usize]) -> usize {
    shape.iter().product()
}

/// Row-major strides of `shape`, in elements. Of an array of nothing they are 0, as in ndarray.
pub(crate) fn row_major(shape: &[usize]) -> Dims<isize> {
    let mut strides = Dims::from_fn(shape.len(), |_| 0isize);
    if shape.contains(&0) {
        return strides;
    }
    let mut step = 1;
    for (stride, &length) in strides.as_mut().iter_mut().zip(shape).rev() {
        *stride = step;
        step *= length as isize;
    }
    strides
}

/// Bytes of an array of `shape` with elements of `size` bytes; an error where there is no such array.
#[inline]
pub(crate) fn checked_bytes(shape: &[usize], size: usize) -> Result<usize> {
    // Axes of length 0 count as 1, and elements without bytes as one byte: ndarray wants the number of elements to be in range too.
    let bytes = shape.iter().try_fold(size.max(1), |bytes, &n| bytes.checked_mul(n.max(1)));
    match bytes {
        Some(bytes) if bytes <= isize::MAX as usize => Ok(if size == 0 || shape.contains(&0) { 0 } else { bytes }),
        _ => Err(Error::invalid(format!("an array of shape {shape:?} with elements of {size} bytes is too large"))),
    }
}

/// Up to this many elements an operation is small: building an expression and a program would cost more than it gives.
pub(crate) const SMALL: usize = 16 << 10;
