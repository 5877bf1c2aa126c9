//! The cases of the suite: messages, transfers, peers that are gone.

use std::time::{Duration, Instant};

use super::{NAMES, Pair, TOKEN, bytes_of, fill, later, next, outcome, run, send, transfer};
use crate::transport::doorbell::Waited;
use crate::transport::endpoint::{Access, Endpoint, EndpointError, Event, Lease, PeerId, Post};

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
    let most = left.limits().message;
    assert_eq!(left.send(right_id, &over, 0, later()), Err(EndpointError::TooLong { len: most + 1, most }));
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
                Event::Done { token, outcome: Ok(()), .. } if token == u64::from(done) => done += 1,
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
    let Pair { left: (mut left, right_id), right: (mut right, _), left_memory, right_memory, .. } = pair;
    let whole = 64 << 10;
    let (left_memory, right_memory) = (left_memory.window(8, whole).unwrap(), right_memory.window(16, whole).unwrap());
    let local = left.register(&left_memory, Access::Local).unwrap();
    let lease = right.register(&right_memory, Access::ReadWrite).unwrap().lease();
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
        run(&mut left, Access::Read, transfer(right_id, lease, at, len, &local)).unwrap();
        here[local_at..local_at + len].copy_from_slice(&there[remote_at..remote_at + len]);
        assert!(bytes_of(&left_memory) == here && bytes_of(&right_memory) == there);

        fill(&left_memory, 3);
        here = bytes_of(&left_memory);
        run(&mut left, Access::Write, transfer(right_id, lease, at, len, &local)).unwrap();
        there[remote_at..remote_at + len].copy_from_slice(&here[local_at..local_at + len]);
        assert!(bytes_of(&left_memory) == here && bytes_of(&right_memory) == there);
    }
}

pub(super) fn a_write_that_is_done_is_there_when_the_message_comes<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, _), left_memory, right_memory, .. } = pair;
    let local = left.register(&left_memory, Access::Local).unwrap();
    let lease = right.register(&right_memory, Access::Write).unwrap().lease();
    let rounds = 300u64;
    std::thread::scope(|s| {
        s.spawn(move || {
            for round in 1..=rounds {
                // Each to a place of its own: nothing asks the sender to wait for the reader.
                left_memory.copy_in(0, &round.to_le_bytes());
                run(&mut left, Access::Write, transfer(right_id, lease, (round * 8, 0), 8, &local)).unwrap();
                while left.send(right_id, &round.to_le_bytes(), TOKEN, later()).unwrap() == Post::Busy {
                    std::thread::yield_now();
                }
                outcome(&mut left, TOKEN).unwrap();
            }
            // Closed only after everything was sent: outcome() saw to that.
        });
        let mut due = 1;
        while due <= rounds {
            for event in next(&mut right) {
                match event {
                    Event::Message { bytes, .. } => {
                        assert_eq!(bytes, due.to_le_bytes());
                        let mut there = [0; 8];
                        right_memory.copy_out(due as usize * 8, &mut there);
                        assert_eq!(there, due.to_le_bytes());
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
    let Pair { left: (mut left, right_id), right: (mut right, _), left_memory, right_memory, .. } = pair;
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

    // What the lease itself does not allow is refused here.
    let name = || NAMES[1].to_owned();
    for (at, len) in [(4090, 7), (4097, 0), (u64::MAX, 8), (u64::MAX - 3, 8)] {
        let beyond = Err(EndpointError::Bounds { peer: name(), key: good.key, at, len, whole: 4096 });
        assert_eq!(left.read(transfer(right_id, good, (at, 0), len, &local)), beyond);
        assert_eq!(left.write(transfer(right_id, good, (at, 0), len, &local)), beyond);
    }
    for (remote, wanted) in
        [(private, Access::Read), (private, Access::Write), (readable, Access::Write), (writable, Access::Read)]
    {
        let transfer = transfer(right_id, remote, (0, 0), 8, &local);
        let post = if wanted == Access::Read { left.read(transfer) } else { left.write(transfer) };
        let Lease { key, access, .. } = remote;
        assert_eq!(post, Err(EndpointError::Rights { peer: name(), key, access, wanted }));
    }
    assert_eq!(left.progress(&mut Vec::new()), 0, "what was refused is not under way");
    assert!((bytes_of(&left_memory), bytes_of(&right_memory)) == before);
    for remote in [good, readable] {
        run(&mut left, Access::Read, transfer(right_id, remote, (4088, 0), 8, &local)).unwrap();
    }

    // What only the peer can know is refused there.
    let before = (bytes_of(&left_memory), bytes_of(&right_memory));
    for remote in [gone, Lease { key: good.key ^ 1 << 40, ..good }, Lease { key: 0, ..good }] {
        for wanted in [Access::Read, Access::Write] {
            let refused = run(&mut left, wanted, transfer(right_id, remote, (0, 0), 8, &local));
            assert_eq!(refused, Err(EndpointError::NoLease { peer: name(), key: remote.key }));
        }
    }
    assert!((bytes_of(&left_memory), bytes_of(&right_memory)) == before);
}

pub(super) fn a_wrong_argument_is_an_error_of_the_post<E: Endpoint>(pair: Pair<E>) {
    let Pair { left: (mut left, right_id), right: (mut right, _), left_memory, right_memory, .. } = pair;
    let local = left.register(&left_memory, Access::Local).unwrap();
    let lease = right.register(&right_memory, Access::ReadWrite).unwrap().lease();
    let nobody = PeerId(99);
    let unknown = |error| matches!(error, EndpointError::UnknownPeer { peer, known } if peer == nobody && known < 99);
    assert!(unknown(left.send(nobody, b"x", 0, later()).unwrap_err()));
    assert!(unknown(left.read(transfer(nobody, lease, (0, 0), 8, &local)).unwrap_err()));
    assert!(unknown(left.write(transfer(nobody, lease, (0, 0), 8, &local)).unwrap_err()));
    let whole = left_memory.len();
    for (at, len) in [(whole, 1), (usize::MAX, 2), (0, whole + 1)] {
        let outside = Err(EndpointError::Local { at, len, whole });
        assert_eq!(left.read(transfer(right_id, lease, (0, at), len, &local)), outside);
        assert_eq!(left.write(transfer(right_id, lease, (0, at), len, &local)), outside);
    }
    left.lose(nobody, "never was");
    assert_eq!(left.progress(&mut Vec::new()), 0);
    let refused = |error| matches!(error, EndpointError::Unregistrable { .. });
    assert!(refused(left.register(&left_memory.window(8, 0).unwrap(), Access::Read).unwrap_err()));
    let most = left.limits().registrations;
    let beyond = (0..=most).find_map(|_| left.register(&left_memory, Access::Read).err());
    assert!(refused(beyond.expect("registrations have a limit")));
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
                Event::Done { outcome: Err(EndpointError::Late { what, .. }), .. } => {
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
    let Pair { left: (mut left, right_id), right: (mut right, _), left_memory, right_memory, .. } = pair;
    let local = left.register(&left_memory, Access::Local).unwrap();
    let lease = right.register(&right_memory, Access::ReadWrite).unwrap().lease();
    let mut posted = 0;
    while left.send(right_id, &[0; 200], posted, later()).unwrap() == Post::Accepted {
        posted += 1;
    }
    left.lose(right_id, "killed by signal 9");
    left.lose(right_id, "said twice");
    let lost = EndpointError::Lost { peer: NAMES[1].into(), what: "killed by signal 9".into() };
    let mut seen = vec![false; posted as usize];
    let mut told = 0;
    while told == 0 {
        for event in next(&mut left) {
            match event {
                Event::Done { token, outcome, .. } => {
                    assert!(!std::mem::replace(&mut seen[token as usize], true) && told == 0);
                    assert!(outcome.as_ref().err().is_none_or(|error| *error == lost), "{outcome:?}");
                }
                Event::Lost { peer, error } => {
                    assert!(peer == right_id && error == lost, "{error:?}");
                    told += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(seen.iter().all(|&s| s));
    assert_eq!(left.progress(&mut Vec::new()), 0, "a loss is told once");
    assert_eq!(left.send(right_id, b"x", 0, later()), Err(lost.clone()));
    assert_eq!(left.read(transfer(right_id, lease, (0, 0), 8, &local)), Err(lost.clone()));
    assert_eq!(left.write(transfer(right_id, lease, (0, 0), 8, &local)), Err(lost));
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
                Event::Lost { peer, error: EndpointError::Lost { peer: name, .. } } => {
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
