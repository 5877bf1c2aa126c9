//! Shared memory with a second process: this test program once more, which runs the same test and finds that it is the peer.

use std::env;
use std::fs::OpenOptions;
use std::os::fd::AsRawFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::backends::{self, LENT, MEMORY, SECOND};
use super::{NAMES, TOKEN, bytes_of, fill, later, next, pattern, transfer};
use crate::transport::endpoint::shm::{ShmEndpoint, Side};
use crate::transport::endpoint::{Access, Endpoint, EndpointError, Event, Lease, Memory, PeerId, Post, Registration};
use crate::transport::pool::{Block, Extents, Pool};
use crate::transport::segment::{HUGE_PAGE, Segment};
use crate::transport::wire;

/// Set for the second process: the first one's id, its descriptors of the two segments, and the extents that it lends.
const PEER: &str = "DISTOB_ENDPOINT_PEER";

/// One of the two processes: its endpoint, how that numbers the other one, and what has happened and was not asked for yet.
struct Here {
    endpoint: ShmEndpoint,
    other: PeerId,
    pool: Pool,
    events: Vec<Event>,
}

impl Here {
    fn new((endpoint, other): (ShmEndpoint, PeerId), pool: Pool) -> Here {
        Here { endpoint, other, pool, events: Vec::new() }
    }

    /// The next event that is `wanted`, whatever else happens before it.
    fn event(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            if let Some(found) = self.events.iter().position(&wanted) {
                return self.events.remove(found);
            }
            self.events.extend(next(&mut self.endpoint));
        }
    }

    fn outcome(&mut self, of: u64) -> Result<(), EndpointError> {
        match self.event(|event| matches!(event, Event::Done { token, .. } if *token == of)) {
            Event::Done { outcome, .. } => outcome,
            other => panic!("{other:?}"),
        }
    }

    fn message(&mut self) -> Vec<u8> {
        match self.event(|event| matches!(event, Event::Message { .. })) {
            Event::Message { bytes, .. } => bytes,
            other => panic!("{other:?}"),
        }
    }

    /// The error that the other one is lost with.
    fn loss(&mut self) -> EndpointError {
        match self.event(|event| matches!(event, Event::Lost { .. })) {
            Event::Lost { error, .. } => error,
            other => panic!("{other:?}"),
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        assert_eq!(self.endpoint.send(self.other, bytes, 1, later()), Ok(Post::Accepted));
        self.outcome(1).unwrap();
    }

    fn send_lease(&mut self, lease: Lease) {
        let mut frame = Vec::new();
        wire::encode(1, 0, &lease, &mut frame).unwrap();
        self.send(&frame);
    }

    fn lease(&mut self) -> Lease {
        wire::decode(&self.message()).unwrap().1
    }

    /// Reads or writes `len` bytes of the other one's memory, and how that ended.
    fn run(
        &mut self,
        wanted: Access,
        lease: Lease,
        at: (u64, usize),
        len: usize,
        local: &Registration,
    ) -> Result<(), EndpointError> {
        let transfer = transfer(self.other, lease, at, len, local);
        let post = if wanted == Access::Read { self.endpoint.read(transfer) } else { self.endpoint.write(transfer) };
        assert_eq!(post?, Post::Accepted);
        self.outcome(TOKEN)
    }

    /// A block of this process's pool, and what tells whether it was given back.
    fn block(&self) -> (Memory, Weak<Block>) {
        let (memory, block) = backends::block(&self.pool, MEMORY);
        (memory, block.unwrap())
    }
}

/// A process that does not outlive its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// Waits until it has ended by itself; whether well.
    fn ends_well(&mut self) -> bool {
        let deadline = later();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.success();
            }
            assert!(Instant::now() < deadline, "the second process does not end");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Runs a test of two processes: `first` here, `second` in a process that is started for it.
fn in_two_processes(test: &str, first: impl FnOnce(Here, Process), second: impl FnOnce(Here)) {
    if let Ok(told) = env::var(PEER) {
        return second(join(&told));
    }
    let (control, data) = (segment("link"), segment("data"));
    backends::prepare(&control);
    let pool = backends::pool(Arc::clone(&data));
    let lent = pool.lease(SECOND, LENT).unwrap();
    let fd = |segment: &Segment| segment.fd().unwrap().as_raw_fd();
    let told = format!("{} {} {} {} {}", std::process::id(), fd(&control), fd(&data), lent.offset, lent.len);
    // The crate's name is no part of a test's name.
    let name = format!("{}::{test}", module_path!().split_once("::").unwrap().1);
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", &name, "--nocapture", "--test-threads=1"]).env(PEER, told).stdout(Stdio::null());
    let child = Process(command.spawn().unwrap());
    first(Here::new(backends::end(&control, &data, Side::First), pool), child);
}

fn segment(name: &str) -> Arc<Segment> {
    Segment::create(name, backends::DATA).unwrap()
}

/// Joins the process that has told this one what it needs.
fn join(told: &str) -> Here {
    let numbers: Vec<u64> = told.split(' ').map(|number| number.parse().unwrap()).collect();
    let [pid, control, data, offset, len] = numbers[..] else { panic!("{told:?}") };
    let open = |fd: u64| {
        let file = OpenOptions::new().read(true).write(true).open(format!("/proc/{pid}/fd/{fd}")).unwrap();
        Segment::open(file.into()).unwrap()
    };
    let (control, data) = (open(control), open(data));
    let end = backends::end(&control, &data, Side::Second);
    Here::new(end, Pool::over_lease(data, &[Extents { offset, len }]).unwrap())
}

#[test]
fn two_processes_read_and_write_blocks_of_each_other() {
    const WRITTEN: usize = 100_001;
    let first = |mut here: Here, mut child: Process| {
        let (memory, block) = here.block();
        fill(&memory, 1);
        let lease = here.endpoint.register(&memory, Access::ReadWrite).unwrap().lease();
        here.send_lease(lease);
        let theirs = here.lease();
        let mut expected = pattern(MEMORY, 1);
        expected[5..5 + WRITTEN].copy_from_slice(&pattern(MEMORY, 2)[3..3 + WRITTEN]);
        assert!(bytes_of(&memory) == expected, "the second process has written what it said");

        let (copy, _) = here.block();
        let local = here.endpoint.register(&copy, Access::Local).unwrap();
        here.run(Access::Read, theirs, (0, 0), MEMORY, &local).unwrap();
        assert!(bytes_of(&copy) == pattern(MEMORY, 2));
        let write = here.run(Access::Write, theirs, (0, 0), 8, &local);
        assert!(matches!(write, Err(EndpointError::Rights { wanted: Access::Write, .. })));

        here.endpoint.revoke(lease);
        drop(memory);
        assert!(block.upgrade().is_none());
        here.send(b"revoked");
        assert_eq!(here.message(), b"refused");
        let lost = here.loss();
        assert!(matches!(&lost, EndpointError::Lost { peer, .. } if peer == NAMES[1]), "{lost}");
        assert_eq!(here.run(Access::Read, theirs, (0, 0), 8, &local), Err(lost), "its lease went with it");
        assert!(child.ends_well());
    };
    let second = |mut here: Here| {
        let (memory, _) = here.block();
        let local = here.endpoint.register(&memory, Access::Read).unwrap();
        let theirs = here.lease();
        here.run(Access::Read, theirs, (0, 0), MEMORY, &local).unwrap();
        assert!(bytes_of(&memory) == pattern(MEMORY, 1));
        fill(&memory, 2);
        here.run(Access::Write, theirs, (5, 3), WRITTEN, &local).unwrap();
        here.send_lease(local.lease());
        assert_eq!(here.message(), b"revoked");
        let stale = here.run(Access::Read, theirs, (0, 0), 8, &local);
        assert_eq!(stale, Err(EndpointError::NoLease { peer: NAMES[0].into(), key: theirs.key }));
        here.send(b"refused");
    };
    in_two_processes("two_processes_read_and_write_blocks_of_each_other", first, second);
}

#[test]
fn a_process_killed_while_it_copies_is_an_error_and_keeps_nothing() {
    let first = |mut here: Here, mut child: Process| {
        let (memory, block) = here.block();
        let lease = here.endpoint.register(&memory, Access::ReadWrite).unwrap().lease();
        here.send_lease(lease);
        let theirs = here.lease();
        // From here on the second process writes into the block without a pause.
        let (copy, _) = here.block();
        let local = here.endpoint.register(&copy, Access::Local).unwrap();
        let read = transfer(here.other, theirs, (0, 0), MEMORY, &local);
        assert_eq!(here.endpoint.read(read), Ok(Post::Accepted));
        assert_eq!(here.endpoint.progress(&mut Vec::new()), 0);
        child.0.kill().unwrap();
        child.0.wait().unwrap();
        here.endpoint.lose(here.other, "killed by signal 9");
        let lost = EndpointError::Lost { peer: NAMES[1].into(), what: "killed by signal 9".into() };
        assert_eq!(here.outcome(TOKEN), Err(lost.clone()));
        assert_eq!(here.loss(), lost);
        assert_eq!(here.run(Access::Read, theirs, (0, 0), 8, &local), Err(lost));
        // Whatever it was doing, it does not hold the block, and what was lent to it comes back.
        here.endpoint.revoke(lease);
        drop(memory);
        assert!(block.upgrade().is_none());
        assert_eq!(here.pool.release_owner(SECOND), u64::from(LENT) * HUGE_PAGE as u64);
    };
    let second = |mut here: Here| {
        let (memory, _) = here.block();
        let local = here.endpoint.register(&memory, Access::Read).unwrap();
        let theirs = here.lease();
        here.send_lease(local.lease());
        let deadline = later();
        while Instant::now() < deadline {
            here.run(Access::Write, theirs, (0, 0), MEMORY, &local).unwrap();
        }
        panic!("nobody has killed this process");
    };
    in_two_processes("a_process_killed_while_it_copies_is_an_error_and_keeps_nothing", first, second);
}
