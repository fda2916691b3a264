//! Answers to requests.

use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

/// An answer before it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

/// Iterable's usual answer, with the fields in Iterable's order.
#[derive(Serialize)]
struct Envelope<'a> {
    msg: &'a str,
    code: &'a str,
    params: Value,
}

impl Reply {
    pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).unwrap_or_default();
        Self::raw(status, "application/json", body)
    }

    pub(crate) fn ok(body: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, body)
    }

    pub(crate) fn raw(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status, content_type, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn text(status: StatusCode, body: &'static str) -> Self {
        Self::raw(status, "text/plain; charset=utf-8", body)
    }

    pub(crate) fn html(status: StatusCode, title: &str) -> Self {
        let page = format!(
            "<!DOCTYPE html>\n<html>\n<head><title>{title}</title></head>\n<body><h1>{title}</h1></body>\n</html>\n"
        );
        Self::raw(status, "text/html; charset=utf-8", page)
    }

    pub(crate) fn envelope(status: StatusCode, code: &str, msg: &str, params: Value) -> Self {
        Self::json(status, &Envelope { msg, code, params })
    }

    /// Returns `{"msg":"","code":"Success","params":null}`.
    pub(crate) fn success() -> Self {
        Self::success_saying("")
    }

    pub(crate) fn success_saying(msg: &str) -> Self {
        Self::envelope(StatusCode::OK, "Success", msg, Value::Null)
    }
}
