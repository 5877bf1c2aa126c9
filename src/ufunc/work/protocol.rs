//! The one protocol of kernels: operands, phases of units, scratch memory, and which bytes each unit touches.
//!
//! A [`Work`] is plain data. Its phases run one after the other; the units of a phase are independent, so that any thread or process
//! may run one, and may run it again: the bits are the same. What links units lies in scratch memory, which whoever runs the work
//! provides, one room for each phase, and which the later phases see too. [`Work::touches`] says which bytes of an operand a unit reads or
//! writes: these must be there before it runs, and no more.

#[cfg(doc)]
use super::decode;
use super::wire::Writer;
use crate::DType;
use std::fmt::Debug;

/// What is done to an operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// It is read.
    Read,
    /// It is written, and not read before that.
    Write,
}

/// Bytes of an operand, from its pointer on: from `low` to before `high`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extent {
    /// The first byte; negative where strides are.
    pub low: isize,
    /// Behind the last byte.
    pub high: isize,
}

impl Extent {
    /// Nothing.
    pub const NONE: Extent = Extent { low: 0, high: 0 };

    /// Whether there are no bytes in it.
    pub fn is_empty(self) -> bool {
        self.low >= self.high
    }

    /// From the first byte of either to the last.
    pub fn and(self, other: Extent) -> Extent {
        match (self.is_empty(), other.is_empty()) {
            (true, _) => other,
            (_, true) => self,
            _ => Extent { low: self.low.min(other.low), high: self.high.max(other.high) },
        }
    }

    /// Whether all of `other` is in it.
    pub fn holds(self, other: Extent) -> bool {
        other.is_empty() || (self.low <= other.low && other.high <= self.high)
    }
}

/// An operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Operand {
    /// Its element type.
    pub dtype: DType,
    /// What is done to it.
    pub access: Access,
    /// All bytes that any unit touches.
    pub extent: Extent,
}

/// A phase of a work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Phase {
    /// How many units there are.
    pub units: usize,
    /// Memory traffic that takes as long as one, in bytes.
    pub bytes: usize,
    /// Most units of a chunk: 1 where they are large, or a unit waits for what the one before it tells.
    pub most: usize,
    /// Bytes of scratch memory for this phase and those after it, aligned to 64.
    pub scratch: usize,
    /// How many of them, from the first on, are zero before a unit runs.
    pub zeroed: usize,
}

/// A room of scratch memory.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Its first byte, aligned to 64.
    pub at: *mut u8,
    /// Its length.
    pub len: usize,
}

/// Elements of an operand at equal distances.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// Bytes from the operand's pointer to the first.
    pub offset: isize,
    /// Bytes from one to the next.
    pub stride: isize,
    /// How many there are.
    pub n: usize,
}

/// Where operands are.
pub trait Operands {
    /// The pointer from which the bytes of an extent of an operand lie at their offsets; valid while `self` is borrowed. It may be another
    /// one for another extent of the operand.
    fn at(&self, operand: usize, extent: Extent) -> *mut u8;

    /// [`at`](Operands::at), where the bytes need not be copied for it.
    fn in_place(&self, operand: usize, extent: Extent) -> Option<*mut u8> {
        Some(self.at(operand, extent))
    }

    /// The elements of runs side by side, for units that read parts of an extent which is not [`in_place`](Operands::in_place) and much larger
    /// than what they read. Valid until more of the same operand is packed.
    fn packed(&self, operand: usize, runs: &[Run]) -> *const u8 {
        unreachable!("operand {operand} is all there, and {} runs of it are to be packed", runs.len())
    }
}

/// Operands each of which is all there.
impl Operands for &[*mut u8] {
    #[inline]
    fn at(&self, operand: usize, _: Extent) -> *mut u8 {
        self[operand]
    }
}

/// What is wrong with what was computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Nothing.
    Whole,
    /// An integer operation met an operand that it has no result for: results are unspecified.
    Fault,
    /// An index was out of bounds: results are unspecified.
    Outside,
}

/// A kernel as data. See the [module](self).
pub trait Work: Send + Sync + Debug {
    /// Its operands, in the order of their pointers.
    fn operands(&self) -> Vec<Operand>;

    /// Phase number `nth`; `None` behind the last.
    ///
    /// # Safety
    ///
    /// As [`Work::run`]; the phases before have run, and `scratch` are their rooms.
    unsafe fn phase(&self, nth: usize, operands: &dyn Operands, scratch: &[Room]) -> Option<Phase>;

    /// Whether units of a phase hand something to those behind them, so that they are to begin in their order.
    fn is_ordered(&self, nth: usize) -> bool {
        let _ = nth;
        false
    }

    /// The bytes of an operand that a unit touches: from the first to the last of them. There may be bytes in between that it does not
    /// touch, so that a written extent is not to be put back as a whole beside those of other units. A scan may ask for those of units
    /// before it too, where nobody has told their totals in time.
    fn touches(&self, nth: usize, unit: usize, operand: usize) -> Extent;

    /// Runs a unit.
    ///
    /// # Panics
    ///
    /// Where a unit or an operand is asked for that there is not, or a room of scratch memory is too short.
    ///
    /// # Safety
    ///
    /// What `operands` gives is valid for the bytes of the extent that it was asked for, aligned for the operand's type; nobody else
    /// writes there, and results overlap nothing. `scratch` has the rooms of the phases up to this one, which no other work uses; phases
    /// before have run. Other units of the phase may run at the same time, and this one again after its run has ended, by another process too.
    unsafe fn run(&self, nth: usize, unit: usize, operands: &dyn Operands, scratch: &[Room]);

    /// What is wrong with the results.
    ///
    /// # Safety
    ///
    /// All phases have run; `scratch` are their rooms.
    unsafe fn verdict(&self, scratch: &[Room]) -> Verdict {
        let _ = scratch;
        Verdict::Whole
    }

    /// Writes the description: what [`decode`] reads. `false` where it makes sense in this process alone.
    fn encode(&self, words: &mut Writer) -> bool;
}

/// The first word of each kind of description.
pub(crate) mod tag {
    pub(crate) const PLAN: u64 = 1;
    pub(crate) const SCAN: u64 = 2;
    pub(crate) const SEGMENTS: u64 = 3;
    pub(crate) const SCATTER: u64 = 4;
    pub(crate) const PRODUCT: u64 = 5;
}
