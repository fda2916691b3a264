//! What the machine has to have: Debian's packages of Python, PostgreSQL and Redis.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use crate::{debian, shell::output};

/// The Python for which every dependency of Fides has a ready wheel.
const PYTHON: &str = "/usr/bin/python3.11";

/// The programs of the machine.
pub(super) struct Machine {
    pub(super) python: PathBuf,
    /// The folder of `initdb` and `postgres`.
    pub(super) postgresql: PathBuf,
    pub(super) redis: PathBuf,
    /// Whether this program may run others as another user.
    is_root: bool,
}

impl Machine {
    /// Looks for the programs. As root on Debian or Ubuntu it installs the packages that are missing.
    pub(super) fn look() -> Result<Self> {
        let missing = missing();
        if !missing.is_empty() {
            debian::install(&missing)?;
        }
        let (Some(postgresql), Some(redis)) = (postgresql(), redis()) else {
            bail!("the packages of PostgreSQL and Redis are installed, but their programs were not found")
        };
        Ok(Self { python: PYTHON.into(), postgresql, redis, is_root: debian::is_root() })
    }

    /// Returns the user for a server: `name`, since PostgreSQL refuses to run as root, or this program's user if it is
    /// not root.
    pub(super) fn user(&self, name: &'static str) -> Option<&'static str> {
        self.is_root.then_some(name)
    }

    /// Creates a folder that only `user` can use.
    pub(super) fn folder(path: &Path, user: Option<&str>) -> Result<()> {
        fs::create_dir(path)?;
        Self::give(path, 0o700, user)
    }

    /// Sets who can use a file or a folder.
    pub(super) fn give(path: &Path, mode: u32, user: Option<&str>) -> Result<()> {
        use std::os::unix::fs::{PermissionsExt as _, chown};
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
        if let Some(user) = user {
            let id = |which| -> Result<u32> {
                Ok(output(Command::new("id").args([which, user]))?.trim().parse()?)
            };
            chown(path, Some(id("-u")?), Some(id("-g")?))?;
        }
        Ok(())
    }
}

/// Returns the packages that are missing.
fn missing() -> Vec<&'static str> {
    let has_venv = Command::new(PYTHON)
        .args(["-c", "import ensurepip"])
        .output()
        .is_ok_and(|output| output.status.success());
    [
        ("python3.11-venv", has_venv),
        ("postgresql", postgresql().is_some()),
        ("redis-server", redis().is_some()),
    ]
    .into_iter()
    .filter_map(|(package, is_there)| (!is_there).then_some(package))
    .collect()
}

/// Returns the folder of the newest PostgreSQL's programs.
fn postgresql() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let newest =
        versions.flatten().filter_map(|version| version.file_name().to_str()?.parse::<u32>().ok()).max()?;
    Some(format!("/usr/lib/postgresql/{newest}/bin").into())
}

fn redis() -> Option<PathBuf> {
    Some(PathBuf::from("/usr/bin/redis-server")).filter(|file| file.exists())
}
