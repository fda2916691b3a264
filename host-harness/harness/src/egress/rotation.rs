//! Loads rotated secrets before they are needed, and stores them when the vendor has issued them.
//! Tested in `src/egress/tests/rotated.rs`.

use std::sync::Arc;

use super::{
    Egress,
    caller::Sender,
    captured::{Captured, UnsavedSecret},
    refused::not_sent,
    rotated::{NotStored, RotatedSecrets},
};
use crate::connection::Connection;
use host_model::contract::http::{HttpError, HttpErrorKind};

impl Egress {
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
            while !self.captured.is_restored(connection) {
                let forgotten = self.captured.forgotten(connection);
                let secrets = store.load(connection).await.map_err(|error| unknown(connection, &error))?;
                self.captured.restore(connection, secrets, forgotten);
            }
        }
        self.save_rotated(connection).await;
        Ok(())
    }

    /// Stores the rotated secrets that are not stored yet. Those that cannot be stored now are tried again before the
    /// next request.
    pub(super) async fn save_rotated(&self, connection: &Connection) {
        let Some(store) = &self.rotated else { return };
        for unsaved in self.captured.unsaved(connection) {
            let (store, captured) = (Arc::clone(store), Arc::clone(&self.captured));
            // A task of its own: a call that is cut off must not keep the secret from the disk.
            let saved = tokio::spawn(save(store, captured, connection.clone(), unsaved));
            if saved.await.is_err() {
                tracing::error!(connection = connection.key, "storing a rotated secret was cut off");
            }
        }
    }
}

async fn save(
    store: Arc<dyn RotatedSecrets>,
    captured: Arc<Captured>,
    connection: Connection,
    unsaved: UnsavedSecret,
) {
    match store.save(&connection, &unsaved.name, &unsaved.secret).await {
        Ok(()) => captured.record_saved(&connection, &unsaved),
        Err(error) => tracing::error!(
            tenant = %connection.tenant.0, connection = connection.key, secret = unsaved.name, %error,
            "rotated secret not stored; if the process ends now, the connection needs a new one"
        ),
    }
}

/// The error for a connection whose current secret is unknown. Sending the previous one could make the vendor revoke
/// both.
fn unknown(connection: &Connection, error: &NotStored) -> HttpError {
    let kind = match error {
        NotStored::Unreachable(_) => HttpErrorKind::HostUnavailable,
        NotStored::Damaged => HttpErrorKind::NoCredential,
    };
    not_sent(kind, format!("connection {}: its rotated secrets are unknown: {error}", connection.key))
}
