//! Reads the choices that the vendor has stored for a person.
//! Tested in `src/consent/tests`.

use std::sync::Arc;

use futures::future::BoxFuture;
use host_harness::{clock::Clock, sandbox::Calls};
use host_model::{
    contract::{Interface, Subject, consent::VendorChoice},
    requests::{
        RequestState,
        outcome::{AttemptResult, Outcome, ReadOutcome},
        retry::{self, AttemptFailure, NextStep},
    },
};
use host_store::{
    Keys, StoreError, SubjectNames, Tx,
    details::{Details, WithheldEvent},
    person::PersonId,
    queue::ClaimedRequest,
    requests,
};
use serde_json::{Value, json};

use super::{after_erasure, reading};
use crate::requests::{
    handler::{AttemptEnding, Handler, PersonTask, PrepareError, PreparedRequest, RequestOutcome, Settle},
    person_context::PersonContext,
};

/// What the vendor answered about a person.
enum PersonLookup {
    Held(Vec<VendorChoice>),
    /// The vendor does not know the person.
    Nobody,
    /// The vendor gave no answer.
    Failed,
}

/// The result of reading a person at the vendor.
struct PersonReading {
    subject: Subject,
    looked: PersonLookup,
    /// When the vendor was asked.
    asked_at: i64,
    /// A withheld event that is processed if the vendor has the person.
    withheld: Option<WithheldEvent>,
}

impl PersonReading {
    /// Stores the result. Returns the request's outcome, or `None` if the reading failed.
    async fn store_reading(
        &self,
        tx: &mut Tx,
        keys: &Keys,
        claim: &ClaimedRequest,
        person: PersonId,
    ) -> Result<Option<Value>, StoreError> {
        let about = PersonContext {
            tenant: &claim.tenant,
            connection: &claim.connection,
            person,
            subject: &self.subject,
            names: &SubjectNames::at(tx, keys, &claim.connection, &self.subject).await?.identifying,
            at: self.asked_at,
        };
        let reading = match (&self.looked, &self.withheld) {
            // An unknown person has chosen nothing.
            (PersonLookup::Nobody, None) => ReadOutcome::nobody(),
            (PersonLookup::Nobody, Some(withheld)) => {
                after_erasure::drop_event(tx, keys, &about, withheld).await?;
                ReadOutcome::nobody()
            }
            (PersonLookup::Held(held), None) => {
                reading::process_reading(tx, keys, &about, held, &claim.id).await?
            }
            (PersonLookup::Held(held), Some(withheld)) => {
                after_erasure::accept_event(tx, keys, &about, withheld).await?;
                reading::process_reading(tx, keys, &about, held, &claim.id).await?
            }
            (PersonLookup::Failed, None) => return Ok(None),
            (PersonLookup::Failed, Some(withheld)) => {
                requests::release(tx, claim.seq).await?;
                after_erasure::accept_opt_outs(tx, keys, &about, withheld.clone()).await?;
                return Ok(None);
            }
        };
        Ok(Some(json!(Outcome::Reading(reading))))
    }
}

impl Settle for PersonReading {
    fn settle<'t>(
        &'t self,
        tx: &'t mut Tx,
        ending: &'t AttemptEnding<'t>,
    ) -> BoxFuture<'t, Result<Option<Value>, StoreError>> {
        Box::pin(self.store_reading(tx, ending.keys, ending.claim, ending.person))
    }
}

/// Carries out readings.
pub(crate) struct Readings {
    pub(crate) clock: Arc<dyn Clock>,
}

impl Handler for Readings {
    fn interface(&self) -> Interface {
        Interface::Consent
    }

    fn prepare<'t>(
        &'t self,
        _: &'t mut Tx,
        _: &'t Keys,
        about: &'t PersonContext<'t>,
        _: &'t PersonTask,
        _: &'t str,
    ) -> BoxFuture<'t, Result<PreparedRequest, PrepareError>> {
        Box::pin(async move { Ok(PreparedRequest::with(Details::about(about.subject))) })
    }

    fn attempt<'a>(
        &'a self,
        calls: &'a Calls,
        claims: Vec<(ClaimedRequest, Details)>,
    ) -> BoxFuture<'a, Vec<(ClaimedRequest, RequestOutcome)>> {
        Box::pin(async move {
            let mut came = Vec::new();
            for (claim, details) in claims {
                let one = self.read(calls, &claim, details, fastrand::f64()).await;
                came.push((claim, one));
            }
            came
        })
    }
}

impl Readings {
    /// Reads the person of a claim at the vendor.
    async fn read(
        &self,
        calls: &Calls,
        claim: &ClaimedRequest,
        details: Details,
        chance: f64,
    ) -> RequestOutcome {
        let read_at = self.clock.date_ms();
        let failure = match calls.current(&details.subject).await {
            Ok(Ok(held)) => {
                let read = AttemptResult::Read(held.as_ref().map(Vec::len));
                let Details { subject, withheld, .. } = details;
                let looked = held.map_or(PersonLookup::Nobody, PersonLookup::Held);
                let look = PersonReading { subject, looked, asked_at: read_at, withheld };
                return RequestOutcome {
                    settle: Some(Box::new(look)),
                    ..RequestOutcome::of(retry::finished(RequestState::Done, None), read)
                };
            }
            Ok(Err(error)) => AttemptFailure::Connector(error),
            Err(failure) => AttemptFailure::Call(failure),
        };
        let mut came = RequestOutcome::failed(
            claim,
            &failure,
            retry::after_failure(&failure, claim.step, claim.failures, chance),
        );
        if matches!(came.after, NextStep::Finished { .. }) {
            let Details { subject, withheld, .. } = details;
            let look = PersonReading { subject, looked: PersonLookup::Failed, asked_at: read_at, withheld };
            came.settle = Some(Box::new(look));
        }
        came
    }
}
