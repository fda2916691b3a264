//! Restores a backup over the database.

use std::path::{Path, PathBuf};

use sqlx::Connection as _;

use crate::{
    database::Tx,
    error::StoreError,
    handle::Store,
    private_file::{PrivateFile, sync_folder},
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

/// Replaces `database` with a copy of `backup`, after checking that the backup is intact and opens with `key`. Returns the
/// path of the database that was there before; `None` if there was none. The database must not be in use meanwhile. An
/// interrupted restore leaves a database that does not open until the restore is run again.
pub async fn restore(
    backup: &Path,
    database: &Path,
    key: &MasterKey,
    existing: ExistingDatabase,
) -> Result<Option<PathBuf>, RestoreError> {
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
    prepare(copy.path(), key).await?;
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
    Ok(aside.exists().then_some(aside))
}

const BEFORE: &str = ".before-restore";

/// Opens the copy and skips event numbers. The backup itself is not touched. The copy is left on disk as a single file.
async fn prepare(copy: &Path, key: &MasterKey) -> Result<(), StoreError> {
    let store = Store::open(copy, key).await?;
    store
        .write(|tx| {
            Box::pin(async move {
                let begun = "INSERT INTO sqlite_sequence (name, seq) SELECT 'events', 0 \
                             WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'events')";
                sqlx::query(begun).execute(&mut *tx).await?;
                let skip = "UPDATE sqlite_sequence SET seq = seq + $1 WHERE name = 'events'";
                Ok(sqlx::query(skip).bind(SKIPPED_EVENTS).execute(tx).await?)
            })
        })
        .await?;
    store.close().await;
    Ok(())
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
mod tests {
    use super::*;
    use crate::testing::{Folder, master_key, write};

    async fn event(store: &Store) -> i64 {
        let sql = "INSERT INTO events (id, tenant, connection, person, news, sealed_identity, received_at) \
                   VALUES ($1, 'acme', 'newsletter', 1, '{}', x'00', 1) RETURNING seq";
        write(store, move |tx| {
            let id = uuid::Uuid::now_v7().to_string();
            Box::pin(async move { Ok(sqlx::query_scalar(sql).bind(id).fetch_one(tx).await?) })
        })
        .await
    }

    #[tokio::test]
    async fn a_platform_that_read_the_feed_past_the_backup_misses_no_event_after_the_restore() {
        let folder = Folder::new();
        let (database, backup) = (folder.file("host.db"), folder.file("copy.db"));
        let store = Store::open(&database, &master_key()).await.unwrap();
        store.back_up(&backup).await.unwrap();
        let cursor = event(&store).await;
        store.close().await;
        restore(&backup, &database, &master_key(), ExistingDatabase::Replace).await.unwrap();
        let store = Store::open(&database, &master_key()).await.unwrap();
        assert!(event(&store).await > cursor);
        store.close().await;
    }

    #[tokio::test]
    async fn a_restore_that_was_cut_off_leaves_nothing_that_opens_and_is_done_again() {
        let folder = Folder::new();
        let (database, backup) = (folder.file("host.db"), folder.file("copy.db"));
        let store = Store::open(&database, &master_key()).await.unwrap();
        store.back_up(&backup).await.unwrap();
        event(&store).await;
        store.close().await;
        let aside = beside(&database, BEFORE);
        // The state between the moves.
        std::fs::copy(&backup, beside(&database, RESTORING)).unwrap();
        std::fs::write(beside(&aside, "-wal"), "").unwrap();
        let refused = Store::open(&database, &master_key()).await.unwrap_err();
        assert!(matches!(refused, StoreError::RestoreCutOff), "{refused}");
        std::fs::rename(&database, &aside).unwrap();
        let refused = Store::open(&database, &master_key()).await.unwrap_err();
        assert!(matches!(refused, StoreError::RestoreCutOff), "{refused}");
        assert!(!database.exists(), "no new database is created in its place");

        let kept = restore(&backup, &database, &master_key(), ExistingDatabase::Replace).await.unwrap();
        assert_eq!(kept, Some(aside.clone()));
        Store::open(&database, &master_key()).await.unwrap().close().await;
        let before = Store::open(&aside, &master_key()).await.unwrap();
        assert_eq!(event(&before).await, 2, "the old database is intact");
        before.close().await;
    }

    #[tokio::test]
    async fn a_backup_of_a_newer_program_is_refused_by_the_programs_name_and_nothing_is_moved() {
        let folder = Folder::new();
        let (database, backup) = (folder.file("host.db"), folder.file("newer.db"));
        Store::open(&database, &master_key()).await.unwrap().close().await;
        let newer = Store::open(&backup, &master_key()).await.unwrap();
        write(&newer, |tx| {
            Box::pin(async move {
                let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                             VALUES (9999, 'later', 1, x'00', 0)";
                sqlx::query(later).execute(&mut *tx).await?;
                let program = "UPDATE marks SET value = CAST('7.0.0' AS BLOB) WHERE name = 'program'";
                sqlx::query(program).execute(tx).await?;
                Ok(())
            })
        })
        .await;
        newer.close().await;
        let before = std::fs::read(&database).unwrap();
        let refused =
            restore(&backup, &database, &master_key(), ExistingDatabase::Replace).await.unwrap_err();
        let RestoreError::Store(StoreError::NewerDatabase { found: 9999, written_by, .. }) = &refused else {
            panic!("{refused}")
        };
        assert_eq!(written_by, "7.0.0");
        assert_eq!(std::fs::read(&database).unwrap(), before);
        assert!(!beside(&database, BEFORE).exists() && !unfinished(&database));
    }
}
