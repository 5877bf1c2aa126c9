//! Tasks of an embedded hub: run by its worker threads; one that nobody has begun, by whoever waits for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crossbeam::queue::SegQueue;

use super::board::{Board, Participant};

/// A task until somebody begins it.
pub(super) type Slot = Arc<Mutex<Option<Box<dyn FnOnce() + Send>>>>;

/// Tasks that wait for a thread.
#[derive(Default)]
pub(super) struct LocalTasks {
    queue: SegQueue<Slot>,
    last_id: AtomicU64,
}

impl LocalTasks {
    /// A new task's id.
    pub(super) fn next_id(&self) -> u64 {
        1 + self.last_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Queues a task and wakes a worker for it. Where there is no worker it runs now.
    pub(super) fn push(
        &self,
        task: Box<dyn FnOnce() + Send>,
        board: &Board,
        workers: std::ops::Range<Participant>,
    ) -> Slot {
        let slot = Arc::new(Mutex::new(Some(task)));
        if workers.is_empty() {
            self.run(&slot, board, 0);
        } else {
            self.queue.push(slot.clone());
            let _ = workers.into_iter().any(|who| board.wake(who));
        }
        slot
    }

    /// Runs one task as `me`, a worker, if there is one.
    pub(super) fn run_one(&self, board: &Board, me: Participant) -> bool {
        while let Some(slot) = self.queue.pop() {
            // Busy from here on: who queues more is to wake another.
            board.bell(me).withdraw();
            if self.run(&slot, board, me) {
                return true;
            }
        }
        false
    }

    /// Runs a task unless it has been begun. A thread that waits for one runs this one and no other: another may need
    /// what the thread holds.
    pub(super) fn run(&self, slot: &Slot, board: &Board, me: Participant) -> bool {
        let task = slot.lock().unwrap_or_else(|e| e.into_inner()).take();
        let Some(task) = task else { return false };
        task();
        board.count(me, 0, 0, 1);
        // Whoever sleeps for a result looks again.
        board.ring_hub();
        true
    }
}
