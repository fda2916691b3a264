//! Versions that every replica loads before one serves, and what came of it.
//! Tested in `src/replicas/tests.rs`.

use host_model::digest::Digest;
use sqlx::FromRow;

use crate::{database::Tx, error::StoreError, replica_id::ReplicaId};

/// A replica that is to load a version.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Preparation {
    /// What operators call the replica.
    pub name: String,
    /// Whether it has tried.
    #[sqlx(try_from = "crate::columns::Column<bool>")]
    pub is_over: bool,
    /// Why it does not load there; `None` if it does, or if it was not tried yet.
    pub problem: Option<String>,
}

/// Forgets what came of loading a version before.
pub async fn begin(tx: &mut Tx, plugin: &str, digest: Digest) -> Result<(), StoreError> {
    let begin = "DELETE FROM preparations WHERE (plugin = $1 AND digest = $2) \
                   OR replica NOT IN (SELECT id FROM replicas)";
    sqlx::query(begin).bind(plugin).bind(digest.0.to_vec()).execute(tx).await?;
    Ok(())
}

/// Stores what came of loading a version at `replica`: `problem` if it does not load.
pub async fn end(
    tx: &mut Tx,
    replica: &ReplicaId,
    plugin: &str,
    digest: Digest,
    problem: Option<&str>,
) -> Result<(), StoreError> {
    let end = "INSERT INTO preparations (replica, plugin, digest, problem) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (replica, plugin, digest) DO UPDATE SET problem = $4";
    let end = sqlx::query(end).bind(replica.as_str()).bind(plugin).bind(digest.0.to_vec()).bind(problem);
    end.execute(tx).await?;
    Ok(())
}

/// Returns what came of loading a version at each replica but `replica`.
pub async fn at_others(
    connection: &mut Tx,
    replica: &ReplicaId,
    plugin: &str,
    digest: Digest,
) -> Result<Vec<Preparation>, StoreError> {
    let others = "SELECT r.name, CASE WHEN p.replica IS NULL THEN 0 ELSE 1 END AS is_over, p.problem FROM replicas r \
                  LEFT JOIN preparations p ON p.replica = r.id AND p.plugin = $2 AND p.digest = $3 \
                  WHERE r.id <> $1 ORDER BY r.name";
    let others = sqlx::query_as(others).bind(replica.as_str()).bind(plugin).bind(digest.0.to_vec());
    Ok(others.fetch_all(connection).await?)
}
