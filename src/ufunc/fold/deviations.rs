//! Squared deviations from the mean, for one type and one instruction set.
//!
//! Two passes over values that are in the caches. The first one adds up what each value is above a *pivot*, which is one of them: so the
//! mean of equal values is that value exactly, whatever their number, and they have no deviations.

use super::TILE;
use super::kernel::LANES;
use crate::simd::Isa;
use crate::stream;

/// Lanes of the sums above the pivot, so that these and the plain sums are in registers together.
const HALF: usize = LANES / 2;

/// The loops of one type, for one instruction set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deviations {
    /// Of `n > 0` values side by side: their sum, with the bits of a fold to sums, their mean, and their squared deviations from it.
    pub tile: unsafe fn(x: *const u8, n: usize) -> [f64; 3],
    /// Makes the `n` values of a row the pivots.
    pub pivots: unsafe fn(pivots: *mut f64, x: *const u8, n: usize),
    /// Adds the `n` values of each of `rows` rows, `stride` bytes apart, to `n` sums, and what they are above the pivots to `above`.
    pub sums: unsafe fn(places: &Sums, x: *const u8, stride: isize, rows: usize, n: usize),
    /// Adds the squared deviations from `n` means to `n` sums.
    pub squares: unsafe fn(squares: *mut f64, means: *const f64, x: *const u8, stride: isize, rows: usize, n: usize),
}

/// Where the first pass over rows has its sums.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sums {
    pub sums: *mut f64,
    pub above: *mut f64,
    pub pivots: *const f64,
}

/// [`Deviations`] for every instruction set.
#[derive(Debug)]
pub(super) struct Deviator([Deviations; 3]);

impl Deviator {
    pub const fn of<T: Value>() -> Deviator {
        #[cfg(target_arch = "x86_64")]
        return Deviator([baseline::deviations::<T>(), avx2::deviations::<T>(), avx512::deviations::<T>()]);
        #[cfg(not(target_arch = "x86_64"))]
        Deviator([baseline::deviations::<T>(); 3])
    }

    pub fn get(&self, isa: Isa) -> &Deviations {
        &self.0[isa as usize]
    }
}

/// A real number that can be seen as `f64`.
pub(super) trait Value: Copy {
    fn value(self) -> f64;
}

impl<T: crate::kernel::convert::To<f64>> Value for T {
    #[inline(always)]
    fn value(self) -> f64 {
        self.to()
    }
}

#[inline(always)]
fn deviation(sum: f64, x: f64, mean: f64) -> f64 {
    let d = x - mean;
    sum + d * d
}

/// Lanes added up, half to half.
#[inline(always)]
fn across<const N: usize>(mut lanes: [f64; N]) -> f64 {
    let mut half = N / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] += lanes[i + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// The groups of `n` values, and what is left.
///
/// # Safety
///
/// `x` is valid for `n` values, for as long as the slices are used.
#[inline(always)]
unsafe fn groups<'a, T>(x: *const T, n: usize) -> (&'a [[T; LANES]], &'a [T]) {
    // SAFETY: valid for `n` values (contract).
    unsafe { std::slice::from_raw_parts(x, n) }.as_chunks()
}

/// # Safety
///
/// `x` is valid for `n` values.
#[inline(always)]
unsafe fn tile<T: Value>(x: *const u8, n: usize) -> [f64; 3] {
    if n == 0 {
        return [0.0; 3];
    }
    // SAFETY: valid for `n` values (contract).
    let (groups, rest) = unsafe { groups(x.cast::<T>(), n) };
    let pivot = groups.first().map_or_else(|| rest[0].value(), |group| group[0].value());
    let (mut sums, mut above) = ([0.0f64; LANES], [0.0f64; HALF]);
    for values in groups {
        for i in 0..HALF {
            let (a, b) = (values[i].value(), values[i + HALF].value());
            sums[i] += a;
            sums[i + HALF] += b;
            above[i] += (a - pivot) + (b - pivot);
        }
    }
    for (i, x) in rest.iter().enumerate() {
        sums[i] += x.value();
        above[i % HALF] += x.value() - pivot;
    }
    let mean = pivot + across(above) / n as f64;
    // A whole tile has been read just now: while it is gone through again, memory is idle unless the next one is asked for.
    let ahead = if n >= TILE { n * size_of::<T>() } else { 0 };
    let mut squares = [0.0f64; LANES];
    for values in groups {
        if ahead > 0 {
            stream::prefetch_all(values.as_ptr().cast::<u8>().wrapping_add(ahead), LANES * size_of::<T>());
        }
        for i in 0..LANES {
            squares[i] = deviation(squares[i], values[i].value(), mean);
        }
    }
    for (i, x) in rest.iter().enumerate() {
        squares[i] = deviation(squares[i], x.value(), mean);
    }
    [across(sums), mean, across(squares)]
}

/// # Safety
///
/// `pivots` takes `n` values, and `x` is valid for as many; the two do not overlap.
#[inline(always)]
unsafe fn pivots<T: Value>(pivots: *mut f64, x: *const u8, n: usize) {
    for i in 0..n {
        // SAFETY: below `n` (contract).
        unsafe { pivots.add(i).write(x.cast::<T>().add(i).read().value()) }
    }
}

/// # Safety
///
/// All places are valid for `n`, and those written overlap nothing; each row is valid for `n` values.
#[inline(always)]
unsafe fn sums<T: Value>(places: &Sums, x: *const u8, stride: isize, rows: usize, n: usize) {
    // SAFETY: rows below `rows`, of `n` values each (contract).
    unsafe {
        let sums = std::slice::from_raw_parts_mut(places.sums, n);
        let above = std::slice::from_raw_parts_mut(places.above, n);
        let pivots = std::slice::from_raw_parts(places.pivots, n);
        let row = |r: usize| std::slice::from_raw_parts(x.offset(r as isize * stride).cast::<T>(), n);
        let mut r = 0;
        while r + 4 <= rows {
            let (a, b, c, d) = (row(r), row(r + 1), row(r + 2), row(r + 3));
            for i in 0..n {
                let (a, b, c, d, pivot) = (a[i].value(), b[i].value(), c[i].value(), d[i].value(), pivots[i]);
                sums[i] = (((sums[i] + a) + b) + c) + d;
                above[i] += ((a - pivot) + (b - pivot)) + ((c - pivot) + (d - pivot));
            }
            r += 4;
        }
        while r < rows {
            for (i, &x) in row(r).iter().enumerate() {
                sums[i] += x.value();
                above[i] += x.value() - pivots[i];
            }
            r += 1;
        }
    }
}

/// # Safety
///
/// `squares` and `means` are valid for `n` and do not overlap, each row for `n` values.
#[inline(always)]
unsafe fn squares<T: Value>(squares: *mut f64, means: *const f64, x: *const u8, stride: isize, rows: usize, n: usize) {
    // SAFETY: rows below `rows`, of `n` values each (contract).
    unsafe {
        let squares = std::slice::from_raw_parts_mut(squares, n);
        let means = std::slice::from_raw_parts(means, n);
        let row = |r: usize| std::slice::from_raw_parts(x.offset(r as isize * stride).cast::<T>(), n);
        let mut r = 0;
        while r + 4 <= rows {
            let (a, b, c, d) = (row(r), row(r + 1), row(r + 2), row(r + 3));
            for i in 0..n {
                let sum = deviation(deviation(squares[i], a[i].value(), means[i]), b[i].value(), means[i]);
                squares[i] = deviation(deviation(sum, c[i].value(), means[i]), d[i].value(), means[i]);
            }
            r += 4;
        }
        while r < rows {
            for ((sum, &mean), &x) in squares.iter_mut().zip(means).zip(row(r)) {
                *sum = deviation(*sum, x.value(), mean);
            }
            r += 1;
        }
    }
}

/// The loops compiled for one instruction set.
macro_rules! instances {
    ($isa:ident $(, $feature:literal)?) => {
        mod $isa {
            use super::{Deviations, Sums, Value};

            /// # Safety
            ///
            /// As the function of this name above; so for the rest of this module. The processor has the features.
            $(#[target_feature(enable = $feature)])?
            unsafe fn tile<T: Value>(x: *const u8, n: usize) -> [f64; 3] {
                // SAFETY: the same contract.
                unsafe { super::tile::<T>(x, n) }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn pivots<T: Value>(pivots: *mut f64, x: *const u8, n: usize) {
                // SAFETY: the same contract.
                unsafe { super::pivots::<T>(pivots, x, n) }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn sums<T: Value>(places: &Sums, x: *const u8, stride: isize, rows: usize, n: usize) {
                // SAFETY: the same contract.
                unsafe { super::sums::<T>(places, x, stride, rows, n) }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn squares<T: Value>(
                squares: *mut f64,
                means: *const f64,
                x: *const u8,
                stride: isize,
                rows: usize,
                n: usize,
            ) {
                // SAFETY: the same contract.
                unsafe { super::squares::<T>(squares, means, x, stride, rows, n) }
            }

            pub(super) const fn deviations<T: Value>() -> Deviations {
                Deviations { tile: tile::<T>, pivots: pivots::<T>, sums: sums::<T>, squares: squares::<T> }
            }
        }
    };
}
instances!(baseline);
#[cfg(target_arch = "x86_64")]
instances!(avx2, "avx2,fma");
#[cfg(target_arch = "x86_64")]
instances!(avx512, "avx512f,avx512vl,avx512bw,avx512dq,fma");
