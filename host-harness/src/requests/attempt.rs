//! One attempt: the claimed requests of a lane, asked of the sandbox, and what comes after, in one transaction.

mod consent;

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    Action, Details, State, Step, key_context,
    retry::{self, After, Cause, Failure},
};
use crate::{
    contract::erasure::{PendingErasure, Receipt, Status},
    sandbox::{CallResult, Calls, UNTOLD},
    service::{Shared, millis},
    store::{
        Connection, Keys, StoreError,
        alarms::{self, Alarm},
        audit::{self, Record},
        holds,
        people::{self, PersonId},
        queue::{self, Change, Claim},
    },
};

/// A request that has waited long.
pub(super) const LATE: &str = "request-late";

/// What came of one claimed request.
struct Came {
    after: After,
    /// What the record says.
    result: Value,
    outcome: Option<Value>,
    yielded: Yielded,
    /// Until then the person's next call waits.
    settles_after: Duration,
    /// Whether another request of the same call tells what its end means for the connection.
    is_told: bool,
}

/// What an attempt yielded beside its end.
enum Yielded {
    Nothing,
    Receipt(Receipt),
    Applied(consent::Applied),
    Read(consent::Read),
}

impl Came {
    fn of(after: After, result: Value) -> Self {
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

fn failed(claim: &Claim, failure: &Failure, after: After) -> Came {
    let untold = failure.may_have_acted() && claim.step == Step::Act;
    let settles_after = if untold { UNTOLD } else { Duration::ZERO };
    Came { outcome: claim.outcome.clone(), settles_after, ..Came::of(after, failure.record()) }
}

/// Somewhere from 0 to 1; without randomness, the longest wait.
fn chance() -> f64 {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_or(1.0, |()| f64::from(u32::from_be_bytes(bytes)) / f64::from(u32::MAX))
}

async fn end(shared: &Shared, claim: &Claim, came: Came, digest: String) -> Result<(), StoreError> {
    let at = shared.date_ms();
    let keys = shared.store.keys(&claim.tenant).await?;
    let claim = claim.clone();
    let ended = shared
        .store
        .write(move |tx| Box::pin(async move { store(tx, &keys, &claim, came, &digest, at).await }));
    ended.await
}

async fn store(
    tx: &mut Connection,
    keys: &Keys,
    claim: &Claim,
    mut came: Came,
    digest: &str,
    at: i64,
) -> Result<(), StoreError> {
    // Where somebody else has taken the request back, what they find counts.
    let Some(person) = queue::person_of(tx, claim).await? else { return Ok(()) };
    if let Yielded::Read(read) = &came.yielded {
        came.outcome = Some(read.take_in(tx, keys, claim, person).await?);
    }
    let change = change(claim, &came, at);
    if !queue::end(tx, claim, &change).await? {
        return Ok(());
    }
    let record = Record {
        connection: Some(claim.connection.clone()),
        request: Some(claim.id.clone()),
        digest: Some(digest.to_owned()),
        detail: json!({
            "action": claim.action, "step": claim.step, "attempt": claim.generation,
            "state": change.state, "reason": change.reason, "result": change.result,
        }),
        ..Record::of("request-attempted")
    };
    audit::append(tx, &claim.tenant, at, &record).await?;
    if !came.settles_after.is_zero() {
        people::settles_at(tx, person, at.saturating_add(millis(came.settles_after))).await?;
    }
    if !came.is_told {
        consequences(tx, claim, &came.after, at).await?;
    }
    if claim.action == Action::Erasure {
        forget_erased(tx, claim, person, (&came, &change), at).await?;
    }
    if let Yielded::Applied(applied) = &came.yielded {
        applied.forget_untaken(tx, person).await?;
    }
    Ok(())
}

/// Nothing stays of whom the vendor has erased. It did where it took the erasure, whatever came after; then no consent lets
/// the person in again. Where it never knew them, only what is known here goes.
async fn forget_erased(
    tx: &mut Connection,
    claim: &Claim,
    person: PersonId,
    (came, change): (&Came, &Change),
    at: i64,
) -> Result<(), StoreError> {
    let was_unknown = came.receipt().is_some_and(|receipt| receipt.status == Status::NotFound);
    match change.state {
        State::Done if was_unknown => people::forget(tx, person).await,
        State::Done => people::erased(tx, &claim.id, person, at).await,
        State::Failed if change.is_acknowledged => people::erased(tx, &claim.id, person, at).await,
        _ => Ok(()),
    }
}

fn change(claim: &Claim, came: &Came, at: i64) -> Change {
    let is_acknowledged = claim.is_acknowledged || came.receipt().is_some() && claim.step == Step::Act;
    let reference = match came.receipt() {
        Some(receipt) => receipt.reference.clone().or_else(|| claim.reference.clone()),
        None => claim.reference.clone(),
    };
    let (state, step, next_at, failures, reason) = match &came.after {
        After::Finished { state, reason } => (*state, claim.step, at, claim.failures, reason.clone()),
        After::Again { step, wait, reason, cause } => {
            let failures = match cause {
                Cause::Unavailable | Cause::Unexpected | Cause::Limited | Cause::Unanswered => {
                    claim.failures.saturating_add(1)
                }
                Cause::InProgress => 0,
                Cause::Unauthorized | Cause::HandedBack => claim.failures,
            };
            (State::Waiting, *step, at.saturating_add(millis(*wait)), failures, Some(reason.clone()))
        }
    };
    Change {
        state,
        step,
        next_at,
        failures,
        is_acknowledged,
        reference,
        outcome: came.outcome.clone(),
        reason,
        sealed_details: match &came.yielded {
            Yielded::Applied(applied) => applied.sealed_details.clone(),
            _ => None,
        },
        result: came.result.clone(),
        at,
    }
}

/// What an attempt's end means for its connection.
async fn consequences(tx: &mut Connection, claim: &Claim, after: &After, at: i64) -> Result<(), StoreError> {
    let After::Again { wait, reason, cause, .. } = after else {
        alarms::is_over(tx, at, LATE, &claim.id).await?;
        return holds::record_outcome(tx, &claim.connection, true, at).await;
    };
    let alarm = |kind, about| Alarm {
        tenant: &claim.tenant,
        connection: Some(&claim.connection),
        kind,
        about,
        detail: reason,
    };
    match cause {
        Cause::InProgress | Cause::Unanswered => holds::record_outcome(tx, &claim.connection, true, at).await,
        Cause::Unavailable => holds::record_outcome(tx, &claim.connection, false, at).await,
        Cause::Unexpected => {
            holds::record_outcome(tx, &claim.connection, false, at).await?;
            alarms::raise(tx, at, &alarm("request-fails-unexpectedly", &claim.id)).await
        }
        Cause::Limited => {
            let until = at.saturating_add(millis(*wait));
            holds::gate(tx, &claim.connection, (claim.action, claim.step), until, reason).await
        }
        Cause::Unauthorized => {
            holds::park(tx, &claim.connection, at, reason).await?;
            alarms::raise(tx, at, &alarm("connection-parked", &claim.connection)).await
        }
        Cause::HandedBack => Ok(()),
    }
}
