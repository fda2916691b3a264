//! Changes that every replica has to serve: of connections, and of the plugins that run.
//! Tested in `src/replicas/tests.rs`.

use host_model::digest::Digest;
use sqlx::FromRow;

use crate::{
    columns::{Column, column, word},
    database::Tx,
    error::StoreError,
    replica_id::ReplicaId,
};

/// What was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::AsRefStr, strum::EnumString)]
#[strum(serialize_all = "kebab-case")]
pub enum ChangeKind {
    /// A connection was created, changed or deleted, or is served by another version.
    Connection,
    /// The vendor has issued a new secret for a connection, which is stored.
    Secret,
    /// A plugin runs another version, its release moved, or connections are pinned to another version.
    Plugin,
    /// A version is about to serve, so that each replica loads it. Named by the plugin and the digest: see [`version`].
    Version,
}

column!(ChangeKind: String, |stored| word("the kind of a change", &stored));

/// Returns the name of a version of a plugin, as its digest prints, in changes.
pub fn version(plugin: &str, digest: Digest) -> String {
    format!("{plugin}@{digest}")
}

/// The latest change of a connection or plugin.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct ReplicatedChange {
    /// What was changed.
    #[sqlx(try_from = "Column<ChangeKind>")]
    pub kind: ChangeKind,
    /// The key of the connection, or the name of the plugin or of the version.
    pub name: String,
    /// Its place in the order of changes.
    pub number: i64,
    /// The replica that made it.
    #[sqlx(try_from = "Column<ReplicaId>")]
    pub replica: ReplicaId,
}

/// A change that a replica is about to make.
#[derive(Clone, Debug)]
pub struct NewChange {
    /// The replica.
    pub replica: ReplicaId,
    /// The number of the last change that it serves.
    pub applied: i64,
    /// What it changes.
    pub kind: ChangeKind,
    /// The key of the connection, or the name of the plugin.
    pub name: String,
}

impl NewChange {
    /// Records that this transaction makes the change. Fails with [`StoreError::ChangedMeanwhile`] if another replica has
    /// changed the same, and this one has decided without that.
    pub async fn record(&self, tx: &mut Tx) -> Result<(), StoreError> {
        // One transaction writes at a time, so that the numbers are committed in their order.
        const RECORD: &str = "INSERT INTO changes (kind, name, number, replica) \
                              SELECT $1, $2, COALESCE(MAX(number), 0) + 1, $3 FROM changes WHERE TRUE \
                              ON CONFLICT (kind, name) \
                                DO UPDATE SET number = excluded.number, replica = excluded.replica \
                                WHERE changes.replica = excluded.replica OR changes.number <= $4";
        let record = sqlx::query(RECORD).bind(self.kind.as_ref()).bind(&self.name);
        let recorded = record.bind(self.replica.as_str()).bind(self.applied).execute(tx).await?;
        if recorded.rows_affected() == 0 { Err(StoreError::ChangedMeanwhile) } else { Ok(()) }
    }
}

/// Returns the number of the last change; 0 if there was none.
pub async fn last(connection: &mut Tx) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT COALESCE(MAX(number), 0) FROM changes").fetch_one(connection).await?)
}

/// Returns the changes after `number`, in their order.
pub async fn after(connection: &mut Tx, number: i64) -> Result<Vec<ReplicatedChange>, StoreError> {
    let after = "SELECT kind, name, number, replica FROM changes WHERE number > $1 ORDER BY number";
    Ok(sqlx::query_as(after).bind(number).fetch_all(connection).await?)
}
