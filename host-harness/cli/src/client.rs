//! A client of a running service's API, for commands with `--server`.

use crate::output::GLOBAL_OPTIONS;
use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use url::{Host, Url};

use super::{
    failure::{Failure, ProblemResponse},
    reference,
};
use host_harness::egress::client;
use host_model::{secret::Secret, text, unread::Unread};

/// Names the service if the command line does not.
const SERVER: &str = "CONNECTOR_HOST_SERVER";
/// Contains the API key if no file is named.
const API_KEY: &str = "CONNECTOR_HOST_API_KEY";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Tests and tokens are answered only after the vendor has answered.
const TOTAL_TIMEOUT: Duration = Duration::from_mins(5);
/// The maximum size of an answer, in bytes. The longest lists of a service take some MiB; another program may be
/// answering.
const MAX_ANSWER: usize = 64 << 20;
/// Plain HTTP to this name goes to this machine, whatever the resolver says.
const LOCALHOST: &str = "localhost";

/// Which service to ask.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct ServerArgs {
    /// Send the command to the service at this URL, such as `http://127.0.0.1:7400`. Plain HTTP is accepted only for
    /// this machine. Not accepted by `serve`, `new-master-key`, `backup` and `restore` [default: the variable
    /// `CONNECTOR_HOST_SERVER`, for commands that a service can carry out, except `api-key` and `audit`, which open the
    /// database unless `--server` is given].
    #[arg(long = "server", global = true, help_heading = GLOBAL_OPTIONS, value_name = "URL")]
    url: Option<String>,
    /// File with the service's API key [default: the key in the variable `CONNECTOR_HOST_API_KEY`].
    #[arg(long, global = true, help_heading = GLOBAL_OPTIONS, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
}

impl ServerArgs {
    /// Whether the command line itself names one.
    pub(super) fn is_named(&self) -> bool {
        self.url.is_some()
    }

    /// A client of the service; `None` if none is named.
    pub(super) fn client(&self) -> Result<Option<Client>, Failure> {
        #[expect(clippy::disallowed_methods, reason = "an address of the operator's own, and no secret")]
        let url = self.url.clone().or_else(|| std::env::var(SERVER).ok());
        let Some(url) = url.filter(|url| !url.is_empty()) else { return Ok(None) };
        let base = base_url(&url).map_err(|wrong| Failure::misused(format!("--server: {wrong}")))?;
        let key = match &self.api_key_file {
            Some(path) => reference::from_file(path)
                .map_err(|wrong| Failure::misused(format!("--api-key-file: {wrong}")))?,
            None => reference::from_variable(API_KEY).map_err(|_| {
                Failure::misused(format!(
                    "there is no API key for {base}\nnext: name its file with --api-key-file, or set {API_KEY}; \
                     `connector-host api-key create --name NAME` creates one on the machine with the service's database"
                ))
            })?,
        };
        Client::new(base, &key).map(Some)
    }
}

/// The address of a service; no error shows what was typed, since a password may be in it.
fn base_url(url: &str) -> Result<Url, &'static str> {
    let wanted = "expected an address such as https://connectors.example.com or http://127.0.0.1:8080";
    let url = Url::parse(url).map_err(|_| wanted)?;
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == LOCALHOST,
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        _ if !is_bare => Err("no user, password, query or fragment may be in it"),
        "https" => Ok(url),
        "http" if is_here => Ok(url),
        "http" => Err("plain HTTP is allowed only to this machine, since it carries the API key: use https"),
        _ => Err(wanted),
    }
}

/// A call to the service. It may contain secrets and personal data, so it does not print.
pub(super) struct ApiCall {
    method: Method,
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl ApiCall {
    /// A call to `path` below `/api/v1`.
    pub(super) fn new(method: Method, path: &[&str]) -> Self {
        let path = ["api", "v1"].iter().chain(path).map(|part| (*part).to_owned()).collect();
        Self { method, path, query: Vec::new(), headers: HeaderMap::new(), body: Vec::new() }
    }

    /// A GET of `name`, which is not below `/api/v1`.
    pub(super) fn at_root(name: &str) -> Self {
        Self { path: vec![name.to_owned()], ..Self::get(&[]) }
    }

    pub(super) fn get(path: &[&str]) -> Self {
        Self::new(Method::GET, path)
    }

    pub(super) fn post(path: &[&str]) -> Self {
        Self::new(Method::POST, path)
    }

    /// Adds the query parameter, if there is a value.
    pub(super) fn with(mut self, parameter: &'static str, value: Option<impl ToString>) -> Self {
        self.query.extend(value.map(|value| (parameter, value.to_string())));
        self
    }

    pub(super) fn header(mut self, name: &'static str, value: HeaderValue) -> Self {
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// Adds a header whose value is a secret.
    pub(super) fn secret_header(self, name: &'static str, value: &Secret) -> Result<Self, Failure> {
        let mut value = HeaderValue::try_from(value.expose())
            .map_err(|_| Failure::misused(format!("{name}: the secret contains invalid characters")))?;
        value.set_sensitive(true);
        Ok(self.header(name, value))
    }

    pub(super) fn json(self, body: &impl Serialize) -> Self {
        self.body("application/json", json!(body).to_string().into_bytes())
    }

    pub(super) fn body(mut self, content_type: &'static str, body: Vec<u8>) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        self.body = body;
        self
    }
}

/// A service's answer. It may contain tokens and personal data, so it does not print.
pub(super) struct ApiResponse<T> {
    /// The part that this program reads and prints for people, with hidden characters escaped.
    pub(super) value: T,
    /// The whole document, which `--json` prints.
    pub(super) json: Value,
}

/// A client of a service's API that uses one API key.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    key: HeaderValue,
}

impl Client {
    fn new(base: Url, key: &Secret) -> Result<Self, Failure> {
        let mut key = HeaderValue::try_from(format!("Bearer {}", key.expose()))
            .map_err(|_| Failure::misused("the API key contains invalid characters"))?;
        key.set_sensitive(true);
        let none = |error: &dyn std::fmt::Display| {
            Failure::misused(format!("cannot create an HTTP client: {error}"))
        };
        let port = base.port_or_known_default().unwrap_or_default();
        let here = [
            SocketAddr::from(([127, 0, 0, 1], port)),
            SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port)),
        ];
        let http = client(&[])
            .map_err(|error| none(&error))?
            .resolve_to_addrs(LOCALHOST, &here)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .build()
            .map_err(|error| none(&error))?;
        Ok(Self { http, base, key })
    }

    /// Sends `call` and returns the document in the answer.
    pub(super) async fn ask<T: DeserializeOwned>(&self, call: ApiCall) -> Result<ApiResponse<T>, Failure> {
        let body = self.body(call).await?;
        let json = serde_json::from_slice(&body).map_err(|_| self.unexpected_answer("no document"))?;
        let value = serde_path_to_error::deserialize(&escaped(&json))
            .map_err(|error| self.unreadable_answer(&Unread::json(&error)))?;
        Ok(ApiResponse { value, json })
    }

    /// Sends `call` and returns the text in the answer.
    pub(super) async fn text(&self, call: ApiCall) -> Result<String, Failure> {
        String::from_utf8(self.body(call).await?).map_err(|_| self.unexpected_answer("no text"))
    }

    /// Sends `call`, whose answer has no body.
    pub(super) async fn send(&self, call: ApiCall) -> Result<(), Failure> {
        let body = self.body(call).await?;
        if body.is_empty() { Ok(()) } else { Err(self.unexpected_answer("an unexpected body")) }
    }

    /// Sends `call` and hands each piece of the answer to `take`, for answers of any length.
    pub(super) async fn pieces(
        &self,
        call: ApiCall,
        mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut answer = self.answered(call).await?;
        while let Some(piece) = answer.chunk().await.map_err(|error| self.unanswered(&error))? {
            take(&piece)?;
        }
        Ok(())
    }

    async fn body(&self, call: ApiCall) -> Result<Vec<u8>, Failure> {
        let answer = self.answered(call).await?;
        self.read(answer).await
    }

    /// Sends `call` and returns an answer with a status of success.
    async fn answered(&self, call: ApiCall) -> Result<reqwest::Response, Failure> {
        // These are not valid names, and as parts of a path they would lead elsewhere.
        if let Some(part) = call.path.iter().find(|part| ["", ".", ".."].contains(&part.as_str())) {
            return Err(Failure::misused(format!("{part:?} is not a valid name or id")));
        }
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(&call.path);
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let request =
            self.http.request(call.method, url).headers(call.headers).header(AUTHORIZATION, &self.key);
        let answer = request.body(call.body).send().await.map_err(|error| self.unanswered(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        match serde_json::from_slice(&self.read(answer).await?) {
            Ok(document @ Value::Object(_)) => {
                Err(Failure::Service(Box::new(ProblemResponse::new(status.as_u16(), document))))
            }
            _ => Err(self.unexpected_answer(&format!("{status} without a document"))),
        }
    }

    /// Reads the body of `answer`, up to its maximum.
    async fn read(&self, mut answer: reqwest::Response) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await.map_err(|error| self.unanswered(&error))? {
            if piece.len() > MAX_ANSWER - body.len() {
                return Err(self.too_long());
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    /// The answer does not come from a connector-host.
    fn unexpected_answer(&self, answered: &str) -> Failure {
        Failure::misused(format!(
            "{} did not answer like a connector-host ({answered})\nnext: check the --server address",
            self.base
        ))
    }

    /// The service answered, so it may have carried out the call.
    fn unreadable_answer(&self, unread: &Unread) -> Failure {
        Failure::Unanswered(format!(
            "cannot read the answer of {}: {unread}; the call may have been carried out\nnext: use the connector-host \
             of the service's version",
            self.base
        ))
    }

    fn too_long(&self) -> Failure {
        Failure::Unanswered(format!(
            "the answer of {} has more than {MAX_ANSWER} bytes and was not read to its end; the call may have been \
             carried out\nnext: ask for less with --limit, or check the --server address",
            self.base
        ))
    }

    /// Distinguishes whether the service received the call: if it did, it may have carried it out.
    fn unanswered(&self, error: &reqwest::Error) -> Failure {
        let base = &self.base;
        if error.is_connect() {
            return Failure::misused(format!(
                "no service answers at {base}{}\nnext: start one with `connector-host serve`, or correct --server",
                cause(error)
            ));
        }
        let why = if error.is_timeout() { "did not answer in time" } else { "broke off its answer" };
        Failure::Unanswered(format!("the service at {base} {why}; the call may have been carried out"))
    }
}

/// Returns `document` with the hidden characters of each string and key escaped, line ends included, so that no command
/// can print them.
fn escaped(document: &Value) -> Value {
    match document {
        Value::String(text) => Value::String(text::escaped(text).into_owned()),
        Value::Array(values) => values.iter().map(escaped).collect(),
        Value::Object(members) => {
            let member =
                |(name, value): (&String, &Value)| (text::escaped(name).into_owned(), escaped(value));
            Value::Object(members.iter().map(member).collect())
        }
        other => other.clone(),
    }
}

/// The innermost cause. The outer ones only wrap it and contain addresses.
fn cause(error: &reqwest::Error) -> String {
    let mut cause = std::error::Error::source(error);
    let mut told = String::new();
    while let Some(inner) = cause {
        told = format!(": {inner}");
        cause = inner.source();
    }
    told
}

#[cfg(test)]
mod tests;
