//! Arguments and results of tasks as bytes. They travel inside of frames, whose checksums cover them.

use super::wire::MAX_VALUE_BYTES;
use crate::error::{Error, Result};
use crate::transport::wire::{Message, archive, unarchive};

/// A value as bytes, behind `room` zeros for what comes before it in a frame.
pub(super) fn to_bytes<T: Message>(value: &T, room: usize) -> Result<Vec<u8>> {
    let bytes = archive(value, room)?;
    if bytes.len() - room > MAX_VALUE_BYTES {
        let name = std::any::type_name::<T>();
        let what = format!("a {name} of {} bytes; at most {MAX_VALUE_BYTES}: put it into an array", bytes.len() - room);
        return Err(Error::invalid(what));
    }
    Ok(bytes)
}

/// The value that bytes are, if they are one.
pub(super) fn from_bytes<T: Message>(bytes: &[u8]) -> Result<T> {
    unarchive(bytes)
}
