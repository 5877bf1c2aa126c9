//! Constructors, under ndarray's names. They make the array on the [current hub](Hub::current), which `Hub::enter` changes. If memory is full, they
//! panic with the text of the error. An array or vector that is passed by value and owns its memory is moved in, and keeps that memory.

use ndarray::{
    ArcArray, Array, ArrayBase, ArrayView, ArrayViewMut, CowArray, Data, Dimension, Ix1, Ix2, Ix3, ShapeBuilder,
    ShapeError,
};
use num_traits::{Float, One, Zero};

use crate::array::dist_array::{DistArray, expect};
use crate::array::loops::walk;
use crate::array::shape::dims::checked_bytes;
use crate::array::storage::copy::copy_in;
use crate::array::storage::store::Held;
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::Result;

/// A copy of an ndarray on the current hub.
fn on_current<A: Element, S: Data<Elem = A>, D: Dimension>(array: &ArrayBase<S, D>) -> Result<DistArray<A, D>> {
    Ok(DistArray::from_held(copy_in(&Hub::current()?, &array.view())?))
}

/// An array that was moved in, on the current hub.
fn moved_in<A, D: Dimension>(array: Array<A, D>) -> Result<DistArray<A, D>> {
    Ok(DistArray::from_held(Held::own(Hub::current()?, array)))
}

impl<A, D: Dimension> DistArray<A, D> {
    /// An array of this shape with the elements of a vector, in row-major (or, with `.f()`, column-major) order. The vector is moved in, and keeps
    /// its memory.
    ///
    /// # Errors
    /// A [`ShapeError`] if the vector's length does not fit the shape.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from_shape_vec((2, 2), vec![1, 2, 3, 4]).unwrap();
    /// assert_eq!(a, array![[1, 2], [3, 4]]);
    /// assert!(DistArray::from_shape_vec((2, 2), vec![1, 2, 3]).is_err());
    /// ```
    #[track_caller]
    pub fn from_shape_vec<Sh: Into<ndarray::StrideShape<D>>>(shape: Sh, elements: Vec<A>) -> Result<Self, ShapeError> {
        Ok(expect(moved_in(Array::from_shape_vec(shape, elements)?)))
    }
}

impl<A> DistArray<A, Ix1> {
    /// An array of the elements of a vector. The vector is moved in, and keeps its memory.
    ///
    /// ```
    /// use distob::prelude::*;
    /// assert_eq!(DistArray::from_vec(vec![1, 2, 3]), array![1, 2, 3]);
    /// ```
    #[track_caller]
    pub fn from_vec(elements: Vec<A>) -> Self {
        expect(moved_in(Array::from_vec(elements)))
    }
}

impl<A: Element, D: Dimension> DistArray<A, D> {
    /// An array that is filled with one value.
    ///
    /// ```
    /// use distob::prelude::*;
    /// assert_eq!(DistArray::from_elem((2, 2), 7), array![[7, 7], [7, 7]]);
    /// ```
    #[track_caller]
    pub fn from_elem<Sh: ShapeBuilder<Dim = D>>(shape: Sh, value: A) -> Self {
        expect(Self::try_from_elem(shape, value))
    }

    /// [`from_elem`](DistArray::from_elem), but returns an error where that panics.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::try_from_elem((2, 2), 7)?;
    /// assert_eq!(a, array![[7, 7], [7, 7]]);
    /// let too_large = DistArray::try_from_elem(1 << 50, 7);
    /// assert!(matches!(too_large, Err(distob::Error::OutOfMemory { .. })));
    /// # Ok::<(), distob::Error>(())
    /// ```
    pub fn try_from_elem<Sh: ShapeBuilder<Dim = D>>(shape: Sh, value: A) -> Result<Self> {
        Ok(DistArray::from_held(walk::fill(&Hub::current()?, shape, value)?))
    }

    /// An array of zeros.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray2::<f64>::zeros((2, 3));
    /// assert_eq!(a, Array2::<f64>::zeros((2, 3)));
    /// ```
    #[track_caller]
    pub fn zeros<Sh: ShapeBuilder<Dim = D>>(shape: Sh) -> Self
    where
        A: Zero,
    {
        Self::from_elem(shape, A::zero())
    }

    /// An array of ones.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray2::<f64>::ones((2, 3));
    /// assert_eq!(a.sum(), 6.0);
    /// ```
    #[track_caller]
    pub fn ones<Sh: ShapeBuilder<Dim = D>>(shape: Sh) -> Self
    where
        A: One,
    {
        Self::from_elem(shape, A::one())
    }

    /// An array of default values.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::<i32, _>::default((2, 3));
    /// assert_eq!(a, Array2::<i32>::zeros((2, 3)));
    /// ```
    #[track_caller]
    pub fn default<Sh: ShapeBuilder<Dim = D>>(shape: Sh) -> Self
    where
        A: Default,
    {
        Self::from_elem(shape, A::default())
    }

    /// An array whose element at each index is `f(index)`. `f` runs in parallel, on threads of this process.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from_shape_fn((2, 3), |(i, j)| 10 * i + j);
    /// assert_eq!(a, array![[0, 1, 2], [10, 11, 12]]);
    /// ```
    #[track_caller]
    pub fn from_shape_fn<Sh: ShapeBuilder<Dim = D>>(shape: Sh, f: impl Fn(D::Pattern) -> A + Sync) -> Self {
        expect(Self::try_from_shape_fn(shape, f))
    }

    /// [`from_shape_fn`](DistArray::from_shape_fn), but returns an error where that panics.
    ///
    /// # Errors
    /// [`Panicked`](crate::Error::Panicked) if `f` panicked; [`OutOfMemory`](crate::Error::OutOfMemory).
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::try_from_shape_fn((2, 3), |(i, j)| 10 * i + j)?;
    /// assert_eq!(a, array![[0, 1, 2], [10, 11, 12]]);
    /// # Ok::<(), distob::Error>(())
    /// ```
    pub fn try_from_shape_fn<Sh: ShapeBuilder<Dim = D>>(shape: Sh, f: impl Fn(D::Pattern) -> A + Sync) -> Result<Self> {
        Ok(DistArray::from_held(walk::from_index(&Hub::current()?, "from_shape_fn", shape, f)?))
    }

    /// An array whose elements are the results of `f`, which is called sequentially, in memory order.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut n = 0;
    /// let a = DistArray::from_shape_simple_fn((2, 2), || {
    ///     n += 1;
    ///     n
    /// });
    /// assert_eq!(a, array![[1, 2], [3, 4]]);
    /// ```
    #[track_caller]
    pub fn from_shape_simple_fn<Sh: ShapeBuilder<Dim = D>>(shape: Sh, f: impl FnMut() -> A) -> Self {
        expect(Hub::current().and_then(|hub| walk::fill_with(&hub, shape, f)).map(DistArray::from_held))
    }
}

impl<A: Element> DistArray<A, Ix1> {
    /// `n` evenly spaced numbers from `start` to `end`, both included.
    ///
    /// ```
    /// use distob::prelude::*;
    /// assert_eq!(DistArray::linspace(0.0, 1.0, 5), array![0.0, 0.25, 0.5, 0.75, 1.0]);
    /// ```
    #[track_caller]
    pub fn linspace(start: A, end: A, n: usize) -> Self
    where
        A: Float,
    {
        let step = match n {
            0 | 1 => A::zero(),
            _ => (end - start) / number(n - 1),
        };
        Self::from_shape_fn(n, |i| start + step * number(i))
    }

    /// The numbers from `start`, in steps of `step`, up to but not including `end`.
    ///
    /// # Panics
    /// If their number is not a possible length: a step of 0, NaN, or one that leads away from `end`, as in ndarray.
    ///
    /// ```
    /// use distob::prelude::*;
    /// assert_eq!(DistArray::range(0.0, 1.0, 0.25), array![0.0, 0.25, 0.5, 0.75]);
    /// ```
    #[track_caller]
    pub fn range(start: A, end: A, step: A) -> Self
    where
        A: Float,
    {
        let Some(steps) = ((end - start) / step).ceil().to_usize() else {
            panic!("range: the number of steps from start to end is no length of an array")
        };
        Self::from_shape_fn(steps, |i| start + step * number(i))
    }

    /// `n` numbers from `base^start` to `base^end`, evenly spaced on a logarithmic scale.
    ///
    /// ```
    /// use distob::prelude::*;
    /// assert_eq!(DistArray::logspace(10.0, 0.0, 2.0, 3), array![1.0, 10.0, 100.0]);
    /// ```
    #[track_caller]
    pub fn logspace(base: A, start: A, end: A, n: usize) -> Self
    where
        A: Float,
    {
        expect(room_for::<A>(n));
        expect(moved_in(Array::logspace(base, start, end, n)))
    }

    /// `n` numbers from `start` to `end` in a geometric progression; `None` if the signs of `start` and `end` differ or one of them is 0.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::geomspace(1.0, 8.0, 4).unwrap();
    /// assert_eq!(a, Array::geomspace(1.0, 8.0, 4).unwrap()); // 1, 2, 4 and 8 up to rounding
    /// assert!(DistArray::geomspace(-1.0, 8.0, 4).is_none());
    /// ```
    #[track_caller]
    pub fn geomspace(start: A, end: A, n: usize) -> Option<Self>
    where
        A: Float,
    {
        expect(room_for::<A>(n));
        Array::geomspace(start, end, n).map(|array| expect(moved_in(array)))
    }
}

/// Whether `n` elements would be within the current hub's quota.
fn room_for<A>(n: usize) -> Result<()> {
    Hub::current()?.has_room(checked_bytes(&[n], size_of::<A>())?)
}

/// A count as a float.
fn number<A: Float>(n: usize) -> A {
    A::from(n).unwrap_or_else(A::nan)
}

impl<A: Element> DistArray<A, Ix2> {
    /// The identity matrix of `n` rows.
    ///
    /// ```
    /// use distob::prelude::*;
    /// assert_eq!(DistArray::<f64, _>::eye(2), array![[1.0, 0.0], [0.0, 1.0]]);
    /// ```
    #[track_caller]
    pub fn eye(n: usize) -> Self
    where
        A: Zero + One,
    {
        Self::from_diag_elem(n, A::one())
    }

    /// A square matrix with `value` on its diagonal and zeros elsewhere.
    ///
    /// ```
    /// use distob::prelude::*;
    /// assert_eq!(DistArray::from_diag_elem(2, 7), array![[7, 0], [0, 7]]);
    /// ```
    #[track_caller]
    pub fn from_diag_elem(n: usize, value: A) -> Self
    where
        A: Zero,
    {
        Self::from_shape_fn((n, n), |(i, j)| if i == j { value } else { A::zero() })
    }

    /// A square matrix with these elements on its diagonal and zeros elsewhere.
    ///
    /// ```
    /// use distob::prelude::*;
    /// assert_eq!(DistArray::from_diag(&array![1, 2]), array![[1, 0], [0, 2]]);
    /// ```
    #[track_caller]
    pub fn from_diag<S: Data<Elem = A>>(diagonal: &ArrayBase<S, Ix1>) -> Self
    where
        A: Zero,
    {
        let (n, diagonal) = (diagonal.len(), diagonal.view());
        Self::from_shape_fn((n, n), |(i, j)| if i == j { diagonal[i] } else { A::zero() })
    }
}

impl<A> FromIterator<A> for DistArray<A, Ix1> {
    fn from_iter<I: IntoIterator<Item = A>>(elements: I) -> Self {
        Self::from_vec(elements.into_iter().collect())
    }
}

impl<A> From<Vec<A>> for DistArray<A, Ix1> {
    #[track_caller]
    fn from(elements: Vec<A>) -> Self {
        Self::from_vec(elements)
    }
}

impl<A, const N: usize> From<Vec<[A; N]>> for DistArray<A, Ix2> {
    /// A table of which each array is a row.
    fn from(rows: Vec<[A; N]>) -> Self {
        DistArray::from(Array::from(rows))
    }
}

impl<A, const N: usize, const M: usize> From<Vec<[[A; M]; N]>> for DistArray<A, Ix3> {
    /// An array of which each array of arrays is an element along the first axis.
    fn from(tables: Vec<[[A; M]; N]>) -> Self {
        DistArray::from(Array::from(tables))
    }
}

impl<A: Default, D: Dimension> Default for DistArray<A, D> {
    /// An array of axes of length 0; of no dimension, the element's default.
    fn default() -> Self {
        DistArray::from(Array::default(D::default()))
    }
}

impl<A: Element> From<&[A]> for DistArray<A, Ix1> {
    #[track_caller]
    fn from(elements: &[A]) -> Self {
        expect(on_current(&ndarray::aview1(elements)))
    }
}

impl<A, D: Dimension> From<Array<A, D>> for DistArray<A, D> {
    /// Moves the array in; it keeps its memory.
    #[track_caller]
    fn from(array: Array<A, D>) -> Self {
        expect(moved_in(array))
    }
}

macro_rules! from_owned_or_not {
    ($($Array:ty),*) => {$(
        impl<A: Element, D: Dimension> From<$Array> for DistArray<A, D> {
            /// Moves the array in if it owns its memory alone; otherwise copies it into the pool.
            #[track_caller]
            fn from(array: $Array) -> Self {
                match array.try_into_owned_nocopy() {
                    Ok(array) => array.into(),
                    Err(array) => expect(on_current(&array)),
                }
            }
        }
    )*};
}

from_owned_or_not!(ArcArray<A, D>, CowArray<'_, A, D>, ArrayView<'_, A, D>, ArrayViewMut<'_, A, D>);

impl<A: Element, S: Data<Elem = A>, D: Dimension> From<&ArrayBase<S, D>> for DistArray<A, D> {
    #[track_caller]
    fn from(array: &ArrayBase<S, D>) -> Self {
        expect(on_current(array))
    }
}
