//! What went wrong, as a problem document: RFC 9457.
//! Tested in `src/tests/problems.rs`.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};

use crate::{
    access,
    edge::request_id,
    types::problem::{self, FieldError},
};
use host_harness::{
    config::ConfigProblemKind,
    connection::{SettingError, SettingPlace},
    host::PutError,
};
use host_service::{connections::change::ChangeError, served::ServingProblem};
use host_store::StoreError;

/// A kind of problem, by which programs distinguish problems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProblemKind {
    /// The last part of its type, which never changes.
    name: &'static str,
    status: StatusCode,
    title: &'static str,
}

/// All kinds of problems.
pub(crate) mod kinds {
    use super::{ProblemKind, StatusCode};

    const fn kind(status: StatusCode, name: &'static str, title: &'static str) -> ProblemKind {
        ProblemKind { name, status, title }
    }

    pub(crate) const BAD_BODY: ProblemKind =
        kind(StatusCode::BAD_REQUEST, "bad-body", "The body cannot be read");
    pub(crate) const BAD_QUERY: ProblemKind =
        kind(StatusCode::BAD_REQUEST, "bad-query", "The query cannot be read");
    pub(crate) const BAD_PATH: ProblemKind =
        kind(StatusCode::BAD_REQUEST, "bad-path", "The path cannot be read");
    pub(crate) const UNAUTHENTICATED: ProblemKind =
        kind(StatusCode::UNAUTHORIZED, "unauthenticated", "A valid API key is required");
    pub(crate) const READ_ONLY: ProblemKind =
        kind(StatusCode::FORBIDDEN, "read-only", "This API key is read-only");
    pub(crate) const OUT_OF_SCOPE: ProblemKind =
        kind(StatusCode::FORBIDDEN, "out-of-scope", "This API key lacks a scope");
    pub(crate) const SECOND_PERSON: ProblemKind =
        kind(StatusCode::FORBIDDEN, "second-person", "Another API key has to approve this");
    pub(crate) const CALLBACK_NOT_ALLOWED: ProblemKind =
        kind(StatusCode::FORBIDDEN, "callback-not-allowed", "The callback is not allowed");
    pub(crate) const NOT_ALL_TENANTS: ProblemKind = kind(
        StatusCode::FORBIDDEN,
        "not-all-tenants",
        "This API key is limited to some tenants or connections",
    );
    pub(crate) const EXCEEDS_OWN_RIGHTS: ProblemKind =
        kind(StatusCode::FORBIDDEN, "exceeds-own-rights", "The new key would have more than yours");
    pub(crate) const UNKNOWN: ProblemKind = kind(StatusCode::NOT_FOUND, "unknown", "Not found");
    pub(crate) const METHOD: ProblemKind =
        kind(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed");
    pub(crate) const KEY_TAKEN: ProblemKind =
        kind(StatusCode::CONFLICT, "key-taken", "The key is already in use");
    pub(crate) const NAME_TAKEN: ProblemKind =
        kind(StatusCode::CONFLICT, "name-taken", "The name is already in use");
    pub(crate) const OWNED_BY_FILE: ProblemKind =
        kind(StatusCode::CONFLICT, "owned-by-file", "The configuration file owns the connection");
    pub(crate) const UNFINISHED: ProblemKind =
        kind(StatusCode::CONFLICT, "unfinished", "The connection has unfinished requests");
    pub(crate) const NOT_ENABLED: ProblemKind =
        kind(StatusCode::CONFLICT, "not-enabled", "The action is not enabled for the connection");
    pub(crate) const KEY_REUSED: ProblemKind =
        kind(StatusCode::CONFLICT, "key-reused", "The idempotency key belongs to another request");
    pub(crate) const NOT_CARRIED_OUT: ProblemKind =
        kind(StatusCode::CONFLICT, "not-carried-out", "The request was not carried out");
    pub(crate) const PERSON_FORGOTTEN: ProblemKind =
        kind(StatusCode::CONFLICT, "person-forgotten", "The person of the request is no longer stored");
    pub(crate) const NOT_REPLAYED: ProblemKind =
        kind(StatusCode::CONFLICT, "not-replayed", "The request cannot be replayed");
    pub(crate) const MATCHES_CHANGED: ProblemKind =
        kind(StatusCode::CONFLICT, "matches-changed", "Another number of requests matches");
    pub(crate) const NOT_PENDING: ProblemKind =
        kind(StatusCode::CONFLICT, "not-pending", "It does not wait for a decision");
    pub(crate) const BREAKS_MAPPING: ProblemKind =
        kind(StatusCode::CONFLICT, "breaks-mapping", "A mapping would become invalid");
    pub(crate) const TOO_MANY_TOKENS: ProblemKind = kind(
        StatusCode::CONFLICT,
        "too-many-tokens",
        "The connection has the maximum number of accepted tokens",
    );
    pub(crate) const TEST_FAILED: ProblemKind =
        kind(StatusCode::FAILED_DEPENDENCY, "test-failed", "The connection's test failed");
    pub(crate) const VENDOR: ProblemKind =
        kind(StatusCode::BAD_GATEWAY, "vendor", "The vendor or the connector failed");
    pub(crate) const NOT_PULLED: ProblemKind =
        kind(StatusCode::BAD_GATEWAY, "not-pulled", "The registry did not give the plugin");
    pub(crate) const ASKS_FOR_MORE: ProblemKind = kind(
        StatusCode::CONFLICT,
        "asks-for-more",
        "The version requests more permissions, which are not approved",
    );
    pub(crate) const BEHAVES_DIFFERENTLY: ProblemKind = kind(
        StatusCode::CONFLICT,
        "behaves-differently",
        "The version behaves differently, which is not approved",
    );
    pub(crate) const CONNECTION_TEST_FAILED: ProblemKind = kind(
        StatusCode::UNPROCESSABLE_ENTITY,
        "connection-test-failed",
        "Connections do not work on the version",
    );
    pub(crate) const BAD_CASES: ProblemKind = kind(
        StatusCode::UNPROCESSABLE_ENTITY,
        "bad-cases",
        "The operator's conformance cases cannot be used",
    );
    pub(crate) const REKEYS_PEOPLE: ProblemKind =
        kind(StatusCode::CONFLICT, "rekeys-people", "The change affects how people are identified");
    pub(crate) const NOT_REPLACED: ProblemKind =
        kind(StatusCode::CONFLICT, "not-replaced", "The running version was not replaced");
    pub(crate) const NOT_RELEASED: ProblemKind =
        kind(StatusCode::CONFLICT, "not-released", "The release did not begin, or was not moved");
    pub(crate) const NOT_USABLE: ProblemKind =
        kind(StatusCode::CONFLICT, "version-not-usable", "The plugin version cannot be used");
    pub(crate) const DELIVERY_REFUSED: ProblemKind =
        kind(StatusCode::UNAUTHORIZED, "delivery-refused", "The delivery was not accepted");
    pub(crate) const TOO_SLOW: ProblemKind =
        kind(StatusCode::REQUEST_TIMEOUT, "too-slow", "The body did not arrive in time");
    pub(crate) const TOO_MANY: ProblemKind =
        kind(StatusCode::TOO_MANY_REQUESTS, "too-many", "Too many requests");
    pub(crate) const TOO_LARGE: ProblemKind =
        kind(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large");
    pub(crate) const MEDIA_TYPE: ProblemKind =
        kind(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "Unsupported content type");
    pub(crate) const UNSUITED: ProblemKind =
        kind(StatusCode::UNPROCESSABLE_ENTITY, "unsuited", "The connection is unsuitable");
    pub(crate) const UNFIT_TEXT: ProblemKind =
        kind(StatusCode::UNPROCESSABLE_ENTITY, "unfit-text", "A text is unsuitable");
    pub(crate) const IN_THE_FUTURE: ProblemKind =
        kind(StatusCode::UNPROCESSABLE_ENTITY, "in-the-future", "The time of the choice is in the future");
    pub(crate) const ANOTHER_NAME: ProblemKind =
        kind(StatusCode::UNPROCESSABLE_ENTITY, "another-name", "The body does not match the URL");
    pub(crate) const NO_USABLE_KIND: ProblemKind =
        kind(StatusCode::UNPROCESSABLE_ENTITY, "no-usable-kind", "The connection cannot identify the person");
    pub(crate) const UNKNOWN_NOTICE: ProblemKind =
        kind(StatusCode::UNPROCESSABLE_ENTITY, "unknown-notice", "The tenant has no such notice");
    pub(crate) const NO_MAPPING: ProblemKind =
        kind(StatusCode::UNPROCESSABLE_ENTITY, "no-mapping", "The file is not a mapping");
    pub(crate) const UNSOUND_MAPPING: ProblemKind =
        kind(StatusCode::UNPROCESSABLE_ENTITY, "unsound-mapping", "The mapping is invalid");
    pub(crate) const NO_COMPONENT: ProblemKind =
        kind(StatusCode::UNPROCESSABLE_ENTITY, "no-component", "The component cannot be loaded");
    pub(crate) const NOT_TRUSTED: ProblemKind =
        kind(StatusCode::UNPROCESSABLE_ENTITY, "not-trusted", "The version is not signed as required");
    pub(crate) const NOT_PROVEN: ProblemKind =
        kind(StatusCode::UNPROCESSABLE_ENTITY, "not-proven", "The version did not prove itself");
    pub(crate) const NOT_RELOADED: ProblemKind =
        kind(StatusCode::UNPROCESSABLE_ENTITY, "not-reloaded", "The configuration is invalid");
    pub(crate) const INTERNAL: ProblemKind =
        kind(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error");
    pub(crate) const UNAVAILABLE: ProblemKind =
        kind(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable");
}

/// How long a client waits before it retries what is temporarily unavailable, unless a better time is known.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What went wrong.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    kind: ProblemKind,
    detail: String,
    errors: Box<[FieldError]>,
    members: Map<String, Value>,
    retry_after: Option<Duration>,
}

impl Problem {
    /// A problem of that kind. `detail` says what was found and what to do.
    pub(crate) fn of(kind: ProblemKind, detail: impl Into<String>) -> Self {
        let retry_after = (kind.status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER);
        Self { kind, detail: detail.into(), errors: Box::default(), members: Map::new(), retry_after }
    }

    /// Adds that the client should retry after `wait`.
    #[must_use]
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Adds one more member, for programs.
    #[must_use]
    pub(crate) fn with(mut self, member: &str, value: Value) -> Self {
        self.members.insert(member.to_owned(), value);
        self
    }

    /// Adds the fields that the problem is about, each with its message.
    #[must_use]
    pub(crate) fn about_fields(mut self, errors: impl IntoIterator<Item = (String, String)>) -> Self {
        self.errors = errors.into_iter().map(|(field, message)| FieldError { field, message }).collect();
        self
    }

    /// The document that clients receive.
    pub(crate) fn document(self) -> problem::Problem {
        let ProblemKind { name, status, title } = self.kind;
        problem::Problem {
            r#type: format!("urn:connector-host:problem:{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail,
            errors: self.errors.into_vec(),
            members: self.members,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, retry_after) = (self.kind.status, self.retry_after);
        let mut response = (status, axum::Json(self.document())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = retry_after {
            // In whole seconds, and at least one.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if !matches!(error, StoreError::NulCharacter) && access::permits_line() {
            tracing::error!(%error, request_id = request_id::current(), "the store failed");
        }
        match error {
            StoreError::Database(_)
            | StoreError::Busy(_)
            | StoreError::Unresponsive(_)
            | StoreError::Closed => {
                Self::of(kinds::UNAVAILABLE, "the database does not respond: try again in a few seconds")
            }
            StoreError::ChangedMeanwhile
            | StoreError::TakenOver
            | StoreError::SetBack
            | StoreError::LeadLost => Self::of(kinds::UNAVAILABLE, error.to_string()),
            StoreError::UnknownCommit => Self::of(
                kinds::UNAVAILABLE,
                "the database did not say whether it was stored: look, or send it again with its Idempotency-Key",
            ),
            StoreError::NulCharacter => Self::of(
                kinds::BAD_PATH,
                "the request contains the character NUL (U+0000), which the database cannot store: remove it",
            ),
            _ => Self::of(
                kinds::INTERNAL,
                "the database contains data that cannot be read: see the service's log",
            ),
        }
    }
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        let detail = error.to_string();
        match error {
            ChangeError::KeyTaken(_) | ChangeError::OwnedByApi | ChangeError::OfAnotherTenant => {
                Self::of(kinds::KEY_TAKEN, detail)
            }
            ChangeError::Unknown(_) => Self::of(kinds::UNKNOWN, detail),
            ChangeError::OwnedByFile { file, .. } => {
                Self::of(kinds::OWNED_BY_FILE, detail).with("file", file.into())
            }
            ChangeError::Unfinished { count } => {
                Self::of(kinds::UNFINISHED, detail).with("requests", count.into())
            }
            ChangeError::RekeysPeople { before, after, people } => {
                Self::of(kinds::REKEYS_PEOPLE, format!("{detail} (agree=true)"))
                    .with("before", before.to_string().into())
                    .with("after", after.to_string().into())
                    .with("people", people.into())
            }
            ChangeError::Unsuited(unsuited) => {
                Self::of(kinds::UNSUITED, detail).about_fields(fields(&unsuited))
            }
            ChangeError::BreaksMapping(broken) => (*broken).into(),
            ChangeError::Store(error) => error.into(),
        }
    }
}

/// Each unsuitable field, with its message.
pub(crate) fn fields(problem: &ServingProblem) -> Vec<(String, String)> {
    let ServingProblem::Unsuited(unsuited) = problem else { return Vec::new() };
    match unsuited {
        PutError::Settings(errors) => {
            errors.iter().map(|error| (field(error), error.problem.to_string())).collect()
        }
        PutError::Pool { lacking, .. } => lacking
            .iter()
            .map(|beyond| (format!("limits.{}", beyond.limit.replace('-', "_")), beyond.to_string()))
            .collect(),
        PutError::Named(problem) => {
            let field = match &problem.wrong {
                ConfigProblemKind::BadTenant(_) => "tenant",
                ConfigProblemKind::UnknownName { what, .. } => what,
                _ => "key",
            };
            vec![(field.to_owned(), problem.wrong.to_string())]
        }
    }
}

/// The place of a setting in a connection's body, such as `secrets.api-key`.
pub(crate) fn field(error: &SettingError) -> String {
    match error.place {
        SettingPlace::Settings => format!("settings.{}", error.setting),
        SettingPlace::Secrets => format!("secrets.{}", error.setting),
        SettingPlace::DeniedOperations => "egress.denied_operations".to_owned(),
    }
}

pub(super) async fn no_such_route() -> Problem {
    Problem::of(kinds::UNKNOWN, "there is nothing at this path; /openapi.json lists all paths")
}

pub(super) async fn method_not_allowed() -> Problem {
    Problem::of(
        kinds::METHOD,
        "this path does not allow the method; the header Allow and /openapi.json list the allowed ones",
    )
}
