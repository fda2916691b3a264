//! The signals that `serve` handles from its first moment on. A process with id 1, as in a container, ignores every
//! signal that it does not handle; any other process is ended by SIGHUP.
//! Tested in `cli/tests/supervised/signals.rs`.

use std::io;

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProcessSignal {
    /// SIGTERM or ctrl-c.
    Stop,
    /// SIGHUP.
    Reload,
}

/// The signals since [`Signals::listen`]. Each is kept until it is awaited.
pub(super) struct Signals {
    #[cfg(unix)]
    hang_up: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Handles the signals until the process ends.
    pub(super) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Completes with the next signal; one to stop comes first. Cancel safe.
    pub(super) async fn next(&mut self) -> ProcessSignal {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => ProcessSignal::Stop,
            _ = self.interrupt.recv() => ProcessSignal::Stop,
            _ = self.hang_up.recv() => ProcessSignal::Reload,
        }
    }

    /// Completes with a signal to stop, and keeps one to reload for later. Cancel safe.
    pub(super) async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    /// Handles ctrl-c, once it is awaited.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Completes with ctrl-c. Cancel safe.
    pub(super) async fn next(&mut self) -> ProcessSignal {
        self.stop().await;
        ProcessSignal::Stop
    }

    /// Completes with ctrl-c. Cancel safe.
    pub(super) async fn stop(&mut self) {
        let _interrupted = tokio::signal::ctrl_c().await;
    }
}
