//! The cases of the suite: leases, what keeps memory, and transfers that something happens to in the middle.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::{NAMES, Pair, TOKEN, bytes_of, fill, later, next, outcome, pattern, run, send, transfer};
use crate::transport::doorbell::Waited;
use crate::transport::endpoint::transfers::BUDGET;
use crate::transport::endpoint::{Access, Endpoint, EndpointError, Event, Lease, PeerId, Post, Registration, Transfer};

const BOTH: [Access; 2] = [Access::Read, Access::Write];

fn post<E: Endpoint>(endpoint: &mut E, wanted: Access, transfer: Transfer<'_>) -> Post {
    let post = if wanted == Access::Read { endpoint.read(transfer) } else { endpoint.write(transfer) };
    post.unwrap()
}

/// Posts a transfer that takes several calls of progress, and makes one of them.
fn begin<E: Endpoint>(endpoint: &mut E, wanted: Access, peer: PeerId, lease: Lease, local: &Registration) {
    let len = local.memory().len();
    assert!(len > 2 * BUDGET);
    assert_eq!(post(endpoint, wanted, transfer(peer, lease, (0, 0), len, local)), Post::Accepted);
    assert_eq!(endpoint.progress(&mut Vec::new()), 0, "a long transfer is done in one call");
}

pub(super) fn a_lease_reaches_its_bytes_and_no_others<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, _), left_memory, right_memory, .. } = pair;
    let local = left.register(&left_memory, Access::Local).unwrap();
    fill(&right_memory, 2);
    // One in the middle and one at the end, both leased at once.
    for at in [1024, right_memory.len() / 8 * 8 - 1024] {
        let lease = right.register(&right_memory.window(at, 1024).unwrap(), Access::ReadWrite).unwrap().lease();
        assert_eq!((lease.len, lease.access), (1024, Access::ReadWrite));
        fill(&left_memory, 7);
        let mut here = bytes_of(&left_memory);
        let mut there = bytes_of(&right_memory);
        run(&mut left, Access::Read, transfer(right_id, lease, (0, 100), 1024, &local)).unwrap();
        here[100..1124].copy_from_slice(&there[at..at + 1024]);
        assert!(bytes_of(&left_memory) == here);
        run(&mut left, Access::Write, transfer(right_id, lease, (1, 5000), 1023, &local)).unwrap();
        there[at + 1..at + 1024].copy_from_slice(&here[5000..6023]);
        assert!(bytes_of(&right_memory) == there);
    }
}

pub(super) fn a_lease_that_was_altered_is_refused<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, _), left_memory, right_memory, .. } = pair;
    let local = left.register(&left_memory, Access::Local).unwrap();
    fill(&right_memory, 2);
    let lease = right.register(&right_memory.window(4096, 4096).unwrap(), Access::Read).unwrap().lease();
    let before = (bytes_of(&left_memory), bytes_of(&right_memory));
    for altered in [
        Lease { len: lease.len + 8, ..lease },
        Lease { len: u64::MAX, ..lease },
        Lease { len: lease.len - 8, ..lease },
        Lease { base: lease.base + 8, ..lease },
        Lease { base: u64::MAX, ..lease },
        Lease { access: Access::ReadWrite, ..lease },
    ] {
        let no_lease = Err(EndpointError::NoLease { peer: NAMES[1].into(), key: lease.key });
        assert_eq!(
            run(&mut left, Access::Read, transfer(right_id, altered, (0, 0), 8, &local)),
            no_lease,
            "{altered:?}"
        );
        if altered.access == Access::ReadWrite {
            assert_eq!(run(&mut left, Access::Write, transfer(right_id, altered, (0, 0), 8, &local)), no_lease);
        }
    }
    assert!((bytes_of(&left_memory), bytes_of(&right_memory)) == before);
    run(&mut left, Access::Read, transfer(right_id, lease, (0, 0), 8, &local)).unwrap();
}

pub(super) fn a_registration_keeps_its_memory_until_it_is_revoked<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, _), left_memory, right_memory, right_block } = pair;
    let local = left.register(&left_memory, Access::Local).unwrap();
    fill(&right_memory, 2);
    let expected = bytes_of(&right_memory);
    let lease = right.register(&right_memory, Access::Read).unwrap().lease();
    // The registration is gone as well: peers do not know that.
    drop(right_memory);
    let len = left_memory.len();
    run_long(&mut left, transfer(right_id, lease, (0, 0), len, &local)).unwrap();
    assert!(bytes_of(&left_memory) == expected);
    let kept = || right_block.as_ref().is_none_or(|block| block.upgrade().is_some());
    assert!(kept());
    right.revoke(lease);
    if right_block.is_some() {
        assert!(!kept(), "a block that nobody copies goes back with its lease");
    }
    let stale = run(&mut left, Access::Read, transfer(right_id, lease, (0, 0), 8, &local));
    assert_eq!(stale, Err(EndpointError::NoLease { peer: NAMES[1].into(), key: lease.key }));
}

/// Reads, in as many calls of progress as that takes.
fn run_long<E: Endpoint>(endpoint: &mut E, transfer: Transfer<'_>) -> Result<(), EndpointError> {
    assert_eq!(endpoint.read(transfer).unwrap(), Post::Accepted);
    outcome(endpoint, TOKEN)
}

pub(super) fn a_slot_that_is_used_again_does_not_revive_a_lease<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, _), left_memory, right_memory, .. } = pair;
    let local = left.register(&left_memory, Access::Local).unwrap();
    let most = right.limits().registrations;
    let mut keys = BTreeSet::new();
    // The same memory each time, and more registrations than there are slots: only the key tells them apart.
    let mut stale: Option<Lease> = None;
    for _ in 0..2 * most {
        let lease = right.register(&right_memory, Access::Read).unwrap().lease();
        assert!(lease.key != 0 && keys.insert(lease.key), "a key is given twice");
        if let Some(stale) = stale {
            let refused = run(&mut left, Access::Read, transfer(right_id, stale, (0, 0), 8, &local));
            assert_eq!(refused, Err(EndpointError::NoLease { peer: NAMES[1].into(), key: stale.key }));
        }
        run(&mut left, Access::Read, transfer(right_id, lease, (0, 0), 8, &local)).unwrap();
        right.revoke(lease);
        stale = Some(lease);
    }
}

pub(super) fn a_long_transfer_takes_several_calls_and_lets_others_by<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, _), left_memory, right_memory, .. } = pair;
    let local = left.register(&left_memory, Access::Local).unwrap();
    let lease = right.register(&right_memory, Access::ReadWrite).unwrap().lease();
    for wanted in BOTH {
        fill(&left_memory, 1);
        fill(&right_memory, 2);
        let seed = if wanted == Access::Read { 2 } else { 1 };
        begin(&mut left, wanted, right_id, lease, &local);
        // Eight bytes that the long one has passed already: they arrive before its end.
        let short = Transfer { token: 5, ..transfer(right_id, lease, (0, 0), 8, &local) };
        assert_eq!(post(&mut left, wanted, short), Post::Accepted);
        outcome(&mut left, 5).unwrap();
        outcome(&mut left, TOKEN).unwrap();
        assert!(bytes_of(&left_memory) == pattern(left_memory.len(), seed));
        assert!(bytes_of(&right_memory) == pattern(right_memory.len(), seed));
    }
}

pub(super) fn a_lease_revoked_in_the_middle_ends_the_transfer<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, _), left_memory, right_memory, right_block } = pair;
    let local = left.register(&left_memory, Access::Local).unwrap();
    for wanted in BOTH {
        let lease = right.register(&right_memory, Access::ReadWrite).unwrap().lease();
        begin(&mut left, wanted, right_id, lease, &local);
        right.revoke(lease);
        let before = bytes_of(&right_memory);
        assert_eq!(outcome(&mut left, TOKEN), Err(EndpointError::NoLease { peer: NAMES[1].into(), key: lease.key }));
        assert!(bytes_of(&right_memory) == before, "nothing is written under a revoked lease");
    }
    drop(right_memory);
    assert!(right_block.is_none_or(|block| block.upgrade().is_none()), "no lease is left, and no copy runs");
}

/// Expects that the long transfer and the peer are lost, in this order, and nothing after that.
fn expect_loss<E: Endpoint>(endpoint: &mut E, peer_id: PeerId, why: &str) {
    let lost = EndpointError::Lost { peer: NAMES[1].into(), what: why.into() };
    let mut events = next(endpoint);
    while events.len() < 2 {
        events.extend(next(endpoint));
    }
    match <[Event; 2]>::try_from(events) {
        Ok([Event::Done { peer, token: TOKEN, outcome }, Event::Lost { peer: gone, error }]) => {
            assert!(peer == peer_id && gone == peer_id);
            assert_eq!((outcome, error), (Err(lost.clone()), lost));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(endpoint.progress(&mut Vec::new()), 0);
}

pub(super) fn a_peer_lost_in_the_middle_ends_the_transfer<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, left_id), left_memory, right_memory, .. } = pair;
    let local = left.register(&left_memory, Access::Local).unwrap();
    let early = left.register(&left_memory, Access::Read).unwrap().lease();
    let there = right.register(&right_memory, Access::Local).unwrap();
    run(&mut right, Access::Read, transfer(left_id, early, (0, 0), 8, &there)).unwrap();
    let lease = right.register(&right_memory, Access::Write).unwrap().lease();
    begin(&mut left, Access::Write, right_id, lease, &local);
    left.lose(right_id, "killed by signal 9");
    let before = bytes_of(&right_memory);
    expect_loss(&mut left, right_id, "killed by signal 9");
    assert!(bytes_of(&right_memory) == before, "nothing is written after the loss");
    // A peer that was given up and lives may begin nothing either.
    for registered in [Some(early), None] {
        let lease = registered.unwrap_or_else(|| left.register(&left_memory, Access::Read).unwrap().lease());
        let refused = run(&mut right, Access::Read, transfer(left_id, lease, (0, 0), 8, &there));
        assert_eq!(refused, Err(EndpointError::NoLease { peer: NAMES[0].into(), key: lease.key }));
    }
}

pub(super) fn a_peer_that_closes_in_the_middle_ends_the_transfer<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, _), left_memory, right_memory, .. } = pair;
    let local = left.register(&left_memory, Access::Local).unwrap();
    let lease = right.register(&right_memory, Access::Read).unwrap().lease();
    begin(&mut left, Access::Read, right_id, lease, &local);
    drop((right, right_memory));
    expect_loss(&mut left, right_id, "it closed its endpoint");
}

pub(super) fn a_transfer_past_its_deadline_is_late<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, _), left_memory, right_memory, .. } = pair;
    let local = left.register(&left_memory, Access::Local).unwrap();
    let lease = right.register(&right_memory, Access::ReadWrite).unwrap().lease();
    let is_late = |outcome: Result<(), EndpointError>| match outcome {
        Err(EndpointError::Late { what, after }) => {
            assert!(what.contains(NAMES[1]) && what.contains(&left_memory.len().to_string()), "{what}");
            after
        }
        other => panic!("{other:?}"),
    };
    let len = left_memory.len();
    for wanted in BOTH {
        // Past when it is posted: nothing is copied.
        fill(&left_memory, 1);
        fill(&right_memory, 2);
        let deadline = Instant::now();
        let past = Transfer { deadline, ..transfer(right_id, lease, (0, 0), len, &local) };
        assert_eq!(post(&mut left, wanted, past), Post::Accepted);
        assert_eq!(is_late(outcome(&mut left, TOKEN)), Duration::ZERO);
        assert!(bytes_of(&left_memory) == pattern(len, 1) && bytes_of(&right_memory) == pattern(len, 2));

        // Past in the middle: no more is copied.
        let mut patience = Duration::from_millis(50);
        let deadline = loop {
            let deadline = Instant::now() + patience;
            let short = Transfer { deadline, ..transfer(right_id, lease, (0, 0), len, &local) };
            assert_eq!(post(&mut left, wanted, short), Post::Accepted);
            if left.progress(&mut Vec::new()) == 0 {
                break deadline;
            }
            // It was late before its first piece: this thread had to wait for a processor.
            patience *= 2;
        };
        std::thread::sleep(deadline.saturating_duration_since(Instant::now()));
        let after = is_late(outcome(&mut left, TOKEN));
        assert!(!after.is_zero() && after <= patience, "{after:?}");
        let (target, seed) = if wanted == Access::Read { (&left_memory, 2) } else { (&right_memory, 1) };
        let mut part = bytes_of(target);
        let rest = part.split_off(BUDGET);
        assert!(part == pattern(BUDGET, seed) && rest == pattern(len, 3 - seed)[BUDGET..], "one call, and no more");
    }
    // The peer is not lost by that.
    send(&mut left, right_id, b"still here", 1);
    outcome(&mut left, 1).unwrap();
    assert!(matches!(&next(&mut right)[..], [Event::Message { bytes, .. }] if bytes == b"still here"));
}

pub(super) fn more_transfers_than_allowed_are_busy<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, _), left_memory, right_memory, .. } = pair;
    let local = left.register(&left_memory, Access::Local).unwrap();
    let lease = right.register(&right_memory, Access::ReadWrite).unwrap().lease();
    fill(&left_memory, 1);
    fill(&right_memory, 2);
    let most = left.limits().transfers;
    let numbered = |number: usize| Transfer {
        token: number as u64,
        ..transfer(right_id, lease, (8 * number as u64, 8 * number), 8, &local)
    };
    for number in 0..most {
        assert_eq!(left.read(numbered(number)).unwrap(), Post::Accepted);
    }
    assert_eq!(left.read(numbered(most)).unwrap(), Post::Busy);
    assert_eq!(left.write(numbered(most)).unwrap(), Post::Busy);
    assert_eq!(left.wait(Duration::ZERO, later()), Waited::Woken);
    let mut done = BTreeSet::new();
    while done.len() < most {
        for event in next(&mut left) {
            match event {
                Event::Done { token, outcome: Ok(()), .. } => assert!(done.insert(token)),
                other => panic!("{other:?}"),
            }
        }
    }
    let mut expected = pattern(left_memory.len(), 1);
    expected[..8 * most].copy_from_slice(&pattern(right_memory.len(), 2)[..8 * most]);
    assert!(bytes_of(&left_memory) == expected, "what was busy is not done");
    assert_eq!(left.read(numbered(most)).unwrap(), Post::Accepted);
    outcome(&mut left, most as u64).unwrap();
}
