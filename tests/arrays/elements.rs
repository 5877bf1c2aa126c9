//! Structs of the user's own as elements: derived, scattered, computed with, gathered.

use std::ops::{Add, Mul, Neg, Sub};

use distob::prelude::*;
use distob::ufunc::{DType, Value as _};

#[derive(Clone, Copy, PartialEq, Debug, Default, Element)]
#[repr(C)]
struct Particle {
    position: Vector<f64>,
    velocity: Vector<f64>,
    charge: f32,
    kind: u16,
    alive: bool,
    spin: i8,
}

#[derive(Clone, Copy, PartialEq, Debug, Default, Element)]
#[repr(C)]
struct Vector<T> {
    x: T,
    y: T,
    z: T,
}

impl<T: Add<Output = T>> Add for Vector<T> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Vector { x: self.x + other.x, y: self.y + other.y, z: self.z + other.z }
    }
}

#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Element)]
#[repr(transparent)]
struct Celsius(f32);

#[derive(Clone, Copy, PartialEq, Debug, Element)]
#[repr(transparent)]
struct Row<const N: usize>([u8; N]);

#[derive(Clone, Copy, PartialEq, Debug, Element)]
#[repr(C, packed)]
struct Packed {
    a: u8,
    b: f64,
}

#[derive(Clone, Copy, PartialEq, Debug, Element)]
#[repr(C, align(64))]
struct Line([u64; 8]);

#[derive(Clone, Copy, PartialEq, Debug, Element)]
#[repr(C)]
struct Nothing;

impl Neg for Celsius {
    type Output = Celsius;
    fn neg(self) -> Celsius {
        Celsius(-self.0)
    }
}

impl Sub for Celsius {
    type Output = Celsius;
    fn sub(self, other: Celsius) -> Celsius {
        Celsius(self.0 - other.0)
    }
}

impl Mul for Celsius {
    type Output = Celsius;
    fn mul(self, other: Celsius) -> Celsius {
        Celsius(self.0 * other.0)
    }
}

fn hub() -> &'static Hub {
    static HUB: std::sync::OnceLock<Hub> = std::sync::OnceLock::new();
    HUB.get_or_init(|| Hub::builder().process().engines(2).start().unwrap())
}

fn particle(i: usize) -> Particle {
    let vector = |by: f64| Vector { x: i as f64 * by, y: -by, z: by / (1.0 + i as f64) };
    let (charge, kind) = (i as f32 / 3.0, (i % 5) as u16);
    Particle { position: vector(1.0), velocity: vector(0.5), charge, kind, alive: i % 3 == 1, spin: -((i % 7) as i8) }
}

/// Sizes below and above those that go one way or the other: at once, in chunks, in blocks of two megabytes.
const SIZES: [usize; 4] = [0, 1, 3_000, 100_000];

#[distob::test]
fn structs_go_in_are_computed_with_and_come_out() {
    for n in SIZES {
        let x = Array1::from_shape_fn(n, particle);
        let d = hub().scatter(&x).unwrap();
        assert_eq!(d, x);
        assert_eq!(d.gather(), x);
        let step = |p: Particle| Particle { position: p.position + p.velocity, ..p };
        assert_eq!(d.mapv(step), x.mapv(step));
        assert_eq!(d.mapv(|p| p.charge).gather(), x.mapv(|p| p.charge));
        assert_eq!(d.mapv(|p| p.alive).count(), x.iter().filter(|p| p.alive).count());
        let weights = Array1::from_shape_fn(n, |i| i as f64);
        let heavier = d.zip_with(&weights, |p, w| p.position + Vector { x: w, y: w, z: w });
        let expected =
            ndarray::Zip::from(&x).and(&weights).map_collect(|p, &w| p.position + Vector { x: w, y: w, z: w });
        assert_eq!(heavier, expected);
        // An operator of the struct's own, with broadcasting.
        let origin = hub().scatter(Array1::from_elem(1, Vector { x: 1.0, y: 2.0, z: 3.0 })).unwrap();
        assert_eq!(&heavier + &origin, expected.mapv(|v| v + origin[0]));
        // What is shared stays as it was.
        let mut changed = d.clone();
        changed.mapv_inplace(step);
        assert_eq!((&changed, &d), (&DistArray::from(x.mapv(step)), &DistArray::from(&x)));
        changed.fill(particle(7));
        assert!(changed.iter().all(|p| *p == particle(7)));
    }
}

#[distob::test]
fn layouts_of_arrays_of_structs() {
    let x = Array3::from_shape_fn((30, 40, 50), |(i, j, k)| particle(i * 2000 + j * 50 + k));
    let d = hub().scatter(&x).unwrap();
    assert_eq!(d.t(), x.t());
    assert_eq!(d.t().gather(), x.t());
    assert_eq!(d.t().flatten(), x.t().flatten());
    let part = s![1..;3, ..;-2, 7];
    assert_eq!(d.slice_shared(part), x.slice(part));
    assert_eq!(d.slice_shared(part).mapv(|p| p.position.x), x.slice(part).mapv(|p| p.position.x));
    let mut written = d.slice_shared(part);
    written[[0usize, 0]] = particle(1);
    assert_eq!(d, x);
    let negative = d.slice_shared(s![..;-1, .., ..]).mapv(|p| Celsius(p.charge));
    assert_eq!(-&negative, x.slice(s![..;-1, .., ..]).mapv(|p| Celsius(-p.charge)));
    assert_eq!(negative.max(), x.iter().map(|p| Celsius(p.charge)).reduce(|a, b| if b > a { b } else { a }));
    assert_eq!((&negative - Celsius(1.0)) * Celsius(2.0), negative.mapv(|c| Celsius((c.0 - 1.0) * 2.0)));
}

#[distob::test]
fn every_layout_that_is_allowed() {
    fn through<A: Element + PartialEq + std::fmt::Debug>(f: impl Fn(usize) -> A + Sync) {
        for n in SIZES {
            let x: Vec<A> = (0..n).map(&f).collect();
            let d = hub().scatter(Array1::from(x.clone())).unwrap();
            assert!(d.iter().eq(&x));
            assert!(d.as_ptr().is_aligned());
            let twice = d.mapv(|v| [v, v]);
            assert!(twice.iter().zip(&x).all(|(t, v)| *t == [*v, *v]), "arrays are elements too");
            assert_eq!(d.slice_shared(s![..;-1]).gather().to_vec(), x.iter().rev().copied().collect::<Vec<_>>());
        }
    }
    through(|i| Celsius(i as f32));
    through(|i| Row([i as u8; 3]));
    through(|i| Packed { a: i as u8, b: i as f64 });
    through(|i| Line([i as u64; 8]));
    through(|_| Nothing);
    through(|i| Vector { x: [i as u16; 2], y: [1; 2], z: [2; 2] });
}

#[distob::test]
fn valid_asks_every_field() {
    let bytes = |alive: u8| {
        let mut bytes = vec![0u8; size_of::<Particle>()];
        bytes[std::mem::offset_of!(Particle, alive)] = alive;
        bytes
    };
    assert!(Particle::valid(&bytes(0)) && Particle::valid(&bytes(1)));
    assert!(!Particle::valid(&bytes(2)), "no bool");
    assert!(!Particle::valid(&bytes(0)[1..]) && !Particle::valid(&[]));
    assert!(<[bool; 3]>::valid(&[1, 0, 1]) && !<[bool; 3]>::valid(&[1, 0, 7]) && !<[bool; 3]>::valid(&[1, 0]));
    assert!(Nothing::valid(&[]) && <[Nothing; 4]>::valid(&[]));
    assert_eq!((Particle::DTYPE, <[f64; 2]>::DTYPE), (None::<DType>, None));
}

#[distob::test]
fn elements_without_bytes_are_counted() {
    let _entered = hub().enter();
    assert_eq!(DistArray::from_elem(1 << 20, Nothing).mapv(|_| 1u32).sum(), 1 << 20);
    // An array of ndarray's has at most as many elements as an `isize` counts, of whatever size, and panics where there are more.
    for shape in [(1 << 40, 1 << 40), (1 << 62, 2), (usize::MAX, 1)] {
        assert!(std::panic::catch_unwind(|| Array2::from_elem(shape, Nothing)).is_err(), "{shape:?}");
        let error = DistArray::try_from_elem(shape, Nothing).map(|_| ()).unwrap_err();
        assert!(matches!(&error, distob::Error::InvalidArgument { what } if what.contains("too large")), "{error}");
    }
}

#[distob::test]
fn what_programs_do_not_know_is_an_error_that_says_so() {
    let d = hub().scatter(Array1::from_elem(3, Celsius(1.0))).unwrap();
    let text = d.try_astype::<f64>().err().unwrap().to_string();
    assert!(text.contains("mapv"), "{text}");
    let path = std::env::temp_dir().join(format!("distob-elements-{}.npy", std::process::id()));
    let text = d.save_npy(&path).err().unwrap().to_string();
    assert!(text.contains("Celsius") && !path.exists(), "{text}");
}
