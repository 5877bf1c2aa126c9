//! What an array may hold.

use super::{DType, Scalar};
use num_complex::Complex;

/// A type whose values may live in memory that several processes map.
///
/// # Safety
///
/// The type has no padding, no pointer and no interior mutability; its layout is the same in every process of one
/// program. Where not every bit pattern is a valid value, `valid` says which bytes are.
/// `DTYPE`, where it is `Some`, names the type with exactly this layout.
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
    f32 => F32, f64 => F64, Complex<f32> => C32, Complex<f64> => C64,
}

// SAFETY: one byte without padding; `valid` admits 0 and 1 alone.
unsafe impl Element for bool {
    const DTYPE: Option<DType> = Some(DType::Bool);

    fn valid(bytes: &[u8]) -> bool {
        matches!(bytes, [0 | 1])
    }
}
