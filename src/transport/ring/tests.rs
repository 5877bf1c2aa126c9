//! Records come out as they went in, in order, whole; a peer that writes nonsense gets an error, not a hold on us.

use std::collections::VecDeque;
use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::transport::segment::Segment;
use crate::transport::words::HeapWords;

fn heap_ring(lines: usize) -> Ring<HeapWords> {
    Ring::create(HeapWords::new(Ring::<HeapWords>::bytes_for(lines))).unwrap()
}

fn shared_ring(lines: usize) -> (Ring, Ring) {
    let bytes = Ring::<Region>::bytes_for(lines);
    let segment = Segment::create("ring-test", bytes).unwrap();
    let again = Segment::open(segment.fd().unwrap().try_clone_to_owned().unwrap()).unwrap();
    let ring = Ring::create(Region::new(&segment, 0, bytes).unwrap()).unwrap();
    (ring, Ring::attach(Region::new(&again, 0, bytes).unwrap()).unwrap())
}

/// A record that says which it is, in every byte.
fn record(producer: u8, number: u32, length: usize) -> Vec<u8> {
    let mut bytes = vec![producer ^ number as u8; length + 5];
    bytes[0] = producer;
    bytes[1..5].copy_from_slice(&number.to_le_bytes());
    bytes
}

#[test]
fn records_of_every_length_come_out_as_they_went_in() {
    let ring = heap_ring(8);
    assert_eq!((ring.lines, ring.max_record()), (8, 8 * 56));
    let (producer, mut consumer) = (ring.producer(), ring.consumer().unwrap());
    let mut out = vec![9; 3];
    for length in 0..=ring.max_record() {
        let bytes: Vec<u8> = (0..length).map(|i| (i * 7 + length) as u8).collect();
        assert!(!consumer.ready());
        assert!(producer.try_send(&bytes).unwrap());
        assert!(consumer.ready());
        assert!(consumer.try_recv(&mut out).unwrap());
        assert_eq!(out, bytes);
        assert!(!consumer.try_recv(&mut out).unwrap());
    }
    assert!(matches!(producer.try_send(&[0; 8 * 56 + 1]), Err(Error::InvalidArgument { .. })));
}

#[test]
fn a_full_ring_says_so_and_loses_nothing() {
    let ring = heap_ring(4);
    let (producer, mut consumer) = (ring.producer(), ring.consumer().unwrap());
    let mut out = Vec::new();
    for lap in 0..10u8 {
        for i in 0..4 {
            assert!(producer.try_send(&[lap, i]).unwrap());
        }
        assert!(!producer.try_send(&[]).unwrap());
        assert!(consumer.try_recv(&mut out).unwrap());
        assert!(!producer.try_send(&[0; 57]).unwrap(), "two lines do not fit into one");
        for i in 1..4 {
            assert!(consumer.try_recv(&mut out).unwrap());
            assert_eq!(out, [lap, i]);
        }
    }
}

#[test]
fn one_consumer_at_a_time() {
    let ring = heap_ring(4);
    let first = ring.consumer().unwrap();
    assert!(matches!(ring.consumer(), Err(Error::InvalidArgument { .. })));
    drop(first);
    ring.producer().try_send(b"kept").unwrap();
    let mut out = Vec::new();
    assert!(ring.consumer().unwrap().try_recv(&mut out).unwrap());
    assert_eq!(out, b"kept");
}

#[test]
fn no_ring_no_attachment() {
    let words = HeapWords::new(Ring::<HeapWords>::bytes_for(4));
    assert!(matches!(Ring::attach(words.clone()), Err(Error::Frame { .. })));
    Ring::create(words.clone()).unwrap();
    Ring::attach(words).unwrap();
    assert!(matches!(Ring::create(HeapWords::new(LINES_AT + LINE)), Err(Error::InvalidArgument { .. })));
}

#[test]
fn a_producer_that_dies_between_reserving_and_publishing_blocks_and_corrupts_nothing() {
    let ring = heap_ring(8);
    let (producer, mut consumer) = (ring.producer(), ring.consumer().unwrap());
    producer.try_send(b"before").unwrap();
    // What a thread that dies in the middle of try_send leaves behind.
    let tail = ring.words.load(TAIL_AT, Ordering::Relaxed);
    ring.words.store(TAIL_AT, tail + 2, Ordering::Relaxed);
    producer.try_send(b"after").unwrap();
    let mut out = Vec::new();
    assert!(!consumer.blocked());
    assert!(consumer.try_recv(&mut out).unwrap());
    assert_eq!(out, b"before");
    for _ in 0..3 {
        assert!(!consumer.try_recv(&mut out).unwrap());
        assert!(consumer.blocked());
    }
    while producer.try_send(b"fills up").unwrap() {}
    assert!(!producer.try_send(b"x").unwrap());
}

#[test]
fn an_empty_ring_is_not_blocked() {
    let ring = heap_ring(8);
    assert!(!ring.consumer().unwrap().blocked());
}

#[test]
fn a_corrupt_stamp_is_an_error_every_time() {
    let ring = heap_ring(8);
    let (producer, mut consumer) = (ring.producer(), ring.consumer().unwrap());
    let mut out = Vec::new();
    let place = ring.place(0);
    producer.try_send(b"good").unwrap();
    let good = ring.words.load(place, Ordering::Relaxed);
    let longest = stamp::make(1, stamp::MAX_LENGTH);
    for bad in [good ^ 1, good ^ 1 << 24, good ^ 1 << 33, stamp::make(1, 57), stamp::make(1, 8 * 56 + 1), longest] {
        ring.words.store(place, bad, Ordering::Relaxed);
        for _ in 0..2 {
            assert!(matches!(consumer.try_recv(&mut out), Err(Error::Frame { .. })), "{bad:#x}");
            assert!(consumer.ready() && !consumer.blocked());
        }
    }
    ring.words.store(place, good, Ordering::Relaxed);
    assert!(consumer.try_recv(&mut out).unwrap());
    assert_eq!(out, b"good");
}

#[test]
fn cursors_that_cannot_be_are_errors() {
    let ring = heap_ring(8);
    let producer = ring.producer();
    for (head, tail) in [(1, 0), (u64::MAX, 8), (0, 9), (0, u64::MAX), (u64::MAX / 2, 7)] {
        ring.words.store(TAIL_AT, tail, Ordering::Relaxed);
        ring.words.store(HEAD_AT, head, Ordering::Relaxed);
        for _ in 0..2 {
            assert!(matches!(ring.producer().try_send(b"x"), Err(Error::Frame { .. })), "{head} {tail}");
        }
        assert!(matches!(ring.consumer(), Err(Error::Frame { .. })), "{head} {tail}");
    }
    ring.words.store(HEAD_AT, 0, Ordering::Relaxed);
    ring.words.store(TAIL_AT, 9, Ordering::Relaxed);
    assert!(matches!(producer.try_send(b"x"), Err(Error::Frame { .. })));
}

#[test]
fn positions_go_round() {
    // A peer can write them there, so they may not overflow either.
    let ring = heap_ring(8);
    ring.words.store(TAIL_AT, u64::MAX - 1, Ordering::Relaxed);
    ring.words.store(HEAD_AT, u64::MAX - 1, Ordering::Relaxed);
    let (producer, mut consumer) = (ring.producer(), ring.consumer().unwrap());
    let mut out = Vec::new();
    for number in 0..5 {
        assert!(producer.try_send(&record(1, number, 200)).unwrap());
        assert!(consumer.try_recv(&mut out).unwrap());
        assert_eq!(out, record(1, number, 200));
    }
}

#[test]
fn garbage_all_over_never_panics_or_hangs() {
    let ring = heap_ring(4);
    let mut out = Vec::new();
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..20_000 {
        let ring = Ring::create(ring.words.clone()).unwrap();
        let (producer, mut consumer) = (ring.producer(), ring.consumer().unwrap());
        for _ in 0..4 {
            let at = [TAIL_AT, HEAD_AT, ring.place(0), ring.place(1), ring.place(2)][random() as usize % 5];
            let value = [random(), random() % 16, stamp::make(1, random() as usize % 300)][random() as usize % 3];
            ring.words.store(at, value, Ordering::Relaxed);
            let _ = producer.try_send(&[1; 100]);
            if consumer.try_recv(&mut out).is_ok_and(|got| got) {
                assert!(out.len() <= ring.max_record());
            }
            let _ = (consumer.ready(), consumer.blocked());
        }
    }
}

proptest! {
    #[test]
    fn it_behaves_as_a_queue(steps in prop::collection::vec(prop::option::weighted(0.6, 0usize..300), 0..400)) {
        let ring = heap_ring(8);
        let (producer, mut consumer) = (ring.producer(), ring.consumer().unwrap());
        let mut model: VecDeque<Vec<u8>> = VecDeque::new();
        let mut out = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Some(length) => {
                    let bytes = record(0, number as u32, length);
                    let used: u64 = model.iter().map(|r| lines_for(r.len())).sum();
                    let fits = used + lines_for(bytes.len()) <= 8;
                    prop_assert_eq!(producer.try_send(&bytes).unwrap(), fits);
                    if fits {
                        model.push_back(bytes);
                    }
                }
                None => {
                    prop_assert_eq!(consumer.try_recv(&mut out).unwrap(), !model.is_empty());
                    prop_assert_eq!(&out, &model.pop_front().unwrap_or_default());
                }
            }
        }
    }
}

fn many_producers<W: Words + 'static>(sender: Ring<W>, receiver: Ring<W>, producers: u8, each: u32) {
    let producer = sender.producer();
    let mut consumer = receiver.consumer().unwrap();
    std::thread::scope(|s| {
        for id in 0..producers {
            let producer = producer.clone();
            s.spawn(move || {
                for number in 0..each {
                    let bytes = record(id, number, (number as usize * 13 + id as usize) % 180);
                    while !producer.try_send(&bytes).unwrap() {
                        std::thread::yield_now();
                    }
                }
            });
        }
        let mut due = vec![0; producers as usize];
        let mut out = Vec::new();
        while due.iter().any(|&n| n < each) {
            if !consumer.try_recv(&mut out).unwrap() {
                std::thread::yield_now();
                continue;
            }
            let number = due[out[0] as usize];
            assert_eq!(out, record(out[0], number, (number as usize * 13 + out[0] as usize) % 180));
            due[out[0] as usize] += 1;
        }
        assert!(!consumer.try_recv(&mut out).unwrap() && !consumer.blocked());
    });
}

#[test]
fn many_producers_one_consumer() {
    let ring = heap_ring(16);
    many_producers(ring.clone(), ring, 4, 20_000);
    let (here, there) = shared_ring(64);
    many_producers(here, there, 3, 20_000);
}

#[test]
fn small_records_flow() {
    let (here, there) = shared_ring(1024);
    let producer = here.producer();
    let mut consumer = there.consumer().unwrap();
    let each = 300_000u64;
    let start = Instant::now();
    std::thread::scope(|s| {
        s.spawn(|| {
            for number in 0..each {
                while !producer.try_send([number.to_le_bytes(); 4].as_flattened()).unwrap() {
                    std::thread::yield_now();
                }
            }
        });
        let mut out = Vec::new();
        for number in 0..each {
            while !consumer.try_recv(&mut out).unwrap() {
                std::thread::yield_now();
            }
            assert_eq!(out, [number.to_le_bytes(); 4].as_flattened());
        }
    });
    let rate = each as f64 / start.elapsed().as_secs_f64();
    println!("{:.1} M records of 32 bytes a second, one producer, two mappings", rate / 1e6);
    assert!(rate > 10_000.0, "{rate}");
}
