//! What went wrong, as a problem document: RFC 9457.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};

use crate::{
    edge::request_id,
    types::problem::{self, FieldError},
};
use host_harness::{
    connection::{SettingError, SettingPlace},
    host::PutError,
};
use host_service::connections::change::ChangeError;
use host_store::StoreError;

/// A kind of problem: what programs tell it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    /// The end of its type, which never changes.
    name: &'static str,
    status: StatusCode,
    title: &'static str,
}

/// Every kind there is.
pub(crate) mod kinds {
    use super::{Kind, StatusCode};

    const fn kind(status: StatusCode, name: &'static str, title: &'static str) -> Kind {
        Kind { name, status, title }
    }

    pub(crate) const BAD_BODY: Kind = kind(StatusCode::BAD_REQUEST, "bad-body", "The body cannot be read");
    pub(crate) const BAD_QUERY: Kind = kind(StatusCode::BAD_REQUEST, "bad-query", "The query cannot be read");
    pub(crate) const BAD_PATH: Kind = kind(StatusCode::BAD_REQUEST, "bad-path", "The address cannot be read");
    pub(crate) const UNAUTHENTICATED: Kind =
        kind(StatusCode::UNAUTHORIZED, "unauthenticated", "A valid API key is required");
    pub(crate) const READ_ONLY: Kind =
        kind(StatusCode::FORBIDDEN, "read-only", "This API key can change nothing");
    pub(crate) const NOT_ALL_TENANTS: Kind =
        kind(StatusCode::FORBIDDEN, "not-all-tenants", "This API key does not reach every tenant");
    pub(crate) const UNKNOWN: Kind = kind(StatusCode::NOT_FOUND, "unknown", "There is no such thing");
    pub(crate) const METHOD: Kind =
        kind(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed");
    pub(crate) const KEY_TAKEN: Kind = kind(StatusCode::CONFLICT, "key-taken", "The key is in use");
    pub(crate) const OWNED_BY_FILE: Kind =
        kind(StatusCode::CONFLICT, "owned-by-file", "The configuration file owns the connection");
    pub(crate) const UNFINISHED: Kind =
        kind(StatusCode::CONFLICT, "unfinished", "Requests of the connection have not ended");
    pub(crate) const NOT_ENABLED: Kind =
        kind(StatusCode::CONFLICT, "not-enabled", "The connection does not carry this out");
    pub(crate) const KEY_REUSED: Kind =
        kind(StatusCode::CONFLICT, "key-reused", "The idempotency key is another request's");
    pub(crate) const NOT_REPLAYED: Kind =
        kind(StatusCode::CONFLICT, "not-replayed", "The request cannot be carried out again");
    pub(crate) const BREAKS_MAPPING: Kind =
        kind(StatusCode::CONFLICT, "breaks-mapping", "A mapping would no longer hold");
    pub(crate) const TOO_MANY_TOKENS: Kind = kind(
        StatusCode::CONFLICT,
        "too-many-tokens",
        "The connection has the maximum number of accepted tokens",
    );
    pub(crate) const VENDOR: Kind =
        kind(StatusCode::BAD_GATEWAY, "vendor", "The vendor or the connector did not do it");
    pub(crate) const ASKS_FOR_MORE: Kind = kind(
        StatusCode::CONFLICT,
        "asks-for-more",
        "The version requests more permissions, which are not approved",
    );
    pub(crate) const REKEYS_PEOPLE: Kind =
        kind(StatusCode::CONFLICT, "rekeys-people", "The change identifies people by something else");
    pub(crate) const NOT_REPLACED: Kind =
        kind(StatusCode::CONFLICT, "not-replaced", "The running version goes on serving");
    pub(crate) const DELIVERY_REFUSED: Kind =
        kind(StatusCode::UNAUTHORIZED, "delivery-refused", "The delivery is not accepted here");
    pub(crate) const TOO_SLOW: Kind =
        kind(StatusCode::REQUEST_TIMEOUT, "too-slow", "The body did not arrive in time");
    pub(crate) const TOO_MANY: Kind =
        kind(StatusCode::TOO_MANY_REQUESTS, "too-many", "Too many requests in a short time");
    pub(crate) const TOO_LARGE: Kind =
        kind(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large");
    pub(crate) const MEDIA_TYPE: Kind =
        kind(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "Another content type is required");
    pub(crate) const UNSUITED: Kind =
        kind(StatusCode::UNPROCESSABLE_ENTITY, "unsuited", "The connection does not suit");
    pub(crate) const IN_THE_FUTURE: Kind =
        kind(StatusCode::UNPROCESSABLE_ENTITY, "in-the-future", "The choice was not made yet");
    pub(crate) const ANOTHER_NAME: Kind = kind(
        StatusCode::UNPROCESSABLE_ENTITY,
        "another-name",
        "The body names something else than the address",
    );
    pub(crate) const NO_USABLE_KIND: Kind = kind(
        StatusCode::UNPROCESSABLE_ENTITY,
        "no-usable-kind",
        "The connection cannot identify people by this",
    );
    pub(crate) const NO_MAPPING: Kind =
        kind(StatusCode::UNPROCESSABLE_ENTITY, "no-mapping", "The file holds no mapping");
    pub(crate) const UNSOUND_MAPPING: Kind =
        kind(StatusCode::UNPROCESSABLE_ENTITY, "unsound-mapping", "The mapping breaks rules");
    pub(crate) const NO_COMPONENT: Kind =
        kind(StatusCode::UNPROCESSABLE_ENTITY, "no-component", "The component does not load");
    pub(crate) const NOT_RELOADED: Kind =
        kind(StatusCode::UNPROCESSABLE_ENTITY, "not-reloaded", "The configuration cannot be used");
    pub(crate) const INTERNAL: Kind =
        kind(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The service is at fault");
    pub(crate) const UNAVAILABLE: Kind =
        kind(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "The service cannot do this now");
}

/// How long a client waits before it asks again what the service cannot do now, unless something better is known.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// What went wrong.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    kind: Kind,
    detail: String,
    errors: Box<[FieldError]>,
    members: Map<String, Value>,
    retry_after: Option<Duration>,
}

impl Problem {
    /// A problem of that kind, told in full: what was found, and what to do.
    pub(crate) fn of(kind: Kind, detail: impl Into<String>) -> Self {
        let retry_after = (kind.status == StatusCode::SERVICE_UNAVAILABLE).then_some(RETRY_AFTER);
        Self { kind, detail: detail.into(), errors: Box::default(), members: Map::new(), retry_after }
    }

    /// The same, to be tried again after `wait`.
    #[must_use]
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The same with one more member, for programs.
    #[must_use]
    pub(crate) fn with(mut self, member: &str, value: Value) -> Self {
        self.members.insert(member.to_owned(), value);
        self
    }

    /// The same, about these fields: each with its message.
    #[must_use]
    pub(crate) fn about_fields(mut self, errors: impl IntoIterator<Item = (String, String)>) -> Self {
        self.errors = errors.into_iter().map(|(field, message)| FieldError { field, message }).collect();
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Kind { name, status, title } = self.kind;
        let document = problem::Problem {
            r#type: format!("urn:connector-host:problem:{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail,
            errors: self.errors.into_vec(),
            members: self.members,
        };
        let mut response = (status, axum::Json(document)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.retry_after {
            // In whole seconds, and at least one.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, request_id = request_id::current(), "the store failed");
        match error {
            StoreError::Database(_) | StoreError::Busy(_) | StoreError::Closed => {
                Self::of(kinds::UNAVAILABLE, "the database does not answer: try again in a few seconds")
            }
            _ => Self::of(
                kinds::INTERNAL,
                "the database holds what cannot be read: the service's log says what",
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

/// Each field that does not suit, with its message.
pub(crate) fn fields(unsuited: &PutError) -> Vec<(String, String)> {
    match unsuited {
        PutError::Settings(errors) => {
            errors.iter().map(|error| (field(error), error.problem.to_string())).collect()
        }
        PutError::Pool { lacking, .. } => lacking
            .iter()
            .map(|beyond| (format!("limits.{}", beyond.limit.replace('-', "_")), beyond.to_string()))
            .collect(),
        PutError::Named(problem) => vec![(problem.place.clone(), problem.wrong.to_string())],
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
    Problem::of(kinds::UNKNOWN, "nothing is served at this address; /openapi.json lists what is")
}

pub(super) async fn method_not_allowed() -> Problem {
    Problem::of(
        kinds::METHOD,
        "this address takes other methods; the header Allow and /openapi.json list them",
    )
}
