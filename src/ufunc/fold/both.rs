//! Two folds of the same values at once: each value is read once, and watched once.

use super::kernel::{LANES, Reduce, Reducer, all_without_nan, four_groups, in_doubt, ordered, stepped};
use crate::simd::Isa;

/// Folds `n` values into the lanes of two folds; `n` is a multiple of [`LANES`] but for the last call.
pub(super) type Run = unsafe fn(lanes: *mut u8, second: *mut u8, x: *const u8, n: usize);

/// The second of two folds of the same values, whose accumulators are of one type, and the loop of both.
#[derive(Debug)]
pub(super) struct Both {
    pub second: &'static Reducer,
    run: [Run; 3],
}

impl Both {
    pub const fn of<R: Reduce, S: Reduce<In = R::In, Acc = R::Acc>>() -> Both {
        #[cfg(target_arch = "x86_64")]
        let run: [Run; 3] = [baseline::<R, S>, avx2::<R, S>, avx512::<R, S>];
        #[cfg(not(target_arch = "x86_64"))]
        let run: [Run; 3] = [baseline::<R, S>; 3];
        Both { second: const { &Reducer::of::<S>() }, run }
    }

    pub fn get(&self, isa: Isa) -> Run {
        self.run[isa as usize]
    }
}

/// # Safety
///
/// Both `lanes` are valid for [`LANES`] accumulators and do not overlap, `x` is valid for `n` values.
#[inline(always)]
unsafe fn run<R: Reduce, S: Reduce<In = R::In, Acc = R::Acc>>(
    lanes: *mut [R::Acc; LANES],
    second: *mut [R::Acc; LANES],
    x: *const R::In,
    n: usize,
) {
    // SAFETY: valid (contract); groups of lanes below `n`, then the rest.
    unsafe {
        let (mut local, mut other) = (lanes.read(), second.read());
        if R::WATCHES {
            let fours = n / (4 * LANES) * (4 * LANES);
            let mut seen = [R::CALM; LANES];
            for at in (0..fours).step_by(4 * LANES) {
                let groups = four_groups(x.add(at));
                for i in 0..LANES {
                    let values = groups.map(|group| group[i]);
                    local[i] = ordered::<R>(local[i], values);
                    other[i] = ordered::<S>(other[i], values);
                    seen[i] = R::watch(seen[i], values);
                }
            }
            let has_no_nan = all_without_nan::<R>(seen);
            // What one of the two is sure of need not be looked at again.
            let done = |doubt: bool| if has_no_nan && !doubt { fours } else { 0 };
            let (first, later) = (done(in_doubt::<R>(local)), done(in_doubt::<S>(other)));
            lanes.write(stepped::<R>(local, x.add(first), n - first));
            second.write(stepped::<S>(other, x.add(later), n - later));
        } else {
            lanes.write(stepped::<R>(local, x, n));
            second.write(stepped::<S>(other, x, n));
        }
    }
}

/// # Safety
///
/// As [`Run`]: both lanes valid for [`LANES`] accumulators apart from each other, `x` for `n` values.
unsafe fn baseline<R: Reduce, S: Reduce<In = R::In, Acc = R::Acc>>(a: *mut u8, b: *mut u8, x: *const u8, n: usize) {
    // SAFETY: the same contract.
    unsafe { run::<R, S>(a.cast(), b.cast(), x.cast(), n) }
}

/// # Safety
///
/// As `baseline`; the processor has AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<R: Reduce, S: Reduce<In = R::In, Acc = R::Acc>>(a: *mut u8, b: *mut u8, x: *const u8, n: usize) {
    // SAFETY: the same contract.
    unsafe { run::<R, S>(a.cast(), b.cast(), x.cast(), n) }
}

/// # Safety
///
/// As `baseline`; the processor has AVX-512.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,fma")]
unsafe fn avx512<R: Reduce, S: Reduce<In = R::In, Acc = R::Acc>>(a: *mut u8, b: *mut u8, x: *const u8, n: usize) {
    // SAFETY: the same contract.
    unsafe { run::<R, S>(a.cast(), b.cast(), x.cast(), n) }
}
