//! Posts the ends of requests to the addresses that their callers named, each until it is taken.
//! Tested in `api/src/tests/callbacks.rs`.

use std::{sync::Arc, time::Duration};

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
    Posts,
    post::{Message, NoClient, PostError, Poster, SigningKey, wait_after},
};
use crate::{
    requests::callback::CallbackUrl,
    sending_right::SendingRight,
    tasks::{Tasks, pause},
};

/// The interval between checks for requests that have ended.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// The number of callbacks posted at a time, and to one receiver: one that does not answer leaves room for others.
const AT_ONCE: usize = 16;
const AT_ONCE_TO_ONE: usize = 4;

/// The number of callbacks read at a time: enough to find those of other receivers behind those of a slow one.
const DUE_PER_LOOK: i64 = 1_000;

/// An alarm is raised once a callback has not been taken for this long.
const ALARM_MS: i64 = HOUR_MS;
const ALARM: &str = "callback-fails";

/// A callback is given up after this time, when the platforms that wait for one have given up too.
const GIVE_UP_MS: i64 = 30 * DAY_MS;

/// The clients for the addresses that callers name.
#[derive(Clone)]
pub(crate) struct CallbackPosters {
    public: Poster,
    loopback: Poster,
}

impl CallbackPosters {
    pub(crate) fn new(sending_right: &SendingRight) -> Result<Self, NoClient> {
        let vetted = |reach| Poster::vetted(reach, sending_right.clone());
        Ok(Self { public: vetted(Reach::Public)?, loopback: vetted(Reach::Loopback)? })
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
    /// Its request has not ended.
    NotDue,
    Taken,
    NotTaken(PostError),
    /// It cannot be posted.
    GivenUp(String),
}

impl Posts {
    /// Posts callbacks until `stop` is cancelled. A receiver that does not answer takes few of the places.
    pub(crate) async fn post_callbacks(self, posters: CallbackPosters, stop: CancellationToken) {
        let posters = Arc::new(posters);
        let mut under_way: Tasks<(String, String)> = Tasks::default();
        while !stop.is_cancelled() {
            under_way.sweep();
            if let Err(error) = self.begin_due(&posters, &mut under_way).await {
                tracing::error!(%error, "reading callbacks failed");
            }
            pause(&*self.clock, POLL_INTERVAL, &stop).await;
        }
        // A post that is cut off is repeated after the next start, under the same id.
        under_way.finish(Duration::ZERO).await;
    }

    /// Begins to post the callbacks that are due, each described by its request and its receiver.
    async fn begin_due(
        &self,
        posters: &Arc<CallbackPosters>,
        under_way: &mut Tasks<(String, String)>,
    ) -> Result<(), StoreError> {
        let now = self.clock.date_ms();
        let due = self
            .store
            .read(move |c| Box::pin(async move { callbacks::due(c, now, DUE_PER_LOOK).await }))
            .await?;
        for (request, due) in due {
            let due = match due {
                Ok(due) => due,
                Err(error) => {
                    self.give_up_damaged(request, now, error.to_string()).await?;
                    continue;
                }
            };
            let receiver = receiver(&due.url);
            let of_receiver = under_way.about().filter(|(_, other)| *other == receiver).count();
            let is_under_way = under_way.about().any(|(other, _)| *other == request);
            if is_under_way || of_receiver >= AT_ONCE_TO_ONE || under_way.len() >= AT_ONCE {
                continue;
            }
            let (posts, posters) = (self.clone(), Arc::clone(posters));
            under_way.begin((request, receiver), async move { posts.post_callback(&posters, due).await });
        }
        Ok(())
    }

    async fn post_callback(&self, posters: &CallbackPosters, due: DueCallback) {
        let request = due.request.clone();
        let stored = match self.attempt_callback(posters, &due).await {
            Ok(CallbackResult::NotDue) => Ok(()),
            Ok(CallbackResult::Taken) => self.end_callback(due, None).await,
            Ok(CallbackResult::GivenUp(why)) => {
                tracing::warn!(tenant = due.tenant, request, why, "callback given up");
                self.end_callback(due, Some(why)).await
            }
            Ok(CallbackResult::NotTaken(refused)) => self.retry_callback(due, refused).await,
            Err(error) => Err(error),
        };
        if let Err(error) = stored {
            tracing::error!(request, %error, "the database failed; the callback is posted again");
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
        let (view, key) = match read.await {
            Err(StoreError::NotAuthentic(what)) => {
                return Ok(CallbackResult::GivenUp(format!(
                    "{what} was changed in the database from outside"
                )));
            }
            read => read?,
        };
        let (Some(view), Some(key)) = (view, key) else {
            return Ok(CallbackResult::GivenUp("the API key that sent the request was revoked".to_owned()));
        };
        // It was put back in the queue in the meantime.
        let Some(finished_at) = view.finished_at else { return Ok(CallbackResult::NotDue) };
        let url = match CallbackUrl::parse(&due.url, &key.grant.callback_hosts) {
            Ok(url) => url,
            Err(refused) => return Ok(CallbackResult::GivenUp(refused.to_string())),
        };
        let secret = self.store.vault().callback_secret(&key.id);
        let Some(signing) = secret.and_then(|secret| SigningKey::read(&secret).ok()) else {
            return Ok(CallbackResult::GivenUp("the secret that signs cannot be derived".to_owned()));
        };
        let token = match due.token(self.store.vault()) {
            Ok(token) => token,
            Err(error) => return Ok(CallbackResult::GivenUp(error.to_string())),
        };
        let now = self.clock.date();
        let body = match due.form {
            CallbackForm::Standard => {
                json!({"type": "request.ended", "timestamp": finished_at, "data": RequestEnd::of(&view)})
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
        let id = format!("{}-{finished_at}", view.id);
        let message =
            Message { id, body: body.to_string().into_bytes(), signed_by: Some(signing), bearer: token };
        let posted = posters.to(&url).post(url.as_str(), message, now).await;
        self.telemetry.post(&due.tenant, "callback", &posted);
        Ok(match posted {
            Ok(()) => CallbackResult::Taken,
            Err(refused) => CallbackResult::NotTaken(refused),
        })
    }

    async fn end_callback(&self, due: DueCallback, given_up: Option<String>) -> Result<(), StoreError> {
        let at = self.clock.date_ms();
        let ended = self.store.write(move |tx| {
            Box::pin(async move {
                callbacks::ended(tx, &due, at, given_up.as_deref()).await?;
                alarms::is_over(tx, at, ALARM, &due.request).await
            })
        });
        ended.await
    }

    async fn give_up_damaged(&self, request: String, at: i64, why: String) -> Result<(), StoreError> {
        tracing::error!(request, why, "a callback that cannot be read is given up");
        let given_up = self.store.write(move |tx| {
            Box::pin(async move {
                callbacks::give_up(tx, &request, at, &why).await?;
                alarms::is_over(tx, at, ALARM, &request).await
            })
        });
        given_up.await
    }

    async fn retry_callback(&self, due: DueCallback, refused: PostError) -> Result<(), StoreError> {
        let at = self.clock.date_ms();
        let failing_for = at.saturating_sub(due.failing_since.unwrap_or(at));
        if failing_for >= GIVE_UP_MS {
            let why = format!("the receiver has not taken it for 30 days: {refused}");
            return self.end_callback(due, Some(why)).await;
        }
        let wait = wait_after(due.failures.saturating_add(1), refused.retry_after);
        tracing::warn!(
            tenant = due.tenant,
            request = due.request,
            why = %refused,
            "callback not taken; retrying in {} s",
            wait.as_secs()
        );
        let next_at = at.saturating_add(millis(wait));
        let detail = format!("the receiver has not taken the end of the request for an hour: {refused}");
        let failed = self.store.write(move |tx| {
            Box::pin(async move {
                callbacks::failed(tx, &due, at, next_at).await?;
                if failing_for < ALARM_MS {
                    return Ok(());
                }
                let alarm = Alarm {
                    tenant: &due.tenant,
                    connection: Some(&due.connection),
                    kind: ALARM,
                    about: &due.request,
                    detail: &detail,
                };
                alarms::raise(tx, at, &alarm).await
            })
        });
        failed.await
    }
}

/// The host and port of an address.
fn receiver(url: &str) -> String {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    authority.split('/').next().unwrap_or_default().to_owned()
}

/// Whether the vendor erased the person, so that there was someone to erase.
fn is_erased(view: &RequestView) -> bool {
    match view.read_outcome() {
        Some(Outcome::Receipt(receipt)) => receipt.status != ErasureStatus::NotFound,
        _ => false,
    }
}
