//! The free spans of the extents that blocks are cut from: pages of 4 KiB, of which several blocks may share an extent.
//!
//! A block takes the span that it fits best, so that free memory stays in long spans. Neighbouring free spans are one span. Extents that are
//! free as a whole stay here, with their memory, until somebody asks for them.

use std::collections::{BTreeMap, BTreeSet};

use super::extent::Run;
use crate::transport::segment::HUGE_PAGE;

/// Bytes of a page, the unit of spans.
pub(super) const PAGE: usize = 4096;
/// Pages of an extent.
pub(super) const PAGES: u32 = (HUGE_PAGE / PAGE) as u32;

/// Neighbouring pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) len: u32,
}

impl Span {
    pub(super) fn end(self) -> u32 {
        self.start + self.len
    }

    /// All pages of a run of extents.
    pub(super) fn of_run(run: Run) -> Span {
        Span { start: run.start * PAGES, len: run.len * PAGES }
    }

    /// Where in the segment it begins.
    pub(super) fn offset(self) -> u64 {
        u64::from(self.start) * PAGE as u64
    }

    /// The extents that lie in it as a whole.
    fn whole_extents(self) -> Option<Run> {
        let (start, end) = (self.start.div_ceil(PAGES), self.end() / PAGES);
        (start < end).then(|| Run { start, len: end - start })
    }
}

/// Free spans, by position and by length.
#[derive(Debug, Default)]
pub(super) struct Spans {
    by_start: BTreeMap<u32, u32>,
    by_len: BTreeSet<(u32, u32)>,
    pages: u64,
}

impl Spans {
    /// Bytes of all free spans.
    pub(super) fn bytes(&self) -> u64 {
        self.pages * PAGE as u64
    }

    /// Takes `len` pages from the start of the span that they fit best.
    pub(super) fn take(&mut self, len: u32) -> Option<Span> {
        let &(_, start) = self.by_len.range((len, 0)..).next()?;
        self.carve(Span { start, len })
    }

    /// Takes these very pages, where they are the start of a free span or in the middle of one.
    pub(super) fn carve(&mut self, wanted: Span) -> Option<Span> {
        let (&start, &len) = self.by_start.range(..=wanted.start).next_back()?;
        let whole = Span { start, len };
        if whole.end() < wanted.end() {
            return None;
        }
        self.remove(whole);
        self.insert(Span { start, len: wanted.start - start });
        self.insert(Span { start: wanted.end(), len: whole.end() - wanted.end() });
        Some(wanted)
    }

    /// Takes the longest span that is shorter than `len` and ends where an extent does: with the extents after it, it makes a longer one.
    pub(super) fn take_tail(&mut self, len: u32) -> Option<Span> {
        // Of a few: that one ends there, or none does that is worth the search.
        let mut longest = self.by_len.range(..(len, 0)).rev().take(8);
        let &(len, start) = longest.find(|&&(len, start)| (start + len).is_multiple_of(PAGES))?;
        self.carve(Span { start, len })
    }

    /// Takes a span back.
    pub(super) fn put(&mut self, span: Span) {
        let mut merged = span;
        if let Some((&start, &len)) = self.by_start.range(..span.start).next_back() {
            let before = Span { start, len };
            assert!(before.end() <= span.start, "{span:?} was free already");
            if before.end() == span.start {
                self.remove(before);
                merged = Span { start, len: len + merged.len };
            }
        }
        if let Some((&start, &len)) = self.by_start.range(span.start..).next() {
            assert!(start >= span.end(), "{span:?} was free already");
            if start == span.end() {
                self.remove(Span { start, len });
                merged.len += len;
            }
        }
        self.insert(merged);
    }

    /// Takes out all extents that are free as a whole.
    pub(super) fn take_whole_extents(&mut self) -> Vec<Run> {
        let spans = self.by_start.iter().map(|(&start, &len)| Span { start, len });
        let runs: Vec<Run> = spans.filter_map(Span::whole_extents).collect();
        for &run in &runs {
            self.carve(Span::of_run(run));
        }
        runs
    }

    fn insert(&mut self, span: Span) {
        if span.len > 0 {
            self.by_start.insert(span.start, span.len);
            self.by_len.insert((span.len, span.start));
            self.pages += u64::from(span.len);
        }
    }

    fn remove(&mut self, span: Span) {
        self.by_start.remove(&span.start);
        self.by_len.remove(&(span.len, span.start));
        self.pages -= u64::from(span.len);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn span(start: u32, len: u32) -> Span {
        Span { start, len }
    }

    #[test]
    fn the_best_fit_is_taken_and_neighbours_are_joined() {
        let mut spans = Spans::default();
        spans.put(span(0, 100));
        spans.put(span(200, 20));
        assert_eq!(spans.take(10), Some(span(200, 10)));
        assert_eq!(spans.take(20), Some(span(0, 20)));
        assert_eq!(spans.take(81), None);
        spans.put(span(100, 100));
        assert_eq!(spans.take(180), Some(span(20, 180)));
        spans.put(span(200, 10));
        assert_eq!(spans.take(20), Some(span(200, 20)));
        assert_eq!((spans.bytes(), spans.take(1)), (0, None));
    }

    #[test]
    fn a_tail_ends_where_an_extent_does() {
        let mut spans = Spans::default();
        spans.put(span(PAGES - 10, 10));
        spans.put(span(3 * PAGES - 20, 19));
        assert_eq!(spans.take_tail(10), None);
        assert_eq!(spans.take_tail(20), Some(span(PAGES - 10, 10)));
    }

    #[test]
    fn whole_extents_come_out_of_the_middle_of_spans() {
        let mut spans = Spans::default();
        spans.put(span(PAGES - 3, 2 * PAGES + 7));
        spans.put(span(5 * PAGES + 1, PAGES));
        assert_eq!(spans.take_whole_extents(), [Run { start: 1, len: 2 }]);
        assert_eq!(spans.bytes(), u64::from(3 + 4 + PAGES) * PAGE as u64);
        assert_eq!(spans.take(PAGES), Some(span(5 * PAGES + 1, PAGES)));
    }

    proptest! {
        /// Against a model of one flag for each page.
        #[test]
        fn spans_agree_with_single_pages(steps in prop::collection::vec((0..4u8, 1..40u32, 0..99usize), 1..120)) {
            let mut spans = Spans::default();
            let mut free = vec![true; 300];
            let mut held = Vec::new();
            spans.put(span(0, 300));
            for (kind, len, nth) in steps {
                let taken = match kind {
                    0 | 1 => spans.take(len),
                    2 => spans.carve(span(nth as u32 * 3, len)),
                    _ if held.is_empty() => None,
                    _ => {
                        let back: Span = held.swap_remove(nth % held.len());
                        free[back.start as usize..back.end() as usize].fill(true);
                        spans.put(back);
                        None
                    }
                };
                if let Some(taken) = taken {
                    let pages = &mut free[taken.start as usize..taken.end() as usize];
                    prop_assert!(taken.len == len && pages.iter().all(|&free| free));
                    pages.fill(false);
                    held.push(taken);
                } else if kind < 2 {
                    prop_assert!(!free.windows(len as usize).any(|pages| pages.iter().all(|&free| free)));
                }
                prop_assert_eq!(spans.bytes(), free.iter().filter(|&&free| free).count() as u64 * PAGE as u64);
                prop_assert_eq!(spans.by_start.len(), spans.by_len.len());
            }
        }
    }
}
