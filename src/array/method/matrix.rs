//! Products of matrices and vectors: [`Matmul`], [`Matvec`], [`Vecdot`], [`Vecmat`], and ndarray's `dot`.

#![expect(
    clippy::type_complexity,
    reason = "what a result is follows from its operands, and is said where it is given"
)]

use ndarray::{Axis, DimMax, Dimension, Ix0, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn};

use super::along;
use super::call::CallBinary;
use super::input::Input;
use super::reduce::{Reduce, elements};
use crate::array::argument::{Arg, hub_of};
use crate::array::broadcast::{broadcast_shape, broadcast_strides};
use crate::array::dims::{Dims, volume};
use crate::array::dist_array::{DistArray, expect};
use crate::array::function::{Add, Binary, Matmul, Matvec, Multiply, Vecdot, Vecmat};
use crate::array::placement::Placed;
use crate::array::view::{Held, Leaf};
use crate::array::{driver, operate};
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::matrix::{Operand, Product};
use kernels::{DType, Op};

/// A dimension of what can stand left of one of dimension `E` in a product of matrices.
pub trait MatmulDim<E: Dimension>: Dimension {
    /// That of the product.
    type Output: Dimension;
}

macro_rules! products {
    ($($left:ident $right:ident $out:ident,)*) => {$(
        impl MatmulDim<$right> for $left {
            type Output = $out;
        }
    )*};
}
products! {
    Ix1 Ix1 Ix0, Ix1 Ix2 Ix1, Ix1 Ix3 Ix2, Ix1 Ix4 Ix3, Ix1 Ix5 Ix4, Ix1 Ix6 Ix5, Ix1 IxDyn IxDyn,
    Ix2 Ix1 Ix1, Ix2 Ix2 Ix2, Ix2 Ix3 Ix3, Ix2 Ix4 Ix4, Ix2 Ix5 Ix5, Ix2 Ix6 Ix6, Ix2 IxDyn IxDyn,
    Ix3 Ix1 Ix2, Ix3 Ix2 Ix3, Ix3 Ix3 Ix3, Ix3 Ix4 Ix4, Ix3 Ix5 Ix5, Ix3 Ix6 Ix6, Ix3 IxDyn IxDyn,
    Ix4 Ix1 Ix3, Ix4 Ix2 Ix4, Ix4 Ix3 Ix4, Ix4 Ix4 Ix4, Ix4 Ix5 Ix5, Ix4 Ix6 Ix6, Ix4 IxDyn IxDyn,
    Ix5 Ix1 Ix4, Ix5 Ix2 Ix5, Ix5 Ix3 Ix5, Ix5 Ix4 Ix5, Ix5 Ix5 Ix5, Ix5 Ix6 Ix6, Ix5 IxDyn IxDyn,
    Ix6 Ix1 Ix5, Ix6 Ix2 Ix6, Ix6 Ix3 Ix6, Ix6 Ix4 Ix6, Ix6 Ix5 Ix6, Ix6 Ix6 Ix6, Ix6 IxDyn IxDyn,
    IxDyn Ix1 IxDyn, IxDyn Ix2 IxDyn, IxDyn Ix3 IxDyn, IxDyn Ix4 IxDyn, IxDyn Ix5 IxDyn, IxDyn Ix6 IxDyn, IxDyn IxDyn IxDyn,
}

impl Matmul {
    /// Products of matrices: `(..., n, k)` and `(..., k, m)` give `(..., n, m)`; leading axes are broadcast. An operand of one axis is a
    /// row on the left, a column on the right, and its axis is not in the result. Truth values are joined by *and* and *or*; integers
    /// wrap.
    ///
    /// Sums go along the common axis in order, products of floats are not rounded before they are added, and each 256 terms
    /// are added up by themselves. Floats of 16 bits are computed in 32, `f32` in 32. Where an operand is a vector, terms are added up in the
    /// fixed tree, as in [`sum_axis`](DistArray::sum_axis): those of `f32` and `f64` after they have been rounded, those of floats of 16 bits
    /// unrounded, in 64. A pending operand is computed first, ndarray's arrays and views are read
    /// where they are.
    ///
    /// # Panics
    /// Where [`try_call`](Matmul::try_call) gives an error.
    ///
    /// ```
    /// use distob::prelude::*;
    /// use distob::ufunc::Matmul;
    /// let a = DistArray::from(ndarray::array![[1, 2], [3, 4]]);
    /// assert_eq!(Matmul.call(&a, ndarray::array![[0, 1], [1, 0]]), ndarray::array![[2, 1], [4, 3]]);
    /// assert_eq!(Matmul.call(&a, ndarray::array![1, 10]), ndarray::array![21, 43]);
    /// ```
    #[track_caller]
    pub fn call<X: Input, Y: Input<Elem = X::Elem>>(
        self,
        x: X,
        y: Y,
    ) -> DistArray<X::Elem, <X::Dim as MatmulDim<Y::Dim>>::Output>
    where
        X::Dim: MatmulDim<Y::Dim>,
        Multiply: Binary<X::Elem, Output = X::Elem>,
        Add: Binary<X::Elem, Output = X::Elem>,
    {
        expect(self.try_call(x, y))
    }

    /// [`call`](Matmul::call), with an error where that panics.
    ///
    /// # Errors
    /// [`Error::Shape`] where the shapes do not fit, [`Error::InvalidArgument`] for an operand without axes, [`Error::ForeignHub`],
    /// [`Error::OutOfMemory`].
    pub fn try_call<X: Input, Y: Input<Elem = X::Elem>>(
        self,
        x: X,
        y: Y,
    ) -> Result<DistArray<X::Elem, <X::Dim as MatmulDim<Y::Dim>>::Output>>
    where
        X::Dim: MatmulDim<Y::Dim>,
        Multiply: Binary<X::Elem, Output = X::Elem>,
        Add: Binary<X::Elem, Output = X::Elem>,
    {
        const NAME: &str = "matmul";
        let (x, y) = (x.view_arg(), y.view_arg());
        let ranks = (axes(NAME, &x, 1)?, axes(NAME, &y, 1)?);
        let (left, right) = (x.shape(), y.shape());
        let common = if ranks.1 == 1 { right[0] } else { right[ranks.1 - 2] };
        if left[ranks.0 - 1] != common {
            return Err(misfit(NAME, left, right));
        }
        match ranks {
            (1, 1) => summed(elements(&x)?, elements(&y)?, 0)?.seen_as(),
            (_, 1) => summed(elements(&x)?, elements(&y)?, ranks.0 - 1)?.seen_as(),
            (1, _) => summed(elements(&x)?.insert_axis(Axis(1)), elements(&y)?, ranks.1 - 2)?.seen_as(),
            _ => product(NAME, &x, &y),
        }
    }
}

impl Matvec {
    /// Products of matrices and vectors: `(..., m, n)` and `(..., n)` give `(..., m)`; leading axes are broadcast. Lazy: one pass over the
    /// matrix, fused with what is pending; sums as in [`Matmul::call`] of a vector.
    ///
    /// # Panics
    /// Where [`try_call`](Matvec::try_call) gives an error.
    ///
    /// ```
    /// use distob::prelude::*;
    /// use distob::ufunc::Matvec;
    /// let a = DistArray::from(ndarray::array![[1, 2], [3, 4]]);
    /// assert_eq!(Matvec.call(&a, ndarray::array![[1, 0], [1, 10]]), ndarray::array![[1, 3], [21, 43]]);
    /// ```
    #[track_caller]
    pub fn call<X: Input, Y: Input<Elem = X::Elem>>(
        self,
        x: X,
        y: Y,
    ) -> DistArray<X::Elem, <<X::Dim as Dimension>::Smaller as DimMax<Y::Dim>>::Output>
    where
        <X::Dim as Dimension>::Smaller: DimMax<Y::Dim>,
        Multiply: Binary<X::Elem, Output = X::Elem>,
        Add: Binary<X::Elem, Output = X::Elem>,
    {
        expect(self.try_call(x, y))
    }

    /// [`call`](Matvec::call), with an error where that panics.
    ///
    /// # Errors
    /// As [`Matmul::try_call`].
    pub fn try_call<X: Input, Y: Input<Elem = X::Elem>>(
        self,
        x: X,
        y: Y,
    ) -> Result<DistArray<X::Elem, <<X::Dim as Dimension>::Smaller as DimMax<Y::Dim>>::Output>>
    where
        <X::Dim as Dimension>::Smaller: DimMax<Y::Dim>,
        Multiply: Binary<X::Elem, Output = X::Elem>,
        Add: Binary<X::Elem, Output = X::Elem>,
    {
        const NAME: &str = "matvec";
        let (x, y) = (x.view_arg(), y.view_arg());
        let ranks = (axes(NAME, &x, 2)?, axes(NAME, &y, 1)?);
        if x.shape()[ranks.0 - 1] != y.shape()[ranks.1 - 1] {
            return Err(misfit(NAME, x.shape(), y.shape()));
        }
        let last = ranks.0.max(ranks.1 + 1) - 1;
        summed(elements(&x)?, elements(&y)?.insert_axis(Axis(ranks.1 - 1)), last)?.seen_as()
    }
}

impl Vecmat {
    /// Products of vectors and matrices: `(..., n)`, conjugated, and `(..., n, m)` give `(..., m)`; leading axes are broadcast. Lazy, as
    /// [`Matvec::call`].
    ///
    /// # Panics
    /// Where [`try_call`](Vecmat::try_call) gives an error.
    ///
    /// ```
    /// use distob::prelude::*;
    /// use distob::ufunc::Vecmat;
    /// let a = DistArray::from(ndarray::array![[1, 2], [3, 4]]);
    /// assert_eq!(Vecmat.call(ndarray::array![1, 10], &a), ndarray::array![31, 42]);
    /// ```
    #[track_caller]
    pub fn call<X: Input, Y: Input<Elem = X::Elem>>(
        self,
        x: X,
        y: Y,
    ) -> DistArray<X::Elem, <X::Dim as DimMax<<Y::Dim as Dimension>::Smaller>>::Output>
    where
        X::Dim: DimMax<<Y::Dim as Dimension>::Smaller>,
        Multiply: Binary<X::Elem, Output = X::Elem>,
        Add: Binary<X::Elem, Output = X::Elem>,
    {
        expect(self.try_call(x, y))
    }

    /// [`call`](Vecmat::call), with an error where that panics.
    ///
    /// # Errors
    /// As [`Matmul::try_call`].
    pub fn try_call<X: Input, Y: Input<Elem = X::Elem>>(
        self,
        x: X,
        y: Y,
    ) -> Result<DistArray<X::Elem, <X::Dim as DimMax<<Y::Dim as Dimension>::Smaller>>::Output>>
    where
        X::Dim: DimMax<<Y::Dim as Dimension>::Smaller>,
        Multiply: Binary<X::Elem, Output = X::Elem>,
        Add: Binary<X::Elem, Output = X::Elem>,
    {
        const NAME: &str = "vecmat";
        let (x, y) = (x.view_arg(), y.view_arg());
        let ranks = (axes(NAME, &x, 1)?, axes(NAME, &y, 2)?);
        if x.shape()[ranks.0 - 1] != y.shape()[ranks.1 - 2] {
            return Err(misfit(NAME, x.shape(), y.shape()));
        }
        let rank = ranks.1.max(ranks.0 + 1);
        summed(conjugated(elements(&x)?)?.insert_axis(Axis(ranks.0)), elements(&y)?, rank - 2)?.seen_as()
    }
}

impl Vecdot {
    /// Products of vectors: `(..., n)`, conjugated, and `(..., n)` give `(...)`; leading axes are broadcast. Lazy, as [`Matvec::call`].
    ///
    /// # Panics
    /// Where [`try_call`](Vecdot::try_call) gives an error.
    ///
    /// ```
    /// use distob::prelude::*;
    /// use distob::ufunc::Vecdot;
    /// let a = DistArray::from(ndarray::array![[1, 2], [3, 4]]);
    /// assert_eq!(Vecdot.call(&a, &a), ndarray::array![5, 25]);
    /// ```
    #[track_caller]
    pub fn call<X: Input, Y: Input<Elem = X::Elem>>(
        self,
        x: X,
        y: Y,
    ) -> DistArray<X::Elem, <<X::Dim as DimMax<Y::Dim>>::Output as Dimension>::Smaller>
    where
        X::Dim: DimMax<Y::Dim>,
        Multiply: Binary<X::Elem, Output = X::Elem>,
        Add: Binary<X::Elem, Output = X::Elem>,
    {
        expect(self.try_call(x, y))
    }

    /// [`call`](Vecdot::call), with an error where that panics.
    ///
    /// # Errors
    /// As [`Matmul::try_call`].
    pub fn try_call<X: Input, Y: Input<Elem = X::Elem>>(
        self,
        x: X,
        y: Y,
    ) -> Result<DistArray<X::Elem, <<X::Dim as DimMax<Y::Dim>>::Output as Dimension>::Smaller>>
    where
        X::Dim: DimMax<Y::Dim>,
        Multiply: Binary<X::Elem, Output = X::Elem>,
        Add: Binary<X::Elem, Output = X::Elem>,
    {
        const NAME: &str = "vecdot";
        let (x, y) = (x.view_arg(), y.view_arg());
        let ranks = (axes(NAME, &x, 1)?, axes(NAME, &y, 1)?);
        if x.shape()[ranks.0 - 1] != y.shape()[ranks.1 - 1] {
            return Err(misfit(NAME, x.shape(), y.shape()));
        }
        summed(conjugated(elements(&x)?)?, elements(&y)?, ranks.0.max(ranks.1) - 1)?.seen_as()
    }
}

/// A dimension of what has a product with one of dimension `E` in ndarray's `dot`, and what that gives.
pub trait DotDim<A: Element, E: Dimension>: MatmulDim<E> {
    /// An array, or a number where both operands are vectors.
    type Product;

    #[doc(hidden)]
    fn product(array: DistArray<A, <Self as MatmulDim<E>>::Output>) -> Result<Self::Product>;
}

impl<A: Element> DotDim<A, Ix1> for Ix1 {
    type Product = A;

    fn product(array: DistArray<A, Ix0>) -> Result<A> {
        Ok(array.evaluated()?[()])
    }
}

macro_rules! dots {
    ($($left:ident $right:ident,)*) => {$(
        impl<A: Element> DotDim<A, $right> for $left {
            type Product = DistArray<A, <$left as MatmulDim<$right>>::Output>;

            fn product(array: Self::Product) -> Result<Self::Product> {
                Ok(array)
            }
        }
    )*};
}
dots!(Ix1 Ix2, Ix2 Ix1, Ix2 Ix2, IxDyn IxDyn,);

impl<A: Element, D: Dimension> DistArray<A, D> {
    /// The product of two matrices, a matrix and a vector, or two vectors (then a number), as ndarray's `dot`: [`Matmul`]'s
    /// [`call`](Matmul::call), on all threads.
    ///
    /// # Panics
    /// Where the shapes do not fit, the arrays are of two hubs, or there is no memory.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(ndarray::array![[1.0, 2.0], [3.0, 4.0]]);
    /// assert_eq!(a.dot(&a), ndarray::array![[7.0, 10.0], [15.0, 22.0]]);
    /// assert_eq!(a.row(0).dot(&a.row(1)), 11.0);
    /// ```
    #[track_caller]
    pub fn dot<Y: Input<Elem = A>>(&self, rhs: Y) -> D::Product
    where
        D: DotDim<A, Y::Dim>,
        Multiply: Binary<A, Output = A>,
        Add: Binary<A, Output = A>,
    {
        expect(Matmul.try_call(self, rhs).and_then(D::product))
    }
}

/// The number of axes, of which there must be `least`.
fn axes<A: Element, D: Dimension>(name: &str, arg: &Arg<'_, A, D>, least: usize) -> Result<usize> {
    let rank = arg.shape().len();
    if rank < least {
        return Err(Error::invalid(format!("{name}: an operand of {rank} axes, where {least} at least are wanted")));
    }
    Ok(rank)
}

fn misfit(name: &str, left: &[usize], right: &[usize]) -> Error {
    Error::Shape { operation: name.to_owned(), left: left.to_vec(), right: right.to_vec() }
}

/// Complex elements conjugated, others as they are.
fn conjugated<A: Element>(array: DistArray<A, IxDyn>) -> Result<DistArray<A, IxDyn>> {
    match (A::DTYPE.filter(|dtype| dtype.is_complex()), array.operand()) {
        (Some(dtype), Some(operand)) => {
            operate::apply(array.hub(), dtype, Op::Conj, Dims::new(array.shape()), vec![operand])
        }
        _ => Ok(array),
    }
}

/// Products of elements, added up along an axis. Those of floats of 16 bits, and their sums, may be far beyond their range, or between
/// them: they are computed in `f64`, which holds each product, and only the result is rounded.
fn summed<A: Element>(x: DistArray<A, IxDyn>, y: DistArray<A, IxDyn>, axis: usize) -> Result<DistArray<A, IxDyn>>
where
    Multiply: Binary<A, Output = A>,
    Add: Binary<A, Output = A>,
{
    if A::DTYPE.is_some_and(DType::is_half) {
        return summed::<f64>(x.try_astype()?, y.try_astype()?, axis)?.try_astype();
    }
    Add.reduce(Multiply.try_call(x, y)?).axis(axis as isize).run()
}

/// Products of matrices of two axes and more.
fn product<A: Element, D: Dimension, E: Dimension, O: Dimension>(
    name: &'static str,
    x: &Arg<'_, A, D>,
    y: &Arg<'_, A, E>,
) -> Result<DistArray<A, O>> {
    let hub = hub_of(x.hub(), y.hub())?;
    let dtype = A::DTYPE.ok_or_else(|| Error::invalid("an element type that programs do not know"))?;
    let results = multiplied(name, &hub, dtype, [&seen(&hub, x)?, &seen(&hub, y)?])?;
    Ok(DistArray::from_held(Held::from_leaf(&results)))
}

/// [`product`] without the element type.
fn multiplied(name: &'static str, hub: &Hub, dtype: DType, [left, right]: [&Seen<'_>; 2]) -> Result<Leaf> {
    let (shapes, strides) = ([&left.shape, &right.shape], [&left.strides, &right.strides]);
    let [p, q] = shapes.map(|shape| shape.len());
    let leading = broadcast_shape(name, &shapes[0][..p - 2], &shapes[1][..q - 2])
        .map_err(|_| misfit(name, shapes[0], shapes[1]))?;
    let (rows, depth, columns) = (shapes[0][p - 2], shapes[0][p - 1], shapes[1][q - 1]);
    let stretched = |which: usize, rank: usize| {
        broadcast_strides(&shapes[which][..rank - 2], &strides[which][..rank - 2], &leading).to_vec()
    };
    let sides = [
        Operand { leading: stretched(0, p), own: strides[0][p - 2], common: strides[0][p - 1] },
        Operand { leading: stretched(1, q), own: strides[1][q - 1], common: strides[1][q - 2] },
    ];
    let mut shape = leading.to_vec();
    shape.extend([rows, columns]);
    let results = along::fresh(hub, dtype, &shape)?;
    if volume(&shape) > 0 {
        let product = Product::new(dtype, leading.to_vec(), [rows, depth, columns], sides, hub.workers())?;
        let operands = [left.first.cast_mut(), right.first.cast_mut(), results.address()];
        // SAFETY: operands are borrowed for the call, and read at the strides of their views, broadcast; the results' block is fresh.
        unsafe { driver::run(hub, name, &product, &operands, Some(&Placed::new(2, &results))) }?;
    }
    Ok(results)
}

/// Where an operand's elements are.
struct Seen<'a> {
    first: *const u8,
    shape: Vec<usize>,
    strides: Vec<isize>,
    /// Keeps them there, where they are a copy.
    _copy: Option<Leaf>,
    _operand: std::marker::PhantomData<&'a ()>,
}

/// An operand, computed if it is pending; one that engine processes would not see is copied for them.
fn seen<'a, A: Element, D: Dimension>(hub: &Hub, arg: &'a Arg<'_, A, D>) -> Result<Seen<'a>> {
    let of = |leaf: &Leaf| (leaf.address().cast_const(), leaf.shape.to_vec(), leaf.strides.to_vec());
    let mut copy = None;
    let (first, shape, strides) = match arg {
        Arg::Dist(array) => {
            let held = array.try_held()?;
            let first = held.leaf().map_or(held.view.as_ptr().cast(), |leaf| leaf.address_for_engines().cast_const());
            (first, held.view.shape().to_vec(), held.view.strides().to_vec())
        }
        Arg::Foreign(_) if hub.shares_with_processes() => {
            let leaf = arg.held(hub)?.leaf();
            of(copy.insert(leaf.ok_or_else(|| Error::invalid("an element type that programs do not know"))?))
        }
        Arg::Foreign(view) => (view.as_ptr().cast(), view.shape().to_vec(), view.strides().to_vec()),
        Arg::Number(_) => unreachable!("a number has no axes"),
    };
    Ok(Seen { first, shape, strides, _copy: copy, _operand: std::marker::PhantomData })
}
