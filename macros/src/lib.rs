//! Procedural macros of distob: where a program begins, and structs as elements of arrays.

mod element;
mod ufunc;

use proc_macro::TokenStream;
use quote::quote;
use syn::{DeriveInput, ItemFn, parse_macro_input};

/// Implements [`Element`](trait@distob::Element) for a struct of elements, after checking what that trait asks for: see there.
#[proc_macro_derive(Element)]
pub fn element(item: TokenStream) -> TokenStream {
    let input = parse_macro_input!(item as DeriveInput);
    element::derive(input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a universal function of a function of one or two numbers: a value of the function's name, with `call`, `reduce`,
/// `accumulate`, `reduceat`, `outer` and `at` like the functions of [`distob::ufunc`](mod@distob::ufunc), that can still be called.
///
/// Operands and result are of types that programs know: numbers, complex numbers, `bool`. The function is part of fused passes,
/// compiled for each instruction set, and vectorised where the compiler can; engine processes know it too. What it does is
/// yours: that it gives the same bits everywhere, and that it does not panic (a panic is
/// [`Error::Panicked`](enum@distob::Error), or goes on to who reads the value where the array is small).
///
/// A reduction goes through the elements in order, one after the other: that costs parallelism along the reduced axis, since each
/// step waits for the one before (some 10 ns each); cells beside each other go on together. What is declared associative is
/// reduced in groups, whose lengths follow from the shape alone and which keep the order of the operands, by all threads and in
/// vectors, and along several axes at once; its identity is what a reduction of nothing is. `accumulate` goes in order in any case.
///
/// ```
/// use distob::prelude::*;
///
/// #[distob::ufunc]
/// fn soft_threshold(x: f64, t: f64) -> f64 {
///     (x.abs() - t).max(0.0).copysign(x)
/// }
///
/// /// Addition as resistors in parallel have it.
/// #[distob::ufunc(associative, identity = f64::INFINITY)]
/// fn parallel(x: f64, y: f64) -> f64 {
///     1.0 / (1.0 / x + 1.0 / y)
/// }
///
/// let a = DistArray::from_vec(vec![3.0, -0.5, -2.0]);
/// assert_eq!(soft_threshold.call(&a, 1.0), array![2.0, 0.0, -1.0]);
/// assert_eq!(soft_threshold(3.0, 1.0), 2.0);
/// assert_eq!(parallel.outer(&array![1.0, 2.0], &array![1.0, 2.0])[[1, 1]], 1.0);
/// ```
#[proc_macro_attribute]
pub fn ufunc(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as ItemFn);
    ufunc::expand(arguments.into(), function).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Puts [`distob::init()`](fn@distob::init) at the beginning of `main`: engine processes of this program end there.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    begin(arguments, item, false)
}

/// A test in which engine processes work: `#[test]`, with [`distob::init()`](fn@distob::init) at its beginning.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    begin(arguments, item, true)
}

fn begin(arguments: TokenStream, item: TokenStream, is_test: bool) -> TokenStream {
    if !arguments.is_empty() {
        return quote!(compile_error!("this attribute takes no arguments");).into();
    }
    let mut function = parse_macro_input!(item as ItemFn);
    if let Some(asyncness) = function.sig.asyncness {
        return syn::Error::new_spanned(asyncness, "an async function cannot be where a program begins")
            .to_compile_error()
            .into();
    }
    function.block.stmts.insert(0, syn::parse_quote!(::distob::init();));
    let test = is_test.then(|| quote!(#[::core::prelude::v1::test]));
    quote!(#test #function).into()
}
