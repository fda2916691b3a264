//! Errors for requests that are refused before anything is sent.
//! Tested in `src/egress/tests`.

use host_model::contract::http::{HttpError, HttpErrorKind};

/// Creates an error of this kind for a request that was not sent.
pub(super) fn not_sent(kind: HttpErrorKind, message: String) -> HttpError {
    HttpError { kind, message, request_sent: false, retry_after_ms: None }
}

/// Creates the error for a request that the manifest, the operator or the host forbids.
pub(super) fn denied(message: String) -> HttpError {
    not_sent(HttpErrorKind::Denied, message)
}

/// Creates the error for a request whose secret is missing.
pub(super) fn no_credential(message: String) -> HttpError {
    not_sent(HttpErrorKind::NoCredential, message)
}
