//! One process for each database.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};

/// Why a database cannot be had alone.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// A service has it.
    #[error("another process serves this database (it holds {}): stop it first, or name another database", .0.display())]
    Held(PathBuf),
    /// The file that stands for it cannot be made.
    #[error("cannot lock {}: {cause}", path.display())]
    Unusable {
        /// The lock's file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
}

/// Holds a database; the system lets go of it however the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes `database` for this process alone.
    pub fn take(database: &Path) -> Result<Self, LockError> {
        let mut path = database.as_os_str().to_owned();
        path.push(".lock");
        let path = PathBuf::from(path);
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(|cause| LockError::Unusable { path: path.clone(), cause })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Held(path)),
            Err(TryLockError::Error(cause)) => Err(LockError::Unusable { path, cause }),
        }
    }
}
