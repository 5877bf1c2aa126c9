//! Bytes between processes: segments and the pool in them, rings, endpoints, wire frames. Knows nothing of arrays.
//!
//! No part of it is public but [`PoolStats`] and [`Message`](wire::Message): what is safe here is so for callers that keep the whole
//! protocol (nobody else writes to a segment's file, gives back memory that is in use, or maps blocks twice).

pub mod doorbell;
// No caller until arrays lie on several hosts: built for the conformance suite alone.
#[cfg(all(test, not(loom)))]
mod endpoint;
pub mod fork;
pub mod futex;
// No caller but the endpoint.
#[cfg(test)]
mod lease_table;
#[cfg(all(test, loom))]
pub(crate) mod loom;
pub mod pool;
pub mod quota;
pub mod region;
pub mod ring;
pub mod segment;
mod sync;
pub mod wire;
pub mod words;

pub use fork::Home;
pub(crate) use pool::LoneBlock;
pub use pool::{Block, Pool, PoolStats};
pub use quota::Quota;
pub use region::Region;
pub use ring::{Consumer, Producer, Ring};
pub use segment::Segment;
