//! Files that only their owner can read: databases, backups, ledgers and keys. A file appears under its name only once it
//! is complete and on disk, so that an interruption leaves no half of one.

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

/// The suffix of a file that is being written. One that is left was cut off by the end of its process and can be deleted.
const UNFINISHED: &str = ".partial";

/// A file that is being written. Dropping it deletes it.
pub struct PrivateFile {
    file: NamedTempFile,
    to: PathBuf,
}

impl PrivateFile {
    /// Creates an empty file beside `to`, which [`keep`](Self::keep) moves there.
    pub fn new(to: &Path) -> io::Result<Self> {
        let name = to.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // tempfile creates files with the mode 0600.
        let file = tempfile::Builder::new()
            .prefix(&format!("{name}."))
            .suffix(UNFINISHED)
            .tempfile_in(folder(to))?;
        Ok(Self { file, to: to.to_owned() })
    }

    /// Returns the path at which it is being written.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Appends `bytes`.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    /// Appends everything that `from` contains.
    pub fn copy(&mut self, from: &Path) -> io::Result<()> {
        io::copy(&mut File::open(from)?, &mut self.file).map(drop)
    }

    /// Moves the file to its name and returns once that is on disk. Returns [`io::ErrorKind::AlreadyExists`] if there is
    /// a file of that name.
    pub fn keep(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist_noclobber(&self.to).map_err(|error| error.error)?;
        sync_folder(&self.to)
    }

    /// Like [`keep`](Self::keep), but replaces a file of that name.
    pub(crate) fn replace(self) -> io::Result<()> {
        self.file.as_file().sync_all()?;
        self.file.persist(&self.to).map_err(|error| error.error)?;
        sync_folder(&self.to)
    }
}

/// Returns once the names in the folder of `path` are on disk.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    // On other systems, a folder cannot be opened as a file and does not need to be synced.
    if cfg!(unix) { File::open(folder(path))?.sync_all() } else { Ok(()) }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Returns whether other users of the machine can read or write the file. `false` if it does not exist.
#[cfg(unix)]
pub fn is_open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o066 != 0)
}

/// Returns `false`: the permissions of files are not examined on this system.
#[cfg(not(unix))]
pub fn is_open_to_others(_: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_complete_and_for_its_owner_alone_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("master.key");
        let mut dropped = PrivateFile::new(&to).unwrap();
        dropped.write(b"half").unwrap();
        drop(dropped);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut kept = PrivateFile::new(&to).unwrap();
        kept.write(b"whole").unwrap();
        assert!(!to.exists());
        kept.keep().unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"whole");
        assert!(!is_open_to_others(&to));
        let refused = PrivateFile::new(&to).unwrap().keep().unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
