//! Applying choices at the vendor.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use host_harness::{
    clock::Clock,
    sandbox::{CallResult, Calls, LONGEST_SETTLING, UNTOLD},
};
use host_model::{
    consent::outbound::{Plan, Requested},
    contract::{
        Interface, Subject,
        consent::{ItemId, Preference, Report},
        manifest::Identifying,
    },
    requests::{
        Action, State, Step,
        outcome::{AttemptResult, Outcome},
        retry::{self, After, Cause, Failure},
    },
};
use host_store::{
    Connection, Keys, Named, Store, StoreError, choices, connections,
    details::{Details, key_context},
    people::{self, Gone},
    person::PersonId,
    queue::{self, Claim},
};
use serde_json::{Value, json};

use super::{
    look,
    outgoing::{self, Begun},
};
use crate::requests::{
    about::About,
    handler::{Asked, Came, Ending, Handler, Prepared, Settle},
};

/// How soon choices that are taken and not in effect are applied again, where the vendor does not say.
const PENDING: Duration = Duration::from_mins(10);

/// What an attempt to apply choices leaves behind.
pub(crate) struct Applied {
    /// What the vendor has certainly not taken of what was sent then.
    untaken: Vec<ItemId>,
    sent_at: i64,
}

impl Applied {
    /// What was not taken can come back as no echo.
    async fn forget_untaken(&self, tx: &mut Connection, person: PersonId) -> Result<(), StoreError> {
        for item in &self.untaken {
            choices::unsent(tx, person, item, u64::try_from(self.sent_at).unwrap_or(0)).await?;
        }
        Ok(())
    }
}

impl Settle for Applied {
    fn settle<'t>(
        &'t self,
        tx: &'t mut Connection,
        ending: &'t Ending<'t>,
    ) -> BoxFuture<'t, Result<Option<Value>, StoreError>> {
        Box::pin(async move { self.forget_untaken(tx, ending.person).await.map(|()| None) })
    }
}

/// Applies choices at the vendor.
pub(crate) struct Apply {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Handler for Apply {
    fn interface(&self) -> Interface {
        Interface::Consent
    }

    fn prepare<'t>(
        &'t self,
        tx: &'t mut Connection,
        keys: &'t Keys,
        about: &'t About<'t>,
        asked: &'t Asked,
        request: &'t str,
    ) -> BoxFuture<'t, Result<Prepared, StoreError>> {
        Box::pin(async move {
            let nothing = Requested::default();
            let requested = if let Asked::Consent(requested) = asked { requested } else { &nothing };
            let prepared = outgoing::prepare(tx, keys, about, requested, request).await?;
            let reading = if people::is_to_be_read(tx, about.person).await? {
                look::reading(tx, about).await?
            } else {
                None
            };
            let followed_by = reading.map(|reading| (Action::Reading, Box::new(reading)));
            Ok(Prepared { followed_by, ..prepared })
        })
    }

    fn attempt<'a>(
        &'a self,
        calls: &'a Calls,
        claims: Vec<(Claim, Details)>,
    ) -> BoxFuture<'a, Vec<(Claim, Came)>> {
        Box::pin(async move {
            let mut came = Vec::new();
            for (claim, details) in claims {
                let one = self.apply(calls, &claim, details, fastrand::f64()).await;
                came.push((claim, one));
            }
            came
        })
    }
}

impl Apply {
    /// Applies what is open of the plan. Nothing open is no call.
    async fn apply(&self, calls: &Calls, claim: &Claim, details: Details, chance: f64) -> Came {
        let Details { subject, plan, .. } = details;
        let sent_at = self.clock.date_ms();
        let identifying = &calls.connection().identifying;
        let plan = match self.begin(claim, (&subject, identifying), plan, sent_at).await {
            Ok(Some(Begun::Sending(plan))) => plan,
            Ok(Some(Begun::Asking(plan, _))) if plan.preferences().is_empty() => plan,
            Ok(Some(Begun::Asking(plan, gone))) => match calls.current(&subject).await {
                Ok(Ok(None)) => return settled(&outgoing::of_nobody(plan, gone)),
                Ok(Ok(Some(_))) => match self.begin_found(claim, &subject, (plan, gone), sent_at).await {
                    Ok(Some(plan)) => plan,
                    Ok(None) => return lost(claim),
                    Err(error) => return put_off(claim, &error),
                },
                Ok(Err(error)) => return unasked(claim, &Failure::Connector(error), plan, chance),
                Err(failure) => return unasked(claim, &Failure::Call(failure), plan, chance),
            },
            Ok(None) => return lost(claim),
            Err(error) => return put_off(claim, &error),
        };
        if plan.preferences().is_empty() {
            return settled(&plan);
        }
        let chosen = plan.preferences();
        let answer = calls.apply(&subject, &chosen).await;
        let (mut came, untaken, plan) = answered(claim, answer, &chosen, plan, chance);
        let sealed_details = match came.after {
            After::Again { .. } => self.reseal(claim, &Details { subject, plan, withheld: None }),
            // A request that failed keeps what was asked, to be replayed.
            After::Finished { .. } => Ok(None),
        };
        match sealed_details {
            Ok(sealed_details) => {
                came.sealed_details = sealed_details;
                came.settle = Some(Box::new(Applied { untaken, sent_at }));
                came
            }
            Err(error) => put_off(claim, &error),
        }
    }

    async fn begin(
        &self,
        claim: &Claim,
        (subject, identifying): (&Subject, &Identifying),
        plan: Plan,
        at: i64,
    ) -> Result<Option<Begun>, StoreError> {
        let keys = self.store.keys(&claim.tenant).await?;
        let (held, subject, identifying) = (claim.clone(), subject.clone(), identifying.clone());
        let begun = self.store.write(move |tx| {
            Box::pin(async move {
                // A claim that is lost sends nothing; its end changes nothing either.
                let Some(person) = queue::person_of(tx, &held).await? else { return Ok(None) };
                if connections::identifying(tx, &held.connection).await? != identifying {
                    // The connection is being changed: a later attempt goes by the new settings.
                    return Err(StoreError::NotKeyed(held.connection));
                }
                let names = Named::of(&keys.person, &subject, &identifying).identifying;
                outgoing::begin(tx, &held.connection, (person, &names), plan, at).await.map(Some)
            })
        });
        begun.await
    }

    /// Goes on with a person whom the vendor still has; `None` if the claim was lost.
    async fn begin_found(
        &self,
        claim: &Claim,
        subject: &Subject,
        (plan, gone): (Plan, Gone),
        at: i64,
    ) -> Result<Option<Plan>, StoreError> {
        let keys = self.store.keys(&claim.tenant).await?;
        let (held, subject) = (claim.clone(), subject.clone());
        let begun = self.store.write(move |tx| {
            Box::pin(async move {
                let Some(person) = queue::person_of(tx, &held).await? else { return Ok(None) };
                let Claim { tenant, connection, .. } = &held;
                let names = &*Named::at(tx, &keys, connection, &subject).await?.identifying;
                let about = About { tenant, connection, person, subject: &subject, names, at };
                outgoing::begin_found(tx, &about, plan, gone).await.map(Some)
            })
        });
        begun.await
    }

    fn reseal(&self, claim: &Claim, details: &Details) -> Result<Option<Vec<u8>>, StoreError> {
        let key = self.store.vault().data_key(&key_context(&claim.id), &claim.data_key)?;
        details.sealed(&key, &claim.id).map(Some)
    }
}

/// Whether the vendor still has the person is not known: nothing is sent.
fn unasked(claim: &Claim, failure: &Failure, plan: Plan, chance: f64) -> Came {
    let after = retry::after_failure(failure, claim.step, claim.failures, chance);
    let plan = match failure {
        Failure::Connector(error) => plan.conclude(Err(error)),
        Failure::Call(_) => plan,
    };
    Came { outcome: Some(told(&plan)), ..Came::failed(claim, failure, after) }
}

fn answered(
    claim: &Claim,
    answer: CallResult<Report>,
    chosen: &[Preference],
    plan: Plan,
    chance: f64,
) -> (Came, Vec<ItemId>, Plan) {
    let failure = match answer {
        Ok(Ok(report)) => {
            let untaken = outgoing::untaken(chosen, Ok(&report));
            let plan = plan.conclude(Ok(&report));
            return (with_report(&report, &plan), untaken, plan);
        }
        Ok(Err(error)) => Failure::Connector(error),
        Err(failure) => Failure::Call(failure),
    };
    let error = match &failure {
        Failure::Connector(error) => Some(error),
        Failure::Call(_) => None,
    };
    let untaken = outgoing::untaken(chosen, Err(error));
    let plan = error.map_or_else(|| plan.clone(), |error| plan.clone().conclude(Err(error)));
    let after = retry::after_failure(&failure, claim.step, claim.failures, chance);
    let came = Came { outcome: Some(told(&plan)), ..Came::failed(claim, &failure, after) };
    (came, untaken, plan)
}

fn with_report(report: &Report, plan: &Plan) -> Came {
    let settles_after = Duration::from_millis(report.settles_after_ms.unwrap_or(0)).min(LONGEST_SETTLING);
    let after = if plan.preferences().is_empty() {
        retry::finished(State::Done, None)
    } else {
        After::Again {
            step: Step::Act,
            wait: if settles_after.is_zero() { PENDING } else { settles_after },
            reason: "the vendor has taken it, and it is not in effect yet".to_owned(),
            cause: Cause::InProgress,
        }
    };
    let came = Came::of(after, AttemptResult::Report(report.clone()));
    Came { outcome: Some(told(plan)), settles_after, ..came }
}

/// Ends without a call: all of the plan has been told already.
fn settled(plan: &Plan) -> Came {
    let came = Came::of(retry::finished(State::Done, None), AttemptResult::NothingSent(true));
    Came { outcome: Some(told(plan)), ..came }
}

fn told(plan: &Plan) -> Value {
    json!(Outcome::Report(plan.report()))
}

/// Somebody else has the request: what is said here changes nothing.
fn lost(claim: &Claim) -> Came {
    let after = After::Again {
        step: claim.step,
        wait: Duration::ZERO,
        reason: "its claim was lost before anything was sent".to_owned(),
        cause: Cause::HandedBack,
    };
    Came { outcome: claim.outcome.clone(), ..Came::of(after, AttemptResult::NothingSent(true)) }
}

/// The store did not do its part: what was or may have been sent is sent again.
fn put_off(claim: &Claim, error: &StoreError) -> Came {
    let after =
        After::Again { step: claim.step, wait: UNTOLD, reason: error.to_string(), cause: Cause::HandedBack };
    let came = Came::of(after, AttemptResult::Store(error.to_string()));
    Came { outcome: claim.outcome.clone(), settles_after: UNTOLD, ..came }
}
