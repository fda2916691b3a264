//! The queue in the database: due requests, claims, and the changes made by attempts.
//!
//! A claim is a generation number: an attempt that ends must prove that its claim is still valid.

mod due;

use serde_json::Value;
use sqlx::FromRow;

use due::CLAIMED;
pub use due::{CLAIM, DUE_LANES, DueRequest};

use crate::{
    columns::{Column, column},
    cut_off::{self, RequestRow},
    database::Tx,
    error::StoreError,
    lane::Lane,
    lease::Lease,
    open_requests::OPEN,
    person::PersonId,
    placeholders::one_of,
    row_change::RowChange,
    seal::Vault,
};
use host_model::{
    digest::Digest,
    requests::{Action, RequestState, Step},
};

/// A request whose attempt is about to begin.
#[derive(Clone, Debug, FromRow)]
pub struct ClaimedRequest {
    /// Its position in the order of acceptance.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// The person that it is about.
    pub person: PersonId,
    /// The requested action.
    #[sqlx(try_from = "Column<Action>")]
    pub action: Action,
    /// The step that this attempt carries out.
    #[sqlx(try_from = "Column<Step>")]
    pub step: Step,
    /// The number of this attempt, starting at 1. The claim is valid as long as the request has no later attempt.
    pub generation: i64,
    /// The number of consecutive failed attempts.
    #[sqlx(try_from = "Column<u32>")]
    pub failures: u32,
    /// Whether the vendor has answered an attempt to erase.
    #[sqlx(rename = "acknowledged", try_from = "Column<bool>")]
    pub is_acknowledged: bool,
    /// The vendor's reference to an erasure under way; `None` if it gave none.
    pub reference: Option<String>,
    /// The plugin version that gave the reference; `None` if it is not known.
    #[sqlx(try_from = "Column<Option<Digest>>")]
    pub reference_by: Option<Digest>,
    /// The version that gave the reference, if it is to confirm the erasure: it is stored, no older version was put back in
    /// its place, and its confirmation was not contradicted. `None` for the version that serves the connection.
    #[sqlx(try_from = "Column<Option<Digest>>")]
    pub writer: Option<Digest>,
    /// The version, as its digest prints, that last attempted this step; `None` if it was not attempted.
    pub tried_by: Option<String>,
    /// The version, as its digest prints, whose effect is to be confirmed; `None` if this step is another one.
    pub acted_by: Option<String>,
    /// The version, as its digest prints, that last reported an outcome of the request that its requests contradict; `None` if
    /// none did.
    pub contradicted_by: Option<String>,
    /// Its outcome so far; `None` if there is none.
    #[sqlx(try_from = "Column<Option<Value>>")]
    pub outcome: Option<Value>,
    /// The person and what is still to be done, sealed: see [`Details`](crate::details::Details).
    #[sqlx(try_from = "Column<Destroyable>")]
    pub sealed_details: Vec<u8>,
    /// The key to its details, sealed under the master key.
    #[sqlx(try_from = "Column<Destroyable>")]
    pub data_key: Vec<u8>,
}

/// A value that is null once the request has ended and its details have been destroyed.
struct Destroyable(Vec<u8>);

column!(Destroyable: Option<Vec<u8>>, |sealed| {
    sealed.map(Destroyable).ok_or_else(|| StoreError::Unreadable("a request without details".to_owned()))
});

impl From<Column<Destroyable>> for Vec<u8> {
    fn from(Column(Destroyable(sealed)): Column<Destroyable>) -> Self {
        sealed
    }
}

/// The time of the next attempt of a request that waits for something other than time.
pub const NO_TIME: i64 = i64::MAX;

/// The changes that an attempt makes to its request. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug)]
pub struct RequestUpdate {
    /// The new state of the request.
    pub state: RequestState,
    /// The step of the next attempt.
    pub step: Step,
    /// When the next attempt may begin, if the request is waiting.
    pub next_at: i64,
    /// The number of consecutive failed attempts.
    pub failures: u32,
    /// Whether the vendor has answered an attempt to erase.
    pub is_acknowledged: bool,
    /// The vendor's reference to an erasure under way; `None` if it gave none.
    pub reference: Option<String>,
    /// The plugin version that gave the reference; `None` if it is not known.
    pub reference_by: Option<Digest>,
    /// The plugin version that the attempt ran on.
    pub digest: Digest,
    /// The outcome of the request so far; `None` if there is none.
    pub outcome: Option<Value>,
    /// Why the request is waiting or how it ended, for an operator; `None` if no reason is recorded.
    pub reason: Option<String>,
    /// What is still to be done, sealed; `None` if it has not changed.
    pub sealed_details: Option<Vec<u8>>,
    /// The result of this attempt, for the record.
    pub result: Value,
    /// What the host observed in this attempt, for the record.
    pub observed: Value,
    /// Whether the version that gave the reference failed to confirm with it, so that another one is to do it if one serves.
    pub has_writer_failed: bool,
    /// The digest of the plugin version that the request must not be attempted with again; `None` if it is not bound to
    /// another version.
    pub contradicted_by: Option<String>,
    /// When the attempt ended.
    pub at: i64,
}

/// Returns the lanes with requests due at `now` whose connection is enabled, neither parked nor paused, and not held back by a limit.
pub async fn due_lanes(connection: &mut Tx, now: i64) -> Result<Vec<Lane>, StoreError> {
    Ok(sqlx::query_as(DUE_LANES).bind(now).fetch_all(connection).await?)
}

/// Claims at most `most` due requests of `lane`, in the order accepted, for an attempt by the version that `serves` the
/// request, or by its [`writer`](ClaimedRequest::writer). Only requests whose person is settled and has no earlier
/// request in progress are claimed, and none if the connection was held back since the lane was found. A claim is
/// valid until a later attempt begins: it is taken back if its replica is gone, or has no attempt for it. A request that cannot be
/// read is set aside and does not stop the others.
pub async fn claim(
    tx: &mut Tx,
    vault: &Vault,
    lane: &Lane,
    most: usize,
    lease: &Lease,
    serves: impl Fn(&ClaimedRequest) -> Digest,
) -> Result<Vec<ClaimedRequest>, StoreError> {
    let claimed = due::claim(tx, lane, most, lease).await?;
    begin_all(tx, vault, lane, lease, claimed, serves).await
}

/// Same as [`claim`], for those of the due requests that `is_for_here`.
pub async fn claim_some(
    tx: &mut Tx,
    vault: &Vault,
    lane: &Lane,
    most: usize,
    lease: &Lease,
    serves: impl Fn(&ClaimedRequest) -> Digest,
    is_for_here: impl Fn(&DueRequest) -> bool,
) -> Result<Vec<ClaimedRequest>, StoreError> {
    let (mut chosen, mut after) = (Vec::new(), i64::MIN);
    while chosen.len() < most {
        let page = due::page(tx, lane, lease.now, after).await?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        chosen.extend(page.iter().filter(|due| is_for_here(due)).map(|due| due.seq));
    }
    chosen.truncate(most);
    due::claim_these(tx, &chosen, lease).await?;
    begin_all(tx, vault, lane, lease, chosen, serves).await
}

/// Begins the attempts of the requests at the positions `claimed`.
async fn begin_all(
    tx: &mut Tx,
    vault: &Vault,
    lane: &Lane,
    lease: &Lease,
    claimed: Vec<i64>,
    serves: impl Fn(&ClaimedRequest) -> Digest,
) -> Result<Vec<ClaimedRequest>, StoreError> {
    let now = lease.now;
    if claimed.is_empty() {
        return Ok(Vec::new());
    }
    let claimed_rows = format!("{CLAIMED}{} ORDER BY o.seq", one_of("o.seq", 1, claimed.len()));
    let query =
        claimed.iter().fold(sqlx::query(sqlx::AssertSqlSafe(claimed_rows)), |query, seq| query.bind(*seq));
    let rows = query.fetch_all(&mut *tx).await?;
    let mut claims = Vec::new();
    for row in &rows {
        match ClaimedRequest::from_row(row).map_err(StoreError::from) {
            Ok(claim) => claims.push(claim),
            Err(unreadable) => {
                let at = RequestRow::of(row, lane)?;
                cut_off::set_aside(tx, vault, &at, &unreadable.to_string(), now).await?;
            }
        }
    }
    for claim in &claims {
        begin(tx, claim, now, claim.writer.unwrap_or_else(|| serves(claim))).await?;
    }
    Ok(claims)
}

async fn begin(tx: &mut Tx, claim: &ClaimedRequest, now: i64, digest: Digest) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO attempts (request, generation, step, digest, began_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(claim.seq)
    .bind(claim.generation)
    .bind(claim.step.as_ref())
    .bind(digest.to_string())
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Applies `change` if the claim is still valid. The details of a request that has ended are
/// kept only if it can be replayed; otherwise its key is destroyed.
pub async fn end(
    tx: &mut Tx,
    claim: &ClaimedRequest,
    change: &RequestUpdate,
) -> Result<RowChange, StoreError> {
    if give_up_claim(tx, claim, change).await? == RowChange::Unchanged {
        return Ok(RowChange::Unchanged);
    }
    let has_ended = change.state.has_ended();
    let is_complete = matches!(change.state, RequestState::Done | RequestState::Skipped);
    sqlx::query(
        "UPDATE requests SET state = $2, step = $3, generation = $4, failures = $5, acknowledged = $6, reference = $7, \
           outcome = $8, reason = $9, finished_at = $10, \
           sealed_details = CASE WHEN $14 = 1 THEN NULL ELSE COALESCE($11, sealed_details) END, reference_by = $12, kills = 0, \
           writer_contradicted = CASE WHEN reference_by IS DISTINCT FROM $12 THEN 0 WHEN $13 = 1 THEN 1 \
             ELSE writer_contradicted END \
         WHERE seq = $1",
    )
    .bind(claim.seq)
    .bind(if has_ended { change.state.as_ref() } else { OPEN })
    .bind(change.step.as_ref())
    .bind(claim.generation)
    .bind(i64::from(change.failures))
    .bind(i64::from(change.is_acknowledged))
    .bind(change.reference.as_deref())
    .bind(change.outcome.as_ref().map(Value::to_string))
    .bind(change.reason.as_deref())
    .bind(has_ended.then_some(change.at))
    .bind(change.sealed_details.clone())
    .bind(change.reference_by.map(|digest| digest.0.to_vec()))
    .bind(i64::from(change.has_writer_failed))
    .bind(i64::from(is_complete))
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE attempts SET ended_at = $3, result = $4, observed = $5, digest = $6 WHERE request = $1 AND generation = $2",
    )
        .bind(claim.seq)
        .bind(claim.generation)
        .bind(change.at)
        .bind(change.result.to_string())
        .bind(change.observed.to_string())
        .bind(change.digest.to_string())
        .execute(&mut *tx)
        .await?;
    if is_complete {
        destroy_key(tx, claim.seq).await?;
    }
    Ok(RowChange::Changed)
}

/// Puts the request back in the queue, or takes it out if it has ended, if the claim is still valid.
async fn give_up_claim(
    tx: &mut Tx,
    claim: &ClaimedRequest,
    change: &RequestUpdate,
) -> Result<RowChange, StoreError> {
    let given_up = if change.state.has_ended() {
        sqlx::query("DELETE FROM open_requests WHERE seq = $1 AND generation = $2 AND state = 'running'")
            .bind(claim.seq)
            .bind(claim.generation)
    } else {
        sqlx::query(
            "UPDATE open_requests SET state = 'waiting', step = $3, next_at = $4, contradicted_by = $5, \
               lease_until = NULL, claimed_by = NULL \
             WHERE seq = $1 AND generation = $2 AND state = 'running'",
        )
        .bind(claim.seq)
        .bind(claim.generation)
        .bind(change.step.as_ref())
        .bind(change.next_at)
        .bind(change.contradicted_by.as_deref())
    };
    Ok(RowChange::of(given_up.execute(tx).await?.rows_affected()))
}

/// Returns the connections with requests that wait for another plugin version, with the digest of each version that they
/// must not be attempted with.
pub async fn contradicted(connection: &mut Tx) -> Result<Vec<(String, String)>, StoreError> {
    let sql =
        "SELECT DISTINCT connection, contradicted_by FROM open_requests WHERE contradicted_by IS NOT NULL";
    Ok(sqlx::query_as(sql).fetch_all(connection).await?)
}

/// Returns whether requests of the connection with the key `at` wait for another plugin version.
pub async fn are_contradicted(connection: &mut Tx, at: &str) -> Result<bool, StoreError> {
    let sql = "SELECT COUNT(*) FROM open_requests WHERE connection = $1 AND contradicted_by IS NOT NULL";
    let waiting: i64 = sqlx::query_scalar(sql).bind(at).fetch_one(connection).await?;
    Ok(waiting > 0)
}

/// Makes the requests of the connection with the key `at` due that wait for another plugin version than the one with this
/// `digest`, which does not confirm what it gave a reference for any more.
pub async fn release_contradicted(tx: &mut Tx, at: &str, digest: &str, now: i64) -> Result<(), StoreError> {
    let writer = digest.parse::<Digest>().ok().map(|digest| digest.0.to_vec());
    sqlx::query(
        "UPDATE requests SET writer_contradicted = 1 WHERE reference_by = $3 AND seq IN \
           (SELECT seq FROM open_requests WHERE connection = $1 AND contradicted_by = $2)",
    )
    .bind(at)
    .bind(digest)
    .bind(writer)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "UPDATE open_requests SET contradicted_by = NULL, next_at = $3 WHERE connection = $1 AND contradicted_by = $2",
    )
    .bind(at)
    .bind(digest)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Returns the current person of a claimed request, which a merge may have changed since the claim; `None` if the claim
/// is lost.
pub async fn person_of(tx: &mut Tx, claim: &ClaimedRequest) -> Result<Option<PersonId>, StoreError> {
    let held = "SELECT person FROM open_requests WHERE seq = $1 AND generation = $2 AND state = 'running'";
    Ok(sqlx::query_scalar(held).bind(claim.seq).bind(claim.generation).fetch_optional(tx).await?)
}

/// Destroys the key of the request's personal data and the data sealed with it.
pub async fn destroy(tx: &mut Tx, seq: i64) -> Result<(), StoreError> {
    destroy_key(tx, seq).await?;
    sqlx::query("UPDATE requests SET sealed_details = NULL WHERE seq = $1").bind(seq).execute(tx).await?;
    Ok(())
}

async fn destroy_key(tx: &mut Tx, seq: i64) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM request_keys WHERE request = $1").bind(seq).execute(tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
