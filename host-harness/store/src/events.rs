//! The feed of consent events, and the vendor's events that were received.
//! Tested in `service/src/consent/tests`.
//!
//! A reader that continues from a number misses nothing: a single writer assigns the numbers and commits them in order.

use host_model::{consent::identity::IdentityMap, contract::Subject};
use sqlx::{FromRow, Row, any::AnyRow};

use crate::{
    columns::Column,
    database::Tx,
    dialects::dialect,
    error::StoreError,
    grant::KeyReach,
    person::PersonId,
    portion::{self, Portion},
    seal::Vault,
};

/// An event about to be stored.
pub struct NewEvent<'a> {
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: &'a str,
    /// The key of its connection.
    pub connection: &'a str,
    /// The person it is about.
    pub person: PersonId,
    /// What happened, as JSON, without the identity of the person.
    pub news: String,
    /// The identity of the person, sealed by [`sealed_identity`].
    pub sealed_identity: Vec<u8>,
    /// When it was received, in milliseconds since the Unix epoch.
    pub received_at: i64,
}

/// A stored event.
#[derive(FromRow)]
pub struct StoredEvent {
    /// Its position in the feed.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// What happened, as JSON, without the identity of the person.
    pub news: String,
    /// The sealed identity of the person: see [`identity`].
    pub sealed_identity: Vec<u8>,
}

/// Appends `event` to the feed.
pub async fn append(tx: &mut Tx, event: NewEvent<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO events (id, tenant, connection, person, news, sealed_identity, received_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(event.id)
    .bind(event.tenant)
    .bind(event.connection)
    .bind(event.person)
    .bind(event.news)
    .bind(event.sealed_identity)
    .bind(event.received_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Returns the first `limit` events after the position `cursor` that belong to `reach`. Each event comes with its
/// position, because its row may be damaged.
pub async fn after(
    connection: &mut Tx,
    reach: &KeyReach,
    cursor: i64,
    limit: i64,
) -> Result<Vec<(i64, Result<StoredEvent, StoreError>)>, StoreError> {
    let reached = reach.condition("tenant", "connection", 3);
    let sql = format!(
        "SELECT seq, id, tenant, connection, news, sealed_identity FROM events WHERE seq > $1 AND {reached} \
         ORDER BY seq LIMIT $2"
    );
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(cursor).bind(limit);
    for value in reach.values() {
        query = query.bind(value);
    }
    let rows = query.fetch_all(connection).await?;
    let read = |row: &AnyRow| Ok((row.try_get("seq")?, StoredEvent::from_row(row).map_err(StoreError::from)));
    rows.iter().map(read).collect()
}

/// Returns the tenant and the connection of the event at position `seq`; `None` if it no longer exists.
pub async fn origin(tx: &mut Tx, seq: i64) -> Result<Option<(String, String)>, StoreError> {
    let sql = "SELECT CAST(tenant AS TEXT) AS tenant, CAST(connection AS TEXT) AS connection FROM events WHERE seq = $1";
    Ok(sqlx::query_as(sql).bind(seq).fetch_optional(tx).await?)
}

/// Records at `at` that the vendor's event with this digest was received. Returns whether it was received for the first
/// time.
pub async fn is_new(
    tx: &mut Tx,
    connection: &str,
    digest: [u8; 32],
    person: PersonId,
    at: i64,
) -> Result<bool, StoreError> {
    let heard = sqlx::query(
        "INSERT INTO event_keys (connection, digest, person, heard_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
    )
    .bind(connection)
    .bind(digest.to_vec())
    .bind(person)
    .bind(at)
    .execute(tx)
    .await?;
    Ok(heard.rows_affected() > 0)
}

/// Deletes the record that the vendor's event with this digest was received, because the event was not processed.
pub async fn forget(tx: &mut Tx, connection: &str, digest: [u8; 32]) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM event_keys WHERE connection = $1 AND digest = $2")
        .bind(connection)
        .bind(digest.to_vec())
        .execute(tx)
        .await?;
    Ok(())
}

/// Deletes a portion of the events and digests that were received before `before`.
pub async fn prune(tx: &mut Tx, before: i64) -> Result<Portion, StoreError> {
    const EVENTS: &str = "DELETE FROM events WHERE seq IN \
                            (SELECT seq FROM events WHERE received_at < $1 ORDER BY received_at, seq LIMIT $2)";
    const KEYS: &str = "DELETE FROM event_keys WHERE (connection, digest) IN \
                          (SELECT connection, digest FROM event_keys WHERE heard_at < $1 ORDER BY heard_at LIMIT $2)";
    let events = portion::delete_before(tx, EVENTS, before).await?;
    Ok(events.and(portion::delete_before(tx, KEYS, before).await?))
}

/// How far a tenant's feed has been posted. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromRow)]
pub struct FeedProgress {
    /// The position of the last event that the platform accepted; 0 if it has accepted none.
    pub posted: i64,
    /// The number of consecutive failures since then.
    #[sqlx(try_from = "Column<u32>")]
    pub failures: u32,
    /// When posting started to fail; `None` if it is not failing.
    pub failing_since: Option<i64>,
    /// When posting is tried next; 0 for immediately.
    pub next_at: i64,
}

/// Returns how far the feed of `tenant` has been posted; the start of the feed if nothing has.
pub async fn progress(connection: &mut Tx, tenant: &str) -> Result<FeedProgress, StoreError> {
    let progress: Option<FeedProgress> =
        sqlx::query_as("SELECT posted, failures, failing_since, next_at FROM forwards WHERE tenant = $1")
            .bind(tenant)
            .fetch_optional(connection)
            .await?;
    Ok(progress.unwrap_or_default())
}

/// Records how far the feed of `tenant` has been posted.
pub async fn proceed(tx: &mut Tx, tenant: &str, progress: &FeedProgress) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO forwards (tenant, posted, failures, failing_since, next_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (tenant) DO UPDATE SET posted = excluded.posted, failures = excluded.failures, \
           failing_since = excluded.failing_since, next_at = excluded.next_at",
    )
    .bind(tenant)
    .bind(progress.posted)
    .bind(i64::from(progress.failures))
    .bind(progress.failing_since)
    .bind(progress.next_at)
    .execute(tx)
    .await?;
    Ok(())
}

/// Seals `subject` as the person whom the event `id` is about.
pub fn sealed_identity(vault: &Vault, id: &str, subject: &Subject) -> Result<Vec<u8>, StoreError> {
    vault.seal_json(&context(id), &IdentityMap::from(subject))
}

/// Opens the identity of the person whom the event `id` is about.
pub fn identity(vault: &Vault, id: &str, sealed: &[u8]) -> Result<IdentityMap, StoreError> {
    vault.open_json(&context(id), sealed)
}

/// Returns the sealing context of an event's identity map.
fn context(id: &str) -> String {
    format!("event {id} identity")
}
/// Leaves out `count` numbers of events. New events then come after every cursor that a reader has from before a restore.
pub(crate) async fn skip_numbers(tx: &mut Tx, count: i64) -> Result<(), StoreError> {
    dialect(tx).skip_event_numbers(tx, count).await
}
