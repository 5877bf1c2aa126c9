//! A segment: one long piece of memory that every process of a host maps, named by nothing but its descriptor, or that one process has
//! for itself.
//!
//! A segment is as long as it may ever need to be; it takes memory only where it is committed. Its length is sealed, so
//! that no peer can shrink it under a reader. A heap-backed twin runs everything above it without the kernel.

mod heap;
mod sys;

use std::{
    ops::Range,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use super::fork::{Afterwards, Home, Uninherited};
use crate::{Error, Result};

/// The page size that the pool grows by: 2 MiB.
pub const HUGE_PAGE: usize = 2 << 20;

/// A shared piece of memory, 2 MiB-aligned in every process that maps it.
///
/// The bytes of a segment serve either as control data, touched through [`Region`](super::region::Region)s atomically, or
/// as blocks of a [`Pool`](super::pool::Pool), reached through pointers: what comes first decides, the other is refused.
#[derive(Debug)]
pub struct Segment {
    backing: Backing,
    len: usize,
    role: AtomicU8,
    home: Home,
}

#[derive(Debug)]
enum Backing {
    /// `reserved`: of 2 MiB pages that are nothing else. Who only maps the segment need not know, since it commits nothing.
    Memory {
        // Ends first: no fork may find the place of a mapping that is gone.
        _uninherited: Uninherited,
        mapping: sys::Mapping,
        fd: OwnedFd,
        reserved: bool,
    },
    /// Of this process alone. A forked process has a copy.
    Private(sys::Mapping),
    Heap(heap::Heap),
    /// What was there was left alone, in a process that was forked.
    Left,
}

impl Drop for Segment {
    fn drop(&mut self) {
        if !self.home.is_here() {
            // A placeholder lies at the address, and the descriptor may be that of another file by now.
            std::mem::forget(std::mem::replace(&mut self.backing, Backing::Left));
        }
    }
}

/// What the bytes of a segment serve as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Role {
    Undecided = 0,
    Control = 1,
    Blocks = 2,
}

impl Segment {
    /// A new segment of at least `len` bytes (rounded up to 2 MiB): a memory file, private to this user, sealed against
    /// resizing, mapped here. It is sparse: call [`commit`](Self::commit) before touching a range of it.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for a length of zero or beyond the address space, [`Error::Io`] when the system refuses.
    pub fn create(name: &str, len: usize) -> Result<Arc<Segment>> {
        Segment::make(name, len, false, Afterwards::Untouchable)
    }

    /// As [`create`](Self::create), for control data: a process that is forked from this one finds zeros there.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_control(name: &str, len: usize) -> Result<Arc<Segment>> {
        Segment::make(name, len, false, Afterwards::Zeros)
    }

    /// A segment of this process alone, for arrays that no engine process computes. It needs no memory file. A process that is forked from this
    /// one reads what was there at the fork.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn private(len: usize) -> Result<Arc<Segment>> {
        let len = rounded(len)?;
        Ok(Arc::new(Segment::over(Backing::Private(sys::Mapping::private(len)?), len)))
    }

    /// Bytes of addresses that this process may still map; `None` if they are not limited.
    pub fn address_room() -> Option<u64> {
        sys::address_room()
    }

    /// As [`create`](Self::create), of 2 MiB pages that the administrator has reserved. They are set aside when they are
    /// committed, and no sooner: until then others may take them.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn create_reserved(name: &str, len: usize) -> Result<Arc<Segment>> {
        Segment::make(name, len, true, Afterwards::Untouchable)
    }

    /// Bytes of reserved 2 MiB pages that a [`create_reserved`](Self::create_reserved) could have now.
    pub fn reserved_bytes() -> u64 {
        sys::reserved_bytes()
    }

    fn make(name: &str, len: usize, reserved: bool, afterwards: Afterwards) -> Result<Arc<Segment>> {
        let len = rounded(len)?;
        Segment::mapped(sys::memory_file(name, len, reserved)?, len, reserved, afterwards)
    }

    fn mapped(fd: OwnedFd, len: usize, reserved: bool, afterwards: Afterwards) -> Result<Arc<Segment>> {
        let mapping = sys::Mapping::new(fd.as_fd(), len)?;
        let uninherited = Uninherited::new(mapping.base(), len, fd.as_fd(), afterwards)?;
        let backing = Backing::Memory { _uninherited: uninherited, mapping, fd, reserved };
        Ok(Arc::new(Segment::over(backing, len)))
    }

    /// Maps a segment that another process made.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when it is not sealed against resizing or not whole 2 MiB pages, [`Error::Io`] when it is
    /// no memory file or cannot be mapped.
    pub fn open(fd: OwnedFd) -> Result<Arc<Segment>> {
        let len = sys::sealed_length(fd.as_fd())?;
        if len == 0 || !len.is_multiple_of(HUGE_PAGE) {
            return Err(Error::invalid(format!("a segment is whole 2 MiB pages, not {len} bytes")));
        }
        Segment::mapped(fd, len, false, Afterwards::Untouchable)
    }

    /// The heap-backed twin, for simulators and miri: the same interface in one process. `len` is rounded up to 2 MiB.
    ///
    /// # Panics
    /// When `len` is zero or beyond the address space.
    pub fn heap(len: usize) -> Arc<Segment> {
        let len = rounded(len).expect("length of a heap segment");
        Arc::new(Segment::over(Backing::Heap(heap::Heap::new(len)), len))
    }

    fn over(backing: Backing, len: usize) -> Segment {
        Segment { backing, len, role: AtomicU8::new(Role::Undecided as u8), home: Home::here() }
    }

    /// The descriptor to pass to other processes; `None` for memory of one process.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.backing {
            Backing::Memory { fd, .. } => Some(fd.as_fd()),
            Backing::Private(_) | Backing::Heap(_) | Backing::Left => None,
        }
    }

    /// The process that made or mapped it.
    pub fn home(&self) -> Home {
        self.home
    }

    /// Length in bytes, a multiple of 2 MiB.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Address of the first byte in this process, on a 2 MiB border.
    #[inline]
    pub fn base(&self) -> NonNull<u8> {
        match &self.backing {
            Backing::Memory { mapping, .. } | Backing::Private(mapping) => mapping.base(),
            Backing::Heap(heap) => heap.base(),
            Backing::Left => unreachable!("only a segment that is being dropped is left"),
        }
    }

    /// Address of the byte at `offset` in this process.
    ///
    /// # Panics
    /// When `offset` is beyond the segment.
    #[cfg(test)]
    pub fn at(&self, offset: usize) -> NonNull<u8> {
        assert!(offset <= self.len, "offset {offset} in a segment of {} bytes", self.len);
        NonNull::new(self.base().as_ptr().wrapping_add(offset)).expect("no segment lies at address zero")
    }

    /// Takes memory for a range, so that touching it cannot fail, in 2 MiB pages where the kernel has them to give.
    ///
    /// Nothing stops the system from killing somebody when this asks for more than it has: see
    /// [`Quota`](super::quota::Quota), which is asked first by whoever grows.
    ///
    /// # Errors
    /// [`Error::Io`] (ENOSPC, ENOMEM) when there is no memory; parts of the range may have been taken then.
    ///
    /// # Panics
    /// When the range is beyond the segment.
    pub fn commit(&self, range: Range<usize>) -> Result<()> {
        self.check(&range);
        let failed = |e| Error::io(format!("committing {} bytes at {} of a segment", range.len(), range.start), e);
        let (mapping, fd, reserved) = match &self.backing {
            Backing::Memory { mapping, fd, reserved, .. } => (mapping, fd, reserved),
            Backing::Private(mapping) => return mapping.populate(range.clone()).map_err(failed),
            Backing::Heap(_) | Backing::Left => return Ok(()),
        };
        let (first, last) = (range.start.next_multiple_of(HUGE_PAGE), range.end / HUGE_PAGE * HUGE_PAGE);
        if *reserved || first >= last {
            return sys::reserve(fd.as_fd(), range.start, range.len()).map_err(failed);
        }
        // An empty 2 MiB cannot be collapsed, one that holds a single small page can. That page is reserved and not
        // touched: where memory is short a touch is a SIGBUS, and a reservation an error.
        let seeded = (first..last).step_by(HUGE_PAGE).try_for_each(|page| sys::reserve(fd.as_fd(), page, SMALL_PAGE));
        if seeded.is_err() || mapping.collapse(first, last - first).is_err() {
            return sys::reserve(fd.as_fd(), range.start, range.len()).map_err(failed);
        }
        sys::reserve(fd.as_fd(), range.start, first - range.start).map_err(failed)?;
        sys::reserve(fd.as_fd(), last, range.end - last).map_err(failed)
    }

    /// Gives the memory of a range back to the system. Its bytes are zeros when it is committed again (the heap twin
    /// keeps them).
    ///
    /// # Errors
    /// [`Error::Io`] when the system refuses.
    ///
    /// # Panics
    /// When the range is beyond the segment.
    pub fn give_back(&self, range: Range<usize>) -> Result<()> {
        self.check(&range);
        let given = match &self.backing {
            Backing::Memory { fd, .. } => sys::punch(fd.as_fd(), range.start, range.len()),
            Backing::Private(mapping) => mapping.discard(range.clone()),
            Backing::Heap(_) | Backing::Left => Ok(()),
        };
        given.map_err(|e| Error::io(format!("giving back {} bytes at {} of a segment", range.len(), range.start), e))
    }

    /// Bytes of memory that the segment occupies at this moment, in whatever process it was touched.
    ///
    /// # Errors
    /// [`Error::Io`] when the system refuses to say.
    #[cfg(test)]
    pub fn occupied(&self) -> Result<u64> {
        match &self.backing {
            Backing::Memory { fd, .. } => sys::occupied(fd.as_fd()).map_err(|e| Error::io("segment: fstat", e)),
            Backing::Private(_) | Backing::Heap(_) | Backing::Left => Ok(self.len as u64),
        }
    }

    /// Decides what the bytes serve as, unless that was decided; returns what they serve as now.
    pub(super) fn decide(&self, role: Role) -> Role {
        match self.role.compare_exchange(Role::Undecided as u8, role as u8, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => role,
            Err(x) if x == Role::Control as u8 => Role::Control,
            Err(_) => Role::Blocks,
        }
    }

    /// Decides what the bytes serve as; false when that was decided before.
    pub(super) fn claim(&self, role: Role) -> bool {
        let undecided = Role::Undecided as u8;
        self.role.compare_exchange(undecided, role as u8, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn check(&self, range: &Range<usize>) {
        assert!(range.start <= range.end && range.end <= self.len, "{range:?} of a segment of {} bytes", self.len);
    }
}

/// The page size that falls out of a reservation when there are no larger ones.
const SMALL_PAGE: usize = 4096;

fn rounded(len: usize) -> Result<usize> {
    match len.checked_next_multiple_of(HUGE_PAGE) {
        Some(len) if len > 0 && isize::try_from(len).is_ok() => Ok(len),
        _ => Err(Error::invalid(format!("a segment cannot have a length of {len} bytes"))),
    }
}

#[cfg(test)]
mod tests;
