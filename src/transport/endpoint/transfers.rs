//! Transfers under way: copied a piece at a time in turn, each with its deadline, so that one call of progress is short
//! however long a transfer is.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::memory::{Memory, copy};
use super::{Access, EndpointError, Event, Lease, PeerId, Post, Result, Transfer};

/// Most transfers that are under way.
pub(super) const TRANSFERS: usize = 128;

/// Bytes copied between two looks at the lease.
const PIECE: usize = 256 << 10;

/// Bytes copied in one call of progress: some tenths of a millisecond.
pub(super) const BUDGET: usize = 4 * PIECE;

/// The transfers that an endpoint has accepted and not completed.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    queue: VecDeque<Pending>,
}

#[derive(Debug)]
struct Pending {
    peer: PeerId,
    name: Arc<str>,
    wanted: Access,
    remote: Lease,
    remote_at: u64,
    local: Memory,
    local_at: usize,
    len: usize,
    /// Bytes that are copied already.
    done: usize,
    token: u64,
    posted: Instant,
    deadline: Instant,
}

/// What is copied next of a transfer.
#[derive(Debug)]
pub(super) struct Piece<'a> {
    pub(super) peer: PeerId,
    pub(super) remote: Lease,
    name: &'a str,
    wanted: Access,
    remote_at: usize,
    local: &'a Memory,
    local_at: usize,
    len: usize,
}

impl Transfers {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Accepts a transfer with a peer of that name, if what it says of both sides allows it.
    pub(super) fn post(&mut self, transfer: Transfer<'_>, name: &Arc<str>, wanted: Access) -> Result<Post> {
        transfer.check(name, wanted)?;
        if self.queue.len() == TRANSFERS {
            return Ok(Post::Busy);
        }
        let Transfer { peer, remote, remote_at, local, local_at, len, token, deadline } = transfer;
        let (name, local, posted) = (Arc::clone(name), local.memory().clone(), Instant::now());
        self.queue.push_back(Pending {
            peer,
            name,
            wanted,
            remote,
            remote_at,
            local,
            local_at,
            len,
            done: 0,
            token,
            posted,
            deadline,
        });
        Ok(Post::Accepted)
    }

    /// Completes what is late, then lets `step` copy pieces, of each transfer in turn, until there are none or enough.
    pub(super) fn progress(&mut self, events: &mut Vec<Event>, mut step: impl FnMut(&Piece<'_>) -> Result<()>) {
        if self.queue.is_empty() {
            return;
        }
        let now = Instant::now();
        self.complete(events, |pending| (now >= pending.deadline).then(|| pending.late()));
        let mut copied = 0;
        while copied < BUDGET
            && let Some(mut first) = self.queue.pop_front()
        {
            let piece = first.piece();
            let (len, outcome) = (piece.len, step(&piece));
            copied += len;
            first.done += len;
            if outcome.is_ok() && first.done < first.len {
                self.queue.push_back(first);
            } else {
                events.push(Event::Done { peer: first.peer, token: first.token, outcome });
            }
        }
    }

    /// Completes all transfers with a peer that is gone.
    pub(super) fn lose(&mut self, peer: PeerId, error: &EndpointError, events: &mut Vec<Event>) {
        self.complete(events, |pending| (pending.peer == peer).then(|| error.clone()));
    }

    /// Completes the transfers for which there is an error.
    fn complete(&mut self, events: &mut Vec<Event>, why: impl Fn(&Pending) -> Option<EndpointError>) {
        self.queue.retain(|pending| {
            let error = why(pending);
            let stays = error.is_none();
            if let Some(error) = error {
                events.push(Event::Done { peer: pending.peer, token: pending.token, outcome: Err(error) });
            }
            stays
        });
    }
}

impl Pending {
    fn piece(&self) -> Piece<'_> {
        Piece {
            peer: self.peer,
            remote: self.remote,
            name: &self.name,
            wanted: self.wanted,
            // In bounds of a lease, as checked when posted. A lease longer than memory can be is refused by its owner.
            remote_at: (self.remote_at as usize).saturating_add(self.done),
            local: &self.local,
            local_at: self.local_at + self.done,
            len: (self.len - self.done).min(PIECE),
        }
    }

    fn late(&self) -> EndpointError {
        let Pending { wanted, len, done, name, .. } = self;
        EndpointError::Late {
            what: format!("{wanted:?} of {len} bytes of peer {name}, {done} of them copied"),
            after: self.deadline.saturating_duration_since(self.posted),
        }
    }
}

impl Piece<'_> {
    /// Copies it between the local memory and `remote`, the leased one, which is as long as the lease says.
    pub(super) fn copy(&self, remote: &Memory) {
        if self.wanted == Access::Write {
            copy(self.local, self.local_at, remote, self.remote_at, self.len);
        } else {
            copy(remote, self.remote_at, self.local, self.local_at, self.len);
        }
    }

    /// The error of a lease that its owner does not know.
    pub(super) fn no_lease(&self) -> EndpointError {
        EndpointError::NoLease { peer: self.name.into(), key: self.remote.key }
    }
}
