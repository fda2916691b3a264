//! Whether a restore was cut off half way: files beside the database tell.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// The ending of a backup that is ready to take its place: it is there until the last step of a restore.
pub(crate) const RESTORING: &str = ".restoring";

/// Whether a restore of `database` was cut off half way.
pub(crate) fn unfinished(database: &Path) -> bool {
    beside(database, RESTORING).exists()
}

/// The path of `path` with `ending` after its last letter.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}
