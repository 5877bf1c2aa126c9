//! `at`: a function of the elements at given places, where a place that comes again counts again.

use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{ArrayBase, ArrayView, DataMut, Dimension, IxDyn};

use super::call::CallUnary;
use super::indices::{Indices, List, outside};
use super::input::Input;
use super::share::{Place, share};
use crate::array::argument::{Arg, hub_of};
use crate::array::broadcast::{broadcast_shape, check_broadcast_to};
use crate::array::dims::{row_major, volume};
use crate::array::dist_array::DistArray;
use crate::array::evaluate::arithmetic;
use crate::array::function::{Binary, BinaryUfunc, Unary, UnaryUfunc};
use crate::array::view::{Held, Store};
use crate::array::{closure, walk};
use crate::cluster::Hub;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::Fault;
use kernels::Value as _;
use kernels::scatter::{BLOCK, Dealt, Scatter, Way};

mod sealed {
    use super::*;

    /// An array whose elements are changed.
    pub trait Changed<A: Element> {
        fn its_hub(&self) -> Result<Hub>;
        fn lengths(&self) -> Vec<usize>;
        /// Calls `change` with the elements in row-major order. After an error the array is as it was, or as `change` left it.
        fn change(&mut self, hub: &Hub, change: impl FnOnce(&mut [A]) -> Result<()>) -> Result<()>;
    }

    impl<A: Element, D: Dimension> Changed<A> for DistArray<A, D> {
        fn its_hub(&self) -> Result<Hub> {
            Ok(self.hub().clone())
        }

        fn lengths(&self) -> Vec<usize> {
            self.shape().to_vec()
        }

        fn change(&mut self, _: &Hub, change: impl FnOnce(&mut [A]) -> Result<()>) -> Result<()> {
            // Another order of memory becomes row-major on the way; so does what somebody else sees, which is copied anyway.
            let held = self.held_mut()?;
            if !held.is_unique() || !held.view.is_standard_layout() {
                let mut copy = closure::row_major(held)?;
                elements(&mut copy)?.map_or_else(|| Err(no_order()), change)?;
                self.set_value(DistArray::from_held(copy));
                return Ok(());
            }
            elements(held)?.map_or_else(|| Err(no_order()), change)
        }
    }

    fn elements<A: Element, D: Dimension>(held: &mut Held<A, D>) -> Result<Option<&mut [A]>> {
        Ok(held.view.as_slice_mut())
    }

    fn no_order() -> Error {
        Error::invalid("at: a copy in row-major order is none")
    }

    impl<A: Element, S: DataMut<Elem = A>, D: Dimension> Changed<A> for ArrayBase<S, D> {
        fn its_hub(&self) -> Result<Hub> {
            Hub::current()
        }

        fn lengths(&self) -> Vec<usize> {
            self.shape().to_vec()
        }

        fn change(&mut self, hub: &Hub, change: impl FnOnce(&mut [A]) -> Result<()>) -> Result<()> {
            if let Some(elements) = self.as_slice_mut() {
                return change(elements);
            }
            let mut copy = walk::copy_row_major(hub, "at", &self.view())?;
            elements(&mut copy)?.map_or_else(|| Err(no_order()), change)?;
            self.assign(&copy.view);
            Ok(())
        }
    }
}
use sealed::Changed;

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
    /// with the place in the shape of the updates; [`Error::ForeignHub`]; [`Error::OutOfMemory`]. After any of them `a` is unchanged.
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
        let name = Self::NAME;
        let method = format!("{name}.at");
        let b = b.view_arg();
        let hub = a.its_hub()?;
        hub_of(Some(&hub), b.hub())?;
        let shape = a.lengths();
        let lists = indices.lists()?;
        let places = Places::new(&method, &lists, &shape)?;
        let all: Vec<usize> = places.shape.iter().chain(&shape[places.lists.len()..]).copied().collect();
        check_broadcast_to(&method, &all, b.shape())?;
        let row: usize = shape[places.lists.len()..].iter().product();
        let (Some(dtype), Some(with)) = (A::DTYPE, Y::Elem::DTYPE) else {
            return Err(Error::invalid(format!("{method}: an element type that programs do not know")));
        };
        if places.count == 0 || places.cells == 0 || row == 0 {
            return places.check(&hub, name);
        }
        let own = !b.is_number() && b.shape().iter().any(|&n| n > 1);
        let plan = Scatter::new(self.op(), [dtype, with], places.cells, row, places.count, own);
        let values = Values::new(&hub, &b, &all, own, row)?;
        if let Some((_, fault)) = Fault::of(self.op(), dtype).filter(|(place, _)| *place == 1) {
            places.check(&hub, name)?;
            let bad = |values: &[Y::Elem]| fault.among(values).then(|| values.iter().position(|x| fault.among(&[*x])));
            if let Some(flat) = bad(values.elements()).flatten() {
                return Err(arithmetic(self.op(), fault, &all, flat));
            }
        }
        // What is broken here is found before the array is copied for the change.
        let plan = plan.ok_or_else(|| {
            let of = std::any::type_name::<A>();
            Error::invalid(format!(
                "{method}: it does not give {of} of what it takes, so that nothing can be put there"
            ))
        })?;
        a.change(&hub, |elements| run(&hub, name, plan, elements, &places, values.elements()))
    }
}

impl<F: BinaryUfunc> At for F {}

/// `at` of functions of one operand.
pub trait AtUnary: UnaryUfunc {
    /// `a[i] = f(a[i])` for each of `indices`, one after the other: of a place that comes twice, `f(f(x))`. Else as [`At::at`].
    ///
    /// # Errors
    /// As [`At::at`].
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
        let (hub, shape) = (a.its_hub()?, a.lengths());
        let lists = indices.lists()?;
        let places = Places::new(&format!("{}.at", Self::NAME), &lists, &shape)?;
        places.check(&hub, Self::NAME)?;
        let row: usize = shape[places.lists.len()..].iter().product();
        if places.count == 0 || row == 0 {
            return Ok(());
        }
        let mut all = vec![0; places.count];
        places.read(0, &mut all);
        all.sort_unstable();
        // Each place, and how often it comes; the most frequent first, so that those of a round are the first ones.
        let mut often: Vec<(usize, usize)> = all.chunk_by(|a, b| a == b).map(|same| (same.len(), same[0])).collect();
        often.sort_by_key(|&(count, _)| std::cmp::Reverse(count));
        a.change(&hub, |elements| {
            let of = |&(_, place): &(usize, usize)| place * row..(place + 1) * row;
            let first: Vec<A> = often.iter().flat_map(|place| elements[of(place)].iter().copied()).collect();
            let mut values = DistArray::from_held(crate::array::gather::copy_in(&hub, &ndarray::aview1(&first))?);
            let mut results = first;
            for round in 1..=often[0].0 {
                let there = often.partition_point(|&(count, _)| count >= round) * row;
                values.slice_collapse(ndarray::s![..there]);
                values = self.try_call(&values)?.evaluated()?;
                for (result, &value) in results.iter_mut().zip(values.iter()) {
                    *result = value;
                }
            }
            for (place, values) in often.iter().zip(results.chunks_exact(row)) {
                elements[of(place)].copy_from_slice(values);
            }
            Ok(())
        })
    }
}

impl<F: UnaryUfunc> AtUnary for F {}

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
    /// Whether one was out of bounds.
    outside: AtomicBool,
}

impl<'a> Places<'a> {
    fn new(method: &str, lists: &'a [List<'a>], shape: &[usize]) -> Result<Places<'a>> {
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
            outside: AtomicBool::new(false),
        })
    }

    /// Puts places of updates from number `first` on into `out`. Where an index is out of bounds, that is remembered.
    fn read(&self, first: usize, out: &mut [usize]) {
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
        if !all {
            self.outside.store(true, Ordering::Relaxed);
        }
    }

    /// The error of the first index that is out of bounds, where one was met.
    fn met(&self) -> Result<()> {
        if !self.outside.load(Ordering::Relaxed) {
            return Ok(());
        }
        let found = self.lists.iter().zip(&self.lengths).enumerate();
        let first = found.filter_map(|(axis, (list, &length))| Some((axis, list.first_outside(length, true)?))).next();
        let (axis, found) = first.map_or((0, None), |(axis, found)| (axis, Some(found)));
        Err(outside(&self.method, found, &self.shape, axis, self.lengths[axis]))
    }

    /// Looks at all indices.
    fn check(&self, hub: &Hub, name: &'static str) -> Result<()> {
        share(hub, name, self.count.div_ceil(BLOCK), BLOCK * 8, &|blocks| {
            let mut places = [0; BLOCK];
            for block in blocks {
                let first = block * BLOCK;
                self.read(first, &mut places[..BLOCK.min(self.count - first)]);
            }
        })?;
        self.met()
    }
}

/// The values of updates: side by side, a row for each update, or one row for all.
enum Values<'a, B: Element> {
    There(ArrayView<'a, B, IxDyn>),
    Copied(Held<B, IxDyn>),
    One(Vec<B>),
}

impl<'a, B: Element> Values<'a, B> {
    fn new<D: Dimension>(
        hub: &Hub,
        b: &'a Arg<'a, B, D>,
        shape: &[usize],
        own: bool,
        row: usize,
    ) -> Result<Values<'a, B>> {
        let view = match b {
            Arg::Dist(array) => array.try_held()?.view.view().into_dyn(),
            Arg::Foreign(view) => view.view().into_dyn(),
            Arg::Number(value) => return Ok(Values::One(vec![*value; row])),
        };
        if !own {
            let first = view.iter().next().ok_or_else(|| Error::invalid("at: no value"))?;
            return Ok(Values::One(vec![*first; row]));
        }
        if view.shape() == shape && view.is_standard_layout() {
            return Ok(Values::There(view));
        }
        let stretched = view.broadcast(shape).ok_or_else(|| Error::invalid("at: shapes differ"))?;
        walk::copy_row_major(hub, "at", &stretched).map(Values::Copied)
    }

    fn elements(&self) -> &[B] {
        match self {
            Values::There(view) => view.as_slice().unwrap_or(&[]),
            Values::Copied(held) => held.view.as_slice().unwrap_or(&[]),
            Values::One(row) => row,
        }
    }
}

/// Does all updates, or none where an index is out of bounds.
fn run<A: Element, B: Element>(
    hub: &Hub,
    name: &'static str,
    plan: Scatter,
    elements: &mut [A],
    places: &Places<'_>,
    values: &[B],
) -> Result<()> {
    let cells = places.cells;
    assert!(elements.len().is_multiple_of(cells.max(1)));
    let row = elements.len() / cells.max(1);
    let rows = if plan.own() { places.count } else { 1 };
    assert_eq!(values.len(), rows * row, "a row of values for each update, or one row");
    let (a, b) = (Place(elements.as_mut_ptr().cast::<u8>()), Place(values.as_ptr().cast_mut().cast::<u8>()));
    let read = |first: usize, out: &mut [usize]| places.read(first, out);
    match plan.way() {
        Way::Copies(copies, _) => {
            let (each, bytes) = plan.accumulators();
            let store = Store::new(hub, bytes)?;
            let accs = Place(store.base());
            let stretch = places.count / copies;
            share(hub, name, copies, stretch * 16, &|range| {
                for copy in range {
                    // SAFETY: the block has room for all copies, each of which is of one item; `values` are all values.
                    unsafe { plan.gather(accs.get(), b.get(), copy, &read) }
                }
            })?;
            places.met()?;
            share(hub, name, cells, bytes / cells + each / cells, &|range| {
                // SAFETY: all copies are gathered; ranges of places are disjoint parts of `elements`, which is borrowed mutably.
                unsafe { plan.merge(a.get(), accs.get(), range) }
            })
        }
        Way::Buckets(_) => {
            let (together, piece, buckets) = plan.dealing();
            let pieces = together.div_ceil(piece);
            let own = if plan.own() { together * size_of::<B>() } else { 0 };
            let sizes = [pieces * (buckets + 1) * 4, together * 4, own];
            let starts =
                [0, sizes[0].next_multiple_of(64), (sizes[0].next_multiple_of(64) + sizes[1]).next_multiple_of(64)];
            let store = match Store::new(hub, starts[2] + sizes[2]) {
                Ok(store) => store,
                // The same bits, and no more memory.
                Err(Error::OutOfMemory { .. }) => return run(hub, name, plan.in_order(), elements, places, values),
                Err(error) => return Err(error),
            };
            if together < places.count {
                places.check(hub, name)?;
            }
            let at = |part: usize| Place(store.base().wrapping_add(starts[part]));
            let room = [at(0), at(1), at(2)];
            let dealt = || Dealt { firsts: room[0].get().cast(), near: room[1].get().cast(), values: room[2].get() };
            for start in (0..places.count).step_by(together) {
                let pieces = together.min(places.count - start).div_ceil(piece);
                share(hub, name, pieces, piece * 32, &|range| {
                    for piece in range {
                        // SAFETY: the block has room for a chunk, and each piece's part of it is of one item; indices are borrowed, so
                        // that they do not change.
                        unsafe { plan.deal(dealt(), b.get(), start, piece, &read) }
                    }
                })?;
                places.met()?;
                share(hub, name, buckets, together / buckets * 64, &|range| {
                    for bucket in range {
                        // SAFETY: all pieces are dealt; buckets are disjoint parts of `elements`, which is borrowed mutably.
                        unsafe { plan.bucket(a.get(), b.get(), dealt(), pieces, bucket) }
                    }
                })?;
            }
            Ok(())
        }
        Way::InOrder | Way::Rows(_) => {
            let plan = plan.among(hub.workers());
            places.check(hub, name)?;
            share(hub, name, plan.ranges(), plan.range_bytes(), &|items| {
                for range in items {
                    // SAFETY: ranges are disjoint parts of `elements`, which is borrowed mutably; values as asserted.
                    unsafe { plan.direct(a.get(), b.get(), range, &read) }
                }
            })
        }
    }
}
