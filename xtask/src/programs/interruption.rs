//! The signals that end a run. They are only noted, so that the run ends by returning, which ends every program that it
//! started.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Result, ensure};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
};

/// What follows the steps of a run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Afterwards {
    End,
    /// Everything keeps running until ctrl-c, to look around in.
    Stay,
}

/// Whether a signal arrived.
static INTERRUPTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Notes the signals that ask the program to end, from now on.
pub(crate) fn note_signals() -> Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        flag::register(signal, Arc::clone(&INTERRUPTED))?;
    }
    Ok(())
}

/// Fails if a signal arrived.
pub(crate) fn check() -> Result<()> {
    ensure!(!INTERRUPTED.load(Ordering::SeqCst), "interrupted");
    Ok(())
}

/// Waits until a signal arrives.
pub(crate) fn wait() {
    while check().is_ok() {
        thread::sleep(Duration::from_millis(100));
    }
}
