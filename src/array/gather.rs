//! Between an array of the pool and one that owns its memory elsewhere: scatter copies in, gather copies out, once and in
//! parallel. What is in the pool already is not copied.

use ndarray::{Array, ArrayBase, ArrayRef, ArrayView, Data, Dimension, ShapeBuilder};

use super::broadcast::{memory_order, strides_in_order};
use super::dist_array::{DistArray, checked_axis, expect};
use super::partition::Partition;
use super::view::Held;
use super::walk;
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};

/// A copy of a view in the pool, in the same memory order.
pub(crate) fn copy_in<A: Element, D: Dimension>(hub: &Hub, view: &ArrayView<'_, A, D>) -> Result<Held<A, D>> {
    hub.count_copied((view.len() * size_of::<A>()) as u64);
    walk::copy(hub, "scatter", view)
}

impl<A: Element, D: Dimension> DistArray<A, D> {
    /// An ndarray that owns its memory, with the same elements and memory order: one copy, in parallel. On one host
    /// nothing needs it but a function that takes an `Array`: the array itself dereferences to an ndarray.
    ///
    /// Panics where the expression cannot be computed; see [`try_gather`](DistArray::try_gather).
    #[track_caller]
    pub fn gather(&self) -> Array<A, D> {
        expect(self.try_gather())
    }

    /// [`gather`](DistArray::gather), with an error where that panics.
    pub fn try_gather(&self) -> Result<Array<A, D>> {
        let held = self.try_held()?;
        let view = held.view.view();
        let order = memory_order(view.shape(), std::iter::once(view.strides()));
        let elements = walk::copy_out(held.store.hub(), "gather", &view, &order)?;
        held.store.hub().count_copied((view.len() * size_of::<A>()) as u64);
        let mut strides = D::zeros(view.ndim());
        for (place, &stride) in strides.slice_mut().iter_mut().zip(&*strides_in_order(view.shape(), &order)) {
            *place = stride as usize;
        }
        Array::from_shape_vec(view.raw_dim().strides(strides), elements).map_err(|e| Error::invalid(e.to_string()))
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
    /// Puts an array on this hub, split along its first axis: one copy into the pool, in parallel; none for an array
    /// that is in it already.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]; [`Error::ForeignHub`] for an array of another hub.
    pub fn scatter<T: Scatter>(&self, value: T) -> Result<T::Output> {
        value.scatter_to(self, 0)
    }

    /// [`scatter`](Hub::scatter) along another axis; a negative one is counted from the end.
    ///
    /// # Errors
    /// Those of [`scatter`](Hub::scatter), and [`Error::Axis`].
    pub fn scatter_axis<T: Scatter>(&self, value: T, axis: isize) -> Result<T::Output> {
        value.scatter_to(self, axis)
    }
}

/// A copy of a view on the hub, split along `axis`.
fn scatter_view<A: Element, D: Dimension>(
    hub: &Hub,
    view: ArrayView<'_, A, D>,
    axis: isize,
) -> Result<DistArray<A, D>> {
    if view.ndim() > 0 {
        checked_axis("scatter", axis, view.ndim())?;
    }
    split(DistArray::from_held(copy_in(hub, &view)?), axis)
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
        scatter_view(hub, self.view(), axis)
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
