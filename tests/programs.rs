//! What the compiler of programs does: parts that are there twice are computed once, what an array asks for is stored in the
//! pass that computes it, results of one pass are kept, and none of it changes a bit.

use distob::prelude::*;
use distob::ufunc::{Divmod, Frexp, Modf};
use distob::{Error, Hub, eval_all};

/// More than what is computed at once.
const LARGE: usize = 100_000;

fn waves() -> Array1<f64> {
    Array1::from_shape_fn(LARGE, |i| (i as f64 * 0.7).sin() * 3.0 - 0.5)
}

#[distob::test]
fn a_part_that_is_there_twice_is_computed_once() {
    let a = DistArray::from(waves());
    let squares = (&a - 1.0) * (&a - 1.0);
    assert_eq!(squares.explain().passes()[0].instructions(), 2, "{}", squares.explain());
    let more = ((&a - 1.0) * (&a - 1.0) + 2.0) / ((&a - 1.0) * (&a - 1.0) + 2.0);
    assert_eq!(more.explain().passes()[0].instructions(), 4, "{}", more.explain());
    assert_eq!(squares, waves().mapv(|x| (x - 1.0) * (x - 1.0)));
    assert!(more.iter().all(|&x| x == 1.0));
    // Not the same: another order of operands, another constant of the same value.
    let apart = (&a - 0.0) * (&a - -0.0);
    assert_eq!(apart.explain().passes()[0].instructions(), 3);
}

#[distob::test]
fn what_an_array_holds_is_stored_in_the_pass_that_computes_it() {
    let a = DistArray::from(waves());
    let sines = a.sin();
    let shifted = &sines + 1.0;
    assert_eq!(shifted.explain().passes().len(), 1);
    assert_eq!(shifted.explain().passes()[0].written(), 2 * 8 * LARGE as u64);
    shifted.eval().unwrap();
    assert!(!sines.is_pending(), "computing it again would cost more");
    assert_eq!(sines, a.sin().evaluated().unwrap());

    // What is quicker to compute again than to store is not stored,
    let doubled = &a * 2.0;
    (&doubled + 1.0).eval().unwrap();
    assert!(doubled.is_pending());
    // nor what nobody has. Tests beside this one use the default hub's memory.
    let hub = Hub::builder().embedded().engines(2).start().unwrap();
    let a = hub.scatter(&waves()).unwrap();
    let before = hub.memory().in_use;
    let result = (a.cos() * 2.0 + 1.0).evaluated().unwrap();
    assert!(hub.memory().in_use - before < 8 * LARGE as u64 * 3 / 2, "one array is stored");
    drop(result);
}

#[distob::test]
fn where_there_is_no_room_beside_what_was_asked_for_it_is_not_stored() {
    let hub = Hub::builder().embedded().engines(1).quota(6 << 20).start().unwrap();
    let x = Array1::from_shape_fn(300_000, |i| i as f64 * 0.01);
    let a = hub.scatter(&x).unwrap();
    let sines = a.sin();
    let shifted = (&sines + 1.0).evaluated().unwrap();
    assert_eq!(shifted[1], 0.01f64.sin() + 1.0);
    assert!(sines.is_pending());
    drop(shifted);
    sines.eval().unwrap();
}

#[distob::test]
fn both_results_of_one_function_take_one_pass() {
    let a = DistArray::from(waves());
    let (fraction, whole) = Modf.call(&a);
    fraction.eval().unwrap();
    assert!(!whole.is_pending());
    assert_eq!(whole, waves().mapv(f64::trunc));
    let (significand, exponent) = Frexp.call(&waves());
    assert_eq!(exponent.explain().passes()[0].written(), 12 * LARGE as u64);
    exponent.eval().unwrap();
    assert!(!significand.is_pending());
    // Of one that is gone nothing is stored.
    let (quotient, remainder) = Divmod.call(&a, 0.75);
    drop(remainder);
    assert_eq!(quotient.explain().passes()[0].written(), 8 * LARGE as u64);
    assert_eq!(quotient, waves().mapv(|x| (x / 0.75).floor()));
    let zero = DistArray::from(Array1::from_shape_fn(LARGE, |i| 7 - i as i64));
    let (quotient, _) = Divmod.call(1i64, &zero);
    assert!(matches!(quotient.eval(), Err(Error::Arithmetic { index, .. }) if index == [7]));
}

/// Every reduction of all of a pending value in every order, against those of the value itself.
#[distob::test]
fn reductions_that_share_a_pass_have_the_bits_of_those_that_do_not() {
    for n in [20_000, 65_536 + 17, 1_000_000] {
        let x = Array1::from_shape_fn(n, |i| (i as f64 * 0.37).sin() * 1e3 + 0.1);
        let (wide, narrow) = (DistArray::from(&x), DistArray::from(x.mapv(|x| x as f32)));
        macro_rules! check {
            ($a:expr) => {
                let pending = || &$a * 1.5;
                let there = pending().evaluated().unwrap();
                let (p, q) = (pending(), pending());
                assert_eq!(p.mean().unwrap().to_bits(), there.mean().unwrap().to_bits());
                assert_eq!(p.std(0.0).to_bits(), there.std(0.0).to_bits());
                assert_eq!(p.var(1.0).to_bits(), there.var(1.0).to_bits());
                assert_eq!(p.max().unwrap().to_bits(), there.max().unwrap().to_bits());
                assert_eq!(p.min().unwrap().to_bits(), there.min().unwrap().to_bits());
                assert_eq!(p.sum().to_bits(), there.sum().to_bits());
                assert_eq!(p.sum().to_bits(), there.sum().to_bits());
                assert_eq!(q.std(1.0).to_bits(), there.std(1.0).to_bits());
                assert_eq!(q.mean().unwrap().to_bits(), there.mean().unwrap().to_bits());
                assert_eq!(p.argmax(), there.argmax());
                assert!(q.is_pending());
            };
        }
        check!(wide);
        check!(narrow);
        let whole = DistArray::from(x.mapv(|x| x as i16));
        let pending = &whole + 1;
        assert_eq!((pending.min(), pending.max()), (whole.min().map(|x| x + 1), whole.max().map(|x| x + 1)));
        let mut broken = x.clone();
        broken[n / 2] = f64::NAN;
        let pending = DistArray::from(broken) * 2.0;
        assert!(pending.max().unwrap().is_nan() && pending.min().unwrap().is_nan() && pending.mean().unwrap().is_nan());
    }
}

#[distob::test]
fn a_value_that_is_written_to_is_folded_anew() {
    let mut a = DistArray::from(waves()) * 2.0;
    let before = a.max().unwrap();
    a[3] = 100.0;
    assert_eq!((a.max().unwrap(), before < 7.0), (100.0, true));
}

#[distob::test]
fn an_explanation_tells_passes_bytes_and_time() {
    let a = DistArray::from(waves()).into_shape_with_order((LARGE / 100, 100)).unwrap();
    let means = a.mean_axis(Axis(0)).unwrap();
    let centred = (&a - &means) * 2.0;
    let plan = centred.explain();
    let text = plan.to_string();
    assert_eq!(plan.passes().len(), 2);
    assert_eq!(plan.passes()[0].read(), 8 * LARGE as u64);
    assert_eq!(plan.passes()[0].written(), 800);
    assert_eq!(plan.passes()[1].written(), 8 * LARGE as u64);
    assert_eq!(plan.bytes(), 3 * 8 * LARGE as u64 + 2 * 800);
    assert!(plan.predicted() > std::time::Duration::ZERO);
    for part in
        ["2 passes", "subtract %0, %1", "f64 2.0", "folded (Mean) along axes [0]", "of an earlier pass", "<- result"]
    {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
    assert!(centred.is_pending() && means.is_pending(), "explaining computes nothing");
    centred.eval().unwrap();
    assert!(centred.explain().passes().is_empty());
    assert!(centred.explain().to_string().contains("the value is there"));
}

#[distob::test]
fn constants_are_folded_as_they_would_be_computed() {
    // A reduction of nothing is a constant of the identity, cast.
    let none = DistArray::<f64, _>::zeros((0, LARGE));
    let sums = none.sum_axis(Axis(0));
    let roots = (&sums + 2.0).sqrt();
    assert_eq!(roots[LARGE - 1].to_bits(), 2f64.sqrt().to_bits());
    let (a, b) = (sums.sin(), sums.cos());
    eval_all(&[&a, &b]).unwrap();
    assert_eq!((a[0], b[1]), (0.0, 1.0));
}
