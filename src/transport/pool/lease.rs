//! Leases: whole extents lent to another process, which hands out blocks of them by itself, and which come back when it
//! dies, whatever it had done with them. No caller until processes other than the pool's owner allocate by themselves.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError},
};

use super::{Pool, extent::Run, growth::Core};
use crate::{
    Error, Result,
    transport::{
        quota::Quota,
        segment::{HUGE_PAGE, Role, Segment},
    },
};

/// What is lent to whom.
pub(super) type Leases = BTreeMap<u32, Vec<Run>>;

/// A run of extents of a segment, as it is told to another process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extents {
    /// Where in the segment it begins, a multiple of 2 MiB.
    pub offset: u64,
    /// Bytes, a multiple of 2 MiB.
    pub len: u64,
}

impl Extents {
    fn of(run: Run) -> Extents {
        Extents { offset: u64::from(run.start) * HUGE_PAGE as u64, len: u64::from(run.len) * HUGE_PAGE as u64 }
    }

    /// The run in a segment, if it lies in it on 2 MiB borders.
    fn run(self, segment: &Segment) -> Result<Run> {
        let (page, end) = (HUGE_PAGE as u64, self.offset.checked_add(self.len));
        let whole = self.offset.is_multiple_of(page) && self.len.is_multiple_of(page) && self.len > 0;
        if !whole || end.is_none_or(|end| end > segment.len() as u64) {
            return Err(Error::invalid(format!("{self:?} are no extents of a segment of {} bytes", segment.len())));
        }
        Ok(Run { start: (self.offset / page) as u32, len: (self.len / page) as u32 })
    }
}

impl Pool {
    /// Lends `extents` extents in a row, with memory behind them, to `owner`.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] for none, [`Error::OutOfMemory`] as for a block of that size.
    pub fn lease(&self, owner: u32, extents: u32) -> Result<Extents> {
        if extents == 0 {
            return Err(Error::invalid("a lease of no extents"));
        }
        let core = &self.0.core;
        let (run, _) = self.pressed(extents as usize * HUGE_PAGE, || core.take(extents, None))?;
        core.account.add((extents as usize * HUGE_PAGE) as i64);
        self.0.leases.lock().unwrap_or_else(PoisonError::into_inner).entry(owner).or_default().push(run);
        Ok(Extents::of(run))
    }

    /// Takes back what was lent to `owner`, all of it; bytes taken back. The owner must be dead, or done with them: what
    /// it writes later lands in somebody else's array.
    pub fn release_owner(&self, owner: u32) -> u64 {
        let runs = self.0.leases.lock().unwrap_or_else(PoisonError::into_inner).remove(&owner);
        runs.into_iter()
            .flatten()
            .map(|run| {
                let len = Extents::of(run).len;
                self.0.core.account.add(-(len as i64));
                self.0.core.put(run);
                len
            })
            .sum()
    }

    /// A pool in extents that the segment's owner has lent to this process.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] when they do not lie in the segment or overlap, or when it holds control data.
    pub fn over_lease(segment: Arc<Segment>, leased: &[Extents]) -> Result<Pool> {
        let mut runs = leased.iter().map(|extents| extents.run(&segment)).collect::<Result<Vec<Run>>>()?;
        runs.sort_unstable_by_key(|run| run.start);
        if let Some(pair) = runs.windows(2).find(|pair| pair[0].end() > pair[1].start) {
            return Err(Error::invalid(format!(
                "leased extents overlap: {:?}",
                pair.iter().map(|&run| Extents::of(run)).collect::<Vec<_>>()
            )));
        }
        if segment.decide(Role::Blocks) != Role::Blocks {
            return Err(Error::invalid("leased extents in a segment of control data"));
        }
        let quota = Quota::unmeasured(leased.iter().map(|extents| extents.len).sum());
        Ok(Pool::over(Core::new(segment, quota, Some(&runs))))
    }
}
