//! What can be done with a universal function: `call`, `outer`, `reduce`, `accumulate`, `reduceat`, `at`, each in a file of its
//! own, as a trait that every function of [`crate::ufunc`] has (a user's own too).

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
