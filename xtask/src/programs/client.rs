//! A client of a JSON API.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use ureq::{
    Agent, Body, SendBody,
    http::{Method, Request, Response},
};

use super::wait::until;

/// Longer than an answer takes.
const TIME_LIMIT: Duration = Duration::from_mins(1);
/// How long to wait for a condition before giving up.
const PATIENCE: Duration = Duration::from_mins(1);

/// A client with a bearer token.
pub(crate) struct Client {
    /// The address without a path, such as `http://127.0.0.1:7400`.
    pub(crate) address: String,
    authorization: String,
    agent: Agent,
}

impl Client {
    pub(crate) fn new(address: String, token: &str) -> Self {
        Self { address, authorization: format!("Bearer {token}"), agent: agent() }
    }

    /// Returns the document at `path`. Fails unless the answer is a success, as do the other methods.
    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        self.send(Method::GET, path, None, SendBody::none())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.send_json(Method::POST, path, body)
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> Result<Value> {
        self.send_json(Method::PUT, path, body)
    }

    pub(crate) fn patch(&self, path: &str, body: &Value) -> Result<Value> {
        self.send_json(Method::PATCH, path, body)
    }

    /// Posts a zip.
    pub(crate) fn post_zip(&self, path: &str, zip: Vec<u8>) -> Result<Value> {
        self.send(
            Method::POST,
            path,
            Some("application/zip"),
            SendBody::from_owned_reader(std::io::Cursor::new(zip)),
        )
    }

    /// Returns the document at `path` once `wanted` returns true for it.
    pub(crate) fn once(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        until(&format!("GET {path}"), PATIENCE, || Ok(Some(self.get(path)?).filter(&wanted)))
    }

    fn send_json(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        self.send(method, path, Some("application/json"), SendBody::from_json(body)?)
    }

    fn send(&self, method: Method, path: &str, kind: Option<&str>, body: SendBody<'static>) -> Result<Value> {
        let what = format!("{method} {path}");
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address))
            .header("authorization", &self.authorization);
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let answer = self.agent.run(request.body(body)?).with_context(|| what.clone())?;
        read(&what, answer)
    }
}

/// Returns an agent whose answers may be errors.
pub(crate) fn agent() -> Agent {
    Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(TIME_LIMIT))
        // The servers are restarted between requests.
        .max_idle_connections(0)
        .build()
        .new_agent()
}

/// Returns the document of an answer. Fails unless the answer is a success.
pub(crate) fn read(what: &str, mut answer: Response<Body>) -> Result<Value> {
    let status = answer.status();
    let text = answer.body_mut().read_to_string()?;
    ensure!(status.is_success(), "{what} is answered {status}: {text}");
    Ok(if text.is_empty() { Value::Null } else { serde_json::from_str(&text)? })
}
