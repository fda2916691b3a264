//! Applies the erasure ledger to a restored database: people who were erased after the backup was made are erased again.
//! Tested in `src/restore/tests.rs`.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::File,
    io::{self, BufRead as _, BufReader},
    path::Path,
    time::SystemTime,
};

use host_model::time::milliseconds;
use serde::Serialize;
use serde_json::json;

use crate::{
    audit::{self, Record},
    connections,
    database::Tx,
    erasures::{
        entry::{ErasedName, LedgerEntry, LedgerLine, key_id},
        ledger::{record_written, written},
    },
    error::StoreError,
    people,
    person::PersonId,
    seal::{PersonName, Vault},
};

/// The result of applying the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Reapplied {
    /// The number of people erased again, by connection.
    pub people: BTreeMap<String, usize>,
    /// The number of lines that are damaged or were not written with this master key.
    pub damaged: usize,
    /// The number of erasures of a tenant whose people the restored database hashes with another key, so that they cannot
    /// be found in it.
    pub other_key: usize,
}

/// The lines of a ledger.
pub(crate) struct ReadLedger {
    lines: Vec<LedgerLine>,
    damaged: usize,
}

/// Reads the ledger in the file `path`. Returns `None` if there is no such file.
pub(crate) fn read(path: &Path, vault: &Vault) -> io::Result<Option<ReadLedger>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut ledger = ReadLedger { lines: Vec::new(), damaged: 0 };
    for line in BufReader::new(file).split(b'\n') {
        let line = line?;
        match std::str::from_utf8(&line).ok().and_then(|line| LedgerLine::read(line, vault)) {
            Some(line) => ledger.lines.push(line),
            None => ledger.damaged += 1,
        }
    }
    Ok(Some(ledger))
}

/// Erases the people of `ledger` that the database does not know as erased, and records that in the audit chains.
pub(crate) async fn reapply(
    tx: &mut Tx,
    vault: &Vault,
    ledger: &ReadLedger,
) -> Result<Reapplied, StoreError> {
    let since = written(tx, vault).await?;
    let mut done = Reapplied { damaged: ledger.damaged, ..Reapplied::default() };
    let keys = TenantKeys::meet(tx, vault, ledger).await?;
    let mut erased: BTreeMap<(&str, &str), BTreeSet<PersonId>> = BTreeMap::new();
    for LedgerLine { number, entry } in &ledger.lines {
        match entry {
            LedgerEntry::Erasure(name) if *number > since => {
                if !keys.has(name) {
                    done.other_key += 1;
                } else if let Some(person) = erase_again(tx, name).await? {
                    erased.entry((&name.tenant, &name.connection)).or_default().insert(person);
                }
            }
            LedgerEntry::Erasure(_) | LedgerEntry::TenantKey { .. } => {}
        }
    }
    let last = ledger.lines.iter().map(|line| line.number).max().unwrap_or(since);
    record_written(tx, vault, last.max(since)).await?;
    for ((tenant, connection), people) in erased {
        let record = Record {
            connection: Some(connection.to_owned()),
            detail: json!({ "people": people.len() }),
            ..Record::of("erasures-reapplied")
        };
        audit::append(tx, vault, tenant, milliseconds(SystemTime::now()), &record).await?;
        done.people.insert(connection.to_owned(), people.len());
    }
    Ok(done)
}

/// The id of the key that the database hashes each tenant's people with.
struct TenantKeys(HashMap<String, String>);

impl TenantKeys {
    /// Reads the keys of the database. A tenant that it does not know gets the key of the ledger.
    async fn meet(tx: &mut Tx, vault: &Vault, ledger: &ReadLedger) -> Result<Self, StoreError> {
        for LedgerLine { entry, .. } in &ledger.lines {
            let LedgerEntry::TenantKey { tenant, sealed_key } = entry else { continue };
            sqlx::query(
                "INSERT INTO tenants (tenant, person_key, in_ledger) VALUES ($1, $2, 1) ON CONFLICT (tenant) DO NOTHING",
            )
            .bind(tenant)
            .bind(sealed_key.clone())
            .execute(&mut *tx)
            .await?;
        }
        let sql = "SELECT tenant, person_key FROM tenants";
        let kept: Vec<(String, Vec<u8>)> = sqlx::query_as(sql).fetch_all(tx).await?;
        let mut keys = HashMap::new();
        for (tenant, sealed) in kept {
            let key = vault.person_key(&tenant, &sealed)?;
            keys.insert(tenant, key_id(&key));
        }
        Ok(Self(keys))
    }

    /// Whether the name is hashed with the database's key.
    fn has(&self, name: &ErasedName) -> bool {
        self.0.get(&name.tenant) == Some(&name.key_id)
    }
}

/// Marks `erased` in the database, and deletes everything about its person. Returns the person, or `None` if the database
/// has that mark already.
async fn erase_again(tx: &mut Tx, erased: &ErasedName) -> Result<Option<PersonId>, StoreError> {
    let Ok(digest) = erased.name.as_slice().try_into() else { return Ok(None) };
    let name = PersonName { digest, kind: erased.kind.clone() };
    let marks: Option<(Option<i64>, Option<i64>)> =
        sqlx::query_as("SELECT erased_at, not_found_at FROM names WHERE connection = $1 AND name = $2")
            .bind(&erased.connection)
            .bind(&erased.name)
            .fetch_optional(&mut *tx)
            .await?;
    let (erased_at, not_found_at) = marks.unwrap_or_default();
    let is_known = |kept: Option<i64>, new: Option<i64>| new.is_none() || kept.is_some();
    if is_known(erased_at, erased.erased_at) && is_known(not_found_at, erased.not_found_at) {
        return Ok(None);
    }
    // `known_as` would also mark names that were spared: each name that was erased along has its own line.
    let found = people::found(tx, &erased.connection, std::slice::from_ref(&name)).await?;
    let person = match found.first() {
        Some(person) => *person,
        None => people::new(tx, &erased.connection).await?,
    };
    people::call(tx, &erased.connection, person, &name).await?;
    sqlx::query(
        "UPDATE names SET erased_at = COALESCE(erased_at, $3), not_found_at = COALESCE(not_found_at, $4), in_ledger = 1 \
         WHERE connection = $1 AND name = $2",
    )
    .bind(&erased.connection)
    .bind(&erased.name)
    .bind(erased.erased_at)
    .bind(erased.not_found_at)
    .execute(&mut *tx)
    .await?;
    if !is_split_later(tx, &erased.connection, person).await? {
        people::forget(tx, person).await?;
    }
    Ok(Some(person))
}

/// Whether several people may share the record of `person`, as in a database of version 0.1.0. Once its plugin says what
/// identifies people, the record is split, and everything about the erased ones is deleted then: not the choices of the
/// others.
async fn is_split_later(tx: &mut Tx, connection: &str, person: PersonId) -> Result<bool, StoreError> {
    if connections::keyed_by(tx, connection).await?.is_some() {
        return Ok(false);
    }
    let sql = "SELECT COUNT(*) - COUNT(DISTINCT kind) FROM names WHERE person = $1";
    let of_a_kind: i64 = sqlx::query_scalar(sql).bind(person).fetch_one(tx).await?;
    Ok(of_a_kind > 0)
}
