//! What every endpoint does, whatever lies under it: one suite, run over each backend.

mod backends;
mod cases;

use std::time::{Duration, Instant};

use super::{Endpoint, Event, PeerId};
use crate::transport::region::Region;

/// Two endpoints that know each other, and memory that both can reach.
struct Pair<E> {
    /// One endpoint, and the name under which it knows the other.
    left: (E, PeerId),
    /// The other one.
    right: (E, PeerId),
    /// Memory that the left one may register.
    left_memory: Region,
    /// Memory that the right one may register.
    right_memory: Region,
}

/// Names of the two, as errors must give them.
const NAMES: [&str; 2] = ["left-end", "right-end"];

/// Long enough that only what hangs gets there.
fn later() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Progresses until something happened; panics when nothing does.
fn next(endpoint: &mut impl Endpoint) -> Vec<Event> {
    let mut events = Vec::new();
    let deadline = later();
    while endpoint.progress(&mut events) == 0 {
        assert!(Instant::now() < deadline, "nothing happened");
        let soon = Instant::now() + Duration::from_millis(50);
        let _ = endpoint.wait(Duration::ZERO, soon.min(deadline));
    }
    events
}

/// Runs each case over each backend.
macro_rules! suite {
    ($($backend:ident),*; $cases:tt) => { $(suite!(@ $backend $cases);)* };
    (@ $backend:ident [$($case:ident),* $(,)?]) => {
        mod $backend {
            $(#[test] fn $case() { super::cases::$case(super::backends::$backend()); })*
        }
    };
}

suite!(heap, shm, shm_on_the_heap; [
    messages_arrive_whole_and_in_order,
    a_message_has_a_limit,
    more_than_there_is_room_for_is_busy_and_then_arrives,
    reads_and_writes_move_the_bytes_meant,
    a_write_that_is_done_is_there_when_the_message_comes,
    what_is_not_leased_is_refused_and_untouched,
    a_transfer_after_its_deadline_moves_nothing,
    a_wrong_argument_is_an_error_of_the_post,
    a_peer_that_does_not_read_is_a_deadline,
    a_peer_that_is_lost_completes_everything_once,
    a_peer_that_closes_is_lost_after_its_messages,
    a_message_ends_a_wait,
    both_talk_at_once,
]);
