//! Fides in a virtual environment of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result};
use xtask::components::target_dir;

use super::machine::Machine;
use crate::{
    programs::{
        process::{Process, Stop, command, to_log},
        wait::until,
    },
    shell::{run, say, shown},
};

/// The version of Fides. `docs/fides.md` names it too.
const VERSION: &str = "2.78.2";
/// Some of Fides' dependencies import `pkg_resources`, also when they are built, which later versions do not have.
const CONSTRAINTS: &str = "setuptools<80\n";
/// Time for the installation: 700 MB, on a slow line.
const PATIENCE: Duration = Duration::from_mins(40);

/// The virtual environment.
pub(super) struct Environment {
    folder: PathBuf,
}

impl Environment {
    /// Installs Fides, unless the environment has that version.
    pub(super) fn set_up(machine: &Machine, logs: &Path) -> Result<Self> {
        let folder = target_dir().join("fides/venv");
        let installed =
            folder.join(format!("lib/python3.11/site-packages/ethyca_fides-{VERSION}.dist-info/RECORD"));
        let environment = Self { folder };
        // pip installs a package after everything that it depends on.
        if installed.exists() {
            say(&format!("Fides {VERSION}: installed in {}", shown(&environment.folder)));
            return Ok(environment);
        }
        say(&format!(
            "installing Fides {VERSION} in {}: about 700 MB, some minutes",
            shown(&environment.folder)
        ));
        run(Command::new(&machine.python).args(["-m", "venv", "--clear"]).arg(&environment.folder))
            .context("cannot make the virtual environment")?;
        let constraints = environment.folder.join("constraints.txt");
        fs::write(&constraints, CONSTRAINTS)?;
        let log = logs.join("pip.log");
        let mut pip = command(environment.program("pip"), None, Stop::Terminate);
        pip.args(["install", "--no-input", "--disable-pip-version-check"])
            .args([format!("ethyca-fides=={VERSION}"), CONSTRAINTS.trim().to_owned()])
            .env("PIP_CONSTRAINT", &constraints)
            .stdout(to_log(&log)?);
        let mut pip = Process::start("pip", &mut pip, &log, Stop::Terminate)?;
        until("the installation of Fides", PATIENCE, || pip.ended())?;
        Ok(environment)
    }

    /// Returns the path of a program of the environment.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }
}
