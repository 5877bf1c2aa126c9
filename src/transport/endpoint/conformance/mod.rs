//! What every endpoint does, whatever lies under it: one suite, run over each backend, with control words and with blocks of
//! pools; and over shared memory once more with a second process.

mod backends;
mod cases;
mod leases;
mod process;

use std::sync::Weak;
use std::time::{Duration, Instant};

use super::{Access, Endpoint, EndpointError, Event, Lease, Memory, PeerId, Post, Registration, Transfer};
use crate::transport::pool::Block;

/// Two endpoints that know each other, and memory that both can reach.
struct Pair<E> {
    /// One endpoint, and the name under which it knows the other.
    left: (E, PeerId),
    /// The other one.
    right: (E, PeerId),
    /// Memory that the left one may register.
    left_memory: Memory,
    /// Memory that the right one may register.
    right_memory: Memory,
    /// The block that it lies in, if it does.
    right_block: Option<Weak<Block>>,
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

/// Posts a message for which there must be room.
fn send(endpoint: &mut impl Endpoint, peer: PeerId, bytes: &[u8], token: u64) {
    assert_eq!(endpoint.send(peer, bytes, token, later()).unwrap(), Post::Accepted);
}

/// The outcome of the only thing under way.
fn outcome(endpoint: &mut impl Endpoint, token: u64) -> Result<(), EndpointError> {
    match <[Event; 1]>::try_from(next(endpoint)) {
        Ok([Event::Done { token: done, outcome, .. }]) if done == token => outcome,
        other => panic!("{other:?}"),
    }
}

fn pattern(len: usize, seed: u8) -> Vec<u8> {
    (0..len).map(|i| (i as u8).wrapping_mul(31) ^ (i >> 8) as u8 ^ (i >> 16) as u8 ^ seed).collect()
}

fn fill(memory: &Memory, seed: u8) {
    memory.copy_in(0, &pattern(memory.len(), seed));
}

fn bytes_of(memory: &Memory) -> Vec<u8> {
    let mut bytes = vec![0; memory.len()];
    memory.copy_out(0, &mut bytes);
    bytes
}

/// Token of all transfers of the cases.
const TOKEN: u64 = 77;

/// A transfer of `len` bytes at `at`, there and here.
fn transfer(peer: PeerId, remote: Lease, at: (u64, usize), len: usize, local: &Registration) -> Transfer<'_> {
    Transfer { peer, remote, remote_at: at.0, local, local_at: at.1, len, token: TOKEN, deadline: later() }
}

/// Reads or writes, and how that ended.
fn run(endpoint: &mut impl Endpoint, wanted: Access, transfer: Transfer<'_>) -> Result<(), EndpointError> {
    let post = if wanted == Access::Read { endpoint.read(transfer) } else { endpoint.write(transfer) };
    assert_eq!(post.unwrap(), Post::Accepted);
    outcome(endpoint, TOKEN)
}

/// Runs each case over each backend.
macro_rules! suite {
    ($($backend:ident),*; $cases:tt) => { $(suite!(@ $backend $cases);)* };
    (@ $backend:ident [$($file:ident::$case:ident),* $(,)?]) => {
        mod $backend {
            $(#[test] fn $case() { super::$file::$case(super::backends::$backend()); })*
        }
    };
}

suite!(heap, heap_blocks, shm, shm_blocks, shm_on_the_heap, shm_blocks_on_the_heap; [
    cases::messages_arrive_whole_and_in_order,
    cases::a_message_has_a_limit,
    cases::more_than_there_is_room_for_is_busy_and_then_arrives,
    cases::reads_and_writes_move_the_bytes_meant,
    cases::a_write_that_is_done_is_there_when_the_message_comes,
    cases::what_is_not_leased_is_refused_and_untouched,
    cases::a_wrong_argument_is_an_error_of_the_post,
    cases::a_peer_that_does_not_read_is_a_deadline,
    cases::a_peer_that_is_lost_completes_everything_once,
    cases::a_peer_that_closes_is_lost_after_its_messages,
    cases::a_message_ends_a_wait,
    cases::both_talk_at_once,
    leases::a_lease_reaches_its_bytes_and_no_others,
    leases::a_lease_that_was_altered_is_refused,
    leases::a_registration_keeps_its_memory_until_it_is_revoked,
    leases::a_slot_that_is_used_again_does_not_revive_a_lease,
    leases::a_long_transfer_takes_several_calls_and_lets_others_by,
    leases::a_lease_revoked_in_the_middle_ends_the_transfer,
    leases::a_peer_lost_in_the_middle_ends_the_transfer,
    leases::a_peer_that_closes_in_the_middle_ends_the_transfer,
    leases::a_transfer_past_its_deadline_is_late,
    leases::more_transfers_than_allowed_are_busy,
]);
