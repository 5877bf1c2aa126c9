//! Numbers that name places of an axis: counted from its end where they are negative, looked at, and picked out by range.

use super::BLOCK;
use crate::simd::Isa;
use crate::{DType, Error, Result};
use std::ops::Range;

/// A number as an index.
pub trait Number: Copy {
    /// As `i64`; what that does not hold is beyond every axis.
    fn signed(self) -> i64;
}
macro_rules! signed {
    ($($t:ty)*) => {$(
        impl Number for $t {
            #[inline(always)]
            fn signed(self) -> i64 {
                self as i64
            }
        }
    )*};
}
signed!(i32 u32 i64 isize);
macro_rules! unsigned {
    ($($t:ty)*) => {$(
        impl Number for $t {
            #[inline(always)]
            fn signed(self) -> i64 {
                // A length is at most `i64::MAX`, so that this is no index.
                (self as u64).min(i64::MAX as u64) as i64
            }
        }
    )*};
}
unsigned!(u64 usize);

/// The type of the numbers of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Numbers(DType);

impl Numbers {
    /// Of this type.
    ///
    /// # Errors
    ///
    /// `Error::InvalidArgument` where it is no integer of 32 or 64 bits.
    pub fn of(dtype: DType) -> Result<Numbers> {
        match dtype {
            DType::I32 | DType::U32 | DType::I64 | DType::U64 => Ok(Numbers(dtype)),
            _ => Err(Error::invalid(format!("indices of type {}; they are integers of 32 or 64 bits", dtype.name()))),
        }
    }

    /// The type.
    pub fn dtype(self) -> DType {
        self.0
    }

    /// Bytes of a number.
    pub fn size(self) -> usize {
        self.0.size()
    }

    /// [`fill`] from number `first` on of those at `from`.
    ///
    /// # Safety
    ///
    /// As many numbers of the type as there are places, from number `first` on, may be read, and are aligned.
    pub unsafe fn fill(self, from: *const u8, first: usize, out: &mut [usize], length: usize, wrap: bool) -> bool {
        /// # Safety
        ///
        /// As [`Numbers::fill`], of type `T`.
        unsafe fn each<T: Number>(from: *const u8, first: usize, out: &mut [usize], length: usize, wrap: bool) -> bool {
            // SAFETY: the caller's promise.
            let numbers = unsafe { std::slice::from_raw_parts(from.cast::<T>().add(first), out.len()) };
            fill(numbers, out, length, wrap)
        }
        // SAFETY: the same promise, for the type that it is.
        unsafe {
            match self.0 {
                DType::I32 => each::<i32>(from, first, out, length, wrap),
                DType::U32 => each::<u32>(from, first, out, length, wrap),
                DType::I64 => each::<i64>(from, first, out, length, wrap),
                _ => each::<u64>(from, first, out, length, wrap),
            }
        }
    }
}

/// A function compiled for each instruction set, `$name`, from one that is always inlined.
macro_rules! for_each_isa {
    ($(#[$doc:meta])* $vis:vis fn $name:ident<$($T:ident: $B:path)?>($($arg:ident: $A:ty),*) -> $R:ty = $body:ident) => {
        $(#[$doc])*
        $vis fn $name<$($T: $B)?>($($arg: $A),*) -> $R {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                fn avx2<$($T: $B)?>($($arg: $A),*) -> $R {
                    $body($($arg),*)
                }
                #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq")]
                fn avx512<$($T: $B)?>($($arg: $A),*) -> $R {
                    $body($($arg),*)
                }
                // SAFETY: an `Isa` is chosen among those that the processor has.
                unsafe {
                    match Isa::current() {
                        Isa::Avx512 => return avx512($($arg),*),
                        Isa::Avx2 => return avx2($($arg),*),
                        Isa::Baseline => {}
                    }
                }
            }
            $body($($arg),*)
        }
    };
}

for_each_isa! {
    /// Puts the places that numbers name into `out`, each below `length`; negative ones count from the end where `wrap` says so.
    /// `false` where one is out of bounds, for which 0 is put there.
    pub fn fill<T: Number>(from: &[T], out: &mut [usize], length: usize, wrap: bool) -> bool = filled
}

#[inline(always)]
fn filled<T: Number>(from: &[T], out: &mut [usize], length: usize, wrap: bool) -> bool {
    let add = if wrap { length as i64 } else { 0 };
    let mut outside = 0u64;
    for (place, &number) in out.iter_mut().zip(from) {
        let number = number.signed();
        let index = number.wrapping_add(number >> 63 & add) as u64;
        let fits = index < length as u64;
        outside |= u64::from(!fits);
        *place = if fits { index as usize } else { 0 };
    }
    outside == 0
}

for_each_isa! {
    /// Whether all places are below `length`.
    pub(super) fn below<>(places: &[usize], length: usize) -> bool = all_below
}

#[inline(always)]
fn all_below(places: &[usize], length: usize) -> bool {
    places.iter().fold(0, |outside, &place| outside | u64::from(place >= length)) == 0
}

/// Places of a block that are within a range.
pub(super) struct Within {
    places: [usize; BLOCK],
    which: [usize; BLOCK],
    count: usize,
}

impl Within {
    pub fn new() -> Within {
        Within { places: [0; BLOCK], which: [0; BLOCK], count: 0 }
    }

    /// The places, in order, and for each its number in the block.
    pub fn found(&self) -> (&[usize], &[usize]) {
        (&self.places[..self.count], &self.which[..self.count])
    }

    /// Picks those of a block that are in `range`.
    ///
    /// # Panics
    ///
    /// Where there are more than [`BLOCK`].
    pub fn pick(&mut self, places: &[usize], range: Range<usize>) {
        assert!(places.len() <= BLOCK);
        self.count = 0;
        let mut done = 0;
        #[cfg(target_arch = "x86_64")]
        if Isa::current() == Isa::Avx512 {
            // SAFETY: the processor has the instructions.
            done = unsafe { self.pick_eights(places, &range) };
        }
        for (which, &place) in places.iter().enumerate().skip(done) {
            // Every one is written, and stays if it is within: no branch that could be mispredicted.
            (self.places[self.count], self.which[self.count]) = (place, which);
            self.count += usize::from(range.contains(&place));
        }
    }

    /// The same of as many whole eights as there are, of which it says the number of places.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq")]
    fn pick_eights(&mut self, places: &[usize], range: &Range<usize>) -> usize {
        use std::arch::x86_64::*;
        let low = _mm512_set1_epi64(range.start as i64);
        let length = _mm512_set1_epi64(range.len() as i64);
        let mut which = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
        let (eights, _) = places.as_chunks::<8>();
        for eight in eights {
            // SAFETY: eight places; as many as were looked at before, which are fewer than `BLOCK` by eight at least, are the most
            // that were found, so that there is room for eight more.
            unsafe {
                let these = _mm512_loadu_epi64(eight.as_ptr().cast());
                let within = _mm512_cmplt_epu64_mask(_mm512_sub_epi64(these, low), length);
                let place = self.places.as_mut_ptr().add(self.count).cast();
                _mm512_storeu_epi64(place, _mm512_maskz_compress_epi64(within, these));
                let place = self.which.as_mut_ptr().add(self.count).cast();
                _mm512_storeu_epi64(place, _mm512_maskz_compress_epi64(within, which));
                self.count += within.count_ones() as usize;
            }
            which = _mm512_add_epi64(which, _mm512_set1_epi64(8));
        }
        8 * eights.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::each_isa;

    #[test]
    fn numbers_become_places_with_all_instructions() {
        each_isa(|_| {
            for n in [0, 1, 7, 8, 9, 31, 64, 100] {
                let numbers: Vec<i64> = (0..n).map(|i| (i * 37) % 19 - 9).collect();
                let mut places = vec![7; n as usize];
                assert!(fill(&numbers, &mut places, 10, true));
                let wanted: Vec<usize> = numbers.iter().map(|&i| (if i < 0 { i + 10 } else { i }) as usize).collect();
                assert_eq!(places, wanted);
                assert!(below(&places, 10));
                assert_eq!(below(&places, 9), !wanted.contains(&9));
                assert_eq!(fill(&numbers, &mut places, 10, false), numbers.iter().all(|&i| i >= 0));
                let mut within = Within::new();
                within.pick(&wanted, 3..7);
                let (found, which) = within.found();
                let at: Vec<usize> = (0..wanted.len()).filter(|&i| (3..7).contains(&wanted[i])).collect();
                assert_eq!(which, at);
                assert!(found.iter().zip(which).all(|(&place, &i)| place == wanted[i]));
            }
            let mut places = [0; 3];
            for wrong in [10, -11, i64::MIN, i64::MAX] {
                assert!(!fill(&[1, wrong, 2], &mut places, 10, true), "{wrong}");
                assert_eq!(places, [1, 0, 2]);
            }
            assert!(!fill(&[u64::MAX], &mut places[..1], 10, true));
            assert!(!fill(&[usize::MAX], &mut places[..1], 10, true));
            assert!(fill(&[9u32], &mut places[..1], 10, true));
        });
    }
}
