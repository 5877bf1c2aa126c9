//! A segment keeps its promises: sealed, private, aligned, the same bytes in every mapping, memory taken and given back.

use std::{
    os::fd::{AsFd, OwnedFd},
    sync::atomic::Ordering,
};

use nix::{
    sys::{
        memfd::{MFdFlags, memfd_create},
        stat::fstat,
    },
    unistd::ftruncate,
};

use super::*;
use crate::transport::region::Region;

#[test]
fn a_segment_is_aligned_private_and_sealed() {
    let segment = Segment::create("sealed", 3 * HUGE_PAGE + 1).unwrap();
    assert_eq!(segment.len(), 4 * HUGE_PAGE);
    assert!(segment.base().as_ptr().addr().is_multiple_of(HUGE_PAGE));
    let fd = segment.fd().unwrap();
    assert_eq!(fstat(fd).unwrap().st_mode & 0o777, 0o600);
    assert!(ftruncate(fd, 0).is_err());
    assert!(ftruncate(fd, 5 << 21).is_err());
    assert!(Segment::create("empty", 0).is_err());
    assert!(Segment::create("endless", usize::MAX).is_err());
}

#[test]
fn a_second_mapping_sees_the_same_bytes() {
    let first = Segment::create("shared", HUGE_PAGE).unwrap();
    let second = Segment::open(first.fd().unwrap().try_clone_to_owned().unwrap()).unwrap();
    assert_ne!(first.base(), second.base());
    assert_eq!(first.len(), second.len());
    first.commit(0..HUGE_PAGE).unwrap();
    let (a, b) = (Region::new(&first, 0, 4096).unwrap(), Region::new(&second, 0, 4096).unwrap());
    a.u64(8).store(77, Ordering::Release);
    assert_eq!(b.u64(8).load(Ordering::Acquire), 77);
    drop((a, first));
    assert_eq!(b.u64(8).load(Ordering::Acquire), 77);
}

#[test]
fn files_that_could_be_resized_are_refused() {
    let open = |fd: OwnedFd| Segment::open(fd).unwrap_err().to_string();
    let fd = memfd_create(c"loose", MFdFlags::MFD_ALLOW_SEALING).unwrap();
    ftruncate(fd.as_fd(), 2 << 20).unwrap();
    assert!(open(fd).contains("not sealed"));
    assert!(open(std::fs::File::open("/proc/self/exe").unwrap().into()).contains("seals"));
    assert!(open(sys::memory_file("odd", 4096, false).unwrap()).contains("2 MiB"));
    assert!(open(sys::memory_file("empty", 0, false).unwrap()).contains("2 MiB"));
}

#[test]
fn memory_is_taken_and_given_back_where_it_was_said() {
    let segment = Segment::create("sparse", 64 * HUGE_PAGE).unwrap();
    assert_eq!(segment.occupied().unwrap(), 0);
    segment.commit(HUGE_PAGE..5 * HUGE_PAGE).unwrap();
    assert_eq!(segment.occupied().unwrap(), 4 * HUGE_PAGE as u64);
    segment.commit(20 * HUGE_PAGE..20 * HUGE_PAGE + 4096).unwrap();
    assert_eq!(segment.occupied().unwrap(), 4 * HUGE_PAGE as u64 + 4096);
    segment.commit(40 * HUGE_PAGE - 4096..41 * HUGE_PAGE + 8192).unwrap();
    assert_eq!(segment.occupied().unwrap(), 5 * HUGE_PAGE as u64 + 4096 + 12288);
    segment.give_back(HUGE_PAGE..4 * HUGE_PAGE).unwrap();
    assert_eq!(segment.occupied().unwrap(), 2 * HUGE_PAGE as u64 + 4096 + 12288);
    segment.give_back(0..64 * HUGE_PAGE).unwrap();
    assert_eq!(segment.occupied().unwrap(), 0);
}

#[test]
fn what_was_given_back_is_zero_when_it_is_committed_again() {
    let segment = Segment::create("zeros", 2 * HUGE_PAGE).unwrap();
    let region = Region::new(&segment, 0, 2 * HUGE_PAGE).unwrap();
    segment.commit(0..2 * HUGE_PAGE).unwrap();
    (0..2 * HUGE_PAGE).step_by(8).for_each(|at| region.u64(at).store(u64::MAX, Ordering::Relaxed));
    segment.give_back(0..HUGE_PAGE).unwrap();
    segment.commit(0..HUGE_PAGE).unwrap();
    assert!((0..HUGE_PAGE).step_by(8).all(|at| region.u64(at).load(Ordering::Relaxed) == 0));
    assert!((HUGE_PAGE..2 * HUGE_PAGE).step_by(8).all(|at| region.u64(at).load(Ordering::Relaxed) == u64::MAX));
}

#[test]
fn a_range_beyond_the_segment_is_a_panic() {
    let segment = Segment::create("short", HUGE_PAGE).unwrap();
    for range in [0..HUGE_PAGE + 1, HUGE_PAGE..2 * HUGE_PAGE] {
        assert!(std::panic::catch_unwind(|| segment.commit(range.clone())).is_err());
        assert!(std::panic::catch_unwind(|| segment.give_back(range.clone())).is_err());
    }
    assert!(std::panic::catch_unwind(|| segment.at(HUGE_PAGE + 1)).is_err());
}

#[test]
fn the_heap_twin_is_aligned_zeroed_and_has_no_descriptor() {
    let segment = Segment::heap(HUGE_PAGE + 1);
    assert_eq!(segment.len(), 2 * HUGE_PAGE);
    assert!(segment.base().as_ptr().addr().is_multiple_of(HUGE_PAGE));
    assert!(segment.fd().is_none());
    let region = Region::new(&segment, 0, segment.len()).unwrap();
    assert!((0..segment.len()).step_by(4096).all(|at| region.u64(at).load(Ordering::Relaxed) == 0));
    segment.commit(0..segment.len()).unwrap();
    segment.give_back(0..segment.len()).unwrap();
}
