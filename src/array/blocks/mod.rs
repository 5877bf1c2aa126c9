//! Arrays in blocks: partitions, who computes which, and arrays of several blocks.

pub(in crate::array) mod from_blocks;
pub(in crate::array) mod grid;
pub(in crate::array) mod partition;
pub(in crate::array) mod placement;
