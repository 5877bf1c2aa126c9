//! Hub, engines, tasks, jobs, deaths. Knows nothing of arrays: an engine runs registered functions over buffers.
//!
//! Two ways to have work done. A *task* is a function and its argument, sent through a ring to one engine; it runs at
//! most once unless it is marked idempotent. A *job* is a large operation in chunks on a *board* that all processes map;
//! everybody claims chunks, the caller too, and a chunk may be computed again.

mod agent;
mod attempts;
mod board;
mod builder;
mod catch;
mod current;
mod death;
mod engine;
mod hub;
mod image;
mod job;
mod link;
mod pin;
mod rayon;
mod ship;
mod spawn;
mod task;
mod task_context;
mod task_pool;
mod thread_pool;
mod unwind;
mod value;
mod wire;

#[cfg(all(test, not(loom)))]
mod tests;

pub use board::Counters;
#[cfg(not(loom))]
pub(crate) use board::{MAX_CHUNKS, MAX_PAYLOAD};
pub use builder::{EngineKind, HubBuilder};
pub use catch::init;
pub use current::Entered;
pub use hub::{Activity, Hub};
#[cfg(not(loom))]
pub(crate) use job::{ChunkRunner, Job, JobKind, Remote};
#[cfg(not(loom))]
pub(crate) use ship::{Constant, function_at, number_of};
pub use task::{Pending, TaskBuilder};
pub use task_context::{cancelled, time_left};
