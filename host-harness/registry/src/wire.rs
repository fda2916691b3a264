//! Requests to a registry, to its token service and to the storage that it redirects to.
//!
//! Redirects are followed here, not by the HTTP client: its resolver vets the addresses of names, but sees no literal address,
//! and credentials must stay with the host that they are for.

use std::{error::Error as _, time::SystemTime};

use bytes::Bytes;
use host_harness::{
    connection::{Deadlines, Reach},
    egress::{refused_address, retry_after::retry_after, vetted_client},
};
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{AUTHORIZATION, LOCATION},
};
use serde::Deserialize;
use tokio::time::timeout;
use url::{Host, Origin, Url};

use crate::{
    access::RegistryAccess,
    error::{RegistryError, RegistryPart},
};

/// The maximum number of redirects in a row. A registry redirects once, to its storage, which may have moved.
const MAX_REDIRECTS: usize = 3;

/// How much of an error's body is read, in bytes, for its code.
const MAX_ERROR_BYTES: u64 = 64 << 10;

/// The client for one registry.
pub(crate) struct Wire {
    client: reqwest::Client,
    reach: Reach,
    deadlines: Deadlines,
}

/// A request.
#[derive(Clone)]
pub(crate) struct WireRequest {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What authorises requests at one origin, and is sent to no other.
#[derive(Clone)]
pub(crate) struct Authorization {
    pub(crate) at: Origin,
    pub(crate) value: HeaderValue,
}

/// What is requested, and how much of it is read.
#[derive(Clone, Copy)]
pub(crate) struct ReadBound {
    pub(crate) part: RegistryPart,
    pub(crate) max_bytes: u64,
}

/// An answer that was read in whole.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Where it came from, after redirects.
    pub(crate) from: Url,
}

impl WireRequest {
    pub(crate) fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// Whether the registry may answer with another place: for a read, but not for what carries content.
    fn may_be_redirected(&self) -> bool {
        [Method::GET, Method::HEAD].contains(&self.method)
    }
}

impl Wire {
    pub(crate) fn new(access: &RegistryAccess) -> Result<Self, RegistryError> {
        let not_set_up = |why: String| RegistryError::NotSetUp { why };
        let client = vetted_client(&access.authorities, access.reach)
            .map_err(|error| not_set_up(error.to_string()))?
            .connect_timeout(access.deadlines.connect)
            .build()
            .map_err(|error| not_set_up(error.to_string()))?;
        Ok(Self { client, reach: access.reach, deadlines: access.deadlines })
    }

    /// The scheme by which everything is reached.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.reach == Reach::Loopback { "http" } else { "https" }
    }

    /// Sends `request` and reads the answer, following redirects if it is a read.
    pub(crate) async fn reply(
        &self,
        request: &WireRequest,
        authorization: Option<&Authorization>,
        bound: ReadBound,
    ) -> Result<Reply, RegistryError> {
        let mut url = request.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let response = self.sent(request, &url, authorization).await?;
            match target(&response, &url).filter(|_| request.may_be_redirected()) {
                Some(next) => url = next?,
                None => return self.read(request, response, url, bound).await,
            }
        }
        Err(RegistryError::TooManyRedirects { host: host(&url), max: MAX_REDIRECTS })
    }

    async fn sent(
        &self,
        request: &WireRequest,
        url: &Url,
        authorization: Option<&Authorization>,
    ) -> Result<reqwest::Response, RegistryError> {
        self.check(url)?;
        let mut outgoing = reqwest::Request::new(request.method.clone(), url.clone());
        *outgoing.headers_mut() = request.headers.clone();
        if let Some(authorization) = authorization.filter(|authorization| authorization.at == url.origin()) {
            outgoing.headers_mut().insert(AUTHORIZATION, authorization.value.clone());
        }
        // The answer to content only begins once all of it was sent.
        let begins_within =
            if request.body.is_empty() { self.deadlines.first_byte } else { self.deadlines.total };
        if !request.may_be_redirected() {
            *outgoing.body_mut() = Some(request.body.clone().into());
        }
        match timeout(begins_within, self.client.execute(outgoing)).await {
            Ok(answered) => answered.map_err(|error| broken(url, error)),
            Err(_) => Err(RegistryError::TimedOut { host: host(url) }),
        }
    }

    /// Checks what the client's resolver does not see.
    fn check(&self, url: &Url) -> Result<(), RegistryError> {
        let is_secure = url.scheme() == "https" || (url.scheme() == "http" && self.reach == Reach::Loopback);
        if !is_secure || !url.username().is_empty() || url.password().is_some() {
            return Err(astray(url));
        }
        let address = match url.host() {
            Some(Host::Ipv4(address)) => address.into(),
            Some(Host::Ipv6(address)) => address.into(),
            Some(Host::Domain(_)) => return Ok(()),
            None => return Err(astray(url)),
        };
        match self.reach.refusal(address) {
            Some(why) => {
                let why = format!("the address {address} is not allowed ({why})");
                Err(RegistryError::AddressRefused { host: host(url), why })
            }
            None => Ok(()),
        }
    }

    async fn read(
        &self,
        request: &WireRequest,
        mut response: reqwest::Response,
        from: Url,
        bound: ReadBound,
    ) -> Result<Reply, RegistryError> {
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let body = if request.method == Method::HEAD {
            // Its length is that of the answer to a GET.
            Bytes::new()
        } else if status.is_success() {
            self.body(response, &from, bound).await?
        } else {
            let bound = ReadBound { max_bytes: MAX_ERROR_BYTES, ..bound };
            self.body(response, &from, bound).await.unwrap_or_default()
        };
        Ok(Reply { status, headers, body, from })
    }

    async fn body(
        &self,
        mut response: reqwest::Response,
        from: &Url,
        bound: ReadBound,
    ) -> Result<Bytes, RegistryError> {
        let ReadBound { part, max_bytes } = bound;
        let too_large = RegistryError::TooLarge { part, max_bytes };
        if response.content_length().is_some_and(|length| length > max_bytes) {
            return Err(too_large);
        }
        let mut body = Vec::new();
        loop {
            let chunk = match timeout(self.deadlines.between_bytes, response.chunk()).await {
                Ok(chunk) => chunk.map_err(|error| broken(from, error))?,
                Err(_) => return Err(RegistryError::TimedOut { host: host(from) }),
            };
            let Some(chunk) = chunk else { return Ok(body.into()) };
            if (body.len() + chunk.len()) as u64 > max_bytes {
                return Err(too_large);
            }
            body.extend_from_slice(&chunk);
        }
    }
}

impl Reply {
    /// Returns this answer if it has `status`, otherwise the error that it is.
    pub(crate) fn with_status(self, status: StatusCode, part: RegistryPart) -> Result<Self, RegistryError> {
        if self.status == status { Ok(self) } else { Err(self.refusal(part)) }
    }

    /// The error that this answer is.
    pub(crate) fn refusal(&self, part: RegistryPart) -> RegistryError {
        let host = host(&self.from);
        if self.status == StatusCode::NOT_FOUND {
            return RegistryError::NotFound { part, host };
        }
        let (status, code) = (self.status.as_u16(), self.code());
        RegistryError::Answered {
            host,
            status,
            code,
            retry_after: retry_after(&self.headers, SystemTime::now()),
        }
    }

    /// The registry's own code for an error, if it looks like one.
    fn code(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Errors {
            errors: Vec<Coded>,
        }
        #[derive(Deserialize)]
        struct Coded {
            code: String,
        }
        let code = serde_json::from_slice::<Errors>(&self.body).ok()?.errors.into_iter().next()?.code;
        let is_word = code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        // The longest code of the specification has 21 characters.
        (is_word && (1..=40).contains(&code.len())).then_some(code)
    }
}

/// The host of `url`, with its port if it is not the scheme's usual one.
pub(crate) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Returns where a redirect leads; `None` if the response is no redirect.
fn target(response: &reqwest::Response, from: &Url) -> Option<Result<Url, RegistryError>> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.headers().get(LOCATION)?.to_str().ok();
    Some(location.and_then(|location| from.join(location).ok()).ok_or_else(|| astray(from)))
}

fn astray(url: &Url) -> RegistryError {
    RegistryError::LeadsAstray { host: host(url) }
}

/// The error of a failed exchange, without the URL.
fn broken(url: &Url, error: reqwest::Error) -> RegistryError {
    let host = host(url);
    if let Some(why) = refused_address(&error) {
        return RegistryError::AddressRefused { host, why };
    }
    if error.is_timeout() {
        return RegistryError::TimedOut { host };
    }
    let error = error.without_url();
    let mut why = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        why = next.to_string();
        cause = next.source();
    }
    RegistryError::Unreachable { host, why }
}
