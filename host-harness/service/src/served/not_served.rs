//! Why a connection is not served.

use host_harness::{config::UnknownConnection, host::PutError};
use host_model::digest::Digest;

/// The reason that a connection is not served.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotServed {
    /// There is no such connection.
    #[error(transparent)]
    Unknown(#[from] UnknownConnection),
    /// The connection cannot be served as it is.
    #[error("connection {connection} is not served: {problem}")]
    Problem {
        /// The connection's key.
        connection: String,
        /// What prevents it.
        problem: Box<ServingProblem>,
    },
}

/// What prevents a connection from being served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServingProblem {
    /// It does not suit the version that is to serve it.
    #[error(transparent)]
    Unsuited(#[from] PutError),
    /// Another replica serves the plugin's connections by a version that this one is still loading.
    #[error("this replica is still loading version {0}, which serves it: try again in a few seconds")]
    NotLoaded(Digest),
    /// Its pin was changed or inserted in the database from outside.
    #[error("its pin was changed or inserted in the database from outside: pin it again, or unpin it")]
    ForeignPin,
    /// The version that it is pinned to cannot be used.
    #[error(
        "it is pinned to version {digest}, which cannot serve it: {why}; pin it to another version, or unpin it"
    )]
    PinnedVersion {
        /// The version's digest.
        digest: Digest,
        /// Why it cannot be used.
        why: String,
    },
}
