//! The calls that can be made on a connection, such as `calls.erase(subject).await`.

#[cfg(feature = "measure")]
pub mod measure;
mod recorder;
mod room;
mod runtime;
mod turns;
mod witness;

pub use recorder::{CallsRecord, Recorder};
pub use runtime::Runtime;
pub use turns::{DEFAULT_SETTLING, MAX_SETTLING};

use std::{future::Future, sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::{
    bindings::{self, Bounded, contract::types},
    connection::Connection,
    door::AdmittedDelivery,
    egress::{Amount, CallUsage, Egress, Trace, TraceEvent},
    engine::Engine,
    plugin::{Exports, InUse, Plugin},
    sandbox::{
        call_subject::CallSubject,
        failure::{failed, failure_of, masked},
        instance::Sandbox,
        masks::Masks,
        meter::Meter,
        people_search::PeopleSearch,
        state::Access,
    },
};
use host_model::{
    contract::{
        Check, Claim, ConnectorError, ErrorKind, Interface, Subject, TokenOutcome,
        consent::{Item, Preference, Report, VendorChoice},
        erasure::{PendingErasure, Receipt},
        support::Support,
        webhook::Verdict,
    },
    failure::{CallFailure, FailureKind},
    secret::Secret,
};
use witness::{CalledAnswer, Witness, check_length};

/// The guest's answer, which may be an error, or the way in which the sandbox ended the call.
pub type CallResult<T> = Result<Result<T, ConnectorError>, CallFailure>;

/// Calls a function of a capability in a new sandbox on behalf of a person. The connection's settings are its first
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

/// The calls of one connection, on the plugin version that was current when the value was obtained. That version counts
/// it as a call in flight.
#[derive(Clone)]
pub struct Calls {
    runtime: Runtime,
    plugin: InUse<Plugin>,
    connection: Arc<Connection>,
    trace: Option<Trace>,
    recorder: Option<Recorder>,
    log_permit: Option<LogPermit>,
}

/// Counts a log line. Returns whether it may be written.
type LogPermit = Arc<dyn Fn() -> bool + Send + Sync>;

impl Calls {
    /// Creates the calls of `connection` on `plugin`, which must have been loaded with the runtime's engine.
    pub fn new(runtime: Runtime, plugin: impl Into<InUse<Plugin>>, connection: Arc<Connection>) -> Self {
        Self { runtime, plugin: plugin.into(), connection, trace: None, recorder: None, log_permit: None }
    }

    /// Reports each request to `trace` as it was sent, with credentials masked.
    #[must_use]
    pub fn traced(mut self, trace: Trace) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Records what the host observes in each call, also in one that fails.
    #[must_use]
    pub fn recorded(mut self, recorder: Recorder) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// Asks `permit` before the host logs that the sandbox ended a call, for calls that anyone can cause. What the
    /// connector logs itself is not affected.
    #[must_use]
    pub fn logged_if(mut self, permit: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.log_permit = Some(Arc::new(permit));
        self
    }

    /// Counts a log line about the end of a call. Returns whether it may be written.
    pub fn permits_line(&self) -> bool {
        self.log_permit.as_ref().is_none_or(|permit| permit())
    }

    /// Replaces the egress, for example with one that sends nothing.
    #[must_use]
    pub fn with_egress(mut self, egress: Arc<Egress>) -> Self {
        self.runtime = self.runtime.with_egress(egress);
        self
    }

    /// Sets the token that [`install_token`](Self::install_token) installs. It is masked in responses and logs like
    /// every other secret, and must have at least six characters so that ordinary text is not masked. This does not
    /// change which deliveries are accepted: add the token to the connection's accepted tokens first.
    #[must_use]
    pub fn installing(mut self, token: Secret) -> Self {
        self.connection = Arc::new(self.connection.installing(token));
        self
    }

    /// Returns the plugin version that these calls run on.
    pub fn plugin(&self) -> &InUse<Plugin> {
        &self.plugin
    }

    /// Returns the connection that these calls are for.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Returns the engine that these calls run on.
    pub(crate) fn engine(&self) -> &Arc<Engine> {
        self.runtime.engine()
    }

    /// Tests the requirements of each capability without changing anything at the vendor.
    pub async fn test_connection(&self) -> CallResult<Vec<Check>> {
        let called = ask!(self, CallSubject::Nobody, None, Connector, connector.test_connection());
        called.vouched(self.recorder.as_ref(), Witness::of_any)
    }

    /// Erases the person under every identifier that the connection can act on. A receipt that the call's requests
    /// contradict is a [`FailureKind::BadAnswer`].
    pub async fn erase(&self, subject: &Subject) -> CallResult<Receipt> {
        let _turn = self.runtime.turns().take(&self.connection, subject).await;
        let (about, subject) = (CallSubject::People(vec![subject.clone()]), bindings::subject(subject));
        let called = ask!(self, about, None, Erasure, erasure.erase(subject));
        called.vouched(self.recorder.as_ref(), Witness::of_erase)
    }

    /// Checks whether erasures have taken effect. Returns one receipt for each, in the same order. If the call's requests
    /// contradict one of them, the whole answer is a [`FailureKind::BadAnswer`].
    pub async fn confirm(&self, erasures: &[PendingErasure]) -> CallResult<Vec<Receipt>> {
        match self.confirm_each(erasures).await? {
            Ok(receipts) => receipts.into_iter().collect::<Result<_, _>>().map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }

    /// Checks whether erasures have taken effect. Returns one receipt for each, in the same order. A receipt that the
    /// call's requests contradict is a [`FailureKind::BadAnswer`] in its place, and does not affect the others.
    pub async fn confirm_each(
        &self,
        erasures: &[PendingErasure],
    ) -> CallResult<Vec<Result<Receipt, CallFailure>>> {
        let asked = erasures.len();
        let about = CallSubject::Erasures(erasures.to_vec());
        let erasures = bindings::erasures(erasures);
        let called = ask!(self, about, None, Erasure, erasure.confirm(erasures));
        called.vouched(self.recorder.as_ref(), |witness, receipts| {
            check_length("receipts", receipts.len(), asked)?;
            let receipts = receipts.into_iter().enumerate();
            Ok(receipts.map(|(position, receipt)| witness.of_confirm(position, receipt)).collect())
        })
    }

    /// Lists all items that preferences can refer to.
    pub async fn list_items(&self) -> CallResult<Vec<Item>> {
        let called = ask!(self, CallSubject::Nobody, None, Consent, consent.list_items());
        called.vouched(self.recorder.as_ref(), Witness::of_any)
    }

    /// Returns the choices that the vendor currently holds for the person, or `None` if it does not know the person. An
    /// answer without a request that supports it is a [`FailureKind::BadAnswer`].
    pub async fn current(&self, subject: &Subject) -> CallResult<Option<Vec<VendorChoice>>> {
        let _turn = self.runtime.turns().take(&self.connection, subject).await;
        let (about, subject) = (CallSubject::People(vec![subject.clone()]), bindings::subject(subject));
        let called = ask!(self, about, None, Consent, consent.current(subject));
        called.vouched(self.recorder.as_ref(), |witness, held| {
            witness.check(Claim::CurrentRead, Support::Answer)?;
            Ok(held)
        })
    }

    /// Writes these choices to the vendor and leaves all others unchanged. Waits if the person's last call has not
    /// settled yet: see [`Report::settles_after_ms`]. A report that the call's requests contradict is a
    /// [`FailureKind::BadAnswer`].
    pub async fn apply(&self, subject: &Subject, preferences: &[Preference]) -> CallResult<Report> {
        let mut turn = self.runtime.turns().take(&self.connection, subject).await;
        turn.may_write();
        let asked = preferences.len();
        let about = CallSubject::People(vec![subject.clone()]);
        let (subject, preferences) = (bindings::subject(subject), bindings::preferences(preferences));
        let called = ask!(self, about, None, Consent, consent.apply(subject, preferences));
        let answer = called.vouched(self.recorder.as_ref(), |witness, report| {
            check_length("item reports", report.items.len(), asked)?;
            witness.of_apply(report)
        });
        if let Some(wait) = settling_time(&answer) {
            turn.settles_after(wait);
        }
        answer
    }

    /// Verifies that a delivery comes from the vendor and reads it.
    pub async fn verify(&self, admitted: &AdmittedDelivery) -> CallResult<Verdict> {
        let about = CallSubject::Delivery(admitted.shared());
        let delivery = bindings::delivery(admitted.delivery());
        let called =
            ask!(self, about, admitted.placeholder(), WebhookVerify, webhook_verify.verify(delivery));
        called.vouched(self.recorder.as_ref(), Witness::of_any)
    }

    /// Installs the connection's pending token at the vendor. `Installed` without a request that supports it is a
    /// [`FailureKind::BadAnswer`].
    pub async fn install_token(&self) -> CallResult<TokenOutcome> {
        let called = ask!(self, CallSubject::Nobody, None, WebhookToken, webhook_token.install());
        called.vouched(self.recorder.as_ref(), |witness, outcome| {
            if outcome == TokenOutcome::Installed {
                witness.check(Claim::TokenInstalled, Support::AcceptedWrite)?;
            }
            Ok(outcome)
        })
    }

    async fn call<'a, G: 'a, T, F>(
        &'a self,
        interface: Interface,
        about: CallSubject,
        accepted_placeholder: Option<String>,
        capability: impl FnOnce(&'a Exports) -> Option<&'a G>,
        run: impl FnOnce(Sandbox, &'a G, Arc<types::Settings>) -> F,
    ) -> CalledAnswer<T::Own>
    where
        T: Bounded,
        F: Future<Output = wasmtime::Result<Result<T, types::Error>>>,
    {
        let meter = Arc::new(Meter::default());
        let Some(capability) = capability(self.plugin.exports_of_calls()) else {
            let answer = Ok(Err(unsupported(&self.plugin, interface)));
            return CalledAnswer { answer, witness: Witness::of(&self.plugin, &meter) };
        };
        let people = PeopleSearch::new(&about);
        let masks = Arc::new(Masks::new(self.connection.redactor.clone(), about));
        let limits = &self.connection.limits;
        let deadline = limits.deadline();
        let work = async {
            let Some(_place) = self.runtime.room().enter(&self.connection.tenant).await else {
                return Err(failed(FailureKind::NoRoom, "the host is shutting down", &meter));
            };
            let sandbox = Sandbox::begin(
                self.plugin.pre(),
                limits,
                Some(self.access(interface, accepted_placeholder, people, Arc::clone(&masks), deadline)),
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
            // The call still occupies its place: limiting and masking the answer takes time too.
            let answer = answer.map_err(|error| failure_of(&error, &meter));
            let own = answer.and_then(|answer| from_guest(answer, &masks, &meter));
            own.map_err(|failure| masked(failure, &masks))
        };
        let late = |_| {
            let detail = format!("{} ms have passed (limits.wall-ms)", limits.wall_ms);
            failed(FailureKind::DeadlinePassed, detail, &meter)
        };
        let answer = tokio::time::timeout_at(deadline, work).await.map_err(late).flatten();
        self.report(interface, &meter, masks.masked(), answer.as_ref().err());
        CalledAnswer { answer, witness: Witness::of(&self.plugin, &meter) }
    }

    /// Logs which functions the sandbox stopped, and traces what the call used.
    fn report(&self, interface: Interface, meter: &Meter, masked_texts: u32, failure: Option<&CallFailure>) {
        let Connection { tenant, key, limits, .. } = &*self.connection;
        let in_functions = failure.filter(|_| !meter.frames().is_empty());
        if let Some(failure) = in_functions.filter(|_| self.permits_line()) {
            tracing::info!(
                %tenant,
                connection = key,
                interface = interface.as_ref(),
                plugin = self.plugin.manifest().name,
                version = self.plugin.manifest().version,
                cause = failure.kind.to_string(),
                at = meter.frames().join(" < "),
                "the sandbox ended a call"
            );
        }
        if let Some(trace) = &self.trace {
            let usage = CallUsage {
                interface,
                computing: Amount { used: meter.computing(), limit: Duration::from_millis(limits.cpu_ms) },
                memory: Amount { used: meter.memory_bytes(), limit: limits.memory_bytes },
                requests: Amount { used: meter.requests(), limit: limits.requests },
                masked_texts,
                frames: meter.frames().to_vec(),
            };
            trace.trace(&TraceEvent::Call(usage));
        }
    }

    /// Returns what a call of `interface` may access.
    fn access(
        &self,
        interface: Interface,
        accepted_placeholder: Option<String>,
        people: PeopleSearch,
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
            people,
            masks,
            accepted_placeholder,
        }
    }
}

/// Converts the guest's answer to the host's types, limited and masked.
fn from_guest<T: Bounded>(
    answer: Result<T, types::Error>,
    masks: &Masks,
    meter: &Meter,
) -> CallResult<T::Own> {
    let bad = |unfit| failed(FailureKind::BadAnswer, format!("it answered with {unfit}"), meter);
    match answer {
        Ok(value) => value.bounded(masks).map(Ok).map_err(bad),
        Err(error) => error.bounded(masks).map(Err).map_err(bad),
    }
}

/// Returns how long the vendor takes to show what a call wrote, or `None` if it is unknown what was written.
fn settling_time(answer: &CallResult<Report>) -> Option<Duration> {
    let untold = match answer {
        Ok(Ok(report)) => {
            let wait = Duration::from_millis(report.settles_after_ms.unwrap_or(0));
            return Some(wait.min(MAX_SETTLING));
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

#[cfg(test)]
mod tests;
