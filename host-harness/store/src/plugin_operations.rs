//! What callers began with the versions of plugins, and what came of it.
//! Tested in `src/plugin_operations/tests.rs`.

use host_model::{
    digest::Digest,
    plugin_operation::{OperationState, PluginAction},
};
use serde_json::Value;

use crate::{
    columns::{Column, column, word},
    database::Tx,
    error::StoreError,
    replica_id::ReplicaId,
    versions::VersionStep,
};

/// How many operations are kept. They are looked at soon after they end, and are a few kilobytes each; what they did is in
/// the history of versions and in the audit chain.
pub const MAX_KEPT_OPERATIONS: i64 = 200;

/// An operation on a plugin. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct PluginOperation {
    /// Its id.
    pub id: String,
    /// The plugin's name.
    pub plugin: String,
    /// What was asked for.
    #[sqlx(try_from = "Column<PluginAction>")]
    pub action: PluginAction,
    /// The version that it is about; `None` if it is not known yet.
    #[sqlx(try_from = "Column<Option<Digest>>")]
    pub digest: Option<Digest>,
    /// Who began it: the name of a caller.
    pub actor: String,
    /// When it began.
    pub began_at: i64,
    /// How far it is. One that is running and that no process carries out was interrupted.
    #[sqlx(try_from = "Column<OperationState>")]
    pub state: OperationState,
    /// Whether another process that serves the database carries it out, or did.
    #[sqlx(try_from = "Column<bool>")]
    pub is_of_other: bool,
    /// When it ended; `None` if it did not.
    pub ended_at: Option<i64>,
    /// What a caller who waits for its end is answered; `None` if it did not end.
    #[sqlx(try_from = "Column<Option<Value>>")]
    pub answer: Option<Value>,
}

column!(PluginAction: String, |stored| word("what an operation does", &stored));
column!(OperationState: String, |stored| word("the state of an operation", &stored));

/// A roll-back learns its version from its first step. A step that retires the replaced version is about another one.
const STORED: &str = "SELECT o.id, o.plugin, o.action, o.actor, o.began_at, o.state, o.ended_at, o.answer, \
                        COALESCE(o.digest, (SELECT v.digest FROM version_steps s JOIN versions v ON v.seq = s.version \
                          WHERE s.operation = o.id AND s.state <> 'retired' LIMIT 1)) AS digest, \
                        CASE WHEN EXISTS (SELECT 1 FROM replicas r WHERE r.id = o.replica AND r.id <> $2) THEN 1 ELSE 0 END \
                          AS is_of_other \
                      FROM plugin_operations o";

/// Stores an operation that begins at `replica`, and deletes those before the last [`MAX_KEPT_OPERATIONS`].
pub async fn begin(tx: &mut Tx, replica: &ReplicaId, operation: &PluginOperation) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO plugin_operations (id, plugin, action, digest, actor, began_at, state, replica) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(&operation.id)
    .bind(&operation.plugin)
    .bind(operation.action.as_ref())
    .bind(operation.digest.map(|digest| digest.0.to_vec()))
    .bind(&operation.actor)
    .bind(operation.began_at)
    .bind(operation.state.as_ref())
    .bind(replica.as_str())
    .execute(&mut *tx)
    .await?;
    let old = "DELETE FROM plugin_operations WHERE seq <= (SELECT MAX(seq) FROM plugin_operations) - $1";
    sqlx::query(old).bind(MAX_KEPT_OPERATIONS).execute(tx).await?;
    Ok(())
}

/// Stores that the operation with this id ended.
pub async fn end(
    tx: &mut Tx,
    id: &str,
    state: OperationState,
    at: i64,
    answer: &Value,
) -> Result<(), StoreError> {
    let sql = "UPDATE plugin_operations SET state = $2, ended_at = $3, answer = $4 WHERE id = $1";
    let ended = sqlx::query(sql).bind(id).bind(state.as_ref()).bind(at).bind(answer.to_string());
    ended.execute(tx).await?;
    Ok(())
}

/// Returns the operation with this id, as `replica` sees it; `None` if it is not known.
pub async fn find(
    connection: &mut Tx,
    replica: &ReplicaId,
    id: &str,
) -> Result<Option<PluginOperation>, StoreError> {
    let found = sqlx::query_as(sqlx::AssertSqlSafe(format!("{STORED} WHERE o.id = $1")));
    Ok(found.bind(id).bind(replica.as_str()).fetch_optional(connection).await?)
}

/// Returns the ids of the operations on `plugin`, the latest first.
pub async fn ids_of_plugin(connection: &mut Tx, plugin: &str) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT id FROM plugin_operations WHERE plugin = $1 ORDER BY seq DESC";
    Ok(sqlx::query_scalar(sql).bind(plugin).fetch_all(connection).await?)
}

/// Returns the steps of its version that the operation with this id caused, oldest first.
pub async fn steps(connection: &mut Tx, id: &str) -> Result<Vec<VersionStep>, StoreError> {
    let sql = "SELECT state, at, took_ms, actor, reason, evidence, operation FROM version_steps \
               WHERE operation = $1 AND state <> 'retired' ORDER BY seq";
    Ok(sqlx::query_as(sql).bind(id).fetch_all(connection).await?)
}

#[cfg(test)]
mod tests;
