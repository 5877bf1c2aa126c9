//! Frames: how a message travels between processes. A [`Header`] of 24 bytes, then an rkyv archive.
//!
//! A receiver copies the bytes out of shared memory first, and then believes them step by step: length, magic, version,
//! limits, checksum, structure of the archive. Whichever step fails says so as [`Error::Frame`](crate::Error::Frame);
//! none panics, and none reads outside the bytes.

mod archive;
mod header;

#[cfg(test)]
pub use archive::MAX_DEPTH;
pub use archive::{Message, archive, decode, encode, unarchive};
#[cfg(test)]
pub use header::MAX_PAYLOAD_BYTES;
pub use header::{HEADER_BYTES, Header};

#[cfg(test)]
mod tests;
