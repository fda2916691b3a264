//! Reads bodies, queries and paths, or refuses them with the place of the error.
//! Tested in `src/tests/connections.rs`.

use axum::{
    extract::{
        FromRequest, FromRequestParts, Request,
        path::ErrorKind,
        rejection::{JsonRejection, PathRejection, QueryRejection, StringRejection},
    },
    http::StatusCode,
};
use serde::de::{DeserializeOwned, value};
use serde_path_to_error::Error;

use crate::{
    problem::{Problem, kinds},
    types::object::Object,
};
use host_model::unread::{Unread, in_words};

/// The maximum size of a JSON body, in bytes. Every setting fits at its maximum length.
pub(crate) const MAX_BODY: usize = 1 << 20;

/// A JSON object.
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let axum::Json(Object(body)) = axum::Json::<Object<T>>::from_request(request, state).await?;
        Ok(Self(body))
    }
}

/// A JSON array.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
pub(crate) struct JsonArray<T>(pub(crate) T);

/// Query parameters.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(crate) struct Query<T>(pub(crate) T);

/// The values of the placeholders of a route.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(crate) struct Path<T>(pub(crate) T);

/// Reports the place of the error, both in the document and in the text.
impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let why = source::<Error<serde_json::Error>>(&rejection).map(|error| {
            let (line, column) = (error.inner().line(), error.inner().column());
            format!("{} at line {line} column {column}", Unread::json(error))
        });
        unread(rejection.status(), why.unwrap_or_else(|| rejection.body_text()))
    }
}

impl From<StringRejection> for Problem {
    fn from(rejection: StringRejection) -> Self {
        unread(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        let why = source::<Error<value::Error>>(&rejection)
            .map(|error| Unread::new(error.path(), &error.inner().to_string()).to_string());
        Self::of(kinds::BAD_QUERY, why.unwrap_or_else(|| rejection.body_text()))
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        use ErrorKind::{InvalidUtf8InPathParam, ParseError, ParseErrorAtIndex, ParseErrorAtKey};
        let PathRejection::FailedToDeserializePathParams(failed) = &rejection else {
            return Self::of(kinds::BAD_PATH, rejection.body_text());
        };
        let why = match failed.kind() {
            ParseErrorAtKey { expected_type, .. }
            | ParseErrorAtIndex { expected_type, .. }
            | ParseError { expected_type, .. } => format!("expected {}", in_words(expected_type)),
            InvalidUtf8InPathParam { key } => format!("{key} is not UTF-8"),
            _ => "a part of the path cannot be read".to_owned(),
        };
        Self::of(kinds::BAD_PATH, why)
    }
}

fn unread(status: StatusCode, why: String) -> Problem {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let detail = format!("the maximum is {MAX_BODY} bytes: a connection's settings need far less");
            Problem::of(kinds::TOO_LARGE, detail)
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Problem::of(kinds::MEDIA_TYPE, why),
        _ => Problem::of(kinds::BAD_BODY, why),
    }
}

/// The `E` that caused `rejection`. axum's own texts repeat the input, so they are used only if no input was read.
fn source<'a, E: std::error::Error + 'static>(
    rejection: &'a (dyn std::error::Error + 'static),
) -> Option<&'a E> {
    std::iter::successors(Some(rejection), |error| error.source()).find_map(|error| error.downcast_ref())
}
