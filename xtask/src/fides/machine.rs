//! What the machine has to have: Debian's packages of Python, PostgreSQL and Redis.

use std::{path::PathBuf, process::Command};

use anyhow::{Result, bail};

use crate::{debian, programs::postgresql};

/// The Python for which every dependency of Fides has a ready wheel.
const PYTHON: &str = "/usr/bin/python3.11";

/// The programs of the machine.
pub(super) struct Machine {
    pub(super) python: PathBuf,
    pub(super) postgresql: postgresql::Programs,
    pub(super) redis: PathBuf,
}

impl Machine {
    /// Looks for the programs. As root on Debian or Ubuntu it installs the packages that are missing.
    pub(super) fn look() -> Result<Self> {
        let missing = missing();
        if !missing.is_empty() {
            debian::install(&missing)?;
        }
        let (Some(postgresql), Some(redis)) = (postgresql::Programs::find(), redis()) else {
            bail!("the packages of PostgreSQL and Redis are installed, but their programs were not found")
        };
        Ok(Self { python: PYTHON.into(), postgresql, redis })
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
        (postgresql::PACKAGE, postgresql::Programs::find().is_some()),
        ("redis-server", redis().is_some()),
    ]
    .into_iter()
    .filter_map(|(package, is_there)| (!is_there).then_some(package))
    .collect()
}

fn redis() -> Option<PathBuf> {
    Some(PathBuf::from("/usr/bin/redis-server")).filter(|file| file.exists())
}
