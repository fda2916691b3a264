//! `connector-host` as an operator runs it: a configuration file, commands, exit codes, JSON.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use xtask::components;

use crate::programs::{secret_file, stand_in::StandIn};

/// The token that the webhook carries at first, and its successor.
pub(super) const TOKENS: [&str; 2] = ["first-webhook-token-0001", "next-webhook-token-0002"];
/// The webhook that exists at the stand-in from the start.
pub(super) const WEBHOOK_ID: i64 = 4711;

pub(super) struct Host {
    folder: PathBuf,
}

impl Host {
    /// Writes configuration, secrets and plugins into `folder`.
    pub(super) fn set_up(folder: &Path, stand_in: &StandIn) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let host = Self { folder: folder.to_owned() };
        fs::copy(components::current("iterable")?, host.file("iterable.wasm"))?;
        fs::copy(components::current("iterable-next")?, host.file("iterable-next.wasm"))?;
        fs::copy(components::current("guests/loops_forever")?, host.file("hostile.wasm"))?;
        host.write("api-key", &stand_in.key)?;
        for (name, token) in ["first-token", "next-token"].into_iter().zip(TOKENS) {
            host.write(name, token)?;
        }
        host.write("connector-host.toml", &configuration(stand_in.host()))?;
        Ok(host)
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Writes a file that only the operator can read, as secrets require.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<()> {
        secret_file::write(&self.file(name), text)
    }

    /// Runs `connector-host` with `arguments` and `--json`, and returns its document. Fails if the exit code is not
    /// `code`.
    pub(super) fn json(&self, arguments: &[&str], code: i32) -> Result<Value> {
        let output = self.run(&[arguments, &["--json"]].concat(), code)?;
        serde_json::from_slice(&output.stdout).context("connector-host printed no JSON")
    }

    pub(super) fn run(&self, arguments: &[&str], code: i32) -> Result<Output> {
        let output = Command::new(components::target_dir().join("debug/connector-host"))
            .arg("--config")
            .arg(self.file("connector-host.toml"))
            .args(arguments)
            .output()?;
        let errors = String::from_utf8_lossy(&output.stderr);
        let found = output.status.code();
        ensure!(
            found == Some(code),
            "`connector-host {}` ended with {found:?}, not {code}:\n{errors}",
            arguments.join(" ")
        );
        Ok(output)
    }

    /// Runs the example that swaps a watched plugin between two calls.
    pub(super) fn hot_swap(&self) -> Result<String> {
        let output = Command::new(components::target_dir().join("debug/examples/hot_swap"))
            .args(["connector-host.toml", "iterable.wasm", "iterable-next.wasm"].map(|name| self.file(name)))
            .output()?;
        ensure!(output.status.success(), "hot_swap failed:\n{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

fn configuration(host: &str) -> String {
    format!(
        r#"[plugins.iterable]
file = "iterable.wasm"
watch = true

[plugins.hostile]
file = "hostile.wasm"

[tenants.acme]

[connections.newsletter]
tenant = "acme"
plugin = "iterable"
webhook-url = "https://hooks.example.com/iterable"
settings = {{ domain = "{host}", webhook-id = "{WEBHOOK_ID}" }}
secrets.api-key = {{ file = "api-key" }}
webhook-tokens = [{{ file = "first-token" }}, {{ file = "next-token" }}]
token-to-install = {{ file = "next-token" }}

[connections.newsletter.egress]
hosts = ["{host}"]
loopback = true
plain-http = true

[connections.hostile]
tenant = "acme"
plugin = "hostile"
"#
    )
}
