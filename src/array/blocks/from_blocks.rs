//! Arrays in several blocks: a grid of arrays that are read where they are, and become one array when somebody looks at all of it.

use std::sync::Arc;

use ndarray::{Dimension, IntoDimension};

use crate::array::blocks::grid::Grid;
use crate::array::blocks::partition::Partition;
use crate::array::dist_array::{DistArray, dim_of};
use crate::array::evaluate;
use crate::array::expression::node::{Expr, Node};
use crate::array::loops::walk;
use crate::array::shape::dims::{Dims, checked_bytes};
use crate::array::storage::store::Leaf;
use crate::element::Element;
use crate::error::{Error, Result};

const NAME: &str = "from_blocks";

/// The index of each block along each axis, in row-major order of a grid.
fn positions(grid: &[usize]) -> impl Iterator<Item = Vec<usize>> + '_ {
    (0..grid.iter().product()).map(move |number| {
        let mut rest: usize = number;
        let mut position = vec![0; grid.len()];
        for (place, &count) in position.iter_mut().zip(grid).rev() {
            (*place, rest) = (rest % count, rest / count);
        }
        position
    })
}

/// The boundaries along each axis, from the lengths of the first blocks along it; an error where another block does not fit.
fn edges_of(grid: &[usize], shapes: &[&[usize]]) -> Result<Vec<Vec<usize>>> {
    let mut lengths: Vec<Vec<usize>> = grid.iter().map(|&count| vec![0; count]).collect();
    for (position, shape) in positions(grid).zip(shapes) {
        if shape.len() != grid.len() {
            let (axes, ndim) = (grid.len(), shape.len());
            return Err(Error::invalid(format!(
                "{NAME}: the block at {position:?} has {ndim} axes, and the grid {grid:?} has {axes}"
            )));
        }
        for (axis, &at) in position.iter().enumerate() {
            // The first block that is so far along this axis says how long all others there are.
            if position.iter().enumerate().all(|(other, &place)| other == axis || place == 0) {
                lengths[axis][at] = shape[axis];
            }
        }
    }
    for (position, shape) in positions(grid).zip(shapes) {
        let wanted: Vec<usize> = position.iter().zip(&lengths).map(|(&at, lengths)| lengths[at]).collect();
        if **shape != *wanted {
            return Err(Error::invalid(format!(
                "{NAME}: the block at {position:?} has shape {shape:?}, and those beside it leave room for {wanted:?}"
            )));
        }
    }
    let edges = lengths.iter().map(|lengths| {
        let mut edges = vec![0usize];
        for &length in lengths {
            let end = edges[edges.len() - 1].checked_add(length).filter(|&end| end <= isize::MAX as usize);
            edges.push(
                end.ok_or_else(|| Error::invalid(format!("{NAME}: an axis of lengths {lengths:?} is too long")))?,
            );
        }
        Ok(edges)
    });
    edges.collect()
}

impl<A: Element, D: Dimension> DistArray<A, D> {
    /// An array of several blocks: `grid[axis]` of them along each axis, in row-major order of the grid. No byte moves. NumPy's
    /// [`block`](https://numpy.org/doc/stable/reference/generated/numpy.block.html) is the nearest relative: it takes nested lists, and copies.
    ///
    /// Blocks may have any lengths, 0 too, and any strides, as long as they fit: all blocks with one index along an axis are equally
    /// long there. The array's [`partition`](DistArray::partition) is the grid. Blocks that are pending are computed, together.
    ///
    /// Operators, comparisons, universal functions, reductions, `accumulate` and `reduceat` read the blocks where they are, with the bits that
    /// one contiguous array gives. Their results are contiguous, in row-major order. What looks at the array as a whole makes it contiguous,
    /// once for all handles, and gives the blocks up: a dereference, [`eval`](DistArray::eval), views and layout methods, closures, products of
    /// matrices, `at`, functions that are joined in order (`reduceat` of differences, say), writing elements and files. Until then
    /// [`is_pending`](DistArray::is_pending) is true. An array of one block is that block.
    ///
    /// Elements that have no universal functions, structs say, are copied into a contiguous array at once.
    ///
    /// ```
    /// use distob::prelude::*;
    /// # fn main() -> distob::Result<()> {
    /// let (a, b) = (DistArray::<f64, _>::ones((2, 3)), DistArray::zeros((2, 1)));
    /// let (c, d) = (DistArray::zeros((1, 3)), DistArray::from_elem((1, 1), 5.0));
    /// let whole = DistArray::from_blocks(&[2, 2], vec![a, b, c, d])?;
    /// assert_eq!(whole.partition().blocks_per_axis(), [2, 2]);
    /// assert_eq!(whole.sum(), 11.0); // the blocks stay where they are
    /// assert_eq!(whole, array![[1.0, 1.0, 1.0, 0.0], [1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 5.0]]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] where there is no block, the grid has another number of axes or of blocks, a block does not fit, or the whole is
    /// too large; [`Error::ForeignHub`] where blocks belong to several hubs; those of [`eval`](DistArray::eval) for blocks that are pending.
    pub fn from_blocks(grid: &[usize], mut blocks: Vec<DistArray<A, D>>) -> Result<DistArray<A, D>> {
        let Some(first) = blocks.first() else {
            return Err(Error::invalid(format!("{NAME}: no blocks for a grid of {grid:?}; it takes at least one")));
        };
        let count = grid.iter().try_fold(1usize, |count, &n| count.checked_mul(n));
        if count != Some(blocks.len()) {
            let (there, wanted) =
                (blocks.len(), count.map_or("more than can be".to_owned(), |count| count.to_string()));
            return Err(Error::invalid(format!("{NAME}: {there} blocks for a grid of {grid:?}, which has {wanted}")));
        }
        let hub = first.hub().clone();
        if let Some(other) = blocks.iter().find(|block| block.hub().id() != hub.id()) {
            return Err(Error::ForeignHub { left: hub.id(), right: other.hub().id() });
        }
        let shapes: Vec<&[usize]> = blocks.iter().map(DistArray::shape).collect();
        let edges = edges_of(grid, &shapes)?;
        let shape: Vec<usize> = edges.iter().map(|edges| edges[edges.len() - 1]).collect();
        checked_bytes(&shape, size_of::<A>())?;
        let partition = Partition::from_edges(&shape, edges.clone(), hub.engines())?;
        if blocks.len() == 1
            && let Some(block) = blocks.pop()
        {
            return block.with_partition(partition);
        }
        let nodes: Vec<Arc<Node>> = blocks.iter().filter_map(DistArray::pending_node).collect();
        evaluate::evaluate(&nodes)?;
        let Some(dtype) = A::DTYPE else {
            return copied(&shape, &edges, &blocks)?.with_partition(partition);
        };
        let parts = blocks.iter().map(|block| Ok(block.try_held()?.leaf_as(dtype))).collect::<Result<Vec<Leaf>>>()?;
        let shape = Dims::new(&shape);
        let blocks = Grid { dtype, shape: shape.clone(), edges, parts };
        let node = Node::new(&hub, dtype, shape, Expr::Blocks(Arc::new(blocks)))?;
        DistArray::from_node(node).with_partition(partition)
    }
}

/// One array with the elements of all blocks.
fn copied<A: Element, D: Dimension>(
    shape: &[usize],
    edges: &[Vec<usize>],
    blocks: &[DistArray<A, D>],
) -> Result<DistArray<A, D>> {
    let held = blocks.iter().map(DistArray::try_held).collect::<Result<Vec<_>>>()?;
    let hub = blocks[0].hub();
    let element = |index: D::Pattern| {
        let mut index: D = index.into_dimension();
        let mut number = 0;
        for (place, edges) in index.slice_mut().iter_mut().zip(edges) {
            let block = edges.partition_point(|edge| edge <= place) - 1;
            *place -= edges[block];
            number = number * (edges.len() - 1) + block;
        }
        held[number].view[index]
    };
    Ok(DistArray::from_held(walk::from_index(hub, NAME, dim_of::<D>(shape), element)?))
}
