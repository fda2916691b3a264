//! Traces requests as they were sent, and what a call used, for an operator who asked to see them. Credentials are
//! masked, personal data is not.
//! Tested in `src/egress/tests`.

use std::{
    fmt::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use super::{
    transport::{Outgoing, VendorResponse},
    usage::CallUsage,
};
use crate::connection::Redactor;
use host_model::{
    contract::http::{HttpError, Request},
    secret::Secret,
};

/// Maximum size of a body that is shown, in bytes.
const MAX_SHOWN_BODY: usize = 4 << 10;

/// A request and its result. Its URL and body contain personal data, so `Debug` prints only the operation.
#[derive(Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The operation's name.
    pub operation: String,
    /// Method and URL.
    pub line: String,
    /// Names and values, with credentials masked.
    pub headers: Vec<(String, String)>,
    /// The body as text, truncated if it is long.
    pub body: Option<String>,
    /// Whether it may change something, so that a dry run does not send it.
    pub acts: bool,
    /// The status, or why there is none.
    pub outcome: Result<u16, HttpError>,
    /// The time from its start to the end of its response.
    pub took: Duration,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exchange({})", self.operation)
    }
}

/// What a trace reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TraceEvent {
    /// The connector asked for a request, which the host has not checked yet. Contains personal data.
    Asked(Request),
    /// A request was answered, or failed.
    Exchange(Exchange),
    /// A call ended.
    Call(CallUsage),
}

/// A callback that receives each event.
#[derive(Clone)]
pub struct Trace(Arc<dyn Fn(&TraceEvent) + Send + Sync>);

impl Trace {
    /// Creates a trace that passes each event to `show`.
    pub fn new(show: impl Fn(&TraceEvent) + Send + Sync + 'static) -> Self {
        Self(Arc::new(show))
    }

    /// Reports an event.
    pub fn trace(&self, event: &TraceEvent) {
        (self.0)(event);
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trace")
    }
}

/// A request for a trace.
pub(crate) struct TracedRequest {
    /// As it was sent.
    pub(crate) sent: Outgoing,
    /// The values of all fields and path segments into which the host wrote a secret.
    pub(crate) written: Vec<Secret>,
}

impl Exchange {
    /// Creates an exchange from the parts of `sent` and its response that may be shown. The values `written` contain a
    /// secret and are masked as a whole; `redactor` masks what else contains one.
    pub(crate) fn of(
        TracedRequest { sent, written }: &TracedRequest,
        answer: &Result<VendorResponse, HttpError>,
        took: Duration,
        redactor: &Redactor,
    ) -> Self {
        let written = Redactor::of(written).and(redactor);
        let masked = |bytes: &[u8]| written.text(&String::from_utf8_lossy(bytes)).into_owned();
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
    if text.len() > MAX_SHOWN_BODY {
        let end = (0..=MAX_SHOWN_BODY).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
        let left_out = text.len() - end;
        text.truncate(end);
        let _written = write!(text, "… and {left_out} more bytes");
    }
    text
}
