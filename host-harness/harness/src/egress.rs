//! The one way out. A request is permitted, filled, counted and sent, and its answer cleaned, each in a file of its own.

mod captured;
mod credentials;
mod declaration;
mod fill;
mod ledger;
mod limiter;
mod network;
mod permit;
mod places;
pub mod retry_after;
mod template;
mod trace;
mod transport;

pub use declaration::{Declaration, ManifestError};
pub use ledger::{Leave, Ledger, NotEntered};
pub use limiter::Full;
pub use network::client;
pub use network::{Lookup, Network, SystemLookup};
pub use places::is_long;
pub(crate) use retry_after::retry_after;
pub use trace::{Exchange, Trace};
pub use transport::{Answer, DryRun, Outgoing, Transport};

use std::{fmt, sync::Arc, time::Duration};

use tokio::time::{Instant, timeout_at};

#[cfg(any(test, feature = "measure"))]
pub use crate::connection::BUILT;
pub use crate::connection::{Reach, Target, TargetError};

use crate::{
    clock::{Clock, SystemClock},
    connection::{Connection, Redactor},
};
use captured::Captured;
use credentials::{Secrets, renewable};
use declaration::Declared;
use fill::Fillings;
use host_model::{
    contract::{
        Interface,
        http::{HttpError, HttpErrorKind, Request, Response},
    },
    time::millis_u64,
};
use ledger::InMemory;
use limiter::Limiter;
use places::Places;

/// What is left of a call when its last request must have ended, so that the guest can still say so.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// A longer body takes more than a millisecond to search.
const QUICK_BYTES: usize = 64 << 10;

/// The way out of every call. Lives as long as the process, with the limits and captured secrets of every connection.
pub struct Egress {
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    places: Places,
    captured: Captured,
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Egress")
    }
}

/// Who sends: one call of one connection.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// The connection, with its policy and secrets.
    pub connection: &'a Connection,
    /// What its plugin declares.
    pub declaration: &'a Declaration,
    /// The interface that was called.
    pub interface: Interface,
    /// When the call ends.
    pub deadline: Instant,
    /// Is told each exchange.
    pub trace: Option<&'a Trace>,
    /// Told when a request that may change something is about to leave.
    pub departs: &'a (dyn Fn() + Sync),
    /// Called with how long another thread computed for the call.
    pub computed: &'a (dyn Fn(Duration) + Sync),
}

impl Egress {
    /// A way out through `transport`, by the machine's clock.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self::by_clock(transport, Arc::new(SystemClock::default()))
    }

    /// The same, by another clock.
    pub fn by_clock(transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        let ledger = Arc::new(InMemory::new(Limiter::new(Arc::clone(&clock))));
        let places = Places { limiter: Limiter::new(Arc::clone(&clock)), ledger };
        Self { transport, places, clock, captured: Captured::default() }
    }

    /// The same, with limits of an hour and more counted in `ledger` instead of in memory.
    #[must_use]
    pub fn counting_in(mut self, ledger: Arc<dyn Ledger>) -> Self {
        self.places.ledger = ledger;
        self
    }

    /// Sends `request` for `caller`, and shows what of the answer a guest may see.
    pub async fn send(&self, caller: &Caller<'_>, request: Request) -> Result<Response, HttpError> {
        let declared = permit::permitted(caller, &request)?;
        let secrets = self.secrets(caller, declared, &Secrets::new()).await?;
        let mut answer = self.carry(caller, declared, &secrets, &request).await?;
        let refused = renewable(caller, declared, secrets);
        if answer.status == 401 && !refused.is_empty() {
            // The vendor has seen the operation once, whatever becomes of the second try.
            let seen = |error| HttpError { request_sent: true, ..error };
            let renewed = self.secrets(caller, declared, &refused).await.map_err(seen)?;
            answer = self.carry(caller, declared, &renewed, &request).await.map_err(seen)?;
        }
        self.shown(caller, declared, answer).await
    }

    /// Builds the request, waits for its limits, and sends it once.
    async fn carry(
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
    async fn shown(
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

fn not_sent(kind: HttpErrorKind, message: String) -> HttpError {
    HttpError { kind, message, request_sent: false, retry_after_ms: None }
}

fn denied(message: String) -> HttpError {
    not_sent(HttpErrorKind::Denied, message)
}

fn no_credential(message: String) -> HttpError {
    not_sent(HttpErrorKind::NoCredential, message)
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

#[cfg(test)]
mod tests;
