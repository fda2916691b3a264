//! Requests that are refused before anything is sent.

use host_model::contract::http::{HttpError, HttpErrorKind};

/// It is not sent, for a reason of that kind.
pub(super) fn not_sent(kind: HttpErrorKind, message: String) -> HttpError {
    HttpError { kind, message, request_sent: false, retry_after_ms: None }
}

/// The manifest, the operator or the host's own rules forbid it.
pub(super) fn denied(message: String) -> HttpError {
    not_sent(HttpErrorKind::Denied, message)
}

/// A secret that it needs is not there.
pub(super) fn no_credential(message: String) -> HttpError {
    not_sent(HttpErrorKind::NoCredential, message)
}
