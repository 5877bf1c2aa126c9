//! Arrays in NumPy's files: read into the pool, saved, or used in place.

use std::mem::MaybeUninit;
use std::path::Path;

use ndarray::{Dimension, ShapeBuilder};

use crate::array::dist_array::{DistArray, dim_of};
use crate::array::loops::closure;
use crate::array::npy::{Header, MappedNpy, NpyFile, save};
use crate::array::storage::store::Held;
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::DType;

impl Hub {
    /// Reads an NPY file into the pool, with several threads.
    ///
    /// The file's elements must be of type `A`, in either byte order; [`astype`](DistArray::astype) converts afterwards.
    /// A file in column-major ("Fortran") order gives an array of the same logical shape with the strides of that order.
    ///
    /// # Errors
    /// [`Error::File`] for a file that is no NPY file, is damaged, truncated or longer than its shape says, or holds
    /// another type or another number of dimensions; [`Error::OutOfMemory`]; [`Error::Io`].
    ///
    /// ```
    /// use distob::prelude::*;
    /// # fn main() -> distob::Result<()> {
    /// # let hub = Hub::builder().embedded().start()?;
    /// # let path = std::env::temp_dir().join(format!("distob-open-npy-{}.npy", std::process::id()));
    /// hub.scatter(ndarray::array![[1.5, 2.5], [3.5, 4.5]])?.save_npy(&path)?;
    /// let a: DistArray2<f64> = hub.open_npy(&path)?;
    /// assert_eq!(a, ndarray::array![[1.5, 2.5], [3.5, 4.5]]);
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok(())
    /// # }
    /// ```
    pub fn open_npy<A: Element, D: Dimension>(&self, path: impl AsRef<Path>) -> Result<DistArray<A, D>> {
        let file = NpyFile::open(path.as_ref())?;
        file.expect(A::DTYPE, D::NDIM)?;
        let header = file.header();
        let shape = dim_of::<D>(&header.shape).set_f(header.fortran);
        let fill = |elements: &mut [MaybeUninit<A>]| file.read_into(bytes_mut(elements));
        // SAFETY: `read_into` writes all of the bytes that it is given, or fails; they are values of `A`, since the
        // file's type is `A::DTYPE` (`expect`), for whose bytes `read_into` answers (those of `bool` are checked).
        let held = unsafe { Held::create(self, shape, fill) }?;
        Ok(DistArray::from_held(held))
    }
}

impl<A: Element, D: Dimension> DistArray<A, D> {
    /// Saves the array as an NPY file (version 1.0), which NumPy reads. Until the new file is complete and on the
    /// disk, what was at `path` stays there; a call that fails leaves nothing behind.
    ///
    /// An array that lies in column-major order is saved in that order; one with gaps is brought into row-major order
    /// first.
    ///
    /// # Errors
    /// [`Error::Io`] where the system refuses (no space, no permission), [`Error::File`] where `path` is no regular file or the array has more
    /// than 64 axes,
    /// [`Error::InvalidArgument`] for a user's own element type, which NumPy does not know, [`Error::OutOfMemory`].
    ///
    /// ```
    /// use distob::prelude::*;
    /// # let path = std::env::temp_dir().join(format!("distob-save-npy-{}.npy", std::process::id()));
    /// let a = DistArray::from(array![1.5, 2.5]);
    /// a.save_npy(&path)?;
    /// let b: DistArray1<f64> = Hub::current()?.open_npy(&path)?;
    /// assert_eq!(a, b);
    /// # std::fs::remove_file(&path).unwrap();
    /// # Ok::<(), distob::Error>(())
    /// ```
    pub fn save_npy(&self, path: impl AsRef<Path>) -> Result<()> {
        let Some(dtype) = A::DTYPE.filter(|dtype| *dtype != DType::BF16) else {
            return Err(Error::invalid(format!(
                "save_npy: an NPY file holds numbers, not elements of {}",
                std::any::type_name::<A>()
            )));
        };
        let held = self.try_held()?;
        let write =
            |elements: &[A], fortran| save(path.as_ref(), &Header::new(dtype, self.shape(), fortran), bytes(elements));
        let view = held.view.view().into_dyn();
        match (view.to_slice(), held.view.view().reversed_axes().to_slice()) {
            (Some(elements), _) => write(elements, false),
            (None, Some(elements)) => write(elements, true),
            (None, None) => match closure::row_major(held)?.view.as_slice() {
                Some(elements) => write(elements, false),
                None => Err(Error::invalid("save_npy: the array could not be made contiguous")),
            },
        }
    }
}

/// Maps an NPY file and uses its elements in place: pages are read as they are touched, and none is in the pool.
///
/// ```
/// use distob::prelude::*;
/// # fn main() -> distob::Result<()> {
/// # let path = std::env::temp_dir().join(format!("distob-map-npy-{}.npy", std::process::id()));
/// # Hub::current()?.scatter(ndarray::array![1.0, 2.0, 3.0])?.save_npy(&path)?;
/// // SAFETY: nobody changes the file while it is mapped.
/// let file = unsafe { distob::array::map_npy::<f64, ndarray::Ix1>(&path) }?;
/// assert_eq!(file.view().sum(), 6.0);
/// # std::fs::remove_file(&path).unwrap();
/// # Ok(())
/// # }
/// ```
///
/// # Safety
/// As long as the value lives, nobody, in this process or in another, may truncate the file (touching what was cut
/// off ends the process with SIGBUS) or write to it (the elements are `&[A]`, which must not change; the bytes of
/// `bool`s are checked here once). The system enforces neither: where that cannot be promised, [`Hub::open_npy`] reads
/// the file into memory.
///
/// # Errors
/// Those of [`Hub::open_npy`], and [`Error::File`] for what cannot be used in place: the other byte order, and elements
/// that are not aligned in the file.
pub unsafe fn map_npy<A: Element, D: Dimension>(path: impl AsRef<Path>) -> Result<MappedNpy<A, D>> {
    // SAFETY: the caller's promise is the one that `open` asks for.
    unsafe { MappedNpy::open(path.as_ref()) }
}

fn bytes<A: Element>(elements: &[A]) -> &[u8] {
    // SAFETY: an `Element` has no padding, so all of its bytes are initialised; any address is aligned for `u8`.
    unsafe { std::slice::from_raw_parts(elements.as_ptr().cast(), size_of_val(elements)) }
}

fn bytes_mut<A: Element>(elements: &mut [MaybeUninit<A>]) -> &mut [u8] {
    let bytes = size_of_val(elements);
    // SAFETY: the elements are of a block of the pool, which is mapped memory: each byte has a value, zero or what was
    // there before. The exclusive borrow goes on in the result, and no `A` is made of the bytes here.
    unsafe { std::slice::from_raw_parts_mut(elements.as_mut_ptr().cast(), bytes) }
}
