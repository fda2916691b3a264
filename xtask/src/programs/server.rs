//! A server on the loopback address that ends with this program.

use anyhow::{Result, anyhow};

use super::process::Process;

/// Starts the process of a server, and returns once it accepts connections.
type Launch = Box<dyn Fn() -> Result<Process> + Send + Sync>;

/// A server, and what a client needs.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) password: String,
    launch: Launch,
    /// `None` only while it restarts.
    process: Option<Process>,
}

impl Server {
    /// Starts a server with `launch`, which also starts it again.
    pub(crate) fn start(
        port: u16,
        password: String,
        launch: impl Fn() -> Result<Process> + Send + Sync + 'static,
    ) -> Result<Self> {
        let process = Some(launch()?);
        Ok(Self { port, password, launch: Box::new(launch), process })
    }

    /// Ends the server, and with it all connections, and starts it again at the same port.
    pub(crate) fn restart(&mut self) -> Result<()> {
        drop(self.process.take());
        self.process = Some((self.launch)()?);
        Ok(())
    }
}

/// Returns 128 random bits in hexadecimal.
pub(crate) fn new_secret() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| anyhow!("no random numbers: {error}"))?;
    Ok(hex::encode(bytes))
}
