//! Views, copy-on-write, and layout methods: what shares memory, what copies, and that the values are ndarray's.

use distob::prelude::*;
use ndarray::Slice;

fn hub() -> &'static Hub {
    static HUB: std::sync::OnceLock<Hub> = std::sync::OnceLock::new();
    HUB.get_or_init(|| Hub::builder().embedded().engines(2).start().unwrap())
}

fn cube() -> (Array3<f64>, DistArray3<f64>) {
    let x = Array3::from_shape_fn((4, 5, 6), |(i, j, k)| (i * 100 + j * 10 + k) as f64);
    let d = hub().scatter(&x).unwrap();
    (x, d)
}

#[test]
fn layout_methods_share_the_elements() {
    let (x, d) = cube();
    let at = d.as_ptr();
    assert_eq!(d.t(), x.t());
    assert_eq!(d.t().as_ptr(), at);
    assert_eq!(d.clone().permuted_axes([2, 0, 1]), x.clone().permuted_axes([2, 0, 1]));
    assert_eq!(d.slice_shared(s![1..;2, .., 3]), x.slice(s![1..;2, .., 3]));
    assert_eq!(d.slice_shared(s![.., .., 0]).as_ptr(), at);
    assert_eq!(d.clone().index_axis_move(Axis(1), 2), x.index_axis(Axis(1), 2));
    assert_eq!(d.clone().insert_axis(Axis(1)).remove_axis(Axis(1)), x);
    assert_eq!(d.clone().into_dyn().into_dimensionality::<ndarray::Ix3>().unwrap().as_ptr(), at);
    assert!(d.clone().into_dimensionality::<ndarray::Ix2>().is_err());
    assert_eq!(d.clone().into_shape_with_order((20, 6)).unwrap(), x.to_shape((20, 6)).unwrap());
    assert_eq!(d.reshape((2, 2, 30)).as_ptr(), at);
    assert_eq!(d.reshape(120), x.flatten());
    assert!(d.to_shape((7, 7)).is_err());
}

#[test]
fn reshaping_what_is_not_contiguous_copies() {
    let (x, d) = cube();
    let t = d.t();
    assert!(t.into_shape_with_order(120).is_err());
    assert_eq!(t.reshape((30, 4)), x.t().to_shape((30, 4)).unwrap());
    assert_eq!(t.flatten(), x.t().flatten());
    let column_major = ((10, 12), ndarray::Order::ColumnMajor);
    assert_eq!(d.to_shape(column_major).unwrap(), x.to_shape(column_major).unwrap());
}

#[test]
fn layout_changes_in_place_copy_nothing_even_when_shared() {
    let (mut x, mut d) = cube();
    let other = d.clone();
    let at = d.as_ptr();
    d.swap_axes(0, 2);
    x.swap_axes(0, 2);
    assert_eq!(d.as_ptr(), at);
    assert_eq!(d, x);
    d.slice_collapse(s![1..3, .., ..;2]);
    x.slice_collapse(s![1..3, .., ..;2]);
    d.invert_axis(Axis(1));
    x.invert_axis(Axis(1));
    d.slice_axis_inplace(Axis(1), Slice::from(..2));
    x.slice_axis_inplace(Axis(1), Slice::from(..2));
    assert_eq!(d, x);
    assert_eq!(d.sum(), x.sum());
    assert_eq!(&d + &d, &x + &x);
    assert_eq!(other, cube().0);
    // What was written after them goes to a copy.
    d[[0, 0, 0]] = -1.0;
    x[[0, 0, 0]] = -1.0;
    assert_eq!(d, x);
    assert_eq!(other, cube().0);
    assert_eq!(d.merge_axes(Axis(0), Axis(1)), x.merge_axes(Axis(0), Axis(1)));
}

#[test]
fn layout_methods_through_deref_mut_of_an_unshared_array_copy_nothing() {
    let (mut x, mut d) = cube();
    let at = d.as_ptr();
    {
        let array: &mut ndarray::ArrayRef3<f64> = &mut d;
        array.swap_axes(0, 1);
        array.invert_axis(Axis(2));
    }
    x.swap_axes(0, 1);
    x.invert_axis(Axis(2));
    assert_eq!(d, x);
    d.invert_axis(Axis(2));
    assert_eq!(d.as_ptr(), at);
    // The next operation sees the new layout.
    assert_eq!(d.shape(), [5, 4, 6]);
    d.invert_axis(Axis(2));
    assert_eq!(&d * 2.0, &x * 2.0);
}

#[test]
fn writing_copies_what_is_shared_and_only_that() {
    let (_, mut d) = cube();
    let at = d.as_ptr();
    d[[0, 0, 0]] = 1.5;
    assert_eq!(d.as_ptr(), at, "nobody shares it");
    let kept = d.clone();
    d[[0, 0, 0]] = 2.5;
    assert_ne!(d.as_ptr(), at);
    assert_eq!((kept[[0, 0, 0]], d[[0, 0, 0]]), (1.5, 2.5));
    // A pending reader is a sharer too.
    let big = hub().scatter(&Array1::<f64>::ones(40_000)).unwrap();
    let mut big2 = big.clone();
    let pending = &big + 1.0;
    drop(big);
    big2.fill(7.0);
    big2.mapv_inplace(|v| v + 1.0);
    assert_eq!((pending[0], big2[0]), (2.0, 8.0));
    // So is an evaluated expression's array on its own: it is not copied.
    let mut sum = &pending + 1.0;
    let at = sum.as_ptr();
    sum[0] = 0.0;
    assert_eq!(sum.as_ptr(), at);
}

#[test]
fn assign_computes_into_the_memory_that_is_there() {
    let n = 100_000;
    let a = hub().scatter(&Array1::from_iter((0..n).map(f64::from))).unwrap();
    let mut c = DistArray1::<f64>::zeros_like(&a);
    let at = c.as_ptr();
    c.assign(&a + &a);
    assert_eq!(c.as_ptr(), at);
    assert_eq!(c, &*a + &*a);
    c.assign(2.5);
    assert_eq!((c.as_ptr(), c.sum()), (at, 2.5 * f64::from(n)));
    c.assign(&Array1::<f64>::ones(1));
    assert_eq!((c.as_ptr(), c.sum()), (at, f64::from(n)));
    // An expression that reads the target takes fresh memory.
    let shifted = &c.slice_shared(s![..;-1]) + &a;
    c.assign(shifted);
    assert_eq!(c[3], 4.0);
    assert!(c.try_assign(&Array1::ones(3)).is_err());
}

trait ZerosLike {
    fn zeros_like(other: &DistArray1<f64>) -> Self;
}

impl ZerosLike for DistArray1<f64> {
    fn zeros_like(other: &DistArray1<f64>) -> Self {
        other.hub().scatter(Array1::zeros(other.len())).unwrap()
    }
}

#[test]
fn constructors_are_ndarrays() {
    let _guard = hub().enter();
    for n in [0, 1, 5, 10_000] {
        assert_eq!(DistArray::linspace(-1.0, 2.0, n), Array::linspace(-1.0, 2.0, n));
        assert_eq!(DistArray::<f32, _>::zeros((n, 2)), Array::<f32, _>::zeros((n, 2)));
        assert_eq!(DistArray::<i64, _>::ones(n), Array::<i64, _>::ones(n));
        assert_eq!(DistArray::from_elem(n, true), Array::from_elem(n, true));
    }
    assert_eq!(DistArray::range(0.0, 3.0, 0.7), Array::range(0.0, 3.0, 0.7));
    assert_eq!(DistArray::logspace(10.0, 0.0, 3.0, 4), Array::logspace(10.0, 0.0, 3.0, 4));
    assert_eq!(DistArray::geomspace(1.0, 8.0, 4).unwrap(), Array::geomspace(1.0, 8.0, 4).unwrap());
    assert_eq!(DistArray::<f64, _>::eye(70), Array::<f64, _>::eye(70));
    assert_eq!(DistArray::from_diag(&array![1, 2, 3]), Array::from_diag(&array![1, 2, 3]));
    let f = |(i, j): (usize, usize)| i * 1000 + j;
    let (d, x) = (DistArray::from_shape_fn((90, 101).f(), f), Array::from_shape_fn((90, 101).f(), f));
    assert_eq!(d, x);
    assert_eq!(d.strides(), x.strides());
    assert_eq!(DistArray::from_shape_vec((2, 2).f(), vec![1, 2, 3, 4]).unwrap(), array![[1, 3], [2, 4]]);
    assert!(DistArray::from_shape_vec((2, 2), vec![1]).is_err());
    assert_eq!(DistArray::from(vec![1, 2]), array![1, 2]);
    assert_eq!((0..3).collect::<DistArray1<i32>>(), array![0, 1, 2]);
    let mut n = 0;
    let counted = DistArray::from_shape_simple_fn(4, || {
        n += 1;
        n
    });
    assert_eq!(counted, array![1, 2, 3, 4]);
}

#[test]
fn gather_gives_an_array_in_the_same_order() {
    for shape in [(3, 4), (300, 70), (0, 4)] {
        let x = Array2::from_shape_fn(shape, |(i, j)| (i * 7 + j) as f64);
        let d = hub().scatter(&x).unwrap();
        let before = hub().copied_bytes();
        let back = d.gather();
        assert_eq!(back, x);
        assert!(back.is_standard_layout());
        assert!(hub().copied_bytes() >= before + 8 * x.len() as u64);
        let t = d.t().gather();
        assert_eq!(t, x.t());
        assert_eq!(d.slice_shared(s![..;-1, 1..]).gather(), x.slice(s![..;-1, 1..]));
    }
}

#[test]
fn splitting_is_metadata() {
    let x = Array2::<f64>::zeros((7, 3));
    let d = hub().scatter_axis(&x, -1).unwrap();
    assert_eq!(d.partition().edges(1), [0, 2, 3]);
    assert_eq!(d.placement(), [0, 1]);
    let rows = d.resplit(0).unwrap();
    assert_eq!(rows.partition().edges(0), [0, 4, 7]);
    assert_eq!(rows.as_ptr(), d.as_ptr());
    assert!(hub().scatter_axis(&x, 2).is_err() && hub().scatter_axis(&x, -3).is_err() && d.resplit(5).is_err());
    let before = hub().copied_bytes();
    assert_eq!(hub().scatter(&d).unwrap().as_ptr(), d.as_ptr());
    assert_eq!(hub().copied_bytes(), before);
}

#[test]
fn it_goes_where_ndarrays_go() {
    let (x, d) = cube();
    assert_eq!(format!("{d} {d:?} {d:.1}"), format!("{x} {x:?} {x:.1}"));
    assert_eq!((&d).into_iter().copied().sum::<f64>(), x.sum());
    assert_eq!(ndarray::Zip::from(&d).and(&x).fold(0, |n, a, b| n + usize::from(a == b)), 120);
    assert_eq!(d[[1, 2, 3]], 123.0);
    assert_eq!(
        d.index_axis(Axis(0), 1).dot(&d.t().index_axis(Axis(2), 1)),
        x.index_axis(Axis(0), 1).dot(&x.t().index_axis(Axis(2), 1))
    );
    let mut y = d.clone();
    for v in &mut y {
        *v += 1.0;
    }
    assert_eq!(y, &x + 1.0);
    let view: ArrayView3<f64> = (&d).into();
    assert_eq!(view, x);
    fn by_ref(a: &ndarray::ArrayRef3<f64>) -> f64 {
        a.sum()
    }
    assert_eq!(by_ref(&d), x.sum());
    assert_eq!((d.shape(), d.dim(), d.ndim(), d.len(), d.len_of(Axis(1))), (x.shape(), x.dim(), 3, 120, 5));
}

/// Line and message of the panic of `f`, which has to be one in this file.
#[track_caller]
fn panic_of(f: impl FnOnce() + std::panic::UnwindSafe) -> (u32, String) {
    type Seen = Option<(String, u32)>;
    thread_local!(static SEEN: std::cell::RefCell<Seen> = const { std::cell::RefCell::new(None) });
    static HOOK: std::sync::Once = std::sync::Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            SEEN.set(info.location().map(|at| (at.file().to_owned(), at.line())));
            before(info);
        }));
    });
    let panic = std::panic::catch_unwind(f).expect_err("it has to panic");
    let (file, line) = SEEN.take().expect("a place");
    assert!(file.ends_with("arrays/layout.rs"), "{file}:{line}");
    (line, *panic.downcast::<String>().expect("a text"))
}

/// An array is caught across `catch_unwind` as ndarray's is, without a wrapper.
#[test]
fn arrays_are_unwind_safe() {
    fn safe<T: std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    safe::<Array2<f64>>();
    safe::<DistArray2<f64>>();
    safe::<DistArrayD<num_complex::Complex<f32>>>();
    let (x, d) = cube();
    // A closure that captures a reference, and one that panics halfway: the array has its value, and the pending one gets it.
    let pending = &d + 1.0;
    let text = panic_of(|| {
        let sum = pending.sum() + d.sum();
        panic!("on purpose, at {}", sum.signum());
    });
    assert_eq!(text.1, "on purpose, at 1");
    assert_eq!(pending, &x + 1.0);
    assert_eq!(std::panic::catch_unwind(move || d.len()).unwrap(), 120);
}

#[expect(clippy::reversed_empty_ranges, reason = "a slice of nothing is meant")]
#[test]
fn what_an_array_does_not_have_is_a_panic_on_the_callers_line() {
    let (_, d) = cube();
    macro_rules! check {
        ($d:ident, $call:expr, $($part:expr),+) => {{
            let $d = d.clone();
            #[allow(unused_mut, reason = "some calls change it")]
            let (line, text) = panic_of(move || { let mut $d = $d; let _ = $call; });
            assert_eq!(line, line!(), "{text}");
            $(assert!(text.contains($part), "{text}: no {}", $part);)+
        }};
    }
    check!(d, d.slice_shared(s![2..9, .., ..]), "slice_shared", "2..9", "axis 0", "length is 4", "[4, 5, 6]");
    check!(d, d.slice_shared(s![.., 6.., ..]), "6..", "axis 1", "length is 5");
    check!(d, d.slice_shared(s![.., .., -7..3]), "-7..3", "axis 2", "length is 6");
    check!(d, d.slice_shared(s![..-9;2, .., ..]), "0..-9;2", "axis 0");
    check!(d, d.slice_shared(s![4, .., ..]), "index 4", "axis 0", "length is 4");
    check!(d, d.slice_shared(s![.., NewAxis, -6, ..]), "index -6", "axis 1");
    check!(d, d.slice_move(s![.., .., 6]), "slice_move", "index 6", "axis 2");
    check!(d, d.slice_collapse(s![.., 5, ..]), "slice_collapse", "index 5", "axis 1");
    check!(d, d.slice_axis_inplace(Axis(2), Slice::from(..7)), "slice_axis_inplace", "0..7", "axis 2");
    check!(d, d.slice_axis_inplace(Axis(3), Slice::from(..)), "axis 3", "3 dimensions");
    check!(d, d.slice_axis_move(Axis(0), Slice::new(5, None, 1)), "slice_axis_move", "5..", "axis 0");
    check!(d, d.slice_axis_move(Axis(0), Slice { start: 0, end: None, step: 0 }), "step of 0", "axis 0");
    check!(d, d.slice_each_axis_inplace(|axis| Slice::from(..axis.axis.index() as isize * 4)), "0..8", "axis 2");
    check!(d, d.index_axis_move(Axis(1), 5), "index_axis_move", "index 5", "axis 1", "[4, 5, 6]");
    check!(d, d.collapse_axis(Axis(1), 50), "collapse_axis", "index 50");
    check!(d, d.insert_axis(Axis(4)), "insert_axis", "axis 4", "3 dimensions");
    check!(d, d.slice_move(s![0..0, .., ..]).remove_axis(Axis(0)), "remove_axis", "index 0", "[0, 5, 6]");
    check!(d, d.swap_axes(0, 3), "swap_axes", "axis 3");
    check!(d, d.invert_axis(Axis(8)), "invert_axis", "axis 8");
    check!(d, d.merge_axes(Axis(0), Axis(3)), "merge_axes", "axis 3");
    check!(d, d.permuted_axes([0, 1, 1]), "permuted_axes", "[0, 1, 1]");
    check!(d, d.permute_axes([0, 1, 3]), "permute_axes", "[0, 1, 3]");
    check!(d, d.len_of(Axis(3)), "len_of", "axis 3");
    check!(d, d.into_dyn().index_axis_inplace(Axis(0), 4), "index_axis_inplace", "index 4");
    check!(d, d.into_dyn().insert_axis_inplace(Axis(5)), "insert_axis_inplace", "axis 5");
    check!(d, d.into_dyn().slice_move(&[ndarray::SliceInfoElem::Index(0)][..]), "slice_move", "1 axes", "[4, 5, 6]");
    // Nothing of it was done.
    let (mut d, x) = (d, cube().0);
    let each = |axis: ndarray::AxisDescription| Slice::from(..axis.axis.index() as isize * 4);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| d.slice_each_axis_inplace(each))).is_err());
    assert_eq!(d, x);
    // What ndarray allows: ends at the length, ends before the start, negative ones down to the first element.
    assert_eq!(d.slice_shared(s![4.., ..5, 3..1]), x.slice(s![4.., ..5, 3..1]));
    assert_eq!(d.slice_shared(s![-4, -5..;-1, ..-6]), x.slice(s![-4, -5..;-1, ..-6]));
}

/// Strides of the clone, and of the clone once something is written to it, beside those of ndarray's clone.
#[test]
fn clones_keep_the_strides() {
    type Change = fn(&mut ndarray::LayoutRef3<f64>);
    let changes: [Change; 9] = [
        |_| (),
        |a| a.swap_axes(0, 2),
        |a| a.invert_axis(Axis(1)),
        |a| a.slice_collapse(s![..;-1, .., ..;-1]),
        |a| a.slice_collapse(s![.., .., ..;2]),
        |a| a.slice_collapse(s![1.., 2..;-1, 1..]),
        |a| a.slice_collapse(s![2..3, .., ..]),
        |a| a.slice_collapse(s![2, 3, 4]),
        |a| a.slice_collapse(s![.., ..;-1, 3..3]),
    ];
    for scale in [1, 30] {
        for change in changes {
            let mut x = Array3::from_shape_fn((4 * scale, 5, 6 * scale), |(i, j, k)| (i * 100 + j * 10 + k) as f64);
            let mut d = hub().scatter(&x).unwrap();
            change(&mut x);
            change(&mut d);
            assert_eq!((d.shape(), d.strides()), (x.shape(), x.strides()));
            let (y, mut e) = (x.clone(), d.clone());
            assert_eq!((e.shape(), e.strides()), (y.shape(), y.strides()));
            assert_eq!(e.as_ptr(), d.as_ptr());
            if let Some(first) = e.first_mut() {
                *first = -1.0;
                assert_ne!(e.as_ptr(), d.as_ptr());
            }
            assert_eq!(e.strides(), y.strides(), "written to, {:?}", y.shape());
            assert_eq!(d, x);
            assert!(e.iter().skip(1).eq(y.iter().skip(1)));
            assert_eq!(e.clone().into_dyn().strides(), y.into_dyn().strides());
        }
    }
    // An expression's value, of nothing too.
    let none = &hub().scatter(&Array2::<f64>::zeros((3, 0))).unwrap() + 1.0;
    assert_eq!(none.clone().strides(), (&Array2::<f64>::zeros((3, 0)) + 1.0).strides());
    assert_eq!(none.sum_axis(Axis(0)).strides(), Array1::<f64>::zeros(0).strides());
}

/// A write to a small part of a shared array copies that part alone, as ndarray's `ArcArray` does it.
#[test]
fn a_copy_on_write_has_no_large_gaps() {
    // A hub of its own: nothing else allocates in it.
    let hub = Hub::builder().embedded().engines(1).start().unwrap();
    let x = ndarray::ArcArray2::<f64>::zeros((300, 400));
    let d = hub.scatter(&x).unwrap();
    let (mut part, mut theirs) = (d.slice_shared(s![..;-3, ..5]), x.clone().slice_move(s![..;-3, ..5]));
    let before = hub.memory().in_use;
    part[[1, 1]] = 1.0;
    theirs[[1, 1]] = 1.0;
    assert_eq!(part, theirs);
    assert_eq!(part.strides(), theirs.strides());
    assert!(hub.memory().in_use - before < 100 * 1024);
    // Elements that are read at several indices are each written by themselves.
    let mut rows = d.slice_shared(s![0, ..]).broadcast((2, 400)).unwrap();
    rows[[0, 0]] = 3.0;
    assert_eq!((rows[[0, 0]], rows[[1, 0]], d[[0, 0]]), (3.0, 0.0, 0.0));
}
