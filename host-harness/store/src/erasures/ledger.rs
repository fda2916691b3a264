//! Writes the erasure ledger: names that were erased are appended to the file soon after, and marked in the database
//! once they are on disk there.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    database::Tx,
    erasures::entry::{ErasedName, LedgerEntry, LedgerLine},
    error::StoreError,
    handle::Store,
    private_file::PrivateFile,
    seal::Vault,
    unfinished::beside,
};

/// The suffix of the ledger of a database.
const SUFFIX: &str = ".erasures";

/// The mark that contains the number of the last line that is in the file.
const WRITTEN: &str = "erasure-ledger";

/// Number of names written at a time.
const NAMES_PER_WRITE: i64 = 500;

/// How much of the file's end is read for the number of the last line: more than any line takes.
const END_BYTES: i64 = 16 << 10;

/// The path of the ledger beside `database`.
pub fn beside_database(database: &Path) -> PathBuf {
    beside(database, SUFFIX)
}

/// The ledger of a database, for its only process.
pub struct ErasureLedger {
    store: Store,
    path: PathBuf,
    /// The number of the next line.
    next: i64,
}

/// Why the ledger could not be written. It is written when that is possible again.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The file could not be read or written.
    #[error("{}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        cause: io::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether the file of an opened ledger was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerFile {
    /// It was, or the database has nothing to write into it yet.
    Present,
    /// It was not, although the database has written into it. It is written anew with what the database contains.
    Missing,
}

impl ErasureLedger {
    /// Opens the ledger in the file `path` for `store`.
    pub async fn open(store: &Store, path: &Path) -> Result<(Self, LedgerFile), LedgerError> {
        let written = store.read(|c| Box::pin(written(c))).await?;
        let file = if written > 0 && !path.exists() { LedgerFile::Missing } else { LedgerFile::Present };
        if file == LedgerFile::Missing {
            store.write(|tx| Box::pin(write_anew(tx))).await?;
        }
        let last = create(path).and_then(|()| last_number(path, store.vault()));
        let last = last.map_err(|cause| failed(path, cause))?;
        let next = written.max(last).saturating_add(1);
        Ok((Self { store: store.clone(), path: path.to_owned(), next }, file))
    }

    /// Appends the names that were erased since the last call. Returns how many there were, once they are on disk.
    pub async fn catch_up(&mut self) -> Result<usize, LedgerError> {
        let mut count = 0;
        loop {
            let keys = self.store.read(|c| Box::pin(new_keys(c))).await?;
            let names = self.store.read(|c| Box::pin(new_names(c))).await?;
            if keys.is_empty() && names.is_empty() {
                return Ok(count);
            }
            count += names.len();
            let entries = keys
                .iter()
                .map(|(tenant, sealed_key)| LedgerEntry::TenantKey {
                    tenant: tenant.clone(),
                    sealed_key: sealed_key.clone(),
                })
                .chain(names.iter().cloned().map(LedgerEntry::Erasure));
            let lines: Vec<LedgerLine> =
                (self.next..).zip(entries).map(|(number, entry)| LedgerLine { number, entry }).collect();
            append(&self.path, &lines, self.store.vault()).map_err(|cause| failed(&self.path, cause))?;
            self.next = self.next.saturating_add(i64::try_from(lines.len()).unwrap_or(i64::MAX));
            let last = self.next.saturating_sub(1);
            self.store.write(move |tx| Box::pin(mark(tx, keys, names, last))).await?;
        }
    }
}

fn failed(path: &Path, cause: io::Error) -> LedgerError {
    LedgerError::File { path: path.to_owned(), cause }
}

/// Returns the number of the last line that the database has written; 0 if there is none.
pub(super) async fn written(connection: &mut Tx) -> Result<i64, StoreError> {
    let mark = sqlx::query_scalar("SELECT value FROM marks WHERE name = $1").bind(WRITTEN);
    let value: Option<Vec<u8>> = mark.fetch_optional(connection).await?;
    Ok(value.and_then(|value| String::from_utf8(value).ok()?.parse().ok()).unwrap_or(0))
}

/// Records that the lines up to `number` are in the file.
pub(super) async fn record_written(tx: &mut Tx, number: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO marks (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    sqlx::query(sql).bind(WRITTEN).bind(number.to_string().into_bytes()).execute(tx).await?;
    Ok(())
}

async fn write_anew(tx: &mut Tx) -> Result<(), StoreError> {
    for statement in
        ["UPDATE names SET in_ledger = 0 WHERE in_ledger = 1", "UPDATE tenants SET in_ledger = 0"]
    {
        sqlx::query(statement).execute(&mut *tx).await?;
    }
    Ok(())
}

async fn new_keys(connection: &mut Tx) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let sql = "SELECT tenant, person_key FROM tenants WHERE in_ledger = 0 ORDER BY tenant";
    Ok(sqlx::query_as(sql).fetch_all(connection).await?)
}

async fn new_names(connection: &mut Tx) -> Result<Vec<ErasedName>, StoreError> {
    let names = sqlx::query_as(
        "SELECT c.tenant, n.connection, n.kind, n.name, n.erased_at, n.not_found_at \
         FROM names n JOIN connections c ON c.key = n.connection \
         WHERE n.in_ledger = 0 AND (n.erased_at IS NOT NULL OR n.not_found_at IS NOT NULL) \
         ORDER BY n.connection, n.name LIMIT $1",
    )
    .bind(NAMES_PER_WRITE)
    .fetch_all(connection)
    .await?;
    Ok(names)
}

/// Records that the keys and names are in the file, unless a name was erased again in the meantime.
async fn mark(
    tx: &mut Tx,
    keys: Vec<(String, Vec<u8>)>,
    names: Vec<ErasedName>,
    last: i64,
) -> Result<(), StoreError> {
    for (tenant, _) in keys {
        sqlx::query("UPDATE tenants SET in_ledger = 1 WHERE tenant = $1")
            .bind(tenant)
            .execute(&mut *tx)
            .await?;
    }
    for name in names {
        sqlx::query(
            "UPDATE names SET in_ledger = 1 WHERE connection = $1 AND name = $2 \
               AND erased_at IS NOT DISTINCT FROM $3 AND not_found_at IS NOT DISTINCT FROM $4",
        )
        .bind(name.connection)
        .bind(name.name)
        .bind(name.erased_at)
        .bind(name.not_found_at)
        .execute(&mut *tx)
        .await?;
    }
    record_written(tx, last).await
}

/// Creates the file if there is none.
fn create(path: &Path) -> io::Result<()> {
    if path.exists() { Ok(()) } else { PrivateFile::new(path)?.keep() }
}

/// Appends `lines` to the file, creating it if there is none. Returns once they are on disk.
fn append(path: &Path, lines: &[LedgerLine], vault: &Vault) -> io::Result<()> {
    create(path)?;
    let mut file = File::options().read(true).append(true).open(path)?;
    let mut text = String::new();
    // A line that was cut off, as by a full disk, must not swallow the next one.
    if file.metadata()?.len() > 0 {
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            text.push('\n');
        }
    }
    for line in lines {
        let line = line.text(vault).ok_or_else(|| io::Error::other("an entry cannot be written as JSON"))?;
        text.push_str(&line);
        text.push('\n');
    }
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

/// Returns the number of the last intact line of the file; 0 if there is none.
fn last_number(path: &Path, vault: &Vault) -> io::Result<i64> {
    let mut file = File::open(path)?;
    let length = i64::try_from(file.metadata()?.len()).unwrap_or(i64::MAX);
    file.seek(SeekFrom::End(-length.min(END_BYTES)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    let end = String::from_utf8_lossy(&end).into_owned();
    let last = end.lines().rev().find_map(|line| LedgerLine::read(line, vault));
    Ok(last.map_or(0, |line| line.number))
}
