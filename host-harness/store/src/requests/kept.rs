//! Requests whose data still exists, which a version is compared on before it serves.
//! Tested in `src/queue/tests.rs`.

use sqlx::FromRow;

use crate::{columns::Column, database::Tx, error::StoreError};
use host_model::requests::{Action, Step};

/// A request as it is stored.
#[derive(Clone, Debug, FromRow)]
pub struct KeptRequest {
    /// Its id.
    pub id: String,
    /// The requested action.
    #[sqlx(try_from = "Column<Action>")]
    pub action: Action,
    /// What its next attempt does.
    #[sqlx(try_from = "Column<Step>")]
    pub step: Step,
    /// The vendor's reference to an erasure under way; `None` if it gave none.
    pub reference: Option<String>,
    /// Whether the version that gave the reference is to confirm the erasure: see
    /// [`ClaimedRequest::writer`](crate::queue::ClaimedRequest::writer).
    #[sqlx(try_from = "Column<bool>")]
    pub has_writer: bool,
    /// The person and what is still to be done, sealed: see [`Details`](crate::details::Details).
    pub sealed_details: Vec<u8>,
    /// The key to its details, sealed under the master key.
    pub data_key: Vec<u8>,
}

/// Returns the positions of requests of the connection with the key `of` that wait, or ended without being carried out
/// and can be replayed, the newest first, at most `most`.
pub async fn with_data(connection: &mut Tx, of: &str, most: i64) -> Result<Vec<i64>, StoreError> {
    let with_data = sqlx::query_scalar(
        "SELECT seq FROM open_requests WHERE connection = $1 AND state = 'waiting' UNION ALL \
         SELECT seq FROM requests WHERE connection = $1 AND finished_at IS NOT NULL AND sealed_details IS NOT NULL \
         ORDER BY 1 DESC LIMIT $2",
    );
    Ok(with_data.bind(of).bind(most).fetch_all(connection).await?)
}

/// Returns the request at that position; `None` if its data was destroyed. Fails if its row cannot be read.
pub async fn kept(connection: &mut Tx, seq: i64) -> Result<Option<KeptRequest>, StoreError> {
    let kept = sqlx::query_as(
        "SELECT r.id, r.action, COALESCE(o.step, r.step) AS step, r.reference, r.sealed_details, k.data_key, \
           CASE WHEN EXISTS (SELECT 1 FROM connections n JOIN versions v ON v.plugin = n.plugin JOIN components c ON c.digest = v.digest \
             WHERE n.key = r.connection AND v.digest = r.reference_by AND v.withdrawn_at IS NULL \
               AND COALESCE(o.step, r.step) = 'confirm' AND r.writer_contradicted = 0) THEN 1 ELSE 0 END AS has_writer \
         FROM requests r LEFT JOIN open_requests o ON o.seq = r.seq \
         JOIN request_keys k ON k.request = r.seq WHERE r.seq = $1 AND r.sealed_details IS NOT NULL",
    );
    Ok(kept.bind(seq).fetch_optional(connection).await?)
}
