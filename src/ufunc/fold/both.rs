//! Two folds of the same values at once: each value is read once, and looked for NaN once.

use super::kernel::{LANES, Reduce, Reducer, all_calm, four_groups, ordered, round, settle};
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
        let mut done = 0;
        if R::WATCHES {
            done = n / (4 * LANES) * (4 * LANES);
            let mut seen = [R::CALM; LANES];
            for at in (0..done).step_by(4 * LANES) {
                let groups = four_groups(x.add(at));
                for i in 0..LANES {
                    let values = groups.map(|group| group[i]);
                    local[i] = ordered::<R>(local[i], values);
                    other[i] = ordered::<S>(other[i], values);
                    seen[i] = R::watch(seen[i], values);
                }
            }
            if !all_calm::<R>(seen) {
                settle::<R>(&mut local, x, done / LANES);
                settle::<S>(&mut other, x, done / LANES);
            }
        }
        lanes.write(round::<R>(local, x.add(done), n - done));
        second.write(round::<S>(other, x.add(done), n - done));
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
