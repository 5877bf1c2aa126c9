//! Kernels and fused programs over slices, for distob and for nobody else: not a library for users, who have distob. Pure: knows
//! neither processes nor hosts.

mod cost;
mod dtype;
mod error;
mod fold;
mod identity;
pub mod kernel;
mod layout;
mod map;
pub mod matrix;
mod op;
mod operand_loader;
mod plan;
mod plan_cache;
mod prefetch;
mod program;
pub mod scan;
pub mod scatter;
pub mod segment;
pub mod simd;
pub mod small;
mod stream;
pub mod strided;
mod transpose;
mod transpose_tile;
pub mod user;
mod value;
mod view;
pub mod work;

pub use cost::nanoseconds;
pub use dtype::{DType, Scalar};
pub use error::{Error, Result};
pub use fold::Fold;
pub use identity::{associative, identity};
pub use layout::Layout;
pub use op::{Instr, Op, Program, ValueId};
pub use plan::{Plan, Search};
pub use program::Fault;
pub use segment::join::computed_in;
pub use user::name as name_of_user;
pub use value::Value;

#[cfg(test)]
mod tests;
