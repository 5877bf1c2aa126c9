//! Size classes of small blocks, and how each is cut from a slab of extents.

use crate::transport::segment::HUGE_PAGE;

/// Alignment and granularity of every block: a cache line.
pub(super) const LINE: usize = 64;
/// The largest small block; what is larger is a run of extents of its own.
pub(super) const LARGEST: usize = 1 << 20;
/// Number of classes: eight of up to 512 bytes, then four in each doubling.
pub(super) const CLASSES: usize = class_of(LARGEST) + 1;
/// Classes that threads keep magazines of: up to 128 KiB. A larger block costs far more to fill than a lock.
pub(super) const MAGAZINES: usize = class_of(128 << 10) + 1;

/// The class of a block of `bytes`, at most [`LARGEST`].
#[inline]
pub(super) const fn class_of(bytes: usize) -> usize {
    let lines = bytes.div_ceil(LINE);
    if lines <= 8 {
        return lines.saturating_sub(1);
    }
    let top = (lines - 1).ilog2() as usize;
    let quarter = (lines - 1) >> (top - 2);
    8 + (top - 3) * 4 + (quarter - 4)
}

/// Bytes that a block of a class holds.
#[inline]
pub(super) const fn size_of_class(class: usize) -> usize {
    let lines = if class < 8 { class + 1 } else { (5 + (class - 8) % 4) << ((class - 8) / 4 + 1) };
    lines * LINE
}

/// Extents of a slab, from which the blocks of a class are cut; a slab of one extent will do where there is no room.
pub(super) const fn slab_extents(class: usize) -> u32 {
    if class < MAGAZINES { 1 } else { 4 }
}

/// Bytes from one block to the next: an odd number of spare lines keeps neighbours of 2 KiB and more from beginning at
/// the same offset of their pages, where loads of one operand would wait for stores to another (4 KiB aliasing).
const fn stride(class: usize) -> usize {
    let size = size_of_class(class);
    let spare = if size < 2048 {
        0
    } else if size < 12 << 10 {
        (size / 1024) | 1
    } else {
        13
    };
    size + spare * LINE
}

/// Where the first block of a slab begins: differs from class to class, by an odd number of lines.
const fn lead(class: usize) -> usize {
    (2 * (class * 5 % 16) + 1) * LINE
}

/// Blocks in a slab of so many extents.
pub(super) const fn blocks_in_slab(class: usize, extents: u32) -> usize {
    (extents as usize * HUGE_PAGE - lead(class)) / stride(class)
}

/// Offset in its slab of a class's `index`th block.
pub(super) const fn place_in_slab(class: usize, index: usize) -> usize {
    lead(class) + index * stride(class)
}

/// Blocks of a class that a thread keeps at most: some 128 KiB of them. A table, because dividing is slow.
const ROOMS: [u8; MAGAZINES] = {
    let mut rooms = [0; MAGAZINES];
    let mut class = 0;
    while class < MAGAZINES {
        let blocks = (128 << 10) / size_of_class(class);
        rooms[class] = if blocks > 32 { 32 } else { blocks as u8 };
        class += 1;
    }
    rooms
};

/// Blocks of a class that a thread keeps at most.
#[inline]
pub(super) const fn magazine_room(class: usize) -> usize {
    ROOMS[class] as usize
}

const _: () = {
    let mut class = 0;
    while class < CLASSES {
        assert!(class_of(size_of_class(class)) == class);
        assert!(blocks_in_slab(class, slab_extents(class)) >= 6, "a slab must hold several blocks");
        assert!(blocks_in_slab(class, 1) >= 1, "a slab must hold a block");
        assert!(class >= MAGAZINES || magazine_room(class) >= 1);
        class += 1;
    }
    assert!(size_of_class(CLASSES - 1) == LARGEST);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_fits_its_class_and_no_smaller_one() {
        for bytes in (0..5000).chain((5000..=LARGEST).step_by(61)).chain([LARGEST]) {
            let class = class_of(bytes);
            assert!(size_of_class(class) >= bytes, "{bytes}");
            assert!(class == 0 || size_of_class(class - 1) < bytes, "{bytes}");
            assert!(size_of_class(class) <= bytes.max(LINE).next_multiple_of(LINE) * 5 / 4, "{bytes}");
        }
    }

    #[test]
    fn blocks_lie_in_their_slab_and_neighbours_do_not_alias() {
        for class in 0..CLASSES {
            for extents in [1, slab_extents(class)] {
                let last = place_in_slab(class, blocks_in_slab(class, extents) - 1) + size_of_class(class);
                assert!(last <= extents as usize * HUGE_PAGE);
            }
            let (first, second) = (place_in_slab(class, 0), place_in_slab(class, 1));
            assert!(first.is_multiple_of(LINE) && second.is_multiple_of(LINE));
            assert_ne!(first % 4096, second % 4096, "class {class}");
        }
    }
}
