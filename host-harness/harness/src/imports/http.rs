//! `http.send`: the only way to send requests, through [`Egress`](crate::egress::Egress).
//! Tested in `tests/all/egress`.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use crate::{
    bindings::contract::http,
    egress::{Sender, TraceEvent},
    sandbox::state::CallState,
};
use host_model::contract::http::{HttpError, HttpErrorKind, Request, Response};

/// The size of a pair of strings in addition to its characters.
const PAIR: usize = size_of::<(String, String)>();

impl http::Host for CallState {
    async fn send(
        &mut self,
        request: http::Request,
    ) -> wasmtime::Result<Result<http::Response, http::Error>> {
        self.handed.count(size(&request))?;
        // Waiting for the vendor is not charged as computing.
        self.host_time.pause();
        let elsewhere = AtomicU64::new(0);
        let answer = self.answer(request, &elsewhere).await;
        self.host_time.add(Duration::from_micros(elsewhere.into_inner()));
        self.host_time.resume();
        answer
    }
}

impl CallState {
    /// Sends the request, and adds the microseconds that other threads compute for the call to `elsewhere`.
    async fn answer(
        &mut self,
        request: http::Request,
        elsewhere: &AtomicU64,
    ) -> wasmtime::Result<Result<http::Response, http::Error>> {
        let within_budget = self.meter.request(self.requests_allowed);
        let meter = std::sync::Arc::clone(&self.meter);
        let allowed = self.requests_allowed;
        let access = self.access("http.send")?;
        if !within_budget {
            return Ok(Err(budget_spent(allowed)));
        }
        let request = Request {
            operation: request.operation,
            values: request.values,
            query: request.query,
            body: request.body,
        };
        let named = access.people.named_in(&request);
        if let Some(trace) = &access.trace {
            trace.trace(&TraceEvent::Asked(request.clone()));
        }
        let caller = Sender {
            connection: &access.connection,
            declaration: &access.declaration,
            interface: access.interface,
            deadline: access.deadline,
            trace: access.trace.as_ref(),
            // Called before the request is sent: a call that ends in the meantime must not be reported as not done.
            departs: &|| meter.acting(),
            sent: &|sent| meter.sent(sent, named.clone()),
            computed: &|took| {
                elsewhere.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Relaxed);
            },
        };
        let answer = access.egress.send(&caller, request).await;
        if answer.as_ref().is_err_and(|error| error.kind == HttpErrorKind::HostUnavailable) {
            meter.host_unavailable();
        }
        Ok(answer.map(response).map_err(error))
    }
}

/// Returns the size of a request in bytes.
fn size(request: &http::Request) -> usize {
    let pairs = request.values.iter().chain(&request.query);
    let texts: usize = pairs.map(|(name, value)| PAIR + name.len() + value.len()).sum();
    request.operation.len() + texts + request.body.as_ref().map_or(0, Vec::len)
}

fn budget_spent(allowed: u32) -> http::Error {
    error(HttpError {
        kind: HttpErrorKind::BudgetSpent,
        message: format!("this call has used up its {allowed} requests (limits.requests)"),
        request_sent: false,
        retry_after_ms: None,
    })
}

fn response(response: Response) -> http::Response {
    http::Response {
        status: response.status,
        headers: response.headers,
        retry_after_ms: response.retry_after_ms,
        body: response.body,
    }
}

fn error(error: HttpError) -> http::Error {
    http::Error {
        kind: match error.kind {
            HttpErrorKind::Denied => http::ErrorKind::Denied,
            HttpErrorKind::NoCredential => http::ErrorKind::NoCredential,
            HttpErrorKind::RateLimited => http::ErrorKind::RateLimited,
            HttpErrorKind::TimedOut => http::ErrorKind::TimedOut,
            HttpErrorKind::HostUnavailable if error.request_sent => http::ErrorKind::TimedOut,
            HttpErrorKind::Unreachable | HttpErrorKind::HostUnavailable => http::ErrorKind::Unreachable,
            HttpErrorKind::TooLarge => http::ErrorKind::TooLarge,
            HttpErrorKind::BudgetSpent => http::ErrorKind::BudgetSpent,
        },
        message: error.message,
        request_sent: error.request_sent,
        retry_after_ms: error.retry_after_ms,
    }
}
