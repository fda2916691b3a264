//! What every request to the page passes: over which connections it is served, which sites may cause a change, and what the
//! browser may do with an answer.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};
use host_api::page::ClientAddress;
use host_service::settings::page::PageConfig;
use url::Host;

use crate::answers::{refused, unprotected};

/// What proxies add to a request.
const PROXY_HEADERS: [&str; 5] = ["forwarded", "via", "x-forwarded-for", "x-forwarded-proto", "x-real-ip"];

/// How clients may reach the page. Clones share it.
#[derive(Clone)]
pub(crate) struct AllowedEntrances {
    proxies: Arc<[IpAddr]>,
}

impl AllowedEntrances {
    pub(crate) fn of(settings: &PageConfig) -> Self {
        Self { proxies: settings.proxies.as_slice().into() }
    }

    /// Returns the scheme with which a browser reaches the page; `None` if others could read or change what it exchanges.
    fn scheme(&self, client: Option<IpAddr>, headers: &HeaderMap) -> Option<&'static str> {
        let client = client?.to_canonical();
        let forwarded = headers.get("x-forwarded-proto");
        if self.proxies.contains(&client) && forwarded.is_some_and(|proto| proto == "https") {
            return Some("https");
        }
        // A name that is not this machine's own would be another site, which a resolver sent here. What a proxy on this
        // machine passed on may have come over any connection.
        let is_passed_on = PROXY_HEADERS.iter().any(|name| headers.contains_key(*name));
        let is_own = client.is_loopback() && !is_passed_on && host(headers).is_some_and(is_loopback);
        is_own.then_some("http")
    }
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::HOST)?.to_str().ok()
}

/// Returns whether `host`, which may have a port, is this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    match Host::parse(name) {
        Ok(Host::Domain(name)) => name == "localhost",
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Err(_) => false,
    }
}

/// Refuses a request that comes over an unprotected connection, or is a change that another site caused.
pub(crate) async fn check(
    State(entrances): State<AllowedEntrances>,
    request: Request,
    next: Next,
) -> Response {
    let client = request.extensions().get::<ClientAddress>().and_then(|client| client.0);
    let Some(scheme) = entrances.scheme(client, request.headers()) else {
        return unprotected();
    };
    if !request.method().is_safe() && !is_same_site(request.headers(), scheme) {
        return refused("Another site caused this request, so nothing was done.");
    }
    next.run(request).await
}

/// Returns whether the page itself caused a request. A browser that does not say where a request comes from sends its
/// origin; a request with neither is refused.
fn is_same_site(headers: &HeaderMap, scheme: &str) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let own = host(headers).map(|host| format!("{scheme}://{host}"));
    own.is_some_and(|own| {
        headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes() == own.as_bytes())
    })
}

/// Only this page's own files, nothing inline, and no other site around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Adds the headers that protect an answer of the page in the browser.
pub(crate) async fn add_headers(request: Request, next: Next) -> Response {
    protected(next.run(request).await)
}

/// Returns `response` with the headers that protect it in the browser.
pub(crate) fn protected(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        pairs.collect()
    }

    #[test]
    fn the_page_is_served_over_loopback_under_its_own_name_or_behind_a_proxy_with_tls() {
        let entrances = AllowedEntrances::of(&PageConfig {
            proxies: vec!["192.0.2.7".parse().unwrap()],
            ..PageConfig::default()
        });
        let reached =
            |client: &str, pairs: &[_]| entrances.scheme(Some(client.parse().unwrap()), &headers(pairs));
        for host in ["127.0.0.1:7400", "localhost:7400", "localhost", "[::1]:7400", "127.0.0.2"] {
            let mut own = HeaderMap::new();
            own.insert(header::HOST, host.parse().unwrap());
            assert_eq!(entrances.scheme(Some("127.0.0.1".parse().unwrap()), &own), Some("http"), "{host}");
        }
        assert_eq!(reached("::ffff:127.0.0.1", &[("host", "localhost")]), Some("http"));
        let https = ("x-forwarded-proto", "https");
        assert_eq!(reached("192.0.2.7", &[("host", "privacy.example.com"), https]), Some("https"));
        for (client, pairs) in [
            ("127.0.0.1", &[("host", "rebound.example.com:7400")] as &[_]),
            ("127.0.0.1", &[("host", "localhost.example.com")]),
            ("127.0.0.1", &[("host", "localhost"), https]),
            ("127.0.0.1", &[("host", "127.0.0.1:7400"), ("x-forwarded-for", "192.0.2.1")]),
            ("127.0.0.1", &[]),
            ("192.0.2.1", &[("host", "localhost")]),
            ("192.0.2.1", &[("host", "privacy.example.com"), https]),
            ("192.0.2.7", &[("host", "privacy.example.com")]),
            ("192.0.2.7", &[("host", "privacy.example.com"), ("x-forwarded-proto", "http")]),
        ] {
            assert_eq!(reached(client, pairs), None, "{client} {pairs:?}");
        }
    }

    #[test]
    fn only_the_page_itself_causes_a_change() {
        let host = ("host", "localhost:7400");
        let own = ("origin", "http://localhost:7400");
        for (pairs, is_accepted) in [
            (&[host, ("sec-fetch-site", "same-origin")] as &[_], true),
            (&[host, own], true),
            (&[host, own, ("sec-fetch-site", "cross-site")], false),
            (&[host, own, ("sec-fetch-site", "same-site")], false),
            (&[host, own, ("sec-fetch-site", "none")], false),
            (&[host, ("origin", "https://localhost:7400")], false),
            (&[host, ("origin", "http://localhost:7401")], false),
            (&[host, ("origin", "null")], false),
            (&[host], false),
        ] {
            assert_eq!(is_same_site(&headers(pairs), "http"), is_accepted, "{pairs:?}");
        }
    }
}
