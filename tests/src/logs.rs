//! The host's log, kept for all tests of the binary. Each test finds its own lines by its connection's key.

use std::{io, sync::Once};

use parking_lot::Mutex;
use tracing_subscriber::{fmt::MakeWriter, prelude::*};

static KEPT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Starts to keep log lines. Every test that reads them must call this first.
pub fn keep() {
    static BEGUN: Once = Once::new();
    BEGUN.call_once(|| {
        let lines = tracing_subscriber::fmt::layer().with_ansi(false).without_time().with_writer(Keeper);
        let host = tracing_subscriber::filter::Targets::new()
            .with_target("host_harness", tracing_subscriber::filter::LevelFilter::TRACE);
        tracing_subscriber::registry().with(lines.with_filter(host)).init();
    });
}

/// Returns every line so far that contains `word`.
pub fn lines(word: &str) -> Vec<String> {
    all().lines().filter(|line| line.contains(word)).map(str::to_owned).collect()
}

/// Returns everything logged so far.
pub fn all() -> String {
    String::from_utf8_lossy(&KEPT.lock()).into_owned()
}

struct Keeper;

impl io::Write for Keeper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        KEPT.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Keeper {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        Self
    }
}
