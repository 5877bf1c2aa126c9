//! `#[ufunc]`: a function becomes a unit struct of its name, registered under its path.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Error, Expr, FnArg, Ident, ItemFn, Result, ReturnType, Token, Type};

/// What stands in the attribute.
#[derive(Default)]
struct Arguments {
    associative: bool,
    identity: Option<Expr>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut arguments = Arguments::default();
        while !input.is_empty() {
            let name: Ident = input.parse()?;
            match name.to_string().as_str() {
                "associative" => arguments.associative = true,
                "identity" => {
                    input.parse::<Token![=]>()?;
                    arguments.identity = Some(input.parse()?);
                }
                _ => return Err(Error::new(name.span(), "there are `associative` and `identity = value`")),
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(arguments)
    }
}

pub(crate) fn expand(arguments: TokenStream, function: ItemFn) -> Result<TokenStream> {
    let Arguments { associative, identity } = syn::parse2(arguments)?;
    let signature = &function.sig;
    let refused = [
        (signature.asyncness.is_some(), "a universal function cannot be async"),
        (signature.unsafety.is_some(), "a universal function cannot be unsafe"),
        (
            !signature.generics.params.is_empty(),
            "a universal function has no parameters of types: write one for each type",
        ),
        (!(1..=2).contains(&signature.inputs.len()), "a universal function takes one or two operands"),
    ];
    if let Some((_, why)) = refused.iter().find(|(wrong, _)| *wrong) {
        return Err(Error::new(signature.span(), why));
    }
    let mut types: Vec<&Type> = Vec::new();
    for input in &signature.inputs {
        match input {
            FnArg::Typed(input) => types.push(&input.ty),
            FnArg::Receiver(receiver) => return Err(Error::new(receiver.span(), "a universal function is no method")),
        }
    }
    let ReturnType::Type(_, result) = &signature.output else {
        return Err(Error::new(signature.span(), "a universal function has a result"));
    };
    let text = |ty: &Type| ty.to_token_stream().to_string();
    let same = types.iter().all(|ty| text(ty) == text(result));
    if (associative || identity.is_some()) && (types.len() != 2 || !same) {
        return Err(Error::new(
            signature.span(),
            "only a function of two operands and a result of one type can be associative, or have an identity",
        ));
    }
    if associative && identity.is_none() {
        return Err(Error::new(
            signature.span(),
            "an associative function needs its identity, which groups begin with: `identity = value`",
        ));
    }

    let (name, visibility, attributes) = (&signature.ident, &function.vis, &function.attrs);
    let (inputs, block) = (&signature.inputs, &function.block);
    let second = types.get(1).map_or_else(|| quote!(()), |ty| quote!(#ty));
    let (first, text) = (types[0], name.to_string());
    let call = if types.len() == 2 { quote!(function(a, b)) } else { quote!(function(a)) };
    let make = if types.len() == 2 { quote!(binary) } else { quote!(unary) };
    let identity = identity
        .map_or_else(|| quote!(::core::option::Option::None), |value| quote!(::core::option::Option::Some(|| #value)));
    Ok(quote! {
        #(#attributes)*
        #[allow(non_camel_case_types)]
        #[derive(Clone, Copy, Debug, Default)]
        #visibility struct #name;

        const _: () = {
            use ::distob::ufunc::user;

            #[inline(always)]
            fn function(#inputs) -> #result #block

            impl user::UserFunction for #name {
                type A = #first;
                type B = #second;
                type R = #result;

                const NAME: &'static str = concat!(module_path!(), "::", #text);
                const PLACE: (&'static str, u32, u32) = (file!(), line!(), column!());
                const IDENTITY: ::core::option::Option<fn() -> #result> = #identity;
                const ASSOCIATIVE: bool = #associative;

                #[inline(always)]
                #[allow(unused_variables, reason = "a function of one number has no second")]
                fn apply(a: #first, b: #second) -> #result {
                    #call
                }

                fn registered() -> &'static user::Registered<Self> {
                    &FUNCTION
                }
            }

            static FUNCTION: user::Registered<#name> = user::Registered::#make();
            user::submit! { FUNCTION.entry() }

            impl ::core::ops::Deref for #name {
                type Target = fn(#(#types),*) -> #result;

                fn deref(&self) -> &Self::Target {
                    const FUNCTION: &fn(#(#types),*) -> #result = &(function as fn(#(#types),*) -> #result);
                    FUNCTION
                }
            }
        };
    })
}
