//! Compiled code in a folder, for the next start. What cannot be read, or is not authentic, is compiled again and
//! replaced; nothing here fails a caller.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read as _, Write as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{
    code::CompiledCode,
    entry::{CodeId, CodeKey, HEADER_BYTES},
};

/// The size that a cache is kept below, in bytes. 1 GiB: twenty versions of a JavaScript runtime.
pub const MAX_CACHE_BYTES: u64 = 1 << 30;

/// The suffixes of an entry, and of one that is being written.
const ENTRY: &str = ".code";
const UNFINISHED: &str = ".code.partial";

/// A folder with compiled code. The folder is created when it is first used, for its owner alone.
#[derive(Clone, Debug)]
pub struct CodeCache {
    folder: PathBuf,
    key: CodeKey,
    max_bytes: u64,
}

impl CodeCache {
    /// Uses `folder`. Only code that `key` authenticates is loaded.
    pub fn new(folder: impl Into<PathBuf>, key: CodeKey) -> Self {
        Self { folder: folder.into(), key, max_bytes: MAX_CACHE_BYTES }
    }

    /// Keeps the folder below `max_bytes` instead of [`MAX_CACHE_BYTES`]. The entry that was used longest ago is removed
    /// first.
    #[must_use]
    pub fn with_max_bytes(self, max_bytes: u64) -> Self {
        Self { max_bytes, ..self }
    }

    /// Returns the code of `id` if the cache has it.
    pub(super) fn get(&self, id: &CodeId) -> Option<CompiledCode> {
        let path = self.path(id);
        match self.read(&path, id) {
            Ok(Some(code)) => Some(code),
            Ok(None) => {
                let file = path.display();
                tracing::warn!(%file, "compiled code not authentic or damaged; it is compiled again");
                None
            }
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "compiled code cannot be read; it is compiled again");
                None
            }
        }
    }

    /// Stores the code of `id`, and removes what exceeds the size.
    pub(super) fn put(&self, id: &CodeId, code: &CompiledCode) {
        if let Err(error) = self.write(id, code).and_then(|()| self.shrink()) {
            tracing::warn!(folder = %self.folder.display(), %error, "compiled code not kept; the next start compiles again");
        }
    }

    fn path(&self, id: &CodeId) -> PathBuf {
        let (component, compatibility) = (hex::encode(id.component.0), hex::encode(id.compatibility.0));
        self.folder.join(format!("{component}-{compatibility}{ENTRY}"))
    }

    fn read(&self, path: &Path, id: &CodeId) -> io::Result<Option<CompiledCode>> {
        let mut file = open(path)?;
        let size = file.metadata()?.len();
        if size > self.max_bytes {
            return Ok(None);
        }
        let mut header = [0; HEADER_BYTES];
        let mut code = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        match file.read_exact(&mut header) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        // It may grow in the meantime.
        (&mut file).take(self.max_bytes).read_to_end(&mut code)?;
        let found = id.open(&self.key, &header, code);
        if found.is_some()
            && let Err(error) = file.set_modified(SystemTime::now())
        {
            tracing::debug!(file = %path.display(), %error, "use of compiled code not recorded");
        }
        Ok(found)
    }

    fn write(&self, id: &CodeId, code: &CompiledCode) -> io::Result<()> {
        if (HEADER_BYTES + code.bytes().len()) as u64 > self.max_bytes {
            return Ok(());
        }
        create(&self.folder)?;
        // tempfile creates files with the mode 0600. What a crash leaves of one is not authentic, so nothing is synced.
        let mut file = tempfile::Builder::new().suffix(UNFINISHED).tempfile_in(&self.folder)?;
        file.write_all(&id.header(&self.key, code))?;
        file.write_all(code.bytes())?;
        file.persist(self.path(id)).map(drop).map_err(|error| error.error)
    }

    /// Removes the files of this cache that were used longest ago, until the rest is small enough.
    fn shrink(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for file in fs::read_dir(&self.folder)? {
            let file = file?;
            let name = file.file_name();
            let is_own =
                name.to_str().is_some_and(|name| name.ends_with(ENTRY) || name.ends_with(UNFINISHED));
            // It may be gone by now.
            let Ok(metadata) = file.metadata() else { continue };
            if is_own && metadata.is_file() {
                files.push((metadata.modified()?, metadata.len(), file.path()));
            }
        }
        files.sort();
        let mut size: u64 = files.iter().map(|(_, size, _)| size).sum();
        for (_, bytes, path) in files {
            if size <= self.max_bytes {
                break;
            }
            fs::remove_file(path)?;
            size = size.saturating_sub(bytes);
        }
        Ok(())
    }
}

/// Opens a file to read it. Does not wait for the writer of a pipe, and follows no link.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits().cast_signed());
    }
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a file")) }
}

/// Creates a folder for its owner alone, unless it exists.
fn create(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

#[cfg(test)]
mod tests;
