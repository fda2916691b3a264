//! The stand-in as a program, controlled through its control routes.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use xtask::components::target_dir;

/// Runs until dropped.
pub(crate) struct StandIn {
    child: Child,
    /// The address, such as `http://127.0.0.1:41234`.
    pub(crate) address: String,
    pub(crate) key: String,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        // It may already have ended; either way it is gone afterwards.
        let _gone = self.child.kill().and_then(|()| self.child.wait());
    }
}

impl StandIn {
    /// Starts an email-based project on a free port, with a command that runs the given program.
    pub(crate) fn start(command: impl FnOnce(PathBuf) -> Command) -> Result<Self> {
        let mut child = command(target_dir().join("debug/iterable-stand-in"))
            .args(["--port", "0", "--project-type", "email"])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().context("no output")?).lines();
        let mut word_after = |prefix: &str| -> Result<String> {
            let line = lines.next().context("it ended immediately")??;
            let rest =
                line.strip_prefix(prefix).with_context(|| format!("expected {prefix:?}, found {line:?}"))?;
            Ok(rest.split_whitespace().next().unwrap_or_default().to_owned())
        };
        let (address, key) = (word_after("address ")?, word_after("key ")?);
        Ok(Self { child, address, key })
    }

    /// Returns the address without the scheme, for a connection's `domain`.
    pub(crate) fn host(&self) -> &str {
        self.address.strip_prefix("http://").unwrap_or(&self.address)
    }

    /// Advances Iterable's clock, because a demonstration cannot wait ten minutes.
    pub(crate) fn pass(&self, seconds: u32) -> Result<()> {
        self.post("clock", &json!({ "advanceSeconds": seconds }))
    }

    pub(crate) fn post(&self, route: &str, body: &Value) -> Result<()> {
        let address = format!("{}/_stand-in/{route}", self.address);
        ureq::post(&address).send_json(body).with_context(|| format!("POST {address}"))?;
        Ok(())
    }

    pub(crate) fn get(&self, route: &str) -> Result<Value> {
        let address = format!("{}/_stand-in/{route}", self.address);
        let mut answer = ureq::get(&address).call().with_context(|| format!("GET {address}"))?;
        Ok(answer.body_mut().read_json()?)
    }
}
