//! What shows that another file is at a path, or that the file was written, without reading it.

use std::{
    fs::{self, Metadata},
    io,
    path::{Component, Path, PathBuf, absolute},
};

use host_trust::bundle_file;

/// As many links as Linux follows.
const MAX_LINKS: usize = 40;

/// The identities of a file and of each link on the way to it. Folders are left out: they change with every file beside
/// the one that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint(Vec<FileIdentity>);

impl Fingerprint {
    /// Looks at the file that `path` leads to. Fails if there is none, or it is not a regular file.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let not_a_file = || io::Error::other("not a regular file");
        let (mut resolved, mut left, mut seen) = (PathBuf::new(), absolute(path)?, Vec::new());
        loop {
            let mut parts = left.components();
            let part = parts.next().ok_or_else(not_a_file)?;
            let rest = parts.as_path().to_owned();
            match part {
                Component::Prefix(_) | Component::RootDir => resolved.push(part),
                Component::CurDir => {}
                Component::ParentDir => {
                    resolved.pop();
                }
                Component::Normal(name) => {
                    let next = resolved.join(name);
                    let metadata = fs::symlink_metadata(&next)?;
                    if metadata.is_symlink() {
                        if seen.len() == MAX_LINKS {
                            return Err(io::Error::other("too many levels of symbolic links"));
                        }
                        seen.push(FileIdentity::of(&metadata));
                        left = fs::read_link(&next)?.join(rest);
                        continue;
                    }
                    if rest.as_os_str().is_empty() {
                        // Reading a pipe or a device could wait forever.
                        if !metadata.is_file() {
                            return Err(not_a_file());
                        }
                        seen.push(FileIdentity::of(&metadata));
                        return Ok(Self(seen));
                    }
                    resolved = next;
                }
            }
            left = rest;
        }
    }

    /// Returns the size of the file, in bytes.
    pub(super) fn size(&self) -> usize {
        self.0.last().map_or(0, |file| usize::try_from(file.size).unwrap_or(usize::MAX))
    }
}

/// What shows that another release is at a path: another component, or another bundle beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ReleaseFingerprint {
    component: Fingerprint,
    /// `None` if there is no file.
    bundle: Option<Fingerprint>,
}

impl ReleaseFingerprint {
    /// Looks at the component that `path` leads to, and at its bundle. Fails if there is no component, or it is not a regular
    /// file.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        Ok(Self { component: Fingerprint::of(path)?, bundle: Fingerprint::of(&bundle_file(path)).ok() })
    }

    /// Returns the size of the component, in bytes.
    pub(super) fn component_size(&self) -> usize {
        self.component.size()
    }
}

/// The identity of a file or link, and of its content. Times include nanoseconds.
#[cfg(unix)]
#[derive(Clone, Debug, PartialEq, Eq)]
struct FileIdentity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    /// Also changes if a program sets the time of modification back, or access to the file.
    changed: (i64, i64),
}

#[cfg(unix)]
impl FileIdentity {
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[cfg(not(unix))]
#[derive(Clone, Debug, PartialEq, Eq)]
struct FileIdentity {
    size: u64,
    modified: Option<std::time::SystemTime>,
}

#[cfg(not(unix))]
impl FileIdentity {
    fn of(metadata: &Metadata) -> Self {
        Self { size: metadata.len(), modified: metadata.modified().ok() }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_recognised_through_links_of_every_kind() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("releases/one")).unwrap();
        fs::write(at("releases/one/plugin.wasm"), "one").unwrap();
        symlink("releases/one", at("current")).unwrap();
        symlink("current/../one/plugin.wasm", at("relative.wasm")).unwrap();
        symlink(at("relative.wasm"), at("absolute.wasm")).unwrap();
        let links = |name: &str| Fingerprint::of(&at(name)).unwrap().0.len() - 1;
        assert_eq!(links("releases/one/plugin.wasm"), 0);
        assert_eq!(links("./releases/../releases/one/plugin.wasm"), 0);
        assert_eq!(links("current/plugin.wasm"), 1);
        assert_eq!([links("relative.wasm"), links("absolute.wasm")], [2, 3]);
    }

    #[test]
    fn a_write_beside_the_file_changes_nothing_and_a_write_of_equal_size_and_time_does() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plugin.wasm");
        fs::write(&file, "one").unwrap();
        let before = Fingerprint::of(&file).unwrap();
        fs::write(folder.path().join("connector-host.db-wal"), "page").unwrap();
        fs::read(&file).unwrap();
        assert_eq!(Fingerprint::of(&file).unwrap(), before);

        let written = fs::metadata(&file).unwrap().modified().unwrap();
        let beside = folder.path().join("new");
        fs::write(&beside, "two").unwrap();
        fs::File::open(&beside).unwrap().set_modified(written).unwrap();
        fs::rename(&beside, &file).unwrap();
        assert_ne!(Fingerprint::of(&file).unwrap(), before);
    }

    #[test]
    fn what_is_no_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let error = |name: &str| Fingerprint::of(&at(name)).unwrap_err().to_string();
        assert_eq!(error("missing.wasm"), "No such file or directory (os error 2)");
        assert_eq!(error("."), "not a regular file");
        symlink("loop", at("loop")).unwrap();
        assert_eq!(error("loop"), "too many levels of symbolic links");
        symlink("missing.wasm", at("dangling.wasm")).unwrap();
        assert_eq!(error("dangling.wasm"), "No such file or directory (os error 2)");
        fs::write(at("file"), "").unwrap();
        assert_eq!(error("file/plugin.wasm"), "Not a directory (os error 20)");
        let socket = std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        assert_eq!(error("socket"), "not a regular file");
        drop(socket);
    }
}
