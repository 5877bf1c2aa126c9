//! Least and greatest values: one of the elements, bit for bit, and of zeros of both signs the one that IEEE 754-2019 takes; in every way
//! that there is to ask for one, over sizes that take every path, for any number of engines.

use distob::Hub;
use distob::prelude::*;
use distob::ufunc::*;
use half::{bf16, f16};
use ndarray::{Array, array, s};

fn hubs() -> Vec<Hub> {
    let embedded = |n| Hub::builder().embedded().engines(n).start().unwrap();
    vec![embedded(1), embedded(2), embedded(3), Hub::builder().process().engines(2).start().unwrap()]
}

/// IEEE 754-2019's `maximum` and `minimum`, by its total order.
fn most(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a.total_cmp(&b).is_ge() {
        a
    } else {
        b
    }
}

fn least(a: f64, b: f64) -> f64 {
    -most(-a, -b)
}

/// Its `maximumNumber` and `minimumNumber`.
fn fmost(a: f64, b: f64) -> f64 {
    if a.is_nan() {
        b
    } else if b.is_nan() {
        a
    } else {
        most(a, b)
    }
}

fn fleast(a: f64, b: f64) -> f64 {
    -fmost(-a, -b)
}

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

fn noise(i: usize) -> usize {
    ((i as u64 ^ 0x5a5a).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as usize
}

/// Values at whose one end there are zeros, most of one sign; the last kind has NaNs besides.
fn patterns(n: usize) -> Vec<(&'static str, Vec<f64>)> {
    let rare = |i: usize| noise(i) % 5000 == 17 || i + 1 == n;
    let mixed = |i: usize, zero: f64, other: f64| match noise(i) % 5 {
        _ if rare(i) => -zero,
        0 | 1 => zero,
        k => other * k as f64,
    };
    vec![
        ("a zero above negative ones", (0..n).map(|i| mixed(i, -0.0, -1.0)).collect()),
        ("negative zeros among positive ones, at the top", (0..n).map(|i| mixed(i, 0.0, -1.0)).collect()),
        ("a negative zero below positive ones", (0..n).map(|i| mixed(i, 0.0, 1.0)).collect()),
        ("zeros among negative ones, at the bottom", (0..n).map(|i| mixed(i, -0.0, 1.0)).collect()),
        ("negative zeros alone", vec![-0.0; n]),
        ("zeros, and a negative one at the end", (0..n).map(|i| if i + 1 == n { -0.0 } else { 0.0 }).collect()),
        ("NaN", (0..n).map(|i| if noise(i) % 3001 == 3 { f64::NAN } else { mixed(i, -0.0, -1.0) }).collect()),
    ]
}

/// The first place of an extreme, or of the first NaN.
fn place(x: impl Iterator<Item = f64> + Clone, of: fn(f64, f64) -> f64) -> usize {
    let extreme = x.clone().reduce(of).unwrap();
    x.clone().position(|x| same(x, extreme)).unwrap()
}

macro_rules! ways {
    ($name:ident, $t:ty) => {
        /// Every way to ask for an extreme of values of this type.
        fn $name(hub: &Hub, what: &str, values: &[f64], shape: (usize, usize)) {
            let wide = |x: &$t| f64::from(*x);
            let x = Array::from_shape_vec(shape, values.iter().map(|&x| <$t>::from_f64(x)).collect()).unwrap();
            let a = hub.scatter(&x).unwrap();
            let engines = hub.engines();
            let says = |way: &str| format!("{way} of {} of {shape:?}, {what}, {engines} engines", stringify!($t));
            let all = |of: fn(f64, f64) -> f64| x.iter().map(wide).reduce(of).unwrap();
            let check = |way: &str, got: $t, want: f64| assert!(same(wide(&got), want), "{}: {got}, {want}", says(way));
            // Results side by side.
            let each = |way: &str, got: &mut dyn Iterator<Item = $t>, want: &mut dyn Iterator<Item = f64>| {
                loop {
                    match (got.next(), want.next()) {
                        (Some(got), Some(want)) => check(way, got, want),
                        (None, None) => return,
                        _ => panic!("{}: another number of results", says(way)),
                    }
                }
            };
            // Adding -0.0 changes nothing, and makes an expression of it.
            let pending = || &a + <$t>::from_f64(-0.0);
            check("max", a.max().unwrap(), all(most));
            check("min", a.min().unwrap(), all(least));
            check("max, pending", pending().max().unwrap(), all(most));
            let both = pending();
            check("min of both, pending", both.min().unwrap(), all(least));
            check("max of both, pending", both.max().unwrap(), all(most));
            let turned = hub.scatter(x.t().as_standard_layout()).unwrap().reversed_axes();
            check("max, turned", turned.max().unwrap(), all(most));

            let flat = |at: (usize, usize)| at.0 * shape.1 + at.1;
            assert_eq!(flat(a.argmax().unwrap()), place(x.iter().map(wide), most), "{}", says("argmax"));
            assert_eq!(flat(a.argmin().unwrap()), place(x.iter().map(wide), least), "{}", says("argmin"));
            for axis in [Axis(0), Axis(1)] {
                let want = x.map_axis(axis, |lane| place(lane.iter().map(wide), most));
                assert_eq!(a.argmax_axis(axis).unwrap(), want, "{}", says("argmax_axis"));
                let want = x.map_axis(axis, |lane| place(lane.iter().map(wide), least));
                assert_eq!(a.argmin_axis(axis).unwrap(), want, "{}", says("argmin_axis"));
            }

            let reversed = hub.scatter(x.slice(s![.., ..;-1])).unwrap();
            let line = Array1::from_iter(x.iter().copied());
            macro_rules! function {
                ($f:ident, $of:expr) => {
                    let of: fn(f64, f64) -> f64 = $of;
                    check(stringify!($f), $f.reduce_all(&a), all(of));
                    let pairs = x.iter().zip(x.slice(s![.., ..;-1]));
                    let mut pairs = pairs.map(|(a, b)| of(wide(a), wide(b)));
                    each("call", &mut $f.call(&a, &reversed).iter().copied(), &mut pairs);
                    for axis in [0, 1] {
                        let folded = |lane: ndarray::ArrayView1<$t>| lane.iter().map(wide).reduce(of).unwrap();
                        let want = x.map_axis(Axis(axis), folded);
                        let got = $f.reduce_axis(&a, Axis(axis));
                        each(concat!(stringify!($f), ".reduce"), &mut got.iter().copied(), &mut want.iter().copied());
                        let got = $f.reduce(pending()).axis(axis as isize).run().unwrap();
                        each("reduce of an expression", &mut got.iter().copied(), &mut want.iter().copied());
                        let got = $f.reduce(&a).axis(axis as isize).initial(<$t>::from_f64(0.0)).run().unwrap();
                        each("reduce from 0", &mut got.iter().copied(), &mut want.iter().map(|&x| of(0.0, x)));

                        let got = $f.accumulate(&a).axis(axis as isize).run().unwrap();
                        for (got, lane) in got.lanes(Axis(axis)).into_iter().zip(x.lanes(Axis(axis))) {
                            let mut acc = wide(&lane[0]);
                            let mut want = lane.iter().map(|x| {
                                acc = of(acc, wide(x));
                                acc
                            });
                            each(concat!(stringify!($f), ".accumulate"), &mut got.iter().copied(), &mut want);
                        }

                        let length = x.len_of(Axis(axis));
                        let starts = [0, length / 3, length / 2];
                        let got = $f.reduceat(&a, starts).axis(axis as isize).run().unwrap();
                        for (got, lane) in got.lanes(Axis(axis)).into_iter().zip(x.lanes(Axis(axis))) {
                            let mut want = (0..3).map(|i| {
                                let end = if i < 2 { starts[i + 1].max(starts[i] + 1) } else { length };
                                folded(lane.slice(s![starts[i]..end]))
                            });
                            each(concat!(stringify!($f), ".reduceat"), &mut got.iter().copied(), &mut want);
                        }
                    }
                    // Few places, which are met often, and many.
                    for cells in [5, x.len()] {
                        let places: Vec<usize> = (0..x.len()).map(|i| noise(i + 99) % cells).collect();
                        let mut want = vec![-0.0; cells];
                        for (&place, x) in places.iter().zip(&x) {
                            want[place] = of(want[place], wide(x));
                        }
                        let mut target = hub.scatter(Array1::from_elem(cells, <$t>::from_f64(-0.0))).unwrap();
                        $f.at(&mut target, &places, &line).unwrap();
                        each(concat!(stringify!($f), ".at"), &mut target.iter().copied(), &mut want.iter().copied());
                    }
                };
            }
            function!(Maximum, most);
            function!(Minimum, least);
            function!(Fmax, fmost);
            function!(Fmin, fleast);
        }
    };
}
trait FromF64 {
    fn from_f64(x: f64) -> Self;
}
impl FromF64 for f64 {
    fn from_f64(x: f64) -> f64 {
        x
    }
}
impl FromF64 for f32 {
    fn from_f64(x: f64) -> f32 {
        x as f32
    }
}
ways!(doubles, f64);
ways!(singles, f32);
ways!(halves, f16);
ways!(brains, bf16);

#[distob::test]
fn zeros_of_both_signs_in_small_arrays() {
    for hub in hubs() {
        for shape in [(1, 3), (3, 1), (2, 2), (7, 5), (40, 3), (3, 200), (70, 70)] {
            for (what, values) in patterns(shape.0 * shape.1) {
                doubles(&hub, what, &values, shape);
                singles(&hub, what, &values, shape);
                halves(&hub, what, &values, shape);
                brains(&hub, what, &values, shape);
            }
        }
    }
}

#[distob::test]
fn zeros_of_both_signs_in_large_arrays() {
    for hub in hubs() {
        for (what, values) in patterns(50_000) {
            halves(&hub, what, &values, (50, 1000));
            brains(&hub, what, &values, (25_000, 2));
            singles(&hub, what, &values, (2, 25_000));
        }
        for (what, values) in patterns(350_000).iter().step_by(3) {
            doubles(&hub, what, values, (350, 1000));
        }
    }
}

#[distob::test]
fn zeros_of_both_signs_in_long_rows_and_columns() {
    for hub in hubs() {
        for (what, values) in patterns(300_003).iter().skip(1).step_by(2) {
            singles(&hub, what, values, (1, 300_003));
            doubles(&hub, what, values, (100_001, 3));
        }
    }
}

#[distob::test]
fn a_greatest_value_is_an_element() {
    // The issue's own example, and values that a sum of both would change.
    let a = DistArray::from(array![-5.0_f64, -0.0, -3.0]);
    assert_eq!(a.max().unwrap().to_bits(), (-0.0f64).to_bits());
    assert_eq!(Maximum.reduce_all(&a).to_bits(), (-0.0f64).to_bits());
    let b = DistArray::from(array![5.0f32, -0.0, 3.0]);
    assert_eq!(b.min().unwrap().to_bits(), (-0.0f32).to_bits());
    for x in [5e-324, -5e-324, f64::MIN_POSITIVE, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0] {
        for n in [1, 3, 700, 5000, 300_000] {
            let a = DistArray::from_elem(n, x);
            for got in [a.max(), a.min(), Some(Fmax.reduce_all(&a)), Some(Fmin.reduce_all(&a))] {
                assert_eq!(got.unwrap().to_bits(), x.to_bits(), "{x:e}, {n} times");
            }
        }
    }
}

#[distob::test]
fn a_cascade_and_its_steps_take_the_same_zero() {
    for hub in hubs() {
        for (what, values) in patterns(600_000) {
            let x = Array::from_shape_vec((600, 1000), values).unwrap();
            let a = hub.scatter(&x).unwrap();
            // What each row is above its greatest value, whose sign decides that of a difference of zeros.
            let above = (&a - Maximum.reduce(&a).axis(1).keepdims().run().unwrap()).evaluated().unwrap();
            for (row, above) in x.rows().into_iter().zip(above.outer_iter()) {
                let top = row.iter().copied().reduce(most).unwrap();
                for (&x, &got) in row.iter().zip(above) {
                    assert!(same(got, x - top), "{what}: {x} - {top} is not {got}");
                }
            }
        }
    }
}
