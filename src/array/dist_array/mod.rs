//! The array type: an ndarray in shared memory, or an expression that becomes one when it is read.

pub(in crate::array) mod broadcast;
pub(in crate::array) mod construct;
pub(in crate::array) mod gather;
pub(in crate::array) mod grow;
pub(in crate::array) mod layout;
mod partition;
pub(in crate::array) mod traits;

use std::ops::{Deref, DerefMut};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;

use once_cell::sync::OnceCell;

use ndarray::{Array, ArrayRef, Axis, Dimension, Ix0, Ix1, Ix2, Ix3, Ix4, Ix5, Ix6, IxDyn};

use crate::array::blocks::partition::Partition;
use crate::array::evaluate;
use crate::array::example::example;
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
    state: State<A, D>,
    /// How it is dealt to engines, where that was said.
    partition: Option<Arc<Partition>>,
}

enum State<A, D> {
    /// Pointer, shape and strides of an array that had its value from the start, or was changed.
    Held(Held<A, D>),
    /// An expression, and its value if it has one. In a box: a cell in the array itself would allow a write through `&DistArray`, and the compiler
    /// would load pointer, shape and strides again for each element of a loop.
    Pending(Box<Value<A, D>>),
    /// The value was moved out, and another one is put in.
    Moved,
}

struct Value<A, D> {
    node: Handle,
    held: OnceCell<Held<A, D>>,
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
        DistArray { state: State::pending(node), partition: None }
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
        DistArray { state: State::Held(held), partition: None }
    }

    /// The evaluated state, if there is one.
    #[inline]
    pub(crate) fn held(&self) -> Option<&Held<A, D>> {
        match &self.state {
            State::Held(held) => Some(held),
            State::Pending(value) => value.held.get(),
            State::Moved => None,
        }
    }

    /// The evaluated state, if there is one, for a change of its elements.
    #[inline]
    pub(crate) fn held_if_there(&mut self) -> Option<&mut Held<A, D>> {
        match &mut self.state {
            State::Held(held) => Some(held),
            State::Pending(value) => value.held.get_mut(),
            State::Moved => None,
        }
    }

    /// The evaluated state; computes it first.
    #[inline]
    pub(crate) fn try_held(&self) -> Result<&Held<A, D>> {
        match self.held() {
            Some(held) => Ok(held),
            None => self.evaluate(),
        }
    }

    #[cold]
    fn evaluate(&self) -> Result<&Held<A, D>> {
        let State::Pending(value) = &self.state else { return Err(moved()) };
        // In a forked process, a thread that is not there may be about to fill the cell.
        value.node.hub.check_home()?;
        let leaf = value.node.evaluate()?;
        // Only what is quick happens inside of the cell: no thread waits there for a computation.
        Ok(value.held.get_or_init(|| Held::of_pending(leaf)))
    }

    /// The expression that the array is or was.
    #[inline]
    fn node(&self) -> Option<&Arc<Node>> {
        match &self.state {
            State::Pending(value) => Some(&value.node),
            State::Held(_) | State::Moved => None,
        }
    }

    /// The expression of the value, where that has not been computed yet.
    fn waiting(&self) -> Option<&Arc<Node>> {
        match &self.state {
            State::Pending(value) if value.held.get().is_none() => Some(&value.node),
            _ => None,
        }
    }

    /// The evaluated state by value.
    pub(crate) fn into_held(mut self) -> Result<Held<A, D>> {
        self.held_mut()?;
        self.take_held()
    }

    /// Moves out the evaluated state of an array that is no expression any more.
    fn take_held(&mut self) -> Result<Held<A, D>> {
        match std::mem::replace(&mut self.state, State::Moved) {
            State::Held(held) => Ok(held),
            State::Pending(_) | State::Moved => Err(moved()),
        }
    }

    /// The array as ndarray's, which gets another value after this: its own memory where nobody else looks into that, else a copy.
    pub(crate) fn take_array(&mut self) -> Result<Array<A, D>> {
        let held = self.held_mut()?;
        if !held.owns_alone() {
            return held.copied();
        }
        self.take_held()?.into_array()
    }

    /// The evaluated state, for a change of its layout alone.
    pub(crate) fn held_mut(&mut self) -> Result<&mut Held<A, D>> {
        self.try_held()?;
        self.keep_value_alone();
        match &mut self.state {
            State::Held(held) => Ok(held),
            State::Pending(_) | State::Moved => Err(moved()),
        }
    }

    /// Forgets the expression of an array that has its value: its handle on the memory would make that look shared.
    fn keep_value_alone(&mut self) {
        if let State::Pending(value) = &mut self.state
            && let Some(held) = value.held.take()
        {
            self.state = State::Held(held);
        }
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
        self.state = value.state;
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
        match self.held() {
            Some(held) => Some(Operand::Leaf(Leaf { partition: self.partition.clone(), ..held.leaf_as(dtype) })),
            None => self.node().cloned().map(Operand::Node),
        }
    }

    /// The reduction along axes that this array will be, where it is pending and nothing else asks for it.
    pub(crate) fn pending_reduction(&self) -> Option<&Arc<Node>> {
        let node = self.waiting().filter(|node| Arc::strong_count(node) == 1)?;
        matches!(node.expr().as_deref(), Some(Expr::Reduce { .. })).then_some(node)
    }

    /// The array that `node` will be, which is made of the node of this one.
    ///
    /// # Panics
    /// Where its elements are of another type.
    pub(crate) fn with_node<E: Dimension>(&self, node: Arc<Node>) -> DistArray<A, E> {
        assert!(
            self.node().is_some_and(|own| own.dtype == node.dtype),
            "a value of another type than {}",
            node.dtype.name()
        );
        DistArray { state: State::pending(node), partition: None }
    }

    /// The expression of the value, where that has not been computed yet.
    pub(crate) fn pending_node(&self) -> Option<Arc<Node>> {
        self.waiting().cloned()
    }

    /// The hub that the array belongs to.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let hub = Hub::local()?;
    /// let a = hub.scatter(array![1.0, 2.0])?;
    /// assert_eq!(a.hub().id(), hub.id());
    /// # Ok::<(), distob::Error>(())
    /// ```
    pub fn hub(&self) -> &Hub {
        match &self.state {
            State::Held(held) => held.store.hub(),
            State::Pending(value) => &value.node.hub,
            State::Moved => unreachable!("an array has a value or an expression"),
        }
    }

    /// Whether the value has not been computed yet, or lies in several blocks that have not been made contiguous yet.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::<f64, _>::ones((1000, 1000));
    /// let b = &a + 1.0;
    /// assert!(b.is_pending());
    /// assert_eq!(b[[0, 0]], 2.0); // computes b
    /// assert!(!b.is_pending());
    /// ```
    pub fn is_pending(&self) -> bool {
        self.waiting().is_some_and(|node| node.value().is_none())
    }

    /// Computes the value if it is pending. After it has succeeded, a dereference cannot fail.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the result does not fit. The array stays pending, and the call may be repeated.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::<f64, _>::ones((1000, 1000));
    /// let b = &a + 1.0;
    /// b.eval()?;
    /// assert_eq!(b[[0, 0]], 2.0); // cannot fail any more
    /// # Ok::<(), distob::Error>(())
    /// ```
    pub fn eval(&self) -> Result<&Self> {
        self.try_held()?;
        Ok(self)
    }

    /// Computes the value and returns the array: [`eval`](DistArray::eval) for the end of a method chain.
    ///
    /// # Errors
    /// Those of [`eval`](DistArray::eval).
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::<f64, _>::ones((1000, 1000));
    /// let b = (&a + 1.0).evaluated()?;
    /// assert!(!b.is_pending());
    /// # Ok::<(), distob::Error>(())
    /// ```
    pub fn evaluated(mut self) -> Result<Self> {
        // Reads of elements are quickest where the array is no expression any more.
        self.held_mut()?;
        Ok(self)
    }

    /// Length of each axis. Computes nothing.
    #[doc = example!(array: "array![[1, 2, 3], [4, 5, 6]]", "shape()" => "[2, 3]")]
    #[inline]
    pub fn shape(&self) -> &[usize] {
        match (self.held(), self.node()) {
            // ndarray's methods may have changed the value's layout.
            (Some(held), _) => held.view.shape(),
            (None, Some(node)) => &node.shape,
            (None, None) => unreachable!("an array has a value or an expression"),
        }
    }

    /// The shape in the form of its dimension type. Computes nothing.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let zeros = DistArray::<f64, _>::zeros(a.raw_dim());
    /// assert_eq!(zeros.dim(), (2, 3));
    /// ```
    pub fn raw_dim(&self) -> D {
        match self.held() {
            Some(held) => held.view.raw_dim(),
            None => dim_of(self.shape()),
        }
    }

    /// The shape as an ndarray pattern: a number, a tuple, or a dynamic dimension. Computes nothing.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![[1, 2, 3], [4, 5, 6]]);
    /// let (rows, columns) = a.dim();
    /// assert_eq!((rows, columns), (2, 3));
    /// ```
    pub fn dim(&self) -> D::Pattern {
        self.raw_dim().into_pattern()
    }

    /// Number of axes.
    #[doc = example!(array: "array![[1, 2, 3], [4, 5, 6]]", "ndim()" => "2")]
    pub fn ndim(&self) -> usize {
        self.shape().len()
    }

    /// Number of elements.
    #[doc = example!(array: "array![[1, 2, 3], [4, 5, 6]]", "len()" => "6")]
    pub fn len(&self) -> usize {
        volume(self.shape())
    }

    /// Whether the array has no elements.
    ///
    /// ```
    /// use distob::prelude::*;
    /// assert!(DistArray::<f64, _>::zeros((0, 3)).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.shape().contains(&0)
    }

    /// Length of one axis.
    ///
    /// # Panics
    /// Where there is no such axis.
    #[doc = example!(array: "array![[1, 2, 3], [4, 5, 6]]", "len_of(Axis(1))" => "3")]
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
        self.held().is_none_or(|held| held.store.was_unique())
    }

    /// Whether another array or a pending expression shares the elements.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![1, 2, 3]);
    /// assert!(!a.is_view());
    /// let b = a.clone();
    /// assert!(a.is_view());
    /// ```
    pub fn is_view(&self) -> bool {
        !self.is_owned()
    }

    /// The elements of a pending array, computed first.
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn view_of_pending(&self) -> &ArrayRef<A, D> {
        match self.try_held() {
            Ok(held) => &held.view,
            Err(error) => Self::failed(&error),
        }
    }

    /// The elements, computed first where they are pending, and copied where others share them.
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn view_of_unique(&mut self) -> &mut ArrayRef<A, D> {
        match self.unique_mut() {
            Ok(held) => &mut held.view,
            Err(error) => Self::failed(&error),
        }
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

impl<A, D> State<A, D> {
    fn pending(node: Arc<Node>) -> Self {
        State::Pending(Box::new(Value { node: Handle::new(node), held: OnceCell::new() }))
    }
}

#[cold]
fn moved() -> Error {
    Error::invalid("an array without a value")
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
        // Loops over elements come here for each of them. What is left of the other way is one call, so that the compiler may take the question
        // out of the loop.
        match &self.state {
            State::Held(held) => &held.view,
            State::Pending(_) | State::Moved => self.view_of_pending(),
        }
    }
}

impl<A, D: Dimension> DerefMut for DistArray<A, D> {
    #[inline]
    #[track_caller]
    fn deref_mut(&mut self) -> &mut ArrayRef<A, D> {
        let ready = match &mut self.state {
            State::Held(held) => held.store.is_plainly_unique(),
            State::Pending(_) | State::Moved => false,
        };
        if ready {
            match &mut self.state {
                State::Held(held) => return &mut held.view,
                State::Pending(_) | State::Moved => unreachable!("asked above"),
            }
        }
        self.view_of_unique()
    }
}

// A panic leaves an array as it was or pending, never half written: a value is published when it is complete, and a node whose
// run unwinds is pending again. What a panicking closure has written through `&mut` is the caller's own, as with `ndarray::Array`.
// Handles share elements, so those must bear to be seen after a panic.
impl<A: RefUnwindSafe, D: Dimension> UnwindSafe for DistArray<A, D> {}
impl<A: RefUnwindSafe, D: Dimension> RefUnwindSafe for DistArray<A, D> {}

impl<A: Clone, D: Dimension> DistArray<A, D> {
    /// Another handle on the same elements, under ndarray's name: [`clone`](Clone::clone).
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![1, 2, 3]);
    /// let mut b = a.to_shared();
    /// b[0] = 7; // copies the elements first
    /// assert_eq!((a[0], b[0]), (1, 7));
    /// ```
    pub fn to_shared(&self) -> Self {
        self.clone()
    }

    /// The array itself, under ndarray's name.
    #[doc = example!(array: "array![1, 2, 3]", "into_owned()" => "array![1, 2, 3]")]
    pub fn into_owned(self) -> Self {
        self
    }

    /// The array itself: arrays share elements and copy on write, as ndarray's `ArcArray` does.
    #[doc = example!(array: "array![1, 2, 3]", "into_shared()" => "array![1, 2, 3]")]
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
        let state = match &self.state {
            State::Held(held) => State::Held(held.clone()),
            State::Pending(value) => {
                State::Pending(Box::new(Value { node: value.node.clone(), held: value.held.clone() }))
            }
            State::Moved => State::Moved,
        };
        DistArray { state, partition: self.partition.clone() }
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
