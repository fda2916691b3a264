//! What an attempt's end changes, in one transaction: its request, the person, its connection.

use serde_json::json;

use super::{
    Came, LATE, Yielded,
    retry::{After, Cause},
};
use crate::service::Shared;
use host_model::{
    contract::erasure::Status,
    requests::{Action, State, Step},
    time::millis,
};
use host_store::{
    Connection, Keys, StoreError,
    alarms::{self, Alarm},
    audit::{self, Record},
    holds, people,
    person::PersonId,
    queue::{self, Change, Claim},
};

pub(super) async fn end(
    shared: &Shared,
    claim: &Claim,
    came: Came,
    digest: String,
) -> Result<(), StoreError> {
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
        let outcome = read.take_in(tx, keys, claim, person).await?;
        came.outcome = outcome.or(came.outcome.take());
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
        State::Done if was_unknown => people::not_found(tx, person, at).await,
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
