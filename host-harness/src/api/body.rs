//! Bodies and queries, read or refused with where they are wrong.

use axum::{
    extract::{
        FromRequest, FromRequestParts, Request,
        rejection::{JsonRejection, QueryRejection},
    },
    http::{StatusCode, request::Parts},
};
use serde::de::DeserializeOwned;

use super::problem::{Problem, kinds};

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

/// Query parameters.
pub(crate) struct Query<T>(pub(crate) T);

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
            .map_err(|rejection: QueryRejection| Problem::of(kinds::BAD_QUERY, rejection.body_text()))
    }
}

/// The words of the JSON reader: they name the field and the line.
fn refused(rejection: &JsonRejection) -> Problem {
    let kind = match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let most = super::LARGEST_BODY;
            let detail =
                format!("at most {most} bytes are read here: a connection's settings need far fewer");
            return Problem::of(kinds::TOO_LARGE, detail);
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => kinds::MEDIA_TYPE,
        _ => kinds::BAD_BODY,
    };
    Problem::of(kind, rejection.body_text())
}
