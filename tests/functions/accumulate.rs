//! `accumulate`: every function and type against a plain loop in the documented order, layouts, axes, long and many runs, errors,
//! bits over engines and kinds of engines.

use distob::prelude::*;
use distob::ufunc::*;
use distob::{Element, Error, Hub};
use half::f16;
use ndarray::{ArrayD, IxDyn, Slice, array};
use num_complex::Complex;

/// Elements of an axis that are joined in order.
const BLOCK: usize = 2048;

fn hub(engines: usize) -> Hub {
    Hub::builder().embedded().engines(engines).start().unwrap()
}

/// The documented definition: in order within blocks, and each result joined to the last one of the block before; an initial value is
/// joined to the first element before any other is.
fn naive<A: Copy, W: Copy>(
    x: &ArrayD<A>,
    axis: usize,
    initial: Option<W>,
    enter: impl Fn(A) -> W,
    join: impl Fn(W, W) -> W,
    leave: impl Fn(W) -> A,
) -> ArrayD<A> {
    let mut out = x.clone();
    for (from, mut to) in x.lanes(Axis(axis)).into_iter().zip(out.lanes_mut(Axis(axis))) {
        let mut carry = None;
        let mut results = Vec::new();
        results.extend(initial);
        let all: Vec<A> = from.iter().copied().collect();
        for (nth, block) in all.chunks(BLOCK).enumerate() {
            let mut local = initial.filter(|_| nth == 0);
            let mut last = None;
            for &x in block {
                let joined = local.map_or(enter(x), |local| join(local, enter(x)));
                local = Some(joined);
                last = Some(carry.map_or(joined, |carry| join(carry, joined)));
                results.extend(last);
            }
            carry = last;
        }
        for (to, from) in to.iter_mut().zip(results) {
            *to = leave(from);
        }
    }
    out
}

fn noise(i: usize) -> f64 {
    let z = (i as u64 ^ 0x5555).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (z >> 20) as f64 / (1u64 << 43) as f64 - 0.9
}

fn layouts<A: Element>(x: &ArrayD<A>, axis: usize) -> Vec<(&'static str, DistArrayD<A>)> {
    let mut turned = x.clone();
    turned.invert_axis(Axis(axis));
    let mut reversed = DistArray::from(&turned.as_standard_layout());
    reversed.invert_axis(Axis(axis));
    let mut wide = x.shape().to_vec();
    wide[axis] += 3;
    let mut large = ArrayD::from_elem(IxDyn(&wide), *x.iter().next().unwrap());
    large.slice_axis_mut(Axis(axis), Slice::from(2..2 + x.len_of(Axis(axis)))).assign(x);
    let mut inside = DistArray::from(&large);
    inside.slice_axis_inplace(Axis(axis), Slice::from(2..2 + x.len_of(Axis(axis))));
    vec![
        ("contiguous", DistArray::from(x)),
        ("transposed", DistArray::from(&x.t().as_standard_layout()).reversed_axes()),
        ("reversed", reversed),
        ("a part", inside),
    ]
}

const SHAPES: [&[usize]; 16] = [
    &[1],
    &[7],
    &[2048],
    &[2049],
    &[16_385],
    &[70_001],
    &[3, 2],
    &[5000, 1],
    &[5000, 3],
    &[2300, 70],
    &[1, 300],
    &[40, 5001],
    &[3, 2500, 2],
    &[2, 3, 2049],
    &[9, 2100, 33],
    &[6, 5, 4],
];

fn bits(x: &ArrayD<f64>) -> Vec<u64> {
    x.iter().map(|x| x.to_bits()).collect()
}

#[distob::test]
fn sums_of_every_shape_axis_and_layout_have_the_documented_bits() {
    let _entered = hub(2).enter();
    for shape in SHAPES {
        let x = ArrayD::from_shape_vec(shape, (0..shape.iter().product()).map(noise).collect()).unwrap();
        for axis in 0..shape.len() {
            let want = naive(&x, axis, None, |x| x, |a, b| a + b, |x| x);
            let exclusive = naive(&x, axis, Some(0.5), |x| x, |a, b| a + b, |x| x);
            for (layout, a) in layouts(&x, axis) {
                let got = Add.accumulate(&a).axis(axis as isize).run().unwrap().gather();
                assert_eq!(bits(&got), bits(&want), "{shape:?} along {axis}, {layout}");
                let got = Add.accumulate(&a).axis(axis as isize - shape.len() as isize).initial(0.5).run().unwrap();
                assert_eq!(bits(&got.gather()), bits(&exclusive), "{shape:?} along {axis}, {layout}, exclusive");
            }
        }
    }
}

#[distob::test]
fn every_function_and_type() {
    let _entered = hub(2).enter();
    macro_rules! check {
        ($t:ty, $function:ident, $value:expr, $w:ty, $enter:expr, $join:expr, $leave:expr, $initial:expr) => {
            for shape in [&[5000][..], &[30, 2100], &[2100, 30]] {
                let value: fn(usize) -> $t = $value;
                let x = ArrayD::from_shape_vec(shape, (0..shape.iter().product()).map(value).collect()).unwrap();
                for axis in 0..shape.len() {
                    let want = naive::<$t, $w>(&x, axis, None, $enter, $join, $leave);
                    let got = $function.accumulate(&x).axis(axis as isize).run().unwrap();
                    assert_eq!(got, want, "{} of {}", stringify!($function), stringify!($t));
                    let want = naive::<$t, $w>(&x, axis, Some($enter($initial)), $enter, $join, $leave);
                    let got = $function.accumulate(&x).axis(axis as isize).initial($initial).run().unwrap();
                    assert_eq!(got, want, "{} of {}, exclusive", stringify!($function), stringify!($t));
                }
            }
        };
    }
    macro_rules! integers {
        ($($t:ident)*) => {$(
            let value = |i: usize| (i as i64).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64) as $t;
            check!($t, Add, value, $t, |x| x, |a: $t, b| a.wrapping_add(b), |x| x, 3);
            check!($t, Multiply, |i| (i % 7 + 1) as $t, $t, |x| x, |a: $t, b| a.wrapping_mul(b), |x| x, 2);
            check!($t, Maximum, value, $t, |x| x, |a: $t, b: $t| a.max(b), |x| x, 5);
            check!($t, Minimum, value, $t, |x| x, |a: $t, b: $t| a.min(b), |x| x, 5);
            check!($t, BitwiseXor, value, $t, |x| x, |a: $t, b: $t| a ^ b, |x| x, 9);
        )*};
    }
    integers!(i8 i16 i32 i64 u8 u16 u32 u64 isize usize);
    check!(f64, Maximum, noise, f64, |x| x, f64::max, |x| x, 0.0);
    check!(f64, Fmin, noise, f64, |x| x, f64::min, |x| x, 0.0);
    check!(f32, Add, |i| noise(i) as f32, f64, f64::from, |a, b| a + b, |x| x as f32, 1.5);
    check!(f32, Multiply, |i| 1.0 + noise(i) as f32 * 1e-3, f64, f64::from, |a, b| a * b, |x| x as f32, 1.5);
    let complex = |i: usize| Complex::new(noise(i), noise(i + 1));
    check!(Complex<f64>, Add, complex, Complex<f64>, |x| x, |a, b| a + b, |x| x, Complex::new(1.0, 2.0));
    check!(bool, LogicalOr, |i| i % 4000 == 3999, bool, |x| x, |a, b| a | b, |x| x, false);
    check!(bool, LogicalAnd, |i| i % 4000 != 3999, bool, |x| x, |a, b| a & b, |x| x, true);
    check!(bool, LogicalXor, |i| i % 3 == 0, bool, |x| x, |a, b| a ^ b, |x| x, true);
}

#[distob::ufunc]
fn damped(before: f64, x: f64) -> f64 {
    before * 0.5 + x
}

#[distob::test]
fn functions_that_are_taken_in_order() {
    let _entered = hub(2).enter();
    for shape in [&[3000][..], &[300, 20], &[20, 300], &[2, 30, 300]] {
        let x = ArrayD::from_shape_vec(shape, (0..shape.iter().product()).map(noise).collect()).unwrap();
        for axis in 0..shape.len() {
            let in_order = |initial: Option<f64>, f: fn(f64, f64) -> f64| {
                let mut out = x.clone();
                for (from, mut to) in x.lanes(Axis(axis)).into_iter().zip(out.lanes_mut(Axis(axis))) {
                    let mut acc = initial;
                    for (i, to) in to.iter_mut().enumerate() {
                        if !(i == 0 && initial.is_some()) {
                            let x = from[i - usize::from(initial.is_some())];
                            acc = Some(acc.map_or(x, |acc| f(acc, x)));
                        }
                        *to = acc.unwrap();
                    }
                }
                out
            };
            let run = |x| Subtract.accumulate(x).axis(axis as isize);
            assert_eq!(run(&x).run().unwrap(), in_order(None, |a, b| a - b));
            assert_eq!(run(&x).initial(2.0).run().unwrap(), in_order(Some(2.0), |a, b| a - b));
            let run = |x| damped.accumulate(x).axis(axis as isize);
            assert_eq!(run(&x).run().unwrap(), in_order(None, |a, b| a * 0.5 + b));
            assert_eq!(run(&x).initial(2.0).run().unwrap(), in_order(Some(2.0), |a, b| a * 0.5 + b));
        }
    }
    assert_eq!(Gcd.accumulate(&array![-12, 18, 27]).run().unwrap(), array![-12, 6, 3]);
    let product = Multiply.accumulate(&Array1::from_elem(3, Complex::new(0.0, 1.0))).run().unwrap();
    assert_eq!(product, array![Complex::new(0.0, 1.0), Complex::new(-1.0, 0.0), Complex::new(0.0, -1.0)]);
}

#[distob::test]
fn the_same_bits_on_any_engines() {
    let x = ArrayD::from_shape_vec(vec![20, 61_000], (0..20 * 61_000).map(noise).collect()).unwrap();
    let narrow = x.view().into_shape_with_order(vec![305_000, 4]).unwrap().to_owned();
    let whole = x.view().into_shape_with_order(vec![x.len()]).unwrap().to_owned();
    let all = || -> Vec<Vec<u64>> {
        let mut all = Vec::new();
        for x in [&x, &narrow, &whole] {
            for axis in 0..x.ndim() {
                all.push(bits(&Add.accumulate(x).axis(axis as isize).run().unwrap().gather()));
                all.push(bits(&Multiply.accumulate(x).axis(axis as isize).initial(1.5).run().unwrap().gather()));
            }
        }
        all
    };
    let want = hub(1).enter_with(&all);
    for engines in [2, 3, 5] {
        assert_eq!(hub(engines).enter_with(&all), want, "{engines} engines");
    }
    for threads in [1, 4] {
        let hub = Hub::builder().process().engines(2).threads(threads).start().unwrap();
        assert_eq!(hub.enter_with(&all), want, "processes of {threads} threads");
    }
    assert_eq!(want[0], bits(&naive(&x, 0, None, |x| x, |a, b| a + b, |x| x)));
    assert_eq!(want[8], bits(&naive(&whole, 0, None, |x| x, |a, b| a + b, |x| x)));
}

trait EnterWith {
    fn enter_with<R>(&self, f: &dyn Fn() -> R) -> R;
}

impl EnterWith for Hub {
    fn enter_with<R>(&self, f: &dyn Fn() -> R) -> R {
        let _entered = self.enter();
        f()
    }
}

#[distob::test]
fn sums_of_what_is_not_negative_never_fall() {
    let _entered = hub(2).enter();
    let x: Vec<f64> = (0..300_000).map(|i| noise(i).abs() * if i % 977 == 0 { 1e12 } else { 1e-9 }).collect();
    let sums = DistArray::from_vec(x).cumsum(Axis(0)).gather();
    assert!(sums.windows(2).into_iter().all(|pair| pair[0] <= pair[1]));
}

#[distob::test]
fn an_initial_value_comes_first() {
    for engines in 1..=3 {
        let _entered = hub(engines).enter();
        // A plain loop: 1e16, 1e16 - 1e16 = 0, 0 + 1 = 1; added to 1e16 at last, 1 - 1e16 would have lost the 1.
        assert_eq!(Add.accumulate(&array![-1e16, 1.0, 5.0]).initial(1e16).run().unwrap(), array![1e16, 0.0, 1.0]);
        // NumPy's `cumsum` of the values with the initial one in front, over the first block and, joined, over the next.
        for n in [1, 2, 100, 2048, 2049, 5000, 1_200_000] {
            let x = Array1::from_shape_fn(n, |i| noise(i) * 10f64.powi(i as i32 % 9));
            let got = Add.accumulate(&x).initial(1e9).run().unwrap();
            let mut sum = 1e9;
            for (i, (&got, &x)) in got.iter().zip(&x).enumerate().take(BLOCK) {
                assert_eq!(got.to_bits(), f64::to_bits(sum), "{i} of {n}");
                sum += x;
            }
            let columns = x.broadcast((3, n)).unwrap().reversed_axes().to_owned();
            let got_columns = Add.accumulate(&columns).initial(1e9).run().unwrap();
            for column in got_columns.columns() {
                assert!(column.iter().zip(got.iter()).all(|(a, b)| a.to_bits() == b.to_bits()), "columns of {n}");
            }
        }
        // `f32` and `f16`: in 64 bits, each result rounded once.
        let tiny = 2.0f32.powi(-24);
        let got = Add.accumulate(&array![tiny, tiny / 64.0, 0.0]).initial(1.0f32).run().unwrap();
        assert_eq!(got, array![1.0, 1.0, 1.0 + f32::EPSILON]);
        let tiny = f16::from_f64(2f64.powi(-11));
        let got =
            Add.accumulate(&array![tiny, f16::from_f64(2f64.powi(-20)), f16::ZERO]).initial(f16::ONE).run().unwrap();
        assert_eq!(got, array![f16::ONE, f16::ONE, f16::ONE + f16::EPSILON]);
    }
}

#[distob::test]
fn types_options_and_pending_operands() {
    let _entered = hub(2).enter();
    let bytes = array![200_u8, 100, 50];
    assert_eq!(Add.accumulate(&bytes).run().unwrap(), array![200_u8, 44, 94]);
    assert_eq!(Add.accumulate(&bytes).dtype::<u64>().run().unwrap(), array![200_u64, 300, 350]);
    assert_eq!(LogicalAnd.accumulate(&array![2.0, 1.0, 0.0, 3.0]).run().unwrap(), array![true, true, false, false]);
    let a = DistArray::from(array![1.0, 2.0, 3.0]);
    assert_eq!(Add.accumulate(&a * 2.0 + 1.0).run().unwrap(), array![3.0, 8.0, 15.0]);
    assert_eq!(a.cumprod(Axis(0)), array![1.0, 2.0, 6.0]);
    // Of one element, and of none.
    assert_eq!(Add.accumulate(&array![7]).initial(2).run().unwrap(), array![2]);
    assert_eq!(Add.accumulate(&array![[7], [8]]).axis(1).initial(2).run().unwrap(), array![[2], [2]]);
    let none = Array2::<f64>::zeros((0, 3));
    assert_eq!(Add.accumulate(&none).run().unwrap().shape(), [0, 3]);
    assert_eq!(Add.accumulate(&none).axis(1).initial(1.0).run().unwrap().shape(), [0, 3]);
    // Special values go through.
    let x = array![f64::NAN, 1.0, f64::INFINITY];
    assert!(Maximum.accumulate(&x).run().unwrap().iter().all(|x| x.is_nan()));
    assert_eq!(Fmax.accumulate(&x).run().unwrap().slice(s![1..]), array![1.0, f64::INFINITY]);
    assert!(Add.accumulate(&array![-0.0, -0.0]).run().unwrap().iter().all(|x: &f64| x.is_sign_negative()));
}

#[distob::test]
fn errors_say_what_and_where() {
    let _entered = hub(2).enter();
    let a = DistArray::from(array![[1, 0], [4, 2]]);
    let text = |error: Error| error.to_string();
    assert!(matches!(Add.accumulate(&a).axis(2).run(), Err(Error::Axis { .. })));
    assert!(matches!(Add.accumulate(&DistArray::from(ndarray::arr0(1))).run(), Err(Error::Axis { .. })));
    let error = text(Less.accumulate(&a).run().map(drop).unwrap_err());
    assert_eq!(error, "less.accumulate: of two i32 it gives bool, so that it cannot go on");
    let error = text(FloorDivide.accumulate(&a).axis(1).run().map(drop).unwrap_err());
    assert_eq!(error, "floor_divide: an integer is divided by zero at index [0, 1]");
    // The first element divides nothing, unless there is an initial value; the last one does not count then.
    assert_eq!(FloorDivide.accumulate(&array![0, 5, 2]).run().unwrap(), array![0, 0, 0]);
    let error = text(FloorDivide.accumulate(&array![0, 5, 2]).initial(9).run().map(drop).unwrap_err());
    assert_eq!(error, "floor_divide: an integer is divided by zero at index [0]");
    assert_eq!(FloorDivide.accumulate(&array![2, 5, 0]).initial(90).run().unwrap(), array![90, 45, 9]);
    let turned = DistArray::from(array![[4, 1], [0, 2]]).reversed_axes();
    let error = text(FloorDivide.accumulate(&turned).axis(1).run().map(drop).unwrap_err());
    assert_eq!(error, "floor_divide: an integer is divided by zero at index [0, 1]");
}
