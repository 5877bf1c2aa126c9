//! distob: distributed arrays and objects. A program written for `ndarray` changes a type and runs over processes.

// The models check the protocols in shared memory, which arrays only use: built without them they build fast.
#[cfg(not(loom))]
pub mod array;
pub mod cluster;
#[cfg(not(loom))]
mod element;
mod error;
#[cfg(not(loom))]
pub mod prelude;
pub mod transport;

/// NumPy's universal functions: a struct for each, what they take and give, and what types programs know.
#[cfg(not(loom))]
pub mod ufunc {
    pub use crate::array::function::*;
    pub use crate::element::Element;
    pub use kernels::DType;
    #[doc(hidden)]
    pub use kernels::{Op, Value, user};
}

#[cfg(not(loom))]
pub use array::method::names as functions;
#[cfg(not(loom))]
pub use array::{
    ComplexArray, DistArray, DistArray0, DistArray1, DistArray2, DistArray3, DistArray4, DistArray5, DistArray6,
    DistArrayD, Explanation, Partition, Pass, eval_all, where_,
};
pub use cluster::{EngineKind, Hub, HubBuilder, init};
pub use distob_macros::{Element, main, test, ufunc};
#[cfg(not(loom))]
pub use element::Element;
pub use error::{Error, PanicPayload, Result};
#[doc(no_inline)]
pub use inventory;

// The programs in the texts for newcomers are compiled, and those that need no file are run.
#[cfg(all(doctest, not(loom)))]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../docs/guide.md")]
struct Texts;
