//! A request that a guest asks for, and what it gets back.

use std::fmt;

use serde::Serialize;

/// A declared operation with its blanks filled. Values, query and body may hold personal data, so it does not print.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The name of an operation in the manifest.
    pub operation: String,
    /// A value for each blank that nothing else fills.
    pub values: Vec<(String, String)>,
    /// Parameters that the operation allows.
    pub query: Vec<(String, String)>,
    /// Of the operation's content type.
    pub body: Option<Vec<u8>>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({})", self.operation)
    }
}

/// The vendor's answer, as a guest may see it.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The headers that the manifest asks for, names in lower case.
    pub headers: Vec<(String, String)>,
    /// What `Retry-After` says, counted from now.
    pub retry_after_ms: Option<u64>,
    /// At most the operation's cap.
    pub body: Vec<u8>,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({}, {} bytes)", self.status, self.body.len())
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HttpErrorKind {
    /// The manifest or the operator's policy does not allow it.
    Denied,
    /// A secret is missing, or the vendor refused to hand it out.
    NoCredential,
    /// The host's own limiter: nothing was sent.
    RateLimited,
    /// A deadline passed.
    TimedOut,
    /// No connection, or it broke.
    Unreachable,
    /// A body over its cap.
    TooLarge,
    /// The call has used up its requests or its time.
    BudgetSpent,
}

/// Why a request has no answer, in words free of secrets and personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HttpError {
    /// What went wrong.
    pub kind: HttpErrorKind,
    /// For an operator.
    pub message: String,
    /// False only where the host knows that nothing was sent.
    pub request_sent: bool,
    /// When trying again makes sense.
    pub retry_after_ms: Option<u64>,
}
