//! Writing into an array that is there already.

use std::ops::{Add, Mul};

use ndarray::Dimension;

use crate::array::dist_array::{DistArray, expect};
use crate::array::evaluate;
use crate::array::loops::walk;
use crate::array::operation::argument::{Arg, Argument, hub_of};
use crate::array::operation::operate::into_dimension;
use crate::array::shape::broadcast::check_broadcast_to;
use crate::array::shape::dims::SMALL;
use crate::array::storage::store::{Held, Leaf};
#[cfg(doc)]
use crate::array::view::dist_view_mut::DistViewMut;
use crate::element::Element;
use crate::error::{Error, Result};

impl<A: Element, D: Dimension> DistArray<A, D> {
    /// Sets each element to the one of `value`, which is broadcast to this array's shape.
    ///
    /// An expression is computed straight into this array's memory where nobody else shares it and the expression does not read it: `c.assign(&a + &b)` takes
    /// no fresh memory. Else into fresh memory, which this array then has; so an array that owns its memory gets a block of the pool on a hub
    /// of engine processes. So does an expression that may have no result, of integers that are divided or raised to a power: an error is then
    /// known while the elements are still there.
    ///
    /// # Panics
    /// Where `value` does not broadcast to this shape; where it cannot be computed.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let (x, y) = (DistArray::from(array![1, 2, 3]), DistArray::from(array![10, 20, 30]));
    /// let mut a = DistArray::zeros(3);
    /// a.assign(&x + &y);
    /// assert_eq!(a, array![11, 22, 33]);
    /// ```
    #[track_caller]
    pub fn assign<R: Argument<A, D>>(&mut self, value: R) {
        expect(self.try_assign(value));
    }

    /// [`assign`](DistArray::assign), with an error where that panics. The elements are unchanged after these errors, and unspecified after
    /// one of engines or of the program's own functions ([`Error::EngineLost`], [`Error::Panicked`]).
    ///
    /// # Errors
    /// [`Error::Shape`], [`Error::ForeignHub`], [`Error::Arithmetic`], [`Error::OutOfMemory`].
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![1, 2, 3]);
    /// a.try_assign(array![4, 5, 6])?;
    /// assert_eq!(a, array![4, 5, 6]);
    /// assert!(a.try_assign(array![4, 5]).is_err());
    /// # Ok::<(), distob::Error>(())
    /// ```
    pub fn try_assign<R: Argument<A, D>>(&mut self, value: R) -> Result<()> {
        let value = value.arg();
        check_broadcast_to("assign", self.shape(), value.shape())?;
        let hub = hub_of(Some(self.hub()), value.hub())?;
        if const { A::DTYPE.is_none() } {
            let value = value.held(&hub)?;
            let stretched =
                value.view.broadcast(self.shape()).ok_or_else(|| Error::invalid("assign: shapes differ"))?;
            let fresh = walk::copy(&hub, "assign", &stretched)?;
            self.set_value(DistArray::from_held(into_dimension(fresh)));
            return Ok(());
        }
        // A pending value is about to be replaced: it is not computed for that. Whoever reads this array's memory holds
        // its store, the expression included: unique means that none does.
        let in_place = !self.is_pending() && self.held_mut()?.is_unique();
        if in_place
            && value.shape() == self.shape()
            && let Some(from) = value.ready()
            && from.len() <= SMALL
            && let Some(to) = self.held_mut()?.view.as_slice_mut()
        {
            to.copy_from_slice(from);
            return Ok(());
        }
        if let (Arg::Foreign(view), true) = (&value, in_place) {
            hub.count_copied((view.len() * size_of::<A>()) as u64);
            let stretched = view.broadcast(self.raw_dim()).ok_or_else(|| Error::invalid("assign: shapes differ"))?;
            return walk::update_with(&hub, "assign", &mut self.held_mut()?.view, &stretched, |to, from| *to = from);
        }
        let operand = value.operand(&hub)?;
        evaluate::evaluate_needed(&operand, self.shape())?;
        let target = match in_place && !evaluate::may_fail(&operand) {
            true => self.held_mut()?.target(),
            false => None,
        };
        let Some(target) = target else {
            let fresh = evaluate::map(&hub, self.shape(), &[operand])?.swap_remove(0);
            self.set_value(DistArray::from_held(Held::from_leaf(&fresh)));
            return Ok(());
        };
        let target = Leaf { partition: self.said_partition(), ..target };
        evaluate::map_into(&hub, &operand, &target)
    }

    /// Adds `alpha` times each element of `rhs`, which is broadcast to this shape; see [`DistViewMut::scaled_add`].
    ///
    /// # Panics
    /// Where `rhs` does not broadcast to this shape, or cannot be computed; where shared elements cannot be copied.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![1, 2, 3]);
    /// a.scaled_add(10, array![1, 1, 2]);
    /// assert_eq!(a, array![11, 12, 23]);
    /// ```
    #[track_caller]
    pub fn scaled_add<R: Argument<A, D>>(&mut self, alpha: A, rhs: R)
    where
        A: Add<Output = A> + Mul<Output = A>,
    {
        self.view_mut().scaled_add(alpha, rhs);
    }

    /// Sets each element to `value`.
    ///
    /// # Panics
    /// Where shared elements cannot be copied.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let mut a = DistArray::from(array![1, 2, 3]);
    /// a.fill(7);
    /// assert_eq!(a, array![7, 7, 7]);
    /// ```
    #[track_caller]
    pub fn fill(&mut self, value: A) {
        self.assign(value);
    }
}
