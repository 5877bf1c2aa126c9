//! Bytes between processes: segments and the pool in them, rings, endpoints, wire frames. Knows nothing of arrays.

mod pool;
mod ring;
pub mod futex;
pub mod region;
pub mod segment;
pub mod sync;
pub mod wire;
pub mod words;

pub(crate) use futex::{futex_wait, futex_wake};
pub use pool::{Block, Pool, PoolStats, Quota};
pub use region::Region;
pub use ring::{Consumer, Producer, Ring};
pub use segment::Segment;
