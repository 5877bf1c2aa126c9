//! An array in a larger shape, stretched along axes of length 1 and new ones, as an expression that reads each element many times.

use ndarray::{Dimension, IntoDimension};

use crate::array::dist_array::{DistArray, expect};
use crate::array::expression::node::Operand;
use crate::array::loops::walk;
use crate::array::operation::operate::{self, into_dimension};
use crate::array::shape::broadcast::check_broadcast_to;
use crate::array::shape::dims::Dims;
use crate::array::shape::dims::checked_bytes;
use crate::element::Element;
use crate::error::{Error, Result};
use kernels::Op;

impl<A: Element, D: Dimension> DistArray<A, D> {
    /// The array stretched to `shape`, as ndarray's method of this name does it: an axis of length 1 is repeated, and so is
    /// the whole along new first axes. `None` where the shapes do not fit, or where no memory could hold such an array.
    ///
    /// Lazy, and no copy: expressions and reductions read the elements of this array where they are. Once something reads the
    /// stretched array as an ndarray, changes its layout or goes through it with a closure, it has elements of its own,
    /// of that many: so what is written to it is seen at one place, and not in this array. Small ones, and those of a
    /// user's own element type, are copied at once.
    ///
    /// # Panics
    /// Where there is no memory for what is copied at once; where this array is an expression that cannot be computed.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let row = DistArray::linspace(0.0, 2.0, 3);
    /// let mut rows = row.broadcast((2, 3)).unwrap();
    /// assert_eq!(rows, ndarray::array![[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]]);
    /// rows[[1, 0]] = 5.0;
    /// assert_eq!((rows[[0, 0]], row[0]), (0.0, 0.0));
    /// assert!(row.broadcast((3, 2)).is_none());
    /// ```
    #[track_caller]
    pub fn broadcast<E: IntoDimension>(&self, shape: E) -> Option<DistArray<A, E::Dim>> {
        let dim = shape.into_dimension();
        match self.check_stretch(dim.slice()) {
            Ok(()) => Some(expect(self.stretched(dim))),
            Err(_) => None,
        }
    }

    /// [`broadcast`](DistArray::broadcast), with an error where that gives `None` or panics.
    ///
    /// # Errors
    /// [`Error::Shape`] where the shapes do not fit, [`Error::InvalidArgument`] where no memory could hold such an array,
    /// [`Error::OutOfMemory`]; those of [`eval`](DistArray::eval) where this array is pending and is computed for it.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let row = DistArray::from(array![1, 2]);
    /// assert_eq!(row.try_broadcast((2, 2))?, array![[1, 2], [1, 2]]);
    /// assert!(row.try_broadcast((2, 3)).is_err());
    /// # Ok::<(), distob::Error>(())
    /// ```
    pub fn try_broadcast<E: IntoDimension>(&self, shape: E) -> Result<DistArray<A, E::Dim>> {
        let dim = shape.into_dimension();
        self.check_stretch(dim.slice())?;
        self.stretched(dim)
    }

    /// Whether there can be this array stretched to a shape.
    fn check_stretch(&self, to: &[usize]) -> Result<()> {
        check_broadcast_to("broadcast", to, self.shape())?;
        checked_bytes(to, size_of::<A>()).map(drop)
    }

    /// The array stretched to a shape that was checked.
    fn stretched<E: Dimension>(&self, dim: E) -> Result<DistArray<A, E>> {
        let to = dim.slice();
        match (self.operand(), A::DTYPE) {
            (_, _) if to == self.shape() => match (self.held(), self.operand()) {
                (None, Some(Operand::Node(node))) => Ok(DistArray::from_node(node)),
                _ => {
                    Ok(DistArray::from_held(into_dimension(self.try_held()?.clone().with_view(|view| view.into_dyn()))))
                }
            },
            // A cast that changes nothing is not in the program: see `lower`.
            (Some(operand), Some(dtype)) => {
                operate::apply(self.hub(), dtype, Op::Cast, Dims::new(to), vec![unstretched(operand)])
            }
            _ => {
                let held = self.try_held()?;
                let no_such = || Error::invalid("broadcast: shapes that do not fit");
                let view = held.view.broadcast(dim.clone()).ok_or_else(no_such)?;
                Ok(DistArray::from_held(walk::copy(held.store.hub(), "broadcast", &view)?))
            }
        }
    }
}

/// What a stretched array is stretched from: stretched again, it is not computed in between.
fn unstretched(mut operand: Operand) -> Operand {
    while let Operand::Node(node) = &operand
        && let Some(inner) = node.expr().and_then(|expr| expr.same_elements(node.dtype).cloned())
    {
        operand = inner;
    }
    operand
}
