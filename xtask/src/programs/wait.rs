//! Waiting for conditions, and free ports.

use std::{
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use super::interruption;

/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks until there is a result, at most for `patience`. Fails early if the program was interrupted.
pub(crate) fn until<T>(
    what: &str,
    patience: Duration,
    mut ask: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let began = Instant::now();
    loop {
        interruption::check()?;
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if began.elapsed() >= patience {
            bail!("{what} is not as expected after {} s", patience.as_secs());
        }
        thread::sleep(PAUSE);
    }
}

/// Returns a port of the loopback address that no program listens on.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
