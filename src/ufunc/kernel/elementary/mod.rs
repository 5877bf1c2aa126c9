//! Elementary functions of our own: the same bits on every instruction set, within 1 ulp over the whole range.
//!
//! The C library's functions differ from system to system, and vector libraries differ from both. These are written
//! as branch-free scalar Rust, in which every fused multiply-add is spelt out and nothing is left to the compiler to
//! contract, so that a loop over them is vectorised for whatever `target_feature` its caller enables and gives the
//! bits of the scalar call. (Without a hardware fused multiply-add, `f64::mul_add` is emulated: slow, same bits.)
//!
//! A function has two faces. [`Unary::fast`] is right wherever [`Unary::hard`] is false, which for most of them is
//! everywhere that matters; [`Unary::full`] is right everywhere, has the special values of C99 Annex F, and gives the
//! bits of `fast` where that is right. A loop runs `fast` over a block, ors the `hard`s together, and only if one was
//! set goes over the block again with `full` for those elements.
//!
//! `f32` is computed in `f64` and rounded once: by [`Unary::single`], at most 0.57 ulp. The functions that are used most have a form in
//! `f32` alone, [`Unary::narrow`], for arguments of moderate size: less than 1 ulp.
//!
//! A function of two may have a form of few operations, [`Binary::quick`] and for `f32` [`Binary::narrow`], which is right for most
//! results and says of a result whether it is; a lane of which it is not goes the other way.
//!
//! The methods (argument reduction with multi-part constants, minimax polynomials, corrections carried in a second
//! `f64`) are the textbook ones: Muller, *Elementary Functions*; Dekker's and Knuth's exact sums; Cody and Waite's and
//! Payne and Hanek's reductions. The coefficients are made by `ci/coefficients.py`. The errors stated, in units in the last place of the exact
//! result, are the greatest seen by `tests/elementary.rs` against 160-bit arithmetic, rounded up.

mod cbrt;
mod dd;
mod erf;
mod exp;
mod fixed;
mod hyperbolic;
mod hypot;
mod inverse;
mod inverse_hyperbolic;
mod log;
mod log_add;
mod log_complex;
mod log_parts;
mod log_polynomial;
mod narrow;
mod pow;
mod reduce;
mod single;
mod softplus;
mod trig;

pub(super) use dd::{fast_two_sum, product, quotient, two_product, two_sum};
pub(super) use exp::Scaled;
pub(super) use fixed::{Fixed, ln as fixed_ln};
pub(super) use hyperbolic::{expm1_two, sinh_cosh};
pub(super) use log_complex::{complex_ln, scaled};
pub(super) use log_parts::ln_1p_parts;
pub(super) use trig::{both_parts, multiple_of_ln2, sine_cosine, sine_cosine_of};

pub use cbrt::Cbrt;
pub use erf::Erf;
pub use exp::{Exp, Exp2};
pub use hyperbolic::{Cosh, ExpM1, Sinh, Tanh};
pub use hypot::Hypot;
pub use inverse::{Acos, Asin, Atan, Atan2};
pub use inverse_hyperbolic::{Acosh, Asinh, Atanh};
pub use log::Ln;
pub use log_add::{Logaddexp, Logaddexp2};
pub use log_parts::{Ln1p, Log2, Log10};
pub use pow::{Powf, Powi, SmallPower};
pub use trig::{Cos, Sin, Tan};

/// A function of one `f64`.
pub trait Unary {
    /// The name, as in the instruction set of programs.
    const NAME: &'static str;

    /// The value where `hard(x)` is false, anything where it is true. Without branches: made to be vectorised.
    fn fast(x: f64) -> f64;

    /// Whether `fast` may be wrong for `x`.
    fn hard(x: f64) -> bool;

    /// The value for every `x`; the bits of `fast` where that is right.
    fn full(x: f64) -> f64;

    /// The value for an `f32`, to some 2^-28 of it, where `single_hard(x)` is false.
    #[inline(always)]
    fn single(x: f64) -> f64 {
        Self::fast(x)
    }

    /// Whether `single` may be wrong for the `f32` that `x` is.
    #[inline(always)]
    fn single_hard(x: f64) -> bool {
        Self::hard(x)
    }

    /// Whether there is a form in `f32` alone.
    const NARROW: bool = false;

    /// The value for an `f32`, computed in `f32`, where `narrow_hard(x)` is false.
    #[inline(always)]
    fn narrow(x: f32) -> f32 {
        Self::single(f64::from(x)) as f32
    }

    /// Whether `narrow` may be wrong for `x`.
    #[inline(always)]
    fn narrow_hard(_: f32) -> bool {
        true
    }

    /// The value for every `f32`.
    fn full_f32(x: f32) -> f32 {
        if !Self::narrow_hard(x) {
            return Self::narrow(x);
        }
        let x = f64::from(x);
        (if Self::single_hard(x) { Self::full(x) } else { Self::single(x) }) as f32
    }
}

/// A function of two `f64`.
pub trait Binary {
    /// The name, as in the instruction set of programs.
    const NAME: &'static str;

    /// The value where `hard(x, y)` is false, anything where it is true. Without branches: made to be vectorised.
    fn fast(x: f64, y: f64) -> f64;

    /// Whether `fast` may be wrong for `(x, y)`.
    fn hard(x: f64, y: f64) -> bool;

    /// The value for every `(x, y)`; the bits of `quick` where there is one and it is right, else of `fast` where that is.
    fn full(x: f64, y: f64) -> f64;

    /// Whether there are forms of few operations that are right for most operands, and say of a result whether it is.
    const QUICK: bool = false;

    /// The value, where `quick_hard` is false of it.
    #[inline(always)]
    fn quick(x: f64, y: f64) -> f64 {
        Self::fast(x, y)
    }

    /// Whether a result of `quick` may be wrong.
    #[inline(always)]
    fn quick_hard(_: f64) -> bool {
        true
    }

    /// The value for two `f32`, computed in `f32`, where `narrow_hard` is false of it.
    #[inline(always)]
    fn narrow(x: f32, y: f32) -> f32 {
        Self::single(f64::from(x), f64::from(y)) as f32
    }

    /// Whether a result of `narrow` may be wrong.
    #[inline(always)]
    fn narrow_hard(_: f32) -> bool {
        true
    }

    /// The value for two `f32`, to some 2^-28 of it, where `single_hard(x, y)` is false.
    #[inline(always)]
    fn single(x: f64, y: f64) -> f64 {
        Self::fast(x, y)
    }

    /// Whether `single` may be wrong for the two `f32` that `x` and `y` are.
    #[inline(always)]
    fn single_hard(x: f64, y: f64) -> bool {
        Self::hard(x, y)
    }

    /// The value for every two `f32`.
    fn full_f32(x: f32, y: f32) -> f32 {
        if Self::QUICK {
            let result = Self::narrow(x, y);
            if !Self::narrow_hard(result) {
                return result;
            }
        }
        let (x, y) = (f64::from(x), f64::from(y));
        (if Self::single_hard(x, y) { Self::full(x, y) } else { Self::single(x, y) }) as f32
    }
}

/// The bit that holds the sign.
const SIGN: u64 = 1 << 63;
