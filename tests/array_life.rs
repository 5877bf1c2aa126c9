//! Laziness, threads, memory and failures: what keeps what alive, who waits for whom, what is left after an error.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use distob::prelude::*;
use distob::{Error, Hub};

fn hub(engines: usize) -> Hub {
    Hub::builder().embedded().engines(engines).start().unwrap()
}

fn message(panic: Box<dyn std::any::Any + Send>) -> String {
    panic.downcast_ref::<String>().cloned().or(panic.downcast_ref::<&str>().map(|s| s.to_string())).unwrap()
}

#[test]
fn nothing_runs_before_it_is_read() {
    let hub = hub(2);
    let a = hub.scatter(&Array1::<f64>::ones(100_000)).unwrap();
    let before = hub.memory().in_use;
    let b = (&a + 1.0).sqrt() * &a;
    assert!(b.is_pending());
    assert_eq!((b.shape(), b.ndim(), b.len()), (&[100_000][..], 1, 100_000));
    assert_eq!(hub.memory().in_use, before);
    assert_eq!(b[5], 2f64.sqrt());
    assert!(!b.is_pending());
    // A block begins in the middle of its first page, each elsewhere, so that one of two equal arrays may take a page more.
    assert!(hub.memory().in_use.abs_diff(2 * before) <= 4096, "the result, and no temporary");
    drop(b);
    assert_eq!(hub.memory().in_use, before);
}

#[test]
fn a_shared_part_is_not_lost_and_several_run_together() {
    let hub = hub(2);
    let a = hub.scatter(&Array1::from_iter((0..50_000).map(f64::from))).unwrap();
    let shared = &a * 3.0;
    let (x, y, z) = (&shared + 1.0, &shared - 1.0, shared.sqrt());
    eval_all(&[&x, &y, &z]).unwrap();
    assert!(!x.is_pending() && !y.is_pending() && !z.is_pending());
    assert_eq!((x[7], y[7], shared[7]), (22.0, 20.0, 21.0));
    let w = &shared + &x;
    assert_eq!(w.sum(), (0..50_000).map(|i| f64::from(i) * 6.0 + 1.0).sum::<f64>());
}

#[test]
fn a_million_updates_hold_no_memory_and_no_stack() {
    let hub = hub(2);
    let step = hub.scatter(&Array1::<f64>::ones(16)).unwrap();
    let mut x = hub.scatter(&Array1::<f64>::zeros(16)).unwrap();
    let before = hub.memory().in_use;
    for _ in 0..1_000_000 {
        x += &step;
    }
    assert_eq!(x.sum(), 16e6);
    drop(x);
    assert!(hub.memory().in_use <= before);

    // Large ones grow as expressions, which are computed on the way.
    const N: usize = 20_000;
    let step = hub.scatter(&Array1::<f64>::ones(N)).unwrap();
    let mut x = hub.scatter(&Array1::<f64>::zeros(N)).unwrap();
    let before = hub.memory().in_use;
    hub.reset_peak();
    for n in 0..30_000 {
        x = if n % 2 == 0 { x + &step } else { &x + &step };
    }
    let mut doubled = hub.scatter(&Array1::<f64>::ones(N)).unwrap();
    for _ in 0..1000 {
        doubled = &doubled + &doubled * 0.0;
    }
    assert_eq!(x.sum() + doubled.sum(), (30_000 * N + N) as f64);
    // A dozen blocks, of 31,000 results, is what a handful of expressions hold.
    assert!(hub.memory().peak_in_use < before + 12 * (192 << 10), "{before}, {:?}", hub.memory());
}

#[test]
fn a_hundred_thousand_arrays_leave_nothing() {
    let hub = hub(2);
    let a = hub.scatter(&Array1::<f64>::ones(100)).unwrap();
    let before = hub.memory().in_use;
    let mut kept = std::collections::VecDeque::new();
    for n in 0..100_000 {
        kept.push_back(if n % 100 == 0 { (&a + 1.0).reshape((10, 10)).into_dyn() } else { (&a * 2.0).into_dyn() });
        if kept.len() > 50 {
            kept.pop_front();
        }
    }
    drop(kept);
    assert_eq!(hub.memory().in_use, before);
}

#[test]
fn sixty_four_tasks_read_one_pending_array() {
    let hub = hub(2);
    let a = hub.scatter(&Array1::<f64>::ones(300_000)).unwrap();
    let before = hub.memory().in_use;
    for _ in 0..20 {
        let b = &(&a + 1.0) * &a;
        let pool = rayon::ThreadPoolBuilder::new().num_threads(8).build().unwrap();
        let total: f64 = pool.install(|| {
            use rayon::prelude::*;
            (0..64usize).into_par_iter().map(|i| b[i * 4000]).sum()
        });
        assert_eq!(total, 128.0);
        let in_use = hub.memory().in_use;
        // A block begins in the middle of its first page, each elsewhere, so that one of two equal arrays may take a page more.
        assert!(in_use.abs_diff(2 * before) <= 4096, "computed once: {in_use}, before {before}");
    }
}

#[test]
fn thirty_two_threads_on_one_hub() {
    let hub = hub(2);
    let a = hub.scatter(&Array2::from_shape_fn((200, 300), |(i, j)| (i + j) as f64)).unwrap();
    let shared = &a * 2.0;
    let expected = 2.0 * a.sum();
    std::thread::scope(|scope| {
        for thread in 0..32 {
            let (a, shared) = (a.clone(), shared.clone());
            scope.spawn(move || {
                for round in 0..10 {
                    let c = &shared + (thread * round) as f64;
                    assert_eq!(c.sum(), expected + (60_000 * thread * round) as f64);
                    let z = (&a - &a.mean_axis(Axis(0)).unwrap()) / &a.std_axis(Axis(0), 0.0);
                    assert!(z.sum().abs() < 1e-6);
                    let small = a.slice_shared(s![..3, ..3]);
                    assert_eq!((&small + &small)[[2, 2]], 8.0);
                }
            });
        }
    });
}

#[test]
fn expressions_that_need_each_other_do_not_wait_in_a_circle() {
    let hub = hub(2);
    let a = hub.scatter(&Array2::<f64>::ones((100, 200))).unwrap();
    for _ in 0..200 {
        let row = a.sum_axis(Axis(0)) * 1.0;
        let middle = &a + &row;
        let column = middle.sum_axis(Axis(0));
        let last = &a + &column;
        std::thread::scope(|scope| {
            scope.spawn(|| eval_all(&[&last, &row]).unwrap());
            scope.spawn(|| eval_all(&[&row, &middle, &last]).unwrap());
            scope.spawn(|| column.eval().map(drop).unwrap());
        });
        assert_eq!(last[[0, 0]], 10_101.0);
    }
}

#[test]
fn full_memory_is_an_error_and_the_array_can_be_tried_again() {
    let hub = Hub::builder().embedded().engines(2).quota(64 << 20).start().unwrap();
    let a = hub.scatter(&Array1::<f64>::ones(3 << 20)).unwrap();
    let other = hub.scatter(&Array1::<f64>::ones(3 << 20)).unwrap();
    let b = &a + &other;
    let error = b.eval().err().unwrap();
    assert!(matches!(error, Error::OutOfMemory { .. }), "{error}");
    let text = message(catch_unwind(AssertUnwindSafe(|| b[0])).unwrap_err());
    assert!(text.contains("out of memory"), "{text}");
    // A sum of it needs no such memory.
    assert_eq!(b.sum(), f64::from(6 << 20));
    // A dereference while a panic is under way does not panic again, which would abort.
    struct ReadsInDrop<'a>(&'a DistArray1<f64>);
    impl Drop for ReadsInDrop<'_> {
        fn drop(&mut self) {
            assert!(self.0.view().is_empty() || !std::thread::panicking());
        }
    }
    let text = message(
        catch_unwind(AssertUnwindSafe(|| {
            let _guard = ReadsInDrop(&b);
            panic!("first")
        }))
        .unwrap_err(),
    );
    assert_eq!(text, "first");
    drop(other.clone());
    drop(a);
    let small = other.slice_shared(s![..10]);
    assert_eq!(small.sum(), 10.0);
}

#[test]
fn a_closure_that_panics() {
    let hub = hub(2);
    for n in [10, 100_000] {
        let a = hub.scatter(&Array1::from_iter(0..n)).unwrap();
        let f = |x: i32| if x == 7 { panic!("seven is {x}") } else { x + 1 };
        let error = a.try_mapv(f).err().unwrap();
        assert!(matches!(&error, Error::Panicked { message, .. } if message == "seven is 7"), "{error}");
        let text = message(catch_unwind(AssertUnwindSafe(|| a.mapv(f))).unwrap_err());
        assert!(text.contains("seven is 7"), "{text}");
        assert_eq!(a.mapv(|x| x / 2).max(), Some((n - 1) / 2));
    }
}

#[test]
fn closures_take_captures_and_types_of_the_users_own() {
    #[derive(Clone, Copy, PartialEq, Debug, distob::Element)]
    #[repr(C)]
    struct Point {
        x: f64,
        y: f64,
    }
    impl std::ops::Add for Point {
        type Output = Point;
        fn add(self, other: Point) -> Point {
            Point { x: self.x + other.x, y: self.y + other.y }
        }
    }
    let hub = hub(2);
    for n in [10, 40_000] {
        let a = hub.scatter(&Array1::from_iter((0..n).map(f64::from))).unwrap();
        let calls = AtomicUsize::new(0);
        let points = a.map(|&x| {
            calls.fetch_add(1, Ordering::Relaxed);
            Point { x, y: -x }
        });
        assert_eq!(calls.into_inner(), n as usize);
        let sum = &points + &points.slice_shared(s![..1]) + Point { x: 1.0, y: 0.0 };
        assert_eq!(sum[3], Point { x: 4.0, y: -3.0 });
        let lengths = points.zip_with(&a, |p, v| p.x * p.x + p.y * p.y - v);
        assert_eq!(lengths.slice_shared(s![2..4]), array![6.0, 15.0]);
        let mut changed = points.clone();
        changed.map_inplace(|p| p.y = 0.0);
        assert_eq!((changed[2].y, points[2].y), (0.0, -2.0));
        let copy = changed.gather();
        changed.assign(&points);
        assert_eq!((copy[2].y, changed[2].y), (0.0, -2.0));
    }
}

#[test]
fn an_array_outlives_the_last_handle_of_its_hub() {
    let a = hub(2).scatter(&Array1::<f64>::ones(100_000)).unwrap();
    let b = &a + &a;
    assert_eq!(b.sum(), 200_000.0);
    drop(a);
    assert_eq!(b.clone().gather()[0], 2.0);
}

#[distob::test]
fn arrays_that_share_costly_parts_take_one_pass_and_no_memory_but_their_own() {
    let hub = hub(2);
    let x = hub.scatter(&Array1::<f64>::linspace(0.0, 1.0, 500_000)).unwrap();
    let (a, b) = {
        let costly = (&x * 3.0).exp();
        (&costly + 1.0, &costly * (&costly + 2.0))
    };
    let before = hub.memory().in_use;
    hub.reset_peak();
    distob::eval_all(&[&a, &b]).unwrap();
    let held = hub.memory().peak_in_use - before;
    assert!(held <= 2 * 6 * (1 << 20), "{held} bytes at the height of two results of 4 MB");
    let e: f64 = (3.0 * x[499_999]).exp();
    assert!((a[499_999] - (e + 1.0)).abs() < 1e-12 && (b[499_999] - e * (e + 2.0)).abs() < 1e-11);
}

#[distob::test]
fn arrays_of_two_hubs_may_be_computed_in_one_call() {
    let (one, two) = (hub(1), hub(2));
    let values = Array1::linspace(0.0, 1.0, 50_000);
    let (x, y) = (one.scatter(&values).unwrap().sin(), two.scatter(&values).unwrap().sin());
    distob::eval_all(&[&x, &y]).unwrap();
    assert_eq!((x.hub().id(), y.hub().id()), (one.id(), two.id()));
    assert_eq!(x, y);
}

#[distob::test]
fn a_view_that_is_aligned_for_its_type_alone_is_copied_right() {
    use num_complex::Complex;
    let hub = hub(2);
    let numbers: Vec<f32> = (0..400_002).map(|i| i as f32).collect();
    // Two floats lie where a complex number may, but not where a word of eight bytes would.
    let start = if numbers.as_ptr().addr().is_multiple_of(8) { 1 } else { 2 };
    let pairs = &numbers[start..start + 400_000];
    // SAFETY: `Complex<f32>` is `repr(C)`, two `f32`: as aligned as they are, and every bit pattern is valid.
    let complex = unsafe { std::slice::from_raw_parts(pairs.as_ptr().cast::<Complex<f32>>(), 200_000) };
    let scattered = hub.scatter(ArrayView1::from(complex)).unwrap();
    assert!(scattered.iter().eq(complex));
}

#[distob::test]
fn what_no_program_knows_is_said_where_it_is_asked_for() {
    use num_complex::Complex;
    let hub = hub(1);
    let z = hub.scatter(&Array1::from_elem(100_000, Complex::new(1.0, 2.0))).unwrap();
    assert!(matches!(z.try_astype::<f64>(), Err(Error::InvalidArgument { .. })));
    assert_eq!((&z % &z)[0], Complex::new(1.0, 2.0) % Complex::new(1.0, 2.0));
    for (start, end, step) in [(0.0, 1.0, 0.0), (0.0, f64::NAN, 1.0), (0.0, 10.0, -1.0)] {
        let made = std::panic::catch_unwind(|| DistArray::range(start, end, step));
        assert!(made.is_err(), "range({start}, {end}, {step})");
    }
}
