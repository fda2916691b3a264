//! The connector's errors.

/// Decides how the host handles the failure; the contract describes each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A setting is missing or malformed.
    InvalidSettings,
    /// No identifier that Iterable can act on; nothing was sent.
    MissingIdentity,
    /// The key or its rights were refused.
    Unauthorized,
    /// Too many requests: try again after `retry_after_ms`.
    RateLimited,
    /// Iterable, or the network in between, is failing.
    Unavailable,
    /// Iterable understood the request and refused it.
    Rejected,
    /// None of the above.
    Other,
}

/// A failure, as the contract defines it. It contains no personal data, no secret and no text from Iterable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What kind of failure it is.
    pub kind: ErrorKind,
    /// A stable word for machines; Iterable's own code if it sent one.
    pub code: String,
    /// A message for an operator.
    pub message: String,
    /// How long to wait, in milliseconds, if Iterable or the host said so.
    pub retry_after_ms: Option<u64>,
    /// Whether Iterable may have acted despite the failure.
    pub may_have_acted: bool,
}

impl Error {
    pub(crate) fn invalid_setting(name: &str, message: String) -> Self {
        Self::unsent(ErrorKind::InvalidSettings, name, message)
    }

    pub(crate) fn missing_identity(message: String) -> Self {
        Self::unsent(ErrorKind::MissingIdentity, "missing-identity", message)
    }

    fn unsent(kind: ErrorKind, code: &str, message: String) -> Self {
        Self { kind, code: code.to_owned(), message, retry_after_ms: None, may_have_acted: false }
    }
}
