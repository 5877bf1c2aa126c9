//! Functions of a user's own, made by `#[distob::ufunc]`, as operations of programs.
//!
//! Each is a constant of the program, registered before `main`; an operation names it by its place in the list of all of them, in
//! the order of their names and places in the source. Every process runs the same program, so the lists are the same.

use super::kernel::{Body, Kernel};
use super::{DType, Op, Scalar, Value};
use std::marker::PhantomData;
use std::sync::OnceLock;

/// What the attribute makes of a function of one or two operands (of one, the second is `()`).
#[doc(hidden)]
pub trait UserFunction: 'static {
    /// First operand.
    type A: Value;
    /// Second operand, or `()`.
    type B: Copy + 'static;
    /// Result.
    type R: Value;

    /// The function itself, always inlined.
    fn apply(a: Self::A, b: Self::B) -> Self::R;
}

/// The function as the body of kernels.
struct Lanes<F>(PhantomData<F>);

impl<F: UserFunction> Body for Lanes<F> {
    type A = F::A;
    type B = F::B;
    type C = ();
    type R = F::R;

    #[inline(always)]
    fn lane(a: F::A, b: F::B, _: ()) -> F::R {
        F::apply(a, b)
    }
}

/// A registered function.
#[doc(hidden)]
#[derive(Debug)]
pub struct Function {
    name: &'static str,
    /// File, line and column, which tell apart functions of one name inside of functions.
    place: (&'static str, u32, u32),
    inputs: &'static [Option<DType>],
    output: Option<DType>,
    kernel: &'static Kernel,
    identity: Option<fn() -> Option<Scalar>>,
    associative: bool,
    number: OnceLock<u16>,
}

/// What makes a program's functions known: see [`Function`].
#[doc(hidden)]
pub struct Registered(pub &'static Function);

inventory::collect!(Registered);

trait Kernels {
    const KERNEL: &'static Kernel;
}

impl<F: UserFunction> Kernels for F {
    const KERNEL: &'static Kernel = &Kernel::of::<Lanes<F>, 16>();
}

impl Function {
    /// A function of one operand.
    pub const fn unary<F: UserFunction<B = ()>>(
        name: &'static str,
        place: (&'static str, u32, u32),
        inputs: &'static [Option<DType>],
    ) -> Function {
        Function {
            name,
            place,
            inputs,
            output: F::R::DTYPE,
            kernel: F::KERNEL,
            identity: None,
            associative: false,
            number: OnceLock::new(),
        }
    }

    /// A function of two operands.
    pub const fn binary<F: UserFunction>(
        name: &'static str,
        place: (&'static str, u32, u32),
        inputs: &'static [Option<DType>],
        identity: Option<fn() -> Option<Scalar>>,
        associative: bool,
    ) -> Function {
        Function {
            name,
            place,
            inputs,
            output: F::R::DTYPE,
            kernel: F::KERNEL,
            identity,
            associative,
            number: OnceLock::new(),
        }
    }

    /// The operation that computes it.
    ///
    /// # Panics
    ///
    /// Where more than 65,536 functions are registered.
    pub fn op(&'static self) -> Op {
        Op::User(*self.number.get_or_init(|| {
            let at = all().iter().position(|other| std::ptr::eq(*other, self));
            let at = at.expect("the attribute registers what it makes");
            u16::try_from(at).expect("65,536 functions at most")
        }))
    }
}

/// Every function, in an order that all processes of the program share.
fn all() -> &'static [&'static Function] {
    static ALL: OnceLock<Vec<&'static Function>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all: Vec<&Function> = inventory::iter::<Registered>.into_iter().map(|function| function.0).collect();
        all.sort_unstable_by_key(|function| (function.name, function.place));
        all
    })
}

/// The function with this number, if there is one.
fn function(number: u16) -> Option<&'static Function> {
    all().get(usize::from(number)).copied()
}

/// Its name.
pub fn name(number: u16) -> Option<&'static str> {
    function(number).map(|function| function.name)
}

/// How many operands it takes; 0 of what is no function, so that no instruction fits it.
pub(super) fn arity(number: u16) -> usize {
    function(number).map_or(0, |function| function.inputs.len())
}

/// Its kernel, and the type of its result, for operands of types `args`.
pub(super) fn kernel(number: u16, args: &[DType]) -> Option<(&'static Kernel, DType)> {
    let function = function(number)?;
    let fits = function.inputs.iter().copied().eq(args.iter().map(|&dtype| Some(dtype)));
    if fits { Some((function.kernel, function.output?)) } else { None }
}

/// Its identity.
pub(super) fn identity(number: u16) -> Option<Scalar> {
    function(number)?.identity?()
}

/// Whether it was declared associative.
pub(super) fn associative(number: u16) -> bool {
    function(number).is_some_and(|function| function.associative)
}
