//! The pool: blocks of a segment, handed out and taken back without the system noticing.
//!
//! The segment is divided into extents of 2 MiB. A block of up to 1 MiB comes from a slab of its size class, through a
//! magazine that the thread keeps; a larger one is a run of extents of its own. Memory that was dropped is handed out
//! again untouched, the warmest first: fresh memory is 15 to 30 times slower to get than to compute on.

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

use std::{
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicPtr, AtomicU32, Ordering::Relaxed},
    },
};

use self::{
    ahead::Ahead,
    class::{CLASSES, LARGEST, LINE, MAGAZINES, class_of, magazine_room, size_of_class, slab_extents},
    extent::Run,
    growth::Core,
};
use super::{
    fork::Home,
    quota::Quota,
    segment::{HUGE_PAGE, Role, Segment},
};
use crate::Result;

/// Large blocks begin at a different odd line of their first page each, so that operands do not alias.
const STAGGER: usize = 64 * LINE;
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
        let class = class_of(bytes.min(LARGEST));
        if class >= MAGAZINES || !self.0.home.is_here() {
            return None;
        }
        let offset = POP(&self.0.core, class)?;
        Some(LoneBlock { offset, len: bytes, place: Place::small(class) })
    }

    #[cold]
    #[inline(never)]
    fn alloc_anew(&self, bytes: usize) -> Result<LoneBlock> {
        self.0.home.check()?;
        let class = class_of(bytes.min(LARGEST));
        let (offset, place) =
            if bytes <= LARGEST { self.alloc_from_slab(bytes, class)? } else { self.alloc_extents(bytes)? };
        Ok(LoneBlock { offset, len: bytes, place })
    }

    /// Takes a block back that this pool gave out.
    #[inline]
    pub(crate) fn free_lone(&self, block: LoneBlock) {
        let class = block.place.first as usize;
        // In a forked process the block is left alone.
        let kept = !self.0.home.is_here()
            || block.place.run().is_none() && class < MAGAZINES && PUSH(&self.0.core, class, block.offset);
        if !kept {
            PUT(self, block);
        }
    }

    #[inline(never)]
    fn put(&self, block: LoneBlock) {
        match block.place.run() {
            None => self.put_small(block.place.first as usize, block.offset),
            Some(run) => self.put_run(run),
        }
    }

    /// The first byte of a block of this pool in this process, 64-byte aligned.
    #[inline]
    pub(crate) fn address_of(&self, block: &LoneBlock) -> NonNull<u8> {
        let base = self.0.base.load(Relaxed);
        NonNull::new(base.wrapping_add(block.offset as usize)).expect("no block is at address zero")
    }

    #[cold]
    fn alloc_from_slab(&self, bytes: usize, class: usize) -> Result<(u64, Place)> {
        let core = &self.0.core;
        let most = if class < MAGAZINES { magazine_room(class).div_ceil(2) } else { 1 };
        let mut class = class;
        let mut blocks = core.slabs(class).take(most);
        while blocks.is_empty() {
            // The class is not locked while the pool grows: growth looks through all classes for free slabs.
            let slab = self.take_extents(Some(slab_extents(class)), bytes);
            match slab.or_else(|_| self.take_extents(Some(1), bytes)) {
                Ok((slab, _)) => {
                    let mut slabs = core.slabs(class);
                    slabs.cut(class, slab);
                    blocks = slabs.take(most);
                }
                Err(error) => {
                    // Where no extent is left, a free block of a larger class will do.
                    let mut larger = (class..CLASSES).map(|class| (class, core.slabs(class).take(1)));
                    let Some(found) = larger.find(|(_, blocks)| !blocks.is_empty()) else { return Err(error) };
                    (class, blocks) = found;
                }
            }
        }
        let offset = blocks.pop().expect("not empty");
        magazine::settle(core);
        core.account.add(size_of_class(class) as i64);
        if class < MAGAZINES {
            magazine::stock(core, class, &mut blocks);
        }
        Ok((offset, Place::small(class)))
    }

    #[cold]
    fn alloc_extents(&self, bytes: usize) -> Result<(u64, Place)> {
        let run = self.take_run(extents_for(bytes), bytes)?;
        let line = 2 * (self.0.turn.fetch_add(1, Relaxed) as usize * 13 % 32) + 1;
        let offset = run.start as usize * HUGE_PAGE + line * LINE;
        Ok((offset as u64, Place { first: run.start, extents: run.len }))
    }

    /// Takes a run of extents for `bytes` into use.
    fn take_run(&self, extents: Option<u32>, bytes: usize) -> Result<Run> {
        let core = &self.0.core;
        let (run, grown) = self.take_extents(extents, bytes)?;
        if grown && run.len >= AHEAD_FROM && core.ahead_percent.load(Relaxed) > 0 {
            self.0.ahead.ask(core, run.len);
        }
        magazine::settle(core);
        core.account.add(i64::from(run.len) * HUGE_PAGE as i64);
        Ok(run)
    }

    /// Takes a run of extents, `None` being more than there can be; says whether the pool grew for it.
    fn take_extents(&self, extents: Option<u32>, bytes: usize) -> Result<(Run, bool)> {
        let core = &self.0.core;
        let Some(extents) = extents else { return Err(core.out_of_memory(bytes as u64)) };
        let taken = core.take(extents).or_else(|_| {
            // A slab may be waiting for no more than what this thread keeps.
            magazine::empty(core);
            core.take(extents)
        });
        taken.map_err(|error| named(error, bytes))
    }

    fn put_run(&self, run: Run) {
        magazine::settle(&self.0.core);
        self.0.core.account.add(-i64::from(run.len) * HUGE_PAGE as i64);
        self.0.core.put(run);
    }

    /// Grows now so that a block of `bytes` can be had later without growth.
    ///
    /// # Errors
    /// As [`alloc`](Self::alloc).
    pub fn reserve(&self, bytes: usize) -> Result<()> {
        self.0.home.check()?;
        let core = &self.0.core;
        let extents = if bytes <= LARGEST { Some(slab_extents(class_of(bytes))) } else { extents_for(bytes) };
        let (run, _) = self.take_extents(extents, bytes)?;
        core.put(run);
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

/// Extents for a large block wherever in its first page it begins; `None` when no segment is that long.
fn extents_for(bytes: usize) -> Option<u32> {
    u32::try_from(bytes.checked_add(STAGGER)?.div_ceil(HUGE_PAGE)).ok()
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

/// Where a block lies: in a slab of the class `first`, or, of some extents, in a run of its own. Two numbers and no more, so
/// that a block is handed on in registers.
#[derive(Debug, Clone, Copy)]
struct Place {
    first: u32,
    extents: u32,
}

impl Place {
    #[inline]
    fn small(class: usize) -> Place {
        Place { first: class as u32, extents: 0 }
    }

    #[inline]
    fn run(self) -> Option<Run> {
        (self.extents > 0).then_some(Run { start: self.first, len: self.extents })
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
        magazine::settle(core);
        core.account.add(-(size_of_class(class) as i64));
        core.slabs(class).put([offset]);
    }
}

#[cfg(test)]
mod tests;
