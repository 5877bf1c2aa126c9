//! Parallel loops over elements in this process, and functions that are sent to engine processes.

pub(in crate::array) mod closure;
pub(in crate::array) mod map_with;
pub(in crate::array) mod rows;
pub(in crate::array) mod walk;
pub(in crate::array) mod zip;
