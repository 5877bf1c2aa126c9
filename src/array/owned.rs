//! Arrays that own their memory: the vector of an `ndarray::Array` that was moved in, its element type erased, and the way back.
//!
//! Nothing is copied on either way. Where engine processes are to read such an array it is copied once into a block beside it, at the same
//! offsets, since a reference to the original may live; the original goes when the array is next written to (`Held::is_unique`).

use std::any::TypeId;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::OnceLock;

use half::{bf16, f16};
use ndarray::{Array, ArrayView1, ArrayViewMut, Axis, Dimension, IxDyn, ShapeBuilder, Slice};
use num_complex::Complex;

use super::broadcast::{memory_order, strides_in_order};
use super::dims::Dims;
use super::eager::SMALL;
use super::evaluate;
use super::lazy::Operand;
use super::shared::Shared;
use super::view::{Held, Store, view_of};
use super::walk::{self, Walk};
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::{DType, Value};

/// A vector without its type and without its pointer, which is its store's.
pub(crate) struct Owned {
    len: usize,
    capacity: usize,
    kind: &'static Kind,
    /// Left by the first `clone` of the array, which knows how elements are cloned.
    clone: OnceLock<CloneFn>,
    /// A block with the same bytes at the same offsets. It never goes while the array is shared.
    beside: OnceLock<Shared<Store>>,
}

/// What is to be known of an element type where a vector of it ends.
struct Kind {
    size: usize,
    align: usize,
    end: unsafe fn(NonNull<u8>, usize, usize),
}

struct KindOf<A>(PhantomData<A>);

impl<A> KindOf<A> {
    const KIND: &'static Kind = &Kind { size: size_of::<A>(), align: align_of::<A>(), end: end_vector::<A> };
}

/// # Safety
/// Pointer, length and capacity are those of a `Vec<A>`, which nobody else has.
unsafe fn end_vector<A>(base: NonNull<u8>, len: usize, capacity: usize) {
    // SAFETY: the contract.
    drop(unsafe { Vec::from_raw_parts(base.cast::<A>().as_ptr(), len, capacity) });
}

/// Clones the elements of this shape and these strides, the axes taken in the order that the last argument says, into a vector; gives
/// its pointer, length and capacity.
///
/// # Safety
/// The pointer is to the first of elements of the type that the function was made for; all indices of the shape are.
type CloneFn = unsafe fn(*const u8, &[usize], &[isize], &[usize]) -> (NonNull<u8>, usize, usize);

/// A [`CloneFn`].
///
/// # Safety
/// As it says.
unsafe fn clone_elements<A: Clone>(
    from: *const u8,
    shape: &[usize],
    strides: &[isize],
    order: &[usize],
) -> (NonNull<u8>, usize, usize) {
    // SAFETY: elements of this shape at these strides (contract), which are only read.
    let view = unsafe { view_of(from.cast::<A>().cast_mut(), IxDyn(shape), strides) };
    parts(view.view().permuted_axes(order).iter().cloned().collect())
}

/// Pointer, length and capacity of a vector, which ends with them.
fn parts<A>(vector: Vec<A>) -> (NonNull<u8>, usize, usize) {
    let mut vector = ManuallyDrop::new(vector);
    let base = NonNull::new(vector.as_mut_ptr()).expect("no vector is at address zero");
    (base.cast(), vector.len(), vector.capacity())
}

impl Owned {
    /// The store of such a vector, which counts as memory in use of the hub's pool.
    ///
    /// # Safety
    /// Pointer, length and capacity are those of a vector of this kind, which nobody else has.
    unsafe fn store(
        hub: Hub,
        (base, len, capacity): (NonNull<u8>, usize, usize),
        kind: &'static Kind,
    ) -> Shared<Store> {
        let owned = Owned { len, capacity, kind, clone: OnceLock::new(), beside: OnceLock::new() };
        hub.pool().adopt(owned.bytes());
        Shared::new(Store::of_owned(hub, base, owned))
    }

    /// Bytes that it takes of the quota.
    fn bytes(&self) -> usize {
        // A vector of elements without a size has room for as many as can be.
        self.capacity.wrapping_mul(self.kind.size)
    }

    /// Bytes of its elements.
    pub(super) fn used(&self) -> usize {
        self.len * self.kind.size
    }

    /// Ends the vector, which begins at `base`, with its elements; called once, when its store ends.
    pub(super) fn end(&mut self, base: NonNull<u8>, hub: &Hub) {
        hub.pool().disown(self.bytes());
        // SAFETY: pointer, length and capacity are those of a vector of this kind (`store`), or of none that has memory (`take`).
        unsafe { (self.kind.end)(base, self.len, self.capacity) }
    }

    /// The vector, which begins at `base`; an empty one stays.
    ///
    /// # Safety
    /// The elements are of type `A`, or of one of the same size and bits without destructor.
    unsafe fn take<A>(&mut self, base: NonNull<u8>, hub: &Hub) -> Vec<A> {
        assert_eq!((self.kind.size, self.kind.align), (size_of::<A>(), align_of::<A>()), "elements of another size");
        hub.pool().disown(self.bytes());
        let (len, capacity) = (std::mem::take(&mut self.len), std::mem::take(&mut self.capacity));
        self.beside = OnceLock::new();
        // SAFETY: they are those of a vector (`store`) of such elements (contract), which this one forgets here.
        unsafe { Vec::from_raw_parts(base.cast::<A>().as_ptr(), len, capacity) }
    }

    /// The block beside it, if there is one.
    #[inline]
    pub(super) fn take_beside(&mut self) -> Option<Shared<Store>> {
        self.beside.take()
    }
}

impl Shared<Store> {
    /// A block with the same bytes at the same offsets, for engine processes; `None` where this is a block itself. The first call copies
    /// them: they are of a type without padding and pointers.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn beside(&self) -> Result<Option<&Shared<Store>>> {
        // Who writes the elements after this has to give up the copy first, and so must look for it.
        self.mark();
        let Some(owned) = self.owned() else { return Ok(None) };
        if let Some(block) = owned.beside.get() {
            return Ok(Some(block));
        }
        let bytes = owned.used();
        let block = if bytes.is_multiple_of(size_of::<u64>()) && self.base().addr().is_multiple_of(align_of::<u64>()) {
            // SAFETY: aligned, and all of the vector's bytes, which are initialised; nobody writes them while the store is borrowed.
            let words = unsafe { ArrayView1::from_shape_ptr(bytes / size_of::<u64>(), self.base().cast::<u64>()) };
            walk::copy(self.hub(), "copy for engines", &words)?.store
        } else {
            // SAFETY: as above; bytes are always aligned.
            let all = unsafe { ArrayView1::from_shape_ptr(bytes, self.base().cast_const()) };
            walk::copy(self.hub(), "copy for engines", &all)?.store
        };
        self.hub().count_copied(bytes as u64);
        // Where another thread was quicker, its copy is the one.
        Ok(Some(owned.beside.get_or_init(move || block)))
    }
}

/// A vector's first byte, its length and its capacity.
type Parts = (NonNull<u8>, usize, usize);

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
        let store = unsafe { Owned::store(hub, vector, KindOf::<A>::KIND) };
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
    /// [`DistArray`](super::DistArray)).
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
    pub(super) fn without_gaps(&self) -> Result<Held<A, D>> {
        let hub = self.store.hub();
        match self.store.owned() {
            Some(owned) if dtype_of::<A>().is_none() => {
                let (vector, order) = self.cloned(owned)?;
                let strides = strides_in_order(self.view.shape(), &order);
                let ptr = vector.0.cast::<A>().as_ptr();
                // SAFETY: the parts of a vector of the same kind, which nobody else has.
                let store = unsafe { Owned::store(hub.clone(), vector, owned.kind) };
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
    /// A copy of the elements as an ndarray, in the same memory order, made by several threads.
    ///
    /// # Errors
    /// [`Error::Panicked`], which the threads would have to say.
    pub(crate) fn to_array(&self) -> Result<Array<A, D>> {
        // SAFETY: an element is `Copy`.
        unsafe { self.copied_out() }
    }
}

impl<A: Clone, D: Dimension> Held<A, D> {
    /// Leaves the function that clones elements with a vector, so that whoever shares it can.
    #[inline]
    pub(super) fn leave_clone(&self) {
        if let Some(owned) = self.store.owned() {
            owned.clone.get_or_init(|| clone_elements::<A>);
        }
    }
}

impl<A: Clone, D: Dimension> Clone for Held<A, D> {
    /// Another view of the same memory.
    #[inline]
    fn clone(&self) -> Self {
        self.leave_clone();
        // SAFETY: the function that clones elements is there.
        unsafe { self.share() }
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
pub(super) fn into_row_major<A, D: Dimension>(array: Array<A, D>) -> Vec<A> {
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

/// The type as programs know it, as [`Value::DTYPE`] says: for whoever has no bound on the type.
pub(super) fn dtype_of<A>() -> Option<DType> {
    let id = id_of::<A>();
    macro_rules! find {
        ($($t:ty)*) => {
            match id {
                $(_ if id == TypeId::of::<$t>() => <$t as Value>::DTYPE,)*
                _ => None,
            }
        };
    }
    find!(f64 f32 i64 u64 i32 u32 i16 u16 i8 u8 isize usize bool Complex<f64> Complex<f32> f16 bf16)
}

/// [`TypeId`] of a type of any lifetime: types that differ in lifetimes alone have the same.
fn id_of<A>() -> TypeId {
    trait Identified {
        fn id(&self) -> TypeId
        where
            Self: 'static;
    }
    impl<A> Identified for PhantomData<A> {
        fn id(&self) -> TypeId
        where
            Self: 'static,
        {
            TypeId::of::<A>()
        }
    }
    let probe: &dyn Identified = &PhantomData::<A>;
    // SAFETY: only the bound on lifetimes is lifted, which exist in no code that runs; the value has no bytes, and `id` reads none.
    unsafe { std::mem::transmute::<&dyn Identified, &(dyn Identified + 'static)>(probe) }.id()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_types_are_told_whatever_the_lifetimes() {
        fn borrowed<'a>(_: &'a str) -> Option<DType> {
            dtype_of::<&'a str>()
        }
        assert_eq!(borrowed(&String::from("of this frame")), None);
        assert_eq!((dtype_of::<f64>(), dtype_of::<usize>()), (Some(DType::F64), Some(DType::U64)));
        assert_eq!((dtype_of::<bool>(), dtype_of::<Complex<f64>>()), (Some(DType::Bool), Some(DType::C64)));
        assert_eq!((dtype_of::<[f64; 1]>(), dtype_of::<String>(), dtype_of::<()>()), (None, None, None));
    }

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
