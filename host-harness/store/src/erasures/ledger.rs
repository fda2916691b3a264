//! Writes the erasure ledger: names that were erased are appended to the file soon after, and marked in the database
//! once they are on disk there.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    database::Tx,
    erasures::entry::{ErasedName, LedgerEntry, LedgerLine, key_id},
    error::StoreError,
    handle::Store,
    marks,
    portion::MAX_ROWS,
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
    /// The size of the file after the last write, in bytes.
    size: u64,
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

/// What became of the file since the database last wrote into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerFile {
    /// It contains everything that was written.
    Whole,
    /// It is missing, or an older copy of it is there. It is written anew with what the database contains.
    Incomplete,
}

impl ErasureLedger {
    /// Opens the ledger in the file `path` for `store`, and creates it if there is none.
    pub async fn open(store: &Store, path: &Path) -> Result<(Self, LedgerFile), LedgerError> {
        let mut ledger = Self { store: store.clone(), path: path.to_owned(), next: 1, size: 0 };
        let file = ledger.begin().await?;
        Ok((ledger, file))
    }

    /// Looks at the file. If it lacks lines, everything that the database contains is due to be written again.
    async fn begin(&mut self) -> Result<LedgerFile, LedgerError> {
        let vault = self.store.vault().clone();
        let written = self.store.read(|c| Box::pin(async move { written(c, &vault).await })).await?;
        let (path, vault) = (self.path.clone(), self.store.vault().clone());
        let (last, size) = self.on_disk(move || last_line(&path, &vault)).await?;
        (self.next, self.size) = (written.max(last).saturating_add(1), size);
        if last >= written {
            return Ok(LedgerFile::Whole);
        }
        write_anew(&self.store).await?;
        Ok(LedgerFile::Incomplete)
    }

    /// Appends the names that were erased since the last call. Returns how many there were, once they are on disk. If the
    /// file was moved away or replaced in the meantime, writes everything anew.
    pub async fn catch_up(&mut self) -> Result<usize, LedgerError> {
        let path = self.path.clone();
        // An empty file is what a missing one looks like.
        let size = self.on_disk(move || Ok(std::fs::metadata(path).map_or(0, |file| file.len()))).await?;
        if size < self.size {
            self.begin().await?;
        }
        let mut count = 0;
        loop {
            // Names first: the key of a tenant exists before its first name.
            let mut names = self.store.read(|c| Box::pin(new_names(c))).await?;
            let keys = self.store.read(|c| Box::pin(new_keys(c))).await?;
            if keys.is_empty() && names.is_empty() {
                return Ok(count);
            }
            count += names.len();
            for name in &mut names {
                name.key_id = key_id(&*self.store.person_key(&name.tenant).await?);
            }
            let entries = keys
                .iter()
                .map(|(tenant, sealed_key)| LedgerEntry::TenantKey {
                    tenant: tenant.clone(),
                    sealed_key: sealed_key.clone(),
                })
                .chain(names.iter().cloned().map(LedgerEntry::Erasure));
            let lines: Vec<LedgerLine> =
                (self.next..).zip(entries).map(|(number, entry)| LedgerLine { number, entry }).collect();
            self.next = self.next.saturating_add(i64::try_from(lines.len()).unwrap_or(i64::MAX));
            let (path, vault) = (self.path.clone(), self.store.vault().clone());
            self.size = self.on_disk(move || append(&path, &lines, &vault)).await?;
            let (last, vault) = (self.next.saturating_sub(1), self.store.vault().clone());
            self.store
                .write(move |tx| Box::pin(async move { mark(tx, &vault, keys, names, last).await }))
                .await?;
        }
    }

    /// Runs work on the file on a thread of its own, since a disk may stall.
    async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let done = tokio::task::spawn_blocking(work).await.map_err(io::Error::other);
        done.flatten().map_err(|cause| LedgerError::File { path: self.path.clone(), cause })
    }
}

/// Returns the number of the last line that the database has written; 0 if there is none, or if the number was changed
/// from outside.
pub(super) async fn written(connection: &mut Tx, vault: &Vault) -> Result<i64, StoreError> {
    let opened = marks::get(connection, WRITTEN).await?.and_then(|sealed| vault.open(WRITTEN, &sealed).ok());
    Ok(opened.and_then(|number| std::str::from_utf8(&number).ok()?.parse().ok()).unwrap_or(0))
}

/// Records that the lines up to `number` are in the file.
pub(super) async fn record_written(tx: &mut Tx, vault: &Vault, number: i64) -> Result<(), StoreError> {
    let sealed = vault.seal(WRITTEN, number.to_string().as_bytes())?;
    marks::put(tx, WRITTEN, sealed).await
}

/// Has everything written again that the database contains.
async fn write_anew(store: &Store) -> Result<(), StoreError> {
    const TENANTS: &str = "UPDATE tenants SET in_ledger = 0";
    store.write(|tx| Box::pin(async move { Ok(sqlx::query(TENANTS).execute(tx).await.map(drop)?) })).await?;
    let mut after = Some((String::new(), Vec::new()));
    while let Some((connection, name)) = after {
        after = store.write(|tx| Box::pin(names_anew(tx, connection, name))).await?;
    }
    Ok(())
}

/// Has some names written again: those that follow `name` of `connection`. Returns the last of them; `None` if they are the
/// last of all.
async fn names_anew(
    tx: &mut Tx,
    connection: String,
    name: Vec<u8>,
) -> Result<Option<(String, Vec<u8>)>, StoreError> {
    const LAST: &str = "SELECT connection, name FROM names WHERE (connection, name) > ($1, $2) \
                        ORDER BY connection, name LIMIT 1 OFFSET $3";
    const SOME: &str = "UPDATE names SET in_ledger = 0 WHERE in_ledger = 1 AND (connection, name) > ($1, $2) \
                        AND (connection, name) <= ($3, $4)";
    const REST: &str = "UPDATE names SET in_ledger = 0 WHERE in_ledger = 1 AND (connection, name) > ($1, $2)";
    let last = sqlx::query_as(LAST).bind(&connection).bind(&name).bind(MAX_ROWS);
    let last: Option<(String, Vec<u8>)> = last.fetch_optional(&mut *tx).await?;
    let update = sqlx::query(if last.is_some() { SOME } else { REST }).bind(connection).bind(name);
    let update = match &last {
        Some((connection, name)) => update.bind(connection).bind(name),
        None => update,
    };
    update.execute(tx).await?;
    Ok(last)
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
    vault: &Vault,
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
    record_written(tx, vault, last).await
}

/// Creates the file if there is none.
fn create(path: &Path) -> io::Result<()> {
    if path.exists() { Ok(()) } else { PrivateFile::new(path)?.keep() }
}

/// Appends `lines` to the file, which must be there. Returns its size once they are on disk.
fn append(path: &Path, lines: &[LedgerLine], vault: &Vault) -> io::Result<u64> {
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
    file.sync_data()?;
    Ok(file.metadata()?.len())
}

/// Returns the number of the last intact line of the file, 0 if there is none, and its size. Creates the file if there is
/// none.
fn last_line(path: &Path, vault: &Vault) -> io::Result<(i64, u64)> {
    create(path)?;
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let end_bytes = i64::try_from(size).unwrap_or(i64::MAX).min(END_BYTES);
    file.seek(SeekFrom::End(-end_bytes))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    let end = String::from_utf8_lossy(&end).into_owned();
    let last = end.lines().rev().find_map(|line| LedgerLine::read(line, vault));
    Ok((last.map_or(0, |line| line.number), size))
}
