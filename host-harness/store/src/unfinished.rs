//! Detects an interrupted restore, which leaves a file beside the database.
//! Tested in `cli/src/tests/database.rs`.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// The suffix of a backup that is ready to replace the database. The file exists until the last step of a restore.
pub(crate) const RESTORING: &str = ".restoring";

/// Returns whether a restore of `database` was interrupted.
pub(crate) fn unfinished(database: &Path) -> bool {
    beside(database, RESTORING).exists()
}

/// Returns `path` with `ending` appended.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}
