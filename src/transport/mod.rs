//! Bytes between processes: segments and the pool in them, rings, endpoints, wire frames. Knows nothing of arrays.

pub mod doorbell;
pub mod endpoint;
pub mod futex;
#[cfg(all(test, loom))]
mod loom;
pub mod region;
pub mod ring;
pub mod segment;
mod sync;
pub mod wire;
pub mod words;
