//! The innermost loops of a product: operands packed as panels, and one tile of results in registers.

use super::ring::Ring;

/// One operand as it lies in memory: bytes from one element to the next along its own axis, and along the common one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    pub first: *const u8,
    pub own: isize,
    pub common: isize,
}

/// What a kernel does: adds the products over `depth` places of the common axis to `rows` times `columns` numbers at `sums`, whose rows are
/// `pitch` numbers apart; the first of such blocks writes them. `rooms` take the packed operands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub left: Side,
    pub right: Side,
    pub rows: usize,
    pub columns: usize,
    pub depth: usize,
    pub sums: *mut u8,
    pub pitch: usize,
    pub first: bool,
    pub rooms: [*mut u8; 2],
}

pub(super) type BlockFn = unsafe fn(block: &Block);

/// Places that are read from each line at a time, where a line's elements lie side by side.
const GROUP: usize = 8;

/// Packs `n` lines as panels of `P` of them: those of a panel side by side for each place of the common axis; what the last panel
/// lacks is zero.
///
/// # Safety
///
/// `n` times `depth` elements may be read at the side's strides; `to` takes as many numbers, `n` rounded up to panels.
#[inline(always)]
unsafe fn pack<R: Ring, const P: usize>(side: &Side, n: usize, depth: usize, to: *mut u8) {
    let to = to.cast::<R::Num>();
    let size = size_of::<R::Elem>() as isize;
    for (panel, start) in (0..n).step_by(P).enumerate() {
        let lines = P.min(n - start);
        let first = side.first.wrapping_offset(side.own * start as isize);
        // SAFETY: lines and places that the caller vouches for; a panel has `P` times `depth` numbers.
        unsafe {
            let panel = to.add(panel * P * depth);
            let place = |line: usize, k: usize| {
                first.wrapping_offset(side.own * line as isize + side.common * k as isize).cast::<R::Elem>()
            };
            if lines < P {
                for k in 0..depth {
                    let numbers = panel.add(k * P);
                    for line in 0..lines {
                        numbers.add(line).write(R::enter(place(line, k).read()));
                    }
                    for line in lines..P {
                        numbers.add(line).write(R::ZERO);
                    }
                }
            } else if side.own == size {
                for k in 0..depth {
                    let from = place(0, k).cast::<[R::Elem; P]>().read_unaligned();
                    panel.add(k * P).cast::<[R::Num; P]>().write_unaligned(from.map(R::enter));
                }
            } else {
                let groups = if side.common == size { depth - depth % GROUP } else { 0 };
                for k in (0..groups).step_by(GROUP) {
                    for line in 0..P {
                        let from = place(line, k).cast::<[R::Elem; GROUP]>().read_unaligned();
                        for (next, x) in from.into_iter().enumerate() {
                            panel.add((k + next) * P + line).write(R::enter(x));
                        }
                    }
                }
                for k in groups..depth {
                    for line in 0..P {
                        panel.add(k * P + line).write(R::enter(place(line, k).read()));
                    }
                }
            }
        }
    }
}

/// One tile: `M` rows of `N` columns, which are added to the sums, or written as the first.
///
/// # Safety
///
/// Panels of `M` and `N` lines and `depth` places; `M` rows of `N` numbers at `sums`, `pitch` apart.
#[inline(always)]
unsafe fn tile<R: Ring, const M: usize, const N: usize>(
    panels: [*const R::Num; 2],
    depth: usize,
    sums: *mut R::Num,
    pitch: usize,
    first: bool,
) {
    let mut acc = [[R::ZERO; N]; M];
    let [mut left, mut right] = panels;
    for _ in 0..depth {
        // SAFETY: places below `depth`.
        unsafe {
            let b = right.cast::<[R::Num; N]>().read_unaligned();
            for (i, row) in acc.iter_mut().enumerate() {
                let a = *left.add(i);
                for (x, b) in row.iter_mut().zip(b) {
                    *x = R::mul_add(a, b, *x);
                }
            }
            (left, right) = (left.add(M), right.add(N));
        }
    }
    for (i, row) in acc.iter().enumerate() {
        // SAFETY: a row of the tile.
        unsafe {
            let sums = sums.add(i * pitch);
            if first {
                // Sums begin at zero, so that none is -0.0.
                row.iter().enumerate().for_each(|(j, x)| sums.add(j).write(R::add(R::ZERO, *x)));
            } else {
                row.iter().enumerate().for_each(|(j, x)| sums.add(j).write(R::add(sums.add(j).read(), *x)));
            }
        }
    }
}

/// Copies rows of numbers.
///
/// # Safety
///
/// `rows` rows of `columns` numbers at both, so many numbers apart, which do not overlap.
unsafe fn copy_rows<T>([to, from]: [(*mut T, usize); 2], rows: usize, columns: usize) {
    for i in 0..rows {
        // SAFETY: the caller's promise.
        unsafe { std::ptr::copy_nonoverlapping(from.0.add(i * from.1), to.0.add(i * to.1), columns) }
    }
}

/// # Safety
///
/// As [`Block`] says.
#[inline(always)]
unsafe fn block<R: Ring, const M: usize, const N: usize>(block: &Block) {
    let [left, right] = block.rooms;
    // SAFETY: the caller's promise; rooms take whole panels.
    unsafe {
        pack::<R, M>(&block.left, block.rows, block.depth, left);
        pack::<R, N>(&block.right, block.columns, block.depth, right);
        let (left, right) = (left.cast::<R::Num>().cast_const(), right.cast::<R::Num>().cast_const());
        for column in (0..block.columns).step_by(N) {
            let columns = N.min(block.columns - column);
            for row in (0..block.rows).step_by(M) {
                let rows = M.min(block.rows - row);
                let panels = [left.add(row * block.depth), right.add(column * block.depth)];
                let sums = block.sums.cast::<R::Num>().add(row * block.pitch + column);
                if rows == M && columns == N {
                    tile::<R, M, N>(panels, block.depth, sums, block.pitch, block.first);
                } else {
                    // A tile at the edge is computed beside the sums, which have not room for all of it.
                    let mut whole = [[R::ZERO; N]; M];
                    let whole = whole.as_mut_ptr().cast::<R::Num>();
                    if !block.first {
                        copy_rows([(whole, N), (sums, block.pitch)], rows, columns);
                    }
                    tile::<R, M, N>(panels, block.depth, whole, N, block.first);
                    copy_rows([(sums, block.pitch), (whole, N)], rows, columns);
                }
            }
        }
    }
}

/// Adds `n` numbers to others.
///
/// # Safety
///
/// `n` numbers at both.
pub(super) unsafe fn add<R: Ring>(to: *mut u8, by: *const u8, n: usize) {
    for i in 0..n {
        // SAFETY: the caller's promise.
        unsafe {
            let (to, by) = (to.cast::<R::Num>().add(i), by.cast::<R::Num>().add(i));
            to.write(R::add(*to, *by));
        }
    }
}

/// Makes elements of `n` numbers.
///
/// # Safety
///
/// `n` numbers at `from`, room for as many elements at `to`.
pub(super) unsafe fn leave<R: Ring>(from: *const u8, to: *mut u8, n: usize) {
    for i in 0..n {
        // SAFETY: the caller's promise.
        unsafe { to.cast::<R::Elem>().add(i).write(R::leave(*from.cast::<R::Num>().add(i))) }
    }
}

macro_rules! compiled {
    ($(#[$feature:meta])* $name:ident) => {
        /// # Safety
        ///
        /// As [`Block`] says.
        $(#[$feature])*
        pub(super) unsafe fn $name<R: Ring, const M: usize, const N: usize>(job: &Block) {
            // SAFETY: the caller's promise is the one asked for.
            unsafe { block::<R, M, N>(job) }
        }
    };
}
compiled!(baseline);
compiled!(
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    avx2
);
compiled!(
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,fma")]
    avx512
);
