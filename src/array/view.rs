//! The one place where a block of the pool becomes an ndarray view, and a view becomes an operand of a program.
//!
//! What holds everything up: a [`Store`] owns a block; a [`Held`] is a view into the block of the store that it holds,
//! and elements are written through it only while nothing else holds the store.

use std::mem::MaybeUninit;
use std::ptr::NonNull;

use ndarray::{ArrayViewMut, Axis, Dimension, Ix1, LayoutRef, RawArrayViewMut, ShapeBuilder};

use super::dims::Dims;
use super::shared::Shared;
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};
use crate::transport::LoneBlock;
use kernels::DType;

/// A block of a hub's pool, and what keeps the pool alive. Shared by every array that looks into it.
pub(crate) struct Store {
    base: NonNull<u8>,
    /// Taken out when the store is dropped. It knows no pool of its own: the hub keeps that alive.
    block: LoneBlock,
    hub: Hub,
}

// SAFETY: the pointer is that of the block, memory that any thread may use; who writes it is settled by `Held`.
unsafe impl Send for Store {}
// SAFETY: as for `Send`.
unsafe impl Sync for Store {}

impl Drop for Store {
    #[inline]
    fn drop(&mut self) {
        self.hub.pool().free_lone(self.block.take());
    }
}

impl Store {
    /// A fresh block of `bytes`, not initialised.
    #[inline]
    pub(crate) fn new(hub: &Hub, bytes: usize) -> Result<Store> {
        let block = hub.pool().alloc_lone(bytes)?;
        Ok(Store { base: hub.pool().address_of(&block), block, hub: hub.clone() })
    }

    #[inline]
    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Bytes of the block.
    pub(crate) fn len(&self) -> usize {
        self.block.len()
    }

    #[inline]
    pub(crate) fn base(&self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// The first `len` elements of a fresh block, to be written.
    #[expect(clippy::mut_from_ref, reason = "private, for a store that was made a moment ago and that nobody else has")]
    fn elements<A: Element>(&self, len: usize) -> &mut [MaybeUninit<A>] {
        assert!(len * size_of::<A>() <= self.block.len() && align_of::<A>() <= 64);
        // SAFETY: inside the block by the assertion, aligned to 64 bytes, and uninitialised is all that is claimed;
        // called once by each of those who make a store, on a block that nothing else points to yet.
        unsafe { std::slice::from_raw_parts_mut(self.base().cast(), len) }
    }
}

/// Bytes of an array of `shape` with elements of `size` bytes; an error where there is no such array.
#[inline]
pub(crate) fn checked_bytes(shape: &[usize], size: usize) -> Result<usize> {
    // Axes of length 0 count as 1, and elements without bytes as one byte: ndarray wants the number of elements to be in range too.
    let bytes = shape.iter().try_fold(size.max(1), |bytes, &n| bytes.checked_mul(n.max(1)));
    match bytes {
        Some(bytes) if bytes <= isize::MAX as usize => Ok(if size == 0 || shape.contains(&0) { 0 } else { bytes }),
        _ => Err(Error::invalid(format!("an array of shape {shape:?} with elements of {size} bytes is too large"))),
    }
}

/// An evaluated operand of a program: where its elements are. It keeps their memory alive.
#[derive(Clone)]
pub(crate) struct Leaf {
    pub(crate) store: Shared<Store>,
    /// Bytes from the start of the block to the element at index 0, 0, ….
    pub(crate) offset: usize,
    pub(crate) shape: Dims,
    /// In elements.
    pub(crate) strides: Dims<isize>,
    pub(crate) dtype: DType,
}

impl Leaf {
    /// A fresh leaf whose memory runs through `shape` as `strides` say (all of it, from 0 on). It is not initialised:
    /// whoever takes it writes all of it before anybody reads it.
    pub(crate) fn fresh(hub: &Hub, dtype: DType, shape: Dims, strides: Dims<isize>) -> Result<Leaf> {
        let bytes = checked_bytes(&shape, dtype.size())?;
        Ok(Leaf { store: Shared::new(Store::new(hub, bytes)?), offset: 0, shape, strides, dtype })
    }

    /// Address of the element at index 0, 0, ….
    pub(crate) fn address(&self) -> *mut u8 {
        self.store.base().wrapping_add(self.offset)
    }
}

/// The evaluated state of an array: its memory, and the view that is the one truth of pointer, shape and strides.
pub(crate) struct Held<A: 'static, D> {
    pub(crate) view: ArrayViewMut<'static, A, D>,
    pub(crate) store: Shared<Store>,
}

/// A view from a pointer, lengths and strides of any sign.
///
/// # Safety
/// Every index of `dim`, through `strides`, is inside one live allocation of initialised `A`s that outlives the view's last use.
unsafe fn view_of<A, D: Dimension>(ptr: *mut A, dim: D, strides: &[isize]) -> ArrayViewMut<'static, A, D> {
    let mut steps = D::zeros(dim.ndim());
    let (mut low, mut reversed) = (ptr, false);
    for ((step, &stride), &length) in steps.slice_mut().iter_mut().zip(strides).zip(dim.slice()) {
        *step = stride.unsigned_abs();
        if stride < 0 {
            reversed = true;
            // Also in an array of nothing, since `invert_axis` goes this way back.
            low = low.wrapping_offset(stride * length.saturating_sub(1) as isize);
        }
    }
    // SAFETY: `low` is the lowest address that the caller's indices reach, and from it the absolute strides reach
    // the same places (none, where a length is 0); that they are live and initialised is the caller's promise.
    let mut view = unsafe { RawArrayViewMut::from_shape_ptr(dim.strides(steps), low).deref_into_view_mut() };
    if reversed {
        for (axis, &stride) in strides.iter().enumerate() {
            if stride < 0 {
                view.invert_axis(Axis(axis));
            }
        }
    }
    view
}

/// A fresh block of `len` elements that `fill` has written, where there is memory and `fill` says so.
///
/// # Safety
/// When `fill` is true it has initialised all elements.
#[inline]
pub(crate) unsafe fn filled<A: Element>(
    hub: &Hub,
    len: usize,
    fill: impl FnOnce(&mut [MaybeUninit<A>]) -> bool,
) -> Option<Shared<Store>> {
    let bytes = len.checked_mul(size_of::<A>())?;
    // As a rule the thread has kept such a block: then the store is made from it in one place.
    let store = match hub.pool().alloc_kept(bytes) {
        Some(block) => Shared::new(Store { base: hub.pool().address_of(&block), block, hub: hub.clone() }),
        None => Shared::new(Store::new(hub, bytes).ok()?),
    };
    let done = fill(store.elements(len));
    done.then_some(store)
}

impl<A: Element, D: Dimension> Held<A, D> {
    /// Takes a fresh block for `shape` (row-major, or column-major where the shape says so) and has `fill` write it, in
    /// memory order.
    ///
    /// # Safety
    /// When `fill` succeeds it has initialised all elements.
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
        let view = unsafe { RawArrayViewMut::from_shape_ptr(shape, store.base().cast()).deref_into_view_mut() };
        Ok(Held { view, store })
    }

    /// The row-major array of `dim` in a store whose elements are written.
    ///
    /// # Safety
    /// `store` is a block of as many `A`s as `dim` has elements, or of more, and those are initialised.
    #[inline]
    pub(crate) unsafe fn in_store(store: Shared<Store>, dim: D) -> Held<A, D> {
        // SAFETY: the block is aligned to 64 bytes, has room for the shape and is initialised (contract), and lives as
        // long as `store`, which is kept beside the view.
        let view = unsafe { RawArrayViewMut::from_shape_ptr(dim, store.base().cast()).deref_into_view_mut() };
        Held { view, store }
    }

    /// The same for an array whose memory runs through all of `dim` as `strides` say, from the block's start on.
    ///
    /// # Safety
    /// As [`Held::create`]; `strides` are positive and leave no gap.
    pub(crate) unsafe fn create_strided(
        hub: &Hub,
        dim: D,
        strides: &[isize],
        fill: impl FnOnce(&mut [MaybeUninit<A>]) -> Result<()>,
    ) -> Result<Held<A, D>> {
        let store = Shared::new(Store::new(hub, checked_bytes(dim.slice(), size_of::<A>())?)?);
        fill(store.elements(dim.size()))?;
        // SAFETY: strides without gaps over `dim` stay inside a block of its size; else as in `create`.
        let view = unsafe { view_of(store.base().cast(), dim, strides) };
        Ok(Held { view, store })
    }

    /// The array that a computed leaf is. Panics where the leaf's type or rank is another.
    pub(crate) fn from_leaf(leaf: &Leaf) -> Held<A, D> {
        assert!(A::DTYPE == Some(leaf.dtype), "a value of type {} was taken for another", leaf.dtype.name());
        let mut dim = D::zeros(leaf.shape.len());
        dim.slice_mut().copy_from_slice(&leaf.shape);
        // SAFETY: a leaf's shape and strides stay inside its block, which `store` keeps alive; the type was compared
        // above (a `DTYPE` names one layout); every leaf but a fresh one is initialised, and a fresh one is published
        // only after a plan has written all of it. A wrong rank panics when `dim` is filled.
        let view = unsafe { view_of(leaf.address().cast::<A>(), dim, &leaf.strides) };
        Held { view, store: leaf.store.clone() }
    }

    /// A copy that keeps the strides: `copy` of all elements between the first and the last one in memory. `None` where more than half of
    /// those would be others than the view's, or where the view reads one element at several indices.
    pub(crate) fn copy_of_span(
        &self,
        copy: impl FnOnce(&Held<A, Ix1>) -> Result<Held<A, Ix1>>,
    ) -> Option<Result<Held<A, D>>> {
        let (shape, strides) = (self.view.shape(), self.view.strides());
        let span = span(shape, strides).filter(|span| span / 2 < self.view.len())?;
        let before: isize = shape.iter().zip(strides).map(|(&n, &s)| s.min(0) * (n as isize - 1)).sum();
        let first = self.view.as_ptr().cast_mut().wrapping_offset(before);
        // SAFETY: the elements between the first and the last one of a view lie in its block, which an array's maker has filled without
        // gaps (the contracts of `create`, `create_strided` and `in_store`, and of fresh leaves), and `store` keeps it alive.
        let all = unsafe { RawArrayViewMut::from_shape_ptr(span, first).deref_into_view_mut() };
        let all = Held { view: all, store: self.store.clone() };
        Some(copy(&all).map(|copied| {
            assert!(copied.view.len() == span && copied.view.is_standard_layout());
            let ptr = copied.view.as_ptr().cast_mut().wrapping_offset(-before);
            // SAFETY: from the copy's first element on there are `span` elements, through which these strides go as through the
            // original; its store is kept beside the view.
            let view = unsafe { view_of(ptr, self.view.raw_dim(), strides) };
            Held { view, store: copied.store }
        }))
    }

    /// The view as an operand of programs, where they know the type.
    pub(crate) fn leaf(&self) -> Option<Leaf> {
        let offset = self.view.as_ptr() as usize - self.store.base() as usize;
        Some(Leaf {
            store: self.store.clone(),
            offset,
            shape: Dims::new(self.view.shape()),
            strides: Dims::new(self.view.strides()),
            dtype: A::DTYPE?,
        })
    }

    /// Whether nothing else looks into the block.
    pub(crate) fn is_unique(&mut self) -> bool {
        self.store.is_unique()
    }

    /// The layout alone: it may change while the elements are shared.
    pub(crate) fn layout_mut(&mut self) -> &mut LayoutRef<A, D> {
        self.view.as_mut()
    }

    /// The same memory seen through another view made of this one.
    pub(crate) fn with_view<E>(
        self,
        change: impl FnOnce(ArrayViewMut<'static, A, D>) -> ArrayViewMut<'static, A, E>,
    ) -> Held<A, E> {
        Held { view: change(self.view), store: self.store }
    }
}

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

impl<A: Element, D: Dimension> Clone for Held<A, D> {
    #[inline]
    fn clone(&self) -> Self {
        let ptr = self.view.as_ptr().cast_mut();
        // SAFETY: pointer, shape and strides are those of a valid view into the block that `store` keeps alive.
        // Two views of one block exist now; elements are written only while the store has one holder.
        let view = unsafe { view_of(ptr, self.view.raw_dim(), self.view.strides()) };
        Held { view, store: self.store.clone() }
    }
}

/// The strides that an array of this shape has: of the order that the shape asks for.
pub(crate) fn strides_of<D: Dimension>(shape: &ndarray::Shape<D>) -> Dims<isize> {
    // SAFETY: elements of type `()` take no memory, so any pointer is in bounds for any shape.
    let probe = unsafe { RawArrayViewMut::<(), D>::from_shape_ptr(shape.clone(), NonNull::dangling().as_ptr()) };
    Dims::new(probe.strides())
}
