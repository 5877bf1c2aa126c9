//! What an array is and does beside universal functions. One crate, since each compiles the generic code that it uses anew.

#![allow(clippy::op_ref, reason = "operands by reference are tested too")]
#![allow(clippy::reversed_empty_ranges, reason = "a slice's negative end counts from the end of the axis")]

mod blocks;
mod complex;
mod edges;
mod elements;
mod layout;
mod operators;
mod partition;
mod reduce;
mod stretch;
mod strides;
mod views;
