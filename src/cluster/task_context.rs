//! What a task can know of itself while it runs: whether it was cancelled, and how much time it has.

use std::cell::RefCell;
use std::time::Duration;

use super::board::Board;
use super::wire::{is_past, monotonic};

struct Context {
    board: Board,
    task: u64,
    deadline: u64,
}

thread_local! {
    static CURRENT: RefCell<Vec<Context>> = const { RefCell::new(Vec::new()) };
}

/// Ends the context when the task has ended, however it did.
pub(super) struct Leave;

impl Drop for Leave {
    fn drop(&mut self) {
        CURRENT.with_borrow_mut(|stack| stack.pop());
    }
}

/// Makes `task` the one that the calling thread runs.
pub(super) fn enter(board: &Board, task: u64, deadline: u64) -> Leave {
    CURRENT.with_borrow_mut(|stack| stack.push(Context { board: board.clone(), task, deadline }));
    Leave
}

/// Whether the task that runs on this thread should end: it was cancelled, its deadline has passed, or its
/// hub is closing. A task that
/// takes long asks now and then. Outside of a task: `false`.
pub fn cancelled() -> bool {
    CURRENT.with_borrow(|stack| {
        stack.last().is_some_and(|context| {
            context.board.cancelled(context.task) || is_past(context.deadline) || context.board.closing()
        })
    })
}

/// How much time the task that runs on this thread has left; `None` outside of a task.
pub fn time_left() -> Option<Duration> {
    CURRENT.with_borrow(|stack| {
        stack.last().map(|context| Duration::from_nanos(context.deadline.saturating_sub(monotonic())))
    })
}
