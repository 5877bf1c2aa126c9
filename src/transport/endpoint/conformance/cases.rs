//! The cases of the suite.

use std::time::{Duration, Instant};

use super::{NAMES, Pair, later, next};
use crate::Error;
use crate::transport::doorbell::Waited;
use crate::transport::endpoint::{Access, Endpoint, Event, Lease, PeerId, Post, Registration, Transfer};
use crate::transport::region::Region;

/// Posts a message for which there must be room.
fn send(endpoint: &mut impl Endpoint, peer: PeerId, bytes: &[u8], token: u64) {
    assert_eq!(endpoint.send(peer, bytes, token, later()).unwrap(), Post::Accepted);
}

/// The outcome of the only thing under way.
fn outcome(endpoint: &mut impl Endpoint, token: u64) -> Result<(), Error> {
    match <[Event; 1]>::try_from(next(endpoint)) {
        Ok([Event::Done { token: done, outcome, .. }]) if done == token => outcome,
        other => panic!("{other:?}"),
    }
}

/// The next `count` messages.
fn messages(endpoint: &mut impl Endpoint, count: usize) -> Vec<Vec<u8>> {
    let mut got = Vec::new();
    while got.len() < count {
        for event in next(endpoint) {
            match event {
                Event::Message { bytes, .. } => got.push(bytes),
                Event::Done { outcome, .. } => outcome.unwrap(),
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(got.len(), count);
    got
}

fn fill(memory: &Region, seed: u8) {
    let bytes: Vec<u8> = (0..memory.len()).map(|i| (i as u8).wrapping_mul(31) ^ (i >> 8) as u8 ^ seed).collect();
    memory.copy_in(0, &bytes);
}

fn bytes_of(memory: &Region) -> Vec<u8> {
    let mut bytes = vec![0; memory.len()];
    memory.copy_out(0, &mut bytes);
    bytes
}

fn transfer(peer: PeerId, remote: Lease, at: (u64, usize), len: usize, local: &Registration) -> Transfer<'_> {
    Transfer { peer, remote, remote_at: at.0, local, local_at: at.1, len, token: 77, deadline: later() }
}

pub(super) fn messages_arrive_whole_and_in_order<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, left_id), .. } = pair;
    let most = left.limits().message;
    for length in [0, 1, 7, 8, 55, 56, 57, 1000, most] {
        let bytes: Vec<u8> = (0..length).map(|i| (i * 7) as u8).collect();
        send(&mut left, right_id, &bytes, length as u64);
        outcome(&mut left, length as u64).unwrap();
        match <[Event; 1]>::try_from(next(&mut right)) {
            Ok([Event::Message { peer, bytes: got }]) => assert!(peer == left_id && got == bytes),
            other => panic!("{other:?}"),
        }
    }
    for number in 0..20u8 {
        send(&mut left, right_id, &[number], 0);
    }
    assert_eq!(messages(&mut right, 20), (0..20).map(|n| vec![n]).collect::<Vec<_>>());
}

pub(super) fn a_message_has_a_limit<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), .. } = pair;
    let over = vec![0; left.limits().message + 1];
    assert!(matches!(left.send(right_id, &over, 0, later()), Err(Error::InvalidArgument { .. })));
}

pub(super) fn more_than_there_is_room_for_is_busy_and_then_arrives<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, _), .. } = pair;
    let bytes = |n: u32| [n.to_le_bytes(); 50].concat();
    let mut posted = 0;
    while left.send(right_id, &bytes(posted), u64::from(posted), later()).unwrap() == Post::Accepted {
        posted += 1;
        assert!(posted < 1_000_000, "room has no end");
    }
    assert!(posted as usize >= left.limits().outstanding);
    let (mut arrived, mut done) = (0, 0);
    let mut events = Vec::new();
    let deadline = later();
    while arrived < posted || done < posted {
        assert!(Instant::now() < deadline, "{arrived} and {done} of {posted}");
        left.progress(&mut events);
        for event in events.drain(..) {
            match event {
                Event::Done { peer, token, outcome: Ok(()) } if (peer, token) == (right_id, done.into()) => done += 1,
                other => panic!("{other:?}"),
            }
        }
        right.progress(&mut events);
        for event in events.drain(..) {
            match event {
                Event::Message { bytes: got, .. } if got == bytes(arrived) => arrived += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    send(&mut left, right_id, b"again", 5);
    assert_eq!(messages(&mut right, 1), [b"again"]);
}

pub(super) fn reads_and_writes_move_the_bytes_meant<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, _), left_memory, right_memory } = pair;
    let local = left.register(&left_memory, Access::Local).unwrap();
    let lease = right.register(&right_memory, Access::ReadWrite).unwrap().lease();
    let whole = left_memory.len();
    for (remote_at, local_at, len) in [
        (0, 0, whole),
        (8, 16, 4096),
        (3, 5, 10_001),
        (3, 11, 10_002),
        (5, 13, 2),
        (1, 0, 1),
        (whole, 0, 0),
        (9, 14, 2),
    ] {
        fill(&left_memory, 1);
        fill(&right_memory, 2);
        let (mut here, mut there) = (bytes_of(&left_memory), bytes_of(&right_memory));
        let at = (remote_at as u64, local_at);
        assert_eq!(left.read(transfer(right_id, lease, at, len, &local)).unwrap(), Post::Accepted);
        outcome(&mut left, 77).unwrap();
        here[local_at..local_at + len].copy_from_slice(&there[remote_at..remote_at + len]);
        assert!(bytes_of(&left_memory) == here && bytes_of(&right_memory) == there);

        fill(&left_memory, 3);
        here = bytes_of(&left_memory);
        assert_eq!(left.write(transfer(right_id, lease, at, len, &local)).unwrap(), Post::Accepted);
        outcome(&mut left, 77).unwrap();
        there[remote_at..remote_at + len].copy_from_slice(&here[local_at..local_at + len]);
        assert!(bytes_of(&left_memory) == here && bytes_of(&right_memory) == there);
    }
}

pub(super) fn a_write_that_is_done_is_there_when_the_message_comes<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, _), left_memory, right_memory } = pair;
    let local = left.register(&left_memory, Access::Local).unwrap();
    let lease = right.register(&right_memory, Access::Write).unwrap().lease();
    let rounds = 300u64;
    std::thread::scope(|s| {
        s.spawn(move || {
            for round in 1..=rounds {
                // Each to a place of its own: nothing asks the sender to wait for the reader.
                left_memory.u64(0).store(round, std::sync::atomic::Ordering::Relaxed);
                assert_eq!(left.write(transfer(right_id, lease, (round * 8, 0), 8, &local)).unwrap(), Post::Accepted);
                outcome(&mut left, 77).unwrap();
                while left.send(right_id, &round.to_le_bytes(), 77, later()).unwrap() == Post::Busy {
                    std::thread::yield_now();
                }
                outcome(&mut left, 77).unwrap();
            }
            // Closed only after everything was sent: outcome() saw to that.
        });
        let mut due = 1;
        while due <= rounds {
            for event in next(&mut right) {
                match event {
                    Event::Message { bytes, .. } => {
                        assert_eq!(bytes, due.to_le_bytes());
                        let there = right_memory.u64(due as usize * 8).load(std::sync::atomic::Ordering::Relaxed);
                        assert_eq!(there, due);
                        due += 1;
                    }
                    Event::Lost { .. } if due > rounds => {}
                    other => panic!("{other:?}"),
                }
            }
        }
    });
}

pub(super) fn what_is_not_leased_is_refused_and_untouched<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, _), left_memory, right_memory } = pair;
    fill(&left_memory, 1);
    fill(&right_memory, 2);
    let before = (bytes_of(&left_memory), bytes_of(&right_memory));
    let local = left.register(&left_memory, Access::Local).unwrap();
    let memory = right_memory.window(0, 4096).unwrap();
    let mut lease = |access| right.register(&memory, access).unwrap().lease();
    let (readable, writable, private, gone) =
        (lease(Access::Read), lease(Access::Write), lease(Access::Local), lease(Access::ReadWrite));
    right.revoke(gone);
    right.revoke(gone);
    // A new registration must not bring an old lease to life.
    let good = right.register(&memory, Access::ReadWrite).unwrap().lease();
    assert_ne!(good.key, gone.key);
    let named = |error| matches!(error, Error::InvalidArgument { what } if what.contains(NAMES[1]));

    // What the lease itself does not allow is refused here.
    for (remote, at, len) in
        [(private, 0, 8), (good, 4090, 7), (good, 4097, 0), (good, u64::MAX, 8), (good, u64::MAX - 3, 8)]
    {
        assert!(named(left.read(transfer(right_id, remote, (at, 0), len, &local)).unwrap_err()));
        assert!(named(left.write(transfer(right_id, remote, (at, 0), len, &local)).unwrap_err()));
    }
    assert!(named(left.write(transfer(right_id, readable, (0, 0), 8, &local)).unwrap_err()));
    assert!(named(left.read(transfer(right_id, writable, (0, 0), 8, &local)).unwrap_err()));
    assert!((bytes_of(&left_memory), bytes_of(&right_memory)) == before);
    for remote in [good, readable] {
        assert_eq!(left.read(transfer(right_id, remote, (4088, 0), 8, &local)).unwrap(), Post::Accepted);
        outcome(&mut left, 77).unwrap();
    }

    // What only the peer can know is refused there.
    let before = (bytes_of(&left_memory), bytes_of(&right_memory));
    for remote in [gone, Lease { key: good.key ^ 1 << 40, ..good }, Lease { key: 0, ..good }] {
        assert_eq!(left.read(transfer(right_id, remote, (0, 0), 8, &local)).unwrap(), Post::Accepted);
        assert!(named(outcome(&mut left, 77).unwrap_err()));
        assert_eq!(left.write(transfer(right_id, remote, (0, 0), 8, &local)).unwrap(), Post::Accepted);
        assert!(named(outcome(&mut left, 77).unwrap_err()));
    }
    assert!((bytes_of(&left_memory), bytes_of(&right_memory)) == before);
}

pub(super) fn a_transfer_after_its_deadline_moves_nothing<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, _), left_memory, right_memory } = pair;
    fill(&left_memory, 1);
    fill(&right_memory, 2);
    let before = (bytes_of(&left_memory), bytes_of(&right_memory));
    let local = left.register(&left_memory, Access::Local).unwrap();
    let lease = right.register(&right_memory, Access::ReadWrite).unwrap().lease();
    let late = Transfer { deadline: Instant::now(), ..transfer(right_id, lease, (0, 0), 64, &local) };
    for write in [false, true] {
        let post = if write { left.write(late) } else { left.read(late) };
        assert_eq!(post.unwrap(), Post::Accepted);
        let error = outcome(&mut left, 77).unwrap_err();
        assert!(matches!(&error, Error::DeadlineExceeded { what, .. } if what.contains(NAMES[1])), "{error}");
    }
    assert!((bytes_of(&left_memory), bytes_of(&right_memory)) == before);
}

pub(super) fn a_wrong_argument_is_an_error_of_the_post<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, _), left_memory, right_memory } = pair;
    let local = left.register(&left_memory, Access::Local).unwrap();
    let lease = right.register(&right_memory, Access::ReadWrite).unwrap().lease();
    let nobody = PeerId(99);
    assert!(matches!(left.send(nobody, b"x", 0, later()), Err(Error::InvalidArgument { .. })));
    for (peer, local_at, len) in [(nobody, 0, 8), (right_id, left_memory.len(), 1), (right_id, usize::MAX, 2)] {
        let read = left.read(transfer(peer, lease, (0, local_at), len, &local));
        assert!(matches!(read, Err(Error::InvalidArgument { .. })));
        let write = left.write(transfer(peer, lease, (0, local_at), len, &local));
        assert!(matches!(write, Err(Error::InvalidArgument { .. })));
    }
    left.lose(nobody, "never was");
    assert_eq!(left.progress(&mut Vec::new()), 0);
    let most = left.limits().registrations;
    let refused = (0..=most).find_map(|_| left.register(&left_memory, Access::Read).err());
    assert!(matches!(refused, Some(Error::InvalidArgument { .. })));
}

pub(super) fn a_peer_that_does_not_read_is_a_deadline<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, _), .. } = pair;
    let patience = Duration::from_millis(30);
    let deadline = Instant::now() + patience;
    let mut posted = 0;
    while left.send(right_id, &[0; 200], posted, deadline).unwrap() == Post::Accepted {
        posted += 1;
    }
    let (mut sent, mut late) = (0, 0);
    while sent + late < posted {
        for event in next(&mut left) {
            match event {
                Event::Done { outcome: Ok(()), .. } => sent += 1,
                Event::Done { outcome: Err(Error::DeadlineExceeded { what, .. }), .. } => {
                    assert!(Instant::now() >= deadline && what.contains(NAMES[1]), "{what}");
                    late += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(late as usize >= left.limits().outstanding && sent > 0);
    // What was given up never arrives; the peer is not lost.
    assert_eq!(messages(&mut right, sent as usize).len(), sent as usize);
    send(&mut left, right_id, b"still here", 1);
    assert_eq!(messages(&mut right, 1), [b"still here"]);
}

pub(super) fn a_peer_that_is_lost_completes_everything_once<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (right, _), left_memory, right_memory } = pair;
    let mut right = right;
    let local = left.register(&left_memory, Access::Local).unwrap();
    let lease = right.register(&right_memory, Access::ReadWrite).unwrap().lease();
    let mut posted = 0;
    while left.send(right_id, &[0; 200], posted, later()).unwrap() == Post::Accepted {
        posted += 1;
    }
    left.lose(right_id, "killed by signal 9");
    left.lose(right_id, "said twice");
    let is_lost = |error: &Error| matches!(error, Error::PeerLost { peer, what } if peer == NAMES[1] && what == "killed by signal 9");
    let mut seen = vec![false; posted as usize];
    let mut told = 0;
    while told == 0 {
        for event in next(&mut left) {
            match event {
                Event::Done { token, outcome, .. } => {
                    assert!(!std::mem::replace(&mut seen[token as usize], true) && told == 0);
                    assert!(outcome.as_ref().err().is_none_or(is_lost), "{outcome:?}");
                }
                Event::Lost { peer, error } => {
                    assert!(peer == right_id && is_lost(&error), "{error:?}");
                    told += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(seen.iter().all(|&s| s));
    assert_eq!(left.progress(&mut Vec::new()), 0, "a loss is told once");
    assert!(is_lost(&left.send(right_id, b"x", 0, later()).unwrap_err()));
    assert!(is_lost(&left.read(transfer(right_id, lease, (0, 0), 8, &local)).unwrap_err()));
    assert!(is_lost(&left.write(transfer(right_id, lease, (0, 0), 8, &local)).unwrap_err()));
}

pub(super) fn a_peer_that_closes_is_lost_after_its_messages<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, left_id), .. } = pair;
    for number in 0..60u8 {
        send(&mut right, left_id, &[number], 0);
    }
    drop(right);
    let mut got = 0;
    loop {
        for event in next(&mut left) {
            match event {
                Event::Message { bytes, .. } if bytes == [got] => got += 1,
                Event::Lost { peer, error: Error::PeerLost { peer: name, .. } } => {
                    assert!(peer == right_id && name == NAMES[1] && got == 60);
                    return;
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

pub(super) fn a_message_ends_a_wait<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, _), .. } = pair;
    let soon = Instant::now() + Duration::from_millis(5);
    assert_eq!(right.wait(Duration::ZERO, soon), Waited::TimedOut);
    assert!(Instant::now() >= soon);
    std::thread::scope(|s| {
        let waiter = s.spawn(move || {
            let mut events = Vec::new();
            while right.progress(&mut events) == 0 {
                assert_eq!(right.wait(Duration::from_micros(20), later()), Waited::Woken);
            }
            assert!(matches!(&events[..], [Event::Message { bytes, .. }] if bytes == b"wake up"), "{events:?}");
        });
        std::thread::sleep(Duration::from_millis(10));
        send(&mut left, right_id, b"wake up", 0);
        waiter.join().unwrap();
    });
}

pub(super) fn both_talk_at_once<E: Endpoint>(pair: Pair<E>) {
    let Pair { left, right, .. } = pair;
    let count = 5_000u32;
    let done = std::sync::Barrier::new(2);
    // Each posts as much as goes and reads as much as comes; neither ever waits for the other's sake only.
    let talk = |(mut endpoint, peer): (E, PeerId)| {
        let (mut posted, mut sent, mut got) = (0u32, 0, 0);
        let mut events = Vec::new();
        while got < count || sent < count {
            while posted < count
                && endpoint.send(peer, &[posted.to_le_bytes(); 20].concat(), 0, later()).unwrap() == Post::Accepted
            {
                posted += 1;
            }
            if endpoint.progress(&mut events) == 0 {
                assert_eq!(endpoint.wait(Duration::ZERO, later()), Waited::Woken);
            }
            for event in events.drain(..) {
                match event {
                    Event::Message { bytes, .. } if bytes == [got.to_le_bytes(); 20].concat() => got += 1,
                    Event::Done { outcome: Ok(()), .. } => sent += 1,
                    other => panic!("{other:?}"),
                }
            }
        }
        done.wait();
    };
    std::thread::scope(|s| {
        s.spawn(|| talk(left));
        talk(right);
    });
}
