//! An NPY file that is read in place, through a mapping of the file itself.

use super::NpyFile;
use crate::element::Element;
use crate::{Error, Result};
use kernels::DType;
use memmap2::Mmap;
use ndarray::{ArrayView, Dimension, IxDyn, ShapeBuilder};
use std::marker::PhantomData;
use std::path::Path;

/// A read-only array whose memory is a file. It takes no memory of the pool: pages are read as they are used.
#[derive(Debug)]
pub struct MappedNpy<A, D> {
    map: Mmap,
    data_at: usize,
    shape: IxDyn,
    fortran: bool,
    kind: PhantomData<(A, D)>,
}

impl<A: Element, D: Dimension> MappedNpy<A, D> {
    /// Maps the file at `path`.
    ///
    /// # Safety
    ///
    /// As long as the value lives, nobody, in this process or in another, may
    ///
    /// - truncate the file: touching what was cut off ends the process with SIGBUS;
    /// - write to the file: the elements are handed out as `&[A]`, which the compiler takes for immutable, and bytes
    ///   that were checked here (of `bool`) are not checked again.
    ///
    /// The system enforces neither. Where it cannot be promised, `open_npy` reads the file into memory.
    ///
    /// # Errors
    ///
    /// What [`NpyFile::open`] and [`NpyFile::expect`] say, and [`Error::File`] for what cannot be used in place: the
    /// other byte order, and elements that are not aligned in the file.
    pub unsafe fn open(path: &Path) -> Result<Self> {
        let file = NpyFile::open(path)?;
        file.expect(A::DTYPE, D::NDIM)?;
        let header = file.header();
        if header.swapped {
            return Err(file.wrong(format!(
                "its numbers ({:?}) have the other byte order and cannot be used in place; open_npy turns them around",
                header.descr()
            )));
        }
        if header.data_at % align_of::<A>() != 0 {
            return Err(file.wrong(format!(
                "its elements begin at byte {}, which is no multiple of {}, so that they cannot be used in place; \
                 open_npy copies them",
                header.data_at,
                align_of::<A>()
            )));
        }
        // SAFETY: the map is read-only, and the caller promises that nobody truncates the file or writes to it.
        let map = unsafe { Mmap::map(file.file()) }.map_err(|e| Error::io(format!("map {}", file.path()), e))?;
        // The file may have changed since it was opened, but not since it was mapped: the caller's promise.
        if map.len() < header.data_at + header.data_bytes() {
            return Err(file.wrong("it became shorter while it was mapped"));
        }
        if header.dtype == DType::Bool {
            file.check_bools(0, &map[header.data_at..][..header.data_bytes()])?;
        }
        let (data_at, fortran) = (header.data_at, header.fortran);
        Ok(MappedNpy { map, data_at, shape: IxDyn(&header.shape), fortran, kind: PhantomData })
    }

    /// The array.
    pub fn view(&self) -> ArrayView<'_, A, D> {
        let shape = self.shape.clone().set_f(self.fortran);
        // SAFETY: the map reaches `data_at` plus the bytes of the shape (checked in `open`) and lives as long as
        // `self`; a page-aligned map plus `data_at`, a multiple of `align_of::<A>()`, is aligned; the bytes are
        // values of `A`: its `DTYPE` is the file's, for `bool` they were checked, and nobody writes (`open`).
        let view = unsafe { ArrayView::from_shape_ptr(shape, self.map.as_ptr().add(self.data_at).cast::<A>()) };
        view.into_dimensionality::<D>().expect("the number of dimensions was checked when it was opened")
    }
}
