//! Loads rotated secrets before they are needed, and stores them when the vendor has issued them. They are exchanged in turns
//! that processes take, so that each process exchanges the one that the last has got.
//! Tested in `src/egress/tests/rotated.rs`.

use std::sync::Arc;

use tokio::time::timeout_at;

use super::{
    Egress,
    caller::Sender,
    captured::Captured,
    carry::REPORT_MARGIN,
    refused::not_sent,
    rotated::{ExchangeTurn, NotStored, RotatedSecrets},
};
use crate::{clock::Clock, connection::Connection};
use host_model::contract::http::{HttpError, HttpErrorKind};

impl Egress {
    /// Returns where the rotated secrets of the caller's connection are stored; `None` if it has none or they last as long
    /// as the process.
    pub(super) fn shelf(&self, caller: &Sender<'_>) -> Option<&Arc<dyn RotatedSecrets>> {
        self.rotated.as_ref().filter(|_| caller.declaration.rotates_secrets())
    }

    /// Loads the rotated secrets of the caller's connection, once per process: the connection's own are void by then.
    pub(super) async fn restore_rotated(&self, caller: &Sender<'_>) -> Result<(), HttpError> {
        let Some(store) = self.shelf(caller) else { return Ok(()) };
        let connection = caller.connection;
        if !self.captured.is_restored(connection) {
            let renewing = self.captured.renewing(connection);
            let _one_at_a_time = renewing.lock().await;
            self.load_rotated(store, connection).await?;
        }
        self.save_rotated(connection).await;
        Ok(())
    }

    async fn load_rotated(
        &self,
        store: &Arc<dyn RotatedSecrets>,
        connection: &Connection,
    ) -> Result<(), HttpError> {
        while !self.captured.is_restored(connection) {
            let forgotten = self.captured.forgotten(connection);
            let secrets = store.load(connection).await.map_err(|error| unknown(connection, &error))?;
            self.captured.restore(connection, secrets, self.clock.now(), forgotten);
        }
        Ok(())
    }

    /// Keeps other processes from exchanging secrets of the caller's connection until the turn is dropped, and loads what
    /// the last one got. To be called while the caller holds the lock for this connection.
    pub(super) async fn take_turn(&self, caller: &Sender<'_>) -> Result<Option<HeldTurn>, HttpError> {
        let Some(store) = self.shelf(caller) else { return Ok(None) };
        let connection = caller.connection;
        let ends_at = caller.deadline - REPORT_MARGIN;
        let turn = timeout_at(ends_at, store.begin_exchange(connection, ends_at)).await;
        let turn = turn.unwrap_or_else(|_| Err(NotStored::Unreachable(NO_TURN.to_owned())));
        let number = turn.map_err(|error| unknown(connection, &error))?;
        let turn = HeldTurn { issued: Some(self.issued(store, connection)), number };
        // With the number of the earlier turn in which it was issued.
        self.save_rotated(connection).await;
        self.captured.begin_turn(connection, number);
        self.captured.forget_stored(&connection.key);
        self.load_rotated(store, connection).await?;
        Ok(Some(turn))
    }

    fn issued(&self, store: &Arc<dyn RotatedSecrets>, connection: &Connection) -> Issued {
        Issued {
            store: Arc::clone(store),
            captured: Arc::clone(&self.captured),
            clock: Arc::clone(&self.clock),
            connection: connection.clone(),
        }
    }

    /// Stores the rotated secrets that are not stored yet. Those that cannot be stored now are tried again before the
    /// next request.
    pub(super) async fn save_rotated(&self, connection: &Connection) {
        let Some(store) = &self.rotated else { return };
        let issued = self.issued(store, connection);
        // A task of its own: a call that is cut off must not keep the secret from the disk.
        let saved = tokio::spawn(async move { issued.save().await });
        if saved.await.is_err() {
            tracing::error!(connection = connection.key, "storing a rotated secret was cut off");
        }
    }
}

/// What the vendor issued to a connection, and where it is stored.
struct Issued {
    store: Arc<dyn RotatedSecrets>,
    captured: Arc<Captured>,
    clock: Arc<dyn Clock>,
    connection: Connection,
}

impl Issued {
    /// Stores what is not stored yet.
    async fn save(&self) {
        let Self { store, captured, connection, .. } = self;
        let Some(unsaved) = captured.unsaved(connection, self.clock.now()) else { return };
        match store.save(connection, unsaved.turn, &unsaved.secrets).await {
            Ok(()) => captured.record_saved(connection, &unsaved),
            Err(NotStored::Superseded) => {
                tracing::warn!(
                    tenant = %connection.tenant.0, connection = connection.key,
                    "rotated secret dropped: another process has exchanged it since"
                );
                captured.record_saved(connection, &unsaved);
                captured.forget_stored(&connection.key);
            }
            Err(error) => tracing::error!(
                tenant = %connection.tenant.0, connection = connection.key, %error,
                "rotated secret not stored; if the process ends now, the connection needs a new one"
            ),
        }
    }

    /// Stores what is not stored yet, and ends the turn. If it cannot be stored, the turn ends by itself: another process
    /// would exchange a secret that is void.
    async fn end(self, turn: ExchangeTurn) {
        self.save().await;
        if self.captured.unsaved(&self.connection, self.clock.now()).is_none() {
            self.store.end_exchange(&self.connection, turn).await;
        }
    }
}

/// The turn of this process, in which it exchanges secrets of a connection. It ends soon after it is dropped.
pub(super) struct HeldTurn {
    /// `None` once it is dropped.
    issued: Option<Issued>,
    number: ExchangeTurn,
}

#[cfg(test)]
impl HeldTurn {
    /// Ends the turn, and returns once it has ended.
    pub(super) async fn end(mut self) {
        if let Some(issued) = self.issued.take() {
            issued.end(self.number).await;
        }
    }
}

impl Drop for HeldTurn {
    fn drop(&mut self) {
        let Some(issued) = self.issued.take() else { return };
        // Without a runtime, the process ends, and the turn by itself.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(issued.end(self.number));
        }
    }
}

const NO_TURN: &str = "another process of the host is exchanging them, and has not ended in time";

/// The error for a connection whose current secret is unknown. Sending the previous one could make the vendor revoke
/// both.
fn unknown(connection: &Connection, error: &NotStored) -> HttpError {
    let kind = match error {
        NotStored::Unreachable(_) | NotStored::Superseded => HttpErrorKind::HostUnavailable,
        NotStored::Damaged => HttpErrorKind::NoCredential,
    };
    not_sent(kind, format!("connection {}: its rotated secrets are unknown: {error}", connection.key))
}
