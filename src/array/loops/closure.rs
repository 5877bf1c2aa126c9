//! Methods that take a closure: they run at once, in parallel, on the hub's threads. What travels to engine processes is `map_with`'s
//! function and state alone.

use ndarray::Dimension;

use crate::array::dist_array::{DistArray, expect};
use crate::array::loops::map_with;
use crate::array::loops::rows;
use crate::array::loops::walk;
use crate::array::operation::argument::{Arg, Argument, hub_of};
use crate::array::operation::operate::zip;
use crate::array::shape::broadcast::broadcast_shape;
use crate::array::storage::store::Held;
use crate::element::Element;
use crate::error::Result;
use crate::transport::wire::Message;

/// The elements in a block of their own, in row-major order.
pub(crate) fn row_major<A: Element, D: Dimension>(held: &Held<A, D>) -> Result<Held<A, D>> {
    walk::copy_row_major(held.store.hub(), "reshape", &held.view.view())
}

impl<A: Element, D: Dimension> DistArray<A, D> {
    /// Applies `f` to each element, by value. Runs at once, in parallel, on the threads of this process, on a hub of engine processes
    /// too: what `f` captures, and statics, are those of the caller; thread locals are those of the hub's threads. A panic in `f` is a
    /// panic here, with its message. [`map_with`](DistArray::map_with) and [`#[distob::ufunc]`](macro@crate::ufunc) run in engine processes.
    ///
    /// For an `FnMut`, or a result that is no [`Element`], use ndarray's: `a.view().mapv(f)`.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::linspace(0.0, 4.0, 5);
    /// assert_eq!(a.mapv(|x| x as i32 % 2), ndarray::array![0, 1, 0, 1, 0]);
    /// ```
    #[track_caller]
    pub fn mapv<B: Element>(&self, f: impl Fn(A) -> B + Sync) -> DistArray<B, D> {
        expect(self.try_mapv(f))
    }

    /// [`mapv`](DistArray::mapv), with an error where that panics.
    ///
    /// # Errors
    /// [`Error::Panicked`](crate::Error::Panicked) where `f` panicked; [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![1, 2, 3]);
    /// assert_eq!(a.try_mapv(|x| x * 10)?, array![10, 20, 30]);
    /// let failed = a.try_mapv(|x| if x < 3 { x } else { panic!("too large") });
    /// assert!(matches!(failed, Err(distob::Error::Panicked { .. })));
    /// # Ok::<(), distob::Error>(())
    /// ```
    pub fn try_mapv<B: Element>(&self, f: impl Fn(A) -> B + Sync) -> Result<DistArray<B, D>> {
        let held = self.try_held()?;
        Ok(DistArray::from_held(rows::map(held.store.hub(), "mapv", (&held.view.view(),), f)?))
    }

    /// `f` of `state` and of each element. Runs at once, in parallel, on the hub's engines: where they are processes, `f` and an
    /// archive of `state` travel to them (of up to some 16 kB; with a larger one all of it is computed by threads of this process).
    ///
    /// `f` is a `fn`, or a closure that captures nothing. In an engine process `main` has not run: statics and thread locals have their
    /// initial values there, and what `f` needs of them is to be in `state`; see [`Hub::submit`](crate::Hub::submit). The calling thread
    /// computes as well: which element is computed where is not specified.
    ///
    /// `f` is called through a pointer, which takes one to two nanoseconds for each element. Where arrays are computed by threads of this process
    /// [`mapv`](DistArray::mapv), which compiles the closure into the loop, is faster for short functions, and
    /// [`#[distob::ufunc]`](macro@crate::ufunc) is everywhere.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::linspace(0.0, 3.0, 4);
    /// let limits = (0.5, 2.0);
    /// assert_eq!(a.map_with(&limits, |&(low, high), x: f64| x.clamp(low, high)), ndarray::array![0.5, 1.0, 2.0, 2.0]);
    /// ```
    ///
    /// A closure that captures something does not compile:
    ///
    /// ```compile_fail,E0308
    /// # use distob::prelude::*;
    /// # let a = DistArray::linspace(0.0, 3.0, 4);
    /// let factor = 2.0;
    /// a.map_with(&1.0, move |&shift, x: f64| x * factor + shift);
    /// ```
    #[track_caller]
    pub fn map_with<S, B>(&self, state: &S, f: fn(&S, A) -> B) -> DistArray<B, D>
    where
        S: Message + Send + Sync + 'static,
        B: Element,
    {
        expect(self.try_map_with(state, f))
    }

    /// [`map_with`](DistArray::map_with), with an error where that panics.
    ///
    /// # Errors
    /// [`Error::Panicked`](crate::Error::Panicked) where `f` panicked; [`Error::OutOfMemory`](crate::Error::OutOfMemory); [`Error::InvalidArgument`](crate::Error::InvalidArgument) where the state cannot be
    /// written down.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![1, 2, 3]);
    /// assert_eq!(a.try_map_with(&10, |&factor, x| x * factor)?, array![10, 20, 30]);
    /// # Ok::<(), distob::Error>(())
    /// ```
    pub fn try_map_with<S, B>(&self, state: &S, f: fn(&S, A) -> B) -> Result<DistArray<B, D>>
    where
        S: Message + Send + Sync + 'static,
        B: Element,
    {
        // Where engine processes see it.
        let held = self.try_held()?.for_engines();
        Ok(DistArray::from_held(map_with::map_with(held.store.hub(), state, &held.view.view(), f)?))
    }

    /// Applies `f` to a reference to each element; otherwise as [`mapv`](DistArray::mapv).
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![1, 2, 3]);
    /// assert_eq!(a.map(|x| x * 10), array![10, 20, 30]);
    /// ```
    #[track_caller]
    pub fn map<B: Element>(&self, f: impl Fn(&A) -> B + Sync) -> DistArray<B, D> {
        expect(self.try_mapv(|x| f(&x)))
    }

    /// [`mapv`](DistArray::mapv) by value, under ndarray's name.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![1, 2, 3]);
    /// assert_eq!(a.mapv_into_any(f64::from), array![1.0, 2.0, 3.0]);
    /// ```
    #[track_caller]
    pub fn mapv_into_any<B: Element>(self, f: impl Fn(A) -> B + Sync) -> DistArray<B, D> {
        self.mapv(f)
    }

    /// Replaces each element by `f` of it, and returns the array.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![1, 2, 3]);
    /// assert_eq!(a.mapv_into(|x| x * 10), array![10, 20, 30]);
    /// ```
    #[track_caller]
    pub fn mapv_into(mut self, f: impl Fn(A) -> A + Sync) -> Self {
        self.mapv_inplace(f);
        self
    }

    /// Replaces each element by `f` of it. Elements that others share are copied first; after a panic in `f` some are replaced and some are not.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![1, 2, 3]);
    /// a.mapv_inplace(|x| x * 10);
    /// assert_eq!(a, array![10, 20, 30]);
    /// ```
    #[track_caller]
    pub fn mapv_inplace(&mut self, f: impl Fn(A) -> A + Sync) {
        self.map_inplace(|x| *x = f(*x));
    }

    /// Calls `f` with each element, to be changed in place; see [`mapv_inplace`](DistArray::mapv_inplace).
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![1, 2, 3]);
    /// a.map_inplace(|x| *x *= 10);
    /// assert_eq!(a, array![10, 20, 30]);
    /// ```
    #[track_caller]
    pub fn map_inplace(&mut self, f: impl Fn(&mut A) + Sync) {
        expect(self.try_map_inplace(f));
    }

    /// [`map_inplace`](DistArray::map_inplace), with an error where that panics.
    ///
    /// # Errors
    /// [`Error::Panicked`](crate::Error::Panicked) where `f` panicked; [`Error::OutOfMemory`](crate::Error::OutOfMemory) where shared elements could not be copied.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![1, 2, 3]);
    /// a.try_map_inplace(|x| *x *= 10)?;
    /// assert_eq!(a, array![10, 20, 30]);
    /// # Ok::<(), distob::Error>(())
    /// ```
    pub fn try_map_inplace(&mut self, f: impl Fn(&mut A) + Sync) -> Result<()> {
        let held = self.unique_mut()?;
        let hub = held.store.hub().clone();
        walk::update(&hub, "map_inplace", &mut held.view, f)
    }

    /// Applies `f` to each two elements of `self` and `other`, which are broadcast to one shape. Runs at once, in parallel, where
    /// [`mapv`](DistArray::mapv) does.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![1, 2, 3]);
    /// assert_eq!(a.zip_with(array![0.5, 1.0, 1.5], |x, y: f64| f64::from(x) * y), array![0.5, 2.0, 4.5]);
    /// ```
    #[track_caller]
    pub fn zip_with<B, C, R>(&self, other: R, f: impl Fn(A, B) -> C + Sync) -> DistArray<C, R::Output>
    where
        B: Element,
        C: Element,
        R: Argument<B, D>,
    {
        expect(self.try_zip_with(other, f))
    }

    /// [`zip_with`](DistArray::zip_with), with an error where that panics.
    ///
    /// # Errors
    /// [`Error::Shape`](crate::Error::Shape), [`Error::ForeignHub`](crate::Error::ForeignHub), [`Error::Panicked`](crate::Error::Panicked) where `f` panicked, [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    ///
    /// ```
    /// use distob::prelude::*;
    /// let a = DistArray::from(array![1, 2, 3]);
    /// assert_eq!(a.try_zip_with(array![10, 20, 30], |x, y: i32| x + y)?, array![11, 22, 33]);
    /// assert!(a.try_zip_with(array![10, 20], |x, y: i32| x + y).is_err());
    /// # Ok::<(), distob::Error>(())
    /// ```
    pub fn try_zip_with<B, C, R>(&self, other: R, f: impl Fn(A, B) -> C + Sync) -> Result<DistArray<C, R::Output>>
    where
        B: Element,
        C: Element,
        R: Argument<B, D>,
    {
        let other = other.arg();
        let hub = hub_of(Some(self.hub()), other.hub())?;
        let shape = broadcast_shape("zip_with", self.shape(), other.shape())?;
        zip((&hub, "zip_with", &shape), &Arg::Dist(self), &other, f)
    }
}
