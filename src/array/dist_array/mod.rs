//! The array type: an ndarray in shared memory, or an expression that becomes one when it is read.

pub(in crate::array) mod broadcast;
pub(in crate::array) mod construct;
pub(in crate::array) mod gather;
pub(in crate::array) mod grow;
pub(in crate::array) mod layout;
pub(in crate::array) mod traits;

use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use once_cell::sync::OnceCell;

use ndarray::{Array, ArrayRef, Axis, Dimension, Ix0, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn};

use crate::array::blocks::partition::Partition;
use crate::array::evaluate;
use crate::array::expression::node::{Expr, Handle, Node, Operand};
use crate::array::shape::bounds;
use crate::array::shape::dims::volume;
use crate::array::storage::store::{Held, Leaf, View};
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::DType;

/// An n-dimensional array in memory that the hub and its engines share, or in private memory of its own.
///
/// It dereferences to [`ndarray::ArrayRef`], so all of ndarray's methods that read work on it; those that write do too, with copy on
/// write. The operators, and the methods defined here, run in parallel. Operators, elementary functions and reductions along axes are lazy: they
/// build an expression. Reading the value (a dereference, [`gather`](DistArray::gather), a reduction of all elements, printing) computes it.
/// Cloning copies nothing.
///
/// An [`Array`](ndarray::Array) or a vector becomes a `DistArray` without a copy (`From`, [`from_vec`](DistArray::from_vec),
/// [`Hub::scatter`]), and such an array becomes an `Array` again without one ([`into_ndarray`](DistArray::into_ndarray)). With `From` and
/// `from_vec` the elements may be of any type; operations in shared memory require an [`Element`].
///
/// ```
/// use distob::prelude::*;
/// let mut names = DistArray::from(array!["Bergen".to_owned(), "Oslo".to_owned()]);
/// names[1].push('!');
/// assert_eq!(names.map(|name| name.len()), array![6, 5]);
/// ```
///
/// If the computation in a dereference fails (memory is full, say), it panics with the text of the [`Error`]. [`eval`](DistArray::eval) returns the
/// error instead; after it has succeeded, a dereference cannot fail.
///
/// ```
/// use distob::prelude::*;
/// # fn main() -> distob::Result<()> {
/// let a = DistArray::linspace(0.0, 1.0, 5);
/// let b = &a * 2.0 + 1.0;
/// assert_eq!(b, ndarray::array![1.0, 1.5, 2.0, 2.5, 3.0]);
/// assert_eq!(b.iter().copied().fold(0.0, f64::max), 3.0);
/// # Ok(())
/// # }
/// ```
pub struct DistArray<A, D> {
    /// Set once it has its value: then this is the truth of pointer, shape and strides.
    held: OnceCell<Held<A, D>>,
    /// What gives the value, where it was an expression.
    node: Option<Handle>,
    /// How it is dealt to engines, where that was said.
    partition: Option<Arc<Partition>>,
}

/// A zero-dimensional [`DistArray`]: one element.
pub type DistArray0<A> = DistArray<A, Ix0>;
/// A one-dimensional [`DistArray`].
pub type DistArray1<A> = DistArray<A, Ix1>;
/// A two-dimensional [`DistArray`].
pub type DistArray2<A> = DistArray<A, Ix2>;
/// A three-dimensional [`DistArray`].
pub type DistArray3<A> = DistArray<A, Ix3>;
/// A four-dimensional [`DistArray`].
pub type DistArray4<A> = DistArray<A, Ix4>;
/// A five-dimensional [`DistArray`].
pub type DistArray5<A> = DistArray<A, Ix5>;
/// A six-dimensional [`DistArray`].
pub type DistArray6<A> = DistArray<A, Ix6>;
/// A [`DistArray`] whose number of dimensions is known at run time only. There may be any number of them; NPY files have 64 at most.
pub type DistArrayD<A> = DistArray<A, IxDyn>;

/// Panics with an error's text, on the line of the caller. A panic of a user's function goes on with its own payload.
#[track_caller]
#[cold]
pub(crate) fn fail(error: &Error) -> ! {
    if let Error::Panicked { payload, .. } = error
        && let Some(payload) = payload.take()
    {
        std::panic::resume_unwind(payload);
    }
    panic!("{error}")
}

/// The value, or a panic as that of [`fail`].
#[track_caller]
#[inline]
pub(crate) fn expect<T>(result: Result<T>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => fail(&error),
    }
}

impl<A: Element, D: Dimension> DistArray<A, D> {
    /// Panics where the node's elements are of another type.
    pub(crate) fn from_node(node: Arc<Node>) -> Self {
        // Asked here, where the type is known to be an element, so that a dereference need not.
        assert!(A::DTYPE == Some(node.dtype), "a value of type {} was taken for another", node.dtype.name());
        DistArray { held: OnceCell::new(), node: Some(Handle::new(node)), partition: None }
    }

    /// The array that is this operand, a leaf or a node. Not inlined, so that it is compiled once for a type and a dimension, whatever methods
    /// give such arrays.
    ///
    /// # Panics
    /// Where its elements are of another type.
    #[inline(never)]
    pub(crate) fn of_operand(operand: Result<Operand>) -> Result<Self> {
        match operand? {
            Operand::Leaf(leaf) => Ok(DistArray::from_held(Held::from_own_leaf(leaf))),
            Operand::Node(node) => Ok(DistArray::from_node(node)),
            Operand::Constant(_) => Err(Error::invalid("a number is no array")),
        }
    }

    /// This array as an operand of programs; `None` for elements that they do not know.
    pub(crate) fn operand(&self) -> Option<Operand> {
        self.operand_as(A::DTYPE?)
    }
}

impl<A, D: Dimension> DistArray<A, D> {
    #[inline]
    pub(crate) fn from_held(held: Held<A, D>) -> Self {
        DistArray { held: OnceCell::with_value(held), node: None, partition: None }
    }

    /// The evaluated state, if there is one.
    #[inline]
    pub(crate) fn held(&self) -> Option<&Held<A, D>> {
        self.held.get()
    }

    /// The evaluated state, if there is one, for a change of its elements.
    #[inline]
    pub(crate) fn held_if_there(&mut self) -> Option<&mut Held<A, D>> {
        self.held.get_mut()
    }

    /// The evaluated state; computes it first.
    #[inline]
    pub(crate) fn try_held(&self) -> Result<&Held<A, D>> {
        match self.held.get() {
            Some(held) => Ok(held),
            None => self.evaluate(),
        }
    }

    #[cold]
    fn evaluate(&self) -> Result<&Held<A, D>> {
        let Some(node) = &self.node else { return Err(Error::invalid("an array without a value")) };
        // In a forked process, a thread that is not there may be about to fill the cell.
        node.hub.check_home()?;
        let leaf = node.evaluate()?;
        // Only what is quick happens inside of the cell: no thread waits there for a computation.
        Ok(self.held.get_or_init(|| Held::of_pending(leaf)))
    }

    /// The evaluated state by value.
    pub(crate) fn into_held(mut self) -> Result<Held<A, D>> {
        self.try_held()?;
        // The expression's own handle on the memory would make it look shared.
        self.node = None;
        self.held.take().ok_or_else(|| Error::invalid("an array without a value"))
    }

    /// The array as ndarray's, which gets another value after this: its own memory where nobody else looks into that, else a copy.
    pub(crate) fn take_array(&mut self) -> Result<Array<A, D>> {
        let held = self.held_mut()?;
        if !held.owns_alone() {
            return held.copied();
        }
        let held = self.held.take();
        held.ok_or_else(|| Error::invalid("an array without a value"))?.into_array()
    }

    /// The evaluated state, for a change of its layout alone.
    pub(crate) fn held_mut(&mut self) -> Result<&mut Held<A, D>> {
        self.try_held()?;
        // The expression's own handle on the memory would make it look shared.
        self.node = None;
        self.held.get_mut().ok_or_else(|| Error::invalid("an array without a value"))
    }

    /// The evaluated state, for a change of its elements: nobody else sees them.
    pub(crate) fn unique_mut(&mut self) -> Result<&mut Held<A, D>> {
        let held = self.held_mut()?;
        if !held.is_unique() {
            *held = held.duplicate()?;
        }
        Ok(held)
    }

    /// Takes another value of the same shape; whoever shared the old one keeps it. The partition stays.
    pub(crate) fn set_value(&mut self, value: Self) {
        self.held = value.held;
        self.node = value.node;
    }

    /// The partition, where one was said.
    pub(crate) fn said_partition(&self) -> Option<Arc<Partition>> {
        self.partition.clone()
    }

    /// Drops what was said of the partition: the shape changes.
    pub(crate) fn forget_partition(&mut self) {
        self.partition = None;
    }

    /// This array as an operand of programs, which take its elements for values of `dtype`.
    pub(crate) fn operand_as(&self, dtype: DType) -> Option<Operand> {
        match (self.held.get(), &self.node) {
            (Some(held), _) => Some(Operand::Leaf(Leaf { partition: self.partition.clone(), ..held.leaf_as(dtype) })),
            (None, Some(node)) => Some(Operand::Node(Arc::clone(node))),
            (None, None) => None,
        }
    }

    /// The reduction along axes that this array will be, where it is pending and nothing else asks for it.
    pub(crate) fn pending_reduction(&self) -> Option<&Arc<Node>> {
        let node = self.node.as_deref().filter(|node| self.held.get().is_none() && Arc::strong_count(node) == 1)?;
        matches!(node.expr().as_deref(), Some(Expr::Reduce { .. })).then_some(node)
    }

    /// The array that `node` will be, which is made of the node of this one.
    ///
    /// # Panics
    /// Where its elements are of another type.
    pub(crate) fn with_node<E: Dimension>(&self, node: Arc<Node>) -> DistArray<A, E> {
        assert!(
            self.node.as_ref().is_some_and(|own| own.dtype == node.dtype),
            "a value of another type than {}",
            node.dtype.name()
        );
        DistArray { held: OnceCell::new(), node: Some(Handle::new(node)), partition: None }
    }

    /// The expression of the value, where that has not been computed yet.
    pub(crate) fn pending_node(&self) -> Option<Arc<Node>> {
        match self.held.get() {
            Some(_) => None,
            None => self.node.as_deref().cloned(),
        }
    }

    /// The hub that the array belongs to.
    pub fn hub(&self) -> &Hub {
        match (self.held.get(), &self.node) {
            (Some(held), _) => held.store.hub(),
            (None, Some(node)) => &node.hub,
            (None, None) => unreachable!("an array has a value or an expression"),
        }
    }

    /// Whether the value has not been computed yet, or lies in several blocks that have not been made contiguous yet.
    pub fn is_pending(&self) -> bool {
        self.held.get().is_none() && self.node.as_ref().is_none_or(|node| node.value().is_none())
    }

    /// Computes the value if it is pending. After it has succeeded, a dereference cannot fail.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the result does not fit. The array stays pending, and the call may be repeated.
    pub fn eval(&self) -> Result<&Self> {
        self.try_held()?;
        Ok(self)
    }

    /// Computes the value and returns the array: [`eval`](DistArray::eval) for the end of a method chain.
    ///
    /// # Errors
    /// Those of [`eval`](DistArray::eval).
    pub fn evaluated(self) -> Result<Self> {
        self.try_held()?;
        Ok(self)
    }

    /// Length of each axis. Computes nothing.
    #[inline]
    pub fn shape(&self) -> &[usize] {
        match (self.held.get(), &self.node) {
            (Some(held), _) => held.view.shape(),
            (None, Some(node)) => &node.shape,
            (None, None) => unreachable!("an array has a value or an expression"),
        }
    }

    /// The shape in the form of its dimension type. Computes nothing.
    pub fn raw_dim(&self) -> D {
        match self.held.get() {
            Some(held) => held.view.raw_dim(),
            None => dim_of(self.shape()),
        }
    }

    /// The shape as an ndarray pattern: a number, a tuple, or a dynamic dimension. Computes nothing.
    pub fn dim(&self) -> D::Pattern {
        self.raw_dim().into_pattern()
    }

    /// Number of axes.
    pub fn ndim(&self) -> usize {
        self.shape().len()
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        volume(self.shape())
    }

    /// Whether the array has no elements.
    pub fn is_empty(&self) -> bool {
        self.shape().contains(&0)
    }

    /// Length of one axis.
    ///
    /// # Panics
    /// Where there is no such axis.
    #[track_caller]
    pub fn len_of(&self, axis: Axis) -> usize {
        expect(bounds::check_axis("len_of", axis, self.ndim()));
        self.shape()[axis.index()]
    }

    /// Whether no other array or pending expression shares the elements, so that a write copies nothing.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::linspace(0.0, 5.0, 6);
    /// assert!(a.is_owned());
    /// let shared = a.to_shape((2, 3)).unwrap();
    /// assert!(a.is_view() && shared.is_view());
    /// ```
    pub fn is_owned(&self) -> bool {
        self.held.get().is_none_or(|held| held.store.was_unique())
    }

    /// Whether another array or a pending expression shares the elements.
    pub fn is_view(&self) -> bool {
        !self.is_owned()
    }

    /// How the array is cut into blocks, and which engine owns each. The default is along axis 0 over all engines;
    /// [`resplit`](DistArray::resplit), [`with_partition`](DistArray::with_partition) and [`from_blocks`](DistArray::from_blocks) set another. This is
    /// metadata: on one host the array is one allocation, unless `from_blocks` made it.
    pub fn partition(&self) -> Partition {
        match &self.partition {
            // What ndarray's methods did to the layout through a mutable dereference is not known here.
            Some(partition) if partition.cuts(self.shape()) => (**partition).clone(),
            _ => expect(Partition::along(self.shape(), 0, self.hub().engines())),
        }
    }

    /// The index of the engine that owns each block, in the order of the [`partition`](DistArray::partition)'s blocks.
    ///
    /// In a large operation, an engine first computes the chunks that lie in its own blocks, then helps the others. The blocks are those of the
    /// largest operand, or of the result if that is as large.
    pub fn placement(&self) -> Vec<usize> {
        self.partition().blocks().map(|block| block.engine).collect()
    }

    /// The same array, partitioned along another axis (negative: counted from the end). Copies nothing.
    ///
    /// # Errors
    /// [`Error::Axis`] where there is no such axis.
    pub fn resplit(&self, axis: isize) -> Result<Self>
    where
        A: Clone,
    {
        let at = checked_axis("resplit", axis, self.ndim())?;
        self.with_partition(Partition::along(self.shape(), at, self.hub().engines())?)
    }

    /// The same array with this partition. Copies nothing.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if the partition is for another shape, or for more engines than the hub has.
    pub fn with_partition(&self, partition: Partition) -> Result<Self>
    where
        A: Clone,
    {
        let engines = self.hub().engines();
        if partition.engines() > engines {
            return Err(Error::invalid(format!(
                "a partition for {} engines on a hub of {engines}",
                partition.engines()
            )));
        }
        if !partition.cuts(self.shape()) {
            return Err(Error::invalid(format!("{partition:?} does not cut an array of shape {:?}", self.shape())));
        }
        let mut array = self.clone();
        array.partition = Some(Arc::new(partition));
        Ok(array)
    }

    /// Computes a pending array, and copies elements that others share.
    #[cold]
    #[inline(never)]
    fn make_unique(&mut self) -> Result<()> {
        self.unique_mut().map(drop)
    }

    /// A dereference that failed: a panic, or, where one is under way, an array of nothing.
    #[cold]
    #[track_caller]
    fn failed<'a>(error: &Error) -> &'a mut ArrayRef<A, D>
    where
        A: 'a,
        D: 'a,
    {
        if !std::thread::panicking() {
            fail(error);
        }
        // A second panic would abort the process. Leaked, since it must outlive the borrow; it is empty and rare.
        &mut *Box::leak(Box::new(View::empty()))
    }
}

/// The index of an axis that may be counted from the end.
pub(crate) fn checked_axis(operation: &str, axis: isize, ndim: usize) -> Result<usize> {
    let at = if axis < 0 { axis + ndim as isize } else { axis };
    match usize::try_from(at) {
        Ok(at) if at < ndim => Ok(at),
        _ => Err(Error::Axis { operation: operation.to_owned(), axis, ndim }),
    }
}

/// The dimension with these lengths. Panics where `D` has another rank.
pub(crate) fn dim_of<D: Dimension>(shape: &[usize]) -> D {
    let mut dim = D::zeros(shape.len());
    dim.slice_mut().copy_from_slice(shape);
    dim
}

impl<A, D: Dimension> Deref for DistArray<A, D> {
    type Target = ArrayRef<A, D>;

    #[inline]
    #[track_caller]
    fn deref(&self) -> &ArrayRef<A, D> {
        match self.held.get() {
            Some(held) => &held.view,
            None => match self.evaluate() {
                Ok(held) => &held.view,
                Err(error) => Self::failed(&error),
            },
        }
    }
}

impl<A, D: Dimension> DerefMut for DistArray<A, D> {
    #[inline]
    #[track_caller]
    fn deref_mut(&mut self) -> &mut ArrayRef<A, D> {
        // Loops over elements come here for each of them.
        let ready = self.node.is_none() && self.held.get_mut().is_some_and(Held::is_unique);
        if !ready && let Err(error) = self.make_unique() {
            return Self::failed(&error);
        }
        match self.held.get_mut() {
            Some(held) => &mut held.view,
            None => unreachable!("elements that were made this array's own"),
        }
    }
}

// A panic leaves an array as it was or pending, never half written: a value is published when it is complete, and a node whose
// run unwinds is pending again. What a panicking closure has written through `&mut` is the caller's own, as with `ndarray::Array`.
// Handles share elements, so those must bear to be seen after a panic.
impl<A: RefUnwindSafe, D: Dimension> UnwindSafe for DistArray<A, D> {}
impl<A: RefUnwindSafe, D: Dimension> RefUnwindSafe for DistArray<A, D> {}

impl<A: Clone, D: Dimension> DistArray<A, D> {
    /// Another handle on the same elements, under ndarray's name: [`clone`](Clone::clone).
    pub fn to_shared(&self) -> Self {
        self.clone()
    }

    /// The array itself, under ndarray's name.
    pub fn into_owned(self) -> Self {
        self
    }

    /// The array itself: arrays share elements and copy on write, as ndarray's `ArcArray` does.
    pub fn into_shared(self) -> Self {
        self
    }
}

impl<A: Clone, D: Dimension> Clone for DistArray<A, D> {
    /// Another handle to the same elements, with the same strides. No element is copied or cloned until one of the two handles is written to.
    ///
    /// The first write makes a copy. If the elements fill more than half of the memory that the strides span, the copy keeps the strides, as
    /// `ndarray::Array::clone` does. Otherwise it holds the elements without gaps, as the copy of an `ndarray::ArcArray` does.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::linspace(0.0, 5.0, 6).reshape((2, 3));
    /// a.invert_axis(Axis(1));
    /// let mut b = a.clone();
    /// b[[0, 0]] = -1.0;
    /// assert_eq!((a.strides(), b.strides()), (&[3, -1][..], &[3, -1][..]));
    /// assert_eq!((a[[0, 0]], b[[0, 0]]), (2.0, -1.0));
    /// ```
    fn clone(&self) -> Self {
        DistArray { held: self.held.clone(), node: self.node.clone(), partition: self.partition.clone() }
    }
}

/// Computes several arrays together: common subexpressions are evaluated once, and up to four arrays of one shape share a pass.
///
/// # Errors
/// [`Error::OutOfMemory`] if the results do not fit. Arrays that are still pending may be computed again.
///
/// ```
/// use distob::prelude::*;
/// # fn main() -> distob::Result<()> {
/// let x = DistArray::linspace(0.0, 1.0, 100_000);
/// let (s, c) = (x.sin(), x.cos());
/// distob::eval_all(&[&s, &c])?;
/// # Ok(())
/// # }
/// ```
pub fn eval_all(arrays: &[&dyn Evaluate]) -> Result<()> {
    let nodes: Vec<Arc<Node>> = arrays.iter().filter_map(|array| array.pending().0).collect();
    evaluate::evaluate(&nodes)?;
    arrays.iter().try_for_each(|array| array.force())
}

mod sealed {
    pub trait Sealed {}
    impl<A, D: ndarray::Dimension> Sealed for super::DistArray<A, D> {}
}

/// The expression of an array, where there is one still to be computed.
#[doc(hidden)]
pub struct Pending(Option<Arc<Node>>);

/// An array of any type and shape, for [`eval_all`].
pub trait Evaluate: sealed::Sealed {
    /// The expression, where there is one still to be computed.
    #[doc(hidden)]
    fn pending(&self) -> Pending;

    /// Computes the value.
    #[doc(hidden)]
    fn force(&self) -> Result<()>;
}

impl<A, D: Dimension> Evaluate for DistArray<A, D> {
    fn pending(&self) -> Pending {
        Pending(self.pending_node())
    }

    fn force(&self) -> Result<()> {
        self.try_held().map(drop)
    }
}
