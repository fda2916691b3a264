//! Claims of deliveries that came to nothing: their replica is gone or stops, or does not know of them.

use crate::{database::Tx, error::StoreError, replica_id::ReplicaId};

/// Waiting to be read. This condition must match that of the index.
pub(super) const WAITING: &str = "state = 'waiting'";

/// Reclaims the deliveries that a replica was reading which is gone; `replica` is not. Each counts as a failure, so that a
/// delivery that crashes the process is not read forever.
pub async fn reclaim(tx: &mut Tx, replica: &ReplicaId) -> Result<(), StoreError> {
    let sql = format!(
        "UPDATE deliveries SET lease_until = NULL, claimed_by = NULL, failures = failures + 1 \
         WHERE {WAITING} AND lease_until IS NOT NULL AND claimed_by IS DISTINCT FROM $1 \
           AND NOT EXISTS (SELECT 1 FROM replicas r WHERE r.id = deliveries.claimed_by)"
    );
    sqlx::query(sqlx::AssertSqlSafe(sql)).bind(replica.as_str()).execute(tx).await?;
    Ok(())
}

/// Puts the deliveries back in the queue that `replica` has claimed and has no reading `under_way` for, which holds their
/// positions: it does not know of the claim, or could not store the result.
pub async fn requeue_lost(tx: &mut Tx, replica: &ReplicaId, under_way: &[i64]) -> Result<(), StoreError> {
    let kept: Vec<_> = (0..under_way.len()).map(|at| format!(" AND seq <> ${}", at + 2)).collect();
    let sql = format!(
        "UPDATE deliveries SET lease_until = NULL, claimed_by = NULL \
         WHERE {WAITING} AND lease_until IS NOT NULL AND claimed_by = $1{}",
        kept.concat()
    );
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(replica.as_str());
    for seq in under_way {
        query = query.bind(seq);
    }
    query.execute(tx).await?;
    Ok(())
}

/// Puts every delivery that `replica` is reading back in the queue: it is stopping, and the readings were cut off.
pub async fn release_claims(tx: &mut Tx, replica: &ReplicaId) -> Result<(), StoreError> {
    requeue_lost(tx, replica, &[]).await
}
