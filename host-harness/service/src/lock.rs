//! A lock that allows one process per database file.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};

use host_store::DatabaseAddress;

/// The reason that a database could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has locked it.
    #[error(
        "another process serves this database (it has locked {}): stop it first, or use another database",
        .0.display()
    )]
    Held(PathBuf),
    /// The lock file cannot be created or locked.
    #[error("cannot lock {}: {cause}", path.display())]
    Unusable {
        /// The path of the lock file.
        path: PathBuf,
        /// The error of the operating system.
        cause: std::io::Error,
    },
}

/// The lock on a database. The operating system releases it however the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Locks `database` if it is a file. A database on a server is not locked: replicas share it.
    pub fn of_file(database: &DatabaseAddress) -> Result<Option<Self>, LockError> {
        match database {
            DatabaseAddress::File(path) => Self::take(path).map(Some),
            DatabaseAddress::Server(_) => Ok(None),
        }
    }

    /// Locks `database` for this process.
    pub fn take(database: &Path) -> Result<Self, LockError> {
        let mut path = database.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        let mut options = File::options();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.create(true).append(true).open(&path);
        let file = file.map_err(|cause| LockError::Unusable { path: path.clone(), cause })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held(path)),
            Err(TryLockError::Error(cause)) => Err(LockError::Unusable { path, cause }),
        }
    }
}
