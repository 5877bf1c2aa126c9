//! How often and when the start of an engine is tried again, and what stood in the way the last time.

use std::time::Duration;

use nix::errno::Errno;

use crate::error::Error;

/// The pause after the first failure; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// What a failure counts: of the program itself, which is likely to fail again; of a system that is short of something
/// for a while; and a kill from outside, which says nothing of either.
const OWN: u32 = 60;
const SHORTAGE: u32 = 30;
const KILL: u32 = 1;
/// From this on those who wait for the engine are told why there is none. It is tried again nevertheless.
const GIVEN_UP: u32 = 300;
/// So many kills in a row cost no pause.
const KILLS_FOR_NOTHING: u32 = 3;
/// No pause after kills is longer.
const LONGEST_AFTER_KILLS: Duration = Duration::from_secs(1);

/// What stood in the way of a start.
#[derive(Clone, Debug)]
pub(super) struct Cause {
    pub(super) what: String,
    /// What the system said, where it was the system that refused.
    pub(super) errno: Option<i32>,
    weight: u32,
}

impl Cause {
    /// A step that failed in this process.
    pub(super) fn of(error: &Error) -> Cause {
        let errno = match error {
            Error::Io { source, .. } => source.raw_os_error(),
            _ => None,
        };
        let short = errno.map(Errno::from_raw).is_some_and(|errno| {
            use Errno::{EAGAIN, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, ETOOMANYREFS, ETXTBSY};
            matches!(errno, EAGAIN | EINTR | EMFILE | ENFILE | ENOBUFS | ENOMEM | ETOOMANYREFS | ETXTBSY)
        });
        Cause { what: error.to_string(), errno, weight: if short { SHORTAGE } else { OWN } }
    }

    /// The end of an engine before it was ready.
    pub(super) fn death(what: String, from_outside: bool) -> Cause {
        Cause { what, errno: None, weight: if from_outside { KILL } else { OWN } }
    }

    /// The same as an error of the system.
    pub(super) fn to_io(&self) -> std::io::Error {
        self.errno.map_or_else(|| std::io::Error::other(self.what.clone()), std::io::Error::from_raw_os_error)
    }
}

/// The failures since the engine was ready last.
#[derive(Default)]
pub(super) struct Attempts {
    failures: u32,
    kills: u32,
    weight: u32,
}

impl Attempts {
    /// Notes a failure; how long to wait before the next attempt.
    pub(super) fn failed(&mut self, cause: &Cause) -> Duration {
        self.weight = self.weight.saturating_add(cause.weight);
        if cause.weight == KILL {
            self.kills += 1;
            let counted = self.kills.saturating_sub(KILLS_FOR_NOTHING);
            return LONGEST_AFTER_KILLS.min(Duration::from_millis(u64::from(counted)));
        }
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(16));
        self.failures += 1;
        LONGEST_PAUSE.min(pause)
    }

    /// Whether there have been so many that nobody should wait for the engine.
    pub(super) fn given_up(&self) -> bool {
        self.weight >= GIVEN_UP
    }

    /// The engine is ready.
    pub(super) fn succeeded(&mut self) {
        *self = Attempts::default();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn until_given_up(cause: &Cause) -> Vec<Duration> {
        let mut attempts = Attempts::default();
        let mut pauses = Vec::new();
        while !attempts.given_up() {
            pauses.push(attempts.failed(cause));
        }
        pauses
    }

    #[test]
    fn pauses_grow_up_to_a_bound() {
        let mut attempts = Attempts::default();
        let cause = Cause::death("exit status: 1".to_owned(), false);
        let pauses: Vec<_> = (0..40).map(|_| attempts.failed(&cause)).collect();
        assert!(pauses.windows(2).all(|pair| pair[1] == LONGEST_PAUSE.min(pair[0] * 2)), "{pauses:?}");
        assert_eq!((pauses[0], pauses[39]), (FIRST_PAUSE, LONGEST_PAUSE));
        assert!(attempts.given_up());
        attempts.succeeded();
        assert!(!attempts.given_up());
        assert_eq!(attempts.failed(&cause), FIRST_PAUSE);
    }

    #[test]
    fn a_programs_own_failure_is_told_soon_and_a_shortage_is_given_time() {
        let own = until_given_up(&Cause::death("exit status: 1".to_owned(), false));
        assert!(own.iter().sum::<Duration>() < Duration::from_secs(1), "{own:?}");
        for errno in [Errno::EAGAIN, Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM] {
            let short = until_given_up(&Cause::of(&Error::io("start an engine process", errno)));
            assert!(short.iter().sum::<Duration>() > Duration::from_secs(5), "{errno}: {short:?}");
        }
        let absent = until_given_up(&Cause::of(&Error::io("start an engine process", Errno::ENOENT)));
        assert_eq!(absent, own, "what is not there will not come");
    }

    #[test]
    fn kills_from_outside_cost_short_pauses_and_are_long_forgiven() {
        let kills = until_given_up(&Cause::death("signal: 15 (SIGTERM)".to_owned(), true));
        assert!(kills.len() >= 300, "{}", kills.len());
        assert!(kills[..3].iter().all(Duration::is_zero) && kills.windows(2).all(|pair| pair[0] <= pair[1]));
        assert!(kills.iter().all(|&pause| pause <= LONGEST_AFTER_KILLS));
    }

    #[test]
    fn a_cause_keeps_the_errno_and_the_step() {
        let cause = Cause::of(&Error::io("open a descriptor of an engine process", Errno::EMFILE));
        assert_eq!(cause.errno, Some(Errno::EMFILE as i32));
        assert!(cause.what.contains("open a descriptor") && cause.what.contains("os error 24"), "{}", cause.what);
        assert_eq!(cause.to_io().raw_os_error(), Some(Errno::EMFILE as i32));
    }
}
