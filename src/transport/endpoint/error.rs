//! Why an operation of an endpoint failed: one kind for each reaction to it, with the values.

use std::time::Duration;

use super::{Access, PeerId};
use crate::Error;

/// What the operations of an endpoint return.
pub type Result<T, E = EndpointError> = std::result::Result<T, E>;

/// Why an operation failed. Errors about a peer name it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The endpoint has no such peer.
    #[error("{peer:?} of an endpoint with {known} peers")]
    UnknownPeer {
        /// The number asked for.
        peer: PeerId,
        /// How many peers there are.
        known: usize,
    },
    /// The message is longer than [`Limits::message`](super::Limits::message).
    #[error("message of {len} bytes, the limit is {most}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The limit.
        most: usize,
    },
    /// The memory cannot be registered.
    #[error("memory cannot be registered: {what}")]
    Unregistrable {
        /// Why not.
        what: String,
    },
    /// The transfer lies outside of the memory registered here.
    #[error("transfer of {len} bytes at {at} of registered memory of {whole} bytes")]
    Local {
        /// First byte.
        at: usize,
        /// Bytes of the transfer.
        len: usize,
        /// Bytes of the memory.
        whole: usize,
    },
    /// The transfer lies outside of the memory that the peer has leased.
    #[error("peer {peer}, lease {key:#x}: {len} bytes at {at} are outside of its {whole} bytes")]
    Bounds {
        /// Name of the peer.
        peer: String,
        /// The lease.
        key: u64,
        /// First byte.
        at: u64,
        /// Bytes of the transfer.
        len: usize,
        /// Bytes of the lease.
        whole: u64,
    },
    /// The peer has leased the memory for something else.
    #[error("peer {peer}, lease {key:#x}: {wanted:?} of memory that is leased for {access:?}")]
    Rights {
        /// Name of the peer.
        peer: String,
        /// The lease.
        key: u64,
        /// What it allows.
        access: Access,
        /// What the transfer needs.
        wanted: Access,
    },
    /// The peer knows no such lease: it has revoked it, or has given another one. Ask it for a new lease.
    #[error("peer {peer}, lease {key:#x}: the peer has revoked it, or has not given it in this form")]
    NoLease {
        /// Name of the peer.
        peer: String,
        /// The lease.
        key: u64,
    },
    /// The operation was not done by its deadline.
    #[error("{what}: deadline of {after:?} passed")]
    Late {
        /// Which operation.
        what: String,
        /// From its post to its deadline.
        after: Duration,
    },
    /// The peer is gone.
    #[error("peer {peer} is lost: {what}")]
    Lost {
        /// Name of the peer.
        peer: String,
        /// How that is known.
        what: String,
    },
    /// The peer has written what no peer writes into what both share. It is given up.
    #[error("peer {peer}: {what}")]
    Corrupt {
        /// Name of the peer.
        peer: String,
        /// Which check failed, with the values.
        what: String,
    },
}

/// As the users of an array meet it.
impl From<EndpointError> for Error {
    fn from(error: EndpointError) -> Error {
        match error {
            EndpointError::Late { what, after } => Error::DeadlineExceeded { what, after },
            EndpointError::Lost { peer, what } => Error::PeerLost { peer, what },
            EndpointError::Corrupt { .. } => Error::frame(error.to_string()),
            other => Error::invalid(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_told_the_kind_and_the_values() {
        let peer = || "right-end".to_owned();
        let after = Duration::from_millis(30);
        let told = |error: EndpointError| Error::from(error);
        let late = told(EndpointError::Late { what: "read of 8 bytes".into(), after });
        assert!(matches!(late, Error::DeadlineExceeded { what, after: a } if what == "read of 8 bytes" && a == after));
        let lost = told(EndpointError::Lost { peer: peer(), what: "killed".into() });
        assert!(matches!(lost, Error::PeerLost { peer, what } if peer == "right-end" && what == "killed"));
        let corrupt = told(EndpointError::Corrupt { peer: peer(), what: "head is 7".into() });
        assert!(matches!(&corrupt, Error::Frame { what } if what.contains("right-end") && what.contains("head is 7")));
        let bounds = told(EndpointError::Bounds { peer: peer(), key: 0x1f0, at: 4090, len: 7, whole: 4096 });
        let Error::InvalidArgument { what } = bounds else { panic!("{bounds}") };
        assert!(["right-end", "0x1f0", "7 bytes at 4090", "4096"].iter().all(|value| what.contains(value)), "{what}");
    }
}
