//! Products of matrices and vectors: every type against a plain loop in the documented order, shapes, layouts, broadcasting, errors,
//! bits over engines.

use distob::prelude::*;
use distob::ufunc::*;
use distob::{Error, Hub};
use half::{bf16, f16};
use ndarray::{ArrayD, IxDyn, array};
use num_complex::Complex;

fn hub(engines: usize) -> Hub {
    Hub::builder().embedded().engines(engines).start().unwrap()
}

fn noise(i: usize) -> f64 {
    let z = (i as u64 ^ 0x1234).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (z >> 20) as f64 / (1u64 << 43) as f64 - 1.0
}

fn matrix<A>(rows: usize, columns: usize, seed: usize, of: impl Fn(f64) -> A) -> Array2<A> {
    Array2::from_shape_fn((rows, columns), |(i, j)| of(noise(seed + i * columns + j)))
}

/// The documented definition: 256 terms at a time, and 16 of these sums at a time.
fn naive<A: Copy, N: Copy>(
    x: &Array2<A>,
    y: &Array2<A>,
    zero: N,
    enter: impl Fn(A) -> N,
    mul_add: impl Fn(N, N, N) -> N,
    add: impl Fn(N, N) -> N,
    leave: impl Fn(N) -> A,
) -> Array2<A> {
    let depth = x.ncols();
    Array2::from_shape_fn((x.nrows(), y.ncols()), |(i, j)| {
        let mut total: Option<N> = None;
        for long in (0..depth).step_by(4096) {
            let mut sum = zero;
            for start in (long..(long + 4096).min(depth)).step_by(256) {
                let mut part = zero;
                for k in start..(start + 256).min(depth).min(long + 4096) {
                    part = mul_add(enter(x[[i, k]]), enter(y[[k, j]]), part);
                }
                sum = add(sum, part);
            }
            total = Some(total.map_or(sum, |total| add(total, sum)));
        }
        leave(total.unwrap_or(zero))
    })
}

const SHAPES: [[usize; 3]; 14] = [
    [1, 1, 1],
    [2, 3, 4],
    [5, 1, 7],
    [10, 10, 10],
    [8, 256, 24],
    [9, 257, 25],
    [33, 300, 49],
    [200, 70, 250],
    [401, 513, 260],
    [3, 9000, 5],
    [1, 20_001, 1],
    [700, 2, 3],
    [2, 3, 700],
    [4, 0, 3],
];

#[distob::test]
fn floats_of_every_shape_and_layout_have_the_documented_bits() {
    let _entered = hub(2).enter();
    for [rows, depth, columns] in SHAPES {
        let (x, y) = (matrix(rows, depth, 1, |x| x), matrix(depth, columns, 7, |x| x));
        let want = naive(&x, &y, 0.0, |x| x, f64::mul_add, |a, b| a + b, |x| x);
        let (a, b) = (DistArray::from(&x), DistArray::from(&y));
        let (at, bt) = (
            DistArray::from(&x.t().as_standard_layout()).reversed_axes(),
            DistArray::from(&y.t().as_standard_layout()).reversed_axes(),
        );
        assert_eq!(Matmul.call(&a, &b), want, "{rows} {depth} {columns}");
        assert_eq!(Matmul.call(&at, &bt), want, "{rows} {depth} {columns}, transposed");
        assert_eq!(Matmul.call(&x, &bt), want, "{rows} {depth} {columns}, of ndarray's");
        assert_eq!(a.dot(&y), want);
        let (mut up, mut left) = (x.clone(), y.clone());
        up.invert_axis(Axis(0));
        left.invert_axis(Axis(1));
        let mut turned = want.clone();
        turned.invert_axis(Axis(0));
        turned.invert_axis(Axis(1));
        assert_eq!(Matmul.call(&up, &left), turned);
    }
}

#[distob::test]
fn every_type() {
    let _entered = hub(2).enter();
    for [rows, depth, columns] in [[3, 5, 4], [70, 300, 50], [3, 5000, 2]] {
        macro_rules! check {
            ($t:ty, $of:expr, $zero:expr, $enter:expr, $mul_add:expr, $add:expr, $leave:expr) => {
                let of: fn(f64) -> $t = $of;
                let (x, y) = (matrix(rows, depth, 1, of), matrix(depth, columns, 5, of));
                let want = naive(&x, &y, $zero, $enter, $mul_add, $add, $leave);
                assert_eq!(Matmul.call(&x, &y), want, "{}", stringify!($t));
            };
        }
        macro_rules! integers {
            ($($t:ident)*) => {$(
                check!($t, |x| (x * 1e3) as i64 as $t, 0, |x| x, |a: $t, b, c| a.wrapping_mul(b).wrapping_add(c), |a: $t, b| a.wrapping_add(b), |x| x);
            )*};
        }
        integers!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);
        check!(bool, |x| x > 0.7, false, |x| x, |a, b, c| c | (a & b), |a, b| a | b, |x| x);
        check!(f32, |x| x as f32, 0.0, |x| x, f32::mul_add, |a, b| a + b, |x| x);
        check!(f16, f16::from_f64, 0.0, f16::to_f32, f32::mul_add, |a, b| a + b, f16::from_f32);
        check!(bf16, bf16::from_f64, 0.0, bf16::to_f32, f32::mul_add, |a, b| a + b, bf16::from_f32);
        check!(
            Complex<f64>,
            |x| Complex::new(x, 0.5 - x),
            Complex::new(0.0, 0.0),
            |x| x,
            |a: Complex<f64>, b: Complex<f64>, c: Complex<f64>| Complex::new(
                (-a.im).mul_add(b.im, a.re.mul_add(b.re, c.re)),
                a.im.mul_add(b.re, a.re.mul_add(b.im, c.im))
            ),
            |a, b| a + b,
            |x| x
        );
        check!(
            Complex<f32>,
            |x| Complex::new(x as f32, 0.5 - x as f32),
            Complex::new(0.0, 0.0),
            |x| x,
            |a: Complex<f32>, b: Complex<f32>, c: Complex<f32>| Complex::new(
                (-a.im).mul_add(b.im, a.re.mul_add(b.re, c.re)),
                a.im.mul_add(b.re, a.re.mul_add(b.im, c.im))
            ),
            |a, b| a + b,
            |x| x
        );
    }
}

/// NumPy's shape rules, with integers, by a plain loop over everything.
fn einsum(x: &ArrayD<i64>, y: &ArrayD<i64>) -> ArrayD<i64> {
    let (p, q) = (x.ndim(), y.ndim());
    let x2 = if p == 1 { x.clone().insert_axis(Axis(0)) } else { x.clone() };
    let y2 = if q == 1 { y.clone().insert_axis(Axis(1)) } else { y.clone() };
    let (p2, q2) = (x2.ndim(), y2.ndim());
    let rank = p2.max(q2);
    let lead = |shape: &[usize], axis: usize| {
        let missing = rank - shape.len();
        if axis < missing { 1 } else { shape[axis - missing] }
    };
    let mut shape: Vec<usize> = (0..rank - 2)
        .map(|axis| match (lead(x2.shape(), axis), lead(y2.shape(), axis)) {
            (1, n) => n,
            (n, _) => n,
        })
        .collect();
    shape.extend([x2.shape()[p2 - 2], y2.shape()[q2 - 1]]);
    let mut out = ArrayD::from_shape_fn(IxDyn(&shape), |index| {
        let at = |of: &ArrayD<i64>, i: usize, j: usize| {
            let rank_of = of.ndim();
            let mut place: Vec<usize> = (0..rank_of - 2)
                .map(|axis| if of.shape()[axis] == 1 { 0 } else { index[rank - rank_of + axis] })
                .collect();
            place.extend([i, j]);
            of[IxDyn(&place)]
        };
        (0..x2.shape()[p2 - 1]).map(|k| at(&x2, index[rank - 2], k) * at(&y2, k, index[rank - 1])).sum()
    });
    if q == 1 {
        out = out.index_axis_move(Axis(rank - 1), 0);
    }
    if p == 1 {
        out = out.index_axis_move(Axis(rank - 2), 0);
    }
    out
}

fn numbers(shape: &[usize]) -> ArrayD<i64> {
    ArrayD::from_shape_vec(shape, (0..shape.iter().product::<usize>() as i64).map(|i| i * 7 % 11 - 5).collect())
        .unwrap()
}

#[distob::test]
fn leading_axes_are_broadcast_and_vectors_stand_for_a_row_or_a_column() {
    let _entered = hub(2).enter();
    for (left, right) in [
        (&[3][..], &[3][..]),
        (&[2, 3], &[3]),
        (&[3], &[3, 2]),
        (&[2, 3], &[3, 4]),
        (&[5, 2, 3], &[5, 3, 4]),
        (&[5, 2, 3], &[3, 4]),
        (&[2, 3], &[5, 3, 4]),
        (&[5, 1, 2, 3], &[6, 3, 4]),
        (&[1, 2, 3], &[6, 3, 4]),
        (&[5, 2, 3], &[3]),
        (&[3], &[5, 3, 4]),
        (&[0, 2, 3], &[3, 4]),
        (&[2, 0], &[0, 3]),
    ] {
        let (x, y) = (numbers(left), numbers(right));
        let want = einsum(&x, &y);
        assert_eq!(Matmul.call(&x, &y), want, "{left:?} {right:?}");
        assert_eq!(DistArray::from(&x).dot(&DistArray::from(&y)), want, "{left:?} {right:?}");
    }
    // The dimensions that types say.
    let (m, v) = (DistArray::from(array![[1.0, 2.0], [3.0, 4.0]]), array![1.0, 10.0]);
    let one: DistArray1<f64> = Matmul.call(&m, &v);
    let other: DistArray1<f64> = m.dot(&v);
    assert_eq!(one, array![21.0, 43.0]);
    assert_eq!(other, array![21.0, 43.0]);
    assert_eq!(DistArray::from(v.clone()).dot(&m), array![31.0, 42.0]);
    assert_eq!(DistArray::from(v.clone()).dot(&v), 101.0);
    let three: DistArray3<f64> = Matmul.call(&m, Array3::<f64>::ones((4, 2, 2)));
    assert_eq!(three.shape(), [4, 2, 2]);
}

#[distob::test]
fn vectors_and_matrices_of_many_axes() {
    let _entered = hub(2).enter();
    let (x, y) = (numbers(&[4, 1, 3, 5]), numbers(&[6, 5]));
    let want = einsum(&x, &y.clone().insert_axis(Axis(2)));
    assert_eq!(Matvec.call(&x, &y), want.index_axis(Axis(3), 0));
    let (x, y) = (numbers(&[4, 1, 3]), numbers(&[6, 3, 5]));
    let want = einsum(&x.clone().insert_axis(Axis(2)), &y);
    assert_eq!(Vecmat.call(&x, &y), want.index_axis(Axis(2), 0));
    let (x, y) = (numbers(&[4, 1, 3]), numbers(&[6, 3]));
    let want = (&x * &y).sum_axis(Axis(2));
    assert_eq!(Vecdot.call(&x, &y), want);
    // The first vector is conjugated, where vectors stand for themselves.
    let i = Complex::new(0.0, 1.0);
    let v = array![i, i * 2.0];
    let m = array![[i, i], [i, i]];
    assert_eq!(Vecdot.call(&v, &v).gather()[()], Complex::new(5.0, 0.0));
    assert_eq!(Matmul.call(&v, &v).gather()[()], Complex::new(-5.0, 0.0));
    assert_eq!(Vecmat.call(&v, &m), Array1::from_elem(2, Complex::new(3.0, 0.0)));
    assert_eq!(Matvec.call(&m, &v), Array1::from_elem(2, Complex::new(-3.0, 0.0)));
    // Pending operands are part of the pass.
    let a = DistArray::from(array![[1.0, 2.0], [3.0, 4.0]]);
    assert_eq!(Matvec.call(&a + 1.0, array![1.0, 2.0]), array![8.0, 14.0]);
    assert_eq!(Matmul.call(&a + 1.0, &a * 2.0), array![[22.0, 32.0], [38.0, 56.0]]);
}

#[distob::test]
fn the_same_bits_on_any_engines() {
    let (x, y) = (matrix(300, 1000, 1, |x| x), matrix(1000, 333, 2, |x| x));
    let (long, tall) = (matrix(3, 40_000, 1, |x| x), matrix(40_000, 5, 2, |x| x));
    let all = |hub: &Hub| -> Vec<u64> {
        let _entered = hub.enter();
        let products = [Matmul.call(&x, &y), Matmul.call(&long, &tall)];
        products.iter().flat_map(|product| product.gather().iter().map(|x| x.to_bits()).collect::<Vec<_>>()).collect()
    };
    let want = all(&hub(1));
    for engines in [2, 3, 5] {
        assert_eq!(all(&hub(engines)), want, "{engines} engines");
    }
    for threads in [1, 4] {
        assert_eq!(all(&Hub::builder().process().engines(2).threads(threads).start().unwrap()), want);
    }
}

#[distob::test]
fn errors_say_what_does_not_fit() {
    let _entered = hub(2).enter();
    let (x, y) = (numbers(&[2, 3]), numbers(&[4, 5]));
    let text = |result: distob::Result<DistArrayD<i64>>| result.map(drop).unwrap_err().to_string();
    assert_eq!(text(Matmul.try_call(&x, &y)), "matmul: shapes [2, 3] and [4, 5] do not fit");
    assert!(matches!(Matvec.try_call(&x, numbers(&[2])), Err(Error::Shape { .. })));
    assert!(matches!(Vecmat.try_call(numbers(&[3]), &x), Err(Error::Shape { .. })));
    assert!(matches!(Vecdot.try_call(&x, &y), Err(Error::Shape { .. })));
    assert!(matches!(Matmul.try_call(numbers(&[2, 2, 3]), numbers(&[3, 3, 3])), Err(Error::Shape { .. })));
    let none = numbers(&[]);
    assert_eq!(text(Matmul.try_call(&none, &x)), "matmul: an operand of 0 axes, where 1 at least are wanted");
    assert_eq!(
        text(Matvec.try_call(numbers(&[3]), numbers(&[3]))),
        "matvec: an operand of 1 axes, where 2 at least are wanted"
    );
}

#[distob::test]
fn dot_with_an_error() {
    let a = DistArray::from(array![[1.0, 2.0], [3.0, 4.0]]);
    assert_eq!(a.try_dot(&a).unwrap(), array![[7.0, 10.0], [15.0, 22.0]]);
    assert_eq!(a.row(0).to_owned().dot(&array![1.0, 1.0]), 3.0);
    assert_eq!(DistArray::from(array![1.0, 2.0]).try_dot(&array![3.0, 4.0]).unwrap(), 11.0);
    assert!(matches!(a.try_dot(&array![1.0, 2.0, 3.0]), Err(Error::Shape { .. })));
    assert!(matches!(DistArray::from(array![1.0]).try_dot(&array![1.0, 2.0]), Err(Error::Shape { .. })));
}

/// A vector that is pending, and equal to the one of `values`: sums along an axis of rows of which all but the first are zero. There are so many
/// rows that they are not added up at once.
fn pending<A: distob::Element + std::ops::Add<Output = A> + num_traits::Zero>(
    hub: &Hub,
    values: &[A],
) -> DistArray1<A> {
    let rows = 40_000 / values.len() + 1;
    let wide = Array2::from_shape_fn((rows, values.len()), |(i, j)| if i == 0 { values[j] } else { A::zero() });
    let sum = hub.scatter(wide).unwrap().sum_axis(Axis(0));
    assert!(sum.is_pending());
    sum
}

#[test]
fn small_products_with_vectors_have_the_bits_of_expressions() {
    let hub = hub(2);
    macro_rules! check {
        ($($t:ty, $of:expr;)*) => {$(
            for n in [1, 2, 3, 7, 8, 9, 31, 64, 100] {
                let of: fn(f64) -> $t = $of;
                let x = Array1::from_shape_fn(n, |i| of(noise(i)));
                let m = matrix(n, n + 1, 77, of);
                let (a, b) = (hub.scatter(&x).unwrap(), hub.scatter(&m).unwrap());
                let dot = a.dot(&a);
                let lazy = pending(&hub, x.as_slice().unwrap()).dot(&pending(&hub, x.as_slice().unwrap()));
                assert_eq!(dot.to_bits_of(), lazy.to_bits_of(), "{} vector {n}", stringify!($t));
                let lazy = pending(&hub, x.as_slice().unwrap()).dot(&b);
                assert_eq!(bits(&a.dot(&b)), bits(&lazy), "{} vector by matrix {n}", stringify!($t));
                let lazy = b.t().dot(&pending(&hub, x.as_slice().unwrap()));
                assert_eq!(bits(&b.t().dot(&a)), bits(&lazy), "{} matrix by vector {n}", stringify!($t));
                // Of another memory order, of ndarray's memory, and as parts.
                let turned = hub.scatter(m.t().to_owned()).unwrap();
                assert_eq!(bits(&turned.dot(&a)), bits(&lazy), "{} in rows {n}", stringify!($t));
                assert_eq!(bits(&turned.dot(&x)), bits(&lazy), "{} by ndarray's {n}", stringify!($t));
                assert_eq!(bits(&Matvec.call(&m.t(), &a)), bits(&lazy), "{} matvec {n}", stringify!($t));
            }
        )*};
    }
    check! {
        f64, |x| x;
        f32, |x| x as f32;
        i32, |x| (x * 1e9) as i32;
        u8, |x| (x * 120.0) as i8 as u8;
        Complex<f64>, |x| Complex::new(x, 1.0 - x);
    }
}

/// The bits of an element.
trait ToBits {
    fn to_bits_of(&self) -> Vec<u64>;
}
macro_rules! to_bits {
    ($($t:ty, |$x:ident| $bits:expr;)*) => {$(
        impl ToBits for $t {
            fn to_bits_of(&self) -> Vec<u64> {
                let $x = *self;
                $bits
            }
        }
    )*};
}
to_bits! {
    f64, |x| vec![x.to_bits()];
    f32, |x| vec![x.to_bits().into()];
    i32, |x| vec![x as u64];
    u8, |x| vec![x.into()];
    Complex<f64>, |x| vec![x.re.to_bits(), x.im.to_bits()];
}

fn bits<A: ToBits>(array: &DistArray1<A>) -> Vec<Vec<u64>> {
    array.iter().map(ToBits::to_bits_of).collect()
}

#[test]
fn small_products_are_those_of_ndarray() {
    let hub = hub(1);
    for [n, k, m] in SHAPES.into_iter().filter(|[n, k, m]| n * k * m <= 10_000) {
        let of = |x: f64| (x * 1e6) as i64;
        let (x, y) = (matrix(n, k, 1, of), matrix(k, m, 900, of));
        let (a, b) = (hub.scatter(&x).unwrap(), hub.scatter(&y).unwrap());
        assert_eq!(a.dot(&b), x.dot(&y));
        assert_eq!(b.t().dot(&a.t()), y.t().dot(&x.t()));
        assert_eq!(a.dot(&b.column(0)), x.dot(&y.column(0)));
        assert_eq!(a.row(0).dot(&b), x.row(0).dot(&y));
        assert_eq!(a.row(0).dot(&b.column(0)), x.row(0).dot(&y.column(0)));
        assert_eq!(
            a.slice(s![..;-1, ..]).dot(&b.slice(s![.., ..;-1])),
            x.slice(s![..;-1, ..]).dot(&y.slice(s![.., ..;-1]))
        );
    }
    let none = hub.scatter(Array2::<f64>::zeros((3, 0))).unwrap();
    let empty = hub.scatter(Array1::<f64>::zeros(0)).unwrap();
    assert_eq!(none.dot(&empty), Array1::<f64>::zeros(3));
    assert_eq!(none.dot(&none.t()), Array2::<f64>::zeros((3, 3)));
    assert_eq!(empty.dot(&empty), 0.0);
}

#[test]
fn small_products_refuse_what_does_not_fit() {
    let (one, other) = (hub(1), hub(1));
    let (x, y) = (one.scatter(array![1.0, 2.0]).unwrap(), other.scatter(array![3.0, 4.0]).unwrap());
    let m = other.scatter(array![[1.0, 2.0], [3.0, 4.0]]).unwrap();
    assert!(matches!(x.try_dot(&y), Err(Error::ForeignHub { .. })));
    assert!(matches!(x.try_dot(&m), Err(Error::ForeignHub { .. })));
    assert!(matches!(m.try_dot(&x), Err(Error::ForeignHub { .. })));
    let three = one.scatter(array![1.0, 2.0, 3.0]).unwrap();
    assert!(matches!(x.try_dot(&three), Err(Error::Shape { left, right, .. }) if left == [2] && right == [3]));
    assert!(
        matches!(m.try_dot(array![1.0, 2.0, 3.0]), Err(Error::Shape { left, right, .. }) if left == [2, 2] && right == [3])
    );
    assert!(matches!(three.try_dot(array![[1.0], [2.0]]), Err(Error::Shape { .. })));
}
