//! Views that users have: borrowed parts of arrays, with the operations of arrays.

pub(in crate::array) mod dist_view;
pub(in crate::array) mod dist_view_mut;
pub(in crate::array) mod functions;
pub(in crate::array) mod layout;
pub(in crate::array) mod reductions;
pub(in crate::array) mod slicing;
pub(in crate::array) mod traits;
