//! The history of a plugin's versions: what was uploaded or ran from a file, and what became of it.
//! Tested in `src/versions/tests.rs`.

use std::collections::{BTreeMap, BTreeSet};

use host_model::{
    digest::Digest,
    plugin_version::{VersionSource, VersionState},
};
use serde_json::Value;

use crate::{
    columns::{Column, column, word},
    database::Tx,
    error::StoreError,
    mac::{RowMac, RowMessage},
    seal::Vault,
};

/// How many of the versions that served can be put back. Each costs its size in the database and in every backup.
pub const MAX_KEPT: usize = 20;

/// How many versions that have not served yet are kept, such as those that wait for an approval.
pub const MAX_PENDING: usize = 5;

/// A version of a plugin. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Version {
    /// The plugin's name.
    pub plugin: String,
    /// The component's digest.
    #[sqlx(try_from = "Column<Digest>")]
    pub digest: Digest,
    /// The connector's own version; `None` if it has not been loaded.
    pub version: Option<String>,
    /// The version of the contract; `None` if it has not been loaded.
    pub contract: Option<String>,
    /// Size of the component in bytes; 0 if it is not known.
    pub size: i64,
    /// Where it came from.
    #[sqlx(try_from = "Column<VersionSource>")]
    pub source: VersionSource,
    /// What the operator wrote about it.
    pub note: Option<String>,
    /// The id of the API key that first uploaded it; `None` if none did.
    pub uploaded_by: Option<String>,
    /// The conditions under which it loads, as JSON; `None` for the defaults.
    pub conditions: Option<String>,
    /// What it requests and an operator approved, as a JSON list; `None` if it was not approved.
    pub approved: Option<String>,
    /// The state of its last step.
    #[sqlx(try_from = "Column<VersionState>")]
    pub state: VersionState,
    /// When it last began to serve; `None` if it never did.
    pub served_at: Option<i64>,
    /// When an older version was put back in its place; `None` if none was since it last began to serve.
    pub withdrawn_at: Option<i64>,
    /// The text of the bundle with the signature under which it was admitted; `None` if its plugin needed none then.
    pub bundle: Option<Vec<u8>>,
}

column!(VersionSource: String, |stored| word("the source of a version", &stored));
column!(VersionState: String, |stored| word("the state of a version", &stored));

impl Version {
    /// Creates a version that was uploaded, of whose `size` bytes nothing else is known yet.
    pub fn new(plugin: &str, digest: Digest, size: usize, source: VersionSource) -> Self {
        Self {
            plugin: plugin.to_owned(),
            digest,
            version: None,
            contract: None,
            size: i64::try_from(size).unwrap_or(i64::MAX),
            source,
            note: None,
            uploaded_by: None,
            conditions: None,
            approved: None,
            state: VersionState::Uploaded,
            served_at: None,
            withdrawn_at: None,
            bundle: None,
        }
    }

    fn message(&self, vault: &Vault) -> RowMessage {
        let message = vault
            .row("version")
            .text(&self.plugin)
            .bytes(&self.digest.0)
            .optional(self.conditions.as_deref().map(str::as_bytes))
            .optional(self.approved.as_deref().map(str::as_bytes))
            .text(self.state.as_ref())
            .optional_number(self.served_at)
            .optional_number(self.withdrawn_at);
        // Rows of earlier versions of this program have no uploader or no bundle, and codes without them.
        match (&self.uploaded_by, &self.bundle) {
            (None, None) => message,
            (Some(uploader), None) => message.text(uploader),
            (uploader, Some(bundle)) => {
                message.optional(uploader.as_deref().map(str::as_bytes)).bytes(bundle)
            }
        }
    }
}

/// A version as it is stored.
#[derive(Clone, Debug, sqlx::FromRow)]
pub struct StoredVersion {
    /// The version.
    #[sqlx(flatten)]
    pub version: Version,
    /// Whether its component is stored, so that it can be put back.
    #[sqlx(try_from = "Column<bool>")]
    pub is_stored: bool,
    seq: i64,
    #[sqlx(try_from = "Column<Option<RowMac>>")]
    mac: Option<RowMac>,
}

impl StoredVersion {
    /// Returns whether the row was written by this program. One that was not must not serve.
    pub fn is_authentic(&self, vault: &Vault) -> bool {
        self.version.message(vault).matches(self.mac.as_ref())
    }

    /// Returns whether this version first appeared before `other` did.
    pub fn is_older_than(&self, other: &Self) -> bool {
        self.seq < other.seq
    }
}

/// A step in a version's history.
#[derive(Clone, Debug, PartialEq, sqlx::FromRow)]
pub struct VersionStep {
    /// The state that it reached.
    #[sqlx(try_from = "Column<VersionState>")]
    pub state: VersionState,
    /// When, in milliseconds since the Unix epoch.
    pub at: i64,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
    /// Who caused it: the name of a caller, or `the host`.
    pub actor: String,
    /// Why it was refused, as a code; `None` otherwise.
    pub reason: Option<String>,
    /// What shows it.
    #[sqlx(try_from = "Column<Option<Value>>")]
    pub evidence: Option<Value>,
    /// The id of the operation that caused it; `None` if none did.
    pub operation: Option<String>,
}

const STORED: &str = "SELECT v.seq, v.plugin, v.digest, v.version, v.contract, v.size, v.source, v.note, v.uploaded_by, v.conditions, v.approved, v.state, \
                        v.served_at, v.withdrawn_at, v.bundle, v.mac, CASE WHEN EXISTS (SELECT 1 FROM components c WHERE c.digest = v.digest) THEN 1 ELSE 0 END AS is_stored \
                      FROM versions v";

/// Returns the versions of `plugin`, the newest first.
pub async fn of_plugin(connection: &mut Tx, plugin: &str) -> Result<Vec<StoredVersion>, StoreError> {
    let sql = format!("{STORED} WHERE v.plugin = $1 ORDER BY COALESCE(v.served_at, 0) DESC, v.seq DESC");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(plugin).fetch_all(connection).await?)
}

/// Returns every version of every plugin, in the order in which they first appeared.
pub async fn all(connection: &mut Tx) -> Result<Vec<StoredVersion>, StoreError> {
    let sql = format!("{STORED} ORDER BY v.seq");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(sql)).fetch_all(connection).await?)
}

/// Returns the version of `plugin` with this digest; `None` if it is not known.
pub async fn find(
    connection: &mut Tx,
    plugin: &str,
    digest: Digest,
) -> Result<Option<StoredVersion>, StoreError> {
    let sql = format!("{STORED} WHERE v.plugin = $1 AND v.digest = $2");
    let found = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(plugin).bind(digest.0.to_vec());
    Ok(found.fetch_optional(connection).await?)
}

/// Returns the steps of a version, oldest first.
pub async fn steps(connection: &mut Tx, of: &StoredVersion) -> Result<Vec<VersionStep>, StoreError> {
    let sql = "SELECT state, at, took_ms, actor, reason, evidence, operation FROM version_steps \
               WHERE version = $1 ORDER BY seq";
    Ok(sqlx::query_as(sql).bind(of.seq).fetch_all(connection).await?)
}

/// Adds `step` to the history of `version`, and stores what the step changes. A version that has served keeps its state
/// and its conditions until it serves again: a later upload of the same component, even one that is refused, takes nothing
/// from it. So does an approved one while it is pinned or being released, since it serves connections then. A note, the versions, and the bundle are kept if they are `None` now.
pub async fn advance(
    tx: &mut Tx,
    vault: &Vault,
    version: &Version,
    step: &VersionStep,
) -> Result<(), StoreError> {
    let known = find(&mut *tx, &version.plugin, version.digest).await?;
    let known = known.filter(|known| known.is_authentic(vault)).map(|known| known.version);
    let mut version = Version { state: step.state, ..version.clone() };
    if let Some(uploader) = known.as_ref().and_then(|known| known.uploaded_by.clone()) {
        version.uploaded_by = Some(uploader);
    }
    version.bundle = version.bundle.or_else(|| known.as_ref()?.bundle.clone());
    if let Some(known) = known {
        let is_again = match step.state {
            VersionState::Serving | VersionState::Retired => false,
            VersionState::Approved => known.served_at.is_some(),
            VersionState::Uploaded
            | VersionState::Compiled
            | VersionState::Proven
            | VersionState::Refused => known.served_at.is_some() || is_serving_some(tx, &known).await?,
        };
        if known.served_at.is_some() || is_again {
            version.served_at = version.served_at.max(known.served_at);
            version.approved = version.approved.or(known.approved);
        }
        if is_again {
            (version.state, version.conditions) = (known.state, known.conditions);
            version.withdrawn_at = known.withdrawn_at;
        }
    }
    let RowMac(mac) = version.message(vault).mac();
    let seq: i64 = sqlx::query_scalar(
        "INSERT INTO versions \
           (plugin, digest, version, contract, size, source, note, conditions, state, served_at, mac, approved, \
            withdrawn_at, uploaded_by, bundle) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT (plugin, digest) DO UPDATE \
         SET version = COALESCE($3, versions.version), contract = COALESCE($4, versions.contract), size = $5, source = $6, \
           note = COALESCE($7, versions.note), conditions = $8, state = $9, served_at = $10, mac = $11, approved = $12, \
           withdrawn_at = $13, uploaded_by = $14, bundle = $15 \
         RETURNING seq",
    )
    .bind(&version.plugin)
    .bind(version.digest.0.to_vec())
    .bind(version.version.as_deref())
    .bind(version.contract.as_deref())
    .bind(version.size)
    .bind(version.source.as_ref())
    .bind(version.note.as_deref())
    .bind(version.conditions.as_deref())
    .bind(version.state.as_ref())
    .bind(version.served_at)
    .bind(mac)
    .bind(version.approved.as_deref())
    .bind(version.withdrawn_at)
    .bind(version.uploaded_by.as_deref())
    .bind(version.bundle.as_deref())
    .fetch_one(&mut *tx)
    .await?;
    let evidence = step.evidence.clone().unwrap_or_default();
    sqlx::query(
        "INSERT INTO version_steps (version, state, at, took_ms, actor, reason, evidence, operation) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(seq)
    .bind(step.state.as_ref())
    .bind(step.at)
    .bind(step.took_ms)
    .bind(&step.actor)
    .bind(step.reason.as_deref())
    .bind(evidence.to_string())
    .bind(step.operation.as_deref())
    .execute(tx)
    .await?;
    Ok(())
}

/// Returns whether an approved version serves some connections: those that are pinned to it, or that it is being released to.
async fn is_serving_some(tx: &mut Tx, version: &Version) -> Result<bool, StoreError> {
    let serves = "SELECT (SELECT COUNT(*) FROM pins WHERE plugin = $1 AND digest = $2) \
                    + (SELECT COUNT(*) FROM releases WHERE plugin = $1 AND digest = $2 AND ended_at IS NULL)";
    let serves = sqlx::query_scalar(serves).bind(&version.plugin).bind(version.digest.0.to_vec());
    let serves: i64 = serves.fetch_one(tx).await?;
    Ok(version.state == VersionState::Approved && serves > 0)
}

/// Deletes the components that nothing needs: all but those that run, ran before, are among the last [`MAX_KEPT`] of
/// their plugin that served or the last [`MAX_PENDING`] that have not served yet, are pinned, are being released, or gave an erasure in
/// progress its reference.
pub async fn prune(tx: &mut Tx) -> Result<(), StoreError> {
    for digest in unneeded(tx).await? {
        let delete = sqlx::query("DELETE FROM components WHERE digest = $1");
        delete.bind(digest).execute(&mut *tx).await?;
    }
    Ok(())
}

async fn unneeded(tx: &mut Tx) -> Result<BTreeSet<Vec<u8>>, StoreError> {
    let digests = async |tx: &mut Tx, sql: &'static str| -> Result<Vec<Vec<u8>>, StoreError> {
        Ok(sqlx::query_scalar(sql).fetch_all(tx).await?)
    };
    let mut unneeded: BTreeSet<_> = digests(tx, "SELECT digest FROM components").await?.into_iter().collect();
    let in_use = "SELECT digest FROM publications UNION SELECT before FROM publications WHERE before IS NOT NULL \
                  UNION SELECT digest FROM pins UNION SELECT digest FROM releases WHERE ended_at IS NULL \
                  UNION SELECT r.reference_by FROM open_requests o JOIN requests r ON r.seq = o.seq \
                    WHERE r.reference_by IS NOT NULL";
    for needed in digests(tx, in_use).await? {
        unneeded.remove(&needed);
    }
    let by_age = "SELECT plugin, digest, CASE WHEN served_at IS NULL THEN 0 ELSE 1 END AS has_served FROM versions \
                  WHERE served_at IS NOT NULL OR state <> 'refused' ORDER BY served_at DESC, \
                    COALESCE((SELECT MAX(s.seq) FROM version_steps s WHERE s.version = versions.seq), 0) DESC";
    let mut kept: BTreeMap<(String, i64), usize> = BTreeMap::new();
    let versions: Vec<(String, Vec<u8>, i64)> = sqlx::query_as(by_age).fetch_all(&mut *tx).await?;
    for (plugin, digest, has_served) in versions {
        let count = kept.entry((plugin, has_served)).or_default();
        *count += 1;
        if *count <= if has_served == 0 { MAX_PENDING } else { MAX_KEPT } {
            unneeded.remove(&digest);
        }
    }
    Ok(unneeded)
}

/// Returns the size of a stored component in bytes; 0 if it is not stored.
pub async fn stored_size(connection: &mut Tx, digest: Digest) -> Result<i64, StoreError> {
    let sql = "SELECT LENGTH(bytes) FROM components WHERE digest = $1";
    let size: Option<i64> =
        sqlx::query_scalar(sql).bind(digest.0.to_vec()).fetch_optional(connection).await?;
    Ok(size.unwrap_or_default())
}

/// Returns the total size of the stored components, in bytes.
pub async fn stored_bytes(connection: &mut Tx) -> Result<i64, StoreError> {
    let sql = "SELECT COALESCE(SUM(LENGTH(bytes)), 0) FROM components";
    Ok(sqlx::query_scalar(sql).fetch_one(connection).await?)
}

#[cfg(test)]
mod tests;
