//! What an array may hold.

use half::{bf16, f16};
use kernels::Value;
use num_complex::Complex;

/// A type whose values may live in memory that several processes map: numbers, `bool`, complex numbers, arrays `[T; N]`
/// of elements, and structs of elements.
///
/// A value means the same in every process of the program, which reads it as it is: it is no index, handle or proof of what holds in
/// one process alone.
///
/// # A struct as an element
///
/// `#[derive(Element)]` implements the trait and checks, when the struct is compiled, what the trait asks for:
///
/// - it is a struct with `#[repr(C)]` or `#[repr(transparent)]`, and it is `Copy`;
/// - each of its fields is an `Element`: no pointers, no references, no `char` or enum;
/// - it has no padding: its fields take all of its bytes, and it is aligned to 64 bytes at most;
/// - one with type parameters is `#[repr(transparent)]`, or all its fields are of one type.
///
/// ```
/// use distob::prelude::*;
///
/// #[derive(Clone, Copy, PartialEq, Debug, Element)]
/// #[repr(C)]
/// struct Station {
///     position: [f64; 2],
///     height: f32,
///     number: u32,
/// }
///
/// let a = DistArray::from_shape_fn(4, |i| Station { position: [i as f64, 0.5], height: 10.0, number: i as u32 });
/// let raised = a.mapv(|s| Station { height: s.height + 1.5, ..s });
/// assert_eq!(raised[3], Station { position: [3.0, 0.5], height: 11.5, number: 3 });
/// assert_eq!(raised.mapv(|s| s.position[0]).sum(), 6.0);
/// ```
///
/// Closures compute with such elements ([`mapv`](crate::DistArray::mapv), [`zip_with`](crate::DistArray::zip_with)), and
/// operators do where the struct has them; both run at once. Programs do not know them: there are no elementary functions,
/// comparisons or files of them.
///
/// What is refused:
///
/// ```compile_fail
/// # use distob::Element;
/// #[derive(Clone, Copy, Element)]
/// #[repr(C)]
/// struct Padded { a: u8, b: f64 } // seven bytes of padding
/// ```
/// ```compile_fail
/// # use distob::Element;
/// #[derive(Clone, Copy, Element)]
/// #[repr(C)]
/// struct Pointing { name: &'static str } // `&str` is no `Element`
/// ```
/// ```compile_fail
/// # use distob::Element;
/// #[derive(Clone, Copy, Element)]
/// #[repr(C, align(128))]
/// struct FarApart { a: [u64; 16] } // no block is aligned to 128 bytes
/// ```
/// ```compile_fail
/// # use distob::Element;
/// #[derive(Clone, Copy, Element)]
/// struct AnyLayout { a: f64 } // no `repr`
/// ```
/// ```compile_fail
/// # use distob::Element;
/// #[derive(Clone, Element)]
/// #[repr(C)]
/// struct Moved { a: f64 } // not `Copy`
/// ```
/// ```compile_fail
/// # use distob::Element;
/// #[derive(Clone, Copy, Element)]
/// #[repr(u8)]
/// enum Kind { Sea, Land }
/// ```
/// ```compile_fail
/// # use distob::Element;
/// #[derive(Clone, Copy, Element)]
/// #[repr(C)]
/// struct Tagged<T> { value: T, tag: u8 } // padding that depends on `T`
/// ```
///
/// # Safety
///
/// The type is aligned to 64 bytes at most, and its layout is the same in every process of one program (see also [`Value`], which
/// `#[derive(Element)]` implements too).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no element of arrays: the trait `Element` is not implemented for it",
    label = "no `Element`",
    note = "numbers, `bool`, `Complex` and arrays `[T; N]` of elements are elements; so is a `Copy` struct of them with `#[derive(distob::Element)]` and `#[repr(C)]`"
)]
pub unsafe trait Element: Value {}

macro_rules! element {
    ($($t:ty),* $(,)?) => {$(
        // SAFETY: a primitive number, or two of them: aligned to 16 bytes at most, and of one layout everywhere.
        unsafe impl Element for $t {}
    )*};
}

element! {
    i8, i16, i32, i64, isize, u8, u16, u32, u64, usize, f16, bf16, f32, f64, bool, Complex<f32>, Complex<f64>,
}

// SAFETY: aligned as its elements are, each of which is an `Element`.
unsafe impl<T: Element, const N: usize> Element for [T; N] {}
