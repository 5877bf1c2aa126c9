//! Parallel arrays for programs written with [`ndarray`]. Expressions are lazy and fused; they run on the threads of the process, or on processes that
//! share memory.
//!
//! ```
//! use distob::prelude::*;
//!
//! let x = DistArray::from_shape_fn((1000, 100), |(i, j)| (i * (j + 1) % 101) as f64);
//! let mean = x.mean_axis(Axis(0)).unwrap();
//! let z = (&x - &mean) / x.std_axis(Axis(0), 0.0); // builds an expression
//! println!("{:?}", z.max()); // computes it, in parallel
//! println!("{}", z.slice(s![..3, 1..4])); // z is used as an ndarray
//! ```
//!
//! The main items:
//!
//! - [`DistArray`] is an array. It dereferences to [`ndarray::ArrayRef`], and it has ndarray's constructors, layout methods, operators and reductions.
//! - [`DistView`] and [`DistViewMut`] are its views, with the same operations.
//! - [`Hub`] owns the memory of its arrays and the *engines* that compute them. A default hub starts at first use. Its engines are threads of the
//!   process; [`Hub::builder`] starts a hub whose engines are processes.
//! - [`ufunc`](mod@ufunc) has NumPy's universal functions as types with `call`, `reduce`, `accumulate`, `reduceat`, `outer` and `at`; [`functions`] has them as
//!   functions. The attribute [`#[distob::ufunc]`](macro@ufunc) makes one of your own.
//! - [`Element`](trait@Element) is the trait of elements: numbers, `bool`, arrays of elements, and structs with `#[derive(Element)]`.
//! - [`Error`] is the error of all operations. Methods panic with its text; those whose names begin with `try_` return it.
//! - [`prelude`] has the imports of a program, including those of ndarray's prelude.
//!
//! The [`guide`] explains all of this with complete programs. `ARCHITECTURE.md` in the repository describes the implementation.

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

/// The guide for users, of which each program is complete.
///
/// [ufuncs.md]: mod@crate::ufunc
#[cfg(all(doc, not(any(doctest, loom))))]
#[doc = ""]
#[doc = include_str!("../docs/guide.md")]
pub mod guide {}

// The programs in the texts for newcomers are compiled, and those that need no file are run.
#[cfg(all(doctest, not(loom)))]
#[doc = include_str!("../README.md")]
#[doc = include_str!("../docs/guide.md")]
struct Texts;
