//! A message as an rkyv archive behind a header, and back, with every pointer and every level of nesting checked.
//!
//! The low-level validator, serialiser and deserialiser of rkyv are used, which know no shared pointers: a type with an
//! `Rc` or `Arc` in it is no [`Message`], and does not compile here.

use std::num::NonZeroUsize;

use rkyv::api::low::{LowDeserializer, LowSerializer, LowValidator};
use rkyv::api::{access_with_context, low};
use rkyv::bytecheck::CheckBytes;
use rkyv::rancor::Error as Reason;
use rkyv::ser::allocator::ArenaHandle;
use rkyv::util::{AlignedVec, with_arena};
use rkyv::validation::Validator;
use rkyv::validation::archive::ArchiveValidator;
use rkyv::{Archive, Deserialize, Portable, Serialize};

use super::header::{HEADER_BYTES, Header};
use crate::{Error, Result};

/// The deepest nesting (vectors in vectors, boxes in boxes) of a message that is believed: validation and
/// deserialisation recurse, and a peer must not choose how deep our stack grows.
pub const MAX_DEPTH: usize = 64;

/// The largest alignment of an archive: what a header leaves of the alignment of a buffer.
const ALIGN: usize = 8;

/// What can travel to another process, as the argument, result or state of a function: everything with rkyv's derives, without shared
/// pointers or 128-bit integers. The other process makes the value anew from its archive, so that it is to mean the same there.
pub trait Message:
    Archive<
        Archived: Portable + for<'a> CheckBytes<LowValidator<'a, Reason>> + Deserialize<Self, LowDeserializer<Reason>>,
    > + for<'a> Serialize<LowSerializer<Vec<u8>, ArenaHandle<'a>, Reason>>
    + Sized
{
}

impl<T> Message for T where
    T: Archive<
            Archived: Portable
                          + for<'a> CheckBytes<LowValidator<'a, Reason>>
                          + Deserialize<Self, LowDeserializer<Reason>>,
        > + for<'a> Serialize<LowSerializer<Vec<u8>, ArenaHandle<'a>, Reason>>
{
}

/// Makes `frame` the frame of `message`. What was in `frame` is replaced; its memory is used again.
///
/// # Errors
/// [`Error::Frame`] when the archive would be above [`MAX_PAYLOAD_BYTES`](super::MAX_PAYLOAD_BYTES).
pub fn encode<T: Message>(kind: u16, sequence: u64, message: &T, frame: &mut Vec<u8>) -> Result<Header> {
    const { assert!(align_of::<T::Archived>() <= ALIGN, "no 128-bit integers on the wire") };
    let mut writer = std::mem::take(frame);
    writer.clear();
    writer.resize(HEADER_BYTES, 0);
    *frame = with_arena(|arena| low::to_bytes_in_with_alloc::<_, _, Reason>(message, writer, arena.acquire()))
        .map_err(|reason| Error::frame(format!("{} cannot be archived: {reason}", std::any::type_name::<T>())))?;
    Header::seal(kind, sequence, frame)
}

/// The header and the message of a whole frame. `frame` is private memory: bytes that a peer can still change must be
/// copied out before.
///
/// # Errors
/// [`Error::Frame`] naming the check that failed.
pub fn decode<T: Message>(frame: &[u8]) -> Result<(Header, T)> {
    let (header, payload) = Header::open(frame)?;
    let message = aligned(payload).map_err(|reason| {
        let name = std::any::type_name::<T>();
        let Header { kind, length, .. } = header;
        Error::frame(format!(
            "archive of {name} (kind {kind}, {length} bytes, nesting of at most {MAX_DEPTH}): {reason}"
        ))
    })?;
    Ok((header, message))
}

/// The archive of `message` behind `room` zeros, which are for the header of a frame and what else stands before it: the
/// frame's checksum is to cover it.
///
/// # Errors
/// [`Error::Frame`] when the message cannot be archived.
pub fn archive<T: Message>(message: &T, room: usize) -> Result<Vec<u8>> {
    const { assert!(align_of::<T::Archived>() <= ALIGN, "no 128-bit integers on the wire") };
    debug_assert!(room.is_multiple_of(ALIGN));
    let mut bytes = Vec::with_capacity(room + 64);
    bytes.resize(room, 0);
    with_arena(|arena| low::to_bytes_in_with_alloc::<_, _, Reason>(message, bytes, arena.acquire()))
        .map_err(|reason| Error::frame(format!("{} cannot be archived: {reason}", std::any::type_name::<T>())))
}

/// The message of an archive that [`archive`] made; checked as that of a frame is.
///
/// # Errors
/// [`Error::Frame`] naming the check that failed.
pub fn unarchive<T: Message>(bytes: &[u8]) -> Result<T> {
    aligned(bytes).map_err(|reason| {
        Error::frame(format!(
            "archive of {} ({} bytes, nesting of at most {MAX_DEPTH}): {reason}",
            std::any::type_name::<T>(),
            bytes.len()
        ))
    })
}

fn aligned<T: Message>(payload: &[u8]) -> Result<T, Reason> {
    // A vector's memory is aligned as needed; a slice from the middle of something may not be.
    if payload.as_ptr().addr().is_multiple_of(ALIGN) {
        read(payload)
    } else {
        let mut aligned = AlignedVec::<ALIGN>::with_capacity(payload.len());
        aligned.extend_from_slice(payload);
        read(&aligned)
    }
}

fn read<T: Message>(payload: &[u8]) -> Result<T, Reason> {
    const { assert!(align_of::<T::Archived>() <= ALIGN, "no 128-bit integers on the wire") };
    // The validator counts the limit down and fails at zero: one more admits exactly MAX_DEPTH levels.
    let bounds = ArchiveValidator::with_max_depth(payload, NonZeroUsize::new(MAX_DEPTH + 1));
    let archived = access_with_context::<T::Archived, _, Reason>(payload, &mut Validator::new(bounds, ()))?;
    low::deserialize(archived)
}
