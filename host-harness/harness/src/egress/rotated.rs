//! Secrets that a vendor issues in place of one of the connection's own, such as a refresh token that can be used once.
//! The vendor does not accept the previous one again, so they must outlive the process, and two processes must not exchange
//! the same one.

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use crate::connection::Connection;
use host_model::secret::Secret;

/// Stores what a vendor issues to connections with rotated secrets: these, and what it issues with them, such as access
/// tokens. Each belongs to the connection's tenant and to the secret whose place it takes ([`Connection::secrets`]), or to
/// all of them if it takes the place of none: once the operator has changed these, it is void.
pub trait RotatedSecrets: Send + Sync {
    /// Waits until no other process exchanges secrets of `connection`, and keeps the others from it until the turn is ended;
    /// until shortly after `ends_at` if it never is, such as if this process ends.
    fn begin_exchange<'a>(
        &'a self,
        connection: &'a Connection,
        ends_at: Instant,
    ) -> BoxFuture<'a, Result<ExchangeTurn, NotStored>>;

    /// Ends `turn`, so that other processes may exchange secrets of `connection`.
    fn end_exchange<'a>(&'a self, connection: &'a Connection, turn: ExchangeTurn) -> BoxFuture<'a, ()>;

    /// Returns what was stored for `connection`.
    fn load<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<Vec<IssuedSecret>, NotStored>>;

    /// Stores what the vendor issued in `turn`, in the place of what it issued before. Returns once it is on disk.
    fn save<'a>(
        &'a self,
        connection: &'a Connection,
        turn: ExchangeTurn,
        secrets: &'a [IssuedSecret],
    ) -> BoxFuture<'a, Result<(), NotStored>>;
}

/// The number of an exchange among those of a connection by all processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExchangeTurn(pub i64);

/// A secret that a vendor issued.
#[derive(Clone, Debug)]
pub struct IssuedSecret {
    /// The name of the setting whose place it takes, or of the secret that operations use.
    pub name: String,
    /// The secret.
    pub secret: Secret,
    /// How long the vendor accepts it, from now; `None` if it did not say.
    pub lifetime: Option<Duration>,
}

/// Why rotated secrets cannot be read, exchanged or stored. The reason may be shown to a guest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotStored {
    /// The store did not answer, and may later.
    #[error("{0}")]
    Unreachable(String),
    /// What is stored cannot be read. The operator must give the connection a new secret.
    #[error(
        "what the vendor issued in place of a secret cannot be read any more: give the connection a new one"
    )]
    Damaged,
    /// Another process has exchanged the secret in a later turn, and stored the result.
    #[error("another process has exchanged the secret since")]
    Superseded,
}
