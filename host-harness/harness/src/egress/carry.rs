//! Carries out one request: fills it in, counts it, sends it once and masks its response.
//! Tested in `src/egress/tests`.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{
    Egress,
    caller::Sender,
    captured::{self, Lifespan},
    declaration::DeclaredOperation,
    fill::{self, Fillings},
    ledger::NotEntered,
    refused::not_sent,
    retry_after::retry_after,
    trace::{Exchange, TraceEvent, TracedRequest},
    transport::VendorResponse,
};
use crate::connection::Redactor;
use host_model::{
    contract::{
        http::{HttpError, HttpErrorKind, Request, Response},
        observed::ObservedRequest,
    },
    secret::Secrets,
    time::millis_u64,
};

/// The time reserved at the end of a call, after its last request must have ended, so that the guest can still report
/// it.
pub(super) const REPORT_MARGIN: Duration = Duration::from_millis(100);

/// Size above which searching a body takes more than a millisecond.
pub(super) const QUICK_BYTES: usize = 64 << 10;

impl Egress {
    /// Builds the request, waits for its limits, and sends it once.
    pub(super) async fn carry(
        &self,
        caller: &Sender<'_>,
        declared: &DeclaredOperation,
        secrets: &Secrets,
        request: &Request,
    ) -> Result<VendorResponse, HttpError> {
        let connection = caller.connection;
        let fillings = Fillings { connection, secrets, values: &request.values };
        let outgoing = fill::outgoing(declared, &fillings, request)?;
        let over_at = caller.deadline - REPORT_MARGIN;
        let patience =
            connection.policy.limiter_patience.min(over_at.saturating_duration_since(Instant::now()));
        let entered = self.places.enter(connection.account, &declared.limits, patience, over_at);
        let place = entered.await.map_err(|refusal| not_entered(declared, refusal))?;
        if Instant::now() >= over_at {
            return Err(out_of_time(declared));
        }
        let traced = caller.trace.map(|trace| {
            (
                trace,
                TracedRequest { sent: outgoing.clone(), written: fill::secret_values(declared, &fillings) },
            )
        });
        if outgoing.acts {
            (caller.departs)();
        }
        let begun = Instant::now();
        let departed = ObservedRequest {
            operation: declared.name.clone(),
            target: Some(declared.target()),
            effect: declared.effect,
            status: None,
            sent_at_ms: self.clock.date_ms(),
            took_ms: 0,
        };
        let mut departure = (!declared.is_token_exchange()).then(|| Departure::new(departed, caller));
        let answer = timeout_at(over_at, self.transport.send(connection, outgoing)).await;
        drop(place);
        let redactor = self.captured.redactor(connection);
        let answer = answer
            .unwrap_or_else(|_| Err(truncated_error(declared)))
            .map_err(|error| HttpError { message: redactor.text(&error.message).into_owned(), ..error });
        if let Some(departure) = &mut departure {
            departure.ends(&answer);
        }
        if let Some((trace, sent)) = traced {
            let exchange = Exchange::of(&sent, &answer, begun.elapsed(), &redactor);
            trace.trace(&TraceEvent::Exchange(exchange));
        }
        let mut answer = answer?;
        let (taken, body) = captured::extract(&declared.captures, answer.body);
        answer.body = body;
        if (200..300).contains(&answer.status) {
            let lifespan = if self.shelf(caller).is_some() { Lifespan::Stored } else { Lifespan::Process };
            self.captured.keep(connection, taken, self.clock.now(), lifespan);
            self.save_rotated(connection).await;
        }
        Ok(answer)
    }

    /// Returns the part of `answer` that a guest may see.
    pub(super) async fn redacted(
        &self,
        caller: &Sender<'_>,
        declared: &DeclaredOperation,
        answer: VendorResponse,
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
            body: redacted_body(redactor, answer.body, caller).await?,
        })
    }
}

/// A request that has left. Its record is kept even if the call ends before the answer.
struct Departure<'a> {
    request: Option<ObservedRequest>,
    begun: Instant,
    sent: &'a (dyn Fn(ObservedRequest) + Sync),
}

impl<'a> Departure<'a> {
    fn new(request: ObservedRequest, caller: &Sender<'a>) -> Self {
        Self { request: Some(request), begun: Instant::now(), sent: caller.sent }
    }

    /// Records the answer; nothing if the request did not leave after all.
    fn ends(&mut self, answer: &Result<VendorResponse, HttpError>) {
        let Some(request) = self.request.take() else { return };
        let status = match answer {
            Ok(answer) => Some(answer.status),
            Err(error) if error.request_sent => None,
            Err(_) => return,
        };
        (self.sent)(ObservedRequest { status, took_ms: millis_u64(self.begun.elapsed()), ..request });
    }
}

impl Drop for Departure<'_> {
    fn drop(&mut self) {
        if let Some(request) = self.request.take() {
            (self.sent)(ObservedRequest { took_ms: millis_u64(self.begun.elapsed()), ..request });
        }
    }
}

/// Masks `body` with `redactor`. A long body is searched on another thread, so that it does not block other tasks.
async fn redacted_body(redactor: Redactor, body: Vec<u8>, caller: &Sender<'_>) -> Result<Vec<u8>, HttpError> {
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

/// The error for a runtime that is shutting down: a partial response would be taken for a complete one.
fn unsearched() -> HttpError {
    HttpError {
        kind: HttpErrorKind::Unreachable,
        message: "the host is shutting down".to_owned(),
        request_sent: true,
        retry_after_ms: None,
    }
}

/// The error for a request that its limits did not let out. A ledger that cannot be reached says nothing about the vendor.
fn not_entered(declared: &DeclaredOperation, refusal: NotEntered) -> HttpError {
    let limits: Vec<_> = declared.limits.iter().map(|limit| limit.name.as_str()).collect();
    let (operation, limits) = (&declared.name, limits.join(", "));
    match refusal {
        NotEntered::Full(full) => HttpError {
            retry_after_ms: full.for_another.map(millis_u64),
            ..not_sent(
                HttpErrorKind::RateLimited,
                format!("operation {operation}: the vendor's limits are reached ({limits})"),
            )
        },
        NotEntered::Unreachable(why) => not_sent(
            HttpErrorKind::HostUnavailable,
            format!(
                "operation {operation}: cannot determine whether the vendor's limits are reached ({limits}): {why}"
            ),
        ),
    }
}

fn out_of_time(declared: &DeclaredOperation) -> HttpError {
    not_sent(
        HttpErrorKind::BudgetSpent,
        format!("operation {}: the call's time is used up (limits.wall-ms)", declared.name),
    )
}

fn truncated_error(declared: &DeclaredOperation) -> HttpError {
    HttpError {
        request_sent: true,
        ..not_sent(
            HttpErrorKind::TimedOut,
            format!(
                "operation {}: the call's time was used up before the response arrived (limits.wall-ms)",
                declared.name
            ),
        )
    }
}
