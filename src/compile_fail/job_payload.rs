//! A job whose description was written by hand: what it says of operands is checked against the segment, but not against what
//! else lies there.
//!
//! Expected: E0603, "module `cluster` is private" (and E0624, "method `run` is private").
//!
//! ```compile_fail,E0603
//! use distob::prelude::*;
//! use distob::cluster::{Job, Remote};
//!
//! fn main() -> distob::Result<()> {
//!     let hub = Hub::builder().embedded().engines(2).start()?;
//!     let a = hub.scatter(Array1::from_elem(1 << 20, 1.0))?;
//!     let remote = Some(Remote { kind: "array.plan", payload: &[0; 64] });
//!     hub.run(&Job { name: "mine", chunks: 4, bytes: 1 << 30, lanes: &[], closure: false, local: &|_| (), remote })?;
//!     assert_eq!(a.sum(), (1 << 20) as f64);
//!     Ok(())
//! }
//! ```
//!
//! Its twin has the hub's threads run a closure.
//!
//! ```
//! use distob::prelude::*;
//!
//! fn main() -> distob::Result<()> {
//!     let hub = Hub::builder().embedded().engines(2).start()?;
//!     let a = hub.scatter(Array1::from_elem(1 << 20, 1.0))?;
//!     let b = a.mapv(|x| x + 1.0);
//!     assert_eq!(a.sum() + b.sum(), (3 << 20) as f64);
//!     Ok(())
//! }
//! ```
