//! NumPy's universal functions as types: each is a unit struct, and implements [`Unary`] or [`Binary`] for the element types that it takes.
//!
//! The methods `call`, `reduce` and others are traits of [`method`](crate::array::method). `table` is the one list: the structs, their element
//! types and `docs/ufuncs.md` are made from it.

mod generalized;
mod table;

pub use generalized::{Matmul, Matvec, Vecdot, Vecmat};
pub use table::*;

use crate::element::Element;
use kernels::user::UserFunction;
use kernels::{DType, Op};

mod sealed {
    /// The structs of the table, and those that `#[distob::ufunc]` makes.
    pub trait Sealed {}

    impl<F: kernels::user::UserFunction> Sealed for F {}
}
use sealed::Sealed;

/// A universal function of one operand: a struct of this module, or one that [`#[distob::ufunc]`](macro@crate::ufunc) makes.
pub trait UnaryUfunc: Sealed + Copy + Send + Sync + 'static {
    /// NumPy's name, or the path of a function that `#[distob::ufunc]` made.
    const NAME: &'static str;

    /// The operation that computes it.
    #[doc(hidden)]
    fn op(self) -> Op;
}

/// A universal function of two operands and one result, which has `reduce`, `accumulate`, `reduceat`, `outer` and `at`; see [`UnaryUfunc`].
pub trait BinaryUfunc: Sealed + Copy + Send + Sync + 'static {
    /// NumPy's name, or the path of a function that `#[distob::ufunc]` made.
    const NAME: &'static str;

    /// The operation that computes it.
    #[doc(hidden)]
    fn op(self) -> Op;
}

impl<F: UserFunction<B = ()> + Copy + Send + Sync> UnaryUfunc for F {
    const NAME: &'static str = F::NAME;

    fn op(self) -> Op {
        F::registered().op()
    }
}

impl<F: UserFunction<B: Element> + Copy + Send + Sync> BinaryUfunc for F {
    const NAME: &'static str = F::NAME;

    fn op(self) -> Op {
        F::registered().op()
    }
}

impl<F: UserFunction<A: Element, B = (), R: Element> + Copy + Send + Sync> Unary<F::A> for F {
    type Output = F::R;
}

impl<F: UserFunction<A: Element, B: Element, R: Element> + Copy + Send + Sync> Binary<F::A, F::B> for F {
    type Output = F::R;
}

/// A function of one operand that takes elements of type `A`.
#[diagnostic::on_unimplemented(
    message = "the function `{Self}` takes no elements of type `{A}`",
    note = "convert them first: `a.astype::<f64>()`"
)]
pub trait Unary<A: Element>: UnaryUfunc {
    /// The element type of the result.
    type Output: Element;
}

/// A function of two operands that takes elements of types `A` and `B`.
#[diagnostic::on_unimplemented(
    message = "the function `{Self}` takes no elements of types `{A}` and `{B}`",
    note = "operands are of one type; convert one: `a.astype::<f64>()`"
)]
pub trait Binary<A: Element, B: Element = A>: BinaryUfunc {
    /// The element type of the result.
    type Output: Element;
}

/// A function of one operand of elements `A` that has two results.
#[diagnostic::on_unimplemented(message = "the function `{Self}` takes no elements of type `{A}`")]
pub trait UnaryPair<A: Element>: Sealed + Copy + Send + Sync + 'static {
    /// NumPy's name.
    const NAME: &'static str;
    /// The element type of the first result.
    type First: Element;
    /// The element type of the second result.
    type Second: Element;

    /// The operations that compute the two.
    #[doc(hidden)]
    fn ops(self) -> [Op; 2];
}

/// A function of two operands of elements `A` that has two results.
#[diagnostic::on_unimplemented(message = "the function `{Self}` takes no elements of type `{A}`")]
pub trait BinaryPair<A: Element>: Sealed + Copy + Send + Sync + 'static {
    /// NumPy's name.
    const NAME: &'static str;
    /// The element type of the first result.
    type First: Element;
    /// The element type of the second result.
    type Second: Element;

    /// The operations that compute the two.
    #[doc(hidden)]
    fn ops(self) -> [Op; 2];
}

/// A row of the table of universal functions; see [`functions`].
#[derive(Clone, Debug)]
pub struct Info {
    /// NumPy's name.
    pub name: &'static str,
    /// NumPy's other names.
    pub aliases: &'static [&'static str],
    /// Number of operands.
    pub inputs: usize,
    /// The operations that compute its results.
    #[doc(hidden)]
    pub ops: &'static [Op],
    /// The combinations of element types that it takes.
    pub loops: Vec<Loop>,
}

/// The element types of operands and results.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loop {
    /// Types of the operands.
    pub inputs: Vec<DType>,
    /// Types of the results.
    pub outputs: Vec<DType>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_computed() {
        let mut missing = Vec::new();
        for info in functions() {
            for types in &info.loops {
                assert_eq!(types.inputs.len(), info.inputs, "{}", info.name);
                for (op, output) in info.ops.iter().zip(&types.outputs) {
                    if !op.gives(&types.inputs, *output) {
                        missing.push(format!("{} {:?} -> {}", info.name, types.inputs, output.name()));
                    }
                }
            }
        }
        assert!(missing.is_empty(), "{} loops have no kernel: {missing:#?}", missing.len());
    }
}
