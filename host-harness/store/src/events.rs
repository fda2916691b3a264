//! The feed of consent events, and which of the vendor's events were heard.
//!
//! A reader that goes on from a number misses nothing: one writer gives the numbers, and commits them in their order.

use host_model::{consent::identity::IdentityMap, contract::Subject};
use sqlx::{FromRow, Row, any::AnyRow};

use crate::{
    columns::Column, database::Connection, error::StoreError, person::PersonId, requests::one_of, seal::Vault,
};

/// An event about to be stored.
pub struct NewEvent<'a> {
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: &'a str,
    /// The key of its connection.
    pub connection: &'a str,
    /// The record of its person.
    pub person: PersonId,
    /// What happened, as JSON; nothing in it says to whom.
    pub news: String,
    /// Who it is about, as [`sealed_identity`] seals it.
    pub sealed_identity: Vec<u8>,
    /// When it was received, in milliseconds since 1970 in UTC.
    pub received_at: i64,
}

/// An event as it is stored.
#[derive(FromRow)]
pub struct StoredEvent {
    /// Its place in the feed.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// What happened, as JSON; nothing in it says to whom.
    pub news: String,
    /// Who it is about: see [`identity`].
    pub sealed_identity: Vec<u8>,
}

/// Puts `event` at the end of the feed.
pub async fn append(tx: &mut Connection, event: NewEvent<'_>) -> Result<(), StoreError> {
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

/// The first `limit` events after the place `cursor`, of these tenants or, if `None`, of all. Each with its place,
/// since its row may be damaged.
pub async fn after(
    connection: &mut Connection,
    tenants: Option<&[String]>,
    cursor: i64,
    limit: i64,
) -> Result<Vec<(i64, Result<StoredEvent, StoreError>)>, StoreError> {
    let of_tenants = tenants.map_or_else(|| "TRUE".to_owned(), |tenants| one_of("tenant", 3, tenants.len()));
    let sql = format!(
        "SELECT seq, id, tenant, connection, news, sealed_identity FROM events WHERE seq > $1 AND {of_tenants} \
         ORDER BY seq LIMIT $2"
    );
    let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(cursor).bind(limit);
    for tenant in tenants.unwrap_or_default() {
        query = query.bind(tenant);
    }
    let rows = query.fetch_all(connection).await?;
    let read = |row: &AnyRow| Ok((row.try_get("seq")?, StoredEvent::from_row(row).map_err(StoreError::from)));
    rows.iter().map(read).collect()
}

/// The tenant and the connection of the event at the place `seq`; `None` if it is gone.
pub async fn origin(tx: &mut Connection, seq: i64) -> Result<Option<(String, String)>, StoreError> {
    let sql = "SELECT CAST(tenant AS TEXT) AS tenant, CAST(connection AS TEXT) AS connection FROM events WHERE seq = $1";
    Ok(sqlx::query_as(sql).bind(seq).fetch_optional(tx).await?)
}

/// Remembers, at `at`, that the vendor's event of that digest was heard. Returns whether that was for the first time.
pub async fn is_new(
    tx: &mut Connection,
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

/// Forgets that the vendor's event of that digest was heard: it was not taken in.
pub async fn forget(tx: &mut Connection, connection: &str, digest: [u8; 32]) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM event_keys WHERE connection = $1 AND digest = $2")
        .bind(connection)
        .bind(digest.to_vec())
        .execute(tx)
        .await?;
    Ok(())
}

/// Deletes events that were received and digests that were heard before `before`.
pub async fn prune(tx: &mut Connection, before: i64) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM events WHERE received_at < $1").bind(before).execute(&mut *tx).await?;
    sqlx::query("DELETE FROM event_keys WHERE heard_at < $1").bind(before).execute(tx).await?;
    Ok(())
}

/// How far a tenant's feed has been posted. Times are milliseconds since 1970 in UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromRow)]
pub struct Progress {
    /// The place of the last event that the platform took; 0 if it took none yet.
    pub posted: i64,
    /// Failures in a row since then.
    #[sqlx(try_from = "Column<u32>")]
    pub failures: u32,
    /// Since when posting fails; `None` if it does not.
    pub failing_since: Option<i64>,
    /// When it is tried next; 0 for at once.
    pub next_at: i64,
}

/// How far the feed of `tenant` has been posted; from the start if nothing was.
pub async fn progress(connection: &mut Connection, tenant: &str) -> Result<Progress, StoreError> {
    let progress: Option<Progress> =
        sqlx::query_as("SELECT posted, failures, failing_since, next_at FROM forwards WHERE tenant = $1")
            .bind(tenant)
            .fetch_optional(connection)
            .await?;
    Ok(progress.unwrap_or_default())
}

/// Records how far the feed of `tenant` has been posted.
pub async fn proceed(tx: &mut Connection, tenant: &str, progress: &Progress) -> Result<(), StoreError> {
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

/// `subject`, sealed as whom the event `id` is about.
pub fn sealed_identity(vault: &Vault, id: &str, subject: &Subject) -> Result<Vec<u8>, StoreError> {
    vault.seal_json(&context(id), &IdentityMap::from(subject))
}

/// Whom the event `id` is about.
pub fn identity(vault: &Vault, id: &str, sealed: &[u8]) -> Result<IdentityMap, StoreError> {
    vault.open_json(&context(id), sealed)
}

/// Where an event's identity map belongs.
fn context(id: &str) -> String {
    format!("event {id} identity")
}
