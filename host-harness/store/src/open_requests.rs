//! The requests that have not ended: each has a row in `open_requests` beside the one in `requests`.
//! Tested in `src/queue/tests.rs`.

use host_model::requests::RequestState;

use crate::{database::Tx, error::StoreError};

/// What `requests` says of the state of a request that has not ended: its state is that of its row in `open_requests`.
pub(crate) const OPEN: &str = "open";

/// Puts the open request at position `seq` in the queue, for an attempt at `next_at`.
pub(crate) async fn put(tx: &mut Tx, seq: i64, next_at: i64) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO open_requests (seq, tenant, connection, person, action, received_at, state, step, next_at, generation) \
         SELECT seq, tenant, connection, person, action, received_at, 'waiting', step, $2, generation FROM requests \
         WHERE seq = $1",
    )
    .bind(seq)
    .bind(next_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// How a request ends without the result of an attempt.
pub(crate) struct Closing<'a> {
    /// Failed or expired.
    pub(crate) state: RequestState,
    /// Why it ended, for an operator.
    pub(crate) reason: &'a str,
    /// When it ended.
    pub(crate) at: i64,
}

/// Takes the request at position `seq` out of the queue, whatever its state, and records how it ended. Its record says
/// what its next attempt would have done.
pub(crate) async fn close(tx: &mut Tx, seq: i64, end: &Closing<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE requests SET state = $2, reason = $3, finished_at = $4, \
           (step, generation) = (SELECT step, generation FROM open_requests o WHERE o.seq = requests.seq) WHERE seq = $1",
    )
    .bind(seq)
    .bind(end.state.as_ref())
    .bind(end.reason)
    .bind(end.at)
    .execute(&mut *tx)
    .await?;
    sqlx::query("DELETE FROM open_requests WHERE seq = $1").bind(seq).execute(tx).await?;
    Ok(())
}
