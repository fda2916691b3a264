//! Debian's packages, which some commands need on the machine.

use std::{path::Path, process::Command};

use anyhow::{Result, ensure};

use crate::shell::{run, say};

/// Installs packages as root on Debian or Ubuntu, and says so first. Elsewhere it fails with the command that does.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let command = format!("apt-get install --no-install-recommends {}", packages.join(" "));
    ensure!(
        is_root() && Path::new("/usr/bin/apt-get").exists(),
        "missing: {}. On Debian 12, run `{command}` as root",
        packages.join(", ")
    );
    say(&format!("running `{command}`, which may also start the servers that it installs"));
    let mut update = Command::new("apt-get");
    run(update.args(["update", "--quiet=2"]))?;
    let install = ["install", "--yes", "--no-install-recommends"];
    let mut apt = Command::new("apt-get");
    run(apt.env("DEBIAN_FRONTEND", "noninteractive").args(install).args(packages))
}

/// Returns whether this program runs as root.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
