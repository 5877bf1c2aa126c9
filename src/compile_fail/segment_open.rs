//! A second mapping of the segment that arrays lie in, with a pool of its own, hands out blocks that others have.
//!
//! Expected: E0603, "module `transport` is private" (and E0624, "method `pool` is private").
//!
//! ```compile_fail,E0603
//! use distob::prelude::*;
//! use distob::transport::{Pool, Quota, Segment};
//!
//! fn main() -> distob::Result<()> {
//!     let hub = Hub::builder().embedded().engines(1).start()?;
//!     let fd = hub.pool().segment().fd().unwrap().try_clone_to_owned().unwrap();
//!     let pool = Pool::new(Segment::open(fd)?, Quota::unmeasured(64 << 20));
//!     let block = pool.alloc(8 << 20)?;
//!     assert_eq!(block.len(), 8 << 20);
//!     Ok(())
//! }
//! ```
//!
//! Its twin has the pool grow ahead of need.
//!
//! ```
//! use distob::prelude::*;
//!
//! fn main() -> distob::Result<()> {
//!     let hub = Hub::builder().embedded().engines(1).start()?;
//!     hub.reserve(8 << 20)?;
//!     assert!(hub.memory().committed >= 8 << 20);
//!     Ok(())
//! }
//! ```
