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
use ndarray::{Dimension, IxDyn};
use num_complex::Complex;

use crate::array::storage::shared::Shared;
use crate::array::storage::store::{Held, Store, view_of};
use crate::cluster::Hub;
#[cfg(doc)]
use crate::error::Error;
use crate::error::Result;
use kernels::{DType, Value};

/// A vector's first byte, its length and its capacity.
pub(in crate::array) type Parts = (NonNull<u8>, usize, usize);

/// A vector without its type and without its pointer, which is its store's.
pub(crate) struct Owned {
    len: usize,
    capacity: usize,
    pub(in crate::array) kind: &'static Kind,
    /// Left by the first `clone` of the array, which knows how elements are cloned.
    pub(in crate::array) clone: OnceLock<CloneFn>,
    /// A block with the same bytes at the same offsets. It never goes while the array is shared.
    beside: OnceLock<Shared<Store>>,
    /// Copies the bytes to such a block.
    copy: CopyFn,
}

/// Copies the bytes of a vector's store to a block, at the same offsets. A pointer, since copies are made by loops that are built on stores.
pub(in crate::array) type CopyFn = fn(&Store) -> Result<Shared<Store>>;

/// What is to be known of an element type where a vector of it ends.
pub(in crate::array) struct Kind {
    size: usize,
    align: usize,
    end: unsafe fn(NonNull<u8>, usize, usize),
}

pub(in crate::array) struct KindOf<A>(PhantomData<A>);

impl<A> KindOf<A> {
    pub(in crate::array) const KIND: &'static Kind =
        &Kind { size: size_of::<A>(), align: align_of::<A>(), end: end_vector::<A> };
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
pub(in crate::array) type CloneFn = unsafe fn(*const u8, &[usize], &[isize], &[usize]) -> Parts;

/// A [`CloneFn`].
///
/// # Safety
/// As it says.
unsafe fn clone_elements<A: Clone>(from: *const u8, shape: &[usize], strides: &[isize], order: &[usize]) -> Parts {
    // SAFETY: elements of this shape at these strides (contract), which are only read.
    let view = unsafe { view_of(from.cast::<A>().cast_mut(), IxDyn(shape), strides) };
    parts(view.view().permuted_axes(order).iter().cloned().collect())
}

/// Pointer, length and capacity of a vector, which ends with them.
pub(in crate::array) fn parts<A>(vector: Vec<A>) -> Parts {
    let mut vector = ManuallyDrop::new(vector);
    let base = NonNull::new(vector.as_mut_ptr()).expect("no vector is at address zero");
    (base.cast(), vector.len(), vector.capacity())
}

impl Owned {
    /// The store of such a vector, which counts as memory in use of the hub's pool.
    ///
    /// # Safety
    /// Pointer, length and capacity are those of a vector of this kind, which nobody else has.
    pub(in crate::array) unsafe fn store(
        hub: Hub,
        (base, len, capacity): Parts,
        kind: &'static Kind,
        copy: CopyFn,
    ) -> Shared<Store> {
        let owned = Owned { len, capacity, kind, clone: OnceLock::new(), beside: OnceLock::new(), copy };
        hub.pool().adopt(owned.bytes());
        Shared::new(Store::of_owned(hub, base, owned))
    }

    /// Bytes that it takes of the quota.
    fn bytes(&self) -> usize {
        // A vector of elements without a size has room for as many as can be.
        self.capacity.wrapping_mul(self.kind.size)
    }

    /// Bytes of its elements.
    pub(in crate::array) fn used(&self) -> usize {
        self.len * self.kind.size
    }

    /// Ends the vector, which begins at `base`, with its elements; called once, when its store ends.
    pub(in crate::array) fn end(&mut self, base: NonNull<u8>, hub: &Hub) {
        hub.pool().disown(self.bytes());
        // SAFETY: pointer, length and capacity are those of a vector of this kind (`store`), or of none that has memory (`take`).
        unsafe { (self.kind.end)(base, self.len, self.capacity) }
    }

    /// The vector, which begins at `base`; an empty one stays.
    ///
    /// # Safety
    /// The elements are of type `A`, or of one of the same size and bits without destructor.
    pub(in crate::array) unsafe fn take<A>(&mut self, base: NonNull<u8>, hub: &Hub) -> Vec<A> {
        assert_eq!((self.kind.size, self.kind.align), (size_of::<A>(), align_of::<A>()), "elements of another size");
        hub.pool().disown(self.bytes());
        let (len, capacity) = (std::mem::take(&mut self.len), std::mem::take(&mut self.capacity));
        self.beside = OnceLock::new();
        // SAFETY: they are those of a vector (`store`) of such elements (contract), which this one forgets here.
        unsafe { Vec::from_raw_parts(base.cast::<A>().as_ptr(), len, capacity) }
    }

    /// The block beside it, if there is one.
    #[inline]
    pub(in crate::array) fn take_beside(&mut self) -> Option<Shared<Store>> {
        self.beside.take()
    }
}

impl Shared<Store> {
    /// A block with the same bytes at the same offsets, for engine processes; `None` where this is a block itself. The first call copies
    /// them: they are of a type without padding and pointers.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(in crate::array) fn beside(&self) -> Result<Option<&Shared<Store>>> {
        // Who writes the elements after this has to give up the copy first, and so must look for it.
        self.mark();
        let Some(owned) = self.owned() else { return Ok(None) };
        if let Some(block) = owned.beside.get() {
            return Ok(Some(block));
        }
        let block = (owned.copy)(self)?;
        // Where another thread was quicker, its copy is the one.
        Ok(Some(owned.beside.get_or_init(move || block)))
    }
}

impl<A: Clone, D: Dimension> Held<A, D> {
    /// Leaves the function that clones elements with a vector, so that whoever shares it can.
    #[inline]
    pub(in crate::array) fn leave_clone(&self) {
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

/// The type as programs know it, as [`Value::DTYPE`] says: for whoever has no bound on the type.
pub(in crate::array) fn dtype_of<A>() -> Option<DType> {
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
}
