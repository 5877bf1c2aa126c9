//! `at`: a function of the elements at given places, where a place that comes again counts again.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{ArrayBase, DataMut, Dimension};

use super::along::{self, Named};
use super::indices::{Indices, List, hub_beside, outside};
use super::input::Input;
use super::resident::Resident;
use crate::array::dist_array::DistArray;
use crate::array::evaluate::arithmetic;
use crate::array::evaluate::driver;
use crate::array::evaluate::eager;
use crate::array::expression::node::Operand;
use crate::array::function::{Binary, BinaryUfunc, Unary, UnaryUfunc};
use crate::array::loops::closure;
use crate::array::loops::walk;
use crate::array::operation::argument::Untyped;
use crate::array::operation::operate;
use crate::array::shape::broadcast::{broadcast_shape, check_broadcast_to};
use crate::array::shape::dims::{Dims, checked_bytes, row_major, volume};
use crate::array::storage::shared::Shared;
use crate::array::storage::store::{Bare, Held, Leaf, Store};
use crate::array::view::dist_view_mut::DistViewMut;
use crate::cluster::{Hub, Job};
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::scatter::{BLOCK, Scatter, Way};
use kernels::work::Verdict;
use kernels::{DType, Fault, Op, identity};

/// Indices that are looked at together.
const PIECE: usize = 64 * BLOCK;

/// From so many bytes of places on it is asked whether there is room for them.
const LARGE_LISTS: usize = 1 << 20;

mod sealed {
    use super::*;

    /// Elements in row-major order.
    pub struct RowMajor(pub(super) Leaf);

    /// A change: it is called with the address of the first element of all, which lie in row-major order, and their number.
    pub(super) type Change<'a> = &'a mut dyn FnMut(*mut u8, usize) -> Result<()>;

    /// An array whose elements are changed, whatever they are.
    pub trait Elements {
        /// `None` of an array of ndarray's.
        fn its_hub(&self) -> Option<&Hub>;
        fn lengths(&self) -> &[usize];
        /// The type of the elements, where programs know it, and its name in Rust.
        fn element(&self) -> (Option<DType>, &'static str);
        /// Calls `change` with the elements, borrowed mutably. After an error the array is as it was, or as `change` left it.
        fn change(&mut self, hub: &Hub, change: Change<'_>) -> Result<()>;
        /// The elements in row-major order, where engine processes see them and so may change them in another place.
        fn elsewhere(&mut self) -> Result<Option<RowMajor>>;
        /// Takes these elements instead.
        fn replace(&mut self, elements: &RowMajor);
    }

    /// An array of elements of type `A`.
    pub trait Changed<A>: Elements {}

    impl<A: Element, D: Dimension> Changed<A> for DistArray<A, D> {}

    impl<A: Element, D: Dimension> Elements for DistArray<A, D> {
        fn its_hub(&self) -> Option<&Hub> {
            Some(self.hub())
        }

        fn lengths(&self) -> &[usize] {
            self.shape()
        }

        fn element(&self) -> (Option<DType>, &'static str) {
            (A::DTYPE, std::any::type_name::<A>())
        }

        fn change(&mut self, _: &Hub, change: Change<'_>) -> Result<()> {
            // Another order of memory becomes row-major on the way; so does what somebody else sees, which is copied anyway.
            let held = self.held_mut()?;
            if !held.is_unique() || !held.view.is_standard_layout() {
                let mut copy = closure::row_major(held)?;
                all(copy.view.as_slice_mut(), change)?;
                self.set_value(DistArray::from_held(copy));
                return Ok(());
            }
            all(held.view.as_slice_mut(), change)
        }

        fn elsewhere(&mut self) -> Result<Option<RowMajor>> {
            if !self.hub().shares_with_processes() {
                return Ok(None);
            }
            let leaf = self.try_held()?.leaf();
            leaf.map(|leaf| along::in_row_major(self.hub(), leaf).map(RowMajor)).transpose()
        }

        fn replace(&mut self, elements: &RowMajor) {
            self.set_value(DistArray::from_held(Held::from_leaf(&elements.0)));
        }
    }

    /// Calls `change` with all elements, which a copy in row-major order has side by side.
    fn all<A>(elements: Option<&mut [A]>, change: Change<'_>) -> Result<()> {
        match elements {
            Some(elements) => change(elements.as_mut_ptr().cast(), elements.len()),
            None => Err(Error::invalid("at: a copy in row-major order is none")),
        }
    }

    impl<A: Element, S: DataMut<Elem = A>, D: Dimension> Changed<A> for ArrayBase<S, D> {}

    impl<A: Element, S: DataMut<Elem = A>, D: Dimension> Elements for ArrayBase<S, D> {
        fn its_hub(&self) -> Option<&Hub> {
            None
        }

        fn lengths(&self) -> &[usize] {
            self.shape()
        }

        fn element(&self) -> (Option<DType>, &'static str) {
            (A::DTYPE, std::any::type_name::<A>())
        }

        fn change(&mut self, hub: &Hub, change: Change<'_>) -> Result<()> {
            if let Some(elements) = self.as_slice_mut() {
                return all(Some(elements), change);
            }
            let mut copy = walk::copy_row_major(hub, "at", &self.view())?;
            all(copy.view.as_slice_mut(), change)?;
            self.assign(&copy.view);
            Ok(())
        }

        fn elsewhere(&mut self) -> Result<Option<RowMajor>> {
            Ok(None)
        }

        fn replace(&mut self, _: &RowMajor) {
            unreachable!("elements that are changed where they are")
        }
    }

    impl<A: Element, D: Dimension> Changed<A> for DistViewMut<'_, A, D> {}

    impl<A: Element, D: Dimension> Elements for DistViewMut<'_, A, D> {
        fn its_hub(&self) -> Option<&Hub> {
            self.hub()
        }

        fn lengths(&self) -> &[usize] {
            self.shape()
        }

        fn element(&self) -> (Option<DType>, &'static str) {
            (A::DTYPE, std::any::type_name::<A>())
        }

        fn change(&mut self, hub: &Hub, change: Change<'_>) -> Result<()> {
            self.as_ndarray_mut().change(hub, change)
        }

        fn elsewhere(&mut self) -> Result<Option<RowMajor>> {
            Ok(None)
        }

        fn replace(&mut self, _: &RowMajor) {
            unreachable!("elements that are changed where they are")
        }
    }
}
use sealed::{Changed, Elements, RowMajor};

/// An array that `at` changes: a [`DistArray`], or an array or mutable view of ndarray's.
pub trait Target<A: Element>: Changed<A> {}
impl<A: Element, T: Changed<A>> Target<A> for T {}

/// `at` of functions of two operands.
pub trait At: BinaryUfunc {
    /// `a[i] = f(a[i], b)` for each of `indices`, one after the other: a place that comes again is changed again, which `a[indices] += b`
    /// would not do in NumPy. Runs at once, in place where nobody else sees the elements.
    ///
    /// Indices are integers (negative ones count from the end), a tuple of them for several axes, which are broadcast together, or
    /// a mask: see [`Indices`]. They are of the first axes; of further ones all is changed. `b` is broadcast to the indices' shape,
    /// followed by those further axes.
    ///
    /// # Order
    /// Each element sees its updates in the order of the indices, as NumPy's does, and has its bits; but where there are 32,768 updates
    /// or more, eight at least for each place, no further axes, and a function that may be grouped (sums, products, extremes, bits): then
    /// fixed stretches of the updates, by their number and the number of places, are joined first, floats of fewer than 64 bits in 64, and
    /// then merged in order. Sums of floats may differ from NumPy's in the last places. Either way they follow from sizes alone, not from
    /// the number of engines or threads.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where an index is out of bounds, there are more of them than axes, a mask is of another shape, or the
    /// function does not give what it takes first; [`Error::Shape`]; [`Error::Arithmetic`] where an integer would be divided by zero,
    /// with the place in the shape of the updates (that of the indices, followed by the further axes); [`Error::ForeignHub`];
    /// [`Error::OutOfMemory`]. After any of them `a` is unchanged.
    ///
    /// ```
    /// use distob::prelude::*;
    /// use distob::ufunc::Add;
    /// # fn main() -> distob::Result<()> {
    /// let mut counts = DistArray::zeros(4);
    /// Add.at(&mut counts, [0, 2, 2, -1], 1)?;
    /// assert_eq!(counts, ndarray::array![1, 0, 2, 1]);
    ///
    /// let mut table = DistArray::zeros((2, 3));
    /// Add.at(&mut table, (&[0, 1, 1], &[2, 0, 0]), &ndarray::array![1.0, 2.0, 3.0])?;
    /// assert_eq!(table, ndarray::array![[0.0, 0.0, 1.0], [5.0, 0.0, 0.0]]);
    /// # Ok(())
    /// # }
    /// ```
    fn at<A: Element, Y: Input>(self, a: &mut impl Target<A>, indices: impl Indices, b: Y) -> Result<()>
    where
        Self: Binary<A, Y::Elem, Output = A>,
    {
        UPDATED((self.op(), Self::NAME), a, &indices, &b.view_arg())
    }
}

// Pointers, as those of `transport/pool`.
const UPDATED: fn(Named, &mut dyn Elements, &dyn Indices, &dyn Untyped) -> Result<()> = updated;
const REPEATED: fn(Named, &mut dyn Elements, &dyn Indices) -> Result<()> = repeated;

/// [`At::at`] without the types.
fn updated((op, name): Named, a: &mut dyn Elements, indices: &dyn Indices, b: &dyn Untyped) -> Result<()> {
    let method = format!("{name}.at");
    let hub = hub_beside([a.its_hub(), b.hub()], indices)?;
    let shape = a.lengths().to_vec();
    let lists = indices.lists()?;
    let places = Places::new(&hub, &method, &lists, &shape)?;
    let all = places.shape_of_updates(&shape)?;
    check_broadcast_to(&method, &all, b.shape())?;
    let row: usize = shape[places.lists.len()..].iter().product();
    let ((Some(dtype), name_of_a), Some(with)) = (a.element(), b.dtype()) else { return Err(unknown(&method)) };
    if places.count == 0 || places.cells == 0 || row == 0 {
        return places.all(&hub).map(drop);
    }
    let own = b.shape().iter().any(|&n| n > 1);
    let values = Values::new(&hub, b, &all, own, row)?;
    let given = if own { places.count * row } else { row };
    if let Some((_, fault)) = Fault::of(op, dtype).filter(|(place, _)| *place == 1) {
        places.all(&hub)?;
        // SAFETY: a row of values for each update, or one row.
        if let Some(flat) = unsafe { along::first_bad(fault, with, values.first(), given) } {
            return Err(arithmetic(op, fault, &all, flat));
        }
    }
    // What is broken here is found before the array is copied for the change.
    let flat = if places.lists.len() > 1 { places.all(&hub)? } else { Vec::new() };
    let (indices, numbers) = match &places.lists[..] {
        [list] => list.resident(&hub)?,
        _ => (Resident::new(&hub, &flat)?, DType::U64),
    };
    let plan = Scatter::new(op, [dtype, with], [places.cells, row, places.count], own, numbers)?;
    let plan = plan.ok_or_else(|| {
        Error::invalid(format!(
            "{method}: it does not give {name_of_a} of what it takes, so that nothing can be put there"
        ))
    })?;
    let plan = plan.among(hub.workers());
    // SAFETY: as above; nobody writes values that are borrowed or copies.
    let resident = unsafe { Resident::of_bytes(&hub, values.first(), given * with.size()) }?;
    let verdict = match a.elsewhere()? {
        Some(RowMajor(leaf)) => {
            let results = along::fresh(&hub, dtype, &shape)?;
            let operands = [leaf.address_for_engines(), results.address(), indices.at(), resident.at()];
            // SAFETY: the leaf has all elements in row-major order, the results' block is fresh; as many indices and values as the plan says.
            let verdict = unsafe { scattered(&hub, name, plan.elsewhere(), operands) }?;
            if verdict == Verdict::Whole {
                a.replace(&RowMajor(results));
            }
            verdict
        }
        None => {
            let mut verdict = Verdict::Whole;
            a.change(&hub, &mut |target, n| {
                assert_eq!(n, places.cells * row, "elements of all places");
                let operands = [target, target, indices.at(), resident.at()];
                // SAFETY: all elements, borrowed mutably, and changed in place; as many indices and values as the plan says.
                verdict = unsafe { scattered(&hub, name, plan.clone(), operands) }?;
                Ok(())
            })?;
            verdict
        }
    };
    if verdict == Verdict::Whole { Ok(()) } else { Err(places.outside()) }
}

#[cold]
fn unknown(method: &str) -> Error {
    Error::invalid(format!("{method}: an element type that programs do not know"))
}

/// Does all updates, or none where an index is out of bounds.
///
/// # Safety
/// As [`driver::run`].
unsafe fn scattered(hub: &Hub, name: &'static str, plan: Scatter, operands: [*mut u8; 4]) -> Result<Verdict> {
    // SAFETY: the caller's promise.
    match unsafe { driver::run(hub, name, &plan, &operands, None) } {
        // The same bits, and no more memory. Nothing has been changed: it is taken before the first change.
        Err(Error::OutOfMemory { .. }) if matches!(plan.way(), Way::Buckets(_)) => {
            let plan = plan.in_order().among(hub.workers());
            // SAFETY: the caller's promise.
            unsafe { driver::run(hub, name, &plan, &operands, None) }
        }
        result => result,
    }
}

impl<F: BinaryUfunc> At for F {}

/// `at` of functions of one operand.
pub trait AtUnary: UnaryUfunc {
    /// `a[i] = f(a[i])` for each of `indices`, one after the other: of a place that comes twice, `f(f(x))`. Else as [`At::at`].
    ///
    /// # Errors
    /// As [`At::at`]; the place of [`Error::Arithmetic`] is that of the first update, in the order of the indices, that has no result.
    ///
    /// ```
    /// use distob::prelude::*;
    /// use distob::ufunc::Negative;
    /// # fn main() -> distob::Result<()> {
    /// let mut a = DistArray::from_vec(vec![1, 2, 3]);
    /// Negative.at(&mut a, [0, 1, 1])?;
    /// assert_eq!(a, ndarray::array![-1, 2, 3]);
    /// # Ok(())
    /// # }
    /// ```
    fn at<A: Element>(self, a: &mut impl Target<A>, indices: impl Indices) -> Result<()>
    where
        Self: Unary<A, Output = A>,
    {
        REPEATED((self.op(), Self::NAME), a, &indices)
    }
}

/// [`AtUnary::at`] without the types.
fn repeated((op, name): Named, a: &mut dyn Elements, indices: &dyn Indices) -> Result<()> {
    let (method, hub, shape) = (format!("{name}.at"), hub_beside([a.its_hub(), None], indices)?, a.lengths().to_vec());
    let lists = indices.lists()?;
    let places = Places::new(&hub, &method, &lists, &shape)?;
    let of_updates = places.shape_of_updates(&shape)?;
    let mut all = places.all(&hub)?;
    let row: usize = shape[places.lists.len()..].iter().product();
    if places.count == 0 || row == 0 {
        return Ok(());
    }
    all.sort_unstable();
    // Each place, and how often it comes; the most frequent first, so that those of a round are the first ones.
    let mut often: Vec<(usize, usize)> = all.chunk_by(|a, b| a == b).map(|same| (same.len(), same[0])).collect();
    often.sort_by_key(|&(count, _)| std::cmp::Reverse(count));
    let dtype = a.element().0.ok_or_else(|| unknown(&method))?;
    a.change(&hub, &mut |elements, n| {
        assert_eq!(n, places.cells * row, "elements of all places");
        let bytes = row * dtype.size();
        let rounds = Rounds { hub: &hub, op, dtype, often: &often, row };
        // SAFETY: the elements of all places, which are borrowed mutably.
        let mut values = unsafe { rounds.values(elements) }?;
        let results = along::fresh(&hub, dtype, &[often.len() * row])?;
        for round in 1..=often[0].0 {
            let there = rounds.there(round);
            values.shape = Dims::new(&[there]);
            values = match (rounds.applied(values), Fault::of(op, dtype)) {
                (Err(Error::Arithmetic { .. }), Some((_, fault))) => {
                    let order = places.all(&hub)?;
                    // SAFETY: as above: the elements are as they were.
                    let flat = unsafe { rounds.first_failure(elements, fault, &order) }?;
                    return Err(arithmetic(op, fault, &of_updates, flat));
                }
                (values, _) => values?,
            };
            // SAFETY: as many values side by side, and a block with room for them.
            unsafe { std::ptr::copy_nonoverlapping(values.address(), results.address(), there * dtype.size()) };
        }
        for (nth, &(_, place)) in often.iter().enumerate() {
            // SAFETY: the other way.
            unsafe {
                let (from, to) = (results.address().add(nth * bytes), elements.add(place * bytes));
                std::ptr::copy_nonoverlapping(from, to, bytes);
            }
        }
        Ok(())
    })
}

impl<F: UnaryUfunc> AtUnary for F {}

/// A function of one operand that is applied in rounds: in the first to each place that is named, in the second to those that are named
/// twice or more, and so on.
struct Rounds<'a> {
    hub: &'a Hub,
    op: Op,
    dtype: DType,
    /// How often each place is named, and the place; the most frequent first.
    often: &'a [(usize, usize)],
    /// Elements of a place.
    row: usize,
}

impl Rounds<'_> {
    /// The elements of the places, side by side.
    ///
    /// # Safety
    /// `elements` is valid for reads of the elements of all places of the array.
    unsafe fn values(&self, elements: *const u8) -> Result<Leaf> {
        let bytes = self.row * self.dtype.size();
        let values = along::fresh(self.hub, self.dtype, &[self.often.len() * self.row])?;
        for (nth, &(_, place)) in self.often.iter().enumerate() {
            // SAFETY: the elements of one of all places (contract), and a place in a fresh block for them.
            unsafe {
                let (from, to) = (elements.add(place * bytes), values.address().add(nth * bytes));
                std::ptr::copy_nonoverlapping(from, to, bytes);
            }
        }
        self.hub.count_copied((self.often.len() * bytes) as u64);
        Ok(values)
    }

    /// How many elements a round changes: the first ones.
    fn there(&self, round: usize) -> usize {
        self.often.partition_point(|&(count, _)| count >= round) * self.row
    }

    /// The function of each value, in a block of its own.
    fn applied(&self, values: Leaf) -> Result<Leaf> {
        let &Rounds { hub, op, dtype, .. } = self;
        match eager::unary_leaf(hub, op, &values, dtype) {
            Some(values) => Ok(values),
            None => {
                let (shape, args) = (values.shape.clone(), vec![Operand::Leaf(values)]);
                along::evaluated(hub, operate::applied(hub, dtype, op, shape, args)?, dtype)
            }
        }
    }

    /// The flat index, in the shape of the updates, of the first one that meets an operand without a result, one update after the other in
    /// the order of the indices. A later round may have an earlier update, so that all rounds are gone through.
    ///
    /// # Safety
    /// As [`values`](Rounds::values).
    unsafe fn first_failure(&self, elements: *const u8, fault: Fault, order: &[usize]) -> Result<usize> {
        let &Rounds { op, dtype, often, row, .. } = self;
        let one = identity(Op::Mul, dtype).ok_or_else(|| Error::invalid(format!("{op:?} of {}", dtype.name())))?;
        // SAFETY: the caller's promise.
        let mut values = unsafe { self.values(elements) }?;
        // The round in which each element fails first.
        let mut failed: Vec<Option<usize>> = vec![None; often.len() * row];
        for round in 1..=often[0].0 {
            let there = self.there(round);
            values.shape = Dims::new(&[there]);
            for (nth, failed) in failed[..there].iter_mut().enumerate() {
                // SAFETY: one of the values, in a block that nobody else has; where it fails the function is asked of 1 instead.
                unsafe {
                    let at = values.address().add(nth * dtype.size());
                    if fault.is_among(dtype, at, 1) {
                        *failed = failed.or(Some(round));
                        std::ptr::copy_nonoverlapping(one.bytes.as_ptr(), at, dtype.size());
                    }
                }
            }
            values = self.applied(values)?;
        }
        // How often each place has been named so far.
        let mut named: HashMap<usize, (usize, usize)> =
            often.iter().enumerate().map(|(nth, &(_, place))| (place, (nth, 0))).collect();
        for (update, place) in order.iter().enumerate() {
            let Some((nth, times)) = named.get_mut(place) else { continue };
            *times += 1;
            let failed = &failed[*nth * row..][..row];
            if let Some(element) = failed.iter().position(|failed| *failed == Some(*times)) {
                return Ok(update * row + element);
            }
        }
        Err(Error::invalid("an operand without a result was met, and is not there any more"))
    }
}

/// The places of an array's first axes that lists name, counted in row-major order.
struct Places<'a> {
    method: String,
    /// One for each of the first axes, all of `shape`.
    lists: Vec<std::borrow::Cow<'a, List<'a>>>,
    shape: Vec<usize>,
    /// Number of updates.
    count: usize,
    lengths: Vec<usize>,
    steps: Vec<usize>,
    /// Number of places.
    cells: usize,
}

impl<'a> Places<'a> {
    fn new(hub: &Hub, method: &str, lists: &'a [List<'a>], shape: &[usize]) -> Result<Places<'a>> {
        if lists.len() > shape.len() {
            let (wanted, there) = (lists.len(), shape.len());
            return Err(Error::invalid(format!("{method}: indices of {wanted} axes for an array of {there}")));
        }
        let mut together: Vec<usize> = Vec::new();
        for (axis, list) in lists.iter().enumerate() {
            together = broadcast_shape(method, &together, list.shape())?.to_vec();
            if let Some(mask) = list.mask().filter(|&mask| mask != shape[axis]) {
                let there = shape[axis];
                return Err(Error::invalid(format!(
                    "{method}: a mask of {mask} elements along axis {axis}, which has {there}"
                )));
            }
        }
        // Lists that are broadcast together are written out, each and together.
        let bytes = checked_bytes(&together, size_of::<usize>())?.saturating_mul(lists.len() + 1);
        if lists.len() > 1 && bytes >= LARGE_LISTS {
            hub.has_room(bytes)?;
        }
        let lengths = shape[..lists.len()].to_vec();
        let steps = row_major(&lengths).iter().map(|&step| step as usize).collect();
        Ok(Places {
            method: method.to_owned(),
            lists: lists.iter().map(|list| list.stretched(&together)).collect(),
            count: volume(&together),
            shape: together,
            cells: volume(&lengths),
            lengths,
            steps,
        })
    }

    /// The indices' shape, followed by the axes of an array of this shape that no list is of.
    fn shape_of_updates(&self, shape: &[usize]) -> Result<Vec<usize>> {
        let all: Vec<usize> = self.shape.iter().chain(&shape[self.lists.len()..]).copied().collect();
        checked_bytes(&all, 1)?;
        Ok(all)
    }

    /// Puts places of updates from number `first` on into `out`; `false` where an index is out of bounds.
    fn read(&self, first: usize, out: &mut [usize]) -> bool {
        let mut all = self.lists[0].places(first, out, self.lengths[0], true);
        if self.lists.len() > 1 {
            out.iter_mut().for_each(|place| *place *= self.steps[0]);
            let mut more = [0; BLOCK];
            for (axis, list) in self.lists.iter().enumerate().skip(1) {
                for (block, out) in out.chunks_mut(BLOCK).enumerate() {
                    let more = &mut more[..out.len()];
                    all &= list.places(first + block * BLOCK, more, self.lengths[axis], true);
                    out.iter_mut().zip(more).for_each(|(place, more)| *place += *more * self.steps[axis]);
                }
            }
        }
        all
    }

    /// The error of the first index that is out of bounds.
    fn outside(&self) -> Error {
        let found = self.lists.iter().zip(&self.lengths).enumerate();
        let first = found.filter_map(|(axis, (list, &length))| Some((axis, list.first_outside(length, true)?))).next();
        let (axis, found) = first.map_or((0, None), |(axis, found)| (axis, Some(found)));
        outside(&self.method, found, &self.shape, axis, self.lengths[axis])
    }

    /// All places. Looks at all indices.
    fn all(&self, hub: &Hub) -> Result<Vec<usize>> {
        let mut all = vec![0; self.count];
        let inside = AtomicBool::new(true);
        let pieces: Vec<Mutex<&mut [usize]>> = all.chunks_mut(PIECE).map(Mutex::new).collect();
        let local = |piece: u32| {
            let mut places = pieces[piece as usize].lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if !self.read(piece as usize * PIECE, &mut places) {
                inside.store(false, Ordering::Relaxed);
            }
        };
        if pieces.len() <= 1 {
            (0..pieces.len() as u32).for_each(local);
        } else {
            let (chunks, bytes) = (pieces.len() as u32, (self.count * 8 * self.lists.len()) as u64);
            hub.run(&Job { name: "indices", chunks, bytes, lanes: &[], closure: false, local: &local, remote: None })?;
        }
        drop(pieces);
        if inside.into_inner() { Ok(all) } else { Err(self.outside()) }
    }
}

/// The values of updates: side by side, a row for each update, or one row for all.
enum Values<'a> {
    There(Bare<'a>),
    Copied(Shared<Store>),
    /// In words of the largest alignment that a value has.
    One(Vec<u64>),
}

impl<'a> Values<'a> {
    fn new(hub: &Hub, b: &'a dyn Untyped, shape: &[usize], own: bool, row: usize) -> Result<Values<'a>> {
        if let Some(number) = b.number() {
            return Ok(Values::one(&number.bytes[..number.dtype.size()], row));
        }
        let there = b.seen()?.ok_or_else(|| unknown("at"))?;
        if own {
            let in_order = there.shape() == shape && there.is_row_major();
            return match in_order {
                true => Ok(Values::There(there)),
                false => there.row_major(hub, shape, "at").map(Values::Copied),
            };
        }
        if volume(there.shape()) == 0 {
            return Err(Error::invalid("at: no value"));
        }
        // SAFETY: the first element, which is there and may be read.
        let first = unsafe { std::slice::from_raw_parts(there.first(), there.dtype().size()) };
        Ok(Values::one(first, row))
    }

    /// A row of one value.
    fn one(value: &[u8], row: usize) -> Values<'a> {
        let mut words = vec![0u64; (row * value.len()).div_ceil(size_of::<u64>())];
        let to = words.as_mut_ptr().cast::<u8>();
        for nth in 0..row {
            // SAFETY: the words take `row` values.
            unsafe { std::ptr::copy_nonoverlapping(value.as_ptr(), to.add(nth * value.len()), value.len()) };
        }
        Values::One(words)
    }

    fn first(&self) -> *const u8 {
        match self {
            Values::There(there) => there.first(),
            Values::Copied(store) => store.base(),
            Values::One(words) => words.as_ptr().cast(),
        }
    }
}
