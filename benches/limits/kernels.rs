//! The kernels of the floor: so many streams read, so many written, by the widest vectors there are, stored past the
//! caches where that pays. What they compute is only enough that no load can be left out.

/// How the written streams leave the processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Store {
    /// Through the caches.
    Plain,
    /// Past them.
    Streaming,
}

/// Pointers to the streams of one call, each to as many elements as the call says.
#[derive(Clone, Copy)]
pub struct Streams<const R: usize, const W: usize> {
    pub reads: [*const f64; R],
    pub writes: [*mut f64; W],
}

impl<const R: usize, const W: usize> Streams<R, W> {
    /// The streams from element `i` on.
    ///
    /// # Safety
    ///
    /// Every stream has at least `i` elements.
    pub unsafe fn at(&self, i: usize) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Streams { reads: self.reads.map(|p| p.add(i)), writes: self.writes.map(|p| p.add(i)) } }
    }
}

/// Elements that every vector kernel takes at a time: calls must be of a multiple of them, on 64-byte borders.
pub const STEP: usize = 32;

/// The name of the vectors that [`run`] uses.
pub fn vectors() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            return "AVX-512";
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return "AVX2";
        }
    }
    "baseline"
}

/// Reads and writes `n` elements of each stream; gives something that depends on every element read.
///
/// # Safety
///
/// Each stream is valid for `n` elements, written ones for this call alone.
#[inline]
pub unsafe fn run<const R: usize, const W: usize>(s: Streams<R, W>, n: usize, store: Store) -> f64 {
    #[cfg(target_arch = "x86_64")]
    {
        let aligned = n.is_multiple_of(STEP) && s.writes.iter().all(|p| p.addr() % 64 == 0);
        if aligned && is_x86_feature_detected!("avx512f") {
            // SAFETY: the processor has the instructions; the caller's promise about the streams.
            return unsafe {
                match store {
                    Store::Plain => avx512::<R, W, false>(s, n),
                    Store::Streaming => avx512::<R, W, true>(s, n),
                }
            };
        }
        if aligned && is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: as above.
            return unsafe {
                match store {
                    Store::Plain => avx2::<R, W, false>(s, n),
                    Store::Streaming => avx2::<R, W, true>(s, n),
                }
            };
        }
    }
    let _ = store;
    // SAFETY: the caller's promise.
    unsafe { baseline(s, n) }
}

/// # Safety
///
/// As [`run`].
unsafe fn baseline<const R: usize, const W: usize>(s: Streams<R, W>, n: usize) -> f64 {
    let mut sums = [0.0; 8];
    for i in 0..n {
        // SAFETY: `i < n`, and the streams are valid for `n` elements.
        unsafe {
            let v = match R {
                0 => 1.5,
                1 => *s.reads[0].add(i),
                2 => *s.reads[0].add(i) + *s.reads[1].add(i),
                _ => *s.reads[0].add(i) * *s.reads[1].add(i) + *s.reads[2].add(i),
            };
            if W == 0 {
                sums[i % 8] += v;
            }
            for w in s.writes {
                *w.add(i) = v;
            }
        }
    }
    sums.iter().sum()
}

#[cfg(target_arch = "x86_64")]
macro_rules! vector_kernel {
    ($name:ident, $features:literal, $lanes:literal, $vector:ident, $zero:ident, $one:ident, $load:ident, $add:ident,
     $fma:ident, $store:ident, $stream:ident) => {
        /// # Safety
        ///
        /// As [`run`]; `n` is a multiple of [`STEP`], written streams begin on 64-byte borders, and the processor has
        /// the features.
        #[target_feature(enable = $features)]
        unsafe fn $name<const R: usize, const W: usize, const NT: bool>(s: Streams<R, W>, n: usize) -> f64 {
            use std::arch::x86_64::*;
            const UNROLL: usize = STEP / $lanes;
            let mut sums: [$vector; UNROLL] = [$zero(); UNROLL];
            let mut i = 0;
            while i < n {
                // Indexed on purpose: the loop is unrolled, and each lane of it is one register.
                #[allow(clippy::needless_range_loop)]
                for u in 0..UNROLL {
                    let at = i + u * $lanes;
                    // SAFETY: `at + lanes <= n`, since `n` is a multiple of STEP; the streams are valid for `n`
                    // elements, and written ones are aligned (contract of this function).
                    unsafe {
                        let v = match R {
                            0 => $one(1.5),
                            1 => $load(s.reads[0].add(at)),
                            2 => $add($load(s.reads[0].add(at)), $load(s.reads[1].add(at))),
                            _ => $fma($load(s.reads[0].add(at)), $load(s.reads[1].add(at)), $load(s.reads[2].add(at))),
                        };
                        if W == 0 {
                            sums[u] = $add(sums[u], v);
                        }
                        for w in s.writes {
                            if NT { $stream(w.add(at), v) } else { $store(w.add(at), v) }
                        }
                    }
                }
                i += STEP;
            }
            if NT {
                _mm_sfence();
            }
            let mut total = 0.0;
            for v in sums {
                let mut lanes = [0.0f64; $lanes];
                // SAFETY: `lanes` is as large as one vector, and the store needs no alignment.
                unsafe { $store(lanes.as_mut_ptr(), v) };
                total += lanes.iter().sum::<f64>();
            }
            total
        }
    };
}

#[cfg(target_arch = "x86_64")]
vector_kernel!(
    avx512,
    "avx512f",
    8,
    __m512d,
    _mm512_setzero_pd,
    _mm512_set1_pd,
    _mm512_loadu_pd,
    _mm512_add_pd,
    _mm512_fmadd_pd,
    _mm512_storeu_pd,
    _mm512_stream_pd
);
#[cfg(target_arch = "x86_64")]
vector_kernel!(
    avx2,
    "avx2,fma",
    4,
    __m256d,
    _mm256_setzero_pd,
    _mm256_set1_pd,
    _mm256_loadu_pd,
    _mm256_add_pd,
    _mm256_fmadd_pd,
    _mm256_storeu_pd,
    _mm256_stream_pd
);
