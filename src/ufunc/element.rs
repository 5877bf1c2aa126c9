//! What an array may hold.

use super::{DType, Scalar};
use half::{bf16, f16};
use num_complex::Complex;

/// A type whose values may live in memory that several processes map: numbers, `bool`, complex numbers, arrays `[T; N]`
/// of elements, and structs of elements.
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
/// The type has no padding, no pointer and no interior mutability, and is aligned to 64 bytes at most; its layout is the
/// same in every process of one program. Where not every bit pattern is a valid value, `valid` says which bytes are.
/// `DTYPE`, where it is `Some`, names the type with exactly this layout.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no element of arrays: the trait `Element` is not implemented for it",
    label = "no `Element`",
    note = "numbers, `bool`, `Complex` and arrays `[T; N]` of elements are elements; so is a `Copy` struct of them with `#[derive(distob::Element)]` and `#[repr(C)]`"
)]
pub unsafe trait Element: Copy + Send + Sync + 'static {
    /// The type as programs know it; `None` for a user's own type, which closures compute with.
    const DTYPE: Option<DType>;

    /// Whether `bytes` (of `size_of::<Self>()`) are a valid value.
    fn valid(_bytes: &[u8]) -> bool {
        true
    }

    /// The value as a program's constant, where programs know the type.
    fn scalar(self) -> Option<Scalar> {
        let dtype = Self::DTYPE?;
        let mut bytes = [0u8; 16];
        // SAFETY: `Self` has no padding (contract of this trait), so all of its bytes are initialised, and
        // `dtype` names a type of exactly this size, at most 16 (the largest `DType::size`).
        let raw = unsafe { std::slice::from_raw_parts((&raw const self).cast::<u8>(), dtype.size()) };
        bytes[..raw.len()].copy_from_slice(raw);
        Some(Scalar { dtype, bytes })
    }
}

macro_rules! element {
    ($($t:ty => $d:ident),* $(,)?) => {$(
        const _: () = assert!(size_of::<$t>() == DType::$d.size());
        // SAFETY: a primitive number, or two of them (`Complex` is `#[repr(C)]`): no padding, no pointer, every bit
        // pattern valid; the size is asserted above.
        unsafe impl Element for $t {
            const DTYPE: Option<DType> = Some(DType::$d);
        }
    )*};
}

element! {
    i8 => I8, i16 => I16, i32 => I32, i64 => I64, isize => I64,
    u8 => U8, u16 => U16, u32 => U32, u64 => U64, usize => U64,
    f16 => F16, bf16 => BF16, f32 => F32, f64 => F64, Complex<f32> => C32, Complex<f64> => C64,
}

// SAFETY: one byte without padding; `valid` admits 0 and 1 alone.
unsafe impl Element for bool {
    const DTYPE: Option<DType> = Some(DType::Bool);

    fn valid(bytes: &[u8]) -> bool {
        matches!(bytes, [0 | 1])
    }
}

// SAFETY: an array has no padding between its elements, and each of them is an `Element`: nothing else is in it.
unsafe impl<T: Element, const N: usize> Element for [T; N] {
    const DTYPE: Option<DType> = None;

    fn valid(bytes: &[u8]) -> bool {
        bytes.len() == size_of::<Self>() && bytes.chunks_exact(size_of::<T>().max(1)).all(T::valid)
    }
}
