//! What may stand beside an array in an operation: another array of the hub, an array of ndarray's, or one number.

use ndarray::{ArrayBase, ArrayRef, ArrayView, Data, DimMax, Dimension, Ix0, IxDyn};

use crate::array::dist_array::DistArray;
use crate::array::expression::node::Operand;
use crate::array::storage::copy::copy_in;
use crate::array::storage::leaf::leaf_of_part;
use crate::array::storage::shared::Shared;
use crate::array::storage::store::{Bare, Held, Leaf, Seen, Store};
use crate::array::view::dist_view::{DistView, StoreRef};
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::{DType, Scalar};

/// An operand beside an array of elements `A` and dimension `D`: a [`DistArray`], a [`DistView`] or [`DistViewMut`](crate::DistViewMut), an array or view of
/// ndarray's, by value or by reference, or a number.
pub trait Argument<A: Element, D: Dimension> {
    /// Its own dimension; that of a number is [`Ix0`](type@Ix0).
    type Dim: Dimension;
    /// The dimension of the result, to which both are broadcast.
    type Output: Dimension;

    #[doc(hidden)]
    fn arg(&self) -> Arg<'_, A, Self::Dim>;
}

/// An operand, looked at.
#[doc(hidden)]
pub enum Arg<'a, A: Element, D: Dimension> {
    Dist(&'a DistArray<A, D>),
    /// A part of an array of a hub, and the memory that it is in.
    Part(ArrayView<'a, A, D>, StoreRef<'a>),
    Foreign(ArrayView<'a, A, D>),
    Number(A),
}

impl<A: Element, D: Dimension> Argument<A, D> for A {
    type Dim = Ix0;
    type Output = D;

    #[inline]
    fn arg(&self) -> Arg<'_, A, Ix0> {
        Arg::Number(*self)
    }
}

impl<A: Element, D: Dimension + DimMax<E>, E: Dimension> Argument<A, D> for DistArray<A, E> {
    type Dim = E;
    type Output = <D as DimMax<E>>::Output;

    #[inline]
    fn arg(&self) -> Arg<'_, A, E> {
        Arg::Dist(self)
    }
}

impl<A: Element, D: Dimension + DimMax<E>, E: Dimension> Argument<A, D> for &DistArray<A, E> {
    type Dim = E;
    type Output = <D as DimMax<E>>::Output;

    #[inline]
    fn arg(&self) -> Arg<'_, A, E> {
        Arg::Dist(self)
    }
}

impl<A: Element, S: Data<Elem = A>, D: Dimension + DimMax<E>, E: Dimension> Argument<A, D> for ArrayBase<S, E> {
    type Dim = E;
    type Output = <D as DimMax<E>>::Output;

    fn arg(&self) -> Arg<'_, A, E> {
        Arg::Foreign(self.view())
    }
}

impl<A: Element, S: Data<Elem = A>, D: Dimension + DimMax<E>, E: Dimension> Argument<A, D> for &ArrayBase<S, E> {
    type Dim = E;
    type Output = <D as DimMax<E>>::Output;

    fn arg(&self) -> Arg<'_, A, E> {
        Arg::Foreign(self.view())
    }
}

impl<A: Element, D: Dimension + DimMax<E>, E: Dimension> Argument<A, D> for &ArrayRef<A, E> {
    type Dim = E;
    type Output = <D as DimMax<E>>::Output;

    fn arg(&self) -> Arg<'_, A, E> {
        Arg::Foreign(self.view())
    }
}

macro_rules! views {
    ($($View:ty),*) => {$(
        impl<A: Element, D: Dimension + ndarray::DimMax<E>, E: Dimension> Argument<A, D> for $View {
            type Dim = E;
            type Output = <D as ndarray::DimMax<E>>::Output;

            #[inline]
            fn arg(&self) -> Arg<'_, A, E> {
                self.as_arg()
            }
        }
    )*};
}
pub(in crate::array) use views;
views!(DistView<'_, A, E>, &DistView<'_, A, E>);

impl<A: Element, D: Dimension> DistArray<A, D> {
    /// As an operand of an operation.
    #[inline]
    pub(in crate::array) fn as_arg(&self) -> Arg<'_, A, D> {
        Arg::Dist(self)
    }
}

impl<A: Element, D: Dimension> DistView<'_, A, D> {
    /// As an operand.
    #[inline]
    pub(in crate::array) fn as_arg(&self) -> Arg<'_, A, D> {
        let view = self.view.view();
        match self.memory {
            Some(memory) => Arg::Part(view, memory),
            None => Arg::Foreign(view),
        }
    }
}

// A pointer, as those of `transport/pool`.
const PART: fn(&Shared<Store>, Seen<'_>, DType) -> Leaf = leaf_of_part;

impl<A: Element, D: Dimension> Arg<'_, A, D> {
    pub(crate) fn hub(&self) -> Option<&Hub> {
        match self {
            Arg::Dist(array) => Some(array.hub()),
            Arg::Part(_, memory) => Some(memory.store.hub()),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn shape(&self) -> &[usize] {
        match self {
            Arg::Dist(array) => array.shape(),
            Arg::Part(view, _) | Arg::Foreign(view) => view.shape(),
            Arg::Number(_) => &[],
        }
    }

    /// The elements, if they are there and lie in row-major order; a number counts as one.
    #[inline]
    pub(crate) fn ready(&self) -> Option<&[A]> {
        match self {
            Arg::Dist(array) => array.held()?.view.as_slice(),
            Arg::Part(view, _) | Arg::Foreign(view) => view.as_slice(),
            Arg::Number(value) => Some(std::slice::from_ref(value)),
        }
    }

    #[inline]
    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Arg::Number(_))
    }

    /// As an operand of programs. An array of ndarray's is copied into the pool.
    pub(crate) fn operand(&self, hub: &Hub) -> Result<Operand> {
        let operand = match self {
            Arg::Dist(array) => array.operand(),
            Arg::Part(view, memory) if memory.keep => {
                A::DTYPE.map(|dtype| Operand::Leaf(PART(memory.store, Seen::of(view), dtype)))
            }
            Arg::Part(view, _) => copy_in(hub, view)?.leaf().map(Operand::Leaf),
            Arg::Foreign(view) => copy_in(hub, view)?.leaf().map(Operand::Leaf),
            Arg::Number(value) => value.scalar().map(Operand::Constant),
        };
        operand.ok_or_else(|| Error::invalid("programs do not know this element type"))
    }

    /// The elements where they are, computed first where they are pending; a number is an array of no dimension.
    pub(crate) fn evaluated(&self) -> Result<ArrayView<'_, A, IxDyn>> {
        Ok(match self {
            Arg::Dist(array) => array.try_held()?.view.view().into_dyn(),
            Arg::Part(view, _) | Arg::Foreign(view) => view.view().into_dyn(),
            Arg::Number(value) => ndarray::aview0(value).into_dyn(),
        })
    }

    /// The evaluated array; of a number, one of no dimension.
    pub(crate) fn held(&self, hub: &Hub) -> Result<Held<A, IxDyn>> {
        Ok(match self {
            Arg::Dist(array) => array.try_held()?.clone().with_view(|view| view.into_dyn()),
            Arg::Part(view, memory) => memory.held(view)?.with_view(|view| view.into_dyn()),
            Arg::Foreign(view) => copy_in(hub, view)?.with_view(|view| view.into_dyn()),
            Arg::Number(value) => copy_in(hub, &ndarray::aview0(value))?.with_view(|view| view.into_dyn()),
        })
    }
}

/// An operand without its types: what methods that are compiled once for all of them ask of it.
pub(crate) trait Untyped {
    fn hub(&self) -> Option<&Hub>;
    fn shape(&self) -> &[usize];
    /// The element type, where programs know it.
    fn dtype(&self) -> Option<DType>;
    /// The number that it is.
    fn number(&self) -> Option<Scalar>;
    /// As an operand of programs. An array of ndarray's is copied into the pool.
    fn operand(&self, hub: &Hub) -> Result<Operand>;
    /// The elements, if they are there and programs know their type; a number counts as one.
    fn elements(&self) -> Option<Bare<'_>>;
    /// The elements, if they are there and programs know their type; `None` for a number.
    fn there(&self) -> Option<Bare<'_>>;
    /// The same, computed first where they are pending.
    fn seen(&self) -> Result<Option<Bare<'_>>>;
}

impl<A: Element, D: Dimension> Untyped for Arg<'_, A, D> {
    fn hub(&self) -> Option<&Hub> {
        Arg::hub(self)
    }

    fn shape(&self) -> &[usize] {
        Arg::shape(self)
    }

    fn dtype(&self) -> Option<DType> {
        A::DTYPE
    }

    fn number(&self) -> Option<Scalar> {
        match self {
            Arg::Number(value) => value.scalar(),
            _ => None,
        }
    }

    fn operand(&self, hub: &Hub) -> Result<Operand> {
        Arg::operand(self, hub)
    }

    fn elements(&self) -> Option<Bare<'_>> {
        match self {
            Arg::Number(value) => Bare::of_number(value),
            _ => self.there(),
        }
    }

    fn there(&self) -> Option<Bare<'_>> {
        match self {
            Arg::Dist(array) => Bare::of(&array.held()?.view),
            Arg::Part(view, _) | Arg::Foreign(view) => Bare::of(view),
            Arg::Number(_) => None,
        }
    }

    fn seen(&self) -> Result<Option<Bare<'_>>> {
        if let Arg::Dist(array) = self {
            array.try_held()?;
        }
        Ok(self.there())
    }
}

/// The hub of the operands: an error where they belong to two, the current one where they belong to none.
pub(crate) fn hub_of(first: Option<&Hub>, second: Option<&Hub>) -> Result<Hub> {
    match (first, second) {
        (Some(left), Some(right)) if left.id() != right.id() => {
            Err(Error::ForeignHub { left: left.id(), right: right.id() })
        }
        (Some(hub), _) | (None, Some(hub)) => {
            hub.check_home()?;
            Ok(hub.clone())
        }
        (None, None) => Hub::current(),
    }
}

/// [`hub_of`] any number of operands.
pub(crate) fn hub_among(hubs: &[Option<&Hub>]) -> Result<Hub> {
    let mut known = hubs.iter().copied().flatten();
    let first = known.next();
    match known.find(|hub| first.is_some_and(|first| first.id() != hub.id())) {
        Some(other) => hub_of(first, Some(other)),
        None => hub_of(first, None),
    }
}
