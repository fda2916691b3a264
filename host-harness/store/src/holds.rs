//! Holds requests back: at a vendor's limit, at a connection that needs an operator, at a vendor that does not answer.
//! Attempts record it here when they end, and [`delays`](crate::delays) reads it for views of requests.
//! Tested in `service/src/requests/worker/tests.rs`.

use crate::{database::Tx, error::StoreError};
use host_model::requests::{
    Action, Step,
    breaker::{Breaker, Reaction},
};

/// Returns whether the request with this id has to wait for an earlier erasure of the same person.
pub async fn is_behind_erasure(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    let earlier: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM requests me JOIN open_requests e ON e.person = me.person AND e.seq < me.seq \
         WHERE me.id = $1 AND e.action = 'erasure'",
    )
    .bind(id)
    .fetch_one(tx)
    .await?;
    Ok(earlier > 0)
}

/// Holds back requests with this connection, action and step until `until`, or longer if they are held back already: answers to
/// several attempts may come in any order.
pub async fn hold_back(
    tx: &mut Tx,
    connection: &str,
    action: Action,
    step: Step,
    until: i64,
    why: &str,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO gates (connection, action, step, until, why) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (connection, action, step) DO UPDATE SET until = excluded.until, why = excluded.why \
         WHERE gates.until < excluded.until",
    )
    .bind(connection)
    .bind(action.as_ref())
    .bind(step.as_ref())
    .bind(until)
    .bind(why)
    .execute(tx)
    .await?;
    Ok(())
}

/// Parks `connection` until an operator resumes it. If it is already parked, the original reason and time are kept.
pub async fn park(tx: &mut Tx, connection: &str, at: i64, why: &str) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE connections SET parked_why = $2, parked_at = $3 WHERE key = $1 AND parked_why IS NULL",
    )
    .bind(connection)
    .bind(why)
    .bind(at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Records the vendor's reaction to an attempt in the connection's circuit breaker.
pub async fn record_outcome(
    tx: &mut Tx,
    connection: &str,
    reaction: Reaction,
    at: i64,
) -> Result<(), StoreError> {
    let row: Option<(String, i64)> =
        sqlx::query_as("SELECT outcomes, open_until FROM connections WHERE key = $1")
            .bind(connection)
            .fetch_optional(&mut *tx)
            .await?;
    let Some((outcomes, open_until)) = row else { return Ok(()) };
    let before = Breaker { outcomes, open_until };
    let mut breaker = before.clone();
    breaker.record(reaction, at);
    // As it is while the vendor answers.
    if breaker == before {
        return Ok(());
    }
    sqlx::query("UPDATE connections SET outcomes = $2, open_until = $3 WHERE key = $1")
        .bind(connection)
        .bind(breaker.outcomes)
        .bind(breaker.open_until)
        .execute(tx)
        .await?;
    Ok(())
}
