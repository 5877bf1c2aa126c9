//! SLEEF's vector functions of 1 ulp, where its library is installed (`apt-get install libsleef3`): found at run time, so that
//! nothing here is built against it. The instruction set is AVX-512 or AVX2, as distob's own kernels choose.

use crate::floor::Team;
use std::ffi::CString;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Elements that a thread takes at a time.
const CHUNK: usize = 1 << 14;

/// An element type, and how SLEEF calls it.
pub trait Lane: Copy + Send + Sync {
    /// What stands in the names of its functions: the letter and, for each set, the lanes.
    const AVX512: &'static str;
    const AVX2: &'static str;
}

impl Lane for f64 {
    const AVX512: &'static str = "d8";
    const AVX2: &'static str = "d4";
}

impl Lane for f32 {
    const AVX512: &'static str = "f16";
    const AVX2: &'static str = "f8";
}

/// Types that it has no functions of: no symbol has such a name.
macro_rules! unknown {
    ($($t:ty)*) => {$(
        impl Lane for $t {
            const AVX512: &'static str = "-";
            const AVX2: &'static str = "-";
        }
    )*};
}
unknown!(i8 i16 i32);

/// One of its functions, or what is put together of two of them.
#[derive(Clone, Copy)]
pub struct Function {
    address: *const (),
    wide: bool,
    operands: Operands,
}

/// What a function takes.
#[derive(Clone, Copy)]
enum Operands {
    One,
    Two,
    /// The greater of two, plus `scale` times the function of the address held here of the function itself of minus their distance.
    Apart(*const (), f64),
}

// SAFETY: the address of code that stays loaded.
unsafe impl Send for Function {}
// SAFETY: as above.
unsafe impl Sync for Function {}

impl Function {
    /// SLEEF's `name` (such as `sin`) of one or two operands of `T`, if the library and the instructions are there.
    pub fn find<T: Lane>(name: &str, operands: usize) -> Option<Function> {
        #[cfg(target_arch = "x86_64")]
        {
            let wide = is_x86_feature_detected!("avx512f");
            if !(wide || is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")) {
                return None;
            }
            // The square root of a sum of squares is there with half an ulp alone.
            let precision = if name == "hypot" { "u05" } else { "u10" };
            let symbol = match wide {
                true => format!("Sleef_{name}{}_{precision}avx512f", T::AVX512),
                false => format!("Sleef_{name}{}_{precision}avx2", T::AVX2),
            };
            let symbol = CString::new(symbol).ok()?;
            // SAFETY: names that end with 0; the library stays open for good.
            let address = unsafe {
                let library = libc::dlopen(c"libsleef.so.3".as_ptr(), libc::RTLD_NOW);
                if library.is_null() {
                    return None;
                }
                libc::dlsym(library, symbol.as_ptr())
            };
            let operands = if operands == 1 { Operands::One } else { Operands::Two };
            (!address.is_null()).then_some(Function { address: address.cast_const().cast(), wide, operands })
        }
        #[cfg(not(target_arch = "x86_64"))]
        None
    }

    /// What its user writes for the logarithm of a sum of two exponentials, `log1p` of `exp` (such as `exp2`) of their
    /// distance: it has no function of its own.
    pub fn find_log_of_sum<T: Lane>(exp: &str, scale: f64) -> Option<Function> {
        let (exp, log) = (Self::find::<T>(exp, 1)?, Self::find::<T>("log1p", 1)?);
        Some(Function { operands: Operands::Apart(log.address, scale), ..exp })
    }

    /// `out = f(a, b)` with all threads of `team`; of one operand, `b` is not looked at. What does not fill a vector at the
    /// end is left out.
    pub fn run<T: Lane>(self, team: &Team, a: &[T], b: &[T], out: &mut [T]) {
        let n = out.len();
        assert!(a.len() == n && b.len() == n);
        struct Out<T>(*mut T);
        // SAFETY: threads write disjoint chunks.
        unsafe impl<T> Sync for Out<T> {}
        let (next, out) = (AtomicUsize::new(0), Out(out.as_mut_ptr()));
        let out = &out;
        team.run(&|_| {
            loop {
                let from = next.fetch_add(CHUNK, Ordering::Relaxed);
                if from >= n {
                    break;
                }
                let chunk = CHUNK.min(n - from);
                // SAFETY: the chunk is within all three, and no other thread writes it.
                unsafe { self.strip(a.as_ptr().add(from), b.as_ptr().add(from), out.0.add(from), chunk) };
            }
        });
    }

    /// # Safety
    ///
    /// All three are valid for `n` elements.
    #[cfg(target_arch = "x86_64")]
    unsafe fn strip<T: Lane>(self, a: *const T, b: *const T, out: *mut T, n: usize) {
        // SAFETY: the address was found under the name of a function of these vectors and so many operands, and the
        // processor has them.
        unsafe {
            match (size_of::<T>(), self.wide) {
                (8, true) => x86::doubles512(self.address, self.operands, a.cast(), b.cast(), out.cast(), n),
                (8, false) => x86::doubles256(self.address, self.operands, a.cast(), b.cast(), out.cast(), n),
                (_, true) => x86::floats512(self.address, self.operands, a.cast(), b.cast(), out.cast(), n),
                (_, false) => x86::floats256(self.address, self.operands, a.cast(), b.cast(), out.cast(), n),
            }
        }
    }

    /// # Safety
    ///
    /// None is called: there is no such function.
    #[cfg(not(target_arch = "x86_64"))]
    unsafe fn strip<T: Lane>(self, _: *const T, _: *const T, _: *mut T, _: usize) {
        unreachable!("no function of {} operands at {:?}, {}, was found", self.operands, self.address, self.wide)
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Operands;
    use std::arch::x86_64::*;
    use std::mem::transmute;

    macro_rules! strips {
        ($name:ident, $features:literal, $t:ty, $v:ty, $lanes:literal, $load:ident, $store:ident, $set:ident, $max:ident, $min:ident, $sub:ident, $fma:ident) => {
            /// # Safety
            ///
            /// As `strip`.
            #[target_feature(enable = $features)]
            pub unsafe fn $name(f: *const (), operands: Operands, a: *const $t, b: *const $t, out: *mut $t, n: usize) {
                let starts = (0..n / $lanes * $lanes).step_by($lanes);
                // SAFETY: whole vectors within `n` elements; the functions are of the types that their names say.
                unsafe {
                    match operands {
                        Operands::One => {
                            let f: unsafe extern "C" fn($v) -> $v = transmute(f);
                            starts.for_each(|i| $store(out.add(i), f($load(a.add(i)))));
                        }
                        Operands::Two => {
                            // SAFETY: as above, of two operands.
                            let f: unsafe extern "C" fn($v, $v) -> $v = transmute(f);
                            starts.for_each(|i| $store(out.add(i), f($load(a.add(i)), $load(b.add(i)))));
                        }
                        Operands::Apart(log, scale) => {
                            // SAFETY: as above, both of one operand.
                            let exp: unsafe extern "C" fn($v) -> $v = transmute(f);
                            let log: unsafe extern "C" fn($v) -> $v = transmute(log);
                            let scale = $set(scale as $t);
                            for i in starts {
                                let (x, y) = ($load(a.add(i)), $load(b.add(i)));
                                let m = $max(x, y);
                                $store(out.add(i), $fma(log(exp($sub($min(x, y), m))), scale, m));
                            }
                        }
                    }
                }
            }
        };
    }
    strips!(
        doubles512,
        "avx512f",
        f64,
        __m512d,
        8,
        _mm512_loadu_pd,
        _mm512_storeu_pd,
        _mm512_set1_pd,
        _mm512_max_pd,
        _mm512_min_pd,
        _mm512_sub_pd,
        _mm512_fmadd_pd
    );
    strips!(
        floats512,
        "avx512f",
        f32,
        __m512,
        16,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_set1_ps,
        _mm512_max_ps,
        _mm512_min_ps,
        _mm512_sub_ps,
        _mm512_fmadd_ps
    );
    strips!(
        doubles256,
        "avx2,fma",
        f64,
        __m256d,
        4,
        _mm256_loadu_pd,
        _mm256_storeu_pd,
        _mm256_set1_pd,
        _mm256_max_pd,
        _mm256_min_pd,
        _mm256_sub_pd,
        _mm256_fmadd_pd
    );
    strips!(
        floats256,
        "avx2,fma",
        f32,
        __m256,
        8,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_set1_ps,
        _mm256_max_ps,
        _mm256_min_ps,
        _mm256_sub_ps,
        _mm256_fmadd_ps
    );
}
