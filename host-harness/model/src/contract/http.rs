//! Requests that a guest asks the host to send, and their responses.

use std::fmt;

use serde::Serialize;

/// A declared operation with its blanks filled in. Values, query and body may contain personal data, so `Debug`
/// prints only the operation.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The name of an operation in the manifest.
    pub operation: String,
    /// A value for each blank that the host does not fill in.
    pub values: Vec<(String, String)>,
    /// Query parameters that the operation allows.
    pub query: Vec<(String, String)>,
    /// The body, in the operation's content type.
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
    /// The headers that the manifest requests, with lower-case names.
    pub headers: Vec<(String, String)>,
    /// The wait that `Retry-After` requests, counted from now.
    pub retry_after_ms: Option<u64>,
    /// The body, limited to the operation's maximum size.
    pub body: Vec<u8>,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({}, {} bytes)", self.status, self.body.len())
    }
}

/// The reason why there is no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HttpErrorKind {
    /// The manifest or the operator's policy does not allow it.
    Denied,
    /// A secret is missing, or the vendor refused to issue it.
    NoCredential,
    /// The host's own limiter blocked it; nothing was sent.
    RateLimited,
    /// A deadline passed.
    TimedOut,
    /// The connection failed or was interrupted.
    Unreachable,
    /// The host cannot send now, or not to the end, such as while its database does not respond. It says nothing about the
    /// vendor. The contract has no word for it: guests read that the vendor is not reachable or took too long.
    HostUnavailable,
    /// A body exceeds its maximum size.
    TooLarge,
    /// The call has used up its requests or its time.
    BudgetSpent,
}

/// Why a request has no response. The message contains no secrets or personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct HttpError {
    /// What went wrong.
    pub kind: HttpErrorKind,
    /// For an operator.
    pub message: String,
    /// `false` only if the host knows that nothing was sent.
    pub request_sent: bool,
    /// How long to wait before a retry.
    pub retry_after_ms: Option<u64>,
}
