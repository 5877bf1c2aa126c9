//! A grid of blocks that stand for one array, as an operand of kernels.

use crate::array::blocks::partition::Partition;
use crate::array::shape::dims::Dims;
use crate::array::storage::store::Leaf;
use crate::error::Result;
use kernels::DType;
use kernels::work::pieces::{Piece, Pieces};

/// Blocks that stand for one array.
pub(crate) struct Grid {
    pub(crate) dtype: DType,
    pub(crate) shape: Dims,
    /// For each axis the boundaries of the blocks, from 0 to its length.
    pub(in crate::array) edges: Vec<Vec<usize>>,
    /// In row-major order of the grid.
    pub(in crate::array) parts: Vec<Leaf>,
}

impl Grid {
    /// How many blocks there are.
    pub(crate) fn len(&self) -> usize {
        self.parts.len()
    }

    /// The grid as a partition, dealt out to so many engines.
    pub(in crate::array) fn partition(&self, engines: usize) -> Option<Partition> {
        Partition::from_edges(&self.shape, self.edges.clone(), engines).ok()
    }

    /// As an operand of kernels, where engine processes see it if they are to. It is valid as long as this is kept.
    pub(in crate::array) fn pieces(&self, for_engines: bool) -> Result<Pieces> {
        let size = self.dtype.size();
        let piece = |leaf: &Leaf| Piece {
            at: if for_engines { leaf.address_for_engines() } else { leaf.address() },
            strides: leaf.strides.iter().map(|stride| stride * size as isize).collect(),
        };
        Ok(Pieces::new(size, self.edges.clone(), self.parts.iter().map(piece).collect())?)
    }
}

/// What is there for a kernel to read.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// All of an array in one memory.
    Leaf(&'a Leaf),
    /// One in several blocks.
    Blocks(&'a Grid),
}
