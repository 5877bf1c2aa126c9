//! A guard for stretches of code that a panic may not leave: the process aborts instead.

use std::io::Write;

/// Aborts the process when it is dropped without [`end`](AbortOnUnwind::end): a panic is about to leave code whose stack
/// frame other threads use, or for whose end another thread waits.
pub(super) struct AbortOnUnwind {
    /// What would be freed, or waited for in vain.
    what: &'static str,
}

impl AbortOnUnwind {
    pub(super) fn begin(what: &'static str) -> AbortOnUnwind {
        AbortOnUnwind { what }
    }

    /// From here on a panic is harmless.
    pub(super) fn end(self) {
        std::mem::forget(self);
    }
}

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        let _ = writeln!(std::io::stderr(), "distob: a panic may not leave {}; the process aborts", self.what);
        std::process::abort();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    use super::*;

    const CHILD: &str = "DISTOB_TEST_UNWINDS";

    #[test]
    fn a_panic_past_the_guard_aborts_and_one_after_its_end_does_not() {
        if std::env::var_os(CHILD).is_some() {
            let _guard = AbortOnUnwind::begin("a test's frame");
            panic!("on purpose");
        }
        let caught = std::panic::catch_unwind(|| {
            AbortOnUnwind::begin("a test's frame").end();
            panic!("on purpose");
        });
        assert!(caught.is_err());
        let this = "cluster::unwind::tests::a_panic_past_the_guard_aborts_and_one_after_its_end_does_not";
        let mut child = Command::new(std::env::current_exe().unwrap());
        let output = child.args(["--exact", this, "--nocapture"]).env(CHILD, "1").output().unwrap();
        assert_eq!(output.status.signal(), Some(6), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("may not leave a test's frame"), "{output:?}");
    }
}
