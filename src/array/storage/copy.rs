//! Copies of arrays: in from ndarray's, out to them, on write, and to where engine processes see them; and vectors moved in and out.

use ndarray::{Array, ArrayRef, ArrayView, ArrayView1, ArrayViewMut, Axis, Dimension, ShapeBuilder, Slice};

use crate::array::evaluate;
use crate::array::expression::node::Operand;
use crate::array::loops::walk::{self, GRAIN, Walk};
use crate::array::shape::broadcast::{memory_order, strides_in_order};
use crate::array::shape::dims::{Dims, SMALL, volume};
use crate::array::storage::owned::{KindOf, Owned, Parts, dtype_of, parts};
use crate::array::storage::shared::Shared;
use crate::array::storage::store::{Held, Seen, Store, filled, view_of};
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};

// A pointer, as those of `transport/pool`.
const COPIED: unsafe fn(&Hub, usize, Seen<'_>) -> Option<Shared<Store>> = copied_small;

/// A copy of a view in the pool, in the same memory order.
pub(crate) fn copy_in<A: Element, D: Dimension>(hub: &Hub, view: &ArrayView<'_, A, D>) -> Result<Held<A, D>> {
    hub.count_copied((view.len() * size_of::<A>()) as u64);
    // SAFETY: an element is `Copy`.
    match unsafe { copy_small(hub, view) } {
        Some(held) => Ok(held),
        None => walk::copy(hub, "scatter", view),
    }
}

/// A copy of a small row-major view in the pool, of elements of any type; `None` where they are no numbers, and where the general way must be taken.
pub(in crate::array) fn copy_of_numbers<A, D: Dimension>(hub: &Hub, view: &ArrayRef<A, D>) -> Option<Held<A, D>> {
    dtype_of::<A>()?;
    // SAFETY: the bits of numbers may be copied.
    unsafe { copy_small(hub, view) }
}

/// A copy of a small row-major view in the pool; `None` where the general way must be taken.
///
/// # Safety
/// The elements' bits may be copied.
unsafe fn copy_small<A, D: Dimension>(hub: &Hub, view: &ArrayRef<A, D>) -> Option<Held<A, D>> {
    // SAFETY: the view's elements, of this size.
    let store = unsafe { COPIED(hub, size_of::<A>(), Seen::of(view))? };
    // SAFETY: as many elements as the view has, of whose shape the array is, were written.
    Some(unsafe { Held::in_store(store, view.raw_dim()) })
}

/// # Safety
/// The elements are valid for reads, of `size` bytes.
unsafe fn copied_small(hub: &Hub, size: usize, from: Seen<'_>) -> Option<Shared<Store>> {
    let n = volume(from.shape);
    if n > SMALL || !from.is_row_major() {
        return None;
    }
    let fill = |out: *mut u8| {
        // SAFETY: elements side by side, and a fresh block for as many.
        unsafe { std::ptr::copy_nonoverlapping(from.at, out, n * size) };
        true
    };
    // SAFETY: `fill` writes all elements.
    unsafe { filled(hub, n * size, fill) }
}

/// A copy of a vector's bytes in a block, at the same offsets. They are of a type without padding and pointers.
fn copy_for_engines(store: &Store) -> Result<Shared<Store>> {
    let bytes = store.len();
    let block = if bytes.is_multiple_of(size_of::<u64>()) && store.base().addr().is_multiple_of(align_of::<u64>()) {
        // SAFETY: aligned, and all of the vector's bytes, which are initialised; nobody writes them while the store is borrowed.
        let words = unsafe { ArrayView1::from_shape_ptr(bytes / size_of::<u64>(), store.base().cast::<u64>()) };
        walk::copy(store.hub(), "copy for engines", &words)?.store
    } else {
        // SAFETY: as above; bytes are always aligned.
        let all = unsafe { ArrayView1::from_shape_ptr(bytes, store.base().cast_const()) };
        walk::copy(store.hub(), "copy for engines", &all)?.store
    };
    store.hub().count_copied(bytes as u64);
    Ok(block)
}

impl<A, D: Dimension> Held<A, D> {
    /// An array that was moved in: it keeps its memory.
    pub(crate) fn own(hub: Hub, array: Array<A, D>) -> Held<A, D> {
        let (dim, strides) = (array.raw_dim(), Dims::new(array.strides()));
        let (vector, first) = array.into_raw_vec_and_offset();
        // Of a vector without memory no address is to be reckoned from; no element is looked for there.
        let nowhere = vector.capacity() * size_of::<A>() == 0;
        let strides = if nowhere { Dims::from_fn(strides.len(), |axis| strides[axis].abs()) } else { strides };
        let mut vector = vector;
        // Of zeros that nobody has touched no page is there yet.
        walk::advise_huge(&mut vector);
        let vector = parts(vector);
        let ptr = vector.0.cast::<A>().as_ptr().wrapping_add(first.unwrap_or(0));
        // SAFETY: the parts of a vector of this type; it is forgotten.
        let store = unsafe { Owned::store(hub, vector, KindOf::<A>::KIND, copy_for_engines) };
        // SAFETY: the shape and strides that the array had over the same memory, which the store keeps.
        let view = unsafe { view_of(ptr, dim, &strides) };
        Held { view, store }
    }

    /// Whether the memory is the array's own, and nobody else looks into it.
    pub(crate) fn owns_alone(&mut self) -> bool {
        self.store.get_mut().is_some_and(|store| store.owned().is_some())
    }

    /// The array as ndarray's: its own memory where it owns some and nobody else looks into that, else a copy.
    ///
    /// # Errors
    /// Those of [`to_array`](Held::to_array).
    pub(crate) fn into_array(mut self) -> Result<Array<A, D>> {
        let (offset, dim, strides) = (self.offset(), self.view.raw_dim(), Dims::new(self.view.strides()));
        match self.store.get_mut().and_then(Store::owned_mut) {
            Some((owned, base, hub)) => {
                // SAFETY: a view of `A`s over the vector's elements; two types of one view have the same bits (`Held::from_leaf`).
                let vector = unsafe { owned.take::<A>(base, hub) };
                Ok(arranged(vector, offset.checked_div(size_of::<A>()).unwrap_or(0), dim, &strides))
            }
            None => self.copied(),
        }
    }

    /// A copy of the elements as an ndarray, in the same memory order.
    ///
    /// # Errors
    /// Those of [`to_array`](Held::to_array).
    pub(crate) fn copied(&self) -> Result<Array<A, D>> {
        match self.store.owned() {
            Some(owned) if dtype_of::<A>().is_none() => {
                let (vector, order) = self.cloned(owned)?;
                // SAFETY: the clone function was left for elements of this type, and gives the parts of a vector of them.
                let elements = unsafe { Vec::from_raw_parts(vector.0.cast::<A>().as_ptr(), vector.1, vector.2) };
                in_order(self.view.raw_dim(), &order, elements)
            }
            // SAFETY: the bits of a block's elements may be copied, and so may those of numbers.
            _ => unsafe { self.copied_out() },
        }
    }

    /// A copy of the elements as an ndarray, in the same memory order, made by several threads.
    ///
    /// # Safety
    /// The elements' bits may be copied.
    unsafe fn copied_out(&self) -> Result<Array<A, D>> {
        let (hub, view) = (self.store.hub(), self.view.view());
        let order = memory_order(view.shape(), &[view.strides()]);
        // SAFETY: the caller's promise.
        let elements = unsafe { walk::bits_out(hub, "gather", &view, &order) }?;
        hub.count_copied(size_of_val(&*elements) as u64);
        in_order(view.raw_dim(), &order, elements)
    }

    /// The elements in memory of their own, with the same strides where those leave no large gaps (see `clone` of
    /// [`DistArray`](crate::DistArray)).
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(crate) fn duplicate(&self) -> Result<Held<A, D>> {
        if self.view.is_empty() && align_of::<A>() <= 64 {
            let store = Shared::new(Store::new(self.store.hub(), 0)?);
            // SAFETY: a view of nothing, whose pointer is that of a block, which is aligned to 64 bytes.
            let view = unsafe { view_of(store.base().cast(), self.view.raw_dim(), self.view.strides()) };
            return Ok(Held { view, store });
        }
        self.copy_of_span(Held::without_gaps).unwrap_or_else(|| self.without_gaps())
    }

    /// The elements in memory of their own, without gaps, in the same memory order.
    pub(in crate::array) fn without_gaps(&self) -> Result<Held<A, D>> {
        let hub = self.store.hub();
        match self.store.owned() {
            Some(owned) if dtype_of::<A>().is_none() => {
                let (vector, order) = self.cloned(owned)?;
                let strides = strides_in_order(self.view.shape(), &order);
                let ptr = vector.0.cast::<A>().as_ptr();
                // SAFETY: the parts of a vector of the same kind, which nobody else has.
                let store = unsafe { Owned::store(hub.clone(), vector, owned.kind, copy_for_engines) };
                // SAFETY: the vector has the elements of this shape without gaps, and the store keeps it.
                let view = unsafe { view_of(ptr, self.view.raw_dim(), &strides) };
                Ok(Held { view, store })
            }
            // Both are in the pool, so engine processes may take part.
            None if self.view.len() > SMALL
                && let Some(dtype) = walk::dtype_of_bits(size_of::<A>()) =>
            {
                let leaf = Operand::Leaf(self.leaf_as(dtype));
                let copy = evaluate::map(hub, self.view.shape(), &[leaf])?.swap_remove(0);
                // SAFETY: the bits of the elements, which may be copied, since they are a block's.
                Ok(unsafe { Held::of_leaf(&copy) })
            }
            // SAFETY: the bits of a block's elements may be copied, and so may those of numbers.
            _ => unsafe { walk::copy_bits(hub, "copy on write", &self.view.view()) },
        }
    }

    /// Clones of the elements in the memory order of this view, as the parts of a vector, and that order.
    fn cloned(&self, owned: &Owned) -> Result<(Parts, Dims)> {
        let clone =
            owned.clone.get().ok_or_else(|| Error::invalid("shared elements that nobody has said how to clone"))?;
        let (shape, strides) = (self.view.shape(), self.view.strides());
        let order = memory_order(shape, &[strides]);
        // SAFETY: the view's elements, of the type that the function was left for (`clone`), are borrowed for the call.
        Ok((unsafe { clone(self.view.as_ptr().cast(), shape, strides, &order) }, order))
    }
}

impl<A: Element, D: Dimension> Held<A, D> {
    /// The same elements where engine processes see them, if they take part: this array's block, or the copy beside its own memory. Without
    /// memory for that, in a hub of threads, and where there are too few to be shared, this array as it is.
    pub(crate) fn for_engines(&self) -> Held<A, D> {
        let shared = self.store.hub().shares_with_processes() && self.view.len() > GRAIN;
        let beside = if shared { self.store.beside() } else { Ok(None) };
        let Ok(Some(block)) = beside else { return self.clone() };
        let ptr = block.base().wrapping_add(self.offset()).cast::<A>();
        // SAFETY: the block has the bytes of all of the original at the same places, and is kept beside the view.
        let view = unsafe { view_of(ptr, self.view.raw_dim(), self.view.strides()) };
        Held { view, store: block.clone() }
    }

    /// A copy of the elements as an ndarray, in the same memory order, made by several threads.
    ///
    /// # Errors
    /// [`Error::Panicked`], which the threads would have to say.
    pub(crate) fn to_array(&self) -> Result<Array<A, D>> {
        // SAFETY: an element is `Copy`.
        unsafe { self.copied_out() }
    }
}

/// The array whose elements lie in `elements` with its axes in `order`, outermost first.
fn in_order<A, D: Dimension>(dim: D, order: &[usize], elements: Vec<A>) -> Result<Array<A, D>> {
    let mut strides = D::zeros(dim.ndim());
    let of_order = strides_in_order(dim.slice(), order);
    strides.slice_mut().iter_mut().zip(&*of_order).for_each(|(place, &stride)| *place = stride as usize);
    Array::from_shape_vec(dim.strides(strides), elements).map_err(|error| Error::invalid(error.to_string()))
}

/// The array of these strides whose element at index 0, 0, … is the `first` of a vector. Where ndarray has no safe way to say so (a slice
/// that begins between the steps of its strides), the elements are moved together.
fn arranged<A, D: Dimension>(mut vector: Vec<A>, first: usize, dim: D, strides: &[isize]) -> Array<A, D> {
    let shaped = |shape, vector| match Array::<A, D>::from_shape_vec(shape, vector) {
        Ok(array) => array,
        Err(error) => unreachable!("a shape that an array had: {error}"),
    };
    if dim.slice().contains(&0) {
        vector.clear();
        return shaped(dim.into(), vector);
    }
    // The array begins at the vector's start in a longer one, of which it is the end along each axis.
    let backwards = strides.iter().zip(dim.slice()).filter(|(stride, _)| **stride < 0);
    let behind: usize = backwards.map(|(stride, length)| stride.unsigned_abs() * (length - 1)).sum();
    let mut rest = if size_of::<A>() == 0 { 0 } else { first - behind };
    let mut axes: Vec<usize> = (0..strides.len()).filter(|&axis| strides[axis] != 0).collect();
    axes.sort_by_key(|&axis| std::cmp::Reverse(strides[axis].unsigned_abs()));
    let (mut longer, mut ahead, mut steps) = (dim.clone(), D::zeros(strides.len()), D::zeros(strides.len()));
    for axis in axes {
        let step = strides[axis].unsigned_abs();
        steps[axis] = step;
        ahead[axis] = rest / step;
        longer[axis] += rest / step;
        rest %= step;
    }
    let shape = longer.strides(steps);
    if rest == 0 && ArrayViewMut::from_shape(shape.clone(), &mut vector).is_ok() {
        let mut array = shaped(shape, vector);
        for (axis, &stride) in strides.iter().enumerate() {
            array.slice_axis_inplace(Axis(axis), Slice::from(ahead[axis]..));
            if stride < 0 {
                array.invert_axis(Axis(axis));
            }
        }
        return array;
    }
    let order = memory_order(dim.slice(), &[strides]);
    let mut elements = Vec::with_capacity(dim.size());
    let walk = Walk::new(dim.slice(), &order, [strides]);
    let each = |take: &mut dyn FnMut(usize)| {
        walk.runs(0..dim.size(), |[offset], [step], _, length| {
            (0..length as isize).for_each(|i| take(first.wrapping_add_signed(offset + step * i)));
        });
    };
    if std::mem::needs_drop::<A>() {
        let mut slots: Vec<Option<A>> = vector.into_iter().map(Some).collect();
        each(&mut |place| elements.extend(slots[place].take()));
    } else {
        // SAFETY: no element has a destructor, so none is lost by being forgotten.
        unsafe { vector.set_len(0) };
        // SAFETY: places of the view, which was one of the vector's elements, each met once.
        each(&mut |place| elements.push(unsafe { vector.as_ptr().add(place).read() }));
    }
    match in_order(dim, &order, elements) {
        Ok(array) => array,
        Err(error) => unreachable!("as many elements as the shape has: {error}"),
    }
}

/// The elements of an array in row-major order: its own vector where they lie so.
pub(in crate::array) fn into_row_major<A, D: Dimension>(array: Array<A, D>) -> Vec<A> {
    if array.is_standard_layout() {
        let length = array.len();
        let (mut elements, first) = array.into_raw_vec_and_offset();
        let first = first.unwrap_or(0);
        elements.truncate(first + length);
        elements.drain(..first);
        return elements;
    }
    let mut moved = Array::uninit(array.raw_dim());
    array.move_into_uninit(&mut moved);
    // SAFETY: each element was moved to its place, or this would not be reached.
    let moved: Array<A, D> = unsafe { moved.assume_init() };
    moved.into_raw_vec_and_offset().0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_is_arranged_as_the_view_over_it_was() {
        let of = |at: usize| 10 * at as i64;
        for (dim, strides, first) in [
            ([4, 6], [6isize, 1], 0usize),
            ([2, 6], [6, 1], 12),
            ([2, 3], [6, 1], 8),
            ([2, 3], [6, 2], 7),
            ([2, 3], [12, 2], 7),
            ([6, 4], [1, 6], 0),
            ([4, 6], [-6, -1], 23),
            ([2, 2], [-6, 2], 14),
            ([1, 6], [0, 1], 18),
            ([1, 1], [0, 0], 5),
            ([0, 6], [6, 1], 12),
        ] {
            let vector: Vec<i64> = (0..24).map(of).collect();
            let at = vector.as_ptr();
            let array = arranged(vector, first, ndarray::Ix2(dim[0], dim[1]), &strides);
            assert_eq!(array.shape(), dim);
            for ((i, j), &value) in array.indexed_iter() {
                let place = first as isize + i as isize * strides[0] + j as isize * strides[1];
                assert_eq!(value, of(place as usize), "{dim:?} {strides:?} {first}: {i} {j}");
            }
            let expected = at.wrapping_add(first);
            // Those of no whole steps before them are moved together.
            let moved =
                [([2, 3], [6, 2], 7), ([2, 3], [12, 2], 7), ([1, 1], [0, 0], 5)].contains(&(dim, strides, first));
            assert_eq!(array.as_ptr() == expected || dim[0] == 0, !moved, "{dim:?} {strides:?} {first}");
        }
    }
}
