//! A tile of an operand whose columns lie side by side in memory, turned into rows.

use super::simd::Isa;
use super::stream;
use super::transpose::{Square, transpose};

/// How many columns ahead memory is asked for.
const AHEAD: usize = 64;

/// A tile: `columns` runs of `rows` elements each, `pitch` bytes from one to the next.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tile {
    pub from: *const u8,
    pub pitch: isize,
    pub rows: usize,
    pub columns: usize,
}

/// Writes a tile's rows, each side by side, `pitch` elements from one to the next, for elements of `size` bytes.
///
/// # Safety
///
/// The tile's elements may be read, and `to` takes `rows` rows; both are aligned to elements (of 16 bytes: to 8) and do not overlap.
pub(super) unsafe fn turn(isa: Isa, size: usize, tile: &Tile, to: *mut u8, pitch: usize) {
    // SAFETY: the caller's promise, for a type of that size; instructions are those that the processor has.
    unsafe {
        match size {
            1 => each::<u8>(isa, tile, to, pitch),
            2 => each::<u16>(isa, tile, to.cast(), pitch),
            4 => each::<u32>(isa, tile, to.cast(), pitch),
            8 => each::<u64>(isa, tile, to.cast(), pitch),
            _ => each::<[u64; 2]>(isa, tile, to.cast(), pitch),
        }
    }
}

/// # Safety
///
/// As [`turn`], for elements `T`.
unsafe fn each<T: Copy>(isa: Isa, tile: &Tile, to: *mut T, pitch: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,fma")]
        unsafe fn avx2<T: Copy>(tile: &Tile, to: *mut T, pitch: usize) {
            // SAFETY: the caller's promise.
            unsafe { squares::<T, 1>(tile, to, pitch) }
        }
        #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq")]
        unsafe fn avx512<T: Copy>(tile: &Tile, to: *mut T, pitch: usize) {
            // SAFETY: the caller's promise.
            unsafe { squares::<T, 2>(tile, to, pitch) }
        }
        // SAFETY: the caller's promise; an `Isa` is chosen among those that the processor has.
        unsafe {
            match isa {
                Isa::Avx512 => return avx512(tile, to, pitch),
                Isa::Avx2 => return avx2(tile, to, pitch),
                Isa::Baseline => {}
            }
        }
    }
    let _ = isa;
    // SAFETY: the caller's promise.
    unsafe { squares::<T, 0>(tile, to, pitch) }
}

/// # Safety
///
/// As [`turn`], for elements `T`; the processor has `ISA`.
#[inline(always)]
unsafe fn squares<T: Copy, const ISA: u8>(tile: &Tile, to: *mut T, pitch: usize) {
    let run = |column: usize| tile.from.wrapping_offset(column as isize * tile.pitch).cast::<T>();
    let (rows, columns) = (tile.rows / 8 * 8, tile.columns / 8 * 8);
    // SAFETY: elements of the tile and places of its rows; squares end before the last whole eight.
    unsafe {
        for column in (0..columns).step_by(8) {
            for row in (0..rows).step_by(8) {
                for i in 0..8 {
                    stream::prefetch_far(run(column + AHEAD + i).wrapping_add(row).cast(), 1);
                }
                let square: Square<T> = std::array::from_fn(|i| run(column + i).add(row).cast::<[T; 8]>().read());
                for (i, line) in transpose::<T, ISA>(&square).into_iter().enumerate() {
                    to.add((row + i) * pitch + column).cast::<[T; 8]>().write(line);
                }
            }
        }
        for column in 0..tile.columns {
            let done = if column < columns { rows } else { 0 };
            for row in done..tile.rows {
                to.add(row * pitch + column).write(run(column).add(row).read());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_of_all_sizes_are_turned() {
        fn check<T: Copy + Default + PartialEq + std::fmt::Debug>(of: impl Fn(usize) -> T) {
            for (rows, columns) in [(1, 1), (8, 8), (16, 24), (7, 9), (19, 3), (17, 65)] {
                for isa in Isa::ALL.into_iter().filter(|&isa| isa <= Isa::widest()) {
                    let (pitch, wide) = (rows + 3, columns + 2);
                    let from: Vec<T> = (0..pitch * columns).map(&of).collect();
                    let mut to = vec![T::default(); rows * wide];
                    let bytes = (pitch * size_of::<T>()) as isize;
                    let tile = Tile { from: from.as_ptr().cast(), pitch: bytes, rows, columns };
                    // SAFETY: as many elements as the tile has, and rows to take them.
                    unsafe { turn(isa, size_of::<T>(), &tile, to.as_mut_ptr().cast(), wide) }
                    for (row, line) in to.chunks_exact(wide).enumerate() {
                        let wanted: Vec<T> = (0..columns).map(|column| from[column * pitch + row]).collect();
                        assert_eq!(line[..columns], wanted, "{isa:?}, row {row} of {rows} by {columns}");
                        assert_eq!(line[columns..], [T::default(); 2]);
                    }
                }
            }
        }
        check(|i| i as u8);
        check(|i| i as u16);
        check(|i| i as f32);
        check(|i| i as f64);
        check(|i| [i as u64, 7]);
    }
}
