//! The release in steps of each plugin: the one in progress, or the last one. It decides which version serves whom, so that
//! a row has a code.
//! Tested in `src/releases/tests.rs`.

use host_model::{
    digest::Digest,
    release::{plan::ReleasePlan, rules::VerdictRules, state::ReleaseState, times::StepTimes},
};
use serde::de::DeserializeOwned;
use serde_json::json;
use sqlx::{FromRow as _, Row as _};

use crate::{
    columns::{Column, column},
    database::Tx,
    error::StoreError,
    mac::{RowMac, RowMessage},
    row_change::RowChange,
    seal::Vault,
};

/// A release. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SteppedRelease {
    /// The plugin's name.
    pub plugin: String,
    /// Its id, a UUID.
    pub id: String,
    /// The version that served before.
    pub before: Digest,
    /// What is fixed when it begins, with the version that is released.
    pub plan: ReleasePlan,
    /// The rules of its verdict.
    pub rules: VerdictRules,
    /// How long its steps last.
    pub times: StepTimes,
    /// Its state.
    pub state: ReleaseState,
    /// Who began it: the name of a caller.
    pub began_by: String,
    /// When.
    pub began_at: i64,
}

/// The release of a plugin as it is stored.
#[derive(Debug)]
pub struct ReleaseRow {
    /// The plugin's name.
    pub plugin: String,
    /// The release; an error for a row that was changed or inserted from outside ([`StoreError::NotAuthentic`]).
    pub release: Result<SteppedRelease, StoreError>,
}

/// JSON as it is stored. What it says is read once its code was compared.
struct Written(String);

column!(Written: String, |text| Ok(Self(text)));

impl Written {
    fn read<T: DeserializeOwned>(&self, what: &str) -> Result<T, StoreError> {
        serde_json::from_str(&self.0).map_err(|_| StoreError::Unreadable(format!("the {what} of a release")))
    }
}

#[derive(sqlx::FromRow)]
struct StoredRelease {
    plugin: String,
    id: String,
    #[sqlx(try_from = "Column<Digest>")]
    digest: Digest,
    #[sqlx(try_from = "Column<Digest>")]
    before: Digest,
    #[sqlx(try_from = "Column<Written>")]
    plan: Written,
    #[sqlx(try_from = "Column<Written>")]
    rules: Written,
    #[sqlx(try_from = "Column<Written>")]
    times: Written,
    #[sqlx(try_from = "Column<Written>")]
    state: Written,
    began_by: String,
    began_at: i64,
    ended_at: Option<i64>,
    #[sqlx(try_from = "Column<Option<RowMac>>")]
    mac: Option<RowMac>,
}

impl StoredRelease {
    fn of(release: &SteppedRelease) -> Self {
        let SteppedRelease { plugin, id, before, plan, rules, times, state, began_by, began_at } = release;
        Self {
            plugin: plugin.clone(),
            id: id.clone(),
            digest: plan.version(),
            before: *before,
            plan: Written(json!(plan).to_string()),
            rules: Written(json!(rules).to_string()),
            times: Written(json!(times).to_string()),
            state: Written(json!(state).to_string()),
            began_by: began_by.clone(),
            began_at: *began_at,
            ended_at: state.ended_ms(),
            mac: None,
        }
    }

    fn message(&self, vault: &Vault) -> RowMessage {
        vault
            .row("release")
            .text(&self.plugin)
            .text(&self.id)
            .bytes(&self.digest.0)
            .bytes(&self.before.0)
            .text(&self.plan.0)
            .text(&self.rules.0)
            .text(&self.times.0)
            .text(&self.state.0)
            .text(&self.began_by)
            .number(self.began_at)
            .optional_number(self.ended_at)
    }

    fn authentic(self, vault: &Vault) -> Result<SteppedRelease, StoreError> {
        if !self.message(vault).matches(self.mac.as_ref()) {
            return Err(StoreError::NotAuthentic(format!("the release of plugin {}", self.plugin)));
        }
        Ok(SteppedRelease {
            before: self.before,
            plan: self.plan.read("plan")?,
            rules: self.rules.read("rules")?,
            times: self.times.read("times")?,
            state: self.state.read("state")?,
            plugin: self.plugin,
            id: self.id,
            began_by: self.began_by,
            began_at: self.began_at,
        })
    }
}

const STORED: &str = "SELECT plugin, id, digest, before, plan, rules, times, state, began_by, began_at, ended_at, mac FROM releases";

/// Returns the release of `plugin` that is in progress, or the last one; `None` if there was none.
pub async fn find(
    connection: &mut Tx,
    vault: &Vault,
    plugin: &str,
) -> Result<Option<SteppedRelease>, StoreError> {
    let sql = format!("{STORED} WHERE plugin = $1");
    let found: Option<StoredRelease> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(plugin).fetch_optional(connection).await?;
    found.map(|found| found.authentic(vault)).transpose()
}

/// Returns the release of every plugin, by plugin.
pub async fn all(connection: &mut Tx, vault: &Vault) -> Result<Vec<ReleaseRow>, StoreError> {
    let sql = format!("{STORED} ORDER BY plugin");
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(connection).await?;
    rows.iter()
        .map(|row| {
            let stored = StoredRelease::from_row(row).map_err(StoreError::from);
            let release = stored.and_then(|stored| stored.authentic(vault));
            Ok(ReleaseRow { plugin: row.try_get("plugin")?, release })
        })
        .collect()
}

/// Stores a release that begins, in place of the last one of its plugin and what was counted for it.
pub async fn begin(tx: &mut Tx, vault: &Vault, release: &SteppedRelease) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM release_counts WHERE release IN (SELECT id FROM releases WHERE plugin = $1)",
        "DELETE FROM release_erasures WHERE release IN (SELECT id FROM releases WHERE plugin = $1)",
        "DELETE FROM releases WHERE plugin = $1",
    ] {
        sqlx::query(sql).bind(&release.plugin).execute(&mut *tx).await?;
    }
    let stored = StoredRelease::of(release);
    let RowMac(mac) = stored.message(vault).mac();
    let begin = "INSERT INTO releases \
                   (plugin, id, digest, before, plan, rules, times, state, began_by, began_at, ended_at, mac) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    sqlx::query(begin)
        .bind(stored.plugin)
        .bind(stored.id)
        .bind(stored.digest.0.to_vec())
        .bind(stored.before.0.to_vec())
        .bind(stored.plan.0)
        .bind(stored.rules.0)
        .bind(stored.times.0)
        .bind(stored.state.0)
        .bind(stored.began_by)
        .bind(stored.began_at)
        .bind(stored.ended_at)
        .bind(mac)
        .execute(tx)
        .await?;
    Ok(())
}

/// Stores the state of `release`, unless it is no longer in the state `from`.
pub async fn advance(
    tx: &mut Tx,
    vault: &Vault,
    release: &SteppedRelease,
    from: &ReleaseState,
) -> Result<RowChange, StoreError> {
    if find(tx, vault, &release.plugin).await?.is_none_or(|now| now.id != release.id || now.state != *from) {
        return Ok(RowChange::Unchanged);
    }
    let stored = StoredRelease::of(release);
    let RowMac(mac) = stored.message(vault).mac();
    let advance = "UPDATE releases SET state = $2, ended_at = $3, mac = $4 WHERE plugin = $1";
    let advance = sqlx::query(advance).bind(stored.plugin).bind(stored.state.0).bind(stored.ended_at);
    Ok(RowChange::of(advance.bind(mac).execute(tx).await?.rows_affected()))
}

#[cfg(test)]
mod tests;
