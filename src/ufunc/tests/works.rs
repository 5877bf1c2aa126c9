//! Every kind of work keeps the protocol: a unit sees no byte of an operand but those that it says it touches, units of a phase run in any
//! order and again, and the results have the bits of a plain run. Descriptions whose bits were changed are refused, or stay within the
//! extents that they tell.

use super::*;
use crate::Scalar;
use crate::matrix::{Operand as Side, Product};
use crate::scan::Scan;
use crate::scatter::Scatter;
use crate::segment::{Geometry, Segments};
use crate::work::wire::{Reader, Writer};
use crate::work::{Access, Extent, Operands, Room, Run, Verdict, Work, decode};
use std::cell::RefCell;

/// Bytes on both sides of what a unit is shown.
const GUARD: usize = 512;
const POISON: u8 = 0xa5;

/// An operand's bytes, on borders of 64, and which byte of its extent is the first of them.
struct Memory {
    words: Vec<[u64; 8]>,
    extent: Extent,
}

impl Memory {
    fn new(extent: Extent, bytes: impl Fn(usize) -> u8) -> Memory {
        let mut words = vec![[0u64; 8]; ((extent.high - extent.low) as usize).div_ceil(64) + 1];
        let raw = words.as_mut_ptr().cast::<u8>();
        // SAFETY: bytes of the vector, one after the other.
        (0..words.len() * 64).for_each(|at| unsafe { raw.add(at).write(bytes(at)) });
        Memory { words, extent }
    }

    /// The pointer from which the extent's bytes lie at their offsets.
    fn pointer(&self) -> *mut u8 {
        self.words.as_ptr().cast_mut().cast::<u8>().wrapping_offset(-self.extent.low)
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: the vector's bytes.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr().cast(), (self.extent.high - self.extent.low) as usize) }
    }
}

/// A copy of an extent of an operand.
type Copy = (usize, Extent, Vec<[u64; 8]>);

/// What one unit sees: copies of the extents that it asks for, with poison around them.
struct Shown<'a> {
    operands: &'a [(Access, Memory)],
    /// Bytes of an element of each.
    sizes: &'a [usize],
    /// Whether what is read is said to lie in pieces.
    in_pieces: bool,
    copies: RefCell<Vec<Copy>>,
}

impl Operands for Shown<'_> {
    fn at(&self, operand: usize, extent: Extent) -> *mut u8 {
        let (_, memory) = &self.operands[operand];
        assert!(memory.extent.holds(extent), "operand {operand}: {extent:?} of {:?}", memory.extent);
        let len = (extent.high - extent.low).max(0) as usize;
        // As far from a border of 64 as the operand itself is.
        let head = GUARD + (extent.low.rem_euclid(64)) as usize;
        let mut copy = vec![[u64::from_ne_bytes([POISON; 8]); 8]; (head + len + GUARD).div_ceil(64)];
        let raw = copy.as_mut_ptr().cast::<u8>();
        // SAFETY: the extent lies in the operand, and behind the head there is room for it.
        unsafe { std::ptr::copy_nonoverlapping(memory.pointer().wrapping_offset(extent.low), raw.add(head), len) };
        let pointer = raw.wrapping_add(head).wrapping_offset(-extent.low);
        self.copies.borrow_mut().push((operand, extent, copy));
        pointer
    }

    fn in_place(&self, operand: usize, extent: Extent) -> Option<*mut u8> {
        let (access, _) = &self.operands[operand];
        (!self.in_pieces || *access == Access::Write).then(|| self.at(operand, extent))
    }

    fn packed(&self, operand: usize, runs: &[Run]) -> *const u8 {
        let (_, memory) = &self.operands[operand];
        let size = self.sizes[operand];
        let len = runs.iter().map(|run| run.n).sum::<usize>() * size;
        let mut copy = vec![[u64::from_ne_bytes([POISON; 8]); 8]; (GUARD + len + GUARD).div_ceil(64)];
        let raw = copy.as_mut_ptr().cast::<u8>().wrapping_add(GUARD);
        let mut done = 0;
        for run in runs.iter().filter(|run| run.n > 0) {
            let last = run.offset + (run.n as isize - 1) * run.stride;
            let extent = Extent { low: run.offset.min(last), high: run.offset.max(last) + size as isize };
            assert!(memory.extent.holds(extent), "operand {operand}: {run:?} of {:?}", memory.extent);
            // Those side by side at once.
            let (times, bytes) = if run.stride == size as isize { (1, run.n * size) } else { (run.n, size) };
            for nth in 0..times {
                let from = memory.pointer().wrapping_offset(run.offset + nth as isize * run.stride);
                // SAFETY: elements of the operand; there is room for all of the runs.
                unsafe { std::ptr::copy_nonoverlapping(from, raw.add(done), bytes) };
                done += bytes;
            }
        }
        self.copies.borrow_mut().push((operand, Extent { low: 0, high: len as isize }, copy));
        raw
    }
}

impl Shown<'_> {
    /// Takes what was written back, and looks whether anything else was.
    fn take_back(self) {
        for (operand, extent, copy) in self.copies.into_inner() {
            let (access, memory) = &self.operands[operand];
            let (head, len) = (GUARD + extent.low.rem_euclid(64) as usize, (extent.high - extent.low).max(0) as usize);
            // SAFETY: the copy's bytes.
            let bytes = unsafe { std::slice::from_raw_parts(copy.as_ptr().cast::<u8>(), copy.len() * 64) };
            let around = bytes[..head].iter().chain(&bytes[head + len..]);
            assert!(around.copied().all(|byte| byte == POISON), "operand {operand}: written beyond {extent:?}");
            let original = memory.pointer().wrapping_offset(extent.low);
            if *access == Access::Write {
                // SAFETY: the extent lies in the operand.
                unsafe { std::ptr::copy_nonoverlapping(bytes[head..].as_ptr(), original, len) };
            }
        }
    }
}

/// Runs all phases, their units in another order and each of them `times` times, on what they touch alone.
fn run_shown(
    work: &dyn Work,
    operands: &[(Access, Memory)],
    (times, in_pieces): (usize, bool),
    random: &mut Random,
) -> Verdict {
    let sizes: Vec<usize> = work.operands().iter().map(|operand| operand.dtype.size()).collect();
    let all: Vec<*mut u8> = operands.iter().map(|(_, memory)| memory.pointer()).collect();
    let mut memory = Vec::new();
    let mut rooms: Vec<Room> = Vec::new();
    // SAFETY: operands of the work's extents; rooms as the phases say.
    unsafe {
        let mut nth = 0;
        while let Some(phase) = work.phase(nth, &all.as_slice(), &rooms) {
            let mut room = vec![crate::stream::Line([0xcc_u8; 64]); phase.scratch.div_ceil(64)];
            let at = room.as_mut_ptr().cast::<u8>();
            at.write_bytes(0, phase.zeroed);
            rooms.push(Room { at, len: phase.scratch });
            memory.push(room);
            let mut order: Vec<usize> = (0..phase.units).flat_map(|unit| std::iter::repeat_n(unit, times)).collect();
            for at in (1..order.len()).rev() {
                order.swap(at, random.below(at + 1));
            }
            for unit in order {
                let shown = Shown { operands, sizes: &sizes, in_pieces, copies: RefCell::new(Vec::new()) };
                work.run(nth, unit, &shown, &rooms);
                shown.take_back();
            }
            nth += 1;
        }
        work.verdict(&rooms)
    }
}

fn operands_of(work: &dyn Work, fill: &[(usize, Vec<u8>)]) -> Vec<(Access, Memory)> {
    let given = |nth: usize| fill.iter().find(|(operand, _)| *operand == nth).map(|(_, bytes)| bytes);
    let memory = |(nth, operand): (usize, crate::work::Operand)| {
        let memory = match (operand.access, given(nth)) {
            (Access::Read, Some(bytes)) => Memory::new(operand.extent, |at| bytes.get(at).copied().unwrap_or(0)),
            (Access::Read, None) => {
                Memory::new(operand.extent, |at| (at as u64).wrapping_mul(0x9e37_79b9) as u8 & 0x3f)
            }
            (Access::Write, _) => Memory::new(operand.extent, |_| 0xee),
        };
        (operand.access, memory)
    };
    work.operands().into_iter().enumerate().map(memory).collect()
}

/// Holds a work to the protocol, and gives the results of a plain run.
fn hold(work: &dyn Work, fill: &[(usize, Vec<u8>)], what: &str) -> Vec<Vec<u8>> {
    let plain = operands_of(work, fill);
    let pointers: Vec<*mut u8> = plain.iter().map(|(_, memory)| memory.pointer()).collect();
    // SAFETY: operands of the work's extents.
    let verdict = unsafe { crate::work::run_here(work, &pointers.as_slice()) };
    let results = |operands: &[(Access, Memory)]| -> Vec<Vec<u8>> {
        let written = operands.iter().filter(|(access, _)| *access == Access::Write);
        written.map(|(_, memory)| memory.bytes().to_vec()).collect()
    };
    let wanted = results(&plain);
    for (times, in_pieces) in [(1, false), (2, false), (1, true)] {
        let shown = operands_of(work, fill);
        let mut random = Random(times as u64);
        assert_eq!(run_shown(work, &shown, (times, in_pieces), &mut random), verdict, "{what}");
        assert!(results(&shown) == wanted, "{what}: other bits, each unit {times} times, in pieces: {in_pieces}");
    }
    let mut words = Writer::new();
    if work.encode(&mut words) {
        let bytes = words.finish();
        let mut words = Reader::new(&bytes);
        let again = decode(&mut words).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(words.is_empty(), "{what}: words are left");
        let operands = operands_of(&*again, fill);
        let pointers: Vec<*mut u8> = operands.iter().map(|(_, memory)| memory.pointer()).collect();
        // SAFETY: as above.
        assert_eq!(unsafe { crate::work::run_here(&*again, &pointers.as_slice()) }, verdict, "{what}");
        assert!(results(&operands) == wanted, "{what}: other bits of the description");
        forge(&bytes, what);
    }
    wanted
}

/// Descriptions of which one bit is another are refused, or tell extents that hold what their units touch.
fn forge(bytes: &[u8], what: &str) {
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        let Ok(work) = decode(&mut Reader::new(&changed)) else { continue };
        let operands = work.operands();
        let none: [*mut u8; 0] = [];
        // SAFETY: the first phase is told without a look at operands or rooms.
        let Some(phase) = (unsafe { work.phase(0, &none.as_slice(), &[]) }) else { continue };
        for unit in [0, phase.units / 2, phase.units.saturating_sub(1)] {
            for (nth, operand) in operands.iter().enumerate() {
                let touched = work.touches(0, unit, nth);
                assert!(operand.extent.holds(touched), "{what}, bit {bit}: {touched:?} of {:?}", operand.extent);
            }
        }
    }
    for length in (0..bytes.len()).step_by(8) {
        assert!(decode(&mut Reader::new(&bytes[..length])).is_err(), "{what}: {length} bytes of it");
    }
}

fn doubles(n: usize) -> Vec<u8> {
    (0..n).flat_map(|i| ((i as f64 * 0.7).sin() * 1e3).to_ne_bytes()).collect()
}

#[test]
fn maps() {
    let add = || one(Op::Add, &[DType::F64; 2], DType::F64);
    let rows = |strides: &[isize]| Layout { strides: strides.to_vec() };
    let n = 300;
    let shape = [n, n];
    let (line, turned) = (rows(&[n as isize, 1]), rows(&[1, n as isize]));
    let out = [Layout::row_major(&shape)];
    let x = doubles(n * n);
    for (what, inputs) in [
        ("rows", [line.clone(), line.clone()]),
        ("a turned operand", [line.clone(), turned.clone()]),
        ("two turned operands", [turned.clone(), turned.clone()]),
        ("a broadcast row", [line.clone(), rows(&[0, 1])]),
        ("a broadcast column", [line.clone(), rows(&[1, 0])]),
        ("backwards", [line.clone(), rows(&[-(n as isize), 1])]),
        ("backwards along both", [rows(&[-(n as isize), -1]), rows(&[-(n as isize), -1])]),
    ] {
        let plan = Plan::map(add(), &shape, &inputs, &out).unwrap();
        assert!(plan.chunks() > 2);
        hold(&plan, &[(0, x.clone()), (1, x.clone())], what);
    }
    let divide = one(Op::Div, &[DType::I32; 2], DType::I32);
    let plan = Plan::map(divide, &[70_000], &[rows(&[1]), rows(&[1])], &[rows(&[1])]).unwrap();
    hold(&plan, &[], "division by zero somewhere");
}

#[test]
fn folds() {
    let x = doubles(260 * 700);
    for (shape, axes) in [
        (vec![182_000], vec![0]),
        (vec![260, 700], vec![0]),
        (vec![260, 700], vec![1]),
        (vec![26_000, 7], vec![0]),
        (vec![26_000, 7], vec![1]),
        (vec![7, 26_000], vec![0]),
        (vec![7, 26_000], vec![1]),
        (vec![20, 65, 140], vec![1]),
        (vec![20, 65, 140], vec![0, 2]),
        (vec![20, 65, 140], vec![0, 1, 2]),
    ] {
        for fold in [Fold::Sum, Fold::Max, Fold::ArgMin, Fold::Std { ddof: 1.0 }] {
            for reversed in [false, true] {
                let mut layout = Layout::row_major(&shape);
                if reversed {
                    layout.strides[0] = -layout.strides[0];
                }
                let plan = Plan::fold(identity(DType::F64), &shape, &[layout], fold, &axes).unwrap();
                hold(&plan, &[(0, x.clone())], &format!("{fold:?} of {shape:?} along {axes:?}, reversed {reversed}"));
            }
        }
    }
}

fn geometry(shape: [usize; 3]) -> Geometry {
    let [outer, length, inner] = shape;
    Geometry {
        outer: vec![(outer, (length * inner) as isize)],
        length,
        stride: if inner == 1 { 1 } else { inner as isize },
        inner,
        side_by_side: Some(outer * length * inner),
    }
}

const SHAPES: [[usize; 3]; 7] =
    [[1, 70_000, 1], [3, 30_003, 1], [40, 1000, 1], [2, 9000, 5], [1, 6000, 40], [1, 500, 300], [2, 3, 1]];

#[test]
fn scans() {
    for shape in SHAPES {
        let n: usize = shape.iter().product();
        let initial = Scalar { dtype: DType::F64, bytes: pad(&1.5f64.to_ne_bytes()) };
        for (op, dtype, initial) in [
            (Op::Add, DType::F64, None),
            (Op::Maximum, DType::F64, None),
            (Op::Add, DType::F64, Some(initial)),
            (Op::Mul, DType::I32, None),
            (Op::Sub, DType::F64, None),
        ] {
            let mut geometry = geometry(shape);
            if initial.is_some() {
                geometry.side_by_side = None;
            }
            let scan = Scan::new(op, dtype, geometry, initial, false, 2).unwrap().unwrap();
            hold(
                &scan,
                &[(0, doubles(n))],
                &format!("{op:?} of {dtype:?} along {shape:?}, initial {}", initial.is_some()),
            );
        }
    }
}

fn pad(bytes: &[u8]) -> [u8; 16] {
    let mut padded = [0; 16];
    padded[..bytes.len()].copy_from_slice(bytes);
    padded
}

#[test]
fn segments() {
    let mut random = Random(5);
    for shape in SHAPES {
        let n: usize = shape.iter().product();
        for count in [1, 7, 300, 3000] {
            let ends = [0, shape[1] - 1];
            let mut starts: Vec<i64> =
                (0..count).map(|i| if i < 2 { ends[i] as i64 } else { random.below(shape[1]) as i64 }).collect();
            // Of that many in no order, most would be a large part of the axis.
            if count == 3000 {
                starts.sort_unstable();
            }
            let bytes: Vec<u8> = starts.iter().flat_map(|start| start.to_ne_bytes()).collect();
            for (op, dtype) in [(Op::Add, DType::F64), (Op::Maximum, DType::I32), (Op::Sub, DType::F64)] {
                let plan = Segments::new(op, dtype, geometry(shape), count, DType::I64).unwrap().unwrap();
                let what = format!("{op:?} of {dtype:?}, {count} segments of {shape:?}");
                hold(&plan, &[(0, doubles(n)), (2, bytes.clone())], &what);
            }
        }
    }
    let outside: Vec<u8> = [0i32, 5, 70_000].iter().flat_map(|start| start.to_ne_bytes()).collect();
    let plan = Segments::new(Op::Add, DType::F64, geometry([1, 70_000, 1]), 3, DType::I32).unwrap().unwrap();
    hold(&plan, &[(0, doubles(70_000)), (2, outside)], "an index out of bounds");
}

#[test]
fn updates() {
    let mut random = Random(6);
    for (places, row, updates) in
        [(100, 1, 50_000), (3000, 1, 40_000), (5_000_000, 1, 40_000), (50, 1, 300), (64, 20, 3000), (40_000, 1, 20_000)]
    {
        let indices: Vec<u8> =
            (0..updates).flat_map(|_| (random.below(2 * places) as i64 - places as i64).to_ne_bytes()).collect();
        for (own, op, dtype) in [
            (true, Op::Add, DType::F64),
            (false, Op::Add, DType::F64),
            (true, Op::Sub, DType::I32),
            (true, Op::Hypot, DType::F64),
        ] {
            let plan = Scatter::new(op, [dtype; 2], [places, row, updates], own, DType::I64).unwrap().unwrap();
            let plan = plan.among(2).elsewhere();
            let what = format!("{op:?} of {dtype:?}: {updates} updates of {places} x {row}, own {own}");
            let values = doubles(if own { updates * row } else { row });
            hold(&plan, &[(2, indices.clone()), (3, values)], &what);
        }
    }
    let plan = Scatter::new(Op::Add, [DType::F64; 2], [100, 1, 3], true, DType::I32).unwrap().unwrap().elsewhere();
    let outside: Vec<u8> = [0i32, 100, 5].iter().flat_map(|index| index.to_ne_bytes()).collect();
    hold(&plan, &[(2, outside), (3, doubles(3))], "an index out of bounds");
}

#[test]
fn products() {
    for ([rows, depth, columns], turned) in
        [([50, 60, 70], false), ([300, 20, 260], true), ([3, 9000, 4], false), ([1, 0, 5], false), ([400, 3, 1], true)]
    {
        let side = |own: isize, common: isize| Side { leading: vec![(7 * rows * depth) as isize], own, common };
        let left = if turned { side(1, rows as isize) } else { side(depth as isize, 1) };
        let right = Side { leading: vec![0], own: 1, common: columns as isize };
        for dtype in [DType::F64, DType::I32] {
            let product =
                Product::new(dtype, vec![2], [rows, depth, columns], [left.clone(), right.clone()], 2).unwrap();
            hold(&product, &[], &format!("{rows} x {depth} x {columns} of {dtype:?}"));
        }
    }
}
