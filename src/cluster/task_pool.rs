//! The threads that run the tasks of an embedded hub.
//!
//! A caller that waits has a deadline and must be able to leave, so it never runs a task itself. Threads are started when
//! there are tasks for them. *Regular* ones take tasks in order, so many at a time as the hub has workers; a thread whose task is
//! past its deadline is counted no longer, and another one goes on in its place. A task that somebody waits for and that
//! no regular thread has begun is *urgent*: it gets a thread to itself, as if the caller ran it, so that tasks may wait
//! for tasks. A thread that comes back from a lost task serves on, or ends where there are more than are needed.
//!
//! All of this is decided under one lock. While tasks wait and no further one may begin, one of the threads that have nothing
//! to do *watches*: it sleeps until the next deadline of those that run.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use super::board::Board;
use super::wire::monotonic;
use crate::error::{Error, PanicPayload, Result};
use crate::transport::Home;

/// Most threads besides the regular ones: those that run urgent or lost tasks.
pub(super) const MOST_EXTRA: usize = 256;
/// How long a thread looks for its next task before it sleeps.
const SPIN: Duration = Duration::from_micros(50);
/// Looks between two looks at the clock while spinning.
const LOOKS: u32 = 32;
/// How long a thread that is not needed sleeps before it ends.
const IDLE: Duration = Duration::from_secs(5);
/// How long the tasks that run may take to end when the hub closes.
const END_WITHIN: Duration = Duration::from_millis(500);

/// What a task does, given its number.
type Run = Box<dyn FnOnce(u64) + Send>;

struct Task {
    id: u64,
    /// On the monotonic clock, in nanoseconds.
    deadline: u64,
    run: Run,
}

/// A thread that runs a task.
struct Running {
    id: u64,
    deadline: u64,
    /// Whether it counts among the regular ones, while its task is within its deadline.
    regular: bool,
    thread: ThreadId,
}

#[derive(Default)]
struct State {
    /// Sorted by number.
    queue: VecDeque<Task>,
    urgent: VecDeque<Task>,
    running: Vec<Running>,
    last_id: u64,
    threads: usize,
    /// Threads without a task: those that sleep and have not been called, and those that look or will in a moment.
    asleep: usize,
    awake: usize,
    /// Calls that no sleeper has heard yet.
    calls: usize,
    /// Whether one of those that are awake spins.
    spins: bool,
    /// Until when the watcher sleeps.
    watched: Option<u64>,
    closing: bool,
}

/// Threads for tasks, and the tasks that wait for one.
pub(super) struct TaskPool {
    state: Mutex<State>,
    called: Condvar,
    /// Rung when a thread has ended.
    ended: Condvar,
    /// Counts tasks that have been queued, for who spins.
    queued: AtomicU32,
    /// How many regular threads there are.
    regular: usize,
    may_spin: bool,
    stack: usize,
    board: Board,
    home: Home,
}

impl TaskPool {
    /// A pool of `regular` threads with that much stack, none of which is started yet.
    pub(super) fn new(board: Board, regular: usize, stack: usize) -> Arc<TaskPool> {
        Arc::new(TaskPool {
            state: Mutex::default(),
            called: Condvar::new(),
            ended: Condvar::new(),
            queued: AtomicU32::new(0),
            regular: regular.max(1),
            may_spin: std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1),
            stack,
            board,
            home: Home::here(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing of a user's runs while the lock is held.
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Queues a task; its number.
    ///
    /// # Errors
    /// [`Error::Io`] where there is no thread and the system refuses one.
    pub(super) fn push(self: &Arc<Self>, deadline: u64, run: Run) -> Result<u64> {
        let mut state = self.lock();
        state.last_id += 1;
        let id = state.last_id;
        state.queue.push_back(Task { id, deadline, run });
        self.queued.fetch_add(1, Ordering::Release);
        match self.staff(&mut state) {
            // Nobody would ever run it.
            Err(error) if state.threads == 0 => {
                let task = state.queue.pop_back();
                // Its argument is the program's own, whose drop may ask for this pool.
                drop(state);
                drop(task);
                Err(error)
            }
            _ => Ok(id),
        }
    }

    /// Somebody waits for a task: if nobody has begun it, it gets a thread to itself.
    pub(super) fn hurry(self: &Arc<Self>, id: u64) {
        let mut state = self.lock();
        if let Ok(at) = state.queue.binary_search_by_key(&id, |task| task.id)
            && let Some(task) = state.queue.remove(at)
        {
            state.urgent.push_back(task);
            self.queued.fetch_add(1, Ordering::Release);
            // Where there can be no thread now, the next that is free takes it.
            let _ = self.staff(&mut state);
        }
    }

    /// Drops a task that nobody has begun. How many threads run tasks that are past their deadlines, where that was so.
    pub(super) fn withdraw(&self, id: u64) -> Option<usize> {
        let mut state = self.lock();
        let queued = state.queue.binary_search_by_key(&id, |task| task.id);
        let task = match queued {
            Ok(at) => state.queue.remove(at),
            Err(_) => state.urgent.iter().position(|task| task.id == id).and_then(|at| state.urgent.remove(at)),
        };
        let now = monotonic();
        let lost = state.running.iter().filter(|running| running.deadline < now).count();
        drop(state);
        task.map(|_| lost)
    }

    /// Sees to it that there are threads for the tasks that may begin, or one that watches.
    fn staff(self: &Arc<Self>, state: &mut State) -> Result<()> {
        let now = monotonic();
        let room = self.regular.saturating_sub(state.regular(now));
        let takers = state.urgent.len() + state.queue.len().min(room);
        if takers == 0 {
            // With tasks in the queue: every regular thread is busy, so there is a next deadline.
            return match state.next_deadline(now).filter(|_| !state.queue.is_empty()) {
                Some(due) if state.awake == 0 && state.watched.is_none_or(|until| until > due) => self.call(state, 1),
                _ => Ok(()),
            };
        }
        let missing = takers.saturating_sub(state.awake);
        self.call(state, missing)
    }

    /// Wakes so many threads that sleep, and starts more where there are fewer.
    fn call(self: &Arc<Self>, state: &mut State, count: usize) -> Result<()> {
        let sleepers = state.asleep.min(count);
        for _ in 0..sleepers {
            self.called.notify_one();
        }
        state.asleep -= sleepers;
        state.awake += sleepers;
        state.calls += sleepers;
        for _ in sleepers..count {
            if state.threads >= self.regular + MOST_EXTRA {
                break;
            }
            let pool = self.clone();
            let thread = std::thread::Builder::new().name("distob-task".to_owned()).stack_size(self.stack);
            thread.spawn(move || pool.work()).map_err(|e| Error::io("start a thread for tasks", e))?;
            state.threads += 1;
            state.awake += 1;
        }
        Ok(())
    }

    /// The life of a thread.
    fn work(self: Arc<Self>) {
        let mut state = self.lock();
        loop {
            let next;
            (state, next) = self.next(state);
            let Some(task) = next else { break };
            drop(state);
            let (id, run) = (task.id, task.run);
            // The task tells its caller of a panic of its own; what is left is one while its argument is dropped.
            drop(catch_unwind(AssertUnwindSafe(|| run(id))).map_err(PanicPayload::from));
            self.board.count(0, 0, 0, 1);
            if !self.home.is_here() {
                // The task has forked and returned in the new process, which ends with its only thread.
                return;
            }
            // Whoever sleeps for a result looks again.
            self.board.ring_hub();
            state = self.lock();
            state.running.retain(|running| running.id != id);
            state.awake += 1;
        }
        state.awake -= 1;
        state.threads -= 1;
        self.ended.notify_all();
    }

    /// The next task for the calling thread, which is among those that are awake; `None` when it is to end.
    fn next<'a>(self: &'a Arc<Self>, mut state: MutexGuard<'a, State>) -> (MutexGuard<'a, State>, Option<Task>) {
        let mut has_spun = false;
        loop {
            if state.closing {
                return (state, None);
            }
            let now = monotonic();
            if let Some((task, regular)) = state.take(now, self.regular) {
                let (id, deadline, thread) = (task.id, task.deadline, std::thread::current().id());
                state.running.push(Running { id, deadline, regular, thread });
                state.awake -= 1;
                // Where there can be no thread now, the next that is free goes on.
                if let Err(error) = self.staff(&mut state) {
                    tracing::warn!(%error, "tasks wait for a thread");
                }
                return (state, Some(task));
            }
            if state.queue.is_empty() && !has_spun && self.may_spin && !state.spins {
                has_spun = true;
                state.spins = true;
                let seen = self.queued.load(Ordering::Acquire);
                drop(state);
                self.spin(seen);
                state = self.lock();
                state.spins = false;
                continue;
            }
            let unwatched = |due: &u64| !state.queue.is_empty() && state.watched.is_none_or(|until| until > *due);
            let watches = state.next_deadline(now).filter(unwatched);
            state.watched = watches.or(state.watched);
            let nap = watches.map_or(IDLE, |due| Duration::from_nanos((due - now).saturating_add(1)).min(IDLE));
            state.awake -= 1;
            state.asleep += 1;
            let timeout;
            (state, timeout) = self.called.wait_timeout(state, nap).unwrap_or_else(|poisoned| poisoned.into_inner());
            if watches.is_some() && state.watched == watches {
                state.watched = None;
            }
            if state.calls > 0 {
                // Whoever called has counted one of the sleepers as awake.
                state.calls -= 1;
            } else {
                state.asleep -= 1;
                state.awake += 1;
                if timeout.timed_out() && watches.is_none() && state.threads > self.regular && state.queue.is_empty() {
                    return (state, None);
                }
            }
            has_spun = true;
        }
    }

    /// Looks for new tasks for a while.
    fn spin(&self, seen: u32) {
        let begun = Instant::now();
        while begun.elapsed() < SPIN {
            for _ in 0..LOOKS {
                if self.queued.load(Ordering::Relaxed) != seen {
                    return;
                }
                std::hint::spin_loop();
            }
        }
    }

    /// Ends the threads, waiting for a moment for the tasks that run. A thread that does not come back is left to itself: what
    /// it uses of the hub it holds.
    pub(super) fn close(&self) {
        let until = Instant::now() + END_WITHIN;
        let mut state = self.lock();
        state.closing = true;
        let dropped = (std::mem::take(&mut state.queue), std::mem::take(&mut state.urgent));
        self.called.notify_all();
        // A task may have held the last handle of the hub: its thread does not wait for itself.
        let me = std::thread::current().id();
        let own = usize::from(state.running.iter().any(|running| running.thread == me));
        while state.threads > own {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                tracing::warn!(threads = state.threads - own, "tasks go on after the end of their hub");
                break;
            }
            (state, _) = self.ended.wait_timeout(state, left).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        drop(state);
        drop(dropped);
    }
}

impl State {
    /// Regular threads whose tasks are within their deadlines.
    fn regular(&self, now: u64) -> usize {
        self.running.iter().filter(|running| running.regular && running.deadline >= now).count()
    }

    /// When the next of those will be past its deadline.
    fn next_deadline(&self, now: u64) -> Option<u64> {
        let deadlines = self.running.iter().filter(|running| running.regular).map(|running| running.deadline);
        deadlines.filter(|&deadline| deadline >= now).min()
    }

    /// A task that may begin now, and whether a regular thread's.
    fn take(&mut self, now: u64, regular: usize) -> Option<(Task, bool)> {
        if let Some(task) = self.urgent.pop_front() {
            return Some((task, false));
        }
        if self.regular(now) >= regular {
            return None;
        }
        self.queue.pop_front().map(|task| (task, true))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::super::board::BOARD_BYTES;
    use super::*;
    use crate::transport::Segment;

    fn pool(regular: usize) -> Arc<TaskPool> {
        TaskPool::new(Board::create(&Segment::heap(BOARD_BYTES)).unwrap(), regular, 1 << 20)
    }

    fn after(milliseconds: u64) -> u64 {
        monotonic() + milliseconds * 1_000_000
    }

    /// Occupies threads until the sender is dropped.
    fn blocked(pool: &Arc<TaskPool>, count: usize, deadline: u64) -> Vec<std::sync::mpsc::Sender<()>> {
        let (begun, begins) = channel();
        let block = |_| {
            let (held, holds): (_, Receiver<()>) = channel();
            let begun = begun.clone();
            let run = move |_| {
                let _ = begun.send(());
                let _ = holds.recv();
            };
            pool.push(deadline, Box::new(run)).unwrap();
            held
        };
        let held = (0..count).map(block).collect();
        (0..count).for_each(|_| begins.recv_timeout(Duration::from_secs(20)).unwrap());
        held
    }

    fn quick(pool: &Arc<TaskPool>, deadline: u64) -> (u64, Receiver<()>) {
        let (done, is_done) = channel();
        let id = pool.push(deadline, Box::new(move |_| _ = done.send(()))).unwrap();
        (id, is_done)
    }

    #[test]
    fn no_more_tasks_than_regular_threads_run_at_a_time_unless_somebody_waits() {
        let pool = pool(2);
        let held = blocked(&pool, 2, after(60_000));
        let (first, first_done) = quick(&pool, after(60_000));
        let (second, second_done) = quick(&pool, after(60_000));
        assert!(first_done.recv_timeout(Duration::from_millis(50)).is_err(), "begun beside two others");
        pool.hurry(second);
        second_done.recv_timeout(Duration::from_secs(20)).unwrap();
        assert!(first_done.try_recv().is_err(), "the one before it waits on");
        pool.hurry(second);
        assert_eq!(pool.withdraw(second), None);
        assert_eq!(pool.withdraw(first), Some(0));
        assert!(first_done.recv_timeout(Duration::from_secs(20)).is_err(), "dropped");
        drop(held);
        pool.close();
        assert_eq!(pool.lock().threads, 0);
    }

    #[test]
    fn threads_lost_in_tasks_are_replaced_though_nobody_waits() {
        let pool = pool(1);
        let mut held = Vec::new();
        for _ in 0..5 {
            held.extend(blocked(&pool, 1, after(30)));
        }
        let (_, done) = quick(&pool, after(60_000));
        done.recv_timeout(Duration::from_secs(20)).unwrap();
        // Those that come back serve on: there are more than enough.
        drop(held);
        (0..100).for_each(|_| quick(&pool, after(60_000)).1.recv_timeout(Duration::from_secs(20)).unwrap());
        assert!(pool.lock().threads <= 7, "{}", pool.lock().threads);
        pool.close();
    }

    #[test]
    fn lost_threads_are_not_replaced_without_end() {
        let pool = pool(1);
        let mut held = Vec::new();
        for _ in 0..=MOST_EXTRA {
            held.extend(blocked(&pool, 1, monotonic()));
        }
        let (last, done) = quick(&pool, after(60_000));
        pool.hurry(last);
        assert!(done.recv_timeout(Duration::from_millis(50)).is_err());
        assert_eq!(pool.lock().threads, 1 + MOST_EXTRA);
        assert_eq!(pool.withdraw(last), Some(1 + MOST_EXTRA));
        drop(held);
        quick(&pool, after(60_000)).1.recv_timeout(Duration::from_secs(20)).unwrap();
        pool.close();
    }

    #[test]
    fn closing_waits_for_a_moment_only() {
        let pool = pool(1);
        let held = blocked(&pool, 1, after(60_000));
        let (_, never) = quick(&pool, after(60_000));
        let begun = Instant::now();
        pool.close();
        assert!(begun.elapsed() >= END_WITHIN && begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        assert!(never.try_recv().is_err());
        drop(held);
    }
}
