//! NumPy's universal functions as types: a unit struct each, with the element types that it takes and what it gives of them.
//!
//! The structs and what is known of them are here; what can be done with them (`call`, `reduce`, …) is said by the traits of
//! [`method`](crate::array::method), which work on arrays. [`table`] is the one list: the structs, their element types and the rows of
//! `docs/ufuncs.md` are made from it.

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

/// A function of one operand: a struct of this module, or one that [`#[distob::ufunc]`](macro@crate::ufunc) has made.
pub trait UnaryUfunc: Sealed + Copy + Send + Sync + 'static {
    /// The name that NumPy has for it, or the path of a user's own function.
    const NAME: &'static str;

    /// The operation that computes it.
    #[doc(hidden)]
    fn op(self) -> Op;
}

/// A function of two operands and one result, as [`UnaryUfunc`]: what `reduce`, `accumulate`, `reduceat`, `outer` and `at` are there for.
pub trait BinaryUfunc: Sealed + Copy + Send + Sync + 'static {
    /// The name that NumPy has for it, or the path of a user's own function.
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

/// That a function of one operand takes elements of type `A`.
#[diagnostic::on_unimplemented(
    message = "the function `{Self}` takes no elements of type `{A}`",
    note = "convert them first: `a.astype::<f64>()`"
)]
pub trait Unary<A: Element>: UnaryUfunc {
    /// What it gives.
    type Output: Element;
}

/// That a function of two operands takes elements of types `A` and `B`.
#[diagnostic::on_unimplemented(
    message = "the function `{Self}` takes no elements of types `{A}` and `{B}`",
    note = "operands are of one type; convert one: `a.astype::<f64>()`"
)]
pub trait Binary<A: Element, B: Element = A>: BinaryUfunc {
    /// What it gives.
    type Output: Element;
}

/// That a function of one operand gives two results of elements of type `A`.
#[diagnostic::on_unimplemented(message = "the function `{Self}` takes no elements of type `{A}`")]
pub trait UnaryPair<A: Element>: Sealed + Copy + Send + Sync + 'static {
    /// The name that NumPy has for it.
    const NAME: &'static str;
    /// The first result.
    type First: Element;
    /// The second result.
    type Second: Element;

    /// The operations that compute the two.
    #[doc(hidden)]
    fn ops(self) -> [Op; 2];
}

/// That a function of two operands gives two results of elements of type `A`.
#[diagnostic::on_unimplemented(message = "the function `{Self}` takes no elements of type `{A}`")]
pub trait BinaryPair<A: Element>: Sealed + Copy + Send + Sync + 'static {
    /// The name that NumPy has for it.
    const NAME: &'static str;
    /// The first result.
    type First: Element;
    /// The second result.
    type Second: Element;

    /// The operations that compute the two.
    #[doc(hidden)]
    fn ops(self) -> [Op; 2];
}

/// A function as the table has it, for whoever goes through all of them.
#[derive(Clone, Debug)]
pub struct Info {
    /// The name that NumPy has for it.
    pub name: &'static str,
    /// Further names that NumPy has for it.
    pub aliases: &'static [&'static str],
    /// Number of operands.
    pub inputs: usize,
    /// The operations that compute its results.
    #[doc(hidden)]
    pub ops: &'static [Op],
    /// The types that it takes, and what it gives of them.
    pub loops: Vec<Loop>,
}

/// Types of operands, and of what is computed from them.
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
