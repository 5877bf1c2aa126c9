//! Which engine owns which block of an array, and arrays with another partition.

use std::sync::Arc;

use ndarray::Dimension;

use super::{DistArray, checked_axis, expect};
use crate::array::blocks::partition::Partition;
use crate::error::{Error, Result};

impl<A, D: Dimension> DistArray<A, D> {
    /// How the array is cut into blocks, and which engine owns each. The default is along axis 0 over all engines;
    /// [`resplit`](DistArray::resplit), [`with_partition`](DistArray::with_partition) and [`from_blocks`](DistArray::from_blocks) set another. This is
    /// metadata: on one host the array is one allocation, unless `from_blocks` made it.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let hub = Hub::builder().engines(2).start()?;
    /// let a = hub.scatter(Array2::<f64>::zeros((4, 3)))?;
    /// assert_eq!(a.partition().blocks_per_axis(), [2, 1]);
    /// # Ok::<(), distob::Error>(())
    /// ```
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
    ///
    /// ```
    /// use distob::prelude::*;
    /// let hub = Hub::builder().engines(2).start()?;
    /// let a = hub.scatter(Array2::<f64>::zeros((4, 3)))?;
    /// assert_eq!(a.placement(), [0, 1]);
    /// # Ok::<(), distob::Error>(())
    /// ```
    pub fn placement(&self) -> Vec<usize> {
        self.partition().blocks().map(|block| block.engine).collect()
    }

    /// The same array, partitioned along another axis (negative: counted from the end). Copies nothing.
    ///
    /// # Errors
    /// [`Error::Axis`] where there is no such axis.
    ///
    /// ```
    /// use distob::prelude::*;
    /// let hub = Hub::builder().engines(2).start()?;
    /// let a = hub.scatter(Array2::<f64>::zeros((4, 3)))?.resplit(-1)?;
    /// assert_eq!(a.partition().blocks_per_axis(), [1, 2]);
    /// # Ok::<(), distob::Error>(())
    /// ```
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
    ///
    /// ```
    /// use distob::prelude::*;
    /// use distob::Partition;
    /// let hub = Hub::builder().engines(2).start()?;
    /// let a = hub.scatter(Array2::<f64>::zeros((4, 4)))?;
    /// let a = a.with_partition(Partition::grid(a.shape(), &[2, 2], 2)?)?;
    /// assert_eq!(a.partition().blocks_per_axis(), [2, 2]);
    /// # Ok::<(), distob::Error>(())
    /// ```
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
}
