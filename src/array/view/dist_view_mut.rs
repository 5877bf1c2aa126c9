//! A part of an array, borrowed mutably: ndarray's mutable view, with the array's operations.

use std::ops::{Add, Deref, DerefMut, Mul};

use ndarray::{ArrayRef, ArrayView, ArrayViewMut, Dimension, Ix0, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn, MultiSliceArg};

use crate::array::dist_array::{DistArray, expect};
use crate::array::evaluate;
use crate::array::evaluate::eager;
use crate::array::expression::node::{Expr, Node, Operand};
use crate::array::loops::walk;
use crate::array::operation::argument::{Arg, Argument, Untyped, hub_of, views};
use crate::array::operation::operate;
use crate::array::shape::broadcast::check_broadcast_to;
use crate::array::shape::dims::SMALL;
use crate::array::storage::shared::Shared;
use crate::array::storage::store::{Held, Leaf, Store};
use crate::array::view::dist_view::{DistView, StoreRef, owned_apart, writable_in_place};
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::{Fault, Op, small};

/// A mutable view of a [`DistArray`], as [`slice_mut`](DistArray::slice_mut), [`row_mut`](DistArray::row_mut) and others give it.
///
/// It dereferences to [`ndarray::ArrayRef`], so all of ndarray's methods that read or write work on it. [`assign`](DistViewMut::assign),
/// [`fill`](DistViewMut::fill), [`mapv_inplace`](DistViewMut::mapv_inplace) and the assigning operators run in parallel and write to the array's memory.
/// After an error in the middle of an assigning operator (an engine or a function of the program's own fails) the elements are unspecified.
/// An expression made from a mutable view uses a copy of its elements, because the view may change before the expression is computed.
///
/// ```
/// use distob::prelude::*;
/// let u = DistArray::from(array![0.0, 1.0, 4.0, 9.0, 16.0]);
/// let mut second = DistArray::zeros(5);
/// second.slice_mut(s![1..-1]).assign(&u.slice(s![2..]) + &u.slice(s![..-2]) - &u.slice(s![1..-1]) * 2.0);
/// second.slice_mut(s![..2]).fill(-1.0);
/// assert_eq!(second, array![-1.0, -1.0, 2.0, 2.0, 0.0]);
/// ```
pub struct DistViewMut<'a, A, D> {
    pub(in crate::array) view: ArrayViewMut<'a, A, D>,
    /// The memory that the elements are in; `None` for those of ndarray's own arrays.
    pub(in crate::array) store: Option<&'a Shared<Store>>,
}

/// A [`DistViewMut`] of no dimension: one element.
pub type DistViewMut0<'a, A> = DistViewMut<'a, A, Ix0>;
/// A one-dimensional [`DistViewMut`].
pub type DistViewMut1<'a, A> = DistViewMut<'a, A, Ix1>;
/// A two-dimensional [`DistViewMut`].
pub type DistViewMut2<'a, A> = DistViewMut<'a, A, Ix2>;
/// A three-dimensional [`DistViewMut`].
pub type DistViewMut3<'a, A> = DistViewMut<'a, A, Ix3>;
/// A four-dimensional [`DistViewMut`].
pub type DistViewMut4<'a, A> = DistViewMut<'a, A, Ix4>;
/// A five-dimensional [`DistViewMut`].
pub type DistViewMut5<'a, A> = DistViewMut<'a, A, Ix5>;
/// A six-dimensional [`DistViewMut`].
pub type DistViewMut6<'a, A> = DistViewMut<'a, A, Ix6>;
/// A [`DistViewMut`] whose number of dimensions is known at run time only.
pub type DistViewMutD<'a, A> = DistViewMut<'a, A, IxDyn>;

impl<A, D: Dimension> Deref for DistViewMut<'_, A, D> {
    type Target = ArrayRef<A, D>;

    #[inline]
    fn deref(&self) -> &ArrayRef<A, D> {
        &self.view
    }
}

impl<A, D: Dimension> DerefMut for DistViewMut<'_, A, D> {
    #[inline]
    fn deref_mut(&mut self) -> &mut ArrayRef<A, D> {
        &mut self.view
    }
}

impl<'a, A, D: Dimension> DistViewMut<'a, A, D> {
    /// A view of elements in the memory of `store`, which nobody else holds.
    #[inline]
    pub(in crate::array) fn of(view: ArrayViewMut<'a, A, D>, store: &'a Shared<Store>) -> Self {
        DistViewMut { view, store: Some(store) }
    }

    /// ndarray's own read-only view of the same elements.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let row = a.row_mut(1);
    /// assert_eq!(row.as_ndarray().first(), Some(&4));
    /// ```
    #[inline]
    pub fn as_ndarray(&self) -> ArrayView<'_, A, D> {
        self.view.view()
    }

    /// ndarray's own mutable view of the same elements.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let mut row = a.row_mut(1);
    /// row.as_ndarray_mut()[0] = 0;
    /// assert_eq!(a, array![[1, 2, 3], [0, 5, 6]]);
    /// ```
    #[inline]
    pub fn as_ndarray_mut(&mut self) -> ArrayViewMut<'_, A, D> {
        self.view.view_mut()
    }

    /// The hub of the array that this is a view of; `None` for a view of ndarray's memory.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// assert!(a.row_mut(0).hub().is_some());
    /// ```
    pub fn hub(&self) -> Option<&'a Hub> {
        self.store.map(|store| store.hub())
    }

    /// A read-only view of the same elements.
    #[inline]
    pub(in crate::array) fn whole(&self) -> DistView<'_, A, D> {
        DistView::of_borrowed(self.view.view(), self.store)
    }

    /// The same mutable view, for a shorter time.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let mut row = a.row_mut(1);
    /// row.view_mut().fill(0);
    /// row[2] = 7;
    /// assert_eq!(a, array![[1, 2, 3], [0, 0, 7]]);
    /// ```
    #[inline]
    pub fn view_mut(&mut self) -> DistViewMut<'_, A, D> {
        DistViewMut { view: self.view.view_mut(), store: self.store }
    }

    /// The elements in row-major order, where they lie so.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let row: &mut [i32] = a.row_mut(1).into_slice().unwrap();
    /// row.reverse();
    /// assert_eq!(a, array![[1, 2, 3], [6, 5, 4]]);
    /// assert!(a.column_mut(0).into_slice().is_none());
    /// ```
    pub fn into_slice(self) -> Option<&'a mut [A]> {
        self.view.into_slice()
    }

    /// The elements in the order in which they lie in memory, where they lie side by side.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let mut transposed = a.view_mut().reversed_axes();
    /// assert_eq!(transposed.into_slice_memory_order().unwrap(), [1, 2, 3, 4, 5, 6]);
    /// ```
    pub fn into_slice_memory_order(self) -> Option<&'a mut [A]> {
        self.view.into_slice_memory_order()
    }
}

impl<A, D: Dimension> DistViewMut<'_, A, D> {
    /// Mutable views of parts that do not overlap; see [`DistArray::multi_slice_mut`].
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![0, 1, 2, 3]);
    /// let mut view = a.view_mut();
    /// let (mut even, odd) = view.multi_slice_mut((s![..;2], s![1..;2]));
    /// even += &odd;
    /// assert_eq!(a, array![1, 1, 5, 3]);
    /// ```
    #[track_caller]
    pub fn multi_slice_mut<'b, M>(&'b mut self, info: M) -> <M::Output as Parts<'b>>::Views
    where
        M: MultiSliceArg<'b, A, D, Output: Parts<'b>>,
    {
        self.view.multi_slice_mut(info).of(self.store.map(|store| StoreRef { store, keep: false }))
    }
}

/// ndarray's mutable views of parts of one array, which become [`DistViewMut`]s.
#[doc(hidden)]
pub trait Parts<'a> {
    type Views;

    fn of(self, memory: Option<StoreRef<'a>>) -> Self::Views;
}

impl<'a> Parts<'a> for () {
    type Views = ();

    fn of(self, _: Option<StoreRef<'a>>) {}
}

macro_rules! parts {
    ($($($D:ident)*;)*) => {$(
        impl<'a, A, $($D: Dimension),*> Parts<'a> for ($(ArrayViewMut<'a, A, $D>,)*) {
            type Views = ($(DistViewMut<'a, A, $D>,)*);

            #[allow(non_snake_case, reason = "a variable for each type")]
            fn of(self, memory: Option<StoreRef<'a>>) -> Self::Views {
                let ($($D,)*) = self;
                let store = memory.map(|memory| memory.store);
                ($(DistViewMut { view: $D, store },)*)
            }
        }
    )*};
}
parts! { C; C D; C D E; C D E F; C D E F G; C D E F G H; }

impl<'a, A> DistViewMut<'a, A, Ix0> {
    /// The element.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// *a.slice_mut(s![0, 1]).into_scalar() = 7;
    /// assert_eq!(a[[0, 1]], 7);
    /// ```
    pub fn into_scalar(self) -> &'a mut A {
        self.view.into_scalar()
    }
}

impl<'a, A, D: Dimension> From<DistViewMut<'a, A, D>> for ArrayViewMut<'a, A, D> {
    #[inline]
    fn from(view: DistViewMut<'a, A, D>) -> Self {
        view.view
    }
}

impl<'a, A, D: Dimension> From<ArrayViewMut<'a, A, D>> for DistViewMut<'a, A, D> {
    /// A view of ndarray's memory.
    #[inline]
    fn from(view: ArrayViewMut<'a, A, D>) -> Self {
        DistViewMut { view, store: None }
    }
}

views!(DistViewMut<'_, A, E>, &DistViewMut<'_, A, E>);

impl<A: Element, D: Dimension> DistViewMut<'_, A, D> {
    /// As an operand: what is made of it keeps a copy.
    #[inline]
    pub(in crate::array) fn as_arg(&self) -> Arg<'_, A, D> {
        self.operand(false)
    }

    /// As an operand whose memory may be kept, or is copied.
    fn operand(&self, keep: bool) -> Arg<'_, A, D> {
        match self.store {
            Some(store) => Arg::Part(self.view.view(), StoreRef { store, keep }),
            None => Arg::Foreign(self.view.view()),
        }
    }

    /// The hub that computes what is written: that of the array, of an operand, or the current one.
    fn hub_with(&self, other: Option<&Hub>) -> Result<Hub> {
        hub_of(self.hub(), other)
    }

    /// Sets each element to the one of `value`, which is broadcast to this shape. An expression is computed straight into the array's
    /// memory.
    ///
    /// # Panics
    /// Where `value` does not broadcast to this shape; where it cannot be computed.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let doubled = a.row(0) * 2;
    /// a.row_mut(1).assign(doubled);
    /// assert_eq!(a, array![[1, 2, 3], [2, 4, 6]]);
    /// ```
    #[track_caller]
    pub fn assign<R: Argument<A, D>>(&mut self, value: R) {
        expect(self.try_assign(value));
    }

    /// [`assign`](DistViewMut::assign), with an error where that panics. The elements are unchanged after these errors, and unspecified after
    /// one of engines or of the program's own functions ([`Error::EngineLost`], [`Error::Panicked`]).
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::ForeignHub`], [`Error::Arithmetic`], [`Error::OutOfMemory`].
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// assert!(a.row_mut(1).try_assign(array![7, 8]).is_err());
    /// assert!(a.row_mut(1).try_assign(array![7, 8, 9]).is_ok());
    /// assert_eq!(a, array![[1, 2, 3], [7, 8, 9]]);
    /// ```
    pub fn try_assign<R: Argument<A, D>>(&mut self, value: R) -> Result<()> {
        let value = value.arg();
        check_broadcast_to("assign", self.view.shape(), value.shape())?;
        if let Arg::Number(number) = value {
            return self.fill_with(number);
        }
        if let (Some(hub), Some(other)) = (self.hub(), value.hub()) {
            hub_of(Some(hub), Some(other))?;
        }
        if value.shape() == self.view.shape()
            && let Some(from) = value.ready()
            && from.len() <= SMALL
            && let Some(to) = self.view.as_slice_mut()
        {
            to.copy_from_slice(from);
            return Ok(());
        }
        let hub = self.hub_with(value.hub())?;
        if let (Some(operand), Some(target)) = (pending(&value), self.target())
            && !evaluate::may_fail(&operand)
        {
            evaluate::evaluate_needed(&operand, self.view.shape())?;
            return evaluate::map_into(&hub, &operand, &target);
        }
        self.copy_from(&hub, &value)
    }

    /// Copies the elements of `value`, computed first where they are pending.
    fn copy_from<E: Dimension>(&mut self, hub: &Hub, value: &Arg<'_, A, E>) -> Result<()> {
        let from = value.evaluated()?;
        let from = from.broadcast(self.view.raw_dim()).ok_or_else(unfit)?;
        if self.view.len() <= walk::GRAIN {
            self.view.assign(&from);
            return Ok(());
        }
        hub.count_copied((self.view.len() * size_of::<A>()) as u64);
        walk::update_with(hub, "assign", &mut self.view, &from, |to, from| *to = from)
    }

    /// The memory as what a program writes, where it may be that.
    fn target(&self) -> Option<Leaf> {
        let store = self.store.filter(|store| writable_in_place(&self.view, store))?;
        Held::part(&self.view, store).target()
    }

    fn fill_with(&mut self, value: A) -> Result<()> {
        if self.view.len() <= walk::GRAIN {
            self.view.fill(value);
            return Ok(());
        }
        walk::update(&self.hub_with(None)?, "fill", &mut self.view, |x| *x = value)
    }

    /// Sets each element to `value`.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// a.column_mut(1).fill(0);
    /// assert_eq!(a, array![[1, 0, 3], [4, 0, 6]]);
    /// ```
    #[track_caller]
    pub fn fill(&mut self, value: A) {
        expect(self.fill_with(value));
    }

    /// Adds `alpha` times each element of `rhs`, which is broadcast to this shape.
    ///
    /// # Panics
    /// Where `rhs` does not broadcast to this shape, or cannot be computed.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1.0, 2.0], [3.0, 4.0]]);
    /// let first = a.row(0).to_owned();
    /// a.row_mut(1).scaled_add(-3.0, &first);
    /// assert_eq!(a, array![[1.0, 2.0], [0.0, -2.0]]);
    /// ```
    #[track_caller]
    pub fn scaled_add<R: Argument<A, D>>(&mut self, alpha: A, rhs: R)
    where
        A: Add<Output = A> + Mul<Output = A>,
    {
        let rhs = rhs.arg();
        expect(check_broadcast_to("scaled_add", self.view.shape(), rhs.shape()));
        if A::DTYPE.is_some_and(|dtype| dtype.is_integer()) {
            // They wrap.
            let alpha = Arg::<A, Ix0>::Number(alpha);
            let scaled: DistArray<A, R::Dim> = expect(operate::binary((Op::Mul, "scaled_add"), &rhs, &alpha, A::mul));
            return expect(self.op_assign((Op::Add, "scaled_add"), &Arg::Dist(&scaled), A::add));
        }
        let hub = expect(self.hub_with(rhs.hub()));
        let from = expect(rhs.evaluated());
        let from = expect(from.broadcast(self.view.raw_dim()).ok_or_else(unfit));
        expect(walk::update_with(&hub, "scaled_add", &mut self.view, &from, |to, from| *to = *to + alpha * from));
    }

    /// Replaces each element by `f` of it, in parallel; after a panic in `f` some are replaced and some are not.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// a.row_mut(1).mapv_inplace(|x| x * 10);
    /// assert_eq!(a, array![[1, 2, 3], [40, 50, 60]]);
    /// ```
    #[track_caller]
    pub fn mapv_inplace(&mut self, f: impl Fn(A) -> A + Sync) {
        self.map_inplace(|x| *x = f(*x));
    }

    /// Calls `f` with each element, in parallel; see [`mapv_inplace`](DistViewMut::mapv_inplace).
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// a.row_mut(1).map_inplace(|x| *x *= 10);
    /// assert_eq!(a, array![[1, 2, 3], [40, 50, 60]]);
    /// ```
    #[track_caller]
    pub fn map_inplace(&mut self, f: impl Fn(&mut A) + Sync) {
        let hub = expect(self.hub_with(None));
        expect(walk::update(&hub, "map_inplace", &mut self.view, f));
    }

    /// An array with a copy of the elements.
    pub(in crate::array) fn kept(&self) -> Result<DistArray<A, D>> {
        self.whole().kept()
    }

    /// An array on the same memory, for an operation that keeps nothing of it.
    pub(in crate::array) fn for_call(&self) -> Result<DistArray<A, D>> {
        self.whole().for_call()
    }

    /// As the left operand of an operation that keeps nothing of it.
    fn arg_for_call(&self) -> Arg<'_, A, D> {
        self.operand(self.store.is_some_and(|store| writable_in_place(&self.view, store)))
    }

    /// `self op= right`; `f` is what it does to elements that programs do not know.
    pub(in crate::array) fn op_assign<E: Dimension>(
        &mut self,
        (op, name): (Op, &'static str),
        right: &Arg<'_, A, E>,
        f: impl Fn(A, A) -> A + Sync,
    ) -> Result<()> {
        check_broadcast_to(name, self.view.shape(), right.shape())?;
        if self.update(op, right)? {
            return Ok(());
        }
        let value: Result<DistArray<A, D>> = operate::binary((op, name), &self.arg_for_call(), right, f);
        let value = match value {
            Err(Error::OutOfMemory { .. }) if self.update_where_it_is(op, right)? => return Ok(()),
            value => value?,
        };
        let hub = self.hub_with(Some(value.hub()))?;
        self.copy_from(&hub, &Arg::Dist(&value))
    }

    /// `self op= right` in the array's memory, where that can be; `false`, and nothing done, where another way must be taken.
    fn update<E: Dimension>(&mut self, op: Op, right: &Arg<'_, A, E>) -> Result<bool> {
        let hub = self.hub();
        if eager::update_view(op, &mut self.view, hub, right) {
            return Ok(true);
        }
        if self.view.len() <= SMALL {
            return Ok(false);
        }
        self.update_where_it_is(op, right)
    }

    /// [`update`](DistViewMut::update) by a pass, wherever the elements lie.
    fn update_where_it_is<E: Dimension>(&mut self, op: Op, right: &Arg<'_, A, E>) -> Result<bool> {
        let Some(target) = self.target() else { return Ok(false) };
        let hub = self.hub_with(right.hub())?;
        UPDATE(op, &hub, &target, right)
    }
}

impl<A: Clone, D: Dimension> DistViewMut<'_, A, D> {
    /// An array with a copy of the elements, in the same memory order. Panics where there is no memory.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let column: DistArray1<i32> = a.column_mut(1).to_owned();
    /// assert_eq!(column, array![2, 5]);
    /// ```
    #[track_caller]
    pub fn to_owned(&self) -> DistArray<A, D> {
        owned_apart(&self.view, self.store)
    }
}

impl<A: Element, D: Dimension> DistArray<A, D> {
    /// `self op= right` by a pass in this array's memory, if it has its value and nobody else sees it; `false`, and nothing done, where another way
    /// must be taken.
    pub(in crate::array) fn update_where_it_is<E: Dimension>(&mut self, op: Op, right: &Arg<'_, A, E>) -> Result<bool> {
        if self.is_pending() {
            return Ok(false);
        }
        let held = self.held_mut()?;
        let hub = held.store.hub().clone();
        let fits = check_broadcast_to("", held.view.shape(), right.shape()).is_ok();
        let foreign = right.hub().is_some_and(|other| other.id() != hub.id());
        if !fits || foreign || !held.is_unique() {
            return Ok(false);
        }
        let Some(target) = held.target() else { return Ok(false) };
        UPDATE(op, &hub, &target, right)
    }
}

// A pointer, as those of `transport/pool`.
const UPDATE: fn(Op, &Hub, &Leaf, &dyn Untyped) -> Result<bool> = update;

/// `target op= right`, where units of the pass may write what they have read: threads run each once, an engine process that takes over from a dead
/// one would read what that has written.
fn update(op: Op, hub: &Hub, target: &Leaf, right: &dyn Untyped) -> Result<bool> {
    let dtype = target.dtype;
    if hub.shares_with_processes() || !small::updates(op, dtype) || Fault::of(op, dtype).is_some() {
        return Ok(false);
    }
    // One operation alone: the pass of a longer expression may read the elements more than once.
    let right = match right.operand(hub)? {
        Operand::Node(node) => Operand::Leaf(node.evaluate()?.clone()),
        operand => operand,
    };
    let args = vec![Operand::Leaf(target.clone()), right];
    let value = Operand::Node(Node::new(hub, dtype, target.shape.clone(), Expr::Apply { op, args })?);
    evaluate::map_into(hub, &value, target)?;
    Ok(true)
}

/// The operand that `value` is, where it has to be computed.
fn pending<A: Element, D: Dimension>(value: &Arg<'_, A, D>) -> Option<Operand> {
    match value {
        Arg::Dist(array) if array.is_pending() => array.operand(),
        _ => None,
    }
}

#[cold]
fn unfit() -> Error {
    Error::invalid("the operand does not broadcast to the view's shape")
}
