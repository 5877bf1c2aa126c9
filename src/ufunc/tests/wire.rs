//! Plans from other processes: what is no valid plan is refused, whatever the bytes are.

use super::*;
use crate::work::wire::{Reader, Writer};
use crate::work::{Work, tag};
use crate::{Error, Result};

pub(super) fn encoded(work: &dyn Work) -> Vec<u8> {
    let mut words = Writer::new();
    assert!(work.encode(&mut words));
    words.finish()
}

pub(super) fn decoded(bytes: &[u8]) -> Result<Plan> {
    let mut words = Reader::new(bytes);
    let (kind, plan) = (words.word()?, Plan::read(&mut words)?);
    if kind != tag::PLAN || !words.is_empty() {
        return Err(Error::Frame { what: format!("kind {kind}, and more behind it") });
    }
    Ok(plan)
}

fn flat(n: usize) -> Vec<Layout> {
    vec![Layout { strides: vec![1] }; n]
}

fn plan() -> Plan {
    Plan::map(one(Op::Add, &[DType::F64; 2], DType::F64), &[100], &flat(2), &flat(1)).unwrap()
}

#[test]
fn a_plan_comes_back_as_it_was() {
    let plan = plan();
    let again = decoded(&encoded(&plan)).unwrap();
    assert_eq!(encoded(&plan), encoded(&again));
    let one = 1u16.scalar().unwrap();
    for fold in [Fold::SumFrom { initial: one }, Fold::ProductFrom { initial: one }, Fold::Max, Fold::Mean] {
        let fold = Plan::fold(identity(DType::U16), &[3, 4], &[Layout::row_major(&[3, 4])], fold, &[0]).unwrap();
        assert_eq!(encoded(&fold), encoded(&decoded(&encoded(&fold)).unwrap()));
    }
    assert_eq!((again.chunks(), again.traffic(), again.inputs()), (plan.chunks(), 2400, 2));
    assert_eq!((again.input_extent(1), again.output_extent(0)), (Some((0, 99)), Some((0, 99))));
    assert_eq!((again.input_dtype(0), again.result_dtypes()), (DType::F64, vec![DType::F64]));
}

/// A plan whose bytes were changed is refused, or is another valid one: it then runs within its extents.
#[test]
fn every_bit() {
    let fold = Plan::fold(identity(DType::F32), &[6, 50], &[Layout::row_major(&[6, 50])], Fold::Mean, &[0]).unwrap();
    let from = Fold::SumFrom { initial: 2.5f32.scalar().unwrap() };
    let begun = Plan::fold(identity(DType::F32), &[6, 50], &[Layout::row_major(&[6, 50])], from, &[1]).unwrap();
    for bytes in [encoded(&plan()), encoded(&fold), encoded(&begun)] {
        let mut valid = 0;
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let Ok(plan) = decoded(&changed) else { continue };
            valid += 1;
            let reach = |extent: Option<(isize, isize)>| extent.map_or(0, |(low, high)| high - low);
            if (0..plan.inputs()).any(|i| reach(plan.input_extent(i)) > 1 << 16) {
                continue;
            }
            let memory: Vec<(Vec<u128>, isize)> = (0..plan.inputs())
                .map(|i| {
                    let (low, high) = plan.input_extent(i).unwrap_or((0, 0));
                    (vec![0; (high - low) as usize + 1], low * plan.input_dtype(i).size() as isize)
                })
                .collect();
            let pointers: Vec<*const u8> =
                memory.iter().map(|(m, low)| m.as_ptr().cast::<u8>().wrapping_offset(-low)).collect();
            let results = plan.result_dtypes().len();
            if (0..results).all(|i| reach(plan.output_extent(i)) <= 1 << 16) {
                run(&plan, &pointers, &mut Random(bit as u64));
            }
        }
        assert!(valid > 0);
    }
}

#[test]
fn truncated_and_random_bytes() {
    let bytes = encoded(&plan());
    for length in 0..bytes.len() {
        assert!(matches!(decoded(&bytes[..length]), Err(Error::Frame { .. })));
    }
    let mut random = Random(77);
    for _ in 0..2000 {
        let noise: Vec<u8> = (0..random.below(600)).map(|_| random.next() as u8).collect();
        let _ = decoded(&noise);
    }
    assert!(decoded(&vec![0; 1 << 20]).is_err());
}

#[test]
fn what_does_not_fit_is_refused() {
    let add = || one(Op::Add, &[DType::F64; 2], DType::F64);
    let refuse = |plan: crate::Result<Plan>, words: &str| {
        let error = plan.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    refuse(Plan::map(add(), &[100], &flat(1), &flat(1)), "layouts");
    refuse(Plan::map(add(), &[100], &flat(2), &flat(2)), "layouts");
    refuse(Plan::map(add(), &[10, 10], &flat(2), &flat(1)), "strides");
    refuse(
        Plan::map(
            add(),
            &[usize::MAX, 2],
            &[Layout { strides: vec![0, 0] }, Layout { strides: vec![0, 0] }],
            &[Layout { strides: vec![1, 1] }],
        ),
        "shape",
    );
    refuse(Plan::map(add(), &[100], &flat(2), &[Layout { strides: vec![0] }]), "overlaps");
    refuse(
        Plan::map(add(), &[100], &[Layout { strides: vec![isize::MAX / 8] }, Layout { strides: vec![1] }], &flat(1)),
        "reach",
    );
    refuse(
        Plan::map(add(), &[100], &[Layout { strides: vec![isize::MIN] }, Layout { strides: vec![1] }], &flat(1)),
        "reach",
    );
    let rows = Layout { strides: vec![3, 1] };
    refuse(
        Plan::map(identity(DType::U8), &[4, 4], std::slice::from_ref(&rows), std::slice::from_ref(&rows)),
        "overlaps",
    );
    refuse(
        Plan::map(
            identity(DType::U8),
            &[2; 65],
            &[Layout { strides: vec![0; 65] }],
            &[Layout { strides: vec![0; 65] }],
        ),
        "axes",
    );
    let mut later = add();
    later.code[0].args[1] = 2;
    refuse(Plan::map(later, &[100], &flat(2), &flat(1)), "not known yet");
    let mut untyped = add();
    untyped.code[0].dtype = DType::F32;
    refuse(Plan::map(untyped, &[100], &flat(2), &flat(1)), "to f32");
    let mut outside = add();
    outside.outputs[0] = 3;
    refuse(Plan::map(outside, &[100], &flat(2), &flat(1)), "output value");
    let mut none = add();
    none.outputs.clear();
    refuse(Plan::map(none, &[100], &flat(2), &flat(1)), "without outputs");
    let mut many = add();
    many.code = vec![many.code[0]; 513];
    refuse(Plan::map(many, &[100], &flat(2), &flat(1)), "513 instructions");
    let mut dirty = identity(DType::Bool);
    dirty.constants.push(crate::Scalar { dtype: DType::Bool, bytes: [2; 16] });
    refuse(Plan::map(dirty, &[100], &flat(1), &flat(1)), "no valid bool");
}
