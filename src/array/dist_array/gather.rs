//! Between arrays of ndarray's and those of a hub: what is owned is moved in and out, views are copied in, [`gather`](DistArray::gather) copies
//! out, once and in parallel.

use ndarray::{Array, ArrayBase, ArrayRef, ArrayView, CowArray, Data, Dimension, Ix0};

use crate::array::blocks::partition::Partition;
use crate::array::dist_array::{DistArray, checked_axis, expect};
use crate::array::storage::copy::copy_in;
use crate::array::storage::store::Held;
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};

impl<A, D: Dimension> DistArray<A, D> {
    /// The array as ndarray's. One that owns its memory (it was moved in, or grew) is moved out again where nobody else shares it, which costs
    /// nothing; else this is a copy, in parallel. `Array::from(a)` and `a.into()` are the same.
    ///
    /// Panics where the expression cannot be computed; see [`try_into_ndarray`](DistArray::try_into_ndarray).
    ///
    /// ```
    /// use distob::prelude::*;
    /// let elements = vec![1.0, 2.0, 3.0];
    /// let place = elements.as_ptr();
    /// let mut a = DistArray::from_vec(elements);
    /// a += 1.0;
    /// let x: Array1<f64> = a.into_ndarray();
    /// assert_eq!((x.as_ptr(), x), (place, array![2.0, 3.0, 4.0]));
    /// ```
    #[track_caller]
    pub fn into_ndarray(self) -> Array<A, D> {
        expect(self.try_into_ndarray())
    }

    /// [`into_ndarray`](DistArray::into_ndarray), with an error where that panics.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![1, 2, 3]);
    /// let x: Array1<i32> = a.try_into_ndarray()?;
    /// assert_eq!(x, array![1, 2, 3]);
    /// # Ok::<(), distob::Error>(())
    /// ```
    pub fn try_into_ndarray(self) -> Result<Array<A, D>> {
        self.into_held()?.into_array()
    }

    /// The elements as they lie in memory, and where among them the first one of the array is; `None` where the array is empty. A copy
    /// where [`into_ndarray`](DistArray::into_ndarray) makes one.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![1, 2, 3]);
    /// assert_eq!(a.into_raw_vec_and_offset(), (vec![1, 2, 3], Some(0)));
    /// ```
    #[track_caller]
    pub fn into_raw_vec_and_offset(self) -> (Vec<A>, Option<usize>) {
        self.into_ndarray().into_raw_vec_and_offset()
    }
}

impl<A, D: Dimension> From<DistArray<A, D>> for Array<A, D> {
    /// As [`DistArray::into_ndarray`].
    #[track_caller]
    fn from(array: DistArray<A, D>) -> Self {
        array.into_ndarray()
    }
}

impl<'a, A, D: Dimension> From<DistArray<A, D>> for CowArray<'a, A, D> {
    /// As [`DistArray::into_ndarray`].
    #[track_caller]
    fn from(array: DistArray<A, D>) -> Self {
        array.into_ndarray().into()
    }
}

impl<A> DistArray<A, Ix0> {
    /// The element.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(arr0(7));
    /// assert_eq!(a.into_scalar(), 7);
    /// ```
    #[track_caller]
    pub fn into_scalar(self) -> A {
        self.into_ndarray().into_scalar()
    }
}

impl<A: Element, D: Dimension> DistArray<A, D> {
    /// An ndarray that owns its memory, with the same elements and memory order: one copy, in parallel. On one host
    /// nothing needs it but a function that takes an `Array`: the array itself dereferences to an ndarray.
    ///
    /// Panics where the expression cannot be computed; see [`try_gather`](DistArray::try_gather).
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::linspace(0.0, 1.0, 3);
    /// let x: Array1<f64> = (&a * 2.0).gather();
    /// assert_eq!(x, array![0.0, 1.0, 2.0]);
    /// ```
    #[track_caller]
    pub fn gather(&self) -> Array<A, D> {
        expect(self.try_gather())
    }

    /// [`gather`](DistArray::gather), with an error where that panics.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::linspace(0.0, 1.0, 3);
    /// let x: Array1<f64> = a.try_gather()?;
    /// assert_eq!(x, array![0.0, 0.5, 1.0]);
    /// # Ok::<(), distob::Error>(())
    /// ```
    pub fn try_gather(&self) -> Result<Array<A, D>> {
        self.try_held()?.to_array()
    }
}

/// What [`Hub::scatter`] takes.
pub trait Scatter {
    /// What it becomes.
    type Output;

    /// Puts it on the hub, split along `axis` (negative: counted from the end).
    ///
    /// # Errors
    /// [`Error::Axis`] for an axis that it does not have; [`Error::OutOfMemory`].
    fn scatter_to(self, hub: &Hub, axis: isize) -> Result<Self::Output>;
}

impl Hub {
    /// Puts an array on this hub, split along its first axis. An array of ndarray's that is given by value and owns its memory is moved in
    /// and keeps that memory, which counts as in use; a reference or a view is copied into the pool, once and in parallel; an array of the
    /// hub stays where it is.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] for a copy; [`Error::ForeignHub`] for an array of another hub.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let hub = Hub::local()?;
    /// let a = hub.scatter(array![1.0, 2.0])?;              // moved in
    /// let b = hub.scatter(&array![10.0, 20.0])?;           // copied
    /// assert_eq!(a + b, array![11.0, 22.0]);
    /// # Ok::<(), distob::Error>(())
    /// ```
    pub fn scatter<T: Scatter>(&self, value: T) -> Result<T::Output> {
        self.scatter_axis(value, 0)
    }

    /// [`scatter`](Hub::scatter) along another axis; a negative one is counted from the end.
    ///
    /// # Errors
    /// Those of [`scatter`](Hub::scatter), and [`Error::Axis`].
    ///
    /// ```
    /// use distob::prelude::*;
    /// let hub = Hub::builder().engines(2).start()?;
    /// let a = hub.scatter_axis(Array2::<f64>::zeros((3, 4)), 1)?;
    /// assert_eq!(a.partition().blocks_per_axis(), [1, 2]);
    /// # Ok::<(), distob::Error>(())
    /// ```
    pub fn scatter_axis<T: Scatter>(&self, value: T, axis: isize) -> Result<T::Output> {
        self.check_home()?;
        value.scatter_to(self, axis)
    }
}

/// A copy of a view on the hub, split along `axis`.
fn scatter_view<A: Element, D: Dimension>(
    hub: &Hub,
    view: ArrayView<'_, A, D>,
    axis: isize,
) -> Result<DistArray<A, D>> {
    check_split(axis, view.ndim())?;
    split(DistArray::from_held(copy_in(hub, &view)?), axis)
}

/// Asks before anything is copied or taken.
fn check_split(axis: isize, ndim: usize) -> Result<()> {
    if ndim > 0 { checked_axis("scatter", axis, ndim).map(drop) } else { Ok(()) }
}

/// The array, split along `axis`; axis 0 needs no saying.
fn split<A: Element, D: Dimension>(mut array: DistArray<A, D>, axis: isize) -> Result<DistArray<A, D>> {
    if axis == 0 {
        array.forget_partition();
        return Ok(array);
    }
    let at = checked_axis("scatter", axis, array.ndim())?;
    array.with_partition(Partition::along(array.shape(), at, array.hub().engines())?)
}

impl<A: Element, S: Data<Elem = A>, D: Dimension> Scatter for &ArrayBase<S, D> {
    type Output = DistArray<A, D>;

    fn scatter_to(self, hub: &Hub, axis: isize) -> Result<DistArray<A, D>> {
        scatter_view(hub, self.view(), axis)
    }
}

impl<A: Element, S: Data<Elem = A>, D: Dimension> Scatter for ArrayBase<S, D> {
    type Output = DistArray<A, D>;

    fn scatter_to(self, hub: &Hub, axis: isize) -> Result<DistArray<A, D>> {
        check_split(axis, self.ndim())?;
        match self.try_into_owned_nocopy() {
            Ok(array) => split(DistArray::from_held(Held::own(hub.clone(), array)), axis),
            Err(shared) => scatter_view(hub, shared.view(), axis),
        }
    }
}

impl<A: Element, D: Dimension> Scatter for &ArrayRef<A, D> {
    type Output = DistArray<A, D>;

    fn scatter_to(self, hub: &Hub, axis: isize) -> Result<DistArray<A, D>> {
        scatter_view(hub, self.view(), axis)
    }
}

impl<A: Element, D: Dimension> Scatter for &DistArray<A, D> {
    type Output = DistArray<A, D>;

    fn scatter_to(self, hub: &Hub, axis: isize) -> Result<DistArray<A, D>> {
        self.clone().scatter_to(hub, axis)
    }
}

impl<A: Element, D: Dimension> Scatter for DistArray<A, D> {
    type Output = DistArray<A, D>;

    fn scatter_to(self, hub: &Hub, axis: isize) -> Result<DistArray<A, D>> {
        if self.hub().id() != hub.id() {
            return Err(Error::ForeignHub { left: hub.id(), right: self.hub().id() });
        }
        split(self, axis)
    }
}
