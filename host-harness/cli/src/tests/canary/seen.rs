//! Records what left the process or reached the disk, and searches it.

use std::{io::Write, sync::Arc};

use aho_corasick::AhoCorasick;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use parking_lot::Mutex;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tracing::{
    Dispatch,
    subscriber::{DefaultGuard, NoSubscriber},
};
use tracing_subscriber::{filter::Targets, fmt::format::FmtSpan, layer::SubscriberExt};

/// Records what is written.
#[derive(Clone, Default)]
pub(super) struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Kept {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

/// What to search for: each mark with its description, in every spelling.
#[derive(Default)]
pub(super) struct Marks(Vec<(&'static str, Vec<u8>)>);

impl Marks {
    /// Adds `mark`: as it is, percent-encoded, and in hex and base64, also of its upper-case form. The search ignores
    /// case.
    pub(super) fn and(mut self, what: &'static str, mark: &str) -> Self {
        let mut spellings = vec![mark.to_owned(), utf8_percent_encode(mark, NON_ALPHANUMERIC).to_string()];
        for mark in [mark.to_owned(), mark.to_lowercase(), mark.to_uppercase()] {
            spellings.push(hex::encode(&mark));
            for before in 0..3_usize {
                let encoded = STANDARD_NO_PAD.encode([&vec![0; before], mark.as_bytes()].concat());
                let own = before.div_ceil(3) * 4..(before + mark.len()) / 3 * 4;
                spellings.push(encoded[own].to_owned());
            }
        }
        self.0.extend(spellings.into_iter().map(|spelling| (what, spelling.into_bytes())));
        self
    }

    /// Adds these bytes, as they are.
    pub(super) fn bytes(mut self, what: &'static str, bytes: &[u8]) -> Self {
        self.0.push((what, bytes.to_vec()));
        self
    }
}

/// Everything that was recorded. Until it is dropped, it records the log of its thread, which is that of the whole
/// service.
pub(super) struct Seen {
    pieces: Vec<(String, Vec<u8>)>,
    log: Kept,
    /// With a second dispatcher, call sites that the thread of another test reached first are not disabled for this
    /// one.
    _second: Dispatch,
    _logs: DefaultGuard,
}

impl Seen {
    pub(super) fn begin() -> Self {
        let log = Kept::default();
        let second = Dispatch::new(NoSubscriber::default());
        let to = log.clone();
        let lines = tracing_subscriber::fmt::layer()
            .json()
            .with_span_events(FmtSpan::FULL)
            .with_writer(move || to.clone());
        let ours = Targets::new().with_target("host_", tracing::Level::TRACE);
        let subscriber = tracing_subscriber::registry().with(ours).with(lines);
        let logs = tracing::subscriber::set_default(subscriber);
        Self { pieces: Vec::new(), log, _second: second, _logs: logs }
    }

    pub(super) fn text(&mut self, whence: &str, text: &str) {
        self.bytes(whence, text.as_bytes().to_vec());
    }

    pub(super) fn bytes(&mut self, whence: &str, bytes: Vec<u8>) {
        self.pieces.push((whence.to_owned(), bytes));
    }

    /// Asserts that the log contains each of `texts`, since an empty log would have no leaks either.
    pub(super) fn log_holds(&self, texts: &[&str]) {
        let log = self.log.text();
        for text in texts {
            assert!(log.contains(text), "{text} not found in\n{log}");
        }
    }

    /// The places in which each of `marks` was found.
    pub(super) fn leaks(&self, marks: &Marks) -> Vec<String> {
        let search = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(marks.0.iter().map(|(_, spelling)| spelling))
            .unwrap();
        let log = self.log.text();
        let lines = log.lines().map(|line| ("the log".to_owned(), line.as_bytes().to_vec()));
        let mut leaks = Vec::new();
        for (whence, bytes) in self.pieces.iter().cloned().chain(lines) {
            for found in search.find_iter(&bytes) {
                let around = &bytes[found.start().saturating_sub(60)..bytes.len().min(found.end() + 20)];
                let what = marks.0[found.pattern().as_usize()].0;
                leaks.push(format!("{what} in {whence}: {}", String::from_utf8_lossy(around)));
            }
        }
        leaks
    }
}
