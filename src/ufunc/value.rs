//! What kernels know of a value's type.

use super::{DType, Scalar};
use half::{bf16, f16};
use num_complex::Complex;

/// A type of plain values: no padding, no pointers.
///
/// # Safety
///
/// The type has no padding, no pointer and no interior mutability. `DTYPE`, where it is `Some`, names the type with exactly this layout.
pub unsafe trait Value: Copy + Send + Sync + 'static {
    /// The type as programs know it; `None` for all others.
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

    /// The value of a constant of this type; `None` where it is of another, or no valid value.
    fn from_scalar(scalar: &Scalar) -> Option<Self> {
        let valid = Self::DTYPE == Some(scalar.dtype) && Self::valid(scalar.bytes.get(..size_of::<Self>())?);
        // SAFETY: `dtype` names this layout, of at most 16 bytes, and the bytes are a valid value.
        valid.then(|| unsafe { scalar.bytes.as_ptr().cast::<Self>().read_unaligned() })
    }
}

macro_rules! value {
    ($($t:ty => $d:ident),* $(,)?) => {$(
        const _: () = assert!(size_of::<$t>() == DType::$d.size());
        // SAFETY: a primitive number, or two of them (`Complex` is `#[repr(C)]`): no padding, no pointer, every bit
        // pattern valid; the size is asserted above.
        unsafe impl Value for $t {
            const DTYPE: Option<DType> = Some(DType::$d);
        }
    )*};
}

value! {
    i8 => I8, i16 => I16, i32 => I32, i64 => I64, isize => I64,
    u8 => U8, u16 => U16, u32 => U32, u64 => U64, usize => U64,
    f16 => F16, bf16 => BF16, f32 => F32, f64 => F64, Complex<f32> => C32, Complex<f64> => C64,
}

// SAFETY: one byte without padding; `valid` admits 0 and 1 alone.
unsafe impl Value for bool {
    const DTYPE: Option<DType> = Some(DType::Bool);

    fn valid(bytes: &[u8]) -> bool {
        matches!(bytes, [0 | 1])
    }
}

// SAFETY: an array has no padding between its elements, and each of them is a `Value`: nothing else is in it.
unsafe impl<T: Value, const N: usize> Value for [T; N] {
    const DTYPE: Option<DType> = None;

    fn valid(bytes: &[u8]) -> bool {
        bytes.len() == size_of::<Self>() && bytes.chunks_exact(size_of::<T>().max(1)).all(T::valid)
    }
}
