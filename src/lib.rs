//! distob: distributed arrays and objects. A program written for `ndarray` changes a type and runs over processes.

// The models check the protocols in shared memory, which arrays only use: built without them they build fast.
#[cfg(not(loom))]
pub mod array;
pub mod cluster;
mod error;
#[cfg(not(loom))]
pub mod prelude;
pub mod transport;
#[cfg(not(loom))]
pub mod ufunc;

#[cfg(not(loom))]
pub use array::method::names as functions;
#[cfg(not(loom))]
pub use array::{
    ComplexArray, DistArray, DistArray0, DistArray1, DistArray2, DistArray3, DistArray4, DistArray5, DistArray6,
    DistArrayD, Explanation, Partition, Pass, eval_all, where_,
};
pub use cluster::{EngineKind, Hub, HubBuilder, init};
pub use distob_macros::{Element, main, test, ufunc};
pub use error::{Error, Result};
#[doc(no_inline)]
pub use inventory;
#[cfg(not(loom))]
pub use ufunc::Element;

// The programs in the texts for newcomers are compiled, and those that need no file are run.
#[cfg(all(doctest, not(loom)))]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../docs/guide.md")]
struct Texts;
