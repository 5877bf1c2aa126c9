//! What complex numbers are compared by: the real part, then the imaginary part; and their signs and nearest integers.

use super::arith::Real;
use super::floats::Ieee;
use super::{Kernel, body, kernel};
use crate::{DType, Op};
use num_complex::Complex;

#[inline(always)]
fn nan<T: Real>(z: Complex<T>) -> bool {
    z.re.nan() || z.im.nan()
}

/// NumPy's order: by the real part, then by the imaginary part; false where what decides is NaN.
#[inline(always)]
fn less<T: Real>(a: Complex<T>, b: Complex<T>, or_equal: bool) -> bool {
    let last = if or_equal { a.im <= b.im } else { a.im < b.im };
    (a.re < b.re && !a.im.nan() && !b.im.nan()) || (a.re == b.re && last)
}

body!(Less<T: Real>(a: Complex<T>, b: Complex<T>) -> u8 = less(a, b, false) as u8);
body!(LessEqual<T: Real>(a: Complex<T>, b: Complex<T>) -> u8 = less(a, b, true) as u8);
body!(Maximum<T: Real>(a: Complex<T>, b: Complex<T>) -> Complex<T> = if nan(a) || less(b, a, true) { a } else { b });
body!(Minimum<T: Real>(a: Complex<T>, b: Complex<T>) -> Complex<T> = if nan(a) || less(a, b, true) { a } else { b });
body!(Fmax<T: Real>(a: Complex<T>, b: Complex<T>) -> Complex<T> = if nan(b) || less(b, a, true) { a } else { b });
body!(Fmin<T: Real>(a: Complex<T>, b: Complex<T>) -> Complex<T> = if nan(b) || less(a, b, true) { a } else { b });
body!(IsNan<T: Real>(a: Complex<T>) -> u8 = nan(a) as u8);
body!(IsFinite<T: Real>(a: Complex<T>) -> u8 = (!a.re.sub(a.re).nan() && !a.im.sub(a.im).nan()) as u8);
body!(IsInfinite<T: Real>(a: Complex<T>) -> u8 = {
    let infinite = |x: T| x.sub(x).nan() && !x.nan();
    (infinite(a.re) || infinite(a.im)) as u8
});
body!(Rint<T: Ieee>(a: Complex<T>) -> Complex<T> = Complex { re: a.re.rint(), im: a.im.rint() });

macro_rules! complex {
    ($body:ident, $dtype:expr) => {
        match $dtype {
            DType::C32 => kernel!($body<f32>, 16),
            DType::C64 => kernel!($body<f64>, 16),
            _ => None,
        }
    };
}

/// The kernel that orders or tests complex numbers of type `dtype`, and whether its operands are to be exchanged.
pub(super) fn order(op: Op, dtype: DType) -> Option<(&'static Kernel, bool)> {
    let kernel = match op {
        Op::Less | Op::Greater => complex!(Less, dtype),
        Op::LessEqual | Op::GreaterEqual => complex!(LessEqual, dtype),
        Op::Maximum => complex!(Maximum, dtype),
        Op::Minimum => complex!(Minimum, dtype),
        Op::Fmax => complex!(Fmax, dtype),
        Op::Fmin => complex!(Fmin, dtype),
        Op::IsNan => complex!(IsNan, dtype),
        Op::IsFinite => complex!(IsFinite, dtype),
        Op::IsInfinite => complex!(IsInfinite, dtype),
        Op::Rint => complex!(Rint, dtype),
        _ => None,
    };
    Some((kernel?, matches!(op, Op::Greater | Op::GreaterEqual)))
}
