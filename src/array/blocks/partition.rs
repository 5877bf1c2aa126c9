//! How an array is cut into blocks for the engines: a grid over all of its axes. On one host this is metadata alone:
//! the array is one allocation whatever its partition is.

use crate::error::{Error, Result};

/// A grid of blocks over an array: for each axis the places where it is cut.
///
/// Blocks are numbered in row-major order of the grid, and block `b` belongs to engine `b % engines`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Partition {
    /// For each axis the boundaries: `edges[axis][k]..edges[axis][k + 1]` is the `k`-th block along it.
    edges: Vec<Vec<usize>>,
    engines: usize,
}

/// One block of a partition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionBlock {
    /// Place of the block in the grid.
    pub position: Vec<usize>,
    /// The indices that it holds, along each axis.
    pub ranges: Vec<std::ops::Range<usize>>,
    /// The engine that it belongs to.
    pub engine: usize,
}

impl Partition {
    /// Cuts `shape` along `axis` into one block for each of `engines`: the first `len % engines` blocks are longer by one. Where there are fewer
    /// indices than engines, there are as many blocks as indices, and the other engines have none; an axis of length 0 is one empty block.
    pub fn along(shape: &[usize], axis: usize, engines: usize) -> Result<Partition> {
        if axis >= shape.len() && !shape.is_empty() {
            return Err(Error::Axis { operation: "partition".into(), axis: axis as isize, ndim: shape.len() });
        }
        let mut blocks = vec![1; shape.len()];
        if let Some(place) = blocks.get_mut(axis) {
            *place = engines;
        }
        Self::grid(shape, &blocks, engines)
    }

    /// Cuts each axis of `shape` into `blocks[axis]` nearly equal blocks (at most one for each index, at least one).
    pub fn grid(shape: &[usize], blocks: &[usize], engines: usize) -> Result<Partition> {
        if blocks.len() != shape.len() {
            return Err(Error::Shape { operation: "partition".into(), left: shape.to_vec(), right: blocks.to_vec() });
        }
        if engines == 0 || blocks.contains(&0) {
            return Err(Error::invalid(format!(
                "a partition of {blocks:?} blocks over {engines} engines: none may be 0"
            )));
        }
        let edges =
            shape.iter().zip(blocks).map(|(&len, &blocks)| even_edges(len, blocks.clamp(1, len.max(1)))).collect();
        Ok(Partition { edges, engines })
    }

    /// Cuts each axis at `edges[axis]`, which begins with 0, never falls, and ends with the axis's length.
    pub fn from_edges(shape: &[usize], edges: Vec<Vec<usize>>, engines: usize) -> Result<Partition> {
        let right = |(edges, &len): (&Vec<usize>, &usize)| {
            edges.len() >= 2 && edges[0] == 0 && edges.last() == Some(&len) && edges.is_sorted()
        };
        if engines == 0 || edges.len() != shape.len() || !edges.iter().zip(shape).all(right) {
            return Err(Error::invalid(format!("edges {edges:?} do not cut an array of shape {shape:?}")));
        }
        Ok(Partition { edges, engines })
    }

    /// Number of blocks along each axis.
    pub fn blocks_per_axis(&self) -> Vec<usize> {
        self.edges.iter().map(|edges| edges.len() - 1).collect()
    }

    /// The boundaries along `axis`, from 0 to its length.
    pub fn edges(&self, axis: usize) -> &[usize] {
        &self.edges[axis]
    }

    /// Whether this is a partition of arrays of `shape`.
    pub(crate) fn cuts(&self, shape: &[usize]) -> bool {
        self.edges.len() == shape.len()
            && self.edges.iter().zip(shape).all(|(edges, length)| edges.last() == Some(length))
    }

    /// The engine that the element at this index belongs to; `None` where there is no such element.
    pub(crate) fn engine_of(&self, index: &[usize]) -> Option<usize> {
        let mut number = 0;
        for (edges, &at) in self.edges.iter().zip(index) {
            // The last of the blocks that begin here, since those before it are empty.
            let block = edges.partition_point(|&edge| edge <= at).checked_sub(1)?;
            number = number * (edges.len() - 1) + block;
            if block + 1 == edges.len() {
                return None;
            }
        }
        Some(number % self.engines)
    }

    /// Number of engines that the blocks are dealt to.
    pub fn engines(&self) -> usize {
        self.engines
    }

    /// Number of blocks in all.
    pub fn len(&self) -> usize {
        self.edges.iter().map(|edges| edges.len() - 1).product()
    }

    /// Never: an empty array is one empty block.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The block with this number. Panics where there is none.
    #[track_caller]
    pub fn block(&self, number: usize) -> PartitionBlock {
        assert!(number < self.len(), "block {number} of a partition of {} blocks", self.len());
        let mut position = vec![0; self.edges.len()];
        let mut rest = number;
        for (place, edges) in position.iter_mut().zip(&self.edges).rev() {
            *place = rest % (edges.len() - 1);
            rest /= edges.len() - 1;
        }
        let ranges = position.iter().zip(&self.edges).map(|(&at, edges)| edges[at]..edges[at + 1]).collect();
        PartitionBlock { position, ranges, engine: number % self.engines }
    }

    /// All blocks, in the order of their numbers.
    pub fn blocks(&self) -> impl Iterator<Item = PartitionBlock> + '_ {
        (0..self.len()).map(|number| self.block(number))
    }
}

/// `0..=len` cut into `blocks` parts, the longer ones first.
fn even_edges(len: usize, blocks: usize) -> Vec<usize> {
    let (short, longer) = (len / blocks, len % blocks);
    (0..=blocks).map(|k| k * short + k.min(longer)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uneven_lengths_differ_by_one_at_most() {
        let partition = Partition::along(&[10, 4], 0, 3).unwrap();
        assert_eq!(partition.edges(0), [0, 4, 7, 10]);
        assert_eq!(partition.edges(1), [0, 4]);
        assert_eq!(partition.blocks().map(|b| b.engine).collect::<Vec<_>>(), [0, 1, 2]);
    }

    #[test]
    fn fewer_rows_than_engines_and_no_rows_at_all() {
        assert_eq!(Partition::along(&[2], 0, 7).unwrap().edges(0), [0, 1, 2]);
        assert_eq!(Partition::along(&[0, 3], 0, 4).unwrap().edges(0), [0, 0]);
        assert_eq!(Partition::along(&[], 0, 4).unwrap().len(), 1);
    }

    #[test]
    fn the_blocks_of_a_grid_tile_the_array() {
        let shape = [7, 5, 3];
        let partition = Partition::grid(&shape, &[3, 2, 1], 4).unwrap();
        assert_eq!(partition.blocks_per_axis(), [3, 2, 1]);
        let mut seen = ndarray::Array3::<u32>::zeros((7, 5, 3));
        for block in partition.blocks() {
            let r = &block.ranges;
            seen.slice_mut(ndarray::s![r[0].clone(), r[1].clone(), r[2].clone()]).mapv_inplace(|n| n + 1);
        }
        assert!(seen.iter().all(|&n| n == 1));
    }

    #[test]
    fn each_element_belongs_to_the_engine_of_its_block() {
        let edges = vec![vec![0, 2, 2, 5], vec![0, 1, 3]];
        let partition = Partition::from_edges(&[5, 3], edges, 4).unwrap();
        assert!(partition.cuts(&[5, 3]) && !partition.cuts(&[5, 4]) && !partition.cuts(&[5]));
        let owners = ndarray::Array2::from_shape_fn((5, 3), |(i, j)| partition.engine_of(&[i, j]).unwrap());
        let mut expected = ndarray::Array2::zeros((5, 3));
        for block in partition.blocks() {
            let r = &block.ranges;
            expected.slice_mut(ndarray::s![r[0].clone(), r[1].clone()]).fill(block.engine);
        }
        assert_eq!(owners, expected);
        assert_eq!((partition.engine_of(&[5, 0]), partition.engine_of(&[0, 3])), (None, None));
    }

    #[test]
    fn edges_must_cut_the_whole_axis() {
        assert!(Partition::from_edges(&[4], vec![vec![0, 1, 4]], 2).is_ok());
        for wrong in [vec![0, 3], vec![1, 4], vec![0, 3, 2, 4], vec![4]] {
            assert!(Partition::from_edges(&[4], vec![wrong], 2).is_err());
        }
        assert!(Partition::along(&[4], 1, 2).is_err());
    }
}
