//! Runs of elements that lie side by side: blocks are scanned in order, several of them at once, each in a lane of its own, so that
//! none of their steps waits for another's.

use crate::segment::join::Join;

/// Blocks that are scanned at once.
pub(super) const LANES: usize = 8;

/// A block of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Block {
    /// Its first element.
    pub source: *const u8,
    /// Its first result.
    pub target: *mut u8,
    pub n: usize,
    /// Whether it is the first one of its run.
    pub first: bool,
    /// How many bytes further elements lie that this thread is likely to need next; 0 where nobody knows.
    pub ahead: usize,
}

/// Makes of the blocks' totals what comes before each, and behind the last one what comes after it. `carry` comes before the first
/// block, unless that is the first of a run: those begin with `initial`, which their totals have in them.
///
/// # Safety
///
/// `accs` holds an accumulator for each block and takes one more; `carry` and `initial` are one each.
pub(super) unsafe fn link<J: Join>(blocks: &[Block], carry: *const u8, initial: *const u8, accs: *mut u8) {
    let accs = accs.cast::<J::Acc>();
    // SAFETY: the caller's promise.
    unsafe {
        let (mut before, initial) = (carry.cast::<J::Acc>().read(), initial.cast::<J::Acc>().read());
        for (index, block) in blocks.iter().enumerate() {
            let total = accs.add(index).read();
            accs.add(index).write(if block.first { initial } else { before });
            before = if block.first { total } else { J::join(before, total) };
        }
        accs.add(blocks.len()).write(before);
    }
}

pub(super) type TotalsFn = unsafe fn(blocks: &[Block], initial: *const u8, totals: *mut u8);
pub(super) type ScansFn = unsafe fn(blocks: &[Block], carries: *const u8, streamed: bool);
pub(super) type LinkFn = unsafe fn(blocks: &[Block], carry: *const u8, initial: *const u8, accs: *mut u8);

/// The loops for vectors of AVX2 and more.
#[cfg(target_arch = "x86_64")]
pub(super) mod x86 {
    use super::{Block, LANES};
    use crate::scan::STAGE;
    use crate::segment::join::Join;
    use crate::stream::{self, Line};
    use crate::transpose::{Square, transpose};
    use std::mem::MaybeUninit;

    /// Of fewer blocks than this, one is scanned after the other.
    const FEW: usize = 3;
    /// Results of a block in bytes from which on they go past the caches.
    const STREAMED: usize = 1 << 10;

    /// Results of a few steps of all lanes, before they go to their places.
    type Stage<J> = [[MaybeUninit<<J as Join>::Out>; STAGE]; LANES];

    /// `n` steps of one lane; results are joined to `carry`.
    ///
    /// # Safety
    ///
    /// `n` elements at `source` may be read, `n` results at `out` written.
    #[inline(always)]
    unsafe fn one<J: Join, const WRITE: bool>(
        source: *const J::In,
        n: usize,
        mut acc: J::Acc,
        carry: J::Acc,
        out: *mut MaybeUninit<J::Out>,
    ) -> J::Acc {
        for i in 0..n {
            // SAFETY: the caller's promise.
            unsafe {
                acc = J::join(acc, J::enter(source.add(i).read()));
                if WRITE {
                    (*out.add(i)).write(J::leave(J::join(carry, acc)));
                }
            }
        }
        acc
    }

    /// `n` steps of all lanes. Three loops, each of which the compiler turns into vectors: elements of a step side by side, steps, results of a
    /// lane side by side.
    ///
    /// # Safety
    ///
    /// `n <= STAGE` elements at each source may be read; the processor has `ISA`.
    #[inline(always)]
    unsafe fn all<J: Join, const WRITE: bool, const ISA: u8>(
        sources: &[*const J::In; LANES],
        n: usize,
        accs: &mut [J::Acc; LANES],
        carries: &[J::Acc; LANES],
        stage: &mut Stage<J>,
    ) {
        let mut steps = Line([MaybeUninit::<Square<J::In>>::uninit(); STAGE / 8]);
        let mut results = Line([MaybeUninit::<Square<J::Out>>::uninit(); STAGE / 8]);
        let (steps, results) = (steps.0.as_mut_ptr(), results.0.as_mut_ptr());
        let whole = n / 8;
        // SAFETY: `n` elements of each source; squares of eight steps hold them, the last one `n % 8` of them.
        unsafe {
            for square in 0..whole {
                let rows: Square<J::In> =
                    std::array::from_fn(|lane| sources[lane].add(8 * square).cast::<[J::In; 8]>().read_unaligned());
                (*steps.add(square)).write(transpose::<J::In, ISA>(&rows));
            }
            let (x, out) = (steps.cast::<J::In>(), results.cast::<J::Out>());
            for i in 8 * whole..n {
                for (lane, source) in sources.iter().enumerate() {
                    x.add(LANES * i + lane).write(source.add(i).read());
                }
            }
            let mut a = *accs;
            for i in 0..n {
                for lane in 0..LANES {
                    a[lane] = J::join(a[lane], J::enter(x.add(LANES * i + lane).read()));
                    if WRITE {
                        out.add(LANES * i + lane).write(J::leave(J::join(carries[lane], a[lane])));
                    }
                }
            }
            *accs = a;
            if WRITE {
                for square in 0..whole {
                    let lanes = transpose::<J::Out, ISA>((*results.add(square)).assume_init_ref());
                    for (lane, eight) in lanes.iter().enumerate() {
                        stage[lane].as_mut_ptr().add(8 * square).cast::<[J::Out; 8]>().write_unaligned(*eight);
                    }
                }
                for i in 8 * whole..n {
                    for (lane, row) in stage.iter_mut().enumerate() {
                        row[i].write(out.add(LANES * i + lane).read());
                    }
                }
            }
        }
    }

    /// The same for accumulators of 8 bytes that are of the elements' type, which then enter and leave as they are, in registers: results go straight to the targets, which lie on
    /// borders of lines where `streamed` is set. `n` is a multiple of 8.
    ///
    /// # Safety
    ///
    /// `n` elements at each source may be read; where `WRITE` is set, as many results at the targets written. The processor has AVX-512.
    #[inline(always)]
    unsafe fn words<J: Join, const WRITE: bool>(
        sources: &[*const J::In; LANES],
        targets: &[*mut u8; LANES],
        n: usize,
        accs: &mut [J::Acc; LANES],
        carries: &[J::Acc; LANES],
        streamed: bool,
    ) {
        use crate::transpose::x86::registers_avx512;
        use std::arch::x86_64::*;
        /// Lanes joined one by one, which the compiler makes one instruction.
        ///
        /// # Safety
        ///
        /// Accumulators of 8 bytes.
        #[inline(always)]
        unsafe fn join<J: Join>(a: __m512d, b: __m512d) -> __m512d {
            // SAFETY: eight accumulators are as long as a register, and any bits of one that came from an element are one.
            unsafe {
                let (a, b): ([J::Acc; 8], [J::Acc; 8]) = (std::mem::transmute_copy(&a), std::mem::transmute_copy(&b));
                let joined: [J::Acc; 8] = std::array::from_fn(|lane| J::join(a[lane], b[lane]));
                std::mem::transmute_copy(&joined)
            }
        }
        // SAFETY: the caller's promise.
        unsafe {
            let mut a: __m512d = std::mem::transmute_copy(accs);
            let carry: __m512d = std::mem::transmute_copy(carries);
            for i in (0..n).step_by(8) {
                let rows = std::array::from_fn(|lane| _mm512_loadu_pd(sources[lane].add(i).cast()));
                let mut steps = registers_avx512(&rows);
                for x in &mut steps {
                    a = join::<J>(a, *x);
                    if WRITE {
                        *x = join::<J>(carry, a);
                    }
                }
                if WRITE {
                    for (lane, eight) in registers_avx512(&steps).into_iter().enumerate() {
                        let target = targets[lane].add(8 * i).cast::<f64>();
                        if streamed { _mm512_stream_pd(target, eight) } else { _mm512_storeu_pd(target, eight) }
                    }
                }
            }
            *accs = std::mem::transmute_copy(&a);
        }
    }

    /// Scans up to [`LANES`] blocks; `accs` takes what each of them is joined to. Where `WRITE` is set, results are joined to the carries
    /// and written to the blocks' targets.
    ///
    /// # Safety
    ///
    /// Blocks' elements may be read, their results written if `WRITE`; the processor has `ISA`.
    #[inline(always)]
    unsafe fn group<J: Join, const WRITE: bool, const ISA: u8>(
        blocks: &[Block],
        accs: &mut [J::Acc; LANES],
        carries: &[J::Acc; LANES],
        streamed: bool,
    ) {
        let mut stage: Stage<J> = [[MaybeUninit::uninit(); STAGE]; LANES];
        let deliver = |block: &Block, done: usize, n: usize, results: &[MaybeUninit<J::Out>; STAGE]| {
            let (target, from) = (block.target.wrapping_add(done * size_of::<J::Out>()), results.as_ptr().cast::<u8>());
            let bytes = n * size_of::<J::Out>();
            // SAFETY: the block's results `done` to `done + n`, of which the stage holds that many.
            unsafe {
                if streamed && block.n * size_of::<J::Out>() >= STREAMED {
                    stream::copy::<ISA>(target, from, bytes);
                } else {
                    std::ptr::copy_nonoverlapping(from, target, bytes);
                }
            }
        };
        let mut done = 0;
        loop {
            let (mut active, mut n, mut last) = (0, STAGE, 0);
            for (lane, block) in blocks.iter().enumerate() {
                if block.n > done {
                    if WRITE && block.ahead > 0 {
                        let at = block.source.wrapping_add(block.ahead + done * size_of::<J::In>());
                        stream::prefetch_far(at, STAGE * size_of::<J::In>());
                    }
                    (active, n, last) = (active + 1, n.min(block.n - done), lane);
                }
            }
            if active == 0 {
                return;
            }
            let source = |lane: usize| blocks[lane].source.cast::<J::In>().wrapping_add(done);
            if active < FEW {
                for (lane, block) in blocks.iter().enumerate().filter(|(_, block)| block.n > done) {
                    let (acc, carry) = (accs[lane], carries[lane]);
                    // SAFETY: `n` more elements of the block; the stage has room for as many.
                    accs[lane] = unsafe { one::<J, WRITE>(source(lane), n, acc, carry, stage[lane].as_mut_ptr()) };
                    if WRITE {
                        deliver(block, done, n, &stage[lane]);
                    }
                }
            } else {
                // Lanes without a block, or at its end, go along with one that has elements; what they give is dropped.
                let has = |lane: usize| blocks.get(lane).is_some_and(|block| block.n > done);
                let sources = std::array::from_fn(|lane| source(if has(lane) { lane } else { last }));
                let mut next = *accs;
                if ISA == 2 && J::WORDS && active == LANES && n.is_multiple_of(8) {
                    let targets = std::array::from_fn(|lane| blocks[lane].target.wrapping_add(8 * done));
                    let on_lines = targets.iter().all(|target| target.addr().is_multiple_of(64));
                    if !WRITE || !streamed || on_lines {
                        // SAFETY: all lanes have `n` more elements and results; the processor has the instructions.
                        unsafe { words::<J, WRITE>(&sources, &targets, n, accs, carries, streamed) };
                        done += n;
                        continue;
                    }
                }
                // SAFETY: each source has `n` more elements.
                unsafe { all::<J, WRITE, ISA>(&sources, n, &mut next, carries, &mut stage) };
                for lane in 0..LANES {
                    if has(lane) {
                        accs[lane] = next[lane];
                        if WRITE {
                            deliver(&blocks[lane], done, n, &stage[lane]);
                        }
                    }
                }
            }
            done += n;
        }
    }

    /// What each block is joined to, by itself; the first of a run begins with `initial`.
    ///
    /// # Safety
    ///
    /// Blocks' elements may be read; `totals` takes an accumulator for each; `initial` is one.
    #[inline(always)]
    unsafe fn totals<J: Join, const ISA: u8>(blocks: &[Block], initial: *const u8, totals: *mut u8) {
        let totals = totals.cast::<J::Acc>();
        for (index, some) in blocks.chunks(LANES).enumerate() {
            let mut accs = [J::NEUTRAL; LANES];
            // SAFETY: the caller's promise.
            unsafe {
                for (acc, _) in accs.iter_mut().zip(some).filter(|(_, block)| block.first) {
                    *acc = initial.cast::<J::Acc>().read();
                }
                group::<J, false, ISA>(some, &mut accs, &[J::NEUTRAL; LANES], false);
                std::ptr::copy_nonoverlapping(accs.as_ptr(), totals.add(index * LANES), some.len());
            }
        }
    }

    /// The results of blocks, each joined to what came before it: the first block of a run begins with that.
    ///
    /// # Safety
    ///
    /// Blocks' elements may be read, results written; `carries` holds an accumulator for each.
    #[inline(always)]
    unsafe fn scans<J: Join, const ISA: u8>(blocks: &[Block], carries: *const u8, streamed: bool) {
        let carries = carries.cast::<J::Acc>();
        for (index, some) in blocks.chunks(LANES).enumerate() {
            let mut before = [J::NEUTRAL; LANES];
            // SAFETY: the caller's promise.
            unsafe {
                std::ptr::copy_nonoverlapping(carries.add(index * LANES), before.as_mut_ptr(), some.len());
                let mut accs = [J::NEUTRAL; LANES];
                for (lane, _) in some.iter().enumerate().filter(|(_, block)| block.first) {
                    std::mem::swap(&mut accs[lane], &mut before[lane]);
                }
                group::<J, true, ISA>(some, &mut accs, &before, streamed);
            }
        }
    }

    macro_rules! compiled {
    ($(#[$feature:meta])* $isa:literal, $totals:ident, $scans:ident) => {
        /// # Safety
        ///
        /// As [`totals`].
        $(#[$feature])*
        pub unsafe fn $totals<J: Join>(blocks: &[Block], initial: *const u8, accs: *mut u8) {
            // SAFETY: the caller's promise is the one asked for.
            unsafe { totals::<J, $isa>(blocks, initial, accs) }
        }
        /// # Safety
        ///
        /// As [`scans`].
        $(#[$feature])*
        pub unsafe fn $scans<J: Join>(blocks: &[Block], carries: *const u8, streamed: bool) {
            // SAFETY: the caller's promise is the one asked for.
            unsafe { scans::<J, $isa>(blocks, carries, streamed) }
        }
    };
}
    compiled!(
        #[target_feature(enable = "avx2,fma")]
        1,
        totals_avx2,
        scans_avx2
    );
    compiled!(
        #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,fma")]
        2,
        totals_avx512,
        scans_avx512
    );
}
