//! Products of matrices and vectors: [`Matmul`], [`Matvec`], [`Vecdot`], [`Vecmat`], and ndarray's `dot`.

use ndarray::{DimMax, Dimension, Ix0, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn};

use super::input::Input;
use super::reduce::elements;
use super::{along, reduce};
use crate::array::blocks::placement::Placed;
use crate::array::dist_array::{DistArray, expect};
use crate::array::evaluate::driver;
use crate::array::expression::node::Operand;
use crate::array::function::{Add, Binary, BinaryUfunc, Matmul, Matvec, Multiply, Vecdot, Vecmat};
use crate::array::operation::argument::{Untyped, hub_of};
use crate::array::operation::operate;
use crate::array::shape::broadcast::{broadcast_shape, broadcast_strides};
use crate::array::shape::dims::{Dims, volume};
use crate::array::storage::store::Leaf;
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
        expect(self.try_dot(rhs))
    }

    /// [`dot`](DistArray::dot), with an error where that panics.
    ///
    /// # Errors
    /// Those of [`Matmul::try_call`].
    pub fn try_dot<Y: Input<Elem = A>>(&self, rhs: Y) -> Result<D::Product>
    where
        D: DotDim<A, Y::Dim>,
        Multiply: Binary<A, Output = A>,
        Add: Binary<A, Output = A>,
    {
        Matmul.try_call(self, rhs).and_then(D::product)
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
    if ranks.0.min(ranks.1) > 1 {
        return product(NAME, x, y);
    }
    let (hub, [left, right]) = whole(x, y)?;
    match ranks {
        (1, 1) => summed(&hub, [left, right], 0),
        (_, 1) => summed(&hub, [left, right], ranks.0 - 1),
        _ => summed(&hub, [reduce::with_axis(left, 1)?, right], ranks.1 - 2),
    }
}

fn matvec(x: &dyn Untyped, y: &dyn Untyped) -> Result<Operand> {
    const NAME: &str = "matvec";
    let ranks = (axes(NAME, x, 2)?, axes(NAME, y, 1)?);
    if x.shape()[ranks.0 - 1] != y.shape()[ranks.1 - 1] {
        return Err(misfit(NAME, x.shape(), y.shape()));
    }
    let last = ranks.0.max(ranks.1 + 1) - 1;
    let (hub, [left, right]) = whole(x, y)?;
    summed(&hub, [left, reduce::with_axis(right, ranks.1 - 1)?], last)
}

fn vecmat(x: &dyn Untyped, y: &dyn Untyped) -> Result<Operand> {
    const NAME: &str = "vecmat";
    let ranks = (axes(NAME, x, 1)?, axes(NAME, y, 2)?);
    if x.shape()[ranks.0 - 1] != y.shape()[ranks.1 - 2] {
        return Err(misfit(NAME, x.shape(), y.shape()));
    }
    let rank = ranks.1.max(ranks.0 + 1);
    let (hub, [left, right]) = whole(x, y)?;
    summed(&hub, [reduce::with_axis(conjugated(&hub, left)?, ranks.0)?, right], rank - 2)
}

fn vecdot(x: &dyn Untyped, y: &dyn Untyped) -> Result<Operand> {
    const NAME: &str = "vecdot";
    let ranks = (axes(NAME, x, 1)?, axes(NAME, y, 1)?);
    if x.shape()[ranks.0 - 1] != y.shape()[ranks.1 - 1] {
        return Err(misfit(NAME, x.shape(), y.shape()));
    }
    let (hub, [left, right]) = whole(x, y)?;
    summed(&hub, [conjugated(&hub, left)?, right], ranks.0.max(ranks.1) - 1)
}

/// All of both operands, and the hub that they are on; an array of ndarray's is copied to that.
fn whole(x: &dyn Untyped, y: &dyn Untyped) -> Result<(Hub, [Operand; 2])> {
    let hub = hub_of(x.hub(), y.hub())?;
    let operands = [elements(&hub, x, x.dtype())?, elements(&hub, y, y.dtype())?];
    Ok((hub, operands))
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
