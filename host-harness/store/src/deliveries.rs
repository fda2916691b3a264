//! Webhook deliveries in the database: stored before they are acknowledged, claimed in the order received.

mod shown;

pub use shown::{DeliveryState, DeliveryView, Filter, list, show};
use sqlx::{FromRow, Row};

use crate::{columns::Column, database::Connection, error::StoreError, person::PersonId};

/// To be read. This and the next, as the indexes have them.
const WAITING: &str = "state = 'waiting'";

/// Not read, and to be read again as long as they are kept.
const UNREAD: &str = "state IN ('unreadable', 'stuck', 'damaged')";

/// A delivery about to be stored. Times are milliseconds since 1970 in UTC.
pub struct NewDelivery {
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// A keyed digest, by which the same delivery sent again is recognized.
    pub body_digest: [u8; 32],
    /// Whether it carried a token that is accepted.
    pub accepted: bool,
    /// Whether its token or its signature shows that it is the vendor's.
    pub proven: bool,
    /// Its method, address, headers and body, sealed.
    pub sealed: Vec<u8>,
    /// When it was received.
    pub received_at: i64,
}

/// A delivery that is being read. Times are milliseconds since 1970 in UTC.
#[derive(Clone, FromRow)]
pub struct Claim {
    /// Its place in the order received.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// Whether it carried a token that is accepted.
    #[sqlx(try_from = "Column<bool>")]
    pub accepted: bool,
    /// Whether its token or its signature shows that it is the vendor's.
    #[sqlx(try_from = "Column<bool>")]
    pub proven: bool,
    /// Its method, address, headers and body, sealed; empty if they are kept no longer.
    #[sqlx(rename = "sealed_delivery", try_from = "Body")]
    pub sealed: Vec<u8>,
    /// When it was received.
    pub received_at: i64,
    /// Readings in a row that came to nothing.
    pub failures: i64,
    generation: i64,
}

/// A sealed delivery; null once it is kept no longer, which reads as one that does not open.
#[derive(sqlx::Type)]
#[sqlx(transparent)]
struct Body(Option<Vec<u8>>);

impl From<Body> for Vec<u8> {
    fn from(Body(sealed): Body) -> Self {
        sealed.unwrap_or_default()
    }
}

/// A claimed row that cannot be read: the database was changed.
#[derive(Debug)]
pub struct Damaged {
    seq: i64,
    /// The tenant that it belongs to; empty if that cannot be read.
    pub tenant: String,
    /// The key of its connection; `None` if that cannot be read.
    pub connection: Option<String>,
    /// Why it cannot be read.
    pub why: StoreError,
}

/// How a reading ended for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Where the delivery stands from now on.
    pub state: DeliveryState,
    /// The digest of the plugin that read it; `None` if none did.
    pub digest: Option<String>,
    /// Why it was not read, for an operator; `None` if it was.
    pub reason: Option<String>,
    /// How many events were in it.
    pub events: i64,
}

/// Which deliveries are read again.
#[derive(Clone, Debug)]
pub enum Which {
    /// The one of that id.
    One(String),
    /// All that could not be read of the connection of that key.
    OfConnection(String),
}

/// Stores `new`, unless the same delivery is there already. Returns whether it was new.
pub async fn insert(tx: &mut Connection, new: NewDelivery) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO deliveries (id, tenant, connection, body_digest, accepted, proven, sealed_delivery, received_at, \
           next_at, state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9) \
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
    .bind(DeliveryState::Waiting.as_ref())
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// How many deliveries of `connection` are kept that are not shown to be the vendor's.
pub async fn unproven(tx: &mut Connection, connection: &str) -> Result<i64, StoreError> {
    let count = sqlx::query_scalar(
        "SELECT COUNT(*) FROM deliveries WHERE connection = $1 AND proven = 0 AND sealed_delivery IS NOT NULL",
    );
    Ok(count.bind(connection).fetch_one(tx).await?)
}

/// Claims the delivery that has been due longest at `now`, leaving out the connections in `full` and those that are
/// disabled; `None` if there is none. Nobody else claims it before `lease_until`. Each connection with something
/// waiting is looked at once, however much waits there.
pub async fn claim(
    tx: &mut Connection,
    now: i64,
    lease_until: i64,
    full: &[String],
) -> Result<Option<Result<Claim, Damaged>>, StoreError> {
    let left_out: Vec<_> = (0..full.len()).map(|at| format!("${}", at + 3)).collect();
    let sql = format!(
        "WITH RECURSIVE waiting (connection) AS (\
           SELECT MIN(connection) FROM deliveries WHERE state = 'waiting' UNION ALL \
           SELECT (SELECT MIN(d.connection) FROM deliveries d WHERE d.state = 'waiting' AND d.connection > w.connection) \
           FROM waiting w WHERE w.connection IS NOT NULL) \
         UPDATE deliveries SET generation = generation + 1, lease_until = $2 WHERE seq = (\
           SELECT d.seq FROM waiting w JOIN deliveries d ON d.seq = (\
             SELECT f.seq FROM deliveries f WHERE f.connection = w.connection AND f.state = 'waiting' \
               AND f.next_at <= $1 AND (f.lease_until IS NULL OR f.lease_until < $1) \
             ORDER BY f.next_at, f.seq LIMIT 1) \
           WHERE w.connection NOT IN ({}) AND w.connection NOT IN (SELECT key FROM connections WHERE enabled = 0) \
           ORDER BY d.next_at, d.seq LIMIT 1) \
         RETURNING seq, id, tenant, connection, accepted, proven, sealed_delivery, received_at, failures, generation",
        left_out.join(", ")
    );
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(now).bind(lease_until);
    for connection in full {
        query = query.bind(connection);
    }
    let row = query.fetch_optional(tx).await?;
    row.map(|row| {
        Ok(match Claim::from_row(&row) {
            Ok(claim) => Ok(claim),
            // By hand: as much of it as can be read.
            Err(why) => Err(Damaged {
                seq: row.try_get("seq")?,
                tenant: row.try_get("tenant").unwrap_or_default(),
                connection: row.try_get("connection").ok(),
                why: why.into(),
            }),
        })
    })
    .transpose()
}

/// Keeps the row as it is and claims it no more, so that it holds up no other.
pub async fn set_aside(tx: &mut Connection, damaged: &Damaged, at: i64) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE deliveries SET state = $2, reason = $3, lease_until = NULL, ended_at = $4 WHERE seq = $1",
    )
    .bind(damaged.seq)
    .bind(DeliveryState::Damaged.as_ref())
    .bind("its row in the database is damaged")
    .bind(at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Ends the reading of `claim` at `at`. Returns whether the claim still held; if not, nothing is changed.
pub async fn finish(tx: &mut Connection, claim: &Claim, end: &End, at: i64) -> Result<bool, StoreError> {
    let is_proof =
        matches!(end.state, DeliveryState::Read | DeliveryState::OfNoConcern | DeliveryState::Unreadable);
    let sql = format!(
        "UPDATE deliveries SET state = $3, digest = $4, reason = $5, events = $6, ended_at = $7, lease_until = NULL, \
           failures = 0, sealed_delivery = CASE WHEN $8 = 1 THEN NULL ELSE sealed_delivery END, \
           proven = CASE WHEN $9 = 1 THEN 1 ELSE proven END \
         WHERE seq = $1 AND generation = $2 AND {WAITING}"
    );
    let done = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(claim.seq)
        .bind(claim.generation)
        .bind(end.state.as_ref())
        .bind(end.digest.as_deref())
        .bind(end.reason.as_deref())
        .bind(end.events)
        .bind(at)
        .bind(i64::from(end.state == DeliveryState::Refused))
        .bind(i64::from(is_proof))
        .execute(tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Has the delivery of `claim` read again at `next_at`, since this reading came to nothing. Returns whether the claim
/// still held; if not, nothing is changed.
pub async fn again(
    tx: &mut Connection,
    claim: &Claim,
    next_at: i64,
    digest: Option<&str>,
    reason: &str,
) -> Result<bool, StoreError> {
    let sql = format!(
        "UPDATE deliveries SET next_at = $3, digest = $4, reason = $5, lease_until = NULL, failures = failures + 1 \
         WHERE seq = $1 AND generation = $2 AND {WAITING}"
    );
    let done = sqlx::query(sqlx::AssertSqlSafe(sql))
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
pub async fn take_back(tx: &mut Connection) -> Result<(), StoreError> {
    let sql = format!(
        "UPDATE deliveries SET lease_until = NULL, failures = failures + 1 WHERE {WAITING} AND lease_until IS NOT NULL"
    );
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(tx).await?;
    Ok(())
}

/// Has every delivery that is being read wait again: the process stops, and its readings were cut off.
pub async fn hand_back(tx: &mut Connection) -> Result<(), StoreError> {
    let sql = format!("UPDATE deliveries SET lease_until = NULL WHERE {WAITING} AND lease_until IS NOT NULL");
    sqlx::query(sqlx::AssertSqlSafe(sql)).execute(tx).await?;
    Ok(())
}

/// Records that the delivery of that id is about `person`.
pub async fn concerns(tx: &mut Connection, id: &str, person: PersonId) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO delivery_people (delivery, person) SELECT seq, $2 FROM deliveries WHERE id = $1 \
         ON CONFLICT DO NOTHING",
    )
    .bind(id)
    .bind(person)
    .execute(tx)
    .await?;
    Ok(())
}

/// Deletes what deliveries hold of `person`. Their keyed digests stay for a while, so that a repeat stays one.
pub async fn forget(tx: &mut Connection, person: PersonId) -> Result<(), StoreError> {
    const STEPS: [&str; 2] = [
        "UPDATE deliveries SET sealed_delivery = NULL \
         WHERE seq IN (SELECT delivery FROM delivery_people WHERE person = $1)",
        "DELETE FROM delivery_people WHERE person = $1",
    ];
    for step in STEPS {
        sqlx::query(step).bind(person).execute(&mut *tx).await?;
    }
    Ok(())
}

/// Has those of `which` read again, from `now` on, that could not be read and are still kept. Returns the connection of
/// each.
pub async fn replay(tx: &mut Connection, which: &Which, now: i64) -> Result<Vec<String>, StoreError> {
    let (column, value) = match which {
        Which::One(id) => ("id", id),
        Which::OfConnection(connection) => ("connection", connection),
    };
    let sql = format!(
        "UPDATE deliveries SET state = $3, next_at = $2, failures = 0, ended_at = NULL \
         WHERE {column} = $1 AND {UNREAD} AND sealed_delivery IS NOT NULL RETURNING CAST(connection AS TEXT)"
    );
    let waiting = DeliveryState::Waiting.as_ref();
    let replayed = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(value).bind(now).bind(waiting);
    Ok(replayed.fetch_all(tx).await?)
}

/// Whether deliveries of `connection` that could not be read are still kept.
pub async fn are_unread(tx: &mut Connection, connection: &str) -> Result<bool, StoreError> {
    let sql = format!(
        "SELECT COUNT(*) FROM deliveries WHERE connection = $1 AND {UNREAD} AND sealed_delivery IS NOT NULL"
    );
    let unread: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(connection).fetch_one(tx).await?;
    Ok(unread > 0)
}

/// The connections with deliveries that another version may read, each with the digest of the plugin that tried last,
/// if any did. What is damaged no version can read.
pub async fn unread(tx: &mut Connection) -> Result<Vec<(String, Option<String>)>, StoreError> {
    let sql = format!(
        "SELECT DISTINCT connection, digest FROM deliveries \
         WHERE {UNREAD} AND state <> $1 AND sealed_delivery IS NOT NULL"
    );
    let damaged = DeliveryState::Damaged.as_ref();
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(damaged).fetch_all(tx).await?)
}

/// Deliveries of one connection that were never read and are kept no longer.
#[derive(Debug, FromRow)]
pub struct Lost {
    /// The tenant that they belong to.
    pub tenant: String,
    /// The key of their connection.
    pub connection: String,
    /// How many there are.
    pub deliveries: i64,
}

/// Deletes the bodies that came before `bodies_before`, and what else is known of those that came and ended before
/// `rows_before`. Returns what was lost by it without having been read.
pub async fn tidy(
    tx: &mut Connection,
    bodies_before: i64,
    rows_before: i64,
    at: i64,
) -> Result<Vec<Lost>, StoreError> {
    const STEPS: [&str; 2] = [
        "DELETE FROM delivery_people WHERE delivery IN \
           (SELECT seq FROM deliveries WHERE received_at < $1 AND ended_at < $2)",
        "DELETE FROM deliveries WHERE received_at < $1 AND ended_at < $2",
    ];
    let lost = unread_before(tx, bodies_before).await?;
    sqlx::query(
        "UPDATE deliveries SET sealed_delivery = NULL, ended_at = COALESCE(ended_at, $2), \
           reason = CASE WHEN state = $3 THEN 'its body was kept no longer' ELSE reason END, \
           state = CASE WHEN state = $3 THEN $4 ELSE state END \
         WHERE received_at < $1 AND sealed_delivery IS NOT NULL",
    )
    .bind(bodies_before)
    .bind(at)
    .bind(DeliveryState::Waiting.as_ref())
    .bind(DeliveryState::Stuck.as_ref())
    .execute(&mut *tx)
    .await?;
    for step in STEPS {
        let received_before = rows_before.min(bodies_before);
        sqlx::query(step).bind(received_before).bind(rows_before).execute(&mut *tx).await?;
    }
    Ok(lost)
}

/// Materialized, since SQLite would go through all deliveries in the order of the groups.
async fn unread_before(tx: &mut Connection, received_before: i64) -> Result<Vec<Lost>, StoreError> {
    let sql = format!(
        "WITH old AS MATERIALIZED (SELECT tenant, connection FROM deliveries \
           WHERE received_at < $1 AND sealed_delivery IS NOT NULL AND ({WAITING} OR {UNREAD})) \
         SELECT tenant, connection, COUNT(*) AS deliveries FROM old GROUP BY tenant, connection"
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(received_before).fetch_all(tx).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_states_that_sql_speaks_of_are_those_of_the_type() {
        let unread = [DeliveryState::Unreadable, DeliveryState::Stuck, DeliveryState::Damaged];
        let words = unread.map(|state| format!("'{state}'")).join(", ");
        assert_eq!(UNREAD, format!("state IN ({words})"));
        assert_eq!(WAITING, format!("state = '{}'", DeliveryState::Waiting));
    }
}
