//! Erasures: asked for, confirmed, and what their end leaves of a person.

use futures::future::BoxFuture;
use host_harness::sandbox::{CallResult, Calls};
use host_model::{
    contract::{
        Interface,
        erasure::{PendingErasure, Receipt, Status},
    },
    requests::{
        State, Step,
        outcome::{AttemptResult, Outcome},
        retry::{self, After, Failure},
    },
};
use host_store::{Connection, Keys, StoreError, details::Details, people, queue::Claim};
use serde_json::{Value, json};

use crate::requests::{
    about::About,
    handler::{Asked, Came, Ending, Handler, Prepared, Settle},
};

/// Erasures confirmed in one call: the vendor's list is read once for all of them.
const CONFIRMED_TOGETHER: usize = 100;

/// Carries out erasures.
pub(crate) struct Erasure;

impl Handler for Erasure {
    fn interface(&self) -> Interface {
        Interface::Erasure
    }

    fn at_once(&self, step: Step) -> Option<usize> {
        (step == Step::Confirm).then_some(CONFIRMED_TOGETHER)
    }

    fn prepare<'t>(
        &'t self,
        tx: &'t mut Connection,
        _: &'t Keys,
        about: &'t About<'t>,
        _: &'t Asked,
        request: &'t str,
    ) -> BoxFuture<'t, Result<Prepared, StoreError>> {
        Box::pin(async move {
            people::erases(tx, about.connection, request, about.names).await?;
            Ok(Prepared::with(Details::about(about.subject)))
        })
    }

    fn attempt<'a>(
        &'a self,
        calls: &'a Calls,
        claims: Vec<(Claim, Details)>,
    ) -> BoxFuture<'a, Vec<(Claim, Came)>> {
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

/// What an erasure's end means for its person.
struct Forget {
    /// Whether the vendor says that it has nobody.
    was_unknown: bool,
}

impl Settle for Forget {
    fn settle<'t>(
        &'t self,
        tx: &'t mut Connection,
        ending: &'t Ending<'t>,
    ) -> BoxFuture<'t, Result<Option<Value>, StoreError>> {
        Box::pin(async move { forget_erased(tx, ending, self.was_unknown).await.map(|()| None) })
    }
}

/// Nothing stays of a person whose erasure the vendor took. One whom it did not find is looked for before the next opt-out.
async fn forget_erased(
    tx: &mut Connection,
    ending: &Ending<'_>,
    was_unknown: bool,
) -> Result<(), StoreError> {
    let Ending { claim, person, change, .. } = ending;
    match change.state {
        State::Done if was_unknown => people::not_found(tx, *person, change.at).await,
        State::Done => people::erased(tx, &claim.id, *person, change.at).await,
        State::Failed if change.is_acknowledged => people::erased(tx, &claim.id, *person, change.at).await,
        _ => Ok(()),
    }
}

/// Looks after many erasures in one call: its answer has a receipt for each, in their order.
async fn confirm(calls: &Calls, opened: Vec<(Claim, Details)>) -> Vec<(Claim, Came)> {
    let pending: Vec<_> = opened
        .iter()
        .map(|(claim, details)| PendingErasure {
            subject: details.subject.clone(),
            reference: claim.reference.clone(),
        })
        .collect();
    let claims = opened.into_iter().map(|(claim, _)| claim);
    match calls.confirm(&pending).await {
        Ok(Ok(receipts)) => claims
            .zip(receipts)
            .map(|(claim, receipt)| {
                let after =
                    retry::after_receipt(&receipt, claim.is_acknowledged, claim.failures, fastrand::f64());
                let came = with_receipt(&claim, after, receipt);
                (claim, came)
            })
            .collect(),
        Ok(Err(error)) => all_failed(claims, &Failure::Connector(error)),
        Err(failure) => all_failed(claims, &Failure::Call(failure)),
    }
}

/// One call failed: its end says something about the connection once.
fn all_failed(claims: impl Iterator<Item = Claim>, failure: &Failure) -> Vec<(Claim, Came)> {
    let of_one = |(at, claim): (usize, Claim)| {
        let after = retry::after_unconfirmed(failure, claim.failures, fastrand::f64());
        let came = Came { is_told: at > 0, ..failed(&claim, failure, after) };
        (claim, came)
    };
    claims.enumerate().map(of_one).collect()
}

fn erased(claim: &Claim, answer: CallResult<Receipt>, chance: f64) -> Came {
    let failure = match answer {
        Ok(Ok(receipt)) => {
            let after = retry::after_receipt(&receipt, true, claim.failures, chance);
            return with_receipt(claim, after, receipt);
        }
        Ok(Err(error)) => Failure::Connector(error),
        Err(failure) => Failure::Call(failure),
    };
    let after = retry::after_unerased(&failure, claim.step, claim.failures, chance);
    failed(claim, &failure, after)
}

fn with_receipt(claim: &Claim, after: After, receipt: Receipt) -> Came {
    Came {
        outcome: Some(json!(Outcome::Receipt(receipt.clone()))),
        is_acknowledged: claim.step == Step::Act,
        settle: Some(Box::new(Forget { was_unknown: receipt.status == Status::NotFound })),
        reference: receipt.reference.clone(),
        ..Came::of(after, AttemptResult::Receipt(receipt))
    }
}

fn failed(claim: &Claim, failure: &Failure, after: After) -> Came {
    Came { settle: Some(Box::new(Forget { was_unknown: false })), ..Came::failed(claim, failure, after) }
}
