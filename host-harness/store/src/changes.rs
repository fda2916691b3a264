//! Changes that every replica has to serve: of connections, and of the plugins that run.
//! Tested in `src/replicas/tests.rs`.

use sqlx::FromRow;

use crate::{
    columns::{Column, column, word},
    database::Tx,
    error::StoreError,
    replicas::ReplicaId,
};

/// What was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::AsRefStr, strum::EnumString)]
#[strum(serialize_all = "kebab-case")]
pub enum ChangeKind {
    /// A connection was created, changed or deleted, or is served by another version.
    Connection,
    /// A plugin runs another version.
    Plugin,
}

column!(ChangeKind: String, |stored| word("the kind of a change", &stored));

/// The latest change of a connection or plugin.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Change {
    /// What was changed.
    #[sqlx(try_from = "Column<ChangeKind>")]
    pub kind: ChangeKind,
    /// The key of the connection, or the name of the plugin.
    pub name: String,
    /// Its place in the order of changes.
    pub number: i64,
    /// The replica that made it.
    #[sqlx(try_from = "Column<ReplicaId>")]
    pub replica: ReplicaId,
}

/// Records that this transaction of `replica` changes the connection or plugin `name`.
pub async fn note(tx: &mut Tx, replica: &ReplicaId, kind: ChangeKind, name: &str) -> Result<(), StoreError> {
    // One transaction writes at a time, so that the numbers are committed in their order.
    const NOTE: &str = "INSERT INTO changes (kind, name, number, replica) \
                        SELECT $1, $2, COALESCE(MAX(number), 0) + 1, $3 FROM changes WHERE TRUE \
                        ON CONFLICT (kind, name) DO UPDATE SET number = excluded.number, replica = excluded.replica";
    sqlx::query(NOTE).bind(kind.as_ref()).bind(name).bind(replica.as_str()).execute(tx).await?;
    Ok(())
}

/// Returns the number of the last change; 0 if there was none.
pub async fn last(connection: &mut Tx) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("SELECT COALESCE(MAX(number), 0) FROM changes").fetch_one(connection).await?)
}

/// Returns the changes after `number`, in their order.
pub async fn after(connection: &mut Tx, number: i64) -> Result<Vec<Change>, StoreError> {
    let after = "SELECT kind, name, number, replica FROM changes WHERE number > $1 ORDER BY number";
    Ok(sqlx::query_as(after).bind(number).fetch_all(connection).await?)
}
