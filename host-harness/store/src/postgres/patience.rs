//! How long a process waits for a server that does not respond.
//!
//! A machine that vanishes closes no connection, and the system tells so after a quarter of an hour. The driver lets no one set
//! keepalives or a time limit of a socket. So each wait has a limit here, a little longer than what the server itself allows a
//! statement (see [`route`](super::route)): what exceeds it has no one to wait for.

use std::{future::Future, time::Duration};

use tokio::time::timeout;

use crate::error::StoreError;

/// For a connection: a handshake of a few round trips, and a password that the server checks slowly.
pub(super) const CONNECT: Duration = Duration::from_secs(10);

/// For the turn to write: the server ends a wait for the lock after 30 seconds.
pub(super) const TURN: Duration = Duration::from_secs(40);

/// For one of the connections that read, which may all be in use or have to be made anew.
pub(super) const READER: Duration = Duration::from_secs(30);

/// For a transaction that reads. Lists and claims take milliseconds.
pub(super) const READ: Duration = Duration::from_mins(1);

/// For one that reads everything: the server allows each of its statements 10 minutes.
pub(super) const LONG_READ: Duration = Duration::from_mins(11);

/// For a short answer on a connection of its own, such as what became of a transaction.
pub(super) const ANSWER: Duration = Duration::from_secs(10);

/// How often a process asks whether the server still carries out its transaction: nearly all have ended by then.
pub(super) const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// Returns what `work` returns, or [`StoreError::Unresponsive`] if it takes longer than `limit`.
pub(super) async fn within<T, E: Into<StoreError>>(
    limit: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, StoreError> {
    match timeout(limit, work).await {
        Ok(ended) => ended.map_err(Into::into),
        Err(_) => Err(StoreError::Unresponsive(limit)),
    }
}
