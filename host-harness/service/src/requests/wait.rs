//! Waits for the end of a request on behalf of the caller that submitted it.
//! Tested in `api/src/tests/waiting.rs`.

use std::time::Duration;

use host_model::{requests::RequestState, time::millis};
use host_store::{
    StoreError, holds,
    requests::{self, RequestView},
};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Requests, forecast::Forecast};
use crate::caller_work;

/// The longest wait: proxies cut an answer off after 60 seconds by default.
pub const MAX_WAIT: Duration = Duration::from_secs(55);

/// How often to look at a request of whose end nothing is heard, such as one that expires.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

const BEHIND_ERASURE: &str = "an erasure of the same person, which has to be proven first";

/// A request after a wait.
pub struct Waited {
    /// Its state now.
    pub view: RequestView,
    /// Why it has not ended yet; `None` if it has, or if nothing but time holds it back.
    pub held_back_by: Option<String>,
}

impl Requests {
    /// Waits until the request of `view` has ended, for at most `limit` and [`MAX_WAIT`]. Returns at once if it cannot end
    /// by then, and early if the caller leaves or the service stops.
    pub async fn wait(&self, view: RequestView, limit: Duration) -> Result<Waited, StoreError> {
        let limit = limit.min(MAX_WAIT);
        let until = Instant::now() + limit;
        let mut listener = self.ends.listen();
        let mut view = view;
        loop {
            if view.finished_at.is_some() {
                return Ok(Waited { view, held_back_by: None });
            }
            if let Some(why) = self.holds_longer(&view, until.duration_since(Instant::now())).await? {
                return Ok(Waited { view, held_back_by: Some(why) });
            }
            let next_look = until.min(Instant::now() + POLL_INTERVAL);
            let is_over = tokio::select! {
                () = self.stopping.cancelled() => true,
                () = caller_work::caller_left() => true,
                () = sleep_until(until) => true,
                _ = timeout_at(next_look, listener.heard_of(&view.id)) => false,
            };
            let id = view.id.clone();
            let found = self.store.read(|c| Box::pin(async move { requests::show(c, &id).await })).await?;
            view = found.unwrap_or(view);
            if is_over && view.finished_at.is_none() {
                return Ok(Waited { view, held_back_by: None });
            }
        }
    }

    /// Returns what holds the request of `view` back for longer than `limit`, if anything does.
    async fn holds_longer(&self, view: &RequestView, limit: Duration) -> Result<Option<String>, StoreError> {
        if view.state != RequestState::Waiting {
            return Ok(None);
        }
        let id = view.id.clone();
        if self.store.read(|c| Box::pin(async move { holds::is_behind_erasure(c, &id).await })).await? {
            return Ok(Some(BEHIND_ERASURE.to_owned()));
        }
        let Forecast { runs_at, held_back_by, .. } = self.forecast(view).await?;
        let by = self.clock.date_ms().saturating_add(millis(limit));
        if runs_at.is_some_and(|runs_at| runs_at <= by) {
            return Ok(None);
        }
        let why = held_back_by.or_else(|| view.reason.clone());
        Ok(Some(why.unwrap_or_else(|| "its next attempt is later".to_owned())))
    }

    /// Ends all waits, because the service stops.
    pub(crate) fn end_waits(&self) {
        self.stopping.cancel();
    }
}
