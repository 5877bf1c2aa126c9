//! Products of matrices and vectors: [`Matmul`], [`Matvec`], [`Vecdot`], [`Vecmat`], and ndarray's `dot`.

use std::cmp::Ordering;

use ndarray::{DimMax, Dimension, Ix0, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn};

use super::input::Input;
use super::reduce::elements;
use super::{along, reduce};
use crate::array::blocks::placement::Placed;
use crate::array::dist_array::{DistArray, expect};
use crate::array::evaluate::driver;
use crate::array::evaluate::eager;
use crate::array::expression::node::Operand;
use crate::array::function::{Add, Binary, BinaryUfunc, Matmul, Matvec, Multiply, Vecdot, Vecmat};
use crate::array::operation::argument::{Arg, Untyped, hub_of};
use crate::array::operation::operate;
use crate::array::shape::broadcast::{broadcast_shape, broadcast_strides};
use crate::array::shape::dims::{Dims, volume};
use crate::array::storage::store::{Leaf, Seen as Elements};
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::matrix::{self, Product};
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
        DistArray::of_operand(MATMUL(&x.view_arg(), &y.view_arg()))
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
        DistArray::of_operand(MATVEC(&x.view_arg(), &y.view_arg()))
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
        DistArray::of_operand(VECMAT(&x.view_arg(), &y.view_arg()))
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
        DistArray::of_operand(VECDOT(&x.view_arg(), &y.view_arg()))
    }
}

/// A dimension of what has a product with one of dimension `E` in ndarray's `dot`, and what that gives.
pub trait DotDim<A: Element, E: Dimension>: MatmulDim<E> {
    /// An array, or a number where both operands are vectors.
    type Product;

    /// The product of operands that are there and small; `None` where the general way must be taken.
    #[doc(hidden)]
    fn at_once(_: &Arg<'_, A, Self>, _: &Arg<'_, A, E>) -> Option<Self::Product> {
        None
    }

    #[doc(hidden)]
    fn product(array: DistArray<A, <Self as MatmulDim<E>>::Output>) -> Result<Self::Product>;
}

impl<A: Element> DotDim<A, Ix1> for Ix1 {
    type Product = A;

    #[inline]
    fn at_once(x: &Arg<'_, A, Ix1>, y: &Arg<'_, A, Ix1>) -> Option<A> {
        eager::dot(x, y)
    }

    fn product(array: DistArray<A, Ix0>) -> Result<A> {
        Ok(array.evaluated()?[()])
    }
}

macro_rules! dots {
    ($($left:ident $right:ident,)*) => {$(
        impl<A: Element> DotDim<A, $right> for $left {
            type Product = DistArray<A, <$left as MatmulDim<$right>>::Output>;

            #[inline]
            fn at_once(x: &Arg<'_, A, $left>, y: &Arg<'_, A, $right>) -> Option<Self::Product> {
                eager::dot_with_matrix(x, y)
            }

            fn product(array: Self::Product) -> Result<Self::Product> {
                Ok(array)
            }
        }
    )*};
}
dots!(Ix1 Ix2, Ix2 Ix1, Ix2 Ix2,);

impl<A: Element> DotDim<A, IxDyn> for IxDyn {
    type Product = DistArray<A, IxDyn>;

    fn product(array: Self::Product) -> Result<Self::Product> {
        Ok(array)
    }
}

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
        expect(self.try_dot(rhs))
    }

    /// [`dot`](DistArray::dot), with an error where that panics.
    ///
    /// # Errors
    /// Those of [`Matmul::try_call`].
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2], [3, 4]]);
    /// assert_eq!(a.try_dot(array![1, 10])?, array![21, 43]);
    /// # Ok::<(), distob::Error>(())
    /// ```
    pub fn try_dot<Y: Input<Elem = A>>(&self, rhs: Y) -> Result<D::Product>
    where
        D: DotDim<A, Y::Dim>,
        Multiply: Binary<A, Output = A>,
        Add: Binary<A, Output = A>,
    {
        dot(&self.as_arg(), &rhs.view_arg())
    }
}

/// ndarray's `dot`.
pub(crate) fn dot<A: Element, D: DotDim<A, E>, E: Dimension>(
    x: &Arg<'_, A, D>,
    y: &Arg<'_, A, E>,
) -> Result<D::Product> {
    match D::at_once(x, y) {
        Some(product) => Ok(product),
        None => DistArray::of_operand(MATMUL(x, y)).and_then(D::product),
    }
}

// Pointers, as those of `transport/pool`.
const MATMUL: fn(&dyn Untyped, &dyn Untyped) -> Result<Operand> = matmul;
const MATVEC: fn(&dyn Untyped, &dyn Untyped) -> Result<Operand> = matvec;
const VECMAT: fn(&dyn Untyped, &dyn Untyped) -> Result<Operand> = vecmat;
const VECDOT: fn(&dyn Untyped, &dyn Untyped) -> Result<Operand> = vecdot;

fn matmul(x: &dyn Untyped, y: &dyn Untyped) -> Result<Operand> {
    const NAME: &str = "matmul";
    let ranks = (axes(NAME, x, 1)?, axes(NAME, y, 1)?);
    let (left, right) = (x.shape(), y.shape());
    let common = if ranks.1 == 1 { right[0] } else { right[ranks.1 - 2] };
    if left[ranks.0 - 1] != common {
        return Err(misfit(NAME, left, right));
    }
    match ranks {
        (1, 1) => sum_of_products(x, y, [None; 2], 0),
        (_, 1) => sum_of_products(x, y, [None; 2], ranks.0 - 1),
        (1, _) => sum_of_products(x, y, [Some(1), None], ranks.1 - 2),
        _ => product(NAME, x, y),
    }
}

fn matvec(x: &dyn Untyped, y: &dyn Untyped) -> Result<Operand> {
    const NAME: &str = "matvec";
    let ranks = (axes(NAME, x, 2)?, axes(NAME, y, 1)?);
    if x.shape()[ranks.0 - 1] != y.shape()[ranks.1 - 1] {
        return Err(misfit(NAME, x.shape(), y.shape()));
    }
    let last = ranks.0.max(ranks.1 + 1) - 1;
    sum_of_products(x, y, [None, Some(ranks.1 - 1)], last)
}

fn vecmat(x: &dyn Untyped, y: &dyn Untyped) -> Result<Operand> {
    const NAME: &str = "vecmat";
    let ranks = (axes(NAME, x, 1)?, axes(NAME, y, 2)?);
    if x.shape()[ranks.0 - 1] != y.shape()[ranks.1 - 2] {
        return Err(misfit(NAME, x.shape(), y.shape()));
    }
    let rank = ranks.1.max(ranks.0 + 1);
    sum_of_conjugated(x, y, [Some(ranks.0), None], rank - 2)
}

fn vecdot(x: &dyn Untyped, y: &dyn Untyped) -> Result<Operand> {
    const NAME: &str = "vecdot";
    let ranks = (axes(NAME, x, 1)?, axes(NAME, y, 1)?);
    if x.shape()[ranks.0 - 1] != y.shape()[ranks.1 - 1] {
        return Err(misfit(NAME, x.shape(), y.shape()));
    }
    sum_of_conjugated(x, y, [None; 2], ranks.0.max(ranks.1) - 1)
}

/// Products of elements, added up along `axis` of the shape that the operands broadcast to, each of which gets an axis of length 1 first where
/// `added` says so. What is there and small is computed at once.
fn sum_of_products(x: &dyn Untyped, y: &dyn Untyped, added: [Option<usize>; 2], axis: usize) -> Result<Operand> {
    match at_once(x, y, added, axis) {
        Some(leaf) => Ok(Operand::Leaf(leaf)),
        None => lazily(x, y, added, axis, false),
    }
}

/// [`sum_of_products`], with the elements of the left operand conjugated.
fn sum_of_conjugated(x: &dyn Untyped, y: &dyn Untyped, added: [Option<usize>; 2], axis: usize) -> Result<Operand> {
    if x.dtype().is_some_and(DType::is_complex) {
        return lazily(x, y, added, axis, true);
    }
    sum_of_products(x, y, added, axis)
}

/// [`sum_of_products`] of operands that are there and small; `None` where the general way must be taken, which also says what is wrong.
fn at_once(x: &dyn Untyped, y: &dyn Untyped, added: [Option<usize>; 2], axis: usize) -> Option<Leaf> {
    let (left, right) = (x.there()?, y.there()?);
    let dtype = left.dtype();
    if right.dtype() != dtype {
        return None;
    }
    let [a, b] = [(left.shape(), added[0]), (right.shape(), added[1])].map(|(shape, at)| widened(shape, at, 1));
    let [s, t] = [(left.strides(), added[0]), (right.strides(), added[1])].map(|(strides, at)| widened(strides, at, 0));
    let shape = broadcast_shape(<Multiply as BinaryUfunc>::NAME, &a, &b).ok()?;
    let hub = hub_of(x.hub(), y.hub()).ok()?;
    let seen =
        [(&left, &a, &s), (&right, &b, &t)].map(|(bare, shape, strides)| Elements { at: bare.first(), shape, strides });
    eager::sum_products(&hub, seen, dtype, &shape, axis)
}

/// These numbers, with `number` before the one of axis `at`.
fn widened<T: Copy + Default>(of_axes: &[T], at: Option<usize>, number: T) -> Dims<T> {
    match at {
        None => Dims::new(of_axes),
        Some(at) => Dims::from_fn(of_axes.len() + 1, |axis| match axis.cmp(&at) {
            Ordering::Less => of_axes[axis],
            Ordering::Equal => number,
            Ordering::Greater => of_axes[axis - 1],
        }),
    }
}

/// [`sum_of_products`] as an expression; an array of ndarray's is copied to the hub.
fn lazily(
    x: &dyn Untyped,
    y: &dyn Untyped,
    added: [Option<usize>; 2],
    axis: usize,
    conjugate: bool,
) -> Result<Operand> {
    let hub = hub_of(x.hub(), y.hub())?;
    let (left, right) = (elements(&hub, x, x.dtype())?, elements(&hub, y, y.dtype())?);
    let left = if conjugate { conjugated(&hub, left)? } else { left };
    let widen = |operand, at| match at {
        Some(at) => reduce::with_axis(operand, at),
        None => Ok(operand),
    };
    summed(&hub, [widen(left, added[0])?, widen(right, added[1])?], axis)
}

/// The number of axes, of which there must be `least`.
fn axes(name: &str, arg: &dyn Untyped, least: usize) -> Result<usize> {
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
fn conjugated(hub: &Hub, operand: Operand) -> Result<Operand> {
    let dtype = operand.dtype();
    if !dtype.is_complex() {
        return Ok(operand);
    }
    let shape = Dims::new(operand.shape());
    operate::applied(hub, dtype, Op::Conj, shape, vec![operand])
}

/// Products of elements, added up along an axis. Those of floats of 16 bits, and their sums, may be far beyond their range, or between
/// them: they are computed in `f64`, which holds each product, and only the result is rounded.
fn summed(hub: &Hub, [x, y]: [Operand; 2], axis: usize) -> Result<Operand> {
    let dtype = x.dtype();
    if dtype.is_half() {
        let wide = |operand: Operand| operate::cast(hub, operand, DType::F64);
        return operate::cast(hub, summed(hub, [wide(x)?, wide(y)?], axis)?, dtype);
    }
    let shape = broadcast_shape(<Multiply as BinaryUfunc>::NAME, x.shape(), y.shape())?;
    let products = operate::applied(hub, dtype, Op::Mul, shape, vec![x, y])?;
    reduce::sums(hub, products, axis)
}

/// Products of matrices of two axes and more.
fn product(name: &'static str, x: &dyn Untyped, y: &dyn Untyped) -> Result<Operand> {
    let hub = hub_of(x.hub(), y.hub())?;
    let dtype = x.dtype().ok_or_else(|| Error::invalid("an element type that programs do not know"))?;
    if let (Some(left), Some(right)) = (x.there(), y.there())
        && let Some(leaf) = eager::product(&hub, [left.seen(), right.seen()], dtype)
    {
        return Ok(Operand::Leaf(leaf));
    }
    multiplied(name, &hub, dtype, [&seen(&hub, x)?, &seen(&hub, y)?]).map(Operand::Leaf)
}

/// [`product`] of operands that are there.
fn multiplied(name: &'static str, hub: &Hub, dtype: DType, [left, right]: [&Seen<'_>; 2]) -> Result<Leaf> {
    let (shapes, strides) = ([&left.shape, &right.shape], [&left.strides, &right.strides]);
    let [p, q] = shapes.map(|shape| shape.len());
    let leading = broadcast_shape(name, &shapes[0][..p - 2], &shapes[1][..q - 2])
        .map_err(|_| misfit(name, shapes[0], shapes[1]))?;
    let (rows, depth, columns) = (shapes[0][p - 2], shapes[0][p - 1], shapes[1][q - 1]);
    // Axes of one element are not among those of the product, which takes so many.
    let many = |axis: &usize| leading[*axis] != 1;
    let lengths: Vec<usize> = (0..leading.len()).filter(many).map(|axis| leading[axis]).collect();
    let stretched = |which: usize, rank: usize| {
        let strides = broadcast_strides(&shapes[which][..rank - 2], &strides[which][..rank - 2], &leading);
        (0..leading.len()).filter(many).map(|axis| strides[axis]).collect()
    };
    let sides = [
        matrix::Operand { leading: stretched(0, p), own: strides[0][p - 2], common: strides[0][p - 1] },
        matrix::Operand { leading: stretched(1, q), own: strides[1][q - 1], common: strides[1][q - 2] },
    ];
    let mut shape = leading.to_vec();
    shape.extend([rows, columns]);
    let results = along::fresh(hub, dtype, &shape)?;
    if volume(&shape) > 0 {
        let product = Product::new(dtype, lengths, [rows, depth, columns], sides, hub.workers())?;
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
fn seen<'a>(hub: &Hub, arg: &'a dyn Untyped) -> Result<Seen<'a>> {
    let unknown = || Error::invalid("an element type that programs do not know");
    // An array that is pending keeps the value that is computed here.
    let there = arg.seen()?;
    let copy = match arg.hub() {
        None if !hub.shares_with_processes() => {
            let there = there.ok_or_else(unknown)?;
            let (shape, strides) = (there.shape().to_vec(), there.strides().to_vec());
            return Ok(Seen { first: there.first(), shape, strides, _copy: None, _operand: std::marker::PhantomData });
        }
        _ => arg.operand(hub)?,
    };
    let leaf = match copy {
        Operand::Leaf(leaf) => leaf,
        Operand::Node(node) => node.evaluate()?.clone(),
        Operand::Constant(_) => unreachable!("a number has no axes"),
    };
    let first = leaf.address_for_engines().cast_const();
    let (shape, strides) = (leaf.shape.to_vec(), leaf.strides.to_vec());
    Ok(Seen { first, shape, strides, _copy: Some(leaf), _operand: std::marker::PhantomData })
}
