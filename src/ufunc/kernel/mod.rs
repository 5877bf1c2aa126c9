//! A kernel: one operation over a strip of elements, compiled for each instruction set from one branch-free lane function.
//!
//! A [`Body`] says what one lane does. The driver runs it over groups of `L` lanes, which the compiler turns into vector
//! instructions, and stores plainly or past the caches. An operand varies along the strip or is one group (a splat)
//! read again and again, so that scalars need no kernels of their own.

pub(super) mod arith;
mod bits;
mod compare;
mod complex;
pub(super) mod convert;
pub mod elementary;
mod functions;
mod fused;
mod table;

pub(super) use fused::fused;
pub(super) use table::{copy, resolve};

use super::simd::Isa;
use super::stream::{self, Line};
use std::mem::MaybeUninit;

/// Lanes of the widest group, and so of a splat.
pub(super) const SPLAT: usize = 64;

/// Where an operand of a kernel is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arg {
    /// Its first element, aligned for its type.
    pub ptr: *const u8,
    /// Whether it has an element for each lane of the strip; otherwise it is a splat: [`SPLAT`] times the same value.
    pub varies: bool,
}

impl Arg {
    /// The operand that a kernel of fewer operands does not look at.
    pub const NONE: Arg = Arg { ptr: std::ptr::dangling::<u128>().cast(), varies: false };
}

/// A kernel for one instruction set: `out[i] = f(args[0][i], args[1][i], args[2][i])` for `i < n`.
pub(super) type KernelFn = unsafe fn(out: *mut u8, args: &[Arg; 3], n: usize);

/// A kernel for every instruction set, with plain stores and with stores past the caches.
#[derive(Debug)]
pub(super) struct Kernel {
    plain: [KernelFn; 3],
    stream: [KernelFn; 3],
}

impl Kernel {
    /// The kernels of a body, in groups of `L` lanes (at most [`SPLAT`]).
    pub const fn of<F: Body, const L: usize>() -> Kernel {
        assert!(L <= SPLAT && size_of::<F::R>() * L % 16 == 0);
        #[cfg(target_arch = "x86_64")]
        return Kernel {
            plain: [baseline::<F, L, false>, avx2::<F, L, false>, avx512::<F, L, false>],
            stream: [baseline::<F, L, true>, avx2::<F, L, true>, avx512::<F, L, true>],
        };
        #[cfg(not(target_arch = "x86_64"))]
        Kernel { plain: [baseline::<F, L, false>; 3], stream: [baseline::<F, L, true>; 3] }
    }

    /// The kernel for `isa`.
    pub fn get(&self, isa: Isa, stream: bool) -> KernelFn {
        if stream { self.stream[isa as usize] } else { self.plain[isa as usize] }
    }
}

/// What a kernel does with the operands of one lane. Operands that it does not have are `()`.
pub(super) trait Body {
    type A: Copy;
    type B: Copy;
    type C: Copy;
    type R: Copy;

    /// Whether a last, partial group is computed as a whole one on padded copies, because `group` is more than its lanes.
    const WHOLE: bool = false;

    /// One lane; `#[inline(always)]` and without branches wherever that can be.
    fn lane(a: Self::A, b: Self::B, c: Self::C) -> Self::R;

    /// `L` lanes.
    #[inline(always)]
    fn group<const L: usize>(
        a: &[Self::A; L],
        b: &[Self::B; L],
        c: &[Self::C; L],
        out: &mut [MaybeUninit<Self::R>; L],
    ) {
        for i in 0..L {
            out[i].write(Self::lane(a[i], b[i], c[i]));
        }
    }
}

/// The operands of a strip, as far as it has been worked off.
struct Cursor<F: Body> {
    a: *const F::A,
    b: *const F::B,
    c: *const F::C,
    out: *mut F::R,
    varies: [bool; 3],
}

impl<F: Body> Cursor<F> {
    #[inline(always)]
    fn new(out: *mut u8, args: &[Arg; 3]) -> Self {
        let [a, b, c] = *args;
        Cursor {
            a: a.ptr.cast(),
            b: b.ptr.cast(),
            c: c.ptr.cast(),
            out: out.cast(),
            varies: [a.varies, b.varies, c.varies],
        }
    }

    /// # Safety
    ///
    /// `n` lanes are left.
    #[inline(always)]
    unsafe fn advance(&mut self, n: usize) {
        let step = |varies: bool| if varies { n } else { 0 };
        // SAFETY: `n` lanes are left (contract), so that each operand that varies has as many elements from here on.
        unsafe {
            self.a = self.a.add(step(self.varies[0]));
            self.b = self.b.add(step(self.varies[1]));
            self.c = self.c.add(step(self.varies[2]));
            self.out = self.out.add(n);
        }
    }

    /// # Safety
    ///
    /// `L` lanes are left, and `out` is valid for `L` writes.
    #[inline(always)]
    unsafe fn group<const L: usize>(&self, out: *mut F::R) {
        // SAFETY: each operand has `L` elements from here on, since `L` lanes are left or it is a splat of `SPLAT >= L`; they
        // are aligned and initialised (contract of `KernelFn`), and `out`, which overlaps none of them, is valid for `L`.
        unsafe { F::group::<L>(&*self.a.cast(), &*self.b.cast(), &*self.c.cast(), &mut *out.cast()) }
    }

    /// # Safety
    ///
    /// `n` lanes are left, `n <= L`.
    #[inline(always)]
    unsafe fn part<const L: usize>(&mut self, n: usize) {
        if n == 0 {
            return;
        }
        // SAFETY: `n` lanes are left, so each operand has at least `n <= L` elements here (a splat has `SPLAT >= L`), and
        // `out` takes `n`; the padded copies have `L`.
        unsafe {
            if F::WHOLE {
                let (mut a, mut b, mut c) = ([*self.a; L], [*self.b; L], [*self.c; L]);
                let mut out = [MaybeUninit::uninit(); L];
                for i in 0..n {
                    a[i] = *self.a.add(i);
                    b[i] = *self.b.add(i);
                    c[i] = *self.c.add(i);
                }
                F::group::<L>(&a, &b, &c, &mut out);
                for (i, value) in out[..n].iter().enumerate() {
                    *self.out.add(i) = value.assume_init();
                }
            } else {
                for i in 0..n {
                    *self.out.add(i) = F::lane(*self.a.add(i), *self.b.add(i), *self.c.add(i));
                }
            }
            self.advance(n);
        }
    }
}

/// # Safety
///
/// Each argument has `n` elements of its type, or is a splat; `out` takes `n` and overlaps none; the processor has `ISA`.
#[inline(always)]
unsafe fn drive<F: Body, const L: usize, const ISA: u8, const STREAM: bool>(out: *mut u8, args: &[Arg; 3], n: usize) {
    let mut cursor = Cursor::<F>::new(out, args);
    let mut left = n;
    // SAFETY: every step is of at most as many lanes as are left. A streamed group begins on a 64-byte border: the first
    // part ends on one (`out` is aligned to its type, whose size divides 64), and a group is a multiple of 64 bytes or, being
    // a power of two below, divides it.
    unsafe {
        if STREAM {
            let beyond = out as usize % 64;
            if beyond != 0 {
                let mut head = ((64 - beyond) / size_of::<F::R>()).min(left);
                left -= head;
                while head > 0 {
                    cursor.part::<L>(head.min(L));
                    head -= head.min(L);
                }
            }
            while left >= L {
                let mut line = Line(MaybeUninit::<[F::R; L]>::uninit());
                cursor.group::<L>(line.0.as_mut_ptr().cast());
                stream::store::<ISA>(cursor.out.cast(), line.0.as_ptr().cast(), L * size_of::<F::R>());
                cursor.advance(L);
                left -= L;
            }
        } else {
            while left >= L {
                cursor.group::<L>(cursor.out);
                cursor.advance(L);
                left -= L;
            }
        }
        cursor.part::<L>(left);
    }
}

/// # Safety
///
/// As [`drive`].
unsafe fn baseline<F: Body, const L: usize, const STREAM: bool>(out: *mut u8, args: &[Arg; 3], n: usize) {
    // SAFETY: the caller's promise is the one asked for.
    unsafe { drive::<F, L, 0, STREAM>(out, args, n) }
}

/// # Safety
///
/// As [`drive`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<F: Body, const L: usize, const STREAM: bool>(out: *mut u8, args: &[Arg; 3], n: usize) {
    // SAFETY: the caller's promise is the one asked for.
    unsafe { drive::<F, L, 1, STREAM>(out, args, n) }
}

/// # Safety
///
/// As [`drive`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,fma")]
unsafe fn avx512<F: Body, const L: usize, const STREAM: bool>(out: *mut u8, args: &[Arg; 3], n: usize) {
    // SAFETY: the caller's promise is the one asked for.
    unsafe { drive::<F, L, 2, STREAM>(out, args, n) }
}

/// A body of one, two or three operands, for one or any types: `body!(Name<T: Bound>(a: T, b: T) -> T = expression)`.
macro_rules! body {
    ($(#[$m:meta])* $name:ident<$($g:ident: $bound:path),*>($a:ident: $A:ty) -> $R:ty = $e:expr) => {
        body!($(#[$m])* $name<$($g: $bound),*>($a: $A, _b: (), _c: ()) -> $R = $e);
    };
    ($(#[$m:meta])* $name:ident<$($g:ident: $bound:path),*>($a:ident: $A:ty, $b:ident: $B:ty) -> $R:ty = $e:expr) => {
        body!($(#[$m])* $name<$($g: $bound),*>($a: $A, $b: $B, _c: ()) -> $R = $e);
    };
    ($(#[$m:meta])* $name:ident<$($g:ident: $bound:path),*>
     ($a:ident: $A:ty, $b:ident: $B:ty, $c:ident: $C:ty) -> $R:ty = $e:expr) => {
        $(#[$m])*
        pub(in crate::ufunc) struct $name<$($g),*>(std::marker::PhantomData<($($g,)*)>);
        impl<$($g: $bound),*> $crate::ufunc::kernel::Body for $name<$($g),*> {
            type A = $A;
            type B = $B;
            type C = $C;
            type R = $R;
            #[inline(always)]
            fn lane($a: $A, $b: $B, $c: $C) -> $R {
                $e
            }
        }
    };
}
use body;

/// `Some` kernel of a body in groups of that many lanes.
macro_rules! kernel {
    ($body:ty, $lanes:literal) => {{
        const KERNEL: &$crate::ufunc::kernel::Kernel = &$crate::ufunc::kernel::Kernel::of::<$body, $lanes>();
        Some(KERNEL)
    }};
}
use kernel;
