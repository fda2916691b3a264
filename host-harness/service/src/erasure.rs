//! Erasures: requesting and confirming them, and what remains of a person afterwards.
//! Tested in `src/requests/worker/tests.rs`.

use futures::future::BoxFuture;
use host_harness::sandbox::{CallResult, Calls};
use host_model::{
    contract::{
        Interface,
        erasure::{ErasureStatus, PendingErasure, Receipt},
    },
    failure::CallFailure,
    requests::{
        RequestState, Step,
        outcome::{AttemptResult, Outcome},
        retry::{self, AttemptFailure, NextStep},
    },
};
use host_store::{Keys, StoreError, Tx, details::Details, people, queue::ClaimedRequest};
use serde_json::{Value, json};

use crate::requests::{
    handler::{AttemptEnding, Handler, PersonTask, PrepareError, PreparedRequest, RequestOutcome, Settle},
    person_context::PersonContext,
};

/// The maximum number of erasures confirmed in one call: the vendor's list is read once for all of them.
const MAX_CONFIRMATIONS: usize = 100;

/// Carries out erasures.
pub(crate) struct Erasure;

impl Handler for Erasure {
    fn interface(&self) -> Interface {
        Interface::Erasure
    }

    fn at_once(&self, step: Step) -> Option<usize> {
        (step == Step::Confirm).then_some(MAX_CONFIRMATIONS)
    }

    fn prepare<'t>(
        &'t self,
        tx: &'t mut Tx,
        _: &'t Keys,
        about: &'t PersonContext<'t>,
        _: &'t PersonTask,
        request: &'t str,
    ) -> BoxFuture<'t, Result<PreparedRequest, PrepareError>> {
        Box::pin(async move {
            people::erases(tx, about.connection, request, about.names).await?;
            Ok(PreparedRequest::with(Details::about(about.subject)))
        })
    }

    fn attempt<'a>(
        &'a self,
        calls: &'a Calls,
        claims: Vec<(ClaimedRequest, Details)>,
    ) -> BoxFuture<'a, Vec<(ClaimedRequest, RequestOutcome)>> {
        Box::pin(async move {
            if claims.first().is_some_and(|(claim, _)| claim.step == Step::Confirm) {
                return confirm(calls, claims).await;
            }
            let mut came = Vec::new();
            for (claim, details) in claims {
                let one = erased(&claim, calls.erase(&details.subject).await, fastrand::f64());
                came.push((claim, one));
            }
            came
        })
    }

    fn settle_unreadable(&self) -> Option<Box<dyn Settle>> {
        Some(Box::new(Forget { was_unknown: false }))
    }
}

/// Applies the end of an erasure to its person.
struct Forget {
    /// Whether the vendor reported that it does not have the person.
    was_unknown: bool,
}

impl Settle for Forget {
    fn settle<'t>(
        &'t self,
        tx: &'t mut Tx,
        ending: &'t AttemptEnding<'t>,
    ) -> BoxFuture<'t, Result<Option<Value>, StoreError>> {
        Box::pin(async move { self.forget(tx, ending).await.map(|()| None) })
    }
}

impl Forget {
    /// Deletes everything about a person whose erasure the vendor accepted. A person whom the vendor did not find is
    /// looked up again before the next opt-out.
    async fn forget(&self, tx: &mut Tx, ending: &AttemptEnding<'_>) -> Result<(), StoreError> {
        let AttemptEnding { claim, person, change, .. } = ending;
        match change.state {
            RequestState::Done if self.was_unknown => people::not_found(tx, *person, change.at).await,
            RequestState::Done => people::erased(tx, &claim.id, *person, change.at).await,
            RequestState::Failed if change.is_acknowledged => {
                people::erased(tx, &claim.id, *person, change.at).await
            }
            _ => Ok(()),
        }
    }
}

/// Confirms erasures. Those whose reference another version gave are asked about apart: this version need not understand
/// it.
async fn confirm(
    calls: &Calls,
    opened: Vec<(ClaimedRequest, Details)>,
) -> Vec<(ClaimedRequest, RequestOutcome)> {
    let version = calls.plugin().digest();
    let (foreign, own): (Vec<_>, Vec<_>) =
        opened.into_iter().partition(|(claim, _)| claim.reference_by.is_some_and(|by| by != version));
    let mut came = Vec::new();
    if !own.is_empty() {
        let answer = ask(calls, &pending(&own)).await;
        came.extend(outcomes(claims(own), answer));
    }
    if !foreign.is_empty() {
        came.extend(confirm_foreign(calls, foreign).await);
    }
    came
}

/// Confirms erasures with the references that another version gave, and without them if the connector does not understand
/// them.
async fn confirm_foreign(
    calls: &Calls,
    opened: Vec<(ClaimedRequest, Details)>,
) -> Vec<(ClaimedRequest, RequestOutcome)> {
    let receipts = match ask(calls, &pending(&opened)).await {
        Ok(receipts) => receipts,
        Err(failure) if failure.may_be_about_the_question() => {
            let answer = ask(calls, &without_references(&opened)).await;
            return outcomes(claims(opened), answer);
        }
        Err(failure) => return all_failed(claims(opened), &failure),
    };
    let (understood, others): (Vec<_>, Vec<_>) =
        opened.into_iter().zip(receipts).partition(|(_, receipt)| receipt.is_ok());
    let understood = understood.into_iter().map(|((claim, _), receipt)| {
        let came = confirmed(&claim, receipt, fastrand::f64());
        (claim, came)
    });
    let mut came: Vec<_> = understood.collect();
    if !others.is_empty() {
        let others: Vec<_> = others.into_iter().map(|(opened, _)| opened).collect();
        let answer = ask(calls, &without_references(&others)).await;
        came.extend(outcomes(claims(others), answer));
    }
    came
}

fn pending(opened: &[(ClaimedRequest, Details)]) -> Vec<PendingErasure> {
    let pending = opened.iter().map(|(claim, details)| PendingErasure {
        subject: details.subject.clone(),
        reference: claim.reference.clone(),
    });
    pending.collect()
}

fn without_references(opened: &[(ClaimedRequest, Details)]) -> Vec<PendingErasure> {
    let pending = pending(opened).into_iter();
    pending.map(|pending| PendingErasure { reference: None, ..pending }).collect()
}

fn claims(opened: Vec<(ClaimedRequest, Details)>) -> impl Iterator<Item = ClaimedRequest> {
    opened.into_iter().map(|(claim, _)| claim)
}

/// A receipt for each erasure of a call, in the same order; the failure of a call that has none.
type ConfirmAnswer = Result<Vec<Result<Receipt, CallFailure>>, AttemptFailure>;

/// Confirms many erasures in one call.
async fn ask(calls: &Calls, pending: &[PendingErasure]) -> ConfirmAnswer {
    let answer = calls.confirm_each(pending).await.map_err(AttemptFailure::Call)?;
    answer.map_err(AttemptFailure::Connector)
}

fn outcomes(
    claims: impl Iterator<Item = ClaimedRequest>,
    answer: ConfirmAnswer,
) -> Vec<(ClaimedRequest, RequestOutcome)> {
    let receipts = match answer {
        Ok(receipts) => receipts,
        Err(failure) => return all_failed(claims, &failure),
    };
    let of_one = |(claim, receipt): (ClaimedRequest, _)| {
        let came = confirmed(&claim, receipt, fastrand::f64());
        (claim, came)
    };
    claims.zip(receipts).map(of_one).collect()
}

fn confirmed(claim: &ClaimedRequest, receipt: Result<Receipt, CallFailure>, chance: f64) -> RequestOutcome {
    match receipt {
        Ok(receipt) if claim.is_acknowledged => with_receipt(claim, retry::after_receipt(&receipt), receipt),
        Ok(receipt) => {
            let after = retry::after_unanswered_receipt(&receipt, claim.failures, chance);
            with_receipt(claim, after, receipt)
        }
        Err(failure) => {
            let failure = AttemptFailure::Call(failure);
            let after = retry::after_unconfirmed(&failure, claim.failures, chance);
            failed(claim, &failure, after)
        }
    }
}

/// Ends the claims of one failed call. The failure counts for the connection only once.
fn all_failed(
    claims: impl Iterator<Item = ClaimedRequest>,
    failure: &AttemptFailure,
) -> Vec<(ClaimedRequest, RequestOutcome)> {
    let of_one = |(at, claim): (usize, ClaimedRequest)| {
        let after = retry::after_unconfirmed(failure, claim.failures, fastrand::f64());
        let came = RequestOutcome { is_told: at > 0, ..failed(&claim, failure, after) };
        (claim, came)
    };
    claims.enumerate().map(of_one).collect()
}

fn erased(claim: &ClaimedRequest, answer: CallResult<Receipt>, chance: f64) -> RequestOutcome {
    let failure = match answer {
        Ok(Ok(receipt)) => {
            let after = retry::after_receipt(&receipt);
            return with_receipt(claim, after, receipt);
        }
        Ok(Err(error)) => AttemptFailure::Connector(error),
        Err(failure) => AttemptFailure::Call(failure),
    };
    let after = retry::after_unerased(&failure, claim.step, claim.failures, chance);
    failed(claim, &failure, after)
}

fn with_receipt(claim: &ClaimedRequest, after: NextStep, receipt: Receipt) -> RequestOutcome {
    RequestOutcome {
        outcome: Some(json!(Outcome::Receipt(receipt.clone()))),
        is_acknowledged: claim.step == Step::Act,
        settle: Some(Box::new(Forget { was_unknown: receipt.status == ErasureStatus::NotFound })),
        reference: receipt.reference.clone(),
        observed: receipt.observed.clone(),
        ..RequestOutcome::of(after, AttemptResult::Receipt(Receipt { observed: None, ..receipt }))
    }
}

fn failed(claim: &ClaimedRequest, failure: &AttemptFailure, after: NextStep) -> RequestOutcome {
    RequestOutcome {
        settle: Some(Box::new(Forget { was_unknown: false })),
        is_about_the_reference: claim.step == Step::Confirm && failure.may_be_about_the_question(),
        ..RequestOutcome::failed(claim, failure, after)
    }
}
