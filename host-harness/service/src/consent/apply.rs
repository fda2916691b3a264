//! Applies choices at the vendor.
//! Tested in `src/consent/tests`.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use host_harness::{
    clock::Clock,
    sandbox::{CallResult, Calls, DEFAULT_SETTLING, MAX_SETTLING},
};
use host_model::{
    consent::{outbound::Plan, submitted::SubmittedChoices},
    contract::{
        Interface, Subject,
        consent::{ItemId, Preference, Report},
        manifest::Identifying,
    },
    requests::{
        Action, RequestState, Step,
        outcome::{AttemptResult, Outcome},
        retry::{self, AttemptFailure, NextStep, RetryCause},
    },
};
use host_store::{
    Keys, Store, StoreError, SubjectNames, Tx, choices, connections,
    details::{Details, key_context},
    people::{self, Absence},
    person::PersonId,
    queue::{self, ClaimedRequest},
};
use serde_json::{Value, json};

use super::{
    look,
    outgoing::{self, AttemptStart},
};
use crate::requests::{
    handler::{AttemptEnding, Handler, PersonTask, PrepareError, PreparedRequest, RequestOutcome, Settle},
    person_context::PersonContext,
};

/// The delay before choices that the vendor accepted but that are not in effect yet are applied again, if the vendor
/// gives no delay.
const PENDING: Duration = Duration::from_mins(10);

/// What remains to be stored after an attempt to apply choices.
pub(crate) struct AppliedChoices {
    /// The items of the sent choices that the vendor has certainly not taken.
    untaken: Vec<ItemId>,
    sent_at: i64,
}

impl AppliedChoices {
    /// Forgets the choices that were not taken: they cannot come back as an echo.
    async fn forget_unaccepted(&self, tx: &mut Tx, person: PersonId) -> Result<(), StoreError> {
        for item in &self.untaken {
            choices::unsent(tx, person, item, u64::try_from(self.sent_at).unwrap_or(0)).await?;
        }
        Ok(())
    }
}

impl Settle for AppliedChoices {
    fn settle<'t>(
        &'t self,
        tx: &'t mut Tx,
        ending: &'t AttemptEnding<'t>,
    ) -> BoxFuture<'t, Result<Option<Value>, StoreError>> {
        Box::pin(async move { self.forget_unaccepted(tx, ending.person).await.map(|()| None) })
    }
}

/// Carries out requests that apply choices.
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
        tx: &'t mut Tx,
        keys: &'t Keys,
        about: &'t PersonContext<'t>,
        asked: &'t PersonTask,
        request: &'t str,
    ) -> BoxFuture<'t, Result<PreparedRequest, PrepareError>> {
        Box::pin(async move {
            let nothing = SubmittedChoices::default();
            let submitted = if let PersonTask::Consent(submitted) = asked { submitted } else { &nothing };
            let unknown = outgoing::unknown_notices(tx, about, submitted).await?;
            if !unknown.is_empty() {
                return Err(PrepareError::UnknownNotices(unknown));
            }
            let requested = submitted.arrived(about.at);
            let prepared = outgoing::prepare(tx, keys, about, &requested, request).await?;
            let reading = if people::is_to_be_read(tx, about.person).await? {
                look::reading(tx, about).await?
            } else {
                None
            };
            let followed_by = reading.map(|reading| (Action::Reading, Box::new(reading)));
            Ok(PreparedRequest { followed_by, ..prepared })
        })
    }

    fn attempt<'a>(
        &'a self,
        calls: &'a Calls,
        claims: Vec<(ClaimedRequest, Details)>,
    ) -> BoxFuture<'a, Vec<(ClaimedRequest, RequestOutcome)>> {
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
    /// Applies the open part of the plan. Makes no call if nothing is open.
    async fn apply(
        &self,
        calls: &Calls,
        claim: &ClaimedRequest,
        details: Details,
        chance: f64,
    ) -> RequestOutcome {
        let Details { subject, plan, .. } = details;
        let sent_at = self.clock.date_ms();
        let identifying = &calls.connection().identifying;
        let plan = match self.begin(claim, &subject, identifying, plan, sent_at).await {
            Ok(Some(AttemptStart::Sending(plan))) => plan,
            Ok(Some(AttemptStart::Asking(plan, _))) if plan.preferences().is_empty() => plan,
            Ok(Some(AttemptStart::Asking(plan, gone))) => match calls.current(&subject).await {
                Ok(Ok(None)) => return settled(&outgoing::conclude_unknown(plan, gone)),
                Ok(Ok(Some(_))) => match self.begin_found(claim, &subject, plan, gone, sent_at).await {
                    Ok(Some(plan)) => plan,
                    Ok(None) => return lost(claim),
                    Err(error) => return store_failure(claim, &error),
                },
                Ok(Err(error)) => {
                    return not_determined(claim, &AttemptFailure::Connector(error), plan, chance);
                }
                Err(failure) => return not_determined(claim, &AttemptFailure::Call(failure), plan, chance),
            },
            Ok(None) => return lost(claim),
            Err(error) => return store_failure(claim, &error),
        };
        if plan.preferences().is_empty() {
            return settled(&plan);
        }
        let chosen = plan.preferences();
        let answer = calls.apply(&subject, &chosen).await;
        let (mut came, untaken, plan) = answered(claim, answer, &chosen, plan, chance);
        let sealed_details = match came.after {
            NextStep::Again { .. } => self.reseal(claim, &Details { subject, plan, withheld: None }),
            // A failed request keeps what was requested, so that it can be replayed.
            NextStep::Finished { .. } => Ok(None),
        };
        match sealed_details {
            Ok(sealed_details) => {
                came.sealed_details = sealed_details;
                came.settle = Some(Box::new(AppliedChoices { untaken, sent_at }));
                came
            }
            Err(error) => store_failure(claim, &error),
        }
    }

    async fn begin(
        &self,
        claim: &ClaimedRequest,
        subject: &Subject,
        identifying: &Identifying,
        plan: Plan,
        at: i64,
    ) -> Result<Option<AttemptStart>, StoreError> {
        let keys = self.store.keys(&claim.tenant).await?;
        let (held, subject, identifying) = (claim.clone(), subject.clone(), identifying.clone());
        let begun = self.store.write(move |tx| {
            Box::pin(async move {
                // A lost claim sends nothing, and ending it changes nothing either.
                let Some(person) = queue::person_of(tx, &held).await? else { return Ok(None) };
                if connections::identifying(tx, &held.connection).await? != identifying {
                    // The connection is being changed: a later attempt uses the new settings.
                    return Err(StoreError::NotKeyed(held.connection));
                }
                let names = SubjectNames::of(&keys.person, &subject, &identifying).identifying;
                outgoing::begin(tx, &held.connection, person, &names, plan, at).await.map(Some)
            })
        });
        begun.await
    }

    /// Continues with a person whom the vendor still has. Returns `None` if the claim was lost.
    async fn begin_found(
        &self,
        claim: &ClaimedRequest,
        subject: &Subject,
        plan: Plan,
        gone: Absence,
        at: i64,
    ) -> Result<Option<Plan>, StoreError> {
        let keys = self.store.keys(&claim.tenant).await?;
        let (held, subject) = (claim.clone(), subject.clone());
        let begun = self.store.write(move |tx| {
            Box::pin(async move {
                let Some(person) = queue::person_of(tx, &held).await? else { return Ok(None) };
                let ClaimedRequest { tenant, connection, .. } = &held;
                let names = &*SubjectNames::at(tx, &keys, connection, &subject).await?.identifying;
                let about = PersonContext { tenant, connection, person, subject: &subject, names, at };
                outgoing::begin_for_known(tx, &about, plan, gone).await.map(Some)
            })
        });
        begun.await
    }

    fn reseal(&self, claim: &ClaimedRequest, details: &Details) -> Result<Option<Vec<u8>>, StoreError> {
        let key = self.store.vault().data_key(&key_context(&claim.id), &claim.data_key)?;
        details.sealed(&key, &claim.id).map(Some)
    }
}

/// Ends an attempt that could not determine whether the vendor still has the person: nothing is sent.
fn not_determined(
    claim: &ClaimedRequest,
    failure: &AttemptFailure,
    plan: Plan,
    chance: f64,
) -> RequestOutcome {
    let after = retry::after_failure(failure, claim.step, claim.failures, chance);
    let plan = match failure {
        AttemptFailure::Connector(error) => plan.conclude(Err(error)),
        AttemptFailure::Call(_) => plan,
    };
    RequestOutcome { outcome: Some(outcome_json(&plan)), ..RequestOutcome::failed(claim, failure, after) }
}

fn answered(
    claim: &ClaimedRequest,
    answer: CallResult<Report>,
    chosen: &[Preference],
    plan: Plan,
    chance: f64,
) -> (RequestOutcome, Vec<ItemId>, Plan) {
    let failure = match answer {
        Ok(Ok(report)) => {
            let untaken = outgoing::not_accepted(chosen, Ok(&report));
            let plan = plan.conclude(Ok(&report));
            return (with_report(&report, &plan), untaken, plan);
        }
        Ok(Err(error)) => AttemptFailure::Connector(error),
        Err(failure) => AttemptFailure::Call(failure),
    };
    let error = match &failure {
        AttemptFailure::Connector(error) => Some(error),
        AttemptFailure::Call(_) => None,
    };
    let untaken = outgoing::not_accepted(chosen, Err(error));
    let plan = error.map_or_else(|| plan.clone(), |error| plan.clone().conclude(Err(error)));
    let after = retry::after_failure(&failure, claim.step, claim.failures, chance);
    let came = RequestOutcome {
        outcome: Some(outcome_json(&plan)),
        ..RequestOutcome::failed(claim, &failure, after)
    };
    (came, untaken, plan)
}

fn with_report(report: &Report, plan: &Plan) -> RequestOutcome {
    let settles_after = Duration::from_millis(report.settles_after_ms.unwrap_or(0)).min(MAX_SETTLING);
    let after = if plan.preferences().is_empty() {
        retry::finished(RequestState::Done, None)
    } else {
        NextStep::Again {
            step: Step::Act,
            wait: if settles_after.is_zero() { PENDING } else { settles_after },
            reason: "the vendor has accepted it, but it is not in effect yet".to_owned(),
            cause: RetryCause::InProgress,
        }
    };
    let came = RequestOutcome::of(after, AttemptResult::Report(report.clone()));
    RequestOutcome { outcome: Some(outcome_json(plan)), settles_after, ..came }
}

/// Ends without a call, because every choice of the plan is already settled.
fn settled(plan: &Plan) -> RequestOutcome {
    let came =
        RequestOutcome::of(retry::finished(RequestState::Done, None), AttemptResult::NothingSent(true));
    RequestOutcome { outcome: Some(outcome_json(plan)), ..came }
}

fn outcome_json(plan: &Plan) -> Value {
    json!(Outcome::Report(plan.report()))
}

/// Ends an attempt whose claim belongs to another worker by now: its result changes nothing.
fn lost(claim: &ClaimedRequest) -> RequestOutcome {
    let after = NextStep::Again {
        step: claim.step,
        wait: Duration::ZERO,
        reason: "its claim was lost before anything was sent".to_owned(),
        cause: RetryCause::HandedBack,
    };
    RequestOutcome {
        outcome: claim.outcome.clone(),
        ..RequestOutcome::of(after, AttemptResult::NothingSent(true))
    }
}

/// Ends an attempt after a store error: what was or may have been sent is sent again.
fn store_failure(claim: &ClaimedRequest, error: &StoreError) -> RequestOutcome {
    let after = NextStep::Again {
        step: claim.step,
        wait: DEFAULT_SETTLING,
        reason: error.to_string(),
        cause: RetryCause::HandedBack,
    };
    let came = RequestOutcome::of(after, AttemptResult::Store(error.to_string()));
    RequestOutcome { outcome: claim.outcome.clone(), settles_after: DEFAULT_SETTLING, ..came }
}
