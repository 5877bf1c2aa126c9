//! `#[derive(Element)]`: an `unsafe impl` whose promises the compiler checks.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Fields, GenericParam, Meta, Result, Token, Type, parse_quote};

/// The alignment of blocks, and so the most that an element may have.
const MOST_ALIGNED: usize = 64;

pub(crate) fn derive(mut input: DeriveInput) -> Result<TokenStream> {
    let name = input.ident.clone();
    let fields = match &input.data {
        Data::Struct(data) => data.fields.clone(),
        Data::Enum(_) => {
            return Err(Error::new(
                name.span(),
                "an enum cannot be an `Element`: not all bytes are a value of it; store its number and convert",
            ));
        }
        Data::Union(_) => {
            return Err(Error::new(name.span(), "a union cannot be an `Element`: its bytes may be uninitialised"));
        }
    };
    let types: Vec<&Type> = fields.iter().map(|field| &field.ty).collect();
    let layout = Layout::of(&input)?;
    let generic = input.generics.params.iter().any(|param| !matches!(param, GenericParam::Lifetime(_)));
    let check = if generic {
        // Sizes are not known here, so there must be no room for padding whatever the parameters are.
        check_generic(&layout, &types, name.span())?;
        TokenStream::new()
    } else {
        check_sizes(&name, &types)
    };

    let parameters: Vec<_> = input.generics.type_params().map(|param| param.ident.clone()).collect();
    let bounds = &mut input.generics.make_where_clause().predicates;
    bounds.extend(parameters.iter().map(|t| -> syn::WherePredicate { parse_quote!(#t: ::distob::Element) }));
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    let valid = valid(&fields);
    Ok(quote! {
        #check

        // SAFETY: each field is an `Element` (`valid` calls it one), so none has a pointer, interior mutability or
        // padding of its own; there is none between them either, by `check` or, with parameters, by the shape of the
        // struct; the layout is that of `repr(C)` or of the one field. `DTYPE` claims nothing.
        #[automatically_derived]
        #[allow(unsafe_code)]
        unsafe impl #generics ::distob::ufunc::Value for #name #arguments #bounds {
            const DTYPE: ::core::option::Option<::distob::ufunc::DType> = ::core::option::Option::None;

            #valid
        }

        // SAFETY: aligned to 64 bytes at most, by `check` or since its fields are; the layout is that of `repr(C)` or of the one field.
        #[automatically_derived]
        #[allow(unsafe_code)]
        unsafe impl #generics ::distob::Element for #name #arguments #bounds {}
    })
}

/// What `#[repr(…)]` says.
enum Layout {
    Transparent,
    /// `C`, and nothing else.
    C,
    /// `C` with an alignment or packed.
    Modified,
}

impl Layout {
    fn of(input: &DeriveInput) -> Result<Layout> {
        let mut found = Vec::new();
        for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("repr")) {
            found.extend(attribute.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)?);
        }
        let has = |word: &str| found.iter().any(|meta| meta.path().is_ident(word));
        match (has("transparent"), has("C")) {
            (true, _) => Ok(Layout::Transparent),
            (_, true) if found.len() == 1 => Ok(Layout::C),
            (_, true) => Ok(Layout::Modified),
            _ => Err(Error::new(
                input.ident.span(),
                "an `Element` has a layout that is fixed: add `#[repr(C)]` or `#[repr(transparent)]`",
            )),
        }
    }
}

/// Whether a struct with parameters is without padding for all of them: it is one field, or several of one type.
fn check_generic(layout: &Layout, types: &[&Type], at: Span) -> Result<()> {
    let written: Vec<String> = types.iter().map(|ty| ty.to_token_stream().to_string()).collect();
    // A macro may stand for another type each time that it is called.
    let uniform = written.windows(2).all(|pair| pair[0] == pair[1]) && !written.iter().any(|ty| ty.contains('!'));
    match layout {
        Layout::Transparent => Ok(()),
        Layout::C if uniform => Ok(()),
        _ => Err(Error::new(
            at,
            "an `Element` with parameters must be `#[repr(transparent)]`, or `#[repr(C)]` with fields of one type: \
             else nobody can say whether it has padding",
        )),
    }
}

/// Assertions that fail while the struct is compiled: no padding, no alignment that a block does not have.
fn check_sizes(name: &syn::Ident, types: &[&Type]) -> TokenStream {
    let padded = format!(
        "`{name}` cannot be an `Element`: it has padding; put its fields in order of falling alignment, or fill the gaps with fields"
    );
    let aligned = format!("`{name}` cannot be an `Element`: it is aligned to more than {MOST_ALIGNED} bytes");
    let sum = if types.is_empty() { quote!(0) } else { quote!(#(::core::mem::size_of::<#types>())+*) };
    quote_spanned! {name.span()=>
        const _: () = {
            ::core::assert!(::core::mem::size_of::<#name>() == #sum, #padded);
            ::core::assert!(::core::mem::align_of::<#name>() <= #MOST_ALIGNED, #aligned);
        };
    }
}

/// `Element::valid`: whether the bytes of each field are valid.
fn valid(fields: &Fields) -> TokenStream {
    let (members, types): (Vec<_>, Vec<_>) = fields.members().zip(fields.iter().map(|field| &field.ty)).unzip();
    let values: Vec<_> = (0..members.len()).map(|nth| quote::format_ident!("field_{nth}")).collect();
    let each = members.iter().zip(&types).map(|(member, ty)| {
        // On the line of the field, where the compiler says of which type it is not an `Element`.
        quote_spanned! {ty.span()=>
            && element::<#ty>() && <#ty as ::distob::ufunc::Value>::valid(
                &bytes[::core::mem::offset_of!(Self, #member)..][..::core::mem::size_of::<#ty>()]
            )
        }
    });
    // What no field calls would be a warning in the program.
    let element = (!values.is_empty()).then(|| {
        quote! {
            fn element<T: ::distob::Element>() -> bool {
                true
            }
        }
    });
    quote! {
        fn valid(bytes: &[u8]) -> bool {
            #element
            // Does not compile where the struct has other fields than those that were checked: an attribute that comes
            // after the derive may have changed it.
            let _ = |value: Self| {
                let Self { #(#members: #values),* } = value;
                let _: (#(#types,)*) = (#(#values,)*);
            };
            bytes.len() == ::core::mem::size_of::<Self>() #(#each)*
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(input: DeriveInput) -> String {
        derive(input).unwrap_err().to_string()
    }

    #[test]
    fn what_no_check_of_sizes_could_save_is_refused_with_a_reason() {
        assert!(
            refusal(parse_quote!(
                enum E {
                    A,
                    B,
                }
            ))
            .contains("enum")
        );
        assert!(refusal(parse_quote!(#[repr(C)] union U { a: u8, b: f32 })).contains("union"));
        assert!(
            refusal(parse_quote!(
                struct S {
                    a: u8,
                }
            ))
            .contains("#[repr(C)]")
        );
        assert!(
            refusal(parse_quote!(
                #[repr(align(8))]
                struct S {
                    a: u64,
                }
            ))
            .contains("#[repr(C)]")
        );
        assert!(
            refusal(parse_quote!(
                #[repr(C)]
                struct S<T> {
                    a: T,
                    b: u8,
                }
            ))
            .contains("parameters")
        );
        assert!(
            refusal(parse_quote!(
                #[repr(C)]
                struct S<const N: usize> {
                    a: [u8; N],
                    b: u64,
                }
            ))
            .contains("parameters")
        );
        assert!(
            refusal(parse_quote!(
                #[repr(C, align(16))]
                struct S<T> {
                    a: T,
                    b: T,
                }
            ))
            .contains("parameters")
        );
        assert!(
            refusal(parse_quote!(
                #[repr(C)]
                struct S<T> {
                    a: m!(T),
                    b: m!(T),
                }
            ))
            .contains("parameters")
        );
    }

    #[test]
    fn what_is_sound_whatever_its_parameters_is_taken() {
        for input in [
            parse_quote!(
                #[repr(transparent)]
                struct S<T>(T);
            ),
            parse_quote!(
                #[repr(C)]
                struct S<T> {
                    a: T,
                    b: T,
                }
            ),
            parse_quote!(
                #[derive(Clone, Copy)]
                #[repr(C)]
                struct S<const N: usize>([f64; N]);
            ),
        ] {
            assert!(derive(input).is_ok());
        }
    }
}
