//! The history of requests that have ended.

use sqlx::AssertSqlSafe;

use crate::{database::Tx, error::StoreError, portion::Portion};

/// The requests that ended first before `$1`, at most `$2`, if their data does not exist any more and their end need not be
/// posted.
const ENDED: &str = "FROM requests r WHERE r.finished_at < $1 AND r.sealed_details IS NULL \
   AND NOT EXISTS (SELECT 1 FROM callbacks c WHERE c.request = r.id AND c.ended_at IS NULL) \
   ORDER BY r.finished_at, r.seq LIMIT $2";

/// What is known of a request, by its number or its id.
const KNOWN: [(&str, &str, &str); 4] = [
    ("attempts", "request", "seq"),
    ("erasing", "request", "id"),
    ("callbacks", "request", "id"),
    ("requests", "seq", "seq"),
];

/// Deletes requests that ended before `ended_before` and their attempts, those that ended first, at most `limit`. Requests
/// whose data is kept for a replay, or whose end is still to be posted, stay.
pub async fn prune(tx: &mut Tx, ended_before: i64, limit: i64) -> Result<Portion, StoreError> {
    let mut deleted = Portion::Last;
    for (table, column, by) in KNOWN {
        let delete = format!("DELETE FROM {table} WHERE {column} IN (SELECT r.{by} {ENDED})");
        let done =
            sqlx::query(AssertSqlSafe(delete)).bind(ended_before).bind(limit).execute(&mut *tx).await?;
        deleted = Portion::of(done.rows_affected(), limit);
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
               (5, 'late', 'acme', 'n', 1, 'erasure', 'done', 'confirm', 1, 9, NULL), \
               (6, 'to-be-posted', 'acme', 'n', 1, 'erasure', 'done', 'confirm', 1, 5, NULL)",
            "INSERT INTO callbacks (request, tenant, connection, api_key, url, form, ended_at) VALUES \
               ('first', 'acme', 'n', 'k', 'u', 'standard', 8), ('to-be-posted', 'acme', 'n', 'k', 'u', 'standard', NULL)",
            "INSERT INTO erasing (connection, request, name) VALUES ('n', 'first', x'01'), ('n', 'open', x'01')",
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
            (Portion::Full, &["open", "second", "replayable", "late", "to-be-posted"][..]),
            (Portion::Full, &["open", "replayable", "late", "to-be-posted"]),
            (Portion::Last, &["open", "replayable", "late", "to-be-posted"]),
        ] {
            assert_eq!(write(&store, |tx| Box::pin(prune(tx, 9, 1))).await, deleted);
            assert_eq!(ids(&store, requests).await, left);
            assert_eq!(ids(&store, attempts).await, left);
        }
        assert_eq!(ids(&store, "SELECT request FROM callbacks").await, ["to-be-posted"]);
        assert_eq!(ids(&store, "SELECT request FROM erasing").await, ["open"]);
    }
}
