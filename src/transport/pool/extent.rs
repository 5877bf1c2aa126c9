//! The book of extents: which 2 MiB pieces of the segment are used, free with memory behind them, or empty.

/// A row of neighbouring extents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: u32,
    pub(super) len: u32,
}

impl Run {
    pub(super) fn end(self) -> u32 {
        self.start + self.len
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Handed out, or on its way from one state to another.
    Used,
    /// Free, with memory behind it.
    Warm,
    /// Free, without memory.
    Cold,
}

/// A maximal row of warm extents, and when the last of it became free.
#[derive(Debug, Clone, Copy)]
struct WarmRun {
    run: Run,
    freed: u64,
}

/// States of all extents of a segment.
#[derive(Debug)]
pub(super) struct Extents {
    state: Vec<State>,
    /// The warm extents again, as runs in the order of their starts: few in any program that drops what it makes.
    warm: Vec<WarmRun>,
    clock: u64,
}

impl Extents {
    /// So many extents, all cold.
    pub(super) fn cold(count: u32) -> Extents {
        Extents { state: vec![State::Cold; count as usize], warm: Vec::new(), clock: 0 }
    }

    /// So many extents, all used.
    pub(super) fn used(count: u32) -> Extents {
        Extents { state: vec![State::Used; count as usize], warm: Vec::new(), clock: 0 }
    }

    /// Number of warm extents.
    pub(super) fn warm(&self) -> u32 {
        self.warm.iter().map(|warm| warm.run.len).sum()
    }

    /// Length of the longest warm run.
    pub(super) fn longest_warm(&self) -> u32 {
        self.warm.iter().map(|warm| warm.run.len).max().unwrap_or(0)
    }

    /// Whether all of a run is used.
    pub(super) fn is_used(&self, run: Run) -> bool {
        self.state[run.start as usize..run.end() as usize].iter().all(|&state| state == State::Used)
    }

    /// Takes `len` warm extents from the run that they fit best, among equals from that freed last.
    pub(super) fn take_warm(&mut self, len: u32) -> Option<Run> {
        let fitting = self.warm.iter().enumerate().filter(|(_, warm)| warm.run.len >= len);
        let (index, _) = fitting.min_by_key(|(_, warm)| (warm.run.len, std::cmp::Reverse(warm.freed)))?;
        let run = Run { start: self.warm[index].run.start, len };
        self.shorten(index, len);
        self.set(run, State::Used);
        Some(run)
    }

    /// Takes up to `most` extents from the warm run that was freed longest ago.
    pub(super) fn take_oldest(&mut self, most: u32) -> Option<Run> {
        let (index, warm) = self.warm.iter().enumerate().min_by_key(|(_, warm)| warm.freed)?;
        let run = Run { start: warm.run.start, len: warm.run.len.min(most) };
        self.shorten(index, run.len);
        self.set(run, State::Used);
        Some(run)
    }

    /// Takes these very extents, if all are warm.
    pub(super) fn take_these_warm(&mut self, run: Run) -> Option<Run> {
        let warm = self.warm.iter().any(|warm| warm.run.start <= run.start && run.end() <= warm.run.end());
        if !warm {
            return None;
        }
        self.take_these(run).map(|(run, _)| run)
    }

    /// Takes `len` free extents in a row, warm or cold, where the fewest are cold; returns them with the cold ones among
    /// them, which need memory.
    pub(super) fn take_any(&mut self, len: u32) -> Option<(Run, Vec<Run>)> {
        let run = self.fewest_cold(len)?;
        self.take_these(run)
    }

    /// Takes these very extents, if all are free, warm or cold; returns them as [`take_any`](Extents::take_any) does.
    pub(super) fn take_these(&mut self, run: Run) -> Option<(Run, Vec<Run>)> {
        if run.end() as usize > self.state.len() {
            return None;
        }
        let states = &self.state[run.start as usize..run.end() as usize];
        if states.contains(&State::Used) {
            return None;
        }
        let mut cold = Vec::<Run>::new();
        for (extent, _) in (run.start..).zip(states).filter(|&(_, &state)| state == State::Cold) {
            match cold.last_mut() {
                Some(last) if last.end() == extent => last.len += 1,
                _ => cold.push(Run { start: extent, len: 1 }),
            }
        }
        let runs = std::mem::take(&mut self.warm);
        for warm in runs {
            let before = warm.run.end().min(run.start).saturating_sub(warm.run.start);
            let after = warm.run.end().saturating_sub(warm.run.start.max(run.end()));
            let parts = [(warm.run.start, before), (warm.run.end() - after, after)];
            let left = parts.into_iter().filter(|&(_, len)| len > 0);
            self.warm.extend(left.map(|(start, len)| WarmRun { run: Run { start, len }, freed: warm.freed }));
        }
        self.set(run, State::Used);
        Some((run, cold))
    }

    /// Used extents become warm, one run with their warm neighbours.
    pub(super) fn put_warm(&mut self, run: Run) {
        assert!(run.len > 0 && self.is_used(run), "{run:?} is not in use");
        self.set(run, State::Warm);
        self.clock += 1;
        let mut merged = WarmRun { run, freed: self.clock };
        let mut index = self.warm.partition_point(|warm| warm.run.start < run.start);
        if self.warm.get(index).is_some_and(|next| next.run.start == run.end()) {
            merged.run.len += self.warm.remove(index).run.len;
        }
        if index > 0 && self.warm[index - 1].run.end() == run.start {
            index -= 1;
            let last = self.warm.remove(index).run;
            merged.run = Run { start: last.start, len: last.len + merged.run.len };
        }
        self.warm.insert(index, merged);
    }

    /// Used extents, from which the memory was taken, become cold.
    pub(super) fn put_cold(&mut self, run: Run) {
        assert!(self.is_used(run), "{run:?} is not in use");
        self.set(run, State::Cold);
    }

    fn set(&mut self, run: Run, state: State) {
        self.state[run.start as usize..run.end() as usize].fill(state);
    }

    /// Cuts the first `len` extents off a warm run.
    fn shorten(&mut self, index: usize, len: u32) {
        let run = &mut self.warm[index].run;
        *run = Run { start: run.start + len, len: run.len - len };
        if run.len == 0 {
            self.warm.remove(index);
        }
    }

    /// The window of `len` free extents with the fewest cold ones, the first of several.
    fn fewest_cold(&self, len: u32) -> Option<Run> {
        let (mut cold, mut free) = (0, 0);
        let mut best: Option<(u32, Run)> = None;
        for (index, &state) in self.state.iter().enumerate() {
            if state == State::Used {
                (cold, free) = (0, 0);
                continue;
            }
            free += 1;
            cold += u32::from(state == State::Cold);
            if free > len {
                cold -= u32::from(self.state[index - len as usize] == State::Cold);
            }
            if free >= len && best.is_none_or(|(fewest, _)| cold < fewest) {
                best = Some((cold, Run { start: index as u32 + 1 - len, len }));
            }
        }
        best.map(|(_, run)| run)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn run(start: u32, len: u32) -> Run {
        Run { start, len }
    }

    #[test]
    fn the_best_fit_is_taken_and_among_equals_the_last_freed() {
        let mut extents = Extents::used(40);
        for r in [run(0, 4), run(6, 2), run(10, 2), run(14, 8)] {
            extents.put_warm(r);
        }
        assert_eq!(extents.take_warm(2), Some(run(10, 2)));
        assert_eq!(extents.take_warm(2), Some(run(6, 2)));
        assert_eq!(extents.take_warm(3), Some(run(0, 3)));
        assert_eq!(extents.take_warm(9), None);
        assert_eq!(extents.take_oldest(5), Some(run(3, 1)));
        assert_eq!(extents.warm(), 8);
    }

    #[test]
    fn growth_continues_a_warm_run() {
        let mut extents = Extents::cold(20);
        assert_eq!(extents.take_any(4), Some((run(0, 4), vec![run(0, 4)])));
        assert_eq!(extents.take_any(6), Some((run(4, 6), vec![run(4, 6)])));
        extents.put_warm(run(4, 6));
        assert_eq!(extents.take_any(8), Some((run(4, 8), vec![run(10, 2)])));
        assert_eq!(extents.take_any(9), None);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Warm(u32),
        Any(u32),
        These(u32, u32),
        Oldest(u32),
        Free(usize),
        Chill(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (1..9u32).prop_map(Step::Warm),
            (1..9u32).prop_map(Step::Any),
            (0..32u32, 1..9u32).prop_map(|(start, len)| Step::These(start, len)),
            (1..9u32).prop_map(Step::Oldest),
            (0..99usize).prop_map(Step::Free),
            (0..99usize).prop_map(Step::Free),
            (0..99usize).prop_map(Step::Chill),
        ];
        prop::collection::vec(step, 1..120)
    }

    proptest! {
        /// Against a model of one state for each extent: nothing is handed out twice, what is warm stays findable.
        #[test]
        fn runs_agree_with_single_extents(steps in steps()) {
            let mut extents = Extents::cold(32);
            let mut model = [State::Cold; 32];
            let mut held = Vec::<Run>::new();
            let cells = |run: Run| run.start as usize..run.end() as usize;
            for step in steps {
                match step {
                    Step::Warm(len) => match extents.take_warm(len) {
                        Some(run) => {
                            prop_assert_eq!(run.len, len);
                            prop_assert!(model[cells(run)].iter().all(|&s| s == State::Warm));
                            model[cells(run)].fill(State::Used);
                            held.push(run);
                        }
                        None => prop_assert!(model.windows(len as usize).all(|w| w.iter().any(|&s| s != State::Warm))),
                    },
                    Step::Any(len) => match extents.take_any(len) {
                        Some((run, cold)) => {
                            prop_assert!(model[cells(run)].iter().all(|&s| s != State::Used));
                            let count = |cells: &[State]| cells.iter().filter(|&&s| s == State::Cold).count();
                            prop_assert_eq!(count(&model[cells(run)]), cold.iter().map(|c| c.len as usize).sum::<usize>());
                            prop_assert!(cold.iter().all(|&c| count(&model[cells(c)]) == c.len as usize));
                            let free = model.windows(len as usize).filter(|w| !w.contains(&State::Used));
                            prop_assert_eq!(free.map(count).min(), Some(count(&model[cells(run)])));
                            model[cells(run)].fill(State::Used);
                            held.push(run);
                        }
                        None => prop_assert!(model.windows(len as usize).all(|w| w.contains(&State::Used))),
                    },
                    Step::These(start, len) => {
                        let fits = start + len <= 32;
                        let free = fits && model[cells(run(start, len))].iter().all(|&s| s != State::Used);
                        let warm = fits && model[cells(run(start, len))].iter().all(|&s| s == State::Warm);
                        let taken = extents.take_these_warm(run(start, len));
                        prop_assert_eq!(taken.is_some(), warm);
                        let taken = taken.or_else(|| extents.take_these(run(start, len)).map(|(run, _)| run));
                        prop_assert_eq!(taken, free.then_some(run(start, len)));
                        if let Some(run) = taken {
                            model[cells(run)].fill(State::Used);
                            held.push(run);
                        }
                    }
                    Step::Oldest(most) => if let Some(run) = extents.take_oldest(most) {
                        prop_assert!(run.len <= most && model[cells(run)].iter().all(|&s| s == State::Warm));
                        model[cells(run)].fill(State::Used);
                        held.push(run);
                    } else {
                        prop_assert!(!model.contains(&State::Warm));
                    },
                    Step::Free(n) | Step::Chill(n) if held.is_empty() => { let _ = n; }
                    Step::Free(n) => {
                        let run = held.swap_remove(n % held.len());
                        extents.put_warm(run);
                        model[cells(run)].fill(State::Warm);
                    }
                    Step::Chill(n) => {
                        let run = held.swap_remove(n % held.len());
                        extents.put_cold(run);
                        model[cells(run)].fill(State::Cold);
                    }
                }
                prop_assert_eq!(&extents.state[..], &model[..]);
                let mut row = [false; 32];
                extents.warm.iter().for_each(|w| row[cells(w.run)].fill(true));
                prop_assert!(row.iter().zip(&model).all(|(&warm, &s)| warm == (s == State::Warm)));
                prop_assert!(extents.warm.windows(2).all(|w| w[0].run.end() < w[1].run.start), "runs not merged");
            }
        }
    }
}
