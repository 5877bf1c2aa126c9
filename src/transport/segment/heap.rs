//! The heap-backed twin of a mapping: zeroed, 2 MiB-aligned memory of one process.

use std::{
    alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error},
    ptr::NonNull,
};

use super::HUGE_PAGE;

/// An allocation with a 2 MiB-aligned part of the wanted length in it.
#[derive(Debug)]
pub(super) struct Heap {
    whole: NonNull<u8>,
    lead: usize,
    layout: Layout,
}

// SAFETY: an allocation belongs to no thread, and the struct itself is never mutated.
unsafe impl Send for Heap {}
// SAFETY: as above; the bytes are only reached through atomics or `unsafe` code that argues for itself.
unsafe impl Sync for Heap {}

impl Heap {
    /// Over-allocates and aligns by hand: the allocator zeroes lazily for small alignments only.
    pub(super) fn new(len: usize) -> Heap {
        let layout = Layout::from_size_align(len + HUGE_PAGE, 64).expect("length was checked by the caller");
        // SAFETY: the layout's size is at least HUGE_PAGE, so not zero.
        let whole = NonNull::new(unsafe { alloc_zeroed(layout) }).unwrap_or_else(|| handle_alloc_error(layout));
        let lead = whole.as_ptr().addr().next_multiple_of(HUGE_PAGE) - whole.as_ptr().addr();
        Heap { whole, lead, layout }
    }

    #[inline]
    pub(super) fn base(&self) -> NonNull<u8> {
        // SAFETY: lead < HUGE_PAGE, by which the allocation is longer than what is used.
        unsafe { self.whole.add(self.lead) }
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        // SAFETY: allocated by `new` with this layout, and freed once.
        unsafe { dealloc(self.whole.as_ptr(), self.layout) }
    }
}
