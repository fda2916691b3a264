//! What carries out one kind of request. The queue asks for it at three moments: when a request is accepted, when it is
//! attempted, and inside the transaction that stores the attempt's end.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use host_harness::sandbox::{Calls, UNTOLD};
use host_model::{
    consent::outbound::Requested,
    contract::Interface,
    requests::{
        Action, Step,
        outcome::AttemptResult,
        retry::{After, Failure},
    },
};
use host_store::{
    Connection, Keys, StoreError,
    details::Details,
    person::PersonId,
    queue::{Change, Claim},
};
use serde_json::Value;

use super::about::About;

/// What is asked for a person.
#[derive(Clone, Debug)]
pub enum Asked {
    /// Erase them.
    Erasure,
    /// Make the vendor hold their choices.
    Consent(Requested),
    /// Read what the vendor holds for them.
    Reading,
}

impl Asked {
    pub(crate) fn action(&self) -> Action {
        match self {
            Self::Erasure => Action::Erasure,
            Self::Consent(_) => Action::Consent,
            Self::Reading => Action::Reading,
        }
    }
}

/// What a request is stored with.
pub struct Prepared {
    /// What it holds of its person.
    pub(crate) details: Details,
    /// What is known of its outcome already.
    pub(crate) outcome: Option<Value>,
    /// Another request of the person that follows it, if any.
    pub(crate) followed_by: Option<(Action, Box<Prepared>)>,
}

impl Prepared {
    /// With these details alone.
    pub(crate) fn with(details: Details) -> Self {
        Self { details, outcome: None, followed_by: None }
    }
}

/// Carries out one kind of request.
pub trait Handler: Send + Sync {
    /// What a connector has to offer for it.
    fn interface(&self) -> Interface;

    /// How many requests go into one call at `step`; `None` if each has a call of its own.
    fn at_once(&self, _step: Step) -> Option<usize> {
        None
    }

    /// Prepares what was asked under the id `request`, in the transaction that stores it.
    fn prepare<'t>(
        &'t self,
        tx: &'t mut Connection,
        keys: &'t Keys,
        about: &'t About<'t>,
        asked: &'t Asked,
        request: &'t str,
    ) -> BoxFuture<'t, Result<Prepared, StoreError>>;

    /// Asks the sandbox for what these claims of one lane need. Each claim comes back.
    fn attempt<'a>(
        &'a self,
        calls: &'a Calls,
        claims: Vec<(Claim, Details)>,
    ) -> BoxFuture<'a, Vec<(Claim, Came)>>;

    /// What the end of a request means whose details cannot be read, beside the request itself.
    fn settle_unreadable(&self) -> Option<Box<dyn Settle>> {
        None
    }
}

/// Does what an attempt's end means beside the request itself.
pub trait Settle: Send + Sync {
    /// In the transaction that stores the end. Returns the outcome to show, if it is another one than before.
    fn settle<'t>(
        &'t self,
        tx: &'t mut Connection,
        ending: &'t Ending<'t>,
    ) -> BoxFuture<'t, Result<Option<Value>, StoreError>>;
}

/// The end of an attempt that is about to be stored.
pub struct Ending<'a> {
    pub(crate) keys: &'a Keys,
    pub(crate) claim: &'a Claim,
    pub(crate) person: PersonId,
    pub(crate) change: &'a Change,
}

/// What came of one claimed request.
pub struct Came {
    pub(crate) after: After,
    /// For the record.
    pub(crate) result: AttemptResult,
    /// What is shown of the request from now on, if anything.
    pub(crate) outcome: Option<Value>,
    /// Whether the vendor took the request.
    pub(crate) is_acknowledged: bool,
    /// The vendor's reference to it.
    pub(crate) reference: Option<String>,
    /// What the request holds of its person from now on, sealed, if it changed.
    pub(crate) sealed_details: Option<Vec<u8>>,
    /// What else the end means.
    pub(crate) settle: Option<Box<dyn Settle>>,
    /// Until then the person's next call waits.
    pub(crate) settles_after: Duration,
    /// Whether another request of the same call says what its end means for the connection.
    pub(crate) is_told: bool,
}

impl Came {
    /// This, and nothing beside it.
    pub(crate) fn of(after: After, result: AttemptResult) -> Self {
        Self {
            after,
            result,
            outcome: None,
            is_acknowledged: false,
            reference: None,
            sealed_details: None,
            settle: None,
            settles_after: Duration::ZERO,
            is_told: false,
        }
    }

    /// An attempt of `claim` without an answer.
    pub(crate) fn failed(claim: &Claim, failure: &Failure, after: After) -> Self {
        let untold = failure.may_have_acted() && claim.step == Step::Act;
        let settles_after = if untold { UNTOLD } else { Duration::ZERO };
        Self { outcome: claim.outcome.clone(), settles_after, ..Self::of(after, failure.record()) }
    }
}

/// The handler of each kind of request. Clones share them.
#[derive(Clone)]
pub struct Handlers {
    /// Of erasures.
    pub(crate) erasure: Arc<dyn Handler>,
    /// Of choices.
    pub(crate) consent: Arc<dyn Handler>,
    /// Of readings.
    pub(crate) reading: Arc<dyn Handler>,
}

impl Handlers {
    /// That of `action`.
    pub(crate) fn of(&self, action: Action) -> &dyn Handler {
        match action {
            Action::Erasure => &*self.erasure,
            Action::Consent => &*self.consent,
            Action::Reading => &*self.reading,
        }
    }
}
