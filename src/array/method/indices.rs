//! What names places of an array: numbers in slices, vectors, arrays of ndarray's and of the hub, a mask, or one of these for
//! each of several axes.

use std::borrow::Cow;

use ndarray::{ArrayBase, ArrayView, Data, Dimension};

use super::resident::Resident;
use crate::array::dist_array::DistArray;
use crate::array::operation::argument::hub_of;
use crate::array::view::dist_view::DistView;
use crate::array::view::dist_view_mut::DistViewMut;
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::DType;
use kernels::scatter::places::{self, Number};

/// Numbers of one type, in row-major order.
#[derive(Clone, Debug)]
enum Numbers<'a> {
    I32(Cow<'a, [i32]>),
    U32(Cow<'a, [u32]>),
    I64(Cow<'a, [i64]>),
    U64(Cow<'a, [u64]>),
    Isize(Cow<'a, [isize]>),
    Usize(Cow<'a, [usize]>),
}

/// `$e` of the slice that numbers are, whatever their type.
macro_rules! with {
    ($numbers:expr, $slice:ident => $e:expr) => {
        match $numbers {
            Numbers::I32($slice) => $e,
            Numbers::U32($slice) => $e,
            Numbers::I64($slice) => $e,
            Numbers::U64($slice) => $e,
            Numbers::Isize($slice) => $e,
            Numbers::Usize($slice) => $e,
        }
    };
}

/// Numbers of the same type that `$f` makes of the slice.
macro_rules! each_kind {
    ($numbers:expr, $slice:ident => $f:expr) => {
        match $numbers {
            Numbers::I32($slice) => Numbers::I32($f),
            Numbers::U32($slice) => Numbers::U32($f),
            Numbers::I64($slice) => Numbers::I64($f),
            Numbers::U64($slice) => Numbers::U64($f),
            Numbers::Isize($slice) => Numbers::Isize($f),
            Numbers::Usize($slice) => Numbers::Usize($f),
        }
    };
}

/// The indices along one axis.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct List<'a> {
    shape: Vec<usize>,
    numbers: Numbers<'a>,
    /// For one axis of a mask: how long the mask is there.
    mask: Option<usize>,
}

impl List<'_> {
    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub(crate) fn len(&self) -> usize {
        with!(&self.numbers, slice => slice.len())
    }

    /// The same numbers, stretched to a shape that theirs broadcasts to.
    pub(crate) fn stretched(&self, shape: &[usize]) -> Cow<'_, List<'_>> {
        if self.shape == shape {
            return Cow::Borrowed(self);
        }
        let numbers = each_kind!(&self.numbers, slice => Cow::Owned(repeated(&self.shape, slice, shape)));
        Cow::Owned(List { shape: shape.to_vec(), numbers, mask: self.mask })
    }

    /// Where this is a mask, its length along this axis.
    pub(crate) fn mask(&self) -> Option<usize> {
        self.mask
    }

    /// Puts places from number `first` on into `out`, each below `length`; negative ones count from the end where `wrap` says
    /// so. `false` where one is out of bounds, for which 0 is put there.
    pub(crate) fn places(&self, first: usize, out: &mut [usize], length: usize, wrap: bool) -> bool {
        with!(&self.numbers, slice => places::fill(&slice[first..first + out.len()], out, length, wrap))
    }

    /// The numbers as engine processes see them too, and their type.
    pub(super) fn resident(&self, hub: &Hub) -> Result<(Resident<'_>, DType)> {
        fn of<'a, T: Element>(hub: &Hub, slice: &'a [T]) -> Result<(Resident<'a>, DType)> {
            let dtype = T::DTYPE.ok_or_else(|| Error::invalid("indices of a type that programs do not know"))?;
            Ok((Resident::new(hub, slice)?, dtype))
        }
        with!(&self.numbers, slice => of(hub, slice))
    }

    /// The first number that is out of bounds, its place in this list, and its text.
    pub(crate) fn first_outside(&self, length: usize, wrap: bool) -> Option<(usize, String)> {
        fn find<T: Number + std::fmt::Display>(from: &[T], length: i64, wrap: bool) -> Option<(usize, String)> {
            let low = if wrap { -length } else { 0 };
            let at = from.iter().position(|&number| !(low..length).contains(&number.signed()))?;
            Some((at, from[at].to_string()))
        }
        with!(&self.numbers, slice => find(slice, length as i64, wrap))
    }
}

/// Numbers of shape `from` broadcast to another shape, in row-major order.
fn repeated<T: Copy>(from: &[usize], numbers: &[T], to: &[usize]) -> Vec<T> {
    let view = ArrayView::from_shape(from, numbers).ok();
    let view = view.as_ref().and_then(|numbers| numbers.broadcast(to));
    view.map_or(Vec::new(), |numbers| numbers.iter().copied().collect())
}

mod sealed {
    pub trait Sealed {}
}

/// A type of indices: a signed or unsigned integer, or `bool` for a mask. Integers of fewer than 32 bits are converted to 64 first.
pub trait IndexElement: Element + sealed::Sealed {
    /// The lists that an array of them is: one, or of a mask one for each of its axes.
    #[doc(hidden)]
    fn lists<'a, D: Dimension>(view: ArrayView<'a, Self, D>) -> Vec<List<'a>>;
}

macro_rules! index {
    ($($t:ty => $variant:ident)*) => {$(
        impl sealed::Sealed for $t {}
        impl IndexElement for $t {
            fn lists<'a, D: Dimension>(view: ArrayView<'a, Self, D>) -> Vec<List<'a>> {
                let shape = view.shape().to_vec();
                let numbers = match view.to_slice() {
                    Some(slice) => Cow::Borrowed(slice),
                    None => Cow::Owned(view.iter().copied().collect()),
                };
                vec![List { shape, numbers: Numbers::$variant(numbers), mask: None }]
            }
        }

        impl Indices for $t {
            fn lists(&self) -> Result<Vec<List<'_>>> {
                let numbers = Numbers::$variant(Cow::Borrowed(std::slice::from_ref(self)));
                Ok(vec![List { shape: Vec::new(), numbers, mask: None }])
            }
        }
    )*};
}
index! { i32 => I32 u32 => U32 i64 => I64 u64 => U64 isize => Isize usize => Usize }

/// Narrow integers have no kernels of their own.
macro_rules! narrow_index {
    ($($t:ty)*) => {$(
        impl sealed::Sealed for $t {}
        impl IndexElement for $t {
            fn lists<'a, D: Dimension>(view: ArrayView<'a, Self, D>) -> Vec<List<'a>> {
                let numbers = Numbers::I64(view.iter().map(|&number| i64::from(number)).collect());
                vec![List { shape: view.shape().to_vec(), numbers, mask: None }]
            }
        }

        impl Indices for $t {
            fn lists(&self) -> Result<Vec<List<'_>>> {
                let numbers = Numbers::I64(Cow::Owned(vec![i64::from(*self)]));
                Ok(vec![List { shape: Vec::new(), numbers, mask: None }])
            }
        }
    )*};
}
narrow_index!(i8 u8 i16 u16);

impl sealed::Sealed for bool {}
impl IndexElement for bool {
    fn lists<'a, D: Dimension>(view: ArrayView<'a, Self, D>) -> Vec<List<'a>> {
        let shape = view.shape().to_vec();
        let mut found = vec![Vec::new(); shape.len()];
        for (mut flat, _) in view.iter().enumerate().filter(|(_, set)| **set) {
            for (axis, &length) in shape.iter().enumerate().rev() {
                found[axis].push(flat % length);
                flat /= length;
            }
        }
        let list = |(places, length): (Vec<usize>, usize)| List {
            shape: vec![places.len()],
            numbers: Numbers::Usize(Cow::Owned(places)),
            mask: Some(length),
        };
        found.into_iter().zip(shape).map(list).collect()
    }
}

/// What names places of an array: integers in a slice, a vector, an array of ndarray's or a
/// [`DistArray`]; a single one; a mask of `bool`s, which stands for the places where it is true; or a tuple of these, one for each
/// of the first axes, which are broadcast together.
pub trait Indices {
    /// The lists, one for each axis.
    #[doc(hidden)]
    fn lists(&self) -> Result<Vec<List<'_>>>;

    /// The hub that they are on; the first, where they are several.
    #[doc(hidden)]
    fn their_hub(&self) -> Option<&Hub> {
        None
    }
}

/// The hub of operands; where they are on none, that of the indices beside them, and else the current one.
pub(super) fn hub_beside(operands: [Option<&Hub>; 2], indices: &dyn Indices) -> Result<Hub> {
    match operands {
        [None, None] => hub_of(indices.their_hub(), None),
        [first, second] => hub_of(first, second),
    }
}

impl<T: IndexElement> Indices for [T] {
    fn lists(&self) -> Result<Vec<List<'_>>> {
        Ok(T::lists(ndarray::aview1(self)))
    }
}

impl<T: IndexElement> Indices for Vec<T> {
    fn lists(&self) -> Result<Vec<List<'_>>> {
        self.as_slice().lists()
    }
}

impl<T: IndexElement, const N: usize> Indices for [T; N] {
    fn lists(&self) -> Result<Vec<List<'_>>> {
        self.as_slice().lists()
    }
}

impl<T: IndexElement, S: Data<Elem = T>, D: Dimension> Indices for ArrayBase<S, D> {
    fn lists(&self) -> Result<Vec<List<'_>>> {
        Ok(T::lists(self.view()))
    }
}

impl<T: IndexElement, D: Dimension> Indices for DistArray<T, D> {
    fn lists(&self) -> Result<Vec<List<'_>>> {
        Ok(T::lists(self.try_held()?.view.view()))
    }

    fn their_hub(&self) -> Option<&Hub> {
        Some(self.hub())
    }
}

impl<T: IndexElement, D: Dimension> Indices for DistView<'_, T, D> {
    fn lists(&self) -> Result<Vec<List<'_>>> {
        Ok(T::lists(self.view()))
    }

    fn their_hub(&self) -> Option<&Hub> {
        self.hub()
    }
}

impl<T: IndexElement, D: Dimension> Indices for DistViewMut<'_, T, D> {
    fn lists(&self) -> Result<Vec<List<'_>>> {
        Ok(T::lists(self.as_ndarray()))
    }

    fn their_hub(&self) -> Option<&Hub> {
        self.hub()
    }
}

impl<I: Indices + ?Sized> Indices for &I {
    fn lists(&self) -> Result<Vec<List<'_>>> {
        (**self).lists()
    }

    fn their_hub(&self) -> Option<&Hub> {
        (**self).their_hub()
    }
}

macro_rules! tuples {
    ($($($I:ident)*;)*) => {$(
        impl<$($I: Indices),*> Indices for ($($I,)*) {
            fn lists(&self) -> Result<Vec<List<'_>>> {
                #[allow(non_snake_case, reason = "a variable for each type")]
                let ($($I,)*) = self;
                let mut lists = Vec::new();
                $(lists.extend($I.lists()?);)*
                Ok(lists)
            }

            fn their_hub(&self) -> Option<&Hub> {
                #[allow(non_snake_case, reason = "a variable for each type")]
                let ($($I,)*) = self;
                None$(.or_else(|| $I.their_hub()))*
            }
        }
    )*};
}
tuples! { A; A B; A B C; A B C D; A B C D E; A B C D E F; }

/// The error of an index that is out of bounds.
pub(super) fn outside(
    method: &str,
    found: Option<(usize, String)>,
    shape: &[usize],
    axis: usize,
    length: usize,
) -> Error {
    let Some((at, index)) = found else {
        return Error::invalid(format!("{method}: an index changed while it was looked at"));
    };
    let mut place = vec![0; shape.len()];
    let mut rest = at;
    for (place, &length) in place.iter_mut().zip(shape).rev() {
        (*place, rest) = (rest % length.max(1), rest / length.max(1));
    }
    Error::invalid(format!(
        "{method}: index {index} at place {place:?} of the indices is out of bounds for axis {axis} with {length} elements"
    ))
}
