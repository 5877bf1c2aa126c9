//! distob: distributed arrays and objects. A program written for `ndarray` changes a type and runs over processes.

pub mod array;
pub mod cluster;
mod error;
pub mod transport;
pub mod ufunc;

pub use cluster::{EngineKind, Hub, HubBuilder, init};
pub use distob_macros::{main, test};
pub use error::{Error, Result};
#[doc(no_inline)]
pub use inventory;
