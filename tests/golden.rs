//! What NumPy computes (`ci/golden.py` made the files), against the same with distob.

use distob::prelude::*;
use ndarray::{Dimension, IxDyn};
use num_complex::Complex;
use num_traits::{Float, ToPrimitive};
use std::collections::HashMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::LazyLock;

type C64 = Complex<f64>;

static HUB: LazyLock<Hub> = LazyLock::new(|| Hub::builder().embedded().engines(2).start().expect("a hub"));

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn load<A: distob::ufunc::Element, D: Dimension>(name: &str) -> DistArray<A, D> {
    HUB.open_npy(path(&format!("{name}.npy"))).unwrap_or_else(|e| panic!("{e}"))
}

fn numbers() -> HashMap<String, f64> {
    let text = std::fs::read_to_string(path("scalars.txt")).unwrap();
    let lines = text.lines().filter(|l| !l.starts_with('#'));
    lines.map(|l| l.split_once(' ').map(|(name, v)| (name.to_owned(), v.parse().unwrap())).unwrap()).collect()
}

/// The same shape and the same elements.
#[track_caller]
fn same<A, D>(name: &str, got: &DistArray<A, D>)
where
    A: distob::ufunc::Element + PartialEq + Debug,
    D: Dimension,
{
    let want: DistArray<A, D> = load(name);
    assert_eq!(got.shape(), want.shape(), "{name}");
    assert!(got.iter().eq(want.iter()), "{name}: NumPy has\n{:?}\ngot\n{:?}", want.view(), got.view());
}

/// The same shape, and elements at most so many units in the last place apart; NaN where there is NaN.
#[track_caller]
fn close<A, D>(name: &str, got: &DistArray<A, D>, ulps: f64)
where
    A: distob::ufunc::Element + Float + Debug,
    D: Dimension,
{
    let want: DistArray<A, D> = load(name);
    assert_eq!(got.shape(), want.shape(), "{name}");
    for (place, (got, want)) in got.iter().zip(want.iter()).enumerate() {
        assert!(near(*got, *want, ulps), "{name}: element {place} is {got:?}, NumPy has {want:?}");
    }
}

fn near<A: Float>(got: A, want: A, ulps: f64) -> bool {
    let wide = |x: A| ToPrimitive::to_f64(&x).unwrap();
    got == want
        || (got.is_nan() && want.is_nan())
        || (wide(got) - wide(want)).abs() <= ulps * wide(A::epsilon()) * wide(want).abs()
}

#[track_caller]
fn number(name: &str, got: f64, ulps: f64) {
    let want = numbers()[name];
    assert!(near(got, want, ulps), "{name}: {got:?}, NumPy has {want:?}");
}

#[test]
fn arithmetic_with_broadcasting() {
    let (a, b) = (load::<f64, Ix3>("a"), load::<f64, Ix2>("b"));
    same("a_add", &(&a + &b));
    same("a_sub", &(&b - &a));
    same("a_mul", &(&a * &b));
    same("a_div", &(&a / &b));
    close("a_muladd", &(&a * &b + 2.5), 2.0);
    same("a_neg_abs", &-a.abs());
    same("a_floor", &a.floor());
    same("a_minimum", &a.minimum(&b));
    same("a_maximum", &a.maximum(&b));
    same("a_clamp", &a.clamp(-1.0, 2.0));
    same("a_less", &a.less(&b));
    same("a_greater_equal", &a.greater_equal(&b));
    same("a_where", &a.less(&b).choose(&a, &(&b * 0.0)));
    same("a_to_f32", &a.astype::<f32>());
    same("a_to_i64", &a.astype::<i64>());
    same("a_view", &(a.slice_shared(s![..;-1, 1..4, ..;2]) * 2.0));
    same("a_transposed", &(a.t() + 1.0));
}

#[test]
fn elementary_functions() {
    // A unit in the last place of ours and up to four of NumPy's.
    let a = load::<f64, Ix3>("a");
    same("a_sqrt", &a.abs().sqrt());
    close("a_exp", &(&a / 1000.0).exp(), 4.0);
    close("a_ln", &a.abs().ln(), 4.0);
    close("a_sin", &a.sin(), 4.0);
    close("a_cos", &a.cos(), 4.0);
    close("a_tanh", &a.tanh(), 4.0);
}

#[test]
fn reductions_by_axis_and_whole() {
    let a = load::<f64, Ix3>("a");
    // Sums in another order than NumPy's: as many units as there are numbers, since they cancel.
    let ulps = 1000.0;
    for axis in 0..3 {
        let name = |what: &str| format!("a_{what}_{axis}");
        let at = Axis(axis);
        close(&name("sum"), &a.sum_axis(at), ulps);
        close(&name("prod"), &a.product_axis(at), 8.0);
        close(&name("mean"), &a.mean_axis(at).unwrap(), ulps);
        same(&name("min"), &a.min_axis(at).unwrap());
        same(&name("max"), &a.max_axis(at).unwrap());
        same(&name("argmin"), &a.argmin_axis(at).unwrap().astype::<i64>());
        same(&name("argmax"), &a.argmax_axis(at).unwrap().astype::<i64>());
        for ddof in [0, 1] {
            close(&name(&format!("var{ddof}")), &a.var_axis(at, f64::from(ddof)), 8.0);
            close(&name(&format!("std{ddof}")), &a.std_axis(at, f64::from(ddof)), 8.0);
        }
    }
    close::<f64, IxDyn>("a_sum_02", &a.sum_axes(&[Axis(0), Axis(2)]), ulps);
    let mean = a.mean_axis(Axis(0)).unwrap();
    close("a_zscore", &((&a - &mean) / a.std_axis(Axis(0), 0.0)), 4096.0);

    number("a_sum", a.sum(), ulps);
    number("a_mean", a.mean().unwrap(), ulps);
    number("a_min", a.min().unwrap(), 0.0);
    number("a_max", a.max().unwrap(), 0.0);
    number("a_var0", a.var(0.0), 8.0);
    number("a_std1", a.std(1.0), 8.0);
    let flat = |(i, j, k): (usize, usize, usize)| ((i * 5 + j) * 6 + k) as f64;
    number("a_argmin", flat(a.argmin().unwrap()), 0.0);
    number("a_argmax", flat(a.argmax().unwrap()), 0.0);
}

#[test]
fn float32_is_reduced_in_float64() {
    let f = load::<f32, Ix2>("f");
    close("f_mean_0", &f.mean_axis(Axis(0)).unwrap(), 1.0);
    close("f_sum_1", &f.sum_axis(Axis(1)), 1.0);
    close("f_std_0", &f.std_axis(Axis(0), 0.0), 1.0);
    same("f_mul", &(&f * 1.1f32));
    number("f_mean64", f.astype::<f64>().mean().unwrap(), 4.0);
    number("f_std64", f.astype::<f64>().std(0.0), 16.0);
}

#[test]
fn integers_wrap() {
    let (i, j) = (load::<i32, Ix1>("i"), load::<i32, Ix1>("j"));
    same("i_add", &(&i + &i));
    same("i_mul", &(&i * &j));
    same("i_and", &(&i & &j));
    same("i_or", &(&i | &j));
    same("i_xor", &(&i ^ &j));
    same("i_not", &!&i);
    same("i_shl", &(&i << &j));
    same("i_shr", &(&i >> &j));
    same("i_div", &(&i / &j));
    same("i_rem", &(&i % &j));
    same("i_equal", &i.equal(&i.slice_shared(s![..;-1])));
}

#[test]
fn nan_and_infinity_go_through() {
    let n = load::<f64, Ix1>("n");
    close("n_add", &(&n + 1.0), 0.0);
    close("n_sqrt", &n.abs().sqrt(), 0.0);
    same("n_less", &n.less(2.0));
    same("n_isnan", &n.is_nan());
    assert!(n.min().unwrap().is_nan() && n.max().unwrap().is_nan() && n.sum().is_nan());
    number("n_argmin", n.argmin().unwrap() as f64, 0.0);
    number("n_argmax", n.argmax().unwrap() as f64, 0.0);
}

#[test]
fn complex_numbers() {
    let (c, d) = (load::<C64, Ix2>("c"), load::<C64, Ix1>("d"));
    let near = |name: &str, got: DistArray2<C64>| {
        let want: DistArray2<C64> = load(name);
        let far = got.iter().zip(want.iter()).find(|(g, w)| (*g - *w).norm() > 8.0 * f64::EPSILON * w.norm());
        assert!(got.shape() == want.shape() && far.is_none(), "{name}: {far:?}");
    };
    near("c_mul", &c * &d);
    near("c_div", &c / &d);
    near("c_conj", c.mapv(|z| z.conj()));
    let (got, want) = (c.sum_axis(Axis(0)), load::<C64, Ix1>("c_sum_0"));
    assert!(got.iter().zip(want.iter()).all(|(g, w)| (g - w).norm() < 1e-14));
}

#[test]
fn truth_values() {
    let t = load::<bool, Ix2>("t");
    same("t_not", &!&t);
    same("t_any_0", &t.any_axis(Axis(0)));
    same("t_all_1", &t.all_axis(Axis(1)));
    number("t_count", t.count() as f64, 0.0);
}

#[test]
fn files_in_every_order_and_type_are_the_same_array() {
    let f = load::<f32, Ix2>("f");
    let ways = ["c", "fortran", "big_endian", "big_endian_fortran", "version_2", "version_3"];
    for way in ways {
        let read = load::<f32, Ix2>(&format!("order_{way}"));
        assert_eq!(read, f, "{way}");
        assert_eq!(read.sum_axis(Axis(0)), f.sum_axis(Axis(0)), "{way}: the same bits in any layout");
        let strides = if way.ends_with("fortran") { [1, 33] } else { [17, 1] };
        assert_eq!(read.strides(), strides, "{way}: read as it is, without a copy");
    }
    assert_eq!(load::<f64, Ix2>("empty").shape(), [0, 3]);
    assert_eq!(load::<f64, ndarray::Ix0>("zero_dimensions").sum(), 4.25);

    fn counts<A: distob::ufunc::Element + PartialEq + Debug>(name: &str, of: impl Fn(u8) -> A) {
        let want: Vec<A> = (0..5).map(of).collect();
        assert_eq!(load::<A, Ix1>(&format!("type_{name}")).to_vec(), want, "{name}");
    }
    counts("i1", |i| i as i8);
    counts("i2", i16::from);
    counts("i4", i32::from);
    counts("i8", i64::from);
    counts("u1", |i| i);
    counts("u2", u16::from);
    counts("u4", u32::from);
    counts("u8", u64::from);
    counts("f4", f32::from);
    counts("f8", f64::from);
    counts("c8", |i| Complex::new(f32::from(i), 0.0));
    counts("c16", |i| Complex::new(f64::from(i), 0.0));
}

#[test]
fn what_is_saved_is_what_was_there() {
    let directory = std::env::temp_dir().join(format!("distob-golden-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("saved.npy");
    let f = load::<f32, Ix2>("f");
    // Row-major; column-major, which is kept; and with gaps, which is made contiguous.
    f.save_npy(&file).unwrap();
    assert_eq!(std::fs::read(&file).unwrap().len(), std::fs::read(path("order_c.npy")).unwrap().len());
    assert_eq!(HUB.open_npy::<f32, Ix2>(&file).unwrap(), f);
    f.t().save_npy(&file).unwrap();
    let transposed = HUB.open_npy::<f32, Ix2>(&file).unwrap();
    assert_eq!(transposed, f.t());
    assert_eq!(transposed.strides(), [1, 17]);
    let part = f.slice_shared(s![1..;3, ..;-2]);
    part.save_npy(&file).unwrap();
    assert_eq!(HUB.open_npy::<f32, IxDyn>(&file).unwrap(), part.into_dyn());
    std::fs::remove_dir_all(&directory).unwrap();

    let error = HUB.open_npy::<f64, Ix2>(path("f.npy")).unwrap_err().to_string();
    assert!(error.contains("f.npy") && error.contains("astype::<f64>"), "{error}");
    let error = HUB.open_npy::<f32, Ix3>(path("f.npy")).unwrap_err().to_string();
    assert!(error.contains("[33, 17]") && error.contains("not 3"), "{error}");
}
