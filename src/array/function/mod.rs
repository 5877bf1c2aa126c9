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
use kernels::{DType, Op, user};

/// A function of one operand.
pub trait UnaryUfunc: Copy + Send + Sync + 'static {
    /// The name that NumPy has for it, or the path of a user's own function.
    const NAME: &'static str;

    /// The operation that computes it.
    fn op(self) -> Op;
}

/// A function of two operands and one result: what `reduce`, `accumulate`, `reduceat`, `outer` and `at` are there for.
pub trait BinaryUfunc: Copy + Send + Sync + 'static {
    /// The name that NumPy has for it, or the path of a user's own function.
    const NAME: &'static str;

    /// The operation that computes it.
    fn op(self) -> Op;
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
pub trait UnaryPair<A: Element>: Copy + Send + Sync + 'static {
    /// The name that NumPy has for it.
    const NAME: &'static str;
    /// The first result.
    type First: Element;
    /// The second result.
    type Second: Element;

    /// The operations that compute the two.
    fn ops(self) -> [Op; 2];
}

/// That a function of two operands gives two results of elements of type `A`.
#[diagnostic::on_unimplemented(message = "the function `{Self}` takes no elements of type `{A}`")]
pub trait BinaryPair<A: Element>: Copy + Send + Sync + 'static {
    /// The name that NumPy has for it.
    const NAME: &'static str;
    /// The first result.
    type First: Element;
    /// The second result.
    type Second: Element;

    /// The operations that compute the two.
    fn ops(self) -> [Op; 2];
}

/// Where `op` is a function of the program's own, its path.
pub fn user_name(op: Op) -> Option<&'static str> {
    match op {
        Op::User(number) => user::name(number),
        _ => None,
    }
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
