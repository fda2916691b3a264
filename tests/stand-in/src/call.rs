//! Requests, as the routes see them and as they are recorded.

use bytes::Bytes;
use http::{HeaderMap, Method};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::Value;

/// A request that the stand-in received.
#[derive(Clone, Debug, Serialize)]
pub struct Received {
    /// The time of arrival, by the stand-in's clock.
    pub at: Timestamp,
    /// Its method.
    pub method: String,
    /// Its path as received, still percent-encoded.
    pub path: String,
    /// Its query as received, without the question mark.
    pub query: String,
    /// Its headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body, if it is JSON.
    pub body: Option<Value>,
    /// Its raw body.
    #[serde(skip)]
    pub bytes: Bytes,
}

impl Received {
    pub(crate) fn new(
        at: Timestamp,
        method: &Method,
        uri: &http::Uri,
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

    /// Returns the value of the header with this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Returns method and path, such as `POST /api/users/forget`.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Returns the API key of the request: header `Api-Key` or `Api_Key`, in any case.
    pub(crate) fn key(&self) -> Option<&str> {
        self.header("api-key").or_else(|| self.header("api_key"))
    }

    /// Returns the decoded segments of the path. A `+` stays a `+`.
    pub(crate) fn segments(&self) -> Vec<String> {
        let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        self.path.trim_start_matches('/').split('/').map(decoded).collect()
    }

    /// Returns the first query parameter with this name, decoded. A `+` becomes a space.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes())
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// A request matched to its route, with the values of the route's path parameters.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) received: &'a Received,
    pub(crate) blanks: Vec<String>,
}

impl Call<'_> {
    /// Returns the n-th path parameter, or an empty text if the route has fewer.
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
