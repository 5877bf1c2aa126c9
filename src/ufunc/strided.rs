//! Eager operations on small operands wherever their elements lie: a kernel call for each strip, and neither a plan nor memory.

use super::kernel::{Arg, SPLAT, recipe, splat_lanes};
use super::simd::Isa;
use super::stream::Line;
use super::view::{self, Axis, View, row_of};
use super::{DType, Op};
use std::mem::MaybeUninit;

/// Rows at least this long are walked one by one; shorter ones are not worth a kernel call each, and become strips.
pub const ROW: usize = view::ROW;
/// Lanes of a strip.
const STRIP: usize = 512;
/// Bytes of the largest element.
const LARGEST: usize = 16;

/// `out[i] = op(x[i], ..)` of one or two operands of `shape`, of type `from`, whose elements are taken in row-major order; results are of
/// type `to`. `false`, and `out` not to be read, where no kernel does it.
///
/// # Safety
///
/// Each operand is a pointer to its first element and its strides over `shape`, in elements; all elements that these reach are valid
/// for reads during the call. `out` takes as many results as `shape` has elements, and overlaps none of them. All are aligned for their types.
pub unsafe fn apply(
    op: Op,
    from: DType,
    shape: &[usize],
    operands: &[(*const u8, &[isize])],
    (to, out): (DType, *mut u8),
) -> bool {
    let (Some(first), Some(last)) = (operands.first(), operands.last()) else { return false };
    let fits = operands.len() <= 2 && operands.iter().all(|(_, strides)| strides.len() == shape.len());
    let found = if fits { recipe(op, &[from, from][..operands.len()], to) } else { None };
    let Some(recipe) = found.filter(|recipe| recipe.dtype == to) else { return false };
    let size = from.size();
    let view = |(_, strides): &(*const u8, &[isize])| {
        let axes = shape.iter().zip(*strides);
        View::new(size, axes.map(|(&length, &stride)| Axis { length, stride: stride * size as isize }))
    };
    let views = [view(first), view(last)];
    let kernel = recipe.kernel.get(Isa::current());
    let exponent = Line([recipe.exponent.unwrap_or(0); splat_lanes(size_of::<i32>())]);
    let mut strips = [const { MaybeUninit::<Line<[u8; STRIP * LARGEST]>>::uninit() }; 2];
    let mut splats = [const { MaybeUninit::<Line<[u8; SPLAT * LARGEST]>>::uninit() }; 2];
    let mut splatted = [std::ptr::null(); 2];
    let row = row_of(&views);
    let (count, mut at) = (shape.iter().product::<usize>(), 0);
    while at < count {
        let end = row.map_or(count, |row| (at / row + 1) * row);
        let n = STRIP.min(end - at);
        let mut args = [Arg::NONE; 3];
        for (k, operand) in operands.iter().enumerate() {
            let (strip, splat) = (strips[k].as_mut_ptr().cast(), splats[k].as_mut_ptr().cast());
            // SAFETY: the view is the operand's, whose elements are valid (contract); `at + n` is at most their number, and a strip takes `n`.
            args[k] = unsafe { views[k].fetch(operand.0, at, n, strip, splat, &mut splatted[k]) };
        }
        if recipe.exponent.is_some() {
            args[1] = Arg { ptr: exponent.0.as_ptr().cast(), varies: false };
        }
        if recipe.swap {
            args.swap(0, 1);
        }
        // SAFETY: operands of `n` elements, or splats, of the type that the kernel was found for; `n` places of `out`, which overlaps none
        // of them (contract).
        unsafe { kernel(out.add(at * to.size()), &args, n, false) };
        at += n;
    }
    true
}
