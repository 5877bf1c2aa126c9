//! What is wrong with a kernel's description.

/// What any fallible call of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What was wrong, with the values in it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// An argument out of its domain.
    #[error("{what}")]
    InvalidArgument {
        /// What was wrong, with the value, and what is allowed.
        what: String,
    },
    /// Bytes that are not a valid description.
    #[error("invalid frame: {what}")]
    Frame {
        /// Which check failed, with the values.
        what: String,
    },
}

impl Error {
    /// An [`Error::InvalidArgument`].
    pub(crate) fn invalid(what: impl Into<String>) -> Self {
        Error::InvalidArgument { what: what.into() }
    }

    /// An [`Error::Frame`].
    pub(crate) fn frame(what: impl Into<String>) -> Self {
        Error::Frame { what: what.into() }
    }
}
