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
    /// JSON.
    pub news: String,
    /// Who it is about, sealed.
    pub sealed_identity: Vec<u8>,
    /// When it was received.
    pub received_at: i64,
}

/// An event as it is stored.
#[derive(FromRow)]
pub struct StoredEvent {
    /// Its place in the order of acceptance.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// The tenant that it belongs to.
    pub tenant: String,
    /// The key of its connection.
    pub connection: String,
    /// What happened, as JSON.
    pub news: String,
    /// Who it is about, sealed.
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

/// The first `limit` events after `cursor`, of these tenants or, where there is none given, of all: each by its place, for
/// its row may be damaged.
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

/// The tenant and the connection of the event at that place; none where it is gone.
pub async fn origin(tx: &mut Connection, seq: i64) -> Result<Option<(String, String)>, StoreError> {
    let sql = "SELECT CAST(tenant AS TEXT) AS tenant, CAST(connection AS TEXT) AS connection FROM events WHERE seq = $1";
    Ok(sqlx::query_as(sql).bind(seq).fetch_optional(tx).await?)
}

/// Whether the vendor's event of that digest is heard for the first time; it is remembered.
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

/// The vendor's event of that digest was not taken in.
pub async fn forget(tx: &mut Connection, connection: &str, digest: [u8; 32]) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM event_keys WHERE connection = $1 AND digest = $2")
        .bind(connection)
        .bind(digest.to_vec())
        .execute(tx)
        .await?;
    Ok(())
}

/// Events and digests from before `before` go.
pub async fn prune(tx: &mut Connection, before: i64) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM events WHERE received_at < $1").bind(before).execute(&mut *tx).await?;
    sqlx::query("DELETE FROM event_keys WHERE heard_at < $1").bind(before).execute(tx).await?;
    Ok(())
}

/// How far a tenant's feed has been posted.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromRow)]
pub struct Progress {
    /// The last event that was taken.
    pub posted: i64,
    /// Failures in a row since.
    #[sqlx(try_from = "Column<u32>")]
    pub failures: u32,
    /// Since when it fails, if any.
    pub failing_since: Option<i64>,
    /// When it is tried next.
    pub next_at: i64,
}

/// How far the feed of `tenant` has been posted.
pub async fn progress(connection: &mut Connection, tenant: &str) -> Result<Progress, StoreError> {
    let progress: Option<Progress> =
        sqlx::query_as("SELECT posted, failures, failing_since, next_at FROM forwards WHERE tenant = $1")
            .bind(tenant)
            .fetch_optional(connection)
            .await?;
    Ok(progress.unwrap_or_default())
}

/// The feed of `tenant` has been posted this far.
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

/// Who the event of that id is about, sealed for it.
pub fn sealed_identity(vault: &Vault, id: &str, subject: &Subject) -> Result<Vec<u8>, StoreError> {
    vault.seal_json(&context(id), &IdentityMap::from(subject))
}

/// Who the event of that id is about.
pub fn identity(vault: &Vault, id: &str, sealed: &[u8]) -> Result<IdentityMap, StoreError> {
    vault.open_json(&context(id), sealed)
}

/// Where an event's identity map belongs.
fn context(id: &str) -> String {
    format!("event {id} identity")
}
