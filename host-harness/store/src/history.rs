//! The history of requests that have ended.

use crate::{database::Tx, error::StoreError};

/// What is known of a request that ended before `$1`, whose data does not exist any more. Each statement is about at most
/// `$2` requests, those that ended first.
const PRUNE: [&str; 2] = [
    "DELETE FROM attempts WHERE request IN (SELECT seq FROM requests WHERE finished_at < $1 AND sealed_details IS NULL \
       ORDER BY finished_at, seq LIMIT $2)",
    "DELETE FROM requests WHERE seq IN (SELECT seq FROM requests WHERE finished_at < $1 AND sealed_details IS NULL \
       ORDER BY finished_at, seq LIMIT $2)",
];

/// Deletes requests that ended before `ended_before` and their attempts, those that ended first, at most `limit`. Requests
/// whose data is kept for a replay stay. Returns the number of deleted requests.
pub async fn prune(tx: &mut Tx, ended_before: i64, limit: i64) -> Result<u64, StoreError> {
    let mut deleted = 0;
    for statement in PRUNE {
        let done = sqlx::query(statement).bind(ended_before).bind(limit).execute(&mut *tx).await?;
        deleted = done.rows_affected();
    }
    Ok(deleted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Store,
        testing::{ENQUEUE, Folder, sql, write},
    };

    async fn ids(store: &Store, of: &'static str) -> Vec<String> {
        let ids =
            store.read(move |c| Box::pin(async move { Ok(sqlx::query_scalar(of).fetch_all(c).await?) }));
        ids.await.unwrap()
    }

    #[tokio::test]
    async fn requests_that_ended_first_are_deleted_first_and_those_that_are_open_or_can_be_replayed_stay() {
        let folder = Folder::new();
        let store = folder.store().await;
        for statement in [
            "INSERT INTO requests (seq, id, tenant, connection, person, action, state, step, received_at, finished_at, \
               sealed_details) VALUES \
               (1, 'open', 'acme', 'n', 1, 'erasure', 'open', 'act', 1, NULL, x'01'), \
               (2, 'second', 'acme', 'n', 1, 'erasure', 'done', 'confirm', 1, 8, NULL), \
               (3, 'first', 'acme', 'n', 1, 'erasure', 'expired', 'confirm', 1, 7, NULL), \
               (4, 'replayable', 'acme', 'n', 1, 'erasure', 'failed', 'act', 1, 6, x'01'), \
               (5, 'late', 'acme', 'n', 1, 'erasure', 'done', 'confirm', 1, 9, NULL)",
            ENQUEUE,
            "INSERT INTO attempts (request, generation, step, digest, began_at) \
             SELECT seq, 1, 'act', 'sha256:00', 1 FROM requests",
        ] {
            sql(&store, statement).await;
        }
        let requests = "SELECT id FROM requests ORDER BY seq";
        let attempts =
            "SELECT r.id FROM attempts a LEFT JOIN requests r ON r.seq = a.request ORDER BY a.request";
        for (deleted, left) in [
            (1, &["open", "second", "replayable", "late"][..]),
            (1, &["open", "replayable", "late"]),
            (0, &["open", "replayable", "late"]),
        ] {
            assert_eq!(write(&store, |tx| Box::pin(prune(tx, 9, 1))).await, deleted);
            assert_eq!(ids(&store, requests).await, left);
            assert_eq!(ids(&store, attempts).await, left);
        }
    }
}
