//! The audit chain: what was attempted, with which plugin, and with what result. Append-only, one chain per tenant.
//!
//! The hash of each line covers the previous line: `SHA-256(previous hash || line number || time || record)`, with both
//! numbers as 8 bytes, big-endian. The previous hash of the first line is 32 zero bytes. People appear as keyed hashes.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::FromRow;

use crate::{database::Tx, error::StoreError, seal::PersonName};

/// The chain for records that concern every tenant, such as the version of a plugin. No tenant has this name.
pub const ALL_TENANTS: &str = "*";

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
pub async fn append(tx: &mut Tx, tenant: &str, at: i64, record: &Record) -> Result<(), StoreError> {
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
    let hash = hash(&before, line, at, &record);
    sqlx::query("INSERT INTO audit (tenant, line, at, record, hash) VALUES ($1, $2, $3, $4, $5)")
        .bind(tenant)
        .bind(line)
        .bind(at)
        .bind(record)
        .bind(hash.to_vec())
        .execute(tx)
        .await?;
    Ok(())
}

fn hash(before: &[u8], line: i64, at: i64, record: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(line.to_be_bytes());
    hash.update(at.to_be_bytes());
    hash.update(record);
    hash.finalize().into()
}

/// The result of checking a tenant's chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ChainCheck {
    /// The tenant that the chain belongs to, or [`ALL_TENANTS`].
    pub tenant: String,
    /// The number of valid lines, counted from the first.
    pub lines: i64,
    /// The hash of the last valid line, in hexadecimal; empty if there is none. Keep a copy elsewhere: a chain that was
    /// truncated at its end is still valid.
    pub head: String,
    /// The first invalid line; `None` if all are valid.
    pub broken: Option<InvalidRecord>,
}

/// The first invalid line of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct InvalidRecord {
    /// Its number, starting at 1.
    pub line: i64,
    /// What is wrong with it.
    pub why: String,
}

/// Checks every tenant's chain from its first line.
pub async fn verify(connection: &mut Tx) -> Result<Vec<ChainCheck>, StoreError> {
    let tenants: Vec<String> = sqlx::query_scalar("SELECT DISTINCT tenant FROM audit ORDER BY tenant")
        .fetch_all(&mut *connection)
        .await?;
    let mut chains = Vec::new();
    for tenant in tenants {
        chains.push(chain(connection, tenant).await?);
    }
    Ok(chains)
}

/// Number of lines read at a time: a chain grows for years.
const LINES_PER_READ: i64 = 1_000;

#[derive(FromRow)]
struct StoredRecord {
    line: i64,
    at: i64,
    record: String,
    hash: Vec<u8>,
}

async fn chain(connection: &mut Tx, tenant: String) -> Result<ChainCheck, StoreError> {
    let mut chain = ChainCheck { tenant, lines: 0, head: String::new(), broken: None };
    let mut before = vec![0; 32];
    loop {
        let rows = sqlx::query(
            "SELECT line, at, record, hash FROM audit WHERE tenant = $1 AND line > $2 ORDER BY line LIMIT $3",
        )
        .bind(&chain.tenant)
        .bind(chain.lines)
        .bind(LINES_PER_READ)
        .fetch_all(&mut *connection)
        .await?;
        if rows.is_empty() {
            return Ok(chain);
        }
        for row in &rows {
            let StoredRecord { line, at, record, hash: kept } = StoredRecord::from_row(row)?;
            let wanted = chain.lines + 1;
            let why = if line != wanted {
                Some(format!("line {wanted} is missing"))
            } else if hash(&before, line, at, &record).as_slice() != kept {
                Some("its hash does not match its contents and the previous line".to_owned())
            } else {
                None
            };
            if let Some(why) = why {
                chain.broken = Some(InvalidRecord { line: wanted, why });
                return Ok(chain);
            }
            chain.lines = line;
            chain.head = hex::encode(&kept);
            before = kept;
        }
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Executor;

    use super::*;
    use crate::{
        handle::Store,
        testing::{Folder, write},
    };

    async fn three_lines(store: &Store) {
        write(store, |tx| {
            Box::pin(async move {
                for what in ["first", "second", "third"] {
                    append(tx, "acme", 17, &Record::of(what).about(&[crate::testing::name(1)])).await?;
                }
                append(tx, "other", 17, &Record::of("first")).await
            })
        })
        .await;
    }

    async fn verified(store: &Store) -> Vec<(String, i64, Option<i64>)> {
        let chains = store.read(|connection| Box::pin(verify(connection))).await.unwrap();
        chains.into_iter().map(|c| (c.tenant, c.lines, c.broken.map(|broken| broken.line))).collect()
    }

    /// Changes the table as a person with access to the file could, by dropping the triggers first.
    async fn tamper(store: &Store, how: &'static str) {
        write(store, move |tx| {
            Box::pin(async move {
                tx.execute("DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_deleted").await?;
                tx.execute(how).await?;
                Ok(())
            })
        })
        .await;
    }

    #[tokio::test]
    async fn an_unchanged_chain_is_valid() {
        let folder = Folder::new();
        let store = folder.store().await;
        three_lines(&store).await;
        assert_eq!(verified(&store).await, [("acme".into(), 3, None), ("other".into(), 1, None)]);
    }

    #[tokio::test]
    async fn the_first_broken_line_is_named() {
        for (how, line) in [
            ("UPDATE audit SET record = REPLACE(record, 'second', 'nothing') WHERE tenant = 'acme'", 2),
            ("UPDATE audit SET at = 18 WHERE tenant = 'acme' AND line = 3", 3),
            ("DELETE FROM audit WHERE tenant = 'acme' AND line = 1", 1),
            ("DELETE FROM audit WHERE tenant = 'acme' AND line = 2", 2),
            ("UPDATE audit SET hash = zeroblob(32) WHERE tenant = 'acme' AND line = 2", 2),
        ] {
            let folder = Folder::new();
            let store = folder.store().await;
            three_lines(&store).await;
            tamper(&store, how).await;
            let wanted = [("acme".to_owned(), line - 1, Some(line)), ("other".to_owned(), 1, None)];
            assert_eq!(verified(&store).await, wanted, "{how}");
        }
    }

    #[tokio::test]
    async fn the_database_itself_refuses_to_change_or_delete_a_line() {
        let folder = Folder::new();
        let store = folder.store().await;
        three_lines(&store).await;
        for how in ["UPDATE audit SET at = 18", "DELETE FROM audit"] {
            let refused =
                store.write(move |tx| Box::pin(async move { Ok(tx.execute(how).await.map(drop)?) })).await;
            assert!(refused.unwrap_err().to_string().contains("audit lines are not"), "{how}");
        }
        assert_eq!(verified(&store).await.len(), 2);
    }
}
