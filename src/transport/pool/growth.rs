//! Where extents come from: warm ones first, then memory from the system, under the quota and what the host can give.
//!
//! The book is never locked while the system works: extents on their way count as used meanwhile.

use std::sync::{
    Arc, Condvar, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use super::{
    account::Account,
    class::CLASSES,
    extent::{Extents, Run},
    slab::Slabs,
    spans::{PAGES, Span, Spans},
};
use crate::{
    Error, Result,
    transport::{
        fork::Home,
        quota::Quota,
        segment::{HUGE_PAGE, Segment},
    },
};

const EXTENT: u64 = HUGE_PAGE as u64;

/// Extents that the grower ahead commits between two looks at whether it is wanted elsewhere.
const AHEAD_STEP: u32 = 8;

/// All of a pool but its handles and its grower.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) segment: Arc<Segment>,
    /// In a process that was forked from this one nothing of the pool changes: a thread that is not there may hold its locks.
    pub(super) home: Home,
    pub(super) quota: Quota,
    pub(super) account: Account,
    classes: [Mutex<Slabs>; CLASSES],
    spans: Mutex<Spans>,
    reclaiming: Mutex<()>,
    /// Percent of the committed memory that may be grown ahead of need.
    pub(super) ahead_percent: AtomicU32,
    book: Mutex<Book>,
    /// Told when growth ahead has ended, or memory was given back.
    arrived: Condvar,
    /// Tells growth ahead to end.
    ahead_stop: AtomicBool,
    /// The pool is gone: growth ahead ends for good.
    closed: AtomicBool,
}

#[derive(Debug)]
struct Book {
    extents: Extents,
    /// Bytes with memory behind them, or promised it.
    committed: u64,
    peak: u64,
    /// Bytes promised and not yet taken: the host does not count them as used yet.
    growing: u64,
    /// Runs that are giving their memory back: free, but not yet to be had.
    shedding: usize,
    /// Extents that are growing ahead of need.
    ahead: u32,
    /// What grew ahead last, until some of it is used.
    fresh: Option<Run>,
}

/// Growth that the book allows: `run` is to be had when `cold` has memory and `shed` has given its own back.
#[derive(Debug)]
struct Growth {
    run: Run,
    cold: Vec<Run>,
    shed: Vec<Run>,
}

impl Core {
    /// Over all of a segment, which is empty; or over the parts that were leased of it, which have memory.
    pub(super) fn new(segment: Arc<Segment>, quota: Quota, leased: Option<&[Run]>) -> Core {
        // As many as pages can be numbered of.
        let count = u32::try_from(segment.len() / HUGE_PAGE).unwrap_or(u32::MAX).min(u32::MAX / PAGES);
        let mut extents = if leased.is_some() { Extents::used(count) } else { Extents::cold(count) };
        let warm = leased.unwrap_or(&[]);
        warm.iter().for_each(|&run| extents.put_warm(run));
        let committed = warm.iter().map(|&run| bytes(run)).sum();
        Core {
            home: segment.home(),
            segment,
            quota,
            account: Account::default(),
            classes: std::array::from_fn(|_| Mutex::default()),
            spans: Mutex::default(),
            reclaiming: Mutex::default(),
            ahead_percent: AtomicU32::new(25),
            book: Mutex::new(Book {
                extents,
                committed,
                peak: committed,
                growing: 0,
                shedding: 0,
                ahead: 0,
                fresh: None,
            }),
            arrived: Condvar::new(),
            ahead_stop: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }

    /// The free blocks of a class.
    pub(super) fn slabs(&self, class: usize) -> MutexGuard<'_, Slabs> {
        self.classes[class].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The free pages of the extents that blocks are cut from.
    pub(super) fn spans(&self) -> MutexGuard<'_, Spans> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes `len` pages in a row; says how many extents the pool grew by for them, now or ahead.
    pub(super) fn take_span(&self, len: u32) -> Result<(Span, Option<u32>)> {
        let mut spans = self.spans();
        if let Some(span) = spans.take(len) {
            return Ok((span, None));
        }
        // What is left of the last extent of a block is where the next one begins.
        let tail = spans.take_tail(len);
        drop(spans);
        let beside = tail.map(|tail| Run { start: tail.end() / PAGES, len: (len - tail.len).div_ceil(PAGES) });
        // The system works meanwhile, so that nothing is locked here.
        let taken = self.take(len.div_ceil(PAGES), beside);
        let mut spans = self.spans();
        tail.into_iter().for_each(|tail| spans.put(tail));
        let (run, grown) = taken?;
        spans.put(Span::of_run(run));
        let start = match tail {
            Some(tail) if beside == Some(run) => tail.start,
            _ => run.start * PAGES,
        };
        let span = spans.carve(Span { start, len }).expect("pages that were put there a moment ago");
        Ok((span, grown.then_some(run.len)))
    }

    /// Takes `len` extents in a row, or those of `beside`, whichever is had sooner; says whether the pool grew for them, now or ahead.
    pub(super) fn take(&self, len: u32, beside: Option<Run>) -> Result<(Run, bool)> {
        let mut book = self.book();
        loop {
            let warm = beside.and_then(|run| book.extents.take_these_warm(run));
            if let Some(run) = warm.or_else(|| book.extents.take_warm(len)) {
                let used_up = book.fresh.take_if(|fresh| fresh.start < run.end() && run.start < fresh.end());
                return Ok((run, used_up.is_some()));
            }
            if book.ahead >= len && book.ahead / 2 <= len {
                // What is growing ahead is what is wanted here; a second growth would only compete with it. (Much less
                // is had sooner by itself.)
                book = self.wait(book, |book| book.ahead > 0);
                continue;
            }
            let taken = beside.and_then(|run| book.extents.take_these(run));
            let growth = taken.and_then(|taken| book.plan(taken, &self.quota, self.account.outside()));
            let growth = growth.or_else(|| {
                let taken = book.extents.take_any(len)?;
                book.plan(taken, &self.quota, self.account.outside())
            });
            if let Some(growth) = growth {
                drop(book);
                return self.carry_out(growth).map(|run| (run, true));
            }
            if book.ahead > 0 || book.shedding > 0 {
                // Somebody is about to put back what is missing here.
                self.ahead_stop.store(true, Ordering::Relaxed);
                book = self.wait(book, |book| book.ahead > 0 || book.shedding > 0);
                continue;
            }
            drop(book);
            return Err(self.out_of_memory(u64::from(len) * EXTENT));
        }
    }

    /// Gives extents back to the pool, memory and all.
    pub(super) fn put(&self, run: Run) {
        self.book().extents.put_warm(run);
    }

    /// Gives the memory of everything that is free back to the system; bytes given back.
    pub(super) fn trim(&self) -> u64 {
        self.reclaim();
        let mut book = self.book();
        while book.ahead > 0 {
            self.ahead_stop.store(true, Ordering::Relaxed);
            book = self.wait(book, |book| book.ahead > 0);
        }
        let shed: Vec<Run> = std::iter::from_fn(|| book.extents.take_oldest(u32::MAX)).collect();
        book.promise_back(&shed);
        drop(book);
        let given = shed.iter().filter(|&&run| self.shed(run).is_ok());
        given.map(|&run| bytes(run)).sum()
    }

    /// Grows so that a run of `len` extents, or as much of it as is allowed, will be warm when it is asked for.
    pub(super) fn grow_ahead(&self, len: u32) {
        let percent = u64::from(self.ahead_percent.load(Ordering::Relaxed));
        let free = self.spans().bytes();
        let mut book = self.book();
        let warm = u64::from(book.extents.warm()) * EXTENT + free;
        // Least x with warm + x <= percent of (committed + x).
        let allowance =
            (book.committed * percent / 100).saturating_sub(warm) * 100 / 100u64.saturating_sub(percent).max(1);
        // Half of what is left is for those who need it now.
        let room = book.room(&self.quota, self.account.outside()) / 2;
        let extents = u64::from(len).min(allowance.min(room) / EXTENT) as u32;
        if extents < AHEAD_STEP || book.extents.longest_warm() >= extents {
            return;
        }
        let Some((run, cold)) = book.extents.take_any(extents) else { return };
        book.promise(total(&cold));
        book.ahead = extents;
        self.ahead_stop.store(false, Ordering::Relaxed);
        drop(book);

        let mut left = cold.iter().copied();
        let mut next = left.next();
        let mut empty = Vec::new();
        while let Some(part) = next {
            let step = Run { start: part.start, len: part.len.min(AHEAD_STEP) };
            let unwanted = self.ahead_stop.load(Ordering::Relaxed) || self.closed.load(Ordering::Relaxed);
            if unwanted || self.commit(step).is_err() {
                empty.push(part);
                empty.extend(left);
                break;
            }
            let rest = Run { start: step.end(), len: part.len - step.len };
            next = if rest.len > 0 { Some(rest) } else { left.next() };
        }
        // A commit that failed may have taken some of its pages.
        empty.iter().for_each(|&run| drop(self.give_back(run)));

        let mut book = self.book();
        book.finish_growth(run, &cold, &empty);
        book.ahead = 0;
        book.fresh = Some(run);
        drop(book);
        self.arrived.notify_all();
    }

    /// Ends growth ahead for good, as soon as may be.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Committed bytes, now and at the most.
    pub(super) fn committed(&self) -> (u64, u64) {
        let book = self.book();
        (book.committed, book.peak)
    }

    /// Puts slabs of which every block is free back among the free pages, and extents that are free as a whole back among the extents.
    pub(super) fn reclaim(&self) {
        // One at a time: what another thread is just carrying over counts for neither place.
        let _one = self.reclaiming.lock().unwrap_or_else(PoisonError::into_inner);
        for class in 0..CLASSES {
            let empty = self.slabs(class).take_empty();
            let mut spans = self.spans();
            empty.into_iter().for_each(|slab| spans.put(slab));
        }
        let whole = self.spans().take_whole_extents();
        whole.into_iter().for_each(|run| self.put(run));
    }

    /// The error for a request of `wanted` bytes that cannot be met.
    pub(super) fn out_of_memory(&self, wanted: u64) -> Error {
        let (committed, _) = self.committed();
        let held = committed.saturating_add(self.account.outside());
        let quota = self.quota.limit().min(held.saturating_add(self.quota.headroom()));
        Error::OutOfMemory { wanted, in_use: self.account.in_use(), quota }
    }

    fn carry_out(&self, growth: Growth) -> Result<Run> {
        let Growth { run, cold, shed } = growth;
        // Every run that was to be shed must arrive, whatever becomes of the others.
        let shed = shed.iter().map(|&run| self.shed(run)).fold(Ok(()), Result::and);
        let grown = shed.and_then(|()| cold.iter().try_for_each(|&run| self.commit(run)));
        let mut book = self.book();
        let Err(error) = grown else {
            book.growing -= total(&cold);
            return Ok(run);
        };
        drop(book);
        tracing::warn!(%error, "the system refused memory below the quota");
        cold.iter().for_each(|&run| drop(self.give_back(run)));
        book = self.book();
        book.finish_growth(run, &cold, &cold);
        drop(book);
        Err(self.out_of_memory(bytes(run)))
    }

    /// Empties a run that was taken from the warm ones. When the system refuses, it is warm again.
    fn shed(&self, run: Run) -> Result<()> {
        let given = self.give_back(run);
        let mut book = self.book();
        book.shedding -= 1;
        match given {
            Ok(()) => book.extents.put_cold(run),
            Err(_) => {
                book.committed += bytes(run);
                book.extents.put_warm(run);
            }
        }
        drop(book);
        self.arrived.notify_all();
        given
    }

    fn commit(&self, run: Run) -> Result<()> {
        self.segment.commit(range(run))
    }

    fn give_back(&self, run: Run) -> Result<()> {
        self.segment.give_back(range(run))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until extents that were on their way have arrived.
    fn wait<'a>(&self, book: MutexGuard<'a, Book>, busy: fn(&mut Book) -> bool) -> MutexGuard<'a, Book> {
        self.arrived.wait_while(book, busy).unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Bytes that may be committed now; arrays outside of the pool hold `outside` bytes of the quota.
    fn room(&self, quota: &Quota, outside: u64) -> u64 {
        let fixed = quota.limit().saturating_sub(self.committed).saturating_sub(outside);
        // Asking the host costs tens of microseconds; nobody asks when the quota leaves no room anyhow.
        if fixed < EXTENT { 0 } else { fixed.min(quota.headroom().saturating_sub(self.growing)) }
    }

    /// Finds room for a run that was taken, with its `cold` parts, in free memory elsewhere if need be; `None`, and the run is free again, when
    /// there is none.
    fn plan(&mut self, (run, cold): (Run, Vec<Run>), quota: &Quota, outside: u64) -> Option<Growth> {
        let need = total(&cold);
        let mut short = need.saturating_sub(self.room(quota, outside)).div_ceil(EXTENT);
        let mut shed = Vec::new();
        if short <= u64::from(self.extents.warm()) {
            while let Some(run) = (short > 0).then(|| self.extents.take_oldest(short as u32)).flatten() {
                short -= u64::from(run.len);
                shed.push(run);
            }
            self.promise_back(&shed);
            self.promise(need);
            return Some(Growth { run, cold, shed });
        }
        self.separate(run, &cold);
        None
    }

    fn promise(&mut self, bytes: u64) {
        self.committed += bytes;
        self.growing += bytes;
        self.peak = self.peak.max(self.committed);
    }

    /// Counts runs as given back, before they are.
    fn promise_back(&mut self, shed: &[Run]) {
        self.committed -= total(shed);
        self.shedding += shed.len();
    }

    /// The end of a growth whose run becomes free, but for `empty`, those of its `cold` parts that got no memory.
    fn finish_growth(&mut self, run: Run, cold: &[Run], empty: &[Run]) {
        self.growing -= total(cold);
        self.committed -= total(empty);
        self.separate(run, empty);
    }

    /// Of a used run, makes the parts in `cold`, which are in order, cold and the rest warm.
    fn separate(&mut self, run: Run, cold: &[Run]) {
        let mut start = run.start;
        for part in cold.iter().copied().chain([Run { start: run.end(), len: 0 }]) {
            if part.start > start {
                self.extents.put_warm(Run { start, len: part.start - start });
            }
            self.extents.put_cold(part);
            start = part.end();
        }
    }
}

fn bytes(run: Run) -> u64 {
    u64::from(run.len) * EXTENT
}

fn total(runs: &[Run]) -> u64 {
    runs.iter().copied().map(bytes).sum()
}

fn range(run: Run) -> std::ops::Range<usize> {
    run.start as usize * HUGE_PAGE..run.end() as usize * HUGE_PAGE
}
