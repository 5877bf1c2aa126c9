//! Memory of the program's own that engine processes are to read: copied into a block once, where there are such processes.

use std::marker::PhantomData;

use crate::array::storage::store::Store;
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};

/// Bytes that are read where they are, or in a copy that engine processes see.
pub(super) struct Resident<'a> {
    at: *mut u8,
    _copy: Option<Store>,
    _bytes: PhantomData<&'a [u8]>,
}

impl<'a> Resident<'a> {
    /// Of a slice's elements.
    ///
    /// # Errors
    /// Those of the pool, but for a full one: then the hub's own threads alone read the elements.
    pub(super) fn new<T: Element>(hub: &Hub, slice: &'a [T]) -> Result<Resident<'a>> {
        // SAFETY: the bytes of elements, which have no padding, borrowed for as long.
        unsafe { Resident::of_bytes(hub, slice.as_ptr().cast(), size_of_val(slice)) }
    }

    /// [`new`](Resident::new), of so many bytes.
    ///
    /// # Safety
    /// They are valid for reads, and nobody writes them, for `'a`, which the caller chooses.
    pub(super) unsafe fn of_bytes(hub: &Hub, at: *const u8, bytes: usize) -> Result<Resident<'a>> {
        let at = at.cast_mut();
        let segment = hub.pool().segment();
        let begins = at.addr().wrapping_sub(segment.base().as_ptr().addr());
        if !hub.shares_with_processes() || begins < segment.len() {
            return Ok(Resident { at, _copy: None, _bytes: PhantomData });
        }
        let store = match Store::new(hub, bytes) {
            Ok(store) => store,
            // The hub's own threads read it where it is.
            Err(Error::OutOfMemory { .. }) => return Ok(Resident { at, _copy: None, _bytes: PhantomData }),
            Err(error) => return Err(error),
        };
        // SAFETY: bytes that are valid for reads (contract), and a fresh block of as many.
        unsafe { std::ptr::copy_nonoverlapping(at, store.base(), bytes) };
        hub.count_copied(bytes as u64);
        Ok(Resident { at: store.base(), _copy: Some(store), _bytes: PhantomData })
    }

    /// Where they are, to be read.
    pub(super) fn at(&self) -> *mut u8 {
        self.at
    }
}
