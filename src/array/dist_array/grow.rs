//! Growth at the end of an axis, under ndarray's names. What grows owns its memory from then on.

use ndarray::{Array, ArrayView, Axis, Dimension, Ix1, Ix2, RemoveAxis, ShapeError};

use crate::array::dist_array::{DistArray, expect};
use crate::array::storage::store::Held;
use crate::cluster::Hub;

/// An array that ndarray changes meanwhile. It gets its value back when this ends, by a panic too.
struct Growing<'a, A, D: Dimension> {
    to: &'a mut DistArray<A, D>,
    hub: Hub,
    array: Option<Array<A, D>>,
}

impl<A, D: Dimension> Drop for Growing<'_, A, D> {
    fn drop(&mut self) {
        if let Some(array) = self.array.take() {
            self.to.set_value(DistArray::from_held(Held::own(self.hub.clone(), array)));
        }
    }
}

impl<A, D: Dimension> DistArray<A, D> {
    /// Has ndarray change the array, which owns its memory then: the one that it had, if nobody else looks into it.
    #[track_caller]
    fn grow<R>(&mut self, change: impl FnOnce(&mut Array<A, D>) -> R) -> R {
        let hub = self.hub().clone();
        let array = expect(self.take_array());
        self.forget_partition();
        let mut growing = Growing { to: self, hub, array: None };
        change(growing.array.insert(array))
    }

    /// Makes room for `additional` more along `axis`, as ndarray's `reserve`; see [`append`](DistArray::append).
    ///
    /// # Errors
    /// A [`ShapeError`] where no array could be so large.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray2::<i32>::zeros((0, 2));
    /// a.reserve(Axis(0), 1000).unwrap();
    /// for i in 0..1000 {
    ///     a.push_row(aview1(&[i, -i])).unwrap(); // allocates nothing
    /// }
    /// assert_eq!(a.dim(), (1000, 2));
    /// ```
    #[track_caller]
    pub fn reserve(&mut self, axis: Axis, additional: usize) -> Result<(), ShapeError>
    where
        D: RemoveAxis,
    {
        self.grow(|array| array.reserve(axis, additional))
    }

    /// Appends clones of the elements of `array` at the end of `axis`, as ndarray's `append`: in time proportional to their number on average,
    /// where the memory runs through `axis` last of all, as it does after the first time.
    ///
    /// The array owns its memory from then on: one that lies in the pool, or whose elements are shared, is copied first.
    ///
    /// # Errors
    /// A [`ShapeError`] where the lengths of the other axes differ; the array stays as it was.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray2::<f64>::zeros((0, 3));
    /// for i in 0..4 {
    ///     a.push_row(aview1(&[1.0, 2.0, f64::from(i)])).unwrap();
    /// }
    /// a.append(Axis(0), array![[0.0, 0.0, 0.5]].view()).unwrap();
    /// assert_eq!((a.shape(), a.sum_axis(Axis(0))), (&[5, 3][..], DistArray::from_vec(vec![4.0, 8.0, 6.5])));
    /// assert!(a.push_row(aview1(&[1.0])).is_err());
    /// ```
    #[track_caller]
    pub fn append(&mut self, axis: Axis, array: ArrayView<'_, A, D>) -> Result<(), ShapeError>
    where
        A: Clone,
        D: RemoveAxis,
    {
        self.grow(|own| own.append(axis, array))
    }

    /// Appends one sub-array of one axis less at the end of `axis`; see [`append`](DistArray::append).
    ///
    /// # Errors
    /// A [`ShapeError`] where the lengths of the other axes differ; the array stays as it was.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2], [3, 4]]);
    /// a.push(Axis(0), aview1(&[5, 6])).unwrap();
    /// assert_eq!(a, array![[1, 2], [3, 4], [5, 6]]);
    /// ```
    #[track_caller]
    pub fn push(&mut self, axis: Axis, array: ArrayView<'_, A, D::Smaller>) -> Result<(), ShapeError>
    where
        A: Clone,
        D: RemoveAxis,
    {
        self.grow(|own| own.push(axis, array))
    }
}

impl<A: Clone> DistArray<A, Ix2> {
    /// Appends a row; see [`append`](DistArray::append).
    ///
    /// # Errors
    /// A [`ShapeError`] where it is not as long as the rows; the array stays as it was.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2], [3, 4]]);
    /// a.push_row(aview1(&[5, 6])).unwrap();
    /// assert_eq!(a, array![[1, 2], [3, 4], [5, 6]]);
    /// ```
    #[track_caller]
    pub fn push_row(&mut self, row: ArrayView<'_, A, Ix1>) -> Result<(), ShapeError> {
        self.grow(|array| array.push_row(row))
    }

    /// Appends a column; see [`append`](DistArray::append).
    ///
    /// # Errors
    /// A [`ShapeError`] where it is not as long as the columns; the array stays as it was.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2], [3, 4]]);
    /// a.push_column(aview1(&[5, 6])).unwrap();
    /// assert_eq!(a, array![[1, 2, 5], [3, 4, 6]]);
    /// ```
    #[track_caller]
    pub fn push_column(&mut self, column: ArrayView<'_, A, Ix1>) -> Result<(), ShapeError> {
        self.grow(|array| array.push_column(column))
    }
}
