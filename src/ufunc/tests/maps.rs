//! Each operation on each type it takes, and maps in each layout.

use super::*;
use crate::kernel::elementary::{self as e, Binary, Powi, Unary};
use crate::small::{self, Operand};
use std::mem::MaybeUninit;

/// Lengths around the sizes of groups, strips and splats.
const LENGTHS: [usize; 9] = [0, 1, 2, 15, 16, 17, 63, 100, 1037];

fn apply2<A: Sample, R: Sample>(op: Op, a: Operand<'_, A>, b: Operand<'_, A>, n: usize) -> Vec<R> {
    let mut out: Vec<MaybeUninit<R>> = vec![MaybeUninit::uninit(); n];
    small::apply_binary(op, a, b, &mut out).unwrap();
    // SAFETY: the operation succeeded, so that every element was written.
    out.into_iter().map(|value| unsafe { value.assume_init() }).collect()
}

fn apply1<A: Sample, R: Sample>(op: Op, a: &[A]) -> Vec<R> {
    let mut out: Vec<MaybeUninit<R>> = vec![MaybeUninit::uninit(); a.len()];
    small::apply_unary(op, a, &mut out).unwrap();
    // SAFETY: the operation succeeded, so that every element was written.
    out.into_iter().map(|value| unsafe { value.assume_init() }).collect()
}

fn binary<A: Sample, R: Sample>(op: Op, oracle: impl Fn(A, A) -> R) {
    let mut random = Random(op.arity() as u64 + 7);
    for n in LENGTHS {
        let (a, b) = (samples::<A>(&mut random, n), samples::<A>(&mut random, n));
        let scalar = A::sample(&mut random);
        let all = |f: &dyn Fn(usize) -> R| (0..n).map(f).collect::<Vec<R>>();
        let what = (op, A::DTYPE, n);
        same_slices(&apply2(op, Operand::Slice(&a), Operand::Slice(&b), n), &all(&|i| oracle(a[i], b[i])), what);
        same_slices(&apply2(op, Operand::Slice(&a), Operand::Scalar(scalar), n), &all(&|i| oracle(a[i], scalar)), what);
        same_slices(&apply2(op, Operand::Scalar(scalar), Operand::Slice(&b), n), &all(&|i| oracle(scalar, b[i])), what);
    }
}

fn unary<A: Sample, R: Sample>(op: Op, oracle: impl Fn(A) -> R) {
    let mut random = Random(11);
    for n in LENGTHS {
        let a = samples::<A>(&mut random, n);
        let want: Vec<R> = a.iter().map(|&x| oracle(x)).collect();
        same_slices(&apply1(op, &a), &want, (op, A::DTYPE, R::DTYPE, n));
    }
}

fn ordered<T: Sample + PartialOrd>() {
    binary::<T, bool>(Op::Equal, |a, b| a == b);
    binary::<T, bool>(Op::NotEqual, |a, b| a != b);
    binary::<T, bool>(Op::Less, |a, b| a < b);
    binary::<T, bool>(Op::LessEqual, |a, b| a <= b);
    binary::<T, bool>(Op::Greater, |a, b| a > b);
    binary::<T, bool>(Op::GreaterEqual, |a, b| a >= b);
}

macro_rules! integers {
    ($($t:ident)*) => {$(
        ordered::<$t>();
        binary::<$t, $t>(Op::Add, |a, b| a.wrapping_add(b));
        binary::<$t, $t>(Op::Sub, |a, b| a.wrapping_sub(b));
        binary::<$t, $t>(Op::Mul, |a, b| a.wrapping_mul(b));
        binary::<$t, $t>(Op::Div, |a, b| if b == 0 { 0 } else { a.wrapping_div(b) });
        binary::<$t, $t>(Op::Rem, |a, b| if b == 0 { 0 } else { a.wrapping_rem(b) });
        binary::<$t, $t>(Op::BitAnd, |a, b| a & b);
        binary::<$t, $t>(Op::BitOr, |a, b| a | b);
        binary::<$t, $t>(Op::BitXor, |a, b| a ^ b);
        binary::<$t, $t>(Op::Shl, |a, b| a.wrapping_shl(b as u32));
        binary::<$t, $t>(Op::Shr, |a, b| a.wrapping_shr(b as u32));
        binary::<$t, $t>(Op::Minimum, |a, b| a.min(b));
        binary::<$t, $t>(Op::Maximum, |a, b| a.max(b));
        binary::<$t, $t>(Op::Fmin, |a, b| a.min(b));
        binary::<$t, $t>(Op::Fmax, |a, b| a.max(b));
        unary::<$t, $t>(Op::Neg, |a| a.wrapping_neg());
        unary::<$t, $t>(Op::Not, |a| !a);
        unary::<$t, $t>(Op::Square, |a| a.wrapping_mul(a));
        unary::<$t, $t>(Op::Powi(5), |a| a.wrapping_pow(5));
        unary::<$t, $t>(Op::Powi(0), |_| 1);
        unary::<$t, $t>(Op::Powi(-3), |a| match a.wrapping_pow(3) { 0 => 0, p => (1 as $t).wrapping_div(p) });
        unary::<$t, $t>(Op::Recip, |a| if a == 0 { 0 } else { (1 as $t).wrapping_div(a) });
        casts!($t);
    )*};
}

macro_rules! casts {
    ($from:ident) => {
        casts!($from => u8 u16 u32 u64 i8 i16 i32 i64 f32 f64);
        unary::<$from, bool>(Op::Cast, |a| a != 0 as $from);
        unary::<$from, Complex<f32>>(Op::Cast, |a| Complex { re: a as f32, im: 0.0 });
        unary::<$from, Complex<f64>>(Op::Cast, |a| Complex { re: a as f64, im: 0.0 });
    };
    ($from:ident => $($to:ident)*) => {
        $(unary::<$from, $to>(Op::Cast, |a| a as $to);)*
    };
}

#[test]
fn integers() {
    each_isa(|_| {
        integers!(u8 u16 u32 u64 i8 i16 i32 i64);
        unary::<u8, u8>(Op::Abs, |a| a);
        unary::<i8, i8>(Op::Abs, i8::wrapping_abs);
        unary::<i64, i64>(Op::Abs, i64::wrapping_abs);
        unary::<i32, i32>(Op::Signum, i32::signum);
        unary::<u64, u64>(Op::Signum, |a| a.min(1));
    });
}

macro_rules! floats {
    ($($t:ident)*) => {$(
        ordered::<$t>();
        binary::<$t, $t>(Op::Add, |a, b| a + b);
        binary::<$t, $t>(Op::Sub, |a, b| a - b);
        binary::<$t, $t>(Op::Mul, |a, b| a * b);
        binary::<$t, $t>(Op::Div, |a, b| a / b);
        binary::<$t, $t>(Op::Rem, |a, b| a % b);
        // IEEE 754-2019: by the total order, which tells zeros apart.
        let least = |a: $t, b: $t| if a.total_cmp(&b).is_lt() { a } else { b };
        let most = |a: $t, b: $t| if a.total_cmp(&b).is_gt() { a } else { b };
        binary::<$t, $t>(Op::Minimum, |a, b| if a.is_nan() || b.is_nan() { $t::NAN } else { least(a, b) });
        binary::<$t, $t>(Op::Maximum, |a, b| if a.is_nan() || b.is_nan() { $t::NAN } else { most(a, b) });
        binary::<$t, $t>(Op::Fmin, |a, b| if a.is_nan() { b } else if b.is_nan() { a } else { least(a, b) });
        binary::<$t, $t>(Op::Fmax, |a, b| if a.is_nan() { b } else if b.is_nan() { a } else { most(a, b) });
        unary::<$t, $t>(Op::Neg, |a| -a);
        unary::<$t, $t>(Op::Abs, $t::abs);
        unary::<$t, $t>(Op::Sqrt, $t::sqrt);
        unary::<$t, $t>(Op::Recip, $t::recip);
        unary::<$t, $t>(Op::Square, |a| a * a);
        unary::<$t, $t>(Op::Signum, $t::signum);
        unary::<$t, $t>(Op::Floor, $t::floor);
        unary::<$t, $t>(Op::Ceil, $t::ceil);
        unary::<$t, $t>(Op::Round, $t::round);
        unary::<$t, $t>(Op::Trunc, $t::trunc);
        unary::<$t, $t>(Op::Powi(0), |_| 1.0);
        unary::<$t, $t>(Op::Powi(1), |a| a);
        unary::<$t, $t>(Op::Powi(2), |a| a * a);
        for n in [-7, -2, 3, 4, 5, 6, 7, 8, 9, 100] {
            unary::<$t, $t>(Op::Powi(n), |a| Powi::full(a as f64, n) as $t);
        }
        unary::<$t, $t>(Op::Powi(-1), |a| 1.0 / a);
        unary::<$t, bool>(Op::IsNan, $t::is_nan);
        unary::<$t, bool>(Op::IsFinite, $t::is_finite);
        unary::<$t, bool>(Op::IsInfinite, $t::is_infinite);
        binary::<Complex<$t>, Complex<$t>>(Op::Add, |a, b| a + b);
        binary::<Complex<$t>, Complex<$t>>(Op::Sub, |a, b| a - b);
        binary::<Complex<$t>, Complex<$t>>(Op::Mul, |a, b| a * b);
        binary::<Complex<$t>, Complex<$t>>(Op::Div, |a, b| {
            // Smith's method, as NumPy divides.
            if b.re.abs() >= b.im.abs() {
                let (ratio, below) = (b.im / b.re, 1.0 / (b.re + b.im * (b.im / b.re)));
                Complex { re: (a.re + a.im * ratio) * below, im: (a.im - a.re * ratio) * below }
            } else {
                let (ratio, below) = (b.re / b.im, 1.0 / (b.im + b.re * (b.re / b.im)));
                Complex { re: (a.re * ratio + a.im) * below, im: (a.im * ratio - a.re) * below }
            }
        });
        binary::<Complex<$t>, bool>(Op::Equal, |a, b| a == b);
        unary::<Complex<$t>, Complex<$t>>(Op::Conj, |a| a.conj());
        unary::<Complex<$t>, $t>(Op::Re, |a| a.re);
        unary::<Complex<$t>, $t>(Op::Im, |a| a.im);
        unary::<Complex<$t>, bool>(Op::Cast, |a| a != Complex { re: 0.0, im: 0.0 });
        casts!($t);
    )*};
}

#[test]
fn floats() {
    each_isa(|_| {
        floats!(f32 f64);
        unary::<Complex<f32>, Complex<f64>>(Op::Cast, |a| Complex { re: a.re as f64, im: a.im as f64 });
        unary::<Complex<f64>, Complex<f32>>(Op::Cast, |a| Complex { re: a.re as f32, im: a.im as f32 });
    });
}

fn function<F: Unary>(op: Op) {
    unary::<f64, f64>(op, F::full);
    unary::<f32, f32>(op, F::full_f32);
}

fn function2<F: Binary>(op: Op) {
    binary::<f64, f64>(op, F::full);
    binary::<f32, f32>(op, F::full_f32);
}

#[test]
fn functions() {
    each_isa(|_| {
        function::<e::Exp>(Op::Exp);
        function::<e::Exp2>(Op::Exp2);
        function::<e::ExpM1>(Op::ExpM1);
        function::<e::Ln>(Op::Ln);
        function::<e::Ln1p>(Op::Ln1p);
        function::<e::Log2>(Op::Log2);
        function::<e::Log10>(Op::Log10);
        function::<e::Sin>(Op::Sin);
        function::<e::Cos>(Op::Cos);
        function::<e::Tan>(Op::Tan);
        function::<e::Sinh>(Op::Sinh);
        function::<e::Cosh>(Op::Cosh);
        function::<e::Tanh>(Op::Tanh);
        function::<e::Asin>(Op::Asin);
        function::<e::Acos>(Op::Acos);
        function::<e::Atan>(Op::Atan);
        function::<e::Erf>(Op::Erf);
        function2::<e::Powf>(Op::Powf);
        function2::<e::Atan2>(Op::Atan2);
        function2::<e::Hypot>(Op::Hypot);
    });
}

#[test]
fn complex_functions() {
    type C = Complex<f64>;
    let mut random = Random(19);
    let z: Vec<C> = samples(&mut random, 501);
    let close = |op: Op, of: fn(C) -> C| {
        for (z, got) in z.iter().zip(apply1::<C, C>(op, &z)) {
            let want = of(*z);
            assert!((got - want).norm() <= 1e-13 * want.norm(), "{op:?} of {z}: {got}, {want}");
        }
    };
    close(Op::Exp, C::exp);
    close(Op::Ln, C::ln);
    close(Op::Sqrt, C::sqrt);
    close(Op::Sin, C::sin);
    close(Op::Cos, C::cos);
    close(Op::Sinh, C::sinh);
    close(Op::Cosh, C::cosh);
    close(Op::Tanh, C::tanh);
    for (z, got) in z.iter().zip(apply1::<C, f64>(Op::Abs, &z)) {
        assert!((got - z.norm()).abs() <= 1e-15 * got, "{z}");
    }
    let real = |x: f64| C { re: x, im: 0.0 };
    assert_eq!(apply1::<C, C>(Op::Sqrt, &[real(-4.0), real(0.0)]), [C { re: 0.0, im: 2.0 }, real(0.0)]);
    assert_eq!(apply1::<C, C>(Op::Tanh, &[real(800.0), real(-800.0)]), [real(1.0), real(-1.0)]);
}

#[test]
fn booleans() {
    each_isa(|_| {
        ordered::<bool>();
        binary::<bool, bool>(Op::BitAnd, |a, b| a & b);
        binary::<bool, bool>(Op::BitOr, |a, b| a | b);
        binary::<bool, bool>(Op::BitXor, |a, b| a ^ b);
        binary::<bool, bool>(Op::Maximum, |a, b| a | b);
        unary::<bool, bool>(Op::Not, |a| !a);
        unary::<bool, bool>(Op::Cast, |a| a);
        unary::<bool, u8>(Op::Cast, |a| a as u8);
        unary::<bool, i64>(Op::Cast, |a| a as i64);
        unary::<bool, f32>(Op::Cast, |a| a as u8 as f32);
        unary::<bool, f64>(Op::Cast, |a| a as u8 as f64);
    });
}

#[test]
fn selection_and_clamp() {
    let mut random = Random(5);
    each_isa(|_| {
        for n in LENGTHS {
            let mask = samples::<bool>(&mut random, n);
            let (a, b) = (samples::<f64>(&mut random, n), samples::<f64>(&mut random, n));
            let mut out = vec![MaybeUninit::uninit(); n];
            small::apply_select(&mask, Operand::Slice(&a), Operand::Scalar(2.5), &mut out).unwrap();
            // SAFETY: written, since the operation succeeded.
            let out: Vec<f64> = out.into_iter().map(|x| unsafe { x.assume_init() }).collect();
            let want: Vec<f64> = (0..n).map(|i| if mask[i] { a[i] } else { 2.5 }).collect();
            same_slices(&out, &want, n);
            let program = Program {
                inputs: vec![DType::F64],
                constants: vec![(-1.5f64).scalar().unwrap(), 2.5f64.scalar().unwrap()],
                code: vec![Instr { op: Op::Clamp, args: [0, 1, 2], dtype: DType::F64 }],
                outputs: vec![3],
            };
            let plan =
                Plan::map(program, &[n], &[Layout { strides: vec![1] }], &[Layout { strides: vec![1] }]).unwrap();
            let got: Vec<f64> = cast(&run(&plan, &[b.as_ptr().cast()], &mut random)[0]);
            same_slices(&got, &b.iter().map(|x| x.clamp(-1.5, 2.5)).collect::<Vec<_>>(), n);
        }
    });
}

#[test]
fn refusals() {
    let mut out = [MaybeUninit::<f64>::uninit(); 3];
    assert!(small::apply_unary(Op::Not, &[1.0f64; 3], &mut out).is_err());
    assert!(small::apply_unary(Op::Neg, &[1.0f64; 2], &mut out).is_err());
    assert!(small::apply_unary(Op::Neg, &[1.0f32; 3], &mut out).is_err());
    assert!(small::apply_binary(Op::Less, Operand::Scalar(1.0f64), Operand::Scalar(2.0), &mut out).is_err());
    assert_eq!(Op::Less.result_dtype(&[DType::I8, DType::I8]), Some(DType::Bool));
    assert_eq!(Op::Hypot.result_dtype(&[DType::C32, DType::C32]), None);
    assert_eq!(Op::Im.result_dtype(&[DType::C32]), Some(DType::F32));
    assert_eq!(Op::Add.result_dtype(&[DType::I8, DType::I16]), None);
    assert_eq!(Op::Add.result_dtype(&[]), None);
}

/// `a + b` of every pair of layouts of many shapes, into row-major and column-major results.
#[test]
fn layouts_agree() {
    let shapes: &[&[usize]] = &[
        &[],
        &[1],
        &[0],
        &[7],
        &[300, 0, 2],
        &[129, 67],
        &[1, 70, 1],
        &[3, 1, 5],
        &[70, 3],
        &[5, 300, 70],
        &[2, 3, 4, 5],
        &[40_000],
    ];
    let mut random = Random(3);
    for &shape in shapes {
        let n: usize = shape.iter().product();
        let make = |random: &mut Random| ArrayD::from_shape_vec(IxDyn(shape), samples::<f64>(random, n)).unwrap();
        let (a, b) = (make(&mut random), make(&mut random));
        let want = &a + &b;
        for (name_a, a) in layouts(&a) {
            for (name_b, b) in layouts(&b) {
                let (a, b) = (a.view(), b.view());
                let column: Vec<isize> = Layout::row_major(&shape.iter().rev().copied().collect::<Vec<_>>())
                    .strides
                    .into_iter()
                    .rev()
                    .collect();
                for out in [Layout::row_major(shape), Layout { strides: column }] {
                    let program = one(Op::Add, &[DType::F64; 2], DType::F64);
                    let plan =
                        Plan::map(program, shape, &[layout(&a), layout(&b)], std::slice::from_ref(&out)).unwrap();
                    let got = run(&plan, &[a.as_ptr().cast(), b.as_ptr().cast()], &mut random);
                    let got: Vec<f64> = cast(&got[0]);
                    for (index, want) in want.indexed_iter() {
                        let at: isize = (0..shape.len()).map(|axis| index[axis] as isize * out.strides[axis]).sum();
                        assert!(same(got[at as usize], *want), "{shape:?} {name_a} {name_b} {index:?}");
                    }
                }
            }
        }
    }
}

/// Broadcast operands: rows, columns, scalars.
#[test]
fn broadcasts() {
    let mut random = Random(9);
    let cases: [(&[usize], &[usize]); 8] = [
        (&[50, 1000], &[1000]),
        (&[50, 1000], &[50, 1]),
        (&[50, 1000], &[]),
        (&[500, 3], &[3]),
        (&[500, 3], &[500, 1]),
        (&[31, 24, 33], &[24, 33]),
        (&[31, 24, 33], &[31, 1, 33]),
        (&[4, 5, 100], &[5, 1]),
    ];
    for (shape, small) in cases {
        let n: usize = shape.iter().product();
        let a = ArrayD::from_shape_vec(IxDyn(shape), samples::<f32>(&mut random, n)).unwrap();
        let b = ArrayD::from_shape_vec(IxDyn(small), samples::<f32>(&mut random, small.iter().product())).unwrap();
        let wide = b.broadcast(IxDyn(shape)).unwrap();
        let want: Vec<f32> = (&a - &wide).iter().copied().collect();
        each_isa(|isa| {
            let program = one(Op::Sub, &[DType::F32; 2], DType::F32);
            let inputs = [layout(&a.view()), layout(&wide)];
            let plan = Plan::map(program, shape, &inputs, &[Layout::row_major(shape)]).unwrap();
            let got = run(&plan, &[a.as_ptr().cast(), wide.as_ptr().cast()], &mut random);
            same_slices(&cast::<f32>(&got[0]), &want, (shape, small, isa));
        });
    }
}

/// Large enough for stores past the caches, at an odd offset.
#[test]
fn streamed() {
    let mut random = Random(21);
    let n = 2_000_003;
    let (a, b) = (samples::<f64>(&mut random, n), samples::<f64>(&mut random, n));
    let flat = || Layout { strides: vec![1] };
    let want: Vec<f64> = (0..n).map(|i| a[i] * b[i]).collect();
    let less: Vec<bool> = (0..n).map(|i| a[i] < b[i]).collect();
    let program = Program {
        inputs: vec![DType::F64; 2],
        constants: vec![],
        code: vec![
            Instr { op: Op::Mul, args: [0, 1, 0], dtype: DType::F64 },
            Instr { op: Op::Less, args: [0, 1, 0], dtype: DType::Bool },
        ],
        outputs: vec![2, 3],
    };
    let plan = Plan::map(program, &[n], &[flat(), flat()], &[flat(), flat()]).unwrap();
    assert!(plan.chunks() > 4 && plan.traffic() > 28 << 20);
    each_isa(|isa| {
        let got = run(&plan, &[a.as_ptr().cast(), b.as_ptr().cast()], &mut random);
        same_slices(&cast::<f64>(&got[0]), &want, isa);
        same_slices(&cast::<bool>(&got[1]), &less, isa);
    });
}
