//! The methods of universal functions: `call`, `outer`, `reduce`, `accumulate`, `reduceat` and `at`. Each is a trait that all functions of
//! [`ufunc`](mod@crate::ufunc) implement, and those that `#[distob::ufunc]` makes.

mod accumulate;
mod along;
mod at;
mod call;
mod indices;
mod input;
mod matrix;
pub mod names;
mod outer;
mod reduce;
mod reduceat;
mod resident;

pub use accumulate::{Accumulate, Accumulation};
pub use at::{At, AtUnary, Target};
pub use call::{CallBinary, CallBinaryPair, CallUnary, CallUnaryPair};
pub use indices::{IndexElement, Indices};
pub use input::Input;
pub(in crate::array) use matrix::dot;
pub use matrix::{DotDim, MatmulDim};
pub use outer::Outer;
pub use reduce::{Reduce, Reduction};
pub use reduceat::{Reduceat, ReduceatOf};
