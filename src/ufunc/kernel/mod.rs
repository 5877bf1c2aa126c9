//! What a single instruction of a program does with its operands.

pub mod elementary;
