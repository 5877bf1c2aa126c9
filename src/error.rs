//! The error type of the crate. Each kind names what was wrong or lost, with the values.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::Duration;

/// The result of the fallible calls of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, with the values, and with a remedy if there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no memory for an array: the hub's quota, the memory cgroup or the machine is full.
    /// Nothing is lost: existing arrays stay valid.
    #[error(
        "out of memory: {wanted} bytes wanted, {in_use} in use, quota {quota}; drop arrays, call hub.trim(), or raise the quota with Hub::builder().quota(bytes)"
    )]
    OutOfMemory {
        /// Bytes requested.
        wanted: u64,
        /// Bytes in use: live blocks of the pool, and arrays that own memory outside of it.
        in_use: u64,
        /// The most that both may hold at this moment.
        quota: u64,
    },

    /// A task or an array operation was lost with the engines that ran it: it may not run again, it has ended three engines, or no engine can
    /// be started.
    #[error("{task:?} was lost with engine {engine}: {reason} (deaths of engines that ran it: {deaths})")]
    EngineLost {
        /// Name of the task or operation.
        task: String,
        /// Index of the engine that died last, or that cannot be started.
        engine: u32,
        /// How many engines died while they ran it.
        deaths: u32,
        /// How that engine ended, or why it cannot be started.
        reason: String,
    },

    /// Arrays or objects of two hubs were mixed.
    #[error("operands belong to two hubs ({left} and {right}); gather one and scatter it to the other's hub")]
    ForeignHub {
        /// Id of the hub of the left operand.
        left: u64,
        /// Id of the hub of the right operand.
        right: u64,
    },

    /// A deadline passed during a wait.
    #[error("{what}: deadline of {after:?} passed")]
    DeadlineExceeded {
        /// What was waited for.
        what: String,
        /// The time that was allowed.
        after: Duration,
    },

    /// A task was cancelled.
    #[error("task {task:?} was cancelled")]
    Cancelled {
        /// Name of the task.
        task: String,
    },

    /// A user's function panicked.
    #[error("{task:?} panicked: {message}")]
    Panicked {
        /// Name of the task or operation.
        task: String,
        /// The panic's message, if its payload was a text.
        message: String,
        /// The panic's payload, if the panic was in this process.
        payload: PanicPayload,
    },

    /// Two shapes that do not fit.
    #[error("{operation}: shapes {left:?} and {right:?} do not fit")]
    Shape {
        /// What was to be done.
        operation: String,
        /// Shape of the left operand, or the shape at hand.
        left: Vec<usize>,
        /// Shape of the right operand, or the shape that was wanted.
        right: Vec<usize>,
    },

    /// An axis that the array does not have.
    #[error("{operation}: axis {axis} is out of range for an array of {ndim} dimensions")]
    Axis {
        /// What was to be done.
        operation: String,
        /// The axis asked for, as it was given.
        axis: isize,
        /// Number of dimensions.
        ndim: usize,
    },

    /// An integer operation without a result: a division by 0, a negative exponent.
    #[error("{operation}: {what} at index {index:?}")]
    Arithmetic {
        /// The operation.
        operation: String,
        /// What is wrong with the operand.
        what: &'static str,
        /// The first index in row-major order, in the shape of the operation.
        index: Vec<usize>,
    },

    /// An invalid argument.
    #[error("{what}")]
    InvalidArgument {
        /// What was wrong, with the value, and what is allowed.
        what: String,
    },

    /// A file that is damaged or of another format or type.
    #[error("{path}: {what}")]
    File {
        /// The file.
        path: String,
        /// What was wrong.
        what: String,
    },

    /// Bytes from another process that are not a valid message.
    #[error("invalid frame: {what}")]
    Frame {
        /// Which check failed, with the values.
        what: String,
    },

    /// A peer is gone, and messages and transfers to and from it are lost.
    #[error("peer {peer} is lost: {what}")]
    PeerLost {
        /// Name of the peer.
        peer: String,
        /// How that is known.
        what: String,
    },

    /// The system refused an operation.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// The system's error.
        source: std::io::Error,
    },

    /// The hub has shut down.
    #[error("the hub is closed")]
    HubClosed,

    /// An operation on a hub, or on an array of it, in a process that was forked from the hub's. `fork` copies neither threads nor engines. The
    /// operation did nothing, and nothing that the forked process does reaches the hub of the other one.
    ///
    /// Arrays of a hub without [`process`](crate::HubBuilder::process) can still be read as ndarray's (`&*array`), as they were at the fork, if
    /// they had been computed by then. A hub that is started in the forked process works there, and
    /// [`scatter`](crate::Hub::scatter) copies such an array to it.
    #[error(
        "this process was forked from process {process}, which has the hub: its threads and engines are not here; \
         start a hub in this process (Hub::local(), Hub::builder()) and copy to it what is needed"
    )]
    Forked {
        /// Id of the process that started the hub.
        process: u32,
    },
}

/// The payload of a panic, kept so that the panic can be raised again with [`std::panic::resume_unwind`]. Empty if the panic was in
/// another process, which sends only the message.
///
/// ```
/// use distob::prelude::*;
/// use distob::Error;
/// let a = DistArray::linspace(0.0, 1.0, 3);
/// match a.try_mapv(|x| if x > 0.5 { std::panic::panic_any(7) } else { x }) {
///     Err(Error::Panicked { payload, .. }) => assert_eq!(*payload.take().unwrap().downcast::<i32>().unwrap(), 7),
///     other => panic!("{other:?}"),
/// }
/// ```
pub struct PanicPayload(Mutex<Option<Box<dyn Any + Send>>>);

impl PanicPayload {
    /// Of a panic in another process.
    pub(crate) const fn elsewhere() -> Self {
        PanicPayload(Mutex::new(None))
    }

    /// Takes the payload; `None` if the panic was in another process, and after the first call.
    pub fn take(&self) -> Option<Box<dyn Any + Send>> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
    }
}

impl From<Box<dyn Any + Send>> for PanicPayload {
    fn from(payload: Box<dyn Any + Send>) -> Self {
        PanicPayload(Mutex::new(Some(payload)))
    }
}

impl Drop for PanicPayload {
    fn drop(&mut self) {
        let Some(payload) = self.take() else { return };
        // The payload's own `drop` is a user's code. Where it panics, the next payload is leaked: dropping it could panic again.
        if let Err(next) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(next);
        }
    }
}

impl fmt::Debug for PanicPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PanicPayload")
    }
}

/// The text of a panic's payload.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("(the panic's payload is no text)")
}

impl Error {
    /// An [`Error::Io`] that says what was being done.
    pub(crate) fn io(what: impl Into<String>, source: impl Into<std::io::Error>) -> Self {
        Error::Io { what: what.into(), source: source.into() }
    }

    /// An [`Error::Panicked`] of a panic that was caught in this process.
    pub(crate) fn panicked(task: &str, payload: Box<dyn Any + Send>) -> Self {
        let message = panic_message(&*payload).to_owned();
        Error::Panicked { task: task.to_owned(), message, payload: payload.into() }
    }

    /// An [`Error::InvalidArgument`].
    pub(crate) fn invalid(what: impl Into<String>) -> Self {
        Error::InvalidArgument { what: what.into() }
    }

    /// An [`Error::Frame`].
    pub(crate) fn frame(what: impl Into<String>) -> Self {
        Error::Frame { what: what.into() }
    }
}

#[cfg(not(loom))]
impl From<kernels::Error> for Error {
    fn from(error: kernels::Error) -> Self {
        match error {
            kernels::Error::InvalidArgument { what } => Error::InvalidArgument { what },
            kernels::Error::Frame { what } => Error::Frame { what },
        }
    }
}
