//! A backup put back in the database's place.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use sqlx::Connection as _;

use super::{Connection, MasterKey, Store, StoreError, sqlite::address};

/// Why a backup was not put back. The database is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is a database.
    #[error("{} is there already; --replace keeps it beside the restored one", .0.display())]
    Exists(PathBuf),
    /// What was kept beside it the last time.
    #[error("{} is there from an earlier restore: move it away first", .0.display())]
    KeptBefore(PathBuf),
    /// A file that cannot be read, written or moved.
    #[error("{}: {cause}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// Not one of these databases.
    #[error("{} is no database of this program: {why}", path.display())]
    AnotherKind {
        /// The backup.
        path: PathBuf,
        /// What it is instead.
        why: String,
    },
    /// It is damaged.
    #[error("{} is damaged: {found}", path.display())]
    Damaged {
        /// The backup.
        path: PathBuf,
        /// What SQLite found.
        found: String,
    },
    /// It does not open, with this master key for instance.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Puts a copy of `backup` in the place of `database`, after it was seen to be whole and to open under `key`. What was there
/// is kept beside it as `….before-restore`, where `replace` allows it. Nobody may be using `database` meanwhile.
pub async fn restore(
    backup: &Path,
    database: &Path,
    key: &MasterKey,
    replace: bool,
) -> Result<Option<PathBuf>, RestoreError> {
    let (aside, copy) = (beside(database, ".before-restore"), beside(database, ".restoring"));
    if database.exists() && !replace {
        return Err(RestoreError::Exists(database.to_owned()));
    }
    if aside.exists() {
        return Err(RestoreError::KeptBefore(aside));
    }
    check(backup).await?;
    std::fs::copy(backup, &copy).map_err(file(backup))?;
    // The copy is opened, not the backup, which stays as it is.
    let opened = async {
        Store::open(&copy, key).await?.close().await;
        Ok::<_, StoreError>(())
    };
    if let Err(error) = opened.await {
        let _tried = std::fs::remove_file(&copy);
        return Err(error.into());
    }
    let kept = database.exists();
    if kept {
        // What was not yet moved out of the log belongs to it.
        for part in ["-wal", "-shm", ""] {
            let (from, to) = (beside(database, part), beside(&aside, part));
            if from.exists() {
                std::fs::rename(&from, &to).map_err(file(&from))?;
            }
        }
    }
    std::fs::rename(&copy, database).map_err(file(&copy))?;
    Ok(kept.then_some(aside))
}

/// That `backup` is whole and one of these databases.
async fn check(backup: &Path) -> Result<(), RestoreError> {
    std::fs::File::open(backup).map_err(file(backup))?;
    let another = |error: sqlx::Error| {
        let why =
            error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
        RestoreError::AnotherKind { path: backup.to_owned(), why }
    };
    sqlx::any::install_default_drivers();
    let url = format!("{}?mode=ro", address(backup));
    let mut connection = Connection::connect(&url).await.map_err(another)?;
    let marks = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM marks WHERE name = 'master-key'");
    if marks.fetch_one(&mut connection).await.map_err(another)? == 0 {
        let why = "it has no master key's mark".to_owned();
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

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}
