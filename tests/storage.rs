//! Where an array's elements are: moved in and out without a copy, written in place, shared, grown, counted in the quota, copied once for engine
//! processes. What is right is what ndarray does with the same array, what the addresses say, and how often each element ends.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use distob::prelude::*;
use distob::ufunc::Add;
use distob::{EngineKind, Error, Hub};
use ndarray::{ShapeBuilder, Slice};
use num_complex::Complex;

const LARGE: usize = 400_000;

fn embedded() -> Hub {
    Hub::builder().embedded().engines(2).start().unwrap()
}

fn process() -> Hub {
    Hub::builder().process().engines(2).start().unwrap()
}

/// Chunks that engine processes have computed.
fn elsewhere(hub: &Hub) -> u64 {
    hub.activity().iter().filter(|a| a.pid.is_some()).map(|a| a.counters.chunks).sum()
}

/// That an array is at a place, and what it holds.
#[track_caller]
fn there<A: PartialEq + std::fmt::Debug, D: ndarray::Dimension>(a: &DistArray<A, D>, at: *const A, want: &Array<A, D>) {
    assert_eq!(a, want);
    assert_eq!(a.as_ptr(), at);
}

/// Some numbers, all different.
fn numbers(shape: (usize, usize)) -> Array2<f64> {
    Array2::from_shape_fn(shape, |(i, j)| (i * shape.1 + j) as f64 * 0.5 - 7.0)
}

#[distob::test]
fn what_is_moved_in_and_out_stays_where_it_is() {
    let hub = embedded();
    let _entered = hub.enter();
    // Each array, and the way in.
    let mut turned = numbers((30, 40)).reversed_axes();
    turned.invert_axis(Axis(0));
    let mut sliced = numbers((30, 40));
    sliced.slice_collapse(s![7..21, 3..]);
    let mut rows = numbers((30, 40));
    rows.slice_collapse(s![..;-2, ..]);
    for x in [numbers((30, 40)), numbers((1, 1)), numbers((0, 5)), turned, sliced, rows] {
        let (at, want, strides) = (x.as_ptr(), x.to_owned(), x.strides().to_vec());
        let a = DistArray::from(x);
        there(&a, at, &want);
        assert_eq!((a.strides(), a.sum()), (&strides[..], want.sum()));
        let back = Array::from(a);
        assert_eq!(&back, &want);
        // Where no element is, so is none to point to.
        assert!(back.as_ptr() == at || back.is_empty());
        assert!(back.strides() == strides || back.is_empty() || back.len() == 1);
        let a = hub.scatter(back).unwrap();
        assert!(a.as_ptr() == at || a.is_empty());
        let by_column = hub.scatter_axis(a.into_ndarray(), -1).unwrap();
        assert_eq!(by_column.partition().blocks_per_axis(), [1, 2.min(want.ncols().max(1))]);
        assert!(by_column.as_ptr() == at || by_column.is_empty());
    }
    let elements: Vec<i32> = (0..24).collect();
    let at = elements.as_ptr();
    let a = DistArray::from_vec(elements);
    assert_eq!(a.as_ptr(), at);
    let a = DistArray::from(a.into_raw_vec_and_offset().0);
    let (elements, first) = a.into_raw_vec_and_offset();
    assert_eq!(first, Some(0));
    let a = DistArray::from_shape_vec((4, 6).f(), elements).unwrap();
    assert_eq!((a.as_ptr(), a[[1, 0]], a[[0, 1]]), (at, 1, 4));
    assert!(DistArray::from_shape_vec((5, 5), vec![0; 24]).is_err());
    let collected: DistArray1<u8> = (0..9).collect();
    assert_eq!(collected, Array1::from_iter(0..9));
    // Shared arrays of ndarray's: one that is not shared is moved, one that is is copied.
    let (one, other) = (numbers((3, 4)).into_shared(), numbers((3, 4)).into_shared());
    let (at, kept) = (one.as_ptr(), other.clone());
    assert_eq!(DistArray::from(one).as_ptr(), at);
    let copied = DistArray::from(other);
    assert_ne!(copied.as_ptr(), kept.as_ptr());
    assert_eq!(copied, kept);
    assert_eq!(DistArray::from(CowArray::from(kept.view())), kept);
    assert_eq!(hub.scatter(CowArray::from(kept.to_owned())).unwrap(), kept);
    // Nothing of all that was moved was copied: two views of 12 numbers were.
    assert_eq!(hub.copied_bytes(), 2 * 12 * 8);
}

#[distob::test]
fn moving_a_gibibyte_touches_no_page() {
    let resident = || {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    };
    let hub = Hub::builder().embedded().engines(1).quota(64 << 20).start().unwrap();
    let _entered = hub.enter();
    let before = resident();
    // Zeros that the system has promised and not given.
    let mut x = Array2::<u64>::zeros((1 << 17, 1 << 10));
    for _ in 0..100 {
        let mut a = hub.scatter(x).unwrap();
        assert_eq!(hub.memory().outside, 1 << 30);
        a.swap_axes(0, 1);
        a[[3, 5]] += 1;
        x = a.reversed_axes().into();
    }
    assert_eq!((x[[5, 3]], x[[5, 4]]), (100, 0));
    assert_eq!((hub.memory().outside, hub.memory().in_use), (0, 0));
    assert!(resident() < before + (64 << 20), "{before} bytes resident before, {} after", resident());
}

#[distob::test]
fn layouts_on_the_way_out_are_ndarrays() {
    let hub = embedded();
    let _entered = hub.enter();
    let mut seed = 1u64;
    let mut next = |n: usize| {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) as usize % n
    };
    let mut moved = 0;
    for round in 0..500 {
        let mut x = Array3::from_shape_fn((5, 6, 7), |(i, j, k)| 100 * i + 10 * j + k);
        let names = x.mapv(|x| x.to_string());
        let (mut a, mut b) = (DistArray::from(x.clone()), DistArray::from(names));
        let base = a.as_ptr();
        for _ in 0..next(5) {
            let axis = Axis(next(3));
            let (length, step) = (x.len_of(axis), [1, 1, 1, 2, 3, -1, -2][next(7)]);
            let start = next(length.max(1)) as isize;
            match next(3) {
                0 => {
                    let other = next(3);
                    x.swap_axes(axis.0, other);
                    a.swap_axes(axis.0, other);
                    b.swap_axes(axis.0, other);
                }
                _ => {
                    let slice = Slice::new(start, None, step);
                    x.slice_axis_inplace(axis, slice);
                    a.slice_axis_inplace(axis, slice);
                    b = b.slice_axis_move(axis, slice);
                }
            }
        }
        assert_eq!(a, x, "round {round}");
        assert_eq!(a.strides(), x.strides(), "round {round}");
        let at = a.as_ptr();
        let (y, names): (Array3<usize>, Array3<String>) = (a.into(), b.into());
        assert_eq!(y, x, "round {round}");
        assert_eq!(names, x.mapv(|x| x.to_string()), "round {round}");
        if !y.is_empty() {
            moved += usize::from(y.as_ptr() == at);
            assert!(y.as_ptr() != at || y.strides() == x.strides() || x.shape().contains(&1), "round {round}");
            assert!(y.as_ptr() == at || at != base, "what begins at the vector's start is moved: round {round}");
        }
    }
    assert!(moved > 250, "{moved} of 500 were moved out");
    // A sub-array that begins between the steps of its strides, of elements that cannot be cloned.
    struct Alone(usize);
    let column = DistArray::from(Array2::from_shape_fn((3, 4), |(i, j)| Alone(10 * i + j))).index_axis_move(Axis(1), 2);
    let column: Array1<Alone> = column.into();
    assert_eq!(column.map(|alone| alone.0), array![2, 12, 22]);
}

#[distob::test]
fn the_quota_counts_what_lies_outside_of_the_pool() {
    let hub = Hub::builder().embedded().engines(2).quota(64 << 20).start().unwrap();
    let _entered = hub.enter();
    let held = || (hub.memory().outside, hub.memory().in_use);
    assert_eq!(held(), (0, 0));
    let a = DistArray::from(Array1::<f64>::ones(3 << 20));
    assert_eq!(held(), (24 << 20, 24 << 20));
    let clone = a.clone();
    let pending = &clone + 1.0;
    assert_eq!(held(), (24 << 20, 24 << 20), "handles hold no memory");
    drop(a);
    drop(clone);
    assert_eq!(held(), (24 << 20, 24 << 20), "the expression reads it");
    drop(pending);
    assert_eq!(held(), (0, 0));
    // Capacity counts, not length alone.
    let mut elements = Vec::with_capacity(1000);
    elements.extend(0..10u64);
    let short = DistArray::from(elements);
    assert_eq!(held(), (8000, 8000));
    drop(short);
    // 40 MiB outside leave no room for 32 in the pool, and for 16.
    let a = DistArray::from(vec![1.0f64; 5 << 20]);
    match DistArray1::try_from_elem(4 << 20, 0.0f64) {
        Err(Error::OutOfMemory { wanted, in_use, quota }) => {
            // The hub itself keeps one block of 64 bytes.
            assert_eq!((wanted, in_use, quota), (32 << 20, (40 << 20) + 64, 64 << 20));
        }
        _ => panic!("32 MiB beside 40 in a quota of 64"),
    }
    let b = DistArray1::from_elem(2 << 20, 1.0);
    assert_eq!(hub.memory().outside, 40 << 20);
    assert!(hub.memory().peak_in_use >= 56 << 20);
    // What exists is taken in whatever the quota is; the pool does not grow then.
    let c = hub.scatter(Array1::<f64>::ones(8 << 20)).unwrap();
    assert_eq!(hub.memory().outside, 104 << 20);
    assert!(matches!((&c * 2.0).eval(), Err(Error::OutOfMemory { .. })));
    assert_eq!((a.sum() + b.sum(), (&c * 2.0).sum()), (7.0 * 1048576.0, 16.0 * 1048576.0));
    let x: Array1<f64> = c.into();
    assert_eq!(hub.memory().outside, 40 << 20);
    drop((a, b, x));
    assert_eq!(held(), (0, 0));
    // Threads count what they make, and give up what others made.
    std::thread::scope(|scope| {
        let make = || {
            let _entered = hub.enter();
            (0..300).map(|n| DistArray::from(vec![n as f32; 3000])).collect::<Vec<_>>()
        };
        let makers: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        let made: Vec<_> = makers.into_iter().map(|maker| maker.join().unwrap()).collect();
        assert_eq!(held(), (8 * 300 * 12_000, 8 * 300 * 12_000));
        let enders: Vec<_> = made.into_iter().map(|arrays| scope.spawn(move || drop(arrays))).collect();
        enders.into_iter().for_each(|ender| ender.join().unwrap());
    });
    assert_eq!(held(), (0, 0));
}

#[distob::test]
fn what_is_held_alone_is_written_in_place() {
    for hub in [embedded(), process()] {
        let _entered = hub.enter();
        for n in [100, LARGE] {
            let x = Array1::from_shape_fn(n, |i| i as f64);
            let mut a = DistArray::from(x.clone());
            let at = a.as_ptr();
            a[3] = 0.5;
            a.iter_mut().skip(10).for_each(|v| *v = 2.0);
            a.mapv_inplace(|v| v + 1.0);
            a.map_inplace(|v| *v *= 2.0);
            let mut want = x.clone();
            want[3] = 0.5;
            want.slice_mut(s![10..]).fill(2.0);
            want.mapv_inplace(|v| (v + 1.0) * 2.0);
            there(&a, at, &want);
            Add.at(&mut a, [5, 5], 1.0).unwrap();
            want[5] += 2.0;
            assert_eq!(a, want);
            // Engine processes leave their results elsewhere.
            assert!(a.as_ptr() == at || hub.kind() == EngineKind::Process, "{n}");
            let at = a.as_ptr();
            // An assignment of an array computes into this memory where no engine process has to see it.
            a.assign(&x);
            there(&a, at, &x);
            let b = DistArray::from(x.clone());
            a.assign(&b * 3.0);
            assert_eq!(a, &x * 3.0);
            assert!(a.as_ptr() == at || hub.kind() == EngineKind::Process, "{n}");
            a.fill(4.0);
            assert_eq!(a, Array1::from_elem(n, 4.0));
        }
        // Small ones take operators in place, the consuming ones too.
        let mut a = DistArray::from(vec![1.0, 2.0, 3.0]);
        let at = a.as_ptr();
        a += 1.0;
        a -= &array![1.0, 0.0, 0.0];
        let a = a * 2.0 + 1.0;
        there(&a, at, &array![3.0, 7.0, 9.0]);
        let mut rows = DistArray::from(numbers((20, 500)));
        let at = rows.as_ptr();
        rows *= &Array1::from_elem(500, 2.0);
        there(&rows, at, &(numbers((20, 500)) * 2.0));
    }
}

#[distob::test]
fn what_is_shared_is_copied_before_it_is_written() {
    for hub in [embedded(), process()] {
        let _entered = hub.enter();
        for n in [100, LARGE] {
            let x = Array1::from_shape_fn(n, |i| i as f32);
            let mut a = DistArray::from(x.clone());
            let (at, b) = (a.as_ptr(), a.clone());
            assert_eq!(b.as_ptr(), at);
            a[0] = 7.0;
            assert_eq!((b.as_ptr(), b[0], a[0]), (at, 0.0, 7.0));
            // The last of the two has it alone again.
            let mut b = b;
            b[1] = 5.0;
            assert_eq!((b.as_ptr(), b[1], a[1]), (at, 5.0, 1.0));
            b[1] = 1.0;
            // A pending expression reads what was there when it was made.
            let pending = &b * 2.0 + &b;
            b += 1.0;
            b[2] = -1.0;
            assert_eq!(pending, &x * 3.0);
            assert_eq!(b[3], 4.0);
            // So does a slice, and one that is written to is no longer part of it.
            let c = DistArray::from(x.clone());
            let mut part = c.slice_shared(s![10..20]);
            part.assign(&Array1::zeros(10));
            assert_eq!((c, part.sum()), (DistArray::from(&x), 0.0));
            // What is shared is copied on the way out.
            let c = DistArray::from(x.clone());
            let d = c.clone();
            let (y, kept): (Array1<f32>, _) = (c.into(), d);
            assert_eq!((&y, &kept), (&x, &DistArray::from(&x)));
            assert_ne!(y.as_ptr(), kept.as_ptr());
            // And what is in the pool.
            let pooled = hub.scatter(&x).unwrap();
            assert_eq!(Array1::from(pooled.clone() * 2.0), &x * 2.0);
            assert_eq!((pooled.gather(), pooled.into_ndarray()), (x.clone(), x.clone()));
        }
    }
}

#[distob::test]
fn engine_processes_read_a_copy_that_is_made_once() {
    let hub = process();
    let _entered = hub.enter();
    let x = Array1::from_shape_fn(LARGE, |i| (i % 1000) as f64);
    let bytes = 8 * LARGE as u64;
    let want = (&x * 2.0).sqrt().sum();
    let mut a = DistArray::from(x.clone());
    let at = a.as_ptr();
    let first = &a[0];
    // Small operations on it need no engine, and so no copy.
    assert_eq!(a.slice_shared(s![..100]).sum(), 4950.0);
    assert_eq!((hub.copied_bytes(), hub.memory().outside), (0, bytes));
    let before = elsewhere(&hub);
    let mut runs = 0;
    while elsewhere(&hub) == before {
        let sum = (&a * 2.0).sqrt().sum();
        assert!((sum - want).abs() <= 1e-12 * want.abs(), "{sum} for {want}");
        runs += 1;
        assert!(runs < 300, "no engine process took part");
    }
    // A slice of it uses the same copy, and the original is where it was.
    assert_eq!(a.slice_shared(s![1000..200_000;2]).sum(), x.slice(s![1000..200_000;2]).sum());
    assert_eq!((hub.copied_bytes(), hub.memory().outside), (bytes, bytes));
    assert_eq!((a.as_ptr(), std::ptr::from_ref(first), *first), (at, at, 0.0));
    assert!(hub.memory().in_use >= 2 * bytes, "{:?}", hub.memory());
    // The original goes when the array is written to; nothing is copied for that.
    a[1] = -1.0;
    assert_ne!(a.as_ptr(), at);
    assert_eq!((hub.copied_bytes(), hub.memory().outside), (bytes, 0));
    assert!(hub.memory().in_use < bytes + (1 << 20), "{:?}", hub.memory());
    let mut y = x.clone();
    y[1] = -1.0;
    assert_eq!(a, y);
    a += 1.0;
    assert_eq!(a, &y + 1.0);

    // Who shares the original keeps it.
    let mut a = DistArray::from(x.clone());
    let (at, b) = (a.as_ptr(), a.clone());
    assert_eq!((&a + 1.0).sum(), (&x + 1.0).sum());
    a[0] = 9.0;
    assert_eq!((b.as_ptr(), b[0], a[0], &b), (at, 0.0, 9.0, &DistArray::from(&x)));
    // And it is moved out without the copy beside it.
    let back: Array1<f64> = b.into();
    assert_eq!((back.as_ptr(), &back), (at, &x));

    // Slices keep their places in the copy, whatever their layout.
    let x = numbers((700, 600));
    let mut a = DistArray::from(x.clone()).slice_move(s![10..;3, ..;-2]).reversed_axes();
    let want = x.slice_move(s![10..;3, ..;-2]).reversed_axes();
    assert_eq!((&a + &a).sum_axis(Axis(0)), (&want + &want).sum_axis(Axis(0)));
    a[[2, 3]] = 0.25;
    let mut want = want;
    want[[2, 3]] = 0.25;
    assert_eq!((&a, &a * 1.0), (&DistArray::from(want.clone()), DistArray::from(want)));

    // State travels to a closure over it, and an odd number of bytes is copied too.
    let bytes = DistArray::from((0..1_000_003u32).map(|i| i as u8).collect::<Vec<u8>>());
    let mapped = bytes.map_with(&3u8, |by, x: u8| x.wrapping_mul(*by));
    assert_eq!((mapped[1_000_002], mapped[7]), (((1_000_002u32 as u8).wrapping_mul(3)), 21));
    assert_eq!((&bytes ^ 1u8)[1_000_002], 1_000_002u32 as u8 ^ 1);
}

#[distob::test]
fn without_room_for_the_copy_the_hub_computes() {
    let hub = Hub::builder().process().engines(2).quota(16 << 20).start().unwrap();
    let _entered = hub.enter();
    let x = Array1::from_shape_fn(1 << 20, |i| (i % 77) as f64);
    let a = DistArray::from(x.clone());
    // 8 MiB are left: less than a copy and its page take.
    let before = hub.copied_bytes();
    for _ in 0..10 {
        assert_eq!((a.sum(), a.map_with(&1.0, |by, x: f64| (x + by) as u8)[80]), (x.sum(), 4));
    }
    assert_eq!((hub.copied_bytes(), elsewhere(&hub)), (before, 0));
}

#[distob::test]
fn threads_that_need_a_copy_at_once_get_one() {
    let hub = process();
    let x = Array1::from_shape_fn(LARGE, |i| i as f64);
    for _ in 0..5 {
        let a = hub.scatter(x.clone()).unwrap();
        std::thread::scope(|scope| {
            for by in 0..8 {
                let (a, x) = (&a, &x);
                scope.spawn(move || {
                    let by = f64::from(by);
                    assert_eq!((a + by)[LARGE - 1], x[LARGE - 1] + by);
                    let mut own = a.clone();
                    own[0] = by;
                    assert_eq!((own[0], a[0]), (by, 0.0));
                });
            }
        });
        assert!(hub.memory().in_use <= 3 * 8 * LARGE as u64 + (4 << 20), "{:?}", hub.memory());
        drop(a);
    }
    assert_eq!((hub.memory().outside, hub.memory().in_use), (0, 0));
}

/// An element that counts how many of its kind there are.
struct Counting(Arc<AtomicI64>, i32);

impl Counting {
    fn new(there: &Arc<AtomicI64>, value: i32) -> Counting {
        there.fetch_add(1, Ordering::Relaxed);
        Counting(there.clone(), value)
    }
}

impl Clone for Counting {
    fn clone(&self) -> Counting {
        assert_ne!(self.1, 13, "thirteen cannot be cloned");
        Counting::new(&self.0, self.1)
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[distob::test]
fn each_element_ends_once() {
    let there = Arc::new(AtomicI64::new(0));
    let count = || there.load(Ordering::Relaxed);
    let of = |n: usize| Array2::from_shape_fn((n, 5), |(i, j)| Counting::new(&there, (100 * i + j) as i32));
    drop(DistArray::from(of(4)));
    assert_eq!(count(), 0);
    // Hidden by a slice, kept, and moved out with it.
    let a = DistArray::from(of(4)).slice_move(s![1..3, ..]);
    assert_eq!(count(), 20);
    let x: Array2<Counting> = a.into();
    assert_eq!((count(), x[[1, 4]].1), (20, 204));
    drop(x);
    assert_eq!(count(), 0);
    // Moved together: what is not part of the slice ends there.
    let x: Array1<Counting> = DistArray::from(of(4)).index_axis_move(Axis(1), 3).into();
    assert_eq!((count(), x[3].1), (4, 303));
    drop(x);
    // Empty, but for what it hides.
    let a = DistArray::from(of(3)).slice_move(s![..0, ..]);
    assert_eq!(count(), 15);
    assert_eq!((Array2::from(a).len(), count()), (0, 0));
    // Clones share, until one is written to. A copy keeps its strides, and what lies between them, where that is less than half of it.
    let mut a = DistArray::from(of(4));
    let (b, mut wide, mut narrow) = (a.clone(), a.slice_shared(s![2.., ..;2]), a.slice_shared(s![2.., ..;3]));
    assert_eq!(count(), 20);
    a[[0, 0]].1 = -5;
    assert_eq!((count(), b[[0, 0]].1, a[[0, 0]].1), (40, 0, -5));
    wide[[1, 2]].1 = -7;
    assert_eq!((count(), wide.strides(), wide[[1, 2]].1, wide[[1, 1]].1), (50, &[5, 2][..], -7, 302));
    narrow[[1, 1]].1 = -8;
    assert_eq!((count(), narrow.strides(), narrow[[1, 1]].1, narrow[[1, 0]].1), (54, &[2, 1][..], -8, 300));
    assert_eq!((b[[3, 4]].1, b[[3, 3]].1), (304, 303));
    let x = Array2::from(b.clone());
    assert_eq!((count(), x[[3, 3]].1), (74, 303));
    drop((x, b, a));
    assert_eq!(count(), 14);
    drop(narrow);
    let x = Array2::from(wide);
    assert_eq!((count(), x.strides(), x[[0, 2]].1), (10, &[5, 2][..], 204));
    drop(x);
    assert_eq!(count(), 0);
    // By value, and by value in part.
    let values: i32 = DistArray::from(of(4)).into_iter().skip(3).take(4).map(|x| x.1).sum();
    assert_eq!((values, count()), (3 + 4 + 100 + 101, 0));
    let turned = DistArray::from(of(4)).reversed_axes().slice_move(s![1.., ..;-1]);
    let values: Vec<i32> = turned.into_iter().take(5).map(|x| x.1).collect();
    assert_eq!((values, count()), (vec![301, 201, 101, 1, 302], 0));

    // An element that panics when it is cloned leaves both arrays as they were.
    let a = DistArray::from(of(2));
    let mut b = a.clone();
    b[[1, 0]].1 = 13;
    let (mut c, before) = (b.clone(), count());
    assert!(catch_unwind(AssertUnwindSafe(|| c[[0, 0]].1 = 1)).is_err());
    assert_eq!((count(), c[[0, 0]].1, b[[1, 0]].1), (before, 0, 13));
    let mut grown = DistArray::from(of(2));
    assert!(catch_unwind(AssertUnwindSafe(|| grown.append(Axis(0), b.view()))).is_err());
    assert_eq!((grown.dim(), grown[[1, 4]].1), ((2, 5), 104));
    assert!(catch_unwind(AssertUnwindSafe(|| grown.append(Axis(7), a.view()))).is_err());
    grown.append(Axis(0), a.view()).unwrap();
    assert_eq!((grown.dim(), grown[[3, 4]].1), ((4, 5), 104));
    drop((a, b, c, grown));
    assert_eq!(count(), 0);
}

#[distob::test]
fn elements_may_be_of_any_type() {
    let mut names = DistArray::from(array![["a".to_owned(), "b".into()], ["c".into(), "d".into()]]);
    let kept = names.clone();
    names[[0, 1]].push('!');
    names.mapv_inplace(|name| name + "?");
    assert_eq!(names, array![["a?", "b!?"], ["c?", "d?"]].mapv(str::to_owned));
    assert_eq!((kept[[0, 1]].as_str(), kept == names), ("b", false));
    assert_eq!(format!("{names:?}\n{names}"), format!("{0:?}\n{0}", names.view()));
    assert_eq!(names.map(String::len), array![[2, 3], [2, 2]]);
    assert_eq!(names.t()[[1, 0]], "b!?");
    let joined: String = (&names).into_iter().flat_map(|name| name.chars().take(1)).collect();
    assert_eq!(joined, "abcd");
    names.push_row(aview1(&["e".to_owned(), "f".to_owned()])).unwrap();
    assert_eq!((names.shape(), names.partition().blocks().count()), (&[3, 2][..], names.placement().len()));
    assert_eq!(names.into_iter().last().unwrap(), "f");
    let words: DistArray1<&str> = "to be or not".split(' ').collect();
    assert_eq!(words.iter().map(|word| word.len()).sum::<usize>(), 9);

    // Borrowed from the stack, neither sent nor shared, of no size, not to be cloned.
    let local = String::from("here");
    let borrowed: DistArray1<&str> = DistArray::from_vec(vec![&local[..2], &local[2..]]);
    assert_eq!((borrowed[1], borrowed.clone()), ("re", borrowed.clone()));
    let counted = DistArray::from_vec(vec![Rc::new(1), Rc::new(2)]);
    let mut again = counted.clone();
    assert_eq!(Rc::strong_count(&counted[0]), 1);
    *Rc::get_mut(&mut again[0]).unwrap_or(&mut Default::default()) = 4;
    assert_eq!((Rc::strong_count(&counted[0]), counted[0].as_ref()), (2, &1));
    let cells = DistArray::from(array![Cell::new(1), Cell::new(2)]);
    cells[0].set(5);
    assert_eq!(Array1::from(cells)[0].get(), 5);
    let mut units = DistArray::from(Array2::from_elem((3, 4), ())).slice_move(s![..;-1, 1..]);
    let other = units.clone();
    units[[0, 0]] = ();
    assert_eq!((units.dim(), units.iter().count(), &units), ((3, 3), 9, &other));
    assert_eq!(Array2::from(units).dim(), (3, 3));
    let nothing = DistArray::from_vec(vec![[0.0f64; 0]; 7]);
    assert_eq!((nothing.len(), nothing.clone().into_ndarray().len()), (7, 7));
    struct Alone(u8);
    let mut alone = DistArray::from(vec![Alone(1), Alone(2)]);
    alone[0].0 = 9;
    assert_eq!(alone.into_iter().map(|x| x.0).collect::<Vec<_>>(), [9, 2]);
    let dynamic = DistArray::from(ArrayD::from_elem(IxDyn(&[2, 1, 3]), Some('x')));
    let mut squeezed = dynamic.squeeze();
    squeezed.insert_axis_inplace(Axis(0));
    squeezed.index_axis_inplace(Axis(1), 1);
    assert_eq!(squeezed.shape(), [1, 3]);
    assert!(catch_unwind(AssertUnwindSafe(|| squeezed.index_axis_inplace(Axis(9), 1))).is_err());
    assert_eq!((squeezed.shape(), squeezed[[0, 2]]), (&[1, 3][..], Some('x')));
}

/// Handles share elements, as those of an `Arc` do: arrays may go to other threads where their elements may be shared and sent.
const _: () = {
    const fn sent<T: Send + Sync>() {}
    sent::<DistArray1<String>>();
    sent::<DistArrayD<f64>>();
    trait IfSent<A> {
        const FOUND: () = ();
    }
    trait IfShared<A> {
        const FOUND: () = ();
    }
    struct Is;
    impl<T> IfSent<()> for T {}
    impl<T: Send> IfSent<Is> for T {}
    impl<T> IfShared<()> for T {}
    impl<T: Sync> IfShared<Is> for T {}
    // Two implementations to choose from would not compile.
    let () = <DistArray1<Cell<i32>> as IfSent<_>>::FOUND;
    let () = <DistArray1<Cell<i32>> as IfShared<_>>::FOUND;
    let () = <DistArray1<Rc<i32>> as IfSent<_>>::FOUND;
    let () = <DistArray1<std::sync::MutexGuard<'static, i32>> as IfSent<_>>::FOUND;
    let () = <DistArray1<std::sync::MutexGuard<'static, i32>> as IfShared<_>>::FOUND;
};

#[distob::test]
fn arrays_grow_as_ndarrays_do() {
    let hub = embedded();
    let _entered = hub.enter();
    let mut a = DistArray2::<f64>::zeros((0, 3));
    let mut x = Array2::<f64>::zeros((0, 3));
    let mut moves = 0;
    for i in 0..1000 {
        let (row, at) = (Array1::from_elem(3, f64::from(i)), a.as_ptr());
        a.push_row(row.view()).unwrap();
        x.push_row(row.view()).unwrap();
        moves += usize::from(a.as_ptr() != at);
    }
    assert_eq!(a, x);
    assert!(moves < 20, "{moves} moves for 1000 rows");
    assert_eq!((a.sum(), hub.memory().outside >= 24_000), (x.sum(), true));
    // Of another layout, shared, in the pool; errors leave it as it was.
    let kept = a.clone();
    a.push_column(Array1::ones(1000).view()).unwrap();
    x.push_column(Array1::ones(1000).view()).unwrap();
    assert_eq!((&a, kept.dim()), (&DistArray::from(&x), (1000, 3)));
    assert!(a.push_row(aview1(&[1.0])).is_err() && a.push_column(aview1(&[1.0])).is_err());
    let mut pooled = hub.scatter(&x).unwrap();
    pooled.append(Axis(0), x.slice(s![..7;-1, ..])).unwrap();
    let mut want = x.clone();
    want.append(Axis(0), x.slice(s![..7;-1, ..])).unwrap();
    assert_eq!((&pooled, &a), (&DistArray::from(&want), &DistArray::from(&x)));
    let mut pending = &pooled * 2.0;
    pending.push(Axis(1), Array1::zeros(pending.nrows()).view()).unwrap();
    assert_eq!((pending.dim(), pending.sum()), ((1007, 5), (&want * 2.0).sum()));
    let mut three = DistArray::from(Array3::from_shape_fn((2, 3, 4), |(i, j, k)| i + j + k));
    three.reserve(Axis(1), 100).unwrap();
    let part = three.slice(s![.., ..1, ..]).to_owned();
    let sum = three.sum() + 97 * part.sum();
    for _ in 0..97 {
        three.append(Axis(1), part.view()).unwrap();
    }
    assert_eq!((three.dim(), three[[1, 50, 3]], three.sum()), ((2, 100, 4), 4, sum));
    assert!(three.reserve(Axis(0), usize::MAX).is_err());
    assert_eq!(three.dim(), (2, 100, 4));
}

/// The same operations over memory of both kinds and layouts that only arrays of their own have.
fn same_bits<A>(hub: &Hub, f: impl Fn(usize) -> A)
where
    A: Element + PartialEq + std::fmt::Debug + std::ops::Add<Output = A> + std::ops::Mul<Output = A> + num_traits::Zero,
{
    for shape in [(17, 23), (700, 900)] {
        let x = Array2::from_shape_fn(shape, |(i, j)| f(i * 31 + j));
        let y = Array2::from_shape_fn((shape.1, shape.0).f(), |(i, j)| f(i + 7 * j));
        let cut = s![3..;2, ..;-1];
        let (own, other) = (hub.scatter(x.clone()).unwrap(), hub.scatter(y.clone()).unwrap());
        let pooled = (hub.scatter(&x).unwrap(), hub.scatter(&y).unwrap());
        assert_eq!(own, pooled.0);
        let all = |a: &DistArray2<A>, b: &DistArray2<A>| {
            let a = a.slice_shared(cut);
            let b = b.clone().reversed_axes().slice_move(cut);
            let c = &a * &b + &a;
            (c.sum_axis(Axis(0)), c.sum_axis(Axis(1)), c.sum(), c.t() + a.t(), c.reshape(c.len()).slice_shared(s![5..]))
        };
        let (one, two) = (all(&own, &other), all(&pooled.0, &pooled.1));
        assert_eq!((one.0, one.1, one.2), (two.0, two.1, two.2));
        assert_eq!((one.3, one.4), (two.3, two.4));
    }
}

#[distob::test]
fn results_do_not_depend_on_whose_memory_it_is() {
    for hub in [embedded(), process()] {
        same_bits(&hub, |i| i as f64 * 0.37 - 50.0);
        same_bits(&hub, |i| i as f32 * 0.37 - 50.0);
        same_bits(&hub, |i| i as u8);
        same_bits(&hub, |i| Complex::new(i as f64 * 0.25, -3.0));
    }
}
