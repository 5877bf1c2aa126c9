//! The memory of arrays: stores, views of them, vectors that were moved in, and copies.

pub(in crate::array) mod copy;
pub(in crate::array) mod leaf;
pub(in crate::array) mod owned;
pub(in crate::array) mod shared;
pub(in crate::array) mod store;
