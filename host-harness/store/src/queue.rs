//! The queue in the database: what is due, claimed, and what an attempt changed.
//!
//! A claim is a generation number: an attempt that ends has to show that its claim still holds.

use serde_json::Value;
use sqlx::FromRow;

use crate::{
    columns::{Column, column},
    cut_off::{self, Place},
    database::Connection,
    error::StoreError,
    lane::Lane,
    person::PersonId,
};
use host_model::requests::{Action, State, Step};

/// A request whose attempt is about to begin.
#[derive(Clone, Debug, FromRow)]
pub struct Claim {
    /// Its place in the order of acceptance.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// What is asked for.
    #[sqlx(try_from = "Column<Action>")]
    pub action: Action,
    /// What this attempt does.
    #[sqlx(try_from = "Column<Step>")]
    pub step: Step,
    /// The number of this attempt, from 1. The claim holds as long as the request has no later one.
    pub generation: i64,
    /// Attempts that failed in a row.
    #[sqlx(try_from = "Column<u32>")]
    pub failures: u32,
    /// Whether the vendor has answered an attempt to erase.
    #[sqlx(rename = "acknowledged", try_from = "Column<bool>")]
    pub is_acknowledged: bool,
    /// The vendor's reference to an erasure under way; `None` if it gave none.
    pub reference: Option<String>,
    /// What came of it so far; `None` if nothing did.
    #[sqlx(try_from = "Column<Option<Value>>")]
    pub outcome: Option<Value>,
    /// Whom it is about and what is still asked, sealed: see [`Details`](crate::details::Details).
    #[sqlx(try_from = "Column<Destroyable>")]
    pub sealed_details: Vec<u8>,
    /// The key to its details, sealed under the master key.
    #[sqlx(try_from = "Column<Destroyable>")]
    pub data_key: Vec<u8>,
}

/// What is null once the request has ended and forgotten whom it was about.
struct Destroyable(Vec<u8>);

column!(Destroyable: Option<Vec<u8>>, |sealed| {
    sealed.map(Destroyable).ok_or_else(|| StoreError::Unreadable("a request whose details are gone".to_owned()))
});

impl From<Column<Destroyable>> for Vec<u8> {
    fn from(Column(Destroyable(sealed)): Column<Destroyable>) -> Self {
        sealed
    }
}

/// What an attempt leaves behind. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug)]
pub struct Change {
    /// Where the request stands from now on.
    pub state: State,
    /// What the next attempt does.
    pub step: Step,
    /// When its next attempt may begin, if it waits.
    pub next_at: i64,
    /// Attempts that failed in a row.
    pub failures: u32,
    /// Whether the vendor has answered an attempt to erase.
    pub is_acknowledged: bool,
    /// The vendor's reference to an erasure under way; `None` if it gave none.
    pub reference: Option<String>,
    /// What came of the request so far; `None` if nothing did.
    pub outcome: Option<Value>,
    /// Why it waits or how it ended, for an operator; `None` if there is nothing to say.
    pub reason: Option<String>,
    /// What is still asked, sealed; `None` if that has not changed.
    pub sealed_details: Option<Vec<u8>>,
    /// What came back from this attempt, for the record.
    pub result: Value,
    /// When the attempt ended.
    pub at: i64,
}

/// Each connection with something waiting is looked at once for each kind of lane, however much waits there.
pub const DUE_LANES: &str = "WITH RECURSIVE waiting (connection) AS (\
           SELECT MIN(connection) FROM requests WHERE state = 'waiting' UNION ALL \
           SELECT (SELECT MIN(r.connection) FROM requests r WHERE r.state = 'waiting' AND r.connection > w.connection) \
           FROM waiting w WHERE w.connection IS NOT NULL), \
         lanes (action, step) AS (SELECT 'erasure', 'act' UNION ALL SELECT 'erasure', 'confirm' \
           UNION ALL SELECT 'consent', 'act' UNION ALL SELECT 'reading', 'act') \
         SELECT c.tenant, c.key, l.action, l.step, c.outcomes, c.open_until \
         FROM waiting w JOIN connections c ON c.key = w.connection CROSS JOIN lanes l \
         WHERE c.enabled = 1 AND c.parked_why IS NULL AND c.open_until <= $1 \
           AND c.actions LIKE CASE l.action WHEN 'erasure' THEN '%erasure%' ELSE '%consent%' END \
           AND EXISTS (SELECT 1 FROM requests r WHERE r.connection = c.key AND r.action = l.action \
                         AND r.step = l.step AND r.state = 'waiting' AND r.next_at <= $1) AND NOT EXISTS \
           (SELECT 1 FROM gates g WHERE g.connection = c.key AND g.action = l.action AND g.step = l.step AND g.until > $1) \
         ORDER BY c.tenant, c.key, l.action, l.step";

/// Goes through its lane in the order accepted; `+ 0` keeps SQLite from sorting all that is due instead.
pub const CLAIM: &str = "UPDATE requests SET state = 'running', generation = generation + 1, lease_until = $4 WHERE seq IN ( \
           SELECT r.seq FROM requests r JOIN people p ON p.id = r.person \
           WHERE r.connection = $1 AND r.action = $2 AND r.step = $6 AND r.state = 'waiting' AND r.next_at + 0 <= $3 \
             AND p.settled_at <= $3 \
             AND NOT EXISTS (SELECT 1 FROM requests e \
                             WHERE e.person = r.person AND e.finished_at IS NULL \
                               AND (e.seq < r.seq OR e.seq <> r.seq AND e.state = 'running')) \
           ORDER BY r.seq LIMIT $5) \
         RETURNING seq, id, tenant, connection, action, step, generation, failures, acknowledged, reference, \
           outcome, sealed_details, (SELECT data_key FROM request_keys k WHERE k.request = requests.seq) AS data_key";

/// The lanes with something due at `now` whose connection is enabled, not parked, and not held back by a limit.
pub async fn due_lanes(connection: &mut Connection, now: i64) -> Result<Vec<Lane>, StoreError> {
    Ok(sqlx::query_as(DUE_LANES).bind(now).fetch_all(connection).await?)
}

/// Claims up to `most` due requests of `lane` whose person is settled and has no earlier request under way, in the
/// order accepted, for an attempt on the plugin of that `digest`. The claims hold until `lease_until`. One that cannot
/// be read is set aside, and the others go on.
pub async fn claim(
    tx: &mut Connection,
    lane: &Lane,
    most: usize,
    now: i64,
    lease_until: i64,
    digest: &str,
) -> Result<Vec<Claim>, StoreError> {
    let rows = sqlx::query(CLAIM)
        .bind(&lane.connection)
        .bind(lane.action.as_ref())
        .bind(now)
        .bind(lease_until)
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .bind(lane.step.as_ref())
        .fetch_all(&mut *tx)
        .await?;
    let mut claims = Vec::new();
    for row in &rows {
        match Claim::from_row(row).map_err(StoreError::from) {
            Ok(claim) => claims.push(claim),
            Err(unreadable) => {
                let at = Place::of(row, lane)?;
                cut_off::set_aside(tx, &at, &unreadable.to_string(), now).await?;
            }
        }
    }
    claims.sort_by_key(|claim| claim.seq);
    for claim in &claims {
        begin(tx, claim, now, digest).await?;
    }
    Ok(claims)
}

async fn begin(tx: &mut Connection, claim: &Claim, now: i64, digest: &str) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO attempts (request, generation, step, digest, began_at) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(claim.seq)
    .bind(claim.generation)
    .bind(claim.step.as_ref())
    .bind(digest)
    .bind(now)
    .execute(tx)
    .await?;
    Ok(())
}

/// Makes `change` if the claim still holds, and returns whether it did. A request that has ended keeps what it asked
/// only if it may be replayed: otherwise its key is destroyed.
pub async fn end(tx: &mut Connection, claim: &Claim, change: &Change) -> Result<bool, StoreError> {
    let is_final = !matches!(change.state, State::Waiting | State::Running);
    let done = sqlx::query(
        "UPDATE requests SET state = $3, step = $4, next_at = $5, failures = $6, acknowledged = $7, reference = $8, \
           outcome = $9, reason = $10, finished_at = $11, sealed_details = COALESCE($12, sealed_details), \
           lease_until = NULL, kills = 0 \
         WHERE seq = $1 AND generation = $2 AND state = 'running'",
    )
    .bind(claim.seq)
    .bind(claim.generation)
    .bind(change.state.as_ref())
    .bind(change.step.as_ref())
    .bind(change.next_at)
    .bind(i64::from(change.failures))
    .bind(i64::from(change.is_acknowledged))
    .bind(change.reference.as_deref())
    .bind(change.outcome.as_ref().map(Value::to_string))
    .bind(change.reason.as_deref())
    .bind(is_final.then_some(change.at))
    .bind(change.sealed_details.clone())
    .execute(&mut *tx)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("UPDATE attempts SET ended_at = $3, result = $4 WHERE request = $1 AND generation = $2")
        .bind(claim.seq)
        .bind(claim.generation)
        .bind(change.at)
        .bind(change.result.to_string())
        .execute(&mut *tx)
        .await?;
    if matches!(change.state, State::Done | State::Skipped) {
        destroy(tx, claim.seq).await?;
    }
    Ok(true)
}

/// The person of a claimed request as known now: a merge may have moved it to another number since. `None` if the claim
/// is lost.
pub async fn person_of(tx: &mut Connection, claim: &Claim) -> Result<Option<PersonId>, StoreError> {
    let held = "SELECT person FROM requests WHERE seq = $1 AND generation = $2 AND state = 'running'";
    Ok(sqlx::query_scalar(held).bind(claim.seq).bind(claim.generation).fetch_optional(tx).await?)
}

/// Destroys the key of the request's personal data, and what it sealed.
pub async fn destroy(tx: &mut Connection, seq: i64) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM request_keys WHERE request = $1").bind(seq).execute(&mut *tx).await?;
    sqlx::query("UPDATE requests SET sealed_details = NULL WHERE seq = $1").bind(seq).execute(tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
