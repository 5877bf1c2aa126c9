//! What floats have besides arithmetic, with NumPy's meaning: parts, neighbours, signs, remainders.

use super::arith::Float;
use super::{Body, Kernel, body, kernel};
use crate::{DType, Op};
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// A float seen as its bits too.
pub(crate) trait Ieee: Float {
    const ZERO: Self;
    /// The least positive number.
    const LEAST: Self;
    /// 2^53 or 2^24: from here on every number is an integer.
    const INTEGERS: Self;
    fn copysign(self, sign: Self) -> Self;
    fn negative(self) -> bool;
    fn rint(self) -> Self;
    fn fma(self, by: Self, plus: Self) -> Self;
    fn fmod(self, by: Self) -> Self;
    /// The number whose bits are these plus one (further from 0), or minus one.
    fn outwards(self) -> Self;
    fn inwards(self) -> Self;
    /// `self * 2^n`, rounded once.
    fn scaled(self, n: i32) -> Self;
    /// Significand in `[0.5, 1)` and exponent.
    fn frexp(self) -> (Self, i32);
}

macro_rules! ieee {
    ($($t:ident $bits:ident $mantissa:literal $bias:literal $up:expr;)*) => {$(
        impl Ieee for $t {
            const ZERO: Self = 0.0;
            const LEAST: Self = $t::from_bits(1);
            const INTEGERS: Self = (1u64 << ($mantissa + 1)) as $t;
            #[inline(always)]
            fn copysign(self, sign: Self) -> Self { $t::copysign(self, sign) }
            #[inline(always)]
            fn negative(self) -> bool { self.to_bits() >> ($bits::BITS - 1) != 0 }
            #[inline(always)]
            fn rint(self) -> Self { self.round_ties_even() }
            #[inline(always)]
            fn fma(self, by: Self, plus: Self) -> Self { self.mul_add(by, plus) }
            #[inline(always)]
            fn fmod(self, by: Self) -> Self { self % by }
            #[inline(always)]
            fn outwards(self) -> Self { $t::from_bits(self.to_bits().wrapping_add(1)) }
            #[inline(always)]
            fn inwards(self) -> Self { $t::from_bits(self.to_bits().wrapping_sub(1)) }
            #[inline(always)]
            fn scaled(self, n: i32) -> Self {
                // Beyond this everything is 0 or infinite. In three steps of powers that are normal numbers: the number comes near
                // 1 first, so that only the last product, or none, is rounded.
                let n = n.clamp(-3 * $bias, 3 * $bias);
                let power = |n: i32| $t::from_bits(((n + $bias) as $bits) << $mantissa);
                let (lifted, _) = self.frexp();
                let exponent = self.frexp().1.saturating_add(n);
                let normal = exponent.clamp(1 - $bias, $bias);
                let rest = exponent - normal;
                let plain = lifted * power(normal) * power(rest.clamp(1 - $bias, $bias));
                // 0, infinities and NaN are what they are.
                if self == 0.0 || !self.is_finite() { self } else { plain }
            }
            #[inline(always)]
            fn frexp(self) -> (Self, i32) {
                const MASK: $bits = (1 << ($bits::BITS - 1)) | ((1 << $mantissa) - 1);
                let subnormal = self.abs() < $t::MIN_POSITIVE;
                let lifted = if subnormal { self * $up } else { self };
                let bits = lifted.to_bits();
                let exponent = ((bits >> $mantissa) & (2 * $bias + 1)) as i32 - ($bias - 1);
                let exponent = exponent - if subnormal { ($mantissa + 1) as i32 } else { 0 };
                let significand = $t::from_bits((bits & MASK) | (($bias - 1) << $mantissa));
                let special = self == 0.0 || !self.is_finite();
                (if special { self } else { significand }, if special { 0 } else { exponent })
            }
        }
    )*};
}
ieee! {
    f32 u32 23 127 16_777_216.0;
    f64 u64 52 1023 9_007_199_254_740_992.0;
}

body!(Sign<T: Ieee>(a: T) -> T = {
    // Of either zero the positive one, of a NaN itself.
    if (a == T::ZERO) | a.nan() { a.sub(a) } else { T::ONE.copysign(a) }
});
body!(Rint<T: Ieee>(a: T) -> T = a.rint());
body!(Signbit<T: Ieee>(a: T) -> u8 = a.negative() as u8);
body!(Spacing<T: Ieee>(a: T) -> T = {
    let next = a.outwards().sub(a);
    // Of an infinity the next bits are those of a NaN.
    if a == T::ZERO { T::LEAST } else { next }
});
body!(Copysign<T: Ieee>(a: T, b: T) -> T = a.copysign(b));
body!(Nextafter<T: Ieee>(a: T, b: T) -> T = {
    let away = (a < b) == (a > T::ZERO);
    let next = if away { a.outwards() } else { a.inwards() };
    let next = if a == T::ZERO { T::LEAST.copysign(b) } else { next };
    let next = if a == b { b } else { next };
    if a.nan() || b.nan() { a.add(b) } else { next }
});

/// NumPy's `heaviside`.
pub(crate) struct Heaviside<T>(PhantomData<T>);

impl<T: Ieee> Body for Heaviside<T> {
    type A = T;
    type B = T;
    type C = ();
    type R = T;
    // The compiler reads `b` under a mask, which waits for `a`.
    const FETCHES: bool = true;

    #[inline(always)]
    fn lane(a: T, b: T, _: ()) -> T {
        let step = if a == T::ZERO { b } else { a };
        let step = if a > T::ZERO { T::ONE } else { step };
        if a < T::ZERO { T::ZERO } else { step }
    }
}

body!(Ldexp<T: Ieee>(a: T, b: i32) -> T = a.scaled(b));
body!(ModfTrunc<T: Ieee>(a: T) -> T = a.trunc());
body!(ModfFract<T: Ieee>(a: T) -> T = {
    let rest = a.sub(a.trunc());
    // Of an infinity there is none; the sign is the number's.
    let rest = if a.sub(a).nan() && !a.nan() { T::ZERO } else { rest };
    if a.nan() { a } else { rest.copysign(a) }
});
body!(FrexpSignificand<T: Ieee>(a: T) -> T = a.frexp().0);
body!(FrexpExponent<T: Ieee>(a: T) -> i32 = a.frexp().1);

/// Which of what a division gives.
pub(crate) trait Part {
    /// From the operands and C's `fmod` of them.
    fn of<T: Ieee>(a: T, b: T, rest: T) -> T;
}

/// The remainder with the sign of the first operand.
pub(crate) struct Truncated;
impl Part for Truncated {
    #[inline(always)]
    fn of<T: Ieee>(_: T, _: T, rest: T) -> T {
        rest
    }
}

/// The remainder with the sign of the second.
pub(crate) struct Floored;
impl Part for Floored {
    #[inline(always)]
    fn of<T: Ieee>(_: T, b: T, rest: T) -> T {
        let other = (b < T::ZERO) != (rest < T::ZERO);
        let moved = if other { rest.add(b) } else { rest };
        let moved = if rest == T::ZERO { T::ZERO.copysign(b) } else { moved };
        if b == T::ZERO || rest.nan() { rest } else { moved }
    }
}

/// The quotient towards minus infinity, as NumPy's `divmod` rounds it.
pub(crate) struct Quotient;
impl Part for Quotient {
    #[inline(always)]
    fn of<T: Ieee>(a: T, b: T, rest: T) -> T {
        let plain = a.div(b);
        let other = rest != T::ZERO && (b < T::ZERO) != (rest < T::ZERO);
        let whole = a.sub(rest).div(b);
        let whole = if other { whole.sub(T::ONE) } else { whole };
        let floor = whole.floor();
        // What is subtracted may have been rounded; the quotient is the integer next to it.
        let half = T::ONE.div(T::ONE.add(T::ONE));
        let floor = if whole.sub(floor) > half { floor.add(T::ONE) } else { floor };
        let floor = if whole == T::ZERO { T::ZERO.copysign(plain) } else { floor };
        if b == T::ZERO { plain } else { floor }
    }
}

/// Division with remainder: exact by one fused step where the quotient is below 2^53 (2^24), which nearly all are.
pub(crate) struct Divided<T, P>(PhantomData<(T, P)>);

impl<T: Ieee, P: Part> Divided<T, P> {
    /// `fmod`, and whether it may be wrong.
    #[inline(always)]
    fn rest(a: T, b: T) -> (T, bool) {
        let quotient = a.div(b);
        let whole = quotient.trunc();
        // Exact: a multiple of the smaller of the two last places, and no larger than `b`.
        let rest = whole.neg().fma(b, a);
        // A quotient that was rounded up to the next integer is one too many.
        let over = rest != T::ZERO && rest.negative() != a.negative();
        let rest = if over { rest.add(b.copysign(a)) } else { rest };
        // By an infinity there is a product without a value.
        let fine = whole.abs() < T::INTEGERS && !rest.nan();
        (rest.copysign(a), !fine)
    }
}

impl<T: Ieee, P: Part> Body for Divided<T, P> {
    type A = T;
    type B = T;
    type C = ();
    type R = T;
    const HEAVY: bool = true;

    #[inline(always)]
    fn lane(a: T, b: T, _: ()) -> T {
        P::of(a, b, a.fmod(b))
    }

    #[inline(always)]
    fn group<const L: usize>(a: &[T; L], b: &[T; L], _: &[(); L], out: &mut [MaybeUninit<T>; L]) {
        let mut hard = false;
        for i in 0..L {
            let (rest, far) = Self::rest(a[i], b[i]);
            hard |= far;
            out[i].write(P::of(a[i], b[i], rest));
        }
        if hard {
            super::patch(out, |i| Self::rest(a[i], b[i]).1.then(|| Self::lane(a[i], b[i], ())));
        }
    }
}

macro_rules! float {
    ($body:ident $(, $part:ty)?; $dtype:expr) => {
        match $dtype {
            DType::F32 => kernel!($body<f32 $(, $part)?>, 16),
            DType::F64 => kernel!($body<f64 $(, $part)?>, 16),
            _ => None,
        }
    };
}

/// The kernel of an operation on floats of type `dtype` (and, of [`Op::Ldexp`], an `i32`).
pub(super) fn floats(op: Op, dtype: DType) -> Option<&'static Kernel> {
    match op {
        Op::Sign => float!(Sign; dtype),
        Op::Rint => float!(Rint; dtype),
        Op::Signbit => float!(Signbit; dtype),
        Op::Spacing => float!(Spacing; dtype),
        Op::Copysign => float!(Copysign; dtype),
        Op::Nextafter => float!(Nextafter; dtype),
        Op::Heaviside => float!(Heaviside; dtype),
        Op::Ldexp => float!(Ldexp; dtype),
        Op::ModfTrunc => float!(ModfTrunc; dtype),
        Op::ModfFract => float!(ModfFract; dtype),
        Op::FrexpSignificand => float!(FrexpSignificand; dtype),
        Op::FrexpExponent => float!(FrexpExponent; dtype),
        Op::Rem => float!(Divided, Truncated; dtype),
        Op::Remainder => float!(Divided, Floored; dtype),
        Op::FloorDivide => float!(Divided, Quotient; dtype),
        _ => None,
    }
}
