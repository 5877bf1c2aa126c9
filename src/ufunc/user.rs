//! Functions of a user's own, made by `#[distob::ufunc]`, as operations of programs.
//!
//! Each is a static of the program, registered before `main`; an operation names it by its place in the list of all of them, in
//! the order of their names and places in the source. Every process runs the same program, so the lists are the same.

use super::kernel::{Body, Kernel};
use super::{DType, Op, Scalar, Value};
use std::marker::PhantomData;
use std::sync::OnceLock;

/// A function of one or two operands (of one, the second is `()`), as `#[distob::ufunc]` implements it for the struct of its name.
///
/// Types, identity and kernel of an operation come from this trait alone, so that no two of them can disagree.
pub trait UserFunction: Sized + 'static {
    /// First operand.
    type A: Value;
    /// Second operand, or `()`.
    type B: Copy + 'static;
    /// Result.
    type R: Value;

    /// The path of the function.
    const NAME: &'static str;
    /// File, line and column, which tell apart functions of one name inside of functions.
    const PLACE: (&'static str, u32, u32);
    /// What a reduction of nothing is, where there is such a value.
    const IDENTITY: Option<fn() -> Self::R> = None;
    /// Whether it may be reduced in groups.
    const ASSOCIATIVE: bool = false;

    /// The function itself, always inlined.
    fn apply(a: Self::A, b: Self::B) -> Self::R;

    /// What the program knows of it.
    fn registered() -> &'static Registered<Self>;
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

/// What programs know of a function of any type.
#[derive(Debug)]
struct Function {
    name: &'static str,
    place: (&'static str, u32, u32),
    inputs: &'static [Option<DType>],
    output: Option<DType>,
    kernel: &'static Kernel,
    identity: fn() -> Option<Scalar>,
    associative: bool,
    number: OnceLock<u16>,
}

/// What programs know of the function `F`: a static beside it.
#[derive(Debug)]
pub struct Registered<F> {
    function: Function,
    of: PhantomData<fn() -> F>,
}

/// A function in the list of all: submitted to `inventory` beside it.
#[derive(Debug)]
pub struct Entry(&'static Function);

inventory::collect!(Entry);

trait Kernels {
    const KERNEL: &'static Kernel;
}

impl<F: UserFunction> Kernels for F {
    const KERNEL: &'static Kernel = &Kernel::of::<Lanes<F>, 16>();
}

/// The types of operands.
struct Types<A, B>(PhantomData<(A, B)>);

impl<A: Value> Types<A, ()> {
    const OF_ONE: &'static [Option<DType>] = &[A::DTYPE];
}

impl<A: Value, B: Value> Types<A, B> {
    const OF_TWO: &'static [Option<DType>] = &[A::DTYPE, B::DTYPE];
}

impl<F: UserFunction<B = ()>> Registered<F> {
    /// Of a function of one operand.
    ///
    /// # Panics
    /// Where programs do not know the type of the operand or of the result: for a static, when it is compiled.
    pub const fn unary() -> Registered<F> {
        Registered::new(Types::<F::A, ()>::OF_ONE)
    }
}

impl<F: UserFunction<B: Value>> Registered<F> {
    /// Of a function of two operands.
    ///
    /// # Panics
    /// Where programs do not know the types of the operands or of the result: for a static, when it is compiled.
    pub const fn binary() -> Registered<F> {
        Registered::new(Types::<F::A, F::B>::OF_TWO)
    }
}

impl<F: UserFunction> Registered<F> {
    const fn new(inputs: &'static [Option<DType>]) -> Registered<F> {
        let mut at = 0;
        while at < inputs.len() {
            assert!(inputs[at].is_some(), "programs do not know the type of an operand: use `mapv` or `zip_with`");
            at += 1;
        }
        assert!(F::R::DTYPE.is_some(), "programs do not know the type of the result: use `mapv` or `zip_with`");
        if F::ASSOCIATIVE || F::IDENTITY.is_some() {
            let of_one_type = inputs.len() == 2 && same(inputs[0], F::R::DTYPE) && same(inputs[1], F::R::DTYPE);
            assert!(
                of_one_type,
                "only a function of two operands and a result of one type can be associative, or have an identity"
            );
            assert!(F::IDENTITY.is_some(), "an associative function needs its identity, which groups begin with");
        }
        let function = Function {
            name: F::NAME,
            place: F::PLACE,
            inputs,
            output: F::R::DTYPE,
            kernel: F::KERNEL,
            identity: || (F::IDENTITY?)().scalar(),
            associative: F::ASSOCIATIVE,
            number: OnceLock::new(),
        };
        Registered { function, of: PhantomData }
    }

    /// The entry in the list of all functions.
    pub const fn entry(&'static self) -> Entry {
        Entry(&self.function)
    }

    /// The operation that computes it.
    ///
    /// # Panics
    /// Where it is not in the list of all functions, or there are more than 65,536.
    pub fn op(&'static self) -> Op {
        Op::User(*self.function.number.get_or_init(|| {
            let at = all().iter().position(|other| std::ptr::eq(*other, &self.function));
            let at = at.expect("the attribute registers what it makes");
            u16::try_from(at).expect("65,536 functions at most")
        }))
    }
}

/// Whether two types are one.
const fn same(a: Option<DType>, b: Option<DType>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a as u8 == b as u8,
        _ => false,
    }
}

/// Every function, in an order that all processes of the program share.
fn all() -> &'static [&'static Function] {
    static ALL: OnceLock<Vec<&'static Function>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all: Vec<&Function> = inventory::iter::<Entry>.into_iter().map(|entry| entry.0).collect();
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
    (function(number)?.identity)()
}

/// Whether it was declared associative.
pub(super) fn associative(number: u16) -> bool {
    function(number).is_some_and(|function| function.associative)
}
