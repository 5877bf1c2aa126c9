//! What is seldom done to arrays: many axes, none, closures inside of closures, memory that is full, aliases, division by zero.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use distob::prelude::*;
use distob::ufunc::{Add, FloorDivide, Matmul};
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

/// A result is as large as its elements are.
#[distob::test]
fn expressions_that_no_memory_holds() {
    let _entered = hubs()[0].enter();
    let (wide, narrow) = (DistArray1::from_elem(1, 1.0), DistArray1::from_elem(1, 1u8));
    let (a, b) = (wide.broadcast((1 << 40, 1)).unwrap(), wide.broadcast(1 << 21).unwrap());
    assert!(matches!(a.try_add(&b), Err(Error::InvalidArgument { .. })));
    let text = a.try_add(&b).err().unwrap().to_string();
    assert_eq!(text, "an array of shape [1099511627776, 2097152] with elements of 8 bytes is too large");
    assert!(matches!(wide.try_broadcast((1 << 40, 1 << 21)), Err(Error::InvalidArgument { .. })));
    // So many bytes there may be; of 8 bytes each there may not.
    let (c, d) = (narrow.broadcast((1 << 40, 1)).unwrap(), narrow.broadcast(1 << 21).unwrap());
    let sum = c.try_add(&d).unwrap();
    assert!(matches!(sum.try_astype::<f64>(), Err(Error::InvalidArgument { .. })));
    assert!(sum.less(1).eval().is_err());
    assert!(sum.eval().is_err());
}

/// Every operation takes arrays of any number of axes: NumPy has 64 at most, and so have files.
#[distob::test]
fn more_axes_than_numpy_has() {
    for hub in hubs() {
        for (rank, length) in [(33, 60), (33, 12_000), (65, 60), (65, 12_000), (130, 12_000)] {
            let mut shape = vec![1; rank];
            (shape[7], shape[20]) = (length, 3);
            let x = ArrayD::from_shape_fn(IxDyn(&shape), |index| (index[7] * 3 + index[20]) as f64);
            let a = hub.scatter(&x).unwrap();
            assert_eq!(a, x);
            assert_eq!(&a + &a, &x * 2.0);
            let turned = a.clone().reversed_axes();
            assert_eq!(&turned + 1.0, x.t().mapv(|x| x + 1.0));
            assert_eq!(turned.gather(), x.t());
            assert_eq!(a.sum(), x.sum());
            assert_eq!(a.argmax(), Some(IxDyn(&shape.iter().map(|n| n - 1).collect::<Vec<_>>())));
            for axis in [0, 7, 20, rank - 1] {
                let sums = x.sum_axis(Axis(axis));
                assert_eq!(a.sum_axis(Axis(axis)), sums, "axis {axis} of {rank}");
                let greatest = x.map_axis(Axis(axis), |lane| lane.fold(0.0, |a: f64, &b| a.max(b)) * 2.0);
                assert_eq!((&a * 2.0).max_axis(Axis(axis)).unwrap(), greatest);
                let whole = Add.reduceat(&a, [0]).axis(axis as isize).run().unwrap();
                assert_eq!(whole, sums.insert_axis(Axis(axis)));
                let mut up_to = x.clone();
                up_to.accumulate_axis_inplace(Axis(axis), |&before, x| *x += before);
                assert_eq!(a.cumsum(Axis(axis)), up_to);
            }
            assert_eq!(a.sum_axes(&[Axis(3), Axis(7)]), x.sum_axis(Axis(7)).remove_axis(Axis(3)));
            assert_eq!(a.mapv(|x| -x), -&x);
            assert_eq!(a.map_with(&1.0, |y, x: f64| x - y), &x - 1.0);
            assert_eq!(a.less(7.0).choose(&a, 0.0), x.mapv(|x| if x < 7.0 { x } else { 0.0 }));
            let matrices = a.clone().permuted_axes(last(rank, 7, 20));
            let identity = ndarray::Array2::<f64>::eye(3).into_dyn();
            assert_eq!(Matmul.call(&matrices, &identity), matrices);
            let mut b = a.clone();
            Add.at(&mut b, [0, 0], 1.0).unwrap();
            assert_eq!(b, &x + 2.0);
            let mut grid = vec![1; rank];
            grid[7] = 2;
            let blocks = DistArray::from_blocks(&grid, vec![a.clone(), a.clone()]).unwrap();
            assert_eq!((&blocks + 1.0).sum_axis(Axis(7)), x.sum_axis(Axis(7)) * 2.0 + 2.0 * length as f64);
            assert_eq!(&blocks + 1.0, ndarray::concatenate![Axis(7), x, x] + 1.0);
            let quotients = FloorDivide.try_call(1i64, &a.astype::<i64>());
            let error = quotients.and_then(|array| array.evaluated().map(drop)).unwrap_err();
            assert!(matches!(&error, Error::Arithmetic { index, .. } if *index == vec![0; rank]), "{error}");
            let path = std::env::temp_dir().join(format!("distob-axes-{}-{rank}.npy", std::process::id()));
            match a.save_npy(&path) {
                Ok(()) => {
                    assert!(rank <= 64);
                    assert_eq!(hub.open_npy::<f64, IxDyn>(&path).unwrap(), x);
                    std::fs::remove_file(&path).unwrap();
                }
                Err(error) => assert!(rank > 64 && error.to_string().contains("64"), "{error}"),
            }
        }
        // Of nothing, in any number of axes.
        let mut shape = vec![0; 70];
        shape[3] = 2;
        let none = hub.scatter(ArrayD::<f64>::zeros(IxDyn(&shape))).unwrap();
        assert_eq!((&none + 1.0).sum_axis(Axis(3)).shape(), [0; 69]);
        assert_eq!((&none + 1.0).sum(), 0.0);
        shape = vec![1; 70];
        (shape[3], shape[5]) = (0, 2);
        let none = hub.scatter(ArrayD::<f64>::zeros(IxDyn(&shape))).unwrap();
        assert_eq!((&none + 1.0).sum_axis(Axis(3)), none.sum_axis(Axis(3)));
        assert_eq!(none.sum_axis(Axis(3)).len(), 2);
    }
}

/// All axes, these two last.
fn last(rank: usize, first: usize, second: usize) -> IxDyn {
    let others = (0..rank).filter(|&axis| axis != first && axis != second);
    IxDyn(&others.chain([first, second]).collect::<Vec<_>>())
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
