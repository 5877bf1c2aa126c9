//! Operands in pieces against one row-major copy: extents, runs, and every kind of work that takes them, over random grids of blocks of any
//! strides.

use super::*;
use crate::Scalar;
use crate::scan::Scan;
use crate::segment::{Geometry, Segments};
use crate::work::pieces::{Gathering, Piece, Pieces, Source};
use crate::work::{Access, Extent, Operands, Run, Work, run_here};

/// An array twice: in row-major order, and in pieces, whose memory is kept.
struct Twice {
    whole: Vec<u128>,
    pieces: Pieces,
    _memory: Vec<Vec<u128>>,
}

impl Twice {
    fn whole(&self) -> *mut u8 {
        self.whole.as_ptr().cast_mut().cast()
    }
}

/// Edges along an axis, some of them twice.
fn edges(random: &mut Random, length: usize) -> Vec<usize> {
    let mut edges: Vec<usize> = (0..random.below(4)).map(|_| random.below(length + 1)).collect();
    edges.extend([0, length]);
    edges.sort_unstable();
    edges
}

/// Blocks in row-major order, column-major order, backwards, or with gaps, of elements whose bytes `fill` gives.
fn twice(random: &mut Random, size: usize, edges: &[Vec<usize>], plain: bool, fill: &[u8]) -> Twice {
    let shape: Vec<usize> = edges.iter().map(|edges| edges[edges.len() - 1]).collect();
    let bytes = shape.iter().product::<usize>() * size;
    let mut whole = vec![0u128; bytes.div_ceil(16) + 1];
    let at = whole.as_mut_ptr().cast::<u8>();
    // SAFETY: as many bytes of the vector.
    (0..bytes).for_each(|i| unsafe { at.add(i).write(fill[i % fill.len()]) });
    let counts: Vec<usize> = edges.iter().map(|edges| edges.len() - 1).collect();
    let (mut pieces, mut memory) = (Vec::new(), Vec::new());
    for number in 0..counts.iter().product::<usize>() {
        let mut rest = number;
        let mut ranges = vec![0..0; shape.len()];
        for (axis, range) in ranges.iter_mut().enumerate().rev() {
            let block = rest % counts[axis];
            rest /= counts[axis];
            *range = edges[axis][block]..edges[axis][block + 1];
        }
        let lengths: Vec<usize> = ranges.iter().map(|range| range.len()).collect();
        let way = if plain { 0 } else { random.below(4) };
        let mut order: Vec<usize> = (0..shape.len()).collect();
        if way == 1 {
            order.reverse();
        }
        let mut strides = vec![0isize; shape.len()];
        let mut step = (if way == 2 { 3 } else { 1 }) * size as isize;
        for &axis in order.iter().rev() {
            strides[axis] = step;
            step *= lengths[axis].max(1) as isize;
        }
        let mut block = vec![0u128; step.unsigned_abs().div_ceil(16) + 1];
        let mut first = block.as_mut_ptr().cast::<u8>();
        if way == 3 && !lengths.contains(&0) {
            for (stride, &length) in strides.iter_mut().zip(&lengths) {
                first = first.wrapping_offset((length as isize - 1) * *stride);
                *stride = -*stride;
            }
        }
        for flat in 0..lengths.iter().product::<usize>() {
            let (mut rest, mut to, mut from, mut step) = (flat, 0isize, 0usize, size);
            for axis in (0..shape.len()).rev() {
                let index = rest % lengths[axis];
                rest /= lengths[axis];
                to += index as isize * strides[axis];
                from += (ranges[axis].start + index) * step;
                step *= shape[axis];
            }
            // SAFETY: elements of the array and of the block.
            unsafe { std::ptr::copy_nonoverlapping(at.add(from), first.offset(to), size) };
        }
        pieces.push(Piece { at: first, strides });
        memory.push(block);
    }
    Twice { whole, pieces: Pieces::new(size, edges.to_vec(), pieces).unwrap(), _memory: memory }
}

fn noise(random: &mut Random) -> Vec<u8> {
    (0..997).map(|_| random.below(256) as u8).collect()
}

#[test]
fn extents_and_runs_have_the_bytes_of_a_whole() {
    let mut random = Random(11);
    for round in 0..300 {
        let size = [1, 2, 4, 8, 16][random.below(5)];
        let edges: Vec<Vec<usize>> = (0..random.below(5))
            .map(|_| {
                let length = random.below(7) + usize::from(round % 10 > 0);
                edges(&mut random, length)
            })
            .collect();
        let fill = noise(&mut random);
        let both = twice(&mut random, size, &edges, round % 3 == 0, &fill);
        let elements = both.pieces.bytes() / size;
        let sources = [Source::Pieces(&both.pieces)];
        // SAFETY: the pieces are kept, and nobody writes them.
        let gathering = unsafe { Gathering::new(&sources) };
        let bytes = |from: *const u8, n: usize| {
            // SAFETY: as many bytes as were asked for.
            unsafe { std::slice::from_raw_parts(from, n) }.to_vec()
        };
        for _ in 0..20 {
            if elements == 0 {
                continue;
            }
            let first = random.below(elements);
            let n = 1 + random.below(elements - first);
            let extent = Extent { low: (first * size) as isize, high: ((first + n) * size) as isize };
            let at = gathering.at(0, extent).wrapping_offset(extent.low);
            let wanted = bytes(both.whole().wrapping_offset(extent.low), n * size);
            assert_eq!(bytes(at, n * size), wanted, "{edges:?}, {first} and {n} more");
            assert!(at.addr().is_multiple_of(size.min(8)));
            if let Some(there) = gathering.in_place(0, extent) {
                assert_eq!(bytes(there.wrapping_offset(extent.low), n * size), wanted);
            }
            let runs: Vec<Run> = (0..3)
                .map(|_| {
                    let (first, step) = (random.below(elements), random.below(3));
                    let n = 1 + random.below((elements - first).div_ceil(step.max(1)).min(50));
                    Run { offset: (first * size) as isize, stride: (step * size) as isize, n }
                })
                .collect();
            let wanted: Vec<u8> = runs
                .iter()
                .flat_map(|run| (0..run.n).map(|nth| run.offset + nth as isize * run.stride))
                .flat_map(|offset| bytes(both.whole().wrapping_offset(offset), size))
                .collect();
            assert_eq!(bytes(gathering.packed(0, &runs), wanted.len()), wanted, "{edges:?}, {runs:?}");
        }
    }
}

#[test]
fn what_is_no_grid_is_refused() {
    let piece = |strides: &[isize]| Piece { at: std::ptr::null_mut(), strides: strides.to_vec() };
    assert!(Pieces::new(8, vec![vec![0, 2, 4]], vec![piece(&[8]), piece(&[8])]).is_ok());
    for (edges, pieces) in [
        (vec![vec![0, 4]], vec![]),
        (vec![vec![0, 4]], vec![piece(&[])]),
        (vec![vec![1, 4]], vec![piece(&[8])]),
        (vec![vec![4]], vec![]),
        (vec![vec![0, 3, 2]], vec![piece(&[8]), piece(&[8])]),
        (vec![vec![0, usize::MAX]], vec![piece(&[8])]),
        (vec![vec![0, 1 << 40], vec![0, 1 << 40]], vec![piece(&[8, 8])]),
        (vec![vec![0, 1 << 20]], vec![piece(&[isize::MAX])]),
    ] {
        assert!(Pieces::new(8, edges.clone(), pieces).is_err(), "{edges:?}");
    }
    assert!(Pieces::new(3, vec![vec![0, 4]], vec![piece(&[3])]).is_err());
}

/// Runs a work over the whole arrays and over the pieces, and compares the bits.
fn same(work: &dyn Work, operands: &[&Twice], what: &str) {
    same_with(work, operands, &[], what);
}

/// [`same`], with operands behind the results.
fn same_with(work: &dyn Work, operands: &[&Twice], last: &[*mut u8], what: &str) {
    let run = |in_pieces: bool| -> Vec<Vec<u128>> {
        let written = work.operands().into_iter().filter(|operand| operand.access == Access::Write);
        let mut results: Vec<Vec<u128>> = written
            .map(|operand| {
                assert!(operand.extent.low >= 0);
                vec![0u128; (operand.extent.high as usize).div_ceil(16) + 8]
            })
            .collect();
        let whole = |twice: &&&Twice| Source::At(twice.whole());
        let mut sources: Vec<Source<'_>> = match in_pieces {
            true => operands.iter().map(|twice| Source::Pieces(&twice.pieces)).collect(),
            false => operands.iter().map(|twice| whole(&twice)).collect(),
        };
        // On a border of 64, which stores of whole lines want.
        let border = |result: &mut Vec<u128>| {
            let at = result.as_mut_ptr().cast::<u8>();
            at.wrapping_add(at.align_offset(64))
        };
        sources.extend(results.iter_mut().map(|result| Source::At(border(result))));
        sources.extend(last.iter().map(|&at| Source::At(at)));
        // SAFETY: the arrays are kept; the results take what the work writes.
        let _ = unsafe { run_here(work, &Gathering::new(&sources)) };
        results
            .iter_mut()
            .map(|result| {
                let (at, all) = (border(result), result.len() * 16);
                let n = all - (at.addr() - result.as_ptr().addr());
                // SAFETY: bytes of the vector.
                unsafe { std::slice::from_raw_parts(at, n) }.iter().map(|&byte| u128::from(byte)).collect()
            })
            .collect()
    };
    let (whole, pieces) = (run(false), run(true));
    for (whole, pieces) in whole.iter().zip(&pieces) {
        let n = whole.len().min(pieces.len()) - 48;
        assert!(whole[..n] == pieces[..n], "{what}: other bits of an operand in pieces");
    }
}

fn doubles() -> Vec<u8> {
    (0..1009).flat_map(|i| ((i as f64 * 0.7).sin() * 1e3).to_ne_bytes()).collect()
}

#[test]
fn folds_give_the_bits_of_a_whole() {
    let mut random = Random(3);
    for (shape, axes) in [
        (vec![182_001], vec![0]),
        (vec![260, 700], vec![0]),
        (vec![260, 700], vec![1]),
        (vec![40, 9000], vec![0]),
        (vec![26_000, 7], vec![0]),
        (vec![26_000, 7], vec![1]),
        (vec![7, 26_000], vec![0]),
        (vec![20, 65, 140], vec![1]),
        (vec![20, 65, 140], vec![0, 2]),
        (vec![300, 5, 140], vec![0, 2]),
        (vec![20, 65, 140], vec![0, 1, 2]),
    ] {
        let cut: Vec<Vec<usize>> = shape.iter().map(|&length| edges(&mut random, length)).collect();
        for plain in [true, false] {
            let both = twice(&mut random, 8, &cut, plain, &doubles());
            for fold in [Fold::Sum, Fold::Max, Fold::ArgMin, Fold::Std { ddof: 1.0 }] {
                for op in [None, Some(Op::Square)] {
                    let program = op.map_or(identity(DType::F64), |op| one(op, &[DType::F64], DType::F64));
                    let plan = Plan::fold(program, &shape, &[Layout::row_major(&shape)], fold, &axes).unwrap();
                    same(&plan, &[&both], &format!("{fold:?} of {op:?} of {cut:?} along {axes:?}"));
                }
            }
        }
    }
}

#[test]
fn maps_give_the_bits_of_a_whole() {
    let mut random = Random(4);
    let (n, m) = (300, 410);
    let shape = [n, m];
    let line = Layout::row_major(&shape);
    let turned = Layout { strides: vec![1, n as isize] };
    let one_row = Layout { strides: vec![0, 1] };
    let one_column = Layout { strides: vec![1, 0] };
    let mut array = |lengths: &[usize]| {
        let cut: Vec<Vec<usize>> = lengths.iter().map(|&length| edges(&mut random, length)).collect();
        twice(&mut random, 8, &cut, false, &doubles())
    };
    let (a, b, t, row, column) = (array(&[n, m]), array(&[n, m]), array(&[m, n]), array(&[m]), array(&[n]));
    for output in [&line, &turned] {
        for (what, operands, layouts) in [
            ("two", [&a, &b], [&line, &line]),
            ("one turned", [&a, &t], [&line, &turned]),
            ("the first turned", [&t, &a], [&turned, &line]),
            ("a row", [&a, &row], [&line, &one_row]),
            ("a column", [&a, &column], [&line, &one_column]),
        ] {
            let program = one(Op::Add, &[DType::F64; 2], DType::F64);
            let layouts = layouts.map(Clone::clone);
            let plan = Plan::map(program, &shape, &layouts, std::slice::from_ref(output)).unwrap();
            assert!(plan.chunks() > 2);
            same(&plan, &operands, &format!("{what}, into {output:?}"));
        }
    }
}

#[test]
fn scans_give_the_bits_of_a_whole() {
    let mut random = Random(5);
    for [outer, length, inner] in
        [[1, 70_000, 1], [3, 30_003, 1], [40, 1000, 1], [2, 9000, 5], [1, 6000, 40], [1, 5000, 1300], [2, 3, 1]]
    {
        let shape = [outer, length, inner];
        let cut: Vec<Vec<usize>> = shape.iter().map(|&length| edges(&mut random, length)).collect();
        let both = twice(&mut random, 8, &cut, false, &doubles());
        let initial = Scalar { dtype: DType::F64, bytes: 1.5f64.scalar().unwrap().bytes };
        for (op, dtype, initial) in [
            (Op::Add, DType::F64, None),
            (Op::Maximum, DType::F64, Some(initial)),
            (Op::Mul, DType::I64, None),
            (Op::Sub, DType::F64, None),
            (Op::Sub, DType::F64, Some(initial)),
        ] {
            let geometry = Geometry {
                outer: vec![(outer, (length * inner) as isize)],
                length,
                stride: if inner == 1 { 1 } else { inner as isize },
                inner,
                side_by_side: Some(outer * length * inner),
            };
            let scan = Scan::new(op, dtype, geometry, initial, false, 2).unwrap().unwrap();
            same(&scan, &[&both], &format!("{op:?} of {cut:?}, initial {}", initial.is_some()));
        }
    }
}

#[test]
fn segments_give_the_bits_of_a_whole() {
    let mut random = Random(6);
    for [outer, length, inner] in
        [[1, 70_000, 1], [3, 30_003, 1], [40, 1000, 1], [2, 9000, 5], [1, 5000, 300], [2, 3, 1]]
    {
        let shape = [outer, length, inner];
        let cut: Vec<Vec<usize>> = shape.iter().map(|&length| edges(&mut random, length)).collect();
        let both = twice(&mut random, 8, &cut, false, &doubles());
        for (count, sorted) in [(1, false), (7, true), (7, false), (3000, true), (200, false)] {
            let mut starts: Vec<i64> = (0..count).map(|_| random.below(length) as i64).collect();
            if sorted {
                starts.sort_unstable();
            }
            for (op, dtype) in [(Op::Add, DType::F64), (Op::Maximum, DType::I64), (Op::Sub, DType::F64)] {
                let geometry = Geometry {
                    outer: vec![(outer, (length * inner) as isize)],
                    length,
                    stride: if inner == 1 { 1 } else { inner as isize },
                    inner,
                    side_by_side: Some(outer * length * inner),
                };
                let plan = Segments::new(op, dtype, geometry, count, DType::I64).unwrap().unwrap();
                let what = format!("{op:?} of {count} segments of {cut:?}, sorted {sorted}");
                same_with(&plan, &[&both], &[starts.as_ptr().cast_mut().cast()], &what);
            }
        }
    }
}
