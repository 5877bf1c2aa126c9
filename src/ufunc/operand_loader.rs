//! A program over a loop nest: strips of its operands are fetched, and its steps run over them.

use super::kernel::{Arg, splat_lanes};
use super::prefetch::Prefetch;
use super::program::Code;
use super::simd::Isa;
use super::stream::Line;
use super::view::{View, row_of};
use super::work::protocol::{Extent, Operands};
use smallvec::SmallVec;
use std::cell::Cell;

/// Bytes of registers that leave room in the first-level cache for what streams through it.
const REGISTERS: usize = 24 << 10;
/// Most lanes of a strip that goes through registers.
const STRIP: usize = 512;
/// From so many steps on the inputs of the next strip are fetched while one is computed.
const LONG: usize = 4;

/// A program, and where its operands lie in one loop nest.
#[derive(Debug)]
pub(super) struct OperandLoader {
    pub code: Code,
    /// The inputs' views; then those of the outputs, for a map.
    pub views: Vec<View>,
    /// Most lanes of a strip.
    pub strip: usize,
    /// Row length that strips must not straddle.
    row: Option<usize>,
    /// For each view, whether strips of it are copied through a buffer.
    buffered: Vec<bool>,
    /// Whether inputs are fetched ahead.
    ahead: bool,
}

impl OperandLoader {
    /// `stream`: the data is far larger than the caches.
    pub fn new(code: Code, views: Vec<View>, stream: bool) -> OperandLoader {
        let row = row_of(&views);
        let inputs = code.inputs.len();
        let buffered: Vec<bool> = views
            .iter()
            .enumerate()
            .map(|(i, view)| {
                let straddles = view.axes.len() > 1 && row.is_none();
                // What is always the same is a splat; an output never is.
                let fixed = view.axes.is_empty() || (view.inner().stride == 0 && i < inputs);
                straddles || !(view.row_contiguous() || fixed)
            })
            .collect();
        let gathered = buffered.contains(&true);
        let lane: usize = code.registers.iter().sum::<usize>()
            + views.iter().zip(&buffered).filter(|(_, buffered)| **buffered).map(|(view, _)| view.size).sum::<usize>();
        let most = match code.steps.len() {
            0..=3 if stream && !gathered => 64,
            _ => STRIP,
        };
        // Without a buffer there is nothing that a strip could be too long for.
        let strip = REGISTERS.checked_div(lane).map_or(usize::MAX, |lanes| (lanes / 64 * 64).clamp(64, most));
        let ahead = stream && code.steps.len() >= LONG;
        OperandLoader { code, views, strip, row, buffered, ahead }
    }

    /// Lanes of the strip that begins at `at`, before `end`.
    #[inline]
    pub fn strip_at(&self, at: usize, end: usize) -> usize {
        let n = self.strip.min(end - at);
        match self.row {
            Some(row) => n.min(row - at % row),
            None => n,
        }
    }

    /// Row length on whose multiples it is best to cut.
    pub fn row(&self) -> Option<usize> {
        self.row
    }

    /// Begins work on operands, with `extra` bytes of buffer for the caller.
    pub fn session(&self, isa: Isa, stream: bool, bases: &[*const u8], extra: usize) -> Session<'_> {
        let inputs = self.code.inputs.len();
        let lanes = if self.strip == usize::MAX { 0 } else { self.strip };
        let round = |bytes: usize| bytes.next_multiple_of(64);
        let mut total = round(extra);
        let mut place = |bytes: usize| {
            let at = total;
            total += round(bytes);
            at
        };
        let registers: Vec<usize> = self.code.registers.iter().map(|size| place(size * lanes)).collect();
        let strips: Vec<usize> = self
            .views
            .iter()
            .zip(&self.buffered)
            .map(|(view, &buffered)| place(if buffered { view.size * lanes } else { 0 }))
            .collect();
        let splats: Vec<usize> =
            self.views[..inputs].iter().map(|view| place(view.size * splat_lanes(view.size))).collect();
        let arena = Arena::take(total);
        let base = arena.base();
        let at = |offset: usize| base.wrapping_add(offset);
        let mut table = self.code.table();
        for (slot, &offset) in table[self.code.register_slot()..].iter_mut().zip(&registers) {
            *slot = Arg { ptr: at(offset), varies: true };
        }
        Session {
            feed: self,
            isa,
            stream,
            table,
            bases: bases.to_vec(),
            strips: strips.into_iter().map(at).collect(),
            splats: splats.into_iter().map(|offset| (at(offset), std::ptr::null())).collect(),
            extra: base,
            instead: SmallVec::from_elem(None, inputs),
            _arena: arena,
        }
    }
}

/// One thread's work on a feed.
pub(super) struct Session<'a> {
    feed: &'a OperandLoader,
    isa: Isa,
    stream: bool,
    table: Vec<Arg>,
    /// First element of each input.
    pub bases: Vec<*const u8>,
    strips: Vec<*mut u8>,
    splats: Vec<(*mut u8, *const u8)>,
    /// The caller's buffer, on a 64-byte border.
    pub extra: *mut u8,
    /// For each input, where the caller has put some elements side by side, and the number of the first of them.
    pub instead: SmallVec<[Option<(*const u8, usize)>; 4]>,
    _arena: Arena,
}

/// Inputs that lie in pieces, of which a unit reads parts that are far from each other: these are brought together part by part.
#[derive(Clone, Copy)]
pub(super) struct Apart<'a> {
    pub operands: &'a dyn Operands,
    /// For each input, whether it is one of these.
    pub inputs: &'a [bool],
}

impl Session<'_> {
    /// Brings elements `start..start + n` of the inputs that are apart, whose first element is `base` bytes from the operand's pointer.
    pub fn bring(&mut self, apart: Apart<'_>, start: usize, n: usize, base: impl Fn(usize) -> isize) {
        for input in (0..apart.inputs.len()).filter(|&input| apart.inputs[input]) {
            let (view, base) = (&self.feed.views[input], base(input));
            let extent = view.touches(start..start + n);
            let extent = Extent { low: extent.low + base, high: extent.high + base };
            if (extent.high - extent.low) as usize <= 2 * n * view.size {
                self.bases[input] = apart.operands.at(input, extent).cast_const().wrapping_offset(base);
                self.instead[input] = None;
            } else {
                let packed = apart.operands.packed(input, &view.runs(base, start, n));
                self.instead[input] = Some((packed, start));
            }
        }
    }

    /// Computes lanes `start..start + n` of the program into `outputs`, side by side; `n` as [`OperandLoader::strip_at`] says.
    ///
    /// # Safety
    ///
    /// The elements of the views from `bases` are valid and aligned, and what is `instead` of them has these lanes; each output takes `n` elements and overlaps nothing.
    #[inline]
    pub unsafe fn compute(&mut self, start: usize, n: usize, outputs: &[*mut u8]) {
        let code = &self.feed.code;
        for (i, &base) in self.bases.iter().enumerate() {
            if let Some((there, first)) = self.instead[i] {
                let ptr = there.wrapping_add((start - first) * self.feed.views[i].size);
                self.table[i] = Arg { ptr, varies: true };
                continue;
            }
            let (splat, splatted) = &mut self.splats[i];
            // SAFETY: the view's elements are valid (contract), `n` is at most the strip length, which the strip's buffer has
            // unless every strip of the view is in place or a splat.
            self.table[i] = unsafe { self.feed.views[i].fetch(base, start, n, self.strips[i], *splat, splatted) };
        }
        for (slot, &output) in self.table[code.output_slot()..].iter_mut().zip(outputs) {
            *slot = Arg { ptr: output, varies: true };
        }
        let mut ahead = Prefetch::nothing();
        if self.feed.ahead {
            for ((&base, view), arg) in self.bases.iter().zip(&self.feed.views).zip(&self.table) {
                if arg.varies && view.row_contiguous() {
                    ahead.add(base.wrapping_offset(view.locate(start + n).0), n * view.size);
                }
            }
        }
        // SAFETY: inputs were fetched, registers have room for `n <= strip` lanes, outputs as the caller says.
        unsafe { code.run(&self.table, n, self.isa, self.stream, ahead.over(code.steps.len())) }
    }

    /// Computes lanes `start..start + n` and stores the outputs where their views, from `bases`, say.
    ///
    /// # Safety
    ///
    /// As [`Session::compute`]; the elements of the outputs' views are valid, and nothing else looks at them.
    #[inline]
    pub unsafe fn store(&mut self, start: usize, n: usize, bases: &[*mut u8]) {
        let inputs = self.feed.code.inputs.len();
        let mut outputs = [std::ptr::null_mut(); super::program::limits::OUTPUTS];
        for (k, &base) in bases.iter().enumerate() {
            let at = inputs + k;
            outputs[k] = if self.feed.buffered[at] {
                self.strips[at]
            } else {
                // SAFETY: the offset of an element of the view.
                unsafe { base.offset(self.feed.views[at].locate(start).0) }
            };
        }
        // SAFETY: an output is its buffer, which has room for a strip, or a piece of one row of its view: a strip straddles
        // no row of a view that is not buffered.
        unsafe {
            self.compute(start, n, &outputs[..bases.len()]);
            for (k, &base) in bases.iter().enumerate() {
                if self.feed.buffered[inputs + k] {
                    self.feed.views[inputs + k].scatter(base, start, n, outputs[k]);
                }
            }
        }
    }
}

thread_local! {
    static SPARE: Cell<Vec<Line<[u8; 64]>>> = const { Cell::new(Vec::new()) };
}

/// Cache-aligned memory that a thread keeps from one chunk to the next.
pub(super) struct Arena(Vec<Line<[u8; 64]>>);

impl Arena {
    pub fn take(bytes: usize) -> Arena {
        let mut lines = SPARE.try_with(Cell::take).unwrap_or_default();
        lines.resize_with(lines.len().max(bytes.div_ceil(64)), || Line([0; 64]));
        Arena(lines)
    }

    pub fn base(&self) -> *mut u8 {
        self.0.as_ptr().cast_mut().cast()
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.0);
        // A thread that is ending frees it instead.
        let _ = SPARE.try_with(|spare| spare.set(lines));
    }
}
