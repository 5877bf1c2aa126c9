//! Whose each chunk of a job is: the engine's whose block of the array it works on, so that an engine finds in its caches, and on its
//! memory's side of the machine, what it has computed before.

use std::sync::Arc;

use crate::array::blocks::grid::Grid;
use crate::array::blocks::partition::Partition;
use crate::array::shape::dims::{Dims, row_major, volume};
use crate::array::storage::store::Leaf;
use kernels::work::Work;

/// Below this much memory traffic chunks are handed out in order: what is in a cache is in one that all share.
pub(in crate::array) const FROM: usize = 8 << 20;

/// The array by whose blocks chunks are dealt out.
pub(in crate::array) struct Placed {
    /// Its number among the operands.
    operand: usize,
    shape: Dims,
    /// In bytes.
    strides: Dims<isize>,
    /// How it is cut, where that was said.
    partition: Option<Arc<Partition>>,
    bytes: usize,
}

impl Placed {
    /// This one, which is operand number `operand`.
    pub(in crate::array) fn new(operand: usize, leaf: &Leaf) -> Placed {
        let parts = (&leaf.shape, &leaf.strides, leaf.dtype.size());
        Placed::parts(operand, parts, leaf.partition.clone())
    }

    /// An array in several blocks, which is operand number `operand`.
    pub(in crate::array) fn of_grid(operand: usize, grid: &Grid, engines: usize) -> Placed {
        let parts = (&grid.shape, &row_major(&grid.shape), grid.dtype.size());
        Placed::parts(operand, parts, grid.partition(engines).map(Arc::new))
    }

    fn parts(
        operand: usize,
        (shape, strides, size): (&Dims, &Dims<isize>, usize),
        partition: Option<Arc<Partition>>,
    ) -> Placed {
        let bytes = volume(shape) * size;
        let strides = Dims::from_fn(strides.len(), |axis| strides[axis] * size as isize);
        Placed { operand, shape: shape.clone(), strides, partition, bytes }
    }

    /// The largest; of equal ones, the one that comes last.
    pub(in crate::array) fn largest(all: impl Iterator<Item = Placed>) -> Option<Placed> {
        all.max_by_key(|placed| placed.bytes)
    }

    /// The engine whose block the element lies in that is so many bytes behind the first one; `None` where strides do not tell which it is.
    fn owner(&self, partition: &Partition, mut bytes: usize, axes: &[usize], position: &mut [usize]) -> Option<usize> {
        for &axis in axes {
            let step = usize::try_from(self.strides[axis]).ok()?;
            position[axis] = bytes.checked_div(step)?;
            bytes %= step;
        }
        partition.engine_of(position)
    }
}

/// How the chunks of a job are dealt out to engines.
#[derive(Debug, Default, PartialEq)]
pub(in crate::array) struct Deal {
    /// Behind which turn the lane of each engine but the last ends; empty: they have no lanes.
    pub(in crate::array) lanes: Vec<u32>,
    /// Which chunk's turn it is, as first chunk and number of chunks that follow each other; empty: each is its own.
    pub(in crate::array) runs: Vec<(u32, u32)>,
}

impl Deal {
    /// Equal shares.
    pub(in crate::array) fn even(engines: usize, chunks: usize) -> Deal {
        Deal { lanes: (1..engines).map(|engine| (chunks * engine / engines) as u32).collect(), runs: Vec::new() }
    }

    /// By the engines of an array's `rows` rows of equal length, one after the other, each cut into blocks of them.
    pub(in crate::array) fn of_rows(engines: usize, rows: usize, chunks: usize) -> Deal {
        let Ok(partition) = Partition::along(&[rows], 0, engines) else { return Deal::default() };
        let blocks = partition.edges(0);
        let end = |engine: usize| blocks[engine.min(blocks.len() - 1)] as u128 * chunks as u128 / rows.max(1) as u128;
        Deal { lanes: (1..engines).map(|engine| end(engine) as u32).collect(), runs: Vec::new() }
    }

    /// By the blocks of an array that the chunks of a phase, of `grain` units each, work on; equal shares where that does not tell.
    pub(in crate::array) fn new(
        engines: usize,
        bytes: usize,
        (work, nth): (&dyn Work, usize),
        (units, grain): (usize, usize),
        placed: Option<&Placed>,
    ) -> Deal {
        if engines < 2 || bytes < FROM || work.is_ordered(nth) {
            return Deal::default();
        }
        let chunks = units.div_ceil(grain);
        let owners = placed.and_then(|placed| owners(engines, (work, nth), (units, grain), placed));
        owners.map_or_else(|| Deal::even(engines, chunks), |owners| Deal::of(engines, &owners))
    }

    /// Of chunks with these owners.
    fn of(engines: usize, owners: &[usize]) -> Deal {
        let mut lanes = vec![0; engines];
        owners.iter().for_each(|&owner| lanes[owner] += 1);
        for engine in 1..engines {
            lanes[engine] += lanes[engine - 1];
        }
        lanes.pop();
        let mut runs: Vec<(u32, u32)> = Vec::new();
        if !owners.is_sorted() {
            let mut order: Vec<u32> = (0..owners.len() as u32).collect();
            order.sort_by_key(|&chunk| owners[chunk as usize]);
            for chunk in order {
                match runs.last_mut() {
                    Some((first, count)) if *first + *count == chunk => *count += 1,
                    _ => runs.push((chunk, 1)),
                }
            }
        }
        Deal { lanes, runs }
    }

    /// Whose turn comes `turn`th, of so many chunks.
    pub(in crate::array) fn order(&self, chunks: u32) -> Order {
        Order::new(&self.runs, chunks).unwrap_or_default()
    }
}

/// The chunk of each turn.
#[derive(Debug, Default)]
pub(in crate::array) struct Order(Vec<u32>);

impl Order {
    /// From runs of chunks; `None` where they are not `chunks` chunks, each of them once.
    pub(in crate::array) fn new(runs: &[(u32, u32)], chunks: u32) -> Option<Order> {
        if runs.is_empty() {
            return Some(Order(Vec::new()));
        }
        let mut seen = vec![false; chunks as usize];
        let mut order = Vec::with_capacity(chunks as usize);
        for &(first, count) in runs {
            let run = first..first.checked_add(count).filter(|&end| end <= chunks)?;
            for chunk in run {
                if std::mem::replace(&mut seen[chunk as usize], true) {
                    return None;
                }
                order.push(chunk);
            }
        }
        (order.len() == chunks as usize).then_some(Order(order))
    }

    /// The chunk of this turn.
    pub(in crate::array) fn chunk(&self, turn: u32) -> u32 {
        self.0.get(turn as usize).copied().unwrap_or(turn)
    }
}

/// The owner of each chunk; `None` where the array's blocks do not tell.
fn owners(
    engines: usize,
    (work, nth): (&dyn Work, usize),
    (units, grain): (usize, usize),
    placed: &Placed,
) -> Option<Vec<usize>> {
    let Placed { operand, shape, strides, .. } = placed;
    let standard;
    let partition = match &placed.partition {
        Some(partition) if partition.cuts(shape) => &**partition,
        _ => {
            standard = Partition::along(shape, 0, engines).ok()?;
            &standard
        }
    };
    let mut axes: Vec<usize> = (0..shape.len()).filter(|&axis| shape[axis] > 1).collect();
    axes.sort_by_key(|&axis| std::cmp::Reverse(strides[axis]));
    let all = work.operands().get(*operand)?.extent;
    let share = (all.high - all.low).max(0) as usize / units.max(1);
    // Along axes of one index the position stays 0.
    let mut position = vec![0; shape.len()];
    let mut owner = |chunk: usize| {
        let first = chunk * grain;
        let unit = first + (grain.min(units - first)) / 2;
        let touched = work.touches(nth, unit.min(units - 1), *operand);
        let (low, high) = (usize::try_from(touched.low).ok()?, usize::try_from(touched.high).ok()?);
        // What reaches over a good part of the array is no block's.
        if high <= low || high - low > share.saturating_mul(4).max(64 << 10) {
            return None;
        }
        placed.owner(partition, low + (high - low) / 2, &axes, &mut position).filter(|&engine| engine < engines)
    };
    (0..units.div_ceil(grain)).map(&mut owner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_lie_in_the_lanes_of_their_owners() {
        assert_eq!(Deal::even(3, 10), Deal { lanes: vec![3, 6], runs: vec![] });
        assert_eq!(Deal::of_rows(3, 30, 10), Deal::even(3, 10));
        assert_eq!(Deal::of_rows(3, 4, 100).lanes, [50, 75]);
        assert_eq!(Deal::of_rows(3, 2, 100).lanes, [50, 100]);
        assert_eq!(Deal::of(3, &[0, 0, 1, 2, 2]), Deal { lanes: vec![2, 3], runs: vec![] });
        let dealt = Deal::of(3, &[2, 0, 0, 2, 0, 2]);
        assert_eq!(dealt, Deal { lanes: vec![3, 3], runs: vec![(1, 2), (4, 1), (0, 1), (3, 1), (5, 1)] });
        let order = dealt.order(6);
        assert_eq!([0, 1, 2, 3, 4, 5].map(|turn| order.chunk(turn)), [1, 2, 4, 0, 3, 5]);
    }

    #[test]
    fn an_order_has_each_chunk_once() {
        assert!(Order::new(&[(1, 2), (0, 1)], 3).is_some());
        for wrong in [&[(0, 2)][..], &[(0, 2), (1, 2)], &[(0, 4)], &[(2, u32::MAX)], &[(0, 3), (0, 1)]] {
            assert!(Order::new(wrong, 3).is_none(), "{wrong:?}");
        }
        assert_eq!(Order::default().chunk(7), 7);
    }
}
