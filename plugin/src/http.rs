//! The one way out, as the connector sees it: a declared operation goes in, Iterable's answer comes back.

use std::fmt;

use crate::manifest::operation::Operation;

/// One request. It names a person, so it does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// What to send.
    pub operation: &'static Operation,
    /// A value for each blank in the path; the host encodes it.
    pub values: Vec<(&'static str, String)>,
    /// JSON, where the operation has a body.
    pub body: Option<Vec<u8>>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({})", self.operation.name)
    }
}

/// Iterable's answer, whatever its status. It may tell of a person, so it does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// What `Retry-After` said, in milliseconds from now.
    pub retry_after_ms: Option<u64>,
    /// As received.
    pub body: Vec<u8>,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({}, {} bytes)", self.status, self.body.len())
    }
}

/// Why there is no answer; the contract describes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendErrorKind {
    /// The host or its operator forbids the request.
    Denied,
    /// The key is missing.
    NoCredential,
    /// The host's own limiter; nothing was sent.
    RateLimited,
    /// No answer in time.
    TimedOut,
    /// No connection, or a broken one.
    Unreachable,
    /// The answer outgrew its cap.
    TooLarge,
    /// The call has used up its requests or its time.
    BudgetSpent,
}

/// A request without an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendError {
    /// Why.
    pub kind: SendErrorKind,
    /// The host's words, for an operator.
    pub message: String,
    /// False only where nothing was sent for certain.
    pub request_sent: bool,
    /// How long the host's limiter wants to wait, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

/// The host in a sandbox, a closure in a test: sends requests to Iterable, and keeps the operator's log.
pub trait Vendor {
    /// Sends one request and waits for its answer. A status of 400 and above is an answer.
    fn send(&mut self, request: Request) -> Result<Response, SendError>;

    /// Logs a warning for the operator: what is odd at Iterable, free of personal data.
    fn warn(&mut self, message: &str);
}

impl<F: FnMut(Request) -> Result<Response, SendError>> Vendor for F {
    fn send(&mut self, request: Request) -> Result<Response, SendError> {
        self(request)
    }

    fn warn(&mut self, _: &str) {}
}
