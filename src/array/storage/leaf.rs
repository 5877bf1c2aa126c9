//! Elements that are there as operands of programs, of a type that is told: compiled once for all types.

use crate::array::shape::dims::Dims;
use crate::array::storage::shared::Shared;
#[cfg(doc)]
use crate::array::storage::store::Held;
use crate::array::storage::store::{Leaf, Seen, Store};
use kernels::DType;

/// [`Held::leaf_as`] of elements of `size` bytes in a store.
pub(in crate::array) fn leaf_of(
    store: &Shared<Store>,
    (first, shape, strides): (*const u8, &[usize], &[isize]),
    dtype: DType,
    size: usize,
) -> Leaf {
    assert_eq!(dtype.size(), size, "bytes of an element of {}", dtype.name());
    let offset = first.addr().wrapping_sub(store.base().addr());
    let (shape, strides) = (Dims::new(shape), Dims::new(strides));
    let leaf = Leaf { store: store.clone(), offset, shape, strides, dtype, partition: None };
    if lies_on_words(leaf.address(), size) || leaf.shape.contains(&0) {
        return leaf;
    }
    match store.beside() {
        Ok(Some(block)) => Leaf { store: block.clone(), ..leaf },
        Ok(None) => leaf,
        Err(error) => panic!("elements that are not aligned to {} bytes: {error}", word_of(size)),
    }
}

/// Bytes of the words that kernels move elements of `size` bytes as.
fn word_of(size: usize) -> usize {
    size.clamp(1, align_of::<u64>())
}

/// Whether elements of `size` bytes that begin at `first` are aligned to the words that kernels move them as.
pub(in crate::array) fn lies_on_words(first: *const u8, size: usize) -> bool {
    first.addr().is_multiple_of(word_of(size))
}

/// Panics where an element of `size` bytes is outside of the store's memory.
pub(in crate::array) fn check_inside(store: &Shared<Store>, seen: Seen<'_>, size: usize) {
    if seen.shape.contains(&0) {
        return;
    }
    let ends = seen.shape.iter().zip(seen.strides).map(|(&n, &stride)| stride * (n as isize - 1));
    let (before, after) = ends.fold((0, 0), |(low, high), end| (low + end.min(0), high + end.max(0)));
    let (offset, size) = (seen.at.addr() as isize - store.base().addr() as isize, size as isize);
    let inside = offset + before * size >= 0 && offset + (after + 1) * size <= store.len() as isize;
    assert!(inside, "a view of elements that are not in its array's memory");
}

/// The elements of a view in the store's memory, as an operand.
///
/// # Panics
/// As [`Held::part`].
pub(crate) fn leaf_of_part(store: &Shared<Store>, seen: Seen<'_>, dtype: DType) -> Leaf {
    check_inside(store, seen, dtype.size());
    leaf_of(store, (seen.at, seen.shape, seen.strides), dtype, dtype.size())
}
