//! Bytes between processes: segments and the pool in them, rings, endpoints, wire frames. Knows nothing of arrays.

pub mod pool;
pub mod quota;
pub mod region;
pub mod segment;
