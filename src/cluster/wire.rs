//! What hub and engines say to each other: the handshake over a socket, tasks and replies through rings.

use rkyv::{Archive, Deserialize, Serialize};

/// Version of the handshake, in the environment of a new engine.
pub(super) const PROTOCOL: &str = "1";

/// Kind of a [`Hello`] frame.
pub(super) const HELLO: u16 = 1;
/// Kind of a [`Ready`] frame.
pub(super) const READY: u16 = 2;
/// Kind of a [`Task`] frame.
pub(super) const TASK: u16 = 3;
/// Kind of a [`Reply`] frame.
pub(super) const REPLY: u16 = 4;

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
}

/// The engine's answer.
#[derive(Archive, Serialize, Deserialize, Debug)]
pub(super) struct Ready {
    pub identity: u64,
    pub pid: u32,
}

/// A task, or one part of it: the parts of one id are put together in order.
#[derive(Archive, Serialize, Deserialize, Debug)]
pub(super) struct Task {
    pub id: u64,
    /// Offset of the function's descriptor.
    pub function: u64,
    /// On the host's monotonic clock, in nanoseconds.
    pub deadline: u64,
    pub last: bool,
    pub argument: Vec<u8>,
}

/// How a task ended.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// The bytes are the result.
    Value,
    /// The bytes are a panic's message.
    Panicked,
    /// It was not begun, or ended itself, because it was cancelled.
    Cancelled,
    /// It was not begun, because its deadline had passed.
    Late,
    /// The bytes say what was wrong with the task.
    Refused,
}

/// The result of a task, or one part of it.
#[derive(Archive, Serialize, Deserialize, Debug)]
pub(super) struct Reply {
    pub id: u64,
    pub outcome: Outcome,
    pub last: bool,
    pub bytes: Vec<u8>,
}

/// The host's monotonic clock in nanoseconds: the same in all of its processes.
pub(super) fn monotonic() -> u64 {
    match nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC) {
        Ok(now) => now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64,
        // The clock exists on every Linux; where it did not, no deadline would ever pass.
        Err(_) => 0,
    }
}

/// Cuts bytes into parts that a frame holds; at least one, which may be empty.
pub(super) fn parts(bytes: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    let count = bytes.len().div_ceil(PART_BYTES).max(1);
    (0..count).map(move |part| {
        let end = ((part + 1) * PART_BYTES).min(bytes.len());
        (&bytes[part * PART_BYTES..end], part + 1 == count)
    })
}

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
    pub(super) fn add(&mut self, id: u64, part: Vec<u8>, last: bool) -> crate::Result<Option<Vec<u8>>> {
        if last && self.begun.is_empty() {
            return Ok(Some(part));
        }
        let mut bytes = self.begun.remove(&id).unwrap_or_default();
        let held: usize = self.begun.values().map(Vec::len).sum();
        if held + bytes.len() + part.len() > 2 * MAX_VALUE_BYTES {
            return Err(crate::Error::frame(format!("value {id} grows beyond {MAX_VALUE_BYTES} bytes")));
        }
        bytes.extend_from_slice(&part);
        if last {
            return Ok(Some(bytes));
        }
        self.begun.insert(id, bytes);
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_many_values_are_put_together() {
        let long: Vec<u8> = (0..3 * PART_BYTES + 5).map(|i| i as u8).collect();
        assert_eq!(parts(&long).count(), 4);
        assert_eq!(parts(&[]).collect::<Vec<_>>(), [(&[][..], true)]);
        let mut assembly = Assembly::default();
        for (part, last) in parts(&long) {
            assert_eq!(assembly.add(7, part.to_vec(), last).unwrap(), last.then(|| long.clone()));
            assert_eq!(assembly.add(8, vec![1], true).unwrap(), Some(vec![1]));
        }
    }

    #[test]
    fn a_peer_cannot_make_us_hold_more_than_the_bound() {
        let mut assembly = Assembly::default();
        let part = vec![0; 16 << 20];
        let refused = (0..100).map(|id| assembly.add(id, part.clone(), false)).filter(Result::is_err).count();
        assert!(refused >= 90, "{refused}");
    }
}
