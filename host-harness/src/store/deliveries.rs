//! Webhook deliveries in the database: stored before they are acknowledged, claimed in the order received.

mod shown;

pub(crate) use shown::{DeliveryState, DeliveryView, Filter, list, show};
use sqlx::{Row, any::AnyRow};

use super::{Connection, StoreError, people::PersonId};

/// A delivery about to be stored.
pub(crate) struct NewDelivery {
    pub(crate) id: String,
    pub(crate) tenant: String,
    pub(crate) connection: String,
    pub(crate) body_digest: [u8; 32],
    pub(crate) accepted: bool,
    pub(crate) proven: bool,
    pub(crate) sealed: Vec<u8>,
    pub(crate) received_at: i64,
}

/// A delivery that is being read.
#[derive(Clone)]
pub(crate) struct Claim {
    pub(crate) seq: i64,
    pub(crate) id: String,
    pub(crate) tenant: String,
    pub(crate) connection: String,
    pub(crate) accepted: bool,
    pub(crate) proven: bool,
    pub(crate) sealed: Vec<u8>,
    pub(crate) received_at: i64,
    pub(crate) failures: i64,
    generation: i64,
}

/// How a reading ended for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) state: DeliveryState,
    pub(crate) digest: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) events: i64,
}

/// Which deliveries are read again.
#[derive(Clone, Debug)]
pub(crate) enum Which {
    /// The one of that id.
    One(String),
    /// All of a connection that could not be read.
    OfConnection(String),
}

/// Stores `new` unless it is there already; whether it was new.
pub(crate) async fn insert(tx: &mut Connection, new: NewDelivery) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO deliveries (id, tenant, connection, body_digest, accepted, proven, state, sealed_delivery, \
           received_at, next_at) VALUES ($1, $2, $3, $4, $5, $6, 'waiting', $7, $8, $8) \
         ON CONFLICT (connection, body_digest) DO NOTHING",
    )
    .bind(new.id)
    .bind(new.tenant)
    .bind(new.connection)
    .bind(new.body_digest.to_vec())
    .bind(i64::from(new.accepted))
    .bind(i64::from(new.proven))
    .bind(new.sealed)
    .bind(new.received_at)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// How many wait at `connection` that are not shown to be the vendor's.
pub(crate) async fn unproven(tx: &mut Connection, connection: &str) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "SELECT COUNT(*) FROM deliveries WHERE connection = $1 AND state = 'waiting' AND proven = 0",
    );
    Ok(count.bind(connection).fetch_one(tx).await?)
}

/// Claims the delivery that came first of those due at `now`, leaving out the connections in `full` and those that are
/// switched off.
pub(crate) async fn claim(
    tx: &mut Connection,
    now: i64,
    lease_until: i64,
    full: &[String],
) -> Result<Option<Claim>, StoreError> {
    let left_out: Vec<_> = (0..full.len()).map(|at| format!("${}", at + 3)).collect();
    let sql = format!(
        "UPDATE deliveries SET generation = generation + 1, lease_until = $2 WHERE seq = (\
           SELECT seq FROM deliveries WHERE state = 'waiting' AND next_at <= $1 \
             AND (lease_until IS NULL OR lease_until < $1) AND connection NOT IN ({}) \
             AND connection NOT IN (SELECT key FROM connections WHERE enabled = 0) \
           ORDER BY seq LIMIT 1) \
         RETURNING seq, id, tenant, connection, accepted, proven, sealed_delivery, received_at, failures, generation",
        left_out.join(", ")
    );
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(now).bind(lease_until);
    for connection in full {
        query = query.bind(connection);
    }
    let row = query.fetch_optional(tx).await?;
    row.as_ref().map(claimed).transpose()
}

fn claimed(row: &AnyRow) -> Result<Claim, StoreError> {
    Ok(Claim {
        seq: row.try_get("seq")?,
        id: row.try_get("id")?,
        tenant: row.try_get("tenant")?,
        connection: row.try_get("connection")?,
        accepted: row.try_get::<i64, _>("accepted")? != 0,
        proven: row.try_get::<i64, _>("proven")? != 0,
        sealed: row.try_get::<Option<Vec<u8>>, _>("sealed_delivery")?.unwrap_or_default(),
        received_at: row.try_get("received_at")?,
        failures: row.try_get("failures")?,
        generation: row.try_get("generation")?,
    })
}

/// Ends the reading of `claim`; false where the claim was lost meanwhile.
pub(crate) async fn finish(
    tx: &mut Connection,
    claim: &Claim,
    end: &End,
    at: i64,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE deliveries SET state = $3, digest = $4, reason = $5, events = $6, ended_at = $7, lease_until = NULL, \
           failures = 0, sealed_delivery = CASE WHEN $3 = 'refused' THEN NULL ELSE sealed_delivery END, \
           proven = CASE WHEN $3 IN ('read', 'of-no-concern', 'unreadable') THEN 1 ELSE proven END \
         WHERE seq = $1 AND generation = $2 AND state = 'waiting'",
    )
    .bind(claim.seq)
    .bind(claim.generation)
    .bind(end.state.word())
    .bind(end.digest.as_deref())
    .bind(end.reason.as_deref())
    .bind(end.events)
    .bind(at)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The reading of `claim` came to nothing; it is read again at `next_at`. False where the claim was lost meanwhile.
pub(crate) async fn again(
    tx: &mut Connection,
    claim: &Claim,
    next_at: i64,
    digest: Option<&str>,
    reason: &str,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE deliveries SET next_at = $3, digest = $4, reason = $5, lease_until = NULL, failures = failures + 1 \
         WHERE seq = $1 AND generation = $2 AND state = 'waiting'",
    )
    .bind(claim.seq)
    .bind(claim.generation)
    .bind(next_at)
    .bind(digest)
    .bind(reason)
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Takes back what a process that is gone was reading; each counts as a failure, so that one that ends the process is not
/// read for ever.
pub(crate) async fn take_back(tx: &mut Connection) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE deliveries SET lease_until = NULL, failures = failures + 1 \
         WHERE state = 'waiting' AND lease_until IS NOT NULL",
    )
    .execute(tx)
    .await?;
    Ok(())
}

/// The delivery is about `person`.
pub(crate) async fn concerns(tx: &mut Connection, seq: i64, person: PersonId) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO delivery_people (delivery, person) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(seq)
        .bind(person.0)
        .execute(tx)
        .await?;
    Ok(())
}

/// Deletes what deliveries hold of `person`. Their keyed digests stay for a while, so that a repeat stays one.
pub(crate) async fn forget(tx: &mut Connection, person: PersonId) -> Result<(), StoreError> {
    const STEPS: [&str; 2] = [
        "UPDATE deliveries SET sealed_delivery = NULL \
         WHERE seq IN (SELECT delivery FROM delivery_people WHERE person = $1)",
        "DELETE FROM delivery_people WHERE person = $1",
    ];
    for step in STEPS {
        sqlx::query(step).bind(person.0).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Has those of `which` read again that could not be read and are still kept; how many they are.
pub(crate) async fn replay(tx: &mut Connection, which: &Which, now: i64) -> Result<u64, StoreError> {
    let (column, value) = match which {
        Which::One(id) => ("id", id),
        Which::OfConnection(connection) => ("connection", connection),
    };
    let sql = format!(
        "UPDATE deliveries SET state = 'waiting', next_at = $2, failures = 0, ended_at = NULL \
         WHERE {column} = $1 AND state IN ('unreadable', 'stuck') AND sealed_delivery IS NOT NULL"
    );
    let done = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(value).bind(now).execute(tx).await?;
    Ok(done.rows_affected())
}

/// The connections with deliveries that could not be read and are still kept, each with the plugin that tried last.
pub(crate) async fn unread(tx: &mut Connection) -> Result<Vec<(String, Option<String>)>, StoreError> {
    let rows = sqlx::query(
        "SELECT DISTINCT connection, digest FROM deliveries \
         WHERE state IN ('unreadable', 'stuck') AND sealed_delivery IS NOT NULL",
    )
    .fetch_all(tx)
    .await?;
    rows.iter().map(|row| Ok((row.try_get("connection")?, row.try_get("digest")?))).collect()
}

/// Deletes the bodies that came before `bodies_before`, and what else is known of those before `rows_before`.
pub(crate) async fn tidy(
    tx: &mut Connection,
    bodies_before: i64,
    rows_before: i64,
    at: i64,
) -> Result<(), StoreError> {
    const STEPS: [&str; 2] = [
        "DELETE FROM delivery_people WHERE delivery IN (SELECT seq FROM deliveries WHERE received_at < $1)",
        "DELETE FROM deliveries WHERE received_at < $1",
    ];
    sqlx::query(
        "UPDATE deliveries SET sealed_delivery = NULL, ended_at = COALESCE(ended_at, $2), \
           reason = CASE WHEN state = 'waiting' THEN 'its body was kept no longer' ELSE reason END, \
           state = CASE WHEN state = 'waiting' THEN 'stuck' ELSE state END \
         WHERE received_at < $1 AND sealed_delivery IS NOT NULL",
    )
    .bind(bodies_before)
    .bind(at)
    .execute(&mut *tx)
    .await?;
    for step in STEPS {
        sqlx::query(step).bind(rows_before.min(bodies_before)).execute(&mut *tx).await?;
    }
    Ok(())
}
