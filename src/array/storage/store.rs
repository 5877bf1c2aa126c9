//! The one place where memory becomes an ndarray view, and a view becomes an operand of a program.
//!
//! A [`Store`] owns memory: a block of the pool, or the vector of an `ndarray::Array` that was moved in ([`owned`](crate::array::storage::owned)). A
//! [`Held`] is a view into the memory of the store that it holds. Elements are written through it only while nothing else holds the store.

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::Arc;

use ndarray::{ArrayRef, ArrayViewMut, Axis, Dimension, Ix0, Ix1, LayoutRef, RawArrayViewMut, RawRef, ShapeBuilder};

use crate::array::blocks::partition::Partition;
use crate::array::shape::dims::{Dims, checked_bytes, row_major, volume};
use crate::array::storage::leaf::{check_inside, leaf_of};
use crate::array::storage::owned::Owned;
use crate::array::storage::shared::Shared;
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::Result;
use crate::transport::LoneBlock;
use kernels::{DType, Scalar};

/// The memory of arrays, and what keeps the pool alive. Shared by every array that looks into it.
pub(crate) struct Store {
    base: NonNull<u8>,
    memory: Memory,
    hub: Hub,
}

/// Whose memory it is.
enum Memory {
    /// A block of the hub's pool, whose elements have no destructor. Taken out when the store is dropped. It knows no pool of its own: the
    /// hub keeps that alive.
    Block(LoneBlock),
    /// The vector of an array that was moved in. Boxed, so that the other kind, which is in more of a hurry, stays small.
    Owned(Box<Owned>),
}

// SAFETY: the pointer is that of the memory, which any thread may use. Who writes it is settled by `Held`. Elements of a type that may not be
// sent or shared are reached by `View`s of that type alone, which may not be sent or shared then.
unsafe impl Send for Store {}
// SAFETY: as for `Send`.
unsafe impl Sync for Store {}

impl Drop for Store {
    #[inline]
    fn drop(&mut self) {
        match &mut self.memory {
            Memory::Block(block) => self.hub.pool().free_lone(block.take()),
            Memory::Owned(owned) => owned.end(self.base, &self.hub),
        }
    }
}

impl Store {
    /// A fresh block of `bytes`, not initialised.
    #[inline]
    pub(crate) fn new(hub: &Hub, bytes: usize) -> Result<Store> {
        let block = hub.pool().alloc_lone(bytes)?;
        Ok(Store { base: hub.pool().address_of(&block), memory: Memory::Block(block), hub: hub.clone() })
    }

    /// The memory of a vector, which begins at `base`.
    pub(in crate::array) fn of_owned(hub: Hub, base: NonNull<u8>, owned: Owned) -> Store {
        Store { base, memory: Memory::Owned(Box::new(owned)), hub }
    }

    #[inline]
    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Bytes of the memory.
    pub(crate) fn len(&self) -> usize {
        match &self.memory {
            Memory::Block(block) => block.len(),
            Memory::Owned(owned) => owned.used(),
        }
    }

    #[inline]
    pub(crate) fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// The vector, where this is no block of the pool.
    #[inline]
    pub(in crate::array) fn owned(&self) -> Option<&Owned> {
        match &self.memory {
            Memory::Block(_) => None,
            Memory::Owned(owned) => Some(owned),
        }
    }

    /// [`owned`](Store::owned), with the pool that it counts for and where it begins.
    #[inline]
    pub(in crate::array) fn owned_mut(&mut self) -> Option<(&mut Owned, NonNull<u8>, &Hub)> {
        match &mut self.memory {
            Memory::Block(_) => None,
            Memory::Owned(owned) => Some((owned, self.base, &self.hub)),
        }
    }

    /// The first `len` elements of a fresh block, to be written.
    #[expect(clippy::mut_from_ref, reason = "private, for a store that was made a moment ago and that nobody else has")]
    fn elements<A>(&self, len: usize) -> &mut [MaybeUninit<A>] {
        let Memory::Block(block) = &self.memory else { unreachable!("a fresh store is a block") };
        assert!(len * size_of::<A>() <= block.len() && align_of::<A>() <= 64);
        // SAFETY: inside the block by the assertion, aligned to 64 bytes, and uninitialised is all that is claimed;
        // called once by each of those who make a store, on a block that nothing else points to yet.
        unsafe { std::slice::from_raw_parts_mut(self.base().cast(), len) }
    }
}

/// An evaluated operand of a program: where its elements are. It keeps their memory alive.
#[derive(Clone)]
pub(crate) struct Leaf {
    pub(crate) store: Shared<Store>,
    /// Bytes from the start of the memory to the element at index 0, 0, ….
    pub(crate) offset: usize,
    pub(crate) shape: Dims,
    /// In elements.
    pub(crate) strides: Dims<isize>,
    pub(crate) dtype: DType,
    /// How the array that it is of is cut into blocks, where that was said.
    pub(crate) partition: Option<Arc<Partition>>,
}

impl Leaf {
    /// A fresh leaf whose memory runs through `shape` as `strides` say (all of it, from 0 on). It is not initialised:
    /// whoever takes it writes all of it before anybody reads it.
    pub(crate) fn fresh(hub: &Hub, dtype: DType, shape: Dims, strides: Dims<isize>) -> Result<Leaf> {
        let bytes = checked_bytes(&shape, dtype.size())?;
        let store = Shared::new(Store::new(hub, bytes)?);
        Ok(Leaf { store, offset: 0, shape, strides, dtype, partition: None })
    }

    /// The row-major array of `shape` in a block.
    ///
    /// # Safety
    /// The block has room for as many elements of this type, and they are written.
    pub(crate) unsafe fn in_store(store: Shared<Store>, dtype: DType, shape: Dims) -> Leaf {
        debug_assert!(volume(&shape) * dtype.size() <= store.len());
        let strides = row_major(&shape);
        Leaf { store, offset: 0, shape, strides, dtype, partition: None }
    }

    /// Address of the element at index 0, 0, …, in this process: of a block, or of an array's own memory, aligned for the element type.
    pub(crate) fn address(&self) -> *mut u8 {
        self.store.base().wrapping_add(self.offset)
    }

    /// The first element.
    pub(crate) fn scalar(&self) -> Scalar {
        assert!(!self.shape.contains(&0), "the first element of none");
        let mut bytes = [0; 16];
        // SAFETY: an element that is there, of as many bytes, at most 16.
        unsafe { std::ptr::copy_nonoverlapping(self.address(), bytes.as_mut_ptr(), self.dtype.size()) };
        Scalar { dtype: self.dtype, bytes }
    }

    /// The elements, while this is borrowed.
    pub(crate) fn bare(&self) -> Bare<'_> {
        Bare { dtype: self.dtype, seen: Seen { at: self.address(), shape: &self.shape, strides: &self.strides } }
    }

    /// Address of the same element where engine processes see it, if the hub has such: that of [`address`](Leaf::address), or one in a block
    /// beside an array's own memory, to which the first call copies it. Without memory for that, in this process alone.
    pub(crate) fn address_for_engines(&self) -> *mut u8 {
        let beside = if self.store.hub().shares_with_processes() { self.store.beside() } else { Ok(None) };
        match beside {
            Ok(Some(block)) => block.base().wrapping_add(self.offset),
            _ => self.address(),
        }
    }
}

/// Elements that are there, of a type that is told: what code that is compiled once for all types sees of an array, or of a view.
#[derive(Clone, Copy)]
pub(crate) struct Bare<'a> {
    dtype: DType,
    seen: Seen<'a>,
}

impl<'a> Bare<'a> {
    /// The elements of an array, while it is borrowed; `None` where programs do not know their type.
    #[inline]
    pub(crate) fn of<A: Element, D: Dimension>(view: &'a ArrayRef<A, D>) -> Option<Bare<'a>> {
        Some(Bare { dtype: A::DTYPE?, seen: Seen::of(view) })
    }

    /// One number.
    pub(crate) fn of_number<A: Element>(value: &'a A) -> Option<Bare<'a>> {
        let seen = Seen { at: std::ptr::from_ref(value).cast(), shape: &[], strides: &[] };
        Some(Bare { dtype: A::DTYPE?, seen })
    }

    /// Address of the element at index 0, 0, …. That and all others, through `shape` and `strides`, may be read.
    #[inline]
    pub(crate) fn first(&self) -> *const u8 {
        self.seen.at
    }

    #[inline]
    pub(crate) fn dtype(&self) -> DType {
        self.dtype
    }

    #[inline]
    pub(crate) fn shape(&self) -> &'a [usize] {
        self.seen.shape
    }

    /// In elements.
    #[inline]
    pub(crate) fn strides(&self) -> &'a [isize] {
        self.seen.strides
    }

    /// Without the type.
    pub(crate) fn seen(&self) -> Seen<'a> {
        self.seen
    }

    /// Whether the elements lie side by side in row-major order.
    pub(crate) fn is_row_major(&self) -> bool {
        self.seen.is_row_major()
    }
}

/// A view whose lifetime and whose elements are the business of who has it: a [`Held`] keeps its memory.
pub(crate) struct View<A, D>(RawArrayViewMut<A, D>, PhantomData<A>);

// SAFETY: several threads may have views of one memory; each gets `&A`, and the last one ends the elements: as for `Arc<A>`.
unsafe impl<A: Send + Sync, D: Send> Send for View<A, D> {}
// SAFETY: as for `Send`.
unsafe impl<A: Send + Sync, D: Sync> Sync for View<A, D> {}

impl<A, D> Deref for View<A, D> {
    type Target = ArrayRef<A, D>;

    #[inline]
    fn deref(&self) -> &ArrayRef<A, D> {
        let raw: &RawRef<A, D> = self.0.as_raw_ref();
        // SAFETY: `RawRef` and `ArrayRef` are one layout (both `repr(transparent)`; ndarray goes from one to the other by the same cast). The
        // elements are initialised and alive, and nobody writes them while they are borrowed: the contract of `view_of`.
        unsafe { &*(std::ptr::from_ref(raw) as *const ArrayRef<A, D>) }
    }
}

impl<A, D> DerefMut for View<A, D> {
    #[inline]
    fn deref_mut(&mut self) -> &mut ArrayRef<A, D> {
        let raw: &mut RawRef<A, D> = self.0.as_mut();
        // SAFETY: as in `deref`; who writes has made sure that nothing else looks into the memory (`Held::is_unique`).
        unsafe { &mut *(std::ptr::from_mut(raw) as *mut ArrayRef<A, D>) }
    }
}

impl<A, D: Dimension> View<A, D> {
    /// An array of nothing.
    pub(crate) fn empty() -> View<A, D> {
        let dim = D::zeros(D::NDIM.unwrap_or(1));
        assert!(dim.ndim() > 0, "an array of no axes has an element");
        // SAFETY: a view of no element, whose pointer is aligned.
        View(unsafe { RawArrayViewMut::from_shape_ptr(dim, NonNull::dangling().as_ptr()) }, PhantomData)
    }
}

/// The evaluated state of an array: its memory, and the view that is the one truth of pointer, shape and strides.
///
/// The elements of a block are of an [`Element`] type, or of one that is as plain: their bits may be copied.
pub(crate) struct Held<A, D> {
    pub(crate) view: View<A, D>,
    pub(crate) store: Shared<Store>,
}

/// The absolute strides, and how many elements the lowest address lies before the one at index 0, 0, …; `None` for an array of nothing that has
/// a stride of 0 along an axis longer than 1: of such, ndarray takes its own strides alone, which are all 0.
fn steps_of(lengths: &[usize], strides: &[isize], steps: &mut [usize]) -> Option<usize> {
    let axes = || strides.iter().zip(lengths);
    if lengths.contains(&0) && axes().any(|(&stride, &length)| stride == 0 && length > 1) {
        return None;
    }
    let mut back = 0;
    for (step, (&stride, &length)) in steps.iter_mut().zip(axes()) {
        *step = stride.unsigned_abs();
        if stride < 0 {
            // Also in an array of nothing, since `invert_axis` goes this way back.
            back += *step * length.saturating_sub(1);
        }
    }
    Some(back)
}

/// A view from a pointer, lengths and strides of any sign.
///
/// # Safety
/// Every index of `dim`, through `strides`, is inside one live allocation of initialised `A`s that outlives the view's last use, and `ptr` is
/// aligned. Elements are written through the view only while nothing else reads or writes them.
pub(in crate::array) unsafe fn view_of<A, D: Dimension>(ptr: *mut A, dim: D, strides: &[isize]) -> View<A, D> {
    let mut steps = D::zeros(dim.ndim());
    let Some(back) = steps_of(dim.slice(), strides, steps.slice_mut()) else {
        // SAFETY: a view of nothing, whose pointer is inside the memory.
        return View(unsafe { RawArrayViewMut::from_shape_ptr(dim, ptr) }, PhantomData);
    };
    let low = ptr.wrapping_sub(back);
    // SAFETY: `low` is the lowest address that the caller's indices reach, and from it the absolute strides reach
    // the same places (none, where a length is 0); that they are live and initialised is the caller's promise.
    let mut view = unsafe { RawArrayViewMut::from_shape_ptr(dim.strides(steps), low) };
    if strides.iter().any(|&stride| stride < 0) {
        let layout: &mut LayoutRef<A, D> = view.as_mut();
        for (axis, &stride) in strides.iter().enumerate() {
            if stride < 0 {
                layout.invert_axis(Axis(axis));
            }
        }
    }
    View(view, PhantomData)
}

/// Elements that are there, without their type: where the one at index 0, 0, … is, and how the others lie.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) at: *const u8,
    pub(crate) shape: &'a [usize],
    /// In elements.
    pub(crate) strides: &'a [isize],
}

impl<'a> Seen<'a> {
    pub(crate) fn of<A, D: Dimension>(view: &'a ArrayRef<A, D>) -> Seen<'a> {
        Seen { at: view.as_ptr().cast(), shape: view.shape(), strides: view.strides() }
    }

    /// Whether the elements lie side by side in row-major order.
    pub(crate) fn is_row_major(&self) -> bool {
        let mut step = 1;
        for (&length, &stride) in self.shape.iter().zip(self.strides).rev() {
            if length != 1 && stride != step && !self.shape.contains(&0) {
                return false;
            }
            step *= length as isize;
        }
        true
    }
}

/// A fresh block of `bytes` that `fill` has written, where there is memory and `fill` says so. It is aligned to 64 bytes.
///
/// # Safety
/// When `fill` is true it has written all bytes of all elements.
#[inline]
pub(crate) unsafe fn filled(hub: &Hub, bytes: usize, fill: impl FnOnce(*mut u8) -> bool) -> Option<Shared<Store>> {
    // As a rule the thread has kept such a block: then the store is made from it in one place.
    let store = match hub.pool().alloc_kept(bytes) {
        Some(block) => {
            let base = hub.pool().address_of(&block);
            Shared::new(Store { base, memory: Memory::Block(block), hub: hub.clone() })
        }
        None => Shared::new(Store::new(hub, bytes).ok()?),
    };
    let done = fill(store.base());
    done.then_some(store)
}

impl<A, D: Dimension> Held<A, D> {
    /// Takes a fresh block for `shape` (row-major, or column-major where the shape says so) and has `fill` write it, in
    /// memory order.
    ///
    /// # Safety
    /// When `fill` succeeds it has initialised all elements, whose bits may be copied.
    #[inline]
    pub(crate) unsafe fn create<Sh>(
        hub: &Hub,
        shape: Sh,
        fill: impl FnOnce(&mut [MaybeUninit<A>]) -> Result<()>,
    ) -> Result<Held<A, D>>
    where
        Sh: ShapeBuilder<Dim = D>,
    {
        let shape = shape.into_shape_with_order();
        let store = Shared::new(Store::new(hub, checked_bytes(shape.raw_dim().slice(), size_of::<A>())?)?);
        fill(store.elements(shape.size()))?;
        // SAFETY: the block has room for the shape (`checked_bytes`), is aligned to 64 bytes, was initialised by
        // `fill` (the caller's promise), and lives as long as `store`, which is kept beside the view.
        let view = unsafe { RawArrayViewMut::from_shape_ptr(shape, store.base().cast()) };
        Ok(Held { view: View(view, PhantomData), store })
    }

    /// The row-major array of `dim` in a store whose elements are written.
    ///
    /// # Safety
    /// `store` is a block of as many `A`s as `dim` has elements, or of more, and those are initialised.
    #[inline]
    pub(crate) unsafe fn in_store(store: Shared<Store>, dim: D) -> Held<A, D> {
        assert!(align_of::<A>() <= 64, "blocks are aligned to 64 bytes");
        // SAFETY: the block is aligned to 64 bytes, has room for the shape and is initialised (contract), and lives as
        // long as `store`, which is kept beside the view.
        let view = unsafe { RawArrayViewMut::from_shape_ptr(dim, store.base().cast()) };
        Held { view: View(view, PhantomData), store }
    }

    /// [`in_store`](Held::in_store), where the elements lie as `strides` say from the block's start on.
    ///
    /// # Safety
    /// As [`in_store`](Held::in_store); `strides` are positive and leave no gap.
    pub(crate) unsafe fn in_store_strided(store: Shared<Store>, dim: D, strides: &[isize]) -> Held<A, D> {
        assert!(align_of::<A>() <= 64, "blocks are aligned to 64 bytes");
        // SAFETY: strides without gaps over `dim` stay inside a block of its size, which is initialised (contract); it is kept beside the view.
        let view = unsafe { view_of(store.base().cast(), dim, strides) };
        Held { view, store }
    }

    /// The array that a computed leaf is. Panics where the leaf's rank is another.
    ///
    /// # Safety
    /// The leaf's type is that of `A`, or one of the same size whose bits are those of `A`s.
    pub(crate) unsafe fn of_leaf(leaf: &Leaf) -> Held<A, D> {
        // SAFETY: the caller's promise.
        unsafe { Held::of_own_leaf(leaf.clone()) }
    }

    /// The same by value: nobody else counts for the memory then.
    ///
    /// # Safety
    /// As [`of_leaf`](Held::of_leaf).
    unsafe fn of_own_leaf(leaf: Leaf) -> Held<A, D> {
        let mut dim = D::zeros(leaf.shape.len());
        dim.slice_mut().copy_from_slice(&leaf.shape);
        // SAFETY: a leaf's shape and strides stay inside its memory, which `store` keeps alive; the type is the caller's promise; every
        // leaf but a fresh one is initialised, and a fresh one is published only after a plan has written all of it. A wrong
        // rank panics when `dim` is filled.
        let view = unsafe { view_of(leaf.address().cast::<A>(), dim, &leaf.strides) };
        Held { view, store: leaf.store }
    }

    /// The array that an expression of a [`DistArray`](crate::DistArray) has become, which was asked when the array was made of it whether its
    /// elements are of this type.
    pub(in crate::array) fn of_pending(leaf: &Leaf) -> Held<A, D> {
        // SAFETY: `DistArray::from_node` has compared the types.
        unsafe { Held::of_leaf(leaf) }
    }

    /// A copy that keeps the strides: `copy` of all elements between the first and the last one in memory. `None` where more than half of
    /// those would be others than the view's, or where the view reads one element at several indices.
    pub(in crate::array) fn copy_of_span(
        &self,
        copy: impl FnOnce(&Held<A, Ix1>) -> Result<Held<A, Ix1>>,
    ) -> Option<Result<Held<A, D>>> {
        let (shape, strides) = (self.view.shape(), self.view.strides());
        let span = span(shape, strides).filter(|span| span / 2 < self.view.len())?;
        let before: isize = shape.iter().zip(strides).map(|(&n, &s)| s.min(0) * (n as isize - 1)).sum();
        let first = self.view.as_ptr().cast_mut().wrapping_offset(before);
        // SAFETY: the elements between the first and the last one of a view lie in its memory: a vector's, or a block, which an array's
        // maker has filled without gaps (the contracts of `create`, `in_store` and `in_store_strided`, and of fresh leaves). `store`
        // keeps it alive.
        let all = Held { view: unsafe { view_of(first, Ix1(span), &[1]) }, store: self.store.clone() };
        Some(copy(&all).map(|copied| {
            assert!(copied.view.len() == span && copied.view.is_standard_layout());
            let ptr = copied.view.as_ptr().cast_mut().wrapping_offset(-before);
            // SAFETY: from the copy's first element on there are `span` elements, through which these strides go as through the
            // original; its store is kept beside the view.
            let view = unsafe { view_of(ptr, self.view.raw_dim(), strides) };
            Held { view, store: copied.store }
        }))
    }

    /// The view as an operand of programs that take its elements for values of `dtype`, which is of their size.
    ///
    /// # Panics
    /// Where kernels move the elements as words that they are not aligned to, in the array's own memory, and there is no memory for a copy.
    pub(in crate::array) fn leaf_as(&self, dtype: DType) -> Leaf {
        let view = &self.view;
        LEAF(&self.store, (view.as_ptr().cast(), view.shape(), view.strides()), dtype, size_of::<A>())
    }

    /// Bytes from the start of the memory to the element at index 0, 0, ….
    pub(in crate::array) fn offset(&self) -> usize {
        self.view.as_ptr().addr().wrapping_sub(self.store.base().addr())
    }

    /// Whether nothing else looks into the memory. Where it is an array's own with a copy in a block beside it, this array goes on in the
    /// block, and the original ends: nobody has a reference to it any more.
    #[inline]
    pub(crate) fn is_unique(&mut self) -> bool {
        self.store.is_plainly_unique() || self.becomes_unique()
    }

    #[inline(never)]
    fn becomes_unique(&mut self) -> bool {
        let Some(store) = self.store.get_mut() else { return false };
        if let Some((owned, _, _)) = store.owned_mut()
            && let Some(beside) = owned.take_beside()
        {
            self.go_on_in(beside);
        }
        // Others may look into the block that the array has gone on in.
        self.store.unmark();
        true
    }

    /// Moves the view to the same bytes of `block`, unless others look into that.
    #[cold]
    fn go_on_in(&mut self, mut block: Shared<Store>) {
        if block.is_unique() {
            let ptr = block.base().wrapping_add(self.offset()).cast::<A>();
            // SAFETY: the block has the bytes of all of the original at the same places, and is aligned to 64 bytes; it is kept beside the
            // view from here on.
            self.view = unsafe { view_of(ptr, self.view.raw_dim(), self.view.strides()) };
            self.store = block;
        }
    }

    /// The layout alone: it may change while the elements are shared.
    pub(crate) fn layout_mut(&mut self) -> &mut LayoutRef<A, D> {
        self.view.0.as_mut()
    }

    /// Looks at the same memory in another way, of as many axes.
    #[track_caller]
    pub(crate) fn change_view<'a>(&mut self, change: impl FnOnce(ArrayViewMut<'a, A, D>) -> ArrayViewMut<'a, A, D>)
    where
        A: 'a,
    {
        // SAFETY: the memory lives as long as `store`, which stays; `change` only looks at it in another way.
        let mut changed = change(unsafe { self.view.0.raw_view_mut().deref_into_view_mut() });
        self.view = View(changed.raw_view_mut(), PhantomData);
    }

    /// The same memory seen through another view made of this one.
    #[inline]
    pub(crate) fn with_view<'a, E: Dimension>(
        self,
        change: impl FnOnce(ArrayViewMut<'a, A, D>) -> ArrayViewMut<'a, A, E>,
    ) -> Held<A, E>
    where
        A: 'a,
    {
        match self.try_with_view(|view| Ok::<_, std::convert::Infallible>(change(view))) {
            Ok(held) => held,
            Err(never) => match never {},
        }
    }

    /// [`with_view`](Held::with_view), where the change may fail.
    #[inline]
    pub(crate) fn try_with_view<'a, E: Dimension, X>(
        self,
        change: impl FnOnce(ArrayViewMut<'a, A, D>) -> Result<ArrayViewMut<'a, A, E>, X>,
    ) -> Result<Held<A, E>, X>
    where
        A: 'a,
    {
        let Held { view, store } = self;
        // SAFETY: the memory lives as long as `store`, which goes on beside the changed view; `change` only looks at it in another way.
        let mut changed = change(unsafe { view.0.deref_into_view_mut() })?;
        Ok(Held { view: View(changed.raw_view_mut(), PhantomData), store })
    }

    /// Another view of the same memory.
    ///
    /// # Safety
    /// Where the memory is a vector's, its elements can be cloned by the function that was left with it.
    #[inline]
    pub(in crate::array) unsafe fn share(&self) -> Held<A, D> {
        let ptr = self.view.as_ptr().cast_mut();
        // SAFETY: pointer, shape and strides are those of a valid view into the memory that `store` keeps alive.
        // Two views of one memory exist now; elements are written only while the store has one holder.
        let view = unsafe { view_of(ptr, self.view.raw_dim(), self.view.strides()) };
        Held { view, store: self.store.clone() }
    }
}

// A pointer, as those of `transport/pool`.
const LEAF: fn(&Shared<Store>, (*const u8, &[usize], &[isize]), DType, usize) -> Leaf = leaf_of;

/// How many elements lie between the first and the last one in memory, both counted; `None` where there is none, or where two indices
/// may be at one place.
fn span(shape: &[usize], strides: &[isize]) -> Option<usize> {
    if shape.contains(&0) {
        return None;
    }
    let longer = shape.iter().zip(strides).filter(|&(&n, _)| n > 1);
    let mut axes: Vec<(usize, usize)> = longer.map(|(&n, &s)| (s.unsigned_abs(), n)).collect();
    axes.sort_unstable();
    axes.iter().try_fold(1, |span, &(stride, n)| (stride >= span).then(|| span + stride * (n - 1)))
}

impl<A: Clone, D: Dimension> Held<A, D> {
    /// What a view of a part of an array sees, kept alive.
    ///
    /// # Panics
    /// Where an element is outside of the store's memory.
    pub(crate) fn part(view: &ArrayRef<A, D>, store: &Shared<Store>) -> Held<A, D> {
        check_inside(store, Seen::of(view), size_of::<A>());
        // SAFETY: pointer, shape and strides are those of a valid view, whose elements are in the memory that the store keeps alive: an
        // element's bits are there as long as nobody writes them, and who writes makes sure that the store has no other holder.
        let view = unsafe { view_of(view.as_ptr().cast_mut(), view.raw_dim(), view.strides()) };
        let held = Held { view, store: store.clone() };
        held.leave_clone();
        held
    }
}

impl<A: Element, D: Dimension> Held<A, D> {
    /// The array that a computed leaf is. Panics where the leaf's type or rank is another.
    pub(crate) fn from_leaf(leaf: &Leaf) -> Held<A, D> {
        Held::from_own_leaf(leaf.clone())
    }

    /// The same by value: nobody else counts for the memory then.
    pub(crate) fn from_own_leaf(leaf: Leaf) -> Held<A, D> {
        assert!(A::DTYPE == Some(leaf.dtype), "a value of type {} was taken for another", leaf.dtype.name());
        // SAFETY: the type was compared: a `DTYPE` names one layout.
        unsafe { Held::of_own_leaf(leaf) }
    }

    /// The view as an operand of programs, where they know the type.
    pub(crate) fn leaf(&self) -> Option<Leaf> {
        Some(self.leaf_as(A::DTYPE?))
    }

    /// The view as what a program writes, where this memory may be that: a block; or an array's own memory that kernels may store whole
    /// words to, while no engine process takes part.
    pub(crate) fn target(&self) -> Option<Leaf> {
        let leaf = self.leaf()?;
        let suits = self.store.owned().is_none()
            || (leaf.address().addr().is_multiple_of(leaf.dtype.size()) && !self.store.hub().shares_with_processes());
        suits.then_some(leaf)
    }
}

/// The one element of a leaf.
pub(crate) fn scalar_of<R: Element>(leaf: &Leaf) -> R {
    Held::<R, Ix0>::from_leaf(leaf).view[()]
}

/// The strides that an array of this shape has: of the order that the shape asks for.
pub(crate) fn strides_of<D: Dimension>(shape: &ndarray::Shape<D>) -> Dims<isize> {
    // SAFETY: elements of type `()` take no memory, so any pointer is in bounds for any shape.
    let probe = unsafe { RawArrayViewMut::<(), D>::from_shape_ptr(shape.clone(), NonNull::dangling().as_ptr()) };
    Dims::new(probe.strides())
}
