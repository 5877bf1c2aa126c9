//! Where memory is full, operations that ndarray does in place need none: assigning operators, operators on arrays given by value, views.

#![expect(clippy::assign_op_pattern, reason = "what `a = a + 1.0` does is tested")]

use distob::prelude::*;
use distob::{Error, Hub};

/// A hub of threads with a small quota, and arrays that fill it to the brim once `fill` was called.
fn small_hub() -> Hub {
    Hub::builder().embedded().engines(2).quota(96 << 20).start().unwrap()
}

/// Takes all memory that is left, down to the smallest block.
fn fill() -> Vec<DistArray1<u8>> {
    let mut held = Vec::new();
    for bytes in [1 << 20, 100_000, 5000, 1] {
        held.extend(std::iter::from_fn(|| DistArray::try_from_elem(bytes, 0u8).ok()));
    }
    assert!(matches!(DistArray::try_from_elem(1, 0u8), Err(Error::OutOfMemory { .. })));
    held
}

fn numbers(n: usize) -> DistArray1<f64> {
    DistArray::from_shape_fn(n, |i| (i % 1000) as f64)
}

fn all_are(a: &DistArray1<f64>, f: impl Fn(f64) -> f64) {
    a.eval().unwrap();
    let wrong = a.iter().enumerate().find(|&(i, &x)| x != f((i % 1000) as f64));
    assert_eq!(wrong, None, "{} elements", a.len());
}

#[distob::test]
fn arrays_are_updated_in_full_memory() {
    for n in [3, 1000, 100_000, 1_000_000] {
        let hub = small_hub();
        let _entered = hub.enter();
        let (mut a, b) = (numbers(n), numbers(n));
        let _full = fill();
        let at = a.as_ptr();
        a += 1.0;
        all_are(&a, |x| x + 1.0);
        a *= &b;
        all_are(&a, |x| (x + 1.0) * x);
        a = a + 1.0;
        all_are(&a, |x| (x + 1.0) * x + 1.0);
        a = a - &b;
        all_are(&a, |x| (x + 1.0) * x + 1.0 - x);
        // Several pending operations are one pass.
        a -= 1.0;
        a *= 2.0;
        a = (a + &b) / 4.0;
        all_are(&a, |x| (((x + 1.0) * x + 1.0 - x - 1.0) * 2.0 + x) / 4.0);
        assert_eq!(a.as_ptr(), at);
    }
}

#[distob::test]
fn many_updates_in_full_memory_are_computed_in_parts() {
    let hub = small_hub();
    let _entered = hub.enter();
    let mut a = numbers(1_000_000);
    let _full = fill();
    for _ in 0..300 {
        a += 1.0;
    }
    all_are(&a, |x| x + 300.0);
}

#[distob::test]
fn views_are_updated_in_full_memory() {
    for n in [4, 1000, 1_000_000] {
        let hub = small_hub();
        let _entered = hub.enter();
        let (mut a, b) = (numbers(n), numbers(n));
        let mut m = DistArray2::<f64>::zeros((n / 2, 2)).reversed_axes();
        let _full = fill();
        let mut part = a.slice_mut(s![1..]);
        part += 1.0;
        part *= 2.0;
        let mut part = a.slice_mut(s![..;2]);
        part += &b.slice(s![..;2]);
        let expected = |i: usize| {
            let x = (i % 1000) as f64;
            let x = if i > 0 { (x + 1.0) * 2.0 } else { x };
            if i.is_multiple_of(2) { x + (i % 1000) as f64 } else { x }
        };
        assert!(a.iter().enumerate().all(|(i, &x)| x == expected(i)), "{n} elements");
        m += 1.0;
        m = m * 3.0;
        m.eval().unwrap();
        assert!(m.iter().all(|&x| x == 3.0) && m.shape() == [2, n / 2]);
        m.row_mut(1).fill(5.0);
        assert!(m.iter().skip(n / 2).all(|&x| x == 5.0));
    }
}

#[distob::test]
fn what_others_hold_is_not_overwritten() {
    let hub = small_hub();
    let _entered = hub.enter();
    for n in [1000, 1_000_000] {
        let mut a = numbers(n);
        let shared = a.clone();
        let mut c = numbers(n);
        let (part, pending) = (c.slice(s![1..]).to_shared(), &c * 2.0);
        let pending = if n > 100_000 { Some(pending) } else { None };
        let mut b = numbers(n);
        let node = if n > 100_000 { Some(&b + 1.0) } else { None };
        let full = fill();
        if n > 100_000 {
            // The expression is pending, and cannot be computed while another array has the elements.
            a += 1.0;
            assert!(matches!(a.eval(), Err(Error::OutOfMemory { .. })));
            c += 1.0;
            assert!(matches!(c.eval(), Err(Error::OutOfMemory { .. })));
            b *= 2.0;
            assert!(matches!(b.eval(), Err(Error::OutOfMemory { .. })));
        }
        all_are(&shared, |x| x);
        assert!(part.iter().enumerate().all(|(i, &x)| x == ((i + 1) % 1000) as f64));
        drop(full);
        if n > 100_000 {
            all_are(&a, |x| x + 1.0);
            all_are(&c, |x| x + 1.0);
            all_are(&b, |x| x * 2.0);
            all_are(pending.as_ref().unwrap(), |x| x * 2.0);
            all_are(node.as_ref().unwrap(), |x| x + 1.0);
        }
    }
}

#[distob::test]
fn threads_that_read_a_pending_array_see_it_before_or_after() {
    let hub = small_hub();
    let _entered = hub.enter();
    let mut a = numbers(1_000_000);
    let sum = a.sum();
    let mut full = fill();
    // Results of sums have room.
    full.truncate(full.len() - 200);
    for round in 1..=40 {
        a += 1.0;
        // The pending array, as a part of another expression and by itself.
        let a = &a;
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..3).map(|_| scope.spawn(move || (a * 2.0).sum())).collect();
            let itself = scope.spawn(move || a.eval().map(drop));
            let sums: Vec<f64> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
            assert_eq!(sums, [2.0 * (sum + f64::from(round) * 1e6); 3], "round {round}");
            itself.join().unwrap().or_else(|_| a.eval().map(drop)).unwrap();
        });
    }
    all_are(&a, |x| x + 40.0);
}
