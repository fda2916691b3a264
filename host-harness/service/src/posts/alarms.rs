//! Posts alarms to the operator's address, each until it is taken.

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
    alarms::{self, Raised},
};
use serde::Serialize;

/// How often it looks for new ones.
const LOOK: Duration = Duration::from_secs(1);

/// An alarm as it is posted: the members are those of the API's. Times are milliseconds since 1970 in UTC.
#[derive(Serialize)]
struct PostedAlarm<'a> {
    id: &'a str,
    tenant: &'a str,
    /// `None` if it is about no single connection.
    connection: Option<&'a str>,
    kind: &'a str,
    about: &'a str,
    detail: &'a str,
    raised_at: i64,
    cleared_at: Option<i64>,
    cleared_by: Option<&'a str>,
}

impl<'a> From<&'a Raised> for PostedAlarm<'a> {
    fn from(raised: &'a Raised) -> Self {
        let Raised { id, tenant, connection, kind, about, detail, raised_at, cleared_at, cleared_by } =
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
    /// Posts what is raised until `stop` says so; to nobody where no address is configured.
    pub(crate) async fn post_alarms(self, url: Option<String>, stop: CancellationToken) {
        let Some(url) = url else {
            return stop.cancelled().await;
        };
        while !stop.is_cancelled() {
            match self.post_one(&url).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "alarms cannot be read"),
            }
            pause(&*self.clock, LOOK, &stop).await;
        }
    }

    /// Posts the oldest one that is due; whether there was one.
    async fn post_one(&self, url: &str) -> Result<bool, StoreError> {
        let now = self.clock.date_ms();
        let due = self.store.read(move |connection| Box::pin(alarms::to_post(connection, now))).await?;
        let Some((alarm, attempts)) = due else { return Ok(false) };
        let body = serde_json::to_vec(&PostedAlarm::from(&alarm))
            .map_err(|error| StoreError::Unreadable(error.to_string()))?;
        let message = Message { id: alarm.id.clone(), body };
        let taken = self.poster.post(url, message, None, self.clock.date()).await;
        let at = self.clock.date_ms();
        let id = alarm.id;
        self.telemetry.post(&alarm.tenant, "alarm", taken.is_ok());
        match taken {
            Ok(()) => {
                self.store
                    .write(move |tx| Box::pin(async move { alarms::posted(tx, at, &id).await }))
                    .await?;
            }
            Err(refused) => {
                let wait = wait_after(attempts.saturating_add(1), refused.retry_after);
                tracing::warn!(tenant = alarm.tenant, why = %refused, "an alarm was not taken; it is posted again in {} s", wait.as_secs());
                let next_at = at.saturating_add(millis(wait));
                self.store
                    .write(move |tx| Box::pin(async move { alarms::not_posted(tx, next_at, &id).await }))
                    .await?;
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
