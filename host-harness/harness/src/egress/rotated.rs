//! Secrets that a vendor issues in place of one of the connection's own, such as a refresh token that can be used once.
//! The vendor does not accept the previous one again, so they must outlive the process.

use futures::future::BoxFuture;

use crate::connection::Connection;
use host_model::secret::{Secret, Secrets};

/// Stores rotated secrets. What it returns belongs to the connection's tenant and account
/// ([`Connection::account`]): once the operator has changed the connection's secrets, the rotated ones are void.
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

/// The store did not answer. The reason may be shown to a guest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotStored(pub String);
