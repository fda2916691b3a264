//! Posts each tenant's feed to its platform: in order, each event until it is taken, from where it left off.

use std::{collections::BTreeMap, time::Duration};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    Posts,
    post::{Message, wait_after},
};
use crate::{
    consent::feed::{Feed, FeedEvent},
    settings::ForwardConfig,
    tasks::pause,
};
use host_model::time::{HOUR_MS, millis};
use host_store::{
    StoreError,
    alarms::{self, Alarm},
    events::{self, Progress},
};

/// How often it looks for new events.
const LOOK: Duration = Duration::from_secs(1);
/// Somebody has to look once an event has not been taken for so long.
const ALARM_MS: i64 = HOUR_MS;
const ALARM: &str = "forward-fails";
/// Read at once.
const TOGETHER: i64 = 100;

/// Posts the feeds of tenants to their platforms.
#[derive(Clone)]
pub(crate) struct Forwarding {
    pub(crate) posts: Posts,
    pub(crate) feed: Feed,
}

impl Forwarding {
    /// Posts until `stop` says so. Tenants do not wait for each other.
    pub(crate) async fn run(self, forwards: BTreeMap<String, ForwardConfig>, stop: CancellationToken) {
        let mut tenants = JoinSet::new();
        for (tenant, to) in forwards {
            tenants.spawn(self.clone().run_one(tenant, to, stop.clone()));
        }
        if tenants.is_empty() {
            stop.cancelled().await;
        }
        tenants.join_all().await;
    }

    async fn run_one(self, tenant: String, to: ForwardConfig, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.pass(&tenant, &to).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::error!(tenant, %error, "the feed cannot be read"),
            }
            pause(&*self.posts.clock, LOOK, &stop).await;
        }
    }

    /// Posts what is due; whether all of it was taken and there may be more.
    async fn pass(&self, tenant: &str, to: &ForwardConfig) -> Result<bool, StoreError> {
        let name = tenant.to_owned();
        let progress =
            self.posts.store.read(|c| Box::pin(async move { events::progress(c, &name).await })).await?;
        if progress.next_at > self.posts.clock.date_ms() {
            return Ok(false);
        }
        let page = self.feed.events_after(Some(&[tenant.to_owned()]), progress.posted, TOGETHER).await?;
        let (is_more, mut progress) = (page.cursor > progress.posted, progress);
        for event in page.events {
            let was_failing = progress.failing_since.is_some();
            progress = self.post(tenant, to, &event, progress).await?;
            self.save(tenant, &progress, was_failing).await?;
            if progress.failures > 0 {
                return Ok(false);
            }
        }
        if page.cursor > progress.posted {
            // What was damaged at the end is passed over.
            progress.posted = page.cursor;
            self.save(tenant, &progress, false).await?;
        }
        Ok(is_more)
    }

    /// Posts one event; how far the tenant's feed is then.
    async fn post(
        &self,
        tenant: &str,
        to: &ForwardConfig,
        event: &FeedEvent,
        before: Progress,
    ) -> Result<Progress, StoreError> {
        let body = serde_json::to_vec(event).map_err(|error| StoreError::Unreadable(error.to_string()))?;
        let message = Message { id: event.id.clone(), body };
        let taken = self.posts.poster.post(&to.url, message, Some(&to.key), self.posts.clock.date()).await;
        self.posts.telemetry.post(tenant, "consent-event", taken.is_ok());
        let now = self.posts.clock.date_ms();
        Ok(match taken {
            Ok(()) => Progress { posted: event.cursor, ..Progress::default() },
            Err(refused) => {
                let failures = before.failures.saturating_add(1);
                let wait = wait_after(failures, refused.retry_after);
                tracing::warn!(tenant, why = %refused, "a consent event was not taken; posted again in {} s", wait.as_secs());
                Progress {
                    posted: before.posted,
                    failures,
                    failing_since: before.failing_since.or(Some(now)),
                    next_at: now.saturating_add(millis(wait)),
                }
            }
        })
    }

    async fn save(&self, tenant: &str, progress: &Progress, was_failing: bool) -> Result<(), StoreError> {
        let (now, tenant, progress) = (self.posts.clock.date_ms(), tenant.to_owned(), progress.clone());
        let stored = self.posts.store.write(move |tx| {
            Box::pin(async move {
                events::proceed(tx, &tenant, &progress).await?;
                match progress.failing_since {
                    Some(since) if now.saturating_sub(since) >= ALARM_MS => {
                        let alarm = Alarm {
                            tenant: &tenant,
                            connection: None,
                            kind: ALARM,
                            about: &tenant,
                            detail: "the platform has taken no consent event for an hour; they are kept and posted in order",
                        };
                        alarms::raise(tx, now, &alarm).await
                    }
                    None if was_failing => alarms::is_over(tx, now, ALARM, &tenant).await,
                    _ => Ok(()),
                }
            })
        });
        stored.await
    }
}
