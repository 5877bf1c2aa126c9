//! The machine's floor: threads that are awake, memory in 2 MiB pages, and the kernels over them.

use crate::kernels::{self, Store, Streams};
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

/// Elements that a thread takes at a time.
const CHUNK: usize = 1 << 16;
/// Bytes touched from which on stores past the caches win.
const STREAMING_FROM: usize = 24 << 20;
/// Elements from which on a second thread is worth being told.
const PARALLEL_FROM: usize = 1 << 15;

/// One thread for each core, the caller among them. The others spin between runs, and sleep after [`Team::rest`].
pub struct Team {
    shared: Arc<Shared>,
    others: Vec<JoinHandle<()>>,
}

type Work<'a> = &'a (dyn Fn(usize) + Sync);

#[derive(Default)]
struct Shared {
    epoch: AtomicU64,
    /// The work of this epoch: a pointer to a `Work` on the stack of the caller, who waits for all threads.
    work: AtomicPtr<()>,
    running: AtomicUsize,
    awake: AtomicBool,
    stop: AtomicBool,
}

impl Team {
    pub fn new() -> Team {
        let shared = Arc::new(Shared::default());
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let others = (1..threads)
            .map(|index| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.serve(index))
            })
            .collect();
        Team { shared, others }
    }

    pub fn threads(&self) -> usize {
        self.others.len() + 1
    }

    /// Runs `work(index)` on every thread; returns when all have.
    pub fn run(&self, work: Work<'_>) {
        if !self.shared.awake.swap(true, Ordering::SeqCst) {
            self.others.iter().for_each(|t| t.thread().unpark());
        }
        self.shared.work.store((&raw const work).cast_mut().cast(), Ordering::Relaxed);
        self.shared.running.store(self.others.len(), Ordering::Relaxed);
        self.shared.epoch.fetch_add(1, Ordering::Release);
        work(0);
        while self.shared.running.load(Ordering::Acquire) != 0 {
            std::hint::spin_loop();
        }
    }

    /// Lets the other threads sleep, so that they take no core from what is measured next.
    pub fn rest(&self) {
        self.shared.awake.store(false, Ordering::SeqCst);
    }
}

impl Shared {
    fn serve(&self, index: usize) {
        let mut seen = 0;
        loop {
            let epoch = self.epoch.load(Ordering::Acquire);
            if epoch != seen {
                seen = epoch;
                // SAFETY: `Team::run` stored a pointer to its own `Work` before it published this epoch, and does not
                // return before `running` is 0, which is after this call.
                let work = unsafe { *self.work.load(Ordering::Relaxed).cast::<Work<'_>>() };
                work(index);
                self.running.fetch_sub(1, Ordering::Release);
            } else if self.stop.load(Ordering::Relaxed) {
                return;
            } else if !self.awake.load(Ordering::SeqCst) {
                thread::park();
            } else {
                std::hint::spin_loop();
            }
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.awake.store(true, Ordering::SeqCst);
        for thread in self.others.drain(..) {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// Memory for `f64` in the largest pages that the system gives.
pub struct Pages {
    map: NonNull<u8>,
    mapped: usize,
    skip: usize,
    elements: usize,
}

// SAFETY: plain memory that this value owns.
unsafe impl Send for Pages {}
// SAFETY: as above; shared access is by raw pointers, whose users see to it that no two write the same elements.
unsafe impl Sync for Pages {}

const HUGE: usize = 2 << 20;

impl Pages {
    /// `elements` numbers, each 1.5. `number` says which of several operands this is: each begins at another offset of
    /// its page, since equal ones alias in the caches.
    pub fn new(team: &Team, elements: usize, number: usize) -> Pages {
        let bytes = elements * 8 + HUGE;
        let mapped = bytes.next_multiple_of(HUGE) + HUGE;
        // SAFETY: a new private mapping at an address of the system's choice.
        let map = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                mapped,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        assert_ne!(map, libc::MAP_FAILED, "no memory for {mapped} bytes");
        // SAFETY: the mapping made above; the advice changes no content.
        unsafe { libc::madvise(map, mapped, libc::MADV_HUGEPAGE) };
        let map = NonNull::new(map.cast::<u8>()).expect("a mapping is nowhere at 0");
        let skip = map.addr().get().next_multiple_of(HUGE) - map.addr().get() + (2 * number + 1) * 64;
        let pages = Pages { map, mapped, skip, elements };
        let streams = Streams { reads: [], writes: [pages.ptr()] };
        chunked(team, streams, elements, Store::Plain);
        pages
    }

    pub fn ptr(&self) -> *mut f64 {
        self.map.as_ptr().wrapping_add(self.skip).cast()
    }

    pub fn len(&self) -> usize {
        self.elements
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the mapping was made in `new` with this length, and nothing points into it any more.
        unsafe { libc::munmap(self.map.as_ptr().cast(), self.mapped) };
    }
}

/// The buffers that all floors use, three to read and two to write.
pub struct Floor {
    pub team: Team,
    reads: [Pages; 3],
    writes: [Pages; 2],
}

impl Floor {
    pub fn new(elements: usize) -> Floor {
        let team = Team::new();
        let elements = elements.next_multiple_of(kernels::STEP);
        let reads = std::array::from_fn(|i| Pages::new(&team, elements, i));
        let writes = std::array::from_fn(|i| Pages::new(&team, elements, i + 3));
        team.rest();
        Floor { team, reads, writes }
    }

    /// Bytes that are in pages of 2 MiB, of all the process's anonymous memory.
    pub fn huge_bytes() -> u64 {
        let smaps = std::fs::read_to_string("/proc/self/smaps_rollup").unwrap_or_default();
        let line = smaps.lines().find_map(|l| l.strip_prefix("AnonHugePages:"));
        line.and_then(|l| l.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()).unwrap_or(0) * 1024
    }

    /// Reads `n` elements, as one stream or, where that is longer than a buffer, as two.
    pub fn read(&self, n: usize) -> f64 {
        if n <= self.reads[0].len() { self.pass::<1, 0>(n) } else { self.pass::<2, 0>(n / 2) }
    }

    /// Moves `R` streams of `n` elements in and `W` out.
    pub fn pass<const R: usize, const W: usize>(&self, n: usize) -> f64 {
        let n = n.next_multiple_of(kernels::STEP);
        assert!(n <= self.reads[0].len(), "a floor of {n} elements in buffers of {}", self.reads[0].len());
        let store = if n * 8 * (R + W) >= STREAMING_FROM { Store::Streaming } else { Store::Plain };
        let streams = Streams::<R, W> {
            reads: std::array::from_fn(|i| self.reads[i].ptr().cast_const()),
            writes: std::array::from_fn(|i| self.writes[i].ptr()),
        };
        if n < PARALLEL_FROM {
            // SAFETY: every buffer has at least `n` elements, and this thread alone uses them.
            return unsafe { kernels::run(streams, n, store) };
        }
        chunked(&self.team, streams, n, store)
    }

    /// Copies `n` elements from `from` to `to`, with all threads.
    ///
    /// # Safety
    ///
    /// Both are valid for `n` elements and do not overlap.
    unsafe fn copy(&self, from: *const f64, to: *mut f64, n: usize) {
        let store = if n * 16 >= STREAMING_FROM { Store::Streaming } else { Store::Plain };
        chunked(&self.team, Streams { reads: [from], writes: [to] }, n, store);
    }

    /// Copies `n` elements into memory that is new: allocated here, in large pages where the system gives them on
    /// request.
    pub fn copy_to_fresh(&self, n: usize) -> Vec<f64> {
        let mut out = Vec::<f64>::with_capacity(n + 8);
        let start = out.as_mut_ptr().align_offset(64);
        let base = out.as_mut_ptr().addr().next_multiple_of(4096);
        let end = out.as_mut_ptr().addr() + n * 8;
        if end > base {
            // SAFETY: advice about pages within the allocation; it changes no content.
            unsafe { libc::madvise(out.as_mut_ptr().with_addr(base).cast(), end - base, libc::MADV_HUGEPAGE) };
        }
        // SAFETY: the allocation has room for `n` elements after at most 7 to the next 64-byte border.
        unsafe { self.copy(self.reads[0].ptr(), out.as_mut_ptr().add(start), n) };
        out
    }
}

/// Cuts the streams among the threads of `team`.
fn chunked<const R: usize, const W: usize>(team: &Team, streams: Streams<R, W>, n: usize, store: Store) -> f64 {
    struct Shareable<T>(T);
    // SAFETY: the threads of one `run` touch disjoint chunks of the written streams, and only read the others.
    unsafe impl<T> Sync for Shareable<T> {}
    impl<T: Copy> Shareable<T> {
        fn get(&self) -> T {
            self.0
        }
    }
    let streams = Shareable(streams);
    // Small work is cut finer, so that each thread has some.
    let chunk = (n / (2 * team.threads())).next_multiple_of(kernels::STEP).clamp(kernels::STEP, CHUNK);
    let next = AtomicUsize::new(0);
    let sum = AtomicU64::new(0);
    team.run(&|_| {
        let mut own = 0.0;
        loop {
            let from = next.fetch_add(chunk, Ordering::Relaxed);
            if from >= n {
                break;
            }
            // SAFETY: `from..from + chunk` is within `n`, which every stream has, and no other thread has it.
            own += unsafe { kernels::run(streams.get().at(from), chunk.min(n - from), store) };
        }
        sum.fetch_xor(own.to_bits(), Ordering::Relaxed);
    });
    f64::from_bits(sum.into_inner())
}
