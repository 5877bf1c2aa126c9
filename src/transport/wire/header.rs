//! The header of a frame: what it is, how long, which in the sequence, and a checksum over all of it.
//!
//! | bytes | field | |
//! |---|---|---|
//! | 0..4 | magic | `dsTb` |
//! | 4..6 | version | [`VERSION`] |
//! | 6..8 | kind | what the archive is; the meaning is the user's |
//! | 8..12 | payload length | in bytes, of what follows the header |
//! | 12..20 | sequence | the user's; in the endpoint, one more than the last one's on the same way |
//! | 20..24 | checksum | CRC-32 (ISO-HDLC) of bytes 0..20 and the payload: every burst of up to 32 bits is found |
//!
//! All fields are little-endian.

use crate::{Error, Result};

/// Length of a header in bytes; a multiple of the alignment that an archive may have.
pub const HEADER_BYTES: usize = 24;

/// The version of the frame format that this build speaks. There is no other: peers run the same program.
pub const VERSION: u16 = 1;

/// The most that one frame may carry: descriptors travel in frames, bulk data never does.
pub const MAX_PAYLOAD_BYTES: usize = 8 << 20;

const MAGIC: [u8; 4] = *b"dsTb";
const CHECKSUM_AT: usize = 20;

/// What a frame says about itself, after all of it was found to be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the payload is.
    pub kind: u16,
    /// Length of the payload in bytes.
    pub length: u32,
    /// Number of the frame.
    pub sequence: u64,
}

/// The field of `N` bytes at `at`.
fn field<const N: usize>(frame: &[u8], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&frame[at..at + N]);
    bytes
}

fn checksum(frame: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&frame[..CHECKSUM_AT]);
    crc.update(&frame[HEADER_BYTES..]);
    crc.finalize()
}

impl Header {
    /// Writes the header into the first [`HEADER_BYTES`] of `frame`, whose payload is already in place behind them.
    ///
    /// # Errors
    /// [`Error::Frame`] for a payload above [`MAX_PAYLOAD_BYTES`].
    ///
    /// # Panics
    /// Where `frame` has no room for a header.
    pub fn seal(kind: u16, sequence: u64, frame: &mut [u8]) -> Result<Header> {
        let length = frame.len() - HEADER_BYTES;
        if length > MAX_PAYLOAD_BYTES {
            return Err(Error::frame(format!(
                "payload of {length} bytes (kind {kind}) is above the limit of {MAX_PAYLOAD_BYTES}"
            )));
        }
        let length = length as u32;
        frame[0..4].copy_from_slice(&MAGIC);
        frame[4..6].copy_from_slice(&VERSION.to_le_bytes());
        frame[6..8].copy_from_slice(&kind.to_le_bytes());
        frame[8..12].copy_from_slice(&length.to_le_bytes());
        frame[12..20].copy_from_slice(&sequence.to_le_bytes());
        let sum = checksum(frame);
        frame[CHECKSUM_AT..HEADER_BYTES].copy_from_slice(&sum.to_le_bytes());
        Ok(Header { kind, length, sequence })
    }

    /// Checks a whole frame, which must be exactly `frame`, and splits it into header and payload.
    ///
    /// # Errors
    /// [`Error::Frame`] naming the first check that failed: size, magic, version, limit, length, checksum.
    pub fn open(frame: &[u8]) -> Result<(Header, &[u8])> {
        if frame.len() < HEADER_BYTES {
            return Err(Error::frame(format!("truncated: {} bytes, a header has {HEADER_BYTES}", frame.len())));
        }
        let magic: [u8; 4] = field(frame, 0);
        if magic != MAGIC {
            return Err(Error::frame(format!("magic is {magic:02x?}, not {MAGIC:02x?}")));
        }
        let version = u16::from_le_bytes(field(frame, 4));
        if version != VERSION {
            return Err(Error::frame(format!("version is {version}, this build speaks {VERSION}")));
        }
        let length = u32::from_le_bytes(field(frame, 8));
        if length as usize > MAX_PAYLOAD_BYTES {
            return Err(Error::frame(format!("payload length is {length}, the limit {MAX_PAYLOAD_BYTES}")));
        }
        let payload = &frame[HEADER_BYTES..];
        if length as usize != payload.len() {
            return Err(Error::frame(format!("payload length is {length}, but {} bytes follow", payload.len())));
        }
        let stated = u32::from_le_bytes(field(frame, CHECKSUM_AT));
        let sum = checksum(frame);
        if stated != sum {
            return Err(Error::frame(format!("checksum is {stated:#010x}, the bytes give {sum:#010x}")));
        }
        let header = Header {
            kind: u16::from_le_bytes(field(frame, 6)),
            length,
            sequence: u64::from_le_bytes(field(frame, 12)),
        };
        Ok((header, payload))
    }
}
