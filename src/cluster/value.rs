//! Arguments and results of tasks as bytes.

use crate::error::Result;
use crate::transport::wire::{Message, decode, encode};

/// Kind of the frames that hold one value.
const VALUE: u16 = 0x56;

/// A value as a frame of its own.
pub(super) fn to_bytes<T: Message>(value: &T) -> Result<Vec<u8>> {
    let mut frame = Vec::with_capacity(64);
    encode(VALUE, 0, value, &mut frame)?;
    Ok(frame)
}

/// A value from its frame.
pub(super) fn from_bytes<T: Message>(frame: &[u8]) -> Result<T> {
    Ok(decode(frame)?.1)
}
