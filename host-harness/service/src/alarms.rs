//! Alarms, which stay open until an API key or the host clears them.

use std::sync::Arc;

use host_harness::clock::Clock;
use host_store::{
    Store, StoreError,
    alarms::{self, StoredAlarm},
    audit::{self, Record},
};
use serde_json::json;

use crate::who::Who;

/// The alarms. Clones share everything.
#[derive(Clone)]
pub struct Alarms {
    store: Store,
    clock: Arc<dyn Clock>,
}

impl Alarms {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock }
    }

    /// Returns the open alarms, oldest first.
    pub async fn open(&self) -> Result<Vec<StoredAlarm>, StoreError> {
        self.store.read(|connection| Box::pin(alarms::open(connection))).await
    }

    /// Clears the alarm with this id on behalf of `by`, with an optional note of what was done about it. Returns
    /// `None` if no such alarm is open.
    pub async fn clear(
        &self,
        id: String,
        Who(by): Who,
        note: Option<String>,
    ) -> Result<Option<StoredAlarm>, StoreError> {
        let at = self.clock.date_ms();
        let cleared_by = note.as_ref().map_or_else(|| by.clone(), |note| format!("{by}: {note}"));
        let vault = self.store.vault().clone();
        let cleared = self.store.write(move |tx| {
            Box::pin(async move {
                let cleared = alarms::clear(tx, at, &id, &cleared_by).await?;
                if let Some(alarm) = &cleared {
                    let detail = json!({"by": by, "alarm": alarm.kind, "about": alarm.about, "note": note});
                    let record = Record {
                        connection: alarm.connection.clone(),
                        detail,
                        ..Record::of("alarm-cleared")
                    };
                    audit::append(tx, &vault, &alarm.tenant, at, &record).await?;
                }
                Ok(cleared)
            })
        });
        cleared.await
    }
}
