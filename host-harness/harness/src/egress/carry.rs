//! One request on its way: filled, counted, sent once, its answer cleaned.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{
    Egress,
    caller::Caller,
    captured,
    declaration::Declared,
    fill::{self, Fillings},
    ledger::NotEntered,
    refused::not_sent,
    retry_after::retry_after,
    trace::Exchange,
    transport::Answer,
};
use crate::connection::Redactor;
use host_model::{
    contract::http::{HttpError, HttpErrorKind, Request, Response},
    secret::Secrets,
    time::millis_u64,
};

/// What is left of a call when its last request must have ended, so that the guest can still say so.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// A longer body takes more than a millisecond to search.
pub(super) const QUICK_BYTES: usize = 64 << 10;

impl Egress {
    /// Builds the request, waits for its limits, and sends it once.
    pub(super) async fn carry(
        &self,
        caller: &Caller<'_>,
        declared: &Declared,
        secrets: &Secrets,
        request: &Request,
    ) -> Result<Answer, HttpError> {
        let connection = caller.connection;
        let fillings = Fillings { connection, secrets, values: &request.values };
        let outgoing = fill::outgoing(declared, &fillings, request)?;
        let over_at = caller.deadline - LAST_WORDS;
        let patience =
            connection.policy.limiter_patience.min(over_at.saturating_duration_since(Instant::now()));
        let entered = self.places.enter(connection.account, &declared.limits, patience, over_at);
        let place = entered.await.map_err(|refusal| rate_limited(declared, refusal))?;
        if Instant::now() >= over_at {
            return Err(out_of_time(declared));
        }
        let traced = caller.trace.map(|trace| (trace, outgoing.clone()));
        if outgoing.acts {
            (caller.departs)();
        }
        let begun = Instant::now();
        let answer = timeout_at(over_at, self.transport.send(connection, outgoing)).await;
        drop(place);
        let redactor = self.captured.redactor(connection);
        let answer = answer
            .unwrap_or_else(|_| Err(cut_short(declared)))
            .map_err(|error| HttpError { message: redactor.text(&error.message).into_owned(), ..error });
        if let Some((trace, sent)) = traced {
            trace.tell(&Exchange::of(&sent, &answer, begun.elapsed(), &redactor));
        }
        let mut answer = answer?;
        let (taken, body) = captured::taken(&declared.captures, answer.body);
        answer.body = body;
        if (200..300).contains(&answer.status) {
            self.captured.keep(connection, taken, self.clock.now());
        }
        Ok(answer)
    }

    /// What of `answer` a guest may see.
    pub(super) async fn shown(
        &self,
        caller: &Caller<'_>,
        declared: &Declared,
        answer: Answer,
    ) -> Result<Response, HttpError> {
        let redactor = self.captured.redactor(caller.connection);
        let headers = declared
            .response_headers
            .iter()
            .flat_map(|name| answer.headers.get_all(name).iter().map(move |value| (name, value)))
            .filter_map(|(name, value)| {
                Some((name.to_string(), redactor.text(value.to_str().ok()?).into_owned()))
            })
            .collect();
        let wait = retry_after(&answer.headers, self.clock.date());
        Ok(Response {
            status: answer.status,
            headers,
            retry_after_ms: wait.map(millis_u64),
            body: searched(redactor, answer.body, caller).await?,
        })
    }
}

/// `body` without what `redactor` finds. A long one is searched on another thread, so that no task waits for it.
async fn searched(redactor: Redactor, body: Vec<u8>, caller: &Caller<'_>) -> Result<Vec<u8>, HttpError> {
    if body.len() <= QUICK_BYTES {
        return Ok(redactor.bytes(body));
    }
    let search = tokio::task::spawn_blocking(move || {
        let begun = std::time::Instant::now();
        (redactor.bytes(body), begun.elapsed())
    });
    let (body, took) = search.await.map_err(|_| unsearched())?;
    (caller.computed)(took);
    Ok(body)
}

/// The runtime shuts down. Half an answer would be read as a whole one.
fn unsearched() -> HttpError {
    HttpError {
        kind: HttpErrorKind::Unreachable,
        message: "the host is shutting down".to_owned(),
        request_sent: true,
        retry_after_ms: None,
    }
}

fn rate_limited(declared: &Declared, refusal: NotEntered) -> HttpError {
    let limits: Vec<_> = declared.limits.iter().map(|limit| limit.name.as_str()).collect();
    let limits = limits.join(", ");
    let (why, wait) = match refusal {
        NotEntered::Full(full) => (format!("the vendor's limits are reached ({limits})"), full.for_another),
        NotEntered::Unreachable(why) => {
            (format!("whether the vendor's limits are reached cannot be told ({limits}): {why}"), None)
        }
    };
    HttpError {
        retry_after_ms: wait.map(millis_u64),
        ..not_sent(HttpErrorKind::RateLimited, format!("operation {}: {why}", declared.name))
    }
}

fn out_of_time(declared: &Declared) -> HttpError {
    not_sent(
        HttpErrorKind::BudgetSpent,
        format!("operation {}: the call's time is over (limits.wall-ms)", declared.name),
    )
}

fn cut_short(declared: &Declared) -> HttpError {
    HttpError {
        request_sent: true,
        ..not_sent(
            HttpErrorKind::TimedOut,
            format!(
                "operation {}: the call's time was over before the answer came (limits.wall-ms)",
                declared.name
            ),
        )
    }
}
