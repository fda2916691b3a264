//! A request as the routes see it, and as it is remembered.

use bytes::Bytes;
use http::{HeaderMap, Method};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::Value;

/// A request that the stand-in received.
#[derive(Clone, Debug, Serialize)]
pub struct Received {
    /// When, by the stand-in's clock.
    pub at: Timestamp,
    /// Its method.
    pub method: String,
    /// Its path as it came, still encoded.
    pub path: String,
    /// Its query as it came, without the question mark.
    pub query: String,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body, where it is JSON.
    pub body: Option<Value>,
    /// Its body as it came.
    #[serde(skip)]
    pub bytes: Bytes,
}

impl Received {
    pub(crate) fn new(
        at: Timestamp,
        (method, uri): (&Method, &http::Uri),
        headers: &HeaderMap,
        bytes: Bytes,
    ) -> Self {
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Self {
            at,
            method: method.to_string(),
            path: uri.path().to_owned(),
            query: uri.query().unwrap_or_default().to_owned(),
            headers: headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            body: serde_json::from_slice(&bytes).ok(),
            bytes,
        }
    }

    /// The value of the header of that lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// `POST /api/users/forget`.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The key presented: `Api-Key` or `Api_Key`, in any case.
    pub(crate) fn key(&self) -> Option<&str> {
        self.header("api-key").or_else(|| self.header("api_key"))
    }

    /// The segments of the path, decoded; a `+` stays one.
    pub(crate) fn segments(&self) -> Vec<String> {
        let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        self.path.trim_start_matches('/').split('/').map(decoded).collect()
    }

    /// The first query parameter of that name, decoded; a `+` is a blank.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes())
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// A request on its route: what it says, and the values of the route's blanks.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) received: &'a Received,
    pub(crate) blanks: Vec<String>,
}

impl Call<'_> {
    /// The value of the route's n-th blank.
    pub(crate) fn blank(&self, at: usize) -> &str {
        self.blanks.get(at).map_or("", String::as_str)
    }

    pub(crate) fn body(&self) -> Option<&Value> {
        self.received.body.as_ref()
    }

    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.received.parameter(name)
    }
}
