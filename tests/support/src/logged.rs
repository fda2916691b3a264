//! Captures the log of a test's thread, which is the whole log of its service on a single-threaded runtime.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "for the developer who runs the test"
)]

use std::{io::Write, sync::Arc, time::Duration};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::Notify;
use tracing::{
    Dispatch,
    subscriber::{DefaultGuard, NoSubscriber},
};

/// The maximum wait for a log line.
const DEADLINE: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, Default)]
struct Lines {
    written: Arc<Mutex<Vec<u8>>>,
    more: Arc<Notify>,
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.written.lock().extend_from_slice(bytes);
        self.more.notify_one();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Captures the log until it is dropped.
#[derive(Debug)]
pub struct Logged {
    lines: Lines,
    /// With a second dispatcher, call sites that another test reached first are not disabled for this one.
    _second: Dispatch,
    _logs: DefaultGuard,
}

impl Logged {
    /// Begins to capture.
    pub fn begin() -> Self {
        let lines = Lines::default();
        let second = Dispatch::new(NoSubscriber::default());
        let to = lines.clone();
        let subscriber = tracing_subscriber::fmt().json().with_writer(move || to.clone()).finish();
        let logs = tracing::subscriber::set_default(subscriber);
        Self { lines, _second: second, _logs: logs }
    }

    /// The whole text.
    pub fn text(&self) -> String {
        String::from_utf8(self.lines.written.lock().clone()).unwrap()
    }

    /// The fields of each line, and its level.
    pub fn lines(&self) -> Vec<Value> {
        let line = |text: &str| {
            let line: Value = serde_json::from_str(text).unwrap();
            let mut fields = line["fields"].clone();
            fields["level"] = line["level"].clone();
            fields
        };
        self.text().lines().map(line).collect()
    }

    /// Waits for the first line that `matches`.
    pub async fn once(&self, matches: impl Fn(&Value) -> bool) -> Value {
        let found = async {
            loop {
                if let Some(line) = self.lines().into_iter().find(&matches) {
                    return line;
                }
                self.lines.more.notified().await;
            }
        };
        let found = tokio::time::timeout(DEADLINE, found).await;
        found.unwrap_or_else(|_| panic!("no such line in\n{}", self.text()))
    }
}
