//! One attempt: the claimed requests of a lane, asked of the sandbox.

mod end;

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::{consent::attempt as consent, service::Shared};
use end::end;
use host_harness::sandbox::{CallResult, Calls, UNTOLD};
use host_model::{
    contract::erasure::{PendingErasure, Receipt},
    requests::{
        Action, State, Step,
        retry::{self, After, Failure},
    },
};
use host_store::{
    StoreError,
    details::{Details, key_context},
    queue::Claim,
};

/// A request that has waited long.
pub(super) const LATE: &str = "request-late";

/// What came of one claimed request.
pub(crate) struct Came {
    pub(crate) after: After,
    /// What the record says.
    pub(crate) result: Value,
    pub(crate) outcome: Option<Value>,
    pub(crate) yielded: Yielded,
    /// Until then the person's next call waits.
    pub(crate) settles_after: Duration,
    /// Whether another request of the same call tells what its end means for the connection.
    pub(crate) is_told: bool,
}

/// What an attempt yielded beside its end.
pub(crate) enum Yielded {
    Nothing,
    Receipt(Receipt),
    Applied(consent::Applied),
    Read(consent::Read),
}

impl Came {
    pub(crate) fn of(after: After, result: Value) -> Self {
        let (yielded, settles_after) = (Yielded::Nothing, Duration::ZERO);
        Self { after, result, outcome: None, yielded, settles_after, is_told: false }
    }

    fn receipt(&self) -> Option<&Receipt> {
        match &self.yielded {
            Yielded::Receipt(receipt) => Some(receipt),
            _ => None,
        }
    }
}

/// Carries out `claims`, which are all of one lane, on the plugin of `calls`. Confirmations go in one call.
pub(crate) async fn attempt(shared: Arc<Shared>, calls: Calls, claims: Vec<Claim>) {
    let began = shared.clock.now();
    for (claim, came) in ask(&shared, &calls, claims).await {
        let digest = calls.plugin().digest().to_string();
        tell(&shared, &claim, &came, &digest, began);
        if let Err(error) = end(&shared, &claim, came, digest).await {
            // Its claim stays, and is taken back when its lease is over.
            tracing::error!(connection = claim.connection, request = claim.id, %error, "an attempt's end was not stored");
        }
    }
    shared.work.notify_one();
}

/// How an attempt ended, in metrics and log, with the keys that all of them share.
fn tell(shared: &Shared, claim: &Claim, came: &Came, digest: &str, began: Duration) {
    let status = match &came.after {
        After::Finished { state, .. } => state.word(),
        After::Again { cause, .. } => cause.word(),
    };
    let took = shared.clock.now().saturating_sub(began);
    let operation = claim.action.word();
    shared.telemetry.attempt(&claim.tenant, &claim.connection, operation, status, took);
    tracing::info!(
        tenant = claim.tenant,
        connection = claim.connection,
        operation,
        status,
        request = claim.id,
        attempt = claim.generation,
        digest,
        "an attempt ended"
    );
}

async fn ask(shared: &Shared, calls: &Calls, claims: Vec<Claim>) -> Vec<(Claim, Came)> {
    let mut opened = Vec::new();
    let mut came = Vec::new();
    for claim in claims {
        match open(shared, &claim) {
            Ok(details) => opened.push((claim, details)),
            Err(error) => came.push((claim, unopened(&error))),
        }
    }
    let Some((first, _)) = opened.first() else { return came };
    if (first.action, first.step) == (Action::Erasure, Step::Confirm) {
        came.extend(confirm(calls, opened).await);
        return came;
    }
    for (claim, details) in opened {
        let one = match claim.action {
            Action::Erasure => erased(&claim, calls.erase(&details.subject).await, chance()),
            Action::Consent => consent::apply(shared, calls, &claim, details, chance()).await,
            Action::Reading => consent::read(shared, calls, &claim, details, chance()).await,
        };
        came.push((claim, one));
    }
    came
}

fn open(shared: &Shared, claim: &Claim) -> Result<Details, StoreError> {
    let key = shared.store.vault().data_key(&key_context(&claim.id), &claim.data_key)?;
    Details::open(&key, &claim.id, &claim.sealed_details)
}

fn unopened(error: &StoreError) -> Came {
    let after = retry::finished(State::Failed, Some(error.to_string()));
    Came::of(after, json!({ "unreadable": error.to_string() }))
}

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
                let after = retry::after_receipt(&receipt, claim.is_acknowledged, claim.failures, chance());
                (claim, with_receipt(after, receipt))
            })
            .collect(),
        Ok(Err(error)) => all_failed(claims, &Failure::Connector(error)),
        Err(failure) => all_failed(claims, &Failure::Call(failure)),
    }
}

fn all_failed(claims: impl Iterator<Item = Claim>, failure: &Failure) -> Vec<(Claim, Came)> {
    let of_one = |(at, claim): (usize, Claim)| {
        let after = retry::after_unconfirmed(failure, claim.failures, chance());
        let came = Came { is_told: at > 0, ..failed(&claim, failure, after) };
        (claim, came)
    };
    claims.enumerate().map(of_one).collect()
}

fn erased(claim: &Claim, answer: CallResult<Receipt>, chance: f64) -> Came {
    let failure = match answer {
        Ok(Ok(receipt)) => {
            let after = retry::after_receipt(&receipt, true, claim.failures, chance);
            return with_receipt(after, receipt);
        }
        Ok(Err(error)) => Failure::Connector(error),
        Err(failure) => Failure::Call(failure),
    };
    let after = retry::after_unerased(&failure, claim.step, claim.failures, chance);
    failed(claim, &failure, after)
}

fn with_receipt(after: After, receipt: Receipt) -> Came {
    let shown = json!({ "receipt": receipt });
    let yielded = Yielded::Receipt(receipt);
    Came { outcome: Some(shown.clone()), yielded, ..Came::of(after, shown) }
}

pub(crate) fn failed(claim: &Claim, failure: &Failure, after: After) -> Came {
    let untold = failure.may_have_acted() && claim.step == Step::Act;
    let settles_after = if untold { UNTOLD } else { Duration::ZERO };
    Came { outcome: claim.outcome.clone(), settles_after, ..Came::of(after, failure.record()) }
}

/// Somewhere from 0 to 1; without randomness, the longest wait.
fn chance() -> f64 {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_or(1.0, |()| f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX))
}
