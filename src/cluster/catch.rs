//! How an engine process starts: the same executable again, caught before the user's `main`.
//!
//! A function among those that run before `main` looks for the mark that the agent puts into a new engine's
//! environment. So test and bench binaries are engines too, and no `main` has to be written in a special way;
//! [`init`] says so explicitly, and works where a linker has dropped that function.

use std::ffi::{c_char, c_int};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use super::image::{Image, Initialiser};

/// Marks a new engine process; its value is the version of the way in which the two talk at first.
pub(super) const ENGINE_VARIABLE: &str = "DISTOB_ENGINE";

/// Whether a process of this executable is caught.
static CAUGHT: AtomicBool = AtomicBool::new(false);
/// Whether this process is an engine.
static ENGINE: AtomicBool = AtomicBool::new(false);

/// Call this first in `main`, or put [`#[distob::main]`](macro@crate::main) on it: in an engine process it does not
/// return. Where threads run before it, such a process ends with an error.
///
/// Where the program was started by a user it does nothing but note that engine processes can be caught. Without it
/// the same happens before `main`, on platforms whose linker keeps functions for that; a program without either
/// gets embedded engines, never a copy of itself that runs `main` again.
pub fn init() {
    if Image::own().is_executable {
        CAUGHT.store(true, Ordering::Relaxed);
    }
    if let Some(version) = std::env::var_os(ENGINE_VARIABLE) {
        if !is_alone() {
            // The environment, which other threads may be reading, cannot be changed any more.
            let _ = writeln!(
                std::io::stderr(),
                "distob: init() in an engine process that has threads already: call it first in main"
            );
            std::process::exit(1);
        }
        take_mark();
        super::engine::run(&version.to_string_lossy());
    }
}

/// Whether no thread runs beside this one, as the kernel says.
fn is_alone() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1)
}

/// Whether engine processes of this program would be caught.
pub(super) fn reexecutes() -> bool {
    CAUGHT.load(Ordering::Relaxed)
}

/// Whether this process is an engine.
pub(super) fn in_engine() -> bool {
    ENGINE.load(Ordering::Relaxed)
}

/// Takes the mark out of the environment: what an engine starts is no engine.
fn take_mark() {
    ENGINE.store(true, Ordering::Relaxed);
    // SAFETY: called before `main`, ahead of what others run there, or by the one thread that there is: no other reads the
    // environment at the same time.
    unsafe { std::env::remove_var(ENGINE_VARIABLE) };
}

extern "C" fn before_main(argc: c_int, argv: *const *const c_char, envp: *const *const c_char) {
    let image = Image::own();
    if !image.is_executable {
        return;
    }
    CAUGHT.store(true, Ordering::Relaxed);
    if let Some(version) = std::env::var_os(ENGINE_VARIABLE) {
        take_mark();
        // An engine never comes back from here, so what others registered to run before `main` runs now.
        for initialiser in image.initialisers_after(before_main) {
            initialiser(argc, argv, envp);
        }
        super::engine::run(&version.to_string_lossy());
    }
}

// SAFETY: the section holds pointers to functions of this type (System V ABI), which the C library calls once, before
// `main`, when the process's memory, environment and thread-local storage are set up.
#[used]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: Initialiser = before_main;
