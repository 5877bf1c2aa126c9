//! What can be done with a universal function: `call`, `outer`, `reduce`, `accumulate`, `reduceat`, `at`, each in a file of its
//! own, as a trait that every function of [`crate::ufunc`] has (a user's own too).

mod call;
mod input;
pub mod names;
mod outer;

pub use call::{CallBinary, CallBinaryPair, CallUnary, CallUnaryPair};
pub use input::Input;
pub use outer::Outer;
