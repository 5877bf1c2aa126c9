//! Arithmetic on one type: wrapping for integers, IEEE for floats, and nothing that can trap.

use super::{Body, Kernel, body, kernel};
use crate::{DType, Op};
use num_complex::Complex;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// A type that can be added, subtracted, multiplied and divided.
pub(crate) trait Arith: Copy {
    const ONE: Self;
    fn add(self, other: Self) -> Self;
    fn sub(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn div(self, other: Self) -> Self;
    fn neg(self) -> Self;
}

/// A type with an order and a remainder.
///
/// The extremes are those of IEEE 754-2019: -0.0 is less than 0.0. So they are associative and commutative, and a result does not
/// depend on how operands are grouped.
pub(crate) trait Real: Arith + PartialOrd {
    /// Whether some values are not numbers.
    const HAS_NAN: bool = false;
    fn abs(self) -> Self;
    fn signum(self) -> Self;

    /// Not a number.
    #[inline(always)]
    #[allow(clippy::eq_op, reason = "only a NaN differs from itself; an integer never does")]
    fn nan(self) -> bool {
        self != self
    }

    /// The smaller; NaN where either is NaN.
    #[inline(always)]
    fn minimum(self, other: Self) -> Self {
        if self < other { self } else { other }
    }

    /// The larger; NaN where either is NaN.
    #[inline(always)]
    fn maximum(self, other: Self) -> Self {
        if self > other { self } else { other }
    }

    /// The smaller; the other one where one is NaN.
    #[inline(always)]
    fn fmin(self, other: Self) -> Self {
        self.minimum(other)
    }

    /// The larger; the other one where one is NaN.
    #[inline(always)]
    fn fmax(self, other: Self) -> Self {
        self.maximum(other)
    }

    /// Whether it is larger; 0.0 is larger than -0.0. `false` where either is NaN.
    #[inline(always)]
    fn above(self, other: Self) -> bool {
        self > other
    }

    /// Whether it is the same value, bit for bit.
    #[inline(always)]
    fn same(self, other: Self) -> bool {
        self == other
    }
}

/// A float.
pub(crate) trait Float: Real {
    fn sqrt(self) -> Self;
    fn floor(self) -> Self;
    fn ceil(self) -> Self;
    fn round(self) -> Self;
    fn trunc(self) -> Self;
}

macro_rules! int {
    ($($t:ty: $abs:expr, $signum:expr;)*) => {$(
        impl Arith for $t {
            const ONE: Self = 1;
            #[inline(always)]
            fn add(self, other: Self) -> Self { self.wrapping_add(other) }
            #[inline(always)]
            fn sub(self, other: Self) -> Self { self.wrapping_sub(other) }
            #[inline(always)]
            fn mul(self, other: Self) -> Self { self.wrapping_mul(other) }
            #[inline(always)]
            fn div(self, other: Self) -> Self { if other == 0 { 0 } else { self.wrapping_div(other) } }
            #[inline(always)]
            fn neg(self) -> Self { self.wrapping_neg() }
        }
        impl Real for $t {
            #[inline(always)]
            fn abs(self) -> Self { $abs(self) }
            #[inline(always)]
            fn signum(self) -> Self { $signum(self) }
        }
    )*};
}
int! {
    u8: |x| x, |x| (x != 0) as u8;
    u16: |x| x, |x| (x != 0) as u16;
    u32: |x| x, |x| (x != 0) as u32;
    u64: |x| x, |x| (x != 0) as u64;
    i8: i8::wrapping_abs, i8::signum;
    i16: i16::wrapping_abs, i16::signum;
    i32: i32::wrapping_abs, i32::signum;
    i64: i64::wrapping_abs, i64::signum;
}

/// Extremes by the numbers' own order.
macro_rules! by_comparison {
    ($t:ident $bits:ident) => {
        // Of each pair of comparisons the first keeps the second operand, and the second the first one, where the two are equal or
        // either is NaN. So the two results are the same number, zeros of any signs, or the two operands.
        #[inline(always)]
        fn minimum(self, other: Self) -> Self {
            let x = if self < other { self } else { other };
            let y = if other < self { other } else { self };
            // A zero has its sign bit if either has; a NaN joined to a number by *or* is NaN.
            $t::from_bits(x.to_bits() | y.to_bits())
        }
        #[inline(always)]
        fn maximum(self, other: Self) -> Self {
            const SIGN: $bits = 1 << ($bits::BITS - 1);
            let x = if self > other { self } else { other }.to_bits();
            let y = if other > self { other } else { self }.to_bits();
            // The sign bit where both have it, all other bits as in `minimum`.
            $t::from_bits((x | y) & ((x & y) | !SIGN))
        }
        #[inline(always)]
        fn fmin(self, other: Self) -> Self {
            let x = if self < other { self } else { other };
            let y = if other < self { other } else { self };
            let number = $t::from_bits(x.to_bits() | y.to_bits());
            let either = if other.nan() { self } else { number };
            if self.nan() { other } else { either }
        }
        #[inline(always)]
        fn fmax(self, other: Self) -> Self {
            let x = if self > other { self } else { other };
            let y = if other > self { other } else { self };
            let number = $t::from_bits(x.to_bits() & y.to_bits());
            let either = if other.nan() { self } else { number };
            if self.nan() { other } else { either }
        }
    };
}

/// Extremes by the order of the bits as integers, which of numbers with a sign bit is the other way round: so a zero with it is less than one
/// without. The compiler makes vectors of this for `f32`, and not of the other form.
macro_rules! by_bits {
    ($t:ident $bits:ident) => {
        #[inline(always)]
        fn minimum(self, other: Self) -> Self {
            let least = if other.nan() { other } else { least(self, other) };
            if self.nan() { self } else { least }
        }
        #[inline(always)]
        fn maximum(self, other: Self) -> Self {
            let greatest = if other.nan() { other } else { greatest(self, other) };
            if self.nan() { self } else { greatest }
        }
        #[inline(always)]
        fn fmin(self, other: Self) -> Self {
            let least = if other.nan() { self } else { least(self, other) };
            if self.nan() { other } else { least }
        }
        #[inline(always)]
        fn fmax(self, other: Self) -> Self {
            let greatest = if other.nan() { self } else { greatest(self, other) };
            if self.nan() { other } else { greatest }
        }
    };
}

/// The place of a number with these bits in the order of all that are numbers.
#[inline(always)]
fn order(bits: i32) -> i32 {
    bits ^ ((bits >> 31).cast_unsigned() >> 1).cast_signed()
}

/// The lesser of two numbers, chosen as integers are.
#[inline(always)]
fn least(a: f32, b: f32) -> f32 {
    let (x, y) = (a.to_bits().cast_signed(), b.to_bits().cast_signed());
    f32::from_bits(if order(x) < order(y) { x } else { y }.cast_unsigned())
}

/// The greater of two numbers.
#[inline(always)]
fn greatest(a: f32, b: f32) -> f32 {
    let (x, y) = (a.to_bits().cast_signed(), b.to_bits().cast_signed());
    f32::from_bits(if order(x) > order(y) { x } else { y }.cast_unsigned())
}

macro_rules! float {
    ($($t:ident $bits:ident $extremes:ident)*) => {$(
        impl Arith for $t {
            const ONE: Self = 1.0;
            #[inline(always)]
            fn add(self, other: Self) -> Self { self + other }
            #[inline(always)]
            fn sub(self, other: Self) -> Self { self - other }
            #[inline(always)]
            fn mul(self, other: Self) -> Self { self * other }
            #[inline(always)]
            fn div(self, other: Self) -> Self { self / other }
            #[inline(always)]
            fn neg(self) -> Self { -self }
        }
        impl Real for $t {
            const HAS_NAN: bool = true;
            #[inline(always)]
            fn abs(self) -> Self { $t::abs(self) }
            #[inline(always)]
            fn signum(self) -> Self { if self.nan() { self } else { $t::copysign(1.0, self) } }

            $extremes!($t $bits);
            #[inline(always)]
            fn above(self, other: Self) -> bool {
                (self > other) | ((self.to_bits() == 0) & (other.to_bits() == 1 << ($bits::BITS - 1)))
            }
            #[inline(always)]
            fn same(self, other: Self) -> bool { self.to_bits() == other.to_bits() }
        }
        impl Float for $t {
            #[inline(always)]
            fn sqrt(self) -> Self { $t::sqrt(self) }
            #[inline(always)]
            fn floor(self) -> Self { $t::floor(self) }
            #[inline(always)]
            fn ceil(self) -> Self { $t::ceil(self) }
            #[inline(always)]
            fn round(self) -> Self { $t::round(self) }
            #[inline(always)]
            fn trunc(self) -> Self { $t::trunc(self) }
        }
        impl Arith for Complex<$t> {
            const ONE: Self = Complex { re: 1.0, im: 0.0 };
            #[inline(always)]
            fn add(self, other: Self) -> Self { self + other }
            #[inline(always)]
            fn sub(self, other: Self) -> Self { self - other }
            #[inline(always)]
            fn mul(self, other: Self) -> Self { self * other }
            /// Scaled by the greater part of the divisor (Smith's method), so that no square overflows.
            #[inline(always)]
            fn div(self, other: Self) -> Self {
                let (a, b) = (self, other);
                let first = b.re.abs() >= b.im.abs();
                let (great, small) = if first { (b.re, b.im) } else { (b.im, b.re) };
                let ratio = small / great;
                let below = 1.0 / (great + small * ratio);
                let re = if first { a.re + a.im * ratio } else { a.re * ratio + a.im };
                let im = if first { a.im - a.re * ratio } else { a.im * ratio - a.re };
                if great == 0.0 {
                    let zero = great.abs();
                    Complex { re: a.re / zero, im: a.im / zero }
                } else {
                    Complex { re: re * below, im: im * below }
                }
            }
            #[inline(always)]
            fn neg(self) -> Self { -self }
        }
    )*};
}
float!(f32 u32 by_bits f64 u64 by_comparison);

body!(Add<T: Arith>(a: T, b: T) -> T = a.add(b));
body!(Sub<T: Arith>(a: T, b: T) -> T = a.sub(b));
body!(Mul<T: Arith>(a: T, b: T) -> T = a.mul(b));
body!(Div<T: Arith>(a: T, b: T) -> T = a.div(b));
body!(Neg<T: Arith>(a: T) -> T = a.neg());
body!(Square<T: Arith>(a: T) -> T = a.mul(a));
body!(Recip<T: Arith>(a: T) -> T = T::ONE.div(a));
body!(Abs<T: Real>(a: T) -> T = a.abs());
body!(Signum<T: Real>(a: T) -> T = a.signum());

/// The lesser or greater of two. Of floats it takes some comparisons more, for which AVX-512 pays.
macro_rules! extremes {
    ($($name:ident $method:ident)*) => {$(
        pub(crate) struct $name<T>(PhantomData<T>);

        impl<T: Real> Body for $name<T> {
            type A = T;
            type B = T;
            type C = ();
            type R = T;
            const WIDE: bool = T::HAS_NAN;

            #[inline(always)]
            fn lane(a: T, b: T, _: ()) -> T {
                a.$method(b)
            }
        }
    )*};
}
extremes!(Minimum minimum Maximum maximum Fmin fmin Fmax fmax);

body!(Clamp<T: Real>(x: T, lo: T, hi: T) -> T = {
    let x = if x < lo { lo } else { x };
    if x > hi { hi } else { x }
});
body!(Sqrt<T: Float>(a: T) -> T = a.sqrt());
body!(Floor<T: Float>(a: T) -> T = a.floor());
body!(Ceil<T: Float>(a: T) -> T = a.ceil());
body!(Round<T: Float>(a: T) -> T = a.round());
body!(Trunc<T: Float>(a: T) -> T = a.trunc());

/// Integer power by repeated squaring, lowest bit of the exponent first; the exponent is the same in all lanes.
pub(crate) struct Powi<T>(PhantomData<T>);

impl<T: Arith> Body for Powi<T> {
    type A = T;
    type B = i32;
    type C = ();
    type R = T;
    const HEAVY: bool = true;

    #[inline(always)]
    fn lane(a: T, b: i32, c: ()) -> T {
        let mut out = [MaybeUninit::uninit()];
        Self::group::<1>(&[a], &[b], &[c], &mut out);
        // SAFETY: `group` writes every lane.
        unsafe { out[0].assume_init() }
    }

    #[inline(always)]
    fn group<const L: usize>(a: &[T; L], b: &[i32; L], _: &[(); L], out: &mut [MaybeUninit<T>; L]) {
        let mut left = b[0].unsigned_abs();
        let (mut power, mut result) = (*a, [T::ONE; L]);
        while left != 0 {
            if left & 1 == 1 {
                for i in 0..L {
                    result[i] = result[i].mul(power[i]);
                }
            }
            left >>= 1;
            if left != 0 {
                for value in &mut power {
                    *value = value.mul(*value);
                }
            }
        }
        for i in 0..L {
            out[i].write(if b[0] < 0 { T::ONE.div(result[i]) } else { result[i] });
        }
    }
}

/// A kernel whose bits are the same for signed and unsigned integers.
macro_rules! modular {
    ($body:ident, $dtype:expr) => {
        match $dtype {
            DType::I8 | DType::U8 => kernel!($body<u8>, 64),
            DType::I16 | DType::U16 => kernel!($body<u16>, 32),
            DType::I32 | DType::U32 => kernel!($body<u32>, 16),
            DType::I64 | DType::U64 => kernel!($body<u64>, 16),
            DType::F32 => kernel!($body<f32>, 16),
            DType::F64 => kernel!($body<f64>, 16),
            DType::C32 => kernel!($body<Complex<f32>>, 16),
            DType::C64 => kernel!($body<Complex<f64>>, 16),
            DType::Bool | DType::F16 | DType::BF16 => None,
        }
    };
}

/// A kernel for every number with an order; bytes that are `bool` too where `bool` is to be taken.
macro_rules! real {
    ($body:ident, $dtype:expr $(, $bool:pat)?) => {
        match $dtype {
            DType::U8 $(| $bool)? => kernel!($body<u8>, 64),
            DType::U16 => kernel!($body<u16>, 32),
            DType::U32 => kernel!($body<u32>, 16),
            DType::U64 => kernel!($body<u64>, 16),
            DType::I8 => kernel!($body<i8>, 64),
            DType::I16 => kernel!($body<i16>, 32),
            DType::I32 => kernel!($body<i32>, 16),
            DType::I64 => kernel!($body<i64>, 16),
            DType::F32 => kernel!($body<f32>, 16),
            DType::F64 => kernel!($body<f64>, 16),
            _ => None,
        }
    };
}
pub(super) use real;

/// A kernel that divides: by vector instructions for floats alone.
macro_rules! quotient {
    ($body:ident, $dtype:expr) => {
        match $dtype {
            DType::U8 => kernel!(scalar $body<u8>),
            DType::U16 => kernel!(scalar $body<u16>),
            DType::U32 => kernel!(scalar $body<u32>),
            DType::U64 => kernel!(scalar $body<u64>),
            DType::I8 => kernel!(scalar $body<i8>),
            DType::I16 => kernel!(scalar $body<i16>),
            DType::I32 => kernel!(scalar $body<i32>),
            DType::I64 => kernel!(scalar $body<i64>),
            DType::F32 => kernel!($body<f32>, 16),
            DType::F64 => kernel!($body<f64>, 16),
            DType::C32 => kernel!(scalar $body<Complex<f32>>),
            DType::C64 => kernel!(scalar $body<Complex<f64>>),
            DType::Bool | DType::F16 | DType::BF16 => None,
        }
    };
}

macro_rules! float {
    ($body:ident, $dtype:expr) => {
        match $dtype {
            DType::F32 => kernel!($body<f32>, 16),
            DType::F64 => kernel!($body<f64>, 16),
            _ => None,
        }
    };
}

/// The kernel of an arithmetic operation whose operands and result are of type `dtype`.
pub(super) fn arith(op: Op, dtype: DType) -> Option<&'static Kernel> {
    match op {
        Op::Add => modular!(Add, dtype),
        Op::Sub => modular!(Sub, dtype),
        Op::Mul => modular!(Mul, dtype),
        Op::Div => quotient!(Div, dtype),
        Op::Neg => modular!(Neg, dtype),
        Op::Square | Op::Powi(2) => modular!(Square, dtype),
        Op::Recip | Op::Powi(-1) => quotient!(Recip, dtype),
        Op::Powi(_) => quotient!(Powi, dtype),
        Op::Abs => real!(Abs, dtype),
        Op::Signum => real!(Signum, dtype),
        Op::Minimum => real!(Minimum, dtype, DType::Bool),
        Op::Maximum => real!(Maximum, dtype, DType::Bool),
        Op::Fmin if matches!(dtype, DType::F32 | DType::F64) => float!(Fmin, dtype),
        Op::Fmax if matches!(dtype, DType::F32 | DType::F64) => float!(Fmax, dtype),
        Op::Fmin => real!(Minimum, dtype, DType::Bool),
        Op::Fmax => real!(Maximum, dtype, DType::Bool),
        Op::Clamp => real!(Clamp, dtype),
        Op::Sqrt => float!(Sqrt, dtype),
        Op::Floor => float!(Floor, dtype),
        Op::Ceil => float!(Ceil, dtype),
        Op::Round => float!(Round, dtype),
        Op::Trunc => float!(Trunc, dtype),
        _ => None,
    }
}
