//! Models of the protocols in shared memory, checked by loom over every interleaving that matters: `ci/loom`.

use std::sync::Arc;
use std::time::Duration;

use ::loom::cell::UnsafeCell;
use ::loom::thread;

use super::doorbell::{Doorbell, Waited};
use super::lease_table::{Entry, LeaseTable};
use super::ring::Ring;
use super::sync::{AtomicU32, Ordering};
use super::words::HeapWords;

/// Checks every execution of `check` that loom tells apart.
pub(crate) fn model(check: impl Fn() + Send + Sync + 'static) {
    // Bugs in protocols of two or three threads show within as many preemptions; more would take hours.
    model_within(3, check);
}

/// The same for a protocol of so many steps that three preemptions would take hours too. `DISTOB_LOOM_PREEMPTIONS` asks for another number.
pub(crate) fn model_within(preemptions: usize, check: impl Fn() + Send + Sync + 'static) {
    let mut builder = ::loom::model::Builder::new();
    let wanted = std::env::var("DISTOB_LOOM_PREEMPTIONS").ok().and_then(|wanted| wanted.parse().ok());
    builder.preemption_bound = Some(wanted.unwrap_or(preemptions));
    let executions = Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counted = executions.clone();
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        check();
    });
    println!("{} executions", executions.load(Ordering::Relaxed));
}

fn two_lines() -> Ring<HeapWords> {
    Ring::create(HeapWords::new(Ring::<HeapWords>::bytes_for(2))).unwrap()
}

fn send(producer: &super::ring::Producer<HeapWords>, record: &[u8]) {
    while !producer.try_send(record).unwrap() {
        thread::yield_now();
    }
}

#[test]
fn a_record_is_whole_when_it_is_seen_and_lines_are_used_again_only_after_they_were_read() {
    model(|| {
        let ring = two_lines();
        let producer = ring.producer();
        let sender = thread::spawn(move || {
            for number in 0..3u64 {
                send(&producer, &[number + 1; 1].map(u64::to_le_bytes).concat());
            }
        });
        let mut consumer = ring.consumer().unwrap();
        let mut record = Vec::new();
        for number in 0..3u64 {
            while !consumer.try_recv(&mut record).unwrap() {
                thread::yield_now();
            }
            assert_eq!(record, (number + 1).to_le_bytes());
        }
        sender.join().unwrap();
        assert!(!consumer.try_recv(&mut record).unwrap() && !consumer.blocked());
    });
}

#[test]
fn two_producers_never_share_a_line() {
    model(|| {
        let ring = two_lines();
        let producer = ring.producer();
        let senders: Vec<_> = (1..=2u8)
            .map(|id| {
                let producer = producer.clone();
                thread::spawn(move || send(&producer, &[id; 8]))
            })
            .collect();
        let mut consumer = ring.consumer().unwrap();
        let mut record = Vec::new();
        let mut seen = 0;
        for _ in 0..2 {
            while !consumer.try_recv(&mut record).unwrap() {
                thread::yield_now();
            }
            assert!(record == [1; 8] || record == [2; 8]);
            seen |= record[0];
        }
        assert_eq!(seen, 3);
        for sender in senders {
            sender.join().unwrap();
        }
    });
}

#[test]
fn what_was_sent_is_received_once_where_each_record_is_written_over_the_last() {
    model(|| {
        let ring = two_lines();
        let producer = ring.producer();
        // Records of two lines: each fills the ring. Nobody waits, so whoever finds it full gives up.
        let long = |id: u64| [id.to_le_bytes(); 8].concat();
        let senders: Vec<_> = (1..=2u64)
            .map(|id| {
                let producer = producer.clone();
                thread::spawn(move || if producer.try_send(&long(id)).unwrap() { id } else { 0 })
            })
            .collect();
        let mut consumer = ring.consumer().unwrap();
        let mut received = 0;
        let mut record = Vec::new();
        let mut receive = || {
            if consumer.try_recv(&mut record).unwrap() {
                assert_eq!(record, long(u64::from(record[0])));
                received += u64::from(record[0]);
            }
        };
        receive();
        receive();
        let sent: u64 = senders.into_iter().map(|sender| sender.join().unwrap()).sum();
        receive();
        assert!(sent > 0);
        assert_eq!(received, sent);
    });
}

#[test]
fn no_ring_of_the_doorbell_is_lost() {
    // Were one lost, the waiting thread would sleep for ever, which loom reports as a deadlock.
    model(|| {
        let bell = Doorbell::heap();
        let ring = two_lines();
        let producer = ring.producer();
        let other = bell.clone();
        let sender = thread::spawn(move || {
            for _ in 0..2 {
                producer.try_send(b"due").unwrap();
                other.ring();
            }
        });
        let mut consumer = ring.consumer().unwrap();
        let mut record = Vec::new();
        for _ in 0..2 {
            assert_eq!(bell.wait_until(|| consumer.ready(), Duration::ZERO, None), Waited::Woken);
            assert!(consumer.try_recv(&mut record).unwrap());
        }
        sender.join().unwrap();
    });
}

#[test]
fn two_sleepers_and_two_ringers_all_come_home() {
    model(|| {
        let bell = Doorbell::heap();
        let epoch = bell.epoch();
        let waiter = {
            let bell = bell.clone();
            thread::spawn(move || bell.wait(epoch, Duration::ZERO, None))
        };
        let ringer = {
            let bell = bell.clone();
            thread::spawn(move || bell.ring())
        };
        assert_eq!(bell.wait(epoch, Duration::ZERO, None), Waited::Woken);
        assert_eq!(waiter.join().unwrap(), Waited::Woken);
        ringer.join().unwrap();
        let ringer = {
            let bell = bell.clone();
            thread::spawn(move || bell.ring())
        };
        let epoch = bell.epoch();
        bell.ring();
        assert_eq!(bell.wait(epoch, Duration::ZERO, None), Waited::Woken);
        ringer.join().unwrap();
    });
}

#[test]
fn who_is_about_to_sleep_is_roused_for_what_it_did_not_see() {
    model(|| {
        let bell = Doorbell::heap();
        let due = Arc::new(AtomicU32::new(0));
        let rouser = {
            let (bell, due) = (bell.clone(), due.clone());
            thread::spawn(move || {
                for number in 1..=2 {
                    // Relaxed: rousing alone has to make it visible.
                    due.store(number, Ordering::Relaxed);
                    bell.rouse();
                }
            })
        };
        while due.load(Ordering::Relaxed) < 2 {
            bell.sleep_unless(|| due.load(Ordering::Relaxed) == 2, None);
        }
        rouser.join().unwrap();
        assert!(!bell.rouse());
    });
}

#[test]
fn all_who_sleep_on_one_doorbell_are_roused() {
    model(|| {
        let bell = Doorbell::heap();
        let due = Arc::new([AtomicU32::new(0), AtomicU32::new(0)]);
        let sleeper = |which: usize| {
            let (bell, due) = (bell.clone(), due.clone());
            move || {
                while due[which].load(Ordering::Relaxed) == 0 {
                    bell.sleep_while(|| due[which].load(Ordering::Relaxed) == 0, None);
                }
            }
        };
        let other = thread::spawn(sleeper(1));
        let ringer = {
            let (bell, due) = (bell.clone(), due.clone());
            thread::spawn(move || {
                for due in due.iter() {
                    // Relaxed: the ring alone has to make it visible.
                    due.store(1, Ordering::Relaxed);
                    bell.rouse();
                }
            })
        };
        sleeper(0)();
        other.join().unwrap();
        ringer.join().unwrap();
    });
}

#[test]
fn who_withdraws_sees_what_it_was_roused_for() {
    model(|| {
        let bell = Doorbell::heap();
        let due = Arc::new(AtomicU32::new(0));
        let rousers: Vec<_> = (0..2)
            .map(|number| {
                let (bell, due) = (bell.clone(), due.clone());
                thread::spawn(move || {
                    due.fetch_or(1 << number, Ordering::Relaxed);
                    if bell.rouse() { 1 << number } else { 0 }
                })
            })
            .collect();
        let mut seen = 0;
        let busy = || {
            bell.withdraw();
            seen = due.load(Ordering::Relaxed);
            true
        };
        bell.sleep_unless(busy, None);
        let roused: Vec<u32> = rousers.into_iter().map(|rouser| rouser.join().unwrap()).collect();
        // Otherwise a rouser would count on somebody who is busy with something else.
        assert!(roused.iter().all(|number| seen & number == *number) && roused.contains(&0));
    });
}

#[test]
fn a_sleeper_is_woken_when_the_tally_is_full() {
    model(|| {
        let bell = Doorbell::heap();
        let ringers: Vec<_> = (0..2)
            .map(|_| {
                let bell = bell.clone();
                thread::spawn(move || bell.tally(2))
            })
            .collect();
        loop {
            let epoch = bell.epoch();
            if bell.rings() == 2 {
                break;
            }
            assert_eq!(bell.wait(epoch, Duration::ZERO, None), Waited::Woken);
        }
        ringers.into_iter().for_each(|ringer| ringer.join().unwrap());
    });
}

#[test]
fn leased_memory_is_not_used_again_while_a_peer_copies_it() {
    let entry = |key| Entry { key, base: key + 1, len: key + 2, rights: key + 3 };
    model(move || {
        let table = LeaseTable::over(HeapWords::new(LeaseTable::<HeapWords>::bytes_for(1)));
        let memory = Arc::new(UnsafeCell::new(()));
        table.grant(entry(1));
        let peer = {
            let (table, memory) = (table.clone(), memory.clone());
            thread::spawn(move || {
                for key in [1, 2] {
                    if let Some(found) = table.enter(key) {
                        assert_eq!(found, entry(key));
                        // loom reports an access that is not ordered before or after the owner's.
                        memory.with(|_| ());
                        table.leave();
                    }
                }
            })
        };
        table.withdraw(1);
        if !table.is_used(1) {
            memory.with_mut(|_| ());
            table.grant(entry(2));
        }
        peer.join().unwrap();
    });
}
