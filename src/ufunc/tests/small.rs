//! The eager ways of small arrays have the bits of the plans that they stand for.

use super::{Random, Sample, each_isa};
use crate::small::{self, Operand};
use crate::{DType, Fold, Layout, Op, Plan, Program};
use std::mem::MaybeUninit;

/// A fold along one axis by a plan that is made for it.
fn planned<A: Sample, R: Sample>(fold: Fold, a: &[A], shape: &[usize], axis: usize, cells: usize) -> Vec<R> {
    let program = Program { inputs: vec![A::DTYPE.unwrap()], outputs: vec![0], ..Program::default() };
    let plan = Plan::fold(program, shape, &[Layout::row_major(shape)], fold, &[axis]).unwrap();
    let mut out = vec![R::sample(&mut Random(1)); cells];
    let mut scratch = vec![0u64; plan.scratch_bytes().div_ceil(8)];
    for chunk in 0..plan.chunks() {
        // SAFETY: operand and results are vectors of the plan's types and shapes, the scratch is as long as the plan asks.
        unsafe {
            plan.run(&[a.as_ptr().cast()], &[out.as_mut_ptr().cast()], scratch.as_mut_ptr().cast(), chunk);
        }
    }
    // SAFETY: as above.
    assert!(unsafe { plan.finish(scratch.as_ptr().cast(), &[out.as_mut_ptr().cast()]) });
    out
}

fn same<A: Sample, R: Sample>(fold: Fold, a: &[A], shape: &[usize], axis: usize) {
    let cells = a.len() / shape[axis];
    let wanted: Vec<R> = planned(fold, a, shape, axis, cells);
    let mut out = vec![MaybeUninit::uninit(); cells];
    let (from, to) = (A::DTYPE.unwrap(), R::DTYPE.unwrap());
    // SAFETY: the vectors' values, as many as `shape` says, and a place for each cell.
    let done =
        unsafe { small::fold_axis(fold, (from, a.as_ptr().cast()), shape, axis, (to, out.as_mut_ptr().cast(), cells)) };
    if done.unwrap() {
        for (place, (got, wanted)) in out.into_iter().zip(wanted).enumerate() {
            // SAFETY: `fold_axis` has written all of `out`, as it says.
            let got: R = unsafe { got.assume_init() };
            assert_eq!(got.bits(), wanted.bits(), "{fold:?} of {shape:?} along {axis} at {place}: {got:?}, {wanted:?}");
        }
    } else {
        // Only what takes more than one chunk, or partial results, may be left to the general way.
        assert!(a.len() > 8 << 10, "{fold:?} of {shape:?} along {axis} is left to the general way");
    }
}

#[test]
fn folds_along_an_axis() {
    let mut random = Random(7);
    each_isa(|_| {
        for rows in (1..=70).chain([127, 128, 129, 255, 300]) {
            for columns in [1, 2, 3, 7, 10, 16, 33, 63, 64, 65, 85, 127, 128, 129, 255, 256, 300] {
                if rows * columns > 16 << 10 {
                    continue;
                }
                // Signed zeros and numbers of all magnitudes, whose sum tells the order; NaNs now and then.
                let nan = random.below(4) == 0;
                let mut sample = || match random.below(8) {
                    0 => -0.0,
                    1 => 1e300 * (random.below(3) as f64 - 1.0),
                    _ if nan && random.below(50) == 0 => f64::NAN,
                    _ => (random.below(2000) as f64 - 1000.0) * 0.1,
                };
                let a: Vec<f64> = (0..rows * columns).map(|_| sample()).collect();
                for fold in [Fold::Sum, Fold::Mean] {
                    for axis in [0, 1] {
                        same::<f64, f64>(fold, &a, &[rows, columns], axis);
                    }
                }
            }
        }
    });
}

#[test]
fn other_folds_and_types_along_an_axis() {
    let mut random = Random(8);
    for _ in 0..300 {
        let shape = [1 + random.below(20), 1 + random.below(20), 1 + random.below(20)];
        let axis = random.below(3);
        let n = shape.iter().product();
        let floats: Vec<f32> = (0..n).map(|_| random.below(1000) as f32 * 0.1 - 50.0).collect();
        let integers: Vec<i16> = (0..n).map(|_| i16::sample(&mut random)).collect();
        for fold in [Fold::Sum, Fold::Product, Fold::Min, Fold::Max] {
            same::<f32, f32>(fold, &floats, &shape, axis);
            same::<i16, i16>(fold, &integers, &shape, axis);
        }
        for fold in [Fold::Mean, Fold::Var { ddof: 0.0 }, Fold::Std { ddof: 1.0 }] {
            same::<f32, f32>(fold, &floats, &shape, axis);
        }
        same::<i16, i16>(Fold::Mean, &integers, &shape, axis);
        same::<i16, u64>(Fold::ArgMax, &integers, &shape, axis);
    }
}

/// `a op= b` in place against `a op b` elsewhere, for every length around the groups of kernels.
fn in_place<A: Sample>(op: Op, random: &mut Random) -> usize {
    let mut done = 0;
    for n in (0..70).chain([127, 128, 129, 1000]) {
        let a: Vec<A> = (0..n).map(|_| A::sample(random)).collect();
        let b: Vec<A> = (0..n).map(|_| A::sample(random)).collect();
        let number = A::sample(random);
        for right in [Operand::Slice(&b), Operand::Scalar(number)] {
            let mut out = vec![MaybeUninit::uninit(); n];
            if small::apply_binary::<A, A>(op, Operand::Slice(&a), right, &mut out).is_err() {
                continue;
            }
            let mut updated = a.clone();
            if !small::update_binary(op, &mut updated, right) {
                assert!(updated.iter().zip(&a).all(|(x, y)| x.bits() == y.bits()), "{op:?}: refused, but done");
                continue;
            }
            done += 1;
            for (i, (got, wanted)) in updated.iter().zip(out).enumerate() {
                // SAFETY: the kernel has written all of `out`.
                let wanted = unsafe { wanted.assume_init() };
                let equal = got.bits() == wanted.bits() || got.nan() && wanted.nan();
                assert!(equal, "{op:?} of {n} at {i}: {got:?}, {wanted:?}");
            }
        }
    }
    done
}

#[test]
fn updates_in_place() {
    let mut random = Random(9);
    each_isa(|_| {
        for op in [Op::Add, Op::Sub, Op::Mul, Op::Div, Op::Rem, Op::Minimum, Op::Maximum, Op::Powf, Op::BitXor, Op::Shl]
        {
            let mut done = in_place::<f64>(op, &mut random) + in_place::<f32>(op, &mut random);
            done += in_place::<u8>(op, &mut random) + in_place::<i16>(op, &mut random);
            done += in_place::<u32>(op, &mut random) + in_place::<i64>(op, &mut random);
            assert!(done > 0 || op == Op::Powf, "{op:?} was never done in place");
        }
    });
}

#[test]
fn operands_of_other_lengths_are_refused() {
    let mut a = [1.0f64, 2.0, 3.0];
    assert!(!small::update_binary(Op::Add, &mut a, Operand::Slice(&[1.0, 2.0])));
    let mut out = [MaybeUninit::<f64>::uninit(); 2];
    let (a_at, out_at) = ((DType::F64, a.as_ptr().cast()), (DType::F64, out.as_mut_ptr().cast(), 2));
    // SAFETY: three values, and places of two.
    assert!(!unsafe { small::fold_axis(Fold::Sum, a_at, &[3, 1], 0, out_at) }.unwrap());
    assert_eq!(a, [1.0, 2.0, 3.0]);
}
