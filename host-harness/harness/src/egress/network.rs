//! The network transport: TLS to a vetted address, with deadlines and size limits. One attempt, no redirects, no proxy,
//! no decompression.

use std::{
    collections::HashMap,
    error::Error,
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use parking_lot::Mutex;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls_pki_types::CertificateDer;
use tokio::time::{Instant, timeout_at};

use super::{
    refused::denied,
    transport::{Outgoing, Transport, VendorResponse},
};
use crate::connection::{Connection, EgressPolicy, Reach, TenantId, address_refused};
use host_model::contract::http::{HttpError, HttpErrorKind};

/// How long an idle connection is kept: less than the minute after which vendors' proxies close it.
const IDLE: Duration = Duration::from_secs(50);

/// Resolves names to addresses.
pub trait Lookup: Send + Sync {
    /// Returns every address of `name`, unvetted.
    fn addresses(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The system resolver.
#[derive(Debug)]
pub struct SystemLookup;

impl Lookup for SystemLookup {
    fn addresses(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.map(|address| address.ip()).collect())
        })
    }
}

/// The network transport. Connections are pooled, but never across tenants or policies.
pub struct Network {
    lookup: Arc<dyn Lookup>,
    clients: Mutex<HashMap<ClientKey, reqwest::Client>>,
}

/// The key that two requests must have in common to share a TCP connection.
#[derive(Clone, PartialEq, Eq, Hash)]
struct ClientKey {
    tenant: TenantId,
    reach: Reach,
    connect: Duration,
    authorities: Vec<CertificateDer<'static>>,
}

impl Default for Network {
    fn default() -> Self {
        Self::with_lookup(Arc::new(SystemLookup))
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Network")
    }
}

impl Network {
    /// Creates a network transport with another resolver.
    pub fn with_lookup(lookup: Arc<dyn Lookup>) -> Self {
        Self { lookup, clients: Mutex::default() }
    }

    fn client(&self, tenant: &TenantId, policy: &EgressPolicy) -> Result<reqwest::Client, HttpError> {
        let key = ClientKey {
            tenant: tenant.clone(),
            reach: policy.reach,
            connect: policy.deadlines.connect,
            authorities: policy.authorities.clone(),
        };
        let mut clients = self.clients.lock();
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let vetting = Vetting { lookup: Arc::clone(&self.lookup), reach: policy.reach };
        let client = vetted(&policy.authorities, vetting)
            .map_err(|error| not_set_up(&error))?
            .connect_timeout(policy.deadlines.connect)
            .pool_idle_timeout(IDLE)
            .build()
            .map_err(|error| not_set_up(&error))?;
        clients.insert(key, client.clone());
        Ok(client)
    }

    async fn send_once(
        &self,
        connection: &Connection,
        outgoing: Outgoing,
    ) -> Result<VendorResponse, HttpError> {
        let policy = &connection.policy;
        let begun = Instant::now();
        let over_at = begun + policy.deadlines.total;
        let begins_by = over_at.min(begun + policy.deadlines.first_byte);
        let cap = outgoing.response_cap;
        let operation = outgoing.operation.clone();
        let client = self.client(&connection.tenant, policy)?;
        let request = http_request(outgoing)?;
        let response = match timeout_at(begins_by, client.execute(request)).await {
            Ok(answered) => answered.map_err(|error| broken(&operation, connection, error))?,
            Err(_) => return Err(late(&operation, "the response did not start")),
        };
        if response.content_length().is_some_and(|length| length > cap as u64) {
            return Err(too_large(&operation, &connection.key, cap));
        }
        read(response, &operation, connection, cap, over_at).await
    }
}

impl Transport for Network {
    fn send<'a>(
        &'a self,
        connection: &'a Connection,
        outgoing: Outgoing,
    ) -> BoxFuture<'a, Result<VendorResponse, HttpError>> {
        Box::pin(self.send_once(connection, outgoing))
    }
}

fn http_request(outgoing: Outgoing) -> Result<reqwest::Request, HttpError> {
    let address = format!("{}{}", outgoing.target, outgoing.path_and_query);
    let operation = outgoing.operation;
    let url = reqwest::Url::parse(&address)
        .map_err(|_| denied(format!("operation {operation}: no valid address")))?;
    let path = outgoing.path_and_query.split('?').next().unwrap_or_default();
    if url.path() != path {
        return Err(denied(format!("operation {operation}: its path would be changed by normalisation")));
    }
    let mut request = reqwest::Request::new(outgoing.method, url);
    *request.headers_mut() = outgoing.headers;
    *request.body_mut() = outgoing.body.map(Into::into);
    Ok(request)
}

async fn read(
    mut response: reqwest::Response,
    operation: &str,
    connection: &Connection,
    cap: usize,
    over_at: Instant,
) -> Result<VendorResponse, HttpError> {
    let status = response.status().as_u16();
    let headers = std::mem::take(response.headers_mut());
    let mut body = Vec::new();
    loop {
        let next_by = over_at.min(Instant::now() + connection.policy.deadlines.between_bytes);
        let chunk = match timeout_at(next_by, response.chunk()).await {
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) => return Ok(VendorResponse { status, headers, body }),
            Ok(Err(_)) => {
                return Err(sent(
                    HttpErrorKind::Unreachable,
                    operation,
                    "the connection broke during the response",
                ));
            }
            Err(_) => return Err(late(operation, "the response did not continue")),
        };
        if body.len() + chunk.len() > cap {
            return Err(too_large(operation, &connection.key, cap));
        }
        body.extend_from_slice(&chunk);
    }
}

/// Resolves a name once and returns only the allowed addresses, to one of which the connection is made.
struct Vetting {
    lookup: Arc<dyn Lookup>,
    reach: Reach,
}

/// None of a name's addresses is allowed.
#[derive(Debug, thiserror::Error)]
#[error("{address} is {why}")]
struct OutOfReach {
    address: IpAddr,
    why: &'static str,
}

impl Resolve for Vetting {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = self.lookup.addresses(name.as_str().to_owned());
        let reach = self.reach;
        Box::pin(async move {
            let addresses = addresses.await?;
            let refusal = addresses
                .iter()
                .find_map(|address| reach.refusal(*address).map(|why| OutOfReach { address: *address, why }));
            let vetted: Vec<_> = addresses
                .into_iter()
                .filter(|address| reach.refusal(*address).is_none())
                .map(|address| SocketAddr::new(address, 0))
                .collect();
            match refusal {
                Some(refusal) if vetted.is_empty() => Err(refusal.into()),
                _ => Ok(Box::new(vetted.into_iter()) as Addrs),
            }
        })
    }
}

/// Creates the builder of an HTTP client: TLS with these authorities, one attempt, no redirects, and no proxy from the
/// environment.
pub fn client(authorities: &[CertificateDer<'static>]) -> Result<reqwest::ClientBuilder, rustls::Error> {
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls(authorities)?)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .user_agent(concat!("connector-host/", env!("CARGO_PKG_VERSION"))))
}

/// Creates the builder of a client like [`client`] that connects only to addresses within `reach`. A literal address in a
/// URL needs no resolver, so the caller checks it with [`Reach::refusal`].
pub fn vetted_client(
    authorities: &[CertificateDer<'static>],
    reach: Reach,
) -> Result<reqwest::ClientBuilder, rustls::Error> {
    vetted(authorities, Vetting { lookup: Arc::new(SystemLookup), reach })
}

fn vetted(
    authorities: &[CertificateDer<'static>],
    vetting: Vetting,
) -> Result<reqwest::ClientBuilder, rustls::Error> {
    let https_only = vetting.reach != Reach::Loopback;
    Ok(client(authorities)?.https_only(https_only).dns_resolver(Arc::new(vetting)))
}

/// Trusts the public authorities, or only those that the operator configured.
fn tls(authorities: &[CertificateDer<'static>]) -> Result<rustls::ClientConfig, rustls::Error> {
    let mut roots = rustls::RootCertStore::empty();
    if authorities.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    for authority in authorities {
        roots.add(authority.clone())?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Creates the error for a failed exchange, without the URL, since paths may contain personal data.
fn broken(operation: &str, connection: &Connection, error: reqwest::Error) -> HttpError {
    if let Some(refused) = cause::<OutOfReach>(&error) {
        let refused = address_refused(&refused.address.to_string(), refused.why, &connection.key);
        return denied(format!("operation {operation}: {refused}"));
    }
    let request_sent = !error.is_connect();
    let kind = if error.is_timeout() { HttpErrorKind::TimedOut } else { HttpErrorKind::Unreachable };
    let what = if request_sent { "the connection broke" } else { "no connection" };
    let why = innermost(&error.without_url());
    HttpError {
        kind,
        message: format!("operation {operation}: {what}: {why}"),
        request_sent,
        retry_after_ms: None,
    }
}

/// Returns why a client of [`vetted_client`] did not connect, if no address of the name is allowed.
pub fn refused_address(error: &reqwest::Error) -> Option<String> {
    cause::<OutOfReach>(error)
        .map(|OutOfReach { address, why }| format!("the address {address} is not allowed ({why})"))
}

fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

fn sent(kind: HttpErrorKind, operation: &str, what: &str) -> HttpError {
    HttpError {
        kind,
        message: format!("operation {operation}: {what}"),
        request_sent: true,
        retry_after_ms: None,
    }
}

fn late(operation: &str, what: &str) -> HttpError {
    sent(HttpErrorKind::TimedOut, operation, &format!("{what} in time"))
}

fn too_large(operation: &str, connection: &str, cap: usize) -> HttpError {
    let caps = format!("[connections.{connection}.egress] response-cap, declared-response-cap");
    sent(HttpErrorKind::TooLarge, operation, &format!("its response has more than {cap} bytes ({caps})"))
}

fn not_set_up(error: &dyn Error) -> HttpError {
    denied(format!("TLS setup failed: {}", innermost(error)))
}

#[cfg(test)]
mod tests;
