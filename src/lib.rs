//! distob: distributed arrays and objects. A program written for `ndarray` changes a type and runs over processes.

pub mod array;
pub mod cluster;
mod error;
pub mod prelude;
pub mod transport;
pub mod ufunc;

pub use array::{
    DistArray, DistArray0, DistArray1, DistArray2, DistArray3, DistArray4, DistArray5, DistArray6, DistArrayD,
    Partition, eval_all, where_,
};
pub use cluster::{EngineKind, Hub, HubBuilder, init};
pub use distob_macros::{main, test};
pub use error::{Error, Result};
#[doc(no_inline)]
pub use inventory;
pub use ufunc::Element;
