//! The element types that programs know, and a scalar of one of them.

/// An element type that programs compute with.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(u8)]
pub enum DType {
    /// `bool`, one byte, 0 or 1.
    Bool,
    /// `i8`.
    I8,
    /// `i16`.
    I16,
    /// `i32`.
    I32,
    /// `i64` (and `isize`).
    I64,
    /// `u8`.
    U8,
    /// `u16`.
    U16,
    /// `u32`.
    U32,
    /// `u64` (and `usize`).
    U64,
    /// `half::f16`: IEEE's binary16.
    F16,
    /// `half::bf16`: the upper half of an `f32`.
    BF16,
    /// `f32`.
    F32,
    /// `f64`.
    F64,
    /// `Complex<f32>`.
    C32,
    /// `Complex<f64>`.
    C64,
}

impl DType {
    /// Every type, in the order of the enumeration.
    pub const ALL: [DType; 15] = [
        DType::Bool,
        DType::I8,
        DType::I16,
        DType::I32,
        DType::I64,
        DType::U8,
        DType::U16,
        DType::U32,
        DType::U64,
        DType::F16,
        DType::BF16,
        DType::F32,
        DType::F64,
        DType::C32,
        DType::C64,
    ];

    /// Whether it is a float of 16 bits, which programs compute with as `f32`.
    pub const fn is_half(self) -> bool {
        matches!(self, DType::F16 | DType::BF16)
    }

    /// Whether it is an integer; `bool` is none.
    pub const fn is_integer(self) -> bool {
        matches!(
            self,
            DType::I8 | DType::I16 | DType::I32 | DType::I64 | DType::U8 | DType::U16 | DType::U32 | DType::U64
        )
    }

    /// Whether it is a complex number.
    pub const fn is_complex(self) -> bool {
        matches!(self, DType::C32 | DType::C64)
    }

    /// Bytes of one element.
    pub const fn size(self) -> usize {
        match self {
            DType::Bool | DType::I8 | DType::U8 => 1,
            DType::I16 | DType::U16 | DType::F16 | DType::BF16 => 2,
            DType::I32 | DType::U32 | DType::F32 => 4,
            DType::I64 | DType::U64 | DType::F64 | DType::C32 => 8,
            DType::C64 => 16,
        }
    }

    /// The name as Rust writes it: `f64`, `bool`, `Complex<f32>`.
    pub const fn name(self) -> &'static str {
        match self {
            DType::Bool => "bool",
            DType::I8 => "i8",
            DType::I16 => "i16",
            DType::I32 => "i32",
            DType::I64 => "i64",
            DType::U8 => "u8",
            DType::U16 => "u16",
            DType::U32 => "u32",
            DType::U64 => "u64",
            DType::F16 => "f16",
            DType::BF16 => "bf16",
            DType::F32 => "f32",
            DType::F64 => "f64",
            DType::C32 => "Complex<f32>",
            DType::C64 => "Complex<f64>",
        }
    }
}

/// One value of a [`DType`], as its native-endian bytes (the first `dtype.size()` of them).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Scalar {
    /// The type.
    pub dtype: DType,
    /// The bytes; those after `dtype.size()` are 0.
    pub bytes: [u8; 16],
}

impl Scalar {
    /// The value as Rust writes it.
    pub fn text(&self) -> String {
        /// The value of type `T` whose bytes these are.
        macro_rules! number {
            ($t:ty) => {
                format!(
                    "{:?}",
                    <$t>::from_ne_bytes(self.bytes[..size_of::<$t>()].try_into().expect("as many bytes as it has"))
                )
            };
        }
        /// Two numbers of type `T`.
        macro_rules! complex {
            ($t:ty) => {{
                let (re, im) = self.bytes.split_at(size_of::<$t>());
                let part = |bytes: &[u8]| {
                    <$t>::from_ne_bytes(bytes[..size_of::<$t>()].try_into().expect("as many bytes as it has"))
                };
                format!("{:?}{:+?}i", part(re), part(im))
            }};
        }
        match self.dtype {
            DType::Bool => (self.bytes[0] != 0).to_string(),
            DType::I8 => number!(i8),
            DType::I16 => number!(i16),
            DType::I32 => number!(i32),
            DType::I64 => number!(i64),
            DType::U8 => number!(u8),
            DType::U16 => number!(u16),
            DType::U32 => number!(u32),
            DType::U64 => number!(u64),
            DType::F16 => number!(half::f16),
            DType::BF16 => number!(half::bf16),
            DType::F32 => number!(f32),
            DType::F64 => number!(f64),
            DType::C32 => complex!(f32),
            DType::C64 => complex!(f64),
        }
    }
}
