//! Eight rows of eight elements become eight columns, in registers where the processor has the instructions.

/// Eight rows of eight.
pub(super) type Square<T> = [[T; 8]; 8];

/// Rows as columns, `ISA` being an [`Isa`](super::simd::Isa) as a number.
///
/// # Safety
///
/// The processor has `ISA`.
#[inline(always)]
pub(super) unsafe fn transpose<T: Copy, const ISA: u8>(rows: &Square<T>) -> Square<T> {
    #[cfg(target_arch = "x86_64")]
    {
        let (from, mut to) = ((&raw const *rows).cast::<u8>(), std::mem::MaybeUninit::<Square<T>>::uninit());
        let place = to.as_mut_ptr().cast::<u8>();
        // SAFETY: squares of elements of the size that each way is for, of which every element is written; the instructions are
        // there, as the caller says.
        unsafe {
            if ISA == 2 && size_of::<T>() == 8 {
                x86::words_avx512(from.cast(), place.cast());
                return to.assume_init();
            }
            if ISA >= 1 && size_of::<T>() == 8 {
                x86::words_avx2(from.cast(), place.cast());
                return to.assume_init();
            }
            if ISA >= 1 && size_of::<T>() == 4 {
                x86::halves_avx2(from.cast(), place.cast());
                return to.assume_init();
            }
        }
    }
    std::array::from_fn(|column| std::array::from_fn(|row| rows[row][column]))
}

#[cfg(target_arch = "x86_64")]
pub(super) mod x86 {
    use std::arch::x86_64::*;

    /// Elements of 8 bytes.
    ///
    /// # Safety
    ///
    /// 64 elements at each place; the processor has AVX-512.
    #[inline(always)]
    pub(super) unsafe fn words_avx512(from: *const f64, to: *mut f64) {
        // SAFETY: the caller's promise.
        unsafe {
            let rows: [__m512d; 8] = std::array::from_fn(|i| _mm512_loadu_pd(from.add(8 * i)));
            for (i, column) in registers_avx512(&rows).into_iter().enumerate() {
                _mm512_storeu_pd(to.add(8 * i), column);
            }
        }
    }

    /// Elements of 8 bytes, a row in a register.
    ///
    /// # Safety
    ///
    /// The processor has AVX-512.
    #[inline(always)]
    pub(crate) unsafe fn registers_avx512(r: &[__m512d; 8]) -> [__m512d; 8] {
        // SAFETY: the caller's promise.
        unsafe {
            // Columns of two rows: 0, 2, 4 and 6 beside each other, and 1, 3, 5 and 7.
            let pair = |i: usize| (_mm512_unpacklo_pd(r[i], r[i + 1]), _mm512_unpackhi_pd(r[i], r[i + 1]));
            let ((a0, a1), (b0, b1), (c0, c1), (d0, d1)) = (pair(0), pair(2), pair(4), pair(6));
            let four = |a, b, c, d| {
                let (ab, abx) = (_mm512_shuffle_f64x2::<0x88>(a, b), _mm512_shuffle_f64x2::<0xdd>(a, b));
                let (cd, cdx) = (_mm512_shuffle_f64x2::<0x88>(c, d), _mm512_shuffle_f64x2::<0xdd>(c, d));
                let (p, q) = (_mm512_shuffle_f64x2::<0x88>(ab, cd), _mm512_shuffle_f64x2::<0x88>(abx, cdx));
                (p, q, _mm512_shuffle_f64x2::<0xdd>(ab, cd), _mm512_shuffle_f64x2::<0xdd>(abx, cdx))
            };
            let ((p0, p2, p4, p6), (p1, p3, p5, p7)) = (four(a0, b0, c0, d0), four(a1, b1, c1, d1));
            [p0, p1, p2, p3, p4, p5, p6, p7]
        }
    }

    /// Elements of 8 bytes, four by four.
    ///
    /// # Safety
    ///
    /// 64 elements at each place; the processor has AVX.
    #[inline(always)]
    pub(super) unsafe fn words_avx2(from: *const f64, to: *mut f64) {
        // SAFETY: the caller's promise.
        unsafe {
            for (row, column) in [(0, 0), (0, 4), (4, 0), (4, 4)] {
                let r: [__m256d; 4] = std::array::from_fn(|i| _mm256_loadu_pd(from.add(8 * (row + i) + column)));
                let (a0, a1) = (_mm256_unpacklo_pd(r[0], r[1]), _mm256_unpackhi_pd(r[0], r[1]));
                let (b0, b1) = (_mm256_unpacklo_pd(r[2], r[3]), _mm256_unpackhi_pd(r[2], r[3]));
                let out = |i: usize| to.add(8 * (column + i) + row);
                _mm256_storeu_pd(out(0), _mm256_permute2f128_pd::<0x20>(a0, b0));
                _mm256_storeu_pd(out(1), _mm256_permute2f128_pd::<0x20>(a1, b1));
                _mm256_storeu_pd(out(2), _mm256_permute2f128_pd::<0x31>(a0, b0));
                _mm256_storeu_pd(out(3), _mm256_permute2f128_pd::<0x31>(a1, b1));
            }
        }
    }

    /// Elements of 4 bytes.
    ///
    /// # Safety
    ///
    /// 64 elements at each place; the processor has AVX.
    #[inline(always)]
    pub(super) unsafe fn halves_avx2(from: *const f32, to: *mut f32) {
        // SAFETY: the caller's promise.
        unsafe {
            let r: [__m256; 8] = std::array::from_fn(|i| _mm256_loadu_ps(from.add(8 * i)));
            let pair = |i: usize| (_mm256_unpacklo_ps(r[i], r[i + 1]), _mm256_unpackhi_ps(r[i], r[i + 1]));
            let ((a0, a1), (b0, b1), (c0, c1), (d0, d1)) = (pair(0), pair(2), pair(4), pair(6));
            // Columns 0 and 4 (1 and 5, ...) of four rows.
            let four = |a, b| (_mm256_shuffle_ps::<0x44>(a, b), _mm256_shuffle_ps::<0xee>(a, b));
            let ((p0, p1), (p2, p3)) = (four(a0, b0), four(a1, b1));
            let ((q0, q1), (q2, q3)) = (four(c0, d0), four(c1, d1));
            for (i, (p, q)) in [(p0, q0), (p1, q1), (p2, q2), (p3, q3)].into_iter().enumerate() {
                _mm256_storeu_ps(to.add(8 * i), _mm256_permute2f128_ps::<0x20>(p, q));
                _mm256_storeu_ps(to.add(8 * (i + 4)), _mm256_permute2f128_ps::<0x31>(p, q));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Isa;

    #[test]
    fn rows_become_columns_with_all_instructions() {
        fn check<T: Copy + PartialEq + std::fmt::Debug>(of: impl Fn(u8) -> T) {
            let rows: Square<T> = std::array::from_fn(|r| std::array::from_fn(|c| of((8 * r + c) as u8)));
            let columns: Square<T> = std::array::from_fn(|c| std::array::from_fn(|r| of((8 * r + c) as u8)));
            let widest = Isa::widest();
            // SAFETY: each is tried only where the processor has it.
            unsafe {
                assert_eq!(transpose::<T, 0>(&rows), columns);
                if widest >= Isa::Avx2 {
                    assert_eq!(transpose::<T, 1>(&rows), columns);
                }
                if widest >= Isa::Avx512 {
                    assert_eq!(transpose::<T, 2>(&rows), columns);
                }
            }
        }
        check(|i| i);
        check(u16::from);
        check(u32::from);
        check(f32::from);
        check(u64::from);
        check(f64::from);
        check(|i| [u64::from(i), 1]);
    }
}
