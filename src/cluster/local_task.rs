//! Tasks of an embedded hub: run by its worker threads, or by whoever waits for one.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam::queue::SegQueue;

use super::board::{Board, Participant};

/// Tasks that wait for a thread.
#[derive(Default)]
pub(super) struct LocalTasks {
    queue: SegQueue<Box<dyn FnOnce() + Send>>,
    last_id: AtomicU64,
}

impl LocalTasks {
    /// A new task's id.
    pub(super) fn next_id(&self) -> u64 {
        1 + self.last_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Queues a task and wakes a worker for it.
    pub(super) fn push(&self, task: Box<dyn FnOnce() + Send>, board: &Board, workers: std::ops::Range<Participant>) {
        self.queue.push(task);
        for who in workers {
            if board.wake(who) {
                break;
            }
        }
    }

    /// Runs one task as `me`, if there is one.
    pub(super) fn run_one(&self, board: &Board, me: Participant) -> bool {
        let Some(task) = self.queue.pop() else { return false };
        task();
        board.count(me, 0, 0, 1);
        // Whoever sleeps for a result looks again.
        board.hub_bell().fetch_add(1, Ordering::SeqCst);
        if board.hub_sleepers().load(Ordering::SeqCst) > 0 {
            crate::transport::futex_wake(board.hub_bell(), u32::MAX);
        }
        true
    }
}
