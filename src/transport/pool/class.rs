//! Size classes of small blocks, and how each is cut from a slab of pages.

use super::spans::{PAGE, PAGES};

/// Alignment and granularity of every block: a cache line.
pub(super) const LINE: usize = 64;
/// The largest small block; what is larger is a span of pages of its own. It costs far more to fill than a lock.
pub(super) const LARGEST: usize = 128 << 10;
/// Number of classes: eight of up to 512 bytes, then eight in each doubling.
pub(super) const CLASSES: usize = class_of(LARGEST) + 1;

/// The class of a block of `bytes`; [`CLASSES`] and more where it is larger than [`LARGEST`].
#[inline]
pub(super) const fn class_of(bytes: usize) -> usize {
    let lines = bytes.div_ceil(LINE);
    if lines <= 8 {
        return lines.saturating_sub(1);
    }
    let top = (lines - 1).ilog2() as usize;
    let eighth = (lines - 1) >> (top - 3);
    8 + (top - 3) * 8 + (eighth - 8)
}

/// Bytes that a block of a class holds.
#[inline]
pub(super) const fn size_of_class(class: usize) -> usize {
    let lines = if class < 8 { class + 1 } else { (9 + (class - 8) % 8) << ((class - 8) / 8) };
    lines * LINE
}

/// Pages of a slab, from which the blocks of a class are cut, where the class has slabs of `there` pages already: few at first, so that a
/// class of which a program has few blocks takes little; then an eighth of what is there.
pub(super) const fn slab_pages(class: usize, there: u64) -> u32 {
    let blocks = if size_of_class(class) > 16 << 10 { 4 } else { 8 };
    let least = pages_for(class, blocks);
    let least = if least > 16 { least } else { 16 };
    let share = if there / 8 < PAGES as u64 { there as u32 / 8 } else { PAGES };
    if share > least { share } else { least }
}

/// Pages of the smallest slab, which will do where there is no room for another.
pub(super) const fn least_slab(class: usize) -> u32 {
    pages_for(class, 1)
}

const fn pages_for(class: usize, blocks: usize) -> u32 {
    (lead(class) + blocks * stride(class)).div_ceil(PAGE) as u32
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

/// Blocks in a slab of so many pages.
pub(super) const fn blocks_in_slab(class: usize, pages: u32) -> usize {
    (pages as usize * PAGE - lead(class)) / stride(class)
}

/// Offset in its slab of a class's `index`th block.
pub(super) const fn place_in_slab(class: usize, index: usize) -> usize {
    lead(class) + index * stride(class)
}

/// Blocks of a class that a thread keeps at most: some 64 KiB of them, and two where they are larger. A table, because dividing is slow.
const ROOMS: [u8; CLASSES] = {
    let mut rooms = [0; CLASSES];
    let mut class = 0;
    while class < CLASSES {
        let blocks = (64 << 10) / size_of_class(class);
        rooms[class] = if blocks > 32 {
            32
        } else if blocks < 2 {
            2
        } else {
            blocks as u8
        };
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
        assert!(blocks_in_slab(class, slab_pages(class, 0)) >= 4, "a slab must hold several blocks");
        assert!(blocks_in_slab(class, least_slab(class)) >= 1, "a slab must hold a block");
        assert!(magazine_room(class) >= 1);
        class += 1;
    }
    assert!(size_of_class(CLASSES - 1) == LARGEST && class_of(LARGEST + 1) == CLASSES);
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
            assert!(size_of_class(class) <= bytes.max(LINE).next_multiple_of(LINE) * 9 / 8, "{bytes}");
        }
    }

    #[test]
    fn blocks_lie_in_their_slab_and_neighbours_do_not_alias() {
        for class in 0..CLASSES {
            for pages in [least_slab(class), slab_pages(class, 0), slab_pages(class, 1 << 20)] {
                let last = place_in_slab(class, blocks_in_slab(class, pages) - 1) + size_of_class(class);
                assert!(last <= pages as usize * PAGE);
            }
            let (first, second) = (place_in_slab(class, 0), place_in_slab(class, 1));
            assert!(first.is_multiple_of(LINE) && second.is_multiple_of(LINE));
            assert_ne!(first % 4096, second % 4096, "class {class}");
        }
    }
}
