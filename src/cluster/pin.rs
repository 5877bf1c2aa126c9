//! Binds a thread to a processor.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

/// Binds the calling thread to the `nth` processor of those that it may use. Without effect where the system refuses:
/// pinning is a wish.
pub(super) fn pin_to(nth: usize) {
    let this = Pid::from_raw(0);
    let Ok(allowed) = sched_getaffinity(this) else { return };
    let cores: Vec<usize> = (0..CpuSet::count()).filter(|&core| allowed.is_set(core).unwrap_or(false)).collect();
    if cores.is_empty() {
        return;
    }
    let mut one = CpuSet::new();
    if one.set(cores[nth % cores.len()]).is_ok() && sched_setaffinity(this, &one).is_err() {
        tracing::debug!(nth, "the system refused to pin a thread");
    }
}
