//! Posts the ends of requests to the addresses that their callers named, each until it is taken.
//! Tested in `api/src/tests/callbacks.rs`.

use std::time::Duration;

use futures::future::join_all;
use host_harness::connection::Reach;
use host_model::{
    contract::erasure::ErasureStatus,
    requests::{
        RequestState,
        completion::{Completion, proven},
        outcome::Outcome,
    },
    time::{DAY_MS, HOUR_MS, millis},
};
use host_store::{
    StoreError,
    alarms::{self, Alarm},
    api_keys,
    callbacks::{self, CallbackForm, DueCallback},
    requests::{self, RequestView},
};
use serde::Serialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    Backlog, Posts,
    post::{Message, NoClient, PostError, Poster, SigningKey, wait_after},
};
use crate::{requests::callback::CallbackUrl, tasks::pause};

/// The interval between checks for requests that have ended.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The number of callbacks posted at a time, so that a receiver that does not answer does not delay all others.
const AT_ONCE: i64 = 16;

/// An alarm is raised once a callback has not been taken for this long.
const ALARM_MS: i64 = HOUR_MS;
const ALARM: &str = "callback-fails";

/// A callback is given up after this time, when the platforms that wait for one have given up too.
const GIVE_UP_MS: i64 = 30 * DAY_MS;

/// The clients for the addresses that callers name.
pub(crate) struct CallbackPosters {
    public: Poster,
    loopback: Poster,
}

impl CallbackPosters {
    pub(crate) fn new() -> Result<Self, NoClient> {
        Ok(Self { public: Poster::vetted(Reach::Public)?, loopback: Poster::vetted(Reach::Loopback)? })
    }

    fn to(&self, url: &CallbackUrl) -> &Poster {
        if url.reach() == Reach::Loopback { &self.loopback } else { &self.public }
    }
}

/// The end of a request, as it is posted.
#[derive(Serialize)]
struct RequestEnd<'a> {
    id: &'a str,
    connection: &'a str,
    complete: bool,
    state: RequestState,
    /// `None` if the request is not an erasure.
    proven: Option<bool>,
    /// `None` if there is no reason to report.
    reason: Option<String>,
}

impl<'a> RequestEnd<'a> {
    fn of(view: &'a RequestView) -> Self {
        let completion = view.completion();
        let complete = completion == Completion::Complete;
        let reason = match completion {
            Completion::NotCarriedOut(why) => Some(why),
            Completion::Open | Completion::Complete => view.reason.clone(),
        };
        let proven = proven(view.action, view.state, view.read_outcome().as_ref());
        Self { id: &view.id, connection: &view.connection, complete, state: view.state, proven, reason }
    }
}

/// What became of a callback.
enum CallbackResult {
    Taken,
    NotTaken(PostError),
    /// It cannot be posted.
    GivenUp(String),
}

impl Posts {
    /// Posts callbacks until `stop` is cancelled.
    pub(crate) async fn post_callbacks(self, posters: CallbackPosters, stop: CancellationToken) {
        while !stop.is_cancelled() {
            match self.post_due(&posters).await {
                Ok(Backlog::More) => continue,
                Ok(Backlog::Empty) => {}
                Err(error) => tracing::error!(%error, "reading callbacks failed"),
            }
            pause(&*self.clock, POLL_INTERVAL, &stop).await;
        }
    }

    /// Posts the callbacks that are due.
    async fn post_due(&self, posters: &CallbackPosters) -> Result<Backlog, StoreError> {
        let now = self.clock.date_ms();
        let due =
            self.store.read(move |c| Box::pin(async move { callbacks::due(c, now, AT_ONCE).await })).await?;
        if due.is_empty() {
            return Ok(Backlog::Empty);
        }
        for posted in join_all(due.iter().map(|callback| self.post_callback(posters, callback))).await {
            posted?;
        }
        Ok(Backlog::More)
    }

    async fn post_callback(&self, posters: &CallbackPosters, due: &DueCallback) -> Result<(), StoreError> {
        let result = match self.attempt_callback(posters, due).await {
            Ok(result) => result,
            // A damaged row must not be tried every second.
            Err(error) => CallbackResult::GivenUp(error.to_string()),
        };
        let at = self.clock.date_ms();
        let request = due.request.clone();
        match result {
            CallbackResult::Taken => self.end_callback(request, at, None).await,
            CallbackResult::GivenUp(why) => {
                tracing::warn!(tenant = due.tenant, request, why, "callback given up");
                self.end_callback(request, at, Some(why)).await
            }
            CallbackResult::NotTaken(refused) => self.retry_callback(due, &refused, at).await,
        }
    }

    async fn attempt_callback(
        &self,
        posters: &CallbackPosters,
        due: &DueCallback,
    ) -> Result<CallbackResult, StoreError> {
        let (vault, id, key) = (self.store.vault().clone(), due.request.clone(), due.api_key.clone());
        let read = self.store.read(move |c| {
            Box::pin(
                async move { Ok((requests::show(c, &id).await?, api_keys::with_id(c, &vault, &key).await?)) },
            )
        });
        let (view, key) = read.await?;
        let (Some(view), Some(key)) = (view, key) else {
            return Ok(CallbackResult::GivenUp("the API key that sent the request was revoked".to_owned()));
        };
        let url = match CallbackUrl::parse(&due.url, &key.grant.callback_hosts) {
            Ok(url) => url,
            Err(refused) => return Ok(CallbackResult::GivenUp(refused.to_string())),
        };
        let secret = self.store.vault().callback_secret(&key.id);
        let signing = secret.and_then(|secret| SigningKey::read(&secret).ok());
        let token = due.token(self.store.vault())?;
        let now = self.clock.date();
        let body = match due.form {
            CallbackForm::Standard => {
                let timestamp = view.finished_at;
                json!({"type": "request.ended", "timestamp": timestamp, "data": RequestEnd::of(&view)})
            }
            CallbackForm::Fides if view.completion() == Completion::Complete => {
                json!({ "rows_masked": u8::from(is_erased(&view)) })
            }
            CallbackForm::Fides => {
                let why =
                    "the request was not carried out, and Fides has no call for that: its task stays open";
                return Ok(CallbackResult::GivenUp(why.to_owned()));
            }
        };
        // The same for each attempt, and another one if the request ends again after a replay.
        let id = format!("{}-{}", view.id, view.finished_at.unwrap_or_default());
        let message = Message { id, body: body.to_string().into_bytes(), signed_by: signing, bearer: token };
        let posted = posters.to(&url).post(url.as_str(), message, now).await;
        self.telemetry.post(&due.tenant, "callback", &posted);
        Ok(match posted {
            Ok(()) => CallbackResult::Taken,
            Err(refused) => CallbackResult::NotTaken(refused),
        })
    }

    async fn end_callback(
        &self,
        request: String,
        at: i64,
        given_up: Option<String>,
    ) -> Result<(), StoreError> {
        let ended = self.store.write(move |tx| {
            Box::pin(async move {
                callbacks::ended(tx, &request, at, given_up.as_deref()).await?;
                alarms::is_over(tx, at, ALARM, &request).await
            })
        });
        ended.await
    }

    async fn retry_callback(
        &self,
        due: &DueCallback,
        refused: &PostError,
        at: i64,
    ) -> Result<(), StoreError> {
        let failing_for = at.saturating_sub(due.failing_since.unwrap_or(at));
        if failing_for >= GIVE_UP_MS {
            let why = format!("the receiver has not taken it for 30 days: {refused}");
            return self.end_callback(due.request.clone(), at, Some(why)).await;
        }
        let wait = wait_after(due.failures.saturating_add(1), refused.retry_after);
        tracing::warn!(
            tenant = due.tenant,
            request = due.request,
            why = %refused,
            "callback not taken; retrying in {} s",
            wait.as_secs()
        );
        let (tenant, connection) = (due.tenant.clone(), due.connection.clone());
        let (request, next_at) = (due.request.clone(), at.saturating_add(millis(wait)));
        let detail = format!("the receiver has not taken the end of the request for an hour: {refused}");
        let failed = self.store.write(move |tx| {
            Box::pin(async move {
                callbacks::failed(tx, &request, at, next_at).await?;
                if failing_for < ALARM_MS {
                    return Ok(());
                }
                let alarm = Alarm {
                    tenant: &tenant,
                    connection: Some(&connection),
                    kind: ALARM,
                    about: &request,
                    detail: &detail,
                };
                alarms::raise(tx, at, &alarm).await
            })
        });
        failed.await
    }
}

/// Whether the vendor erased the person, so that there was someone to erase.
fn is_erased(view: &RequestView) -> bool {
    match view.read_outcome() {
        Some(Outcome::Receipt(receipt)) => receipt.status != ErasureStatus::NotFound,
        _ => false,
    }
}
