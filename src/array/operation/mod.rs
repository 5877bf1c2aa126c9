//! Operations on arrays: their operands, and the operators, comparisons, functions and reductions that build expressions.

pub(in crate::array) mod argument;
pub(in crate::array) mod assign;
pub(in crate::array) mod compare;
pub(in crate::array) mod complex;
pub(in crate::array) mod elementary;
pub(in crate::array) mod operate;
pub(in crate::array) mod operators;
pub(in crate::array) mod reduce;
