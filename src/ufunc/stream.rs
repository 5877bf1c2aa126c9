//! Non-temporal stores: a group of results goes to memory past the caches, which then need not read the lines first.

/// Bytes of a cache line.
const LINE: usize = 64;

/// A buffer on a cache-line border.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line<T>(pub T);

/// Writes `bytes` (a multiple of 16, known at compile time) from `src` to `dst`, past the caches, `ISA` being an
/// [`Isa`](super::simd::Isa) as a number.
///
/// # Safety
///
/// `src` and `dst` are valid for `bytes`, `dst` on a 64-byte border, or on `bytes`' where that is less; the processor has `ISA`.
/// Another thread may look at `dst` only after [`fence`] and a synchronisation.
#[inline(always)]
pub(super) unsafe fn store<const ISA: u8>(dst: *mut u8, src: *const u8, bytes: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::*;
        let mut at = 0;
        while at < bytes {
            // SAFETY: `at` stays below `bytes`, which is a multiple of the step in each branch, so source and destination are
            // valid, and `dst` aligned, for it; the wider instructions are reached only where the caller says that they exist.
            unsafe {
                if ISA == 2 && bytes.is_multiple_of(64) {
                    _mm512_stream_si512(dst.add(at).cast(), _mm512_loadu_si512(src.add(at).cast()));
                    at += 64;
                } else if ISA >= 1 && bytes.is_multiple_of(32) {
                    _mm256_stream_si256(dst.add(at).cast(), _mm256_loadu_si256(src.add(at).cast()));
                    at += 32;
                } else {
                    _mm_stream_si128(dst.add(at).cast(), _mm_loadu_si128(src.add(at).cast()));
                    at += 16;
                }
            }
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: both are valid for `bytes`, and an output overlaps no local buffer.
    unsafe {
        std::ptr::copy_nonoverlapping(src, dst, bytes);
    }
}

/// Copies `bytes`, whole lines of the destination past the caches.
///
/// # Safety
///
/// `src` and `dst` are valid for `bytes` and do not overlap; the processor has `ISA`. As for [`store`], [`fence`] comes before others look.
#[inline(always)]
pub(super) unsafe fn copy<const ISA: u8>(dst: *mut u8, src: *const u8, bytes: usize) {
    let head = dst.align_offset(LINE).min(bytes);
    let lines = (bytes - head) / LINE;
    // SAFETY: head, lines and tail are the `bytes` one after the other; behind the head the destination is on a border.
    unsafe {
        std::ptr::copy_nonoverlapping(src, dst, head);
        for line in 0..lines {
            let at = head + line * LINE;
            store::<ISA>(dst.add(at), src.add(at), LINE);
        }
        let at = head + lines * LINE;
        std::ptr::copy_nonoverlapping(src.add(at), dst.add(at), bytes - at);
    }
}

/// Asks for the cache line at `address`, which may be any: the processor ignores what it cannot have.
#[inline(always)]
pub(super) fn prefetch(address: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch is a hint: it reads nothing that a program sees, and faults at no address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// Asks for all cache lines of `bytes` from `address` on.
#[inline(always)]
pub(super) fn prefetch_all(address: *const u8, bytes: usize) {
    for at in (0..bytes).step_by(64) {
        prefetch(address.wrapping_add(at));
    }
}

/// Asks for all cache lines of `bytes` from `address` on, to be in the second-level cache later.
#[inline(always)]
pub(super) fn prefetch_far(address: *const u8, bytes: usize) {
    for at in (0..bytes).step_by(LINE) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as in `prefetch`.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T1>(address.wrapping_add(at).cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (address, at);
    }
}

/// Makes what [`store`] wrote visible before anything written later.
pub(super) fn fence() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}
