//! Restores a backup over the database.

use std::path::{Path, PathBuf};

use sqlx::Connection as _;

use crate::{
    database::Tx,
    erasures::reapply::{self, ReadLedger, Reapplied},
    error::StoreError,
    events,
    handle::Store,
    private_file::{PrivateFile, sync_folder},
    replicas,
    seal::MasterKey,
    sqlite::address,
    unfinished::{RESTORING, beside, unfinished},
};

/// Why a backup was not restored. The database is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The database already exists.
    #[error("{} already exists; --replace keeps it beside the restored database", .0.display())]
    Exists(PathBuf),
    /// The database that an earlier restore kept beside the restored one still exists.
    #[error("{} is left from an earlier restore: move it away first", .0.display())]
    KeptBefore(PathBuf),
    /// A file could not be read, written or moved.
    #[error("{}: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        cause: std::io::Error,
    },
    /// The backup is not a database of this program.
    #[error("{} is not a connector-host database: {why}", path.display())]
    AnotherKind {
        /// The backup.
        path: PathBuf,
        /// Why it is not one.
        why: String,
    },
    /// The backup is damaged.
    #[error("{} is damaged: {found}", path.display())]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// What SQLite found.
        found: String,
    },
    /// Replicas serve the database.
    #[error("replicas serve the database: {}; stop them first", .0.join(", "))]
    InUse(Vec<String>),
    /// The backup could not be opened, for example because it has a different master key.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How many event numbers a restore skips: more than a service can have assigned since its last backup. New events must
/// come after the cursor of every platform.
const SKIPPED_EVENTS: i64 = 1_000_000_000;

/// What happens to a database that is already where the restored one goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExistingDatabase {
    /// Nothing is restored.
    Refuse,
    /// It is kept beside the restored one, as `….before-restore`.
    Replace,
}

/// A backup that was restored.
#[derive(Debug)]
pub struct Restored {
    /// The path of the database that was there before; `None` if there was none.
    pub kept: Option<PathBuf>,
    /// What was done about the erasures that came after the backup.
    pub erasures: RestoredErasures,
}

/// What was done about the erasures that came after a backup.
#[derive(Debug, PartialEq, Eq)]
pub enum RestoredErasures {
    /// There is no ledger at this path, so that people who were erased after the backup are back.
    Unknown(PathBuf),
    /// They were applied again.
    Reapplied(Reapplied),
}

/// Replaces `database` with a copy of `backup`, after checking that the backup is intact and opens with `key`, and applies
/// the erasures in the file `ledger` to it. The database must not be in use meanwhile. An interrupted restore leaves a
/// database that does not open until the restore is run again.
pub async fn restore(
    backup: &Path,
    database: &Path,
    ledger: &Path,
    key: &MasterKey,
    existing: ExistingDatabase,
) -> Result<Restored, RestoreError> {
    let aside = beside(database, BEFORE);
    let was_cut_off = unfinished(database);
    if existing == ExistingDatabase::Refuse && database.exists() {
        return Err(RestoreError::Exists(database.to_owned()));
    }
    if aside.exists() && !was_cut_off {
        return Err(RestoreError::KeptBefore(aside));
    }
    check(backup).await?;
    let ready = beside(database, RESTORING);
    let mut copy = PrivateFile::new(&ready).map_err(file(&ready))?;
    copy.copy(backup).map_err(file(backup))?;
    let erasures = reapply::read(ledger, &key.vault()).map_err(file(ledger))?;
    let reapplied = prepare(copy.path(), key, erasures).await?;
    // From here to the last line of this function, only a restore can open the database.
    copy.replace().map_err(file(&ready))?;
    // A log that was not yet checkpointed belongs to the old database.
    for part in ["-wal", "-shm", ""] {
        let (from, to) = (beside(database, part), beside(&aside, part));
        if from.exists() {
            rename(&from, &to)?;
        }
    }
    rename(&ready, database)?;
    let erasures =
        reapplied.map_or_else(|| RestoredErasures::Unknown(ledger.to_owned()), RestoredErasures::Reapplied);
    Ok(Restored { kept: aside.exists().then_some(aside), erasures })
}

/// Applies the erasures in the file `ledger`, if there is one, to a database that other programs have restored, and skips
/// event numbers. No service may use the database: a replica that gave a sign of life within the last minute is refused.
pub async fn reapply_erasures(store: &Store, ledger: &Path) -> Result<RestoredErasures, RestoreError> {
    let vault = store.vault().clone();
    let erasures = reapply::read(ledger, &vault).map_err(file(ledger))?;
    let reapplied = store.try_write(move |tx| {
        Box::pin(async move {
            let running = replicas::seen_within(tx, MIN_SILENCE_MS).await?;
            if !running.is_empty() {
                return Err(RestoreError::InUse(running));
            }
            events::skip_numbers(tx, SKIPPED_EVENTS).await?;
            match erasures {
                Some(erasures) => Ok(Some(reapply::reapply(tx, &vault, &erasures).await?)),
                None => Ok(None),
            }
        })
    });
    let reapplied = reapplied.await?;
    Ok(reapplied.map_or_else(|| RestoredErasures::Unknown(ledger.to_owned()), RestoredErasures::Reapplied))
}

/// How long no replica may have given a sign of life: those of a restored dump are older.
const MIN_SILENCE_MS: i64 = 60_000;

const BEFORE: &str = ".before-restore";

/// Opens the copy, skips event numbers and applies `erasures` again, if they are known. The backup itself is not touched.
/// The copy is left on disk as a single file.
async fn prepare(
    copy: &Path,
    key: &MasterKey,
    erasures: Option<ReadLedger>,
) -> Result<Option<Reapplied>, StoreError> {
    let store = Store::open(copy, key).await?;
    let vault = key.vault();
    let reapplied = store
        .write(move |tx| {
            Box::pin(async move {
                events::skip_numbers(tx, SKIPPED_EVENTS).await?;
                match erasures {
                    Some(ledger) => reapply::reapply(tx, &vault, &ledger).await.map(Some),
                    None => Ok(None),
                }
            })
        })
        .await;
    store.close().await;
    reapplied
}

/// Moves a file. Returns once the move is on disk.
fn rename(from: &Path, to: &Path) -> Result<(), RestoreError> {
    std::fs::rename(from, to).map_err(file(from))?;
    sync_folder(to).map_err(file(to))
}

/// Checks that `backup` is intact and a database of this program.
async fn check(backup: &Path) -> Result<(), RestoreError> {
    std::fs::File::open(backup).map_err(file(backup))?;
    let another = |error: sqlx::Error| {
        let why =
            error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
        RestoreError::AnotherKind { path: backup.to_owned(), why }
    };
    sqlx::any::install_default_drivers();
    let url = format!("{}?mode=ro", address(backup));
    let mut connection = Tx::connect(&url).await.map_err(another)?;
    let marks = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM marks WHERE name = 'master-key'");
    if marks.fetch_one(&mut connection).await.map_err(another)? == 0 {
        let why = "it has no master key mark".to_owned();
        return Err(RestoreError::AnotherKind { path: backup.to_owned(), why });
    }
    let found: String =
        sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut connection).await.map_err(another)?;
    if found != "ok" {
        return Err(RestoreError::Damaged { path: backup.to_owned(), found });
    }
    Ok(())
}

fn file(path: &Path) -> impl FnOnce(std::io::Error) -> RestoreError {
    let path = path.to_owned();
    move |cause| RestoreError::File { path, cause }
}

#[cfg(test)]
mod tests;
