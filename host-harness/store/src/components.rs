//! Components that were published through the API, and which of them each plugin runs.

use crate::{
    columns::{Column, column},
    database::Connection,
    error::StoreError,
};
use host_model::digest::Digest;

/// What a plugin runs by an operator's word.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Publication {
    /// The plugin that carries it.
    pub plugin: String,
    /// What it is known by.
    #[sqlx(try_from = "Column<Digest>")]
    pub digest: Digest,
    /// What ran before it.
    #[sqlx(try_from = "Column<Option<Digest>>")]
    pub before: Option<Digest>,
    /// When it was published.
    pub published_at: i64,
}

column!(Digest: Vec<u8>, |bytes| {
    let bytes = bytes.try_into();
    bytes.map(Digest).map_err(|_| StoreError::Unreadable("a component's digest".to_owned()))
});
column!(Option<Digest>: Option<Vec<u8>>, |bytes| bytes.map(Digest::from_column).transpose());

/// Every publication, by plugin.
pub async fn publications(connection: &mut Connection) -> Result<Vec<Publication>, StoreError> {
    let sql = "SELECT plugin, digest, before, published_at FROM publications ORDER BY plugin";
    Ok(sqlx::query_as(sql).fetch_all(connection).await?)
}

/// The component of that digest.
pub async fn component(connection: &mut Connection, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT bytes FROM components WHERE digest = $1";
    Ok(sqlx::query_scalar(sql).bind(digest.0.to_vec()).fetch_optional(connection).await?)
}

/// Keeps a component.
pub async fn keep(tx: &mut Connection, digest: Digest, bytes: Vec<u8>) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO components (digest, bytes) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING")
        .bind(digest.0.to_vec())
        .bind(bytes)
        .execute(tx)
        .await?;
    Ok(())
}

/// From now on a plugin runs what `publication` says. Components that no plugin runs or ran last are dropped.
pub async fn publish(tx: &mut Connection, publication: &Publication) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO publications (plugin, digest, before, published_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (plugin) DO UPDATE SET digest = $2, before = $3, published_at = $4",
    )
    .bind(&publication.plugin)
    .bind(publication.digest.0.to_vec())
    .bind(publication.before.map(|digest| digest.0.to_vec()))
    .bind(publication.published_at)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "DELETE FROM components WHERE digest NOT IN (SELECT digest FROM publications) \
           AND digest NOT IN (SELECT before FROM publications WHERE before IS NOT NULL)",
    )
    .execute(tx)
    .await?;
    Ok(())
}
