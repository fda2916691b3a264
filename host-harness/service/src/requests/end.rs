//! Stores the end of an attempt in one transaction: the changes to its request, the person and its connection.
//! Tested in `src/requests/worker/tests.rs`.

use std::sync::Arc;

use host_model::requests::breaker::Reaction;
use host_store::RowChange;
use serde_json::json;

use super::{
    contradicted::ALARM,
    handler::{AttemptEnding, RequestOutcome},
};
use host_harness::clock::Clock;
use host_model::{
    digest::Digest,
    requests::{
        RequestState,
        deadline::LATE,
        retry::{NextStep, RetryCause},
    },
    time::millis,
};
use host_store::{
    Keys, Store, StoreError, Tx,
    alarms::{self, Alarm},
    audit::{self, Record},
    holds, people,
    queue::{self, ClaimedRequest, NO_TIME, RequestUpdate},
};

pub(super) async fn end(
    store: &Store,
    clock: &dyn Clock,
    claim: &ClaimedRequest,
    came: Arc<RequestOutcome>,
    digest: Digest,
) -> Result<(), StoreError> {
    let at = clock.date_ms();
    let keys = store.keys(&claim.tenant).await?;
    let claim = claim.clone();
    store.write(move |tx| Box::pin(async move { write(tx, &keys, &claim, &came, digest, at).await })).await
}

async fn write(
    tx: &mut Tx,
    keys: &Keys,
    claim: &ClaimedRequest,
    came: &RequestOutcome,
    digest: Digest,
    at: i64,
) -> Result<(), StoreError> {
    // If the claim was taken back by another worker, that worker's result counts.
    let Some(person) = queue::person_of(tx, claim).await? else { return Ok(()) };
    let mut change = change(claim, came, digest, at);
    if !came.settles_after.is_zero() {
        people::settles_at(tx, person, at.saturating_add(millis(came.settles_after))).await?;
    }
    if let Some(settle) = &came.settle {
        let outcome = settle.settle(tx, &AttemptEnding { keys, claim, person, change: &change }).await?;
        change.outcome = outcome.or(change.outcome);
    }
    if queue::end(tx, claim, &change).await? == RowChange::Unchanged {
        return Ok(());
    }
    let record = Record {
        connection: Some(claim.connection.clone()),
        request: Some(claim.id.clone()),
        digest: Some(digest.to_string()),
        detail: json!({
            "action": claim.action, "step": claim.step, "attempt": claim.generation,
            "state": change.state, "reason": change.reason, "result": change.result, "observed": change.observed,
        }),
        ..Record::of("request-attempted")
    };
    audit::append(tx, &keys.vault, &claim.tenant, at, &record).await?;
    if !came.is_told {
        consequences(tx, claim, &came.after, at).await?;
    }
    Ok(())
}

fn change(claim: &ClaimedRequest, came: &RequestOutcome, digest: Digest, at: i64) -> RequestUpdate {
    let is_acknowledged = claim.is_acknowledged || came.is_acknowledged;
    let (reference, reference_by) = match &came.reference {
        Some(reference) => (Some(reference.clone()), Some(digest)),
        None => (claim.reference.clone(), claim.reference_by),
    };
    let (state, step, next_at, failures, reason) = match &came.after {
        NextStep::Finished { state, reason } => (*state, claim.step, at, claim.failures, reason.clone()),
        NextStep::Again { step, wait, reason, cause } => {
            let failures = match cause {
                RetryCause::Unavailable
                | RetryCause::Unexpected
                | RetryCause::Limited
                | RetryCause::Unanswered => claim.failures.saturating_add(1),
                RetryCause::InProgress => 0,
                RetryCause::Unauthorized
                | RetryCause::HostUnavailable
                | RetryCause::HandedBack
                | RetryCause::Contradicted => claim.failures,
            };
            let next_at = match cause {
                RetryCause::Contradicted => NO_TIME,
                _ => at.saturating_add(millis(*wait)),
            };
            (RequestState::Waiting, *step, next_at, failures, Some(reason.clone()))
        }
    };
    let is_contradicted = matches!(came.after, NextStep::Again { cause: RetryCause::Contradicted, .. });
    RequestUpdate {
        has_writer_failed: came.is_about_the_reference && claim.reference_by == Some(digest),
        state,
        step,
        next_at,
        failures,
        is_acknowledged,
        reference,
        reference_by,
        digest,
        outcome: came.outcome.clone(),
        reason,
        sealed_details: came.sealed_details.clone(),
        result: json!(came.result),
        observed: json!(came.observed),
        contradicted_by: is_contradicted.then(|| digest.to_string()),
        at,
    }
}

/// Applies the consequences of an attempt's end for its connection.
async fn consequences(
    tx: &mut Tx,
    claim: &ClaimedRequest,
    after: &NextStep,
    at: i64,
) -> Result<(), StoreError> {
    let NextStep::Again { wait, reason, cause, .. } = after else {
        alarms::is_over(tx, at, LATE, &claim.id).await?;
        return holds::record_outcome(tx, &claim.connection, Reaction::Answered, at).await;
    };
    let alarm = |kind, about| Alarm {
        tenant: &claim.tenant,
        connection: Some(&claim.connection),
        kind,
        about,
        detail: reason,
    };
    match cause {
        RetryCause::InProgress | RetryCause::Unanswered => {
            holds::record_outcome(tx, &claim.connection, Reaction::Answered, at).await
        }
        RetryCause::Unavailable => holds::record_outcome(tx, &claim.connection, Reaction::Failed, at).await,
        RetryCause::Unexpected => {
            holds::record_outcome(tx, &claim.connection, Reaction::Failed, at).await?;
            alarms::raise(tx, at, &alarm("request-fails-unexpectedly", &claim.id)).await
        }
        RetryCause::Limited => {
            let until = at.saturating_add(millis(*wait));
            holds::hold_back(tx, &claim.connection, claim.action, claim.step, until, reason).await
        }
        RetryCause::Unauthorized => {
            holds::park(tx, &claim.connection, at, reason).await?;
            alarms::raise(tx, at, &alarm("connection-parked", &claim.connection)).await
        }
        RetryCause::Contradicted => alarms::raise(tx, at, &alarm(ALARM, &claim.connection)).await,
        RetryCause::HostUnavailable | RetryCause::HandedBack => Ok(()),
    }
}
