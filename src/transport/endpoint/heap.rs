//! The endpoint within one process: queues under a lock, leases in a table. Simple enough to be right by inspection, so it
//! is what the others are compared with, and what simulators run on.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::outbox::{OUTSTANDING, Outbox};
use super::{Access, BATCH, Endpoint, Event, Lease, Limits, PeerId, Post, Registration, Transfer, unknown};
use crate::transport::doorbell::Waited;
use crate::transport::region::Region;
use crate::{Error, Result};

const LIMITS: Limits = Limits { message: 64 << 10, outstanding: OUTSTANDING, registrations: 256 };

/// Most messages that lie unread at an endpoint from one peer.
const UNREAD: usize = 64;

/// Endpoint of a thread or a simulated process; see [`HeapEndpoint::network`].
#[derive(Debug)]
pub struct HeapEndpoint {
    network: Arc<Network>,
    me: usize,
    peers: Vec<Outbox>,
    done: Vec<Event>,
}

#[derive(Debug)]
struct Network {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    ends: Vec<End>,
    keys: u64,
}

#[derive(Debug, Default)]
struct End {
    /// From each end, unread.
    inbox: Vec<VecDeque<Vec<u8>>>,
    leases: HashMap<u64, (Region, Lease)>,
    closed: bool,
    /// Counts what happened here that `wait` waits for.
    epoch: u64,
    progressed: u64,
}

impl HeapEndpoint {
    /// Endpoints that all reach each other. Number `i` knows number `j` as `PeerId(j)`, itself included.
    pub fn network(names: &[&str]) -> Vec<HeapEndpoint> {
        let end = || End { inbox: vec![VecDeque::new(); names.len()], ..End::default() };
        let state = State { ends: names.iter().map(|_| end()).collect(), keys: 0 };
        let network = Arc::new(Network { state: Mutex::new(state), changed: Condvar::new() });
        let peers = || names.iter().zip(0..).map(|(name, id)| Outbox::new(PeerId(id), (*name).into())).collect();
        (0..names.len())
            .map(|me| HeapEndpoint { network: Arc::clone(&network), me, peers: peers(), done: Vec::new() })
            .collect()
    }

    fn transfer(&mut self, transfer: Transfer<'_>, wanted: Access) -> Result<Post> {
        let peer = transfer.peer;
        let known = self.peers.len();
        let outbox = self.peers.get(peer.0 as usize).ok_or_else(|| unknown(peer, known))?;
        outbox.check()?;
        transfer.check(outbox.name(), wanted)?;
        let outcome = transfer.in_time(outbox.name()).and_then(|()| {
            match self.network.lock().ends[peer.0 as usize].leases.get(&transfer.remote.key) {
                Some((memory, lease)) if *lease == transfer.remote => {
                    transfer.run(wanted, memory);
                    Ok(())
                }
                _ => Err(transfer.refused(outbox.name(), "no such lease")),
            }
        });
        self.done.push(Event::Done { peer, token: transfer.token, outcome });
        Ok(Post::Accepted)
    }
}

impl Network {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock panics half-way; a thread that panicked elsewhere is no reason to stop the others.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a message where `to` finds it; `false` when too many lie there.
    fn deliver(&self, from: usize, to: usize, bytes: &[u8]) -> bool {
        let mut state = self.lock();
        let end = &mut state.ends[to];
        if end.closed {
            return true; // it gets lost with its receiver
        }
        if end.inbox[from].len() == UNREAD {
            return false;
        }
        end.inbox[from].push_back(bytes.to_vec());
        end.epoch += 1;
        self.changed.notify_all();
        true
    }
}

impl Endpoint for HeapEndpoint {
    fn limits(&self) -> Limits {
        LIMITS
    }

    fn register(&mut self, memory: &Region, access: Access) -> Result<Registration> {
        let mut state = self.network.lock();
        state.keys += 1;
        let key = state.keys;
        let leases = &mut state.ends[self.me].leases;
        if leases.len() == LIMITS.registrations {
            return Err(Error::invalid(format!("an endpoint has {} registrations at most", LIMITS.registrations)));
        }
        let lease = Lease { key, base: 0, len: memory.len() as u64, access };
        leases.insert(key, (memory.clone(), lease));
        Ok(Registration { memory: memory.clone(), lease })
    }

    fn revoke(&mut self, lease: Lease) {
        self.network.lock().ends[self.me].leases.remove(&lease.key);
    }

    fn send(&mut self, peer: PeerId, bytes: &[u8], token: u64, deadline: Instant) -> Result<Post> {
        if bytes.len() > LIMITS.message {
            return Err(Error::invalid(format!("message of {} bytes, the limit is {}", bytes.len(), LIMITS.message)));
        }
        let known = self.peers.len();
        let outbox = self.peers.get_mut(peer.0 as usize).ok_or_else(|| unknown(peer, known))?;
        let deliver = |bytes: &[u8]| Ok(self.network.deliver(self.me, peer.0 as usize, bytes));
        outbox.post(bytes, token, deadline, &mut self.done, deliver)
    }

    fn read(&mut self, transfer: Transfer<'_>) -> Result<Post> {
        self.transfer(transfer, Access::Read)
    }

    fn write(&mut self, transfer: Transfer<'_>) -> Result<Post> {
        self.transfer(transfer, Access::Write)
    }

    fn progress(&mut self, events: &mut Vec<Event>) -> usize {
        let before = events.len();
        events.append(&mut self.done);
        for (id, outbox) in self.peers.iter_mut().enumerate().filter(|(_, outbox)| !outbox.is_over()) {
            let mut state = self.network.lock();
            let closed = state.ends[id].closed;
            state.ends[self.me].progressed = state.ends[self.me].epoch;
            let inbox = &mut state.ends[self.me].inbox[id];
            let peer = PeerId(id as u32);
            let taken = inbox.len().min(BATCH);
            events.extend(inbox.drain(..taken).map(|bytes| Event::Message { peer, bytes }));
            let drained = inbox.is_empty();
            if closed && drained {
                outbox.lose(Error::PeerLost { peer: outbox.name().into(), what: "it closed its endpoint".into() });
            }
            if taken > 0 {
                state.ends[id].epoch += 1; // there is room again
                self.network.changed.notify_all();
            }
            drop(state);
            if outbox.is_lost() {
                if drained {
                    outbox.tell_loss(events);
                }
            } else {
                let sent = outbox.flush(events, |bytes| Ok(self.network.deliver(self.me, id, bytes)));
                sent.expect("delivery within a process does not fail");
            }
        }
        events.len() - before
    }

    fn wait(&mut self, _spin: Duration, deadline: Instant) -> Waited {
        if !self.done.is_empty() || self.peers.iter().any(Outbox::has_news) {
            return Waited::Woken;
        }
        let deadline = self.peers.iter().filter_map(Outbox::next_deadline).fold(deadline, Instant::min);
        let mut state = self.network.lock();
        while state.ends[self.me].epoch == state.ends[self.me].progressed {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Waited::TimedOut;
            }
            state = self.network.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        Waited::Woken
    }

    fn lose(&mut self, peer: PeerId, why: &str) {
        if let Some(outbox) = self.peers.get_mut(peer.0 as usize) {
            outbox.lose(Error::PeerLost { peer: outbox.name().into(), what: why.into() });
        }
    }
}

impl Drop for HeapEndpoint {
    fn drop(&mut self) {
        let mut state = self.network.lock();
        state.ends[self.me].closed = true;
        state.ends[self.me].leases.clear();
        for end in &mut state.ends {
            end.epoch += 1;
        }
        self.network.changed.notify_all();
    }
}
