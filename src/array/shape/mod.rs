//! Shapes, strides and axes: their rules, without elements.

pub(in crate::array) mod bounds;
pub(in crate::array) mod broadcast;
pub(in crate::array) mod dims;
