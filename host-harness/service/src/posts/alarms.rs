//! Posts alarms to the operator's address, each until it is accepted.

use crate::posts::Backlog;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{
    Posts,
    post::{Message, wait_after},
};
use crate::tasks::pause;
use host_model::time::millis;
use host_store::{
    StoreError,
    alarms::{self, StoredAlarm},
};
use serde::Serialize;

/// The interval between checks for new alarms.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// An alarm as it is posted, with the members that the API uses. Times are in milliseconds since the Unix epoch.
#[derive(Serialize)]
struct PostedAlarm<'a> {
    id: &'a str,
    tenant: &'a str,
    /// `None` if the alarm is not about a single connection.
    connection: Option<&'a str>,
    kind: &'a str,
    about: &'a str,
    detail: &'a str,
    raised_at: i64,
    cleared_at: Option<i64>,
    cleared_by: Option<&'a str>,
}

impl<'a> From<&'a StoredAlarm> for PostedAlarm<'a> {
    fn from(raised: &'a StoredAlarm) -> Self {
        let StoredAlarm { id, tenant, connection, kind, about, detail, raised_at, cleared_at, cleared_by } =
            raised;
        Self {
            id,
            tenant,
            connection: connection.as_deref(),
            kind,
            about,
            detail,
            raised_at: *raised_at,
            cleared_at: *cleared_at,
            cleared_by: cleared_by.as_deref(),
        }
    }
}

impl Posts {
    /// Posts raised alarms until `stop` is cancelled, or nothing if no address is configured.
    pub(crate) async fn post_alarms(self, url: Option<String>, stop: CancellationToken) {
        let Some(url) = url else {
            return stop.cancelled().await;
        };
        while !stop.is_cancelled() {
            match self.post_one(&url).await {
                Ok(Backlog::More) => continue,
                Ok(Backlog::Empty) => {}
                Err(error) => tracing::error!(%error, "reading alarms failed"),
            }
            pause(&*self.clock, POLL_INTERVAL, &stop).await;
        }
    }

    /// Posts the oldest alarm that is due, if there is one.
    async fn post_one(&self, url: &str) -> Result<Backlog, StoreError> {
        let now = self.clock.date_ms();
        let due = self.store.read(move |connection| Box::pin(alarms::to_post(connection, now))).await?;
        let Some((alarm, attempts)) = due else { return Ok(Backlog::Empty) };
        let body = serde_json::to_vec(&PostedAlarm::from(&alarm))
            .map_err(|error| StoreError::Unreadable(error.to_string()))?;
        let message = Message { id: alarm.id.clone(), body, signed_by: None, bearer: None };
        let taken = self.poster.post(url, message, self.clock.date()).await;
        let at = self.clock.date_ms();
        let id = alarm.id;
        self.telemetry.post(&alarm.tenant, "alarm", &taken);
        match taken {
            Ok(()) => {
                self.store
                    .write(move |tx| Box::pin(async move { alarms::record_posted(tx, at, &id).await }))
                    .await?;
            }
            Err(refused) => {
                let wait = wait_after(attempts.saturating_add(1), refused.retry_after);
                let seconds = wait.as_secs();
                tracing::warn!(tenant = alarm.tenant, why = %refused, "alarm not accepted; retrying in {seconds} s");
                let next_at = at.saturating_add(millis(wait));
                self.store
                    .write(move |tx| {
                        Box::pin(async move { alarms::record_not_posted(tx, next_at, &id).await })
                    })
                    .await?;
            }
        }
        Ok(Backlog::More)
    }
}

#[cfg(test)]
mod tests;
