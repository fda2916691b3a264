//! The calls that can be made on a connection, each a sentence: `calls.erase(subject).await`.

#[cfg(feature = "measure")]
pub mod measure;
mod room;
mod runtime;
mod turns;

pub use runtime::Runtime;
pub use turns::{LONGEST_SETTLING, UNTOLD};

use std::{future::Future, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    bindings::{self, Bounded, contract::types},
    connection::Connection,
    door::Admitted,
    egress::{Egress, Trace},
    plugin::{Exports, Plugin},
    sandbox::{
        about::About,
        failure::{failed, failure_of, masked},
        instance::Sandbox,
        masks::Masks,
        meter::Meter,
        state::Access,
    },
};
use host_model::{
    contract::{
        Check, ConnectorError, ErrorKind, Interface, Subject, TokenOutcome,
        consent::{Held, Item, Preference, Report},
        erasure::{PendingErasure, Receipt},
        webhook::Verdict,
    },
    failure::{CallFailure, FailureKind},
    secret::Secret,
};

/// The guest's answer, or how the sandbox ended the call: two different things.
pub type CallResult<T> = Result<Result<T, ConnectorError>, CallFailure>;

/// Calls a function of a capability in a sandbox of its own, about somebody; the connection's settings are its first
/// argument.
macro_rules! ask {
    ($calls:expr, $about:expr, $placeholder:expr, $interface:ident, $capability:ident.$function:ident($($argument:expr),*)) => {
        $calls
            .call(
                Interface::$interface,
                $about,
                $placeholder,
                |exports| exports.$capability(),
                |mut sandbox, capability, settings| async move {
                    capability.$function.call(&mut sandbox, (settings, $($argument),*)).await
                },
            )
            .await
    };
}

/// The calls of one connection, on the plugin version that was current when it was asked for.
#[derive(Clone)]
pub struct Calls {
    runtime: Runtime,
    plugin: Arc<Plugin>,
    connection: Arc<Connection>,
    trace: Option<Trace>,
}

impl Calls {
    /// The calls of `connection` on `plugin`, which was loaded with the runtime's engine.
    pub fn new(runtime: Runtime, plugin: Arc<Plugin>, connection: Arc<Connection>) -> Self {
        Self { runtime, plugin, connection, trace: None }
    }

    /// The same calls, each request shown to `trace` as it was sent, credentials masked.
    #[must_use]
    pub fn traced(mut self, trace: Trace) -> Self {
        self.trace = Some(trace);
        self
    }

    /// The same calls through another way out, such as one that sends nothing.
    #[must_use]
    pub fn through(mut self, egress: Arc<Egress>) -> Self {
        self.runtime = self.runtime.through(egress);
        self
    }

    /// The same calls with `token` as the one that [`install_token`](Self::install_token) hands over, kept out of answers
    /// and logs like every other secret of theirs; at least six characters, or it would be found in innocent text. Which
    /// deliveries are accepted stays as it is: put the connection with the token among the accepted ones before.
    #[must_use]
    pub fn installing(mut self, token: Secret) -> Self {
        self.connection = Arc::new(self.connection.installing(token));
        self
    }

    /// The plugin version that these calls run on.
    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.plugin
    }

    /// The connection that these calls are for.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Tries what each capability needs, changing nothing at the vendor.
    pub async fn test_connection(&self) -> CallResult<Vec<Check>> {
        ask!(self, About::Nobody, None, Connector, connector.test_connection())
    }

    /// Erases the person under every identifier that the connection can act on.
    pub async fn erase(&self, subject: &Subject) -> CallResult<Receipt> {
        let _turn = self.runtime.turns().take(&self.connection, subject).await;
        let (about, subject) = (About::People(vec![subject.clone()]), bindings::subject(subject));
        ask!(self, about, None, Erasure, erasure.erase(subject))
    }

    /// Looks whether erasures have taken effect: one receipt for each, in their order.
    pub async fn confirm(&self, erasures: &[PendingErasure]) -> CallResult<Vec<Receipt>> {
        let asked = erasures.len();
        let about = About::People(erasures.iter().map(|erasure| erasure.subject.clone()).collect());
        let erasures = bindings::erasures(erasures);
        let answer = ask!(self, about, None, Erasure, erasure.confirm(erasures))?;
        as_many(answer, asked, "receipts", Vec::len)
    }

    /// All items that preferences can name.
    pub async fn list_items(&self) -> CallResult<Vec<Item>> {
        ask!(self, About::Nobody, None, Consent, consent.list_items())
    }

    /// What the vendor holds for the person now; none where the person is unknown to it.
    pub async fn current(&self, subject: &Subject) -> CallResult<Option<Vec<Held>>> {
        let _turn = self.runtime.turns().take(&self.connection, subject).await;
        let (about, subject) = (About::People(vec![subject.clone()]), bindings::subject(subject));
        ask!(self, about, None, Consent, consent.current(subject))
    }

    /// Makes the vendor hold exactly these choices and leaves every other as it is. Waits where the person's last call
    /// has not settled yet: see [`Report::settles_after_ms`].
    pub async fn apply(&self, subject: &Subject, preferences: &[Preference]) -> CallResult<Report> {
        let mut turn = self.runtime.turns().take(&self.connection, subject).await;
        turn.may_write();
        let asked = preferences.len();
        let about = About::People(vec![subject.clone()]);
        let (subject, preferences) = (bindings::subject(subject), bindings::preferences(preferences));
        let answer = ask!(self, about, None, Consent, consent.apply(subject, preferences));
        if let Some(wait) = settling(&answer) {
            turn.settles_after(wait);
        }
        as_many(answer?, asked, "item reports", |report| report.items.len())
    }

    /// Checks that a delivery is the vendor's and reads it.
    pub async fn verify(&self, admitted: &Admitted) -> CallResult<Verdict> {
        let about = About::Delivery(admitted.shared());
        let delivery = bindings::delivery(admitted.delivery());
        ask!(self, about, admitted.placeholder(), WebhookVerify, webhook_verify.verify(delivery))
    }

    /// Hands the vendor the token that the connection holds ready.
    pub async fn install_token(&self) -> CallResult<TokenOutcome> {
        ask!(self, About::Nobody, None, WebhookToken, webhook_token.install())
    }

    async fn call<'a, G: 'a, T, F>(
        &'a self,
        interface: Interface,
        about: About,
        accepted_placeholder: Option<String>,
        capability: impl FnOnce(&'a Exports) -> Option<&'a G>,
        run: impl FnOnce(Sandbox, &'a G, Arc<types::Settings>) -> F,
    ) -> CallResult<T::Own>
    where
        T: Bounded,
        F: Future<Output = wasmtime::Result<Result<T, types::Error>>>,
    {
        let Some(capability) = capability(self.plugin.exports_of_calls()) else {
            return Ok(Err(unsupported(&self.plugin, interface)));
        };
        let meter = Arc::new(Meter::default());
        let masks = Arc::new(Masks::new(self.connection.redactor.clone(), about));
        let limits = &self.connection.limits;
        let deadline = limits.over_at();
        let work = async {
            let Some(_place) = self.runtime.room().enter(&self.connection.tenant).await else {
                return Err(failed(FailureKind::NoRoom, "the host is going down", &meter));
            };
            let sandbox = Sandbox::begin(
                self.plugin.pre(),
                limits,
                Some(self.access(interface, accepted_placeholder, Arc::clone(&masks), deadline)),
                Arc::clone(&meter),
            )
            .await;
            let answer = match sandbox {
                Ok(sandbox) => {
                    let settings = Arc::new(bindings::settings(&self.connection.settings));
                    run(sandbox, capability, settings).await
                }
                Err(error) => Err(error),
            };
            // Still in its place: what is bounded and masked here takes time too.
            let answer = answer.map_err(|error| failure_of(&error, &meter));
            let own = answer.and_then(|answer| own(answer, &masks, &meter));
            own.map_err(|failure| masked(failure, &masks))
        };
        let late = |_| {
            let detail = format!("{} ms are over (limits.wall-ms)", limits.wall_ms);
            failed(FailureKind::DeadlinePassed, detail, &meter)
        };
        tokio::time::timeout_at(deadline, work).await.map_err(late).flatten()
    }

    /// What a call of `interface` may reach.
    fn access(
        &self,
        interface: Interface,
        accepted_placeholder: Option<String>,
        masks: Arc<Masks>,
        deadline: Instant,
    ) -> Access {
        Access {
            interface,
            connection: Arc::clone(&self.connection),
            declaration: Arc::clone(self.plugin.declaration()),
            egress: Arc::clone(self.runtime.egress()),
            trace: self.trace.clone(),
            deadline,
            masks,
            accepted_placeholder,
        }
    }
}

/// The guest's answer as the host's own: bounded, and without what `masks` finds.
fn own<T: Bounded>(answer: Result<T, types::Error>, masks: &Masks, meter: &Meter) -> CallResult<T::Own> {
    let bad = |unfit| failed(FailureKind::BadAnswer, format!("it answered with {unfit}"), meter);
    match answer {
        Ok(value) => value.bounded(masks).map(Ok).map_err(bad),
        Err(error) => error.bounded(masks).map(Err).map_err(bad),
    }
}

/// How long until the vendor shows what a call wrote; none where nobody knows what that was.
fn settling(answer: &CallResult<Report>) -> Option<Duration> {
    let untold = match answer {
        Ok(Ok(report)) => {
            let wait = Duration::from_millis(report.settles_after_ms.unwrap_or(0));
            return Some(wait.min(LONGEST_SETTLING));
        }
        Ok(Err(error)) => error.may_have_acted,
        Err(failure) => failure.may_have_acted,
    };
    (!untold).then_some(Duration::ZERO)
}

fn unsupported(plugin: &Plugin, interface: Interface) -> ConnectorError {
    ConnectorError {
        kind: ErrorKind::Unsupported,
        code: "NotOffered".to_owned(),
        message: format!("the connector {} does not offer {interface}", plugin.manifest().name),
        retry_after_ms: None,
        may_have_acted: false,
    }
}

/// A list that answers another list must be as long.
fn as_many<T>(
    answer: Result<T, ConnectorError>,
    asked: usize,
    what: &str,
    count: impl Fn(&T) -> usize,
) -> CallResult<T> {
    match answer {
        Ok(value) if count(&value) != asked => Err(CallFailure {
            kind: FailureKind::BadAnswer,
            detail: format!("it answered with {} {what} for {asked}", count(&value)),
            // It was asked to act, and what it did is not known.
            may_have_acted: true,
        }),
        answer => Ok(answer),
    }
}

#[cfg(test)]
mod tests;
