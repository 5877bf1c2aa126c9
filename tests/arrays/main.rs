//! What an array is and does beside universal functions. One crate, since each compiles the generic code that it uses anew.

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
