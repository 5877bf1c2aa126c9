//! Views of arrays: they compute what ndarray's views of the same elements do, on the hub, and keep to copy-on-write.

use distob::prelude::*;
use distob::{DistView1, DistView2, DistViewMut1};
use ndarray::{ArrayView1, ArrayView2, Slice, azip};

/// Hubs of threads and of engine processes.
fn hubs() -> [&'static Hub; 2] {
    static HUBS: std::sync::OnceLock<[Hub; 2]> = std::sync::OnceLock::new();
    let [threads, processes] = HUBS.get_or_init(|| {
        [Hub::builder().embedded().engines(2).start().unwrap(), Hub::builder().process().engines(2).start().unwrap()]
    });
    [threads, processes]
}

fn numbers(n: usize) -> Array1<f64> {
    Array1::from_shape_fn(n, |i| ((i * 7919) % 1009) as f64 / 8.0 - 50.0)
}

fn table(rows: usize, columns: usize) -> Array2<f64> {
    numbers(rows * columns).into_shape_with_order((rows, columns)).unwrap()
}

/// Arrays of a few elements, and of more than one chunk.
const SIZES: [usize; 3] = [7, 3_000, 400_000];

#[test]
fn stencils_written_with_slices_are_ndarrays() {
    for hub in hubs() {
        for n in SIZES {
            let x = numbers(n);
            let u = hub.scatter(&x).unwrap();
            let second = &u.slice(s![2..]) + &u.slice(s![..-2]) - &u.slice(s![1..-1]) * 2.0;
            assert_eq!(second, &x.slice(s![2..]) + &x.slice(s![..-2]) - &x.slice(s![1..-1]) * 2.0);
            assert_eq!(second.hub().id(), hub.id());
            let steps = u.slice(s![..;-3]) / u.slice(s![..;3]);
            assert_eq!(steps, &x.slice(s![..;-3]) / &x.slice(s![..;3]));
        }
        let x = table(300, 500);
        let u = hub.scatter(&x).unwrap();
        let inner = s![1..-1, 1..-1];
        let sum =
            u.slice(s![..-2, 1..-1]) + u.slice(s![2.., 1..-1]) + u.slice(s![1..-1, ..-2]) + u.slice(s![1..-1, 2..]);
        let wanted =
            &x.slice(s![..-2, 1..-1]) + &x.slice(s![2.., 1..-1]) + &x.slice(s![1..-1, ..-2]) + &x.slice(s![1..-1, 2..]);
        let (mut v, mut y) = (u.clone(), x.clone());
        v.slice_mut(inner).assign(&sum * 0.25);
        y.slice_mut(inner).assign(&(&wanted * 0.25));
        assert_eq!(v, y);
        assert_eq!(u, x, "the clone was copied before the write");
    }
}

#[test]
fn an_expression_of_a_view_is_pending_and_keeps_what_it_saw() {
    for hub in hubs() {
        let x = numbers(400_000);
        let mut u = hub.scatter(&x).unwrap();
        let doubled = u.slice(s![1..]) * 2.0;
        assert!(doubled.is_pending());
        u.slice_mut(s![..200_000]).fill(0.0);
        assert_eq!(doubled, &x.slice(s![1..]) * 2.0);
        assert_eq!(u.slice(s![..200_000]).sum(), 0.0);
        assert_eq!(u.slice(s![200_000..]), x.slice(s![200_000..]));
    }
}

#[test]
fn an_operand_that_is_a_mutable_view_is_taken_as_it_is_then() {
    for hub in hubs() {
        for n in SIZES {
            let x = numbers(n);
            let mut u = hub.scatter(&x).unwrap();
            let mut view = u.slice_mut(s![1..]);
            let (by_value, by_view) = (&view * 2.0, view.slice(s![..]) + 1.0);
            let part = view.slice(s![1..]) - 3.0;
            view.fill(9.0);
            assert_eq!(by_value, &x.slice(s![1..]) * 2.0);
            assert_eq!(by_view, &x.slice(s![1..]) + 1.0);
            assert_eq!(part, &x.slice(s![2..]) - 3.0);
        }
    }
}

#[test]
fn parts_are_written_in_place() {
    for hub in hubs() {
        for n in SIZES {
            let x = numbers(2 * n);
            let other = numbers(n).mapv(|v| v + 60.0);
            let (mut a, mut y) = (hub.scatter(&x).unwrap(), x.clone());
            let b = hub.scatter(&other).unwrap();
            for slice in [s![..n], s![n..], s![..;2], s![..;-2]] {
                let at = a.as_ptr();
                a.slice_mut(slice).assign(&b);
                y.slice_mut(slice).assign(&other);
                assert_eq!(a, y);
                a.slice_mut(slice).assign(&b * &b + 1.0);
                y.slice_mut(slice).assign(&(&other * &other + 1.0));
                assert_eq!(a, y);
                a.slice_mut(slice).assign(&other);
                y.slice_mut(slice).assign(&other);
                assert_eq!(a, y);
                let mut part = a.slice_mut(slice);
                part += &b;
                part -= 0.5;
                part *= &b * 0.5;
                part /= &other;
                let mut part = y.slice_mut(slice);
                part += &other;
                part -= 0.5;
                part *= &(&other * 0.5);
                part /= &other;
                assert_eq!(a, y);
                a.slice_mut(slice).mapv_inplace(|v| v * v);
                y.slice_mut(slice).mapv_inplace(|v| v * v);
                a.slice_mut(slice).assign(2.5);
                y.slice_mut(slice).fill(2.5);
                assert_eq!(a, y);
                assert_eq!(a.as_ptr(), at, "nothing was copied");
            }
        }
    }
}

#[test]
fn rows_and_columns_of_a_table() {
    for hub in hubs() {
        let x = table(40, 30_000);
        let (mut a, mut y) = (hub.scatter(&x).unwrap(), x.clone());
        for i in 1..40 {
            let (pivot, factor) = (a.row(i - 1).to_owned(), a[[i, 0]]);
            let mut row = a.row_mut(i);
            row -= &(&pivot * (factor / 64.0));
            let (pivot, factor) = (y.row(i - 1).to_owned(), y[[i, 0]]);
            let mut row = y.row_mut(i);
            row -= &(&pivot * (factor / 64.0));
        }
        assert_eq!(a, y);
        a.column_mut(3).fill(1.0);
        y.column_mut(3).fill(1.0);
        let mut column = a.column_mut(4);
        column += 7.0;
        let mut column = y.column_mut(4);
        column += 7.0;
        let bias = numbers(30_000);
        let mut rows = a.slice_mut(s![..20, ..]);
        rows += &bias;
        let mut rows = y.slice_mut(s![..20, ..]);
        rows += &bias;
        assert_eq!(a, y);
        assert_eq!(a.diag(), y.diag());
        assert_eq!(a.t().row(5), y.t().row(5));
        assert_eq!(a.index_axis(Axis(0), 3), y.index_axis(Axis(0), 3));
        assert_eq!(a.slice_axis(Axis(1), Slice::new(5, None, -7)), y.slice_axis(Axis(1), Slice::new(5, None, -7)));
        a.diag_mut().fill(0.0);
        y.diag_mut().fill(0.0);
        let (mut upper, mut lower) = DistViewMut::from(&mut a).split_at(Axis(0), 17);
        upper.assign(&lower.slice(s![..17, ..]));
        lower.index_axis_mut(Axis(0), 0).fill(4.0);
        let (mut upper, mut lower) = y.view_mut().split_at(Axis(0), 17);
        upper.assign(&lower.slice(s![..17, ..]));
        lower.index_axis_mut(Axis(0), 0).fill(4.0);
        assert_eq!(a, y);
    }
}

#[test]
fn reductions_of_a_view_have_the_bits_of_an_array_of_its_elements() {
    for hub in hubs() {
        let x = table(700, 800);
        let a = hub.scatter(&x).unwrap();
        for (view, plain) in [
            (a.slice(s![3..;2, ..-5]), x.slice(s![3..;2, ..-5])),
            (a.slice(s![..;-1, ..;3]), x.slice(s![..;-1, ..;3])),
            (a.t(), x.t()),
        ] {
            let copy = hub.scatter(&plain.to_owned()).unwrap();
            assert_eq!(view, copy);
            assert_eq!(view.sum().to_bits(), copy.sum().to_bits());
            assert_eq!(view.std(1.0).to_bits(), copy.std(1.0).to_bits());
            assert_eq!((view.min(), view.max(), view.argmin()), (copy.min(), copy.max(), copy.argmin()));
            assert_eq!(view.sum_axis(Axis(0)), copy.sum_axis(Axis(0)));
            assert_eq!(view.mean_axis(Axis(1)), copy.mean_axis(Axis(1)));
            assert_eq!(view.cumsum(Axis(1)), copy.cumsum(Axis(1)));
            assert_eq!(view.mapv(f64::abs).sqrt(), plain.mapv(|v| v.abs().sqrt()));
            assert_eq!(view.less(0.0).count(), plain.iter().filter(|v| **v < 0.0).count());
            assert_eq!(view.reshape(view.len()), copy.flatten());
        }
        let mut changed = a.clone();
        let view = changed.slice_mut(s![.., 1..]);
        assert_eq!(view.sum().to_bits(), a.slice(s![.., 1..]).sum().to_bits());
        let u = a.slice(s![..50, ..60]).dot(&a.slice(s![..60, ..40]));
        assert_eq!(u, hub.scatter(&x.slice(s![..50, ..60]).to_owned()).unwrap().dot(&x.slice(s![..60, ..40])));
        assert_eq!(a.row(3).dot(&a.row(4)), a.row(4).dot(a.row(3)));
    }
}

#[test]
fn views_meet_ndarrays_own() {
    fn of_ndarray(x: ArrayView1<'_, f64>) -> f64 {
        x[0]
    }
    fn of_distob<'a>(x: DistView1<'a, f64>, y: DistView1<'a, f64>) -> DistArray1<f64> {
        x + y
    }
    let x = table(4, 5);
    let mut a = DistArray::from(x.clone());
    assert_eq!(of_ndarray(a.row(1).as_ndarray()), 5.0f64 * 0.0 + x[[1, 0]]);
    assert_eq!(of_ndarray(*a.row(1)), x[[1, 0]]);
    let first = a.row(0);
    let copy = first;
    assert_eq!(of_distob(first, copy), &x.row(0) * 2.0);
    assert_eq!(of_distob(x.row(1).into(), a.row(1)), &x.row(1) * 2.0);
    assert_eq!(&x + &a.slice(s![.., ..]), &x * 2.0);
    assert_eq!(x.row(0).to_owned() - a.row(0), Array1::zeros(5));
    assert_eq!(1.0 - a.row(2), 1.0 - &x.row(2));
    assert_eq!(-a.row(2), -&x.row(2));
    let sum: f64 = a.row(2).iter().sum();
    assert_eq!(sum, x.row(2).iter().sum::<f64>());
    let mut total = 0.0;
    for value in a.column(2) {
        total += value;
    }
    assert_eq!(total, x.column(2).iter().sum::<f64>());
    let mut plain = x.clone();
    plain += &a.slice(s![.., ..]);
    assert_eq!(plain, &x + &x);
    let mut out = DistArray::zeros(5);
    azip!((out in &mut out, &p in a.row(0), &q in &a.row(1)) *out = p - q);
    assert_eq!(out, &x.row(0) - &x.row(1));
    azip!((out in a.row_mut(0), &p in &out) *out += p);
    assert_eq!(a.row(0), &x.row(0) * 2.0 - &x.row(1));
    assert_eq!(format!("{:?} {}", a.row(1), a.row(1)), format!("{:?} {}", x.row(1), x.row(1)));
    let swapped: DistView2<'_, f64> = {
        let mut view = DistView::from(&a);
        view.swap_axes(0, 1);
        view.invert_axis(Axis(0));
        view
    };
    let wanted: ArrayView2<'_, f64> = a.as_ndarray().reversed_axes();
    assert_eq!(swapped, wanted.slice(s![..;-1, ..]));
    *a.slice_mut(s![3, 4]).into_scalar() = 9.0;
    assert_eq!((a[[3, 4]], *a.slice(s![3, 4]).into_scalar()), (9.0, 9.0));
    let mut row: DistViewMut1<'_, f64> = a.row_mut(3);
    row[0] = 1.0;
    row.as_ndarray_mut()[1] = 2.0;
    for value in row {
        *value += 1.0;
    }
    assert_eq!(a.row(3).slice(s![..2]), ndarray::array![2.0, 3.0]);
}

#[test]
fn views_of_elements_that_no_kernel_knows() {
    let mut names = DistArray::from(ndarray::array![["a", "b"], ["c", "d"]].mapv(str::to_owned));
    assert_eq!(names.row(1).to_owned(), ndarray::array!["c", "d"].mapv(str::to_owned));
    names.column_mut(0)[1].push('!');
    assert_eq!(names.t().row(0), ndarray::array!["a", "c!"].mapv(str::to_owned));
    let kept = names.slice(s![.., 1]).to_owned();
    names.slice_mut(s![.., 1])[0usize].push('?');
    assert_eq!((kept[0usize].as_str(), names[[0, 1]].as_str()), ("b", "b?"));
}

#[test]
fn what_is_out_of_bounds_is_named() {
    let text = |f: &dyn Fn()| {
        let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_err();
        payload.downcast_ref::<String>().unwrap().clone()
    };
    let a = DistArray::<f64, _>::zeros((3, 4));
    assert!(text(&|| _ = a.row(3)).contains("index 3"));
    assert!(text(&|| _ = a.slice(s![.., 2..7])).contains("2..7"));
    assert!(text(&|| _ = DistView::from(&a).split_at(Axis(0), 4)).contains("split_at"));
    assert!(text(&|| a.clone().row_mut(0).assign(&a.column(0))).contains("assign"));
    let mut b = a.clone();
    let error = b.slice_mut(s![0, ..]).try_assign(&DistArray::<f64, _>::zeros(3)).unwrap_err();
    assert!(matches!(error, distob::Error::Shape { .. }), "{error}");
}

#[test]
fn integers_wrap_and_divide_as_those_of_arrays() {
    for hub in hubs() {
        let x = Array1::from_shape_fn(100_000, |i| i as i32 - 50_000);
        let mut a = hub.scatter(&x).unwrap();
        let mut part = a.slice_mut(s![1..]);
        part *= i32::MAX;
        part += 1;
        assert_eq!(a.slice(s![1..]), x.slice(s![1..]).mapv(|v| v.wrapping_mul(i32::MAX).wrapping_add(1)));
        let before = a.clone();
        let divisor = hub.scatter(&x).unwrap();
        let failed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut all = DistViewMut::from(&mut a);
            all /= &divisor;
        }));
        assert!(failed.is_err(), "an integer divided by zero");
        assert_eq!(a, before, "nothing was written");
    }
}

#[test]
fn several_parts_at_once() {
    for hub in hubs() {
        let x = table(8, 50_000);
        let (mut a, mut y) = (hub.scatter(&x).unwrap(), x.clone());
        let (mut first, second, mut rest) = a.multi_slice_mut((s![0, ..], s![1, ..], s![2..;2, ..]));
        first -= &second;
        rest.scaled_add(-0.5, &second);
        let (mut first, second, mut rest) = y.multi_slice_mut((s![0, ..], s![1, ..], s![2..;2, ..]));
        first -= &second;
        rest.scaled_add(-0.5, &second.broadcast((3, 50_000)).unwrap());
        assert_eq!(a, y);
        assert!(
            std::panic::catch_unwind(|| _ = x.clone().view_mut().multi_slice_mut((s![0, ..], s![..2, ..]))).is_err()
        );
        let overlap = || _ = a.clone().multi_slice_mut((s![0, ..], s![..2, ..]));
        assert!(std::panic::catch_unwind(overlap).is_err());
    }
}

#[test]
fn views_as_operands_of_functions_and_methods() {
    use distob::ufunc::{Add, Gcd, Hypot, Maximum};
    for hub in hubs() {
        let x = Array1::from_shape_fn(60_000, |i| (i as i64 * 37) % 1000 - 200);
        let a = hub.scatter(&x).unwrap();
        let (u, v) = (a.slice(s![..;2]), a.slice(s![1..;2]));
        let gcd = Gcd.call(u, &v);
        let plain: Vec<i64> =
            x.iter().step_by(2).zip(x.iter().skip(1).step_by(2)).map(|(&x, &y)| gcd_of(x, y)).collect();
        assert_eq!(gcd, Array1::from(plain));
        assert_eq!(Maximum.reduce_all(&u), *x.iter().step_by(2).max().unwrap());
        assert_eq!(hub.scatter(&u).unwrap(), x.slice(s![..;2]));
        let floats = u.astype::<f64>();
        assert_eq!(Hypot.call(&floats, floats.slice(s![..;-1])).shape(), &[30_000]);
        let mut counts = DistArray::<i64, _>::zeros(1000);
        let mut part = counts.slice_mut(s![..500]);
        Add.at(&mut part, &hub.scatter(&x.mapv(|v| v.rem_euclid(500))).unwrap().slice(s![10..]), 1_i64).unwrap();
        let mut wanted = Array1::<i64>::zeros(1000);
        x.iter().skip(10).for_each(|v| wanted[v.rem_euclid(500) as usize] += 1);
        assert_eq!(counts, wanted);
    }
}

#[test]
fn writes_through_a_view_of_memory_that_was_moved_in_are_seen() {
    for hub in hubs() {
        let mut a = hub.scatter(Array1::<f64>::ones(400_000)).unwrap();
        let mut v = a.slice_mut(s![..]);
        v += 1.0;
        assert_eq!(v.sum(), 800_000.0);
        v.fill(3.0);
        assert_eq!((v.sum(), v.slice(s![1..]).max()), (1_200_000.0, Some(3.0)));
        let doubled = &v * 2.0;
        v *= &doubled;
        assert_eq!(a.sum(), 18.0 * 400_000.0);
        a[0] = 7.0;
        assert_eq!((a[0], a[1], a.sum()), (7.0, 18.0, 18.0 * 399_999.0 + 7.0));
        // An odd number of elements, from an odd one on, of more bytes than the caches hold.
        let x = numbers(2_000_001);
        for mut a in [hub.scatter(&x).unwrap(), hub.scatter(x.clone()).unwrap()] {
            let mut y = x.clone();
            let mut part = a.slice_mut(s![1..-1]);
            part += &hub.scatter(&x.slice(s![..-2])).unwrap();
            part *= 0.5;
            let mut part = y.slice_mut(s![1..-1]);
            part += &x.slice(s![..-2]);
            part *= 0.5;
            assert!(a == y);
        }
    }
}

#[test]
fn a_copy_of_a_part_takes_nothing_of_another_part() {
    let shared = std::sync::Arc::new(());
    let mut a = DistArray::from(Array2::from_shape_fn((1000, 4), |_| shared.clone()));
    let (first, mut last) = a.view_mut().split_at(Axis(1), 3);
    let before = std::sync::Arc::strong_count(&shared);
    let copy = first.to_owned();
    assert_eq!(std::sync::Arc::strong_count(&shared) - before, 3000, "a clone of each element of the part alone");
    last[[0, 0]] = std::sync::Arc::new(());
    assert_eq!(copy.shape(), &[1000, 3]);
}

#[test]
fn results_of_views_are_on_the_hub_of_the_array() {
    for hub in hubs() {
        for n in SIZES {
            let mut a = hub.scatter(&numbers(2 * n)).unwrap();
            let (mut even, odd) = a.multi_slice_mut((s![..;2], s![1..;2]));
            even += &odd * 2.0;
            even.assign(odd.slice(s![..]) + 1.0);
            for result in [&odd * 2.0, -&odd, odd.slice(s![..]).sqrt(), odd.to_owned(), odd.slice(s![..]).to_shared()] {
                assert_eq!(result.hub().id(), hub.id());
            }
            assert_eq!(even.hub().unwrap().id(), hub.id());
        }
    }
    let [one, other] = hubs();
    for n in [3, 20_000] {
        let mut a = one.scatter(&numbers(n)).unwrap();
        let b = other.scatter(&numbers(n)).unwrap();
        let error = a.slice_mut(s![..]).try_assign(&b).unwrap_err();
        assert!(matches!(error, distob::Error::ForeignHub { .. }), "{error}");
    }
}

#[test]
fn layouts_of_mutable_views_are_ndarrays() {
    let x = Array3::from_shape_fn((4, 5, 6), |(i, j, k)| (i * 100 + j * 10 + k) as f64);
    let (mut a, mut y) = (DistArray::from(x.clone()), x);
    macro_rules! both {
        ($view:ident => $($change:expr);*) => {{
            let mut $view = a.view_mut();
            $($change;)*
            $view.slice_axis_mut(Axis(0), Slice::from(..1)).fill(-1.0);
            let mut $view = y.view_mut();
            $($change;)*
            $view.slice_axis_mut(Axis(0), Slice::from(..1)).fill(-1.0);
            assert_eq!(a, y);
        }};
    }
    both!(view => view.reverse_axes());
    both!(view => view.permute_axes([1, 2, 0]); view.slice_collapse(s![1.., ..;-2, 2..4]));
    both!(view => view.collapse_axis(Axis(0), 2); view.swap_axes(0, 1));
    both!(view => view.invert_axis(Axis(0)); assert!(view.merge_axes(Axis(1), Axis(2))));
    let mut view = a.view_mut().slice_axis_move(Axis(2), Slice::from(4..)).into_dyn();
    view.index_axis_inplace(Axis(0), 1);
    view.insert_axis_inplace(Axis(0));
    assert_eq!(view, y.slice(s![1..2, .., 4..]));
}

#[test]
fn scaled_additions_of_integers_wrap() {
    let mut a = DistArray::from(ndarray::array![1_i32, i32::MAX, -3]);
    a.scaled_add(3, &DistArray::from(ndarray::array![1, 1, i32::MAX]));
    assert_eq!(a, ndarray::array![4, i32::MAX.wrapping_add(3), (-3_i32).wrapping_add(i32::MAX.wrapping_mul(3))]);
}

fn gcd_of(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs() } else { gcd_of(b, a % b) }
}
