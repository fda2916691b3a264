//! Each request as it was sent, for an operator who asked to see it. Credentials are masked; people are not.

use std::{
    fmt::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use super::transport::{Answer, Outgoing};
use crate::connection::Redactor;
use host_model::contract::http::HttpError;

/// The longest body that is shown, in bytes.
const SHOWN: usize = 4 << 10;

/// A request and how it was answered. People are in its address and body, so it does not print by itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The operation's name.
    pub operation: String,
    /// Method and address.
    pub line: String,
    /// Names and values, credentials masked.
    pub headers: Vec<(String, String)>,
    /// As text, cut where it is long.
    pub body: Option<String>,
    /// Whether it would change something, and so was not sent by a dry run.
    pub acts: bool,
    /// The status, or why there is none.
    pub outcome: Result<u16, HttpError>,
    /// From its start to the end of its answer.
    pub took: Duration,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exchange({})", self.operation)
    }
}

/// Is told each exchange.
#[derive(Clone)]
pub struct Trace(Arc<dyn Fn(&Exchange) + Send + Sync>);

impl Trace {
    /// One that hands each exchange to `show`.
    pub fn new(show: impl Fn(&Exchange) + Send + Sync + 'static) -> Self {
        Self(Arc::new(show))
    }

    /// Reports an exchange.
    pub fn tell(&self, exchange: &Exchange) {
        (self.0)(exchange);
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trace")
    }
}

impl Exchange {
    /// What of `sent` and its answer may be shown.
    pub(crate) fn of(
        sent: &Outgoing,
        answer: &Result<Answer, HttpError>,
        took: Duration,
        redactor: &Redactor,
    ) -> Self {
        let masked = |bytes: &[u8]| redactor.text(&String::from_utf8_lossy(bytes)).into_owned();
        let line = format!("{} {}{}", sent.method, sent.target, sent.path_and_query);
        let headers = sent.headers.iter();
        Self {
            operation: sent.operation.clone(),
            line: masked(line.as_bytes()),
            headers: headers.map(|(name, value)| (name.to_string(), masked(value.as_bytes()))).collect(),
            body: sent.body.as_ref().map(|body| cut(masked(body))),
            acts: sent.acts,
            outcome: answer.as_ref().map(|answer| answer.status).map_err(Clone::clone),
            took,
        }
    }
}

fn cut(mut text: String) -> String {
    if text.len() > SHOWN {
        let end = (0..=SHOWN).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        let left_out = text.len() - end;
        text.truncate(end);
        let _written = write!(text, "… and {left_out} bytes more");
    }
    text
}
