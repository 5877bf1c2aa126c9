//! Reductions of rows that feed what is computed of them: one pass, and the bits of one pass each.

use distob::prelude::*;
use distob::ufunc::{Add, Maximum, Minimum};
use distob::{Error, Hub, eval_all};
use ndarray::{ArrayD, IxDyn};

fn hubs() -> Vec<Hub> {
    let embedded = |engines, threads| Hub::builder().embedded().engines(engines).threads(threads).start().unwrap();
    vec![embedded(1, 1), embedded(3, 1), embedded(2, 2), Hub::builder().process().engines(2).start().unwrap()]
}

/// Numbers of all sizes, and of no order.
fn numbers(shape: &[usize]) -> ArrayD<f64> {
    let mut state = 7u64;
    ArrayD::from_shape_fn(IxDyn(shape), |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64 * 4.0 - 1.0
    })
}

type Array = DistArray<f64, IxDyn>;

/// Reductions along the last axes, kept as axes of length 1; computed at once, or not.
struct Reductions {
    axes: Vec<isize>,
    at_once: bool,
}

impl Reductions {
    fn take(&self, mut reduced: Array, rank: usize) -> Array {
        for back in (1..=self.axes.len()).rev() {
            reduced = reduced.insert_axis(Axis(rank - back));
        }
        if self.at_once { reduced.evaluated().unwrap() } else { reduced }
    }

    fn axes(&self, rank: usize) -> Vec<Axis> {
        self.axes.iter().map(|axis| Axis((rank as isize + axis) as usize)).collect()
    }

    fn sum(&self, a: &Array) -> Array {
        self.take(a.sum_axes(&self.axes(a.ndim())), a.ndim())
    }

    fn mean(&self, a: &Array) -> Array {
        self.take(a.mean_axes(&self.axes(a.ndim())).unwrap(), a.ndim())
    }

    fn std(&self, a: &Array) -> Array {
        self.take(a.std_axes(&self.axes(a.ndim()), 1.0), a.ndim())
    }

    fn max(&self, a: &Array) -> Array {
        let max = Maximum.reduce(a).axes(self.axes.clone()).keepdims().run().unwrap();
        if self.at_once { max.evaluated().unwrap() } else { max }
    }
}

/// Expressions that reductions of rows feed.
fn expressions(a: &Array, of: &Reductions) -> Vec<Array> {
    let exps = (a - &of.max(a)).exp();
    let logs = of.sum(&exps).ln() + of.max(a);
    vec![
        a - &of.mean(a),
        (a - &of.mean(a)) / &of.std(a),
        &exps / &of.sum(&exps),
        (a * 2.0 + of.sum(&(a * a))).sqrt() * of.sum(&(a - &of.mean(a)).abs()),
        a - &logs,
    ]
}

#[distob::test]
fn the_bits_are_those_of_a_pass_each() {
    for hub in hubs() {
        for (shape, axes) in [
            (&[1000, 300][..], &[-1][..]),
            (&[3, 100_000], &[-1]),
            (&[40, 50, 200], &[-2, -1]),
            (&[40, 50, 200], &[-1]),
            (&[2, 200_000], &[-1]),
            (&[100_000, 3], &[-1]),
            (&[1, 300_000], &[-1]),
            (&[300_000, 1], &[-1]),
        ] {
            let a = hub.scatter(numbers(shape)).unwrap();
            let together = expressions(&a, &Reductions { axes: axes.to_vec(), at_once: false });
            let steps = expressions(&a, &Reductions { axes: axes.to_vec(), at_once: true });
            for (nth, (together, step)) in together.iter().zip(&steps).enumerate() {
                let bits = |array: &Array| array.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                assert!(bits(together) == bits(step), "expression {nth} of {shape:?} along {axes:?} on {hub:?}");
            }
        }
    }
}

#[distob::test]
fn results_are_ndarrays() {
    let x = numbers(&[700, 500]).into_dimensionality::<ndarray::Ix2>().unwrap();
    let a = DistArray::from(x.clone());
    let least = a.min_axis(Axis(1)).unwrap().insert_axis(Axis(1));
    let shifted = &a - &least;
    assert!(shifted.is_pending() && least.is_pending());
    let wanted = &x - &x.map_axis(Axis(1), |row| row.fold(f64::INFINITY, |a, &b| a.min(b))).insert_axis(Axis(1));
    assert_eq!(shifted, wanted);
    assert!(!least.is_pending(), "what is computed on the way is kept");
    // A reduction of what a reduction feeds.
    let total = (&a - &a.min_axis(Axis(1)).unwrap().insert_axis(Axis(1))).max_axis(Axis(1)).unwrap();
    assert_eq!(total.explain().passes().len(), 1, "{}", total.explain());
    assert_eq!(total, wanted.map_axis(Axis(1), |row| row.fold(0.0f64, |a, &b| a.max(b))));
    // Integers, and another number of axes.
    let counts = DistArray::from(x.mapv(|x| (x * 1000.0) as i64));
    let sums = Add.reduce(&counts).axis(1).keepdims().run().unwrap();
    let shares = &counts * 3 - &sums;
    let wanted: i64 = counts.row(9).iter().map(|&n| 3 * n).sum::<i64>() - 500 * counts.row(9).sum();
    assert_eq!(shares.index_axis(Axis(0), 9).sum(), wanted);
}

#[distob::test]
fn an_explanation_shows_one_pass() {
    let a = DistArray::from(numbers(&[700, 500])).into_dimensionality::<ndarray::Ix2>().unwrap();
    let scaled = (&a - &a.mean_axis(Axis(1)).unwrap().insert_axis(Axis(1))) * 2.0;
    let plan = scaled.explain();
    let text = plan.to_string();
    assert_eq!(plan.passes().len(), 1, "{text}");
    assert_eq!(plan.passes()[0].read(), 8 * 350_000);
    assert_eq!(plan.passes()[0].written(), 8 * 350_000 + 8 * 700);
    for part in ["2 steps, block by block of 700 rows", "step 1: each row folded (Mean)", "step 2: stored", "subtract"]
    {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
    // Along the other axis all rows are wanted first.
    let centred = &a - &a.mean_axis(Axis(0)).unwrap();
    assert_eq!(centred.explain().passes().len(), 2);
}

#[distob::test]
fn other_layouts_and_shared_parts_go_their_own_way() {
    let x = numbers(&[600, 600]).into_dimensionality::<ndarray::Ix2>().unwrap();
    let a = DistArray::from(x.clone());
    for view in [a.t().to_shared(), a.slice_shared(s![.., ..;2]), a.slice_shared(s![..;-1, 10..])] {
        let y = view.view().to_owned();
        let least = Minimum.reduce(&view).axis(1).keepdims().run().unwrap();
        let wanted = &y - &y.map_axis(Axis(1), |row| row.fold(f64::INFINITY, |a, &b| a.min(b))).insert_axis(Axis(1));
        assert_eq!(&view - &least, wanted);
    }
    // A reduction that another array asks for too, before and after.
    let sums = a.sum_axis(Axis(1));
    let column = sums.clone().insert_axis(Axis(1));
    assert_eq!(column.index_axis(Axis(1), 0), *sums);
    let (first, second) = (&a - &column, &a + &column);
    eval_all(&[&first, &second]).unwrap();
    let column = column.view().to_owned();
    assert_eq!(first, &x - &column);
    assert_eq!(second, &x + &column);
}

#[distob::ufunc]
fn picky(x: f64) -> f64 {
    assert!(x < 1e6, "not this one");
    x
}

#[distob::test]
fn a_panic_on_the_way_is_an_error_and_costs_nothing_else() {
    let mut x = numbers(&[700, 500]).into_dimensionality::<ndarray::Ix2>().unwrap();
    x[[699, 3]] = 2e6;
    let a = DistArray::from(x);
    let sums = a.sum_axis(Axis(1)).insert_axis(Axis(1));
    let checked = picky.call(&a) - &sums;
    assert!(matches!(checked.eval(), Err(Error::Panicked { .. })));
    assert!(checked.is_pending());
    assert_eq!((&a - &sums).shape(), [700, 500]);
}

#[distob::test]
fn where_there_is_no_room_for_what_is_stored_on_the_way() {
    let hub = Hub::builder().embedded().engines(1).quota(12 << 20).start().unwrap();
    let a = hub.scatter(numbers(&[700, 500])).unwrap();
    let of = Reductions { axes: vec![-1], at_once: false };
    let exps = (&a - &of.max(&a)).exp();
    let soft = &exps / &of.sum(&exps);
    assert!((soft.sum() - 700.0).abs() < 1e-9);
}
