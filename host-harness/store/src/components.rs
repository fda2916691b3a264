//! Components published through the API, and the one that each plugin runs.
//! Tested in `api/src/tests/plugins.rs`.

use crate::{
    columns::{Column, column},
    database::Tx,
    error::StoreError,
};
use host_model::digest::Digest;

/// The component that a plugin runs because it was published through the API.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Publication {
    /// The plugin's name.
    pub plugin: String,
    /// The component that the plugin runs.
    #[sqlx(try_from = "Column<Digest>")]
    pub digest: Digest,
    /// The component that ran before; `None` if none did.
    #[sqlx(try_from = "Column<Option<Digest>>")]
    pub before: Option<Digest>,
    /// When it was published, in milliseconds since the Unix epoch.
    pub published_at: i64,
}

column!(Digest: Vec<u8>, |bytes| {
    let bytes = bytes.try_into();
    bytes.map(Digest).map_err(|_| StoreError::Unreadable("a component's digest".to_owned()))
});
column!(Option<Digest>: Option<Vec<u8>>, |bytes| bytes.map(Digest::from_column).transpose());

/// Returns every publication, ordered by the plugin's name.
pub async fn publications(connection: &mut Tx) -> Result<Vec<Publication>, StoreError> {
    let sql = "SELECT plugin, digest, before, published_at FROM publications ORDER BY plugin";
    Ok(sqlx::query_as(sql).fetch_all(connection).await?)
}

/// Returns the bytes of the component with this digest; `None` if it is not stored.
pub async fn component(connection: &mut Tx, digest: Digest) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT bytes FROM components WHERE digest = $1";
    Ok(sqlx::query_scalar(sql).bind(digest.0.to_vec()).fetch_optional(connection).await?)
}

/// Stores a component, unless it is already stored.
pub async fn insert(tx: &mut Tx, digest: Digest, bytes: Vec<u8>) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO components (digest, bytes) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING")
        .bind(digest.0.to_vec())
        .bind(bytes)
        .execute(tx)
        .await?;
    Ok(())
}

/// Records `publication` as what its plugin runs from now on. Deletes components that are neither the current nor the
/// previous one of any plugin.
pub async fn publish(tx: &mut Tx, publication: &Publication) -> Result<(), StoreError> {
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
