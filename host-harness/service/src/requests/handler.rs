//! Handlers, one for each kind of request. The queue calls a handler at three points: when a request is accepted, when
//! it is attempted, and inside the transaction that stores the attempt's end.
//! Tested in `src/requests/worker/tests.rs`.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use host_harness::sandbox::{Calls, DEFAULT_SETTLING};
use host_model::{
    consent::submitted::SubmittedChoices,
    contract::{Interface, observed::Observed},
    requests::{
        Action, Step,
        outcome::AttemptResult,
        retry::{AttemptFailure, NextStep},
    },
};
use host_store::{
    Keys, StoreError, Tx,
    details::Details,
    person::PersonId,
    queue::{ClaimedRequest, RequestUpdate},
};
use serde_json::Value;

use super::person_context::PersonContext;

/// What is requested for a person.
#[derive(Clone, Debug)]
pub enum PersonTask {
    /// Erase the person.
    Erasure,
    /// Set the person's choices at the vendor.
    Consent(SubmittedChoices),
    /// Read the person's choices at the vendor.
    Reading,
}

impl PersonTask {
    pub(crate) fn action(&self) -> Action {
        match self {
            Self::Erasure => Action::Erasure,
            Self::Consent(_) => Action::Consent,
            Self::Reading => Action::Reading,
        }
    }
}

/// The data that a request is stored with.
pub struct PreparedRequest {
    /// The personal data of the request.
    pub(crate) details: Details,
    /// The part of the outcome that is already known.
    pub(crate) outcome: Option<Value>,
    /// Another request for the person that follows this one, if any.
    pub(crate) followed_by: Option<(Action, Box<PreparedRequest>)>,
}

impl PreparedRequest {
    /// Creates the data of a request with only these details.
    pub(crate) fn with(details: Details) -> Self {
        Self { details, outcome: None, followed_by: None }
    }
}

/// The reason that a request cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// It names notices that the tenant does not have.
    #[error("it names notices that the tenant does not have")]
    UnknownNotices(Vec<String>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Carries out one kind of request.
pub trait Handler: Send + Sync {
    /// Returns the interface that the connector must offer.
    fn interface(&self) -> Interface;

    /// Returns the maximum number of requests in one call at `step`, or `None` if each request has its own call.
    fn at_once(&self, _step: Step) -> Option<usize> {
        None
    }

    /// Prepares the request with the id `request`, in the transaction that stores it.
    fn prepare<'t>(
        &'t self,
        tx: &'t mut Tx,
        keys: &'t Keys,
        about: &'t PersonContext<'t>,
        asked: &'t PersonTask,
        request: &'t str,
    ) -> BoxFuture<'t, Result<PreparedRequest, PrepareError>>;

    /// Carries out the claims of one lane in the sandbox. Returns a result for each claim.
    fn attempt<'a>(
        &'a self,
        calls: &'a Calls,
        claims: Vec<(ClaimedRequest, Details)>,
    ) -> BoxFuture<'a, Vec<(ClaimedRequest, RequestOutcome)>>;

    /// Returns what applies the end of a request whose details cannot be read, apart from the request itself.
    fn settle_unreadable(&self) -> Option<Box<dyn Settle>> {
        None
    }
}

/// Applies the consequences of an attempt's end, apart from the request itself.
pub trait Settle: Send + Sync {
    /// Runs in the transaction that stores the end. Returns the outcome to show, if it changes.
    fn settle<'t>(
        &'t self,
        tx: &'t mut Tx,
        ending: &'t AttemptEnding<'t>,
    ) -> BoxFuture<'t, Result<Option<Value>, StoreError>>;
}

/// The end of an attempt that is about to be stored.
pub struct AttemptEnding<'a> {
    pub(crate) keys: &'a Keys,
    pub(crate) claim: &'a ClaimedRequest,
    pub(crate) person: PersonId,
    pub(crate) change: &'a RequestUpdate,
}

/// The result of one claimed request.
pub struct RequestOutcome {
    pub(crate) after: NextStep,
    /// The result for the list of attempts.
    pub(crate) result: AttemptResult,
    /// What the host observed. `None` for the record of the attempt's calls as a whole.
    pub(crate) observed: Option<Observed>,
    /// The outcome to show from now on, if any.
    pub(crate) outcome: Option<Value>,
    /// Whether the vendor accepted the request.
    pub(crate) is_acknowledged: bool,
    /// The vendor's reference for the request.
    pub(crate) reference: Option<String>,
    /// The new personal data of the request, sealed, if it changed.
    pub(crate) sealed_details: Option<Vec<u8>>,
    /// Applies further consequences of the end.
    pub(crate) settle: Option<Box<dyn Settle>>,
    /// How long the person's next call must wait.
    pub(crate) settles_after: Duration,
    /// Whether it is a failure that another version of the plugin, or a confirmation without the reference, may not have.
    pub(crate) is_about_the_reference: bool,
    /// Whether another request of the same call already accounts for the end at the connection.
    pub(crate) is_told: bool,
}

impl RequestOutcome {
    /// Creates a result without further consequences.
    pub(crate) fn of(after: NextStep, result: AttemptResult) -> Self {
        Self {
            after,
            result,
            observed: None,
            outcome: None,
            is_acknowledged: false,
            reference: None,
            sealed_details: None,
            settle: None,
            settles_after: Duration::ZERO,
            is_about_the_reference: false,
            is_told: false,
        }
    }

    /// Creates the result of an attempt of `claim` that failed without an answer.
    pub(crate) fn failed(claim: &ClaimedRequest, failure: &AttemptFailure, after: NextStep) -> Self {
        let untold = failure.may_have_acted() && claim.step == Step::Act;
        let settles_after = if untold { DEFAULT_SETTLING } else { Duration::ZERO };
        Self { outcome: claim.outcome.clone(), settles_after, ..Self::of(after, failure.record()) }
    }
}

/// The handler of each kind of request. Clones share them.
#[derive(Clone)]
pub struct Handlers {
    /// The handler of erasures.
    pub(crate) erasure: Arc<dyn Handler>,
    /// The handler of choices.
    pub(crate) consent: Arc<dyn Handler>,
    /// The handler of readings.
    pub(crate) reading: Arc<dyn Handler>,
}

impl Handlers {
    /// Returns the handler of `action`.
    pub(crate) fn of(&self, action: Action) -> &dyn Handler {
        match action {
            Action::Erasure => &*self.erasure,
            Action::Consent => &*self.consent,
            Action::Reading => &*self.reading,
        }
    }
}
