//! Compares the addresses of webhooks.

/// Whether requests to `one` and to `other` reach the same endpoint, by scheme, host, port and path. The query is
/// ignored, since it may contain merge tags that Iterable fills in when it sends. So is a slash at the end of the path.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.trim(), other.trim());
    one == other || Endpoint::of(one).is_some_and(|endpoint| Endpoint::of(other) == Some(endpoint))
}

// The crate `url` would do the same, but would add its tables of international domain names to the component.
#[derive(Debug, PartialEq, Eq)]
struct Endpoint<'a> {
    scheme: String,
    host: String,
    port: &'a str,
    path: &'a str,
}

impl<'a> Endpoint<'a> {
    fn of(address: &'a str) -> Option<Self> {
        let (scheme, rest) = address.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let (rest, _fragment) = rest.split_once('#').unwrap_or((rest, ""));
        let (rest, _query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (_user, authority) = authority.rsplit_once('@').unwrap_or(("", authority));
        // A colon within brackets is part of an IPv6 address.
        let port =
            authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        let (host, port) = port.unwrap_or((authority, ""));
        let usual = if scheme == "https" { "443" } else { "80" };
        let port = if port.is_empty() { usual } else { port };
        let path = path.strip_suffix('/').unwrap_or(path);
        Some(Self { scheme, host: host.to_ascii_lowercase(), port, path })
    }
}

#[cfg(test)]
mod tests {
    use super::is_same;

    const HOOK: &str = "https://hooks.example.com/api/connection/a/consent-webhook";

    #[test]
    fn merge_tags_in_the_query_a_usual_port_and_case_make_no_other_place() {
        for same in [
            "https://hooks.example.com/api/connection/a/consent-webhook?campaign={{campaignId}}&a=b/c?d",
            "https://hooks.example.com:443/api/connection/a/consent-webhook",
            " HTTPS://Hooks.Example.com/api/connection/a/consent-webhook/ ",
            "https://user:word@hooks.example.com/api/connection/a/consent-webhook#top",
        ] {
            assert!(is_same(same, HOOK), "{same}");
        }
        assert!(is_same("http://[2001:db8::1]:80/hook", "http://[2001:DB8::1]/hook"));
        assert!(is_same("https://example.com", "https://example.com/?a"));
    }

    #[test]
    fn another_scheme_host_port_or_path_is_another_place() {
        for other in [
            "http://hooks.example.com/api/connection/a/consent-webhook",
            "https://hooks.example.org/api/connection/a/consent-webhook",
            "https://hooks.example.com:8443/api/connection/a/consent-webhook",
            "https://hooks.example.com/api/connection/b/consent-webhook",
            "https://hooks.example.com/api/connection/A/consent-webhook",
            "https://example.org?https://hooks.example.com/api/connection/a/consent-webhook",
            "https://example.org/https://hooks.example.com/api/connection/a/consent-webhook",
            "hooks.example.com/api/connection/a/consent-webhook",
            "",
        ] {
            assert!(!is_same(other, HOOK), "{other}");
        }
    }
}
