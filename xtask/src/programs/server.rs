//! A server on the loopback address that ends with this program.

use anyhow::{Result, anyhow};

use super::process::Process;

/// A server, and what a client needs.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) password: String,
    _process: Process,
}

impl Server {
    pub(crate) fn new(port: u16, password: String, process: Process) -> Self {
        Self { port, password, _process: process }
    }
}

/// Returns 128 random bits in hexadecimal.
pub(crate) fn new_secret() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no random numbers: {error}"))?;
    Ok(hex::encode(bytes))
}
