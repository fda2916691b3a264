//! What a test's thread logs, which is all that its service does on a runtime of one thread.

use std::{io::Write, sync::Arc, time::Duration};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::Notify;
use tracing::{
    Dispatch,
    subscriber::{DefaultGuard, NoSubscriber},
};

/// A line that a test waits for comes sooner, or not at all.
const DEADLINE: Duration = Duration::from_secs(5);

#[derive(Clone, Default)]
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

/// Keeps what is logged while it lives.
pub(crate) struct Logged {
    lines: Lines,
    /// A second dispatcher keeps call sites that another test reached first from being switched off for this one.
    _second: Dispatch,
    _logs: DefaultGuard,
}

impl Logged {
    pub(crate) fn begin() -> Self {
        let lines = Lines::default();
        let second = Dispatch::new(NoSubscriber::default());
        let to = lines.clone();
        let subscriber = tracing_subscriber::fmt().json().with_writer(move || to.clone()).finish();
        let logs = tracing::subscriber::set_default(subscriber);
        Self { lines, _second: second, _logs: logs }
    }

    /// Everything, as it is written.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.lines.written.lock().clone()).unwrap()
    }

    /// The fields of each line, and its level.
    pub(crate) fn lines(&self) -> Vec<Value> {
        let line = |text: &str| {
            let line: Value = serde_json::from_str(text).unwrap();
            let mut fields = line["fields"].clone();
            fields["level"] = line["level"].clone();
            fields
        };
        self.text().lines().map(line).collect()
    }

    /// The first line that `matches`, once there is one.
    pub(crate) async fn once(&self, matches: impl Fn(&Value) -> bool) -> Value {
        let found = async {
            loop {
                if let Some(line) = self.lines().into_iter().find(&matches) {
                    return line;
                }
                self.lines.more.notified().await;
            }
        };
        let found = tokio::time::timeout(DEADLINE, found).await;
        found.unwrap_or_else(|_| panic!("no such line is in\n{}", self.text()))
    }
}
