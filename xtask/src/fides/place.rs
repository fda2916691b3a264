//! The folders of a run: one for the logs, which stay, and a temporary one for everything else.

use std::{fs, path::PathBuf};

use anyhow::Result;
use tempfile::TempDir;
use xtask::components::target_dir;

use crate::programs::unprivileged;

/// The folders of a run.
pub(super) struct Place {
    /// Empty at the start of a run, and kept after it.
    pub(super) logs: PathBuf,
    temporary: TempDir,
}

impl Place {
    /// Empties the folder of the logs, and creates the temporary folder.
    pub(super) fn new() -> Result<Self> {
        let logs = target_dir().join("fides/logs");
        if logs.exists() {
            fs::remove_dir_all(&logs)?;
        }
        fs::create_dir_all(&logs)?;
        let temporary = TempDir::with_prefix("connector-host-fides-")?;
        // The servers' users pass through it to their own folders.
        unprivileged::give(temporary.path(), 0o711, None)?;
        Ok(Self { logs, temporary })
    }

    /// Returns the path of a temporary file or folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.temporary.path().join(name)
    }

    /// Returns the path of a program's log.
    pub(super) fn log(&self, program: &str) -> PathBuf {
        self.logs.join(program).with_extension("log")
    }
}
