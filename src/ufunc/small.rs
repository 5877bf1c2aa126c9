//! Eager entry points for small contiguous operands: one kernel call, no plan, and the bits that a plan gives.

use super::fold;
use super::kernel::{Arg, recipe, splat, splat_lanes};
use super::plan_cache;
use super::simd::Isa;
use super::stream::Line;
use super::strided;
use super::{DType, Fold, Instr, Layout, Op, Plan, Program, Scalar, Value};
use crate::{Error, Result};
use std::cell::RefCell;
use std::mem::MaybeUninit;

/// An operand of a small operation.
#[derive(Clone, Copy, Debug)]
pub enum Operand<'a, A> {
    /// One value for each element.
    Slice(&'a [A]),
    /// One value for all.
    Scalar(A),
}

impl<A: Value> Operand<'_, A> {
    /// The operand without its type.
    fn values(&self) -> Values {
        match self {
            Operand::Slice(slice) => Values::Each(slice.as_ptr().cast(), slice.len()),
            Operand::Scalar(value) => Values::One(std::ptr::from_ref(value).cast()),
        }
    }
}

/// An operand of a small operation whose type is told beside it.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    /// So many values side by side, one for each element.
    Each(*const u8, usize),
    /// One value for all.
    One(*const u8),
}

/// Room for a splat of any type.
type Splat = MaybeUninit<Line<[u8; SPLAT_BYTES]>>;
const SPLAT_BYTES: usize = splat_lanes(16) * 16;

impl Values {
    /// The kernel's view of the operand, whose values have `size` bytes; `None` where it is of another length than `n`.
    ///
    /// # Safety
    ///
    /// The values are valid for reads and aligned.
    #[inline]
    unsafe fn arg(self, size: usize, n: usize, room: &mut Splat) -> Option<Arg> {
        match self {
            Values::Each(ptr, len) => (len == n).then_some(Arg { ptr, varies: true }),
            Values::One(ptr) => {
                let lanes = room.as_mut_ptr().cast::<u8>();
                // SAFETY: the one value; room for the lanes of any size.
                unsafe { splat(ptr, lanes, size, splat_lanes(size)) };
                Some(Arg { ptr: lanes, varies: false })
            }
        }
    }
}

/// `out[i] = op(a[i])`, a cast included (`Op::Cast` from `A` to `R`).
///
/// # Errors
///
/// `Error::InvalidArgument` where the operation does not take `A` or does not give `R`, or lengths differ; `out` is then untouched.
#[inline]
pub fn apply_unary<A: Value, R: Value>(op: Op, a: &[A], out: &mut [MaybeUninit<R>]) -> Result<()> {
    let (Some(from), Some(to)) = (A::DTYPE, R::DTYPE) else { return Err(unknown::<A, R>(op)) };
    let a = Values::Each(a.as_ptr().cast(), a.len());
    // SAFETY: the operand is a slice of `A`; `out` is borrowed mutably.
    unsafe { unary(op, (from, a), (to, out.as_mut_ptr().cast()), out.len()) }
}

/// [`apply_unary`] of an operand and a result of types that are told.
///
/// # Errors
///
/// As [`apply_unary`].
///
/// # Safety
///
/// The operand's values are of its type, valid for reads and aligned; the result's place takes `n` of its type, and overlaps none of them.
pub unsafe fn unary(op: Op, (from, a): (DType, Values), (to, out): (DType, *mut u8), n: usize) -> Result<()> {
    let mut splat = Splat::uninit();
    // SAFETY: the caller's promise; operands are as long as the result, or splats.
    unsafe {
        let a = a.arg(from.size(), n, &mut splat);
        apply(op, &[from], [a, Some(Arg::NONE), Some(Arg::NONE)], to, out, n)
    }
}

/// `out[i] = a[i] op b[i]`, comparisons included (`R` is `bool`); either operand may be a scalar.
///
/// # Errors
///
/// As [`apply_unary`].
#[inline]
pub fn apply_binary<A: Value, R: Value>(
    op: Op,
    a: Operand<'_, A>,
    b: Operand<'_, A>,
    out: &mut [MaybeUninit<R>],
) -> Result<()> {
    let (Some(from), Some(to)) = (A::DTYPE, R::DTYPE) else { return Err(unknown::<A, R>(op)) };
    // SAFETY: the operands are slices of `A`, or values; `out` is borrowed mutably.
    unsafe { binary(op, from, [a.values(), b.values()], (to, out.as_mut_ptr().cast()), out.len()) }
}

/// [`apply_binary`] of operands, both of type `from`, and a result of types that are told.
///
/// # Errors
///
/// As [`apply_unary`].
///
/// # Safety
///
/// As [`unary`].
pub unsafe fn binary(op: Op, from: DType, [a, b]: [Values; 2], (to, out): (DType, *mut u8), n: usize) -> Result<()> {
    // SAFETY: the caller's promise.
    if n <= FEW && from == to && unsafe { one_by_one(op, from, [a, b], out, n) } {
        return Ok(());
    }
    let (mut left, mut right) = (Splat::uninit(), Splat::uninit());
    let size = from.size();
    // SAFETY: the caller's promise; operands are as long as the result, or splats.
    unsafe {
        let args = [a.arg(size, n, &mut left), b.arg(size, n, &mut right), Some(Arg::NONE)];
        apply(op, &[from, from], args, to, out, n)
    }
}

/// `a[i] = a[i] op b[i]`, in place; `false`, and nothing done, where `op` does not give what it takes, or cannot be done so.
#[inline]
pub fn update_binary<A: Value>(op: Op, a: &mut [A], b: Operand<'_, A>) -> bool {
    // SAFETY: values of `A`; `a` is borrowed mutably, so that the other operand is apart.
    A::DTYPE.is_some_and(|dtype| unsafe { update(op, dtype, (a.as_mut_ptr().cast(), a.len()), b.values()) })
}

/// [`update_binary`] of `n` values of a type that is told.
///
/// # Safety
///
/// Both operands' values are of the type, valid for reads and aligned; nobody else reads or writes those of `a`.
pub unsafe fn update(op: Op, dtype: DType, (a, n): (*mut u8, usize), b: Values) -> bool {
    // SAFETY: the caller's promise; all values are read before results are written.
    if n <= FEW && unsafe { one_by_one(op, dtype, [Values::Each(a, n), b], a, n) } {
        return true;
    }
    let mut splat = Splat::uninit();
    // SAFETY: the caller's promise.
    let right = unsafe { b.arg(dtype.size(), n, &mut splat) };
    let (Some(right), Some(recipe)) = (right, recipe(op, &[dtype, dtype], dtype)) else { return false };
    if recipe.dtype != dtype || !recipe.kernel.in_place {
        return false;
    }
    let left = Arg { ptr: a, varies: true };
    let args = if recipe.swap { [right, left, Arg::NONE] } else { [left, right, Arg::NONE] };
    // SAFETY: operands of the type that the kernel was found for, as long as `a`; results take the place of one of them, which
    // the kernel allows, and the other is apart (contract).
    unsafe { recipe.kernel.get(Isa::current())(a, &args, n, false) };
    true
}

/// Up to so many values are computed without a kernel: to find one takes longer.
const FEW: usize = 8;

/// Sums, differences, products and quotients of a few floats; `false`, and nothing done, for other operations and types, and where a result is
/// NaN. IEEE 754 leaves one result to each other case, so it does not matter that no kernel computes it. Which of two NaNs is left does
/// depend on the instructions.
///
/// # Safety
///
/// As [`binary`], but `out` may be the first operand; `n` is at most [`FEW`].
#[inline]
unsafe fn one_by_one(op: Op, dtype: DType, operands: [Values; 2], out: *mut u8, n: usize) -> bool {
    // SAFETY: the caller's promise.
    unsafe {
        match dtype {
            DType::F64 => floats(op, operands, out.cast::<f64>(), n),
            DType::F32 => floats(op, operands, out.cast::<f32>(), n),
            _ => false,
        }
    }
}

/// # Safety
///
/// As [`one_by_one`], of values of type `T`; `n` is at most [`FEW`].
#[inline]
unsafe fn floats<T: num_traits::Float>(op: Op, operands: [Values; 2], out: *mut T, n: usize) -> bool {
    // First value, and how far apart the next one is.
    let source = |values: Values| match values {
        Values::Each(ptr, len) => (len == n).then_some((ptr.cast::<T>(), 1)),
        Values::One(ptr) => Some((ptr.cast::<T>(), 0)),
    };
    let [Some((a, da)), Some((b, db))] = operands.map(source) else { return false };
    let mut results = [T::zero(); FEW];
    macro_rules! each {
        ($op:tt) => {
            for (i, result) in results[..n].iter_mut().enumerate() {
                // SAFETY: values below `n`, or the one value (contract).
                *result = unsafe { a.add(i * da).read() $op b.add(i * db).read() };
            }
        };
    }
    match op {
        Op::Add => each!(+),
        Op::Sub => each!(-),
        Op::Mul => each!(*),
        Op::Div => each!(/),
        _ => return false,
    }
    let known = !results[..n].iter().any(|result| result.is_nan());
    if known {
        // SAFETY: places for `n` results (contract).
        unsafe { std::ptr::copy_nonoverlapping(results.as_ptr(), out, n) }
    }
    known
}

thread_local! {
    /// Room for the products of [`sum_products`].
    static PRODUCTS: RefCell<Vec<Line<[u8; 64]>>> = const { RefCell::new(Vec::new()) };
}

/// Products of two small operands over one `shape`, added up along an axis: a result for each of its `cells`, with the bits of the plan
/// that does both in one pass. `false`, and nothing to be read of `out`, where that is not simple, as for [`fold_axis`].
///
/// # Safety
///
/// As [`strided::apply`] for the operands, and as [`fold_axis`] for `out`; all are of type `dtype`.
pub unsafe fn sum_products(
    dtype: DType,
    shape: &[usize],
    axis: usize,
    operands: [(*const u8, &[isize]); 2],
    (out, cells): (*mut u8, usize),
) -> bool {
    let n: usize = shape.iter().product();
    PRODUCTS.with_borrow_mut(|room| {
        let lines = (n * dtype.size()).div_ceil(size_of::<Line<[u8; 64]>>());
        if room.len() < lines {
            room.resize_with(lines, || Line([0; 64]));
        }
        let products = room.as_mut_ptr().cast::<u8>();
        // SAFETY: the operands' elements (contract); the room takes `n` products, and overlaps nothing.
        unsafe {
            multiply(dtype, shape, operands, products)
                && fold_axis(Fold::Sum, (dtype, products), shape, axis, (dtype, out, cells)).is_ok_and(|done| done)
        }
    })
}

/// Products of elements, in row-major order.
///
/// # Safety
///
/// As [`strided::apply`].
unsafe fn multiply(dtype: DType, shape: &[usize], operands: [(*const u8, &[isize]); 2], out: *mut u8) -> bool {
    let (outer, length) = match *shape {
        [length] => (1, length),
        [outer, length] => (outer, length),
        _ => (0, 0),
    };
    let size = dtype.size() as isize;
    // The elements of a row as they are along the last axis: side by side, or one for all.
    let row = |(first, strides): (*const u8, &[isize]), nth: usize| {
        let ahead = if strides.len() == 2 { strides[0] * nth as isize * size } else { 0 };
        let at = first.wrapping_offset(ahead);
        match strides.last() {
            Some(1) => Some(Values::Each(at, length)),
            Some(0) => Some(Values::One(at)),
            _ => None,
        }
    };
    let simple = operands.iter().all(|&operand| row(operand, 0).is_some());
    if simple && (outer == 1 || (outer > 1 && length <= FEW)) {
        return (0..outer).all(|nth| match operands.map(|operand| row(operand, nth)) {
            // SAFETY: elements of a row (contract), and places for their products.
            [Some(x), Some(y)] => unsafe {
                binary(Op::Mul, dtype, [x, y], (dtype, out.add(nth * length * dtype.size())), length).is_ok()
            },
            _ => false,
        });
    }
    // SAFETY: the caller's promise.
    unsafe { strided::apply(Op::Mul, dtype, shape, &operands, (dtype, out)) }
}

/// Whether `a op b` of this type may be stored in the place of `a`, or of `b`.
pub fn updates(op: Op, dtype: DType) -> bool {
    recipe(op, &[dtype, dtype], dtype).is_some_and(|recipe| recipe.dtype == dtype && recipe.kernel.in_place)
}

/// `out[i] = if mask[i] { a[i] } else { b[i] }`.
///
/// # Errors
///
/// As [`apply_unary`].
pub fn apply_select<A: Value>(
    mask: &[bool],
    a: Operand<'_, A>,
    b: Operand<'_, A>,
    out: &mut [MaybeUninit<A>],
) -> Result<()> {
    let Some(dtype) = A::DTYPE else { return Err(unknown::<A, A>(Op::Select)) };
    let (mut left, mut right) = (Splat::uninit(), Splat::uninit());
    let (n, size) = (out.len(), size_of::<A>());
    // SAFETY: the operands are `bool`, then `A`; slices are as long as `out`, which is borrowed mutably.
    unsafe {
        let mask = Operand::Slice(mask).values().arg(1, n, &mut Splat::uninit());
        let args = [mask, a.values().arg(size, n, &mut left), b.values().arg(size, n, &mut right)];
        apply(Op::Select, &[DType::Bool, dtype, dtype], args, dtype, out.as_mut_ptr().cast(), n)
    }
}

/// # Safety
///
/// Each operand that there is has `n` elements of its type in `from`, or is a splat; `out` takes `n` of type `to` and overlaps none.
unsafe fn apply(op: Op, from: &[DType], args: [Option<Arg>; 3], to: DType, out: *mut u8, n: usize) -> Result<()> {
    let [Some(a), Some(b), Some(c)] = args else {
        return Err(Error::invalid(format!("{op:?}: operands are not of the result's length, {n}")));
    };
    let Some(recipe) = recipe(op, from, to).filter(|recipe| recipe.dtype == to) else {
        let names: Vec<_> = from.iter().map(|dtype| dtype.name()).collect();
        return Err(Error::invalid(format!("no {op:?} of ({}) to {}", names.join(", "), to.name())));
    };
    let exponent = [recipe.exponent.unwrap_or(0); splat_lanes(size_of::<i32>())];
    let args = match (recipe.swap, recipe.exponent) {
        (true, _) => [b, a, c],
        (false, Some(_)) => [a, Arg { ptr: exponent.as_ptr().cast(), varies: false }, c],
        (false, None) => [a, b, c],
    };
    // SAFETY: operands and result are of the types that the kernel was found for, and the result overlaps none (contract).
    unsafe { recipe.kernel.get(Isa::current())(out, &args, n, false) };
    Ok(())
}

/// `op` of constants, with the bits that a program gives at every place; `None` where it has no result, or does not take them.
pub fn constant(op: Op, args: &[Scalar], to: DType) -> Option<Scalar> {
    let mut ids = [0; 3];
    ids.iter_mut().zip(0..).take(args.len()).for_each(|(id, at)| *id = at);
    let program = Program {
        inputs: Vec::new(),
        constants: args.to_vec(),
        code: vec![Instr { op, args: ids, dtype: to }],
        outputs: vec![u16::try_from(args.len()).ok()?],
    };
    let plan = Plan::map(program, &[], &[], &[Layout::default()]).ok()?;
    let (mut value, mut scratch) = (Line([0u8; 64]), Line([0u8; 64]));
    if plan.chunks() != 1 || plan.scratch_bytes() > scratch.0.len() {
        return None;
    }
    let (to_place, scratch) = ([value.0.as_mut_ptr()], scratch.0.as_mut_ptr());
    // SAFETY: no inputs; a line takes one value of any type, and the scratch memory, looked at above; one chunk is all of it.
    let whole = unsafe {
        plan.run(&[], &to_place, scratch, 0);
        plan.finish(scratch, &to_place)
    };
    let mut bytes = [0; 16];
    bytes[..to.size()].copy_from_slice(&value.0[..to.size()]);
    whole.then_some(Scalar { dtype: to, bytes })
}

/// Folds all of a slice (any fold of one result), with the bits of the plan that folds the whole of an array of these
/// values.
///
/// # Errors
///
/// As [`Plan::fold`](super::Plan::fold); also where the fold does not give `R`.
#[inline]
pub fn fold_slice<A: Value, R: Value>(fold: Fold, a: &[A]) -> Result<R> {
    let (Some(from), Some(to)) = (A::DTYPE, R::DTYPE) else { return Err(of_unknown(fold)) };
    let mut out = MaybeUninit::<R>::uninit();
    // SAFETY: the slice is of type `from`, the place of type `to`.
    unsafe {
        WHOLE(fold, from, a.as_ptr().cast(), a.len(), to, out.as_mut_ptr().cast())?;
        Ok(out.assume_init())
    }
}

// A pointer, so that the compiler's inliner does not walk all folds for each type that they are asked of.
const WHOLE: unsafe fn(Fold, DType, *const u8, usize, DType, *mut u8) -> Result<()> = fold::whole;

#[cold]
fn of_unknown(fold: Fold) -> Error {
    Error::invalid(format!("{fold:?}: an element type that programs do not know"))
}

/// [`fold_slice`] without the types.
///
/// # Errors
///
/// As [`fold_slice`].
///
/// # Safety
///
/// `a` is valid for reads of `n` values of type `from`, and aligned for them.
pub unsafe fn fold_at(fold: Fold, (from, a, n): (DType, *const u8, usize), to: DType) -> Result<Scalar> {
    let mut value = Line([0u8; 64]);
    // SAFETY: the caller's promise; a line takes one value of any type.
    unsafe { fold::whole(fold, from, a, n, to, value.0.as_mut_ptr()) }?;
    let mut bytes = [0; 16];
    bytes[..to.size()].copy_from_slice(&value.0[..to.size()]);
    Ok(Scalar { dtype: to, bytes })
}

/// Folds one axis of a small row-major array into one result for each of its `cells`, with the bits of the plan that folds it. `false`,
/// and nothing done, where that is not simple: where it takes several chunks.
///
/// # Errors
///
/// As [`Plan::fold`].
///
/// # Safety
///
/// `a` is valid for reads of as many values of type `from` as `shape` has elements, `out` for writes of `cells` of type `to`; both are
/// aligned, and do not overlap.
pub unsafe fn fold_axis(
    fold: Fold,
    (from, a): (DType, *const u8),
    shape: &[usize],
    axis: usize,
    (to, out, cells): (DType, *mut u8, usize),
) -> Result<bool> {
    let n = shape[axis];
    let others: usize = shape.iter().enumerate().filter(|(at, _)| *at != axis).map(|(_, &n)| n).product();
    if others != cells || cells * n == 0 {
        return Ok(false);
    }
    // Axes of length 1 do not count: where no other is left, the folded one is the last.
    let last = axis + 1 == shape.len() || cells == 1;
    // Runs side by side, each with the bits of a whole fold.
    if last && fold::goes_by_runs(cells, n) {
        for cell in 0..cells {
            // SAFETY: run number `cell` of the values, and its place (contract).
            unsafe {
                let (run, place) = (a.add(cell * n * from.size()), out.add(cell * to.size()));
                fold::whole(fold, from, run, n, to, place)?;
            }
        }
        return Ok(true);
    }
    // Of one axis the first is the last.
    let simple = from == to && (last || axis == 0);
    let row = if last { n } else { cells };
    // SAFETY: the values, in rows of the one or the other length; `out` takes a result, of their type, for each cell, and overlaps none
    // (contract).
    if simple && unsafe { fold::sums(fold, from, (a, cells * n), row, !last, out) } {
        return Ok(true);
    }
    let plan = match plan_cache::find(|known| known.is_plain_fold(from, shape, fold, axis)) {
        Some(plan) => plan,
        None => {
            let program = Program { inputs: vec![from], outputs: vec![0], ..Program::default() };
            Plan::fold(program, shape, &[Layout::row_major(shape)], fold, &[axis])?
        }
    };
    if plan.chunks() != 1 || plan.scratch_bytes() != 0 || plan.result_dtypes() != [to] {
        return Ok(false);
    }
    // SAFETY: the operand is row-major of the plan's shape and type, and `out` takes its results, which are of type `to` and as many
    // as there are cells. One chunk without scratch memory is all of it.
    Ok(unsafe {
        plan.run(&[a], &[out], std::ptr::null_mut(), 0);
        plan.finish(std::ptr::null(), &[out])
    })
}

#[cold]
fn unknown<A, R>(op: Op) -> Error {
    let (a, r) = (std::any::type_name::<A>(), std::any::type_name::<R>());
    Error::invalid(format!("{op:?} from {a} to {r}: programs know numbers, complex numbers and bool"))
}
