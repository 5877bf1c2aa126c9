//! Sends that have not found room yet: in order, bounded, each with its deadline.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::transfers::Transfers;
use super::{EndpointError, Event, PeerId, Post, Result};

/// Most sends that wait for one peer.
pub(super) const OUTSTANDING: usize = 128;

/// What waits to be sent to one peer, and what it has come to.
#[derive(Debug)]
pub(super) struct Outbox {
    peer: PeerId,
    name: Arc<str>,
    waiting: VecDeque<Waiting>,
    lost: Option<String>,
    /// Whether `Event::Lost` is still to be told.
    untold: Option<EndpointError>,
}

#[derive(Debug)]
struct Waiting {
    bytes: Vec<u8>,
    token: u64,
    posted: Instant,
    deadline: Instant,
}

impl Outbox {
    pub(super) fn new(peer: PeerId, name: &str) -> Outbox {
        Outbox { peer, name: name.into(), waiting: VecDeque::new(), lost: None, untold: None }
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// [`EndpointError::Lost`] once it is.
    pub(super) fn check(&self) -> Result<()> {
        match &self.lost {
            Some(what) => Err(self.lost_by(what)),
            None => Ok(()),
        }
    }

    /// The error of a peer that is lost, and how that is known.
    pub(super) fn lost_by(&self, what: &str) -> EndpointError {
        EndpointError::Lost { peer: self.name.as_ref().into(), what: what.into() }
    }

    /// The error of a peer that has closed its endpoint.
    pub(super) fn closed(&self) -> EndpointError {
        self.lost_by("it closed its endpoint")
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.is_some()
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether a loss is still to be told.
    pub(super) fn has_news(&self) -> bool {
        self.untold.is_some()
    }

    /// Whether the loss has been told: nothing more comes of this peer.
    pub(super) fn is_over(&self) -> bool {
        self.is_lost() && self.untold.is_none()
    }

    /// Sends through `try_send`, or keeps a copy for later.
    pub(super) fn post(
        &mut self,
        bytes: &[u8],
        token: u64,
        deadline: Instant,
        done: &mut Vec<Event>,
        try_send: impl FnOnce(&[u8]) -> Result<bool>,
    ) -> Result<Post> {
        self.check()?;
        // Behind what waits already, for the order.
        if self.waiting.is_empty() && try_send(bytes)? {
            done.push(Event::Done { peer: self.peer, token, outcome: Ok(()) });
            return Ok(Post::Accepted);
        }
        if self.waiting.len() == OUTSTANDING {
            return Ok(Post::Busy);
        }
        self.waiting.push_back(Waiting { bytes: bytes.to_vec(), token, posted: Instant::now(), deadline });
        Ok(Post::Accepted)
    }

    /// Sends what goes through `try_send` now, then gives up what is past its deadline. Whether anything was sent.
    pub(super) fn flush(
        &mut self,
        events: &mut Vec<Event>,
        mut try_send: impl FnMut(&[u8]) -> Result<bool>,
    ) -> Result<bool> {
        let mut sent = false;
        while let Some(first) = self.waiting.front() {
            if !try_send(&first.bytes)? {
                break;
            }
            events.push(Event::Done { peer: self.peer, token: first.token, outcome: Ok(()) });
            self.waiting.pop_front();
            sent = true;
        }
        if !self.waiting.is_empty() {
            let now = Instant::now();
            let (peer, name) = (self.peer, &self.name);
            self.waiting.retain(|send| {
                let late = now >= send.deadline;
                if late {
                    let after = send.deadline.saturating_duration_since(send.posted);
                    let outcome = Err(EndpointError::Late { what: format!("message to peer {name}"), after });
                    events.push(Event::Done { peer, token: send.token, outcome });
                }
                !late
            });
        }
        Ok(sent)
    }

    /// The first deadline of what waits.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.waiting.iter().map(|send| send.deadline).min()
    }

    /// The peer is gone: nothing more will be sent. The first reason stays.
    pub(super) fn lose(&mut self, error: EndpointError) {
        if self.lost.is_none() {
            self.lost = Some(match &error {
                EndpointError::Lost { what, .. } | EndpointError::Corrupt { what, .. } => what.clone(),
                other => other.to_string(),
            });
            self.untold = Some(error);
        }
    }

    /// Completes what was under way to a peer that is gone, and tells the loss, once.
    pub(super) fn tell_loss(&mut self, transfers: &mut Transfers, events: &mut Vec<Event>) {
        if let Some(error) = self.untold.take() {
            if let Err(lost) = self.check() {
                transfers.lose(self.peer, &lost, events);
            }
            for send in std::mem::take(&mut self.waiting) {
                let outcome = self.check();
                events.push(Event::Done { peer: self.peer, token: send.token, outcome });
            }
            events.push(Event::Lost { peer: self.peer, error });
        }
    }
}
