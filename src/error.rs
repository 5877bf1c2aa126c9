//! The one error type of the crate: every kind names what was wrong or what was lost, with the values.

use std::time::Duration;

/// What any fallible call of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, with the values in it and, where there is something to do about it, what.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The pool cannot grow by what was asked for: its quota, the memory cgroup or the machine is full.
    /// Nothing was lost: arrays that exist stay valid.
    #[error(
        "out of memory: {wanted} bytes wanted, {in_use} in use, quota {quota}; drop arrays, call hub.trim(), or raise the quota with Hub::builder().quota(bytes)"
    )]
    OutOfMemory {
        /// Bytes asked for.
        wanted: u64,
        /// Bytes of the pool that live blocks hold.
        in_use: u64,
        /// The most that the pool may hold at this moment.
        quota: u64,
    },

    /// A task was lost with the engine that ran it, and may not be, or was not successfully, run again.
    #[error("engine {engine} was lost while it ran {task:?} (deaths of this task: {deaths})")]
    EngineLost {
        /// Name of the task.
        task: String,
        /// Index of the engine that died last.
        engine: u32,
        /// How many engines died while they ran it.
        deaths: u32,
    },

    /// Arrays or objects of two hubs were mixed.
    #[error("operands belong to two hubs ({left} and {right}); gather one and scatter it to the other's hub")]
    ForeignHub {
        /// Id of the hub of the left operand.
        left: u64,
        /// Id of the hub of the right operand.
        right: u64,
    },

    /// A wait came to its deadline.
    #[error("{what}: deadline of {after:?} passed")]
    DeadlineExceeded {
        /// What was waited for.
        what: String,
        /// How long.
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
        /// The panic's message.
        message: String,
    },

    /// Shapes that do not fit together.
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

    /// An operand that an integer operation has no result for: a divisor of 0, a negative exponent.
    #[error("{operation}: {what} at index {index:?}")]
    Arithmetic {
        /// The operation.
        operation: String,
        /// What is wrong with the operand.
        what: &'static str,
        /// The first place in row-major order, in the shape of the operation.
        index: Vec<usize>,
    },

    /// An argument out of its domain.
    #[error("{what}")]
    InvalidArgument {
        /// What was wrong, with the value, and what is allowed.
        what: String,
    },

    /// A file that is not what it should be.
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

    /// A peer is gone, and with it what was under way to or from it.
    #[error("peer {peer} is lost: {what}")]
    PeerLost {
        /// Name of the peer.
        peer: String,
        /// How that is known.
        what: String,
    },

    /// The system refused something.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// What the system said.
        source: std::io::Error,
    },

    /// The hub has shut down.
    #[error("the hub is closed")]
    HubClosed,
}

impl Error {
    /// An [`Error::Io`] that says what was being done.
    pub(crate) fn io(what: impl Into<String>, source: impl Into<std::io::Error>) -> Self {
        Error::Io { what: what.into(), source: source.into() }
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
