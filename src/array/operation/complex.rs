//! What arrays of complex numbers have of their own, and elementary functions under the names that `num_complex` gives them.

use ndarray::{Dimension, Ix0};
use num_complex::Complex;
use num_traits::Float;

use crate::array::dist_array::{DistArray, expect};
use crate::array::operation::argument::{Arg, Argument};
use crate::array::operation::operate;
use crate::element::Element;
use kernels::Op;

mod sealed {
    pub trait Sealed {}
    impl<T, D> Sealed for super::DistArray<num_complex::Complex<T>, D>
    where
        num_complex::Complex<T>: crate::element::Element,
        D: ndarray::Dimension,
    {
    }
}

macro_rules! functions {
    (@declare $($(#[$doc:meta])* $method:ident, $Op:ident;)*) => {$(
        $(#[$doc])*
        #[track_caller]
        fn $method(&self) -> Self;
    )*};
    (@define $($(#[$doc:meta])* $method:ident, $Op:ident;)*) => {$(
        #[track_caller]
        fn $method(&self) -> Self {
            expect(operate::unary((Op::$Op, stringify!($method)), self, |z: Complex<T>| z.$method()))
        }
    )*};
    ($way:ident) => {
        functions! { @$way
            /// Complex conjugate of each element.
            conj, Conj;
            /// `e^z` of each element.
            exp, Exp;
            /// Principal natural logarithm: the imaginary part is in `-π..=π`; the branch cut is the negative real axis.
            ln, Ln;
            /// Principal square root: the real part is not negative; the branch cut is the negative real axis.
            sqrt, Sqrt;
            /// Sine of each element.
            sin, Sin;
            /// Cosine of each element.
            cos, Cos;
            /// Tangent of each element.
            tan, Tan;
            /// Hyperbolic sine of each element.
            sinh, Sinh;
            /// Hyperbolic cosine of each element.
            cosh, Cosh;
            /// Hyperbolic tangent of each element.
            tanh, Tanh;
        }
    };
}

/// Elementary functions of arrays of complex numbers, `DistArray<Complex<f32>, D>` and `DistArray<Complex<f64>, D>`.
///
/// A trait, and part of the [prelude](crate::prelude), because the same names on arrays of real numbers are methods with
/// other bounds. Results have the shape of the array. All are lazy and have the same bits on any machine. Others of `num_complex` are
/// functions of [`ufunc`](mod@crate::ufunc) (`Arcsin.call(&z)`).
///
/// Functions of `Complex<f32>` are computed in `f64` and rounded once at the end, but for [`powi`](ComplexArray::powi). Each is at most 4
/// units in the last place from the exact result, counted for the real and for the imaginary part by themselves; powers by
/// [`powf`](ComplexArray::powf) and [`powc`](ComplexArray::powc) are so in units of their modulus. Special values and branch cuts are those of C99, of powers those of NumPy.
///
/// # Panics
/// Where full memory, or an expression that cannot be computed, keeps a function of few elements, which runs at once, from its
/// result; `powf` and `powc` where shapes do not broadcast or arrays are of two hubs.
///
/// ```
/// use distob::prelude::*;
/// use num_complex::Complex;
/// let z = DistArray::from_vec(vec![Complex::new(3.0, -4.0), Complex::new(0.0, 1.0)]);
/// assert_eq!(z.norm(), ndarray::array![5.0, 1.0]);
/// assert_eq!(z.arg()[1], std::f64::consts::FRAC_PI_2);
/// assert_eq!((z.conj() * &z).re(), ndarray::array![25.0, 1.0]);
/// assert!((z.sqrt().powi(2) - &z).norm().max().unwrap() < 1e-14);
/// assert_eq!((z.re(), z.im()), (DistArray::from_vec(vec![3.0, 0.0]), DistArray::from_vec(vec![-4.0, 1.0])));
/// ```
pub trait ComplexArray: sealed::Sealed + Sized {
    /// The type of real and imaginary parts.
    type Real: Element + Float;
    /// The dimension of the array.
    type Dim: Dimension;

    /// Real part of each element.
    #[track_caller]
    fn re(&self) -> DistArray<Self::Real, Self::Dim>;

    /// Imaginary part of each element.
    #[track_caller]
    fn im(&self) -> DistArray<Self::Real, Self::Dim>;

    /// Modulus of each element: its distance from 0, without overflow on the way.
    #[track_caller]
    fn norm(&self) -> DistArray<Self::Real, Self::Dim>;

    /// Modulus of each element: [`norm`](ComplexArray::norm), under the name that real arrays have for it.
    #[track_caller]
    fn abs(&self) -> DistArray<Self::Real, Self::Dim> {
        self.norm()
    }

    /// Angle of each element, in `-π..=π`.
    #[track_caller]
    fn arg(&self) -> DistArray<Self::Real, Self::Dim>;

    functions!(declare);

    /// Integer power of each element, by repeated multiplication.
    #[track_caller]
    fn powi(&self, exponent: i32) -> Self;

    /// Each element to a real power: a number, or an array, with which it is broadcast. `0` to a power that is not positive is NaN, but
    /// to the power of 0 it is 1.
    #[track_caller]
    fn powf<R: Argument<Self::Real, Self::Dim>>(&self, exponent: R) -> DistArray<Complex<Self::Real>, R::Output>
    where
        Complex<Self::Real>: Element;

    /// Each element to a complex power: a number, or an array, with which it is broadcast. `0` to a power whose real part is not
    /// positive is NaN, but to the power of 0 it is 1.
    ///
    /// ```
    /// use distob::prelude::*;
    /// use num_complex::Complex;
    /// let turns = DistArray::from_elem(3, Complex::new(2.0_f64, 0.0)).powc(Complex::new(0.0, 1e18));
    /// assert!((turns[0].norm() - 1.0).abs() < 1e-15);
    /// ```
    #[track_caller]
    fn powc<R>(&self, exponent: R) -> DistArray<Complex<Self::Real>, R::Output>
    where
        Complex<Self::Real>: Element,
        R: Argument<Complex<Self::Real>, Self::Dim>;
}

impl<T, D> ComplexArray for DistArray<Complex<T>, D>
where
    T: Element + Float,
    Complex<T>: Element,
    D: Dimension,
{
    type Real = T;
    type Dim = D;

    functions!(define);

    #[track_caller]
    fn re(&self) -> DistArray<T, D> {
        expect(operate::unary((Op::Re, "re"), self, |z| z.re))
    }

    #[track_caller]
    fn im(&self) -> DistArray<T, D> {
        expect(operate::unary((Op::Im, "im"), self, |z| z.im))
    }

    #[track_caller]
    fn norm(&self) -> DistArray<T, D> {
        expect(operate::unary((Op::Abs, "norm"), self, Complex::norm))
    }

    #[track_caller]
    fn arg(&self) -> DistArray<T, D> {
        let (y, x) = (self.im(), self.re());
        expect(operate::binary((Op::Atan2, "arg"), &Arg::Dist(&y), &Arg::Dist(&x), T::atan2))
    }

    #[track_caller]
    fn powi(&self, exponent: i32) -> Self {
        expect(operate::unary((Op::Powi(exponent), "powi"), self, |z| z.powi(exponent)))
    }

    #[track_caller]
    fn powf<R: Argument<T, D>>(&self, exponent: R) -> DistArray<Complex<T>, R::Output> {
        match exponent.arg() {
            Arg::Number(x) => power("powf", self, &Arg::<_, Ix0>::Number(Complex::from(x))),
            Arg::Part(view, _) | Arg::Foreign(view) => {
                power("powf", self, &Arg::Foreign(view.mapv(Complex::from).view()))
            }
            Arg::Dist(array) => {
                let cast = expect(operate::unary((Op::Cast, "powf"), array, Complex::from));
                power("powf", self, &Arg::Dist(&cast))
            }
        }
    }

    #[track_caller]
    fn powc<R: Argument<Complex<T>, D>>(&self, exponent: R) -> DistArray<Complex<T>, R::Output> {
        power("powc", self, &exponent.arg())
    }
}

/// Each element of one operand to the power of the other.
#[track_caller]
fn power<T: Float, D: Dimension, E: Dimension, O: Dimension>(
    name: &'static str,
    base: &DistArray<Complex<T>, D>,
    exponent: &Arg<'_, Complex<T>, E>,
) -> DistArray<Complex<T>, O>
where
    Complex<T>: Element,
{
    expect(operate::binary((Op::Power, name), &Arg::Dist(base), exponent, Complex::powc))
}
