//! Secrets that a vendor issues in place of one of the connection's own, such as a refresh token that can be used once.
//! The vendor does not accept the previous one again, so they must outlive the process.
//! Tested in `src/egress/tests/rotated.rs`.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::{Egress, caller::Sender, captured::FoundSecret, declaration::Declaration, refused::not_sent};
use crate::connection::Connection;
use host_model::{
    contract::http::{HttpError, HttpErrorKind},
    secret::{Secret, Secrets},
};

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

impl Egress {
    /// Stores rotated secrets in `store`. Without one, they are lost at the end of the process.
    #[must_use]
    pub fn with_rotated_secrets(mut self, store: Arc<dyn RotatedSecrets>) -> Self {
        self.rotated = Some(store);
        self
    }

    /// Loads the rotated secrets of the caller's connection, once per process: the connection's own are void by then.
    pub(super) async fn restore_rotated(&self, caller: &Sender<'_>) -> Result<(), HttpError> {
        let Some(store) = &self.rotated else { return Ok(()) };
        let connection = caller.connection;
        if !caller.declaration.rotates_secrets() {
            return Ok(());
        }
        if !self.captured.is_restored(connection) {
            let renewing = self.captured.renewing(connection);
            let _one_at_a_time = renewing.lock().await;
            if !self.captured.is_restored(connection) {
                let secrets = store.load(connection).await.map_err(|error| unknown(connection, &error))?;
                self.captured.restore(connection, secrets);
            }
        }
        self.save_rotated(connection).await;
        Ok(())
    }

    /// Notes which of the secrets `found` must be stored.
    pub(super) fn note_rotated(
        &self,
        declaration: &Declaration,
        connection: &Connection,
        found: &[FoundSecret],
    ) {
        if self.rotated.is_some() {
            let rotated = found.iter().filter(|found| declaration.rotates(found.name()));
            self.captured.note_unsaved(connection, rotated.map(|found| found.name().to_owned()));
        }
    }

    /// Stores the rotated secrets that are not stored yet. Those that cannot be stored now are tried again before the
    /// next request.
    pub(super) async fn save_rotated(&self, connection: &Connection) {
        let Some(store) = &self.rotated else { return };
        for (name, secret) in self.captured.unsaved(connection) {
            match store.save(connection, &name, &secret).await {
                Ok(()) => self.captured.record_saved(connection, &name, &secret),
                Err(error) => tracing::error!(
                    tenant = %connection.tenant.0, connection = connection.key, secret = name, %error,
                    "rotated secret not stored; if the process ends now, the connection needs a new one"
                ),
            }
        }
    }
}

/// The error for a connection whose current secret is unknown. Sending the previous one could make the vendor revoke
/// both.
fn unknown(connection: &Connection, error: &NotStored) -> HttpError {
    let key = &connection.key;
    not_sent(
        HttpErrorKind::Unreachable,
        format!("connection {key}: its rotated secrets are unknown: {error}"),
    )
}
