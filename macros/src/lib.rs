//! Procedural macros of distob: where a program begins, and structs as elements of arrays.

mod element;

use proc_macro::TokenStream;
use quote::quote;
use syn::{DeriveInput, ItemFn, parse_macro_input};

/// Implements [`Element`](trait@distob::Element) for a struct of elements, after checking what that trait asks for: see there.
#[proc_macro_derive(Element)]
pub fn element(item: TokenStream) -> TokenStream {
    let input = parse_macro_input!(item as DeriveInput);
    element::derive(input).unwrap_or_else(syn::Error::into_compile_error).into()
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
