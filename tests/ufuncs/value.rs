//! Elements of the grid: read from the file, compared with what is right.

use half::{bf16, f16};
use ndarray::{ArrayD, IxDyn};
use num_complex::Complex;

use crate::records::Given;

/// How near a result must be.
#[derive(Clone, Copy, Debug)]
pub enum Near {
    /// The same number; of zeros either.
    Exact,
    /// So many units in the last place, of complex numbers of the greater part.
    Ulp(f64),
    /// So far away.
    Within(f64),
}

pub trait Value: distob::Element + PartialEq + std::fmt::Debug {
    const NAME: &'static str;
    fn read(bytes: &[u8]) -> Self;
    /// Real and imaginary part.
    fn parts(self) -> [f64; 2];
    /// Distance between numbers of about this magnitude; of integers 0.
    fn place(magnitude: f64) -> f64;
}

macro_rules! ints {
    ($($t:ty: $name:literal;)*) => {$(
        impl Value for $t {
            const NAME: &'static str = $name;
            fn read(bytes: &[u8]) -> Self { Self::from_le_bytes(bytes.try_into().expect("its size")) }
            fn parts(self) -> [f64; 2] { [(self >> 8) as f64, (self & 0xff) as f64] }
            fn place(_: f64) -> f64 { 0.0 }
        }
    )*};
}
macro_rules! bytes {
    ($($t:ty: $name:literal;)*) => {$(
        impl Value for $t {
            const NAME: &'static str = $name;
            fn read(bytes: &[u8]) -> Self { Self::from_le_bytes(bytes.try_into().expect("its size")) }
            fn parts(self) -> [f64; 2] { [self as f64, 0.0] }
            fn place(_: f64) -> f64 { 0.0 }
        }
    )*};
}
bytes! { i8: "i1"; u8: "u1"; }
ints! { i16: "i2"; i32: "i4"; i64: "i8"; u16: "u2"; u32: "u4"; u64: "u8"; }

impl Value for bool {
    const NAME: &'static str = "b1";
    fn read(bytes: &[u8]) -> Self {
        bytes[0] != 0
    }
    fn parts(self) -> [f64; 2] {
        [f64::from(u8::from(self)), 0.0]
    }
    fn place(_: f64) -> f64 {
        0.0
    }
}

/// The distance between floats of `bits` bits, the least of which is `2^least`, about a magnitude.
fn place(magnitude: f64, bits: i32, least: i32) -> f64 {
    if magnitude == 0.0 {
        return 2f64.powi(least);
    }
    let exponent = ((magnitude.to_bits() >> 52) as i32 - 1023).max(-1022);
    2f64.powi((exponent - bits + 1).max(least))
}

macro_rules! floats {
    ($($t:ty: $name:literal, $wide:expr, $read:expr, $bits:literal, $least:literal;)*) => {$(
        impl Value for $t {
            const NAME: &'static str = $name;
            fn read(bytes: &[u8]) -> Self { $read(bytes.try_into().expect("its size")) }
            fn parts(self) -> [f64; 2] { [$wide(self), 0.0] }
            fn place(magnitude: f64) -> f64 { place(magnitude, $bits, $least) }
        }
    )*};
}
floats! {
    f16: "f2", f16::to_f64, f16::from_le_bytes, 11, -24;
    bf16: "-", bf16::to_f64, bf16::from_le_bytes, 8, -133;
    f32: "f4", f64::from, f32::from_le_bytes, 24, -149;
    f64: "f8", |x| x, f64::from_le_bytes, 53, -1074;
}

impl Value for Complex<f32> {
    const NAME: &'static str = "c8";
    fn read(bytes: &[u8]) -> Self {
        Complex::new(f32::read(&bytes[..4]), f32::read(&bytes[4..]))
    }
    fn parts(self) -> [f64; 2] {
        [self.re.into(), self.im.into()]
    }
    fn place(magnitude: f64) -> f64 {
        f32::place(magnitude)
    }
}

impl Value for Complex<f64> {
    const NAME: &'static str = "c16";
    fn read(bytes: &[u8]) -> Self {
        Complex::new(f64::read(&bytes[..8]), f64::read(&bytes[8..]))
    }
    fn parts(self) -> [f64; 2] {
        [self.re, self.im]
    }
    fn place(magnitude: f64) -> f64 {
        f64::place(magnitude)
    }
}

/// The array, where it is of this type.
pub fn array<T: Value>(given: &Given) -> Option<ArrayD<T>> {
    if given.dtype != T::NAME {
        return None;
    }
    let size = given.dtype[1..].parse::<usize>().expect("a size");
    let elements = given.bytes.chunks_exact(size).map(T::read).collect();
    Some(ArrayD::from_shape_vec(IxDyn(&given.shape), elements).expect("as many as the shape has"))
}

/// Whether `got` is not near enough to `want`, which is right.
pub fn differs<T: Value>(got: T, want: T, near: Near) -> bool {
    if got == want {
        return false;
    }
    let (g, w) = (got.parts(), want.parts());
    let most = w.iter().filter(|x| x.is_finite()).fold(0.0f64, |most, x| most.max(x.abs()));
    // Beside a part that is NaN, C99 leaves the sign of an infinite one open.
    let unsigned = w.iter().any(|x| x.is_nan()) && w.iter().any(|x| x.is_infinite());
    (0..2).any(|i| {
        let (g, w) = (g[i], w[i]);
        if g.is_nan() || w.is_nan() {
            return g.is_nan() != w.is_nan();
        }
        if g == w || (unsigned && g == -w) {
            return false;
        }
        let room = match near {
            Near::Exact => return true,
            Near::Ulp(units) => units * T::place(most),
            Near::Within(room) => room + T::place(most),
        };
        // An infinity is near nothing but itself.
        let off = (g - w).abs();
        off.is_nan() || off > room
    })
}
