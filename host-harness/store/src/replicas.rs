//! The processes that serve a database: their signs of life, and the one that leads.
//! Tested in `src/replicas/tests.rs`.
//!
//! A replica watches the others. One whose signs of life stop is removed, and with its row goes its right to write: the
//! transactions of a replica without a row are not committed. So it cannot overwrite what was done in its place.

use std::{collections::BTreeMap, time::Duration};

use sqlx::FromRow;

use crate::{
    alarms::{self, Alarm},
    changes,
    columns::{Column, column},
    database::Tx,
    dialects::dialect,
    error::StoreError,
    replica_id::ReplicaId,
    row_change::RowChange,
    tenure::Tenure,
};

/// The digest of the version of each plugin that a replica serves, by the plugin's name.
pub type ServedVersions = BTreeMap<String, String>;

column!(ServedVersions: String, |stored| {
    serde_json::from_str(&stored).map_err(|_| StoreError::Unreadable("the versions of a replica".to_owned()))
});

/// A process that serves the database. Times are in milliseconds since the Unix epoch, by the database's clock.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct Replica {
    /// Its id.
    #[sqlx(try_from = "Column<ReplicaId>")]
    pub id: ReplicaId,
    /// What an operator calls it.
    pub name: String,
    /// The version of its program.
    pub program: String,
    /// When it started.
    pub started_at: i64,
    /// When it last gave a sign of life.
    pub seen_at: i64,
    /// The number of changes of connections and plugins that it does not serve yet.
    pub behind: i64,
    /// The versions that it serves.
    #[sqlx(rename = "plugins", try_from = "Column<ServedVersions>")]
    pub versions: ServedVersions,
    /// Since when it leads; `None` if it does not.
    pub leads_since: Option<i64>,
}

/// The last sign of life of a replica, as another one saw it.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct SignOfLife {
    /// The replica.
    #[sqlx(try_from = "Column<ReplicaId>")]
    pub id: ReplicaId,
    /// The number of its signs of life.
    pub beats: i64,
}

/// What a replica learns when it gives a sign of life.
#[derive(Clone, Debug)]
pub struct Beat {
    /// The number of this replica's signs of life.
    pub number: i64,
    /// The other replicas.
    pub others: Vec<SignOfLife>,
    /// The term in which it leads; `None` if another one does.
    pub tenure: Option<Tenure>,
}

/// Returns the database's clock, in milliseconds since the Unix epoch.
pub async fn date_ms(connection: &mut Tx) -> Result<i64, StoreError> {
    let sql = format!("SELECT {}", dialect(connection).clock());
    Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(connection).await?)
}

/// The kind of the alarm about a machine whose replica the others removed.
const SILENT: &str = "replica-silent";

/// Returns the machine of the replica with the name `MACHINE:PROCESS`.
fn machine(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(machine, _)| machine)
}

/// Enters a replica that starts with everything that is stored, and ends the alarm about its machine.
pub async fn join(tx: &mut Tx, id: &ReplicaId, name: &str) -> Result<(), StoreError> {
    let now = dialect(tx).clock();
    let sql = format!(
        "INSERT INTO replicas (id, name, program, started_at, seen_at, applied) VALUES ($1, $2, $3, {now}, {now}, $4)"
    );
    let applied = changes::last(tx).await?;
    let joined = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.as_str()).bind(name);
    joined.bind(env!("CARGO_PKG_VERSION")).bind(applied).execute(&mut *tx).await?;
    let at = date_ms(tx).await?;
    alarms::is_over(tx, at, SILENT, machine(name)).await
}

/// Gives a sign of life of the replica `id`, which serves `versions` and all changes up to `applied`, and takes the lead if
/// no replica has it. Fails with [`StoreError::TakenOver`] if the replica was removed.
pub async fn beat(
    tx: &mut Tx,
    id: &ReplicaId,
    versions: &ServedVersions,
    applied: i64,
) -> Result<Beat, StoreError> {
    let now = dialect(tx).clock();
    let sql = format!(
        "UPDATE replicas SET beats = beats + 1, seen_at = {now}, applied = $2, plugins = $3 WHERE id = $1 \
         RETURNING seen_at, beats"
    );
    let plugins = serde_json::to_string(versions).unwrap_or_default();
    let beat = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(id.as_str()).bind(applied).bind(plugins);
    let (now, number): (i64, i64) = beat.fetch_optional(&mut *tx).await?.ok_or(StoreError::TakenOver)?;
    let others = "SELECT id, beats FROM replicas WHERE id <> $1 ORDER BY id";
    let others = sqlx::query_as(others).bind(id.as_str()).fetch_all(&mut *tx).await?;
    Ok(Beat { number, others, tenure: Tenure::take(tx, id, now).await? })
}

/// Removes a replica that gave no sign of life since `last`, and raises the alarm about its machine at `at`, unless another
/// one has started there since.
pub async fn remove(tx: &mut Tx, last: &SignOfLife, at: i64) -> Result<RowChange, StoreError> {
    let removed = sqlx::query_as("DELETE FROM replicas WHERE id = $1 AND beats = $2 RETURNING name, seen_at");
    let removed: Option<(String, i64)> =
        removed.bind(last.id.as_str()).bind(last.beats).fetch_optional(&mut *tx).await?;
    let Some((name, seen_at)) = removed else { return Ok(RowChange::Unchanged) };
    let later = sqlx::query_scalar("SELECT name FROM replicas WHERE started_at >= $1");
    let later: Vec<String> = later.bind(seen_at).fetch_all(&mut *tx).await?;
    if later.iter().any(|other| machine(other) == machine(&name)) {
        return Ok(RowChange::Changed);
    }
    let detail = format!(
        "replica {name} gave no sign of life for a while, and the others have taken over its work; see whether its \
             machine runs, and its log"
    );
    let alarm = Alarm::of_service(SILENT, machine(&name), &detail);
    alarms::raise(tx, at, &alarm).await?;
    Ok(RowChange::Changed)
}

/// Removes all replicas but `id`: it holds the only lock on the database, so they have ended.
pub async fn remove_others(tx: &mut Tx, id: &ReplicaId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM replicas WHERE id <> $1").bind(id.as_str()).execute(tx).await?;
    Ok(())
}

/// Removes a replica that ends.
pub async fn leave(tx: &mut Tx, id: &ReplicaId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM replicas WHERE id = $1").bind(id.as_str()).execute(tx).await?;
    Ok(())
}

/// Returns all replicas, in the order in which they started.
pub async fn all(connection: &mut Tx) -> Result<Vec<Replica>, StoreError> {
    let all = "SELECT r.id, r.name, r.program, r.started_at, r.seen_at, r.plugins, l.since AS leads_since, \
                 (SELECT COUNT(*) FROM changes c WHERE c.number > r.applied AND c.replica <> r.id) AS behind \
               FROM replicas r LEFT JOIN lead l ON l.replica = r.id ORDER BY r.started_at, r.id";
    Ok(sqlx::query_as(all).fetch_all(connection).await?)
}

/// A replica that gave no sign of life for longer has ended: the others remove it after 20 seconds.
pub(crate) const PRESUMED_ALIVE: Duration = Duration::from_secs(30);

/// Returns the names of the replicas that gave a sign of life within the last `ms` milliseconds.
pub(crate) async fn seen_within(connection: &mut Tx, ms: i64) -> Result<Vec<String>, StoreError> {
    let sql = format!(
        "SELECT name FROM replicas WHERE seen_at > {} - $1 ORDER BY name",
        dialect(connection).clock()
    );
    Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(ms).fetch_all(connection).await?)
}

#[cfg(test)]
mod tests;
