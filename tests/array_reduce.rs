//! Reductions against ndarray's: whole, by axis, by axes, of empty arrays, with NaN, fused with pending expressions.

use distob::prelude::*;
use proptest::prelude::*;

fn hub() -> &'static Hub {
    static HUB: std::sync::OnceLock<Hub> = std::sync::OnceLock::new();
    HUB.get_or_init(|| Hub::builder().embedded().engines(3).start().unwrap())
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * (1.0 + a.abs().max(b.abs())) || (a.is_nan() && b.is_nan())
}

fn all_close<D: ndarray::Dimension>(a: &Array<f64, D>, b: &DistArray<f64, D>) -> bool {
    a.shape() == b.shape() && a.iter().zip(b.iter()).all(|(&a, &b)| close(a, b))
}

fn cubes() -> impl Strategy<Value = (Array3<f64>, bool)> {
    let shape = prop_oneof![(1usize..6, 1usize..6, 1usize..6), (20usize..40, 20usize..40, 20usize..40)];
    (shape, any::<u32>(), any::<bool>()).prop_map(|(shape, seed, flip)| {
        let value = |(i, j, k): (usize, usize, usize)| {
            f64::from((seed ^ (i * 7919 + j * 104729 + k * 1299709) as u32).wrapping_mul(2654435761) >> 8) / 1e6 - 8.0
        };
        (Array3::from_shape_fn(shape, value), flip)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn by_axis_and_whole((mut x, flip) in cubes()) {
        let mut d = hub().scatter(&x).unwrap();
        if flip {
            x.swap_axes(0, 2);
            d.swap_axes(0, 2);
        }
        prop_assert!(close(x.sum(), d.sum()));
        prop_assert!(close(x.mean().unwrap(), d.mean().unwrap()));
        prop_assert!(close(x.var(0.0), d.var(0.0)));
        prop_assert!(close(x.std(0.5), d.std(0.5)));
        let least = x.indexed_iter().min_by(|a, b| a.1.total_cmp(b.1)).unwrap();
        prop_assert_eq!(d.argmin().unwrap(), least.0);
        prop_assert_eq!(d.min().unwrap(), *least.1);
        let greatest = x.indexed_iter().rev_max();
        prop_assert_eq!(d.argmax().unwrap(), greatest.0);
        prop_assert_eq!(d.max().unwrap(), greatest.1);
        for axis in (0..3).map(Axis) {
            prop_assert!(all_close(&x.sum_axis(axis), &d.sum_axis(axis)));
            prop_assert!(all_close(&x.product_axis(axis), &d.product_axis(axis)));
            prop_assert!(all_close(&x.mean_axis(axis).unwrap(), &d.mean_axis(axis).unwrap()));
            prop_assert!(all_close(&x.var_axis(axis, 0.0), &d.var_axis(axis, 0.0)));
            prop_assert!(all_close(&x.std_axis(axis, 0.0), &d.std_axis(axis, 0.0)));
            let least = x.map_axis(axis, |lane| lane.iter().copied().fold(f64::INFINITY, f64::min));
            prop_assert_eq!(d.min_axis(axis).unwrap(), least);
            let at = x.map_axis(axis, |lane| lane.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).unwrap().0);
            prop_assert_eq!(d.argmin_axis(axis).unwrap(), at);
        }
        let two = x.sum_axis(Axis(2)).sum_axis(Axis(0)).into_dyn();
        prop_assert!(all_close(&two, &d.sum_axes(&[Axis(2), Axis(0)])));
        prop_assert!(close(x.sum(), d.sum_axes(&[Axis(0), Axis(1), Axis(2)]).sum()));
    }

    #[test]
    fn of_expressions((x, _) in cubes()) {
        let d = hub().scatter(&x).unwrap();
        let (e, y) = (&d * 2.0 + 1.0, &x * 2.0 + 1.0);
        // The first one fuses, later ones find it stored or store it: the same bits.
        let first = e.sum();
        prop_assert!(close(first, y.sum()));
        prop_assert_eq!(first.to_bits(), e.sum().to_bits());
        prop_assert_eq!(first.to_bits(), e.eval().unwrap().sum().to_bits());
        let z = (&d - &d.mean_axis(Axis(0)).unwrap()) / &d.std_axis(Axis(0), 0.0);
        let expected = (&x - &x.mean_axis(Axis(0)).unwrap()) / &x.std_axis(Axis(0), 0.0);
        prop_assert!(expected.iter().zip(z.iter()).all(|(a, b)| (a - b).abs() < 1e-9 || a.is_nan() && b.is_nan()));
    }
}

trait RevMax {
    fn rev_max(self) -> ((usize, usize, usize), f64);
}

impl<'a, I: Iterator<Item = ((usize, usize, usize), &'a f64)>> RevMax for I {
    /// The first of the greatest.
    fn rev_max(self) -> ((usize, usize, usize), f64) {
        let pick =
            |a: ((usize, usize, usize), &'a f64), b: ((usize, usize, usize), &'a f64)| if b.1 > a.1 { b } else { a };
        self.reduce(pick).map(|(at, &value)| (at, value)).unwrap()
    }
}

#[test]
fn the_bits_do_not_depend_on_memory_order_or_engines() {
    for n in [40, 200, 400] {
        let x = Array3::from_shape_fn((n, 7, 30), |(i, j, k)| ((i * 31 + j * 17 + k * 7) as f64).sin());
        let mut sums = Vec::new();
        for engines in [1, 2, 3] {
            let hub = Hub::builder().embedded().engines(engines).start().unwrap();
            let mut transposed = x.clone();
            transposed.swap_axes(0, 2);
            let standard = hub.scatter(&x).unwrap();
            let mut other = hub.scatter(&transposed.as_standard_layout()).unwrap();
            other.swap_axes(0, 2);
            assert!(!other.is_standard_layout());
            for a in [standard, other] {
                let by_axis = a.sum_axis(Axis(0)).iter().map(|v| v.to_bits()).collect::<Vec<_>>();
                sums.push((a.sum().to_bits(), a.std(0.0).to_bits(), by_axis));
            }
        }
        assert!(sums.windows(2).all(|w| w[0] == w[1]), "n = {n}");
    }
}

#[test]
fn mean_and_deviation_together_and_apart_have_the_same_bits() {
    let x = Array2::from_shape_fn((600, 50), |(i, j)| ((i * 50 + j) as f32).sin());
    let together = hub().scatter(&x).unwrap();
    let apart = hub().scatter(&x).unwrap();
    let (m, s, v) =
        (together.mean_axis(Axis(0)).unwrap(), together.std_axis(Axis(0), 1.0), together.var_axis(Axis(0), 1.0));
    eval_all(&[&m, &s, &v]).unwrap();
    assert_eq!(m, apart.mean_axis(Axis(0)).unwrap());
    assert_eq!(s, apart.std_axis(Axis(0), 1.0));
    assert_eq!(v, apart.var_axis(Axis(0), 1.0));
}

#[test]
fn of_nothing() {
    let none = hub().scatter(&Array2::<f64>::zeros((0, 3))).unwrap();
    assert_eq!((none.sum(), none.product(), none.mean(), none.min(), none.argmax()), (0.0, 1.0, None, None, None));
    assert_eq!(none.sum_axis(Axis(0)), Array1::<f64>::zeros(3));
    assert_eq!(none.sum_axis(Axis(1)), Array1::<f64>::zeros(0));
    assert!(none.mean_axis(Axis(0)).is_none() && none.max_axis(Axis(0)).is_none());
    assert_eq!(none.mean_axis(Axis(1)).unwrap().len(), 0);
    let flags = none.greater(1.0);
    assert!(flags.all() && !flags.any() && flags.count() == 0);
}

#[test]
fn nan_is_smallest_and_largest() {
    for n in [10, 100_000] {
        let mut x = Array1::from_iter((0..n).map(f64::from));
        x[7] = f64::NAN;
        let d = hub().scatter(&x).unwrap();
        assert!(d.min().unwrap().is_nan() && d.max().unwrap().is_nan() && d.sum().is_nan());
        assert_eq!((d.argmin(), d.argmax()), (Some(7), Some(7)));
    }
}

#[test]
fn integers_keep_their_type() {
    let x = Array2::from_shape_fn((100, 60), |(i, j)| (i * j) as i32 % 7);
    let d = hub().scatter(&x).unwrap();
    assert_eq!((d.sum(), d.mean(), d.max()), (x.sum(), x.mean(), x.iter().max().copied()));
    assert_eq!(d.mean_axis(Axis(1)).unwrap(), x.mean_axis(Axis(1)).unwrap());
    assert_eq!(d.sum_axis(Axis(0)), x.sum_axis(Axis(0)));
    assert_eq!(d.greater(3).count_axis(Axis(0)).sum(), x.iter().filter(|&&v| v > 3).count());
}

#[test]
fn wrong_axes_are_named() {
    let d = hub().scatter(&Array2::<f64>::zeros((2, 3))).unwrap();
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| d.sum_axis(Axis(2)))).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("axis 2") && text.contains('2'), "{text}");
}
