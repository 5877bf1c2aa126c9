//! The inner loops of folds: runs folded into virtual lanes, rows folded column by column, partial results merged.
//!
//! A run of values goes round [`LANES`] accumulators, on every instruction set and for every type; these are then merged
//! in a fixed tree of halves.

use crate::simd::Isa;
use crate::stream::Line;

/// Virtual lanes.
pub(super) const LANES: usize = 32;

/// Values of a run from which on it pays to watch for NaN and zeros instead of asking each value: what it costs to look at all lanes at
/// the end is more than it saves on fewer.
const WATCHED: usize = 512;

/// A fold of values into an accumulator.
pub(super) trait Reduce {
    type In: Copy;
    type Acc: Copy;
    const IDENTITY: Self::Acc;
    /// Whether every order of steps gives the same bits, so that the lanes are left to the compiler, which knows it too.
    const EXACT: bool;
    fn step(acc: Self::Acc, x: Self::In) -> Self::Acc;
    fn merge(a: Self::Acc, b: Self::Acc) -> Self::Acc;

    /// Whether numbers can be folded with less than `step`, which has NaN and zeros of both signs to see to: then many values are folded by
    /// `ordered`, watched meanwhile and, where that may have gone wrong, folded again by `step`. Folding a value twice is then as good as
    /// once.
    const WATCHES: bool = false;
    /// What `step` does with numbers; of a NaN `x` it keeps `acc`. Where it gives zero it may be that of the wrong sign.
    #[inline(always)]
    fn ordered(acc: Self::Acc, x: Self::In) -> Self::Acc {
        Self::step(acc, x)
    }
    /// What has been seen where nothing has.
    const CALM: Self::Acc = Self::IDENTITY;
    /// Adds four values to what was seen before.
    #[inline(always)]
    fn watch(seen: Self::Acc, _: [Self::In; 4]) -> Self::Acc {
        seen
    }
    /// Whether no value that was seen was NaN; `false` for some others too.
    #[inline(always)]
    fn has_no_nan(_: Self::Acc) -> bool {
        true
    }
    /// Whether this, from `ordered`, may have the wrong sign.
    #[inline(always)]
    fn doubtful(_: Self::Acc) -> bool {
        false
    }
}

/// Whether no value that the lanes have seen was NaN.
#[inline(always)]
pub(super) fn all_without_nan<R: Reduce>(seen: [R::Acc; LANES]) -> bool {
    seen.into_iter().fold(true, |has_no_nan, seen| has_no_nan & R::has_no_nan(seen))
}

/// Whether what the lanes give in all may have the wrong sign.
#[inline(always)]
pub(super) fn in_doubt<R: Reduce>(lanes: [R::Acc; LANES]) -> bool {
    lanes.into_iter().fold(false, |doubt, lane| doubt | R::doubtful(lane)) && R::doubtful(merged::<R>(lanes))
}

/// The loops of one fold of one type, for one instruction set. Accumulators are bytes, `acc` of them each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loops {
    /// Fills `n` accumulators with the identity.
    pub clear: unsafe fn(acc: *mut u8, n: usize),
    /// Folds `n` values into lanes; `n` is a multiple of [`LANES`] but for the last call.
    pub run: unsafe fn(lanes: *mut u8, x: *const u8, n: usize),
    /// Merges the lanes into the first.
    pub tree: unsafe fn(lanes: *mut u8),
    /// All three: folds `n` values into one accumulator.
    pub tile: unsafe fn(acc: *mut u8, x: *const u8, n: usize),
    /// Folds `rows` rows, `stride` bytes apart, into `n` accumulators, value by value.
    pub rows: unsafe fn(acc: *mut u8, x: *const u8, stride: isize, rows: usize, n: usize),
    /// Merges `n` accumulators with those of what comes later.
    pub merge: unsafe fn(acc: *mut u8, later: *const u8, n: usize),
}

/// The loops of one fold of one type.
#[derive(Debug)]
pub(super) struct Reducer {
    /// Bytes of an accumulator.
    pub acc: usize,
    loops: [Loops; 3],
}

impl Reducer {
    pub const fn of<R: Reduce>() -> Reducer {
        #[cfg(target_arch = "x86_64")]
        let loops = [baseline::loops::<R>(), avx2::loops::<R>(), avx512::loops::<R>()];
        #[cfg(not(target_arch = "x86_64"))]
        let loops = [baseline::loops::<R>(); 3];
        Reducer { acc: size_of::<R::Acc>(), loops }
    }

    pub fn get(&self, isa: Isa) -> &Loops {
        &self.loops[isa as usize]
    }
}

/// # Safety
///
/// `acc` is valid for `n` accumulators.
#[inline(always)]
unsafe fn clear<R: Reduce>(acc: *mut u8, n: usize) {
    // SAFETY: valid and aligned for `n` (contract).
    unsafe { std::slice::from_raw_parts_mut(acc.cast::<std::mem::MaybeUninit<R::Acc>>(), n) }
        .fill(std::mem::MaybeUninit::new(R::IDENTITY));
}

/// Four groups of lanes, one behind the other.
///
/// # Safety
///
/// `x` is valid for as many values.
#[inline(always)]
pub(super) unsafe fn four_groups<'a, T>(x: *const T) -> [&'a [T; LANES]; 4] {
    // SAFETY: valid for four groups (contract).
    unsafe { std::array::from_fn(|k| &*x.add(k * LANES).cast::<[T; LANES]>()) }
}

/// Folds `n` values into lanes. By value, so that they stay in vector registers.
///
/// # Safety
///
/// `x` is valid for `n` values.
#[inline(always)]
pub(super) unsafe fn round<R: Reduce>(lanes: [R::Acc; LANES], x: *const R::In, n: usize) -> [R::Acc; LANES] {
    let mut local = lanes;
    let mut done = 0;
    if R::WATCHES && n >= WATCHED {
        let fours = n / (4 * LANES) * (4 * LANES);
        let mut seen = [R::CALM; LANES];
        for at in (0..fours).step_by(4 * LANES) {
            // SAFETY: four groups below `n` (contract).
            let [a, b, c, d] = unsafe { four_groups(x.add(at)) };
            watched::<R>(&mut local, a, b, c, d, &mut seen);
        }
        if all_without_nan::<R>(seen) && !in_doubt::<R>(local) {
            done = fours;
        }
    }
    // SAFETY: what is left of the `n` values (contract), or all of them.
    unsafe { stepped::<R>(local, x.add(done), n - done) }
}

/// The same, each value by `step`.
///
/// # Safety
///
/// As [`round`].
#[inline(always)]
pub(super) unsafe fn stepped<R: Reduce>(lanes: [R::Acc; LANES], x: *const R::In, n: usize) -> [R::Acc; LANES] {
    let mut local = lanes;
    if R::EXACT {
        // SAFETY: `n` values (contract).
        local[0] = unsafe { std::slice::from_raw_parts(x, n) }.iter().fold(local[0], |acc, &x| R::step(acc, x));
        return local;
    }
    // SAFETY: whole groups of `LANES` values, then the rest, all below `n`.
    unsafe {
        for group in 0..n / LANES {
            let values = &*x.add(group * LANES).cast::<[R::In; LANES]>();
            for i in 0..LANES {
                local[i] = R::step(local[i], values[i]);
            }
        }
        let done = n / LANES * LANES;
        if done == n {
            return local;
        }
        // Lanes that are counted through are in memory: on a border of lines, since what is stored across one is slow to be
        // read again.
        let mut line = Line(local);
        for (i, lane) in line.0[..n - done].iter_mut().enumerate() {
            *lane = R::step(*lane, *x.add(done + i));
        }
        line.0
    }
}

/// # Safety
///
/// `lanes` is valid for [`LANES`] accumulators, `x` for `n` values.
#[inline(always)]
unsafe fn run<R: Reduce>(lanes: *mut u8, x: *const u8, n: usize) {
    let lanes = lanes.cast::<[R::Acc; LANES]>();
    // SAFETY: the caller's promise.
    unsafe { lanes.write(round::<R>(lanes.read(), x.cast(), n)) }
}

/// All lanes merged, half with half.
#[inline(always)]
fn merged<R: Reduce>(lanes: [R::Acc; LANES]) -> R::Acc {
    /// The first half merged with the second.
    #[inline(always)]
    fn halve<R: Reduce, const HALF: usize>(lanes: &[R::Acc]) -> [R::Acc; HALF] {
        std::array::from_fn(|i| R::merge(lanes[i], lanes[i + HALF]))
    }
    if R::EXACT {
        // The first has all of it, and the others nothing.
        return lanes[0];
    }
    let sixteen = halve::<R, { LANES / 2 }>(&lanes);
    let eight = halve::<R, { LANES / 4 }>(&sixteen);
    let four = halve::<R, { LANES / 8 }>(&eight);
    let two = halve::<R, { LANES / 16 }>(&four);
    let [one] = halve::<R, 1>(&two);
    one
}

/// # Safety
///
/// `lanes` is valid for [`LANES`] accumulators.
#[inline(always)]
unsafe fn tree<R: Reduce>(lanes: *mut u8) {
    // SAFETY: valid for the lanes (contract).
    unsafe { lanes.cast::<R::Acc>().write(merged::<R>(lanes.cast::<[R::Acc; LANES]>().read())) }
}

/// # Safety
///
/// `acc` is valid for `n` accumulators; each of the rows for `n` values; they do not overlap.
#[inline(always)]
unsafe fn rows<R: Reduce>(acc: *mut u8, x: *const u8, stride: isize, rows: usize, n: usize) {
    // SAFETY: rows below `rows`, of `n` values each (contract), of which there are as many groups as of accumulators.
    unsafe {
        let acc = std::slice::from_raw_parts_mut(acc.cast::<R::Acc>(), n);
        let row = |r: usize| std::slice::from_raw_parts(x.offset(r as isize * stride).cast::<R::In>(), n);
        let mut r = 0;
        if R::WATCHES {
            let mut seen = [R::CALM; LANES];
            while r + 4 <= rows {
                let (a, b, c, d) = (row(r), row(r + 1), row(r + 2), row(r + 3));
                let (groups, rest) = acc.as_chunks_mut::<LANES>();
                for (g, acc) in groups.iter_mut().enumerate() {
                    let group = |row: &[R::In]| &*row.as_ptr().add(g * LANES).cast::<[R::In; LANES]>();
                    watched::<R>(acc, group(a), group(b), group(c), group(d), &mut seen);
                }
                let done = n / LANES * LANES;
                for (i, acc) in (done..).zip(rest) {
                    *acc = ordered::<R>(*acc, [a[i], b[i], c[i], d[i]]);
                    seen[0] = R::watch(seen[0], [a[i], b[i], c[i], d[i]]);
                }
                r += 4;
            }
            if !all_without_nan::<R>(seen) || acc.iter().fold(false, |doubt, &acc| doubt | R::doubtful(acc)) {
                r = 0;
            }
        }
        while r + 4 <= rows {
            let (a, b, c, d) = (row(r), row(r + 1), row(r + 2), row(r + 3));
            for i in 0..n {
                acc[i] = R::step(R::step(R::step(R::step(acc[i], a[i]), b[i]), c[i]), d[i]);
            }
            r += 4;
        }
        while r < rows {
            for (acc, &x) in acc.iter_mut().zip(row(r)) {
                *acc = R::step(*acc, x);
            }
            r += 1;
        }
    }
}

/// Folds four values as if none were NaN.
#[inline(always)]
pub(super) fn ordered<R: Reduce>(acc: R::Acc, values: [R::In; 4]) -> R::Acc {
    values.into_iter().fold(acc, R::ordered)
}

/// Folds four groups of values into a group of accumulators as if none were NaN, and watches for them. The compiler is told so
/// that they do not overlap.
#[inline(always)]
fn watched<R: Reduce>(
    acc: &mut [R::Acc; LANES],
    a: &[R::In; LANES],
    b: &[R::In; LANES],
    c: &[R::In; LANES],
    d: &[R::In; LANES],
    seen: &mut [R::Acc; LANES],
) {
    for i in 0..LANES {
        acc[i] = ordered::<R>(acc[i], [a[i], b[i], c[i], d[i]]);
        seen[i] = R::watch(seen[i], [a[i], b[i], c[i], d[i]]);
    }
}

/// # Safety
///
/// Both are valid for `n` accumulators and do not overlap.
#[inline(always)]
unsafe fn merge<R: Reduce>(acc: *mut u8, later: *const u8, n: usize) {
    // SAFETY: valid for `n` (contract).
    let (acc, later) = unsafe {
        (std::slice::from_raw_parts_mut(acc.cast::<R::Acc>(), n), std::slice::from_raw_parts(later.cast::<R::Acc>(), n))
    };
    for (acc, &later) in acc.iter_mut().zip(later) {
        *acc = R::merge(*acc, later);
    }
}

/// The loops compiled for one instruction set.
macro_rules! instances {
    ($isa:ident $(, $feature:literal)?) => {
        mod $isa {
            use super::{LANES, Loops, Reduce};

            /// # Safety
            ///
            /// As the function of this name above; so for the rest of this module. The processor has the features.
            $(#[target_feature(enable = $feature)])?
            unsafe fn clear<R: Reduce>(acc: *mut u8, n: usize) {
                // SAFETY: the same contract.
                unsafe { super::clear::<R>(acc, n) }
            }

            #[inline(never)]
            $(#[target_feature(enable = $feature)])?
            unsafe fn run<R: Reduce>(lanes: *mut u8, x: *const u8, n: usize) {
                // SAFETY: the same contract.
                unsafe { super::run::<R>(lanes, x, n) }
            }

            #[inline(never)]
            $(#[target_feature(enable = $feature)])?
            unsafe fn tree<R: Reduce>(lanes: *mut u8) {
                // SAFETY: the same contract.
                unsafe { super::tree::<R>(lanes) }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn tile<R: Reduce>(acc: *mut u8, x: *const u8, n: usize) {
                // SAFETY: `acc` is valid for one accumulator, `x` for `n` values.
                unsafe {
                    let lanes = super::round::<R>([R::IDENTITY; LANES], x.cast(), n);
                    acc.cast::<R::Acc>().write(super::merged::<R>(lanes));
                }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn rows<R: Reduce>(acc: *mut u8, x: *const u8, stride: isize, rows: usize, n: usize) {
                // SAFETY: the same contract.
                unsafe { super::rows::<R>(acc, x, stride, rows, n) }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn merge<R: Reduce>(acc: *mut u8, later: *const u8, n: usize) {
                // SAFETY: the same contract.
                unsafe { super::merge::<R>(acc, later, n) }
            }

            pub(super) const fn loops<R: Reduce>() -> Loops {
                Loops {
                    clear: clear::<R>,
                    run: run::<R>,
                    tree: tree::<R>,
                    tile: tile::<R>,
                    rows: rows::<R>,
                    merge: merge::<R>,
                }
            }
        }
    };
}
instances!(baseline);
#[cfg(target_arch = "x86_64")]
instances!(avx2, "avx2,fma");
#[cfg(target_arch = "x86_64")]
instances!(avx512, "avx512f,avx512vl,avx512bw,avx512dq,fma");
