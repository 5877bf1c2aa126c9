//! Lazy expressions: their nodes, lowering to fused programs, and what they tell of themselves.

pub(in crate::array) mod explain;
pub(in crate::array) mod lower;
pub(in crate::array) mod node;
