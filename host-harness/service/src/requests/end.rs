//! What an attempt's end changes, in one transaction: its request, the person, its connection.

use serde_json::json;

use super::handler::{Came, Ending};
use host_harness::clock::Clock;
use host_model::{
    requests::{
        State,
        deadline::LATE,
        retry::{After, Cause},
    },
    time::millis,
};
use host_store::{
    Connection, Keys, Store, StoreError,
    alarms::{self, Alarm},
    audit::{self, Record},
    holds, people,
    queue::{self, Change, Claim},
};

pub(super) async fn end(
    store: &Store,
    clock: &dyn Clock,
    claim: &Claim,
    came: Came,
    digest: String,
) -> Result<(), StoreError> {
    let at = clock.date_ms();
    let keys = store.keys(&claim.tenant).await?;
    let claim = claim.clone();
    store.write(move |tx| Box::pin(async move { write(tx, &keys, &claim, came, &digest, at).await })).await
}

async fn write(
    tx: &mut Connection,
    keys: &Keys,
    claim: &Claim,
    came: Came,
    digest: &str,
    at: i64,
) -> Result<(), StoreError> {
    // Where somebody else has taken the request back, what they find counts.
    let Some(person) = queue::person_of(tx, claim).await? else { return Ok(()) };
    let mut change = change(claim, &came, at);
    if !came.settles_after.is_zero() {
        people::settles_at(tx, person, at.saturating_add(millis(came.settles_after))).await?;
    }
    if let Some(settle) = &came.settle {
        let outcome = settle.settle(tx, &Ending { keys, claim, person, change: &change }).await?;
        change.outcome = outcome.or(change.outcome);
    }
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
    if !came.is_told {
        consequences(tx, claim, &came.after, at).await?;
    }
    Ok(())
}

fn change(claim: &Claim, came: &Came, at: i64) -> Change {
    let is_acknowledged = claim.is_acknowledged || came.is_acknowledged;
    let reference = came.reference.clone().or_else(|| claim.reference.clone());
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
        sealed_details: came.sealed_details.clone(),
        result: json!(came.result),
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
