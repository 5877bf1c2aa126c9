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

/// The exact sum over the count, cut towards zero as ndarray's quotients of integers are.
#[test]
fn means_of_integers_do_not_wrap() {
    assert_eq!(hub().scatter(ndarray::array![200u8, 200, 200]).unwrap().mean(), Some(200));
    assert_eq!(hub().scatter(ndarray::arr1(&[i64::MAX; 2])).unwrap().mean(), Some(i64::MAX));
    assert_eq!(hub().scatter(ndarray::arr1(&[1, 2])).unwrap().mean(), Some(1));
    assert_eq!(hub().scatter(ndarray::arr1(&[-1, -2])).unwrap().mean(), ndarray::arr1(&[-1, -2]).mean());
    assert_eq!(hub().scatter(Array1::<u8>::from_elem(256, 7)).unwrap().mean(), Some(7));
    macro_rules! means {
        ($hub:ident: $($t:ident)*) => {$(
            for shape in [(1, 2), (3, 5), (2, 700), (700, 2), (130, 130), (1100, 1000), (3, 400_000)] {
                let value = |(i, j): (usize, usize)| match (i * 31 + j * 7919) % 5 {
                    0 => $t::MAX,
                    1 => $t::MIN,
                    2 => $t::MAX - 1,
                    _ => ((i * shape.1 + j) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) as $t,
                };
                let x = Array2::from_shape_fn(shape, value);
                let d = $hub.scatter(&x).unwrap();
                fn exact<'a>(x: impl Iterator<Item = &'a $t>, n: usize) -> $t {
                    (x.map(|&x| i128::from(x)).sum::<i128>() / n as i128) as $t
                }
                assert_eq!(d.mean(), Some(exact(x.iter(), x.len())), "{} {shape:?}", stringify!($t));
                for axis in [Axis(0), Axis(1)] {
                    let want = x.map_axis(axis, |lane| exact(lane.iter(), lane.len()));
                    assert_eq!(d.mean_axis(axis).unwrap(), want, "{} {shape:?} {axis:?}", stringify!($t));
                }
                let all = d.mean_axes(&[Axis(0), Axis(1)]).unwrap();
                assert_eq!(all.iter().next(), Some(&exact(x.iter(), x.len())));
                // Of what is pending, the same; its values wrap as they always do.
                let doubled = x.mapv(|x| x.wrapping_add(x));
                assert_eq!((&d + &d).mean(), Some(exact(doubled.iter(), x.len())));
            }
        )*};
    }
    for engines in 1..=3 {
        let hub = Hub::builder().embedded().engines(engines).start().unwrap();
        means!(hub: u8 u16 u32 u64 i8 i16 i32 i64);
    }
    let none = hub().scatter(Array2::<i32>::zeros((0, 3))).unwrap();
    assert!(none.mean().is_none() && none.mean_axis(Axis(0)).is_none());
    assert_eq!(none.mean_axis(Axis(1)).unwrap().len(), 0);
}

#[test]
fn equal_elements_have_no_variance() {
    for engines in 1..=3 {
        let hub = Hub::builder().embedded().engines(engines).start().unwrap();
        let tall = hub.scatter(Array2::from_elem((1_000_000, 2), 100.0f32)).unwrap();
        assert_eq!(tall.std_axis(Axis(0), 0.0), ndarray::array![0.0, 0.0]);
        for shape in [(1, 1), (2, 3), (3, 2), (1000, 1), (10, 1000), (100_000, 3), (3, 100_000), (1100, 1000)] {
            for value in [0.1, 1e300, -1.0 / 3.0, 5e-324] {
                let a = hub.scatter(Array2::from_elem(shape, value)).unwrap();
                assert_eq!((a.var(0.0), a.std(0.0)), (0.0, 0.0), "{shape:?} of {value:e}");
                for axis in [Axis(0), Axis(1)] {
                    assert!(a.var_axis(axis, 0.0).iter().all(|&x| x == 0.0), "{shape:?} of {value:e} along {axis:?}");
                    // Together with the mean, and of an expression.
                    let b = &a + 0.0;
                    let (mean, std) = (b.mean_axis(axis).unwrap(), b.std_axis(axis, 0.0));
                    eval_all(&[&mean, &std]).unwrap();
                    assert!(std.iter().all(|&x| x == 0.0), "{shape:?} of {value:e} along {axis:?}, of an expression");
                }
                // One row has other values.
                let mut x = Array2::from_elem(shape, value);
                x.row_mut(0).iter_mut().enumerate().for_each(|(i, x)| *x += i as f64);
                let spread = hub.scatter(&x).unwrap().var_axis(Axis(1), 0.0);
                assert!(spread.iter().skip(1).all(|&x| x == 0.0), "{shape:?} of {value:e}");
            }
        }
    }
}

/// As ndarray's: the variance of nothing is no number.
#[test]
fn the_variance_of_nothing_is_no_number() {
    assert!(ndarray::Array2::<f64>::zeros((0, 3)).var(0.0).is_nan());
    for engines in 1..=2 {
        let hub = Hub::builder().embedded().engines(engines).start().unwrap();
        let none = hub.scatter(Array2::<f64>::zeros((0, 3))).unwrap();
        let pending = &none + 1.0;
        for array in [&none, &none.clone().reversed_axes(), &pending] {
            assert!(array.var(0.0).is_nan() && array.std(0.0).is_nan());
        }
        assert!(hub.scatter(Array2::<f32>::zeros((3, 0))).unwrap().std(0.0).is_nan());
    }
}

#[test]
fn degrees_of_freedom_that_are_no_number_give_none() {
    let x = ndarray::array![[1.0, 2.0, 4.0], [3.0, 5.0, 9.0]];
    let d = hub().scatter(&x).unwrap();
    assert!(x.var(f64::NAN).is_nan(), "ndarray's");
    assert!(d.var(f64::NAN).is_nan() && d.std(f64::NAN).is_nan());
    assert!(d.var_axis(Axis(0), f64::NAN).iter().all(|x| x.is_nan()));
    assert!(d.std_axis(Axis(1), f64::NAN).iter().all(|x| x.is_nan()));
    assert!(d.var_axes(&[Axis(0), Axis(1)], f64::NAN).iter().all(|x| x.is_nan()));
    assert!((&d * 2.0).std_axes(&[Axis(1)], f64::NAN).iter().all(|x| x.is_nan()));
    let says = |f: &dyn Fn() -> f64| {
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_err();
        let text = panic.downcast::<String>().unwrap();
        assert!(text.contains("it is 7 for a length of 6"), "{text}");
    };
    says(&|| d.var(7.0));
    says(&|| d.std(7.0));
    assert_eq!(d.var(6.0), f64::INFINITY);
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
