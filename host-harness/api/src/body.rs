//! Bodies, queries and addresses, read or refused with where they are wrong.

use axum::{
    extract::{
        FromRequest, FromRequestParts, Request,
        path::ErrorKind,
        rejection::{JsonRejection, PathRejection, QueryRejection, StringRejection},
    },
    http::{StatusCode, request::Parts},
};
use serde::de::{DeserializeOwned, value};
use serde_path_to_error::Error;

use super::problem::{Problem, kinds};
use host_model::unread::{Unread, in_words};

/// The largest JSON body, in bytes: every setting at its longest fits, and nobody sends more by hand.
pub(crate) const LARGEST_BODY: usize = 1 << 20;

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

/// Query parameters.
pub(crate) struct Query<T>(pub(crate) T);

/// What stands for the blanks of a route.
pub(crate) struct Path<T>(pub(crate) T);

/// A body of text.
pub(crate) struct Text(pub(crate) String);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        axum::Json::from_request(request, state)
            .await
            .map(|axum::Json(body)| Self(body))
            .map_err(|rejection| refused(&rejection))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Query::from_request_parts(parts, state).await;
        read.map(|axum::extract::Query(query)| Self(query))
            .map_err(|rejection: QueryRejection| Problem::of(kinds::BAD_QUERY, in_query(&rejection)))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Path::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(path)| Self(path))
            .map_err(|rejection: PathRejection| Problem::of(kinds::BAD_PATH, in_path(&rejection)))
    }
}

impl<S: Send + Sync> FromRequest<S> for Text {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let read = String::from_request(request, state).await;
        read.map(Self).map_err(|rejection: StringRejection| {
            let status = rejection.status();
            unread(status, &rejection.body_text())
        })
    }
}

/// A field's place in JSON, and why its value could not be read.
fn refused(rejection: &JsonRejection) -> Problem {
    let why = source::<Error<serde_json::Error>>(rejection).map(|error| {
        let (line, column) = (error.inner().line(), error.inner().column());
        format!("{} at line {line} column {column}", Unread::json(error))
    });
    unread(rejection.status(), &why.unwrap_or_else(|| rejection.body_text()))
}

fn unread(status: StatusCode, why: &str) -> Problem {
    let kind = match status {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let most = LARGEST_BODY;
            let detail =
                format!("at most {most} bytes are read here: a connection's settings need far fewer");
            return Problem::of(kinds::TOO_LARGE, detail);
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => kinds::MEDIA_TYPE,
        _ => kinds::BAD_BODY,
    };
    Problem::of(kind, why)
}

fn in_query(rejection: &QueryRejection) -> String {
    source::<Error<value::Error>>(rejection).map_or_else(
        || rejection.body_text(),
        |error| Unread::new(error.path(), &error.inner().to_string()).to_string(),
    )
}

fn in_path(rejection: &PathRejection) -> String {
    use ErrorKind::{InvalidUtf8InPathParam, ParseError, ParseErrorAtIndex, ParseErrorAtKey};
    let PathRejection::FailedToDeserializePathParams(failed) = rejection else {
        return rejection.body_text();
    };
    match failed.kind() {
        ParseErrorAtKey { expected_type, .. }
        | ParseErrorAtIndex { expected_type, .. }
        | ParseError { expected_type, .. } => format!("expected {}", in_words(expected_type)),
        InvalidUtf8InPathParam { key } => format!("{key} is not UTF-8"),
        _ => "a part of it cannot be read".to_owned(),
    }
}

/// The `E` that `rejection` comes from. axum's own texts repeat what was read, so they serve only where nothing was.
fn source<'a, E: std::error::Error + 'static>(
    rejection: &'a (dyn std::error::Error + 'static),
) -> Option<&'a E> {
    std::iter::successors(Some(rejection), |error| error.source()).find_map(|error| error.downcast_ref())
}
