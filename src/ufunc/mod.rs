//! Kernels and fused programs over slices. Pure: knows neither processes nor hosts.

mod dtype;
mod element;
pub mod kernel;
mod op;

pub use dtype::{DType, Scalar};
pub use element::Element;
pub use op::{Instr, Op, Program, ValueId};
