//! The pool over both kinds of segment: blocks never overlap, memory is counted, recycled, limited and given back.

use std::{
    collections::BTreeMap,
    sync::{Mutex, mpsc},
    time::{Duration, Instant},
};

use proptest::prelude::*;

use super::{lease::Extents, *};
use crate::{
    Error,
    transport::{region::Region, segment::HUGE_PAGE},
};

const MIB: usize = 1 << 20;

fn pool_of(segment: Arc<Segment>, quota: usize) -> Pool {
    let pool = Pool::new(segment, Quota::unmeasured(quota as u64));
    pool.set_ahead(0);
    pool
}

/// A pool over a memory file, and one over the heap twin, each with a quota of so many MiB.
fn pools(mib: usize) -> [Pool; 2] {
    [Segment::create("pool", mib * MIB).unwrap(), Segment::heap(mib * MIB)].map(|segment| pool_of(segment, mib * MIB))
}

fn fill(block: &Block, value: u8) {
    let sample = [0, block.len() / 2, block.len() - 1];
    // SAFETY: the block is ours alone, all three places lie in it, and the pool committed it.
    sample.into_iter().for_each(|at| unsafe { block.as_ptr().add(at).write(value) });
}

fn holds(block: &Block, value: u8) -> bool {
    let sample = [0, block.len() / 2, block.len() - 1];
    // SAFETY: as in `fill`.
    sample.into_iter().all(|at| unsafe { block.as_ptr().add(at).read() } == value)
}

#[test]
fn blocks_are_aligned_and_lie_in_the_segment() {
    for pool in pools(64) {
        let sizes = [0, 1, 63, 64, 65, 1000, 4096, 100_000, MIB - 1, MIB, MIB + 1, 2 * MIB, 5_000_000];
        for block in sizes.map(|bytes| pool.alloc(bytes).unwrap()) {
            assert!(block.offset().is_multiple_of(64));
            assert!(block.as_ptr().as_ptr().addr().is_multiple_of(64));
            assert!(block.offset() as usize + block.len() <= pool.segment().len());
            assert_eq!(block.as_ptr(), pool.segment().at(block.offset() as usize));
            assert!(block.pool() == &pool);
            if !block.is_empty() {
                fill(&block, 7);
                assert!(holds(&block, 7));
            }
        }
        assert_eq!(pool.stats().in_use, 0);
    }
}

#[test]
fn operands_do_not_begin_at_the_same_offset_of_their_pages() {
    for pool in pools(128) {
        for bytes in [8000, 8192, 65536, MIB, 8 * MIB] {
            let blocks: Vec<Block> = (0..4).map(|_| pool.alloc(bytes).unwrap()).collect();
            let mut starts: Vec<u64> = blocks.iter().map(|block| block.offset() % 4096).collect();
            starts.sort_unstable();
            starts.dedup();
            assert_eq!(starts.len(), 4, "{bytes}: {starts:?}");
        }
    }
}

#[test]
fn arrays_outside_of_the_pool_take_room_of_its_quota() {
    for pool in pools(16) {
        pool.adopt(10 * MIB);
        let stats = pool.stats();
        assert_eq!((stats.outside, stats.in_use, stats.peak_in_use), (10 << 20, 10 << 20, 10 << 20));
        assert_eq!(stats.committed, 0);
        match pool.alloc(8 * MIB) {
            Err(Error::OutOfMemory { wanted, in_use, quota }) => {
                assert_eq!((wanted, in_use, quota), (8 << 20, 10 << 20, 16 << 20));
            }
            other => panic!("{other:?} of a pool of 16 MiB with 10 MiB outside of it"),
        }
        // Three extents: the 6 MiB that are left.
        let block = pool.alloc(6 * MIB - PAGE).unwrap();
        assert_eq!(pool.stats().in_use, 16 << 20);
        // What is more than there is room for is counted, and blocks that are there are handed out again.
        pool.adopt(100 * MIB);
        drop(block);
        let block = pool.alloc(6 * MIB - PAGE).unwrap();
        assert!(pool.alloc(MIB).is_err());
        pool.disown(110 * MIB);
        assert_eq!((pool.stats().outside, pool.stats().in_use), (0, 6 << 20));
        drop((pool.alloc(8 * MIB).unwrap(), block));
    }
}

#[test]
fn what_was_dropped_is_handed_out_again_untouched() {
    for pool in pools(64) {
        for bytes in [500, 50_000, 120_000] {
            let first = pool.alloc(bytes).unwrap();
            let offset = first.offset();
            fill(&first, 9);
            drop(first);
            let again = pool.alloc(bytes).unwrap();
            assert_eq!(again.offset(), offset);
            assert!(holds(&again, 9));
        }
        for bytes in [500_000, 10_000_000] {
            let large = pool.alloc(bytes).unwrap();
            let (page, committed) = (large.offset() / PAGE as u64, pool.stats().committed);
            drop(large);
            assert_eq!(pool.alloc(bytes).unwrap().offset() / PAGE as u64, page);
            assert_eq!(pool.stats().committed, committed);
        }
    }
}

#[test]
fn a_full_pool_says_so_and_loses_nothing() {
    for pool in pools(16) {
        let kept = pool.alloc(8 * MIB).unwrap();
        fill(&kept, 3);
        let Err(Error::OutOfMemory { wanted, in_use, quota }) = pool.alloc(8 * MIB) else { panic!("it fitted") };
        assert_eq!((wanted, in_use, quota), ((8 * MIB) as u64, (8 * MIB + PAGE) as u64, (16 * MIB) as u64));
        for impossible in [17 * MIB, usize::MAX, usize::MAX / 2] {
            let error = pool.alloc(impossible).unwrap_err();
            assert!(matches!(error, Error::OutOfMemory { wanted, .. } if wanted == impossible as u64));
            assert!(pool.reserve(impossible).is_err());
        }
        let mut small = Vec::new();
        let error = loop {
            match pool.alloc(MIB / 2) {
                Ok(block) => small.push(block),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, Error::OutOfMemory { wanted, .. } if wanted == MIB as u64 / 2));
        assert!(!small.is_empty());
        assert!(holds(&kept, 3));
        drop((kept, small));
        assert_eq!(pool.stats().in_use, 0);
        drop(pool.alloc(14 * MIB).unwrap());
    }
}

#[test]
fn a_small_block_may_come_from_a_larger_class() {
    for pool in pools(2) {
        let larger = pool.alloc(100_000).unwrap();
        let _rest: Vec<Block> = std::iter::from_fn(|| pool.alloc(70_000).ok()).collect();
        let block = pool.alloc(1000).unwrap();
        assert_eq!(block.len(), 1000);
        assert!(pool.stats().in_use >= (2 * MIB * 9 / 10) as u64, "{:?}", pool.stats());
        assert_ne!(block.offset(), larger.offset());
    }
}

/// A length of a mixed load: as many small ones as large ones, from a few bytes to a sixteenth of the quota.
fn mixed(random: &mut u64, quota: usize) -> usize {
    *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    let (kind, part) = ((*random >> 33) as usize, (*random >> 40) as usize);
    let most = [64, 4096, 32 << 10, 128 << 10, MIB, quota / 64, quota / 32, quota / 16][kind % 8];
    most / 2 + part % (most / 2) + 1
}

#[test]
fn most_of_a_quota_can_be_held() {
    for mib in [286, 572] {
        for segment in [Segment::create("mixed", 2 * mib * MIB).unwrap(), Segment::heap(2 * mib * MIB)] {
            let pool = pool_of(segment, mib * MIB);
            let mut random = 1;
            for round in 0..6 {
                let mut held: Vec<Block> = Vec::new();
                let mut bytes = 0;
                // From the second round on, what is free is scattered.
                for _ in 0..round * 100 {
                    held.extend(pool.alloc(mixed(&mut random, mib * MIB)).ok());
                    if !held.is_empty() && random >> 50 & 1 == 1 {
                        held.swap_remove((random >> 33) as usize % held.len());
                    }
                }
                bytes += held.iter().map(Block::len).sum::<usize>();
                let refused = loop {
                    let wanted = mixed(&mut random, mib * MIB);
                    match pool.alloc(wanted) {
                        Ok(block) => held.push(block),
                        Err(_) => break wanted,
                    }
                    bytes += wanted;
                };
                let percent = bytes * 100 / (mib * MIB);
                assert!(percent >= 85, "{percent} % of {mib} MiB are held where {refused} bytes are refused");
            }
        }
    }
}

#[test]
fn arrays_of_whole_mebibytes_take_little_more() {
    for (bytes, least) in [(MIB, 284), (2 * MIB, 142), (8 * MIB, 35)] {
        for pool in [Segment::create("whole", 572 * MIB).unwrap(), Segment::heap(572 * MIB)] {
            let pool = pool_of(pool, 286 * MIB);
            let held: Vec<Block> = std::iter::from_fn(|| pool.alloc(bytes).ok()).collect();
            assert!(held.len() >= least, "{} blocks of {bytes} bytes in 286 MiB", held.len());
            assert!(pool.stats().in_use <= (held.len() * (bytes + PAGE)) as u64);
        }
    }
}

#[test]
fn a_quota_below_the_segment_is_kept_and_scattered_memory_moves() {
    for segment in [Segment::create("scattered", 64 * MIB).unwrap(), Segment::heap(64 * MIB)] {
        let pool = pool_of(segment, 16 * MIB);
        let mut blocks: Vec<Block> = (0..8).map(|_| pool.alloc(2 * MIB - PAGE).unwrap()).collect();
        assert!(pool.alloc(2 * MIB - PAGE).is_err());
        let mut index = 0;
        blocks.retain(|_| {
            index += 1;
            index % 2 == 0
        });
        // Four free extents, no two of them neighbours: their memory goes to where four in a row are.
        let wide = pool.alloc(7 * MIB).unwrap();
        fill(&wide, 1);
        assert_eq!(pool.stats().committed, 16 * MIB as u64);
        if pool.segment().fd().is_some() {
            assert_eq!(pool.segment().occupied().unwrap(), 16 * MIB as u64);
        }
        assert!(pool.alloc(2 * MIB).is_err());
    }
}

#[test]
fn trim_gives_memory_back_to_the_system() {
    for pool in pools(64) {
        let occupied = || pool.segment().fd().map_or(pool.stats().committed, |_| pool.segment().occupied().unwrap());
        let blocks: Vec<Block> = [100, 20_000, 400_000, 3 * MIB, 20 * MIB].map(|n| pool.alloc(n).unwrap()).into();
        let full = pool.stats().committed;
        assert!(occupied() == full && full >= 24 * MIB as u64);
        drop(blocks);
        let kept = pool.alloc(MIB + 1).unwrap();
        fill(&kept, 5);
        assert_eq!(pool.trim() as u64, full - 2 * MIB as u64);
        assert_eq!((occupied(), pool.stats().committed), (2 * MIB as u64, 2 * MIB as u64));
        assert!(holds(&kept, 5));
        assert_eq!(pool.trim(), 0);
        assert!(pool.alloc(30 * MIB).is_ok());
    }
}

#[test]
fn a_hundred_thousand_arrays_leave_nothing_behind() {
    for pool in pools(64) {
        for round in 0..100_000usize {
            let a = pool.alloc(round % 9000).unwrap();
            let b = pool.alloc(if round % 1000 == 0 { 3 * MIB } else { 100 }).unwrap();
            assert_ne!(a.offset(), b.offset());
        }
        let stats = pool.stats();
        assert_eq!(stats.in_use, 0);
        assert!(stats.peak_in_use <= 4 * MIB as u64 + 16_384, "{stats:?}");
        pool.reset_peak();
        assert_eq!(pool.stats().peak_in_use, 0);
        pool.trim();
        assert_eq!(pool.stats().committed, 0);
    }
}

#[test]
fn in_use_and_peak_are_exact() {
    for pool in pools(64) {
        let a = pool.alloc(1000).unwrap();
        let b = pool.alloc(10 * MIB).unwrap();
        let held = (1024 + 10 * MIB + PAGE) as u64;
        assert_eq!((pool.stats().in_use, pool.stats().peak_in_use), (held, held));
        drop(b);
        drop(a);
        assert_eq!((pool.stats().in_use, pool.stats().peak_in_use), (0, held));
        pool.reset_peak();
        let _c = pool.alloc(64).unwrap();
        assert_eq!((pool.stats().in_use, pool.stats().peak_in_use), (64, 64));
    }
}

#[test]
fn blocks_may_be_dropped_by_any_thread() {
    for pool in pools(128) {
        let (sender, receiver) = mpsc::sync_channel::<Vec<Block>>(8);
        let receiver = Arc::new(Mutex::new(receiver));
        let makers = (0..4usize).map(|maker| {
            let (pool, sender) = (pool.clone(), sender.clone());
            std::thread::spawn(move || {
                for round in 0..200 {
                    let sizes = (0..20).map(|i| 1 + (maker * 7919 + round * 104_729 + i * 1301) % 40_000);
                    let blocks: Vec<Block> = sizes.map(|bytes| pool.alloc(bytes).unwrap()).collect();
                    blocks.iter().for_each(|block| fill(block, maker as u8));
                    assert!(blocks.iter().all(|block| holds(block, maker as u8)));
                    sender.send(blocks).unwrap();
                }
            })
        });
        let droppers = (0..4).map(|_| {
            let receiver = Arc::clone(&receiver);
            let next = move || receiver.lock().unwrap().recv().ok();
            std::thread::spawn(move || std::iter::from_fn(next).for_each(drop))
        });
        let threads: Vec<_> = makers.chain(droppers).collect();
        drop(sender);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(pool.stats().in_use, 0);
        pool.trim();
        assert_eq!(pool.stats().committed, 0, "what ended threads kept came back");
    }
}

#[test]
fn a_block_dropped_while_its_thread_is_torn_down_comes_back() {
    thread_local!(static LAST: std::cell::RefCell<Vec<Block>> = const { std::cell::RefCell::new(Vec::new()) });
    for pool in pools(16) {
        let mine = pool.clone();
        let work = move || {
            // Torn down in the order of first use or in the other one: both ways round.
            LAST.with(|last| last.borrow_mut().push(mine.alloc(100).unwrap()));
            drop(mine.alloc(5000).unwrap());
        };
        std::thread::spawn(work.clone()).join().unwrap();
        let first = pool.clone();
        std::thread::spawn(move || {
            drop(first.alloc(100).unwrap());
            work();
        })
        .join()
        .unwrap();
        assert_eq!(pool.stats().in_use, 0);
        pool.trim();
        assert_eq!(pool.stats().committed, 0);
    }
}

#[test]
fn a_block_outlives_every_handle_of_its_pool() {
    for pool in pools(16) {
        let block = pool.alloc(100).unwrap();
        let segment = Arc::downgrade(pool.segment());
        fill(&block, 8);
        drop(pool);
        assert!(holds(&block, 8));
        assert_eq!(block.pool().stats().in_use, 128);
        drop(block);
        assert_eq!(segment.strong_count(), 0, "what this thread keeps must not keep a pool alive");
    }
}

#[test]
fn many_pools_at_once_do_not_mix() {
    let pools: Vec<Pool> = (0..20).flat_map(|_| pools(4)).collect();
    let mut blocks = Vec::new();
    for round in 0..50u8 {
        for (index, pool) in pools.iter().enumerate() {
            let block = pool.alloc(200).unwrap();
            fill(&block, round ^ index as u8);
            blocks.push((block, round ^ index as u8, index));
        }
    }
    assert!(blocks.iter().all(|(block, value, index)| holds(block, *value) && block.pool() == &pools[*index]));
    drop(blocks);
    assert!(pools.iter().all(|pool| pool.stats().in_use == 0));
}

#[test]
fn reserved_memory_is_there_when_it_is_wanted() {
    for pool in pools(64) {
        pool.reserve(20 * MIB).unwrap();
        let committed = pool.stats().committed;
        assert!(committed >= 20 * MIB as u64 && pool.stats().in_use == 0);
        let _block = pool.alloc(20 * MIB).unwrap();
        assert_eq!(pool.stats().committed, committed);
    }
}

#[test]
fn the_pool_grows_ahead_of_a_series() {
    for pool in pools(512) {
        pool.set_ahead(25);
        let blocks: Vec<Block> = (0..6).map(|_| pool.alloc(31 * MIB).unwrap()).collect();
        let deadline = Instant::now() + Duration::from_secs(20);
        while pool.stats().committed <= (6 * 32 * MIB) as u64 {
            assert!(Instant::now() < deadline, "nothing grew ahead: {:?}", pool.stats());
            std::thread::sleep(Duration::from_millis(1));
        }
        let stats = pool.stats();
        assert!(stats.committed - stats.in_use <= stats.committed / 4, "{stats:?}");
        assert_eq!(stats.in_use, (6 * (31 * MIB + PAGE)) as u64);
        drop(blocks);
        // Neither of these may wait for growth in the background to end by itself, nor hang.
        pool.trim();
        let _grown: Vec<Block> = (0..4).map(|_| pool.alloc(50 * MIB).unwrap()).collect();
        drop(pool);
    }
}

#[test]
fn growth_ahead_yields_to_who_needs_the_memory() {
    for pool in pools(256) {
        pool.set_ahead(90);
        for _ in 0..10 {
            let small: Vec<Block> = (0..4).map(|_| pool.alloc(20 * MIB).unwrap()).collect();
            drop(small);
            drop(pool.alloc(250 * MIB).unwrap());
            pool.trim();
        }
        assert_eq!(pool.stats().in_use, 0);
    }
}

#[test]
fn threads_that_compete_for_a_full_pool_end_with_it_empty() {
    for pool in pools(64) {
        pool.set_ahead(25);
        let compete = |pool: Pool, thread: usize| {
            let mut held: Vec<(Block, u8)> = Vec::new();
            let mut served = 0;
            for round in 0..300 {
                let bytes = [50, 3000, 70_000, 700_000, 3 * MIB, 17 * MIB][(round * 5 + thread) % 6];
                match pool.alloc(bytes) {
                    Ok(block) => {
                        fill(&block, (thread * 40 + round % 40) as u8);
                        held.push((block, (thread * 40 + round % 40) as u8));
                        served += 1;
                    }
                    Err(Error::OutOfMemory { .. }) => held.clear(),
                    Err(other) => panic!("{other}"),
                }
                assert!(held.iter().all(|(block, value)| holds(block, *value)));
                if round % 11 == thread {
                    pool.trim();
                }
                if held.len() > 4 {
                    held.swap_remove(round % 4);
                }
            }
            served
        };
        let threads: Vec<_> = (0..6)
            .map(|thread| {
                let pool = pool.clone();
                std::thread::spawn(move || compete(pool, thread))
            })
            .collect();
        let served: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert!(served > 600, "{served}");
        let stats = pool.stats();
        assert_eq!(stats.in_use, 0);
        assert!(stats.peak_committed <= 64 * MIB as u64, "{stats:?}");
        drop(pool.alloc(60 * MIB).unwrap());
    }
}

#[test]
fn trimming_makes_nobody_else_run_out() {
    for pool in pools(64) {
        let trimmer = pool.clone();
        let (sender, receiver) = mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            while receiver.try_recv() == Err(mpsc::TryRecvError::Empty) {
                trimmer.trim();
            }
        });
        for _ in 0..50 {
            drop(pool.alloc(50 * MIB).unwrap());
            // What is counted as given back need not have arrived yet.
            while pool.stats().committed > 50 * MIB as u64 {
                std::thread::yield_now();
            }
        }
        drop(sender);
        thread.join().unwrap();
    }
}

#[test]
fn leased_extents_come_back_with_their_owner() {
    let pool = pools(64)[0].clone();
    let [a, b] = [3, 5].map(|extents| pool.lease(7, extents).unwrap());
    let other = pool.lease(8, 2).unwrap();
    assert_eq!(pool.stats().in_use, 20 * MIB as u64);

    let mapped = Segment::open(pool.segment().fd().unwrap().try_clone_to_owned().unwrap()).unwrap();
    let client = Pool::over_lease(mapped, &[a, b]).unwrap();
    let blocks = [100, 50_000, 3 * MIB, MIB + 1].map(|bytes| client.alloc(bytes).unwrap());
    assert_eq!(a.offset + a.len, b.offset, "the two are neighbours, and serve as one");
    let lent = a.offset..b.offset + b.len;
    assert!(blocks.iter().all(|block| lent.contains(&block.offset())));
    assert!(blocks.iter().all(|block| block.offset() + block.len() as u64 <= lent.end));
    assert!(client.alloc(12 * MIB).is_err());
    fill(&blocks[2], 6);
    // SAFETY: the byte lies in a leased extent, which is committed, and nobody writes it meanwhile.
    assert_eq!(unsafe { pool.segment().at(blocks[2].offset() as usize).read() }, 6);
    drop((blocks, client));

    assert_eq!(pool.release_owner(7), a.len + b.len);
    assert_eq!(pool.release_owner(7), 0);
    assert_eq!(pool.stats().in_use, other.len);
    pool.release_owner(8);
    drop(pool.alloc(60 * MIB).unwrap());
}

#[test]
fn leases_that_make_no_sense_are_refused() {
    let page = HUGE_PAGE as u64;
    let over = |extents: &[(u64, u64)]| {
        let extents: Vec<Extents> = extents.iter().map(|&(offset, len)| Extents { offset, len }).collect();
        Pool::over_lease(Segment::heap(8 * HUGE_PAGE), &extents).map(drop)
    };
    over(&[(0, page), (3 * page, 5 * page)]).unwrap();
    for wrong in [(1, page), (0, 5), (0, 0), (8 * page, page), (u64::MAX - page + 1, page), (page, 8 * page)] {
        assert!(over(&[wrong]).is_err(), "{wrong:?}");
    }
    assert!(over(&[(0, 2 * page), (page, page)]).is_err());
    assert!(pools(4)[1].lease(0, 0).is_err());
}

#[test]
fn a_segment_serves_one_purpose() {
    let control = Segment::heap(HUGE_PAGE);
    let _region = Region::new(&control, 0, 64).unwrap();
    assert!(Pool::over_lease(Arc::clone(&control), &[Extents { offset: 0, len: HUGE_PAGE as u64 }]).is_err());
    assert!(std::panic::catch_unwind(|| pool_of(control, MIB)).is_err());
    let blocks = Segment::heap(HUGE_PAGE);
    let _pool = pool_of(Arc::clone(&blocks), MIB);
    assert!(Region::new(&blocks, 0, 64).is_err());
    assert!(std::panic::catch_unwind(|| pool_of(blocks, MIB)).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Against a model of the live blocks: none overlap, none is damaged, and what they hold is what is counted.
    #[test]
    fn live_blocks_never_overlap(steps in prop::collection::vec((any::<bool>(), 0..7usize, 0..1usize << 20), 1..150)) {
        for pool in pools(48) {
            let mut live = BTreeMap::<u64, (Block, u8)>::new();
            for (number, &(make, kind, seed)) in steps.iter().enumerate() {
                if make || live.is_empty() {
                    let bytes = 1 + seed % [64, 600, 5000, 66_000, MIB / 4, MIB, 12 * MIB][kind];
                    let Ok(block) = pool.alloc(bytes) else { continue };
                    let (start, end) = (block.offset(), block.offset() + bytes as u64);
                    if let Some((_, (before, _))) = live.range(..end).next_back() {
                        prop_assert!(before.offset() + before.len() as u64 <= start, "{before:?} and {block:?}");
                    }
                    fill(&block, number as u8);
                    live.insert(start, (block, number as u8));
                } else {
                    let key = *live.keys().nth(seed % live.len()).unwrap();
                    let (block, value) = live.remove(&key).unwrap();
                    prop_assert!(holds(&block, value));
                }
                let least: u64 = live.values().map(|(block, _)| block.len() as u64).sum();
                let stats = pool.stats();
                prop_assert!(least <= stats.in_use && stats.in_use <= stats.committed, "{least} {stats:?}");
                prop_assert!(stats.peak_in_use >= stats.in_use && stats.committed <= stats.quota);
            }
            prop_assert!(live.values().all(|(block, value)| holds(block, *value)));
            live.clear();
            prop_assert_eq!(pool.stats().in_use, 0);
        }
    }
}
