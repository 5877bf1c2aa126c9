//! The traits of Rust and ndarray through which other code meets an array: printing, iteration, `Zip`, views.

use std::fmt;

use ndarray::iter::{Iter, IterMut};
use ndarray::{ArrayView, ArrayViewMut, Dimension, IntoNdProducer};

use crate::array::dist_array::DistArray;
use crate::array::storage::copy::into_row_major;

impl<A: fmt::Display, D: Dimension> fmt::Display for DistArray<A, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_held() {
            Ok(held) => held.view.fmt(f),
            Err(error) => write!(f, "<not computed: {error}>"),
        }
    }
}

impl<A: fmt::Debug, D: Dimension> fmt::Debug for DistArray<A, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.try_held() {
            Ok(held) => held.view.fmt(f),
            Err(error) => write!(f, "<not computed: {error}>"),
        }
    }
}

impl<'a, A, D: Dimension> IntoIterator for &'a DistArray<A, D> {
    type Item = &'a A;
    type IntoIter = Iter<'a, A, D>;

    #[track_caller]
    fn into_iter(self) -> Iter<'a, A, D> {
        self.iter()
    }
}

impl<A, D: Dimension> IntoIterator for DistArray<A, D> {
    type Item = A;
    type IntoIter = std::vec::IntoIter<A>;

    /// The elements by value, in row-major order. Those of an array that does not own its memory, or that is shared, are copied first.
    #[track_caller]
    fn into_iter(self) -> Self::IntoIter {
        // Not ndarray's iterator, which leaks the elements that it has not given when it ends.
        into_row_major(self.into_ndarray()).into_iter()
    }
}

impl<'a, A, D: Dimension> IntoIterator for &'a mut DistArray<A, D> {
    type Item = &'a mut A;
    type IntoIter = IterMut<'a, A, D>;

    #[track_caller]
    fn into_iter(self) -> IterMut<'a, A, D> {
        self.iter_mut()
    }
}

impl<'a, A, D: Dimension> IntoNdProducer for &'a DistArray<A, D> {
    type Item = &'a A;
    type Dim = D;
    type Output = ArrayView<'a, A, D>;

    #[track_caller]
    fn into_producer(self) -> ArrayView<'a, A, D> {
        (**self).view()
    }
}

impl<'a, A, D: Dimension> IntoNdProducer for &'a mut DistArray<A, D> {
    type Item = &'a mut A;
    type Dim = D;
    type Output = ArrayViewMut<'a, A, D>;

    #[track_caller]
    fn into_producer(self) -> ArrayViewMut<'a, A, D> {
        (**self).view_mut()
    }
}

impl<'a, A, D: Dimension> From<&'a DistArray<A, D>> for ArrayView<'a, A, D> {
    #[track_caller]
    fn from(array: &'a DistArray<A, D>) -> Self {
        (**array).view()
    }
}
