//! Floats of 16 bits as elements: computed as `f32`, summed in `f64`, rounded once.

use distob::Hub;
use distob::prelude::*;
use distob::ufunc::{Add, Matmul, Matvec, Maximum, Spacing, Vecdot, Vecmat};
use half::{bf16, f16};
use ndarray::{Array, array};

/// The nearest number, of two that are as near the even one. `half`'s own conversion rounds twice.
macro_rules! nearest {
    ($name:ident, $t:ident) => {
        fn $name(x: f64) -> $t {
            let bits = $t::from_f64(x).to_bits();
            let distance = |h: &$t| (h.to_f64() - x).abs();
            let around = [bits.wrapping_sub(1), bits, bits.wrapping_add(1)].map($t::from_bits);
            let finite = around.into_iter().filter(|h| h.is_finite());
            let nearer =
                |a: &$t, b: &$t| distance(a).total_cmp(&distance(b)).then((a.to_bits() & 1).cmp(&(b.to_bits() & 1)));
            finite.min_by(nearer).unwrap()
        }
    };
}
nearest!(nearest_f16, f16);
nearest!(nearest_bf16, bf16);

fn hubs() -> Vec<Hub> {
    let embedded = |n| Hub::builder().embedded().engines(n).start().unwrap();
    vec![embedded(2), Hub::builder().process().engines(2).start().unwrap()]
}

#[distob::test]
fn halves_are_numbers() {
    for hub in hubs() {
        for n in [5, 1000, 200_000] {
            let x = Array1::from_shape_fn(n, |i| f16::from_f64(((i * 37) % 1000) as f64 * 0.013 - 5.0));
            let y = Array1::from_shape_fn(n, |i| f16::from_f64(((i * 11) % 900) as f64 * 0.01 + 0.25));
            let (a, b) = (hub.scatter(&x).unwrap(), hub.scatter(&y).unwrap());
            let wide = |f: fn(f32, f32) -> f32| {
                ndarray::Zip::from(&x).and(&y).map_collect(|x, y| f16::from_f32(f(x.to_f32(), y.to_f32())))
            };
            assert_eq!(&a + &b, wide(|x, y| x + y));
            assert_eq!(&a * &b, wide(|x, y| x * y));
            assert_eq!(&a / &b, wide(|x, y| x / y));
            assert_eq!(a.sqrt().mapv(f16::to_bits)[1], f16::from_f32(x[1].to_f32().sqrt()).to_bits());
            assert_eq!(Maximum.call(&a, &b), wide(f32::max));
            assert_eq!(a.less(&b), ndarray::Zip::from(&x).and(&y).map_collect(|x, y| x < y));
            // A longer expression rounds after each operation.
            let steps = ((&a + &b).evaluated().unwrap() * &b).evaluated().unwrap() - f16::from_f32(1.5);
            assert_eq!((&a + &b) * &b - f16::from_f32(1.5), steps);
            let exact: f64 = x.iter().map(|x| x.to_f64()).sum();
            assert_eq!(a.sum(), f16::from_f64(exact));
            assert_eq!(a.astype::<f64>().sum(), exact);
            assert_eq!(a.max().unwrap(), x.iter().copied().fold(f16::NEG_INFINITY, f16::max));
            assert_eq!(a.astype::<f32>().astype::<f16>(), x);
            assert_eq!(a.astype::<i32>(), x.mapv(|x| x.to_f32() as i32));
            assert_eq!(a.astype::<bf16>(), x.mapv(|x| bf16::from_f32(x.to_f32())));
            assert_eq!(a.astype::<bool>(), x.mapv(|x| x != f16::ZERO));
            let columns = a.reshape((n / 5, 5)).sum_axis(Axis(0));
            let expected =
                Array1::from_shape_fn(5, |j| f16::from_f64(x.iter().skip(j).step_by(5).map(|x| x.to_f64()).sum()));
            assert_eq!(columns, expected);
            assert_eq!(Spacing.call(f16::ONE)[()], f16::EPSILON);
            assert_eq!(Spacing.call(bf16::ONE)[()], bf16::EPSILON);
        }
    }
}

/// Sums that no number of 16 bits holds have means that one does.
#[distob::test]
fn means_of_halves_are_rounded_once() {
    for hub in hubs() {
        let of = |n: usize, x: f64| hub.scatter(Array::from_elem(n, f16::from_f64(x))).unwrap();
        assert_eq!(of(65_520, 1.0).mean(), Some(f16::ONE));
        assert_eq!(of(70_000, 0.5).mean(), Some(f16::from_f64(0.5)));
        assert_eq!(of(4, 60_000.0).mean(), Some(f16::from_f64(60_000.0)));
        let threes = hub.scatter(Array::from_elem(257, bf16::from_f64(3.0))).unwrap();
        assert_eq!(threes.mean(), Some(bf16::from_f64(3.0)));
        for (rows, columns) in [(2, 3), (70, 40), (3000, 5), (5, 3000), (1100, 1000)] {
            // Multiples of 1/64 below 60000: their sums are exact in 64 bits.
            let value = |i: usize| ((i * 7919) % 3_840_000) as f64 / 64.0;
            let x = Array2::from_shape_fn((rows, columns), |(i, j)| f16::from_f64(value(i * columns + j)));
            let y = Array2::from_shape_fn((rows, columns), |(i, j)| bf16::from_f64(value(i * columns + j)));
            let (a, b) = (hub.scatter(&x).unwrap(), hub.scatter(&y).unwrap());
            let exact = |x: &mut dyn Iterator<Item = f64>, n: usize| x.sum::<f64>() / n as f64;
            let n = rows * columns;
            assert_eq!(a.mean().unwrap(), nearest_f16(exact(&mut x.iter().map(|x| x.to_f64()), n)));
            assert_eq!(b.mean().unwrap(), nearest_bf16(exact(&mut y.iter().map(|y| y.to_f64()), n)));
            for axis in [Axis(0), Axis(1)] {
                let n = x.len_of(axis);
                let want = x.map_axis(axis, |lane| nearest_f16(exact(&mut lane.iter().map(|x| x.to_f64()), n)));
                assert_eq!(a.mean_axis(axis).unwrap(), want, "{rows} by {columns}");
                assert_eq!(a.mean_axes(&[axis]).unwrap(), want.into_dyn());
                let want = y.map_axis(axis, |lane| nearest_bf16(exact(&mut lane.iter().map(|y| y.to_f64()), n)));
                assert_eq!(b.mean_axis(axis).unwrap(), want, "{rows} by {columns}");
            }
            // Of something pending too, rounded as its values are.
            let halved = (&a / f16::from_f64(2.0)).mean().unwrap();
            assert_eq!(halved, nearest_f16(exact(&mut x.iter().map(|x| (x / f16::from_f64(2.0)).to_f64()), n)));
        }
        let spread = hub.scatter(array![f16::from_f64(60_000.0), f16::from_f64(59_936.0)]).unwrap();
        assert_eq!((spread.var(f16::ZERO), spread.std(f16::ZERO)), (f16::from_f64(1024.0), f16::from_f64(32.0)));
        assert_eq!(of(2049, 7.1).var(f16::ZERO), f16::ZERO);
        assert_eq!(Add.reduce_all(&of(70_000, 0.5)), f16::from_f64(35_000.0));
    }
}

/// Neither products nor sums are rounded on the way, or lost beyond the range.
#[distob::test]
fn products_of_halves_are_rounded_once() {
    for hub in hubs() {
        let halves = |x: &[f64]| hub.scatter(Array1::from_iter(x.iter().map(|&x| f16::from_f64(x)))).unwrap();
        let (x, y) = (halves(&[300.0, 300.0]), halves(&[300.0, -300.0]));
        assert_eq!(Vecdot.call(&x, &y)[()], f16::ZERO);
        assert_eq!(x.dot(&y), f16::ZERO);
        let brains = |x: &[f64]| hub.scatter(Array1::from_iter(x.iter().map(|&x| bf16::from_f64(x)))).unwrap();
        let (u, v) = (brains(&[2f64.powi(100), 2f64.powi(100)]), brains(&[2f64.powi(100), -2f64.powi(100)]));
        assert_eq!(Vecdot.call(&u, &v)[()], bf16::ZERO);
        for (n, k) in [(1, 2), (3, 100), (50, 70), (7, 20_000), (900, 1200)] {
            // Multiples of 1/256: products and sums are exact in 64 bits.
            let value = |i: usize| f16::from_f64((((i * 7919) % 401) as f64 - 200.0) / 256.0);
            let x = Array2::from_shape_fn((n, k), |(i, j)| value(i * k + j));
            let y = Array1::from_shape_fn(k, |j| value(j + 5));
            let want = Array1::from_shape_fn(n, |i| {
                nearest_f16(x.row(i).iter().zip(&y).map(|(x, y)| x.to_f64() * y.to_f64()).sum())
            });
            let (a, b) = (hub.scatter(&x).unwrap(), hub.scatter(&y).unwrap());
            let turned = hub.scatter(x.t().as_standard_layout()).unwrap();
            assert_eq!(Matvec.call(&a, &b), want, "{n} by {k}");
            assert_eq!(Matmul.call(&a, &b), want);
            assert_eq!(Vecmat.call(&b, &turned), want);
            assert_eq!(Matmul.call(&b, &turned), want);
            assert_eq!(Vecdot.call(&a, &b), want);
        }
    }
}

#[distob::test]
fn halves_are_in_files() {
    let path = std::env::temp_dir().join(format!("distob-halves-{}.npy", std::process::id()));
    let hub = Hub::current().unwrap();
    let x = Array1::from_shape_fn(700, |i| f16::from_f32(i as f32 / 3.0));
    hub.scatter(&x).unwrap().save_npy(&path).unwrap();
    assert_eq!(hub.open_npy::<f16, ndarray::Ix1>(&path).unwrap(), x);
    assert!(hub.scatter(x.mapv(|x| bf16::from_f32(x.to_f32()))).unwrap().save_npy(&path).is_err(), "NumPy has no bf16");
    std::fs::remove_file(&path).unwrap();
}
