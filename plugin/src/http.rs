//! Requests and answers, as the connector sees them: it names a declared operation and gets Iterable's answer.

use std::fmt;

use crate::manifest::operation::Operation;

/// One request. `Debug` prints only the operation's name, since the rest may name a person.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The operation to send.
    pub operation: &'static Operation,
    /// A value for each blank in the path. The host encodes it.
    pub values: Vec<(&'static str, String)>,
    /// JSON, if the operation has a body.
    pub body: Option<Vec<u8>>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({})", self.operation.name)
    }
}

/// Iterable's answer, whatever its status. `Debug` does not print the body, which may contain personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`, in milliseconds from now.
    pub retry_after_ms: Option<u64>,
    /// The body as received.
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
    /// The host's own rate limit was reached; nothing was sent.
    RateLimited,
    /// No answer in time.
    TimedOut,
    /// There was no connection, or it broke.
    Unreachable,
    /// The answer exceeded its size limit.
    TooLarge,
    /// The call has used up its requests or its time.
    BudgetSpent,
}

/// The error for a request that got no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendError {
    /// Why there is no answer.
    pub kind: SendErrorKind,
    /// The host's message, for an operator.
    pub message: String,
    /// Whether the request may have been sent; false only if nothing was sent for certain.
    pub request_sent: bool,
    /// How long to wait for the host's rate limit, in milliseconds.
    pub retry_after_ms: Option<u64>,
}

/// Sends requests to Iterable and writes the operator's log. In a sandbox this is the host, in a test a closure.
pub trait Vendor {
    /// Sends one request and waits for its answer. A status of 400 or above is an answer, not an error.
    fn send(&mut self, request: Request) -> Result<Response, SendError>;

    /// Logs a warning for the operator about something unusual at Iterable. It must be free of personal data.
    fn warn(&mut self, message: &str);
}

impl<F: FnMut(Request) -> Result<Response, SendError>> Vendor for F {
    fn send(&mut self, request: Request) -> Result<Response, SendError> {
        self(request)
    }

    fn warn(&mut self, _: &str) {}
}
