//! A function applied in order, one operand after the other: the way of every function that has no join.

use crate::kernel::{Arg, KernelFn, SPLAT, recipe, splat, splat_lanes};
use crate::simd::Isa;
use crate::stream::Line;
use crate::{DType, Op};

/// Elements that are done together.
const STRIP: usize = 64;
const _: () = assert!(SPLAT <= STRIP);

/// Exponents beyond this give 0 or infinity of any number.
const FAR: i64 = 1 << 14;

/// Room for a strip of elements of any type.
type Strip = Line<[u64; 2 * STRIP]>;

/// What the second operand becomes before the kernel takes it.
#[derive(Clone, Copy, Debug)]
enum Right {
    AsItIs,
    Wide(KernelFn),
    /// `i64` as `i32`, cut where it makes no difference any more.
    Exponent,
}

/// `acc = f(acc, x)`, for accumulators of the first operand's type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    kernel: KernelFn,
    /// Whether the kernel takes its operands the other way round.
    swap: bool,
    /// How accumulators of 16 bits are widened, and rounded again.
    wide: Option<(KernelFn, KernelFn)>,
    right: Right,
    /// Bytes of an accumulator and of a second operand.
    sizes: [usize; 2],
    /// Lanes of a whole group of the kernel, at least.
    lanes: usize,
}

impl Step {
    /// The step of a function of operands of types `a` and `b`; `None` where it does not give what it takes first.
    pub fn new(op: Op, a: DType, b: DType) -> Option<Step> {
        let isa = Isa::current();
        let op = match op {
            Op::LogicalAnd if a == DType::Bool => Op::BitAnd,
            Op::LogicalOr if a == DType::Bool => Op::BitOr,
            Op::LogicalXor if a == DType::Bool => Op::BitXor,
            _ => op,
        };
        let sizes = [a.size(), b.size()];
        let lanes = splat_lanes(a.size().min(b.size()));
        if let Some(own) = recipe(op, &[a, b], a).filter(|own| own.dtype == a && own.exponent.is_none()) {
            let (kernel, swap) = (own.kernel.get(isa), own.swap);
            return Some(Step { kernel, swap, wide: None, right: Right::AsItIs, sizes, lanes });
        }
        let convert = |from, to| Some(recipe(Op::Cast, &[from], to)?.kernel.get(isa));
        let half = a.is_half();
        let first = if half { DType::F32 } else { a };
        let (second, right) = match b {
            DType::I64 if op == Op::Ldexp => (DType::I32, Right::Exponent),
            _ if b.is_half() => (DType::F32, Right::Wide(convert(b, DType::F32)?)),
            _ => (b, Right::AsItIs),
        };
        let recipe = recipe(op, &[first, second], first).filter(|found| found.dtype == first)?;
        let wide = if half { Some((convert(a, first)?, convert(first, a)?)) } else { None };
        Some(Step { kernel: recipe.kernel.get(isa), swap: recipe.swap, wide, right, sizes, lanes })
    }

    /// `acc[i] = f(acc[i], x[i])` for `i < n`.
    ///
    /// # Safety
    ///
    /// `n` elements of the two types, aligned for them, at `acc` and `x`; the two do not overlap.
    pub unsafe fn rows(&self, acc: *mut u8, x: *const u8, n: usize) {
        let mut done = 0;
        while done < n {
            let piece = STRIP.min(n - done);
            // SAFETY: a piece of the elements that are there.
            unsafe { self.strip(acc.add(done * self.sizes[0]), x.add(done * self.sizes[1]), piece) }
            done += piece;
        }
    }

    /// # Safety
    ///
    /// As [`Step::rows`], with `n <= STRIP`.
    unsafe fn strip(&self, acc: *mut u8, x: *const u8, n: usize) {
        let mut room = [const { std::mem::MaybeUninit::<Strip>::uninit() }; 3];
        let [left, right, out] = room.each_mut().map(|strip| strip.as_mut_ptr().cast::<u8>());
        let one = |ptr: *const u8| [Arg { ptr, varies: true }, Arg::NONE, Arg::NONE];
        // SAFETY: strips have room for `n` elements of any type, of which kernels read what was written before them.
        unsafe {
            let a = match self.wide {
                Some((widen, _)) => {
                    widen(left, &one(acc), n, false);
                    left.cast_const()
                }
                None => acc.cast_const(),
            };
            let b = match self.right {
                Right::AsItIs => x,
                Right::Wide(widen) => {
                    widen(right, &one(x), n, false);
                    right
                }
                Right::Exponent => {
                    for i in 0..n {
                        let near = x.cast::<i64>().add(i).read().clamp(-FAR, FAR);
                        right.cast::<i32>().add(i).write(near as i32);
                    }
                    right
                }
            };
            let (a, b) = (Arg { ptr: a, varies: true }, Arg { ptr: b, varies: true });
            let args = if self.swap { [b, a, Arg::NONE] } else { [a, b, Arg::NONE] };
            (self.kernel)(out, &args, n, false);
            match self.wide {
                Some((_, narrow)) => narrow(acc, &one(out), n, false),
                None => std::ptr::copy_nonoverlapping(out, acc, n * self.sizes[0]),
            }
        }
    }

    /// `acc = f(acc, x[i])` for each `i < n`, in order, at a distance of `stride` bytes.
    ///
    /// # Safety
    ///
    /// One accumulator at `acc`, `n` elements at `x`, aligned for their types.
    pub unsafe fn sequence(&self, acc: *mut u8, x: *const u8, stride: isize, n: usize) {
        let mut room = [const { std::mem::MaybeUninit::<Strip>::uninit() }; 2];
        let [left, right] = room.each_mut().map(|strip| strip.as_mut_ptr().cast::<u8>());
        // Every lane holds the same: whole groups are what kernels do fastest.
        // SAFETY: a strip takes `lanes` elements of any type; elements as the caller says.
        unsafe {
            splat(acc, left, self.sizes[0], self.lanes);
            for i in 0..n as isize {
                splat(x.offset(i * stride), right, self.sizes[1], self.lanes);
                self.strip(left, right, self.lanes);
            }
            std::ptr::copy_nonoverlapping(left, acc, self.sizes[0]);
        }
    }
}
