//! A kernel: one operation over a strip of elements, compiled for each instruction set from one branch-free lane function.
//!
//! A [`Body`] says what one lane does. The driver runs it over groups of `L` lanes, which the compiler turns into vector
//! instructions, and stores plainly or past the caches. An operand varies along the strip or is one group (a splat)
//! read again and again, so that scalars need no kernels of their own.

pub(super) mod arith;
mod bits;
mod compare;
mod complex;
mod complex_functions;
pub(super) mod convert;
pub mod elementary;
mod floats;
mod functions;
mod fused;
mod half;
mod integer;
mod order;
mod table;

pub(super) use fused::fused;
pub(super) use half::{from_bf16, from_f16, to_bf16, to_f16};
pub(super) use table::{copy, resolve as recipe, signature};

use super::simd::Isa;
use super::stream::{self, Line};
use std::mem::MaybeUninit;

/// Lanes of a splat of elements of `size` bytes: as many as the widest group of kernels that take them.
pub(super) const fn splat_lanes(size: usize) -> usize {
    match size {
        0 | 1 => 64, // a whole vector register, for which the compiler has good code
        2..=4 => 32,
        _ => 16,
    }
}

/// One element `lanes` times.
///
/// # Safety
///
/// An element of `size` bytes (1, 2, 4, 8 or 16) at `from`, room for `lanes` of them at `to`, which is aligned to 8 bytes.
#[inline(always)]
pub(super) unsafe fn splat(from: *const u8, to: *mut u8, size: usize, lanes: usize) {
    /// # Safety
    ///
    /// As [`splat`], for elements of type `T`.
    #[inline(always)]
    unsafe fn each<T: Copy>(from: *const u8, to: *mut u8, lanes: usize) {
        // SAFETY: the caller's promise.
        unsafe {
            let value = from.cast::<T>().read_unaligned();
            for i in 0..lanes {
                to.cast::<T>().add(i).write(value);
            }
        }
    }
    // SAFETY: the same promise, for a type of that size.
    unsafe {
        match size {
            1 => each::<u8>(from, to, lanes),
            2 => each::<u16>(from, to, lanes),
            4 => each::<u32>(from, to, lanes),
            8 => each::<u64>(from, to, lanes),
            _ => each::<[u64; 2]>(from, to, lanes),
        }
    }
}

/// Lanes of the widest splat.
pub(super) const SPLAT: usize = splat_lanes(1);

/// How far ahead of a group its operands are fetched, in bytes.
const AHEAD: usize = 2048;

/// Where an operand of a kernel is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arg {
    /// Its first element, aligned for its type.
    pub ptr: *const u8,
    /// Whether it has an element for each lane of the strip; otherwise it is a splat: the same value as often as [`splat_lanes`] says.
    pub varies: bool,
}

impl Arg {
    /// The operand that a kernel of fewer operands does not look at.
    pub const NONE: Arg = Arg { ptr: std::ptr::dangling::<u128>().cast(), varies: false };
}

/// A kernel for one instruction set: `out[i] = f(args[0][i], args[1][i], args[2][i])` for `i < n`, stored past the caches
/// where `stream` says so.
pub(super) type KernelFn = unsafe fn(out: *mut u8, args: &[Arg; 3], n: usize, stream: bool);

/// A kernel for every instruction set.
#[derive(Debug)]
pub(super) struct Kernel {
    functions: [KernelFn; 3],
    /// Whether results may take the place of an operand of their type.
    pub in_place: bool,
}

impl Kernel {
    /// The kernels of a body, in groups of `L` lanes.
    pub const fn of<F: Body, const L: usize>() -> Kernel {
        #[cfg(target_arch = "x86_64")]
        return Kernel { functions: [baseline::<F, L>, avx2::<F, L>, avx512::<F, L>], in_place: !F::HEAVY };
        #[cfg(not(target_arch = "x86_64"))]
        Kernel { functions: [baseline::<F, L>; 3], in_place: !F::HEAVY }
    }

    /// The kernel of a body that vector instructions do nothing for.
    pub const fn scalar<F: Body>() -> Kernel {
        Kernel { functions: [scalar::<F>; 3], in_place: true }
    }

    /// The kernel for `isa`.
    pub fn get(&self, isa: Isa) -> KernelFn {
        self.functions[isa as usize]
    }
}

/// What a kernel does with the operands of one lane. Operands that it does not have are `()`.
pub(super) trait Body {
    type A: Copy;
    type B: Copy;
    type C: Copy;
    type R: Copy;

    /// Whether a group is so much code that there should be one copy of it.
    const HEAVY: bool = false;
    /// Whether so much is computed that AVX-512 pays where results are streamed.
    const WIDE: bool = Self::HEAVY;
    /// Whether its first two operands are fetched ahead where results are streamed: so much is computed in a group that the
    /// processor does not look far ahead by itself, or the second operand is read only where the first says so.
    const FETCHES: bool = Self::HEAVY;

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

/// Bytes of the elements of a group's operands and results, and how many there are.
struct Sizes {
    operands: [usize; 3],
    result: usize,
    lanes: usize,
}

impl Sizes {
    const fn of<F: Body, const L: usize>() -> Sizes {
        let operands = [size_of::<F::A>(), size_of::<F::B>(), size_of::<F::C>()];
        Sizes { operands, result: size_of::<F::R>(), lanes: L }
    }
}

/// Bytes of the longest group of operands or results.
const GROUP: usize = SPLAT * 16;

/// Fewer lanes than a group has: a group of copies of the operands.
///
/// # Safety
///
/// As [`plain`], with `0 < n < sizes.lanes`; `kernel` and `sizes` are those of the same body and lanes.
#[cold]
#[inline(never)]
unsafe fn short(kernel: KernelFn, sizes: &Sizes, out: *mut u8, args: &[Arg; 3], n: usize) {
    let mut room = [Line([MaybeUninit::<u8>::uninit(); GROUP]); 4];
    let [a, b, c, results] = room.each_mut().map(|line| line.0.as_mut_ptr().cast::<u8>());
    let mut whole = [a, b, c].map(|at| Arg { ptr: at, varies: true });
    for (k, (&size, to)) in sizes.operands.iter().zip([a, b, c]).enumerate() {
        whole[k].varies = args[k].varies;
        let there = if args[k].varies { n } else { sizes.lanes };
        // SAFETY: an operand has `n > 0` elements, or is a splat of at least as many as the group has lanes; the room takes a
        // group of elements of at most 16 bytes. An operand that the kernel does not have has none.
        unsafe {
            std::ptr::copy_nonoverlapping(args[k].ptr, to, there * size);
            if size > 0 {
                splat(args[k].ptr, to.add(there * size), size, sizes.lanes - there);
            }
        }
    }
    // SAFETY: operands and results of a group; the first `n` results are those asked for, and `out` takes them.
    unsafe {
        kernel(results, &whole, sizes.lanes, false);
        std::ptr::copy_nonoverlapping(results, out, n * sizes.result);
    }
}

/// Where one operand's groups are, one after the other.
#[inline(always)]
unsafe fn group_at<T>(arg: &Arg, start: usize) -> *const T {
    // SAFETY: the caller's: a lane of the operand, or the beginning of a splat.
    unsafe { arg.ptr.cast::<T>().add(if arg.varies { start } else { 0 }) }
}

/// Asks for the lines of a group that is a little ahead of `group`.
#[inline(always)]
fn fetch<T, const L: usize>(group: *const T) {
    for line in (0..L * size_of::<T>()).step_by(64) {
        stream::prefetch(group.cast::<u8>().wrapping_add(AHEAD + line));
    }
}

/// Stores every result where it belongs: the way of all that is not streamed. Small, since programs call it for every
/// step of every strip.
///
/// # Safety
///
/// Each argument has `n` elements of its type, or is a splat; `out` takes `n` and overlaps none, or begins where one of
/// them does that is of the result's type; `own` is the kernel that this is the body of.
#[inline(always)]
unsafe fn plain<F: Body, const L: usize>(own: KernelFn, out: *mut u8, args: &[Arg; 3], n: usize) {
    const {
        assert!(L <= splat_lanes(size_of::<F::A>()) && (size_of::<F::R>() * L).is_multiple_of(16));
        assert!(L <= splat_lanes(size_of::<F::B>()) && L <= splat_lanes(size_of::<F::C>()));
    }
    if n < L {
        if n > 0 {
            // SAFETY: the caller's promise.
            unsafe { short(own, const { &Sizes::of::<F, L>() }, out, args, n) };
        }
        return;
    }
    let steps = args.map(|arg| if arg.varies { L } else { 0 });
    // SAFETY: whole groups, the last one ending with the operands' last lane. Lanes where two overlap are computed twice, from
    // the same operands: the last group is computed before anything is written. A splat has at least `L` lanes and does
    // not move. A group's operands are copied out before its results are written, so that those may take their place.
    unsafe {
        let mut last = MaybeUninit::<[MaybeUninit<F::R>; L]>::uninit();
        let rest = !n.is_multiple_of(L);
        if rest {
            let a = group_at::<F::A>(&args[0], n - L).cast::<[F::A; L]>().read();
            let b = group_at::<F::B>(&args[1], n - L).cast::<[F::B; L]>().read();
            let c = group_at::<F::C>(&args[2], n - L).cast::<[F::C; L]>().read();
            F::group::<L>(&a, &b, &c, &mut *last.as_mut_ptr());
        }
        let (mut a, mut b, mut c) =
            (args[0].ptr.cast::<F::A>(), args[1].ptr.cast::<F::B>(), args[2].ptr.cast::<F::C>());
        let mut r = out.cast::<F::R>();
        for _ in 0..n / L {
            let operands = (a.cast::<[F::A; L]>().read(), b.cast::<[F::B; L]>().read(), c.cast::<[F::C; L]>().read());
            F::group::<L>(&operands.0, &operands.1, &operands.2, &mut *r.cast());
            (a, b, c, r) = (a.add(steps[0]), b.add(steps[1]), c.add(steps[2]), r.add(L));
        }
        if rest {
            out.cast::<F::R>().add(n - L).cast::<[MaybeUninit<F::R>; L]>().write(last.assume_init());
        }
    }
}

/// Stores past the caches, but for the ends, of a body that is little code. The ends are groups that `own` computes.
///
/// # Safety
///
/// As [`plain`]; the processor has `ISA`. Each lane is read before it is stored, and once.
#[inline(always)]
unsafe fn past_caches<F: Body, const L: usize, const ISA: u8>(own: KernelFn, out: *mut u8, args: &[Arg; 3], n: usize) {
    let ends = Ends::of(const { &Sizes::of::<F, L>() }, out, n);
    // SAFETY: the caller's promise; groups of the middle lie within the `n` lanes that operands and result have (a splat has at least `L`
    // and does not move), and begin on a border, since the first end is before one and a group is a multiple of it.
    unsafe {
        if !ends.none() {
            ends.computed(own, const { &Sizes::of::<F, L>() }, out, args, n);
        }
        let steps = args.map(|arg| if arg.varies { L } else { 0 });
        let mut a = group_at::<F::A>(&args[0], ends.head);
        let mut b = group_at::<F::B>(&args[1], ends.head);
        let mut c = group_at::<F::C>(&args[2], ends.head);
        let mut r = out.cast::<F::R>().add(ends.head);
        for _ in 0..ends.groups {
            if F::FETCHES {
                fetch::<F::A, L>(a);
                fetch::<F::B, L>(b);
            }
            let mut line = Line([const { MaybeUninit::<F::R>::uninit() }; L]);
            F::group::<L>(&*a.cast(), &*b.cast(), &*c.cast(), &mut line.0);
            stream::store::<ISA>(r.cast(), line.0.as_ptr().cast(), L * size_of::<F::R>());
            (a, b, c, r) = (a.add(steps[0]), b.add(steps[1]), c.add(steps[2]), r.add(L));
        }
    }
}

/// What of a strip is not whole groups from a border on.
struct Ends {
    /// Lanes before the first border.
    head: usize,
    /// Whole groups after it.
    groups: usize,
    /// Lanes after those.
    rest: usize,
}

impl Ends {
    /// Of a strip of `n` lanes. Borders are those of lines, or of groups that are shorter.
    fn of(sizes: &Sizes, out: *mut u8, n: usize) -> Ends {
        let align = (sizes.lanes * sizes.result).min(64);
        let beyond = out.addr() % align;
        let head = if beyond == 0 { 0 } else { (align - beyond) / sizes.result }.min(n);
        Ends { head, groups: (n - head) / sizes.lanes, rest: (n - head) % sizes.lanes }
    }

    fn none(&self) -> bool {
        self.head == 0 && self.rest == 0
    }

    /// Computes both.
    ///
    /// # Safety
    ///
    /// As [`plain`]; `own` and `sizes` are those of the same body and lanes, and so are these ends.
    #[inline(never)]
    unsafe fn computed(&self, own: KernelFn, sizes: &Sizes, out: *mut u8, args: &[Arg; 3], n: usize) {
        for (start, count) in [(0, self.head), (n - self.rest, self.rest)] {
            let mut part = *args;
            for (arg, size) in part.iter_mut().zip(sizes.operands).filter(|(arg, _)| arg.varies) {
                arg.ptr = arg.ptr.wrapping_add(start * size);
            }
            // SAFETY: the caller's promise, for some of the lanes.
            unsafe { own(out.add(start * sizes.result), &part, count, false) };
        }
    }
}

/// Stores past the caches, but for the ends; or, where `stream` is not set, as [`plain`] does: of a body of which there is one copy of the code.
///
/// # Safety
///
/// As [`plain`], but that `out` overlaps no argument; the processor has `ISA`.
#[inline(always)]
unsafe fn streamed<F: Body, const L: usize, const ISA: u8>(
    own: KernelFn,
    out: *mut u8,
    args: &[Arg; 3],
    n: usize,
    stream: bool,
) {
    if n < L {
        if n > 0 {
            // SAFETY: the caller's promise.
            unsafe { short(own, const { &Sizes::of::<F, L>() }, out, args, n) };
        }
        return;
    }
    let out = out.cast::<F::R>();
    // Whole groups: up to a border of `align`, from there on, and one that ends with the strip; where two overlap, their
    // lanes are computed twice, as in `plain`.
    let align = if L * size_of::<F::R>() < 64 { L * size_of::<F::R>() } else { 64 };
    let beyond = if stream { out as usize % align } else { 0 };
    let head = if beyond != 0 { (align - beyond) / size_of::<F::R>() } else { 0 };
    let rest = (n - head) % L;
    let segments = [
        (0, usize::from(head > 0), false),
        (head, (n - head) / L, stream),
        // Where nothing is streamed before it, what the head has done is done again.
        (n - L, usize::from(rest > 0), stream && n - head >= L),
    ];
    let steps = args.map(|arg| if arg.varies { L } else { 0 });
    for (start, groups, past) in segments {
        // What was streamed is not written again, which would read it back: of the last group only what is left is.
        let skip = if past && start != head { L - rest } else { 0 };
        // SAFETY: groups of the segment lie within the `n` lanes that operands and result have (a splat has at least `L`
        // and does not move); a streamed one begins on a border, since `head` ends there and a group is a multiple of it.
        unsafe {
            let mut a = group_at::<F::A>(&args[0], start);
            let mut b = group_at::<F::B>(&args[1], start);
            let mut c = group_at::<F::C>(&args[2], start);
            let mut r = out.add(start);
            for _ in 0..groups {
                if past && F::FETCHES {
                    fetch::<F::A, L>(a);
                    fetch::<F::B, L>(b);
                }
                let mut line = Line([const { MaybeUninit::<F::R>::uninit() }; L]);
                let place = if past { (&raw mut line.0).cast() } else { r };
                F::group::<L>(&*a.cast(), &*b.cast(), &*c.cast(), &mut *place.cast());
                if skip > 0 {
                    let (from, to) = (line.0.as_ptr().add(skip), r.cast::<MaybeUninit<F::R>>().add(skip));
                    std::ptr::copy_nonoverlapping(from, to, rest);
                } else if past {
                    stream::store::<ISA>(r.cast(), line.0.as_ptr().cast(), L * size_of::<F::R>());
                }
                (a, b, c, r) = (a.add(steps[0]), b.add(steps[1]), c.add(steps[2]), r.add(L));
            }
        }
    }
}

/// Lane after lane: the way of what vector instructions do nothing for, or the processor has none for.
///
/// # Safety
///
/// As [`plain`], in all but that `n` may be any number.
#[inline(always)]
unsafe fn lanes<F: Body>(out: *mut u8, args: &[Arg; 3], n: usize) {
    let (mut a, mut b, mut c) = (args[0].ptr.cast::<F::A>(), args[1].ptr.cast::<F::B>(), args[2].ptr.cast::<F::C>());
    let mut r = out.cast::<F::R>();
    // Steps that the compiler does not know: of a loop for each case it would make far more code.
    let steps = args.map(|arg| usize::from(arg.varies));
    for _ in 0..n {
        // SAFETY: lanes below `n`, of which the operands and `out` have `n`. Operands are copied out before the result is written, which
        // may take the place of one.
        unsafe {
            let operands = (a.cast::<[F::A; 1]>().read(), b.cast::<[F::B; 1]>().read(), c.cast::<[F::C; 1]>().read());
            F::group::<1>(&operands.0, &operands.1, &operands.2, &mut *r.cast());
            (a, b, c, r) = (a.add(steps[0]), b.add(steps[1]), c.add(steps[2]), r.add(1));
        }
    }
}

/// With what every processor of the target has. On x86-64 this is for processors before AVX2: lane after lane, and nothing is streamed.
///
/// # Safety
///
/// As [`plain`] where the body is not heavy, else as [`streamed`].
unsafe fn baseline<F: Body, const L: usize>(out: *mut u8, args: &[Arg; 3], n: usize, _stream: bool) {
    // SAFETY: the caller's promise is the one asked for.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        lanes::<F>(out, args, n);
        #[cfg(not(target_arch = "x86_64"))]
        if F::HEAVY {
            streamed::<F, L, 0>(baseline::<F, L>, out, args, n, false);
        } else {
            plain::<F, L>(baseline::<F, L>, out, args, n)
        }
    }
}

/// Lane after lane. What is streamed comes from a buffer, some lines at a time.
///
/// # Safety
///
/// As [`lanes`]; where `stream` says so, `out` overlaps no operand.
unsafe fn scalar<F: Body>(out: *mut u8, args: &[Arg; 3], n: usize, stream: bool) {
    const LANES: usize = 64;
    let (size, sizes) = (size_of::<F::R>(), [size_of::<F::A>(), size_of::<F::B>(), size_of::<F::C>()]);
    let mut room = Line([const { MaybeUninit::<F::R>::uninit() }; LANES]);
    let mut start = 0;
    while stream && start < n {
        // From the second time on at a line's border, if elements have one.
        let off = if start == 0 { out.align_offset(64) } else { 0 };
        let count = if off > 0 { off.div_ceil(size).min(LANES) } else { LANES }.min(n - start);
        let part = [0, 1, 2].map(|k| {
            let skip = if args[k].varies { start * sizes[k] } else { 0 };
            Arg { ptr: args[k].ptr.wrapping_add(skip), varies: args[k].varies }
        });
        let results = room.0.as_mut_ptr().cast::<u8>();
        // SAFETY: lanes from `start` on, of which operands and `out` have as many, and the room takes them.
        unsafe {
            lanes::<F>(results, &part, count);
            stream::copy::<0>(out.add(start * size), results, count * size);
        }
        start += count;
    }
    if start < n {
        // SAFETY: the caller's promise is the one asked for.
        unsafe { lanes::<F>(out, args, n) }
    }
}

/// # Safety
///
/// As [`plain`] where nothing is streamed and the body is not heavy, else as [`streamed`]; the processor has the instructions.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<F: Body, const L: usize>(out: *mut u8, args: &[Arg; 3], n: usize, stream: bool) {
    // SAFETY: the caller's promise is the one asked for.
    unsafe {
        if F::HEAVY || stream {
            avx2_streamed::<F, L>(out, args, n, stream)
        } else {
            plain::<F, L>(avx2::<F, L>, out, args, n)
        }
    }
}

/// # Safety
///
/// As [`streamed`]; the processor has the instructions.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
#[inline(never)]
unsafe fn avx2_streamed<F: Body, const L: usize>(out: *mut u8, args: &[Arg; 3], n: usize, stream: bool) {
    // SAFETY: the caller's promise is the one asked for.
    unsafe {
        if F::HEAVY {
            streamed::<F, L, 1>(avx2::<F, L>, out, args, n, stream)
        } else {
            past_caches::<F, L, 1>(avx2::<F, L>, out, args, n)
        }
    }
}

/// What little is computed of much memory is streamed with AVX2, which is as fast.
///
/// # Safety
///
/// As [`avx2`].
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,fma")]
unsafe fn avx512<F: Body, const L: usize>(out: *mut u8, args: &[Arg; 3], n: usize, stream: bool) {
    // SAFETY: the caller's promise is the one asked for; a processor with AVX-512 has AVX2.
    unsafe {
        if F::WIDE {
            if F::HEAVY || stream {
                return avx512_streamed::<F, L>(out, args, n, stream);
            }
        } else if stream {
            return avx2_streamed::<F, L>(out, args, n, stream);
        }
        plain::<F, L>(avx512::<F, L>, out, args, n)
    }
}

/// # Safety
///
/// As [`streamed`]; the processor has the instructions.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,fma")]
#[inline(never)]
unsafe fn avx512_streamed<F: Body, const L: usize>(out: *mut u8, args: &[Arg; 3], n: usize, stream: bool) {
    // SAFETY: the caller's promise is the one asked for.
    unsafe {
        if F::HEAVY {
            streamed::<F, L, 2>(avx512::<F, L>, out, args, n, stream)
        } else {
            past_caches::<F, L, 2>(avx512::<F, L>, out, args, n)
        }
    }
}

/// Writes the lanes that `hard` has a value for.
#[cold]
#[inline(never)]
fn patch<T>(out: &mut [MaybeUninit<T>], hard: impl Fn(usize) -> Option<T>) {
    for (i, out) in out.iter_mut().enumerate() {
        if let Some(value) = hard(i) {
            out.write(value);
        }
    }
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
        pub(crate) struct $name<$($g),*>(std::marker::PhantomData<($($g,)*)>);
        impl<$($g: $bound),*> $crate::kernel::Body for $name<$($g),*> {
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
    (of $body:ty, $lanes:literal) => {
        kernel!($body, $lanes)
    };
    (scalar $body:ty $(, $lanes:literal)?) => {{
        const KERNEL: &$crate::kernel::Kernel = &$crate::kernel::Kernel::scalar::<$body>();
        Some(KERNEL)
    }};
    ($body:ty, $lanes:literal) => {{
        const KERNEL: &$crate::kernel::Kernel = &$crate::kernel::Kernel::of::<$body, $lanes>();
        Some(KERNEL)
    }};
}
use kernel;
