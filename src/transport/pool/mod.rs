//! The pool: blocks of a segment, handed out and taken back without the system noticing.
//!
//! The segment is divided into extents of 2 MiB, which get their memory as a whole, and those into pages of 4 KiB. A block of up to 128 KiB
//! comes from a slab of its size class, through a magazine that the thread keeps; a larger one is a span of pages of its own. Slabs are spans
//! too. Memory that was dropped is handed out again untouched: fresh memory is 15 to 30 times slower to get than to compute on. Before a
//! request is refused, all that the thread keeps, slabs without a block and memory that grew ahead are made use of.

mod account;
mod ahead;
mod class;
mod extent;
mod growth;
// As the endpoints: without a caller until there are other hosts.
#[cfg(test)]
mod lease;
#[cfg(test)]
pub use lease::Extents;
mod magazine;
mod slab;
mod spans;

use std::{
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicPtr, AtomicU32, Ordering::Relaxed},
    },
};

use self::{
    ahead::Ahead,
    class::{CLASSES, LARGEST, LINE, class_of, least_slab, magazine_room, size_of_class, slab_pages},
    growth::Core,
    spans::{PAGE, PAGES, Span},
};
use super::{
    fork::Home,
    quota::Quota,
    segment::{Role, Segment},
};
use crate::Result;

/// Growth by fewer extents than this is left to happen when it is needed.
const AHEAD_FROM: u32 = 8;

/// Memory for arrays, in one segment. Clones are the same pool; it lives as long as any of its blocks.
#[derive(Debug, Clone)]
pub struct Pool(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// The segment's first byte, here for the sake of speed.
    base: AtomicPtr<u8>,
    home: Home,
    core: Arc<Core>,
    turn: AtomicU32,
    ahead: Ahead,
    #[cfg(test)]
    leases: std::sync::Mutex<lease::Leases>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.home.is_here() {
            self.ahead.stop(&self.core);
        }
    }
}

/// What a pool holds, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolStats {
    /// Bytes of live blocks, with what their sizes are rounded up by, and of arrays outside of the pool. Free blocks that threads keep for reuse
    /// are not counted.
    pub in_use: u64,
    /// The part of `in_use` that lies outside of the pool: arrays that own their memory, which were moved in or grew.
    pub outside: u64,
    /// The maximum of `in_use` since the start, or since `Hub::reset_peak`.
    pub peak_in_use: u64,
    /// Bytes that the pool has taken from the system.
    pub committed: u64,
    /// The maximum of `committed` since the start.
    pub peak_committed: u64,
    /// The limit of `committed` and `outside` together.
    pub quota: u64,
}

// What generic code calls here goes through pointers, which are calls like others once they are compiled. The compiler's inliner walks all
// that a generic function reaches by name, once for each function: a fifth of this crate's compile time. A pointer ends the walk.
const ANEW: fn(&Pool, usize) -> Result<LoneBlock> = Pool::alloc_anew;
const POP: fn(&Arc<Core>, usize) -> Option<u64> = magazine::pop;
const PUSH: fn(&Arc<Core>, usize, u64) -> bool = magazine::push;
const PUT: fn(&Pool, LoneBlock) = Pool::put;

impl Pool {
    /// A pool over a whole new segment.
    ///
    /// # Panics
    /// When the segment's bytes serve something else already: another pool, or regions of control data.
    pub fn new(segment: Arc<Segment>, quota: Quota) -> Pool {
        assert!(segment.claim(Role::Blocks), "the segment serves another purpose already");
        Pool::over(Core::new(segment, quota, None))
    }

    fn over(core: Core) -> Pool {
        Pool(Arc::new(Inner {
            base: AtomicPtr::new(core.segment.base().as_ptr()),
            home: core.home,
            core: Arc::new(core),
            turn: AtomicU32::new(0),
            ahead: Ahead::default(),
            #[cfg(test)]
            leases: std::sync::Mutex::default(),
        }))
    }

    /// A block of `bytes`, 64-byte aligned. Its contents are what was there before, or zeros.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory) when the quota, a cgroup or the machine has no room;
    /// [`Error::Forked`](crate::Error::Forked) in another process than the pool's.
    #[inline]
    pub fn alloc(&self, bytes: usize) -> Result<Block> {
        Ok(Block { lone: self.alloc_lone(bytes)?, pool: self.clone() })
    }

    /// As [`alloc`](Self::alloc), for who keeps the pool alive by other means and would pay for a handle in each block.
    ///
    /// # Errors
    /// As [`alloc`](Self::alloc).
    #[inline]
    pub(crate) fn alloc_lone(&self, bytes: usize) -> Result<LoneBlock> {
        match self.alloc_kept(bytes) {
            Some(block) => Ok(block),
            None => ANEW(self, bytes),
        }
    }

    /// A block that this thread has kept, if there is one for `bytes`. By itself, and inlined, so that it is put together
    /// where it is wanted: passed on through memory it would take longer to read than to find.
    #[inline(always)]
    pub(crate) fn alloc_kept(&self, bytes: usize) -> Option<LoneBlock> {
        let class = class_of(bytes.min(LARGEST + 1));
        if class >= CLASSES || !self.0.home.is_here() {
            return None;
        }
        let offset = POP(&self.0.core, class)?;
        Some(LoneBlock { offset, len: bytes, place: Place::small(class) })
    }

    #[cold]
    #[inline(never)]
    fn alloc_anew(&self, bytes: usize) -> Result<LoneBlock> {
        self.0.home.check()?;
        let (offset, place) = if bytes <= LARGEST { self.alloc_from_slab(bytes)? } else { self.alloc_pages(bytes)? };
        Ok(LoneBlock { offset, len: bytes, place })
    }

    /// Takes a block back that this pool gave out.
    #[inline]
    pub(crate) fn free_lone(&self, block: LoneBlock) {
        let class = block.place.first as usize;
        // In a forked process the block is left alone.
        let kept = !self.0.home.is_here() || block.place.span().is_none() && PUSH(&self.0.core, class, block.offset);
        if !kept {
            PUT(self, block);
        }
    }

    #[inline(never)]
    fn put(&self, block: LoneBlock) {
        match block.place.span() {
            None => self.put_small(block.place.first as usize, block.offset),
            Some(span) => self.put_span(span),
        }
    }

    /// The first byte of a block of this pool in this process, 64-byte aligned.
    #[inline]
    pub(crate) fn address_of(&self, block: &LoneBlock) -> NonNull<u8> {
        let base = self.0.base.load(Relaxed);
        NonNull::new(base.wrapping_add(block.offset as usize)).expect("no block is at address zero")
    }

    #[cold]
    fn alloc_from_slab(&self, bytes: usize) -> Result<(u64, Place)> {
        let core = &self.0.core;
        let mut class = class_of(bytes);
        let most = magazine_room(class).div_ceil(2);
        let mut slabs = core.slabs(class);
        let mut blocks = slabs.take(most);
        let there = slabs.pages();
        drop(slabs);
        while blocks.is_empty() {
            // The class is not locked while the pool grows: growth looks through all classes for free slabs.
            let slab = self.take_span(slab_pages(class, there), bytes);
            match slab.or_else(|_| self.take_span(least_slab(class), bytes)) {
                Ok(slab) => {
                    let mut slabs = core.slabs(class);
                    slabs.cut(class, slab);
                    blocks = slabs.take(most);
                }
                Err(error) => {
                    // Where no page is left, a free block of this class, which came back meanwhile, or of a larger one will do.
                    let mut larger = (class..CLASSES).map(|class| (class, core.slabs(class).take(1)));
                    let Some(found) = larger.find(|(_, blocks)| !blocks.is_empty()) else { return Err(error) };
                    (class, blocks) = found;
                }
            }
        }
        let offset = blocks.pop().expect("not empty");
        magazine::flush_counter(core);
        core.account.add(size_of_class(class) as i64);
        magazine::stock(core, class, &mut blocks);
        Ok((offset, Place::small(class)))
    }

    #[cold]
    fn alloc_pages(&self, bytes: usize) -> Result<(u64, Place)> {
        let core = &self.0.core;
        // Blocks begin at a different odd line of their first page each, so that operands do not alias.
        let line = 2 * (self.0.turn.fetch_add(1, Relaxed) as usize * 13 % 32) + 1;
        let Some(pages) = pages_for(bytes, line) else { return Err(core.out_of_memory(bytes as u64)) };
        let span = self.take_span(pages, bytes)?;
        magazine::flush_counter(core);
        core.account.add(held_by(span));
        Ok((span.offset() + (line * LINE) as u64, Place { first: span.start, pages: span.len }))
    }

    /// Takes so many pages in a row.
    fn take_span(&self, pages: u32, bytes: usize) -> Result<Span> {
        let core = &self.0.core;
        let (span, grown) = self.pressed(bytes, || core.take_span(pages))?;
        if let Some(extents) = grown.filter(|&extents| extents >= AHEAD_FROM)
            && core.ahead_percent.load(Relaxed) > 0
        {
            self.0.ahead.ask(core, extents);
        }
        Ok(span)
    }

    /// Has `take` do it, where need be with what is kept free elsewhere.
    fn pressed<T>(&self, bytes: usize, take: impl Fn() -> Result<T>) -> Result<T> {
        let core = &self.0.core;
        let taken = take().or_else(|_| {
            core.reclaim();
            take()
        });
        let taken = taken.or_else(|_| {
            // A slab may be waiting for no more than what this thread keeps.
            magazine::empty(core);
            core.reclaim();
            take()
        });
        taken.map_err(|error| named(error, bytes))
    }

    fn put_span(&self, span: Span) {
        magazine::flush_counter(&self.0.core);
        self.0.core.account.add(-held_by(span));
        self.0.core.spans().put(span);
    }

    /// Grows now so that a block of `bytes` can be had later without growth.
    ///
    /// # Errors
    /// As [`alloc`](Self::alloc).
    pub fn reserve(&self, bytes: usize) -> Result<()> {
        self.0.home.check()?;
        let core = &self.0.core;
        let pages =
            if bytes <= LARGEST { Some(slab_pages(class_of(bytes), 0)) } else { pages_for(bytes, PAGE / LINE - 1) };
        let Some(pages) = pages else { return Err(core.out_of_memory(bytes as u64)) };
        let (span, _) = self.pressed(bytes, || core.take_span(pages))?;
        core.spans().put(span);
        Ok(())
    }

    /// Counts `bytes` that an array holds outside of the pool: they are in use, and the pool may grow by so much less. Nothing is
    /// refused, since the memory is there already.
    #[inline]
    pub(crate) fn adopt(&self, bytes: usize) {
        if self.0.home.is_here() {
            magazine::count_outside(&self.0.core, bytes as i64);
        }
    }

    /// The end of memory that [`adopt`](Pool::adopt) counted.
    #[inline]
    pub(crate) fn disown(&self, bytes: usize) {
        if self.0.home.is_here() {
            magazine::count_outside(&self.0.core, -(bytes as i64));
        }
    }

    /// Gives all memory that is free back to the system, except what other threads keep; bytes given back: none in another process than the
    /// pool's.
    pub fn trim(&self) -> usize {
        if !self.0.home.is_here() {
            return 0;
        }
        magazine::empty(&self.0.core);
        self.0.core.trim() as usize
    }

    /// What the pool holds.
    ///
    /// # Panics
    /// In another process than the pool's.
    pub fn stats(&self) -> PoolStats {
        if !self.0.home.is_here() {
            panic!("{}", self.0.home.error());
        }
        let core = &self.0.core;
        let (committed, peak_committed) = core.committed();
        let (in_use, peak_in_use) = (core.account.in_use(), core.account.peak());
        let outside = core.account.outside();
        PoolStats { in_use, outside, peak_in_use, committed, peak_committed, quota: core.quota.limit() }
    }

    /// Begins the peak of what is in use anew.
    pub fn reset_peak(&self) {
        if self.0.home.is_here() {
            self.0.core.account.reset_peak();
        }
    }

    /// How much may be committed ahead of need, in percent of what is committed: 25 at first, 0 for none.
    pub fn set_ahead(&self, percent: u32) {
        self.0.core.ahead_percent.store(percent.min(90), Relaxed);
    }

    /// The segment that the blocks lie in.
    pub fn segment(&self) -> &Arc<Segment> {
        &self.0.core.segment
    }
}

/// Two handles are equal when they are the same pool.
impl PartialEq for Pool {
    fn eq(&self, other: &Pool) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Pool {}

/// Pages for a large block that begins at this line of the first one; `None` when no segment is that long.
fn pages_for(bytes: usize, line: usize) -> Option<u32> {
    u32::try_from(bytes.checked_add(line * LINE)?.div_ceil(PAGE)).ok().filter(|&pages| pages <= u32::MAX - PAGES)
}

/// Bytes of a span, as they are counted.
fn held_by(span: Span) -> i64 {
    i64::from(span.len) * PAGE as i64
}

/// An out-of-memory error in terms of what the caller asked for.
fn named(error: crate::Error, bytes: usize) -> crate::Error {
    match error {
        crate::Error::OutOfMemory { in_use, quota, .. } => {
            crate::Error::OutOfMemory { wanted: bytes as u64, in_use, quota }
        }
        other => other,
    }
}

/// A block of a pool, given back when dropped.
///
/// It is memory and no more: whoever reads or writes it through a pointer says why that is sound.
#[derive(Debug)]
pub struct Block {
    pool: Pool,
    lone: LoneBlock,
}

/// A block that does not know its pool: lost to it, until the pool ends, unless [`Pool::free_lone`] gets it back.
#[derive(Debug)]
#[must_use = "the pool gets it back by free_lone() alone"]
pub(crate) struct LoneBlock {
    offset: u64,
    len: usize,
    place: Place,
}

impl LoneBlock {
    /// Bytes that were asked for.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The block, for [`Pool::free_lone`], out of a place that is being dropped: call it once.
    #[inline]
    pub(crate) fn take(&mut self) -> LoneBlock {
        LoneBlock { offset: self.offset, len: self.len, place: self.place }
    }
}

/// Where a block lies: in a slab of the class `first`, or, of some pages, in a span of its own. Two numbers and no more, so
/// that a block is handed on in registers.
#[derive(Debug, Clone, Copy)]
struct Place {
    first: u32,
    pages: u32,
}

impl Place {
    #[inline]
    fn small(class: usize) -> Place {
        Place { first: class as u32, pages: 0 }
    }

    #[inline]
    fn span(self) -> Option<Span> {
        (self.pages > 0).then_some(Span { start: self.first, len: self.pages })
    }
}

#[cfg(test)]
impl Block {
    /// Where in the segment it begins.
    #[inline]
    pub fn offset(&self) -> u64 {
        self.lone.offset
    }

    /// Bytes that were asked for.
    #[inline]
    pub fn len(&self) -> usize {
        self.lone.len
    }

    /// Whether no bytes were asked for.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.lone.len == 0
    }

    /// Its first byte in this process, 64-byte aligned.
    #[inline]
    pub fn as_ptr(&self) -> NonNull<u8> {
        self.pool.address_of(&self.lone)
    }

    /// The pool that it belongs to.
    #[inline]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }
}

impl Drop for Block {
    #[inline]
    fn drop(&mut self) {
        self.pool.free_lone(self.lone.take());
    }
}

impl Pool {
    #[cold]
    fn put_small(&self, class: usize, offset: u64) {
        let core = &self.0.core;
        magazine::flush_counter(core);
        core.account.add(-(size_of_class(class) as i64));
        core.slabs(class).put([offset]);
    }
}

#[cfg(test)]
mod tests;
