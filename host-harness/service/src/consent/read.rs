//! Reading what the vendor holds for a person.

use std::sync::Arc;

use futures::future::BoxFuture;
use host_harness::{clock::Clock, sandbox::Calls};
use host_model::{
    contract::{Interface, Subject, consent::Held},
    requests::{
        State,
        outcome::{AttemptResult, Outcome, Reading},
        retry::{self, After, Failure},
    },
};
use host_store::{
    Connection, Keys, Named, StoreError,
    details::{Details, Withheld},
    person::PersonId,
    queue::Claim,
    requests,
};
use serde_json::{Value, json};

use super::{after_erasure, reading};
use crate::requests::{
    about::About,
    handler::{Asked, Came, Ending, Handler, Prepared, Settle},
};

/// What the vendor held for a person.
enum Looked {
    Held(Vec<Held>),
    /// It does not know the person.
    Nobody,
    /// It will not say.
    Failed,
}

/// A look at what the vendor holds for a person.
struct Look {
    subject: Subject,
    looked: Looked,
    /// When it was asked.
    asked_at: i64,
    /// An event to be taken in if the person is there.
    withheld: Option<Withheld>,
}

impl Look {
    /// Takes it in. Returns the request's outcome, `None` if the look failed.
    async fn take_in(
        &self,
        tx: &mut Connection,
        keys: &Keys,
        claim: &Claim,
        person: PersonId,
    ) -> Result<Option<Value>, StoreError> {
        let about = About {
            tenant: &claim.tenant,
            connection: &claim.connection,
            person,
            subject: &self.subject,
            names: &Named::at(tx, keys, &claim.connection, &self.subject).await?.identifying,
            at: self.asked_at,
        };
        let reading = match (&self.looked, &self.withheld) {
            // An unknown person has chosen nothing.
            (Looked::Nobody, None) => Reading::nobody(),
            (Looked::Nobody, Some(withheld)) => {
                after_erasure::drop_event(tx, keys, &about, withheld).await?;
                Reading::nobody()
            }
            (Looked::Held(held), None) => reading::take(tx, keys, &about, held, &claim.id).await?,
            (Looked::Held(held), Some(withheld)) => {
                after_erasure::take(tx, keys, &about, withheld).await?;
                reading::take(tx, keys, &about, held, &claim.id).await?
            }
            (Looked::Failed, None) => return Ok(None),
            (Looked::Failed, Some(withheld)) => {
                requests::release(tx, claim.seq).await?;
                after_erasure::take_opt_outs(tx, keys, &about, withheld.clone()).await?;
                return Ok(None);
            }
        };
        Ok(Some(json!(Outcome::Reading(reading))))
    }
}

impl Settle for Look {
    fn settle<'t>(
        &'t self,
        tx: &'t mut Connection,
        ending: &'t Ending<'t>,
    ) -> BoxFuture<'t, Result<Option<Value>, StoreError>> {
        Box::pin(self.take_in(tx, ending.keys, ending.claim, ending.person))
    }
}

/// Reads what the vendor holds for people.
pub(crate) struct Read {
    pub(crate) clock: Arc<dyn Clock>,
}

impl Handler for Read {
    fn interface(&self) -> Interface {
        Interface::Consent
    }

    fn prepare<'t>(
        &'t self,
        _: &'t mut Connection,
        _: &'t Keys,
        about: &'t About<'t>,
        _: &'t Asked,
        _: &'t str,
    ) -> BoxFuture<'t, Result<Prepared, StoreError>> {
        Box::pin(async move { Ok(Prepared::with(Details::about(about.subject))) })
    }

    fn attempt<'a>(
        &'a self,
        calls: &'a Calls,
        claims: Vec<(Claim, Details)>,
    ) -> BoxFuture<'a, Vec<(Claim, Came)>> {
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

impl Read {
    /// Asks what the vendor holds.
    async fn read(&self, calls: &Calls, claim: &Claim, details: Details, chance: f64) -> Came {
        let read_at = self.clock.date_ms();
        let failure = match calls.current(&details.subject).await {
            Ok(Ok(held)) => {
                let read = AttemptResult::Read(held.as_ref().map(Vec::len));
                let Details { subject, withheld, .. } = details;
                let looked = held.map_or(Looked::Nobody, Looked::Held);
                let look = Look { subject, looked, asked_at: read_at, withheld };
                return Came {
                    settle: Some(Box::new(look)),
                    ..Came::of(retry::finished(State::Done, None), read)
                };
            }
            Ok(Err(error)) => Failure::Connector(error),
            Err(failure) => Failure::Call(failure),
        };
        let mut came =
            Came::failed(claim, &failure, retry::after_failure(&failure, claim.step, claim.failures, chance));
        if matches!(came.after, After::Finished { .. }) {
            let Details { subject, withheld, .. } = details;
            let look = Look { subject, looked: Looked::Failed, asked_at: read_at, withheld };
            came.settle = Some(Box::new(look));
        }
        came
    }
}
