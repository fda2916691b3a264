//! How the program compiles plugins: in a process of its own, which is the program itself with a hidden command, and once,
//! since the code is kept in the user's cache.
//! Tested in `cli/tests/compiling.rs`.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::{DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Read as _},
    path::{Path, PathBuf},
};

use host_harness::compile::{CodeCache, CodeKey, Compiler, CompilingProgram};
use host_store::private_file::PrivateFile;
use zeroize::Zeroizing;

/// The hidden command.
const COMMAND: &str = "compile";

/// How the program compiles plugins. By default in this process, each time.
#[derive(Clone, Debug, Default)]
pub struct Compiling {
    compiler: Compiler,
    /// The folder with the key and the compiled code.
    folder: Option<PathBuf>,
}

impl Compiling {
    /// Returns whether `arguments`, which begin with the program's name, ask for the hidden command: the process then
    /// compiles for its parent and does nothing else.
    pub fn is_requested_by(arguments: impl IntoIterator<Item = OsString>) -> bool {
        arguments.into_iter().nth(1).is_some_and(|argument| argument == COMMAND)
    }

    /// Compiles in a process of this program. Commands keep the code in the user's cache folder, if there is one.
    pub fn of_the_process() -> Self {
        let compiler = match CompilingProgram::this_one([COMMAND]) {
            Ok(program) => Compiler::Child(program),
            Err(_) => Compiler::InProcess,
        };
        let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let folder = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
        Self { compiler, folder: folder.map(|folder| folder.join("connector-host")) }
    }

    /// Compiles each time.
    pub(super) fn without_cache(self) -> Self {
        Self { folder: None, ..self }
    }

    pub(super) fn compiler(&self) -> Compiler {
        self.compiler.clone()
    }

    /// Returns the cache of commands; `None` if there is none, or another user could have written its key.
    pub(super) fn cache(&self) -> Option<CodeCache> {
        let folder = self.folder.as_deref()?;
        match key(folder) {
            Ok(key) => Some(CodeCache::new(folder.join("compiled"), key)),
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "cache of compiled code not used");
                None
            }
        }
    }
}

/// Returns the key in `folder`, and creates both if they are missing.
fn key(folder: &Path) -> io::Result<CodeKey> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)?;
    only_of_this_user(&File::open(folder)?, folder.as_os_str())?;
    let file = folder.join("compiled.key");
    match read(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        read => return read,
    }
    let mut random = Zeroizing::new([0; 32]);
    getrandom::fill(random.as_mut_slice()).map_err(|error| io::Error::other(error.to_string()))?;
    let mut new = PrivateFile::new(&file)?;
    new.write(random.as_slice())?;
    match new.keep() {
        // Another command was first.
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => read(&file),
    }
}

fn read(path: &Path) -> io::Result<CodeKey> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits().cast_signed());
    }
    let mut file = options.open(path)?;
    only_of_this_user(&file, path.as_os_str())?;
    let mut key = Zeroizing::new([0; 32]);
    file.read_exact(key.as_mut_slice())?;
    Ok(CodeKey::new(key))
}

/// Returns an error if another user could have written `file`, or can read the key: that user's code would be loaded.
#[cfg(unix)]
fn only_of_this_user(file: &File, name: &OsStr) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    let metadata = file.metadata()?;
    // Everyone may see the names in the folder.
    let forbidden = if metadata.is_dir() { 0o022 } else { 0o077 };
    if metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & forbidden == 0 {
        return Ok(());
    }
    let name = name.display();
    Err(io::Error::other(format!(
        "{name} belongs to another user or is open to others: delete it, or chmod go-rwx"
    )))
}

#[cfg(not(unix))]
fn only_of_this_user(_: &File, _: &OsStr) -> io::Result<()> {
    Ok(())
}
