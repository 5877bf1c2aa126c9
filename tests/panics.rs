//! A panic of a user's function arrives at its caller with what it was raised with.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};

use distob::prelude::*;
use distob::{EngineKind, Error, Hub};

/// Computed by the calling thread alone, and by several.
const LENGTHS: [usize; 2] = [100, 400_000];

#[derive(Debug, PartialEq)]
struct Reason {
    code: u64,
    text: String,
}

fn reason(code: u64) -> Reason {
    Reason { code, text: "out of range".to_owned() }
}

fn hubs() -> [Hub; 3] {
    let embedded = |engines| Hub::builder().embedded().engines(engines).start().unwrap();
    [embedded(1), embedded(3), Hub::builder().process().engines(2).start().unwrap()]
}

/// What a call panics with.
fn panic_of<R>(call: impl FnOnce() -> R) -> Box<dyn Any + Send> {
    catch_unwind(AssertUnwindSafe(call)).map(|_| ()).expect_err("a panic")
}

fn payload_of(error: &Error) -> Box<dyn Any + Send> {
    let Error::Panicked { payload, .. } = error else { panic!("{error}") };
    payload.take().expect("a panic of this process")
}

#[distob::test]
fn closures_panic_with_their_own_payloads() {
    for hub in hubs() {
        for n in LENGTHS {
            let a = hub.scatter(&Array1::from_iter(0..n as u64)).unwrap();
            let last = n as u64 - 1;
            let f = |x: u64| if x == last { panic_any(reason(x)) } else { x };
            assert_eq!(*panic_of(|| a.mapv(f)).downcast::<Reason>().unwrap(), reason(last));
            assert_eq!(*panic_of(|| a.map(|&x| f(x))).downcast::<Reason>().unwrap(), reason(last));
            assert_eq!(*panic_of(|| a.clone().mapv_into(f)).downcast::<Reason>().unwrap(), reason(last));
            assert_eq!(*panic_of(|| a.zip_with(&a, |x, _| f(x))).downcast::<Reason>().unwrap(), reason(last));
            assert_eq!(*panic_of(|| (&a, &a, 1).zip_with(|x, _, _| f(x))).downcast::<Reason>().unwrap(), reason(last));
            let with = panic_of(|| a.map_with(&last, |last, x| if x == *last { panic_any(7) } else { x }));
            assert_eq!(*with.downcast::<i32>().unwrap(), 7);
            let error = a.try_mapv(f).err().unwrap();
            assert_eq!(*payload_of(&error).downcast::<Reason>().unwrap(), reason(last));
            assert_eq!(a.mapv(|x| x + 1).max(), Some(n as u64), "the hub goes on");
        }
    }
}

#[distob::test]
fn a_text_is_the_message_and_the_payload() {
    let hub = Hub::builder().embedded().engines(2).start().unwrap();
    for n in LENGTHS {
        let a = hub.scatter(&Array1::from_iter(0..n as i64)).unwrap();
        let f = |x: i64| if x == 7 { panic!("seven is {x}") } else { x };
        assert_eq!(*panic_of(|| a.mapv(f)).downcast::<String>().unwrap(), "seven is 7");
        let error = a.try_mapv(f).err().unwrap();
        assert!(matches!(&error, Error::Panicked { task, message, .. } if task == "mapv" && message == "seven is 7"));
        assert_eq!(*payload_of(&error).downcast::<String>().unwrap(), "seven is 7");
        let Error::Panicked { payload, .. } = &error else { unreachable!() };
        assert!(payload.take().is_none(), "it is taken once");
        let error = a.try_mapv(|x| if x == 7 { panic!("seven") } else { x }).err().unwrap();
        assert!(matches!(&error, Error::Panicked { message, .. } if message == "seven"));
        assert_eq!(*payload_of(&error).downcast::<&str>().unwrap(), "seven");
    }
}

#[distob::test]
fn a_payload_whose_end_panics_harms_nobody() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("once more");
        }
    }
    for hub in hubs() {
        for n in LENGTHS {
            let a = hub.scatter(&Array1::from_iter(0..n as u64)).unwrap();
            // Each thread that takes part has one.
            let error = a.try_mapv(|x| if x % 4096 == 5 { panic_any(Bomb) } else { x }).err().unwrap();
            assert!(matches!(&error, Error::Panicked { message, .. } if message.contains("no text")), "{error}");
            drop(error);
            assert_eq!(a.mapv(|x| x + 1).max(), Some(n as u64), "the hub goes on");
        }
        let error = hub.submit(|(): ()| -> u32 { panic_any(Bomb) }, ()).unwrap().wait().unwrap_err();
        assert!(matches!(&error, Error::Panicked { .. }), "{error}");
        drop(error);
        assert_eq!(hub.submit(|x: u32| x + 1, 1).unwrap().wait().unwrap(), 2);
    }
}

#[distob::test]
fn tasks_of_this_process_keep_the_payload_and_those_of_others_the_message() {
    for hub in hubs() {
        let error = hub.submit(|x: u64| -> u64 { panic_any(reason(x)) }, 5).unwrap().wait().unwrap_err();
        let Error::Panicked { payload, .. } = &error else { panic!("{error}") };
        match (hub.kind(), payload.take()) {
            (EngineKind::Embedded, Some(payload)) => assert_eq!(*payload.downcast::<Reason>().unwrap(), reason(5)),
            (EngineKind::Process, None) => {}
            (kind, payload) => panic!("{kind:?}: {}", if payload.is_some() { "a payload" } else { "none" }),
        }
        let error = hub.submit(|x: u64| -> u64 { panic!("no {x}") }, 5).unwrap().wait().unwrap_err();
        assert!(matches!(&error, Error::Panicked { message, .. } if message == "no 5"), "{error}");
    }
}
