//! Frames that are right come back as they were; frames that are not are refused, whatever is wrong with them.

use super::*;
use crate::Error;
use rkyv::{Archive, Deserialize, Serialize};

#[derive(Archive, Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Task {
    id: u64,
    name: String,
    blocks: Vec<(u32, u64, u64)>,
    deadline: Option<f64>,
}

fn task() -> Task {
    Task { id: 7, name: "a name that is not inline".into(), blocks: vec![(0, 64, 4096), (0, 8192, 1)], deadline: None }
}

#[derive(Archive, Serialize, Deserialize, Debug, PartialEq)]
#[rkyv(
    serialize_bounds(__S: rkyv::ser::Writer + rkyv::ser::Allocator, __S::Error: rkyv::rancor::Source),
    deserialize_bounds(__D::Error: rkyv::rancor::Source),
    bytecheck(bounds(__C: rkyv::validation::ArchiveContext, __C::Error: rkyv::rancor::Source))
)]
struct Nested(#[rkyv(omit_bounds)] Option<Box<Nested>>);

fn nested(levels: usize) -> Nested {
    (0..levels).fold(Nested(None), |inner, _| Nested(Some(Box::new(inner))))
}

/// A frame whose header is right about any payload.
fn sealed(kind: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; HEADER_BYTES];
    frame.extend_from_slice(payload);
    Header::seal(kind, 0, &mut frame).unwrap();
    frame
}

fn refusal(frame: &[u8]) -> String {
    match decode::<Task>(frame) {
        Err(Error::Frame { what }) => what,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_message_comes_back() {
    let mut frame = vec![1, 2, 3];
    let header = encode(5, u64::MAX - 1, &task(), &mut frame).unwrap();
    assert_eq!(header, Header { kind: 5, length: (frame.len() - HEADER_BYTES) as u32, sequence: u64::MAX - 1 });
    assert_eq!(decode::<Task>(&frame).unwrap(), (header, task()));
    encode(6, 0, &(), &mut frame).unwrap();
    assert_eq!(frame.len(), HEADER_BYTES);
    decode::<()>(&frame).unwrap();
}

#[test]
fn a_frame_may_lie_anywhere_in_memory() {
    let mut frame = Vec::new();
    encode(5, 9, &task(), &mut frame).unwrap();
    for shift in 0..16 {
        let mut bytes = vec![0xAA; shift];
        bytes.extend_from_slice(&frame);
        assert_eq!(decode::<Task>(&bytes[shift..]).unwrap().1, task());
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let mut frame = Vec::new();
    encode(5, 9, &task(), &mut frame).unwrap();
    for bit in 0..frame.len() * 8 {
        frame[bit / 8] ^= 1 << (bit % 8);
        assert!(Header::open(&frame).is_err(), "bit {bit}");
        refusal(&frame);
        frame[bit / 8] ^= 1 << (bit % 8);
    }
    decode::<Task>(&frame).unwrap();
}

#[test]
fn every_truncation_and_extension_is_found() {
    let mut frame = Vec::new();
    encode(5, 9, &task(), &mut frame).unwrap();
    for len in 0..HEADER_BYTES {
        assert!(refusal(&frame[..len]).starts_with("truncated"));
    }
    for len in HEADER_BYTES..frame.len() {
        assert!(refusal(&frame[..len]).contains("bytes follow"));
    }
    frame.push(0);
    assert!(refusal(&frame).contains("bytes follow"));
}

#[test]
fn each_check_names_itself_and_the_values() {
    let mut frame = Vec::new();
    encode(5, 9, &task(), &mut frame).unwrap();
    let with = |at: usize, bytes: &[u8]| {
        let mut damaged = frame.clone();
        damaged[at..at + bytes.len()].copy_from_slice(bytes);
        refusal(&damaged)
    };
    assert!(with(0, b"dsTx").contains("magic is [64, 73, 54, 78]"));
    assert_eq!(with(4, &[2, 0]), "version is 2, this build speaks 1");
    assert_eq!(with(8, &u32::MAX.to_le_bytes()), "payload length is 4294967295, the limit 8388608");
    assert!(with(20, &[0; 4]).starts_with("checksum is 0x00000000"));
}

#[test]
fn a_true_checksum_does_not_make_a_true_archive() {
    let mut frame = Vec::new();
    encode(5, 9, &task(), &mut frame).unwrap();
    let payload = frame[HEADER_BYTES..].to_vec();
    // Any word of the archive, made into any of these, is still no reason to read outside of it.
    for at in 0..payload.len() - 3 {
        for word in [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            let mut damaged = payload.clone();
            damaged[at..at + 4].copy_from_slice(&u32::to_le_bytes(word));
            let _ = decode::<Task>(&sealed(5, &damaged));
        }
    }
    for len in 0..payload.len() {
        let _ = decode::<Task>(&sealed(5, &payload[..len]));
    }
    assert!(
        refusal(&sealed(5, &payload[..8]))
            .starts_with("archive of distob::transport::wire::tests::Task (kind 5, 8 bytes")
    );
    assert!(matches!(decode::<String>(&sealed(1, &[0xFF; 8])), Err(Error::Frame { .. })));
    assert!(matches!(decode::<bool>(&sealed(1, &[2])), Err(Error::Frame { .. })));
}

#[test]
fn nesting_has_a_limit() {
    let mut frame = Vec::new();
    // The outermost value is itself a level.
    encode(1, 0, &nested(MAX_DEPTH - 1), &mut frame).unwrap();
    assert_eq!(decode::<Nested>(&frame).unwrap().1, nested(MAX_DEPTH - 1));
    encode(1, 0, &nested(MAX_DEPTH), &mut frame).unwrap();
    let refused = decode::<Nested>(&frame);
    assert!(matches!(&refused, Err(Error::Frame { what }) if what.contains("nesting of at most 64")), "{refused:?}");
}

#[test]
fn size_has_a_limit() {
    let mut frame = Vec::new();
    let most = vec![0u8; MAX_PAYLOAD_BYTES - 64];
    encode(1, 0, &most, &mut frame).unwrap();
    assert_eq!(decode::<Vec<u8>>(&frame).unwrap().1, most);
    let over = vec![0u8; MAX_PAYLOAD_BYTES + 1];
    assert!(matches!(encode(1, 0, &over, &mut frame), Err(Error::Frame { what }) if what.contains("above the limit")));
}

#[test]
fn a_small_frame_is_cheap() {
    let message = (7u64, 3u32, 4096u64, 1u32);
    let mut frame = Vec::new();
    let rounds = 20_000u64;
    // The best of several: other work on the machine must not fail this.
    let best = (0..20)
        .map(|_| {
            let start = std::time::Instant::now();
            for sequence in 0..rounds {
                encode(1, sequence, &message, &mut frame).unwrap();
                let (header, back) = decode::<(u64, u32, u64, u32)>(std::hint::black_box(&frame)).unwrap();
                assert!(header.sequence == sequence && back == message);
            }
            start.elapsed().as_nanos() as f64 / rounds as f64
        })
        .fold(f64::INFINITY, f64::min);
    println!("encode and decode of a frame of {} bytes: {best:.0} ns", frame.len());
    let limit = if cfg!(debug_assertions) { 2000.0 } else { 200.0 };
    assert!(best < limit, "{best} ns");
}
