//! What layout methods are asked for, checked against the shape before ndarray is called.
//!
//! ndarray checks too, but its panics name a line of its own and not always the values; in debug builds some are overflows of an index.

use ndarray::{Axis, Slice, SliceInfoElem};

use crate::error::{Error, Result};

/// That there is such an axis.
pub(in crate::array) fn check_axis(operation: &str, axis: Axis, ndim: usize) -> Result<()> {
    if axis.index() < ndim { Ok(()) } else { Err(no_axis(operation, axis, ndim)) }
}

/// That a new axis may be there.
pub(in crate::array) fn check_new_axis(operation: &str, axis: Axis, ndim: usize) -> Result<()> {
    if axis.index() <= ndim { Ok(()) } else { Err(no_axis(operation, axis, ndim)) }
}

fn no_axis(operation: &str, axis: Axis, ndim: usize) -> Error {
    let axis = isize::try_from(axis.index()).unwrap_or(isize::MAX);
    Error::Axis { operation: operation.to_owned(), axis, ndim }
}

/// That there is such an index of such an axis.
pub(in crate::array) fn check_index(operation: &str, shape: &[usize], axis: Axis, index: usize) -> Result<()> {
    check_axis(operation, axis, shape.len())?;
    if index < shape[axis.index()] {
        return Ok(());
    }
    Err(out_of_bounds(operation, shape, axis.index(), &format!("index {index}")))
}

/// That a slice lies inside of an axis that there is. Negative numbers count from its end.
pub(in crate::array) fn check_slice(operation: &str, shape: &[usize], axis: Axis, slice: Slice) -> Result<()> {
    check_axis(operation, axis, shape.len())?;
    let Slice { start, end, step } = slice;
    let length = shape[axis.index()] as isize;
    let absolute = |index: isize| if index < 0 { index + length } else { index };
    let text = || {
        let end = end.map_or(String::new(), |end| end.to_string());
        let step = if step == 1 { String::new() } else { format!(";{step}") };
        format!("slice {start}..{end}{step}")
    };
    if step == 0 {
        return Err(Error::invalid(format!("{operation}: {} of axis {} has a step of 0", text(), axis.index())));
    }
    let inside = 0..=length;
    let within = |index: isize| inside.contains(&absolute(index));
    // An end before the start is an empty slice.
    if within(start) && end.is_none_or(within) {
        return Ok(());
    }
    Err(out_of_bounds(operation, shape, axis.index(), &text()))
}

/// That slices and indices are as many as the axes, and each inside of its own.
pub(in crate::array) fn check_slices(operation: &str, shape: &[usize], slices: &[SliceInfoElem]) -> Result<()> {
    let own = slices.iter().filter(|element| !element.is_new_axis());
    let count = own.clone().count();
    if count != shape.len() {
        return Err(Error::invalid(format!("{operation}: slices of {count} axes for an array of shape {shape:?}")));
    }
    for (axis, element) in own.enumerate() {
        match *element {
            SliceInfoElem::Slice { start, end, step } => {
                check_slice(operation, shape, Axis(axis), Slice { start, end, step })?;
            }
            SliceInfoElem::Index(index) => {
                let length = shape[axis] as isize;
                if !(-length..length).contains(&index) {
                    return Err(out_of_bounds(operation, shape, axis, &format!("index {index}")));
                }
            }
            SliceInfoElem::NewAxis => {}
        }
    }
    Ok(())
}

/// That no new axis is among them.
pub(in crate::array) fn no_new_axis(operation: &str, slices: &[SliceInfoElem]) -> Result<()> {
    if slices.iter().any(SliceInfoElem::is_new_axis) {
        return Err(Error::invalid(format!("{operation}: a new axis would change the number of dimensions")));
    }
    Ok(())
}

/// That each axis is named once.
pub(in crate::array) fn check_permutation(operation: &str, axes: &[usize], ndim: usize) -> Result<()> {
    if axes.len() == ndim && (0..ndim).all(|axis| axes.contains(&axis)) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{operation}: {axes:?} is not a permutation of the axes of an array of {ndim} dimensions"
    )))
}

fn out_of_bounds(operation: &str, shape: &[usize], axis: usize, what: &str) -> Error {
    Error::invalid(format!(
        "{operation}: {what} of axis {axis} is out of bounds: its length is {} in an array of shape {shape:?}",
        shape[axis]
    ))
}
