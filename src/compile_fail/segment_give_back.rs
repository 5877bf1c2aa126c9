//! Memory of the pool that is given back to the system under an array which is being read changes behind a `&f64`.
//!
//! Expected: E0624, "method `pool` is private".
//!
//! ```compile_fail,E0624
//! use distob::prelude::*;
//!
//! fn main() -> distob::Result<()> {
//!     let hub = Hub::builder().embedded().engines(1).start()?;
//!     let a = hub.scatter(Array1::from_elem(1 << 20, 1.0))?;
//!     let first = &a[0];
//!     let segment = hub.pool().segment();
//!     segment.give_back(0..segment.len())?;
//!     assert_eq!(*first, 1.0);
//!     Ok(())
//! }
//! ```
//!
//! Its twin gives back what no array uses.
//!
//! ```
//! use distob::prelude::*;
//!
//! fn main() -> distob::Result<()> {
//!     let hub = Hub::builder().embedded().engines(1).start()?;
//!     let a = hub.scatter(Array1::from_elem(1 << 20, 1.0))?;
//!     let first = &a[0];
//!     hub.trim();
//!     assert_eq!(*first, 1.0);
//!     Ok(())
//! }
//! ```
