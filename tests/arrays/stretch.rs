//! Stretched arrays against ndarray's: shapes, no copy, writing, layouts; and what else reads one element at many places.

use distob::Error;
use distob::prelude::*;
use ndarray::IxDyn;
use proptest::prelude::*;

fn hub(process: bool) -> &'static Hub {
    static EMBEDDED: std::sync::OnceLock<Hub> = std::sync::OnceLock::new();
    static PROCESS: std::sync::OnceLock<Hub> = std::sync::OnceLock::new();
    match process {
        true => PROCESS.get_or_init(|| Hub::builder().process().engines(2).start().unwrap()),
        false => EMBEDDED.get_or_init(|| Hub::builder().embedded().engines(2).start().unwrap()),
    }
}

#[derive(Clone, Copy, PartialEq, Debug, Element)]
#[repr(C)]
struct Own([i32; 3]);

/// A shape, and one that it may or may not broadcast to.
fn shapes() -> impl Strategy<Value = (Vec<usize>, Vec<usize>)> {
    let length = || prop_oneof![6 => 0usize..5, 1 => 60usize..90];
    (prop::collection::vec(length(), 0..4), prop::collection::vec(length(), 0..3), any::<[u8; 4]>())
        .prop_filter("too large", |(to, front, _)| to.iter().chain(front).product::<usize>() < 200_000)
        .prop_map(|(to, front, how)| {
            let from: Vec<usize> =
                to.iter().zip(how).map(|(&n, how)| if how < 100 { 1 } else { n + usize::from(how > 245) }).collect();
            (from, [front, to].concat())
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn stretching_is_ndarrays((from, to) in shapes(), turned: bool, pending: bool, process: bool) {
        let hub = hub(process);
        let mut n = 0.0;
        let mut x = ArrayD::from_shape_simple_fn(from.clone(), || { n += 1.0; n });
        let mut d = hub.scatter(&x).unwrap();
        if turned && x.ndim() > 0 {
            x.invert_axis(Axis(0));
            d.invert_axis(Axis(0));
        }
        if pending {
            x += 1.0;
            d += 1.0;
        }
        let (wide, stretched) = (x.broadcast(to.clone()), d.broadcast(to.clone()));
        prop_assert_eq!(wide.is_some(), stretched.is_some(), "{:?} to {:?}", &from, &to);
        let own = d.mapv(|v| Own([v as i32; 3])).broadcast(to.clone());
        prop_assert_eq!(own.is_some(), wide.is_some());
        let (Some(wide), Some(stretched), Some(own)) = (wide, stretched, own) else {
            let shape = matches!(d.try_broadcast(to.clone()), Err(Error::Shape { left, right, .. }) if left == to && right == from);
            prop_assert!(shape);
            return Ok(());
        };
        prop_assert_eq!(stretched.shape(), wide.shape());
        // Reductions first: while it is pending.
        prop_assert_eq!(stretched.sum(), wide.sum());
        if !to.is_empty() {
            let last = Axis(to.len() - 1);
            prop_assert_eq!(&stretched.sum_axis(last), &wide.sum_axis(last));
        }
        prop_assert_eq!(&(&stretched * 2.0 + &d), &(&wide * 2.0 + &x));
        prop_assert_eq!(&stretched.t(), &wide.t());
        prop_assert_eq!(&stretched, &wide);
        prop_assert_eq!(&stretched.gather(), &wide);
        prop_assert_eq!(&own, &wide.mapv(|v| Own([v as i32; 3])));
        prop_assert_eq!(stretched.mapv(|v| -v), wide.mapv(|v| -v));
    }

    #[test]
    fn writing_to_a_stretched_array_is_writing_to_its_copy((from, to) in shapes(), way in 0u8..6, seed: u32) {
        let hub = hub(false);
        let x = ArrayD::from_elem(from.clone(), 3.0);
        let d = hub.scatter(&x).unwrap();
        let Some(mut stretched) = d.broadcast(to.clone()) else { return Ok(()) };
        let mut expected = x.broadcast(to.clone()).unwrap().to_owned();
        let at: Vec<usize> = to.iter().map(|&n| seed as usize % n.max(1)).collect();
        let kept = stretched.clone();
        match way {
            0 if !expected.is_empty() => (stretched[&*at], expected[&*at]) = (7.0, 7.0),
            1 => {
                let mut count = 0.0;
                for v in &mut stretched { *v += count; count += 1.0; }
                count = 0.0;
                for v in &mut expected { *v += count; count += 1.0; }
            }
            2 => {
                stretched.mapv_inplace(|v| v * 2.0 + 1.0);
                expected.mapv_inplace(|v| v * 2.0 + 1.0);
            }
            3 => {
                let values = ArrayD::from_shape_fn(to.clone(), |i| i.slice().iter().sum::<usize>() as f64);
                stretched.assign(&values);
                expected.assign(&values);
            }
            4 => {
                let d2 = hub.scatter(ArrayD::from_shape_fn(to.clone(), |i| i.slice().iter().sum::<usize>() as f64)).unwrap();
                stretched += &d2;
                expected += &d2.gather();
                stretched.assign(&stretched.clone() * 3.0);
                expected *= 3.0;
            }
            _ => {
                // Through ndarray, and after a change of the layout.
                stretched.reverse_axes();
                expected = expected.reversed_axes();
                stretched.view_mut().iter_mut().enumerate().for_each(|(i, v)| *v = i as f64);
                expected.iter_mut().enumerate().for_each(|(i, v)| *v = i as f64);
            }
        }
        prop_assert_eq!(&stretched, &expected);
        prop_assert_eq!(&kept, &x.broadcast(to).unwrap(), "a clone keeps its elements");
        prop_assert_eq!(&d, &x, "what was stretched keeps its elements");
    }
}

#[distob::test]
fn stretching_copies_nothing() {
    let hub = hub(false);
    let column = hub.scatter(Array2::from_shape_fn((3_000, 1), |(i, _)| i as f64)).unwrap();
    let row = hub.scatter(Array1::from_shape_fn(2_000, |j| j as f64)).unwrap();
    hub.reset_peak();
    let before = hub.memory().in_use;
    let shape = (3_000, 2_000);
    let (a, b) = (column.broadcast(shape).unwrap(), row.broadcast(shape).unwrap());
    assert!(a.is_pending() && b.is_pending());
    let sum = (&a + &b).sum();
    assert_eq!(sum, 2_000.0 * (2_999.0 * 1_500.0) + 3_000.0 * (1_999.0 * 1_000.0));
    assert_eq!((a.max(), b.mean_axis(Axis(1)).unwrap()[7]), (Some(2_999.0), 999.5));
    assert!(a.is_pending() && b.is_pending());
    assert!(hub.memory().peak_in_use < before + (4 << 20), "{before}, {:?}", hub.memory());
    // A stretched array of a stretched one; of as many elements as no memory holds.
    let huge = row.broadcast((1 << 20, 1 << 20, 2_000)).unwrap();
    assert!(huge.is_pending());
    assert!(matches!(huge.eval(), Err(Error::OutOfMemory { .. })));
    assert_eq!(huge.read_refused(), None);
    assert!(row.broadcast((usize::MAX, 2, 2_000)).is_none());
    let text = row.try_broadcast((usize::MAX, 2, 2_000)).err().unwrap().to_string();
    assert_eq!(text, "an array of shape [18446744073709551615, 2, 2000] with elements of 8 bytes is too large");
    assert!(matches!(row.try_broadcast((usize::MAX, 2, 2_001)), Err(Error::Shape { .. })));
    hub.reset_peak();
    let cube = a.broadcast((2, 3_000, 2_000)).unwrap();
    assert_eq!(cube.sum_axes(&[Axis(0), Axis(2)])[5], 4_000.0 * 5.0);
    assert!(hub.memory().peak_in_use < before + (4 << 20), "{before}, {:?}", hub.memory());
    // To its own shape: the same memory, or the same expression.
    assert_eq!(row.broadcast([2_000]).unwrap().as_ptr(), row.as_ptr());
    let pending = &column + 1.0;
    assert!(pending.broadcast(IxDyn(&[3_000, 1])).unwrap().sum_axis(Axis(0)).len() == 1);
}

#[distob::test]
fn stretched_arrays_are_computed_together_and_assigned() {
    for process in [false, true] {
        let hub = hub(process);
        let row = hub.scatter(Array1::from_shape_fn(300, |j| j as f64)).unwrap();
        let column = hub.scatter(Array2::from_shape_fn((200, 1), |(i, _)| i as f64)).unwrap();
        let shape = (200, 300);
        let (a, again, b) =
            (row.broadcast(shape).unwrap(), row.broadcast(shape).unwrap(), column.broadcast(shape).unwrap());
        let sum = &a + &b;
        eval_all(&[&a, &again, &sum, &b]).unwrap();
        let wide = row.view().broadcast(shape).unwrap().to_owned();
        assert_eq!(a, wide);
        assert_eq!(again, wide);
        assert_eq!(sum, &wide + &column.view());
        assert_eq!(b, column.view().broadcast(shape).unwrap());
        // Into memory that is there, and into what is stretched itself.
        let mut into = hub.scatter(&Array2::<f64>::zeros(shape)).unwrap();
        let at = into.as_ptr();
        into.assign(row.broadcast(shape).unwrap());
        assert_eq!((into.as_ptr(), &into), (at, &DistArray::from(&wide)));
        let first = into.slice_shared(s![..1, ..]);
        into.assign(first.broadcast(shape).unwrap() * 2.0);
        assert_eq!(into, &wide * 2.0);
        let path = std::env::temp_dir().join(format!("distob-stretch-{}-{process}.npy", std::process::id()));
        row.broadcast(shape).unwrap().save_npy(&path).unwrap();
        assert_eq!(hub.open_npy::<f64, ndarray::Ix2>(&path).unwrap(), wide);
        std::fs::remove_file(&path).unwrap();
        let flags = row.less(7.0).broadcast(shape).unwrap();
        assert_eq!((flags.count(), flags.any_axis(Axis(0)).count()), (7 * 200, 7));
        assert_eq!(flags.choose(&b, -1.0)[[5, 6]], 5.0);
    }
}

trait Refused {
    fn read_refused(&self) -> Option<f64>;
}

impl Refused for DistArray3<f64> {
    /// Its first element, where it could be computed; a panic with the error's text where not.
    fn read_refused(&self) -> Option<f64> {
        let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self[[0, 0, 0]]));
        read.map_err(|panic| assert!(panic.downcast_ref::<String>().unwrap().contains("out of memory"))).ok()
    }
}

#[distob::test]
fn reductions_of_flags_along_several_axes() {
    for shape in [(3, 4, 5), (30, 40, 50), (0, 4, 5)] {
        let x = Array3::from_shape_fn(shape, |(i, j, k)| (i * 7 + j * 5 + k * 3) % 11 > 2);
        let d = hub(true).scatter(&x).unwrap();
        for axes in [&[][..], &[0], &[2, 0], &[1, 2], &[0, 1, 2]] {
            let axes: Vec<Axis> = axes.iter().map(|&axis| Axis(axis)).collect();
            let (mut any, mut all, mut count) =
                (x.clone().into_dyn(), x.clone().into_dyn(), x.mapv(usize::from).into_dyn());
            let mut last_first = axes.clone();
            last_first.sort_by_key(|axis| std::cmp::Reverse(axis.index()));
            for &axis in &last_first {
                any = any.map_axis(axis, |lane| lane.iter().any(|&v| v));
                all = all.map_axis(axis, |lane| lane.iter().all(|&v| v));
                count = count.sum_axis(axis);
            }
            assert_eq!(d.any_axes(&axes), any, "{axes:?}");
            assert_eq!(d.all_axes(&axes), all, "{axes:?}");
            assert_eq!(d.count_axes(&axes), count, "{axes:?}");
        }
    }
    let d = hub(true).scatter(Array2::from_elem((2, 3), true)).unwrap();
    for axes in [[Axis(0), Axis(2)], [Axis(1), Axis(1)]] {
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| d.any_axes(&axes))).is_err(), "{axes:?}");
    }
}

/// An operand that is stretched already, beside one of more axes.
#[distob::test]
fn what_is_stretched_is_stretched_further_where_it_is() {
    for process in [false, true] {
        // Of its own, whose memory nobody else uses.
        let hub = if process { Hub::builder().process() } else { Hub::builder().embedded() };
        let hub = hub.engines(2).start().unwrap();
        let x = Array1::from_shape_fn(2_000, |j| j as f64);
        let row = hub.scatter(&x).unwrap();
        let planes = hub.scatter(Array3::from_shape_fn((3, 1, 1), |(k, _, _)| k as f64)).unwrap();
        let rows = row.broadcast((1_000, 2_000)).unwrap();
        let pending = (&row + 1.0).broadcast((1_000, 2_000)).unwrap();
        hub.reset_peak();
        let (before, copied) = (hub.memory().in_use, hub.copied_bytes());
        // 6 million elements, of which none is stored.
        let sums = (&rows + &planes + &pending).sum_axes(&[Axis(1), Axis(2)]);
        let of_row = x.sum() * 2.0 + 2_000.0;
        assert_eq!(sums, Array1::from_shape_fn(3, |k| 1_000.0 * (of_row + 2_000.0 * k as f64)).into_dyn());
        assert_eq!(rows.broadcast((4, 1_000, 2_000)).unwrap().max(), Some(1_999.0));
        assert!(rows.is_pending() && pending.is_pending());
        assert!(hub.memory().peak_in_use < before + (4 << 20), "{before}, {:?}", hub.memory());
        assert_eq!(hub.copied_bytes(), copied);
        let mut into = hub.scatter(&Array3::<f64>::zeros((2, 1_000, 2_000))).unwrap();
        into.assign(&rows);
        assert!(rows.is_pending());
        assert_eq!(into, x.broadcast((2, 1_000, 2_000)).unwrap().to_owned());
        let explained = (&rows + &planes).explain();
        assert_eq!(explained.passes().len(), 1, "{explained}");
    }
}
