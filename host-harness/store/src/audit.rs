//! The audit chain: what was attempted, with which plugin, and with what result. Append-only, one chain per tenant.
//!
//! The hash of each line is a keyed one (`mac.rs`), and covers the previous line: tenant, previous hash, line number,
//! time and record. The previous hash of the first line is 32 zero bytes. People appear as keyed hashes.
//!
//! Version 0.1.0 wrote plain hashes: `SHA-256(previous hash || line number || time || record)`, with both numbers as 8
//! bytes, big-endian. A chain may begin with such lines; the first line after them is the one that the upgrade added
//! (`audit-chain-authenticated`), whose keyed hash covers them all.

use serde::Serialize;
use serde_json::Value;

use crate::{
    database::Tx,
    error::StoreError,
    mac::{RowMac, RowMessage},
    seal::{PersonName, Vault},
};

/// The chain for records that concern every tenant, such as the version of a plugin. No tenant has this name.
pub const ALL_TENANTS: &str = "*";

/// The record with which the upgrade from version 0.1.0 ends the plain hashes of a chain.
pub(crate) const AUTHENTICATED: &str = "audit-chain-authenticated";

/// An audit record.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Record {
    /// What was done, such as `request-attempted` or `token-revoked`.
    pub what: &'static str,
    /// The connection's key; `None` if it is not about a single connection.
    pub connection: Option<String>,
    /// The request's id; `None` if it is not about a request.
    pub request: Option<String>,
    /// The digest of the plugin that ran, as `sha256:` and hexadecimal; `None` if none did.
    pub digest: Option<String>,
    /// The person's keyed hashes, in hexadecimal.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<String>,
    /// Further details, free of personal data and secrets.
    pub detail: Value,
}

impl Record {
    /// Creates a record of `what`, without a connection, request or person.
    pub fn of(what: &'static str) -> Self {
        Self { what, connection: None, request: None, digest: None, people: Vec::new(), detail: Value::Null }
    }

    /// Returns the record with the people of these names added.
    #[must_use]
    pub fn about(mut self, names: &[PersonName]) -> Self {
        self.people = names.iter().map(|name| hex::encode(name.digest)).collect();
        self
    }
}

/// Appends `record` to the chain of `tenant`, with the time `at` in milliseconds since the Unix epoch.
pub async fn append(
    tx: &mut Tx,
    vault: &Vault,
    tenant: &str,
    at: i64,
    record: &Record,
) -> Result<(), StoreError> {
    let last: Option<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT line, hash FROM audit WHERE tenant = $1 ORDER BY line DESC LIMIT 1")
            .bind(tenant)
            .fetch_optional(&mut *tx)
            .await?;
    let (line, before) = match last {
        Some((line, hash)) => (line + 1, hash),
        None => (1, vec![0; 32]),
    };
    let record = serde_json::to_string(record).map_err(|error| StoreError::Unreadable(error.to_string()))?;
    let RowMac(hash) = keyed_hash(vault, tenant, &before, line, at, &record).mac();
    sqlx::query("INSERT INTO audit (tenant, line, at, record, hash) VALUES ($1, $2, $3, $4, $5)")
        .bind(tenant)
        .bind(line)
        .bind(at)
        .bind(record)
        .bind(hash)
        .execute(tx)
        .await?;
    Ok(())
}

/// Begins the keyed hash of a line.
pub(crate) fn keyed_hash(
    vault: &Vault,
    tenant: &str,
    before: &[u8],
    line: i64,
    at: i64,
    record: &str,
) -> RowMessage {
    vault.row("audit line").text(tenant).bytes(before).number(line).number(at).text(record)
}
