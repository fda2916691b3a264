//! The program `connector-host`, as cargo built it.

use std::{
    io::{BufRead as _, BufReader, Read},
    path::Path,
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use xtask::components::target_dir;

/// Returns a command with a configuration file.
pub(crate) fn command(configuration: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(target_dir().join("debug/connector-host"));
    command.arg("--config").arg(configuration).args(arguments);
    command
}

/// Returns the output of a command.
pub(crate) fn output_of(configuration: &Path, arguments: &[&str]) -> Result<String> {
    let output = command(configuration, arguments).output()?;
    if !output.status.success() {
        bail!("`connector-host {}`: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Returns the address of the API, such as `http://127.0.0.1:7400`, once `serve --json` has printed it.
pub(crate) fn listening(output: impl Read) -> Result<String> {
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    address_in(&line).context("connector-host serve did not start")
}

/// Returns the address of the API from the line that `serve --json` prints.
pub(crate) fn address_in(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    Some(format!("http://{}", line.pointer("/listening/api")?.as_str()?))
}
