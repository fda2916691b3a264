//! Checks the audit chain: that no line of it was changed, removed or inserted from outside.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::FromRow;

use crate::{
    audit::{ALL_TENANTS, AUTHENTICATED, keyed_hash},
    database::Tx,
    error::StoreError,
    mac::RowMac,
    seal::Vault,
};

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
pub async fn verify(connection: &mut Tx, vault: &Vault) -> Result<Vec<ChainCheck>, StoreError> {
    let tenants: Vec<String> = sqlx::query_scalar("SELECT DISTINCT tenant FROM audit ORDER BY tenant")
        .fetch_all(&mut *connection)
        .await?;
    let mut chains = Vec::new();
    for tenant in tenants {
        chains.push(chain(connection, vault, tenant).await?);
    }
    Ok(chains)
}

/// Returns what the upgrade from version 0.1.0 took over as it was, as JSON; `None` if there was no such upgrade.
pub async fn taken_over(connection: &mut Tx) -> Result<Option<Value>, StoreError> {
    #[derive(Deserialize)]
    struct Upgrade {
        detail: Value,
    }
    let pattern = format!("{{\"what\":\"{AUTHENTICATED}\"%");
    let sql = "SELECT record FROM audit WHERE tenant = $1 AND record LIKE $2 ORDER BY line LIMIT 1";
    let record: Option<String> =
        sqlx::query_scalar(sql).bind(ALL_TENANTS).bind(pattern).fetch_optional(connection).await?;
    Ok(record.and_then(|record| serde_json::from_str::<Upgrade>(&record).ok()).map(|upgrade| upgrade.detail))
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

/// What the lines before the current one require of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hashes {
    /// The chain has no line yet.
    Begin,
    /// All lines have plain hashes, as version 0.1.0 wrote them.
    Plain,
    /// The last line has a keyed hash, and all later ones must have one too.
    Keyed,
}

async fn chain(connection: &mut Tx, vault: &Vault, tenant: String) -> Result<ChainCheck, StoreError> {
    let mut chain = ChainCheck { tenant, lines: 0, head: String::new(), broken: None };
    let (mut before, mut hashes) = (vec![0; 32], Hashes::Begin);
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
            if hashes == Hashes::Plain {
                let why =
                    "no line has an authentication code, which every version after 0.1.0 adds".to_owned();
                chain.broken = Some(InvalidRecord { line: chain.lines, why });
            }
            return Ok(chain);
        }
        for row in &rows {
            let stored = StoredRecord::from_row(row)?;
            let expected = chain.lines + 1;
            match check(vault, &chain.tenant, &before, hashes, expected, &stored) {
                Ok(next) => hashes = next,
                Err(why) => {
                    chain.broken = Some(InvalidRecord { line: expected, why });
                    return Ok(chain);
                }
            }
            chain.lines = stored.line;
            chain.head = hex::encode(&stored.hash);
            before = stored.hash;
        }
    }
}

/// Checks the line after one with the hash `before`. Returns what it requires of the next line, or what is wrong.
fn check(
    vault: &Vault,
    tenant: &str,
    before: &[u8],
    hashes: Hashes,
    expected: i64,
    stored: &StoredRecord,
) -> Result<Hashes, String> {
    let StoredRecord { line, at, record, hash } = stored;
    if *line != expected {
        return Err(format!("line {expected} is missing"));
    }
    let changed = || Err("its hash does not match its contents and the previous line".to_owned());
    if hash.len() == PLAIN_BYTES {
        return match hashes {
            Hashes::Keyed => Err("it has no authentication code, but the previous line has one".to_owned()),
            Hashes::Begin | Hashes::Plain if plain_hash(before, *line, *at, record).as_slice() == hash => {
                Ok(Hashes::Plain)
            }
            Hashes::Begin | Hashes::Plain => changed(),
        };
    }
    let mac = RowMac(hash.clone());
    if !keyed_hash(vault, tenant, before, *line, *at, record).matches(Some(&mac)) {
        return changed();
    }
    // Otherwise, a chain that was replaced by one with plain hashes would be vouched for by the next line.
    if hashes == Hashes::Plain && !ends_plain_hashes(record) {
        return Err("the lines before it have no authentication code, and it is not the line of an upgrade"
            .to_owned());
    }
    Ok(Hashes::Keyed)
}

/// The size of the hashes of version 0.1.0.
const PLAIN_BYTES: usize = 32;

fn plain_hash(before: &[u8], line: i64, at: i64, record: &str) -> [u8; PLAIN_BYTES] {
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(line.to_be_bytes());
    hash.update(at.to_be_bytes());
    hash.update(record);
    hash.finalize().into()
}

fn ends_plain_hashes(record: &str) -> bool {
    #[derive(Deserialize)]
    struct What {
        what: String,
    }
    serde_json::from_str::<What>(record).is_ok_and(|record| record.what == AUTHENTICATED)
}

#[cfg(test)]
mod tests {
    use sqlx::Executor;

    use super::*;
    use crate::{
        audit::{Record, append},
        handle::Store,
        testing::{Folder, in_dialect, master_key, write},
    };

    async fn three_lines(store: &Store) {
        write(store, |tx| {
            Box::pin(async move {
                let vault = master_key().vault();
                for what in ["first", "second", "third"] {
                    let record = Record::of(what).about(&[crate::testing::name(1)]);
                    append(tx, &vault, "acme", 17, &record).await?;
                }
                append(tx, &vault, "other", 17, &Record::of("first")).await
            })
        })
        .await;
    }

    async fn verified(store: &Store) -> Vec<(String, i64, Option<i64>)> {
        let vault = master_key().vault();
        let read = store.read(move |connection| Box::pin(async move { verify(connection, &vault).await }));
        let chains = read.await.unwrap();
        chains.into_iter().map(|c| (c.tenant, c.lines, c.broken.map(|broken| broken.line))).collect()
    }

    /// Changes the table as a person with access to the file could, by dropping the triggers first.
    async fn tamper(store: &Store, how: &'static str) {
        write(store, move |tx| {
            Box::pin(async move {
                let off = match tx.backend_name() {
                    "PostgreSQL" => "ALTER TABLE audit DISABLE TRIGGER USER",
                    _ => "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_deleted",
                };
                tx.execute(off).await?;
                let how = in_dialect(tx, how);
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
            ("UPDATE audit SET hash = zeroblob(33) WHERE tenant = 'acme' AND line = 2", 2),
            (
                "INSERT INTO audit SELECT 'acme', 4, at, record, hash FROM audit WHERE tenant = 'acme' AND line = 3",
                4,
            ),
        ] {
            let folder = Folder::new();
            let store = folder.store().await;
            three_lines(&store).await;
            tamper(&store, how).await;
            let wanted = [("acme".to_owned(), line - 1, Some(line)), ("other".to_owned(), 1, None)];
            assert_eq!(verified(&store).await, wanted, "{how}");
        }
    }

    /// Replaces the chain of `acme` by one that anyone can compute: plain hashes, as version 0.1.0 wrote them.
    async fn forge(store: &Store) {
        tamper(store, "DELETE FROM audit WHERE tenant = 'acme'").await;
        write(store, |tx| {
            Box::pin(async move {
                let mut before = vec![0; 32];
                for line in 1..=2 {
                    let record = r#"{"what":"harmless","detail":null}"#;
                    let hash = plain_hash(&before, line, 17, record).to_vec();
                    sqlx::query(
                        "INSERT INTO audit (tenant, line, at, record, hash) VALUES ('acme', $1, 17, $2, $3)",
                    )
                    .bind(line)
                    .bind(record)
                    .bind(hash.clone())
                    .execute(&mut *tx)
                    .await?;
                    before = hash;
                }
                Ok(())
            })
        })
        .await;
    }

    #[tokio::test]
    async fn a_chain_that_was_replaced_without_the_master_key_is_broken_even_after_further_lines() {
        let folder = Folder::new();
        let store = folder.store().await;
        three_lines(&store).await;
        forge(&store).await;
        assert_eq!(verified(&store).await[0], ("acme".to_owned(), 2, Some(2)));
        write(&store, |tx| {
            Box::pin(async move { append(tx, &master_key().vault(), "acme", 18, &Record::of("third")).await })
        })
        .await;
        assert_eq!(verified(&store).await[0], ("acme".to_owned(), 2, Some(3)));
    }

    #[tokio::test]
    async fn a_chain_does_not_hold_under_another_tenants_name() {
        let folder = Folder::new();
        let store = folder.store().await;
        three_lines(&store).await;
        tamper(&store, "UPDATE audit SET tenant = 'victim' WHERE tenant = 'acme'").await;
        assert_eq!(verified(&store).await[1], ("victim".to_owned(), 0, Some(1)));
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
