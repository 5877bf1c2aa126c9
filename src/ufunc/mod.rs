//! Kernels and fused programs over slices. Pure: knows neither processes nor hosts.

mod ahead;
mod cost;
mod dtype;
mod element;
mod feed;
mod fold;
pub mod function;
pub mod kernel;
mod known;
mod map;
pub mod matrix;
mod op;
mod plan;
mod program;
pub mod scan;
pub mod scatter;
pub mod segment;
pub mod simd;
pub mod small;
mod stream;
pub mod strided;
mod transpose;
mod turn;
pub mod user;
mod view;

pub(crate) use cost::nanoseconds;
pub use dtype::{DType, Scalar};
pub use element::Element;
pub use function::*;
pub use op::{Instr, Op, Program, ValueId};
pub use plan::{Fold, Layout, Plan, Search};
pub use program::Fault;
pub(crate) use user::name as name_of_user;

#[cfg(test)]
mod tests;
