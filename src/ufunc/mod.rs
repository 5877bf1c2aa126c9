//! Kernels and fused programs over slices. Pure: knows neither processes nor hosts.

mod dtype;
mod element;
mod op;
mod plan;
pub mod small;

pub use dtype::{DType, Scalar};
pub use element::Element;
pub use op::{Instr, Op, Program, ValueId};
pub use plan::{Fold, Layout, Plan};
