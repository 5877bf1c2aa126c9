//! Floats of 16 bits as elements: computed as `f32`, summed in `f64`, rounded once.

use distob::Hub;
use distob::prelude::*;
use distob::ufunc::{Maximum, Spacing};
use half::{bf16, f16};

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
