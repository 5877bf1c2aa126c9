//! Elementary functions of complex arrays against num_complex, element for element: small and large, views, empty ones.

use distob::prelude::*;
use num_complex::{Complex, ComplexFloat};
use num_traits::Float;

fn hub() -> &'static Hub {
    static HUB: std::sync::OnceLock<Hub> = std::sync::OnceLock::new();
    HUB.get_or_init(|| Hub::builder().process().engines(2).start().unwrap())
}

/// Numbers in all quadrants and on the axes, none of them huge.
fn numbers<T: Float>(n: usize) -> Array1<Complex<T>> {
    let part = |i: usize, by: usize| T::from((i * by % 41) as f64 / 8.0 - 2.5).unwrap();
    Array1::from_shape_fn(n, |i| Complex::new(part(i, 7), part(i + i / 41, 3)))
}

/// Whether two numbers are as near as a few roundings let them be.
fn near<T: Float>(a: Complex<T>, b: Complex<T>) -> bool {
    (a.re == b.re && a.im == b.im) || (a - b).norm() <= T::epsilon() * T::from(64.0).unwrap() * b.norm()
}

#[track_caller]
fn same<T: Float + Element + std::fmt::Debug>(
    what: &str,
    ours: &DistArray1<Complex<T>>,
    theirs: impl Iterator<Item = Complex<T>>,
) where
    Complex<T>: Element,
{
    let theirs: Vec<_> = theirs.collect();
    assert_eq!(ours.shape(), [theirs.len()], "{what}");
    for (i, (a, b)) in ours.iter().zip(&theirs).enumerate() {
        assert!(near(*a, *b), "{what}: {a:?} and {b:?} at {i}");
    }
}

fn all<T>()
where
    T: Float + Element + ComplexFloat<Real = T> + std::fmt::Debug,
    Complex<T>: Element + ComplexFloat<Real = T>,
{
    for n in [0, 1, 41, 20_000, 100_003] {
        let x = numbers::<T>(n);
        let d = hub().scatter(&x).unwrap();
        for (x, d) in [(x.view(), d.clone()), (x.slice(s![..;-3]), d.slice_shared(s![..;-3]))] {
            let of = |f: fn(Complex<T>) -> Complex<T>| x.iter().map(move |&z| f(z));
            let real = |f: fn(Complex<T>) -> T| x.iter().map(move |&z| Complex::from(f(z)));
            same("conj", &d.conj(), of(|z| z.conj()));
            same("exp", &d.exp(), of(Complex::exp));
            same("sqrt", &d.sqrt(), of(Complex::sqrt));
            same("sin", &d.sin(), of(Complex::sin));
            same("cos", &d.cos(), of(Complex::cos));
            same("tan", &d.tan(), of(Complex::tan));
            same("sinh", &d.sinh(), of(Complex::sinh));
            same("cosh", &d.cosh(), of(Complex::cosh));
            same("tanh", &d.tanh(), of(Complex::tanh));
            // Of 0 it is -∞.
            same("ln", &(&d * &d + Complex::from(T::one())).ln(), of(|z| (z * z + Complex::from(T::one())).ln()));
            for power in [-3, -1, 0, 1, 2, 7] {
                let mut ours = d.powi(power);
                // 1/0 is not one number.
                let zero = |z: Complex<T>| z.re == T::zero() && z.im == T::zero();
                if power < 0 {
                    ours = ours.zip_with(&d, |p, z| if zero(z) { z } else { p });
                }
                same("powi", &ours, x.iter().map(|&z| if zero(z) && power < 0 { z } else { z.powi(power) }));
            }
            let half = T::from(0.5).unwrap();
            same("powf", &d.powf(half), x.iter().map(|z| z.powf(half)));
            let exponents = x.mapv(|z| z.im);
            same("powf of an array", &d.powf(&exponents), x.iter().zip(&exponents).map(|(z, &e)| z.powf(e)));
            let i = Complex::new(half, T::one());
            let off = x.mapv(|z| z + Complex::new(T::from(9.0).unwrap(), half));
            let d_off = hub().scatter(&off).unwrap();
            same("powc", &d_off.powc(i), off.iter().map(|z| z.powc(i)));
            same("powc of an array", &d_off.powc(&d), off.iter().zip(&x).map(|(z, &e)| z.powc(e)));
            same("re", &d.re().mapv(Complex::from), real(|z| z.re));
            same("im", &d.im().mapv(Complex::from), real(|z| z.im));
            same("norm", &d.norm().mapv(Complex::from), real(Complex::norm));
            same("abs", &d.abs().mapv(Complex::from), real(Complex::norm));
            same("arg", &d.arg().mapv(Complex::from), real(Complex::arg));
        }
    }
}

#[distob::test]
fn functions_of_both_precisions_are_num_complexs() {
    all::<f32>();
    all::<f64>();
}

#[distob::test]
fn they_are_lazy_and_fuse() {
    let x = numbers::<f64>(60_000);
    // Tests beside this one use the other hub's memory.
    let hub = Hub::builder().process().engines(2).start().unwrap();
    let d = hub.scatter(&x).unwrap();
    let before = hub.memory().in_use;
    let rotated = (&d * Complex::new(0.0, 1.0)).exp();
    let (angle, part) = (rotated.arg(), rotated.re());
    assert!(rotated.is_pending() && angle.is_pending() && part.is_pending());
    assert_eq!(hub.memory().in_use, before);
    let sum: f64 = x.iter().map(|z| (z * Complex::i()).exp().re).sum();
    assert!((part.sum() - sum).abs() < 1e-9 * sum.abs().max(1.0));
    assert_eq!(angle.shape(), [60_000]);
    assert!((angle[5] - (x[5] * Complex::i()).exp().arg()).abs() < 1e-12);
}

#[distob::test]
fn powers_broadcast_and_say_where_they_cannot() {
    let z = hub().scatter(numbers::<f64>(3)).unwrap();
    let exponents = array![[1.0], [2.0]];
    let powers = z.powf(&exponents);
    assert_eq!(powers.shape(), [2, 3]);
    assert!(near(powers[[1, 2]], z[2].powf(2.0)));
    let panic =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| z.powc(&z.slice_shared(s![..2])))).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("[3]") && text.contains("[2]"), "{text}");
}

/// What real arrays have is still there, and still their own, beside the trait.
#[distob::test]
fn real_arrays_keep_their_functions() {
    fn generic<A: Element + Float, D: ndarray::Dimension>(a: &DistArray<A, D>) -> DistArray<A, D> {
        a.exp().ln().sqrt().powi(2)
    }
    let a = hub().scatter(array![1.0, 4.0]).unwrap();
    assert!((generic(&a) - &a).abs().max().unwrap() < 1e-14);
    assert_eq!(hub().scatter(array![-1, 2]).unwrap().abs(), array![1, 2]);
}
