//! Posts each tenant's feed to its platform: in order, each event until it is accepted, resuming where it left off.
//! Tested in `src/consent/tests/forwarded.rs`.

use crate::posts::Backlog;
use std::{collections::BTreeMap, time::Duration};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{
    Posts,
    fides::{self, FidesEvent},
    post::{Message, PostError, wait_after},
};
use crate::{
    consent::{
        catalogue::Catalogue,
        feed::{Feed, FeedEvent},
    },
    settings::forward::{ForwardConfig, ForwardForm},
    tasks::pause,
};
use host_model::time::{HOUR_MS, millis};
use host_store::{
    StoreError, Tenure,
    alarms::{self, Alarm},
    events::{self, FeedProgress},
    grant::KeyReach,
};

/// The interval between checks for new events.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// An alarm is raised once events have not been accepted for this long.
const ALARM_MS: i64 = HOUR_MS;
const ALARM: &str = "forward-fails";
const SKIPPED: &str = "forward-skips";
/// The number of events read at a time.
const EVENTS_PER_READ: i64 = 100;

/// Posts the feeds of tenants to their platforms.
#[derive(Clone)]
pub(crate) struct Forwarding {
    pub(crate) posts: Posts,
    pub(crate) feed: Feed,
    /// Has the data uses of notices.
    pub(crate) catalogue: Catalogue,
}

impl Forwarding {
    /// Posts until `stop` is cancelled. Tenants do not wait for each other.
    pub(crate) async fn run(self, forwards: BTreeMap<String, ForwardConfig>, stop: CancellationToken) {
        let mut tenants = JoinSet::new();
        for (tenant, to) in forwards {
            tenants.spawn(Tenure::inherited(self.clone().run_one(tenant, to, stop.clone())));
        }
        if tenants.is_empty() {
            stop.cancelled().await;
        }
        tenants.join_all().await;
    }

    async fn run_one(self, tenant: String, to: ForwardConfig, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.pass(&tenant, &to, &stop).await {
                Ok(Backlog::More) => continue,
                Ok(Backlog::Empty) => {}
                Err(error) => tracing::error!(tenant, %error, "reading the feed failed"),
            }
            pause(&*self.posts.clock, POLL_INTERVAL, &stop).await;
        }
    }

    /// Posts the events that are due, until one is not accepted or `stop` is cancelled.
    async fn pass(
        &self,
        tenant: &str,
        to: &ForwardConfig,
        stop: &CancellationToken,
    ) -> Result<Backlog, StoreError> {
        let name = tenant.to_owned();
        let progress =
            self.posts.store.read(|c| Box::pin(async move { events::progress(c, &name).await })).await?;
        if progress.next_at > self.posts.clock.date_ms() {
            return Ok(Backlog::Empty);
        }
        let page =
            self.feed.events_after(&KeyReach::of_tenant(tenant), progress.posted, EVENTS_PER_READ).await?;
        let (is_more, mut progress) = (page.cursor > progress.posted, progress);
        for event in page.events {
            if stop.is_cancelled() {
                return Ok(Backlog::Empty);
            }
            let before = progress.clone();
            let refused;
            (progress, refused) = self.post(tenant, to, &event, progress).await?;
            self.save(tenant, &before, &progress, refused).await?;
            if progress.failures > 0 {
                return Ok(Backlog::Empty);
            }
        }
        if page.cursor > progress.posted {
            // Damaged events at the end are skipped.
            let before = progress.clone();
            progress.posted = page.cursor;
            self.save(tenant, &before, &progress, None).await?;
        }
        Ok(if is_more { Backlog::More } else { Backlog::Empty })
    }

    /// Posts one event. Returns the tenant's progress in the feed after it, and why the event was not accepted.
    async fn post(
        &self,
        tenant: &str,
        to: &ForwardConfig,
        event: &FeedEvent,
        before: FeedProgress,
    ) -> Result<(FeedProgress, Option<PostError>), StoreError> {
        let (poster, date) = (&self.posts.poster, self.posts.clock.date());
        let taken = match &to.form {
            ForwardForm::Standard(key) => {
                let body =
                    serde_json::to_vec(event).map_err(|error| StoreError::Unreadable(error.to_string()))?;
                let message =
                    Message { id: event.id.clone(), body, signed_by: Some(key.clone()), bearer: None };
                poster.post(&to.url, message, date).await
            }
            ForwardForm::Fides => {
                let notices = self.catalogue.notices(tenant).await?;
                let stored = fides::store_consent(poster, &to.url, event, &notices, date).await;
                if let Ok(FidesEvent::Unidentified | FidesEvent::Refused) = stored {
                    self.raise_skipped(event).await?;
                }
                stored.map(drop)
            }
        };
        self.posts.telemetry.post(tenant, "consent-event", &taken);
        let now = self.posts.clock.date_ms();
        Ok(match taken {
            Ok(()) => (FeedProgress { posted: event.cursor, ..FeedProgress::default() }, None),
            Err(refused) => {
                let failures = before.failures.saturating_add(1);
                let wait = wait_after(failures, refused.retry_after);
                tracing::warn!(tenant, why = %refused, "consent event not accepted; retrying in {} s", wait.as_secs());
                let progress = FeedProgress {
                    posted: before.posted,
                    failures,
                    failing_since: before.failing_since.or(Some(now)),
                    next_at: now.saturating_add(millis(wait)),
                };
                (progress, Some(refused))
            }
        })
    }

    /// Raises an alarm about an event that was skipped because Fides cannot store it.
    async fn raise_skipped(&self, event: &FeedEvent) -> Result<(), StoreError> {
        let (tenant, connection, cursor) = (event.tenant.clone(), event.connection.clone(), event.cursor);
        let at = self.posts.clock.date_ms();
        let raised = self.posts.store.write(move |tx| {
            Box::pin(async move {
                let detail = format!(
                    "Fides cannot store an event: it knows people only by email, phone number or external id, and refuses \
                     identities and data uses that it does not know; such events are skipped and stay in the feed, the \
                     first at cursor {cursor}"
                );
                let alarm = Alarm {
                    tenant: &tenant,
                    connection: Some(&connection),
                    kind: SKIPPED,
                    about: &connection,
                    detail: &detail,
                };
                alarms::raise(tx, at, &alarm).await
            })
        });
        raised.await
    }

    async fn save(
        &self,
        tenant: &str,
        before: &FeedProgress,
        progress: &FeedProgress,
        refused: Option<PostError>,
    ) -> Result<(), StoreError> {
        let why = refused.map_or_else(String::new, |refused| format!(": {refused}"));
        let was_failing = before.failing_since.is_some();
        let (now, tenant, progress) = (self.posts.clock.date_ms(), tenant.to_owned(), progress.clone());
        let stored = self.posts.store.write(move |tx| {
            Box::pin(async move {
                events::proceed(tx, &tenant, &progress).await?;
                match progress.failing_since {
                    Some(since) if now.saturating_sub(since) >= ALARM_MS => {
                        let detail = format!(
                            "the platform has accepted no consent event for an hour, and events are kept in order{why}"
                        );
                        let alarm = Alarm {
                            tenant: &tenant,
                            connection: None,
                            kind: ALARM,
                            about: &tenant,
                            detail: &detail,
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
