//! Secrets that a vendor issues in place of one of the connection's own, such as a refresh token that can be used once.
//! The vendor does not accept the previous one again, so they must outlive the process.

use futures::future::BoxFuture;

use crate::connection::Connection;
use host_model::secret::{Secret, Secrets};

/// Stores rotated secrets. Each belongs to the connection's tenant and to the secret whose place it takes
/// ([`Connection::secrets`]): once the operator has changed that one, it is void.
pub trait RotatedSecrets: Send + Sync {
    /// Returns the rotated secrets of `connection`, by the name of the setting whose place they take.
    fn load<'a>(&'a self, connection: &'a Connection) -> BoxFuture<'a, Result<Secrets, NotStored>>;

    /// Stores a rotated secret in the place of the one before. Returns once it is on disk.
    fn save<'a>(
        &'a self,
        connection: &'a Connection,
        name: &'a str,
        secret: &'a Secret,
    ) -> BoxFuture<'a, Result<(), NotStored>>;
}

/// Why rotated secrets cannot be read or stored. The reason may be shown to a guest.
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
}
