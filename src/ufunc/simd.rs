//! Which vector instructions kernels use: the widest that the processor has, unless a test or `DISTOB_ISA` says less.

use std::sync::atomic::{AtomicU8, Ordering};

/// A set of vector instructions. Results have the same bits with each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Isa {
    /// What every processor of the target has (SSE2 on x86-64); fused multiply-adds are emulated where it lacks them.
    Baseline = 0,
    /// AVX2 and FMA.
    Avx2 = 1,
    /// AVX-512 F, VL, BW and DQ.
    Avx512 = 2,
}

const UNKNOWN: u8 = u8::MAX;
static CURRENT: AtomicU8 = AtomicU8::new(UNKNOWN);

impl Isa {
    /// Every set, narrowest first.
    pub const ALL: [Isa; 3] = [Isa::Baseline, Isa::Avx2, Isa::Avx512];

    /// The widest that this processor has.
    pub fn widest() -> Isa {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            if has!("avx2") && has!("fma") {
                if has!("avx512f") && has!("avx512vl") && has!("avx512bw") && has!("avx512dq") {
                    return Isa::Avx512;
                }
                return Isa::Avx2;
            }
        }
        Isa::Baseline
    }

    /// The one that kernels use now.
    #[inline]
    pub fn current() -> Isa {
        match CURRENT.load(Ordering::Relaxed) {
            0 => Isa::Baseline,
            1 => Isa::Avx2,
            2 => Isa::Avx512,
            _ => Isa::choose(),
        }
    }

    #[cold]
    fn choose() -> Isa {
        let widest = Isa::widest();
        let wanted = match std::env::var("DISTOB_ISA").as_deref() {
            Ok("baseline") => Isa::Baseline,
            Ok("avx2") => Isa::Avx2,
            _ => Isa::Avx512,
        };
        let isa = wanted.min(widest);
        CURRENT.store(isa as u8, Ordering::Relaxed);
        isa
    }

    /// Makes kernels of the whole process use this set from now on, or the widest that there is where the processor lacks it.
    /// Gives the one that they use. For tests: it changes no bits.
    pub fn force(self) -> Isa {
        let isa = self.min(Isa::widest());
        CURRENT.store(isa as u8, Ordering::Relaxed);
        isa
    }
}
