//! Why the connector could not do what was asked.

/// What the host does next about a failure; the contract describes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A setting is missing or malformed.
    InvalidSettings,
    /// No identifier that Iterable can act on; nothing was sent.
    MissingIdentity,
    /// The key or its rights were refused.
    Unauthorized,
    /// Try again after the time told.
    RateLimited,
    /// Iterable, or the way to it, is failing.
    Unavailable,
    /// Iterable understood and refused.
    Rejected,
    /// None of the above.
    Other,
}

/// A failure in the contract's words. It holds no personal data, no secret and no text of Iterable's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What to do about it.
    pub kind: ErrorKind,
    /// A stable word for machines; Iterable's own where it sent one.
    pub code: String,
    /// For an operator.
    pub message: String,
    /// How long to wait, in milliseconds, where Iterable or the host said so.
    pub retry_after_ms: Option<u64>,
    /// Whether Iterable may have acted all the same.
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
