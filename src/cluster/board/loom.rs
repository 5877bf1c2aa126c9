//! Models of the board, checked by loom over every interleaving that matters: `ci/loom`. Nobody's sleep ends by itself here,
//! so a wake-up that is lost is a deadlock.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ::loom::sync::atomic::{AtomicU32, AtomicU64};
use ::loom::thread;

use super::active::Active;
use super::slot::{Claim, Death, MAX_DEATHS, Posted, Rest, Slot, bytes_for};
use super::{Doorbell, Participant};
use crate::transport::doorbell::HeapWord;
use crate::transport::loom::{model, model_within};
use crate::transport::words::HeapWords;

/// Most chunks of a job here, and most jobs.
const MOST: usize = 3;

/// A slot, and what was done for the jobs in it.
#[derive(Clone)]
struct Bench {
    words: HeapWords,
    done: Doorbell<HeapWord>,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    /// The epoch whose chunks may be computed, and what stands for its description: ten times that.
    now: AtomicU64,
    description: AtomicU64,
    /// For each job and chunk.
    computed: [[AtomicU32; MOST]; MOST],
    finished: [[AtomicU32; MOST]; MOST],
}

impl Bench {
    fn new(chunks: u32) -> Bench {
        Bench { words: HeapWords::new(bytes_for(chunks)), done: Doorbell::heap(), log: Arc::default() }
    }

    fn slot(&self) -> Slot<'_, HeapWords, HeapWord> {
        Slot { words: &self.words, at: 0, done: self.done.clone() }
    }

    fn post(&self, epoch: u64, total: u32) -> Posted {
        // Of two chunks and more each lane has some.
        self.post_in(epoch, total, &[1][..usize::from(total > 1)])
    }

    /// [`post`](Bench::post), with these ends of lanes.
    fn post_in(&self, epoch: u64, total: u32, ends: &[u32]) -> Posted {
        self.log.now.store(epoch, Ordering::Relaxed);
        let posted = Posted { epoch: 0, total, kind: 0, payload: 0, chunk_bytes: 0, lanes: 0 };
        let posted = self.slot().post(posted, ends, || self.log.description.store(epoch * 10, Ordering::Relaxed));
        assert_eq!(posted.epoch, epoch);
        posted
    }

    /// Computes a chunk that was claimed.
    fn compute(&self, job: &Posted, chunk: u32) {
        assert_eq!(self.log.now.load(Ordering::Relaxed), job.epoch, "a chunk of a job that is over");
        self.log.computed[job.epoch as usize - 1][chunk as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self, job: &Posted, chunk: u32, finished: bool) {
        self.log.finished[job.epoch as usize - 1][chunk as usize].fetch_add(u32::from(finished), Ordering::Relaxed);
    }

    fn run(&self, job: &Posted, chunk: u32, me: Participant) {
        self.compute(job, chunk);
        let finished = self.slot().complete(job, chunk, me);
        assert!(finished, "who lives completes what it has claimed");
        self.count(job, chunk, finished);
    }

    /// What a participant does for the job that it finds.
    fn help(&self, me: Participant) {
        let job = self.slot().look();
        let description = self.log.description.load(Ordering::Relaxed);
        while let Some(chunk) = self.slot().claim(&job, me, u32::from(me)) {
            assert_eq!(description, job.epoch * 10, "the description of another job");
            self.run(&job, chunk, me);
        }
    }

    /// The poster's wait, without its spinning.
    fn wait(&self, job: &Posted) {
        loop {
            match self.slot().rest(job, 0, None) {
                Rest::Nothing => break,
                Rest::Chunk(chunk) => self.run(job, chunk, 0),
                Rest::Again | Rest::Retries => {}
            }
        }
        // What was computed is there for the poster, though nothing but the owner words says so.
        for chunk in &self.log.computed[job.epoch as usize - 1][..job.total as usize] {
            assert!(chunk.load(Ordering::Relaxed) > 0, "a chunk that nobody has computed");
        }
    }

    /// To be asked at the end: how often each chunk of a job was computed.
    fn computed(&self, job: &Posted) -> Vec<u32> {
        let counts = |all: &[[AtomicU32; MOST]; MOST]| -> Vec<u32> {
            let job_counts = &all[job.epoch as usize - 1][..job.total as usize];
            job_counts.iter().map(|count| count.load(Ordering::Relaxed)).collect()
        };
        assert!(counts(&self.log.finished).iter().all(|&count| count == 1), "each chunk is completed once");
        counts(&self.log.computed)
    }
}

#[test]
fn every_chunk_of_each_job_is_computed_once_and_none_of_a_job_that_is_over() {
    model_within(2, || {
        let bench = Bench::new(2);
        let helper = {
            let bench = bench.clone();
            thread::spawn(move || bench.help(1))
        };
        let jobs: Vec<Posted> = [1, 2]
            .into_iter()
            .zip(1..)
            .map(|(total, epoch)| {
                // One lane: loads of words that each job writes anew have many outcomes.
                let job = bench.post_in(epoch, total, &[]);
                while let Some(chunk) = bench.slot().claim(&job, 0, 0) {
                    bench.run(&job, chunk, 0);
                }
                bench.wait(&job);
                job
            })
            .collect();
        helper.join().unwrap();
        assert!(jobs.iter().all(|job| bench.computed(job).iter().all(|&count| count == 1)));
    });
}

#[test]
fn two_helpers_never_have_the_same_chunk() {
    model_within(2, || {
        let bench = Bench::new(2);
        let job = bench.post(1, 2);
        let helpers: Vec<_> = (1..=2)
            .map(|me| {
                let bench = bench.clone();
                thread::spawn(move || bench.help(me))
            })
            .collect();
        bench.wait(&job);
        helpers.into_iter().for_each(|helper| helper.join().unwrap());
        assert_eq!(bench.computed(&job), [1, 1]);
    });
}

/// Where an engine is killed.
#[derive(Clone, Copy, PartialEq)]
enum Killed {
    BeforeItClaims,
    WithAChunk,
    BeforeItCounts,
}

/// Participant 1 dies; who sees that makes its chunk free, and starts another participant 1.
fn an_engine_dies(when: Killed) {
    model(move || {
        let bench = Bench::new(2);
        let job = bench.post(1, 2);
        let engine = {
            let bench = bench.clone();
            thread::spawn(move || {
                let job = bench.slot().look();
                let Some(chunk) = bench.slot().draw(&job, 1) else { return };
                if when == Killed::BeforeItClaims || bench.slot().claim_chunk(&job, chunk, 1) != Claim::Mine {
                    return;
                }
                bench.compute(&job, chunk);
                if when == Killed::BeforeItCounts {
                    let finished = bench.slot().finish(&job, chunk, 1);
                    bench.count(&job, chunk, finished);
                }
            })
        };
        let agent = {
            let bench = bench.clone();
            thread::spawn(move || {
                engine.join().unwrap();
                bench.slot().release(&(1..2), None);
                bench.help(1);
            })
        };
        while let Some(chunk) = bench.slot().claim(&job, 0, 0) {
            bench.run(&job, chunk, 0);
        }
        bench.wait(&job);
        agent.join().unwrap();
        let computed = bench.computed(&job);
        assert!(computed.iter().sum::<u32>() <= 2 + u32::from(when == Killed::WithAChunk), "{computed:?}");
    });
}

#[test]
fn an_engine_that_dies_before_it_claims_holds_nobody_up() {
    an_engine_dies(Killed::BeforeItClaims);
}

#[test]
fn the_chunk_of_an_engine_that_died_is_computed_again() {
    an_engine_dies(Killed::WithAChunk);
}

#[test]
fn what_an_engine_that_died_had_finished_stays_finished() {
    an_engine_dies(Killed::BeforeItCounts);
}

#[test]
fn the_last_chunk_wakes_the_poster_though_the_dead_have_not_counted_theirs() {
    model(|| {
        let bench = Bench::new(3);
        let job = bench.post(1, 3);
        // Two threads of one engine, killed at once.
        for me in 1..=2 {
            let chunk = bench.slot().claim(&job, me, u32::from(me)).unwrap();
            bench.compute(&job, chunk);
            let finished = bench.slot().finish(&job, chunk, me);
            bench.count(&job, chunk, finished);
        }
        let agent = {
            let bench = bench.clone();
            thread::spawn(move || _ = bench.slot().release(&(1..3), None))
        };
        let helper = {
            let bench = bench.clone();
            thread::spawn(move || bench.help(3))
        };
        bench.wait(&job);
        agent.join().unwrap();
        helper.join().unwrap();
        assert_eq!(bench.computed(&job), [1, 1, 1]);
    });
}

const DEATH: Option<Death> = Some(Death { engine: 0, status: 6 });

#[test]
fn what_an_engine_died_of_is_computed_by_engines_alone() {
    model_within(2, || {
        let bench = Bench::new(2);
        let job = bench.post(1, 2);
        // The chunk that it died of, counted from 1.
        let deadly = Arc::new(AtomicU32::new(0));
        let engine = {
            let (bench, deadly) = (bench.clone(), deadly.clone());
            thread::spawn(move || {
                let job = bench.slot().look();
                if let Some(chunk) = bench.slot().claim(&job, 1, 1) {
                    deadly.store(chunk + 1, Ordering::Relaxed);
                }
            })
        };
        let agent = {
            let bench = bench.clone();
            thread::spawn(move || {
                engine.join().unwrap();
                bench.slot().release(&(1..2), DEATH);
                // Another participant 1.
                let job = bench.slot().look();
                while let Some(chunk) = bench.slot().claim_again(&job, 1) {
                    bench.run(&job, chunk, 1);
                }
            })
        };
        while let Some(chunk) = bench.slot().claim(&job, 0, 0) {
            bench.run(&job, chunk, 0);
        }
        loop {
            match bench.slot().rest(&job, 0, None) {
                Rest::Nothing => break,
                Rest::Chunk(chunk) => {
                    assert_ne!(chunk + 1, deadly.load(Ordering::Relaxed), "the poster computes what an engine died of");
                    bench.run(&job, chunk, 0);
                }
                Rest::Again | Rest::Retries => {}
            }
        }
        agent.join().unwrap();
        assert_eq!(bench.slot().lost(&job), None);
        assert_eq!(bench.computed(&job), [1, 1]);
    });
}

#[test]
fn the_poster_wakes_and_sees_that_a_chunk_is_lost() {
    model_within(2, || {
        let bench = Bench::new(1);
        let job = bench.post(1, 1);
        assert_eq!(bench.slot().claim(&job, 1, 1), Some(0));
        let agent = {
            let bench = bench.clone();
            thread::spawn(move || {
                for _ in 1..MAX_DEATHS {
                    bench.slot().release(&(1..2), DEATH);
                    assert_eq!(bench.slot().claim_again(&job, 1), Some(0));
                }
                bench.slot().release(&(1..2), DEATH);
            })
        };
        while bench.slot().rest(&job, 0, None) != Rest::Nothing {}
        assert!(bench.slot().lost(&job).is_some_and(|lost| u64::from(lost.deaths) == MAX_DEATHS));
        // The next job knows nothing of it.
        let next = bench.post(2, 1);
        let chunk = bench.slot().claim(&next, 0, 0).unwrap();
        bench.run(&next, chunk, 0);
        bench.wait(&next);
        agent.join().unwrap();
        assert_eq!(bench.slot().lost(&next), None);
    });
}

#[test]
fn an_engine_that_goes_to_sleep_sees_a_retry_or_is_woken_for_it() {
    model(|| {
        let bench = Bench::new(1);
        let job = bench.post(1, 1);
        assert_eq!(bench.slot().claim(&job, 1, 1), Some(0));
        let (closing, bell) = (Arc::new(AtomicU32::new(0)), Doorbell::heap());
        let engine = {
            let (bench, closing, bell) = (bench.clone(), closing.clone(), bell.clone());
            thread::spawn(move || {
                let mut seen = 0;
                let closes = || closing.load(Ordering::Relaxed) != 0;
                while !closes() {
                    let retries = bench.slot().retries();
                    if retries != 0 && retries != seen {
                        seen = retries;
                        let job = bench.slot().look();
                        while let Some(chunk) = bench.slot().claim_again(&job, 2) {
                            bench.run(&job, chunk, 2);
                        }
                    } else {
                        let is_due = || matches!(bench.slot().retries(), now if now != 0 && now != seen);
                        bell.sleep_unless(|| is_due() || closes(), None);
                    }
                }
            })
        };
        bench.slot().release(&(1..2), DEATH);
        bell.rouse();
        bench.wait(&job);
        closing.store(1, Ordering::Relaxed);
        bell.ring();
        engine.join().unwrap();
        assert_eq!(bench.computed(&job), [1]);
    });
}

#[test]
fn a_chunk_that_is_given_back_wakes_the_poster() {
    model(|| {
        let bench = Bench::new(2);
        let job = bench.post(1, 2);
        let refuser = {
            let bench = bench.clone();
            thread::spawn(move || {
                let job = bench.slot().look();
                if let Some(chunk) = bench.slot().claim(&job, 1, 1) {
                    bench.slot().give_back(&job, chunk, 1);
                }
            })
        };
        let helper = {
            let bench = bench.clone();
            thread::spawn(move || bench.help(2))
        };
        bench.wait(&job);
        refuser.join().unwrap();
        helper.join().unwrap();
        assert_eq!(bench.computed(&job), [1, 1]);
    });
}

#[test]
fn a_helper_that_goes_to_sleep_sees_a_new_job_or_is_woken_for_it() {
    model(|| {
        let benches = [Bench::new(1), Bench::new(1)];
        let shared = HeapWords::new(8);
        let closing = Arc::new(AtomicU32::new(0));
        let bell = Doorbell::heap();
        let helper = {
            let (benches, shared, closing, bell) = (benches.clone(), shared.clone(), closing.clone(), bell.clone());
            thread::spawn(move || {
                let active = Active { words: &shared, at: 0 };
                let closes = || closing.load(Ordering::Relaxed) != 0;
                while !closes() {
                    let due = |slots: u64| (0..2).find(|i| slots & 1 << i != 0 && benches[*i].slot().has_work());
                    match due(active.slots()) {
                        Some(slot) => benches[slot].help(1),
                        None => {
                            bell.sleep_unless(|| due(active.slots_before_sleep()).is_some() || closes(), None);
                        }
                    }
                }
            })
        };
        // This poster leaves all the work to the helper, which it would wait for in vain if that slept.
        let active = Active { words: &shared, at: 0 };
        for (slot, bench) in benches.iter().enumerate() {
            let job = bench.post(1, 1);
            active.insert(slot);
            if bell.has_sleeper() {
                bell.rouse();
            }
            loop {
                let epoch = bench.done.epoch();
                if bench.slot().seems_done(&job) && bench.slot().all_done(&job) {
                    break;
                }
                bench.done.wait(epoch, std::time::Duration::ZERO, None);
            }
            active.remove(slot);
            assert_eq!(bench.log.computed[0][0].load(Ordering::Relaxed), 1);
        }
        closing.store(1, Ordering::Relaxed);
        bell.ring();
        helper.join().unwrap();
    });
}
