//! Whether this process is the one in which a thing was made, or was forked from it.
//!
//! `fork` copies one thread and all private memory. Threads, and with them everything that they would unlock, publish or answer, are
//! missing in the new process. So whatever belongs to a hub notes its [`Home`], and is left alone elsewhere.
//!
//! Shared mappings are not inherited ([`Uninherited`]). A handler that runs in the new process before `fork` returns puts a placeholder at the
//! address of each one, so that nothing else can be mapped there while references into it exist.

use std::{
    os::fd::{AsRawFd, BorrowedFd, RawFd},
    ptr::{NonNull, null_mut},
    sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicUsize, Ordering},
};

use nix::libc;

use crate::{Error, Result};

/// How many forks lie between this process and the first one of its line that has called [`Home::here`].
static FORKS: AtomicU32 = AtomicU32::new(0);
/// Whether the handler is installed.
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// The process in which something was made.
#[derive(Debug, Clone, Copy)]
pub struct Home {
    forks: u32,
    process: u32,
}

impl Home {
    /// This process.
    pub fn here() -> Home {
        install();
        Home { forks: FORKS.load(Ordering::Relaxed), process: std::process::id() }
    }

    /// Whether this process is that one. Where there was no fork this takes one load of a static: the home itself, which may lie behind several
    /// pointers, is not looked at.
    #[inline(always)]
    pub fn is_here(&self) -> bool {
        !is_forked() || self.is_here_after_forks()
    }

    #[cold]
    #[inline(never)]
    fn is_here_after_forks(&self) -> bool {
        FORKS.load(Ordering::Relaxed) == self.forks
    }

    /// # Errors
    /// [`Error::Forked`] if this process is another one.
    #[inline]
    pub fn check(&self) -> Result<()> {
        if self.is_here() { Ok(()) } else { Err(self.error()) }
    }

    /// The error for the use of a thing that was made there.
    #[cold]
    pub fn error(&self) -> Error {
        Error::Forked { process: self.process }
    }
}

/// Whether this process was forked from one that knew its [`Home`].
#[inline(always)]
pub fn is_forked() -> bool {
    FORKS.load(Ordering::Relaxed) > 0
}

/// A static of which each process has its own. What processes have had before a fork is never freed.
pub struct PerProcess<T: 'static>(AtomicPtr<(Home, T)>);

impl<T: Send + Sync> PerProcess<T> {
    pub const fn new() -> PerProcess<T> {
        PerProcess(AtomicPtr::new(null_mut()))
    }

    /// The one of this process, which is `make()` at first. No lock is taken, and `make` may be called in vain.
    pub fn get(&self, make: impl Fn() -> T) -> &'static T {
        let mut found = self.0.load(Ordering::Acquire);
        loop {
            // SAFETY: null, or leaked below, and only shared references to it exist.
            if let Some((home, value)) = unsafe { found.as_ref() }
                && home.is_here()
            {
                return value;
            }
            let new = Box::into_raw(Box::new((Home::here(), make())));
            match self.0.compare_exchange(found, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => found = new,
                Err(other) => {
                    // SAFETY: made above from a box, and given to nobody.
                    drop(unsafe { Box::from_raw(new) });
                    found = other;
                }
            }
        }
    }
}

/// Has [`in_child`] run in each process that is forked from this one.
fn install() {
    if INSTALLED.load(Ordering::Acquire) {
        return;
    }
    // No lock: a thread that holds one when another thread forks would lock it for ever in the new process. Two threads may both come here;
    // then the handler runs twice, which it allows for.
    if BEFORE.load(Ordering::Relaxed).is_null() {
        // SAFETY: all bytes zero are a `sigaction`: the default action, no flags, an empty mask.
        let before = Box::leak(Box::new(unsafe { std::mem::zeroed::<libc::sigaction>() }));
        BEFORE.store(before, Ordering::Relaxed);
    }
    // SAFETY: the handler is a function without arguments that calls only what may be called between `fork` and its return.
    let code = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    if code != 0 {
        tracing::warn!(code, "forks of this process will not be noticed");
        return;
    }
    INSTALLED.store(true, Ordering::Release);
}

/// What is at the address of a mapping in a process that is forked from this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// Nothing that can be touched: a touch ends the process with an explanation.
    Untouchable,
    /// Memory of the new process, zeros at first.
    Zeros,
}

/// A shared mapping that forked processes do not inherit, from the making of this value on until its end.
#[derive(Debug)]
pub struct Uninherited(&'static Entry);

/// A place in the list of mappings. Places are used again and never freed, since the handler may walk through the list at any time.
#[derive(Debug)]
struct Entry {
    /// [`FREE`], [`TAKEN`], or the address.
    base: AtomicUsize,
    len: AtomicUsize,
    fd: AtomicI32,
    zeros: AtomicBool,
    /// Whether this process was forked from the one that has the mapping.
    gone: AtomicBool,
    next: AtomicPtr<Entry>,
}

const FREE: usize = 0;
/// Being filled in.
const TAKEN: usize = 1;

static ENTRIES: AtomicPtr<Entry> = AtomicPtr::new(null_mut());

fn entries() -> impl Iterator<Item = &'static Entry> {
    let follow = |entry: *mut Entry| {
        // SAFETY: null, or an entry that was leaked and is only changed through atomics.
        unsafe { entry.as_ref() }
    };
    std::iter::successors(follow(ENTRIES.load(Ordering::Acquire)), move |entry| {
        follow(entry.next.load(Ordering::Acquire))
    })
}

impl Uninherited {
    /// Of the mapping of `fd` at `[base, base + len)`, whole pages.
    ///
    /// # Errors
    /// [`Error::Io`] if the system refuses.
    pub fn new(base: NonNull<u8>, len: usize, fd: BorrowedFd<'_>, afterwards: Afterwards) -> Result<Uninherited> {
        install();
        // SAFETY: the range is a mapping of the caller's. The advice concerns processes that do not exist yet.
        let code = unsafe { libc::madvise(base.as_ptr().cast(), len, libc::MADV_DONTFORK) };
        if code != 0 {
            return Err(Error::io("keep a segment from being inherited", std::io::Error::last_os_error()));
        }
        let free =
            |entry: &&Entry| entry.base.compare_exchange(FREE, TAKEN, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        let entry = entries().find(free).unwrap_or_else(added);
        entry.len.store(len, Ordering::Relaxed);
        entry.fd.store(fd.as_raw_fd(), Ordering::Relaxed);
        entry.zeros.store(afterwards == Afterwards::Zeros, Ordering::Relaxed);
        entry.gone.store(false, Ordering::Relaxed);
        entry.base.store(base.as_ptr().addr(), Ordering::Release);
        Ok(Uninherited(entry))
    }
}

impl Drop for Uninherited {
    fn drop(&mut self) {
        self.0.base.store(FREE, Ordering::Release);
    }
}

/// A new entry, taken.
fn added() -> &'static Entry {
    let entry: &'static mut Entry = Box::leak(Box::new(Entry {
        base: AtomicUsize::new(TAKEN),
        len: AtomicUsize::new(0),
        fd: AtomicI32::new(-1),
        zeros: AtomicBool::new(false),
        gone: AtomicBool::new(false),
        next: AtomicPtr::new(null_mut()),
    }));
    let pointer = std::ptr::from_mut(entry);
    let mut first = ENTRIES.load(Ordering::Relaxed);
    loop {
        entry.next.store(first, Ordering::Relaxed);
        match ENTRIES.compare_exchange_weak(first, pointer, Ordering::AcqRel, Ordering::Relaxed) {
            Ok(_) => return entry,
            Err(other) => first = other,
        }
    }
}

/// Runs in a new process before `fork` returns there, on its only thread. It must not allocate or lock.
extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    let mut any = false;
    for entry in entries() {
        let base = entry.base.load(Ordering::Acquire);
        if base == FREE || base == TAKEN || entry.gone.swap(true, Ordering::Relaxed) {
            continue;
        }
        let zeros = entry.zeros.load(Ordering::Relaxed);
        any |= !zeros;
        hold(base, entry.len.load(Ordering::Relaxed), zeros);
        let fd: RawFd = entry.fd.load(Ordering::Relaxed);
        // The memory would stay as long as this process otherwise, though nothing here can reach it.
        // SAFETY: the descriptor is that of a segment, which is not used or closed outside of its own process.
        unsafe { libc::close(fd) };
    }
    if any {
        explain_faults();
    }
}

/// Maps a placeholder where a mapping was not inherited.
fn hold(base: usize, len: usize, zeros: bool) {
    let rights = if zeros { libc::PROT_READ | libc::PROT_WRITE } else { libc::PROT_NONE };
    let kind = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED_NOREPLACE;
    let at = std::ptr::with_exposed_provenance_mut(base);
    // SAFETY: the range was not inherited, so it is empty; if something has been mapped there since, nothing is replaced.
    let held = unsafe { libc::mmap(at, len, rights, kind, -1, 0) };
    if held.addr() != base {
        // Arrays of this process refer to that address. What lies there now is not theirs.
        say("distob: after fork(), the place of a hub's memory cannot be kept free; the process aborts\n");
        std::process::abort();
    }
}

/// What SIGSEGV did before [`explain_faults`].
static BEFORE: AtomicPtr<libc::sigaction> = AtomicPtr::new(null_mut());

/// Has a touch of an array that was not inherited explained.
fn explain_faults() {
    let handler: extern "C" fn(libc::c_int, *mut libc::siginfo_t, *mut libc::c_void) = explain;
    let before = BEFORE.load(Ordering::Relaxed);
    // SAFETY: all bytes zero are a `sigaction`; the handler has the type that SA_SIGINFO asks for and calls only what a handler may call; `before`
    // is null or was leaked, and this process has one thread.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        libc::sigaction(libc::SIGSEGV, &action, before);
    }
}

/// Explains a fault at the address of an array that was not inherited. What happens then is what would have happened otherwise: the former
/// action is back when the instruction runs again.
extern "C" fn explain(_signal: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the kernel gives a handler with SA_SIGINFO a valid pointer.
    let at = unsafe { (*info).si_addr() }.addr();
    let covers = |entry: &Entry| {
        let base = entry.base.load(Ordering::Relaxed);
        entry.gone.load(Ordering::Relaxed) && at >= base && at - base < entry.len.load(Ordering::Relaxed)
    };
    if entries().any(covers) {
        say(FAULT);
    }
    // SAFETY: what `explain_faults` has stored there, or null, which changes nothing.
    unsafe { libc::sigaction(libc::SIGSEGV, BEFORE.load(Ordering::Relaxed), null_mut()) };
}

const FAULT: &str = "distob: this process was forked from one whose hub has engine processes, and has touched an array of that hub. \
    Such arrays are not inherited. Copy what a forked process needs to ndarray arrays before the fork, or use a hub without engine \
    processes for arrays (Hub::local()), whose arrays a forked process can read.\n";

fn say(what: &str) {
    // SAFETY: the bytes of a string. That nobody reads them is no error.
    let _ = unsafe { libc::write(libc::STDERR_FILENO, what.as_ptr().cast(), what.len()) };
}
