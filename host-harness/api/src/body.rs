//! Bodies, queries and addresses, read or refused with where they are wrong.

use axum::{
    extract::{
        FromRequest, FromRequestParts, Request,
        rejection::{JsonRejection, PathRejection, QueryRejection, StringRejection},
    },
    http::{StatusCode, request::Parts},
};
use serde::de::DeserializeOwned;

use super::problem::{Problem, kinds};

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
            .map_err(|rejection: QueryRejection| Problem::of(kinds::BAD_QUERY, told(&rejection.body_text())))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Path::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(path)| Self(path))
            .map_err(|rejection: PathRejection| Problem::of(kinds::BAD_PATH, told(&rejection.body_text())))
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

fn refused(rejection: &JsonRejection) -> Problem {
    unread(rejection.status(), &rejection.body_text())
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
    Problem::of(kind, told(why))
}

/// The reader's words, which name the field and the line, without what was read: a secret or a person may stand in the wrong
/// field, and answers end up in logs.
pub fn told(why: &str) -> String {
    let unescaped = why.replace("\\\"", "");
    let without_texts = between(&unescaped, '"', |_| false);
    let without_values = between(&without_texts, '`', is_name);
    let words = without_values.split(' ').map(|word| if word.contains('@') { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// `text` with each piece between two of `mark` replaced, unless it `stays`.
fn between(text: &str, mark: char, stays: fn(&str) -> bool) -> String {
    let pieces = text.split(mark).enumerate();
    let shown = pieces.map(|(at, piece)| if at % 2 == 0 || stays(piece) { piece } else { "…" });
    shown.collect::<Vec<_>>().join(mark.encode_utf8(&mut [0; 4]))
}

/// A field's or a variant's, well written or not.
fn is_name(piece: &str) -> bool {
    piece.len() <= 40 && piece.chars().all(|c| c.is_ascii_alphabetic() || "-_".contains(c))
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn what_is_wrong_is_told_and_what_was_read_is_not() {
        for (why, shown) in [
            (
                r#"identity.ada@example.com: invalid type: string "a \"b\" c", expected a map at line 1 column 9"#,
                r#"… invalid type: string "…", expected a map at line 1 column 9"#,
            ),
            (
                "identity.phone: invalid type: integer `170123`, expected a string",
                "identity.phone: invalid type: integer `…`, expected a string",
            ),
            (
                "unknown field `conection`, expected `connection` or `state`",
                "unknown field `conection`, expected `connection` or `state`",
            ),
            ("unknown variant `k3y-of-mine`, expected `erasure`", "unknown variant `…`, expected `erasure`"),
        ] {
            assert_eq!(told(why), shown);
        }
    }
}
