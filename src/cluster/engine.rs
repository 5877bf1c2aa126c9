//! An engine process: maps the segments that its agent sends, then runs tasks from its ring and chunks from the board
//! until the hub closes or the agent is gone.

use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use super::board::{Board, Participant, SLOTS};
use super::image::Image;
use super::job::{ChunkRunner, JobKind, kinds};
use super::link::regions;
use super::ship::Function;
use super::spawn::{receive, take_socket};
use super::task_context;
use super::thread_pool::{Helper, serve};
use super::unwind::AbortOnUnwind;
use super::wire::{
    Assembly, Bytes, FAILED, Failed, HELLO, Hello, Outcome, PROTOCOL, READY, REPLY_ROOM, Ready, is_past, open_task,
    reply_frames,
};
use crate::error::{Error, PanicPayload, Result, panic_message};
use crate::transport::wire::{decode, encode};
use crate::transport::{Consumer, Home, Producer, Ring, Segment};

/// How long a thread of an engine spins after its last work before it sleeps.
const SPIN: Duration = Duration::from_micros(50);
/// The same where there are more engines than processors: long enough for the next of many tasks to come.
const SHORT_SPIN: Duration = Duration::from_micros(5);
/// How often an engine shows that it is alive.
const BEAT: u16 = 50;
/// How long the agent's first message may take.
const HELLO_WITHIN: u16 = 10_000;
/// How long a reply may wait for room in its ring.
const REPLY_WITHIN: Duration = Duration::from_secs(30);

/// Most bytes of what an engine says of its failure: they fit into one message.
const CONFESSION: usize = 2000;
/// How long the tasks that run may take to end when the hub closes.
const END_WITHIN: Duration = Duration::from_millis(200);

/// The life of an engine process.
pub(super) fn run(version: &str) -> ! {
    let socket = take_socket().unwrap_or_else(|error| fail(&error));
    match live(version, &socket) {
        Ok(()) => end(0),
        Err(error) => {
            confess(&socket, &error);
            fail(&error)
        }
    }
}

/// Ends the process.
fn end(code: i32) -> ! {
    let _ = std::io::stdout().flush();
    std::process::exit(code)
}

fn fail(error: &Error) -> ! {
    let _ = writeln!(std::io::stderr(), "distob engine {}: {error}", std::process::id());
    end(1)
}

/// Tells the agent why this engine ends.
fn confess(socket: &OwnedFd, error: &Error) {
    let what: String = error.to_string().chars().take(CONFESSION / 4).collect();
    let mut frame = Vec::new();
    if encode(FAILED, 0, &Failed { what }, &mut frame).is_ok() {
        // An agent that is gone need not know.
        let _ = nix::unistd::write(socket, &frame);
    }
}

fn live(version: &str, socket: &OwnedFd) -> Result<()> {
    if version != PROTOCOL {
        return Err(Error::frame(format!("handshake version {version:?}, this program speaks {PROTOCOL:?}")));
    }
    ignore(Signal::SIGPIPE)?;
    // An engine is in a group of its own, behind the terminal. With `stty tostop` it would be stopped when a task prints.
    ignore(Signal::SIGTTOU)?;
    // Killed with the agent's thread, even while stopped.
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).map_err(|e| Error::io("ask to be killed with the agent", e))?;
    let (hello, control, arrays) = hear(socket)?;
    if nix::unistd::getppid().as_raw() as u32 != hello.agent {
        // The agent had ended before the request above: nobody will kill us, and nobody needs us.
        return Ok(());
    }
    let board = Board::attach(&control)?;
    let (tasks, replies) = regions(&control, hello.engine as usize)?;
    let tasks = Ring::attach(tasks)?.consumer()?;
    let replies = Ring::attach(replies)?.producer();
    let engine = Arc::new(Engine {
        number: hello.engine,
        board,
        home: Home::here(),
        arrays,
        kinds: kinds(),
        threads: hello.participant..hello.participant + hello.threads,
        inbox: Mutex::new(Inbox { tasks, frame: Vec::new(), assembly: Assembly::default() }),
        replies: Mutex::new(replies),
        socket: socket.try_clone().map_err(|e| Error::io("duplicate the agent's socket", e))?,
    });
    let mut frame = Vec::new();
    encode(READY, 0, &Ready { identity: Image::own().identity, pid: std::process::id() }, &mut frame)?;
    let spin = if hello.spins { SPIN } else { SHORT_SPIN };
    // They begin when the agent knows that we are ready: a death before is one of an engine that did not start.
    let start = Arc::new(Barrier::new(usize::from(hello.threads) + 1));
    let at_work = Arc::new(AtomicU16::new(hello.threads));
    // The main thread computes nothing: its stack is not ours to choose.
    for index in 0..hello.threads {
        let (engine, start, at_work) = (engine.clone(), start.clone(), at_work.clone());
        let pin = hello.pin.map(|core| core as usize + usize::from(index));
        let work = move || {
            start.wait();
            // A thread that ended alone would leave an engine that shows signs of life and does nothing.
            let guard = AbortOnUnwind::begin("a thread of an engine");
            engine.work(hello.participant + index, spin, pin);
            guard.end();
            // The hub has closed.
            if at_work.fetch_sub(1, Ordering::AcqRel) == 1 {
                end(0)
            }
        };
        let thread = std::thread::Builder::new().name(format!("distob-{index}")).stack_size(hello.stack as usize);
        thread.spawn(work).map_err(|e| Error::io("start a thread of an engine", e))?;
    }
    match nix::unistd::write(&engine.socket, &frame) {
        Ok(_) => {}
        // The hub has closed before we were up.
        Err(nix::errno::Errno::EPIPE) => return Ok(()),
        Err(error) => return Err(Error::io("tell the agent that we are ready", error)),
    }
    start.wait();
    engine.beat(hello.participant)
}

/// Has a signal ignored. As for SIGPIPE, before `main` nobody has done it yet: a write to a closed socket is an error, not a signal.
fn ignore(signal: Signal) -> Result<()> {
    let ignore = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: ignoring a signal installs no handler, so there is no code that would have to be signal-safe.
    unsafe { sigaction(signal, &ignore) }.map_err(|e| Error::io(format!("ignore {signal}"), e))?;
    Ok(())
}

/// The agent's first message.
fn hear(socket: &OwnedFd) -> Result<(Hello, Arc<Segment>, Option<Arc<Segment>>)> {
    let mut fds = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    if poll(&mut fds, HELLO_WITHIN).map_err(|e| Error::io("wait for the agent", e))? == 0 {
        return Err(Error::DeadlineExceeded {
            what: "the agent's first message".to_owned(),
            after: Duration::from_millis(u64::from(HELLO_WITHIN)),
        });
    }
    let (message, fds) = receive(socket.as_fd())?.ok_or(Error::HubClosed)?;
    let (header, hello) = decode::<Hello>(&message)?;
    if header.kind != HELLO || hello.identity != Image::own().identity {
        return Err(Error::frame(format!(
            "kind {} from program {:#x}, expected {HELLO} from {:#x}",
            header.kind,
            hello.identity,
            Image::own().identity
        )));
    }
    let (count, mut fds) = (fds.len(), fds.into_iter());
    let (Some(control), arrays, None) = (fds.next(), fds.next(), fds.next()) else {
        return Err(Error::frame(format!("{count} descriptors with the first message, expected 1 or 2")));
    };
    Ok((hello, Segment::open(control)?, arrays.map(Segment::open).transpose()?))
}

struct Engine {
    /// Which engine of its hub this is, and the lane of a job that is its own.
    number: u32,
    board: Board,
    home: Home,
    /// The memory of arrays, if the hub's engine processes compute those.
    arrays: Option<Arc<Segment>>,
    kinds: Vec<&'static JobKind>,
    threads: std::ops::Range<Participant>,
    inbox: Mutex<Inbox>,
    /// Locked for each record, so that none ever lies behind one that its thread has not published: after a death, what
    /// has been replied to and what was running are then exactly known.
    replies: Mutex<Producer>,
    socket: OwnedFd,
}

struct Inbox {
    tasks: Consumer,
    frame: Vec<u8>,
    assembly: Assembly,
}

/// What a thread of an engine keeps between two looks at the board.
struct Worker<'a> {
    engine: &'a Engine,
    me: Participant,
    /// For each slot, the job seen last and what computes its chunks; `None` where this engine cannot.
    runners: [Option<(u64, Option<ChunkRunner>)>; SLOTS],
    /// For each slot, up to which of its [`retries`](Board::retries) this thread has found none left.
    retries: [u64; SLOTS],
    payload: Vec<u8>,
}

impl Helper for Worker<'_> {
    fn is_due(&self, slot: usize) -> bool {
        let board = &self.engine.board;
        let retries = board.retries(slot);
        (board.has_work(slot) || (retries != 0 && retries != self.retries[slot]))
            && !matches!(&self.runners[slot], Some((epoch, None)) if *epoch == board.look(slot).epoch)
    }

    /// Computes chunks of the job in `slot`; whether there were any.
    fn help(&mut self, slot: usize) -> bool {
        let engine = self.engine;
        let Worker { engine: Engine { number, board, arrays, kinds, .. }, me, runners, retries, payload } = self;
        // Before looking for them: what is added after this is seen the next time.
        retries[slot] = board.retries(slot);
        let job = board.look(slot);
        if runners[slot].as_ref().is_none_or(|(epoch, _)| *epoch != job.epoch) {
            // The state of a runner is the program's own, whose drop may panic.
            let old = runners[slot].take();
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(old))) {
                tracing::warn!(message = panic_message(&*panic), "the drop of a function's state panicked");
                drop(PanicPayload::from(panic));
            }
            if job.payload == 0 {
                // The hub's own threads alone can compute it.
                runners[slot] = Some((job.epoch, None));
                return false;
            }
            if !board.payload(slot, &job, payload) {
                return false;
            }
            let runner = match (kinds.get(job.kind as usize), arrays) {
                (Some(kind), Some(arrays)) => (kind.prepare)(payload, arrays),
                _ => Err(Error::frame(format!("job kind {} of {}", job.kind, kinds.len()))),
            };
            // What this engine cannot read, somebody else computes: the poster at the latest.
            let runner = runner.inspect_err(|error| tracing::warn!(%error, "a job's description is refused")).ok();
            runners[slot] = Some((job.epoch, runner));
        }
        let Some((_, Some(runner))) = &runners[slot] else { return false };
        let mut any = false;
        let mut fails = false;
        while let Some(chunk) = board.claim(slot, &job, *me, *number).or_else(|| board.claim_again(slot, &job, *me)) {
            let ended = catch_unwind(AssertUnwindSafe(|| runner(chunk)));
            engine.stay();
            if let Err(panic) = ended {
                tracing::warn!(message = panic_message(&*panic), "a chunk's function panicked");
                drop(PanicPayload::from(panic));
                board.give_back(slot, &job, chunk, *me);
                fails = true;
                break;
            }
            // Counted first: when the job has ended, so has the counting.
            board.count(*me, 1, job.chunk_bytes, 0);
            board.complete(slot, &job, chunk, *me);
            any = true;
        }
        if fails {
            runners[slot] = Some((job.epoch, None));
        }
        any
    }

    fn run_task(&mut self) -> bool {
        self.engine.run_task(self.me)
    }
}

impl Engine {
    /// The life of one of the engine's threads.
    fn work(&self, me: Participant, spin: Duration, pin: Option<usize>) {
        if let Some(core) = pin {
            super::pin::pin_to(core);
        }
        let (runners, retries) = ([const { None }; SLOTS], [0; SLOTS]);
        serve(&self.board, me, spin, &mut Worker { engine: self, me, runners, retries, payload: Vec::new() });
    }

    /// Counts up, and ends the process when the agent is gone.
    fn beat(&self, me: Participant) -> ! {
        loop {
            self.board.beat(me).fetch_add(1, Ordering::Relaxed);
            // Nothing to read ever comes: what wakes this is the end of the other side.
            let mut fds = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
            let gone = match poll(&mut fds, BEAT) {
                Ok(0) | Err(nix::errno::Errno::EINTR) => false,
                Ok(_) => true,
                Err(_) => true,
            };
            if gone {
                if self.board.closing() {
                    // An orderly end: the threads see it too, and the last that has finished ends the process.
                    std::thread::sleep(END_WITHIN);
                }
                // Else the agent was killed. Its memory is ours alone now, and goes with us.
                end(0)
            }
        }
    }

    /// Runs one task from the ring, if there is one and no other thread is reading it.
    fn run_task(&self, me: Participant) -> bool {
        let Some(task) = self.next_task() else { return false };
        let Ok(task) = task.inspect_err(|error| {
            // The hub's ring is the hub's memory: nothing sensible can come after this.
            tracing::error!(%error, "unreadable task; the engine ends");
        }) else {
            std::process::exit(1);
        };
        self.board.current_task(me).store(task.id, Ordering::Release);
        // Busy from here on: who sends more is to wake another.
        self.board.bell(me).withdraw();
        if self.threads.len() > 1 && self.inbox.try_lock().is_ok_and(|inbox| inbox.tasks.ready()) {
            let _ = self.threads.clone().any(|who| who != me && self.board.wake(who));
        }
        let (outcome, bytes) = self.call(&task);
        self.stay();
        // A line that has not ended would be lost if this process were killed.
        let _ = std::io::stdout().flush();
        let sent = self.reply(task.id, outcome, bytes);
        self.board.current_task(me).store(0, Ordering::Release);
        self.board.count(me, 0, 0, 1);
        if let Err(error) = sent {
            tracing::error!(task = task.id, %error, "a reply cannot be sent; the engine ends");
            std::process::exit(1);
        }
        true
    }

    /// Ends this process if the program's function has forked and returned in the new one: nothing there is for it to do, and to run what is
    /// registered for the end of a process is the engine's.
    fn stay(&self) {
        if !self.home.is_here() {
            // SAFETY: ends the process, whatever its state.
            unsafe { nix::libc::_exit(0) }
        }
    }

    fn next_task(&self) -> Option<Result<Whole>> {
        let mut inbox = self.inbox.try_lock().ok()?;
        let Inbox { tasks, frame, assembly } = &mut *inbox;
        loop {
            match tasks.try_recv(frame) {
                Ok(false) => return None,
                Ok(true) => {}
                Err(error) => return Some(Err(error)),
            }
            let whole = open_task(frame).and_then(|task| {
                // Whose sender has given up will not be completed.
                assembly.forget(|id| self.board.cancelled(id));
                let whole = assembly.add(task.id, task.argument, task.last)?;
                let (id, function, deadline) = (task.id, task.function, task.deadline);
                Ok(whole.map(|argument| Whole { id, function, deadline, argument }))
            });
            if let Some(task) = whole.transpose() {
                return Some(task);
            }
        }
    }

    /// How the task ended, and the bytes of its reply, behind room for what comes before them.
    fn call(&self, task: &Whole) -> (Outcome, Vec<u8>) {
        let nothing = || vec![0; REPLY_ROOM];
        let text = |text: String| [nothing(), text.into_bytes()].concat();
        if self.board.cancelled(task.id) {
            return (Outcome::Cancelled, nothing());
        }
        if is_past(task.deadline) {
            return (Outcome::Late, nothing());
        }
        // SAFETY: the number came in a frame of this ring, whose checksum was right: the hub, a process of this program, wrote it, and
        // `task_number` is where it has numbers from.
        let function = match unsafe { Function::named(task.function) } {
            Ok(function) => function,
            Err(error) => return (Outcome::Refused, text(error.to_string())),
        };
        let _context = task_context::enter(&self.board, task.id, task.deadline);
        match catch_unwind(|| function.call(&task.argument)) {
            // What ended after its deadline has ended too late, whoever looks first.
            Ok(Ok(_)) if is_past(task.deadline) => (Outcome::Late, nothing()),
            Ok(Ok(bytes)) => (Outcome::Value, bytes),
            Ok(Err(error)) => (Outcome::Refused, text(error.to_string())),
            Err(panic) => {
                let message = panic_message(&*panic).to_owned();
                drop(PanicPayload::from(panic));
                (Outcome::Panicked, text(message))
            }
        }
    }

    fn reply(&self, id: u64, outcome: Outcome, bytes: Vec<u8>) -> Result<()> {
        for frame in reply_frames(id, outcome, bytes)? {
            let mut since = None;
            while !self.replies.lock().unwrap_or_else(|e| e.into_inner()).try_send(&frame)? {
                // Nobody reads: ask the agent to, now and then, and wait for it.
                let (begun, turns) = since.get_or_insert_with(|| (std::time::Instant::now(), 0u32));
                if turns.is_multiple_of(64) {
                    let _ = nix::sys::socket::send(
                        self.socket.as_raw_fd(),
                        &[1],
                        nix::sys::socket::MsgFlags::MSG_DONTWAIT | nix::sys::socket::MsgFlags::MSG_NOSIGNAL,
                    );
                }
                *turns += 1;
                if begun.elapsed() > REPLY_WITHIN {
                    return Err(Error::DeadlineExceeded { what: "room for a reply".to_owned(), after: REPLY_WITHIN });
                }
                std::thread::sleep(Duration::from_micros(20));
            }
        }
        self.board.ring_hub();
        Ok(())
    }
}

/// A task that has arrived, with all of its argument.
struct Whole {
    id: u64,
    function: u64,
    deadline: u64,
    argument: Bytes,
}
