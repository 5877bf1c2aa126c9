//! What is seldom done to arrays: many axes, none, closures inside of closures, memory that is full, aliases, division by zero.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use distob::prelude::*;
use distob::{Error, Hub};
use ndarray::IxDyn;

/// Hubs for all tests of this file: of threads, and of processes.
fn hubs() -> [&'static Hub; 2] {
    static HUBS: std::sync::OnceLock<[Hub; 2]> = std::sync::OnceLock::new();
    HUBS.get_or_init(|| {
        let embedded = Hub::builder().embedded().engines(2).start().unwrap();
        [embedded, Hub::builder().process().engines(2).start().unwrap()]
    })
    .each_ref()
}

fn message(panic: Box<dyn std::any::Any + Send>) -> String {
    panic.downcast_ref::<String>().cloned().or(panic.downcast_ref::<&str>().map(|s| s.to_string())).unwrap()
}

#[distob::test]
fn arrays_of_many_axes() {
    for hub in hubs() {
        for volume in [3, 30_000] {
            for rank in [0, 1, 6, 7, 12, 32] {
                let mut shape = vec![1; rank];
                shape.iter_mut().step_by(5).for_each(|n| *n = 2);
                let others: usize = shape.iter().product();
                if let Some(n) = shape.last_mut() {
                    *n = 2 + volume / others;
                }
                let x = ArrayD::from_shape_fn(IxDyn(&shape), |i| {
                    i.slice().iter().enumerate().map(|(axis, i)| (axis + 1) * i).sum::<usize>() as f64
                });
                let d = hub.scatter(&x).unwrap();
                assert_eq!((&d + &d) * 0.5 - &d.t().t(), &x - &x);
                assert_eq!(d.t().mapv(|v| v * 2.0), x.t().mapv(|v| v * 2.0));
                assert_eq!(d.zip_with(&d, |a, b| a - 2.0 * b), -&x);
                assert_eq!(d.t().gather(), x.t());
                assert_eq!(d.t().flatten(), x.t().flatten());
                assert_eq!((&d.t() * 2.0).sum(), 2.0 * x.sum());
                assert_eq!(d.broadcast(IxDyn(&shape)).unwrap().max(), x.iter().copied().reduce(f64::max));
                for axis in (0..rank).step_by(4).map(Axis) {
                    assert_eq!(d.sum_axis(axis), x.sum_axis(axis));
                    assert_eq!((&d + 1.0).sum_axes(&[axis]), (&x + 1.0).sum_axis(axis));
                }
                let mut turned = d.t().to_shared();
                turned.mapv_inplace(|v| v + 1.0);
                turned += &d.t();
                assert_eq!(turned, &x.t() * 2.0 + 1.0);
                assert_eq!(d, x);
            }
        }
    }
}

#[distob::test]
fn small_and_large_arrays_have_the_same_bits() {
    type Function = fn(&DistArray1<f64>) -> DistArray1<f64>;
    let functions: [(&str, Function); 30] = [
        ("sqrt", |a| a.sqrt()),
        ("recip", |a| a.recip()),
        ("exp", |a| a.exp()),
        ("exp2", |a| a.exp2()),
        ("exp_m1", |a| a.exp_m1()),
        ("ln", |a| a.ln()),
        ("ln_1p", |a| a.ln_1p()),
        ("log2", |a| a.log2()),
        ("log10", |a| a.log10()),
        ("sin", |a| a.sin()),
        ("cos", |a| a.cos()),
        ("tan", |a| a.tan()),
        ("asin", |a| a.asin()),
        ("acos", |a| a.acos()),
        ("atan", |a| a.atan()),
        ("sinh", |a| a.sinh()),
        ("cosh", |a| a.cosh()),
        ("tanh", |a| a.tanh()),
        ("erf", |a| a.erf()),
        ("powi", |a| a.powi(-5)),
        ("powf", |a| a.powf(1.7)),
        ("powf of arrays", |a| a.powf(a)),
        ("atan2", |a| a.atan2(&(a - 1.0))),
        ("hypot", |a| a.hypot(0.3)),
        ("fract", |a| a.fract()),
        ("%", |a| a % 0.7),
        ("fused", |a| a * 3.0 + a / 7.0 - 1.0),
        ("signum", |a| a.signum()),
        ("round", |a| (a * 10.0).round()),
        ("f32", |a| a.astype::<f32>().sin().astype()),
    ];
    let x = Array1::from_shape_fn(50_000, |i| (i as f64 - 25_000.0) / 3_333.3);
    for hub in hubs() {
        let large = hub.scatter(&x).unwrap();
        let small = hub.scatter(x.slice(s![24_000..26_000])).unwrap();
        let every_other = large.slice_shared(s![24_000..26_000;2]);
        for (name, f) in functions {
            let bits =
                |a: &DistArray1<f64>| a.iter().map(|v| if v.is_nan() { 0 } else { v.to_bits() }).collect::<Vec<_>>();
            let (large, small, every_other) = (bits(&f(&large)), bits(&f(&small)), bits(&f(&every_other)));
            assert!(large[24_000..26_000] == small, "{name}");
            assert!(small.iter().step_by(2).eq(&every_other), "{name}, of a view");
        }
    }
}

#[distob::test]
fn integers_divided_by_zero_and_shifted_too_far() {
    for hub in hubs() {
        for n in [4, 60_000] {
            let x = Array1::from_shape_fn(n, |i| [i32::MIN, -7, 0, 9][i % 4]);
            let y = Array1::from_shape_fn(n, |i| [-1, 0, 0, 4][i / 4 % 4]);
            let (a, b) = (hub.scatter(&x).unwrap(), hub.scatter(&y).unwrap());
            let zip = |f: fn(i32, i32) -> i32| ndarray::Zip::from(&x).and(&y).map_collect(|&x, &y| f(x, y));
            // Where the divisor is 0 is said, and what is divided by others is right.
            let some = b.equal(0).choose(1, &b);
            assert_eq!(&a / &some, zip(|x, y| x.wrapping_div(if y == 0 { 1 } else { y })));
            assert_eq!(&a % &some, zip(|x, y| x.wrapping_rem(if y == 0 { 1 } else { y })));
            for (quotient, first) in [(a.try_div(&b), 4), (a.try_rem(&b), 4), (a.try_rem(0), 0)] {
                match quotient.and_then(|q| q.evaluated().map(drop)) {
                    // The first four divisors are not 0.
                    Ok(()) => assert!(n == 4 && first == 4),
                    Err(Error::Arithmetic { index, .. }) => assert_eq!(index, [first]),
                    Err(other) => panic!("{other}"),
                }
            }
            assert_eq!(&a << 33, x.mapv(|x| x << 1));
            assert_eq!(&a >> (&b - 28), zip(|x, y| x.wrapping_shr((y - 28) as u32)));
            assert_eq!(
                (-&a, a.abs()),
                (DistArray::from(x.mapv(i32::wrapping_neg)), DistArray::from(x.mapv(i32::wrapping_abs)))
            );
            let text = catch_unwind(AssertUnwindSafe(|| (1 / &a).sum())).map_err(message).unwrap_err();
            assert_eq!(text, "div: an integer is divided by zero at index [2]");
        }
    }
}

#[distob::test]
fn closures_use_arrays_of_the_same_hub() {
    for hub in hubs() {
        let a = hub.scatter(Array1::<f64>::ones(200_000)).unwrap();
        let pending = &a * 3.0;
        let calls = AtomicUsize::new(0);
        let sum = a.mapv(|v| {
            if calls.fetch_add(1, Ordering::Relaxed).is_multiple_of(20_000) {
                v + pending[7] + (&a + 1.0).sum() + a.mapv(|x| x + 1.0).max().unwrap()
            } else {
                v
            }
        });
        assert_eq!(sum.sum(), 200_000.0 + 10.0 * (3.0 + 400_000.0 + 2.0));
        // A closure that panics inside of one.
        let error = a.try_mapv(|v| a.mapv(|w| if w > 0.0 { panic!("inner") } else { w })[0] + v).err().unwrap();
        assert!(matches!(&error, Error::Panicked { message, .. } if message.contains("inner")), "{error}");
        assert_eq!(a.sum(), 200_000.0);
    }
}

#[distob::test]
fn threads_write_to_clones_of_one_array() {
    for hub in hubs() {
        let a = &hub.scatter(Array1::<f64>::zeros(50_000)).unwrap() + 1.0;
        std::thread::scope(|scope| {
            for thread in 0..8 {
                let mut mine = a.clone();
                scope.spawn(move || {
                    for round in 0..20 {
                        mine[round] += f64::from(thread);
                        let kept = mine.clone();
                        mine.mapv_inplace(|v| v + 1.0);
                        assert_eq!(kept[round], 1.0 + round as f64 + f64::from(thread));
                        assert_eq!(mine[40_000], 2.0 + round as f64);
                    }
                });
            }
            assert_eq!(a.sum(), 50_000.0);
        });
        assert_eq!(a, Array1::<f64>::ones(50_000));
    }
}

#[distob::test]
fn assigning_from_what_shares_the_memory() {
    for hub in hubs() {
        for n in [6usize, 40_000] {
            let x = Array1::from_shape_fn(n, |i| i as f64);
            let start = hub.scatter(&x).unwrap();
            // From a view of another handle, from a part of itself, from an expression of both.
            let mut a = start.clone();
            a.assign(start.slice(s![..;-1]));
            assert_eq!((&a, &start), (&DistArray::from(x.slice(s![..;-1])), &DistArray::from(&x)));
            let mut a = start.clone();
            a.assign(a.slice_shared(s![..;-1]));
            assert_eq!(a, x.slice(s![..;-1]));
            let mut a = hub.scatter(&x).unwrap();
            let reversed = a.slice_shared(s![..;-1]);
            a.assign(&reversed - &start);
            assert_eq!(a, &x.slice(s![..;-1]) - &x);
            a = start.clone();
            a += &a.slice_shared(s![..;-1]);
            assert_eq!(a, Array1::from_elem(n, (n - 1) as f64));
            // A pending clone keeps what it was made of.
            let mut b = &start * 2.0;
            let c = b.clone();
            b[0] = -1.0;
            assert_eq!((b[0], c[0], c[1]), (-1.0, 0.0, 2.0));
        }
    }
}

#[distob::test]
fn the_same_array_twice_in_one_call() {
    // Hubs of its own: what others hold in the shared ones changes meanwhile.
    for hub in [Hub::builder().embedded().engines(2), Hub::builder().process().engines(2)] {
        let hub = hub.start().unwrap();
        let a = hub.scatter(&Array1::<f64>::ones(60_000)).unwrap();
        let before = hub.memory().in_use;
        let x = (&a + 1.0).sin();
        let (clone, of_it) = (x.clone(), x.sum_axis(Axis(0)));
        eval_all(&[&x, &clone, &x, &of_it, &x.clone()]).unwrap();
        assert_eq!((x.as_ptr(), of_it[()].to_bits()), (clone.as_ptr(), x.sum().to_bits()));
        assert!(hub.memory().in_use <= before + (600 << 10), "computed once");
        eval_all(&[]).unwrap();
    }
}

#[distob::test]
fn full_memory_leaves_what_is_there() {
    let hub = Hub::builder().embedded().engines(2).quota(64 << 20).start().unwrap();
    let _entered = hub.enter();
    let mut a = hub.scatter(Array1::<f64>::ones(3 << 20)).unwrap();
    let b = hub.scatter(Array1::<f64>::ones(3 << 20)).unwrap();
    // A copy on write that finds no memory.
    let shared = a.clone();
    let text = message(catch_unwind(AssertUnwindSafe(|| a[0] = 5.0)).unwrap_err());
    assert!(text.contains("out of memory"), "{text}");
    assert!(matches!(a.try_map_inplace(|v| *v = 2.0), Err(Error::OutOfMemory { .. })));
    assert!(matches!(a.try_assign(&(&a + &b)), Err(Error::OutOfMemory { .. })));
    assert!(matches!(a.try_mapv(|v| [v; 2]), Err(Error::OutOfMemory { .. })));
    assert!(matches!(a.try_zip_with(&b, |x, y| x + y), Err(Error::OutOfMemory { .. })));
    assert!(matches!(hub.scatter(&Array1::<f64>::zeros(3 << 20)), Err(Error::OutOfMemory { .. })));
    assert!(matches!(DistArray1::<u8>::try_from_elem(1 << 40, 0), Err(Error::OutOfMemory { .. })));
    let (x, y) = (&a + 1.0, &a + &b);
    assert!(matches!(eval_all(&[&x, &y]), Err(Error::OutOfMemory { .. })));
    assert!(format!("{y}").contains("out of memory"));
    assert_eq!((a.sum(), shared.sum(), y.sum()), (f64::from(3 << 20), f64::from(3 << 20), f64::from(6 << 20)));
    // With the sharer gone the write needs no memory; with `b` gone there is room for the rest.
    drop((shared, x, y));
    a[0] = 5.0;
    assert_eq!(a.sum(), f64::from(3 << 20) + 4.0);
    drop(b);
    assert_eq!((&a + 1.0)[0], 6.0);
}

#[distob::test]
fn shapes_that_no_array_has() {
    let _entered = hubs()[0].enter();
    for shape in [(usize::MAX, 2), (1 << 62, 1 << 3)] {
        assert!(matches!(DistArray2::try_from_elem(shape, 1u8), Err(Error::InvalidArgument { .. })), "{shape:?}");
        assert!(
            matches!(DistArray2::try_from_shape_fn(shape, |_| 1u8), Err(Error::InvalidArgument { .. })),
            "{shape:?}"
        );
        let text = message(catch_unwind(|| DistArray2::from_shape_simple_fn(shape, || 1u8)).unwrap_err());
        assert!(text.contains("too large"), "{text}");
    }
    // Two arrays that there are, stretched to one that there cannot be.
    let one = DistArray1::from_elem(1, 1u8);
    let (a, b) = (one.broadcast((1 << 40, 1)).unwrap(), one.broadcast(1 << 40).unwrap());
    assert!(matches!(a.try_add(&b), Err(Error::InvalidArgument { .. })));
    assert!(catch_unwind(AssertUnwindSafe(|| a.less(&b))).is_err());
    assert!(matches!(a.equal(1).try_choose(&a, &b), Err(Error::InvalidArgument { .. })));
}

#[distob::test]
fn more_axes_than_programs_take() {
    let hub = hubs()[0];
    let mut shape = vec![1; 33];
    let few = hub.scatter(ArrayD::<f64>::ones(IxDyn(&shape))).unwrap();
    assert_eq!(&few + &few, ArrayD::from_elem(IxDyn(&shape), 2.0));
    shape[7] = 60_000;
    let error = hub.scatter(&ArrayD::<f64>::ones(IxDyn(&shape))).err().unwrap();
    assert!(error.to_string().contains("33 axes"), "{error}");
    assert_eq!(few.sum_axis(Axis(3)), ArrayD::ones(IxDyn(&[1; 32])));
    let folded = catch_unwind(AssertUnwindSafe(|| few.sum_axes(&[Axis(3), Axis(5)]).gather())).unwrap_err();
    assert!(message(folded).contains("33 axes"));
}

#[distob::test]
fn ndarrays_zip_writes_to_a_copy_of_what_is_shared() {
    for n in [5, 50_000] {
        let x = Array1::from_shape_fn(n, |i| i as f64);
        let mut d = hubs()[0].scatter(&x).unwrap();
        let (kept, at) = (d.clone(), d.as_ptr());
        ndarray::Zip::from(&mut d).and(&x).and(&kept).for_each(|d, &x, &k| *d = x + k);
        ndarray::azip!((d in &mut d) *d += 1.0);
        assert_eq!(d, &x * 2.0 + 1.0);
        assert_eq!((&kept, kept.as_ptr()), (&DistArray::from(&x), at));
    }
}

/// Any thread may hold and read one.
#[test]
fn arrays_go_between_threads() {
    fn goes<T: Send + Sync + 'static>() {}
    goes::<DistArrayD<f64>>();
    goes::<DistArray1<[bool; 3]>>();
}

#[test]
fn numbers_that_no_memory_holds_panic_with_the_error() {
    let makers: [fn() -> usize; 3] = [
        || DistArray::<f64, Ix1>::logspace(10.0, 0.0, 1.0, 1 << 45).len(),
        || DistArray::<f64, Ix1>::geomspace(1.0, 2.0, 1 << 45).map_or(0, |x| x.len()),
        || DistArray::<f64, Ix1>::linspace(1.0, 2.0, 1 << 45).len(),
    ];
    for make in makers {
        let text = message(catch_unwind(make).unwrap_err());
        assert!(text.contains("out of memory"), "{text}");
    }
}
