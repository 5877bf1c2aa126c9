//! The system calls under a segment: a 2 MiB-aligned shared mapping, and taking and giving back its pages.

use std::{
    ffi::CString,
    fs, io,
    num::NonZeroUsize,
    ops::Range,
    os::fd::{BorrowedFd, OwnedFd},
    ptr::NonNull,
};

use nix::{
    errno::Errno,
    fcntl::{FallocateFlags, FcntlArg, SealFlag, fallocate, fcntl},
    libc,
    sys::{
        memfd::{MFdFlags, memfd_create},
        mman::{MapFlags, ProtFlags, mmap, mmap_anonymous, munmap},
        resource::{Resource, getrlimit},
        stat::{Mode, fchmod, fstat},
    },
    unistd::ftruncate,
};

use super::HUGE_PAGE;
use crate::{Error, Result};

/// The seals that keep a peer from resizing a segment under its readers.
pub(super) const SEALS: SealFlag = SealFlag::F_SEAL_SHRINK.union(SealFlag::F_SEAL_GROW).union(SealFlag::F_SEAL_SEAL);

/// A sealed memory file of `len` bytes, readable and writable by its owner only; of the 2 MiB pages that the administrator has
/// reserved, where `reserved` says so.
pub(super) fn memory_file(name: &str, len: usize, reserved: bool) -> Result<OwnedFd> {
    let c_name = CString::new(name).map_err(|_| Error::invalid(format!("segment name {name:?} has a NUL byte")))?;
    let what = |step: &str| format!("segment {name:?} of {len} bytes: {step}");
    // The system would end the program with a signal.
    if let Ok((most, _)) = getrlimit(Resource::RLIMIT_FSIZE)
        && (len as u64) > most
    {
        return Err(Error::io(what(&format!("files may have {most} bytes (RLIMIT_FSIZE)")), Errno::EFBIG));
    }
    let pages = if reserved { MFdFlags::MFD_HUGETLB | MFdFlags::MFD_HUGE_2MB } else { MFdFlags::empty() };
    let fd = memfd_create(c_name.as_c_str(), MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING | pages)
        .map_err(|e| Error::io(what("memfd_create"), e))?;
    // A memfd is born with mode 0777, and anybody who can see /proc/PID/fd could open it.
    fchmod(&fd, Mode::S_IRUSR | Mode::S_IWUSR).map_err(|e| Error::io(what("fchmod"), e))?;
    let size = i64::try_from(len).map_err(|_| Error::invalid(what("longer than a file may be")))?;
    ftruncate(&fd, size).map_err(|e| Error::io(what("ftruncate"), e))?;
    fcntl(&fd, FcntlArg::F_ADD_SEALS(SEALS)).map_err(|e| Error::io(what("seal"), e))?;
    Ok(fd)
}

/// The length of a memory file that nobody can resize any more; an error for any other file.
pub(super) fn sealed_length(fd: BorrowedFd<'_>) -> Result<usize> {
    let bits = fcntl(fd, FcntlArg::F_GET_SEALS).map_err(|e| Error::io("segment: reading the seals", e))?;
    let seals = SealFlag::from_bits_retain(bits);
    let needed = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW;
    if !seals.contains(needed) {
        return Err(Error::invalid(format!("segment is not sealed against resizing: it has {seals:?}")));
    }
    let size = fstat(fd).map_err(|e| Error::io("segment: fstat", e))?.st_size;
    usize::try_from(size).map_err(|_| Error::invalid(format!("segment has an impossible size of {size} bytes")))
}

/// A shared, writable mapping of a memory file that begins on a 2 MiB border, unmapped when dropped.
#[derive(Debug)]
pub(super) struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: a mapping is address space, which belongs to the process and to no thread; the struct itself is never mutated.
unsafe impl Send for Mapping {}
// SAFETY: as above; the bytes behind `base` are only reached through atomics or `unsafe` code that argues for itself.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps the first `len` bytes of `fd`; `len` is a positive multiple of 2 MiB.
    pub(super) fn new(fd: BorrowedFd<'_>, len: usize) -> Result<Mapping> {
        Mapping::of(Some(fd), len)
    }

    /// Maps `len` bytes of memory of this process alone; `len` is a positive multiple of 2 MiB.
    pub(super) fn private(len: usize) -> Result<Mapping> {
        let mapping = Mapping::of(None, len)?;
        // After a fork, parts that are written lose their 2 MiB pages. With this advice the kernel joins them again. It is no more than that.
        let _ = mapping.advise(0..len, libc::MADV_HUGEPAGE);
        Ok(mapping)
    }

    fn of(fd: Option<BorrowedFd<'_>>, len: usize) -> Result<Mapping> {
        assert!(len > 0 && len.is_multiple_of(HUGE_PAGE), "a mapping is whole 2 MiB pages, not {len} bytes");
        let failed = |e: Errno| Error::io(format!("mapping a segment of {len} bytes"), e);
        let room = len.checked_add(HUGE_PAGE).and_then(NonZeroUsize::new).ok_or_else(|| failed(Errno::ENOMEM))?;
        // SAFETY: a new private mapping at an address of the kernel's choice replaces nothing.
        let reserved = unsafe {
            mmap_anonymous(None, room, ProtFlags::PROT_NONE, MapFlags::MAP_PRIVATE | MapFlags::MAP_NORESERVE)
        }
        .map_err(failed)?;
        let lead = reserved.cast::<u8>().align_offset(HUGE_PAGE);
        // SAFETY: lead < HUGE_PAGE, and the reservation is HUGE_PAGE longer than len.
        let base = unsafe { reserved.cast::<u8>().add(lead) };
        let address = NonZeroUsize::new(base.as_ptr().addr()).expect("the kernel maps nothing at zero");
        let whole = NonZeroUsize::new(len).expect("asserted above");
        let rights = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // Of reserved pages none is to be set aside for the mapping: a segment is longer than it ever holds.
        let flags = MapFlags::MAP_FIXED | MapFlags::MAP_NORESERVE;
        // SAFETY: [base, base + len) lies in the reservation just made, which nobody else knows, so MAP_FIXED replaces only that.
        let mapped = unsafe {
            match fd {
                Some(fd) => mmap(Some(address), whole, rights, flags | MapFlags::MAP_SHARED, fd, 0),
                None => mmap_anonymous(Some(address), whole, rights, flags | MapFlags::MAP_PRIVATE),
            }
        };
        if let Err(e) = mapped {
            // SAFETY: the reservation is ours alone, and nothing of it was handed out.
            let _ = unsafe { munmap(reserved, room.get()) };
            return Err(failed(e));
        }
        let mapping = Mapping { base, len };
        let tail = HUGE_PAGE - lead;
        if lead > 0 {
            // SAFETY: [reserved, base) is the unused head of the reservation.
            let _ = unsafe { munmap(reserved, lead) };
        }
        // SAFETY: [base + len, base + len + tail) is the unused end of the reservation.
        let _ = unsafe { munmap(base.add(len).cast(), tail) };
        Ok(mapping)
    }

    #[inline]
    pub(super) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Asks for 2 MiB pages in `[at, at + len)`, whole 2 MiB pages that each hold a page already.
    pub(super) fn collapse(&self, at: usize, len: usize) -> io::Result<()> {
        let ask = || self.advise(at..at + len, libc::MADV_COLLAPSE);
        // EAGAIN is for what passes: a page that somebody was just looking at.
        ask().or_else(|e| if e == Errno::EAGAIN { ask() } else { Err(e) }).map_err(io::Error::from)
    }

    /// Takes memory for a range of a private mapping, in 2 MiB pages where the kernel has them to give.
    pub(super) fn populate(&self, range: Range<usize>) -> io::Result<()> {
        let (first, last) = (range.start.next_multiple_of(HUGE_PAGE), range.end / HUGE_PAGE * HUGE_PAGE);
        // As in a shared mapping, an empty 2 MiB cannot be collapsed.
        let mut seeds = (first..last).step_by(HUGE_PAGE);
        let huge = first < last
            && seeds.all(|page| self.advise(page..page + super::SMALL_PAGE, libc::MADV_POPULATE_WRITE).is_ok())
            && self.collapse(first, last - first).is_ok();
        let rest = if huge { [range.start..first, last..range.end] } else { [range.clone(), range.end..range.end] };
        for part in rest.into_iter().filter(|part| !part.is_empty()) {
            match self.advise(part, libc::MADV_POPULATE_WRITE) {
                // Before Linux 5.14 memory is taken when it is touched first.
                Ok(()) | Err(Errno::EINVAL) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Gives the memory of a range of a private mapping back to the system; it reads as zeros afterwards.
    pub(super) fn discard(&self, range: Range<usize>) -> io::Result<()> {
        if range.is_empty() {
            return Ok(());
        }
        self.advise(range, libc::MADV_DONTNEED).map_err(io::Error::from)
    }

    fn advise(&self, range: Range<usize>, advice: libc::c_int) -> Result<(), Errno> {
        assert!(range.start <= range.end && range.end <= self.len, "{range:?} is beyond {}", self.len);
        // SAFETY: the range lies in our mapping. Advice about the size and the presence of pages changes no byte in them, and MADV_DONTNEED is
        // given for memory that is free, on which nobody relies.
        let code = unsafe { libc::madvise(self.base.as_ptr().add(range.start).cast(), range.len(), advice) };
        Errno::result(code).map(drop)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `new`, and pointers into it live no longer than the segment that holds this.
        let _ = unsafe { munmap(self.base.cast(), self.len) };
    }
}

/// Reserves the pages of a range; fails with ENOSPC or ENOMEM where a touch would be a SIGBUS.
pub(super) fn reserve(fd: BorrowedFd<'_>, at: usize, len: usize) -> io::Result<()> {
    range_call(fd, FallocateFlags::empty(), at, len)
}

/// Gives the pages of a range back to the system; they read as zeros afterwards.
pub(super) fn punch(fd: BorrowedFd<'_>, at: usize, len: usize) -> io::Result<()> {
    range_call(fd, FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE, at, len)
}

fn range_call(fd: BorrowedFd<'_>, flags: FallocateFlags, at: usize, len: usize) -> io::Result<()> {
    if len == 0 {
        return Ok(());
    }
    let (Ok(at), Ok(len)) = (libc::off_t::try_from(at), libc::off_t::try_from(len)) else {
        return Err(Errno::EFBIG.into());
    };
    loop {
        match fallocate(fd, flags, at, len) {
            Err(Errno::EINTR) => {}
            other => return other.map_err(io::Error::from),
        }
    }
}

/// Bytes of memory that a file occupies at this moment.
#[cfg(test)]
pub(super) fn occupied(fd: BorrowedFd<'_>) -> io::Result<u64> {
    let stat = fstat(fd).map_err(io::Error::from)?;
    Ok(u64::try_from(stat.st_blocks).unwrap_or(0) * 512)
}

/// Bytes of addresses that this process may still map; `None` if they are not limited.
pub(super) fn address_room() -> Option<u64> {
    let pages = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let mapped = |field: usize| pages.split(' ').nth(field)?.trim().parse::<u64>().ok()?.checked_mul(page_size());
    let room = |limit: Resource, field: usize| match getrlimit(limit) {
        Ok((most, _)) if most != libc::RLIM_INFINITY => Some(most.saturating_sub(mapped(field).unwrap_or(0))),
        _ => None,
    };
    // Addresses of all kinds, and those of memory that only this process writes.
    [room(Resource::RLIMIT_AS, 0), room(Resource::RLIMIT_DATA, 5)].into_iter().flatten().min()
}

fn page_size() -> u64 {
    let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten();
    size.and_then(|size| u64::try_from(size).ok()).unwrap_or(super::SMALL_PAGE as u64)
}

/// Bytes of 2 MiB pages that an administrator has reserved and that nobody has or is promised.
pub(super) fn reserved_bytes() -> u64 {
    let read = |name: &str| {
        let text = std::fs::read_to_string(format!("/sys/kernel/mm/hugepages/hugepages-2048kB/{name}")).ok()?;
        text.trim().parse::<u64>().ok()
    };
    let (free, promised) = (read("free_hugepages").unwrap_or(0), read("resv_hugepages").unwrap_or(0));
    free.saturating_sub(promised).saturating_mul(HUGE_PAGE as u64)
}
