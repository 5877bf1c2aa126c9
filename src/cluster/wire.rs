//! What hub and engines say to each other: the handshake over a socket, tasks and replies through rings.

use std::time::Duration;

use nix::time::ClockId;
use rkyv::{Archive, Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};

use crate::error::{Error, Result};
use crate::transport::wire::{HEADER_BYTES, Header};

/// Version of the handshake, in the environment of a new engine.
pub(super) const PROTOCOL: &str = "2";

/// Kind of a [`Hello`] frame.
pub(super) const HELLO: u16 = 1;
/// Kind of a [`Ready`] frame.
pub(super) const READY: u16 = 2;
/// Kind of a [`Failed`] frame.
pub(super) const FAILED: u16 = 5;
/// Kind of the last or only frame of a [`Task`], and of those before it.
const TASK: u16 = 3;
const TASK_PART: u16 = 4;
/// Kinds of the last or only frame of a [`Reply`], one for each [`Outcome`], and of those before it.
const REPLY: u16 = 16;
const REPLY_PART: u16 = 32;

/// Most bytes of an argument or result in one frame; longer ones travel in several.
pub(super) const PART_BYTES: usize = 8 << 10;
/// Most bytes of an argument or result. What is larger belongs into an array.
pub(super) const MAX_VALUE_BYTES: usize = 64 << 20;

/// The agent's first words to an engine, with two descriptors: the control segment and the arrays' segment.
#[derive(Archive, Serialize, Deserialize, Debug)]
pub(super) struct Hello {
    /// Which program this is.
    pub identity: u64,
    /// The agent's process.
    pub agent: u32,
    /// Number of the engine.
    pub engine: u32,
    /// How often this engine has been started, from 1.
    pub incarnation: u32,
    /// Its first participant on the board, and how many.
    pub participant: u16,
    pub threads: u16,
    /// Whether its threads may spin while they wait, and to which processor the first is bound.
    pub spins: bool,
    pub pin: Option<u32>,
    /// Bytes of stack of each of its threads.
    pub stack: u64,
}

/// The engine's answer.
#[derive(Archive, Serialize, Deserialize, Debug)]
pub(super) struct Ready {
    pub identity: u64,
    pub pid: u32,
}

/// Why an engine ends before it is ready.
#[derive(Archive, Serialize, Deserialize, Debug)]
pub(super) struct Failed {
    pub what: String,
}

/// A task, or one part of it, as it lies in a frame: the parts of one id are put together in order. The id is the frame's
/// sequence number.
#[derive(Debug)]
pub(super) struct Task<'a> {
    pub id: u64,
    /// What [`ship`](super::ship) calls the function.
    pub function: u64,
    /// On the host's monotonic clock, in nanoseconds.
    pub deadline: u64,
    pub last: bool,
    /// An archive.
    pub argument: &'a [u8],
}

/// How a task ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub(super) enum Outcome {
    /// The bytes are the result.
    Value = 0,
    /// The bytes are a panic's message.
    Panicked = 1,
    /// It was not begun, or ended itself, because it was cancelled.
    Cancelled = 2,
    /// It was not begun, because its deadline had passed.
    Late = 3,
    /// The bytes say what was wrong with the task.
    Refused = 4,
}

/// The result of a task, or one part of it, as it lies in a frame. The id is the frame's sequence number.
#[derive(Debug)]
pub(super) struct Reply<'a> {
    pub id: u64,
    pub outcome: Outcome,
    pub last: bool,
    pub bytes: &'a [u8],
}

/// Bytes in a frame before a task's argument: the header, the function, the deadline.
pub(super) const TASK_ROOM: usize = HEADER_BYTES + 16;
/// Bytes in a frame before a reply's bytes: the header.
pub(super) const REPLY_ROOM: usize = HEADER_BYTES;

/// The frames of a task: one, as a rule, whose memory is that of the argument.
pub(super) type Frames = SmallVec<[Vec<u8>; 1]>;

/// The frames of a task, whose argument lies in `bytes` behind [`TASK_ROOM`].
///
/// # Errors
/// None that a part of at most [`PART_BYTES`] could meet.
pub(super) fn task_frames(id: u64, function: u64, deadline: u64, bytes: Vec<u8>) -> Result<Frames> {
    in_frames(bytes, TASK_ROOM, |frame, last| {
        frame[HEADER_BYTES..HEADER_BYTES + 8].copy_from_slice(&function.to_le_bytes());
        frame[HEADER_BYTES + 8..TASK_ROOM].copy_from_slice(&deadline.to_le_bytes());
        Header::seal(if last { TASK } else { TASK_PART }, id, frame)
    })
}

/// The frames of a reply, whose bytes lie in `bytes` behind [`REPLY_ROOM`].
///
/// # Errors
/// As [`task_frames`].
pub(super) fn reply_frames(id: u64, outcome: Outcome, bytes: Vec<u8>) -> Result<Frames> {
    let first = |last: bool| if last { REPLY } else { REPLY_PART };
    in_frames(bytes, REPLY_ROOM, |frame, last| Header::seal(first(last) + outcome as u16, id, frame))
}

/// Cuts what lies behind `room` into frames, each with room of its own, which `seal` fills.
fn in_frames(bytes: Vec<u8>, room: usize, seal: impl Fn(&mut [u8], bool) -> Result<Header>) -> Result<Frames> {
    if bytes.len() <= room + PART_BYTES {
        let mut frame = bytes;
        seal(&mut frame, true)?;
        return Ok(smallvec![frame]);
    }
    let parts = bytes[room..].chunks(PART_BYTES);
    let last = parts.len() - 1;
    let framed = parts.enumerate().map(|(nth, part)| {
        let mut frame = vec![0; room];
        frame.extend_from_slice(part);
        seal(&mut frame, nth == last)?;
        Ok(frame)
    });
    framed.collect()
}

/// The task, or part of one, in a frame.
///
/// # Errors
/// [`Error::Frame`] for anything else.
pub(super) fn open_task(frame: &[u8]) -> Result<Task<'_>> {
    let (header, payload) = Header::open(frame)?;
    let (TASK | TASK_PART) = header.kind else {
        return Err(Error::frame(format!("kind {} in the ring of tasks", header.kind)));
    };
    let ([function, deadline], argument) = words(payload)
        .ok_or_else(|| Error::frame(format!("a task of {} bytes; it begins with two words", payload.len())))?;
    Ok(Task { id: header.sequence, function, deadline, last: header.kind == TASK, argument })
}

/// The words that bytes begin with, and what follows them.
fn words<const N: usize>(bytes: &[u8]) -> Option<([u64; N], &[u8])> {
    let (words, rest) = bytes.split_at_checked(8 * N)?;
    let (words, _) = words.as_chunks::<8>();
    Some((std::array::from_fn(|i| u64::from_le_bytes(words[i])), rest))
}

/// The reply, or part of one, in a frame.
///
/// # Errors
/// [`Error::Frame`] for anything else.
pub(super) fn open_reply(frame: &[u8]) -> Result<Reply<'_>> {
    let (header, bytes) = Header::open(frame)?;
    let outcomes = [Outcome::Value, Outcome::Panicked, Outcome::Cancelled, Outcome::Late, Outcome::Refused];
    let of = |first: u16| outcomes.iter().copied().find(|&outcome| first + outcome as u16 == header.kind);
    match (of(REPLY), of(REPLY_PART)) {
        (Some(outcome), _) => Ok(Reply { id: header.sequence, outcome, last: true, bytes }),
        (_, Some(outcome)) => Ok(Reply { id: header.sequence, outcome, last: false, bytes }),
        _ => Err(Error::frame(format!("kind {} in the ring of replies", header.kind))),
    }
}

/// The host's monotonic clock in nanoseconds: the same in all of its processes.
pub(super) fn monotonic() -> u64 {
    read(ClockId::CLOCK_MONOTONIC)
}

/// By how much [`coarse`] may be behind: more than the longest tick of a Linux kernel.
const TICK: u64 = 20_000_000;

/// The same clock as it was at the kernel's last tick: read in a fifth of the time.
fn coarse() -> u64 {
    read(ClockId::CLOCK_MONOTONIC_COARSE)
}

fn read(clock: ClockId) -> u64 {
    match nix::time::clock_gettime(clock) {
        Ok(now) => now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64,
        // The clock exists on every Linux; where it did not, no deadline would ever pass.
        Err(_) => 0,
    }
}

/// What the clock will show `after` from now; a tick later where nobody will notice.
pub(super) fn deadline_after(after: Duration) -> u64 {
    let now = if after > Duration::from_secs(10) { coarse() + TICK } else { monotonic() };
    now.saturating_add(after.as_nanos() as u64)
}

/// Whether a deadline has passed.
pub(super) fn is_past(deadline: u64) -> bool {
    // As a rule it is far away, and the quick look will do.
    coarse().saturating_add(TICK) >= deadline && monotonic() > deadline
}

/// A value's bytes. Short ones take no memory of their own.
pub(super) type Bytes = SmallVec<[u8; 32]>;

/// Puts parts together, for many ids at a time, within a bound.
#[derive(Default)]
pub(super) struct Assembly {
    begun: std::collections::HashMap<u64, Vec<u8>>,
}

impl Assembly {
    /// Drops what was begun of the ids that are `gone`.
    pub(super) fn forget(&mut self, gone: impl Fn(u64) -> bool) {
        if !self.begun.is_empty() {
            self.begun.retain(|id, _| !gone(*id));
        }
    }

    /// Adds a part; the whole when it was the last.
    pub(super) fn add(&mut self, id: u64, part: &[u8], last: bool) -> Result<Option<Bytes>> {
        if last && self.begun.is_empty() {
            return Ok(Some(Bytes::from_slice(part)));
        }
        let mut bytes = self.begun.remove(&id).unwrap_or_default();
        let held: usize = self.begun.values().map(Vec::len).sum();
        if held + bytes.len() + part.len() > 2 * MAX_VALUE_BYTES {
            return Err(Error::frame(format!("value {id} grows beyond {MAX_VALUE_BYTES} bytes")));
        }
        bytes.extend_from_slice(part);
        if last {
            return Ok(Some(Bytes::from_vec(bytes)));
        }
        self.begun.insert(id, bytes);
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(length: usize) -> Vec<u8> {
        (0..length).map(|i| i as u8).collect()
    }

    #[test]
    fn values_of_any_length_arrive() {
        let mut assembly = Assembly::default();
        for length in [0, 1, 16, 32, 33, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES + 5] {
            let sent = value(length);
            let behind = |room: usize| [vec![0; room], sent.clone()].concat();
            let frames = task_frames(7, 11, 13, behind(TASK_ROOM)).unwrap();
            assert_eq!(frames.len(), length.div_ceil(PART_BYTES).max(1));
            for (nth, frame) in frames.iter().enumerate() {
                let task = open_task(frame).unwrap();
                assert_eq!((task.id, task.function, task.deadline, task.last), (7, 11, 13, nth + 1 == frames.len()));
                let whole = assembly.add(7, task.argument, task.last).unwrap();
                assert_eq!(whole.is_some(), task.last);
                whole.into_iter().for_each(|whole| assert_eq!(*whole, *sent));
            }
            let frames = reply_frames(8, Outcome::Panicked, behind(REPLY_ROOM)).unwrap();
            for frame in &frames {
                let reply = open_reply(frame).unwrap();
                assert_eq!((reply.id, reply.outcome), (8, Outcome::Panicked));
                let whole = assembly.add(8, reply.bytes, reply.last).unwrap();
                whole.into_iter().for_each(|whole| assert_eq!(*whole, *sent));
                assert!(open_task(frame).is_err());
            }
        }
    }

    #[test]
    fn frames_of_no_task_or_reply_are_refused() {
        let mut frames = task_frames(1, 2, 3, vec![0; TASK_ROOM]).unwrap();
        assert!(open_task(&frames[0]).is_ok() && open_reply(&frames[0]).is_err());
        for byte in 0..frames[0].len() * 8 {
            frames[0][byte / 8] ^= 1 << (byte % 8);
            assert!(open_task(&frames[0]).is_err(), "bit {byte}");
            frames[0][byte / 8] ^= 1 << (byte % 8);
        }
        for kind in 0..64 {
            let mut short = vec![0; HEADER_BYTES + 15];
            Header::seal(kind, 1, &mut short).unwrap();
            assert!(open_task(&short).is_err(), "kind {kind}");
            assert_eq!(open_reply(&short).is_ok(), matches!(kind, 16..21 | 32..37), "kind {kind}");
        }
    }

    #[test]
    fn a_peer_cannot_make_us_hold_more_than_the_bound() {
        let mut assembly = Assembly::default();
        let part = vec![0; 16 << 20];
        let refused = (0..100).map(|id| assembly.add(id, &part, false)).filter(Result::is_err).count();
        assert!(refused >= 90, "{refused}");
    }
}
