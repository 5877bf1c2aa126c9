//! The memory file of arrays as a `File`: what is written there changes elements behind a `&f64`, and a `bool` to be 7.
//!
//! Expected: E0624, "method `pool` is private".
//!
//! ```compile_fail,E0624
//! use distob::prelude::*;
//! use std::os::unix::fs::FileExt;
//!
//! fn main() -> distob::Result<()> {
//!     let hub = Hub::builder().embedded().engines(1).start()?;
//!     let a = hub.scatter(array![true, true])?;
//!     let fd = hub.pool().segment().fd().unwrap().try_clone_to_owned().unwrap();
//!     let file = std::fs::File::from(fd);
//!     file.write_all_at(&[7; 4096], 0).unwrap();
//!     assert!(a[0]);
//!     Ok(())
//! }
//! ```
//!
//! Its twin writes through the array.
//!
//! ```
//! use distob::prelude::*;
//!
//! fn main() -> distob::Result<()> {
//!     let hub = Hub::builder().embedded().engines(1).start()?;
//!     let mut a = hub.scatter(array![false, true])?;
//!     a.fill(true);
//!     assert!(a[0]);
//!     Ok(())
//! }
//! ```
