//! The innermost loops of a product: operands packed as panels, and one tile of results in registers.

use super::ring::Ring;

/// One operand as it lies in memory: bytes from one element to the next along its own axis, and along the common one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    pub first: *const u8,
    pub own: isize,
    pub common: isize,
}

/// What a kernel does: adds the products over `depth` places of the common axis to `rows` times `columns` numbers of `sums`, whose rows are
/// `pitch` numbers apart. `rooms` take the packed operands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    pub left: Side,
    pub right: Side,
    pub rows: usize,
    pub columns: usize,
    pub depth: usize,
    pub sums: *mut u8,
    pub pitch: usize,
    pub rooms: [*mut u8; 2],
}

pub(super) type BlockFn = unsafe fn(block: &Block);

/// Packs `n` lines as panels of `P` of them: those of a panel side by side for each place of the common axis; what the last panel
/// lacks is zero.
///
/// # Safety
///
/// `n` times `depth` elements may be read at the side's strides; `to` takes as many numbers, `n` rounded up to panels.
#[inline(always)]
unsafe fn pack<R: Ring, const P: usize>(side: &Side, n: usize, depth: usize, to: *mut u8) {
    let to = to.cast::<R::Num>();
    for (panel, start) in (0..n).step_by(P).enumerate() {
        let lines = P.min(n - start);
        let first = side.first.wrapping_offset(side.own * start as isize);
        // SAFETY: lines and places that the caller vouches for; a panel has `P` times `depth` numbers.
        unsafe {
            let panel = to.add(panel * P * depth);
            let read = |line: usize, k: usize| {
                let at = first.wrapping_offset(side.own * line as isize + side.common * k as isize);
                R::enter(at.cast::<R::Elem>().read())
            };
            if lines < P {
                for k in 0..depth {
                    for line in 0..P {
                        panel.add(k * P + line).write(if line < lines { read(line, k) } else { R::ZERO });
                    }
                }
            } else if side.own == size_of::<R::Elem>() as isize {
                for k in 0..depth {
                    let from = first.wrapping_offset(side.common * k as isize).cast::<[R::Elem; P]>().read_unaligned();
                    panel.add(k * P).cast::<[R::Num; P]>().write_unaligned(from.map(R::enter));
                }
            } else {
                for k in 0..depth {
                    for line in 0..P {
                        panel.add(k * P + line).write(read(line, k));
                    }
                }
            }
        }
    }
}

/// One tile: `M` rows of `N` columns.
///
/// # Safety
///
/// Panels of `M` and `N` lines and `depth` places; `M` rows of `N` numbers at `sums`, `pitch` apart.
#[inline(always)]
unsafe fn tile<R: Ring, const M: usize, const N: usize>(
    left: *const R::Num,
    right: *const R::Num,
    depth: usize,
    sums: *mut R::Num,
    pitch: usize,
) {
    let mut acc = [[R::ZERO; N]; M];
    for k in 0..depth {
        // SAFETY: places below `depth`.
        unsafe {
            let (a, b) = (left.add(k * M), right.add(k * N).cast::<[R::Num; N]>().read_unaligned());
            for (i, row) in acc.iter_mut().enumerate() {
                let a = *a.add(i);
                for (x, b) in row.iter_mut().zip(b) {
                    *x = R::mul_add(a, b, *x);
                }
            }
        }
    }
    for (i, row) in acc.iter().enumerate() {
        for (j, x) in row.iter().enumerate() {
            // SAFETY: a number of the tile.
            unsafe {
                let sum = sums.add(i * pitch + j);
                sum.write(R::add(*sum, *x));
            }
        }
    }
}

/// # Safety
///
/// As [`Block`] says; `sums` has whole tiles.
#[inline(always)]
unsafe fn block<R: Ring, const M: usize, const N: usize>(block: &Block) {
    let [left, right] = block.rooms;
    // SAFETY: the caller's promise; rooms take whole panels.
    unsafe {
        pack::<R, M>(&block.left, block.rows, block.depth, left);
        pack::<R, N>(&block.right, block.columns, block.depth, right);
        let (left, right) = (left.cast::<R::Num>().cast_const(), right.cast::<R::Num>().cast_const());
        for column in (0..block.columns).step_by(N) {
            for row in (0..block.rows).step_by(M) {
                let sums = block.sums.cast::<R::Num>().add(row * block.pitch + column);
                tile::<R, M, N>(
                    left.add(row * block.depth),
                    right.add(column * block.depth),
                    block.depth,
                    sums,
                    block.pitch,
                );
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
        /// As [`Block`] says; `sums` has whole tiles.
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
