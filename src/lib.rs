//! Parallel arrays in shared memory, for programs written with [`ndarray`].
//!
//! [`DistArray`] dereferences to [`ndarray::ArrayRef`]. Its operators are lazy, and run on the engines of a [`Hub`]: threads of the program, or
//! processes that map the same memory. Start with the [`prelude`].

// The models check the protocols in shared memory, which arrays only use: built without them they build fast.
#[cfg(not(loom))]
pub mod array;
#[cfg(not(loom))]
mod cluster;
#[cfg(loom)]
pub mod cluster;
#[cfg(all(doctest, not(loom)))]
mod compile_fail;
#[cfg(not(loom))]
mod element;
mod error;
#[cfg(not(loom))]
pub mod prelude;
#[cfg(not(loom))]
mod transport;
#[cfg(loom)]
pub mod transport;

/// NumPy's universal functions, a struct for each; traits for their operand and result types; the element types of fused programs.
#[cfg(not(loom))]
pub mod ufunc {
    pub use crate::array::function::*;
    pub use crate::element::Element;
    pub use kernels::{DType, Value};

    /// What `#[distob::ufunc]` expands to.
    #[doc(hidden)]
    pub mod user {
        pub use inventory::submit;
        pub use kernels::user::{Entry, Registered, UserFunction};
    }
}

#[cfg(not(loom))]
pub use array::method::names as functions;
#[cfg(not(loom))]
pub use array::{
    ComplexArray, DistArray, DistArray0, DistArray1, DistArray2, DistArray3, DistArray4, DistArray5, DistArray6,
    DistArrayD, DistView, DistView0, DistView1, DistView2, DistView3, DistView4, DistView5, DistView6, DistViewD,
    DistViewMut, DistViewMut0, DistViewMut1, DistViewMut2, DistViewMut3, DistViewMut4, DistViewMut5, DistViewMut6,
    DistViewMutD, Explanation, Partition, Pass, eval_all, map_npy, where_,
};
pub use cluster::{
    Activity, Counters, EngineKind, Entered, Hub, HubBuilder, Pending, TaskBuilder, cancelled, init, time_left,
};
pub use distob_macros::{Element, main, test, ufunc};
#[cfg(not(loom))]
pub use element::Element;
pub use error::{Error, PanicPayload, Result};
pub use transport::PoolStats;
pub use transport::wire::Message;

// The programs in the texts for newcomers are compiled, and those that need no file are run.
#[cfg(all(doctest, not(loom)))]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../docs/guide.md")]
struct Texts;
